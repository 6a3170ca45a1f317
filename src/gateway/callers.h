/* SPDX-License-Identifier: Apache-2.0
 *
 * callers.h: who waits for a run: for its result, for its events, or for a receipt that it is kept.
 *
 * A caller is one exchange; it lives until that is over. It may leave at any time; the run goes on,
 * unless its app is configured to stop runs that nobody waits for.
 */
#ifndef GATEWAY_CALLERS_H
#define GATEWAY_CALLERS_H

#include "gateway/run.h"

enum gw_caller_kind {
    GW_CALLER_RESULT, /* one JSON, after newlines that keep the connection alive */
    GW_CALLER_STREAM, /* the event log as SSE, then the result */
    GW_CALLER_RECEIPT /* 202, once the run is kept */
};

struct gw_caller_options {
    enum gw_caller_kind kind;
    uint32_t keepalive_after_ms; /* of a RESULT; 0: never */
    bool is_creating;            /* it asked for the run: answers say where it is */
    bool is_v1; /* of a run of /v1: a RESULT is Dify's own body, a STREAM has Dify's own frames */

    bool is_from_now; /* of a STREAM of /v1: nothing of what was told before */
    bool is_end_only; /* likewise: only what ends the run */

    /* of a STREAM: what was seen last; from there it goes on */
    bool has_last;
    uint32_t last_epoch, last_number;
};

/* Attaches an exchange, whose body was read, to a run; it is answered, now or later, in any case.
 * Whoever watched it until now hears no more of it. False: there is no room, and it was told so. */
bool gw_caller_attach(struct gw_run *run, struct http_exchange *exchange,
                      const struct gw_caller_options *options);

/* "12-345", the id of an event; false if it is none of ours. */
bool gw_parse_event_id(struct dify_slice text, uint32_t *epoch, uint32_t *number);

/* Whether somebody follows its events; whether some answer to a caller of /v1 has begun; whether
 * all get a stream that has. */
bool gw_callers_follow(const struct gw_run *run);
bool gw_callers_have_begun(const struct gw_run *run);
bool gw_callers_all_stream(const struct gw_run *run);

/* The exchange of the first one; NULL: there is none. */
struct http_exchange *gw_callers_first(const struct gw_run *run);

/* ---- by the run ---------------------------------------------------------------------------- */

void gw_callers_accepted(struct gw_run *run); /* its row is there */
void gw_callers_progress(struct gw_run *run); /* more of its log may be shown */
void gw_callers_ended(struct gw_run *run);    /* its result stands */
void gw_callers_cut(struct gw_run *run);      /* the gateway closes */

#endif
