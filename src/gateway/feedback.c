/* SPDX-License-Identifier: Apache-2.0
 *
 * feedback.c: POST /api/runs/{id}/feedback {"rating": "like", "dislike" or null, "comment": text}:
 * what a user thinks of a run that has ended. It is kept beside the run, in place of an earlier
 * one, and passed on to Dify where the app has messages that can be rated.
 *
 *   200 {"run_id", "rating", "comment", "passed_on": true, false or null}
 *
 * `passed_on` is null where Dify takes no ratings (workflow apps), false where it did not take this
 * one, which is kept all the same.
 */
#include "conf/text.h"
#include "core/slices.h"
#include "gateway/app.h"
#include "gateway/body.h"
#include "gateway/hub.h"
#include "gateway/later.h"
#include "gateway/logger.h"
#include "gateway/lookup.h"
#include "gateway/metrics.h"
#include "gateway/out.h"
#include "gateway/reply.h"
#include "gateway/words.h"

#include <stdlib.h>

struct feedback {
    struct gw_later later; /* the first member */
    bool is_looked_up;     /* on_gone() is still to come */
    bool is_begun;         /* `later` is; it frees this */
    struct dify_call *call;
    const char *rating; /* static; NULL: taken back */
    char *comment;      /* NULL: none */
    struct gw_row *row;
    struct gw_app *app;
};

static void feedback_free(struct feedback *feedback)
{
    free(feedback->comment);
    free(feedback->row);
    free(feedback);
}

static void drop(struct gw_later *later)
{
    struct feedback *feedback = (struct feedback *)(void *)later;
    if (feedback->call != NULL)
        dify_call_cancel(feedback->call);
    feedback->is_begun = false;
    if (!feedback->is_looked_up)
        feedback_free(feedback);
}

/* ---- the answer ---------------------------------------------------------------------------- */

enum passed { NOT_TAKEN, PASSED_ON, FAILED };

static void answer(struct feedback *feedback, enum passed passed)
{
    struct dify__buffer *text = &feedback->later.gateway->scratch;
    struct dify__writer writer;
    char id[DIFY__UUID_SIZE];
    if (feedback->later.exchange != NULL) {
        gw_format_id(feedback->row->row.id, id);
        gw_out_begin(&writer, text);
        dify__write_open(&writer, '{');
        dify__key_string(&writer, "run_id", dify__slice(id));
        dify__key_string(&writer, "rating", dify__slice_or_none(feedback->rating));
        dify__key_string(&writer, "comment", dify__slice_or_none(feedback->comment));
        if (passed == NOT_TAKEN)
            dify__key_null(&writer, "passed_on");
        else
            dify__key_bool(&writer, "passed_on", passed == PASSED_ON);
        dify__write_close(&writer, '}');
        gw_out_reply(&writer, text, feedback->later.exchange, 200);
    }
    gw_later_end(&feedback->later);
}

static void on_sent(void *ctx, const struct dify_answer *sent)
{
    struct feedback *feedback = ctx;
    struct gw_words words;
    feedback->call = NULL;
    if (sent->outcome == DIFY_OUTCOME_SUCCEEDED) {
        answer(feedback, PASSED_ON);
        return;
    }
    gw_words_of(sent, &words);
    gw_log_note(feedback->later.gateway, GW_LOG_WARNING, NULL,
                "a rating was kept, but could not be passed on: %s", words.code);
    answer(feedback, FAILED);
}

/* It is kept: Dify is told, where it wants to know. */
static void pass_on(struct feedback *feedback)
{
    const struct store_row *row = &feedback->row->row;
    bool has_messages = row->kind == DIFY_KIND_CHAT || row->kind == DIFY_KIND_COMPLETION;
    if (feedback->app != NULL && feedback->rating != NULL)
        gw_metrics_rating(feedback->app, feedback->rating[0] == 'l');
    if (feedback->app == NULL || !has_messages || row->message_id.len == 0) {
        answer(feedback, NOT_TAKEN);
        return;
    }
    char *id = conf_text_copy(row->message_id), *user = conf_text_copy(row->user);
    enum dify_err err = DIFY_ERR_NOMEM;
    if (id != NULL && user != NULL)
        err = dify_send_feedback(feedback->app->dify, id, feedback->rating, feedback->comment, user,
                                 on_sent, feedback, &feedback->call);
    free(id);
    free(user);
    if (err != DIFY_OK)
        answer(feedback, FAILED);
}

/* ---- keeping it ---------------------------------------------------------------------------- */

static void on_kept(void *ctx, bool is_kept)
{
    struct feedback *feedback = ctx;
    if (is_kept) {
        pass_on(feedback);
        return;
    }
    if (feedback->later.exchange != NULL)
        gw_reply_error(feedback->later.exchange, 404, "run_not_found",
                       "the run is not kept any more", NULL);
    gw_later_end(&feedback->later);
}

static void keep(struct feedback *feedback, struct gateway *gateway, struct http_exchange *exchange,
                 const struct store_row *row)
{
    feedback->app = gw_app_find(gateway, row->app);
    feedback->row = gw_row_dup(row);
    if (feedback->row == NULL) {
        gw_out_of_memory(exchange);
        return;
    }
    feedback->is_begun = true;
    gw_later_begin(&feedback->later, gateway, exchange, drop);
    if (gateway->store == NULL) {
        pass_on(feedback);
    } else if (store_is_failing(gateway->store, NULL) ||
               !store_rate(gateway->store, row->number, dify__slice_or_none(feedback->rating),
                           dify__slice_or_none(feedback->comment), on_kept, feedback)) {
        gw_reply_error(exchange, 503, "store_unavailable",
                       "the store cannot be written at the moment", NULL);
        gw_later_end(&feedback->later);
    }
}

static void on_row(void *ctx, struct gateway *gateway, struct http_exchange *exchange,
                   const struct store_row *row)
{
    char id[DIFY__UUID_SIZE];
    gw_format_id(row->id, id);
    if (row->state == STORE_ENDED)
        keep(ctx, gateway, exchange, row);
    else
        gw_reply_error(exchange, 409, "run_not_ended", "the run has not ended yet", id);
}

/* Without a store: a remembered run remembers its rating, too. */
static void on_live(void *ctx, struct http_exchange *exchange, struct gw_run *run)
{
    const struct feedback *feedback = ctx;
    if (!gw_run_has_ended(run)) {
        gw_reply_error(exchange, 409, "run_not_ended", "the run has not ended yet", run->id_text);
        return;
    }
    struct gw_row *row = NULL;
    if (run->row != NULL) {
        struct store_row rated = run->row->row;
        rated.rating = dify__slice_or_none(feedback->rating);
        rated.comment = dify__slice_or_none(feedback->comment);
        row = gw_row_dup(&rated);
    }
    if (row == NULL) {
        gw_out_of_memory(exchange);
        return;
    }
    free(run->row);
    run->row = row;
    on_row(ctx, run->gateway, exchange, &row->row);
}

static void on_gone(void *ctx)
{
    struct feedback *feedback = ctx;
    feedback->is_looked_up = false;
    if (!feedback->is_begun)
        feedback_free(feedback);
}

/* ---- the request --------------------------------------------------------------------------- */

static bool take_rating(struct feedback *feedback, const struct dify__members *members)
{
    struct dify_slice text = dify__members_string(members);
    feedback->rating = dify__slice_is(text, "like")      ? "like"
                       : dify__slice_is(text, "dislike") ? "dislike"
                                                         : NULL;
    return feedback->rating != NULL || yyjson_is_null(members->value);
}

static bool take_comment(struct feedback *feedback, const struct dify__members *members)
{
    struct dify_slice text = dify__members_string(members);
    free(feedback->comment);
    feedback->comment = NULL;
    if (yyjson_is_null(members->value))
        return true;
    if (text.ptr == NULL || text.len > GW_COMMENT_BYTES || memchr(text.ptr, '\0', text.len) != NULL)
        return false;
    feedback->comment = conf_text_copy(text);
    return true;
}

/* What is wrong with the body; NULL: nothing. */
static const char *take(struct feedback *feedback, const struct dify__json *body)
{
    struct dify__members members;
    bool has_rating = false;
    dify__members_of_root(&members, body);
    while (dify__members_next(&members)) {
        if (dify__slice_is(members.key, "rating")) {
            has_rating = true;
            if (!take_rating(feedback, &members))
                return "rating is \"like\", \"dislike\" or null";
        } else if (dify__slice_is(members.key, "comment")) {
            if (!take_comment(feedback, &members))
                return "comment is a text of 4096 bytes at most, or null";
        } else {
            return "there is a member that is neither rating nor comment";
        }
    }
    return has_rating ? NULL : "rating is missing: \"like\", \"dislike\" or null";
}

static void on_body(const struct gw_request *request, const struct dify__json *body)
{
    struct feedback *feedback = calloc(1, sizeof *feedback);
    if (feedback == NULL) {
        gw_out_of_memory(request->exchange);
        return;
    }
    const char *wrong = take(feedback, body);
    if (wrong != NULL) {
        gw_reply_error(request->exchange, 400, "invalid_param", wrong, NULL);
        feedback_free(feedback);
        return;
    }
    feedback->is_looked_up = true;
    gw_lookup(
        request,
        &(struct gw_lookup_found){
            .wants_row = true, .live = on_live, .row = on_row, .gone = on_gone, .ctx = feedback});
}

void gw_serve_feedback(const struct gw_request *request)
{
    /* a comment of control characters grows by a factor of six on its way */
    gw_body_read(request, 8 * GW_COMMENT_BYTES, on_body);
}
