/* SPDX-License-Identifier: Apache-2.0
 *
 * prune.c: see prune.h; and pruning a store that nobody has open.
 */
#include "store/prune.h"

#include "store/writer.h"

#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* The most that is kept free below a limit of size: two batches. */
#define RESERVE_BYTES ((int64_t)(2 * STORE_BATCH_BYTES))

/* Space is given back when so many pages are free, and a quarter of the file is. */
#define FREE_PAGES 256
#define SHRINK "PRAGMA incremental_vacuum(128)"

static const char *const texts[] = {
    [STORE_PRUNE_BEGIN] = "BEGIN IMMEDIATE",
    [STORE_PRUNE_COMMIT] = "COMMIT",
    [STORE_PRUNE_ROLLBACK] = "ROLLBACK",
    [STORE_PRUNE_PAGES] = "PRAGMA page_count",
    [STORE_PRUNE_FREE_PAGES] = "PRAGMA freelist_count",
    [STORE_PRUNE_LEFT] = "SELECT number FROM removed LIMIT 1",
    [STORE_PRUNE_OLDEST] = "SELECT number, ended FROM runs INDEXED BY runs_ended WHERE state = 3"
                           " ORDER BY ended LIMIT 1",
    [STORE_PRUNE_KEY] = "DELETE FROM keys WHERE key = (SELECT key FROM details WHERE number = ?1)",
    [STORE_PRUNE_DETAILS] = "DELETE FROM details WHERE number = ?1",
    [STORE_PRUNE_RESULT] = "DELETE FROM results WHERE number = ?1",
    [STORE_PRUNE_NOTE] = "INSERT INTO removed VALUES (?1)",
    /* The highest number there was: it is never given again. */
    [STORE_PRUNE_LAST] = "INSERT INTO meta VALUES ('last', ?1) ON CONFLICT (name) DO UPDATE"
                         " SET value = max(value, excluded.value)",
    [STORE_PRUNE_RUN] = "DELETE FROM runs WHERE number = ?1",
    [STORE_PRUNE_LOG] =
        "DELETE FROM segments WHERE position BETWEEN ?1 << 24 AND coalesce((SELECT position"
        " FROM segments WHERE position BETWEEN ?1 << 24 AND ?1 << 24 | 16777215"
        " ORDER BY position LIMIT 1 OFFSET ?2 - 1), ?1 << 24 | 16777215)",
    [STORE_PRUNE_DONE] = "DELETE FROM removed WHERE number = ?1",
};

int store_pruner_init(struct store_pruner *pruner, sqlite3 *db, uint64_t max_age_s,
                      uint64_t max_bytes)
{
    int rc = SQLITE_OK;
    *pruner = (struct store_pruner){.db = db, .max_age_s = max_age_s};
    for (size_t i = 0; rc == SQLITE_OK && i < STORE_PRUNE_COUNT; i++)
        rc = store_db_prepare(db, texts[i], &pruner->stmts[i]);
    pruner->page_size = store_db_number(db, "PRAGMA page_size", 4096);
    if (max_bytes != 0) {
        uint64_t pages = max_bytes / (uint64_t)pruner->page_size;
        int64_t most = RESERVE_BYTES / pruner->page_size;
        pruner->max_pages = pages == 0 ? 1 : pages > INT32_MAX ? INT32_MAX : (int64_t)pages;
        pruner->reserve = pruner->max_pages / 16 < most ? pruner->max_pages / 16 : most;
    }
    return rc;
}

void store_pruner_fini(struct store_pruner *pruner)
{
    for (size_t i = 0; i < STORE_PRUNE_COUNT; i++)
        sqlite3_finalize(pruner->stmts[i]);
}

/* ---- what is due --------------------------------------------------------------------------- */

/* The first column, -1 where there is no row; *second: the next one. */
static int64_t ask(struct store_pruner *pruner, enum store_prune_stmt which, int64_t *second)
{
    sqlite3_stmt *stmt = pruner->stmts[which];
    int64_t value = -1;
    if (sqlite3_step(stmt) == SQLITE_ROW) {
        value = sqlite3_column_int64(stmt, 0);
        if (second != NULL)
            *second = sqlite3_column_int64(stmt, 1);
    }
    sqlite3_reset(stmt);
    return value;
}

int64_t store_pruner_pages(struct store_pruner *pruner)
{
    return ask(pruner, STORE_PRUNE_PAGES, NULL);
}

int64_t store_pruner_used(struct store_pruner *pruner)
{
    return store_pruner_pages(pruner) - ask(pruner, STORE_PRUNE_FREE_PAGES, NULL);
}

static bool is_too_large(struct store_pruner *pruner)
{
    return pruner->max_pages != 0 &&
           store_pruner_used(pruner) > pruner->max_pages - pruner->reserve;
}

/* The number of a run that is to go; -1: none. */
static int64_t find_due(struct store_pruner *pruner, uint64_t now_ms, bool makes_room)
{
    if (pruner->max_age_s == 0 && !makes_room && !is_too_large(pruner))
        return -1;
    int64_t ended = 0, number = ask(pruner, STORE_PRUNE_OLDEST, &ended);
    uint64_t age_ms = now_ms > (uint64_t)ended ? now_ms - (uint64_t)ended : 0;
    bool is_old = pruner->max_age_s != 0 && age_ms / 1000 >= pruner->max_age_s;
    return number >= 0 && (makes_room || is_old || is_too_large(pruner)) ? number : -1;
}

/* ---- a step -------------------------------------------------------------------------------- */

static int run_with(struct store_pruner *pruner, enum store_prune_stmt which, int64_t number)
{
    int rc = sqlite3_bind_int64(pruner->stmts[which], 1, number);
    return rc != SQLITE_OK ? rc : store_run_stmt(pruner->stmts[which]);
}

/* Of a run that is noted as removed. Takes what it removes off `*segments`. */
static int remove_log(struct store_pruner *pruner, int64_t number, int *segments)
{
    int rc = sqlite3_bind_int(pruner->stmts[STORE_PRUNE_LOG], 2, *segments);
    if (rc == SQLITE_OK)
        rc = run_with(pruner, STORE_PRUNE_LOG, number);
    if (rc != SQLITE_OK)
        return rc;
    *segments -= sqlite3_changes(pruner->db);
    return *segments > 0 ? run_with(pruner, STORE_PRUNE_DONE, number) : SQLITE_OK;
}

static int remove_run(struct store_pruner *pruner, int64_t number, int *segments)
{
    int rc = SQLITE_OK;
    for (int which = STORE_PRUNE_KEY; rc == SQLITE_OK && which <= STORE_PRUNE_RUN; which++)
        rc = run_with(pruner, (enum store_prune_stmt)which, number);
    return rc == SQLITE_OK ? remove_log(pruner, number, segments) : rc;
}

static int remove_some(struct store_pruner *pruner, uint64_t now_ms, bool makes_room,
                       uint64_t *removed)
{
    int64_t number;
    int segments = STORE_PRUNE_SEGMENTS, rc = SQLITE_OK;
    while (rc == SQLITE_OK && segments > 0 && (number = ask(pruner, STORE_PRUNE_LEFT, NULL)) >= 0) {
        makes_room = false;
        rc = remove_log(pruner, number, &segments);
    }
    while (rc == SQLITE_OK && segments > 0 && *removed < STORE_PRUNE_RUNS &&
           (number = find_due(pruner, now_ms, makes_room)) >= 0) {
        makes_room = false;
        rc = remove_run(pruner, number, &segments);
        ++*removed;
    }
    return rc;
}

int store_prune_step(struct store_pruner *pruner, uint64_t now_ms, bool makes_room, bool *did)
{
    uint64_t removed = 0;
    *did = ask(pruner, STORE_PRUNE_LEFT, NULL) >= 0 || find_due(pruner, now_ms, makes_room) >= 0;
    if (!*did)
        return SQLITE_OK;
    int rc = store_run_stmt(pruner->stmts[STORE_PRUNE_BEGIN]);
    if (rc == SQLITE_OK)
        rc = remove_some(pruner, now_ms, makes_room, &removed);
    if (rc == SQLITE_OK)
        rc = store_run_stmt(pruner->stmts[STORE_PRUNE_COMMIT]);
    if (rc == SQLITE_OK) {
        pruner->removed += removed;
        return rc;
    }
    *did = false;
    if (!sqlite3_get_autocommit(pruner->db) &&
        store_run_stmt(pruner->stmts[STORE_PRUNE_ROLLBACK]) != SQLITE_OK)
        sqlite3_exec(pruner->db, "ROLLBACK", NULL, NULL, NULL);
    return rc;
}

void store_pruner_shrink(struct store_pruner *pruner, bool is_all)
{
    int64_t pages = store_pruner_pages(pruner), unused = pages - store_pruner_used(pruner);
    if (is_all)
        sqlite3_exec(pruner->db, "PRAGMA incremental_vacuum", NULL, NULL, NULL);
    else if (unused > FREE_PAGES && unused > pages / 4)
        sqlite3_exec(pruner->db, SHRINK, NULL, NULL, NULL);
}

/* ---- a store that nobody has open ---------------------------------------------------------- */

static int prune_all(sqlite3 *db, uint64_t max_age_s, uint64_t max_bytes, uint64_t *removed)
{
    struct store_pruner pruner;
    struct timespec now;
    bool did = true;
    clock_gettime(CLOCK_REALTIME, &now);
    int rc = store_pruner_init(&pruner, db, max_age_s, max_bytes);
    pruner.reserve = 0;
    while (rc == SQLITE_OK && did)
        rc = store_prune_step(&pruner, (uint64_t)now.tv_sec * 1000, false, &did);
    if (rc == SQLITE_OK)
        store_pruner_shrink(&pruner, true);
    *removed = pruner.removed;
    store_pruner_fini(&pruner);
    return rc;
}

static enum dify_err prune_at(const char *path, uint64_t max_age_s, uint64_t max_bytes,
                              uint64_t *removed, struct store_error *error)
{
    sqlite3 *db = NULL;
    int fd = -1;
    enum dify_err err = store_lock(path, &fd, error);
    if (err != DIFY_OK)
        return err;
    err = store_db_open_to_write(path, &db, error);
    if (err == DIFY_OK && prune_all(db, max_age_s, max_bytes, removed) != SQLITE_OK)
        err = store_complain(error, "%s: %s", path, sqlite3_errmsg(db));
    sqlite3_close(db); /* what is in the write-ahead log goes into the database with it */
    close(fd);
    return err;
}

enum dify_err store_prune(const char *path, uint64_t max_age_s, uint64_t max_bytes,
                          uint64_t *removed, struct store_error *error)
{
    char *real;
    if (access(path, F_OK) != 0) /* not made for nothing */
        return store_complain(error, "%s: there is no such store", path);
    enum dify_err err = store_real_path(path, &real, error);
    if (err != DIFY_OK)
        return err;
    err = prune_at(real, max_age_s, max_bytes, removed, error);
    free(real);
    return err;
}
