/* SPDX-License-Identifier: Apache-2.0
 *
 * measures.h: where the figures of metrics.h are counted. Written by metrics.c alone, on the loop's
 * thread.
 */
#ifndef GATEWAY_MEASURES_H
#define GATEWAY_MEASURES_H

#include "difystream/decimal.h"
#include "difystream/follow.h"
#include "difystream/result.h"
#include "gateway/limits.h"

#include <stdbool.h>
#include <stdint.h>

#define GW_OUTCOMES (DIFY_OUTCOME_UNAVAILABLE + 1)

/* Buckets of a histogram: their bounds are metrics.c's. */
#define GW_BUCKETS 14

struct gw_histogram {
    uint64_t buckets[GW_BUCKETS + 1]; /* each alone; the last is for what lies above all bounds */
    uint64_t sum_ms;
};

/* Of an app. */
struct gw_app_measures {
    uint64_t outcomes[GW_OUTCOMES];
    uint64_t streams, events, unknown_events, skipped_events, warnings, stream_bytes, tokens;
    uint64_t likes, dislikes;
    struct gw_histogram first_event, duration;
    struct dify_decimal prices[GW_CURRENCIES + 1]; /* by the gateway's currencies, then others */
};

/* Rows of node types, those of the table and "other". */
#define GW_NODE_TYPES 32

/* Rows of routes: tags of exchanges (routes.h), and classes of statuses, 2xx first. */
#define GW_ROUTE_TAGS 64
#define GW_STATUS_CLASSES 4

/* Of the gateway. */
struct gw_measures {
    uint64_t failed_streams[DIFY_REASONS], resumes[DIFY_REASONS];
    uint64_t nodes[GW_NODE_TYPES], node_us[GW_NODE_TYPES];
    uint64_t answers[GW_ROUTE_TAGS][GW_STATUS_CLASSES];
    uint64_t relayed[GW_STATUS_CLASSES], relayed_up_bytes, relayed_down_bytes;
    char currencies[GW_CURRENCIES][GW_CURRENCY_BYTES];
    size_t currency_count;
    uint64_t start_ms; /* Unix time */
};

/* Of a run. */
struct gw_run_measures {
    uint64_t born_ms; /* by the loop's clock; 0: in another process */
    uint64_t sent_ms; /* likewise; 0: not yet, or its first event has come */
    uint64_t skipped_events;
    enum dify_reason broken_by; /* NONE: its stream is not broken */
    uint32_t warnings;
};

#endif
