/* SPDX-License-Identifier: Apache-2.0
 *
 * test_kill.c: a process that writes is killed at any moment, a hundred times. What it was told is
 * written is there; of the rest there is what was queued first, without a gap.
 */
#define _DEFAULT_SOURCE

#include "core/slices.h"
#include "kit.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { TURNS = 100, RUNS_AT_ONCE = 4, GROUPS = 60 };

/* What a group of runs goes through, in this order, a step of all of them behind the other. */
enum step { BEGIN, STARTED, APPEND, APPEND_MORE, END, STEPS };

static bool queue(struct store_kit *kit, uint64_t number, enum step step)
{
    struct store_run run = kit_run(number);
    struct store_end end = kit_end(1);
    switch (step) {
    case BEGIN:
        return store_begin(kit->store, &run, kit_done, kit);
    case STARTED:
        return store_set_started(kit->store, number, DIFY_SLICE("run"), DIFY_SLICE("task"),
                                 kit_done, kit);
    case APPEND:
        kit_append(kit, number, 1, 20);
        return true;
    case APPEND_MORE:
        kit_append(kit, number, 21, 200);
        return true;
    case END:
        return store_end(kit->store, number, &end, kit_done, kit);
    case STEPS:
        break;
    }
    return false;
}

/* The child: writes, and says on its standard output how much has been delivered. */
static void write_until_killed(struct store_kit *kit, int out)
{
    uint32_t told = 0;
    kit_open(kit);
    for (unsigned group = 0; group < GROUPS; group++) {
        uint64_t first = store_next_number(kit->store);
        for (unsigned i = 1; i < RUNS_AT_ONCE; i++)
            (void)store_next_number(kit->store);
        for (int step = BEGIN; step < STEPS; step++)
            for (unsigned i = 0; i < RUNS_AT_ONCE; i++)
                if (!queue(kit, first + i, (enum step)step))
                    _exit(3);
        (void)store_deliver(kit->store);
        if (kit->refused != 0)
            _exit(4);
        if (kit->delivered != told && write(out, &kit->delivered, sizeof told) != sizeof told)
            _exit(5);
        told = kit->delivered;
    }
    kit_await(kit, GROUPS * STEPS * RUNS_AT_ONCE);
    if (write(out, &kit->delivered, sizeof told) != sizeof told)
        _exit(5);
    for (;;)
        pause();
}

/* Kills the child once it has said something `says` times; returns what it said last. */
static uint32_t kill_after(pid_t child, int in, unsigned says)
{
    uint32_t last = 0, said;
    while (says-- > 0 && last < GROUPS * STEPS * RUNS_AT_ONCE &&
           read(in, &said, sizeof said) == sizeof said)
        last = said;
    kill(child, SIGKILL);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    while (read(in, &said, sizeof said) == sizeof said) /* what was on its way */
        last = said;
    return last;
}

struct row {
    bool is_there;
    enum store_state state;
    uint32_t records;
    bool has_result;
};

static bool take(void *ctx, const struct store_row *row)
{
    *(struct row *)ctx = (struct row){true, row->state, row->records, row->result.ptr != NULL};
    return true;
}

static bool has_step(const struct row *row, enum step step)
{
    switch (step) {
    case BEGIN:
        return row->is_there;
    case STARTED:
        return row->state >= STORE_STARTED;
    case APPEND:
        return row->records >= 20;
    case APPEND_MORE:
        return row->records == 200;
    case END:
        return row->state == STORE_ENDED && row->has_result;
    case STEPS:
        break;
    }
    return false;
}

static void check_log(struct store_kit *kit, uint64_t number, uint32_t records)
{
    struct dify__buffer out = {.allocator = dify__allocator(NULL), .max = 1 << 20};
    uint32_t first = 0;
    assert_int_equal(store_read_log(kit->reader, number, 1, 1 << 20, &out, &first),
                     records != 0 ? DIFY_OK : DIFY_ERR_ABSENT);
    assert_int_equal(kit_check_records(dify__buffer_slice(&out), 1), records);
    dify__buffer_fini(&out);
}

/* Steps from the run `first` on that are there, in the order in which they were queued. */
static uint32_t count_steps(struct store_kit *kit, uint64_t first)
{
    uint32_t steps = 0;
    bool has_all = true;
    for (uint64_t group = first; has_all; group += RUNS_AT_ONCE) {
        struct row rows[RUNS_AT_ONCE] = {{.is_there = false}};
        for (unsigned i = 0; i < RUNS_AT_ONCE; i++) {
            unsigned char id[STORE_ID_BYTES];
            kit_id(group + i, id);
            enum dify_err err = store_find(kit->reader, id, take, &rows[i]);
            assert_true(err == DIFY_OK || err == DIFY_ERR_ABSENT);
            check_log(kit, group + i, rows[i].records);
        }
        for (int step = BEGIN; step < STEPS; step++)
            for (unsigned i = 0; i < RUNS_AT_ONCE; i++) {
                bool has = has_step(&rows[i], (enum step)step);
                assert_true(has_all || !has); /* nothing overtakes */
                has_all = has_all && has;
                steps += has;
            }
    }
    return steps;
}

static void say_line(void *ctx, const char *line)
{
    (void)ctx;
    if (strstr(line, " is open: ") == NULL)
        printf("%s\n", line);
}

/* Numbers go on behind the highest that is there; groups of the child begin with it. */
static uint64_t next_number(struct store_kit *kit)
{
    kit_open(kit);
    uint64_t number = store_next_number(kit->store);
    kit_close(kit);
    return number;
}

static void test_killed(void **state)
{
    struct store_kit *kit = *state;
    struct store_error error;
    unsigned seed = (unsigned)time(NULL) ^ (unsigned)getpid();
    const char *given = getenv("SEED");
    uint64_t found = 1;
    if (given != NULL)
        seed = (unsigned)strtoul(given, NULL, 10);
    printf("SEED=%u\n", seed);
    for (unsigned turn = 0; turn < TURNS; turn++) {
        int pipes[2];
        uint64_t first = next_number(kit);
        seed = seed * 1103515245u + 12345u;
        assert_int_equal(pipe(pipes), 0);
        fflush(stdout);
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            close(pipes[0]);
            write_until_killed(kit, pipes[1]);
        }
        close(pipes[1]);
        uint32_t told = kill_after(child, pipes[0], (seed >> 16) % 20);
        close(pipes[0]);
        kit_open(kit); /* the lock died with the child */
        assert_true(count_steps(kit, first) >= told);
        assert_int_equal(store_check(kit->path, say_line, NULL, &found, &error), DIFY_OK);
        assert_int_equal(found, 0);
        kit_close(kit);
        if (turn % 10 == 9) /* so that checking does not become the test */
            assert_int_equal(remove(kit->path), 0);
    }
}

/* ---- a reader beside the writer ------------------------------------------------------------ */

struct beside {
    struct store_kit *kit;
    uint64_t number;
    uint32_t seen;
};

enum { APPENDED = 2000 };

/* Follows a log while it is written: each record once, in order. */
static void *follow(void *ctx)
{
    struct beside *beside = ctx;
    struct store_reader *reader = NULL;
    struct store_error error;
    struct dify__buffer out = {.allocator = dify__allocator(NULL), .max = 1 << 20};
    if (store_reader_open(beside->kit->store, &reader, &error) != DIFY_OK)
        return NULL;
    while (beside->seen < APPENDED) {
        uint32_t first = 0;
        dify__buffer_clear(&out, 1 << 20);
        enum dify_err err =
            store_read_log(reader, beside->number, beside->seen + 1, 1000, &out, &first);
        if (err == DIFY_ERR_ABSENT)
            continue;
        if (err != DIFY_OK || first != beside->seen + 1)
            break;
        beside->seen += kit_check_records(dify__buffer_slice(&out), first);
    }
    dify__buffer_fini(&out);
    store_reader_close(reader);
    return NULL;
}

static void test_reader_beside(void **state)
{
    struct store_kit *kit = *state;
    struct beside beside[2];
    pthread_t threads[2];
    kit_open(kit);
    struct store_run run = kit_run(store_next_number(kit->store));
    assert_true(store_begin(kit->store, &run, kit_done, kit));
    for (unsigned i = 0; i < 2; i++) {
        beside[i] = (struct beside){kit, run.number, 0};
        assert_int_equal(pthread_create(&threads[i], NULL, follow, &beside[i]), 0);
    }
    for (uint32_t at = 1; at <= APPENDED; at++) {
        kit_append(kit, run.number, at, at);
        if (at % 50 == 0)
            kit_await(kit, at + 1);
    }
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(beside[i].seen, APPENDED);
    }
}

/* ---- writes from a callback ---------------------------------------------------------------- */

struct chain {
    struct store_kit *kit;
    uint64_t number;
    uint32_t at;
};

static void go_on(void *ctx, bool is_kept)
{
    struct chain *chain = ctx;
    struct dify__buffer records = {.allocator = dify__allocator(NULL), .max = 1000};
    assert_true(is_kept);
    if (++chain->at > 100)
        return;
    kit_records(&records, chain->at, chain->at);
    assert_true(store_append(chain->kit->store, chain->number, chain->at,
                             dify__buffer_slice(&records), go_on, chain));
    dify__buffer_fini(&records);
}

static void test_chain(void **state)
{
    struct store_kit *kit = *state;
    kit_open(kit);
    struct store_run run = kit_run(store_next_number(kit->store));
    struct chain chain = {kit, run.number, 0};
    assert_true(store_begin(kit->store, &run, go_on, &chain));
    while (chain.at <= 100)
        kit_turn(kit);
    assert_int_equal(kit_sql(kit, "SELECT count(*) FROM segments"), 100);
    assert_false(store_deliver(kit->store));
}

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_killed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_reader_beside, setup, teardown),
        cmocka_unit_test_setup_teardown(test_chain, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
