/* SPDX-License-Identifier: Apache-2.0
 *
 * v1_body.c: see v1_body.h. What the stream said at its end is put into the order of a blocking
 * answer, value by value as it came; Dify's two ways of writing are core/style.h's.
 */
#include "gateway/v1_body.h"

#include "core/decimal_text.h"
#include "core/json.h"
#include "core/json_text.h"
#include "core/slices.h"
#include "core/style.h"
#include "gateway/v1_mend_state.h"

#include <string.h>

/* A body while it is made. */
struct body {
    const struct gw_mend *mend;
    const struct dify_result *result;
    struct dify_slice mode;
    struct dify__buffer event; /* the event that it is made from */
    struct dify__json json;
    struct dify__members data; /* of that event */
    struct dify__buffer text;  /* the body, compact */
    struct dify__writer writer;
    enum dify_err err;
};

/* ---- pieces ---------------------------------------------------------------------------------- */

static void note(struct body *body, enum dify_err err)
{
    if (body->err == DIFY_OK)
        body->err = err;
}

/* The text of the last member `name`; absent if there is none. */
static struct dify_slice find(struct dify__members members, const char *name, yyjson_val **value)
{
    struct dify_slice text = {NULL, 0};
    *value = NULL;
    while (dify__members_next(&members)) {
        if (!dify__slice_is(members.key, name))
            continue;
        text = dify__members_text(&members);
        *value = members.value;
    }
    return text;
}

/* Members of the event's data, under their names; null where it has none. */
static void put_data(struct body *body, const char *const *names)
{
    yyjson_val *ignored;
    for (; *names != NULL; names++)
        dify__key_json(&body->writer, *names, find(body->data, *names, &ignored));
}

/* Reads the event in `body->event`; `name`: the member that holds what the body is made of. */
static void read_event(struct body *body, const char *name)
{
    struct dify__members root;
    yyjson_val *value = NULL;
    struct dify_slice text = {NULL, 0};
    if (body->err == DIFY_OK)
        note(body, dify__json_read_again(&body->json, dify__buffer_slice(&body->event)));
    if (body->err == DIFY_OK) {
        dify__members_of_root(&root, &body->json);
        text = find(root, name, &value);
    }
    dify__members_of(&body->data, &body->json, value, text);
}

static struct dify_slice task_id(const struct body *body)
{
    return gw__mend_id_or(body->mend, body->mend->task_id, body->result->task_id);
}

static struct dify_slice run_id(const struct body *body)
{
    return gw__mend_id_or(body->mend, body->mend->run_id, body->result->workflow_run_id);
}

static struct dify_slice message_id(const struct body *body)
{
    return gw__mend_id_or(body->mend, body->mend->message_id, body->result->message_id);
}

static struct dify_slice conversation_id(const struct body *body)
{
    return gw__mend_id_or(body->mend, body->mend->conversation_id, body->result->conversation_id);
}

/* ---- workflows ------------------------------------------------------------------------------- */

/* What stands before the event's own members. */
static void open_workflow(struct body *body)
{
    read_event(body, "data");
    dify__key_string(&body->writer, "task_id", task_id(body));
    dify__key_string(&body->writer, "workflow_run_id", run_id(body));
    dify__write_key(&body->writer, "data");
    dify__write_open(&body->writer, '{');
    dify__key_string(&body->writer, "id", run_id(body));
}

static void put_workflow(struct body *body)
{
    static const char *const names[] = {
        "workflow_id",  "status",      "outputs",    "error",       "elapsed_time",
        "total_tokens", "total_steps", "created_at", "finished_at", NULL};
    note(body, gw__mend_finished(body->mend, body->result, &body->event));
    open_workflow(body);
    put_data(body, names);
    dify__write_close(&body->writer, '}');
}

static void put_paused_workflow(struct body *body)
{
    static const char *const totals[] = {"elapsed_time", "total_tokens", "total_steps",
                                         "created_at", NULL};
    static const char *const forms[] = {"paused_nodes", "reasons", NULL};
    note(body, gw__mend_paused(body->mend, body->result, &body->event));
    open_workflow(body);
    dify__key_string(
        &body->writer, "workflow_id",
        gw__mend_id_or(body->mend, body->mend->workflow_id, body->result->workflow_id));
    dify__key_string(&body->writer, "status", DIFY_SLICE("paused"));
    dify__key_json(&body->writer, "outputs", DIFY_SLICE("{}"));
    dify__key_json(&body->writer, "error", DIFY_SLICE("null"));
    put_data(body, totals);
    dify__key_json(&body->writer, "finished_at", DIFY_SLICE("null"));
    put_data(body, forms);
    dify__write_close(&body->writer, '}');
}

/* ---- the chat family ------------------------------------------------------------------------- */

/* A price as blocking answers write it: "0E-7" is "0.0000000". Others stay as they are. */
static void write_price(struct body *body, struct dify_slice text)
{
    char plain[DIFY_DECIMAL_TEXT_BYTES];
    bool is_number = text.len < 40 && dify__decimal_is_number(text);
    const char *mark = is_number ? memchr(text.ptr, 'E', text.len) : NULL;
    size_t digits = mark != NULL ? (size_t)(mark - text.ptr) : 0;
    uint64_t shift = 0;
    bool is_small = mark != NULL && mark + 1 < text.ptr + text.len && mark[1] == '-' &&
                    dify__parse_uint((struct dify_slice){mark + 2, text.len - digits - 2}, &shift);
    bool has_point = digits > 1 && text.ptr[1] == '.';
    /* one digit stands before the point: D.DDE-N */
    if (!is_small || shift == 0 || shift > 40 || (digits > 1 && !has_point)) {
        dify__write_string(&body->writer, text);
        return;
    }
    size_t len = 0;
    plain[len++] = '0';
    plain[len++] = '.';
    for (; shift > 1; shift--)
        plain[len++] = '0';
    for (size_t i = 0; i < digits; i++)
        if (text.ptr[i] != '.')
            plain[len++] = text.ptr[i];
    dify__write_string(&body->writer, (struct dify_slice){plain, len});
}

static bool has_member(struct dify__members members, const char *name)
{
    yyjson_val *ignored;
    return find(members, name, &ignored).ptr != NULL;
}

/* From 1.16 on the streams of apps that are no workflows leave out what is null; answers do not. */
static void put_null_unless(struct body *body, struct dify__members members, const char *name)
{
    if (!has_member(members, name))
        dify__key_json(&body->writer, name, DIFY_SLICE("null"));
}

static void put_usage(struct body *body, struct dify__members members)
{
    struct dify__members all = members;
    dify__write_key(&body->writer, "usage");
    dify__write_open(&body->writer, '{');
    while (dify__members_next(&members)) {
        struct dify_slice text = dify__members_string(&members);
        dify__write_key_text(&body->writer, members.key);
        if (text.ptr != NULL)
            write_price(body, text);
        else
            dify__write_json(&body->writer, dify__members_text(&members));
    }
    if (has_member(all, "latency")) {
        put_null_unless(body, all, "time_to_first_token");
        put_null_unless(body, all, "time_to_generate");
    }
    dify__write_close(&body->writer, '}');
}

/* Whether a form among a pause's reasons has channels of approval (from 1.15 on). */
static bool has_channels(const struct body *body, const struct dify__members *reasons)
{
    struct dify__elements forms = dify__json_elements(reasons->value, dify__members_text(reasons));
    while (dify__elements_next(&forms)) {
        struct dify__members form;
        dify__members_of(&form, &body->json, forms.value, forms.text);
        if (has_member(form, "approval_channels"))
            return true;
    }
    return false;
}

/* What there is without a message_end. Since forms have channels there is reasoning as well. */
static void put_no_metadata(struct body *body)
{
    bool is_new = false;
    if (body->result->outcome != DIFY_OUTCOME_PAUSED) {
        dify__write_key(&body->writer, "metadata");
        gw__mend_write_metadata(&body->writer, body->result->total_tokens);
        return;
    }
    for (struct dify__members members = body->data; dify__members_next(&members);)
        if (dify__slice_is(members.key, "reasons"))
            is_new = has_channels(body, &members);
    dify__key_json(&body->writer, "metadata",
                   is_new ? DIFY_SLICE("{\"annotation_reply\":null,\"retriever_resources\":[],"
                                       "\"usage\":null,\"reasoning\":{}}")
                          : DIFY_SLICE(GW_MEND_NO_METADATA));
}

static void put_metadata(struct body *body)
{
    struct dify__members members = body->data, usage;
    if (body->mend->message_end.len == 0 || members.left == 0) {
        put_no_metadata(body);
        return;
    }
    dify__write_key(&body->writer, "metadata");
    dify__write_open(&body->writer, '{');
    put_null_unless(body, members, "annotation_reply");
    while (dify__members_next(&members)) {
        if (dify__slice_is(members.key, "usage") && yyjson_is_obj(members.value)) {
            dify__members_of(&usage, &body->json, members.value, dify__members_text(&members));
            put_usage(body, usage);
            continue;
        }
        dify__write_key_text(&body->writer, members.key);
        dify__write_json(&body->writer, dify__members_text(&members));
    }
    dify__write_close(&body->writer, '}');
}

/* The ids, under the names that they have twice over in a paused chatflow. */
static void put_answer(struct body *body)
{
    dify__key_string(&body->writer, "answer", dify__slice_or(body->result->answer, DIFY_SLICE("")));
    put_metadata(body);
    dify__key_number(&body->writer, "created_at",
                     gw__mend_id_or(body->mend, body->mend->created_at, body->result->created_at));
}

static void open_message(struct body *body, const char *event)
{
    dify__key_string(&body->writer, "event", dify__slice(event));
    dify__key_string(&body->writer, "task_id", task_id(body));
    dify__key_string(&body->writer, "id", message_id(body));
    dify__key_string(&body->writer, "message_id", message_id(body));
    if (body->mend->kind != DIFY_KIND_COMPLETION)
        dify__key_string(&body->writer, "conversation_id", conversation_id(body));
    dify__key_string(&body->writer, "mode", body->mode);
    put_answer(body);
}

static void put_message(struct body *body)
{
    const struct dify__buffer *end = &body->mend->message_end;
    if (end->len != 0) {
        note(body, dify__buffer_append(&body->event, end->ptr, end->len));
        read_event(body, "metadata");
    }
    open_message(body, "message");
}

static void put_paused_chatflow(struct body *body)
{
    static const char *const names[] = {"paused_nodes", "reasons",     "status", "elapsed_time",
                                        "total_tokens", "total_steps", NULL};
    note(body, gw__mend_paused(body->mend, body->result, &body->event));
    read_event(body, "data");
    open_message(body, "workflow_paused");
    dify__key_string(&body->writer, "workflow_run_id", run_id(body));
    dify__write_key(&body->writer, "data");
    dify__write_open(&body->writer, '{');
    dify__key_string(&body->writer, "id", message_id(body));
    dify__key_string(&body->writer, "mode", body->mode);
    dify__key_string(&body->writer, "conversation_id", conversation_id(body));
    dify__key_string(&body->writer, "message_id", message_id(body));
    dify__key_string(&body->writer, "workflow_run_id", run_id(body));
    put_answer(body);
    put_data(body, names);
    dify__write_close(&body->writer, '}');
}

/* ---- errors ---------------------------------------------------------------------------------- */

static void put_error(struct body *body, struct dify_slice code, struct dify_slice prefix,
                      struct dify_slice message, int status)
{
    struct dify__buffer text = {.allocator = body->mend->allocator, .max = SIZE_MAX / 2};
    note(body, dify__buffer_append(&text, prefix.ptr, prefix.len));
    note(body, dify__buffer_append(&text, message.ptr, message.len));
    dify__key_string(&body->writer, "code", code);
    dify__key_string(&body->writer, "message", dify__buffer_slice(&text));
    dify__key_uint(&body->writer, "status", (uint64_t)status);
    dify__buffer_fini(&text);
}

/* The status that an `error` event gives itself. */
static int status_of_error(struct body *body)
{
    const struct dify__buffer *error = &body->mend->error;
    yyjson_val *value = NULL;
    struct dify__members root;
    if (error->len == 0)
        return body->result->http_status;
    note(body, dify__json_read_again(&body->json, dify__buffer_slice(error)));
    if (body->err != DIFY_OK)
        return body->result->http_status;
    dify__members_of_root(&root, &body->json);
    (void)find(root, "status", &value);
    uint64_t status = yyjson_is_uint(value) ? yyjson_get_uint(value) : 0;
    return status >= 400 && status <= 599 ? (int)status : body->result->http_status;
}

/* ---- the whole ------------------------------------------------------------------------------- */

static bool is_chatflow(const struct body *body)
{
    return dify__slice_is(body->mode, "advanced-chat");
}

static struct dify_slice guess_mode(const struct body *body)
{
    switch (body->mend->kind) {
    case DIFY_KIND_CHAT:
        return run_id(body).ptr != NULL        ? DIFY_SLICE("advanced-chat")
               : body->mend->has_agent_message ? DIFY_SLICE("agent-chat")
                                               : DIFY_SLICE("chat");
    case DIFY_KIND_COMPLETION:
        return DIFY_SLICE("completion");
    default:
        return DIFY_SLICE("workflow");
    }
}

/* From 1.15 on a stream that was refused for its inputs tells of a run that never was, and fails
 * with the words of the refusal: nobody created it, and it has no outputs, not even none. */
static bool is_refusal(struct body *body)
{
    yyjson_val *creator, *outputs;
    const struct dify__buffer *finished = &body->mend->finished;
    if (finished->len == 0 || !dify__slice_is(body->result->status, "failed"))
        return false;
    body->event.len = 0;
    note(body, dify__buffer_append(&body->event, finished->ptr, finished->len));
    read_event(body, "data");
    (void)find(body->data, "created_by", &creator);
    (void)find(body->data, "outputs", &outputs);
    body->event.len = 0;
    return yyjson_is_obj(creator) && yyjson_obj_size(creator) == 0 && yyjson_is_null(outputs);
}

/* The body of a run that came to an end at Dify; 200, but for a chatflow that failed. */
static int put_end(struct body *body)
{
    const struct dify_result *result = body->result;
    if (is_refusal(body)) {
        put_error(body, DIFY_SLICE("invalid_param"), DIFY_SLICE(""), result->message, 400);
        return 400;
    }
    if (body->mend->kind == DIFY_KIND_WORKFLOW) {
        put_workflow(body);
    } else if (is_chatflow(body) && dify__slice_is(result->status, "failed")) {
        put_error(body, DIFY_SLICE("invalid_param"), DIFY_SLICE("Run failed: "), result->message,
                  400);
        return 400;
    } else {
        put_message(body);
    }
    return 200;
}

/* Returns the HTTP status. */
static int put_body(struct body *body)
{
    const struct dify_result *result = body->result;
    int status = result->http_status;
    switch (result->outcome) {
    case DIFY_OUTCOME_SUCCEEDED:
    case DIFY_OUTCOME_FAILED:
    case DIFY_OUTCOME_STOPPED:
    case DIFY_OUTCOME_STOPPED_AS_FAILED:
    case DIFY_OUTCOME_OTHER_STATUS:
        return put_end(body);
    case DIFY_OUTCOME_PAUSED:
        if (body->mend->kind == DIFY_KIND_WORKFLOW)
            put_paused_workflow(body);
        else
            put_paused_chatflow(body);
        return 200;
    case DIFY_OUTCOME_ERROR_EVENT:
        status = status_of_error(body);
        break;
    default:
        break;
    }
    put_error(body, result->code, DIFY_SLICE(""), result->message, status);
    return status;
}

bool gw_v1_body(const struct dify_run *run, const struct gw_mend *mend, struct dify_slice mode,
                struct dify__buffer *out, int *http_status)
{
    struct dify_result result;
    struct body body = {.mend = mend, .result = &result, .mode = mode};
    size_t before = out->len;
    dify_run_result(run, &result);
    body.text = (struct dify__buffer){.allocator = mend->allocator, .max = SIZE_MAX / 2};
    body.event = body.text;
    dify__json_init(&body.json, mend->allocator);
    if (mode.len == 0)
        body.mode = guess_mode(&body);
    dify__writer_init(&body.writer, DIFY_JSON_COMPACT, dify__write_to_buffer, &body.text);
    dify__write_open(&body.writer, '{');
    int status = put_body(&body);
    dify__write_close(&body.writer, '}');
    note(&body, dify__writer_finish(&body.writer));
    bool is_error = status != 200;
    if (body.err == DIFY_OK)
        note(&body, dify__style_text(dify__buffer_slice(&body.text),
                                     is_error ? DIFY__STYLE_ASCII : DIFY__STYLE_SPACED, out));
    if (body.err == DIFY_OK && is_error)
        note(&body, dify__buffer_append(out, "\n", 1));
    dify__json_fini(&body.json);
    dify__buffer_fini(&body.text);
    dify__buffer_fini(&body.event);
    if (body.err != DIFY_OK)
        out->len = before;
    else
        *http_status = status;
    return body.err == DIFY_OK;
}
