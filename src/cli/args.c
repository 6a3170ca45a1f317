/* SPDX-License-Identifier: Apache-2.0
 *
 * args.c: reading a command line by a command's tables (POSIX guidelines and GNU long options).
 */
#include "cli/args.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct cli_option cli_connection_options[] = {
    [CLI_APP] = {"app", 0, "NAME", NULL, "the app of the configuration file to talk to"},
    [CLI_CONFIG] = {"config", 0, "FILE", NULL,
                    "the configuration file (default ~/.config/difystream/config.yaml)"},
    [CLI_BASE_URL] = {"base-url", 0, "URL", NULL,
                      "where Dify's API is, for example https://dify.example/v1"},
    [CLI_API_KEY_FILE] = {"api-key-file", 0, "FILE", NULL,
                          "read the app's API key from FILE, or from standard input if it is '-'"},
    [CLI_CA_FILE] = {"ca-file", 0, "FILE", NULL,
                     "trust the certificates in FILE (PEM) instead of the system's"},
    [CLI_CLIENT_CERT] = {"client-cert", 0, "FILE", NULL,
                         "show the certificate in FILE (PEM) to the server"},
    [CLI_CLIENT_KEY] = {"client-key", 0, "FILE", NULL, "the private key of that certificate"},
    [CLI_PROXY] = {"proxy", 0, "URL", NULL, "connect through this proxy"},
    [CLI_CONNECT_TIMEOUT] = {"connect-timeout", 0, "S", NULL,
                             "give up connecting after S seconds (default 30)"},
    [CLI_READ_TIMEOUT] = {"read-timeout", 0, "S", NULL,
                          "do not trust a silence of more than S seconds (default 300)"},
    [CLI_MAX_TIME] = {"max-time", 0, "S", NULL,
                      "give up a run after S seconds, unless its stream is alive (default 3600; 0: "
                      "never)"},
    [CLI_CONNECTION_OPTIONS] = {NULL, 0, NULL, NULL, NULL},
};

void cli_complain(const char *command, const char *format, ...)
{
    va_list list;
    fflush(stdout);
    fprintf(stderr, command != NULL ? "difystream %s: " : "difystream: ", command);
    va_start(list, format);
    vfprintf(stderr, format, list);
    va_end(list);
    fputc('\n', stderr);
}

const struct cli_command *cli_find_command(const char *name)
{
    for (const struct cli_command *command = cli_commands; command->name != NULL; command++)
        if (strcmp(command->name, name) == 0)
            return command;
    return NULL;
}

const struct cli_option *cli_option_at(const struct cli_command *command, size_t index)
{
    for (const struct cli_option *option = command->options; option->name != NULL; option++)
        if (index-- == 0)
            return option;
    return command->connects && index < CLI_CONNECTION_OPTIONS ? &cli_connection_options[index]
                                                               : NULL;
}

bool cli_is_choice(const char *choices, const char *word)
{
    size_t len = strlen(word);
    while (len != 0 && *choices != '\0') {
        size_t step = strcspn(choices, "|");
        if (step == len && memcmp(choices, word, len) == 0)
            return true;
        choices += step + (choices[step] != '\0');
    }
    return false;
}

bool cli_read_size(const char *text, size_t min, size_t max, size_t *out)
{
    char *end;
    if (text[0] < '0' || text[0] > '9')
        return false;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (errno != 0 || *end != '\0' || value < min || value > max)
        return false;
    *out = (size_t)value;
    return true;
}

/* A command line being read. */
struct reader {
    const struct cli_command *command;
    struct cli_args *args;
    int argc;
    char **argv;
    int at;
};

static bool refuse(const struct reader *reader, const char *what, const char *word, size_t len)
{
    const char *name = reader->command->name;
    cli_complain(name, "%s '%.*s'; see 'difystream %s --help'", what, (int)len, word, name);
    return false;
}

static bool set_option(struct reader *reader, const struct cli_option *option, const char *value)
{
    const struct cli_option *own = reader->command->options;
    struct cli_args *args = reader->args;
    if (option->choices != NULL && !cli_is_choice(option->choices, value)) {
        cli_complain(reader->command->name, "--%s takes one of %s, not '%s'", option->name,
                     option->choices, value);
        return false;
    }
    for (size_t i = 0; i < CLI_CONNECTION_OPTIONS; i++) {
        if (option == &cli_connection_options[i]) {
            args->connection[i] = value;
            return true;
        }
    }
    if (args->given_count == CLI_GIVEN_MAX) {
        cli_complain(reader->command->name, "takes at most %d options", CLI_GIVEN_MAX);
        return false;
    }
    args->given[args->given_count].option = (size_t)(option - own);
    args->given[args->given_count++].value = value;
    args->value[option - own] = value;
    return true;
}

/* The option, written as `word`; `value` is what stands behind its '=' or letter. */
static bool take_option(struct reader *reader, const struct cli_option *option, const char *word,
                        const char *value)
{
    if (option->value == NULL)
        return value == NULL ? set_option(reader, option, "")
                             : refuse(reader, "no value is taken by", word, strcspn(word, "="));
    if (value == NULL && reader->at + 1 < reader->argc)
        value = reader->argv[++reader->at];
    if (value == NULL)
        return refuse(reader, "a value is needed behind", word, strlen(word));
    return set_option(reader, option, value);
}

/* People try it, and it would work elsewhere: say why not. */
static bool refuse_key(const struct reader *reader)
{
    cli_complain(reader->command->name,
                 "there is no --api-key: others on this machine can read command lines; set "
                 "DIFY_API_KEY, or use --api-key-file FILE");
    return false;
}

static bool take_long(struct reader *reader, const char *word)
{
    const char *equals = strchr(word, '=');
    size_t len = equals != NULL ? (size_t)(equals - word) : strlen(word);
    const struct cli_option *option;
    for (size_t i = 0; (option = cli_option_at(reader->command, i)) != NULL; i++)
        if (strlen(option->name) == len - 2 && memcmp(option->name, word + 2, len - 2) == 0)
            return take_option(reader, option, word, equals != NULL ? equals + 1 : NULL);
    if (reader->command->connects && len == strlen("--api-key") &&
        memcmp(word, "--api-key", len) == 0)
        return refuse_key(reader);
    return refuse(reader, "unknown option", word, len);
}

/* "-o FILE", "-oFILE", and flags in one word. */
static bool take_short(struct reader *reader, const char *word)
{
    for (const char *letter = word + 1; *letter != '\0'; letter++) {
        const struct cli_option *option;
        size_t i = 0;
        while ((option = cli_option_at(reader->command, i)) != NULL && option->letter != *letter)
            i++;
        if (option == NULL)
            return refuse(reader, "unknown option", word, strlen(word));
        if (option->value != NULL)
            return take_option(reader, option, word, letter[1] != '\0' ? letter + 1 : NULL);
        if (!take_option(reader, option, word, NULL))
            return false;
    }
    return true;
}

static bool take_operand(struct reader *reader, const char *word)
{
    const struct cli_command *command = reader->command;
    struct cli_args *args = reader->args;
    if (args->operands == command->max_operands)
        return refuse(reader, "one operand too many:", word, strlen(word));
    if (command->operand_choices != NULL && !cli_is_choice(command->operand_choices, word)) {
        cli_complain(command->name, "takes one of %s, not '%s'", command->operand_choices, word);
        return false;
    }
    args->operand[args->operands++] = word;
    return true;
}

bool cli_args_read(const struct cli_command *command, int argc, char **argv, struct cli_args *args)
{
    struct reader reader = {command, args, argc, argv, 0};
    bool only_operands = false;
    memset(args, 0, sizeof *args);
    for (; reader.at < argc; reader.at++) {
        const char *word = argv[reader.at];
        bool ok = true;
        if (only_operands || word[0] != '-' || word[1] == '\0')
            ok = take_operand(&reader, word);
        else if (strcmp(word, "--") == 0)
            only_operands = true;
        else if (word[1] == '-')
            ok = take_long(&reader, word);
        else
            ok = take_short(&reader, word);
        if (!ok)
            return false;
    }
    return true;
}
