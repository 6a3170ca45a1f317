/* SPDX-License-Identifier: Apache-2.0
 *
 * scenario.h: a scenario file's apps and runs.
 */
#ifndef SIM_SCENARIO_H
#define SIM_SCENARIO_H

#include "sim/loader.h"

/* What a load adds to a catalogue. */
struct sim_scenario {
    struct sim_app *apps;
    size_t app_count;
    struct dify_slice release;
};

DIFY_MUST_CHECK enum dify_err sim_scenario_read(const struct sim_loader *loader,
                                                struct dify_slice yaml,
                                                struct sim_scenario *scenario);

/* One app, named after the folder, that plays the recording in it. */
DIFY_MUST_CHECK enum dify_err sim_scenario_of_recording(const struct sim_loader *loader,
                                                        const char *folder,
                                                        struct sim_scenario *scenario);

#endif
