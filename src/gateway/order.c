/* SPDX-License-Identifier: Apache-2.0
 *
 * order.c: see order.h. Here are an order's life, its refusals and what is handed out of it.
 */
#include "gateway/order.h"

#include "core/message.h"
#include "core/python_text.h"
#include "core/utf8.h"
#include "gateway/limits.h"
#include "gateway/order_state.h"
#include "http/fields.h"
#include "http/params.h"

#include <assert.h>
#include <unistd.h>

/* Of a name no more is told. */
#define TOLD_NAME_BYTES 60

/* ---- refusing ------------------------------------------------------------------------------- */

/* A name as it can stand in a message: one line of UTF-8. */
static void tell_name(struct dify__message *message, struct dify_slice name)
{
    const unsigned char *at = (const unsigned char *)name.ptr;
    size_t told = 0, bad;
    dify__message_text(message, "\"");
    for (size_t i = 0; i < name.len;) {
        size_t len = dify__utf8_sequence(at + i, name.len - i, &bad);
        if (told + len > TOLD_NAME_BYTES) {
            dify__message_text(message, "...");
            break;
        }
        bool is_plain = len > 1 || (len == 1 && at[i] >= ' ' && at[i] != 0x7F);
        struct dify_slice character = {name.ptr + i, len};
        dify__message_slice(message, is_plain ? character : DIFY_SLICE("?"));
        told += is_plain ? len : 1;
        i += len != 0 ? len : bad;
    }
    dify__message_text(message, "\"");
}

static struct dify__message begin_message(struct gw_refusal *refusal, int status, const char *code)
{
    refusal->status = status;
    refusal->code = code;
    refusal->message[0] = '\0';
    return (struct dify__message){refusal->message, sizeof refusal->message, 0};
}

void gw_order_problem(struct gw_order *order, const char *code, const char *before,
                      struct dify_slice name, const char *after)
{
    struct gw_refusal *refusal = &order->refusal;
    struct dify__message message = {refusal->message, sizeof refusal->message, 0};
    if (order->has_problems)
        message.len = strlen(refusal->message);
    else
        message = begin_message(refusal, 400, code);
    dify__message_text(&message, order->has_problems ? "; " : "");
    dify__message_text(&message, before);
    if (name.ptr != NULL)
        tell_name(&message, name);
    dify__message_text(&message, after);
    order->has_problems = true;
}

bool gw_order_fail(struct gw_order *order, int status, const char *code, const char *text)
{
    struct dify__message message = begin_message(&order->refusal, status, code);
    dify__message_text(&message, text);
    order->has_failed = true;
    return false;
}

bool gw_order_too_large(struct gw_order *order, const char *what, struct dify_slice name,
                        uint64_t bytes)
{
    bool is_round = bytes != 0 && bytes % ((uint64_t)1 << 20) == 0;
    struct dify__message message = begin_message(&order->refusal, 413, "too_large");
    dify__message_text(&message, what);
    if (name.ptr != NULL)
        tell_name(&message, name);
    dify__message_text(&message, name.ptr != NULL ? " is" : "");
    dify__message_text(&message, " larger than the ");
    dify__message_uint(&message, is_round ? bytes >> 20 : bytes);
    dify__message_text(&message, is_round ? " MB" : " bytes");
    dify__message_text(&message, " that are taken here");
    order->has_failed = true;
    return false;
}

bool gw_order_no_memory(struct gw_order *order)
{
    return gw_order_fail(order, 503, "no_memory", "there is no memory left here; try again later");
}

static bool told(const struct gw_order *order, struct gw_refusal *refusal)
{
    if (order->has_failed)
        *refusal = order->refusal;
    return !order->has_failed;
}

/* ---- names ---------------------------------------------------------------------------------- */

const char *gw_order_renamed(const struct gw_order *order, struct dify_slice name)
{
    const struct gw_route_config *route = order->options.route;
    for (size_t i = 0; route != NULL && i < route->rename_count; i++)
        if (dify__slice_is(name, route->renames[i].field))
            return route->renames[i].input;
    return NULL;
}

static const char *const member_names[GW_MEMBERS] = {
    "app", "user", "query", "conversation_id", "workflow_id", "inputs"};

enum gw_member gw_order_member(const struct gw_order *order, struct dify_slice name)
{
    if (gw_order_renamed(order, name) != NULL)
        return GW_NO_MEMBER;
    for (size_t i = 0; i < GW_MEMBERS; i++)
        if (dify__slice_is(name, member_names[i]) && (!order->options.is_bare || i == GW_USER))
            return (enum gw_member)i;
    return GW_NO_MEMBER;
}

/* ---- life ----------------------------------------------------------------------------------- */

/* False: no type of body that is taken. */
static bool find_type(const struct gw_order_options *options, struct dify_slice content_type,
                      enum gw_body_type *body)
{
    struct dify_slice type;
    *body = GW_BODY_NOTHING;
    if (content_type.len == 0)
        return !options->is_bare;
    (void)http_params(content_type, &type);
    if (http_is_like(type, "application/json"))
        *body = GW_BODY_JSON;
    else if (http_is_like(type, "application/x-www-form-urlencoded"))
        *body = GW_BODY_PAIRS;
    else if (http_is_like(type, "multipart/form-data"))
        *body = GW_BODY_PARTS;
    return *body != GW_BODY_NOTHING;
}

static bool refuse_type(struct gw_order *order)
{
    return gw_order_fail(order, 415, "unsupported_media_type",
                         "the body must be a form (multipart/form-data or "
                         "application/x-www-form-urlencoded) or JSON (application/json), and "
                         "Content-Type must say which");
}

bool gw_order_new(const struct gw_order_options *options, struct dify_slice content_type,
                  struct gw_order **out, struct gw_refusal *refusal)
{
    const struct dify_allocator *allocator = dify__allocator(options->allocator);
    struct gw_order *order = dify__calloc(allocator, sizeof *order);
    if (order == NULL) {
        struct dify__message message = begin_message(refusal, 503, "no_memory");
        dify__message_text(&message, "there is no memory left here; try again later");
        return false;
    }
    order->allocator = allocator;
    order->options = *options;
    order->sha.is_off = options->skips_digest;
    order->texts = (struct dify__buffer){.allocator = allocator, .max = SIZE_MAX / 2};
    order->words = order->made = order->extra = order->texts;
    bool is_fine = find_type(options, content_type, &order->body);
    if (!is_fine)
        refuse_type(order);
    else if (order->body == GW_BODY_PARTS)
        is_fine = gw_order_form_begin(order, content_type);
    if (!is_fine) {
        *refusal = order->refusal;
        gw_order_free(order);
        return false;
    }
    *out = order;
    return true;
}

/* What only reading needs. */
static void stop_reading(struct gw_order *order)
{
    http_multipart_free(order->form);
    order->form = NULL;
    dify__free(order->allocator, order->piece);
    order->piece = NULL;
    gw_sha256_fini(&order->sha);
}

void gw_order_free(struct gw_order *order)
{
    if (order == NULL)
        return;
    const struct dify_allocator *allocator = order->allocator;
    stop_reading(order);
    for (size_t i = 0; i < order->file_count; i++)
        gw_spooled_close(&order->files[i].bytes);
    dify__free(allocator, order->files);
    dify__free(allocator, order->fields);
    dify__free(allocator, order->out_fields);
    dify__free(allocator, order->attachments);
    dify__buffer_fini(&order->texts);
    dify__buffer_fini(&order->words);
    dify__buffer_fini(&order->made);
    dify__buffer_fini(&order->extra);
    dify__free(allocator, order);
}

/* Keeps bytes of a body that is read as a whole. */
static bool keep(struct gw_order *order, struct dify_slice bytes)
{
    static const struct dify_slice nameless = {NULL, 0};
    if (bytes.len > GW_JSON_BYTES - order->field_bytes)
        return gw_order_too_large(order, "the body is", nameless, GW_JSON_BYTES);
    order->field_bytes += bytes.len;
    if (dify__buffer_append(&order->texts, bytes.ptr, bytes.len) != DIFY_OK)
        return gw_order_no_memory(order);
    return true;
}

bool gw_order_feed(struct gw_order *order, struct dify_slice bytes, struct gw_refusal *refusal)
{
    assert(!order->has_ended);
    if (order->has_failed || bytes.len == 0)
        return told(order, refusal);
    switch (order->body) {
    case GW_BODY_NOTHING:
        refuse_type(order);
        break;
    case GW_BODY_JSON:
    case GW_BODY_PAIRS:
        keep(order, bytes);
        break;
    case GW_BODY_PARTS:
        gw_order_form_feed(order, bytes);
        break;
    }
    return told(order, refusal);
}

/* ---- the end -------------------------------------------------------------------------------- */

static bool has_control(struct dify_slice text)
{
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.ptr[i] < ' ' || text.ptr[i] == 0x7F)
            return true;
    return false;
}

/* Of a name or an id; a query may be any text. */
static void check_member(struct gw_order *order, enum gw_member member)
{
    struct dify_slice text = order->members[member];
    struct dify_slice name = dify__slice(member_names[member]);
    if (dify__utf8_valid_length(text) != text.len) {
        gw_order_problem(order, "invalid_param", "", name, " is not UTF-8 text");
    } else if (member != GW_QUERY && has_control(text)) {
        gw_order_problem(order, "invalid_param", "", name, " has a control character in it");
    } else if (member == GW_USER) {
        size_t count = dify__python_length(text);
        if (count == 0 || count > GW_USER_CHARACTERS)
            gw_order_problem(order, "invalid_param", "", name, " must have 1 to 255 characters");
    } else if (member != GW_QUERY && text.len > GW_NAME_BYTES) {
        gw_order_problem(order, "invalid_param", "", name, " is longer than 256 bytes");
    }
}

static void check_members(struct gw_order *order)
{
    for (size_t i = 0; i < GW_MEMBERS; i++) {
        struct dify_slice *member = &order->members[i];
        bool is_id = i == GW_CONVERSATION || i == GW_WORKFLOW || i == GW_APP;
        if (is_id && member->len == 0) /* as front ends say that they have none */
            *member = (struct dify_slice){NULL, 0};
        if (i != GW_INPUTS && member->ptr != NULL)
            check_member(order, (enum gw_member)i);
    }
    /* of another user Dify says nothing about it, for minutes */
    if (order->members[GW_CONVERSATION].ptr != NULL && order->members[GW_USER].ptr == NULL)
        gw_order_problem(order, "invalid_param", "", dify__slice(member_names[GW_CONVERSATION]),
                         " needs the \"user\" whose conversation it is");
}

static bool read_all(struct gw_order *order)
{
    switch (order->body) {
    case GW_BODY_NOTHING:
        break;
    case GW_BODY_JSON:
        return order->options.is_dify ? gw_order_dify_end(order) : gw_order_json_end(order);
    case GW_BODY_PAIRS:
    case GW_BODY_PARTS:
        return gw_order_form_end(order);
    }
    return true;
}

bool gw_order_finish(struct gw_order *order, struct gw_refusal *refusal)
{
    assert(!order->has_ended);
    if (!order->has_failed && read_all(order)) {
        bool is_ours = !order->options.is_dify; /* else it is Dify's to check */
        if (is_ours)
            check_members(order);
        if (is_ours && gw_order_check_inputs(order, order->members[GW_INPUTS]) &&
            order->has_problems)
            order->has_failed = true;
        if (is_ours && !order->has_failed && !gw_order_take_digest(order))
            gw_order_no_memory(order);
    }
    stop_reading(order);
    order->has_ended = !order->has_failed;
    return told(order, refusal);
}

/* ---- handing out ---------------------------------------------------------------------------- */

/* All texts of members have a NUL behind them. */
static const char *chars(struct dify_slice text)
{
    return text.ptr;
}

void gw_order_fill(const struct gw_order *order, struct dify_order *out)
{
    assert(order->has_ended);
    for (size_t i = 0; i < order->file_count; i++)
        (void)lseek(order->files[i].bytes.descriptor, 0, SEEK_SET);
    out->inputs = order->members[GW_INPUTS];
    out->fields = order->out_fields;
    out->field_count = order->out_field_count;
    out->attachments = order->attachments;
    out->attachment_count = order->file_count;
    out->user = chars(order->members[GW_USER]);
    out->query = order->members[GW_QUERY];
    out->conversation_id = chars(order->members[GW_CONVERSATION]);
    out->workflow_id = chars(order->members[GW_WORKFLOW]);
    out->kind = order->options.is_dify ? order->options.kind : out->kind;
    out->extra = order->extra.len > 0 ? dify__buffer_slice(&order->extra) : out->extra;
}

struct dify_slice gw_order_body(const struct gw_order *order)
{
    return dify__buffer_slice(&order->texts);
}

bool gw_order_wants_stream(const struct gw_order *order)
{
    return order->wants_stream;
}

struct dify_slice gw_order_app(const struct gw_order *order)
{
    assert(order->has_ended);
    return order->members[GW_APP];
}

bool gw_order_digest(const struct gw_order *order, const char *app,
                     unsigned char digest[GW_SHA256_BYTES])
{
    struct gw_sha256 sha = {.state = NULL};
    assert(order->has_ended);
    gw_sha256_begin(&sha);
    gw_sha256_text(&sha, dify__slice(app));
    gw_sha256_add(&sha, order->digest, sizeof order->digest);
    bool is_done = gw_sha256_end(&sha, digest);
    gw_sha256_fini(&sha);
    return is_done;
}

bool gw_order_has_files(const struct gw_order *order)
{
    return order->file_count != 0;
}
