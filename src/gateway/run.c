/* SPDX-License-Identifier: Apache-2.0
 *
 * run.c: the states of a run. gw__run_enter() alone writes the state.
 *
 *   state       waits for                            goes to
 *   ----------  -----------------------------------  ------------------------------------------
 *   NEW         gw_run_start()                       LOOKING (it has a key), TURN, PREPARING
 *   LOOKING     the store's word about its key       ENDED (there is such a run: it is shown),
 *                                                    TURN, PREPARING
 *   TURN        its turn to upload                   PREPARING
 *   PREPARING   its follow: inputs checked, files    SUBMITTING (there is a place); KEEPING;
 *               uploaded                             QUEUED (it had a row); ENDED (unfit)
 *   KEEPING     its row, as accepted                 QUEUED; SUBMITTING (a place came first)
 *   QUEUED      a place                              SUBMITTING; ENDING (its wait is over)
 *   SUBMITTING  its row, as submitting               LIVE
 *   LIVE        its follow's end                     ENDING
 *   ENDING      its row, as ended                    ENDED
 *   ENDED       its callers to leave                 it is freed
 *
 * Without a store what waits for a row goes on at once. A run that is recovered begins in LIVE (it
 * may have been sent) or in PREPARING (it was not). From everywhere before LIVE: ENDING, or ENDED
 * where it has no row, by gw_run_refuse(). Nothing is sent before SUBMITTING is committed.
 */
#include "gateway/run.h"

#include "conf/text.h"
#include "core/slices.h"
#include "gateway/app.h"
#include "gateway/callers.h"
#include "gateway/hub.h"
#include "gateway/logger.h"
#include "gateway/metrics.h"
#include "gateway/places.h"
#include "gateway/result.h"
#include "gateway/sse.h"
#include "gateway/v1.h"

#include <assert.h>
#include <stdlib.h>

const char *gw_run_state_name(enum gw_run_state state)
{
    static const char *const names[] = {"new",    "looking",    "turn", "preparing", "keeping",
                                        "queued", "submitting", "live", "ending",    "ended"};
    return names[state];
}

static struct gw_run *run_of_alarm(struct dify__alarm *alarm)
{
    return (struct gw_run *)(void *)((char *)alarm - offsetof(struct gw_run, alarm));
}

/* It has waited too long for a place, or for the store. */
static void on_alarm(struct dify__alarm *alarm)
{
    struct gw_run *run = run_of_alarm(alarm);
    if (run->state != GW_RUN_QUEUED && run->gateway->was_failing)
        gw_run_refuse(run, DIFY_OUTCOME_UNAVAILABLE, "store_unavailable",
                      "the store could not be written in time; the run was not sent");
    else
        gw_run_refuse(
            run, DIFY_OUTCOME_TOO_MANY_RUNS, "",
            "the app runs as many workflows as it may, and none has ended in time; the run "
            "was not sent");
}

static void drop_follow(struct gw_run *run)
{
    dify_follow_free(run->follow);
    run->follow = NULL;
}

void gw__run_set_alarm(struct gw_run *run)
{
    if (run->alarm.place == 0)
        (void)!http_timer_set(&run->gateway->timer, &run->alarm,
                              run->app->config->queue_timeout_ms); /* else it waits longer */
}

void gw__run_enter(struct gw_run *run, enum gw_run_state state)
{
    enum gw_run_state from = run->state;
    if (from == state)
        return;
    run->state = state;
    run->gateway->hub.ending += state == GW_RUN_ENDING;
    run->gateway->hub.ending -= from == GW_RUN_ENDING;
    run->gateway->hub.queued += state == GW_RUN_QUEUED;
    run->gateway->hub.queued -= from == GW_RUN_QUEUED;
    gw_log_run(run, from);
    if (state == GW_RUN_KEEPING || state == GW_RUN_QUEUED ||
        (state == GW_RUN_SUBMITTING && run->gateway->was_failing))
        gw__run_set_alarm(run);
    else
        http_timer_clear(&run->gateway->timer, &run->alarm);
    if (state == GW_RUN_QUEUED || state == GW_RUN_LIVE)
        gw_callers_accepted(run);
    if (state == GW_RUN_ENDED) {
        if (run->frees_key)
            gw_hub_drop_key(run); /* not before the store has let go of it */
        drop_follow(run);
        gw_callers_ended(run);
    }
    gw_run_touch(run);
}

/* ---- making and freeing -------------------------------------------------------------------- */

static struct gw_run *run_new(struct gateway *gateway, struct gw_app *app)
{
    struct gw_run *run = calloc(1, sizeof *run);
    if (run == NULL)
        return NULL;
    run->gateway = gateway;
    run->app = app;
    if (app != NULL)
        gw_app_hold(app);
    run->alarm.ring = on_alarm;
    run->route = "";
    http_list_init(&run->all);
    http_list_init(&run->dirty);
    http_list_init(&run->lingering);
    http_list_init(&run->turn);
    http_list_init(&run->callers);
    return run;
}

/* One that is not in the hub. */
static void drop_new(struct gw_run *run)
{
    if (run->app != NULL)
        gw_app_let_go(run->app);
    free(run->former_app);
    free(run);
}

struct gw_run *gw_run_new(struct gw_app *app, struct gw_order *take_order, const char *route)
{
    struct gateway *gateway = app->gateway;
    struct gw_run *run = run_new(gateway, app);
    if (run == NULL) {
        gw_order_free(take_order);
        return NULL;
    }
    run->order = take_order;
    run->route = route;
    run->created_ms = gw_now_ms();
    run->epoch = gateway->store != NULL ? 1 : gateway->epoch;
    run->number =
        gateway->store != NULL ? store_next_number(gateway->store) : ++gateway->next_number;
    if (gateway->first_number == 0)
        gateway->first_number = run->number;
    gw_runlog_init(&run->log, gateway->allocator, 1);
    if (!gw_hub_name(run) || !gw_hub_add(&gateway->hub, run)) {
        gw_order_free(run->order);
        drop_new(run);
        return NULL;
    }
    gw_places_begin(run);
    gw_metrics_born(run);
    return run;
}

bool gw_run_set_key(struct gw_run *run, const unsigned char key[STORE_HASH_BYTES],
                    const unsigned char digest[STORE_HASH_BYTES])
{
    memcpy(run->key, key, STORE_HASH_BYTES);
    memcpy(run->digest, digest, STORE_HASH_BYTES);
    run->has_key = gw_hub_add_key(&run->gateway->hub, run);
    return run->has_key;
}

static void run_free(struct gw_run *run)
{
    assert(http_list_is_empty(&run->callers) && run->writing == 0 && run->found == NULL);
    http_timer_clear(&run->gateway->timer, &run->alarm);
    gw_places_leave(run);
    gw_hub_remove(&run->gateway->hub, run);
    dify_follow_free(run->follow);
    gw_order_free(run->order);
    gw_runlog_fini(&run->log);
    gw_v1_fini(run);
    free(run->dify_id);
    free(run->result);
    free(run->row);
    drop_new(run);
}

struct dify_slice gw_run_app_name(const struct gw_run *run)
{
    return dify__slice_or_none(run->app != NULL ? run->app->config->name : run->former_app);
}

void gw_run_release(struct gw_run *run)
{
    if (run->state != GW_RUN_ENDED || !http_list_is_empty(&run->callers) || run->writing != 0 ||
        run->found != NULL)
        return;
    if (run->is_kept && run->gateway->store == NULL && gw_hub_keep_ended(run))
        return;
    run_free(run);
}

void gw_run_abandon(struct gw_run *run)
{
    run->writing = 0; /* the store is closed: it tells no more */
    gw_callers_cut(run);
    run_free(run);
}

/* ---- the way to its follow ----------------------------------------------------------------- */

static void prepare(struct gw_run *run)
{
    struct dify_order order = {.size = sizeof order};
    gw_order_fill(run->order, &order);
    order.blocking = !run->app->config->is_streaming;
    gw__run_enter(run, GW_RUN_PREPARING);
    switch (gw__run_follow(run, &order)) {
    case DIFY_OK:
        dify_follow_start(run->follow);
        return;
    case DIFY_ERR_NOMEM:
        gw_run_refuse(run, DIFY_OUTCOME_UNAVAILABLE, "out_of_memory",
                      "the gateway has run out of memory; the run was not sent");
        return;
    default:
        gw_run_refuse(run, DIFY_OUTCOME_INVALID_PARAM, "invalid_param",
                      "the request cannot be made a run: a user, an id or the inputs are not what "
                      "they should be");
    }
}

static void take_turn(struct gw_run *run)
{
    if (!gw_order_has_files(run->order) || gw_places_turn(run))
        prepare(run);
    else
        gw__run_enter(run, GW_RUN_TURN);
}

void gw__run_turn(struct gw_run *run)
{
    prepare(run);
}

/* What the store knows of a key. */
struct gw_run_found {
    struct gw_run *run;
    struct gw_read read;
    bool is_there, is_same, is_paused, has_failed;
    struct store_row row;      /* its texts are gone */
    struct dify__buffer texts; /* of the row: its result */
};

static bool on_row(void *ctx, const struct store_row *row)
{
    struct gw_run_found *found = ctx;
    found->is_there = true;
    found->is_same =
        row->digest != NULL && memcmp(row->digest, found->run->digest, STORE_HASH_BYTES) == 0;
    found->is_paused = dify__slice_is(row->status, "paused");
    found->row = *row;
    found->has_failed =
        dify__buffer_append(&found->texts, row->result.ptr, row->result.len) != DIFY_OK;
    return false;
}

static void look(struct gw_read *read, struct store_reader *reader)
{
    struct gw_run_found *found =
        (struct gw_run_found *)(void *)((char *)read - offsetof(struct gw_run_found, read));
    enum dify_err err = store_find_key(reader, found->run->key, on_row, found);
    found->has_failed = found->has_failed || (err != DIFY_OK && err != DIFY_ERR_ABSENT);
}

/* Becomes the run that the row is of, for whoever waits for it. */
static void become(struct gw_run *run, struct gw_run_found *found)
{
    const struct store_row *row = &found->row;
    gw_places_leave(run);
    gw_order_free(run->order);
    run->order = NULL;
    gw_hub_rename(run, row->id);
    run->number = row->number;
    run->epoch = row->epoch;
    run->created_ms = row->created_ms;
    run->http_status = (int)row->http_status;
    run->success = row->success;
    run->is_paused = found->is_paused;
    run->result = found->texts.ptr;
    run->result_len = found->texts.len;
    found->texts.ptr = NULL;
    run->is_kept = true;
    gw_runlog_fini(&run->log);
    gw_runlog_init(&run->log, run->gateway->allocator, row->records + 1);
    gw__run_enter(run, GW_RUN_ENDED);
}

static void refuse_key(struct gw_run *run)
{
    run->http_override = 422;
    gw_run_refuse(run, DIFY_OUTCOME_INVALID_PARAM, "idempotency_key_reused",
                  "this Idempotency-Key was used for another request");
}

static void on_looked(struct gw_read *read)
{
    struct gw_run_found *found =
        (struct gw_run_found *)(void *)((char *)read - offsetof(struct gw_run_found, read));
    struct gw_run *run = found->run;
    run->found = NULL;
    if (run->state != GW_RUN_LOOKING)
        gw_run_touch(run); /* it was stopped meanwhile */
    else if (found->has_failed)
        gw_run_refuse(run, DIFY_OUTCOME_UNAVAILABLE, "store_unavailable",
                      "the store cannot be read at the moment; the run was not sent");
    else if (!found->is_there && gw_places_are_over(run->app))
        gw_run_refuse(run, DIFY_OUTCOME_TOO_MANY_RUNS, "too_many_runs", GW_PLACES_FULL);
    else if (!found->is_there)
        take_turn(run);
    else if (found->is_same && found->row.state == STORE_ENDED)
        become(run, found);
    else if (found->is_same)
        gw_run_refuse(
            run, DIFY_OUTCOME_UNAVAILABLE, "unavailable",
            "the run of this Idempotency-Key is open, and cannot be joined at the moment");
    else
        refuse_key(run);
    dify__buffer_fini(&found->texts);
    free(found);
}

static bool look_for_key(struct gw_run *run)
{
    struct gw_run_found *found = calloc(1, sizeof *found);
    if (found == NULL)
        return false;
    found->run = run;
    found->read.work = look;
    found->read.done = on_looked;
    found->texts = (struct dify__buffer){.allocator = run->gateway->allocator, .max = SIZE_MAX / 2};
    if (!gw_read_start(&run->gateway->reads, &found->read)) {
        free(found);
        return false;
    }
    run->found = found;
    return true;
}

void gw_run_start(struct gw_run *run)
{
    if (!run->has_key || run->gateway->store == NULL) {
        take_turn(run);
        return;
    }
    if (look_for_key(run))
        gw__run_enter(run, GW_RUN_LOOKING);
    else
        gw_run_refuse(run, DIFY_OUTCOME_UNAVAILABLE, "busy",
                      "the gateway is too busy to look up the Idempotency-Key");
}

/* ---- sending ------------------------------------------------------------------------------- */

static void on_store_full(struct gw_run *run)
{
    gw_run_refuse(run, DIFY_OUTCOME_UNAVAILABLE, "store_unavailable",
                  "the store takes nothing more at the moment; the run was not sent");
}

/* Its row is there: commits that it is sent. */
static void submit_kept(struct gw_run *run)
{
    gw__run_enter(run, GW_RUN_SUBMITTING);
    if (!gw__run_keep_sent(run))
        on_store_full(run);
}

/* Inside the follow's callback: what cannot be done here is done in a moment, by its alarm. */
bool gw__run_ready(struct gw_run *run, struct dify_slice inputs)
{
    if (run->gateway->is_closing && !run->has_row)
        return false; /* whoever waits was told that it was not begun */
    bool has_place = gw_places_take(run, false);
    gw_places_give_turn_back(run);
    if (run->gateway->store == NULL) {
        run->is_kept = true;
        gw__run_enter(run, has_place ? GW_RUN_LIVE : GW_RUN_QUEUED);
        return has_place;
    }
    if (run->is_kept && !has_place)
        gw__run_enter(run, GW_RUN_QUEUED);
    else
        gw__run_enter(run, has_place ? GW_RUN_SUBMITTING : GW_RUN_KEEPING);
    bool is_taken = run->is_kept
                        ? !has_place || gw__run_keep_sent(run)
                        : !run->gateway->was_failing && gw__run_keep(run, inputs, has_place);
    if (!is_taken) {
        run->wants_refusal = true;
        gw_run_touch(run);
    }
    return false;
}

void gw__run_place(struct gw_run *run)
{
    if (run->state == GW_RUN_KEEPING)
        return; /* it goes on when its row is there */
    if (run->gateway->store != NULL) {
        submit_kept(run);
        return;
    }
    gw__run_enter(run, GW_RUN_LIVE);
    dify_follow_submit(run->follow);
}

void gw__run_kept(struct gw_run *run, bool is_kept)
{
    if (!is_kept && !run->is_kept && run->state < GW_RUN_LIVE) {
        gw_run_refuse(run, DIFY_OUTCOME_UNAVAILABLE, "internal_error",
                      "the run could not be kept; it was not sent");
        return;
    }
    run->is_kept = run->is_kept || is_kept;
    if (run->state == GW_RUN_KEEPING && run->has_place) {
        submit_kept(run);
    } else if (run->state == GW_RUN_KEEPING) {
        gw__run_enter(run, GW_RUN_QUEUED);
    } else if (run->state == GW_RUN_SUBMITTING) {
        gw__run_enter(run, GW_RUN_LIVE);
        dify_follow_submit(run->follow);
    } else if (run->state == GW_RUN_ENDING && run->writing == 0) {
        gw__run_enter(run, GW_RUN_ENDED);
    }
    gw_run_touch(run);
}

/* ---- ends ---------------------------------------------------------------------------------- */

/* One that has ended before its ids were kept: its end keeps them. */
static void tell_started(struct gw_run *run)
{
    if (run->state != GW_RUN_LIVE || run->has_started)
        return;
    if (run->gateway->store == NULL)
        gw__run_keep_log(run);
    else if (dify_follow_run_id(run->follow).len != 0)
        gw_log_started(run);
}

/* What it held is free. */
static void let_go(struct gw_run *run)
{
    gw_order_free(run->order);
    run->order = NULL;
    if (!run->has_row && !run->is_kept)
        gw_hub_drop_key(run); /* it was not begun: the key is free */
    gw_places_leave(run);
}

/* There is no memory even for what to say: callers get 503. A row is left to the next process. */
static void end_without_result(struct gw_run *run)
{
    run->http_status = 503;
    drop_follow(run);
    let_go(run);
    gw__run_enter(run, GW_RUN_ENDED);
}

/* Its result, that of `of`, is kept and then told. Until then the follow shows what it was. */
static void end(struct gw_run *run, const struct dify_run *of)
{
    bool has_row = run->gateway->store != NULL && run->has_row;
    struct dify_result result;
    dify_run_result(of, &result);
    gw_result_take(run, of, &result);
    if (run->v1 != NULL)
        gw_v1_end(run, of);
    /* what somebody stopped stays stopped, whoever asks again */
    run->frees_key = run->has_key && !run->was_sent && result.outcome != DIFY_OUTCOME_CANCELLED;
    gw_metrics_end(run, &result);
    tell_started(run);
    gw_log_end(run, &result);
    if (has_row) {
        gw__run_enter(run, GW_RUN_ENDING);
        gw__run_keep_end(run, &result);
    } else if (run->gateway->store == NULL) {
        gw__run_remember(run, &result);
    }
    let_go(run);
    if (!has_row || run->writing == 0 || store_is_failing(run->gateway->store, NULL))
        gw__run_enter(run, GW_RUN_ENDED);
}

void gw__run_over(struct gw_run *run)
{
    end(run, dify_follow_run(run->follow));
}

void gw_run_refuse(struct gw_run *run, enum dify_outcome outcome, const char *code,
                   const char *message)
{
    if (run->state >= GW_RUN_LIVE)
        return;
    struct dify_run *failed = gw_result_failed(outcome, code, message);
    if (failed == NULL) {
        end_without_result(run);
        return;
    }
    end(run, failed);
    drop_follow(run); /* it would go on */
    dify_run_free(failed);
}

void gw_run_stop(struct gw_run *run)
{
    if (run->state < GW_RUN_LIVE)
        gw_run_refuse(run, DIFY_OUTCOME_CANCELLED, "cancelled",
                      "stopped before it was sent to Dify; nothing was run");
    else if (run->state == GW_RUN_LIVE)
        dify_follow_stop(run->follow);
}

/* ---- the end of a turn --------------------------------------------------------------------- */

void gw_run_touch(struct gw_run *run)
{
    if (run->is_dirty)
        return;
    run->is_dirty = true;
    http_list_append(&run->gateway->hub.dirty, &run->dirty);
    gw_wake(run->gateway);
}

void gw_run_linger(struct gw_run *run, enum gw_linger how_long)
{
    struct gateway *gateway = run->gateway;
    struct gw_lingering *list = &gateway->hub.lingering[how_long];
    if (run->is_dirty || (how_long == GW_LINGER_LONG && run->lingers_shortly))
        return;
    bool is_enough = gw_runlog_unqueued(&run->log).len >= GW_LINGER_BYTES;
    uint64_t ms = how_long == GW_LINGER_LONG ? GW_LINGER_LONG_MS : GW_LINGER_SHORT_MS;
    if (gateway->store == NULL || is_enough ||
        (list->alarm.place == 0 && http_timer_set(&gateway->timer, &list->alarm, ms) != DIFY_OK)) {
        gw_run_touch(run);
        return;
    }
    run->lingers_shortly = how_long == GW_LINGER_SHORT;
    http_list_remove(&run->lingering);
    http_list_append(&list->runs, &run->lingering);
}

void gw_run_flush(struct gw_run *run)
{
    struct gateway *gateway = run->gateway;
    run->is_dirty = false;
    http_list_remove(&run->dirty);
    http_list_remove(&run->lingering);
    run->lingers_shortly = false;
    if (run->wants_refusal) {
        run->wants_refusal = false;
        on_store_full(run);
    }
    gw__run_keep_log(run);
    gw_callers_progress(run);
    if (gateway->store != NULL)
        gw_runlog_trim(&run->log, http_list_is_empty(&run->callers) ? 0 : GW_LOG_KEPT_BYTES);
    else
        gw_runlog_trim(&run->log, GW_LOG_BYTES_ALONE);
    gw_run_release(run);
}

/* ---- after a restart ----------------------------------------------------------------------- */

/* Feeds the log to the follow, stream by stream. */
static enum dify_err recall(struct gw_run *run, struct dify_slice records)
{
    struct dify__buffer *frame = &run->gateway->scratch;
    struct store_record record;
    enum dify_err err = DIFY_OK;
    bool begins = true;
    run->is_recalling = true;
    while (err == DIFY_OK && store_record_next(&records, &record)) {
        begins = begins || record.kind == STORE_RECORD_STREAM;
        if (run->v1 != NULL)
            gw_v1_recall(run, &record);
        if (!store_record_is_event(record.kind))
            continue;
        frame->len = 0;
        err = gw_sse_put(frame, NULL, NULL, record.text);
        if (err == DIFY_OK)
            err = dify_follow_recall(run->follow, begins, dify__buffer_slice(frame));
        if (err == DIFY_ERR_TOO_LARGE)
            err = DIFY_OK; /* the run knows: its end says so */
        begins = false;
    }
    run->is_recalling = false;
    return err;
}

/* A copy; of an absent or empty text NULL, as of want of memory. */
static char *dup_slice(struct dify_slice text)
{
    return text.len > 0 ? conf_text_copy(text) : NULL;
}

/* The order that takes the run up; what it points to is the row's, or in `texts`. */
static struct dify_order order_of(const struct store_row *row, enum store_state state,
                                  char *const texts[5])
{
    struct dify_order order = {.size = sizeof order,
                               .kind = (enum dify_kind)row->kind,
                               .inputs = row->inputs,
                               .user = texts[0],
                               .workflow_id = texts[1],
                               .conversation_id = texts[2],
                               .query = row->query,
                               .extra = row->extra,
                               .no_check = true};
    if (state == STORE_STARTED && texts[3] != NULL) {
        order.workflow_run_id = texts[3];
        order.task_id = texts[4];
    } else if (state != STORE_ACCEPTED) {
        order.sent_at_s = (int64_t)((row->sent_ms != 0 ? row->sent_ms : row->created_ms) / 1000);
    }
    return order;
}

static struct gw_run *run_of_row(struct gateway *gateway, struct gw_app *app,
                                 const struct store_row *row)
{
    struct gw_run *run = run_new(gateway, app);
    if (run == NULL)
        return NULL;
    memcpy(run->id, row->id, sizeof run->id);
    run->number = row->number;
    run->epoch = row->epoch;
    run->created_ms = row->created_ms;
    run->is_kept = run->has_row = true;
    run->former_app = app == NULL ? dup_slice(row->app) : NULL;
    gw_runlog_init(&run->log, gateway->allocator, row->records + 1);
    if (!gw_hub_add(&gateway->hub, run)) {
        drop_new(run);
        return NULL;
    }
    return run;
}

struct gw_run *gw_run_show(struct gateway *gateway, const struct store_row *row)
{
    struct gw_run *run = run_of_row(gateway, gw_app_find(gateway, row->app), row);
    if (run == NULL)
        return NULL;
    run->http_status = (int)row->http_status;
    run->success = row->success;
    run->is_paused = dify__slice_is(row->status, "paused");
    run->result = dup_slice(row->result);
    run->result_len = run->result != NULL ? row->result.len : 0;
    gw__run_enter(run, GW_RUN_ENDED);
    return run;
}

/* A row that says it is being sent, of a run of which not one byte was: as if it had not said so.
 * And one that an older copy of the database has as accepted may have been sent after that. */
static enum store_state state_of(const struct gw_run *run, const struct store_row *row)
{
    if (row->state > STORE_SUBMITTING)
        return row->state;
    return store_was_sent(run->gateway->store, row->number, row->state) ? STORE_SUBMITTING
                                                                        : STORE_ACCEPTED;
}

/* Makes the follow that takes the run up. */
static enum dify_err follow_row(struct gw_run *run, const struct store_row *row,
                                enum store_state state, struct dify_slice records)
{
    char *texts[] = {dup_slice(row->user), dup_slice(row->workflow_id),
                     dup_slice(row->conversation_id), dup_slice(row->run_id),
                     dup_slice(row->task_id)};
    struct dify_order order = order_of(row, state, texts);
    order.blocking = state == STORE_ACCEPTED && !run->app->config->is_streaming;
    enum dify_err err = gw__run_follow(run, &order);
    if (err == DIFY_OK && gw_v1_is_route(row->route) && !gw_v1_init(run, order.kind))
        err = DIFY_ERR_NOMEM;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        free(texts[i]);
    if (err == DIFY_OK)
        err = recall(run, records);
    if (err != DIFY_OK)
        return err;
    if (run->dify_id == NULL && (run->dify_id = dup_slice(row->run_id)) != NULL)
        gw_hub_add_dify_id(&run->gateway->hub, run);
    return DIFY_OK;
}

static void go_on(struct gw_run *run, enum store_state state)
{
    run->has_started = state == STORE_STARTED;
    run->was_sent = state != STORE_ACCEPTED;
    gw_places_begin(run);
    if (state == STORE_ACCEPTED) {
        gw__run_enter(run, GW_RUN_PREPARING);
    } else {
        (void)gw_places_take(run, true);
        gw__run_enter(run, GW_RUN_LIVE);
    }
    dify_follow_start(run->follow);
}

/* A run that is made live from its row. */
static struct gw_run *run_of_open_row(struct gateway *gateway, struct gw_app *app,
                                      const struct store_row *row)
{
    struct gw_run *run = run_of_row(gateway, app, row);
    if (run != NULL && row->key != NULL && !gw_run_set_key(run, row->key, row->digest))
        gw_log_note(gateway, GW_LOG_WARNING, run, "its idempotency key is forgotten: no memory");
    return run;
}

enum dify_err gw_run_recover(struct gateway *gateway, const struct store_row *row,
                             struct dify_slice records)
{
    struct gw_run *run = run_of_open_row(gateway, gw_app_find(gateway, row->app), row);
    if (run == NULL)
        return DIFY_ERR_NOMEM;
    enum store_state state = state_of(run, row);
    enum dify_err err = follow_row(run, row, state, records);
    if (err != DIFY_OK) {
        run_free(run);
        return err;
    }
    go_on(run, state);
    gw_log_taken_up(run);
    return DIFY_OK;
}

/* ---- after a pause ------------------------------------------------------------------------- */

/* What it has come to so far is its result no more. */
static void forget_end(struct gw_run *run)
{
    gw_hub_take_back(run);
    free(run->result);
    run->result = NULL;
    run->result_len = 0;
    run->http_status = 0;
    run->success = run->is_paused = false;
    run->is_kept = true;
    run->has_row = run->gateway->store != NULL;
}

struct gw_run *gw_run_continue(struct gateway *gateway, const struct store_row *row,
                               struct dify_slice records)
{
    char id[DIFY__UUID_SIZE];
    struct gw_app *app = gw_app_find(gateway, row->app);
    gw_format_id(row->id, id);
    struct gw_run *run = gw_hub_find(&gateway->hub, dify__slice(id));
    bool is_shown = run != NULL; /* callers may still be at it */
    if (app == NULL || (is_shown && !gw_run_has_ended(run)))
        return run;
    if (!is_shown)
        run = run_of_open_row(gateway, app, row);
    if (run == NULL)
        return NULL;
    if (follow_row(run, row, STORE_STARTED, records) != DIFY_OK || !gw__run_keep_reopened(run)) {
        dify_follow_free(run->follow);
        run->follow = NULL;
        if (!is_shown)
            run_free(run);
        return NULL;
    }
    forget_end(run);
    go_on(run, STORE_STARTED);
    free(run->row); /* `row` may have lain in it */
    run->row = NULL;
    return run;
}
