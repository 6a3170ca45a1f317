/* SPDX-License-Identifier: Apache-2.0
 *
 * call.c: see call.h. A call is sent, waits for its answer or for the next try, and is told once.
 */
#include "client/call.h"

#include "client/app.h"
#include "client/source.h"
#include "client/words.h"
#include "core/slices.h"

#include <strings.h>

/* The longest wait between two tries. */
#define BACKOFF_MS 4000

/* A stream's first byte is waited for no longer than this, whatever the app's clock. */
#define PROBE_MS 30000

struct dify_call {
    struct dify_call *next, *previous; /* of the environment's */
    struct dify__env *env;
    struct dify_app *app;
    struct dify__call_plan plan;
    struct dify__request request;
    struct dify__source source;
    bool has_source;
    struct dify__exchange *exchange; /* NULL: between two tries */
    struct dify__alarm alarm;        /* of silence, or of the next try */
    uint64_t sent_ms, heard_ms;
    dify_answer_fn *answered;
    void *ctx;
    unsigned tries;

    int status;
    bool is_html;
    struct dify__buffer body;
    char release[32];
    int64_t date_s;
    bool is_too_large;
};

static void free_call(struct dify_call *call)
{
    call->app->uses--;
    const struct dify_allocator *allocator = call->env->allocator;
    dify__alarm_off(call->env, &call->alarm);
    dify__release_alarms(call->env, 1);
    if (call->next != NULL)
        call->next->previous = call->previous;
    if (call->previous != NULL)
        call->previous->next = call->next;
    else if (call->env->calls == call)
        call->env->calls = call->next;
    if (call->has_source)
        dify__source_close(&call->source);
    dify__free(allocator, call->plan.path);
    dify__free(allocator, call->plan.body);
    dify__free(allocator, call->plan.user);
    dify__buffer_fini(&call->body);
    dify__free(allocator, call);
}

void dify_call_cancel(struct dify_call *call)
{
    if (call->exchange != NULL)
        call->env->transport->cancel(call->env->transport->ctx, call->exchange);
    call->env->under_way--;
    free_call(call);
}

void dify__calls_fini(struct dify__env *env)
{
    while (env->calls != NULL)
        dify_call_cancel(env->calls);
}

static void tell(struct dify_call *call, struct dify_answer *answer)
{
    answer->http_status = call->status;
    answer->body = dify__buffer_slice(&call->body);
    if (call->release[0] != '\0')
        answer->release = dify__slice(call->release);
    answer->server_time_s = call->date_s;
    answer->attempts = call->tries;
    call->env->under_way--;
    call->answered(call->ctx, answer);
    free_call(call);
}

/* ---- how it ended -------------------------------------------------------------------------- */

/* Tells a failure in `text`; without memory for it, in fewer words. */
static void tell_failure(struct dify_call *call, enum dify_outcome outcome, const char *code,
                         const struct dify__buffer *text, const struct dify__end *end)
{
    struct dify_answer answer = {.outcome = outcome};
    if (end != NULL) {
        answer.times = end->times;
        answer.address = end->address;
    }
    answer.code = dify__slice(code);
    answer.message = text->len != 0 ? dify__buffer_slice(text) : DIFY_SLICE("out of memory");
    tell(call, &answer);
}

static void say_file(struct dify_call *call, struct dify__buffer *text, enum dify_err *err)
{
    dify__add(text, err, call->source.name);
    if (call->source.length >= 0) {
        dify__add(text, err, " (");
        dify__add_uint(text, err, (uint64_t)call->source.length);
        dify__add(text, err, " bytes)");
    }
}

/* A status that is no success: in Dify's words, where it has some. */
static void tell_status(struct dify_call *call, const struct dify__end *end)
{
    struct dify__buffer text = {.allocator = call->env->allocator, .max = SIZE_MAX / 2};
    struct dify__refusal refusal;
    enum dify_err err = DIFY_OK;
    enum dify_outcome outcome = dify__outcome_of_status(call->status);
    bool has_words = dify__refusal_read(&refusal, call->env->allocator,
                                        dify__buffer_slice(&call->body), call->app->key);
    if (has_words && refusal.message.len != 0) {
        dify__add_slice(&text, &err, dify__buffer_slice(&refusal.message));
    } else {
        dify__say_status(&text, &err, call->app, &call->request, call->status, call->is_html);
        if (call->has_source && call->status == 413) {
            dify__add(&text, &err, "; the server's limit for uploads is below ");
            say_file(call, &text, &err);
        }
    }
    if (call->has_source && outcome == DIFY_OUTCOME_REFUSED)
        outcome = DIFY_OUTCOME_UPLOAD_FAILED;
    const char *code = outcome == DIFY_OUTCOME_INVALID_RESPONSE ? "invalid_response" : "http_error";
    if (call->has_source)
        code = "upload_failed";
    if (has_words && refusal.code[0] != '\0')
        code = refusal.code;
    else if (call->has_source && call->status == 413)
        code = "file_too_large";
    tell_failure(call, outcome, code, &text, end);
    dify__refusal_fini(&refusal);
    dify__buffer_fini(&text);
}

static void tell_end(struct dify_call *call, enum dify_outcome outcome, const char *code,
                     const struct dify__end *end)
{
    struct dify__buffer text = {.allocator = call->env->allocator, .max = SIZE_MAX / 2};
    enum dify_err err = DIFY_OK;
    if (call->is_too_large) {
        dify__add(&text, &err, "the answer is larger than ");
        dify__add_uint(&text, &err, DIFY_ANSWER_BYTES);
        dify__add(&text, &err, " bytes");
    } else {
        dify__say_failure(&text, &err, call->app, end);
        if (end->failure == DIFY__BAD_SOURCE) {
            dify__add(&text, &err, "; the file is ");
            say_file(call, &text, &err);
        }
    }
    if (call->tries > 1) {
        dify__add(&text, &err, " (tried ");
        dify__add_uint(&text, &err, call->tries);
        dify__add(&text, &err, " times)");
    }
    tell_failure(call, outcome, code, &text, end);
    dify__buffer_fini(&text);
}

static const char *code_of(enum dify_outcome outcome)
{
    switch (outcome) {
    case DIFY_OUTCOME_CONNECT_FAILED:
        return "connect_failed";
    case DIFY_OUTCOME_CONNECT_TIMEOUT:
        return "connect_timeout";
    case DIFY_OUTCOME_CONNECTION_RESET:
        return "connection_reset";
    case DIFY_OUTCOME_UPLOAD_FAILED:
        return "upload_failed";
    default:
        return "invalid_response";
    }
}

static void tell_whole(struct dify_call *call, const struct dify__end *end)
{
    struct dify_answer answer = {
        .outcome = DIFY_OUTCOME_SUCCEEDED, .times = end->times, .address = end->address};
    if (call->status < 200 || call->status >= 300)
        tell_status(call, end);
    else
        tell(call, &answer);
}

/* ---- tries --------------------------------------------------------------------------------- */

static void send(struct dify_call *call);

static void on_try(struct dify__alarm *alarm)
{
    send((struct dify_call *)(void *)((char *)alarm - offsetof(struct dify_call, alarm)));
}

/* Whether it is tried again; then the alarm is set. */
static bool tries_again(struct dify_call *call, const struct dify__end *end)
{
    bool is_network = end->failure == DIFY__NO_CONNECTION ||
                      end->failure == DIFY__CONNECT_TIMEOUT || end->failure == DIFY__RESET ||
                      end->failure == DIFY__CLOSED;
    if (!is_network || (end->may_have_been_sent && !call->plan.may_repeat))
        return false;
    if (call->tries >= (call->plan.tries != 0 ? call->plan.tries : DIFY__CALL_TRIES))
        return false;
    if (call->has_source && !dify__source_rewind(&call->source))
        return false;
    call->alarm.ring = on_try;
    dify__alarm_in(call->env, &call->alarm, dify__backoff_ms(call->env, call->tries, BACKOFF_MS));
    return true;
}

static void on_head(void *ctx, const struct dify__head *head)
{
    struct dify_call *call = ctx;
    call->heard_ms = dify__now(call->env);
    call->status = head->status;
    call->date_s = dify__head_date_s(head);
    call->is_html =
        head->content_type.len >= 9 && strncasecmp(head->content_type.ptr, "text/html", 9) == 0;
    call->body.len = 0;
    if (head->release.len < sizeof call->release) {
        if (head->release.len > 0)
            memcpy(call->release, head->release.ptr, head->release.len);
        call->release[head->release.len] = '\0';
    }
}

/* A stream has sent its first byte: that was all that was wanted. */
static void end_probe(struct dify_call *call)
{
    double ms = (double)(call->heard_ms - call->sent_ms);
    struct dify_answer answer = {.outcome = DIFY_OUTCOME_SUCCEEDED,
                                 .times = {-1, -1, -1, .first_byte_ms = ms, .total_ms = ms}};
    call->env->transport->cancel(call->env->transport->ctx, call->exchange);
    call->exchange = NULL;
    tell(call, &answer);
}

static void fail_here(struct dify_call *call, struct dify__end end, enum dify_outcome outcome)
{
    call->env->transport->cancel(call->env->transport->ctx, call->exchange);
    call->exchange = NULL;
    tell_end(call, outcome, code_of(outcome), &end);
}

static void on_body(void *ctx, struct dify_slice bytes)
{
    struct dify_call *call = ctx;
    call->heard_ms = dify__now(call->env);
    if (call->plan.is_stream && call->status == 200) {
        end_probe(call);
        return;
    }
    enum dify_err err = dify__buffer_append(&call->body, bytes.ptr, bytes.len);
    if (err == DIFY_OK)
        return;
    call->is_too_large = err == DIFY_ERR_TOO_LARGE;
    struct dify__end end = {.failure = DIFY__NO_MEMORY, .may_have_been_sent = true, .detail = ""};
    fail_here(call, end, DIFY_OUTCOME_INVALID_RESPONSE);
}

static void on_end(void *ctx, const struct dify__end *end)
{
    struct dify_call *call = ctx;
    call->exchange = NULL;
    dify__alarm_off(call->env, &call->alarm);
    if (end->failure == DIFY__WHOLE) {
        tell_whole(call, end);
    } else if (!tries_again(call, end)) {
        enum dify_outcome outcome = dify__outcome_of_failure(end->failure);
        tell_end(call, outcome, code_of(outcome), end);
    }
}

static uint64_t silence_ms(const struct dify_call *call)
{
    if (call->plan.is_stream)
        return PROBE_MS;
    return call->plan.silence_ms != 0 ? call->plan.silence_ms : call->app->silence_timeout_ms;
}

static void on_silence(struct dify__alarm *alarm)
{
    struct dify_call *call =
        (struct dify_call *)(void *)((char *)alarm - offsetof(struct dify_call, alarm));
    struct dify__buffer text = {.allocator = call->env->allocator, .max = SIZE_MAX / 2};
    enum dify_err err = DIFY_OK;
    uint64_t silent = dify__now(call->env) - call->heard_ms;
    if (silent < silence_ms(call)) {
        dify__alarm_in(call->env, &call->alarm, silence_ms(call) - silent);
        return;
    }
    call->env->transport->cancel(call->env->transport->ctx, call->exchange);
    call->exchange = NULL;
    dify__add_slice(&text, &err, dify__app_host(call->app));
    dify__add(&text, &err, " has sent nothing for ");
    dify__add_uint(&text, &err, silence_ms(call) / 1000);
    dify__add(&text, &err, " s");
    tell_failure(call, DIFY_OUTCOME_READ_TIMEOUT, "read_timeout", &text, NULL);
    dify__buffer_fini(&text);
}

static void send(struct dify_call *call)
{
    const struct dify__receiver receiver = {
        .ctx = call, .head = on_head, .body = on_body, .end = on_end};
    struct dify__end none = {.failure = DIFY__NO_MEMORY, .detail = ""};
    const struct dify__transport *transport = call->env->transport;
    call->tries++;
    call->status = 0;
    call->body.len = 0;
    call->sent_ms = call->heard_ms = dify__now(call->env);
    call->alarm.ring = on_silence;
    dify__alarm_in(call->env, &call->alarm, silence_ms(call));
    if (transport->start(transport->ctx, call->app, &call->request, &receiver, &call->exchange) !=
        DIFY_OK)
        tell_end(call, DIFY_OUTCOME_INVALID_RESPONSE, "invalid_response", &none);
}

/* A call that could not even be begun is told of from the loop, as all are. */
static void on_bad_source(struct dify__alarm *alarm)
{
    struct dify_call *call =
        (struct dify_call *)(void *)((char *)alarm - offsetof(struct dify_call, alarm));
    struct dify__buffer text = call->body;
    call->body = (struct dify__buffer){.allocator = call->env->allocator};
    tell_failure(call, DIFY_OUTCOME_UPLOAD_FAILED, "upload_failed", &text, NULL);
    dify__buffer_fini(&text);
}

static enum dify_err open_source(struct dify_call *call)
{
    struct dify_error error;
    call->has_source = true;
    enum dify_err err = dify__source_open(&call->source, call->plan.file, &error);
    call->request.file = &call->source;
    call->request.user = call->plan.user;
    if (err != DIFY_ERR_ARGUMENT)
        return err;
    call->alarm.ring = on_bad_source;
    return dify__buffer_append(&call->body, error.message, strlen(error.message));
}

enum dify_err dify__call_start(struct dify_app *app, const struct dify__call_plan *take_plan,
                               dify_answer_fn *answered, void *ctx, struct dify_call **out)
{
    struct dify__env *env = app->env;
    struct dify_call *call = dify__calloc(env->allocator, sizeof *call);
    if (call == NULL || dify__reserve_alarms(env, 1) != DIFY_OK) {
        dify__free(env->allocator, take_plan->path);
        dify__free(env->allocator, take_plan->body);
        dify__free(env->allocator, take_plan->user);
        dify__free(env->allocator, call);
        return DIFY_ERR_NOMEM;
    }
    call->env = env;
    call->next = env->calls;
    if (env->calls != NULL)
        env->calls->previous = call;
    env->calls = call;
    call->app = app;
    app->uses++;
    call->plan = *take_plan;
    call->answered = answered;
    call->ctx = ctx;
    call->body = (struct dify__buffer){.allocator = env->allocator, .max = DIFY_ANSWER_BYTES};
    call->request.path = call->plan.path;
    call->request.body = (struct dify_slice){call->plan.body, call->plan.body_len};
    call->request.flags = (call->plan.is_post ? DIFY__REQUEST_POST : 0u) |
                          (call->plan.is_fresh ? DIFY__REQUEST_FRESH : 0u) |
                          (call->plan.is_stream ? DIFY__REQUEST_STREAM : 0u);
    call->alarm.ring = on_try;
    enum dify_err err = call->plan.file != NULL ? open_source(call) : DIFY_OK;
    if (err != DIFY_OK) {
        free_call(call);
        return err;
    }
    dify__alarm_in(env, &call->alarm, 0);
    env->under_way++;
    if (out != NULL)
        *out = call;
    env->changed(env->ctx);
    return DIFY_OK;
}

const char *dify__call_file_kind(const struct dify_call *call)
{
    return call->has_source ? call->source.kind : "custom";
}
