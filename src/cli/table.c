/* SPDX-License-Identifier: Apache-2.0
 *
 * table.c: see table.h.
 */
#include "cli/table.h"

#include "cli/terminal.h"
#include "core/slices.h"

#include <stdint.h>
#include <stdio.h>

#define GAP 2

void cli_table_init(struct cli_table *table, const struct cli_column *columns, size_t count)
{
    memset(table, 0, sizeof *table);
    table->columns = columns;
    table->count = count;
    table->text = (struct dify__buffer){.allocator = dify__allocator(NULL), .max = CLI_TABLE_BYTES};
    table->is_cut = cli_stdout_is_terminal();
}

void cli_table_cell(struct cli_table *table, struct dify_slice text)
{
    if (table->cells == CLI_TABLE_ROWS * CLI_TABLE_COLUMNS ||
        dify__buffer_append(&table->text, text.ptr, text.len) != DIFY_OK) {
        table->has_failed = true;
        return;
    }
    table->len[table->cells++] = text.len;
}

/* The columns that a text takes. */
static size_t width_of(const struct cli_style *style, struct dify_slice text)
{
    size_t width = 0;
    while (text.len != 0) {
        struct cli_glyph glyph = cli_next_glyph(style, text);
        width += glyph.columns;
        text.ptr += glyph.len;
        text.len -= glyph.len;
    }
    return width;
}

static size_t fitting(const struct cli_table *table, size_t column, size_t width)
{
    size_t most = table->columns[column].most;
    return table->is_cut && most != 0 && width > most ? most : width;
}

static void measure(struct cli_table *table, const struct cli_style *style)
{
    size_t at = 0;
    for (size_t i = 0; i < table->count && !table->has_title; i++)
        table->width[i] = strlen(table->columns[i].title);
    for (size_t i = 0; i < table->cells; i++) {
        struct dify_slice cell = {dify__buffer_slice(&table->text).ptr + at, table->len[i]};
        size_t width = fitting(table, i % table->count, width_of(style, cell));
        if (width > table->width[i % table->count])
            table->width[i % table->count] = width;
        at += cell.len;
    }
}

/* A cell with the blanks around it; the last of a row has none behind it. */
static void print_cell(const struct cli_table *table, const struct cli_style *style, size_t column,
                       struct dify_slice text)
{
    size_t width = table->width[column], own = width_of(style, text);
    size_t blanks = own < width ? width - own : 0;
    bool is_last = column + 1 == table->count;
    if (table->columns[column].is_right)
        printf("%*s", (int)blanks, "");
    cli_print_cell(style, text, table->is_cut ? width : SIZE_MAX, false);
    if (!is_last)
        printf("%*s", (int)(table->columns[column].is_right ? GAP : blanks + GAP), "");
    else
        putchar('\n');
}

static void print_titles(struct cli_table *table, const struct cli_style *style)
{
    cli_colour(style, CLI_DIM);
    for (size_t i = 0; i < table->count; i++) {
        if (i + 1 == table->count)
            cli_colour(style, CLI_PLAIN);
        print_cell(table, style, i, dify__slice(table->columns[i].title));
    }
    table->has_title = true;
}

bool cli_table_flush(struct cli_table *table)
{
    const struct cli_style style = cli_style();
    bool is_whole = !table->has_failed;
    size_t at = 0;
    measure(table, &style);
    if (!table->has_title && table->cells != 0)
        print_titles(table, &style);
    for (size_t i = 0; i < table->cells - table->cells % table->count; i++) {
        struct dify_slice cell = {dify__buffer_slice(&table->text).ptr + at, table->len[i]};
        print_cell(table, &style, i % table->count, cell);
        at += cell.len;
    }
    table->cells = 0;
    table->text.len = 0;
    table->has_failed = false;
    return is_whole;
}

void cli_table_fini(struct cli_table *table)
{
    dify__buffer_fini(&table->text);
}
