/* SPDX-License-Identifier: Apache-2.0
 *
 * complete.c: whether a result lacks something that only a stream could have told. Only reads the
 * run.
 *
 * Without a gap nothing is missing. After one, nodes whose end was lost are known (is_empty); nodes
 * that came and went while nothing was read are not, and show only in what is counted: the server's
 * own steps and tokens, and how often each node of a container ran.
 */
#include "core/json_text.h"
#include "core/run_state.h"
#include "core/slices.h"

/* A run that fails or is stopped tells no end of what was still running: of a node that a later
 * stream shows one cannot tell whether its end was lost. */
bool dify__run_is_lost(const struct dify_run *run, const struct dify__node *node)
{
    if (!run->has_gap || !run->has_workflow_finished || dify__node_is_final(node))
        return false;
    struct dify_slice status = dify__texts_get(&run->texts, run->status);
    return (node->flags & DIFY__NODE_IN_GAP) != 0 || dify__slice_is(status, "succeeded") ||
           dify__slice_is(status, "partial-succeeded");
}

/* Ceilings of the looking: nodes by their kinds or by containers, and containers. Past them one
 * cannot tell. */
#define LOOKS ((size_t)1000000)
#define CONTAINERS 16

static size_t first_seen(const struct dify__nodes *containers, dify__text node_id)
{
    size_t i = 0;
    while (i < containers->count && containers->node[i].node_id != node_id)
        i++;
    return i;
}

/* Whether the containers of one node_id stand in another one. Live nothing says so but the nodes
 * that stand in both; the outer one was seen first. */
static bool is_within_another(const struct dify_run *run, dify__text node_id)
{
    for (size_t i = 0; i < run->nodes.count; i++) {
        const struct dify__node *node = &run->nodes.node[i];
        dify__text other = node->iteration_id == node_id ? node->loop_id
                           : node->loop_id == node_id    ? node->iteration_id
                                                         : 0;
        if (other != 0)
            return first_seen(&run->containers, other) < first_seen(&run->containers, node_id);
    }
    return false;
}

/* What `total_steps` counts, as far as it was seen: nodes and containers that stand in no other
 * container, retries, and a node that paused once more (so it is in all recordings but for
 * iterations over nothing, which count though no event tells of them). */
static uint64_t steps_seen(const struct dify_run *run, const struct dify__nodes *nodes)
{
    bool are_containers = nodes == &run->containers, is_within = false;
    dify__text looked_at = 0;
    uint64_t steps = 0;
    if (are_containers && run->nodes.count > LOOKS / (nodes->count + 1))
        return 0;
    for (size_t i = 0; i < nodes->count; i++) {
        const struct dify__node *node = &nodes->node[i];
        if (are_containers && node->node_id != looked_at) {
            looked_at = node->node_id;
            is_within = is_within_another(run, looked_at);
        }
        if (node->iteration_id == 0 && node->loop_id == 0 && !is_within)
            steps++;
        steps += node->retries;
        steps += (node->flags & DIFY__NODE_WAS_PAUSED) != 0;
    }
    return steps;
}

/* How many rounds the containers of one node_id made in all; 0 where one of them does not say. */
static uint64_t rounds_of(const struct dify_run *run, dify__text node_id)
{
    const struct dify__nodes *containers = &run->containers;
    uint64_t rounds = 0, steps;
    for (size_t i = 0; i < containers->count; i++) {
        if (containers->node[i].node_id != node_id)
            continue;
        if (!dify__parse_uint(dify__texts_get(&run->texts, containers->node[i].steps), &steps))
            return 0;
        rounds += steps;
    }
    return rounds;
}

/* Whether each node of a container has run once in each of its rounds, and there were several: then
 * none is missing that had at least one round in which it was seen. Where branches part this is not
 * so, and one cannot tell. */
static bool is_every_round_seen(const struct dify_run *run, dify__text node_id)
{
    const struct dify__nodes *nodes = &run->nodes;
    uint64_t rounds = rounds_of(run, node_id), seen = 0;
    if (rounds < 2 || nodes->count > LOOKS / (nodes->group_count + 1))
        return false;
    for (size_t group = 0; group < nodes->group_count; group++) {
        uint64_t count = 0;
        for (size_t i = 0; i < nodes->count; i++) {
            const struct dify__node *node = &nodes->node[i];
            if (node->node_id == nodes->group[group].node_id &&
                (node->iteration_id == node_id || node->loop_id == node_id))
                count++;
        }
        if (count != 0 && count != rounds)
            return false;
        seen += count;
    }
    return seen != 0;
}

static bool is_any_unseen_within(const struct dify_run *run)
{
    dify__text looked_at[CONTAINERS];
    size_t count = 0;
    for (size_t i = 0; i < run->containers.count; i++) {
        const struct dify__node *container = &run->containers.node[i];
        size_t at = 0;
        if ((container->flags & DIFY__NODE_IN_GAP) == 0)
            continue;
        while (at < count && looked_at[at] != container->node_id)
            at++;
        if (at < count)
            continue;
        if (count == CONTAINERS || !is_every_round_seen(run, container->node_id))
            return true;
        looked_at[count++] = container->node_id;
    }
    return false;
}

/* Whether there is a node whose end may have been lost, of a run that did not succeed. While one
 * waits for a form, nothing happens that could be. */
static bool is_any_running(const struct dify__nodes *nodes)
{
    for (size_t i = 0; i < nodes->count; i++)
        if ((nodes->node[i].flags & DIFY__NODE_FINISHED) == 0)
            return true;
    return false;
}

static bool is_any_unseen(const struct dify_run *run)
{
    uint64_t steps, seen = steps_seen(run, &run->nodes) + steps_seen(run, &run->containers);
    if (run->workflow_tokens > run->tokens)
        return true;
    /* without a count, and of a run that was stopped Dify may say 0, one cannot tell */
    if (!dify__parse_uint(dify__texts_get(&run->texts, run->total_steps), &steps) || seen < steps ||
        (steps == 0 && seen > 0))
        return true;
    return is_any_running(&run->nodes) || is_any_unseen_within(run);
}

bool dify__run_is_complete(const struct dify_run *run)
{
    struct dify_node node;
    for (size_t i = 0; dify_run_node(run, i, &node); i++)
        if (node.is_empty)
            return false;
    return !run->has_gap || (run->has_workflow_finished && !is_any_unseen(run));
}
