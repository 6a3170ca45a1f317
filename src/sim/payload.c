/* SPDX-License-Identifier: Apache-2.0
 *
 * payload.c: see payload.h. Dify holds its payloads against pydantic models; the texts of its
 * faults, Python's way to write a value among them, are made here.
 */
#include "sim/payload.h"

#include "core/hex.h"
#include "core/slices.h"
#include "core/utf8.h"

#include <string.h>

/* Characters of a user, and of a value in a fault's text. */
#define USER_CHARACTERS 255
#define REPR_CHARACTERS 50

/* Levels of a value that are written out in a fault's text; deeper ones would be cut off anyway. */
#define REPR_DEPTH 20

/* ---- reading ------------------------------------------------------------------------------- */

static bool is_json_type(struct dify_slice type)
{
    static const char json[] = "application/json";
    size_t len = sizeof(json) - 1;
    return type.len >= len && memcmp(type.ptr, json, len) == 0 &&
           (type.len == len || type.ptr[len] == ';' || type.ptr[len] == ' ');
}

static size_t count_characters(struct dify_slice text)
{
    size_t count = 0;
    for (size_t i = 0; i < text.len; i++)
        count += ((unsigned char)text.ptr[i] & 0xC0) != 0x80;
    return count;
}

static bool is_absent_user(yyjson_val *user)
{
    if (yyjson_is_raw(user))
        return yyjson_get_len(user) == 1 && yyjson_get_raw(user)[0] == '0';
    return user == NULL || yyjson_is_null(user) || yyjson_is_false(user) ||
           (yyjson_is_str(user) && yyjson_get_len(user) == 0) ||
           (yyjson_is_ctn(user) && yyjson_get_len(user) == 0);
}

/* The member `user`, which all routes look at first. */
static bool read_user(struct sim_visit *visit, struct sim_payload *payload)
{
    yyjson_val *user = yyjson_obj_get(payload->root, "user");
    struct dify_slice text;
    if (is_absent_user(user)) {
        sim_answer_error(visit, 400, "invalid_param", DIFY_SLICE("Arg user must be provided."));
        return false;
    }
    if (yyjson_is_str(user))
        sim_text_put(&payload->user, sim_value_string(user));
    else
        sim_text_value(&payload->user, user);
    text = sim_text_slice(&payload->user);
    if (memchr(text.ptr, '\0', text.len) != NULL) {
        sim_answer_error(visit, 400, "invalid_param",
                         DIFY_SLICE("A string literal cannot contain NUL (0x00) characters."));
        return false;
    }
    if (payload->user.err != DIFY_OK || count_characters(text) > USER_CHARACTERS) {
        sim_answer_internal(visit);
        return false;
    }
    return true;
}

bool sim_payload_read(struct sim_visit *visit, struct sim_payload *payload)
{
    const struct http_request *request = http_exchange_request(visit->exchange);
    enum dify_err err;
    *payload = (struct sim_payload){.doc = NULL};
    sim_text_init(&payload->user, visit->sim->allocator);
    if (!is_json_type(http_request_field(request, "content-type"))) {
        sim_answer_error(visit, 415, "unsupported_media_type",
                         DIFY_SLICE("Did not attempt to load JSON data because the request "
                                    "Content-Type was not 'application/json'."));
        return false;
    }
    err = sim_read_strict(visit->sim->allocator, dify__buffer_slice(&visit->body), &payload->doc);
    if (err == DIFY_ERR_NOMEM) {
        sim_answer_internal(visit);
        return false;
    }
    payload->root = yyjson_doc_get_root(payload->doc);
    if (err != DIFY_OK) {
        sim_answer_error(visit, 400, "bad_request",
                         DIFY_SLICE("The browser (or proxy) sent a request that this server could "
                                    "not understand."));
        return false;
    }
    if (!yyjson_is_obj(payload->root)) {
        sim_answer_internal(visit);
        return false;
    }
    return read_user(visit, payload);
}

void sim_payload_fini(struct sim_payload *payload)
{
    yyjson_doc_free(payload->doc);
    sim_text_fini(&payload->user);
}

bool sim_is_uuid(struct dify_slice text)
{
    if (text.len != 36)
        return false;
    for (size_t i = 0; i < 36; i++) {
        bool is_dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (is_dash ? text.ptr[i] != '-' : dify__hex_digit(text.ptr[i]) > 15)
            return false;
    }
    return true;
}

/* ---- Python's repr() ----------------------------------------------------------------------- */

static void repr_string(struct sim_text *text, struct dify_slice string)
{
    bool has_single = string.len > 0 && memchr(string.ptr, '\'', string.len) != NULL;
    bool has_double = string.len > 0 && memchr(string.ptr, '"', string.len) != NULL;
    const char *quote = has_single && !has_double ? "\"" : "'";
    sim_text_add(text, quote);
    for (size_t i = 0; i < string.len; i++) {
        struct dify_slice c = {string.ptr + i, 1};
        if (c.ptr[0] == '\n')
            sim_text_add(text, "\\n");
        else if (c.ptr[0] == '\r')
            sim_text_add(text, "\\r");
        else if (c.ptr[0] == '\t')
            sim_text_add(text, "\\t");
        else if (c.ptr[0] == '\\' || c.ptr[0] == quote[0]) {
            sim_text_add(text, "\\");
            sim_text_put(text, c);
        } else
            sim_text_put(text, c);
    }
    sim_text_add(text, quote);
}

static void repr(struct sim_text *text, yyjson_val *value, unsigned depth)
{
    yyjson_val *key, *item;
    size_t i, count;
    if (yyjson_is_str(value)) {
        repr_string(text, sim_value_string(value));
    } else if (yyjson_is_null(value) || value == NULL) {
        sim_text_add(text, "None");
    } else if (yyjson_is_bool(value)) {
        sim_text_add(text, yyjson_is_true(value) ? "True" : "False");
    } else if (yyjson_is_ctn(value) && depth >= REPR_DEPTH) {
        sim_text_add(text, "...");
    } else if (yyjson_is_arr(value)) {
        sim_text_add(text, "[");
        yyjson_arr_foreach(value, i, count, item)
        {
            sim_text_add(text, i > 0 ? ", " : "");
            repr(text, item, depth + 1);
        }
        sim_text_add(text, "]");
    } else if (yyjson_is_obj(value)) {
        sim_text_add(text, "{");
        yyjson_obj_foreach(value, i, count, key, item)
        {
            sim_text_add(text, i > 0 ? ", " : "");
            repr_string(text, sim_value_string(key));
            sim_text_add(text, ": ");
            repr(text, item, depth + 1);
        }
        sim_text_add(text, "}");
    } else {
        sim_text_value(text, value);
    }
}

/* Where the `n`-th character begins. */
static size_t character_at(struct dify_slice text, size_t n)
{
    size_t i = 0;
    for (; i < text.len; i++) {
        if (((unsigned char)text.ptr[i] & 0xC0) != 0x80 && n-- == 0)
            break;
    }
    return i;
}

/* A text of more than 50 characters is shown by its first 25 and its last 24. */
static void add_shortened(struct sim_text *text, struct dify_slice long_text)
{
    size_t count = count_characters(long_text), head, tail;
    if (count <= REPR_CHARACTERS) {
        sim_text_put(text, long_text);
        return;
    }
    head = character_at(long_text, REPR_CHARACTERS / 2);
    tail = character_at(long_text, count - (REPR_CHARACTERS / 2 - 1));
    sim_text_put(text, (struct dify_slice){long_text.ptr, head});
    sim_text_add(text, "...");
    sim_text_put(text, (struct dify_slice){long_text.ptr + tail, long_text.len - tail});
}

static const char *python_type(yyjson_val *value)
{
    if (yyjson_is_str(value))
        return "str";
    if (yyjson_is_bool(value))
        return "bool";
    if (yyjson_is_arr(value))
        return "list";
    if (yyjson_is_obj(value))
        return "dict";
    if (yyjson_is_raw(value)) {
        struct dify_slice text = {yyjson_get_raw(value), yyjson_get_len(value)};
        return memchr(text.ptr, '.', text.len) != NULL || memchr(text.ptr, 'e', text.len) != NULL
                   ? "float"
                   : "int";
    }
    return "NoneType";
}

/* ---- faults -------------------------------------------------------------------------------- */

struct faults {
    struct sim_visit *visit;
    struct sim_text text;
    unsigned count;
};

static void add_fault(struct faults *faults, const char *field, const char *message,
                      const char *type, yyjson_val *value)
{
    struct sim_text shown;
    sim_text_init(&shown, faults->visit->sim->allocator);
    repr(&shown, value, 0);
    faults->count++;
    sim_text_add(&faults->text, "\n");
    sim_text_add(&faults->text, field);
    sim_text_add(&faults->text, "\n  ");
    sim_text_add(&faults->text, message);
    sim_text_add(&faults->text, " [type=");
    sim_text_add(&faults->text, type);
    sim_text_add(&faults->text, ", input_value=");
    add_shortened(&faults->text, sim_text_slice(&shown));
    sim_text_add(&faults->text, ", input_type=");
    sim_text_add(&faults->text, python_type(value));
    sim_text_add(&faults->text,
                 sim_is_at_least(faults->visit->sim, SIM_1_14_2)
                     ? "]\n    For further information visit https://errors.pydantic.dev/2.12/v/"
                     : "]\n    For further information visit https://errors.pydantic.dev/2.11/v/");
    sim_text_add(&faults->text, type);
    faults->text.err = faults->text.err != DIFY_OK ? faults->text.err : shown.err;
    sim_text_fini(&shown);
}

/* Answers with all faults; true if there were none. */
static bool tell_faults(struct faults *faults, const char *model)
{
    struct sim_text message;
    if (faults->count > 0) {
        sim_text_init(&message, faults->visit->sim->allocator);
        sim_text_int(&message, faults->count);
        sim_text_add(&message,
                     faults->count == 1 ? " validation error for " : " validation errors for ");
        sim_text_add(&message, model);
        sim_text_put(&message, sim_text_slice(&faults->text));
        message.err = message.err != DIFY_OK ? message.err : faults->text.err;
        sim_answer_message(faults->visit, 400, "invalid_param", &message);
    }
    sim_text_fini(&faults->text);
    return faults->count == 0;
}

static void check_object(struct faults *faults, yyjson_val *root, const char *name)
{
    yyjson_val *value = yyjson_obj_get(root, name);
    if (value == NULL)
        add_fault(faults, name, "Field required", "missing", root);
    else if (!yyjson_is_obj(value))
        add_fault(faults, name, "Input should be a valid dictionary", "dict_type", value);
}

static void check_string(struct faults *faults, yyjson_val *root, const char *name,
                         bool is_required)
{
    yyjson_val *value = yyjson_obj_get(root, name);
    if (value == NULL && is_required)
        add_fault(faults, name, "Field required", "missing", root);
    else if (value != NULL && !yyjson_is_str(value))
        add_fault(faults, name, "Input should be a valid string", "string_type", value);
}

static void check_mode(struct faults *faults, yyjson_val *root)
{
    yyjson_val *mode = yyjson_obj_get(root, "response_mode");
    if (mode != NULL && !yyjson_is_null(mode) && !yyjson_equals_str(mode, "blocking") &&
        !yyjson_equals_str(mode, "streaming"))
        add_fault(faults, "response_mode", "Input should be 'blocking' or 'streaming'",
                  "literal_error", mode);
}

static void check_conversation(struct faults *faults, yyjson_val *root)
{
    yyjson_val *id = yyjson_obj_get(root, "conversation_id");
    if (id == NULL || yyjson_is_null(id))
        return;
    if (!yyjson_is_str(id))
        add_fault(faults, "conversation_id", "Input should be a valid string", "string_type", id);
    else if (yyjson_get_len(id) > 0 && !sim_is_uuid(sim_value_string(id)))
        add_fault(faults, "conversation_id", "Value error, conversation_id must be a valid UUID",
                  "value_error", id);
}

static void check_feedback(struct faults *faults, yyjson_val *root)
{
    yyjson_val *rating = yyjson_obj_get(root, "rating"), *content = yyjson_obj_get(root, "content");
    if (rating != NULL && !yyjson_is_null(rating) && !yyjson_equals_str(rating, "like") &&
        !yyjson_equals_str(rating, "dislike"))
        add_fault(faults, "rating", "Input should be 'like' or 'dislike'", "literal_error", rating);
    if (!yyjson_is_null(content))
        check_string(faults, root, "content", false);
}

bool sim_payload_check(struct sim_visit *visit, const struct sim_payload *payload,
                       enum sim_model model)
{
    static const char *const names[] = {"WorkflowRunPayload", "ChatRequestPayload",
                                        "CompletionRequestPayload", "HumanInputFormSubmitPayload",
                                        "MessageFeedbackPayload"};
    struct faults faults = {.visit = visit};
    sim_text_init(&faults.text, visit->sim->allocator);
    if (model == SIM_MODEL_FEEDBACK) {
        check_feedback(&faults, payload->root);
        return tell_faults(&faults, names[model]);
    }
    check_object(&faults, payload->root, "inputs");
    if (model == SIM_MODEL_FORM) {
        check_string(&faults, payload->root, "action", true);
        return tell_faults(&faults, names[model]);
    }
    if (model != SIM_MODEL_WORKFLOW)
        check_string(&faults, payload->root, "query", model == SIM_MODEL_CHAT);
    check_mode(&faults, payload->root);
    if (model == SIM_MODEL_CHAT)
        check_conversation(&faults, payload->root);
    return tell_faults(&faults, names[model]);
}

void sim_payload_refuse_value(struct sim_visit *visit, const char *model, const char *field,
                              const char *message, const char *type, struct dify_slice value)
{
    struct faults faults = {.visit = visit};
    struct sim_text json;
    yyjson_doc *doc;
    sim_text_init(&faults.text, visit->sim->allocator);
    sim_text_init(&json, visit->sim->allocator);
    sim_text_string(&json, value);
    doc = sim_text_read(&json, sim_text_slice(&json));
    faults.text.err = json.err;
    add_fault(&faults, field, message, type, yyjson_doc_get_root(doc));
    (void)tell_faults(&faults, model);
    yyjson_doc_free(doc);
    sim_text_fini(&json);
}
