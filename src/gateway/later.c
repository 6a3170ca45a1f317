/* SPDX-License-Identifier: Apache-2.0
 *
 * later.c: see later.h.
 */
#include "gateway/later.h"

static void on_close(void *ctx, struct http_exchange *exchange, bool is_complete)
{
    struct gw_later *later = ctx;
    (void)exchange;
    (void)is_complete;
    later->exchange = NULL;
}

void gw_later_begin(struct gw_later *later, struct gateway *gateway, struct http_exchange *exchange,
                    void (*drop)(struct gw_later *later))
{
    later->gateway = gateway;
    later->exchange = exchange;
    later->drop = drop;
    http_list_init(&later->link);
    http_list_append(&gateway->later, &later->link);
    http_exchange_watch(exchange,
                        &(struct http_exchange_watch){.ctx = later, .on_close = on_close});
}

void gw_later_end(struct gw_later *later)
{
    if (later->exchange != NULL)
        http_exchange_watch(later->exchange, &(struct http_exchange_watch){.ctx = NULL});
    http_list_remove(&later->link);
    later->drop(later);
}

void gw_later_drop_all(struct gateway *gateway)
{
    while (!http_list_is_empty(&gateway->later))
        gw_later_end(HTTP_LINKED(gateway->later.next, struct gw_later, link));
}
