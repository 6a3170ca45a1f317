/* SPDX-License-Identifier: Apache-2.0
 *
 * follow.c: the states of a follow. dify__follow_enter() alone writes the state.
 *
 *   state       waits for                            goes to
 *   ----------  -----------------------------------  ------------------------------------------
 *   NEW         dify_follow_start()                  CHECKING; of a run that is taken up
 *                                                    RESUMING, POLLING or SEARCHING, or ENDED
 *   CHECKING    /info, /parameters                   UPLOADING, HELD, SUBMITTING; ENDED (unfit)
 *   UPLOADING   each file's id                       HELD, SUBMITTING; ENDED (refused)
 *   HELD        dify_follow_submit()                 SUBMITTING
 *   SUBMITTING  the head of the POST's answer        STREAMING; SUSPECT (silent); ENDED (refused,
 *                                                    or a blocking answer); WAITING (certainly
 *                                                    not carried out); SEARCHING (answer lost)
 *   WAITING     its alarm                            SUBMITTING
 *   STREAMING   bytes; the terminal event            ENDED; SUSPECT; BROKEN or SEARCHING
 *   SUSPECT     bytes; the detail, or the logs,      STREAMING; ENDED; BROKEN or SEARCHING;
 *               asked every 10 s                     WAITING, as SUBMITTING
 *   SEARCHING   the logs, and details of what        BROKEN or POLLING (found); ENDED (lost)
 *               they list
 *   BROKEN      its alarm                            RESUMING; ENDED (by the detail)
 *   RESUMING    the head of the events endpoint      STREAMING; SUSPECT; BROKEN; POLLING
 *   POLLING     the detail                           ENDED; BROKEN (paused, the form not seen)
 *   ENDED       after a pause dify_follow_continue() RESUMING or POLLING
 *
 * From everywhere: ENDED by a cancel, by the run's ceiling where no stream is alive, for want of
 * memory. The POST is sent in SUBMITTING only, and SUBMITTING is entered again only from WAITING,
 * which is entered only when not one byte of the request was sent or when Dify said that it has not
 * begun: so no run is started twice.
 *
 * One exchange (the POST or the events endpoint), one question, one stop may be under way. What
 * ends the follow cancels them; observers are told of the end from the loop, so that they may free
 * it.
 */
#include "client/follow_state.h"

#include "core/json_text.h"
#include "core/slices.h"

#include <assert.h>

struct dify__text_of dify__text_begin(const struct dify_follow *follow)
{
    return (struct dify__text_of){{.allocator = follow->env->allocator, .max = SIZE_MAX / 2},
                                  DIFY_OK};
}

void dify__say_s(struct dify__text_of *text, uint64_t ms)
{
    char tenth[] = ".0 s";
    dify__add_uint(&text->text, &text->err, ms / 1000);
    tenth[1] = (char)('0' + ms / 100 % 10);
    dify__say(text, ms < 20000 && ms % 1000 >= 100 ? tenth : " s");
}

void dify__follow_hang_up(struct dify_follow *follow)
{
    if (follow->exchange == NULL)
        return;
    follow->env->transport->cancel(follow->env->transport->ctx, follow->exchange);
    follow->exchange = NULL;
    if (follow->is_stream && follow->observer.stream_end != NULL)
        follow->observer.stream_end(follow->observer.ctx, follow, DIFY_REASON_NONE);
    follow->is_stream = false;
}

void dify__follow_drop_call(struct dify_follow *follow)
{
    if (follow->call != NULL)
        dify_call_cancel(follow->call);
    follow->call = NULL;
    dify__follow_ask_no_more(follow);
}

bool dify__is_id(struct dify_slice id)
{
    return id.len < DIFY__ID_BYTES && dify__is_segment(id);
}

bool dify__follow_has_row(const struct dify_follow *follow)
{
    return follow->kind != DIFY_KIND_COMPLETION && dify__is_id(dify__run_id(follow->run));
}

bool dify__follow_knows_end(const struct dify_follow *follow)
{
    const struct dify_run *run = follow->run;
    return dify__run_has_workflow_finished(run) || dify__run_has_error_event(run) ||
           (dify_run_has_terminal_event(run) && !dify__follow_has_row(follow));
}

bool dify__follow_is_searchable(const struct dify_follow *follow)
{
    return follow->kind == DIFY_KIND_WORKFLOW && dify__run_id(follow->run).len == 0;
}

bool dify__follow_awaits_row(const struct dify_follow *follow)
{
    return follow->stop_is_old && dify__follow_has_row(follow);
}

bool dify__follow_is_alive(const struct dify_follow *follow)
{
    if (!follow->is_stream)
        return false;
    /* the events endpoint pings by itself; of a run that Dify cannot be asked about, pings alone
     * are not believed for ever */
    uint64_t now = dify__now(follow->env);
    uint64_t sign = follow->is_resumed ? follow->event_ms : follow->heard_ms;
    if (!dify__follow_has_row(follow) && now - follow->event_ms >= follow->app->silence_timeout_ms)
        return false;
    return now - sign < DIFY__SUSPECT_MS;
}

/* ---- the door ------------------------------------------------------------------------------ */

/* Which states go on with the exchange, or the question, of the one before. */
static bool keeps_exchange(enum dify_follow_state state)
{
    return state == DIFY_FOLLOW_STREAMING || state == DIFY_FOLLOW_SUSPECT;
}

static void begin(struct dify_follow *follow, uint64_t wait_ms)
{
    switch (follow->state) {
    case DIFY_FOLLOW_CHECKING:
        dify__begin_checking(follow);
        break;
    case DIFY_FOLLOW_UPLOADING:
        dify__begin_uploading(follow);
        break;
    case DIFY_FOLLOW_SUBMITTING:
        dify__begin_submitting(follow);
        break;
    case DIFY_FOLLOW_WAITING:
    case DIFY_FOLLOW_BROKEN:
        dify__alarm_in(follow->env, &follow->step, wait_ms);
        break;
    case DIFY_FOLLOW_STREAMING:
        dify__begin_streaming(follow);
        break;
    case DIFY_FOLLOW_SUSPECT:
        dify__begin_suspecting(follow);
        break;
    case DIFY_FOLLOW_SEARCHING:
        dify__begin_searching(follow);
        break;
    case DIFY_FOLLOW_RESUMING:
        dify__begin_resuming(follow);
        break;
    case DIFY_FOLLOW_POLLING:
        dify__begin_polling(follow);
        break;
    default:
        break;
    }
}

void dify__follow_enter(struct dify_follow *follow, enum dify_follow_state state,
                        enum dify_reason reason, uint64_t wait_ms, struct dify__text_of *take_text)
{
    struct dify_follow_change change = {follow->state, state, reason, "", wait_ms};
    assert(!follow->is_feeding);
    if (state != follow->state)
        dify__follow_drop_call(follow);
    dify__alarm_off(follow->env, &follow->step);
    dify__alarm_off(follow->env, &follow->question);
    if (!keeps_exchange(state))
        dify__follow_hang_up(follow);
    if (follow->state != change.from) { /* an observer has cancelled it meanwhile */
        if (take_text != NULL)
            dify__buffer_fini(&take_text->text);
        return;
    }
    follow->state = state;
    follow->asked = follow->not_found = follow->refused = 0;
    follow->env->reasons[reason]++;
    if (take_text != NULL) {
        dify__add_nul(&take_text->text, &take_text->err);
        if (take_text->err == DIFY_OK)
            change.text = take_text->text.ptr;
    }
    if (follow->observer.changed != NULL)
        follow->observer.changed(follow->observer.ctx, follow, &change);
    if (take_text != NULL)
        dify__buffer_fini(&take_text->text);
    /* an observer may have cancelled it */
    if (follow->state == state)
        begin(follow, wait_ms);
}

/* ---- ends ---------------------------------------------------------------------------------- */

static void close_up(struct dify_follow *follow, enum dify_reason reason,
                     struct dify__text_of *take_text)
{
    /* first, since its observer may stop or cancel what is about to end */
    dify__follow_hang_up(follow);
    if (dify__follow_is_over(follow)) {
        if (take_text != NULL)
            dify__buffer_fini(&take_text->text);
        return;
    }
    dify__alarm_off(follow->env, &follow->ceiling);
    dify__alarm_off(follow->env, &follow->stopping);
    if (follow->stop_call != NULL)
        dify_call_cancel(follow->stop_call);
    follow->stop_call = NULL;
    follow->is_late = follow->has_ending = false;
    dify__buffer_fini(&follow->ending);
    dify__buffer_fini(&follow->rows);
    dify__buffer_fini(&follow->answer);
    dify__follow_enter(follow, DIFY_FOLLOW_ENDED, reason, 0, take_text);
    if (follow->has_told_end)
        return;
    follow->has_told_end = true;
    dify__alarm_in(follow->env, &follow->telling, 0);
}

void dify__follow_end(struct dify_follow *follow, enum dify_reason reason)
{
    if (dify__follow_is_over(follow))
        return;
    dify_run_end(follow->run);
    close_up(follow, reason, NULL);
}

/* After a stop that Dify has acknowledged, an end that nobody tells is one by this stop; unless it
 * is only us who were not told: by a key that is refused, or by a Dify that does not answer. */
static bool is_by_stop(const struct dify_follow *follow, enum dify_outcome outcome)
{
    return follow->stop_acknowledged && !dify__follow_awaits_row(follow) &&
           (outcome == DIFY_OUTCOME_STREAM_INCOMPLETE || outcome == DIFY_OUTCOME_READ_TIMEOUT ||
            outcome == DIFY_OUTCOME_RUN_TIMEOUT || outcome == DIFY_OUTCOME_CONNECTION_RESET ||
            outcome == DIFY_OUTCOME_RUN_LOST);
}

/* Without memory for the texts, without them. */
static void end_run(struct dify_follow *follow, enum dify_outcome outcome, struct dify_slice code,
                    struct dify_slice message, int http_status)
{
    const struct dify_slice none = {"", 0};
    enum dify_err err = dify_run_fail(follow->run, outcome, code, message, http_status);
    if (err != DIFY_OK)
        err = dify_run_fail(follow->run, outcome, none, none, http_status);
    if (err != DIFY_OK)
        dify_run_end(follow->run);
}

void dify__follow_fail(struct dify_follow *follow, enum dify_reason reason,
                       enum dify_outcome outcome, const char *code, int http_status,
                       struct dify__text_of *take_text)
{
    if (dify__follow_is_over(follow)) {
        dify__buffer_fini(&take_text->text);
        return;
    }
    if (dify_run_has_terminal_event(follow->run)) {
        dify__follow_end(follow, reason);
        dify__buffer_fini(&take_text->text);
        return;
    }
    if (is_by_stop(follow, outcome)) {
        dify__run_end_stopped(follow->run);
    } else {
        end_run(follow, outcome, dify__slice(code), dify__buffer_slice(&take_text->text),
                http_status);
    }
    close_up(follow, reason, take_text);
}

void dify__follow_no_memory(struct dify_follow *follow)
{
    struct dify__text_of text = dify__text_begin(follow);
    dify__say(&text, "out of memory");
    dify__follow_fail(follow, DIFY_REASON_NO_MEMORY, DIFY_OUTCOME_INVALID_RESPONSE, "", 0, &text);
}
