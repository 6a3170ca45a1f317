/* SPDX-License-Identifier: Apache-2.0
 *
 * truth.c: what the simulator tells of itself under /sim/, which no Dify would: what it counted,
 * and what became of each run whatever its client saw.
 */
#include "core/slices.h"
#include "sim/parameter.h"
#include "sim/routes.h"
#include "sim/run.h"
#include "sim/snapshot.h"

#define RUNS_LIMIT 20
#define RUNS_MOST 100

static void add_count(struct sim_text *text, const char *name, uint64_t count)
{
    sim_text_add(text, ",\"");
    sim_text_add(text, name);
    sim_text_add(text, "\":");
    sim_text_int(text, (int64_t)count);
}

/* ---- counts -------------------------------------------------------------------------------- */

/* How many runs were asked for and started with which inputs. */
static void add_tallies(struct sim_text *text, const struct sim *sim)
{
    for (const struct sim_tally *tally = sim->by_inputs.first; tally != NULL; tally = tally->next) {
        sim_text_add(text, tally != sim->by_inputs.first ? ",{\"app\":" : "{\"app\":");
        sim_text_string(text, tally->app->name);
        sim_text_add(text, ",\"inputs\":");
        sim_text_put(text, tally->what);
        add_count(text, "posts", tally->posts);
        add_count(text, "started", tally->started);
        sim_text_add(text, "}");
    }
}

void sim_serve_stats(struct sim_visit *visit)
{
    const struct sim *sim = visit->sim;
    const struct sim_stats *stats = &sim->stats;
    struct sim_text text;
    sim_text_init(&text, sim->allocator);
    sim_text_add(&text, "{\"requests\":");
    sim_text_int(&text, (int64_t)stats->requests);
    add_count(&text, "posts", stats->posts);
    add_count(&text, "runs_started", stats->runs_started);
    add_count(&text, "streams_opened", stats->streams_opened);
    add_count(&text, "faults", stats->faults);
    add_count(&text, "serving", sim->serving);
    add_count(&text, "waiting", sim->waiting);
    add_count(&text, "places_held_most", stats->serving_most);
    add_count(&text, "streams_open", sim->streams);
    add_count(&text, "streams_open_most", stats->streams_most);
    add_count(&text, "abandoned", sim->abandoned);
    add_count(&text, "abandoned_most", stats->abandoned_most);
    add_count(&text, "runs_in_flight", sim->in_flight);
    add_count(&text, "runs_in_flight_most", stats->in_flight_most);
    sim_text_add(&text, ",\"runs\":[");
    add_tallies(&text, sim);
    sim_text_add(&text, "]}");
    sim_answer_json(visit, 200, SIM_ANSWER_ASCII, &text);
}

/* ---- runs ---------------------------------------------------------------------------------- */

static const char *const state_names[] = {"queued", "playing", "paused", "ended"};

static void add_node(struct sim_text *text, const struct sim_node *node)
{
    yyjson_doc *doc = sim_text_read(text, dify__buffer_slice(&node->started));
    yyjson_val *data = yyjson_doc_get_root(doc);
    sim_text_id(text, "{\"id\":", node->id);
    sim_text_member(text, data, "node_id");
    sim_text_member(text, data, "node_type");
    sim_text_add(text, node->is_container ? ",\"container\":true" : ",\"container\":false");
    sim_text_add(text, node->is_seen ? ",\"seen\":true}" : ",\"seen\":false}");
    yyjson_doc_free(doc);
}

/* Nodes that have ended, in the order in which they began. */
static void add_nodes(struct sim_text *text, const struct sim_run *run)
{
    bool is_first = true;
    sim_text_add(text, ",\"nodes\":[");
    for (size_t i = 0; i < run->node_count; i++) {
        if (!run->nodes[i].has_ended)
            continue;
        sim_text_add(text, is_first ? "" : ",");
        is_first = false;
        add_node(text, &run->nodes[i]);
    }
    sim_text_add(text, "]");
}

/* How the row ends it, and how its last event did. */
static void add_ends(struct sim_text *text, const struct sim_run *run)
{
    yyjson_doc *doc = sim_text_read(text, dify__buffer_slice(&run->finished));
    yyjson_val *data = yyjson_doc_get_root(doc);
    sim_text_pair(text, ",\"state\":", dify__slice(state_names[run->state]));
    sim_text_pair(text, ",\"status\":",
                  run->has_row ? sim_run_status(run, data) : (struct dify_slice){NULL, 0});
    sim_text_pair(text, ",\"outcome\":", sim_member_string(data, "status"));
    yyjson_doc_free(doc);
}

static void add_user_counts(struct sim_text *text, const struct sim *sim, struct dify_slice user)
{
    const struct sim_tally *tally = sim_tally_find(&sim->by_user, user);
    add_count(text, "posts", tally != NULL ? tally->posts : 0);
    add_count(text, "started", tally != NULL ? tally->started : 0);
}

static void add_run(struct sim_text *text, const struct sim_run *run)
{
    struct dify_slice user = dify__buffer_slice(&run->user);
    sim_text_id(text, "{\"id\":", run->bindings.run);
    sim_text_id(text, ",\"task_id\":", run->bindings.task);
    if (run->app->mode != SIM_WORKFLOW) {
        sim_text_id(text, ",\"message_id\":", run->bindings.message);
        sim_text_id(text, ",\"conversation_id\":", run->bindings.conversation);
    }
    sim_text_pair(text, ",\"app\":", run->app->name);
    sim_text_pair(text, ",\"user\":", user);
    add_ends(text, run);
    add_user_counts(text, run->sim, user);
    add_nodes(text, run);
    sim_text_add(text, "}");
}

void sim_serve_run(struct sim_visit *visit)
{
    const struct sim_run *run = dify__index_get(&visit->sim->runs_by_id, visit->argument);
    struct sim_text text;
    if (run == NULL)
        run = dify__index_get(&visit->sim->runs_by_task, visit->argument);
    if (run == NULL) {
        sim_answer_error(visit, 404, "not_found", DIFY_SLICE("There is no such run."));
        return;
    }
    sim_text_init(&text, visit->sim->allocator);
    add_run(&text, run);
    sim_answer_json(visit, 200, SIM_ANSWER_ASCII, &text);
}

void sim_serve_runs(struct sim_visit *visit)
{
    const struct sim *sim = visit->sim;
    struct sim_parameter user, page, limit;
    struct sim_text rows, text;
    int64_t total = 0, first, most;
    sim_parameter_read(visit, "user", &user);
    sim_parameter_read(visit, "page", &page);
    sim_parameter_read(visit, "limit", &limit);
    most = sim_parameter_number(&limit, RUNS_LIMIT);
    most = most < RUNS_MOST ? most : RUNS_MOST;
    first = (sim_parameter_number(&page, 1) - 1) * most;
    sim_text_init(&rows, sim->allocator);
    sim_text_init(&text, sim->allocator);
    for (const struct sim_run *run = sim->newest; run != NULL; run = run->older) {
        if (user.text.ptr != NULL && !dify__slice_equals(user.text, dify__buffer_slice(&run->user)))
            continue;
        if (total >= first && total < first + most) {
            sim_text_add(&rows, total > first ? "," : "");
            add_run(&rows, run);
        }
        total++;
    }
    sim_text_add(&text, "{\"total\":");
    sim_text_int(&text, total);
    if (user.text.ptr != NULL) {
        add_user_counts(&text, sim, user.text);
    } else {
        add_count(&text, "posts", sim->stats.posts);
        add_count(&text, "started", sim->stats.runs_started);
    }
    sim_text_add(&text, total > first + most ? ",\"has_more\":true,\"data\":["
                                             : ",\"has_more\":false,\"data\":[");
    sim_text_put(&text, sim_text_slice(&rows));
    sim_text_add(&text, "]}");
    text.err = text.err != DIFY_OK ? text.err : rows.err;
    sim_text_fini(&rows);
    sim_answer_json(visit, 200, SIM_ANSWER_ASCII, &text);
}
