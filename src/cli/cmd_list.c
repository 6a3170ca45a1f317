/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_list.c: difystream list: the runs that Dify has stored, newest first.
 */
#include "cli/asking.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/table.h"
#include "cli/terminal.h"
#include "cli/when.h"
#include "core/json_text.h"
#include "core/slices.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum {
    LIST_USER,
    LIST_STATUS,
    LIST_KEYWORD,
    LIST_AFTER,
    LIST_BEFORE,
    LIST_LIMIT,
    LIST_PAGE,
    LIST_ALL,
    LIST_OUTPUT
};

const struct cli_option cli_list_options[] = {
    [LIST_USER] = {"user", 'u', "USER", NULL, "only runs for this user, exactly"},
    [LIST_STATUS] = {"status", 's', "STATUS", "succeeded|failed|stopped",
                     "only runs that ended so"},
    [LIST_KEYWORD] = {"keyword", 'k', "WORD", NULL,
                      "only runs with this in their inputs, outputs, user or id"},
    [LIST_AFTER] = {"after", 0, "TIME", NULL,
                    "only runs that began after TIME: 2026-08-01, 2026-08-01T14:30 (your time, or "
                    "with an offset or Z), or 90s, 30m, 2h, 3d, 1w ago"},
    [LIST_BEFORE] = {"before", 0, "TIME", NULL, "only runs that began before TIME"},
    [LIST_LIMIT] = {"limit", 'n', "N", NULL, "rows of a page, at most 100 (default 20)"},
    [LIST_PAGE] = {"page", 'p', "N", NULL, "which page (default 1)"},
    [LIST_ALL] = {"all", 'a', NULL, NULL, "all pages, one after the other"},
    [LIST_OUTPUT] = {"output", 'o', "FORM", "table|json|jsonl",
                     "print a table (the default), one JSON array, or one JSON line a run"},
    {NULL, 0, NULL, NULL, NULL},
};

/* Pages that --all asks for at most. */
#define LIST_PAGES 100000

#define LIST_PAGE_ROWS 100

/* Of a row's own id, a UUID. */
#define LIST_ID_BYTES 40

enum form { FORM_TABLE, FORM_JSON, FORM_JSONL };

struct listing {
    struct cli_asking asking;
    struct dify_log_filter filter;
    char after[CLI_WHEN_BYTES], before[CLI_WHEN_BYTES];
    enum form form;
    bool is_all;
    struct cli_table table;
    struct dify__writer writer;
    uint64_t rows;
    /* The rows of the page before: runs that began meanwhile push rows onto the next page. */
    char seen[LIST_PAGE_ROWS][LIST_ID_BYTES];
    size_t seen_count;
};

static const struct cli_column columns[] = {
    {"began", false, 0}, {"status", false, 20}, {"seconds", true, 0}, {"tokens", true, 0},
    {"steps", true, 0},  {"user", false, 20},   {"run", false, 0},
};

/* ---- options ------------------------------------------------------------------------------- */

static bool read_number(const struct cli_args *args, size_t option, size_t max, unsigned *out)
{
    size_t value;
    if (args->value[option] == NULL)
        return true;
    if (!cli_read_size(args->value[option], 1, max, &value)) {
        cli_complain("list", "--%s takes a number from 1 to %zu, not '%s'",
                     cli_list_options[option].name, max, args->value[option]);
        return false;
    }
    *out = (unsigned)value;
    return true;
}

static bool read_time(const struct cli_args *args, size_t option, char room[CLI_WHEN_BYTES],
                      const char **out)
{
    int64_t when_s;
    const char *text = args->value[option];
    if (text == NULL)
        return true;
    if (!cli_when_read(text, (int64_t)time(NULL), &when_s) || !cli_when_format(when_s, room)) {
        cli_complain("list",
                     "--%s takes a time such as 2026-08-01, 2026-08-01T14:30 or 2h, not '%s'",
                     cli_list_options[option].name, text);
        return false;
    }
    *out = room;
    return true;
}

static bool read_options(struct listing *listing, const struct cli_args *args)
{
    struct dify_log_filter *filter = &listing->filter;
    const char *form = args->value[LIST_OUTPUT];
    filter->size = sizeof *filter;
    filter->user = args->value[LIST_USER];
    filter->status = args->value[LIST_STATUS];
    filter->keyword = args->value[LIST_KEYWORD];
    listing->is_all = args->value[LIST_ALL] != NULL;
    filter->limit = listing->is_all ? LIST_PAGE_ROWS : 20;
    filter->page = 1;
    if (form != NULL)
        listing->form = strcmp(form, "json") == 0    ? FORM_JSON
                        : strcmp(form, "jsonl") == 0 ? FORM_JSONL
                                                     : FORM_TABLE;
    if (listing->is_all && args->value[LIST_PAGE] != NULL) {
        cli_complain("list", "either --page or --all");
        return false;
    }
    return read_number(args, LIST_LIMIT, LIST_PAGE_ROWS, &filter->limit) &&
           read_number(args, LIST_PAGE, 99999, &filter->page) &&
           read_time(args, LIST_AFTER, listing->after, &filter->after) &&
           read_time(args, LIST_BEFORE, listing->before, &filter->before);
}

/* ---- rows ---------------------------------------------------------------------------------- */

static bool was_seen(const struct listing *listing, struct dify_slice id)
{
    for (size_t i = 0; i < listing->seen_count; i++)
        if (dify__slice_is(id, listing->seen[i]))
            return true;
    return false;
}

/* Whom a run was for: an end user of the API, or somebody who is at home in Dify. */
static struct dify_slice user_of(yyjson_val *row)
{
    struct dify_slice user =
        cli_string(yyjson_obj_get(yyjson_obj_get(row, "created_by_end_user"), "session_id"));
    if (user.ptr != NULL)
        return user;
    return cli_string(yyjson_obj_get(yyjson_obj_get(row, "created_by_account"), "name"));
}

static void add_cells(struct cli_table *table, yyjson_val *row)
{
    char room[CLI_VALUE_BYTES];
    yyjson_val *run = yyjson_obj_get(row, "workflow_run");
    yyjson_val *began = yyjson_obj_get(run, "created_at");
    cli_table_cell(table,
                   cli_time(began != NULL ? began : yyjson_obj_get(row, "created_at"), room));
    cli_table_cell(table, cli_string(yyjson_obj_get(run, "status")));
    cli_table_cell(table, cli_seconds(yyjson_obj_get(run, "elapsed_time"), room));
    cli_table_cell(table, cli_value(yyjson_obj_get(run, "total_tokens"), room));
    cli_table_cell(table, cli_value(yyjson_obj_get(run, "total_steps"), room));
    cli_table_cell(table, user_of(row));
    cli_table_cell(table, cli_string(yyjson_obj_get(run, "id")));
}

/* A row as a line of its own. */
static bool print_line(struct dify_slice json)
{
    struct dify__writer writer;
    dify__writer_init(&writer, DIFY_JSON_COMPACT, cli_output_write, NULL);
    dify__write_json(&writer, json);
    return dify__writer_finish(&writer) == DIFY_OK && cli_output_write(NULL, "\n", 1) == DIFY_OK;
}

static bool print_row(struct listing *listing, const struct dify__elements *row)
{
    switch (listing->form) {
    case FORM_TABLE:
        add_cells(&listing->table, row->value);
        return true;
    case FORM_JSON:
        dify__write_element(&listing->writer);
        dify__write_json(&listing->writer, row->text);
        return true;
    case FORM_JSONL:
        return print_line(row->text);
    }
    return false;
}

static bool print_page(struct listing *listing)
{
    const struct cli_reply *reply = &listing->asking.reply;
    char ids[LIST_PAGE_ROWS][LIST_ID_BYTES];
    size_t count = 0;
    struct dify__members members;
    struct dify__elements rows = {.value = NULL};
    bool is_written = true;
    dify__members_of_root(&members, &reply->json);
    while (dify__members_next(&members))
        if (dify__slice_is(members.key, "data"))
            rows = dify__json_elements(members.value, dify__members_text(&members));
    for (size_t i = 0; is_written && i < LIST_PAGE_ROWS && dify__elements_next(&rows); i++) {
        struct dify_slice id = cli_string(yyjson_obj_get(rows.value, "id"));
        if (id.ptr != NULL && id.len < LIST_ID_BYTES)
            snprintf(ids[count++], LIST_ID_BYTES, "%.*s", (int)id.len, id.ptr);
        if (was_seen(listing, id))
            continue;
        is_written = print_row(listing, &rows);
        listing->rows++;
    }
    memcpy(listing->seen, ids, count * sizeof ids[0]);
    listing->seen_count = count;
    if (listing->form == FORM_TABLE)
        is_written = cli_table_flush(&listing->table) && is_written;
    return cli_output_flush() && is_written;
}

/* ---- pages --------------------------------------------------------------------------------- */

static int list_pages(struct listing *listing)
{
    struct cli_asking *asking = &listing->asking;
    int status;
    do {
        status = cli_asked(asking, dify_list_logs(asking->app, &listing->filter, cli_answered,
                                                  asking, &asking->call));
        if (status == CLI_EXIT_OK && !print_page(listing))
            status = CLI_EXIT_USAGE;
    } while (status == CLI_EXIT_OK && listing->is_all && ++listing->filter.page <= LIST_PAGES &&
             yyjson_is_true(yyjson_obj_get(asking->reply.root, "has_more")));
    return status;
}

static void say_empty(const struct listing *listing)
{
    const struct dify_log_filter *filter = &listing->filter;
    bool is_filtered = filter->user != NULL || filter->status != NULL || filter->keyword != NULL ||
                       filter->after != NULL || filter->before != NULL || filter->page > 1;
    fprintf(stderr, is_filtered && !listing->is_all ? "no such runs on this page\n"
                    : is_filtered                   ? "no such runs\n"
                                                    : "no runs\n");
}

static int list(struct listing *listing)
{
    enum dify_json_style style = cli_stdout_is_terminal() ? DIFY_JSON_PRETTY : DIFY_JSON_COMPACT;
    cli_table_init(&listing->table, columns, sizeof columns / sizeof columns[0]);
    dify__writer_init(&listing->writer, style, cli_output_write, NULL);
    if (listing->form == FORM_JSON)
        dify__write_open(&listing->writer, '[');
    int status = list_pages(listing);
    if (listing->form == FORM_JSON && (status == CLI_EXIT_OK || listing->rows != 0)) {
        dify__write_close(&listing->writer, ']');
        if (dify__writer_finish(&listing->writer) != DIFY_OK ||
            cli_output_write(NULL, "\n", 1) != DIFY_OK)
            status = CLI_EXIT_USAGE;
    }
    if (status == CLI_EXIT_OK && listing->rows == 0)
        say_empty(listing);
    cli_table_fini(&listing->table);
    return status;
}

int cli_run_list(const struct cli_args *args)
{
    struct listing *listing = calloc(1, sizeof *listing); /* too large for a small stack */
    int status = CLI_EXIT_USAGE;
    if (listing == NULL) {
        cli_complain("list", "out of memory");
    } else if (read_options(listing, args) && cli_asking_open(&listing->asking, "list", args)) {
        status = list(listing);
        cli_asking_close(&listing->asking);
    }
    free(listing);
    return status;
}
