/* SPDX-License-Identifier: Apache-2.0
 *
 * sse.h: one server-sent event as text, for many at once in one write.
 */
#ifndef GATEWAY_SSE_H
#define GATEWAY_SSE_H

#include "core/memory.h"

/* Appends an event; `id` and `event` may be NULL. A line of `data` gets its own "data:". */
DIFY_MUST_CHECK enum dify_err gw_sse_put(struct dify__buffer *out, const char *id,
                                         const char *event, struct dify_slice data);

#endif
