/* SPDX-License-Identifier: Apache-2.0
 *
 * help.h: what the command says of itself. All is made from the tables of args.h.
 */
#ifndef DIFY_CLI_HELP_H
#define DIFY_CLI_HELP_H

#include "cli/args.h"

#include <stdio.h>

void cli_help(FILE *out);                                            /* difystream --help */
void cli_help_command(FILE *out, const struct cli_command *command); /* difystream fold --help */
void cli_version(FILE *out);                                         /* difystream --version */

int cli_run_help(const struct cli_args *args);       /* difystream help [COMMAND] */
int cli_run_man(const struct cli_args *args);        /* difystream man: the man page, as roff */
int cli_run_completion(const struct cli_args *args); /* difystream completion SHELL */

/* Exit statuses, in the order of their numbers; ends with a text of NULL. */
struct cli_exit_status {
    int status;
    const char *meaning;
};
extern const struct cli_exit_status cli_exit_statuses[];

/* Environment variables; ends with a name of NULL. */
struct cli_variable {
    const char *name;
    const char *meaning;
};
extern const struct cli_variable cli_variables[];

#endif
