/* SPDX-License-Identifier: Apache-2.0
 *
 * callers.c: see callers.h. Results and receipts here, streams in stream.c.
 */
#include "gateway/callers.h"

#include "core/slices.h"
#include "gateway/caller.h"
#include "gateway/hub.h"
#include "gateway/logger.h"
#include "gateway/reply.h"
#include "gateway/v1.h"

#include <stdio.h>
#include <stdlib.h>

#define EACH(run, link, next)                                                                      \
    for (struct http_link *link = (run)->callers.next, *next = link->next;                         \
         link != &(run)->callers; link = next, next = link->next)

static struct gw_caller *caller_of(struct http_link *link)
{
    return HTTP_LINKED(link, struct gw_caller, link);
}

/* ---- results ------------------------------------------------------------------------------- */

static struct dify_slice location_of(const struct gw_run *run, char text[64])
{
    int len = snprintf(text, 64, "/api/runs/%s", run->id_text);
    return (struct dify_slice){text, (size_t)len};
}

size_t gw__caller_v1_fields(const struct gw_caller *caller, struct http_field fields[2])
{
    const struct gw_run *run = caller->run;
    const char *release = run->app != NULL ? dify_app_release(run->app->dify) : "";
    size_t count = 0;
    fields[count++] =
        (struct http_field){DIFY_SLICE("X-Difystream-Run-ID"), dify__slice(run->id_text)};
    if (release[0] != '\0')
        fields[count++] = (struct http_field){DIFY_SLICE("X-Version"), dify__slice(release)};
    return count;
}

/* The fields of an answer about a run: where it is, and for a refusal when to come again. */
static size_t fields_of(const struct gw_caller *caller, int status, struct http_field fields[5],
                        char location[64])
{
    const struct gw_run *run = caller->run;
    size_t count = 0;
    fields[count++] =
        (struct http_field){DIFY_SLICE("Content-Type"),
                            caller->options.is_v1 ? DIFY_SLICE("application/json")
                                                  : DIFY_SLICE("application/json; charset=utf-8")};
    fields[count++] = (struct http_field){DIFY_SLICE("Cache-Control"), DIFY_SLICE("no-store")};
    if (caller->options.is_v1) {
        count += gw__caller_v1_fields(caller, fields + count);
    } else {
        fields[count++] = GW_NOSNIFF;
        if (caller->options.is_creating && (run->has_row || run->is_kept))
            fields[count++] =
                (struct http_field){DIFY_SLICE("Location"), location_of(run, location)};
    }
    if (status == 429 || status == 503)
        fields[count++] = (struct http_field){DIFY_SLICE("Retry-After"), DIFY_SLICE("5")};
    return count;
}

static void write_no_memory(const struct gw_caller *caller, struct dify__buffer *text)
{
    static const char why[] = "the result cannot be shown for want of memory";
    const struct gw_run *run = caller->run;
    if (caller->options.is_v1)
        gw_error_as_dify(text, 503, "out_of_memory", why);
    else
        gw_error_text(text, 503, "out_of_memory", why, run->has_row ? run->id_text : NULL);
}

/* The whole answer, or the rest of one that has begun. */
static void answer(struct gw_caller *caller, int status)
{
    struct gw_run *run = caller->run;
    struct dify__buffer *text = &run->gateway->scratch;
    struct http_field fields[5];
    char location[64];
    text->len = 0;
    caller->is_answered = true;
    http_timer_clear(&run->gateway->timer, &caller->alarm);
    if (!(caller->options.is_v1 ? gw_v1_write(run, text) : gw_run_write(run, text))) {
        text->len = 0;
        write_no_memory(caller, text);
        status = 503;
    }
    if (!caller->options.is_v1) /* Dify's own have what they have */
        (void)!dify__buffer_append(text, "\n", 1);
    if (!caller->has_begun) {
        size_t count = fields_of(caller, status, fields, location);
        http_respond(caller->exchange, status, fields, count, dify__buffer_slice(text));
        return;
    }
    if (!http_respond_write(caller->exchange, dify__buffer_slice(text)))
        http_exchange_cut(caller->exchange, false, true); /* it did not read the newlines even */
    else
        http_respond_end(caller->exchange);
}

/* A result that takes its time: headers and newlines keep the connection alive. */
static void keep_alive(struct gw_caller *caller)
{
    struct gw_run *run = caller->run;
    struct http_field fields[6];
    char location[64];
    if (!caller->has_begun) {
        size_t count = fields_of(caller, 200, fields, location);
        fields[count++] = (struct http_field){DIFY_SLICE("X-Accel-Buffering"), DIFY_SLICE("no")};
        http_respond_begin(caller->exchange, 200, fields, count, HTTP_LENGTH_UNKNOWN);
        caller->has_begun = true;
    }
    (void)!http_respond_write(caller->exchange, DIFY_SLICE("\n")); /* else it has enough of them */
    (void)!http_timer_set(&run->gateway->timer, &caller->alarm, run->gateway->newline_ms);
}

/* The run has ended: whoever was told nothing yet is told its result. */
static void ended(struct gw_caller *caller)
{
    const struct gw_run *run = caller->run;
    const struct gw_caller_options *options = &caller->options;
    bool has_more = options->is_v1 && /* a stream of it, that begins now */
                    (!options->is_creating || (run->v1 != NULL && run->v1->has_told));
    bool is_streaming = options->kind == GW_CALLER_STREAM && (caller->has_begun || has_more);
    if (!caller->is_answered && !is_streaming)
        answer(caller,
               caller->options.is_v1 && run->v1 != NULL ? run->v1->status : run->http_status);
}

static void on_alarm(struct dify__alarm *alarm)
{
    struct gw_caller *caller =
        (struct gw_caller *)(void *)((char *)alarm - offsetof(struct gw_caller, alarm));
    if (caller->options.kind == GW_CALLER_STREAM)
        gw__stream_keep_alive(caller);
    else
        keep_alive(caller);
}

/* ---- coming and going ---------------------------------------------------------------------- */

static bool has_waiting(const struct gw_run *run)
{
    return !http_list_is_empty(&run->callers);
}

/* It has come (1), or it goes (-1). */
static void count(struct gw_caller *caller, int by)
{
    struct gw_run *run = caller->run;
    size_t one = (size_t)by;
    run->caller_count += one;
    run->gateway->hub.callers += one;
    if (caller->options.kind != GW_CALLER_STREAM)
        return;
    run->stream_count += one;
    run->gateway->hub.followers += one;
}

bool gw_callers_follow(const struct gw_run *run)
{
    return run->stream_count > 0;
}

struct http_exchange *gw_callers_first(const struct gw_run *run)
{
    return http_list_is_empty(&run->callers) ? NULL : caller_of(run->callers.next)->exchange;
}

bool gw_callers_have_begun(const struct gw_run *run)
{
    EACH(run, link, next)
    if (caller_of(link)->options.is_v1 && caller_of(link)->has_begun)
        return true;
    return false;
}

bool gw_callers_all_stream(const struct gw_run *run)
{
    EACH(run, link, next)
    if (caller_of(link)->options.kind != GW_CALLER_STREAM || !caller_of(link)->has_begun)
        return false;
    return true;
}

static void on_close(void *ctx, struct http_exchange *exchange, bool is_complete)
{
    struct gw_caller *caller = ctx;
    struct gw_run *run = caller->run;
    (void)exchange;
    http_timer_clear(&run->gateway->timer, &caller->alarm);
    http_list_remove(&caller->link);
    count(caller, -1);
    bool has_left = !is_complete && run->state <= GW_RUN_LIVE;
    caller->exchange = NULL;
    if (!caller->is_reading)
        free(caller);
    if (has_left && !has_waiting(run) && run->app != NULL &&
        run->app->config->cancels_on_disconnect) {
        gw_log_note(run->gateway, GW_LOG_INFO, run, "nobody waits for it any more: it is stopped");
        gw_run_stop(run);
    }
    gw_run_touch(run);
}

static void on_drain(void *ctx, struct http_exchange *exchange)
{
    struct gw_caller *caller = ctx;
    (void)exchange;
    if (caller->options.kind == GW_CALLER_STREAM)
        gw__stream_pump(caller);
}

/* It has left, or only says that it sends no more: what is written to it tells, in time. */
static void on_half_close(void *ctx, struct http_exchange *exchange)
{
    struct gw_caller *caller = ctx;
    (void)exchange;
    if (caller->options.kind == GW_CALLER_STREAM && caller->has_begun && !caller->is_answered)
        gw__stream_keep_alive(caller);
}

static bool is_full(const struct gw_run *run, const struct gw_caller_options *options)
{
    const struct gateway *gateway = run->gateway;
    return run->caller_count >= GW_RUN_FOLLOWERS ||
           (options->kind == GW_CALLER_STREAM &&
            gateway->hub.followers >= gateway->config->max_followers);
}

bool gw_caller_attach(struct gw_run *run, struct http_exchange *exchange,
                      const struct gw_caller_options *options)
{
    static const char full[] = "as many clients wait for runs as may; try again later";
    struct gateway *gateway = run->gateway;
    struct gw_caller *caller = is_full(run, options) ? NULL : calloc(1, sizeof *caller);
    if (caller == NULL) {
        http_exchange_watch(exchange, &(struct http_exchange_watch){.ctx = NULL});
        if (options->is_v1)
            gw_reply_as_dify(exchange, 503, "too_many_followers", full);
        else
            gw_reply_error(exchange, 503, "too_many_followers", full, NULL);
        gw_run_touch(run);
        return false;
    }
    *caller = (struct gw_caller){.run = run, .exchange = exchange, .options = *options};
    caller->alarm.ring = on_alarm;
    http_list_init(&caller->link);
    http_list_append(&run->callers, &caller->link);
    count(caller, 1);
    gw_run_touch(run); /* what lingers is wanted now */
    http_exchange_watch(exchange, &(struct http_exchange_watch){.ctx = caller,
                                                                .on_close = on_close,
                                                                .on_drain = on_drain,
                                                                .on_half_close = on_half_close});
    if ((options->kind == GW_CALLER_RESULT || options->is_v1) && options->keepalive_after_ms > 0)
        (void)!http_timer_set(&gateway->timer, &caller->alarm, options->keepalive_after_ms);
    if (run->is_kept && (gw_run_has_ended(run) || run->state != GW_RUN_KEEPING))
        gw__caller_accepted(caller);
    if (gw_run_has_ended(run))
        ended(caller);
    return true;
}

/* ---- by the run ---------------------------------------------------------------------------- */

void gw__caller_accepted(struct gw_caller *caller)
{
    if (caller->options.kind == GW_CALLER_RECEIPT && !caller->is_answered)
        answer(caller, 202);
    else if (caller->options.kind == GW_CALLER_STREAM && !caller->has_begun &&
             !caller->options.is_v1)
        gw__stream_begin(caller);
}

void gw_callers_accepted(struct gw_run *run)
{
    EACH(run, link, next)
    gw__caller_accepted(caller_of(link));
}

void gw_callers_progress(struct gw_run *run)
{
    EACH(run, link, next)
    if (caller_of(link)->options.kind == GW_CALLER_STREAM)
        gw__stream_pump(caller_of(link));
}

void gw_callers_ended(struct gw_run *run)
{
    EACH(run, link, next)
    {
        if (run->is_kept)
            gw__caller_accepted(caller_of(link));
        ended(caller_of(link));
    }
}

/* Of /v1: a stream that ends so is not to look whole. */
static void cut_v1(struct gw_caller *caller, const char *why)
{
    struct http_exchange *exchange = caller->exchange;
    if (caller->is_answered)
        return;
    if (!caller->has_begun) {
        gw_reply_as_dify(exchange, 503, "stopping", why);
        return;
    }
    struct dify__buffer text = {.allocator = dify__allocator(NULL), .max = 4096};
    gw_error_as_dify(&text, 503, "stopping", why);
    if (caller->options.kind == GW_CALLER_RESULT && text.len > 0 &&
        http_respond_write(exchange, dify__buffer_slice(&text)))
        http_respond_end(exchange);
    else
        http_exchange_cut(exchange, true, true);
    dify__buffer_fini(&text);
}

void gw_callers_cut(struct gw_run *run)
{
    static const char why[] =
        "the gateway is being stopped; a run that was sent goes on, and the next process takes it "
        "up: ask for it by its run_id";
    const char *id = run->has_row && run->gateway->store != NULL ? run->id_text : NULL;
    EACH(run, link, next)
    {
        struct gw_caller *caller = caller_of(link);
        struct http_exchange *exchange = caller->exchange;
        if (caller->options.is_v1)
            cut_v1(caller, why);
        else if (caller->options.kind != GW_CALLER_STREAM && !caller->is_answered)
            gw_reply_stopping(exchange, caller->has_begun, why, id);
        else if (caller->options.kind == GW_CALLER_STREAM && caller->has_begun)
            http_respond_end(exchange); /* the client comes again with its last id */
        else
            gw_reply_stopping(exchange, false, why, id);
        http_exchange_watch(exchange, &(struct http_exchange_watch){.ctx = NULL});
        on_close(caller, exchange, true);
    }
}
