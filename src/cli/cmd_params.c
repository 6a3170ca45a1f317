/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_params.c: difystream params: the inputs that an app takes.
 */
#include "cli/asking.h"
#include "cli/commands.h"
#include "cli/table.h"
#include "core/slices.h"

#include <stdio.h>

enum { PARAMS_OUTPUT };

const struct cli_option cli_params_options[] = {
    [PARAMS_OUTPUT] = {"output", 'o', "FORM", "table|json",
                       "print the inputs as a table (the default), or Dify's answer as it is"},
    {NULL, 0, NULL, NULL, NULL},
};

static const struct cli_column columns[] = {
    {"name", false, 32},    {"type", false, 0},   {"required", false, 0},
    {"default", false, 24}, {"takes", false, 40}, {"label", false, 40},
};

/* Ceiling of what is told of one input's options and limits. */
#define TAKES_BYTES ((size_t)16 << 10)

/* What is too much is not shown. */
static void add(struct dify__buffer *text, const char *before, struct dify_slice part)
{
    enum dify_err err = DIFY_OK;
    if (text->len != 0)
        err = dify__buffer_append(text, before, strlen(before));
    if (err == DIFY_OK)
        err = dify__buffer_append(text, part.ptr, part.len);
    (void)err;
}

/* The strings of an array, `between` them. */
static void add_all(struct dify__buffer *text, yyjson_val *array, const char *between)
{
    char room[CLI_VALUE_BYTES];
    const char *before = ", ";
    yyjson_val *value;
    size_t i, count;
    yyjson_arr_foreach(array, i, count, value)
    {
        add(text, before, cli_value(value, room));
        before = between;
    }
}

static void add_most(struct dify__buffer *text, yyjson_val *field, const char *what)
{
    char line[80];
    yyjson_val *most = yyjson_obj_get(field, "max_length");
    if (!yyjson_is_int(most) || yyjson_get_num(most) < 1)
        return;
    snprintf(line, sizeof line, "at most %.0f %s", yyjson_get_num(most), what);
    add(text, ", ", dify__slice(line));
}

/* The kinds of files, each with the server's limit in megabytes where it tells one. */
static void add_kinds(struct dify__buffer *text, yyjson_val *kinds, yyjson_val *limits)
{
    char line[80], key[40];
    yyjson_val *value;
    size_t i, count;
    yyjson_arr_foreach(kinds, i, count, value)
    {
        struct dify_slice kind = cli_string(value);
        int len = (int)(kind.len < 20 ? kind.len : 20);
        bool is_document = dify__slice_is(kind, "document");
        snprintf(key, sizeof key, "%.*s_file_size_limit", len, kind.ptr != NULL ? kind.ptr : "");
        yyjson_val *most = yyjson_obj_get(limits, is_document ? "file_size_limit" : key);
        add(text, ", ", kind);
        if (yyjson_is_num(most)) {
            snprintf(line, sizeof line, "up to %.15g MB", yyjson_get_num(most));
            add(text, " ", dify__slice(line));
        }
    }
}

/* Options and limits, as far as the type has some. `limits`: the server's. */
static void tell_takes(struct dify__buffer *text, struct dify_slice type, yyjson_val *field,
                       yyjson_val *limits)
{
    bool is_list = dify__slice_is(type, "file-list");
    text->len = 0;
    if (is_list || dify__slice_is(type, "file")) {
        add_kinds(text, yyjson_obj_get(field, "allowed_file_types"), limits);
        add_all(text, yyjson_obj_get(field, "allowed_file_extensions"), ", ");
        if (is_list)
            add_most(text, field, "files");
    } else if (dify__slice_is(type, "select")) {
        add_all(text, yyjson_obj_get(field, "options"), "|");
    } else if (dify__slice_is(type, "text-input") || dify__slice_is(type, "paragraph")) {
        add_most(text, field, "characters");
    }
}

static void add_row(struct cli_table *table, struct dify__buffer *takes, yyjson_val *type,
                    yyjson_val *field, yyjson_val *limits)
{
    char room[CLI_VALUE_BYTES];
    tell_takes(takes, cli_string(type), field, limits);
    cli_table_cell(table, cli_value(yyjson_obj_get(field, "variable"), room));
    cli_table_cell(table, cli_string(type));
    cli_table_cell(table, yyjson_is_true(yyjson_obj_get(field, "required")) ? DIFY_SLICE("yes")
                                                                            : DIFY_SLICE("no"));
    cli_table_cell(table, cli_value(yyjson_obj_get(field, "default"), room));
    cli_table_cell(table, dify__buffer_slice(takes));
    cli_table_cell(table, cli_value(yyjson_obj_get(field, "label"), room));
}

static int print_table(const struct cli_reply *reply)
{
    struct cli_table table;
    struct dify__buffer takes = {.allocator = dify__allocator(NULL), .max = TAKES_BYTES};
    yyjson_val *entry, *type, *limits = yyjson_obj_get(reply->root, "system_parameters");
    size_t i, count;
    cli_table_init(&table, columns, sizeof columns / sizeof columns[0]);
    yyjson_arr_foreach(yyjson_obj_get(reply->root, "user_input_form"), i, count, entry)
    {
        yyjson_obj_iter members = yyjson_obj_iter_with(entry); /* one: {type: field} */
        type = yyjson_obj_iter_next(&members);
        if (type != NULL)
            add_row(&table, &takes, type, yyjson_obj_iter_get_val(type), limits);
    }
    if (table.cells == 0)
        fprintf(stderr, "the app takes no inputs\n");
    bool is_whole = cli_table_flush(&table);
    if (!is_whole)
        cli_complain("params", "the form is too large for a table; use --output json");
    cli_table_fini(&table);
    dify__buffer_fini(&takes);
    return is_whole ? CLI_EXIT_OK : CLI_EXIT_USAGE;
}

int cli_run_params(const struct cli_args *args)
{
    struct cli_asking asking;
    const char *form = args->value[PARAMS_OUTPUT];
    if (!cli_asking_open(&asking, "params", args))
        return CLI_EXIT_USAGE;
    int status = cli_asked(&asking, dify_app_read(asking.app, DIFY_READ_PARAMETERS, cli_answered,
                                                  &asking, &asking.call));
    if (status == CLI_EXIT_OK)
        status = form != NULL && strcmp(form, "json") == 0 ? cli_print_reply(&asking.reply)
                                                           : print_table(&asking.reply);
    cli_asking_close(&asking);
    return status;
}
