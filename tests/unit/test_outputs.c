/* SPDX-License-Identifier: Apache-2.0
 *
 * test_outputs.c: the ordered map of outputs (docs/result.md, rule 3).
 */
#include "support.h"

#include "core/outputs.h"

struct fixture {
    struct meter meter;
    struct dify__budget budget;
    struct dify__outputs outputs;
};

static void init(struct fixture *f, size_t max)
{
    meter_init(&f->meter);
    f->budget = (struct dify__budget){0, max};
    dify__outputs_init(&f->outputs, &f->meter.allocator, &f->budget, 7);
}

static void fini(struct fixture *f)
{
    dify__outputs_fini(&f->outputs);
    assert_meter_empty(&f->meter);
}

static enum dify_err set(struct fixture *f, const char *key, const char *value)
{
    return dify__outputs_set(&f->outputs, slice_of(key), slice_of(value));
}

static void assert_output(const struct fixture *f, const char *key, const char *value)
{
    assert_slice(dify__outputs_get(&f->outputs, slice_of(key)), value);
}

static void test_later_value_keeps_the_place(void **state)
{
    (void)state;
    struct fixture f;
    init(&f, 100000);
    assert_output(&f, "a", NULL);
    assert_int_equal(set(&f, "a", "1"), DIFY_OK);
    assert_int_equal(set(&f, "b", "2"), DIFY_OK);
    assert_int_equal(set(&f, "a", "\"longer than before\""), DIFY_OK);
    assert_int_equal(set(&f, "", "3"), DIFY_OK);
    assert_int_equal(f.outputs.count, 3);
    assert_int_equal(f.outputs.output[0].key_len, 1);
    assert_memory_equal(f.outputs.output[0].bytes, "a\"longer than before\"", 21);
    assert_output(&f, "a", "\"longer than before\"");
    assert_output(&f, "b", "2");
    assert_output(&f, "", "3");
    assert_output(&f, "c", NULL);
    assert_output(&f, "a\"", NULL); /* key and value lie side by side */
    fini(&f);
}

static void test_many_keys(void **state)
{
    (void)state;
    struct fixture f;
    char key[16], value[16];
    init(&f, (size_t)1 << 20);
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 2000; i++) {
            snprintf(key, sizeof key, "key%d", i);
            snprintf(value, sizeof value, "%d", i + round);
            assert_int_equal(set(&f, key, value), DIFY_OK);
        }
    }
    assert_int_equal(f.outputs.count, 2000);
    for (int i = 0; i < 2000; i++) {
        snprintf(key, sizeof key, "key%d", i);
        snprintf(value, sizeof value, "%d", i + 2);
        assert_output(&f, key, value);
        assert_memory_equal(f.outputs.output[i].bytes, key, strlen(key));
    }
    fini(&f);
}

static void test_keys_with_nul(void **state)
{
    (void)state;
    struct fixture f;
    struct dify_slice a = {"k\0a", 3}, b = {"k\0b", 3};
    init(&f, 1000);
    assert_int_equal(dify__outputs_set(&f.outputs, a, slice_of("1")), DIFY_OK);
    assert_int_equal(dify__outputs_set(&f.outputs, b, slice_of("2")), DIFY_OK);
    assert_int_equal(set(&f, "k", "3"), DIFY_OK);
    assert_slice(dify__outputs_get(&f.outputs, a), "1");
    assert_slice(dify__outputs_get(&f.outputs, b), "2");
    assert_output(&f, "k", "3");
    fini(&f);
}

/* The budget: a replaced value gives back what it took, also where the new one does not fit. */
static void test_budget(void **state)
{
    (void)state;
    struct fixture f;
    const size_t record = sizeof(struct dify__output);
    init(&f, record + 11);
    assert_int_equal(set(&f, "k", "123456789012"), DIFY_ERR_TOO_LARGE);
    assert_int_equal(f.outputs.count, 0);
    assert_int_equal(set(&f, "k", "1234567890"), DIFY_OK);
    assert_int_equal(f.budget.used, record + 11);
    for (int i = 0; i < 100; i++)
        assert_int_equal(set(&f, "k", i % 2 != 0 ? "1" : "0987654321"), DIFY_OK);
    assert_int_equal(set(&f, "k", "12345678901"), DIFY_ERR_TOO_LARGE);
    assert_output(&f, "k", "1");
    assert_int_equal(f.budget.used, record + 2);
    fini(&f);
}

static void test_no_memory(void **state)
{
    (void)state;
    for (uint64_t fail_at = 1; fail_at <= 4; fail_at++) {
        struct fixture f;
        init(&f, 1000);
        f.meter.fail_at = fail_at;
        enum dify_err first = set(&f, "k", "1");
        enum dify_err second = set(&f, "k", "2");
        assert_int_equal(first, fail_at <= 3 ? DIFY_ERR_NOMEM : DIFY_OK);
        assert_int_equal(second, fail_at <= 3 ? DIFY_OK : DIFY_ERR_NOMEM);
        assert_output(&f, "k", fail_at <= 3 ? "2" : "1");
        assert_int_equal(f.budget.used, sizeof(struct dify__output) + 2);
        fini(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_later_value_keeps_the_place),
        cmocka_unit_test(test_many_keys),
        cmocka_unit_test(test_keys_with_nul),
        cmocka_unit_test(test_budget),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests_name("outputs", tests, NULL, NULL);
}
