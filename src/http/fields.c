/* SPDX-License-Identifier: Apache-2.0
 *
 * fields.c: see fields.h.
 */
#include "http/fields.h"

#include "core/hex.h"
#include "core/slices.h"

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static char to_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

bool http_is_token_char(char c)
{
    return is_letter(c) || http_is_digit(c) || (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

bool http_is_token(struct dify_slice text)
{
    for (size_t i = 0; i < text.len; i++)
        if (!http_is_token_char(text.ptr[i]))
            return false;
    return text.len != 0;
}

bool http_is_value(struct dify_slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if ((c < 0x20 && c != '\t') || c == 0x7F)
            return false;
    }
    return true;
}

bool http_are_alike(struct dify_slice a, struct dify_slice b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        if (to_lower(a.ptr[i]) != to_lower(b.ptr[i]))
            return false;
    return true;
}

bool http_is_like(struct dify_slice text, const char *lower)
{
    return http_are_alike(text, dify__slice(lower));
}

struct dify_slice http_trim(struct dify_slice text)
{
    while (text.len != 0 && http_is_blank(text.ptr[0])) {
        text.ptr++;
        text.len--;
    }
    while (text.len != 0 && http_is_blank(text.ptr[text.len - 1]))
        text.len--;
    return text;
}

bool http_list_next(struct dify_slice *rest, struct dify_slice *item)
{
    while (rest->len != 0) {
        size_t end = 0;
        while (end < rest->len && rest->ptr[end] != ',')
            end++;
        *item = http_trim((struct dify_slice){rest->ptr, end});
        size_t taken = end < rest->len ? end + 1 : end;
        rest->ptr += taken;
        rest->len -= taken;
        if (item->len != 0)
            return true;
    }
    return false;
}

bool http_read_length(struct dify_slice text, uint64_t *value)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (!http_is_digit(text.ptr[i]) || sum > ((uint64_t)INT64_MAX - 9) / 10)
            return false;
        sum = sum * 10 + (uint64_t)(text.ptr[i] - '0');
    }
    if (text.len == 0)
        return false;
    *value = sum;
    return true;
}

/* reg-name and IPv4 (RFC 3986 §3.2.2), but no comma: lists of hosts are an attack, not a name. */
static bool is_name(struct dify_slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == '%') {
            if (text.len - i < 3 || dify__hex_digit(text.ptr[i + 1]) > 15 ||
                dify__hex_digit(text.ptr[i + 2]) > 15)
                return false;
            i += 2;
        } else if (!is_letter(c) && !http_is_digit(c) &&
                   (c == '\0' || strchr("-._~!$&'()*+;=", c) == NULL)) {
            return false;
        }
    }
    return text.len != 0;
}

static bool is_ipv6(struct dify_slice text)
{
    size_t colons = 0;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (dify__hex_digit(c) > 15 && c != ':' && c != '.')
            return false;
        colons += c == ':';
    }
    return colons >= 2;
}

bool http_is_host(struct dify_slice text)
{
    size_t end = 0;
    if (text.len != 0 && text.ptr[0] == '[') {
        while (end < text.len && text.ptr[end] != ']')
            end++;
        if (end == text.len || !is_ipv6((struct dify_slice){text.ptr + 1, end - 1}))
            return false;
        end++;
    } else {
        while (end < text.len && text.ptr[end] != ':')
            end++;
        if (!is_name((struct dify_slice){text.ptr, end}))
            return false;
    }
    if (end == text.len)
        return true;
    if (text.ptr[end] != ':' || text.len - end > 6)
        return false;
    unsigned port = 0;
    for (size_t i = end + 1; i < text.len; i++) {
        if (!http_is_digit(text.ptr[i]))
            return false;
        port = port * 10 + (unsigned)(text.ptr[i] - '0');
    }
    return port <= 65535;
}

bool http_is_framing_field(struct dify_slice name)
{
    static const char *const names[] = {
        "content-length",
        "transfer-encoding",
        "host",
        "connection",
        "keep-alive",
        "te",
        "trailer",
        "upgrade",
        "authorization",
        "content-encoding",
        "content-type",
        "content-range",
        "expect",
        "cookie",
        "proxy-connection",
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (http_is_like(name, names[i]))
            return true;
    return false;
}
