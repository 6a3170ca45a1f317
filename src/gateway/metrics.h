/* SPDX-License-Identifier: Apache-2.0
 *
 * metrics.h: what is counted, and GET /metrics, which shows it (docs/metrics.md).
 *
 * Counting is a few additions, on the loop's thread. What others count already (places, the hub,
 * the HTTP server, the store, the logger) is asked of them when it is shown.
 */
#ifndef GATEWAY_METRICS_H
#define GATEWAY_METRICS_H

#include "core/memory.h"
#include "gateway/run.h"

void gw_metrics_init(struct gateway *gateway);

/* What a run hears of its follow. */
void gw_metrics_born(struct gw_run *run);    /* it was made of a request */
void gw_metrics_sending(struct gw_run *run); /* its request leaves */
void gw_metrics_event(struct gw_run *run, const struct dify_event *event);
void gw_metrics_node(struct gw_run *run, const struct dify_node *node,
                     enum dify_node_change change);
void gw_metrics_warning(struct gw_run *run);
void gw_metrics_change(struct gw_run *run, const struct dify_follow_change *change);
void gw_metrics_stream(struct gw_run *run);
void gw_metrics_bytes(struct gw_run *run, size_t len);

/* A run has ended so. */
void gw_metrics_end(struct gw_run *run, const struct dify_result *result);

/* How long it has taken, until now. */
uint64_t gw_metrics_age_ms(const struct gw_run *run);

/* A user has rated a run of the app. */
void gw_metrics_rating(struct gw_app *app, bool is_like);

/* An answer begins; `tag` is the exchange's (routes.h). */
void gw_metrics_answer(struct gateway *gateway, unsigned tag, int status);

/* A relayed request is over: the status of its answer (0: its client left before), and the bytes of
 * both bodies. */
void gw_metrics_relayed(struct gateway *gateway, int status, uint64_t up_bytes,
                        uint64_t down_bytes);

/* A name for each outcome, for labels and logs: "succeeded", "read_timeout". */
const char *gw_outcome_name(enum dify_outcome outcome);

/* ---- metrics_text.c ------------------------------------------------------------------------ */

/* Appends all of it in Prometheus's text format 0.0.4. */
DIFY_MUST_CHECK enum dify_err gw_metrics_write(struct gateway *gateway, struct dify__buffer *out);

/* ---- between the two ----------------------------------------------------------------------- */

extern const uint32_t gw__first_event_bounds[GW_BUCKETS], gw__duration_bounds[GW_BUCKETS]; /* ms */

/* A type of nodes by its row; NULL past the last, which is "other". */
const char *gw__node_type(size_t row);

/* Whether a stream may fail for the reason, or be broken by it and taken up again. */
bool gw__fails_streams(enum dify_reason reason);

#endif
