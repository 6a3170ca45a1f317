/* SPDX-License-Identifier: Apache-2.0
 *
 * test_torture.c: the n-th allocation fails, for every n. A run whose memory failed says so and is
 * never a success; its result is still valid JSON; everything is given back.
 */
#include "sse_record.h"

#include "difystream/event.h"

struct stream_case {
    const char *name;
    void (*make)(struct text *before, struct text *after); /* `after`: behind a break; or empty */
    size_t chunk;
};

/* ---- streams --------------------------------------------------------------------------------- */

static void make_busy(struct text *before, struct text *after)
{
    (void)after;
    text_add_chars(before, "id: 12345\ndata: not json\n\ndata: [1]\n\nevent: ping\n\n");
    text_add_event(before, "{'event':'workflow_started','task_id':'t','workflow_run_id':'r',"
                           "'data':{'workflow_id':'w','created_at':5}}");
    for (int i = 0; i < 40; i++) {
        struct text json = {NULL, 0, 0};
        text_addf(&json,
                  "{'event':'node_finished','data':{'id':'e%d','node_id':'n%d','title':'T%d',"
                  "'status':'succeeded','outputs':{'k%d':'\\ud83d','s':[%d]},'elapsed_time':0.%d,"
                  "'execution_metadata':{'total_tokens':3,'total_price':'1e-%d'}}}",
                  i, i % 20, i, i, i, i + 1, i + 1);
        text_add_event(before, json.ptr);
        text_fini(&json);
    }
    text_add_event(before, "{'event':'iteration_started','data':{'id':'i','node_id':'i'}}");
    text_add_event(before, "{'event':'iteration_completed','data':{'id':'i','node_id':'i'}}");
    text_add_event(before, "{'event':'tts_message','audio':'Zm9vYmFy'}");
    text_add_event(before, "{'event':'tts_message','audio':'?'}");
    text_add_event(before, "{'event':'human_input_required','data':{'form_id':'f','node_id':'h'}}");
    text_add_event(before, "{'event':'workflow_finished','data':{'status':'succeeded',"
                           "'outputs':{'k1':'last','\\ud800':1},'total_tokens':7}}");
    text_add_event(before, "{'event':'tts_message_end','audio':''}");
}

static void make_chat(struct text *before, struct text *after)
{
    (void)after;
    for (int i = 0; i < 30; i++) {
        text_add_event(before, "{'event':'message','conversation_id':'c','message_id':'m',"
                               "'task_id':'t','answer':'some words of an answer \\ud83d'}");
        text_add_event(before, "{'event':'message','answer':'\\ude00, joined'}");
    }
    text_add_event(before, "{'event':'message_end','metadata':{'usage':{'total_tokens':9,"
                           "'total_price':'0.5','currency':'RMB','latency':1.5}}}");
}

static void make_agent(struct text *before, struct text *after)
{
    (void)after;
    text_add_event(before, "{'event':'agent_message','answer':'abc'}");
    text_add_event(before, "{'event':'message','answer':'abc and the rest'}");
    text_add_event(before, "{'event':'message_replace','answer':'something else'}");
    text_add_event(before, "{'event':'error','code':'c','message':'went wrong','status':400}");
}

static void make_resumed(struct text *before, struct text *after)
{
    *before = read_recording("disconnect/reconnect-snapshot-in-iteration/streaming-cut");
    *after = read_recording("disconnect/reconnect-snapshot-in-iteration/events");
    before->len -= 100; /* in the middle of an event */
}

static void make_large(struct text *before, struct text *after)
{
    (void)after;
    for (int i = 0; i < 3; i++) {
        text_add_chars(before,
                       "data: {\"event\":\"node_finished\",\"data\":{\"id\":\"e\",\"outputs\":"
                       "{\"big\":\"");
        text_add_repeated(before, 'x', (size_t)50000 << i);
        text_add_chars(before, "\xFF\",\ndata: \"more\":[");
        for (int j = 0; j < 2000; j++)
            text_addf(before, "%d,", j);
        text_add_chars(before, "0]}}}\n\n");
    }
    text_add_event(before, "{'event':'workflow_finished','data':{'status':'succeeded',"
                           "'outputs':{'a':1}}}");
}

static void make_paused(struct text *before, struct text *after)
{
    *before = read_recording("human-input/approve/streaming");
    *after = read_recording("human-input/approve/events-resume-snapshot-continue");
}

static void make_recorded(struct text *before, struct text *after)
{
    (void)after;
    *before = read_recording("label-check/streaming");
}

static const struct stream_case cases[] = {
    {"warnings, nodes, forms, audio, lone surrogates", make_busy, 61},
    {"chat", make_chat, 7},
    {"agent and error event", make_agent, 5},
    {"taken up by a snapshot", make_resumed, 333},
    {"large outputs over several lines", make_large, 4099},
    {"paused and taken up", make_paused, 509},
    {"a recorded run", make_recorded, 997},
};

/* ---- a run ----------------------------------------------------------------------------------- */

struct asked {
    struct dify_run *run;
    size_t events;
};

static void on_event(void *ctx, const struct dify_event *event, uint64_t offset)
{
    struct asked *asked = ctx;
    struct dify_result result;
    (void)event;
    (void)offset;
    if (++asked->events % 8 == 0 && asked->run != NULL)
        dify_run_result(asked->run, &result);
}

/* Writing the result takes no memory, also when there is none, and it is JSON. */
static struct text check_result(const struct dify_run *run, struct meter *meter)
{
    uint64_t calls = meter->calls;
    struct text text = result_text(run, DIFY_JSON_COMPACT);
    assert_int_equal(meter->calls, calls);
    yyjson_doc *doc = parse_result(&text);
    if (doc == NULL)
        fail_msg("no JSON when allocation %llu fails: ...%s", (unsigned long long)meter->fail_at,
                 text.len > 2000 ? text.ptr + text.len - 2000 : text.ptr);
    yyjson_doc_free(doc);
    return text;
}

/* Folds with the meter's failures. Returns the first error; `*out` is the result, or empty. */
static enum dify_err fold_with(struct meter *meter, const struct text *before,
                               const struct text *after, size_t chunk, struct text *out)
{
    struct asked asked = {NULL, 0};
    struct dify_run_observer observer = {.ctx = &asked, .event = on_event};
    struct dify_run_options options = {.size = sizeof options, .allocator = &meter->allocator};
    struct dify_result result;
    options.observer = &observer;
    enum dify_err err = dify_run_new(&options, &asked.run);
    if (err != DIFY_OK) {
        assert_null(asked.run);
        return err;
    }
    err = feed_in(asked.run, text_slice(before), chunk);
    if (after->len != 0) {
        dify_run_resume(asked.run);
        enum dify_err second = feed_in(asked.run, text_slice(after), chunk);
        if (err != DIFY_OK)
            assert_int_equal(second, err);
        err = second;
    }
    dify_run_end(asked.run);
    dify_run_result(asked.run, &result);
    if (err != DIFY_OK) {
        assert_false(result.success);
        assert_true(result.has_ended);
        assert_int_equal(result.outcome, DIFY_OUTCOME_INVALID_RESPONSE);
        assert_slice(result.message, "out of memory while reading the stream");
    }
    *out = check_result(asked.run, meter);
    dify_run_free(asked.run);
    return err;
}

static void run_case(void **state)
{
    const struct stream_case *c = *state;
    struct text before = {NULL, 0, 0}, after = {NULL, 0, 0}, expected = {NULL, 0, 0};
    struct meter meter;
    c->make(&before, &after);
    meter_init(&meter);
    assert_int_equal(fold_with(&meter, &before, &after, c->chunk, &expected), DIFY_OK);
    assert_meter_empty(&meter);
    uint64_t calls = meter.calls;
    assert_in_range(calls, 10, 100000);
    size_t failed = 0, harmless = 0;
    for (uint64_t n = 1; n <= 2 * calls; n++) {
        struct text result = {NULL, 0, 0};
        meter_init(&meter);
        meter.fail_at = n / 2 + n % 2;
        meter.fails_on = n % 2 != 0;
        enum dify_err err = fold_with(&meter, &before, &after, c->chunk, &result);
        assert_meter_empty(&meter);
        if (err == DIFY_OK) {
            harmless++;
            assert_bytes(text_slice(&result), text_slice(&expected));
        } else {
            failed++;
            assert_int_equal(err, DIFY_ERR_NOMEM);
            assert_true(meter.failures > 0);
        }
        text_fini(&result);
    }
    print_message("%s: %zu failed runs, %zu harmless\n", c->name, failed, harmless);
    assert_true(failed > harmless);
    text_fini(&before);
    text_fini(&after);
    text_fini(&expected);
}

/* ---- single calls ---------------------------------------------------------------------------- */

static void test_decoder(void **state)
{
    (void)state;
    struct meter meter;
    struct text json = {NULL, 0, 0};
    text_add_chars(&json, "{\"event\":\"message\",\"answer\":\"\xFF\\ud83d");
    text_add_repeated(&json, 'x', 100000);
    text_add_chars(&json, "\"}");
    for (uint64_t n = 1;; n++) {
        struct dify_decoder *decoder = NULL;
        const struct dify_event *event = NULL;
        meter_init(&meter);
        meter.fail_at = n;
        enum dify_err err = dify_decoder_new(&meter.allocator, &decoder);
        if (err == DIFY_OK)
            err = dify_decoder_decode(decoder, text_slice(&json), &event, NULL);
        else
            assert_null(decoder);
        assert_int_equal(err, meter.failures != 0 ? DIFY_ERR_NOMEM : DIFY_OK);
        if (err != DIFY_OK && decoder != NULL) { /* it can be used on */
            assert_null(event);
            assert_int_equal(dify_decoder_decode(decoder, text_slice(&json), &event, NULL),
                             DIFY_OK);
            assert_int_equal(event->answer.len, 100006);
        }
        dify_decoder_free(decoder);
        assert_meter_empty(&meter);
        if (meter.failures == 0)
            break;
        assert_in_range(n, 1, 100);
    }
    text_fini(&json);
}

static void test_sse(void **state)
{
    (void)state;
    static const char stream[] = "id: 1\nevent: \xFF\ndata: \xFE\ndata: b\n\n: \xFD\nid: 23\n\n";
    for (uint64_t n = 1;; n++) {
        struct meter meter;
        struct text out = {NULL, 0, 0};
        struct dify_sse *sse = NULL;
        meter_init(&meter);
        meter.fail_at = n;
        struct dify_sse_options options = record_options(&out);
        options.allocator = &meter.allocator;
        options.last_event_id = DIFY_SLICE("7");
        enum dify_err err = dify_sse_new(&options, &sse);
        if (err == DIFY_OK) {
            for (size_t i = 0; i < sizeof stream - 1; i++)
                err = sse_feed_copy(sse, stream + i, 1);
            assert_int_equal(dify_sse_feed(sse, "", 0), err); /* sticky */
        } else {
            assert_null(sse);
        }
        assert_int_equal(err, meter.failures != 0 ? DIFY_ERR_NOMEM : DIFY_OK);
        if (err != DIFY_OK && sse != NULL) {
            dify_sse_reset(sse);
            assert_int_equal(dify_sse_feed(sse, "data: a\n\n", 9), DIFY_OK);
        }
        dify_sse_free(sse);
        assert_meter_empty(&meter);
        text_fini(&out);
        if (meter.failures == 0)
            break;
        assert_in_range(n, 1, 100);
    }
}

static void test_dup_output_text(void **state)
{
    (void)state;
    struct text stream = {NULL, 0, 0};
    text_add_event(&stream, "{'event':'workflow_finished','data':{'status':'succeeded',"
                            "'outputs':{'t':'a\\ud83d\\u0000b'}}}");
    struct meter meter;
    meter_init(&meter);
    struct dify_run *run = new_run_with((struct dify_run_options){.allocator = &meter.allocator});
    assert_int_equal(feed_in(run, text_slice(&stream), 3), DIFY_OK);
    size_t live = meter.live_bytes;
    for (uint64_t n = 1;; n++) {
        char *text = NULL;
        size_t len = 77;
        meter.calls = meter.failures = 0;
        meter.fail_at = n;
        enum dify_err err = dify_run_dup_output_text(run, "t", &text, &len);
        assert_int_equal(err, meter.failures != 0 ? DIFY_ERR_NOMEM : DIFY_OK);
        if (err != DIFY_OK) {
            assert_null(text);
            assert_int_equal(len, 77);
        } else {
            assert_memory_equal(text, "a\xED\xA0\xBD\0b", 7);
        }
        dify_run_free_text(run, text);
        assert_int_equal(meter.live_bytes, live);
        if (meter.failures == 0)
            break;
        assert_in_range(n, 1, 100);
    }
    dify_run_free(run);
    assert_meter_empty(&meter);
    text_fini(&stream);
}

/* A failed dify_run_fail() ends nothing; it can be called again. */
static void test_run_fail(void **state)
{
    (void)state;
    for (uint64_t n = 1;; n++) {
        struct meter meter;
        meter_init(&meter);
        struct dify_run *run =
            new_run_with((struct dify_run_options){.allocator = &meter.allocator});
        meter.fail_at = meter.calls + n;
        struct text words = {NULL, 0, 0};
        text_add_repeated(&words, 'm', 1000);
        enum dify_err err = dify_run_fail(run, DIFY_OUTCOME_CONNECT_FAILED, DIFY_SLICE("code"),
                                          text_slice(&words), 0);
        assert_int_equal(err, meter.failures != 0 ? DIFY_ERR_NOMEM : DIFY_OK);
        if (err != DIFY_OK) {
            struct dify_result result;
            dify_run_result(run, &result);
            assert_false(result.has_ended);
            assert_int_equal(dify_run_fail(run, DIFY_OUTCOME_CONNECT_FAILED, DIFY_SLICE("code"),
                                           text_slice(&words), 0),
                             DIFY_OK);
        }
        assert_result(run, "/code", "'code'");
        dify_run_free(run);
        assert_meter_empty(&meter);
        text_fini(&words);
        if (meter.failures == 0)
            break;
        assert_in_range(n, 1, 100);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_decoder),
        cmocka_unit_test(test_sse),
        cmocka_unit_test(test_dup_output_text),
        cmocka_unit_test(test_run_fail),
    };
    int failed = run_cases("torture, streams", cases, COUNT_OF(cases), sizeof cases[0], run_case);
    return failed + cmocka_run_group_tests_name("torture", tests, NULL, NULL);
}
