/* SPDX-License-Identifier: Apache-2.0
 *
 * fold.c: what each event changes in the result. "Rule n" is a rule of docs/result.md.
 *
 * With fold_nodes.c the only writer of what events say.
 */
#include "core/fold_state.h"

#include "core/base64.h"
#include "core/decoder.h"
#include "core/json_text.h"
#include "core/run_follow.h"
#include "core/slices.h"
#include "core/utf8.h"
#include "difystream/limits.h"

/* Rule 2: the ids of the run. */
static void take_ids(struct dify_run *run, const struct dify_event *event)
{
    dify__fill(run, &run->workflow_run_id, event->workflow_run_id);
    dify__fill(run, &run->conversation_id, event->conversation_id);
    dify__fill(run, &run->message_id, event->message_id);
    /* Equal texts have equal numbers. A task id that is the run's id is a snapshot's. */
    if (run->task_id == 0 || run->task_id == run->workflow_run_id)
        dify__replace(run, &run->task_id, event->task_id);
}

/* Sets `*target` to prefix and status in one, with '-' as '_' where it is to be a code. */
static void keep_status_text(struct dify_run *run, dify__text *target, struct dify_slice prefix,
                             struct dify_slice status, bool is_code)
{
    struct dify__buffer text = {.allocator = run->allocator, .max = SIZE_MAX / 2};
    enum dify_err err = dify__buffer_append(&text, prefix.ptr, prefix.len);
    if (err == DIFY_OK)
        err = dify__buffer_append(&text, status.ptr, status.len);
    for (size_t i = 0; is_code && i < text.len; i++)
        if (text.ptr[i] == '-')
            text.ptr[i] = '_';
    if (err == DIFY_OK)
        err = dify__texts_share(&run->texts, dify__buffer_slice(&text), target);
    dify__buffer_fini(&text);
    dify__run_note(run, err);
}

void dify__fold_status(struct dify_run *run, struct dify_slice status)
{
    if (status.ptr == NULL)
        return;
    dify__replace(run, &run->status, status);
    keep_status_text(run, &run->status_error, DIFY_SLICE("工作流状态异常: "), status, false);
    keep_status_text(run, &run->status_code, DIFY_SLICE("workflow_"), status, true);
}

static void start_workflow(struct dify_run *run, const struct dify_event_data *data)
{
    run->is_paused = false;
    dify__fill(run, &run->workflow_id, data->workflow_id);
    dify__fill(run, &run->started_created_at, dify__only_number(data->created_at));
}

/* Replaces the text in `buffer`, within the budget. */
static void set_kept(struct dify_run *run, struct dify__buffer *buffer, struct dify_slice text)
{
    run->budget.used -= buffer->len;
    buffer->len = 0;
    enum dify_err err = dify__budget_take(&run->budget, text.len);
    if (err == DIFY_OK)
        err = dify__buffer_append(buffer, text.ptr, text.len);
    dify__run_note(run, err);
}

static void set_steps(struct dify_run *run, const struct dify_event_data *data)
{
    uint64_t steps;
    if (dify__parse_uint(data->total_steps.text, &steps))
        dify__replace(run, &run->total_steps, data->total_steps.text);
}

/* After a gap parts of a chatflow's answer may be missing; its outputs have the whole. */
static void mend_answer(struct dify_run *run)
{
    struct dify__members outputs;
    if (!run->has_gap || run->is_answer_fixed || (!run->has_answer && run->conversation_id == 0) ||
        !dify__decoder_outputs(run->decoder, &outputs))
        return;
    while (dify__members_next(&outputs)) {
        struct dify_slice answer = dify__members_string(&outputs);
        if (!dify__slice_is(outputs.key, "answer") || answer.ptr == NULL)
            continue;
        run->has_answer = true;
        set_kept(run, &run->answer, answer);
    }
}

static void finish_workflow(struct dify_run *run, const struct dify_event_data *data)
{
    uint64_t tokens;
    struct dify__members ignored;
    if (!run->has_workflow_finished)
        run->status = run->total_steps = 0; /* of a pause or a message_end before it */
    run->has_workflow_finished = true;
    run->is_paused = false;
    dify__fold_status(run, data->status);
    dify__replace(run, &run->reason, data->error);
    dify__fill(run, &run->workflow_id, data->workflow_id);
    dify__replace(run, &run->finished_created_at, dify__only_number(data->created_at));
    dify__replace(run, &run->finished_at, dify__only_number(data->finished_at));
    set_steps(run, data);
    dify__replace(run, &run->workflow_elapsed_time, data->elapsed_time.text);
    dify__replace(run, &run->exceptions_count, data->exceptions_count.text);
    if (dify__parse_uint(data->total_tokens.text, &tokens))
        run->workflow_tokens = tokens;
    if (!dify__decoder_outputs(run->decoder, &ignored))
        return;
    set_kept(run, &run->workflow_outputs, data->outputs);
    run->has_workflow_outputs = run->workflow_outputs.len != 0;
    dify__merge_outputs(run);
    mend_answer(run);
}

static void add_form(struct dify_run *run, struct dify_slice form_id, struct dify_slice node_id,
                     struct dify_slice json)
{
    struct dify__run_form form = {.is_due = true};
    if (json.ptr == NULL || json.ptr[0] != '{')
        return;
    dify__replace(run, &form.form_id, form_id);
    dify__replace(run, &form.node_id, node_id);
    for (size_t i = 0; i < run->forms; i++) {
        if (form.form_id == 0 || run->form[i].form_id != form.form_id)
            continue;
        run->form[i].is_due = true;
        return;
    }
    run->forms_changed = true;
    if (run->forms == DIFY_RUN_FORMS) {
        dify__run_warn(run, "more forms than are listed");
        return;
    }
    enum dify_err err = dify__texts_keep(&run->texts, json, &form.json);
    if (err == DIFY_OK)
        err = dify__grow(run->allocator, (void **)&run->form, &run->form_capacity, run->forms + 1,
                         sizeof form);
    if (err == DIFY_OK)
        run->form[run->forms++] = form;
    dify__run_note(run, err);
}

/* Only those that are due stay. */
static void keep_due_forms(struct dify_run *run)
{
    size_t kept = 0;
    for (size_t i = 0; i < run->forms; i++)
        if (run->form[i].is_due)
            run->form[kept++] = run->form[i];
    run->forms_changed = run->forms_changed || kept != run->forms;
    run->forms = kept;
}

/* Its reasons name all forms that are open: of another one nobody may have told that it was filled
 * in (Dify 1.16.1 does not). */
static void pause_workflow(struct dify_run *run, const struct dify_event_data *data)
{
    bool names_forms = false;
    run->is_paused = true;
    dify__fold_status(run, DIFY_SLICE("paused"));
    set_steps(run, data);
    for (size_t i = 0; i < run->forms; i++)
        run->form[i].is_due = run->form[i].form_id == 0;
    struct dify__elements reasons = dify__decoder_reasons(run->decoder);
    while (dify__elements_next(&reasons)) {
        struct dify_slice form = {NULL, 0}, node = {NULL, 0};
        struct dify__members members;
        dify__decoder_members(run->decoder, &reasons, &members);
        while (dify__members_next(&members)) {
            if (dify__slice_is(members.key, "form_id"))
                form = dify__members_string(&members);
            else if (dify__slice_is(members.key, "node_id"))
                node = dify__members_string(&members);
        }
        if (form.ptr == NULL)
            continue;
        add_form(run, form, node, reasons.text);
        names_forms = true;
    }
    if (names_forms)
        keep_due_forms(run);
}

/* A form was filled in, or its time is over. */
static void close_forms(struct dify_run *run, const struct dify_event_data *data)
{
    dify__text node_id = 0;
    size_t kept = 0;
    dify__replace(run, &node_id, data->node_id);
    for (size_t i = 0; i < run->forms; i++)
        if (node_id == 0 || run->form[i].node_id != node_id)
            run->form[kept++] = run->form[i];
    run->forms_changed = run->forms_changed || kept != run->forms;
    run->forms = kept;
}

/* Rule 9: whether a text replaces the answer so far. */
static bool replaces_answer(const struct dify_run *run, const struct dify_event *event)
{
    struct dify_slice text = event->answer;
    if (event->type != DIFY_EVENT_MESSAGE)
        return event->type == DIFY_EVENT_MESSAGE_REPLACE;
    return run->has_agent_message && run->answer.len != 0 &&
           dify__starts_with(text, dify__buffer_slice(&run->answer));
}

/* A character outside the BMP may come as two lone surrogates in two messages: puts them together
 * and takes the second one from `*text`. */
static void join_surrogates(struct dify__buffer *answer, struct dify_slice *text)
{
    if (answer->len < 3)
        return;
    uint32_t high = dify__surrogate_at(answer->ptr + answer->len - 3, 3);
    uint32_t low = dify__surrogate_at(text->ptr, text->len);
    if (high < 0xD800 || high > 0xDBFF || low < 0xDC00)
        return;
    uint32_t code = 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00);
    answer->len -= 3;
    answer->len += dify__utf8_encode(code, answer->ptr + answer->len); /* room was reserved */
    text->ptr += 3;
    text->len -= 3;
}

static void append_answer(struct dify_run *run, struct dify_slice text)
{
    size_t taken = text.len, before = run->answer.len;
    enum dify_err err = dify__budget_take(&run->budget, taken);
    if (err == DIFY_OK)
        err = dify__buffer_reserve(&run->answer, taken);
    if (err == DIFY_OK) {
        join_surrogates(&run->answer, &text);
        err = dify__buffer_append(&run->answer, text.ptr, text.len);
        run->budget.used -= taken - (run->answer.len - before); /* joined, it takes less */
    }
    dify__run_note(run, err);
}

static void take_answer(struct dify_run *run, const struct dify_event *event)
{
    struct dify_slice text = event->answer;
    if (event->type == DIFY_EVENT_AGENT_MESSAGE)
        run->has_agent_message = true;
    if (event->type == DIFY_EVENT_MESSAGE_REPLACE && event->reason.len != 0)
        run->is_answer_fixed = true;
    if (text.ptr == NULL)
        return;
    run->has_answer = true;
    if (replaces_answer(run, event))
        set_kept(run, &run->answer, text);
    else
        append_answer(run, text);
}

static void end_message(struct dify_run *run, const struct dify_event *event)
{
    uint64_t tokens;
    run->has_message_end = true;
    if (!run->has_workflow_finished && !run->has_error)
        dify__fold_status(run, run->was_stopped ? DIFY_SLICE("stopped") : DIFY_SLICE("succeeded"));
    if (dify__parse_uint(event->usage.total_tokens.text, &tokens))
        run->usage_tokens = tokens;
    struct dify__figure figure = dify__read_decimal(run, event->usage.total_price);
    if (figure.is_known)
        run->usage_price = figure;
    figure = dify__read_decimal(run, event->usage.latency);
    if (figure.is_known)
        run->usage_latency = figure;
    dify__replace(run, &run->usage_currency, event->usage.currency);
}

static void take_error(struct dify_run *run, const struct dify_event *event)
{
    run->has_error = true;
    dify__replace(run, &run->error_code, event->code);
    dify__replace(run, &run->error_message, event->message);
}

/* Rule 10. */
static void take_audio(struct dify_run *run, const struct dify_event *event)
{
    run->has_tts = true;
    if (event->audio.ptr == NULL)
        return;
    enum dify_err err = dify__base64_decode(event->audio, &run->audio);
    if (err == DIFY_ERR_ARGUMENT) {
        dify__run_warn(run, "the audio of a tts_message is no base64");
        err = DIFY_OK;
    }
    dify__run_note(run, err);
    run->tts_bytes += run->audio.len;
    if (run->observer.audio != NULL && run->audio.len != 0)
        run->observer.audio(run->observer.ctx, dify__buffer_slice(&run->audio));
    dify__buffer_clear(&run->audio, 0);
}

static void end_audio(struct dify_run *run, const struct dify_event *event)
{
    take_audio(run, event);
    if (run->observer.audio != NULL)
        run->observer.audio(run->observer.ctx, (struct dify_slice){"", 0});
}

/* Rule 12: whether an event still changes the result after the end. */
static bool is_late(enum dify_event_type type)
{
    return type == DIFY_EVENT_WORKFLOW_FINISHED || type == DIFY_EVENT_MESSAGE_END ||
           type == DIFY_EVENT_TTS_MESSAGE || type == DIFY_EVENT_TTS_MESSAGE_END;
}

bool dify__is_invented_end(const struct dify_event *event)
{
    return event->type == DIFY_EVENT_WORKFLOW_FINISHED &&
           dify__slice_is(event->data.error, "Workflow stream ended without a terminal event");
}

/* Whether a stream that was to be this run's tells of another. */
static bool is_of_another(const struct dify_run *run, const struct dify_event *event)
{
    if (!run->distrusts || run->resumed == 0)
        return false;
    struct dify_slice own = dify__run_id(run);
    return own.len != 0 && event->workflow_run_id.len != 0 &&
           !dify__is_same_id(own, event->workflow_run_id);
}

/* Whether the members of an event's `data` change the result. Most events of a stream are pieces of
 * text, whose `data` need not be looked at. */
static bool reads_data(enum dify_event_type type)
{
    switch (type) {
    case DIFY_EVENT_UNKNOWN:
    case DIFY_EVENT_TEXT_CHUNK:
    case DIFY_EVENT_REASONING_CHUNK:
    case DIFY_EVENT_AGENT_LOG:
    case DIFY_EVENT_ITERATION_NEXT:
    case DIFY_EVENT_LOOP_NEXT:
        return false;
    default:
        return true;
    }
}

void dify__run_fold(struct dify_run *run, const struct dify_event *event)
{
    const struct dify_event_data *data = &event->data;
    if (dify_run_has_terminal_event(run) && !is_late(event->type))
        return;
    if (is_of_another(run, event)) {
        dify__run_warn(run, "an event of another run");
        return;
    }
    take_ids(run, event);
    if (reads_data(event->type))
        dify__decoder_data(run->decoder);
    if (run->distrusts && dify__is_invented_end(event)) {
        run->has_invented_end = true;
        return;
    }
    switch (event->type) {
    case DIFY_EVENT_WORKFLOW_STARTED:
        start_workflow(run, data);
        break;
    case DIFY_EVENT_WORKFLOW_PAUSED:
        pause_workflow(run, data);
        break;
    case DIFY_EVENT_WORKFLOW_FINISHED:
        finish_workflow(run, data);
        break;
    case DIFY_EVENT_HUMAN_INPUT_REQUIRED:
        add_form(run, data->form_id, data->node_id, event->data_json);
        break;
    case DIFY_EVENT_HUMAN_INPUT_FORM_FILLED:
    case DIFY_EVENT_HUMAN_INPUT_FORM_TIMEOUT:
        close_forms(run, data);
        break;
    case DIFY_EVENT_MESSAGE:
    case DIFY_EVENT_AGENT_MESSAGE:
    case DIFY_EVENT_MESSAGE_REPLACE:
        take_answer(run, event);
        break;
    case DIFY_EVENT_MESSAGE_END:
        end_message(run, event);
        break;
    case DIFY_EVENT_TTS_MESSAGE:
        take_audio(run, event);
        break;
    case DIFY_EVENT_TTS_MESSAGE_END:
        end_audio(run, event);
        break;
    case DIFY_EVENT_ERROR:
        take_error(run, event);
        break;
    default:
        dify__fold_node(run, event);
        break;
    }
}
