/* SPDX-License-Identifier: Apache-2.0
 *
 * form_check.c: Dify's rules for the inputs of a run.
 *
 * A check goes over the variables three times, as Dify does: each value by its type; then the files
 * of `file` variables; then those of `file-list` variables. Only then is anything written.
 */
#include "core/form_check.h"

#include "core/json_text.h"
#include "core/python_text.h"
#include "core/slices.h"

/* ---- saying no ------------------------------------------------------------------------------- */

static void say(struct dify__check *check, enum dify_err *err, struct dify_slice text)
{
    if (*err == DIFY_OK && check->message != NULL)
        *err = dify__buffer_append(check->message, text.ptr, text.len);
}

void dify__check_begin(struct dify__check *check, enum dify_err *err)
{
    check->said = check->message != NULL ? check->message->len : 0;
    if (check->faults > 0)
        say(check, err, dify__slice("; "));
}

void dify__check_end(struct dify__check *check, enum dify_err *err)
{
    if (*err == DIFY_OK && check->message != NULL)
        check->message->len = check->said;
    if (*err != DIFY_ERR_ARGUMENT || !check->names_all)
        return;
    check->faults++;
    *err = DIFY_OK;
}

enum dify_err dify__check_refuse(struct dify__check *check, const char *before,
                                 struct dify_slice name, const char *after)
{
    enum dify_err err = DIFY_OK;
    say(check, &err, dify__slice(before));
    say(check, &err, name);
    say(check, &err, dify__slice(after));
    return err == DIFY_OK ? DIFY_ERR_ARGUMENT : err;
}

static enum dify_err refuse_length(struct dify__check *check, const struct dify__variable *variable,
                                   const char *unit)
{
    char digits[20];
    size_t len = dify__format_uint(variable->max_length, digits);
    enum dify_err err =
        dify__check_refuse(check, "", variable->name, " in input form must be less than ");
    if (err == DIFY_ERR_ARGUMENT)
        err = dify__check_refuse(check, "", (struct dify_slice){digits, len}, unit);
    return err;
}

static enum dify_err refuse_option(struct dify__check *check, const struct dify__variable *variable)
{
    enum dify_err err = dify__check_refuse(check, "", variable->name,
                                           " in input form must be one of the following: [");
    for (size_t i = 0; i < variable->option_count && err == DIFY_ERR_ARGUMENT; i++) {
        enum dify_err said = DIFY_OK;
        if (i != 0)
            say(check, &said, dify__slice(", "));
        if (said == DIFY_OK && check->message != NULL)
            said = dify__python_repr_string(variable->options[i], check->message);
        if (said != DIFY_OK)
            err = said;
    }
    return err == DIFY_ERR_ARGUMENT ? dify__check_refuse(check, "]", dify__slice(""), "") : err;
}

enum dify_err dify__check_refuse_repr(struct dify__check *check, struct dify_slice json,
                                      const char *after)
{
    enum dify_err err = DIFY_OK;
    if (check->message != NULL)
        err = dify__python_repr(json, check->message);
    return err == DIFY_OK ? dify__check_refuse(check, after, dify__slice(""), "") : err;
}

/* ---- values ---------------------------------------------------------------------------------- */

static bool is_empty_string(yyjson_val *value)
{
    return yyjson_is_str(value) && unsafe_yyjson_get_len(value) == 0;
}

/* A number of Python, of which its booleans are some. Large ones are raw texts here. */
static bool is_number(yyjson_val *value)
{
    return yyjson_is_num(value) || yyjson_is_raw(value) || yyjson_is_bool(value);
}

static enum dify_err check_text(struct dify__check *check, const struct dify__variable *variable,
                                struct dify__input *input)
{
    struct dify_slice text = dify__value_string(input->value);
    if (variable->max_length != 0 && dify__python_length(text) > variable->max_length)
        return refuse_length(check, variable, " characters");
    return DIFY_OK;
}

static enum dify_err check_select(struct dify__check *check, const struct dify__variable *variable,
                                  struct dify__input *input)
{
    for (size_t i = 0; i < variable->option_count; i++)
        if (dify__slice_equals(dify__value_string(input->value), variable->options[i]))
            return DIFY_OK;
    return refuse_option(check, variable);
}

static enum dify_err check_number(struct dify__check *check, const struct dify__variable *variable,
                                  struct dify__input *input)
{
    if (is_number(input->value))
        return DIFY_OK;
    if (!yyjson_is_str(input->value)) {
        bool is_array = yyjson_is_arr(input->value);
        enum dify_err err =
            dify__check_refuse(check, "expected value type int, float or str, got <class '",
                               dify__slice(is_array ? "list" : "dict"), "'>, value: ");
        return err == DIFY_ERR_ARGUMENT ? dify__check_refuse_repr(check, input->text, "") : err;
    }
    struct dify_slice text = dify__value_string(input->value);
    if (dify__python_strip(text).len == 0) {
        input->form = AS_NULL;
        return DIFY_OK;
    }
    input->form = AS_NUMBER;
    input->number_at = check->numbers.len;
    enum dify_err err = dify__python_number(text, &check->numbers);
    input->number_len = check->numbers.len - input->number_at;
    return err == DIFY_ERR_NUMBER ? dify__check_refuse(check, "", variable->name,
                                                       " in input form must be a valid number")
                                  : err;
}

/* Whether `text` is one of four words of a checkbox, whatever their case and the space around. */
static bool is_one_of(struct dify_slice text, const char *const words[4])
{
    text = dify__python_strip(text);
    for (size_t i = 0; i < 4; i++) {
        size_t at = 0;
        while (at < text.len && words[i][at] != '\0') {
            char c = text.ptr[at];
            char lower = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
            if (lower != words[i][at])
                break;
            at++;
        }
        if (at == text.len && words[i][at] == '\0')
            return true;
    }
    return false;
}

/* What is neither true nor false for Dify stays what it is. */
static void convert_checkbox(struct dify__input *input)
{
    static const char *const yes[4] = {"true", "1", "yes", "on"};
    static const char *const no[4] = {"false", "0", "no", "off"};
    yyjson_val *value = input->value;
    struct dify_slice text = dify__value_string(value);
    if (text.ptr != NULL ? is_one_of(text, yes)
                         : yyjson_is_num(value) && yyjson_get_num(value) == 1)
        input->form = AS_TRUE;
    else if (text.ptr != NULL ? is_one_of(text, no)
                              : yyjson_is_num(value) && yyjson_get_num(value) == 0)
        input->form = AS_FALSE;
}

/* Whether an array holds objects: all of them, or any. */
static bool holds_objects(yyjson_val *array, bool all)
{
    size_t index, max;
    yyjson_val *value;
    yyjson_arr_foreach(array, index, max, value)
    {
        if (yyjson_is_obj(value) != all)
            return !all;
    }
    return all;
}

static enum dify_err check_file_list(struct dify__check *check,
                                     const struct dify__variable *variable,
                                     struct dify__input *input)
{
    if (!yyjson_is_arr(input->value) || !holds_objects(input->value, true))
        return dify__check_refuse(check, "", variable->name,
                                  " in input form must be a list of files");
    if (variable->max_length != 0 && yyjson_arr_size(input->value) > variable->max_length)
        return refuse_length(check, variable, " files");
    return DIFY_OK;
}

static enum dify_err refuse_no_string(struct dify__check *check,
                                      const struct dify__variable *variable)
{
    static const char *const types[] = {"text-input", "paragraph", "select"};
    enum dify_err err =
        dify__check_refuse(check, "(type '", dify__slice(types[variable->type]), "') ");
    return err == DIFY_ERR_ARGUMENT
               ? dify__check_refuse(check, "", variable->name, " in input form must be a string")
               : err;
}

static enum dify_err check_value(struct dify__check *check, const struct dify__variable *variable,
                                 struct dify__input *input)
{
    yyjson_val *value = input->value;
    bool is_file = variable->type == DIFY__VARIABLE_FILE || variable->type == DIFY__VARIABLE_FILES;
    if (is_file && !variable->is_required && is_empty_string(value)) {
        input->form = AS_NULL;
        return DIFY_OK;
    }
    if (variable->type <= DIFY__VARIABLE_SELECT && !yyjson_is_str(value))
        return refuse_no_string(check, variable);
    switch (variable->type) {
    case DIFY__VARIABLE_TEXT:
    case DIFY__VARIABLE_PARAGRAPH:
        return check_text(check, variable, input);
    case DIFY__VARIABLE_SELECT:
        return check_select(check, variable, input);
    case DIFY__VARIABLE_NUMBER:
        return check_number(check, variable, input);
    case DIFY__VARIABLE_CHECKBOX:
        convert_checkbox(input);
        return DIFY_OK;
    case DIFY__VARIABLE_JSON:
        if (dify__value_is_truthy(value) && !yyjson_is_obj(value))
            return dify__check_refuse(check, "", variable->name, " in input form must be a dict");
        return DIFY_OK;
    case DIFY__VARIABLE_FILE:
        if (!yyjson_is_obj(value))
            return dify__check_refuse(check, "", variable->name, " in input form must be a file");
        return DIFY_OK;
    case DIFY__VARIABLE_FILES:
        return check_file_list(check, variable, input);
    case DIFY__VARIABLE_UNKNOWN:
        break;
    }
    return DIFY_OK;
}

/* ---- all of them ----------------------------------------------------------------------------- */

/* What was given for each variable; of several members of one name the last counts. */
static void take_inputs(struct dify__check *check)
{
    struct dify__members members;
    dify__members_of_root(&members, &check->json);
    while (dify__members_next(&members)) {
        bool is_null = yyjson_is_null(members.value);
        for (size_t i = 0; i < check->form->variable_count; i++) {
            struct dify__input *input = &check->inputs[i];
            if (!dify__slice_equals(members.key, check->form->variables[i].name))
                continue;
            input->value = is_null ? NULL : members.value;
            input->text = dify__members_text(&members);
            input->json = &check->json;
        }
    }
}

static enum dify_err check_variable(struct dify__check *check, size_t i)
{
    const struct dify__form *form = check->form;
    const struct dify__variable *variable = &form->variables[i];
    struct dify__input *input = &check->inputs[i];
    if (input->value == NULL) {
        if (variable->is_required)
            return dify__check_refuse(check, "", variable->name, " is required in input form");
        if (variable->default_value.ptr == NULL)
            return DIFY_OK;
        input->value = yyjson_obj_get(form->objects[i], "default");
        input->text = variable->default_value;
        input->json = &form->json;
    }
    input->form = AS_GIVEN;
    return check_value(check, variable, input);
}

/* Objects, and lists of them, that came through a checkbox. */
static enum dify_err refuse_objects(struct dify__check *check, bool in_lists)
{
    enum dify_err err = DIFY_OK;
    for (size_t i = 0; i < check->form->variable_count; i++) {
        const struct dify__variable *variable = &check->form->variables[i];
        const struct dify__input *input = &check->inputs[i];
        bool is_meant = in_lists ? yyjson_is_arr(input->value) && holds_objects(input->value, false)
                                 : yyjson_is_obj(input->value);
        if (variable->type != DIFY__VARIABLE_CHECKBOX || !is_meant)
            continue;
        enum dify_err said = DIFY_OK;
        say(check, &said, dify__slice(err == DIFY_OK ? "Invalid input type for [" : ", "));
        if (said == DIFY_OK && check->message != NULL)
            said = dify__python_repr_string(variable->name, check->message);
        if (said != DIFY_OK)
            return said;
        err = DIFY_ERR_ARGUMENT;
    }
    return err == DIFY_ERR_ARGUMENT ? dify__check_refuse(check, "]", dify__slice(""), "") : err;
}

static void check_values(struct dify__check *check, enum dify_err *err)
{
    for (size_t i = 0; i < check->form->variable_count && *err == DIFY_OK; i++) {
        dify__check_begin(check, err);
        if (*err == DIFY_OK)
            *err = check_variable(check, i);
        if (*err == DIFY_ERR_ARGUMENT)
            check->inputs[i].form = AS_NULL; /* it holds no files that could be looked at */
        dify__check_end(check, err);
    }
}

static void check_objects(struct dify__check *check, bool in_lists, enum dify_err *err)
{
    dify__check_begin(check, err);
    if (*err == DIFY_OK)
        *err = refuse_objects(check, in_lists);
    dify__check_end(check, err);
}

static enum dify_err check_all(struct dify__check *check)
{
    enum dify_err err = DIFY_OK;
    check_values(check, &err);
    if (err == DIFY_OK)
        err = dify__check_files(check, DIFY__VARIABLE_FILE);
    if (err == DIFY_OK)
        err = dify__check_files(check, DIFY__VARIABLE_FILES);
    if (err == DIFY_OK)
        check_objects(check, false, &err);
    if (err == DIFY_OK)
        check_objects(check, true, &err);
    return err == DIFY_OK && check->faults > 0 ? DIFY_ERR_ARGUMENT : err;
}

/* ---- what the run gets ----------------------------------------------------------------------- */

/* A string without its NULs. `room` is for it. */
static enum dify_err write_string(struct dify__writer *writer, struct dify_slice text,
                                  struct dify__buffer *room)
{
    enum dify_err err = DIFY_OK;
    room->len = 0;
    for (size_t i = 0; i < text.len && err == DIFY_OK; i++)
        if (text.ptr[i] != '\0')
            err = dify__buffer_append(room, &text.ptr[i], 1);
    if (err == DIFY_OK)
        dify__write_string(writer, dify__buffer_slice(room));
    return err;
}

static void write_files(struct dify__writer *writer, const struct dify__input *input)
{
    struct dify__elements files = dify__json_elements(input->value, input->text);
    dify__write_open(writer, '[');
    while (dify__elements_next(&files)) {
        if (dify__file_is_dropped(files.value))
            continue;
        dify__write_element(writer);
        dify__write_json(writer, files.text);
    }
    dify__write_close(writer, ']');
}

static enum dify_err write_input(struct dify__writer *writer, const struct dify__check *check,
                                 size_t i, struct dify__buffer *room)
{
    const struct dify__input *input = &check->inputs[i];
    dify__write_key_text(writer, check->form->variables[i].name);
    if (input->form == AS_NULL)
        dify__write_null(writer);
    else if (input->form == AS_NUMBER)
        dify__write_number(
            writer, (struct dify_slice){check->numbers.ptr + input->number_at, input->number_len});
    else if (input->form != AS_GIVEN)
        dify__write_bool(writer, input->form == AS_TRUE);
    else if (yyjson_is_str(input->value))
        return write_string(writer, dify__value_string(input->value), room);
    else if (check->form->variables[i].type == DIFY__VARIABLE_FILES)
        write_files(writer, input);
    else
        dify__write_json(writer, input->text);
    return DIFY_OK;
}

static enum dify_err write_prepared(const struct dify__check *check, struct dify__buffer *prepared)
{
    struct dify__writer writer;
    struct dify__buffer room = {.allocator = check->form->allocator, .max = SIZE_MAX / 2};
    size_t before = prepared->len;
    enum dify_err err = DIFY_OK;
    dify__writer_init(&writer, DIFY_JSON_COMPACT, dify__write_to_buffer, prepared);
    dify__write_open(&writer, '{');
    for (size_t i = 0; i < check->form->variable_count && err == DIFY_OK; i++)
        err = write_input(&writer, check, i, &room);
    dify__write_close(&writer, '}');
    enum dify_err written = dify__writer_finish(&writer);
    if (err == DIFY_OK)
        err = written;
    if (err != DIFY_OK)
        prepared->len = before;
    dify__buffer_fini(&room);
    return err;
}

static enum dify_err check_form(const struct dify__form *form, enum dify__form_rules rules,
                                bool names_all, struct dify_slice inputs,
                                struct dify__buffer *prepared, struct dify__buffer *message)
{
    struct dify__check check = {
        .rules = rules, .form = form, .message = message, .names_all = names_all};
    size_t said = message != NULL ? message->len : 0;
    dify__json_init(&check.json, form->allocator);
    check.numbers = (struct dify__buffer){.allocator = form->allocator, .max = SIZE_MAX / 2};
    enum dify_err err = dify__json_read(&check.json, inputs);
    if (err == DIFY_OK) {
        check.inputs =
            dify__calloc(form->allocator, (form->variable_count + 1) * sizeof *check.inputs);
        err = check.inputs != NULL ? DIFY_OK : DIFY_ERR_NOMEM;
    }
    if (err == DIFY_OK) {
        take_inputs(&check);
        err = check_all(&check);
    }
    if (err == DIFY_OK && prepared != NULL)
        err = write_prepared(&check, prepared);
    if (err != DIFY_ERR_ARGUMENT && message != NULL)
        message->len = said; /* half a message is none */
    dify__free(form->allocator, check.inputs);
    dify__buffer_fini(&check.numbers);
    dify__json_fini(&check.json);
    return err;
}

enum dify_err dify__form_check(const struct dify__form *form, enum dify__form_rules rules,
                               struct dify_slice inputs, struct dify__buffer *prepared,
                               struct dify__buffer *message)
{
    return check_form(form, rules, false, inputs, prepared, message);
}

enum dify_err dify__form_faults(const struct dify__form *form, enum dify__form_rules rules,
                                struct dify_slice inputs, struct dify__buffer *message)
{
    return check_form(form, rules, true, inputs, NULL, message);
}
