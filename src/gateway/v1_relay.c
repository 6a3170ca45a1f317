/* SPDX-License-Identifier: Apache-2.0
 *
 * v1_relay.c: see v1_relay.h. What is asked below /v1 and is no run of the gateway's goes to Dify
 * as it came, with the app's key, and so does the answer come back. Both bodies stream; who is slow
 * keeps the other one waiting, and what waits here has a ceiling (GW_RELAY_BYTES on the way up,
 * what libcurl reads at a time on the way down).
 *
 * What goes on of a message is for v1_fields.c to say. TRACE is refused: its answer shows the
 * request as Dify got it, key included. A request's trailers and interim answers (1xx) end here.
 *
 * Once the head of an answer is out a failure cuts the connection, by which the client can tell
 * that it has not all of it.
 */
#include "gateway/v1_relay.h"

#include "core/slices.h"
#include "gateway/app.h"
#include "gateway/cors.h"
#include "gateway/later.h"
#include "gateway/logger.h"
#include "gateway/metrics.h"
#include "gateway/reply.h"
#include "gateway/routes.h"
#include "gateway/v1_fields.h"
#include "gateway/words.h"
#include "http/fields.h"

#include <stdlib.h>

struct relay {
    struct gw_later later; /* the first member */
    struct gw_app *app;
    struct dify__relay *relay; /* NULL: it has ended */
    const char *method;
    char area[32]; /* the first segment of the path, for the log */

    struct dify__buffer up; /* of the request's body, what Dify has no room for yet, from `up_at` */
    size_t up_at;
    bool has_all_up;

    struct dify__buffer down; /* of the answer's, what the client has no room for yet */
    struct dify__buffer trailers;
    bool has_head; /* of the answer: it went out */
    bool is_whole; /* all of it has come */

    int status;
    uint64_t begun_ms, up_bytes, down_bytes;
};

/* ---- its end ------------------------------------------------------------------------------- */

static void relay_free(struct relay *relay)
{
    dify__buffer_fini(&relay->up);
    dify__buffer_fini(&relay->down);
    dify__buffer_fini(&relay->trailers);
    free(relay);
}

static void drop(struct gw_later *later)
{
    struct relay *relay = (struct relay *)(void *)later;
    struct gateway *gateway = later->gateway;
    if (relay->relay != NULL)
        dify__relay_cancel(relay->relay);
    gw_metrics_relayed(gateway, relay->status, relay->up_bytes, relay->down_bytes);
    gw_log_relayed(gateway, &(struct gw_log_relay){.app = relay->app,
                                                   .method = relay->method,
                                                   .area = dify__slice(relay->area),
                                                   .status = relay->status,
                                                   .is_whole = relay->is_whole,
                                                   .up_bytes = relay->up_bytes,
                                                   .down_bytes = relay->down_bytes,
                                                   .ms = uv_now(gateway->loop) - relay->begun_ms});
    gateway->relays--;
    gw_app_let_go(relay->app);
    relay_free(relay);
}

/* The relay is gone when this returns. */
static void fail(struct relay *relay, int status, const char *code, const char *message)
{
    if (!relay->has_head) {
        relay->status = status;
        if (!relay->has_all_up)
            http_exchange_close_after(relay->later.exchange, false);
        gw_reply_as_dify(relay->later.exchange, status, code, message);
    } else {
        http_exchange_cut(relay->later.exchange, true, true);
    }
    gw_later_end(&relay->later);
}

static void fail_by(struct relay *relay, enum dify_outcome outcome)
{
    const struct dify_answer failed = {.outcome = outcome,
                                       .code = dify__slice(gw_outcome_name(outcome))};
    struct gw_words words;
    gw_words_of(&failed, &words);
    fail(relay, words.status, words.code, words.message);
}

static void fail_for_memory(struct relay *relay)
{
    struct gw_words words;
    gw_words_no_memory(&words);
    fail(relay, words.status, words.code, words.message);
}

/* ---- up ------------------------------------------------------------------------------------ */

static size_t up_len(const struct relay *relay)
{
    return relay->up.len - relay->up_at;
}

/* Dify takes some of it, in the midst of libcurl's work. */
static long on_wanted(void *ctx, char *out, size_t room)
{
    struct relay *relay = ctx;
    size_t len = up_len(relay) < room ? up_len(relay) : room;
    if (len == 0)
        return relay->has_all_up ? 0 : -1;
    memcpy(out, relay->up.ptr + relay->up_at, len);
    relay->up_at += len;
    relay->up_bytes += len;
    if (up_len(relay) == 0) {
        relay->up_at = relay->up.len = 0;
        http_exchange_resume(relay->later.exchange);
    }
    return (long)len;
}

/* The client sends some of it. */
static void on_up(void *ctx, struct http_exchange *exchange, struct dify_slice bytes, bool is_last)
{
    struct relay *relay = ctx;
    relay->has_all_up = is_last;
    if (relay->relay == NULL)
        return;             /* Dify has answered without it */
    if (relay->up_at > 0) { /* what libcurl has taken needs no room */
        relay->up.len -= relay->up_at;
        memmove(relay->up.ptr, relay->up.ptr + relay->up_at, relay->up.len);
        relay->up_at = 0;
    }
    if (dify__buffer_append(&relay->up, bytes.ptr, bytes.len) != DIFY_OK) {
        fail_for_memory(relay);
        return;
    }
    if (up_len(relay) >= GW_RELAY_BYTES)
        http_exchange_pause(exchange);
    dify__relay_feed(relay->relay);
}

/* ---- down ---------------------------------------------------------------------------------- */

/* The answer's end, as far as the client is concerned. */
static void finish(struct relay *relay)
{
    struct http_exchange *exchange = relay->later.exchange;
    struct dify_slice rest = dify__buffer_slice(&relay->trailers);
    struct http_field fields[HTTP_HEADERS];
    size_t count = 0;
    while (rest.len > 0 && count < HTTP_HEADERS) {
        const char *end = memchr(rest.ptr, '\n', rest.len);
        size_t len = end != NULL ? (size_t)(end - rest.ptr) + 1 : rest.len;
        count += gw_v1_trailer((struct dify_slice){rest.ptr, len}, &fields[count]);
        rest = (struct dify_slice){rest.ptr + len, rest.len - len};
    }
    if (count == 0 || !http_respond_trailers(exchange, fields, count))
        http_respond_end(exchange);
    gw_later_end(&relay->later);
}

/* What a browser shows of it is no page of the gateway's, whose own page may keep an access token:
 * it runs no script, and is of no origin. Of two such fields both hold. */
static void lock_in(struct gw_v1_answer *answer)
{
    answer->fields[answer->field_count++] =
        (struct http_field){DIFY_SLICE("Content-Security-Policy"), DIFY_SLICE("sandbox")};
}

static void on_head(void *ctx, const struct dify__head *head)
{
    struct relay *relay = ctx;
    struct gw_v1_answer answer;
    enum dify_err err = gw_v1_answer(head->text, relay->app->dify->base_url, &answer);
    if (err == DIFY_ERR_ARGUMENT || (err == DIFY_OK && head->status > 999)) {
        if (err == DIFY_OK)
            gw_v1_answer_fini(&answer);
        fail_by(relay, DIFY_OUTCOME_INVALID_RESPONSE);
        return;
    }
    if (err != DIFY_OK) {
        fail_for_memory(relay);
        return;
    }
    if (!relay->has_all_up) /* what still comes of the request has no reader for long */
        http_exchange_close_after(relay->later.exchange, false);
    relay->has_head = true;
    relay->status = head->status;
    answer.field_count = gw_cors_strip(relay->later.gateway, answer.fields, answer.field_count);
    lock_in(&answer);
    http_respond_begin(relay->later.exchange, head->status, answer.fields, answer.field_count,
                       answer.length);
    gw_v1_answer_fini(&answer);
}

static void on_down(void *ctx, struct dify_slice bytes)
{
    struct relay *relay = ctx;
    relay->down_bytes += bytes.len;
    if (relay->down.len == 0 && http_respond_write(relay->later.exchange, bytes))
        return;
    dify__relay_pause(relay->relay, true);
    if (dify__buffer_append(&relay->down, bytes.ptr, bytes.len) != DIFY_OK)
        fail_for_memory(relay);
}

/* What is too long for a place to keep it is left out. */
static void on_trailer(void *ctx, struct dify_slice line)
{
    struct relay *relay = ctx;
    (void)!dify__buffer_append(&relay->trailers, line.ptr, line.len);
}

static void on_drain(void *ctx, struct http_exchange *exchange)
{
    struct relay *relay = ctx;
    if (relay->down.len > 0 && !http_respond_write(exchange, dify__buffer_slice(&relay->down)))
        return;
    dify__buffer_clear(&relay->down, 0);
    if (relay->is_whole)
        finish(relay);
    else if (relay->relay != NULL)
        dify__relay_pause(relay->relay, false);
}

static void on_ended(void *ctx, enum dify_outcome outcome)
{
    struct relay *relay = ctx;
    relay->relay = NULL;
    relay->is_whole = outcome == DIFY_OUTCOME_SUCCEEDED && relay->has_head;
    if (!relay->is_whole)
        fail_by(relay, outcome == DIFY_OUTCOME_SUCCEEDED ? DIFY_OUTCOME_INVALID_RESPONSE : outcome);
    else if (relay->down.len == 0)
        finish(relay);
}

/* Nobody waits for it any more. */
static void on_close(void *ctx, struct http_exchange *exchange, bool is_complete)
{
    struct relay *relay = ctx;
    (void)exchange;
    (void)is_complete;
    relay->later.exchange = NULL;
    relay->is_whole = false;
    gw_later_end(&relay->later);
}

/* ---- the request --------------------------------------------------------------------------- */

/* A request that is to be relayed. */
struct wanted {
    struct gateway *gateway;
    struct http_exchange *exchange;
    const struct http_request *http;
    struct gw_app *app;
    struct dify_slice path; /* behind "/v1" */
    bool has_body;          /* it was read already, and is `body` */
    struct dify_slice body;
};

static void reply_no_memory(struct http_exchange *exchange)
{
    struct gw_words words;
    gw_words_no_memory(&words);
    gw_reply_as_dify(exchange, words.status, words.code, words.message);
}

/* RFC 9110 §7.6.2: such an OPTIONS goes no further, and we are who answers it. */
static bool is_for_us(const struct http_request *request)
{
    uint64_t number;
    return request->method == HTTP_OPTIONS_ &&
           http_read_length(http_request_field(request, "max-forwards"), &number) && number == 0;
}

/* Whether Dify, which decodes it, would take the path for one of those that are served here: there
 * another app's run could be stopped, or one started that nobody counts. */
static bool hides_route(struct dify_slice path)
{
    char text[sizeof "/v1" + GW_RELAY_PATH_BYTES] = "/v1";
    size_t len = 3 + path.len, before = 0;
    memcpy(text + 3, path.ptr, path.len);
    while (before != len) {
        before = len;
        len = gw_v1_decode(text, len);
        if (before != len && gw_is_route((struct dify_slice){text, len}))
            return true;
    }
    return false;
}

/* What is not relayed; false: it was answered. */
static bool may_be_relayed(const struct wanted *wanted)
{
    struct http_exchange *exchange = wanted->exchange;
    const struct http_request *http = wanted->http;
    enum gw_path kind = gw_v1_path(wanted->path);
    if (kind == GW_PATH_TOO_LONG) {
        gw_reply_as_dify(exchange, 414, "uri_too_long", "the address is too long");
        return false;
    }
    if (kind == GW_PATH_UNSAFE || hides_route(wanted->path)) {
        gw_reply_as_dify(exchange, 404, "not_found", "there is no such address here");
        return false;
    }
    if (http->method == HTTP_TRACE_) {
        gw_reply_as_dify(exchange, 501, "not_implemented", "TRACE is not relayed");
        return false;
    }
    if (http->method == HTTP_HEAD_ && http->has_body) {
        gw_reply_as_dify(exchange, 400, "bad_request", "HEAD with a body is not relayed");
        return false;
    }
    if (is_for_us(http)) {
        http_respond(exchange, 204, NULL, 0, DIFY_SLICE(""));
        return false;
    }
    if (wanted->gateway->relays >= GW_RELAYS) {
        gw_reply_as_dify(exchange, 503, "too_many_relays", "too many requests are relayed now");
        return false;
    }
    return true;
}

static struct relay *new_relay(const struct wanted *wanted)
{
    const struct dify_allocator *allocator = dify__allocator(NULL);
    struct relay *relay = calloc(1, sizeof *relay);
    if (relay == NULL)
        return NULL;
    relay->app = wanted->app;
    relay->begun_ms = uv_now(wanted->gateway->loop);
    relay->has_all_up = wanted->has_body || !wanted->http->has_body;
    relay->up = (struct dify__buffer){.allocator = allocator,
                                      .max = GW_RELAY_BYTES + HTTP_READ_BYTES + wanted->body.len};
    relay->down = (struct dify__buffer){.allocator = allocator, .max = SIZE_MAX / 2};
    relay->trailers = (struct dify__buffer){.allocator = allocator, .max = GW_RELAY_TRAILER_BYTES};
    struct dify_slice path = wanted->path;
    for (size_t i = 0; i + 1 < path.len && i + 1 < sizeof relay->area; i++) {
        if (path.ptr[i + 1] == '/')
            break;
        relay->area[i] = path.ptr[i + 1];
    }
    if (dify__buffer_append(&relay->up, wanted->body.ptr, wanted->body.len) == DIFY_OK)
        return relay;
    relay_free(relay);
    return NULL;
}

/* The address behind the base URL. */
static char *new_address(const struct wanted *wanted)
{
    struct dify_slice path = wanted->path, query = wanted->http->query;
    bool has_query = query.ptr != NULL;
    char *text = malloc(path.len + query.len + 2);
    if (text == NULL)
        return NULL;
    memcpy(text, path.ptr, path.len);
    if (has_query) {
        text[path.len] = '?';
        memcpy(text + path.len + 1, query.ptr, query.len);
    }
    text[path.len + (has_query ? 1 + query.len : 0)] = '\0';
    return text;
}

static enum dify_err start(struct relay *relay, const struct wanted *wanted, const char *path)
{
    const struct dify__relay_observer observer = {.ctx = relay,
                                                  .head = on_head,
                                                  .body = on_down,
                                                  .trailer = on_trailer,
                                                  .wanted = on_wanted,
                                                  .ended = on_ended};
    struct dify__relay_field fields[HTTP_HEADERS + GW_V1_MORE_FIELDS];
    struct gw_v1_request message = {.fields = fields};
    gw_v1_request(wanted->http, &message);
    relay->method = message.method;
    struct dify__relayed relayed = {.method = message.method,
                                    .path = path,
                                    .fields = fields,
                                    .field_count = message.field_count,
                                    .length = wanted->has_body ? wanted->body.len : message.length};
    return dify__relay_start(relay->app->dify, &relayed, &observer, &relay->relay);
}

static void begin(struct relay *relay, const struct wanted *wanted)
{
    struct http_exchange *exchange = wanted->exchange;
    wanted->gateway->relays++;
    gw_app_hold(relay->app);
    gw_later_begin(&relay->later, wanted->gateway, exchange, drop);
    http_exchange_watch(exchange, &(struct http_exchange_watch){
                                      .ctx = relay, .on_close = on_close, .on_drain = on_drain});
    if (!relay->has_all_up)
        http_exchange_read(exchange, &(struct http_body_reader){.ctx = relay, .on_body = on_up});
}

static void serve(struct wanted *wanted)
{
    struct http_exchange *exchange = wanted->exchange;
    wanted->http = http_exchange_request(exchange);
    struct dify_slice path = wanted->http->path;
    wanted->path = (struct dify_slice){path.ptr + strlen("/v1"), path.len - strlen("/v1")};
    http_exchange_tag(exchange, GW_TAG_RELAY);
    if (!may_be_relayed(wanted))
        return;
    struct relay *relay = new_relay(wanted);
    char *address = new_address(wanted);
    enum dify_err err = DIFY_ERR_NOMEM;
    if (relay != NULL && address != NULL)
        err = start(relay, wanted, address);
    free(address);
    if (err == DIFY_OK) {
        begin(relay, wanted);
        return;
    }
    if (relay != NULL)
        relay_free(relay);
    if (err == DIFY_ERR_TOO_LARGE)
        gw_reply_as_dify(exchange, 414, "uri_too_long", "the address is too long");
    else
        reply_no_memory(exchange);
}

void gw_serve_relay(struct gateway *gateway, struct http_exchange *exchange, struct gw_app *app)
{
    serve(&(struct wanted){.gateway = gateway, .exchange = exchange, .app = app});
}

void gw_serve_relay_read(struct gateway *gateway, struct http_exchange *exchange,
                         struct gw_app *app, struct dify_slice body)
{
    serve(&(struct wanted){
        .gateway = gateway, .exchange = exchange, .app = app, .has_body = true, .body = body});
}
