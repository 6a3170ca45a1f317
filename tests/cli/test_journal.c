/* SPDX-License-Identifier: Apache-2.0
 *
 * test_journal.c: what was written is read again, whatever happened to the file or to its writer.
 */
#include "kit.h"

#include "cli/args.h"
#include "cli/journal.h"
#include "cli/left_run.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

const struct cli_command cli_commands[] = {
    {NULL, NULL, 0, NULL, NULL, NULL, NULL, NULL, false},
};

#define NOW ((uint64_t)1700000000000)
#define DAY ((uint64_t)24 * 60 * 60 * 1000)
#define ID "018bcfe5-6800-7000-8000-000000000000"

struct fixture {
    struct kit_folder folder;
    char runs[400];
    struct text reports;
    unsigned report_count;
    struct cli_journal_options options;
    struct cli_journal_error error;
};

static void on_report(void *ctx, const char *message)
{
    struct fixture *fixture = ctx;
    text_add_chars(&fixture->reports, message);
    fixture->report_count++;
}

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    if (fixture == NULL)
        return -1;
    kit_folder_make(&fixture->folder);
    snprintf(fixture->runs, sizeof fixture->runs, "%s/state/difystream/runs", fixture->folder.path);
    fixture->options =
        (struct cli_journal_options){.now_ms = NOW, .report = on_report, .ctx = fixture};
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    kit_folder_remove(&fixture->folder);
    text_fini(&fixture->reports);
    free(fixture);
    return 0;
}

static struct cli_journal_header header_of(const char *id)
{
    struct cli_journal_header header = {.created_ms = NOW,
                                        .base_url = DIFY_SLICE("http://h/v1"),
                                        .app = DIFY_SLICE("label"),
                                        .kind = DIFY_SLICE("workflow"),
                                        .user = DIFY_SLICE("alice"),
                                        .inputs = DIFY_SLICE("{\"a\":\"\xC3\xA9\"}"),
                                        .query = DIFY_SLICE("")};
    snprintf(header.id, sizeof header.id, "%s", id);
    return header;
}

static struct cli_journal *create(struct fixture *fixture, const char *id)
{
    struct cli_journal *journal = NULL;
    struct cli_journal_header header = header_of(id);
    if (cli_journal_create(fixture->runs, &header, &fixture->options, &journal, &fixture->error) !=
        CLI_JOURNAL_OK)
        fail_msg("%s", fixture->error.text);
    return journal;
}

static struct cli_journal *reopen(struct fixture *fixture, const char *id)
{
    struct cli_journal *journal = NULL;
    if (cli_journal_open(fixture->runs, id, &fixture->options, &journal, &fixture->error) !=
        CLI_JOURNAL_OK)
        fail_msg("%s", fixture->error.text);
    return journal;
}

static const char *file_of(const struct fixture *fixture, const char *id)
{
    char name[200];
    snprintf(name, sizeof name, "state/difystream/runs/%s.run", id);
    return kit_path(&fixture->folder, name);
}

static void assert_no_file(const struct fixture *fixture, const char *id)
{
    assert_int_equal(access(file_of(fixture, id), F_OK), -1);
}

/* Writes a run that was cut and resumed. */
static void write_run(struct cli_journal *journal)
{
    cli_journal_submitting(journal, NOW + 1);
    cli_journal_stream(journal, false, NOW + 2);
    cli_journal_bytes(journal, "data: 1\n\n", 9);
    cli_journal_ids(journal, &(struct cli_journal_ids){.workflow_run_id = DIFY_SLICE("run-1"),
                                                       .task_id = DIFY_SLICE("task-1")});
    cli_journal_bytes(journal, "da\0a", 4);
    cli_journal_bytes(journal, "", 0);
    cli_journal_stream(journal, true, NOW + 3);
    cli_journal_bytes(journal, "data: 2\n\n", 9);
    cli_journal_paused(journal, NOW + 4);
    cli_journal_stopped(journal, NOW + 5);
}

/* A record as a line, for comparison. */
static void describe(const struct cli_journal_record *record, struct text *out)
{
    const struct cli_journal_header *header = &record->header;
    const struct dify_slice slices[] = {header->base_url,
                                        header->app,
                                        header->kind,
                                        header->workflow_id,
                                        header->user,
                                        header->inputs,
                                        header->query,
                                        header->conversation_id,
                                        record->ids.workflow_run_id,
                                        record->ids.task_id,
                                        record->ids.conversation_id,
                                        record->ids.message_id,
                                        record->bytes};
    text_addf(out, "%d %llu %u %d %s %llu", record->type, (unsigned long long)record->at_ms,
              record->stream, record->is_resumed, header->id,
              (unsigned long long)header->created_ms);
    for (size_t i = 0; i < COUNT_OF(slices); i++) {
        text_addf(out, " %s%zu:", slices[i].ptr == NULL ? "-" : "", slices[i].len);
        text_add(out, slices[i].ptr, slices[i].len);
    }
    text_add_chars(out, "\n");
}

/* All records of the reader; `ends[i]`: where the i-th ends in the file. */
static struct text read_all(struct cli_journal_reader *reader, uint64_t *ends, size_t *count)
{
    struct text out = {NULL, 0, 0};
    struct cli_journal_record record;
    size_t seen = 0;
    text_add_chars(&out, "");
    while (cli_journal_next(reader, &record)) {
        describe(&record, &out);
        if (ends != NULL)
            ends[seen] = reader->at;
        seen++;
    }
    if (count != NULL)
        *count = seen;
    return out;
}

static struct text read_journal(struct fixture *fixture, const char *id, bool *is_cut)
{
    struct cli_journal_reader reader;
    if (cli_journal_reader_open(&reader, fixture->runs, id, &fixture->error) != CLI_JOURNAL_OK)
        fail_msg("%s", fixture->error.text);
    struct text out = read_all(&reader, NULL, NULL);
    if (is_cut != NULL)
        *is_cut = reader.is_cut;
    cli_journal_reader_fini(&reader);
    return out;
}

/* ---- folders ------------------------------------------------------------------------------- */

static void test_where_journals_lie(void **state)
{
    (void)state;
    static const struct {
        const char *state_home, *home, *folder;
    } cases[] = {{"/s", "/h", "/s/difystream/runs"},
                 {"s", "/h", "/h/.local/state/difystream/runs"},
                 {"", "/h", "/h/.local/state/difystream/runs"},
                 {NULL, "/h", "/h/.local/state/difystream/runs"},
                 {NULL, "", NULL},
                 {NULL, NULL, NULL}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char *folder = cli_journal_folder(cases[i].state_home, cases[i].home);
        if (cases[i].folder == NULL)
            assert_null(folder);
        else
            assert_string_equal(folder, cases[i].folder);
        free(folder);
    }
}

/* ---- one run ------------------------------------------------------------------------------- */

static void test_what_is_written_is_read(void **state)
{
    struct fixture *fixture = *state;
    struct cli_journal *journal = create(fixture, ID);
    struct text expected = {NULL, 0, 0};
    bool is_cut = true;
    write_run(journal);
    cli_journal_close(journal);
    text_add_chars(&expected,
                   "1 0 0 0 " ID " 1700000000000 11:http://h/v1 5:label 8:workflow -0: 5:alice "
                   "10:{\"a\":\"\xC3\xA9\"} 0: -0: -0: -0: -0: -0: -0:\n");
#define NO_HEADER " 0  0 -0: -0: -0: -0: -0: -0: -0: -0:"
    text_add_chars(&expected, "2 1700000000001 0 0  0 -0: -0: -0: -0: -0: -0: -0: -0: -0: -0: -0: "
                              "-0: -0:\n"
                              "3 1700000000002 1" NO_HEADER " -0: -0: -0: -0: -0:\n"
                              "4 0 1" NO_HEADER " -0: -0: -0: -0: 9:data: 1\n\n\n"
                              "5 0 1" NO_HEADER " 5:run-1 6:task-1 -0: -0: -0:\n"
                              "4 0 1" NO_HEADER " -0: -0: -0: -0: 4:da");
    text_add(&expected, "\0a\n", 3);
    text_add_chars(&expected, "3 1700000000003 2 1  0 -0: -0: -0: -0: -0: -0: -0: -0: -0: -0: -0: "
                              "-0: -0:\n"
                              "4 0 2" NO_HEADER " -0: -0: -0: -0: 9:data: 2\n\n\n"
                              "6 1700000000004 2" NO_HEADER " -0: -0: -0: -0: -0:\n"
                              "9 1700000000005 2" NO_HEADER " -0: -0: -0: -0: -0:\n");
    struct text got = read_journal(fixture, ID, &is_cut);
    assert_bytes(text_slice(&got), text_slice(&expected));
    assert_false(is_cut);
    text_fini(&got);
    text_fini(&expected);
    assert_int_equal(fixture->report_count, 0);
}

static void test_it_is_the_users_alone(void **state)
{
    struct fixture *fixture = *state;
    static const char *const folders[] = {"state", "state/difystream", "state/difystream/runs"};
    struct stat about;
    mode_t mask = umask(0);
    cli_journal_close(create(fixture, ID));
    umask(mask);
    assert_int_equal(stat(file_of(fixture, ID), &about), 0);
    assert_int_equal(about.st_mode & 07777, 0600);
    for (size_t i = 0; i < COUNT_OF(folders); i++) {
        assert_int_equal(stat(kit_path(&fixture->folder, folders[i]), &about), 0);
        assert_int_equal(about.st_mode & 07777, 0700);
    }
}

static void test_it_goes_with_the_runs_end(void **state)
{
    struct fixture *fixture = *state;
    struct cli_journal *journal = create(fixture, ID);
    write_run(journal);
    cli_journal_end(journal, NOW + 9);
    assert_no_file(fixture, ID);
    assert_int_equal(fixture->report_count, 0);
    journal = create(fixture, ID);
    assert_int_equal(unlink(file_of(fixture, ID)), 0);
    cli_journal_end(journal, NOW); /* somebody else removed it: that is as well */
    assert_int_equal(fixture->report_count, 0);
}

static void test_it_is_taken_up_again(void **state)
{
    struct fixture *fixture = *state;
    struct cli_journal *journal = create(fixture, ID);
    write_run(journal);
    cli_journal_close(journal);
    struct text before = read_journal(fixture, ID, NULL);
    journal = reopen(fixture, ID);
    struct cli_journal_reader reader;
    cli_journal_reader_of(&reader, journal);
    struct text again = read_all(&reader, NULL, NULL);
    cli_journal_reader_fini(&reader);
    assert_bytes(text_slice(&again), text_slice(&before));
    cli_journal_stream(journal, true, NOW + 5);
    cli_journal_bytes(journal, "xyz", 3);
    cli_journal_close(journal);
    struct text after = read_journal(fixture, ID, NULL);
    assert_true(after.len > before.len);
    assert_memory_equal(after.ptr, before.ptr, before.len);
    assert_non_null(strstr(after.ptr + before.len, "3 1700000000005 3 1"));
    assert_non_null(strstr(after.ptr + before.len, " 3:xyz\n"));
    text_fini(&before);
    text_fini(&again);
    text_fini(&after);
}

static void test_no_journal_is_no_error(void **state)
{
    (void)state;
    write_run(NULL);
    cli_journal_end(NULL, NOW);
    cli_journal_close(NULL);
}

/* ---- files that were cut or changed -------------------------------------------------------- */

#define RECORDS_MAX 32

/* A whole journal: its bytes, its records, where they end. */
struct whole {
    struct text bytes, records;
    uint64_t ends[RECORDS_MAX];
    size_t count;
};

static void make_whole(struct fixture *fixture, struct whole *whole)
{
    struct cli_journal_reader reader;
    struct cli_journal *journal = create(fixture, ID);
    memset(whole, 0, sizeof *whole);
    write_run(journal);
    cli_journal_close(journal);
    assert_true(read_file(file_of(fixture, ID), &whole->bytes));
    assert_int_equal(cli_journal_reader_open(&reader, fixture->runs, ID, &fixture->error),
                     CLI_JOURNAL_OK);
    whole->records = read_all(&reader, whole->ends, &whole->count);
    cli_journal_reader_fini(&reader);
    assert_int_equal(whole->ends[whole->count - 1], whole->bytes.len);
}

static void whole_fini(struct whole *whole)
{
    text_fini(&whole->bytes);
    text_fini(&whole->records);
}

static void put_file(struct fixture *fixture, struct dify_slice bytes)
{
    kit_write(&fixture->folder, "state/difystream/runs/" ID ".run", bytes, 0600);
}

/* Every length that a write may have come to: whole records count, the rest is not there, and the
 * journal goes on behind them. */
static void test_cut_at_every_byte(void **state)
{
    struct fixture *fixture = *state;
    struct whole whole;
    make_whole(fixture, &whole);
    for (size_t len = 0; len < whole.bytes.len; len++) {
        struct cli_journal *journal = NULL;
        size_t records = 0;
        while (records < whole.count && whole.ends[records] <= len)
            records++;
        put_file(fixture, (struct dify_slice){whole.bytes.ptr, len});
        enum cli_journal_err err =
            cli_journal_open(fixture->runs, ID, &fixture->options, &journal, &fixture->error);
        if (records == 0) {
            assert_int_equal(err, CLI_JOURNAL_DAMAGED);
            assert_non_null(strstr(fixture->error.text, ID));
            continue;
        }
        assert_int_equal(err, CLI_JOURNAL_OK);
        struct cli_journal_reader reader;
        uint64_t ends[RECORDS_MAX];
        size_t count;
        cli_journal_reader_of(&reader, journal);
        struct text got = read_all(&reader, ends, &count);
        assert_false(reader.is_cut); /* what was cut is gone */
        cli_journal_reader_fini(&reader);
        assert_int_equal(count, records);
        assert_memory_equal(got.ptr, whole.records.ptr, got.len);
        text_fini(&got);
        cli_journal_bytes(journal, "behind", 6);
        cli_journal_close(journal);
        got = read_journal(fixture, ID, NULL);
        assert_memory_equal(got.ptr + got.len - 9, " 6:behind\n" + 1, 9);
        text_fini(&got);
    }
    whole_fini(&whole);
}

/* One byte that is not what was written: records before it count, and no other ones. */
static void test_changed_at_every_byte(void **state)
{
    struct fixture *fixture = *state;
    static const unsigned char changes[] = {0x01, 0x80, 0xFF};
    struct whole whole;
    make_whole(fixture, &whole);
    for (size_t at = 0; at < whole.bytes.len; at++) {
        for (size_t i = 0; i < sizeof changes; i++) {
            struct cli_journal_reader reader;
            size_t records = 0, count = 0;
            bool is_cut = false;
            while (records < whole.count && whole.ends[records] <= at)
                records++;
            whole.bytes.ptr[at] = (char)(whole.bytes.ptr[at] ^ changes[i]);
            put_file(fixture, text_slice(&whole.bytes));
            whole.bytes.ptr[at] = (char)(whole.bytes.ptr[at] ^ changes[i]);
            enum cli_journal_err err =
                cli_journal_reader_open(&reader, fixture->runs, ID, &fixture->error);
            if (at < strlen("difystream journal 1\n")) {
                assert_int_equal(err, CLI_JOURNAL_DAMAGED);
                continue;
            }
            assert_int_equal(err, CLI_JOURNAL_OK);
            struct text got = read_all(&reader, NULL, &count);
            is_cut = reader.is_cut;
            cli_journal_reader_fini(&reader);
            assert_int_equal(count, records);
            assert_true(is_cut);
            assert_memory_equal(got.ptr, whole.records.ptr, got.len);
            text_fini(&got);
        }
    }
    whole_fini(&whole);
}

/* What a power cut may leave: zeros, or another file's bytes. */
static void test_bytes_of_chance(void **state)
{
    struct fixture *fixture = *state;
    struct whole whole;
    uint64_t seed = test_seed();
    make_whole(fixture, &whole);
    for (size_t round = 0; round < 300; round++) {
        struct text bytes = {NULL, 0, 0};
        size_t records = random_below(&seed, whole.count);
        text_add(&bytes, whole.bytes.ptr, (size_t)whole.ends[records]);
        for (size_t i = 0, n = random_below(&seed, 200); i < n; i++) {
            char c = round % 3 == 0 ? '\0' : (char)next_random(&seed);
            text_add(&bytes, &c, 1);
        }
        put_file(fixture, text_slice(&bytes));
        text_fini(&bytes);
        struct text got = read_journal(fixture, ID, NULL);
        assert_true(got.len <= whole.records.len);
        assert_memory_equal(got.ptr, whole.records.ptr, got.len);
        text_fini(&got);
    }
    whole_fini(&whole);
}

static void test_what_is_no_journal(void **state)
{
    struct fixture *fixture = *state;
    struct cli_journal *journal = NULL;
    struct cli_journal_error *error = &fixture->error;
    static const char *const names[] = {"x", "", "../../../x", ID "0"};
    cli_journal_close(create(fixture, "018bcfe5-6800-7000-8000-000000000001"));
    for (size_t i = 0; i < COUNT_OF(names); i++)
        assert_int_equal(
            cli_journal_open(fixture->runs, names[i], &fixture->options, &journal, error),
            CLI_JOURNAL_ABSENT);
    assert_int_equal(cli_journal_open(fixture->runs, ID, &fixture->options, &journal, error),
                     CLI_JOURNAL_ABSENT);
    assert_string_equal(error->text, "there is no run " ID " here");
    put_file(fixture, slice_of("difystream journal 2\n"));
    assert_int_equal(cli_journal_open(fixture->runs, ID, &fixture->options, &journal, error),
                     CLI_JOURNAL_DAMAGED);
    assert_string_equal(error->text,
                        "the journal of run " ID " is none, or one of another difystream");
    assert_int_equal(unlink(file_of(fixture, ID)), 0);
    assert_int_equal(symlink("018bcfe5-6800-7000-8000-000000000001.run", file_of(fixture, ID)), 0);
    assert_int_equal(cli_journal_open(fixture->runs, ID, &fixture->options, &journal, error),
                     CLI_JOURNAL_FAILED);
    assert_int_equal(unlink(file_of(fixture, ID)), 0);
    assert_int_equal(mkfifo(file_of(fixture, ID), 0600), 0); /* nobody writes: it must not wait */
    assert_int_equal(cli_journal_open(fixture->runs, ID, &fixture->options, &journal, error),
                     CLI_JOURNAL_DAMAGED);
    assert_null(journal);
}

static bool count_entry(void *ctx, const struct cli_journal_entry *entry)
{
    (void)entry;
    ++*(size_t *)ctx;
    return true;
}

/* It would say where the key is sent. */
static void test_it_is_nobody_elses(void **state)
{
    struct fixture *fixture = *state;
    struct cli_journal *journal = NULL;
    size_t count = 0;
    if (geteuid() != 0) {
        skip(); /* nobody else may give a file away */
        return;
    }
    cli_journal_close(create(fixture, ID));
    assert_int_equal(chown(file_of(fixture, ID), 65534, (gid_t)-1), 0);
    assert_int_equal(
        cli_journal_open(fixture->runs, ID, &fixture->options, &journal, &fixture->error),
        CLI_JOURNAL_DAMAGED);
    assert_string_equal(fixture->error.text, "the journal of run " ID " belongs to somebody else");
    assert_null(journal);
    assert_int_equal(cli_journal_list(fixture->runs, count_entry, &count, &fixture->error),
                     CLI_JOURNAL_OK);
    assert_int_equal(count, 0);
}

/* ---- locks --------------------------------------------------------------------------------- */

static void test_a_run_is_followed_by_one(void **state)
{
    struct fixture *fixture = *state;
    struct cli_journal *first = create(fixture, ID);
    struct cli_journal *second = NULL;
    struct cli_journal_options options = fixture->options;
    assert_int_equal(
        cli_journal_open(fixture->runs, ID, &fixture->options, &second, &fixture->error),
        CLI_JOURNAL_LOCKED);
    assert_string_equal(fixture->error.text, "another difystream follows the run " ID);
    options.now_ms = NOW + 1000 * DAY; /* nor is it removed as an old one */
    struct cli_journal_header other = header_of("018bcfe5-6800-7000-8000-000000000001");
    assert_int_equal(cli_journal_create(fixture->runs, &other, &options, &second, &fixture->error),
                     CLI_JOURNAL_OK);
    cli_journal_end(second, NOW);
    assert_int_equal(access(file_of(fixture, ID), F_OK), 0);
    cli_journal_close(first);
    cli_journal_close(reopen(fixture, ID));
}

/* Killed at once after the call: what it wrote is there, and the lock is not. */
/* Who takes the run up has to know of a stop, but of none that was before a pause. */
static void test_left(void **state)
{
    struct fixture *fixture = *state;
    for (unsigned i = 0; i < 8; i++) {
        struct cli_left_run left;
        struct cli_journal *journal = create(fixture, ID);
        if ((i & 1) != 0)
            cli_journal_stopped(journal, NOW);
        if ((i & 2) != 0)
            cli_journal_paused(journal, NOW);
        if ((i & 4) != 0)
            cli_journal_stopped(journal, NOW);
        cli_journal_close(journal);
        assert_int_equal(
            cli_left_run_open(&left, fixture->runs, ID, &fixture->options, &fixture->error),
            CLI_JOURNAL_OK);
        assert_int_equal(left.was_stopped, (i & 4) != 0 || i == 1);
        cli_journal_end(cli_left_run_take(&left), NOW);
        cli_left_run_close(&left);
    }
}

static void test_killed(void **state)
{
    struct fixture *fixture = *state;
    int status;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct cli_journal *journal = create(fixture, ID);
        write_run(journal);
        kill(getpid(), SIGKILL);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    struct cli_journal *journal = reopen(fixture, ID);
    struct cli_journal_reader reader;
    size_t count;
    cli_journal_reader_of(&reader, journal);
    struct text got = read_all(&reader, NULL, &count);
    cli_journal_reader_fini(&reader);
    cli_journal_close(journal);
    assert_int_equal(count, 10);
    text_fini(&got);
}

/* ---- ceilings and full disks --------------------------------------------------------------- */

static void test_ceiling(void **state)
{
    struct fixture *fixture = *state;
    const size_t piece = (size_t)1 << 20;
    char *bytes = calloc(1, 3 * piece);
    struct stat about;
    assert_non_null(bytes);
    struct cli_journal *journal = create(fixture, ID);
    assert_int_equal(stat(file_of(fixture, ID), &about), 0);
    cli_journal_stream(journal, false, NOW);
    for (size_t i = 0; i < 21; i++)
        cli_journal_bytes(journal, bytes, 3 * piece);
    assert_int_equal(stat(file_of(fixture, ID), &about), 0);
    size_t left = CLI_JOURNAL_BYTES - (size_t)about.st_size - 9;
    assert_true(left < 2 * piece && left > piece / 2);
    if (left > piece) {
        cli_journal_bytes(journal, bytes, piece);
        left -= piece + 9;
    }
    cli_journal_bytes(journal, bytes, left); /* as much as may be */
    assert_int_equal(stat(file_of(fixture, ID), &about), 0);
    assert_int_equal(about.st_size, CLI_JOURNAL_BYTES);
    cli_journal_bytes(journal, "x", 1); /* and one more */
    cli_journal_bytes(journal, "y", 1);
    cli_journal_ids(journal, &(struct cli_journal_ids){.task_id = DIFY_SLICE("late")});
    cli_journal_close(journal);
    journal = reopen(fixture, ID);
    cli_journal_bytes(journal, "z", 1); /* nor later: there would be a hole */
    cli_journal_close(journal);
    free(bytes);
    struct cli_journal_reader reader;
    struct cli_journal_record record;
    enum cli_journal_type last[3] = {CLI_JOURNAL_HEADER};
    assert_int_equal(cli_journal_reader_open(&reader, fixture->runs, ID, &fixture->error),
                     CLI_JOURNAL_OK);
    reader.skips_bytes = true;
    while (cli_journal_next(&reader, &record)) {
        last[0] = last[1];
        last[1] = last[2];
        last[2] = record.type;
    }
    assert_false(reader.is_cut);
    cli_journal_reader_fini(&reader);
    assert_int_equal(last[0], CLI_JOURNAL_STREAM_BYTES);
    assert_int_equal(last[1], CLI_JOURNAL_TRUNCATED);
    assert_int_equal(last[2], CLI_JOURNAL_IDS);
    assert_int_equal(fixture->report_count, 0);
}

static void test_inputs_beyond_a_record(void **state)
{
    struct fixture *fixture = *state;
    struct cli_journal *journal = NULL;
    struct cli_journal_header header = header_of(ID);
    struct text inputs = {NULL, 0, 0};
    text_add_repeated(&inputs, ' ', CLI_JOURNAL_RECORD_BYTES);
    header.inputs = text_slice(&inputs);
    assert_int_equal(
        cli_journal_create(fixture->runs, &header, &fixture->options, &journal, &fixture->error),
        CLI_JOURNAL_FAILED);
    assert_non_null(strstr(fixture->error.text, "File too large"));
    assert_no_file(fixture, ID);
    assert_int_equal(fixture->report_count, 0);
    header.inputs.len -= 1000;
    assert_int_equal(
        cli_journal_create(fixture->runs, &header, &fixture->options, &journal, &fixture->error),
        CLI_JOURNAL_OK);
    cli_journal_end(journal, NOW);
    text_fini(&inputs);
}

/* The file cannot grow, from each byte on: it is told once, what was written stays, and the run
 * goes on. */
static void test_full_disk_at_every_byte(void **state)
{
    struct fixture *fixture = *state;
    struct whole whole;
    struct rlimit limit, old;
    make_whole(fixture, &whole);
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    limit = old;
    for (size_t room = 0; room <= whole.bytes.len; room++) {
        struct cli_journal *journal = NULL;
        struct cli_journal_header header = header_of(ID);
        assert_int_equal(unlink(file_of(fixture, ID)), 0);
        fixture->report_count = 0;
        limit.rlim_cur = room;
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
        enum cli_journal_err err = cli_journal_create(fixture->runs, &header, &fixture->options,
                                                      &journal, &fixture->error);
        if (err == CLI_JOURNAL_OK)
            write_run(journal);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
        if (room < whole.ends[0]) {
            assert_int_equal(err, CLI_JOURNAL_FAILED);
            assert_non_null(strstr(fixture->error.text, "cannot be written: File too large"));
            assert_no_file(fixture, ID);
            put_file(fixture, slice_of("x"));
            continue;
        }
        assert_int_equal(err, CLI_JOURNAL_OK);
        assert_int_equal(fixture->report_count, room < whole.bytes.len ? 1 : 0);
        struct text got = read_journal(fixture, ID, NULL);
        assert_memory_equal(got.ptr, whole.records.ptr, got.len);
        text_fini(&got);
        cli_journal_close(journal);
    }
    assert_non_null(strstr(fixture->reports.ptr, "cannot be written: File too large; if this"));
    whole_fini(&whole);
}

static void test_folders_that_cannot_be_had(void **state)
{
    struct fixture *fixture = *state;
    struct cli_journal *journal = NULL;
    struct cli_journal_header header = header_of(ID);
    kit_write(&fixture->folder, "file", slice_of("x"), 0600);
    assert_int_equal(cli_journal_create(kit_path(&fixture->folder, "file/runs"), &header,
                                        &fixture->options, &journal, &fixture->error),
                     CLI_JOURNAL_FAILED);
    assert_non_null(strstr(fixture->error.text, "cannot make the folder"));
    assert_non_null(strstr(fixture->error.text, ": Not a directory"));
    assert_int_equal(cli_journal_create(kit_path(&fixture->folder, "file"), &header,
                                        &fixture->options, &journal, &fixture->error),
                     CLI_JOURNAL_FAILED);
    struct cli_journal *first = create(fixture, ID);
    assert_int_equal(
        cli_journal_create(fixture->runs, &header, &fixture->options, &journal, &fixture->error),
        CLI_JOURNAL_FAILED);
    assert_non_null(strstr(fixture->error.text, "File exists"));
    cli_journal_end(first, NOW);
    assert_null(journal);
}

/* ---- many ---------------------------------------------------------------------------------- */

static void set_age(const struct fixture *fixture, const char *id, uint64_t written_ms)
{
    struct timespec times[2] = {{.tv_sec = (time_t)(written_ms / 1000)},
                                {.tv_sec = (time_t)(written_ms / 1000)}};
    assert_int_equal(utimensat(AT_FDCWD, file_of(fixture, id), times, 0), 0);
}

static void test_old_ones_are_removed(void **state)
{
    struct fixture *fixture = *state;
    static const char *const ids[] = {"018bcfe5-6800-7000-8000-000000000001",
                                      "018bcfe5-6800-7000-8000-000000000002",
                                      "018bcfe5-6800-7000-8000-000000000003"};
    for (size_t i = 0; i < COUNT_OF(ids); i++)
        cli_journal_close(create(fixture, ids[i]));
    set_age(fixture, ids[0], NOW - 30 * DAY - 1000);
    set_age(fixture, ids[1], NOW - 30 * DAY);
    set_age(fixture, ids[2], NOW + 30 * DAY);
    kit_write(&fixture->folder, "state/difystream/runs/notes.run", slice_of("mine"), 0600);
    struct timespec old[2] = {{.tv_sec = 1}, {.tv_sec = 1}};
    const char *notes = kit_path(&fixture->folder, "state/difystream/runs/notes.run");
    assert_int_equal(utimensat(AT_FDCWD, notes, old, 0), 0);
    cli_journal_close(create(fixture, ID));
    assert_no_file(fixture, ids[0]);
    assert_int_equal(access(file_of(fixture, ids[1]), F_OK), 0);
    assert_int_equal(access(file_of(fixture, ids[2]), F_OK), 0);
    assert_int_equal(access(notes, F_OK), 0);
}

static bool show_line(void *ctx, const struct cli_journal_entry *entry)
{
    struct text *out = ctx;
    text_addf(out, "%s %.*s %d%d%d%d%d %u\n", entry->header.id + 35,
              (int)entry->ids.workflow_run_id.len,
              entry->ids.workflow_run_id.ptr != NULL ? entry->ids.workflow_run_id.ptr : "",
              entry->was_submitted, entry->is_paused, entry->has_ended, entry->is_truncated,
              entry->is_followed, entry->streams);
    assert_slice(entry->header.user, "alice");
    return out->len < 60;
}

static void test_list(void **state)
{
    struct fixture *fixture = *state;
    struct text out = {NULL, 0, 0};
    assert_int_equal(cli_journal_list(fixture->runs, show_line, &out, &fixture->error),
                     CLI_JOURNAL_OK);
    assert_int_equal(out.len, 0); /* there is no folder yet */
    struct cli_journal *journal = create(fixture, "018bcfe5-6800-7000-8000-000000000003");
    struct cli_journal *second = create(fixture, "018bcfe5-6800-7000-8000-000000000001");
    cli_journal_close(create(fixture, "018bcfe5-6800-7000-8000-000000000002"));
    write_run(journal);
    cli_journal_submitting(second, NOW);
    cli_journal_close(second);
    kit_write(&fixture->folder, "state/difystream/runs/x", slice_of("x"), 0600);
    put_file(fixture, slice_of("difystream journal 1\n"));
    assert_int_equal(cli_journal_list(fixture->runs, show_line, &out, &fixture->error),
                     CLI_JOURNAL_OK);
    assert_string_equal(out.ptr, "1  10000 0\n2  00000 0\n3 run-1 11001 2\n");
    cli_journal_close(journal);
    out.len = 50; /* stops after the first */
    assert_int_equal(cli_journal_list(fixture->runs, show_line, &out, &fixture->error),
                     CLI_JOURNAL_OK);
    assert_int_equal(out.len, 61);
    text_fini(&out);
    kit_write(&fixture->folder, "file", slice_of("x"), 0600);
    assert_int_equal(
        cli_journal_list(kit_path(&fixture->folder, "file"), show_line, &out, &fixture->error),
        CLI_JOURNAL_FAILED);
}

static void test_find(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        const char *id, *run;
    } runs[] = {{"018bcfe5-6800-7000-8000-000000000001", "5ad4cb98-f0c7-4085-b384-88c403be6290"},
                {"018bcfe5-6900-7000-8000-000000000002", "5ad4cb98-f0c7-4085-b384-88c403be6291"},
                {"018bcfe5-6901-7000-8000-000000000003", NULL}};
    static const struct {
        const char *name;
        enum cli_journal_err err;
        const char *what; /* the id's last character, or the message */
    } cases[] = {
        {"018bcfe5-6800-7000-8000-000000000001", CLI_JOURNAL_OK, "1"},
        {"018bcfe5-68", CLI_JOURNAL_OK, "1"},
        {"018bcfe5-69", CLI_JOURNAL_AMBIGUOUS, "2 runs begin with 018bcfe5-69"},
        {"018bcfe5-6901", CLI_JOURNAL_OK, "3"},
        {"5ad4cb98-f0c7-4085-b384-88c403be6291", CLI_JOURNAL_OK, "2"},
        {"5ad4", CLI_JOURNAL_AMBIGUOUS, "2 runs begin with 5ad4"},
        {"0", CLI_JOURNAL_AMBIGUOUS, "3 runs begin with 0"},
        {"5ad5", CLI_JOURNAL_ABSENT, "there is no run 5ad5 here"},
        {"", CLI_JOURNAL_ABSENT, "which run? give its id, or how that begins"},
    };
    for (size_t i = 0; i < COUNT_OF(runs); i++) {
        struct cli_journal *journal = create(fixture, runs[i].id);
        if (runs[i].run != NULL)
            cli_journal_ids(journal,
                            &(struct cli_journal_ids){.workflow_run_id = slice_of(runs[i].run)});
        cli_journal_close(journal);
    }
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char id[DIFY__UUID_SIZE] = "untouched";
        assert_int_equal(cli_journal_find(fixture->runs, cases[i].name, id, &fixture->error),
                         cases[i].err);
        if (cases[i].err == CLI_JOURNAL_OK)
            assert_string_equal(id + 35, cases[i].what);
        else
            assert_string_equal(fixture->error.text, cases[i].what);
        if (cases[i].err != CLI_JOURNAL_OK)
            assert_string_equal(id, "untouched");
    }
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_where_journals_lie),
        TEST(test_what_is_written_is_read),
        TEST(test_it_is_the_users_alone),
        TEST(test_it_goes_with_the_runs_end),
        TEST(test_it_is_taken_up_again),
        cmocka_unit_test(test_no_journal_is_no_error),
        TEST(test_cut_at_every_byte),
        TEST(test_changed_at_every_byte),
        TEST(test_bytes_of_chance),
        TEST(test_what_is_no_journal),
        TEST(test_it_is_nobody_elses),
        TEST(test_a_run_is_followed_by_one),
        TEST(test_left),
        TEST(test_killed),
        TEST(test_ceiling),
        TEST(test_inputs_beyond_a_record),
        TEST(test_full_disk_at_every_byte),
        TEST(test_folders_that_cannot_be_had),
        TEST(test_old_ones_are_removed),
        TEST(test_list),
        TEST(test_find),
    };
    return cmocka_run_group_tests_name("journal", tests, NULL, NULL);
}
