/* SPDX-License-Identifier: Apache-2.0
 *
 * form_files.c: Dify's rules for the files among the inputs, as far as they are about the shape of
 * what was given. That an upload is there, and of the type that is said, only the server can tell.
 */
#include "core/form_check.h"
#include "core/hex.h"
#include "core/python_text.h"
#include "core/slices.h"

/* The first member of these names that is a string and not empty; else absent. */
static struct dify_slice first_string(yyjson_val *object, const char *const *keys, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct dify_slice text = dify__value_string(yyjson_obj_get(object, keys[i]));
        if (text.len != 0)
            return text;
    }
    return (struct dify_slice){NULL, 0};
}

/* What Python's uuid takes: 32 hexadecimal digits, however hyphens and braces stand between. */
static bool is_uuid(struct dify_slice text)
{
    size_t digits = 0;
    if (text.len > 9 && memcmp(text.ptr, "urn:uuid:", 9) == 0)
        text = (struct dify_slice){text.ptr + 9, text.len - 9};
    for (size_t i = 0; i < text.len; i++) {
        if (memchr("-{}", text.ptr[i], 3) != NULL)
            continue;
        if (dify__hex_digit(text.ptr[i]) > 15)
            return false;
        digits++;
    }
    return digits == 32;
}

static struct dify_slice url_of(yyjson_val *file)
{
    static const char *const keys[] = {"url", "remote_url"};
    return first_string(file, keys, 2);
}

bool dify__file_is_dropped(yyjson_val *file)
{
    yyjson_val *method = yyjson_obj_get(file, "transfer_method");
    if (!dify__value_is_truthy(method))
        return true;
    return dify__slice_is(dify__value_string(method), "remote_url") && url_of(file).ptr == NULL;
}

/* Where a file comes from; `*name` is what it is called here. */
static enum dify_err check_source(struct dify__check *check, yyjson_val *file,
                                  struct dify_slice method, struct dify_slice *name)
{
    static const char *const ids[] = {"upload_file_id"};
    static const char *const old[] = {"reference", "related_id"};
    struct dify_slice id = first_string(file, ids, 1);
    if (dify__slice_is(method, "tool_file") || dify__slice_is(method, "datasource_file"))
        return DIFY_OK;
    *name = id;
    if (id.ptr != NULL && !is_uuid(id))
        return dify__check_refuse(check, "Invalid upload file id format", dify__slice(""), "");
    if (id.ptr != NULL || first_string(file, old, 2).ptr != NULL)
        return DIFY_OK;
    if (dify__slice_is(method, "local_file"))
        return dify__check_refuse(check, "Invalid upload file id", dify__slice(""), "");
    *name = url_of(file);
    return name->ptr != NULL ? DIFY_OK
                             : dify__check_refuse(check, "Invalid file url", dify__slice(""), "");
}

static bool is_among(struct dify_slice text, const struct dify_slice *texts, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (dify__slice_equals(text, texts[i]))
            return true;
    return false;
}

/* "custom" is judged by the file's name, which is not known here. So are other types where only
 * "custom" is left for them and some extensions are. Of images the method does not matter. */
static bool is_allowed(const struct dify__variable *variable, struct dify_slice type,
                       struct dify_slice method)
{
    bool is_custom = type.ptr == NULL || dify__slice_is(type, "custom");
    bool may_be_custom =
        variable->extension_count > 0 &&
        is_among(DIFY_SLICE("custom"), variable->file_types, variable->file_type_count);
    if (!is_custom && !may_be_custom && variable->file_type_count > 0 &&
        !is_among(type, variable->file_types, variable->file_type_count))
        return false;
    return dify__slice_is(type, "image") || dify__slice_is(method, "datasource_file") ||
           variable->method_count == 0 ||
           is_among(method, variable->methods, variable->method_count);
}

/* The type that a file is said to have, and how it comes. */
static enum dify_err check_file_type(struct dify__check *check,
                                     const struct dify__variable *variable, yyjson_val *file,
                                     struct dify_slice name)
{
    static const char *const types[] = {"image", "document", "audio", "video", "custom"};
    struct dify_slice type = dify__value_string(yyjson_obj_get(file, "type"));
    struct dify_slice method = dify__value_string(yyjson_obj_get(file, "transfer_method"));
    bool is_known = type.len == 0;
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        is_known = is_known || dify__slice_is(type, types[i]);
    if (!is_known) {
        if (variable->type == DIFY__VARIABLE_FILE && check->rules == DIFY__FORM_WORKFLOW)
            return dify__check_refuse(
                check,
                "Detected file type does not match the specified type. Please verify the "
                "file.",
                dify__slice(""), "");
        enum dify_err err = DIFY_OK;
        if (check->message != NULL)
            err = dify__python_repr_string(type, check->message);
        return err == DIFY_OK
                   ? dify__check_refuse(check, " is not a valid FileType", dify__slice(""), "")
                   : err;
    }
    return is_allowed(variable, type, method)
               ? DIFY_OK
               : dify__check_refuse(check, "File validation failed for file: ", name, "");
}

static enum dify_err check_file(struct dify__check *check, const struct dify__variable *variable,
                                yyjson_val *file, struct dify_slice method_json)
{
    static const char *const methods[] = {"local_file", "remote_url", "tool_file",
                                          "datasource_file"};
    struct dify_slice name = {NULL, 0};
    yyjson_val *method = yyjson_obj_get(file, "transfer_method");
    if (!dify__value_is_truthy(method))
        return dify__check_refuse(check, "transfer_method is required in file mapping",
                                  dify__slice(""), "");
    bool is_known = false;
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++)
        is_known = is_known || dify__slice_is(dify__value_string(method), methods[i]);
    if (!is_known)
        return dify__check_refuse_repr(check, method_json, " is not a valid FileTransferMethod");
    enum dify_err err = check_source(check, file, dify__value_string(method), &name);
    if (err != DIFY_OK || dify__slice_is(dify__value_string(method), "tool_file"))
        return err;
    return check_file_type(check, variable, file, name);
}

/* The text of an object's member transfer_method. */
static struct dify_slice method_text(const struct dify__json *json, yyjson_val *object,
                                     struct dify_slice text)
{
    struct dify__members members;
    dify__members_of(&members, json, object, text);
    while (dify__members_next(&members))
        if (dify__slice_is(members.key, "transfer_method"))
            return dify__members_text(&members);
    return dify__slice("null");
}

static void check_one(struct dify__check *check, const struct dify__variable *variable,
                      const struct dify__input *input, yyjson_val *file, struct dify_slice text,
                      enum dify_err *err)
{
    dify__check_begin(check, err);
    if (*err == DIFY_OK)
        *err = check_file(check, variable, file, method_text(input->json, file, text));
    dify__check_end(check, err);
}

static enum dify_err check_files(struct dify__check *check, const struct dify__variable *variable,
                                 const struct dify__input *input)
{
    enum dify_err err = DIFY_OK;
    if (variable->type == DIFY__VARIABLE_FILE) {
        check_one(check, variable, input, input->value, input->text, &err);
        return err;
    }
    struct dify__elements files = dify__json_elements(input->value, input->text);
    while (err == DIFY_OK && dify__elements_next(&files))
        if (!dify__file_is_dropped(files.value))
            check_one(check, variable, input, files.value, files.text, &err);
    return err;
}

enum dify_err dify__check_files(struct dify__check *check, enum dify__variable_type type)
{
    enum dify_err err = DIFY_OK;
    for (size_t i = 0; i < check->form->variable_count && err == DIFY_OK; i++) {
        const struct dify__variable *variable = &check->form->variables[i];
        const struct dify__input *input = &check->inputs[i];
        if (variable->type == type && input->form == AS_GIVEN)
            err = check_files(check, variable, input);
    }
    return err;
}
