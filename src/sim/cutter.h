/* SPDX-License-Identifier: Apache-2.0
 *
 * cutter.h: cutting holes into the recorded events of one script.
 *
 * It looks at bytes, not at values: whatever is no hole stays as it was, and filling the holes with
 * the recorded values gives the recorded text again. One cutter serves a script and what follows
 * after its form, so that an id has the same number in both.
 */
#ifndef SIM_CUTTER_H
#define SIM_CUTTER_H

#include "sim/weave.h"

/* What an id becomes. */
struct sim_cut_id {
    char text[36];
    enum sim_hole hole; /* SIM_HOLE_NONE: the text `instead` */
    int64_t number;
    char instead[36]; /* for SIM_HOLE_NONE */
};

struct sim_cutter {
    const struct dify_allocator *allocator;
    struct sim_cut_id *ids; /* in the order in which they came */
    size_t count, capacity;
    size_t *table; /* open addressing: index + 1 into `ids`, 0: free */
    size_t table_size;
    int64_t uuids, files;          /* how many have a number */
    int64_t start;                 /* Unix seconds of the run's start; 0: not known */
    struct dify_slice user, token; /* as they stand inside strings; absent: none */
};

void sim_cutter_init(struct sim_cutter *cutter, const struct dify_allocator *allocator);
void sim_cutter_fini(struct sim_cutter *cutter);

/* Says what becomes of an id; the first word counts, and files are numbered as they come. A text
 * that is no UUID is passed over. */
DIFY_MUST_CHECK enum dify_err sim_cutter_know(struct sim_cutter *cutter, struct dify_slice id,
                                              enum sim_hole hole);

/* The same for an id that is written as `instead`, a UUID too: the app's own ids. */
DIFY_MUST_CHECK enum dify_err sim_cutter_replace(struct sim_cutter *cutter, struct dify_slice id,
                                                 struct dify_slice instead);

/* Adds `text` to the weave. `inputs` is the part of it that holds the run's inputs, or absent. */
DIFY_MUST_CHECK enum dify_err sim_cutter_cut(struct sim_cutter *cutter, struct dify_slice text,
                                             struct dify_slice inputs, struct sim_weave *weave);

#endif
