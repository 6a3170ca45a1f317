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

void http_spares_fini(struct http_spares *spares, const struct dify_allocator *allocator)
{
    while (spares->count != 0)
        dify__free(allocator, spares->kept[--spares->count].ptr);
}
