/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_inputs.c: the inputs of a run, put together from JSON, texts and files, and the app's form.
 *
 * The input is lines: the answer of /parameters (an empty line: the form is not known), the inputs
 * as JSON, then fields `name=text` and files `name@file`. What must hold: what is written is a
 * JSON object of the inputs that were given, in their order, and of nothing else, whatever
 * their texts look like; a field is its text, or the number, truth or JSON that this text is; a
 * refusal says why; a run with these inputs is found again by them; a failed allocation is
 * reported or harmless.
 */
#include "failing.h"
#include "fuzz.h"

#include "client/inputs.h"
#include "core/json.h"
#include "core/slices.h"
#include "core/utf8.h"

#define GIVEN_MAX 12

struct given {
    struct dify_slice form, json;
    char *names[GIVEN_MAX], *files[GIVEN_MAX];
    struct dify_field fields[GIVEN_MAX];
    struct dify_attachment attachments[GIVEN_MAX];
    size_t name_count, field_count, attachment_count;
};

/* ---- reading the input ----------------------------------------------------------------------- */

static struct dify_slice take_line(const char **at, const char *end)
{
    const char *stop = memchr(*at, '\n', (size_t)(end - *at));
    struct dify_slice line = {*at, (size_t)((stop != NULL ? stop : end) - *at)};
    *at = stop != NULL ? stop + 1 : end;
    return line;
}

static char *text_of(const char *ptr, size_t len)
{
    char *text = malloc(len + 1);
    FUZZ_REQUIRE(text != NULL, "the fuzz target itself has no memory");
    memcpy(text, ptr, len);
    text[len] = '\0';
    return text;
}

static long no_bytes(void *ctx, char *bytes, size_t len)
{
    (void)ctx;
    (void)bytes;
    (void)len;
    return 0;
}

static void take_given(struct given *given, struct dify_slice line)
{
    size_t name_len = 0;
    while (name_len < line.len && line.ptr[name_len] != '=' && line.ptr[name_len] != '@')
        name_len++;
    if (name_len == line.len || given->name_count == GIVEN_MAX)
        return;
    size_t i = given->name_count++;
    struct dify_slice rest = {line.ptr + name_len + 1, line.len - name_len - 1};
    given->names[i] = text_of(line.ptr, name_len);
    if (line.ptr[name_len] == '=') {
        given->fields[given->field_count++] = (struct dify_field){given->names[i], rest};
        return;
    }
    given->files[i] = text_of(rest.ptr, rest.len);
    given->attachments[given->attachment_count++] = (struct dify_attachment){
        .name = name_len != 0 ? given->names[i] : NULL,
        .file = {.size = sizeof(struct dify_file), .name = given->files[i], .read = no_bytes}};
}

static void given_fini(struct given *given)
{
    for (size_t i = 0; i < given->name_count; i++) {
        free(given->names[i]);
        free(given->files[i]);
    }
}

/* ---- what is written ------------------------------------------------------------------------- */

static bool is_attached(const struct given *given, const struct dify__variable *variables,
                        size_t count, const char *name, size_t len)
{
    const struct dify__variable *only = NULL;
    size_t takers = 0;
    for (size_t i = 0; i < count; i++)
        if (variables[i].type == DIFY__VARIABLE_FILE || variables[i].type == DIFY__VARIABLE_FILES) {
            only = &variables[i];
            takers++;
        }
    for (size_t i = 0; i < given->attachment_count; i++) {
        const char *to = given->attachments[i].name;
        if (to != NULL
                ? strlen(to) == len && memcmp(to, name, len) == 0
                : takers == 1 && only->name.len == len && memcmp(only->name.ptr, name, len) == 0)
            return true;
    }
    return false;
}

/* The last field of the name; NULL. */
static const struct dify_field *field_of(const struct given *given, const char *name, size_t len)
{
    for (size_t i = given->field_count; i-- > 0;)
        if (strlen(given->fields[i].name) == len && memcmp(given->fields[i].name, name, len) == 0)
            return &given->fields[i];
    return NULL;
}

static bool is_ascii(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)text[i] >= 0x80)
            return false;
    return true;
}

/* Whether what stands for a field is what its text says. */
static void check_field(yyjson_val *value, const struct dify_field *field)
{
    struct dify_slice text = field->text;
    yyjson_doc *doc = yyjson_read(text.ptr, text.len, YYJSON_READ_NUMBER_AS_RAW);
    yyjson_val *file = yyjson_is_arr(value) ? yyjson_arr_get_first(value) : value;
    yyjson_val *id = yyjson_obj_get(file, "upload_file_id");
    id = id != NULL ? id : yyjson_obj_get(file, "url");
    if (yyjson_is_str(value))
        FUZZ_REQUIRE(!is_ascii(text.ptr, text.len) || yyjson_equals_strn(value, text.ptr, text.len),
                     "a text as it was given");
    else if (yyjson_is_raw(value))
        FUZZ_REQUIRE(yyjson_get_len(value) == text.len &&
                         memcmp(yyjson_get_raw(value), text.ptr, text.len) == 0,
                     "a number as it was given");
    else if (yyjson_is_bool(value))
        FUZZ_REQUIRE(text.len <= 5 && text.len > 0, "a truth is a word");
    else if (doc != NULL && id == NULL)
        FUZZ_REQUIRE(yyjson_equals(yyjson_doc_get_root(doc), value) ||
                         memchr(text.ptr, '"', text.len) != NULL,
                     "JSON as it was given");
    else
        FUZZ_REQUIRE(memchr(text.ptr, '{', text.len) != NULL || !is_ascii(text.ptr, text.len) ||
                         yyjson_equals_strn(id, text.ptr, text.len),
                     "a file by its address or id");
    yyjson_doc_free(doc);
}

/* JSON whose escapes of surrogates, which yyjson takes in pairs only, are those of other
 * characters.
 */
static char *without_surrogates(struct dify_slice json)
{
    char *text = text_of(json.ptr, json.len);
    for (size_t i = 0; i + 3 < json.len; i++) {
        if (text[i] != '\\')
            continue;
        if (text[i + 1] == 'u' && strchr("dD", text[i + 2]) != NULL &&
            strchr("01234567", text[i + 3]) == NULL)
            text[i + 2] = 'E';
        i++;
    }
    return text;
}

static void check_written(const struct given *given, const struct dify__form *form,
                          struct dify_slice out)
{
    size_t i, max, count = 0, files = 0, own = 0, fields = 0, expected = 0;
    yyjson_val *key, *value;
    const struct dify__variable *variables =
        form != NULL ? dify__form_variables(form, &count) : NULL;
    char *plain = without_surrogates(out);
    yyjson_doc *doc = yyjson_read(plain, out.len, YYJSON_READ_NUMBER_AS_RAW);
    FUZZ_REQUIRE(dify__utf8_valid_length(out) == out.len, "what is sent is UTF-8");
    FUZZ_REQUIRE(doc != NULL, "what is sent is JSON");
    yyjson_val *root = yyjson_doc_get_root(doc);
    FUZZ_REQUIRE(yyjson_is_obj(root), "inputs are an object");
    yyjson_doc *json = yyjson_read(given->json.ptr, given->json.len, YYJSON_READ_NUMBER_AS_RAW);
    yyjson_obj_foreach(root, i, max, key, value)
    {
        const char *name = yyjson_get_str(key);
        size_t len = yyjson_get_len(key);
        const struct dify_field *field = field_of(given, name, len);
        if (is_attached(given, variables, count, name, len)) {
            FUZZ_REQUIRE(++files <= given->attachment_count, "files once");
        } else if (field != NULL) {
            FUZZ_REQUIRE(files == 0, "fields before files");
            check_field(value, field);
            fields++;
        } else {
            FUZZ_REQUIRE(fields == 0 || !is_ascii(name, len), "what JSON gave comes first");
            own++;
        }
    }
    if (json != NULL && is_ascii(out.ptr, out.len) && memcmp(plain, out.ptr, out.len) == 0) {
        yyjson_obj_foreach(yyjson_doc_get_root(json), i, max, key, value)
        {
            const char *name = yyjson_get_str(key);
            size_t len = yyjson_get_len(key);
            if (field_of(given, name, len) == NULL &&
                !is_attached(given, variables, count, name, len))
                expected++;
        }
        FUZZ_REQUIRE(own == expected, "what was given as JSON, and nothing else");
    }
    yyjson_doc_free(json);
    yyjson_doc_free(doc);
    free(plain);
}

/* ---- the target ------------------------------------------------------------------------------ */

struct outcome {
    enum dify_err init, write, check;
    struct dify__buffer out, message;
};

static void put_together(const struct given *given, const struct dify__form *form,
                         const struct dify_allocator *allocator, struct outcome *outcome)
{
    struct dify__inputs inputs;
    struct dify_order order = {.size = sizeof order,
                               .inputs = given->json,
                               .fields = given->fields,
                               .field_count = given->field_count,
                               .attachments = given->attachments,
                               .attachment_count = given->attachment_count};
    *outcome = (struct outcome){.out = {.allocator = allocator, .max = SIZE_MAX / 2},
                                .message = {.allocator = allocator, .max = SIZE_MAX / 2}};
    outcome->write = outcome->check = DIFY_ERR_STATE;
    outcome->init = dify__inputs_init(&inputs, allocator, &order);
    if (outcome->init == DIFY_OK)
        outcome->write = dify__inputs_write(&inputs, form, &outcome->out, &outcome->message);
    if (outcome->write == DIFY_OK && form != NULL)
        outcome->check = dify__inputs_check(&inputs, form, DIFY__FORM_WORKFLOW,
                                            dify__buffer_slice(&outcome->out), &outcome->message);
    dify__inputs_fini(&inputs);
}

static void outcome_fini(struct outcome *outcome)
{
    dify__buffer_fini(&outcome->out);
    dify__buffer_fini(&outcome->message);
}

static void check_outcome(const struct given *given, const struct dify__form *form,
                          const struct outcome *outcome)
{
    bool is_refused = outcome->write == DIFY_ERR_ARGUMENT || outcome->check == DIFY_ERR_ARGUMENT;
    FUZZ_REQUIRE((outcome->message.len != 0) == is_refused, "a refusal, and only that, says why");
    if (outcome->write != DIFY_OK)
        return;
    FUZZ_REQUIRE(form == NULL || outcome->check == DIFY_OK || outcome->check == DIFY_ERR_ARGUMENT,
                 "what is written can be checked");
    check_written(given, form, dify__buffer_slice(&outcome->out));
}

/* A failed allocation is reported, or harmless. */
static void check_memory(const struct given *given, const struct dify__form *form,
                         struct dify_allocator *allocator, const struct outcome *base,
                         struct fuzz_draw draw)
{
    struct failing *failing = allocator->ctx;
    struct outcome other;
    failing->fail_at = failing->asked != 0 ? 1 + fuzz_draw_below(&draw, failing->asked) : 0;
    failing->asked = 0;
    put_together(given, form, allocator, &other);
    if (other.init != DIFY_ERR_NOMEM && other.write != DIFY_ERR_NOMEM &&
        other.check != DIFY_ERR_NOMEM) {
        FUZZ_REQUIRE(other.init == base->init && other.write == base->write &&
                         other.check == base->check,
                     "the same without a block");
        FUZZ_REQUIRE(
            other.out.len == base->out.len &&
                (other.out.len == 0 || memcmp(other.out.ptr, base->out.ptr, other.out.len) == 0),
            "the same inputs without a block");
    }
    outcome_fini(&other);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct fuzz_draw draw = fuzz_draw_init(bytes, len);
    struct failing failing = {0, 0};
    struct dify_allocator allocator = failing_allocator(&failing);
    struct given given = {.name_count = 0};
    struct dify__form *form = NULL;
    struct outcome outcome;
    char *text = fuzz_piece(bytes, len);
    const char *at = text;
    given.form = take_line(&at, text + len);
    given.json = take_line(&at, text + len);
    while (at < text + len)
        take_given(&given, take_line(&at, text + len));
    if (given.form.len == 0 || dify__form_new(&allocator, given.form, &form) == DIFY_OK) {
        failing.asked = 0;
        put_together(&given, form, &allocator, &outcome);
        check_outcome(&given, form, &outcome);
        check_memory(&given, form, &allocator, &outcome, draw);
        outcome_fini(&outcome);
    }
    failing.fail_at = 0;
    dify__form_free(form);
    given_fini(&given);
    free(text);
    return 0;
}
