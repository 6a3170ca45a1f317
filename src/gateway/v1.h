/* SPDX-License-Identifier: Apache-2.0
 *
 * v1.h: Dify's own API, below /v1, and a run that was asked for there.
 *
 * A run of /v1 is a run like any other; it has a mender besides (v1_mend.h), by which its callers
 * get one whole stream of Dify's own frames, or Dify's own blocking body, whatever became of the
 * connection to Dify.
 */
#ifndef GATEWAY_V1_H
#define GATEWAY_V1_H

#include "gateway/routes.h"
#include "gateway/run.h"
#include "gateway/v1_mend.h"

/* Of a run of /v1. */
struct gw_v1 {
    struct gw_mend *mend;
    bool has_stream;  /* Dify has answered with a stream: those of callers begin */
    unsigned streams; /* that there were, in other processes too; 1 at least of one taken up */
    bool has_told;    /* its log has records for callers */
    bool lacks_end;   /* there was no memory to tell them the end: streams are cut */
    char *body; /* once it has ended: of a blocking answer, or of an error; malloc; NULL for want of
                 * memory, or as nobody waits for it */
    size_t body_len;
    int status; /* of it; 0: it has not ended */
};

/* The app that a request below /v1 is for: that of its key, or of its access token. NULL: it was
 * answered, in Dify's words. */
struct gw_app *gw_v1_app(const struct gw_request *request);

/* ---- a run's; called by the run ------------------------------------------------------------ */

/* Whether the route of a run is one of Dify's own that start runs. */
bool gw_v1_is_route(struct dify_slice route);

/* Makes the run one of /v1, anew if it was one. False: no memory. */
DIFY_MUST_CHECK bool gw_v1_init(struct gw_run *run, enum dify_kind kind);
void gw_v1_fini(struct gw_run *run);

/* It has ended, and nobody waits for it: only its log is asked for from now on, until it is made
 * anew. */
void gw_v1_forget(struct gw_run *run);

/* A stream of Dify's begins; `is_resumed`: it is not that of the request which started the run. */
void gw_v1_stream(struct gw_run *run, bool is_resumed);
void gw_v1_event(struct gw_run *run, const struct dify_event *event); /* goes to the log */
void gw_v1_ping(struct gw_run *run);
void gw_v1_recall(struct gw_run *run, const struct store_record *record); /* of a log from before */

/* Appends the blocking answer of one that has ended. False: no memory. */
DIFY_MUST_CHECK bool gw_v1_write(const struct gw_run *run, struct dify__buffer *out);

/* It is about to end, and callers have not got a byte of a stream: they get its status. */
bool gw_v1_is_silent(const struct gw_run *run);

/* It has ended as `of` says: puts what its callers still lack of it. */
void gw_v1_end(struct gw_run *run, const struct dify_run *of);

#endif
