/* SPDX-License-Identifier: Apache-2.0
 *
 * uri.c: see uri.h.
 */
#include "http/uri.h"

#include "core/hex.h"

#include <string.h>

/* The decoded byte at `*at`, which moves behind it. */
static char decode_at(struct dify_slice text, size_t *at, bool form)
{
    char c = text.ptr[*at];
    if (c == '%' && text.len - *at > 2) {
        unsigned high = dify__hex_digit(text.ptr[*at + 1]);
        unsigned low = dify__hex_digit(text.ptr[*at + 2]);
        if (high < 16 && low < 16) {
            *at += 3;
            return (char)(unsigned char)(high << 4 | low);
        }
    }
    ++*at;
    return form && c == '+' ? ' ' : c;
}

size_t http_uri_decode(struct dify_slice text, bool form, char *out)
{
    size_t len = 0;
    for (size_t at = 0; at < text.len;)
        out[len++] = decode_at(text, &at, form);
    return len;
}

/* Whether `text` decodes to `name`. */
static bool decodes_to(struct dify_slice text, const char *name)
{
    size_t at = 0, len = strlen(name);
    for (size_t i = 0; i < len; i++)
        if (at == text.len || decode_at(text, &at, true) != name[i])
            return false;
    return at == text.len;
}

struct http_query http_query(struct dify_slice query)
{
    return (struct http_query){.rest = query};
}

/* What stands in front of the first `mark`; `*rest` is what is behind it, empty if there is none.
 */
static struct dify_slice cut(struct dify_slice text, char mark, struct dify_slice *rest)
{
    const char *end = memchr(text.ptr, mark, text.len);
    size_t len = end != NULL ? (size_t)(end - text.ptr) : text.len;
    size_t used = end != NULL ? len + 1 : len;
    *rest = (struct dify_slice){text.ptr + used, text.len - used};
    return (struct dify_slice){text.ptr, len};
}

bool http_query_next(struct http_query *query)
{
    while (query->rest.len != 0) {
        struct dify_slice pair = cut(query->rest, '&', &query->rest);
        if (pair.len == 0)
            continue;
        query->name = cut(pair, '=', &query->value);
        return true;
    }
    return false;
}

bool http_query_value(struct dify_slice text, const char *name, char *out, size_t size, size_t *len)
{
    struct http_query query = http_query(text);
    while (http_query_next(&query)) {
        if (!decodes_to(query.name, name))
            continue;
        size_t count = 0;
        for (size_t at = 0; at < query.value.len;) {
            if (count == size)
                return false;
            out[count++] = decode_at(query.value, &at, true);
        }
        *len = count;
        return true;
    }
    return false;
}
