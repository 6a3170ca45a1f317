/* SPDX-License-Identifier: Apache-2.0
 *
 * recover.c: see recover.h.
 */
#include "gateway/recover.h"

#include "core/slices.h"
#include "gateway/app.h"
#include "gateway/hub.h"
#include "gateway/logger.h"
#include "gateway/rows.h"

#include <stdlib.h>

struct recovery {
    struct gateway *gateway;
    struct store_reader *logs; /* another one than that which lists */
    size_t taken_up, awaiting;
    enum dify_err err;
};

/* All records of a run. */
static enum dify_err read_records(struct store_reader *reader, uint64_t number,
                                  struct dify__buffer *records)
{
    uint32_t first;
    enum dify_err err = store_read_log(reader, number, 1, SIZE_MAX, records, &first);
    return err == DIFY_ERR_ABSENT ? DIFY_OK : err;
}

/* One run whose row is damaged does not keep all others from going on. */
static void leave(struct gateway *gateway, const struct store_row *row, enum dify_err err)
{
    gw_log_note(gateway, GW_LOG_ERROR, NULL,
                "run %llu of the app %.*s cannot be taken up (%s): it is left open",
                (unsigned long long)row->number, (int)row->app.len, row->app.ptr,
                dify_strerror(err));
}

static bool on_row(void *ctx, const struct store_row *row)
{
    struct recovery *recovery = ctx;
    struct gateway *gateway = recovery->gateway;
    struct dify__buffer records = {.allocator = gateway->allocator, .max = SIZE_MAX / 2};
    if (gw_app_find(gateway, row->app) == NULL && gw_app_awaits(gateway, row->app)) {
        recovery->awaiting++;
        return true;
    }
    if (gw_app_find(gateway, row->app) == NULL) {
        gw_log_note(gateway, GW_LOG_WARNING, NULL,
                    "run %llu is of the app %.*s, which is not configured: it is left open",
                    (unsigned long long)row->number, (int)row->app.len, row->app.ptr);
        return true;
    }
    recovery->err = read_records(recovery->logs, row->number, &records);
    enum dify_err err = recovery->err;
    if (err == DIFY_OK)
        err = gw_run_recover(gateway, row, dify__buffer_slice(&records));
    dify__buffer_fini(&records);
    if (err == DIFY_ERR_NOMEM)
        recovery->err = err;
    else if (err != DIFY_OK && recovery->err == DIFY_OK)
        leave(gateway, row, err);
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
    if (recovery.awaiting > 0)
        gw_log_note(gateway, GW_LOG_INFO, NULL,
                    "%zu open runs of the store wait until their key is presented on /v1",
                    recovery.awaiting);
    return true;
}

/* ---- those of one app, when its key comes --------------------------------------------------- */

struct open_run {
    struct gw_row *row;
    struct dify__buffer records;
    enum dify_err err;
    struct http_link link;
};

struct app_recovery {
    struct gw_read read; /* the first member */
    struct gw_app *app;
    struct http_link runs;
    enum dify_err err;
};

static bool on_open_row(void *ctx, const struct store_row *row)
{
    struct app_recovery *recovery = ctx;
    struct open_run *run = calloc(1, sizeof *run);
    if (run == NULL || (run->row = gw_row_dup(row)) == NULL) {
        free(run);
        recovery->err = DIFY_ERR_NOMEM;
        return false;
    }
    run->records = (struct dify__buffer){.allocator = dify__allocator(NULL), .max = SIZE_MAX / 2};
    http_list_init(&run->link);
    http_list_append(&recovery->runs, &run->link);
    return true;
}

static void on_work(struct gw_read *read, struct store_reader *reader)
{
    struct app_recovery *recovery = (struct app_recovery *)(void *)read;
    enum dify_err err =
        store_list_open_of(reader, dify__slice(recovery->app->key_name), on_open_row, recovery);
    if (recovery->err == DIFY_OK && err != DIFY_ERR_ABSENT)
        recovery->err = err;
    for (struct http_link *link = recovery->runs.next; link != &recovery->runs; link = link->next) {
        struct open_run *run = HTTP_LINKED(link, struct open_run, link);
        run->err = read_records(reader, run->row->row.number, &run->records);
    }
}

static void take_up(struct app_recovery *recovery, struct open_run *run)
{
    struct gateway *gateway = recovery->app->gateway;
    const struct store_row *row = &run->row->row;
    enum dify_err err = run->err;
    /* one that this process has begun may have ended since it was read */
    bool is_ours = gateway->first_number != 0 && row->number >= gateway->first_number;
    if (is_ours || gw_hub_find_id(&gateway->hub, row->id) != NULL || gateway->is_closing)
        return;
    if (err == DIFY_OK)
        err = gw_run_recover(gateway, row, dify__buffer_slice(&run->records));
    if (err != DIFY_OK)
        leave(gateway, row, err);
}

static void on_done(struct gw_read *read)
{
    struct app_recovery *recovery = (struct app_recovery *)(void *)read;
    struct gw_app *app = recovery->app;
    if (recovery->err != DIFY_OK)
        gw_log_note(app->gateway, GW_LOG_ERROR, NULL,
                    "cannot take up the open runs of the app %s: %s", recovery->app->key_name,
                    dify_strerror(recovery->err));
    while (!http_list_is_empty(&recovery->runs)) {
        struct open_run *run = HTTP_LINKED(recovery->runs.next, struct open_run, link);
        take_up(recovery, run);
        http_list_remove(&run->link);
        dify__buffer_fini(&run->records);
        free(run->row);
        free(run);
    }
    gw_app_let_go(app);
    free(recovery);
}

bool gw_recover_app(struct gw_app *app)
{
    struct app_recovery *recovery = calloc(1, sizeof *recovery);
    if (recovery == NULL)
        return false;
    recovery->app = app;
    recovery->read.work = on_work;
    recovery->read.done = on_done;
    http_list_init(&recovery->runs);
    if (!gw_read_start(&app->gateway->reads, &recovery->read)) {
        free(recovery);
        return false;
    }
    gw_app_hold(app);
    return true;
}
