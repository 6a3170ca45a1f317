/* SPDX-License-Identifier: Apache-2.0
 *
 * decimal_text.h: what the core asks of a number's text.
 */
#ifndef DIFY_CORE_DECIMAL_TEXT_H
#define DIFY_CORE_DECIMAL_TEXT_H

#include "difystream/slice.h"

#include <stdbool.h>

/* Whether a text is a number by the grammar of RFC 8259 section 6. False for an absent one. */
bool dify__decimal_is_number(struct dify_slice text);

/* Whether the text of a number already is what dify_decimal_format() would write. */
bool dify__decimal_is_plain(struct dify_slice number);

#endif
