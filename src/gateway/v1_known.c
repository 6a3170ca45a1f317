/* SPDX-License-Identifier: Apache-2.0
 *
 * v1_known.c: what Dify's own API is asked about runs that the gateway knows: stop, detail, events.
 *
 *   stop     of a run that goes on: it is stopped here, at Dify too, if it is the caller's app's.
 *            Dify would stop any run for any key; what is not known here is passed on only where
 *            the caller has the app's key himself.
 *   events   of a run that goes on: from its log, since a second reader at Dify could cut the
 *            gateway's own stream; of one that has ended, what ended it.
 *   detail   Dify's; but the gateway's word counts where Dify's row says `running` for ever, or
 *            Dify does not answer.
 *
 * A run that is paused is Dify's to tell of: it may have gone on there. So is one that is not known
 * here, or is another app's, or, of events, another user's.
 */
#include "conf/text.h"
#include "core/json.h"
#include "core/slices.h"
#include "gateway/access.h"
#include "gateway/app.h"
#include "gateway/callers.h"
#include "gateway/hub.h"
#include "gateway/later.h"
#include "gateway/lookup.h"
#include "gateway/out.h"
#include "gateway/query.h"
#include "gateway/reply.h"
#include "gateway/v1.h"
#include "gateway/v1_relay.h"
#include "http/sse_out.h"

#include <stdlib.h>

struct known {
    struct gw_app *app; /* held */
    bool has_token;     /* the caller has no key of Dify's */
    bool wants_all;     /* of events: what was told before, too */
    char *user;         /* of events; NULL: none was given */
};

static struct known *known_new(const struct gw_request *request, struct gw_app *app)
{
    struct known *known = calloc(1, sizeof *known);
    if (known == NULL) {
        gw_reply_as_dify(request->exchange, 503, "out_of_memory",
                         "the gateway has run out of memory");
        return NULL;
    }
    known->app = app;
    known->has_token = request->access.token != NULL;
    gw_app_hold(app);
    return known;
}

static void on_gone(void *ctx)
{
    struct known *known = ctx;
    gw_app_let_go(known->app);
    free(known->user);
    free(known);
}

/* Dify is to answer. */
static void relay(void *ctx, struct gateway *gateway, struct http_exchange *exchange)
{
    const struct known *known = ctx;
    gw_serve_relay(gateway, exchange, known->app);
}

static bool is_of(const struct known *known, struct dify_slice app_name)
{
    return dify__slice_is(app_name, known->app->config->name);
}

/* ---- stop ---------------------------------------------------------------------------------- */

static void reply_stopped(struct http_exchange *exchange)
{
    gw_reply_json(exchange, 200, DIFY_SLICE("{\"result\":\"success\"}\n"));
}

static void reply_no_task(struct http_exchange *exchange)
{
    gw_reply_as_dify(exchange, 404, "not_found", "Task not found.");
}

static void stop_live(void *ctx, struct http_exchange *exchange, struct gw_run *run)
{
    const struct known *known = ctx;
    if (!is_of(known, gw_run_app_name(run))) {
        reply_no_task(exchange);
        return;
    }
    gw_run_stop(run);
    reply_stopped(exchange);
}

/* It has ended, or waits for its key, which is this one: then it is taken up in a moment. */
static void stop_row(void *ctx, struct gateway *gateway, struct http_exchange *exchange,
                     const struct store_row *row)
{
    if (!is_of(ctx, row->app))
        reply_no_task(exchange);
    else if (row->state == STORE_ENDED)
        reply_stopped(exchange);
    else
        relay(ctx, gateway, exchange);
}

static void stop_absent(void *ctx, struct gateway *gateway, struct http_exchange *exchange)
{
    const struct known *known = ctx;
    if (known->has_token)
        reply_no_task(exchange);
    else
        relay(ctx, gateway, exchange);
}

void gw_serve_v1_stop(const struct gw_request *request)
{
    struct gw_app *app = gw_v1_app(request);
    struct known *known = app != NULL ? known_new(request, app) : NULL;
    if (known == NULL)
        return;
    gw_lookup(request, &(struct gw_lookup_found){.is_task = true,
                                                 .is_any = true,
                                                 .live = stop_live,
                                                 .row = stop_row,
                                                 .absent = stop_absent,
                                                 .gone = on_gone,
                                                 .ctx = known});
}

/* ---- events -------------------------------------------------------------------------------- */

static bool may_follow(const struct known *known, struct dify_slice app, struct dify_slice user)
{
    return is_of(known, app) && known->user != NULL && dify__slice_is(user, known->user);
}

/* Whether Dify would show it as finished: then its log has the event that says so. */
static bool is_finished(struct dify_slice status)
{
    return dify__slice_is(status, "succeeded") || dify__slice_is(status, "failed") ||
           dify__slice_is(status, "stopped") || dify__slice_is(status, "partial-succeeded");
}

static void follow(const struct known *known, struct http_exchange *exchange, struct gw_run *run)
{
    bool has_ended = gw_run_has_ended(run);
    if (http_exchange_request(exchange)->method == HTTP_HEAD_) { /* there is no end to wait for */
        http_sse_begin(exchange, NULL, 0);
        http_respond_end(exchange);
        return;
    }
    struct gw_caller_options wants = {.kind = GW_CALLER_STREAM,
                                      .is_v1 = true,
                                      .is_end_only = has_ended,
                                      .is_from_now = !has_ended && !known->wants_all};
    (void)gw_caller_attach(run, exchange, &wants);
}

static void follow_live(void *ctx, struct http_exchange *exchange, struct gw_run *run)
{
    struct dify_result room;
    struct store_row row;
    gw_run_describe(run, &room, &row);
    bool is_known = !gw_run_has_ended(run) || (run->v1 != NULL && is_finished(row.status));
    if (is_known && !run->is_paused && may_follow(ctx, gw_run_app_name(run), row.user))
        follow(ctx, exchange, run);
    else
        relay(ctx, run->gateway, exchange);
}

static void follow_row(void *ctx, struct gateway *gateway, struct http_exchange *exchange,
                       const struct store_row *row)
{
    bool is_over = row->state == STORE_ENDED && is_finished(row->status);
    struct gw_run *run = NULL;
    if (is_over && gw_v1_is_route(row->route) && may_follow(ctx, row->app, row->user))
        run = gw_run_show(gateway, row);
    if (run != NULL)
        follow(ctx, exchange, run);
    else if (row->state != STORE_ENDED && may_follow(ctx, row->app, row->user))
        gw_reply_as_dify(exchange, 503, "busy", "the run is being taken up; ask again");
    else
        relay(ctx, gateway, exchange);
}

void gw_serve_v1_events(const struct gw_request *request)
{
    struct gw_app *app = gw_v1_app(request);
    struct known *known = app != NULL ? known_new(request, app) : NULL;
    struct gw_param params[] = {{.name = "user"}, {.name = "include_state_snapshot"}};
    struct gw_query query = {.params = params, .count = 2};
    if (known == NULL)
        return;
    if (!gw_query_read(&query, request->exchange)) {
        on_gone(known);
        return;
    }
    if (params[0].value.len > 0)
        known->user = conf_text_copy(params[0].value);
    known->wants_all = dify__slice_is(params[1].value, "true");
    gw_query_fini(&query);
    gw_lookup(request, &(struct gw_lookup_found){.wants_row = true,
                                                 .is_any = true,
                                                 .live = follow_live,
                                                 .row = follow_row,
                                                 .absent = relay,
                                                 .gone = on_gone,
                                                 .ctx = known});
}
