/* SPDX-License-Identifier: Apache-2.0
 *
 * operations.c: Dify's routes: what each is asked, and which of them may be asked twice.
 */
#include "client/app.h"
#include "client/call.h"
#include "client/words.h"
#include "core/json_text.h"
#include "core/slices.h"

/* A path and a body being put together. */
struct draft {
    enum dify_err err;
    struct dify__buffer path, body;
};

static struct draft begin(const struct dify_app *app, const char *path)
{
    struct draft draft = {DIFY_OK,
                          {.allocator = app->env->allocator, .max = SIZE_MAX / 2},
                          {.allocator = app->env->allocator, .max = SIZE_MAX / 2}};
    dify__add(&draft.path, &draft.err, path);
    return draft;
}

static void segment(struct draft *draft, const char *text, const char *rest)
{
    if (text == NULL || !dify__is_segment(dify__slice(text)))
        draft->err = DIFY_ERR_ARGUMENT;
    else
        dify__add_encoded(&draft->path, &draft->err, text);
    dify__add(&draft->path, &draft->err, rest);
}

/* "?name=value", and "&…" behind a first one. */
static void query(struct draft *draft, const char *name, const char *value)
{
    if (value == NULL)
        return;
    bool is_first = draft->path.len == 0 || memchr(draft->path.ptr, '?', draft->path.len) == NULL;
    dify__add(&draft->path, &draft->err, is_first ? "?" : "&");
    dify__add(&draft->path, &draft->err, name);
    dify__add(&draft->path, &draft->err, "=");
    dify__add_encoded(&draft->path, &draft->err, value);
}

static void query_uint(struct draft *draft, const char *name, unsigned value)
{
    char text[21] = "";
    text[dify__format_uint(value, text)] = '\0';
    if (value != 0)
        query(draft, name, text);
}

/* A member of the body: "{" or "," in front as `before` says. */
static void member(struct draft *draft, const char *before, const char *value)
{
    dify__add(&draft->body, &draft->err, before);
    dify__add_json(&draft->body, &draft->err, dify__slice_or_none(value));
}

static enum dify_err start(struct dify_app *app, struct draft *draft, struct dify__call_plan plan,
                           dify_answer_fn *answered, void *ctx, struct dify_call **call)
{
    dify__add_nul(&draft->path, &draft->err);
    if (draft->err != DIFY_OK) {
        dify__buffer_fini(&draft->path);
        dify__buffer_fini(&draft->body);
        return draft->err;
    }
    plan.path = draft->path.ptr;
    plan.body = draft->body.ptr;
    plan.body_len = draft->body.len;
    return dify__call_start(app, &plan, answered, ctx, call);
}

#define READING                                                                                    \
    (struct dify__call_plan)                                                                       \
    {                                                                                              \
        .may_repeat = true                                                                         \
    }

enum dify_err dify_app_read(struct dify_app *app, enum dify_reading what, dify_answer_fn *answered,
                            void *ctx, struct dify_call **call)
{
    static const char *const paths[] = {"/info", "/parameters", "/meta", "/site"};
    if ((unsigned)what >= sizeof paths / sizeof paths[0])
        return DIFY_ERR_ARGUMENT;
    struct draft draft = begin(app, paths[what]);
    return start(app, &draft, READING, answered, ctx, call);
}

enum dify_err dify_run_detail(struct dify_app *app, const char *run_id, dify_answer_fn *answered,
                              void *ctx, struct dify_call **call)
{
    struct draft draft = begin(app, "/workflows/run/");
    segment(&draft, run_id, "");
    return start(app, &draft, READING, answered, ctx, call);
}

enum dify_err dify__ask_detail(struct dify_app *app, const char *run_id, uint64_t silence_ms,
                               dify_answer_fn *answered, void *ctx, struct dify_call **call)
{
    struct draft draft = begin(app, "/workflows/run/");
    segment(&draft, run_id, "");
    struct dify__call_plan plan = {.may_repeat = true, .tries = 1, .silence_ms = silence_ms};
    return start(app, &draft, plan, answered, ctx, call);
}

enum dify_err dify__ask_logs(struct dify_app *app, const char *user, uint64_t silence_ms,
                             dify_answer_fn *answered, void *ctx, struct dify_call **call)
{
    struct draft draft = begin(app, "/workflows/logs");
    query(&draft, "created_by_end_user_session_id", user);
    query_uint(&draft, "limit", DIFY__LOG_ROWS);
    struct dify__call_plan plan = {.may_repeat = true, .tries = 1, .silence_ms = silence_ms};
    return start(app, &draft, plan, answered, ctx, call);
}

enum dify_err dify__ask_conversation(struct dify_app *app, const char *conversation_id,
                                     const char *user, uint64_t silence_ms,
                                     dify_answer_fn *answered, void *ctx, struct dify_call **call)
{
    struct draft draft = begin(app, "/messages");
    query(&draft, "conversation_id", conversation_id);
    query(&draft, "user", user);
    query(&draft, "limit", "1");
    struct dify__call_plan plan = {.may_repeat = true, .tries = 1, .silence_ms = silence_ms};
    return start(app, &draft, plan, answered, ctx, call);
}

enum dify_err dify_list_logs(struct dify_app *app, const struct dify_log_filter *filter,
                             dify_answer_fn *answered, void *ctx, struct dify_call **call)
{
    static const struct dify_log_filter all = {.size = sizeof all};
    if (filter == NULL)
        filter = &all;
    if (filter->size != sizeof *filter)
        return DIFY_ERR_ARGUMENT;
    struct draft draft = begin(app, "/workflows/logs");
    query(&draft, "created_by_end_user_session_id", filter->user);
    query(&draft, "keyword", filter->keyword);
    query(&draft, "status", filter->status);
    query(&draft, "created_at__after", filter->after);
    query(&draft, "created_at__before", filter->before);
    query_uint(&draft, "page", filter->page);
    query_uint(&draft, "limit", filter->limit);
    return start(app, &draft, READING, answered, ctx, call);
}

enum dify_err dify_stop_task(struct dify_app *app, enum dify_kind kind, const char *task_id,
                             const char *user, dify_answer_fn *answered, void *ctx,
                             struct dify_call **call)
{
    static const char *const paths[] = {
        [DIFY_KIND_WORKFLOW] = "/workflows/tasks/",
        [DIFY_KIND_CHAT] = "/chat-messages/",
        [DIFY_KIND_COMPLETION] = "/completion-messages/",
    };
    if ((unsigned)kind >= sizeof paths / sizeof paths[0] || paths[kind] == NULL || user == NULL)
        return DIFY_ERR_ARGUMENT;
    struct draft draft = begin(app, paths[kind]);
    segment(&draft, task_id, "/stop");
    member(&draft, "{\"user\":", user);
    dify__add(&draft.body, &draft.err, "}");
    struct dify__call_plan plan = {.is_post = true, .may_repeat = true};
    return start(app, &draft, plan, answered, ctx, call);
}

enum dify_err dify_form_read(struct dify_app *app, const char *token, dify_answer_fn *answered,
                             void *ctx, struct dify_call **call)
{
    struct draft draft = begin(app, "/form/human_input/");
    segment(&draft, token, "");
    return start(app, &draft, READING, answered, ctx, call);
}

enum dify_err dify_form_submit(struct dify_app *app, const char *token, struct dify_slice inputs,
                               const char *action, const char *user, dify_answer_fn *answered,
                               void *ctx, struct dify_call **call)
{
    struct draft draft = begin(app, "/form/human_input/");
    if (action == NULL || user == NULL)
        draft.err = DIFY_ERR_ARGUMENT;
    segment(&draft, token, "");
    dify__add(&draft.body, &draft.err, "{\"inputs\":");
    dify__add_slice(&draft.body, &draft.err, inputs.ptr != NULL ? inputs : DIFY_SLICE("{}"));
    member(&draft, ",\"action\":", action);
    member(&draft, ",\"user\":", user);
    dify__add(&draft.body, &draft.err, "}");
    struct dify__call_plan plan = {.is_post = true, .is_fresh = true};
    return start(app, &draft, plan, answered, ctx, call);
}

enum dify_err dify_send_feedback(struct dify_app *app, const char *message_id, const char *rating,
                                 const char *content, const char *user, dify_answer_fn *answered,
                                 void *ctx, struct dify_call **call)
{
    struct draft draft = begin(app, "/messages/");
    if (user == NULL)
        draft.err = DIFY_ERR_ARGUMENT;
    segment(&draft, message_id, "/feedbacks");
    member(&draft, "{\"rating\":", rating);
    member(&draft, ",\"user\":", user);
    if (content != NULL)
        member(&draft, ",\"content\":", content);
    dify__add(&draft.body, &draft.err, "}");
    struct dify__call_plan plan = {.is_post = true, .may_repeat = true};
    return start(app, &draft, plan, answered, ctx, call);
}

enum dify_err dify_probe_stream(struct dify_app *app, const char *run_id, const char *user,
                                dify_answer_fn *answered, void *ctx, struct dify_call **call)
{
    struct draft draft = begin(app, "/workflow/");
    segment(&draft, run_id, "/events");
    query(&draft, "user", user);
    struct dify__call_plan plan = {.may_repeat = true, .is_fresh = true, .is_stream = true};
    return start(app, &draft, plan, answered, ctx, call);
}

enum dify_err dify_upload_file(struct dify_app *app, const struct dify_file *file, const char *user,
                               dify_answer_fn *answered, void *ctx, struct dify_call **call)
{
    struct draft draft = begin(app, "/files/upload");
    struct dify__call_plan plan = {.is_post = true, .may_repeat = true, .file = file};
    if (file == NULL || user == NULL)
        draft.err = DIFY_ERR_ARGUMENT;
    if (draft.err == DIFY_OK)
        draft.err = dify__dup(app->env->allocator, user, &plan.user);
    enum dify_err err = draft.err;
    char *kept = plan.user;
    err = start(app, &draft, plan, answered, ctx, call);
    if (err != DIFY_OK && draft.err != DIFY_OK)
        dify__free(app->env->allocator, kept);
    return err;
}
