/* SPDX-License-Identifier: Apache-2.0
 *
 * health.c: whether the process lives, and whether it takes runs.
 */
#include "gateway/reply.h"
#include "gateway/routes.h"

void gw_serve_healthz(const struct gw_request *request)
{
    gw_reply_json(request->exchange, 200, DIFY_SLICE("{\"status\":\"ok\"}\n"));
}

void gw_serve_readyz(const struct gw_request *request)
{
    const struct gateway *gateway = request->gateway;
    if (gateway->is_draining)
        gw_reply_error(request->exchange, 503, "stopping", "the gateway is being stopped", NULL);
    else if (gateway->was_failing)
        gw_reply_error(request->exchange, 503, "store_unavailable",
                       "the store cannot be written at the moment", NULL);
    else
        gw_reply_json(request->exchange, 200, DIFY_SLICE("{\"status\":\"ready\"}\n"));
}
