/* SPDX-License-Identifier: Apache-2.0
 *
 * v1_fields.c: see v1_fields.h.
 */
#include "gateway/v1_fields.h"

#include "core/hex.h"
#include "core/slices.h"
#include "gateway/limits.h"
#include "http/fields.h"

#include <stdio.h>
#include <strings.h>

/* ---- paths --------------------------------------------------------------------------------- */

/* A segment; what some servers take for parameters does not count. */
static bool is_dots(const char *segment, size_t len)
{
    const char *end = memchr(segment, ';', len);
    if (end != NULL)
        len = (size_t)(end - segment);
    return (len == 1 && segment[0] == '.') || (len == 2 && memcmp(segment, "..", 2) == 0);
}

/* The path as it stands, which may be the decoded one. */
static bool is_below(const char *path, size_t len)
{
    size_t segment = 1;
    if (len != 0 && path[0] != '/')
        return false;
    for (size_t at = 0; at < len; at++) {
        unsigned char c = (unsigned char)path[at];
        if (c < 0x20 || c == 0x7F || c == '\\' || c == 0xC0 || c == 0xC1)
            return false;
        if (at == 0 || c != '/')
            continue;
        if (at == segment || is_dots(path + segment, at - segment))
            return false;
        segment = at + 1;
    }
    return segment >= len || !is_dots(path + segment, len - segment);
}

static bool is_coded(const char *text, size_t len, size_t at)
{
    return text[at] == '%' && len - at > 2 && dify__hex_digit(text[at + 1]) < 16 &&
           dify__hex_digit(text[at + 2]) < 16;
}

size_t gw_v1_decode(char *text, size_t len)
{
    size_t to = 0;
    for (size_t at = 0; at < len; at++) {
        char c = text[at];
        if (is_coded(text, len, at)) {
            c = (char)(dify__hex_digit(text[at + 1]) << 4 | dify__hex_digit(text[at + 2]));
            at += 2;
        }
        text[to++] = c;
    }
    return to;
}

enum gw_path gw_v1_path(struct dify_slice path)
{
    char text[GW_RELAY_PATH_BYTES];
    size_t len = path.len, before = len + 1;
    if (path.len > sizeof text)
        return GW_PATH_TOO_LONG;
    for (size_t at = 0; at < len; at++) {
        text[at] = path.ptr[at];
        if (text[at] == '%' && !is_coded(path.ptr, len, at))
            return GW_PATH_UNSAFE;
    }
    while (len != before) { /* each round is shorter, or the last one */
        if (!is_below(text, len))
            return GW_PATH_UNSAFE;
        before = len;
        len = gw_v1_decode(text, len);
    }
    return GW_PATH_SAFE;
}

/* ---- of a connection or of the way --------------------------------------------------------- */

static bool is_of_connection(struct dify_slice name)
{
    static const char *const names[] = {"connection",        "keep-alive", "te",
                                        "transfer-encoding", "upgrade",    "http2-settings"};
    if (name.len >= 6 && strncasecmp(name.ptr, "proxy-", 6) == 0)
        return true;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (http_is_like(name, names[i]))
            return true;
    return false;
}

/* Whether some Connection field names it. */
static bool is_named(const struct http_field *fields, size_t count, struct dify_slice name)
{
    for (size_t i = 0; i < count; i++) {
        struct dify_slice rest = fields[i].value, item;
        if (!http_is_like(fields[i].name, "connection"))
            continue;
        while (http_list_next(&rest, &item))
            if (http_are_alike(item, name))
                return true;
    }
    return false;
}

static bool goes_on(const struct http_field *fields, size_t count, struct dify_slice name)
{
    return !is_of_connection(name) && !is_named(fields, count, name);
}

/* ---- requests ------------------------------------------------------------------------------ */

static const char *name_of(enum http_method method)
{
    static const char *const names[] = {
        [HTTP_GET_] = "GET",         [HTTP_HEAD_] = "HEAD",     [HTTP_POST_] = "POST",
        [HTTP_PUT_] = "PUT",         [HTTP_DELETE_] = "DELETE", [HTTP_PATCH_] = "PATCH",
        [HTTP_OPTIONS_] = "OPTIONS", [HTTP_TRACE_] = "TRACE",   [HTTP_QUERY_] = "QUERY"};
    return names[method];
}

/* What the client's side writes by itself, or has dealt with. */
static bool is_ours(struct dify_slice name)
{
    return http_is_like(name, "host") || http_is_like(name, "authorization") ||
           http_is_like(name, "content-length") || http_is_like(name, "expect") ||
           http_is_like(name, "trailer");
}

/* RFC 9110 §7.6.2. */
static struct dify_slice one_less(struct gw_v1_request *out, struct dify_slice value)
{
    uint64_t number;
    if (!http_read_length(value, &number))
        return value;
    int len = snprintf(out->max_forwards, sizeof out->max_forwards, "%llu",
                       (unsigned long long)(number != 0 ? number - 1 : 0));
    return (struct dify_slice){out->max_forwards, (size_t)len};
}

void gw_v1_request(const struct http_request *request, struct gw_v1_request *out)
{
    const struct dify_slice length = http_request_field(request, "content-length");
    out->method = name_of(request->method);
    out->field_count = 0;
    out->length =
        length.ptr != NULL || request->has_body ? request->content_length : DIFY__RELAY_NO_BODY;
    for (size_t i = 0; i < request->field_count; i++) {
        const struct http_field *field = &request->fields[i];
        struct dify_slice value = field->value;
        if (is_ours(field->name) || !goes_on(request->fields, request->field_count, field->name))
            continue;
        if (request->method == HTTP_OPTIONS_ && dify__slice_is(field->name, "max-forwards"))
            value = one_less(out, value);
        out->fields[out->field_count++] = (struct dify__relay_field){field->name, value};
    }
    out->fields[out->field_count++] = (struct dify__relay_field){
        DIFY_SLICE("via"),
        request->minor_version == 0 ? DIFY_SLICE("1.0 difystream") : DIFY_SLICE("1.1 difystream")};
}

/* ---- where Dify is ------------------------------------------------------------------------- */

static struct dify_slice after(struct dify_slice text, size_t len)
{
    return (struct dify_slice){text.ptr + len, text.len - len};
}

/* The parts of a base URL: "https://", "host:1", "host", and "/v1". */
struct base {
    struct dify_slice origin, host, path;
};

static struct base read_base(const char *url)
{
    struct dify_slice text = dify__slice(url);
    const char *slashes = strstr(url, "//");
    size_t scheme = slashes != NULL ? (size_t)(slashes - url) + 2 : 0;
    size_t end = scheme + strcspn(url + scheme, "/?#");
    struct base base = {.origin = {url, end}, .path = after(text, end)};
    size_t host = scheme;
    for (size_t at = scheme; at < end; at++)
        if (url[at] == '@')
            host = at + 1;
    size_t host_end = host;
    while (host_end < end && (url[host_end] != ':' || url[host] == '['))
        if (url[host_end++] == ']')
            break;
    base.host = (struct dify_slice){url + host, host_end - host};
    return base;
}

static bool begins_alike(struct dify_slice text, struct dify_slice with)
{
    return text.len >= with.len && strncasecmp(text.ptr, with.ptr, with.len) == 0;
}

static bool is_of_name(char c)
{
    return http_is_digit(c) || c == '-' || c == '.' || c == '_' ||
           ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

static bool is_slash(char c)
{
    return c == '/' || c == '\\';
}

/* Whether a text has the host where an address has it: behind two slashes, or a user's '@'. */
static bool names_host(struct dify_slice text, struct dify_slice host)
{
    for (size_t at = 1; at + host.len <= text.len; at++) {
        bool is_place = text.ptr[at - 1] == '@' ||
                        (at > 1 && is_slash(text.ptr[at - 1]) && is_slash(text.ptr[at - 2]));
        struct dify_slice rest = after(text, at);
        if (is_place && begins_alike(rest, host) &&
            (rest.len == host.len || !is_of_name(rest.ptr[host.len])))
            return true;
    }
    return false;
}

/* Below the base: what follows its path. */
static bool is_below_base(struct dify_slice path, struct dify_slice base, struct dify_slice *rest)
{
    if (path.len < base.len || memcmp(path.ptr, base.ptr, base.len) != 0)
        return false;
    *rest = after(path, base.len);
    return rest->len == 0 || strchr("/?#", rest->ptr[0]) != NULL;
}

/* The value of a field that leads somewhere; false: it is left out. */
static bool lead(const struct base *base, struct dify_slice *value, struct dify__buffer *text,
                 enum dify_err *err)
{
    struct dify_slice path = *value, rest;
    bool has_host = names_host(*value, base->host);
    if (has_host && !begins_alike(*value, base->origin))
        return false;
    if (has_host)
        path = after(path, base->origin.len);
    if (path.len == 0 || path.ptr[0] != '/' || !is_below_base(path, base->path, &rest))
        return !has_host;
    size_t at = text->len;
    *err = dify__buffer_append(text, "/v1", 3);
    if (*err == DIFY_OK)
        *err = dify__buffer_append(text, rest.ptr, rest.len);
    if (*err == DIFY_OK)
        *value = (struct dify_slice){text->ptr + at, text->len - at};
    return *err == DIFY_OK;
}

/* ---- answers ------------------------------------------------------------------------------- */

/* The next line, without its end; false if there is none, or it is the empty one. */
static bool next_line(struct dify_slice *rest, struct dify_slice *line)
{
    const char *end = rest->len != 0 ? memchr(rest->ptr, '\n', rest->len) : NULL;
    size_t len = end != NULL ? (size_t)(end - rest->ptr) : rest->len;
    *line = (struct dify_slice){rest->ptr, len};
    *rest = after(*rest, end != NULL ? len + 1 : len);
    if (line->len != 0 && line->ptr[line->len - 1] == '\r')
        line->len--;
    return line->len != 0;
}

static bool read_field(struct dify_slice line, struct http_field *field)
{
    const char *colon = memchr(line.ptr, ':', line.len);
    if (colon == NULL)
        return false;
    size_t len = (size_t)(colon - line.ptr);
    field->name = (struct dify_slice){line.ptr, len};
    field->value = http_trim(after(line, len + 1));
    return http_is_token(field->name) && http_is_value(field->value);
}

/* All fields of a head, in a block of their own. */
static enum dify_err read_fields(struct dify_slice head, struct gw_v1_answer *out)
{
    struct dify_slice rest = head, line;
    size_t count = 0;
    (void)next_line(&rest, &line); /* that of the status */
    for (struct dify_slice all = rest; next_line(&all, &line);)
        count++;
    out->fields = dify__calloc(dify__allocator(NULL), (count + 1) * sizeof *out->fields);
    if (out->fields == NULL)
        return DIFY_ERR_NOMEM;
    while (next_line(&rest, &line))
        if (!read_field(line, &out->fields[out->field_count++]))
            return DIFY_ERR_ARGUMENT;
    return DIFY_OK;
}

/* RFC 9112 §6.3, without leniency. */
static bool read_framing(struct gw_v1_answer *answer)
{
    unsigned encodings = 0;
    for (size_t i = 0; i < answer->field_count; i++) {
        const struct http_field *field = &answer->fields[i];
        uint64_t length;
        if (http_is_like(field->name, "transfer-encoding")) {
            if (encodings++ != 0 || !http_is_like(field->value, "chunked"))
                return false;
        } else if (http_is_like(field->name, "content-length")) {
            if (!http_read_length(field->value, &length) ||
                (answer->length != HTTP_LENGTH_UNKNOWN && answer->length != length))
                return false;
            answer->length = length;
        }
    }
    return encodings == 0 || answer->length == HTTP_LENGTH_UNKNOWN;
}

/* Whether a field goes back, perhaps with another value. */
static bool goes_back(const struct base *base, struct http_field *field, struct dify__buffer *text,
                      enum dify_err *err)
{
    if (http_is_like(field->name, "via") || http_is_like(field->name, "alt-svc"))
        return false;
    if (http_is_like(field->name, "location") || http_is_like(field->name, "content-location"))
        return lead(base, &field->value, text, err);
    return !names_host(field->value, base->host);
}

enum dify_err gw_v1_answer(struct dify_slice head, const char *base_url, struct gw_v1_answer *out)
{
    struct base base = read_base(base_url);
    *out = (struct gw_v1_answer){.length = HTTP_LENGTH_UNKNOWN,
                                 .text = {.allocator = dify__allocator(NULL), .max = SIZE_MAX / 2}};
    enum dify_err err = read_fields(head, out);
    if (err == DIFY_OK && !read_framing(out))
        err = DIFY_ERR_ARGUMENT;
    /* no value is longer than it was by more than "/v1" */
    if (err == DIFY_OK)
        err = dify__buffer_reserve(&out->text, head.len + 3 * out->field_count);
    size_t all = out->field_count, kept = 0;
    for (size_t i = 0; err == DIFY_OK && i < all; i++) {
        bool stays = goes_on(out->fields, all, out->fields[i].name) &&
                     goes_back(&base, &out->fields[i], &out->text, &err);
        if (!stays && !http_is_like(out->fields[i].name, "connection"))
            out->fields[i].name.len = 0;
    }
    for (size_t i = 0; err == DIFY_OK && i < all; i++)
        if (out->fields[i].name.len != 0 && !http_is_like(out->fields[i].name, "connection"))
            out->fields[kept++] = out->fields[i];
    out->field_count = kept;
    if (err != DIFY_OK)
        gw_v1_answer_fini(out);
    return err;
}

void gw_v1_answer_fini(struct gw_v1_answer *answer)
{
    dify__free(dify__allocator(NULL), answer->fields);
    dify__buffer_fini(&answer->text);
    answer->fields = NULL;
    answer->field_count = 0;
}

bool gw_v1_trailer(struct dify_slice line, struct http_field *field)
{
    struct dify_slice rest = line, text;
    return next_line(&rest, &text) && read_field(text, field) &&
           !http_is_framing_field(field->name) && !is_of_connection(field->name);
}
