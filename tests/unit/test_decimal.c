/* SPDX-License-Identifier: Apache-2.0
 *
 * test_decimal.c: the grammar, the limits, and addition against a slow adder of digit strings.
 */
#include "support.h"

#include "difystream/decimal.h"
#include "difystream/limits.h"

/* ---- grammar and limits ---------------------------------------------------------------------- */

struct parse_case {
    const char *name; /* also the text */
    enum dify_err err;
    const char *formatted; /* where it is a number */
};

#define D10 "1234567891"
#define D40 D10 D10 D10 D10
#define Z10 "0000000000"
#define Z40 Z10 Z10 Z10 Z10

static const struct parse_case parse_cases[] = {
    {"0", DIFY_OK, "0"},
    {"-0", DIFY_OK, "0"},
    {"-0.0", DIFY_OK, "0"},
    {"0E-7", DIFY_OK, "0"},
    {"0e0", DIFY_OK, "0"},
    {"0e99999999999999999999", DIFY_OK, "0"},
    {"-0.00e-99999999999999999999", DIFY_OK, "0"},
    {"1", DIFY_OK, "1"},
    {"-1", DIFY_OK, "-1"},
    {"10", DIFY_OK, "10"},
    {"1.5", DIFY_OK, "1.5"},
    {"1.50", DIFY_OK, "1.5"},
    {"100.00", DIFY_OK, "100"},
    {"0.0001234", DIFY_OK, "0.0001234"},
    {"1e2", DIFY_OK, "100"},
    {"1E2", DIFY_OK, "100"},
    {"1e+2", DIFY_OK, "100"},
    {"1e-2", DIFY_OK, "0.01"},
    {"1e-07", DIFY_OK, "0.0000001"},
    {"1.5e-7", DIFY_OK, "0.00000015"},
    {"12.345e2", DIFY_OK, "1234.5"},
    {"12.345e00000000000000000000000001", DIFY_OK, "123.45"},
    {"0.00012e4", DIFY_OK, "1.2"},
    {"999999999", DIFY_OK, "999999999"},
    {"1000000000", DIFY_OK, "1000000000"},
    {"0.000000001", DIFY_OK, "0.000000001"},
    {"0.0000000001", DIFY_OK, "0.0000000001"},

    {"", DIFY_ERR_NUMBER, NULL},
    {" ", DIFY_ERR_NUMBER, NULL},
    {" 1", DIFY_ERR_NUMBER, NULL},
    {"1 ", DIFY_ERR_NUMBER, NULL},
    {"+1", DIFY_ERR_NUMBER, NULL},
    {"-", DIFY_ERR_NUMBER, NULL},
    {"--1", DIFY_ERR_NUMBER, NULL},
    {"01", DIFY_ERR_NUMBER, NULL},
    {"00", DIFY_ERR_NUMBER, NULL},
    {"-01", DIFY_ERR_NUMBER, NULL},
    {".5", DIFY_ERR_NUMBER, NULL},
    {"5.", DIFY_ERR_NUMBER, NULL},
    {"5.e1", DIFY_ERR_NUMBER, NULL},
    {"1e", DIFY_ERR_NUMBER, NULL},
    {"1e+", DIFY_ERR_NUMBER, NULL},
    {"1e+-1", DIFY_ERR_NUMBER, NULL},
    {"1e1.5", DIFY_ERR_NUMBER, NULL},
    {"1.2.3", DIFY_ERR_NUMBER, NULL},
    {"1,5", DIFY_ERR_NUMBER, NULL},
    {"0x10", DIFY_ERR_NUMBER, NULL},
    {"1_000", DIFY_ERR_NUMBER, NULL},
    {"NaN", DIFY_ERR_NUMBER, NULL},
    {"Infinity", DIFY_ERR_NUMBER, NULL},
    {"-Infinity", DIFY_ERR_NUMBER, NULL},
    {"null", DIFY_ERR_NUMBER, NULL},
    {"\xEF\xBC\x91", DIFY_ERR_NUMBER, NULL}, /* a fullwidth one */

    {D40, DIFY_OK, D40},
    {"-" D40 "." D40, DIFY_OK, "-" D40 "." D40},
    {"0." D40, DIFY_OK, "0." D40},
    {"1" D40, DIFY_ERR_TOO_LARGE, NULL},
    {"0." D40 "1", DIFY_ERR_TOO_LARGE, NULL},
    {D40 "." D40 Z40, DIFY_OK, D40 "." D40},
    {"0." Z40 Z40, DIFY_OK, "0"},
    {"1e39", DIFY_OK, "1" Z10 Z10 Z10 "000000000"},
    {"1e40", DIFY_ERR_TOO_LARGE, NULL},
    {"10e38", DIFY_OK, "1" Z10 Z10 Z10 "000000000"},
    {"10e39", DIFY_ERR_TOO_LARGE, NULL},
    {"0.1e40", DIFY_OK, "1" Z10 Z10 Z10 "000000000"},
    {"0.1e41", DIFY_ERR_TOO_LARGE, NULL},
    {"1e-40", DIFY_OK, "0." Z10 Z10 Z10 "0000000001"},
    {"1e-41", DIFY_ERR_TOO_LARGE, NULL},
    {"10e-41", DIFY_OK, "0." Z10 Z10 Z10 "0000000001"},
    {"1" Z40 "e-41", DIFY_OK, "0.1"},
    {"1" Z40 Z40 Z40 "e-120", DIFY_OK, "1"},
    {"0." Z40 Z40 "1e81", DIFY_OK, "1"},
    {"1e999999999999999999999999", DIFY_ERR_TOO_LARGE, NULL},
    {"-1e-999999999999999999999999", DIFY_ERR_TOO_LARGE, NULL},
    {"1e9223372036854775807", DIFY_ERR_TOO_LARGE, NULL},
    {"1e-9223372036854775808", DIFY_ERR_TOO_LARGE, NULL},
};

static void run_parse_case(void **state)
{
    const struct parse_case *c = *state;
    struct dify_decimal value, before;
    char text[DIFY_DECIMAL_TEXT_BYTES];
    size_t len = strlen(c->name);
    char *copy = malloc(len + 1); /* exact, so that a read past the end is seen */
    assert_non_null(copy);
    memcpy(copy, c->name, len);
    memset(&value, 0x5A, sizeof value);
    before = value;
    char *exact = len != 0 ? realloc(copy, len) : copy;
    assert_non_null(exact);
    assert_int_equal(dify_decimal_parse((struct dify_slice){exact, len}, &value), c->err);
    free(exact);
    if (c->err != DIFY_OK) {
        assert_memory_equal(&value, &before, sizeof value);
        return;
    }
    assert_int_equal(dify_decimal_format(&value, text), strlen(c->formatted));
    assert_string_equal(text, c->formatted);
}

/* ---- sums ------------------------------------------------------------------------------------ */

struct sum_case {
    const char *name;
    const char *a, *b, *sum, *difference;
};

static const struct sum_case sum_cases[] = {
    {"0.1 + 0.2", "0.1", "0.2", "0.3", "-0.1"},
    {"zero and zero", "0", "-0", "0", "0"},
    {"zero and one", "0", "1", "1", "-1"},
    {"one and zero", "1", "0", "1", "1"},
    {"minus one and zero", "-1", "0", "-1", "-1"},
    {"opposites", "1.25", "-1.25", "0", "2.5"},
    {"equals", "-1.25", "-1.25", "-2.5", "0"},
    {"small positive, large negative", "1", "-10", "-9", "11"},
    {"large negative, small positive", "-10", "1", "-9", "-11"},
    {"a carry into the next limb", "999999999", "1", "1000000000", "999999998"},
    {"a borrow from the next limb", "1000000000", "1", "1000000001", "999999999"},
    {"a carry over the point", "0.999999999", "0.000000001", "1", "0.999999998"},
    {"a carry through many limbs", "999999999999999999999999999999999999.999999999999999999",
     "0.000000000000000001", "1000000000000000000000000000000000000",
     "999999999999999999999999999999999999.999999999999999998"},
    {"a borrow through many limbs", "1000000000000000000000000000000000000", "0.000000000000000001",
     "1000000000000000000000000000000000000.000000000000000001",
     "999999999999999999999999999999999999.999999999999999999"},
    {"the largest twice", "9999999999999999999999999999999999999999",
     "9999999999999999999999999999999999999999", "19999999999999999999999999999999999999998", "0"},
    {"far apart", "1e39", "1e-40",
     "1000000000000000000000000000000000000000.0000000000000000000000000000000000000001",
     "999999999999999999999999999999999999999."
     "9999999999999999999999999999999999999999"},
};

static void assert_decimal(const struct dify_decimal *value, const char *expected)
{
    char text[DIFY_DECIMAL_TEXT_BYTES];
    (void)dify_decimal_format(value, text);
    assert_string_equal(text, expected);
}

static struct dify_decimal decimal(const char *chars)
{
    struct dify_decimal value;
    assert_int_equal(dify_decimal_parse(slice_of(chars), &value), DIFY_OK);
    return value;
}

static void run_sum_case(void **state)
{
    const struct sum_case *c = *state;
    struct dify_decimal a = decimal(c->a), b = decimal(c->b), value = a;
    dify_decimal_add(&value, &b);
    assert_decimal(&value, c->sum);
    value = b;
    dify_decimal_add(&value, &a);
    assert_decimal(&value, c->sum);
    value = a;
    dify_decimal_subtract(&value, &b);
    assert_decimal(&value, c->difference);
    dify_decimal_add(&value, &b);
    assert_memory_equal(value.limb, a.limb, sizeof a.limb);
    assert_int_equal(value.negative, a.negative);
}

/* A sum may outgrow what one number may be. */
static void test_sum_beyond_the_limit_of_a_number(void **state)
{
    (void)state;
    struct dify_decimal sum = DIFY_DECIMAL_ZERO, term = decimal("9e39");
    for (int i = 0; i < 1000000; i++)
        dify_decimal_add(&sum, &term);
    assert_decimal(&sum, "9000000000000000000000000000000000000000000000");
    for (int i = 0; i < 1000000; i++)
        dify_decimal_subtract(&sum, &term);
    assert_decimal(&sum, "0");
    assert_false(sum.negative);
}

static void test_absent_text_is_no_number(void **state)
{
    (void)state;
    struct dify_decimal value;
    struct dify_slice absent = {NULL, 0}, nul = {"1\0", 2};
    assert_int_equal(dify_decimal_parse(absent, &value), DIFY_ERR_NUMBER);
    assert_int_equal(dify_decimal_parse(nul, &value), DIFY_ERR_NUMBER);
    nul = (struct dify_slice){"1\0"
                              "1",
                              3};
    assert_int_equal(dify_decimal_parse(nul, &value), DIFY_ERR_NUMBER);
}

/* ---- against a slow adder -------------------------------------------------------------------- */

/* A number as digits, the least first: 40 of fraction, then the rest. */
#define PLACES 100
#define FRACTION 40

struct digits {
    int digit[PLACES];
    bool negative;
};

static int compare_digits(const struct digits *a, const struct digits *b)
{
    for (int i = PLACES - 1; i >= 0; i--)
        if (a->digit[i] != b->digit[i])
            return a->digit[i] - b->digit[i];
    return 0;
}

static struct digits add_digits(struct digits a, struct digits b)
{
    if (a.negative != b.negative && compare_digits(&a, &b) < 0) {
        struct digits c = a;
        a = b;
        b = c;
    }
    int sign = a.negative == b.negative ? 1 : -1;
    int carry = 0;
    for (int i = 0; i < PLACES; i++) {
        int sum = a.digit[i] + sign * b.digit[i] + carry;
        carry = sum < 0 ? -1 : sum > 9 ? 1 : 0;
        a.digit[i] = sum - 10 * carry;
    }
    return a;
}

static void format_digits(const struct digits *value, char *text)
{
    int high = PLACES - 1, low = 0;
    while (high > FRACTION && value->digit[high] == 0)
        high--;
    while (low < FRACTION && value->digit[low] == 0)
        low++;
    bool is_zero = high == FRACTION && low == FRACTION && value->digit[FRACTION] == 0;
    if (value->negative && !is_zero)
        *text++ = '-';
    for (int i = high; i >= low; i--) {
        if (i == FRACTION - 1)
            *text++ = '.';
        *text++ = (char)('0' + value->digit[i]);
    }
    *text = '\0';
}

/* A random number as digits, and as a text that may have an exponent and zeros around it. */
static void make_number(uint64_t *random, struct digits *value, struct text *text)
{
    memset(value, 0, sizeof *value);
    int low = (int)random_below(random, 80), high = low + (int)random_below(random, 80 - low);
    size_t kind = random_below(random, 4); /* nines and zeros make carries */
    for (int i = low; i <= high; i++)
        value->digit[i] = kind == 0   ? 9
                          : kind == 1 ? 9 * (int)random_below(random, 2)
                                      : (int)random_below(random, 10);
    value->negative = random_below(random, 2) != 0;
    char plain[PLACES + 4];
    format_digits(value, plain);
    if (random_below(random, 2) == 0) {
        text_add_chars(text, plain);
        return;
    }
    if (value->negative)
        text_add_chars(text, "-");
    int top = high;
    while (top > low && value->digit[top] == 0)
        top--;
    for (int i = top; i >= low; i--)
        text_addf(text, "%d", value->digit[i]);
    text_addf(text, "%s%s%d", random_below(random, 2) != 0 ? ".0" : "",
              random_below(random, 2) != 0 ? "e" : "E", low - FRACTION);
}

static void test_random_sums(void **state)
{
    (void)state;
    uint64_t random = test_seed();
    struct dify_decimal sum = DIFY_DECIMAL_ZERO;
    struct digits slow = {{0}, false};
    for (int i = 0; i < 20000; i++) {
        struct digits term;
        struct dify_decimal value;
        struct text text = {NULL, 0, 0};
        char expected[PLACES + 4];
        make_number(&random, &term, &text);
        if (dify_decimal_parse(text_slice(&text), &value) != DIFY_OK)
            fail_msg("refused: %s", text.ptr);
        format_digits(&term, expected);
        assert_decimal(&value, expected);
        if (random_below(&random, 2) != 0) {
            dify_decimal_add(&sum, &value);
        } else {
            dify_decimal_subtract(&sum, &value);
            term.negative = !term.negative;
        }
        slow = add_digits(slow, term);
        format_digits(&slow, expected);
        assert_decimal(&sum, expected);
        text_fini(&text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sum_beyond_the_limit_of_a_number),
        cmocka_unit_test(test_absent_text_is_no_number),
        cmocka_unit_test(test_random_sums),
    };
    int failed = run_cases("decimal, parse", parse_cases, COUNT_OF(parse_cases),
                           sizeof parse_cases[0], run_parse_case);
    failed += run_cases("decimal, sums", sum_cases, COUNT_OF(sum_cases), sizeof sum_cases[0],
                        run_sum_case);
    return failed + cmocka_run_group_tests_name("decimal", tests, NULL, NULL);
}
