/* SPDX-License-Identifier: Apache-2.0
 *
 * prune.h: removing runs that have ended, by age and by size.
 *
 * A step is one small transaction. A run goes with its first step; what of its log is too much for
 * one is noted in the table `removed` and goes with the next ones.
 */
#ifndef STORE_PRUNE_H
#define STORE_PRUNE_H

#include "store/db.h"

/* What one step removes at most. */
#define STORE_PRUNE_RUNS 32
#define STORE_PRUNE_SEGMENTS 256

enum store_prune_stmt {
    STORE_PRUNE_BEGIN,
    STORE_PRUNE_COMMIT,
    STORE_PRUNE_ROLLBACK,
    STORE_PRUNE_PAGES,
    STORE_PRUNE_FREE_PAGES,
    STORE_PRUNE_LEFT,
    STORE_PRUNE_OLDEST,
    STORE_PRUNE_KEY,
    STORE_PRUNE_DETAILS,
    STORE_PRUNE_RESULT,
    STORE_PRUNE_NOTE,
    STORE_PRUNE_LAST,
    STORE_PRUNE_RUN,
    STORE_PRUNE_LOG,
    STORE_PRUNE_DONE,
    STORE_PRUNE_COUNT
};

struct store_pruner {
    sqlite3 *db;
    sqlite3_stmt *stmts[STORE_PRUNE_COUNT];
    uint64_t max_age_s;
    int64_t page_size, max_pages; /* 0: no limit */
    int64_t reserve;              /* of max_pages: what is kept free for the next batch */
    uint64_t removed;             /* runs, so far */
};

DIFY_MUST_CHECK int store_pruner_init(struct store_pruner *pruner, sqlite3 *db, uint64_t max_age_s,
                                      uint64_t max_bytes);
void store_pruner_fini(struct store_pruner *pruner);

/* Pages of the file, and how many of them hold something. */
int64_t store_pruner_pages(struct store_pruner *pruner);
int64_t store_pruner_used(struct store_pruner *pruner);

/* Removes what is due; with `makes_room` at least something, if anything has ended. *did: there may
 * be more. SQLITE_OK or what failed; then nothing was removed. */
DIFY_MUST_CHECK int store_prune_step(struct store_pruner *pruner, uint64_t now_ms, bool makes_room,
                                     bool *did);

/* Gives some of the space back that is free, if that is much (or all of it). */
void store_pruner_shrink(struct store_pruner *pruner, bool is_all);

#endif
