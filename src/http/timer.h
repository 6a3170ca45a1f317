/* SPDX-License-Identifier: Apache-2.0
 *
 * timer.h: many alarms (core/alarms.h) on one libuv timer.
 */
#ifndef HTTP_TIMER_H
#define HTTP_TIMER_H

#include "core/alarms.h"

#include <uv.h>

struct http_timer {
    uv_timer_t handle;
    struct dify__alarms alarms;
    uint64_t wound_ms; /* what the timer waits for; UINT64_MAX while it does not run */
};

DIFY_MUST_CHECK enum dify_err http_timer_init(struct http_timer *timer, uv_loop_t *loop,
                                              const struct dify_allocator *allocator);

/* Forgets all alarms and closes the timer; `on_closed` may be NULL. */
void http_timer_close(struct http_timer *timer, uv_close_cb on_closed);

/* Makes the alarm ring once in so many milliseconds, whether or not it was set. Never rings before
 * the loop's next turn. NOMEM: then it stays as it was. */
DIFY_MUST_CHECK enum dify_err http_timer_set(struct http_timer *timer, struct dify__alarm *alarm,
                                             uint64_t delay_ms);
void http_timer_clear(struct http_timer *timer, struct dify__alarm *alarm);

#endif
