/* SPDX-License-Identifier: Apache-2.0
 *
 * test_run.c: a run's life: options, states, what an observer hears, and sharing a decoder.
 */
#include "support.h"

#include "difystream/limits.h"

/* ---- states ---------------------------------------------------------------------------------- */

static void test_arguments(void **state)
{
    (void)state;
    struct dify_run *run = NULL;
    struct dify_run_options options = {.size = sizeof options - 1};
    assert_int_equal(dify_run_new(&options, &run), DIFY_ERR_ARGUMENT);
    options = (struct dify_run_options){0};
    assert_int_equal(dify_run_new(&options, &run), DIFY_ERR_ARGUMENT);
    options.size = sizeof options;
    options.max_nodes = DIFY_RUN_NODES + 1;
    assert_int_equal(dify_run_new(&options, &run), DIFY_ERR_ARGUMENT);
    assert_null(run);
    options.max_nodes = DIFY_RUN_NODES;
    assert_int_equal(dify_run_new(&options, &run), DIFY_OK);
    dify_run_free(run);
    assert_int_equal(dify_run_new(NULL, &run), DIFY_OK);
    assert_int_equal(dify_run_feed(run, NULL, 0), DIFY_OK);
    dify_run_free(run);
    dify_run_free(NULL);
}

static void test_feed_after_the_end(void **state)
{
    (void)state;
    struct text stream = STREAM("{'event':'workflow_finished','data':{'status':'succeeded'}}");
    struct dify_run *run = new_run();
    dify_run_end(run);
    assert_int_equal(feed_copy(run, stream.ptr, stream.len), DIFY_ERR_STATE);
    dify_run_end(run);
    dify_run_resume(run);
    assert_int_equal(feed_copy(run, stream.ptr, stream.len), DIFY_ERR_STATE);
    assert_result(run, "/success", "false");
    assert_result(run, "/code", "'stream_incomplete'");
    assert_result(run, "/data/event_count", "0");
    dify_run_free(run);
    text_fini(&stream);
}

static void test_terminal_event(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        bool is_terminal;
    } cases[] = {
        {"{'event':'workflow_finished'}", true},
        {"{'event':'message_end'}", true},
        {"{'event':'error'}", true},
        {"{'event':'workflow_paused'}", false},
        {"{'event':'workflow_started'}", false},
        {"{'event':'node_finished'}", false},
        {"{'event':'tts_message_end'}", false},
        {"{'event':'finished'}", false},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct text stream = STREAM(cases[i].json);
        struct dify_run *run = new_run();
        assert_false(dify_run_has_terminal_event(run));
        assert_int_equal(feed_in(run, text_slice(&stream), 1), DIFY_OK);
        assert_int_equal(dify_run_has_terminal_event(run), cases[i].is_terminal);
        dify_run_free(run);
        text_fini(&stream);
    }
}

/* The result so far: `success` is null until the end, and asking changes nothing. */
static void test_result_so_far(void **state)
{
    (void)state;
    static const char *const events[] = {
        "{'event':'workflow_started','workflow_run_id':'r','task_id':'t','data':{'created_at':5}}",
        "{'event':'node_started','data':{'id':'e','node_id':'n'}}",
        "{'event':'node_finished','data':{'id':'e','node_id':'n','status':'succeeded',"
        "'outputs':{'a':1},'elapsed_time':0.5}}",
        "{'event':'workflow_paused','data':{'reasons':[]}}",
        "{'event':'node_retry','data':{'id':'f','node_id':'m'}}",
    };
    struct dify_run *run = new_run();
    struct dify_result result;
    assert_result(run, "/success", "null");
    assert_result(run, "/data/status", "'running'");
    for (size_t i = 0; i < COUNT_OF(events); i++) {
        struct text stream = STREAM(events[i]);
        assert_int_equal(feed_in(run, text_slice(&stream), 0), DIFY_OK);
        dify_run_result(run, &result);
        assert_false(result.has_ended);
        assert_false(result.success);
        assert_int_equal(result.event_count, i + 1);
        assert_result(run, "/success", "null");
        assert_result(run, "/error", NULL);
        assert_result(run, "/data/total_tokens", NULL);
        assert_result(run, "/data/status", i < 3 ? "'running'" : "'paused'");
        text_fini(&stream);
    }
    struct text stream = STREAM("{'event':'workflow_finished','data':{'status':'succeeded'}}");
    assert_int_equal(feed_in(run, text_slice(&stream), 0), DIFY_OK);
    assert_result(run, "/success", "true"); /* the event ends it, dify_run_end() or not */
    dify_run_result(run, &result);
    assert_true(result.has_ended);
    struct text before = result_text(run, DIFY_JSON_COMPACT);
    dify_run_end(run);
    struct text after = result_text(run, DIFY_JSON_COMPACT);
    assert_bytes(text_slice(&after), text_slice(&before));
    dify_run_free(run);
    text_fini(&stream);
    text_fini(&before);
    text_fini(&after);
}

/* ---- observers ------------------------------------------------------------------------------- */

/* Writes down what it hears, and asks the run for its result each time. */
struct listener {
    struct text heard;
    const struct dify_run *run;
};

static void ask(struct listener *listener)
{
    struct dify_result result;
    dify_run_result(listener->run, &result);
    struct text text = result_text(listener->run, DIFY_JSON_COMPACT);
    text_fini(&text);
}

static void on_event(void *ctx, const struct dify_event *event, uint64_t offset)
{
    struct listener *listener = ctx;
    text_addf(&listener->heard, "e%llu:%s;", (unsigned long long)offset,
              dify_event_type_name(event->type));
    ask(listener);
}

static void on_node(void *ctx, const struct dify_node *node, enum dify_node_change change)
{
    struct listener *listener = ctx;
    text_addf(&listener->heard, "%s%s:%.*s/%.*s/%u;", node->is_container ? "C" : "N",
              change == DIFY_NODE_STARTED    ? "started"
              : change == DIFY_NODE_FINISHED ? "finished"
                                             : "retried",
              (int)node->node_id.len, node->node_id.ptr, (int)node->status.len, node->status.ptr,
              (unsigned)node->retries);
    ask(listener);
}

static void on_audio(void *ctx, struct dify_slice bytes)
{
    struct listener *listener = ctx;
    assert_non_null(bytes.ptr);
    text_addf(&listener->heard, "a:%.*s;", (int)bytes.len, bytes.ptr);
    ask(listener);
}

static void on_warning(void *ctx, uint64_t offset, const char *reason)
{
    struct listener *listener = ctx;
    assert_true(strlen(reason) > 0);
    text_addf(&listener->heard, "w%llu;", (unsigned long long)offset);
    ask(listener);
}

static void on_ping(void *ctx)
{
    struct listener *listener = ctx;
    text_addf(&listener->heard, "p;");
}

/* What is heard of `stream`, in chunks of 1 and at once. */
static void assert_heard(struct text stream, const char *expected)
{
    for (size_t chunk = 0; chunk < 2; chunk++) {
        struct listener listener = {{NULL, 0, 0}, NULL};
        struct dify_run_observer observer = {.ctx = &listener,
                                             .event = on_event,
                                             .node = on_node,
                                             .audio = on_audio,
                                             .warning = on_warning,
                                             .ping = on_ping};
        struct dify_run *run = new_run_with((struct dify_run_options){.observer = &observer});
        memset(&observer, 0, sizeof observer); /* it was copied */
        listener.run = run;
        assert_int_equal(feed_in(run, text_slice(&stream), chunk), DIFY_OK);
        assert_slice(text_slice(&listener.heard), expected);
        dify_run_free(run);
        text_fini(&listener.heard);
    }
    text_fini(&stream);
}

static void test_nodes_are_told_once(void **state)
{
    (void)state;
    assert_heard(
        STREAM("{'event':'node_started','data':{'id':'e','node_id':'n'}}",
               "{'event':'node_retry','data':{'id':'e','node_id':'n'}}",
               "{'event':'node_finished','data':{'id':'e','node_id':'n','status':'succeeded'}}",
               "{'event':'node_started','data':{'id':'e','node_id':'n'}}",
               "{'event':'node_finished','data':{'id':'e','node_id':'n','status':'succeeded'}}",
               "{'event':'node_finished','data':{'id':'f','node_id':'m','status':'failed'}}"),
        "e0:node_started;Nstarted:n/running/0;e64:node_retry;Nretried:n/retry/1;"
        "e126:node_finished;Nfinished:n/succeeded/1;e212:node_started;e276:node_finished;"
        "e362:node_finished;Nfinished:m/failed/0;");
}

static void hear_data(void *ctx, const struct dify_event *event, uint64_t offset)
{
    struct text *heard = ctx;
    (void)offset;
    text_addf(heard, "%d", event->data.node_id.len != 0 || event->data.text.len != 0);
}

/* The data of pieces of text is left out for who does not look into it; of no other event. */
static void test_ignored_pieces(void **state)
{
    (void)state;
    static const char *const expected[] = {"1111", "1001"};
    for (int ignores = 0; ignores < 2; ignores++) {
        struct text heard = {NULL, 0, 0};
        struct text stream = STREAM("{'event':'node_started','data':{'id':'e','node_id':'n'}}",
                                    "{'event':'text_chunk','data':{'text':'a'}}",
                                    "{'event':'reasoning_chunk','data':{'text':'b'}}",
                                    "{'event':'node_finished','data':{'id':'e','node_id':'n'}}");
        struct dify_run_observer observer = {
            .ctx = &heard, .event = hear_data, .ignores_pieces = ignores != 0};
        struct dify_run *run = new_run_with((struct dify_run_options){.observer = &observer});
        assert_int_equal(feed_in(run, text_slice(&stream), 0), DIFY_OK);
        assert_slice(text_slice(&heard), expected[ignores]);
        dify_run_free(run);
        text_fini(&heard);
        text_fini(&stream);
    }
}

static void test_provisional_end_is_told_and_the_end_too(void **state)
{
    (void)state;
    assert_heard(
        STREAM("{'event':'node_finished','data':{'id':'e','node_id':'n','status':'paused'}}",
               "{'event':'node_finished','data':{'id':'e','node_id':'n','status':'succeeded'}}",
               "{'event':'node_finished','data':{'id':'e','node_id':'n','status':'succeeded'}}"),
        "e0:node_finished;Nfinished:n/paused/0;e83:node_finished;Nfinished:n/succeeded/0;"
        "e169:node_finished;");
}

static void test_containers_are_told(void **state)
{
    (void)state;
    assert_heard(
        STREAM("{'event':'loop_started','data':{'id':'l','node_id':'l'}}",
               "{'event':'loop_next','data':{'id':'l','node_id':'l'}}",
               "{'event':'loop_completed','data':{'id':'l','node_id':'l','status':'succeeded'}}",
               "{'event':'node_started','data':{'id':'e','node_id':'l','node_type':'loop'}}"),
        "e0:loop_started;Cstarted:l/running/0;e64:loop_next;e125:loop_completed;"
        "Cfinished:l/succeeded/0;e212:node_started;");
}

static void test_audio_and_warnings_are_told(void **state)
{
    (void)state;
    struct text stream =
        STREAM("{'event':'tts_message','audio':'Zm9v'}", "[1]", "{'x':1}", "{'event':'ping'}",
               "{'event':'tts_message','audio':'!'}", "{'event':'tts_message','audio':''}",
               "{'event':'tts_message_end','audio':''}");
    assert_heard(stream, "e0:tts_message;a:foo;w46;e57:unknown;p;e96:tts_message;w96;"
                         "e139:tts_message;e181:tts_message_end;a:;");
}

static void test_pings_are_told(void **state)
{
    (void)state;
    struct text stream = {NULL, 0, 0};
    text_add_chars(&stream, "event: ping\n\ndata: {\"x\":1}\n\nevent: other\n\nevent: ping\n"
                            "data: \n\ndata: {\"event\":\"ping\"}\n\n");
    assert_heard(stream, "p;e13:unknown;p;p;");
}

static void test_late_events_are_told_but_do_not_count(void **state)
{
    (void)state;
    assert_heard(STREAM("{'event':'message_end'}",
                        "{'event':'node_started','data':{'id':'e','node_id':'n'}}",
                        "{'event':'tts_message_end'}"),
                 "e0:message_end;e31:node_started;e95:tts_message_end;a:;");
}

static void test_warnings_beyond_those_kept_are_told(void **state)
{
    (void)state;
    struct text stream = {NULL, 0, 0}, expected = {NULL, 0, 0};
    for (int i = 0; i < 20; i++) {
        text_addf(&expected, "w%zu;", stream.len);
        text_add_chars(&stream, "data\n\n");
    }
    assert_heard(stream, expected.ptr);
    text_fini(&expected);
}

/* ---- sharing --------------------------------------------------------------------------------- */

/* Two runs on one decoder, fed in turns, in the middle of events: each its own result. */
static void test_shared_decoder(void **state)
{
    (void)state;
    struct dify_decoder *decoder = NULL;
    assert_int_equal(dify_decoder_new(NULL, &decoder), DIFY_OK);
    struct text a = read_recording("label-check/streaming");
    struct text b = read_recording("basic-chat-tts/streaming");
    struct dify_run *alone_a = fold(&a), *alone_b = fold(&b);
    struct dify_run_options options = {.decoder = decoder};
    struct dify_run *run_a = new_run_with(options), *run_b = new_run_with(options);
    for (size_t at = 0; at < a.len || at < b.len; at += 100) {
        if (at < a.len)
            assert_int_equal(feed_copy(run_a, a.ptr + at, a.len - at < 100 ? a.len - at : 100),
                             DIFY_OK);
        if (at < b.len)
            assert_int_equal(feed_copy(run_b, b.ptr + at, b.len - at < 100 ? b.len - at : 100),
                             DIFY_OK);
    }
    dify_run_end(run_a);
    dify_run_end(run_b);
    dify_decoder_free(decoder); /* the results need it no more */
    struct dify_run *const pairs[][2] = {{run_a, alone_a}, {run_b, alone_b}};
    for (size_t i = 0; i < 2; i++) {
        struct text shared = result_text(pairs[i][0], DIFY_JSON_COMPACT);
        struct text alone = result_text(pairs[i][1], DIFY_JSON_COMPACT);
        assert_bytes(text_slice(&shared), text_slice(&alone));
        text_fini(&shared);
        text_fini(&alone);
        dify_run_free(pairs[i][0]);
        dify_run_free(pairs[i][1]);
    }
    text_fini(&a);
    text_fini(&b);
}

/* Memory grows with what is kept, not with the length of the stream. */
static void test_memory_of_a_long_stream(void **state)
{
    (void)state;
    struct meter meter;
    meter_init(&meter);
    struct dify_run *run = new_run_with((struct dify_run_options){.allocator = &meter.allocator});
    struct text stream =
        STREAM("{'event':'text_chunk','data':{'text':'some text of a model'}}",
               "{'event':'node_finished','data':{'id':'e','node_id':'n','outputs':{'a':'b'},"
               "'status':'succeeded'}}");
    assert_int_equal(feed_in(run, text_slice(&stream), 50), DIFY_OK);
    size_t live = meter.live_bytes, peak = meter.peak_bytes;
    uint64_t calls = meter.calls;
    for (int i = 0; i < 2000; i++)
        assert_int_equal(feed_in(run, text_slice(&stream), 50), DIFY_OK);
    assert_int_equal(meter.live_bytes, live);
    assert_in_range(meter.peak_bytes, peak, peak + 1000);
    assert_in_range(meter.calls, calls, calls + 4);
    assert_result(run, "/data/event_count", "4002");
    dify_run_free(run);
    assert_meter_empty(&meter);
    text_fini(&stream);
}

/* What an observer may not do is refused, and does no harm. */
struct meddler {
    struct dify_run *run;
    int refused;
};

static void meddle(void *ctx, const struct dify_event *event, uint64_t offset)
{
    struct meddler *meddler = ctx;
    (void)event;
    (void)offset;
    dify_run_resume(meddler->run);
    meddler->refused += dify_run_feed(meddler->run, "x", 1) == DIFY_ERR_STATE;
    meddler->refused += dify_run_fail(meddler->run, DIFY_OUTCOME_CONNECTION_RESET, slice_of(NULL),
                                      slice_of("no"), 0) == DIFY_ERR_STATE;
}

static void test_calls_inside_a_callback(void **state)
{
    (void)state;
    struct meddler meddler = {NULL, 0};
    struct dify_run_observer observer = {.ctx = &meddler, .event = meddle};
    meddler.run = new_run_with((struct dify_run_options){.observer = &observer});
    struct text stream = STREAM("{'event':'node_finished','data':{'id':'e','outputs':{'a':'b'}}}");
    assert_int_equal(feed_in(meddler.run, text_slice(&stream), 10), DIFY_OK);
    assert_int_equal(meddler.refused, 2);
    assert_result(meddler.run, "/data/outputs", "{'a':'b'}");
    dify_run_free(meddler.run);
    text_fini(&stream);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arguments),
        cmocka_unit_test(test_feed_after_the_end),
        cmocka_unit_test(test_terminal_event),
        cmocka_unit_test(test_result_so_far),
        cmocka_unit_test(test_ignored_pieces),
        cmocka_unit_test(test_nodes_are_told_once),
        cmocka_unit_test(test_provisional_end_is_told_and_the_end_too),
        cmocka_unit_test(test_containers_are_told),
        cmocka_unit_test(test_audio_and_warnings_are_told),
        cmocka_unit_test(test_pings_are_told),
        cmocka_unit_test(test_late_events_are_told_but_do_not_count),
        cmocka_unit_test(test_warnings_beyond_those_kept_are_told),
        cmocka_unit_test(test_shared_decoder),
        cmocka_unit_test(test_memory_of_a_long_stream),
        cmocka_unit_test(test_calls_inside_a_callback),
    };
    return cmocka_run_group_tests_name("run", tests, NULL, NULL);
}
