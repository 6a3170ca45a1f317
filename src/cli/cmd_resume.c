/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_resume.c: difystream resume.
 */
#include "cli/commands.h"
#include "cli/left_run.h"
#include "cli/table.h"
#include "core/slices.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum {
    RESUME_USER,
    RESUME_OUTPUT,
    RESUME_RECORD,
    RESUME_ACCEPT_PARTIAL,
    RESUME_QUIET,
    RESUME_VERBOSE
};

const struct cli_option cli_resume_options[] = {
    [RESUME_USER] = {"user", 'u', "USER", NULL,
                     "whose run it is; needed for a run of which nothing was kept here"},
    [RESUME_OUTPUT] =
        {"output", 'o', "FORM", "json|summary|jsonl",
         "as for 'difystream run'; jsonl begins with the events that were seen before"},
    [RESUME_RECORD] = CLI_RECORD_OPTION,
    [RESUME_ACCEPT_PARTIAL] = CLI_ACCEPT_PARTIAL_OPTION,
    [RESUME_QUIET] = CLI_QUIET_OPTION,
    [RESUME_VERBOSE] = CLI_VERBOSE_OPTION,
    {NULL, 0, NULL, NULL, NULL},
};

/* ---- which app ----------------------------------------------------------------------------- */

/* The settings as they are said, with `app` or `base_url` (each may be NULL) instead of none. */
static bool try_settings(const struct cli_args *args, const char *app, const char *base_url,
                         struct cli_settings *settings, struct conf_error *error)
{
    const char *flags[CLI_CONNECTION_OPTIONS];
    const struct cli_settings_source source = {
        .flags = flags, .variable = cli_environment, .key_fd = STDIN_FILENO};
    memcpy(flags, args->connection, sizeof flags);
    if (app != NULL)
        flags[CLI_APP] = app;
    if (base_url != NULL)
        flags[CLI_BASE_URL] = base_url;
    return cli_settings_read(&source, settings, error);
}

static bool is_same_server(const struct cli_settings *settings, const struct cli_left_run *left)
{
    return left->base_url != NULL && strcmp(settings->base_url, left->base_url) == 0;
}

/* The run's app, where it came from the configuration and is still there. */
static bool settings_of_app(const struct cli_args *args, const struct cli_left_run *left,
                            struct cli_settings *settings)
{
    struct conf_error ignored;
    if (left->app == NULL || !try_settings(args, left->app, NULL, settings, &ignored))
        return false;
    if (is_same_server(settings, left))
        return true;
    cli_settings_fini(settings);
    return false;
}

/* Settings for the journal's server: those of its app, else as they are said. A key goes to the
 * server that it is set for, or, where none is set, to that of the journal. */
static bool settings_for(const struct cli_args *args, const struct cli_left_run *left,
                         struct cli_settings *settings)
{
    struct conf_error error, ignored;
    bool is_said = args->connection[CLI_APP] != NULL || args->connection[CLI_BASE_URL] != NULL;
    if (!is_said && settings_of_app(args, left, settings))
        return true;
    if (try_settings(args, NULL, NULL, settings, &error)) {
        if (is_said || is_same_server(settings, left))
            return true;
        cli_complain("resume",
                     "the run was started at %s, but the settings say %s; if that is the same "
                     "Dify, say so with --base-url, else name the app with --app",
                     left->base_url != NULL ? left->base_url : "an unknown address",
                     settings->base_url);
        cli_settings_fini(settings);
        return false;
    }
    if (!is_said && try_settings(args, NULL, left->base_url, settings, &ignored))
        return true;
    cli_complain("resume", "%s", error.text);
    return false;
}

/* ---- taking up ----------------------------------------------------------------------------- */

static struct cli_following_options options_of(const struct cli_args *args)
{
    return (struct cli_following_options){.command = "resume",
                                          .output = args->value[RESUME_OUTPUT],
                                          .record = args->value[RESUME_RECORD],
                                          .is_quiet = args->value[RESUME_QUIET] != NULL,
                                          .is_verbose = args->value[RESUME_VERBOSE] != NULL};
}

static int go_on(const struct cli_args *args, struct cli_left_run *left,
                 const struct cli_settings *settings)
{
    struct cli_following following;
    struct cli_following_options options = options_of(args);
    struct dify_order order;
    char said[DIFY__UUID_SIZE + 8];
    int status = CLI_EXIT_USAGE;
    cli_left_run_put(left, &order);
    if (cli_following_init(&following, &options, settings) &&
        cli_following_order(&following, &order)) {
        snprintf(said, sizeof said, "run %s", left->header.id);
        cli_following_say(&following, CLI_PROGRESS_NOTE, said);
        memcpy(following.id, left->header.id, sizeof following.id);
        following.ids = left->ids;
        following.was_submitted = true;
        following.was_stopped = left->was_stopped;
        cli_left_run_recall(left, following.follow);
        following.journal = cli_left_run_take(left);
        status = cli_following_finish(&following);
    }
    cli_following_fini(&following);
    return status;
}

static int resume_left(const struct cli_args *args, struct cli_left_run *left)
{
    struct cli_settings settings;
    if (left->sent_ms == 0) {
        cli_complain("resume", "of %s nothing was run: the command ended before it was sent",
                     left->header.id);
        cli_journal_end(cli_left_run_take(left), cli_unix_now_ms());
        return CLI_EXIT_USAGE;
    }
    if (!settings_for(args, left, &settings))
        return CLI_EXIT_USAGE;
    settings.accept_partial |= args->value[RESUME_ACCEPT_PARTIAL] != NULL;
    int status = go_on(args, left, &settings);
    cli_settings_fini(&settings);
    return status;
}

/* A run of which nothing is kept here, by Dify's id. */
static int resume_by_id(const struct cli_args *args, const char *id, const char *why)
{
    struct cli_settings settings;
    struct cli_following following;
    struct cli_following_options options = options_of(args);
    int status = CLI_EXIT_USAGE;
    if (!cli_settings_of("resume", args, &settings))
        return status;
    const char *user = args->value[RESUME_USER];
    struct dify_order order = {
        .size = sizeof order, .user = user != NULL ? user : settings.user, .workflow_run_id = id};
    settings.accept_partial |= args->value[RESUME_ACCEPT_PARTIAL] != NULL;
    if (order.user == NULL) {
        cli_complain("resume",
                     "%s; a run that was started elsewhere is taken up by Dify's id and "
                     "its user: --user USER",
                     why);
    } else {
        if (cli_following_init(&following, &options, &settings) &&
            cli_following_order(&following, &order)) {
            following.was_submitted = true;
            status = cli_following_finish(&following);
        }
        cli_following_fini(&following);
    }
    cli_settings_fini(&settings);
    return status;
}

/* ---- what there is ------------------------------------------------------------------------- */

static void add_time(struct cli_table *table, uint64_t unix_ms)
{
    char text[40] = "";
    struct tm local;
    time_t when = (time_t)(unix_ms / 1000);
    if (localtime_r(&when, &local) != NULL)
        (void)strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &local);
    cli_table_cell(table, dify__slice(text));
}

static bool add_row(void *ctx, const struct cli_journal_entry *entry)
{
    struct cli_table *table = ctx;
    const char *state = entry->is_followed      ? "followed"
                        : !entry->was_submitted ? "not sent"
                        : entry->is_paused      ? "paused"
                                                : "left";
    if (table->cells / table->count == CLI_TABLE_ROWS && !cli_table_flush(table))
        return false;
    cli_table_cell(table, dify__slice(entry->header.id));
    add_time(table, entry->header.created_ms);
    cli_table_cell(table, dify__slice(state));
    cli_table_cell(table,
                   entry->header.app.ptr != NULL ? entry->header.app : entry->header.base_url);
    cli_table_cell(table, entry->ids.workflow_run_id);
    return true;
}

static int list_runs(const char *folder)
{
    static const struct cli_column columns[] = {{"run", false, 0},
                                                {"started", false, 0},
                                                {"state", false, 0},
                                                {"app", false, 40},
                                                {"workflow_run_id", false, 40}};
    struct cli_table table;
    struct cli_journal_error error;
    cli_table_init(&table, columns, sizeof columns / sizeof columns[0]);
    bool ok = cli_journal_list(folder, add_row, &table, &error) == CLI_JOURNAL_OK;
    if (!ok)
        cli_complain("resume", "%s", error.text);
    else if (table.cells == 0 && !table.has_title)
        cli_complain("resume", "there is no run to take up");
    else
        ok = cli_table_flush(&table);
    cli_table_fini(&table);
    return ok ? CLI_EXIT_OK : CLI_EXIT_USAGE;
}

/* ---- the command --------------------------------------------------------------------------- */

static void on_journal_lost(void *ctx, const char *message)
{
    (void)ctx;
    cli_complain("resume", "the run goes on, but cannot be taken up again: %s", message);
}

static int resume(const struct cli_args *args, const char *folder)
{
    const char *name = args->operand[0];
    struct cli_left_run left;
    struct cli_journal_error error;
    struct cli_journal_options options = {cli_unix_now_ms(), on_journal_lost, NULL};
    if (args->value[RESUME_QUIET] != NULL)
        options.report = NULL;
    enum cli_journal_err err = cli_left_run_open(&left, folder, name, &options, &error);
    if (err == CLI_JOURNAL_ABSENT && name[0] != '\0')
        return resume_by_id(args, name, error.text);
    if (err != CLI_JOURNAL_OK) {
        cli_complain("resume", "%s", error.text);
        return CLI_EXIT_USAGE;
    }
    int status = resume_left(args, &left);
    cli_left_run_close(&left);
    return status;
}

int cli_run_resume(const struct cli_args *args)
{
    cli_protect_secrets();
    char *folder = cli_journal_folder(getenv("XDG_STATE_HOME"), getenv("HOME"));
    if (folder == NULL) {
        cli_complain("resume",
                     "there is no folder of runs: neither HOME nor XDG_STATE_HOME is set");
        return CLI_EXIT_USAGE;
    }
    int status = args->operands == 0 ? list_runs(folder) : resume(args, folder);
    free(folder);
    return status;
}
