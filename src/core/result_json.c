/* SPDX-License-Identifier: Apache-2.0
 *
 * result_json.c: the result of a run as JSON text, its members in the order of docs/result.md. Only
 * reads the run.
 */
#include "core/json_text.h"
#include "core/run_follow.h"
#include "core/run_state.h"
#include "core/slices.h"
#include "difystream/result.h"

/* A member of the chat family, left out where it never came. */
static void key_string_if(struct dify__writer *writer, const char *key, struct dify_slice value)
{
    if (value.ptr != NULL)
        dify__key_string(writer, key, value);
}

/* The five totals, in metadata and, for a failure, once more in data. */
static void write_totals(struct dify__writer *writer, const struct dify_result *result)
{
    dify__key_uint(writer, "total_tokens", result->total_tokens);
    dify__key_number(writer, "total_price", dify__slice(result->total_price));
    dify__key_string(writer, "currency", result->currency);
    dify__key_number(writer, "elapsed_time", dify__slice(result->elapsed_time));
    dify__key_number(writer, "total_steps", result->total_steps);
}

static void write_incomplete_nodes(struct dify__writer *writer, const struct dify_run *run)
{
    struct dify_node node;
    dify__write_key(writer, "incomplete_nodes");
    dify__write_open(writer, '[');
    for (size_t i = 0; dify_run_node(run, i, &node); i++) {
        if (!node.is_empty)
            continue;
        dify__write_element(writer);
        dify__write_string(writer, node.id.ptr != NULL ? node.id : node.node_id);
    }
    dify__write_close(writer, ']');
}

static void write_metadata(struct dify__writer *writer, const struct dify_run *run,
                           const struct dify_result *result)
{
    dify__write_key(writer, "metadata");
    dify__write_open(writer, '{');
    write_totals(writer, result);
    dify__key_string(writer, "tokens_source",
                     result->tokens_reported ? DIFY_SLICE("reported") : DIFY_SLICE("observed"));
    dify__key_number(writer, "workflow_elapsed_time", result->workflow_elapsed_time);
    dify__write_key(writer, "complete");
    dify__write_bool(writer, result->complete);
    if (!result->complete)
        write_incomplete_nodes(writer, run);
    dify__write_close(writer, '}');
}

static void write_outputs(struct dify__writer *writer, const struct dify_run *run)
{
    dify__write_key(writer, "outputs");
    dify__write_open(writer, '{');
    for (size_t i = 0; i < run->outputs.count; i++) {
        const struct dify__output *output = &run->outputs.output[i];
        struct dify_slice key = {output->bytes, output->key_len};
        struct dify_slice value = {output->bytes + output->key_len, output->value_len};
        dify__write_key_text(writer, key);
        dify__write_json(writer, value);
    }
    dify__write_close(writer, '}');
}

static void write_node(struct dify__writer *writer, const struct dify_node *node)
{
    dify__write_element(writer);
    dify__write_open(writer, '{');
    dify__key_string(writer, "id", node->id);
    dify__key_string(writer, "node_id", node->node_id);
    dify__key_string(writer, "node_type", node->node_type);
    dify__key_string(writer, "title", node->title);
    dify__key_number(writer, "index", node->index);
    dify__key_string(writer, "status", node->status);
    dify__key_number(writer, "started_at", node->started_at);
    dify__key_number(writer, "finished_at", node->finished_at);
    dify__key_number(writer, "elapsed_time", node->elapsed_time);
    dify__write_key(writer, "total_tokens");
    if (node->has_tokens)
        dify__write_uint(writer, node->total_tokens);
    else
        dify__write_null(writer);
    dify__key_number(writer, "total_price", node->total_price);
    dify__key_string(writer, "currency", node->currency);
    dify__key_string(writer, "error", node->error);
    dify__key_uint(writer, "retries", node->retries);
    dify__key_string(writer, "iteration_id", node->iteration_id);
    dify__key_string(writer, "loop_id", node->loop_id);
    if (node->is_container)
        dify__key_number(writer, "steps", node->steps);
    dify__write_close(writer, '}');
}

static void write_nodes(struct dify__writer *writer, const struct dify_run *run, const char *key,
                        bool (*get)(const struct dify_run *, size_t, struct dify_node *))
{
    struct dify_node node;
    dify__write_key(writer, key);
    dify__write_open(writer, '[');
    for (size_t i = 0; get(run, i, &node); i++)
        write_node(writer, &node);
    dify__write_close(writer, ']');
}

static void write_warnings(struct dify__writer *writer, const struct dify_run *run)
{
    uint64_t offset;
    const char *reason;
    if (run->warnings == 0)
        return;
    dify__write_key(writer, "warnings");
    dify__write_open(writer, '[');
    for (size_t i = 0; dify_run_warning(run, i, &offset, &reason); i++) {
        dify__write_element(writer);
        dify__write_open(writer, '{');
        dify__key_uint(writer, "offset", offset);
        dify__key_string(writer, "reason", dify__slice(reason));
        dify__write_close(writer, '}');
    }
    dify__write_close(writer, ']');
}

static void write_forms(struct dify__writer *writer, const struct dify_run *run,
                        const struct dify_result *result)
{
    if (!dify__slice_is(result->status, "paused"))
        return;
    dify__write_key(writer, "forms");
    dify__write_open(writer, '[');
    for (size_t i = 0; i < run->forms; i++) {
        dify__write_element(writer);
        dify__write_json(writer, dify__texts_get(&run->texts, run->form[i].json));
    }
    dify__write_close(writer, ']');
}

/* The members that are additions: they stand behind the fixed ones. */
static void write_additions(struct dify__writer *writer, const struct dify_run *run,
                            const struct dify_result *result)
{
    dify__key_string(writer, "workflow_id", result->workflow_id);
    if (result->has_ended && !result->success)
        write_totals(writer, result);
    key_string_if(writer, "answer", result->answer);
    key_string_if(writer, "conversation_id", result->conversation_id);
    key_string_if(writer, "message_id", result->message_id);
    dify__write_key(writer, "workflow_outputs");
    dify__write_json(writer, result->workflow_outputs);
    write_nodes(writer, run, "nodes", dify_run_node);
    write_nodes(writer, run, "containers", dify_run_container);
    if (result->resumed != 0)
        dify__key_uint(writer, "resumed", result->resumed);
    dify__key_uint(writer, "skipped_events", result->skipped_events);
    write_warnings(writer, run);
    dify__key_uint(writer, "unknown_events", result->unknown_events);
    if (result->has_tts)
        dify__key_uint(writer, "tts_bytes", result->tts_bytes);
    write_forms(writer, run, result);
}

static void write_data(struct dify__writer *writer, const struct dify_run *run,
                       const struct dify_result *result, const char *open_status)
{
    struct dify_slice status = result->status;
    if (!result->has_ended && status.ptr == NULL)
        status = dify__slice(open_status);
    dify__write_key(writer, "data");
    dify__write_open(writer, '{');
    dify__key_string(writer, "workflow_run_id", result->workflow_run_id);
    dify__key_string(writer, "task_id", result->task_id);
    dify__key_string(writer, "status", status);
    write_outputs(writer, run);
    write_metadata(writer, run, result);
    dify__key_number(writer, "created_at", result->created_at);
    dify__key_number(writer, "finished_at", result->finished_at);
    dify__key_uint(writer, "event_count", result->event_count);
    write_additions(writer, run, result);
    dify__write_close(writer, '}');
}

static enum dify_err write_result(const struct dify_run *run, enum dify_json_style style,
                                  const struct dify_result *result, const char *open_status,
                                  dify_write_fn *write, void *ctx)
{
    struct dify__writer writer;
    dify__writer_init(&writer, style, write, ctx);
    dify__write_open(&writer, '{');
    dify__write_key(&writer, "success");
    if (!result->has_ended)
        dify__write_null(&writer);
    else
        dify__write_bool(&writer, result->success);
    if (result->has_ended && !result->success) {
        dify__key_string(&writer, "error", result->error);
        dify__key_string(&writer, "code", result->code);
        dify__key_string(&writer, "message", result->message);
    }
    write_data(&writer, run, result, open_status);
    dify__write_close(&writer, '}');
    return dify__writer_finish(&writer);
}

enum dify_err dify_run_write_result(const struct dify_run *run, enum dify_json_style style,
                                    dify_write_fn *write, void *ctx)
{
    struct dify_result result;
    dify_run_result(run, &result);
    return dify__run_write(run, style, &result, write, ctx);
}

enum dify_err dify__run_write(const struct dify_run *run, enum dify_json_style style,
                              const struct dify_result *result, dify_write_fn *write, void *ctx)
{
    return write_result(run, style, result, "running", write, ctx);
}

enum dify_err dify__run_write_result(const struct dify_run *run, enum dify_json_style style,
                                     const char *open_status, dify_write_fn *write, void *ctx)
{
    struct dify_result result;
    dify_run_result(run, &result);
    result.status = (struct dify_slice){NULL, 0};
    result.has_ended = false;
    return write_result(run, style, &result, open_status, write, ctx);
}
