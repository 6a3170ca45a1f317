/* SPDX-License-Identifier: Apache-2.0
 *
 * clock.c: see clock.h. The timer is set for the earliest end when it is not running or would fire
 * later; it is not touched when a wait is stopped, but for the last one, so that a loop with
 * nothing else to do can end.
 */
#include "http/clock.h"

static void on_timer(uv_timer_t *timer);

void http_clocks_init(struct http_clocks *clocks, uv_loop_t *loop,
                      void (*on_end)(struct http_clocks *, struct http_wait *,
                                     enum http_clock_kind))
{
    (void)uv_timer_init(loop, &clocks->timer); /* cannot fail */
    clocks->timer.data = clocks;
    clocks->on_end = on_end;
    clocks->count = 0;
    clocks->wake_ms = 0;
    for (int kind = 0; kind < HTTP_CLOCK_KINDS; kind++)
        http_list_init(&clocks->waits[kind]);
}

void http_wait_init(struct http_wait *wait)
{
    http_list_init(&wait->link);
    wait->kind = HTTP_CLOCK_NONE;
    wait->ends_ms = 0;
}

/* Sets the timer to fire at `ends_ms` unless it fires earlier. */
static void wake_at(struct http_clocks *clocks, uint64_t ends_ms)
{
    if (uv_is_active((uv_handle_t *)&clocks->timer) && clocks->wake_ms <= ends_ms)
        return;
    uint64_t now_ms = uv_now(clocks->timer.loop);
    clocks->wake_ms = ends_ms;
    (void)uv_timer_start(&clocks->timer, on_timer, ends_ms > now_ms ? ends_ms - now_ms : 0, 0);
}

void http_wait_start(struct http_clocks *clocks, struct http_wait *wait, enum http_clock_kind kind)
{
    http_wait_stop(clocks, wait);
    if (kind == HTTP_CLOCK_NONE || uv_is_closing((uv_handle_t *)&clocks->timer))
        return;
    uint64_t now_ms = uv_now(clocks->timer.loop), duration_ms = clocks->durations_ms[kind];
    wait->kind = kind;
    wait->ends_ms = duration_ms < UINT64_MAX - now_ms ? now_ms + duration_ms : UINT64_MAX;
    http_list_append(&clocks->waits[kind], &wait->link);
    clocks->count++;
    wake_at(clocks, wait->ends_ms);
}

void http_wait_stop(struct http_clocks *clocks, struct http_wait *wait)
{
    if (wait->kind == HTTP_CLOCK_NONE)
        return;
    http_list_remove(&wait->link);
    wait->kind = HTTP_CLOCK_NONE;
    if (--clocks->count == 0)
        (void)uv_timer_stop(&clocks->timer);
}

static struct http_wait *first_of(struct http_clocks *clocks, int kind)
{
    struct http_link *list = &clocks->waits[kind];
    return http_list_is_empty(list) ? NULL : HTTP_LINKED(list->next, struct http_wait, link);
}

static void on_timer(uv_timer_t *timer)
{
    struct http_clocks *clocks = timer->data;
    uint64_t now_ms = uv_now(timer->loop);
    for (int kind = 0; kind < HTTP_CLOCK_KINDS; kind++) {
        struct http_wait *wait;
        while ((wait = first_of(clocks, kind)) != NULL && wait->ends_ms <= now_ms) {
            http_wait_stop(clocks, wait);
            clocks->on_end(clocks, wait, (enum http_clock_kind)kind);
        }
    }
    for (int kind = 0; kind < HTTP_CLOCK_KINDS; kind++) {
        struct http_wait *wait = first_of(clocks, kind);
        if (wait != NULL)
            wake_at(clocks, wait->ends_ms);
    }
}
