/* SPDX-License-Identifier: Apache-2.0
 *
 * test_log.c: records at their ceilings; what is damaged (fuzz/fuzz_records.c does the rest).
 */
#include "core/slices.h"
#include "kit.h"

#include <stdlib.h>

static void test_bytes(void **state)
{
    struct dify__buffer out = {.allocator = dify__allocator(NULL), .max = 100};
    struct store_record record;
    (void)state;
    assert_int_equal(store_record_put(&out, STORE_RECORD_STREAM, DIFY_SLICE("{\"a\":1}")), DIFY_OK);
    assert_int_equal(store_record_put(&out, STORE_RECORD_EVENT, DIFY_SLICE("")), DIFY_OK);
    assert_int_equal(out.len, 17);
    assert_memory_equal(out.ptr, "S\7\0\0\0{\"a\":1}E\0\0\0\0", 17);
    struct dify_slice rest = dify__buffer_slice(&out);
    assert_true(store_record_next(&rest, &record));
    assert_int_equal(record.kind, STORE_RECORD_STREAM);
    assert_true(dify__slice_is(record.text, "{\"a\":1}"));
    assert_true(store_record_next(&rest, &record));
    assert_int_equal(record.text.len, 0);
    assert_non_null(record.text.ptr);
    assert_false(store_record_next(&rest, &record));
    assert_int_equal(rest.len, 0);
    dify__buffer_fini(&out);
}

/* Each kind comes back; what is none is where the log is damaged. */
static void test_kinds(void **state)
{
    static const char kinds[] = "EFSRVP";
    (void)state;
    for (unsigned byte = 0; byte < 256; byte++) {
        const char bytes[] = {(char)byte, 0, 0, 0, 0};
        struct dify_slice rest = {bytes, sizeof bytes};
        struct store_record record;
        bool is_kind = byte != 0 && strchr(kinds, (int)byte) != NULL;
        assert_int_equal(store_record_next(&rest, &record), is_kind);
        assert_int_equal(rest.len, is_kind ? 0 : sizeof bytes);
        if (!is_kind)
            continue;
        assert_int_equal(record.kind, byte);
        assert_int_equal(store_record_is_event(record.kind), byte == 'E' || byte == 'R');
        assert_int_equal(store_record_is_v1(record.kind), byte == 'V' || byte == 'P');
    }
}

/* A buffer too small for head and text takes nothing of either. */
static void test_buffer_ceiling(void **state)
{
    struct dify__buffer out = {.allocator = dify__allocator(NULL), .max = 7};
    (void)state;
    assert_int_equal(store_record_put(&out, STORE_RECORD_EVENT, DIFY_SLICE("123")),
                     DIFY_ERR_TOO_LARGE);
    assert_int_equal(out.len, 0);
    assert_int_equal(store_record_put(&out, STORE_RECORD_EVENT, DIFY_SLICE("12")), DIFY_OK);
    dify__buffer_fini(&out);
}

static void test_longest(void **state)
{
    struct dify__buffer out = {.allocator = dify__allocator(NULL), .max = (size_t)1 << 30};
    struct store_record record;
    char *text = calloc(1, STORE_RECORD_BYTES + 1);
    (void)state;
    assert_non_null(text);
    assert_int_equal(store_record_put(&out, STORE_RECORD_EVENT,
                                      (struct dify_slice){text, STORE_RECORD_BYTES + 1}),
                     DIFY_ERR_TOO_LARGE);
    assert_int_equal(out.len, 0);
    assert_int_equal(
        store_record_put(&out, STORE_RECORD_EVENT, (struct dify_slice){text, STORE_RECORD_BYTES}),
        DIFY_OK);
    struct dify_slice rest = dify__buffer_slice(&out);
    assert_true(store_record_next(&rest, &record));
    assert_int_equal(record.text.len, STORE_RECORD_BYTES);
    assert_int_equal(rest.len, 0);
    /* One more in its head, though the bytes are there. */
    assert_int_equal(dify__buffer_append(&out, "", 1), DIFY_OK);
    out.ptr[1]++;
    rest = dify__buffer_slice(&out);
    assert_false(store_record_next(&rest, &record));
    assert_int_equal(rest.len, out.len);
    dify__buffer_fini(&out);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_buffer_ceiling),
        cmocka_unit_test(test_longest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
