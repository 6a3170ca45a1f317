/* SPDX-License-Identifier: Apache-2.0
 *
 * decimal.h: exact addition of decimal numbers as JSON writes them.
 *
 * Prices and times are added without rounding: 0.1 + 0.2 is 0.3. A number has at most
 * DIFY_DECIMAL_DIGITS value digits on either side of the point; a sum has room for the carries of
 * more additions than a program can make, so adding never fails.
 *
 *     struct dify_decimal sum = DIFY_DECIMAL_ZERO, price;
 *     if (dify_decimal_parse(DIFY_SLICE("1.5e-7"), &price) == DIFY_OK)
 *         dify_decimal_add(&sum, &price);
 *     char text[DIFY_DECIMAL_TEXT_BYTES];
 *     dify_decimal_format(&sum, text);            // "0.00000015"
 *
 * Values are plain structs without pointers; copy them freely. All functions are pure and may be
 * called from any thread.
 */
#ifndef DIFYSTREAM_DECIMAL_H
#define DIFYSTREAM_DECIMAL_H

#include "difystream/error.h"
#include "difystream/export.h"
#include "difystream/slice.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

DIFY_DECLARATIONS_BEGIN

/* Fixed point in limbs of nine decimal digits, the least first: 5 of fraction, 7 of integer. */
#define DIFY_DECIMAL_LIMBS 12
#define DIFY_DECIMAL_FRACTION_LIMBS 5

/* Room for any value as text: sign, 63 + 45 digits, point, NUL. */
#define DIFY_DECIMAL_TEXT_BYTES 112

struct dify_decimal {
    uint32_t limb[DIFY_DECIMAL_LIMBS]; /* magnitude, each limb below 10^9 */
    bool negative;                     /* never of zero */
};

#ifdef __cplusplus
#define DIFY_DECIMAL_ZERO (dify_decimal{{0}, false})
#else
#define DIFY_DECIMAL_ZERO ((struct dify_decimal){{0}, false})
#endif

/* Reads `text`, all of which must be a number by the grammar of RFC 8259 section 6 (no plus sign,
 * no leading zero, no bare point); an exponent is allowed. DIFY_ERR_NUMBER if it is none,
 * DIFY_ERR_TOO_LARGE if it has more value digits than DIFY_DECIMAL_DIGITS before or after the
 * point. `*out` is untouched on error. */
DIFY_API DIFY_MUST_CHECK enum dify_err dify_decimal_parse(struct dify_slice text,
                                                          struct dify_decimal *out);

/* sum += term. */
DIFY_API void dify_decimal_add(struct dify_decimal *sum, const struct dify_decimal *term);

/* sum -= term. */
DIFY_API void dify_decimal_subtract(struct dify_decimal *sum, const struct dify_decimal *term);

/* Writes the value as a plain decimal: no exponent, no zero that could go ("0", "-1.5",
 * "0.0001234"). NUL-terminated. Returns the length without the NUL. */
DIFY_API size_t dify_decimal_format(const struct dify_decimal *value,
                                    char text[DIFY_DECIMAL_TEXT_BYTES]);

DIFY_DECLARATIONS_END

#endif
