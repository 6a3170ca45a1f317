/* SPDX-License-Identifier: Apache-2.0
 *
 * test_follow_hostile.c: answers that a Dify does not give: ids that are none, another run's
 * detail, statuses that nobody knows, an end that is none.
 */
#include "kit.h"

#define OTHER "7f3b1a52-0000-4000-8000-00000000000a"

static void assert_own_run(const struct watched *watched, const struct fake_run *run)
{
    assert_code(watched, "");
    assert_slice(dify_follow_run_id(watched->follow), run->id);
    assert_same(watched, run);
}

/* What X-Workflow-Run-ID says is believed of the answer to a request that was carried out, and
 * where it can be an id. */
static void test_claimed_ids(void **state)
{
    static const char *const claims[] = {"..", "a b", "x/../../y?z#", "\x1b[31m", "a\"b", ""};
    (void)state;
    for (size_t i = 0; i <= COUNT_OF(claims); i++) {
        struct fake fake;
        struct watched watched;
        char long_one[200] = {0};
        memset(long_one, 'a', sizeof long_one - 1);
        fake_init(&fake, "1.14.2", 1);
        fake.claimed_id = i < COUNT_OF(claims) ? claims[i] : long_one;
        struct fake_run *run = fake_plan_small(&fake);
        begin(&watched, &fake, NULL);
        finish(&watched);
        assert_own_run(&watched, run);
        watched_fini(&watched);
        fake_fini(&fake);
    }
}

static void test_id_of_a_refusal(void **state)
{
    struct fake fake;
    struct watched watched;
    (void)state;
    fake_init(&fake, "1.14.2", 1);
    fake.claimed_id = OTHER;
    fake.claimed_nth = 1;
    fake_add_fault(&fake, FAULT(.what = FAKE_SUBMIT, .nth = 1, .how = FAKE_REFUSAL, .n = 429,
                                .words = "{\"code\":\"too_many_requests\",\"message\":\"\"}"));
    struct fake_run *run = fake_plan_small(&fake);
    begin(&watched, &fake, NULL);
    finish(&watched);
    assert_own_run(&watched, run);
    watched_fini(&watched);
    fake_fini(&fake);
}

/* An id by the header is enough to take up a run whose stream told none. */
static void test_claimed_id_is_used(void **state)
{
    struct fake fake;
    struct watched watched;
    (void)state;
    fake_init(&fake, "1.14.2", 1);
    struct fake_run *run = fake_plan_small(&fake);
    fake.claimed_id = run->id;
    fake_add_fault(&fake, FAULT(.what = FAKE_SUBMIT, .nth = 1, .how = FAKE_RESET_AT, .n = 0));
    begin(&watched, &fake, NULL);
    finish(&watched);
    assert_own_run(&watched, run);
    assert_int_equal(fake.count[FAKE_LOGS], 0);
    watched_fini(&watched);
    fake_fini(&fake);
}

/* Of ids that would lead a request elsewhere nothing is asked, and nothing is stopped by them. */
static void test_ids_that_lead_elsewhere(void **state)
{
    static const char *const ids[] = {"..", ".", "a\\u0000b"};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(ids) * 2; i++) {
        struct fake fake;
        struct watched watched;
        bool stops = i % 2 == 1;
        fake_init(&fake, "1.14.2", 1);
        struct fake_run *run = fake_plan(&fake);
        snprintf(run->id, sizeof run->id, "%s", ids[i / 2]);
        fake_add_event(run, 0, FAKE_STARTED, 0,
                       "{'event':'workflow_started','workflow_run_id':'%R','task_id':'%R','data':"
                       "{'id':'%R'}}");
        fake_add_event(run, 1000, FAKE_OTHER_EVENT, 0,
                       "{'event':'node_started','workflow_run_id':'%R','task_id':'..','data':"
                       "{'id':'1','node_id':'1','node_type':'llm'}}");
        fake_add_event(run, 100000, FAKE_FINISHED, 0,
                       "{'event':'workflow_finished','workflow_run_id':'%R','task_id':'..','data':"
                       "{'id':'%R','status':'succeeded','outputs':{}}}");
        if (!stops)
            fake_add_fault(&fake,
                           FAULT(.what = FAKE_SUBMIT, .nth = 1, .how = FAKE_RESET_AT, .n = 2));
        begin(&watched, &fake, NULL);
        fake_pass(&fake, 10000);
        dify_follow_stop(watched.follow);
        finish(&watched);
        assert_code(&watched, stops ? "" : "stream_incomplete");
        assert_int_equal(fake.count[FAKE_DETAIL] + fake.count[FAKE_EVENTS], 0);
        assert_int_equal(fake.count[FAKE_STOP] + fake.count[FAKE_OTHER], 0);
        watched_fini(&watched);
        fake_fini(&fake);
    }
}

static void test_orders_that_lead_elsewhere(void **state)
{
    struct fake fake;
    struct dify_follow *follow = NULL;
    struct dify_order order = plain_order(), plain = plain_order();
    (void)state;
    fake_init(&fake, "1.14.2", 1);
    order.workflow_id = "..";
    assert_int_equal(dify_follow_new(fake.app, &order, NULL, &follow), DIFY_ERR_ARGUMENT);
    order = plain;
    order.user = "ann";
    order.workflow_run_id = ".";
    assert_int_equal(dify_follow_new(fake.app, &order, NULL, &follow), DIFY_ERR_ARGUMENT);
    order.workflow_run_id = NULL;
    order.sent_at_s = INT64_MAX;
    assert_int_equal(dify_follow_new(fake.app, &order, NULL, &follow), DIFY_ERR_ARGUMENT);
    order.sent_at_s = INT64_MIN;
    assert_int_equal(dify_follow_new(fake.app, &order, NULL, &follow), DIFY_ERR_ARGUMENT);
    assert_int_equal(dify_run_detail(fake.app, "..", NULL, NULL, NULL), DIFY_ERR_ARGUMENT);
    assert_int_equal(dify_stop_task(fake.app, DIFY_KIND_WORKFLOW, ".", "ann", NULL, NULL, NULL),
                     DIFY_ERR_ARGUMENT);
    fake_fini(&fake);
}

/* A run that is polled, and what its first detail says. */
static void test_details_that_are_none(void **state)
{
    static const char *const details[] = {
        "{\"id\":\"" OTHER "\",\"status\":\"succeeded\",\"outputs\":{\"text\":9},"
        "\"total_tokens\":1,\"total_steps\":1,\"finished_at\":1790000000}",
        "{\"status\":\"queued\",\"outputs\":{},\"finished_at\":null}",
        "{\"status\":\"\",\"outputs\":{}}",
        "{\"status\":{},\"outputs\":{}}",
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(details); i++) {
        struct fake fake;
        struct watched watched;
        fake_init(&fake, "1.12.1", 1);
        fake_add_fault(&fake, FAULT(.what = FAKE_SUBMIT, .nth = 1, .how = FAKE_RESET_AT, .n = 2));
        fake_add_fault(&fake, FAULT(.what = FAKE_DETAIL, .nth = 1, .how = FAKE_REFUSAL, .n = 200,
                                    .words = details[i]));
        struct fake_run *run = fake_plan_small(&fake);
        begin(&watched, &fake, NULL);
        finish(&watched);
        assert_own_run(&watched, run);
        watched_fini(&watched);
        fake_fini(&fake);
    }
}

/* What a stream that was taken up tells of another run is not this one's. */
static void test_events_of_another_run(void **state)
{
    (void)state;
    struct fake fake;
    struct watched watched;
    fake_init(&fake, "1.14.2", 1);
    fake_add_fault(&fake, FAULT(.what = FAKE_SUBMIT, .nth = 1, .how = FAKE_RESET_AT, .n = 2));
    struct fake_run *run = fake_plan_small(&fake);
    run->event[4].at_ms = run->event[5].at_ms = 100000;
    begin(&watched, &fake, NULL);
    while (fake.count[FAKE_EVENTS] == 0)
        assert_true(fake_step(&fake));
    reach(&watched, DIFY_FOLLOW_STREAMING);
    static const char others[] =
        "data: {\"event\":\"node_finished\",\"workflow_run_id\":\"" OTHER
        "\",\"data\":{\"id\":\"x\",\"node_id\":\"x\",\"outputs\":{\"secret\":1}}}\n\n"
        "data: {\"event\":\"workflow_finished\",\"workflow_run_id\":\"" OTHER
        "\",\"data\":{\"status\":\"succeeded\",\"outputs\":{\"secret\":1}}}\n\n";
    for (struct dify__exchange *at = fake.exchanges; at != NULL; at = at->next)
        if (at->what == FAKE_EVENTS)
            fake_send_body(at, others, sizeof others - 1, NULL, 0);
    finish(&watched);
    assert_own_run(&watched, run);
    assert_result(dify_follow_run(watched.follow), "/data/outputs/secret", NULL);
    watched_fini(&watched);
    fake_fini(&fake);
}

/* A status that is not known, of a run that has an end. */
static void test_unknown_end(void **state)
{
    struct fake fake;
    struct watched watched;
    (void)state;
    fake_init(&fake, "1.12.1", 1);
    fake_add_fault(&fake, FAULT(.what = FAKE_SUBMIT, .nth = 1, .how = FAKE_RESET_AT, .n = 2));
    fake_add_fault(&fake, FAULT(.what = FAKE_DETAIL, .nth = 0, .how = FAKE_REFUSAL, .n = 200,
                                .words = "{\"status\":\"expired\",\"finished_at\":1790000000}"));
    begin(&watched, &fake, NULL);
    finish(&watched);
    assert_code(&watched, "workflow_expired");
    watched_fini(&watched);
    fake_fini(&fake);
}

/* A run's id may be given in other letters than Dify's own. */
static void test_id_in_capitals(void **state)
{
    struct fake fake;
    struct watched watched;
    struct dify_order order = plain_order();
    char id[37];
    (void)state;
    fake_init(&fake, "1.12.1", 1);
    struct fake_run *run = fake_plan_other(&fake, "ann", "{'topic':'tea'}", 0);
    snprintf(id, sizeof id, "%s", run->id);
    for (char *c = run->id; *c != '\0'; c++)
        *c = *c >= 'a' && *c <= 'f' ? (char)(*c - 32) : *c;
    order.user = "ann";
    order.workflow_run_id = run->id;
    watch(&watched, &fake, &order);
    fake_add_fault(&fake, FAULT(.what = FAKE_DETAIL, .nth = 1, .how = FAKE_REFUSAL, .n = 200,
                                .words = "{\"id\":null,\"status\":null}"));
    dify_follow_start(watched.follow);
    snprintf(run->id, sizeof run->id, "%s", id);
    struct text detail = {NULL, 0, 0};
    text_addf(&detail, "{\"id\":\"%s\",\"status\":\"succeeded\",\"outputs\":\"{}\"}", id);
    fake_add_fault(&fake, FAULT(.what = FAKE_DETAIL, .nth = 2, .how = FAKE_REFUSAL, .n = 200,
                                .words = detail.ptr));
    finish(&watched);
    assert_code(&watched, "");
    assert_int_equal(fake.count[FAKE_DETAIL], 2);
    text_fini(&detail);
    watched_fini(&watched);
    fake_fini(&fake);
}

/* An answer that is no end: the run was begun, and is asked about. */
static void test_answers_before_the_end(void **state)
{
    struct fake fake;
    struct watched watched;
    (void)state;
    fake_init(&fake, "1.14.2", 1);
    struct fake_run *run = fake_plan_other(&fake, "ann", "{'topic':'tea'}", 0);
    struct text words = {NULL, 0, 0};
    text_addf(&words,
              "{\"task_id\":\"%s\",\"workflow_run_id\":\"%s\",\"data\":{\"id\":\"%s\","
              "\"status\":\"running\",\"outputs\":{},\"finished_at\":null}}",
              run->task, run->id, run->id);
    fake_add_fault(&fake, FAULT(.what = FAKE_SUBMIT, .nth = 1, .how = FAKE_REFUSAL, .n = 200,
                                .words = words.ptr));
    struct dify_order order = plain_order();
    order.user = "ann";
    order.blocking = true;
    begin(&watched, &fake, &order);
    finish(&watched);
    assert_code(&watched, "");
    assert_slice(dify_follow_run_id(watched.follow), run->id);
    assert_int_equal(fake.count[FAKE_SUBMIT], 1);
    text_fini(&words);
    watched_fini(&watched);
    fake_fini(&fake);
}

/* ---- ids of frames ------------------------------------------------------------------------- */

static void test_last_event_ids(void **state)
{
    char long_one[1100];
    const struct {
        const char *id, *sent;
    } cases[] = {{"1-0", "1-0"}, {"a\tb", ""}, {"a\x7f", ""}, {long_one, ""}};
    (void)state;
    memset(long_one, '1', sizeof long_one);
    long_one[sizeof long_one - 1] = '\0';
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct fake fake;
        struct watched watched;
        fake_init(&fake, "1.14.2", 1);
        fake_add_fault(&fake, FAULT(.what = FAKE_SUBMIT, .nth = 1, .how = FAKE_RESET_AT, .n = 2));
        struct fake_run *run = fake_plan_small(&fake);
        text_add_chars(&run->event[0].frame, "\nid: ");
        text_add_chars(&run->event[0].frame, cases[i].id);
        begin(&watched, &fake, NULL);
        finish(&watched);
        assert_code(&watched, "");
        assert_int_equal(fake.count[FAKE_EVENTS], 1);
        assert_string_equal(fake.last_event_id.ptr, cases[i].sent);
        watched_fini(&watched);
        fake_fini(&fake);
    }
}

/* ---- what was kept ------------------------------------------------------------------------- */

static void cancel(void *ctx, const struct dify_event *event, uint64_t offset)
{
    (void)event;
    (void)offset;
    dify_follow_cancel(*(struct dify_follow **)ctx);
}

static void test_cancelled_while_recalling(void **state)
{
    struct fake fake;
    struct dify_follow *follow = NULL;
    struct dify_result result;
    struct dify_order order = plain_order();
    const struct dify_run_observer run_observer = {.ctx = &follow, .event = cancel};
    const struct dify_follow_observer observer = {.run = &run_observer};
    (void)state;
    fake_init(&fake, "1.14.2", 1);
    order.user = "ann";
    order.workflow_run_id = OTHER;
    assert_int_equal(dify_follow_new(fake.app, &order, &observer, &follow), DIFY_OK);
    assert_int_equal(
        dify_follow_recall(follow, true, DIFY_SLICE("data: {\"event\":\"workflow_started\"}\n\n")),
        DIFY_OK);
    assert_true(dify_follow_has_ended(follow));
    dify_run_result(dify_follow_run(follow), &result);
    assert_true(result.has_ended);
    assert_slice(result.code, "cancelled");
    fake_settle(&fake);
    dify_follow_free(follow);
    fake_fini(&fake);
}

/* An end that the server made up for an earlier stream says nothing of the next one, which lives.
 */
static void test_recalled_end_that_was_made_up(void **state)
{
    struct fake fake;
    struct watched first, second;
    (void)state;
    fake_init(&fake, "1.16.1", 1);
    fake_add_fault(&fake, FAULT(.what = FAKE_SUBMIT, .nth = 1, .how = FAKE_INVENTED_AT, .n = 2));
    struct fake_run *run = fake_plan_small(&fake);
    run->event[4].at_ms = run->event[5].at_ms = 100000;
    begin(&first, &fake, NULL);
    reach(&first, DIFY_FOLLOW_BROKEN);
    take_up(&first, &second);
    finish(&second);
    assert_own_run(&second, run);
    assert_string_equal(second.path.ptr, "started answered finished");
    watched_fini(&second);
    watched_fini(&first);
    fake_fini(&fake);
}

/* ---- runs that look alike ------------------------------------------------------------------- */

/* A run that was followed here a moment ago is not the one whose answer was lost, though it has the
 * same user and inputs and stands alone in the logs: that one is queued still. */
static void test_not_the_one_before(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct fake fake;
        struct watched first, second;
        struct dify_order order = plain_order();
        fake_init(&fake, i == 0 ? "1.12.1" : "1.16.1", 1);
        fake_add_fault(&fake, FAULT(.what = FAKE_SUBMIT, .nth = 2, .how = FAKE_RESET_AFTER));
        fake_plan_small(&fake);
        struct fake_run *run = fake_plan_small(&fake);
        run->queued_ms = 60000;
        order.user = "ann";
        begin(&first, &fake, &order);
        finish(&first);
        watched_fini(&first);
        begin(&second, &fake, &order);
        finish(&second);
        assert_own_run(&second, run);
        watched_fini(&second);
        fake_fini(&fake);
    }
}

/* Nor is one that came and went while it was looked for, and many others' after it. */
static void test_not_one_between(void **state)
{
    enum { OTHERS = 1000 };
    struct fake fake;
    struct watched first, other;
    struct dify_order order = plain_order();
    (void)state;
    fake_init(&fake, "1.16.1", 1);
    fake_add_fault(&fake, FAULT(.what = FAKE_SUBMIT, .nth = 1, .how = FAKE_RESET_AFTER));
    struct fake_run *run = fake_plan_small(&fake);
    run->queued_ms = 250000;
    order.user = "ann";
    begin(&first, &fake, &order);
    reach(&first, DIFY_FOLLOW_SEARCHING);
    for (unsigned i = 0; i < OTHERS; i++) {
        struct fake_run *short_one = fake_plan_small(&fake);
        for (size_t at = 0; at < short_one->events; at++)
            short_one->event[at].at_ms = 0;
        begin(&other, &fake, i == 0 ? &order : NULL);
        while (!dify_follow_has_ended(other.follow))
            assert_true(fake_step(&fake));
        watched_fini(&other);
    }
    assert_int_equal(dify_follow_state_of(first.follow), DIFY_FOLLOW_SEARCHING);
    finish(&first);
    assert_own_run(&first, run);
    watched_fini(&first);
    fake_fini(&fake);
}

/* As many rows as a page has, all younger than the request: the one that fits may not be the only
 * one. */
static void test_more_rows_than_are_listed(void **state)
{
    (void)state;
    for (size_t rows = DIFY__LOG_ROWS - 1; rows <= DIFY__LOG_ROWS; rows++) {
        struct fake fake;
        struct watched watched;
        struct text words = {NULL, 0, 0};
        struct dify_order order = plain_order();
        fake_init(&fake, "1.14.2", 1);
        order.user = "ann";
        order.sent_at_s = fake.env.unix_ms(&fake) / 1000;
        struct fake_run *run = fake_plan_other(&fake, "ann", "{'topic':'tea'}", 0);
        text_add_chars(&words, "{\"data\":[");
        for (size_t i = 0; i < rows; i++) {
            text_add_chars(&words, i == 0 ? "{\"workflow_run\":{\"id\":\""
                                          : ",{\"workflow_run\":"
                                            "{\"id\":\"");
            text_add_chars(&words, i == 5 ? run->id : OTHER);
            text_addf(&words, "\",\"created_at\":%lld},", (long long)order.sent_at_s);
            text_addf(&words, "\"created_by_end_user\":{\"session_id\":\"%s\"}}",
                      i < 10 ? "ann" : "bob");
        }
        text_add_chars(&words, "]}");
        fake_add_fault(&fake, FAULT(.what = FAKE_LOGS, .nth = 0, .how = FAKE_REFUSAL, .n = 200,
                                    .words = words.ptr));
        begin(&watched, &fake, &order);
        finish(&watched);
        assert_code(&watched, rows < DIFY__LOG_ROWS ? "" : "run_lost");
        text_fini(&words);
        watched_fini(&watched);
        fake_fini(&fake);
    }
}

/* ---- slow answers -------------------------------------------------------------------------- */

/* The body of a blocking answer comes for longer than any silence that is borne. */
static void test_slow_body(void **state)
{
    struct fake fake;
    struct watched watched;
    struct dify_order order = plain_order();
    (void)state;
    fake_init(&fake, "1.14.2", 1);
    struct fake_run *run = fake_plan_small(&fake);
    run->queued_ms = 100000000;
    order.user = "ann";
    order.blocking = true;
    begin(&watched, &fake, &order);
    reach(&watched, DIFY_FOLLOW_SUSPECT);
    struct dify__exchange *answer = fake.exchanges;
    while (answer->what != FAKE_SUBMIT)
        answer = answer->next;
    fake_send_head(answer, 200, "application/json");
    for (unsigned i = 0; i < 40; i++) {
        fake_send_body(answer, " ", 1, NULL, 0);
        fake_pass(&fake, 10000);
    }
    static const char body[] = "{\"task_id\":\"t\",\"workflow_run_id\":\"" OTHER
                               "\",\"data\":{\"status\":\"succeeded\",\"outputs\":{\"a\":1}}}";
    assert_false(dify_follow_has_ended(watched.follow));
    fake_send_body(answer, body, sizeof body - 1, NULL, 0);
    fake_leave(answer);
    fake_send_end(answer, DIFY__WHOLE);
    finish(&watched);
    assert_code(&watched, "");
    assert_string_equal(watched.path.ptr, "started checked silent finished");
    watched_fini(&watched);
    fake_fini(&fake);
}

/* One that never ends is ended by the run's clock. */
static void test_endless_body(void **state)
{
    struct fake fake;
    struct watched watched;
    struct dify_order order = plain_order();
    (void)state;
    fake_init(&fake, "1.14.2", 1);
    fake_plan_small(&fake)->queued_ms = 100000000;
    order.user = "ann";
    order.blocking = true;
    begin(&watched, &fake, &order);
    reach(&watched, DIFY_FOLLOW_SUSPECT);
    struct dify__exchange *answer = fake.exchanges;
    while (answer->what != FAKE_SUBMIT)
        answer = answer->next;
    fake_send_head(answer, 200, "application/json");
    for (unsigned i = 0; i < 400 && !dify_follow_has_ended(watched.follow); i++) {
        fake_send_body(answer, " ", 1, NULL, 0);
        fake_pass(&fake, 10000);
    }
    assert_true(dify_follow_has_ended(watched.follow));
    finish(&watched);
    assert_code(&watched, "run_timeout");
    watched_fini(&watched);
    fake_fini(&fake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_claimed_ids),
        cmocka_unit_test(test_id_of_a_refusal),
        cmocka_unit_test(test_claimed_id_is_used),
        cmocka_unit_test(test_ids_that_lead_elsewhere),
        cmocka_unit_test(test_orders_that_lead_elsewhere),
        cmocka_unit_test(test_details_that_are_none),
        cmocka_unit_test(test_events_of_another_run),
        cmocka_unit_test(test_unknown_end),
        cmocka_unit_test(test_id_in_capitals),
        cmocka_unit_test(test_answers_before_the_end),
        cmocka_unit_test(test_last_event_ids),
        cmocka_unit_test(test_cancelled_while_recalling),
        cmocka_unit_test(test_recalled_end_that_was_made_up),
        cmocka_unit_test(test_not_the_one_before),
        cmocka_unit_test(test_not_one_between),
        cmocka_unit_test(test_more_rows_than_are_listed),
        cmocka_unit_test(test_slow_body),
        cmocka_unit_test(test_endless_body),
    };
    return cmocka_run_group_tests_name("follow-hostile", tests, NULL, NULL);
}
