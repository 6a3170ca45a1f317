/* SPDX-License-Identifier: Apache-2.0
 *
 * nodes.c: records of nodes, found by execution id and by node_id.
 *
 * Each group keeps its unfinished records as a stack from which finished ones are dropped when they
 * come to the top, and its records in order from which named ones are dropped at the front; so a
 * search costs, over a whole run, no more than one step a record.
 */
#include "core/nodes.h"

#include "core/slices.h"

#include <string.h>

#define LATE_STEPS 64

void dify__nodes_init(struct dify__nodes *nodes, const struct dify_allocator *allocator,
                      struct dify__texts *texts, struct dify__budget *budget, size_t max)
{
    memset(nodes, 0, sizeof *nodes);
    nodes->allocator = allocator;
    nodes->texts = texts;
    nodes->budget = budget;
    nodes->max = max;
    nodes->by_id.seed = nodes->by_node_id.seed = texts->shared.seed;
}

void dify__nodes_fini(struct dify__nodes *nodes)
{
    dify__free(nodes->allocator, nodes->node);
    dify__free(nodes->allocator, nodes->by_id.slot);
    dify__free(nodes->allocator, nodes->group);
    dify__free(nodes->allocator, nodes->by_node_id.slot);
}

static bool is_text(const struct dify__nodes *nodes, dify__text text, struct dify_slice other)
{
    return dify__slice_equals(dify__texts_get(nodes->texts, text), other);
}

uint32_t dify__nodes_by_id(const struct dify__nodes *nodes, struct dify_slice id)
{
    uint32_t hash = dify__text_index_hash(&nodes->by_id, id), number;
    size_t at = 0;
    while (id.ptr != NULL && dify__text_index_next(&nodes->by_id, hash, &at, &number))
        if (is_text(nodes, nodes->node[number].id, id))
            return number;
    return DIFY__NO_NODE;
}

static struct dify__group *find_group(const struct dify__nodes *nodes, struct dify_slice node_id)
{
    uint32_t hash = dify__text_index_hash(&nodes->by_node_id, node_id), number;
    size_t at = 0;
    while (node_id.ptr != NULL && dify__text_index_next(&nodes->by_node_id, hash, &at, &number))
        if (is_text(nodes, nodes->group[number].node_id, node_id))
            return &nodes->group[number];
    return NULL;
}

uint32_t dify__nodes_latest_open(struct dify__nodes *nodes, struct dify_slice node_id)
{
    struct dify__group *group = find_group(nodes, node_id);
    if (group == NULL)
        return DIFY__NO_NODE;
    while (group->newest_open != DIFY__NO_NODE) {
        const struct dify__node *node = &nodes->node[group->newest_open];
        if ((node->flags & (DIFY__NODE_FINISHED | DIFY__NODE_PROVISIONAL)) != DIFY__NODE_FINISHED)
            break;
        group->newest_open = node->older_open;
    }
    return group->newest_open;
}

uint32_t dify__nodes_first_unnamed(struct dify__nodes *nodes, struct dify_slice node_id)
{
    struct dify__group *group = find_group(nodes, node_id);
    if (group == NULL)
        return DIFY__NO_NODE;
    while (group->oldest_unnamed != DIFY__NO_NODE && nodes->node[group->oldest_unnamed].id != 0)
        group->oldest_unnamed = nodes->node[group->oldest_unnamed].next;
    return group->oldest_unnamed;
}

static enum dify_err add_group(struct dify__nodes *nodes, struct dify_slice node_id,
                               struct dify__group **out)
{
    enum dify_err err = dify__grow(nodes->allocator, (void **)&nodes->group, &nodes->group_capacity,
                                   nodes->group_count + 1, sizeof *nodes->group);
    if (err == DIFY_OK)
        err = dify__text_index_reserve(&nodes->by_node_id, nodes->allocator);
    struct dify__group group = {0, DIFY__NO_NODE, DIFY__NO_NODE, DIFY__NO_NODE};
    if (err == DIFY_OK)
        err = dify__texts_share(nodes->texts, node_id, &group.node_id);
    if (err != DIFY_OK)
        return err;
    nodes->group[nodes->group_count] = group;
    dify__text_index_add(&nodes->by_node_id, dify__text_index_hash(&nodes->by_node_id, node_id),
                         (uint32_t)nodes->group_count);
    *out = &nodes->group[nodes->group_count++];
    return DIFY_OK;
}

enum dify_err dify__nodes_place(struct dify__nodes *nodes, uint32_t number,
                                struct dify_slice node_id)
{
    struct dify__node *node = &nodes->node[number];
    if (node->node_id != 0 || node_id.ptr == NULL)
        return DIFY_OK;
    struct dify__group *group = find_group(nodes, node_id);
    if (group == NULL) {
        enum dify_err err = add_group(nodes, node_id, &group);
        if (err != DIFY_OK)
            return err;
    }
    node->node_id = group->node_id;
    /* "Latest" is by first sight: a record whose node_id came late goes below younger ones, though
     * not far, so that a stream of them costs no more than others. */
    uint32_t *open = &group->newest_open;
    for (int steps = 0; *open != DIFY__NO_NODE && *open > number && steps < LATE_STEPS; steps++)
        open = &nodes->node[*open].older_open;
    node->older_open = *open;
    *open = number;
    if (group->newest != DIFY__NO_NODE)
        nodes->node[group->newest].next = number;
    group->newest = number;
    if (group->oldest_unnamed == DIFY__NO_NODE)
        group->oldest_unnamed = number;
    return DIFY_OK;
}

enum dify_err dify__nodes_name(struct dify__nodes *nodes, uint32_t number, struct dify_slice id)
{
    enum dify_err err = dify__text_index_reserve(&nodes->by_id, nodes->allocator);
    if (err == DIFY_OK)
        err = dify__texts_keep(nodes->texts, id, &nodes->node[number].id);
    if (err == DIFY_OK)
        dify__text_index_add(&nodes->by_id, dify__text_index_hash(&nodes->by_id, id), number);
    return err;
}

enum dify_err dify__nodes_add(struct dify__nodes *nodes, struct dify_slice id, uint32_t *out)
{
    *out = DIFY__NO_NODE;
    if (nodes->count >= nodes->max)
        return DIFY_OK;
    enum dify_err err = dify__budget_take(nodes->budget, sizeof *nodes->node);
    if (err == DIFY_OK)
        err = dify__grow(nodes->allocator, (void **)&nodes->node, &nodes->capacity,
                         nodes->count + 1, sizeof *nodes->node);
    if (err != DIFY_OK)
        return err;
    uint32_t number = (uint32_t)nodes->count;
    struct dify__node *node = &nodes->node[number];
    memset(node, 0, sizeof *node);
    node->older_open = DIFY__NO_NODE;
    node->next = DIFY__NO_NODE;
    if (id.ptr != NULL)
        err = dify__nodes_name(nodes, number, id);
    if (err != DIFY_OK)
        return err;
    nodes->count++;
    *out = number;
    return DIFY_OK;
}

void dify__nodes_view(const struct dify__nodes *nodes, uint32_t number, struct dify_node *out)
{
    const struct dify__node *node = &nodes->node[number];
    const struct dify__texts *texts = nodes->texts;
    *out = (struct dify_node){
        .id = dify__texts_get(texts, node->id),
        .node_id = dify__texts_get(texts, node->node_id),
        .node_type = dify__texts_get(texts, node->node_type),
        .title = dify__texts_get(texts, node->title),
        .index = dify__texts_get(texts, node->index),
        .status = dify__texts_get(texts, node->status != 0 ? node->status : node->live_status),
        .started_at = dify__texts_get(texts, node->started_at),
        .finished_at = dify__texts_get(texts, node->finished_at),
        .elapsed_time = dify__texts_get(texts, node->elapsed_time),
        .total_price = dify__texts_get(texts, node->total_price),
        .currency = dify__texts_get(texts, node->currency),
        .error = dify__texts_get(texts, node->error),
        .iteration_id = dify__texts_get(texts, node->iteration_id),
        .loop_id = dify__texts_get(texts, node->loop_id),
        .steps = dify__texts_get(texts, node->steps),
        .total_tokens = node->total_tokens,
        .retries = node->retries,
        .has_tokens = (node->flags & DIFY__NODE_HAS_TOKENS) != 0,
        .is_finished = (node->flags & DIFY__NODE_FINISHED) != 0,
        .is_empty = (node->flags & (DIFY__NODE_FINISHED | DIFY__NODE_PROVISIONAL |
                                    DIFY__NODE_HAS_ANY)) == DIFY__NODE_FINISHED,
    };
}
