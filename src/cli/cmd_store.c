/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_store.c: difystream store: looking after the runs that a gateway keeps.
 */
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/when.h"
#include "conf/units.h"
#include "core/json_text.h"
#include "core/slices.h"
#include "gateway/hub.h"
#include "store/store.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { STORE_RUN, STORE_SINCE, STORE_EVENTS, STORE_MAX_AGE, STORE_MAX_SIZE };

const struct cli_option cli_store_options[] = {
    [STORE_RUN] = {"run", 0, "ID", NULL,
                   "export: only the run with this id, its own or Dify's workflow_run_id"},
    [STORE_SINCE] = {"since", 0, "TIME", NULL,
                     "export: only runs that began at TIME or later, as for 'difystream list'"},
    [STORE_EVENTS] = {"events", 0, NULL, NULL, "export: with the log of each run"},
    [STORE_MAX_AGE] = {"max-age", 0, "TIME", NULL,
                       "prune: remove runs that ended longer ago, such as 30d"},
    [STORE_MAX_SIZE] = {"max-size", 0, "SIZE", NULL,
                        "prune: remove the oldest runs until the file is no larger, such as 10GB"},
    {NULL, 0, NULL, NULL, NULL},
};

/* What is read of a log at a time, and the most: one record may be longer. */
#define LOG_BYTES ((size_t)256 << 10)
#define LOG_MOST (STORE_RECORD_BYTES + STORE_QUEUE_BYTES)

static int complain(enum dify_err err, const struct store_error *error)
{
    if (err == DIFY_ERR_ARGUMENT)
        cli_complain("store", "%s", error->text);
    else
        cli_complain("store", "%s",
                     err == DIFY_ERR_NOMEM ? "out of memory" : "the store cannot be read");
    return CLI_EXIT_USAGE;
}

/* ---- check --------------------------------------------------------------------------------- */

static void say_line(void *ctx, const char *line)
{
    (void)ctx;
    (void)cli_output_write(NULL, line, strlen(line));
    (void)cli_output_write(NULL, "\n", 1);
}

static int check(const char *path)
{
    struct store_error error;
    uint64_t found = 0;
    enum dify_err err = store_check(path, say_line, NULL, &found, &error);
    if (err != DIFY_OK)
        return complain(err, &error);
    if (!cli_output_flush())
        return CLI_EXIT_USAGE;
    if (found == 0)
        return CLI_EXIT_OK;
    cli_complain("store", "%s: %" PRIu64 " fault%s", path, found, found == 1 ? "" : "s");
    return 1;
}

/* ---- export -------------------------------------------------------------------------------- */

struct exporting {
    struct store_reader *reader;
    struct dify__writer writer;
    struct dify__buffer log;
    bool has_events;
    uint64_t since_ms;
    enum dify_err err; /* of what was done for a row */
};

/* Absent where it is 0. */
static void put_time(struct dify__writer *writer, const char *key, uint64_t time_ms)
{
    dify__write_key(writer, key);
    if (time_ms != 0)
        dify__write_uint(writer, time_ms);
    else
        dify__write_null(writer);
}

static const char *kind_name(enum store_record_kind kind)
{
    switch (kind) {
    case STORE_RECORD_EVENT:
        return "event";
    case STORE_RECORD_FOLLOW:
        return "follow";
    case STORE_RECORD_STREAM:
        return "stream";
    case STORE_RECORD_REPEAT:
        return "repeat";
    case STORE_RECORD_V1:
        return "v1";
    case STORE_RECORD_PING:
        return "ping";
    }
    return "unknown";
}

static void put_record(struct dify__writer *writer, uint32_t number,
                       const struct store_record *record)
{
    const char *kind = kind_name(record->kind);
    dify__write_element(writer);
    dify__write_open(writer, '{');
    dify__key_uint(writer, "number", number);
    dify__key_string(writer, "kind", dify__slice(kind));
    dify__write_key(writer, "data");
    if (record->text.len != 0)
        dify__write_json(writer, record->text);
    else
        dify__write_null(writer);
    dify__write_close(writer, '}');
}

static enum dify_err put_log(struct exporting *exporting, uint64_t run)
{
    uint32_t next = 1, first;
    enum dify_err err;
    for (;;) {
        dify__buffer_clear(&exporting->log, 4 * LOG_BYTES);
        err = store_read_log(exporting->reader, run, next, LOG_BYTES, &exporting->log, &first);
        if (err != DIFY_OK)
            return err == DIFY_ERR_ABSENT ? DIFY_OK : err;
        struct dify_slice records = dify__buffer_slice(&exporting->log);
        struct store_record record;
        for (next = first; store_record_next(&records, &record); next++)
            put_record(&exporting->writer, next, &record);
        if (records.len != 0)
            return DIFY_ERR_STATE;
    }
}

static void put_ends(struct dify__writer *writer, const struct store_row *row)
{
    dify__key_string(writer, "workflow_run_id", row->run_id);
    dify__key_string(writer, "task_id", row->task_id);
    dify__key_string(writer, "message_id", row->message_id);
    dify__key_string(writer, "status", row->status);
    dify__key_string(writer, "code", row->code);
    dify__write_key(writer, "success");
    dify__write_bool(writer, row->success);
    dify__key_uint(writer, "http_status", row->http_status);
    dify__key_uint(writer, "total_tokens", row->tokens);
    dify__key_string(writer, "price", row->price);
    dify__key_string(writer, "currency", row->currency);
    dify__key_uint(writer, "steps", row->steps);
    dify__key_uint(writer, "events", row->events);
    dify__key_string(writer, "rating", row->rating);
    dify__key_string(writer, "comment", row->comment);
}

static bool put_run(void *ctx, const struct store_row *row)
{
    static const char *const states[] = {"accepted", "submitting", "started", "ended"};
    struct exporting *exporting = ctx;
    struct dify__writer *writer = &exporting->writer;
    char id[DIFY__UUID_SIZE];
    if (row->created_ms < exporting->since_ms)
        return true;
    gw_format_id(row->id, id);
    dify__writer_init(writer, DIFY_JSON_COMPACT, cli_output_write, NULL);
    dify__write_open(writer, '{');
    dify__key_string(writer, "id", dify__slice(id));
    dify__key_string(writer, "state",
                     dify__slice((unsigned)row->state < 4 ? states[row->state] : "unknown"));
    dify__key_uint(writer, "epoch", row->epoch);
    put_time(writer, "created_ms", row->created_ms);
    put_time(writer, "sent_ms", row->sent_ms);
    put_time(writer, "ended_ms", row->ended_ms);
    dify__key_string(writer, "app", row->app);
    dify__key_string(writer, "user", row->user);
    dify__key_string(writer, "route", row->route);
    dify__key_string(writer, "workflow_id", row->workflow_id);
    dify__key_string(writer, "conversation_id", row->conversation_id);
    dify__key_string(writer, "query", row->query);
    put_ends(writer, row);
    dify__write_key(writer, "inputs");
    dify__write_json(writer, row->inputs);
    dify__write_key(writer, "extra");
    dify__write_json(writer, row->extra);
    dify__write_key(writer, "result");
    dify__write_json(writer, row->result);
    if (exporting->has_events) {
        dify__write_key(writer, "log");
        dify__write_open(writer, '[');
        exporting->err = put_log(exporting, row->number);
        dify__write_close(writer, ']');
    }
    dify__write_close(writer, '}');
    enum dify_err err = dify__writer_finish(writer);
    if (err == DIFY_OK)
        err = cli_output_write(NULL, "\n", 1);
    exporting->err = exporting->err != DIFY_OK ? exporting->err : err;
    return exporting->err == DIFY_OK;
}

static enum dify_err find_run(struct exporting *exporting, const char *text)
{
    unsigned char id[STORE_ID_BYTES];
    enum dify_err err = DIFY_ERR_ABSENT;
    if (gw_parse_id(dify__slice(text), id))
        err = store_find(exporting->reader, id, put_run, exporting);
    if (err == DIFY_ERR_ABSENT)
        err = store_find_run_id(exporting->reader, dify__slice(text), put_run, exporting);
    return err;
}

static int export_runs(struct exporting *exporting, const char *path, const char *run)
{
    struct store_error error;
    enum dify_err err = store_reader_open_path(path, &exporting->reader, &error);
    if (err != DIFY_OK)
        return complain(err, &error);
    err = run != NULL ? find_run(exporting, run)
                      : store_each(exporting->reader, exporting->since_ms, put_run, exporting);
    store_reader_close(exporting->reader);
    dify__buffer_fini(&exporting->log);
    if (err == DIFY_ERR_ABSENT && run != NULL) {
        cli_complain("store", "%s: there is no run %s", path, run);
        return 1;
    }
    if (err != DIFY_OK && err != DIFY_ERR_ABSENT)
        return complain(err, &error);
    if (exporting->err == DIFY_ERR_WRITE || !cli_output_flush())
        return CLI_EXIT_USAGE; /* which is said at the end of the program */
    return exporting->err != DIFY_OK ? complain(exporting->err, &error) : CLI_EXIT_OK;
}

static int export(const struct cli_args *args, const char *path)
{
    struct exporting exporting = {.has_events = args->value[STORE_EVENTS] != NULL};
    int64_t since_s;
    exporting.log.allocator = dify__allocator(NULL);
    exporting.log.max = LOG_MOST;
    if (args->value[STORE_SINCE] != NULL) {
        if (!cli_when_read(args->value[STORE_SINCE], (int64_t)time(NULL), &since_s)) {
            cli_complain("store", "--since takes a time such as 2026-08-01 or 2h, not '%s'",
                         args->value[STORE_SINCE]);
            return CLI_EXIT_USAGE;
        }
        exporting.since_ms = since_s > 0 ? (uint64_t)since_s * 1000 : 0;
    }
    return export_runs(&exporting, path, args->value[STORE_RUN]);
}

/* ---- prune --------------------------------------------------------------------------------- */

static int prune(const struct cli_args *args, const char *path)
{
    const char *age = args->value[STORE_MAX_AGE], *size = args->value[STORE_MAX_SIZE];
    struct store_error error;
    uint64_t age_ms = 0, bytes = 0, removed = 0;
    if (age == NULL && size == NULL) {
        cli_complain("store", "prune needs --max-age, --max-size or both");
        return CLI_EXIT_USAGE;
    }
    if (age != NULL && (!conf_duration(dify__slice(age), &age_ms) || age_ms < 1000)) {
        cli_complain("store", "--max-age takes a time such as 30d, not '%s'", age);
        return CLI_EXIT_USAGE;
    }
    if (size != NULL && (!conf_size(dify__slice(size), &bytes) || bytes == 0)) {
        cli_complain("store", "--max-size takes a size such as 10GB, not '%s'", size);
        return CLI_EXIT_USAGE;
    }
    enum dify_err err = store_prune(path, age_ms / 1000, bytes, &removed, &error);
    if (err != DIFY_OK)
        return complain(err, &error);
    fprintf(stderr, "%" PRIu64 " run%s removed\n", removed, removed == 1 ? "" : "s");
    return CLI_EXIT_OK;
}

/* Whether only options of this action are given. */
static bool fits(const struct cli_args *args, const char *action)
{
    for (size_t i = 0; cli_store_options[i].name != NULL; i++) {
        const char *of = i <= STORE_EVENTS ? "export" : "prune";
        if (args->value[i] != NULL && strcmp(action, of) != 0) {
            cli_complain("store", "--%s is for 'difystream store %s'", cli_store_options[i].name,
                         of);
            return false;
        }
    }
    return true;
}

int cli_run_store(const struct cli_args *args)
{
    const char *action = args->operands != 0 ? args->operand[0] : "";
    if (!cli_is_choice("check|export|prune", action)) {
        cli_complain("store", "what to do: check, export or prune; see 'difystream store --help'");
        return CLI_EXIT_USAGE;
    }
    if (args->operands < 2) {
        cli_complain("store", "the file of the store is missing: 'difystream store %s FILE'",
                     action);
        return CLI_EXIT_USAGE;
    }
    if (!fits(args, action))
        return CLI_EXIT_USAGE;
    if (strcmp(action, "check") == 0)
        return check(args->operand[1]);
    if (strcmp(action, "export") == 0)
        return export(args, args->operand[1]);
    return prune(args, args->operand[1]);
}
