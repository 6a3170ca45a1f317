/* SPDX-License-Identifier: Apache-2.0
 *
 * order_kit.h: reading a body in pieces, and an order as a text.
 */
#ifndef DIFY_TESTS_GATEWAY_ORDER_KIT_H
#define DIFY_TESTS_GATEWAY_ORDER_KIT_H

#include "../unit/support.h"

#include "gateway/limits.h"
#include "gateway/order.h"

#include <unistd.h>

#define FORM_TYPE "multipart/form-data; boundary=B"
#define PAIRS_TYPE "application/x-www-form-urlencoded"
#define JSON_TYPE "application/json"

static inline const char *spool_folder(void)
{
    const char *folder = getenv("TMPDIR");
    return folder != NULL && *folder != '\0' ? folder : "/tmp";
}

static inline struct gw_spool new_spool(void)
{
    return (struct gw_spool){.folder = spool_folder(), .max_bytes = GW_SPOOL_BYTES};
}

/* Feeds `body` in chunks of `chunk` bytes (0: at once), each from a block of its own. NULL, and
 * `refusal`, if it is refused; then it is so again. */
static inline struct gw_order *read_order(const struct gw_order_options *options, const char *type,
                                          struct dify_slice body, size_t chunk,
                                          struct gw_refusal *refusal)
{
    struct gw_order *order = NULL;
    struct gw_refusal again = {0, NULL, ""};
    struct dify_slice content_type = {type, type != NULL ? strlen(type) : 0};
    *refusal = again;
    if (!gw_order_new(options, content_type, &order, refusal))
        return NULL;
    bool is_fine = true;
    for (size_t at = 0; at < body.len && is_fine;) {
        size_t len = chunk != 0 && chunk < body.len - at ? chunk : body.len - at;
        char *copy = malloc(len);
        assert_non_null(copy);
        memcpy(copy, body.ptr + at, len);
        is_fine = gw_order_feed(order, (struct dify_slice){copy, len}, refusal);
        free(copy);
        at += len;
    }
    if (is_fine)
        is_fine = gw_order_finish(order, refusal);
    if (is_fine)
        return order;
    assert_false(gw_order_feed(order, DIFY_SLICE("x"), &again));
    assert_int_equal(again.status, refusal->status);
    assert_string_equal(again.message, refusal->message);
    assert_false(gw_order_finish(order, &again));
    assert_string_equal(again.code, refusal->code);
    assert_string_equal(again.message, refusal->message);
    gw_order_free(order);
    return NULL;
}

static inline void add_present(struct text *text, const char *name, struct dify_slice value)
{
    if (value.ptr == NULL)
        return;
    text_addf(text, "%s=", name);
    text_add(text, value.ptr, value.len);
    text_add_chars(text, ";");
}

static inline struct dify_slice slice_or_absent(const char *chars)
{
    return chars != NULL ? slice_of(chars) : (struct dify_slice){NULL, 0};
}

static inline void add_file(struct text *text, const struct dify_attachment *attachment)
{
    char bytes[100];
    assert_true(attachment->or_only);
    text_addf(text, "@%s(%s)=", attachment->name, attachment->file.name);
    ssize_t len = read(attachment->file.descriptor, bytes, sizeof bytes);
    assert_true(len >= 0);
    text_add(text, bytes, (size_t)len);
    text_add_chars(text, ";");
}

/* "app=A;user=U;inputs={};.field=value;@input(name)=bytes;" */
static inline struct text order_text(const struct gw_order *order)
{
    struct dify_order out = {.size = sizeof out};
    struct text text = {NULL, 0, 0};
    text_add_chars(&text, "");
    gw_order_fill(order, &out);
    add_present(&text, "app", gw_order_app(order));
    add_present(&text, "user", slice_or_absent(out.user));
    add_present(&text, "query", out.query);
    add_present(&text, "conversation", slice_or_absent(out.conversation_id));
    add_present(&text, "workflow", slice_or_absent(out.workflow_id));
    add_present(&text, "inputs", out.inputs);
    for (size_t i = 0; i < out.field_count; i++) {
        text_add_chars(&text, ".");
        add_present(&text, out.fields[i].name, out.fields[i].text);
    }
    assert_int_equal(gw_order_has_files(order), out.attachment_count != 0);
    for (size_t i = 0; i < out.attachment_count; i++)
        add_file(&text, &out.attachments[i]);
    return text;
}

#endif
