/* SPDX-License-Identifier: Apache-2.0
 *
 * clock.h: many alarms on one libuv timer.
 *
 * An alarm lies inside what it belongs to, so that setting one takes no memory but the clock's own
 * table, which grows with the number of alarms that are set at once.
 */
#ifndef SIM_CLOCK_H
#define SIM_CLOCK_H

#include "core/memory.h"

#include <stdint.h>
#include <uv.h>

/* Zero-initialise, then set `ring`. */
struct sim_alarm {
    void (*ring)(struct sim_alarm *alarm); /* may set it again, and may free what it lies in */
    uint64_t due_ms;
    uint64_t number; /* alarms of the same time ring in the order in which they were set */
    size_t place;    /* in the clock's table, from 1; 0: not set */
};

struct sim_clock {
    uv_timer_t timer;
    const struct dify_allocator *allocator;
    struct sim_alarm **heap; /* heap[0] is due first */
    size_t count, capacity;
    uint64_t set;      /* how often one was set */
    uint64_t wound_ms; /* what the timer waits for; UINT64_MAX while it does not run */
};

DIFY_MUST_CHECK enum dify_err sim_clock_init(struct sim_clock *clock, uv_loop_t *loop,
                                             const struct dify_allocator *allocator);

/* Forgets all alarms and closes the timer; `on_closed` may be NULL. */
void sim_clock_close(struct sim_clock *clock, uv_close_cb on_closed);

/* Makes the alarm ring once in so many milliseconds, whether or not it was set. Never rings before
 * the loop's next turn. NOMEM: then it stays as it was. */
DIFY_MUST_CHECK enum dify_err sim_clock_set(struct sim_clock *clock, struct sim_alarm *alarm,
                                            uint64_t delay_ms);
void sim_clock_clear(struct sim_clock *clock, struct sim_alarm *alarm);

#endif
