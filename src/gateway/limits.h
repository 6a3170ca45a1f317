/* SPDX-License-Identifier: Apache-2.0
 *
 * limits.h: every ceiling and clock of the gateway, by name; those of its connections are in
 * http/limits.h, those of the store in store/store.h. Those marked "default" can be configured
 * (config.h). docs/limits.md has them in one table; a test holds both together.
 */
#ifndef GATEWAY_LIMITS_H
#define GATEWAY_LIMITS_H

#include <stddef.h>
#include <stdint.h>

/* ---- configuration ------------------------------------------------------------------------- */

#define GW_APPS 1000
#define GW_ROUTES 100 /* paths of one app */
#define GW_FIELDS 100 /* renamed fields of one route */
#define GW_LISTENERS 16
#define GW_TOKENS 1000
#define GW_TOKEN_ROUTES 100     /* paths of one token */
#define GW_TOKEN_LEAST_BYTES 20 /* of a token; a shorter one is nobody's: 401 */
#define GW_TOKEN_MOST_BYTES 512 /* likewise a longer one */
#define GW_ORIGINS 100          /* of pages that may ask */
#define GW_ROUTE_BYTES 256      /* of a path */
#define GW_MISTAKES 1000        /* that are told; further ones are only counted */

#define GW_STORE_AGE_S ((uint64_t)30 * 86400) /* default: runs that ended longer ago go */
#define GW_STORE_BYTES ((uint64_t)10 << 30)   /* default: of the database; the oldest runs go */

/* ---- requests ------------------------------------------------------------------------------ */

#define GW_BODY_BYTES ((uint64_t)256 << 20) /* default: of a form; past it 413 */
#define GW_JSON_BYTES ((size_t)4 << 20)     /* of a JSON body, and of all fields of a form; 413 */
#define GW_FILE_BYTES ((uint64_t)100 << 20) /* default: of one file of a form; 413 */
#define GW_FORM_FIELDS 200                  /* fields of a form; 400 */
#define GW_FORM_FILES 50                    /* files of a form; 400 */
#define GW_SPOOL_BYTES ((uint64_t)4 << 30)  /* default: of all files being received or sent; 503 */
#define GW_NAME_BYTES 256                   /* of a field, a file, an idempotency key, a user */
#define GW_COMMENT_BYTES ((size_t)4 << 10)  /* of a rating; 400 */

/* ---- runs ---------------------------------------------------------------------------------- */

#define GW_MAX_RUNS                                                                                \
    8                /* default: of an app at once. Dify's API worker has ten places and answers   \
                      * nobody while streams hold them all: two stay free for stop and detail */
#define GW_QUEUE 100 /* default: of an app, waiting for a place; past it 429 */
#define GW_QUEUE_MS 60000  /* default: how long a run waits for a place; then 429 */
#define GW_UPLOADING 2     /* runs of an app that upload files at once; more wait for their turn */
#define GW_LIVE_RUNS 20000 /* of all apps; past it 503 */

/* ---- guests of /v1 ------------------------------------------------------------------------- */

#define GW_GUESTS 1000                 /* keys that are no configured app's; past it 503 */
#define GW_KEY_BYTES ((size_t)1 << 10) /* of a key, its NUL included; past it 401 */

/* ---- what is relayed ----------------------------------------------------------------------- */

#define GW_RELAYS 1000                        /* at once; past it 503 */
#define GW_RELAY_BYTES ((size_t)64 << 10)     /* of a body that wait for Dify; then it waits */
#define GW_RELAY_PATH_BYTES ((size_t)4 << 10) /* of a path; 414 */
#define GW_RELAY_TRAILER_BYTES                                                                     \
    ((size_t)16 << 10) /* of an answer's trailers; the rest is left out */

/* ---- the log of a live run ----------------------------------------------------------------- */

/* What of a run's log stays in memory for followers, at most; older records are read from the
 * store. Without a store it is all that there is: a follower that falls further behind is told. */
#define GW_LOG_KEPT_BYTES ((size_t)32 << 10)
#define GW_LOG_BYTES_ALONE ((size_t)4 << 20)

/* Without a store: runs that have ended and can still be asked for, and their bytes. */
#define GW_ENDED_RUNS 1000
#define GW_ENDED_BYTES ((size_t)64 << 20)

/* Events that nobody follows are written together: pieces of text so late, all others so late, or
 * once there are so many bytes of them. A kill before that is as one before they had come. */
#define GW_LINGER_LONG_MS 500
#define GW_LINGER_SHORT_MS 20
#define GW_LINGER_BYTES ((size_t)16 << 10)

/* Read from the store for a follower at a time; composed for it at a time, and what may wait to be
 * sent to it; what of the memory for that is kept. */
#define GW_LOG_READ_BYTES ((size_t)32 << 10)
#define GW_STREAM_BYTES ((size_t)32 << 10)
#define GW_EVENT_NAME_BYTES ((size_t)64) /* of an event's text its name lies within so many */
#define GW_SCRATCH_BYTES ((size_t)256 << 10)

/* ---- followers and answers ----------------------------------------------------------------- */

#define GW_FOLLOWERS 15000     /* default: streams of events to clients; past it 503 */
#define GW_RUN_FOLLOWERS 10000 /* of one run: streams and answers that wait; past it 503 */
#define GW_WAITING_BYTES ((size_t)256 << 20) /* that wait for clients to read them; then 503 */
#define GW_SSE_COMMENT_MS 15000 /* a comment is sent to a stream that is silent so long */
#define GW_HALF_CLOSED_MS 1000  /* the same, once its client has ended its side: it may be gone */
#define GW_SSE_RETRY_MS 2000    /* what a client is told to wait before it comes again */
#define GW_KEEPALIVE_AFTER_MS 20000 /* default: a blocking answer begins */
#define GW_KEEPALIVE_MS 15000       /* a newline is sent on one that has begun */

/* ---- the log and the metrics ----------------------------------------------------------------- */

#define GW_LOG_LINE_BYTES 2048               /* of a line of the log; the rest is cut off */
#define GW_LOG_QUEUE_BYTES ((size_t)1 << 20) /* lines that wait for standard error to take them */
#define GW_LOG_QUEUE_LINES 10000 /* likewise; past either lines are dropped and counted */
#define GW_LOG_FLUSH_MS 1000     /* at the end, for standard error to take the rest */
#define GW_LOG_WARNINGS 10       /* of one run's events; further ones are only counted */
#define GW_CURRENCIES 8          /* that prices are summed by; further ones are "other" */
#define GW_CURRENCY_BYTES 16     /* of the name of one, and a NUL; a longer one is "other" */
#define GW_METRICS_BYTES ((size_t)64 << 20) /* of the metrics as text; past it 503 */

/* ---- the rest ------------------------------------------------------------------------------ */

#define GW_READERS 4            /* threads that read from the store */
#define GW_READS 1000           /* reads that wait for one; past it 503 */
#define GW_LIST_MOST 200        /* runs in a page of the list; past it 400 */
#define GW_LIST_DEFAULT 50      /* the same, where a request does not say */
#define GW_ABOUT_MS 60000       /* what an app says of itself is asked for again after so long */
#define GW_ABOUT_FAILED_MS 5000 /* the same, where Dify did not answer */
#define GW_ABOUT_WAIT_MS 5000   /* the list of apps waits so long for Dify */
#define GW_ABOUT_ASKED 16       /* questions for one such list at once */
#define GW_TEST_MS 30000        /* a test of Dify is given up after so long */
#define GW_FILE_PATH_BYTES ((size_t)2 << 10) /* of the address of a result's file; 422 */
#define GW_STATS_BUCKETS 100 /* parts of a span with totals of their own; past it 400 */
#define GW_DRAIN_MS 30000    /* default: what live runs get after SIGTERM */
#define GW_STOP_MS 15000     /* more than it: a service manager is asked to wait so long */
#define GW_LINGER_MS 2000    /* at the end, for answers to go out */
#define GW_LINGER_LOOK_MS 20 /* whether they have */
#define GW_SOCKET_MODE 0660u /* of a socket in the file system */
#define GW_STORE_PROBE_MS 1000
#define GW_RETRY_AFTER_S 5 /* what 429 and 503 tell clients to wait */

#endif
