/* SPDX-License-Identifier: Apache-2.0
 *
 * test_index.c: the index against a list that is searched from end to end; want of memory.
 */
#include "../unit/support.h"

#include "core/index.h"

#define KEYS 500

/* What the index should hold: a key's value, NULL for none. */
struct model {
    char keys[KEYS][24];
    void *values[KEYS];
    size_t count;
    char places[2000]; /* values are addresses in it */
};

static struct dify_slice key_of(const struct model *model, size_t i)
{
    return slice_of(model->keys[i]);
}

static struct model *new_model(void)
{
    struct model *model = calloc(1, sizeof *model);
    assert_non_null(model);
    for (size_t i = 0; i < KEYS; i++)
        snprintf(model->keys[i], sizeof model->keys[i], i % 3 == 0 ? "%zu" : "run-%zu-%zu", i, i);
    return model;
}

static void assert_same(const struct dify__index *index, const struct model *model)
{
    assert_int_equal(index->count, model->count);
    for (size_t i = 0; i < KEYS; i++)
        assert_ptr_equal(dify__index_get(index, key_of(model, i)), model->values[i]);
}

static void model_set(struct model *model, size_t i, void *value)
{
    model->count += (value != NULL) - (size_t)(model->values[i] != NULL);
    model->values[i] = value;
}

/* ---- tests --------------------------------------------------------------------------------- */

static void test_an_empty_index(void **state)
{
    (void)state;
    struct meter meter;
    meter_init(&meter);
    struct dify__index index = {.allocator = &meter.allocator};
    assert_null(dify__index_get(&index, slice_of("a")));
    dify__index_remove(&index, slice_of("a"), &meter);
    dify__index_remove(&index, slice_of("a"), NULL);
    assert_int_equal(meter.calls, 0);
    dify__index_fini(&index);
    assert_meter_empty(&meter);
}

static void test_random_changes(void **state)
{
    (void)state;
    uint64_t seed = test_seed();
    struct meter meter;
    struct model *model = new_model();
    meter_init(&meter);
    struct dify__index index = {.allocator = &meter.allocator};
    for (unsigned n = 0; n < 20000; n++) {
        size_t i = random_below(&seed, KEYS);
        void *value = &model->places[random_below(&seed, sizeof model->places)];
        /* It grows at first, shrinks then, and so again. */
        if (random_below(&seed, 10) < (n / 4000 % 2 == 0 ? 7U : 3U)) {
            assert_int_equal(dify__index_put(&index, key_of(model, i), value), DIFY_OK);
            model_set(model, i, value);
        } else if (random_below(&seed, 4) == 0) { /* stands for another one: stays */
            if (value != model->values[i])
                dify__index_remove(&index, key_of(model, i), value);
        } else {
            dify__index_remove(&index, key_of(model, i), model->values[i]);
            model_set(model, i, NULL);
        }
        if (n % 500 == 0)
            assert_same(&index, model);
    }
    assert_same(&index, model);
    assert_true(index.capacity <= 4 * KEYS); /* what was removed takes no place for ever */
    dify__index_fini(&index);
    assert_meter_empty(&meter);
    free(model);
}

static void test_keys_are_compared_as_bytes(void **state)
{
    (void)state;
    struct meter meter;
    int one, two, three;
    meter_init(&meter);
    struct dify__index index = {.allocator = &meter.allocator};
    assert_int_equal(dify__index_put(&index, (struct dify_slice){"a\0b", 3}, &one), DIFY_OK);
    assert_int_equal(dify__index_put(&index, (struct dify_slice){"a\0c", 3}, &two), DIFY_OK);
    assert_int_equal(dify__index_put(&index, (struct dify_slice){"a", 1}, &three), DIFY_OK);
    assert_ptr_equal(dify__index_get(&index, (struct dify_slice){"a\0b", 3}), &one);
    assert_ptr_equal(dify__index_get(&index, (struct dify_slice){"a\0c", 3}), &two);
    assert_ptr_equal(dify__index_get(&index, (struct dify_slice){"a", 1}), &three);
    assert_null(dify__index_get(&index, (struct dify_slice){"a\0", 2}));
    assert_null(dify__index_get(&index, (struct dify_slice){"", 0}));
    assert_null(dify__index_get(&index, (struct dify_slice){NULL, 0}));
    dify__index_fini(&index);
    assert_meter_empty(&meter);
}

static void test_without_memory_it_stays_as_it_was(void **state)
{
    (void)state;
    struct model *model = new_model();
    for (uint64_t fail_at = 1; fail_at <= 4; fail_at++) {
        struct meter meter;
        size_t i = 0;
        meter_init(&meter);
        meter.fail_at = fail_at;
        struct dify__index index = {.allocator = &meter.allocator};
        while (i < KEYS &&
               dify__index_put(&index, key_of(model, i), &model->places[i]) == DIFY_OK) {
            model_set(model, i, &model->places[i]);
            i++;
        }
        assert_int_equal(meter.failures, 1);
        assert_same(&index, model);
        /* The next time there is some. */
        assert_int_equal(dify__index_put(&index, key_of(model, i), &model->places[i]), DIFY_OK);
        model_set(model, i, &model->places[i]);
        assert_same(&index, model);
        dify__index_fini(&index);
        assert_meter_empty(&meter);
        for (i = 0; i < KEYS; i++)
            model_set(model, i, NULL);
    }
    free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_empty_index),
        cmocka_unit_test(test_random_changes),
        cmocka_unit_test(test_keys_are_compared_as_bytes),
        cmocka_unit_test(test_without_memory_it_stays_as_it_was),
    };
    return cmocka_run_group_tests_name("sim index", tests, NULL, NULL);
}
