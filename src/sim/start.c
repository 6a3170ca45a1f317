/* SPDX-License-Identifier: Apache-2.0
 *
 * start.c: the requests that start a run, in the order of Dify's own checks, and those that stop
 * one.
 */
#include "core/slices.h"
#include "sim/blocking.h"
#include "sim/payload.h"
#include "sim/routes.h"
#include "sim/snapshot.h"
#include "sim/stream.h"
#include "sim/upload.h"

#include <string.h>

/* A request for a run, on its way through the checks. */
struct start {
    struct sim_visit *visit;
    struct sim_payload payload;
    bool is_streaming;
    struct dify_slice query, conversation_id;
    struct sim_text given, prepared, resolved, files;
    struct sim_text refusal; /* what Dify says where the inputs are refused */
    int refusal_status;
    const char *refusal_code;
};

static struct dify_slice member_text(struct start *start, const char *name)
{
    struct dify_slice text = sim_member_string(start->payload.root, name);
    return text.ptr != NULL ? text : DIFY_SLICE("");
}

/* ---- what is refused in any mode ----------------------------------------------------------- */

static bool refuse(struct start *start, int status, const char *code, const char *message)
{
    sim_answer_error(start->visit, status, code, dify__slice(message));
    return false;
}

static bool fits_route(struct start *start, enum sim_model model)
{
    enum sim_mode mode = start->visit->app->mode;
    if (model == SIM_MODEL_WORKFLOW && mode != SIM_WORKFLOW)
        return refuse(start, 400, "not_workflow_app",
                      "Please check if your app mode matches the right API route.");
    if (model == SIM_MODEL_CHAT && (mode == SIM_WORKFLOW || mode == SIM_COMPLETION))
        return refuse(start, 400, "not_chat_app",
                      "Please check if your app mode matches the right API route.");
    if (model == SIM_MODEL_COMPLETION && mode != SIM_COMPLETION)
        return refuse(start, 400, "app_unavailable",
                      "App unavailable, please check your app configurations.");
    return true;
}

/* The app's limit of runs at once. Its counting is broken from 1.13 on: a limit of 1 refuses every
 * stream. */
static bool is_below_limit(struct start *start)
{
    const struct sim_app *app = start->visit->app;
    struct sim *sim = start->visit->sim;
    unsigned active = sim_app_state(sim, app)->active;
    bool is_refused = app->max_active > 0 && active >= app->max_active;
    if (app->max_active == 1 && start->is_streaming && sim_is_at_least(sim, SIM_1_14_2))
        is_refused = true;
    if (!is_refused)
        return true;
    sim_answer_busy(start->visit);
    return false;
}

static bool fits_agent(struct start *start)
{
    enum sim_mode mode = start->visit->app->mode;
    if (mode == SIM_AGENT_CHAT && !start->is_streaming)
        return refuse(start, 400, "invalid_param", "Agent Chat App does not support blocking mode");
    if (mode == SIM_AGENT && !start->is_streaming)
        return refuse(start, 400, "bad_request",
                      "Agent App only supports streaming response mode.");
    return true;
}

/* A workflow's id in the path, or `workflow_id` of a chatflow. */
static bool has_workflow(struct start *start, struct dify_slice id)
{
    const struct sim_app *app = start->visit->app;
    struct sim_text message;
    bool is_malformed = !sim_is_uuid(id);
    if (id.len > 0 && !dify__slice_is(id, app->workflow_id)) {
        sim_text_init(&message, start->visit->sim->allocator);
        sim_text_add(&message, is_malformed ? "Invalid workflow_id format: '"
                                            : "Workflow not found with id: ");
        sim_text_put(&message, id);
        sim_text_add(&message, is_malformed ? "'. " : "");
        sim_answer_message(start->visit, is_malformed ? 400 : 404,
                           is_malformed ? "bad_request" : "not_found", &message);
        return false;
    }
    if (!app->is_published && sim_mode_has_runs(app->mode))
        return refuse(start, 400, "invalid_param", "Workflow not published");
    if (!app->is_published)
        return refuse(start, 400, app->mode == SIM_AGENT ? "invalid_param" : "app_unavailable",
                      app->mode == SIM_AGENT
                          ? "model is required"
                          : "App unavailable, please check your app configurations.");
    return true;
}

/* ---- what a worker finds out, and a stream of 1.13 and later hides ------------------------- */

static void note(struct start *start, int status, const char *code, struct dify_slice message)
{
    start->refusal_status = status;
    start->refusal_code = code;
    sim_text_put(&start->refusal, message);
}

/* What the form's rules say of a file by its id, Dify says by its name. */
static void note_unfit(struct start *start, struct dify_slice message)
{
    static const char head[] = "File validation failed for file: ";
    const size_t len = sizeof(head) - 1;
    const struct sim_file *file = NULL;
    if (message.len > len && memcmp(message.ptr, head, len) == 0)
        file = dify__index_get(&start->visit->sim->files_by_id,
                               (struct dify_slice){message.ptr + len, message.len - len});
    if (file != NULL)
        message.len = len;
    note(start, 400, "invalid_param", message);
    if (file != NULL)
        sim_text_put(&start->refusal, file->name);
}

/* Looks at what `start->refusal` would say; empty if all is well. */
static void check_inputs(struct start *start)
{
    struct sim_visit *visit = start->visit;
    struct sim *sim = visit->sim;
    const struct sim_app *app = visit->app;
    bool is_chat = app->mode != SIM_WORKFLOW && app->mode != SIM_COMPLETION;
    const struct sim_run *first = dify__index_get(&sim->conversations, start->conversation_id);
    struct dify__buffer message = {.allocator = sim->allocator, .max = SIM_BODY_BYTES};
    enum dify_err err;
    if (is_chat && start->query.len == 0) {
        note(start, 400, "invalid_param", DIFY_SLICE("query is required"));
    } else if (is_chat && start->conversation_id.len > 0 &&
               (first == NULL || first->app != app ||
                !dify__slice_equals(dify__buffer_slice(&first->user),
                                    sim_text_slice(&start->payload.user)))) {
        note(start, 404, "not_found",
             DIFY_SLICE("Conversation Not Exists. You have requested this URI [/v1/chat-messages] "
                        "but did you mean /v1/chat-messages or /api/chat-messages or "
                        "/v1/chat-messages/<string:task_id>/stop ?"));
    } else if ((err = dify__form_check(
                    sim_app_state(sim, app)->form,
                    sim_mode_has_runs(app->mode) ? DIFY__FORM_WORKFLOW : DIFY__FORM_CHAT,
                    sim_text_slice(&start->given), &start->prepared.bytes, &message)) ==
               DIFY_ERR_ARGUMENT) {
        note_unfit(start, dify__buffer_slice(&message));
    } else if (err != DIFY_OK) {
        start->refusal.err = err;
    } else if (!sim_upload_resolve(visit, sim_text_slice(&start->prepared),
                                   sim_text_slice(&start->payload.user), &start->resolved,
                                   &start->files, &start->refusal)) {
        start->refusal_status = 400;
        start->refusal_code = "invalid_param";
    }
    dify__buffer_fini(&message);
}

/* Whether something is missing in the texts: no memory for it, or inputs nested too deep. */
static bool is_incomplete(const struct start *start)
{
    return start->given.err != DIFY_OK || start->prepared.err != DIFY_OK ||
           start->resolved.err != DIFY_OK || start->files.err != DIFY_OK ||
           start->refusal.err != DIFY_OK;
}

/* ---- starting ------------------------------------------------------------------------------ */

static bool runs_in_process(const struct start *start)
{
    return !start->is_streaming || !sim_is_at_least(start->visit->sim, SIM_1_14_2) ||
           !sim_mode_has_runs(start->visit->app->mode);
}

static uint64_t queued_ms(const struct start *start)
{
    const struct sim_visit *visit = start->visit;
    return visit->fault.kind == SIM_FAULT_QUEUED
               ? sim_scaled(visit->sim, (double)visit->fault.value * 1000)
               : 0;
}

static void answer_run(struct start *start, struct sim_run *run)
{
    struct sim_visit *visit = start->visit;
    struct sim_wish wish = {.watch = start->is_streaming ? SIM_WATCH_POST : SIM_WATCH_BLOCKING,
                            .on_end = sim_blocking_answer};
    int proxy_status = sim_fault_proxy_status(visit->fault.kind);
    if (visit->fault.kind == SIM_FAULT_RESET_AFTER_START || visit->fault.kind == SIM_FAULT_RESET)
        sim_answer_reset(visit);
    else if (proxy_status != 0)
        sim_answer_proxy(visit, proxy_status);
    else if (sim_stream_open(visit, run, &wish) != DIFY_OK)
        sim_answer_internal(visit);
}

static void start_run(struct start *start)
{
    struct sim_visit *visit = start->visit;
    bool is_refused = start->refusal.bytes.len > 0;
    struct dify_slice inputs = sim_text_slice(is_refused ? &start->given : &start->resolved);
    struct sim_order order = {
        .app = visit->app,
        .user = sim_text_slice(&start->payload.user),
        .query = start->query,
        .given = sim_text_slice(&start->given),
        .prepared = inputs,
        .files = sim_text_slice(&start->files),
        .conversation_id = is_refused ? (struct dify_slice){NULL, 0} : start->conversation_id,
        .in_process = runs_in_process(start),
        .queued_ms = queued_ms(start),
        .dies_after =
            visit->fault.kind == SIM_FAULT_DEAD_WORKER ? (uint64_t)visit->fault.value : UINT64_MAX,
        .never_starts = is_refused};
    struct sim_run *run;
    if (sim_run_new(visit->sim, &order, &run) != DIFY_OK) {
        sim_answer_internal(visit);
        return;
    }
    if (!is_refused)
        sim_count_start(visit->sim, visit->app, order.user, order.given);
    answer_run(start, run);
    /* From 1.15 on a refusal is told by an invented run; before, by nothing. */
    if (is_refused && visit->stream != NULL && sim_is_at_least(visit->sim, SIM_1_16_1))
        sim_stream_invent(visit->stream, sim_text_slice(&start->refusal));
}

/* A refusal is told at once but by the streams of workers, and by those for a conversation that is
 * not there from 1.16 on. */
static bool hides_refusal(const struct start *start)
{
    return !runs_in_process(start) &&
           !(start->refusal_status == 404 && sim_is_at_least(start->visit->sim, SIM_1_16_1));
}

static void serve_checked(struct start *start, enum sim_model model, struct dify_slice workflow_id)
{
    yyjson_val *root = start->payload.root;
    if (!fits_route(start, model) || !sim_payload_check(start->visit, &start->payload, model))
        return;
    /* A New Agent streams unless it is told otherwise, which it refuses. */
    start->is_streaming = yyjson_equals_str(yyjson_obj_get(root, "response_mode"), "streaming") ||
                          (start->visit->app->mode == SIM_AGENT &&
                           !yyjson_equals_str(yyjson_obj_get(root, "response_mode"), "blocking"));
    start->query = member_text(start, "query");
    start->conversation_id = member_text(start, "conversation_id");
    if (workflow_id.ptr == NULL && start->visit->app->mode == SIM_ADVANCED_CHAT)
        workflow_id = member_text(start, "workflow_id");
    if (!is_below_limit(start) || !fits_agent(start) || !has_workflow(start, workflow_id))
        return;
    check_inputs(start);
    if (is_incomplete(start))
        sim_answer_internal(start->visit);
    else if (start->refusal.bytes.len > 0 && !hides_refusal(start))
        sim_answer_error(start->visit, start->refusal_status, start->refusal_code,
                         sim_text_slice(&start->refusal));
    else
        start_run(start);
}

/* Reads the inputs, and counts the request under them and its user. */
static void count_post(struct start *start)
{
    yyjson_val *inputs = yyjson_obj_get(start->payload.root, "inputs");
    struct dify_slice none = {NULL, 0};
    sim_text_value(&start->given, inputs);
    sim_count_post(start->visit->sim, start->visit->app, sim_text_slice(&start->payload.user),
                   yyjson_is_obj(inputs) ? sim_text_slice(&start->given) : none);
}

static void serve(struct sim_visit *visit, enum sim_model model, struct dify_slice workflow_id)
{
    struct start start = {.visit = visit};
    struct sim_text *texts[] = {&start.given, &start.prepared, &start.resolved, &start.files,
                                &start.refusal};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        sim_text_init(texts[i], visit->sim->allocator);
    if (sim_payload_read(visit, &start.payload)) {
        count_post(&start);
        serve_checked(&start, model, workflow_id);
    }
    sim_payload_fini(&start.payload);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        sim_text_fini(texts[i]);
}

static const struct dify_slice no_id = {NULL, 0};

static void workflow_read(struct sim_visit *visit)
{
    serve(visit, SIM_MODEL_WORKFLOW, no_id);
}

static void workflow_by_id_read(struct sim_visit *visit)
{
    serve(visit, SIM_MODEL_WORKFLOW, visit->argument);
}

static void chat_read(struct sim_visit *visit)
{
    serve(visit, SIM_MODEL_CHAT, no_id);
}

static void completion_read(struct sim_visit *visit)
{
    serve(visit, SIM_MODEL_COMPLETION, no_id);
}

void sim_serve_workflow_run(struct sim_visit *visit)
{
    sim_visit_read(visit, workflow_read);
}

void sim_serve_workflow_run_by_id(struct sim_visit *visit)
{
    sim_visit_read(visit, workflow_by_id_read);
}

void sim_serve_chat(struct sim_visit *visit)
{
    sim_visit_read(visit, chat_read);
}

void sim_serve_completion(struct sim_visit *visit)
{
    sim_visit_read(visit, completion_read);
}

/* ---- stopping ------------------------------------------------------------------------------ */

/* Neither the user nor the app is compared with the run's: any app's key stops any run. */
static void stop(struct sim_visit *visit, enum sim_model model)
{
    struct start start = {.visit = visit};
    struct sim_run *run = dify__index_get(&visit->sim->runs_by_task, visit->argument);
    struct sim_text text;
    if (sim_payload_read(visit, &start.payload) && fits_route(&start, model)) {
        if (run != NULL)
            sim_run_stop(run);
        sim_text_init(&text, visit->sim->allocator);
        sim_text_add(&text, "{\"result\":\"success\"}");
        sim_answer_json(visit, 200, SIM_ANSWER_ASCII, &text);
    }
    sim_payload_fini(&start.payload);
}

static void stop_workflow_read(struct sim_visit *visit)
{
    stop(visit, SIM_MODEL_WORKFLOW);
}

static void stop_chat_read(struct sim_visit *visit)
{
    stop(visit, SIM_MODEL_CHAT);
}

static void stop_completion_read(struct sim_visit *visit)
{
    stop(visit, SIM_MODEL_COMPLETION);
}

void sim_serve_stop_workflow(struct sim_visit *visit)
{
    sim_visit_read(visit, stop_workflow_read);
}

void sim_serve_stop_chat(struct sim_visit *visit)
{
    sim_visit_read(visit, stop_chat_read);
}

void sim_serve_stop_completion(struct sim_visit *visit)
{
    sim_visit_read(visit, stop_completion_read);
}
