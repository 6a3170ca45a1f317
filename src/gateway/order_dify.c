/* SPDX-License-Identifier: Apache-2.0
 *
 * order_dify.c: the body of a request as Dify's own API takes it.
 *
 * What is taken apart here is put together again by the follow that sends it, so that only the
 * answer's mode changes. A body of which that cannot be said is unfit: whoever asked is to be
 * answered by Dify itself.
 */
#include "core/json.h"
#include "core/json_text.h"
#include "core/python_text.h"
#include "core/slices.h"
#include "core/utf8.h"
#include "gateway/order_state.h"

static bool unfit(struct gw_order *order)
{
    return gw_order_fail(order, 400, "unfit", "the request is not one that starts a run");
}

/* The member that a key is; those of the runs route that Dify does not know are none. */
static enum gw_member member_of(const struct gw_order *order, struct dify_slice key)
{
    enum gw_member member = gw_order_member(order, key);
    bool is_chat = order->options.kind != DIFY_KIND_WORKFLOW;
    switch (member) {
    case GW_USER:
    case GW_INPUTS:
        return member;
    case GW_QUERY:
        return is_chat ? member : GW_NO_MEMBER;
    case GW_CONVERSATION:
        return order->options.kind == DIFY_KIND_CHAT ? member : GW_NO_MEMBER;
    default:
        return GW_NO_MEMBER;
    }
}

/* A decoded text, which dies with what was read, to where it stays, with a NUL. */
static bool keep(struct gw_order *order, struct dify_slice text, struct dify_slice *out)
{
    size_t at = order->words.len;
    if (memchr(text.ptr, '\0', text.len) != NULL)
        return unfit(order);
    if (dify__buffer_append(&order->words, text.ptr, text.len) != DIFY_OK ||
        dify__buffer_append(&order->words, "", 1) != DIFY_OK)
        return gw_order_no_memory(order);
    *out = (struct dify_slice){order->words.ptr + at, text.len};
    return true;
}

/* Null says the same as nothing, but of the user and the inputs, which must be there. */
static bool take_member(struct gw_order *order, enum gw_member member,
                        const struct dify__members *members)
{
    struct dify_slice *out = &order->members[member];
    if (out->ptr != NULL)
        return unfit(order);
    if (member == GW_INPUTS) {
        *out = dify__members_text(members);
        return yyjson_is_obj(members->value) || unfit(order);
    }
    if (yyjson_is_null(members->value) && member != GW_USER)
        return true;
    struct dify_slice text = dify__members_string(members);
    if (text.ptr == NULL)
        return unfit(order);
    bool is_none = member == GW_CONVERSATION && text.len == 0; /* as clients say that */
    return is_none || keep(order, text, out);
}

static bool take_mode(struct gw_order *order, const struct dify__members *members)
{
    struct dify_slice mode = dify__members_string(members);
    order->wants_stream = dify__slice_is(mode, "streaming");
    return order->wants_stream || dify__slice_is(mode, "blocking") ||
           yyjson_is_null(members->value) || unfit(order);
}

static bool take_members(struct gw_order *order, const struct dify__json *json)
{
    struct dify__writer writer;
    struct dify__members members;
    size_t others = 0;
    dify__writer_init(&writer, DIFY_JSON_COMPACT, dify__write_to_buffer, &order->extra);
    dify__write_open(&writer, '{');
    dify__members_of_root(&members, json);
    while (dify__members_next(&members)) {
        enum gw_member member = member_of(order, members.key);
        bool is_mode = dify__slice_is(members.key, "response_mode");
        if (is_mode ? !take_mode(order, &members)
                    : member != GW_NO_MEMBER && !take_member(order, member, &members))
            return false;
        if (is_mode || member != GW_NO_MEMBER)
            continue;
        dify__write_key_text(&writer, members.key);
        dify__write_json(&writer, dify__members_text(&members));
        others++;
    }
    dify__write_close(&writer, '}');
    if (dify__writer_finish(&writer) != DIFY_OK)
        return gw_order_no_memory(order);
    if (others == 0)
        order->extra.len = 0;
    return true;
}

/* What Dify refuses, or answers with 500, before it looks at the app. */
static bool is_whole(const struct gw_order *order)
{
    size_t characters = dify__python_length(order->members[GW_USER]);
    bool has_query = order->options.kind != DIFY_KIND_CHAT || order->members[GW_QUERY].ptr != NULL;
    return order->members[GW_INPUTS].ptr != NULL && characters > 0 &&
           characters <= GW_USER_CHARACTERS && has_query;
}

bool gw_order_dify_end(struct gw_order *order)
{
    struct dify_slice text = dify__buffer_slice(&order->texts);
    struct dify__json json;
    dify__json_init(&json, order->allocator);
    enum dify_err err =
        dify__utf8_valid_length(text) == text.len ? dify__json_read(&json, text) : DIFY_ERR_JSON;
    const char *workflow = order->options.workflow_id;
    size_t len = text.len + (workflow != NULL ? strlen(workflow) : 0) + GW_MEMBERS;
    if (err == DIFY_OK) /* slices of it are kept: it may not move */
        err = dify__buffer_reserve(&order->words, len);
    bool is_taken;
    if (err == DIFY_ERR_NOMEM)
        is_taken = gw_order_no_memory(order);
    else if (err != DIFY_OK || json.text.ptr != text.ptr) /* a lone surrogate: Dify refuses it */
        is_taken = unfit(order);
    else
        is_taken = take_members(order, &json) && (is_whole(order) || unfit(order));
    dify__json_fini(&json);
    if (is_taken && workflow != NULL)
        is_taken = keep(order, dify__slice(workflow), &order->members[GW_WORKFLOW]);
    return is_taken;
}
