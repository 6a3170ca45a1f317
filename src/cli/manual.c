/* SPDX-License-Identifier: Apache-2.0
 *
 * manual.c: the man page, as roff (man(7)), made from the tables of the commands.
 */
#include "cli/help.h"

#include "difystream/version.h"

#include <string.h>

/* `text` as roff: backslashes, dashes and a dot at a line's start are kept as they are. */
static void print_text(const char *text)
{
    if (*text == '.' || *text == '\'')
        fputs("\\&", stdout);
    for (; *text != '\0'; text++) {
        if (*text == '\\')
            fputs("\\e", stdout);
        else if (*text == '-')
            fputs("\\-", stdout);
        else if (*text == '\'')
            fputs("\\(aq", stdout);
        else if (*text == '\n' && text[1] == '\n')
            fputs("\n.PP", stdout);
        else
            putchar(*text);
    }
    putchar('\n');
}

static void print_option(const struct cli_option *option)
{
    puts(".TP");
    if (option->letter != 0)
        printf("\\fB\\-%c\\fR, ", option->letter);
    fputs("\\fB\\-\\-", stdout);
    for (const char *c = option->name; *c != '\0'; c++)
        printf(*c == '-' ? "\\-" : "%c", *c);
    fputs("\\fR", stdout);
    if (option->value != NULL)
        printf(" \\fI%s\\fR", option->choices != NULL ? option->choices : option->value);
    putchar('\n');
    print_text(option->help);
}

static void print_command(const struct cli_command *command)
{
    printf(".SS difystream %s [\\fIOPTION\\fR]... %s\n", command->name, command->operands);
    print_text(command->description);
    for (const struct cli_option *option = command->options; option->name != NULL; option++)
        print_option(option);
    if (command->connects)
        puts(".PP\nIt takes the connection options as well, see below.");
}

int cli_run_man(const struct cli_args *args)
{
    (void)args;
    printf(".TH DIFYSTREAM 1 \"\" \"difystream %s\" \"User Commands\"\n", dify_version());
    puts(".SH NAME\ndifystream \\- run Dify apps without losing a result\n"
         ".SH SYNOPSIS\n.B difystream\n\\fICOMMAND\\fR [\\fIOPTION\\fR]... [\\fIOPERAND\\fR]...\n"
         ".SH DESCRIPTION");
    print_text("difystream reads the event stream of a Dify app and folds it into one result of a "
               "fixed format. A stream that ends before its run did is never shown as a success.");
    puts(".SH COMMANDS");
    for (const struct cli_command *command = cli_commands; command->name != NULL; command++)
        print_command(command);
    puts(
        ".SH OPTIONS\n.TP\n\\fB\\-h\\fR, \\fB\\-\\-help\\fR\n"
        "Show a help text; behind a command, that command's.\n.TP\n"
        "\\fB\\-V\\fR, \\fB\\-\\-version\\fR\nShow the version and those of the libraries in use.");
    puts(".SH CONNECTION OPTIONS");
    print_text("These are taken by all commands that talk to an app. What an option says wins over "
               "the environment, and that over the configuration file; but an app that --app asks "
               "for wins over the environment as well.");
    for (size_t i = 0; i < CLI_CONNECTION_OPTIONS; i++)
        print_option(&cli_connection_options[i]);
    puts(".SH ENVIRONMENT");
    for (const struct cli_variable *variable = cli_variables; variable->name != NULL; variable++) {
        printf(".TP\n.B %s\n", variable->name);
        print_text(variable->meaning);
    }
    puts(".SH EXIT STATUS");
    for (const struct cli_exit_status *row = cli_exit_statuses; row->meaning != NULL; row++) {
        printf(".TP\n.B %d\n", row->status);
        print_text(row->meaning);
    }
    puts(".SH EXAMPLES\n.nf\ndifystream fold recorded.sse\n"
         "curl \\-isN ... | difystream fold \\-\\-http \\-\\-output summary\n"
         "difystream events \\-\\-type node_finished recorded.sse | jq .data\n.fi");
    return CLI_EXIT_OK;
}
