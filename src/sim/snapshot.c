/* SPDX-License-Identifier: Apache-2.0
 *
 * snapshot.c: see snapshot.h. Nothing of a run is written here.
 */
#include "sim/snapshot.h"

#include "core/slices.h"

/* {"event":NAME,"task_id":…,"workflow_run_id":…,"data": */
static void begin_frame(struct sim_text *text, const struct sim_run *run, const char *name,
                        const char *task)
{
    sim_text_id(text, "data: {\"event\":", name);
    sim_text_id(text, ",\"task_id\":", task);
    sim_text_id(text, ",\"workflow_run_id\":", run->bindings.run);
    sim_text_add(text, ",\"data\":");
}

/* What ends a frame; a chatflow's ids come last. */
static void end_frame(struct sim_text *text, const struct sim_run *run)
{
    if (run->app->mode == SIM_ADVANCED_CHAT) {
        sim_text_id(text, ",\"conversation_id\":", run->bindings.conversation);
        sim_text_id(text, ",\"message_id\":", run->bindings.message);
        sim_text_add(text, ",\"created_at\":");
        sim_text_int(text, run->created_at);
    }
    sim_text_add(text, "}\n\n");
}

static void add_start(struct sim_text *text, const struct sim_run *run, const char *task)
{
    begin_frame(text, run, "workflow_started", task);
    sim_text_id(text, "{\"id\":", run->bindings.run);
    sim_text_id(text, ",\"workflow_id\":", run->app->workflow_id);
    sim_text_add(text, ",\"inputs\":");
    sim_text_put(text, dify__buffer_slice(&run->row_inputs));
    sim_text_add(text, ",\"created_at\":");
    sim_text_int(text, run->created_at);
    sim_text_add(text, ",\"reason\":\"initial\"}");
    end_frame(text, run);
}

static void add_answer(struct sim_text *text, const struct sim_run *run, const char *task)
{
    /* The answer is stored when the message ends: until then it is empty. */
    sim_text_id(text, "data: {\"event\":\"message_replace\",\"task_id\":", task);
    sim_text_add(text, ",\"answer\":\"\",\"reason\":\"\"");
    end_frame(text, run);
}

static void add_node(struct sim_text *text, const struct sim_run *run, const char *task,
                     const struct sim_node *node, uint64_t as_of)
{
    if (node->started_at > as_of)
        return;
    begin_frame(text, run, "node_started", task);
    sim_text_put(text, dify__buffer_slice(&node->started));
    end_frame(text, run);
    if (node->finished.len == 0 || node->finished_at > as_of)
        return;
    begin_frame(text, run, "node_finished", task);
    sim_text_put(text, dify__buffer_slice(&node->finished));
    end_frame(text, run);
}

/* The node that waits for its form: it has started, and is shown as finished with status `paused`,
 * which workflow_paused alone says live. */
static void add_pause(struct sim_text *text, const struct sim_run *run, const char *task)
{
    yyjson_doc *doc = sim_text_read(text, dify__buffer_slice(&run->paused));
    yyjson_val *data = yyjson_doc_get_root(doc), *key;
    yyjson_obj_iter members = yyjson_obj_iter_with(data);
    bool is_first = true;
    if (run->form.len > 0) {
        begin_frame(text, run, "human_input_required", task);
        sim_text_put(text, dify__buffer_slice(&run->form));
        end_frame(text, run);
    }
    begin_frame(text, run, "workflow_paused", task);
    sim_text_add(text, "{");
    while ((key = yyjson_obj_iter_next(&members)) != NULL) {
        if (!is_first)
            sim_text_add(text, ",");
        is_first = false;
        sim_text_string(text, sim_value_string(key));
        sim_text_add(text, ":");
        if (yyjson_equals_str(key, "elapsed_time"))
            sim_text_add(text, "0.0");
        else
            sim_text_value(text, yyjson_obj_iter_get_val(key));
    }
    sim_text_add(text, "}");
    end_frame(text, run);
    yyjson_doc_free(doc);
}

void sim_snapshot(const struct sim_run *run, uint64_t as_of, const char *task,
                  struct sim_text *frames)
{
    if (!run->has_row)
        return;
    add_start(frames, run, task);
    if (run->app->mode == SIM_ADVANCED_CHAT)
        add_answer(frames, run, task);
    for (size_t i = 0; i < run->node_count; i++)
        add_node(frames, run, task, &run->nodes[i], as_of);
    if (run->state == SIM_RUN_PAUSED && !run->was_form_sent)
        add_pause(frames, run, task);
}

struct dify_slice sim_run_status(const struct sim_run *run, yyjson_val *finished)
{
    if (run->is_aborted)
        return DIFY_SLICE("stopped");
    if (sim_run_is_final(run) && finished != NULL)
        return sim_member_string(finished, "status");
    if (run->state == SIM_RUN_PAUSED)
        return DIFY_SLICE("paused");
    return DIFY_SLICE("running");
}

/* Who started the run, by the row; an invented end had nobody. */
static void add_owner(struct sim_text *text, const struct sim_run *run)
{
    sim_text_id(text, "{\"id\":", run->bindings.owner);
    sim_text_add(text, ",\"user\":");
    sim_text_string(text, dify__buffer_slice(&run->user));
    sim_text_add(text, "}");
}

void sim_snapshot_finished(const struct sim_run *run, struct sim_text *frame)
{
    yyjson_doc *doc = sim_text_read(frame, dify__buffer_slice(&run->finished));
    yyjson_val *data = yyjson_doc_get_root(doc), *key;
    yyjson_obj_iter members = yyjson_obj_iter_with(data);
    struct sim_text compact;
    bool is_first = true;
    sim_text_init(&compact, run->sim->allocator);
    sim_text_id(&compact, "{\"event\":", "workflow_finished");
    sim_text_id(&compact, ",\"task_id\":", run->bindings.run);
    sim_text_id(&compact, ",\"workflow_run_id\":", run->bindings.run);
    sim_text_add(&compact, ",\"data\":{");
    while ((key = yyjson_obj_iter_next(&members)) != NULL) {
        if (!is_first)
            sim_text_add(&compact, ",");
        is_first = false;
        sim_text_string(&compact, sim_value_string(key));
        sim_text_add(&compact, ":");
        if (yyjson_equals_str(key, "status"))
            sim_text_string(&compact, sim_run_status(run, data));
        else if (yyjson_equals_str(key, "created_at"))
            sim_text_int(&compact, run->created_at);
        else if (yyjson_equals_str(key, "created_by"))
            add_owner(&compact, run);
        else
            sim_text_value(&compact, yyjson_obj_iter_get_val(key));
    }
    sim_text_add(&compact, "}}");
    sim_text_add(frame, "data: ");
    if (frame->err == DIFY_OK && (frame->err = compact.err) == DIFY_OK)
        frame->err = dify__style_text(sim_text_slice(&compact), DIFY__STYLE_SPACED, &frame->bytes);
    sim_text_add(frame, "\n\n");
    sim_text_fini(&compact);
    yyjson_doc_free(doc);
}

void sim_snapshot_invented(const struct sim_run *run, struct dify_slice error, bool is_whole,
                           struct sim_text *frames)
{
    const char *id = run->bindings.run, *task = is_whole ? id : run->bindings.task;
    int64_t now = sim_now_s(run->sim);
    if (is_whole) {
        sim_text_id(frames, "data: {\"event\":\"workflow_started\",\"task_id\":", id);
        sim_text_id(frames, ",\"workflow_run_id\":", id);
        sim_text_id(frames, ",\"data\":{\"id\":", id);
        sim_text_id(frames, ",\"workflow_id\":", run->app->workflow_id);
        sim_text_add(frames, ",\"inputs\":");
        sim_text_put(frames, dify__buffer_slice(&run->given));
        sim_text_add(frames, ",\"created_at\":");
        sim_text_int(frames, now);
        sim_text_add(frames, ",\"reason\":\"initial\"}}\n\n");
    }
    sim_text_id(frames, "data: {\"event\":\"workflow_finished\",\"task_id\":", task);
    sim_text_id(frames, ",\"workflow_run_id\":", id);
    sim_text_id(frames, ",\"data\":{\"id\":", id);
    sim_text_id(frames, ",\"workflow_id\":", run->app->workflow_id);
    sim_text_add(frames, ",\"status\":\"failed\",\"outputs\":null,\"error\":");
    sim_text_string(frames, error);
    sim_text_add(frames, ",\"elapsed_time\":0.0,\"total_tokens\":0,\"total_steps\":0,"
                         "\"created_by\":{},\"created_at\":");
    sim_text_int(frames, is_whole ? now : run->created_at);
    sim_text_add(frames, ",\"finished_at\":");
    sim_text_int(frames, now);
    sim_text_add(frames, ",\"exceptions_count\":1,\"files\":[]}}\n\n");
}
