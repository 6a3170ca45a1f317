/* SPDX-License-Identifier: Apache-2.0
 *
 * relay.c: see relay.h.
 *
 * The clock of silence: `heard_ms` is when something moved last. While bytes of the caller are
 * waited for (`is_hungry`), or it takes none (`is_paused`), the silence is not Dify's, so nothing
 * counts. The alarm is not set anew for each piece; when it rings it looks.
 *
 * A server may answer before it has the whole body, and refuse the rest. libcurl then sends no
 * more; but a transfer whose source has paused ends only when that goes on, so it is told to.
 */
#include "client/relay.h"

#include "client/words.h"
#include "core/slices.h"

#include <stdio.h>

/* What is read at a time: a body may be large. */
#define BUFFER_BYTES 65536L

struct dify__relay {
    struct dify_app *app;
    struct dify__exchange *exchange;
    struct dify__relay_observer observer;
    struct dify__alarm silence;
    uint64_t heard_ms;
    bool is_paused, is_hungry;
    bool must_feed; /* when the alarm rings: an answer came before the body was whole */
};

/* ---- what libcurl is told ------------------------------------------------------------------ */

/* libcurl takes "name;" for a field without a value; "name:" leaves out one of its own. */
static bool add_field(struct curl_slist **fields, const struct dify_allocator *allocator,
                      struct dify_slice name, const char *colon, struct dify_slice value)
{
    size_t size = name.len + strlen(colon) + value.len + 1;
    char *line = dify__malloc(allocator, size);
    if (line == NULL)
        return false;
    snprintf(line, size, "%.*s%s%.*s", (int)name.len, name.ptr, colon, (int)value.len,
             value.len != 0 ? value.ptr : "");
    struct curl_slist *longer = curl_slist_append(*fields, line);
    dify__wipe(line, size);
    dify__free(allocator, line);
    if (longer == NULL)
        return false;
    *fields = longer;
    return true;
}

static bool has_field(const struct dify__relayed *request, const char *name)
{
    for (size_t i = 0; i < request->field_count; i++)
        if (dify__slice_is(request->fields[i].name, name))
            return true;
    return false;
}

static bool set_fields(struct curl_slist **fields, const struct dify__relayed *request,
                       const struct dify_app *app)
{
    static const char *const of_curl[] = {"accept", "user-agent", "content-type", "expect"};
    const struct dify_allocator *allocator = app->env->allocator;
    bool ok = add_field(fields, allocator, DIFY_SLICE("Authorization"), ": Bearer ",
                        dify__slice(app->key));
    for (size_t i = 0; ok && i < sizeof of_curl / sizeof of_curl[0]; i++)
        if (!has_field(request, of_curl[i]))
            ok = add_field(fields, allocator, dify__slice(of_curl[i]), ":", DIFY_SLICE(""));
    for (size_t i = 0; ok && i < request->field_count; i++) {
        const struct dify__relay_field *field = &request->fields[i];
        ok = add_field(fields, allocator, field->name, field->value.len != 0 ? ": " : ";",
                       field->value);
    }
    return ok;
}

bool dify__relayed_set(CURL *easy, struct curl_slist **fields, const struct dify__relayed *request,
                       const struct dify_app *app)
{
    CURLcode ok = CURLE_OK;
    bool is_chunked = request->length == DIFY__RELAY_CHUNKS;
    if (strcmp(request->method, "HEAD") == 0) {
        ok |= curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    } else if (request->length == DIFY__RELAY_NO_BODY) {
        ok |= curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
        ok |= curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method);
    } else {
        ok |= curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L);
        ok |= curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method);
        ok |= curl_easy_setopt(easy, CURLOPT_INFILESIZE_LARGE,
                               is_chunked ? (curl_off_t)-1 : (curl_off_t)request->length);
    }
    ok |= curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
    ok |= curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, BUFFER_BYTES);
    return ok == CURLE_OK && set_fields(fields, request, app) &&
           curl_easy_setopt(easy, CURLOPT_HTTPHEADER, *fields) == CURLE_OK;
}

/* ---- the clock ----------------------------------------------------------------------------- */

static void hear(struct dify__relay *relay)
{
    relay->heard_ms = dify__now(relay->app->env);
}

static void free_relay(struct dify__relay *relay)
{
    struct dify__env *env = relay->app->env;
    dify__alarm_off(env, &relay->silence);
    dify__release_alarms(env, 1);
    env->under_way--;
    dify__free(env->allocator, relay);
}

static void on_silence(struct dify__alarm *alarm)
{
    struct dify__relay *relay =
        (struct dify__relay *)(void *)((char *)alarm - offsetof(struct dify__relay, silence));
    const struct dify_app *app = relay->app;
    if (relay->must_feed) {
        relay->must_feed = false;
        dify__alarm_in(app->env, alarm, app->silence_timeout_ms);
        dify__relay_feed(relay);
        return;
    }
    uint64_t silent_ms = dify__now(app->env) - relay->heard_ms;
    if (relay->is_paused || relay->is_hungry || silent_ms < app->silence_timeout_ms) {
        uint64_t left_ms = app->silence_timeout_ms;
        if (!relay->is_paused && !relay->is_hungry)
            left_ms -= silent_ms;
        dify__alarm_in(app->env, alarm, left_ms);
        return;
    }
    struct dify__relay_observer observer = relay->observer;
    dify__relay_cancel(relay);
    observer.ended(observer.ctx, DIFY_OUTCOME_READ_TIMEOUT);
}

/* ---- what the transport tells -------------------------------------------------------------- */

static void on_sending(void *ctx)
{
    struct dify__relay *relay = ctx;
    hear(relay);
    dify__alarm_in(relay->app->env, &relay->silence, relay->app->silence_timeout_ms);
}

static void on_head(void *ctx, const struct dify__head *head)
{
    struct dify__relay *relay = ctx;
    hear(relay);
    if (relay->is_hungry) {
        relay->must_feed = true;
        dify__alarm_in(relay->app->env, &relay->silence, 0);
    }
    relay->observer.head(relay->observer.ctx, head);
}

static void on_body(void *ctx, struct dify_slice bytes)
{
    struct dify__relay *relay = ctx;
    hear(relay);
    relay->observer.body(relay->observer.ctx, bytes);
}

static void on_trailer(void *ctx, struct dify_slice line)
{
    struct dify__relay *relay = ctx;
    hear(relay);
    relay->observer.trailer(relay->observer.ctx, line);
}

static long on_wanted(void *ctx, char *out, size_t room)
{
    struct dify__relay *relay = ctx;
    long got = relay->observer.wanted(relay->observer.ctx, out, room);
    hear(relay);
    relay->is_hungry = got < 0;
    return got;
}

static void on_end(void *ctx, const struct dify__end *end)
{
    struct dify__relay *relay = ctx;
    struct dify__relay_observer observer = relay->observer;
    enum dify_outcome outcome = end->failure == DIFY__WHOLE
                                    ? DIFY_OUTCOME_SUCCEEDED
                                    : dify__outcome_of_failure(end->failure);
    free_relay(relay);
    observer.ended(observer.ctx, outcome);
}

/* ---- the interface ------------------------------------------------------------------------- */

/* What changes nothing may go over a connection that was used: there libcurl repeats a request by
 * itself if the server has just closed it. */
static bool may_be_repeated(const struct dify__relayed *request)
{
    return request->length == DIFY__RELAY_NO_BODY &&
           (strcmp(request->method, "GET") == 0 || strcmp(request->method, "HEAD") == 0);
}

enum dify_err dify__relay_start(struct dify_app *app, const struct dify__relayed *request,
                                const struct dify__relay_observer *observer,
                                struct dify__relay **out)
{
    const struct dify__transport *transport = app->env->transport;
    struct dify__request as_request = {.path = request->path, .relayed = request};
    struct dify__receiver receiver = {.head = on_head,
                                      .body = on_body,
                                      .end = on_end,
                                      .sending = on_sending,
                                      .trailer = on_trailer,
                                      .wanted = on_wanted};
    if (!may_be_repeated(request))
        as_request.flags = DIFY__REQUEST_FRESH;
    struct dify__relay *relay = dify__calloc(app->env->allocator, sizeof *relay);
    if (relay == NULL || dify__reserve_alarms(app->env, 1) != DIFY_OK) {
        dify__free(app->env->allocator, relay);
        return DIFY_ERR_NOMEM;
    }
    relay->app = app;
    relay->observer = *observer;
    relay->silence.ring = on_silence;
    receiver.ctx = relay;
    app->env->under_way++;
    enum dify_err err =
        transport->start(transport->ctx, app, &as_request, &receiver, &relay->exchange);
    if (err != DIFY_OK) {
        free_relay(relay);
        return err;
    }
    app->env->changed(app->env->ctx);
    *out = relay;
    return DIFY_OK;
}

void dify__relay_pause(struct dify__relay *relay, bool pauses)
{
    const struct dify__transport *transport = relay->app->env->transport;
    if (relay->is_paused == pauses)
        return;
    relay->is_paused = pauses;
    hear(relay);
    transport->pause(transport->ctx, relay->exchange, pauses);
}

void dify__relay_feed(struct dify__relay *relay)
{
    const struct dify__transport *transport = relay->app->env->transport;
    if (!relay->is_hungry)
        return;
    relay->is_hungry = false;
    hear(relay);
    transport->feed(transport->ctx, relay->exchange);
}

void dify__relay_cancel(struct dify__relay *relay)
{
    const struct dify__transport *transport = relay->app->env->transport;
    transport->cancel(transport->ctx, relay->exchange);
    free_relay(relay);
}
