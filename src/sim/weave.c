/* SPDX-License-Identifier: Apache-2.0
 *
 * weave.c: literals are gathered in one buffer, so that neighbours grow together.
 */
#include "sim/weave.h"

#include "core/slices.h"
#include "sim/catalogue.h"

#include <inttypes.h>
#include <stdio.h>

/* A hole, the literal before it, and the name behind that. */
struct sim_weave_piece {
    size_t literal_len, name_len;
    enum sim_hole hole;
    int64_t number;
};

void sim_weave_init(struct sim_weave *weave, const struct dify_allocator *allocator)
{
    *weave = (struct sim_weave){.allocator = allocator,
                                .text = {.allocator = allocator, .max = SIM_FILE_BYTES}};
}

void sim_weave_fini(struct sim_weave *weave)
{
    dify__buffer_fini(&weave->text);
    dify__free(weave->allocator, weave->pieces);
    weave->pieces = NULL;
    weave->count = weave->capacity = 0;
}

/* The piece being made is the one behind the last hole. */
static struct sim_weave_piece *piece_at_hand(struct sim_weave *weave)
{
    if (weave->err == DIFY_OK)
        weave->err = dify__grow(weave->allocator, (void **)&weave->pieces, &weave->capacity,
                                weave->count + 1, sizeof *weave->pieces);
    return weave->err == DIFY_OK ? &weave->pieces[weave->count] : NULL;
}

void sim_weave_text(struct sim_weave *weave, struct dify_slice text)
{
    struct sim_weave_piece *piece = piece_at_hand(weave);
    if (piece == NULL)
        return;
    weave->err = dify__buffer_append(&weave->text, text.ptr, text.len);
    if (weave->err == DIFY_OK)
        piece->literal_len += text.len;
}

void sim_weave_chars(struct sim_weave *weave, const char *chars)
{
    sim_weave_text(weave, dify__slice(chars));
}

void sim_weave_int(struct sim_weave *weave, int64_t number)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRId64, number);
    sim_weave_chars(weave, text);
}

void sim_weave_hole(struct sim_weave *weave, enum sim_hole hole, int64_t number)
{
    struct sim_weave_piece *piece = piece_at_hand(weave);
    if (piece == NULL)
        return;
    piece->hole = hole;
    piece->number = number;
    weave->count++;
}

void sim_weave_input(struct sim_weave *weave, struct dify_slice name)
{
    struct sim_weave_piece *piece = piece_at_hand(weave);
    if (piece == NULL)
        return;
    weave->err = dify__buffer_append(&weave->text, name.ptr, name.len);
    if (weave->err != DIFY_OK)
        return;
    piece->name_len = name.len;
    sim_weave_hole(weave, SIM_HOLE_INPUT, 0);
}

static enum dify_err lay(struct sim_weave *weave, struct sim_arena *arena, struct sim_template *out)
{
    struct dify_slice text;
    if (piece_at_hand(weave) == NULL)
        return weave->err;
    enum dify_err err = sim_arena_copy(arena, dify__buffer_slice(&weave->text), &text);
    if (err != DIFY_OK)
        return err;
    struct sim_piece *pieces = sim_arena_array(arena, weave->count + 1, sizeof *pieces);
    if (pieces == NULL)
        return DIFY_ERR_NOMEM;
    const char *at = text.ptr;
    for (size_t i = 0; i <= weave->count; i++) {
        const struct sim_weave_piece *from = &weave->pieces[i];
        pieces[i].literal = (struct dify_slice){at, from->literal_len};
        at += from->literal_len;
        pieces[i].hole = from->hole;
        pieces[i].number = from->number;
        pieces[i].name = (struct dify_slice){at, from->name_len};
        at += from->name_len;
    }
    *out = (struct sim_template){pieces, weave->count + 1};
    return DIFY_OK;
}

enum dify_err sim_weave_finish(struct sim_weave *weave, struct sim_arena *arena,
                               struct sim_template *out)
{
    enum dify_err err = lay(weave, arena, out);
    for (size_t i = 0; i < weave->capacity && i <= weave->count; i++)
        weave->pieces[i] = (struct sim_weave_piece){0, 0, SIM_HOLE_NONE, 0};
    weave->count = 0;
    weave->err = DIFY_OK;
    dify__buffer_clear(&weave->text, (size_t)1 << 20);
    return err;
}
