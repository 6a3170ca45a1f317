/* SPDX-License-Identifier: Apache-2.0
 *
 * run.h: the fold, from the event stream of a Dify app to one result.
 *
 * A run takes the bytes of the stream as they come and keeps the result so far; result.h shows it
 * at any moment. The rules of the fold are docs/result.md; the same bytes give the same result
 * however they are cut.
 *
 *     struct dify_run *run;
 *     if (dify_run_new(NULL, &run) != DIFY_OK)
 *         return 1;
 *     while ((n = fread(bytes, 1, sizeof bytes, stream)) > 0)
 *         if (dify_run_feed(run, bytes, n) != DIFY_OK)
 *             break;
 *     dify_run_end(run);
 *     dify_run_write_result(run, DIFY_JSON_COMPACT, to_stdout, NULL);    // result.h
 *     dify_run_free(run);
 *
 * A run does no I/O and knows no clock. It may be used from any one thread at a time. Memory grows
 * with the outputs and the nodes, and with what else is kept by name (errors, currencies, forms),
 * not with the length of the stream.
 */
#ifndef DIFYSTREAM_RUN_H
#define DIFYSTREAM_RUN_H

#include "difystream/allocator.h"
#include "difystream/error.h"
#include "difystream/event.h"
#include "difystream/export.h"
#include "difystream/slice.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

DIFY_DECLARATIONS_BEGIN

/* A node's execution, or a container's (an iteration or a loop). Slices are borrowed from the run
 * and die with the next call that feeds or frees it; absent is what never came. */
struct dify_node {
    struct dify_slice id; /* execution id */
    struct dify_slice node_id, node_type, title;
    struct dify_slice index;                   /* number */
    struct dify_slice status;                  /* running, retry, succeeded, failed, ... */
    struct dify_slice started_at, finished_at; /* number, Unix seconds */
    struct dify_slice elapsed_time;            /* plain decimal, seconds */
    struct dify_slice total_price;             /* plain decimal */
    struct dify_slice currency, error, iteration_id, loop_id;
    struct dify_slice steps; /* number; of containers only */
    uint64_t total_tokens;   /* meaningful if `has_tokens` */
    uint32_t retries;
    bool has_tokens;
    bool is_container;
    bool is_finished; /* also while `paused`, which the next end of the same execution replaces */
    bool is_empty;    /* finished, but neither its outputs nor its figures came: while no stream was
                       * open, or only a resumed stream told of it, which has none */
};

/* What happened to a node when the observer hears of it. */
enum dify_node_change { DIFY_NODE_STARTED, DIFY_NODE_RETRIED, DIFY_NODE_FINISHED };

/* An observer hears of the stream as it is folded, inside dify_run_feed(). Its functions may ask
 * the run for its result so far; they may not feed, resume, end, fail or free it, nor feed another
 * run that shares its decoder. Any of them may be NULL. */
struct dify_run_observer {
    void *ctx;

    /* Every event that was counted, before it is folded. */
    void (*event)(void *ctx, const struct dify_event *event, uint64_t offset);

    /* `event` does not look into the `data` of pieces of text (text_chunk, reasoning_chunk), which
     * most events are: its members are absent then, for nobody else reads them. */
    bool ignores_pieces;

    /* A node or container started, is tried again, or finished; after it was folded. What a
     * resumed stream repeats is not told again. */
    void (*node)(void *ctx, const struct dify_node *node, enum dify_node_change change);

    /* Decoded audio of a tts_message; an empty slice when tts_message_end closed it. */
    void (*audio)(void *ctx, struct dify_slice bytes);

    /* An event was skipped, or something in it; `offset` is that of the event. */
    void (*warning)(void *ctx, uint64_t offset, const char *reason);

    /* The server says that it is there; no event. */
    void (*ping)(void *ctx);
};

struct dify_run_options {
    size_t size; /* sizeof(struct dify_run_options), so that the struct can grow */

    const struct dify_allocator *allocator; /* NULL: the C library's */

    /* A decoder to borrow, for many runs on one thread; it must outlive the run. NULL: the run
     * makes its own. */
    struct dify_decoder *decoder;

    const struct dify_run_observer *observer; /* NULL: none; copied */

    size_t max_event_bytes; /* 0: DIFY_SSE_EVENT_BYTES */
    size_t max_kept_bytes;  /* 0: DIFY_RUN_KEPT_BYTES */
    size_t max_nodes;       /* 0: DIFY_RUN_NODES; at most that */

    bool accept_partial; /* `partial-succeeded` is a success */

    /* A random number of the host's, so that nobody who can choose names of outputs or nodes can
     * choose them to meet in the run's tables. The result does not depend on it. */
    uint64_t hash_seed;
};

struct dify_run;

/* Makes a run; `options` NULL: all defaults. `*out` is the caller's, to be freed with
 * dify_run_free(). DIFY_ERR_NOMEM; DIFY_ERR_ARGUMENT for an unknown size or a ceiling above its
 * maximum. */
DIFY_API DIFY_MUST_CHECK enum dify_err dify_run_new(const struct dify_run_options *options,
                                                    struct dify_run **out);

/* Frees a run and all it kept. NULL is legal. */
DIFY_API void dify_run_free(struct dify_run *run);

/* Takes the next bytes of the event stream. Bad events are skipped with a warning and are no error.
 * Errors are sticky: DIFY_ERR_NOMEM; DIFY_ERR_TOO_LARGE when a ceiling was passed (the result then
 * says which, and is never a success). DIFY_ERR_STATE after dify_run_end(), and inside a callback.
 */
DIFY_API DIFY_MUST_CHECK enum dify_err dify_run_feed(struct dify_run *run, const void *bytes,
                                                     size_t len);

/* Another stream of the same run follows, as after a reconnect: an event cut short by the break is
 * dropped, positions begin at 0 again, `data.resumed` counts one more. Errors stay. Does nothing
 * after an end. */
DIFY_API void dify_run_resume(struct dify_run *run);

/* No more bytes will come: the result is final. A second call does nothing. */
DIFY_API void dify_run_end(struct dify_run *run);

/* Whether an event was seen after which only late figures follow: workflow_finished, message_end or
 * error. */
DIFY_API bool dify_run_has_terminal_event(const struct dify_run *run);

/* Nodes and containers in order of first sight; `index` from 0. False past the end. */
DIFY_API bool dify_run_node(const struct dify_run *run, size_t index, struct dify_node *out);
DIFY_API bool dify_run_container(const struct dify_run *run, size_t index, struct dify_node *out);

/* The id to send as Last-Event-ID when the stream is taken up again; empty where the server gives
 * none. Dies with the next call that feeds or frees the run. */
DIFY_API struct dify_slice dify_run_last_event_id(const struct dify_run *run);

DIFY_DECLARATIONS_END

#endif
