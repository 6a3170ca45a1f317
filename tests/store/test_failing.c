/* SPDX-License-Identifier: Apache-2.0
 *
 * test_failing.c: a disk that fails or is full, and a queue that is: nothing is lost or overtaken.
 */
#define _DEFAULT_SOURCE

#include "core/slices.h"
#include "kit.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>

/* What decides whether a commit may be; the writer's thread asks it. */
struct gate {
    struct store_kit kit;
    struct store_fault fault;
    pthread_mutex_t mutex;
    pthread_cond_t cond;
    unsigned failures; /* so many commits fail from now on */
    bool is_shut;      /* the writer waits in its commit */
    bool has_asked;
    unsigned order[64];
    unsigned ordered;
};

static bool may_commit(void *ctx)
{
    struct gate *gate = ctx;
    pthread_mutex_lock(&gate->mutex);
    gate->has_asked = true;
    pthread_cond_broadcast(&gate->cond);
    while (gate->is_shut)
        pthread_cond_wait(&gate->cond, &gate->mutex);
    bool may = gate->failures == 0;
    gate->failures -= !may;
    pthread_mutex_unlock(&gate->mutex);
    return may;
}

static void set_gate(struct gate *gate, bool is_shut, unsigned failures)
{
    pthread_mutex_lock(&gate->mutex);
    gate->is_shut = is_shut;
    gate->failures = failures;
    gate->has_asked = false;
    pthread_cond_broadcast(&gate->cond);
    pthread_mutex_unlock(&gate->mutex);
}

static void await_asking(struct gate *gate)
{
    pthread_mutex_lock(&gate->mutex);
    while (!gate->has_asked)
        pthread_cond_wait(&gate->cond, &gate->mutex);
    pthread_mutex_unlock(&gate->mutex);
}

static int setup(void **state)
{
    struct gate *gate = calloc(1, sizeof *gate);
    assert_non_null(gate);
    pthread_mutex_init(&gate->mutex, NULL);
    pthread_cond_init(&gate->cond, NULL);
    kit_init(&gate->kit);
    gate->fault = (struct store_fault){may_commit, gate};
    gate->kit.options.fault = &gate->fault;
    kit_open(&gate->kit);
    *state = gate;
    return 0;
}

static int teardown(void **state)
{
    struct gate *gate = *state;
    set_gate(gate, false, 0);
    kit_fini(&gate->kit);
    pthread_cond_destroy(&gate->cond);
    pthread_mutex_destroy(&gate->mutex);
    free(gate);
    return 0;
}

struct turn {
    struct gate *gate;
    unsigned number;
};

static void note(void *ctx, bool is_kept)
{
    struct turn *turn = ctx;
    turn->gate->order[turn->gate->ordered++] = turn->number;
    kit_done(&turn->gate->kit, is_kept);
}

static struct store_figures figures(struct gate *gate)
{
    struct store_figures out;
    store_figures(gate->kit.store, &out);
    return out;
}

/* Two commits fail; what was queued before, between and behind comes in its order, all of it. */
static void test_tried_again(void **state)
{
    struct gate *gate = *state;
    struct store *store = gate->kit.store;
    struct turn turns[20];
    const char *why = NULL;
    assert_false(store_is_failing(store, &why));
    set_gate(gate, false, 2);
    for (unsigned i = 0; i < 20; i++) {
        struct store_run run = kit_run(store_next_number(store));
        turns[i] = (struct turn){gate, i};
        if (i == 10) { /* the failure is told by a wake, before anything is delivered */
            while (!store_is_failing(store, &why))
                kit_turn(&gate->kit);
            assert_string_equal(why, "database or disk is full");
            assert_int_equal(gate->kit.delivered, 0);
            assert_int_equal(figures(gate).queued_writes, 10);
        }
        assert_true(store_begin(store, &run, note, &turns[i]));
    }
    kit_await(&gate->kit, 20);
    for (unsigned i = 0; i < 20; i++)
        assert_int_equal(gate->order[i], i);
    assert_false(store_is_failing(store, &why));
    assert_int_equal(gate->kit.refused, 0);
    assert_int_equal(figures(gate).failed_commits, 2);
    assert_int_equal(figures(gate).written, 20);
    assert_int_equal(figures(gate).queued_writes, 0);
    assert_int_equal(figures(gate).queued_bytes, 0);
    assert_int_equal(kit_sql(&gate->kit, "SELECT count(*) FROM runs"), 20);
}

/* While one transaction is being committed all others queue up, and go into the next one; the owner
 * is woken once for it. */
static void test_group_commit(void **state)
{
    struct gate *gate = *state;
    struct store *store = gate->kit.store;
    set_gate(gate, true, 0);
    for (unsigned i = 0; i < 50; i++) {
        struct store_run run = kit_run(store_next_number(store));
        assert_true(store_begin(store, &run, kit_done, &gate->kit));
        if (i == 0)
            await_asking(gate);
    }
    set_gate(gate, false, 0);
    kit_await(&gate->kit, 50);
    assert_int_equal(figures(gate).commits, 2);
    assert_int_equal(figures(gate).synced_commits, 2);
    kit_append(&gate->kit, 1, 1, 1);
    kit_await(&gate->kit, 51);
    assert_int_equal(figures(gate).commits, 3);
    assert_int_equal(figures(gate).synced_commits, 2);
}

/* Appends of many runs in one transaction, which fails and is tried again: those that can be are
 * kept, whatever stands between them. */
static void test_appends_together(void **state)
{
    static const struct {
        uint64_t number;
        uint32_t first, last;
        bool is_kept;
    } appends[] = {
        {9, 1, 1, false},                                     /* of a run that is not */
        {2, 1, 2, true},  {1, 1, 1, true},  {2, 1, 1, false}, /* in the place of others */
        {2, 3, 3, true},  {3, 1, 4, true},  {3, 5, 4, true},  /* none at all */
        {1, 1, 1, false}, {1, 1, 2, false}, {1, 2, 9, true},  {2, 3, 3, false},
    };
    enum { APPENDS = sizeof appends / sizeof appends[0] };
    struct gate *gate = *state;
    struct store *store = gate->kit.store;
    struct turn turns[APPENDS];
    struct dify__buffer log = {.allocator = dify__allocator(NULL), .max = 10000};
    uint32_t first, refused = 0;
    set_gate(gate, true, 0);
    for (unsigned i = 0; i < 3; i++) {
        struct store_run run = kit_run(store_next_number(store));
        assert_true(store_begin(store, &run, kit_done, &gate->kit));
        if (i == 0)
            await_asking(gate); /* the others, and all that follows, are the next transaction */
    }
    for (unsigned i = 0; i < APPENDS; i++) {
        turns[i] = (struct turn){gate, i};
        dify__buffer_clear(&log, 0);
        kit_records(&log, appends[i].first, appends[i].last);
        assert_true(store_append(store, appends[i].number, appends[i].first,
                                 dify__buffer_slice(&log), note, &turns[i]));
    }
    set_gate(gate, false, 0);
    kit_await(&gate->kit, 1);
    for (unsigned i = 0; i < APPENDS; i++) {
        kit_await(&gate->kit, 4 + i);
        refused += !appends[i].is_kept;
        assert_int_equal(gate->order[i], i);
    }
    assert_int_equal(gate->kit.refused, refused);
    assert_int_equal(figures(gate).commits, 2);
    static const uint32_t lengths[] = {9, 3, 4};
    for (uint64_t number = 1; number <= 3; number++) {
        dify__buffer_clear(&log, 0);
        assert_int_equal(store_read_log(gate->kit.reader, number, 1, 10000, &log, &first), DIFY_OK);
        assert_int_equal(kit_check_records(dify__buffer_slice(&log), 1), lengths[number - 1]);
    }
    dify__buffer_fini(&log);
}

/* A run that is begun and appended to in a transaction that fails twice. */
static void test_appends_after_a_failure(void **state)
{
    struct gate *gate = *state;
    struct store *store = gate->kit.store;
    const char *why;
    struct store_run run = kit_run(store_next_number(store));
    set_gate(gate, false, 2);
    assert_true(store_begin(store, &run, kit_done, &gate->kit));
    kit_append(&gate->kit, 1, 1, 5);
    kit_append(&gate->kit, 1, 1, 1); /* refused, each time */
    kit_append(&gate->kit, 1, 6, 7);
    while (!store_is_failing(store, &why))
        kit_turn(&gate->kit);
    kit_await(&gate->kit, 4);
    assert_int_equal(gate->kit.refused, 1);
    assert_int_equal(kit_sql(&gate->kit, "SELECT sum(count) FROM segments"), 7);
}

/* Closing wakes the one that waits for its next try, and what is not written is no clean close. */
static void test_closed_while_failing(void **state)
{
    struct gate *gate = *state;
    struct store_run run = kit_run(store_next_number(gate->kit.store));
    const char *why;
    set_gate(gate, false, 1000);
    assert_true(store_begin(gate->kit.store, &run, kit_done, &gate->kit));
    while (!store_is_failing(gate->kit.store, &why))
        kit_turn(&gate->kit);
    kit_close(&gate->kit);
    assert_int_equal(kit_sql(&gate->kit, "SELECT value FROM meta WHERE name = 'clean'"), 0);
    assert_int_equal(kit_sql(&gate->kit, "SELECT count(*) FROM runs"), 0);
    set_gate(gate, false, 0);
    kit_open(&gate->kit);
    kit_close(&gate->kit);
    assert_int_equal(kit_sql(&gate->kit, "SELECT value FROM meta WHERE name = 'clean'"), 1);
}

/* ---- the queue's ceiling ------------------------------------------------------------------- */

static bool append_text(struct gate *gate, uint32_t first, struct dify_slice text)
{
    struct dify__buffer records = {.allocator = dify__allocator(NULL), .max = (size_t)1 << 30};
    assert_int_equal(store_record_put(&records, STORE_RECORD_EVENT, text), DIFY_OK);
    bool is_queued =
        store_append(gate->kit.store, 1, first, dify__buffer_slice(&records), kit_done, &gate->kit);
    dify__buffer_fini(&records);
    return is_queued;
}

static bool end_with(struct gate *gate, const char *text, size_t len)
{
    struct store_end end = kit_end(1);
    end.result = (struct dify_slice){text, len};
    return store_end(gate->kit.store, 1, &end, kit_done, &gate->kit);
}

/* Where nothing else has any, up to a ceiling of their own. */
static void expect_room_for_ends(struct gate *gate, const char *text)
{
    const size_t most = STORE_QUEUE_BYTES + STORE_QUEUE_ENDS_BYTES;
    size_t before = figures(gate).queued_bytes;
    assert_true(
        store_set_started(gate->kit.store, 1, DIFY_SLICE("r"), DIFY_SLICE("t"), NULL, NULL));
    size_t started = figures(gate).queued_bytes;
    assert_true(started > before);
    assert_true(end_with(gate, text, 0));
    size_t overhead = figures(gate).queued_bytes - started;
    for (size_t i = 0; i < STORE_QUEUE_ENDS_BYTES / STORE_RECORD_BYTES - 1; i++)
        assert_true(end_with(gate, text, STORE_RECORD_BYTES));
    size_t room = most - figures(gate).queued_bytes - overhead;
    assert_false(end_with(gate, text, room + 1));
    assert_true(end_with(gate, text, room));
    assert_int_equal(figures(gate).queued_bytes, most);
    assert_false(end_with(gate, text, 0));
}

static void test_queue_ceiling(void **state)
{
    struct gate *gate = *state;
    struct store_run run = kit_run(store_next_number(gate->kit.store));
    char *text = calloc(1, STORE_RECORD_BYTES);
    assert_non_null(text);
    set_gate(gate, true, 0);
    assert_true(store_begin(gate->kit.store, &run, kit_done, &gate->kit));
    await_asking(gate); /* from now on nothing is taken off the queue */
    size_t before = figures(gate).queued_bytes;
    assert_true(append_text(gate, 1, (struct dify_slice){text, 0}));
    size_t overhead = figures(gate).queued_bytes - before;
    for (uint32_t i = 2; i <= 4; i++)
        assert_true(append_text(gate, i, (struct dify_slice){text, STORE_RECORD_BYTES}));
    size_t room = STORE_QUEUE_BYTES - figures(gate).queued_bytes - overhead;
    size_t writes = figures(gate).queued_writes;
    assert_false(append_text(gate, 5, (struct dify_slice){text, room + 1}));
    assert_int_equal(figures(gate).queued_writes, writes);
    assert_true(append_text(gate, 5, (struct dify_slice){text, room}));
    assert_int_equal(figures(gate).queued_bytes, STORE_QUEUE_BYTES);
    assert_false(append_text(gate, 6, (struct dify_slice){text, 0}));
    expect_room_for_ends(gate, text);
    set_gate(gate, false, 1); /* closing gives up: there is no need to write it all */
    free(text);
    kit_close(&gate->kit);
    assert_int_equal(gate->kit.delivered, 0);
}

/* ---- disks that are really full ------------------------------------------------------------ */

static void ignore_line(void *ctx, const char *line)
{
    (void)ctx;
    (void)line;
}

/* No file may grow any further: as on a full disk. */
static void test_full_disk(void **state)
{
    struct gate *gate = *state;
    struct rlimit limit, before;
    const char *why = NULL;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    limit = before;
    limit.rlim_cur = (rlim_t)1 << 20;
    char *text = calloc(1, (size_t)2 << 20);
    assert_non_null(text);
    struct store_run run = kit_run(store_next_number(gate->kit.store));
    assert_true(store_begin(gate->kit.store, &run, kit_done, &gate->kit));
    kit_await(&gate->kit, 1);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    assert_true(append_text(gate, 1, (struct dify_slice){text, (size_t)2 << 20}));
    assert_true(append_text(gate, 2, (struct dify_slice){text, 1}));
    while (!store_is_failing(gate->kit.store, &why))
        kit_turn(&gate->kit);
    assert_int_equal(gate->kit.delivered, 1);
    struct store_error error;
    uint64_t found = 1;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    kit_await(&gate->kit, 3);
    assert_int_equal(gate->kit.refused, 0);
    assert_false(store_is_failing(gate->kit.store, &why));
    assert_int_equal(kit_sql(&gate->kit, "SELECT count(*) FROM segments"), 2);
    assert_int_equal(store_check(gate->kit.path, ignore_line, NULL, &found, &error), DIFY_OK);
    assert_int_equal(found, 0);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_tried_again, setup, teardown),
        cmocka_unit_test_setup_teardown(test_group_commit, setup, teardown),
        cmocka_unit_test_setup_teardown(test_appends_together, setup, teardown),
        cmocka_unit_test_setup_teardown(test_appends_after_a_failure, setup, teardown),
        cmocka_unit_test_setup_teardown(test_closed_while_failing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_queue_ceiling, setup, teardown),
        cmocka_unit_test_setup_teardown(test_full_disk, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
