/* SPDX-License-Identifier: Apache-2.0
 *
 * test_result.c: how a run ended, told as values and as JSON: the stream's ends, dify_run_fail()
 * for every row of docs/result.md, the accessors, the styles.
 */
#include "support.h"

/* ---- the stream's own ends ------------------------------------------------------------------- */

struct end_case {
    const char *name;
    const char *json; /* the last event; NULL: none */
    enum dify_outcome outcome;
    const char *error, *code, *message;
    int exit_status;
};

#define STATUS(status) "{'event':'workflow_finished','data':{'status':'" status "','error':'why'}}"

static const struct end_case end_cases[] = {
    {"succeeded", STATUS("succeeded"), DIFY_OUTCOME_SUCCEEDED, NULL, NULL, NULL, 0},
    {"failed", STATUS("failed"), DIFY_OUTCOME_FAILED, "工作流执行失败", "workflow_failed", "why",
     1},
    {"stopped", STATUS("stopped"), DIFY_OUTCOME_STOPPED, "工作流状态异常: stopped",
     "workflow_stopped", "why", 1},
    {"stopped, said as failed",
     "{'event':'workflow_finished','data':{'status':'failed','error':'Aborted: User requested "
     "stop'}}",
     DIFY_OUTCOME_STOPPED_AS_FAILED, "工作流执行失败", "workflow_stopped",
     "Aborted: User requested stop", 1},
    {"partial", STATUS("partial-succeeded"), DIFY_OUTCOME_OTHER_STATUS,
     "工作流状态异常: partial-succeeded", "workflow_partial_succeeded", "why", 1},
    {"a status not known", STATUS("on-a-break"), DIFY_OUTCOME_OTHER_STATUS,
     "工作流状态异常: on-a-break", "workflow_on_a_break", "why", 1},
    {"no reason", "{'event':'workflow_finished','data':{'status':'failed','exceptions_count':2}}",
     DIFY_OUTCOME_FAILED, "工作流执行失败", "workflow_failed",
     "Dify gave no reason; it reported the status failed; exceptions: 2", 1},
    {"paused", "{'event':'workflow_paused','data':{}}", DIFY_OUTCOME_PAUSED,
     "工作流状态异常: paused", "workflow_paused", "the run waits for human input", 5},
    {"an error event", "{'event':'error','code':'invalid_param','message':'bad','status':400}",
     DIFY_OUTCOME_ERROR_EVENT, "工作流执行失败", "invalid_param", "bad", 1},
    {"an error event without code", "{'event':'error'}", DIFY_OUTCOME_ERROR_EVENT, "工作流执行失败",
     "stream_error", "Dify gave no reason", 1},
    {"an error event with an empty code", "{'event':'error','code':'','message':''}",
     DIFY_OUTCOME_ERROR_EVENT, "工作流执行失败", "stream_error", "Dify gave no reason", 1},
    {"message_end", "{'event':'message_end'}", DIFY_OUTCOME_SUCCEEDED, NULL, NULL, NULL, 0},
    {"no terminal event", "{'event':'node_started','data':{'id':'e'}}",
     DIFY_OUTCOME_STREAM_INCOMPLETE, "工作流状态异常: None", "stream_incomplete",
     "the stream ended without a terminal event, after 1 event; the last one was node_started", 4},
    {"no event at all", NULL, DIFY_OUTCOME_STREAM_INCOMPLETE, "工作流状态异常: None",
     "stream_incomplete", "the stream ended without a terminal event, after 0 events", 4},
};

static void run_end_case(void **state)
{
    const struct end_case *c = *state;
    struct text stream = {NULL, 0, 0};
    struct dify_result result;
    if (c->json != NULL)
        text_add_event(&stream, c->json);
    struct dify_run *run = fold(&stream);
    dify_run_result(run, &result);
    assert_true(result.has_ended);
    assert_int_equal(result.success, c->outcome == DIFY_OUTCOME_SUCCEEDED);
    assert_int_equal(result.outcome, c->outcome);
    assert_slice(result.error, c->error);
    assert_slice(result.code, c->code);
    assert_slice(result.message, c->message);
    assert_int_equal(result.exit_status, c->exit_status);
    assert_int_equal(result.http_status, result.success ? 200 : 502);
    assert_result(run, "/success", result.success ? "true" : "false");
    dify_run_free(run);
    text_fini(&stream);
}

static void test_accept_partial(void **state)
{
    (void)state;
    struct text stream = STREAM(STATUS("partial-succeeded"));
    struct dify_run *run = new_run_with((struct dify_run_options){.accept_partial = true});
    struct dify_result result;
    assert_int_equal(feed_in(run, text_slice(&stream), 0), DIFY_OK);
    dify_run_result(run, &result);
    assert_true(result.success);
    assert_int_equal(result.exit_status, 0);
    assert_slice(result.error, NULL);
    assert_slice(result.status, "partial-succeeded");
    dify_run_free(run);
    run = new_run_with((struct dify_run_options){.accept_partial = true});
    assert_int_equal(feed_in(run,
                             slice_of("data: {\"event\":\"workflow_finished\",\"data\":"
                                      "{\"status\":\"partial\"}}\n\n"),
                             0),
                     DIFY_OK);
    assert_result(run, "/code", "'workflow_partial'");
    dify_run_free(run);
    text_fini(&stream);
}

/* ---- ends outside the stream ----------------------------------------------------------------- */

struct fail_case {
    const char *name; /* also the code */
    enum dify_outcome outcome;
    const char *error;
    int exit_status, http_status; /* given 418 as Dify's own */
};

static const struct fail_case fail_cases[] = {
    {"stream_incomplete", DIFY_OUTCOME_STREAM_INCOMPLETE, "工作流状态异常: None", 4, 502},
    {"run_lost", DIFY_OUTCOME_RUN_LOST, "无法确认工作流是否已启动", 4, 502},
    {"connection_reset", DIFY_OUTCOME_CONNECTION_RESET, "连接被对端重置", 4, 502},
    {"connect_timeout", DIFY_OUTCOME_CONNECT_TIMEOUT, "无法连接到Dify服务", 7, 504},
    {"connect_failed", DIFY_OUTCOME_CONNECT_FAILED, "无法连接到Dify服务", 7, 502},
    {"read_timeout", DIFY_OUTCOME_READ_TIMEOUT, "等待Dify响应超时", 6, 504},
    {"run_timeout", DIFY_OUTCOME_RUN_TIMEOUT, "等待Dify响应超时", 6, 504},
    {"http_error", DIFY_OUTCOME_REFUSED, "Dify拒绝了请求", 3, 418},
    {"http_error", DIFY_OUTCOME_HTTP_ERROR, "Dify服务返回异常", 7, 502},
    {"invalid_response", DIFY_OUTCOME_INVALID_RESPONSE, "Dify服务返回异常", 7, 502},
    {"invalid_param", DIFY_OUTCOME_INVALID_PARAM, "请求参数无效", 3, 400},
    {"upload_failed", DIFY_OUTCOME_UPLOAD_FAILED, "文件上传失败", 3, 418},
    {"cancelled", DIFY_OUTCOME_CANCELLED, "请求已取消", 130, 499},
    {"too_many_runs", DIFY_OUTCOME_TOO_MANY_RUNS, "排队的工作流过多", 3, 429},
    {"unavailable", DIFY_OUTCOME_UNAVAILABLE, "服务暂不可用", 7, 503},
};

static void run_fail_case(void **state)
{
    const struct fail_case *c = *state;
    for (int with_code = 0; with_code < 2; with_code++) {
        struct dify_result result;
        struct text stream = STREAM("{'event':'workflow_started','workflow_run_id':'r'}");
        struct dify_run *run = new_run();
        char words[] = "the exact words", code[] = "own_code";
        assert_int_equal(feed_in(run, text_slice(&stream), 0), DIFY_OK);
        assert_int_equal(dify_run_fail(run, c->outcome,
                                       with_code != 0 ? slice_of(code) : slice_of(NULL),
                                       slice_of(words), 418),
                         DIFY_OK);
        memset(words, 'x', sizeof words - 1); /* they were copied */
        memset(code, 'x', sizeof code - 1);
        dify_run_result(run, &result);
        assert_true(result.has_ended);
        assert_false(result.success);
        assert_int_equal(result.outcome, c->outcome);
        assert_slice(result.error, c->error);
        assert_slice(result.code, with_code != 0 ? "own_code" : c->name);
        assert_slice(result.message, "the exact words");
        assert_int_equal(result.exit_status, c->exit_status);
        assert_int_equal(result.http_status, c->http_status);
        assert_result(run, "/data/workflow_run_id", "'r'");
        assert_result(run, "/message", "'the exact words'");
        assert_int_equal(dify_run_feed(run, "\n", 1), DIFY_ERR_STATE);
        assert_int_equal(dify_run_fail(run, c->outcome, slice_of("again"), slice_of("again"), 0),
                         DIFY_ERR_STATE);
        dify_run_end(run);
        assert_result(run, "/message", "'the exact words'");
        dify_run_free(run);
        text_fini(&stream);
    }
}

static void test_fail_with_what_only_a_stream_tells(void **state)
{
    (void)state;
    static const enum dify_outcome outcomes[] = {
        DIFY_OUTCOME_SUCCEEDED,         DIFY_OUTCOME_FAILED,
        DIFY_OUTCOME_ERROR_EVENT,       DIFY_OUTCOME_STOPPED,
        DIFY_OUTCOME_STOPPED_AS_FAILED, DIFY_OUTCOME_PAUSED,
        DIFY_OUTCOME_OTHER_STATUS,      (enum dify_outcome)(DIFY_OUTCOME_UNAVAILABLE + 1)};
    struct dify_run *run = new_run();
    for (size_t i = 0; i < COUNT_OF(outcomes); i++)
        assert_int_equal(dify_run_fail(run, outcomes[i], slice_of(NULL), slice_of(NULL), 0),
                         DIFY_ERR_ARGUMENT);
    assert_result(run, "/success", "null"); /* none of it ended the run */
    dify_run_end(run);
    assert_int_equal(dify_run_fail(run, DIFY_OUTCOME_CANCELLED, slice_of(NULL), slice_of(NULL), 0),
                     DIFY_ERR_STATE);
    assert_result(run, "/code", "'stream_incomplete'");
    dify_run_free(run);
}

static void test_fail_without_words(void **state)
{
    (void)state;
    struct dify_run *run = new_run();
    assert_int_equal(dify_run_fail(run, DIFY_OUTCOME_CONNECT_FAILED, slice_of(""), slice_of(""), 0),
                     DIFY_OK);
    assert_result(run, "/code", "'connect_failed'");
    assert_result(run, "/message", "'Dify gave no reason'");
    dify_run_free(run);
}

/* What the stream said of its end stands; a pause is no end. */
static void test_fail_after_the_streams_end(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        const char *code;
    } cases[] = {
        {STATUS("succeeded"), NULL},
        {STATUS("failed"), "'workflow_failed'"},
        {"{'event':'message_end'}", NULL},
        {"{'event':'error','code':'c'}", "'c'"},
        {"{'event':'workflow_paused'}", "'connection_reset'"},
        {"{'event':'node_started','data':{}}", "'connection_reset'"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct text stream = STREAM(cases[i].json);
        struct dify_run *run = new_run();
        assert_int_equal(feed_in(run, text_slice(&stream), 0), DIFY_OK);
        assert_int_equal(
            dify_run_fail(run, DIFY_OUTCOME_CONNECTION_RESET, slice_of(NULL), slice_of("m"), 0),
            DIFY_OK);
        assert_result(run, "/success", cases[i].code == NULL ? "true" : "false");
        assert_result(run, "/code", cases[i].code);
        dify_run_free(run);
        text_fini(&stream);
    }
}

/* ---- accessors ------------------------------------------------------------------------------- */

static struct dify_run *run_with_outputs(const char *outputs)
{
    struct text stream = {NULL, 0, 0};
    text_add_chars(&stream, "data: {\"event\":\"node_finished\",\"data\":{\"outputs\":");
    text_add_chars(&stream, outputs);
    text_add_chars(&stream, "}}\n\n");
    struct dify_run *run = fold(&stream);
    text_fini(&stream);
    return run;
}

static void test_output(void **state)
{
    (void)state;
    struct dify_run *run = run_with_outputs("{\"a\": [1, 2] ,\"\\u0062\":\"x\\u0041\",\"\":null}");
    assert_slice(dify_run_output(run, DIFY_SLICE("a")), "[1, 2]");
    assert_slice(dify_run_output(run, DIFY_SLICE("b")), "\"x\\u0041\"");
    assert_slice(dify_run_output(run, DIFY_SLICE("")), "null");
    assert_slice(dify_run_output(run, DIFY_SLICE("c")), NULL);
    dify_run_free(run);
}

struct dup_case {
    const char *name;
    const char *json;
    struct dify_slice text; /* absent: DIFY_ERR_ABSENT */
};

#define IN(literal)                                                                                \
    {                                                                                              \
        "" literal, sizeof(literal) - 1                                                            \
    }

static const struct dup_case dup_cases[] = {
    {"plain", "\"hello\"", IN("hello")},
    {"empty", "\"\"", IN("")},
    {"escapes", "\"\\\"\\\\\\/\\n\\u4e2d\\ud83d\\ude00\"",
     IN("\"\\/\n\xE4\xB8\xAD\xF0\x9F\x98\x80")},
    {"a NUL", "\"a\\u0000b\"", IN("a\0b")},
    {"a lone surrogate", "\"a\\ud83db\"",
     IN("a\xED\xA0\xBD"
        "b")},
    {"lone surrogates and a pair", "\"\\ude00\\ud83d\\ude00\\ud83d\"",
     IN("\xED\xB8\x80\xF0\x9F\x98\x80\xED\xA0\xBD")},
    {"bad UTF-8", "\"\xFF\"", IN("\xEF\xBF\xBD")},
    {"a number", "5", {NULL, 0}},
    {"null", "null", {NULL, 0}},
    {"an array", "[\"x\"]", {NULL, 0}},
    {"an object", "{\"x\":\"y\"}", {NULL, 0}},
};

static void run_dup_case(void **state)
{
    const struct dup_case *c = *state;
    struct text json = {NULL, 0, 0};
    char *text = NULL;
    size_t len = 77;
    text_addf(&json, "{\"t\":%s}", c->json);
    struct dify_run *run = run_with_outputs(json.ptr);
    enum dify_err err = dify_run_dup_output_text(run, "t", &text, &len);
    assert_int_equal(err, c->text.ptr != NULL ? DIFY_OK : DIFY_ERR_ABSENT);
    if (err == DIFY_OK) {
        assert_bytes(((struct dify_slice){text, len}), c->text);
        assert_int_equal(text[len], '\0');
        dify_run_free_text(run, text);
        assert_int_equal(dify_run_dup_output_text(run, "t", &text, NULL), DIFY_OK);
    } else {
        assert_null(text);
        assert_int_equal(len, 77);
    }
    dify_run_free_text(run, text);
    text = NULL;
    assert_int_equal(dify_run_dup_output_text(run, "absent", &text, NULL), DIFY_ERR_ABSENT);
    assert_null(text);
    dify_run_free(run);
    text_fini(&json);
}

static void test_values(void **state)
{
    (void)state;
    struct text stream = STREAM(
        "{'event':'workflow_started','workflow_run_id':'r','task_id':'t','data':{'workflow_id':'w',"
        "'created_at':5}}",
        "{'event':'message','conversation_id':'c','message_id':'m','answer':'hi'}",
        "{'event':'tts_message','audio':'Zm9v'}", "{'event':'new'}", "5",
        "{'event':'node_finished','data':{'id':'e','elapsed_time':0.5,'execution_metadata':"
        "{'total_tokens':7,'total_price':'0.1','currency':'RMB'}}}",
        "{'event':'workflow_finished','data':{'status':'succeeded','outputs':{'a': 1},"
        "'elapsed_time':1.50,'total_steps':2,'finished_at':9}}");
    struct dify_run *run = fold(&stream);
    struct dify_result result;
    dify_run_result(run, &result);
    assert_slice(result.workflow_run_id, "r");
    assert_slice(result.task_id, "t");
    assert_slice(result.workflow_id, "w");
    assert_slice(result.status, "succeeded");
    assert_slice(result.created_at, "5");
    assert_slice(result.finished_at, "9");
    assert_slice(result.conversation_id, "c");
    assert_slice(result.message_id, "m");
    assert_slice(result.answer, "hi");
    assert_slice(result.workflow_outputs, "{\"a\": 1}");
    assert_int_equal(result.total_tokens, 7);
    assert_false(result.tokens_reported);
    assert_string_equal(result.total_price, "0.1");
    assert_string_equal(result.elapsed_time, "0.5");
    assert_slice(result.workflow_elapsed_time, "1.50");
    assert_slice(result.currency, "RMB");
    assert_slice(result.total_steps, "2");
    assert_true(result.complete);
    assert_int_equal(result.event_count, 6);
    assert_int_equal(result.skipped_events, 1);
    assert_int_equal(result.unknown_events, 1);
    assert_int_equal(result.warning_count, 1);
    assert_int_equal(result.tts_bytes, 3);
    assert_true(result.has_tts);
    assert_int_equal(result.resumed, 0);
    dify_run_free(run);
    text_fini(&stream);
}

/* ---- writing --------------------------------------------------------------------------------- */

static void test_styles(void **state)
{
    (void)state;
    struct dify_run *run = new_run();
    assert_int_equal(dify_run_fail(run, DIFY_OUTCOME_CANCELLED, slice_of(NULL), slice_of("m"), 0),
                     DIFY_OK);
    struct text compact = result_text(run, DIFY_JSON_COMPACT);
    struct text pretty = result_text(run, DIFY_JSON_PRETTY);
    assert_slice(
        text_slice(&compact),
        "{\"success\":false,\"error\":\"请求已取消\",\"code\":\"cancelled\",\"message\":\"m\","
        "\"data\":{\"workflow_run_id\":null,\"task_id\":null,\"status\":null,\"outputs\":{},"
        "\"metadata\":{\"total_tokens\":0,\"total_price\":0,\"currency\":\"USD\","
        "\"elapsed_time\":0,\"total_steps\":0,\"tokens_source\":\"observed\","
        "\"workflow_elapsed_time\":null,\"complete\":true},\"created_at\":null,"
        "\"finished_at\":null,\"event_count\":0,\"workflow_id\":null,\"total_tokens\":0,"
        "\"total_price\":0,\"currency\":\"USD\",\"elapsed_time\":0,\"total_steps\":0,"
        "\"workflow_outputs\":null,\"nodes\":[],\"containers\":[],\"skipped_events\":0,"
        "\"unknown_events\":0}}");
    static const char start[] = "{\n  \"success\": false,\n  \"error\": \"请求已取消\",\n"
                                "  \"code\": \"cancelled\",\n  \"message\": \"m\",\n  \"data\": {\n"
                                "    \"workflow_run_id\": null,\n";
    assert_true(pretty.len > sizeof start);
    assert_memory_equal(pretty.ptr, start, sizeof start - 1);
    assert_non_null(strstr(pretty.ptr, "    \"outputs\": {},\n    \"metadata\": {\n"
                                       "      \"total_tokens\": 0,\n"));
    assert_string_equal(pretty.ptr + pretty.len - 30, "\n    \"unknown_events\": 0\n  }\n}");
    dify_run_free(run);
    text_fini(&compact);
    text_fini(&pretty);
}

struct refusal {
    size_t left; /* calls that are let pass */
    size_t calls;
};

static enum dify_err refuse(void *ctx, const char *bytes, size_t len)
{
    struct refusal *refusal = ctx;
    (void)bytes;
    assert_true(len != 0);
    refusal->calls++;
    if (refusal->left == 0)
        return DIFY_ERR_WRITE;
    refusal->left--;
    return DIFY_OK;
}

static void test_error_of_the_sink(void **state)
{
    (void)state;
    struct text stream = read_recording("label-check/streaming");
    struct dify_run *run = fold(&stream);
    size_t left = 0;
    for (;; left++) {
        struct refusal refusal = {left, 0};
        enum dify_err err = dify_run_write_result(run, DIFY_JSON_PRETTY, refuse, &refusal);
        if (err == DIFY_OK)
            break;
        assert_int_equal(err, DIFY_ERR_WRITE);
        assert_int_equal(refusal.calls, left + 1); /* it stops at once */
    }
    assert_true(left > 1);
    dify_run_free(run);
    text_fini(&stream);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accept_partial),
        cmocka_unit_test(test_fail_with_what_only_a_stream_tells),
        cmocka_unit_test(test_fail_without_words),
        cmocka_unit_test(test_fail_after_the_streams_end),
        cmocka_unit_test(test_output),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_styles),
        cmocka_unit_test(test_error_of_the_sink),
    };
    int failed = run_cases("result, ends", end_cases, COUNT_OF(end_cases), sizeof end_cases[0],
                           run_end_case);
    failed += run_cases("result, failures", fail_cases, COUNT_OF(fail_cases), sizeof fail_cases[0],
                        run_fail_case);
    failed += run_cases("result, output texts", dup_cases, COUNT_OF(dup_cases), sizeof dup_cases[0],
                        run_dup_case);
    return failed + cmocka_run_group_tests_name("result", tests, NULL, NULL);
}
