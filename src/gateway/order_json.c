/* SPDX-License-Identifier: Apache-2.0
 *
 * order_json.c: a JSON body, and the object of inputs.
 */
#include "core/json.h"
#include "core/json_text.h"
#include "core/message.h"
#include "core/utf8.h"
#include "gateway/limits.h"
#include "gateway/order_state.h"

static const struct dify_slice nameless = {NULL, 0};

/* ---- reading -------------------------------------------------------------------------------- */

/* What is wrong with a text that was to be a JSON object; "" is nothing. */
static void say_what_is_wrong(const struct dify__json *json, struct dify_slice text,
                              enum dify_err err, struct dify__message *message)
{
    message->text[0] = '\0';
    if (err == DIFY_OK && json->text.ptr != text.ptr) { /* it had to be mended */
        dify__message_text(message, ": it has half a character in it (\\ud800 to \\udfff)");
    } else if (err != DIFY_OK) {
        dify__message_text(message, ": ");
        dify__message_text(message, json->error.message);
        dify__message_text(message, " (byte ");
        dify__message_uint(message, json->error.offset + 1);
        dify__message_text(message, ")");
    }
}

static struct dify__message message_in(char *text, size_t size)
{
    return (struct dify__message){text, size, 0};
}

/* ---- members -------------------------------------------------------------------------------- */

/* Copies decoded strings, which die with what was read, to where they stay, each with a NUL. */
static bool keep_strings(struct gw_order *order, const struct dify_slice strings[GW_MEMBERS])
{
    size_t len = 0;
    for (size_t i = 0; i < GW_MEMBERS; i++)
        len += strings[i].len + 1;
    if (dify__buffer_reserve(&order->words, len) != DIFY_OK)
        return gw_order_no_memory(order);
    for (size_t i = 0; i < GW_MEMBERS; i++) {
        if (strings[i].ptr == NULL)
            continue;
        order->members[i] =
            (struct dify_slice){order->words.ptr + order->words.len, strings[i].len};
        if (dify__buffer_append(&order->words, strings[i].ptr, strings[i].len) != DIFY_OK ||
            dify__buffer_append(&order->words, "", 1) != DIFY_OK)
            return gw_order_no_memory(order);
    }
    return true;
}

static void take_string(struct gw_order *order, const struct dify__members *members,
                        struct dify_slice *out)
{
    if (out->ptr != NULL)
        gw_order_problem(order, "invalid_json", "", members->key, " stands twice in the body");
    *out = dify__members_string(members);
    if (out->ptr == NULL)
        gw_order_problem(order, "invalid_param", "", members->key, " must be a string");
}

/* Of the runs route. */
static bool take_members(struct gw_order *order, const struct dify__json *json)
{
    struct dify_slice strings[GW_MEMBERS] = {{NULL, 0}};
    struct dify__members members;
    bool has_inputs = false;
    dify__members_of_root(&members, json);
    while (dify__members_next(&members)) {
        enum gw_member member = gw_order_member(order, members.key);
        if (member == GW_NO_MEMBER) {
            gw_order_problem(order, "invalid_param", "", members.key,
                             " is not known here; an input goes into \"inputs\"");
        } else if (member != GW_INPUTS) {
            take_string(order, &members, &strings[member]);
        } else if (!yyjson_is_obj(members.value)) {
            gw_order_problem(order, "invalid_param", "", members.key, " must be an object");
        } else {
            if (has_inputs)
                gw_order_problem(order, "invalid_json", "", members.key,
                                 " stands twice in the body");
            has_inputs = true;
            order->members[GW_INPUTS] = dify__members_text(&members);
        }
    }
    return keep_strings(order, strings);
}

/* Of a configured path: all members are inputs, which may have to be renamed. */
static bool take_inputs(struct gw_order *order, const struct dify__json *json)
{
    struct dify_slice strings[GW_MEMBERS] = {{NULL, 0}};
    struct dify__writer writer;
    struct dify__members members;
    dify__writer_init(&writer, DIFY_JSON_COMPACT, dify__write_to_buffer, &order->made);
    dify__write_open(&writer, '{');
    dify__members_of_root(&members, json);
    while (dify__members_next(&members)) {
        const char *renamed = gw_order_renamed(order, members.key);
        if (gw_order_member(order, members.key) == GW_USER) {
            take_string(order, &members, &strings[GW_USER]);
            continue;
        }
        dify__write_key_text(&writer, renamed != NULL ? dify__slice(renamed) : members.key);
        dify__write_json(&writer, dify__members_text(&members));
    }
    dify__write_close(&writer, '}');
    if (dify__writer_finish(&writer) != DIFY_OK)
        return gw_order_no_memory(order);
    order->members[GW_INPUTS] = dify__buffer_slice(&order->made);
    return keep_strings(order, strings);
}

bool gw_order_json_end(struct gw_order *order)
{
    struct dify_slice text = dify__buffer_slice(&order->texts);
    char why[200], whole[300];
    struct dify__message message = message_in(why, sizeof why);
    struct dify__json json;
    if (dify__utf8_valid_length(text) != text.len)
        return gw_order_fail(order, 400, "invalid_json", "the body is not UTF-8 text");
    dify__json_init(&json, order->allocator);
    enum dify_err err = dify__json_read(&json, text);
    bool is_read = err != DIFY_ERR_NOMEM || gw_order_no_memory(order);
    if (is_read) {
        say_what_is_wrong(&json, text, err, &message);
        if (message.len != 0) {
            message = message_in(whole, sizeof whole);
            dify__message_text(&message, "the body is not a good JSON object");
            dify__message_text(&message, why);
            is_read = gw_order_fail(order, 400, "invalid_json", whole);
        }
    }
    if (is_read)
        is_read = order->options.is_bare ? take_inputs(order, &json) : take_members(order, &json);
    dify__json_fini(&json);
    return is_read;
}

/* ---- inputs --------------------------------------------------------------------------------- */

/* Whether a text that was no part of a JSON body is a good object; else a problem. False: it has
 * failed. */
static bool read_inputs(struct gw_order *order, struct dify_slice text, bool *is_good)
{
    char why[200];
    struct dify__message message = message_in(why, sizeof why);
    struct dify__json json;
    dify__json_init(&json, order->allocator);
    enum dify_err err = dify__json_read(&json, text);
    if (err != DIFY_ERR_NOMEM)
        say_what_is_wrong(&json, text, err, &message);
    dify__json_fini(&json);
    *is_good = message.len == 0;
    if (err == DIFY_ERR_NOMEM)
        return gw_order_no_memory(order);
    if (!*is_good)
        gw_order_problem(order, "invalid_param", "\"inputs\" is not a good JSON object", nameless,
                         why);
    return true;
}

bool gw_order_check_inputs(struct gw_order *order, struct dify_slice inputs)
{
    struct dify_slice text = inputs.ptr != NULL ? inputs : DIFY_SLICE("{}");
    char name[100];
    bool is_good = true;
    if (order->body != GW_BODY_JSON && !read_inputs(order, text, &is_good))
        return false;
    if (!is_good)
        return true;
    switch (gw_json_digest(order->allocator, text, order->options.skips_digest,
                           order->inputs_digest, name)) {
    case GW_JSON_DIGEST_OK:
        break;
    case GW_JSON_DIGEST_NOMEM:
        return gw_order_no_memory(order);
    case GW_JSON_DIGEST_MANY:
        gw_order_problem(order, "invalid_param", "there are more than 200 inputs", nameless, "");
        break;
    case GW_JSON_DIGEST_TWICE:
        gw_order_problem(order, "invalid_json", "", dify__slice(name),
                         " stands twice in an object of the inputs");
        break;
    }
    return true;
}
