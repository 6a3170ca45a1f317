/* SPDX-License-Identifier: Apache-2.0
 *
 * event.c: the decoder: which member of an event goes where in the view, as tables.
 *
 * A member is found by a small hash of its name; a decoder builds the index over the tables once.
 */
#include "difystream/event.h"

#include "core/decoder.h"
#include "core/json.h"
#include "core/memory.h"
#include "core/slices.h"
#include "difystream/decimal.h"

#include <string.h>

static const char *const type_names[] = {
    [DIFY_EVENT_UNKNOWN] = "unknown",
    [DIFY_EVENT_PING] = "ping",
    [DIFY_EVENT_WORKFLOW_STARTED] = "workflow_started",
    [DIFY_EVENT_WORKFLOW_FINISHED] = "workflow_finished",
    [DIFY_EVENT_WORKFLOW_PAUSED] = "workflow_paused",
    [DIFY_EVENT_NODE_STARTED] = "node_started",
    [DIFY_EVENT_NODE_FINISHED] = "node_finished",
    [DIFY_EVENT_NODE_RETRY] = "node_retry",
    [DIFY_EVENT_ITERATION_STARTED] = "iteration_started",
    [DIFY_EVENT_ITERATION_NEXT] = "iteration_next",
    [DIFY_EVENT_ITERATION_COMPLETED] = "iteration_completed",
    [DIFY_EVENT_LOOP_STARTED] = "loop_started",
    [DIFY_EVENT_LOOP_NEXT] = "loop_next",
    [DIFY_EVENT_LOOP_COMPLETED] = "loop_completed",
    [DIFY_EVENT_TEXT_CHUNK] = "text_chunk",
    [DIFY_EVENT_REASONING_CHUNK] = "reasoning_chunk",
    [DIFY_EVENT_AGENT_LOG] = "agent_log",
    [DIFY_EVENT_HUMAN_INPUT_REQUIRED] = "human_input_required",
    [DIFY_EVENT_HUMAN_INPUT_FORM_FILLED] = "human_input_form_filled",
    [DIFY_EVENT_HUMAN_INPUT_FORM_TIMEOUT] = "human_input_form_timeout",
    [DIFY_EVENT_MESSAGE] = "message",
    [DIFY_EVENT_AGENT_MESSAGE] = "agent_message",
    [DIFY_EVENT_AGENT_THOUGHT] = "agent_thought",
    [DIFY_EVENT_MESSAGE_FILE] = "message_file",
    [DIFY_EVENT_MESSAGE_REPLACE] = "message_replace",
    [DIFY_EVENT_MESSAGE_END] = "message_end",
    [DIFY_EVENT_TTS_MESSAGE] = "tts_message",
    [DIFY_EVENT_TTS_MESSAGE_END] = "tts_message_end",
    [DIFY_EVENT_ERROR] = "error",
};

#define TYPE_COUNT (sizeof type_names / sizeof type_names[0])

enum field_kind { KIND_TEXT, KIND_NUMBER, KIND_JSON, KIND_FLAG };

struct field {
    struct dify_slice name;
    enum field_kind kind;
    size_t offset; /* in the struct that the table is about */
};

#define NAMED(type, kind, name, member)                                                            \
    {                                                                                              \
        {name, sizeof(name) - 1}, kind, offsetof(struct type, member)                              \
    }
#define FIELD(type, kind, member) NAMED(type, kind, #member, member)

static const struct field event_fields[] = {
    NAMED(dify_event, KIND_TEXT, "event", name),
    FIELD(dify_event, KIND_TEXT, task_id),
    FIELD(dify_event, KIND_TEXT, workflow_run_id),
    FIELD(dify_event, KIND_TEXT, conversation_id),
    FIELD(dify_event, KIND_TEXT, message_id),
    FIELD(dify_event, KIND_TEXT, id),
    FIELD(dify_event, KIND_TEXT, answer),
    FIELD(dify_event, KIND_TEXT, reason),
    FIELD(dify_event, KIND_TEXT, audio),
    FIELD(dify_event, KIND_TEXT, thought),
    FIELD(dify_event, KIND_TEXT, observation),
    FIELD(dify_event, KIND_TEXT, tool),
    NAMED(dify_event, KIND_TEXT, "type", file_type),
    FIELD(dify_event, KIND_TEXT, belongs_to),
    FIELD(dify_event, KIND_TEXT, url),
    FIELD(dify_event, KIND_TEXT, code),
    FIELD(dify_event, KIND_TEXT, message),
    FIELD(dify_event, KIND_NUMBER, created_at),
    FIELD(dify_event, KIND_NUMBER, status),
    FIELD(dify_event, KIND_NUMBER, position),
    FIELD(dify_event, KIND_JSON, from_variable_selector),
    FIELD(dify_event, KIND_JSON, files),
    FIELD(dify_event, KIND_JSON, metadata),
    FIELD(dify_event, KIND_JSON, tool_labels),
    FIELD(dify_event, KIND_JSON, tool_input),
    FIELD(dify_event, KIND_JSON, message_files),
    NAMED(dify_event, KIND_JSON, "data", data_json),
};

static const struct field data_fields[] = {
    FIELD(dify_event_data, KIND_TEXT, id),
    FIELD(dify_event_data, KIND_TEXT, workflow_id),
    FIELD(dify_event_data, KIND_TEXT, workflow_run_id),
    FIELD(dify_event_data, KIND_TEXT, message_id),
    FIELD(dify_event_data, KIND_TEXT, node_id),
    FIELD(dify_event_data, KIND_TEXT, node_type),
    FIELD(dify_event_data, KIND_TEXT, title),
    FIELD(dify_event_data, KIND_TEXT, predecessor_node_id),
    FIELD(dify_event_data, KIND_TEXT, iteration_id),
    FIELD(dify_event_data, KIND_TEXT, loop_id),
    FIELD(dify_event_data, KIND_TEXT, parent_id),
    FIELD(dify_event_data, KIND_TEXT, node_execution_id),
    FIELD(dify_event_data, KIND_TEXT, status),
    FIELD(dify_event_data, KIND_TEXT, error),
    FIELD(dify_event_data, KIND_TEXT, reason),
    FIELD(dify_event_data, KIND_TEXT, label),
    FIELD(dify_event_data, KIND_TEXT, text),
    FIELD(dify_event_data, KIND_TEXT, reasoning),
    FIELD(dify_event_data, KIND_TEXT, form_id),
    FIELD(dify_event_data, KIND_TEXT, form_token),
    FIELD(dify_event_data, KIND_TEXT, form_content),
    FIELD(dify_event_data, KIND_TEXT, node_title),
    FIELD(dify_event_data, KIND_TEXT, action_id),
    FIELD(dify_event_data, KIND_TEXT, action_text),
    FIELD(dify_event_data, KIND_TEXT, rendered_content),
    FIELD(dify_event_data, KIND_NUMBER, index),
    FIELD(dify_event_data, KIND_NUMBER, retry_index),
    FIELD(dify_event_data, KIND_NUMBER, steps),
    FIELD(dify_event_data, KIND_NUMBER, exceptions_count),
    FIELD(dify_event_data, KIND_NUMBER, created_at),
    FIELD(dify_event_data, KIND_NUMBER, finished_at),
    FIELD(dify_event_data, KIND_NUMBER, expiration_time),
    FIELD(dify_event_data, KIND_NUMBER, elapsed_time),
    FIELD(dify_event_data, KIND_NUMBER, total_tokens),
    FIELD(dify_event_data, KIND_NUMBER, total_steps),
    FIELD(dify_event_data, KIND_JSON, inputs),
    FIELD(dify_event_data, KIND_JSON, process_data),
    FIELD(dify_event_data, KIND_JSON, outputs),
    FIELD(dify_event_data, KIND_JSON, files),
    FIELD(dify_event_data, KIND_JSON, extras),
    FIELD(dify_event_data, KIND_JSON, metadata),
    FIELD(dify_event_data, KIND_JSON, execution_metadata),
    FIELD(dify_event_data, KIND_JSON, agent_strategy),
    FIELD(dify_event_data, KIND_JSON, pre_loop_output),
    FIELD(dify_event_data, KIND_JSON, created_by),
    FIELD(dify_event_data, KIND_JSON, from_variable_selector),
    FIELD(dify_event_data, KIND_JSON, data),
    FIELD(dify_event_data, KIND_JSON, actions),
    FIELD(dify_event_data, KIND_JSON, resolved_default_values),
    FIELD(dify_event_data, KIND_JSON, paused_nodes),
    FIELD(dify_event_data, KIND_JSON, reasons),
    FIELD(dify_event_data, KIND_FLAG, inputs_truncated),
    FIELD(dify_event_data, KIND_FLAG, process_data_truncated),
    FIELD(dify_event_data, KIND_FLAG, outputs_truncated),
    FIELD(dify_event_data, KIND_FLAG, is_final),
    FIELD(dify_event_data, KIND_FLAG, display_in_ui),
};

static const struct field usage_fields[] = {
    FIELD(dify_usage, KIND_NUMBER, total_tokens),
    FIELD(dify_usage, KIND_NUMBER, total_price),
    FIELD(dify_usage, KIND_NUMBER, latency),
    FIELD(dify_usage, KIND_TEXT, currency),
};

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* An open-addressed index over names; a slot holds 1 + the number of the name. */
#define INDEX_SLOTS 256

struct name_index {
    unsigned char slot[INDEX_SLOTS];
};

struct dify_decoder {
    const struct dify_allocator *allocator;
    struct dify__json json;
    struct dify_event event;
    yyjson_val *outputs, *reasons; /* `data.outputs` and `data.reasons` */
    struct name_index types, event_names, data_names, usage_names;
};

static unsigned hash_name(struct dify_slice name)
{
    if (name.len == 0)
        return 0;
    const unsigned char *bytes = (const unsigned char *)name.ptr;
    return ((unsigned)name.len * 37 + bytes[0] * 5u + bytes[name.len - 1] * 11u +
            bytes[name.len / 2] * 17u) %
           INDEX_SLOTS;
}

static struct dify_slice type_name(size_t type)
{
    return dify__slice(type_names[type]);
}

static void index_add(struct name_index *index, struct dify_slice name, size_t number)
{
    unsigned slot = hash_name(name);
    while (index->slot[slot] != 0)
        slot = (slot + 1) % INDEX_SLOTS;
    index->slot[slot] = (unsigned char)(number + 1);
}

static void index_fields(struct name_index *index, const struct field *fields, size_t count)
{
    for (size_t i = 0; i < count; i++)
        index_add(index, fields[i].name, i);
}

static const struct field *find_field(const struct name_index *index, const struct field *fields,
                                      struct dify_slice name)
{
    for (unsigned slot = hash_name(name); index->slot[slot] != 0; slot = (slot + 1) % INDEX_SLOTS) {
        const struct field *field = &fields[index->slot[slot] - 1];
        if (dify__slice_equals(field->name, name))
            return field;
    }
    return NULL;
}

static enum dify_event_type find_type(const struct name_index *index, struct dify_slice name)
{
    if (name.ptr == NULL)
        return DIFY_EVENT_UNKNOWN;
    for (unsigned slot = hash_name(name); index->slot[slot] != 0; slot = (slot + 1) % INDEX_SLOTS) {
        size_t type = index->slot[slot] - 1u;
        if (dify__slice_equals(type_name(type), name))
            return (enum dify_event_type)type;
    }
    return DIFY_EVENT_UNKNOWN;
}

const char *dify_event_type_name(enum dify_event_type type)
{
    return (size_t)type < TYPE_COUNT ? type_names[type] : type_names[DIFY_EVENT_UNKNOWN];
}

enum dify_err dify_decoder_new(const struct dify_allocator *allocator, struct dify_decoder **out)
{
    allocator = dify__allocator(allocator);
    struct dify_decoder *decoder = dify__calloc(allocator, sizeof *decoder);
    if (decoder == NULL)
        return DIFY_ERR_NOMEM;
    decoder->allocator = allocator;
    dify__json_init(&decoder->json, allocator);
    for (size_t i = DIFY_EVENT_UNKNOWN + 1; i < TYPE_COUNT; i++)
        index_add(&decoder->types, type_name(i), i);
    index_fields(&decoder->event_names, event_fields, COUNT(event_fields));
    index_fields(&decoder->data_names, data_fields, COUNT(data_fields));
    index_fields(&decoder->usage_names, usage_fields, COUNT(usage_fields));
    *out = decoder;
    return DIFY_OK;
}

void dify_decoder_free(struct dify_decoder *decoder)
{
    if (decoder == NULL)
        return;
    dify__json_fini(&decoder->json);
    dify__free(decoder->allocator, decoder);
}

/* A number, or a string that is one. */
static struct dify_number read_number(const struct dify__members *members)
{
    struct dify_number number = {{NULL, 0}, false};
    if (yyjson_is_raw(members->value)) {
        number.text.ptr = yyjson_get_raw(members->value);
        number.text.len = yyjson_get_len(members->value);
        return number;
    }
    struct dify_slice text = dify__members_string(members);
    struct dify_decimal ignored;
    if (text.ptr != NULL && dify_decimal_parse(text, &ignored) != DIFY_ERR_NUMBER) {
        number.text = text;
        number.from_string = true;
    }
    return number;
}

/* Stores the member at hand in `object` as `field` says. A member that comes twice: the last. */
static void store(void *object, const struct field *field, const struct dify__members *members)
{
    void *target = (char *)object + field->offset;
    switch (field->kind) {
    case KIND_TEXT:
        *(struct dify_slice *)target = dify__members_string(members);
        break;
    case KIND_NUMBER:
        *(struct dify_number *)target = read_number(members);
        break;
    case KIND_JSON:
        *(struct dify_slice *)target = yyjson_is_null(members->value) ? (struct dify_slice){NULL, 0}
                                                                      : dify__members_text(members);
        break;
    case KIND_FLAG:
        *(signed char *)target =
            yyjson_is_bool(members->value) ? (signed char)yyjson_get_bool(members->value) : -1;
        break;
    }
}

/* The members of the object at hand. */
static struct dify__members enter(const struct dify__members *members)
{
    return dify__json_members(members->json, members->value, dify__members_text(members));
}

static void read_usage(struct dify_decoder *decoder, const struct dify__members *parent,
                       struct dify_usage *usage)
{
    memset(usage, 0, sizeof *usage);
    if (!yyjson_is_obj(parent->value))
        return;
    struct dify__members members = enter(parent);
    while (dify__members_next(&members)) {
        const struct field *field = find_field(&decoder->usage_names, usage_fields, members.key);
        if (field != NULL)
            store(usage, field, &members);
    }
}

/* message_end's `metadata`. */
static void read_metadata(struct dify_decoder *decoder, const struct dify__members *parent)
{
    memset(&decoder->event.usage, 0, sizeof decoder->event.usage);
    if (!yyjson_is_obj(parent->value))
        return;
    struct dify__members members = enter(parent);
    while (dify__members_next(&members))
        if (dify__slice_is(members.key, "usage"))
            read_usage(decoder, &members, &decoder->event.usage);
}

static void clear_data(struct dify_event_data *data)
{
    memset(data, 0, sizeof *data);
    data->inputs_truncated = data->process_data_truncated = data->outputs_truncated = -1;
    data->is_final = data->display_in_ui = -1;
}

static void read_data(struct dify_decoder *decoder, const struct dify__members *parent)
{
    struct dify_event_data *data = &decoder->event.data;
    clear_data(data);
    decoder->outputs = decoder->reasons = NULL;
    if (!yyjson_is_obj(parent->value))
        return;
    struct dify__members members = enter(parent);
    while (dify__members_next(&members)) {
        const struct field *field = find_field(&decoder->data_names, data_fields, members.key);
        if (field == NULL)
            continue;
        store(data, field, &members);
        if (dify__slice_is(members.key, "execution_metadata"))
            read_usage(decoder, &members, &data->usage);
        else if (dify__slice_is(members.key, "outputs"))
            decoder->outputs = members.value;
        else if (dify__slice_is(members.key, "reasons"))
            decoder->reasons = members.value;
    }
}

enum dify_err dify_decoder_decode(struct dify_decoder *decoder, struct dify_slice data,
                                  const struct dify_event **out, struct dify_error *error)
{
    struct dify_event *event = &decoder->event;
    enum dify_err err = dify__json_read(&decoder->json, data, error);
    if (err != DIFY_OK)
        return err;
    memset(event, 0, sizeof *event);
    clear_data(&event->data);
    decoder->outputs = decoder->reasons = NULL;
    event->json = decoder->json.text;
    struct dify__members members = dify__json_root(&decoder->json);
    while (dify__members_next(&members)) {
        const struct field *field = find_field(&decoder->event_names, event_fields, members.key);
        if (field == NULL)
            continue;
        store(event, field, &members);
        if (dify__slice_is(members.key, "data"))
            read_data(decoder, &members);
        else if (dify__slice_is(members.key, "metadata"))
            read_metadata(decoder, &members);
    }
    event->type = find_type(&decoder->types, event->name);
    *out = event;
    return DIFY_OK;
}

bool dify__decoder_outputs(const struct dify_decoder *decoder, struct dify__members *out)
{
    if (!yyjson_is_obj(decoder->outputs))
        return false;
    *out = dify__json_members(&decoder->json, decoder->outputs, decoder->event.data.outputs);
    return true;
}

struct dify__elements dify__decoder_reasons(const struct dify_decoder *decoder)
{
    return dify__json_elements(decoder->reasons, decoder->event.data.reasons);
}
