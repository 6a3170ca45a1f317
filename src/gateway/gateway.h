/* SPDX-License-Identifier: Apache-2.0
 *
 * gateway.h: the gateway as a whole: difystream serve.
 */
#ifndef GATEWAY_GATEWAY_H
#define GATEWAY_GATEWAY_H

#include "gateway/config.h"

/* Serves until SIGTERM or SIGINT, then drains (a second signal ends it at once). `speed` makes
 * the clocks towards Dify faster, as dify_client_options.speed, and the newlines and comments that
 * keep clients' connections alive come as much sooner. What goes wrong is said on standard error.
 * Returns an exit status: 0, or 1 if it could not begin. */
int gw_serve(const struct gw_config *config, double speed);

#endif
