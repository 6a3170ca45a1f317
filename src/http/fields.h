/* SPDX-License-Identifier: Apache-2.0
 *
 * fields.h: what RFC 9110 and 9112 say about the text of header fields, as small questions. Nothing
 * here allocates or keeps anything.
 */
#ifndef HTTP_FIELDS_H
#define HTTP_FIELDS_H

#include "difystream/slice.h"

#include <stdbool.h>
#include <stdint.h>

static inline bool http_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* White space within a line: OWS of RFC 9110 §5.6.3. */
static inline bool http_is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* A character of a token (RFC 9110 §5.6.2). */
bool http_is_token_char(char c);

/* A token: at least one such character. */
bool http_is_token(struct dify_slice text);

/* A field value: HTAB, SP, visible characters and bytes above 0x7F. */
bool http_is_value(struct dify_slice text);

/* Whether `text` is `lower`, which is in lower case, but for the case of its ASCII letters. */
bool http_is_like(struct dify_slice text, const char *lower);

/* Whether both are the same but for the case of ASCII letters. */
bool http_are_alike(struct dify_slice a, struct dify_slice b);

/* Without SP and HTAB around it. */
struct dify_slice http_trim(struct dify_slice text);

/* The next item of a comma-separated list, trimmed, empty ones skipped; false at its end. */
bool http_list_next(struct dify_slice *rest, struct dify_slice *item);

/* Digits only, and below 2^63; false if not. */
bool http_read_length(struct dify_slice text, uint64_t *value);

/* host or host:port as a Host field may have it: a name, an IPv4 address or an IPv6 address in
 * brackets, not empty; no userinfo, no comma. */
bool http_is_host(struct dify_slice text);

/* Fields that frame or route a message: never in trailers (RFC 9110 §6.5.1). In lower case. */
bool http_is_framing_field(struct dify_slice name);

#endif
