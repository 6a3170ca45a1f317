/* SPDX-License-Identifier: Apache-2.0
 *
 * test_memory.c: the default allocator, the growing array, and the buffer with its ceiling.
 */
#include "support.h"

#include "core/memory.h"

static void test_default_allocator(void **state)
{
    (void)state;
    const struct dify_allocator *allocator = dify__allocator(NULL);
    char *ptr = dify__malloc(allocator, 3);
    assert_non_null(ptr);
    memcpy(ptr, "ab", 3);
    ptr = allocator->realloc(allocator->ctx, ptr, 3, 4096);
    assert_non_null(ptr);
    assert_string_equal(ptr, "ab");
    dify__free(allocator, ptr);
    dify__free(allocator, NULL);
    struct meter meter;
    meter_init(&meter);
    assert_ptr_equal(dify__allocator(&meter.allocator), &meter.allocator);
}

static void test_calloc_is_zero(void **state)
{
    (void)state;
    static const char zero[64];
    struct meter meter;
    meter_init(&meter);
    char *ptr = dify__calloc(&meter.allocator, sizeof zero);
    assert_memory_equal(ptr, zero, sizeof zero);
    dify__free(&meter.allocator, ptr);
    meter.fail_at = 2;
    assert_null(dify__calloc(&meter.allocator, 8));
    assert_meter_empty(&meter);
}

static void test_grow(void **state)
{
    (void)state;
    struct meter meter;
    meter_init(&meter);
    void *array = NULL;
    size_t capacity = 0;
    for (size_t need = 1; need <= 10000; need++) {
        size_t before = capacity;
        assert_int_equal(dify__grow(&meter.allocator, &array, &capacity, need, 8), DIFY_OK);
        assert_true(capacity >= need);
        uint64_t *items = array;
        for (size_t i = before; i < capacity; i++)
            assert_int_equal(items[i], 0);
        items[need - 1] = need;
    }
    for (size_t i = 0; i < 10000; i++)
        assert_int_equal(((uint64_t *)array)[i], i + 1);
    assert_in_range(meter.calls, 1, 15);

    void *old = array;
    size_t old_capacity = capacity;
    assert_int_equal(dify__grow(&meter.allocator, &array, &capacity, SIZE_MAX, 1), DIFY_ERR_NOMEM);
    assert_int_equal(dify__grow(&meter.allocator, &array, &capacity, SIZE_MAX / 4, 8),
                     DIFY_ERR_NOMEM);
    meter.fail_at = meter.calls + 1;
    assert_int_equal(dify__grow(&meter.allocator, &array, &capacity, capacity + 1, 8),
                     DIFY_ERR_NOMEM);
    assert_ptr_equal(array, old);
    assert_int_equal(capacity, old_capacity);
    dify__free(&meter.allocator, array);
    assert_meter_empty(&meter);
}

static void test_buffer_at_its_ceiling(void **state)
{
    (void)state;
    struct meter meter;
    meter_init(&meter);
    static const size_t ceilings[] = {1, 255, 256, 257, 1000, 4096};
    for (size_t n = 0; n < COUNT_OF(ceilings); n++) {
        struct dify__buffer buffer = {.allocator = &meter.allocator, .max = ceilings[n]};
        for (size_t i = 0; i < ceilings[n]; i++)
            assert_int_equal(dify__buffer_append(&buffer, "x", 1), DIFY_OK);
        assert_int_equal(dify__buffer_append(&buffer, "", 0), DIFY_OK);
        assert_int_equal(buffer.len, ceilings[n]);
        if (ceilings[n] >= 256) { /* below, there is room that was taken at once */
            assert_int_equal(dify__buffer_append(&buffer, "x", 1), DIFY_ERR_TOO_LARGE);
            assert_int_equal(buffer.len, ceilings[n]);
        }
        assert_int_equal(dify__buffer_reserve(&buffer, SIZE_MAX), DIFY_ERR_TOO_LARGE);
        dify__buffer_fini(&buffer);
    }
    assert_meter_empty(&meter);
}

static void test_buffer_clear_keeps_what_it_may(void **state)
{
    (void)state;
    struct meter meter;
    meter_init(&meter);
    struct dify__buffer buffer = {.allocator = &meter.allocator, .max = SIZE_MAX / 2};
    struct text big = {NULL, 0, 0};
    text_add_repeated(&big, 'x', 5000);
    assert_int_equal(dify__buffer_append(&buffer, big.ptr, 100), DIFY_OK);
    dify__buffer_clear(&buffer, 4096);
    assert_int_equal(buffer.len, 0);
    assert_int_equal(meter.live_blocks, 1);
    assert_int_equal(dify__buffer_append(&buffer, big.ptr, big.len), DIFY_OK);
    assert_memory_equal(buffer.ptr, big.ptr, big.len);
    dify__buffer_clear(&buffer, SIZE_MAX);
    assert_int_equal(meter.live_blocks, 1);
    dify__buffer_clear(&buffer, 4096);
    assert_meter_empty(&meter);
    assert_slice(dify__buffer_slice(&buffer), "");
    dify__buffer_fini(&buffer);
    text_fini(&big);
}

static void test_buffer_keeps_its_bytes_when_memory_fails(void **state)
{
    (void)state;
    struct meter meter;
    meter_init(&meter);
    struct dify__buffer buffer = {.allocator = &meter.allocator, .max = SIZE_MAX / 2};
    assert_int_equal(dify__buffer_append(&buffer, "abc", 3), DIFY_OK);
    meter.fail_at = 2;
    meter.fails_on = true;
    assert_int_equal(dify__buffer_reserve(&buffer, 4000), DIFY_ERR_NOMEM);
    assert_slice(dify__buffer_slice(&buffer), "abc");
    dify__buffer_fini(&buffer);
    assert_meter_empty(&meter);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_default_allocator),
        cmocka_unit_test(test_calloc_is_zero),
        cmocka_unit_test(test_grow),
        cmocka_unit_test(test_buffer_at_its_ceiling),
        cmocka_unit_test(test_buffer_clear_keeps_what_it_may),
        cmocka_unit_test(test_buffer_keeps_its_bytes_when_memory_fails),
    };
    return cmocka_run_group_tests_name("memory", tests, NULL, NULL);
}
