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

/* Ceilings: of a look at each node, or each container, for each of a number of node_ids; and of the
 * containers' node_ids whose rounds are looked at. Past them one cannot tell. */
#define LOOKS ((size_t)1000000)
#define CONTAINERS 16

/* Whether it stands in no container, as far as its own events say. */
static bool is_said_to_be_outside(const struct dify__node *node)
{
    return node->iteration_id == 0 && node->loop_id == 0;
}

/* What `total_steps` counts, as far as it was seen: nodes and containers that stand in no other
 * container, retries, and a node that paused once more (so it is in all recordings but for
 * iterations over nothing, which count though no event tells of them). */
static uint64_t steps_seen(const struct dify__nodes *nodes)
{
    uint64_t steps = 0;
    for (size_t i = 0; i < nodes->count; i++) {
        const struct dify__node *node = &nodes->node[i];
        steps += is_said_to_be_outside(node);
        steps += node->retries;
        steps += (node->flags & DIFY__NODE_WAS_PAUSED) != 0;
    }
    return steps;
}

static bool is_any_in_two(const struct dify__nodes *nodes)
{
    for (size_t i = 0; i < nodes->count; i++)
        if (nodes->node[i].iteration_id != 0 && nodes->node[i].loop_id != 0)
            return true;
    return false;
}

/* Whether the containers of a group (its number) stand in another one. Live nothing says so but the
 * nodes that stand in both; the outer one was seen first. */
static bool is_within_another(const struct dify_run *run, size_t group)
{
    const struct dify__group *groups = run->containers.group;
    dify__text node_id = groups[group].node_id, other = 0;
    for (size_t i = 0; i < run->nodes.count && other == 0; i++) {
        const struct dify__node *node = &run->nodes.node[i];
        if (node->iteration_id == node_id)
            other = node->loop_id;
        else if (node->loop_id == node_id)
            other = node->iteration_id;
    }
    for (size_t i = 0; i < group && other != 0; i++)
        if (groups[i].node_id == other)
            return true;
    return false;
}

/* How many containers are among those steps although they stand in another one; false where that is
 * too much to look at. */
static bool steps_within(const struct dify_run *run, uint64_t *steps)
{
    const struct dify__nodes *containers = &run->containers;
    size_t most = run->nodes.count > containers->count ? run->nodes.count : containers->count;
    *steps = 0;
    if (!is_any_in_two(&run->nodes))
        return true;
    if (most > LOOKS / (containers->group_count + 1))
        return false;
    for (size_t group = 0; group < containers->group_count; group++) {
        if (!is_within_another(run, group))
            continue;
        for (size_t i = 0; i < containers->count; i++) {
            const struct dify__node *container = &containers->node[i];
            *steps += container->node_id == containers->group[group].node_id &&
                      is_said_to_be_outside(container);
        }
    }
    return true;
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

/* Whether there is a node whose end may have been lost, of a run that did not succeed. One that
 * waits for a form has none when the run is stopped; a run fails when it has gone on. */
static bool is_any_running(const struct dify_run *run)
{
    bool is_stopped = dify__slice_is(dify__texts_get(&run->texts, run->status), "stopped");
    for (size_t i = 0; i < run->nodes.count; i++) {
        const struct dify__node *node = &run->nodes.node[i];
        if (!dify__node_is_final(node) && !(is_stopped && (node->flags & DIFY__NODE_FINISHED) != 0))
            return true;
    }
    return false;
}

static bool is_any_unseen(const struct dify_run *run)
{
    uint64_t steps, within;
    if (run->workflow_tokens > run->tokens || !steps_within(run, &within))
        return true;
    uint64_t seen = steps_seen(&run->nodes) + steps_seen(&run->containers) - within;
    /* without a count, and of a run that was stopped Dify may say 0, one cannot tell */
    if (!dify__parse_uint(dify__texts_get(&run->texts, run->total_steps), &steps) || seen < steps ||
        (steps == 0 && seen > 0))
        return true;
    return is_any_running(run) || is_any_unseen_within(run);
}

bool dify__run_is_complete(const struct dify_run *run)
{
    struct dify_node node;
    for (size_t i = 0; dify_run_node(run, i, &node); i++)
        if (node.is_empty)
            return false;
    return !run->has_gap || (run->has_workflow_finished && !is_any_unseen(run));
}
