/* SPDX-License-Identifier: Apache-2.0
 *
 * test_follow_random.c: some thousand runs at random with faults at random, followed to their ends.
 *
 * No run is started twice; every follow ends, once, and leaves nothing behind; its result is that
 * of the undisturbed stream, or says what is missing; and where there is none there is a reason for
 * it in what the run met with. Some are killed on their way, and taken up by what was kept.
 *
 * DIFY_TEST_SEED=n replays; DIFY_RUNS=n sets how many; run i of seed n is run 0 of seed n + i.
 */
#include "kit.h"

#define RUNS 3000
#define CROWDS 200

struct plan {
    struct fake fake; /* must be first: choose() has only that */
    struct fake_run *run;
    unsigned faults_in_100;
    bool has_refused_start; /* a question before the run was sent failed, or might have */
    bool has_error_answer;  /* Dify said no to the request that starts the run */
    bool has_mute_submit;   /* its stream falls silent, while the run may take its time */
    uint64_t meddles_at;
    bool stops;
    bool has_meddled;
};

struct random_state {
    struct seeded seeded; /* the first member */
    unsigned told, complete, resumed, killed, stopped, without;
};

/* ---- faults -------------------------------------------------------------------------------- */

static const char busy[] = "{\"code\":\"invalid_param\",\"message\":\"Too many requests. Please\"}";
static const char no[] = "{\"code\":\"unauthorized\",\"message\":\"no\"}";

static struct fake_fault of_question(struct fake *fake, enum fake_what what)
{
    switch (fake_random(fake, 6)) {
    case 0:
        return FAULT(.what = what, .how = FAKE_REFUSED);
    case 1:
        return FAULT(.what = what, .how = FAKE_STATUS_BEFORE, .n = 500);
    case 2:
        return FAULT(.what = what, .how = FAKE_GARBAGE);
    case 3:
        return FAULT(.what = what, .how = FAKE_SLOW, .n = (unsigned)fake_random(fake, 20000));
    case 4:
        return FAULT(.what = what, .how = FAKE_MUTE);
    default:
        return FAULT(.what = what, .how = FAKE_RESET_AFTER);
    }
}

/* After so many events. */
static struct fake_fault of_stream(struct fake *fake, enum fake_what what)
{
    static const enum fake_how hows[] = {FAKE_RESET_AT,    FAKE_CLOSED_AT, FAKE_TORN_AT,
                                         FAKE_END_AT,      FAKE_RESET_AT,  FAKE_CLOSED_AT,
                                         FAKE_INVENTED_AT, FAKE_MUTE_AT};
    enum fake_how how = hows[fake_random(fake, COUNT_OF(hows))];
    return FAULT(.what = what, .how = how, .n = (unsigned)fake_random(fake, 20));
}

static struct fake_fault of_submit(struct plan *plan)
{
    struct fake *fake = &plan->fake;
    static const enum fake_how hows[] = {FAKE_REFUSED,     FAKE_CONNECT_TIMEOUT, FAKE_RESET_BEFORE,
                                         FAKE_RESET_AFTER, FAKE_CLOSED_AFTER,    FAKE_NO_HTTP,
                                         FAKE_MUTE};
    static const unsigned gateway[] = {502, 503, 504};
    switch (fake_random(fake, 20)) {
    case 0:
        return FAULT(.what = FAKE_SUBMIT, .how = FAKE_REFUSAL, .n = 400, .words = busy,
                     .retry_after_s = (int64_t)fake_random(fake, 3));
    case 1:
        plan->has_error_answer = true;
        if (fake_random(fake, 2) == 0)
            return FAULT(.what = FAKE_SUBMIT, .how = FAKE_REFUSAL, .n = 401, .words = no);
        return FAULT(.what = FAKE_SUBMIT, .how = FAKE_STATUS_AFTER, .n = 500);
    case 2:
        return FAULT(.what = FAKE_SUBMIT,
                     .how = fake_random(fake, 4) == 0 ? FAKE_STATUS_BEFORE : FAKE_STATUS_AFTER,
                     .n = gateway[fake_random(fake, 3)]);
    case 3:
    case 4:
        return FAULT(.what = FAKE_SUBMIT, .how = hows[fake_random(fake, COUNT_OF(hows))]);
    default:
        return of_stream(fake, FAKE_SUBMIT);
    }
}

static struct fake_fault of_events(struct fake *fake)
{
    switch (fake_random(fake, 8)) {
    case 0:
        return FAULT(.what = FAKE_EVENTS, .how = FAKE_REFUSED);
    case 1:
        return FAULT(.what = FAKE_EVENTS, .how = FAKE_RESET_AFTER);
    case 2:
        return FAULT(.what = FAKE_EVENTS, .how = FAKE_STATUS_BEFORE, .n = 502);
    case 3:
        return FAULT(.what = FAKE_EVENTS, .how = FAKE_MUTE);
    default:
        return of_stream(fake, FAKE_EVENTS);
    }
}

static struct fake_fault choose(struct fake *fake, enum fake_what what, unsigned nth)
{
    struct plan *plan = (struct plan *)(void *)fake;
    struct fake_fault fault;
    unsigned of_100 = plan->faults_in_100;
    if (what == FAKE_SUBMIT && of_100 != 0)
        of_100 = 80;
    if (fake_random(fake, 100) >= of_100)
        return FAULT(.what = what);
    switch (what) {
    case FAKE_SUBMIT:
        fault = of_submit(plan);
        plan->has_mute_submit = fault.how == FAKE_MUTE || fault.how == FAKE_MUTE_AT;
        return fault;
    case FAKE_EVENTS:
        return of_events(fake);
    case FAKE_INFO:
    case FAKE_PARAMETERS:
        if (nth > 1 || fake_random(fake, 4) > 0)
            return FAULT(.what = what);
        plan->has_refused_start = true;
        fault = of_question(fake, what);
        if (fault.how == FAKE_GARBAGE) /* the app would be taken for a workflow */
            fault.how = FAKE_RESET_AFTER;
        return fault;
    default:
        fault = of_question(fake, what);
        if (fake->count[FAKE_LOGS] == 0)
            return fault;
        /* or a run might not be found in the time there is */
        if (fault.how == FAKE_MUTE || (what == FAKE_LOGS && nth > 6))
            fault.how = what == FAKE_LOGS && nth > 6 ? FAKE_FINE : FAKE_REFUSED;
        return fault;
    }
}

/* ---- runs ---------------------------------------------------------------------------------- */

static void be_peculiar(struct plan *plan)
{
    struct fake *fake = &plan->fake;
    struct fake_run *run = plan->run;
    uint64_t length = run->event[run->events - 1].at_ms;
    switch (fake_random(fake, 12)) {
    case 0:
        run->queued_ms =
            fake_random(fake, 2) == 0 ? fake_random(fake, 2000) : fake_random(fake, 150000);
        break;
    case 1:
        run->dies_ms = fake_random(fake, 2) == 0 ? 1 + fake_random(fake, length + 1) : 0;
        break;
    case 2:
        run->loses_end = true;
        break;
    case 3:
        for (size_t i = 0; i < run->events; i++)
            run->event[i].is_unspeakable = run->event[i].kind == FAKE_FINISHED;
        break;
    default:
        break;
    }
    if (fake_random(fake, 8) == 0)
        run->window_ms = fake_random(fake, 300);
    run->keeps_row_after_stop = fake_random(fake, 2) == 0;
}

static void meddle(struct watched *watched)
{
    struct plan *plan = watched->ctx;
    if (plan->has_meddled || watched->heard < plan->meddles_at)
        return;
    plan->has_meddled = true;
    if (plan->stops)
        dify_follow_stop(watched->follow);
    else
        dify_follow_cancel(watched->follow);
}

static bool is_one_of(struct dify_slice code, const char *const *codes)
{
    for (; *codes != NULL; codes++)
        if (code.len == strlen(*codes) && memcmp(code.ptr, *codes, code.len) == 0)
            return true;
    return false;
}

/* No result of the run's own: there must be a reason for it. */
static void check_reason(const struct plan *plan, const struct dify_result *result)
{
    static const char *const nothing_ran[] = {
        "connect_failed", "connect_timeout", "read_timeout",     "run_lost",         "http_error",
        "invalid_param",  "unauthorized",    "invalid_response", "connection_reset", NULL};
    static const char *const timeouts[] = {"read_timeout", "run_timeout", NULL};
    static const char *const error[] = {"http_error", NULL};
    static const char *const nothing_heard[] = {
        "run_lost",     "connection_reset", "http_error", "stream_incomplete",
        "read_timeout", "invalid_response", NULL};
    static const char *const meddled[] = {"cancelled", "workflow_stopped", NULL};
    if (plan->fake.carried_out == 0 && is_one_of(result->code, nothing_ran))
        return;
    if (plan->has_error_answer && is_one_of(result->code, error))
        return;
    if ((plan->run->is_dead || plan->has_mute_submit) && is_one_of(result->code, timeouts))
        return;
    if (plan->has_meddled && is_one_of(result->code, meddled))
        return;
    /* a chatflow whose id was not heard is in no logs */
    if (strcmp(plan->fake.mode, "workflow") != 0 && result->workflow_run_id.len == 0 &&
        is_one_of(result->code, nothing_heard))
        return;
    /* a worker that died before the run's row was written */
    if (plan->run->row == NULL && is_one_of(result->code, nothing_ran))
        return;
    print_error("%.*s: %.*s\n", (int)result->code.len, result->code.ptr, (int)result->message.len,
                result->message.ptr);
    fail_msg("a run without a result, and no reason");
}

static bool has_own_end(const struct dify_result *result)
{
    switch (result->outcome) {
    case DIFY_OUTCOME_SUCCEEDED:
    case DIFY_OUTCOME_FAILED:
    case DIFY_OUTCOME_OTHER_STATUS:
    case DIFY_OUTCOME_PAUSED:
        return true;
    default:
        return false;
    }
}

/* A chatflow whose message_end came and whose workflow_finished did not: the detail is asked for
 * it, but not for ever. */
static bool is_chat_without_its_end(const struct plan *plan, const struct dify_result *result)
{
    return strcmp(plan->fake.mode, "workflow") != 0 &&
           (plan->faults_in_100 > 0 || plan->has_meddled || plan->run->is_dead) &&
           result->success && result->workflow_outputs.len == 0;
}

static void check(struct random_state *random, struct plan *plan, const struct watched *watched)
{
    struct dify_result result;
    assert_true(plan->fake.carried_out <= 1);
    assert_true(plan->fake.may_have_been_sent <= 1);
    dify_run_result(dify_follow_run(watched->follow), &result);
    random->resumed += result.resumed > 0;
    if (plan->run->was_stopped) {
        assert_true(plan->has_meddled && plan->stops);
        random->stopped++;
    } else if (is_chat_without_its_end(plan, &result)) {
        random->without++;
    } else if (has_own_end(&result)) {
        assert_same(watched, plan->run);
        random->told++;
        random->complete += result.complete;
    } else {
        check_reason(plan, &result);
        random->without++;
    }
}

static void go_on(const struct watched *watched, uint64_t steps)
{
    while (steps-- > 0 && !dify_follow_has_ended(watched->follow))
        assert_true(fake_step(watched->fake));
}

static void run_one(struct random_state *random, uint64_t seed)
{
    static const char *const releases[] = {"1.12.1", "1.13.0", "1.14.2", "1.15.0", "1.16.1"};
    static const unsigned rates[] = {0, 10, 30, 50};
    struct plan plan;
    struct dify_order order = plain_order();
    struct watched first, second, *watched = &first;
    memset(&plan, 0, sizeof plan);
    fake_init(&plan.fake, releases[seed % COUNT_OF(releases)], seed);
    plan.faults_in_100 = rates[fake_random(&plan.fake, COUNT_OF(rates))];
    plan.fake.choose = choose;
    plan.fake.splits = true;
    plan.fake.latency_ms = 1 + fake_random(&plan.fake, 40);
    plan.fake.skew_s = (int64_t)fake_random(&plan.fake, 7) - 3;
    if (fake_random(&plan.fake, 4) == 0)
        plan.fake.mode = "advanced-chat";
    plan.run = fake_plan_random(&plan.fake);
    be_peculiar(&plan);
    order.query = strcmp(plan.fake.mode, "workflow") != 0 ? DIFY_SLICE("Hello?") : order.query;
    watch(&first, &plan.fake, &order);
    if (fake_random(&plan.fake, 8) == 0) {
        plan.meddles_at = 1 + fake_random(&plan.fake, 60);
        plan.stops = fake_random(&plan.fake, 2) == 0;
        first.ctx = &plan;
        first.meddle = meddle;
    }
    dify_follow_start(first.follow);
    if (first.meddle == NULL && fake_random(&plan.fake, 4) == 0) {
        go_on(&first, fake_random(&plan.fake, 150));
        if (first.submits > 0 && !dify_follow_has_ended(first.follow)) {
            take_up(&first, &second);
            watched = &second;
            random->killed++;
        }
    }
    finish(watched);
    check(random, &plan, watched);
    watched_fini(&first);
    if (watched == &second)
        watched_fini(&second);
    fake_fini(&plan.fake);
}

static void test_runs(void **state)
{
    struct random_state *random = *state;
    const char *given = getenv("DIFY_RUNS");
    uint64_t runs = given != NULL ? strtoull(given, NULL, 10) : RUNS;
    for (random->seeded.at = 0; random->seeded.at < runs; random->seeded.at++)
        run_one(random, random->seeded.seed + random->seeded.at);
    random->seeded.is_done = true;
    print_message("%llu runs: %u ended as without faults (%u complete), %u stopped, %u without a "
                  "result for a reason; %u were taken up again, %u by another program\n",
                  (unsigned long long)runs, random->told, random->complete, random->stopped,
                  random->without, random->resumed, random->killed);
}

/* ---- many at once ------------------------------------------------------------------------------
 */

#define CROWD 8

static struct fake_run *run_of(struct fake *fake, struct dify_slice id)
{
    for (struct fake_run *run = fake->runs; run != NULL; run = run->next)
        if (id.len == strlen(run->id) && memcmp(id.ptr, run->id, id.len) == 0)
            return run;
    return NULL;
}

/* Follows of one user with the same inputs: each has a run of its own, or none. */
static void run_crowd(uint64_t seed)
{
    struct plan plan;
    struct watched watched[CROWD];
    struct dify_order order = plain_order();
    memset(&plan, 0, sizeof plan);
    fake_init(&plan.fake, seed % 2 == 0 ? "1.14.2" : "1.12.1", seed);
    plan.faults_in_100 = 20;
    plan.fake.choose = choose;
    plan.fake.splits = true;
    order.user = "ann";
    for (size_t i = 0; i < CROWD; i++) {
        fake_plan_random(&plan.fake)->queued_ms = fake_random(&plan.fake, 20000);
        begin(&watched[i], &plan.fake, &order);
        fake_pass(&plan.fake, fake_random(&plan.fake, 3000));
    }
    fake_settle(&plan.fake);
    assert_true(plan.fake.carried_out <= CROWD);
    assert_true(plan.fake.most_readers <= 1);
    for (size_t i = 0; i < CROWD; i++) {
        struct dify_result result;
        assert_int_equal(watched[i].ended, 1);
        dify_run_result(dify_follow_run(watched[i].follow), &result);
        struct fake_run *run = run_of(&plan.fake, result.workflow_run_id);
        if (has_own_end(&result))
            assert_same(&watched[i], run);
        for (size_t j = 0; j < i && run != NULL; j++)
            assert_ptr_not_equal(run_of(&plan.fake, dify_follow_run_id(watched[j].follow)), run);
    }
    for (size_t i = 0; i < CROWD; i++)
        watched_fini(&watched[i]);
    fake_fini(&plan.fake);
}

static void test_crowds(void **state)
{
    struct random_state *random = *state;
    random->seeded.is_done = false;
    for (random->seeded.at = 0; random->seeded.at < CROWDS; random->seeded.at++)
        run_crowd(random->seeded.seed + random->seeded.at);
    random->seeded.is_done = true;
}

int main(void)
{
    struct random_state random = {.seeded.seed = test_seed()};
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate_setup_teardown(test_runs, NULL, seeded_tell, &random),
        cmocka_unit_test_prestate_setup_teardown(test_crowds, NULL, seeded_tell, &random),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
