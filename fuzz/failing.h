/* SPDX-License-Identifier: Apache-2.0
 *
 * failing.h: an allocator one of whose calls fails.
 */
#ifndef DIFY_FUZZ_FAILING_H
#define DIFY_FUZZ_FAILING_H

#include "difystream/allocator.h"

#include <stdlib.h>

struct failing {
    size_t asked, fail_at; /* 0: never */
};

static inline void *failing_malloc(void *ctx, size_t size)
{
    struct failing *failing = ctx;
    return ++failing->asked == failing->fail_at ? NULL : malloc(size);
}

static inline void *failing_realloc(void *ctx, void *ptr, size_t old_size, size_t size)
{
    struct failing *failing = ctx;
    (void)old_size;
    return ++failing->asked == failing->fail_at ? NULL : realloc(ptr, size);
}

static inline void failing_free(void *ctx, void *ptr)
{
    (void)ctx;
    free(ptr);
}

/* Borrows `failing`. */
static inline struct dify_allocator failing_allocator(struct failing *failing)
{
    return (struct dify_allocator){failing, failing_malloc, failing_realloc, failing_free};
}

#endif
