/* SPDX-License-Identifier: Apache-2.0
 *
 * arena.h: memory that is given back all at once.
 *
 * What a scenario file is made into lies in one arena, so that a load that fails leaves nothing
 * behind and a catalogue ends with one call. Blocks come from the allocator that was passed in.
 */
#ifndef SIM_ARENA_H
#define SIM_ARENA_H

#include "core/memory.h"

struct sim_arena;

/* NULL if there is no memory. */
struct sim_arena *sim_arena_new(const struct dify_allocator *allocator);
void sim_arena_free(struct sim_arena *arena); /* NULL is legal */

/* `count` items of `size` bytes, zeroed and aligned for anything. NULL if there is no memory. Never
 * NULL for nothing. */
void *sim_arena_array(struct sim_arena *arena, size_t count, size_t size);

/* A copy with a NUL behind it, which is not counted. */
DIFY_MUST_CHECK enum dify_err sim_arena_copy(struct sim_arena *arena, struct dify_slice text,
                                             struct dify_slice *out);

/* Moves all memory of `take_other`, whose allocator must be the same, into `arena`. */
void sim_arena_join(struct sim_arena *arena, struct sim_arena *take_other);

#endif
