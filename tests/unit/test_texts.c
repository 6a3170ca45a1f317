/* SPDX-License-Identifier: Apache-2.0
 *
 * test_texts.c: texts kept and shared under a budget, and the index they stand in.
 */
#include "support.h"

#include "core/texts.h"

struct fixture {
    struct meter meter;
    struct dify__budget budget;
    struct dify__texts texts;
};

static void init(struct fixture *f, size_t max)
{
    meter_init(&f->meter);
    f->budget = (struct dify__budget){0, max};
    dify__texts_init(&f->texts, &f->meter.allocator, &f->budget, 7);
}

static void fini(struct fixture *f)
{
    dify__texts_fini(&f->texts);
    assert_meter_empty(&f->meter);
}

static void test_budget(void **state)
{
    (void)state;
    struct dify__budget budget = {0, 10};
    assert_int_equal(dify__budget_take(&budget, 10), DIFY_OK);
    assert_int_equal(dify__budget_take(&budget, 0), DIFY_OK);
    assert_int_equal(dify__budget_take(&budget, 1), DIFY_ERR_TOO_LARGE);
    budget.used = 1;
    assert_int_equal(dify__budget_take(&budget, SIZE_MAX), DIFY_ERR_TOO_LARGE);
    assert_int_equal(budget.used, 1);
}

static void test_hash(void **state)
{
    (void)state;
    struct dify__text_index index = {.seed = 7}, other = {.seed = 8};
    char bytes[40];
    memset(bytes, 'a', sizeof bytes);
    assert_int_not_equal(dify__text_index_hash(&index, (struct dify_slice){bytes, 9}),
                         dify__text_index_hash(&other, (struct dify_slice){bytes, 9}));
    for (size_t len = 0; len < sizeof bytes; len++) {
        uint32_t hash = dify__text_index_hash(&index, (struct dify_slice){bytes, len});
        assert_int_equal(hash, dify__text_index_hash(&index, (struct dify_slice){bytes, len}));
        assert_int_not_equal(hash,
                             dify__text_index_hash(&index, (struct dify_slice){bytes, len + 1}));
        for (size_t i = 0; i < len; i++) {
            bytes[i] = 'b';
            assert_int_not_equal(hash,
                                 dify__text_index_hash(&index, (struct dify_slice){bytes, len}));
            bytes[i] = 'a';
        }
    }
}

static void test_kept_texts(void **state)
{
    (void)state;
    struct fixture f;
    dify__text a = 9, b = 9, empty = 9, absent = 9;
    init(&f, 10000);
    assert_int_equal(dify__texts_keep(&f.texts, slice_of("abc"), &a), DIFY_OK);
    assert_int_equal(dify__texts_keep(&f.texts, slice_of("abc"), &b), DIFY_OK);
    assert_int_equal(dify__texts_keep(&f.texts, slice_of(""), &empty), DIFY_OK);
    assert_int_equal(dify__texts_keep(&f.texts, slice_of(NULL), &absent), DIFY_OK);
    assert_int_not_equal(a, b);
    assert_int_equal(absent, 0);
    assert_slice(dify__texts_get(&f.texts, a), "abc");
    assert_slice(dify__texts_get(&f.texts, b), "abc");
    assert_slice(dify__texts_get(&f.texts, empty), "");
    assert_slice(dify__texts_get(&f.texts, absent), NULL);
    fini(&f);
}

static void test_shared_texts(void **state)
{
    (void)state;
    struct fixture f;
    dify__text number[1000], again, absent = 9;
    char name[16];
    init(&f, 100000);
    for (unsigned i = 0; i < COUNT_OF(number); i++) {
        snprintf(name, sizeof name, "%u", i);
        assert_int_equal(dify__texts_share(&f.texts, slice_of(name), &number[i]), DIFY_OK);
        for (unsigned j = 0; j < i; j += 97)
            assert_int_not_equal(number[i], number[j]);
    }
    size_t used = f.budget.used;
    for (unsigned i = 0; i < COUNT_OF(number); i++) {
        snprintf(name, sizeof name, "%u", i);
        assert_int_equal(dify__texts_share(&f.texts, slice_of(name), &again), DIFY_OK);
        assert_int_equal(again, number[i]);
        assert_slice(dify__texts_get(&f.texts, again), name);
    }
    assert_int_equal(f.budget.used, used);
    assert_int_equal(dify__texts_share(&f.texts, slice_of(NULL), &absent), DIFY_OK);
    assert_int_equal(absent, 0);
    assert_int_equal(dify__texts_share(&f.texts, slice_of(""), &absent), DIFY_OK);
    assert_int_not_equal(absent, 0);
    fini(&f);
}

static void test_texts_that_differ_after_a_nul(void **state)
{
    (void)state;
    struct fixture f;
    dify__text a, b;
    init(&f, 1000);
    assert_int_equal(dify__texts_share(&f.texts, (struct dify_slice){"x\0a", 3}, &a), DIFY_OK);
    assert_int_equal(dify__texts_share(&f.texts, (struct dify_slice){"x\0b", 3}, &b), DIFY_OK);
    assert_int_not_equal(a, b);
    fini(&f);
}

/* A text costs its bytes and the length in front. */
static void test_budget_of_texts(void **state)
{
    (void)state;
    struct fixture f;
    dify__text text;
    init(&f, 20);
    assert_int_equal(dify__texts_keep(&f.texts, slice_of("0123456789abcdef"), &text), DIFY_OK);
    assert_int_equal(f.budget.used, 20);
    assert_int_equal(dify__texts_keep(&f.texts, slice_of(""), &text), DIFY_ERR_TOO_LARGE);
    fini(&f);
    init(&f, 20);
    assert_int_equal(dify__texts_share(&f.texts, slice_of("0123456789abcdefg"), &text),
                     DIFY_ERR_TOO_LARGE);
    assert_int_equal(dify__texts_share(&f.texts, slice_of("0123456789abcdef"), &text), DIFY_OK);
    assert_int_equal(dify__texts_share(&f.texts, slice_of("0123456789abcdef"), &text), DIFY_OK);
    fini(&f);
}

static void test_no_memory(void **state)
{
    (void)state;
    for (uint64_t fail_at = 1; fail_at <= 2; fail_at++) {
        struct fixture f;
        dify__text text;
        init(&f, 1000);
        f.meter.fail_at = fail_at;
        assert_int_equal(dify__texts_share(&f.texts, slice_of("a"), &text), DIFY_ERR_NOMEM);
        assert_int_equal(dify__texts_share(&f.texts, slice_of("a"), &text), DIFY_OK);
        assert_slice(dify__texts_get(&f.texts, text), "a");
        fini(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_budget),
        cmocka_unit_test(test_hash),
        cmocka_unit_test(test_kept_texts),
        cmocka_unit_test(test_shared_texts),
        cmocka_unit_test(test_texts_that_differ_after_a_nul),
        cmocka_unit_test(test_budget_of_texts),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests_name("texts", tests, NULL, NULL);
}
