/* SPDX-License-Identifier: Apache-2.0
 *
 * terminal.h: what standard output can show.
 */
#ifndef DIFY_CLI_TERMINAL_H
#define DIFY_CLI_TERMINAL_H

#include "difystream/slice.h"

#include <stdbool.h>
#include <stddef.h>

bool cli_stdout_is_terminal(void);

/* Columns of standard output: the terminal's, else COLUMNS, else 80; from 40 to 200. */
size_t cli_columns(void);

struct cli_style {
    bool has_colour;  /* a terminal, and NO_COLOR is not set */
    bool has_unicode; /* the locale's encoding is UTF-8 */
};

struct cli_style cli_style(void);

enum cli_colour { CLI_PLAIN, CLI_BOLD, CLI_DIM, CLI_RED, CLI_GREEN, CLI_YELLOW, CLI_CYAN };

/* Begins a colour; CLI_PLAIN ends it. Prints nothing where there are no colours. */
void cli_colour(const struct cli_style *style, enum cli_colour colour);

/* Prints `text` in at most `columns` columns of the terminal, cut with an ellipsis; `pad`: filled
 * up with spaces. Control characters, which could move the cursor, become '?'. */
void cli_print_cell(const struct cli_style *style, struct dify_slice text, size_t columns,
                    bool pad);

#endif
