/* SPDX-License-Identifier: Apache-2.0
 *
 * test_follow_table.c: each thing that may go wrong, in each phase and release: how the run ends,
 * by which reasons, and how often it was started.
 */
#include "kit.h"

#define FAULTS 4

enum releases { OLD = 1, MIDDLE = 2, NEW = 4, ALL = 7 };

static const char *const releases[] = {"1.12.1", "1.14.2", "1.16.1"};

#define BUSY                                                                                       \
    "{\"code\":\"invalid_param\",\"message\":\"Too many requests. Please try again later.\"}"
#define QUOTA "{\"code\":\"rate_limit_error\",\"message\":\"The quota is used up\"}"
#define MODEL_BUSY                                                                                 \
    "{\"code\":\"completion_request_error\",\"message\":\"Too many requests to the model\"}"
#define MODEL_LIMIT "{\"code\":\"invoke_rate_limit\",\"message\":\"The model's limit\"}"
#define BAD_KEY "{\"code\":\"unauthorized\",\"message\":\"Access token is invalid\"}"

/* What goes wrong in which exchange (0: in all of the sort); or Dify's refusal. */
#define AT(what, nth, how, n)                                                                      \
    {                                                                                              \
        FAKE_##what, nth, FAKE_##how, n, NULL, 0                                                   \
    }
#define TOLD(what, nth, n, words, retry_after)                                                     \
    {                                                                                              \
        FAKE_##what, nth, FAKE_REFUSAL, n, words, retry_after                                      \
    }

struct row {
    const char *name;
    unsigned releases;
    void (*plan)(struct fake_run *run); /* what is peculiar of the run */
    const char *code;                   /* "": a success */
    unsigned posts;
    const char *path;
    struct fake_fault faults[FAULTS];
};

#define ROW(name, releases, plan, code, posts, path, ...)                                          \
    {                                                                                              \
        name, releases, plan, code, posts, path,                                                   \
        {                                                                                          \
            __VA_ARGS__                                                                            \
        }                                                                                          \
    }

/* ---- peculiar runs ------------------------------------------------------------------------- */

static void die(struct fake_run *run)
{
    run->dies_ms = 1000;
}

static void lose_end(struct fake_run *run)
{
    run->loses_end = true;
}

static void mute_end(struct fake_run *run)
{
    run->event[run->events - 1].is_unspeakable = true;
}

/* Its worker's pings go on. */
static void think(struct fake_run *run)
{
    run->event[run->events - 2].at_ms = run->event[run->events - 1].at_ms = 60000;
}

static void queue(struct fake_run *run)
{
    run->queued_ms = 120000;
}

static void queue_long(struct fake_run *run)
{
    run->queued_ms = 400000;
}

static void no_row(struct fake_run *run)
{
    run->has_no_row = true;
}

static void window(struct fake_run *run)
{
    run->window_ms = 5000;
}

/* ---- the table ----------------------------------------------------------------------------- */

static void run_on(const struct row *row, const char *release)
{
    struct fake fake;
    struct watched watched;
    fake_init(&fake, release, 1);
    fake.app->run_timeout_ms = 900000;
    for (size_t i = 0; i < FAULTS; i++)
        if (row->faults[i].how != FAKE_FINE)
            fake_add_fault(&fake, row->faults[i]);
    struct fake_run *run = fake_plan_small(&fake);
    if (row->plan != NULL)
        row->plan(run);
    begin(&watched, &fake, NULL);
    finish(&watched);
    if (strcmp(watched.path.ptr, row->path) != 0)
        print_error("%s, %s: %s\n", row->name, release, watched.path.ptr);
    assert_code(&watched, row->code);
    assert_string_equal(watched.path.ptr, row->path);
    assert_int_equal(fake.carried_out, row->posts);
    assert_true(fake.may_have_been_sent <= 1);
    if (*row->code == '\0')
        assert_same(&watched, run);
    watched_fini(&watched);
    fake_fini(&fake);
}

static void run_row(void **state)
{
    const struct row *row = *state;
    for (size_t i = 0; i < COUNT_OF(releases); i++)
        if ((row->releases & 1U << i) != 0)
            run_on(row, releases[i]);
}

static const struct row rows[] = {
    ROW("undisturbed", ALL, NULL, "", 1, "started checked answered finished",
        AT(SUBMIT, 1, FINE, 0)),
    ROW("no connection, once", ALL, NULL, "", 1, "started checked not_sent retry answered finished",
        AT(SUBMIT, 1, REFUSED, 0)),
    ROW("no connection, ever", ALL, NULL, "connect_failed", 0,
        "started checked not_sent retry not_sent retry no_connection", AT(SUBMIT, 0, REFUSED, 0)),
    ROW("no connection in time", ALL, NULL, "", 1,
        "started checked silent not_sent retry answered finished",
        AT(SUBMIT, 1, CONNECT_TIMEOUT, 0)),
    ROW("no connection in time, ever", ALL, NULL, "connect_timeout", 0,
        "started checked silent not_sent retry silent not_sent retry silent no_connection",
        AT(SUBMIT, 0, CONNECT_TIMEOUT, 0)),
    ROW("reset, not carried out", ALL, NULL, "run_lost", 0, "started checked reset lost",
        AT(SUBMIT, 1, RESET_BEFORE, 0)),
    ROW("reset, carried out", OLD, NULL, "", 1, "started checked reset found finished_detail",
        AT(SUBMIT, 1, RESET_AFTER, 0)),
    ROW("reset, carried out", MIDDLE | NEW, NULL, "", 1,
        "started checked reset found retry answered finished", AT(SUBMIT, 1, RESET_AFTER, 0)),
    ROW("closed, carried out", OLD, NULL, "", 1, "started checked reply_lost found finished_detail",
        AT(SUBMIT, 1, CLOSED_AFTER, 0)),
    ROW("closed, carried out", MIDDLE | NEW, NULL, "", 1,
        "started checked reply_lost found retry answered finished", AT(SUBMIT, 1, CLOSED_AFTER, 0)),
    ROW("no HTTP, carried out", OLD, NULL, "", 1,
        "started checked reply_lost found finished_detail", AT(SUBMIT, 1, NO_HTTP, 0)),
    ROW("no HTTP, carried out", MIDDLE | NEW, NULL, "", 1,
        "started checked reply_lost found retry answered finished", AT(SUBMIT, 1, NO_HTTP, 0)),
    ROW("502, not carried out", ALL, NULL, "run_lost", 0, "started checked gateway_error lost",
        AT(SUBMIT, 1, STATUS_BEFORE, 502)),
    ROW("502, carried out", OLD, NULL, "", 1, "started checked gateway_error found finished_detail",
        AT(SUBMIT, 1, STATUS_AFTER, 502)),
    ROW("502, carried out", MIDDLE | NEW, NULL, "", 1,
        "started checked gateway_error found retry answered finished",
        AT(SUBMIT, 1, STATUS_AFTER, 502)),
    ROW("503, carried out", OLD, NULL, "", 1, "started checked gateway_error found finished_detail",
        AT(SUBMIT, 1, STATUS_AFTER, 503)),
    ROW("503, carried out", MIDDLE | NEW, NULL, "", 1,
        "started checked gateway_error found retry answered finished",
        AT(SUBMIT, 1, STATUS_AFTER, 503)),
    ROW("504, carried out", OLD, NULL, "", 1, "started checked gateway_error found finished_detail",
        AT(SUBMIT, 1, STATUS_AFTER, 504)),
    ROW("504, carried out", MIDDLE | NEW, NULL, "", 1,
        "started checked gateway_error found retry answered finished",
        AT(SUBMIT, 1, STATUS_AFTER, 504)),
    ROW("524, carried out", OLD, NULL, "", 1, "started checked gateway_error found finished_detail",
        AT(SUBMIT, 1, STATUS_AFTER, 524)),
    ROW("524, carried out", MIDDLE | NEW, NULL, "", 1,
        "started checked gateway_error found retry answered finished",
        AT(SUBMIT, 1, STATUS_AFTER, 524)),
    ROW("500", ALL, NULL, "http_error", 1, "started checked refused",
        AT(SUBMIT, 1, STATUS_AFTER, 500)),
    ROW("busy 429, once", ALL, NULL, "", 1, "started checked busy retry answered finished",
        TOLD(SUBMIT, 1, 429, BUSY, 7)),
    ROW("busy 400, ever", ALL, NULL, "invalid_param", 0,
        "started checked busy retry busy retry refused", TOLD(SUBMIT, 0, 400, BUSY, 0)),
    ROW("a plan's quota", ALL, NULL, "rate_limit_error", 0, "started checked refused",
        TOLD(SUBMIT, 1, 429, QUOTA, 0)),
    ROW("a model that is busy", ALL, NULL, "completion_request_error", 0, "started checked refused",
        TOLD(SUBMIT, 1, 400, MODEL_BUSY, 0)),
    ROW("a model's limit", ALL, NULL, "invoke_rate_limit", 0, "started checked refused",
        TOLD(SUBMIT, 1, 429, MODEL_LIMIT, 0)),
    ROW("a proxy's limit", ALL, NULL, "", 1, "started checked busy retry answered finished",
        AT(SUBMIT, 1, STATUS_BEFORE, 429)),
    ROW("401", ALL, NULL, "unauthorized", 0, "started checked refused",
        TOLD(SUBMIT, 1, 401, BAD_KEY, 0)),
    ROW("200 without a run", ALL, NULL, "invalid_response", 0, "started checked bad_stream",
        TOLD(SUBMIT, 1, 200, "<html>", 0)),
    ROW("silence, carried out", ALL, NULL, "", 1, "started checked silent finished_detail",
        AT(SUBMIT, 1, MUTE, 0)),
    ROW("reset before the first event", OLD, NULL, "", 1,
        "started checked answered reset found finished_detail", AT(SUBMIT, 1, RESET_AT, 0)),
    ROW("reset before the first event", MIDDLE | NEW, NULL, "", 1,
        "started checked answered reset found retry answered finished", AT(SUBMIT, 1, RESET_AT, 0)),
    ROW("reset after one event", OLD, NULL, "", 1, "started checked answered reset finished_detail",
        AT(SUBMIT, 1, RESET_AT, 1)),
    ROW("reset after one event", MIDDLE | NEW, NULL, "", 1,
        "started checked answered reset retry answered finished", AT(SUBMIT, 1, RESET_AT, 1)),
    ROW("reset after three events", OLD, NULL, "", 1,
        "started checked answered reset finished_detail", AT(SUBMIT, 1, RESET_AT, 3)),
    ROW("reset after three events", MIDDLE | NEW, NULL, "", 1,
        "started checked answered reset retry answered finished", AT(SUBMIT, 1, RESET_AT, 3)),
    ROW("closed after three events", OLD, NULL, "", 1,
        "started checked answered closed finished_detail", AT(SUBMIT, 1, CLOSED_AT, 3)),
    ROW("closed after three events", MIDDLE | NEW, NULL, "", 1,
        "started checked answered closed retry answered finished", AT(SUBMIT, 1, CLOSED_AT, 3)),
    ROW("torn within the fourth event", OLD, NULL, "", 1,
        "started checked answered reset finished_detail", AT(SUBMIT, 1, TORN_AT, 3)),
    ROW("torn within the fourth event", MIDDLE, NULL, "", 1,
        "started checked answered reset retry answered finished", AT(SUBMIT, 1, TORN_AT, 3)),
    ROW("torn within the fourth event", NEW, NULL, "", 1,
        "started checked answered reset retry answered closed retry answered finished",
        AT(SUBMIT, 1, TORN_AT, 3)),
    ROW("a clean end after three events", OLD, NULL, "", 1,
        "started checked answered no_end finished_detail", AT(SUBMIT, 1, END_AT, 3)),
    ROW("a clean end after three events", MIDDLE | NEW, NULL, "", 1,
        "started checked answered no_end retry answered finished", AT(SUBMIT, 1, END_AT, 3)),
    ROW("an invented end after three events", OLD, NULL, "", 1,
        "started checked answered invented_end finished_detail", AT(SUBMIT, 1, INVENTED_AT, 3)),
    ROW("an invented end after three events", MIDDLE | NEW, NULL, "", 1,
        "started checked answered invented_end retry answered finished",
        AT(SUBMIT, 1, INVENTED_AT, 3)),
    ROW("silence after three events", ALL, NULL, "", 1,
        "started checked answered silent finished_detail", AT(SUBMIT, 1, MUTE_AT, 3)),
    ROW("silence after no event", ALL, NULL, "", 1,
        "started checked answered silent finished_detail", AT(SUBMIT, 1, MUTE_AT, 0)),
    ROW("reset; no connection", OLD, NULL, "", 1, "started checked answered reset finished_detail",
        AT(SUBMIT, 1, RESET_AT, 3), AT(EVENTS, 1, REFUSED, 0)),
    ROW("reset; no connection", MIDDLE | NEW, NULL, "", 1,
        "started checked answered reset retry no_connection retry answered finished",
        AT(SUBMIT, 1, RESET_AT, 3), AT(EVENTS, 1, REFUSED, 0)),
    ROW("reset; reset at once", OLD, NULL, "", 1, "started checked answered reset finished_detail",
        AT(SUBMIT, 1, RESET_AT, 3), AT(EVENTS, 1, RESET_AFTER, 0)),
    ROW("reset; reset at once", MIDDLE, NULL, "", 1,
        "started checked answered reset retry reset retry answered finished",
        AT(SUBMIT, 1, RESET_AT, 3), AT(EVENTS, 1, RESET_AFTER, 0)),
    ROW("reset; reset at once", NEW, NULL, "", 1,
        "started checked answered reset retry reset retry answered finished_detail",
        AT(SUBMIT, 1, RESET_AT, 3), AT(EVENTS, 1, RESET_AFTER, 0)),
    ROW("reset; the events' answer is reset, ever", MIDDLE | NEW, NULL, "", 1,
        "started checked answered reset retry reset retry reset retry reset retry reset retry "
        "reset "
        "finished_detail",
        AT(SUBMIT, 1, RESET_AT, 3), AT(EVENTS, 0, RESET_AFTER, 0)),
    ROW("reset; each stream reset before an event", OLD, NULL, "", 1,
        "started checked answered reset finished_detail", AT(SUBMIT, 1, RESET_AT, 3),
        AT(EVENTS, 0, RESET_AT, 0)),
    ROW("reset; each stream reset before an event", MIDDLE | NEW, NULL, "", 1,
        "started checked answered reset retry answered reset retry answered reset retry answered "
        "too_often finished_detail",
        AT(SUBMIT, 1, RESET_AT, 3), AT(EVENTS, 0, RESET_AT, 0)),
    ROW("reset; each stream reset after an event", OLD, NULL, "", 1,
        "started checked answered reset finished_detail", AT(SUBMIT, 1, RESET_AT, 3),
        AT(EVENTS, 0, RESET_AT, 1)),
    ROW("reset; each stream reset after an event", MIDDLE, NULL, "", 1,
        "started checked answered reset retry answered reset retry answered reset retry answered "
        "too_often finished_detail",
        AT(SUBMIT, 1, RESET_AT, 3), AT(EVENTS, 0, RESET_AT, 1)),
    ROW("reset; each stream reset after an event", NEW, NULL, "", 1,
        "started checked answered reset retry answered reset retry answered finished",
        AT(SUBMIT, 1, RESET_AT, 3), AT(EVENTS, 0, RESET_AT, 1)),
    ROW("reset; 500 for ever", OLD, NULL, "", 1, "started checked answered reset finished_detail",
        AT(SUBMIT, 1, RESET_AT, 3), AT(EVENTS, 0, STATUS_BEFORE, 500)),
    ROW("reset; 500 for ever", MIDDLE | NEW, NULL, "", 1,
        "started checked answered reset retry gateway_error retry gateway_error retry "
        "gateway_error retry gateway_error retry gateway_error finished_detail",
        AT(SUBMIT, 1, RESET_AT, 3), AT(EVENTS, 0, STATUS_BEFORE, 500)),
    ROW("reset; 502, once", OLD, NULL, "", 1, "started checked answered reset finished_detail",
        AT(SUBMIT, 1, RESET_AT, 3), AT(EVENTS, 1, STATUS_BEFORE, 502)),
    ROW("reset; 502, once", MIDDLE | NEW, NULL, "", 1,
        "started checked answered reset retry gateway_error retry answered finished",
        AT(SUBMIT, 1, RESET_AT, 3), AT(EVENTS, 1, STATUS_BEFORE, 502)),
    ROW("reset; 401 for ever", OLD, NULL, "", 1, "started checked answered reset finished_detail",
        AT(SUBMIT, 1, RESET_AT, 3), TOLD(EVENTS, 0, 401, BAD_KEY, 0)),
    ROW("reset; 401 for ever", MIDDLE | NEW, NULL, "", 1,
        "started checked answered reset retry refused retry refused retry refused retry refused "
        "retry refused finished_detail",
        AT(SUBMIT, 1, RESET_AT, 3), TOLD(EVENTS, 0, 401, BAD_KEY, 0)),
    ROW("reset; silence", OLD, NULL, "", 1, "started checked answered reset finished_detail",
        AT(SUBMIT, 1, RESET_AT, 3), AT(EVENTS, 1, MUTE, 0)),
    ROW("reset; silence", MIDDLE | NEW, NULL, "", 1,
        "started checked answered reset retry silent finished_detail", AT(SUBMIT, 1, RESET_AT, 3),
        AT(EVENTS, 1, MUTE, 0)),
    ROW("reset; silence after the snapshot", OLD, NULL, "", 1,
        "started checked answered reset finished_detail", AT(SUBMIT, 1, RESET_AT, 3),
        AT(EVENTS, 1, MUTE_AT, 5)),
    ROW("reset; silence after the snapshot", MIDDLE, NULL, "", 1,
        "started checked answered reset retry answered finished_detail", AT(SUBMIT, 1, RESET_AT, 3),
        AT(EVENTS, 1, MUTE_AT, 5)),
    ROW("reset; silence after the snapshot", NEW, NULL, "", 1,
        "started checked answered reset retry answered finished", AT(SUBMIT, 1, RESET_AT, 3),
        AT(EVENTS, 1, MUTE_AT, 5)),
    ROW("reset; the detail is slow", OLD, NULL, "", 1,
        "started checked answered reset finished_detail", AT(SUBMIT, 1, RESET_AT, 3),
        AT(EVENTS, 0, RESET_AT, 0), AT(DETAIL, 1, SLOW, 20000)),
    ROW("reset; the detail is slow", MIDDLE | NEW, NULL, "", 1,
        "started checked answered reset retry answered reset retry answered reset retry answered "
        "too_often finished_detail",
        AT(SUBMIT, 1, RESET_AT, 3), AT(EVENTS, 0, RESET_AT, 0), AT(DETAIL, 1, SLOW, 20000)),
    ROW("reset; the detail fails twice", OLD, NULL, "", 1,
        "started checked answered reset finished_detail", AT(SUBMIT, 1, RESET_AT, 3),
        AT(EVENTS, 0, RESET_AT, 0), AT(DETAIL, 1, STATUS_BEFORE, 500), AT(DETAIL, 2, GARBAGE, 0)),
    ROW("reset; the detail fails twice", MIDDLE | NEW, NULL, "", 1,
        "started checked answered reset retry answered reset retry answered reset retry answered "
        "too_often finished_detail",
        AT(SUBMIT, 1, RESET_AT, 3), AT(EVENTS, 0, RESET_AT, 0), AT(DETAIL, 1, STATUS_BEFORE, 500),
        AT(DETAIL, 2, GARBAGE, 0)),
    ROW("reply lost; the logs fail", OLD, NULL, "", 1,
        "started checked reset found finished_detail", AT(SUBMIT, 1, RESET_AFTER, 0),
        AT(LOGS, 1, STATUS_BEFORE, 500), AT(LOGS, 2, GARBAGE, 0), AT(LOGS, 3, REFUSED, 0)),
    ROW("reply lost; the logs fail", MIDDLE | NEW, NULL, "", 1,
        "started checked reset found retry answered finished", AT(SUBMIT, 1, RESET_AFTER, 0),
        AT(LOGS, 1, STATUS_BEFORE, 500), AT(LOGS, 2, GARBAGE, 0), AT(LOGS, 3, REFUSED, 0)),
    ROW("reply lost; no logs ever", ALL, NULL, "run_lost", 1, "started checked reset lost",
        AT(SUBMIT, 1, RESET_AFTER, 0), AT(LOGS, 0, REFUSED, 0)),
    ROW("a clean end; the detail says so", ALL, NULL, "", 1,
        "started checked answered no_end finished_detail", AT(SUBMIT, 1, END_AT, 5)),
    ROW("the worker dies", OLD, die, "read_timeout", 1,
        "started checked answered silent read_timeout", AT(SUBMIT, 1, FINE, 0)),
    ROW("the worker dies", MIDDLE, die, "read_timeout", 1,
        "started checked answered silent no_end read_timeout", AT(SUBMIT, 1, FINE, 0)),
    ROW("the worker dies", NEW, die, "read_timeout", 1,
        "started checked answered silent alive invented_end read_timeout", AT(SUBMIT, 1, FINE, 0)),
    ROW("the worker dies; reset", OLD, die, "run_timeout", 1,
        "started checked answered reset run_timeout", AT(SUBMIT, 1, RESET_AT, 3)),
    ROW("the worker dies; reset", MIDDLE, die, "run_timeout", 1,
        "started checked answered reset retry answered no_end retry answered no_end retry answered "
        "run_timeout",
        AT(SUBMIT, 1, RESET_AT, 3)),
    ROW("the worker dies; reset", NEW, die, "run_timeout", 1,
        "started checked answered reset retry answered invented_end retry answered invented_end "
        "retry answered run_timeout",
        AT(SUBMIT, 1, RESET_AT, 3)),
    ROW("the end is lost", ALL, lose_end, "", 1, "started checked answered silent finished_detail",
        AT(SUBMIT, 1, FINE, 0)),
    ROW("the end cannot be spoken", ALL, mute_end, "", 1,
        "started checked answered no_end finished_detail", AT(SUBMIT, 1, FINE, 0)),
    ROW("thinks for a minute", ALL, think, "", 1, "started checked answered finished",
        AT(SUBMIT, 1, FINE, 0)),
    ROW("queued for two minutes", ALL, queue, "", 1,
        "started checked answered silent alive finished", AT(SUBMIT, 1, FINE, 0)),
    ROW("queued for two minutes; cut", OLD, queue, "", 1,
        "started checked answered reset found finished_detail", AT(SUBMIT, 1, RESET_AT, 0)),
    ROW("queued for two minutes; cut", MIDDLE | NEW, queue, "", 1,
        "started checked answered reset found retry answered finished", AT(SUBMIT, 1, RESET_AT, 0)),
    ROW("queued for two minutes; reply lost", OLD, queue, "", 1,
        "started checked reset found finished_detail", AT(SUBMIT, 1, RESET_AFTER, 0)),
    ROW("queued for two minutes; reply lost", MIDDLE | NEW, queue, "", 1,
        "started checked reset found retry answered finished", AT(SUBMIT, 1, RESET_AFTER, 0)),
    ROW("queued for longer than is looked", ALL, queue_long, "run_lost", 1,
        "started checked reset lost", AT(SUBMIT, 1, RESET_AFTER, 0)),
    ROW("no row; an invented end", OLD, no_row, "run_lost", 1,
        "started checked answered invented_end lost", AT(SUBMIT, 1, INVENTED_AT, 3)),
    ROW("no row; an invented end", MIDDLE | NEW, no_row, "run_lost", 1,
        "started checked answered invented_end retry not_found lost",
        AT(SUBMIT, 1, INVENTED_AT, 3)),
    ROW("no row; reset", OLD, no_row, "run_lost", 1, "started checked answered reset lost",
        AT(SUBMIT, 1, RESET_AT, 3)),
    ROW("no row; reset", MIDDLE | NEW, no_row, "run_lost", 1,
        "started checked answered reset retry not_found lost", AT(SUBMIT, 1, RESET_AT, 3)),
    ROW("the window behind a snapshot; reset", OLD, window, "", 1,
        "started checked answered reset finished_detail", AT(SUBMIT, 1, RESET_AT, 3)),
    ROW("the window behind a snapshot; reset", MIDDLE | NEW, window, "", 1,
        "started checked answered reset retry answered finished_detail",
        AT(SUBMIT, 1, RESET_AT, 3)),
    ROW("info: no connection", ALL, NULL, "connect_failed", 0, "started no_connection",
        AT(INFO, 0, REFUSED, 0)),
    ROW("info: 401", ALL, NULL, "unauthorized", 0, "started refused",
        TOLD(INFO, 1, 401, BAD_KEY, 0)),
    ROW("info: not there", ALL, NULL, "", 1, "started checked answered finished",
        AT(INFO, 1, STATUS_BEFORE, 404)),
    ROW("info: cut JSON", ALL, NULL, "", 1, "started checked answered finished",
        AT(INFO, 1, GARBAGE, 0)),
    ROW("info: reset, once", ALL, NULL, "", 1, "started checked answered finished",
        AT(INFO, 1, RESET_AFTER, 0)),
    ROW("parameters: 502", ALL, NULL, "http_error", 0, "started gateway_error",
        AT(PARAMETERS, 1, STATUS_BEFORE, 502)),
    ROW("parameters: cut JSON", ALL, NULL, "invalid_response", 0, "started bad_stream",
        AT(PARAMETERS, 1, GARBAGE, 0)),
    ROW("parameters: silence", ALL, NULL, "read_timeout", 0, "started read_timeout",
        AT(PARAMETERS, 1, MUTE, 0)),
};

int main(void)
{
    return run_cases("follow-table", rows, COUNT_OF(rows), sizeof rows[0], run_row);
}
