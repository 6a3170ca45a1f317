/* SPDX-License-Identifier: Apache-2.0
 *
 * inputs.c: see inputs.h.
 */
#include "client/inputs.h"

#include "client/app.h"
#include "client/media.h"
#include "client/words.h"
#include "core/json.h"
#include "core/json_text.h"
#include "core/slices.h"
#include "core/utf8.h"

#include <strings.h>

/* Ceiling of a file's name in an address; a longer one says nothing. */
#define URL_NAME_BYTES 256

/* ---- copying an order ---------------------------------------------------------------------- */

static enum dify_err dup_slice(const struct dify_allocator *allocator, struct dify_slice text,
                               char **out)
{
    char *copy = dify__malloc(allocator, text.len + 1);
    if (copy == NULL)
        return DIFY_ERR_NOMEM;
    if (text.len > 0)
        memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    *out = copy;
    return DIFY_OK;
}

static enum dify_err copy_json(struct dify__inputs *inputs, struct dify_slice given)
{
    struct dify__json json;
    struct dify_slice text = given.ptr != NULL ? given : DIFY_SLICE("{}");
    dify__json_init(&json, inputs->allocator);
    enum dify_err err = dify__json_read(&json, text);
    dify__json_fini(&json);
    if (err == DIFY_OK)
        err = dup_slice(inputs->allocator, text, &inputs->json);
    inputs->json_len = text.len;
    return err;
}

static enum dify_err copy_fields(struct dify__inputs *inputs, const struct dify_order *order)
{
    enum dify_err err = DIFY_OK;
    if (order->field_count == 0)
        return DIFY_OK;
    inputs->fields = dify__calloc(inputs->allocator, order->field_count * sizeof *inputs->fields);
    if (inputs->fields == NULL)
        return DIFY_ERR_NOMEM;
    inputs->field_count = order->field_count;
    for (size_t i = 0; i < order->field_count && err == DIFY_OK; i++) {
        const struct dify_field *field = &order->fields[i];
        if (field->name == NULL || *field->name == '\0')
            return DIFY_ERR_ARGUMENT;
        err = dify__dup(inputs->allocator, field->name, &inputs->fields[i].name);
        if (err == DIFY_OK)
            err = dup_slice(inputs->allocator, field->text, &inputs->fields[i].text);
        inputs->fields[i].len = field->text.len;
    }
    return err;
}

/* An id that no upload has, and that says which file it stands for. */
static void set_stand_in(struct dify__attachment *attachment, size_t number)
{
    static const char shape[] = "00000000-0000-4000-8000-0000000000";
    memcpy(attachment->upload_id, shape, sizeof shape - 1);
    attachment->upload_id[34] = (char)('0' + number / 10 % 10);
    attachment->upload_id[35] = (char)('0' + number % 10);
    attachment->upload_id[36] = '\0';
}

static enum dify_err copy_attachments(struct dify__inputs *inputs, const struct dify_order *order)
{
    enum dify_err err = DIFY_OK;
    if (order->attachment_count == 0)
        return DIFY_OK;
    if (order->attachment_count > DIFY_FOLLOW_FILES)
        return DIFY_ERR_ARGUMENT;
    inputs->attachments =
        dify__calloc(inputs->allocator, order->attachment_count * sizeof *inputs->attachments);
    if (inputs->attachments == NULL)
        return DIFY_ERR_NOMEM;
    inputs->attachment_count = order->attachment_count;
    for (size_t i = 0; i < order->attachment_count && err == DIFY_OK; i++) {
        const struct dify_attachment *given = &order->attachments[i];
        struct dify__attachment *own = &inputs->attachments[i];
        const char *name = given->file.name != NULL ? given->file.name : given->file.path;
        own->file = given->file;
        own->or_only = given->or_only;
        set_stand_in(own, i);
        if (given->file.size != sizeof given->file)
            return DIFY_ERR_ARGUMENT;
        err = dify__dup(inputs->allocator, given->name, &own->name);
        name = name != NULL ? name : "file";
        const char *slash = strrchr(name, '/');
        name = slash != NULL ? slash + 1 : name;
        memcpy(own->file_name, name, strnlen(name, sizeof own->file_name - 1));
    }
    return err;
}

enum dify_err dify__inputs_init(struct dify__inputs *inputs, const struct dify_allocator *allocator,
                                const struct dify_order *order)
{
    *inputs = (struct dify__inputs){.allocator = allocator};
    enum dify_err err = copy_json(inputs, order->inputs);
    if (err == DIFY_OK)
        err = copy_fields(inputs, order);
    if (err == DIFY_OK)
        err = copy_attachments(inputs, order);
    return err;
}

void dify__inputs_fini(struct dify__inputs *inputs)
{
    const struct dify_allocator *allocator = inputs->allocator;
    for (size_t i = 0; i < inputs->field_count; i++) {
        dify__free(allocator, inputs->fields[i].name);
        dify__free(allocator, inputs->fields[i].text);
    }
    for (size_t i = 0; i < inputs->attachment_count; i++)
        dify__free(allocator, inputs->attachments[i].name);
    dify__free(allocator, inputs->fields);
    dify__free(allocator, inputs->attachments);
    dify__free(allocator, inputs->json);
    *inputs = (struct dify__inputs){.allocator = allocator};
}

/* ---- writing ------------------------------------------------------------------------------- */

static const struct dify__variable *find_named(const struct dify__form *form,
                                               struct dify_slice name)
{
    size_t count = 0;
    const struct dify__variable *variables =
        form != NULL ? dify__form_variables(form, &count) : NULL;
    for (size_t i = 0; i < count; i++)
        if (dify__slice_equals(variables[i].name, name))
            return &variables[i];
    return NULL;
}

static const struct dify__variable *find(const struct dify__form *form, const char *name)
{
    return find_named(form, dify__slice(name));
}

static bool holds_files(const struct dify__variable *variable)
{
    return variable->type == DIFY__VARIABLE_FILE || variable->type == DIFY__VARIABLE_FILES;
}

/* The one variable that takes files; NULL where there is none, or several. */
static const struct dify__variable *only_of_files(const struct dify__form *form)
{
    size_t count = 0, files = 0;
    const struct dify__variable *found = NULL;
    const struct dify__variable *variables =
        form != NULL ? dify__form_variables(form, &count) : NULL;
    for (size_t i = 0; i < count; i++) {
        if (!holds_files(&variables[i]))
            continue;
        found = &variables[i];
        files++;
    }
    return files == 1 ? found : NULL;
}

static bool is_word(struct dify_slice text, const char *const *words)
{
    for (; *words != NULL; words++)
        if (text.len == strlen(*words) && strncasecmp(text.ptr, *words, text.len) == 0)
            return true;
    return false;
}

/* Whether the text is JSON: an object, or any value, and then one only: what goes on behind it, as
 * `1,"b":2` does, would become inputs of its own. */
static bool is_json(const struct dify_allocator *allocator, struct dify_slice text, bool is_any,
                    enum dify_err *out_err)
{
    struct dify__json json;
    struct dify__buffer wrapped = {.allocator = allocator, .max = SIZE_MAX / 2};
    enum dify_err err = DIFY_OK;
    dify__add(&wrapped, &err, is_any ? "{\"v\":" : "");
    dify__add_slice(&wrapped, &err, text);
    dify__add(&wrapped, &err, is_any ? "}" : "");
    dify__json_init(&json, allocator);
    if (err == DIFY_OK)
        err = dify__json_read(&json, dify__buffer_slice(&wrapped));
    bool is_one =
        err == DIFY_OK && (!is_any || yyjson_obj_size(yyjson_doc_get_root(json.doc)) == 1);
    dify__json_fini(&json);
    dify__buffer_fini(&wrapped);
    if (err == DIFY_ERR_NOMEM && *out_err == DIFY_OK)
        *out_err = err; /* it would be sent as a text */
    return is_one;
}

static bool is_utf8(const char *text)
{
    return dify__utf8_valid_length(dify__slice(text)) == strlen(text);
}

static bool is_number(struct dify_slice text)
{
    struct dify_decimal ignored;
    enum dify_err err = dify_decimal_parse(text, &ignored);
    return err == DIFY_OK || err == DIFY_ERR_TOO_LARGE;
}

static void add_file(struct dify__buffer *out, enum dify_err *err, const char *kind,
                     const char *member, struct dify_slice value)
{
    dify__add(out, err, "{\"type\":");
    dify__add_json(out, err, dify__slice(kind));
    dify__add(out, err, ",\"transfer_method\":");
    dify__add(out, err, strcmp(member, "url") == 0 ? "\"remote_url\",\"" : "\"local_file\",\"");
    dify__add(out, err, member);
    dify__add(out, err, "\":");
    dify__add_json(out, err, value);
    dify__add(out, err, "}");
}

static bool allows(const struct dify__variable *variable, const char *kind)
{
    for (size_t i = 0; i < variable->file_type_count; i++)
        if (dify__slice_is(variable->file_types[i], kind))
            return true;
    return variable->file_type_count == 0;
}

/* What a file is called where the variable takes only some kinds. Of a single file Dify wants to
 * hear what it finds itself, and lets it through as "custom" by its extension. What it finds may
 * depend on its configuration; then it is what the variable takes. */
static const char *kind_for(const struct dify__variable *variable, const char *kind,
                            const char *name)
{
    if (variable == NULL || allows(variable, kind))
        return kind;
    if (variable->type == DIFY__VARIABLE_FILE && !dify__may_be_custom(name))
        return kind;
    return allows(variable, "custom") ? "custom" : kind;
}

/* The kind of a file that nothing is known of: what it has to be. */
static const char *kind_of_unknown(const struct dify__variable *variable)
{
    static const char *const kinds[] = {"image", "document", "audio", "video"};
    if (allows(variable, "custom"))
        return "custom";
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (dify__slice_is(variable->file_types[0], kinds[i]))
            return kinds[i];
    return "custom";
}

/* By the last part of an address's path. */
static const char *kind_of_url(const struct dify__variable *variable, struct dify_slice url)
{
    char name[URL_NAME_BYTES] = "";
    size_t from = url.len < 8 ? url.len : 8, to; /* behind "https://" */
    for (to = from; to < url.len && strchr("?#", url.ptr[to]) == NULL; to++)
        if (url.ptr[to] == '/')
            from = to + 1;
    bool has_path = from > 8;
    if (has_path && to - from < sizeof name)
        memcpy(name, url.ptr + from, to - from);
    const char *kind = dify_file_kind(name, (struct dify_slice){"", 0});
    return strcmp(kind, "custom") != 0 ? kind_for(variable, kind, name) : kind_of_unknown(variable);
}

/* The address of a file, or the id of an upload, written as a text. */
static void add_file_text(struct dify__buffer *out, enum dify_err *err,
                          const struct dify__variable *variable, const struct dify__field *field)
{
    struct dify_slice text = {field->text, field->len};
    bool is_url =
        strncasecmp(field->text, "http://", 7) == 0 || strncasecmp(field->text, "https://", 8) == 0;
    const char *kind = is_url ? kind_of_url(variable, text) : kind_of_unknown(variable);
    bool is_list = variable->type == DIFY__VARIABLE_FILES;
    dify__add(out, err, is_list ? "[" : "");
    add_file(out, err, kind, is_url ? "url" : "upload_file_id", text);
    dify__add(out, err, is_list ? "]" : "");
}

/* A field as its variable's type wants it. What cannot be turned into it stays a text, so that
 * Dify's own words tell what is wrong. */
static void add_field(struct dify__buffer *out, enum dify_err *err,
                      const struct dify__variable *variable, const struct dify__field *field)
{
    static const char *const yes[] = {"true", "yes", "on", "1", NULL};
    static const char *const no[] = {"false", "no", "off", "0", NULL};
    struct dify_slice text = {field->text, field->len};
    enum dify__variable_type type = variable != NULL ? variable->type : DIFY__VARIABLE_UNKNOWN;
    if (type == DIFY__VARIABLE_NUMBER && is_number(text))
        dify__add_slice(out, err, text);
    else if (type == DIFY__VARIABLE_CHECKBOX && is_word(text, yes))
        dify__add(out, err, "true");
    else if (type == DIFY__VARIABLE_CHECKBOX && is_word(text, no))
        dify__add(out, err, "false");
    else if (type == DIFY__VARIABLE_JSON && is_json(out->allocator, text, false, err))
        dify__add_slice(out, err, text);
    else if (variable != NULL && holds_files(variable) && text.len > 0 &&
             (text.ptr[0] == '{' || text.ptr[0] == '[') && is_json(out->allocator, text, true, err))
        dify__add_slice(out, err, text);
    else if (variable != NULL && holds_files(variable) && text.len > 0)
        add_file_text(out, err, variable, field);
    else
        dify__add_json(out, err, text);
}

static void add_key(struct dify__buffer *out, enum dify_err *err, struct dify_slice key)
{
    if (out->len > 0 && out->ptr[out->len - 1] != '{')
        dify__add(out, err, ",");
    dify__add_json(out, err, key);
    dify__add(out, err, ":");
}

/* A value as it stands; where lone surrogates were mended, which is no UTF-8, they are escaped. */
static void add_value(struct dify__buffer *out, enum dify_err *err, struct dify_slice value)
{
    struct dify__writer writer;
    if (*err != DIFY_OK)
        return;
    if (dify__utf8_valid_length(value) == value.len) {
        dify__add_slice(out, err, value);
        return;
    }
    dify__writer_init(&writer, DIFY_JSON_COMPACT, dify__write_to_buffer, out);
    dify__write_json(&writer, value);
    *err = dify__writer_finish(&writer);
}

/* Texts of a command line may be any bytes, those of JSON may not. */
static enum dify_err check_bytes(const struct dify__inputs *inputs, struct dify__buffer *message)
{
    enum dify_err err = DIFY_OK;
    bool is_sound = true;
    for (size_t i = 0; i < inputs->attachment_count && is_sound; i++)
        is_sound = inputs->attachments[i].name == NULL || is_utf8(inputs->attachments[i].name);
    for (size_t i = 0; i < inputs->field_count && is_sound; i++)
        is_sound = is_utf8(inputs->fields[i].name);
    if (!is_sound) {
        dify__add(message, &err, "the name of an input is no UTF-8");
        return err == DIFY_OK ? DIFY_ERR_ARGUMENT : err;
    }
    for (size_t i = 0; i < inputs->field_count; i++) {
        struct dify_slice text = {inputs->fields[i].text, inputs->fields[i].len};
        if (dify__utf8_valid_length(text) == text.len)
            continue;
        dify__add(message, &err, inputs->fields[i].name);
        dify__add(message, &err, " is no UTF-8; what is no text is given as a file");
        return err == DIFY_OK ? DIFY_ERR_ARGUMENT : err;
    }
    return DIFY_OK;
}

/* Whether an attachment goes to the app's only variable that takes files. */
static bool is_for_only(const struct dify__form *form, const struct dify__attachment *attachment)
{
    return attachment->name == NULL ||
           (attachment->or_only && form != NULL && find(form, attachment->name) == NULL);
}

/* The variable of an attachment; NULL where no form is known. */
static enum dify_err place(const struct dify__form *form, const struct dify__attachment *attachment,
                           const struct dify__variable **out, struct dify__buffer *message)
{
    enum dify_err err = DIFY_OK;
    size_t count = 0, files = 0;
    *out = NULL;
    if (form == NULL && attachment->name != NULL)
        return DIFY_OK;
    const struct dify__variable *variables =
        form != NULL ? dify__form_variables(form, &count) : NULL;
    bool is_for_any = is_for_only(form, attachment);
    for (size_t i = 0; i < count; i++) {
        bool is_it = is_for_any || dify__slice_is(variables[i].name, attachment->name);
        if (!is_it || !holds_files(&variables[i]))
            continue;
        *out = &variables[i];
        files++;
    }
    if (files == 1)
        return DIFY_OK;
    if (attachment->name != NULL) {
        dify__add(message, &err, attachment->name);
        dify__add(message, &err,
                  find(form, attachment->name) != NULL ? " takes no file; "
                                                       : " is no input of the app; ");
    } else {
        dify__add(message, &err, files == 0 ? "" : "it is not said which input a file is for; ");
    }
    bool is_first = true;
    for (size_t i = 0; i < count; i++) {
        if (!holds_files(&variables[i]))
            continue;
        dify__add(message, &err, is_first ? "files are taken by: " : ", ");
        dify__add_slice(message, &err, variables[i].name);
        is_first = false;
    }
    if (is_first)
        dify__add(message, &err,
                  form != NULL ? "the app takes no files" : "the app's form is not known");
    return err == DIFY_OK ? DIFY_ERR_ARGUMENT : err;
}

/* Whether files are attached to the variable `key`. */
static bool is_attached(const struct dify__inputs *inputs, const struct dify__form *form,
                        struct dify_slice key)
{
    for (size_t i = 0; i < inputs->attachment_count; i++) {
        const struct dify__attachment *attachment = &inputs->attachments[i];
        bool is_for_any = is_for_only(form, attachment);
        const struct dify__variable *only = is_for_any ? only_of_files(form) : NULL;
        if (!is_for_any ? dify__slice_is(key, attachment->name)
                        : only != NULL && dify__slice_equals(key, only->name))
            return true;
    }
    return false;
}

static bool is_overridden(const struct dify__inputs *inputs, const struct dify__form *form,
                          struct dify_slice key)
{
    for (size_t i = 0; i < inputs->field_count; i++)
        if (dify__slice_is(key, inputs->fields[i].name))
            return true;
    return is_attached(inputs, form, key);
}

static bool is_later_given(const struct dify__inputs *inputs, size_t field)
{
    for (size_t i = field + 1; i < inputs->field_count; i++)
        if (strcmp(inputs->fields[i].name, inputs->fields[field].name) == 0)
            return true;
    return false;
}

static const char *variable_name(const struct dify__attachment *attachment,
                                 const struct dify__variable *variable, size_t *len)
{
    *len = variable != NULL ? variable->name.len : strlen(attachment->name);
    return variable != NULL ? variable->name.ptr : attachment->name;
}

/* NULL: its first bytes have yet to tell. */
static const char *known_kind(const struct dify__attachment *attachment)
{
    const char *type = attachment->file.type;
    if (attachment->kind != NULL)
        return attachment->kind;
    return type != NULL ? dify__file_kind(attachment->file_name, type)
                        : dify__kind_of_extension(attachment->file_name);
}

/* All files of the variable of attachment `first`, unless an earlier one is of the same. */
static enum dify_err add_attachments(const struct dify__inputs *inputs,
                                     const struct dify__form *form, size_t first,
                                     struct dify__buffer *out, struct dify__buffer *message)
{
    const struct dify__variable *variable, *other;
    size_t len, other_len, in_all = 0;
    enum dify_err err = place(form, &inputs->attachments[first], &variable, message);
    if (err != DIFY_OK)
        return err;
    const char *name = variable_name(&inputs->attachments[first], variable, &len);
    for (size_t i = 0; i < inputs->attachment_count; i++) {
        const struct dify__attachment *attachment = &inputs->attachments[i];
        err = place(form, attachment, &other, message);
        if (err != DIFY_OK)
            return err;
        const char *other_name = variable_name(attachment, other, &other_len);
        if (other_len != len || memcmp(other_name, name, len) != 0)
            continue;
        if (i < first)
            return DIFY_OK;
        if (in_all++ == 0) {
            add_key(out, &err, (struct dify_slice){name, len});
            dify__add(out, &err,
                      variable == NULL || variable->type == DIFY__VARIABLE_FILES ? "[" : "");
        } else if (variable != NULL && variable->type == DIFY__VARIABLE_FILE) {
            dify__add_slice(message, &err, variable->name);
            dify__add(message, &err, " takes one file, and more than one was given");
            return err == DIFY_OK ? DIFY_ERR_ARGUMENT : err;
        } else {
            dify__add(out, &err, ",");
        }
        const char *kind = known_kind(attachment);
        if (kind == NULL) /* as long as it is not uploaded */
            kind = dify_file_kind(attachment->file_name, (struct dify_slice){"", 0});
        add_file(out, &err, kind_for(variable, kind, attachment->file_name), "upload_file_id",
                 dify__slice(attachment->upload_id));
        if (err != DIFY_OK)
            return err;
    }
    dify__add(out, &err, variable == NULL || variable->type == DIFY__VARIABLE_FILES ? "]" : "");
    return err;
}

enum dify_err dify__inputs_write(const struct dify__inputs *inputs, const struct dify__form *form,
                                 struct dify__buffer *out, struct dify__buffer *message)
{
    struct dify__json json;
    struct dify__members members;
    enum dify_err err = check_bytes(inputs, message);
    if (err != DIFY_OK)
        return err;
    dify__json_init(&json, inputs->allocator);
    err = dify__json_read(&json, (struct dify_slice){inputs->json, inputs->json_len});
    dify__add(out, &err, "{");
    if (err == DIFY_OK) {
        dify__members_of_root(&members, &json);
        while (dify__members_next(&members)) {
            if (is_overridden(inputs, form, members.key))
                continue;
            add_key(out, &err, members.key);
            add_value(out, &err, dify__members_text(&members));
        }
    }
    dify__json_fini(&json);
    for (size_t i = 0; i < inputs->field_count; i++) {
        const struct dify__field *field = &inputs->fields[i];
        if (is_later_given(inputs, i) || is_attached(inputs, form, dify__slice(field->name)))
            continue;
        add_key(out, &err, dify__slice(field->name));
        add_field(out, &err, find(form, field->name), field);
    }
    for (size_t i = 0; i < inputs->attachment_count && err == DIFY_OK; i++)
        err = add_attachments(inputs, form, i, out, message);
    dify__add(out, &err, "}");
    return err;
}

/* ---- checking ------------------------------------------------------------------------------ */

/* Names the files by their names, not by their stand-in ids. */
static void name_files(const struct dify__inputs *inputs, struct dify__buffer *message,
                       enum dify_err *err)
{
    for (size_t i = 0; i < inputs->attachment_count && *err == DIFY_OK; i++) {
        const char *id = inputs->attachments[i].upload_id;
        size_t len = strlen(id);
        struct dify__buffer named = {.allocator = inputs->allocator, .max = SIZE_MAX / 2};
        size_t at = 0;
        while (at + len <= message->len && memcmp(message->ptr + at, id, len) != 0)
            at++;
        if (at + len > message->len)
            continue;
        dify__add_slice(&named, err, (struct dify_slice){message->ptr, at});
        dify__add(&named, err, inputs->attachments[i].file_name);
        dify__add_slice(&named, err,
                        (struct dify_slice){message->ptr + at + len, message->len - at - len});
        message->len = 0;
        dify__add_slice(message, err, dify__buffer_slice(&named));
        dify__buffer_fini(&named);
    }
}

static bool has_extension(const struct dify__variable *variable, const char *name)
{
    const char *extension = dify__file_extension(name);
    for (size_t i = 0; extension != NULL && i < variable->extension_count; i++) {
        struct dify_slice allowed = variable->extensions[i];
        size_t dots = allowed.len > 0 && allowed.ptr[0] == '.';
        if (allowed.len - dots == strlen(extension + 1) &&
            strncasecmp(allowed.ptr + dots, extension + 1, allowed.len - dots) == 0)
            return true;
    }
    return false;
}

/* Whether Dify refuses a file for its extension, by which it lets through what is of no kind that
 * the variable takes. (What is of one of Dify's kinds, where that is out of the question, the form
 * has refused.) */
static bool is_of_wrong_extension(const struct dify__variable *variable,
                                  const struct dify__attachment *attachment)
{
    const char *known = known_kind(attachment);
    const char *kind = known != NULL ? kind_for(variable, known, attachment->file_name) : "";
    bool is_custom = strcmp(kind, "custom") == 0;
    if (known == NULL || variable->file_type_count == 0 || (!is_custom && allows(variable, kind)))
        return false;
    if (variable->extension_count == 0)
        return is_custom && !allows(variable, "custom");
    return (is_custom || allows(variable, "custom")) &&
           !has_extension(variable, attachment->file_name);
}

/* DIFY_ERR_ARGUMENT, and `message`, where `err` is that, or where a file is refused. */
static enum dify_err check_extensions(const struct dify__inputs *inputs,
                                      const struct dify__form *form, enum dify_err err,
                                      struct dify__buffer *message)
{
    const struct dify__variable *variable;
    enum dify_err said = DIFY_OK;
    if (err != DIFY_OK && err != DIFY_ERR_ARGUMENT)
        return err;
    for (size_t i = 0; i < inputs->attachment_count && said == DIFY_OK; i++) {
        const struct dify__attachment *attachment = &inputs->attachments[i];
        said = place(form, attachment, &variable, message);
        if (said != DIFY_OK || variable == NULL || !is_of_wrong_extension(variable, attachment))
            continue;
        dify__add(message, &said, err == DIFY_ERR_ARGUMENT ? "; " : "");
        dify__add(message, &said, "File validation failed for file: ");
        dify__add(message, &said, attachment->file_name);
        err = DIFY_ERR_ARGUMENT;
    }
    return said != DIFY_OK ? said : err;
}

enum dify_err dify__inputs_check(const struct dify__inputs *inputs, const struct dify__form *form,
                                 enum dify__form_rules rules, struct dify_slice text,
                                 struct dify__buffer *message)
{
    enum dify_err err = dify__form_faults(form, rules, text, message);
    if (err == DIFY_ERR_ARGUMENT) {
        enum dify_err naming = DIFY_OK;
        name_files(inputs, message, &naming);
        err = naming != DIFY_OK ? naming : err;
    }
    return check_extensions(inputs, form, err, message);
}

void dify__inputs_say_unknown(const struct dify__form *form, struct dify_slice json_text,
                              struct dify__buffer *text, enum dify_err *err)
{
    struct dify__json json;
    struct dify__members members;
    size_t unknown = 0;
    dify__json_init(&json, text->allocator);
    if (dify__json_read(&json, json_text) == DIFY_OK) {
        dify__members_of_root(&members, &json);
        while (dify__members_next(&members)) {
            if (find_named(form, members.key) != NULL)
                continue;
            dify__add(text, err, unknown++ > 0 ? ", " : "");
            dify__add_slice(text, err, members.key);
        }
    }
    dify__json_fini(&json);
    if (unknown > 0)
        dify__add(text, err,
                  unknown == 1 ? " is no input of the app: Dify drops it"
                               : " are no inputs of the app: Dify drops them");
}

/* ---- comparing ----------------------------------------------------------------------------- */

static bool is_file(yyjson_val *value)
{
    yyjson_val *first = yyjson_is_arr(value) ? yyjson_arr_get_first(value) : value;
    return yyjson_is_obj(first) && (yyjson_obj_get(first, "transfer_method") != NULL ||
                                    yyjson_obj_get(first, "dify_model_identity") != NULL);
}

static bool as_number(yyjson_val *value, double *out)
{
    struct dify_decimal ignored;
    if (yyjson_is_num(value)) {
        *out = yyjson_get_num(value);
        return true;
    }
    if (!yyjson_is_str(value))
        return false;
    struct dify_slice text = {yyjson_get_str(value), yyjson_get_len(value)};
    if (dify_decimal_parse(text, &ignored) != DIFY_OK)
        return false;
    *out = strtod(text.ptr, NULL); /* yyjson's strings end with a NUL */
    return true;
}

/* Whether both have a text there, and not the same. */
static bool differs(yyjson_val *sent, const char *key, yyjson_val *had, const char *kept_as)
{
    yyjson_val *a = yyjson_obj_get(sent, key), *b = yyjson_obj_get(had, kept_as);
    return yyjson_get_len(a) > 0 && yyjson_get_len(b) > 0 && yyjson_is_str(a) && yyjson_is_str(b) &&
           !yyjson_equals(a, b);
}

/* A file, or a list of files. Of an uploaded one Dify keeps the id that the upload gave, of another
 * its address; where it has neither, one cannot tell. */
static bool is_same_file(yyjson_val *sent, yyjson_val *had)
{
    yyjson_arr_iter files;
    if (yyjson_is_obj(sent) && yyjson_is_obj(had)) {
        bool is_remote = yyjson_equals_str(yyjson_obj_get(sent, "transfer_method"), "remote_url");
        return is_remote ? !differs(sent, "url", had, "remote_url")
                         : !differs(sent, "upload_file_id", had, "related_id");
    }
    if (!yyjson_is_arr(sent) || yyjson_arr_size(sent) != yyjson_arr_size(had))
        return false;
    yyjson_arr_iter_init(had, &files);
    yyjson_val *one;
    size_t i, count;
    yyjson_arr_foreach(sent, i, count, one)
    {
        yyjson_val *other = yyjson_arr_iter_next(&files);
        if (yyjson_is_obj(one) && yyjson_is_obj(other) && !is_same_file(one, other))
            return false;
    }
    return true;
}

/* Dify turns "12" into 12 and "yes" into true where the form says so. */
static bool is_same(yyjson_val *sent, yyjson_val *had)
{
    double a, b;
    if (is_file(sent) || is_file(had))
        return is_file(sent) && is_file(had) && is_same_file(sent, had);
    if (as_number(sent, &a) && as_number(had, &b))
        return a == b;
    if (yyjson_is_bool(had) && !yyjson_is_bool(sent))
        return true; /* a checkbox that was sent as a text */
    return yyjson_equals(sent, had);
}

static bool is_empty(yyjson_val *value)
{
    return yyjson_is_null(value) || yyjson_is_false(value) || yyjson_equals_str(value, "") ||
           (yyjson_is_ctn(value) && yyjson_get_len(value) == 0);
}

/* Whether the run was given an input that was not sent: one that has no default. */
static bool has_more(const struct dify__form *form, yyjson_val *sent, yyjson_val *had)
{
    yyjson_val *key, *value;
    size_t i, count;
    yyjson_obj_foreach(had, i, count, key, value)
    {
        struct dify_slice name = {yyjson_get_str(key), yyjson_get_len(key)};
        const struct dify__variable *variable = find_named(form, name);
        if (variable == NULL || is_empty(value) ||
            yyjson_obj_getn(sent, name.ptr, name.len) != NULL)
            continue;
        if (variable->default_value.ptr == NULL || dify__slice_is(variable->default_value, "\"\""))
            return true;
    }
    return false;
}

bool dify__inputs_match(const struct dify_allocator *allocator, const struct dify__form *form,
                        struct dify_slice sent, struct dify_slice detail)
{
    struct dify__json ours, theirs;
    struct dify__members members;
    dify__json_init(&ours, allocator);
    dify__json_init(&theirs, allocator);
    bool is_match =
        dify__json_read(&ours, sent) == DIFY_OK && dify__json_read(&theirs, detail) == DIFY_OK;
    if (is_match) {
        yyjson_val *root = yyjson_doc_get_root(theirs.doc);
        dify__members_of_root(&members, &ours);
        while (is_match && dify__members_next(&members)) {
            yyjson_val *had = yyjson_obj_getn(root, members.key.ptr, members.key.len);
            /* what the form does not declare is not kept */
            is_match = had == NULL || is_same(members.value, had);
        }
        is_match =
            is_match && (form == NULL || !has_more(form, yyjson_doc_get_root(ours.doc), root));
    }
    dify__json_fini(&ours);
    dify__json_fini(&theirs);
    return is_match;
}
