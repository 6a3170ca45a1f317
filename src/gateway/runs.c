/* SPDX-License-Identifier: Apache-2.0
 *
 * runs.c: one run: its state or result, its events, stopping it.
 */
#include "core/slices.h"
#include "gateway/callers.h"
#include "gateway/hub.h"
#include "gateway/lookup.h"
#include "gateway/reply.h"
#include "gateway/result.h"

#include <stdlib.h>

/* ---- its state or result ------------------------------------------------------------------- */

static void reply_text(struct gateway *gateway, struct http_exchange *exchange, bool is_written,
                       const char *run_id)
{
    if (is_written && dify__buffer_append(&gateway->scratch, "\n", 1) == DIFY_OK)
        gw_reply_json(exchange, 200, dify__buffer_slice(&gateway->scratch));
    else
        gw_reply_error(exchange, 503, "out_of_memory", "the gateway has run out of memory", run_id);
}

static void show_live(void *ctx, struct http_exchange *exchange, struct gw_run *run)
{
    (void)ctx;
    run->gateway->scratch.len = 0;
    reply_text(run->gateway, exchange, gw_run_write(run, &run->gateway->scratch), run->id_text);
}

static void show_row(void *ctx, struct gateway *gateway, struct http_exchange *exchange,
                     const struct store_row *row)
{
    char id[DIFY__UUID_SIZE];
    struct dify_slice result = row->result;
    (void)ctx;
    gw_format_id(row->id, id);
    gateway->scratch.len = 0;
    if (result.ptr == NULL) /* of an app that is not configured any more */
        result = DIFY_SLICE("{\"success\":null,\"data\":{\"status\":\"running\"}}");
    reply_text(gateway, exchange, gw_result_wrap(result, id, &gateway->scratch), id);
}

void gw_serve_run(const struct gw_request *request)
{
    gw_lookup(request, &(struct gw_lookup_found){.live = show_live, .row = show_row});
}

/* ---- its events ---------------------------------------------------------------------------- */

static void follow_live(void *ctx, struct http_exchange *exchange, struct gw_run *run)
{
    const struct gw_caller_options *wants = ctx;
    (void)gw_caller_attach(run, exchange, wants);
}

static void follow_row(void *ctx, struct gateway *gateway, struct http_exchange *exchange,
                       const struct store_row *row)
{
    struct gw_run *run = row->state == STORE_ENDED ? gw_run_show(gateway, row) : NULL;
    if (run != NULL)
        follow_live(ctx, exchange, run);
    else
        gw_reply_error(exchange, 503, "unavailable", "the run cannot be followed at the moment",
                       NULL);
}

void gw_serve_events(const struct gw_request *request)
{
    struct dify_slice last = http_request_field(request->http, "last-event-id");
    if (request->http->method == HTTP_HEAD_) { /* there is no end of it to wait for */
        gw_serve_run(request);
        return;
    }
    struct gw_caller_options *wants = malloc(sizeof *wants);
    if (wants == NULL) {
        gw_reply_error(request->exchange, 503, "out_of_memory", "the gateway has run out of memory",
                       NULL);
        return;
    }
    *wants = (struct gw_caller_options){.kind = GW_CALLER_STREAM};
    if (last.len > 0) { /* one that is none of ours is unknown, as one of another epoch */
        wants->has_last = true;
        wants->last_epoch = wants->last_number = UINT32_MAX;
        (void)gw_parse_event_id(last, &wants->last_epoch, &wants->last_number);
    }
    gw_lookup(request, &(struct gw_lookup_found){
                           .live = follow_live, .row = follow_row, .gone = free, .ctx = wants});
}

/* ---- stopping it --------------------------------------------------------------------------- */

static void stop_live(void *ctx, struct http_exchange *exchange, struct gw_run *run)
{
    (void)ctx;
    gw_run_stop(run);
    run->gateway->scratch.len = 0;
    bool is_written = gw_run_write(run, &run->gateway->scratch);
    if (is_written)
        gw_reply_json(exchange, gw_run_has_ended(run) ? 200 : 202,
                      dify__buffer_slice(&run->gateway->scratch));
    else
        gw_reply_error(exchange, 503, "out_of_memory", "the gateway has run out of memory",
                       run->id_text);
}

/* It has ended, and stays as it is; or it is of an app that is not configured any more. */
static void stop_row(void *ctx, struct gateway *gateway, struct http_exchange *exchange,
                     const struct store_row *row)
{
    char id[DIFY__UUID_SIZE];
    if (row->state == STORE_ENDED) {
        show_row(ctx, gateway, exchange, row);
        return;
    }
    gw_format_id(row->id, id);
    gw_reply_error(exchange, 409, "app_not_found", "the run's app is not configured any more", id);
}

void gw_serve_stop(const struct gw_request *request)
{
    gw_lookup(request, &(struct gw_lookup_found){.live = stop_live, .row = stop_row});
}
