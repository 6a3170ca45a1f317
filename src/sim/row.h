/* SPDX-License-Identifier: Apache-2.0
 *
 * row.h: what the server stores of a run: its row, its nodes, its answer. Part of run.c's writing
 * of a run, and the only other file that does.
 */
#ifndef SIM_ROW_H
#define SIM_ROW_H

#include "sim/run.h"

/* Makes the inputs with what Dify adds to them (sys.*). NOMEM. */
DIFY_MUST_CHECK enum dify_err sim_row_inputs(struct sim_run *run, const struct sim_order *order);

/* Takes note of an event that is played. NOMEM. */
DIFY_MUST_CHECK enum dify_err sim_row_event(struct sim_run *run, yyjson_val *event);

/* The event went whole to a client that was there. */
void sim_row_seen(struct sim_run *run);

/* The row gets the end that no event told. */
void sim_row_stored(struct sim_run *run, const struct sim_template *data);

/* Two mechanisms race to stop a run: the relay of its stream, which leaves the row `running` for
 * ever, and the engine at its next node. */
enum sim_stopper { SIM_STOPPED_BY_RELAY, SIM_STOPPED_BY_ENGINE };

/* The last event of a run that was stopped, appended to `json`: of a workflow `workflow_finished`,
 * of a chat `message_end`. NOMEM. */
DIFY_MUST_CHECK enum dify_err sim_row_stopped(const struct sim_run *run, enum sim_stopper stopper,
                                              struct sim_text *json);

/* Sets the run's alarm for the time at which its form expires. */
void sim_row_expect(struct sim_run *run);

#endif
