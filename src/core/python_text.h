/* SPDX-License-Identifier: Apache-2.0
 *
 * python_text.h: the few things of Python that show in Dify's answers: how it prints values in
 * messages, what it takes for a number, how it counts characters.
 *
 * Not all of Python: white space and digits beyond ASCII are none here.
 */
#ifndef DIFY_CORE_PYTHON_TEXT_H
#define DIFY_CORE_PYTHON_TEXT_H

#include "core/memory.h"

/* len(): code points; a lone surrogate in its three-byte form is one. */
size_t dify__python_length(struct dify_slice text);

/* str.strip() */
struct dify_slice dify__python_strip(struct dify_slice text);

/* repr() of a string. NOMEM, TOO_LARGE. */
DIFY_MUST_CHECK enum dify_err dify__python_repr_string(struct dify_slice text,
                                                       struct dify__buffer *out);

/* repr() of what a valid JSON text is in Python. Numbers stay as they are written. NOMEM,
 * TOO_LARGE. */
DIFY_MUST_CHECK enum dify_err dify__python_repr(struct dify_slice json, struct dify__buffer *out);

/* int(text), or float(text) if there is a '.' in it: appends the number as JSON. DIFY_ERR_NUMBER if
 * it is none, or one that JSON has no form for; NOMEM, TOO_LARGE. */
DIFY_MUST_CHECK enum dify_err dify__python_number(struct dify_slice text, struct dify__buffer *out);

#endif
