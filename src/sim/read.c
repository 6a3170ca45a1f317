/* SPDX-License-Identifier: Apache-2.0
 *
 * read.c: the requests that only read: a run's detail, logs, events, an app's own data.
 */
#include "core/slices.h"
#include "sim/parameter.h"
#include "sim/payload.h"
#include "sim/routes.h"
#include "sim/snapshot.h"
#include "sim/stream.h"

#include <string.h>
#include <time.h>

/* ---- an app's own data --------------------------------------------------------------------- */

static void answer_app(struct sim_visit *visit, struct dify_slice json)
{
    struct sim_text text;
    if (json.len == 0) {
        sim_answer_internal(visit);
        return;
    }
    sim_text_init(&text, visit->sim->allocator);
    sim_text_put(&text, json);
    sim_answer_json(visit, 200, SIM_ANSWER_ASCII, &text);
}

void sim_serve_info(struct sim_visit *visit)
{
    answer_app(visit, visit->app->info);
}

void sim_serve_parameters(struct sim_visit *visit)
{
    if (!visit->app->is_published && visit->app->mode != SIM_AGENT)
        sim_answer_error(visit, 400, "app_unavailable",
                         DIFY_SLICE("App unavailable, please check your app configurations."));
    else
        answer_app(visit, visit->app->parameters);
}

void sim_serve_meta(struct sim_visit *visit)
{
    answer_app(visit, visit->app->meta);
}

void sim_serve_site(struct sim_visit *visit)
{
    answer_app(visit, visit->app->site);
}

void sim_serve_preview(struct sim_visit *visit)
{
    sim_answer_error(visit, 404, "file_not_found", DIFY_SLICE("File not found in message context"));
}

/* ---- detail -------------------------------------------------------------------------------- */

/* The run of the path, if it has a row and is this app's. */
static struct sim_run *find_run(const struct sim_visit *visit)
{
    struct sim_run *run = dify__index_get(&visit->sim->runs_by_id, visit->argument);
    return run != NULL && run->app == visit->app && run->has_row ? run : NULL;
}

static void add_member(struct sim_text *text, const char *name, yyjson_val *value,
                       const char *otherwise)
{
    sim_text_add(text, ",\"");
    sim_text_add(text, name);
    sim_text_add(text, "\":");
    if (value != NULL)
        sim_text_value(text, value);
    else
        sim_text_add(text, otherwise);
}

/* JSON as a string that holds it, spaced. */
static void add_as_string(struct sim_text *text, struct dify_slice json)
{
    struct sim_text spaced;
    sim_text_init(&spaced, text->bytes.allocator);
    spaced.err = dify__style_text(json, DIFY__STYLE_SPACED, &spaced.bytes);
    sim_text_string(text, sim_text_slice(&spaced));
    text->err = text->err != DIFY_OK ? text->err : spaced.err;
    sim_text_fini(&spaced);
}

/* Outputs are text before 1.13, null for a run that failed there. */
static void add_outputs(struct sim_text *text, const struct sim_run *run, yyjson_val *outputs)
{
    struct sim_text json;
    if (sim_is_at_least(run->sim, SIM_1_14_2)) {
        add_member(text, "outputs", yyjson_is_null(outputs) ? NULL : outputs, "{}");
        return;
    }
    sim_text_add(text, ",\"outputs\":");
    if (outputs != NULL && yyjson_obj_size(outputs) == 0) {
        sim_text_add(text, "null");
        return;
    }
    sim_text_init(&json, text->bytes.allocator);
    if (outputs != NULL)
        sim_text_value(&json, outputs);
    else
        sim_text_add(&json, "{}");
    add_as_string(text, sim_text_slice(&json));
    text->err = text->err != DIFY_OK ? text->err : json.err;
    sim_text_fini(&json);
}

/* The data of the run's end, or of its pause; NULL while it plays. */
static yyjson_doc *read_end(struct sim_text *text, const struct sim_run *run)
{
    if (sim_run_is_final(run))
        return sim_text_read(text, dify__buffer_slice(&run->finished));
    return run->state == SIM_RUN_PAUSED ? sim_text_read(text, dify__buffer_slice(&run->paused))
                                        : NULL;
}

static void answer_detail(struct sim_visit *visit, const struct sim_run *run)
{
    struct sim_text text;
    yyjson_doc *doc;
    yyjson_val *data, *end;
    sim_text_init(&text, visit->sim->allocator);
    doc = read_end(&text, run);
    data = yyjson_doc_get_root(doc);
    end = sim_run_is_final(run) ? data : NULL;
    sim_text_add(&text, "{\"id\":");
    sim_text_string(&text, dify__slice(run->bindings.run));
    sim_text_add(&text, ",\"workflow_id\":");
    sim_text_string(&text, dify__slice(run->app->workflow_id));
    sim_text_add(&text, ",\"status\":");
    sim_text_string(&text, sim_run_status(run, data));
    sim_text_add(&text, ",\"inputs\":");
    add_as_string(&text, dify__buffer_slice(&run->row_inputs));
    add_outputs(&text, run, yyjson_obj_get(end, "outputs"));
    add_member(&text, "error", yyjson_obj_get(end, "error"), "null");
    add_member(&text, "total_steps", yyjson_obj_get(data, "total_steps"), "0");
    add_member(&text, "total_tokens", yyjson_obj_get(data, "total_tokens"), "0");
    sim_text_add(&text, ",\"created_at\":");
    sim_text_int(&text, run->created_at);
    add_member(&text, "finished_at", yyjson_obj_get(end, "finished_at"), "null");
    add_member(&text, "elapsed_time", yyjson_obj_get(end, "elapsed_time"), "0.0");
    sim_text_add(&text, "}");
    yyjson_doc_free(doc);
    sim_answer_json(visit, 200, SIM_ANSWER_ASCII, &text);
}

static void detail_now(struct sim_visit *visit)
{
    const struct sim_run *run = find_run(visit);
    struct sim_text text;
    if (!sim_is_uuid(visit->argument)) {
        sim_answer_internal(visit);
    } else if (run != NULL) {
        answer_detail(visit, run);
    } else if (sim_is_at_least(visit->sim, SIM_1_14_2)) {
        sim_answer_error(visit, 404, "not_found", DIFY_SLICE("Workflow run not found."));
    } else {
        sim_text_init(&text, visit->sim->allocator);
        sim_text_add(&text, "{\"id\":null,\"workflow_id\":null,\"status\":null,\"inputs\":null,"
                            "\"outputs\":null,\"error\":null,\"total_steps\":null,"
                            "\"total_tokens\":null,\"created_at\":null,\"finished_at\":null,"
                            "\"elapsed_time\":null}");
        sim_answer_json(visit, 200, SIM_ANSWER_ASCII, &text);
    }
}

void sim_serve_detail(struct sim_visit *visit)
{
    if (visit->app->mode != SIM_WORKFLOW && visit->app->mode != SIM_ADVANCED_CHAT)
        sim_answer_error(visit, 400, "not_workflow_app",
                         DIFY_SLICE("Please check if your app mode matches the right API route."));
    else if (visit->fault.kind == SIM_FAULT_SLOW_DETAIL)
        sim_visit_wait(visit, (double)visit->fault.value * 1000, detail_now);
    else
        detail_now(visit);
}

/* ---- logs ---------------------------------------------------------------------------------- */

#define LOGS_LIMIT 20
#define LOGS_MOST 100

struct logs {
    struct sim_parameter user, status, keyword, after, before, page, limit;
    int64_t page_number, limit_number, after_s, before_s;
};

/* "2026-11-22T11:54:36", with a fraction, 'Z' or an offset of 0; Unix seconds. False if it is none.
 */
static bool parse_time(struct dify_slice text, int64_t *seconds)
{
    int64_t parts[6] = {0};
    static const unsigned char widths[6] = {4, 2, 2, 2, 2, 2};
    size_t at = 0;
    for (size_t part = 0; part < 6; part++) {
        if (part >= 3 && at >= text.len)
            break; /* a date alone */
        for (size_t i = 0; i < widths[part]; i++, at++) {
            if (at >= text.len || text.ptr[at] < '0' || text.ptr[at] > '9')
                return false;
            parts[part] = parts[part] * 10 + (text.ptr[at] - '0');
        }
        at += part < 5; /* the separator */
    }
    /* Days from 1970-01-01 in the proleptic Gregorian calendar, years beginning in March. */
    int64_t year = parts[0] - (parts[1] <= 2), month = (parts[1] + 9) % 12;
    int64_t days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 +
                   parts[2] - 1 - 719468;
    *seconds = days * 86400 + parts[3] * 3600 + parts[4] * 60 + parts[5];
    return true;
}

static bool refuse_time(struct sim_visit *visit, struct dify_slice text)
{
    struct sim_text message;
    sim_text_init(&message, visit->sim->allocator);
    sim_text_add(&message, "invalid literal for int() with base 10: b'");
    sim_text_put(&message, (struct dify_slice){text.ptr, text.len < 4 ? text.len : 4});
    sim_text_add(&message, "'");
    sim_answer_message(visit, 400, "invalid_param", &message);
    return false;
}

/* False if it was answered. */
static bool read_logs(struct sim_visit *visit, struct logs *logs)
{
    sim_parameter_read(visit, "created_by_end_user_session_id", &logs->user);
    sim_parameter_read(visit, "status", &logs->status);
    sim_parameter_read(visit, "keyword", &logs->keyword);
    sim_parameter_read(visit, "created_at__after", &logs->after);
    sim_parameter_read(visit, "created_at__before", &logs->before);
    sim_parameter_read(visit, "page", &logs->page);
    sim_parameter_read(visit, "limit", &logs->limit);
    logs->page_number = sim_parameter_number(&logs->page, 1);
    logs->limit_number = sim_parameter_number(&logs->limit, LOGS_LIMIT);
    logs->after_s = INT64_MIN;
    logs->before_s = INT64_MAX;
    if (logs->status.text.len > 0 && !dify__slice_is(logs->status.text, "succeeded") &&
        !dify__slice_is(logs->status.text, "failed") &&
        !dify__slice_is(logs->status.text, "stopped")) {
        sim_payload_refuse_value(visit, "WorkflowLogQuery", "status",
                                 "Input should be 'succeeded', 'failed' or 'stopped'",
                                 "literal_error", logs->status.text);
        return false;
    }
    if (logs->limit_number > LOGS_MOST) {
        sim_payload_refuse_value(visit, "WorkflowLogQuery", "limit",
                                 "Input should be less than or equal to 100", "less_than_equal",
                                 logs->limit.text);
        return false;
    }
    if (logs->after.text.len > 0 && !parse_time(logs->after.text, &logs->after_s))
        return refuse_time(visit, logs->after.text);
    if (logs->before.text.len > 0 && !parse_time(logs->before.text, &logs->before_s))
        return refuse_time(visit, logs->before.text);
    return true;
}

static bool contains(struct dify_slice text, struct dify_slice part)
{
    for (size_t i = 0; part.len <= text.len && i <= text.len - part.len; i++) {
        if (memcmp(text.ptr + i, part.ptr, part.len) == 0)
            return true;
    }
    return false;
}

/* An error on the way is that of `rows`. */
static bool is_wanted(const struct logs *logs, const struct sim_run *run, struct sim_text *rows)
{
    yyjson_doc *doc;
    bool fits = true;
    if (!run->has_row ||
        (logs->user.text.ptr != NULL && logs->user.text.len > 0 &&
         !dify__slice_equals(logs->user.text, dify__buffer_slice(&run->user))) ||
        run->created_at < logs->after_s || run->created_at > logs->before_s)
        return false;
    if (logs->status.text.len > 0) {
        doc = sim_text_read(rows, dify__buffer_slice(&run->finished));
        fits = dify__slice_equals(sim_run_status(run, yyjson_doc_get_root(doc)), logs->status.text);
        yyjson_doc_free(doc);
    }
    if (fits && logs->keyword.text.len > 0)
        fits = contains(dify__buffer_slice(&run->row_inputs), logs->keyword.text) ||
               contains(dify__buffer_slice(&run->finished), logs->keyword.text) ||
               contains(dify__buffer_slice(&run->user), logs->keyword.text);
    return fits;
}

static void add_log(struct sim_text *text, const struct sim_run *run)
{
    yyjson_doc *doc = read_end(text, run);
    yyjson_val *data = yyjson_doc_get_root(doc), *end = sim_run_is_final(run) ? data : NULL;
    sim_text_add(text, "{\"id\":");
    sim_text_string(text, dify__slice(run->log_id));
    sim_text_add(text, ",\"workflow_run\":{\"id\":");
    sim_text_string(text, dify__slice(run->bindings.run));
    sim_text_add(text, ",\"version\":\"2026-11-22 11:31:55.456050\",\"status\":");
    sim_text_string(text, sim_run_status(run, data));
    sim_text_add(text, ",\"triggered_from\":\"app-run\"");
    add_member(text, "error", yyjson_obj_get(end, "error"), "null");
    add_member(text, "elapsed_time", yyjson_obj_get(end, "elapsed_time"), "0.0");
    add_member(text, "total_tokens", yyjson_obj_get(data, "total_tokens"), "0");
    add_member(text, "total_steps", yyjson_obj_get(data, "total_steps"), "0");
    sim_text_add(text, ",\"created_at\":");
    sim_text_int(text, run->created_at);
    add_member(text, "finished_at", yyjson_obj_get(end, "finished_at"), "null");
    add_member(text, "exceptions_count", yyjson_obj_get(end, "exceptions_count"), "0");
    sim_text_add(text, "},\"details\":null,\"created_from\":\"service-api\",\"created_by_role\":"
                       "\"end_user\",\"created_by_account\":null,\"created_by_end_user\":{\"id\":");
    sim_text_string(text, dify__slice(run->bindings.owner));
    sim_text_add(text, ",\"type\":\"service-api\",\"is_anonymous\":false,\"session_id\":");
    sim_text_string(text, dify__buffer_slice(&run->user));
    sim_text_add(text, "},\"created_at\":");
    sim_text_int(text, run->created_at);
    sim_text_add(text, "}");
    yyjson_doc_free(doc);
}

void sim_serve_logs(struct sim_visit *visit)
{
    struct logs logs;
    struct sim_text rows, text;
    int64_t total = 0, first;
    if (!read_logs(visit, &logs))
        return;
    first = (logs.page_number - 1) * logs.limit_number;
    sim_text_init(&rows, visit->sim->allocator);
    sim_text_init(&text, visit->sim->allocator);
    for (const struct sim_run *run = visit->sim->newest; run != NULL; run = run->older) {
        if (run->app != visit->app || !is_wanted(&logs, run, &rows))
            continue;
        if (total >= first && total < first + logs.limit_number) {
            sim_text_add(&rows, total > first ? "," : "");
            add_log(&rows, run);
        }
        total++;
    }
    sim_text_add(&text, "{\"page\":");
    sim_text_int(&text, logs.page_number);
    sim_text_add(&text, ",\"limit\":");
    sim_text_int(&text, logs.limit_number);
    sim_text_add(&text, ",\"total\":");
    sim_text_int(&text, total);
    sim_text_add(&text, total > first + logs.limit_number ? ",\"has_more\":true,\"data\":["
                                                          : ",\"has_more\":false,\"data\":[");
    sim_text_put(&text, sim_text_slice(&rows));
    sim_text_add(&text, "]}");
    text.err = text.err != DIFY_OK ? text.err : rows.err;
    sim_text_fini(&rows);
    sim_answer_json(visit, 200, SIM_ANSWER_ASCII, &text);
}

/* ---- events -------------------------------------------------------------------------------- */

static bool is_true(const struct sim_visit *visit, const char *name)
{
    struct sim_parameter parameter;
    sim_parameter_read(visit, name, &parameter);
    return dify__slice_is(parameter.text, "true");
}

void sim_serve_events(struct sim_visit *visit)
{
    struct sim_wish wish = {.watch = SIM_WATCH_EVENTS};
    struct sim_parameter user;
    struct sim_run *run;
    sim_parameter_read(visit, "user", &user);
    if (user.text.len == 0) {
        sim_answer_error(visit, 400, "invalid_param", DIFY_SLICE("Arg user must be provided."));
        return;
    }
    if (!sim_is_uuid(visit->argument)) {
        sim_answer_internal(visit);
        return;
    }
    run = find_run(visit);
    if (run == NULL || !dify__slice_equals(user.text, dify__buffer_slice(&run->user))) {
        sim_answer_error(visit, 404, "not_found", DIFY_SLICE("Workflow run not found"));
        return;
    }
    if (visit->fault.kind == SIM_FAULT_RESET) {
        sim_answer_reset(visit);
        return;
    }
    if (sim_fault_proxy_status(visit->fault.kind) != 0) {
        sim_answer_proxy(visit, sim_fault_proxy_status(visit->fault.kind));
        return;
    }
    wish.continues_on_pause = is_true(visit, "continue_on_pause");
    wish.wants_snapshot = is_true(visit, "include_state_snapshot");
    if (sim_stream_open(visit, run, &wish) != DIFY_OK)
        sim_answer_internal(visit);
}
