/* SPDX-License-Identifier: Apache-2.0
 *
 * text.c: see text.h.
 */
#include "sim/text.h"

#include "core/hex.h"
#include "core/json_text.h"
#include "core/slices.h"
#include "core/utf8.h"

void sim_text_init(struct sim_text *text, const struct dify_allocator *allocator)
{
    *text = (struct sim_text){.bytes = {.allocator = allocator, .max = SIM_TEXT_BYTES}};
}

void sim_text_fini(struct sim_text *text)
{
    dify__buffer_fini(&text->bytes);
}

static void keep(struct sim_text *text, enum dify_err err)
{
    if (text->err == DIFY_OK)
        text->err = err;
}

void sim_text_put(struct sim_text *text, struct dify_slice bytes)
{
    keep(text, dify__buffer_append(&text->bytes, bytes.ptr, bytes.len));
}

void sim_text_add(struct sim_text *text, const char *literal)
{
    sim_text_put(text, dify__slice(literal));
}

void sim_text_string(struct sim_text *text, struct dify_slice string)
{
    if (string.ptr == NULL)
        sim_text_add(text, "null");
    else
        keep(text, dify__style_string(string, DIFY__STYLE_RAW, &text->bytes));
}

void sim_text_pair(struct sim_text *text, const char *literal, struct dify_slice string)
{
    sim_text_add(text, literal);
    sim_text_string(text, string);
}

void sim_text_id(struct sim_text *text, const char *literal, const char *id)
{
    sim_text_pair(text, literal, dify__slice(id));
}

void sim_text_member(struct sim_text *text, yyjson_val *object, const char *name)
{
    sim_text_add(text, ",\"");
    sim_text_add(text, name);
    sim_text_add(text, "\":");
    sim_text_value(text, yyjson_obj_get(object, name));
}

void sim_text_int(struct sim_text *text, int64_t number)
{
    char digits[20];
    uint64_t size = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
    if (number < 0)
        sim_text_add(text, "-");
    sim_text_put(text, (struct dify_slice){digits, dify__format_uint(size, digits)});
}

void sim_text_value(struct sim_text *text, yyjson_val *value)
{
    if (value == NULL)
        sim_text_add(text, "null");
    else
        keep(text, dify__style_value(value, DIFY__STYLE_RAW, &text->bytes));
}

/* ---- reading ------------------------------------------------------------------------------- */

static void *json_malloc(void *ctx, size_t size)
{
    const struct dify_allocator *allocator = ctx;
    return dify__malloc(allocator, size);
}

static void *json_realloc(void *ctx, void *ptr, size_t old_size, size_t size)
{
    const struct dify_allocator *allocator = ctx;
    return allocator->realloc(allocator->ctx, ptr, old_size, size);
}

static void json_free(void *ctx, void *ptr)
{
    const struct dify_allocator *allocator = ctx;
    dify__free(allocator, ptr);
}

static enum dify_err read_json(const struct dify_allocator *allocator, struct dify_slice json,
                               yyjson_read_flag flags, yyjson_doc **out)
{
    yyjson_alc alc = {json_malloc, json_realloc, json_free, (void *)(uintptr_t)allocator};
    yyjson_read_err why;
    /* Without YYJSON_READ_INSITU the text is not written to. */
    yyjson_doc *doc = yyjson_read_opts((char *)(uintptr_t)json.ptr, json.len,
                                       flags | YYJSON_READ_NUMBER_AS_RAW, &alc, &why);
    if (doc == NULL)
        return why.code == YYJSON_READ_ERROR_MEMORY_ALLOCATION ? DIFY_ERR_NOMEM : DIFY_ERR_JSON;
    *out = doc;
    return DIFY_OK;
}

enum dify_err sim_read_strict(const struct dify_allocator *allocator, struct dify_slice json,
                              yyjson_doc **doc)
{
    return read_json(allocator, json, YYJSON_READ_NOFLAG, doc);
}

/* The code unit of the escape \uXXXX at `at`; 0 if there is none. */
static uint32_t escape_at(const char *at, const char *end)
{
    uint32_t unit = 0;
    if (end - at < 6 || at[0] != '\\' || at[1] != 'u')
        return 0;
    for (int i = 2; i < 6; i++) {
        unsigned digit = dify__hex_digit(at[i]);
        if (digit > 15)
            return 0;
        unit = unit << 4 | digit;
    }
    return unit;
}

/* `json` with the escapes of lone surrogates in their three-byte form, as core/json.h has them. */
static enum dify_err mend(struct dify_slice json, struct dify__buffer *out)
{
    const char *at = json.ptr, *end = at + json.len;
    enum dify_err err = DIFY_OK;
    while (at < end && err == DIFY_OK) {
        uint32_t unit = escape_at(at, end), next = escape_at(at + 6 <= end ? at + 6 : end, end);
        bool is_pair = unit >= 0xD800 && unit < 0xDC00 && next >= 0xDC00 && next < 0xE000;
        char bytes[4];
        size_t len = at[0] == '\\' && at + 1 < end ? 2 : 1;
        if (is_pair)
            len = 12;
        if (!is_pair && unit >= 0xD800 && unit < 0xE000) {
            err = dify__buffer_append(out, bytes, dify__utf8_encode(unit, bytes));
            len = 6;
        } else {
            err = dify__buffer_append(out, at, len);
        }
        at += len;
    }
    return err;
}

enum dify_err sim_read_json(const struct dify_allocator *allocator, struct dify_slice json,
                            yyjson_doc **doc)
{
    struct dify__buffer mended = {.allocator = allocator, .max = SIM_TEXT_BYTES};
    enum dify_err err;
    *doc = NULL;
    if (json.len == 0)
        return DIFY_OK;
    err = sim_read_strict(allocator, json, doc);
    if (err != DIFY_ERR_JSON)
        return err;
    err = mend(json, &mended);
    if (err == DIFY_OK)
        err = read_json(allocator, dify__buffer_slice(&mended), YYJSON_READ_ALLOW_INVALID_UNICODE,
                        doc);
    dify__buffer_fini(&mended);
    return err;
}

yyjson_doc *sim_text_read(struct sim_text *text, struct dify_slice json)
{
    yyjson_doc *doc;
    keep(text, sim_read_json(text->bytes.allocator, json, &doc));
    return doc;
}

struct dify_slice sim_value_string(yyjson_val *value)
{
    if (!yyjson_is_str(value))
        return (struct dify_slice){NULL, 0};
    return (struct dify_slice){yyjson_get_str(value), yyjson_get_len(value)};
}

struct dify_slice sim_member_string(yyjson_val *object, const char *name)
{
    return sim_value_string(yyjson_obj_get(object, name));
}

int64_t sim_value_int(yyjson_val *value, int64_t otherwise)
{
    uint64_t number;
    if (!yyjson_is_raw(value) ||
        !dify__parse_uint((struct dify_slice){yyjson_get_raw(value), yyjson_get_len(value)},
                          &number) ||
        number > INT64_MAX)
        return otherwise;
    return (int64_t)number;
}
