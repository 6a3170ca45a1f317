/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_form.c: difystream form: reads and submits the form of a run that waits for a person.
 */
#include "cli/asking.h"
#include "cli/commands.h"
#include "cli/print.h"
#include "cli/table.h"
#include "cli/terminal.h"
#include "core/json_text.h"
#include "core/slices.h"

#include <stdio.h>
#include <stdlib.h>

enum { FORM_SUBMIT, FORM_INPUT, FORM_USER, FORM_OUTPUT };

const struct cli_option cli_form_options[] = {
    [FORM_SUBMIT] = {"submit", 's', "ACTION", NULL,
                     "submit the form with the action of this id, instead of showing it"},
    [FORM_INPUT] = {"input", 'i', "NAME=TEXT", NULL,
                    "what an input of the form is filled in with; may be repeated"},
    [FORM_USER] = {"user", 'u', "USER", NULL,
                   "who submits it (the user of the configuration file, else difystream)"},
    [FORM_OUTPUT] = {"output", 'o', "FORM", "summary|json",
                     "show the form for people (the default), or Dify's answer as it is"},
    {NULL, 0, NULL, NULL, NULL},
};

/* Ceiling of what is submitted. */
#define FORM_BYTES ((size_t)16 << 20)

/* ---- showing ------------------------------------------------------------------------------- */

/* A text of several lines, each by itself: no control character gets through. */
static void print_lines(const struct cli_style *style, struct dify_slice text)
{
    while (text.len != 0) {
        const char *end = memchr(text.ptr, '\n', text.len);
        size_t len = end != NULL ? (size_t)(end - text.ptr) : text.len;
        size_t shown = len != 0 && text.ptr[len - 1] == '\r' ? len - 1 : len;
        cli_print_cell(style, (struct dify_slice){text.ptr, shown}, SIZE_MAX, false);
        putchar('\n');
        len += end != NULL;
        text.ptr += len;
        text.len -= len;
    }
}

/* What an input is if it is left as it is: the value that was resolved, else the constant. */
static struct dify_slice default_of(yyjson_val *form, yyjson_val *input, struct dify_slice name,
                                    char room[CLI_VALUE_BYTES])
{
    yyjson_val *resolved = yyjson_obj_get(form, "resolved_default_values");
    yyjson_val *value = name.ptr != NULL ? yyjson_obj_getn(resolved, name.ptr, name.len) : NULL;
    if (value == NULL)
        value = yyjson_obj_get(yyjson_obj_get(input, "default"), "value");
    return cli_value(value, room);
}

static bool print_inputs(yyjson_val *form)
{
    static const struct cli_column columns[] = {
        {"input", false, 32}, {"type", false, 0}, {"default", false, 60}};
    struct cli_table table;
    char room[CLI_VALUE_BYTES];
    yyjson_val *input;
    size_t i, count;
    cli_table_init(&table, columns, sizeof columns / sizeof columns[0]);
    yyjson_arr_foreach(yyjson_obj_get(form, "inputs"), i, count, input)
    {
        struct dify_slice name = cli_string(yyjson_obj_get(input, "output_variable_name"));
        cli_table_cell(&table, name);
        cli_table_cell(&table, cli_string(yyjson_obj_get(input, "type")));
        cli_table_cell(&table, default_of(form, input, name, room));
    }
    if (table.cells != 0)
        putchar('\n');
    bool is_whole = cli_table_flush(&table);
    cli_table_fini(&table);
    return is_whole;
}

static bool print_actions(yyjson_val *form)
{
    static const struct cli_column columns[] = {{"action", false, 32}, {"title", false, 60}};
    struct cli_table table;
    yyjson_val *action;
    size_t i, count;
    cli_table_init(&table, columns, sizeof columns / sizeof columns[0]);
    yyjson_arr_foreach(yyjson_obj_get(form, "user_actions"), i, count, action)
    {
        cli_table_cell(&table, cli_string(yyjson_obj_get(action, "id")));
        cli_table_cell(&table, cli_string(yyjson_obj_get(action, "title")));
    }
    if (table.cells != 0)
        putchar('\n');
    bool is_whole = cli_table_flush(&table);
    cli_table_fini(&table);
    return is_whole;
}

static int print_form(const struct cli_reply *reply)
{
    const struct cli_style style = cli_style();
    char room[CLI_VALUE_BYTES];
    struct dify_slice until = cli_time(yyjson_obj_get(reply->root, "expiration_time"), room);
    print_lines(&style, cli_string(yyjson_obj_get(reply->root, "form_content")));
    bool is_whole = print_inputs(reply->root);
    is_whole = print_actions(reply->root) && is_whole;
    if (until.len != 0)
        printf("\nopen until %.*s\n", (int)until.len, until.ptr);
    if (is_whole)
        return CLI_EXIT_OK;
    cli_complain("form", "the form is too large for a table; use --output json");
    return CLI_EXIT_USAGE;
}

/* ---- submitting ---------------------------------------------------------------------------- */

/* Whether a later option is for the same input: that one counts. */
static bool comes_again(const struct cli_args *args, size_t index, size_t name_len)
{
    const char *value = args->given[index].value;
    for (size_t i = index + 1; i < args->given_count; i++)
        if (args->given[i].option == FORM_INPUT &&
            strncmp(args->given[i].value, value, name_len + 1) == 0)
            return true;
    return false;
}

/* The inputs as a JSON object. False after saying what is wrong. */
static bool make_inputs(const struct cli_args *args, struct dify__buffer *out)
{
    struct dify__writer writer;
    dify__writer_init(&writer, DIFY_JSON_COMPACT, dify__write_to_buffer, out);
    dify__write_open(&writer, '{');
    for (size_t i = 0; i < args->given_count; i++) {
        const char *value = args->given[i].value;
        if (args->given[i].option != FORM_INPUT)
            continue;
        size_t len = strcspn(value, "=");
        if (len == 0 || value[len] == '\0') {
            cli_complain_text("form", "--input takes NAME=TEXT, not ", dify__slice(value), "");
            return false;
        }
        if (comes_again(args, i, len))
            continue;
        dify__write_key_text(&writer, (struct dify_slice){value, len});
        dify__write_string(&writer, dify__slice(value + len + 1));
    }
    dify__write_close(&writer, '}');
    if (dify__writer_finish(&writer) == DIFY_OK)
        return true;
    cli_complain("form", "the inputs are too large");
    return false;
}

/* ---- both ---------------------------------------------------------------------------------- */

static int ask(struct cli_asking *asking, const struct cli_args *args, struct dify_slice inputs)
{
    const char *token = args->operand[0], *action = args->value[FORM_SUBMIT];
    const char *form = args->value[FORM_OUTPUT];
    enum dify_err err =
        action != NULL ? dify_form_submit(asking->app, token, inputs, action,
                                          cli_user(asking, args->value[FORM_USER]), cli_answered,
                                          asking, &asking->call)
                       : dify_form_read(asking->app, token, cli_answered, asking, &asking->call);
    int status = cli_asking_wait(asking, err);
    const struct cli_reply *reply = &asking->reply;
    if (status != CLI_EXIT_OK) {
        bool is_unknown = reply->http_status == 404;
        if (is_unknown && strcmp(reply->code, "not_found") == 0)
            cli_complain_text("form", "this app has no form with the token ", dify__slice(token),
                              ": it is the form_token of the paused run (not_found)");
        else
            cli_asking_complain(asking, "", is_unknown ? "; Dify has forms from 1.14 on" : NULL);
        return status;
    }
    if (action != NULL || (form != NULL && strcmp(form, "json") == 0))
        return cli_print_reply(reply);
    return print_form(reply);
}

int cli_run_form(const struct cli_args *args)
{
    struct cli_asking asking;
    struct dify__buffer inputs = {.allocator = dify__allocator(NULL), .max = FORM_BYTES};
    int status = CLI_EXIT_USAGE;
    if (!cli_need_operand("form", args, "the token of a form"))
        return status;
    if (args->value[FORM_INPUT] != NULL && args->value[FORM_SUBMIT] == NULL) {
        cli_complain("form", "--input is of no use without --submit ACTION");
        return status;
    }
    if (make_inputs(args, &inputs) && cli_asking_open(&asking, "form", args)) {
        status = ask(&asking, args, dify__buffer_slice(&inputs));
        cli_asking_close(&asking);
    }
    dify__buffer_fini(&inputs);
    return status;
}
