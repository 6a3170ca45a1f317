/* SPDX-License-Identifier: Apache-2.0
 *
 * intake.c: requests that want a run: their bodies are read, checked and become runs, with whoever
 * asked as the first caller.
 */
#include "core/slices.h"
#include "gateway/app.h"
#include "gateway/callers.h"
#include "gateway/hub.h"
#include "gateway/logger.h"
#include "gateway/places.h"
#include "gateway/query.h"
#include "gateway/reply.h"
#include "gateway/routes.h"
#include "gateway/sha256.h"

#include <stdlib.h>

/* A request while its body comes. */
struct intake {
    struct gateway *gateway;
    struct http_exchange *exchange;
    struct gw_app *app; /* NULL: the body may name it */
    struct gw_access access;
    const struct gw_route_config *form;
    struct gw_order *order;
    struct gw_caller_options wants;
    bool is_refused;
    bool has_key;
    struct dify_slice key; /* lives as long as the exchange */
};

static void intake_free(struct intake *intake)
{
    gw_order_free(intake->order);
    free(intake);
}

/* Answers with an error; what still comes of the body is dropped. It goes with its exchange. */
static void refuse(struct intake *intake, int status, const char *code, const char *message)
{
    intake->is_refused = true;
    gw_order_free(intake->order);
    intake->order = NULL;
    gw_log_refused(intake->gateway, intake->app, status, code);
    gw_reply_error(intake->exchange, status, code, message, NULL);
}

/* ---- making the run ------------------------------------------------------------------------ */

/* Joins the run that had this key before. False: there is none that lives. */
static bool join(struct intake *intake, const unsigned char key[STORE_HASH_BYTES],
                 const unsigned char digest[STORE_HASH_BYTES])
{
    struct gw_run *run = gw_hub_find_key(&intake->gateway->hub, key);
    if (run == NULL)
        return false;
    if (memcmp(run->digest, digest, STORE_HASH_BYTES) != 0 && run->state == GW_RUN_LOOKING) {
        refuse(intake, 503, "busy", /* whose key it is is not known yet */
               "another request with this Idempotency-Key is being looked at; try again later");
        return true;
    }
    if (memcmp(run->digest, digest, STORE_HASH_BYTES) != 0) {
        refuse(intake, 422, "idempotency_key_reused",
               "this Idempotency-Key was used for another request");
        return true;
    }
    gw_log_joined(run, intake->wants.kind);
    (void)gw_caller_attach(run, intake->exchange, &intake->wants);
    intake_free(intake);
    return true;
}

/* The key's scope is the app, and the access token it came with. */
static bool hash_key(const struct intake *intake, unsigned char key[STORE_HASH_BYTES])
{
    struct gw_sha256 sha = {.state = NULL};
    gw_sha256_begin(&sha);
    gw_sha256_text(&sha, dify__slice(intake->app->config->name));
    gw_sha256_text(&sha, intake->key);
    if (intake->access.token != NULL)
        gw_sha256_text(&sha, dify__slice(intake->access.token->name));
    bool is_hashed = gw_sha256_end(&sha, key);
    gw_sha256_fini(&sha);
    return is_hashed;
}

/* Once more, now that the body is there: it may have taken long. */
static bool may_begin(struct intake *intake)
{
    const char *code, *why = gw_places_closed(intake->gateway, &code);
    if (intake->gateway->is_closing)
        refuse(intake, 503, "stopping", "the gateway is being stopped; nothing was sent");
    else if (why != NULL)
        refuse(intake, 503, code, why);
    return !intake->is_refused;
}

static void make_run(struct intake *intake)
{
    unsigned char key[STORE_HASH_BYTES], digest[STORE_HASH_BYTES];
    struct gw_app *app = intake->app;
    if (intake->has_key) {
        if (!gw_order_digest(intake->order, app->config->name, digest) || !hash_key(intake, key)) {
            refuse(intake, 503, "out_of_memory", "the gateway has run out of memory");
            return;
        }
        if (join(intake, key, digest))
            return;
    }
    if (!may_begin(intake))
        return;
    bool is_asked_first = intake->has_key && app->gateway->store != NULL; /* there may be one */
    if (!is_asked_first && !gw_places_are_free(app)) {
        refuse(intake, 429, "too_many_runs", GW_PLACES_FULL);
        return;
    }
    const char *route = intake->form != NULL ? intake->form->path : "/api/runs";
    struct gw_order *order = intake->order;
    intake->order = NULL;
    struct gw_run *run = gw_run_new(app, order, route);
    if (run == NULL) {
        refuse(intake, 503, "out_of_memory", "the gateway has run out of memory");
        return;
    }
    if (!gw_caller_attach(run, intake->exchange, &intake->wants)) {
        gw_run_refuse(run, DIFY_OUTCOME_UNAVAILABLE, "too_many_followers",
                      "nobody can wait for it; the run was not sent");
        intake_free(intake);
        return;
    }
    if (intake->access.token != NULL)
        run->asker = intake->access.token->name;
    bool has_its_key = !intake->has_key || gw_run_set_key(run, key, digest);
    gw_log_accepted(run, intake->wants.kind);
    if (!has_its_key)
        gw_run_refuse(run, DIFY_OUTCOME_UNAVAILABLE, "out_of_memory",
                      "the gateway has run out of memory; the run was not sent");
    else
        gw_run_start(run);
    intake_free(intake);
}

/* ---- the body ------------------------------------------------------------------------------ */

static void on_whole(struct intake *intake)
{
    struct gw_refusal refusal;
    if (!gw_order_finish(intake->order, &refusal)) {
        refuse(intake, refusal.status, refusal.code, refusal.message);
        return;
    }
    struct dify_slice name = gw_order_app(intake->order);
    if (intake->app == NULL)
        intake->app = gw_access_app(intake->gateway, &intake->access, name);
    if (intake->app == NULL)
        refuse(intake, 404, "app_not_found", "there is no app of this name");
    else
        make_run(intake);
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

/* ---- the head ------------------------------------------------------------------------------ */

/* The same before the body is asked for. */
static void turn_away(const struct gw_request *request, int status, const char *code,
                      const char *message)
{
    gw_log_refused(request->gateway, request->app, status, code);
    gw_reply_error(request->exchange, status, code, message, NULL);
}

/* Whether runs are taken at all. */
static bool is_open(const struct gw_request *request)
{
    const struct gateway *gateway = request->gateway;
    const char *code, *why = gw_places_closed(gateway, &code);
    if (gateway->is_draining)
        turn_away(request, 503, "stopping", "the gateway is being stopped");
    else if (why != NULL)
        turn_away(request, 503, code, why);
    else if (request->app != NULL && !gw_places_are_free(request->app) &&
             http_request_field(request->http, "idempotency-key").ptr == NULL)
        turn_away(request, 429, "too_many_runs", GW_PLACES_FULL);
    else
        return true;
    return false;
}

static bool is_key_sound(struct dify_slice key)
{
    for (size_t i = 0; i < key.len; i++) {
        if ((unsigned char)key.ptr[i] < 0x20 || key.ptr[i] == 0x7F)
            return false;
    }
    return key.len > 0 && key.len < GW_NAME_BYTES;
}

static void take_in(const struct gw_request *request, const struct gw_caller_options *wants)
{
    struct dify_slice key = http_request_field(request->http, "idempotency-key");
    struct gw_refusal refusal;
    if (!is_open(request))
        return;
    if (key.ptr != NULL && !is_key_sound(key)) {
        turn_away(request, 400, "invalid_param",
                  "an Idempotency-Key has 1 to 255 characters and no control characters");
        return;
    }
    struct intake *intake = calloc(1, sizeof *intake);
    if (intake == NULL) {
        turn_away(request, 503, "out_of_memory", "the gateway has run out of memory");
        return;
    }
    *intake = (struct intake){.gateway = request->gateway,
                              .exchange = request->exchange,
                              .app = request->app,
                              .access = request->access,
                              .form = request->form,
                              .wants = *wants,
                              .has_key = key.ptr != NULL,
                              .key = key};
    struct gw_order_options options = {.spool = &request->gateway->spool,
                                       .max_file_bytes = request->gateway->config->max_file_bytes,
                                       .route = request->form,
                                       .is_bare = request->form != NULL,
                                       .skips_digest = key.ptr == NULL};
    http_exchange_watch(request->exchange,
                        &(struct http_exchange_watch){.ctx = intake, .on_close = on_close});
    if (!gw_order_new(&options, http_request_field(request->http, "content-type"), &intake->order,
                      &refusal)) {
        refuse(intake, refusal.status, refusal.code, refusal.message);
        return;
    }
    http_exchange_read(request->exchange,
                       &(struct http_body_reader){.ctx = intake, .on_body = on_body});
}

void gw_serve_form(const struct gw_request *request)
{
    take_in(request,
            &(struct gw_caller_options){.kind = GW_CALLER_RESULT,
                                        .keepalive_after_ms = request->form->keepalive_after_ms,
                                        .is_creating = true});
}

/* Whether a list of values ("text/html, text/event-stream;q=0.9") has one. */
static bool has_value(struct dify_slice list, const char *value)
{
    size_t len = strlen(value);
    for (size_t at = 0; list.len >= len && at <= list.len - len; at++) {
        size_t i = 0;
        while (i < len && (list.ptr[at + i] | 0x20) == value[i])
            i++;
        bool begins = at == 0 || list.ptr[at - 1] == ',' || list.ptr[at - 1] == ' ';
        bool ends = at + len == list.len || strchr(",; \t", list.ptr[at + len]) != NULL;
        if (i == len && begins && ends)
            return true;
    }
    return false;
}

void gw_serve_create_run(const struct gw_request *request)
{
    struct gw_caller_options wants = {
        .kind = GW_CALLER_RESULT, .keepalive_after_ms = GW_KEEPALIVE_AFTER_MS, .is_creating = true};
    if (has_value(http_request_field(request->http, "accept"), "text/event-stream"))
        wants.kind = GW_CALLER_STREAM;
    if (has_value(http_request_field(request->http, "prefer"), "respond-async"))
        wants.kind = GW_CALLER_RECEIPT;
    struct gw_request with_app = *request;
    struct gw_param app = {.name = "app"};
    struct gw_query query = {.params = &app, .count = 1};
    if (!gw_query_read(&query, request->exchange))
        return;
    if (!gw_query_refuse(&query, request->exchange)) {
        if (app.is_seen)
            with_app.app = gw_access_app(request->gateway, &request->access,
                                         app.value.ptr != NULL ? app.value : DIFY_SLICE(""));
        if (app.is_seen && with_app.app == NULL)
            turn_away(request, 404, "app_not_found", "there is no app of this name");
        else
            take_in(&with_app, &wants);
    }
    gw_query_fini(&query);
}
