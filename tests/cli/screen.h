/* SPDX-License-Identifier: Apache-2.0
 *
 * screen.h: a small terminal: what drawn bytes leave on the screen and in the lines above it.
 *
 * It knows the sequences that a progress may use and counts all others in `unknown`. When it
 * becomes narrower it breaks lines anew, as most terminals do.
 */
#ifndef DIFY_TESTS_CLI_SCREEN_H
#define DIFY_TESTS_CLI_SCREEN_H

#include "../unit/support.h"

#define SCREEN_COLUMNS_MAX 420
#define SCREEN_ROWS_MAX 220

struct screen_cell {
    char bytes[12]; /* "": a blank, or the second half of a wide character */
    unsigned char len;
    bool is_half;
};

struct screen_row {
    struct screen_cell cells[SCREEN_COLUMNS_MAX];
    bool is_continued; /* in the next row, as one line */
};

struct screen {
    size_t columns, rows, x, y;
    bool wraps, has_cursor, is_coloured;
    size_t unknown;
    struct screen_row *row; /* `rows` of them */
    struct text above;
    size_t above_lines;
};

void screen_init(struct screen *screen, size_t columns, size_t rows);
void screen_fini(struct screen *screen);
void screen_write(struct screen *screen, const char *bytes, size_t len); /* whole sequences */
void screen_resize(struct screen *screen, size_t columns, size_t rows);

/* All lines, also those above the screen, each with a line end; without blanks behind them, and
 * without the empty ones at the end. */
struct text screen_text(const struct screen *screen);

/* Whether nothing stands at the cursor's line and below. */
bool screen_is_blank_below(const struct screen *screen);

#endif
