/* SPDX-License-Identifier: Apache-2.0
 *
 * test_retention.c: runs are removed by age and by size; open ones stay. Schemas and epochs.
 */
#include "core/slices.h"
#include "kit.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define HOUR_MS ((uint64_t)3600 * 1000)

static int setup(void **state)
{
    struct store_kit *kit = malloc(sizeof *kit);
    assert_non_null(kit);
    kit_init(kit);
    *state = kit;
    return 0;
}

static int teardown(void **state)
{
    kit_fini(*state);
    free(*state);
    return 0;
}

static uint64_t now_ms(void)
{
    return (uint64_t)time(NULL) * 1000;
}

struct lines {
    char text[2000];
    size_t len;
};

static void add_line(void *ctx, const char *line)
{
    struct lines *lines = ctx;
    lines->len +=
        (size_t)snprintf(lines->text + lines->len, sizeof lines->text - lines->len, "%s\n", line);
    assert_true(lines->len < sizeof lines->text);
}

/* Checks the store; returns how much is wrong. */
static uint64_t check(struct store_kit *kit, struct lines *lines)
{
    struct store_error error = {""};
    uint64_t found = 99;
    *lines = (struct lines){.len = 0};
    if (store_check(kit->path, add_line, lines, &found, &error) != DIFY_OK)
        fail_msg("store_check: %s", error.text);
    return found;
}

static void assert_sound(struct store_kit *kit)
{
    struct lines lines;
    if (check(kit, &lines) != 0)
        fail_msg("%s", lines.text);
}

/* Waits until the writer has removed so many runs since the store was opened; each turn is a write
 * of its own, behind which it looks again. */
static void await_removed(struct store_kit *kit, uint64_t count, uint64_t number)
{
    struct store_figures figures;
    for (;;) {
        store_figures(kit->store, &figures);
        if (figures.removed_runs >= count)
            break;
        assert_true(store_rate(kit->store, number, DIFY_SLICE("like"), (struct dify_slice){NULL, 0},
                               kit_done, kit));
        kit_await(kit, kit->delivered + 1);
    }
    assert_int_equal(figures.removed_runs, count);
}

static void test_age(void **state)
{
    struct store_kit *kit = *state;
    unsigned char key[STORE_HASH_BYTES] = {3};
    kit->options.max_age_s = 10 * 3600;
    kit_open(kit);
    /* An open run is as old as it likes. One that ends late is not old, though it began early. */
    struct store_run open = kit_run(store_next_number(kit->store));
    open.created_ms = 1;
    assert_true(store_begin(kit->store, &open, kit_done, kit));
    uint64_t late = kit_whole_run(kit, 1, now_ms() - 9 * HOUR_MS);
    struct store_run old = kit_run(store_next_number(kit->store));
    struct store_end end = kit_end(now_ms() - 11 * HOUR_MS);
    old.key = key;
    assert_true(store_begin(kit->store, &old, kit_done, kit));
    kit_append(kit, old.number, 1, 20);
    assert_true(store_end(kit->store, old.number, &end, kit_done, kit));
    await_removed(kit, 1, late);
    assert_int_equal(kit_sql(kit, "SELECT count(*) FROM runs"), 2);
    assert_int_equal(kit_sql(kit, "SELECT count(*) FROM details"), 2);
    assert_int_equal(kit_sql(kit, "SELECT count(*) FROM results"), 1);
    assert_int_equal(kit_sql(kit, "SELECT count(*) FROM segments"), 0);
    assert_int_equal(kit_sql(kit, "SELECT count(*) FROM keys"), 0);
    assert_int_equal(kit_sql(kit, "SELECT count(*) FROM removed"), 0);
    assert_sound(kit);
    /* To a run that was there a moment ago nothing can be appended. */
    assert_int_equal(kit->refused, 0);
    kit_append(kit, old.number, 21, 22);
    kit_await(kit, kit->delivered + 1);
    assert_int_equal(kit->refused, 1);
    assert_int_equal(kit_sql(kit, "SELECT count(*) FROM segments"), 0);
    /* The number is not given again, though nothing of that run is left; the key is free. */
    kit_close(kit);
    kit_open(kit);
    struct store_run again = kit_run(store_next_number(kit->store));
    assert_int_equal(again.number, old.number + 1);
    again.key = key;
    assert_true(store_begin(kit->store, &again, kit_done, kit));
    kit_await(kit, 1);
    assert_int_equal(kit->refused, 0);
}

/* What became old while nobody had the store open goes at once. */
static void test_age_when_opened(void **state)
{
    struct store_kit *kit = *state;
    kit_open(kit);
    for (unsigned i = 0; i < 100; i++)
        kit_whole_run(kit, 1000, 2000 + i);
    uint64_t young = kit_whole_run(kit, 1000, now_ms());
    kit_await(kit, 202);
    kit_close(kit);
    kit->options.max_age_s = 3600;
    kit_open(kit);
    await_removed(kit, 100, young);
    assert_int_equal(kit_sql(kit, "SELECT value FROM meta WHERE name = 'last'"), 100);
    assert_int_equal(kit_sql(kit, "SELECT max(number) FROM runs"), young);
    assert_int_equal(kit_sql(kit, "SELECT count(*) FROM runs"), 1);
}

/* A log of more segments than one step removes. */
static void test_long_log(void **state)
{
    struct store_kit *kit = *state;
    kit->options.max_age_s = 3600;
    kit_open(kit);
    struct store_run run = kit_run(store_next_number(kit->store));
    uint64_t young = kit_whole_run(kit, 1000, now_ms());
    struct store_end end = kit_end(1000);
    assert_true(store_begin(kit->store, &run, kit_done, kit));
    for (uint32_t i = 1; i <= 1000; i++)
        kit_append(kit, run.number, i, i);
    assert_true(store_end(kit->store, run.number, &end, kit_done, kit));
    kit_await(kit, 1004);
    await_removed(kit, 1, young);
    while (kit_sql(kit, "SELECT count(*) FROM segments") != 0) {
        assert_sound(kit);
        kit_append(kit, young, 1, 0);
        kit_await(kit, kit->delivered + 1);
    }
    assert_int_equal(kit_sql(kit, "SELECT count(*) FROM removed"), 0);
}

/* ---- size ---------------------------------------------------------------------------------- */

static uint64_t run_of_100_kb(struct store_kit *kit, bool ends)
{
    static char text[100000];
    struct dify__buffer records = {.allocator = dify__allocator(NULL), .max = 1 << 20};
    struct store_run run = kit_run(store_next_number(kit->store));
    struct store_end end = kit_end(run.number);
    assert_int_equal(
        store_record_put(&records, STORE_RECORD_EVENT, (struct dify_slice){text, sizeof text}),
        DIFY_OK);
    assert_true(store_begin(kit->store, &run, kit_done, kit));
    assert_true(
        store_append(kit->store, run.number, 1, dify__buffer_slice(&records), kit_done, kit));
    if (ends)
        assert_true(store_end(kit->store, run.number, &end, kit_done, kit));
    dify__buffer_fini(&records);
    return run.number;
}

static void test_size(void **state)
{
    struct store_kit *kit = *state;
    struct store_figures figures;
    kit->options.max_bytes = (uint64_t)4 << 20;
    kit_open(kit);
    uint64_t open = run_of_100_kb(kit, false), last = 0;
    for (unsigned i = 0; i < 200; i++)
        last = run_of_100_kb(kit, true);
    kit_await(kit, 602);
    assert_int_equal(kit->refused, 0);
    store_figures(kit->store, &figures);
    assert_true(figures.database_bytes <= kit->options.max_bytes);
    assert_true(figures.removed_runs > 100);
    assert_int_equal(kit_sql(kit, "SELECT min(number) FROM runs"), open);
    assert_int_equal(kit_sql(kit, "SELECT max(number) FROM runs"), last);
    assert_true(kit_sql(kit, "SELECT count(*) FROM runs") > 20);
    /* The oldest went first. */
    assert_int_equal(kit_sql(kit, "SELECT max(number) - min(number) + 1 - count(*) FROM runs"
                                  " WHERE state = 3"),
                     0);
    assert_sound(kit);
}

/* Where only open runs are left, the store is full; it goes on once one has ended. */
static void test_size_of_open_runs(void **state)
{
    struct store_kit *kit = *state;
    const char *why = NULL;
    kit->options.max_bytes = (uint64_t)2 << 20;
    kit_open(kit);
    uint64_t first = kit_whole_run(kit, 1, 1);
    unsigned begun = 0;
    for (; begun < 25; begun++)
        run_of_100_kb(kit, false);
    while (!store_is_failing(kit->store, &why))
        kit_turn(kit);
    assert_string_equal(why, "database or disk is full");
    assert_true(kit->delivered < 2 + 2 * begun);
    assert_int_equal(kit_sql(kit, "SELECT count(*) FROM runs WHERE state = 3"), 0);
    assert_int_equal(kit_sql(kit, "SELECT value FROM meta WHERE name = 'last'"), first);
    /* A larger limit, as an operator would set it. */
    kit_close(kit);
    assert_sound(kit);
    kit->options.max_bytes = (uint64_t)8 << 20;
    kit_open(kit);
    assert_false(store_is_failing(kit->store, &why));
    for (unsigned i = 0; i < 10; i++)
        run_of_100_kb(kit, true);
    kit_await(kit, 30);
}

static void test_prune(void **state)
{
    struct store_kit *kit = *state;
    struct store_error error = {""};
    uint64_t removed = 99;
    char expected[200];
    assert_int_equal(store_prune(kit->path, 3600, 0, &removed, &error), DIFY_ERR_ARGUMENT);
    snprintf(expected, sizeof expected, "%s: there is no such store", kit->path);
    assert_string_equal(error.text, expected);
    kit_open(kit);
    uint64_t open = run_of_100_kb(kit, false);
    for (unsigned i = 0; i < 50; i++)
        run_of_100_kb(kit, true);
    uint64_t young = kit_whole_run(kit, 1000, now_ms());
    kit_await(kit, 154);
    assert_int_equal(store_prune(kit->path, 3600, 0, &removed, &error), DIFY_ERR_ARGUMENT);
    assert_non_null(strstr(error.text, "in use by process"));
    kit_close(kit);
    assert_int_equal(store_prune(kit->path, 0, (uint64_t)4 << 20, &removed, &error), DIFY_OK);
    assert_in_range(removed, 10, 25);
    assert_true(kit_sql(kit, "SELECT page_count * page_size FROM pragma_page_count,"
                             " pragma_page_size") <= 4 << 20);
    uint64_t first = removed;
    assert_int_equal(store_prune(kit->path, 3600, 0, &removed, &error), DIFY_OK);
    assert_int_equal(removed, 50 - first);
    assert_int_equal(kit_sql(kit, "SELECT freelist_count FROM pragma_freelist_count"), 0);
    assert_int_equal(kit_sql(kit, "SELECT min(number) FROM runs"), open);
    assert_int_equal(kit_sql(kit, "SELECT max(number) FROM runs"), young);
    assert_int_equal(kit_sql(kit, "SELECT count(*) FROM runs"), 2);
    assert_sound(kit);
}

/* ---- schemas and epochs -------------------------------------------------------------------- */

static void refuse(struct store_kit *kit, const char *why)
{
    struct store_error error = {""};
    struct store *store = NULL;
    struct store_reader *reader = NULL;
    char expected[200];
    snprintf(expected, sizeof expected, "%s: %s", kit->path, why);
    assert_int_equal(store_open(&kit->options, &store, &error), DIFY_ERR_ARGUMENT);
    assert_string_equal(error.text, expected);
    assert_int_equal(store_reader_open_path(kit->path, &reader, &error), DIFY_ERR_ARGUMENT);
    assert_string_equal(error.text, expected);
}

static void test_schemas(void **state)
{
    struct store_kit *kit = *state;
    FILE *file = fopen(kit->path, "w"); /* empty: version 0 */
    assert_non_null(file);
    fclose(file);
    kit_open(kit);
    kit_whole_run(kit, 1, 2);
    kit_await(kit, 2);
    kit_close(kit);
    assert_int_equal(kit_sql(kit, "PRAGMA user_version"), 2);
    kit_sql(kit, "PRAGMA user_version = 3");
    refuse(kit, "made by a newer release of difystream");
    kit_sql(kit, "PRAGMA user_version = 2");
    kit_sql(kit, "PRAGMA application_id = 1");
    refuse(kit, "a database, but no store of difystream");
}

static void test_no_database(void **state)
{
    struct store_kit *kit = *state;
    FILE *file = fopen(kit->path, "w");
    assert_non_null(file);
    for (unsigned i = 0; i < 1000; i++)
        fputs("no database at all\n", file);
    fclose(file);
    refuse(kit, "file is not a database");
}

static bool take_epoch(void *ctx, const struct store_row *row)
{
    *(uint32_t *)ctx = row->epoch;
    return true;
}

static uint32_t epoch(struct store_kit *kit, uint64_t number)
{
    uint32_t value = 0;
    unsigned char id[STORE_ID_BYTES];
    kit_id(number, id);
    assert_int_equal(store_find(kit->reader, id, take_epoch, &value), DIFY_OK);
    return value;
}

/* A new epoch for what is open, if the machine went down and the store was not closed. */
static void test_epochs(void **state)
{
    struct store_kit *kit = *state;
    kit_open(kit);
    struct store_run run = kit_run(store_next_number(kit->store));
    assert_true(store_begin(kit->store, &run, kit_done, kit));
    uint64_t ended = kit_whole_run(kit, 1, 2);
    kit_await(kit, 3);
    static const struct {
        bool is_clean, is_booted;
        uint32_t expected;
    } cases[] = {{true, false, 1}, {true, true, 1},  {false, false, 1},
                 {false, true, 2}, {false, true, 3}, {true, true, 3}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        kit_close(kit);
        if (!cases[i].is_clean)
            kit_sql(kit, "UPDATE meta SET value = 0 WHERE name = 'clean'");
        if (cases[i].is_booted)
            kit_sql(kit, "UPDATE meta SET value = 'another' WHERE name = 'boot'");
        kit_open(kit);
        assert_int_equal(epoch(kit, run.number), cases[i].expected);
        assert_int_equal(epoch(kit, ended), 1);
    }
}

/* ---- what store_check finds ---------------------------------------------------------------- */

static void test_check(void **state)
{
    struct store_kit *kit = *state;
    struct lines lines;
    static const struct {
        const char *damage, *said;
    } cases[] = {
        {"DELETE FROM results WHERE number = 1", "has ended without a result"},
        {"INSERT INTO results VALUES (2, '{}')", "has a result and has not ended"},
        {"UPDATE runs SET state = 7 WHERE number = 1", "is in an unknown state"},
        {"DELETE FROM details WHERE number = 2", "lacks its inputs"},
        {"INSERT INTO keys VALUES (x'01', 77)", "an idempotency key belongs to run number 77"},
        {"DELETE FROM keys WHERE number = 2", "has an idempotency key that does not lead to it"},
        {"DELETE FROM segments WHERE position = 2 << 24 | 3",
         "the log of run number 2 lacks records from 3 on"},
        {"DELETE FROM segments WHERE position = 2 << 24 | 1",
         "the log of run number 2 lacks records from 1 on"},
        {"UPDATE segments SET count = 1 WHERE position = 2 << 24 | 1",
         "the log of run number 2 is damaged at record 1"},
        {"UPDATE segments SET position = 9 << 24 | 1 WHERE position = 2 << 24 | 5",
         "a log belongs to run number 9, which is not there"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        unsigned char key[STORE_HASH_BYTES] = {9};
        kit_open(kit);
        kit_whole_run(kit, 1, 2);
        struct store_run run = kit_run(store_next_number(kit->store));
        run.key = key;
        assert_true(store_begin(kit->store, &run, kit_done, kit));
        kit_append(kit, run.number, 1, 2);
        kit_append(kit, run.number, 3, 4);
        kit_append(kit, run.number, 5, 6);
        kit_await(kit, 6);
        assert_int_equal(check(kit, &lines), 0);
        assert_non_null(strstr(lines.text, " is open: submitting, may have been sent\n"));
        kit_close(kit);
        kit_sql(kit, cases[i].damage);
        assert_true(check(kit, &lines) != 0);
        if (strstr(lines.text, cases[i].said) == NULL)
            fail_msg("%s: %s", cases[i].damage, lines.text);
        assert_int_equal(remove(kit->path), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_age, setup, teardown),
        cmocka_unit_test_setup_teardown(test_age_when_opened, setup, teardown),
        cmocka_unit_test_setup_teardown(test_long_log, setup, teardown),
        cmocka_unit_test_setup_teardown(test_size, setup, teardown),
        cmocka_unit_test_setup_teardown(test_size_of_open_runs, setup, teardown),
        cmocka_unit_test_setup_teardown(test_prune, setup, teardown),
        cmocka_unit_test_setup_teardown(test_schemas, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_database, setup, teardown),
        cmocka_unit_test_setup_teardown(test_epochs, setup, teardown),
        cmocka_unit_test_setup_teardown(test_check, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
