/* SPDX-License-Identifier: Apache-2.0
 *
 * fake_plan.c: the runs of fake.h: which nodes and events they have, and when.
 */
#include "fake.h"

#include "core/memory.h"

struct fake_run *fake_plan(struct fake *fake)
{
    struct fake_run *run = calloc(1, sizeof *run);
    assert_non_null(run);
    run->fake = fake;
    fake_uuid(fake, run->id);
    fake_uuid(fake, run->task);
    run->status = "succeeded";
    text_add_chars(&run->inputs, "{}");
    *(fake->last_run != NULL ? &fake->last_run->next : &fake->runs) = run;
    fake->last_run = run;
    return run;
}

void fake_run_free(struct fake_run *run)
{
    dify__alarms_clear(&run->fake->things, &run->step);
    dify__alarms_clear(&run->fake->things, &run->ping);
    dify__alarms_clear(&run->fake->things, &run->stopping);
    for (size_t i = 0; i < run->events; i++)
        text_fini(&run->event[i].frame);
    free(run->event);
    free(run->node);
    text_fini(&run->inputs);
    text_fini(&run->outputs);
    free(run);
}

static void *grow(void *array, size_t *capacity, size_t need, size_t item_size)
{
    assert_int_equal(dify__grow(dify__allocator(NULL), &array, capacity, need, item_size), DIFY_OK);
    return array;
}

size_t fake_add_node(struct fake_run *run, const char *node_id, const char *type, size_t outer)
{
    run->node = grow(run->node, &run->node_capacity, run->nodes + 1, sizeof *run->node);
    struct fake_node *node = &run->node[run->nodes++];
    fake_uuid(run->fake, node->id);
    snprintf(node->node_id, sizeof node->node_id, "%s", node_id);
    node->type = type;
    node->outer = outer;
    return run->nodes;
}

static void expand(struct text *out, const struct fake_run *run, const struct fake_node *node,
                   const char *json)
{
    for (; *json != '\0'; json++) {
        if (*json == '%' && json[1] != '\0') {
            json++;
            text_add_chars(out, *json == 'R'   ? run->id
                                : *json == 'T' ? run->task
                                : *json == 'N' ? node->id
                                               : node->node_id);
        } else {
            text_add(out, *json == '\'' ? "\"" : json, 1);
        }
    }
}

void fake_add_event(struct fake_run *run, uint64_t at_ms, enum fake_event_kind kind, size_t node,
                    const char *json)
{
    run->event = grow(run->event, &run->event_capacity, run->events + 1, sizeof *run->event);
    struct fake_event *event = &run->event[run->events++];
    *event = (struct fake_event){.at_ms = at_ms, .kind = kind, .node = node};
    expand(&event->frame, run, node > 0 ? &run->node[node - 1] : NULL, json);
}

struct fake_run *fake_plan_other(struct fake *fake, const char *user, const char *inputs,
                                 uint64_t age_ms)
{
    struct fake_run *run = fake_plan_small(fake);
    run->is_submitted = run->has_ended = true;
    run->row = "succeeded";
    run->created_s = (fake->env.unix_ms(fake) - (int64_t)age_ms) / 1000 + fake->skew_s;
    run->at = run->events;
    snprintf(run->user, sizeof run->user, "%s", user);
    run->inputs.len = 0;
    text_add_json(&run->inputs, inputs);
    return run;
}

/* ---- events by hand ------------------------------------------------------------------------ */

#define RUN "'workflow_run_id':'%R','task_id':'%T'"
#define CHAT "'conversation_id':'c1','message_id':'m1','created_at':1790000000,'task_id':'%T'"
#define NODE "'id':'%N','node_id':'%D','title':'%D','index':1,'created_at':1790000000"

static void add_start(struct fake_run *run, uint64_t at_ms)
{
    fake_add_event(run, at_ms, FAKE_STARTED, 0,
                   "{'event':'workflow_started'," RUN ",'data':{'id':'%R','workflow_id':'w',"
                   "'inputs':{},'created_at':1790000000}}");
}

static void add_inner(struct text *json, const struct fake_run *run, size_t node)
{
    size_t outer = run->node[node - 1].outer;
    if (outer > 0)
        text_addf(json, ",'iteration_id':'%s'", run->node[outer - 1].node_id);
}

static void add_node_start(struct fake_run *run, uint64_t at_ms, size_t node)
{
    struct text json = {NULL, 0, 0};
    text_addf(&json, "{'event':'node_started',%s,'data':{%s,'node_type':'%s'", RUN, NODE,
              run->node[node - 1].type);
    add_inner(&json, run, node);
    text_add_chars(&json, ",'inputs':null}}");
    fake_add_event(run, at_ms, FAKE_NODE_STARTED, node, json.ptr);
    text_fini(&json);
}

/* `key`: of the node's one output. */
static void add_node_end(struct fake_run *run, uint64_t at_ms, size_t node, const char *key,
                         unsigned tokens, const char *status)
{
    struct text json = {NULL, 0, 0};
    text_addf(&json, "{'event':'node_finished',%s,'data':{%s,'node_type':'%s'", RUN, NODE,
              run->node[node - 1].type);
    add_inner(&json, run, node);
    text_addf(&json, ",'inputs':{'a':1},'outputs':{'%s':%zu},'status':'%s'", key, node, status);
    text_addf(&json, ",'error':%s,'elapsed_time':0.5,'finished_at':1790000001",
              strcmp(status, "failed") == 0 ? "'it failed'" : "null");
    text_addf(&json,
              ",'execution_metadata':{'total_tokens':%u,'total_price':'0.00%u','currency':'USD'}}}",
              tokens, tokens);
    fake_add_event(run, at_ms, FAKE_NODE_FINISHED, node, json.ptr);
    run->tokens += tokens;
    text_fini(&json);
}

static void add_end(struct fake_run *run, uint64_t at_ms, const char *outputs)
{
    struct text json = {NULL, 0, 0};
    text_add_json(&run->outputs, outputs);
    text_addf(&json,
              "{'event':'workflow_finished',%s,'data':{'id':'%%R','workflow_id':'w','status':'%s',"
              "'outputs':%s,'error':%s,'elapsed_time':1.5,'total_tokens':%llu,'total_steps':%llu,"
              "'created_at':1790000000,'finished_at':1790000009}}",
              RUN, run->status, outputs, run->error != NULL ? run->error : "null",
              (unsigned long long)run->tokens, (unsigned long long)run->steps);
    fake_add_event(run, at_ms, FAKE_FINISHED, 0, json.ptr);
    text_fini(&json);
}

static struct fake_run *plan_chat(struct fake *fake)
{
    struct fake_run *run = fake_plan(fake);
    run->steps = 1;
    fake_add_event(run, 0, FAKE_STARTED, 0,
                   "{'event':'workflow_started'," CHAT ",'workflow_run_id':'%R','data':{'id':'%R',"
                   "'workflow_id':'w','created_at':1790000000}}");
    size_t node = fake_add_node(run, "answer", "answer", 0);
    fake_add_event(run, 20, FAKE_NODE_STARTED, node,
                   "{'event':'node_started'," CHAT ",'workflow_run_id':'%R','data':{" NODE
                   ",'node_type':'answer'}}");
    fake_add_event(run, 500, FAKE_OTHER_EVENT, 0,
                   "{'event':'message'," CHAT ",'id':'m1','answer':'Hello '}");
    fake_add_event(run, 1500, FAKE_OTHER_EVENT, 0,
                   "{'event':'message'," CHAT ",'id':'m1','answer':'there'}");
    fake_add_event(run, 1900, FAKE_NODE_FINISHED, node,
                   "{'event':'node_finished'," CHAT ",'workflow_run_id':'%R','data':{" NODE
                   ",'node_type':'answer','outputs':{'answer':'Hello there'},'status':"
                   "'succeeded','elapsed_time':0.5}}");
    fake_add_event(run, 1990, FAKE_MESSAGE_END, 0,
                   "{'event':'message_end'," CHAT ",'id':'m1','metadata':{'usage':{"
                   "'total_tokens':7,'total_price':'0.007','currency':'USD','latency':1.5}}}");
    text_add_json(&run->outputs, "{'answer':'Hello there'}");
    fake_add_event(run, 2000, FAKE_FINISHED, 0,
                   "{'event':'workflow_finished'," CHAT ",'workflow_run_id':'%R','data':{'id':"
                   "'%R','workflow_id':'w','status':'succeeded','outputs':{'answer':'Hello "
                   "there'},'error':null,'elapsed_time':1.5,'total_tokens':0,'total_steps':1}}");
    return run;
}

struct fake_run *fake_plan_small(struct fake *fake)
{
    if (strcmp(fake->mode, "workflow") != 0)
        return plan_chat(fake);
    struct fake_run *run = fake_plan(fake);
    run->steps = 2;
    add_start(run, 0);
    size_t first = fake_add_node(run, "start", "start", 0);
    add_node_start(run, 10, first);
    add_node_end(run, 20, first, "topic", 0, "succeeded");
    size_t second = fake_add_node(run, "llm", "llm", 0);
    add_node_start(run, 30, second);
    add_node_end(run, 1990, second, "text", 5, "succeeded");
    add_end(run, 2000, "{'text':2}");
    return run;
}

#define FORM_REQUIRED(form)                                                                        \
    "{'event':'human_input_required'," RUN ",'data':{'form_id':'" form "','node_id':'" form        \
    "','form_token':'token-of-" form "','actions':[]}}"
#define PAUSED_FOR(form)                                                                           \
    "{'event':'workflow_paused'," RUN ",'data':{'paused_nodes':['" form                            \
    "'],'outputs':{},'reasons':[{'form_id':'" form "','node_id':'" form                            \
    "','form_token':'token-of-" form "','TYPE':'human_input_required'}],'status':'paused',"        \
    "'total_tokens':0,'total_steps':2}}"

static struct fake_run *plan_pauses(struct fake *fake, bool is_twice)
{
    struct fake_run *run = fake_plan(fake);
    run->steps = is_twice ? 4 : 3;
    add_start(run, 0);
    size_t first = fake_add_node(run, "start", "start", 0);
    add_node_start(run, 10, first);
    add_node_end(run, 20, first, "topic", 0, "succeeded");
    size_t form = fake_add_node(run, "form", "human-input", 0);
    add_node_start(run, 30, form);
    fake_add_event(run, 40, FAKE_OTHER_EVENT, 0, FORM_REQUIRED("form"));
    fake_add_event(run, 50, FAKE_PAUSED, 0, PAUSED_FOR("form"));
    fake_add_event(run, 99, FAKE_OTHER_EVENT, 0,
                   "{'event':'human_input_form_filled'," RUN ",'data':{'node_id':'form'}}");
    add_node_end(run, 100, form, "action", 0, "succeeded");
    if (is_twice) {
        size_t again = fake_add_node(run, "again", "human-input", 0);
        add_node_start(run, 101, again);
        fake_add_event(run, 102, FAKE_OTHER_EVENT, 0, FORM_REQUIRED("again"));
        fake_add_event(run, 103, FAKE_PAUSED, 0, PAUSED_FOR("again"));
        add_node_end(run, 113, again, "action", 0, "succeeded");
    }
    size_t last = fake_add_node(run, "llm", "llm", 0);
    add_node_start(run, 114, last);
    add_node_end(run, 1000, last, "text", 5, "succeeded");
    add_end(run, 1010, "{'text':3}");
    return run;
}

struct fake_run *fake_plan_pausing(struct fake *fake)
{
    return plan_pauses(fake, false);
}

struct fake_run *fake_plan_pausing_twice(struct fake *fake)
{
    return plan_pauses(fake, true);
}

/* ---- at random ----------------------------------------------------------------------------- */

struct draft {
    struct fake *fake;
    struct fake_run *run;
    uint64_t at_ms;
    unsigned serial;
    bool has_failed, is_chat;
};

/* Mostly soon, at times after a model has thought. */
static void pass(struct draft *draft)
{
    static const uint64_t longest[] = {1, 50, 50, 400, 400, 3000, 3000, 60000};
    draft->at_ms += fake_random(draft->fake, longest[fake_random(draft->fake, 8)]);
}

static size_t start_random(struct draft *draft, const char *type, size_t outer)
{
    char node_id[16];
    snprintf(node_id, sizeof node_id, "n%u", draft->serial++);
    size_t node = fake_add_node(draft->run, node_id, type, outer);
    pass(draft);
    add_node_start(draft->run, draft->at_ms, node);
    return node;
}

static void end_random(struct draft *draft, size_t node, bool may_fail)
{
    char key[16];
    bool fails = may_fail && fake_random(draft->fake, 12) == 0;
    snprintf(key, sizeof key, "k%u", (unsigned)fake_random(draft->fake, 4));
    pass(draft);
    add_node_end(draft->run, draft->at_ms, node, key, (unsigned)fake_random(draft->fake, 9),
                 fails ? "failed" : "succeeded");
    draft->has_failed = draft->has_failed || fails;
}

static void add_retry(struct draft *draft, size_t node)
{
    pass(draft);
    fake_add_event(draft->run, draft->at_ms, FAKE_OTHER_EVENT, node,
                   "{'event':'node_retry'," RUN ",'data':{" NODE ",'node_type':'llm','status':"
                   "'retry','error':'again','retry_index':1,'inputs':null,'outputs':null,"
                   "'execution_metadata':null}}");
    draft->run->steps++;
}

static void add_iteration(struct draft *draft)
{
    struct fake_run *run = draft->run;
    char node_id[16];
    snprintf(node_id, sizeof node_id, "n%u", draft->serial++);
    size_t outer = fake_add_node(run, node_id, "iteration", 0);
    pass(draft);
    fake_add_event(run, draft->at_ms, FAKE_CONTAINER_STARTED, outer,
                   "{'event':'iteration_started'," RUN ",'data':{'id':'%D','node_id':'%D',"
                   "'node_type':'iteration','title':'%D','created_at':1790000000,'inputs':{}}}");
    for (size_t i = 1 + fake_random(draft->fake, 3); i > 0; i--) {
        pass(draft);
        fake_add_event(run, draft->at_ms, FAKE_OTHER_EVENT, outer,
                       "{'event':'iteration_next'," RUN ",'data':{'id':'%D','node_id':'%D',"
                       "'node_type':'iteration','title':'%D','index':1}}");
        end_random(draft, start_random(draft, "code", outer), false);
    }
    pass(draft);
    fake_add_event(run, draft->at_ms, FAKE_CONTAINER_FINISHED, outer,
                   "{'event':'iteration_completed'," RUN ",'data':{'id':'%D','node_id':'%D',"
                   "'node_type':'iteration','title':'%D','outputs':{'output':[]},'status':"
                   "'succeeded','elapsed_time':0.5,'total_tokens':3,'steps':3,'created_at':"
                   "1790000000,'finished_at':1790000001,'execution_metadata':{}}}");
    run->steps++;
}

static void add_branches(struct draft *draft)
{
    size_t node[3], count = 2 + fake_random(draft->fake, 2);
    for (size_t i = 0; i < count; i++)
        node[i] = start_random(draft, "code", 0);
    for (size_t i = 0; i < count; i++)
        end_random(draft, node[i], false);
    draft->run->steps += count;
}

static void add_piece(struct draft *draft)
{
    fake_add_event(draft->run, draft->at_ms, FAKE_MESSAGE, 0,
                   "{'event':'message'," CHAT ",'id':'m1','answer':'" FAKE_PIECE "'}");
}

static void add_one(struct draft *draft)
{
    size_t node = start_random(draft, "llm", 0);
    draft->run->steps++;
    for (size_t i = fake_random(draft->fake, 8); i >= 6; i--)
        add_retry(draft, node);
    for (size_t i = fake_random(draft->fake, 6); i > 3; i--) {
        pass(draft);
        if (draft->is_chat)
            add_piece(draft);
        else
            fake_add_event(draft->run, draft->at_ms, FAKE_OTHER_EVENT, 0,
                           "{'event':'text_chunk'," RUN ",'data':{'text':'tea'}}");
    }
    end_random(draft, node, true);
}

/* Up to 1.12 a chatflow's message_end comes last; one that failed has none. */
static void end_draft(struct draft *draft)
{
    struct text outputs = {NULL, 0, 0};
    bool has_message_end = draft->is_chat && !draft->has_failed;
    if (draft->is_chat) {
        text_add_chars(&outputs, "{'answer':'");
        for (size_t i = 0; i < draft->run->events; i++)
            if (draft->run->event[i].kind == FAKE_MESSAGE)
                text_add_chars(&outputs, FAKE_PIECE);
        text_add_chars(&outputs, "'}");
    } else {
        text_addf(&outputs, "{'result':%u}", (unsigned)fake_random(draft->fake, 1000));
    }
    for (int i = 0; i < 2; i++, draft->at_ms += 10) {
        if ((draft->fake->minor <= 12) == (i == 0))
            add_end(draft->run, draft->at_ms, draft->has_failed ? "{}" : outputs.ptr);
        else if (has_message_end)
            fake_add_event(draft->run, draft->at_ms, FAKE_MESSAGE_END, 0,
                           "{'event':'message_end'," CHAT ",'id':'m1','metadata':{'usage':{"
                           "'total_tokens':7,'total_price':'0.007','latency':1.5}}}");
    }
    text_fini(&outputs);
}

struct fake_run *fake_plan_random(struct fake *fake)
{
    struct draft draft = {
        .fake = fake, .run = fake_plan(fake), .is_chat = strcmp(fake->mode, "workflow") != 0};
    if (draft.is_chat) {
        fake_add_event(draft.run, 0, FAKE_STARTED, 0,
                       "{'event':'workflow_started'," CHAT ",'workflow_run_id':'%R','data':{'id':"
                       "'%R','workflow_id':'w','created_at':1790000000}}");
        add_piece(&draft);
    } else {
        add_start(draft.run, 0);
    }
    for (size_t i = 1 + fake_random(fake, 6); i > 0 && !draft.has_failed; i--) {
        switch (fake_random(fake, 5)) {
        case 0:
            add_iteration(&draft);
            break;
        case 1:
            add_branches(&draft);
            break;
        default:
            add_one(&draft);
            break;
        }
    }
    pass(&draft);
    if (draft.has_failed) {
        draft.run->status = "failed";
        draft.run->error = "\"it failed\"";
    }
    end_draft(&draft);
    return draft.run;
}

struct dify_run *fake_fold(const struct fake_run *run)
{
    struct dify_run *folded = new_run();
    for (size_t i = 0; i < run->events; i++) {
        struct text frame = {NULL, 0, 0};
        text_addf(&frame, "data: %s\n\n", run->event[i].frame.ptr);
        assert_int_equal(feed_copy(folded, frame.ptr, frame.len), DIFY_OK);
        text_fini(&frame);
    }
    dify_run_end(folded);
    return folded;
}
