/* SPDX-License-Identifier: Apache-2.0
 *
 * clock.h: many alarms (core/alarms.h) on one libuv timer.
 */
#ifndef SIM_CLOCK_H
#define SIM_CLOCK_H

#include "core/alarms.h"

#include <uv.h>

struct sim_clock {
    uv_timer_t timer;
    struct dify__alarms alarms;
    uint64_t wound_ms; /* what the timer waits for; UINT64_MAX while it does not run */
};

DIFY_MUST_CHECK enum dify_err sim_clock_init(struct sim_clock *clock, uv_loop_t *loop,
                                             const struct dify_allocator *allocator);

/* Forgets all alarms and closes the timer; `on_closed` may be NULL. */
void sim_clock_close(struct sim_clock *clock, uv_close_cb on_closed);

/* Makes the alarm ring once in so many milliseconds, whether or not it was set. Never rings before
 * the loop's next turn. NOMEM: then it stays as it was. */
DIFY_MUST_CHECK enum dify_err sim_clock_set(struct sim_clock *clock, struct dify__alarm *alarm,
                                            uint64_t delay_ms);
void sim_clock_clear(struct sim_clock *clock, struct dify__alarm *alarm);

#endif
