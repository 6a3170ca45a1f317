/* SPDX-License-Identifier: Apache-2.0
 *
 * clock.h: the clocks of a server's connections. Each kind has one duration, so its waits end in
 * the order in which they began: a list each, and one uv_timer for all.
 */
#ifndef HTTP_CLOCK_H
#define HTTP_CLOCK_H

#include "http/list.h"

#include <stdint.h>
#include <uv.h>

enum http_clock_kind {
    HTTP_CLOCK_HEAD,
    HTTP_CLOCK_BODY,
    HTTP_CLOCK_KEEPALIVE,
    HTTP_CLOCK_WRITE,
    HTTP_CLOCK_LINGER,
    HTTP_CLOCK_TAKEN,
    HTTP_CLOCK_KINDS,
    HTTP_CLOCK_NONE = HTTP_CLOCK_KINDS
};

/* A wait; embedded in what waits. */
struct http_wait {
    struct http_link link;
    uint64_t ends_ms;
    enum http_clock_kind kind; /* NONE while it does not wait */
};

struct http_clocks {
    uv_timer_t timer;
    struct http_link waits[HTTP_CLOCK_KINDS];
    uint64_t durations_ms[HTTP_CLOCK_KINDS];
    size_t count;     /* of those that wait */
    uint64_t wake_ms; /* when the timer fires, while it runs */
    void (*on_end)(struct http_clocks *clocks, struct http_wait *wait, enum http_clock_kind kind);
};

/* The timer is initialised on `loop`; it must be closed by the owner. on_end gets a wait that has
 * ended and waits no longer; it may start and stop any. */
void http_clocks_init(struct http_clocks *clocks, uv_loop_t *loop,
                      void (*on_end)(struct http_clocks *, struct http_wait *,
                                     enum http_clock_kind));

void http_wait_init(struct http_wait *wait);

/* Waits from now on, in place of what it waited for. NONE: for nothing. */
void http_wait_start(struct http_clocks *clocks, struct http_wait *wait, enum http_clock_kind kind);
void http_wait_stop(struct http_clocks *clocks, struct http_wait *wait);

#endif
