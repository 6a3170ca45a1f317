/* SPDX-License-Identifier: Apache-2.0
 *
 * follow_ask.c: what is asked about a run beside its stream or instead of one: its detail, the logs
 * by which it is found; and its stop.
 */
#include "client/follow_state.h"

#include "core/json.h"
#include "core/slices.h"

/* Times come in whole seconds, of two clocks: a row may seem so much older than its request. */
#define SLACK_S 2

/* Rows of the logs that are compared. */
#define ROWS 64

/* ---- a run's detail ------------------------------------------------------------------------ */

/* The members of a detail that decide. Texts live as long as `json`. */
struct detail {
    struct dify__json json;
    struct dify_slice id, status, inputs;
    bool is_finished; /* it has a time of its end */
};

/* False if it cannot be read, or is that of another run than `id`. */
static bool read_detail(struct detail *detail, const struct dify_follow *follow,
                        struct dify_slice id, struct dify_slice body)
{
    struct dify__members members;
    detail->id = detail->status = detail->inputs = (struct dify_slice){NULL, 0};
    detail->is_finished = false;
    dify__json_init(&detail->json, follow->env->allocator);
    if (dify__json_read(&detail->json, body) != DIFY_OK)
        return false;
    dify__members_of_root(&members, &detail->json);
    while (dify__members_next(&members)) {
        if (dify__slice_is(members.key, "status"))
            detail->status = dify__members_string(&members);
        else if (dify__slice_is(members.key, "inputs"))
            detail->inputs = dify__members_string(&members);
        else if (dify__slice_is(members.key, "id"))
            detail->id = dify__members_string(&members);
        else if (dify__slice_is(members.key, "finished_at"))
            detail->is_finished = !yyjson_is_null(members.value);
    }
    return detail->id.ptr == NULL || dify__is_same_id(detail->id, id);
}

/* A status that is not known here is an end where the run has a time of its end. */
static bool is_under_way(struct dify_slice status, bool is_finished)
{
    static const char *const ends[] = {"succeeded", "failed", "stopped", "partial-succeeded",
                                       "paused"};
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++)
        if (dify__slice_is(status, ends[i]))
            return false;
    return !is_finished || dify__slice_is(status, "running") || dify__slice_is(status, "scheduled");
}

void dify__follow_take_ending(struct dify_follow *follow)
{
    if (follow->ending_is_pause && dify__follow_seeks_form(follow))
        return;
    enum dify_err err =
        dify__run_tell(follow->run, DIFY__TOLD_BY_DETAIL, dify__buffer_slice(&follow->ending));
    if (dify_run_has_terminal_event(follow->run)) {
        dify__follow_end(follow, DIFY_REASON_FINISHED_DETAIL);
    } else if (dify__run_is_paused(follow->run)) {
        dify__follow_end(follow, DIFY_REASON_PAUSED);
    } else if (err == DIFY_ERR_NOMEM) {
        dify__follow_no_memory(follow);
    } else {
        struct dify__text_of text = dify__text_begin(follow);
        dify__say(&text, "the run's detail cannot be read: ");
        dify__say(&text, dify_strerror(err));
        dify__follow_fail(follow, DIFY_REASON_BAD_STREAM, DIFY_OUTCOME_INVALID_RESPONSE, "", 0,
                          &text);
    }
}

/* The detail knows the run's end. An open stream may be about to tell it, with more. */
static void take_end(struct dify_follow *follow, struct dify_slice status, struct dify_slice body)
{
    bool waits = follow->is_stream && !follow->has_ending;
    follow->ending.len = 0;
    if (dify__buffer_append(&follow->ending, body.ptr, body.len) != DIFY_OK) {
        dify__follow_no_memory(follow);
        return;
    }
    follow->has_ending = true;
    follow->ending_is_pause = dify__slice_is(status, "paused");
    if (waits)
        dify__alarm_in(follow->env, &follow->question, DIFY__DETAIL_GRACE_MS);
    else
        dify__follow_take_ending(follow);
}

static void ask_again(struct dify_follow *follow)
{
    uint64_t ms = DIFY__QUESTION_MS;
    bool has_no_stream =
        follow->state == DIFY_FOLLOW_POLLING || follow->state == DIFY_FOLLOW_SEARCHING;
    if (has_no_stream && follow->asked < 5 &&
        (uint64_t)DIFY__POLL_FIRST_MS << follow->asked < DIFY__QUESTION_MS)
        ms = (uint64_t)DIFY__POLL_FIRST_MS << follow->asked;
    if (follow->state == DIFY_FOLLOW_STREAMING && !follow->is_resumed && !follow->is_late)
        ms = DIFY__PINGS_MS;
    if (follow->state == DIFY_FOLLOW_POLLING || follow->state == DIFY_FOLLOW_SEARCHING ||
        follow->state == DIFY_FOLLOW_SUSPECT || follow->state == DIFY_FOLLOW_STREAMING)
        dify__follow_ask_in(follow, ms);
}

static void take_running(struct dify_follow *follow)
{
    follow->not_found = 0;
    follow->stop_is_old = false;
    if (follow->state != DIFY_FOLLOW_BROKEN || !follow->was_silent) {
        ask_again(follow);
        return;
    }
    /* the server has given the run's worker up, and its row will say `running` for ever */
    struct dify__text_of text = dify__text_begin(follow);
    dify__say(&text, "the run's worker has given no sign for ");
    dify__say_s(&text, follow->quiet_ms);
    dify__say(&text, "; Dify has ended the stream, and still calls the run running");
    dify__follow_fail(follow, DIFY_REASON_READ_TIMEOUT, DIFY_OUTCOME_READ_TIMEOUT, "", 0, &text);
}

static void take_not_found(struct dify_follow *follow)
{
    struct dify__text_of text;
    if (++follow->not_found < DIFY__NOT_FOUND) {
        if (follow->state == DIFY_FOLLOW_BROKEN)
            dify__follow_ask_in(follow, DIFY__POLL_FIRST_MS);
        else
            ask_again(follow);
        return;
    }
    text = dify__text_begin(follow);
    dify__say(&text, "Dify does not know the run ");
    dify__add_slice(&text.text, &text.err, dify__run_id(follow->run));
    dify__say(&text, " of this app");
    dify__follow_fail(follow, DIFY_REASON_LOST, DIFY_OUTCOME_RUN_LOST, "", 0, &text);
}

/* The key is refused, over and over: nothing more is to be learnt with it. */
static void take_refused(struct dify_follow *follow, const struct dify_answer *answer)
{
    struct dify__text_of text;
    if (++follow->refused < DIFY__NOT_FOUND) {
        ask_again(follow);
        return;
    }
    text = dify__text_begin(follow);
    dify__say(&text, "Dify refuses to tell how the run goes on: ");
    dify__add_slice(&text.text, &text.err, answer->message);
    dify__follow_fail(follow, DIFY_REASON_REFUSED, DIFY_OUTCOME_STREAM_INCOMPLETE, "", 0, &text);
}

static bool is_stale_pause(const struct dify_follow *follow, struct dify_slice status)
{
    return dify__slice_is(status, "paused") && follow->continued_ms != 0 &&
           dify__now(follow->env) - follow->continued_ms < DIFY__CONTINUE_MS;
}

static void on_detail(void *ctx, const struct dify_answer *answer)
{
    struct dify_follow *follow = ctx;
    struct detail detail;
    follow->call = NULL;
    follow->asked++;
    if (answer->outcome != DIFY_OUTCOME_SUCCEEDED) {
        if (answer->http_status == 404)
            take_not_found(follow);
        else if (answer->http_status == 401 || answer->http_status == 403)
            take_refused(follow, answer);
        else
            ask_again(follow);
        return;
    }
    follow->refused = 0;
    bool is_read = read_detail(&detail, follow, dify__run_id(follow->run), answer->body);
    if (!is_read)
        ask_again(follow);
    else if (detail.status.ptr == NULL)
        take_not_found(follow); /* Dify 1.12 answers so for a run that it does not know */
    else if (is_under_way(detail.status, detail.is_finished) ||
             is_stale_pause(follow, detail.status))
        take_running(follow);
    else
        take_end(follow, detail.status, answer->body);
    dify__json_fini(&detail.json);
}

/* ---- searching ----------------------------------------------------------------------------- */

/* A run in the logs. */
struct row {
    int64_t made_s;
    bool fits;
    char id[64];
};

static size_t row_count(const struct dify_follow *follow)
{
    return follow->rows.len / sizeof(struct row);
}

static struct row *row_at(const struct dify_follow *follow, size_t at)
{
    return (struct row *)(void *)follow->rows.ptr + at;
}

/* No run that was made before this is one that the follow has sent. */
static int64_t since_s(const struct dify_follow *follow, int64_t skew_s)
{
    return follow->sent_unix_ms / 1000 + skew_s - SLACK_S;
}

static void compare_next(struct dify_follow *follow);

/* Whether another run that is or was followed here has the id. */
static bool is_anothers(const struct dify_follow *follow, struct dify_slice id)
{
    if (dify__remembers_run(follow->env, id))
        return true;
    for (const struct dify_follow *other = follow->env->follows; other != NULL; other = other->next)
        if (other != follow && dify__slice_equals(dify__run_id(other->run), id))
            return true;
    return false;
}

/* Whether another run of the same user was sent from here, whose stream has yet to tell its id: the
 * one that fits may be that. */
static bool may_be_anothers(const struct dify_follow *follow)
{
    const struct dify_follow *other = follow->has_own_user ? NULL : follow->env->follows;
    for (; other != NULL; other = other->next) {
        bool may_tell = other->state == DIFY_FOLLOW_SUBMITTING ||
                        other->state == DIFY_FOLLOW_STREAMING ||
                        other->state == DIFY_FOLLOW_SUSPECT;
        if (other != follow && may_tell && dify__run_id(other->run).len == 0 &&
            strcmp(other->user, follow->user) == 0)
            return true;
    }
    return false;
}

/* Whether both have sent the same request: then the run of the one is as good as the other's. */
static bool is_twin(const struct dify_follow *follow, const struct dify_follow *other)
{
    bool is_same_version = follow->workflow_id == NULL || other->workflow_id == NULL
                               ? follow->workflow_id == other->workflow_id
                               : strcmp(follow->workflow_id, other->workflow_id) == 0;
    return other->app == follow->app && strcmp(other->user, follow->user) == 0 && is_same_version &&
           dify__slice_equals(dify__buffer_slice(&other->prepared),
                              dify__buffer_slice(&follow->prepared));
}

/* How many follows look for a run of this request, and sent theirs early enough. */
static unsigned count_twins(const struct dify_follow *follow, int64_t made_s)
{
    const struct dify_follow *other = follow->has_own_user ? NULL : follow->env->follows;
    unsigned count = 1;
    for (; other != NULL; other = other->next)
        count += other != follow && other->state == DIFY_FOLLOW_SEARCHING &&
                 is_twin(follow, other) && since_s(other, follow->skew_s) <= made_s;
    return count;
}

/* Those that fit and were not made later. */
static unsigned count_fits(const struct dify_follow *follow, int64_t made_s)
{
    unsigned count = 0;
    for (size_t i = 0; i < row_count(follow); i++)
        count += row_at(follow, i)->fits && row_at(follow, i)->made_s <= made_s;
    return count;
}

/* The run, where it is certain: where each that fits can be that of one who looks for such a run.
 * The oldest then, since the others may be of those who sent later. NULL: none, or too many. */
static const struct row *choose(struct dify_follow *follow)
{
    const struct row *oldest = NULL;
    follow->fits = 0;
    for (size_t i = 0; i < row_count(follow); i++) {
        struct row *row = row_at(follow, i); /* which another may have found meanwhile */
        row->fits = row->fits && !is_anothers(follow, dify__slice(row->id));
        follow->fits += row->fits;
    }
    for (size_t i = 0; i < row_count(follow); i++) {
        const struct row *row = row_at(follow, i);
        if (!row->fits)
            continue;
        if (count_fits(follow, row->made_s) > count_twins(follow, row->made_s))
            return NULL;
        if (oldest == NULL || row->made_s < oldest->made_s)
            oldest = row;
    }
    return oldest;
}

/* All are compared: goes on with the run, or looks for it again. */
static void take_search(struct dify_follow *follow)
{
    const struct row *found = choose(follow);
    if (found == NULL || follow->has_more_rows || may_be_anothers(follow)) {
        ask_again(follow);
        return;
    }
    struct dify__text_of text = dify__text_begin(follow);
    dify__run_learn_ids(follow->run, dify__slice(found->id), (struct dify_slice){NULL, 0});
    if (!dify__follow_has_row(follow)) {
        dify__follow_no_memory(follow);
        return;
    }
    dify__say(&text, "the logs have the run: ");
    dify__say(&text, found->id);
    if (follow->state == DIFY_FOLLOW_SEARCHING) {
        follow->reopens = 0;
        dify__follow_recover(follow, DIFY_REASON_FOUND, &text);
        return;
    }
    dify__buffer_fini(&text.text);
    dify__follow_ask_in(follow, 0);
}

static void on_candidate(void *ctx, const struct dify_answer *answer)
{
    struct dify_follow *follow = ctx;
    struct detail detail;
    struct row *row = row_at(follow, follow->row_at);
    /* that of one version may be another */
    const struct dify__form *form = follow->workflow_id == NULL ? follow->app->form : NULL;
    follow->call = NULL;
    if (answer->outcome == DIFY_OUTCOME_SUCCEEDED) {
        bool is_read = read_detail(&detail, follow, dify__slice(row->id), answer->body);
        row->fits = is_read && detail.inputs.ptr != NULL &&
                    dify__inputs_match(follow->env->allocator, form,
                                       dify__buffer_slice(&follow->prepared), detail.inputs);
        dify__json_fini(&detail.json);
    } else if (answer->http_status == 0 || answer->http_status >= 500) {
        ask_again(follow); /* an unanswered one might be it */
        return;
    }
    follow->row_at++;
    compare_next(follow);
}

static void compare_next(struct dify_follow *follow)
{
    while (follow->has_own_user && follow->row_at < row_count(follow))
        row_at(follow, follow->row_at++)->fits = true;
    if (follow->row_at >= row_count(follow))
        take_search(follow);
    else if (dify__ask_detail(follow->app, row_at(follow, follow->row_at)->id,
                              DIFY__QUESTION_SILENCE_MS, on_candidate, follow,
                              &follow->call) != DIFY_OK)
        dify__follow_no_memory(follow);
}

static yyjson_val *member(yyjson_val *object, const char *key)
{
    return yyjson_is_obj(object) ? yyjson_obj_get(object, key) : NULL;
}

static struct dify_slice text_of(yyjson_val *value)
{
    return (struct dify_slice){yyjson_get_str(value), yyjson_get_len(value)};
}

static bool is_text(yyjson_val *value, const char *text)
{
    return yyjson_is_str(value) && yyjson_get_len(value) == strlen(text) &&
           memcmp(yyjson_get_str(value), text, strlen(text)) == 0;
}

/* Keeps the rows that may be the run: of its user, and not older than it. */
static enum dify_err keep_rows(struct dify_follow *follow, yyjson_val *rows)
{
    yyjson_val *row;
    size_t i, count;
    enum dify_err err = DIFY_OK;
    bool is_whole = yyjson_arr_size(rows) < DIFY__LOG_ROWS;
    yyjson_arr_foreach(rows, i, count, row)
    {
        yyjson_val *run = member(row, "workflow_run"), *id = member(run, "id");
        yyjson_val *made = member(run, "created_at");
        struct dify_slice text = text_of(id);
        struct row kept = {.made_s = yyjson_is_int(made) ? yyjson_get_sint(made) : INT64_MAX};
        bool is_older = kept.made_s < since_s(follow, follow->skew_s);
        is_whole = is_whole || is_older; /* the newest come first */
        if (text.ptr == NULL || text.len >= sizeof kept.id || !dify__is_id(text) ||
            !is_text(member(member(row, "created_by_end_user"), "session_id"), follow->user) ||
            (!follow->has_own_user && is_older) || is_anothers(follow, text))
            continue;
        if (row_count(follow) == ROWS) {
            is_whole = false;
            break;
        }
        memcpy(kept.id, text.ptr, text.len);
        dify__add_slice(&follow->rows, &err, (struct dify_slice){(char *)&kept, sizeof kept});
    }
    follow->has_more_rows = !is_whole && !follow->has_own_user;
    return err;
}

static void on_logs(void *ctx, const struct dify_answer *answer)
{
    struct dify_follow *follow = ctx;
    struct dify__json json;
    enum dify_err err = DIFY_OK;
    follow->call = NULL;
    follow->asked++;
    if (answer->outcome != DIFY_OUTCOME_SUCCEEDED) {
        ask_again(follow);
        return;
    }
    int64_t now_s = follow->env->unix_ms(follow->env->ctx) / 1000;
    follow->skew_s = answer->server_time_s != 0 ? answer->server_time_s - now_s : 0;
    dify__json_init(&json, follow->env->allocator);
    follow->rows.len = follow->row_at = 0;
    follow->fits = 0;
    if (dify__json_read(&json, answer->body) == DIFY_OK)
        err = keep_rows(follow, member(yyjson_doc_get_root(json.doc), "data"));
    dify__json_fini(&json);
    if (err != DIFY_OK)
        dify__follow_no_memory(follow);
    else
        compare_next(follow);
}

static void on_search_over(struct dify__alarm *alarm)
{
    struct dify_follow *follow = DIFY__FOLLOW_OF(alarm, step);
    struct dify__text_of text = dify__text_begin(follow);
    bool is_unclear = follow->fits > 1 || (follow->fits == 1 && follow->has_more_rows);
    dify__say(&text, "the run was sent, its answer was lost, and ");
    dify__say(&text, is_unclear ? "more than one run in Dify's logs of user "
                                : "none was found in Dify's logs of user ");
    dify__say(&text, follow->user);
    dify__say(&text, is_unclear ? " has its inputs and may be it" : "");
    dify__say(&text, " (asked ");
    dify__add_uint(&text.text, &text.err, follow->asked);
    dify__say(&text, " times in ");
    dify__say_s(&text, DIFY__SEARCH_MS);
    dify__say(&text, "); it may have run, or run still");
    dify__follow_fail(follow, DIFY_REASON_LOST, DIFY_OUTCOME_RUN_LOST, "", 0, &text);
}

void dify__begin_searching(struct dify_follow *follow)
{
    struct dify__buffer ignored = {.allocator = follow->env->allocator, .max = SIZE_MAX / 2};
    enum dify_err err = DIFY_OK;
    if (follow->prepared.len == 0) /* taken up: nothing was checked before */
        err = dify__inputs_write(&follow->inputs, NULL, &follow->prepared, &ignored);
    dify__buffer_fini(&ignored);
    if (err != DIFY_OK) {
        dify__follow_no_memory(follow);
        return;
    }
    follow->step.ring = on_search_over;
    dify__alarm_in(follow->env, &follow->step, DIFY__SEARCH_MS);
    dify__follow_ask_in(follow, 0);
}

void dify__begin_polling(struct dify_follow *follow)
{
    dify__run_note_gap(follow->run);
    dify__follow_ask_in(follow, 0);
}

bool dify__follow_goes_on(struct dify_follow *follow)
{
    struct dify__json json;
    bool is_run = false;
    dify__json_init(&json, follow->env->allocator);
    if (dify__json_read(&json, dify__buffer_slice(&follow->answer)) == DIFY_OK) {
        yyjson_val *root = yyjson_doc_get_root(json.doc), *data = member(root, "data");
        struct dify_slice status = text_of(member(data, "status"));
        yyjson_val *finished_at = member(data, "finished_at");
        is_run = status.ptr != NULL &&
                 is_under_way(status, finished_at != NULL && !yyjson_is_null(finished_at));
        if (is_run || follow->status == 202)
            dify__run_learn_ids(follow->run, text_of(member(root, "workflow_run_id")),
                                text_of(member(root, "task_id")));
    }
    dify__json_fini(&json);
    return is_run || follow->status == 202;
}

/* ---- asking -------------------------------------------------------------------------------- */

/* A stream that is the run's own tells what there is to tell, as long as there are events in it:
 * pings alone may also be those of a server that has lost the run's end. */
static bool is_needless(struct dify_follow *follow)
{
    uint64_t quiet = dify__now(follow->env) - follow->event_ms;
    if (follow->state != DIFY_FOLLOW_STREAMING || follow->is_resumed || follow->is_late ||
        quiet >= DIFY__PINGS_MS)
        return false;
    dify__follow_ask_in(follow, DIFY__PINGS_MS - quiet);
    return true;
}

static void on_question(struct dify__alarm *alarm)
{
    struct dify_follow *follow = DIFY__FOLLOW_OF(alarm, question);
    enum dify_err err = DIFY_OK;
    char id[DIFY__ID_BYTES];
    struct dify_slice run_id = dify__run_id(follow->run);
    if (follow->has_ending) {
        dify__follow_take_ending(follow);
        return;
    }
    if (follow->call != NULL || is_needless(follow))
        return;
    if (dify__follow_has_row(follow)) {
        memcpy(id, run_id.ptr, run_id.len);
        id[run_id.len] = '\0';
        err = dify__ask_detail(follow->app, id, DIFY__QUESTION_SILENCE_MS, on_detail, follow,
                               &follow->call);
    } else if (dify__follow_is_searchable(follow) &&
               (follow->has_own_user || follow->state == DIFY_FOLLOW_SEARCHING)) {
        /* of a user with other runs one that fits may be another, while the stream may yet tell */
        err = dify__ask_logs(follow->app, follow->user, DIFY__QUESTION_SILENCE_MS, on_logs, follow,
                             &follow->call);
    }
    if (err != DIFY_OK)
        dify__follow_no_memory(follow);
}

void dify__follow_ask_in(struct dify_follow *follow, uint64_t ms)
{
    if (dify__follow_is_over(follow))
        return;
    follow->question.ring = on_question;
    dify__alarm_in(follow->env, &follow->question, ms);
}

/* ---- stopping ------------------------------------------------------------------------------ */

static void on_stopped(void *ctx, const struct dify_answer *answer)
{
    struct dify_follow *follow = ctx;
    follow->stop_call = NULL;
    if (answer->outcome != DIFY_OUTCOME_SUCCEEDED) {
        dify__alarm_in(follow->env, &follow->stopping, DIFY__STOP_AGAIN_MS);
        if (!follow->has_told_stop && follow->observer.stop_failed != NULL) {
            follow->has_told_stop = true;
            follow->observer.stop_failed(follow->observer.ctx, follow, answer->message);
        }
        return;
    }
    follow->stop_acknowledged = true;
    if (!follow->stops_late)
        dify__run_note_stop(follow->run);
    dify__alarm_in(follow->env, &follow->stopping, DIFY__STOP_MS);
    if (!follow->is_stream && follow->call == NULL && dify__follow_has_row(follow))
        dify__follow_ask_in(follow, 0);
}

/* Of a run that was taken up by its id alone only its events tell that it is a chatflow's, which
 * has a stop of its own. */
static enum dify_kind kind_of_stop(const struct dify_follow *follow)
{
    bool is_chatflow =
        follow->kind == DIFY_KIND_WORKFLOW && dify__run_has_conversation(follow->run);
    return is_chatflow ? DIFY_KIND_CHAT : follow->kind;
}

void dify__follow_try_stop(struct dify_follow *follow)
{
    char id[DIFY__ID_BYTES];
    if (!follow->wants_stop || follow->stop_acknowledged || follow->stop_call != NULL ||
        dify__follow_is_over(follow))
        return;
    struct dify_slice task = dify__run_task(follow->run);
    if (!dify__is_id(task))
        return;
    memcpy(id, task.ptr, task.len);
    id[task.len] = '\0';
    if (dify_stop_task(follow->app, kind_of_stop(follow), id, follow->user, on_stopped, follow,
                       &follow->stop_call) != DIFY_OK)
        dify__follow_no_memory(follow);
}
