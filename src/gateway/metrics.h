/* SPDX-License-Identifier: Apache-2.0
 *
 * metrics.h: what is counted.
 */
#ifndef GATEWAY_METRICS_H
#define GATEWAY_METRICS_H

#include "gateway/run.h"

/* What a run hears of its follow. */
void gw_metrics_event(struct gw_run *run, const struct dify_event *event);
void gw_metrics_node(struct gw_run *run, const struct dify_node *node,
                     enum dify_node_change change);
void gw_metrics_warning(struct gw_run *run);
void gw_metrics_change(struct gw_run *run, const struct dify_follow_change *change);
void gw_metrics_stream(struct gw_run *run);

/* A run has ended as `of` says. */
void gw_metrics_end(struct gw_run *run, const struct dify_run *of);

#endif
