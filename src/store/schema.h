/* SPDX-License-Identifier: Apache-2.0
 *
 * schema.h: the database's own shape.
 */
#ifndef STORE_SCHEMA_H
#define STORE_SCHEMA_H

#include "store/db.h"

#define STORE_PAGE_SIZE_TEXT "8192"

/* The machine's boot id, in `room`; absent where it cannot be read. */
#define STORE_BOOT_BYTES 64
struct dify_slice store_boot_id(char room[STORE_BOOT_BYTES]);

/* Makes the tables, or brings those of an older release up to date. */
DIFY_MUST_CHECK enum dify_err store_schema_bring_up(sqlite3 *db, const char *path,
                                                    struct store_error *error);

/* Whether it has the tables of this release, for those who only read. */
DIFY_MUST_CHECK enum dify_err store_schema_check(sqlite3 *db, const char *path,
                                                 struct store_error *error);

#endif
