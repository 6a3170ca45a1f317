/* SPDX-License-Identifier: Apache-2.0
 *
 * follow_begin.c: what comes before a run has begun: its form, its files, its request.
 */
#include "client/follow_state.h"

#include "core/json.h"
#include "core/slices.h"

/* ---- checking ------------------------------------------------------------------------------ */

static void ask_about(struct dify_follow *follow);

/* A call failed before anything was sent that starts a run: ends with what it said. */
static void fail_by_answer(struct dify_follow *follow, enum dify_reason reason,
                           const struct dify_answer *answer, const char *before)
{
    struct dify__text_of text = dify__text_begin(follow);
    char code[64] = "";
    bool is_refusal =
        answer->outcome == DIFY_OUTCOME_REFUSED || answer->outcome == DIFY_OUTCOME_UPLOAD_FAILED;
    int status = is_refusal ? answer->http_status : 0;
    if (is_refusal && status == 0)
        status = 400;
    if (is_refusal && answer->code.len < sizeof code)
        memcpy(code, answer->code.ptr, answer->code.len);
    dify__say(&text, before);
    dify__add_slice(&text.text, &text.err, answer->message);
    dify__follow_fail(follow, reason, answer->outcome, code, status, &text);
}

static enum dify_reason reason_of(const struct dify_answer *answer)
{
    switch (answer->outcome) {
    case DIFY_OUTCOME_REFUSED:
        return DIFY_REASON_REFUSED;
    case DIFY_OUTCOME_CONNECT_FAILED:
    case DIFY_OUTCOME_CONNECT_TIMEOUT:
        return DIFY_REASON_NO_CONNECTION;
    case DIFY_OUTCOME_CONNECTION_RESET:
        return DIFY_REASON_RESET;
    case DIFY_OUTCOME_READ_TIMEOUT:
        return DIFY_REASON_READ_TIMEOUT;
    case DIFY_OUTCOME_HTTP_ERROR:
        return DIFY_REASON_GATEWAY_ERROR;
    case DIFY_OUTCOME_UPLOAD_FAILED:
        return DIFY_REASON_UPLOAD_FAILED;
    default:
        return DIFY_REASON_BAD_STREAM;
    }
}

/* ---- one asks for all --------------------------------------------------------------------- */

/* The next of an app's follows, from `follow` on, that waits for what another one has asked. */
static struct dify_follow *next_waiting(struct dify_follow *follow, const struct dify_app *app)
{
    while (follow != NULL &&
           (follow->app != app || !follow->awaits_answer || follow->state != DIFY_FOLLOW_CHECKING))
        follow = follow->next;
    return follow;
}

static void on_answered(struct dify__alarm *alarm)
{
    ask_about(DIFY__FOLLOW_OF(alarm, step));
}

/* Those that wait go on: with what the app knows now, or by asking themselves. */
static void wake_waiting(const struct dify_app *app)
{
    struct dify_follow *next = app->env->follows;
    while ((next = next_waiting(next, app)) != NULL) {
        next->awaits_answer = false;
        next->step.ring = on_answered;
        dify__alarm_in(app->env, &next->step, 0);
    }
}

void dify__follow_ask_no_more(struct dify_follow *follow)
{
    struct dify_app *app = follow->app;
    follow->awaits_answer = false;
    if (app->asker != follow)
        return;
    app->asker = NULL;
    wake_waiting(app);
}

/* What was asked for all has failed for all. */
static void fail_all(struct dify_follow *follow, const struct dify_answer *answer)
{
    const struct dify_app *app = follow->app;
    struct dify_follow *next;
    while ((next = next_waiting(app->env->follows, app)) != NULL) {
        next->awaits_answer = false;
        fail_by_answer(next, reason_of(answer), answer, "");
    }
    fail_by_answer(follow, reason_of(answer), answer, "");
}

static void on_info(void *ctx, const struct dify_answer *answer)
{
    struct dify_follow *follow = ctx;
    follow->call = NULL;
    follow->app->asker = NULL;
    bool is_absent = answer->http_status == 404; /* of old releases */
    if (answer->outcome != DIFY_OUTCOME_SUCCEEDED && !is_absent) {
        fail_all(follow, answer);
        return;
    }
    wake_waiting(follow->app);
    enum dify_err err = DIFY_ERR_JSON;
    if (!is_absent)
        err = dify__app_take_info(follow->app, answer->body);
    if (err == DIFY_ERR_NOMEM) {
        dify__follow_no_memory(follow);
        return;
    }
    if (err != DIFY_OK) {
        follow->app->mode = DIFY__MODE_UNKNOWN;
        follow->app->mode_until_ms = dify__now(follow->env) + DIFY__ABOUT_MS;
    }
    ask_about(follow);
}

/* An app that is not published has no form; why it runs nothing the request itself is told, at
 * once. (What comes as texts or files cannot be sent without a form.) */
static bool is_without_form(const struct dify_follow *follow, const struct dify_answer *answer)
{
    return answer->outcome == DIFY_OUTCOME_REFUSED && answer->http_status == 400 &&
           dify__slice_is(answer->code, "app_unavailable") && follow->inputs.field_count == 0 &&
           follow->inputs.attachment_count == 0;
}

static void on_parameters(void *ctx, const struct dify_answer *answer)
{
    struct dify_follow *follow = ctx;
    follow->call = NULL;
    follow->app->asker = NULL;
    if (is_without_form(follow, answer)) {
        wake_waiting(follow->app);
        follow->no_check = true;
        ask_about(follow);
        return;
    }
    if (answer->outcome != DIFY_OUTCOME_SUCCEEDED) {
        fail_all(follow, answer);
        return;
    }
    wake_waiting(follow->app);
    enum dify_err err = dify__app_take_parameters(follow->app, answer->body);
    if (err == DIFY_OK) {
        ask_about(follow);
    } else if (err == DIFY_ERR_NOMEM) {
        dify__follow_no_memory(follow);
    } else {
        struct dify__text_of text = dify__text_begin(follow);
        dify__say(&text, "what the app says of its parameters is no JSON object: ");
        dify__say(&text, dify_strerror(err));
        dify__follow_fail(follow, DIFY_REASON_BAD_STREAM, DIFY_OUTCOME_INVALID_RESPONSE, "", 0,
                          &text);
    }
}

static void fail_unfit(struct dify_follow *follow, struct dify__buffer *take_message)
{
    struct dify__text_of text = {*take_message, DIFY_OK};
    dify__follow_fail(follow, DIFY_REASON_UNFIT, DIFY_OUTCOME_INVALID_PARAM, "", 400, &text);
}

static enum dify__form_rules rules_of(const struct dify_follow *follow)
{
    bool is_graph = follow->kind == DIFY_KIND_WORKFLOW || follow->app->mode == DIFY__MODE_CHATFLOW;
    return is_graph ? DIFY__FORM_WORKFLOW : DIFY__FORM_CHAT;
}

static enum dify_kind kind_of(enum dify__mode mode)
{
    switch (mode) {
    case DIFY__MODE_CHATFLOW:
    case DIFY__MODE_CHAT:
    case DIFY__MODE_AGENT_CHAT:
    case DIFY__MODE_AGENT:
        return DIFY_KIND_CHAT;
    case DIFY__MODE_COMPLETION:
        return DIFY_KIND_COMPLETION;
    default:
        return DIFY_KIND_WORKFLOW;
    }
}

/* Of a route that is not the app's Dify refuses all, before it looks at the inputs. */
static bool is_of_route(const struct dify_follow *follow)
{
    enum dify__mode mode = follow->app->mode;
    return follow->kind == DIFY_KIND_AUTO || mode == DIFY__MODE_UNKNOWN ||
           kind_of(mode) == follow->kind;
}

/* The form of one version of a workflow may differ from the published one's. */
static bool is_checked(const struct dify_follow *follow)
{
    return !follow->no_check && follow->workflow_id == NULL && is_of_route(follow);
}

static bool needs_form(const struct dify_follow *follow)
{
    return is_checked(follow) || follow->inputs.field_count > 0 ||
           follow->inputs.attachment_count > 0;
}

/* The inputs as they are to be sent, held against the form. ARGUMENT: `message` says what is
 * wrong. */
static enum dify_err prepare(struct dify_follow *follow, struct dify__buffer *message)
{
    const struct dify__form *form = needs_form(follow) ? follow->app->form : NULL;
    follow->prepared.len = 0;
    enum dify_err err = dify__inputs_write(&follow->inputs, form, &follow->prepared, message);
    if (err != DIFY_OK || !is_checked(follow))
        return err;
    if (follow->kind == DIFY_KIND_CHAT && follow->query_len == 0) {
        dify__add(message, &err, "query is required");
        return err == DIFY_OK ? DIFY_ERR_ARGUMENT : err;
    }
    return dify__inputs_check(&follow->inputs, form, rules_of(follow),
                              dify__buffer_slice(&follow->prepared), message);
}

/* ---- the conversation ---------------------------------------------------------------------- */

/* What Dify says of a conversation that the user does not have, where it answers at once. */
#define NO_CONVERSATION                                                                            \
    "Conversation Not Exists. You have requested this URI [/v1/chat-messages] but did you mean "   \
    "/v1/chat-messages or /api/chat-messages or /v1/chat-messages/<string:task_id>/stop ?"

/* From 1.13 to 1.15 a chatflow's worker finds it out, and the stream is silent for 300 s or tells
 * of a run that never was. An id that is malformed, and an empty query, are refused by all: the one
 * at once by Dify, the other here. */
static bool needs_conversation(const struct dify_follow *follow)
{
    const struct dify_app *app = follow->app;
    return is_checked(follow) && !follow->has_asked_conversation && !follow->blocking &&
           follow->query_len != 0 && app->mode == DIFY__MODE_CHATFLOW &&
           follow->conversation_id != NULL && *follow->conversation_id != '\0' &&
           !dify__app_is_before(app, 1, 13) && !dify__app_is_from(app, 1, 16);
}

/* Any other failure may be of this question alone. */
static void on_conversation(void *ctx, const struct dify_answer *answer)
{
    struct dify_follow *follow = ctx;
    struct dify__text_of text = dify__text_begin(follow);
    follow->call = NULL;
    follow->has_asked_conversation = true;
    if (answer->http_status != 404 || !dify__slice_is(answer->code, "not_found")) {
        ask_about(follow);
        return;
    }
    dify__say(&text, NO_CONVERSATION);
    dify__follow_fail(follow, DIFY_REASON_UNFIT, DIFY_OUTCOME_REFUSED, "not_found", 404, &text);
}

/* ---- all of it ----------------------------------------------------------------------------- */

static void let_go(struct dify_follow *follow, enum dify_reason reason,
                   struct dify__text_of *take_text);

static void check(struct dify_follow *follow)
{
    struct dify__buffer message = {.allocator = follow->env->allocator, .max = SIZE_MAX / 2};
    enum dify_err err = prepare(follow, &message);
    if (err == DIFY_ERR_ARGUMENT) {
        fail_unfit(follow, &message);
        return;
    }
    dify__buffer_fini(&message);
    if (err != DIFY_OK) {
        dify__follow_no_memory(follow);
        return;
    }
    struct dify__text_of text = dify__text_begin(follow);
    if (is_checked(follow))
        dify__inputs_say_unknown(follow->app->form, dify__buffer_slice(&follow->prepared),
                                 &text.text, &text.err);
    if (follow->inputs.attachment_count > 0)
        dify__follow_enter(follow, DIFY_FOLLOW_UPLOADING, DIFY_REASON_CHECKED, 0, &text);
    else
        let_go(follow, DIFY_REASON_CHECKED, &text);
}

/* Asks for what is not known yet, one thing after the other; then checks. */
static void ask_about(struct dify_follow *follow)
{
    struct dify_app *app = follow->app;
    uint64_t now = dify__now(follow->env);
    enum dify_err err = DIFY_OK;
    bool needs_mode = follow->kind != DIFY_KIND_WORKFLOW && now >= app->mode_until_ms;
    bool asks =
        needs_mode || (needs_form(follow) && (app->form == NULL || now >= app->form_until_ms));
    if (asks && app->asker != NULL) {
        follow->awaits_answer = true;
        return;
    }
    if (asks)
        err = needs_mode
                  ? dify_app_read(app, DIFY_READ_INFO, on_info, follow, &follow->call)
                  : dify_app_read(app, DIFY_READ_PARAMETERS, on_parameters, follow, &follow->call);
    if (err != DIFY_OK)
        dify__follow_no_memory(follow);
    if (follow->call != NULL)
        app->asker = follow;
    if (asks)
        return;
    if (follow->kind == DIFY_KIND_AUTO)
        follow->kind = kind_of(app->mode);
    if (!needs_conversation(follow))
        check(follow);
    else if (dify__ask_conversation(app, follow->conversation_id, follow->user,
                                    DIFY__CONVERSATION_MS, on_conversation, follow,
                                    &follow->call) != DIFY_OK)
        dify__follow_no_memory(follow);
}

void dify__begin_checking(struct dify_follow *follow)
{
    ask_about(follow);
}

/* ---- uploading ----------------------------------------------------------------------------- */

static void upload_next(struct dify_follow *follow);

/* The id in an upload's answer. False if there is none. */
static bool take_id(struct dify_follow *follow, struct dify_slice body)
{
    struct dify__attachment *attachment = &follow->inputs.attachments[follow->next_upload];
    struct dify__json json;
    struct dify__members members;
    bool has_id = false;
    dify__json_init(&json, follow->env->allocator);
    if (dify__json_read(&json, body) == DIFY_OK) {
        dify__members_of_root(&members, &json);
        while (dify__members_next(&members)) {
            struct dify_slice id = dify__members_string(&members);
            if (!dify__slice_is(members.key, "id") || id.len == 0 ||
                id.len >= sizeof attachment->upload_id)
                continue;
            memcpy(attachment->upload_id, id.ptr, id.len);
            attachment->upload_id[id.len] = '\0';
            has_id = true;
        }
    }
    dify__json_fini(&json);
    return has_id;
}

static void on_upload(void *ctx, const struct dify_answer *answer)
{
    struct dify_follow *follow = ctx;
    struct dify__attachment *attachment = &follow->inputs.attachments[follow->next_upload];
    struct dify__text_of text;
    attachment->kind = dify__call_file_kind(follow->call);
    follow->call = NULL;
    if (answer->outcome != DIFY_OUTCOME_SUCCEEDED) {
        fail_by_answer(follow, reason_of(answer), answer, "");
    } else if (take_id(follow, answer->body)) {
        follow->next_upload++;
        upload_next(follow);
    } else {
        text = dify__text_begin(follow);
        dify__say(&text, "Dify's answer to the upload of ");
        dify__say(&text, attachment->file_name);
        dify__say(&text, " names no id");
        dify__follow_fail(follow, DIFY_REASON_BAD_STREAM, DIFY_OUTCOME_INVALID_RESPONSE, "", 0,
                          &text);
    }
}

static void upload_next(struct dify_follow *follow)
{
    struct dify__buffer message = {.allocator = follow->env->allocator, .max = SIZE_MAX / 2};
    if (follow->next_upload < follow->inputs.attachment_count) {
        if (dify_upload_file(follow->app, &follow->inputs.attachments[follow->next_upload].file,
                             follow->user, on_upload, follow, &follow->call) != DIFY_OK)
            dify__follow_no_memory(follow);
        return;
    }
    /* with the files' true kinds, which only their contents told */
    enum dify_err err = prepare(follow, &message);
    if (err == DIFY_ERR_ARGUMENT) {
        fail_unfit(follow, &message);
        return;
    }
    dify__buffer_fini(&message);
    if (err != DIFY_OK)
        dify__follow_no_memory(follow);
    else
        let_go(follow, DIFY_REASON_UPLOADED, NULL);
}

void dify__begin_uploading(struct dify_follow *follow)
{
    follow->next_upload = 0;
    upload_next(follow);
}

/* ---- submitting ---------------------------------------------------------------------------- */

/* All is ready: sends it, or waits for the observer. */
static void let_go(struct dify_follow *follow, enum dify_reason reason,
                   struct dify__text_of *take_text)
{
    const struct dify_follow_observer *observer = &follow->observer;
    bool is_held = observer->submit != NULL &&
                   !observer->submit(observer->ctx, follow, dify__buffer_slice(&follow->prepared));
    if (!dify__follow_is_over(follow))
        dify__follow_enter(follow, is_held ? DIFY_FOLLOW_HELD : DIFY_FOLLOW_SUBMITTING,
                           is_held ? DIFY_REASON_HELD : reason, 0, take_text);
    else if (take_text != NULL)
        dify__buffer_fini(&take_text->text);
}

static enum dify_err write_path(struct dify_follow *follow)
{
    struct dify__buffer path = {.allocator = follow->env->allocator, .max = SIZE_MAX / 2};
    enum dify_err err = DIFY_OK;
    if (follow->kind == DIFY_KIND_CHAT) {
        dify__add(&path, &err, "/chat-messages");
    } else if (follow->kind == DIFY_KIND_COMPLETION) {
        dify__add(&path, &err, "/completion-messages");
    } else {
        dify__add(&path, &err, "/workflows/");
        if (follow->workflow_id != NULL) {
            dify__add_encoded(&path, &err, follow->workflow_id);
            dify__add(&path, &err, "/");
        }
        dify__add(&path, &err, "run");
    }
    dify__add_nul(&path, &err);
    if (err != DIFY_OK) {
        dify__buffer_fini(&path);
        return err;
    }
    dify__free(follow->env->allocator, follow->path);
    follow->path = path.ptr;
    return DIFY_OK;
}

static enum dify_err write_body(struct dify_follow *follow)
{
    struct dify__buffer *body = &follow->body;
    enum dify_err err = DIFY_OK;
    body->len = 0;
    dify__add(body, &err, "{\"inputs\":");
    dify__add_slice(body, &err, dify__buffer_slice(&follow->prepared));
    dify__add(body, &err,
              follow->blocking ? ",\"response_mode\":\"blocking\",\"user\":"
                               : ",\"response_mode\":\"streaming\",\"user\":");
    dify__add_json(body, &err, dify__slice(follow->user));
    if (follow->query != NULL) {
        dify__add(body, &err, ",\"query\":");
        dify__add_json(body, &err, (struct dify_slice){follow->query, follow->query_len});
    }
    if (follow->conversation_id != NULL) {
        dify__add(body, &err, ",\"conversation_id\":");
        dify__add_json(body, &err, dify__slice(follow->conversation_id));
    }
    dify__add_slice(body, &err, dify__buffer_slice(&follow->extra));
    dify__add(body, &err, "}");
    return err;
}

static void on_next_submit(struct dify__alarm *alarm)
{
    struct dify_follow *follow = DIFY__FOLLOW_OF(alarm, step);
    dify__follow_enter(follow, DIFY_FOLLOW_SUBMITTING, DIFY_REASON_RETRY, 0, NULL);
}

void dify__begin_submitting(struct dify_follow *follow)
{
    struct dify__request request = {.flags = DIFY__REQUEST_POST | DIFY__REQUEST_FRESH |
                                             (follow->blocking ? 0u : DIFY__REQUEST_STREAM)};
    enum dify_err err = write_path(follow);
    if (err == DIFY_OK)
        err = write_body(follow);
    if (err != DIFY_OK) {
        dify__follow_no_memory(follow);
        return;
    }
    follow->submits++;
    follow->sent_unix_ms = follow->env->unix_ms(follow->env->ctx);
    follow->is_resumed = false;
    request.path = follow->path;
    request.body = dify__buffer_slice(&follow->body);
    dify__follow_send(follow, request);
}

/* ---- waiting for the next try --------------------------------------------------------------- */

bool dify__follow_waits(struct dify_follow *follow, enum dify_reason reason, int64_t retry_after_s,
                        struct dify__text_of *take_text)
{
    if (follow->submits >= DIFY__SUBMIT_TRIES || follow->wants_stop)
        return false;
    uint64_t ms = dify__backoff_ms(follow->env, follow->submits, DIFY__BACKOFF_MOST_MS);
    if (retry_after_s >= 0)
        ms = (uint64_t)retry_after_s * 1000 < DIFY__RETRY_AFTER_MOST_MS
                 ? (uint64_t)retry_after_s * 1000
                 : DIFY__RETRY_AFTER_MOST_MS;
    follow->step.ring = on_next_submit;
    follow->sent_unix_ms = 0; /* it was not */
    dify__say(take_text, "; the next try is in ");
    dify__say_s(take_text, ms);
    dify__follow_enter(follow, DIFY_FOLLOW_WAITING, reason, ms, take_text);
    return true;
}
