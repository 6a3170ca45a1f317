/* SPDX-License-Identifier: Apache-2.0
 *
 * reply.h: answers that are no run's result: JSON, and errors, which have one form:
 * {"error","detail","code","message","run_id"}. `error` (and `detail`, the same) is a fixed text
 * for people; `code` is for programs, `message` exact, English, without inner addresses, keys or
 * paths.
 */
#ifndef GATEWAY_REPLY_H
#define GATEWAY_REPLY_H

#include "core/memory.h"
#include "http/server.h"

/* Of all JSON that is the gateway's own: no browser takes it for a script or a page. */
#define GW_NOSNIFF                                                                                 \
    ((struct http_field){DIFY_SLICE("X-Content-Type-Options"), DIFY_SLICE("nosniff")})

/* `run_id` may be NULL. */
void gw_reply_error(struct http_exchange *exchange, int status, const char *code,
                    const char *message, const char *run_id);

/* The same as Dify says it: {"code","message","status"}. Of both, 401 asks for a bearer token. */
void gw_reply_as_dify(struct http_exchange *exchange, int status, const char *code,
                      const char *message);

/* 405 with what is allowed ("GET, HEAD"). */
void gw_reply_method(struct http_exchange *exchange, const char *allowed);

/* The gateway is being stopped; as the rest of an answer of which the head went out (`has_begun`).
 */
void gw_reply_stopping(struct http_exchange *exchange, bool has_begun, const char *message,
                       const char *run_id);

/* A JSON text, with Cache-Control: no-store. */
void gw_reply_json(struct http_exchange *exchange, int status, struct dify_slice json);

/* Whether the client says (If-None-Match) that it has what this ETag, quotes included, is of: then
 * 304 will do. */
bool gw_reply_is_known(const struct http_request *request, const char *tag);

/* Appends an error's JSON; for want of memory a shorter one, or none. */
void gw_error_text(struct dify__buffer *out, int status, const char *code, const char *message,
                   const char *run_id);

/* The same in Dify's form, {"code","message","status"}. */
void gw_error_as_dify(struct dify__buffer *out, int status, const char *code, const char *message);

/* For http_server_options.on_refuse. */
bool gw_reply_refusal(void *ctx, int status, const char *reason, struct http_page *page);

#endif
