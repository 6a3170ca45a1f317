/* SPDX-License-Identifier: Apache-2.0
 *
 * outputs.h: the outputs of a run's nodes, merged by top-level key (docs/result.md, rule 3).
 */
#ifndef DIFY_CORE_OUTPUTS_H
#define DIFY_CORE_OUTPUTS_H

#include "core/json.h"
#include "core/texts.h"

struct dify__output {
    char *bytes; /* the key, decoded, then the value's JSON text */
    size_t key_len;
    size_t value_len;
};

struct dify__outputs {
    const struct dify_allocator *allocator;
    struct dify__budget *budget;
    struct dify__output *output;
    size_t count, capacity;
    struct dify__text_index index;
};

void dify__outputs_init(struct dify__outputs *outputs, const struct dify_allocator *allocator,
                        struct dify__budget *budget, uint64_t seed);
void dify__outputs_fini(struct dify__outputs *outputs);

/* Sets `key`: a new one at the end, a known one in its place. */
DIFY_MUST_CHECK enum dify_err dify__outputs_set(struct dify__outputs *outputs,
                                                struct dify_slice key, struct dify_slice value);

/* The value of `key`, or absent. */
struct dify_slice dify__outputs_get(const struct dify__outputs *outputs, struct dify_slice key);

#endif
