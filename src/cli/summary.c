/* SPDX-License-Identifier: Apache-2.0
 *
 * summary.c: the summary of a result.
 *
 * Texts of the stream go through cli_print_cell(), which lets no control character through.
 */
#include "cli/summary.h"

#include "cli/terminal.h"
#include "core/slices.h"
#include "difystream/result.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How many containers that were not printed yet are looked at for one that a node is in. */
#define CONTAINERS_AHEAD 64

/* Columns of the table besides the name and the bar. */
#define SECONDS_COLUMNS 10
#define TOKENS_COLUMNS 9
#define FIXED_COLUMNS (2 + SECONDS_COLUMNS + 1 + TOKENS_COLUMNS + 2)

struct table {
    struct cli_style style;
    size_t columns;
    size_t name_columns;
    size_t bar_columns;
    double longest; /* seconds */
};

static double seconds_of(const struct dify_node *node)
{
    char text[128];
    if (node->elapsed_time.ptr == NULL || node->elapsed_time.len >= sizeof text)
        return 0;
    memcpy(text, node->elapsed_time.ptr, node->elapsed_time.len);
    text[node->elapsed_time.len] = '\0';
    return strtod(text, NULL);
}

static void print_mark(const struct table *table, struct dify_slice status)
{
    bool unicode = table->style.has_unicode;
    enum cli_colour colour = CLI_YELLOW;
    const char *mark = unicode ? "\xE2\x80\xA6" : "~"; /* …: running, retry, paused */
    if (dify__slice_is(status, "succeeded")) {
        colour = CLI_GREEN;
        mark = unicode ? "\xE2\x9C\x93" : "+"; /* ✓ */
    } else if (dify__slice_is(status, "failed") || dify__slice_is(status, "stopped")) {
        colour = CLI_RED;
        mark = unicode ? "\xE2\x9C\x97" : "x"; /* ✗ */
    } else if (dify__slice_is(status, "exception")) {
        mark = "!";
    }
    cli_colour(&table->style, colour);
    printf("%s ", mark);
    cli_colour(&table->style, CLI_PLAIN);
}

/* A bar of `seconds`, in eighths of a column where the terminal can show them. */
static void print_bar(const struct table *table, double seconds)
{
    /* U+258F to U+2589 */
    static const char eighths[8][4] = {"",
                                       "\xE2\x96\x8F",
                                       "\xE2\x96\x8E",
                                       "\xE2\x96\x8D",
                                       "\xE2\x96\x8C",
                                       "\xE2\x96\x8B",
                                       "\xE2\x96\x8A",
                                       "\xE2\x96\x89"};
    if (table->longest <= 0 || seconds <= 0)
        return;
    double share = seconds / table->longest;
    size_t parts = (size_t)(share * (double)(table->bar_columns * 8) + 0.5);
    if (parts == 0)
        parts = 1;
    fputs("  ", stdout);
    cli_colour(&table->style, CLI_CYAN);
    for (size_t i = 0; i < parts / 8; i++)
        fputs(table->style.has_unicode ? "\xE2\x96\x88" : "#", stdout);
    if (table->style.has_unicode)
        fputs(eighths[parts % 8], stdout);
    else if (parts < 8)
        fputc('#', stdout);
    cli_colour(&table->style, CLI_PLAIN);
}

/* One line, cut at the terminal's edge. */
static void print_line(const struct table *table, enum cli_colour colour, size_t indent,
                       struct dify_slice text)
{
    printf("%*s", (int)indent, "");
    cli_colour(&table->style, colour);
    cli_print_cell(&table->style, text, table->columns - indent, false);
    cli_colour(&table->style, CLI_PLAIN);
    putchar('\n');
}

static void print_node(const struct table *table, const struct dify_node *node)
{
    bool is_inner = node->iteration_id.ptr != NULL || node->loop_id.ptr != NULL;
    size_t indent = is_inner ? 2 : 0;
    struct dify_slice name = node->title.len != 0 ? node->title : node->node_id;
    char figure[32];
    double seconds = seconds_of(node);
    printf("%*s", (int)indent, "");
    print_mark(table, node->status);
    cli_print_cell(&table->style, name, table->name_columns - indent, true);
    snprintf(figure, sizeof figure, "%.3f s", seconds);
    printf("%*s ", SECONDS_COLUMNS, node->elapsed_time.ptr != NULL ? figure : "-");
    snprintf(figure, sizeof figure, "%" PRIu64, node->total_tokens);
    printf("%*s", TOKENS_COLUMNS, node->has_tokens ? figure : "-");
    print_bar(table, seconds);
    putchar('\n');
    if (node->retries != 0) {
        snprintf(figure, sizeof figure, "tried again %u times", (unsigned)node->retries);
        print_line(table, CLI_YELLOW, indent + 2,
                   node->retries == 1 ? DIFY_SLICE("tried again once") : dify__slice(figure));
    }
    if (node->error.len != 0)
        print_line(table, CLI_RED, indent + 2, node->error);
}

static void measure(struct table *table, const struct dify_node *node)
{
    double seconds = seconds_of(node);
    if (seconds > table->longest)
        table->longest = seconds;
}

static bool is_inside(const struct dify_node *container, const struct dify_node *node)
{
    struct dify_slice id = container->node_id;
    return id.len != 0 &&
           (dify__slice_equals(id, node->iteration_id) || dify__slice_equals(id, node->loop_id));
}

/* Prints the containers before the first node that runs inside them. `*next`: the first one that
 * was not printed yet. */
static void print_containers_of(const struct table *table, const struct dify_run *run,
                                const struct dify_node *node, size_t *next)
{
    struct dify_node container;
    if (node->iteration_id.ptr == NULL && node->loop_id.ptr == NULL)
        return;
    for (size_t i = *next; i < *next + CONTAINERS_AHEAD && dify_run_container(run, i, &container);
         i++) {
        if (!is_inside(&container, node))
            continue;
        for (; *next <= i && dify_run_container(run, *next, &container); ++*next)
            print_node(table, &container);
        return;
    }
}

static void print_nodes(struct table *table, const struct dify_run *run)
{
    struct dify_node node;
    size_t next_container = 0;
    for (size_t i = 0; dify_run_node(run, i, &node); i++)
        measure(table, &node);
    for (size_t i = 0; dify_run_container(run, i, &node); i++)
        measure(table, &node);
    if (!dify_run_node(run, 0, &node) && !dify_run_container(run, 0, &node))
        return;
    cli_colour(&table->style, CLI_DIM);
    printf("\n  %-*s%*s %*s\n", (int)table->name_columns, "node", SECONDS_COLUMNS, "time",
           TOKENS_COLUMNS, "tokens");
    cli_colour(&table->style, CLI_PLAIN);
    for (size_t i = 0; dify_run_node(run, i, &node); i++) {
        print_containers_of(table, run, &node, &next_container);
        print_node(table, &node);
    }
    while (dify_run_container(run, next_container, &node)) {
        print_node(table, &node);
        next_container++;
    }
}

static void print_status(const struct table *table, const struct dify_result *result)
{
    enum cli_colour colour = result->success ? CLI_GREEN : CLI_RED;
    struct dify_slice status =
        result->success && result->status.ptr != NULL ? result->status : result->code;
    print_line(table, colour, 0, status);
    if (!result->success) { /* in full: it says what happened */
        cli_print_cell(&table->style, result->message, SIZE_MAX, false);
        putchar('\n');
    }
    if (result->workflow_run_id.ptr != NULL) {
        fputs("run ", stdout);
        cli_print_cell(&table->style, result->workflow_run_id, table->columns - 4, false);
        putchar('\n');
    }
}

/* At most `columns` bytes of a text made here, as part of a line. */
static struct dify_slice cut(struct dify_slice text, size_t columns)
{
    return (struct dify_slice){text.ptr, text.len < columns ? text.len : columns};
}

static void print_totals(const struct table *table, const struct dify_result *result)
{
    char line[512];
    struct dify_slice clock = cut(result->workflow_elapsed_time, 40);
    struct dify_slice currency = cut(result->currency, 40);
    struct dify_slice steps = cut(result->total_steps, 40);
    snprintf(line, sizeof line, "%s s over nodes%s%.*s%s", result->elapsed_time,
             clock.ptr != NULL ? ", " : "", (int)clock.len, clock.ptr != NULL ? clock.ptr : "",
             clock.ptr != NULL ? " s by Dify's clock" : "");
    print_line(table, CLI_PLAIN, 0, dify__slice(line));
    snprintf(line, sizeof line, "%" PRIu64 " tokens, %s %.*s, %.*s steps, %" PRIu64 " events",
             result->total_tokens, result->total_price, (int)currency.len, currency.ptr,
             (int)steps.len, steps.ptr, result->event_count);
    print_line(table, CLI_PLAIN, 0, dify__slice(line));
    if (result->has_tts)
        printf("%" PRIu64 " bytes of audio\n", result->tts_bytes);
    if (!result->complete)
        print_line(table, CLI_YELLOW, 0,
                   DIFY_SLICE("some nodes finished unseen: their outputs and prices are missing"));
}

static void print_warnings(const struct table *table, const struct dify_run *run,
                           const struct dify_result *result)
{
    uint64_t offset;
    const char *reason;
    if (result->warning_count != 0)
        printf("\n%" PRIu64 " %s\n", result->warning_count,
               result->warning_count == 1 ? "warning" : "warnings");
    for (size_t i = 0; dify_run_warning(run, i, &offset, &reason); i++) {
        char line[320];
        snprintf(line, sizeof line, "byte %" PRIu64 ": %s", offset, reason);
        print_line(table, CLI_YELLOW, 2, dify__slice(line));
    }
}

void cli_summary(const struct dify_run *run)
{
    struct dify_result result;
    struct table table = {.style = cli_style()};
    table.columns = cli_columns();
    table.bar_columns = table.columns >= 72 ? table.columns / 4 : 8;
    table.name_columns = table.columns - FIXED_COLUMNS - table.bar_columns;
    if (table.name_columns > 48)
        table.name_columns = 48;
    dify_run_result(run, &result);
    print_status(&table, &result);
    print_totals(&table, &result);
    if (result.answer.len != 0) {
        putchar('\n');
        print_line(&table, CLI_PLAIN, 0, result.answer);
    }
    print_nodes(&table, run);
    print_warnings(&table, run, &result);
}
