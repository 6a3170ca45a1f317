/* SPDX-License-Identifier: Apache-2.0
 *
 * test_schema.c: a store as an older release made it becomes one of this release, whole or not at
 * all.
 */
#include "core/slices.h"
#include "kit.h"

#include <stdlib.h>

/* Version 1, as it was made; never to be changed here. A run that has ended (1), one that is open
 * (2), with a log, a key and a result. */
static const char *const version_1[] = {
    "PRAGMA page_size=8192",
    "PRAGMA auto_vacuum=INCREMENTAL",
    "PRAGMA journal_mode=WAL",
    "CREATE TABLE meta (name TEXT PRIMARY KEY, value ANY) STRICT, WITHOUT ROWID",
    "CREATE TABLE runs ("
    " number INTEGER PRIMARY KEY, id BLOB NOT NULL, state INTEGER NOT NULL,"
    " epoch INTEGER NOT NULL, created INTEGER NOT NULL, sent INTEGER, ended INTEGER,"
    " app TEXT, user TEXT, route TEXT, kind INTEGER NOT NULL,"
    " run_id TEXT, task_id TEXT, message_id TEXT, status TEXT, code TEXT,"
    " price TEXT, currency TEXT, http_status INTEGER, success INTEGER, tokens INTEGER,"
    " steps INTEGER, events INTEGER, rating TEXT, comment TEXT) STRICT",
    "CREATE UNIQUE INDEX runs_id ON runs (id)",
    "CREATE INDEX runs_run_id ON runs (run_id) WHERE run_id IS NOT NULL",
    "CREATE INDEX runs_open ON runs (number) WHERE state < 3",
    "CREATE INDEX runs_ended ON runs (ended) WHERE state = 3",
    "CREATE INDEX runs_created ON runs (created)",
    "CREATE TABLE details ("
    " number INTEGER PRIMARY KEY, workflow_id TEXT, conversation_id TEXT, query TEXT,"
    " inputs TEXT, key BLOB, digest BLOB) STRICT",
    "CREATE TABLE keys (key BLOB PRIMARY KEY, number INTEGER NOT NULL) STRICT, WITHOUT ROWID",
    "CREATE TABLE results (number INTEGER PRIMARY KEY, result TEXT) STRICT",
    "CREATE TABLE segments ("
    " id INTEGER PRIMARY KEY, position INTEGER NOT NULL, count INTEGER NOT NULL,"
    " records BLOB NOT NULL) STRICT",
    "CREATE UNIQUE INDEX segments_position ON segments (position)",
    "CREATE TABLE removed (number INTEGER PRIMARY KEY) STRICT",
    "INSERT INTO runs (number, id, state, epoch, created, sent, ended, app, user, route, kind,"
    " run_id, task_id, status, http_status, success, tokens, steps, events) VALUES"
    " (1, x'0000000000000001A5A5A5A5A5A5A5A5', 3, 1, 1000, 1000, 2000, 'label-check', 'somebody',"
    "  '/api/detect', 1, 'run-1', 'task-1', 'succeeded', 200, 1, 10, 3, 2)",
    "INSERT INTO runs (number, id, state, epoch, created, sent, app, user, route, kind, run_id,"
    " task_id) VALUES (2, x'0000000000000002A5A5A5A5A5A5A5A5', 2, 1, 1500, 1500, 'label-check',"
    " 'somebody', '/api/detect', 1, 'run-2', 'task-2')",
    "INSERT INTO details VALUES (1, NULL, NULL, NULL, '{\"a\":1}', x'00112233445566778899AABBCCDDEE"
    "FF00112233445566778899AABBCCDDEEFF', NULL), (2, NULL, NULL, NULL, '{\"a\":2}', NULL, NULL)",
    "INSERT INTO keys SELECT key, number FROM details WHERE key IS NOT NULL",
    "INSERT INTO results VALUES (1, '{\"success\":true}')",
    "INSERT INTO segments (position, count, records) VALUES"
    " (1 << 24 | 1, 2, x'450100000031450100000032'), (2 << 24 | 1, 1, x'450100000031')",
    "INSERT INTO meta VALUES ('clean', 1), ('life', 1)",
    "PRAGMA application_id=1684629113",
    "PRAGMA user_version=1",
};

static int setup(void **state)
{
    struct store_kit *kit = malloc(sizeof *kit);
    assert_non_null(kit);
    kit_init(kit);
    for (size_t i = 0; i < sizeof version_1 / sizeof version_1[0]; i++)
        kit_sql(kit, version_1[i]);
    *state = kit;
    return 0;
}

static int teardown(void **state)
{
    kit_fini(*state);
    free(*state);
    return 0;
}

struct seen {
    unsigned count;
    uint64_t number;
    uint32_t records;
    bool has_inputs, has_extra, has_result;
};

static bool see(void *ctx, const struct store_row *row)
{
    struct seen *seen = ctx;
    seen->count++;
    seen->number = row->number;
    seen->records = row->records;
    seen->has_inputs = dify__slice_is(row->inputs, row->number == 1 ? "{\"a\":1}" : "{\"a\":2}");
    seen->has_extra = row->extra.ptr != NULL;
    seen->has_result = row->result.ptr != NULL;
    return true;
}

static void say(void *ctx, const char *line)
{
    (void)ctx;
    (void)line;
}

static void assert_sound(struct store_kit *kit)
{
    struct store_error error;
    uint64_t found = 1;
    assert_int_equal(store_check(kit->path, say, NULL, &found, &error), DIFY_OK);
    assert_int_equal(found, 0);
}

static void test_from_1(void **state)
{
    struct store_kit *kit = *state;
    struct store_error error = {""};
    struct store_reader *reader;
    struct seen seen = {0};
    /* Who only reads changes nothing. */
    assert_int_equal(store_reader_open_path(kit->path, &reader, &error), DIFY_ERR_ARGUMENT);
    assert_non_null(strstr(error.text, ": made by an older release of difystream"));
    kit_open(kit);
    assert_int_equal(kit_sql(kit, "PRAGMA user_version"), 2);
    assert_sound(kit);
    /* What was there is there, ... */
    assert_int_equal(store_find_run_id(kit->reader, DIFY_SLICE("run-1"), see, &seen), DIFY_OK);
    assert_true(seen.number == 1 && seen.records == 2 && seen.has_result && seen.has_inputs);
    assert_int_equal(store_list_open(kit->reader, see, &seen), DIFY_OK);
    assert_true(seen.count == 2 && seen.number == 2 && seen.records == 1 && seen.has_inputs);
    assert_false(seen.has_extra);
    /* ... found by what is new, ... */
    assert_int_equal(store_find_task(kit->reader, DIFY_SLICE("task-1"), see, &seen), DIFY_OK);
    assert_int_equal(seen.number, 1);
    /* ... and goes on, beside what is new. */
    struct store_end end = kit_end(3000);
    struct store_run run = kit_run(store_next_number(kit->store));
    assert_int_equal(run.number, 3);
    run.extra = DIFY_SLICE("{\"trace_id\":\"t\"}");
    kit_append(kit, 2, 2, 3);
    assert_true(store_end(kit->store, 2, &end, kit_done, kit));
    assert_true(store_begin(kit->store, &run, kit_done, kit));
    kit_await(kit, 3);
    assert_int_equal(kit->refused, 0);
    assert_int_equal(store_find_task(kit->reader, DIFY_SLICE("task-2"), see, &seen), DIFY_OK);
    assert_true(seen.number == 2 && seen.records == 3 && seen.has_result);
    assert_int_equal(store_list_open(kit->reader, see, &seen), DIFY_OK);
    assert_true(seen.number == 3 && seen.has_extra);
    assert_sound(kit);
}

/* A step that fails leaves the store as it was. */
static void test_whole_or_not(void **state)
{
    struct store_kit *kit = *state;
    struct store_error error = {""};
    kit_sql(kit, "CREATE INDEX runs_task_id ON runs (kind)"); /* in the way */
    assert_int_equal(store_open(&kit->options, &kit->store, &error), DIFY_ERR_ARGUMENT);
    assert_non_null(strstr(error.text, "runs_task_id"));
    assert_int_equal(kit_sql(kit, "PRAGMA user_version"), 1);
    assert_int_equal(
        kit_sql(kit, "SELECT count(*) FROM pragma_table_info('details') WHERE name = 'extra'"), 0);
    kit_sql(kit, "DROP INDEX runs_task_id");
    kit_open(kit);
    assert_int_equal(kit_sql(kit, "PRAGMA user_version"), 2);
    assert_sound(kit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_from_1, setup, teardown),
        cmocka_unit_test_setup_teardown(test_whole_or_not, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
