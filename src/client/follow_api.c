/* SPDX-License-Identifier: Apache-2.0
 *
 * follow_api.c: what the owner of a follow asks of it: making, starting, stopping, freeing.
 */
#include "client/follow_state.h"

#include "core/json.h"
#include "core/python_text.h"
#include "core/slices.h"

/* ---- alarms -------------------------------------------------------------------------------- */

static void on_telling(struct dify__alarm *alarm)
{
    struct dify_follow *follow = DIFY__FOLLOW_OF(alarm, telling);
    struct dify__env *env = follow->env;
    if (!dify__follow_is_over(follow)) {    /* the kick of the start */
        if (dify__follow_knows_end(follow)) /* by what was recalled */
            dify__follow_end(follow, DIFY_REASON_FINISHED);
        else if (!follow->takes_up)
            dify__follow_enter(follow, DIFY_FOLLOW_CHECKING, DIFY_REASON_STARTED, 0, NULL);
        else
            dify__follow_recover(follow, DIFY_REASON_STARTED, NULL);
        return;
    }
    env->under_way--;
    if (follow->observer.ended != NULL)
        follow->observer.ended(follow->observer.ctx, follow);
}

static void on_ceiling(struct dify__alarm *alarm)
{
    struct dify_follow *follow = DIFY__FOLLOW_OF(alarm, ceiling);
    struct dify__text_of text = dify__text_begin(follow);
    if (dify__follow_is_alive(follow)) { /* no clock ends a live stream */
        dify__alarm_in(follow->env, &follow->ceiling, DIFY__SUSPECT_MS);
        return;
    }
    dify__say(&text, "the run has not ended within ");
    dify__say_s(&text, dify__now(follow->env) - follow->started_ms);
    struct dify_slice id = dify__run_id(follow->run);
    if (id.len != 0) {
        dify__say(&text, "; Dify may still be at it: it can be taken up again as ");
        dify__add_slice(&text.text, &text.err, id);
    }
    dify__follow_fail(follow, DIFY_REASON_RUN_TIMEOUT, DIFY_OUTCOME_RUN_TIMEOUT, "", 0, &text);
}

static void on_stopping(struct dify__alarm *alarm)
{
    struct dify_follow *follow = DIFY__FOLLOW_OF(alarm, stopping);
    if (!follow->stop_acknowledged) {
        dify__follow_try_stop(follow);
        return;
    }
    if (dify__follow_is_alive(follow) || dify__follow_awaits_row(follow)) {
        dify__alarm_in(follow->env, &follow->stopping, DIFY__STOP_MS);
        return;
    }
    struct dify__text_of text = dify__text_begin(follow);
    dify__say(&text, "Dify took the stop, and its row of the run did not change within ");
    dify__say_s(&text, DIFY__STOP_MS);
    dify__follow_fail(follow, DIFY_REASON_STOPPED, DIFY_OUTCOME_STREAM_INCOMPLETE, "", 0, &text);
}

/* ---- making -------------------------------------------------------------------------------- */

/* A time so far ahead (the year 9999) is none. */
#define SENT_AT_MOST_S INT64_C(253402300799)

static bool is_order_sound(const struct dify_order *order)
{
    bool takes_up = order->workflow_run_id != NULL || order->sent_at_s != 0;
    if ((unsigned)order->kind > DIFY_KIND_COMPLETION)
        return false;
    if (order->user != NULL && (*order->user == '\0' || dify__python_length(dify__slice(
                                                            order->user)) > DIFY__USER_CHARACTERS))
        return false;
    if (order->workflow_id != NULL &&
        (!dify__is_segment(dify__slice(order->workflow_id)) ||
         (order->kind != DIFY_KIND_AUTO && order->kind != DIFY_KIND_WORKFLOW)))
        return false;
    if (order->workflow_run_id != NULL && !dify__is_id(dify__slice(order->workflow_run_id)))
        return false;
    if (order->sent_at_s < 0 || order->sent_at_s > SENT_AT_MOST_S)
        return false;
    if (order->was_stopped && !takes_up)
        return false;
    /* what is taken up has a user and was sent by somebody else */
    return !takes_up || (order->user != NULL && order->attachment_count == 0 && !order->blocking);
}

static enum dify_err copy_texts(struct dify_follow *follow, const struct dify_order *order)
{
    const struct dify_allocator *allocator = follow->env->allocator;
    char made[] = "difystream-00000000-0000-0000-0000-000000000000";
    const char *user = order->user;
    if (user == NULL) {
        follow->has_own_user = true;
        dify__new_uuid(follow->env, made + strlen("difystream-"));
        user = made;
    }
    enum dify_err err = dify__dup(allocator, user, &follow->user);
    if (err == DIFY_OK)
        err = dify__dup(allocator, order->workflow_id, &follow->workflow_id);
    if (err == DIFY_OK)
        err = dify__dup(allocator, order->conversation_id, &follow->conversation_id);
    if (err == DIFY_OK && order->query.ptr != NULL) {
        follow->query = dify__malloc(allocator, order->query.len + 1);
        if (follow->query == NULL)
            return DIFY_ERR_NOMEM;
        if (order->query.len > 0)
            memcpy(follow->query, order->query.ptr, order->query.len);
        follow->query_len = order->query.len;
    }
    return err;
}

/* Members that go into the body behind the follow's own. */
static enum dify_err take_extra(struct dify_follow *follow, struct dify_slice extra)
{
    struct dify__json json;
    struct dify__members members;
    if (extra.ptr == NULL)
        return DIFY_OK;
    dify__json_init(&json, follow->env->allocator);
    enum dify_err err = dify__json_read(&json, extra);
    if (err == DIFY_OK) {
        dify__members_of_root(&members, &json);
        while (dify__members_next(&members)) {
            dify__add(&follow->extra, &err, ",");
            dify__add_json(&follow->extra, &err, members.key);
            dify__add(&follow->extra, &err, ":");
            dify__add_slice(&follow->extra, &err, dify__members_text(&members));
        }
    }
    dify__json_fini(&json);
    return err == DIFY_OK || err == DIFY_ERR_NOMEM ? err : DIFY_ERR_JSON;
}

static enum dify_err make_run(struct dify_follow *follow)
{
    struct dify_run_options options = {.size = sizeof options,
                                       .allocator = follow->env->allocator,
                                       .decoder = follow->env->decoder,
                                       .observer = follow->observer.run,
                                       .accept_partial = follow->app->accept_partial,
                                       .hash_seed = follow->env->random(follow->env->ctx)};
    enum dify_err err = dify_run_new(&options, &follow->run);
    if (err == DIFY_OK)
        dify__run_distrust(follow->run);
    return err;
}

static enum dify_err init(struct dify_follow *follow, const struct dify_order *order)
{
    const struct dify_allocator *allocator = follow->env->allocator;
    follow->kind = order->workflow_id != NULL ? DIFY_KIND_WORKFLOW : order->kind;
    follow->no_check = order->no_check;
    follow->blocking = order->blocking;
    follow->takes_up = order->workflow_run_id != NULL || order->sent_at_s != 0;
    follow->sent_unix_ms = order->sent_at_s * 1000;
    follow->prepared = (struct dify__buffer){.allocator = allocator, .max = SIZE_MAX / 2};
    follow->body = follow->ending = follow->rows = follow->prepared;
    follow->answer = follow->extra = follow->prepared;
    follow->telling.ring = on_telling;
    follow->ceiling.ring = on_ceiling;
    follow->stopping.ring = on_stopping;
    enum dify_err err = copy_texts(follow, order);
    if (err == DIFY_OK)
        err = take_extra(follow, order->extra);
    if (err == DIFY_OK)
        err = dify__inputs_init(&follow->inputs, allocator, order);
    if (err == DIFY_OK)
        err = make_run(follow);
    if (err == DIFY_OK && order->workflow_run_id != NULL) {
        struct dify_slice task = {NULL, 0};
        if (order->task_id != NULL && *order->task_id != '\0')
            task = dify__slice(order->task_id);
        dify__run_learn_ids(follow->run, dify__slice(order->workflow_run_id), task);
        if (dify__run_id(follow->run).len == 0)
            err = DIFY_ERR_NOMEM; /* without it another run might be found */
    }
    if (follow->takes_up && follow->kind == DIFY_KIND_AUTO)
        follow->kind = DIFY_KIND_WORKFLOW;
    if (err == DIFY_OK && order->was_stopped) {
        follow->wants_stop = follow->stop_acknowledged = follow->stop_is_old = true;
        dify__run_note_stop(follow->run);
    }
    return err;
}

enum dify_err dify_follow_new(struct dify_app *app, const struct dify_order *order,
                              const struct dify_follow_observer *observer, struct dify_follow **out)
{
    struct dify__env *env = app->env;
    if (order->size != sizeof *order || !is_order_sound(order))
        return DIFY_ERR_ARGUMENT;
    struct dify_follow *follow = dify__calloc(env->allocator, sizeof *follow);
    if (follow == NULL)
        return DIFY_ERR_NOMEM;
    if (dify__reserve_alarms(env, DIFY__FOLLOW_ALARMS) != DIFY_OK) {
        dify__free(env->allocator, follow);
        return DIFY_ERR_NOMEM;
    }
    follow->env = env;
    follow->app = app;
    app->uses++;
    follow->next = env->follows;
    if (env->follows != NULL)
        env->follows->previous = follow;
    env->follows = follow;
    if (observer != NULL)
        follow->observer = *observer;
    enum dify_err err = init(follow, order);
    if (err != DIFY_OK) {
        dify_follow_free(follow);
        return err;
    }
    *out = follow;
    return DIFY_OK;
}

void dify_follow_free(struct dify_follow *follow)
{
    if (follow == NULL)
        return;
    struct dify__env *env = follow->env;
    const struct dify_allocator *allocator = env->allocator;
    if (follow->started_ms != 0 && (!dify__follow_is_over(follow) || follow->telling.place != 0))
        env->under_way--;
    follow->app->uses--;
    follow->observer = (struct dify_follow_observer){.run = NULL};
    dify__follow_hang_up(follow);
    dify__follow_drop_call(follow);
    if (follow->stop_call != NULL)
        dify_call_cancel(follow->stop_call);
    dify__alarm_off(env, &follow->step);
    dify__alarm_off(env, &follow->question);
    dify__alarm_off(env, &follow->ceiling);
    dify__alarm_off(env, &follow->stopping);
    dify__alarm_off(env, &follow->telling);
    dify__release_alarms(env, DIFY__FOLLOW_ALARMS);
    if (follow->next != NULL)
        follow->next->previous = follow->previous;
    if (follow->previous != NULL)
        follow->previous->next = follow->next;
    else
        env->follows = follow->next;
    if (follow->run != NULL)
        dify__remember_run(env, dify__run_id(follow->run));
    dify_run_free(follow->run);
    dify__inputs_fini(&follow->inputs);
    dify__buffer_fini(&follow->prepared);
    dify__buffer_fini(&follow->body);
    dify__buffer_fini(&follow->extra);
    dify__buffer_fini(&follow->answer);
    dify__buffer_fini(&follow->ending);
    dify__buffer_fini(&follow->rows);
    dify__free(allocator, follow->workflow_id);
    dify__free(allocator, follow->user);
    dify__free(allocator, follow->query);
    dify__free(allocator, follow->conversation_id);
    dify__free(allocator, follow->last_event_id);
    dify__free(allocator, follow->path);
    dify__free(allocator, follow);
}

/* ---- driving ------------------------------------------------------------------------------- */

enum dify_err dify_follow_recall(struct dify_follow *follow, bool begins_stream,
                                 struct dify_slice bytes)
{
    if (follow->started_ms != 0)
        return DIFY_ERR_STATE;
    if (begins_stream && follow->was_recalled)
        dify_run_resume(follow->run);
    follow->was_recalled = true;
    follow->is_feeding = true;
    enum dify_err err = dify_run_feed(follow->run, bytes.ptr, bytes.len);
    follow->is_feeding = false;
    (void)dify__run_take_invented_end(follow->run); /* of a stream that is over */
    if (follow->wants_cancel) {
        follow->wants_cancel = false;
        dify_follow_cancel(follow);
    }
    return err;
}

/* From outside the loop: it is to know of what was set. */
static void tell_host(struct dify_follow *follow)
{
    follow->env->changed(follow->env->ctx);
}

/* It was paused when it was seen last: its form may be in by now. A stop from before has done
 * nothing to the pause. Once `started_ms` is set. */
static void go_on(struct dify_follow *follow)
{
    dify__run_reopen(follow->run);
    follow->continued_ms = follow->started_ms;
    follow->wants_stop = follow->stop_acknowledged = false;
    follow->stop_is_old = follow->has_told_stop = false;
}

void dify_follow_start(struct dify_follow *follow)
{
    if (follow->started_ms != 0)
        return;
    follow->started_ms = dify__now(follow->env) + 1; /* never 0 */
    follow->env->under_way++;
    if (dify__run_is_paused(follow->run))
        go_on(follow);
    dify__alarm_in(follow->env, &follow->ceiling, follow->app->run_timeout_ms);
    if (follow->stop_acknowledged)
        dify__alarm_in(follow->env, &follow->stopping, DIFY__STOP_MS);
    dify__alarm_in(follow->env, &follow->telling, 0);
    tell_host(follow);
}

void dify_follow_submit(struct dify_follow *follow)
{
    if (follow->state != DIFY_FOLLOW_HELD)
        return;
    dify__follow_enter(follow, DIFY_FOLLOW_SUBMITTING, DIFY_REASON_SUBMITTED, 0, NULL);
    tell_host(follow);
}

void dify_follow_stop(struct dify_follow *follow)
{
    if (dify__follow_is_over(follow) || follow->wants_stop)
        return;
    follow->wants_stop = true;
    follow->stops_late = dify_run_has_terminal_event(follow->run);
    if (follow->state == DIFY_FOLLOW_NEW || follow->state == DIFY_FOLLOW_CHECKING ||
        follow->state == DIFY_FOLLOW_UPLOADING || follow->state == DIFY_FOLLOW_HELD ||
        follow->state == DIFY_FOLLOW_WAITING)
        dify_follow_cancel(follow);
    else if (!follow->is_feeding)
        dify__follow_try_stop(follow);
    tell_host(follow);
}

void dify_follow_cancel(struct dify_follow *follow)
{
    if (dify__follow_is_over(follow))
        return;
    if (follow->is_feeding) {
        follow->wants_cancel = true;
        return;
    }
    struct dify__text_of text = dify__text_begin(follow);
    bool was_sent = follow->sent_unix_ms != 0 || follow->takes_up;
    dify__say(&text, was_sent ? "given up by the caller; the run goes on at Dify"
                              : "given up by the caller; nothing was run");
    struct dify_slice id = dify__run_id(follow->run);
    if (id.len != 0) {
        dify__say(&text, " as ");
        dify__add_slice(&text.text, &text.err, id);
    }
    bool was_started = follow->started_ms != 0;
    if (!was_started) {
        follow->started_ms = 1;
        follow->env->under_way++;
    }
    dify__alarm_off(follow->env, &follow->telling);
    dify__follow_fail(follow, DIFY_REASON_CANCELLED, DIFY_OUTCOME_CANCELLED, "", 0, &text);
    tell_host(follow);
}

enum dify_err dify_follow_continue(struct dify_follow *follow)
{
    if (!dify__follow_is_over(follow) || !dify__run_is_paused(follow->run) ||
        !follow->has_told_end || follow->telling.place != 0)
        return DIFY_ERR_STATE;
    follow->has_told_end = false;
    follow->opened = follow->reopens = follow->form_looks = 0;
    follow->env->under_way++;
    follow->started_ms = dify__now(follow->env) + 1;
    dify__alarm_in(follow->env, &follow->ceiling, follow->app->run_timeout_ms);
    go_on(follow);
    dify__follow_recover(follow, DIFY_REASON_CONTINUED, NULL);
    tell_host(follow);
    return DIFY_OK;
}

/* ---- asking -------------------------------------------------------------------------------- */

enum dify_follow_state dify_follow_state_of(const struct dify_follow *follow)
{
    return follow->state;
}

bool dify_follow_has_ended(const struct dify_follow *follow)
{
    return dify__follow_is_over(follow);
}

bool dify_follow_is_stopped(const struct dify_follow *follow)
{
    return follow->stop_acknowledged && !follow->stops_late;
}

const struct dify_run *dify_follow_run(const struct dify_follow *follow)
{
    return follow->run;
}

enum dify_kind dify_follow_kind(const struct dify_follow *follow)
{
    return follow->kind;
}

const char *dify_follow_user(const struct dify_follow *follow)
{
    return follow->user;
}

struct dify_slice dify_follow_run_id(const struct dify_follow *follow)
{
    return dify__run_id(follow->run);
}

struct dify_slice dify_follow_task_id(const struct dify_follow *follow)
{
    return dify__run_task(follow->run);
}

struct dify_slice dify_follow_path(const struct dify_follow *follow)
{
    return follow->path != NULL ? dify__slice(follow->path) : (struct dify_slice){NULL, 0};
}

uint64_t dify_follow_silent_ms(const struct dify_follow *follow)
{
    return follow->state == DIFY_FOLLOW_SUSPECT ? dify__now(follow->env) - follow->heard_ms : 0;
}

const char *dify_follow_state_name(enum dify_follow_state state)
{
    static const char *const names[] = {
        "new",     "checking",  "uploading", "held",     "submitting", "waiting", "streaming",
        "suspect", "searching", "broken",    "resuming", "polling",    "ended"};
    return (unsigned)state < sizeof names / sizeof names[0] ? names[state] : "unknown";
}

const char *dify_reason_name(enum dify_reason reason)
{
    static const char *const names[DIFY_REASONS] = {
        [DIFY_REASON_NONE] = "none",
        [DIFY_REASON_STARTED] = "started",
        [DIFY_REASON_CHECKED] = "checked",
        [DIFY_REASON_UPLOADED] = "uploaded",
        [DIFY_REASON_HELD] = "held",
        [DIFY_REASON_SUBMITTED] = "submitted",
        [DIFY_REASON_NOT_SENT] = "not_sent",
        [DIFY_REASON_BUSY] = "busy",
        [DIFY_REASON_ANSWERED] = "answered",
        [DIFY_REASON_SILENT] = "silent",
        [DIFY_REASON_ALIVE] = "alive",
        [DIFY_REASON_RESET] = "reset",
        [DIFY_REASON_CLOSED] = "closed",
        [DIFY_REASON_NO_END] = "no_end",
        [DIFY_REASON_INVENTED_END] = "invented_end",
        [DIFY_REASON_BAD_STREAM] = "bad_stream",
        [DIFY_REASON_REPLY_LOST] = "reply_lost",
        [DIFY_REASON_GATEWAY_ERROR] = "gateway_error",
        [DIFY_REASON_NO_CONNECTION] = "no_connection",
        [DIFY_REASON_NO_ROUTE] = "no_route",
        [DIFY_REASON_NOT_FOUND] = "not_found",
        [DIFY_REASON_TOO_OFTEN] = "too_often",
        [DIFY_REASON_RETRY] = "retry",
        [DIFY_REASON_FOUND] = "found",
        [DIFY_REASON_CONTINUED] = "continued",
        [DIFY_REASON_FINISHED] = "finished",
        [DIFY_REASON_FINISHED_DETAIL] = "finished_detail",
        [DIFY_REASON_PAUSED] = "paused",
        [DIFY_REASON_ERROR_EVENT] = "error_event",
        [DIFY_REASON_REFUSED] = "refused",
        [DIFY_REASON_UNFIT] = "unfit",
        [DIFY_REASON_UPLOAD_FAILED] = "upload_failed",
        [DIFY_REASON_READ_TIMEOUT] = "read_timeout",
        [DIFY_REASON_RUN_TIMEOUT] = "run_timeout",
        [DIFY_REASON_LOST] = "lost",
        [DIFY_REASON_STOPPED] = "stopped",
        [DIFY_REASON_CANCELLED] = "cancelled",
        [DIFY_REASON_NO_MEMORY] = "no_memory",
    };
    return (unsigned)reason < DIFY_REASONS ? names[reason] : "unknown";
}
