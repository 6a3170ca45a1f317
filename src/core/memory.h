/* SPDX-License-Identifier: Apache-2.0
 *
 * memory.h: the core's only way to memory: the allocator passed in, and a growing buffer with a
 * ceiling.
 */
#ifndef DIFY_CORE_MEMORY_H
#define DIFY_CORE_MEMORY_H

#include "difystream/allocator.h"
#include "difystream/error.h"
#include "difystream/export.h"
#include "difystream/slice.h"

#include <stdbool.h>
#include <stddef.h>

/* `allocator`, or the C library's where it is NULL. */
const struct dify_allocator *dify__allocator(const struct dify_allocator *allocator);

void *dify__malloc(const struct dify_allocator *allocator, size_t size);
void *dify__calloc(const struct dify_allocator *allocator, size_t size);
void dify__free(const struct dify_allocator *allocator, void *ptr);

/* Overwrites `len` bytes (or nothing, where `ptr` is NULL) in a way that no compiler leaves out. */
void dify__wipe(void *ptr, size_t len);

/* Doubles an array of `item_size` items until it holds `need` of them; new items are zero. */
DIFY_MUST_CHECK enum dify_err dify__grow(const struct dify_allocator *allocator, void **array,
                                         size_t *capacity, size_t need, size_t item_size);

/* Bytes that grow up to `max`. Zero-initialise all but the first and the last member. */
struct dify__buffer {
    const struct dify_allocator *allocator;
    char *ptr;
    size_t len;
    size_t capacity;
    size_t max;
};

DIFY_MUST_CHECK enum dify_err dify__buffer_grow(struct dify__buffer *buffer, size_t extra);

/* Room for `extra` more bytes. DIFY_ERR_TOO_LARGE past `max` (the capacity, which has a minimum,
 * may be above it), DIFY_ERR_NOMEM. */
DIFY_MUST_CHECK static inline enum dify_err dify__buffer_reserve(struct dify__buffer *buffer,
                                                                 size_t extra)
{
    if (extra > buffer->max || buffer->len > buffer->max - extra)
        return DIFY_ERR_TOO_LARGE;
    return extra <= buffer->capacity - buffer->len ? DIFY_OK : dify__buffer_grow(buffer, extra);
}

/* The same, and no more room than that: for what is not expected to grow often. */
DIFY_MUST_CHECK enum dify_err dify__buffer_fit(struct dify__buffer *buffer, size_t extra);

DIFY_MUST_CHECK enum dify_err dify__buffer_append(struct dify__buffer *buffer, const void *bytes,
                                                  size_t len);

void dify__buffer_fini(struct dify__buffer *buffer);

/* Empties the buffer; memory above `keep` bytes is given back. */
static inline void dify__buffer_clear(struct dify__buffer *buffer, size_t keep)
{
    buffer->len = 0;
    if (buffer->capacity > keep)
        dify__buffer_fini(buffer);
}

static inline struct dify_slice dify__buffer_slice(const struct dify__buffer *buffer)
{
    return (struct dify_slice){buffer->ptr != NULL ? buffer->ptr : "", buffer->len};
}

#endif
