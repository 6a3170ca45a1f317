/* SPDX-License-Identifier: Apache-2.0
 *
 * apply.c: what each write does to the tables.
 *
 * What can be refused (an id that is there already, a run that is not) is found by the first
 * statement of a write, so that a refused one has changed nothing.
 */
#include "store/writer.h"

#include <string.h>

/* Also where it failed. */
int store_run_stmt(sqlite3_stmt *stmt)
{
    int rc = sqlite3_step(stmt);
    int reset = sqlite3_reset(stmt);
    return rc == SQLITE_DONE || rc == SQLITE_ROW ? SQLITE_OK : reset != SQLITE_OK ? reset : rc;
}

/* Runs an update of one row; SQLITE_CONSTRAINT where there was none. */
static int run_update(struct store *store, sqlite3_stmt *stmt)
{
    int rc = store_run_stmt(stmt);
    return rc == SQLITE_OK && sqlite3_changes(store->db) == 0 ? SQLITE_CONSTRAINT : rc;
}

static int has_row(sqlite3_stmt *stmt, bool *has)
{
    int rc = sqlite3_step(stmt);
    int reset = sqlite3_reset(stmt);
    *has = rc == SQLITE_ROW;
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : reset != SQLITE_OK ? reset : rc;
}

static int bind_time(sqlite3_stmt *stmt, int at, uint64_t time_ms)
{
    return time_ms == 0 ? sqlite3_bind_null(stmt, at) : store_bind_uint(stmt, at, time_ms);
}

static int add_run(struct store *store, const struct store_run *run)
{
    sqlite3_stmt *stmt = store->stmts[STORE_STMT_ADD_RUN];
    int rc = store_bind_uint(stmt, 1, run->number);
    rc |= store_bind_blob(stmt, 2, (struct dify_slice){(const char *)run->id, STORE_ID_BYTES});
    rc |= sqlite3_bind_int(stmt, 3, run->sent_ms != 0 ? STORE_SUBMITTING : STORE_ACCEPTED);
    rc |= store_bind_uint(stmt, 4, run->created_ms);
    rc |= bind_time(stmt, 5, run->sent_ms);
    rc |= store_bind_text(stmt, 6, run->app);
    rc |= store_bind_text(stmt, 7, run->user);
    rc |= store_bind_text(stmt, 8, run->route);
    rc |= store_bind_uint(stmt, 9, run->kind);
    return rc != SQLITE_OK ? SQLITE_NOMEM : store_run_stmt(stmt);
}

static int add_details(struct store *store, const struct store_write *write)
{
    const struct store_run *run = &write->as.begin.run;
    sqlite3_stmt *stmt = store->stmts[STORE_STMT_ADD_DETAILS];
    int rc = store_bind_uint(stmt, 1, run->number);
    rc |= store_bind_text(stmt, 2, run->workflow_id);
    rc |= store_bind_text(stmt, 3, run->conversation_id);
    rc |= store_bind_text(stmt, 4, run->query);
    rc |= store_bind_text(stmt, 5, run->inputs);
    rc |= store_bind_blob(stmt, 6, write->as.begin.key);
    rc |= store_bind_blob(stmt, 7, write->as.begin.digest);
    rc |= store_bind_text(stmt, 8, run->extra);
    return rc != SQLITE_OK ? SQLITE_NOMEM : store_run_stmt(stmt);
}

static int apply_begin(struct store *store, const struct store_write *write)
{
    struct dify_slice key = write->as.begin.key;
    sqlite3_stmt *stmt = store->stmts[STORE_STMT_HAS_KEY];
    bool has_key = false;
    int rc = SQLITE_OK;
    if (key.ptr != NULL) {
        rc = store_bind_blob(stmt, 1, key);
        if (rc == SQLITE_OK)
            rc = has_row(stmt, &has_key);
    }
    if (rc == SQLITE_OK)
        rc = has_key ? SQLITE_CONSTRAINT : add_run(store, &write->as.begin.run);
    if (rc == SQLITE_OK)
        rc = add_details(store, write);
    if (rc != SQLITE_OK || key.ptr == NULL)
        return rc;
    stmt = store->stmts[STORE_STMT_ADD_KEY];
    if (store_bind_blob(stmt, 1, key) != SQLITE_OK ||
        store_bind_uint(stmt, 2, write->number) != SQLITE_OK)
        return SQLITE_NOMEM;
    return store_run_stmt(stmt);
}

static int apply_started(struct store *store, const struct store_write *write)
{
    sqlite3_stmt *stmt = store->stmts[STORE_STMT_STARTED];
    int rc = store_bind_uint(stmt, 1, write->number);
    rc |= store_bind_text(stmt, 2, write->as.started.run_id);
    rc |= store_bind_text(stmt, 3, write->as.started.task_id);
    return rc != SQLITE_OK ? SQLITE_NOMEM : run_update(store, stmt);
}

/* ---- runs that are there ------------------------------------------------------------------- */

/* A run is appended to dozens of times, and each time it must be there. What a transaction found
 * that failed holds for the next one, which begins with the same writes. */
static uint64_t *place_of(struct store *store, uint64_t number)
{
    if (store->known_removed != store->pruner.removed)
        memset(store->known, 0, sizeof store->known);
    store->known_removed = store->pruner.removed;
    return &store->known[number % STORE_KNOWN];
}

static int find_run(struct store *store, uint64_t number, bool *has_run)
{
    sqlite3_stmt *stmt = store->stmts[STORE_STMT_HAS_RUN];
    *has_run = *place_of(store, number) == number;
    if (*has_run)
        return SQLITE_OK;
    int rc = store_bind_uint(stmt, 1, number);
    if (rc == SQLITE_OK)
        rc = has_row(stmt, has_run);
    if (rc == SQLITE_OK && *has_run)
        *place_of(store, number) = number;
    return rc;
}

/* Whether it can be appended, as far as it is known before. */
static int check_append(struct store *store, const struct store_write *write)
{
    uint32_t first = write->as.append.first, count = write->as.append.count;
    bool has_run;
    if (first == 0 || first > STORE_RECORDS || count > STORE_RECORDS - first + 1)
        return SQLITE_CONSTRAINT;
    int rc = find_run(store, write->number, &has_run);
    if (rc != SQLITE_OK)
        return rc;
    return has_run ? SQLITE_OK : SQLITE_CONSTRAINT;
}

static int free_key(struct store *store, uint64_t number)
{
    static const int both[] = {STORE_STMT_FREE_KEY, STORE_STMT_NO_KEY};
    int rc = SQLITE_OK;
    for (size_t i = 0; i < 2 && rc == SQLITE_OK; i++) {
        sqlite3_stmt *stmt = store->stmts[both[i]];
        if (store_bind_uint(stmt, 1, number) != SQLITE_OK)
            return SQLITE_NOMEM;
        rc = store_run_stmt(stmt);
    }
    return rc;
}

/* That of a run which has begun one. */
static int keep_conversation(struct store *store, const struct store_write *write)
{
    sqlite3_stmt *stmt = store->stmts[STORE_STMT_CONVERSATION];
    if (store_bind_uint(stmt, 1, write->number) != SQLITE_OK ||
        store_bind_text(stmt, 2, write->as.end.conversation_id) != SQLITE_OK)
        return SQLITE_NOMEM;
    return store_run_stmt(stmt);
}

static int apply_end(struct store *store, const struct store_write *write)
{
    const struct store_end *end = &write->as.end;
    sqlite3_stmt *stmt = store->stmts[STORE_STMT_END];
    int rc = store_bind_uint(stmt, 1, write->number);
    rc |= store_bind_uint(stmt, 2, end->ended_ms);
    rc |= store_bind_text(stmt, 3, end->run_id);
    rc |= store_bind_text(stmt, 4, end->task_id);
    rc |= store_bind_text(stmt, 5, end->message_id);
    rc |= store_bind_text(stmt, 6, end->status);
    rc |= store_bind_text(stmt, 7, end->code);
    rc |= store_bind_text(stmt, 8, end->price);
    rc |= store_bind_text(stmt, 9, end->currency);
    rc |= store_bind_uint(stmt, 10, end->http_status);
    rc |= sqlite3_bind_int(stmt, 11, end->success);
    rc |= store_bind_uint(stmt, 12, end->tokens);
    rc |= store_bind_uint(stmt, 13, end->steps);
    rc |= store_bind_uint(stmt, 14, end->events);
    if (rc != SQLITE_OK)
        return SQLITE_NOMEM;
    rc = run_update(store, stmt);
    if (rc != SQLITE_OK)
        return rc;
    stmt = store->stmts[STORE_STMT_RESULT];
    if (store_bind_uint(stmt, 1, write->number) != SQLITE_OK ||
        store_bind_text(stmt, 2, end->result) != SQLITE_OK)
        return SQLITE_NOMEM;
    rc = store_run_stmt(stmt);
    if (rc == SQLITE_OK && end->conversation_id.len > 0)
        rc = keep_conversation(store, write);
    return rc == SQLITE_OK && end->frees_key ? free_key(store, write->number) : rc;
}

static int apply_reopen(struct store *store, const struct store_write *write)
{
    sqlite3_stmt *stmt = store->stmts[STORE_STMT_REOPEN];
    if (store_bind_uint(stmt, 1, write->number) != SQLITE_OK)
        return SQLITE_NOMEM;
    int rc = run_update(store, stmt);
    if (rc != SQLITE_OK)
        return rc;
    stmt = store->stmts[STORE_STMT_NO_RESULT];
    if (store_bind_uint(stmt, 1, write->number) != SQLITE_OK)
        return SQLITE_NOMEM;
    return store_run_stmt(stmt);
}

static int apply(struct store *store, const struct store_write *write)
{
    sqlite3_stmt *stmt;
    int rc;
    switch (write->op) {
    case STORE_OP_BEGIN:
        return apply_begin(store, write);
    case STORE_OP_SUBMITTING:
        stmt = store->stmts[STORE_STMT_SUBMITTING];
        rc = store_bind_uint(stmt, 1, write->number);
        rc |= store_bind_uint(stmt, 2, write->as.submitting.sent_ms);
        return rc != SQLITE_OK ? SQLITE_NOMEM : run_update(store, stmt);
    case STORE_OP_STARTED:
        return apply_started(store, write);
    case STORE_OP_APPEND:
        return check_append(store, write);
    case STORE_OP_END:
        return apply_end(store, write);
    case STORE_OP_REOPEN:
        return apply_reopen(store, write);
    case STORE_OP_RATE:
        stmt = store->stmts[STORE_STMT_RATE];
        rc = store_bind_uint(stmt, 1, write->number);
        rc |= store_bind_text(stmt, 2, write->as.rate.rating);
        rc |= store_bind_text(stmt, 3, write->as.rate.comment);
        return rc != SQLITE_OK ? SQLITE_NOMEM : run_update(store, stmt);
    }
    return SQLITE_MISUSE;
}

/* Whether it is the write's own fault that it failed: another time it would fail again. */
static bool is_refused(int rc)
{
    int kind = rc & 0xFF;
    return kind == SQLITE_CONSTRAINT || kind == SQLITE_TOOBIG || kind == SQLITE_MISMATCH;
}

/* Those that were found fit. Where a row stands in the place of another the statement keeps what it
 * has inserted (OR FAIL), and goes on behind it when it runs again. */
static int insert_appends(struct store *store, struct store_write *first)
{
    store_appends_begin(&store->appends, first);
    while (store->appends.at != NULL) {
        int rc = store_run_stmt(store->stmts[STORE_STMT_APPEND]);
        struct store_write *failed = rc != SQLITE_OK ? store_appends_skip(&store->appends) : NULL;
        if (failed == NULL || (rc & 0xFF) != SQLITE_CONSTRAINT)
            return rc;
        failed->is_kept = false;
    }
    return SQLITE_OK;
}

int store_apply(struct store *store, struct store_write *first)
{
    for (struct store_write *write = first; write != NULL; write = write->next) {
        int rc = apply(store, write);
        write->is_kept = rc == SQLITE_OK;
        if (rc != SQLITE_OK && !is_refused(rc))
            return rc;
    }
    return insert_appends(store, first);
}
