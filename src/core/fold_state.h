/* SPDX-License-Identifier: Apache-2.0
 *
 * fold_state.h: what fold.c and fold_nodes.c share: setting members of the run.
 *
 * Errors are sticky in `run->failed` (dify__run_note): after one, what is left of the event does no
 * harm, and nothing of it is ever shown as a success.
 */
#ifndef DIFY_CORE_FOLD_STATE_H
#define DIFY_CORE_FOLD_STATE_H

#include "core/run_state.h"

/* Sets `*target` where something came. */
static inline void dify__replace(struct dify_run *run, dify__text *target, struct dify_slice text)
{
    if (text.ptr != NULL)
        dify__run_note(run, dify__texts_share(&run->texts, text, target));
}

/* Sets `*target` where nothing was known and something came. */
static inline void dify__fill(struct dify_run *run, dify__text *target, struct dify_slice text)
{
    if (*target == 0)
        dify__replace(run, target, text);
}

/* Of a member that is a number only: a string that looks like one is of the wrong type (rule 11).
 */
static inline struct dify_slice dify__only_number(struct dify_number number)
{
    return number.from_string ? (struct dify_slice){NULL, 0} : number.text;
}

/* Rule 7, a price or a time; `is_known` is false where it is none. Too many digits are
 * warned of. */
struct dify__figure dify__read_decimal(struct dify_run *run, struct dify_number number);

/* The run's status, and how the result shows it; an absent one says nothing. */
void dify__fold_status(struct dify_run *run, struct dify_slice status);

/* Rule 3: merges the outputs of the event at hand. */
void dify__merge_outputs(struct dify_run *run);

/* fold_nodes.c: folds an event about a node or a container; others change nothing. */
void dify__fold_node(struct dify_run *run, const struct dify_event *event);

#endif
