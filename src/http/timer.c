/* SPDX-License-Identifier: Apache-2.0
 *
 * timer.c: see timer.h. libuv's timer waits for the earliest alarm.
 */
#include "http/timer.h"

static void on_timer(uv_timer_t *handle);

static void wind(struct http_timer *timer)
{
    uint64_t now = uv_now(timer->handle.loop), due = dify__alarms_next(&timer->alarms);
    if (due == timer->wound_ms)
        return;
    timer->wound_ms = due;
    if (due == UINT64_MAX)
        uv_timer_stop(&timer->handle);
    else
        uv_timer_start(&timer->handle, on_timer, due > now ? due - now : 0, 0);
}

static void on_timer(uv_timer_t *handle)
{
    struct http_timer *timer = handle->data;
    timer->wound_ms = UINT64_MAX;
    dify__alarms_ring(&timer->alarms, uv_now(handle->loop));
    wind(timer);
}

enum dify_err http_timer_init(struct http_timer *timer, uv_loop_t *loop,
                              const struct dify_allocator *allocator)
{
    timer->wound_ms = UINT64_MAX;
    dify__alarms_init(&timer->alarms, allocator);
    if (uv_timer_init(loop, &timer->handle) != 0)
        return DIFY_ERR_NOMEM;
    timer->handle.data = timer;
    return DIFY_OK;
}

void http_timer_close(struct http_timer *timer, uv_close_cb on_closed)
{
    dify__alarms_fini(&timer->alarms);
    uv_close((uv_handle_t *)&timer->handle, on_closed);
}

enum dify_err http_timer_set(struct http_timer *timer, struct dify__alarm *alarm, uint64_t delay_ms)
{
    uint64_t due = uv_now(timer->handle.loop) + (delay_ms > 0 ? delay_ms : 1);
    enum dify_err err = dify__alarms_set(&timer->alarms, alarm, due);
    if (err == DIFY_OK)
        wind(timer);
    return err;
}

void http_timer_clear(struct http_timer *timer, struct dify__alarm *alarm)
{
    dify__alarms_clear(&timer->alarms, alarm);
    wind(timer);
}
