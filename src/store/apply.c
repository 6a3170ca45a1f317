/* SPDX-License-Identifier: Apache-2.0
 *
 * apply.c: what each write does to the tables.
 *
 * What can be refused (an id that is there already, a run that is not) is found by the first
 * statement of a write, so that a refused one has changed nothing.
 */
#include "store/writer.h"

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

static int apply_append(struct store *store, const struct store_write *write)
{
    uint32_t first = write->as.append.first, count = write->as.append.count;
    sqlite3_stmt *stmt = store->stmts[STORE_STMT_HAS_RUN];
    bool has_run;
    if (first == 0 || first > STORE_RECORDS || count > STORE_RECORDS - first + 1)
        return SQLITE_CONSTRAINT;
    int rc = store_bind_uint(stmt, 1, write->number);
    if (rc == SQLITE_OK)
        rc = has_row(stmt, &has_run);
    if (rc != SQLITE_OK)
        return rc;
    if (!has_run)
        return SQLITE_CONSTRAINT;
    if (count == 0)
        return SQLITE_OK;
    stmt = store->stmts[STORE_STMT_APPEND];
    rc = sqlite3_bind_int64(stmt, 1, STORE_POSITION(write->number, first));
    rc |= store_bind_uint(stmt, 2, count);
    rc |= store_bind_blob(stmt, 3, write->as.append.records);
    return rc != SQLITE_OK ? SQLITE_NOMEM : store_run_stmt(stmt);
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

int store_apply(struct store *store, struct store_write *write)
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
        return apply_append(store, write);
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
