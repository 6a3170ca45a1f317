/* SPDX-License-Identifier: Apache-2.0
 *
 * terminal.h: what a terminal can show, and texts on it.
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

/* The same of another descriptor, for example standard error. */
struct cli_style cli_style_of(int fd);

/* The size of the terminal at `fd`, else COLUMNS and LINES, else 80 and 24. Not clamped, never 0.
 */
void cli_terminal_size(int fd, size_t *columns, size_t *rows);

enum cli_colour { CLI_PLAIN, CLI_BOLD, CLI_DIM, CLI_RED, CLI_GREEN, CLI_YELLOW, CLI_CYAN };

/* Begins a colour; CLI_PLAIN ends it. Prints nothing where there are no colours. */
void cli_colour(const struct cli_style *style, enum cli_colour colour);

/* The character at the beginning of a text that is not empty: how many of its bytes it is, what to
 * show for it, and the columns that this takes. What could move the cursor, or turn the rest of the
 * line around, is shown as '?'. */
struct cli_glyph {
    struct dify_slice shown;
    size_t len;
    size_t columns;
};

struct cli_glyph cli_next_glyph(const struct cli_style *style, struct dify_slice text);

/* Where drawn bytes go. */
struct cli_sink {
    void (*write)(void *ctx, const char *bytes, size_t len);
    void *ctx;
};

void cli_put(const struct cli_sink *sink, const char *text);
void cli_put_colour(const struct cli_sink *sink, const struct cli_style *style,
                    enum cli_colour colour);

/* Like cli_print_cell(), to `sink`. Returns the columns that were filled. */
size_t cli_put_cell(const struct cli_sink *sink, const struct cli_style *style,
                    struct dify_slice text, size_t columns, bool pad);

/* Prints `text` in at most `columns` columns of the terminal, cut with an ellipsis; `pad`: filled
 * up with spaces. Control characters, which could move the cursor, become '?'. */
void cli_print_cell(const struct cli_style *style, struct dify_slice text, size_t columns,
                    bool pad);

#endif
