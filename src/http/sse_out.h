/* SPDX-License-Identifier: Apache-2.0
 *
 * sse_out.h: writing server-sent events (WHATWG HTML §9.2) to an exchange.
 */
#ifndef HTTP_SSE_OUT_H
#define HTTP_SSE_OUT_H

#include "http/server.h"

/* Begins an answer 200 text/event-stream; charset=utf-8 with Cache-Control: no-cache, no-transform
 * and X-Accel-Buffering: no, and `fields`. */
void http_sse_begin(struct http_exchange *exchange, const struct http_field *fields,
                    size_t field_count);

/* One event as one chunk. `id` and `event` may be absent and must hold no line end (then they are
 * left out); `data` may have lines, each of which gets its own "data:". False as
 * http_respond_write(). */
DIFY_MUST_CHECK bool http_sse_event(struct http_exchange *exchange, struct dify_slice id,
                                    struct dify_slice event, struct dify_slice data);

/* A comment line, to keep the connection alive. */
DIFY_MUST_CHECK bool http_sse_comment(struct http_exchange *exchange, struct dify_slice text);

/* "retry:" in milliseconds. */
DIFY_MUST_CHECK bool http_sse_retry(struct http_exchange *exchange, unsigned ms);

#endif
