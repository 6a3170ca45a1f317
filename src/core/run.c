/* SPDX-License-Identifier: Apache-2.0
 *
 * run.c: a run's life: bytes in, events decoded and folded, bad ones skipped with a warning.
 */
#include "core/run_state.h"

#include "core/decoder.h"
#include "core/message.h"
#include "core/prefetch.h"
#include "core/run_follow.h"
#include "core/slices.h"
#include "core/utf8.h"
#include "difystream/limits.h"

#include <string.h>

static enum dify_err on_event(void *ctx, const struct dify_sse_event *sse_event);
static enum dify_err on_empty(void *ctx, struct dify_slice type);

static enum dify_err make_parts(struct dify_run *run, const struct dify_run_options *options)
{
    struct dify_sse_options sse = {.size = sizeof sse,
                                   .allocator = run->allocator,
                                   .ctx = run,
                                   .event = on_event,
                                   .empty = on_empty,
                                   .max_event_bytes = run->max_event_bytes,
                                   .raw_bytes = true};
    enum dify_err err = dify__sse_init(&run->sse, &sse);
    run->decoder = options->decoder;
    if (err == DIFY_OK && run->decoder == NULL) {
        run->owns_decoder = true;
        err = dify_decoder_new(run->allocator, &run->decoder);
    }
    return err;
}

enum dify_err dify_run_new(const struct dify_run_options *options, struct dify_run **out)
{
    static const struct dify_run_options defaults = {.size = sizeof defaults};
    if (options == NULL)
        options = &defaults;
    if (options->size != sizeof *options || options->max_nodes > DIFY_RUN_NODES)
        return DIFY_ERR_ARGUMENT;
    const struct dify_allocator *allocator = dify__allocator(options->allocator);
    struct dify_run *run = dify__calloc(allocator, sizeof *run);
    if (run == NULL)
        return DIFY_ERR_NOMEM;
    run->allocator = allocator;
    run->accept_partial = options->accept_partial;
    if (options->observer != NULL)
        run->observer = *options->observer;
    run->max_event_bytes =
        options->max_event_bytes != 0 ? options->max_event_bytes : DIFY_SSE_EVENT_BYTES;
    run->budget.max = options->max_kept_bytes != 0 ? options->max_kept_bytes : DIFY_RUN_KEPT_BYTES;
    size_t max_nodes = options->max_nodes != 0 ? options->max_nodes : DIFY_RUN_NODES;
    uint64_t seed = options->hash_seed;
    dify__texts_init(&run->texts, allocator, &run->budget, seed);
    dify__nodes_init(&run->nodes, allocator, &run->texts, &run->budget, max_nodes);
    dify__nodes_init(&run->containers, allocator, &run->texts, &run->budget, max_nodes);
    dify__outputs_init(&run->outputs, allocator, &run->budget, seed);
    run->answer = (struct dify__buffer){.allocator = allocator, .max = SIZE_MAX / 2};
    run->workflow_outputs = run->audio = run->answer;
    run->fail_code = run->fail_message = run->answer;
    enum dify_err err = make_parts(run, options);
    if (err != DIFY_OK) {
        dify_run_free(run);
        return err;
    }
    *out = run;
    return DIFY_OK;
}

void dify_run_free(struct dify_run *run)
{
    if (run == NULL)
        return;
    dify__sse_fini(&run->sse);
    if (run->owns_decoder)
        dify_decoder_free(run->decoder);
    for (size_t i = 0; i < run->warnings; i++)
        dify__free(run->allocator, run->warning[i].reason);
    dify__free(run->allocator, run->warning);
    dify__free(run->allocator, run->form);
    dify__nodes_fini(&run->nodes);
    dify__nodes_fini(&run->containers);
    dify__outputs_fini(&run->outputs);
    dify__texts_fini(&run->texts);
    dify__buffer_fini(&run->answer);
    dify__buffer_fini(&run->workflow_outputs);
    dify__buffer_fini(&run->audio);
    dify__buffer_fini(&run->fail_code);
    dify__buffer_fini(&run->fail_message);
    dify__free(run->allocator, run);
}

static void skip(struct dify_run *run, const struct dify_error *why)
{
    char reason[DIFY_ERROR_MESSAGE_BYTES + 64];
    struct dify__message message = {reason, sizeof reason, 0};
    dify__message_text(&message, "event skipped, not a JSON object: ");
    dify__message_text(&message, why->message);
    if (why->offset != 0) {
        dify__message_text(&message, " at byte ");
        dify__message_uint(&message, why->offset);
        dify__message_text(&message, " of its data");
    }
    run->skipped_events++;
    dify__run_warn(run, reason);
}

static bool is_bare_ping(const struct dify_sse_event *event)
{
    return event->data.len == 0 && dify__slice_is(event->type, "ping");
}

static void tell_ping(const struct dify_run *run)
{
    if (run->observer.ping != NULL)
        run->observer.ping(run->observer.ctx);
}

/* A piece of text that says nothing but itself. */
static bool is_piece(enum dify_event_type type)
{
    return type == DIFY_EVENT_TEXT_CHUNK || type == DIFY_EVENT_REASONING_CHUNK;
}

static void take_event(struct dify_run *run, const struct dify_sse_event *sse_event)
{
    const struct dify_event *event;
    if (is_bare_ping(sse_event)) {
        tell_ping(run);
        return;
    }
    run->offset = sse_event->offset;
    enum dify_err err = dify__decoder_envelope(run->decoder, sse_event->data, &event);
    if (err == DIFY_ERR_JSON || err == DIFY_ERR_DEPTH) {
        skip(run, dify__decoder_error(run->decoder));
        return;
    }
    dify__run_note(run, err);
    if (err != DIFY_OK)
        return;
    if (event->type == DIFY_EVENT_PING) {
        tell_ping(run);
        return;
    }
    run->event_count++;
    run->last_type = event->type;
    if (event->type == DIFY_EVENT_UNKNOWN)
        run->unknown_events++;
    if (run->observer.event != NULL) {
        if (!run->observer.ignores_pieces || !is_piece(event->type))
            dify__decoder_data(run->decoder);
        run->observer.event(run->observer.ctx, event, sse_event->offset);
    }
    dify__run_fold(run, event);
}

static enum dify_err on_event(void *ctx, const struct dify_sse_event *sse_event)
{
    struct dify_run *run = ctx;
    take_event(run, sse_event);
    run->failed_in_fold = run->failed != DIFY_OK;
    return run->failed;
}

static enum dify_err on_empty(void *ctx, struct dify_slice type)
{
    if (dify__slice_is(type, "ping"))
        tell_ping(ctx);
    return DIFY_OK;
}

void dify__run_prefetch(const struct dify_run *run)
{
    dify__prefetch(run, DIFY__RUN_HOT_BYTES);
}

enum dify_err dify_run_feed(struct dify_run *run, const void *bytes, size_t len)
{
    if (run->has_ended || run->in_feed)
        return DIFY_ERR_STATE;
    run->in_feed = true;
    if (run->failed == DIFY_OK)
        dify__run_note(run, dify_sse_feed(&run->sse, bytes, len));
    run->in_feed = false;
    return run->failed;
}

void dify_run_resume(struct dify_run *run)
{
    if (run->has_ended || run->in_feed)
        return;
    dify_sse_reset(&run->sse);
    dify__run_note_gap(run);
    run->resumed++;
}

void dify_run_end(struct dify_run *run)
{
    run->has_ended = true;
}

enum dify_err dify_run_fail(struct dify_run *run, enum dify_outcome outcome, struct dify_slice code,
                            struct dify_slice message, int http_status)
{
    if (outcome < DIFY_OUTCOME_STREAM_INCOMPLETE || outcome > DIFY_OUTCOME_UNAVAILABLE)
        return DIFY_ERR_ARGUMENT;
    if (run->has_ended || run->in_feed)
        return DIFY_ERR_STATE;
    enum dify_err err = dify__utf8_repair(code, &run->fail_code);
    if (err == DIFY_OK)
        err = dify__utf8_repair(message, &run->fail_message);
    if (err != DIFY_OK) {
        run->fail_code.len = run->fail_message.len = 0;
        return err;
    }
    run->fail_outcome = outcome;
    run->fail_http_status = http_status;
    run->has_ended = true;
    return DIFY_OK;
}

struct dify_slice dify_run_last_event_id(const struct dify_run *run)
{
    return dify_sse_last_event_id(&run->sse);
}
