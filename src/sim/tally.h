/* SPDX-License-Identifier: Apache-2.0
 *
 * tally.h: how often runs were asked for and started: by their inputs, and by their user. Told by
 * GET /sim/stats and /sim/runs.
 */
#ifndef SIM_TALLY_H
#define SIM_TALLY_H

#include "core/index.h"
#include "sim/text.h"

/* Ceilings of what is told apart; past them, or without memory, only the totals count. */
#define SIM_TALLIES 100000
#define SIM_TALLY_BYTES ((size_t)64 << 20)

struct sim_app;

struct sim_tally {
    struct sim_tally *next;
    const struct sim_app *app; /* NULL: of a user, whatever the app */
    struct sim_text key;       /* the app's name, LF, the inputs; or the user */
    struct dify_slice what;    /* the inputs or the user, in the key */
    uint64_t posts, started;
};

struct sim_tallies {
    const struct dify_allocator *allocator;
    struct sim_tally *first; /* the latest */
    size_t count, bytes;
    struct dify__index by_key;
};

void sim_tallies_init(struct sim_tallies *tallies, const struct dify_allocator *allocator);
void sim_tallies_fini(struct sim_tallies *tallies);

/* The count of an app's inputs, or of a user (`app` NULL), made if there is none; NULL at the
 * ceilings and without memory. */
struct sim_tally *sim_tally_of(struct sim_tallies *tallies, const struct sim_app *app,
                               struct dify_slice what);

/* The same, not made. */
const struct sim_tally *sim_tally_find(const struct sim_tallies *tallies, struct dify_slice user);

#endif
