/* SPDX-License-Identifier: Apache-2.0
 *
 * run_keeps.c: what a run hands to the store, and what it does when it is written.
 */
#include "conf/text.h"
#include "core/json_text.h"
#include "core/slices.h"
#include "gateway/hub.h"
#include "gateway/logger.h"
#include "gateway/run.h"

#include <stdlib.h>

static void on_kept(void *ctx, bool is_kept)
{
    struct gw_run *run = ctx;
    run->writing--;
    gw__run_kept(run, is_kept);
}

bool gw__run_keep(struct gw_run *run, struct dify_slice inputs, bool sends)
{
    struct dify_order order = {.size = sizeof order};
    gw_order_fill(run->order, &order);
    struct store_run row = {.number = run->number,
                            .created_ms = run->created_ms,
                            .app = dify__slice(run->app->config->name),
                            .user = dify__slice(dify_follow_user(run->follow)),
                            .route = dify__slice(run->route),
                            .kind = (unsigned)dify_follow_kind(run->follow),
                            .workflow_id = dify__slice_or_none(order.workflow_id),
                            .conversation_id = dify__slice_or_none(order.conversation_id),
                            .query = order.query,
                            .inputs = inputs,
                            .extra = order.extra,
                            .key = run->has_key ? run->key : NULL,
                            .digest = run->has_key ? run->digest : NULL,
                            .sent_ms = sends ? gw_now_ms() : 0};
    memcpy(row.id, run->id, sizeof row.id);
    run->has_row = store_begin(run->gateway->store, &row, on_kept, run);
    run->writing += run->has_row;
    return run->has_row;
}

bool gw__run_keep_sent(struct gw_run *run)
{
    bool is_queued =
        store_set_submitting(run->gateway->store, run->number, gw_now_ms(), on_kept, run);
    run->writing += is_queued;
    return is_queued;
}

bool gw__run_keep_reopened(struct gw_run *run)
{
    if (run->gateway->store == NULL)
        return true;
    bool is_queued = store_reopen(run->gateway->store, run->number, on_kept, run);
    run->writing += is_queued;
    return is_queued;
}

/* Its ids at Dify, once they are known. */
static void learn_ids(struct gw_run *run)
{
    struct dify_slice id = dify_follow_run_id(run->follow);
    struct dify_slice task = dify_follow_task_id(run->follow);
    if (id.len == 0)
        return;
    if (run->gateway->store != NULL) {
        run->has_started =
            store_set_started(run->gateway->store, run->number, id, task, on_kept, run);
        run->writing += run->has_started;
    } else {
        run->has_started = true;
    }
    if (run->has_started)
        gw_log_started(run);
    if (run->dify_id != NULL || (run->dify_id = conf_text_copy(id)) == NULL)
        return;
    gw_hub_add_dify_id(&run->gateway->hub, run);
}

/* ---- the log ------------------------------------------------------------------------------- */

static void on_appended(void *ctx, bool is_kept)
{
    struct gw_run *run = ctx;
    (void)is_kept;
    run->appending--;
    run->writing--;
    if (run->appending == 0)
        gw_runlog_show(&run->log);
    if (run->state == GW_RUN_ENDING && run->writing == 0)
        gw__run_enter(run, GW_RUN_ENDED);
    gw_run_touch(run);
}

/* Queues what is new. While an append is under way the next one's records gather, unless the end
 * is to follow them. */
static void append(struct gw_run *run)
{
    struct store *store = run->gateway->store;
    struct dify_slice records = gw_runlog_unqueued(&run->log);
    if (records.len == 0 || (run->appending > 0 && run->state < GW_RUN_ENDING))
        return;
    if (!store_append(store, run->number, run->log.queued_next, records, on_appended, run)) {
        run->gateway->is_behind = true; /* the queue is full: again once it is shorter */
        return;
    }
    run->appending++;
    run->writing++;
    gw_runlog_mark_queued(&run->log);
}

void gw__run_keep_log(struct gw_run *run)
{
    if (run->follow != NULL && !run->has_started && run->state == GW_RUN_LIVE)
        learn_ids(run);
    bool has_no_row = !run->has_row && run->state == GW_RUN_ENDED; /* nor will it have one */
    if (run->gateway->store == NULL || has_no_row) {
        gw_runlog_mark_queued(&run->log);
        gw_runlog_show(&run->log);
        return;
    }
    if (!run->has_row)
        return;
    append(run);
    if (store_is_failing(run->gateway->store, NULL))
        gw_runlog_show(&run->log); /* followers are served all the same */
}

/* ---- the end ------------------------------------------------------------------------------- */

void gw__run_keep_end(struct gw_run *run, const struct dify_result *result)
{
    uint64_t steps = 0;
    gw__run_keep_log(run);
    (void)dify__parse_uint(result->total_steps, &steps);
    struct store_end end = {.ended_ms = gw_now_ms(),
                            .run_id = result->workflow_run_id,
                            .task_id = result->task_id,
                            .message_id = result->message_id,
                            .conversation_id = result->conversation_id,
                            .status = result->status,
                            .code = result->code,
                            .http_status = (unsigned)run->http_status,
                            .success = run->success,
                            .tokens = result->total_tokens,
                            .price = dify__slice(result->total_price),
                            .currency = result->currency,
                            .steps = (uint32_t)steps,
                            .events = (uint32_t)result->event_count,
                            .result = {run->result, run->result_len},
                            .frees_key = run->frees_key};
    run->writing += store_end(run->gateway->store, run->number, &end, on_kept, run);
}

/* ---- without a store ----------------------------------------------------------------------- */

/* What the result of a run says, as far as a row has it. */
static void take_result(const struct dify_result *result, struct store_row *row)
{
    uint64_t steps = 0;
    (void)dify__parse_uint(result->total_steps, &steps);
    row->run_id = result->workflow_run_id;
    row->task_id = result->task_id;
    row->message_id = result->message_id;
    row->conversation_id = result->conversation_id;
    row->tokens = result->total_tokens;
    row->price = dify__slice(result->total_price);
    row->currency = result->currency;
    row->steps = (uint32_t)steps;
    row->events = (uint32_t)result->event_count;
    row->status = result->status;
    row->code = result->code;
}

/* All that is no result. */
static void describe_order(const struct gw_run *run, struct store_row *row)
{
    *row = (struct store_row){.number = run->number,
                              .epoch = run->epoch,
                              .created_ms = run->created_ms,
                              .state = run->state < GW_RUN_LIVE ? STORE_ACCEPTED
                                       : run->has_started       ? STORE_STARTED
                                                                : STORE_SUBMITTING,
                              .route = dify__slice(run->route)};
    memcpy(row->id, run->id, sizeof row->id);
    if (run->app != NULL)
        row->app = dify__slice(run->app->config->name);
    if (run->follow == NULL)
        return;
    row->user = dify__slice(dify_follow_user(run->follow));
    row->kind = (unsigned)dify_follow_kind(run->follow);
}

void gw_run_describe(const struct gw_run *run, struct dify_result *room, struct store_row *row)
{
    if (run->row != NULL) {
        *row = run->row->row;
        return;
    }
    describe_order(run, row);
    if (run->follow == NULL)
        return;
    dify_run_result(dify_follow_run(run->follow), room);
    take_result(room, row);
}

void gw__run_remember(struct gw_run *run, const struct dify_result *result)
{
    struct store_row row;
    describe_order(run, &row);
    take_result(result, &row);
    row.state = STORE_ENDED;
    row.ended_ms = gw_now_ms();
    row.http_status = (unsigned)run->http_status;
    row.success = run->success;
    free(run->row);
    run->row = gw_row_dup(&row); /* without memory for it the run is listed as one that goes on */
}
