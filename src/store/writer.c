/* SPDX-License-Identifier: Apache-2.0
 *
 * writer.c: the store's thread: all that is queued in one transaction, and again until it is
 * written.
 */
#include "store/writer.h"

#include <limits.h>
#include <stdlib.h>
#include <time.h>

/* Pages in the write-ahead log at which it is carried over into the database. */
#define CHECKPOINT_PAGES 2000

/* Where somebody always reads it never begins anew, and grows. So large the writer waits for those
 * who read at the moment; for who reads longer than that not again until it has doubled. */
#define WAL_PAGES 4000
#define WAL_WAIT_MS 1000

static const char *const texts[] = {
    [STORE_STMT_BEGIN] = "BEGIN IMMEDIATE",
    [STORE_STMT_COMMIT] = "COMMIT",
    [STORE_STMT_ROLLBACK] = "ROLLBACK",
    [STORE_STMT_HAS_KEY] = "SELECT 1 FROM keys WHERE key = ?1",
    [STORE_STMT_ADD_RUN] =
        "INSERT INTO runs (number, id, state, epoch, created, sent, app, user, route, kind)"
        " VALUES (?1, ?2, ?3, 1, ?4, ?5, ?6, ?7, ?8, ?9)",
    [STORE_STMT_ADD_DETAILS] =
        "INSERT INTO details (number, workflow_id, conversation_id, query, inputs, key, digest,"
        " extra) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    [STORE_STMT_ADD_KEY] = "INSERT INTO keys VALUES (?1, ?2)",
    [STORE_STMT_SUBMITTING] =
        "UPDATE runs SET state = 1, sent = ?2 WHERE number = ?1 AND state < 2",
    [STORE_STMT_STARTED] =
        "UPDATE runs SET state = 2, run_id = coalesce(?2, run_id), task_id = coalesce(?3, task_id)"
        " WHERE number = ?1 AND state < 3",
    [STORE_STMT_HAS_RUN] = "SELECT 1 FROM runs WHERE number = ?1",
    [STORE_STMT_APPEND] = "INSERT OR FAIL INTO segments (position, count, records)"
                          " SELECT position, count, records FROM " STORE_APPENDS_TABLE,
    [STORE_STMT_END] =
        "UPDATE runs SET state = 3, ended = ?2, run_id = coalesce(?3, run_id),"
        " task_id = coalesce(?4, task_id), message_id = coalesce(?5, message_id), status = ?6,"
        " code = ?7, price = ?8, currency = ?9, http_status = ?10, success = ?11, tokens = ?12,"
        " steps = ?13, events = ?14 WHERE number = ?1 AND state < 3",
    [STORE_STMT_RESULT] = "REPLACE INTO results VALUES (?1, ?2)",
    [STORE_STMT_CONVERSATION] = "UPDATE details SET conversation_id = ?2 WHERE number = ?1"
                                " AND coalesce(conversation_id, '') = ''",
    [STORE_STMT_FREE_KEY] =
        "DELETE FROM keys WHERE key = (SELECT key FROM details WHERE number = ?1)",
    [STORE_STMT_NO_KEY] = "UPDATE details SET key = NULL, digest = NULL WHERE number = ?1",
    [STORE_STMT_REOPEN] = "UPDATE runs SET state = 2, ended = NULL, status = NULL, code = NULL,"
                          " http_status = NULL, success = NULL WHERE number = ?1 AND state = 3",
    [STORE_STMT_NO_RESULT] = "DELETE FROM results WHERE number = ?1",
    [STORE_STMT_RATE] = "UPDATE runs SET rating = ?2, comment = ?3 WHERE number = ?1",
};

/* ---- lists of writes ----------------------------------------------------------------------- */

void store_writes_init(struct store_writes *writes)
{
    *writes = (struct store_writes){.end = &writes->first};
}

void store_writes_push(struct store_writes *writes, struct store_write *write)
{
    write->next = NULL;
    *writes->end = write;
    writes->end = &write->next;
    writes->bytes += write->bytes;
    writes->count++;
}

struct store_write *store_writes_pop(struct store_writes *writes)
{
    struct store_write *write = writes->first;
    if (write == NULL)
        return NULL;
    writes->first = write->next;
    if (writes->first == NULL)
        writes->end = &writes->first;
    writes->bytes -= write->bytes;
    writes->count--;
    return write;
}

void store_writes_free(struct store_writes *writes)
{
    struct store_write *write;
    while ((write = store_writes_pop(writes)) != NULL)
        free(write);
}

/* ---- a transaction ------------------------------------------------------------------------- */

static int count_pages(void *ctx, sqlite3 *db, const char *name, int pages)
{
    (void)db;
    (void)name;
    ((struct store *)ctx)->wal_pages = pages;
    return SQLITE_OK;
}

/* SQLite takes no limit below what the file has: after it has shrunk it is to be set again. */
static void limit_pages(struct store *store)
{
    char sql[60];
    if (store->pruner.max_pages == 0)
        return;
    sqlite3_snprintf(sizeof sql, sql, "PRAGMA max_page_count=%lld",
                     (long long)store->pruner.max_pages);
    sqlite3_exec(store->db, sql, NULL, NULL, NULL);
}

int store_writer_prepare(struct store *store)
{
    int rc = store_appends_register(store->db, &store->appends);
    for (size_t i = 0; rc == SQLITE_OK && i < STORE_STMT_COUNT; i++)
        rc = store_db_prepare(store->db, texts[i], &store->stmts[i]);
    if (rc == SQLITE_OK)
        rc = store_pruner_init(&store->pruner, store->db, store->options.max_age_s,
                               store->options.max_bytes);
    if (rc == SQLITE_OK)
        limit_pages(store);
    sqlite3_wal_hook(store->db, count_pages, store);
    store->is_full_sync = true;
    return rc;
}

void store_writer_finalize(struct store *store)
{
    store_pruner_fini(&store->pruner);
    for (size_t i = 0; i < STORE_STMT_COUNT; i++) {
        sqlite3_finalize(store->stmts[i]);
        store->stmts[i] = NULL;
    }
}

static int set_sync(struct store *store, bool is_full)
{
    if (store->is_full_sync == is_full)
        return SQLITE_OK;
    store->is_full_sync = is_full;
    return sqlite3_exec(store->db,
                        is_full ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=NORMAL", NULL,
                        NULL, NULL);
}

static int apply_batch(struct store *store)
{
    int rc = store_apply(store, store->batch.first);
    if (rc != SQLITE_OK)
        return rc;
    const struct store_fault *fault = store->options.fault;
    if (fault != NULL && !fault->may_commit(fault->ctx))
        return SQLITE_FULL;
    return store_run_stmt(store->stmts[STORE_STMT_COMMIT]);
}

static bool is_synced(const struct store_writes *batch)
{
    for (const struct store_write *write = batch->first; write != NULL; write = write->next)
        if (write->is_synced)
            return true;
    return false;
}

/* Writes the batch whole, or nothing of it. */
static int write_batch(struct store *store)
{
    int rc = set_sync(store, is_synced(&store->batch));
    if (rc == SQLITE_OK)
        rc = store_run_stmt(store->stmts[STORE_STMT_BEGIN]);
    if (rc == SQLITE_OK)
        rc = apply_batch(store);
    /* Some errors end the transaction by themselves. */
    if (rc != SQLITE_OK && !sqlite3_get_autocommit(store->db) &&
        store_run_stmt(store->stmts[STORE_STMT_ROLLBACK]) != SQLITE_OK)
        sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
    return rc;
}

/* ---- the thread ---------------------------------------------------------------------------- */

static void wake(struct store *store)
{
    if (store->is_woken || store->options.on_wake == NULL)
        return;
    store->is_woken = true;
    store->options.on_wake(store->options.ctx);
}

/* Below a limit of size a batch is no more than half of what is kept free for it. */
static void take_batch(struct store *store)
{
    const struct store_pruner *pruner = &store->pruner;
    size_t most = STORE_BATCH_BYTES;
    if (pruner->max_pages != 0 && (size_t)(pruner->reserve * pruner->page_size) / 2 < most)
        most = (size_t)(pruner->reserve * pruner->page_size) / 2;
    while (store->queue.first != NULL &&
           (store->batch.count == 0 || store->batch.bytes + store->queue.first->bytes <= most))
        store_writes_push(&store->batch, store_writes_pop(&store->queue));
}

/* What is written goes to the owner, or away if nobody asks for it. */
static void settle_batch(struct store *store, bool is_batch_synced)
{
    struct store_write *write;
    struct store_figures *figures = &store->figures;
    figures->commits++;
    figures->synced_commits += is_batch_synced;
    while ((write = store_writes_pop(&store->batch)) != NULL) {
        figures->written += write->is_kept;
        store->waiting--;
        if (write->done != NULL) {
            store_writes_push(&store->delivery, write);
        } else {
            store->held_bytes -= write->bytes;
            free(write);
        }
    }
    bool has_recovered = store->failing != NULL;
    store->failing = NULL;
    if (has_recovered || store->delivery.first != NULL)
        wake(store);
}

static struct timespec in_ms(unsigned ms)
{
    struct timespec when;
    clock_gettime(CLOCK_MONOTONIC, &when);
    when.tv_sec += ms / 1000;
    when.tv_nsec += (long)(ms % 1000) * 1000000;
    if (when.tv_nsec >= 1000000000) {
        when.tv_sec++;
        when.tv_nsec -= 1000000000;
    }
    return when;
}

/* Waits for the next try; false if there is to be none. */
static bool await_retry(struct store *store, int rc)
{
    struct timespec when = in_ms(STORE_RETRY_MS);
    const char *why = sqlite3_errstr(rc);
    store->figures.failed_commits++;
    if (store->failing != why) {
        store->failing = why;
        wake(store);
    }
    if (store->is_closing)
        return false;
    while (!store->is_closing)
        if (pthread_cond_timedwait(&store->cond, &store->mutex, &when) != 0)
            break;
    return true;
}

static uint64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* Whether pruning has to wait: for those who write, unless there is hardly room for them. */
static bool is_wanted(struct store *store)
{
    const struct store_pruner *pruner = &store->pruner;
    bool has_room = pruner->max_pages == 0 ||
                    store_pruner_used(&store->pruner) <= pruner->max_pages - pruner->reserve / 2;
    pthread_mutex_lock(&store->mutex);
    bool is_waited_for = store->is_closing || (has_room && store->queue.first != NULL);
    pthread_mutex_unlock(&store->mutex);
    return is_waited_for;
}

/* SQLite's own waiting is no good here: it waits for a place that readers take in turns. But who
 * begins to read behind the last frame stands in nobody's way, and once all is carried over who
 * begins needs the log no more. Nobody writes meanwhile: this is the writer. */
static bool restart_log(struct store *store)
{
    const struct timespec pause = {0, 2000000};
    uint64_t until_us = now_us() + WAL_WAIT_MS * 1000;
    int frames, carried, rc;
    while ((rc = sqlite3_wal_checkpoint_v2(store->db, NULL, SQLITE_CHECKPOINT_PASSIVE, &frames,
                                           &carried)) != SQLITE_OK ||
           carried < frames) {
        if (now_us() >= until_us)
            return false;
        nanosleep(&pause, NULL);
    }
    sqlite3_busy_timeout(store->db, WAL_WAIT_MS);
    rc = sqlite3_wal_checkpoint_v2(store->db, NULL, SQLITE_CHECKPOINT_RESTART, NULL, NULL);
    sqlite3_busy_timeout(store->db, STORE_BUSY_MS);
    return rc == SQLITE_OK;
}

static void carry_over(struct store *store)
{
    int pages = store->wal_pages;
    if (pages < WAL_PAGES)
        store->wal_most = WAL_PAGES;
    if (pages < CHECKPOINT_PAGES)
        return;
    if (pages < store->wal_most)
        sqlite3_wal_checkpoint_v2(store->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    else if (!restart_log(store))
        store->wal_most = pages > INT_MAX / 2 ? INT_MAX : 2 * pages;
    store->wal_pages = 0;
}

/* Outside the mutex, when what was written has been handed over. A step that fails is tried again
 * after the next batch. */
static void look_after(struct store *store)
{
    struct store_pruner *pruner = &store->pruner;
    bool did = true;
    while (did && store_prune_step(pruner, now_ms(), false, &did) == SQLITE_OK && did &&
           !is_wanted(store))
        ;
    if (pruner->removed != 0) {
        store_pruner_shrink(pruner, false);
        limit_pages(store);
    }
    carry_over(store);
    int64_t pages = store_pruner_pages(pruner);
    pthread_mutex_lock(&store->mutex);
    store->figures.removed_runs = pruner->removed;
    store->figures.database_bytes = (uint64_t)(pages * pruner->page_size);
    pthread_mutex_unlock(&store->mutex);
}

/* The batch does not fit below the limit of size: whether something was removed for it. */
static bool make_room(struct store *store)
{
    struct store_pruner *pruner = &store->pruner;
    int64_t need = (int64_t)store->batch.bytes / pruner->page_size + pruner->reserve;
    bool did = false;
    if (pruner->max_pages == 0 || store_pruner_pages(pruner) + need < pruner->max_pages)
        return false; /* it is the disk that is full */
    return store_prune_step(pruner, now_ms(), true, &did) == SQLITE_OK && did;
}

/* Transactions begin no sooner one after the other, so that under load each takes in more: the cost
 * of a transaction is nearly all its own. After a pause the first one does not wait. */
static void gather(struct store *store)
{
    uint64_t now = now_us();
    while (!store->is_closing && now < store->gather_until_us) {
        struct timespec when = {(time_t)(store->gather_until_us / 1000000),
                                (long)(store->gather_until_us % 1000000) * 1000};
        pthread_cond_timedwait(&store->cond, &store->mutex, &when);
        now = now_us();
    }
    store->gather_until_us = now + STORE_GATHER_MS * 1000;
}

/* Waits for work; false if there will be none. */
static bool await_work(struct store *store)
{
    bool ages = store->options.max_age_s != 0;
    struct timespec when = in_ms(STORE_PRUNE_MS);
    while (store->queue.first == NULL && store->batch.first == NULL && !store->is_closing) {
        store->is_idle = true;
        if (!ages) {
            pthread_cond_wait(&store->cond, &store->mutex);
        } else if (pthread_cond_timedwait(&store->cond, &store->mutex, &when) != 0) {
            pthread_mutex_unlock(&store->mutex);
            look_after(store);
            pthread_mutex_lock(&store->mutex);
            when = in_ms(STORE_PRUNE_MS);
        }
    }
    store->is_idle = false;
    gather(store);
    take_batch(store);
    return store->batch.first != NULL;
}

void *store_writer_main(void *ctx)
{
    struct store *store = ctx;
    look_after(store); /* what has become too old while nobody had the store open */
    pthread_mutex_lock(&store->mutex);
    while (await_work(store)) {
        pthread_mutex_unlock(&store->mutex);
        bool is_batch_synced = is_synced(&store->batch);
        uint64_t began_us = now_us();
        int rc = write_batch(store);
        uint64_t took_us = now_us() - began_us;
        bool has_room = rc != SQLITE_FULL || make_room(store);
        pthread_mutex_lock(&store->mutex);
        store->figures.commit_us += took_us;
        if (rc == SQLITE_OK) {
            settle_batch(store, is_batch_synced);
            pthread_mutex_unlock(&store->mutex);
            look_after(store);
            pthread_mutex_lock(&store->mutex);
        } else if (!has_room || rc != SQLITE_FULL) {
            if (!await_retry(store, rc))
                break;
        }
    }
    pthread_mutex_unlock(&store->mutex);
    return NULL;
}
