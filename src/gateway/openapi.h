/* SPDX-License-Identifier: Apache-2.0
 *
 * openapi.h: GET /openapi.json, the description of this gateway's routes for programs (OpenAPI
 * 3.1): docs/openapi.json with the paths of the configuration in place of /api/detect, and the
 * version of the program.
 */
#ifndef GATEWAY_OPENAPI_H
#define GATEWAY_OPENAPI_H

#include "gateway/routes.h"

/* docs/openapi.json, embedded. */
extern const unsigned char gw_openapi_bytes[];
extern const size_t gw_openapi_len;

/* Appends the document of a configuration; false for want of memory. */
DIFY_MUST_CHECK bool gw_openapi_write(const struct gw_config *config, struct dify__buffer *out);

/* Makes the document once, at the start; false for want of memory. */
DIFY_MUST_CHECK bool gw_openapi_open(struct gateway *gateway);
void gw_openapi_close(struct gateway *gateway);

#endif
