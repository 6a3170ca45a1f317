/* SPDX-License-Identifier: Apache-2.0
 *
 * allocator.h: where the library takes its memory from.
 *
 * Every object of the library is made with an allocator and takes all its memory from it. NULL
 * stands for the C library's malloc, realloc and free. The struct is borrowed and must outlive the
 * objects made with it; its functions are called from whichever thread calls the object.
 *
 * A failed allocation is never fatal: the call that needed it returns DIFY_ERR_NOMEM, and the
 * object can still be freed.
 */
#ifndef DIFYSTREAM_ALLOCATOR_H
#define DIFYSTREAM_ALLOCATOR_H

#include <stddef.h>

struct dify_allocator {
    void *ctx; /* handed to the three functions unchanged */

    /* `size` bytes (never 0), aligned for any type; NULL if there are none. */
    void *(*malloc)(void *ctx, size_t size);

    /* Resizes a block from `malloc` or `realloc`; `ptr` is never NULL, `size` never 0, `old_size`
     * what was asked for last. NULL if it cannot; the old block then stays as it was. */
    void *(*realloc)(void *ctx, void *ptr, size_t old_size, size_t size);

    /* Gives a block back; `ptr` is never NULL. */
    void (*free)(void *ctx, void *ptr);
};

#endif
