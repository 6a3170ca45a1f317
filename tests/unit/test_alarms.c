/* SPDX-License-Identifier: Apache-2.0
 *
 * test_alarms.c: alarms ring in the order of their times, once, and those of the same time in the
 * order in which they were set; checked against a slow list.
 */
#include "support.h"

#include "core/alarms.h"

#define ALARMS 60

struct one {
    struct dify__alarm alarm;
    struct world *world;
    uint64_t due_ms, number; /* what is expected; `number` 0: not set */
    uint64_t rings;
};

struct world {
    struct meter meter;
    struct dify__alarms alarms;
    struct one one[ALARMS];
    uint64_t now_ms, number, random;
    bool sets_again;
};

static void set(struct world *world, size_t i, uint64_t due_ms)
{
    assert_int_equal(dify__alarms_set(&world->alarms, &world->one[i].alarm, due_ms), DIFY_OK);
    world->one[i].due_ms = due_ms;
    world->one[i].number = ++world->number;
}

static void clear(struct world *world, size_t i)
{
    dify__alarms_clear(&world->alarms, &world->one[i].alarm);
    world->one[i].number = 0;
}

/* The one that is due first, by looking at all. */
static struct one *first(struct world *world)
{
    struct one *found = NULL;
    for (size_t i = 0; i < ALARMS; i++) {
        struct one *one = &world->one[i];
        if (one->number == 0)
            continue;
        if (found == NULL || one->due_ms < found->due_ms ||
            (one->due_ms == found->due_ms && one->number < found->number))
            found = one;
    }
    return found;
}

static void on_ring(struct dify__alarm *alarm)
{
    struct one *one = (struct one *)(void *)alarm; /* its first member */
    struct world *world = one->world;
    assert_ptr_equal(one, first(world));
    assert_true(one->due_ms <= world->now_ms);
    assert_int_equal(alarm->place, 0);
    one->number = 0;
    one->rings++;
    if (!world->sets_again)
        return;
    /* an alarm may set and clear itself and others */
    size_t i = random_below(&world->random, ALARMS), j = random_below(&world->random, ALARMS);
    set(world, i, world->now_ms + random_below(&world->random, 20));
    if (world->one[j].due_ms > world->now_ms)
        clear(world, j);
}

static void init(struct world *world, uint64_t seed)
{
    memset(world, 0, sizeof *world);
    meter_init(&world->meter);
    world->random = seed;
    dify__alarms_init(&world->alarms, &world->meter.allocator);
    for (size_t i = 0; i < ALARMS; i++) {
        world->one[i].world = world;
        world->one[i].alarm.ring = on_ring;
    }
}

static void fini(struct world *world)
{
    dify__alarms_fini(&world->alarms);
    for (size_t i = 0; i < ALARMS; i++)
        assert_int_equal(world->one[i].alarm.place, 0);
    assert_meter_empty(&world->meter);
}

static void check_next(struct world *world)
{
    struct one *one = first(world);
    assert_int_equal(dify__alarms_next(&world->alarms), one != NULL ? one->due_ms : UINT64_MAX);
}

static void test_random(void **state)
{
    uint64_t seed = test_seed();
    (void)state;
    for (uint64_t round = 0; round < 200; round++) {
        struct world world;
        init(&world, seed + round);
        for (int step = 0; step < 300; step++) {
            size_t i = random_below(&world.random, ALARMS);
            if (random_below(&world.random, 3) == 0)
                clear(&world, i);
            else
                set(&world, i, world.now_ms + random_below(&world.random, 50));
            check_next(&world);
            if (random_below(&world.random, 4) > 0)
                continue;
            world.now_ms += random_below(&world.random, 10);
            dify__alarms_ring(&world.alarms, world.now_ms);
            assert_true(first(&world) == NULL || first(&world)->due_ms > world.now_ms);
            check_next(&world);
        }
        fini(&world);
    }
}

/* What is set while the due ones ring waits for the next time, even if it is due at once: nobody
 * can ring for ever. */
static void test_set_while_ringing(void **state)
{
    (void)state;
    struct world world;
    init(&world, 1);
    world.sets_again = true;
    for (size_t i = 0; i < ALARMS; i++)
        set(&world, i, i);
    for (world.now_ms = 0; world.now_ms < 2000; world.now_ms += 7)
        dify__alarms_ring(&world.alarms, world.now_ms);
    fini(&world);
}

static void test_no_memory(void **state)
{
    (void)state;
    struct world world;
    init(&world, 1);
    world.meter.fail_at = 1;
    world.meter.fails_on = true;
    assert_int_equal(dify__alarms_set(&world.alarms, &world.one[0].alarm, 5), DIFY_ERR_NOMEM);
    assert_int_equal(dify__alarms_next(&world.alarms), UINT64_MAX);
    assert_int_equal(dify__alarms_reserve(&world.alarms, ALARMS), DIFY_ERR_NOMEM);
    world.meter.fail_at = 0;
    assert_int_equal(dify__alarms_reserve(&world.alarms, ALARMS), DIFY_OK);
    world.meter.fail_at = 1; /* what was reserved cannot fail */
    for (size_t i = 0; i < ALARMS; i++)
        set(&world, i, 100 - i);
    assert_int_equal(dify__alarms_next(&world.alarms), 100 - ALARMS + 1);
    fini(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random),
        cmocka_unit_test(test_set_while_ringing),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests_name("alarms", tests, NULL, NULL);
}
