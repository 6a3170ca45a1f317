/* SPDX-License-Identifier: Apache-2.0
 *
 * sse.h: a push parser for text/event-stream.
 *
 * Follows the WHATWG algorithm (HTML Living Standard, "Interpreting an event stream") to the
 * letter, in any chunking: one leading BOM is dropped; lines end with CRLF, LF or CR; an event
 * without a data line is not dispatched; an `id` with a NUL is ignored; `retry` takes digits only;
 * what stands after the last blank line is discarded; bytes that are no UTF-8 become U+FFFD.
 *
 *     static enum dify_err on_event(void *ctx, const struct dify_sse_event *event)
 *     {
 *         printf("%.*s\n", (int)event->data.len, event->data.ptr);
 *         return DIFY_OK;
 *     }
 *     struct dify_sse_options options = {.size = sizeof options, .event = on_event};
 *     struct dify_sse *sse;
 *     if (dify_sse_new(&options, &sse) == DIFY_OK) {
 *         while ((n = read(fd, bytes, sizeof bytes)) > 0)
 *             if (dify_sse_feed(sse, bytes, n) != DIFY_OK)
 *                 break;
 *         dify_sse_free(sse);
 *     }
 *
 * A parser does no I/O and knows no clock. It may be used from any one thread at a time. Time is
 * linear in the bytes fed, however they are cut; memory is that of the event at hand.
 */
#ifndef DIFYSTREAM_SSE_H
#define DIFYSTREAM_SSE_H

#include "difystream/allocator.h"
#include "difystream/error.h"
#include "difystream/export.h"
#include "difystream/slice.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

DIFY_DECLARATIONS_BEGIN

/* A dispatched event. The slices die when the callback returns. */
struct dify_sse_event {
    struct dify_slice type; /* "message" where the stream named none */
    struct dify_slice data; /* without the last line's end */
    struct dify_slice id;   /* the last event id, "" where there is none yet */
    uint64_t offset;        /* where the event's first line begins in the stream, in bytes */
};

/* Callbacks run inside dify_sse_feed(), in the order of the stream. They may not feed, reset or
 * free the parser. A callback that returns anything but DIFY_OK fails the parser with it. */
struct dify_sse_options {
    size_t size; /* sizeof(struct dify_sse_options), so that the struct can grow */

    const struct dify_allocator *allocator; /* NULL: the C library's */
    void *ctx;                              /* handed to the callbacks */

    /* An event is complete. NULL: events are read and dropped. */
    enum dify_err (*event)(void *ctx, const struct dify_sse_event *event);

    /* A block with a type and without a data line, which the standard drops, but by which a server
     * may say that it is there. NULL: dropped. */
    enum dify_err (*empty)(void *ctx, struct dify_slice type);

    /* A comment line; `text` is what follows its colon, unchanged. NULL: dropped. */
    enum dify_err (*comment)(void *ctx, struct dify_slice text);

    /* A valid retry field. `digits` is its value without leading zeros; `retry_ms` the same as a
     * number, UINT64_MAX where it is larger. NULL: dropped. */
    enum dify_err (*retry)(void *ctx, uint64_t retry_ms, struct dify_slice digits);

    size_t max_event_bytes;          /* ceiling of an event's data; 0: DIFY_SSE_EVENT_BYTES */
    struct dify_slice last_event_id; /* the id a reconnecting client starts with; copied */

    /* Hand bytes that are no UTF-8 through as they are instead of as U+FFFD. For a consumer that
     * checks them itself, as the event decoder does, so that they are not checked twice. */
    bool raw_bytes;
};

struct dify_sse;

/* Makes a parser. `*out` is the caller's, to be freed with dify_sse_free(). DIFY_ERR_NOMEM;
 * DIFY_ERR_ARGUMENT if `options->size` is unknown. */
DIFY_API DIFY_MUST_CHECK enum dify_err dify_sse_new(const struct dify_sse_options *options,
                                                    struct dify_sse **out);

/* Frees a parser. NULL is legal. */
DIFY_API void dify_sse_free(struct dify_sse *sse);

/* Takes the next bytes of the stream; `len` may be 0. Runs the callbacks of all they complete.
 * Errors are sticky, the same one is returned for ever after: DIFY_ERR_NOMEM; DIFY_ERR_TOO_LARGE
 * when an event's data, or a line, passes the ceiling; whatever a callback returned. */
DIFY_API DIFY_MUST_CHECK enum dify_err dify_sse_feed(struct dify_sse *sse, const void *bytes,
                                                     size_t len);

/* Makes the parser ready for another stream of the same source, as after a reconnect: what was
 * unfinished and any error are dropped, positions begin at 0; the last event id stays. */
DIFY_API void dify_sse_reset(struct dify_sse *sse);

/* The id to send as Last-Event-ID when reconnecting: that of the last blank line reached. Empty
 * where there is none. Dies with the next call that feeds or frees the parser. */
DIFY_API struct dify_slice dify_sse_last_event_id(const struct dify_sse *sse);

/* Bytes consumed since the stream began. */
DIFY_API uint64_t dify_sse_offset(const struct dify_sse *sse);

DIFY_DECLARATIONS_END

#endif
