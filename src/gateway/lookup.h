/* SPDX-License-Identifier: Apache-2.0
 *
 * lookup.h: the run that a request names, live or in the store.
 */
#ifndef GATEWAY_LOOKUP_H
#define GATEWAY_LOOKUP_H

#include "gateway/routes.h"
#include "gateway/run.h"

/* What is to be done with it; one of the two is called, or the request is answered with 404 or 503:
 * a run that whoever asks may not see (access.h) is not there.
 * `ctx` is gw_lookup_start()'s. */
struct gw_lookup_found {
    /* With a store: of a run that has ended its row is wanted, though it may still be live. */
    bool wants_row;
    bool is_task; /* the id is Dify's task_id, or what stands for it: gw_hub_find_task() */
    bool is_any;  /* whosever it is: the functions below look whether it may be seen */

    void (*live)(void *ctx, struct http_exchange *exchange, struct gw_run *run);
    /* It is not live; `row` lives until this returns. */
    void (*row)(void *ctx, struct gateway *gateway, struct http_exchange *exchange,
                const struct store_row *row);
    /* There is none that may be seen, or it cannot be read now. NULL: then it is answered with 404
     * or 503. */
    void (*absent)(void *ctx, struct gateway *gateway, struct http_exchange *exchange);
    void (*gone)(void *ctx); /* always the last; frees `ctx`; may be NULL */
    void *ctx;
};

/* By the id that stands for {} in the request's path: the gateway's or Dify's. */
void gw_lookup(const struct gw_request *request, const struct gw_lookup_found *found);

#endif
