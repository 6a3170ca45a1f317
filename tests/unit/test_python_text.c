/* SPDX-License-Identifier: Apache-2.0
 *
 * test_python_text.c: Python's ways with numbers and strings. The expected texts were printed by
 * Python 3.11 itself.
 */
#include "support.h"

#include "core/python_text.h"

static struct dify__buffer new_buffer(void)
{
    return (struct dify__buffer){.allocator = dify__allocator(NULL), .max = (size_t)1 << 20};
}

struct number_case {
    const char *name; /* the text */
    const char *json; /* NULL: no number */
};

static const struct number_case numbers[] = {
    {"0", "0"},
    {"12", "12"},
    {" \t12\n", "12"},
    {"+12", "12"},
    {"-12", "-12"},
    {"-0", "0"},
    {"-000", "0"},
    {"007", "7"},
    {"1_000", "1000"},
    {"1__0", NULL},
    {"_1", NULL},
    {"1_", NULL},
    {"", NULL},
    {" ", NULL},
    {"-", NULL},
    {"+-1", NULL},
    {"- 1", NULL},
    {"1 2", NULL},
    {"1e5", NULL},
    {"0x10", NULL},
    {"abc", NULL},
    {"nan", NULL},
    {"123456789012345678901234567890", "123456789012345678901234567890"},
    {"1.5", "1.5"},
    {"1.50", "1.5"},
    {"-1.0", "-1.0"},
    {"-0.0", "-0.0"},
    {".5", "0.5"},
    {"5.", "5.0"},
    {"+.5", "0.5"},
    {".", NULL},
    {"-.", NULL},
    {"00.10", "0.1"},
    {"1_0.2_5", "10.25"},
    {"1._5", NULL},
    {"1_.5", NULL},
    {"1.5e3", "1500.0"},
    {"1.5E+3", "1500.0"},
    {"1.5e-3", "0.0015"},
    {"1.5e", NULL},
    {"1.5e+", NULL},
    {"1.5e3.0", NULL},
    {"1.5x", NULL},
    {" 1.5 ", "1.5"},
    {"0.1234567890123456789", "0.12345678901234568"},
    {"9007199254740993.0", "9007199254740992.0"},
    {"1.2.3", NULL},
    {"1.0e999", NULL}, /* inf, which JSON has no form for */
};

static void run_number(void **state)
{
    const struct number_case *number = *state;
    struct dify__buffer out = new_buffer();
    assert_int_equal(dify__buffer_append(&out, "9", 1), DIFY_OK);
    enum dify_err err = dify__python_number(slice_of(number->name), &out);
    assert_int_equal(err, number->json != NULL ? DIFY_OK : DIFY_ERR_NUMBER);
    assert_slice(((struct dify_slice){out.ptr + 1, out.len - 1}),
                 number->json != NULL ? number->json : "");
    dify__buffer_fini(&out);
}

static void test_long_integers(void **state)
{
    (void)state;
    for (size_t digits = 4299; digits <= 4301; digits++) {
        struct text text = {NULL, 0, 0};
        struct dify__buffer out = new_buffer();
        text_add_repeated(&text, '7', digits);
        enum dify_err err = dify__python_number(text_slice(&text), &out);
        assert_int_equal(err, digits <= 4300 ? DIFY_OK : DIFY_ERR_NUMBER);
        assert_int_equal(out.len, digits <= 4300 ? digits : 0);
        dify__buffer_fini(&out);
        text_fini(&text);
    }
}

struct repr_case {
    const char *name; /* JSON */
    const char *repr;
};

static const struct repr_case reprs[] = {
    {"\"a\"", "'a'"},
    {"\"\"", "''"},
    {"\"it's\"", "\"it's\""},
    {"\"it's \\\"so\\\"\"", "'it\\'s \"so\"'"},
    {"\"a\\\\b\\/\"", "'a\\\\b/'"},
    {"\"\\t\\n\\r\\b\\f\\u0000\\u001b\x7F\"", "'\\t\\n\\r\\x08\\x0c\\x00\\x1b\\x7f'"},
    {"\"\\u0085\\u00a0\\u00ad\\u00e9\"", "'\\x85\\xa0\\xad\xC3\xA9'"},
    {"\"\\u200b\\u2028\\u3000\\ufeff\"", "'\\u200b\\u2028\\u3000\\ufeff'"},
    {"\"\\u4f60\\ud83d\\ude00\"", "'\xE4\xBD\xA0\xF0\x9F\x98\x80'"},
    {"\"\\ud83d\"", "'\\ud83d'"},
    {"\"\\udb40\\udc01\"", "'\\U000e0001'"},
    {"\"\\udb40\\udd00\"", "'\xF3\xA0\x84\x80'"},
    {" null", "None"},
    {"[1,-2.5, true ,false,[],{}]", "[1, -2.5, True, False, [], {}]"},
    {"{\"a\":{\"b\":[null]},\"c\":\"'\"}", "{'a': {'b': [None]}, 'c': \"'\"}"},
};

static void run_repr(void **state)
{
    const struct repr_case *repr = *state;
    struct dify__buffer out = new_buffer();
    assert_int_equal(dify__python_repr(slice_of(repr->name), &out), DIFY_OK);
    assert_slice(dify__buffer_slice(&out), repr->repr);
    for (out.max = strlen(repr->repr); out.max-- > 0;) {
        dify__buffer_clear(&out, SIZE_MAX);
        assert_int_equal(dify__python_repr(slice_of(repr->name), &out), DIFY_ERR_TOO_LARGE);
    }
    dify__buffer_fini(&out);
}

static void test_length(void **state)
{
    (void)state;
    assert_int_equal(dify__python_length(slice_of("")), 0);
    assert_int_equal(dify__python_length(slice_of("a\xC3\xA9\xE4\xBD\xA0\xF0\x9F\x98\x80")), 4);
    assert_int_equal(dify__python_length(slice_of("\xED\xA0\xBD")), 1);
    assert_int_equal(dify__python_length((struct dify_slice){"\0\0", 2}), 2);
}

static void test_strip(void **state)
{
    (void)state;
    assert_slice(dify__python_strip(slice_of("\x1C\v\f a b\t\r\n ")), "a b");
    assert_slice(dify__python_strip(slice_of(" \n")), "");
    assert_slice(dify__python_strip(slice_of("")), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_long_integers),
        cmocka_unit_test(test_length),
        cmocka_unit_test(test_strip),
    };
    int failed = run_cases("number", numbers, COUNT_OF(numbers), sizeof numbers[0], run_number);
    failed += run_cases("repr", reprs, COUNT_OF(reprs), sizeof reprs[0], run_repr);
    return failed + cmocka_run_group_tests_name("python_text", tests, NULL, NULL);
}
