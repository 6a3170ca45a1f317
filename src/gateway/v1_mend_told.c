/* SPDX-License-Identifier: Apache-2.0
 *
 * v1_mend_told.c: what callers were told of a run, and whether an event repeats it.
 *
 * Executions are known again by their ids (core/nodes.h). Of what has none (retries, forms) a hash
 * is kept: only another stream repeats such a thing, so within one stream two of them are two. The
 * live events of containers always pass: no server repeats them, and those of two short loops one
 * behind the other look the same.
 */
#include "core/slices.h"
#include "gateway/v1_mend_state.h"

#include <string.h>

/* ---- marks ----------------------------------------------------------------------------------- */

static uint64_t hash(uint64_t key, struct dify_slice text)
{
    struct dify__text_index low = {.seed = key}, high = {.seed = ~key};
    return (uint64_t)dify__text_index_hash(&high, text) << 32 | dify__text_index_hash(&low, text);
}

/* The next value of a member "form_id" in valid JSON, from `*at` on. */
static bool next_form_id(const char **at, const char *end, struct dify_slice *id)
{
    static const char key[] = "\"form_id\"";
    const size_t len = sizeof key - 1;
    while (end - *at > (ptrdiff_t)len) {
        const char *here = *at;
        if (memcmp(here, key, len) != 0 || here[-1] == '\\') { /* never the first byte */
            (*at)++;
            continue;
        }
        for (here += len; here < end && (*here == ' ' || *here == ':');)
            here++;
        *at = here;
        if (here == end || *here != '"' || here[-1] == '"')
            continue;
        id->ptr = here + 1;
        for (here++; here < end && *here != '"';)
            here++;
        id->len = (size_t)(here - id->ptr);
        *at = here;
        return true;
    }
    return false;
}

/* A snapshot words a pause differently; the forms that it waits for are the same. */
static uint64_t key_of_pause(uint64_t key, uint32_t resumptions, const struct dify_event_data *data)
{
    const char *at = data->reasons.ptr, *end = at + data->reasons.len;
    uint64_t by_forms = key;
    struct dify_slice id;
    if (data->reasons.len > 1)
        for (at++; next_form_id(&at, end, &id);)
            by_forms = hash(by_forms, id);
    if (by_forms != key)
        return by_forms;
    return hash(key + resumptions,
                data->paused_nodes.ptr != NULL ? data->paused_nodes : DIFY_SLICE(""));
}

/* What tells an event from others of its type. */
static uint64_t key_of(const struct gw_mend *mend, const struct dify_event *event)
{
    const struct dify_event_data *data = &event->data;
    uint64_t key = hash((uint64_t)event->type, DIFY_SLICE(""));
    if (event->type == DIFY_EVENT_HUMAN_INPUT_REQUIRED && data->form_id.len != 0)
        return hash(key, data->form_id);
    if (event->type == DIFY_EVENT_WORKFLOW_PAUSED)
        return key_of_pause(key, mend->resumptions, data);
    return hash(key, event->data_json.ptr != NULL ? event->data_json : event->json);
}

static struct gw_mark *find_mark(struct gw_mark *marks, size_t capacity, uint64_t key)
{
    size_t at = (size_t)key & (capacity - 1);
    while (marks[at].stream != 0 && marks[at].key != key)
        at = (at + 1) & (capacity - 1);
    return &marks[at];
}

static enum dify_err make_room(struct gw_mend *mend)
{
    struct gw_mark *grown = NULL;
    size_t capacity = 0, need = mend->mark_capacity != 0 ? mend->mark_capacity * 2 : 16;
    if (mend->mark_count * 2 < mend->mark_capacity)
        return DIFY_OK;
    if (mend->mark_count >= GW_MEND_MARKS)
        return DIFY_ERR_TOO_LARGE;
    enum dify_err err =
        dify__grow(mend->allocator, (void **)&grown, &capacity, need, sizeof *grown);
    if (err != DIFY_OK)
        return err;
    for (size_t i = 0; i < mend->mark_capacity; i++)
        if (mend->mark[i].stream != 0)
            *find_mark(grown, capacity, mend->mark[i].key) = mend->mark[i];
    dify__free(mend->allocator, mend->mark);
    mend->mark = grown;
    mend->mark_capacity = capacity;
    return DIFY_OK;
}

static void add_mark(struct gw_mend *mend, uint64_t key)
{
    enum dify_err err = make_room(mend);
    gw__mend_note(mend, err);
    if (err != DIFY_OK)
        return;
    struct gw_mark *mark = find_mark(mend->mark, mend->mark_capacity, key);
    if (mark->stream != 0)
        return;
    *mark = (struct gw_mark){key, mend->streams};
    mend->mark_count++;
}

/* Whether it was told; `in_others`: in another stream than this. */
static bool has_mark(const struct gw_mend *mend, uint64_t key, bool in_others)
{
    if (mend->mark_capacity == 0)
        return false;
    const struct gw_mark *mark = find_mark(mend->mark, mend->mark_capacity, key);
    return mark->stream != 0 && !(in_others && mark->stream == mend->streams);
}

/* ---- executions ------------------------------------------------------------------------------ */

static bool is_container(const struct dify_event_data *data)
{
    return dify__slice_is(data->node_type, "iteration") || dify__slice_is(data->node_type, "loop");
}

static bool is_provisional(const struct dify_event_data *data)
{
    return dify__slice_is(data->status, "paused");
}

/* The record of the event's execution; a container that was told without its id gets it here.
 * DIFY__NO_NODE: nothing was told of it. */
static uint32_t find_execution(struct gw_mend *mend, struct dify__nodes *nodes,
                               const struct dify_event_data *data)
{
    uint32_t number = dify__nodes_by_id(nodes, data->id);
    if (number != DIFY__NO_NODE || nodes != &mend->containers)
        return number;
    number = dify__nodes_first_unnamed(nodes, data->node_id);
    if (number != DIFY__NO_NODE)
        gw__mend_note(mend, dify__nodes_name(nodes, number, data->id));
    return number;
}

static struct dify__node *add_execution(struct gw_mend *mend, struct dify__nodes *nodes,
                                        struct dify_slice id, struct dify_slice node_id)
{
    uint32_t number = DIFY__NO_NODE;
    enum dify_err err = dify__nodes_add(nodes, id, &number);
    if (err == DIFY_OK && number == DIFY__NO_NODE)
        err = DIFY_ERR_TOO_LARGE;
    if (err == DIFY_OK)
        err = dify__nodes_place(nodes, number, node_id);
    gw__mend_note(mend, err);
    return number != DIFY__NO_NODE ? &nodes->node[number] : NULL;
}

static struct dify__nodes *nodes_of(struct gw_mend *mend, const struct dify_event_data *data)
{
    return is_container(data) ? &mend->containers : &mend->nodes;
}

static bool repeats_start(struct gw_mend *mend, const struct dify_event_data *data)
{
    struct dify__nodes *nodes = nodes_of(mend, data);
    uint32_t number = data->id.len != 0 ? find_execution(mend, nodes, data) : DIFY__NO_NODE;
    if (number == DIFY__NO_NODE)
        return false;
    /* A node that waited for a form starts once more when the run goes on. */
    return (nodes->node[number].flags & DIFY__NODE_FINISHED) != 0 ||
           nodes->node[number].retries == mend->resumptions || nodes == &mend->containers;
}

/* A provisional end stands in snapshots alone: live, workflow_paused says as much. */
static bool repeats_end(struct gw_mend *mend, const struct dify_event_data *data)
{
    struct dify__nodes *nodes = nodes_of(mend, data);
    uint32_t number = data->id.len != 0 ? find_execution(mend, nodes, data) : DIFY__NO_NODE;
    return is_provisional(data) ||
           (number != DIFY__NO_NODE && (nodes->node[number].flags & DIFY__NODE_FINISHED) != 0);
}

static void tell_start(struct gw_mend *mend, const struct dify_event_data *data)
{
    struct dify__nodes *nodes = nodes_of(mend, data);
    if (data->id.len == 0)
        return;
    uint32_t number = dify__nodes_by_id(nodes, data->id);
    struct dify__node *node = number != DIFY__NO_NODE
                                  ? &nodes->node[number]
                                  : add_execution(mend, nodes, data->id, data->node_id);
    if (node != NULL)
        node->retries = mend->resumptions;
}

static void tell_end(struct gw_mend *mend, const struct dify_event_data *data)
{
    if (is_provisional(data))
        return;
    tell_start(mend, data); /* what has ended is not begun again */
    struct dify__nodes *nodes = nodes_of(mend, data);
    uint32_t number = dify__nodes_by_id(nodes, data->id);
    if (number != DIFY__NO_NODE)
        nodes->node[number].flags |= DIFY__NODE_FINISHED;
}

static void tell_container_end(struct gw_mend *mend, const struct dify_event_data *data)
{
    uint32_t number = dify__nodes_latest_open(&mend->containers, data->node_id);
    if (number != DIFY__NO_NODE)
        mend->containers.node[number].flags |= DIFY__NODE_FINISHED;
}

/* ---- the answer ------------------------------------------------------------------------------ */

void gw__mend_tell_answer(struct gw_mend *mend, struct dify_slice text, bool is_whole)
{
    if (is_whole) {
        mend->answer.len = 0;
        mend->is_answer_lost = false;
    }
    if (mend->is_answer_lost || text.len == 0)
        return;
    enum dify_err err = dify__buffer_append(&mend->answer, text.ptr, text.len);
    gw__mend_note(mend, err);
    mend->is_answer_lost = err != DIFY_OK;
    if (err != DIFY_OK)
        dify__buffer_clear(&mend->answer, 0);
}

/* ---- what is heard --------------------------------------------------------------------------- */

static void keep(struct gw_mend *mend, struct dify__buffer *buffer, struct dify_slice text)
{
    dify__buffer_clear(buffer, SIZE_MAX);
    if (dify__buffer_reserve(buffer, text.len) != DIFY_OK) {
        mend->is_blind = true;
        return;
    }
    gw__mend_note(mend, dify__buffer_append(buffer, text.ptr, text.len));
}

static void learn_id(struct gw_mend *mend, dify__text *target, struct dify_slice text)
{
    if (*target == 0 && text.len != 0)
        gw__mend_note(mend, dify__texts_share(&mend->texts, text, target));
}

static void learn_ids(struct gw_mend *mend, const struct dify_event *event)
{
    learn_id(mend, &mend->run_id, event->workflow_run_id);
    learn_id(mend, &mend->conversation_id, event->conversation_id);
    learn_id(mend, &mend->message_id, event->message_id);
    learn_id(mend, &mend->workflow_id, event->data.workflow_id);
    if (mend->kind != DIFY_KIND_WORKFLOW && !event->created_at.from_string)
        learn_id(mend, &mend->created_at, event->created_at.text);
    learn_id(mend, &mend->task_id, event->task_id); /* as it was told first: a snapshot's, too */
}

/* The form as an element of a pause's reasons. */
static void learn_form(struct gw_mend *mend, struct dify_slice json)
{
    static const char type[] = "{\"TYPE\":\"human_input_required\",";
    struct dify__buffer *forms = &mend->forms;
    if (json.len < 3 || json.ptr[0] != '{')
        return;
    size_t before = forms->len;
    enum dify_err err = before != 0 ? dify__buffer_append(forms, ",", 1) : DIFY_OK;
    if (err == DIFY_OK)
        err = dify__buffer_append(forms, type, sizeof type - 1);
    if (err == DIFY_OK)
        err = dify__buffer_append(forms, json.ptr + 1, json.len - 1);
    if (err != DIFY_OK)
        forms->len = before;
    gw__mend_note(mend, err);
}

void gw__mend_learn(struct gw_mend *mend, const struct dify_event *event)
{
    learn_ids(mend, event);
    switch (event->type) {
    case DIFY_EVENT_WORKFLOW_STARTED:
        if (dify__slice_is(event->data.reason, "resumption"))
            mend->forms.len = 0;
        break;
    case DIFY_EVENT_MESSAGE:
        if (gw__mend_is_chatflow(mend) && mend->message.len == 0)
            keep(mend, &mend->message, event->json);
        break;
    case DIFY_EVENT_AGENT_MESSAGE:
        mend->has_agent_message = true;
        break;
    case DIFY_EVENT_MESSAGE_END:
        keep(mend, &mend->message_end, event->json);
        break;
    case DIFY_EVENT_WORKFLOW_FINISHED:
        keep(mend, &mend->finished, event->json);
        break;
    case DIFY_EVENT_WORKFLOW_PAUSED:
        keep(mend, &mend->paused, event->json);
        break;
    case DIFY_EVENT_HUMAN_INPUT_REQUIRED:
        if (!has_mark(mend, key_of(mend, event), false))
            learn_form(mend, event->data_json);
        break;
    case DIFY_EVENT_ERROR:
        keep(mend, &mend->error, event->json);
        break;
    default:
        break;
    }
}

/* ---- what is told ---------------------------------------------------------------------------- */

/* Once a pause was told the run may be said to go on, once. */
static bool is_resumption(const struct gw_mend *mend, const struct dify_event *event)
{
    return mend->may_resume && dify__slice_is(event->data.reason, "resumption");
}

static void tell_start_of_run(struct gw_mend *mend, const struct dify_event *event)
{
    if (is_resumption(mend, event)) {
        mend->resumptions++;
        mend->may_resume = false;
    }
    mend->is_started_told = true;
}

bool gw__mend_repeats(struct gw_mend *mend, const struct dify_event *event)
{
    switch (event->type) {
    case DIFY_EVENT_WORKFLOW_STARTED:
        return mend->is_started_told && !is_resumption(mend, event);
    case DIFY_EVENT_NODE_STARTED:
        return repeats_start(mend, &event->data);
    case DIFY_EVENT_NODE_FINISHED:
        return repeats_end(mend, &event->data);
    case DIFY_EVENT_NODE_RETRY:
    case DIFY_EVENT_AGENT_LOG:
    case DIFY_EVENT_HUMAN_INPUT_FORM_FILLED:
    case DIFY_EVENT_HUMAN_INPUT_FORM_TIMEOUT:
        return has_mark(mend, key_of(mend, event), true);
    case DIFY_EVENT_HUMAN_INPUT_REQUIRED:
    case DIFY_EVENT_WORKFLOW_PAUSED:
        return has_mark(mend, key_of(mend, event), false);
    case DIFY_EVENT_MESSAGE_END:
        return mend->is_message_end_told || mend->is_error_told;
    case DIFY_EVENT_WORKFLOW_FINISHED:
        return mend->is_finished_told || mend->is_error_told;
    case DIFY_EVENT_ERROR:
        return mend->is_error_told || mend->is_finished_told || mend->is_message_end_told;
    default:
        return false;
    }
}

static void tell_message(struct gw_mend *mend, const struct dify_event *event)
{
    if (event->type == DIFY_EVENT_MESSAGE_REPLACE && event->reason.len != 0)
        mend->is_answer_fixed = true;
    if (gw__mend_is_chatflow(mend) && event->answer.ptr != NULL)
        gw__mend_tell_answer(mend, event->answer, event->type == DIFY_EVENT_MESSAGE_REPLACE);
}

void gw__mend_tell(struct gw_mend *mend, const struct dify_event *event)
{
    const struct dify_event_data *data = &event->data;
    if (event->type != DIFY_EVENT_HUMAN_INPUT_REQUIRED &&
        event->type != DIFY_EVENT_WORKFLOW_PAUSED) { /* it goes on */
        mend->is_paused_told = false;
        mend->paused.len = 0;
    }
    switch (event->type) {
    case DIFY_EVENT_WORKFLOW_STARTED:
        tell_start_of_run(mend, event);
        break;
    case DIFY_EVENT_NODE_STARTED:
        tell_start(mend, data);
        break;
    case DIFY_EVENT_NODE_FINISHED:
        tell_end(mend, data);
        break;
    case DIFY_EVENT_ITERATION_STARTED:
    case DIFY_EVENT_LOOP_STARTED:
        (void)add_execution(mend, &mend->containers, (struct dify_slice){NULL, 0}, data->node_id);
        break;
    case DIFY_EVENT_ITERATION_COMPLETED:
    case DIFY_EVENT_LOOP_COMPLETED:
        tell_container_end(mend, data);
        break;
    case DIFY_EVENT_WORKFLOW_PAUSED:
        mend->is_paused_told = mend->may_resume = true;
        add_mark(mend, key_of(mend, event));
        break;
    case DIFY_EVENT_NODE_RETRY:
    case DIFY_EVENT_AGENT_LOG:
    case DIFY_EVENT_HUMAN_INPUT_REQUIRED:
    case DIFY_EVENT_HUMAN_INPUT_FORM_FILLED:
    case DIFY_EVENT_HUMAN_INPUT_FORM_TIMEOUT:
        add_mark(mend, key_of(mend, event));
        break;
    case DIFY_EVENT_MESSAGE:
    case DIFY_EVENT_MESSAGE_REPLACE:
        tell_message(mend, event);
        break;
    case DIFY_EVENT_MESSAGE_END:
        mend->is_message_end_told = true;
        break;
    case DIFY_EVENT_WORKFLOW_FINISHED:
        mend->is_finished_told = true;
        break;
    case DIFY_EVENT_ERROR:
        mend->is_error_told = true;
        break;
    default:
        break;
    }
}
