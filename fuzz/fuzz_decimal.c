/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_decimal.c: dify_decimal_* against arithmetic on single digits.
 *
 * The input is terms, each ended by a newline (add) or a comma (subtract).
 */
#include "fuzz.h"

#include "difystream/decimal.h"
#include "difystream/limits.h"

/* Digits of the reference, place 0 being 10^-LOW. */
#define LOW 45
#define HIGH 63
#define PLACES (LOW + HIGH)

struct digits {
    int at[PLACES]; /* 0 to 9, the least significant first */
    bool negative;
};

/* ---- the grammar of RFC 8259 section 6, as a table of states --------------------------------- */

enum state { START, MINUS, ZERO, WHOLE, POINT, FRACTION, EXP, EXP_SIGN, EXP_DIGITS, BAD };

static enum state next_state(enum state state, char c)
{
    bool is_digit = c >= '0' && c <= '9';
    switch (state) {
    case START:
        if (c == '-')
            return MINUS;
        return c == '0' ? ZERO : is_digit ? WHOLE : BAD;
    case MINUS:
        return c == '0' ? ZERO : is_digit ? WHOLE : BAD;
    case ZERO:
        return c == '.' ? POINT : c == 'e' || c == 'E' ? EXP : BAD;
    case WHOLE:
        return is_digit ? WHOLE : c == '.' ? POINT : c == 'e' || c == 'E' ? EXP : BAD;
    case POINT:
        return is_digit ? FRACTION : BAD;
    case FRACTION:
        return is_digit ? FRACTION : c == 'e' || c == 'E' ? EXP : BAD;
    case EXP:
        return is_digit ? EXP_DIGITS : c == '+' || c == '-' ? EXP_SIGN : BAD;
    case EXP_SIGN:
    case EXP_DIGITS:
        return is_digit ? EXP_DIGITS : BAD;
    case BAD:
        break;
    }
    return BAD;
}

/* The number in `text`, digit by digit. */
static enum dify_err slow_parse(struct dify_slice text, struct digits *out)
{
    enum state state = START;
    long long exponent = 0;
    bool is_small = false;
    long long whole_digits = 0;
    for (size_t i = 0; i < text.len; i++) {
        state = next_state(state, text.ptr[i]);
        if (state == ZERO || state == WHOLE)
            whole_digits++;
        if (state == EXP_SIGN)
            is_small = text.ptr[i] == '-';
        if (state == EXP_DIGITS && exponent < 1000000000000)
            exponent = exponent * 10 + (text.ptr[i] - '0');
    }
    if (state != ZERO && state != WHOLE && state != FRACTION && state != EXP_DIGITS)
        return DIFY_ERR_NUMBER;
    struct digits value = {{0}, false};
    bool is_zero = true;
    long long place = whole_digits - 1 + (is_small ? -exponent : exponent);
    for (size_t i = 0; i < text.len && text.ptr[i] != 'e' && text.ptr[i] != 'E'; i++) {
        if (text.ptr[i] == '-' || text.ptr[i] == '.')
            continue;
        if (text.ptr[i] != '0') {
            if (place >= DIFY_DECIMAL_DIGITS || place < -DIFY_DECIMAL_DIGITS)
                return DIFY_ERR_TOO_LARGE;
            value.at[place + LOW] = text.ptr[i] - '0';
            is_zero = false;
        }
        place--;
    }
    value.negative = !is_zero && text.ptr[0] == '-';
    *out = value;
    return DIFY_OK;
}

/* sum += term, digit by digit; of two signs the digits differ by -9 to 9, so that the first one
 * that is not 0 has the sign of the whole. */
static void slow_add(struct digits *sum, const struct digits *term, bool subtract)
{
    int first = 0;
    bool negative = term->negative != subtract;
    for (int i = 0; i < PLACES; i++) {
        sum->at[i] =
            (sum->negative ? -sum->at[i] : sum->at[i]) + (negative ? -term->at[i] : term->at[i]);
        if (sum->at[i] != 0)
            first = sum->at[i];
    }
    sum->negative = first < 0;
    for (int i = 0; sum->negative && i < PLACES; i++)
        sum->at[i] = -sum->at[i];
    for (int i = 0; i < PLACES - 1; i++) {
        while (sum->at[i] < 0) {
            sum->at[i] += 10;
            sum->at[i + 1]--;
        }
        while (sum->at[i] > 9) {
            sum->at[i] -= 10;
            sum->at[i + 1]++;
        }
    }
}

/* Writes the digits; whether all are within DIFY_DECIMAL_DIGITS on both sides of the point. */
static bool slow_format(const struct digits *value, char text[DIFY_DECIMAL_TEXT_BYTES])
{
    int top = PLACES - 1, bottom = 0;
    char *to = text;
    while (top > LOW && value->at[top] == 0)
        top--;
    while (bottom < LOW && value->at[bottom] == 0)
        bottom++;
    if (value->negative)
        *to++ = '-';
    for (int i = top; i >= bottom; i--) {
        if (i == LOW - 1)
            *to++ = '.';
        *to++ = (char)('0' + value->at[i]);
    }
    *to = '\0';
    return top - LOW < DIFY_DECIMAL_DIGITS && LOW - bottom <= DIFY_DECIMAL_DIGITS;
}

/* ---- the target ------------------------------------------------------------------------------ */

static void check_format(const struct dify_decimal *value, const struct digits *slow)
{
    char text[DIFY_DECIMAL_TEXT_BYTES], expected[DIFY_DECIMAL_TEXT_BYTES];
    memset(text, 'x', sizeof text);
    size_t len = dify_decimal_format(value, text);
    bool is_readable = slow_format(slow, expected);
    FUZZ_REQUIRE(len < sizeof text && text[len] == '\0' && strlen(text) == len, "the length");
    FUZZ_REQUIRE(strcmp(text, expected) == 0, "the text against the reference's");

    struct dify_decimal again;
    enum dify_err err = dify_decimal_parse((struct dify_slice){text, len}, &again);
    FUZZ_REQUIRE(err == (is_readable ? DIFY_OK : DIFY_ERR_TOO_LARGE), "what it writes it reads");
    if (err == DIFY_OK)
        FUZZ_REQUIRE(memcmp(again.limb, value->limb, sizeof again.limb) == 0 &&
                         again.negative == value->negative,
                     "and reads as the same value");
}

static void check_inverse(const struct dify_decimal *before, const struct dify_decimal *after,
                          const struct dify_decimal *term, bool subtract)
{
    struct dify_decimal back = *after;
    if (subtract)
        dify_decimal_add(&back, term);
    else
        dify_decimal_subtract(&back, term);
    FUZZ_REQUIRE(memcmp(back.limb, before->limb, sizeof back.limb) == 0 &&
                     back.negative == before->negative,
                 "adding and taking away again changes nothing");
}

static void take_term(struct dify_slice text, bool subtract, struct dify_decimal *sum,
                      struct digits *slow_sum)
{
    struct digits slow;
    struct dify_decimal term, untouched;
    memset(&term, 0x5A, sizeof term);
    memcpy(&untouched, &term, sizeof term);
    enum dify_err expected = slow_parse(text, &slow);
    char *exact = fuzz_piece((const uint8_t *)text.ptr, text.len);
    enum dify_err err = dify_decimal_parse((struct dify_slice){exact, text.len}, &term);
    free(exact);
    FUZZ_REQUIRE(err == expected, "what is read and what is refused");
    if (err != DIFY_OK) {
        FUZZ_REQUIRE(memcmp(&term, &untouched, sizeof term) == 0, "untouched on error");
        return;
    }
    check_format(&term, &slow);
    struct dify_decimal before = *sum;
    if (subtract)
        dify_decimal_subtract(sum, &term);
    else
        dify_decimal_add(sum, &term);
    slow_add(slow_sum, &slow, subtract);
    check_format(sum, slow_sum);
    check_inverse(&before, sum, &term, subtract);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct dify_decimal sum = DIFY_DECIMAL_ZERO;
    struct digits slow_sum = {{0}, false};
    const char *text = (const char *)bytes;
    size_t start = 0;
    for (size_t i = 0; i <= len; i++) {
        if (i < len && text[i] != '\n' && text[i] != ',')
            continue;
        take_term((struct dify_slice){len != 0 ? text + start : "", i - start},
                  i < len && text[i] == ',', &sum, &slow_sum);
        start = i + 1;
    }
    return 0;
}
