/* SPDX-License-Identifier: Apache-2.0
 *
 * table.h: a table for people: rows are collected, then printed in columns as wide as they need.
 *
 *     struct cli_table table;
 *     cli_table_init(&table, columns, 3);
 *     cli_table_cell(&table, name);   a row has as many cells as there are columns
 *     ...
 *     bool ok = cli_table_flush(&table);
 *     cli_table_fini(&table);
 */
#ifndef DIFY_CLI_TABLE_H
#define DIFY_CLI_TABLE_H

#include "core/memory.h"

#define CLI_TABLE_COLUMNS 8
#define CLI_TABLE_ROWS 1000
#define CLI_TABLE_BYTES ((size_t)16 << 20)

struct cli_column {
    const char *title;
    bool is_right; /* a figure */
    size_t most;   /* columns of the terminal that a cell may have there; 0: all */
};

struct cli_table {
    const struct cli_column *columns;
    size_t count;
    size_t width[CLI_TABLE_COLUMNS];
    struct dify__buffer text; /* of all cells, one behind the other */
    size_t len[CLI_TABLE_ROWS * CLI_TABLE_COLUMNS];
    size_t cells;
    bool has_title; /* it was printed */
    bool is_cut;    /* on a terminal: wide cells are cut, elsewhere they are whole */
    bool has_failed;
};

void cli_table_init(struct cli_table *table, const struct cli_column *columns, size_t count);

/* The next cell, copied. What passes a ceiling is told by cli_table_flush(). */
void cli_table_cell(struct cli_table *table, struct dify_slice text);

/* Prints the rows, below the titles the first time, and forgets them; columns stay as wide as they
 * were at least. False if something was lost. */
bool cli_table_flush(struct cli_table *table);

void cli_table_fini(struct cli_table *table);

#endif
