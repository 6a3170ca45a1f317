/* SPDX-License-Identifier: Apache-2.0
 *
 * v1_mend.h: what a caller of `/v1` is told of a run whose stream broke and was taken up again, so
 * that it is one stream to him: nothing twice, one task_id, one end.
 *
 * A mender belongs to one run and sees each of its events once, in order. It keeps what was told
 * (ids of executions, the answer so far) and the events that end a run, of which v1_body.h makes
 * the body for a caller that blocks. It does no I/O and knows no clock.
 *
 *     struct gw_mend *mend = gw_mend_new(allocator, DIFY_KIND_CHAT);
 *     gw_mend_stream(mend, number);                           // at the begin of each stream
 *     word = gw_mend_event(mend, event, put, ctx);            // at each event
 *     append(word == GW_MEND_PASS ? 'E' : 'R', event->json);  // behind what was put, as 'V'
 *     gw_mend_end(mend, run, put, ctx);                       // at the end of the run
 *
 * Of the first stream all passes, but for an end that the server invented: the follow learns the
 * true one. Without memory, or past a ceiling below, nothing fails: events pass that may repeat
 * others (gw_mend_is_blind()).
 */
#ifndef GATEWAY_V1_MEND_H
#define GATEWAY_V1_MEND_H

#include "core/memory.h"
#include "difystream/client.h"
#include "difystream/event.h"
#include "difystream/result.h"

/* Executions, and events of containers, that are known again. */
#define GW_MEND_MARKS 200000

/* The ids of these and of the run, in bytes. */
#define GW_MEND_IDS_BYTES ((size_t)32 << 20)

/* The answer so far of a chatflow: a longer one is not mended. */
#define GW_MEND_ANSWER_BYTES ((size_t)8 << 20)

/* An event that ends a run, and is kept for the body of a caller that blocks. */
#define GW_MEND_KEPT_BYTES ((size_t)64 << 20)

enum gw_mend_word {
    GW_MEND_PASS, /* callers get the event as it came, byte for byte */
    GW_MEND_DROP  /* they do not: it was told, is not true, or was put in other words */
};

/* Takes one JSON text for the callers; it dies when this returns. The mender may not be used in it.
 */
typedef void gw_mend_put(void *ctx, struct dify_slice json);

struct gw_mend;

/* `allocator` NULL: the C library's. `kind` is that of the route, not AUTO. NULL for want of
 * memory. */
struct gw_mend *gw_mend_new(const struct dify_allocator *allocator, enum dify_kind kind);

/* NULL is legal. */
void gw_mend_free(struct gw_mend *mend);

/* A stream begins. The first, number 0, is that of the request which started the run; in any other
 * the run was taken up again. */
void gw_mend_stream(struct gw_mend *mend, unsigned number);

/* What becomes of an event. `put` is called for what callers get before it, or in its place: the
 * rest of an answer, an event with the task's id as it was told first. */
enum gw_mend_word gw_mend_event(struct gw_mend *mend, const struct dify_event *event,
                                gw_mend_put *put, void *ctx);

/* The run has ended, or is paused: puts what callers have not been told of it. For an end that
 * Dify knows these are its own events, made from the result; else one `error` event. Nothing if all
 * was told; a second call puts nothing. False for want of memory: then callers were told no end. */
bool gw_mend_end(struct gw_mend *mend, const struct dify_run *run, gw_mend_put *put, void *ctx);

/* Makes a mender what it was when a record of the run's log was written, in the order of the log:
 * `kind` is 'S' (a stream begins), 'E' (the event passed), 'R' (it did not) or 'V' (what was put);
 * other kinds are ignored. `decoder` is borrowed for the call. */
void gw_mend_recall(struct gw_mend *mend, struct dify_decoder *decoder, char kind,
                    struct dify_slice text);

/* Something could not be kept: repeats may pass from here on. */
bool gw_mend_is_blind(const struct gw_mend *mend);

#endif
