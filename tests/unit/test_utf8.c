/* SPDX-License-Identifier: Apache-2.0
 *
 * test_utf8.c: validation, repair and encoding, over every code point and every pair of bytes.
 */
#include "support.h"

#include "core/utf8.h"

static bool is_surrogate(uint32_t code)
{
    return code >= 0xD800 && code <= 0xDFFF;
}

static void test_every_code_point(void **state)
{
    (void)state;
    for (uint32_t code = 0; code <= 0x10FFFF; code++) {
        char bytes[4];
        size_t bad, len = dify__utf8_encode(code, bytes);
        size_t expected = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
        if (len != expected)
            fail_msg("U+%X has %zu bytes", (unsigned)code, len);
        size_t found = dify__utf8_sequence((const unsigned char *)bytes, len, &bad);
        if (found != (is_surrogate(code) ? 0 : len))
            fail_msg("U+%X is read as %zu bytes", (unsigned)code, found);
        for (size_t cut = 1; cut < len && !is_surrogate(code); cut++) {
            if (dify__utf8_sequence((const unsigned char *)bytes, cut, &bad) != 0 || bad != cut)
                fail_msg("U+%X cut after %zu", (unsigned)code, cut);
        }
    }
}

/* Unicode 15, table 3-7: what may follow a lead byte. */
static bool may_follow(unsigned lead, unsigned second)
{
    if (lead == 0xE0)
        return second >= 0xA0 && second <= 0xBF;
    if (lead == 0xED)
        return second >= 0x80 && second <= 0x9F;
    if (lead == 0xF0)
        return second >= 0x90 && second <= 0xBF;
    if (lead == 0xF4)
        return second >= 0x80 && second <= 0x8F;
    return lead >= 0xC2 && lead <= 0xF4 && second >= 0x80 && second <= 0xBF;
}

static void test_every_pair(void **state)
{
    (void)state;
    for (unsigned lead = 0; lead < 256; lead++) {
        for (unsigned second = 0; second < 256; second++) {
            unsigned char bytes[2] = {(unsigned char)lead, (unsigned char)second};
            size_t bad = 0, len = dify__utf8_sequence(bytes, 2, &bad);
            bool is_two = lead >= 0xC2 && lead <= 0xDF && may_follow(lead, second);
            assert_int_equal(len, lead < 0x80 ? 1 : is_two ? 2 : 0);
            if (len == 0)
                assert_int_equal(bad, lead >= 0xE0 && may_follow(lead, second) ? 2 : 1);
        }
    }
}

struct repair_case {
    const char *name;
    struct dify_slice input;
    const char *expected; /* each ? stands for U+FFFD */
};

#define IN(literal)                                                                                \
    {                                                                                              \
        "" literal, sizeof(literal) - 1                                                            \
    }

static const struct repair_case repair_cases[] = {
    {"nothing", IN(""), ""},
    {"ASCII", IN("abcdefghijklmnopqrstuvwxyz"), "abcdefghijklmnopqrstuvwxyz"},
    {"all lengths", IN("a\xC3\xA9\xE4\xB8\xAD\xF0\x9F\x98\x80"),
     "a\xC3\xA9\xE4\xB8\xAD\xF0\x9F\x98\x80"},
    {"Unicode table 3-8", IN("\xC0\xAF\xE0\x80\xBF\xF0\x81\x82\x41"), "????????A"},
    {"Unicode table 3-9", IN("\xED\xA0\x80\xED\xBF\xBF\xED\xAF\x41"), "????????A"},
    {"Unicode table 3-10", IN("\xF4\x91\x92\x93\xFF\x41\x80\xBF\x42"), "?????A??B"},
    {"Unicode table 3-11", IN("\xE1\x80\xE2\xF0\x91\x92\xF1\xBF\x41"), "????A"},
    {"bad after eight good ones", IN("abcdefgh\xFF"), "abcdefgh?"},
    {"bad in the ninth of many", IN("abcdefgh\x80ijklmnopq"), "abcdefgh?ijklmnopq"},
    {"bad at the end", IN("a\xF0\x9F\x98"), "a?"},
    {"bad at the start",
     IN("\x80"
        "a"),
     "?a"},
};

static void run_repair_case(void **state)
{
    const struct repair_case *c = *state;
    struct dify__buffer out = {.allocator = dify__allocator(NULL), .max = SIZE_MAX / 2};
    struct text expected = {NULL, 0, 0};
    bool is_valid = strchr(c->expected, '?') == NULL;
    for (const char *at = c->expected; *at != '\0'; at++) {
        if (*at == '?')
            text_add_chars(&expected, "\xEF\xBF\xBD");
        else
            text_add(&expected, at, 1);
    }
    assert_int_equal(dify__utf8_repair(c->input, &out), DIFY_OK);
    assert_bytes(dify__buffer_slice(&out), text_slice(&expected));
    size_t valid = dify__utf8_valid_length(c->input);
    assert_int_equal(valid == c->input.len, is_valid);
    assert_int_equal(dify__utf8_valid_length(dify__buffer_slice(&out)), out.len);
    assert_memory_equal(c->input.ptr, expected.ptr != NULL ? expected.ptr : "", valid);
    dify__buffer_fini(&out);
    text_fini(&expected);
}

static void test_valid_length_at_every_place(void **state)
{
    (void)state;
    for (size_t place = 0; place < 40; place++) {
        char bytes[40];
        memset(bytes, 'x', sizeof bytes);
        bytes[place] = '\xBF';
        struct dify_slice text = {bytes, sizeof bytes};
        assert_int_equal(dify__utf8_valid_length(text), place);
    }
}

static void test_repair_stops_at_the_ceiling(void **state)
{
    (void)state;
    struct dify__buffer out = {.allocator = dify__allocator(NULL), .max = 300};
    char bytes[101];
    memset(bytes, '\xFF', sizeof bytes);
    assert_int_equal(dify__utf8_repair((struct dify_slice){bytes, 100}, &out), DIFY_OK);
    out.len = 0;
    assert_int_equal(dify__utf8_repair((struct dify_slice){bytes, 101}, &out), DIFY_ERR_TOO_LARGE);
    dify__buffer_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_code_point),
        cmocka_unit_test(test_every_pair),
        cmocka_unit_test(test_valid_length_at_every_place),
        cmocka_unit_test(test_repair_stops_at_the_ceiling),
    };
    int failed = run_cases("utf8, repair", repair_cases, COUNT_OF(repair_cases),
                           sizeof repair_cases[0], run_repair_case);
    return failed + cmocka_run_group_tests_name("utf8", tests, NULL, NULL);
}
