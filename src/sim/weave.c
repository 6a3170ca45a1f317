/* SPDX-License-Identifier: Apache-2.0
 *
 * weave.c: literals are gathered in one buffer, so that neighbours grow together.
 */
#include "sim/weave.h"

#include "core/slices.h"
#include "sim/catalogue.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

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

/* ---- placeholders -------------------------------------------------------------------------- */

/* Adds the hole of a placeholder's inner text; false if it is none of ours. */
static bool add_placeholder(struct sim_weave *weave, struct dify_slice inner)
{
    static const char inputs[] = "inputs.";
    const size_t len = sizeof inputs - 1;
    if (dify__slice_is(inner, "query"))
        sim_weave_input(weave, DIFY_SLICE("sys.query"));
    else if (dify__slice_is(inner, "user"))
        sim_weave_hole(weave, SIM_HOLE_USER, 0);
    else if (inner.len > len && memcmp(inner.ptr, inputs, len) == 0 &&
             memchr(inner.ptr, '\\', inner.len) == NULL)
        sim_weave_input(weave, (struct dify_slice){inner.ptr + len, inner.len - len});
    else
        return false;
    return true;
}

static const char *find_pair(const char *at, const char *end, char c)
{
    for (; end - at >= 2; at++) {
        at = memchr(at, c, (size_t)(end - at) - 1);
        if (at == NULL || at[1] == c)
            return at;
    }
    return NULL;
}

void sim_weave_placeholders(struct sim_weave *weave, struct dify_slice json)
{
    const char *literal = json.ptr, *end = json.ptr + json.len;
    const char *open = find_pair(json.ptr, end, '{');
    while (open != NULL) {
        const char *close = find_pair(open + 2, end, '}');
        if (close == NULL)
            break;
        sim_weave_text(weave, (struct dify_slice){literal, (size_t)(open - literal)});
        if (add_placeholder(weave, (struct dify_slice){open + 2, (size_t)(close - open) - 2})) {
            literal = close + 2;
            open = find_pair(literal, end, '{');
        } else {
            literal = open;
            open = find_pair(open + 1, end, '{');
        }
    }
    sim_weave_text(weave, (struct dify_slice){literal, (size_t)(end - literal)});
}
