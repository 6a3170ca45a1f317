/* SPDX-License-Identifier: Apache-2.0
 *
 * limits.h: every ceiling and clock of the HTTP server layer, by name. Those marked "default" can
 * be set for each server by its options.
 */
#ifndef HTTP_LIMITS_H
#define HTTP_LIMITS_H

#include <stddef.h>

/* Default ceiling of a request's head, request line included, in bytes; past it 431 (414 where the
 * request line alone is longer). Trailers of a chunked body count by themselves. */
#define HTTP_HEAD_BYTES ((size_t)16 << 10)

/* Header fields of a head (and of trailers); past it 431. */
#define HTTP_HEADERS 100

/* Default ceiling of a request's body, in bytes; past it 413. An exchange can set its own. */
#define HTTP_BODY_BYTES ((size_t)1 << 30)

/* Bytes of chunk extensions in one body; past it 400. */
#define HTTP_CHUNK_EXTENSION_BYTES ((size_t)1 << 10)

/* Bytes of chunk sizes between two bytes of a body (zeros in front of one, say), besides extensions
 * and trailers; past it 400. */
#define HTTP_CHUNK_LINE_BYTES ((size_t)64)

/* What is read from a connection at a time, and the most that is kept of what a client sends ahead
 * (pipelined requests, a body whose reader pauses). Past it nothing is read from the socket. */
#define HTTP_READ_BYTES ((size_t)64 << 10)

/* Default high-water mark of the bytes that wait to be sent on a connection: above it
 * http_respond_write() takes nothing. One write may pass it by its own size. */
#define HTTP_WRITE_BYTES ((size_t)256 << 10)

/* Emptied buffers of what was sent that a server keeps for what is sent next, and the memory of
 * each; further ones and larger ones are freed. */
#define HTTP_SPARES 32
#define HTTP_SPARE_BYTES ((size_t)16 << 10)

/* Default ceiling of connections; a further one gets 503 and is closed. */
#define HTTP_CONNECTIONS 20000

/* Parts of a form; past it HTTP_MULTIPART_TOO_MANY. */
#define HTTP_MULTIPART_PARTS 1000

/* Header bytes of one part of a form, and the length of a boundary (RFC 2046 §5.1.1). */
#define HTTP_PART_HEAD_BYTES ((size_t)8 << 10)
#define HTTP_BOUNDARY_BYTES 70

/* Default clocks, in milliseconds. */
#define HTTP_HEAD_MS 15000      /* for a whole head, from its first byte (or from the accept) */
#define HTTP_BODY_MS 30000      /* for the next HTTP_BODY_STEP bytes of a body */
#define HTTP_KEEPALIVE_MS 75000 /* idle, between an answer and the next request's first byte */
#define HTTP_WRITE_MS 30000     /* without progress while bytes wait to be sent, see below */
#define HTTP_LINGER_MS 2000     /* after an answer that closes, for the client to read it */

/* Before a reset that was ordered with what waits to be sent: how often it is looked whether the
 * client's system has all. Without progress it waits as long as a close lingers. */
#define HTTP_TAKEN_MS 1

/* How much of a body must arrive within each HTTP_BODY_MS. */
#define HTTP_BODY_STEP ((size_t)16 << 10)

/* What counts as progress of sending: the system has taken a byte, or its own queue has become
 * shorter, which is looked at when HTTP_WRITE_MS are over. That of TCP becomes shorter when the
 * client's system acknowledges; a full one does so only after its reader has made some room (a
 * sixteenth of its buffer, say). There is no least step. */

#endif
