/* SPDX-License-Identifier: Apache-2.0
 *
 * run_hears.c: what a run hears of its follow: events and breaks go to its log, the rest to the
 * door (run.c).
 */
#include "core/json_text.h"
#include "core/prefetch.h"
#include "core/slices.h"
#include "gateway/caller.h"
#include "gateway/callers.h"
#include "gateway/logger.h"
#include "gateway/metrics.h"
#include "gateway/run.h"
#include "gateway/v1.h"

/* ---- the log ------------------------------------------------------------------------------- */

void gw__run_put(struct gw_run *run, enum store_record_kind kind, struct dify_slice text)
{
    if (run->log_is_full)
        return;
    if (gw_runlog_put(&run->log, kind, text) != DIFY_OK) {
        run->log_is_full = true;
        gw_log_note(run->gateway, GW_LOG_ERROR, run,
                    "its event log takes no more: it is too long, or there is no memory");
    }
}

/* A piece of text, of which many come: if the process is killed before they are written, some text
 * is missing in the log, and nothing in the result of a workflow. */
static bool is_piece(enum dify_event_type type)
{
    return type == DIFY_EVENT_TEXT_CHUNK || type == DIFY_EVENT_REASONING_CHUNK ||
           type == DIFY_EVENT_MESSAGE || type == DIFY_EVENT_AGENT_MESSAGE ||
           type == DIFY_EVENT_TTS_MESSAGE;
}

static void on_event(void *ctx, const struct dify_event *event, uint64_t offset)
{
    struct gw_run *run = ctx;
    (void)offset;
    if (run->is_recalling)
        return;
    gw_metrics_event(run, event);
    gw_log_event(run, event);
    if (run->v1 != NULL)
        gw_v1_event(run, event);
    else
        gw__run_put(run, STORE_RECORD_EVENT, event->json);
    if (gw_callers_follow(run))
        gw_run_touch(run);
    else
        gw_run_linger(run, is_piece(event->type) ? GW_LINGER_LONG : GW_LINGER_SHORT);
}

static void on_ping(void *ctx)
{
    struct gw_run *run = ctx;
    if (run->v1 != NULL && !run->is_recalling)
        gw_v1_ping(run);
}

static void on_node(void *ctx, const struct dify_node *node, enum dify_node_change change)
{
    struct gw_run *run = ctx;
    if (!run->is_recalling)
        gw_metrics_node(run, node, change);
}

static void on_warning(void *ctx, uint64_t offset, const char *reason)
{
    struct gw_run *run = ctx;
    if (run->is_recalling)
        return;
    gw_metrics_warning(run);
    gw_log_warning(run, offset, reason);
}

/* A record of what became of the stream; `kind` says whether another one begins. */
static void put_change(struct gw_run *run, enum store_record_kind kind, const char *state,
                       const struct dify_follow_change *change, unsigned stream)
{
    struct dify__buffer text = {.allocator = run->gateway->allocator, .max = 4096};
    struct dify__writer writer;
    dify__writer_init(&writer, DIFY_JSON_COMPACT, dify__write_to_buffer, &text);
    dify__write_open(&writer, '{');
    dify__write_key(&writer, "event");
    dify__write_string(&writer, DIFY_SLICE("follow"));
    dify__write_key(&writer, "state");
    dify__write_string(&writer, dify__slice(state));
    if (kind == STORE_RECORD_STREAM) {
        dify__write_key(&writer, "stream");
        dify__write_uint(&writer, stream);
    }
    if (change != NULL) {
        dify__write_key(&writer, "reason");
        dify__write_string(&writer, dify__slice(dify_reason_name(change->reason)));
        dify__write_key(&writer, "message");
        dify__write_string(&writer, dify__slice(change->text));
        dify__write_key(&writer, "wait_ms");
        dify__write_uint(&writer, change->wait_ms);
    }
    dify__write_close(&writer, '}');
    if (dify__writer_finish(&writer) == DIFY_OK) /* a text that is too long is not told */
        gw__run_put(run, kind, dify__buffer_slice(&text));
    gw_run_touch(run);
    dify__buffer_fini(&text);
}

/* ---- the follow ---------------------------------------------------------------------------- */

/* Followers are told of what is not the straight way. */
static bool is_told(const struct dify_follow_change *change)
{
    switch (change->to) {
    case DIFY_FOLLOW_WAITING:
    case DIFY_FOLLOW_SUSPECT:
    case DIFY_FOLLOW_SEARCHING:
    case DIFY_FOLLOW_BROKEN:
    case DIFY_FOLLOW_RESUMING:
    case DIFY_FOLLOW_POLLING:
        return true;
    case DIFY_FOLLOW_STREAMING:
        return change->from == DIFY_FOLLOW_SUSPECT; /* of streams that begin on_stream() tells */
    default:
        return false;
    }
}

static void on_changed(void *ctx, struct dify_follow *follow,
                       const struct dify_follow_change *change)
{
    struct gw_run *run = ctx;
    (void)follow;
    gw_metrics_change(run, change);
    gw_log_change(run, change);
    if (change->to >= DIFY_FOLLOW_HELD && run->order != NULL) { /* its files are up */
        gw_order_free(run->order);
        run->order = NULL;
    }
    if (is_told(change))
        put_change(run, STORE_RECORD_FOLLOW, dify_follow_state_name(change->to), change, 0);
}

static void on_stream(void *ctx, struct dify_follow *follow, unsigned number,
                      struct dify_slice head)
{
    struct gw_run *run = ctx;
    (void)head;
    gw_metrics_stream(run);
    if (run->v1 != NULL)
        gw_v1_stream(run, dify_follow_state_of(follow) == DIFY_FOLLOW_RESUMING);
    put_change(run, STORE_RECORD_STREAM, "streaming", NULL, number);
}

static bool on_submit(void *ctx, struct dify_follow *follow, struct dify_slice inputs)
{
    (void)follow;
    return gw__run_ready(ctx, inputs);
}

/* What is marked here may have been sent; what was not marked when the process died was not. */
static void on_sending(void *ctx, struct dify_follow *follow)
{
    struct gw_run *run = ctx;
    (void)follow;
    run->was_sent = true;
    if (run->measures.sent_ms == 0) /* else it is sent once more, as it was refused */
        gw_log_sending(run);
    gw_metrics_sending(run);
    if (run->gateway->store != NULL)
        store_mark_sent(run->gateway->store, run->number);
}

static void on_bytes(void *ctx, struct dify_follow *follow, struct dify_slice bytes)
{
    struct gw_run *run = ctx;
    (void)follow;
    dify__prefetch(run->callers.next, sizeof(struct gw_caller));
    gw_metrics_bytes(run, bytes.len);
}

static void on_ended(void *ctx, struct dify_follow *follow)
{
    (void)follow;
    gw__run_over(ctx);
}

enum dify_err gw__run_follow(struct gw_run *run, const struct dify_order *order)
{
    bool logs_events = gw_log_is_on(run->gateway, GW_LOG_DEBUG); /* with their nodes */
    struct dify_run_observer events = {.ctx = run,
                                       .event = on_event,
                                       .ignores_pieces = !logs_events,
                                       .node = on_node,
                                       .warning = on_warning,
                                       .ping = on_ping};
    struct dify_follow_observer observer = {.ctx = run,
                                            .run = &events,
                                            .changed = on_changed,
                                            .submit = on_submit,
                                            .sending = on_sending,
                                            .stream = on_stream,
                                            .bytes = on_bytes,
                                            .ended = on_ended};
    return dify_follow_new(run->app->dify, order, &observer, &run->follow);
}
