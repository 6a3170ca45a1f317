/* SPDX-License-Identifier: Apache-2.0
 *
 * index.c: linear probing, at most three quarters full.
 */
#include "core/index.h"

#include "core/slices.h"

#include <stdint.h>

static size_t hash(struct dify_slice key)
{
    uint64_t h = 14695981039346656037U; /* FNV-1a */
    for (size_t i = 0; i < key.len; i++)
        h = (h ^ (unsigned char)key.ptr[i]) * 1099511628211U;
    return (size_t)(h ^ (h >> 32));
}

/* The entry of a key, or the empty one at which a search for it ends. The table is not full. */
static struct dify__index_entry *find(const struct dify__index *index, struct dify_slice key)
{
    size_t mask = index->capacity - 1, i = hash(key) & mask;
    while (index->entries[i].key.ptr != NULL && !dify__slice_equals(index->entries[i].key, key))
        i = (i + 1) & mask;
    return &index->entries[i];
}

/* A table for one entry more, without what was removed. */
static enum dify_err rehash(struct dify__index *index)
{
    struct dify__index bigger = *index;
    bigger.capacity = 16;
    while (bigger.capacity / 2 < index->count + 1)
        bigger.capacity *= 2;
    bigger.entries =
        dify__calloc(index->allocator, bigger.capacity * sizeof(struct dify__index_entry));
    if (bigger.entries == NULL)
        return DIFY_ERR_NOMEM;
    for (size_t i = 0; i < index->capacity; i++) {
        if (index->entries[i].key.len > 0)
            *find(&bigger, index->entries[i].key) = index->entries[i];
    }
    bigger.used = index->count;
    dify__free(index->allocator, index->entries);
    *index = bigger;
    return DIFY_OK;
}

enum dify_err dify__index_put(struct dify__index *index, struct dify_slice key, void *value)
{
    struct dify__index_entry *entry;
    if (4 * (index->used + 1) > 3 * index->capacity) {
        enum dify_err err = rehash(index);
        if (err != DIFY_OK)
            return err;
    }
    entry = find(index, key);
    if (entry->key.ptr == NULL) {
        index->used++;
        index->count++;
    }
    *entry = (struct dify__index_entry){key, value};
    return DIFY_OK;
}

void *dify__index_get(const struct dify__index *index, struct dify_slice key)
{
    return index->capacity == 0 || key.len == 0 ? NULL : find(index, key)->value;
}

void dify__index_remove(struct dify__index *index, struct dify_slice key, const void *value)
{
    struct dify__index_entry *entry;
    if (dify__index_get(index, key) != value || value == NULL)
        return;
    entry = find(index, key);
    *entry = (struct dify__index_entry){{"", 0}, NULL};
    index->count--;
}

void dify__index_fini(struct dify__index *index)
{
    dify__free(index->allocator, index->entries);
    index->entries = NULL;
    index->capacity = index->used = index->count = 0;
}
