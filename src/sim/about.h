/* SPDX-License-Identifier: Apache-2.0
 *
 * about.h: what an app answers about itself: /parameters, /info, /meta, /site.
 */
#ifndef SIM_ABOUT_H
#define SIM_ABOUT_H

#include "sim/loader.h"

/* The values that an app's mapping has for its answers; NULL where it has none. */
struct sim_about {
    yaml_node_t *parameters, *info, *meta, *site;
    yaml_node_t *inputs; /* a form, where there are no parameters */
};

/* Fills in the app's answers: from files, folders of recorded answers, mappings, or made up in
 * Dify's shape. The app's name and mode must be set. */
DIFY_MUST_CHECK enum dify_err sim_about_load(struct conf_yaml *yaml, const struct sim_about *about,
                                             struct sim_app *app);

/* All made up. */
DIFY_MUST_CHECK enum dify_err sim_about_make(const struct sim_loader *loader, struct sim_app *app);

const char *sim_mode_name(enum sim_mode mode);

#endif
