/* SPDX-License-Identifier: Apache-2.0
 *
 * appends.c: see appends.h. A virtual table that can only be read through, from where it stands.
 */
#include "store/appends.h"

#include "store/writer.h"

#include <stdlib.h>

struct appends_table {
    sqlite3_vtab base; /* the first member */
    struct store_appends *appends;
};

static struct store_appends *appends_of(sqlite3_vtab_cursor *cursor)
{
    return ((struct appends_table *)(void *)cursor->pVtab)->appends;
}

static bool is_row(const struct store_write *write)
{
    return write->op == STORE_OP_APPEND && write->is_kept && write->as.append.count != 0;
}

/* `write` itself, or the next one that is a row. */
static struct store_write *row_from(struct store_write *write)
{
    while (write != NULL && !is_row(write))
        write = write->next;
    return write;
}

void store_appends_begin(struct store_appends *appends, struct store_write *first)
{
    appends->at = row_from(first);
}

struct store_write *store_appends_skip(struct store_appends *appends)
{
    struct store_write *failed = appends->at;
    if (failed != NULL)
        appends->at = row_from(failed->next);
    return failed;
}

/* ---- what SQLite asks for ------------------------------------------------------------------ */

static int table_connect(sqlite3 *db, void *ctx, int argc, const char *const *argv,
                         sqlite3_vtab **out, char **error)
{
    struct appends_table *table = sqlite3_malloc(sizeof *table);
    (void)argc;
    (void)argv;
    (void)error;
    if (table == NULL)
        return SQLITE_NOMEM;
    *table = (struct appends_table){.appends = ctx};
    *out = &table->base;
    return sqlite3_declare_vtab(db, "CREATE TABLE x (position, count, records)");
}

static int table_disconnect(sqlite3_vtab *base)
{
    sqlite3_free(base);
    return SQLITE_OK;
}

static int table_best_index(sqlite3_vtab *base, sqlite3_index_info *info)
{
    (void)base;
    (void)info;
    return SQLITE_OK;
}

static int cursor_open(sqlite3_vtab *base, sqlite3_vtab_cursor **out)
{
    (void)base;
    *out = sqlite3_malloc(sizeof **out);
    return *out != NULL ? SQLITE_OK : SQLITE_NOMEM;
}

static int cursor_close(sqlite3_vtab_cursor *cursor)
{
    sqlite3_free(cursor);
    return SQLITE_OK;
}

static int cursor_filter(sqlite3_vtab_cursor *cursor, int plan, const char *text, int argc,
                         sqlite3_value **argv)
{
    (void)cursor;
    (void)plan;
    (void)text;
    (void)argc;
    (void)argv;
    return SQLITE_OK;
}

static int cursor_next(sqlite3_vtab_cursor *cursor)
{
    (void)store_appends_skip(appends_of(cursor));
    return SQLITE_OK;
}

static int cursor_eof(sqlite3_vtab_cursor *cursor)
{
    return appends_of(cursor)->at == NULL;
}

static int cursor_column(sqlite3_vtab_cursor *cursor, sqlite3_context *context, int column)
{
    const struct store_write *write = appends_of(cursor)->at;
    struct dify_slice records = write->as.append.records;
    if (column == 0)
        sqlite3_result_int64(context, STORE_POSITION(write->number, write->as.append.first));
    else if (column == 1)
        sqlite3_result_int64(context, write->as.append.count);
    else
        sqlite3_result_blob64(context, records.ptr, records.len, SQLITE_STATIC);
    return SQLITE_OK;
}

static int cursor_rowid(sqlite3_vtab_cursor *cursor, sqlite3_int64 *rowid)
{
    *rowid = STORE_POSITION(appends_of(cursor)->at->number, 0);
    return SQLITE_OK;
}

int store_appends_register(sqlite3 *db, struct store_appends *appends)
{
    static const sqlite3_module module = {.xConnect = table_connect,
                                          .xBestIndex = table_best_index,
                                          .xDisconnect = table_disconnect,
                                          .xOpen = cursor_open,
                                          .xClose = cursor_close,
                                          .xFilter = cursor_filter,
                                          .xNext = cursor_next,
                                          .xEof = cursor_eof,
                                          .xColumn = cursor_column,
                                          .xRowid = cursor_rowid};
    return sqlite3_create_module_v2(db, STORE_APPENDS_TABLE, &module, appends, NULL);
}
