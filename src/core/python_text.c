/* SPDX-License-Identifier: Apache-2.0
 *
 * python_text.c: see python_text.h.
 */
#include "core/python_text.h"

#include "core/hex.h"
#include "core/slices.h"
#include "core/utf8.h"

#include <stdint.h>
#include <yyjson.h>

/* Python refuses to read integers of more digits. */
#define INT_DIGITS 4300

size_t dify__python_length(struct dify_slice text)
{
    size_t count = 0;
    for (size_t i = 0; i < text.len; i++)
        count += ((unsigned char)text.ptr[i] & 0xC0) != 0x80;
    return count;
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r') || (c >= 0x1C && c <= 0x1F);
}

struct dify_slice dify__python_strip(struct dify_slice text)
{
    while (text.len != 0 && is_space(text.ptr[text.len - 1]))
        text.len--;
    while (text.len != 0 && is_space(*text.ptr)) {
        text.ptr++;
        text.len--;
    }
    return text;
}

/* ---- repr ------------------------------------------------------------------------------------ */

/* Code points that repr() writes as escapes, by ranges: controls, separators, formats, surrogates,
 * private use. Unassigned ones differ from Python to Python and are left out. */
static bool is_escaped(uint32_t code)
{
    static const uint32_t ranges[][2] = {{0x00, 0x1F},     {0x7F, 0xA0},     {0xAD, 0xAD},
                                         {0x600, 0x605},   {0x61C, 0x61C},   {0x6DD, 0x6DD},
                                         {0x70F, 0x70F},   {0x1680, 0x1680}, {0x180E, 0x180E},
                                         {0x2000, 0x200F}, {0x2028, 0x202F}, {0x205F, 0x206F},
                                         {0x3000, 0x3000}, {0xD800, 0xF8FF}, {0xFEFF, 0xFEFF},
                                         {0xFFF9, 0xFFFB}, {0xFFFE, 0xFFFF}, {0xE0001, UINT32_MAX}};
    for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++)
        if (code >= ranges[i][0] && code <= ranges[i][1])
            return code < 0xE0100 || code > 0xE01EF; /* variation selectors are printed */
    return false;
}

/* The character at `at` and its bytes; strings here are UTF-8 or surrogates in three bytes. */
static uint32_t decode(const char *at, size_t left, size_t *used)
{
    const unsigned char *bytes = (const unsigned char *)at;
    *used = bytes[0] < 0x80 ? 1 : bytes[0] < 0xE0 ? 2 : bytes[0] < 0xF0 ? 3 : 4;
    if (*used > left)
        *used = left;
    if (*used == 1)
        return bytes[0];
    uint32_t code = bytes[0] & (0xFFU >> (*used + 1));
    for (size_t i = 1; i < *used; i++)
        code = code << 6 | (bytes[i] & 0x3F);
    return code;
}

static enum dify_err put_escape(uint32_t code, char quote, struct dify__buffer *out)
{
    static const char hex[] = "0123456789abcdef";
    char text[10] = {'\\', 'x'};
    size_t digits = 2;
    if (code == '\n' || code == '\r' || code == '\t') {
        text[1] = code == '\n' ? 'n' : code == '\r' ? 'r' : 't';
        return dify__buffer_append(out, text, 2);
    }
    if (code == '\\' || code == (unsigned char)quote) {
        text[1] = (char)code;
        return dify__buffer_append(out, text, 2);
    }
    if (code > 0xFF) {
        text[1] = code > 0xFFFF ? 'U' : 'u';
        digits = code > 0xFFFF ? 8 : 4;
    }
    for (size_t i = 0; i < digits; i++)
        text[2 + i] = hex[code >> 4 * (digits - 1 - i) & 15];
    return dify__buffer_append(out, text, 2 + digits);
}

enum dify_err dify__python_repr_string(struct dify_slice text, struct dify__buffer *out)
{
    bool has_single = text.len != 0 && memchr(text.ptr, '\'', text.len) != NULL;
    bool has_double = text.len != 0 && memchr(text.ptr, '"', text.len) != NULL;
    char quote = has_single && !has_double ? '"' : '\'';
    enum dify_err err = dify__buffer_append(out, &quote, 1);
    for (size_t i = 0, used; i < text.len && err == DIFY_OK; i += used) {
        uint32_t code = decode(text.ptr + i, text.len - i, &used);
        if (is_escaped(code) || code == '\\' || code == (unsigned char)quote)
            err = put_escape(code, quote, out);
        else
            err = dify__buffer_append(out, text.ptr + i, used);
    }
    return err == DIFY_OK ? dify__buffer_append(out, &quote, 1) : err;
}

static uint32_t hex_unit(const char *digits)
{
    uint32_t unit = 0;
    for (int i = 0; i < 4; i++)
        unit = unit << 4 | dify__hex_digit(digits[i]);
    return unit;
}

/* Appends what the escape at `at` (a backslash) stands for; returns its end. */
static const char *unescape(const char *at, char *bytes, size_t *len)
{
    static const char letters[] = "\"\\/bfnrt", means[] = "\"\\/\b\f\n\r\t";
    if (at[1] != 'u') {
        bytes[0] = means[strchr(letters, at[1]) - letters];
        *len = 1;
        return at + 2;
    }
    uint32_t unit = hex_unit(at + 2);
    at += 6;
    if (unit >= 0xD800 && unit <= 0xDBFF && at[0] == '\\' && at[1] == 'u') {
        uint32_t low = hex_unit(at + 2);
        if (low >= 0xDC00 && low <= 0xDFFF) {
            unit = 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
            at += 6;
        }
    }
    *len = dify__utf8_encode(unit, bytes);
    return at;
}

/* The string at `at` (its opening quote); returns its end. `room` is for the string decoded. */
static enum dify_err put_string(const char **at, struct dify__buffer *room,
                                struct dify__buffer *out)
{
    char bytes[4];
    enum dify_err err = DIFY_OK;
    const char *c = *at + 1;
    room->len = 0;
    while (*c != '"' && err == DIFY_OK) {
        size_t len = 1;
        bytes[0] = *c;
        c = *c == '\\' ? unescape(c, bytes, &len) : c + 1;
        err = dify__buffer_append(room, bytes, len);
    }
    *at = c + 1;
    return err == DIFY_OK ? dify__python_repr_string(dify__buffer_slice(room), out) : err;
}

/* A number or a literal. */
static enum dify_err put_word(struct dify_slice word, struct dify__buffer *out)
{
    struct dify_slice shown = word;
    if (dify__slice_is(word, "null"))
        shown = dify__slice("None");
    else if (dify__slice_is(word, "true"))
        shown = dify__slice("True");
    else if (dify__slice_is(word, "false"))
        shown = dify__slice("False");
    return dify__buffer_append(out, shown.ptr, shown.len);
}

enum dify_err dify__python_repr(struct dify_slice json, struct dify__buffer *out)
{
    const char *at = json.ptr, *end = json.ptr + json.len;
    struct dify__buffer room = {.allocator = out->allocator, .max = out->max};
    enum dify_err err = DIFY_OK;
    while (at < end && err == DIFY_OK) {
        const char *from = at;
        if (is_space(*at)) {
            at++;
        } else if (*at == '"') {
            err = put_string(&at, &room, out);
        } else if (memchr("{}[],:", *at, 6) != NULL) {
            at++;
            err = dify__buffer_append(out, from, 1);
            if (err == DIFY_OK && (*from == ',' || *from == ':'))
                err = dify__buffer_append(out, " ", 1);
        } else {
            while (at < end && !is_space(*at) && *at != ',' && *at != '}' && *at != ']')
                at++;
            err = put_word((struct dify_slice){from, (size_t)(at - from)}, out);
        }
    }
    dify__buffer_fini(&room);
    return err;
}

/* ---- numbers --------------------------------------------------------------------------------- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Appends the digits at `*at` without the underscores that may stand between two of them. */
static enum dify_err take_digits(const char **at, const char *end, size_t *count,
                                 struct dify__buffer *out)
{
    enum dify_err err = DIFY_OK;
    *count = 0;
    while (*at < end && err == DIFY_OK) {
        if (is_digit(**at)) {
            err = dify__buffer_append(out, (*at)++, 1);
            (*count)++;
        } else if (**at == '_' && *count != 0 && end - *at > 1 && is_digit((*at)[1])) {
            (*at)++;
        } else {
            break;
        }
    }
    return err;
}

/* A sign; '+' is not written. */
static enum dify_err take_sign(const char **at, const char *end, struct dify__buffer *out)
{
    if (*at == end || (**at != '-' && **at != '+'))
        return DIFY_OK;
    return *(*at)++ == '-' ? dify__buffer_append(out, "-", 1) : DIFY_OK;
}

/* Takes the zeros away that stand before other digits, from byte `from` on. */
static void drop_leading_zeros(struct dify__buffer *out, size_t from)
{
    size_t zeros = 0;
    while (from + zeros + 1 < out->len && out->ptr[from + zeros] == '0' &&
           is_digit(out->ptr[from + zeros + 1]))
        zeros++;
    if (zeros == 0)
        return;
    memmove(out->ptr + from, out->ptr + from + zeros, out->len - from - zeros);
    out->len -= zeros;
}

static enum dify_err put_int(struct dify_slice text, struct dify__buffer *out)
{
    const char *at = text.ptr, *end = text.ptr + text.len;
    size_t start = out->len, count;
    enum dify_err err = take_sign(&at, end, out);
    size_t from = out->len;
    if (err == DIFY_OK)
        err = take_digits(&at, end, &count, out);
    if (err != DIFY_OK)
        return err;
    if (count == 0 || at != end || count > INT_DIGITS)
        return DIFY_ERR_NUMBER;
    drop_leading_zeros(out, from);
    if (out->len == from + 1 && out->ptr[from] == '0') { /* no -0 among integers */
        out->ptr[start] = '0';
        out->len = start + 1;
    }
    return DIFY_OK;
}

/* A float's text as a JSON number: digits on both sides of the point. An exponent without digits is
 * left to round_float() to refuse. */
static enum dify_err put_float_text(struct dify_slice text, struct dify__buffer *out)
{
    const char *at = text.ptr, *end = text.ptr + text.len;
    size_t whole, fraction = 0, ignored;
    enum dify_err err = take_sign(&at, end, out);
    size_t from = out->len;
    if (err == DIFY_OK)
        err = take_digits(&at, end, &whole, out);
    if (err == DIFY_OK && whole == 0)
        err = dify__buffer_append(out, "0", 1);
    if (err != DIFY_OK || at == end || *at++ != '.')
        return err != DIFY_OK ? err : DIFY_ERR_NUMBER;
    drop_leading_zeros(out, from);
    err = dify__buffer_append(out, ".", 1);
    if (err == DIFY_OK)
        err = take_digits(&at, end, &fraction, out);
    if (err == DIFY_OK && fraction == 0)
        err = dify__buffer_append(out, "0", 1);
    if (err == DIFY_OK && at < end && (*at == 'e' || *at == 'E')) {
        at++;
        err = dify__buffer_append(out, "e", 1);
        if (err == DIFY_OK)
            err = take_sign(&at, end, out);
        if (err == DIFY_OK)
            err = take_digits(&at, end, &ignored, out);
    }
    if (err != DIFY_OK)
        return err;
    return at == end && whole + fraction != 0 ? DIFY_OK : DIFY_ERR_NUMBER;
}

/* Makes of the JSON number that stands in `out` from byte `from` on the shortest text of the same
 * double. */
static enum dify_err round_float(struct dify__buffer *out, size_t from)
{
    char memory[1024];
    yyjson_alc alc;
    yyjson_val value;
    size_t len;
    enum dify_err err = dify__buffer_append(out, "", 1); /* a NUL ends the text */
    if (err != DIFY_OK)
        return err;
    out->len--;
    if (yyjson_read_number(out->ptr + from, &value, 0, NULL, NULL) == NULL)
        return DIFY_ERR_NUMBER;
    if (!yyjson_alc_pool_init(&alc, memory, sizeof memory))
        return DIFY_ERR_NOMEM;
    char *text = yyjson_val_write_opts(&value, 0, &alc, &len, NULL);
    if (text == NULL)
        return DIFY_ERR_NUMBER;
    out->len = from;
    return dify__buffer_append(out, text, len);
}

enum dify_err dify__python_number(struct dify_slice text, struct dify__buffer *out)
{
    size_t from = out->len;
    struct dify_slice bare = dify__python_strip(text);
    bool is_float = text.len != 0 && memchr(text.ptr, '.', text.len) != NULL;
    if (bare.len == 0)
        return DIFY_ERR_NUMBER;
    enum dify_err err = is_float ? put_float_text(bare, out) : put_int(bare, out);
    if (err == DIFY_OK && is_float)
        err = round_float(out, from);
    if (err != DIFY_OK)
        out->len = from;
    return err;
}
