/* SPDX-License-Identifier: Apache-2.0
 *
 * spares.c: see spares.h. A stack, so that few of them are in use while few are needed.
 */
#include "http/spares.h"

void http_spares_take(struct http_spares *spares, struct dify__buffer *buffer)
{
    if (buffer->ptr != NULL || spares->count == 0)
        return;
    struct http_spare spare = spares->kept[--spares->count];
    buffer->ptr = spare.ptr;
    buffer->capacity = spare.capacity;
}

void http_spares_give(struct http_spares *spares, struct dify__buffer *buffer)
{
    if (buffer->ptr != NULL && buffer->capacity <= HTTP_SPARE_BYTES &&
        spares->count < HTTP_SPARES) {
        spares->kept[spares->count++] = (struct http_spare){buffer->ptr, buffer->capacity};
        buffer->ptr = NULL; /* not to be freed */
    }
    dify__buffer_fini(buffer);
}

size_t http_spares_replace(struct http_spares *spares, struct dify__buffer *buffer, size_t at,
                           struct dify__buffer *rest)
{
    *rest = (struct dify__buffer){.allocator = buffer->allocator, .max = buffer->max};
    if (buffer->capacity <= HTTP_SPARE_BYTES &&
        dify__buffer_append(rest, buffer->ptr + at, buffer->len - at) == DIFY_OK) {
        http_spares_give(spares, buffer);
        return 0;
    }
    *rest = *buffer;
    buffer->ptr = NULL; /* not to be freed */
    dify__buffer_fini(buffer);
    return at;
}

void http_spares_fini(struct http_spares *spares, const struct dify_allocator *allocator)
{
    while (spares->count != 0)
        dify__free(allocator, spares->kept[--spares->count].ptr);
}
