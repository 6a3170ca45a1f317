/* SPDX-License-Identifier: Apache-2.0
 *
 * caller.h: a caller, between the files that serve callers.
 */
#ifndef GATEWAY_CALLER_H
#define GATEWAY_CALLER_H

#include "gateway/callers.h"

struct gw_stream_read;

struct gw_caller {
    struct gw_run *run;
    struct http_exchange *exchange; /* NULL: it has left while it was read for */
    struct http_link link;
    bool has_begun, is_answered;

    /* of a stream */
    bool is_reading; /* records come from the store */
    bool has_told_reset;
    uint32_t next;       /* number of the next record to send */
    uint64_t at;         /* its position in the run's log; UINT64_MAX: to be looked for */
    uint64_t written_ms; /* when something was sent last */

    struct gw_caller_options options;
    struct dify__alarm alarm; /* keeps its connection alive */
};

/* stream.c */
void gw__stream_begin(struct gw_caller *caller);
void gw__stream_pump(struct gw_caller *caller); /* sends what may be sent */
void gw__stream_keep_alive(struct gw_caller *caller);

void gw__caller_accepted(struct gw_caller *caller);

/* The fields that answers to a caller of /v1 have besides. Returns how many. */
size_t gw__caller_v1_fields(const struct gw_caller *caller, struct http_field fields[2]);

#endif
