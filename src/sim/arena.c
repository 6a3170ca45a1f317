/* SPDX-License-Identifier: Apache-2.0
 *
 * arena.c: a list of blocks; the newest one is filled from its front.
 */
#include "sim/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <string.h>

#define BLOCK_BYTES ((size_t)64 << 10)

struct block {
    struct block *next;
    alignas(max_align_t) char bytes[];
};

struct sim_arena {
    const struct dify_allocator *allocator;
    struct block *blocks;
    char *at;    /* in the block that is being filled */
    size_t left; /* bytes from `at` on */
};

struct sim_arena *sim_arena_new(const struct dify_allocator *allocator)
{
    struct sim_arena *arena = dify__calloc(allocator, sizeof *arena);
    if (arena != NULL)
        arena->allocator = allocator;
    return arena;
}

void sim_arena_free(struct sim_arena *arena)
{
    if (arena == NULL)
        return;
    while (arena->blocks != NULL) {
        struct block *block = arena->blocks;
        arena->blocks = block->next;
        dify__free(arena->allocator, block);
    }
    dify__free(arena->allocator, arena);
}

/* A block of its own for what is large keeps the one at hand in use. */
static char *new_block(struct sim_arena *arena, size_t size)
{
    if (size > SIZE_MAX - sizeof(struct block))
        return NULL;
    struct block *block = dify__malloc(arena->allocator, sizeof *block + size);
    if (block == NULL)
        return NULL;
    block->next = arena->blocks;
    arena->blocks = block;
    return block->bytes;
}

static char *take(struct sim_arena *arena, size_t size)
{
    const size_t unit = alignof(max_align_t);
    if (size > SIZE_MAX - unit)
        return NULL;
    size = (size + unit - 1) / unit * unit;
    if (size > BLOCK_BYTES / 4 && size > arena->left)
        return new_block(arena, size);
    if (size > arena->left) {
        char *bytes = new_block(arena, BLOCK_BYTES);
        if (bytes == NULL)
            return NULL;
        arena->at = bytes;
        arena->left = BLOCK_BYTES;
    }
    char *taken = arena->at;
    arena->at += size;
    arena->left -= size;
    return taken;
}

void *sim_arena_array(struct sim_arena *arena, size_t count, size_t size)
{
    if (size != 0 && count > SIZE_MAX / size)
        return NULL;
    size_t bytes = count * size;
    char *taken = take(arena, bytes != 0 ? bytes : 1);
    if (taken != NULL)
        memset(taken, 0, bytes);
    return taken;
}

enum dify_err sim_arena_copy(struct sim_arena *arena, struct dify_slice text,
                             struct dify_slice *out)
{
    char *copy = text.len < SIZE_MAX ? take(arena, text.len + 1) : NULL;
    if (copy == NULL)
        return DIFY_ERR_NOMEM;
    if (text.len != 0)
        memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    *out = (struct dify_slice){copy, text.len};
    return DIFY_OK;
}

void sim_arena_join(struct sim_arena *arena, struct sim_arena *take_other)
{
    struct block **end = &arena->blocks;
    while (*end != NULL)
        end = &(*end)->next;
    *end = take_other->blocks;
    take_other->blocks = NULL;
    if (take_other->left > arena->left) {
        arena->at = take_other->at;
        arena->left = take_other->left;
    }
    sim_arena_free(take_other);
}
