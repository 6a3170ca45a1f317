/* SPDX-License-Identifier: Apache-2.0
 *
 * payload.h: reading the JSON of a request, and refusing it in Dify's words.
 */
#ifndef SIM_PAYLOAD_H
#define SIM_PAYLOAD_H

#include "sim/visit.h"

/* A request's JSON. */
struct sim_payload {
    yyjson_doc *doc;
    yyjson_val *root;
    struct sim_text user; /* a number's digits, too */
};

/* Reads `visit->body` as the routes do that take JSON: the content type, the JSON, `user`. False if
 * it was answered. Finish with sim_payload_fini() in either case. */
DIFY_MUST_CHECK bool sim_payload_read(struct sim_visit *visit, struct sim_payload *payload);
void sim_payload_fini(struct sim_payload *payload);

/* Which model of Dify's the members must fit. */
enum sim_model {
    SIM_MODEL_WORKFLOW,
    SIM_MODEL_CHAT,
    SIM_MODEL_COMPLETION,
    SIM_MODEL_FORM, /* a submitted form */
    SIM_MODEL_FEEDBACK
};

/* Holds the members against a model. False if it was answered, with all faults in one text. */
DIFY_MUST_CHECK bool sim_payload_check(struct sim_visit *visit, const struct sim_payload *payload,
                                       enum sim_model model);

/* The text of one fault with its heading, as the query of a GET gives it: `field` has `value`, and
 * should be what `message` says; `type` is the rule's name. */
void sim_payload_refuse_value(struct sim_visit *visit, const char *model, const char *field,
                              const char *message, const char *type, struct dify_slice value);

/* Whether a text has the form of a UUID. */
bool sim_is_uuid(struct dify_slice text);

#endif
