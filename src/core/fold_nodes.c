/* SPDX-License-Identifier: Apache-2.0
 *
 * fold_nodes.c: what events of nodes and containers change in the result (docs/result.md, rule 8).
 *
 * A record may be DIFY__NO_NODE: beyond the ceiling of nodes an event's figures and outputs still
 * count, but nothing else is kept of it.
 */
#include "core/fold_state.h"

#include "core/decimal_text.h"
#include "core/decoder.h"
#include "core/json_text.h"
#include "core/slices.h"

static void tell(struct dify_run *run, bool is_container, uint32_t number,
                 enum dify_node_change change)
{
    struct dify_node view;
    if (run->observer.node == NULL || number == DIFY__NO_NODE || run->failed != DIFY_OK)
        return;
    dify__run_view(run, is_container, number, &view);
    run->observer.node(run->observer.ctx, &view, change);
}

static uint32_t add_record(struct dify_run *run, struct dify__nodes *nodes, struct dify_slice id)
{
    uint32_t number = DIFY__NO_NODE;
    dify__run_note(run, dify__nodes_add(nodes, id, &number));
    if (number == DIFY__NO_NODE && run->failed == DIFY_OK && !run->nodes_overflowed) {
        run->nodes_overflowed = true;
        dify__run_warn(run, "more nodes than are listed; the further ones only count");
    }
    return number;
}

/* By execution id; without one, the latest unfinished of the node_id; else a new one. */
static uint32_t find_node(struct dify_run *run, const struct dify_event_data *data, bool *is_new)
{
    uint32_t number = data->id.ptr != NULL ? dify__nodes_by_id(&run->nodes, data->id)
                                           : dify__nodes_latest_open(&run->nodes, data->node_id);
    *is_new = number == DIFY__NO_NODE;
    return *is_new ? add_record(run, &run->nodes, data->id) : number;
}

/* What every event of a node tells of it. */
static void describe(struct dify_run *run, struct dify__nodes *nodes, uint32_t number,
                     const struct dify_event_data *data)
{
    struct dify__node *node = &nodes->node[number];
    dify__run_note(run, dify__nodes_place(nodes, number, data->node_id));
    dify__fill(run, &node->node_type, data->node_type);
    dify__fill(run, &node->title, data->title);
    dify__fill(run, &node->index, dify__only_number(data->index));
    dify__fill(run, &node->started_at, dify__only_number(data->created_at));
    dify__fill(run, &node->iteration_id, data->iteration_id);
    dify__fill(run, &node->loop_id, data->loop_id);
}

/* Whatever is told of a node closes its gap. Of a container only a snapshot does: the nodes in it
 * may have come and gone, and its own end does not tell of them. */
static void describe_node(struct dify_run *run, uint32_t number, const struct dify_event_data *data)
{
    describe(run, &run->nodes, number, data);
    run->nodes.node[number].flags &= ~(uint32_t)DIFY__NODE_IN_GAP;
}

/* `is_retried`: an attempt of it has failed, and another one goes on. */
static void start_node(struct dify_run *run, const struct dify_event_data *data, bool is_retried)
{
    bool is_new;
    uint32_t number = find_node(run, data, &is_new);
    if (number == DIFY__NO_NODE)
        return;
    struct dify__node *node = &run->nodes.node[number];
    describe_node(run, number, data);
    if (is_retried)
        dify__replace(run, &node->live_status, DIFY_SLICE("retry"));
    else
        dify__fill(run, &node->live_status, DIFY_SLICE("running"));
    if (is_new)
        tell(run, false, number, DIFY_NODE_STARTED);
}

static void add_tokens(struct dify_run *run, uint64_t tokens)
{
    if (run->tokens <= UINT64_MAX - tokens) {
        run->tokens += tokens;
        return;
    }
    run->tokens = UINT64_MAX;
    if (!run->tokens_overflowed)
        dify__run_warn(run, "the sum of tokens stays at 2^64 - 1");
    run->tokens_overflowed = true;
}

/* A price or a time of an end, where none was known; it counts in `sum`, which may be NULL. */
static void take_decimal(struct dify_run *run, dify__text *target, struct dify_number number,
                         struct dify_decimal *sum)
{
    char text[DIFY_DECIMAL_TEXT_BYTES];
    struct dify__figure figure = dify__read_decimal(run, number);
    struct dify_slice plain = number.text;
    if (!figure.is_known || *target != 0)
        return;
    if (!dify__decimal_is_plain(plain))
        plain = (struct dify_slice){text, dify_decimal_format(&figure.value, text)};
    dify__run_note(run, dify__texts_keep(&run->texts, plain, target));
    if (sum != NULL)
        dify_decimal_add(sum, &figure.value);
}

/* The figures of an end, each where it was not known yet. `count`: in the run's sums as well. */
static void take_figures(struct dify_run *run, struct dify__node *node,
                         const struct dify_event_data *data, struct dify_number tokens, bool count)
{
    const struct dify_usage *usage = &data->usage;
    take_decimal(run, &node->elapsed_time, data->elapsed_time, count ? &run->elapsed : NULL);
    take_decimal(run, &node->total_price, usage->total_price, count ? &run->price : NULL);
    if ((node->flags & DIFY__NODE_HAS_TOKENS) == 0 &&
        dify__parse_uint(tokens.text, &node->total_tokens)) {
        node->flags |= DIFY__NODE_HAS_TOKENS;
        if (count)
            add_tokens(run, node->total_tokens);
    }
    if (node->currency == 0 && usage->currency.ptr != NULL) {
        dify__replace(run, &node->currency, usage->currency);
        if (count)
            run->currency = node->currency;
    }
}

static bool is_object(struct dify_slice json)
{
    return json.ptr != NULL && json.ptr[0] == '{';
}

/* The state of an end: that of the first one that is not provisional, and where that says nothing,
 * of a later one. */
static void take_end(struct dify_run *run, struct dify__node *node,
                     const struct dify_event_data *data)
{
    if (!dify__node_is_final(node)) {
        node->flags =
            DIFY__NODE_FINISHED | (node->flags & (DIFY__NODE_IN_GAP | DIFY__NODE_WAS_PAUSED));
        if (dify__slice_is(data->status, "paused"))
            node->flags |= DIFY__NODE_PROVISIONAL | DIFY__NODE_WAS_PAUSED;
        /* what an earlier provisional end said gives way */
        node->status = node->error = node->finished_at = node->elapsed_time = 0;
        node->total_price = node->currency = node->steps = 0;
        node->total_tokens = 0;
    }
    if (is_object(data->inputs) || is_object(data->outputs) || is_object(data->process_data) ||
        is_object(data->execution_metadata))
        node->flags |= DIFY__NODE_HAS_ANY;
    dify__fill(run, &node->status, data->status);
    dify__fill(run, &node->error, data->error);
    dify__fill(run, &node->finished_at, dify__only_number(data->finished_at));
}

static void finish_node(struct dify_run *run, const struct dify_event_data *data)
{
    struct dify__members ignored;
    struct dify__node unlisted = {0};
    bool is_new;
    uint32_t number = find_node(run, data, &is_new);
    struct dify__node *node = number != DIFY__NO_NODE ? &run->nodes.node[number] : &unlisted;
    bool was_final = dify__node_is_final(node);
    if (node != &unlisted)
        describe_node(run, number, data);
    take_end(run, node, data);
    /* a provisional end is shown, and the next one counts */
    bool counts = dify__node_is_final(node);
    take_figures(run, node, data, data->usage.total_tokens, counts);
    if (counts && (node->flags & DIFY__NODE_HAS_OUTPUTS) == 0 &&
        dify__decoder_outputs(run->decoder, &ignored)) {
        node->flags |= DIFY__NODE_HAS_OUTPUTS;
        dify__merge_outputs(run);
    }
    if (!was_final)
        tell(run, false, number, DIFY_NODE_FINISHED);
}

/* What a failed attempt cost counts in the sums; it is not the node's own. */
static void retry_node(struct dify_run *run, const struct dify_event_data *data)
{
    bool is_new;
    uint64_t tokens;
    uint32_t number = find_node(run, data, &is_new);
    struct dify__figure price = dify__read_decimal(run, data->usage.total_price);
    if (price.is_known)
        dify_decimal_add(&run->price, &price.value);
    if (dify__parse_uint(data->usage.total_tokens.text, &tokens))
        add_tokens(run, tokens);
    dify__replace(run, &run->currency, data->usage.currency);
    if (number == DIFY__NO_NODE)
        return;
    struct dify__node *node = &run->nodes.node[number];
    describe_node(run, number, data);
    node->retries++;
    if (!dify__node_is_final(node)) {
        dify__replace(run, &node->live_status, DIFY_SLICE("retry"));
        node->status = 0; /* a provisional one gives way */
    }
    tell(run, false, number, DIFY_NODE_RETRIED);
}

static uint32_t new_container(struct dify_run *run, struct dify_slice id,
                              const struct dify_event_data *data)
{
    uint32_t number = add_record(run, &run->containers, id);
    if (number == DIFY__NO_NODE)
        return number;
    struct dify__node *container = &run->containers.node[number];
    describe(run, &run->containers, number, data);
    dify__replace(run, &container->live_status, DIFY_SLICE("running"));
    return number;
}

/* One whose start was not seen: after a gap it began in it, and nodes with it. */
static uint32_t new_missed_container(struct dify_run *run, struct dify_slice id,
                                     const struct dify_event_data *data)
{
    uint32_t number = new_container(run, id, data);
    if (number != DIFY__NO_NODE && run->has_gap)
        run->containers.node[number].flags |= DIFY__NODE_IN_GAP;
    return number;
}

/* iteration_started, loop_started: always another one. Their `id` is the node_id. */
static void start_container(struct dify_run *run, const struct dify_event_data *data)
{
    uint32_t number = new_container(run, (struct dify_slice){NULL, 0}, data);
    tell(run, true, number, DIFY_NODE_STARTED);
}

/* A snapshot's node_started of a container: one seen live, in order, gets its execution id, or it
 * is a new one. */
static void name_container(struct dify_run *run, const struct dify_event_data *data)
{
    struct dify__nodes *containers = &run->containers;
    uint32_t number = data->id.ptr != NULL ? dify__nodes_by_id(containers, data->id)
                                           : dify__nodes_latest_open(containers, data->node_id);
    if (number != DIFY__NO_NODE)
        return;
    if (data->id.ptr != NULL)
        number = dify__nodes_first_unnamed(containers, data->node_id);
    if (number == DIFY__NO_NODE) {
        number = new_missed_container(run, data->id, data);
        tell(run, true, number, DIFY_NODE_STARTED);
        return;
    }
    dify__run_note(run, dify__nodes_name(containers, number, data->id));
    describe(run, containers, number, data);
}

/* By execution id, which live events do not give; else the latest unfinished of the node_id; else a
 * new one. */
static uint32_t find_container(struct dify_run *run, const struct dify_event_data *data,
                               struct dify_slice id)
{
    uint32_t number = dify__nodes_by_id(&run->containers, id);
    if (number == DIFY__NO_NODE)
        number = dify__nodes_latest_open(&run->containers, data->node_id);
    if (number != DIFY__NO_NODE)
        return number;
    return new_missed_container(run, id, data);
}

/* What a container's failed attempt cost is its inner nodes': it counts in no sum. */
static void retry_container(struct dify_run *run, const struct dify_event_data *data)
{
    uint32_t number = find_container(run, data, data->id);
    if (number == DIFY__NO_NODE)
        return;
    struct dify__node *container = &run->containers.node[number];
    container->retries++;
    if (!dify__node_is_final(container)) {
        dify__replace(run, &container->live_status, DIFY_SLICE("retry"));
        container->status = 0;
    }
    tell(run, true, number, DIFY_NODE_RETRIED);
}

/* `id`: the execution id, absent in a live event. */
static void end_container(struct dify_run *run, const struct dify_event_data *data,
                          struct dify_slice id)
{
    struct dify__nodes *containers = &run->containers;
    uint32_t number = find_container(run, data, id);
    if (number == DIFY__NO_NODE)
        return;
    struct dify__node *container = &containers->node[number];
    bool was_final = dify__node_is_final(container);
    if (id.ptr != NULL && container->id == 0)
        dify__run_note(run, dify__nodes_name(containers, number, id));
    describe(run, &run->containers, number, data);
    take_end(run, container, data);
    uint64_t ignored;
    bool has_usage = dify__parse_uint(data->usage.total_tokens.text, &ignored);
    take_figures(run, container, data, has_usage ? data->usage.total_tokens : data->total_tokens,
                 false);
    dify__fill(run, &container->steps, dify__only_number(data->steps));
    if (!was_final)
        tell(run, true, number, DIFY_NODE_FINISHED);
}

void dify__fold_node(struct dify_run *run, const struct dify_event *event)
{
    const struct dify_event_data *data = &event->data;
    bool is_container =
        dify__slice_is(data->node_type, "iteration") || dify__slice_is(data->node_type, "loop");
    switch (event->type) {
    case DIFY_EVENT_NODE_STARTED:
        if (is_container)
            name_container(run, data);
        else
            start_node(run, data, false);
        break;
    case DIFY_EVENT_NODE_FINISHED:
        if (is_container)
            end_container(run, data, data->id);
        else if (dify__slice_is(data->status, "retry")) /* a snapshot's: it has not finished */
            start_node(run, data, true);
        else
            finish_node(run, data);
        break;
    case DIFY_EVENT_NODE_RETRY:
        if (is_container)
            retry_container(run, data);
        else
            retry_node(run, data);
        break;
    case DIFY_EVENT_ITERATION_STARTED:
    case DIFY_EVENT_LOOP_STARTED:
        start_container(run, data);
        break;
    case DIFY_EVENT_ITERATION_COMPLETED:
    case DIFY_EVENT_LOOP_COMPLETED:
        end_container(run, data, (struct dify_slice){NULL, 0}); /* their id is the node_id */
        break;
    default:
        break;
    }
}
