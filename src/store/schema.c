/* SPDX-License-Identifier: Apache-2.0
 *
 * schema.c: the tables, how those of older releases become them, and what a store remembers of the
 * processes that had it.
 *
 * The table of runs is kept small: it is what lists and sums go through. What is long stands in
 * tables of its own under the run's number. A segment of a log is found by the run's number and
 * the number of its first record, which are one integer.
 */
#include "store/schema.h"

#include "core/slices.h"
#include "store/sent.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* "dify": whose file it is. */
#define APPLICATION_ID 0x64696679

/* From version n to n + 1. */
static const char *const steps[] = {
    "CREATE TABLE meta (name TEXT PRIMARY KEY, value ANY) STRICT, WITHOUT ROWID;"
    "CREATE TABLE runs ("
    " number INTEGER PRIMARY KEY, id BLOB NOT NULL, state INTEGER NOT NULL,"
    " epoch INTEGER NOT NULL, created INTEGER NOT NULL, sent INTEGER, ended INTEGER,"
    " app TEXT, user TEXT, route TEXT, kind INTEGER NOT NULL,"
    " run_id TEXT, task_id TEXT, message_id TEXT, status TEXT, code TEXT,"
    " price TEXT, currency TEXT, http_status INTEGER, success INTEGER, tokens INTEGER,"
    " steps INTEGER, events INTEGER, rating TEXT, comment TEXT) STRICT;"
    "CREATE UNIQUE INDEX runs_id ON runs (id);"
    "CREATE INDEX runs_run_id ON runs (run_id) WHERE run_id IS NOT NULL;"
    "CREATE INDEX runs_open ON runs (number) WHERE state < 3;"
    "CREATE INDEX runs_ended ON runs (ended) WHERE state = 3;"
    "CREATE INDEX runs_created ON runs (created);"
    "CREATE TABLE details ("
    " number INTEGER PRIMARY KEY, workflow_id TEXT, conversation_id TEXT, query TEXT,"
    " inputs TEXT, key BLOB, digest BLOB) STRICT;"
    "CREATE TABLE keys (key BLOB PRIMARY KEY, number INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE TABLE results (number INTEGER PRIMARY KEY, result TEXT) STRICT;"
    /* In the order of time, not of runs: what many runs write at once fills a page, instead of a
     * little of a page for each run. */
    "CREATE TABLE segments ("
    " id INTEGER PRIMARY KEY, position INTEGER NOT NULL, count INTEGER NOT NULL,"
    " records BLOB NOT NULL) STRICT;"
    "CREATE UNIQUE INDEX segments_position ON segments (position);"
    /* Runs that are gone but for segments of theirs. */
    "CREATE TABLE removed (number INTEGER PRIMARY KEY) STRICT;",

    "ALTER TABLE details ADD COLUMN extra TEXT;"
    "CREATE INDEX runs_task_id ON runs (task_id) WHERE task_id IS NOT NULL;",
};

#define SCHEMA_VERSION ((int)(sizeof steps / sizeof steps[0]))

static enum dify_err complain(sqlite3 *db, const char *path, struct store_error *error)
{
    int rc = sqlite3_errcode(db);
    return rc == SQLITE_NOMEM ? DIFY_ERR_NOMEM
                              : store_complain(error, "%s: %s", path, sqlite3_errmsg(db));
}

static bool run(sqlite3 *db, const char *sql)
{
    return sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK;
}

static bool take_step(sqlite3 *db, int version)
{
    char sql[80];
    sqlite3_snprintf(sizeof sql, sql, "PRAGMA application_id=%d; PRAGMA user_version=%d",
                     APPLICATION_ID, version + 1);
    return run(db, "BEGIN IMMEDIATE") && run(db, steps[version]) && run(db, sql) &&
           run(db, "COMMIT");
}

/* *version: 0 of an empty database. */
static enum dify_err find_version(sqlite3 *db, const char *path, int64_t *version,
                                  struct store_error *error)
{
    int64_t tables = store_db_number(db, "SELECT count(*) FROM sqlite_schema", -1);
    *version = store_db_number(db, "PRAGMA user_version", -1);
    if (*version < 0 || tables < 0)
        return complain(db, path, error);
    if (tables != 0 && store_db_number(db, "PRAGMA application_id", 0) != APPLICATION_ID)
        return store_complain(error, "%s: a database, but no store of difystream", path);
    if (*version > SCHEMA_VERSION)
        return store_complain(error, "%s: made by a newer release of difystream", path);
    return DIFY_OK;
}

enum dify_err store_schema_check(sqlite3 *db, const char *path, struct store_error *error)
{
    int64_t version;
    enum dify_err err = find_version(db, path, &version, error);
    if (err == DIFY_OK && version < SCHEMA_VERSION)
        return store_complain(error, "%s: %s", path,
                              version == 0 ? "an empty store"
                                           : "made by an older release of difystream");
    return err;
}

enum dify_err store_schema_bring_up(sqlite3 *db, const char *path, struct store_error *error)
{
    int64_t version;
    enum dify_err err = find_version(db, path, &version, error);
    if (err != DIFY_OK)
        return err;
    if (version == 0 && (!run(db, "PRAGMA page_size=" STORE_PAGE_SIZE_TEXT) ||
                         !run(db, "PRAGMA auto_vacuum=INCREMENTAL")))
        return complain(db, path, error);
    /* Checkpoints are the writer's to make, when nobody waits for it. */
    if (!run(db, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=0;"
                 "PRAGMA temp_store=MEMORY; PRAGMA secure_delete=FAST; PRAGMA cache_size=-16384;"
                 "PRAGMA journal_size_limit=67108864"))
        return complain(db, path, error);
    for (int at = (int)version; at < SCHEMA_VERSION; at++)
        if (!take_step(db, at)) {
            err = complain(db, path, error);
            run(db, "ROLLBACK");
            return err;
        }
    return DIFY_OK;
}

/* ---- the store's lives --------------------------------------------------------------------- */

/* What is another one after each start of the machine. Where it cannot be read it is never the
 * same: a needless epoch does no harm. */
struct dify_slice store_boot_id(char room[STORE_BOOT_BYTES])
{
    ssize_t len = -1;
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        len = read(fd, room, STORE_BOOT_BYTES);
        close(fd);
    }
    if (len <= 0)
        return (struct dify_slice){NULL, 0};
    return (struct dify_slice){room, (size_t)len};
}

static bool was_booted_since(sqlite3 *db, struct dify_slice boot)
{
    sqlite3_stmt *stmt = NULL;
    bool is_same = false;
    if (sqlite3_prepare_v2(db, "SELECT value FROM meta WHERE name = 'boot'", -1, &stmt, NULL) ==
            SQLITE_OK &&
        sqlite3_step(stmt) == SQLITE_ROW) {
        const char *text = (const char *)sqlite3_column_text(stmt, 0);
        is_same = text != NULL && boot.ptr != NULL &&
                  dify__slice_equals(
                      (struct dify_slice){text, (size_t)sqlite3_column_bytes(stmt, 0)}, boot);
    }
    sqlite3_finalize(stmt);
    return !is_same;
}

enum dify_err store_db_past(sqlite3 *db, struct store_sent_past *out, struct store_error *error)
{
    int64_t last = store_db_number(db, "SELECT coalesce(max(number), 0) FROM runs", -1);
    int64_t removed =
        store_db_number(db, "SELECT coalesce((SELECT value FROM meta WHERE name = 'last'), 0)", -1);
    out->life =
        store_db_number(db, "SELECT coalesce((SELECT value FROM meta WHERE name = 'life'), 0)", -1);
    if (last < 0 || removed < 0 || out->life < 0)
        return complain(db, "the store", error);
    out->last_number = (uint64_t)(last > removed ? last : removed);
    return DIFY_OK;
}

static bool set_life(sqlite3 *db, struct dify_slice boot, int64_t life)
{
    sqlite3_stmt *stmt = NULL;
    bool is_set =
        sqlite3_prepare_v2(db, "REPLACE INTO meta VALUES ('clean', 0), ('boot', ?1), ('life', ?2)",
                           -1, &stmt, NULL) == SQLITE_OK &&
        store_bind_text(stmt, 1, boot) == SQLITE_OK &&
        sqlite3_bind_int64(stmt, 2, life) == SQLITE_OK && sqlite3_step(stmt) == SQLITE_DONE;
    sqlite3_finalize(stmt);
    return is_set;
}

enum dify_err store_db_begin(sqlite3 *db, int64_t life, bool is_copy, struct store_error *error)
{
    char room[STORE_BOOT_BYTES];
    struct dify_slice boot = store_boot_id(room);
    bool is_clean = store_db_number(db, "SELECT value FROM meta WHERE name = 'clean'", 0) != 0;
    bool is_new = is_copy || (!is_clean && was_booted_since(db, boot));
    if (!run(db, "BEGIN IMMEDIATE") ||
        (is_new && !run(db, "UPDATE runs SET epoch = epoch + 1 WHERE state < 3")) ||
        !set_life(db, boot, life) || !run(db, "COMMIT")) {
        enum dify_err err = complain(db, "the store", error);
        run(db, "ROLLBACK");
        return err;
    }
    return DIFY_OK;
}

void store_db_settle(sqlite3 *db)
{
    run(db, "PRAGMA synchronous=FULL; REPLACE INTO meta VALUES ('clean', 1)");
}
