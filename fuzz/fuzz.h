/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz.h: what the fuzz targets share.
 *
 * A target's oracle is meaning, not survival: it holds what the library says against a slow plain
 * reference, or against what the library says of the same bytes cut otherwise. The whole input is
 * the text under test; what else a target needs (cuts, ceilings) is drawn from the input's first
 * bytes and its length, so that any recorded stream is a seed as it is.
 */
#ifndef DIFY_FUZZ_H
#define DIFY_FUZZ_H

#include "difystream/slice.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

/* A promise that must hold; else says which and aborts, as libFuzzer wants it. */
#define FUZZ_REQUIRE(condition, what)                                                              \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: %s\n  not true: %s\n", __FILE__, __LINE__, what, #condition);  \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

/* A growing text. Its memory is freed by fuzz_text_fini(). */
struct fuzz_text {
    char *ptr;
    size_t len, room;
};

static inline void fuzz_text_add(struct fuzz_text *text, const void *bytes, size_t len)
{
    if (text->room - text->len < len + 1) {
        text->room = (text->len + len + 64) * 2;
        text->ptr = realloc(text->ptr, text->room);
        FUZZ_REQUIRE(text->ptr != NULL, "the fuzz target itself has no memory");
    }
    if (len != 0)
        memcpy(text->ptr + text->len, bytes, len);
    text->len += len;
    text->ptr[text->len] = '\0';
}

/* A slice with its length in front and a mark whether it is absent. */
static inline void fuzz_text_add_slice(struct fuzz_text *text, struct dify_slice slice)
{
    uint64_t len = slice.ptr != NULL ? slice.len : UINT64_MAX;
    fuzz_text_add(text, &len, sizeof len);
    if (slice.ptr != NULL)
        fuzz_text_add(text, slice.ptr, slice.len);
}

static inline bool fuzz_text_same(const struct fuzz_text *a, const struct fuzz_text *b)
{
    return a->len == b->len && (a->len == 0 || memcmp(a->ptr, b->ptr, a->len) == 0);
}

static inline void fuzz_text_fini(struct fuzz_text *text)
{
    free(text->ptr);
    *text = (struct fuzz_text){NULL, 0, 0};
}

/* What is drawn from an input (splitmix64, begun with FNV-1a of its first bytes and length). */
struct fuzz_draw {
    uint64_t state;
};

static inline struct fuzz_draw fuzz_draw_init(const uint8_t *bytes, size_t len)
{
    struct fuzz_draw draw = {UINT64_C(14695981039346656037) ^ len};
    for (size_t i = 0; i < len && i < 16; i++)
        draw.state = (draw.state ^ bytes[i]) * UINT64_C(1099511628211);
    return draw;
}

/* A number below `end`, which is not 0. */
static inline size_t fuzz_draw_below(struct fuzz_draw *draw, size_t end)
{
    uint64_t value = draw->state += UINT64_C(0x9E3779B97F4A7C15);
    value = (value ^ value >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    value = (value ^ value >> 27) * UINT64_C(0x94D049BB133111EB);
    return (size_t)((value ^ value >> 31) % end);
}

/* How an input is cut into pieces. */
enum fuzz_cut { FUZZ_WHOLE, FUZZ_BYTES, FUZZ_SMALL, FUZZ_LARGE, FUZZ_CUTS };

/* The length of the next piece of `left` bytes. */
static inline size_t fuzz_cut_next(enum fuzz_cut cut, struct fuzz_draw *draw, size_t left)
{
    size_t len = left;
    if (cut == FUZZ_BYTES)
        len = 1;
    else if (cut == FUZZ_SMALL)
        len = 1 + fuzz_draw_below(draw, 9);
    else if (cut == FUZZ_LARGE)
        len = 1 + fuzz_draw_below(draw, left < 64 ? 64 : left / 4);
    return len < left ? len : left;
}

/* A copy of a piece in a block of exactly its length, so that a checker sees a read past it. */
static inline char *fuzz_piece(const uint8_t *bytes, size_t len)
{
    char *piece = malloc(len != 0 ? len : 1);
    FUZZ_REQUIRE(piece != NULL, "the fuzz target itself has no memory");
    if (len != 0)
        memcpy(piece, bytes, len);
    return piece;
}

#endif
