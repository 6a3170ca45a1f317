/* SPDX-License-Identifier: Apache-2.0
 *
 * form_check.h: one check of inputs under way, between form_check.c and form_files.c.
 */
#ifndef DIFY_CORE_FORM_CHECK_H
#define DIFY_CORE_FORM_CHECK_H

#include "core/form_state.h"

/* A variable's value: what was given for it, or its default. */
struct dify__input {
    yyjson_val *value;             /* NULL: neither, or null */
    struct dify_slice text;        /* as JSON */
    const struct dify__json *json; /* where both stand */
    size_t number_at; /* a number that was a string: its text in `numbers`, and its length */
    size_t number_len;
    enum { AS_NULL, AS_GIVEN, AS_NUMBER, AS_TRUE, AS_FALSE } form;
};

struct dify__check {
    enum dify__form_rules rules;
    const struct dify__form *form;
    struct dify__input *inputs; /* one for each variable */
    struct dify__json json;     /* the inputs */
    struct dify__buffer numbers;
    struct dify__buffer *message;
    bool names_all; /* faults, not only the first one */
    size_t faults;  /* named so far */
    size_t said;    /* of the message, before what is checked now */
};

/* The value if it is a string, decoded; else absent. */
static inline struct dify_slice dify__value_string(yyjson_val *value)
{
    if (!yyjson_is_str(value))
        return (struct dify_slice){NULL, 0};
    return (struct dify_slice){unsafe_yyjson_get_str(value), unsafe_yyjson_get_len(value)};
}

/* bool(value) */
static inline bool dify__value_is_truthy(yyjson_val *value)
{
    if (yyjson_is_ctn(value) || yyjson_is_str(value))
        return unsafe_yyjson_get_len(value) != 0;
    if (yyjson_is_num(value))
        return yyjson_get_num(value) != 0;
    return yyjson_is_raw(value) || yyjson_is_true(value);
}

/* Around each thing that is checked, with what came of it. Where all faults are named, a refusal is
 * counted, and is none any more. */
void dify__check_begin(struct dify__check *check, enum dify_err *err);
void dify__check_end(struct dify__check *check, enum dify_err *err);

/* The refusal: DIFY_ERR_ARGUMENT with the three texts appended to the message. NOMEM, TOO_LARGE. */
DIFY_MUST_CHECK enum dify_err dify__check_refuse(struct dify__check *check, const char *before,
                                                 struct dify_slice name, const char *after);

/* The same with a JSON value as Python prints it, and a text. */
DIFY_MUST_CHECK enum dify_err dify__check_refuse_repr(struct dify__check *check,
                                                      struct dify_slice json, const char *after);

/* What all variables of a type that holds files were given. */
DIFY_MUST_CHECK enum dify_err dify__check_files(struct dify__check *check,
                                                enum dify__variable_type type);

/* Whether Dify drops an element of a file list without a word. */
bool dify__file_is_dropped(yyjson_val *file);

#endif
