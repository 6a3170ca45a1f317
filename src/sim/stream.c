/* SPDX-License-Identifier: Apache-2.0
 *
 * stream.c: see stream.h. Only this file writes a stream.
 *
 * A stream that its client left goes on until a write fails, as Dify's does: nothing tells it
 * before.
 */
#include "sim/stream.h"

#include "core/slices.h"
#include "sim/snapshot.h"
#include "sim/visit.h"

#include <string.h>

/* A client is sent so much ahead while it reads; what is more waits for it. One that has taken
 * nothing for so long does not read, and loses events once so much waits. */
#define AHEAD_BYTES ((size_t)1 << 20)
#define UNREAD_MS 5000
#define LOST_BYTES ((size_t)8 << 20)

#define SILENCE_LEAST_MS 100

static const char ping_frame[] = "event: ping\n\n";

static enum sim_fault_kind fault_of(const struct sim_stream *stream)
{
    return stream->visit->fault.kind;
}

static uint64_t fault_value(const struct sim_stream *stream)
{
    return (uint64_t)stream->visit->fault.value;
}

/* Whether the stream is relayed from a worker, with its first ping and its end by silence. */
static bool is_relayed(const struct sim_stream *stream)
{
    return stream->watch == SIM_WATCH_EVENTS || (sim_is_at_least(stream->visit->sim, SIM_1_14_2) &&
                                                 sim_mode_has_runs(stream->visit->app->mode));
}

static void set_alarm_in(struct sim_stream *stream, uint64_t ms)
{
    if (http_timer_set(&stream->visit->sim->clock, &stream->alarm, ms) != DIFY_OK)
        http_exchange_cut(stream->visit->exchange, false, true);
}

/* In so many milliseconds of Dify's. */
static void set_alarm(struct sim_stream *stream, double ms)
{
    set_alarm_in(stream, sim_scaled(stream->visit->sim, ms));
}

/* After how much silence a stream ends. However fast the simulator is, a run has some turns of the
 * loop to go on in. */
static uint64_t silence_ms(const struct sim *sim)
{
    uint64_t ms = sim_scaled(sim, SIM_SILENCE_MS);
    return ms > SILENCE_LEAST_MS ? ms : SILENCE_LEAST_MS;
}

/* ---- sending ------------------------------------------------------------------------------- */

static void end_now(struct sim_stream *stream)
{
    http_timer_clear(&stream->visit->sim->clock, &stream->alarm);
    stream->is_mute = stream->is_closing = true;
    http_respond_end(stream->visit->exchange);
}

static void cut(struct sim_stream *stream, bool resets)
{
    http_timer_clear(&stream->visit->sim->clock, &stream->alarm);
    stream->is_mute = stream->is_closing = true;
    http_exchange_cut(stream->visit->exchange, true, resets);
}

/* Whether the client takes what it is sent: only little waits, or less than a moment ago. */
static bool is_read(struct sim_stream *stream)
{
    uint64_t now = uv_now(stream->visit->sim->loop);
    size_t waiting = http_exchange_pending(stream->visit->exchange);
    if (waiting <= AHEAD_BYTES || waiting < stream->waiting_bytes)
        stream->taken_ms = now;
    stream->waiting_bytes = waiting;
    return now - stream->taken_ms < UNREAD_MS;
}

/* Whether an event is lost to a client that does not read, as in Dify's relay. */
static bool is_lost(struct sim_stream *stream)
{
    return http_exchange_pending(stream->visit->exchange) > LOST_BYTES && !is_read(stream);
}

bool sim_stream_holds(struct sim_run *run)
{
    for (struct sim_stream *stream = run->streams; stream != NULL; stream = stream->next) {
        if (stream->watch != SIM_WATCH_BLOCKING && !stream->is_mute && !stream->is_closing &&
            http_exchange_pending(stream->visit->exchange) > AHEAD_BYTES && is_read(stream))
            return true;
    }
    return false;
}

/* Sends bytes as one chunk. */
static void send_chunk(struct sim_stream *stream, struct dify_slice bytes)
{
    if (http_respond_write(stream->visit->exchange, bytes))
        stream->bytes += bytes.len;
}

static void send_bytes(struct sim_stream *stream, struct dify_slice bytes)
{
    uint64_t most = fault_value(stream);
    if (fault_of(stream) == SIM_FAULT_RESET_AFTER_BYTES && stream->bytes + bytes.len >= most) {
        bytes.len = (size_t)(most > stream->bytes ? most - stream->bytes : 0);
        if (bytes.len > 0)
            send_chunk(stream, bytes);
        cut(stream, true);
        return;
    }
    if (fault_of(stream) == SIM_FAULT_BYTE_BY_BYTE) {
        for (size_t i = 0; i < bytes.len; i++)
            send_chunk(stream, (struct dify_slice){bytes.ptr + i, 1});
        return;
    }
    send_chunk(stream, bytes);
}

static void send_ping(struct sim_stream *stream)
{
    send_bytes(stream, (struct dify_slice){ping_frame, sizeof(ping_frame) - 1});
}

/* "data: JSON\n\n" as one chunk. Whether all of it was taken. */
static bool send_frame(struct sim_stream *stream, struct dify_slice json)
{
    struct sim_text frame;
    uint64_t end = stream->bytes;
    sim_text_init(&frame, stream->visit->sim->allocator);
    sim_text_add(&frame, "data: ");
    sim_text_put(&frame, json);
    sim_text_add(&frame, "\n\n");
    if (frame.err != DIFY_OK)
        cut(stream, true);
    else
        send_bytes(stream, sim_text_slice(&frame));
    end += frame.bytes.len;
    sim_text_fini(&frame);
    return frame.err == DIFY_OK && stream->bytes == end;
}

/* The length of the first of several frames, its blank line included. */
static size_t first_frame(struct dify_slice frames)
{
    size_t len = 0;
    while (len + 1 < frames.len && (frames.ptr[len] != '\n' || frames.ptr[len + 1] != '\n'))
        len++;
    return len + 2;
}

/* Frames that were made in one go, each as a chunk of its own; no fault takes them for events. */
static void send_frames(struct sim_stream *stream, const struct sim_text *frames)
{
    struct dify_slice rest = sim_text_slice(frames);
    if (frames->err != DIFY_OK)
        cut(stream, true);
    while (rest.len > 0 && !stream->is_closing) {
        size_t len = first_frame(rest);
        send_bytes(stream, (struct dify_slice){rest.ptr, len});
        rest = (struct dify_slice){rest.ptr + len, rest.len - len};
        stream->events++;
    }
}

/* ---- faults -------------------------------------------------------------------------------- */

/* Ends or silences the stream where its fault counts events and so many were sent. */
static void fail_after_events(struct sim_stream *stream)
{
    if (stream->events < fault_value(stream) || stream->is_mute || stream->is_closing)
        return;
    switch (fault_of(stream)) {
    case SIM_FAULT_RESET_AFTER_EVENTS:
    case SIM_FAULT_RESET_ANYWHERE:
        cut(stream, true);
        break;
    case SIM_FAULT_CLOSE_AFTER_EVENTS:
    case SIM_FAULT_CLOSE_ANYWHERE:
        cut(stream, false);
        break;
    case SIM_FAULT_END_AFTER_EVENTS:
        end_now(stream);
        break;
    case SIM_FAULT_STALL_AFTER_EVENTS:
        http_timer_clear(&stream->visit->sim->clock, &stream->alarm);
        stream->is_mute = true;
        break;
    case SIM_FAULT_ERROR_THEN_PINGS:
        (void)send_frame(stream,
                         DIFY_SLICE("{\"event\":\"error\",\"code\":\"completion_request_error\","
                                    "\"status\":400,\"message\":\"The simulator was asked for "
                                    "an error.\"}"));
        stream->is_mute = stream->pings = true;
        set_alarm(stream, SIM_PING_MS);
        break;
    default:
        break;
    }
}

/* The place within a text's first character of several bytes; 0 if there is none. */
static size_t inside_character(struct dify_slice text)
{
    for (size_t i = 0; i + 1 < text.len; i++) {
        if (((unsigned char)text.ptr[i] & 0xC0) == 0xC0)
            return i + 1;
    }
    return 0;
}

static void send_big_event(struct sim_stream *stream)
{
    struct sim_text json;
    static const char piece[] = "0123456789abcdef";
    uint64_t left = fault_value(stream);
    sim_text_init(&json, stream->visit->sim->allocator);
    sim_text_add(&json, "{\"event\":\"sim_padding\",\"data\":{\"padding\":\"");
    left = left > json.bytes.len + 3 ? left - json.bytes.len - 3 : 0;
    for (; left > 0 && json.err == DIFY_OK; left -= left < 16 ? left : 16)
        sim_text_put(&json, (struct dify_slice){piece, left < 16 ? (size_t)left : 16});
    sim_text_add(&json, "\"}}");
    if (json.err == DIFY_OK)
        (void)send_frame(stream, sim_text_slice(&json));
    else
        cut(stream, true);
    sim_text_fini(&json);
}

/* The terminal event comes even to a client that has lost others. */
static bool is_end(struct dify_slice name)
{
    return dify__slice_is(name, "workflow_finished") || dify__slice_is(name, "message_end");
}

/* Sends an event as the stream's fault has it. Whether it went whole and as it is to a client that
 * is there. */
static bool send_event(struct sim_stream *stream, struct dify_slice json, struct dify_slice name)
{
    size_t inside = 0;
    bool is_sent,
        is_whole = fault_of(stream) != SIM_FAULT_BAD_JSON || stream->events != fault_value(stream);
    switch (fault_of(stream)) {
    case SIM_FAULT_CUT_IN_CHARACTER:
        if (stream->events >= fault_value(stream) && (inside = inside_character(json)) > 0) {
            send_bytes(stream, DIFY_SLICE("data: "));
            send_bytes(stream, (struct dify_slice){json.ptr, inside});
            cut(stream, false);
            return false;
        }
        break;
    case SIM_FAULT_BAD_JSON:
        if (stream->events == fault_value(stream))
            json.len--; /* its closing brace is missing */
        break;
    case SIM_FAULT_BIG_EVENT:
        if (stream->events == 1)
            send_big_event(stream);
        break;
    case SIM_FAULT_LOST_FINISH:
        if (is_end(name)) {
            stream->is_mute = true;
            return false;
        }
        break;
    default:
        break;
    }
    is_sent = send_frame(stream, json) && is_whole && !stream->visit->has_left;
    stream->events++;
    fail_after_events(stream);
    return is_sent;
}

/* ---- snapshots ----------------------------------------------------------------------------- */

/* The name in an event that the simulator itself wrote: its first member. */
static struct dify_slice name_of(struct dify_slice json)
{
    size_t at = sizeof("{\"event\":") - 1, len = 0;
    at += json.ptr[at] == ' ' ? 2 : 1;
    while (json.ptr[at + len] != '"')
        len++;
    return (struct dify_slice){json.ptr + at, len};
}

/* Frames that were made in one go, as events that the stream's fault can meet. */
static void send_events(struct sim_stream *stream, const struct sim_text *frames)
{
    struct dify_slice rest = sim_text_slice(frames);
    if (frames->err != DIFY_OK)
        cut(stream, true);
    fail_after_events(stream); /* after none */
    while (rest.len > 0 && !stream->is_mute) {
        struct dify_slice json = {rest.ptr + 6, first_frame(rest) - 8};
        rest = (struct dify_slice){rest.ptr + json.len + 8, rest.len - json.len - 8};
        (void)send_event(stream, json, name_of(json));
    }
}

static void send_snapshot(struct sim_stream *stream, const char *task)
{
    struct sim_text frames;
    stream->waits_for_snapshot = false;
    sim_text_init(&frames, stream->visit->sim->allocator);
    sim_snapshot(stream->run, stream->as_of, task, &frames);
    send_events(stream, &frames);
    sim_text_fini(&frames);
}

/* ---- time ---------------------------------------------------------------------------------- */

/* Waits for what comes next by itself: pings, or the end by silence. Nothing does once the stream
 * was stalled. */
static void wait_on(struct sim_stream *stream)
{
    if (stream->is_closing || (stream->is_mute && fault_of(stream) == SIM_FAULT_STALL_AFTER_EVENTS))
        return;
    if (stream->pings)
        set_alarm(stream, SIM_PING_MS);
    else if (stream->watch == SIM_WATCH_POST && is_relayed(stream))
        set_alarm_in(stream, silence_ms(stream->visit->sim));
}

void sim_stream_invent(struct sim_stream *stream, struct dify_slice error)
{
    struct sim_text frames;
    sim_text_init(&frames, stream->visit->sim->allocator);
    sim_snapshot_invented(stream->run, error, !stream->run->has_row, &frames);
    send_frames(stream, &frames);
    sim_text_fini(&frames);
    if (!stream->is_closing)
        end_now(stream);
}

/* 300 s without a word from the worker. */
static void end_by_silence(struct sim_stream *stream)
{
    if (stream->run != NULL && sim_is_at_least(stream->visit->sim, SIM_1_16_1))
        sim_stream_invent(stream, DIFY_SLICE("Workflow stream ended without a terminal event"));
    else
        end_now(stream);
}

/* Whether an events stream that had a snapshot has heard nothing for too long. */
static bool is_given_up(const struct sim_stream *stream)
{
    const struct sim *sim = stream->visit->sim;
    return stream->watch == SIM_WATCH_EVENTS && stream->wants_snapshot &&
           uv_now(sim->loop) - stream->heard_ms >= silence_ms(sim);
}

static void on_alarm(struct dify__alarm *alarm)
{
    struct sim_stream *stream =
        (struct sim_stream *)(void *)((char *)alarm - offsetof(struct sim_stream, alarm));
    if (stream->is_closing) {
        end_now(stream);
    } else if (stream->waits_for_snapshot && stream->run != NULL) {
        send_snapshot(stream, stream->run->bindings.run);
        wait_on(stream);
    } else if (http_exchange_pending(stream->visit->exchange) > AHEAD_BYTES) {
        wait_on(stream); /* the relay still writes: it does not listen meanwhile */
    } else if (!stream->pings || is_given_up(stream)) {
        end_by_silence(stream);
    } else {
        send_ping(stream);
        wait_on(stream);
    }
}

/* The last chunk comes a moment after the terminal event, longer where a relay waits for more. */
static void close_soon(struct sim_stream *stream)
{
    bool lingers = is_relayed(stream) && !sim_is_at_least(stream->visit->sim, SIM_1_16_1);
    if (stream->is_closing || stream->is_mute)
        return;
    stream->is_closing = true;
    set_alarm(stream, lingers ? 1000 : 1);
}

/* ---- from the run -------------------------------------------------------------------------- */

static void hear(struct sim_stream *stream)
{
    stream->heard_ms = uv_now(stream->visit->sim->loop);
    if (!stream->waits_for_snapshot && !stream->is_mute)
        wait_on(stream);
}

/* Whether an event falls into the time between the snapshot and the stream's subscription: then
 * the stream does not hear of an end, or of a pause, either. */
static bool falls_into_window(struct sim_stream *stream, struct dify_slice name)
{
    bool falls = stream->to_lose > 0;
    stream->to_lose -= falls;
    if (is_end(name) || dify__slice_is(name, "workflow_paused"))
        stream->misses_end = falls;
    return falls;
}

bool sim_stream_event(struct sim_run *run, struct dify_slice json, struct dify_slice name)
{
    bool is_seen = false;
    for (struct sim_stream *stream = run->streams, *next; stream != NULL; stream = next) {
        next = stream->next;
        if (stream->watch == SIM_WATCH_BLOCKING || stream->is_mute || stream->is_closing)
            continue;
        if (stream->waits_for_snapshot)
            send_snapshot(stream, run->bindings.task);
        if (!stream->is_mute && !stream->is_closing && !falls_into_window(stream, name) &&
            (is_end(name) || !is_lost(stream)))
            is_seen = send_event(stream, json, name) || is_seen;
        hear(stream);
    }
    return is_seen;
}

void sim_stream_ping(struct sim_run *run)
{
    for (struct sim_stream *stream = run->streams; stream != NULL; stream = stream->next) {
        if (stream->watch == SIM_WATCH_BLOCKING || stream->is_mute || stream->is_closing)
            continue;
        send_ping(stream);
        hear(stream);
    }
}

/* Answers those who wait for the whole run, if it has anything to answer with. */
static void answer_waiting(struct sim_run *run)
{
    for (struct sim_stream *stream = run->streams, *next; stream != NULL; stream = next) {
        next = stream->next;
        if (stream->watch == SIM_WATCH_BLOCKING)
            stream->on_end(stream);
    }
}

void sim_stream_run_over(struct sim_run *run, bool is_pause)
{
    answer_waiting(run);
    for (struct sim_stream *stream = run->streams, *next; stream != NULL; stream = next) {
        next = stream->next;
        if (stream->watch == SIM_WATCH_BLOCKING)
            continue;
        if (stream->waits_for_snapshot)
            send_snapshot(stream, run->bindings.task);
        if (stream->misses_end)
            stream->misses_end = false;
        else if (!(stream->continues_on_pause && (is_pause || !stream->wants_snapshot)))
            close_soon(stream);
    }
}

void sim_stream_run_silent(struct sim_run *run)
{
    answer_waiting(run);
}

void sim_stream_run_cut(struct sim_run *run)
{
    answer_waiting(run);
    for (struct sim_stream *stream = run->streams, *next; stream != NULL; stream = next) {
        next = stream->next;
        if (stream->watch == SIM_WATCH_BLOCKING ? !stream->visit->is_answered : !stream->is_closing)
            cut(stream, false);
    }
}

/* ---- beginning and end --------------------------------------------------------------------- */

static void open_events(struct sim_stream *stream)
{
    struct sim_run *run = stream->run;
    struct sim_text frame;
    stream->pings = true;
    if (sim_run_is_final(run)) {
        sim_text_init(&frame, stream->visit->sim->allocator);
        sim_snapshot_finished(run, &frame);
        send_events(stream, &frame);
        sim_text_fini(&frame);
        if (stream->is_mute)
            wait_on(stream);
        else
            end_now(stream);
        return;
    }
    send_ping(stream);
    if (!stream->wants_snapshot) {
        wait_on(stream);
        return;
    }
    if (run->paused.len == 0) {
        stream->waits_for_snapshot = true;
        set_alarm(stream, SIM_SNAPSHOT_MS);
        return;
    }
    send_snapshot(stream, run->bindings.task);
    if (run->state == SIM_RUN_PAUSED && !run->was_form_sent && !stream->continues_on_pause)
        close_soon(stream);
    else
        wait_on(stream);
}

enum dify_err sim_stream_open(struct sim_visit *visit, struct sim_run *run,
                              const struct sim_wish *wish)
{
    struct sim_stream *stream = dify__calloc(visit->sim->allocator, sizeof(struct sim_stream));
    if (stream == NULL)
        return DIFY_ERR_NOMEM;
    stream->run = run;
    stream->visit = visit;
    stream->watch = wish->watch;
    stream->continues_on_pause = wish->continues_on_pause;
    stream->wants_snapshot = wish->wants_snapshot;
    stream->on_end = wish->on_end;
    stream->as_of = run->played;
    if (fault_of(stream) == SIM_FAULT_LOST_IN_WINDOW)
        stream->to_lose = fault_value(stream);
    stream->heard_ms = stream->taken_ms = uv_now(visit->sim->loop);
    stream->alarm.ring = on_alarm;
    stream->next = run->streams;
    run->streams = stream;
    visit->stream = stream;
    if (wish->watch == SIM_WATCH_BLOCKING)
        return DIFY_OK;
    visit->sim->stats.streams_opened++;
    if (++visit->sim->streams > visit->sim->stats.streams_most)
        visit->sim->stats.streams_most = visit->sim->streams;
    sim_answer_stream(visit, wish->watch == SIM_WATCH_EVENTS);
    if (fault_of(stream) == SIM_FAULT_PINGS_ONLY) {
        stream->is_mute = stream->pings = true;
        send_ping(stream);
        wait_on(stream);
    } else if (wish->watch == SIM_WATCH_EVENTS) {
        open_events(stream);
    } else {
        if (is_relayed(stream))
            send_ping(stream);
        wait_on(stream);
    }
    fail_after_events(stream);
    return DIFY_OK;
}

void sim_stream_forget(struct sim_stream *stream)
{
    struct sim_stream **at = &stream->run->streams;
    while (*at != stream)
        at = &(*at)->next;
    *at = stream->next;
    stream->run = NULL;
}

/* From 1.15 to 1.16.1 a reader that leaves cuts the others: plain ones close, those with a snapshot
 * get nothing but pings any more. */
static void cut_other_readers(struct sim_run *run)
{
    for (struct sim_stream *other = run->streams, *next; other != NULL; other = next) {
        next = other->next;
        if (other->watch == SIM_WATCH_BLOCKING || other->is_closing)
            continue;
        if (other->wants_snapshot)
            other->is_mute = true;
        else
            cut(other, false);
    }
}

void sim_stream_gone(struct sim_stream *stream)
{
    struct sim *sim = stream->visit->sim;
    struct sim_run *run = stream->run;
    bool has_left = !stream->is_closing && stream->watch != SIM_WATCH_BLOCKING;
    http_timer_clear(&sim->clock, &stream->alarm);
    sim->streams -= stream->watch != SIM_WATCH_BLOCKING;
    if (run != NULL) {
        sim_stream_forget(stream);
        if (has_left && run->finished.len == 0 && sim_is_at_least(sim, SIM_1_16_1) &&
            is_relayed(stream))
            cut_other_readers(run);
    }
    stream->visit->stream = NULL;
    dify__free(sim->allocator, stream);
}
