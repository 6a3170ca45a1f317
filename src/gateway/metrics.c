/* SPDX-License-Identifier: Apache-2.0
 *
 * metrics.c: see metrics.h.
 */
#include "gateway/metrics.h"

void gw_metrics_event(struct gw_run *run, const struct dify_event *event)
{
    (void)run;
    (void)event;
}

void gw_metrics_node(struct gw_run *run, const struct dify_node *node, enum dify_node_change change)
{
    (void)run;
    (void)node;
    (void)change;
}

void gw_metrics_warning(struct gw_run *run)
{
    (void)run;
}

void gw_metrics_change(struct gw_run *run, const struct dify_follow_change *change)
{
    (void)run;
    (void)change;
}

void gw_metrics_stream(struct gw_run *run)
{
    (void)run;
}

void gw_metrics_end(struct gw_run *run, const struct dify_run *of)
{
    (void)run;
    (void)of;
}
