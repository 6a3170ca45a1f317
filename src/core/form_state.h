/* SPDX-License-Identifier: Apache-2.0
 *
 * form_state.h: a form as form.c reads it and form_check.c uses it.
 */
#ifndef DIFY_CORE_FORM_STATE_H
#define DIFY_CORE_FORM_STATE_H

#include "core/form.h"
#include "core/json.h"

struct dify__form {
    const struct dify_allocator *allocator;
    char *text;
    struct dify__json json;
    struct dify__variable *variables;
    size_t variable_count, variable_capacity;
    yyjson_val **objects; /* of each variable, as read */
    size_t object_capacity;
    struct dify_slice *strings; /* options and file types of all variables, in their order */
    size_t string_count, string_capacity;
};

#endif
