/* SPDX-License-Identifier: Apache-2.0
 *
 * test_ceilings.c: a run at each ceiling of limits.h, and one past it. Past a hard one it is never
 * a success, and the message names it.
 */
#include "support.h"

#include "difystream/limits.h"

#define FINISH "{'event':'workflow_finished','data':{'status':'succeeded','outputs':{'a':1}}}"

/* Feeds `stream` and a success behind it. */
static struct dify_run *fold_at(struct dify_run_options options, const struct text *stream,
                                enum dify_err expected)
{
    struct text end = STREAM(FINISH);
    struct dify_run *run = new_run_with(options);
    enum dify_err err = feed_in(run, text_slice(stream), 1000);
    if (err == DIFY_OK)
        err = feed_in(run, text_slice(&end), 7);
    assert_int_equal(err, expected);
    assert_int_equal(dify_run_feed(run, "\n", 1), expected);
    text_fini(&end);
    return run;
}

/* The run failed for a ceiling: a result that says which, whatever is called then. */
static void assert_too_large(struct dify_run *run, const char *words)
{
    struct dify_result result;
    for (int i = 0; i < 3; i++) {
        dify_run_result(run, &result);
        assert_true(result.has_ended);
        assert_false(result.success);
        assert_int_equal(result.outcome, DIFY_OUTCOME_INVALID_RESPONSE);
        assert_int_equal(result.exit_status, 7);
        assert_int_equal(result.http_status, 502);
        assert_slice(result.code, "invalid_response");
        assert_slice(result.message, words);
        assert_result(run, "/success", "false");
        if (i == 0) {
            dify_run_resume(run);
            assert_int_equal(dify_run_feed(run, "data: {}\n\n", 10), DIFY_ERR_TOO_LARGE);
        } else {
            dify_run_end(run);
        }
    }
    dify_run_free(run);
}

static void assert_success(struct dify_run *run)
{
    assert_result(run, "/success", "true");
    dify_run_free(run);
}

static void test_event_bytes(void **state)
{
    (void)state;
    const size_t max = 500;
    for (size_t over = 0; over < 2; over++) {
        struct text stream = {NULL, 0, 0};
        text_add_chars(&stream, "data: {\"x\":\"");
        text_add_repeated(&stream, 'x', max - strlen("{\"x\":\"\"}") + over);
        text_add_chars(&stream, "\"}\n\n");
        struct dify_run *run = fold_at((struct dify_run_options){.max_event_bytes = max}, &stream,
                                       over == 0 ? DIFY_OK : DIFY_ERR_TOO_LARGE);
        if (over == 0)
            assert_success(run);
        else
            assert_too_large(run, "an event of the stream is larger than 500 bytes");
        text_fini(&stream);
    }
}

static void test_success_before_a_large_event(void **state)
{
    (void)state;
    struct text stream = STREAM(FINISH);
    text_add_repeated(&stream, 'x', 2000);
    struct dify_run *run = new_run_with((struct dify_run_options){.max_event_bytes = 500});
    assert_int_equal(feed_in(run, text_slice(&stream), 0), DIFY_ERR_TOO_LARGE);
    assert_too_large(run, "an event of the stream is larger than 500 bytes");
    text_fini(&stream);
}

static const char *const kept_streams[] = {
    "{'event':'message','answer':'0123456789012345678901234567890123456789'}",
    "{'event':'node_finished','data':{'id':'e','outputs':{'k':'01234567890123456789'}}}",
    "{'event':'node_started','data':{'id':'e','node_id':'n','title':'0123456789'}}",
    "{'event':'human_input_required','data':{'form_id':'f','form_content':'0123456789'}}",
    "{'event':'iteration_started','data':{'id':'i','node_id':'i'}}",
    "{'event':'workflow_finished','data':{'status':'succeeded','outputs':{'k':'0123'},"
    "'error':'none'}}",
};

/* For each kind of thing that is kept: the smallest budget that will do is found, and one byte less
 * fails. Whatever the budget, the outcome is a full success or says that the ceiling was passed. */
static void test_kept_bytes(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(kept_streams); i++) {
        struct text stream = STREAM(kept_streams[i]), end = STREAM(FINISH);
        struct text full = {NULL, 0, 0}, words = {NULL, 0, 0};
        bool was_success = false;
        for (size_t max = 2000; max > 0; max--) {
            struct dify_run *run = new_run_with((struct dify_run_options){.max_kept_bytes = max});
            enum dify_err err = feed_in(run, text_slice(&stream), 0);
            if (err == DIFY_OK)
                err = feed_in(run, text_slice(&end), 0);
            if (err == DIFY_OK) {
                assert_true(max == 2000 || was_success); /* no gaps */
                struct text result = result_text(run, DIFY_JSON_COMPACT);
                if (full.len == 0)
                    text_add(&full, result.ptr, result.len);
                assert_bytes(text_slice(&result), text_slice(&full));
                text_fini(&result);
                assert_success(run);
            } else {
                assert_true(max < 2000);
                assert_int_equal(err, DIFY_ERR_TOO_LARGE);
                words.len = 0;
                text_addf(&words, "what the run has to keep is more than %zu bytes", max);
                assert_too_large(run, words.ptr);
            }
            was_success = err == DIFY_OK;
        }
        assert_false(was_success);
        text_fini(&stream);
        text_fini(&end);
        text_fini(&full);
        text_fini(&words);
    }
}

/* What is replaced is given back: an answer replaced a thousand times needs no thousand budgets. */
static void test_kept_bytes_are_given_back(void **state)
{
    (void)state;
    struct text stream = {NULL, 0, 0};
    for (int i = 0; i < 1000; i++) {
        text_add_event(&stream, "{'event':'message_replace','answer':'0123456789'}");
        text_add_event(&stream, "{'event':'message','answer':'\\ud83d'}");
        text_add_event(&stream, "{'event':'message','answer':'\\ude00'}");
    }
    assert_success(fold_at((struct dify_run_options){.max_kept_bytes = 1000}, &stream, DIFY_OK));
    text_fini(&stream);
}

/* `count` events, with the number of each for #. */
static struct text many_events(int count, const char *json)
{
    struct text stream = {NULL, 0, 0};
    for (int i = 0; i < count; i++) {
        struct text event = {NULL, 0, 0};
        for (const char *at = json; *at != '\0'; at++) {
            if (*at == '#')
                text_addf(&event, "%d", i);
            else
                text_add(&event, at, 1);
        }
        text_add_event(&stream, event.ptr);
        text_fini(&event);
    }
    return stream;
}

/* A run that has kept nearly all it may can still be ended for a reason outside its stream. */
static void test_fail_at_the_ceiling(void **state)
{
    (void)state;
    struct text stream = STREAM("{'event':'message','answer':'0123456789'}");
    struct text words = {NULL, 0, 0};
    struct dify_run *run = new_run_with((struct dify_run_options){.max_kept_bytes = 20});
    text_add_repeated(&words, 'm', 100);
    assert_int_equal(feed_in(run, text_slice(&stream), 0), DIFY_OK);
    assert_int_equal(
        dify_run_fail(run, DIFY_OUTCOME_CONNECTION_RESET, slice_of(NULL), text_slice(&words), 0),
        DIFY_OK);
    assert_result(run, "/code", "'connection_reset'");
    dify_run_free(run);
    text_fini(&stream);
    text_fini(&words);
}

/* Beyond the ceiling a node's figures and outputs still count; one warning says so. */
static void test_nodes(void **state)
{
    (void)state;
    struct text stream =
        many_events(3, "{'event':'node_finished','data':{'id':'e#','outputs':{'k#':1},"
                       "'elapsed_time':1,'execution_metadata':{'total_tokens':2,"
                       "'total_price':0.5}}}");
    for (size_t max = 1; max <= 3; max++) {
        struct dify_node node;
        struct dify_run *run =
            fold_at((struct dify_run_options){.max_nodes = max}, &stream, DIFY_OK);
        assert_true(dify_run_node(run, max - 1, &node));
        assert_false(dify_run_node(run, max, &node));
        assert_result(run, "/data/outputs", "{'k0':1,'k1':1,'k2':1,'a':1}");
        assert_result(run, "/data/metadata/total_tokens", "6");
        assert_result(run, "/data/metadata/total_price", "1.5");
        assert_result(run, "/data/metadata/elapsed_time", "3");
        assert_result(run, "/data/warnings/0/reason",
                      max < 3 ? "'more nodes than are listed; the further ones only count'" : NULL);
        assert_result(run, "/data/warnings/1", NULL);
        assert_success(run);
    }
    text_fini(&stream);
}

static void test_containers(void **state)
{
    (void)state;
    struct text stream =
        many_events(3, "{'event':'loop_started','data':{'id':'l#','node_id':'l#'}}");
    struct dify_run *run = fold_at((struct dify_run_options){.max_nodes = 2}, &stream, DIFY_OK);
    assert_result(run, "/data/containers/1/node_id", "'l1'");
    assert_result(run, "/data/containers/2", NULL);
    assert_result(run, "/data/warnings/1", NULL);
    assert_result(run, "/data/nodes", "[]");
    assert_success(run);
    text_fini(&stream);
}

static void test_nodes_by_default(void **state)
{
    (void)state;
    struct dify_node node;
    struct text stream =
        many_events(DIFY_RUN_NODES + 1, "{'event':'node_started','data':{'id':'e#','index':#}}");
    struct dify_run *run = fold_at((struct dify_run_options){0}, &stream, DIFY_OK);
    assert_true(dify_run_node(run, DIFY_RUN_NODES - 1, &node));
    assert_slice(node.id, "e99999");
    assert_false(dify_run_node(run, DIFY_RUN_NODES, &node));
    dify_run_free(run);
    text_fini(&stream);
}

static void test_warnings(void **state)
{
    (void)state;
    for (size_t count = DIFY_RUN_WARNINGS; count <= DIFY_RUN_WARNINGS + 1; count++) {
        struct text stream = {NULL, 0, 0};
        struct dify_result result;
        uint64_t offset = 0;
        const char *reason = NULL;
        for (size_t i = 0; i < count; i++)
            text_add_event(&stream, "nothing");
        struct dify_run *run = fold_at((struct dify_run_options){0}, &stream, DIFY_OK);
        dify_run_result(run, &result);
        assert_int_equal(result.warning_count, count);
        assert_int_equal(result.skipped_events, count);
        assert_int_equal(result.event_count, 1);
        assert_true(dify_run_warning(run, DIFY_RUN_WARNINGS - 1, &offset, &reason));
        assert_int_equal(offset, 15 * (DIFY_RUN_WARNINGS - 1));
        assert_non_null(strstr(reason, "event skipped, not a JSON object: "));
        assert_false(dify_run_warning(run, DIFY_RUN_WARNINGS, &offset, &reason));
        assert_result(run, "/data/warnings/15/offset", "225");
        assert_result(run, "/data/warnings/16", NULL);
        assert_success(run);
        text_fini(&stream);
    }
}

static void test_forms(void **state)
{
    (void)state;
    for (int count = DIFY_RUN_FORMS; count <= DIFY_RUN_FORMS + 2; count++) {
        struct dify_result result;
        struct text stream =
            many_events(count, "{'event':'human_input_required','data':{'form_id':'f#','n':#}}");
        text_add_event(&stream, "{'event':'human_input_required','data':{'form_id':'f0'}}");
        text_add_event(&stream, "{'event':'workflow_paused','data':{}}");
        struct dify_run *run = fold(&stream);
        dify_run_result(run, &result);
        assert_int_equal(result.outcome, DIFY_OUTCOME_PAUSED);
        assert_int_equal(result.warning_count, count - DIFY_RUN_FORMS);
        assert_result(run, "/data/forms/63", "{'form_id':'f63','n':63}");
        assert_result(run, "/data/forms/64", NULL);
        dify_run_free(run);
        text_fini(&stream);
    }
}

static void test_depth(void **state)
{
    (void)state;
    for (size_t depth = DIFY_EVENT_DEPTH; depth <= DIFY_EVENT_DEPTH + 1; depth++) {
        struct text stream = {NULL, 0, 0};
        bool is_deep = depth > DIFY_EVENT_DEPTH;
        text_add_chars(&stream,
                       "data: {\"event\":\"node_finished\",\"data\":{\"outputs\":{\"deep\":");
        text_add_repeated(&stream, '[', depth - 3);
        text_add_repeated(&stream, ']', depth - 3);
        text_add_chars(&stream, "}}}\n\n");
        struct dify_run *run = fold_at((struct dify_run_options){0}, &stream, DIFY_OK);
        assert_result(run, "/data/skipped_events", is_deep ? "1" : "0");
        assert_result(run, "/data/event_count", is_deep ? "1" : "2");
        assert_result(run, "/data/warnings/0/reason",
                      is_deep ? "'event skipped, not a JSON object: nested deeper than 512 levels'"
                              : NULL);
        assert_int_equal(dify_run_output(run, DIFY_SLICE("deep")).len,
                         is_deep ? 0 : 2 * (depth - 3));
        assert_success(run);
        text_fini(&stream);
    }
}

static void test_digits(void **state)
{
    (void)state;
    for (size_t digits = DIFY_DECIMAL_DIGITS; digits <= DIFY_DECIMAL_DIGITS + 1; digits++) {
        struct text stream = {NULL, 0, 0};
        bool is_long = digits > DIFY_DECIMAL_DIGITS;
        text_add_chars(&stream, "data: {\"event\":\"node_finished\",\"data\":{\"elapsed_time\":0.");
        text_add_repeated(&stream, '1', digits);
        text_add_chars(&stream, ",\"execution_metadata\":{\"total_price\":\"");
        text_add_repeated(&stream, '2', digits);
        text_add_chars(&stream, "\"}}}\n\n");
        struct dify_run *run = fold_at((struct dify_run_options){0}, &stream, DIFY_OK);
        assert_result(run, "/data/metadata/elapsed_time",
                      is_long ? "0" : "0.1111111111111111111111111111111111111111");
        assert_result(run, "/data/metadata/total_price",
                      is_long ? "0" : "2222222222222222222222222222222222222222");
        assert_result(run, "/data/warnings/1/offset", is_long ? "0" : NULL);
        assert_result(run, "/data/warnings/2", NULL);
        assert_success(run);
        text_fini(&stream);
    }
}

static void test_tokens(void **state)
{
    (void)state;
    static const char *const last[] = {"5", "6", "18446744073709551615"};
    for (size_t i = 0; i < COUNT_OF(last); i++) {
        struct text stream = STREAM("{'event':'node_finished','data':{'execution_metadata':"
                                    "{'total_tokens':18446744073709551610}}}");
        struct text json = {NULL, 0, 0};
        text_addf(&json, "{'event':'node_retry','data':{'execution_metadata':{'total_tokens':%s}}}",
                  last[i]);
        text_add_event(&stream, json.ptr);
        struct dify_run *run = fold_at((struct dify_run_options){0}, &stream, DIFY_OK);
        assert_result(run, "/data/metadata/total_tokens", "18446744073709551615");
        assert_result(run, "/data/warnings/0/reason",
                      i == 0 ? NULL : "'the sum of tokens stays at 2^64 - 1'");
        assert_success(run);
        text_fini(&stream);
        text_fini(&json);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_event_bytes),
        cmocka_unit_test(test_success_before_a_large_event),
        cmocka_unit_test(test_kept_bytes),
        cmocka_unit_test(test_kept_bytes_are_given_back),
        cmocka_unit_test(test_fail_at_the_ceiling),
        cmocka_unit_test(test_nodes),
        cmocka_unit_test(test_containers),
        cmocka_unit_test(test_nodes_by_default),
        cmocka_unit_test(test_warnings),
        cmocka_unit_test(test_forms),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_digits),
        cmocka_unit_test(test_tokens),
    };
    return cmocka_run_group_tests_name("ceilings", tests, NULL, NULL);
}
