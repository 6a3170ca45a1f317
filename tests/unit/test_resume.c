/* SPDX-License-Identifier: Apache-2.0
 *
 * test_resume.c: a stream that breaks off and is taken up again by a snapshot (docs/result.md,
 * rule 8): no node counts twice, none is told of twice, and what could not be brought back is
 * named.
 */
#include "support.h"

/* What an observer heard. */
struct heard {
    size_t started, finished, retried;
    struct text ids; /* "s:ID;" and "f:ID;" */
    bool twice;
};

static void hear_node(void *ctx, const struct dify_node *node, enum dify_node_change change)
{
    struct heard *heard = ctx;
    struct text mark = {NULL, 0, 0};
    if (change == DIFY_NODE_RETRIED) {
        heard->retried++;
        return;
    }
    if (node->is_container)
        return; /* live they have no execution id */
    assert_non_null(node->id.ptr);
    text_addf(&mark, "%c:%.*s;", change == DIFY_NODE_STARTED ? 's' : 'f', (int)node->id.len,
              node->id.ptr);
    heard->twice |= heard->ids.ptr != NULL && strstr(heard->ids.ptr, mark.ptr) != NULL;
    text_add(&heard->ids, mark.ptr, mark.len);
    *(change == DIFY_NODE_STARTED ? &heard->started : &heard->finished) += 1;
    text_fini(&mark);
}

struct resumed {
    struct dify_run *run;
    struct heard heard;
    size_t known; /* nodes finished before the break */
};

static struct dify_run *new_heard_run(struct heard *heard)
{
    struct dify_run_observer observer = {.ctx = heard, .node = hear_node};
    return new_run_with((struct dify_run_options){.observer = &observer});
}

/* The first `cut` bytes of `before`, a break, then all of `after`. */
static void resume_at(struct resumed *r, const struct text *before, size_t cut,
                      const struct text *after)
{
    memset(r, 0, sizeof *r);
    r->run = new_heard_run(&r->heard);
    assert_int_equal(feed_copy(r->run, before->ptr, cut), DIFY_OK);
    r->known = r->heard.finished;
    dify_run_resume(r->run);
    assert_int_equal(feed_in(r->run, text_slice(after), 0), DIFY_OK);
    dify_run_end(r->run);
}

static void resumed_fini(struct resumed *r)
{
    dify_run_free(r->run);
    text_fini(&r->heard.ids);
}

static size_t count_nodes(const struct dify_run *run, size_t *empty, size_t *finished)
{
    struct dify_node node, other;
    size_t count = 0;
    *empty = *finished = 0;
    for (; dify_run_node(run, count, &node); count++) {
        *empty += node.is_empty;
        *finished += node.is_finished;
        assert_false(node.is_container);
        for (size_t i = 0; i < count; i++) {
            assert_true(dify_run_node(run, i, &other));
            assert_false(other.id.len == node.id.len &&
                         memcmp(other.id.ptr, node.id.ptr, node.id.len) == 0);
        }
    }
    return count;
}

/* A run of 17 nodes, 3 iterations in one container; the live stream is cut anywhere, in the middle
 * of an event too, and the snapshot holds the first 6 nodes empty. */
static void test_snapshot_after_a_cut_anywhere(void **state)
{
    (void)state;
    struct text before = read_recording("label-check/reconnect-streaming-cut");
    struct text after = read_recording("label-check/reconnect-events-snapshot");
    for (size_t cut = 0; cut <= before.len; cut += cut + 101 < before.len ? 97 : 1) {
        struct resumed r;
        struct dify_result result;
        struct dify_node container;
        size_t empty, finished;
        resume_at(&r, &before, cut, &after);
        dify_run_result(r.run, &result);
        assert_true(result.success);
        assert_int_equal(result.resumed, 1);
        assert_slice(slice_of(result.elapsed_time), "3.991156");
        assert_slice(result.total_steps, "9");
        assert_int_equal(count_nodes(r.run, &empty, &finished), 17);
        assert_int_equal(empty, 6 - r.known);
        assert_int_equal(result.complete, r.known == 6);
        assert_true(dify_run_container(r.run, 0, &container));
        assert_slice(container.node_id, "it");
        assert_slice(container.id, "f323a420-9ac4-4838-a884-c127cc5a3840");
        assert_slice(container.status, "succeeded");
        assert_slice(container.steps, "3");
        assert_false(dify_run_container(r.run, 1, &container));
        assert_false(r.heard.twice);
        assert_int_equal(r.heard.started, 17);
        assert_int_equal(r.heard.finished, 17);
        resumed_fini(&r);
    }
    text_fini(&before);
    text_fini(&after);
}

/* Where all was seen before the break, nothing is missing: the outputs are those of both parts. */
static void test_nothing_is_missing(void **state)
{
    (void)state;
    struct text before = read_recording("label-check/reconnect-streaming-cut");
    struct text after = read_recording("label-check/reconnect-events-snapshot");
    struct resumed r;
    resume_at(&r, &before, before.len, &after);
    assert_result(r.run, "/data/metadata/complete", "true");
    assert_result(r.run, "/data/metadata/incomplete_nodes", NULL);
    assert_result(r.run, "/data/resumed", "1");
    assert_result(r.run, "/data/task_id", "'fdb4570f-a31c-4ba7-a570-f25fd97ac7fc'");
    assert_non_null(dify_run_output(r.run, DIFY_SLICE("TagImage")).ptr); /* of the first part */
    assert_non_null(dify_run_output(r.run, DIFY_SLICE("result")).ptr);   /* of the second */
    resumed_fini(&r);
    resume_at(&r, &before, 0, &after);
    assert_result(r.run, "/data/metadata/complete", "false");
    assert_result(r.run, "/data/metadata/incomplete_nodes/0",
                  "'5b7f302a-aa99-4146-bece-60022d83aeb0'");
    assert_result(r.run, "/data/metadata/incomplete_nodes/5",
                  "'fa3bcfca-fc73-4d4a-a7c5-313feb525f36'");
    assert_result(r.run, "/data/metadata/incomplete_nodes/6", NULL);
    assert_null(dify_run_output(r.run, DIFY_SLICE("TagImage")).ptr);
    resumed_fini(&r);
    text_fini(&before);
    text_fini(&after);
}

/* Several recorded breaks: whatever was recorded, a node stands once in the list and is told of
 * once, and a second snapshot on top changes no figure. */
static void test_recorded_breaks(void **state)
{
    (void)state;
    static const char *const folders[] = {
        "reconnect-snapshot",
        "reconnect-snapshot-at-end",
        "reconnect-snapshot-at-start",
        "reconnect-snapshot-continue",
        "reconnect-snapshot-in-iteration",
        "reconnect-snapshot-near-end",
        "reconnect-plain",
    };
    for (size_t i = 0; i < COUNT_OF(folders); i++) {
        struct text name = {NULL, 0, 0};
        text_addf(&name, "disconnect/%s/streaming-cut", folders[i]);
        struct text before = read_recording(name.ptr);
        name.len = 0;
        text_addf(&name, "disconnect/%s/events", folders[i]);
        struct text after = read_recording(name.ptr);
        struct heard heard = {0};
        struct dify_result once, twice;
        size_t empty, finished;
        struct dify_run *run = new_heard_run(&heard);
        assert_int_equal(feed_in(run, text_slice(&before), 0), DIFY_OK);
        dify_run_resume(run);
        assert_int_equal(feed_in(run, text_slice(&after), 0), DIFY_OK);
        dify_run_result(run, &once);
        size_t nodes = count_nodes(run, &empty, &finished);
        assert_false(heard.twice);
        assert_int_equal(heard.finished, finished);
        assert_in_range(heard.started, 1, nodes); /* a start may have been lost */
        dify_run_resume(run);
        assert_int_equal(feed_in(run, text_slice(&after), 0), DIFY_OK);
        dify_run_result(run, &twice);
        assert_string_equal(once.elapsed_time, twice.elapsed_time);
        assert_string_equal(once.total_price, twice.total_price);
        assert_int_equal(once.total_tokens, twice.total_tokens);
        assert_int_equal(twice.resumed, 2);
        assert_false(heard.twice);
        assert_int_equal(count_nodes(run, &empty, &finished), nodes);
        dify_run_free(run);
        text_fini(&heard.ids);
        text_fini(&name);
        text_fini(&before);
        text_fini(&after);
    }
}

/* ---- made-up streams ------------------------------------------------------------------------- */

#define NODE(id) "'id':'" id "','node_id':'n','node_type':'llm'"

static void test_event_cut_short_is_dropped(void **state)
{
    (void)state;
    struct text stream = STREAM("{'event':'workflow_finished','data':{'status':'succeeded'}}");
    for (size_t cut = 0; cut < stream.len; cut++) {
        struct dify_run *run = new_run();
        struct dify_result result;
        assert_int_equal(feed_copy(run, stream.ptr, cut), DIFY_OK);
        dify_run_resume(run);
        assert_int_equal(feed_copy(run, stream.ptr + cut, stream.len - cut), DIFY_OK);
        assert_int_equal(dify_run_has_terminal_event(run), cut == 0);
        dify_run_end(run);
        dify_run_result(run, &result);
        assert_int_equal(result.success, cut == 0);
        dify_run_free(run);
    }
    text_fini(&stream);
}

static void test_snapshot_fills_in_and_erases_nothing(void **state)
{
    (void)state;
    struct text first = STREAM(
        "{'event':'node_finished','data':{" NODE(
            "a") ",'status':'succeeded','outputs':{'x':1},"
                 "'elapsed_time':0.1,'execution_metadata':{'total_tokens':5,'total_price':'0.2'}}}",
        "{'event':'node_started','data':{" NODE("b") "}}");
    struct text second =
        STREAM("{'event':'node_started','data':{" NODE("a") ",'index':1}}",
               "{'event':'node_finished','data':{" NODE(
                   "a") ",'status':'succeeded','outputs':null,"
                        "'elapsed_time':0.1,'finished_at':9,'execution_metadata':null}}",
               "{'event':'node_started','data':{" NODE("b") "}}",
               "{'event':'node_finished','data':{" NODE(
                   "b") ",'status':'succeeded','outputs':null,"
                        "'elapsed_time':0.3,'execution_metadata':null}}",
               "{'event':'workflow_finished','data':{'status':'succeeded','total_tokens':11}}");
    struct dify_run *run = new_run();
    assert_int_equal(feed_in(run, text_slice(&first), 0), DIFY_OK);
    dify_run_resume(run);
    assert_int_equal(feed_in(run, text_slice(&second), 0), DIFY_OK);
    assert_result(run, "/data/outputs", "{'x':1}");
    assert_result(run, "/data/nodes/0/total_tokens", "5");
    assert_result(run, "/data/nodes/0/finished_at", "9");
    assert_result(run, "/data/nodes/0/index", "1");
    assert_result(run, "/data/nodes/2", NULL);
    assert_result(run, "/data/metadata/elapsed_time", "0.4");
    assert_result(run, "/data/metadata/total_price", "0.2");
    assert_result(run, "/data/metadata/total_tokens", "11");
    assert_result(run, "/data/metadata/incomplete_nodes", "['b']");
    dify_run_free(run);
    text_fini(&first);
    text_fini(&second);
}

/* A container that is open when the stream breaks is the snapshot's, in order of first sight. */
static void test_open_container_gets_its_id(void **state)
{
    (void)state;
    struct text first = STREAM("{'event':'loop_started','data':{'id':'l','node_id':'l'}}",
                               "{'event':'loop_completed','data':{'id':'l','node_id':'l',"
                               "'status':'succeeded','steps':2}}",
                               "{'event':'loop_started','data':{'id':'l','node_id':'l'}}");
    struct text second =
        STREAM("{'event':'node_started','data':{'id':'e1','node_id':'l','node_type':'loop'}}",
               "{'event':'node_started','data':{'id':'e2','node_id':'l','node_type':'loop'}}",
               "{'event':'node_started','data':{'id':'e3','node_id':'l','node_type':'loop'}}",
               "{'event':'node_finished','data':{'id':'e2','node_id':'l','node_type':'loop',"
               "'status':'failed'}}");
    struct dify_run *run = new_run();
    assert_int_equal(feed_in(run, text_slice(&first), 0), DIFY_OK);
    for (int i = 0; i < 2; i++) { /* the same snapshot twice */
        dify_run_resume(run);
        assert_int_equal(feed_in(run, text_slice(&second), 0), DIFY_OK);
    }
    assert_result(run, "/data/containers/0/id", "'e1'");
    assert_result(run, "/data/containers/0/status", "'succeeded'");
    assert_result(run, "/data/containers/1/id", "'e2'");
    assert_result(run, "/data/containers/1/status", "'failed'");
    assert_result(run, "/data/containers/2/id", "'e3'");
    assert_result(run, "/data/containers/2/status", "'running'");
    assert_result(run, "/data/containers/3", NULL);
    assert_result(run, "/data/nodes", "[]");
    dify_run_free(run);
    text_fini(&first);
    text_fini(&second);
}

/* Without a snapshot nothing tells of the nodes in a container that came and went meanwhile,
 * whether it was known before or not. */
static void check_container_open_in_a_gap(struct text first)
{
    struct text second =
        STREAM("{'event':'loop_completed','data':{'id':'l','node_id':'l','status':'succeeded'}}",
               "{'event':'workflow_finished','data':{'status':'succeeded','total_steps':1}}");
    struct dify_run *run = new_run();
    assert_int_equal(feed_in(run, text_slice(&first), 0), DIFY_OK);
    dify_run_resume(run);
    assert_int_equal(feed_in(run, text_slice(&second), 0), DIFY_OK);
    assert_result(run, "/data/metadata/complete", "false");
    assert_result(run, "/data/metadata/total_steps", "1");
    assert_result(run, "/data/containers/0/status", "'succeeded'");
    dify_run_free(run);
    text_fini(&first);
    text_fini(&second);
}

static void test_container_open_in_a_gap(void **state)
{
    (void)state;
    check_container_open_in_a_gap(
        STREAM("{'event':'loop_started','data':{'id':'l','node_id':'l'}}"));
    check_container_open_in_a_gap(STREAM("{'event':'workflow_started','data':{}}"));
}

/* A container that a gap touched lacks nothing if each of its nodes was seen in each round. */
static bool is_complete_after(const struct text *first, const struct text *second)
{
    struct dify_run *run = new_run();
    struct dify_result result;
    assert_int_equal(feed_in(run, text_slice(first), 0), DIFY_OK);
    dify_run_resume(run);
    assert_int_equal(feed_in(run, text_slice(second), 0), DIFY_OK);
    dify_run_result(run, &result);
    assert_true(result.success);
    dify_run_free(run);
    return result.complete;
}

#define INNER(id, node)                                                                            \
    "{'event':'node_finished','data':{'id':'" id "','node_id':'" node                              \
    "','status':'succeeded','outputs':{},'iteration_id':'it'}}"
#define ITERATION(word, more)                                                                      \
    "{'event':'iteration_" word "','data':{'id':'it','node_id':'it'" more "}}"
#define END_OF_ONE_STEP                                                                            \
    "{'event':'workflow_finished','data':{'status':'succeeded','total_steps':1}}"

static void test_rounds_of_a_container(void **state)
{
    (void)state;
    struct text first = STREAM(ITERATION("started", ""), INNER("a1", "a"));
    const struct {
        struct text second;
        bool is_complete;
    } cases[] = {
        {STREAM(INNER("b1", "b"), INNER("a2", "a"), INNER("b2", "b"),
                ITERATION("completed", ",'steps':2"), END_OF_ONE_STEP),
         true},
        {STREAM(INNER("a2", "a"), INNER("b2", "b"), ITERATION("completed", ",'steps':2"),
                END_OF_ONE_STEP),
         false},
        /* of one round nothing says how many nodes it has, and without a count of rounds neither */
        {STREAM(INNER("b1", "b"), ITERATION("completed", ",'steps':1"), END_OF_ONE_STEP), false},
        {STREAM(INNER("b1", "b"), INNER("a2", "a"), INNER("b2", "b"), ITERATION("completed", ""),
                END_OF_ONE_STEP),
         false},
        /* another one of the same node that began in the gap */
        {STREAM(INNER("a2", "a"), ITERATION("completed", ",'steps':2"),
                ITERATION("completed", ",'steps':1"), END_OF_ONE_STEP),
         false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct text second = cases[i].second;
        assert_int_equal(is_complete_after(&first, &second), cases[i].is_complete);
        text_fini(&second);
    }
    text_fini(&first);
}

/* After a gap an end that is not known, or does not count what was done, says nothing of it. */
static void test_end_that_does_not_count(void **state)
{
    (void)state;
    struct text first = STREAM("{'event':'workflow_started','data':{}}",
                               "{'event':'node_finished','data':{'id':'1','node_id':'a','outputs':{"
                               "},'status':'succeeded'}}");
    const struct {
        struct text second;
        bool is_complete;
    } cases[] = {
        {STREAM("{'event':'workflow_finished','data':{'status':'stopped','total_steps':1}}"), true},
        {STREAM("{'event':'workflow_finished','data':{'status':'stopped','total_steps':0}}"),
         false},
        {STREAM("{'event':'workflow_finished','data':{'status':'stopped'}}"), false},
        {STREAM("{'event':'message_end','id':'m'}"), false},
        {STREAM("{'event':'text_chunk','data':{'text':'a'}}"), false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct text second = cases[i].second;
        struct dify_run *run = new_run();
        struct dify_result result;
        assert_int_equal(feed_in(run, text_slice(&first), 0), DIFY_OK);
        dify_run_resume(run);
        assert_int_equal(feed_in(run, text_slice(&second), 0), DIFY_OK);
        dify_run_end(run);
        dify_run_result(run, &result);
        assert_int_equal(result.complete, cases[i].is_complete);
        dify_run_free(run);
        text_fini(&second);
    }
    text_fini(&first);
}

/* A run that fails tells no end of what was still running: of a node that the second stream shows
 * as running one cannot tell whether its end was lost, one that it does not show has lost it. */
static void test_node_that_runs_on(void **state)
{
    (void)state;
    struct text started = STREAM("{'event':'node_started','data':{'id':'n','node_id':'n'}}");
    struct text failed =
        STREAM("{'event':'workflow_finished','data':{'status':'failed','total_steps':1}}");
    for (int streams = 1; streams <= 2; streams++) {
        for (int is_shown = 0; is_shown < 2; is_shown++) {
            struct dify_run *run = new_run();
            assert_int_equal(feed_in(run, text_slice(&started), 0), DIFY_OK);
            if (streams == 2)
                dify_run_resume(run);
            if (is_shown != 0)
                assert_int_equal(feed_in(run, text_slice(&started), 0), DIFY_OK);
            assert_int_equal(feed_in(run, text_slice(&failed), 0), DIFY_OK);
            assert_result(run, "/data/metadata/complete", streams == 1 ? "true" : "false");
            assert_result(run, "/data/metadata/incomplete_nodes",
                          streams == 1    ? NULL
                          : is_shown != 0 ? "[]"
                                          : "['n']");
            dify_run_free(run);
        }
    }
    text_fini(&started);
    text_fini(&failed);
}

/* Dify's own sum says that a node is missing of which nothing has told. */
static void test_tokens_of_an_unseen_node(void **state)
{
    (void)state;
    struct text first = STREAM("{'event':'node_started','data':{'id':'n','node_id':'n'}}");
    struct text second = STREAM("{'event':'node_finished','data':{'id':'n','node_id':'n',"
                                "'status':'succeeded','outputs':{}}}");
    for (int tokens = 0; tokens < 2; tokens++) {
        struct text last = {NULL, 0, 0};
        struct dify_run *run = new_run();
        text_addf(&last,
                  "data: {\"event\":\"workflow_finished\",\"data\":{\"status\":\"succeeded\","
                  "\"total_steps\":1,\"total_tokens\":%d}}\n\n",
                  tokens);
        assert_int_equal(feed_in(run, text_slice(&first), 0), DIFY_OK);
        dify_run_resume(run);
        assert_int_equal(feed_in(run, text_slice(&second), 0), DIFY_OK);
        assert_int_equal(feed_in(run, text_slice(&last), 0), DIFY_OK);
        assert_result(run, "/data/metadata/complete", tokens == 0 ? "true" : "false");
        dify_run_free(run);
        text_fini(&last);
    }
    text_fini(&first);
    text_fini(&second);
}

static void test_last_event_id(void **state)
{
    (void)state;
    struct dify_run *run = new_run();
    assert_slice(dify_run_last_event_id(run), "");
    assert_int_equal(feed_in(run, slice_of("id: 7\ndata: {}\n\nid: 8\ndata: {}\n"), 0), DIFY_OK);
    assert_slice(dify_run_last_event_id(run), "7");
    dify_run_resume(run);
    assert_slice(dify_run_last_event_id(run), "7");
    assert_int_equal(feed_in(run, slice_of("data: {}\n\n"), 0), DIFY_OK);
    assert_slice(dify_run_last_event_id(run), "7");
    assert_int_equal(feed_in(run, slice_of("id: 9\n\n"), 0), DIFY_OK);
    assert_slice(dify_run_last_event_id(run), "9");
    assert_result(run, "/data/event_count", "2");
    dify_run_free(run);
}

/* Positions begin at 0 again, and the BOM rule with them. */
static void test_offsets_begin_again(void **state)
{
    (void)state;
    struct dify_run *run = new_run();
    uint64_t offset;
    const char *reason;
    assert_int_equal(feed_in(run, slice_of("\n\ndata: x\n\n"), 0), DIFY_OK);
    dify_run_resume(run);
    assert_int_equal(feed_in(run,
                             slice_of("\xEF\xBB\xBF"
                                      "data: x\n\n"),
                             0),
                     DIFY_OK);
    assert_true(dify_run_warning(run, 0, &offset, &reason));
    assert_int_equal(offset, 2);
    assert_true(dify_run_warning(run, 1, &offset, &reason));
    assert_int_equal(offset, 3);
    assert_false(dify_run_warning(run, 2, &offset, &reason));
    dify_run_free(run);
}

/* The server counts a node that paused twice; a run that went on after its pause lacks nothing. */
static void test_a_paused_node_is_two_steps(void **state)
{
    (void)state;
    struct text before = read_recording("human-input/approve/streaming");
    struct text after = read_recording("human-input/approve/events-resume-snapshot-continue");
    struct resumed r;
    struct dify_result result;
    resume_at(&r, &before, before.len, &after);
    dify_run_result(r.run, &result);
    assert_true(result.success);
    assert_slice(result.total_steps, "6");
    assert_true(result.complete);
    resumed_fini(&r);
    text_fini(&before);
    text_fini(&after);
}

/* A node that waited for a form ends when it was filled in: where that was lost, its outputs are. A
 * run that is stopped while it waits lacks nothing, where the second stream shows that it waits. */
static void test_the_end_of_a_paused_node_is_lost(void **state)
{
    (void)state;
    struct text waits = STREAM("{'event':'node_started','data':{'id':'n','node_id':'n'}}",
                               "{'event':'node_finished','data':{'id':'n','node_id':'n',"
                               "'status':'paused'}}");
    struct text goes_on = STREAM("{'event':'workflow_paused','data':{'total_steps':1}}",
                                 "{'event':'workflow_started','data':{'reason':'resumption'}}",
                                 "{'event':'node_started','data':{'id':'n','node_id':'n'}}");
    static const struct {
        const char *status;
        bool is_shown, is_complete;
    } cases[] = {{"succeeded", false, false},
                 {"succeeded", true, false},
                 {"failed", false, false},
                 {"failed", true, false},
                 {"stopped", true, true}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct text last = {NULL, 0, 0};
        struct dify_run *run = new_run();
        text_addf(&last,
                  "data: {\"event\":\"workflow_finished\",\"data\":{\"status\":\"%s\","
                  "\"total_steps\":2}}\n\n",
                  cases[i].status);
        assert_int_equal(feed_in(run, text_slice(&waits), 0), DIFY_OK);
        assert_int_equal(feed_in(run, text_slice(&goes_on), 0), DIFY_OK);
        dify_run_resume(run);
        if (cases[i].is_shown)
            assert_int_equal(feed_in(run, text_slice(&waits), 0), DIFY_OK);
        assert_int_equal(feed_in(run, text_slice(&last), 0), DIFY_OK);
        assert_result(run, "/data/metadata/complete", cases[i].is_complete ? "true" : "false");
        if (!cases[i].is_complete) /* of a run that failed one that is shown may run on */
            assert_result(run, "/data/metadata/incomplete_nodes",
                          cases[i].is_shown && cases[i].status[0] == 'f' ? "[]" : "['n']");
        dify_run_free(run);
        text_fini(&last);
    }
    text_fini(&waits);
    text_fini(&goes_on);
}

/* What a moderator took back does not come back from the outputs. */
static void test_moderated_answer_stays(void **state)
{
    (void)state;
    struct text before =
        STREAM("{'event':'workflow_started','workflow_run_id':'r','conversation_id':'c'}",
               "{'event':'message','answer':'secret'}",
               "{'event':'message_replace','answer':'blocked','reason':'output_moderation'}");
    struct text after = STREAM("{'event':'workflow_finished','workflow_run_id':'r','data':{"
                               "'status':'succeeded','outputs':{'answer':'secret tail'}}}");
    struct resumed r;
    resume_at(&r, &before, before.len, &after);
    assert_result(r.run, "/data/answer", "'blocked'");
    resumed_fini(&r);
    text_fini(&before);
    text_fini(&after);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_moderated_answer_stays),
        cmocka_unit_test(test_snapshot_after_a_cut_anywhere),
        cmocka_unit_test(test_nothing_is_missing),
        cmocka_unit_test(test_recorded_breaks),
        cmocka_unit_test(test_event_cut_short_is_dropped),
        cmocka_unit_test(test_snapshot_fills_in_and_erases_nothing),
        cmocka_unit_test(test_open_container_gets_its_id),
        cmocka_unit_test(test_container_open_in_a_gap),
        cmocka_unit_test(test_rounds_of_a_container),
        cmocka_unit_test(test_end_that_does_not_count),
        cmocka_unit_test(test_node_that_runs_on),
        cmocka_unit_test(test_tokens_of_an_unseen_node),
        cmocka_unit_test(test_a_paused_node_is_two_steps),
        cmocka_unit_test(test_the_end_of_a_paused_node_is_lost),
        cmocka_unit_test(test_last_event_id),
        cmocka_unit_test(test_offsets_begin_again),
    };
    return cmocka_run_group_tests_name("resume", tests, NULL, NULL);
}
