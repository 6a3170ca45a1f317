/* SPDX-License-Identifier: Apache-2.0
 *
 * snapshot.h: the frames that the events endpoint makes of what is stored of a run.
 */
#ifndef SIM_SNAPSHOT_H
#define SIM_SNAPSHOT_H

#include "sim/stream.h"

/* The frames of a snapshot as of event `as_of` of the run; `task` is the task id they carry. */
void sim_snapshot(const struct sim_run *run, uint64_t as_of, const char *task,
                  struct sim_text *frames);

/* The one frame of a run that is over, spaced as Dify replays it. */
void sim_snapshot_finished(const struct sim_run *run, struct sim_text *frame);

/* The frames that releases from 1.15 invent where a stream ends without its end. `error` is what
 * they say; with `is_whole` the start is invented, too. */
void sim_snapshot_invented(const struct sim_run *run, struct dify_slice error, bool is_whole,
                           struct sim_text *frames);

/* The row's status: "running", or that of its end or pause. */
struct dify_slice sim_run_status(const struct sim_run *run, yyjson_val *finished);

#endif
