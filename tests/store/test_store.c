/* SPDX-License-Identifier: Apache-2.0
 *
 * test_store.c: what is written is read again, in order, by a reader beside the writer.
 */
#include "core/slices.h"
#include "kit.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static int setup(void **state)
{
    struct store_kit *kit = malloc(sizeof *kit);
    assert_non_null(kit);
    kit_init(kit);
    kit_open(kit);
    *state = kit;
    return 0;
}

static int teardown(void **state)
{
    kit_fini(*state);
    free(*state);
    return 0;
}

/* ---- rows ---------------------------------------------------------------------------------- */

struct seen {
    unsigned count;
    uint64_t numbers[64];
    struct store_row last; /* without what is borrowed */
    char inputs[100], result[100], status[20], run_id[60], rating[20], comment[60];
    char extra[60];
    bool has_digest;
};

static void keep(char *out, size_t size, struct dify_slice text)
{
    snprintf(out, size, "%.*s", (int)text.len, text.ptr != NULL ? text.ptr : "");
}

static bool see(void *ctx, const struct store_row *row)
{
    struct seen *seen = ctx;
    assert_true(seen->count < 64);
    seen->numbers[seen->count++] = row->number;
    seen->last = *row;
    keep(seen->inputs, sizeof seen->inputs, row->inputs);
    keep(seen->result, sizeof seen->result, row->result);
    keep(seen->status, sizeof seen->status, row->status);
    keep(seen->run_id, sizeof seen->run_id, row->run_id);
    keep(seen->rating, sizeof seen->rating, row->rating);
    keep(seen->comment, sizeof seen->comment, row->comment);
    keep(seen->extra, sizeof seen->extra, row->extra);
    seen->has_digest = row->digest != NULL;
    return true;
}

static struct seen find(struct store_kit *kit, uint64_t number)
{
    struct seen seen = {0};
    unsigned char id[STORE_ID_BYTES];
    kit_id(number, id);
    assert_int_equal(store_find(kit->reader, id, see, &seen), DIFY_OK);
    assert_int_equal(seen.count, 1);
    assert_int_equal(seen.last.number, number);
    return seen;
}

static void test_life_of_a_run(void **state)
{
    struct store_kit *kit = *state;
    unsigned char key[STORE_HASH_BYTES] = {1}, digest[STORE_HASH_BYTES] = {2};
    struct store_run run = kit_run(store_next_number(kit->store));
    assert_int_equal(run.number, 1);
    run.sent_ms = 0;
    run.key = key;
    run.digest = digest;
    run.extra = DIFY_SLICE("{\"trace_id\":\"t\"}");
    assert_true(store_begin(kit->store, &run, kit_done, kit));
    kit_await(kit, 1);
    struct seen seen = find(kit, 1);
    assert_string_equal(seen.extra, "{\"trace_id\":\"t\"}");
    assert_int_equal(seen.last.state, STORE_ACCEPTED);
    assert_int_equal(seen.last.epoch, 1);
    assert_int_equal(seen.last.sent_ms, 0);
    assert_string_equal(seen.inputs, "{\"food_type\":\"Biscuit\"}");
    assert_true(seen.has_digest);

    assert_true(store_set_submitting(kit->store, 1, 1234, kit_done, kit));
    kit_await(kit, 2);
    seen = find(kit, 1);
    assert_int_equal(seen.last.state, STORE_SUBMITTING);
    assert_int_equal(seen.last.sent_ms, 1234);

    assert_true(
        store_set_started(kit->store, 1, DIFY_SLICE("run-1"), DIFY_SLICE("task-1"), kit_done, kit));
    kit_append(kit, 1, 1, 5);
    kit_append(kit, 1, 6, 6);
    kit_await(kit, 5);
    seen = find(kit, 1);
    assert_int_equal(seen.last.state, STORE_STARTED);
    assert_string_equal(seen.run_id, "run-1");
    assert_int_equal(seen.last.records, 6);
    assert_string_equal(seen.result, "");

    struct store_end end = kit_end(2000000);
    assert_true(store_end(kit->store, 1, &end, kit_done, kit));
    assert_true(
        store_rate(kit->store, 1, DIFY_SLICE("like"), DIFY_SLICE("well done"), kit_done, kit));
    kit_await(kit, 7);
    seen = find(kit, 1);
    assert_int_equal(seen.last.state, STORE_ENDED);
    assert_string_equal(seen.run_id, "run-1");
    assert_string_equal(seen.status, "succeeded");
    assert_string_equal(seen.result, "{\"success\":true}");
    assert_string_equal(seen.rating, "like");
    assert_string_equal(seen.comment, "well done");
    assert_true(seen.last.success);
    assert_int_equal(seen.last.tokens, 10);
    assert_int_equal(seen.last.ended_ms, 2000000);

    struct seen by = {0};
    assert_int_equal(store_find_run_id(kit->reader, DIFY_SLICE("run-1"), see, &by), DIFY_OK);
    assert_int_equal(store_find_key(kit->reader, key, see, &by), DIFY_OK);
    assert_int_equal(by.count, 2);
    assert_int_equal(store_find_key(kit->reader, digest, see, &by), DIFY_ERR_ABSENT);
    assert_int_equal(store_find_run_id(kit->reader, DIFY_SLICE("run-2"), see, &by),
                     DIFY_ERR_ABSENT);
    assert_int_equal(kit->refused, 0);
}

/* By Dify's task_id, whether the run is open or over; the latest of two. */
static void test_find_task(void **state)
{
    struct store_kit *kit = *state;
    struct seen seen = {0};
    struct store_end end = kit_end(2000);
    for (unsigned i = 1; i <= 3; i++) {
        struct store_run run = kit_run(store_next_number(kit->store));
        assert_true(store_begin(kit->store, &run, kit_done, kit));
    }
    end.task_id = DIFY_SLICE("task-b");
    assert_true(
        store_set_started(kit->store, 1, DIFY_SLICE("x"), DIFY_SLICE("task-a"), kit_done, kit));
    assert_true(store_end(kit->store, 2, &end, kit_done, kit));
    kit_await(kit, 5);
    assert_int_equal(store_find_task(kit->reader, DIFY_SLICE("task-a"), see, &seen), DIFY_OK);
    assert_int_equal(seen.last.number, 1);
    assert_int_equal(store_find_task(kit->reader, DIFY_SLICE("task-b"), see, &seen), DIFY_OK);
    assert_int_equal(seen.last.number, 2);
    assert_int_equal(store_find_task(kit->reader, DIFY_SLICE("task"), see, &seen), DIFY_ERR_ABSENT);
    assert_true(
        store_set_started(kit->store, 3, DIFY_SLICE("y"), DIFY_SLICE("task-a"), kit_done, kit));
    kit_await(kit, 6);
    assert_int_equal(store_find_task(kit->reader, DIFY_SLICE("task-a"), see, &seen), DIFY_OK);
    assert_int_equal(seen.last.number, 3);
    assert_int_equal(seen.count, 3);
}

/* A key that a run gives up with its end is another one's then, and belongs to no other run. */
static void test_freed_key(void **state)
{
    struct store_kit *kit = *state;
    unsigned char key[STORE_HASH_BYTES] = {1}, digest[STORE_HASH_BYTES] = {2};
    struct seen seen = {0};
    struct store_end end = kit_end(2000);
    for (uint64_t number = 1; number <= 3; number++) {
        struct store_run run = kit_run(store_next_number(kit->store));
        run.key = key;
        run.digest = digest;
        end.frees_key = number == 1;
        assert_true(store_begin(kit->store, &run, kit_done, kit));
        assert_true(store_end(kit->store, number, &end, kit_done, kit));
        kit_await(kit, (unsigned)(2 * number));
        assert_int_equal(store_find_key(kit->reader, key, see, &seen),
                         number == 1 ? DIFY_ERR_ABSENT : DIFY_OK);
        if (number == 1)
            assert_false(find(kit, 1).has_digest);
        else
            assert_int_equal(seen.last.number, 2);
    }
    assert_int_equal(kit->refused, 2); /* the third, which is not there to be ended either */
}

/* A paused run goes on: open, without a result, its log longer; then it has another result. */
static void test_reopened(void **state)
{
    struct store_kit *kit = *state;
    uint64_t number = kit_whole_run(kit, 1000, 2000);
    assert_true(store_reopen(kit->store, number, kit_done, kit));
    kit_await(kit, 3);
    struct seen seen = find(kit, number);
    assert_int_equal(seen.last.state, STORE_STARTED);
    assert_int_equal(seen.last.ended_ms, 0);
    assert_string_equal(seen.result, "");
    struct seen open = {0};
    assert_int_equal(store_list_open(kit->reader, see, &open), DIFY_OK);
    assert_int_equal(open.count, 1);
    struct store_end end = kit_end(3000);
    end.result = DIFY_SLICE("{\"success\":false}");
    assert_true(store_end(kit->store, number, &end, kit_done, kit));
    kit_await(kit, 4);
    seen = find(kit, number);
    assert_string_equal(seen.result, "{\"success\":false}");
    assert_int_equal(kit->refused, 0);
}

/* ---- what is refused ----------------------------------------------------------------------- */

static void test_refused_alone(void **state)
{
    struct store_kit *kit = *state;
    unsigned char key[STORE_HASH_BYTES] = {7};
    struct store_run first = kit_run(store_next_number(kit->store));
    first.key = key;
    struct store_run same_key = kit_run(store_next_number(kit->store));
    same_key.key = key;
    struct store_run same_id = kit_run(store_next_number(kit->store));
    kit_id(first.number, same_id.id);
    struct store_run good = kit_run(store_next_number(kit->store));
    assert_true(store_begin(kit->store, &first, kit_done, kit));
    kit_await(kit, 1);
    assert_int_equal(kit->refused, 0);
    assert_true(store_begin(kit->store, &same_key, kit_done, kit));
    assert_true(store_begin(kit->store, &same_id, kit_done, kit));
    kit_await(kit, 3);
    assert_int_equal(kit->refused, 2);
    assert_true(store_begin(kit->store, &good, kit_done, kit));
    kit_append(kit, same_id.number, 1, 2); /* of a run that is not */
    kit_append(kit, good.number, 1, 2);
    kit_append(kit, good.number, 1, 1); /* in the place of others */
    kit_await(kit, 7);
    assert_int_equal(kit->refused, 4);
    assert_int_equal(find(kit, good.number).last.records, 2);
    assert_int_equal(kit_sql(kit, "SELECT count(*) FROM runs"), 2);
    assert_int_equal(kit_sql(kit, "SELECT count(*) FROM details"), 2);
    assert_int_equal(kit_sql(kit, "SELECT count(*) FROM keys"), 1);
    /* What is over can neither end nor start again. */
    struct store_end end = kit_end(1);
    assert_true(store_end(kit->store, good.number, &end, kit_done, kit));
    kit_await(kit, 8);
    assert_int_equal(kit->refused, 4);
    assert_true(store_end(kit->store, good.number, &end, kit_done, kit));
    assert_true(store_set_started(kit->store, good.number, DIFY_SLICE("x"), DIFY_SLICE("y"),
                                  kit_done, kit));
    assert_true(store_set_submitting(kit->store, good.number, 1, kit_done, kit));
    assert_true(store_reopen(kit->store, first.number, kit_done, kit));
    assert_true(store_rate(kit->store, 99, DIFY_SLICE("like"), DIFY_SLICE(""), kit_done, kit));
    kit_await(kit, 13);
    assert_int_equal(kit->refused, 9);
}

static void test_last_record(void **state)
{
    struct store_kit *kit = *state;
    struct store_run run = kit_run(store_next_number(kit->store));
    struct dify__buffer records = {.allocator = dify__allocator(NULL), .max = 1000};
    kit_records(&records, 1, 2);
    assert_true(store_begin(kit->store, &run, kit_done, kit));
    assert_true(store_append(kit->store, run.number, STORE_RECORDS, dify__buffer_slice(&records),
                             kit_done, kit));
    kit_await(kit, 2);
    assert_int_equal(kit->refused, 1);
    assert_true(store_append(kit->store, run.number, STORE_RECORDS - 1,
                             dify__buffer_slice(&records), kit_done, kit));
    kit_await(kit, 3);
    assert_int_equal(kit->refused, 1);
    assert_int_equal(find(kit, run.number).last.records, STORE_RECORDS);
    dify__buffer_fini(&records);
}

/* ---- logs ---------------------------------------------------------------------------------- */

static void test_read_log(void **state)
{
    struct store_kit *kit = *state;
    struct dify__buffer out = {.allocator = dify__allocator(NULL), .max = 100000};
    uint32_t first = 0;
    for (unsigned i = 1; i <= 3; i++) {
        struct store_run run = kit_run(store_next_number(kit->store));
        assert_true(store_begin(kit->store, &run, kit_done, kit));
    }
    kit_append(kit, 2, 1, 10);
    kit_append(kit, 2, 11, 11);
    kit_append(kit, 2, 12, 30);
    kit_append(kit, 3, 1, 1);
    kit_await(kit, 7);
    static const struct {
        uint32_t from, first, count;
        size_t enough;
    } cases[] = {
        {1, 1, 30, 100000}, {0, 1, 30, 100000}, {10, 1, 30, 100000}, {11, 11, 20, 100000},
        {12, 12, 19, 1},    {1, 1, 10, 1},      {5, 1, 11, 62},      {30, 12, 19, 100000},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        dify__buffer_clear(&out, 0);
        assert_int_equal(
            store_read_log(kit->reader, 2, cases[i].from, cases[i].enough, &out, &first), DIFY_OK);
        assert_int_equal(first, cases[i].first);
        assert_int_equal(kit_check_records(dify__buffer_slice(&out), first), cases[i].count);
    }
    dify__buffer_clear(&out, 0);
    assert_int_equal(store_read_log(kit->reader, 2, 31, 1, &out, &first), DIFY_ERR_ABSENT);
    assert_int_equal(store_read_log(kit->reader, 1, 1, 1, &out, &first), DIFY_ERR_ABSENT);
    assert_int_equal(store_read_log(kit->reader, 4, 1, 1, &out, &first), DIFY_ERR_ABSENT);
    assert_int_equal(out.len, 0);
    dify__buffer_fini(&out);
}

/* A ceiling of the reader's own buffer cuts between segments. */
static void test_read_log_ceiling(void **state)
{
    struct store_kit *kit = *state;
    struct store_run run = kit_run(store_next_number(kit->store));
    uint32_t first = 0;
    assert_true(store_begin(kit->store, &run, kit_done, kit));
    kit_append(kit, 1, 1, 2); /* 12 bytes each */
    kit_append(kit, 1, 3, 4);
    kit_await(kit, 3);
    struct dify__buffer out = {.allocator = dify__allocator(NULL), .max = 23};
    assert_int_equal(store_read_log(kit->reader, 1, 1, 100, &out, &first), DIFY_OK);
    assert_int_equal(kit_check_records(dify__buffer_slice(&out), 1), 2);
    dify__buffer_clear(&out, 100);
    out.max = 24;
    assert_int_equal(store_read_log(kit->reader, 1, 1, 100, &out, &first), DIFY_OK);
    assert_int_equal(kit_check_records(dify__buffer_slice(&out), 1), 4);
    dify__buffer_clear(&out, 100);
    out.max = 11;
    assert_int_equal(store_read_log(kit->reader, 1, 1, 100, &out, &first), DIFY_ERR_TOO_LARGE);
    dify__buffer_fini(&out);
}

/* ---- opening ------------------------------------------------------------------------------- */

static void test_opened_again(void **state)
{
    struct store_kit *kit = *state;
    struct stat about;
    struct store_error error;
    struct store *second = NULL;
    char expected[200];
    for (unsigned i = 0; i < 3; i++) {
        struct store_run run = kit_run(store_next_number(kit->store));
        assert_true(store_begin(kit->store, &run, NULL, NULL));
    }
    assert_int_equal(store_open(&kit->options, &second, &error), DIFY_ERR_ARGUMENT);
    snprintf(expected, sizeof expected, "%s: in use by process %ld", kit->path, (long)getpid());
    assert_string_equal(error.text, expected);
    kit_close(kit); /* writes what is queued */
    kit_open(kit);
    assert_int_equal(store_next_number(kit->store), 4);
    struct seen open = {0};
    assert_int_equal(store_list_open(kit->reader, see, &open), DIFY_OK);
    assert_int_equal(open.count, 3);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(open.numbers[i], i + 1);
    assert_int_equal(open.last.epoch, 1);
    assert_int_equal(stat(kit->path, &about), 0);
    assert_int_equal(about.st_mode & 0777, 0600);
}

/* Under any name that leads to it a store is one, and its files are its owner's alone. */
static void test_links(void **state)
{
    static const char *const beside[] = {"", "-wal", "-shm", "-lock", "-sent"};
    struct store_kit *kit = *state;
    struct store_options options = kit->options;
    struct store_error error = {""};
    struct store *second = NULL;
    struct stat about;
    uint64_t removed;
    char link[100], dangling[100], path[120], expected[200];
    snprintf(link, sizeof link, "%s/link.db", kit->folder);
    snprintf(dangling, sizeof dangling, "%s/dangling.db", kit->folder);
    assert_int_equal(symlink("runs.db", link), 0);
    assert_int_equal(symlink("nothing.db", dangling), 0);
    options.path = link;
    assert_int_equal(store_open(&options, &second, &error), DIFY_ERR_ARGUMENT);
    assert_non_null(strstr(error.text, "in use by process"));
    assert_int_equal(store_prune(link, 1, 0, &removed, &error), DIFY_ERR_ARGUMENT);
    assert_non_null(strstr(error.text, "in use by process"));
    options.path = dangling;
    assert_int_equal(store_open(&options, &second, &error), DIFY_ERR_ARGUMENT);
    snprintf(expected, sizeof expected, "%s: No such file or directory", dangling);
    assert_string_equal(error.text, expected);
    kit_whole_run(kit, 1, 2);
    kit_await(kit, 2);
    for (size_t i = 0; i < sizeof beside / sizeof *beside; i++) {
        snprintf(path, sizeof path, "%s%s", kit->path, beside[i]);
        assert_int_equal(stat(path, &about), 0);
        assert_int_equal(about.st_mode & 07777, 0600);
    }
    kit_close(kit);
    options.path = link;
    assert_int_equal(store_open(&options, &second, &error), DIFY_OK);
    assert_int_equal(store_next_number(second), 2);
    store_close(second);
    snprintf(path, sizeof path, "%s-lock", link);
    assert_int_equal(access(path, F_OK), -1);
    kit_open(kit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_life_of_a_run, setup, teardown),
        cmocka_unit_test_setup_teardown(test_find_task, setup, teardown),
        cmocka_unit_test_setup_teardown(test_freed_key, setup, teardown),
        cmocka_unit_test_setup_teardown(test_reopened, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refused_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(test_last_record, setup, teardown),
        cmocka_unit_test_setup_teardown(test_read_log, setup, teardown),
        cmocka_unit_test_setup_teardown(test_read_log_ceiling, setup, teardown),
        cmocka_unit_test_setup_teardown(test_opened_again, setup, teardown),
        cmocka_unit_test_setup_teardown(test_links, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
