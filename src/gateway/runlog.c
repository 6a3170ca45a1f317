/* SPDX-License-Identifier: Apache-2.0
 *
 * runlog.c: see runlog.h.
 */
#include "gateway/runlog.h"

#include <assert.h>
#include <string.h>

/* Up to the first a log has no more room than it needs, since many runs are silent after a few
 * records; above it is given the second, since growing often is dear. */
#define SMALL_BYTES ((size_t)2 << 10)
#define GROWN_BYTES ((size_t)16 << 10)

/* Memory that an empty log keeps. */
#define KEPT_BYTES ((size_t)0)

void gw_runlog_init(struct gw_runlog *log, const struct dify_allocator *allocator, uint32_t first)
{
    *log = (struct gw_runlog){.bytes = {.allocator = allocator, .max = SIZE_MAX / 2},
                              .first = first,
                              .shown_next = first,
                              .queued_next = first,
                              .next = first};
}

void gw_runlog_fini(struct gw_runlog *log)
{
    dify__buffer_fini(&log->bytes);
}

enum dify_err gw_runlog_put(struct gw_runlog *log, enum store_record_kind kind,
                            struct dify_slice text)
{
    if (log->next >= STORE_RECORDS)
        return DIFY_ERR_TOO_LARGE;
    size_t need = log->bytes.len + STORE_RECORD_HEAD + text.len;
    enum dify_err err = DIFY_OK;
    if (need <= SMALL_BYTES)
        err = dify__buffer_fit(&log->bytes, STORE_RECORD_HEAD + text.len);
    else if (need <= GROWN_BYTES && log->bytes.capacity < GROWN_BYTES)
        err = dify__buffer_fit(&log->bytes, GROWN_BYTES - log->bytes.len);
    if (err == DIFY_OK)
        err = store_record_put(&log->bytes, kind, text);
    if (err == DIFY_OK)
        log->next++;
    return err;
}

struct dify_slice gw_runlog_unqueued(const struct gw_runlog *log)
{
    size_t at = (size_t)(log->queued - log->base);
    return (struct dify_slice){log->bytes.ptr != NULL ? log->bytes.ptr + at : "",
                               log->bytes.len - at};
}

void gw_runlog_mark_queued(struct gw_runlog *log)
{
    log->queued = log->base + log->bytes.len;
    log->queued_next = log->next;
}

void gw_runlog_show(struct gw_runlog *log)
{
    log->shown = log->queued;
    log->shown_next = log->queued_next;
}

struct dify_slice gw_runlog_from(const struct gw_runlog *log, uint32_t from, uint64_t *at)
{
    assert(gw_runlog_has(log, from) && from <= log->shown_next);
    struct dify_slice records = {log->bytes.ptr, (size_t)(log->shown - log->base)};
    if (*at == UINT64_MAX) {
        struct store_record record;
        uint32_t number = log->first;
        while (number < from && store_record_next(&records, &record))
            number++;
        *at = log->shown - records.len;
    }
    size_t skip = (size_t)(*at - log->base);
    return (struct dify_slice){log->bytes.ptr != NULL ? log->bytes.ptr + skip : "",
                               (size_t)(log->shown - *at)};
}

void gw_runlog_trim(struct gw_runlog *log, size_t keep)
{
    struct dify_slice records = {log->bytes.ptr, (size_t)(log->shown - log->base)};
    struct store_record record;
    size_t shown = records.len;
    if (shown == 0 || shown <= keep)
        return;
    if (keep == 0) {
        log->first = log->shown_next;
        records.len = 0;
    }
    while (records.len > keep && store_record_next(&records, &record))
        log->first++;
    size_t gone = shown - records.len;
    log->base += gone;
    log->bytes.len -= gone;
    if (log->bytes.len == 0)
        dify__buffer_clear(&log->bytes, KEPT_BYTES);
    else
        memmove(log->bytes.ptr, log->bytes.ptr + gone, log->bytes.len);
}
