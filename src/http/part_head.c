/* SPDX-License-Identifier: Apache-2.0
 *
 * part_head.c: see part_head.h.
 *
 * What is ambiguous is refused (a field or a parameter that comes twice, control characters), not
 * guessed. How clients write names, which differs:
 *  - browsers (WHATWG HTML, "multipart/form-data encoding algorithm"), Python's urllib3 2: %0D, %0A
 *    and %22 for what cannot stand in quotes, all else raw;
 *  - curl, Python's email, older browsers: a backslash in front of a quote and of a backslash;
 *  - Internet Explorer: a path with single backslashes;
 *  - older urllib3: name*= and filename*= (RFC 8187) where a name is not ASCII.
 * A decoded text is never longer than what was sent, so all is done in place.
 */
#include "http/part_head.h"

#include "core/hex.h"
#include "core/slices.h"
#include "core/utf8.h"
#include "http/fields.h"
#include "http/params.h"

#include <string.h>

/* The byte of "%XX" at `text`, or -1. */
static int percent_byte(const char *text, size_t len)
{
    if (len < 3 || text[0] != '%')
        return -1;
    unsigned high = dify__hex_digit(text[1]);
    unsigned low = dify__hex_digit(text[2]);
    return high < 16 && low < 16 ? (int)(high << 4 | low) : -1;
}

/* Undoes what clients do to a text within quotes. */
static struct dify_slice decode_quoted(char *text, size_t len)
{
    size_t out = 0;
    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        int byte = percent_byte(text + i, len - i);
        if (c == '\\' && i + 1 < len && (text[i + 1] == '"' || text[i + 1] == '\\')) {
            c = text[++i];
        } else if (byte == '\r' || byte == '\n' || byte == '"') {
            c = (char)byte;
            i += 2;
        }
        text[out++] = c;
    }
    return (struct dify_slice){text, out};
}

/* Decodes charset'language'text (RFC 8187 §3.2). False if it is malformed, or decodes to a NUL;
 * absent if the charset is not UTF-8. */
static bool decode_extended(char *text, size_t len, struct dify_slice *decoded)
{
    char *first = memchr(text, '\'', len);
    if (first == NULL)
        return false;
    char *second = memchr(first + 1, '\'', len - (size_t)(first + 1 - text));
    if (second == NULL)
        return false;
    char *from = second + 1;
    size_t left = len - (size_t)(from - text);
    size_t out = 0;
    for (size_t i = 0; i < left; i++) {
        int byte = (unsigned char)from[i];
        if (byte == '%') {
            byte = percent_byte(from + i, left - i);
            i += 2;
        }
        if (byte < 0x20 || byte == 0x7F)
            return false;
        from[out++] = (char)byte;
    }
    bool is_utf8 = http_is_like((struct dify_slice){text, (size_t)(first - text)}, "utf-8");
    if (is_utf8 && dify__utf8_valid_length((struct dify_slice){from, out}) != out)
        return false;
    *decoded = (struct dify_slice){is_utf8 ? from : NULL, is_utf8 ? out : 0};
    return true;
}

/* The last component of a path of either kind; "" where that names a folder. */
static struct dify_slice without_folders(struct dify_slice path)
{
    size_t from = path.len;
    while (from != 0 && path.ptr[from - 1] != '/' && path.ptr[from - 1] != '\\')
        from--;
    struct dify_slice name = {path.ptr + from, path.len - from};
    if (dify__slice_is(name, ".") || dify__slice_is(name, ".."))
        name.len = 0;
    return name;
}

/* A parameter in both its forms. */
struct text_param {
    const char *name, *extended_name;
    struct dify_slice value, extended; /* absent until they come; decoded and raw */
};

/* Takes the parameter at hand if it is `text`; false if it came before. */
static bool take_text(char *head, const struct http_params *params, struct text_param *text)
{
    bool is_plain = http_is_like(params->name, text->name);
    if (!is_plain && !http_is_like(params->name, text->extended_name))
        return true;
    struct dify_slice *slot = is_plain ? &text->value : &text->extended;
    if (slot->ptr != NULL)
        return false;
    *slot = params->value;
    if (is_plain && params->is_quoted)
        *slot = decode_quoted(head + (params->value.ptr - head), params->value.len);
    return true;
}

/* The text that counts, absent if neither form came; false if the extended one is malformed, or
 * alone and of a charset unknown here. */
static bool choose_text(char *head, const struct text_param *text, struct dify_slice *chosen)
{
    *chosen = text->value;
    if (text->extended.ptr == NULL)
        return true;
    struct dify_slice decoded;
    if (!decode_extended(head + (text->extended.ptr - head), text->extended.len, &decoded))
        return false;
    if (decoded.ptr != NULL)
        *chosen = decoded;
    return chosen->ptr != NULL;
}

static bool read_disposition(char *head, struct dify_slice field, struct http_part *part)
{
    struct text_param name = {.name = "name", .extended_name = "name*"};
    struct text_param filename = {.name = "filename", .extended_name = "filename*"};
    struct dify_slice type;
    struct http_params params = http_params(field, &type);
    if (!http_is_like(type, "form-data"))
        return false;
    while (http_params_next(&params))
        if (!take_text(head, &params, &name) || !take_text(head, &params, &filename))
            return false;
    if (params.is_bad || !choose_text(head, &name, &part->name) ||
        !choose_text(head, &filename, &part->filename))
        return false;
    part->sent_filename = part->filename;
    if (part->filename.ptr != NULL)
        part->filename = without_folders(part->filename);
    return part->name.ptr != NULL;
}

/* A line that begins with white space goes on the one before (RFC 5322 §2.2.3). */
static void unfold(char *head, size_t len)
{
    for (size_t i = 0; i + 2 < len; i++)
        if (head[i] == '\r' && head[i + 1] == '\n' && (head[i + 2] == ' ' || head[i + 2] == '\t'))
            head[i] = head[i + 1] = ' ';
}

/* Splits "name: value"; false if it is no such line. */
static bool split_line(struct dify_slice line, struct dify_slice *name, struct dify_slice *value)
{
    size_t len = 0;
    while (len < line.len && http_is_token_char(line.ptr[len]))
        len++;
    if (len == 0 || len == line.len || line.ptr[len] != ':')
        return false;
    *name = (struct dify_slice){line.ptr, len};
    *value = http_trim((struct dify_slice){line.ptr + len + 1, line.len - len - 1});
    return http_is_value(*value);
}

bool http_part_head(char *head, size_t len, struct http_part *part)
{
    struct dify_slice disposition = {NULL, 0};
    *part = (struct http_part){.name = {NULL, 0}};
    unfold(head, len);
    for (size_t at = 0; at < len;) {
        const char *end = memchr(head + at, '\n', len - at);
        if (end == NULL || end == head + at || end[-1] != '\r')
            return false;
        struct dify_slice line = {head + at, (size_t)(end - 1 - (head + at))};
        struct dify_slice name, value;
        if (!split_line(line, &name, &value))
            return false;
        bool is_type = http_is_like(name, "content-type");
        struct dify_slice *slot = is_type ? &part->content_type : &disposition;
        if (is_type || http_is_like(name, "content-disposition")) {
            if (slot->ptr != NULL)
                return false;
            *slot = value;
        }
        at += line.len + 2;
    }
    return disposition.ptr != NULL && read_disposition(head, disposition, part);
}
