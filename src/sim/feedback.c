/* SPDX-License-Identifier: Apache-2.0
 *
 * feedback.c: what a user thinks of a message. No answer of a real server was recorded: it follows
 * Dify's API documentation and what its public source refuses.
 */
#include "core/slices.h"
#include "sim/payload.h"
#include "sim/routes.h"
#include "sim/run.h"

/* The message of the path, if it is this app's and this user's; runs of workflows have none. */
static struct sim_run *find_message(const struct sim_visit *visit, struct dify_slice user)
{
    struct sim_run *run = dify__index_get(&visit->sim->runs_by_message, visit->argument);
    return run != NULL && run->app == visit->app &&
                   dify__slice_equals(dify__buffer_slice(&run->user), user)
               ? run
               : NULL;
}

/* `rating` is absent where it is taken back. */
static void rate(struct sim_visit *visit, struct dify_slice user, struct dify_slice rating)
{
    struct sim_run *run = find_message(visit, user);
    struct sim_text text;
    if (run == NULL) {
        sim_answer_error(visit, 404, "not_found", DIFY_SLICE("Message Not Exists."));
        return;
    }
    if (rating.ptr == NULL && run->rating.ptr == NULL) {
        sim_answer_error(visit, 400, "invalid_param",
                         DIFY_SLICE("rating cannot be None when feedback not exists"));
        return;
    }
    sim_run_rate(run, rating);
    sim_text_init(&text, visit->sim->allocator);
    sim_text_add(&text, "{\"result\":\"success\"}");
    sim_answer_json(visit, 200, SIM_ANSWER_ASCII, &text);
}

static void feedback_read(struct sim_visit *visit)
{
    struct sim_payload payload;
    struct dify_slice rating = {NULL, 0};
    if (sim_payload_read(visit, &payload) &&
        sim_payload_check(visit, &payload, SIM_MODEL_FEEDBACK)) {
        yyjson_val *given = yyjson_obj_get(payload.root, "rating"); /* which was checked */
        if (yyjson_is_str(given))
            rating = yyjson_equals_str(given, "like") ? DIFY_SLICE("like") : DIFY_SLICE("dislike");
        rate(visit, sim_text_slice(&payload.user), rating);
    }
    sim_payload_fini(&payload);
}

void sim_serve_feedback(struct sim_visit *visit)
{
    if (sim_is_uuid(visit->argument))
        sim_visit_read(visit, feedback_read);
    else
        sim_answer_not_found(visit);
}
