/* SPDX-License-Identifier: Apache-2.0
 *
 * sse.c: see sse.h (WHATWG HTML section 9.2).
 */
#include "gateway/sse.h"

#include "client/words.h"
#include "core/slices.h"

static void put_line(struct dify__buffer *out, enum dify_err *err, struct dify_slice name,
                     struct dify_slice value)
{
    dify__add_slice(out, err, name);
    dify__add_slice(out, err, value);
    dify__add_slice(out, err, DIFY_SLICE("\n"));
}

/* The length of the first line of `text`; CR and LF end one. */
static size_t line_length(struct dify_slice text)
{
    const char *lf = text.len > 0 ? memchr(text.ptr, '\n', text.len) : NULL;
    size_t len = lf != NULL ? (size_t)(lf - text.ptr) : text.len;
    const char *cr = len > 0 ? memchr(text.ptr, '\r', len) : NULL;
    return cr != NULL ? (size_t)(cr - text.ptr) : len;
}

enum dify_err gw_sse_put(struct dify__buffer *out, const char *id, const char *event,
                         struct dify_slice data)
{
    enum dify_err err = dify__buffer_reserve(out, data.len + 64);
    if (id != NULL)
        put_line(out, &err, DIFY_SLICE("id: "), dify__slice(id));
    if (event != NULL)
        put_line(out, &err, DIFY_SLICE("event: "), dify__slice(event));
    for (;;) {
        size_t len = line_length(data);
        put_line(out, &err, DIFY_SLICE("data: "), (struct dify_slice){data.ptr, len});
        if (len == data.len)
            break;
        bool is_crlf = data.ptr[len] == '\r' && len + 1 < data.len && data.ptr[len + 1] == '\n';
        len += is_crlf ? 2 : 1;
        data = (struct dify_slice){data.ptr + len, data.len - len};
    }
    dify__add_slice(out, &err, DIFY_SLICE("\n"));
    return err;
}
