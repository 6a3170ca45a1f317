/* SPDX-License-Identifier: Apache-2.0
 *
 * appends.h: the appends of a transaction as the rows of a table, so that one statement inserts
 * them all: most writes are appends, and most of what one costs is not its own but the statement's.
 *
 *     store_appends_begin(&appends, first);
 *     while ((rc = store_run_stmt(insert)) is the fault of the row at hand)
 *         refuse store_appends_skip(&appends);
 */
#ifndef STORE_APPENDS_H
#define STORE_APPENDS_H

#include "store/db.h"

struct store_write;

struct store_appends {
    struct store_write
        *at; /* the next row, or the one that is being inserted; NULL: none is left */
};

/* The table of this name, with the columns position, count, records; for one connection. `appends`
 * must outlive it. What failed, as SQLite says it. */
#define STORE_APPENDS_TABLE "difystream_appends"
DIFY_MUST_CHECK int store_appends_register(sqlite3 *db, struct store_appends *appends);

/* The rows are those writes from `first` on that are appends of some records and have is_kept set.
 */
void store_appends_begin(struct store_appends *appends, struct store_write *first);

/* The row whose insertion failed, which is left out from now on. */
struct store_write *store_appends_skip(struct store_appends *appends);

#endif
