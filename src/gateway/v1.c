/* SPDX-License-Identifier: Apache-2.0
 *
 * v1.c: requests that start a run as Dify's own API takes them, and what their runs do for them.
 *
 * A request that Dify would refuse before it looks at the app's form, or that is none of this API,
 * is relayed as it is (v1_relay.c): Dify says what is wrong with it. So is every one of an app that
 * is configured with `streaming: false`.
 */
#include "gateway/v1.h"

#include "core/slices.h"
#include "gateway/access.h"
#include "gateway/app.h"
#include "gateway/callers.h"
#include "gateway/hub.h"
#include "gateway/logger.h"
#include "gateway/places.h"
#include "gateway/reply.h"
#include "gateway/v1_relay.h"
#include "http/fields.h"
#include "http/params.h"

#include <stdlib.h>
#include <strings.h>

/* ---- whose request it is ------------------------------------------------------------------- */

static struct gw_app *app_of_key(const struct gw_request *request)
{
    struct dify_slice key = gw_access_bearer(request->http);
    struct dify_slice field = http_request_field(request->http, "authorization");
    if (key.len > 0)
        return gw_app_of_key(request->gateway, request->access.guest, key);
    bool has_words = field.len > 0 && memchr(field.ptr, ' ', field.len) != NULL;
    gw_reply_as_dify(request->exchange, 401, "unauthorized",
                     has_words ? "Authorization scheme must be 'Bearer'"
                               : "Authorization header must be provided and start with 'Bearer'");
    return NULL;
}

struct gw_app *gw_v1_app(const struct gw_request *request)
{
    struct gateway *gateway = request->gateway;
    bool has_tokens = request->access.token != NULL;
    bool has_key = !has_tokens && gw_access_bearer(request->http).len > 0;
    struct gw_app *app =
        has_tokens ? gw_access_app(gateway, &request->access, (struct dify_slice){NULL, 0})
                   : app_of_key(request);
    if (app != NULL || (!has_tokens && !has_key))
        return app;
    if (has_key && gateway->guest_count >= GW_GUESTS)
        gw_reply_as_dify(request->exchange, 503, "busy",
                         "the gateway works for as many API keys as it may; try again later");
    else
        gw_reply_as_dify(request->exchange, 401, "unauthorized", "Access token is invalid");
    return NULL;
}

/* ---- a request that starts a run ----------------------------------------------------------- */

/* Of the path. */
struct start {
    enum dify_kind kind;
    const char *route;
};

struct intake {
    struct gateway *gateway;
    struct http_exchange *exchange;
    struct gw_app *app; /* held */
    struct gw_order *order;
    struct start start;
    const char *asker; /* the access token's name; NULL: it came without */
    bool is_refused;
};

static void intake_free(struct intake *intake)
{
    gw_app_let_go(intake->app);
    gw_order_free(intake->order);
    free(intake);
}

static void refuse(struct intake *intake, int status, const char *code, const char *message)
{
    intake->is_refused = true;
    gw_log_refused(intake->gateway, intake->app, status, code);
    gw_reply_as_dify(intake->exchange, status, code, message);
}

/* Why no run is taken at the moment; NULL: it is. */
static const char *why_closed(const struct gateway *gateway, const struct gw_app *app, int *status,
                              const char **code)
{
    *status = 503;
    *code = "stopping";
    if (gateway->is_draining || gateway->is_closing)
        return "the gateway is being stopped; nothing was sent";
    const char *why = gw_places_closed(gateway, code);
    if (why != NULL || gw_places_are_free(app))
        return why;
    *status = 429;
    *code = "too_many_requests"; /* Dify's word for it */
    return GW_PLACES_FULL;
}

static void begin_run(struct intake *intake)
{
    struct gw_order *order = intake->order;
    struct gw_caller_options wants = {.kind = gw_order_wants_stream(order) ? GW_CALLER_STREAM
                                                                           : GW_CALLER_RESULT,
                                      .keepalive_after_ms = intake->gateway->v1_begin_ms,
                                      .is_creating = true,
                                      .is_v1 = true};
    int status;
    const char *code, *why = why_closed(intake->gateway, intake->app, &status, &code);
    if (why != NULL) {
        refuse(intake, status, code, why);
        return;
    }
    intake->order = NULL;
    struct gw_run *run = gw_run_new(intake->app, order, intake->start.route);
    if (run == NULL) {
        refuse(intake, 503, "out_of_memory", "the gateway has run out of memory");
        return;
    }
    bool has_v1 = gw_v1_init(run, intake->start.kind);
    if (!gw_caller_attach(run, intake->exchange, &wants)) {
        gw_run_refuse(run, DIFY_OUTCOME_UNAVAILABLE, "too_many_followers",
                      "nobody can wait for it; the run was not sent");
    } else {
        run->asker = intake->asker;
        gw_log_accepted(run, wants.kind);
        if (has_v1)
            gw_run_start(run);
        else
            gw_run_refuse(run, DIFY_OUTCOME_UNAVAILABLE, "out_of_memory",
                          "the gateway has run out of memory; the run was not sent");
    }
    intake_free(intake);
}

/* Dify is to say what is wrong with it. */
static void relay(struct intake *intake)
{
    http_exchange_watch(intake->exchange, &(struct http_exchange_watch){.ctx = NULL});
    gw_serve_relay_read(intake->gateway, intake->exchange, intake->app,
                        gw_order_body(intake->order));
    intake_free(intake);
}

static void on_whole(struct intake *intake)
{
    struct gw_refusal refusal;
    if (gw_order_finish(intake->order, &refusal))
        begin_run(intake);
    else if (strcmp(refusal.code, "unfit") == 0)
        relay(intake);
    else
        refuse(intake, refusal.status, refusal.code, refusal.message);
}

static void on_body(void *ctx, struct http_exchange *exchange, struct dify_slice bytes,
                    bool is_last)
{
    struct intake *intake = ctx;
    struct gw_refusal refusal;
    (void)exchange;
    if (intake->is_refused)
        return;
    if (bytes.len > 0 && !gw_order_feed(intake->order, bytes, &refusal))
        refuse(intake, refusal.status, refusal.code, refusal.message);
    else if (is_last)
        on_whole(intake);
}

static void on_close(void *ctx, struct http_exchange *exchange, bool is_complete)
{
    (void)exchange;
    (void)is_complete;
    intake_free(ctx);
}

/* What Dify takes for JSON; other bodies start no run there. */
static bool is_json(const struct http_request *request)
{
    struct dify_slice type;
    (void)http_params(http_request_field(request, "content-type"), &type);
    size_t suffix = sizeof "+json" - 1; /* as in application/vnd.api+json */
    bool has_suffix = type.len > suffix && strncasecmp(type.ptr, "application/", 12) == 0 &&
                      strncasecmp(type.ptr + type.len - suffix, "+json", suffix) == 0;
    return has_suffix || http_is_like(type, "application/json");
}

/* `workflow_id`: of the path, NULL where it has none. */
static void take_in(const struct gw_request *request, struct gw_app *app, struct start start,
                    const char *workflow_id)
{
    struct gw_refusal refusal = {.status = 503, .code = "out_of_memory"};
    struct intake *intake = calloc(1, sizeof *intake);
    struct gw_order_options options = {.spool = &request->gateway->spool,
                                       .is_dify = true,
                                       .kind = start.kind,
                                       .workflow_id = workflow_id,
                                       .skips_digest = true};
    if (intake == NULL ||
        !gw_order_new(&options, DIFY_SLICE("application/json"), &intake->order, &refusal)) {
        free(intake);
        gw_reply_as_dify(request->exchange, refusal.status, refusal.code,
                         "the gateway has run out of memory");
        return;
    }
    intake->gateway = request->gateway;
    intake->exchange = request->exchange;
    intake->app = app;
    intake->start = start;
    intake->asker = request->access.token != NULL ? request->access.token->name : NULL;
    gw_app_hold(app);
    http_exchange_watch(request->exchange,
                        &(struct http_exchange_watch){.ctx = intake, .on_close = on_close});
    http_exchange_read(request->exchange,
                       &(struct http_body_reader){.ctx = intake, .on_body = on_body});
}

static void serve(const struct gw_request *request, struct start start, const char *workflow_id)
{
    int status;
    const char *code;
    struct gw_app *app = gw_v1_app(request);
    if (app == NULL)
        return;
    if (!app->config->is_streaming || !is_json(request->http)) {
        gw_serve_relay(request->gateway, request->exchange, app);
        return;
    }
    const char *why = why_closed(request->gateway, app, &status, &code);
    if (why == NULL) {
        take_in(request, app, start, workflow_id);
        return;
    }
    gw_log_refused(request->gateway, app, status, code);
    gw_reply_as_dify(request->exchange, status, code, why);
}

void gw_serve_v1_workflow(const struct gw_request *request)
{
    serve(request, (struct start){DIFY_KIND_WORKFLOW, "/v1/workflows/run"}, NULL);
}

/* Whether it stays one segment of a path, however it is read. */
static bool is_plain(struct dify_slice id)
{
    for (size_t i = 0; i < id.len; i++) {
        char c = id.ptr[i];
        bool is_word = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!is_word && c != '-' && c != '_')
            return false;
    }
    return id.len > 0;
}

void gw_serve_v1_version(const struct gw_request *request)
{
    char id[GW_NAME_BYTES];
    if (request->rest.len >= sizeof id || !is_plain(request->rest)) {
        struct gw_app *app = gw_v1_app(request);
        if (app != NULL)
            gw_serve_relay(request->gateway, request->exchange, app);
        return;
    }
    memcpy(id, request->rest.ptr, request->rest.len);
    id[request->rest.len] = '\0';
    serve(request, (struct start){DIFY_KIND_WORKFLOW, "/v1/workflows/{}/run"}, id);
}

void gw_serve_v1_chat(const struct gw_request *request)
{
    serve(request, (struct start){DIFY_KIND_CHAT, "/v1/chat-messages"}, NULL);
}

void gw_serve_v1_completion(const struct gw_request *request)
{
    serve(request, (struct start){DIFY_KIND_COMPLETION, "/v1/completion-messages"}, NULL);
}

void gw_serve_v1_other(const struct gw_request *request)
{
    struct gw_app *app = gw_v1_app(request);
    if (app != NULL)
        gw_serve_relay(request->gateway, request->exchange, app);
}
