/* SPDX-License-Identifier: Apache-2.0
 *
 * test_sent.c: marks of what was sent: that they outlive the process, that they are forgotten with
 * the machine, and that those of another state of the database are never believed.
 */
#define _DEFAULT_SOURCE

#include "kit.h"

#include "core/slices.h"
#include "store/sent.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- the file by itself -------------------------------------------------------------------- */

struct marks {
    char folder[64], path[80];
    struct store_sent sent;
    struct store_sent_past past;
};

static void marks_init(struct marks *marks)
{
    *marks = (struct marks){.past = {0, 0}};
    const char *tmp = getenv("TMPDIR");
    snprintf(marks->folder, sizeof marks->folder, "%.30s/difystream-XXXXXX", tmp ? tmp : "/tmp");
    assert_non_null(mkdtemp(marks->folder));
    snprintf(marks->path, sizeof marks->path, "%s/runs-sent", marks->folder);
}

static void marks_fini(struct marks *marks)
{
    store_sent_close(&marks->sent);
    unlink(marks->path);
    assert_int_equal(rmdir(marks->folder), 0);
}

/* A life of the store, as store.c begins one. */
static void live(struct marks *marks, const char *boot, int64_t life, uint64_t last_number)
{
    store_sent_close(&marks->sent);
    marks->past.last_number = last_number;
    assert_true(store_sent_open(&marks->sent, marks->path, dify__slice(boot), &marks->past));
    assert_true(store_sent_announce(&marks->sent, life));
    marks->past.life = life;
    store_sent_live(&marks->sent);
}

static void test_marks_outlive_the_process(void **state)
{
    (void)state;
    struct marks marks;
    struct stat about;
    marks_init(&marks);
    live(&marks, "boot-1", 11, 0);
    assert_int_equal(stat(marks.path, &about), 0);
    assert_int_equal(about.st_mode & 07777, 0600);
    assert_false(store_sent_has(&marks.sent, 1));
    pid_t pid = fork();
    if (pid == 0) {
        store_sent_mark(&marks.sent, 2);
        store_sent_mark(&marks.sent, STORE_SENT_SLOTS + 5);
        for (;;)
            kill(getpid(), SIGKILL);
    }
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    live(&marks, "boot-1", 12, STORE_SENT_SLOTS + 5);
    assert_false(store_sent_has(&marks.sent, 1));
    assert_true(store_sent_has(&marks.sent, 2));
    assert_false(store_sent_has(&marks.sent, 3));
    assert_true(store_sent_has(&marks.sent, 5)); /* its place was needed: it counts as sent */
    assert_true(store_sent_has(&marks.sent, STORE_SENT_SLOTS + 5));
    assert_false(store_sent_has(&marks.sent, 2 * STORE_SENT_SLOTS + 5));
    assert_false(store_sent_has_accepted(&marks.sent, 1));
    assert_true(store_sent_has_accepted(&marks.sent, 2)); /* the database is an older copy */
    assert_false(store_sent_has_accepted(&marks.sent, 5));
    store_sent_mark(&marks.sent, 5); /* takes nothing back */
    assert_true(store_sent_has(&marks.sent, STORE_SENT_SLOTS + 5));
    marks_fini(&marks);
}

static void test_another_boot_forgets(void **state)
{
    (void)state;
    struct marks marks;
    marks_init(&marks);
    live(&marks, "boot-1", 11, 0);
    live(&marks, "boot-2", 12, 7);
    assert_true(store_sent_has(&marks.sent, 7));
    assert_false(store_sent_has(&marks.sent, 8));
    assert_false(store_sent_has_accepted(&marks.sent, 1)); /* was certainly not sent */
    store_sent_mark(&marks.sent, 8);
    live(&marks, "boot-2", 13, 9);
    assert_true(store_sent_has(&marks.sent, 8));
    assert_false(store_sent_has(&marks.sent, 9));
    /* one that cannot be read is never the same */
    live(&marks, "", 14, 10);
    assert_true(store_sent_has(&marks.sent, 10));
    live(&marks, "", 15, 11);
    assert_true(store_sent_has(&marks.sent, 11));
    marks_fini(&marks);
}

/* A process may be killed at any moment between the two writes of a life's number. */
static void test_a_life_that_was_only_announced(void **state)
{
    (void)state;
    struct marks marks;
    marks_init(&marks);
    live(&marks, "boot-1", 11, 0);
    for (int64_t life = 12; life < 15; life++) { /* killed before the database has the number */
        store_sent_close(&marks.sent);
        assert_true(store_sent_open(&marks.sent, marks.path, DIFY_SLICE("boot-1"), &marks.past));
        assert_true(store_sent_announce(&marks.sent, life));
    }
    marks.past = (struct store_sent_past){14, 3}; /* killed behind that */
    live(&marks, "boot-1", 15, 3);
    assert_false(store_sent_has(&marks.sent, 3));
    assert_false(store_sent_has_accepted(&marks.sent, 3));
    marks_fini(&marks);
}

static void expect_doubt(struct marks *marks, uint64_t last_number)
{
    live(marks, "boot-1", 99, last_number);
    assert_true(store_sent_has(&marks->sent, 1));
    assert_true(store_sent_has(&marks->sent, last_number));
    assert_true(store_sent_has_accepted(&marks->sent, last_number));
    assert_false(store_sent_has(&marks->sent, last_number + 1));
    assert_false(store_sent_has_accepted(&marks->sent, last_number + 1));
    /* and it stays so */
    live(marks, "boot-1", 100, last_number + 1);
    assert_true(store_sent_has_accepted(&marks->sent, last_number));
    assert_false(store_sent_has(&marks->sent, last_number + 1));
}

static void test_a_file_that_is_gone_or_cut_off(void **state)
{
    (void)state;
    static const off_t sizes[] = {-1, 0, 1, 64, 72, 96, 4096, 524288, 524383, 524385, 1 << 20};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct marks marks;
        struct stat about;
        marks_init(&marks);
        live(&marks, "boot-1", 11, 0);
        store_sent_mark(&marks.sent, 1);
        store_sent_close(&marks.sent);
        assert_int_equal(sizes[i] < 0 ? unlink(marks.path) : truncate(marks.path, sizes[i]), 0);
        expect_doubt(&marks, 4);
        assert_int_equal(stat(marks.path, &about), 0);
        assert_int_equal(about.st_size, 524384);
        marks_fini(&marks);
    }
}

static void test_another_state_of_the_database(void **state)
{
    (void)state;
    struct marks marks;
    marks_init(&marks);
    live(&marks, "boot-1", 11, 0);
    marks.past.life = 10; /* of an older life */
    expect_doubt(&marks, 4);
    marks_fini(&marks);

    marks_init(&marks);
    live(&marks, "boot-1", 11, 0);
    store_sent_mark(&marks.sent, 5); /* of the same life, and has no run 5 */
    expect_doubt(&marks, 4);
    marks_fini(&marks);
}

static void test_what_is_no_file(void **state)
{
    (void)state;
    struct marks marks;
    char other[100];
    marks_init(&marks);
    snprintf(other, sizeof other, "%s/other", marks.folder);
    assert_int_equal(symlink(other, marks.path), 0);
    assert_false(store_sent_open(&marks.sent, marks.path, DIFY_SLICE("boot-1"), &marks.past));
    assert_int_equal(errno, ELOOP);
    assert_int_equal(access(other, F_OK), -1);
    unlink(marks.path);
    assert_int_equal(mkdir(marks.path, 0700), 0);
    assert_false(store_sent_open(&marks.sent, marks.path, DIFY_SLICE("boot-1"), &marks.past));
    rmdir(marks.path);
    marks_fini(&marks);
}

/* ---- beside a database --------------------------------------------------------------------- */

static void copy_file(const char *from, const char *to)
{
    char bytes[65536];
    ssize_t len;
    int in = open(from, O_RDONLY), out = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(in >= 0 && out >= 0);
    while ((len = read(in, bytes, sizeof bytes)) > 0)
        assert_int_equal(write(out, bytes, (size_t)len), len);
    assert_int_equal(len, 0);
    close(in);
    close(out);
}

static void begin(struct store_kit *kit, bool is_submitting)
{
    unsigned delivered = kit->delivered;
    struct store_run run = kit_run(store_next_number(kit->store));
    if (!is_submitting)
        run.sent_ms = 0;
    assert_true(store_begin(kit->store, &run, kit_done, kit));
    kit_await(kit, delivered + 1);
}

/* Run 1 is accepted, run 2 submitting; then the store is closed, and a copy made of each file. */
static void make_backup(struct store_kit *kit, char db[100], char sent[100], char copy[100])
{
    kit_init(kit);
    kit_open(kit);
    begin(kit, false);
    begin(kit, true);
    kit_close(kit);
    snprintf(db, 100, "%s-copy", kit->path);
    snprintf(sent, 100, "%s-sent", kit->path);
    snprintf(copy, 100, "%s-sent-copy", kit->path);
    copy_file(kit->path, db);
    copy_file(sent, copy);
}

static int64_t epoch_of(struct store_kit *kit)
{
    return kit_sql(kit, "SELECT epoch FROM runs WHERE number = 1");
}

static void expect_sent(struct store_kit *kit, bool accepted, bool submitting)
{
    assert_int_equal(store_was_sent(kit->store, 1, STORE_ACCEPTED), accepted);
    assert_int_equal(store_was_sent(kit->store, 2, STORE_SUBMITTING), submitting);
}

static void test_a_store_that_goes_on(void **state)
{
    (void)state;
    struct store_kit kit;
    char db[100], sent[100], copy[100];
    make_backup(&kit, db, sent, copy);
    for (int i = 0; i < 3; i++) {
        kit_open(&kit);
        expect_sent(&kit, false, false);
        kit_close(&kit);
    }
    kit_open(&kit);
    store_mark_sent(kit.store, 2);
    kit_close(&kit);
    kit_open(&kit);
    expect_sent(&kit, false, true);
    assert_int_equal(epoch_of(&kit), 1);
    kit_fini(&kit);
}

static void test_backups(void **state)
{
    (void)state;
    struct store_kit kit;
    char db[100], sent[100], copy[100];

    /* an older database beside newer marks: both runs have been sent meanwhile */
    make_backup(&kit, db, sent, copy);
    kit_open(&kit);
    store_mark_sent(kit.store, 1);
    kit_close(&kit);
    copy_file(db, kit.path);
    kit_open(&kit);
    expect_sent(&kit, true, true);
    assert_int_equal(epoch_of(&kit), 2); /* what was shown of logs may not be in it */
    kit_fini(&kit);

    /* older marks beside a newer database */
    make_backup(&kit, db, sent, copy);
    kit_open(&kit);
    store_mark_sent(kit.store, 2);
    kit_close(&kit);
    copy_file(copy, sent);
    kit_open(&kit);
    expect_sent(&kit, true, true);
    kit_fini(&kit);

    /* without marks, as one is to be restored */
    make_backup(&kit, db, sent, copy);
    kit_open(&kit);
    store_mark_sent(kit.store, 1);
    kit_close(&kit);
    copy_file(db, kit.path);
    assert_int_equal(unlink(sent), 0);
    kit_open(&kit);
    expect_sent(&kit, true, true);
    begin(&kit, true); /* what is new is not in doubt */
    assert_false(store_was_sent(kit.store, 3, STORE_SUBMITTING));
    assert_false(store_was_sent(kit.store, 3, STORE_ACCEPTED));
    kit_fini(&kit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_marks_outlive_the_process),
        cmocka_unit_test(test_another_boot_forgets),
        cmocka_unit_test(test_a_life_that_was_only_announced),
        cmocka_unit_test(test_a_file_that_is_gone_or_cut_off),
        cmocka_unit_test(test_another_state_of_the_database),
        cmocka_unit_test(test_what_is_no_file),
        cmocka_unit_test(test_a_store_that_goes_on),
        cmocka_unit_test(test_backups),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
