/* SPDX-License-Identifier: Apache-2.0
 *
 * lookup.c: see lookup.h.
 */
#include "gateway/lookup.h"

#include "core/slices.h"
#include "gateway/hub.h"
#include "gateway/reply.h"
#include "gateway/rows.h"

#include <stdlib.h>

struct lookup {
    struct gw_read read; /* the first member */
    struct gateway *gateway;
    struct http_exchange *exchange; /* NULL: the client has left */
    struct gw_lookup_found found;
    struct gw_access access;
    char id[GW_NAME_BYTES];
    enum dify_err err;
    struct gw_row *row;
};

static void finish(const struct gw_lookup_found *found)
{
    if (found->gone != NULL)
        found->gone(found->ctx);
}

static bool on_row(void *ctx, const struct store_row *row)
{
    struct lookup *lookup = ctx;
    lookup->row = gw_row_dup(row);
    if (lookup->row == NULL)
        lookup->err = DIFY_ERR_NOMEM;
    return false;
}

static void on_work(struct gw_read *read, struct store_reader *reader)
{
    struct lookup *lookup = (struct lookup *)(void *)read;
    struct dify_slice id = dify__slice(lookup->id);
    unsigned char bytes[STORE_ID_BYTES];
    enum dify_err err = DIFY_ERR_ABSENT;
    if (lookup->found.is_task)
        err = store_find_task(reader, id, on_row, lookup);
    else if (gw_parse_id(id, bytes))
        err = store_find(reader, bytes, on_row, lookup);
    if (err == DIFY_ERR_ABSENT) /* of a task, too: see gw_hub_find_task() */
        err = store_find_run_id(reader, id, on_row, lookup);
    if (err != DIFY_OK)
        lookup->err = err;
}

/* There is none, or it cannot be said (`code` of the answer). */
static void reply_none(const struct gw_lookup_found *found, struct gateway *gateway,
                       struct http_exchange *exchange, int status, const char *code,
                       const char *message)
{
    if (found->absent != NULL)
        found->absent(found->ctx, gateway, exchange);
    else
        gw_reply_error(exchange, status, code, message, NULL);
}

static void reply_not_found(const struct gw_lookup_found *found, struct gateway *gateway,
                            struct http_exchange *exchange)
{
    reply_none(found, gateway, exchange, 404, "run_not_found",
               "there is no run of this id, or it is not kept any more");
}

static void on_close(void *ctx, struct http_exchange *exchange, bool is_complete)
{
    struct lookup *lookup = ctx;
    (void)exchange;
    (void)is_complete;
    lookup->exchange = NULL;
}

/* Whether a run that is live is not enough. */
static bool is_row_wanted(const struct gw_lookup_found *found, const struct gw_run *live)
{
    return found->wants_row && live->gateway->store != NULL && gw_run_has_ended(live);
}

static void answer(struct lookup *lookup)
{
    struct http_exchange *exchange = lookup->exchange;
    const struct gw_lookup_found *found = &lookup->found;
    http_exchange_watch(exchange, &(struct http_exchange_watch){.ctx = NULL});
    struct gw_run *live =
        lookup->row != NULL ? gw_hub_find_id(&lookup->gateway->hub, lookup->row->row.id) : NULL;
    if (lookup->row != NULL && !found->is_any &&
        !gw_access_sees(&lookup->access, lookup->row->row.app))
        reply_not_found(found, lookup->gateway, exchange);
    else if (live != NULL && !is_row_wanted(found, live)) /* it has come to life meanwhile */
        found->live(found->ctx, exchange, live);
    else if (lookup->row != NULL)
        found->row(found->ctx, lookup->gateway, exchange, &lookup->row->row);
    else if (lookup->err == DIFY_ERR_ABSENT)
        reply_not_found(found, lookup->gateway, exchange);
    else
        reply_none(found, lookup->gateway, exchange, 503, "store_unavailable",
                   "the store cannot be read at the moment");
}

static void on_done(struct gw_read *read)
{
    struct lookup *lookup = (struct lookup *)(void *)read;
    if (lookup->exchange != NULL)
        answer(lookup);
    finish(&lookup->found);
    free(lookup->row);
    free(lookup);
}

void gw_lookup(const struct gw_request *request, const struct gw_lookup_found *found)
{
    struct gateway *gateway = request->gateway;
    struct gw_run *live = found->is_task ? gw_hub_find_task(&gateway->hub, request->rest)
                                         : gw_hub_find(&gateway->hub, request->rest);
    if (live != NULL && !found->is_any &&
        !gw_access_sees(&request->access, gw_run_app_name(live))) {
        reply_not_found(found, gateway, request->exchange);
        finish(found);
        return;
    }
    bool is_enough = live != NULL && !is_row_wanted(found, live);
    if (is_enough || gateway->store == NULL || request->rest.len >= GW_NAME_BYTES) {
        if (live != NULL)
            found->live(found->ctx, request->exchange, live);
        else
            reply_not_found(found, gateway, request->exchange);
        finish(found);
        return;
    }
    struct lookup *lookup = calloc(1, sizeof *lookup);
    if (lookup != NULL) {
        *lookup = (struct lookup){.read = {.work = on_work, .done = on_done},
                                  .gateway = gateway,
                                  .exchange = request->exchange,
                                  .found = *found,
                                  .access = request->access};
        memcpy(lookup->id, request->rest.ptr, request->rest.len);
        if (gw_read_start(&gateway->reads, &lookup->read)) {
            http_exchange_watch(request->exchange,
                                &(struct http_exchange_watch){.ctx = lookup, .on_close = on_close});
            return;
        }
        free(lookup);
    }
    reply_none(found, gateway, request->exchange, 503, "busy",
               "the gateway is too busy to read its store");
    finish(found);
}
