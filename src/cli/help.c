/* SPDX-License-Identifier: Apache-2.0
 *
 * help.c: --help and --version.
 */
#include "cli/help.h"

#include "difystream/version.h"

#include <string.h>

#define WIDTH 80

const struct cli_exit_status cli_exit_statuses[] = {
    {0, "the run succeeded"},
    {1, "the run failed, was stopped, or ended with another status"},
    {2, "wrong usage, or a file that cannot be read or written"},
    {3, "the request was refused, or its inputs are unfit"},
    {4, "the stream ended before the run's end and nothing more could be learnt"},
    {5, "the run is paused and waits for human input"},
    {6, "a clock ran out"},
    {7, "no connection, or what came is no answer"},
    {130, "the caller gave up"},
    {0, NULL},
};

const struct cli_variable cli_variables[] = {
    {"DIFY_API_BASE_URL", "the same as DIFY_BASE_URL, which comes first"},
    {"DIFY_API_KEY", "the app's API key"},
    {"DIFY_API_URL", "the same as DIFY_API_BASE_URL, which comes first"},
    {"DIFY_BASE_URL", "where Dify's API is; the address of a route, such as "
                      "https://dify.example/v1/workflows/run, will do"},
    {"DIFY_CONNECT_TIMEOUT", "seconds after which connecting is given up"},
    {"DIFY_READ_TIMEOUT", "seconds of silence after which a server is doubted"},
    {"DIFYSTREAM_SPEED", "all clocks of a client run so many times faster, and of the gateway's "
                         "those that keep connections alive, for tests against 'difystream sim "
                         "--speed N'"},
    {"LAST_EVENT_ID", "the last event id that 'difystream sse' starts with"},
    {"NO_COLOR", "set to anything: no colours"},
    {"NOTIFY_SOCKET",
     "where 'difystream serve' tells that it serves, and that it is being stopped; "
     "systemd sets it"},
    {"STATE_DIRECTORY",
     "the folder of gateway.db, where 'difystream serve' keeps runs; systemd sets "
     "it"},
    {"USE_STREAMING", "false: runs are asked for in blocking mode"},
    {"XDG_CONFIG_HOME", "the folder of difystream/config.yaml (default ~/.config)"},
    {"XDG_STATE_HOME", "the folder of difystream/runs, where runs that are being followed are "
                       "kept, and of difystream/gateway.db (default ~/.local/state)"},
    {NULL, NULL},
};

void cli_version(FILE *out)
{
    fprintf(out, "difystream %s (%s)\n", dify_version(), dify_json_version());
}

/* Prints `text` in lines of at most WIDTH columns, each but the first indented. */
static void print_wrapped(FILE *out, const char *text, size_t column, size_t indent)
{
    while (*text != '\0') {
        if (*text == '\n') {
            fprintf(out, "\n");
            if (text[1] == '\n')
                fprintf(out, "\n");
            text += strspn(text, "\n");
            fprintf(out, "%*s", (int)indent, "");
            column = indent;
            continue;
        }
        size_t len = strcspn(text, " \n");
        if (column + len > WIDTH && column > indent) {
            fprintf(out, "\n%*s", (int)indent, "");
            column = indent;
        }
        fwrite(text, 1, len, out);
        column += len;
        text += len;
        if (*text == ' ') {
            text++;
            if (*text != '\0' && column + 1 + strcspn(text, " \n") <= WIDTH) {
                fputc(' ', out);
                column++;
            } else {
                fprintf(out, "\n%*s", (int)indent, "");
                column = indent;
            }
        }
    }
    fputc('\n', out);
}

static void print_row(FILE *out, const char *left, const char *right)
{
    size_t column = 26;
    int used = fprintf(out, "  %s", left);
    if (used < 0 || (size_t)used + 2 > column)
        fprintf(out, "\n%*s", (int)column, "");
    else
        fprintf(out, "%*s", (int)(column - (size_t)used), "");
    print_wrapped(out, right, column, column);
}

static void print_option(FILE *out, const struct cli_option *option)
{
    char left[80];
    const char *value = option->choices != NULL ? option->choices : option->value;
    snprintf(left, sizeof left, "%c%c%s--%s%s%s", option->letter != 0 ? '-' : ' ',
             option->letter != 0 ? option->letter : ' ', option->letter != 0 ? ", " : "  ",
             option->name, option->value != NULL ? " " : "", option->value != NULL ? value : "");
    print_row(out, left, option->help);
}

void cli_help(FILE *out)
{
    fprintf(out, "difystream runs Dify apps without losing a result.\n\n"
                 "Usage: difystream COMMAND [OPTION]... [OPERAND]...\n\nCommands:\n");
    for (const struct cli_command *command = cli_commands; command->name != NULL; command++)
        print_row(out, command->name, command->summary);
    fprintf(out, "\nOptions:\n");
    print_row(out, "-h, --help", "show this text, or that of a command behind its name");
    print_row(out, "-V, --version", "show the version and those of the libraries in use");
    fprintf(out, "\nEnvironment:\n");
    for (const struct cli_variable *variable = cli_variables; variable->name != NULL; variable++)
        print_row(out, variable->name, variable->meaning);
    fprintf(out, "\nExit status:\n");
    for (const struct cli_exit_status *row = cli_exit_statuses; row->meaning != NULL; row++) {
        char number[8];
        snprintf(number, sizeof number, "%d", row->status);
        print_row(out, number, row->meaning);
    }
    fprintf(out, "\nThe whole manual: difystream man | man -l -\n");
}

void cli_help_command(FILE *out, const struct cli_command *command)
{
    fprintf(out, "Usage: difystream %s [OPTION]...%s%s\n\n", command->name,
            command->operands[0] != '\0' ? " " : "", command->operands);
    print_wrapped(out, command->description, 0, 0);
    fprintf(out, "\nOptions:\n");
    for (const struct cli_option *option = command->options; option->name != NULL; option++)
        print_option(out, option);
    print_row(out, "-h, --help", "show this text");
    if (!command->connects)
        return;
    fprintf(out, "\nConnection:\n");
    for (size_t i = 0; i < CLI_CONNECTION_OPTIONS; i++)
        print_option(out, &cli_connection_options[i]);
}

int cli_run_help(const struct cli_args *args)
{
    if (args->operands == 0) {
        cli_help(stdout);
        return CLI_EXIT_OK;
    }
    const struct cli_command *command = cli_find_command(args->operand[0]);
    if (command == NULL) {
        cli_complain(NULL, "unknown command '%s'; see 'difystream --help'", args->operand[0]);
        return CLI_EXIT_USAGE;
    }
    cli_help_command(stdout, command);
    return CLI_EXIT_OK;
}
