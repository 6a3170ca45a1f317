/* SPDX-License-Identifier: Apache-2.0
 *
 * head.h: a push parser of HTTP/1.x requests: heads, and the framing of their bodies.
 *
 *     http_head_new(NULL, &limits, &head);
 *     while (at < len) {
 *         switch (http_head_feed(head, bytes + at, len - at, &used, &body)) {
 *         case HTTP_HEAD_MORE: ... all was taken
 *         case HTTP_HEAD_READY: message = http_head_take_message(head); ...
 *         case HTTP_HEAD_BODY: ... `body` is the next piece
 *         case HTTP_HEAD_END: ... the request has ended; the next one begins
 *         case HTTP_HEAD_REFUSED: ... http_head_refusal(head)
 *         }
 *         at += used;
 *     }
 *
 * It does no I/O and knows no clock. Everything that HTTP does not allow, and every way in which a
 * request is smuggled that we know of, is refused here, by RFC 9112 and without leniency; a parser
 * that refused something goes on refusing it. The same bytes give the same outcome in any cut, but
 * for how a body's bytes are cut.
 *
 * llhttp reads; what it lets through is held against our own reading of each line, of the framing
 * fields and of the target, and where the two differ the request is refused.
 */
#ifndef HTTP_HEAD_H
#define HTTP_HEAD_H

#include "core/memory.h"
#include "http/server.h"

#include <stdbool.h>
#include <stdint.h>

enum http_head_step {
    HTTP_HEAD_MORE,   /* all bytes are used; more are needed */
    HTTP_HEAD_READY,  /* a head is complete: take its message before feeding on */
    HTTP_HEAD_BODY,   /* the next bytes of the body; they are part of what was fed */
    HTTP_HEAD_END,    /* the body is complete. Not for a request that has none */
    HTTP_HEAD_REFUSED /* see http_head_refusal() */
};

struct http_head_limits {
    size_t max_head_bytes; /* each 0: the default of limits.h */
    size_t max_line_bytes; /* the request line without its CRLF */
    uint64_t max_body_bytes;
};

/* A request and what its connection wants to know of it: one block, freed with dify__free(). */
struct http_message {
    struct http_request request;
    bool keeps_alive;      /* what the client wants (RFC 9112 §9.3) */
    bool expects_continue; /* Expect: 100-continue */
};

struct http_refusal {
    int status;         /* 400, 413, 414, 417, 431, 501, 505; 0 for want of memory */
    const char *reason; /* English, static */
};

struct http_head;

/* `limits` is copied. */
DIFY_MUST_CHECK enum dify_err http_head_new(const struct dify_allocator *allocator,
                                            const struct http_head_limits *limits,
                                            struct http_head **head);
void http_head_free(struct http_head *head);

/* Reads on until there is something to tell. `*used` bytes were taken. After READY of a request
 * without a body the next bytes begin the next request. */
enum http_head_step http_head_feed(struct http_head *head, const char *bytes, size_t len,
                                   size_t *used, struct dify_slice *body);

/* The message of the head that is complete; the caller's from now on. Once after each READY. */
struct http_message *http_head_take_message(struct http_head *head);

/* Another ceiling for the body at hand: exceeded at once by a Content-Length above it. */
void http_head_limit_body(struct http_head *head, uint64_t max_bytes);

/* Bytes of the body that are still to come: known for a Content-Length, else UINT64_MAX until the
 * last chunk was read; 0 after the end. */
uint64_t http_head_body_left(const struct http_head *head);

/* Whether the body at hand is known to be above its ceiling. */
bool http_head_is_too_large(const struct http_head *head);

/* Whether a request has begun and its head is not complete. */
bool http_head_is_partial(const struct http_head *head);

/* Of a parser that refused. */
struct http_refusal http_head_refusal(const struct http_head *head);

#endif
