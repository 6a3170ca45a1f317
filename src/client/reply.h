/* SPDX-License-Identifier: Apache-2.0
 *
 * reply.h: an HTTP/1 answer, read from bytes as they come: its head, and its body out of chunks, by
 * its length, or until the connection is closed. A pull parser without I/O:
 *
 *     struct dify_slice bytes = what came, body;
 *     while ((step = dify__reply_read(&reply, &bytes, &body)) != DIFY__REPLY_MORE)
 *         switch (step) {
 *         case DIFY__REPLY_HEAD: ... reply.status, dify__head_read(&head, ...) ...
 *         case DIFY__REPLY_BODY: ... body, which lies within what came ...
 *         case DIFY__REPLY_END: return;
 *         case DIFY__REPLY_BAD: ... reply.code, reply.why ...; return;
 *         }
 *
 * What it takes and what it refuses is what libcurl does, in its words, so that a failure reads the
 * same on either way; it is stricter where lengths contradict each other.
 */
#ifndef DIFY_CLIENT_REPLY_H
#define DIFY_CLIENT_REPLY_H

#include "client/transport.h"
#include "core/memory.h"

#include <curl/curl.h>

/* Ceilings: a head; all heads of interim answers (1xx) before it; the extension of a chunk; all
 * trailers. */
#define DIFY__HEAD_BYTES ((size_t)64 << 10)
#define DIFY__INTERIM_BYTES ((size_t)256 << 10)
#define DIFY__EXTENSION_BYTES ((size_t)4 << 10)
#define DIFY__TRAILER_BYTES ((size_t)64 << 10)

enum dify__reply_step {
    DIFY__REPLY_MORE, /* all that came is read */
    DIFY__REPLY_HEAD, /* the final head is there; once */
    DIFY__REPLY_BODY, /* bytes of the body */
    DIFY__REPLY_END,  /* it is whole; for good, and what came behind it is not read */
    DIFY__REPLY_BAD   /* it is none; for good */
};

enum dify__reply_state {
    DIFY__REPLY_LINES,     /* a head; first of all, and again after an interim one */
    DIFY__REPLY_FRAMED,    /* the head was told: how does the body come? */
    DIFY__REPLY_LENGTH,    /* `left` bytes of the body are to come */
    DIFY__REPLY_OPEN,      /* all is body until the connection is closed */
    DIFY__REPLY_SIZE,      /* the digits of a chunk's size */
    DIFY__REPLY_EXTENSION, /* what stands behind them, up to the end of the line */
    DIFY__REPLY_CHUNK,     /* `left` bytes of the chunk are to come */
    DIFY__REPLY_CHUNK_END, /* the line's end behind them */
    DIFY__REPLY_TRAILERS,
    DIFY__REPLY_WHOLE,
    DIFY__REPLY_FAILED
};

struct dify__reply {
    /* of the body and its chunks */
    enum dify__reply_state state;
    bool has_length, is_chunked;
    bool after_framing; /* the head's last line said how the body comes */
    bool after_cr;      /* in a chunk's framing */
    uint64_t left;      /* see the states */
    size_t line_bytes;  /* digits, bytes of an extension or of a trailer's line */

    /* of the head, and of what ends it all */
    struct dify__buffer head; /* the lines of the head at hand */
    int status;               /* of the head that was told */
    size_t line_at;           /* where in the head the line at hand begins */
    size_t line_count;        /* of whole lines of the head */
    size_t interim_bytes;     /* of heads before it */
    size_t trailer_bytes;
    CURLcode code; /* of FAILED: libcurl's for the same; CURLE_OK where it sees no failure in it */
    char why[80];  /* of FAILED: in libcurl's words */
};

void dify__reply_init(struct dify__reply *reply, const struct dify_allocator *allocator);
void dify__reply_fini(struct dify__reply *reply);

/* Reads on in `*bytes`, which then begin behind what was read. */
enum dify__reply_step dify__reply_read(struct dify__reply *reply, struct dify_slice *bytes,
                                       struct dify_slice *body);

/* The connection was closed: END or BAD. Not before all that came was read. */
enum dify__reply_step dify__reply_close(struct dify__reply *reply);

/* What is known of a head by its text, whose fields the slices are in. */
void dify__head_read(struct dify__head *head, int status, struct dify_slice text);

#endif
