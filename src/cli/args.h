/* SPDX-License-Identifier: Apache-2.0
 *
 * args.h: commands and their options as tables, and reading a command line by them.
 *
 * --help, the man page and the completions are made from the same tables.
 */
#ifndef DIFY_CLI_ARGS_H
#define DIFY_CLI_ARGS_H

#include <stdbool.h>
#include <stddef.h>

/* Exit statuses of the command itself; those of a result are docs/result.md's. */
enum { CLI_EXIT_OK = 0, CLI_EXIT_USAGE = 2, CLI_EXIT_NO_ANSWER = 7 };

#define CLI_OPTIONS_MAX 32
#define CLI_OPERANDS_MAX 64
#define CLI_GIVEN_MAX 100

struct cli_option {
    const char *name;    /* long, without dashes; NULL ends the table */
    char letter;         /* short, or 0 */
    const char *value;   /* what the value is called, for example "FILE"; NULL: a flag */
    const char *choices; /* "json|summary": the only values; else NULL */
    const char *help;    /* one sentence, without a full stop */
};

/* The options that all commands share which talk to an app: where it is, and with which key.
 * settings.h makes something of them. */
enum cli_connection_option {
    CLI_APP,
    CLI_CONFIG,
    CLI_BASE_URL,
    CLI_API_KEY_FILE,
    CLI_CA_FILE,
    CLI_CLIENT_CERT,
    CLI_CLIENT_KEY,
    CLI_PROXY,
    CLI_CONNECT_TIMEOUT,
    CLI_READ_TIMEOUT,
    CLI_MAX_TIME,
    CLI_CONNECTION_OPTIONS
};
extern const struct cli_option cli_connection_options[];

struct cli_args {
    const char *value[CLI_OPTIONS_MAX]; /* in the order of the table, the last one given; or NULL */
    const char *connection[CLI_CONNECTION_OPTIONS]; /* likewise, of the shared options */
    struct {
        size_t option;
        const char *value;
    } given[CLI_GIVEN_MAX]; /* the command's own, as they were given: some may be repeated */
    size_t given_count;
    const char *operand[CLI_OPERANDS_MAX];
    size_t operands;
};

struct cli_command {
    const char *name;
    const char *operands; /* for example "[FILE|-]" */
    size_t max_operands;
    const char *operand_choices; /* "bash|zsh|fish": the only operands; else NULL: files */
    const char *summary;         /* half a line */
    const char *description;     /* paragraphs separated by blank lines */
    const struct cli_option *options;
    int (*run)(const struct cli_args *args);
    bool connects; /* it takes the options of cli_connection_options as well */
};

/* All commands; ends with a name of NULL. */
extern const struct cli_command cli_commands[];

const struct cli_command *cli_find_command(const char *name);

/* The option `index` of the command, its own ones first, then the shared ones; NULL behind the
 * last.
 */
const struct cli_option *cli_option_at(const struct cli_command *command, size_t index);

/* Reads what follows the command's name. False after saying on standard error what is wrong. */
bool cli_args_read(const struct cli_command *command, int argc, char **argv, struct cli_args *args);

/* Says one line on standard error: "difystream fold: message". */
void cli_complain(const char *command, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* A number of bytes from `min` to `max` in `text`; false if it is none. */
bool cli_read_size(const char *text, size_t min, size_t max, size_t *out);

/* Whether `word` is one of `choices` ("json|summary"). */
bool cli_is_choice(const char *choices, const char *word);

#endif
