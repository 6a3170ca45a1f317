/* SPDX-License-Identifier: Apache-2.0
 *
 * routes.c: the table of routes, and the key that most of them want.
 */
#include "sim/routes.h"

#include "core/slices.h"
#include "sim/upload.h"

#include <string.h>

#define KEY SIM_NEEDS_KEY
#define OTHER SIM_PLACE_OTHER

/* Fixed paths come before those with a segment that may be anything. */
static const struct sim_route routes[] = {
    {HTTP_POST_, "/v1/workflows/run", SIM_1_12_1, KEY, SIM_PLACE_RUN, sim_serve_workflow_run},
    {HTTP_POST_, "/v1/workflows/{}/run", SIM_1_12_1, KEY, SIM_PLACE_RUN,
     sim_serve_workflow_run_by_id},
    {HTTP_POST_, "/v1/chat-messages", SIM_1_12_1, KEY, SIM_PLACE_RUN, sim_serve_chat},
    {HTTP_POST_, "/v1/completion-messages", SIM_1_12_1, KEY, SIM_PLACE_RUN, sim_serve_completion},
    {HTTP_GET_, "/v1/workflows/run/{}", SIM_1_12_1, KEY, SIM_PLACE_DETAIL, sim_serve_detail},
    {HTTP_GET_, "/v1/workflows/logs", SIM_1_12_1, KEY, SIM_PLACE_LOGS, sim_serve_logs},
    {HTTP_GET_, "/v1/workflow/{}/events", SIM_1_14_2, KEY, SIM_PLACE_EVENTS, sim_serve_events},
    {HTTP_POST_, "/v1/workflows/tasks/{}/stop", SIM_1_12_1, KEY, SIM_PLACE_STOP,
     sim_serve_stop_workflow},
    {HTTP_POST_, "/v1/chat-messages/{}/stop", SIM_1_12_1, KEY, SIM_PLACE_STOP, sim_serve_stop_chat},
    {HTTP_POST_, "/v1/completion-messages/{}/stop", SIM_1_12_1, KEY, SIM_PLACE_STOP,
     sim_serve_stop_completion},
    {HTTP_POST_, "/v1/files/upload", SIM_1_12_1, KEY, SIM_PLACE_UPLOAD, sim_upload_serve},
    {HTTP_GET_, "/v1/files/{}/preview", SIM_1_12_1, KEY, OTHER, sim_serve_preview},
    {HTTP_GET_, "/v1/info", SIM_1_12_1, KEY, SIM_PLACE_INFO, sim_serve_info},
    {HTTP_GET_, "/v1/parameters", SIM_1_12_1, KEY, SIM_PLACE_PARAMETERS, sim_serve_parameters},
    {HTTP_GET_, "/v1/meta", SIM_1_12_1, KEY, SIM_PLACE_META, sim_serve_meta},
    {HTTP_GET_, "/v1/site", SIM_1_12_1, KEY, SIM_PLACE_SITE, sim_serve_site},
    {HTTP_GET_, "/v1/form/human_input/{}", SIM_1_14_2, KEY, SIM_PLACE_FORM, sim_serve_form_get},
    {HTTP_POST_, "/v1/form/human_input/{}", SIM_1_14_2, KEY, SIM_PLACE_FORM, sim_serve_form_post},
    {HTTP_POST_, "/v1/messages/{}/feedbacks", SIM_1_12_1, KEY, SIM_PLACE_FEEDBACK,
     sim_serve_feedback},
    {HTTP_GET_, "/v1/messages", SIM_1_12_1, KEY, SIM_PLACE_MESSAGES, sim_serve_messages},
    {HTTP_GET_, "/v1", SIM_1_12_1, SIM_NEEDS_NOTHING, OTHER, sim_answer_redirect},
    {HTTP_GET_, "/sim/stats", SIM_1_12_1, SIM_NEEDS_NOTHING, OTHER, sim_serve_stats},
    {HTTP_GET_, "/sim/runs", SIM_1_12_1, SIM_NEEDS_NOTHING, OTHER, sim_serve_runs},
    {HTTP_GET_, "/sim/runs/{}", SIM_1_12_1, SIM_NEEDS_NOTHING, OTHER, sim_serve_run},
};
#define ROUTES (sizeof(routes) / sizeof(routes[0]))

/* Whether a path fits a route's; what stands for {} goes to `argument`. */
static bool fits(const char *pattern, struct dify_slice path, struct dify_slice *argument)
{
    const char *hole = strstr(pattern, "{}");
    struct dify_slice tail;
    size_t head;
    *argument = (struct dify_slice){NULL, 0};
    if (hole == NULL)
        return dify__slice_is(path, pattern);
    head = (size_t)(hole - pattern);
    tail = dify__slice(hole + 2);
    if (path.len <= head + tail.len || memcmp(path.ptr, pattern, head) != 0 ||
        memcmp(path.ptr + path.len - tail.len, tail.ptr, tail.len) != 0)
        return false;
    *argument = (struct dify_slice){path.ptr + head, path.len - head - tail.len};
    return memchr(argument->ptr, '/', argument->len) == NULL;
}

/* "POST, OPTIONS": the methods of a path, in Flask's order. */
static void answer_options(struct sim_visit *visit, bool has_get, bool has_post)
{
    sim_answer_options(visit, has_get && has_post ? "GET, HEAD, OPTIONS, POST"
                              : has_post          ? "POST, OPTIONS"
                                                  : "GET, HEAD, OPTIONS");
}

bool sim_routes_find(struct sim_visit *visit)
{
    const struct http_request *request = http_exchange_request(visit->exchange);
    enum http_method method = request->method == HTTP_HEAD_ ? HTTP_GET_ : request->method;
    bool has_get = false, has_post = false;
    struct dify_slice argument;
    for (size_t i = 0; i < ROUTES; i++) {
        if (!sim_is_at_least(visit->sim, routes[i].since) ||
            !fits(routes[i].path, request->path, &argument))
            continue;
        if (routes[i].method == method) {
            visit->route = &routes[i];
            visit->argument = argument;
            return true;
        }
        has_get = has_get || routes[i].method == HTTP_GET_;
        has_post = has_post || routes[i].method == HTTP_POST_;
    }
    if ((has_get || has_post) && method == HTTP_OPTIONS_)
        answer_options(visit, has_get, has_post);
    else if (has_get || has_post)
        sim_answer_method(visit);
    else
        sim_answer_not_found(visit);
    return false;
}

static bool equals_ignoring_case(struct dify_slice text, const char *lower)
{
    size_t len = strlen(lower);
    if (text.len != len)
        return false;
    for (size_t i = 0; i < len; i++) {
        if ((text.ptr[i] | 0x20) != lower[i])
            return false;
    }
    return true;
}

const struct sim_app *sim_routes_app(const struct sim_visit *visit, const char **why)
{
    struct dify_slice given =
        http_request_field(http_exchange_request(visit->exchange), "authorization");
    const char *space = given.len > 0 ? memchr(given.ptr, ' ', given.len) : NULL;
    struct dify_slice scheme = given, key;
    const char *unused;
    why = why != NULL ? why : &unused;
    *why = "Authorization header must be provided and start with 'Bearer'";
    if (space == NULL)
        return NULL;
    scheme.len = (size_t)(space - given.ptr);
    key = (struct dify_slice){space + 1, given.len - scheme.len - 1};
    *why = "Authorization scheme must be 'Bearer'";
    if (!equals_ignoring_case(scheme, "bearer"))
        return NULL;
    while (key.len > 0 && key.ptr[0] == ' ')
        key = (struct dify_slice){key.ptr + 1, key.len - 1};
    *why = "Access token is invalid";
    return sim_catalogue_app(visit->sim->options.catalogue, key);
}

/* Finds the app by the key in Authorization; false if it was answered. */
static bool check_key(struct sim_visit *visit)
{
    const char *why;
    visit->app = sim_routes_app(visit, &why);
    if (visit->app == NULL) {
        sim_answer_unauthorized(visit, why);
        return false;
    }
    if (!visit->app->has_api) {
        sim_answer_error(visit, 403, "forbidden",
                         DIFY_SLICE("The app's API service has been disabled."));
        return false;
    }
    return true;
}

void sim_routes_serve(struct sim_visit *visit)
{
    if (visit->route->needs == SIM_NEEDS_NOTHING || check_key(visit))
        visit->route->serve(visit);
}
