/* SPDX-License-Identifier: Apache-2.0
 *
 * memory.c: the allocator's default, and the growing buffer.
 */
#include "core/memory.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static void *libc_malloc(void *ctx, size_t size)
{
    (void)ctx;
    return malloc(size);
}

static void *libc_realloc(void *ctx, void *ptr, size_t old_size, size_t size)
{
    (void)ctx;
    (void)old_size;
    return realloc(ptr, size);
}

static void libc_free(void *ctx, void *ptr)
{
    (void)ctx;
    free(ptr);
}

static const struct dify_allocator libc_allocator = {NULL, libc_malloc, libc_realloc, libc_free};

const struct dify_allocator *dify__allocator(const struct dify_allocator *allocator)
{
    return allocator != NULL ? allocator : &libc_allocator;
}

void *dify__malloc(const struct dify_allocator *allocator, size_t size)
{
    return allocator->malloc(allocator->ctx, size);
}

void *dify__calloc(const struct dify_allocator *allocator, size_t size)
{
    void *ptr = allocator->malloc(allocator->ctx, size);
    if (ptr != NULL)
        memset(ptr, 0, size);
    return ptr;
}

void dify__free(const struct dify_allocator *allocator, void *ptr)
{
    if (ptr != NULL)
        allocator->free(allocator->ctx, ptr);
}

/* A volatile pointer, so that all of it is written. */
void dify__wipe(void *ptr, size_t len)
{
    volatile char *at = ptr;
    for (size_t i = 0; at != NULL && i < len; i++)
        at[i] = '\0';
}

enum dify_err dify__grow(const struct dify_allocator *allocator, void **array, size_t *capacity,
                         size_t need, size_t item_size)
{
    if (need <= *capacity)
        return DIFY_OK;
    size_t count = *capacity != 0 ? *capacity : 4;
    while (count < need) {
        if (count > SIZE_MAX / 2)
            return DIFY_ERR_NOMEM;
        count *= 2;
    }
    if (count > SIZE_MAX / item_size)
        return DIFY_ERR_NOMEM;
    size_t old_size = *capacity * item_size;
    void *grown = *array == NULL
                      ? dify__malloc(allocator, count * item_size)
                      : allocator->realloc(allocator->ctx, *array, old_size, count * item_size);
    if (grown == NULL)
        return DIFY_ERR_NOMEM;
    memset((char *)grown + old_size, 0, count * item_size - old_size);
    *array = grown;
    *capacity = count;
    return DIFY_OK;
}

static enum dify_err grow_to(struct dify__buffer *buffer, size_t capacity)
{
    void *grown = buffer->ptr == NULL
                      ? dify__malloc(buffer->allocator, capacity)
                      : buffer->allocator->realloc(buffer->allocator->ctx, buffer->ptr,
                                                   buffer->capacity, capacity);
    if (grown == NULL)
        return DIFY_ERR_NOMEM;
    buffer->ptr = grown;
    buffer->capacity = capacity;
    return DIFY_OK;
}

enum dify_err dify__buffer_grow(struct dify__buffer *buffer, size_t extra)
{
    size_t need = buffer->len + extra;
    size_t capacity = buffer->capacity <= buffer->max / 2 ? buffer->capacity * 2 : buffer->max;
    if (capacity < 256)
        capacity = 256;
    return grow_to(buffer, capacity < need ? need : capacity);
}

enum dify_err dify__buffer_fit(struct dify__buffer *buffer, size_t extra)
{
    if (extra > buffer->max || buffer->len > buffer->max - extra)
        return DIFY_ERR_TOO_LARGE;
    return extra <= buffer->capacity - buffer->len ? DIFY_OK : grow_to(buffer, buffer->len + extra);
}

enum dify_err dify__buffer_append(struct dify__buffer *buffer, const void *bytes, size_t len)
{
    enum dify_err err = dify__buffer_reserve(buffer, len);
    if (err != DIFY_OK)
        return err;
    if (len != 0)
        memcpy(buffer->ptr + buffer->len, bytes, len);
    buffer->len += len;
    return DIFY_OK;
}

void dify__buffer_fini(struct dify__buffer *buffer)
{
    dify__free(buffer->allocator, buffer->ptr);
    buffer->ptr = NULL;
    buffer->len = 0;
    buffer->capacity = 0;
}
