/* SPDX-License-Identifier: Apache-2.0
 *
 * result.c: the result of a run as values. Only reads the run.
 */
#include "difystream/result.h"

#include "core/message.h"
#include "core/outcome.h"
#include "core/run_state.h"
#include "core/slices.h"

#include <string.h>

static struct dify_slice get(const struct dify_run *run, dify__text text)
{
    return dify__texts_get(&run->texts, text);
}

static bool contains(struct dify_slice text, const char *part)
{
    size_t len = strlen(part);
    for (size_t i = 0; i + len <= text.len; i++)
        if (memcmp(text.ptr + i, part, len) == 0)
            return true;
    return false;
}

/* The end that Dify's own status stands for. */
static enum dify_outcome outcome_of_status(const struct dify_run *run)
{
    struct dify_slice status = get(run, run->status);
    if (status.ptr == NULL)
        return DIFY_OUTCOME_STREAM_INCOMPLETE;
    if (dify__slice_is(status, "succeeded"))
        return DIFY_OUTCOME_SUCCEEDED;
    if (dify__slice_is(status, "failed"))
        return contains(get(run, run->reason), "User requested stop")
                   ? DIFY_OUTCOME_STOPPED_AS_FAILED
                   : DIFY_OUTCOME_FAILED;
    if (dify__slice_is(status, "stopped"))
        return DIFY_OUTCOME_STOPPED;
    if (dify__slice_is(status, "paused"))
        return DIFY_OUTCOME_PAUSED;
    if (run->accept_partial && dify__slice_is(status, "partial-succeeded"))
        return DIFY_OUTCOME_SUCCEEDED;
    return DIFY_OUTCOME_OTHER_STATUS;
}

static enum dify_outcome find_outcome(const struct dify_run *run)
{
    if (run->failed != DIFY_OK)
        return DIFY_OUTCOME_INVALID_RESPONSE;
    if (run->was_stopped && run->has_workflow_finished &&
        dify__slice_is(get(run, run->status), "failed"))
        return DIFY_OUTCOME_STOPPED_AS_FAILED;
    if (run->has_error && !(run->has_workflow_finished && run->status != 0))
        return DIFY_OUTCOME_ERROR_EVENT;
    if (run->fail_outcome != DIFY_OUTCOME_SUCCEEDED && !dify_run_has_terminal_event(run))
        return run->fail_outcome;
    return outcome_of_status(run);
}

static void explain_failure(const struct dify_run *run, struct dify__message *message)
{
    if (run->failed != DIFY_ERR_TOO_LARGE) {
        dify__message_text(message, dify_strerror(run->failed));
        dify__message_text(message, " while reading the stream");
        return;
    }
    dify__message_text(message, run->failed_in_fold ? "what the run has to keep is more than "
                                                    : "an event of the stream is larger than ");
    dify__message_uint(message, run->failed_in_fold ? run->budget.max : run->max_event_bytes);
    dify__message_text(message, " bytes");
}

/* A message for an end that Dify gave no words for. */
static void explain(const struct dify_run *run, enum dify_outcome outcome,
                    struct dify__message *message)
{
    switch (outcome) {
    case DIFY_OUTCOME_STREAM_INCOMPLETE:
        dify__message_text(message, "the stream ended without a terminal event, after ");
        dify__message_uint(message, run->event_count);
        dify__message_text(message, run->event_count == 1 ? " event" : " events");
        if (run->event_count != 0) {
            dify__message_text(message, "; the last one was ");
            dify__message_text(message, dify_event_type_name(run->last_type));
        }
        break;
    case DIFY_OUTCOME_PAUSED:
        dify__message_text(message, "the run waits for human input");
        break;
    case DIFY_OUTCOME_INVALID_RESPONSE:
        if (run->failed != DIFY_OK) {
            explain_failure(run, message);
            break;
        }
        /* fall through */
    default:
        dify__message_text(message, "Dify gave no reason");
        if (run->status != 0) {
            dify__message_text(message, "; it reported the status ");
            dify__message_slice(message, get(run, run->status));
        }
        if (run->exceptions_count != 0) {
            dify__message_text(message, "; exceptions: ");
            dify__message_slice(message, get(run, run->exceptions_count));
        }
        break;
    }
}

static void set_verdict(const struct dify_run *run, struct dify_result *out)
{
    const struct dify__outcome_row *row = dify__outcome_row(out->outcome);
    bool is_failure_outside = out->outcome == run->fail_outcome;
    out->exit_status = row->exit_status;
    out->http_status = row->http_status != 0 ? row->http_status : run->fail_http_status;
    if (out->success)
        return;
    out->error = get(run, run->status_error);
    if (row->error != NULL)
        out->error = dify__slice(row->error);
    out->code = get(run, run->status_code);
    if (row->code != NULL)
        out->code = dify__slice(row->code);
    struct dify_slice code = {NULL, 0};
    out->message = get(run, run->reason);
    if (out->outcome == DIFY_OUTCOME_ERROR_EVENT) {
        code = get(run, run->error_code);
        out->message = get(run, run->error_message);
    } else if (is_failure_outside) {
        code = dify__buffer_slice(&run->fail_code);
        out->message = dify__buffer_slice(&run->fail_message);
    }
    if (code.len != 0)
        out->code = code;
    if (out->message.len == 0 || run->failed != DIFY_OK) {
        struct dify__message message = {out->message_text, sizeof out->message_text, 0};
        explain(run, out->outcome, &message);
        out->message = (struct dify_slice){out->message_text, message.len};
    }
}

/* Rules 4 to 6 and 9: message_end's usage counts where no workflow_finished came. */
static void set_totals(const struct dify_run *run, struct dify_result *out)
{
    bool has_usage = run->has_message_end && !run->has_workflow_finished;
    uint64_t reported = has_usage ? run->usage_tokens : run->workflow_tokens;
    out->tokens_reported = reported != 0;
    out->total_tokens = out->tokens_reported ? reported : run->tokens;

    const struct dify_decimal *price = &run->price;
    const struct dify_decimal *elapsed = &run->elapsed;
    if (has_usage && run->usage_price.is_known)
        price = &run->usage_price.value;
    if (has_usage && run->usage_latency.is_known)
        elapsed = &run->usage_latency.value;
    (void)dify_decimal_format(price, out->total_price);
    (void)dify_decimal_format(elapsed, out->elapsed_time);

    dify__text currency = run->currency;
    if (has_usage && run->usage_currency != 0)
        currency = run->usage_currency;
    out->currency = currency != 0 ? get(run, currency) : DIFY_SLICE("USD");
    out->total_steps = run->total_steps != 0 ? get(run, run->total_steps) : DIFY_SLICE("0");
    out->workflow_elapsed_time = get(run, run->workflow_elapsed_time);
}

void dify_run_result(const struct dify_run *run, struct dify_result *out)
{
    memset(out, 0, sizeof *out);
    out->has_ended = run->has_ended || run->failed != DIFY_OK || dify_run_has_terminal_event(run);
    out->outcome = find_outcome(run);
    out->success = out->has_ended && out->outcome == DIFY_OUTCOME_SUCCEEDED;
    out->workflow_run_id = get(run, run->workflow_run_id);
    out->task_id = get(run, run->task_id);
    out->workflow_id = get(run, run->workflow_id);
    out->status = get(run, run->status);
    out->created_at =
        get(run, run->started_created_at != 0 ? run->started_created_at : run->finished_created_at);
    out->finished_at = get(run, run->finished_at);
    out->conversation_id = get(run, run->conversation_id);
    out->message_id = get(run, run->message_id);
    if (run->has_answer)
        out->answer = dify__buffer_slice(&run->answer);
    if (run->has_workflow_outputs)
        out->workflow_outputs = dify__buffer_slice(&run->workflow_outputs);
    set_totals(run, out);
    out->complete = dify__run_is_complete(run);
    out->event_count = run->event_count;
    out->skipped_events = run->skipped_events;
    out->unknown_events = run->unknown_events;
    out->warning_count = run->warning_count;
    out->tts_bytes = run->tts_bytes;
    out->has_tts = run->has_tts;
    out->resumed = run->resumed;
    if (out->has_ended)
        set_verdict(run, out);
}

struct dify_slice dify_run_output(const struct dify_run *run, struct dify_slice name)
{
    return dify__outputs_get(&run->outputs, name);
}
