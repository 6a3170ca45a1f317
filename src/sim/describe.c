/* SPDX-License-Identifier: Apache-2.0
 *
 * describe.c: nodes and answers of a described run, in the shapes that Dify 1.14.2 was recorded
 * with. docs/simulator.md tells what can be described.
 */
#include "sim/describe.h"

#include "core/slices.h"
#include "sim/plan.h"

#include <string.h>

/* The iteration that a node stands in; id absent: none. */
struct within {
    struct dify_slice id;
    uint32_t index;
    uint64_t tokens;
    struct dify_decimal price;
};

/* How the run stands. */
struct course {
    struct sim_play play;
    const struct sim_description *description;
    struct dify_slice error; /* that ended the run; absent: none did */
    const yaml_node_t *end_outputs;
};

/* ---- a node's events ----------------------------------------------------------------------- */

static void put_core(struct sim_play *play, const struct sim_plan *node)
{
    sim_play_add(play, "\"id\":");
    sim_play_uuid(play, node->execution);
    sim_play_add(play, ",\"node_id\":");
    sim_play_string(play, node->id);
    sim_play_add(play, ",\"node_type\":");
    sim_play_string(play, node->type);
    sim_play_add(play, ",\"title\":");
    sim_play_string(play, node->title);
    sim_play_add(play, ",\"index\":1,\"predecessor_node_id\":null,\"inputs\":");
}

static void put_within(struct sim_play *play, const struct within *within)
{
    sim_play_add(play, ",\"iteration_id\":");
    if (within->id.ptr != NULL)
        sim_play_string(play, within->id);
    else
        sim_play_add(play, "null");
    sim_play_add(play, ",\"loop_id\":null");
}

static void play_started(struct sim_play *play, struct sim_plan *node, const struct within *within)
{
    node->execution = sim_play_id(play);
    node->started_ms = play->now_ms;
    sim_play_begin(play, "node_started");
    put_core(play, node);
    sim_play_add(play, "null,\"inputs_truncated\":false,\"created_at\":");
    sim_play_time(play, node->started_ms);
    sim_play_add(play, ",\"extras\":{}");
    put_within(play, within);
    sim_play_add(play, ",\"agent_strategy\":null");
    sim_play_end(play);
}

/* A member `padding` of so many bytes. */
static void put_padding(struct sim_play *play, uint32_t size, bool is_first)
{
    char some[1000];
    if (size == 0)
        return;
    memset(some, 'x', sizeof some);
    sim_play_add(play, is_first ? "\"padding\":\"" : ",\"padding\":\"");
    for (uint32_t left = size; left != 0 && play->err == DIFY_OK;) {
        uint32_t len = left < sizeof some ? left : (uint32_t)sizeof some;
        sim_weave_text(&play->weave, (struct dify_slice){some, len});
        left -= len;
    }
    sim_play_add(play, "\"");
}

/* A mapping's members without its braces. */
static bool put_members(struct sim_play *play, const yaml_node_t *mapping)
{
    struct dify__buffer json = {.allocator = play->loader->allocator, .max = SIM_FILE_BYTES};
    bool is_some = false;
    if (mapping != NULL && play->err == DIFY_OK)
        play->err = conf_yaml_json(play->yaml, mapping, &json);
    if (play->err == DIFY_OK && json.len > 2) {
        sim_weave_placeholders(&play->weave, (struct dify_slice){json.ptr + 1, json.len - 2});
        is_some = true;
    }
    dify__buffer_fini(&json);
    return is_some;
}

static void put_outputs(struct sim_play *play, const struct sim_plan *node)
{
    const yaml_node_t *outputs = node->values[NODE_OUTPUTS];
    bool is_first = true;
    sim_play_add(play, "{");
    if (outputs != NULL) {
        is_first = !put_members(play, outputs);
    } else if (node->text.ptr != NULL) {
        bool is_answer = sim_plan_is(node, "answer");
        sim_play_add(play, is_answer ? "\"answer\":" : "\"text\":");
        sim_play_string(play, node->text);
        if (sim_plan_is(node, "llm")) {
            sim_play_add(play, ",\"reasoning_content\":\"\",\"usage\":");
            sim_play_usage(play, &node->usage);
            sim_play_add(play, ",\"finish_reason\":\"stop\"");
        }
        sim_play_add(play, is_answer ? ",\"files\":[]" : "");
        is_first = false;
    }
    put_padding(play, node->size, is_first);
    sim_play_add(play, "}");
}

static void put_metadata(struct sim_play *play, const struct sim_plan *node,
                         const struct within *within)
{
    bool is_inside = within->id.ptr != NULL;
    bool is_handled = node->error.ptr != NULL && node->goes_on;
    if (!node->has_usage && !is_inside && !is_handled) {
        sim_play_add(play, "null");
        return;
    }
    const char *comma = "";
    sim_play_add(play, "{");
    if (node->has_usage) {
        sim_play_add(play, "\"total_tokens\":");
        sim_weave_int(&play->weave, node->usage.tokens);
        sim_play_add(play, ",\"total_price\":");
        sim_play_string(play, node->usage.price);
        sim_play_add(play, ",\"currency\":");
        sim_play_string(play, node->usage.currency);
        comma = ",";
    }
    if (is_handled) {
        sim_play_add(play, comma);
        sim_play_add(play, "\"error_strategy\":\"default-value\"");
        comma = ",";
    }
    if (is_inside) {
        sim_play_add(play, comma);
        sim_play_add(play, "\"iteration_id\":");
        sim_play_string(play, within->id);
        sim_play_add(play, ",\"iteration_index\":");
        sim_weave_int(&play->weave, within->index);
    }
    sim_play_add(play, "}");
}

/* node_finished, or node_retry for an attempt from 1. */
static void play_finished(struct sim_play *play, const struct sim_plan *node,
                          const struct within *within, const char *status, struct dify_slice error,
                          uint32_t retry)
{
    bool is_whole = retry == 0 && (error.ptr == NULL || node->goes_on);
    sim_play_begin(play, retry != 0 ? "node_retry" : "node_finished");
    put_core(play, node);
    sim_play_json(play, node->values[NODE_INPUTS], "{}");
    sim_play_add(play, ",\"inputs_truncated\":false,\"process_data\":");
    sim_play_json(play, node->values[NODE_PROCESS], "{}");
    sim_play_add(play, ",\"process_data_truncated\":false,\"outputs\":");
    if (is_whole)
        put_outputs(play, node);
    else
        sim_play_add(play, "{}");
    sim_play_add(play, ",\"outputs_truncated\":false,\"status\":\"");
    sim_play_add(play, status);
    sim_play_add(play, "\",\"error\":");
    if (error.ptr != NULL)
        sim_play_string(play, error);
    else
        sim_play_add(play, "null");
    sim_play_add(play, ",\"elapsed_time\":");
    sim_play_seconds(play, play->now_ms - node->started_ms);
    sim_play_add(play, ",\"execution_metadata\":");
    if (retry != 0 && within->id.ptr == NULL)
        sim_play_add(play, "null");
    else
        put_metadata(play, node, within);
    sim_play_add(play, ",\"created_at\":");
    sim_play_time(play, node->started_ms);
    sim_play_add(play, ",\"finished_at\":");
    sim_play_time(play, play->now_ms);
    sim_play_add(play, ",\"files\":[]");
    put_within(play, within);
    if (retry != 0) {
        sim_play_add(play, ",\"retry_index\":");
        sim_weave_int(&play->weave, retry);
    }
    sim_play_end(play);
}

/* The node's work: its text comes in pieces, or its time passes. */
static void play_work(struct sim_play *play, const struct sim_plan *node)
{
    if (node->text.ptr == NULL) {
        sim_play_wait(play, node->ms);
        return;
    }
    const char *event = play->app->mode == SIM_WORKFLOW ? "text_chunk" : "message";
    sim_play_text(play, node->text, node->chunks, node->ms, event, node->id);
}

static void add_price(struct dify_decimal *sum, struct dify_slice price)
{
    struct dify_decimal term;
    if (dify_decimal_parse(price, &term) == DIFY_OK)
        dify_decimal_add(sum, &term);
}

static void play_plain_node(struct course *course, struct sim_plan *node, struct within *within)
{
    struct sim_play *play = &course->play;
    const struct dify_slice none = {NULL, 0};
    play_started(play, node, within);
    for (uint32_t retry = 1; retry <= node->retries; retry++) {
        play_work(play, node);
        play_finished(play, node, within, "retry",
                      node->error.ptr != NULL ? node->error : DIFY_SLICE("attempt failed"), retry);
        play->exceptions++;
        play->node_steps += within->id.ptr == NULL;
    }
    bool is_failed = node->error.ptr != NULL && !node->goes_on;
    play_work(play, node);
    if (node->error.ptr == NULL)
        play_finished(play, node, within, "succeeded", none, 0);
    else
        play_finished(play, node, within, is_failed ? "failed" : "exception", node->error, 0);
    play->exceptions += node->error.ptr != NULL;
    play->node_steps += within->id.ptr == NULL;
    play->tokens += node->usage.tokens;
    within->tokens += node->usage.tokens;
    add_price(&within->price, node->usage.price);
    if (is_failed)
        course->error = node->error;
    if (node->text.ptr != NULL && play->app->mode != SIM_WORKFLOW && play->err == DIFY_OK)
        play->err = dify__buffer_append(&play->answer, node->text.ptr, node->text.len);
    if (sim_plan_is(node, "end"))
        course->end_outputs = node->values[NODE_OUTPUTS];
}

/* ---- iterations ---------------------------------------------------------------------------- */

static void put_container(struct sim_play *play, const struct sim_plan *node)
{
    sim_play_add(play, "\"id\":");
    sim_play_string(play, node->id);
    sim_play_add(play, ",\"node_id\":");
    sim_play_string(play, node->id);
    sim_play_add(play, ",\"node_type\":\"iteration\",\"title\":");
    sim_play_string(play, node->title);
}

static void put_items(struct sim_play *play, const struct sim_plan *node)
{
    sim_play_add(play, "\"inputs\":{\"iterator_selector\":[");
    for (uint32_t i = 0; i < node->over; i++) {
        sim_play_add(play, i != 0 ? "," : "");
        sim_weave_int(&play->weave, i);
    }
    sim_play_add(play, "]},\"inputs_truncated\":false");
}

static void play_iteration_started(struct sim_play *play, struct sim_plan *node)
{
    node->started_ms = play->now_ms;
    sim_play_begin(play, "iteration_started");
    put_container(play, node);
    sim_play_add(play, ",\"created_at\":");
    sim_play_time(play, play->now_ms);
    sim_play_add(play, ",\"extras\":{},\"metadata\":{\"iteration_length\":");
    sim_weave_int(&play->weave, node->over);
    sim_play_add(play, "},");
    put_items(play, node);
    sim_play_end(play);
}

static void play_iteration_next(struct sim_play *play, const struct sim_plan *node, uint32_t index)
{
    sim_play_begin(play, "iteration_next");
    put_container(play, node);
    sim_play_add(play, ",\"index\":");
    sim_weave_int(&play->weave, index);
    sim_play_add(play, ",\"created_at\":");
    sim_play_time(play, play->now_ms);
    sim_play_add(play, ",\"extras\":{}");
    sim_play_end(play);
}

static void play_iteration_completed(struct course *course, const struct sim_plan *node,
                                     const struct within *within)
{
    struct sim_play *play = &course->play;
    char price[DIFY_DECIMAL_TEXT_BYTES];
    size_t len = dify_decimal_format(&within->price, price);
    sim_play_begin(play, "iteration_completed");
    put_container(play, node);
    sim_play_add(play, ",\"outputs\":");
    if (node->values[NODE_OUTPUTS] != NULL)
        put_outputs(play, node);
    else
        sim_play_add(play, "{\"output\":[]}");
    sim_play_add(play, ",\"outputs_truncated\":false,\"created_at\":");
    sim_play_time(play, play->now_ms);
    sim_play_add(play, ",\"extras\":{},");
    put_items(play, node);
    sim_play_add(play, course->error.ptr != NULL ? ",\"status\":\"failed\""
                                                 : ",\"status\":\"succeeded\"");
    sim_play_add(play, ",\"error\":null,\"elapsed_time\":");
    sim_play_seconds(play, play->now_ms - node->started_ms);
    sim_play_add(play, ",\"total_tokens\":");
    sim_weave_int(&play->weave, (int64_t)within->tokens);
    sim_play_add(play, ",\"execution_metadata\":{\"total_tokens\":");
    sim_weave_int(&play->weave, (int64_t)within->tokens);
    sim_play_add(play, ",\"total_price\":");
    sim_play_string(play, (struct dify_slice){price, len});
    sim_play_add(play, ",\"currency\":");
    sim_play_string(play, play->currency);
    sim_play_add(play, ",\"iteration_duration_map\":{}},\"finished_at\":");
    sim_play_time(play, play->now_ms);
    sim_play_add(play, ",\"steps\":");
    sim_weave_int(&play->weave, node->over);
    sim_play_end(play);
}

static void play_nodes(struct course *course, const yaml_node_t *list, struct within *within);

static void play_iteration(struct course *course, struct sim_plan *node)
{
    struct sim_play *play = &course->play;
    struct within within = {.id = node->id, .price = DIFY_DECIMAL_ZERO};
    play_iteration_started(play, node);
    for (uint32_t i = 0; i < node->over && course->error.ptr == NULL && play->err == DIFY_OK; i++) {
        within.index = i;
        play_iteration_next(play, node, i);
        play_nodes(course, node->values[NODE_NODES], &within);
    }
    if (play->err == DIFY_OK)
        play_iteration_completed(course, node, &within);
    play->node_steps++;
}

/* ---- runs ---------------------------------------------------------------------------------- */

static void play_node(struct course *course, const yaml_node_t *source, struct within *within)
{
    struct sim_plan node;
    struct sim_play *play = &course->play;
    if (play->err == DIFY_OK)
        play->err = sim_plan_read(play->yaml, source, within->id.ptr != NULL, &node);
    if (play->err != DIFY_OK)
        return;
    node.usage.currency = play->currency;
    if (sim_plan_is(&node, "human-input"))
        play->err = conf_yaml_fail(play->yaml, source,
                                   "a form cannot be described yet; a recorded one can be played");
    else if (sim_plan_is(&node, "iteration"))
        play_iteration(course, &node);
    else
        play_plain_node(course, &node, within);
}

static void play_nodes(struct course *course, const yaml_node_t *list, struct within *within)
{
    struct sim_play *play = &course->play;
    if (!conf_yaml_is_list(list) || conf_yaml_count(list) == 0) {
        play->err = conf_yaml_fail(play->yaml, list, "nodes is a list of nodes");
        return;
    }
    for (size_t i = 0; i < conf_yaml_count(list) && play->err == DIFY_OK; i++) {
        if (course->error.ptr != NULL)
            return; /* what fails ends the run */
        play_node(course, conf_yaml_item(play->yaml, list, i), within);
    }
}

static void play_run_started(struct course *course)
{
    struct sim_play *play = &course->play;
    sim_play_wait(play, 20);
    play->started_ms = play->now_ms;
    sim_play_begin(play, "workflow_started");
    sim_play_add(play, "\"id\":\"");
    sim_weave_hole(&play->weave, SIM_HOLE_RUN, 0);
    sim_play_add(play, "\",\"workflow_id\":\"");
    sim_play_add(play, play->app->workflow_id);
    sim_play_add(play, "\",\"inputs\":");
    sim_weave_hole(&play->weave, SIM_HOLE_INPUTS, 0);
    sim_play_add(play, ",\"created_at\":");
    sim_play_time(play, play->now_ms);
    sim_play_add(play, course->description->is_resumption ? ",\"reason\":\"resumption\""
                                                          : ",\"reason\":\"initial\"");
    sim_play_end(play);
    sim_play_wait(play, 5);
}

static void put_run_outputs(struct course *course)
{
    struct sim_play *play = &course->play;
    const yaml_node_t *outputs =
        course->description->outputs != NULL ? course->description->outputs : course->end_outputs;
    if (outputs != NULL || play->app->mode == SIM_WORKFLOW || course->error.ptr != NULL) {
        sim_play_json(play, course->error.ptr == NULL ? outputs : NULL, "{}");
        return;
    }
    sim_play_add(play, "{\"answer\":");
    sim_play_string(play, dify__buffer_slice(&play->answer));
    sim_play_add(play, ",\"files\":[]}");
}

static const char *run_status(struct course *course)
{
    static const char *const statuses[] = {"succeeded", "failed", "partial-succeeded", "stopped",
                                           NULL};
    struct sim_play *play = &course->play;
    unsigned status = course->error.ptr != NULL ? 1 : play->exceptions != 0 ? 2 : 0;
    if (course->description->status != NULL && play->err == DIFY_OK)
        play->err =
            conf_yaml_word(play->yaml, course->description->status, "status", statuses, &status);
    return statuses[status];
}

static void play_message_end(struct sim_play *play, const struct sim_usage *usage)
{
    bool is_run = play->app->mode == SIM_ADVANCED_CHAT;
    sim_play_begin_flat(play, "message_end");
    sim_play_add(play, "\"id\":\"");
    sim_weave_hole(&play->weave, SIM_HOLE_MESSAGE, 0);
    sim_play_add(play, "\",\"metadata\":{\"annotation_reply\":null,\"retriever_resources\":[],"
                       "\"usage\":");
    sim_play_usage(play, usage);
    sim_play_add(play, is_run ? "},\"files\":[]" : "},\"files\":null");
    sim_play_end_flat(play);
}

static void play_run_finished(struct course *course, const struct within *within)
{
    struct sim_play *play = &course->play;
    const char *status = run_status(course);
    if (play->app->mode == SIM_ADVANCED_CHAT && course->error.ptr == NULL) {
        char price[DIFY_DECIMAL_TEXT_BYTES];
        size_t len = dify_decimal_format(&within->price, price);
        const struct sim_usage usage = {.tokens = (uint32_t)play->tokens,
                                        .price = {price, len},
                                        .currency = play->currency,
                                        .ms = play->now_ms - play->started_ms};
        play_message_end(play, &usage);
    }
    sim_play_begin(play, "workflow_finished");
    sim_play_add(play, "\"id\":\"");
    sim_weave_hole(&play->weave, SIM_HOLE_RUN, 0);
    sim_play_add(play, "\",\"workflow_id\":\"");
    sim_play_add(play, play->app->workflow_id);
    sim_play_add(play, "\",\"status\":\"");
    sim_play_add(play, status);
    sim_play_add(play, "\",\"outputs\":");
    put_run_outputs(course);
    sim_play_add(play, ",\"error\":");
    if (course->error.ptr != NULL)
        sim_play_string(play, course->error);
    else
        sim_play_add(play, "null");
    sim_play_add(play, ",\"elapsed_time\":");
    sim_play_seconds(play, play->now_ms - play->started_ms);
    sim_play_add(play, ",\"total_tokens\":");
    sim_weave_int(&play->weave, (int64_t)play->tokens);
    sim_play_add(play, ",\"total_steps\":");
    sim_weave_int(&play->weave, play->node_steps);
    sim_play_add(play, ",\"created_by\":{\"id\":\"");
    sim_weave_hole(&play->weave, SIM_HOLE_OWNER, 0);
    sim_play_add(play, "\",\"user\":\"");
    sim_weave_hole(&play->weave, SIM_HOLE_USER, 0);
    sim_play_add(play, "\"},\"created_at\":");
    sim_play_time(play, play->started_ms);
    sim_play_add(play, ",\"finished_at\":");
    sim_play_time(play, play->now_ms);
    sim_play_add(play, ",\"exceptions_count\":");
    sim_weave_int(&play->weave, play->exceptions);
    sim_play_add(play, ",\"files\":[]");
    sim_play_end(play);
}

static void play_run(struct course *course)
{
    struct sim_play *play = &course->play;
    struct within top = {.price = DIFY_DECIMAL_ZERO};
    play_run_started(course);
    play_nodes(course, course->description->nodes, &top);
    if (course->description->error != NULL && play->err == DIFY_OK)
        play->err = conf_yaml_text(play->yaml, course->description->error, "error", &course->error);
    sim_play_wait(play, 10);
    if (play->err == DIFY_OK)
        play_run_finished(course, &top);
}

/* ---- answers of chat, agent and completion apps -------------------------------------------- */

static const char *const answer_keys[] = {"text",  "seconds", "chunks", "tokens",
                                          "price", "error",   NULL};
enum {
    ANSWER_TEXT,
    ANSWER_SECONDS,
    ANSWER_CHUNKS,
    ANSWER_TOKENS,
    ANSWER_PRICE,
    ANSWER_ERROR,
    ANSWER_KEYS
};

struct answer {
    struct dify_slice text, error;
    uint32_t ms, chunks;
    struct sim_usage usage;
};

static enum dify_err read_answer(struct course *course, struct answer *answer)
{
    struct conf_yaml *yaml = course->play.yaml;
    const yaml_node_t *source = course->description->answer;
    yaml_node_t *values[ANSWER_KEYS];
    *answer =
        (struct answer){.ms = 500,
                        .chunks = 10,
                        .usage = {.price = DIFY_SLICE("0"), .currency = course->play.currency}};
    if (conf_yaml_is_text(source))
        return conf_yaml_text(yaml, source, "an answer", &answer->text);
    enum dify_err err = conf_yaml_members(yaml, source, "an answer", answer_keys, values);
    if (err == DIFY_OK)
        err = sim_read_text(yaml, values[ANSWER_TEXT], "text", &answer->text);
    if (err == DIFY_OK)
        err = sim_read_text(yaml, values[ANSWER_ERROR], "error", &answer->error);
    if (err == DIFY_OK && values[ANSWER_SECONDS] != NULL)
        err = conf_yaml_seconds(yaml, values[ANSWER_SECONDS], "seconds", &answer->ms);
    if (err == DIFY_OK)
        err =
            sim_read_uint(yaml, values[ANSWER_CHUNKS], "chunks", SIM_SCRIPT_STEPS, &answer->chunks);
    if (err == DIFY_OK)
        err = sim_read_usage(yaml, values[ANSWER_TOKENS], values[ANSWER_PRICE], &answer->usage);
    answer->usage.ms = answer->ms;
    return err;
}

static void play_thought(struct sim_play *play, int64_t id, struct dify_slice thought)
{
    sim_play_begin_flat(play, "agent_thought");
    sim_play_add(play, "\"id\":");
    sim_play_uuid(play, id);
    sim_play_add(play, ",\"position\":1,\"thought\":");
    sim_play_string(play, thought);
    sim_play_add(play, ",\"observation\":\"\",\"tool\":\"\",\"tool_labels\":{},"
                       "\"tool_input\":\"\",\"message_files\":[]");
    sim_play_end_flat(play);
}

static void play_error(struct sim_play *play, struct dify_slice message)
{
    sim_play_begin_flat(play, "error");
    sim_play_add(play, "\"code\":\"completion_request_error\",\"status\":400,\"message\":");
    sim_play_string(play, message);
    sim_play_end_flat(play);
}

static void play_answer(struct course *course)
{
    struct sim_play *play = &course->play;
    struct answer answer;
    const struct dify_slice none = {NULL, 0};
    enum sim_mode mode = play->app->mode;
    bool is_agent = mode == SIM_AGENT_CHAT || mode == SIM_AGENT;
    play->err = read_answer(course, &answer);
    if (play->err != DIFY_OK)
        return;
    int64_t thought = is_agent ? sim_play_id(play) : 0;
    sim_play_wait(play, 20);
    if (is_agent)
        play_thought(play, thought, DIFY_SLICE(""));
    sim_play_text(play, answer.text, answer.chunks, answer.ms,
                  is_agent ? "agent_message" : "message", none);
    if (answer.error.ptr != NULL) {
        play_error(play, answer.error);
        return;
    }
    if (mode == SIM_AGENT_CHAT)
        play_thought(play, thought, answer.text);
    if (mode == SIM_AGENT)
        sim_play_text(play, answer.text, 1, 0, "message", none);
    play_message_end(play, &answer.usage);
}

/* ---- all of it ----------------------------------------------------------------------------- */

static enum dify_err check(struct conf_yaml *yaml, const struct sim_description *description,
                           const struct sim_app *app)
{
    bool is_run = app->mode == SIM_WORKFLOW || app->mode == SIM_ADVANCED_CHAT;
    if (is_run && description->nodes == NULL)
        return conf_yaml_fail(yaml, description->run,
                              "a run of a workflow or chatflow is described by nodes");
    if (!is_run &&
        (description->answer == NULL || description->nodes != NULL ||
         description->outputs != NULL || description->status != NULL || description->error != NULL))
        return conf_yaml_fail(yaml, description->run,
                              "a run of a chat, agent or completion app is described by its answer "
                              "alone");
    if (is_run && description->answer != NULL)
        return conf_yaml_fail(yaml, description->answer,
                              "a chatflow's answer is the text of its nodes");
    return sim_check_mapping(yaml, description->outputs, "outputs");
}

enum dify_err sim_describe(struct conf_yaml *yaml, const struct sim_description *description,
                           struct sim_cutter *cutter, const struct sim_app *app,
                           struct sim_script *script)
{
    struct course course = {.description = description};
    enum dify_err err = check(yaml, description, app);
    if (err != DIFY_OK)
        return err;
    sim_play_init(&course.play, yaml, cutter, app, description->run);
    if (description->currency != NULL)
        course.play.err =
            conf_yaml_text(yaml, description->currency, "currency", &course.play.currency);
    if (course.play.err == DIFY_OK && description->nodes != NULL)
        play_run(&course);
    else if (course.play.err == DIFY_OK)
        play_answer(&course);
    err = sim_play_finish(&course.play, script);
    script->end = SIM_ENDS;
    sim_play_fini(&course.play);
    return err;
}
