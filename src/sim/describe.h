/* SPDX-License-Identifier: Apache-2.0
 *
 * describe.h: a described run as a script: the events that Dify 1.14.2 would send.
 */
#ifndef SIM_DESCRIBE_H
#define SIM_DESCRIBE_H

#include "sim/cutter.h"
#include "sim/loader.h"

/* The members of a run that describe it; NULL where it has none. */
struct sim_description {
    const yaml_node_t *run; /* for messages */
    yaml_node_t *nodes, *outputs, *status, *error, *answer, *currency;
    bool is_resumption; /* goes on after a form */
};

/* Makes the script's steps and end. New ids get their numbers from `cutter`. */
DIFY_MUST_CHECK enum dify_err sim_describe(struct conf_yaml *yaml,
                                           const struct sim_description *description,
                                           struct sim_cutter *cutter, const struct sim_app *app,
                                           struct sim_script *script);

#endif
