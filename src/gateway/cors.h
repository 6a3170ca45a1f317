/* SPDX-License-Identifier: Apache-2.0
 *
 * cors.h: what browsers let pages of other origins do here (the Fetch standard's CORS protocol):
 * as the configuration says, without credentials mode. Without it nothing is said of it.
 */
#ifndef GATEWAY_CORS_H
#define GATEWAY_CORS_H

#include "gateway/routes.h"

/* False for want of memory. */
DIFY_MUST_CHECK bool gw_cors_open(struct gateway *gateway);
void gw_cors_close(struct gateway *gateway);

/* All answers to the request will say what the page that asks may see. True: it was a preflight,
 * and is answered. */
bool gw_cors_enter(const struct gw_request *request);

/* Whether a request that changes something comes from a page of another site, that the
 * configuration does not let in. A browser sends it without asking first where it looks like a
 * form, and so the page needs no answer to start a run. False of whatever is no browser. */
bool gw_cors_is_foreign(const struct gw_request *request);

/* Where the configuration says what pages may see, others do not: what the fields of an answer that
 * is passed on say of it is left out. The number of those that are left. */
size_t gw_cors_strip(const struct gateway *gateway, struct http_field *fields, size_t count);

#endif
