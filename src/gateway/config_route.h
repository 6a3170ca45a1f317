/* SPDX-License-Identifier: Apache-2.0
 *
 * config_route.h: the paths of an app, while a configuration is read.
 */
#ifndef GATEWAY_CONFIG_ROUTE_H
#define GATEWAY_CONFIG_ROUTE_H

#include "gateway/config_read.h"

/* The member `routes` of an app. */
void gw_read_routes(struct gw_reader *reader, yaml_node_t *node, struct gw_app_config *app);

/* When all apps are read: tells of paths that two have; where no app has one, the default app gets
 * /api/detect unless it says that it has none. */
void gw_check_routes(struct gw_reader *reader);

/* Whether a client could ask for the path, which begins with '/', by this very text; what to say if
 * not. */
bool gw_is_plain_path(struct dify_slice path);
#define GW_NO_PLAIN_PATH                                                                           \
    "the route %.*s is no plain path: letters, digits and /-._~ without empty parts"

#endif
