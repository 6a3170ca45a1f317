/* SPDX-License-Identifier: Apache-2.0
 *
 * form.c: reading an app's input form. What it is good for is in form_check.c.
 *
 * The form keeps its text and the reader that decoded it: names and options are slices of these.
 */
#include "core/form.h"

#include "core/form_state.h"
#include "core/slices.h"

static enum dify__variable_type type_of(struct dify_slice name)
{
    static const char *const names[] = {"text-input", "paragraph",   "select", "number",
                                        "checkbox",   "json_object", "file",   "file-list"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (dify__slice_is(name, names[i]))
            return (enum dify__variable_type)i;
    return DIFY__VARIABLE_UNKNOWN;
}

/* Keeps the strings of an array (what else stands in it is no option); their number in `*count`. */
static enum dify_err keep_strings(struct dify__form *form, yyjson_val *array, size_t *count)
{
    size_t index, max;
    yyjson_val *value;
    *count = 0;
    yyjson_arr_foreach(array, index, max, value)
    {
        if (!yyjson_is_str(value))
            continue;
        void *strings = form->strings;
        enum dify_err err = dify__grow(form->allocator, &strings, &form->string_capacity,
                                       form->string_count + 1, sizeof *form->strings);
        if (err != DIFY_OK)
            return err;
        form->strings = strings;
        form->strings[form->string_count++] =
            (struct dify_slice){unsafe_yyjson_get_str(value), unsafe_yyjson_get_len(value)};
        (*count)++;
    }
    return DIFY_OK;
}

/* The member `key` of an object; NULL where there is none. */
static yyjson_val *find(yyjson_val *object, const char *key)
{
    return yyjson_obj_get(object, key);
}

static struct dify_slice string_of(yyjson_val *object, const char *key)
{
    yyjson_val *value = find(object, key);
    if (!yyjson_is_str(value))
        return (struct dify_slice){NULL, 0};
    return (struct dify_slice){unsafe_yyjson_get_str(value), unsafe_yyjson_get_len(value)};
}

/* The default's text, absent for null. */
static struct dify_slice default_of(const struct dify__form *form, yyjson_val *object,
                                    struct dify_slice text)
{
    struct dify__members members;
    dify__members_of(&members, &form->json, object, text);
    while (dify__members_next(&members))
        if (dify__slice_is(members.key, "default") && !yyjson_is_null(members.value))
            return dify__members_text(&members);
    return (struct dify_slice){NULL, 0};
}

/* A variable: its type's name and what stands behind. One without a name is left out, and what a
 * tool of a chat or completion app finds out by itself, which is no input though it is listed as
 * one, mostly as required. */
static enum dify_err add_variable(struct dify__form *form, struct dify_slice type,
                                  yyjson_val *object, struct dify_slice text)
{
    struct dify__variable variable = {.name = string_of(object, "variable")};
    if (variable.name.ptr == NULL || dify__slice_is(type, "external_data_tool"))
        return DIFY_OK;
    void *variables = form->variables;
    enum dify_err err = dify__grow(form->allocator, &variables, &form->variable_capacity,
                                   form->variable_count + 1, sizeof variable);
    if (err != DIFY_OK)
        return err;
    form->variables = variables;
    void *objects = form->objects;
    err = dify__grow(form->allocator, &objects, &form->object_capacity, form->variable_count + 1,
                     sizeof *form->objects);
    if (err != DIFY_OK)
        return err;
    form->objects = objects;
    form->objects[form->variable_count] = object;
    variable.label = string_of(object, "label");
    variable.type = type_of(type);
    variable.is_required = yyjson_is_true(find(object, "required"));
    variable.max_length = yyjson_get_uint(find(object, "max_length"));
    variable.default_value = default_of(form, object, text);
    err = keep_strings(form, find(object, "options"), &variable.option_count);
    if (err == DIFY_OK)
        err = keep_strings(form, find(object, "allowed_file_types"), &variable.file_type_count);
    if (err == DIFY_OK)
        err =
            keep_strings(form, find(object, "allowed_file_extensions"), &variable.extension_count);
    if (err == DIFY_OK)
        err =
            keep_strings(form, find(object, "allowed_file_upload_methods"), &variable.method_count);
    if (err == DIFY_OK)
        form->variables[form->variable_count++] = variable;
    return err;
}

/* user_input_form: an array of objects with one member, type and variable. */
static enum dify_err read_list(struct dify__form *form, yyjson_val *list, struct dify_slice text)
{
    struct dify__elements elements = dify__json_elements(list, text);
    enum dify_err err = DIFY_OK;
    while (err == DIFY_OK && dify__elements_next(&elements)) {
        struct dify__members members;
        dify__members_of(&members, &form->json, elements.value, elements.text);
        if (yyjson_is_obj(elements.value) && dify__members_next(&members))
            err = add_variable(form, members.key, members.value, dify__members_text(&members));
    }
    return err;
}

static enum dify_err read_form(struct dify__form *form)
{
    struct dify__members members;
    dify__members_of_root(&members, &form->json);
    while (dify__members_next(&members))
        if (dify__slice_is(members.key, "user_input_form") && yyjson_is_arr(members.value))
            return read_list(form, members.value, dify__members_text(&members));
    return DIFY_OK;
}

static const struct dify_slice *take_strings(const struct dify_slice **at, size_t count)
{
    const struct dify_slice *taken = count != 0 ? *at : NULL;
    *at = *at != NULL ? *at + count : NULL;
    return taken;
}

/* Now that the strings no longer move. */
static void point_to_strings(struct dify__form *form)
{
    const struct dify_slice *at = form->strings;
    for (size_t i = 0; i < form->variable_count; i++) {
        struct dify__variable *variable = &form->variables[i];
        variable->options = take_strings(&at, variable->option_count);
        variable->file_types = take_strings(&at, variable->file_type_count);
        variable->extensions = take_strings(&at, variable->extension_count);
        variable->methods = take_strings(&at, variable->method_count);
    }
}

enum dify_err dify__form_new(const struct dify_allocator *allocator, struct dify_slice parameters,
                             struct dify__form **form)
{
    allocator = dify__allocator(allocator);
    struct dify__form *made = dify__calloc(allocator, sizeof *made);
    if (made == NULL)
        return DIFY_ERR_NOMEM;
    made->allocator = allocator;
    dify__json_init(&made->json, allocator);
    enum dify_err err = DIFY_OK;
    made->text = dify__malloc(allocator, parameters.len != 0 ? parameters.len : 1);
    if (made->text == NULL)
        err = DIFY_ERR_NOMEM;
    else if (parameters.len != 0)
        memcpy(made->text, parameters.ptr, parameters.len);
    if (err == DIFY_OK)
        err = dify__json_read(&made->json, (struct dify_slice){made->text, parameters.len});
    if (err == DIFY_OK)
        err = read_form(made);
    if (err != DIFY_OK) {
        dify__form_free(made);
        return err;
    }
    point_to_strings(made);
    *form = made;
    return DIFY_OK;
}

void dify__form_free(struct dify__form *form)
{
    if (form == NULL)
        return;
    dify__free(form->allocator, form->variables);
    dify__free(form->allocator, form->objects);
    dify__free(form->allocator, form->strings);
    dify__json_fini(&form->json);
    dify__free(form->allocator, form->text);
    dify__free(form->allocator, form);
}

const struct dify__variable *dify__form_variables(const struct dify__form *form, size_t *count)
{
    *count = form->variable_count;
    return form->variables;
}
