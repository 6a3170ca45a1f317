/* SPDX-License-Identifier: Apache-2.0
 *
 * texts.c: an arena of texts with an index over those that repeat.
 */
#include "core/texts.h"

#include "core/slices.h"

#include <string.h>

enum dify_err dify__budget_take(struct dify__budget *budget, size_t size)
{
    if (size > budget->max - budget->used)
        return DIFY_ERR_TOO_LARGE;
    budget->used += size;
    return DIFY_OK;
}

uint32_t dify__text_index_hash(const struct dify__text_index *index, struct dify_slice text)
{
    /* eight bytes a step, the last ones overlapping; odd multipliers with well-mixed bits */
    uint64_t hash = index->seed ^ text.len * UINT64_C(0x9E3779B97F4A7C15);
    uint64_t word = 0;
    for (size_t i = 0; text.len - i > sizeof word; i += sizeof word) {
        memcpy(&word, text.ptr + i, sizeof word);
        hash = (hash ^ word) * UINT64_C(0xD6E8FEB86659FD93);
        hash ^= hash >> 32;
    }
    if (text.len >= sizeof word)
        memcpy(&word, text.ptr + text.len - sizeof word, sizeof word);
    else if (text.len != 0)
        memcpy(&word, text.ptr, text.len);
    hash = (hash ^ word) * UINT64_C(0xD6E8FEB86659FD93);
    return (uint32_t)(hash ^ hash >> 32);
}

enum dify_err dify__text_index_reserve(struct dify__text_index *index,
                                       const struct dify_allocator *allocator)
{
    if (index->count * 2 < index->capacity)
        return DIFY_OK;
    struct dify__text_index grown = {.seed = index->seed};
    size_t need = index->capacity != 0 ? index->capacity * 2 : 16;
    enum dify_err err =
        dify__grow(allocator, (void **)&grown.slot, &grown.capacity, need, sizeof *grown.slot);
    if (err != DIFY_OK)
        return err;
    for (size_t i = 0; i < index->capacity; i++)
        if (index->slot[i].number != 0)
            dify__text_index_add(&grown, index->slot[i].hash, index->slot[i].number - 1);
    dify__free(allocator, index->slot);
    *index = grown;
    return DIFY_OK;
}

void dify__text_index_add(struct dify__text_index *index, uint32_t hash, uint32_t number)
{
    size_t at = hash & (index->capacity - 1);
    while (index->slot[at].number != 0)
        at = (at + 1) & (index->capacity - 1);
    index->slot[at] = (struct dify__slot){number + 1, hash};
    index->count++;
}

bool dify__text_index_next(const struct dify__text_index *index, uint32_t hash, size_t *at,
                           uint32_t *number)
{
    if (index->capacity == 0)
        return false;
    for (;; ++*at) {
        const struct dify__slot *slot = &index->slot[(hash + *at) & (index->capacity - 1)];
        if (slot->number == 0)
            return false;
        if (slot->hash != hash)
            continue;
        *number = slot->number - 1;
        ++*at;
        return true;
    }
}

void dify__texts_init(struct dify__texts *texts, const struct dify_allocator *allocator,
                      struct dify__budget *budget, uint64_t seed)
{
    memset(texts, 0, sizeof *texts);
    texts->allocator = allocator;
    texts->budget = budget;
    texts->shared.seed = seed;
    texts->bytes = (struct dify__buffer){.allocator = allocator, .max = UINT32_MAX};
}

void dify__texts_fini(struct dify__texts *texts)
{
    dify__buffer_fini(&texts->bytes);
    dify__free(texts->allocator, texts->shared.slot);
    memset(&texts->shared, 0, sizeof texts->shared);
}

struct dify_slice dify__texts_get(const struct dify__texts *texts, dify__text text)
{
    uint32_t len;
    if (text == 0)
        return (struct dify_slice){NULL, 0};
    memcpy(&len, texts->bytes.ptr + text - sizeof len, sizeof len);
    return (struct dify_slice){texts->bytes.ptr + text, len};
}

enum dify_err dify__texts_keep(struct dify__texts *texts, struct dify_slice text, dify__text *out)
{
    if (text.ptr == NULL) {
        *out = 0;
        return DIFY_OK;
    }
    if (text.len > UINT32_MAX)
        return DIFY_ERR_TOO_LARGE;
    uint32_t len = (uint32_t)text.len;
    enum dify_err err = dify__budget_take(texts->budget, sizeof len + text.len);
    if (err == DIFY_OK)
        err = dify__buffer_reserve(&texts->bytes, sizeof len + text.len);
    if (err != DIFY_OK)
        return err;
    err = dify__buffer_append(&texts->bytes, &len, sizeof len);
    *out = (dify__text)texts->bytes.len;
    return err == DIFY_OK ? dify__buffer_append(&texts->bytes, text.ptr, text.len) : err;
}

enum dify_err dify__texts_share(struct dify__texts *texts, struct dify_slice text, dify__text *out)
{
    if (text.ptr == NULL) {
        *out = 0;
        return DIFY_OK;
    }
    enum dify_err err = dify__text_index_reserve(&texts->shared, texts->allocator);
    if (err != DIFY_OK)
        return err;
    uint32_t hash = dify__text_index_hash(&texts->shared, text);
    size_t at = 0;
    dify__text known;
    while (dify__text_index_next(&texts->shared, hash, &at, &known)) {
        if (dify__slice_equals(dify__texts_get(texts, known), text)) {
            *out = known;
            return DIFY_OK;
        }
    }
    err = dify__texts_keep(texts, text, out);
    if (err == DIFY_OK)
        dify__text_index_add(&texts->shared, hash, *out);
    return err;
}
