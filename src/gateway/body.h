/* SPDX-License-Identifier: Apache-2.0
 *
 * body.h: requests whose body is a small JSON object.
 */
#ifndef GATEWAY_BODY_H
#define GATEWAY_BODY_H

#include "core/json.h"
#include "gateway/routes.h"

/* The object, read; it dies when this returns. `request` is as it was. */
typedef void gw_body_fn(const struct gw_request *request, const struct dify__json *body);

/* Reads the body, at most `most` bytes, and calls `whole`; or answers with 400, 413 or 415. */
void gw_body_read(const struct gw_request *request, size_t most, gw_body_fn *whole);

#endif
