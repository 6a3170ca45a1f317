/* SPDX-License-Identifier: Apache-2.0
 *
 * json.c: the JSON reader of the core.
 */
#include "core/json.h"

#include "core/hex.h"
#include "core/utf8.h"
#include "difystream/limits.h"

#include <stdint.h>
#include <string.h>

/* Memory that a reader keeps from event to event, in each of its buffers. One reader serves all
 * runs of a thread; events above this are rare. */
#define KEEP_BYTES ((size_t)8 << 20)

static void *block_malloc(void *ctx, size_t size)
{
    struct dify__json *json = ctx;
    if (json->block_in_use)
        return dify__malloc(json->allocator, size);
    if (json->block_size < size) {
        dify__free(json->allocator, json->block);
        json->block = dify__malloc(json->allocator, size);
        json->block_size = json->block != NULL ? size : 0;
        if (json->block == NULL)
            return NULL;
    }
    json->block_in_use = true;
    return json->block;
}

static void *block_realloc(void *ctx, void *ptr, size_t old_size, size_t size)
{
    struct dify__json *json = ctx;
    if (ptr != json->block)
        return json->allocator->realloc(json->allocator->ctx, ptr, old_size, size);
    if (size <= json->block_size)
        return ptr;
    void *grown = json->allocator->realloc(json->allocator->ctx, ptr, json->block_size, size);
    if (grown != NULL) {
        json->block = grown;
        json->block_size = size;
    }
    return grown;
}

static void block_free(void *ctx, void *ptr)
{
    struct dify__json *json = ctx;
    if (ptr == json->block)
        json->block_in_use = false;
    else
        dify__free(json->allocator, ptr);
}

void dify__json_init(struct dify__json *json, const struct dify_allocator *allocator)
{
    memset(json, 0, sizeof *json);
    json->allocator = allocator;
    json->alc = (struct yyjson_alc){block_malloc, block_realloc, block_free, json};
    json->copy = (struct dify__buffer){.allocator = allocator, .max = SIZE_MAX / 2};
    json->mended = json->copy;
}

static void forget(struct dify__json *json)
{
    if (json->doc == json->block) /* as ever: read in place, a document is one block of memory */
        json->block_in_use = false;
    else
        yyjson_doc_free(json->doc);
    json->doc = NULL;
}

void dify__json_release(struct dify__json *json)
{
    forget(json);
    if (json->block_size > KEEP_BYTES) {
        dify__free(json->allocator, json->block);
        json->block = NULL;
        json->block_size = 0;
    }
    dify__buffer_clear(&json->copy, KEEP_BYTES);
    dify__buffer_clear(&json->mended, KEEP_BYTES);
}

void dify__json_fini(struct dify__json *json)
{
    dify__json_release(json);
    dify__free(json->allocator, json->block);
    json->block = NULL;
    dify__buffer_fini(&json->copy);
    dify__buffer_fini(&json->mended);
}

/* The code unit of an escape "uXXXX" at `at`, or a value above 0xFFFF. */
static uint32_t escape_unit(const char *at, const char *end)
{
    if (end - at < 5 || at[0] != 'u')
        return UINT32_MAX;
    uint32_t unit = 0;
    for (int i = 1; i < 5; i++) {
        unsigned digit = dify__hex_digit(at[i]);
        if (digit > 15)
            return UINT32_MAX;
        unit = unit << 4 | digit;
    }
    return unit;
}

/* A piece of a text and what it becomes. */
struct piece {
    size_t used;
    size_t len;
    char bytes[12];
};

/* The escape at `at` (a backslash): that of a lone surrogate becomes its three-byte form. */
static struct piece mend_escape(const char *at, const char *end)
{
    struct piece piece = {.used = end - at < 2 ? 1 : 2};
    uint32_t unit = escape_unit(at + 1, end);
    bool is_high = unit >= 0xD800 && unit <= 0xDBFF;
    if (is_high && end - at >= 12 && at[6] == '\\') {
        uint32_t low = escape_unit(at + 7, end);
        if (low >= 0xDC00 && low <= 0xDFFF)
            piece.used = 12;
    }
    if (piece.used == 2 && (is_high || (unit >= 0xDC00 && unit <= 0xDFFF))) {
        piece.used = 6;
        piece.len = dify__utf8_encode(unit, piece.bytes);
        return piece;
    }
    piece.len = piece.used;
    memcpy(piece.bytes, at, piece.len);
    return piece;
}

/* The character at `at`, or U+FFFD for bytes that are none. */
static struct piece mend_character(const char *at, const char *end)
{
    struct piece piece = {0};
    size_t bad;
    piece.len = dify__utf8_sequence((const unsigned char *)at, (size_t)(end - at), &bad);
    piece.used = piece.len;
    memcpy(piece.bytes, at, piece.len);
    if (piece.len == 0) {
        piece.used = bad;
        piece.len = dify__utf8_encode(0xFFFD, piece.bytes);
    }
    return piece;
}

/* Makes `json->mended` a mended copy of `text`, or of as much of it as gives `until` bytes; `*used`
 * is how much that was. A control character in a string is refused here: yyjson lets it pass where
 * it is told to let surrogates pass. */
static enum dify_err mend(struct dify__json *json, struct dify_slice text, size_t until,
                          size_t *used)
{
    const char *at = text.ptr;
    const char *end = text.ptr + text.len;
    bool in_string = false;
    enum dify_err err = DIFY_OK;
    dify__buffer_clear(&json->mended, SIZE_MAX);
    while (at < end && json->mended.len < until && err == DIFY_OK) {
        struct piece piece = *at == '\\' ? mend_escape(at, end) : mend_character(at, end);
        if (in_string && (unsigned char)*at < 0x20)
            err = DIFY_ERR_JSON;
        in_string ^= *at == '"';
        at += piece.used;
        if (err == DIFY_OK)
            err = dify__buffer_append(&json->mended, piece.bytes, piece.len);
    }
    *used = (size_t)(at - text.ptr);
    return err;
}

/* Parses `len` bytes of `json->text` from byte `from` on, in place, in `json->copy`, which has the
 * room. */
static bool parse_part(struct dify__json *json, size_t from, size_t len, yyjson_read_flag flags)
{
    char *copy = json->copy.ptr + from;
    memcpy(copy, json->text.ptr + from, len);
    memset(copy + len, 0, YYJSON_PADDING_SIZE);
    json->doc = yyjson_read_opts(copy, len, flags | YYJSON_READ_INSITU | YYJSON_READ_BIGNUM_AS_RAW,
                                 &json->alc, &json->why);
    return json->doc != NULL;
}

static enum dify_err parse(struct dify__json *json, yyjson_read_flag flags)
{
    enum dify_err err = dify__buffer_reserve(&json->copy, json->text.len + YYJSON_PADDING_SIZE);
    if (err != DIFY_OK || parse_part(json, 0, json->text.len, flags))
        return err;
    return json->why.code == YYJSON_READ_ERROR_MEMORY_ALLOCATION ? DIFY_ERR_NOMEM : DIFY_ERR_JSON;
}

/* Whether the value is nested deeper than `max`, DIFY_EVENT_DEPTH at most. Walks the values in
 * order; those that hold others are kept with their ends, and dropped when the next such one comes
 * after these. */
static bool is_too_deep(yyjson_doc *doc, size_t max)
{
    yyjson_val *ends[DIFY_EVENT_DEPTH];
    size_t depth = 0;
    size_t count = yyjson_doc_get_val_count(doc);
    if (count <= max)
        return false;
    yyjson_val *value = yyjson_doc_get_root(doc);
    for (yyjson_val *end = value + count; value < end; value++) {
        if (!unsafe_yyjson_is_ctn(value))
            continue;
        while (depth != 0 && ends[depth - 1] <= value)
            depth--;
        if (depth == max)
            return true;
        ends[depth++] = unsafe_yyjson_get_next(value);
    }
    return false;
}

static enum dify_err refuse(struct dify__json *json, enum dify_err code, size_t offset,
                            const char *text)
{
    size_t len = strlen(text);
    if (len >= sizeof json->error.message)
        len = sizeof json->error.message - 1;
    json->error.code = code;
    json->error.offset = offset;
    memcpy(json->error.message, text, len);
    json->error.message[len] = '\0';
    dify__json_release(json);
    return code;
}

/* Reads what yyjson refused once more, mended. */
static enum dify_err read_mended(struct dify__json *json)
{
    struct dify_slice text = json->text;
    size_t position;
    enum dify_err err = mend(json, text, SIZE_MAX, &position);
    if (err == DIFY_OK) {
        json->text = dify__buffer_slice(&json->mended);
        err = parse(json, YYJSON_READ_ALLOW_INVALID_UNICODE);
        if (err == DIFY_ERR_JSON)
            (void)mend(json, text, json->why.pos, &position);
    }
    return err == DIFY_ERR_JSON ? refuse(json, err, position, json->why.msg) : err;
}

enum dify_err dify__json_read(struct dify__json *json, struct dify_slice text)
{
    dify__json_release(json);
    json->text = text;
    if (text.len == 0)
        return refuse(json, DIFY_ERR_JSON, 0, "no data");
    enum dify_err err = parse(json, 0);
    if (err == DIFY_ERR_JSON) {
        if (json->why.code != YYJSON_READ_ERROR_INVALID_STRING)
            return refuse(json, err, json->why.pos, json->why.msg);
        err = read_mended(json);
    }
    if (err != DIFY_OK)
        return err;
    if (!yyjson_is_obj(yyjson_doc_get_root(json->doc)))
        return refuse(json, DIFY_ERR_JSON, 0, "not a JSON object");
    if (is_too_deep(json->doc, DIFY_EVENT_DEPTH))
        return refuse(json, DIFY_ERR_DEPTH, 0, "nested deeper than 512 levels");
    return DIFY_OK;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

static const char *skip_space_back(const char *end)
{
    while (is_space(end[-1]))
        end--;
    return end;
}

bool dify__json_read_last(struct dify__json *json, struct dify_slice text, size_t head_len,
                          struct dify_slice *value)
{
    forget(json);
    bool has_room = json->copy.capacity >= text.len + YYJSON_PADDING_SIZE;
    if (!has_room || json->copy.capacity > KEEP_BYTES || json->block_size > KEEP_BYTES)
        return false; /* what is to be given back, dify__json_read() gives back */
    const char *end = skip_space_back(text.ptr + text.len) - 1; /* the object's closing brace */
    value->ptr = text.ptr + head_len;
    if (*value->ptr != '{' || *end != '}')
        return false;
    value->len = (size_t)(skip_space_back(end) - value->ptr);
    json->text = text;
    return parse_part(json, head_len, value->len, 0) &&
           !is_too_deep(json->doc, DIFY_EVENT_DEPTH - 1);
}

enum dify_err dify__json_read_again(struct dify__json *json, struct dify_slice text)
{
    dify__json_release(json);
    json->text = text;
    return parse(json, YYJSON_READ_ALLOW_INVALID_UNICODE);
}

/* The end of the string at `at` (its opening quote). */
static const char *skip_string(const char *at)
{
    for (at++; *at != '"';)
        at += *at == '\\' ? 2 : 1;
    return at + 1;
}

void dify__members_of(struct dify__members *members, const struct dify__json *json,
                      yyjson_val *object, struct dify_slice text)
{
    members->json = json;
    members->left = yyjson_obj_size(object);
    if (members->left == 0)
        return;
    members->next_key = unsafe_yyjson_get_first(object);
    members->object_end = text.ptr + text.len - 1;
}

void dify__members_of_root(struct dify__members *members, const struct dify__json *json)
{
    const char *end = skip_space_back(json->text.ptr + json->text.len);
    struct dify_slice text = {json->text.ptr, (size_t)(end - json->text.ptr)};
    dify__members_of(members, json, yyjson_doc_get_root(json->doc), text);
}

/* Where what yyjson shows at `decoded` stands in the text. */
static const char *in_text(const struct dify__json *json, const char *decoded)
{
    return json->text.ptr + (decoded - json->copy.ptr);
}

/* The end of the key at hand in the text, behind its closing quote. */
static const char *key_end(const struct dify__members *members)
{
    const char *at = in_text(members->json, members->key.ptr);
    const char *end = at + members->key.len;
    /* With an escape in it the key is longer here than decoded: what stands behind as many bytes is
     * then no quote, or one that is escaped itself. Before an empty key stands its quote. */
    if (*end == '"' && end[-1] != '\\')
        return end + 1;
    return skip_string(at - 1);
}

struct dify_slice dify__members_text(const struct dify__members *members)
{
    const char *at = key_end(members);
    while (*at != ':')
        at++;
    for (at++; is_space(*at);)
        at++;
    const char *end = members->object_end;
    if (members->left != 0) {
        /* back from the next key's opening quote over white space and the comma */
        end = in_text(members->json, unsafe_yyjson_get_str(members->next_key)) - 1;
        end = skip_space_back(end) - 1;
    }
    end = skip_space_back(end);
    return (struct dify_slice){at, (size_t)(end - at)};
}

struct dify__elements dify__json_elements(yyjson_val *array, struct dify_slice text)
{
    struct dify__elements elements = {.at = text.ptr != NULL ? text.ptr + 1 : NULL};
    (void)yyjson_arr_iter_init(array, &elements.iter);
    return elements;
}

/* The end of the value at `at`, in a valid text. */
static const char *skip_value(const char *at)
{
    size_t depth = 0;
    for (;;) {
        char c = *at;
        if (c == '"') {
            at = skip_string(at);
            continue;
        }
        if (depth == 0 && (c == ',' || c == ']'))
            return at;
        if (c == '{' || c == '[')
            depth++;
        else if (c == '}' || c == ']')
            depth--;
        at++;
    }
}

bool dify__elements_next(struct dify__elements *elements)
{
    elements->value = yyjson_arr_iter_next(&elements->iter);
    if (elements->value == NULL)
        return false;
    while (is_space(*elements->at))
        elements->at++;
    const char *end = skip_value(elements->at);
    elements->text.ptr = elements->at;
    elements->text.len = (size_t)(skip_space_back(end) - elements->at);
    elements->at = end + 1;
    return true;
}
