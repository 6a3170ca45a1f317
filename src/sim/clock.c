/* SPDX-License-Identifier: Apache-2.0
 *
 * clock.c: see clock.h. The timer waits for the earliest alarm.
 */
#include "sim/clock.h"

static void on_timer(uv_timer_t *timer);

static void wind(struct sim_clock *clock)
{
    uint64_t now = uv_now(clock->timer.loop), due = dify__alarms_next(&clock->alarms);
    if (due == clock->wound_ms)
        return;
    clock->wound_ms = due;
    if (due == UINT64_MAX)
        uv_timer_stop(&clock->timer);
    else
        uv_timer_start(&clock->timer, on_timer, due > now ? due - now : 0, 0);
}

static void on_timer(uv_timer_t *timer)
{
    struct sim_clock *clock = timer->data;
    clock->wound_ms = UINT64_MAX;
    dify__alarms_ring(&clock->alarms, uv_now(timer->loop));
    wind(clock);
}

enum dify_err sim_clock_init(struct sim_clock *clock, uv_loop_t *loop,
                             const struct dify_allocator *allocator)
{
    clock->wound_ms = UINT64_MAX;
    dify__alarms_init(&clock->alarms, allocator);
    if (uv_timer_init(loop, &clock->timer) != 0)
        return DIFY_ERR_NOMEM;
    clock->timer.data = clock;
    return DIFY_OK;
}

void sim_clock_close(struct sim_clock *clock, uv_close_cb on_closed)
{
    dify__alarms_fini(&clock->alarms);
    uv_close((uv_handle_t *)&clock->timer, on_closed);
}

enum dify_err sim_clock_set(struct sim_clock *clock, struct dify__alarm *alarm, uint64_t delay_ms)
{
    uint64_t due = uv_now(clock->timer.loop) + (delay_ms > 0 ? delay_ms : 1);
    enum dify_err err = dify__alarms_set(&clock->alarms, alarm, due);
    if (err == DIFY_OK)
        wind(clock);
    return err;
}

void sim_clock_clear(struct sim_clock *clock, struct dify__alarm *alarm)
{
    dify__alarms_clear(&clock->alarms, alarm);
    wind(clock);
}
