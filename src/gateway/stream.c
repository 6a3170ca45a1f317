/* SPDX-License-Identifier: Apache-2.0
 *
 * stream.c: a run's event log as server-sent events, from any record on: from memory what is there,
 * from the store what is not, at the pace of who reads; at the end the result.
 *
 *     id: 1-7                    <epoch>-<number of the record>
 *     data: {"event": ...}       as Dify sent it
 *
 * What became of the stream (a break, a resume) comes between as `event: follow`; `event: reset`
 * says that what follows is not the continuation of what was seen; `event: end` has the result, and
 * a client that comes again with its id gets 204, by which an EventSource stops. The end of a
 * paused run has no id: its log may go on, and a client that comes again gets what is new, or the
 * same end.
 */
#include "core/json_text.h"
#include "gateway/caller.h"
#include "gateway/hub.h"
#include "gateway/sse.h"
#include "gateway/v1.h"
#include "http/sse_out.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool gw_parse_event_id(struct dify_slice text, uint32_t *epoch, uint32_t *number)
{
    uint64_t values[2];
    const char *dash = text.len > 0 ? memchr(text.ptr, '-', text.len) : NULL;
    if (dash == NULL)
        return false;
    struct dify_slice parts[2] = {{text.ptr, (size_t)(dash - text.ptr)},
                                  {dash + 1, (size_t)(text.ptr + text.len - dash - 1)}};
    for (size_t i = 0; i < 2; i++) {
        if (!dify__parse_uint(parts[i], &values[i]) || values[i] > UINT32_MAX)
            return false;
    }
    *epoch = (uint32_t)values[0];
    *number = (uint32_t)values[1];
    return true;
}

/* ---- writing ------------------------------------------------------------------------------- */

#define ID_BYTES 48 /* two numbers as dify__format_uint() writes them, a dash, a NUL */

/* By hand: snprintf() was half of what it took to compose an event. */
static void format_id(const struct gw_caller *caller, char id[ID_BYTES])
{
    size_t len = dify__format_uint(caller->run->epoch, id);
    id[len++] = '-';
    len += dify__format_uint(caller->next, id + len);
    id[len] = '\0';
}

/* What was composed goes out. Below the high-water mark nothing is refused but what nobody will
 * read, or what is too large while all that waits for clients is: the stream is then cut. */
static void write_out(struct gw_caller *caller)
{
    struct dify__buffer *text = &caller->run->gateway->scratch;
    if (text->len == 0) /* nothing but records that are not for followers */
        return;
    if (!http_respond_write(caller->exchange, dify__buffer_slice(text)))
        caller->is_answered = true;
    caller->written_ms = uv_now(caller->run->gateway->loop);
    dify__buffer_clear(text, GW_SCRATCH_BYTES);
}

/* Whether the text is that of an event which ends a run: its name stands at its begin. */
static bool is_end(struct dify_slice text)
{
    static const char name[] = "\"workflow_finished\"";
    size_t room = text.len < GW_EVENT_NAME_BYTES ? text.len : GW_EVENT_NAME_BYTES;
    for (size_t at = 0; at + sizeof name - 1 <= room; at++) {
        if (memcmp(text.ptr + at, name, sizeof name - 1) == 0)
            return true;
    }
    return false;
}

/* As Dify writes them. */
static enum dify_err compose_v1(const struct gw_caller *caller, struct dify__buffer *text,
                                const struct store_record *record)
{
    static const char ping[] = "event: ping\n\n";
    if (caller->options.is_end_only && !is_end(record->text))
        return DIFY_OK;
    switch (record->kind) {
    case STORE_RECORD_EVENT:
    case STORE_RECORD_V1:
        return gw_sse_put(text, NULL, NULL, record->text);
    case STORE_RECORD_PING:
        return dify__buffer_append(text, ping, sizeof ping - 1);
    default:
        return DIFY_OK;
    }
}

/* As the gateway's own followers get it. */
static enum dify_err compose_record(const struct gw_caller *caller, struct dify__buffer *text,
                                    const struct store_record *record)
{
    char id[ID_BYTES];
    if (store_record_is_v1(record->kind))
        return DIFY_OK;
    format_id(caller, id);
    return gw_sse_put(text, id, store_record_is_event(record->kind) ? NULL : "follow",
                      record->text);
}

/* Composes records, the first of which has the number `first`: those from caller->next on, until
 * enough of them. Returns how many bytes of `records` were taken. */
static size_t compose(struct gw_caller *caller, struct dify_slice records, uint32_t first)
{
    struct dify__buffer *text = &caller->run->gateway->scratch;
    struct dify_slice rest = records;
    struct store_record record;
    enum dify_err err = DIFY_OK;
    while (err == DIFY_OK && text->len < GW_STREAM_BYTES && store_record_next(&rest, &record)) {
        if (first++ < caller->next)
            continue;
        err = caller->options.is_v1 ? compose_v1(caller, text, &record)
                                    : compose_record(caller, text, &record);
        caller->next++;
    }
    if (err != DIFY_OK) /* it comes again, and gets the rest */
        http_exchange_cut(caller->exchange, false, true);
    return records.len - rest.len;
}

/* The client is told that what it has is not continued by what follows. Dify has no word for that:
 * a stream of /v1 is cut, as it is not to look whole. */
static void write_reset(struct gw_caller *caller, const char *why)
{
    if (caller->options.is_v1) {
        caller->is_answered = true;
        http_timer_clear(&caller->run->gateway->timer, &caller->alarm);
        http_exchange_cut(caller->exchange, true, true);
        return;
    }
    struct dify__buffer *text = &caller->run->gateway->scratch;
    char data[128];
    int len = snprintf(data, sizeof data, "{\"event\":\"reset\",\"reason\":\"%s\",\"next\":%u}",
                       why, caller->next);
    text->len = 0;
    if (gw_sse_put(text, NULL, "reset", (struct dify_slice){data, (size_t)len}) == DIFY_OK)
        write_out(caller);
}

static void write_end(struct gw_caller *caller)
{
    struct gw_run *run = caller->run;
    if (caller->options.is_v1) {
        caller->is_answered = true;
        http_timer_clear(&run->gateway->timer, &caller->alarm);
        if (run->log_is_full || (run->v1 != NULL && run->v1->lacks_end))
            http_exchange_cut(caller->exchange, true, true);
        else
            http_respond_end(caller->exchange);
        return;
    }
    struct dify__buffer *text = &run->gateway->scratch;
    struct dify__buffer result = {.allocator = run->gateway->allocator, .max = SIZE_MAX / 2};
    char id[ID_BYTES];
    format_id(caller, id);
    text->len = 0;
    caller->is_answered = true;
    http_timer_clear(&run->gateway->timer, &caller->alarm);
    if (gw_run_write(run, &result) && gw_sse_put(text, run->is_paused ? NULL : id, "end",
                                                 dify__buffer_slice(&result)) == DIFY_OK) {
        write_out(caller);
        http_respond_end(caller->exchange);
    } else {
        http_exchange_cut(caller->exchange, false, true);
    }
    dify__buffer_fini(&result);
}

/* ---- from the store ------------------------------------------------------------------------ */

struct gw_stream_read {
    struct gw_read read; /* the first member */
    struct gw_caller *caller;
    uint64_t number;
    uint32_t from, first;
    struct dify__buffer records;
    enum dify_err err;
};

static void on_work(struct gw_read *read, struct store_reader *reader)
{
    struct gw_stream_read *job = (struct gw_stream_read *)(void *)read;
    job->err = store_read_log(reader, job->number, job->from, GW_LOG_READ_BYTES, &job->records,
                              &job->first);
}

/* What is not in the store: it is not written yet, or was removed. */
static void on_absent(struct gw_caller *caller)
{
    struct gw_run *run = caller->run;
    if (store_is_failing(run->gateway->store, NULL))
        return; /* it goes on when the store does */
    caller->next = run->log.first;
    caller->at = UINT64_MAX;
    write_reset(caller, "removed");
    gw__stream_pump(caller);
}

static void on_read(struct gw_read *read)
{
    struct gw_stream_read *job = (struct gw_stream_read *)(void *)read;
    struct gw_caller *caller = job->caller;
    caller->is_reading = false;
    if (caller->exchange == NULL) { /* it has left, and its run may be gone */
        free(caller);
    } else if (job->err == DIFY_OK) {
        caller->run->gateway->scratch.len = 0;
        struct dify_slice records = dify__buffer_slice(&job->records);
        uint32_t before = caller->next;
        (void)compose(caller, records, job->first);
        write_out(caller);
        if (caller->next == before)
            on_absent(caller);
        else
            gw__stream_pump(caller);
    } else if (job->err == DIFY_ERR_ABSENT) {
        on_absent(caller);
    } else {
        http_exchange_cut(caller->exchange, true, false);
    }
    dify__buffer_fini(&job->records);
    free(job);
}

static void read_from_store(struct gw_caller *caller)
{
    struct gateway *gateway = caller->run->gateway;
    struct gw_stream_read *job = calloc(1, sizeof *job);
    caller->at = UINT64_MAX;
    if (job != NULL) {
        job->read.work = on_work;
        job->read.done = on_read;
        job->caller = caller;
        job->number = caller->run->number;
        job->from = caller->next;
        job->records = (struct dify__buffer){.allocator = gateway->allocator, .max = SIZE_MAX / 2};
        if (gw_read_start(&gateway->reads, &job->read)) {
            caller->is_reading = true;
            return;
        }
        free(job);
    }
    http_exchange_cut(caller->exchange, true, false); /* too busy: it comes again */
}

/* ---- the stream ---------------------------------------------------------------------------- */

/* From memory. False: there is nothing more to be had at the moment. */
static bool write_from_memory(struct gw_caller *caller)
{
    struct gw_run *run = caller->run;
    if (caller->next >= run->log.shown_next)
        return false;
    run->gateway->scratch.len = 0;
    struct dify_slice records = gw_runlog_from(&run->log, caller->next, &caller->at);
    caller->at += compose(caller, records, caller->next);
    write_out(caller);
    return true;
}

/* Dify has answered, or it takes its time. */
static void begin_v1(struct gw_caller *caller)
{
    struct gateway *gateway = caller->run->gateway;
    struct http_field fields[2];
    size_t count = gw__caller_v1_fields(caller, fields);
    caller->has_begun = true;
    caller->at = UINT64_MAX;
    caller->next = 1;
    if (caller->options.is_from_now)
        caller->next = caller->run->log.shown_next;
    else if (caller->options.is_end_only && gateway->store == NULL)
        caller->next = caller->run->log.first; /* the end is what is kept the longest */
    http_sse_begin(caller->exchange, fields, count);
    caller->written_ms = uv_now(gateway->loop);
    (void)!http_timer_set(&gateway->timer, &caller->alarm, gateway->comment_ms);
}

/* Whether a stream begins for him: Dify has answered with one. Where that ended at once, before
 * there was anything to tell, he gets the error as a status. */
static bool may_begin_v1(const struct gw_caller *caller)
{
    const struct gw_v1 *v1 = caller->run->v1;
    if (caller->has_begun || caller->is_answered || !caller->options.is_v1)
        return false;
    return !caller->options.is_creating || v1->has_told || v1->has_stream;
}

void gw__stream_pump(struct gw_caller *caller)
{
    struct gw_run *run = caller->run;
    if (may_begin_v1(caller))
        begin_v1(caller);
    if (!caller->has_begun || caller->is_answered || caller->is_reading)
        return;
    while (!caller->is_answered && http_exchange_pending(caller->exchange) < GW_STREAM_BYTES) {
        if (caller->next < run->log.first && run->gateway->store != NULL) {
            read_from_store(caller);
            return;
        }
        if (caller->next < run->log.first) {
            caller->next = run->log.first;
            caller->at = UINT64_MAX;
            write_reset(caller, "fallen behind");
        } else if (!write_from_memory(caller)) {
            break;
        }
    }
    /* the end goes out only where it is not refused: on_drain() comes for it */
    if (caller->is_answered)
        return;
    if (gw_run_has_ended(run) && caller->next >= run->log.next &&
        http_exchange_pending(caller->exchange) < GW_STREAM_BYTES)
        write_end(caller);
    else if (http_exchange_pending(caller->exchange) >= GW_STREAM_BYTES)
        http_exchange_want_drain(caller->exchange, GW_STREAM_BYTES / 2);
}

/* Whether the client has seen the end already. */
static bool has_seen_end(const struct gw_caller *caller)
{
    const struct gw_run *run = caller->run;
    return caller->options.has_last && gw_run_has_ended(run) && !run->is_paused &&
           caller->options.last_epoch == run->epoch && caller->options.last_number == run->log.next;
}

void gw__stream_begin(struct gw_caller *caller)
{
    struct gw_run *run = caller->run;
    const struct gw_caller_options *options = &caller->options;
    char location[64];
    int len = snprintf(location, sizeof location, "/api/runs/%s", run->id_text);
    struct http_field field = {DIFY_SLICE("Location"), {location, (size_t)len}};
    bool is_known = !options->has_last ||
                    (options->last_epoch == run->epoch && options->last_number <= run->log.next);
    if (has_seen_end(caller)) {
        caller->is_answered = true;
        http_respond(caller->exchange, 204, NULL, 0, DIFY_SLICE(""));
        return;
    }
    caller->has_begun = true;
    caller->at = UINT64_MAX;
    caller->next = is_known && options->has_last ? options->last_number + 1 : 1;
    http_sse_begin(caller->exchange, &field, options->is_creating ? 1 : 0);
    (void)!http_sse_retry(caller->exchange, GW_SSE_RETRY_MS);
    if (!is_known)
        write_reset(caller, "unknown id");
    caller->written_ms = uv_now(run->gateway->loop);
    (void)!http_timer_set(&run->gateway->timer, &caller->alarm, run->gateway->comment_ms);
    gw__stream_pump(caller);
}

/* One that does not take it has enough to read. */
static void keep_awake(struct gw_caller *caller)
{
    if (caller->options.is_v1)
        (void)!http_respond_write(caller->exchange, DIFY_SLICE("event: ping\n\n"));
    else
        (void)!http_sse_comment(caller->exchange, DIFY_SLICE(""));
}

void gw__stream_keep_alive(struct gw_caller *caller)
{
    struct gateway *gateway = caller->run->gateway;
    uint32_t pace_ms = gateway->comment_ms;
    if (!caller->has_begun && gw_v1_is_silent(caller->run))
        return; /* its answer is on its way to the disk */
    if (!caller->has_begun)
        begin_v1(caller);
    if (http_exchange_half_closed(caller->exchange) && pace_ms > GW_HALF_CLOSED_MS)
        pace_ms = GW_HALF_CLOSED_MS;
    uint64_t silent_ms = uv_now(gateway->loop) - caller->written_ms;
    if (silent_ms >= pace_ms) {
        keep_awake(caller);
        caller->written_ms = uv_now(gateway->loop);
        silent_ms = 0;
    }
    (void)!http_timer_set(&gateway->timer, &caller->alarm, pace_ms - silent_ms);
}
