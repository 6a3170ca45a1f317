/* SPDX-License-Identifier: Apache-2.0
 *
 * uri.h: reading paths and queries (RFC 3986; queries as forms write them, '+' being a space).
 */
#ifndef HTTP_URI_H
#define HTTP_URI_H

#include "difystream/slice.h"

#include <stdbool.h>
#include <stddef.h>

/* Decodes %XX of `text` into `out`, which has room for text.len bytes and may be text.ptr; `form`
 * also makes '+' a space. A '%' without two hexadecimal digits stays as it is. Returns the length.
 * NUL may come out.
 */
size_t http_uri_decode(struct dify_slice text, bool form, char *out);

/* The parameters of a query, in order, raw; empty ones ("&&") are passed over. */
struct http_query {
    struct dify_slice rest;
    struct dify_slice name, value; /* at hand; raw. value is empty without '=' */
};
struct http_query http_query(struct dify_slice query);
bool http_query_next(struct http_query *query);

/* The first parameter whose decoded name is `name`, decoded into `out`; false if there is none or
 * it is longer than `size`: `*len` is then as before. */
bool http_query_value(struct dify_slice query, const char *name, char *out, size_t size,
                      size_t *len);

#endif
