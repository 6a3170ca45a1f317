/* SPDX-License-Identifier: Apache-2.0
 *
 * reader.h: a reader, as the files that read share it.
 */
#ifndef STORE_READER_H
#define STORE_READER_H

#include "store/db.h"

enum store_read {
    STORE_READ_ID,
    STORE_READ_RUN_ID,
    STORE_READ_TASK,
    STORE_READ_KEY,
    STORE_READ_OPEN,
    STORE_READ_OPEN_OF,
    STORE_READ_NEXT,
    STORE_READ_LOG,
    STORE_READ_COUNT
};

struct store_reader {
    sqlite3 *db;
    sqlite3_stmt *stmts[STORE_READ_COUNT];
};

/* Where a store's database lies. */
const char *store_path(const struct store *store);

/* A statement over the runs r (and their details d, where `select` joins them) that a filter takes
 * in; the filter and its texts must outlive it. SQLITE_OK or what failed. */
DIFY_MUST_CHECK int store_prepare_filtered(struct store_reader *reader, const char *select,
                                           const char *order, const struct store_filter *filter,
                                           sqlite3_stmt **out);

struct dify_slice store_column_text(sqlite3_stmt *stmt, int at);

/* What a failed read returns. */
enum dify_err store_read_err(int rc);

#endif
