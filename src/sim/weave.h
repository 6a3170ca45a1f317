/* SPDX-License-Identifier: Apache-2.0
 *
 * weave.h: making a template, piece by piece.
 *
 *     struct sim_weave weave;
 *     sim_weave_init(&weave, allocator);
 *     sim_weave_chars(&weave, "{\"id\":\"");
 *     sim_weave_hole(&weave, SIM_HOLE_RUN, 0);
 *     sim_weave_chars(&weave, "\"}");
 *     err = sim_weave_finish(&weave, arena, &text);
 *     sim_weave_fini(&weave);
 *
 * A weave whose memory failed, or whose text grew past SIM_FILE_BYTES, stays failed until
 * sim_weave_finish() tells.
 */
#ifndef SIM_WEAVE_H
#define SIM_WEAVE_H

#include "sim/arena.h"
#include "sim/template.h"

struct sim_weave {
    const struct dify_allocator *allocator;
    enum dify_err err;
    struct dify__buffer text; /* all literals and names, one behind the other */
    struct sim_weave_piece *pieces;
    size_t count, capacity;
};

void sim_weave_init(struct sim_weave *weave, const struct dify_allocator *allocator);
void sim_weave_fini(struct sim_weave *weave);

void sim_weave_text(struct sim_weave *weave, struct dify_slice text);
void sim_weave_chars(struct sim_weave *weave, const char *chars);
void sim_weave_int(struct sim_weave *weave, int64_t number);

void sim_weave_hole(struct sim_weave *weave, enum sim_hole hole, int64_t number);
void sim_weave_input(struct sim_weave *weave, struct dify_slice name);

/* JSON in which `{{inputs.NAME}}`, `{{query}}` and `{{user}}` become holes. */
void sim_weave_placeholders(struct sim_weave *weave, struct dify_slice json);

/* Lays the template into the arena, and empties the weave. NOMEM, TOO_LARGE. */
DIFY_MUST_CHECK enum dify_err sim_weave_finish(struct sim_weave *weave, struct sim_arena *arena,
                                               struct sim_template *out);

#endif
