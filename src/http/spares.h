/* SPDX-License-Identifier: Apache-2.0
 *
 * spares.h: the memory of buffers that were sent, kept for those that are filled next: an answer
 * that goes out in many small pieces needs no allocation for each.
 */
#ifndef HTTP_SPARES_H
#define HTTP_SPARES_H

#include "core/memory.h"
#include "http/limits.h"

/* Zero-initialise. All of it and all buffers have the same allocator. */
struct http_spares {
    struct http_spare {
        char *ptr;
        size_t capacity;
    } kept[HTTP_SPARES];
    size_t count;
};

/* Gives a buffer without memory what was kept last, which the processor's caches still hold;
 * nothing if there is none. Any other buffer stays as it is. */
void http_spares_take(struct http_spares *spares, struct dify__buffer *buffer);

/* Empties a buffer: its memory is kept if it is small and there is a place, or freed. */
void http_spares_give(struct http_spares *spares, struct dify__buffer *buffer);

/* Moves what a buffer has from `at` on to `rest`, which may have to wait for long: memory that can
 * be kept is, and what waits has no more than it needs. A larger one, or any for want of memory, is
 * moved as it is. Returns where the bytes begin in `rest`. */
size_t http_spares_replace(struct http_spares *spares, struct dify__buffer *buffer, size_t at,
                           struct dify__buffer *rest);

/* Frees all that is kept. */
void http_spares_fini(struct http_spares *spares, const struct dify_allocator *allocator);

#endif
