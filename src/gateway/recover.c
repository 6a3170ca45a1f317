/* SPDX-License-Identifier: Apache-2.0
 *
 * recover.c: see recover.h.
 */
#include "gateway/recover.h"

#include "gateway/hub.h"
#include "gateway/logger.h"

struct recovery {
    struct gateway *gateway;
    struct store_reader *logs; /* another one than that which lists */
    size_t taken_up, left;
    enum dify_err err;
};

/* All records of a run. */
static enum dify_err read_records(struct recovery *recovery, uint64_t number,
                                  struct dify__buffer *records)
{
    uint32_t first;
    enum dify_err err = store_read_log(recovery->logs, number, 1, SIZE_MAX, records, &first);
    return err == DIFY_ERR_ABSENT ? DIFY_OK : err;
}

/* One run whose row is damaged does not keep all others from going on. */
static void leave(struct recovery *recovery, const struct store_row *row, enum dify_err err)
{
    recovery->left++;
    gw_log_note(recovery->gateway, GW_LOG_ERROR, NULL,
                "run %llu of the app %.*s cannot be taken up (%s): it is left open",
                (unsigned long long)row->number, (int)row->app.len, row->app.ptr,
                dify_strerror(err));
}

static bool on_row(void *ctx, const struct store_row *row)
{
    struct recovery *recovery = ctx;
    struct gateway *gateway = recovery->gateway;
    struct dify__buffer records = {.allocator = gateway->allocator, .max = SIZE_MAX / 2};
    if (gw_hub_app(gateway, row->app) == NULL) {
        recovery->left++;
        gw_log_note(gateway, GW_LOG_WARNING, NULL,
                    "run %llu is of the app %.*s, which is not configured: it is left open",
                    (unsigned long long)row->number, (int)row->app.len, row->app.ptr);
        return true;
    }
    recovery->err = read_records(recovery, row->number, &records);
    enum dify_err err = recovery->err;
    if (err == DIFY_OK)
        err = gw_run_recover(gateway, row, dify__buffer_slice(&records));
    dify__buffer_fini(&records);
    if (err == DIFY_ERR_NOMEM)
        recovery->err = err;
    else if (err != DIFY_OK && recovery->err == DIFY_OK)
        leave(recovery, row, err);
    recovery->taken_up += err == DIFY_OK;
    return recovery->err == DIFY_OK;
}

bool gw_recover(struct gateway *gateway)
{
    struct recovery recovery = {.gateway = gateway};
    struct store_error error = {""};
    if (gateway->store == NULL)
        return true;
    enum dify_err err = store_reader_open(gateway->store, &recovery.logs, &error);
    if (err == DIFY_OK)
        err = store_list_open(gateway->reads.idle[0], on_row, &recovery);
    if (err == DIFY_OK || err == DIFY_ERR_ABSENT)
        err = recovery.err;
    store_reader_close(recovery.logs);
    if (err != DIFY_OK) {
        gw_log_note(gateway, GW_LOG_ERROR, NULL, "cannot take up the open runs of the store: %s",
                    error.text[0] != '\0' ? error.text : dify_strerror(err));
        return false;
    }
    if (recovery.taken_up > 0)
        gw_log_note(gateway, GW_LOG_INFO, NULL, "%zu open runs of the store are taken up",
                    recovery.taken_up);
    return true;
}
