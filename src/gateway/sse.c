/* SPDX-License-Identifier: Apache-2.0
 *
 * sse.c: see sse.h (WHATWG HTML section 9.2).
 */
#include "gateway/sse.h"

#include "core/slices.h"

#include <stdint.h>

/* One look at the buffer's room for each line: three cost half of what an event takes. */
static enum dify_err put_line(struct dify__buffer *out, struct dify_slice name,
                              struct dify_slice value)
{
    if (value.len > SIZE_MAX - name.len - 1)
        return DIFY_ERR_TOO_LARGE;
    enum dify_err err = dify__buffer_reserve(out, name.len + value.len + 1);
    if (err != DIFY_OK)
        return err;
    char *to = out->ptr + out->len;
    memcpy(to, name.ptr, name.len);
    if (value.len > 0)
        memcpy(to + name.len, value.ptr, value.len);
    to[name.len + value.len] = '\n';
    out->len += name.len + value.len + 1;
    return DIFY_OK;
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
    if (err == DIFY_OK && id != NULL)
        err = put_line(out, DIFY_SLICE("id: "), dify__slice(id));
    if (err == DIFY_OK && event != NULL)
        err = put_line(out, DIFY_SLICE("event: "), dify__slice(event));
    while (err == DIFY_OK) {
        size_t len = line_length(data);
        err = put_line(out, DIFY_SLICE("data: "), (struct dify_slice){data.ptr, len});
        if (len == data.len)
            break;
        bool is_crlf = data.ptr[len] == '\r' && len + 1 < data.len && data.ptr[len + 1] == '\n';
        len += is_crlf ? 2 : 1;
        data = (struct dify_slice){data.ptr + len, data.len - len};
    }
    return err == DIFY_OK ? dify__buffer_append(out, "\n", 1) : err;
}
