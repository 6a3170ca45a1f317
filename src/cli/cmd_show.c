/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_show.c: difystream show: what Dify has stored of a run.
 */
#include "cli/asking.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/terminal.h"
#include "core/json_text.h"
#include "core/slices.h"

#include <stdio.h>

enum { SHOW_OUTPUT };

const struct cli_option cli_show_options[] = {
    [SHOW_OUTPUT] = {"output", 'o', "FORM", "json|summary",
                     "print the run as JSON (the default), or a summary for people"},
    {NULL, 0, NULL, NULL, NULL},
};

/* Dify answers 500 to what is no UUID. */
static bool is_run_id(const char *text)
{
    size_t len = strlen(text);
    return (len == 32 || len == 36) && strspn(text, "0123456789abcdefABCDEF-") == len;
}

/* The JSON text of a member. Inputs, and on Dify 1.12 outputs, are strings that hold an object:
 * then that object, read into `inner`. */
static struct dify_slice text_of(const struct dify__members *members, struct dify__json *inner)
{
    struct dify_slice string = dify__members_string(members);
    bool may_hold =
        dify__slice_is(members->key, "inputs") || dify__slice_is(members->key, "outputs");
    if (may_hold && string.ptr != NULL && dify__json_read_again(inner, string) == DIFY_OK)
        return inner->text;
    return dify__members_text(members);
}

static bool print_json(const struct cli_reply *reply)
{
    enum dify_json_style style = cli_stdout_is_terminal() ? DIFY_JSON_PRETTY : DIFY_JSON_COMPACT;
    struct dify__writer writer;
    struct dify__members members;
    struct dify__json inner;
    dify__json_init(&inner, dify__allocator(NULL));
    dify__writer_init(&writer, style, cli_output_write, NULL);
    dify__write_open(&writer, '{');
    dify__members_of_root(&members, &reply->json);
    while (dify__members_next(&members)) {
        dify__write_key_text(&writer, members.key);
        dify__write_json(&writer, text_of(&members, &inner));
    }
    dify__write_close(&writer, '}');
    bool is_written = dify__writer_finish(&writer) == DIFY_OK;
    dify__json_fini(&inner);
    return is_written && cli_output_write(NULL, "\n", 1) == DIFY_OK;
}

static void print_row(const struct cli_style *style, const char *name, struct dify_slice text)
{
    if (text.len == 0)
        return;
    cli_colour(style, CLI_DIM);
    printf("%-9s ", name);
    cli_colour(style, CLI_PLAIN);
    cli_print_cell(style, text, SIZE_MAX, false);
    putchar('\n');
}

static void print_status(const struct cli_style *style, yyjson_val *root)
{
    struct dify_slice status = cli_string(yyjson_obj_get(root, "status"));
    bool is_bad = dify__slice_is(status, "failed") || dify__slice_is(status, "stopped");
    cli_colour(style, dify__slice_is(status, "succeeded") ? CLI_GREEN
                      : is_bad                            ? CLI_RED
                                                          : CLI_YELLOW);
    cli_print_cell(style, status, SIZE_MAX, false);
    cli_colour(style, CLI_PLAIN);
    putchar('\n');
}

/* Below their name, as indented JSON. */
static bool print_values(const struct cli_style *style, const struct cli_reply *reply,
                         const char *name)
{
    struct dify__writer writer;
    struct dify__members members;
    struct dify__json inner;
    bool is_written = true;
    dify__json_init(&inner, dify__allocator(NULL));
    dify__members_of_root(&members, &reply->json);
    while (dify__members_next(&members)) {
        if (!dify__slice_is(members.key, name) || yyjson_is_null(members.value))
            continue;
        cli_colour(style, CLI_DIM);
        printf("\n%s\n", name);
        cli_colour(style, CLI_PLAIN);
        dify__writer_init(&writer, DIFY_JSON_PRETTY, cli_output_write, NULL);
        dify__write_json(&writer, text_of(&members, &inner));
        is_written =
            dify__writer_finish(&writer) == DIFY_OK && cli_output_write(NULL, "\n", 1) == DIFY_OK;
    }
    dify__json_fini(&inner);
    return is_written;
}

static bool print_summary(const struct cli_reply *reply)
{
    static const char *const names[] = {"total_tokens", "total_steps", "error"};
    static const char *const titles[] = {"tokens", "steps", "error"};
    const struct cli_style style = cli_style();
    char room[CLI_VALUE_BYTES];
    yyjson_val *root = reply->root;
    print_status(&style, root);
    print_row(&style, "run", cli_string(yyjson_obj_get(root, "id")));
    print_row(&style, "workflow", cli_string(yyjson_obj_get(root, "workflow_id")));
    print_row(&style, "started", cli_time(yyjson_obj_get(root, "created_at"), room));
    print_row(&style, "finished", cli_time(yyjson_obj_get(root, "finished_at"), room));
    print_row(&style, "seconds", cli_seconds(yyjson_obj_get(root, "elapsed_time"), room));
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        print_row(&style, titles[i], cli_value(yyjson_obj_get(root, names[i]), room));
    return print_values(&style, reply, "inputs") && print_values(&style, reply, "outputs");
}

static int show(struct cli_asking *asking, const struct cli_args *args)
{
    const char *id = args->operand[0], *form = args->value[SHOW_OUTPUT];
    int status =
        cli_asked(asking, dify_run_detail(asking->app, id, cli_answered, asking, &asking->call));
    if (status != CLI_EXIT_OK)
        return status;
    if (!yyjson_is_str(yyjson_obj_get(asking->reply.root, "id"))) { /* Dify 1.12 */
        cli_complain("show", "this app has no run %s (not_found)", id);
        return CLI_EXIT_REFUSED;
    }
    bool is_summary = form != NULL && strcmp(form, "summary") == 0;
    return (is_summary ? print_summary(&asking->reply) : print_json(&asking->reply))
               ? CLI_EXIT_OK
               : CLI_EXIT_USAGE;
}

int cli_run_show(const struct cli_args *args)
{
    struct cli_asking asking;
    if (!cli_need_operand("show", args, "the id of a run"))
        return CLI_EXIT_USAGE;
    if (!is_run_id(args->operand[0])) {
        cli_complain("show", "a run's id is a UUID, which this is not; 'difystream list' has some");
        return CLI_EXIT_REFUSED;
    }
    if (!cli_asking_open(&asking, "show", args))
        return CLI_EXIT_USAGE;
    int status = show(&asking, args);
    cli_asking_close(&asking);
    return status;
}
