/* SPDX-License-Identifier: Apache-2.0
 *
 * decimal.c: fixed-point addition in limbs of nine decimal digits.
 *
 * Invariants: limbs are below 10^9; zero is never negative.
 */
#include "difystream/decimal.h"

#include "core/decimal_text.h"
#include "difystream/limits.h"

#include <string.h>

#define LIMB_BASE 1000000000u
#define LIMB_DIGITS 9
#define FRACTION_DIGITS (DIFY_DECIMAL_FRACTION_LIMBS * LIMB_DIGITS)

static const uint32_t power_of_ten[LIMB_DIGITS] = {1,      10,      100,      1000,     10000,
                                                   100000, 1000000, 10000000, 100000000};

/* A number taken apart by the grammar of RFC 8259 section 6. */
struct parts {
    bool negative;
    struct dify_slice integer;  /* digits */
    struct dify_slice fraction; /* digits, may be empty */
    long exponent;              /* held within +-EXPONENT_MAX */
};

#define EXPONENT_MAX 1000000000L

static size_t take_digits(struct dify_slice *text, struct dify_slice *digits)
{
    digits->ptr = text->ptr;
    digits->len = 0;
    while (text->len != 0 && text->ptr[0] >= '0' && text->ptr[0] <= '9') {
        text->ptr++;
        text->len--;
        digits->len++;
    }
    return digits->len;
}

static bool take_char(struct dify_slice *text, const char *set)
{
    if (text->len == 0 || text->ptr[0] == '\0' || strchr(set, text->ptr[0]) == NULL)
        return false;
    text->ptr++;
    text->len--;
    return true;
}

static bool take_exponent(struct dify_slice *text, long *exponent)
{
    struct dify_slice digits;
    bool negative = text->len != 0 && text->ptr[0] == '-';
    (void)take_char(text, "+-");
    if (take_digits(text, &digits) == 0)
        return false;
    long value = 0;
    for (size_t i = 0; i < digits.len && value < EXPONENT_MAX; i++)
        value = value * 10 + (digits.ptr[i] - '0');
    if (value > EXPONENT_MAX)
        value = EXPONENT_MAX;
    *exponent = negative ? -value : value;
    return true;
}

static bool take_apart(struct dify_slice text, struct parts *parts)
{
    memset(parts, 0, sizeof *parts);
    if (text.ptr == NULL)
        return false;
    parts->negative = take_char(&text, "-");
    if (take_digits(&text, &parts->integer) == 0)
        return false;
    if (parts->integer.len > 1 && parts->integer.ptr[0] == '0')
        return false;
    parts->fraction.ptr = text.ptr;
    if (take_char(&text, ".") && take_digits(&text, &parts->fraction) == 0)
        return false;
    if (take_char(&text, "eE") && !take_exponent(&text, &parts->exponent))
        return false;
    return text.len == 0;
}

static char digit_at(const struct parts *parts, size_t i)
{
    return i < parts->integer.len ? parts->integer.ptr[i]
                                  : parts->fraction.ptr[i - parts->integer.len];
}

/* Puts digit `digit` at 10^`place` of `out`. */
static void set_digit(struct dify_decimal *out, long place, char digit)
{
    size_t position = (size_t)(place + FRACTION_DIGITS);
    out->limb[position / LIMB_DIGITS] +=
        (uint32_t)(digit - '0') * power_of_ten[position % LIMB_DIGITS];
}

enum dify_err dify_decimal_parse(struct dify_slice text, struct dify_decimal *out)
{
    struct parts parts;
    if (!take_apart(text, &parts))
        return DIFY_ERR_NUMBER;

    size_t count = parts.integer.len + parts.fraction.len;
    size_t first = 0;
    while (first < count && digit_at(&parts, first) == '0')
        first++;
    while (count > first && digit_at(&parts, count - 1) == '0')
        count--;
    struct dify_decimal value = DIFY_DECIMAL_ZERO;
    if (first == count) {
        *out = value;
        return DIFY_OK;
    }
    /* The first digit stands at 10^high, the last at 10^low. */
    if (parts.integer.len > (size_t)EXPONENT_MAX || count > (size_t)EXPONENT_MAX)
        return DIFY_ERR_TOO_LARGE;
    long high = (long)parts.integer.len - 1 - (long)first + parts.exponent;
    long low = (long)parts.integer.len - (long)count + parts.exponent;
    if (high >= DIFY_DECIMAL_DIGITS || low < -DIFY_DECIMAL_DIGITS)
        return DIFY_ERR_TOO_LARGE;
    for (size_t i = first; i < count; i++)
        set_digit(&value, high - (long)(i - first), digit_at(&parts, i));
    value.negative = parts.negative;
    *out = value;
    return DIFY_OK;
}

static int compare_magnitude(const struct dify_decimal *a, const struct dify_decimal *b)
{
    for (int i = DIFY_DECIMAL_LIMBS - 1; i >= 0; i--)
        if (a->limb[i] != b->limb[i])
            return a->limb[i] < b->limb[i] ? -1 : 1;
    return 0;
}

static void add_magnitude(struct dify_decimal *sum, const struct dify_decimal *term)
{
    uint32_t carry = 0;
    for (int i = 0; i < DIFY_DECIMAL_LIMBS; i++) {
        uint32_t limb = sum->limb[i] + term->limb[i] + carry;
        carry = limb >= LIMB_BASE;
        sum->limb[i] = limb - (carry ? LIMB_BASE : 0);
    }
}

/* *out = |large| - |small|; `large` is not the smaller. */
static void subtract_magnitude(struct dify_decimal *out, const struct dify_decimal *large,
                               const struct dify_decimal *small)
{
    uint32_t borrow = 0;
    for (int i = 0; i < DIFY_DECIMAL_LIMBS; i++) {
        uint32_t take = small->limb[i] + borrow;
        borrow = large->limb[i] < take;
        out->limb[i] = large->limb[i] + (borrow ? LIMB_BASE : 0) - take;
    }
}

static void add_signed(struct dify_decimal *sum, const struct dify_decimal *term, bool negative)
{
    if (sum->negative == negative) {
        add_magnitude(sum, term);
        return;
    }
    int order = compare_magnitude(sum, term);
    if (order == 0) {
        *sum = DIFY_DECIMAL_ZERO;
    } else if (order > 0) {
        subtract_magnitude(sum, sum, term);
    } else {
        subtract_magnitude(sum, term, sum);
        sum->negative = negative;
    }
}

static bool is_zero(const struct dify_decimal *value)
{
    for (int i = 0; i < DIFY_DECIMAL_LIMBS; i++)
        if (value->limb[i] != 0)
            return false;
    return true;
}

void dify_decimal_add(struct dify_decimal *sum, const struct dify_decimal *term)
{
    if (!is_zero(term))
        add_signed(sum, term, term->negative);
}

void dify_decimal_subtract(struct dify_decimal *sum, const struct dify_decimal *term)
{
    if (!is_zero(term))
        add_signed(sum, term, !term->negative);
}

size_t dify_decimal_format(const struct dify_decimal *value, char text[DIFY_DECIMAL_TEXT_BYTES])
{
    char digits[DIFY_DECIMAL_LIMBS * LIMB_DIGITS]; /* the most significant first */
    size_t high = DIFY_DECIMAL_LIMBS - 1, low = 0;
    while (high > DIFY_DECIMAL_FRACTION_LIMBS && value->limb[high] == 0)
        high--;
    while (low < DIFY_DECIMAL_FRACTION_LIMBS && value->limb[low] == 0)
        low++;
    size_t last = (high - low + 1) * LIMB_DIGITS;
    for (size_t at = last, i = low; i <= high; i++) {
        uint32_t limb = value->limb[i];
        for (int j = 0; j < LIMB_DIGITS; j++) {
            digits[--at] = (char)('0' + limb % 10);
            limb /= 10;
        }
    }
    size_t point = (high - DIFY_DECIMAL_FRACTION_LIMBS + 1) * LIMB_DIGITS;
    size_t first = 0;
    while (first < point - 1 && digits[first] == '0')
        first++;
    while (last > point && digits[last - 1] == '0')
        last--;

    size_t len = 0;
    if (value->negative)
        text[len++] = '-';
    memcpy(text + len, digits + first, point - first);
    len += point - first;
    if (last > point) {
        text[len++] = '.';
        memcpy(text + len, digits + point, last - point);
        len += last - point;
    }
    text[len] = '\0';
    return len;
}

bool dify__decimal_is_number(struct dify_slice text)
{
    struct parts ignored;
    return take_apart(text, &ignored);
}

bool dify__decimal_is_plain(struct dify_slice number)
{
    bool has_point = false;
    for (size_t i = 0; i < number.len; i++) {
        if (number.ptr[i] == '.')
            has_point = true;
        else if (number.ptr[i] < '0' || number.ptr[i] > '9')
            return false; /* a sign (which zero may have) or an exponent */
    }
    return !has_point || number.ptr[number.len - 1] != '0';
}
