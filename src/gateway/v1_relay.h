/* SPDX-License-Identifier: Apache-2.0
 *
 * v1_relay.h: requests below /v1 that are Dify's to answer.
 */
#ifndef GATEWAY_V1_RELAY_H
#define GATEWAY_V1_RELAY_H

#include "gateway/state.h"

/* Relays the exchange, whose path begins with "/v1/", to the app's Dify as it came, its body as it
 * comes. What cannot be relayed is answered in Dify's form. */
void gw_serve_relay(struct gateway *gateway, struct http_exchange *exchange, struct gw_app *app);

/* The same with a body that was read already, whole; it is copied. */
void gw_serve_relay_read(struct gateway *gateway, struct http_exchange *exchange,
                         struct gw_app *app, struct dify_slice body);

#endif
