/* SPDX-License-Identifier: Apache-2.0
 *
 * row.c: see row.h. The run's state itself is not written here.
 */
#include "sim/row.h"

#include "core/slices.h"

#include <string.h>

/* ---- inputs -------------------------------------------------------------------------------- */

static void add_sys_key(struct sim_text *text, bool *is_first, const char *name)
{
    sim_text_add(text, *is_first ? "\"sys." : ",\"sys.");
    *is_first = false;
    sim_text_add(text, name);
    sim_text_add(text, "\":");
}

static void add_sys(struct sim_text *text, bool *is_first, const char *name,
                    struct dify_slice string)
{
    add_sys_key(text, is_first, name);
    sim_text_string(text, string);
}

static void add_sys_int(struct sim_text *text, bool *is_first, const char *name, int64_t number)
{
    add_sys_key(text, is_first, name);
    sim_text_int(text, number);
}

/* The members in each release's order; sys.timestamp is the row's alone. */
static void add_all_sys(struct sim_text *text, const struct sim_run *run,
                        const struct sim_order *order, bool is_first, bool is_row)
{
    bool is_chat = run->app->mode == SIM_ADVANCED_CHAT;
    bool is_old = !sim_is_at_least(run->sim, SIM_1_14_2);
    struct dify_slice user = dify__buffer_slice(&run->user);
    if (is_chat && !is_old)
        add_sys(text, &is_first, "query", order->query);
    add_sys_key(text, &is_first, "files");
    sim_text_add(text, "[]");
    add_sys(text, &is_first, "user_id", user);
    if (is_chat && !is_old)
        add_sys_int(text, &is_first, "dialogue_count", run->turn);
    add_sys(text, &is_first, "app_id", dify__slice(run->app->id));
    if (is_row && !is_chat && !is_old)
        add_sys_int(text, &is_first, "timestamp", run->bindings.start);
    add_sys(text, &is_first, "workflow_id", dify__slice(run->app->workflow_id));
    add_sys(text, &is_first, "workflow_run_id", dify__slice(run->bindings.run));
    if (is_row && !is_chat && is_old)
        add_sys_int(text, &is_first, "timestamp", run->bindings.start);
    if (is_chat && is_old) {
        add_sys(text, &is_first, "query", order->query);
        add_sys_int(text, &is_first, "dialogue_count", run->turn);
    }
}

static enum dify_err make_inputs(const struct sim_run *run, const struct sim_order *order,
                                 bool is_row, struct dify__buffer *out)
{
    struct sim_text text;
    struct dify_slice own = order->prepared;
    enum dify_err err;
    sim_text_init(&text, run->sim->allocator);
    own.len--; /* without the closing brace */
    sim_text_put(&text, own);
    if (own.len > 1)
        sim_text_add(&text, ",");
    if (sim_mode_has_runs(run->app->mode)) {
        add_all_sys(&text, run, order, true, is_row);
    } else { /* shown nowhere, but a described answer may ask for it */
        bool is_first = true;
        add_sys(&text, &is_first, "query", order->query);
    }
    sim_text_add(&text, "}");
    err = text.err;
    if (err == DIFY_OK)
        err = dify__buffer_append(out, text.bytes.ptr, text.bytes.len);
    sim_text_fini(&text);
    return err;
}

enum dify_err sim_row_inputs(struct sim_run *run, const struct sim_order *order)
{
    enum dify_err err = make_inputs(run, order, false, &run->inputs);
    if (err == DIFY_OK)
        err = make_inputs(run, order, true, &run->row_inputs);
    run->bindings.inputs = dify__buffer_slice(&run->inputs);
    run->bindings.user = dify__buffer_slice(&run->user);
    return err;
}

/* ---- nodes --------------------------------------------------------------------------------- */

static struct sim_node *find_node(struct sim_run *run, struct dify_slice id)
{
    size_t place = (size_t)(uintptr_t)dify__index_get(&run->nodes_by_id, id);
    return place > 0 ? &run->nodes[place - 1] : NULL;
}

/* Lets a node be found: its text begins with {"id":"ID". An id that is written otherwise than it is
 * (no server has such) is not found. */
static enum dify_err enter_node(struct sim_run *run, size_t place)
{
    const struct sim_node *node = &run->nodes[place];
    struct dify_slice id = {node->started.ptr + 7, strlen(node->id)};
    if (id.len == 0 || node->started.len < 7 + id.len || memcmp(id.ptr, node->id, id.len) != 0)
        return DIFY_OK;
    return dify__index_put(&run->nodes_by_id, id, (void *)(uintptr_t)(place + 1));
}

/* The members that begin a node's data, up to its index. */
static void add_core(struct sim_text *text, const char *id, yyjson_val *data, size_t index)
{
    sim_text_add(text, "{\"id\":");
    sim_text_string(text, dify__slice(id));
    sim_text_member(text, data, "node_id");
    sim_text_member(text, data, "node_type");
    sim_text_member(text, data, "title");
    sim_text_add(text, ",\"index\":");
    sim_text_int(text, (int64_t)index);
    sim_text_member(text, data, "predecessor_node_id");
    sim_text_add(text, ",\"inputs\":null");
}

static enum dify_err keep(struct dify__buffer *buffer, struct sim_text *text)
{
    enum dify_err err = text->err;
    buffer->len = 0;
    if (err == DIFY_OK)
        err = dify__buffer_append(buffer, text->bytes.ptr, text->bytes.len);
    sim_text_fini(text);
    return err;
}

static enum dify_err start_node(struct sim_run *run, yyjson_val *data, bool is_container)
{
    const struct dify_allocator *allocator = run->sim->allocator;
    struct dify_slice id = sim_member_string(data, "id");
    struct sim_node *node;
    struct sim_text text;
    enum dify_err err = dify__grow(allocator, (void **)&run->nodes, &run->node_capacity,
                                   run->node_count + 1, sizeof(struct sim_node));
    if (err != DIFY_OK || (!is_container && find_node(run, id) != NULL))
        return err;
    node = &run->nodes[run->node_count];
    *node = (struct sim_node){.started_at = run->played + 1, .is_container = is_container};
    node->started = (struct dify__buffer){.allocator = allocator, .max = SIM_TEXT_BYTES};
    node->finished = node->started;
    if (is_container) /* the row has an id of its own, the events have the node's */
        sim_uuid(run->bindings.uuid_seed, -1 - (int64_t)run->node_count, node->id);
    else if (id.len > 0)
        memcpy(node->id, id.ptr, id.len < 39 ? id.len : 39);
    sim_text_init(&text, allocator);
    add_core(&text, node->id, data, run->node_count + 1);
    sim_text_member(&text, data, "created_at");
    sim_text_add(&text, ",\"extras\":{}");
    sim_text_member(&text, data, "iteration_id");
    sim_text_member(&text, data, "loop_id");
    sim_text_add(&text, "}");
    err = keep(&node->started, &text);
    if (err == DIFY_OK)
        err = enter_node(run, run->node_count);
    if (err == DIFY_OK)
        run->node_count++;
    else
        dify__buffer_fini(&node->started);
    return err;
}

static void add_finished_tail(struct sim_text *text, yyjson_val *data)
{
    sim_text_add(text, ",\"files\":[]");
    sim_text_member(text, data, "iteration_id");
    sim_text_member(text, data, "loop_id");
    sim_text_add(text, "}");
}

static void end_node(struct sim_run *run, struct sim_node *node)
{
    node->has_ended = true;
    node->is_seen = false;
    run->ended_node = (size_t)(node - run->nodes) + 1;
}

static enum dify_err finish_node(struct sim_run *run, yyjson_val *data)
{
    struct sim_node *node = find_node(run, sim_member_string(data, "id"));
    struct sim_text text;
    if (node == NULL)
        return DIFY_OK;
    sim_text_init(&text, run->sim->allocator);
    add_core(&text, node->id, data, (size_t)(node - run->nodes) + 1);
    sim_text_add(&text, ",\"process_data\":null,\"outputs\":null");
    sim_text_member(&text, data, "status");
    sim_text_member(&text, data, "error");
    sim_text_member(&text, data, "elapsed_time");
    sim_text_add(&text, ",\"execution_metadata\":null");
    sim_text_member(&text, data, "created_at");
    sim_text_member(&text, data, "finished_at");
    add_finished_tail(&text, data);
    node->finished_at = run->played + 1;
    if (!dify__slice_is(sim_member_string(data, "status"), "paused"))
        end_node(run, node);
    return keep(&node->finished, &text);
}

/* An iteration's or a loop's end: that of the latest which goes on, since the events of all its
 * rounds have the same id. */
static enum dify_err finish_container(struct sim_run *run, yyjson_val *data)
{
    struct dify_slice node_id = sim_member_string(data, "node_id");
    for (size_t i = run->node_count; i > 0; i--) {
        struct sim_node *node = &run->nodes[i - 1];
        struct sim_text text;
        yyjson_doc *doc;
        bool is_it;
        if (!node->is_container || node->has_ended)
            continue;
        sim_text_init(&text, run->sim->allocator);
        doc = sim_text_read(&text, dify__buffer_slice(&node->started));
        is_it = dify__slice_equals(sim_member_string(yyjson_doc_get_root(doc), "node_id"), node_id);
        yyjson_doc_free(doc);
        if (is_it)
            end_node(run, node);
        if (is_it || text.err != DIFY_OK)
            return text.err;
    }
    return DIFY_OK;
}

/* A node that has not ended is shown as if it had; its next end takes that place. `data`: of an
 * event of it; `members`: its status, error and time. */
static enum dify_err show_end(struct sim_run *run, struct sim_node *node, yyjson_val *data,
                              const char *members)
{
    struct sim_text text;
    sim_text_init(&text, run->sim->allocator);
    add_core(&text, node->id, data, (size_t)(node - run->nodes) + 1);
    sim_text_add(&text, ",\"process_data\":null,\"outputs\":null");
    sim_text_add(&text, members);
    sim_text_add(&text, ",\"execution_metadata\":null");
    sim_text_member(&text, data, "created_at");
    sim_text_add(&text, ",\"finished_at\":");
    sim_text_value(&text, yyjson_obj_get(data, "created_at"));
    add_finished_tail(&text, data);
    node->finished_at = run->played + 1;
    return keep(&node->finished, &text);
}

/* A node whose attempt has failed stands in its row as `retry` until the next one has an end. */
static enum dify_err retry_node(struct sim_run *run, yyjson_val *data)
{
    struct sim_node *node = find_node(run, sim_member_string(data, "id"));
    if (node == NULL || node->is_container)
        return DIFY_OK;
    return show_end(run, node, data, ",\"status\":\"retry\",\"error\":null,\"elapsed_time\":0.0");
}

/* The node that waits for its form counts as finished, `paused`. */
static enum dify_err pause_node(struct sim_run *run, struct dify_slice node_id)
{
    for (size_t i = run->node_count; i > 0; i--) {
        struct sim_node *node = &run->nodes[i - 1];
        struct sim_text text;
        sim_text_init(&text, run->sim->allocator);
        yyjson_doc *doc = sim_text_read(&text, dify__buffer_slice(&node->started));
        yyjson_val *data = yyjson_doc_get_root(doc);
        bool is_it = dify__slice_equals(sim_member_string(data, "node_id"), node_id);
        enum dify_err err = text.err;
        if (is_it && err == DIFY_OK)
            err = show_end(run, node, data,
                           ",\"status\":\"paused\",\"error\":null,\"elapsed_time\":0.02");
        yyjson_doc_free(doc);
        if (is_it || err != DIFY_OK)
            return err;
    }
    return DIFY_OK;
}

/* ---- events -------------------------------------------------------------------------------- */

static enum dify_err keep_json(struct sim_run *run, struct dify__buffer *buffer, yyjson_val *value)
{
    struct sim_text text;
    sim_text_init(&text, run->sim->allocator);
    sim_text_value(&text, value);
    return keep(buffer, &text);
}

static enum dify_err add_answer(struct sim_run *run, yyjson_val *event)
{
    struct dify_slice piece = sim_member_string(event, "answer");
    return dify__buffer_append(&run->answer, piece.ptr, piece.len);
}

/* Dify's clock for a run: milliseconds as if it had been played at the recorded speed. */
static int64_t elapsed_us(const struct sim_run *run)
{
    double speed = run->sim->options.speed;
    uint64_t ms = uv_now(run->sim->loop) - run->began_ms;
    return (int64_t)((double)ms * 1000 * (speed > 0 ? speed : 1));
}

enum dify_err sim_row_event(struct sim_run *run, yyjson_val *event)
{
    struct dify_slice name = sim_member_string(event, "event");
    yyjson_val *data = yyjson_obj_get(event, "data");
    run->last_event = SIM_EVENT_OTHER;
    run->ended_node = 0;
    if (dify__slice_is(name, "workflow_started")) {
        if (!run->has_row)
            run->created_at = sim_value_int(yyjson_obj_get(data, "created_at"), 0);
        run->has_row = true;
        return DIFY_OK;
    }
    if (dify__slice_is(name, "node_started"))
        return start_node(run, data, false);
    if (dify__slice_is(name, "iteration_started") || dify__slice_is(name, "loop_started"))
        return start_node(run, data, true);
    if (dify__slice_is(name, "node_retry"))
        return retry_node(run, data);
    if (dify__slice_is(name, "node_finished")) {
        run->last_event = SIM_EVENT_NODE_FINISHED;
        return finish_node(run, data);
    }
    if (dify__slice_is(name, "iteration_completed") || dify__slice_is(name, "loop_completed"))
        return finish_container(run, data);
    if (dify__slice_is(name, "text_chunk")) {
        run->last_event = SIM_EVENT_TEXT;
        return DIFY_OK;
    }
    if (dify__slice_is(name, "message") || dify__slice_is(name, "agent_message")) {
        run->last_event = SIM_EVENT_TEXT;
        return run->message_end.len == 0 ? add_answer(run, event) : DIFY_OK;
    }
    if (dify__slice_is(name, "message_replace")) {
        run->answer.len = 0;
        return add_answer(run, event);
    }
    if (dify__slice_is(name, "message_end"))
        return keep_json(run, &run->message_end, event);
    if (dify__slice_is(name, "error"))
        return keep_json(run, &run->error, event);
    if (dify__slice_is(name, "human_input_required")) {
        enum dify_err err = pause_node(run, sim_member_string(data, "node_id"));
        return err == DIFY_OK ? keep_json(run, &run->form, data) : err;
    }
    if (dify__slice_is(name, "workflow_paused")) {
        enum dify_err err = keep_json(run, &run->paused, data);
        run->is_at_pause = run->is_at_pause || err == DIFY_OK;
        return err;
    }
    if (dify__slice_is(name, "workflow_finished"))
        return keep_json(run, &run->finished, data);
    return DIFY_OK;
}

void sim_row_seen(struct sim_run *run)
{
    if (run->ended_node > 0)
        run->nodes[run->ended_node - 1].is_seen = true;
}

void sim_row_stored(struct sim_run *run, const struct sim_template *data)
{
    run->finished.len = 0;
    if (sim_template_render(data, &run->bindings, &run->finished) != DIFY_OK)
        run->finished.len = 0; /* no memory: the row says `running`, as a killed worker's does */
}

void sim_row_expect(struct sim_run *run)
{
    yyjson_doc *doc;
    int64_t now = sim_now_s(run->sim), due;
    enum dify_err err = sim_read_json(run->sim->allocator, dify__buffer_slice(&run->form), &doc);
    due = sim_value_int(yyjson_obj_get(yyjson_doc_get_root(doc), "expiration_time"), now);
    if (err == DIFY_OK)
        err = http_timer_set(&run->sim->clock, &run->alarm,
                             sim_scaled(run->sim, due > now ? (double)(due - now) * 1000 : 0));
    (void)err; /* no memory: the form never expires */
    yyjson_doc_free(doc);
}

/* ---- stopping ------------------------------------------------------------------------------ */

/* Seconds with six digits behind the point. */
static void add_seconds(struct sim_text *text, int64_t us)
{
    char digits[6];
    int64_t fraction = us % 1000000;
    for (size_t i = 6; i > 0; i--, fraction /= 10)
        digits[i - 1] = (char)('0' + fraction % 10);
    sim_text_int(text, us / 1000000);
    sim_text_add(text, ".");
    sim_text_put(text, (struct dify_slice){digits, 6});
}

static void add_chat_envelope(struct sim_text *json, const struct sim_run *run)
{
    if (run->app->mode != SIM_COMPLETION) {
        sim_text_add(json, ",\"conversation_id\":");
        sim_text_string(json, dify__slice(run->bindings.conversation));
    }
    sim_text_add(json, ",\"message_id\":");
    sim_text_string(json, dify__slice(run->bindings.message));
    sim_text_add(json, ",\"created_at\":");
    sim_text_int(json, run->bindings.start);
    sim_text_add(json, ",\"task_id\":");
    sim_text_string(json, dify__slice(run->bindings.task));
}

static void stopped_chat(const struct sim_run *run, struct sim_text *json)
{
    bool is_new = sim_is_at_least(run->sim, SIM_1_16_1);
    sim_text_add(json, "{\"event\":\"message_end\"");
    add_chat_envelope(json, run);
    sim_text_add(json, ",\"id\":");
    sim_text_string(json, dify__slice(run->bindings.message));
    sim_text_add(json, is_new ? ",\"metadata\":{\"retriever_resources\":[],\"usage\":"
                              : ",\"metadata\":{\"annotation_reply\":null,"
                                "\"retriever_resources\":[],\"usage\":");
    sim_text_add(json, "{\"prompt_tokens\":0,\"prompt_unit_price\":\"0.15\","
                       "\"prompt_price_unit\":\"0.000001\",\"prompt_price\":\"0E-7\","
                       "\"completion_tokens\":0,\"completion_unit_price\":\"0.60\","
                       "\"completion_price_unit\":\"0.000001\",\"completion_price\":\"0E-7\","
                       "\"total_tokens\":0,\"total_price\":\"0E-7\",\"currency\":\"USD\","
                       "\"latency\":");
    add_seconds(json, elapsed_us(run));
    sim_text_add(json, is_new ? "},\"reasoning\":{}},\"files\":[]}"
                              : ",\"time_to_first_token\":null,\"time_to_generate\":null}},"
                                "\"files\":null}");
}

/* Nodes at the top level, which are the steps that Dify counts. An error is that of `json`. */
static size_t count_steps(const struct sim_run *run, struct sim_text *json)
{
    size_t count = 0;
    for (size_t i = 0; i < run->node_count; i++) {
        yyjson_doc *doc = sim_text_read(json, dify__buffer_slice(&run->nodes[i].started));
        yyjson_val *root = yyjson_doc_get_root(doc);
        yyjson_val *iteration = yyjson_obj_get(root, "iteration_id");
        yyjson_val *loop = yyjson_obj_get(root, "loop_id");
        count += !yyjson_is_str(iteration) && !yyjson_is_str(loop);
        yyjson_doc_free(doc);
    }
    return count;
}

static void stopped_workflow(const struct sim_run *run, enum sim_stopper stopper,
                             struct sim_text *json)
{
    bool by_relay = stopper == SIM_STOPPED_BY_RELAY;
    sim_text_add(json, "{\"event\":\"workflow_finished\"");
    if (run->app->mode == SIM_ADVANCED_CHAT)
        add_chat_envelope(json, run);
    sim_text_add(json, ",\"workflow_run_id\":");
    sim_text_string(json, dify__slice(run->bindings.run));
    if (run->app->mode != SIM_ADVANCED_CHAT) {
        sim_text_add(json, ",\"task_id\":");
        sim_text_string(json, dify__slice(run->bindings.task));
    }
    sim_text_add(json, ",\"data\":{\"id\":");
    sim_text_string(json, dify__slice(run->bindings.run));
    sim_text_add(json, ",\"workflow_id\":");
    sim_text_string(json, dify__slice(run->app->workflow_id));
    sim_text_add(json, by_relay || sim_is_at_least(run->sim, SIM_1_16_1)
                           ? ",\"status\":\"stopped\",\"outputs\":{},\"error\":"
                           : ",\"status\":\"failed\",\"outputs\":{},\"error\":");
    sim_text_add(json, by_relay ? "\"Stopped by user.\"" : "\"Aborted: User requested stop\"");
    sim_text_add(json, ",\"elapsed_time\":");
    add_seconds(json, elapsed_us(run));
    sim_text_add(json, ",\"total_tokens\":0,\"total_steps\":");
    sim_text_int(json, (int64_t)count_steps(run, json));
    sim_text_add(json, ",\"created_by\":{\"id\":");
    sim_text_string(json, dify__slice(run->bindings.owner));
    sim_text_add(json, ",\"user\":");
    sim_text_string(json, dify__buffer_slice(&run->user));
    sim_text_add(json, "},\"created_at\":");
    sim_text_int(json, run->created_at);
    sim_text_add(json, ",\"finished_at\":");
    sim_text_int(json, sim_now_s(run->sim));
    sim_text_add(json, ",\"exceptions_count\":0,\"files\":[]}}");
}

enum dify_err sim_row_stopped(const struct sim_run *run, enum sim_stopper stopper,
                              struct sim_text *json)
{
    if (sim_mode_has_runs(run->app->mode))
        stopped_workflow(run, stopper, json);
    else
        stopped_chat(run, json);
    return json->err;
}
