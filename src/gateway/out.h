/* SPDX-License-Identifier: Apache-2.0
 *
 * out.h: JSON answers, member by member.
 */
#ifndef GATEWAY_OUT_H
#define GATEWAY_OUT_H

#include "core/json_text.h"
#include "http/server.h"

/* A JSON text that is written to a buffer. */
void gw_out_begin(struct dify__writer *writer, struct dify__buffer *text);

/* Milliseconds as seconds, with three decimals at most. */
void gw_out_seconds(struct dify__writer *writer, const char *key, uint64_t ms);

/* Ends the text with a newline. False if there was no memory for it. */
DIFY_MUST_CHECK bool gw_out_end(struct dify__writer *writer, struct dify__buffer *text);

/* The same, and answers with it, or with 503. */
void gw_out_reply(struct dify__writer *writer, struct dify__buffer *text,
                  struct http_exchange *exchange, int status);

/* 503, for want of memory. */
void gw_out_of_memory(struct http_exchange *exchange);

#endif
