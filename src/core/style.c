/* SPDX-License-Identifier: Apache-2.0
 *
 * style.c: writing JSON as the several writers inside Dify do.
 *
 * What differs between them, as recorded: spaces, how far escapes go, the slash, and an exponent.
 * Numbers otherwise stay the texts that they were read as. Strings are UTF-8 in which a lone
 * surrogate has its three-byte form (core/json.h).
 */
#include "core/style.h"

#include "core/hex.h"
#include "core/json.h"
#include "core/json_text.h"
#include "core/utf8.h"
#include "difystream/limits.h"

#include <string.h>

static bool is_raw(enum dify__style style)
{
    return style == DIFY__STYLE_RAW || style == DIFY__STYLE_SPACED_RAW;
}

static bool is_spaced(enum dify__style style)
{
    return style == DIFY__STYLE_SPACED || style == DIFY__STYLE_SPACED_RAW;
}

static bool is_plain(unsigned char c, enum dify__style style)
{
    if (c < 0x20 || c == '"' || c == '\\' || c >= 0x80)
        return false;
    return !(c == '/' && style == DIFY__STYLE_ASCII) && !(c == 0x7F && style == DIFY__STYLE_SPACED);
}

static enum dify_err put_unit(uint32_t unit, struct dify__buffer *out)
{
    static const char hex[] = "0123456789abcdef";
    char text[6] = {
        '\\', 'u', hex[unit >> 12 & 15], hex[unit >> 8 & 15], hex[unit >> 4 & 15], hex[unit & 15]};
    return dify__buffer_append(out, text, sizeof text);
}

/* A character beyond ASCII as one escape or a pair. */
static enum dify_err put_code(uint32_t code, struct dify__buffer *out)
{
    if (code < 0x10000)
        return put_unit(code, out);
    code -= 0x10000;
    enum dify_err err = put_unit(0xD800 + (code >> 10), out);
    return err == DIFY_OK ? put_unit(0xDC00 + (code & 0x3FF), out) : err;
}

/* An ASCII character that is not plain. */
static enum dify_err put_ascii(unsigned char c, struct dify__buffer *out)
{
    static const char control[] = "btn?fr"; /* from 0x08 */
    char text[2] = {'\\', (char)c};
    if (c >= 0x08 && c <= 0x0D && c != 0x0B)
        text[1] = control[c - 0x08];
    else if (c < 0x20 || c == 0x7F)
        return put_unit(c, out);
    return dify__buffer_append(out, text, sizeof text);
}

/* The code point of the valid sequence of `len` bytes (2 to 4) at `bytes`. */
static uint32_t decode(const unsigned char *bytes, size_t len)
{
    uint32_t code = bytes[0] & (0xFFU >> (len + 1));
    for (size_t i = 1; i < len; i++)
        code = code << 6 | (bytes[i] & 0x3F);
    return code;
}

/* The character beyond ASCII at `at`; what is none becomes U+FFFD. `*used`: its bytes. */
static enum dify_err put_beyond(const char *at, size_t left, enum dify__style style, size_t *used,
                                struct dify__buffer *out)
{
    uint32_t surrogate = dify__surrogate_at(at, left);
    if (surrogate != 0) {
        *used = 3;
        return put_unit(surrogate, out); /* in no style is there another way */
    }
    size_t bad = 0;
    size_t len = dify__utf8_sequence((const unsigned char *)at, left, &bad);
    *used = len != 0 ? len : bad;
    if (is_raw(style))
        return len != 0 ? dify__buffer_append(out, at, len)
                        : dify__buffer_append(out, "\xEF\xBF\xBD", 3);
    return put_code(len != 0 ? decode((const unsigned char *)at, len) : 0xFFFD, out);
}

enum dify_err dify__style_string(struct dify_slice text, enum dify__style style,
                                 struct dify__buffer *out)
{
    enum dify_err err = dify__buffer_append(out, "\"", 1);
    for (size_t i = 0; i < text.len && err == DIFY_OK;) {
        size_t from = i;
        while (i < text.len && is_plain((unsigned char)text.ptr[i], style))
            i++;
        err = dify__buffer_append(out, text.ptr + from, i - from);
        if (i == text.len || err != DIFY_OK)
            break;
        size_t used = 1;
        if ((unsigned char)text.ptr[i] < 0x80)
            err = put_ascii((unsigned char)text.ptr[i], out);
        else
            err = put_beyond(text.ptr + i, text.len - i, style, &used, out);
        i += used;
    }
    return err == DIFY_OK ? dify__buffer_append(out, "\"", 1) : err;
}

/* An exponent as Python has it: with its sign, and two digits at least. */
static enum dify_err put_exponent(const char *at, const char *end, struct dify__buffer *out)
{
    bool has_sign = at < end && (*at == '-' || *at == '+');
    enum dify_err err = dify__buffer_append(out, has_sign && *at == '-' ? "e-" : "e+", 2);
    at += has_sign;
    if (err == DIFY_OK && end - at == 1)
        err = dify__buffer_append(out, "0", 1);
    return err == DIFY_OK ? dify__buffer_append(out, at, (size_t)(end - at)) : err;
}

/* A number below 0.0001 that has no exponent has one in Python. */
static enum dify_err put_tiny(struct dify_slice text, size_t point, size_t zeros,
                              struct dify__buffer *out)
{
    const char *digits = text.ptr + point + 1 + zeros, *end = text.ptr + text.len;
    char exponent[21] = "-";
    size_t len = 1 + dify__format_uint(zeros + 1, exponent + 1);
    enum dify_err err = dify__buffer_append(out, text.ptr, point - 1); /* a sign */
    if (err == DIFY_OK)
        err = dify__buffer_append(out, digits, 1);
    if (err == DIFY_OK && end - digits > 1)
        err = dify__buffer_append(out, ".", 1);
    if (err == DIFY_OK)
        err = dify__buffer_append(out, digits + 1, (size_t)(end - digits - 1));
    return err == DIFY_OK ? put_exponent(exponent, exponent + len, out) : err;
}

/* A number, or a literal; spaced JSON is Python's own, which writes 1e-7 and 0.00001 as 1e-07 and
 * 1e-05. */
static enum dify_err put_number(struct dify_slice text, enum dify__style style,
                                struct dify__buffer *out)
{
    size_t point = text.len != 0 && text.ptr[0] == '-' ? 2 : 1, zeros = 0;
    const char *exponent = text.len != 0 ? memchr(text.ptr, 'e', text.len) : NULL;
    bool is_literal = text.len != 0 && text.ptr[0] >= 'a';
    if (!is_spaced(style) || is_literal)
        return dify__buffer_append(out, text.ptr, text.len);
    if (exponent != NULL) {
        enum dify_err err = dify__buffer_append(out, text.ptr, (size_t)(exponent - text.ptr));
        return err == DIFY_OK ? put_exponent(exponent + 1, text.ptr + text.len, out) : err;
    }
    if (text.len > point && text.ptr[point - 1] == '0' && text.ptr[point] == '.')
        while (point + 1 + zeros < text.len && text.ptr[point + 1 + zeros] == '0')
            zeros++;
    if (zeros >= 4 && point + 1 + zeros < text.len)
        return put_tiny(text, point, zeros, out);
    return dify__buffer_append(out, text.ptr, text.len);
}

static enum dify_err put_chars(const char *chars, struct dify__buffer *out)
{
    return dify__buffer_append(out, chars, strlen(chars));
}

static enum dify_err put_integer(yyjson_val *value, struct dify__buffer *out)
{
    char digits[20];
    uint64_t magnitude = yyjson_get_uint(value);
    enum dify_err err = DIFY_OK;
    if (yyjson_is_sint(value) && yyjson_get_sint(value) < 0) {
        magnitude = 0 - magnitude; /* the bits of a negative number, read as unsigned */
        err = dify__buffer_append(out, "-", 1);
    }
    size_t len = dify__format_uint(magnitude, digits);
    return err == DIFY_OK ? dify__buffer_append(out, digits, len) : err;
}

/* Anything but an object or an array. */
static enum dify_err put_scalar(yyjson_val *value, enum dify__style style, struct dify__buffer *out)
{
    if (yyjson_is_str(value)) {
        struct dify_slice text = {unsafe_yyjson_get_str(value), unsafe_yyjson_get_len(value)};
        return dify__style_string(text, style, out);
    }
    if (yyjson_is_raw(value))
        return put_number(
            (struct dify_slice){unsafe_yyjson_get_raw(value), unsafe_yyjson_get_len(value)}, style,
            out);
    if (yyjson_is_int(value))
        return put_integer(value, out);
    if (yyjson_is_null(value))
        return put_chars("null", out);
    if (yyjson_is_bool(value))
        return put_chars(unsafe_yyjson_get_bool(value) ? "true" : "false", out);
    return DIFY_ERR_ARGUMENT;
}

/* An object or an array that was opened. */
struct level {
    size_t left; /* members or elements to come */
    bool is_object;
    bool is_begun;
};

/* Closes what is done and writes what stands before the next member or element. */
static enum dify_err put_between(struct level *levels, size_t *depth, enum dify__style style,
                                 struct dify__buffer *out)
{
    enum dify_err err = DIFY_OK;
    while (*depth != 0 && levels[*depth - 1].left == 0 && err == DIFY_OK) {
        (*depth)--;
        err = put_chars(levels[*depth].is_object ? "}" : "]", out);
    }
    if (*depth == 0 || err != DIFY_OK)
        return err;
    struct level *level = &levels[*depth - 1];
    level->left--;
    if (level->is_begun)
        err = put_chars(is_spaced(style) ? ", " : ",", out);
    level->is_begun = true;
    return err;
}

enum dify_err dify__style_value(yyjson_val *value, enum dify__style style, struct dify__buffer *out)
{
    /* The values of a document lie one behind the other, in the order of its text. */
    struct level levels[DIFY_EVENT_DEPTH];
    size_t depth = 0;
    enum dify_err err = DIFY_OK;
    do {
        if (depth != 0 && levels[depth - 1].is_object) {
            err = put_scalar(value++, style, out); /* the key */
            if (err == DIFY_OK)
                err = put_chars(is_spaced(style) ? ": " : ":", out);
        }
        if (err == DIFY_OK && yyjson_is_ctn(value)) {
            bool is_object = yyjson_is_obj(value);
            if (depth == DIFY_EVENT_DEPTH)
                return DIFY_ERR_DEPTH;
            levels[depth++] = (struct level){unsafe_yyjson_get_len(value), is_object, false};
            err = put_chars(is_object ? "{" : "[", out);
        } else if (err == DIFY_OK) {
            err = put_scalar(value, style, out);
        }
        value++;
        if (err == DIFY_OK)
            err = put_between(levels, &depth, style, out);
    } while (depth != 0 && err == DIFY_OK);
    return err;
}

static uint32_t hex_unit(const char *digits)
{
    uint32_t unit = 0;
    for (int i = 0; i < 4; i++)
        unit = unit << 4 | dify__hex_digit(digits[i]);
    return unit;
}

/* The code point that the escape \uXXXX, or the pair of them, at `*at` stands for. Behind a high
 * surrogate stands a low one: lone ones are no longer escapes where a text was mended. */
static uint32_t escaped_code(const char **at)
{
    uint32_t unit = hex_unit(*at + 2);
    *at += 6;
    if (unit < 0xD800 || unit > 0xDFFF)
        return unit;
    uint32_t low = hex_unit(*at + 2);
    *at += 6;
    return 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
}

/* The escape at `*at` (a backslash) in the way of the style. */
static enum dify_err put_escape(const char **at, enum dify__style style, struct dify__buffer *out)
{
    static const char letters[] = "\"\\/bfnrt", means[] = "\"\\/\b\f\n\r\t";
    char bytes[4];
    uint32_t code;
    if ((*at)[1] == 'u') {
        code = escaped_code(at);
    } else {
        code = (unsigned char)means[strchr(letters, (*at)[1]) - letters];
        *at += 2;
    }
    if (code < 0x80 && !is_plain((unsigned char)code, style))
        return put_ascii((unsigned char)code, out);
    if (code >= 0x80 && !is_raw(style))
        return put_code(code, out);
    return dify__buffer_append(out, bytes, dify__utf8_encode(code, bytes));
}

/* The string at `*at` (its opening quote) of a valid text. */
static enum dify_err put_string(const char **at, const char *end, enum dify__style style,
                                struct dify__buffer *out)
{
    enum dify_err err = dify__buffer_append(out, "\"", 1);
    const char *c = *at + 1;
    while (*c != '"' && err == DIFY_OK) {
        const char *from = c;
        while (is_plain((unsigned char)*c, style))
            c++;
        err = dify__buffer_append(out, from, (size_t)(c - from));
        if (*c == '"' || err != DIFY_OK)
            break;
        if (*c == '\\') {
            err = put_escape(&c, style, out);
        } else if ((unsigned char)*c < 0x80) {
            err = put_ascii((unsigned char)*c++, out);
        } else {
            size_t used = 1;
            err = put_beyond(c, (size_t)(end - c), style, &used, out);
            c += used;
        }
    }
    *at = c + 1;
    return err == DIFY_OK ? dify__buffer_append(out, "\"", 1) : err;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

/* A valid text, token by token: its nesting plays no part. */
static enum dify_err put_tokens(const char *at, const char *end, enum dify__style style,
                                struct dify__buffer *out)
{
    enum dify_err err = DIFY_OK;
    while (at < end && err == DIFY_OK) {
        const char *from = at;
        if (is_space(*at)) {
            at++;
        } else if (*at == '"') {
            err = put_string(&at, end, style, out);
        } else if (memchr("{}[],:", *at, 6) != NULL) {
            err = dify__buffer_append(out, at++, 1);
            if (err == DIFY_OK && is_spaced(style) && (*from == ',' || *from == ':'))
                err = dify__buffer_append(out, " ", 1);
        } else { /* a number or a literal */
            while (at < end && !is_space(*at) && *at != ',' && *at != '}' && *at != ']')
                at++;
            err = put_number((struct dify_slice){from, (size_t)(at - from)}, style, out);
        }
    }
    return err;
}

enum dify_err dify__style_text(struct dify_slice text, enum dify__style style,
                               struct dify__buffer *out)
{
    /* The core reads objects; so any value is read as the only member of one. */
    static const char head[] = "{\"\":";
    struct dify__buffer wrapped = {.allocator = out->allocator, .max = SIZE_MAX / 2};
    struct dify__json json;
    dify__json_init(&json, out->allocator);
    enum dify_err err = dify__buffer_append(&wrapped, head, sizeof head - 1);
    if (err == DIFY_OK)
        err = dify__buffer_append(&wrapped, text.ptr, text.len);
    if (err == DIFY_OK)
        err = dify__buffer_append(&wrapped, "}", 1);
    if (err == DIFY_OK)
        err = dify__json_read(&json, dify__buffer_slice(&wrapped));
    if (err == DIFY_OK && yyjson_obj_size(yyjson_doc_get_root(json.doc)) != 1)
        err = DIFY_ERR_JSON;
    if (err == DIFY_OK) /* json.text: as it was mended, where it was */
        err = put_tokens(json.text.ptr + sizeof head - 1, json.text.ptr + json.text.len - 1, style,
                         out);
    dify__json_fini(&json);
    dify__buffer_fini(&wrapped);
    return err;
}
