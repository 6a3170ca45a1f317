/* SPDX-License-Identifier: Apache-2.0
 *
 * routes.c: the table of routes, and the way from a request to what serves it.
 */
#include "gateway/routes.h"

#include "core/slices.h"
#include "gateway/app.h"
#include "gateway/cors.h"
#include "gateway/logger.h"
#include "gateway/metrics.h"
#include "gateway/reply.h"
#include "gateway/v1_relay.h"

/* Fixed paths come before those with a segment that may be anything. */
static const struct gw_route routes[] = {
    {HTTP_POST_, "/api/runs", gw_serve_create_run},
    {HTTP_GET_, "/api/runs", gw_serve_list},
    {HTTP_GET_, "/api/runs/{}", gw_serve_run},
    {HTTP_GET_, "/api/runs/{}/events", gw_serve_events},
    {HTTP_POST_, "/api/runs/{}/stop", gw_serve_stop},
    {HTTP_POST_, "/api/runs/{}/feedback", gw_serve_feedback},
    {HTTP_GET_, "/api/runs/{}/files/{}", gw_serve_file},
    {HTTP_GET_, "/api/runs/{}/form", gw_serve_run_form},
    {HTTP_POST_, "/api/runs/{}/form", gw_serve_submit_form},
    {HTTP_GET_, "/api/apps", gw_serve_apps},
    {HTTP_GET_, "/api/apps/{}/parameters", gw_serve_parameters},
    {HTTP_GET_, "/api/stats", gw_serve_stats},
    {HTTP_GET_, "/api/test-dify", gw_serve_test_dify},
    {HTTP_POST_, "/v1/workflows/run", gw_serve_v1_workflow},
    {HTTP_POST_, "/v1/workflows/{}/run", gw_serve_v1_version},
    {HTTP_POST_, "/v1/chat-messages", gw_serve_v1_chat},
    {HTTP_POST_, "/v1/completion-messages", gw_serve_v1_completion},
    {HTTP_POST_, "/v1/workflows/tasks/{}/stop", gw_serve_v1_stop},
    {HTTP_POST_, "/v1/chat-messages/{}/stop", gw_serve_v1_stop},
    {HTTP_POST_, "/v1/completion-messages/{}/stop", gw_serve_v1_stop},
    {HTTP_GET_, "/v1/workflows/run/{}", gw_serve_v1_detail},
    {HTTP_GET_, "/v1/workflow/{}/events", gw_serve_v1_events},
    {HTTP_GET_, "/healthz", gw_serve_healthz},
    {HTTP_GET_, "/readyz", gw_serve_readyz},
    {HTTP_GET_, "/metrics", gw_serve_metrics},
    {HTTP_GET_, "/openapi.json", gw_serve_openapi},
    {HTTP_GET_, "/", gw_serve_page},
    {HTTP_GET_, "/assets/{}", gw_serve_page},
};
#define ROUTES (sizeof(routes) / sizeof(routes[0]))
_Static_assert(GW_TAG_ROUTES + ROUTES <= GW_ROUTE_TAGS, "each route has its tag");

const struct gw_route *gw_routes(size_t *count)
{
    if (count != NULL)
        *count = ROUTES;
    return routes;
}

/* Whether a path fits a route's; what stands for its {} goes to `rests`. */
static bool fits(const char *pattern, struct dify_slice path, struct dify_slice rests[2])
{
    size_t count = 0;
    rests[0] = rests[1] = (struct dify_slice){NULL, 0};
    while (*pattern != '\0') {
        size_t len = 1;
        if (strncmp(pattern, "{}", 2) == 0) {
            const char *slash = memchr(path.ptr, '/', path.len);
            len = slash != NULL ? (size_t)(slash - path.ptr) : path.len;
            if (len == 0)
                return false;
            rests[count++] = (struct dify_slice){path.ptr, len};
            pattern += 2;
        } else if (path.len == 0 || path.ptr[0] != *pattern++) {
            return false;
        }
        path = (struct dify_slice){path.ptr + len, path.len - len};
    }
    return path.len == 0;
}

bool gw_is_route(struct dify_slice path)
{
    struct dify_slice rests[2];
    for (size_t i = 0; i < ROUTES; i++)
        if (fits(routes[i].path, path, rests))
            return true;
    return false;
}

/* What a path has. */
struct offer {
    gw_serve_fn *serve; /* of the request's method; NULL: there is none */
    unsigned tag;
    bool has_get, has_post; /* there is one of this method */
};

static void offer(struct offer *found, const struct gw_route *route, enum http_method method,
                  unsigned tag)
{
    found->has_get = found->has_get || route->method == HTTP_GET_;
    found->has_post = found->has_post || route->method == HTTP_POST_;
    if (route->method == method && found->serve == NULL) {
        found->serve = route->serve;
        found->tag = tag;
    }
}

static bool find_form(struct gw_request *request)
{
    const struct gw_config *config = request->gateway->config;
    for (size_t i = 0; i < config->app_count; i++) {
        for (size_t j = 0; j < config->apps[i].route_count; j++) {
            if (!dify__slice_is(request->http->path, config->apps[i].routes[j].path))
                continue;
            request->app = &request->gateway->apps[i];
            request->form = &config->apps[i].routes[j];
            return true;
        }
    }
    return false;
}

static struct offer find(struct gw_request *request)
{
    static const struct gw_route form = {HTTP_POST_, NULL, gw_serve_form};
    enum http_method method =
        request->http->method == HTTP_HEAD_ ? HTTP_GET_ : request->http->method;
    struct offer found = {.tag = GW_TAG_NONE};
    for (size_t i = 0; i < ROUTES && found.serve == NULL; i++) {
        struct dify_slice rests[2];
        if (!fits(routes[i].path, request->http->path, rests))
            continue;
        request->rest = rests[0];
        request->second = rests[1];
        offer(&found, &routes[i], method, (unsigned)(GW_TAG_ROUTES + i));
    }
    if (!found.has_get && !found.has_post && find_form(request)) {
        offer(&found, &form, method, GW_TAG_FORM);
        found.tag = GW_TAG_FORM; /* of any method */
    }
    return found;
}

/* No route of this method: 405 where another one would do, else 404. */
static void answer_unknown(const struct gw_request *request, const struct offer *found)
{
    const char *allowed = found->has_get && found->has_post ? "GET, HEAD, POST, OPTIONS"
                          : found->has_get                  ? "GET, HEAD, OPTIONS"
                                                            : "POST, OPTIONS";
    if (!found->has_get && !found->has_post) {
        gw_reply_error(request->exchange, 404, "not_found", "there is no such address here", NULL);
    } else if (request->http->method == HTTP_OPTIONS_) {
        struct http_field allow = {DIFY_SLICE("Allow"), dify__slice(allowed)};
        http_respond(request->exchange, 204, &allow, 1, DIFY_SLICE(""));
    } else {
        gw_reply_method(request->exchange, allowed);
    }
}

void gw_serve_request(void *ctx, struct http_exchange *exchange)
{
    struct gw_request request = {
        .gateway = ctx, .exchange = exchange, .http = http_exchange_request(exchange)};
    const struct offer found = find(&request);
    http_exchange_tag(exchange, found.tag);
    if (gw_cors_enter(&request) || !gw_access_enter(&request))
        return;
    if (request.app != NULL &&
        !gw_access_sees(&request.access, dify__slice(request.app->config->name)))
        gw_reply_error(exchange, 404, "app_not_found", "there is no app of this name", NULL);
    else if (found.serve != NULL)
        found.serve(&request);
    else if (dify__slice_begins(request.http->path, "/v1/"))
        gw_serve_v1_other(&request);
    else
        answer_unknown(&request, &found);
}

bool gw_refuse(void *ctx, int status, const char *reason, struct http_page *page)
{
    struct gateway *gateway = ctx;
    gw_count_answer(gateway, GW_TAG_REFUSED, status);
    return gw_reply_refusal(&gateway->refusal, status, reason, page);
}

void gw_count_answer(void *ctx, unsigned tag, int status)
{
    gw_metrics_answer(ctx, tag, status);
    gw_log_answer(ctx, tag, status);
}
