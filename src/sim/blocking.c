/* SPDX-License-Identifier: Apache-2.0
 *
 * blocking.c: see blocking.h.
 */
#include "sim/blocking.h"

#include "core/slices.h"
#include "sim/about.h"
#include "sim/visit.h"

/* The members of a workflow's data; of a paused run with what it waits for. */
static void add_workflow_data(struct sim_text *text, const struct sim_run *run, yyjson_val *data,
                              bool is_pause)
{
    sim_text_id(text, "{\"id\":", run->bindings.run);
    sim_text_id(text, ",\"workflow_id\":", run->app->workflow_id);
    sim_text_member(text, data, "status");
    if (is_pause)
        sim_text_add(text, ",\"outputs\":{},\"error\":null");
    else {
        sim_text_member(text, data, "outputs");
        sim_text_member(text, data, "error");
    }
    sim_text_member(text, data, "elapsed_time");
    sim_text_member(text, data, "total_tokens");
    sim_text_member(text, data, "total_steps");
    sim_text_add(text, ",\"created_at\":");
    sim_text_int(text, run->created_at);
    sim_text_member(text, data, "finished_at");
    if (is_pause) {
        sim_text_member(text, data, "paused_nodes");
        sim_text_member(text, data, "reasons");
    }
    sim_text_add(text, "}");
}

static void answer_workflow(struct sim_visit *visit, const struct sim_run *run, bool is_pause)
{
    struct sim_text text;
    yyjson_doc *doc;
    sim_text_init(&text, visit->sim->allocator);
    doc = sim_text_read(&text, dify__buffer_slice(is_pause ? &run->paused : &run->finished));
    sim_text_id(&text, "{\"task_id\":", run->bindings.task);
    sim_text_id(&text, ",\"workflow_run_id\":", run->bindings.run);
    sim_text_add(&text, ",\"data\":");
    add_workflow_data(&text, run, yyjson_doc_get_root(doc), is_pause);
    sim_text_add(&text, "}");
    yyjson_doc_free(doc);
    sim_answer_json(visit, 200, SIM_ANSWER_SPACED, &text);
}

/* Metadata with the member that a stream of 1.16 leaves out. */
static void add_with_annotation(struct sim_text *text, yyjson_val *metadata)
{
    yyjson_val *key;
    yyjson_obj_iter members = yyjson_obj_iter_with(metadata);
    sim_text_add(text, "{\"annotation_reply\":null");
    while ((key = yyjson_obj_iter_next(&members)) != NULL)
        sim_text_member(text, metadata, yyjson_get_str(key));
    sim_text_add(text, "}");
}

/* The metadata of message_end. */
static void add_metadata(struct sim_text *text, const struct sim_run *run)
{
    yyjson_doc *doc = sim_text_read(text, dify__buffer_slice(&run->message_end));
    yyjson_val *metadata = yyjson_obj_get(yyjson_doc_get_root(doc), "metadata");
    sim_text_add(text, ",\"metadata\":");
    if (metadata != NULL && !sim_mode_has_runs(run->app->mode) &&
        yyjson_obj_get(metadata, "annotation_reply") == NULL)
        add_with_annotation(text, metadata);
    else if (metadata != NULL)
        sim_text_value(text, metadata);
    else
        sim_text_add(text, sim_is_at_least(run->sim, SIM_1_16_1)
                               ? "{\"annotation_reply\":null,\"retriever_resources\":[],"
                                 "\"usage\":null,\"reasoning\":{}}"
                               : "{\"annotation_reply\":null,\"retriever_resources\":[],"
                                 "\"usage\":null}");
    yyjson_doc_free(doc);
}

static void answer_message(struct sim_visit *visit, const struct sim_run *run)
{
    struct sim_text text;
    sim_text_init(&text, visit->sim->allocator);
    sim_text_id(&text, "{\"event\":\"message\",\"task_id\":", run->bindings.task);
    sim_text_id(&text, ",\"id\":", run->bindings.message);
    sim_text_id(&text, ",\"message_id\":", run->bindings.message);
    if (run->app->mode != SIM_COMPLETION)
        sim_text_id(&text, ",\"conversation_id\":", run->bindings.conversation);
    sim_text_id(&text, ",\"mode\":", sim_mode_name(run->app->mode));
    sim_text_add(&text, ",\"answer\":");
    sim_text_string(&text, dify__buffer_slice(&run->answer));
    add_metadata(&text, run);
    sim_text_add(&text, ",\"created_at\":");
    sim_text_int(&text, run->bindings.start);
    sim_text_add(&text, "}");
    sim_answer_json(visit, 200, SIM_ANSWER_SPACED, &text);
}

/* The ids, answer and metadata that a paused chatflow tells twice. */
static void add_paused_core(struct sim_text *text, const struct sim_run *run)
{
    sim_text_add(text, ",\"answer\":");
    sim_text_string(text, dify__buffer_slice(&run->answer));
    add_metadata(text, run);
    sim_text_add(text, ",\"created_at\":");
    sim_text_int(text, run->bindings.start);
}

static void answer_paused_chat(struct sim_visit *visit, const struct sim_run *run)
{
    struct sim_text text;
    yyjson_doc *doc;
    yyjson_val *data;
    sim_text_init(&text, visit->sim->allocator);
    doc = sim_text_read(&text, dify__buffer_slice(&run->paused));
    data = yyjson_doc_get_root(doc);
    sim_text_id(&text, "{\"event\":\"workflow_paused\",\"task_id\":", run->bindings.task);
    sim_text_id(&text, ",\"id\":", run->bindings.message);
    sim_text_id(&text, ",\"message_id\":", run->bindings.message);
    sim_text_id(&text, ",\"conversation_id\":", run->bindings.conversation);
    sim_text_add(&text, ",\"mode\":\"advanced-chat\"");
    add_paused_core(&text, run);
    sim_text_id(&text, ",\"workflow_run_id\":", run->bindings.run);
    sim_text_id(&text, ",\"data\":{\"id\":", run->bindings.message);
    sim_text_add(&text, ",\"mode\":\"advanced-chat\"");
    sim_text_id(&text, ",\"conversation_id\":", run->bindings.conversation);
    sim_text_id(&text, ",\"message_id\":", run->bindings.message);
    sim_text_id(&text, ",\"workflow_run_id\":", run->bindings.run);
    add_paused_core(&text, run);
    sim_text_member(&text, data, "paused_nodes");
    sim_text_member(&text, data, "reasons");
    sim_text_member(&text, data, "status");
    sim_text_member(&text, data, "elapsed_time");
    sim_text_member(&text, data, "total_tokens");
    sim_text_member(&text, data, "total_steps");
    sim_text_add(&text, "}}");
    yyjson_doc_free(doc);
    sim_answer_json(visit, 200, SIM_ANSWER_SPACED, &text);
}

/* An `error` event, as the refusal that it is in blocking mode. */
static void answer_error(struct sim_visit *visit, const struct sim_run *run)
{
    struct sim_text text;
    yyjson_doc *doc;
    yyjson_val *root;
    sim_text_init(&text, visit->sim->allocator);
    doc = sim_text_read(&text, dify__buffer_slice(&run->error));
    root = yyjson_doc_get_root(doc);
    sim_text_add(&text, "{\"code\":");
    sim_text_string(&text, sim_member_string(root, "code"));
    sim_text_member(&text, root, "message");
    sim_text_member(&text, root, "status");
    sim_text_add(&text, "}");
    sim_answer_json(visit, (int)sim_value_int(yyjson_obj_get(root, "status"), 400),
                    SIM_ANSWER_ASCII, &text);
    yyjson_doc_free(doc);
}

/* A chatflow that failed, or of which that cannot be known for want of memory. False if it did
 * not. */
static bool answer_failed_chat(struct sim_visit *visit, const struct sim_run *run)
{
    struct sim_text message;
    yyjson_doc *doc;
    yyjson_val *data;
    bool has_failed;
    sim_text_init(&message, visit->sim->allocator);
    doc = sim_text_read(&message, dify__buffer_slice(&run->finished));
    data = yyjson_doc_get_root(doc);
    has_failed =
        message.err != DIFY_OK || dify__slice_is(sim_member_string(data, "status"), "failed");
    if (has_failed) {
        sim_text_add(&message, "Run failed: ");
        sim_text_put(&message, sim_member_string(data, "error"));
        sim_answer_message(visit, 400, "invalid_param", &message);
    }
    yyjson_doc_free(doc);
    return has_failed;
}

void sim_blocking_answer(struct sim_stream *stream)
{
    struct sim_visit *visit = stream->visit;
    const struct sim_run *run = stream->run;
    bool is_pause = run->is_at_pause;
    bool has_end = run->finished.len > 0 || run->error.len > 0 || run->message_end.len > 0;
    if (visit->is_answered || (!is_pause && !has_end))
        return; /* nothing will ever be answered */
    if (run->app->mode == SIM_WORKFLOW)
        answer_workflow(visit, run, is_pause);
    else if (run->app->mode == SIM_ADVANCED_CHAT && is_pause)
        answer_paused_chat(visit, run);
    else if (run->app->mode == SIM_ADVANCED_CHAT && answer_failed_chat(visit, run))
        return;
    else if (run->error.len > 0)
        answer_error(visit, run);
    else
        answer_message(visit, run);
}
