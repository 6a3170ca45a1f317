/* SPDX-License-Identifier: Apache-2.0
 *
 * screen.c: the terminal's cells and sequences.
 */
#define _XOPEN_SOURCE 700 /* wcwidth */

#include "screen.h"

#include <wchar.h>

void screen_init(struct screen *screen, size_t columns, size_t rows)
{
    memset(screen, 0, sizeof *screen);
    screen->columns = columns;
    screen->rows = rows;
    screen->wraps = screen->has_cursor = true;
    screen->row = calloc(SCREEN_ROWS_MAX, sizeof *screen->row);
    assert_non_null(screen->row);
}

void screen_fini(struct screen *screen)
{
    free(screen->row);
    text_fini(&screen->above);
}

static void add_row(struct text *text, const struct screen_row *row, size_t columns)
{
    size_t used = columns;
    while (used > 0 && row->cells[used - 1].len == 0 && !row->cells[used - 1].is_half)
        used--;
    for (size_t i = 0; i < (row->is_continued ? columns : used); i++) {
        const struct screen_cell *cell = &row->cells[i];
        if (cell->len != 0)
            text_add(text, cell->bytes, cell->len);
        else if (!cell->is_half)
            text_add(text, " ", 1);
    }
    if (!row->is_continued)
        text_add(text, "\n", 1);
}

static void line_down(struct screen *screen)
{
    if (screen->y + 1 < screen->rows) {
        screen->y++;
        return;
    }
    add_row(&screen->above, &screen->row[0], screen->columns);
    screen->above_lines++;
    memmove(screen->row, screen->row + 1, (screen->rows - 1) * sizeof *screen->row);
    memset(&screen->row[screen->rows - 1], 0, sizeof *screen->row);
}

static void put(struct screen *screen, const char *bytes, size_t len, size_t columns)
{
    struct screen_row *row = &screen->row[screen->y];
    if (columns == 0) { /* joins the character before it */
        struct screen_cell *cell = screen->x != 0 ? &row->cells[screen->x - 1] : NULL;
        if (cell != NULL && cell->is_half)
            cell--;
        if (cell != NULL && cell->len + len <= sizeof cell->bytes) {
            memcpy(cell->bytes + cell->len, bytes, len);
            cell->len = (unsigned char)(cell->len + len);
        }
        return;
    }
    if (screen->x + columns > screen->columns) {
        if (!screen->wraps)
            return;
        row->is_continued = true;
        screen->x = 0;
        line_down(screen);
        row = &screen->row[screen->y];
    }
    for (size_t i = 0; i < columns; i++) {
        struct screen_cell *cell = &row->cells[screen->x++];
        memset(cell, 0, sizeof *cell);
        cell->is_half = i != 0;
        if (i == 0)
            memcpy(cell->bytes, bytes, cell->len = (unsigned char)len);
    }
}

static void clear_line(struct screen *screen, size_t y, size_t x)
{
    memset(&screen->row[y].cells[x], 0, (SCREEN_COLUMNS_MAX - x) * sizeof screen->row[y].cells[0]);
    screen->row[y].is_continued = false;
}

/* The sequence behind ESC [; its length. */
static size_t sequence(struct screen *screen, const char *bytes, size_t len)
{
    char text[32];
    size_t used = 0;
    while (used < len && strchr("?0123456789;", bytes[used]) != NULL)
        used++;
    assert_true(used < len && used < sizeof text - 1);
    memcpy(text, bytes, used);
    text[used] = '\0';
    char letter = bytes[used];
    if (letter == 'm') {
        screen->is_coloured = strcmp(text, "0") != 0;
    } else if (letter == 'A') {
        size_t up = strtoul(text, NULL, 10);
        screen->y -= up < screen->y ? up : screen->y;
    } else if (letter == 'K' && used == 0) {
        clear_line(screen, screen->y, screen->x);
    } else if (letter == 'J' && used == 0) {
        clear_line(screen, screen->y, screen->x);
        for (size_t y = screen->y + 1; y < screen->rows; y++)
            clear_line(screen, y, 0);
    } else if ((letter == 'h' || letter == 'l') && strcmp(text, "?7") == 0) {
        screen->wraps = letter == 'h';
    } else if ((letter == 'h' || letter == 'l') && strcmp(text, "?25") == 0) {
        screen->has_cursor = letter == 'h';
    } else {
        screen->unknown++;
    }
    return used + 1;
}

void screen_write(struct screen *screen, const char *bytes, size_t len)
{
    for (size_t i = 0; i < len;) {
        mbstate_t state;
        wchar_t c;
        memset(&state, 0, sizeof state);
        if (bytes[i] == '\033' && i + 1 < len && bytes[i + 1] == '[') {
            i += 2 + sequence(screen, bytes + i + 2, len - i - 2);
            continue;
        }
        size_t used = mbrtowc(&c, bytes + i, len - i, &state);
        int width = used == 0 || used > len ? -1 : wcwidth(c);
        if (bytes[i] == '\r')
            screen->x = 0;
        else if (bytes[i] == '\n')
            screen->x = 0, line_down(screen);
        else if (width < 0)
            screen->unknown++;
        else
            put(screen, bytes + i, used, (size_t)width);
        i += used == 0 || used > len ? 1 : used;
    }
}

/* Writes all lines anew into rows of another width. The cursor stands at the beginning of a line.
 */
void screen_resize(struct screen *screen, size_t columns, size_t rows)
{
    struct screen_row *old = screen->row;
    size_t old_columns = screen->columns, last = screen->y;
    assert_int_equal(screen->x, 0);
    screen->row = calloc(SCREEN_ROWS_MAX, sizeof *screen->row);
    assert_non_null(screen->row);
    screen->columns = columns;
    screen->rows = rows;
    screen->y = 0;
    for (size_t y = 0; y < last; y++) {
        struct text line = {NULL, 0, 0};
        add_row(&line, &old[y], old_columns);
        screen_write(screen, line.ptr, line.len);
        text_fini(&line);
    }
    free(old);
}

struct text screen_text(const struct screen *screen)
{
    struct text text = {NULL, 0, 0};
    text_add(&text, screen->above.ptr != NULL ? screen->above.ptr : "", screen->above.len);
    for (size_t y = 0; y < screen->rows; y++)
        add_row(&text, &screen->row[y], screen->columns);
    while (text.len > 1 && text.ptr[text.len - 1] == '\n' && text.ptr[text.len - 2] == '\n')
        text.ptr[--text.len] = '\0';
    if (text.len == 1 && text.ptr[0] == '\n')
        text.ptr[text.len = 0] = '\0';
    return text;
}

bool screen_is_blank_below(const struct screen *screen)
{
    for (size_t y = screen->y; y < screen->rows; y++) {
        for (size_t x = 0; x < screen->columns; x++) {
            if (screen->row[y].cells[x].len != 0)
                return false;
        }
    }
    return true;
}
