/* SPDX-License-Identifier: Apache-2.0
 *
 * form.c: the form of a run that waits for a person.
 *
 *   GET  /api/runs/{id}/form[?token=]   200 {"run_id", "form_token", "form": as Dify has it}
 *   POST /api/runs/{id}/form            {"action": its id, "inputs": {…}, "token": text or null}
 *                                       202, the run as it goes on
 *
 * The token is one of the result's data.forms[]; without one it is the first of them. Once the form
 * was submitted the run is live again, and its log goes on. While one submission is under way
 * another one is refused (409); of two that reach Dify, it takes one. A form that was submitted by
 * other means than this lets the run go on as well, when somebody tries to submit it here.
 *
 * Dify's own refusals: 400 (what is wrong with the inputs), 404 (no such form), 409 (it is
 * submitted already, or its time is over).
 */
#include "conf/text.h"
#include "core/slices.h"
#include "gateway/app.h"
#include "gateway/body.h"
#include "gateway/hub.h"
#include "gateway/later.h"
#include "gateway/lookup.h"
#include "gateway/out.h"
#include "gateway/query.h"
#include "gateway/reply.h"
#include "gateway/result.h"
#include "gateway/words.h"

#include <stdlib.h>

struct form {
    struct gw_later later; /* the first member */
    bool is_looked_up;     /* on_gone() is still to come */
    bool is_begun;         /* `later` is; it frees this */
    bool is_submission;
    bool has_refused; /* Dify says that it was submitted before */
    struct gw_words words;
    struct dify_call *call;
    char *action, *inputs; /* of a submission; `inputs` is JSON, or NULL */
    char token[GW_NAME_BYTES];
    struct gw_row *row;
    struct gw_app *app;

    struct gw_read read;  /* the row and its log, once more */
    struct gw_row *again; /* another thread's until the read is done; others look at `row` */
    bool is_paused;       /* it still says so */
    enum dify_err err;
    struct dify__buffer records;
};

static void form_free(struct form *form)
{
    dify__buffer_fini(&form->records);
    free(form->action);
    free(form->inputs);
    free(form->row);
    free(form->again);
    free(form);
}

static void drop(struct gw_later *later)
{
    struct form *form = (struct form *)(void *)later;
    if (form->call != NULL)
        dify_call_cancel(form->call);
    form->is_begun = false;
    if (!form->is_looked_up)
        form_free(form);
}

static void on_gone(void *ctx)
{
    struct form *form = ctx;
    form->is_looked_up = false;
    if (!form->is_begun)
        form_free(form);
}

static struct form *form_new(struct http_exchange *exchange)
{
    struct form *form = calloc(1, sizeof *form);
    if (form == NULL) {
        gw_out_of_memory(exchange);
        return NULL;
    }
    form->records = (struct dify__buffer){.allocator = dify__allocator(NULL), .max = SIZE_MAX / 2};
    return form;
}

/* ---- answers ------------------------------------------------------------------------------- */

/* The last word of a request. */
static void refuse(struct form *form, int status, const char *code, const char *message)
{
    char id[DIFY__UUID_SIZE];
    gw_format_id(form->row->row.id, id);
    if (form->later.exchange != NULL)
        gw_reply_error(form->later.exchange, status, code, message, id);
    gw_later_end(&form->later);
}

/* What Dify refuses is the client's mistake, mostly. */
static void refuse_as_dify(struct form *form, const struct dify_answer *answer)
{
    int status = form->words.status;
    if (answer->outcome == DIFY_OUTCOME_REFUSED &&
        (answer->http_status == 400 || answer->http_status == 404))
        status = answer->http_status;
    else if (answer->outcome == DIFY_OUTCOME_REFUSED && answer->http_status == 412)
        status = 409;
    refuse(form, status, form->words.code, form->words.message);
}

static void answer_form(struct form *form, struct dify_slice json)
{
    struct dify__buffer *text = &form->later.gateway->scratch;
    struct dify__writer writer;
    char id[DIFY__UUID_SIZE];
    if (form->later.exchange != NULL) {
        gw_format_id(form->row->row.id, id);
        gw_out_begin(&writer, text);
        dify__write_open(&writer, '{');
        dify__key_string(&writer, "run_id", dify__slice(id));
        dify__key_string(&writer, "form_token", dify__slice(form->token));
        dify__write_key(&writer, "form");
        dify__write_json(&writer, json);
        dify__write_close(&writer, '}');
        gw_out_reply(&writer, text, form->later.exchange, 200);
    }
    gw_later_end(&form->later);
}

static void answer_run(struct form *form, struct gw_run *run)
{
    struct dify__buffer *text = &form->later.gateway->scratch;
    if (form->has_refused) {
        refuse(form, 409, form->words.code, form->words.message);
        return;
    }
    if (form->later.exchange != NULL) {
        text->len = 0;
        if (gw_run_write(run, text) && dify__buffer_append(text, "\n", 1) == DIFY_OK)
            gw_reply_json(form->later.exchange, 202, dify__buffer_slice(text));
        else
            gw_out_of_memory(form->later.exchange);
    }
    gw_later_end(&form->later);
}

/* ---- the run goes on ----------------------------------------------------------------------- */

static const char still_paused[] =
    "the form was submitted, but the gateway cannot follow the run at the moment; submit it once "
    "more, and it does";

/* It is on the disk that the run goes on: no kill takes that back. */
static void on_reopened(void *ctx, bool is_kept)
{
    struct form *form = ctx;
    char id[DIFY__UUID_SIZE];
    (void)is_kept; /* it may have ended since */
    gw_format_id(form->row->row.id, id);
    struct gw_run *run = gw_hub_find(&form->later.gateway->hub, dify__slice(id));
    if (run != NULL || form->has_refused) {
        answer_run(form, run);
        return;
    }
    struct dify__buffer *text = &form->later.gateway->scratch; /* it has ended since */
    text->len = 0;
    if (form->later.exchange != NULL &&
        gw_result_wrap(DIFY_SLICE("{\"success\":null,\"data\":{\"status\":\"running\"}}"), id,
                       text))
        gw_reply_json(form->later.exchange, 202, dify__buffer_slice(text));
    else if (form->later.exchange != NULL)
        gw_out_of_memory(form->later.exchange);
    gw_later_end(&form->later);
}

static void go_on(struct form *form, const struct store_row *row, struct dify_slice records)
{
    struct store *store = form->later.gateway->store;
    struct dify_slice none = {NULL, 0};
    uint64_t number = row->number;
    struct gw_run *run = gw_run_continue(form->later.gateway, row, records);
    if (run == NULL)
        refuse(form, 503, "unavailable", still_paused);
    else if (store == NULL || store_is_failing(store, NULL) ||
             /* changes nothing, and is confirmed behind what reopens the run */
             !store_set_started(store, number, none, none, on_reopened, form))
        answer_run(form, run);
}

static bool on_row_again(void *ctx, const struct store_row *row)
{
    struct form *form = ctx;
    form->again = gw_row_dup(row);
    form->is_paused = row->state == STORE_ENDED && dify__slice_is(row->status, "paused");
    return false;
}

static void on_work(struct gw_read *read, struct store_reader *reader)
{
    struct form *form = (struct form *)(void *)((char *)read - offsetof(struct form, read));
    unsigned char id[STORE_ID_BYTES];
    uint32_t first;
    memcpy(id, form->row->row.id, sizeof id);
    form->err = store_find(reader, id, on_row_again, form);
    if (form->err == DIFY_OK && form->again == NULL)
        form->err = DIFY_ERR_NOMEM;
    if (form->err != DIFY_OK)
        return;
    form->err =
        store_read_log(reader, form->again->row.number, 1, SIZE_MAX, &form->records, &first);
    if (form->err == DIFY_ERR_ABSENT)
        form->err = DIFY_OK;
}

static void on_read(struct gw_read *read)
{
    struct form *form = (struct form *)(void *)((char *)read - offsetof(struct form, read));
    if (form->again != NULL) {
        free(form->row);
        form->row = form->again;
        form->again = NULL;
    }
    if (form->err != DIFY_OK) {
        refuse(form, 503, "unavailable", still_paused);
    } else if (!form->is_paused) { /* it went on by other means */
        refuse(form, 409, "run_not_paused", "the run is not paused any more");
    } else {
        go_on(form, &form->row->row, dify__buffer_slice(&form->records));
    }
}

/* Without a store: of a run that is remembered all is here. */
static void go_on_alone(struct form *form)
{
    char id[DIFY__UUID_SIZE];
    gw_format_id(form->row->row.id, id);
    struct gw_run *run = gw_hub_find(&form->later.gateway->hub, dify__slice(id));
    uint64_t at = UINT64_MAX;
    if (run == NULL || run->row == NULL) {
        refuse(form, 409, "run_forgotten",
               "the form was submitted, but without a store the gateway knows the run no more");
        return;
    }
    struct dify_slice records = {NULL, 0};
    if (run->log.first == 1)
        records = gw_runlog_from(&run->log, 1, &at);
    go_on(form, &run->row->row, records);
}

static void on_submitted(void *ctx, const struct dify_answer *answer)
{
    struct form *form = ctx;
    struct gateway *gateway = form->later.gateway;
    bool is_taken = answer->outcome == DIFY_OUTCOME_SUCCEEDED;
    form->call = NULL;
    if (!is_taken) {
        gw_words_of(answer, &form->words);
        form->has_refused = answer->http_status == 412 &&
                            dify__slice_is(answer->code, "human_input_form_submitted");
    }
    if (!is_taken && !form->has_refused) {
        refuse_as_dify(form, answer);
        return;
    }
    form->read = (struct gw_read){.work = on_work, .done = on_read};
    if (gateway->store == NULL)
        go_on_alone(form);
    else if (!gw_read_start(&gateway->reads, &form->read))
        refuse(form, 503, "busy", still_paused);
}

/* ---- asking Dify --------------------------------------------------------------------------- */

static void on_form(void *ctx, const struct dify_answer *answer)
{
    struct form *form = ctx;
    form->call = NULL;
    if (answer->outcome == DIFY_OUTCOME_SUCCEEDED) {
        answer_form(form, answer->body);
        return;
    }
    gw_words_of(answer, &form->words);
    refuse_as_dify(form, answer);
}

/* Whether another submission for the run is under way. */
static bool is_being_submitted(const struct form *form)
{
    struct http_link *all = &form->later.gateway->later;
    for (struct http_link *link = all->next; link != all; link = link->next) {
        struct gw_later *later = HTTP_LINKED(link, struct gw_later, link);
        const struct form *other = (struct form *)(void *)later;
        if (later->drop == drop && other != form && other->is_submission &&
            memcmp(other->row->row.id, form->row->row.id, STORE_ID_BYTES) == 0)
            return true;
    }
    return false;
}

static void ask(struct form *form)
{
    enum dify_err err = DIFY_ERR_NOMEM;
    if (!form->is_submission) {
        err = dify_form_read(form->app->dify, form->token, on_form, form, &form->call);
    } else if (is_being_submitted(form)) {
        refuse(form, 409, "form_being_submitted", "the form is being submitted by somebody else");
        return;
    } else {
        char *user = conf_text_copy(form->row->row.user);
        struct dify_slice inputs = {NULL, 0};
        if (form->inputs != NULL)
            inputs = dify__slice(form->inputs);
        if (user != NULL)
            err = dify_form_submit(form->app->dify, form->token, inputs, form->action, user,
                                   on_submitted, form, &form->call);
        free(user);
    }
    if (err == DIFY_ERR_NOMEM)
        refuse(form, 503, "out_of_memory", "the gateway has run out of memory");
    else if (err != DIFY_OK)
        refuse(form, 400, "invalid_param", "the token or the action is no such thing");
}

/* ---- the run, and its forms ---------------------------------------------------------------- */

/* The token that was asked for, else the first; false if the result has none such. */
static bool choose_token(struct form *form, struct dify_slice result)
{
    struct dify__json json;
    size_t i, count;
    yyjson_val *entry;
    bool is_found = false;
    dify__json_init(&json, dify__allocator(NULL));
    if (dify__json_read(&json, result) == DIFY_OK) {
        yyjson_val *data = yyjson_obj_get(yyjson_doc_get_root(json.doc), "data");
        yyjson_arr_foreach(yyjson_obj_get(data, "forms"), i, count, entry)
        {
            yyjson_val *token = yyjson_obj_get(entry, "form_token");
            size_t len = yyjson_get_len(token);
            if (!yyjson_is_str(token) || len == 0 || len >= sizeof form->token || is_found ||
                strlen(yyjson_get_str(token)) != len ||
                (form->token[0] != '\0' && strcmp(form->token, yyjson_get_str(token)) != 0))
                continue;
            memcpy(form->token, yyjson_get_str(token), len + 1);
            is_found = true;
        }
    }
    dify__json_fini(&json);
    return is_found;
}

static void on_row(void *ctx, struct gateway *gateway, struct http_exchange *exchange,
                   const struct store_row *row)
{
    struct form *form = ctx;
    char id[DIFY__UUID_SIZE];
    gw_format_id(row->id, id);
    form->app = gw_app_find(gateway, row->app);
    if (row->state != STORE_ENDED || !dify__slice_is(row->status, "paused")) {
        gw_reply_error(exchange, 409, "run_not_paused", "the run does not wait for a form", id);
        return;
    }
    if (form->app == NULL) {
        gw_reply_error(exchange, 409, "app_not_found", "the run's app is not configured any more",
                       id);
        return;
    }
    if (!choose_token(form, row->result)) {
        gw_reply_error(exchange, 404, "form_not_found",
                       form->token[0] != '\0' ? "the run has no form of this token"
                                              : "the run's form cannot be submitted here: it has "
                                                "no token",
                       id);
        return;
    }
    form->row = gw_row_dup(row);
    if (form->row == NULL) {
        gw_out_of_memory(exchange);
        return;
    }
    form->is_begun = true;
    gw_later_begin(&form->later, gateway, exchange, drop);
    ask(form);
}

static void on_live(void *ctx, struct http_exchange *exchange, struct gw_run *run)
{
    struct store_row row;
    if (!gw_run_has_ended(run) || run->row == NULL) {
        gw_reply_error(exchange, 409, "run_not_paused", "the run does not wait for a form",
                       run->id_text);
        return;
    }
    row = run->row->row;
    row.result = (struct dify_slice){run->result, run->result_len};
    on_row(ctx, run->gateway, exchange, &row);
}

static void look_up(struct form *form, const struct gw_request *request)
{
    const struct gw_lookup_found found = {
        .wants_row = true, .live = on_live, .row = on_row, .gone = on_gone, .ctx = form};
    form->is_looked_up = true;
    gw_lookup(request, &found);
}

/* ---- the requests -------------------------------------------------------------------------- */

void gw_serve_run_form(const struct gw_request *request)
{
    struct gw_param param = {.name = "token"};
    struct gw_query query = {.params = &param, .count = 1};
    struct form *form = form_new(request->exchange);
    if (form == NULL)
        return;
    if (!gw_query_read(&query, request->exchange)) {
        form_free(form);
        return;
    }
    if (gw_query_refuse(&query, request->exchange)) {
        form_free(form);
    } else {
        if (param.value.len > 0)
            memcpy(form->token, param.value.ptr, param.value.len);
        look_up(form, request);
    }
    gw_query_fini(&query);
}

/* A text without NUL of at most so many bytes. */
static bool is_text(struct dify_slice text, size_t most)
{
    return text.len > 0 && text.len <= most && memchr(text.ptr, '\0', text.len) == NULL;
}

/* Takes a member of the body. What is wrong with it; NULL: nothing. */
static const char *take_member(struct form *form, const struct dify__members *members)
{
    struct dify_slice text = dify__members_string(members);
    if (dify__slice_is(members->key, "action")) {
        if (!is_text(text, GW_NAME_BYTES - 1))
            return "action is the id of one of the form's actions";
        free(form->action);
        form->action = conf_text_copy(text);
    } else if (dify__slice_is(members->key, "inputs")) {
        if (!yyjson_is_obj(members->value))
            return "inputs is an object";
        free(form->inputs);
        form->inputs = conf_text_copy(dify__members_text(members));
    } else if (dify__slice_is(members->key, "token")) {
        if (!yyjson_is_null(members->value) && !is_text(text, sizeof form->token - 1))
            return "token is the form_token of one of the run's forms";
        if (text.len > 0)
            memcpy(form->token, text.ptr, text.len + 1);
    } else {
        return "there is a member that is none of action, inputs and token";
    }
    return NULL;
}

static void on_body(const struct gw_request *request, const struct dify__json *body)
{
    struct dify__members members;
    const char *wrong = NULL;
    struct form *form = form_new(request->exchange);
    if (form == NULL)
        return;
    form->is_submission = true;
    dify__members_of_root(&members, body);
    while (wrong == NULL && dify__members_next(&members))
        wrong = take_member(form, &members);
    if (wrong == NULL && form->action == NULL)
        wrong = "action is missing: the id of one of the form's actions";
    if (wrong == NULL) {
        look_up(form, request);
        return;
    }
    gw_reply_error(request->exchange, 400, "invalid_param", wrong, NULL);
    form_free(form);
}

void gw_serve_submit_form(const struct gw_request *request)
{
    if (request->gateway->is_draining)
        gw_reply_error(request->exchange, 503, "stopping", "the gateway is being stopped", NULL);
    else
        gw_body_read(request, GW_JSON_BYTES, on_body);
}
