/* SPDX-License-Identifier: Apache-2.0
 *
 * later.h: requests that are answered when something else has come: an answer of Dify's, a write of
 * the store, a read.
 *
 * What works for such a request lives until its answer is known, whether or not its client has left
 * meanwhile, or until the gateway closes.
 */
#ifndef GATEWAY_LATER_H
#define GATEWAY_LATER_H

#include "gateway/state.h"

/* The first member of what works for a request. */
struct gw_later {
    struct gateway *gateway;
    struct http_exchange *exchange;       /* NULL: the client has left */
    void (*drop)(struct gw_later *later); /* frees it */
    struct http_link link;
};

void gw_later_begin(struct gw_later *later, struct gateway *gateway, struct http_exchange *exchange,
                    void (*drop)(struct gw_later *later));

/* It was answered, or need not be: it is dropped. */
void gw_later_end(struct gw_later *later);

/* The gateway closes: nothing comes any more. */
void gw_later_drop_all(struct gateway *gateway);

#endif
