/* SPDX-License-Identifier: Apache-2.0
 *
 * forms.c: the forms of paused runs: GET and POST /form/human_input/{token}.
 */
#include "core/slices.h"
#include "sim/payload.h"
#include "sim/routes.h"
#include "sim/run.h"

static void add_member(struct sim_text *text, const char *key, yyjson_val *object, const char *name)
{
    sim_text_add(text, key);
    sim_text_value(text, yyjson_obj_get(object, name));
}

/* The run whose form has the token, whichever app's; it is told what Flask says of others. */
static struct sim_run *find(struct sim_visit *visit)
{
    struct sim_run *run = dify__index_get(&visit->sim->runs_by_token, visit->argument);
    struct sim_text message;
    if (run != NULL && run->app == visit->app && run->form.len > 0)
        return run;
    sim_text_init(&message, visit->sim->allocator);
    sim_text_add(&message, "Form not found. You have requested this URI [/v1/form/human_input/");
    sim_text_put(&message, visit->argument);
    sim_text_add(&message, "] but did you mean /v1/form/human_input/<string:form_token>");
    if (run == NULL) {
        sim_text_add(&message, " or /api/form/human_input/<string:form_token>");
        sim_text_add(&message, sim_is_at_least(visit->sim, SIM_1_16_1)
                                   ? "/upload-token or /api/form/human_input/<string:form_token>"
                                   : " or /console/api/form/human_input/<string:form_token>");
    }
    sim_text_add(&message, " ?");
    sim_answer_message(visit, 404, "not_found", &message);
    return NULL;
}

/* False if the form is closed; then it was answered. */
static bool is_open(struct sim_visit *visit, const struct sim_run *run, yyjson_val *form)
{
    struct sim_text message;
    bool is_sent = run->was_form_sent;
    if (!is_sent && !run->is_expired)
        return true;
    sim_text_init(&message, visit->sim->allocator);
    sim_text_add(&message, is_sent
                               ? "This form has already been submitted by another user, form_id="
                               : "This form has expired, form_id=");
    sim_text_put(&message, sim_member_string(form, "form_id"));
    sim_answer_message(
        visit, 412, is_sent ? "human_input_form_submitted" : "human_input_form_expired", &message);
    return false;
}

void sim_serve_form_get(struct sim_visit *visit)
{
    const struct sim_run *run = find(visit);
    yyjson_doc *doc;
    yyjson_val *form;
    struct sim_text text, spaced;
    if (run == NULL)
        return;
    sim_text_init(&text, visit->sim->allocator);
    doc = sim_text_read(&text, dify__buffer_slice(&run->form));
    form = yyjson_doc_get_root(doc);
    if (text.err != DIFY_OK) {
        sim_answer_internal(visit);
    } else if (is_open(visit, run, form)) {
        sim_text_init(&spaced, visit->sim->allocator);
        add_member(&text, "{\"form_content\":", form, "form_content");
        add_member(&text, ",\"inputs\":", form, "inputs");
        add_member(&text, ",\"resolved_default_values\":", form, "resolved_default_values");
        add_member(&text, ",\"user_actions\":", form, "actions");
        add_member(&text, ",\"expiration_time\":", form, "expiration_time");
        sim_text_add(&text, "}");
        spaced.err = text.err;
        if (spaced.err == DIFY_OK)
            spaced.err =
                dify__style_text(sim_text_slice(&text), DIFY__STYLE_SPACED_RAW, &spaced.bytes);
        sim_answer_json(visit, 200, SIM_ANSWER_FORM, &spaced);
    }
    sim_text_fini(&text);
    yyjson_doc_free(doc);
}

static bool has_action(yyjson_val *form, struct dify_slice wanted)
{
    yyjson_val *action;
    size_t i, count;
    yyjson_arr_foreach(yyjson_obj_get(form, "actions"), i, count, action)
    {
        if (dify__slice_equals(sim_member_string(action, "id"), wanted))
            return true;
    }
    return false;
}

/* The names of the form's fields that were not sent, with commas; empty if none is missing. */
static void add_missing(struct sim_text *text, yyjson_val *form, yyjson_val *inputs)
{
    yyjson_val *field;
    size_t i, count;
    yyjson_arr_foreach(yyjson_obj_get(form, "inputs"), i, count, field)
    {
        struct dify_slice name = sim_member_string(field, "output_variable_name");
        if (name.ptr == NULL || yyjson_obj_getn(inputs, name.ptr, name.len) != NULL)
            continue;
        sim_text_add(text, text->bytes.len > 0 ? ", " : "");
        sim_text_put(text, name);
    }
}

static void refuse(struct sim_visit *visit, const char *words, struct dify_slice what)
{
    struct sim_text message;
    sim_text_init(&message, visit->sim->allocator);
    sim_text_add(&message, words);
    sim_text_put(&message, what);
    sim_answer_message(visit, 400, "invalid_form_data", &message);
}

static void submit(struct sim_visit *visit, struct sim_run *run, const struct sim_payload *payload)
{
    struct dify_slice action = sim_member_string(payload->root, "action");
    struct sim_text missing, text;
    yyjson_doc *doc;
    yyjson_val *form;
    sim_text_init(&missing, visit->sim->allocator);
    doc = sim_text_read(&missing, dify__buffer_slice(&run->form));
    form = yyjson_doc_get_root(doc);
    add_missing(&missing, form, yyjson_obj_get(payload->root, "inputs"));
    if (missing.err != DIFY_OK) {
        sim_answer_internal(visit);
    } else if (!is_open(visit, run, form)) {
        /* answered */
    } else if (!has_action(form, action)) {
        refuse(visit, "Invalid action: ", action);
    } else if (missing.bytes.len > 0) {
        refuse(visit, "Missing required inputs: ", sim_text_slice(&missing));
    } else {
        sim_run_resume(run);
        sim_text_init(&text, visit->sim->allocator);
        sim_text_add(&text, "{}");
        sim_answer_json(visit, 200, SIM_ANSWER_ASCII, &text);
    }
    sim_text_fini(&missing);
    yyjson_doc_free(doc);
}

static void form_read(struct sim_visit *visit)
{
    struct sim_payload payload;
    struct sim_run *run;
    if (sim_payload_read(visit, &payload) && sim_payload_check(visit, &payload, SIM_MODEL_FORM) &&
        (run = find(visit)) != NULL)
        submit(visit, run, &payload);
    sim_payload_fini(&payload);
}

void sim_serve_form_post(struct sim_visit *visit)
{
    sim_visit_read(visit, form_read);
}
