/* SPDX-License-Identifier: Apache-2.0
 *
 * event_view.h: the present members of an event's view, as one line of text to compare.
 *
 *   NAME=VALUE;...  members of `data` as d.NAME, of its execution_metadata as u.NAME, of
 *                   message_end's usage as m.NAME; a number that came as a string with ~ in front
 * `data_json` and `json` are left out.
 */
#ifndef DIFY_TESTS_UNIT_EVENT_VIEW_H
#define DIFY_TESTS_UNIT_EVENT_VIEW_H

#include "difystream/event.h"
#include "support.h"

static inline void show_slice(struct text *out, const char *name, struct dify_slice slice)
{
    if (slice.ptr == NULL)
        return;
    text_addf(out, "%s=", name);
    text_add(out, slice.ptr, slice.len);
    text_add_chars(out, ";");
}

static inline void show_number(struct text *out, const char *name, struct dify_number number)
{
    if (number.text.ptr == NULL) {
        assert_false(number.from_string);
        return;
    }
    text_addf(out, "%s=%s", name, number.from_string ? "~" : "");
    text_add(out, number.text.ptr, number.text.len);
    text_add_chars(out, ";");
}

static inline void show_flag(struct text *out, const char *name, signed char flag)
{
    if (flag != -1)
        text_addf(out, "%s=%d;", name, flag);
}

static inline void show_usage(struct text *out, char mark, const struct dify_usage *usage)
{
    char name[32];
    snprintf(name, sizeof name, "%c.total_tokens", mark);
    show_number(out, name, usage->total_tokens);
    snprintf(name, sizeof name, "%c.total_price", mark);
    show_number(out, name, usage->total_price);
    snprintf(name, sizeof name, "%c.latency", mark);
    show_number(out, name, usage->latency);
    snprintf(name, sizeof name, "%c.currency", mark);
    show_slice(out, name, usage->currency);
}

#define SHOW(kind, member) show_##kind(out, "d." #member, data->member)

static inline void show_data(struct text *out, const struct dify_event_data *data)
{
    SHOW(slice, id), SHOW(slice, workflow_id), SHOW(slice, workflow_run_id);
    SHOW(slice, message_id), SHOW(slice, node_id), SHOW(slice, node_type), SHOW(slice, title);
    SHOW(slice, predecessor_node_id), SHOW(slice, iteration_id), SHOW(slice, loop_id);
    SHOW(slice, parent_id), SHOW(slice, node_execution_id), SHOW(slice, status);
    SHOW(slice, error), SHOW(slice, reason), SHOW(slice, label), SHOW(slice, text);
    SHOW(slice, reasoning), SHOW(slice, form_id), SHOW(slice, form_token);
    SHOW(slice, form_content), SHOW(slice, node_title), SHOW(slice, action_id);
    SHOW(slice, action_text), SHOW(slice, rendered_content);
    SHOW(number, index), SHOW(number, retry_index), SHOW(number, steps);
    SHOW(number, exceptions_count), SHOW(number, created_at), SHOW(number, finished_at);
    SHOW(number, expiration_time), SHOW(number, elapsed_time), SHOW(number, total_tokens);
    SHOW(number, total_steps);
    SHOW(slice, inputs), SHOW(slice, process_data), SHOW(slice, outputs), SHOW(slice, files);
    SHOW(slice, extras), SHOW(slice, metadata), SHOW(slice, execution_metadata);
    SHOW(slice, agent_strategy), SHOW(slice, pre_loop_output), SHOW(slice, created_by);
    SHOW(slice, from_variable_selector), SHOW(slice, data), SHOW(slice, actions);
    SHOW(slice, resolved_default_values), SHOW(slice, paused_nodes), SHOW(slice, reasons);
    SHOW(flag, inputs_truncated), SHOW(flag, process_data_truncated);
    SHOW(flag, outputs_truncated), SHOW(flag, is_final), SHOW(flag, display_in_ui);
    show_usage(out, 'u', &data->usage);
}

#undef SHOW
#define SHOW(kind, member) show_##kind(out, #member, event->member)

static inline void show_event(struct text *out, const struct dify_event *event)
{
    SHOW(slice, name), SHOW(slice, task_id), SHOW(slice, workflow_run_id);
    SHOW(slice, conversation_id), SHOW(slice, message_id), SHOW(slice, id), SHOW(slice, answer);
    SHOW(slice, reason), SHOW(slice, audio), SHOW(slice, thought), SHOW(slice, observation);
    SHOW(slice, tool), SHOW(slice, file_type), SHOW(slice, belongs_to), SHOW(slice, url);
    SHOW(slice, code), SHOW(slice, message);
    SHOW(number, created_at), SHOW(number, status), SHOW(number, position);
    SHOW(slice, from_variable_selector), SHOW(slice, files), SHOW(slice, metadata);
    SHOW(slice, tool_labels), SHOW(slice, tool_input), SHOW(slice, message_files);
    show_data(out, &event->data);
    show_usage(out, 'm', &event->usage);
}

#undef SHOW

#endif
