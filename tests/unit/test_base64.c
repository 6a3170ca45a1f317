/* SPDX-License-Identifier: Apache-2.0
 *
 * test_base64.c: RFC 4648 section 4, with white space passed over and padding that may be missing.
 */
#include "support.h"

#include "core/base64.h"

struct base64_case {
    const char *name;    /* also the text */
    const char *decoded; /* NULL: refused */
};

static const struct base64_case cases[] = {
    /* RFC 4648 section 10 */
    {"", ""},
    {"Zg==", "f"},
    {"Zm8=", "fo"},
    {"Zm9v", "foo"},
    {"Zm9vYg==", "foob"},
    {"Zm9vYmE=", "fooba"},
    {"Zm9vYmFy", "foobar"},
    /* no padding */
    {"Zg", "f"},
    {"Zm8", "fo"},
    {"Zm9vYg", "foob"},
    /* white space */
    {" Zm 9v\tYm\r\nFy ", "foobar"},
    {"Zg =\n=", "f"},
    {" \t\r\n", ""},
    /* not base64 */
    {"Z", NULL},
    {"Zm9vY", NULL},
    {"Z===", NULL},
    {"Zg=", NULL},
    {"Zm8==", NULL},
    {"Zm9v=", NULL},
    {"Zm9v====", NULL},
    {"=", NULL},
    {"==", NULL},
    {"====", NULL},
    {"Zg==Zg==", NULL},
    {"Zg=Z", NULL},
    {"Zm9v-_", NULL},
    {"Zm9v.", NULL},
    {"Zm9v\xC3\xA9", NULL},
    {"Zm9v\v", NULL},
    {"Zm9v\x80", NULL},
};

static void run_case(void **state)
{
    const struct base64_case *c = *state;
    struct dify__buffer out = {.allocator = dify__allocator(NULL), .max = SIZE_MAX / 2};
    assert_int_equal(dify__buffer_append(&out, "<", 1), DIFY_OK);
    enum dify_err err = dify__base64_decode(slice_of(c->name), &out);
    assert_int_equal(err, c->decoded != NULL ? DIFY_OK : DIFY_ERR_ARGUMENT);
    assert_int_equal(out.len, 1 + (c->decoded != NULL ? strlen(c->decoded) : 0));
    assert_memory_equal(out.ptr, "<", 1);
    if (c->decoded != NULL)
        assert_memory_equal(out.ptr + 1, c->decoded, out.len - 1);
    dify__buffer_fini(&out);
}

static void test_nul_is_no_digit(void **state)
{
    (void)state;
    struct dify__buffer out = {.allocator = dify__allocator(NULL), .max = SIZE_MAX / 2};
    struct dify_slice text = {"Zm9v\0", 5};
    assert_int_equal(dify__base64_decode(text, &out), DIFY_ERR_ARGUMENT);
    assert_int_equal(out.len, 0);
    dify__buffer_fini(&out);
}

/* Every byte, in every place of a group. */
static void test_round_trip(void **state)
{
    (void)state;
    static const char digit[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (unsigned byte = 0; byte < 256; byte++) {
        for (unsigned place = 0; place < 3; place++) {
            unsigned char in[3] = {0x55, 0xAA, 0x0F};
            in[place] = (unsigned char)byte;
            unsigned bits = (unsigned)in[0] << 16 | (unsigned)in[1] << 8 | in[2];
            char text[4] = {digit[bits >> 18], digit[bits >> 12 & 63], digit[bits >> 6 & 63],
                            digit[bits & 63]};
            struct dify__buffer out = {.allocator = dify__allocator(NULL), .max = SIZE_MAX / 2};
            assert_int_equal(dify__base64_decode((struct dify_slice){text, 4}, &out), DIFY_OK);
            assert_int_equal(out.len, 3);
            assert_memory_equal(out.ptr, in, 3);
            dify__buffer_fini(&out);
        }
    }
}

/* What the decoder makes of it, whose alphabet is the other one. */
static void test_url(void **state)
{
    (void)state;
    unsigned char in[70];
    char text[DIFY__BASE64_LEN(sizeof in) + 1];
    for (size_t len = 0; len <= sizeof in; len++) {
        struct dify__buffer out = {.allocator = dify__allocator(NULL), .max = SIZE_MAX / 2};
        for (size_t i = 0; i < len; i++)
            in[i] = (unsigned char)(255 - 37 * i * len);
        dify__base64_url(in, len, text);
        assert_int_equal(strlen(text), DIFY__BASE64_LEN(len));
        assert_null(strpbrk(text, "+/="));
        for (char *at = text; *at != '\0'; at++)
            *at = *at == '-' ? '+' : *at == '_' ? '/' : *at;
        assert_int_equal(dify__base64_decode(slice_of(text), &out), DIFY_OK);
        assert_int_equal(out.len, len);
        if (len > 0)
            assert_memory_equal(out.ptr, in, len);
        dify__buffer_fini(&out);
    }
    dify__base64_url((const unsigned char *)"\xFB\xEF\xFF", 3, text);
    assert_string_equal(text, "--__");
}

static void test_no_memory(void **state)
{
    (void)state;
    struct meter meter;
    meter_init(&meter);
    meter.fail_at = 1;
    struct dify__buffer out = {.allocator = &meter.allocator, .max = SIZE_MAX / 2};
    assert_int_equal(dify__base64_decode(slice_of("Zm9v"), &out), DIFY_ERR_NOMEM);
    assert_int_equal(out.len, 0);
    assert_meter_empty(&meter);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nul_is_no_digit),
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_url),
        cmocka_unit_test(test_no_memory),
    };
    int failed = run_cases("base64, cases", cases, COUNT_OF(cases), sizeof cases[0], run_case);
    return failed + cmocka_run_group_tests_name("base64", tests, NULL, NULL);
}
