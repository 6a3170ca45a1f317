/* SPDX-License-Identifier: Apache-2.0
 *
 * outputs.c: an ordered map from keys to JSON texts, under the run's budget.
 */
#include "core/outputs.h"

#include "core/slices.h"

#include <string.h>

void dify__outputs_init(struct dify__outputs *outputs, const struct dify_allocator *allocator,
                        struct dify__budget *budget, uint64_t seed)
{
    memset(outputs, 0, sizeof *outputs);
    outputs->allocator = allocator;
    outputs->budget = budget;
    outputs->index.seed = seed;
}

void dify__outputs_fini(struct dify__outputs *outputs)
{
    for (size_t i = 0; i < outputs->count; i++)
        dify__free(outputs->allocator, outputs->output[i].bytes);
    dify__free(outputs->allocator, outputs->output);
    dify__free(outputs->allocator, outputs->index.slot);
}

static struct dify_slice key_of(const struct dify__outputs *outputs, uint32_t number)
{
    const struct dify__output *output = &outputs->output[number];
    return (struct dify_slice){output->bytes, output->key_len};
}

static struct dify__output *find(const struct dify__outputs *outputs, struct dify_slice key)
{
    uint32_t hash = dify__text_index_hash(&outputs->index, key), number;
    size_t at = 0;
    while (dify__text_index_next(&outputs->index, hash, &at, &number))
        if (dify__slice_equals(key_of(outputs, number), key))
            return &outputs->output[number];
    return NULL;
}

struct dify_slice dify__outputs_get(const struct dify__outputs *outputs, struct dify_slice key)
{
    const struct dify__output *output = find(outputs, key);
    if (output == NULL)
        return (struct dify_slice){NULL, 0};
    return (struct dify_slice){output->bytes + output->key_len, output->value_len};
}

/* `key` and `value` in one block. */
static enum dify_err make_output(struct dify__outputs *outputs, struct dify_slice key,
                                 struct dify_slice value, struct dify__output *out)
{
    size_t size = key.len + value.len;
    enum dify_err err = dify__budget_take(outputs->budget, sizeof *out + size);
    if (err != DIFY_OK)
        return err;
    out->bytes = dify__malloc(outputs->allocator, size != 0 ? size : 1);
    if (out->bytes == NULL) {
        outputs->budget->used -= sizeof *out + size;
        return DIFY_ERR_NOMEM;
    }
    memcpy(out->bytes, key.ptr, key.len);
    memcpy(out->bytes + key.len, value.ptr, value.len);
    out->key_len = key.len;
    out->value_len = value.len;
    return DIFY_OK;
}

enum dify_err dify__outputs_set(struct dify__outputs *outputs, struct dify_slice key,
                                struct dify_slice value)
{
    struct dify__output made;
    struct dify__output *known = find(outputs, key);
    enum dify_err err = DIFY_OK;
    if (known != NULL) {
        struct dify__output old = *known;
        outputs->budget->used -= sizeof old + old.key_len + old.value_len;
        err = make_output(outputs, key, value, &made);
        if (err != DIFY_OK) {
            outputs->budget->used += sizeof old + old.key_len + old.value_len;
            return err;
        }
        dify__free(outputs->allocator, old.bytes);
        *known = made;
        return DIFY_OK;
    }
    err = dify__grow(outputs->allocator, (void **)&outputs->output, &outputs->capacity,
                     outputs->count + 1, sizeof made);
    if (err == DIFY_OK)
        err = dify__text_index_reserve(&outputs->index, outputs->allocator);
    if (err == DIFY_OK)
        err = make_output(outputs, key, value, &made);
    if (err != DIFY_OK)
        return err;
    outputs->output[outputs->count] = made;
    dify__text_index_add(&outputs->index, dify__text_index_hash(&outputs->index, key),
                         (uint32_t)outputs->count);
    outputs->count++;
    return DIFY_OK;
}
