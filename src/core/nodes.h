/* SPDX-License-Identifier: Apache-2.0
 *
 * nodes.h: the nodes of a run, or its containers, in order of first sight.
 *
 * A record is found by its execution id, and the latest unfinished one by its node_id
 * (docs/result.md, rule 8). Records are referred to by number; pointers die when one is added.
 */
#ifndef DIFY_CORE_NODES_H
#define DIFY_CORE_NODES_H

#include "core/texts.h"
#include "difystream/run.h"

#include <stdbool.h>

#define DIFY__NO_NODE UINT32_MAX

enum {
    DIFY__NODE_FINISHED = 1,    /* a node_finished came, also a provisional one */
    DIFY__NODE_PROVISIONAL = 2, /* the last node_finished had the status `paused` */
    DIFY__NODE_HAS_OUTPUTS = 4,
    DIFY__NODE_HAS_TOKENS = 8,
    DIFY__NODE_HAS_ANY = 16,    /* inputs, outputs, process data or metadata came with its end */
    DIFY__NODE_WAS_PAUSED = 64, /* an end of it was provisional */
    /* Without a final end when events may have been lost; of a node: and not seen since. (A
     * snapshot says again that a node runs or waits; what came and went in a container it may not
     * say.) */
    DIFY__NODE_IN_GAP = 32
};

struct dify__node {
    dify__text id, node_id, node_type, title, index;
    dify__text live_status; /* running or retry: shown until an end says more */
    dify__text status, started_at, finished_at, elapsed_time;
    dify__text total_price, currency, error, iteration_id, loop_id, steps;
    uint32_t older_open; /* the next older record of the group that was unfinished */
    uint32_t next;       /* the next younger record of the group */
    uint32_t retries;
    uint32_t flags;
    uint64_t total_tokens;
};

/* Whether its end came, and no provisional one. */
static inline bool dify__node_is_final(const struct dify__node *node)
{
    return (node->flags & (DIFY__NODE_FINISHED | DIFY__NODE_PROVISIONAL)) == DIFY__NODE_FINISHED;
}

/* The records of one node_id. */
struct dify__group {
    dify__text node_id;
    uint32_t newest_open;    /* where to look for the latest unfinished record */
    uint32_t oldest_unnamed; /* where to look for the first record without execution id */
    uint32_t newest;
};

struct dify__nodes {
    const struct dify_allocator *allocator;
    struct dify__texts *texts;
    struct dify__budget *budget;
    size_t max;

    struct dify__node *node;
    size_t count, capacity;
    struct dify__text_index by_id;

    struct dify__group *group;
    size_t group_count, group_capacity;
    struct dify__text_index by_node_id;
};

void dify__nodes_init(struct dify__nodes *nodes, const struct dify_allocator *allocator,
                      struct dify__texts *texts, struct dify__budget *budget, size_t max);
void dify__nodes_fini(struct dify__nodes *nodes);

/* The record of execution `id`, or DIFY__NO_NODE. */
uint32_t dify__nodes_by_id(const struct dify__nodes *nodes, struct dify_slice id);

/* The latest unfinished record of `node_id`, or DIFY__NO_NODE. */
uint32_t dify__nodes_latest_open(struct dify__nodes *nodes, struct dify_slice node_id);

/* The first record of `node_id` without an execution id, or DIFY__NO_NODE. */
uint32_t dify__nodes_first_unnamed(struct dify__nodes *nodes, struct dify_slice node_id);

/* Adds a record; `id` may be absent. `*out` is DIFY__NO_NODE where there are `max` of them. */
DIFY_MUST_CHECK enum dify_err dify__nodes_add(struct dify__nodes *nodes, struct dify_slice id,
                                              uint32_t *out);

/* Gives a record its node_id, where it had none and one came. */
DIFY_MUST_CHECK enum dify_err dify__nodes_place(struct dify__nodes *nodes, uint32_t number,
                                                struct dify_slice node_id);

/* Gives an unnamed record its execution id. */
DIFY_MUST_CHECK enum dify_err dify__nodes_name(struct dify__nodes *nodes, uint32_t number,
                                               struct dify_slice id);

/* The public view of record `number`. */
void dify__nodes_view(const struct dify__nodes *nodes, uint32_t number, struct dify_node *out);

#endif
