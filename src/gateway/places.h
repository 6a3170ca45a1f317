/* SPDX-License-Identifier: Apache-2.0
 *
 * places.h: how many runs of an app may be at what at once: the only writer of these counts.
 *
 * A run that is begun waits; it may need its turn to upload files, and needs a place to be sent.
 */
#ifndef GATEWAY_PLACES_H
#define GATEWAY_PLACES_H

#include "gateway/run.h"

/* Whether the app takes one more run: it has a place for it, or one in its queue; whether it has
 * more already. */
bool gw_places_are_free(const struct gw_app *app);
bool gw_places_are_over(const struct gw_app *app);

/* What is said where it takes none. */
#define GW_PLACES_FULL                                                                             \
    "the app runs as many workflows as it may, and as many wait as may; nothing was sent"

/* Why no run is taken at the moment, of whatever app, and the code of that answer, which is 503.
 * NULL: one is. */
const char *gw_places_closed(const struct gateway *gateway, const char **code);

/* The run waits from now on. */
void gw_places_begin(struct gw_run *run);

/* True: it is the run's turn to upload. False: gw__run_turn() is called when it is. */
bool gw_places_turn(struct gw_run *run);
void gw_places_give_turn_back(struct gw_run *run);

/* True: the run has a place. False: gw__run_place() is called when it has. `forced`: it gets one
 * though there is none, since it is at Dify already. */
bool gw_places_take(struct gw_run *run, bool forced);

/* The run needs nothing any more. */
void gw_places_leave(struct gw_run *run);

#endif
