/* SPDX-License-Identifier: Apache-2.0
 *
 * index.h: finding things by their id.
 *
 * An open-addressing table from short texts to pointers. It owns neither: a key must lie as long as
 * its entry.
 */
#ifndef DIFY_CORE_INDEX_H
#define DIFY_CORE_INDEX_H

#include "core/memory.h"

struct dify__index_entry {
    struct dify_slice key; /* ptr NULL: empty; len 0 with a pointer: removed */
    void *value;
};

struct dify__index {
    const struct dify_allocator *allocator;
    struct dify__index_entry *entries;
    size_t capacity; /* a power of two, or 0 */
    size_t used;     /* entries that are not empty, removed ones included */
    size_t count;
};

/* Adds an entry; an old one of the same key is replaced. The key must not be empty. NOMEM. */
DIFY_MUST_CHECK enum dify_err dify__index_put(struct dify__index *index, struct dify_slice key,
                                              void *value);

/* NULL if there is none. */
void *dify__index_get(const struct dify__index *index, struct dify_slice key);

/* Removes the entry if it stands for `value`. */
void dify__index_remove(struct dify__index *index, struct dify_slice key, const void *value);

void dify__index_fini(struct dify__index *index);

#endif
