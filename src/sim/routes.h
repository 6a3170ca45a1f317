/* SPDX-License-Identifier: Apache-2.0
 *
 * routes.h: which request is for whom.
 */
#ifndef SIM_ROUTES_H
#define SIM_ROUTES_H

#include "sim/visit.h"

enum sim_needs {
    SIM_NEEDS_NOTHING,
    SIM_NEEDS_KEY /* the app's key: visit->app is known when it is served */
};

struct sim_route {
    enum http_method method;
    const char *path; /* may have one "{}", which stands for one segment that is not empty */
    enum sim_release since;
    enum sim_needs needs;
    enum sim_fault_place place;
    void (*serve)(struct sim_visit *visit);
};

/* Finds the route of a visit; false if there is none, then it was answered. */
bool sim_routes_find(struct sim_visit *visit);

/* The app whose key a request has; NULL, with what Dify says of that in `why` (may be NULL). */
const struct sim_app *sim_routes_app(const struct sim_visit *visit, const char **why);

/* Looks at the key and serves. */
void sim_routes_serve(struct sim_visit *visit);

/* What serves: start.c, read.c, forms.c, feedback.c, messages.c, truth.c (and upload.c). */
void sim_serve_workflow_run(struct sim_visit *visit);
void sim_serve_workflow_run_by_id(struct sim_visit *visit);
void sim_serve_chat(struct sim_visit *visit);
void sim_serve_completion(struct sim_visit *visit);
void sim_serve_stop_workflow(struct sim_visit *visit);
void sim_serve_stop_chat(struct sim_visit *visit);
void sim_serve_stop_completion(struct sim_visit *visit);
void sim_serve_detail(struct sim_visit *visit);
void sim_serve_logs(struct sim_visit *visit);
void sim_serve_events(struct sim_visit *visit);
void sim_serve_info(struct sim_visit *visit);
void sim_serve_parameters(struct sim_visit *visit);
void sim_serve_meta(struct sim_visit *visit);
void sim_serve_site(struct sim_visit *visit);
void sim_serve_form_get(struct sim_visit *visit);
void sim_serve_form_post(struct sim_visit *visit);
void sim_serve_preview(struct sim_visit *visit);
void sim_serve_feedback(struct sim_visit *visit);
void sim_serve_messages(struct sim_visit *visit);
void sim_serve_stats(struct sim_visit *visit);
void sim_serve_runs(struct sim_visit *visit);
void sim_serve_run(struct sim_visit *visit);

#endif
