/* SPDX-License-Identifier: Apache-2.0
 *
 * test_follow_together.c: follows of one app that begin at the same time: one of them asks what the
 * app is, for all; and when a follow's request leaves.
 */
#include "kit.h"

#define FOLLOWS 50

struct crowd {
    struct fake fake;
    struct watched watched[FOLLOWS];
};

static void gather(struct crowd *crowd, struct fake_fault fault)
{
    fake_init(&crowd->fake, "1.14.2", 1);
    if (fault.how != FAKE_FINE)
        fake_add_fault(&crowd->fake, fault);
    for (size_t i = 0; i < FOLLOWS; i++) {
        watch(&crowd->watched[i], &crowd->fake, NULL);
        crowd->watched[i].holds = true;
        dify_follow_start(crowd->watched[i].follow);
    }
}

static void part(struct crowd *crowd)
{
    for (size_t i = 0; i < FOLLOWS; i++)
        dify_follow_cancel(crowd->watched[i].follow);
    for (size_t i = 0; i < FOLLOWS; i++) {
        finish(&crowd->watched[i]);
        watched_fini(&crowd->watched[i]);
    }
    fake_fini(&crowd->fake);
}

static void assert_all(const struct crowd *crowd, size_t from, enum dify_follow_state state)
{
    for (size_t i = from; i < FOLLOWS; i++)
        assert_int_equal(dify_follow_state_of(crowd->watched[i].follow), state);
}

static void test_one_asks_for_all(void **state)
{
    struct crowd crowd;
    (void)state;
    gather(&crowd, FAULT(.how = FAKE_FINE));
    fake_pass(&crowd.fake, 1000);
    assert_all(&crowd, 0, DIFY_FOLLOW_HELD);
    assert_int_equal(crowd.fake.count[FAKE_INFO], 1);
    assert_int_equal(crowd.fake.count[FAKE_PARAMETERS], 1);
    part(&crowd);
}

/* Who asks for all gives up: another one asks. */
static void test_the_asker_leaves(void **state)
{
    struct crowd crowd;
    (void)state;
    gather(&crowd, FAULT(.how = FAKE_FINE));
    while (crowd.fake.count[FAKE_PARAMETERS] == 0)
        assert_true(fake_step(&crowd.fake));
    for (size_t i = 0; i < FOLLOWS - 1; i++) /* the one that asks is among them, or is the last */
        dify_follow_cancel(crowd.watched[i].follow);
    fake_pass(&crowd.fake, 1000);
    assert_all(&crowd, FOLLOWS - 1, DIFY_FOLLOW_HELD);
    assert_true(crowd.fake.count[FAKE_PARAMETERS] <= 2);
    part(&crowd);
}

/* What was asked for all fails for all, at once. */
static void test_all_fail(void **state)
{
    static const enum fake_what whats[] = {FAKE_INFO, FAKE_PARAMETERS};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(whats); i++) {
        struct crowd crowd;
        gather(&crowd, FAULT(.what = whats[i], .how = FAKE_REFUSAL, .n = 401,
                             .words = "{\"code\":\"unauthorized\",\"message\":\"no\"}"));
        fake_pass(&crowd.fake, 1000);
        assert_all(&crowd, 0, DIFY_FOLLOW_ENDED);
        assert_int_equal(crowd.fake.count[whats[i]], 1);
        for (size_t n = 0; n < FOLLOWS; n++)
            assert_code(&crowd.watched[n], "unauthorized");
        part(&crowd);
    }
}

/* ---- sending ------------------------------------------------------------------------------- */

static void test_sending(void **state)
{
    const struct {
        struct fake_fault fault;
        unsigned sendings;
    } cases[] = {
        {FAULT(.how = FAKE_FINE), 1},
        {FAULT(.what = FAKE_SUBMIT, .nth = 1, .how = FAKE_REFUSED), 1}, /* the second try */
        {FAULT(.what = FAKE_SUBMIT, .how = FAKE_REFUSED), 0},
        {FAULT(.what = FAKE_SUBMIT, .nth = 1, .how = FAKE_RESET_AFTER), 1},
        {FAULT(.what = FAKE_SUBMIT, .nth = 1, .how = FAKE_REFUSAL, .n = 429,
               .words = "{\"code\":\"too_many_requests\",\"message\":\"\"}"),
         2},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct fake fake;
        struct watched watched;
        fake_init(&fake, "1.14.2", 1);
        if (cases[i].fault.how != FAKE_FINE)
            fake_add_fault(&fake, cases[i].fault);
        (void)fake_plan_small(&fake);
        begin(&watched, &fake, NULL);
        finish(&watched);
        assert_int_equal(watched.sendings, cases[i].sendings);
        watched_fini(&watched);
        fake_fini(&fake);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_asks_for_all),
        cmocka_unit_test(test_the_asker_leaves),
        cmocka_unit_test(test_all_fail),
        cmocka_unit_test(test_sending),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
