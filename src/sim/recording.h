/* SPDX-License-Identifier: Apache-2.0
 *
 * recording.h: a recorded answer as a script.
 *
 * A recording is a folder that holds request.json, response.body and chunks.tsv, as in
 * tests/recordings.
 */
#ifndef SIM_RECORDING_H
#define SIM_RECORDING_H

#include "sim/cutter.h"
#include "sim/loader.h"

/* What part of a recording is played. */
enum sim_part {
    SIM_PART_RUN,  /* all of it */
    SIM_PART_AFTER /* what came after a form: a snapshot before it is left out */
};

/* What a recording says beside its steps. */
struct sim_recorded {
    struct dify_slice inputs, query; /* of the request, as JSON and as text; absent: none */
    enum sim_mode mode;
};

/* Reads the recording `folder` (NUL-terminated) into `script`, all but what it is played for and
 * what follows. An app that has no ids yet takes the recorded ones; else these are replaced by the
 * app's. `line` is where the scenario names the folder. */
DIFY_MUST_CHECK enum dify_err sim_recording_load(const struct sim_loader *loader,
                                                 const char *folder, size_t line,
                                                 enum sim_part part, struct sim_cutter *cutter,
                                                 struct sim_app *app, struct sim_script *script,
                                                 struct sim_recorded *recorded);

#endif
