/* SPDX-License-Identifier: Apache-2.0
 *
 * db.h: SQLite as the store uses it: connections, their schema, the lock, small questions.
 */
#ifndef STORE_DB_H
#define STORE_DB_H

#include "store/store.h"

#include <sqlite3.h>

/* What the store waits for another process (a checker, an export) to let go of the file. */
#define STORE_BUSY_MS 5000

/* Where the records of a run stand in the table of segments. */
#define STORE_POSITION(number, record) ((int64_t)((uint64_t)(number) << 24 | (record)))
#define STORE_NUMBERS ((uint64_t)1 << 39) /* numbers there are */

/* Writes a message; always DIFY_ERR_ARGUMENT. */
enum dify_err store_complain(struct store_error *error, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The path of a store without a link at its end: what stands beside a store stands beside the file
 * itself, whatever it is called. To be freed. */
DIFY_MUST_CHECK enum dify_err store_real_path(const char *path, char **out,
                                              struct store_error *error);

/* Takes PATH-lock, which dies with the process; *fd is to be closed after the database. */
DIFY_MUST_CHECK enum dify_err store_lock(const char *path, int *fd, struct store_error *error);

/* Connections. That to write makes the database (0600) where there is none, and brings its schema
 * up to date; the lock must be held. */
DIFY_MUST_CHECK enum dify_err store_db_open_to_write(const char *path, sqlite3 **out,
                                                     struct store_error *error);
DIFY_MUST_CHECK enum dify_err store_db_open_to_read(const char *path, sqlite3 **out,
                                                    struct store_error *error);

/* The store's last life, and its last run. */
struct store_sent_past;
DIFY_MUST_CHECK enum dify_err store_db_past(sqlite3 *db, struct store_sent_past *out,
                                            struct store_error *error);

/* Begins the store's life in this process: new epochs where the machine went down meanwhile, and
 * where the database is a copy. store_db_settle() says that it was closed with all written. */
DIFY_MUST_CHECK enum dify_err store_db_begin(sqlite3 *db, int64_t life, bool is_copy,
                                             struct store_error *error);
void store_db_settle(sqlite3 *db);

DIFY_MUST_CHECK int store_db_prepare(sqlite3 *db, const char *sql, sqlite3_stmt **out);

/* The one integer that `sql` asks for; `otherwise` where there is none. */
int64_t store_db_number(sqlite3 *db, const char *sql, int64_t otherwise);

int store_bind_text(sqlite3_stmt *stmt, int at, struct dify_slice text);
int store_bind_blob(sqlite3_stmt *stmt, int at, struct dify_slice bytes);
int store_bind_uint(sqlite3_stmt *stmt, int at, uint64_t value);

#endif
