/* SPDX-License-Identifier: Apache-2.0
 *
 * run_state.h: all that a run knows, shared by the files that make it up.
 *
 *  run.c                 takes bytes, skips bad events, counts, tells the observer
 *  fold.c, fold_nodes.c  the one writer of what events say
 *  result.c, result_json.c  only read
 */
#ifndef DIFY_CORE_RUN_STATE_H
#define DIFY_CORE_RUN_STATE_H

#include "core/nodes.h"
#include "core/outputs.h"
#include "core/sse_state.h"
#include "core/texts.h"
#include "difystream/decimal.h"
#include "difystream/result.h"
#include "difystream/run.h"

struct dify__warning {
    uint64_t offset;
    char *reason; /* NUL-terminated */
};

/* A form that the paused run waits for. */
struct dify__run_form {
    dify__text form_id, node_id;
    dify__text json;
    bool is_due; /* among those that the pause at hand waits for */
};

/* A sum of decimals, and whether anything was added. */
struct dify__figure {
    struct dify_decimal value;
    bool is_known;
};

struct dify_run {
    /* What is needed for each event, up to DIFY__RUN_HOT_BYTES (prefetch.h). */
    struct dify_decoder *decoder;
    uint64_t offset; /* of the event at hand */
    uint64_t event_count, unknown_events;
    uint32_t resumed;
    enum dify_event_type last_type;
    enum dify_err failed; /* sticky */
    bool failed_in_fold;  /* else in the stream's framing */
    bool in_feed;         /* callbacks may be running */
    bool has_ended;       /* dify_run_end() or dify_run_fail() was called */
    bool distrusts;       /* an end that the server invented is not folded */
    bool has_invented_end;
    bool has_workflow_finished, has_message_end, has_error; /* what events said */
    bool is_paused;                                         /* workflow_paused was the last word */
    dify__text workflow_run_id, task_id, conversation_id, message_id;
    struct dify_run_observer observer;
    struct dify_sse sse; /* and of it, what stands first */

    /* and the rest */
    const struct dify_allocator *allocator;
    bool owns_decoder;
    bool accept_partial;
    bool has_gap;     /* events may have been lost between streams */
    bool was_stopped; /* a stop was acknowledged */
    size_t max_event_bytes;

    /* why it ended, where the stream did not tell */
    enum dify_outcome fail_outcome;              /* SUCCEEDED: no such end */
    struct dify__buffer fail_code, fail_message; /* not under the budget: it may be used up */
    int fail_http_status;

    uint64_t skipped_events, warning_count;
    struct dify__warning *warning;
    size_t warnings, warning_capacity;

    struct dify__budget budget;
    struct dify__texts texts;
    struct dify__nodes nodes, containers;
    struct dify__outputs outputs;

    /* what events said */
    dify__text workflow_id;
    dify__text status, status_error, status_code; /* the latter two: as the result shows it */
    dify__text reason;                            /* workflow_finished's error */
    dify__text error_code, error_message;         /* of an `error` event */
    dify__text started_created_at, finished_created_at, finished_at;
    dify__text total_steps, workflow_elapsed_time, exceptions_count;
    dify__text currency; /* the last one seen on a node */
    uint64_t workflow_tokens;

    /* sums over nodes */
    struct dify_decimal price, elapsed;
    uint64_t tokens;
    bool tokens_overflowed;
    bool nodes_overflowed; /* there were more nodes or containers than are listed */

    /* message_end's usage */
    struct dify__figure usage_price, usage_latency;
    dify__text usage_currency;
    uint64_t usage_tokens;

    struct dify__buffer answer;
    bool has_answer, has_agent_message;
    bool is_answer_fixed; /* moderated: the outputs still have what was not to be told */
    struct dify__buffer workflow_outputs;
    bool has_workflow_outputs;
    struct dify__buffer audio; /* scratch */
    uint64_t tts_bytes;
    bool has_tts;

    struct dify__run_form *form;
    size_t forms, form_capacity;
    bool forms_changed; /* since the run was gone on with last */
};

#define DIFY__RUN_HOT_BYTES (offsetof(struct dify_run, sse) + DIFY__SSE_HOT_BYTES)

/* Keeps the first error. */
static inline void dify__run_note(struct dify_run *run, enum dify_err err)
{
    if (run->failed == DIFY_OK)
        run->failed = err;
}

/* Warns that the event at hand, or something in it, was skipped. */
void dify__run_warn(struct dify_run *run, const char *reason);

/* fold.c: folds the event that the run's decoder has just decoded. */
void dify__run_fold(struct dify_run *run, const struct dify_event *event);

/* complete.c: false where a gap between streams has cost the result something. */
bool dify__run_is_complete(const struct dify_run *run);

/* nodes.c's view of record `number`, with what only the run knows. */
void dify__run_view(const struct dify_run *run, bool is_container, uint32_t number,
                    struct dify_node *out);

#endif
