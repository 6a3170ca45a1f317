/* SPDX-License-Identifier: Apache-2.0
 *
 * event.c: the decoder: which member of an event goes where in the view, as tables.
 *
 * A member is found by a small hash of its name; a decoder builds the index over the tables once.
 */
#include "difystream/event.h"

#include "core/decimal_text.h"
#include "core/decoder.h"
#include "core/json.h"
#include "core/memory.h"
#include "core/slices.h"
#include "core/swar.h"

#include <string.h>

#define NAME(text)                                                                                 \
    {                                                                                              \
        text, sizeof(text) - 1                                                                     \
    }

static const struct dify_slice type_names[] = {
    [DIFY_EVENT_UNKNOWN] = NAME("unknown"),
    [DIFY_EVENT_PING] = NAME("ping"),
    [DIFY_EVENT_WORKFLOW_STARTED] = NAME("workflow_started"),
    [DIFY_EVENT_WORKFLOW_FINISHED] = NAME("workflow_finished"),
    [DIFY_EVENT_WORKFLOW_PAUSED] = NAME("workflow_paused"),
    [DIFY_EVENT_NODE_STARTED] = NAME("node_started"),
    [DIFY_EVENT_NODE_FINISHED] = NAME("node_finished"),
    [DIFY_EVENT_NODE_RETRY] = NAME("node_retry"),
    [DIFY_EVENT_ITERATION_STARTED] = NAME("iteration_started"),
    [DIFY_EVENT_ITERATION_NEXT] = NAME("iteration_next"),
    [DIFY_EVENT_ITERATION_COMPLETED] = NAME("iteration_completed"),
    [DIFY_EVENT_LOOP_STARTED] = NAME("loop_started"),
    [DIFY_EVENT_LOOP_NEXT] = NAME("loop_next"),
    [DIFY_EVENT_LOOP_COMPLETED] = NAME("loop_completed"),
    [DIFY_EVENT_TEXT_CHUNK] = NAME("text_chunk"),
    [DIFY_EVENT_REASONING_CHUNK] = NAME("reasoning_chunk"),
    [DIFY_EVENT_AGENT_LOG] = NAME("agent_log"),
    [DIFY_EVENT_HUMAN_INPUT_REQUIRED] = NAME("human_input_required"),
    [DIFY_EVENT_HUMAN_INPUT_FORM_FILLED] = NAME("human_input_form_filled"),
    [DIFY_EVENT_HUMAN_INPUT_FORM_TIMEOUT] = NAME("human_input_form_timeout"),
    [DIFY_EVENT_MESSAGE] = NAME("message"),
    [DIFY_EVENT_AGENT_MESSAGE] = NAME("agent_message"),
    [DIFY_EVENT_AGENT_THOUGHT] = NAME("agent_thought"),
    [DIFY_EVENT_MESSAGE_FILE] = NAME("message_file"),
    [DIFY_EVENT_MESSAGE_REPLACE] = NAME("message_replace"),
    [DIFY_EVENT_MESSAGE_END] = NAME("message_end"),
    [DIFY_EVENT_TTS_MESSAGE] = NAME("tts_message"),
    [DIFY_EVENT_TTS_MESSAGE_END] = NAME("tts_message_end"),
    [DIFY_EVENT_ERROR] = NAME("error"),
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
        NAME(name), kind, offsetof(struct type, member)                                            \
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
    unsigned char next[INDEX_SLOTS]; /* the name that came after a name, the last time */
    unsigned char last;              /* the last name that was found */
};

/* Where the members of the view begin that few events have. */
#define RARE_MEMBERS offsetof(struct dify_event, reason)

/* The longest head of an event (see `struct head`) that is remembered. */
#define HEAD_BYTES 256

/* The members of an event that hold ids, at most so many of which a head has. */
#define ID_MEMBERS 5

/* Where in a head a plain id stands. */
struct id_place {
    size_t at, len;
};

/* What stands before the value of `data` where that is an event's last member, as in
 * `{"event": "text_chunk", "workflow_run_id": "...", "task_id": "...", "data": `. Most events begin
 * like the one before, but for the ids where it is one of another run: then only `data` is read,
 * and the view keeps what it shows of the members before it. Other ids are put in their place. */
struct head {
    char bytes[HEAD_BYTES];
    size_t len;                      /* 0: the next event is to be read whole */
    struct id_place ids[ID_MEMBERS]; /* in their order */
    size_t id_count;
};

struct dify_decoder {
    const struct dify_allocator *allocator;
    struct dify__json json;
    struct dify_event event;
    yyjson_val *data, *outputs, *reasons; /* `data`, `data.outputs`, `data.reasons` */
    bool has_data, has_rare;              /* that part of the view is filled in */
    struct head head;                     /* of the event before */
    struct name_index types, event_names, data_names, usage_names;
};

static unsigned hash_name(struct dify_slice name)
{
    if (name.len == 0)
        return 0;
    const unsigned char *bytes = (const unsigned char *)name.ptr;
    /* numbers by which no two names of a table meet */
    return ((unsigned)name.len * 123 + bytes[0] * 15u + bytes[name.len - 1] * 126u +
            bytes[name.len / 2] * 20u) %
           INDEX_SLOTS;
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

/* Whether a key is `name`: some twenty times an event, so by words where they fit. */
static inline bool is_name(struct dify_slice key, struct dify_slice name)
{
    size_t len = name.len;
    if (key.len != len)
        return false;
    if (len >= 4 && len <= 8) { /* the first four bytes and the last four */
        uint32_t a[2], b[2];
        memcpy(&a[0], key.ptr, 4);
        memcpy(&b[0], name.ptr, 4);
        memcpy(&a[1], key.ptr + len - 4, 4);
        memcpy(&b[1], name.ptr + len - 4, 4);
        return a[0] == b[0] && a[1] == b[1];
    }
    if (len > 8 && len <= 16) {
        uint64_t a[2], b[2];
        memcpy(&a[0], key.ptr, 8);
        memcpy(&b[0], name.ptr, 8);
        memcpy(&a[1], key.ptr + len - 8, 8);
        memcpy(&b[1], name.ptr + len - 8, 8);
        return a[0] == b[0] && a[1] == b[1];
    }
    return memcmp(key.ptr, name.ptr, len) == 0;
}

/* A server sends the members of a kind of event in one order, so the one that came
 * after the last one found is tried first. */
static const struct field *find_field(struct name_index *index, const struct field *fields,
                                      struct dify_slice name)
{
    const struct field *guess = &fields[index->next[index->last]];
    if (is_name(name, guess->name)) {
        index->last = index->next[index->last];
        return guess;
    }
    for (unsigned slot = hash_name(name); index->slot[slot] != 0; slot = (slot + 1) % INDEX_SLOTS) {
        const struct field *field = &fields[index->slot[slot] - 1];
        if (!is_name(name, field->name))
            continue;
        index->next[index->last] = (unsigned char)(field - fields);
        index->last = (unsigned char)(field - fields);
        return field;
    }
    return NULL;
}

static enum dify_event_type find_type(struct name_index *index, struct dify_slice name)
{
    if (name.ptr == NULL)
        return DIFY_EVENT_UNKNOWN;
    if (is_name(name, type_names[index->last])) /* most events are like the one before */
        return (enum dify_event_type)index->last;
    for (unsigned slot = hash_name(name); index->slot[slot] != 0; slot = (slot + 1) % INDEX_SLOTS) {
        size_t type = index->slot[slot] - 1u;
        if (!is_name(name, type_names[type]))
            continue;
        index->last = (unsigned char)type;
        return (enum dify_event_type)type;
    }
    return DIFY_EVENT_UNKNOWN;
}

const char *dify_event_type_name(enum dify_event_type type)
{
    return type_names[(size_t)type < TYPE_COUNT ? type : DIFY_EVENT_UNKNOWN].ptr;
}

enum dify_err dify_decoder_new(const struct dify_allocator *allocator, struct dify_decoder **out)
{
    allocator = dify__allocator(allocator);
    struct dify_decoder *decoder = dify__calloc(allocator, sizeof *decoder);
    if (decoder == NULL)
        return DIFY_ERR_NOMEM;
    decoder->allocator = allocator;
    decoder->has_data = decoder->has_rare = true; /* not cleared yet */
    dify__json_init(&decoder->json, allocator);
    for (size_t i = DIFY_EVENT_UNKNOWN + 1; i < TYPE_COUNT; i++)
        index_add(&decoder->types, type_names[i], i);
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
    if (yyjson_is_num(members->value) || yyjson_is_raw(members->value)) {
        number.text = dify__members_text(members);
        return number;
    }
    struct dify_slice text = dify__members_string(members);
    if (dify__decimal_is_number(text)) {
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

static void read_usage(struct dify_decoder *decoder, yyjson_val *object, struct dify_slice text,
                       struct dify_usage *usage)
{
    struct dify__members members;
    dify__members_of(&members, &decoder->json, object, text);
    while (dify__members_next(&members)) {
        const struct field *field = find_field(&decoder->usage_names, usage_fields, members.key);
        if (field != NULL)
            store(usage, field, &members);
    }
}

/* message_end's `metadata`. Of members that come twice the last one counts, here and below. */
static void read_metadata(struct dify_decoder *decoder, yyjson_val *object)
{
    struct dify_slice text = {NULL, 0};
    yyjson_val *usage = NULL;
    struct dify__members members;
    dify__members_of(&members, &decoder->json, object, decoder->event.metadata);
    while (dify__members_next(&members)) {
        if (!dify__slice_is(members.key, "usage"))
            continue;
        usage = members.value;
        text = dify__members_text(&members);
    }
    read_usage(decoder, usage, text, &decoder->event.usage);
}

static void read_data(struct dify_decoder *decoder, yyjson_val *object)
{
    struct dify_event_data *data = &decoder->event.data;
    yyjson_val *metadata = NULL;
    struct dify__members members;
    dify__members_of(&members, &decoder->json, object, decoder->event.data_json);
    while (dify__members_next(&members)) {
        const struct field *field = find_field(&decoder->data_names, data_fields, members.key);
        if (field == NULL)
            continue;
        store(data, field, &members);
        if (field->offset == offsetof(struct dify_event_data, execution_metadata))
            metadata = members.value;
        else if (field->offset == offsetof(struct dify_event_data, outputs))
            decoder->outputs = members.value;
        else if (field->offset == offsetof(struct dify_event_data, reasons))
            decoder->reasons = members.value;
    }
    read_usage(decoder, metadata, data->execution_metadata, &data->usage);
}

/* Most events have few of the view's members: only those are cleared that were filled in, here and
 * below. */
static void clear_data(struct dify_decoder *decoder)
{
    struct dify_event_data *data = &decoder->event.data;
    decoder->data = decoder->outputs = decoder->reasons = NULL;
    if (!decoder->has_data)
        return;
    memset(data, 0, sizeof *data);
    data->inputs_truncated = data->process_data_truncated = data->outputs_truncated = -1;
    data->is_final = data->display_in_ui = -1;
    decoder->has_data = false;
}

static void clear_envelope(struct dify_decoder *decoder)
{
    const struct dify_slice absent = {NULL, 0};
    struct dify_event *event = &decoder->event;
    /* one by one: a = b = absent would wait for what it has just written */
    event->name = absent;
    event->data_json = absent;
    event->task_id = absent;
    event->workflow_run_id = absent;
    event->conversation_id = absent;
    event->message_id = absent;
    event->id = absent;
    event->answer = absent;
    event->created_at = (struct dify_number){{NULL, 0}, false};
    if (decoder->has_rare)
        memset((char *)event + RARE_MEMBERS, 0, offsetof(struct dify_event, data) - RARE_MEMBERS);
    decoder->has_rare = false;
}

/* The high bit of each byte says whether it is one of an id: ASCII from '-' on, but a backslash. */
static uint64_t plain_bytes(uint64_t word)
{
    const uint64_t high = DIFY__EACH_BYTE(0x80);
    uint64_t is_from_dash = (word | high) - DIFY__EACH_BYTE('-');
    uint64_t is_no_backslash = ((word ^ DIFY__EACH_BYTE('\\')) | high) - DIFY__EACH_BYTE(1);
    return ~word & is_from_dash & is_no_backslash & high;
}

/* Whether an id, as it stands in the text, is nothing but characters that mean themselves. By
 * words, since byte by byte it took as long as it takes to read the head anew. */
static bool is_plain_id(const char *bytes, size_t len)
{
    uint64_t word, plain = DIFY__EACH_BYTE(0x80);
    size_t i = 0;
    for (; len - i >= sizeof word; i += sizeof word) {
        memcpy(&word, bytes + i, sizeof word);
        plain &= plain_bytes(word);
    }
    if (i < len && len >= sizeof word) { /* the last ones, with some that were looked at */
        memcpy(&word, bytes + len - sizeof word, sizeof word);
        plain &= plain_bytes(word);
        i = len;
    }
    for (; i < len; i++)
        plain &= plain_bytes(DIFY__EACH_BYTE((unsigned char)bytes[i]));
    return plain == DIFY__EACH_BYTE(0x80);
}

/* Whether the text begins like the head; the ids of the head, and with them those that the view
 * shows, are then the text's. If not, nothing of either counts any more. */
static bool begins_like(struct dify_decoder *decoder, const char *text)
{
    struct head *head = &decoder->head;
    size_t done = 0;
    for (size_t i = 0; i < head->id_count; i++) {
        const struct id_place *id = &head->ids[i];
        if (memcmp(text + done, head->bytes + done, id->at - done) != 0)
            return false;
        done = id->at + id->len;
        if (memcmp(text + id->at, head->bytes + id->at, id->len) == 0)
            continue;
        if (!is_plain_id(text + id->at, id->len))
            return false;
        memcpy(head->bytes + id->at, text + id->at, id->len);
        memcpy(decoder->json.copy.ptr + id->at, text + id->at, id->len);
    }
    return memcmp(text + done, head->bytes + done, head->len - done) == 0;
}

/* Reads an event that begins like the one before; false if it is not such a one. */
static bool read_after_head(struct dify_decoder *decoder, struct dify_slice text)
{
    const struct head *head = &decoder->head;
    struct dify_slice data;
    if (head->len == 0 || text.len <= head->len || !begins_like(decoder, text.ptr) ||
        !dify__json_read_last(&decoder->json, text, head->len, &data))
        return false;
    decoder->data = yyjson_doc_get_root(decoder->json.doc);
    decoder->event.data_json = data;
    return true;
}

/* Notes where an id of the event at hand stands, if it is plain; one with an escape in it, which is
 * longer here than decoded, is not: its first backslash comes before so many bytes are over. */
static void keep_id(struct dify_decoder *decoder, struct dify_slice id)
{
    struct head *head = &decoder->head;
    size_t i = head->id_count;
    if (id.len == 0)
        return;
    size_t at = (size_t)(id.ptr - decoder->json.copy.ptr);
    if (!is_plain_id(head->bytes + at, id.len))
        return;
    for (; i > 0 && head->ids[i - 1].at > at; i--)
        head->ids[i] = head->ids[i - 1];
    head->ids[i] = (struct id_place){at, id.len};
    head->id_count++;
}

/* Remembers the head of the event at hand. */
static void keep_head(struct dify_decoder *decoder)
{
    struct head *head = &decoder->head;
    const struct dify_event *event = &decoder->event;
    struct dify_slice text = decoder->json.text;
    size_t len = (size_t)(event->data_json.ptr - text.ptr);
    if (len > sizeof head->bytes)
        return;
    memcpy(head->bytes, text.ptr, len);
    head->len = len;
    head->id_count = 0;
    keep_id(decoder, event->task_id);
    keep_id(decoder, event->workflow_run_id);
    keep_id(decoder, event->conversation_id);
    keep_id(decoder, event->message_id);
    keep_id(decoder, event->id);
}

/* Fills in the view but for the members of `data`. Returns whether the event has a head that the
 * next one may share: `data` is its last member, and of the others the view shows only decoded
 * texts, which stay, and nothing of the event's own bytes. */
static bool read_members(struct dify_decoder *decoder)
{
    struct dify_event *event = &decoder->event;
    bool shows_bytes = false; /* of another member than `data` */
    yyjson_val *metadata = NULL;
    struct dify__members members;
    clear_envelope(decoder);
    dify__members_of_root(&members, &decoder->json);
    while (dify__members_next(&members)) {
        const struct field *field = find_field(&decoder->event_names, event_fields, members.key);
        if (field == NULL)
            continue;
        store(event, field, &members);
        decoder->has_rare |= field->offset >= RARE_MEMBERS;
        if (field->offset == offsetof(struct dify_event, data_json))
            decoder->data = members.value;
        else if (field->kind != KIND_TEXT)
            shows_bytes = true;
        if (field->offset == offsetof(struct dify_event, metadata))
            metadata = members.value;
    }
    if (metadata != NULL)
        read_metadata(decoder, metadata);
    event->type = find_type(&decoder->types, event->name);
    return event->data_json.ptr != NULL && decoder->data == members.value && !shows_bytes;
}

enum dify_err dify__decoder_envelope(struct dify_decoder *decoder, struct dify_slice text,
                                     const struct dify_event **out)
{
    clear_data(decoder);
    if (!read_after_head(decoder, text)) {
        decoder->head.len = 0;
        enum dify_err err = dify__json_read(&decoder->json, text);
        if (err != DIFY_OK)
            return err;
        bool is_mended = decoder->json.text.ptr != text.ptr;
        if (read_members(decoder) && !is_mended)
            keep_head(decoder);
    }
    decoder->event.json = decoder->json.text;
    *out = &decoder->event;
    return DIFY_OK;
}

const struct dify_error *dify__decoder_error(const struct dify_decoder *decoder)
{
    return &decoder->json.error;
}

void dify__decoder_data(struct dify_decoder *decoder)
{
    if (decoder->has_data || decoder->data == NULL)
        return;
    decoder->has_data = true;
    read_data(decoder, decoder->data);
}

enum dify_err dify_decoder_decode(struct dify_decoder *decoder, struct dify_slice text,
                                  const struct dify_event **out, struct dify_error *error)
{
    enum dify_err err = dify__decoder_envelope(decoder, text, out);
    if (err == DIFY_OK)
        dify__decoder_data(decoder);
    else if (error != NULL && (err == DIFY_ERR_JSON || err == DIFY_ERR_DEPTH))
        *error = decoder->json.error;
    return err;
}

bool dify__decoder_outputs(const struct dify_decoder *decoder, struct dify__members *out)
{
    dify__members_of(out, &decoder->json, decoder->outputs, decoder->event.data.outputs);
    return yyjson_is_obj(decoder->outputs);
}

struct dify__elements dify__decoder_reasons(const struct dify_decoder *decoder)
{
    return dify__json_elements(decoder->reasons, decoder->event.data.reasons);
}

void dify__decoder_members(const struct dify_decoder *decoder, const struct dify__elements *element,
                           struct dify__members *out)
{
    dify__members_of(out, &decoder->json, element->value, element->text);
}
