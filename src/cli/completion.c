/* SPDX-License-Identifier: Apache-2.0
 *
 * completion.c: completion scripts for bash, zsh and fish, made from the tables of the commands.
 */
#include "cli/help.h"

#include <string.h>

/* "json|summary" as "json summary". */
static void print_choices(const char *choices)
{
    for (; *choices != '\0'; choices++)
        putchar(*choices == '|' ? ' ' : *choices);
}

/* `text` for single quotes of a shell; fish wants a backslash where the others leave the quotes. */
static void print_quoted(const char *text, bool is_fish)
{
    for (; *text != '\0'; text++) {
        if (*text == '\'')
            fputs(is_fish ? "\\'" : "'\\''", stdout);
        else
            putchar(*text);
    }
}

/* What may stand behind an option that takes a value. */
static void bash_value(const struct cli_option *option)
{
    printf("        --%s", option->name);
    if (option->letter != 0)
        printf("|-%c", option->letter);
    fputs(") operands='", stdout);
    if (option->choices != NULL)
        print_choices(option->choices);
    printf("' files=%s words='' ;;\n", strcmp(option->value, "FILE") == 0 ? "1" : "''");
}

static void bash_command(const struct cli_command *command)
{
    const struct cli_option *option;
    printf("    %s)\n        words='--help", command->name);
    for (size_t i = 0; (option = cli_option_at(command, i)) != NULL; i++)
        printf(" --%s", option->name);
    fputs("'\n", stdout);
    if (command->operand_choices != NULL) {
        fputs("        operands='", stdout);
        print_choices(command->operand_choices);
        fputs("'\n", stdout);
    } else if (strstr(command->operands, "FILE") != NULL) {
        fputs("        files=1\n", stdout);
    }
    fputs("        case \"$previous\" in\n", stdout);
    for (size_t i = 0; (option = cli_option_at(command, i)) != NULL; i++)
        if (option->value != NULL)
            bash_value(option);
    fputs("        esac\n        ;;\n", stdout);
}

static void print_bash(void)
{
    fputs("# bash completion of difystream\n"
          "_difystream() {\n"
          "    local word=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]}\n"
          "    local words='' operands='' files='' command=''\n"
          "    if [ \"$word\" = '=' ]; then # --option=VALUE comes as three words\n"
          "        word=''\n"
          "    elif [ \"$previous\" = '=' ] && [ \"$COMP_CWORD\" -gt 2 ]; then\n"
          "        previous=${COMP_WORDS[COMP_CWORD-2]}\n"
          "    fi\n"
          "    COMPREPLY=()\n"
          "    [ \"$COMP_CWORD\" -gt 1 ] && command=${COMP_WORDS[1]}\n"
          "    case \"$command\" in\n"
          "    '')\n        words='--help --version'\n        operands='",
          stdout);
    for (const struct cli_command *command = cli_commands; command->name != NULL; command++)
        printf("%s%s", command == cli_commands ? "" : " ", command->name);
    fputs("'\n        ;;\n", stdout);
    for (const struct cli_command *command = cli_commands; command->name != NULL; command++)
        bash_command(command);
    fputs("    esac\n"
          "    case \"$word\" in\n"
          "    -*) mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$word\") ;;\n"
          "    *) mapfile -t COMPREPLY < <(compgen -W \"$operands\" -- \"$word\"\n"
          "           [ -z \"$files\" ] || compgen -f -- \"$word\") ;;\n"
          "    esac\n"
          "}\n"
          "complete -o filenames -F _difystream difystream\n",
          stdout);
}

/* An option's description in zsh's brackets, where ']' and ':' would end it. */
static void zsh_text(const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '[' || *text == ']' || *text == ':')
            putchar('\\');
        if (*text == '\'')
            fputs("'\\''", stdout);
        else
            putchar(*text);
    }
}

static void zsh_value(const struct cli_option *option)
{
    if (option->value == NULL)
        return;
    printf(":%s:", option->value);
    if (option->choices != NULL) {
        putchar('(');
        print_choices(option->choices);
        putchar(')');
    } else if (strcmp(option->value, "FILE") == 0) {
        fputs("_files", stdout);
    }
}

static void zsh_command(const struct cli_command *command)
{
    const struct cli_option *option;
    printf("    %s)\n        _arguments -s -S '(-h --help)'{-h,--help}'[show the help]'",
           command->name);
    for (size_t i = 0; (option = cli_option_at(command, i)) != NULL; i++) {
        fputs(" \\\n            ", stdout);
        if (option->letter != 0) {
            printf("'(-%c --%s)'{-%c,--%s}'[", option->letter, option->name, option->letter,
                   option->name);
        } else {
            printf("'--%s[", option->name);
        }
        zsh_text(option->help);
        putchar(']');
        zsh_value(option);
        putchar('\'');
    }
    if (command->operand_choices != NULL) {
        fputs(" \\\n            '1:shell:(", stdout);
        print_choices(command->operand_choices);
        fputs(")'", stdout);
    } else if (strstr(command->operands, "FILE") != NULL) {
        fputs(" \\\n            '1:file:_files'", stdout);
    }
    fputs("\n        ;;\n", stdout);
}

static void print_zsh(void)
{
    fputs("#compdef difystream\n"
          "_difystream() {\n"
          "    local -a commands\n"
          "    commands=(\n",
          stdout);
    for (const struct cli_command *command = cli_commands; command->name != NULL; command++) {
        printf("        '%s:", command->name);
        print_quoted(command->summary, false);
        fputs("'\n", stdout);
    }
    fputs("    )\n"
          "    if (( CURRENT == 2 )); then\n"
          "        _describe command commands\n"
          "        _arguments '(- *)'{-h,--help}'[show the help]' "
          "'(- *)'{-V,--version}'[show the version]'\n"
          "        return\n"
          "    fi\n"
          "    local command=$words[2]\n"
          "    shift words\n"
          "    (( CURRENT-- ))\n"
          "    case $command in\n",
          stdout);
    for (const struct cli_command *command = cli_commands; command->name != NULL; command++)
        zsh_command(command);
    fputs("    esac\n"
          "}\n"
          "if [ \"$funcstack[1]\" = _difystream ]; then\n"
          "    _difystream \"$@\"\n"
          "else\n"
          "    compdef _difystream difystream\n"
          "fi\n",
          stdout);
}

static void fish_option(const struct cli_command *command, const struct cli_option *option)
{
    printf("complete -c difystream -n '__fish_seen_subcommand_from %s' -l %s", command->name,
           option->name);
    if (option->letter != 0)
        printf(" -s %c", option->letter);
    if (option->value != NULL)
        fputs(strcmp(option->value, "FILE") == 0 ? " -r -F" : " -x", stdout);
    if (option->choices != NULL) {
        fputs(" -a '", stdout);
        print_choices(option->choices);
        putchar('\'');
    }
    fputs(" -d '", stdout);
    print_quoted(option->help, true);
    fputs("'\n", stdout);
}

static void print_fish(void)
{
    fputs("# fish completion of difystream\n"
          "complete -c difystream -f\n"
          "complete -c difystream -n __fish_use_subcommand -l help -s h -d 'show the help'\n"
          "complete -c difystream -n __fish_use_subcommand -l version -s V "
          "-d 'show the version'\n",
          stdout);
    for (const struct cli_command *command = cli_commands; command->name != NULL; command++) {
        printf("complete -c difystream -n __fish_use_subcommand -a %s -d '", command->name);
        print_quoted(command->summary, true);
        fputs("'\n", stdout);
    }
    for (const struct cli_command *command = cli_commands; command->name != NULL; command++) {
        const struct cli_option *option;
        const char *seen = "complete -c difystream -n '__fish_seen_subcommand_from";
        printf("%s %s' -l help -s h -d 'show the help'\n", seen, command->name);
        for (size_t i = 0; (option = cli_option_at(command, i)) != NULL; i++)
            fish_option(command, option);
        if (command->operand_choices != NULL) {
            printf("%s %s' -a '", seen, command->name);
            print_choices(command->operand_choices);
            fputs("'\n", stdout);
        } else if (strstr(command->operands, "FILE") != NULL) {
            printf("%s %s' -F\n", seen, command->name);
        }
    }
}

int cli_run_completion(const struct cli_args *args)
{
    if (args->operands == 0) {
        cli_complain("completion", "for which shell? bash, zsh or fish");
        return CLI_EXIT_USAGE;
    }
    const char *shell = args->operand[0];
    if (strcmp(shell, "bash") == 0)
        print_bash();
    else if (strcmp(shell, "zsh") == 0)
        print_zsh();
    else
        print_fish();
    return CLI_EXIT_OK;
}
