/* SPDX-License-Identifier: Apache-2.0
 *
 * event.h: Dify's events, decoded into a typed view.
 *
 * A decoder takes the data of one server-sent event (a JSON text) and shows its members under the
 * names that Dify gives them. Nothing is required: a member that is missing, null or of another
 * type than Dify documents is absent in the view, and an unknown event type or member is no error.
 *
 *     const struct dify_event *event;
 *     if (dify_decoder_decode(decoder, data, &event, &error) == DIFY_OK &&
 *         event->type == DIFY_EVENT_TEXT_CHUNK)
 *         fwrite(event->data.text.ptr, 1, event->data.text.len, stdout);
 *
 * The view is borrowed from the decoder: it dies with the next dify_decoder_decode(), with
 * dify_decoder_free(), and when the bytes that were decoded die. One decoder serves any number of
 * runs on one thread.
 *
 * Kinds of members:
 *  - text: a JSON string, decoded to UTF-8. It may hold NUL bytes, and a lone surrogate stands as
 *    its three-byte form (WTF-8), since strings from Dify may hold both.
 *  - number: the text of a JSON number as it was sent, to the last digit. A number that Dify sends
 *    as a string is accepted as well where its text is one (RFC 8259 section 6).
 *  - JSON: the text of a value of any type as it was sent, valid by RFC 8259 (lone surrogates may
 *    stand in the three-byte form). Absent for null.
 *  - flag: -1 absent, 0 false, 1 true.
 */
#ifndef DIFYSTREAM_EVENT_H
#define DIFYSTREAM_EVENT_H

#include "difystream/allocator.h"
#include "difystream/error.h"
#include "difystream/export.h"
#include "difystream/slice.h"

#include <stdbool.h>
#include <stdint.h>

DIFY_DECLARATIONS_BEGIN

enum dify_event_type {
    DIFY_EVENT_UNKNOWN = 0, /* `name` says which */
    DIFY_EVENT_PING,        /* keep-alive; counts as no event */
    DIFY_EVENT_WORKFLOW_STARTED,
    DIFY_EVENT_WORKFLOW_FINISHED,
    DIFY_EVENT_WORKFLOW_PAUSED,
    DIFY_EVENT_NODE_STARTED,
    DIFY_EVENT_NODE_FINISHED,
    DIFY_EVENT_NODE_RETRY,
    DIFY_EVENT_ITERATION_STARTED,
    DIFY_EVENT_ITERATION_NEXT,
    DIFY_EVENT_ITERATION_COMPLETED,
    DIFY_EVENT_LOOP_STARTED,
    DIFY_EVENT_LOOP_NEXT,
    DIFY_EVENT_LOOP_COMPLETED,
    DIFY_EVENT_TEXT_CHUNK,
    DIFY_EVENT_REASONING_CHUNK,
    DIFY_EVENT_AGENT_LOG,
    DIFY_EVENT_HUMAN_INPUT_REQUIRED,
    DIFY_EVENT_HUMAN_INPUT_FORM_FILLED,
    DIFY_EVENT_HUMAN_INPUT_FORM_TIMEOUT,
    DIFY_EVENT_MESSAGE,
    DIFY_EVENT_AGENT_MESSAGE,
    DIFY_EVENT_AGENT_THOUGHT,
    DIFY_EVENT_MESSAGE_FILE,
    DIFY_EVENT_MESSAGE_REPLACE,
    DIFY_EVENT_MESSAGE_END,
    DIFY_EVENT_TTS_MESSAGE,
    DIFY_EVENT_TTS_MESSAGE_END,
    DIFY_EVENT_ERROR
};

/* A number: its text, and whether it came as a JSON string. */
struct dify_number {
    struct dify_slice text;
    bool from_string;
};

/* An object of usage: a node's execution_metadata, or message_end's metadata.usage. */
struct dify_usage {
    struct dify_number total_tokens;
    struct dify_number total_price;
    struct dify_number latency; /* seconds; chat family only */
    struct dify_slice currency; /* text */
};

/* The members of an event's `data`. Which an event has: Dify's documentation of the event. */
struct dify_event_data {
    /* text */
    struct dify_slice id; /* execution id of a node; of a container's live events its node_id */
    struct dify_slice workflow_id, workflow_run_id, message_id;
    struct dify_slice node_id, node_type, title, predecessor_node_id;
    struct dify_slice iteration_id, loop_id, parent_id, node_execution_id;
    struct dify_slice status, error, reason, label;
    struct dify_slice text, reasoning;
    struct dify_slice form_id, form_token, form_content, node_title;
    struct dify_slice action_id, action_text, rendered_content;
    /* number */
    struct dify_number index, retry_index, steps, exceptions_count;
    struct dify_number created_at, finished_at, expiration_time; /* Unix seconds */
    struct dify_number elapsed_time;                             /* seconds */
    struct dify_number total_tokens, total_steps;
    /* JSON */
    struct dify_slice inputs, process_data, outputs, files, extras, metadata;
    struct dify_slice execution_metadata, agent_strategy, pre_loop_output, created_by;
    struct dify_slice from_variable_selector, data;
    struct dify_slice actions, resolved_default_values, paused_nodes, reasons;
    /* flag */
    signed char inputs_truncated, process_data_truncated, outputs_truncated;
    signed char is_final, display_in_ui;

    struct dify_usage usage; /* members of `execution_metadata` */
};

struct dify_event {
    enum dify_event_type type;
    struct dify_slice name; /* the member `event`, also of an unknown type; absent if no text */

    /* JSON */
    struct dify_slice json;      /* the whole event */
    struct dify_slice data_json; /* the member `data` as a whole */
    /* text */
    struct dify_slice task_id, workflow_run_id, conversation_id, message_id;
    struct dify_slice id, answer;
    /* number */
    struct dify_number created_at; /* Unix seconds */

    /* Rarer ones. Text */
    struct dify_slice reason, audio; /* audio: base64 */
    struct dify_slice thought, observation, tool;
    struct dify_slice file_type, belongs_to, url; /* file_type: the member `type` */
    struct dify_slice code, message;              /* of an `error` event */
    /* number */
    struct dify_number status; /* HTTP status of an `error` event */
    struct dify_number position;
    /* JSON */
    struct dify_slice from_variable_selector, files, metadata, tool_labels, tool_input;
    struct dify_slice message_files;

    struct dify_usage usage;     /* members of message_end's `metadata.usage` */
    struct dify_event_data data; /* members of `data` where it is an object */
};

struct dify_decoder;

/* Makes a decoder; `allocator` NULL: the C library's. `*out` is the caller's, to be freed with
 * dify_decoder_free(). DIFY_ERR_NOMEM. */
DIFY_API DIFY_MUST_CHECK enum dify_err dify_decoder_new(const struct dify_allocator *allocator,
                                                        struct dify_decoder **out);

/* Frees a decoder. NULL is legal. */
DIFY_API void dify_decoder_free(struct dify_decoder *decoder);

/* Decodes `text`, the data of one event. It is borrowed and must live as long as the view is used.
 * Bytes that are no UTF-8 are read as U+FFFD. On DIFY_OK `*out` is the view.
 * DIFY_ERR_JSON: not a JSON object; DIFY_ERR_DEPTH: nested deeper than DIFY_EVENT_DEPTH; for both
 * `error` (may be NULL) says what and where in `text`. DIFY_ERR_NOMEM. After an error the decoder
 * can be used on. */
DIFY_API DIFY_MUST_CHECK enum dify_err dify_decoder_decode(struct dify_decoder *decoder,
                                                           struct dify_slice text,
                                                           const struct dify_event **out,
                                                           struct dify_error *error);

/* Dify's name of a type ("node_started"); "unknown" for DIFY_EVENT_UNKNOWN. Static. */
DIFY_API const char *dify_event_type_name(enum dify_event_type type);

DIFY_DECLARATIONS_END

#endif
