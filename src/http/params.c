/* SPDX-License-Identifier: Apache-2.0
 *
 * params.c: see params.h.
 */
#include "http/params.h"

#include "http/fields.h"

#include <stddef.h>
#include <string.h>

static void skip(struct dify_slice *slice, size_t len)
{
    slice->ptr += len;
    slice->len -= len;
}

static void skip_blanks(struct dify_slice *slice)
{
    while (slice->len != 0 && http_is_blank(slice->ptr[0]))
        skip(slice, 1);
}

struct http_params http_params(struct dify_slice field, struct dify_slice *first)
{
    const char *end = field.len != 0 ? memchr(field.ptr, ';', field.len) : NULL;
    size_t len = end != NULL ? (size_t)(end - field.ptr) : field.len;
    struct http_params params = {.rest = field};
    skip(&params.rest, len);
    *first = http_trim((struct dify_slice){field.ptr, len});
    return params;
}

/* The quoted string at the start of `rest`, which begins with its quote. */
static bool take_quoted(struct http_params *params)
{
    struct dify_slice rest = params->rest;
    size_t end = 1;
    while (end < rest.len && rest.ptr[end] != '"') {
        bool escapes = rest.ptr[end] == '\\' && end + 1 < rest.len &&
                       (rest.ptr[end + 1] == '"' || rest.ptr[end + 1] == '\\');
        end += escapes ? 2 : 1;
    }
    if (end >= rest.len)
        return false;
    params->value = (struct dify_slice){rest.ptr + 1, end - 1};
    skip(&params->rest, end + 1);
    return true;
}

static bool take_plain(struct http_params *params)
{
    struct dify_slice rest = params->rest;
    size_t len = 0;
    while (len < rest.len && (unsigned char)rest.ptr[len] > ' ' && rest.ptr[len] != 0x7F &&
           rest.ptr[len] != ';' && rest.ptr[len] != '"')
        len++;
    params->value = (struct dify_slice){rest.ptr, len};
    skip(&params->rest, len);
    return len != 0;
}

static bool take_param(struct http_params *params)
{
    struct dify_slice *rest = &params->rest;
    size_t len = 0;
    while (len < rest->len && http_is_token_char(rest->ptr[len]))
        len++;
    params->name = (struct dify_slice){rest->ptr, len};
    skip(rest, len);
    skip_blanks(rest);
    if (len == 0 || rest->len == 0 || rest->ptr[0] != '=')
        return false;
    skip(rest, 1);
    skip_blanks(rest);
    params->is_quoted = rest->len != 0 && rest->ptr[0] == '"';
    if (!(params->is_quoted ? take_quoted(params) : take_plain(params)))
        return false;
    skip_blanks(rest);
    return rest->len == 0 || rest->ptr[0] == ';';
}

bool http_params_next(struct http_params *params)
{
    struct dify_slice *rest = &params->rest;
    while (rest->len != 0 && (rest->ptr[0] == ';' || http_is_blank(rest->ptr[0])))
        skip(rest, 1);
    if (rest->len == 0 || params->is_bad)
        return false;
    params->is_bad = !take_param(params);
    return !params->is_bad;
}
