/* SPDX-License-Identifier: Apache-2.0
 *
 * v1_mend_end.c: the events that end a stream, where its own did not come: of an end that is known
 * otherwise Dify's, with what the result has of it; of one that is not, an `error` event.
 */
#include "core/json.h"
#include "core/json_text.h"
#include "core/run_follow.h"
#include "core/slices.h"
#include "gateway/v1_mend_state.h"

/* ---- writing --------------------------------------------------------------------------------- */

static struct dify_slice run_id(const struct gw_mend *mend, const struct dify_result *result)
{
    return gw__mend_id_or(mend, mend->run_id, result->workflow_run_id);
}

/* The members that stand before an event's own, as the two families order them. */
static void open_event(struct dify__writer *writer, const struct gw_mend *mend,
                       const struct dify_result *result, const char *name, bool is_of_workflow)
{
    struct dify_slice task = gw__mend_id_or(mend, mend->task_id, result->task_id);
    bool is_chat = mend->kind != DIFY_KIND_WORKFLOW;
    dify__write_open(writer, '{');
    dify__key_string(writer, "event", dify__slice(name));
    if (!is_chat) {
        dify__key_string(writer, "workflow_run_id", run_id(mend, result));
        dify__key_string(writer, "task_id", task);
        return;
    }
    if (mend->kind == DIFY_KIND_CHAT)
        dify__key_string(writer, "conversation_id",
                         gw__mend_id_or(mend, mend->conversation_id, result->conversation_id));
    dify__key_string(writer, "message_id",
                     gw__mend_id_or(mend, mend->message_id, result->message_id));
    dify__key_number(writer, "created_at", gw__mend_id(mend, mend->created_at));
    dify__key_string(writer, "task_id", task);
    if (is_of_workflow)
        dify__key_string(writer, "workflow_run_id", run_id(mend, result));
}

/* Dify's own words for why the run ended, absent where there are none. */
static struct dify_slice reason_of(const struct dify_result *result)
{
    if (result->message.ptr == result->message_text)
        return (struct dify_slice){NULL, 0};
    return result->message;
}

static void write_elapsed(struct dify__writer *writer, const struct dify_result *result)
{
    dify__key_number(writer, "elapsed_time",
                     result->workflow_elapsed_time.ptr != NULL ? result->workflow_elapsed_time
                                                               : dify__slice(result->elapsed_time));
}

static void write_totals(struct dify__writer *writer, const struct dify_result *result)
{
    dify__key_uint(writer, "total_tokens", result->total_tokens);
    dify__key_number(writer, "total_steps", result->total_steps);
}

enum dify_err gw__mend_started(const struct gw_mend *mend, const struct dify_result *result,
                               struct dify__buffer *out)
{
    struct dify__writer writer;
    dify__writer_init(&writer, DIFY_JSON_COMPACT, dify__write_to_buffer, out);
    open_event(&writer, mend, result, "workflow_started", true);
    dify__write_key(&writer, "data");
    dify__write_open(&writer, '{');
    dify__key_string(&writer, "id", run_id(mend, result));
    dify__key_string(&writer, "workflow_id",
                     gw__mend_id_or(mend, mend->workflow_id, result->workflow_id));
    dify__key_json(&writer, "inputs", DIFY_SLICE("{}"));
    dify__key_number(&writer, "created_at", result->created_at);
    dify__key_string(&writer, "reason", DIFY_SLICE("initial"));
    dify__write_close(&writer, '}');
    dify__write_close(&writer, '}');
    return dify__writer_finish(&writer);
}

enum dify_err gw__mend_finished(const struct gw_mend *mend, const struct dify_result *result,
                                struct dify__buffer *out)
{
    struct dify__writer writer;
    if (mend->finished.len != 0)
        return dify__buffer_append(out, mend->finished.ptr, mend->finished.len);
    bool is_failed = dify__slice_is(result->status, "failed");
    dify__writer_init(&writer, DIFY_JSON_COMPACT, dify__write_to_buffer, out);
    open_event(&writer, mend, result, "workflow_finished", true);
    dify__write_key(&writer, "data");
    dify__write_open(&writer, '{');
    dify__key_string(&writer, "id", run_id(mend, result));
    dify__key_string(&writer, "workflow_id",
                     gw__mend_id_or(mend, mend->workflow_id, result->workflow_id));
    dify__key_string(&writer, "status", result->status);
    dify__key_json(&writer, "outputs", dify__slice_or(result->workflow_outputs, DIFY_SLICE("{}")));
    dify__key_string(&writer, "error",
                     result->success ? (struct dify_slice){NULL, 0} : reason_of(result));
    write_elapsed(&writer, result);
    write_totals(&writer, result);
    dify__key_json(&writer, "created_by", DIFY_SLICE("{}"));
    dify__key_number(&writer, "created_at", result->created_at);
    dify__key_number(&writer, "finished_at", result->finished_at);
    dify__key_uint(&writer, "exceptions_count",
                   is_failed || dify__slice_is(result->status, "partial-succeeded"));
    dify__key_json(&writer, "files", DIFY_SLICE("[]"));
    dify__write_close(&writer, '}');
    dify__write_close(&writer, '}');
    return dify__writer_finish(&writer);
}

/* The nodes whose forms the run waits for; `forms` is an array of forms. */
static enum dify_err write_nodes(struct dify__writer *writer, const struct gw_mend *mend,
                                 struct dify_slice forms)
{
    struct dify__json json;
    struct dify__members root, members;
    struct dify__buffer object = {.allocator = mend->allocator, .max = SIZE_MAX / 2};
    dify__json_init(&json, mend->allocator);
    enum dify_err err = dify__buffer_append(&object, "{\"\":", 4);
    if (err == DIFY_OK)
        err = dify__buffer_append(&object, forms.ptr, forms.len);
    if (err == DIFY_OK)
        err = dify__buffer_append(&object, "}", 1);
    if (err == DIFY_OK)
        err = dify__json_read_again(&json, dify__buffer_slice(&object));
    dify__write_key(writer, "paused_nodes");
    dify__write_open(writer, '[');
    if (err == DIFY_OK) {
        dify__members_of_root(&root, &json);
        (void)dify__members_next(&root);
        struct dify__elements elements = dify__json_elements(root.value, dify__members_text(&root));
        while (dify__elements_next(&elements)) {
            dify__members_of(&members, &json, elements.value, elements.text);
            while (dify__members_next(&members)) {
                if (!dify__slice_is(members.key, "node_id"))
                    continue;
                dify__write_element(writer);
                dify__write_string(writer, dify__members_string(&members));
            }
        }
    }
    dify__write_close(writer, ']');
    dify__json_fini(&json);
    dify__buffer_fini(&object);
    return err;
}

static enum dify_err write_paused(const struct gw_mend *mend, const struct dify_result *result,
                                  struct dify_slice forms, struct dify__buffer *out)
{
    struct dify__writer writer;
    dify__writer_init(&writer, DIFY_JSON_COMPACT, dify__write_to_buffer, out);
    open_event(&writer, mend, result, "workflow_paused", true);
    dify__write_key(&writer, "data");
    dify__write_open(&writer, '{');
    dify__key_string(&writer, "workflow_run_id", run_id(mend, result));
    enum dify_err err = write_nodes(&writer, mend, forms);
    dify__key_json(&writer, "outputs", DIFY_SLICE("{}"));
    dify__key_json(&writer, "reasons", forms);
    dify__key_string(&writer, "status", DIFY_SLICE("paused"));
    dify__key_number(&writer, "created_at", result->created_at);
    write_elapsed(&writer, result);
    write_totals(&writer, result);
    dify__write_close(&writer, '}');
    dify__write_close(&writer, '}');
    enum dify_err written = dify__writer_finish(&writer);
    return err != DIFY_OK ? err : written;
}

enum dify_err gw__mend_paused(const struct gw_mend *mend, const struct dify_result *result,
                              struct dify__buffer *out)
{
    struct dify__buffer forms = {.allocator = mend->allocator, .max = SIZE_MAX / 2};
    if (mend->paused.len != 0)
        return dify__buffer_append(out, mend->paused.ptr, mend->paused.len);
    enum dify_err err = dify__buffer_append(&forms, "[", 1);
    if (err == DIFY_OK)
        err = dify__buffer_append(&forms, mend->forms.ptr, mend->forms.len);
    if (err == DIFY_OK)
        err = dify__buffer_append(&forms, "]", 1);
    if (err == DIFY_OK)
        err = write_paused(mend, result, dify__buffer_slice(&forms), out);
    dify__buffer_fini(&forms);
    return err;
}

void gw__mend_write_metadata(struct dify__writer *writer, uint64_t total_tokens)
{
    dify__write_open(writer, '{');
    dify__key_json(writer, "annotation_reply", DIFY_SLICE("null"));
    dify__key_json(writer, "retriever_resources", DIFY_SLICE("[]"));
    dify__write_key(writer, "usage");
    dify__write_open(writer, '{');
    dify__key_number(writer, "prompt_tokens", DIFY_SLICE("0"));
    dify__key_string(writer, "prompt_unit_price", DIFY_SLICE("0.0"));
    dify__key_string(writer, "prompt_price_unit", DIFY_SLICE("0.0"));
    dify__key_string(writer, "prompt_price", DIFY_SLICE("0.0"));
    dify__key_number(writer, "completion_tokens", DIFY_SLICE("0"));
    dify__key_string(writer, "completion_unit_price", DIFY_SLICE("0.0"));
    dify__key_string(writer, "completion_price_unit", DIFY_SLICE("0.0"));
    dify__key_string(writer, "completion_price", DIFY_SLICE("0.0"));
    dify__key_uint(writer, "total_tokens", total_tokens);
    dify__key_string(writer, "total_price", DIFY_SLICE("0.0"));
    dify__key_string(writer, "currency", DIFY_SLICE("USD"));
    dify__key_number(writer, "latency", DIFY_SLICE("0.0"));
    dify__write_close(writer, '}');
    dify__write_close(writer, '}');
}

enum dify_err gw__mend_message_end(const struct gw_mend *mend, const struct dify_result *result,
                                   struct dify__buffer *out)
{
    struct dify__writer writer;
    if (mend->message_end.len != 0)
        return dify__buffer_append(out, mend->message_end.ptr, mend->message_end.len);
    dify__writer_init(&writer, DIFY_JSON_COMPACT, dify__write_to_buffer, out);
    open_event(&writer, mend, result, "message_end", false);
    dify__key_string(&writer, "id", gw__mend_id_or(mend, mend->message_id, result->message_id));
    dify__write_key(&writer, "metadata");
    gw__mend_write_metadata(&writer, result->total_tokens);
    dify__key_json(&writer, "files", DIFY_SLICE("[]"));
    dify__write_close(&writer, '}');
    return dify__writer_finish(&writer);
}

/* As Dify's own, with the ids that it has, and those by which the run is found again. */
static enum dify_err write_error(const struct gw_mend *mend, const struct dify_result *result,
                                 struct dify__buffer *out)
{
    struct dify__writer writer;
    dify__writer_init(&writer, DIFY_JSON_COMPACT, dify__write_to_buffer, out);
    open_event(&writer, mend, result, "error", run_id(mend, result).ptr != NULL);
    dify__key_string(&writer, "code", result->code);
    dify__key_uint(&writer, "status", (uint64_t)result->http_status);
    dify__key_string(&writer, "message", result->message);
    dify__write_close(&writer, '}');
    return dify__writer_finish(&writer);
}

/* ---- the end --------------------------------------------------------------------------------- */

typedef enum dify_err write_fn(const struct gw_mend *mend, const struct dify_result *result,
                               struct dify__buffer *out);

static bool put_text(struct gw_mend *mend, const struct dify_result *result, write_fn *write,
                     gw_mend_put *put, void *ctx)
{
    mend->text.len = 0;
    enum dify_err err = write(mend, result, &mend->text);
    gw__mend_note(mend, err);
    if (err == DIFY_OK)
        gw__mend_put_event(mend, dify__buffer_slice(&mend->text), put, ctx);
    return err == DIFY_OK;
}

static bool is_known_end(const struct dify_result *result)
{
    switch (result->outcome) {
    case DIFY_OUTCOME_SUCCEEDED:
    case DIFY_OUTCOME_FAILED:
    case DIFY_OUTCOME_STOPPED:
    case DIFY_OUTCOME_STOPPED_AS_FAILED:
    case DIFY_OUTCOME_OTHER_STATUS:
        return true;
    default:
        return false;
    }
}

/* Whether the answer is whole: else Dify sends no message_end. */
static bool has_answer(const struct gw_mend *mend, const struct dify_result *result)
{
    return mend->message_end.len != 0 || dify__slice_is(result->status, "succeeded") ||
           dify__slice_is(result->status, "partial-succeeded");
}

static bool put_known_end(struct gw_mend *mend, const struct dify_run *run,
                          const struct dify_result *result, gw_mend_put *put, void *ctx)
{
    bool has_runs = mend->kind == DIFY_KIND_WORKFLOW || run_id(mend, result).ptr != NULL;
    bool is_chat = mend->kind != DIFY_KIND_WORKFLOW;
    if (has_runs && !mend->is_started_told)
        mend->is_started_told = put_text(mend, result, gw__mend_started, put, ctx);
    if (is_chat && !mend->is_message_end_told && (!has_runs || has_answer(mend, result))) {
        if (has_runs && result->answer.ptr != NULL)
            (void)gw__mend_put_answer(mend, result->answer, put, ctx);
        mend->is_message_end_told = put_text(mend, result, gw__mend_message_end, put, ctx);
    }
    /* a moderated chatflow ends with its message */
    bool ends_there = mend->message_end.len != 0 && !dify__run_has_workflow_finished(run);
    if (!has_runs || ends_there)
        return mend->is_message_end_told;
    mend->is_finished_told = put_text(mend, result, gw__mend_finished, put, ctx);
    return mend->is_finished_told;
}

bool gw_mend_end(struct gw_mend *mend, const struct dify_run *run, gw_mend_put *put, void *ctx)
{
    struct dify_result result;
    if (mend->is_finished_told || mend->is_error_told)
        return true;
    dify_run_result(run, &result);
    if (result.outcome == DIFY_OUTCOME_PAUSED) {
        if (!mend->is_paused_told)
            mend->is_paused_told = mend->may_resume =
                put_text(mend, &result, gw__mend_paused, put, ctx);
        return mend->is_paused_told;
    }
    if (is_known_end(&result))
        return put_known_end(mend, run, &result, put, ctx);
    if (!mend->is_message_end_told)
        mend->is_error_told = put_text(mend, &result, write_error, put, ctx);
    return mend->is_message_end_told || mend->is_error_told;
}
