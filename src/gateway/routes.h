/* SPDX-License-Identifier: Apache-2.0
 *
 * routes.h: the table of routes. docs/openapi.json describes each of them; a test holds both
 * together.
 */
#ifndef GATEWAY_ROUTES_H
#define GATEWAY_ROUTES_H

#include "gateway/access.h"
#include "gateway/state.h"

/* A request that has a route. It lives until `serve` returns; `rest` (what stands for {}) and
 * `second` (for a second one) as long as the exchange. Who asks may ask for its path. */
struct gw_request {
    struct gateway *gateway;
    struct http_exchange *exchange;
    const struct http_request *http;
    struct dify_slice rest, second;
    struct gw_access access; /* who asks */

    /* of a path of the configuration */
    struct gw_app *app;
    const struct gw_route_config *form;
};

typedef void gw_serve_fn(const struct gw_request *request);

struct gw_route {
    enum http_method method;
    const char *path; /* "{}" stands for one segment */
    gw_serve_fn *serve;
};

/* All routes but those of the configuration; `count` may be NULL. */
const struct gw_route *gw_routes(size_t *count);

/* Whether a path is that of one of these, of whatever method. */
bool gw_is_route(struct dify_slice path);

/* What exchanges are tagged with, for metrics: what no route serves, forms, what is relayed, and
 * each route. */
enum gw_route_tag { GW_TAG_NONE, GW_TAG_FORM, GW_TAG_REFUSED, GW_TAG_RELAY, GW_TAG_ROUTES };

/* For http_server_options; `ctx` is the gateway. */
void gw_serve_request(void *ctx, struct http_exchange *exchange);
bool gw_refuse(void *ctx, int status, const char *reason, struct http_page *page);
void gw_count_answer(void *ctx, unsigned tag, int status);

/* ---- what serves them ---------------------------------------------------------------------- */

/* intake.c */
void gw_serve_form(const struct gw_request *request); /* a path of the configuration */
void gw_serve_create_run(const struct gw_request *request);

/* v1.c: those that start runs, as Dify takes them; all else below /v1 */
void gw_serve_v1_workflow(const struct gw_request *request);
void gw_serve_v1_version(const struct gw_request *request);
void gw_serve_v1_chat(const struct gw_request *request);
void gw_serve_v1_completion(const struct gw_request *request);
void gw_serve_v1_other(const struct gw_request *request);

/* v1_known.c, v1_detail.c */
void gw_serve_v1_stop(const struct gw_request *request);
void gw_serve_v1_events(const struct gw_request *request);
void gw_serve_v1_detail(const struct gw_request *request);

/* runs.c */
void gw_serve_run(const struct gw_request *request);
void gw_serve_events(const struct gw_request *request);
void gw_serve_stop(const struct gw_request *request);

/* list.c, stats.c */
void gw_serve_list(const struct gw_request *request);
void gw_serve_stats(const struct gw_request *request);

/* apps.c */
void gw_serve_apps(const struct gw_request *request);
void gw_serve_parameters(const struct gw_request *request);

/* feedback.c */
void gw_serve_feedback(const struct gw_request *request);

/* files.c */
void gw_serve_file(const struct gw_request *request);

/* form.c */
void gw_serve_run_form(const struct gw_request *request);
void gw_serve_submit_form(const struct gw_request *request);

/* test_dify.c */
void gw_serve_test_dify(const struct gw_request *request);

/* health.c */
void gw_serve_healthz(const struct gw_request *request);
void gw_serve_readyz(const struct gw_request *request);
void gw_serve_metrics(const struct gw_request *request);

/* openapi.c */
void gw_serve_openapi(const struct gw_request *request);

/* page.c: each file of the page */
void gw_serve_page(const struct gw_request *request);

#endif
