/* SPDX-License-Identifier: Apache-2.0
 *
 * texts.h: the small texts of a run's nodes, each kept once, under one budget.
 *
 * A graph of twenty nodes may run ten thousand times over: ids differ, names, types and states
 * repeat. Texts are referred to by number, so that a node's record is small.
 */
#ifndef DIFY_CORE_TEXTS_H
#define DIFY_CORE_TEXTS_H

#include "core/memory.h"

#include <stdint.h>

/* What a run may keep in all (DIFY_RUN_KEPT_BYTES). */
struct dify__budget {
    size_t used;
    size_t max;
};

/* Takes `size` bytes from the budget; DIFY_ERR_TOO_LARGE if it has not so many. */
DIFY_MUST_CHECK enum dify_err dify__budget_take(struct dify__budget *budget, size_t size);

/* A map from hashes to numbers, the comparison being left to the caller: open addressing, at most
 * half full. Numbers are below UINT32_MAX. Zero-initialised it is empty. */
struct dify__slot {
    uint32_t number; /* 1 + the number; 0: empty */
    uint32_t hash;
};

struct dify__text_index {
    struct dify__slot *slot;
    size_t capacity; /* a power of two */
    size_t count;
    uint64_t seed;
};

/* The hash by which `text` stands in the index. */
uint32_t dify__text_index_hash(const struct dify__text_index *index, struct dify_slice text);

/* Room for one more. */
DIFY_MUST_CHECK enum dify_err dify__text_index_reserve(struct dify__text_index *index,
                                                       const struct dify_allocator *allocator);

/* Adds a number; there must be room. */
void dify__text_index_add(struct dify__text_index *index, uint32_t hash, uint32_t number);

/* The numbers with `hash`, one at each call. `*at` is 0 at first; false where there are no more. */
bool dify__text_index_next(const struct dify__text_index *index, uint32_t hash, size_t *at,
                           uint32_t *number);

/* A text that is kept; 0 is none. */
typedef uint32_t dify__text;

struct dify__texts {
    const struct dify_allocator *allocator;
    struct dify__budget *budget;
    struct dify__buffer bytes;      /* each text with its length in front */
    struct dify__text_index shared; /* texts that are kept once, by their position */
};

void dify__texts_init(struct dify__texts *texts, const struct dify_allocator *allocator,
                      struct dify__budget *budget, uint64_t seed);
void dify__texts_fini(struct dify__texts *texts);

/* Keeps a text of its own. Absent gives 0. */
DIFY_MUST_CHECK enum dify_err dify__texts_keep(struct dify__texts *texts, struct dify_slice text,
                                               dify__text *out);

/* The same for a text that is likely to come again: equal texts give equal numbers. */
DIFY_MUST_CHECK enum dify_err dify__texts_share(struct dify__texts *texts, struct dify_slice text,
                                                dify__text *out);

/* Dies when another text is kept. */
struct dify_slice dify__texts_get(const struct dify__texts *texts, dify__text text);

#endif
