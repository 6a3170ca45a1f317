/* SPDX-License-Identifier: Apache-2.0
 *
 * index.h: finding things by their id.
 *
 * An open-addressing table from short texts to pointers. It owns neither: a key must lie as long as
 * its entry.
 */
#ifndef SIM_INDEX_H
#define SIM_INDEX_H

#include "core/memory.h"

struct sim_index_entry {
    struct dify_slice key; /* ptr NULL: empty; len 0 with a pointer: removed */
    void *value;
};

struct sim_index {
    const struct dify_allocator *allocator;
    struct sim_index_entry *entries;
    size_t capacity; /* a power of two, or 0 */
    size_t used;     /* entries that are not empty, removed ones included */
    size_t count;
};

/* Adds an entry; an old one of the same key is replaced. The key must not be empty. NOMEM. */
DIFY_MUST_CHECK enum dify_err sim_index_put(struct sim_index *index, struct dify_slice key,
                                            void *value);

/* NULL if there is none. */
void *sim_index_get(const struct sim_index *index, struct dify_slice key);

/* Removes the entry if it stands for `value`. */
void sim_index_remove(struct sim_index *index, struct dify_slice key, const void *value);

void sim_index_fini(struct sim_index *index);

#endif
