/* SPDX-License-Identifier: Apache-2.0
 *
 * test_table.c: the ceilings of a table. What it prints goes nowhere; asking.py looks at it.
 */
#include "kit.h"

#include "cli/table.h"

#include <stdio.h>
#include <stdlib.h>

static const struct cli_column columns[CLI_TABLE_COLUMNS] = {
    {"a", false, 0}, {"b", true, 0},  {"c", false, 3}, {"d", true, 3},
    {"e", false, 0}, {"f", false, 0}, {"g", false, 0}, {"h", true, 0},
};

static void fill(struct cli_table *table, size_t rows, struct dify_slice text)
{
    for (size_t i = 0; i < rows * table->count; i++)
        cli_table_cell(table, text);
}

static void test_rows(void **state)
{
    struct cli_table *table = malloc(sizeof *table);
    (void)state;
    assert_non_null(table);
    cli_table_init(table, columns, CLI_TABLE_COLUMNS);
    assert_true(cli_table_flush(table)); /* an empty one prints nothing */
    assert_false(table->has_title);
    fill(table, CLI_TABLE_ROWS, DIFY_SLICE("x"));
    assert_true(cli_table_flush(table));
    fill(table, CLI_TABLE_ROWS, (struct dify_slice){NULL, 0});
    cli_table_cell(table, DIFY_SLICE("one too many"));
    assert_false(cli_table_flush(table));
    fill(table, 1, DIFY_SLICE("and again"));
    assert_true(cli_table_flush(table));
    assert_int_equal(table->width[0], 9); /* a column stays as wide as it was */
    cli_table_fini(table);
    free(table);
}

static void test_bytes(void **state)
{
    static char text[CLI_TABLE_BYTES];
    struct cli_table *table = malloc(sizeof *table);
    (void)state;
    assert_non_null(table);
    memset(text, 'x', sizeof text);
    cli_table_init(table, columns, 1);
    cli_table_cell(table, (struct dify_slice){text, sizeof text});
    assert_true(cli_table_flush(table));
    cli_table_cell(table, (struct dify_slice){text, sizeof text});
    cli_table_cell(table, (struct dify_slice){text, 1});
    assert_false(cli_table_flush(table));
    cli_table_fini(table);
    free(table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_bytes),
    };
    if (freopen("/dev/null", "w", stdout) == NULL)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
