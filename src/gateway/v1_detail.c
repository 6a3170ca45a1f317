/* SPDX-License-Identifier: Apache-2.0
 *
 * v1_detail.c: the detail of a run as Dify's own API gives it.
 *
 * Dify is asked. Where its row still says `running` of a run whose end is known here, which after a
 * stop or the death of a worker it may do for ever, or where it does not answer, what is known here
 * stands in its place.
 */
#include "core/json.h"
#include "core/json_text.h"
#include "core/slices.h"
#include "core/style.h"
#include "gateway/app.h"
#include "gateway/hub.h"
#include "gateway/later.h"
#include "gateway/lookup.h"
#include "gateway/out.h"
#include "gateway/reply.h"
#include "gateway/rows.h"
#include "gateway/v1.h"
#include "gateway/v1_relay.h"

#include <stdlib.h>

struct detail {
    struct gw_later later; /* the first member */
    struct gw_app *app;    /* held */
    bool is_looked_up;     /* on_gone() is still to come */
    bool is_begun;         /* `later` is; it frees this */
    struct gw_row *row;    /* with the result */
    struct dify_call *call;
};

static void detail_free(struct detail *detail)
{
    gw_app_let_go(detail->app);
    free(detail->row);
    free(detail);
}

static void drop(struct gw_later *later)
{
    struct detail *detail = (struct detail *)(void *)later;
    if (detail->call != NULL)
        dify_call_cancel(detail->call);
    detail->is_begun = false;
    if (!detail->is_looked_up)
        detail_free(detail);
}

static void on_gone(void *ctx)
{
    struct detail *detail = ctx;
    detail->is_looked_up = false;
    if (!detail->is_begun)
        detail_free(detail);
}

static void relay(void *ctx, struct gateway *gateway, struct http_exchange *exchange)
{
    const struct detail *detail = ctx;
    gw_serve_relay(gateway, exchange, detail->app);
}

/* ---- what is known here -------------------------------------------------------------------- */

/* What a result says, as the members of a detail; all borrowed. */
struct said {
    struct dify__json json;
    struct dify_slice outputs, message, created_at, finished_at, elapsed_time, workflow_id;
};

static void take_metadata(struct said *said, yyjson_val *object, struct dify_slice text)
{
    struct dify__members members;
    dify__members_of(&members, &said->json, object, text);
    while (dify__members_next(&members)) {
        if (dify__slice_is(members.key, "workflow_elapsed_time"))
            said->elapsed_time = dify__members_text(&members);
    }
}

static void take_data(struct said *said, yyjson_val *object, struct dify_slice text)
{
    struct dify__members members;
    dify__members_of(&members, &said->json, object, text);
    while (dify__members_next(&members)) {
        struct dify_slice value = dify__members_text(&members);
        if (dify__slice_is(members.key, "workflow_outputs"))
            said->outputs = value;
        else if (dify__slice_is(members.key, "created_at"))
            said->created_at = value;
        else if (dify__slice_is(members.key, "finished_at"))
            said->finished_at = value;
        else if (dify__slice_is(members.key, "workflow_id"))
            said->workflow_id = value;
        else if (dify__slice_is(members.key, "metadata"))
            take_metadata(said, members.value, value);
    }
}

static bool read_result(struct said *said, struct dify_slice result)
{
    struct dify__members members;
    *said = (struct said){.message = {NULL, 0}};
    dify__json_init(&said->json, dify__allocator(NULL));
    if (result.len == 0 || dify__json_read(&said->json, result) != DIFY_OK)
        return false;
    dify__members_of_root(&members, &said->json);
    while (dify__members_next(&members)) {
        if (dify__slice_is(members.key, "message"))
            said->message = dify__members_text(&members);
        else if (dify__slice_is(members.key, "data"))
            take_data(said, members.value, dify__members_text(&members));
    }
    return true;
}

/* Up to 1.12 they are a JSON text in a string. */
static void put_outputs(struct dify__writer *writer, const char *release, struct dify_slice json)
{
    char *rest;
    unsigned long major = strtoul(release, &rest, 10);
    unsigned long minor = *rest == '.' ? strtoul(rest + 1, NULL, 10) : 0;
    bool is_text = release[0] != '\0' && (major == 0 || (major == 1 && minor < 13));
    struct dify__buffer text = {.allocator = dify__allocator(NULL), .max = SIZE_MAX / 2};
    if (json.len > 0 && is_text && dify__style_text(json, DIFY__STYLE_SPACED, &text) == DIFY_OK)
        dify__key_string(writer, "outputs", dify__buffer_slice(&text));
    else
        dify__key_json(writer, "outputs", json);
    dify__buffer_fini(&text);
}

/* Of a success Dify says no error, whatever the result does. */
static void reply_known(struct detail *detail)
{
    const struct store_row *row = &detail->row->row;
    struct dify__buffer *text = &detail->later.gateway->scratch;
    struct dify_slice none = {NULL, 0};
    struct dify__writer writer;
    struct said said;
    bool is_read = read_result(&said, row->result);
    gw_out_begin(&writer, text);
    dify__write_open(&writer, '{');
    dify__key_string(&writer, "id", row->run_id);
    dify__key_json(&writer, "workflow_id", said.workflow_id);
    dify__key_string(&writer, "status", row->status);
    dify__key_string(&writer, "inputs", row->inputs);
    put_outputs(&writer, dify_app_release(detail->app->dify), said.outputs);
    dify__key_json(&writer, "error", row->success ? none : said.message);
    dify__key_uint(&writer, "total_steps", row->steps);
    dify__key_uint(&writer, "total_tokens", row->tokens);
    dify__key_json(&writer, "created_at", said.created_at);
    dify__key_json(&writer, "finished_at", said.finished_at);
    dify__key_json(&writer, "elapsed_time", said.elapsed_time);
    dify__write_close(&writer, '}');
    if (is_read && row->status.len > 0)
        gw_out_reply(&writer, text, detail->later.exchange, 200);
    else if (!gw_out_end(&writer, text) || row->status.len == 0)
        gw_reply_as_dify(detail->later.exchange, 502, "run_lost",
                         "Dify does not answer, and the run's end is not known here");
    dify__json_fini(&said.json);
}

/* ---- what Dify says ------------------------------------------------------------------------- */

static bool says_running(struct dify_slice body)
{
    struct dify__json json;
    dify__json_init(&json, dify__allocator(NULL));
    bool is_read = dify__json_read(&json, body) == DIFY_OK;
    const char *status =
        is_read ? yyjson_get_str(yyjson_obj_get(yyjson_doc_get_root(json.doc), "status")) : NULL;
    bool is_running = status == NULL || strcmp(status, "running") == 0;
    dify__json_fini(&json);
    return is_running;
}

static void on_answer(void *ctx, const struct dify_answer *answer)
{
    struct detail *detail = ctx;
    detail->call = NULL;
    if (detail->later.exchange != NULL) {
        if (answer->outcome == DIFY_OUTCOME_SUCCEEDED && !says_running(answer->body))
            gw_reply_json(detail->later.exchange, 200, answer->body);
        else
            reply_known(detail);
    }
    gw_later_end(&detail->later);
}

static void on_close(void *ctx, struct http_exchange *exchange, bool is_complete)
{
    struct detail *detail = ctx;
    (void)exchange;
    (void)is_complete;
    detail->later.exchange = NULL;
    gw_later_end(&detail->later);
}

/* The run has ended, and not only so far. */
static void ask(struct detail *detail, struct gateway *gateway, struct http_exchange *exchange,
                const struct store_row *row)
{
    char id[GW_NAME_BYTES];
    detail->row = gw_row_dup(row);
    bool is_fit = detail->row != NULL && row->run_id.len > 0 && row->run_id.len < sizeof id;
    if (!is_fit) {
        relay(detail, gateway, exchange);
        return;
    }
    memcpy(id, row->run_id.ptr, row->run_id.len);
    id[row->run_id.len] = '\0';
    detail->is_begun = true;
    gw_later_begin(&detail->later, gateway, exchange, drop);
    http_exchange_watch(exchange,
                        &(struct http_exchange_watch){.ctx = detail, .on_close = on_close});
    if (dify_run_detail(detail->app->dify, id, on_answer, detail, &detail->call) == DIFY_OK)
        return;
    gw_reply_as_dify(exchange, 503, "out_of_memory", "the gateway has run out of memory");
    gw_later_end(&detail->later);
}

/* ---- the request --------------------------------------------------------------------------- */

static void on_row(void *ctx, struct gateway *gateway, struct http_exchange *exchange,
                   const struct store_row *row)
{
    struct detail *detail = ctx;
    if (dify__slice_is(row->app, detail->app->config->name) && row->state == STORE_ENDED &&
        !dify__slice_is(row->status, "paused"))
        ask(detail, gateway, exchange, row);
    else
        relay(ctx, gateway, exchange);
}

/* While it goes on Dify knows as much; without a store what has ended is still there. */
static void on_live(void *ctx, struct http_exchange *exchange, struct gw_run *run)
{
    struct dify_result room;
    struct store_row row;
    gw_run_describe(run, &room, &row);
    if (gw_run_has_ended(run))
        row.result = (struct dify_slice){run->result, run->result_len};
    on_row(ctx, run->gateway, exchange, &row);
}

void gw_serve_v1_detail(const struct gw_request *request)
{
    struct gw_app *app = gw_v1_app(request);
    if (app == NULL)
        return;
    struct detail *detail = calloc(1, sizeof *detail);
    if (detail == NULL) {
        gw_reply_as_dify(request->exchange, 503, "out_of_memory",
                         "the gateway has run out of memory");
        return;
    }
    detail->app = app;
    detail->is_looked_up = true;
    gw_app_hold(app);
    gw_lookup(request, &(struct gw_lookup_found){.wants_row = true,
                                                 .is_any = true,
                                                 .live = on_live,
                                                 .row = on_row,
                                                 .absent = relay,
                                                 .gone = on_gone,
                                                 .ctx = detail});
}
