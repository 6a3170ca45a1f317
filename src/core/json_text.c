/* SPDX-License-Identifier: Apache-2.0
 *
 * json_text.c: the JSON writer.
 *
 * Strings are written as UTF-8. Escaped are what RFC 8259 asks for; lone surrogates, which UTF-8
 * has no form for, as \uD83D; and DEL and the C1 controls, which a terminal might obey.
 */
#include "core/json_text.h"

#include "core/hex.h"
#include "core/utf8.h"
#include "core/swar.h"

#include <string.h>

enum dify_err dify__write_to_buffer(void *ctx, const char *bytes, size_t len)
{
    return dify__buffer_append(ctx, bytes, len);
}

void dify__writer_init(struct dify__writer *writer, enum dify_json_style style,
                       dify_write_fn *write, void *ctx)
{
    writer->write = write;
    writer->ctx = ctx;
    writer->style = style;
    writer->err = DIFY_OK;
    writer->depth = 0;
    writer->is_first = true;
    writer->len = 0;
}

static void flush(struct dify__writer *writer)
{
    if (writer->err == DIFY_OK && writer->len != 0)
        writer->err = writer->write(writer->ctx, writer->bytes, writer->len);
    writer->len = 0;
}

enum dify_err dify__writer_finish(struct dify__writer *writer)
{
    flush(writer);
    return writer->err;
}

static void put(struct dify__writer *writer, const char *bytes, size_t len)
{
    if (len > sizeof writer->bytes - writer->len) {
        flush(writer);
        if (len > sizeof writer->bytes) {
            if (writer->err == DIFY_OK)
                writer->err = writer->write(writer->ctx, bytes, len);
            return;
        }
    }
    if (len != 0)
        memcpy(writer->bytes + writer->len, bytes, len);
    writer->len += len;
}

static void put_char(struct dify__writer *writer, char c)
{
    if (writer->len == sizeof writer->bytes)
        flush(writer);
    writer->bytes[writer->len++] = c;
}

static void new_line(struct dify__writer *writer)
{
    if (writer->style != DIFY_JSON_PRETTY)
        return;
    put_char(writer, '\n');
    for (unsigned i = 0; i < writer->depth; i++)
        put(writer, "  ", 2);
}

void dify__write_open(struct dify__writer *writer, char bracket)
{
    put_char(writer, bracket);
    writer->depth++;
    writer->is_first = true;
}

void dify__write_close(struct dify__writer *writer, char bracket)
{
    writer->depth--;
    if (!writer->is_first)
        new_line(writer);
    put_char(writer, bracket);
    writer->is_first = false;
}

void dify__write_element(struct dify__writer *writer)
{
    if (!writer->is_first)
        put_char(writer, ',');
    writer->is_first = false;
    new_line(writer);
}

static void put_colon(struct dify__writer *writer)
{
    put(writer, ": ", writer->style == DIFY_JSON_PRETTY ? 2 : 1);
}

void dify__write_key_text(struct dify__writer *writer, struct dify_slice key)
{
    dify__write_element(writer);
    dify__write_string(writer, key);
    put_colon(writer);
}

void dify__write_key(struct dify__writer *writer, const char *key)
{
    dify__write_key_text(writer, (struct dify_slice){key, strlen(key)});
}

static void put_unit(struct dify__writer *writer, uint32_t unit)
{
    static const char hex[] = "0123456789ABCDEF";
    char text[6] = {
        '\\', 'u', hex[unit >> 12 & 15], hex[unit >> 8 & 15], hex[unit >> 4 & 15], hex[unit & 15]};
    put(writer, text, sizeof text);
}

/* An ASCII character of a string, escaped where it must be. */
static void put_escaped(struct dify__writer *writer, unsigned char c)
{
    static const char control[] = "btn?fr"; /* from 0x08 */
    char text[2] = {'\\', (char)c};
    if (c >= 0x20 && c != '"' && c != '\\' && c != 0x7F) {
        put_char(writer, (char)c);
        return;
    }
    if (c < 0x20 || c == 0x7F) {
        if (c < 0x08 || c > 0x0D || c == 0x0B) {
            put_unit(writer, c);
            return;
        }
        text[1] = control[c - 0x08];
    }
    put(writer, text, sizeof text);
}

static bool is_plain(unsigned char c)
{
    return c >= 0x20 && c < 0x7F ? c != '"' && c != '\\' : c > 0x7F && c != 0xC2 && c != 0xED;
}

/* The high bit of each byte of a word says whether it is not plain. */
static uint64_t not_plain(uint64_t word)
{
    const uint64_t high = DIFY__EACH_BYTE(0x80);
    uint64_t low = word | high; /* whatever is taken from a byte takes nothing from its neighbour */
    uint64_t ascii = (low - DIFY__EACH_BYTE(0x20)) &
                     ((low ^ DIFY__EACH_BYTE('"')) - DIFY__EACH_BYTE(1)) &
                     ((low ^ DIFY__EACH_BYTE('\\')) - DIFY__EACH_BYTE(1)) &
                     ((low ^ DIFY__EACH_BYTE(0x7F)) - DIFY__EACH_BYTE(1));
    uint64_t beyond = ((low ^ DIFY__EACH_BYTE(0xC2 & 0x7F)) - DIFY__EACH_BYTE(1)) &
                      ((low ^ DIFY__EACH_BYTE(0xED & 0x7F)) - DIFY__EACH_BYTE(1));
    return ~((ascii & ~word) | (beyond & word)) & high;
}

/* The first byte from `at` on that is not plain, or `end`. */
static const char *skip_plain(const char *at, const char *end)
{
    uint64_t word;
    bool is_long = (size_t)(end - at) >= sizeof word;
    for (; (size_t)(end - at) >= sizeof word; at += sizeof word) {
        memcpy(&word, at, sizeof word);
        uint64_t found = not_plain(word);
        if (found != 0)
            return at + dify__first_byte(found);
    }
    if (is_long && at < end) { /* the last ones, with some before them that are plain */
        at = end - sizeof word;
        memcpy(&word, at, sizeof word);
        uint64_t found = not_plain(word);
        return found != 0 ? at + dify__first_byte(found) : end;
    }
    while (at < end && is_plain((unsigned char)*at))
        at++;
    return at;
}

/* The code unit of the character at `at` if it is one that is written as an escape though it is no
 * ASCII: a surrogate (*len 3) or a C1 control (*len 2); else 0. */
static uint32_t special_unit(const char *at, size_t left, size_t *len)
{
    const unsigned char *bytes = (const unsigned char *)at;
    *len = 2;
    if (left >= 2 && bytes[0] == 0xC2 && bytes[1] < 0xA0)
        return bytes[1];
    *len = 3;
    return dify__surrogate_at(at, left);
}

void dify__write_string(struct dify__writer *writer, struct dify_slice text)
{
    if (text.ptr == NULL) {
        dify__write_null(writer);
        return;
    }
    const char *at = text.ptr, *end = at + text.len;
    put_char(writer, '"');
    while (at < end) {
        const char *from = at;
        at = skip_plain(at, end);
        put(writer, from, (size_t)(at - from));
        if (at == end)
            break;
        size_t len;
        uint32_t unit = special_unit(at, (size_t)(end - at), &len);
        if (unit != 0) {
            put_unit(writer, unit);
            at += len;
        } else if ((unsigned char)*at > 0x7F) {
            put_char(writer, *at++);
        } else {
            put_escaped(writer, (unsigned char)*at++);
        }
    }
    put_char(writer, '"');
}

void dify__write_number(struct dify__writer *writer, struct dify_slice text)
{
    if (text.ptr == NULL)
        dify__write_null(writer);
    else
        put(writer, text.ptr, text.len);
}

void dify__write_uint(struct dify__writer *writer, uint64_t value)
{
    char text[20];
    put(writer, text, dify__format_uint(value, text));
}

void dify__write_bool(struct dify__writer *writer, bool value)
{
    if (value)
        put(writer, "true", 4);
    else
        put(writer, "false", 5);
}

void dify__write_null(struct dify__writer *writer)
{
    put(writer, "null", 4);
}

static uint32_t hex_unit(const char *digits)
{
    uint32_t unit = 0;
    for (int i = 0; i < 4; i++)
        unit = unit << 4 | dify__hex_digit(digits[i]);
    return unit;
}

/* The escape at `at`, \/ or \uXXXX, in the one form that this writer uses. Returns its end. */
static const char *put_escape(struct dify__writer *writer, const char *at)
{
    char text[4];
    if (at[1] == '/') {
        put_char(writer, '/');
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
    if (unit < 0x80)
        put_escaped(writer, (unsigned char)unit);
    else if ((unit >= 0xD800 && unit <= 0xDFFF) || unit < 0xA0)
        put_unit(writer, unit);
    else
        put(writer, text, dify__utf8_encode(unit, text));
    return at;
}

/* The string at `at` (its opening quote). Returns its end. */
static const char *put_json_string(struct dify__writer *writer, const char *at, const char *end)
{
    const char *from = at++;
    while (*(at = skip_plain(at, end)) != '"') {
        if (*at == '\\' && at[1] != '/' && at[1] != 'u') { /* the form that this writer uses */
            at += 2;
            continue;
        }
        size_t len = 1;
        uint32_t unit = *at == 0x7F ? 0x7F : special_unit(at, (size_t)(end - at), &len);
        if (unit == 0 && *at != '\\') {
            at++;
            continue;
        }
        put(writer, from, (size_t)(at - from));
        if (unit != 0) {
            put_unit(writer, unit);
            at += len;
        } else {
            at = put_escape(writer, at);
        }
        from = at;
    }
    at++;
    put(writer, from, (size_t)(at - from));
    return at;
}

static bool is_json_space(char c)
{
    return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

static const char *skip_space(const char *at, const char *end)
{
    while (at < end && is_json_space(*at))
        at++;
    return at;
}

/* A bracket, comma or colon at `at`. Returns its end. */
static const char *put_structure(struct dify__writer *writer, const char *at, const char *end)
{
    switch (*at) {
    case '{':
    case '[':
        put_char(writer, *at);
        at = skip_space(at + 1, end);
        if (*at == '}' || *at == ']') {
            put_char(writer, *at++);
            break;
        }
        writer->depth++;
        new_line(writer);
        break;
    case '}':
    case ']':
        writer->depth--;
        new_line(writer);
        put_char(writer, *at++);
        break;
    case ',':
        put_char(writer, *at++);
        new_line(writer);
        break;
    default:
        put_colon(writer);
        at++;
        break;
    }
    return at;
}

void dify__write_json(struct dify__writer *writer, struct dify_slice json)
{
    if (json.ptr == NULL) {
        dify__write_null(writer);
        return;
    }
    const char *end = json.ptr + json.len;
    for (const char *at = skip_space(json.ptr, end); at < end; at = skip_space(at, end)) {
        if (*at == '"') {
            at = put_json_string(writer, at, end);
        } else if (memchr("{}[],:", *at, 6) != NULL) {
            at = put_structure(writer, at, end);
        } else { /* a number or a literal */
            const char *from = at;
            while (at < end && !is_json_space(*at) && *at != ',' && *at != '}' && *at != ']')
                at++;
            put(writer, from, (size_t)(at - from));
        }
    }
    writer->is_first = false;
}

void dify__key_string(struct dify__writer *writer, const char *key, struct dify_slice text)
{
    dify__write_key(writer, key);
    dify__write_string(writer, text);
}

void dify__key_number(struct dify__writer *writer, const char *key, struct dify_slice text)
{
    dify__write_key(writer, key);
    dify__write_number(writer, text);
}

void dify__key_uint(struct dify__writer *writer, const char *key, uint64_t value)
{
    dify__write_key(writer, key);
    dify__write_uint(writer, value);
}

void dify__key_bool(struct dify__writer *writer, const char *key, bool value)
{
    dify__write_key(writer, key);
    dify__write_bool(writer, value);
}

void dify__key_json(struct dify__writer *writer, const char *key, struct dify_slice json)
{
    dify__write_key(writer, key);
    dify__write_json(writer, json);
}

void dify__key_null(struct dify__writer *writer, const char *key)
{
    dify__write_key(writer, key);
    dify__write_null(writer);
}

size_t dify__format_uint(uint64_t value, char text[20])
{
    char digits[20];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value != 0);
    memcpy(text, digits + at, sizeof digits - at);
    return sizeof digits - at;
}

bool dify__parse_uint(struct dify_slice text, uint64_t *value)
{
    uint64_t sum = 0;
    if (text.len == 0)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        unsigned digit = (unsigned char)text.ptr[i] - (unsigned)'0';
        if (digit > 9 || sum > (UINT64_MAX - digit) / 10)
            return false;
        sum = sum * 10 + digit;
    }
    *value = sum;
    return true;
}
