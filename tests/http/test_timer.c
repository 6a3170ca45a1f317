/* SPDX-License-Identifier: Apache-2.0
 *
 * test_timer.c: alarms on a real loop: their order, setting and clearing from within a ring, want
 * of memory. How long anything takes is not compared.
 */
#include "../unit/support.h"

#include "http/timer.h"

#include <inttypes.h>

#define ALARMS 300

struct bell {
    struct dify__alarm alarm; /* the first member */
    struct stand *stand;
    uint64_t due_ms, number; /* when it was set last; 0: it is not */
    unsigned rings;
    unsigned again; /* how often it sets itself again */
    struct bell *clears, *sets;
};

struct stand {
    uv_loop_t loop;
    struct meter meter;
    struct http_timer clock;
    struct bell bells[ALARMS];
    uint64_t set, last_due_ms, last_number;
    unsigned rings;
    bool is_closed;
};

static void set(struct bell *bell, uint64_t delay_ms)
{
    struct stand *stand = bell->stand;
    assert_int_equal(http_timer_set(&stand->clock, &bell->alarm, delay_ms), DIFY_OK);
    bell->due_ms = uv_now(&stand->loop) + (delay_ms > 0 ? delay_ms : 1);
    bell->number = ++stand->set;
}

static void clear(struct bell *bell)
{
    http_timer_clear(&bell->stand->clock, &bell->alarm);
    bell->due_ms = 0;
}

static void on_ring(struct dify__alarm *alarm)
{
    struct bell *bell = (struct bell *)(void *)alarm;
    struct stand *stand = bell->stand;
    assert_int_not_equal(bell->due_ms, 0);
    assert_true(bell->due_ms <= uv_now(&stand->loop));
    assert_true(bell->due_ms > stand->last_due_ms ||
                (bell->due_ms == stand->last_due_ms && bell->number > stand->last_number));
    stand->last_due_ms = bell->due_ms;
    stand->last_number = bell->number;
    stand->rings++;
    bell->rings++;
    bell->due_ms = 0;
    if (bell->again > 0) {
        bell->again--;
        set(bell, 0);
    }
    if (bell->clears != NULL)
        clear(bell->clears);
    if (bell->sets != NULL)
        set(bell->sets, 1);
}

static struct stand *new_stand(void)
{
    struct stand *stand = calloc(1, sizeof *stand);
    assert_non_null(stand);
    meter_init(&stand->meter);
    assert_int_equal(uv_loop_init(&stand->loop), 0);
    assert_int_equal(http_timer_init(&stand->clock, &stand->loop, &stand->meter.allocator),
                     DIFY_OK);
    for (size_t i = 0; i < ALARMS; i++) {
        stand->bells[i].alarm.ring = on_ring;
        stand->bells[i].stand = stand;
    }
    return stand;
}

static void on_closed(uv_handle_t *timer)
{
    struct http_timer *clock = timer->data;
    struct stand *stand = (struct stand *)(void *)((char *)clock - offsetof(struct stand, clock));
    stand->is_closed = true;
}

static void free_stand(struct stand *stand)
{
    http_timer_close(&stand->clock, on_closed);
    assert_int_equal(uv_run(&stand->loop, UV_RUN_DEFAULT), 0);
    assert_true(stand->is_closed);
    assert_int_equal(uv_loop_close(&stand->loop), 0);
    assert_meter_empty(&stand->meter);
    free(stand);
}

static void run(struct stand *stand)
{
    assert_int_equal(uv_run(&stand->loop, UV_RUN_DEFAULT), 0); /* until nothing waits any more */
    assert_int_equal(stand->clock.alarms.count, 0);
}

/* ---- tests --------------------------------------------------------------------------------- */

static void test_alarms_ring_in_the_order_of_their_times(void **state)
{
    (void)state;
    uint64_t seed = test_seed();
    struct stand *stand = new_stand();
    for (size_t i = 0; i < ALARMS; i++)
        set(&stand->bells[i], random_below(&seed, 40));
    run(stand);
    assert_int_equal(stand->rings, ALARMS);
    for (size_t i = 0; i < ALARMS; i++)
        assert_int_equal(stand->bells[i].rings, 1);
    free_stand(stand);
}

static void test_those_of_one_time_ring_in_the_order_in_which_they_were_set(void **state)
{
    (void)state;
    struct stand *stand = new_stand();
    for (size_t i = 0; i < ALARMS; i++)
        set(&stand->bells[i], 5);
    for (size_t i = 0; i < ALARMS; i += 7) /* set again: the last ones */
        set(&stand->bells[i], 5);
    run(stand);
    assert_int_equal(stand->rings, ALARMS);
    free_stand(stand);
}

static void test_random_setting_and_clearing(void **state)
{
    (void)state;
    uint64_t seed = test_seed();
    struct stand *stand = new_stand();
    size_t expected = 0;
    for (unsigned i = 0; i < 5000; i++) {
        struct bell *bell = &stand->bells[random_below(&seed, ALARMS)];
        if (random_below(&seed, 3) == 0)
            clear(bell); /* one that is not set, too */
        else
            set(bell, random_below(&seed, 30));
    }
    for (size_t i = 0; i < ALARMS; i++)
        expected += stand->bells[i].due_ms != 0;
    assert_int_equal(stand->clock.alarms.count, expected);
    run(stand);
    assert_int_equal(stand->rings, expected);
    free_stand(stand);
}

static void test_one_that_rings_may_set_and_clear(void **state)
{
    (void)state;
    struct stand *stand = new_stand();
    struct bell *bells = stand->bells;
    bells[0].again = 50;
    bells[1].clears = &bells[2]; /* due with it, behind it */
    bells[3].clears = &bells[4]; /* due later */
    bells[5].sets = &bells[6];   /* brought forward */
    bells[7].clears = &bells[7]; /* itself, rung already */
    for (size_t i = 0; i < 8; i++)
        set(&bells[i], i == 4 || i == 6 ? 3600000 : 2);
    run(stand);
    assert_int_equal(bells[0].rings, 51);
    assert_int_equal(bells[2].rings, 0);
    assert_int_equal(bells[4].rings, 0);
    assert_int_equal(bells[6].rings, 1);
    assert_int_equal(bells[7].rings, 1);
    free_stand(stand);
}

static void test_none_rings_within_the_call_that_sets_it(void **state)
{
    (void)state;
    struct stand *stand = new_stand();
    set(&stand->bells[0], 0);
    assert_int_equal(stand->rings, 0);
    run(stand);
    assert_int_equal(stand->rings, 1);
    free_stand(stand);
}

static void test_closing_forgets_what_was_set(void **state)
{
    (void)state;
    struct stand *stand = new_stand();
    for (size_t i = 0; i < ALARMS; i++)
        set(&stand->bells[i], i);
    http_timer_close(&stand->clock, on_closed);
    assert_int_equal(uv_run(&stand->loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(stand->rings, 0);
    for (size_t i = 0; i < ALARMS; i++)
        assert_int_equal(stand->bells[i].alarm.place, 0);
    assert_int_equal(uv_loop_close(&stand->loop), 0);
    assert_meter_empty(&stand->meter);
    free(stand);
}

static void test_without_memory_an_alarm_is_as_it_was(void **state)
{
    (void)state;
    struct stand *stand = new_stand();
    size_t count = 0;
    stand->meter.fail_at = 3; /* the table grows twice */
    stand->meter.fails_on = true;
    while (http_timer_set(&stand->clock, &stand->bells[count].alarm, 1) == DIFY_OK) {
        stand->bells[count].due_ms = uv_now(&stand->loop) + 1;
        stand->bells[count].number = ++stand->set;
        count++;
        assert_true(count < ALARMS);
    }
    assert_int_equal(stand->clock.alarms.count, count);
    assert_int_equal(stand->bells[count].alarm.place, 0);
    set(&stand->bells[0], 2); /* one that is set needs no memory */
    clear(&stand->bells[count]);
    run(stand);
    assert_int_equal(stand->rings, count);
    free_stand(stand);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_alarms_ring_in_the_order_of_their_times),
        cmocka_unit_test(test_those_of_one_time_ring_in_the_order_in_which_they_were_set),
        cmocka_unit_test(test_random_setting_and_clearing),
        cmocka_unit_test(test_one_that_rings_may_set_and_clear),
        cmocka_unit_test(test_none_rings_within_the_call_that_sets_it),
        cmocka_unit_test(test_closing_forgets_what_was_set),
        cmocka_unit_test(test_without_memory_an_alarm_is_as_it_was),
    };
    return cmocka_run_group_tests_name("sim clock", tests, NULL, NULL);
}
