/* SPDX-License-Identifier: Apache-2.0
 *
 * blocking.c: see blocking.h.
 */
#include "sim/blocking.h"

#include "core/slices.h"
#include "sim/visit.h"

static void add_id(struct sim_text *text, const char *key, const char *id)
{
    sim_text_add(text, key);
    sim_text_string(text, dify__slice(id));
}

static void add_member(struct sim_text *text, yyjson_val *data, const char *name)
{
    sim_text_add(text, ",\"");
    sim_text_add(text, name);
    sim_text_add(text, "\":");
    sim_text_value(text, yyjson_obj_get(data, name));
}

/* The members of a workflow's data; of a paused run with what it waits for. */
static void add_workflow_data(struct sim_text *text, const struct sim_run *run, yyjson_val *data,
                              bool is_pause)
{
    add_id(text, "{\"id\":", run->bindings.run);
    add_id(text, ",\"workflow_id\":", run->app->workflow_id);
    add_member(text, data, "status");
    if (is_pause)
        sim_text_add(text, ",\"outputs\":{},\"error\":null");
    else {
        add_member(text, data, "outputs");
        add_member(text, data, "error");
    }
    add_member(text, data, "elapsed_time");
    add_member(text, data, "total_tokens");
    add_member(text, data, "total_steps");
    sim_text_add(text, ",\"created_at\":");
    sim_text_int(text, run->created_at);
    add_member(text, data, "finished_at");
    if (is_pause) {
        add_member(text, data, "paused_nodes");
        add_member(text, data, "reasons");
    }
    sim_text_add(text, "}");
}

static void answer_workflow(struct sim_visit *visit, const struct sim_run *run, bool is_pause)
{
    yyjson_doc *doc = sim_read_json(dify__buffer_slice(is_pause ? &run->paused : &run->finished));
    struct sim_text text;
    sim_text_init(&text, visit->sim->allocator);
    add_id(&text, "{\"task_id\":", run->bindings.task);
    add_id(&text, ",\"workflow_run_id\":", run->bindings.run);
    sim_text_add(&text, ",\"data\":");
    add_workflow_data(&text, run, yyjson_doc_get_root(doc), is_pause);
    sim_text_add(&text, "}");
    yyjson_doc_free(doc);
    sim_answer_json(visit, 200, SIM_ANSWER_SPACED, &text);
}

static const char *mode_name(enum sim_mode mode)
{
    static const char *const names[] = {"workflow",   "advanced-chat", "chat",
                                        "agent-chat", "completion",    "agent"};
    return names[mode];
}

/* Metadata with the member that a stream of 1.16 leaves out. */
static void add_with_annotation(struct sim_text *text, yyjson_val *metadata)
{
    yyjson_val *key;
    yyjson_obj_iter members = yyjson_obj_iter_with(metadata);
    sim_text_add(text, "{\"annotation_reply\":null");
    while ((key = yyjson_obj_iter_next(&members)) != NULL)
        add_member(text, metadata, yyjson_get_str(key));
    sim_text_add(text, "}");
}

/* The metadata of message_end. */
static void add_metadata(struct sim_text *text, const struct sim_run *run)
{
    yyjson_doc *doc = sim_read_json(dify__buffer_slice(&run->message_end));
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
    add_id(&text, "{\"event\":\"message\",\"task_id\":", run->bindings.task);
    add_id(&text, ",\"id\":", run->bindings.message);
    add_id(&text, ",\"message_id\":", run->bindings.message);
    if (run->app->mode != SIM_COMPLETION)
        add_id(&text, ",\"conversation_id\":", run->bindings.conversation);
    add_id(&text, ",\"mode\":", mode_name(run->app->mode));
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
    yyjson_doc *doc = sim_read_json(dify__buffer_slice(&run->paused));
    yyjson_val *data = yyjson_doc_get_root(doc);
    struct sim_text text;
    sim_text_init(&text, visit->sim->allocator);
    add_id(&text, "{\"event\":\"workflow_paused\",\"task_id\":", run->bindings.task);
    add_id(&text, ",\"id\":", run->bindings.message);
    add_id(&text, ",\"message_id\":", run->bindings.message);
    add_id(&text, ",\"conversation_id\":", run->bindings.conversation);
    sim_text_add(&text, ",\"mode\":\"advanced-chat\"");
    add_paused_core(&text, run);
    add_id(&text, ",\"workflow_run_id\":", run->bindings.run);
    add_id(&text, ",\"data\":{\"id\":", run->bindings.message);
    sim_text_add(&text, ",\"mode\":\"advanced-chat\"");
    add_id(&text, ",\"conversation_id\":", run->bindings.conversation);
    add_id(&text, ",\"message_id\":", run->bindings.message);
    add_id(&text, ",\"workflow_run_id\":", run->bindings.run);
    add_paused_core(&text, run);
    add_member(&text, data, "paused_nodes");
    add_member(&text, data, "reasons");
    add_member(&text, data, "status");
    add_member(&text, data, "elapsed_time");
    add_member(&text, data, "total_tokens");
    add_member(&text, data, "total_steps");
    sim_text_add(&text, "}}");
    yyjson_doc_free(doc);
    sim_answer_json(visit, 200, SIM_ANSWER_SPACED, &text);
}

/* An `error` event, as the refusal that it is in blocking mode. */
static void answer_error(struct sim_visit *visit, const struct sim_run *run)
{
    yyjson_doc *doc = sim_read_json(dify__buffer_slice(&run->error));
    yyjson_val *root = yyjson_doc_get_root(doc);
    struct dify_slice code = sim_member_string(root, "code");
    struct sim_text text;
    sim_text_init(&text, visit->sim->allocator);
    sim_text_add(&text, "{\"code\":");
    sim_text_string(&text, code);
    add_member(&text, root, "message");
    add_member(&text, root, "status");
    sim_text_add(&text, "}");
    sim_answer_json(visit, (int)sim_value_int(yyjson_obj_get(root, "status"), 400),
                    SIM_ANSWER_ASCII, &text);
    yyjson_doc_free(doc);
}

/* A chatflow that failed. False if it did not. */
static bool answer_failed_chat(struct sim_visit *visit, const struct sim_run *run)
{
    yyjson_doc *doc = sim_read_json(dify__buffer_slice(&run->finished));
    yyjson_val *data = yyjson_doc_get_root(doc);
    bool has_failed = dify__slice_is(sim_member_string(data, "status"), "failed");
    struct sim_text message;
    if (has_failed) {
        sim_text_init(&message, visit->sim->allocator);
        sim_text_add(&message, "Run failed: ");
        sim_text_put(&message, sim_member_string(data, "error"));
        sim_answer_error(visit, 400, "invalid_param", sim_text_slice(&message));
        sim_text_fini(&message);
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
