/* SPDX-License-Identifier: Apache-2.0
 *
 * store.c: opening and closing a store, and its owner's side: the queue and what is delivered.
 */
#include "store/store.h"

#include "core/slices.h"
#include "store/reader.h"
#include "store/schema.h"
#include "store/writer.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- opening and closing ------------------------------------------------------------------- */

static bool init_lock(struct store *store)
{
    pthread_condattr_t attr;
    if (pthread_mutex_init(&store->mutex, NULL) != 0)
        return false;
    if (pthread_condattr_init(&attr) == 0) {
        store->has_lock = pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) == 0 &&
                          pthread_cond_init(&store->cond, &attr) == 0;
        pthread_condattr_destroy(&attr);
    }
    if (!store->has_lock)
        pthread_mutex_destroy(&store->mutex);
    return store->has_lock;
}

/* Signals are the owner's. */
static bool start_thread(struct store *store)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    store->has_thread = pthread_create(&store->thread, NULL, store_writer_main, store) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return store->has_thread;
}

/* A number that no life of this store had, as good as surely; never 0. */
static int64_t new_life(void)
{
    uint64_t life = 0;
    sqlite3_randomness(sizeof life, &life);
    return (int64_t)(life >> 1 | 1);
}

/* The marks stand beside the database. */
static enum dify_err begin_life(struct store *store, struct store_error *error)
{
    char room[STORE_BOOT_BYTES], path[PATH_MAX];
    struct store_sent_past past;
    int64_t life = new_life();
    int len = snprintf(path, sizeof path, "%s-sent", store->path);
    if (len < 0 || (size_t)len >= sizeof path)
        return store_complain(error, "the path of the store is too long");
    enum dify_err err = store_db_past(store->db, &past, error);
    if (err != DIFY_OK)
        return err;
    store->next_number = past.last_number + 1;
    if (!store_sent_open(&store->sent, path, store_boot_id(room), &past) ||
        !store_sent_announce(&store->sent, life))
        return store_complain(error, "%s: %s", path, strerror(errno));
    err = store_db_begin(store->db, life, store->sent.is_other, error);
    if (err == DIFY_OK)
        store_sent_live(&store->sent);
    return err;
}

static enum dify_err open_parts(struct store *store, struct store_error *error)
{
    /* Nobody asks how much memory SQLite has, and to count it takes a lock each time. Refused where
     * it is at work already, which does no harm. */
    (void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    if (sqlite3_initialize() != SQLITE_OK)
        return DIFY_ERR_NOMEM;
    enum dify_err err = store_real_path(store->options.path, &store->path, error);
    if (err == DIFY_OK)
        err = store_lock(store->path, &store->lock_fd, error);
    if (err == DIFY_OK)
        err = store_db_open_to_write(store->path, &store->db, error);
    if (err == DIFY_OK)
        err = begin_life(store, error);
    if (err != DIFY_OK)
        return err;
    if (store_writer_prepare(store) != SQLITE_OK)
        return store_complain(error, "%s: %s", store->path, sqlite3_errmsg(store->db));
    return init_lock(store) && start_thread(store) ? DIFY_OK : DIFY_ERR_NOMEM;
}

enum dify_err store_open(const struct store_options *options, struct store **out,
                         struct store_error *error)
{
    struct store *store = calloc(1, sizeof *store);
    if (store == NULL)
        return DIFY_ERR_NOMEM;
    store->options = *options;
    store->lock_fd = -1;
    store_writes_init(&store->queue);
    store_writes_init(&store->batch);
    store_writes_init(&store->delivery);
    enum dify_err err = open_parts(store, error);
    if (err != DIFY_OK) {
        store_close(store);
        return err;
    }
    *out = store;
    return DIFY_OK;
}

void store_close(struct store *store)
{
    if (store == NULL)
        return;
    if (store->has_thread) {
        pthread_mutex_lock(&store->mutex);
        store->is_closing = true;
        pthread_cond_signal(&store->cond);
        pthread_mutex_unlock(&store->mutex);
        pthread_join(store->thread, NULL);
        if (store->queue.first == NULL && store->batch.first == NULL)
            store_db_settle(store->db);
    }
    if (store->has_lock) {
        pthread_cond_destroy(&store->cond);
        pthread_mutex_destroy(&store->mutex);
    }
    store_writes_free(&store->queue);
    store_writes_free(&store->batch);
    store_writes_free(&store->delivery);
    store_writer_finalize(store);
    store_sent_close(&store->sent);
    sqlite3_close(store->db);
    if (store->lock_fd >= 0)
        close(store->lock_fd);
    free(store->path);
    free(store);
}

const char *store_path(const struct store *store)
{
    return store->path;
}

void store_mark_sent(struct store *store, uint64_t number)
{
    store_sent_mark(&store->sent, number);
}

bool store_was_sent(const struct store *store, uint64_t number, enum store_state state)
{
    if (state == STORE_ACCEPTED)
        return store_sent_has_accepted(&store->sent, number);
    return state > STORE_SUBMITTING || store_sent_has(&store->sent, number);
}

uint64_t store_next_number(struct store *store)
{
    assert(store->next_number < STORE_NUMBERS);
    return store->next_number++;
}

/* ---- the queue ----------------------------------------------------------------------------- */

#define SLICE(member) offsetof(struct store_write, as.member)
#define SLICES_MOST 10

/* Where a write has slices, which are to be copied; 0 ends a list. */
static const size_t slices[][SLICES_MOST + 1] = {
    [STORE_OP_BEGIN] = {SLICE(begin.run.app), SLICE(begin.run.user), SLICE(begin.run.route),
                        SLICE(begin.run.workflow_id), SLICE(begin.run.conversation_id),
                        SLICE(begin.run.query), SLICE(begin.run.inputs), SLICE(begin.run.extra),
                        SLICE(begin.key), SLICE(begin.digest)},
    [STORE_OP_SUBMITTING] = {0},
    [STORE_OP_STARTED] = {SLICE(started.run_id), SLICE(started.task_id)},
    [STORE_OP_APPEND] = {SLICE(append.records)},
    [STORE_OP_END] = {SLICE(end.run_id), SLICE(end.task_id), SLICE(end.message_id),
                      SLICE(end.conversation_id), SLICE(end.status), SLICE(end.code),
                      SLICE(end.price), SLICE(end.currency), SLICE(end.result)},
    [STORE_OP_REOPEN] = {0},
    [STORE_OP_RATE] = {SLICE(rate.rating), SLICE(rate.comment)},
};

static struct dify_slice *slice_at(struct store_write *write, size_t offset)
{
    return (struct dify_slice *)(void *)((char *)write + offset);
}

/* A copy of a write and of all that it borrows, in one block. */
static struct store_write *copy_write(struct store_write *like)
{
    const size_t *offsets = slices[like->op];
    size_t bytes = sizeof *like;
    for (size_t i = 0; offsets[i] != 0; i++) {
        size_t len = slice_at(like, offsets[i])->len;
        if (len > STORE_QUEUE_BYTES)
            return NULL;
        bytes += len;
    }
    struct store_write *write = malloc(bytes);
    if (write == NULL)
        return NULL;
    *write = *like;
    write->bytes = bytes;
    char *at = (char *)(write + 1);
    for (size_t i = 0; offsets[i] != 0; i++) {
        struct dify_slice *slice = slice_at(write, offsets[i]);
        if (slice->ptr == NULL)
            continue;
        if (slice->len != 0)
            memcpy(at, slice->ptr, slice->len);
        slice->ptr = at;
        at += slice->len;
    }
    return write;
}

static bool has_more_room(enum store_op op)
{
    return op == STORE_OP_END || op == STORE_OP_STARTED;
}

static bool push(struct store *store, struct store_write *like, store_done_fn *done, void *ctx)
{
    like->done = done;
    like->ctx = ctx;
    struct store_write *write = copy_write(like);
    if (write == NULL)
        return false;
    pthread_mutex_lock(&store->mutex);
    size_t most =
        has_more_room(like->op) ? STORE_QUEUE_BYTES + STORE_QUEUE_ENDS_BYTES : STORE_QUEUE_BYTES;
    bool has_room = write->bytes <= most && store->held_bytes <= most - write->bytes;
    if (has_room) {
        store_writes_push(&store->queue, write);
        store->held_bytes += write->bytes;
        store->waiting++;
        if (store->is_idle)
            pthread_cond_signal(&store->cond);
    }
    pthread_mutex_unlock(&store->mutex);
    if (!has_room)
        free(write);
    return has_room;
}

static struct dify_slice hash_slice(const unsigned char *hash)
{
    return (struct dify_slice){(const char *)hash, hash != NULL ? STORE_HASH_BYTES : 0};
}

bool store_begin(struct store *store, const struct store_run *run, store_done_fn *done, void *ctx)
{
    struct store_write write = {.op = STORE_OP_BEGIN, .is_synced = true, .number = run->number};
    write.as.begin.run = *run;
    write.as.begin.key = hash_slice(run->key);
    write.as.begin.digest = hash_slice(run->digest);
    return push(store, &write, done, ctx);
}

bool store_set_submitting(struct store *store, uint64_t number, uint64_t sent_ms,
                          store_done_fn *done, void *ctx)
{
    struct store_write write = {.op = STORE_OP_SUBMITTING, .is_synced = true, .number = number};
    write.as.submitting.sent_ms = sent_ms;
    return push(store, &write, done, ctx);
}

bool store_set_started(struct store *store, uint64_t number, struct dify_slice run_id,
                       struct dify_slice task_id, store_done_fn *done, void *ctx)
{
    struct store_write write = {.op = STORE_OP_STARTED, .number = number};
    write.as.started.run_id = run_id;
    write.as.started.task_id = task_id;
    return push(store, &write, done, ctx);
}

bool store_append(struct store *store, uint64_t number, uint32_t first, struct dify_slice records,
                  store_done_fn *done, void *ctx)
{
    struct store_write write = {.op = STORE_OP_APPEND, .number = number};
    struct dify_slice rest = records;
    struct store_record record;
    write.as.append.first = first;
    while (store_record_next(&rest, &record))
        write.as.append.count++;
    assert(rest.len == 0);
    write.as.append.records = records;
    return push(store, &write, done, ctx);
}

bool store_end(struct store *store, uint64_t number, const struct store_end *end,
               store_done_fn *done, void *ctx)
{
    struct store_write write = {.op = STORE_OP_END, .is_synced = true, .number = number};
    write.as.end = *end;
    return push(store, &write, done, ctx);
}

bool store_reopen(struct store *store, uint64_t number, store_done_fn *done, void *ctx)
{
    struct store_write write = {.op = STORE_OP_REOPEN, .is_synced = true, .number = number};
    return push(store, &write, done, ctx);
}

bool store_rate(struct store *store, uint64_t number, struct dify_slice rating,
                struct dify_slice comment, store_done_fn *done, void *ctx)
{
    struct store_write write = {.op = STORE_OP_RATE, .number = number};
    write.as.rate.rating = rating;
    write.as.rate.comment = comment;
    return push(store, &write, done, ctx);
}

/* ---- the owner's side ---------------------------------------------------------------------- */

bool store_deliver(struct store *store)
{
    struct store_writes writes;
    struct store_write *write;
    store_writes_init(&writes);
    pthread_mutex_lock(&store->mutex);
    store->is_woken = false;
    store->held_bytes -= store->delivery.bytes;
    while ((write = store_writes_pop(&store->delivery)) != NULL)
        store_writes_push(&writes, write);
    pthread_mutex_unlock(&store->mutex);
    bool has_some = writes.first != NULL;
    while ((write = store_writes_pop(&writes)) != NULL) {
        store_done_fn *done = write->done;
        void *ctx = write->ctx;
        bool is_kept = write->is_kept;
        free(write);
        done(ctx, is_kept);
    }
    return has_some;
}

bool store_is_failing(struct store *store, const char **why)
{
    pthread_mutex_lock(&store->mutex);
    const char *failing = store->failing;
    pthread_mutex_unlock(&store->mutex);
    if (failing != NULL && why != NULL)
        *why = failing;
    return failing != NULL;
}

void store_figures(struct store *store, struct store_figures *out)
{
    pthread_mutex_lock(&store->mutex);
    *out = store->figures;
    out->queued_bytes = store->held_bytes;
    out->queued_writes = store->waiting;
    pthread_mutex_unlock(&store->mutex);
}
