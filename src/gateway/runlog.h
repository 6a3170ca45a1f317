/* SPDX-License-Identifier: Apache-2.0
 *
 * runlog.h: the event log of a live run, as much of it as is in memory.
 *
 * Records (store/log.h) are appended, handed to the store, and shown to followers once they are
 * kept. What was shown leaves memory; who still wants it reads it from the store. Positions count
 * the bytes of all records since the log was made here.
 *
 *       left memory     shown             queued               not yet queued
 *     |-------------|=============|----------------------|----------------------|
 *     0            base         shown                 queued            base + bytes.len
 */
#ifndef GATEWAY_RUNLOG_H
#define GATEWAY_RUNLOG_H

#include "store/log.h"

struct gw_runlog {
    struct dify__buffer bytes;
    uint64_t base, shown, queued; /* positions */
    uint32_t first;               /* number of the record at base */
    uint32_t shown_next;          /* number of the first one that may not be shown */
    uint32_t queued_next;         /* of the first one that is not queued */
    uint32_t next;                /* of the next one to come */
};

/* `first` is the number of the first record to come. */
void gw_runlog_init(struct gw_runlog *log, const struct dify_allocator *allocator, uint32_t first);
void gw_runlog_fini(struct gw_runlog *log);

/* TOO_LARGE: the record, or the log, is too long; NOMEM. Then nothing was appended. */
DIFY_MUST_CHECK enum dify_err gw_runlog_put(struct gw_runlog *log, enum store_record_kind kind,
                                            struct dify_slice text);

/* The records that are not queued; and that they are now. */
struct dify_slice gw_runlog_unqueued(const struct gw_runlog *log);
void gw_runlog_mark_queued(struct gw_runlog *log);

/* All that is queued may be shown. */
void gw_runlog_show(struct gw_runlog *log);

/* The records that may be shown from number `from` on, which is in memory; `*at` is its position
 * (UINT64_MAX: it is looked for). */
struct dify_slice gw_runlog_from(const struct gw_runlog *log, uint32_t from, uint64_t *at);

static inline bool gw_runlog_has(const struct gw_runlog *log, uint32_t number)
{
    return number >= log->first;
}

/* Lets go of what was shown but for its last `keep` bytes. */
void gw_runlog_trim(struct gw_runlog *log, size_t keep);

#endif
