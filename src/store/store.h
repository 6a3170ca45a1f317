/* SPDX-License-Identifier: Apache-2.0
 *
 * store.h: runs, their event logs and their results, kept so that no death of the process loses
 * them. SQLite here; the interface knows nothing of it.
 *
 * Writing: all functions that write belong to one thread, the owner's. They queue and return at
 * once; a thread of the store's own takes all that is queued into one transaction, and while it is
 * being committed the next one's work queues up (no timer). What the caller wants to hear of, it
 * hears in store_deliver(), in the order in which it was queued.
 *
 *     struct store *store;
 *     if (store_open(&options, &store, &error) != DIFY_OK) ...
 *     store_begin(store, &run, on_kept, ctx);
 *     ... on_wake (from the store's thread) tells the owner's loop to call store_deliver() ...
 *     store_close(store);
 *
 * When the disk is full or fails, the transaction is tried again, once a second, until it can be
 * written: nothing that was queued is lost or overtaken. store_is_failing() says so meanwhile.
 *
 * Reading: a store_reader belongs to one thread at a time, and waits for the disk. It sees what is
 * committed.
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "difystream/allocator.h"
#include "difystream/error.h"
#include "difystream/export.h"
#include "difystream/slice.h"
#include "store/log.h"

#include <stdbool.h>
#include <stdint.h>

struct store;

/* Bytes that may wait to be written; past it what writes returns false. */
#define STORE_QUEUE_BYTES ((size_t)256 << 20)

/* So much more is kept free for ends and what a run is known by: they are never to be had again. */
#define STORE_QUEUE_ENDS_BYTES ((size_t)256 << 20)

/* Transactions begin at least so far apart: under load each takes in what has come meanwhile. */
#define STORE_GATHER_MS 5

/* How long a failed transaction waits until it is tried again. */
#define STORE_RETRY_MS 1000

/* Room for a message, its NUL included; it may hold a path. */
#define STORE_ERROR_BYTES 512
struct store_error {
    char text[STORE_ERROR_BYTES];
};

/* What writes to the disk, as a seam for tests: asked before each transaction is committed (false:
 * it fails, with the message that the disk is full). Called by the store's thread. */
struct store_fault {
    bool (*may_commit)(void *ctx);
    void *ctx;
};

struct store_options {
    const char *path; /* of the database; beside it stand PATH-wal, -shm, -lock and -sent */

    uint64_t max_age_s; /* runs that ended longer ago are removed; 0: never */
    uint64_t max_bytes; /* of the database: the oldest runs that have ended go first; 0: no limit.
                         * Where nothing is left to remove, the store is full: as a full disk */

    /* Something is to be delivered, or store_is_failing() has changed. Called by the store's
     * thread; may only wake the owner. */
    void (*on_wake)(void *ctx);
    void *ctx;

    const struct store_fault *fault; /* NULL: none */
};

/* Opens, or makes, a store; a schema of an older release is migrated, one of a newer release
 * refused. One process has a store at a time: another one gets "in use by process N". After the
 * machine went down without closing the store, and of a copy of a store, the epochs of its open
 * runs are new ones: what had been shown of their logs may not have been written. DIFY_ERR_ARGUMENT
 * with `error`, DIFY_ERR_NOMEM. */
DIFY_MUST_CHECK enum dify_err store_open(const struct store_options *options, struct store **out,
                                         struct store_error *error);

/* Writes what is queued (as far as the disk takes it now) and closes; what has not been delivered
 * is not. NULL is legal. */
void store_close(struct store *store);

/* ---- runs ---------------------------------------------------------------------------------- */

/* What a run has come to; only ENDED has a result. */
enum store_state {
    STORE_ACCEPTED,   /* complete, and certainly not sent */
    STORE_SUBMITTING, /* may have been sent */
    STORE_STARTED,    /* its id at Dify is known */
    STORE_ENDED
};

#define STORE_ID_BYTES 16   /* of a run: a UUID of version 7 */
#define STORE_HASH_BYTES 32 /* SHA-256 */

/* A run as it is begun. Slices are absent where there is nothing. */
struct store_run {
    uint64_t number; /* store_next_number() */
    unsigned char id[STORE_ID_BYTES];
    uint64_t created_ms;                /* Unix time, as all times here */
    struct dify_slice app, user, route; /* its name; whose run; the path of the request */
    unsigned kind;                      /* enum dify_kind */
    struct dify_slice workflow_id, conversation_id, query;
    struct dify_slice inputs;    /* JSON, with the ids of uploaded files: as it is sent */
    struct dify_slice extra;     /* a JSON object of further members of the request */
    const unsigned char *key;    /* hash of the idempotency key with its scope; NULL: none */
    const unsigned char *digest; /* of the request that came with the key; NULL: none */
    uint64_t sent_ms;            /* 0: it is only accepted, else submitting */
};

struct store_end {
    uint64_t ended_ms;
    struct dify_slice run_id, task_id, message_id; /* Dify's; absent where they are not known */
    struct dify_slice conversation_id;             /* likewise; that of the request stays */
    struct dify_slice status;                      /* Dify's word; absent where none came */
    struct dify_slice code;                        /* of a failure */
    unsigned http_status;                          /* of an answer */
    bool success;
    uint64_t tokens;
    struct dify_slice price, currency; /* plain decimal */
    uint32_t steps, events;
    struct dify_slice result; /* JSON */
    bool frees_key;           /* its key is none any more: it belongs to whoever comes next */
};

/* Whether it was written; false only for what the store can never take: an id or a key that is
 * there already, a run that is not or whose state does not fit, records past STORE_RECORDS or in
 * the place of others. */
typedef void store_done_fn(void *ctx, bool is_kept);

/* The number of the next run, from 1, never given twice. */
uint64_t store_next_number(struct store *store);

/* Below: everything is copied. `done` may be NULL. False if the queue is full or there is no
 * memory: then nothing was queued and `done` is not called. "Synced": on the disk's platter before
 * `done`; the others survive the process, not the machine. */
DIFY_MUST_CHECK bool store_begin(struct store *store, const struct store_run *run,
                                 store_done_fn *done, void *ctx); /* synced */
DIFY_MUST_CHECK bool store_set_submitting(struct store *store, uint64_t number, uint64_t sent_ms,
                                          store_done_fn *done, void *ctx); /* synced */
DIFY_MUST_CHECK bool store_set_started(struct store *store, uint64_t number,
                                       struct dify_slice run_id, struct dify_slice task_id,
                                       store_done_fn *done, void *ctx);

/* Right before the first byte of the request that starts the run may leave. Done when this returns,
 * whatever becomes of the process; the machine may forget it, and then every run that was
 * SUBMITTING may have been sent. */
void store_mark_sent(struct store *store, uint64_t number);

/* Whether a run of that state may have been sent; if not, it is as good as ACCEPTED. One that is
 * ACCEPTED may have been only if the database is an older copy: without its PATH-sent, or beside a
 * newer one. */
bool store_was_sent(const struct store *store, uint64_t number, enum store_state state);

/* Records, the first of which has the number `first` (that behind the last appended). */
DIFY_MUST_CHECK bool store_append(struct store *store, uint64_t number, uint32_t first,
                                  struct dify_slice records, store_done_fn *done, void *ctx);

/* The result; a paused run's may be replaced, after store_reopen(). Synced. */
DIFY_MUST_CHECK bool store_end(struct store *store, uint64_t number, const struct store_end *end,
                               store_done_fn *done, void *ctx);

/* A run that had ended as paused goes on: it is STARTED again. Synced. */
DIFY_MUST_CHECK bool store_reopen(struct store *store, uint64_t number, store_done_fn *done,
                                  void *ctx);

/* A user's rating: "like", "dislike", or absent to take it back. */
DIFY_MUST_CHECK bool store_rate(struct store *store, uint64_t number, struct dify_slice rating,
                                struct dify_slice comment, store_done_fn *done, void *ctx);

/* The owner's thread: calls what is done. Returns whether there was something. */
bool store_deliver(struct store *store);

/* Whether writing fails at the moment, and why (English, without paths; dies with the next call).
 */
bool store_is_failing(struct store *store, const char **why);

struct store_figures {
    size_t queued_bytes, queued_writes;
    uint64_t commits, synced_commits, failed_commits, written, removed_runs;
    uint64_t commit_us;      /* that the commits took, failed ones too */
    uint64_t database_bytes; /* after the last commit */
};
void store_figures(struct store *store, struct store_figures *out);

/* ---- reading ------------------------------------------------------------------------------- */

struct store_reader;

/* A reader of an open store; closed before it. Any thread may open one. */
DIFY_MUST_CHECK enum dify_err store_reader_open(struct store *store, struct store_reader **out,
                                                struct store_error *error);
/* A reader of a store by its path, whether a process has it open or not. It changes nothing. */
DIFY_MUST_CHECK enum dify_err store_reader_open_path(const char *path, struct store_reader **out,
                                                     struct store_error *error);
void store_reader_close(struct store_reader *reader); /* NULL is legal */

/* A run as it is kept. Slices live until the callback returns. */
struct store_row {
    uint64_t number;
    unsigned char id[STORE_ID_BYTES];
    enum store_state state;
    uint32_t epoch;
    uint64_t created_ms, sent_ms, ended_ms; /* 0: not yet */
    struct dify_slice app, user, route, workflow_id, conversation_id, query, inputs, extra;
    unsigned kind;
    const unsigned char *key, *digest; /* NULL: none */
    struct dify_slice run_id, task_id, message_id, status, code, price, currency;
    unsigned http_status;
    bool success;
    uint64_t tokens;
    uint32_t steps, events;
    uint32_t records; /* in the log */
    struct dify_slice rating, comment;
    struct dify_slice result; /* JSON; absent until the end, and in lists */
};

/* Called for each row; false: no more. */
typedef bool store_row_fn(void *ctx, const struct store_row *row);

/* The functions below return DIFY_OK, DIFY_ERR_ABSENT where nothing is found, DIFY_ERR_NOMEM, or
 * DIFY_ERR_STATE if the database cannot be read. */
DIFY_MUST_CHECK enum dify_err store_find(struct store_reader *reader,
                                         const unsigned char id[STORE_ID_BYTES],
                                         store_row_fn *found, void *ctx);
/* By Dify's workflow_run_id: the latest. */
DIFY_MUST_CHECK enum dify_err store_find_run_id(struct store_reader *reader,
                                                struct dify_slice run_id, store_row_fn *found,
                                                void *ctx);
/* By Dify's task_id: the latest. */
DIFY_MUST_CHECK enum dify_err store_find_task(struct store_reader *reader,
                                              struct dify_slice task_id, store_row_fn *found,
                                              void *ctx);
DIFY_MUST_CHECK enum dify_err store_find_key(struct store_reader *reader,
                                             const unsigned char key[STORE_HASH_BYTES],
                                             store_row_fn *found, void *ctx);

/* Which runs are listed, newest first; absent and 0: all. */
struct store_filter {
    uint64_t before;                     /* only numbers below it: where the last page ended */
    struct dify_slice app, user, status; /* exactly; a status of "running" is any that is open */
    const struct dify_slice *apps;       /* only runs of these; app_count 0: of all */
    size_t app_count;
    struct dify_slice hidden_prefix; /* none of apps whose names begin so, ... */
    struct dify_slice unhidden;      /* ... but of the one that is named so */
    struct dify_slice search;        /* in user, ids, inputs */
    uint64_t since_ms, until_ms;     /* created in this span, the end excluded */
    uint32_t limit;                  /* never 0 */
};

/* Whether runs of an app are taken in, as far as apps, hidden_prefix and unhidden say. */
bool store_filter_has_app(const struct store_filter *filter, struct dify_slice app);

DIFY_MUST_CHECK enum dify_err store_list(struct store_reader *reader,
                                         const struct store_filter *filter, store_row_fn *row,
                                         void *ctx);

/* All runs that are not ENDED, oldest first. */
DIFY_MUST_CHECK enum dify_err store_list_open(struct store_reader *reader, store_row_fn *row,
                                              void *ctx);

/* Those of one app. */
DIFY_MUST_CHECK enum dify_err store_list_open_of(struct store_reader *reader, struct dify_slice app,
                                                 store_row_fn *row, void *ctx);

/* All runs created from `since_ms` on, oldest first, with their results. What is written meanwhile
 * is seen, too; `row` may read the run's log with the same reader. */
DIFY_MUST_CHECK enum dify_err store_each(struct store_reader *reader, uint64_t since_ms,
                                         store_row_fn *row, void *ctx);

/* Appends records of a log to `out`, from number `from` on: whole segments, so that the first ones
 * may lie before it: `*first` is the number of the first appended. Stops once `out` has `enough`
 * bytes. ABSENT: there are none from there on. */
DIFY_MUST_CHECK enum dify_err store_read_log(struct store_reader *reader, uint64_t number,
                                             uint32_t from, size_t enough, struct dify__buffer *out,
                                             uint32_t *first);

/* Totals of the runs that `filter` (its limit and `before` aside) takes in. */
struct store_totals {
    uint64_t runs, open, succeeded, failed; /* a failure: any other end */
    uint64_t tokens;
    uint64_t median_ms, p95_ms; /* from creation to end, of those that ended */
    uint64_t likes, dislikes;
};
/* `price` is called for each currency (empty: none was given) with the exact sum; what is no number
 * and currencies of longer names are left out. NULL: nobody asks. */
#define STORE_CURRENCY_BYTES 32
typedef void store_price_fn(void *ctx, struct dify_slice currency, struct dify_slice sum);
DIFY_MUST_CHECK enum dify_err store_sum(struct store_reader *reader,
                                        const struct store_filter *filter,
                                        struct store_totals *totals, store_price_fn *price,
                                        void *ctx);

/* ---- looking after a store that no gateway has open (difystream store) ---------------------- */

/* Says what is wrong with the store, one line each (at most 1,000), which `*found` counts; and
 * which runs are open, which is no fault. A gateway may have it open. */
DIFY_MUST_CHECK enum dify_err store_check(const char *path,
                                          void (*say)(void *ctx, const char *line), void *ctx,
                                          uint64_t *found, struct store_error *error);

/* Removes what ended longer ago than `max_age_s`, then the oldest until the file is no larger than
 * `max_bytes` (0 of either: does not count), and gives the space back. */
DIFY_MUST_CHECK enum dify_err store_prune(const char *path, uint64_t max_age_s, uint64_t max_bytes,
                                          uint64_t *removed, struct store_error *error);

#endif
