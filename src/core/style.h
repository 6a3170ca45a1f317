/* SPDX-License-Identifier: Apache-2.0
 *
 * style.h: writing JSON as the several writers inside Dify do, to the byte.
 */
#ifndef DIFY_CORE_STYLE_H
#define DIFY_CORE_STYLE_H

#include "core/memory.h"

#include <yyjson.h>

enum dify__style {
    DIFY__STYLE_RAW,       /* compact, UTF-8 as it is: event streams */
    DIFY__STYLE_ASCII,     /* compact, \uXXXX beyond ASCII, '/' as "\/": most JSON answers */
    DIFY__STYLE_SPACED,    /* ", " and ": ", \uXXXX beyond ASCII: blocking answers, replayed ends */
    DIFY__STYLE_SPACED_RAW /* the same, UTF-8 as it is: the form of a human input */
};

/* Appends a value of a document that was read (its values lie in order; one that was built is
 * copied first, yyjson_mut_doc_imut_copy()). Numbers must have been read as raw texts
 * (YYJSON_READ_NUMBER_AS_RAW) or be integers, else DIFY_ERR_ARGUMENT; they stay as they are. Lone
 * surrogates are taken in their three-byte form and written as escapes, in DIFY__STYLE_RAW too,
 * where Dify itself gives up the event. DIFY_ERR_DEPTH past DIFY_EVENT_DEPTH, NOMEM, TOO_LARGE.
 * What was appended before an error stays. */
DIFY_MUST_CHECK enum dify_err dify__style_value(yyjson_val *value, enum dify__style style,
                                                struct dify__buffer *out);

/* Reads a JSON text (any value) and appends it in the style. DIFY_ERR_JSON if it is none,
 * DIFY_ERR_DEPTH, NOMEM, TOO_LARGE. */
DIFY_MUST_CHECK enum dify_err dify__style_text(struct dify_slice json, enum dify__style style,
                                               struct dify__buffer *out);

/* Appends a string with its quotes; bytes that are no UTF-8 become U+FFFD. */
DIFY_MUST_CHECK enum dify_err dify__style_string(struct dify_slice text, enum dify__style style,
                                                 struct dify__buffer *out);

#endif
