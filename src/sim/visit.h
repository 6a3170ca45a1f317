/* SPDX-License-Identifier: Apache-2.0
 *
 * visit.h: one request while it is answered.
 *
 * A visit is made when a request's head is there and dies with its exchange. It may first wait for
 * a place of the API worker, then for its body, then (slow detail, blocking calls) for its answer.
 */
#ifndef SIM_VISIT_H
#define SIM_VISIT_H

#include "http/multipart.h"
#include "sim/state.h"

struct sim_upload; /* upload.c: a form that is being read */

struct sim_visit {
    struct sim_visit *next, *previous; /* of all visits */
    struct sim_visit *next_waiting;    /* for a place */
    struct sim *sim;
    struct http_exchange *exchange;
    bool has_place, is_answered;
    bool has_left;     /* the client has ended its side */
    bool is_abandoned; /* counted as one that holds its place for nobody */
    int status;
    struct sim_fault fault; /* SIM_FAULT_NONE: none */
    const struct sim_app *app;
    const struct sim_route *route;
    struct dify_slice argument; /* what the path has in place of {…} */
    struct dify__buffer body;
    void (*on_body)(struct sim_visit *visit);
    struct sim_upload *upload;
    struct sim_stream *stream;
    struct dify__alarm alarm;
    void (*on_alarm)(struct sim_visit *visit);
};

/* Begins a visit; the exchange's owner from here on. */
void sim_visit_begin(struct sim *sim, struct http_exchange *exchange);

/* Most bytes of a JSON body. */
#define SIM_BODY_BYTES ((size_t)32 << 20)

/* Reads the body into `visit->body`, then calls. */
void sim_visit_read(struct sim_visit *visit, void (*then)(struct sim_visit *visit));

/* Calls after so many milliseconds of Dify's. */
void sim_visit_wait(struct sim_visit *visit, double ms, void (*then)(struct sim_visit *visit));

/* ---- answers (reply.c) --------------------------------------------------------------------- */

/* The visit's fault may put a proxy's page or a reset in place of any of these. */

enum sim_answer_style {
    SIM_ANSWER_ASCII,  /* most: application/json, a line feed at the end */
    SIM_ANSWER_SPACED, /* blocking bodies: application/json; charset=utf-8 */
    SIM_ANSWER_FORM    /* a form's GET: application/json, as it is */
};

/* Answers with a JSON text, compact; cuts the connection if it failed. Frees the text. */
void sim_answer_json(struct sim_visit *visit, int status, enum sim_answer_style style,
                     struct sim_text *take_text);

/* {"code","message","status"}; the second one with a message that was put together, and frees it.
 */
void sim_answer_error(struct sim_visit *visit, int status, const char *code,
                      struct dify_slice message);
void sim_answer_message(struct sim_visit *visit, int status, const char *code,
                        struct sim_text *take_message);
void sim_answer_internal(struct sim_visit *visit); /* Dify's 500 */
void sim_answer_unauthorized(struct sim_visit *visit, const char *message);
void sim_answer_not_found(struct sim_visit *visit); /* the HTML page of an unknown path */
void sim_answer_method(struct sim_visit *visit);    /* 405 */
void sim_answer_redirect(struct sim_visit *visit);  /* of /v1 to /v1/ */
void sim_answer_options(struct sim_visit *visit, const char *allow);
void sim_answer_reset(struct sim_visit *visit);             /* a TCP reset instead */
void sim_answer_proxy(struct sim_visit *visit, int status); /* a proxy's own page */
void sim_answer_busy(struct sim_visit *visit);              /* too many runs of the visit's app */
void sim_answer_too_many(struct sim_visit *visit);          /* 429, as the visit's fault has it */
/* Begins a stream, with Cache-Control where it is the events endpoint's. */
void sim_answer_stream(struct sim_visit *visit, bool is_events);

/* gunicorn's page for what is no request; `ctx` is the simulator. */
bool sim_answer_refusal(void *ctx, int status, const char *reason, struct http_page *page);

#endif
