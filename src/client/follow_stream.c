/* SPDX-License-Identifier: Apache-2.0
 *
 * follow_stream.c: the request that starts a run or opens its events, and what comes of it: a
 * stream, a blocking answer, a refusal, or nothing.
 *
 * A stream is always read at full speed: Dify drops events for a slow reader without a word.
 */
#include "client/follow_state.h"

#include "core/json_text.h"
#include "core/prefetch.h"
#include "core/slices.h"

#include <ctype.h>
#include <strings.h>

/* ---- silence ------------------------------------------------------------------------------- */

static uint64_t suspect_ms(const struct dify_follow *follow)
{
    uint64_t half = follow->app->silence_timeout_ms / 2;
    return half < DIFY__SUSPECT_MS ? half : DIFY__SUSPECT_MS;
}

static uint64_t silent_ms(const struct dify_follow *follow)
{
    return dify__now(follow->env) - follow->heard_ms;
}

static void say_silence(struct dify_follow *follow, struct dify__text_of *text)
{
    dify__add_slice(&text->text, &text->err, dify__app_host(follow->app));
    dify__say(text, " has sent nothing for ");
    dify__say_s(text, silent_ms(follow));
}

static void on_quiet(struct dify__alarm *alarm)
{
    struct dify_follow *follow = DIFY__FOLLOW_OF(alarm, step);
    uint64_t silent = silent_ms(follow), most = suspect_ms(follow);
    if (silent < most) {
        dify__alarm_in(follow->env, &follow->step, most - silent);
        return;
    }
    struct dify__text_of text = dify__text_begin(follow);
    say_silence(follow, &text);
    dify__say(&text, !follow->has_head     ? "; the server is busy, or the run waits for a worker"
                     : follow->events == 0 ? "; the run waits for a worker"
                                           : "; its worker gives no sign");
    dify__follow_enter(follow, DIFY_FOLLOW_SUSPECT, DIFY_REASON_SILENT, 0, &text);
}

static void watch_silence(struct dify_follow *follow)
{
    uint64_t silent = silent_ms(follow), most = suspect_ms(follow);
    follow->step.ring = on_quiet;
    dify__alarm_in(follow->env, &follow->step, silent < most ? most - silent : 0);
}

static void on_silence_over(struct dify__alarm *alarm)
{
    struct dify_follow *follow = DIFY__FOLLOW_OF(alarm, step);
    uint64_t silent = silent_ms(follow), most = follow->app->silence_timeout_ms;
    if (silent < most) { /* the body of an answer that is no stream comes */
        dify__alarm_in(follow->env, &follow->step, most - silent);
        return;
    }
    struct dify__text_of text = dify__text_begin(follow);
    say_silence(follow, &text);
    bool has_row = dify__follow_has_row(follow);
    /* a run whose id is not known yet may be queued still, or its server may be busy */
    if (has_row ? follow->is_resumed : dify__follow_is_searchable(follow)) {
        dify__follow_recover(follow, DIFY_REASON_SILENT, &text);
        return;
    }
    dify__say(&text, has_row ? ", and Dify still calls the run running"
                             : ", and nothing is known of the run");
    dify__follow_fail(follow, DIFY_REASON_READ_TIMEOUT, DIFY_OUTCOME_READ_TIMEOUT, "", 0, &text);
}

void dify__begin_streaming(struct dify_follow *follow)
{
    watch_silence(follow);
    dify__follow_ask_in(follow, follow->has_ending   ? DIFY__DETAIL_GRACE_MS
                                : follow->is_resumed ? DIFY__QUESTION_FIRST_MS
                                                     : DIFY__PINGS_MS);
}

void dify__begin_suspecting(struct dify_follow *follow)
{
    uint64_t silent = silent_ms(follow), most = follow->app->silence_timeout_ms;
    follow->step.ring = on_silence_over;
    dify__alarm_in(follow->env, &follow->step, silent < most ? most - silent : 0);
    dify__follow_ask_in(follow, 0);
}

/* ---- recovering ---------------------------------------------------------------------------- */

static void on_next_reopen(struct dify__alarm *alarm)
{
    struct dify_follow *follow = DIFY__FOLLOW_OF(alarm, step);
    dify__follow_enter(follow, DIFY_FOLLOW_RESUMING, DIFY_REASON_RETRY, 0, NULL);
}

/* From Dify 1.15 to 1.16 the departure of one reader, which the server notices when it sends the
 * next event, cuts the run's other readers after it: a plain stream is closed then, one that began
 * with a snapshot falls silent for good. So the first stream after a cut is a plain one, which
 * shows its end; the second has the snapshot, and lives. */
static bool is_plain_next(const struct dify_follow *follow)
{
    return follow->reopens <= 1 && !follow->is_plain && follow->stream_number > 0 &&
           dify__now(follow->env) - follow->lost_ms < DIFY__NOTICED_MS &&
           !dify__app_is_before(follow->app, 1, 15) && dify__app_is_before(follow->app, 1, 17);
}

/* The first try comes at once, so that little is missed; the second soon after, since up to Dify
 * 1.16.1 the first stream after a cut dies; then slower. */
static uint64_t reopen_delay(const struct dify_follow *follow)
{
    if (follow->reopens == 0) /* a plain stream does not bring back what it missed */
        return dify__random_below(follow->env, is_plain_next(follow) ? 50 : 250);
    if (follow->reopens == 1)
        return 300 + dify__random_below(follow->env, 700);
    return dify__backoff_ms(follow->env, follow->reopens, DIFY__BACKOFF_MOST_MS);
}

static bool opened_too_often(const struct dify_follow *follow)
{
    if (follow->opened < DIFY__STREAMS)
        return false;
    uint64_t oldest = follow->opened_ms[follow->opened % DIFY__STREAMS];
    return dify__now(follow->env) - oldest < DIFY__STREAMS_MS;
}

/* Whether the events endpoint answers, and never with a stream: the detail may say more. */
static bool is_refused_for_ever(const struct dify_follow *follow, enum dify_reason reason)
{
    return (reason == DIFY_REASON_REFUSED || reason == DIFY_REASON_GATEWAY_ERROR) &&
           follow->reopens >= DIFY__REFUSED_STREAMS;
}

static bool has_events_route(const struct dify_follow *follow)
{
    return !follow->app->has_no_events && !dify__app_is_before(follow->app, 1, 14);
}

static void reopen(struct dify_follow *follow, enum dify_reason reason,
                   struct dify__text_of *take_text)
{
    /* where the server itself has ended the stream, the run may be over; and where no stream is to
     * be had for long, it may have come to its end meanwhile */
    bool asks_first = reason == DIFY_REASON_NO_END || reason == DIFY_REASON_INVENTED_END ||
                      follow->reopens >= DIFY__REFUSED_STREAMS;
    uint64_t ms = reopen_delay(follow) + (asks_first ? 500 : 0);
    if (follow->was_silent) /* the answer decides */
        ms += DIFY__QUESTION_MS;
    follow->reopens++;
    follow->step.ring = on_next_reopen;
    if (take_text != NULL) {
        dify__say(take_text, "; taking the run up again in ");
        dify__say_s(take_text, ms);
    }
    dify__follow_enter(follow, DIFY_FOLLOW_BROKEN, reason, ms, take_text);
    if (follow->state == DIFY_FOLLOW_BROKEN && asks_first)
        dify__follow_ask_in(follow, 0);
}

/* What there is to say of a run that was taken up, before which nothing went wrong here. */
static struct dify__text_of *left_text(struct dify_follow *follow, struct dify__text_of *text)
{
    *text = dify__text_begin(follow);
    dify__say(text, "the run was left before its end was seen");
    return text;
}

static void fail_incomplete(struct dify_follow *follow, enum dify_reason reason,
                            struct dify__text_of *take_text)
{
    struct dify__text_of text;
    bool is_empty = follow->stream_number == 0 || follow->events == 0;
    if (take_text == NULL)
        take_text = left_text(follow, &text);
    dify__say(take_text, "; Dify cannot be asked about this run");
    dify__follow_fail(follow, reason,
                      reason == DIFY_REASON_RESET && is_empty ? DIFY_OUTCOME_CONNECTION_RESET
                      : reason == DIFY_REASON_GATEWAY_ERROR   ? DIFY_OUTCOME_HTTP_ERROR
                                                              : DIFY_OUTCOME_STREAM_INCOMPLETE,
                      "", 0, take_text);
}

static void fail_lost(struct dify_follow *follow, enum dify_reason reason,
                      struct dify__text_of *take_text)
{
    struct dify__text_of text;
    if (take_text == NULL)
        take_text = left_text(follow, &text);
    dify__say(take_text,
              "; whether the run has begun is not known, and chatflows stand in no logs");
    dify__follow_fail(follow, reason, DIFY_OUTCOME_RUN_LOST, "", 0, take_text);
}

void dify__follow_recover(struct dify_follow *follow, enum dify_reason reason,
                          struct dify__text_of *take_text)
{
    if (!dify__follow_has_row(follow)) {
        if (dify__follow_is_searchable(follow))
            dify__follow_enter(follow, DIFY_FOLLOW_SEARCHING, reason, 0, take_text);
        else if (follow->app->mode == DIFY__MODE_CHATFLOW && follow->events == 0)
            fail_lost(follow, reason, take_text);
        else
            fail_incomplete(follow, reason, take_text);
    } else if (!has_events_route(follow)) {
        dify__follow_enter(follow, DIFY_FOLLOW_POLLING, reason, 0, take_text);
    } else if (opened_too_often(follow)) {
        if (take_text != NULL)
            dify__say(take_text, "; enough streams were opened: from here on Dify is only asked");
        dify__follow_enter(follow, DIFY_FOLLOW_POLLING, DIFY_REASON_TOO_OFTEN, 0, take_text);
    } else if (is_refused_for_ever(follow, reason)) {
        if (take_text != NULL)
            dify__say(take_text, "; from here on Dify is only asked");
        dify__follow_enter(follow, DIFY_FOLLOW_POLLING, reason, 0, take_text);
    } else if (reason == DIFY_REASON_STARTED || reason == DIFY_REASON_CONTINUED) {
        dify__follow_enter(follow, DIFY_FOLLOW_RESUMING, reason, 0, take_text);
    } else {
        reopen(follow, reason, take_text);
    }
}

/* ---- what a stream says -------------------------------------------------------------------- */

static void on_late(struct dify__alarm *alarm)
{
    struct dify_follow *follow = DIFY__FOLLOW_OF(alarm, step);
    uint64_t silent = dify__now(follow->env) - follow->event_ms;
    bool is_enough = dify__now(follow->env) - follow->late_from_ms >= DIFY__LATE_MOST_MS;
    if (silent < DIFY__LATE_MS && !is_enough) {
        dify__alarm_in(follow->env, &follow->step, DIFY__LATE_MS - silent);
    } else if (!dify__follow_knows_end(follow) && !is_enough) { /* lost, but the detail has it */
        dify__alarm_in(follow->env, &follow->step, DIFY__LATE_MOST_MS);
        dify__follow_ask_in(follow, 0);
    } else {
        dify__follow_end(follow, DIFY_REASON_FINISHED);
    }
}

/* The run's end was told. A workflow's is the last event; a chat's may be followed by the other of
 * message_end and workflow_finished, and by audio. */
static void take_terminal(struct dify_follow *follow)
{
    bool is_chat = follow->kind == DIFY_KIND_CHAT || follow->kind == DIFY_KIND_COMPLETION;
    bool has_both =
        dify__run_has_workflow_finished(follow->run) && dify__run_has_message_end(follow->run);
    if (dify__run_has_error_event(follow->run) && !follow->is_late) {
        dify__follow_end(follow, DIFY_REASON_ERROR_EVENT);
    } else if (has_both || (!is_chat && dify__follow_knows_end(follow))) {
        dify__follow_end(follow, DIFY_REASON_FINISHED);
    } else if (!follow->is_late) {
        follow->is_late = true;
        follow->late_from_ms = dify__now(follow->env);
        follow->step.ring = on_late;
        dify__alarm_in(follow->env, &follow->step, DIFY__LATE_MS);
    }
}

/* A form that was just submitted: its run is called paused until a worker takes it. A pause that
 * waits for another form is a new one. */
static bool is_just_continued(const struct dify_follow *follow)
{
    return follow->continued_ms != 0 && !dify__run_has_other_forms(follow->run) &&
           dify__now(follow->env) - follow->continued_ms < DIFY__CONTINUE_MS;
}

static void take_pause(struct dify_follow *follow)
{
    struct dify__text_of text;
    if (!is_just_continued(follow)) {
        dify__follow_end(follow, DIFY_REASON_PAUSED);
        return;
    }
    text = dify__text_begin(follow);
    dify__say(&text, "the run is still paused");
    if (follow->reopens < 2)
        follow->reopens = 2;
    dify__follow_recover(follow, DIFY_REASON_PAUSED, &text);
}

bool dify__follow_seeks_form(struct dify_follow *follow)
{
    struct dify__text_of text;
    if (dify__run_has_other_forms(follow->run) || !has_events_route(follow) ||
        follow->form_looks == DIFY__STREAMS)
        return false;
    follow->form_looks++;
    text = dify__text_begin(follow);
    dify__say(&text, "the run is paused, and its form was not seen");
    follow->has_ending = false;
    if (follow->reopens < 2) /* with a snapshot, which has it */
        follow->reopens = 2;
    reopen(follow, DIFY_REASON_PAUSED, &text); /* the server ends it by itself: it costs no place */
    return true;
}

/* The server gives a stream up when its run's worker has given no sign for as long as ends a read.
 * (A resumed stream's pings say nothing of the worker.) */
static bool is_given_up(const struct dify_follow *follow)
{
    return !follow->is_resumed && follow->quiet_ms >= follow->app->silence_timeout_ms / 10 * 9;
}

static void after_feeding(struct dify_follow *follow, enum dify_err err)
{
    uint64_t events = dify__run_event_count(follow->run);
    struct dify__text_of text;
    if (events != follow->events_before) {
        follow->events += events - follow->events_before;
        follow->event_ms = follow->heard_ms;
        follow->reopens = 0;
    }
    if (follow->wants_cancel) {
        follow->wants_cancel = false;
        dify_follow_cancel(follow);
    } else if (err != DIFY_OK) {
        dify__follow_end(follow,
                         err == DIFY_ERR_NOMEM ? DIFY_REASON_NO_MEMORY : DIFY_REASON_BAD_STREAM);
    } else if (dify_run_has_terminal_event(follow->run)) {
        take_terminal(follow);
    } else if (dify__run_take_invented_end(follow->run)) {
        text = dify__text_begin(follow);
        follow->was_silent = is_given_up(follow);
        dify__say(&text, "the server ended the stream with an end of its own making");
        dify__follow_recover(follow, DIFY_REASON_INVENTED_END, &text);
    } else if (dify__run_is_paused(follow->run)) {
        take_pause(follow);
    } else {
        dify__follow_try_stop(follow);
    }
}

static void take_bytes(struct dify_follow *follow, struct dify_slice bytes)
{
    if (follow->observer.bytes != NULL)
        follow->observer.bytes(follow->observer.ctx, follow, bytes);
    if (dify__follow_is_over(follow))
        return;
    if (follow->state == DIFY_FOLLOW_SUSPECT) {
        struct dify__text_of text = dify__text_begin(follow);
        dify__say(&text, "the stream goes on");
        dify__follow_enter(follow, DIFY_FOLLOW_STREAMING, DIFY_REASON_ALIVE, 0, &text);
        if (dify__follow_is_over(follow))
            return;
    }
    follow->events_before = dify__run_event_count(follow->run);
    follow->is_feeding = true;
    enum dify_err err = dify_run_feed(follow->run, bytes.ptr, bytes.len);
    follow->is_feeding = false;
    after_feeding(follow, err);
    if (follow->prepared.ptr != NULL && dify__run_id(follow->run).len != 0)
        dify__buffer_fini(&follow->prepared); /* it need not be found by its inputs any more */
    if (!follow->was_silent && bytes.ptr[bytes.len - 1] == '\n') /* a frame is whole, or a ping */
        follow->quiet_ms = 0;
}

/* ---- answers that are no streams ----------------------------------------------------------- */

static bool is_chat_family(const struct dify_follow *follow)
{
    return follow->kind == DIFY_KIND_CHAT || follow->kind == DIFY_KIND_COMPLETION;
}

/* A blocking call's answer. */
static void take_blocking(struct dify_follow *follow)
{
    struct dify__text_of text = dify__text_begin(follow);
    if (dify__follow_goes_on(follow)) {
        dify__say(&text, "Dify has begun the run, and answered before its end");
        dify__follow_recover(follow, DIFY_REASON_NO_END, &text);
        return;
    }
    enum dify_err err = dify__run_tell(follow->run,
                                       is_chat_family(follow) ? DIFY__TOLD_BY_BLOCKING_CHAT
                                                              : DIFY__TOLD_BY_BLOCKING_RUN,
                                       dify__buffer_slice(&follow->answer));
    if (dify_run_has_terminal_event(follow->run)) {
        dify__follow_end(follow, DIFY_REASON_FINISHED);
    } else if (dify__run_is_paused(follow->run)) {
        dify__follow_end(follow, DIFY_REASON_PAUSED);
    } else if (err == DIFY_ERR_NOMEM) {
        dify__follow_no_memory(follow);
    } else {
        dify__add_slice(&text.text, &text.err, dify__app_host(follow->app));
        dify__say(&text, " answered with what is neither a stream nor a run's result");
        dify__say(&text,
                  follow->is_html ? ", an HTML page; is the base URL that of Dify's API?" : "");
        dify__follow_fail(follow, DIFY_REASON_BAD_STREAM, DIFY_OUTCOME_INVALID_RESPONSE, "", 0,
                          &text);
        return;
    }
    dify__buffer_fini(&text.text);
}

static bool starts_with(struct dify_slice text, const char *start)
{
    return text.len >= strlen(start) && memcmp(text.ptr, start, strlen(start)) == 0;
}

/* Too many runs at once: the same request may be granted in a moment, and was not carried out.
 * Other codes are something else: a plan's quota, or a model that was asked too often, by a run
 * that was carried out, in words that may be the same. */
static bool is_busy(const struct dify_follow *follow, const struct dify__refusal *refusal)
{
    bool is_by_proxy = refusal->code[0] == '\0' && follow->status == 429;
    bool is_code = strcmp(refusal->code, "too_many_requests") == 0 ||
                   strcmp(refusal->code, "invalid_param") == 0;
    return is_by_proxy ||
           (is_code && (follow->status == 429 ||
                        (follow->status == 400 &&
                         starts_with(dify__buffer_slice(&refusal->message), "Too many requests"))));
}

static void take_refusal(struct dify_follow *follow)
{
    struct dify__text_of text = dify__text_begin(follow);
    struct dify__refusal refusal;
    struct dify__request request = {.flags = DIFY__REQUEST_POST, .path = follow->path};
    bool has_words = dify__refusal_read(&refusal, follow->env->allocator,
                                        dify__buffer_slice(&follow->answer), follow->app->key);
    if (has_words && refusal.message.len > 0)
        dify__add_slice(&text.text, &text.err, dify__buffer_slice(&refusal.message));
    else
        dify__say_status(&text.text, &text.err, follow->app, &request, follow->status,
                         follow->is_html);
    enum dify_outcome outcome = dify__outcome_of_status(follow->status);
    bool is_refused = outcome == DIFY_OUTCOME_REFUSED;
    size_t said = text.text.len;
    if (!is_refused || !is_busy(follow, &refusal) ||
        !dify__follow_waits(follow, DIFY_REASON_BUSY, follow->retry_after_s, &text)) {
        text.text.len = text.text.len < said ? text.text.len : said;
        dify__follow_fail(follow, DIFY_REASON_REFUSED, outcome, is_refused ? refusal.code : "",
                          is_refused ? follow->status : 0, &text);
    }
    dify__refusal_fini(&refusal);
}

/* A proxy's word, which it may say after it has handed the request on; from 520 on Cloudflare's,
 * for which a silence of 100 s is enough. */
static bool is_gateway_error(int status)
{
    return (status >= 502 && status <= 504) || (status >= 520 && status <= 527);
}

/* The answer to the request that starts the run, which was no stream. */
static void take_answer(struct dify_follow *follow, const struct dify__end *end)
{
    struct dify__text_of text = dify__text_begin(follow);
    struct dify__request request = {.flags = DIFY__REQUEST_POST, .path = follow->path};
    if (is_gateway_error(follow->status)) {
        dify__say_status(&text.text, &text.err, follow->app, &request, follow->status,
                         follow->is_html);
        dify__say(&text, "; the run may have begun");
        dify__follow_recover(follow, DIFY_REASON_GATEWAY_ERROR, &text);
    } else if (end->failure != DIFY__WHOLE &&
               dify__outcome_of_status(follow->status) != DIFY_OUTCOME_REFUSED) {
        dify__say_failure(&text.text, &text.err, follow->app, end);
        dify__follow_recover(
            follow, end->failure == DIFY__RESET ? DIFY_REASON_RESET : DIFY_REASON_CLOSED, &text);
    } else {
        dify__buffer_fini(&text.text);
        if (follow->status >= 200 && follow->status < 300)
            take_blocking(follow);
        else
            take_refusal(follow);
    }
}

/* No head came of the request that starts the run. */
static void take_nothing(struct dify_follow *follow, const struct dify__end *end)
{
    struct dify__text_of text = dify__text_begin(follow);
    dify__say_failure(&text.text, &text.err, follow->app, end);
    if (end->failure == DIFY__NO_MEMORY) {
        dify__buffer_fini(&text.text);
        dify__follow_no_memory(follow);
    } else if (end->may_have_been_sent) {
        dify__say(&text, "; the run may have begun");
        dify__follow_recover(
            follow, end->failure == DIFY__RESET ? DIFY_REASON_RESET : DIFY_REASON_REPLY_LOST,
            &text);
    } else if (!dify__follow_waits(follow, DIFY_REASON_NOT_SENT, -1, &text)) {
        if (follow->submits > 1) {
            dify__say(&text, " (tried ");
            dify__add_uint(&text.text, &text.err, follow->submits);
            dify__say(&text, " times)");
        }
        dify__follow_fail(follow, DIFY_REASON_NO_CONNECTION, dify__outcome_of_failure(end->failure),
                          "", 0, &text);
    }
}

/* The events endpoint gave no stream. */
static void take_no_events(struct dify_follow *follow, const struct dify__end *end)
{
    struct dify__text_of text = dify__text_begin(follow);
    struct dify__request request = {.path = follow->path};
    if (!follow->has_head) {
        dify__say_failure(&text.text, &text.err, follow->app, end);
        dify__follow_recover(
            follow, end->failure == DIFY__RESET ? DIFY_REASON_RESET : DIFY_REASON_NO_CONNECTION,
            &text);
        return;
    }
    dify__say_status(&text.text, &text.err, follow->app, &request, follow->status, follow->is_html);
    if (follow->status != 404) {
        dify__follow_recover(
            follow, follow->status < 500 ? DIFY_REASON_REFUSED : DIFY_REASON_GATEWAY_ERROR, &text);
        return;
    }
    follow->app->has_no_events = follow->app->has_no_events || follow->is_html;
    dify__follow_enter(follow, DIFY_FOLLOW_POLLING,
                       follow->is_html ? DIFY_REASON_NO_ROUTE : DIFY_REASON_NOT_FOUND, 0, &text);
}

/* ---- what the transport tells -------------------------------------------------------------- */

static bool is_type(struct dify_slice content_type, const char *type)
{
    size_t len = strlen(type);
    return content_type.len >= len && strncasecmp(content_type.ptr, type, len) == 0;
}

static void begin_stream(struct dify_follow *follow, const struct dify__head *head)
{
    struct dify__text_of text = dify__text_begin(follow);
    follow->is_stream = true;
    follow->events = 0;
    if (follow->is_resumed) {
        dify_run_resume(follow->run);
        follow->opened_ms[follow->opened % DIFY__STREAMS] = dify__now(follow->env);
        follow->opened++;
        dify__say(&text, "the run is taken up again");
    }
    if (follow->observer.stream != NULL)
        follow->observer.stream(follow->observer.ctx, follow, follow->stream_number, head->text);
    follow->stream_number++;
    if (dify__follow_is_over(follow))
        dify__buffer_fini(&text.text);
    else
        dify__follow_enter(follow, DIFY_FOLLOW_STREAMING, DIFY_REASON_ANSWERED, 0, &text);
}

/* The id by X-Workflow-Run-ID: of the answer to a request that was carried out, and in the letters
 * of an id, since what was learnt once stays. */
static void take_run_id(struct dify_follow *follow, const struct dify__head *head)
{
    struct dify_slice id = head->workflow_run_id;
    if (!dify__is_id(id) || (head->status >= 400 && head->status < 500))
        return;
    for (size_t i = 0; i < id.len; i++)
        if (!isalnum((unsigned char)id.ptr[i]) && id.ptr[i] != '-' && id.ptr[i] != '_')
            return;
    dify__run_learn_ids(follow->run, id, (struct dify_slice){NULL, 0});
}

static void on_head(void *ctx, const struct dify__head *head)
{
    struct dify_follow *follow = ctx;
    follow->heard_ms = follow->event_ms = dify__now(follow->env);
    follow->has_head = true;
    follow->status = head->status;
    follow->is_html = is_type(head->content_type, "text/html");
    follow->retry_after_s = head->retry_after_s;
    take_run_id(follow, head);
    if (head->status == 200 && is_type(head->content_type, "text/event-stream"))
        begin_stream(follow, head);
}

/* Of an observer's context what stands first. */
#define CTX_BYTES 256

static void on_expect(void *ctx)
{
    const struct dify_follow *follow = ctx;
    dify__run_prefetch(follow->run);
    dify__prefetch(follow->observer.ctx, CTX_BYTES);
}

static void on_body(void *ctx, struct dify_slice bytes)
{
    struct dify_follow *follow = ctx;
    struct dify__text_of text;
    uint64_t now_ms = dify__now(follow->env), silent = now_ms - follow->heard_ms;
    if (silent > follow->quiet_ms)
        follow->quiet_ms = silent;
    follow->heard_ms = now_ms;
    if (follow->is_stream) {
        take_bytes(follow, bytes);
        return;
    }
    enum dify_err err = dify__buffer_append(&follow->answer, bytes.ptr, bytes.len);
    if (err == DIFY_ERR_NOMEM) {
        dify__follow_no_memory(follow);
    } else if (err != DIFY_OK) {
        text = dify__text_begin(follow);
        dify__say(&text, "the answer is larger than ");
        dify__add_uint(&text.text, &text.err, follow->answer.max);
        dify__say(&text, " bytes");
        dify__follow_fail(follow, DIFY_REASON_BAD_STREAM, DIFY_OUTCOME_INVALID_RESPONSE, "", 0,
                          &text);
    }
}

static void end_stream(struct dify_follow *follow, const struct dify__end *end)
{
    struct dify__text_of text = dify__text_begin(follow);
    enum dify_reason reason = end->failure == DIFY__WHOLE   ? DIFY_REASON_NO_END
                              : end->failure == DIFY__RESET ? DIFY_REASON_RESET
                                                            : DIFY_REASON_CLOSED;
    follow->is_stream = false;
    follow->lost_ms = dify__now(follow->env);
    if (follow->observer.stream_end != NULL)
        follow->observer.stream_end(follow->observer.ctx, follow, reason);
    if (dify__follow_is_over(follow)) {
        dify__buffer_fini(&text.text);
        return;
    }
    if (follow->is_late && dify__follow_knows_end(follow)) {
        dify__buffer_fini(&text.text);
        dify__follow_end(follow, DIFY_REASON_FINISHED);
        return;
    }
    if (end->failure == DIFY__WHOLE)
        dify__say(&text, "the stream ended without the run's end");
    else
        dify__say_failure(&text.text, &text.err, follow->app, end);
    dify__say(&text, ", after ");
    dify__add_uint(&text.text, &text.err, follow->events);
    dify__say(&text, follow->events == 1 ? " event" : " events");
    follow->quiet_ms = silent_ms(follow);
    follow->was_silent = end->failure == DIFY__WHOLE && is_given_up(follow);
    if (!follow->has_ending) {
        dify__follow_recover(follow, reason, &text);
        return;
    }
    dify__buffer_fini(&text.text);
    dify__follow_take_ending(follow);
}

static void on_end(void *ctx, const struct dify__end *end)
{
    struct dify_follow *follow = ctx;
    follow->exchange = NULL;
    if (follow->is_stream)
        end_stream(follow, end);
    else if (follow->is_resumed)
        take_no_events(follow, end);
    else if (follow->has_head)
        take_answer(follow, end);
    else
        take_nothing(follow, end);
}

/* ---- sending ------------------------------------------------------------------------------- */

static void on_sending(void *ctx)
{
    struct dify_follow *follow = ctx;
    if (follow->observer.sending != NULL)
        follow->observer.sending(follow->observer.ctx, follow);
}

void dify__follow_send(struct dify_follow *follow, struct dify__request request)
{
    const struct dify__transport *transport = follow->env->transport;
    bool starts_run = (request.flags & DIFY__REQUEST_POST) != 0;
    const struct dify__receiver receiver = {.ctx = follow,
                                            .ctx_bytes = DIFY__FOLLOW_HOT_BYTES,
                                            .expect = on_expect,
                                            .head = on_head,
                                            .body = on_body,
                                            .end = on_end,
                                            .sending = starts_run ? on_sending : NULL};
    bool is_stream = (request.flags & DIFY__REQUEST_STREAM) != 0;
    follow->has_head = follow->is_stream = follow->is_html = follow->is_late = false;
    follow->was_silent = false;
    follow->quiet_ms = 0;
    follow->status = 0;
    follow->events = 0;
    follow->answer.len = 0;
    follow->answer.max = is_stream ? DIFY__ERROR_BYTES : DIFY__BLOCKING_BYTES;
    follow->heard_ms = follow->event_ms = dify__now(follow->env);
    if (transport->start(transport->ctx, follow->app, &request, &receiver, &follow->exchange) !=
        DIFY_OK) {
        follow->exchange = NULL;
        dify__follow_no_memory(follow);
        return;
    }
    watch_silence(follow);
}

/* The id of the last frame that had one, for a server that can replay what came after it. One that
 * a server would not take in a head is not sent. */
static enum dify_err take_last_event_id(struct dify_follow *follow)
{
    struct dify_slice last = dify_run_last_event_id(follow->run);
    struct dify__buffer copy = {.allocator = follow->env->allocator, .max = SIZE_MAX / 2};
    enum dify_err err = DIFY_OK;
    dify__free(follow->env->allocator, follow->last_event_id);
    follow->last_event_id = NULL;
    if (last.len == 0 || last.len > DIFY__EVENT_ID_BYTES)
        return DIFY_OK;
    for (size_t i = 0; i < last.len; i++)
        if ((unsigned char)last.ptr[i] < ' ' || last.ptr[i] == 0x7F)
            return DIFY_OK;
    dify__add_slice(&copy, &err, last);
    dify__add_nul(&copy, &err);
    follow->last_event_id = copy.ptr;
    return err;
}

void dify__begin_resuming(struct dify_follow *follow)
{
    struct dify__request request = {.flags = DIFY__REQUEST_FRESH | DIFY__REQUEST_STREAM};
    struct dify__buffer path = {.allocator = follow->env->allocator, .max = SIZE_MAX / 2};
    struct dify__buffer id = path;
    enum dify_err err = DIFY_OK;
    dify__add_slice(&id, &err, dify__run_id(follow->run));
    dify__add_nul(&id, &err);
    dify__add(&path, &err, "/workflow/");
    dify__add_encoded(&path, &err, err == DIFY_OK ? id.ptr : "");
    dify__add(&path, &err, "/events?user=");
    dify__add_encoded(&path, &err, follow->user);
    follow->is_plain = is_plain_next(follow);
    dify__add(&path, &err, follow->is_plain ? "" : "&include_state_snapshot=true");
    dify__add_nul(&path, &err);
    dify__buffer_fini(&id);
    if (err == DIFY_OK)
        err = take_last_event_id(follow);
    if (err != DIFY_OK) {
        dify__buffer_fini(&path);
        dify__follow_no_memory(follow);
        return;
    }
    dify__free(follow->env->allocator, follow->path);
    follow->path = path.ptr;
    follow->is_resumed = true;
    request.path = follow->path;
    request.last_event_id = follow->last_event_id;
    dify__follow_send(follow, request);
}
