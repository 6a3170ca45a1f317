/* SPDX-License-Identifier: Apache-2.0
 *
 * clock.c: the alarms in a binary heap, earliest first; each knows its place in it.
 */
#include "sim/clock.h"

#include <stdbool.h>

static bool is_before(const struct sim_alarm *alarm, const struct sim_alarm *other)
{
    return alarm->due_ms != other->due_ms ? alarm->due_ms < other->due_ms
                                          : alarm->number < other->number;
}

static void put(struct sim_clock *clock, size_t i, struct sim_alarm *alarm)
{
    clock->heap[i] = alarm;
    alarm->place = i + 1;
}

static void sift_up(struct sim_clock *clock, size_t i)
{
    struct sim_alarm *alarm = clock->heap[i];
    while (i > 0 && is_before(alarm, clock->heap[(i - 1) / 2])) {
        put(clock, i, clock->heap[(i - 1) / 2]);
        i = (i - 1) / 2;
    }
    put(clock, i, alarm);
}

static void sift_down(struct sim_clock *clock, size_t i)
{
    struct sim_alarm *alarm = clock->heap[i];
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= clock->count)
            break;
        if (child + 1 < clock->count && is_before(clock->heap[child + 1], clock->heap[child]))
            child++;
        if (is_before(alarm, clock->heap[child]))
            break;
        put(clock, i, clock->heap[child]);
        i = child;
    }
    put(clock, i, alarm);
}

/* Has the timer wait for the earliest alarm. */
static void wind(struct sim_clock *clock);

static void on_timer(uv_timer_t *timer)
{
    struct sim_clock *clock = timer->data;
    uint64_t now = uv_now(timer->loop);
    clock->wound_ms = UINT64_MAX;
    /* Those set from within a ring are due later than now, so this ends. */
    while (clock->count > 0 && clock->heap[0]->due_ms <= now) {
        struct sim_alarm *alarm = clock->heap[0];
        sim_clock_clear(clock, alarm);
        alarm->ring(alarm);
    }
    wind(clock);
}

static void wind(struct sim_clock *clock)
{
    uint64_t now = uv_now(clock->timer.loop), due;
    if (clock->count == 0) {
        uv_timer_stop(&clock->timer);
        clock->wound_ms = UINT64_MAX;
        return;
    }
    due = clock->heap[0]->due_ms;
    if (due == clock->wound_ms)
        return;
    clock->wound_ms = due;
    uv_timer_start(&clock->timer, on_timer, due > now ? due - now : 0, 0);
}

enum dify_err sim_clock_init(struct sim_clock *clock, uv_loop_t *loop,
                             const struct dify_allocator *allocator)
{
    *clock = (struct sim_clock){.allocator = allocator, .wound_ms = UINT64_MAX};
    if (uv_timer_init(loop, &clock->timer) != 0)
        return DIFY_ERR_NOMEM;
    clock->timer.data = clock;
    return DIFY_OK;
}

void sim_clock_close(struct sim_clock *clock, uv_close_cb on_closed)
{
    while (clock->count > 0)
        clock->heap[--clock->count]->place = 0;
    dify__free(clock->allocator, clock->heap);
    clock->heap = NULL;
    clock->capacity = 0;
    uv_close((uv_handle_t *)&clock->timer, on_closed);
}

enum dify_err sim_clock_set(struct sim_clock *clock, struct sim_alarm *alarm, uint64_t delay_ms)
{
    uint64_t due = uv_now(clock->timer.loop) + (delay_ms > 0 ? delay_ms : 1);
    if (alarm->place == 0) {
        enum dify_err err = dify__grow(clock->allocator, (void **)&clock->heap, &clock->capacity,
                                       clock->count + 1, sizeof(struct sim_alarm *));
        if (err != DIFY_OK)
            return err;
        put(clock, clock->count++, alarm);
    }
    alarm->due_ms = due;
    alarm->number = clock->set++;
    sift_up(clock, alarm->place - 1);
    sift_down(clock, alarm->place - 1);
    wind(clock);
    return DIFY_OK;
}

void sim_clock_clear(struct sim_clock *clock, struct sim_alarm *alarm)
{
    size_t i = alarm->place;
    struct sim_alarm *last;
    if (i == 0)
        return;
    alarm->place = 0;
    last = clock->heap[--clock->count];
    if (last != alarm) {
        put(clock, i - 1, last);
        sift_up(clock, i - 1);
        sift_down(clock, last->place - 1);
    }
    wind(clock);
}
