/* SPDX-License-Identifier: Apache-2.0
 *
 * writer.h: what the owner's thread and the writer's share.
 *
 * The owner pushes writes onto the queue. The writer takes them into its batch, applies them in one
 * transaction and hands them back for delivery. A batch whose transaction failed stays, and takes
 * up what has queued behind it.
 */
#ifndef STORE_WRITER_H
#define STORE_WRITER_H

#include "store/appends.h"
#include "store/db.h"
#include "store/prune.h"
#include "store/sent.h"

#include <pthread.h>

/* How often a store in which nothing is written looks for what is too old. */
#define STORE_PRUNE_MS 60000

/* What one transaction takes at most, so that nobody waits long for the first write of it. */
#define STORE_BATCH_BYTES ((size_t)8 << 20)

enum store_op {
    STORE_OP_BEGIN,
    STORE_OP_SUBMITTING,
    STORE_OP_STARTED,
    STORE_OP_APPEND,
    STORE_OP_END,
    STORE_OP_REOPEN,
    STORE_OP_RATE
};

/* A write; its texts stand behind it in the same block. */
struct store_write {
    struct store_write *next;
    size_t bytes; /* of the block */
    enum store_op op;
    bool is_synced, is_kept;
    uint64_t number;
    store_done_fn *done;
    void *ctx;
    union {
        struct {
            struct store_run run;
            struct dify_slice key, digest;
        } begin;
        struct {
            uint64_t sent_ms;
        } submitting;
        struct {
            struct dify_slice run_id, task_id;
        } started;
        struct {
            uint32_t first, count;
            struct dify_slice records;
        } append;
        struct store_end end;
        struct {
            struct dify_slice rating, comment;
        } rate;
    } as;
};

struct store_writes {
    struct store_write *first, **end; /* `end` is where the next one is hung */
    size_t bytes, count;
};

void store_writes_init(struct store_writes *writes);
void store_writes_push(struct store_writes *writes, struct store_write *write);
struct store_write *store_writes_pop(struct store_writes *writes); /* NULL: there is none */
void store_writes_free(struct store_writes *writes);

/* The statements of apply.c and prune.c. */
enum store_stmt {
    STORE_STMT_BEGIN,
    STORE_STMT_COMMIT,
    STORE_STMT_ROLLBACK,
    STORE_STMT_HAS_KEY,
    STORE_STMT_ADD_RUN,
    STORE_STMT_ADD_DETAILS,
    STORE_STMT_ADD_KEY,
    STORE_STMT_SUBMITTING,
    STORE_STMT_STARTED,
    STORE_STMT_HAS_RUN,
    STORE_STMT_APPEND,
    STORE_STMT_END,
    STORE_STMT_RESULT,
    STORE_STMT_CONVERSATION,
    STORE_STMT_FREE_KEY,
    STORE_STMT_NO_KEY,
    STORE_STMT_REOPEN,
    STORE_STMT_NO_RESULT,
    STORE_STMT_RATE,
    STORE_STMT_COUNT
};

/* Runs that the writer remembers as being there. */
#define STORE_KNOWN 4096

struct store {
    struct store_options options;
    char *path;
    int lock_fd;
    uint64_t next_number;   /* the owner's */
    struct store_sent sent; /* likewise */

    /* The writer's; the owner's before the thread begins and after it has ended. */
    sqlite3 *db;
    sqlite3_stmt *stmts[STORE_STMT_COUNT];
    struct store_appends appends;
    struct store_writes batch;
    struct store_pruner pruner;
    bool is_full_sync; /* what synchronous stands at */
    uint64_t
        known[STORE_KNOWN]; /* numbers of runs that are there, each at its own place; 0: none */
    uint64_t known_removed; /* how many runs had been removed then */
    uint64_t gather_until_us;
    int wal_pages; /* in the write-ahead log; 0 behind a checkpoint */
    int wal_most;  /* from here on a checkpoint waits for readers */

    pthread_t thread;
    bool has_thread, has_lock;
    pthread_mutex_t mutex;
    pthread_cond_t cond;
    /* Under the mutex. */
    struct store_writes queue, delivery;
    size_t held_bytes, waiting; /* of all writes not freed; of those not written their count */
    bool is_closing, is_idle, is_woken;
    const char *failing; /* NULL: it is not */
    struct store_figures figures;
};

DIFY_MUST_CHECK int store_writer_prepare(struct store *store);
void store_writer_finalize(struct store *store);
void *store_writer_main(void *store);

/* apply.c: the writes from `first` on, within a transaction: the appends behind the others, which
 * do not depend on them, all in their order. Each has is_kept, or it is said what failed. */
DIFY_MUST_CHECK int store_apply(struct store *store, struct store_write *first);

/* Runs a statement that gives no rows, and makes it ready for the next time. */
DIFY_MUST_CHECK int store_run_stmt(sqlite3_stmt *stmt);

#endif
