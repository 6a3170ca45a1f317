/* SPDX-License-Identifier: Apache-2.0
 *
 * query.h: the parameters of a request's query, and what is wrong with them, all of it in one
 * answer. Parameters that a route does not know are passed over; an empty one counts as not given.
 *
 *     struct gw_param params[] = {{.name = "app"}, {.name = "limit"}};
 *     struct gw_query query = {.params = params, .count = 2};
 *     if (gw_query_read(&query, request->http->query)) ... params[0].value ...
 *     ... gw_query_wrong(&query, "limit", "is a number from 1 to 200") ...
 *     if (gw_query_refuse(&query, exchange)) ... answered with 400 ...
 *     gw_query_fini(&query);
 */
#ifndef GATEWAY_QUERY_H
#define GATEWAY_QUERY_H

#include "gateway/limits.h"
#include "http/server.h"

struct gw_param {
    const char *name;
    struct dify_slice value; /* decoded, valid UTF-8 without NUL; absent: not given */
    bool is_seen;
};

struct gw_query {
    struct gw_param *params;
    size_t count;
    char *texts;
    char wrong[1024]; /* what is wrong so far */
};

/* False: no memory, and it was answered with 503. */
DIFY_MUST_CHECK bool gw_query_read(struct gw_query *query, struct http_exchange *exchange);
void gw_query_fini(struct gw_query *query);

/* "NAME what" is wrong. */
void gw_query_wrong(struct gw_query *query, const char *name, const char *what);

/* Whether something is wrong; then it was answered with 400. */
bool gw_query_refuse(struct gw_query *query, struct http_exchange *exchange);

/* Numbers from `least` to `most` into `out`, which stays as it is where none is given. */
void gw_query_number(struct gw_query *query, const struct gw_param *param, uint64_t least,
                     uint64_t most, uint64_t *out);

/* A moment: RFC 3339, or Unix seconds with or without a fraction; as Unix milliseconds. */
void gw_query_time(struct gw_query *query, const struct gw_param *param, uint64_t *out_ms);

/* "2026-08-01T05:30:00.5+02:00" or "1785562200.5"; false if it is neither, or before 1970. */
bool gw_read_time(struct dify_slice text, uint64_t *out_ms);

#endif
