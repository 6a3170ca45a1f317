/* SPDX-License-Identifier: Apache-2.0
 *
 * test_record.c: what is recorded is what came, folds and plays again, and holds no key.
 */
#include "kit.h"

#include "cli/args.h"
#include "cli/record.h"
#include "sim/catalogue.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

const struct cli_command cli_commands[] = {
    {NULL, NULL, 0, NULL, NULL, NULL, NULL, NULL, false},
};

struct fixture {
    struct kit_folder folder;
    char dir[400];
    struct text reports;
    unsigned report_count;
    struct cli_record_error error;
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
    snprintf(fixture->dir, sizeof fixture->dir, "%s/recorded", fixture->folder.path);
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

static struct cli_record *open_record(struct fixture *fixture)
{
    struct cli_record *record = NULL;
    if (!cli_record_open(fixture->dir, on_report, fixture, &record, &fixture->error))
        fail_msg("%s", fixture->error.text);
    return record;
}

/* A slice as an initializer of a constant. */
#define TEXT(literal)                                                                              \
    {                                                                                              \
        "" literal, sizeof(literal) - 1                                                            \
    }

static const struct cli_record_field fields[] = {
    {TEXT("Host"), TEXT("h")},
    {TEXT("authorization"), TEXT("Bearer app-secret")},
    {TEXT("Proxy-Authorization"), TEXT("Basic secret")},
    {TEXT("Cookie"), TEXT("secret")},
};
static const struct cli_record_request request = {
    TEXT("POST"), TEXT("/v1/workflows/run"),
    TEXT("{\"inputs\":{\"query\":\"h\xC3\xA9\"},\"user\":\"alice\"}"), fields, COUNT_OF(fields)};

static void assert_file(struct fixture *fixture, const char *name, const char *expected)
{
    struct text bytes = {NULL, 0, 0};
    char path[600];
    snprintf(path, sizeof path, "%s/%s", fixture->dir, name);
    if (!read_file(path, &bytes))
        fail_msg("%s cannot be read", path);
    assert_bytes(text_slice(&bytes), slice_of(expected));
    text_fini(&bytes);
}

/* Whether the simulator takes the folder for a recording. */
static bool plays(struct fixture *fixture)
{
    struct sim_catalogue catalogue;
    struct sim_load_error error = {""};
    sim_catalogue_init(&catalogue, NULL);
    enum dify_err err = sim_catalogue_load(&catalogue, fixture->dir, &error);
    sim_catalogue_fini(&catalogue);
    if (err != DIFY_OK)
        print_message("%s\n", error.text);
    return err == DIFY_OK;
}

#define EVENT "data: {\"event\": \"workflow_started\"}\n\n"
#define PING "event: ping\n\n"

static void test_files(void **state)
{
    struct fixture *fixture = *state;
    struct cli_record *record = open_record(fixture);
    cli_record_begin(record, &request, 1000);
    cli_record_head(record, "HTTP/1.1 200 OK\r\n", 17);
    cli_record_head(record, "A: b\r\nset-cookie: session=1\r\n\r\n", 31);
    cli_record_bytes(record, PING, 10, 1005);
    cli_record_bytes(record, PING + 10, 3, 1007);
    cli_record_bytes(record, "", 0, 1007);
    cli_record_bytes(record, EVENT, strlen(EVENT), 1006); /* a clock that goes back does not */
    cli_record_end(record, CLI_RECORD_LAST_CHUNK, 2000);
    cli_record_bytes(record, "late", 4, 2001);
    assert_true(cli_record_close(record));
    assert_int_equal(fixture->report_count, 0);
    assert_file(fixture, "request.json",
                "{\n  \"method\": \"POST\",\n  \"path\": \"/v1/workflows/run\",\n  \"body\": {\n"
                "    \"inputs\": {\n      \"query\": \"h\xC3\xA9\"\n    },\n"
                "    \"user\": \"alice\"\n  },\n  \"headers\": {\n    \"Host\": \"h\",\n"
                "    \"authorization\": \"Bearer app-REDACTED\",\n"
                "    \"Proxy-Authorization\": \"REDACTED\",\n    \"Cookie\": \"REDACTED\"\n"
                "  }\n}\n");
    assert_file(fixture, "response.head",
                "HTTP/1.1 200 OK\r\nA: b\r\nSet-Cookie: REDACTED\r\n\r\n");
    assert_file(fixture, "response.body", PING EVENT);
    assert_file(fixture, "chunks.tsv", "5\t10\n7\t3\n7\t37\n# end\tlast-chunk\t1000\n");
    assert_true(plays(fixture));
}

static void test_several_streams(void **state)
{
    struct fixture *fixture = *state;
    struct cli_record *record = open_record(fixture);
    const struct cli_record_request resume = {
        .method = DIFY_SLICE("GET"),
        .path = DIFY_SLICE("/v1/workflow/x/events?user=alice&include_state_snapshot=true")};
    const struct cli_record_request upload = {.method = DIFY_SLICE("POST"),
                                              .path = DIFY_SLICE("/v1/files/upload"),
                                              .body = DIFY_SLICE("--x\r\n")};
    cli_record_begin(record, &request, 0);
    cli_record_bytes(record, PING, 13, 1);
    cli_record_end(record, CLI_RECORD_EOF_PREMATURE, 2);
    cli_record_begin(record, &resume, 5000);
    cli_record_bytes(record, PING, 13, 5001); /* it is not ended */
    cli_record_begin(record, &upload, 6000);
    assert_true(cli_record_close(record));
    assert_file(fixture, "chunks.tsv", "1\t13\n# end\teof-premature\t2\n");
    assert_file(fixture, "resumed-1/request.json",
                "{\n  \"method\": \"GET\",\n  \"path\": "
                "\"/v1/workflow/x/events?user=alice&include_state_snapshot=true\",\n"
                "  \"headers\": {}\n}\n");
    assert_file(fixture, "resumed-1/response.body", PING);
    assert_file(fixture, "resumed-1/chunks.tsv", "1\t13\n# end\tclient-cut\t1\n");
    assert_file(fixture, "resumed-2/request.json",
                "{\n  \"method\": \"POST\",\n  \"path\": \"/v1/files/upload\",\n"
                "  \"body_raw\": \"--x\\r\\n\",\n  \"headers\": {}\n}\n");
    assert_file(fixture, "resumed-2/response.body", "");
    assert_file(fixture, "resumed-2/chunks.tsv", "# end\tclient-cut\t0\n");
    assert_true(plays(fixture));
}

/* Every end is one that the simulator knows. */
static void test_ends(void **state)
{
    struct fixture *fixture = *state;
    for (int how = CLI_RECORD_LAST_CHUNK; how <= CLI_RECORD_CLIENT_TIMEOUT; how++) {
        snprintf(fixture->dir, sizeof fixture->dir, "%s/%d", fixture->folder.path, how);
        struct cli_record *record = open_record(fixture);
        cli_record_begin(record, &request, 0);
        cli_record_bytes(record, PING, 13, 1);
        cli_record_end(record, (enum cli_record_end)how, 2);
        assert_true(cli_record_close(record));
        assert_true(plays(fixture));
    }
}

/* A real stream in pieces of chance is recorded as it was. */
static void test_a_real_stream(void **state)
{
    struct fixture *fixture = *state;
    uint64_t seed = test_seed();
    struct text stream = read_recording("label-check/streaming");
    for (int round = 0; round < 5; round++) {
        snprintf(fixture->dir, sizeof fixture->dir, "%s/r%d", fixture->folder.path, round);
        struct cli_record *record = open_record(fixture);
        uint64_t now = 77;
        cli_record_begin(record, &request, now);
        for (size_t at = 0; at < stream.len;) {
            size_t len = 1 + random_below(&seed, round == 0 ? 3 : 5000);
            len = len < stream.len - at ? len : stream.len - at;
            now += random_below(&seed, 100);
            cli_record_bytes(record, stream.ptr + at, len, now);
            at += len;
        }
        cli_record_end(record, CLI_RECORD_LAST_CHUNK, now);
        assert_true(cli_record_close(record));
        assert_file(fixture, "response.body", stream.ptr);
        assert_true(plays(fixture));
    }
    text_fini(&stream);
}

static void test_folders_that_are_taken(void **state)
{
    struct fixture *fixture = *state;
    struct cli_record *record = NULL;
    static const char *const taken[] = {"request.json", "response.head", "response.body",
                                        "chunks.tsv", "resumed-1/request.json"};
    for (size_t i = 0; i < COUNT_OF(taken); i++) {
        char name[64];
        snprintf(name, sizeof name, "%zu/%s", i, taken[i]);
        kit_write(&fixture->folder, name, slice_of("old"), 0600);
        snprintf(fixture->dir, sizeof fixture->dir, "%s/%zu", fixture->folder.path, i);
        assert_false(cli_record_open(fixture->dir, NULL, NULL, &record, &fixture->error));
        assert_non_null(strstr(fixture->error.text, "holds a recording already"));
        assert_file(fixture, taken[i], "old");
    }
    kit_write(&fixture->folder, "other/notes.md", slice_of("mine"), 0600);
    snprintf(fixture->dir, sizeof fixture->dir, "%s/other", fixture->folder.path);
    assert_true(cli_record_close(open_record(fixture)));
    static const char *const none[] = {"file", "file/x", "none/x"};
    static const char *const says[] = {"Not a directory", "Not a directory", "No such file"};
    kit_write(&fixture->folder, "file", slice_of("x"), 0600);
    for (size_t i = 0; i < COUNT_OF(none); i++) {
        assert_false(cli_record_open(kit_path(&fixture->folder, none[i]), NULL, NULL, &record,
                                     &fixture->error));
        assert_non_null(strstr(fixture->error.text, says[i]));
    }
    assert_null(record);
}

static void play_all(struct cli_record *record)
{
    cli_record_begin(record, &request, 0);
    cli_record_head(record, "HTTP/1.1 200 OK\r\n\r\n", 19);
    for (uint64_t i = 1; i < 40; i++) /* the lines are longer than the pieces of the body */
        cli_record_bytes(record, i % 2 != 0 ? "event: pi" : "ng\n\n", i % 2 != 0 ? 9 : 4, i * 1000);
    cli_record_end(record, CLI_RECORD_LAST_CHUNK, 100000);
    cli_record_begin(record, &request, 0);
    cli_record_end(record, CLI_RECORD_LAST_CHUNK, 1);
}

/* No file may have more than so many bytes: told once, and what is there can be played unless it is
 * the last line itself for which there is no room. */
static void test_full_disk_at_every_byte(void **state)
{
    struct fixture *fixture = *state;
    struct rlimit limit, old;
    bool is_whole = false;
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    limit = old;
    for (size_t room = 0; !is_whole; room++) {
        assert_true(room < 2000);
        snprintf(fixture->dir, sizeof fixture->dir, "%s/%zu", fixture->folder.path, room);
        fixture->report_count = 0;
        struct cli_record *record = open_record(fixture);
        limit.rlim_cur = room;
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
        play_all(record);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
        is_whole = cli_record_close(record);
        assert_int_equal(fixture->report_count, is_whole ? 0 : 1);
        struct text body = {NULL, 0, 0}, chunks = {NULL, 0, 0};
        char path[600];
        snprintf(path, sizeof path, "%s/response.body", fixture->dir);
        if (!read_file(path, &body))
            continue; /* there was not even room for the request */
        snprintf(path, sizeof path, "%s/chunks.tsv", fixture->dir);
        assert_true(read_file(path, &chunks));
        size_t told = 0; /* bytes of which chunks.tsv tells */
        for (const char *at = chunks.ptr; at != NULL && *at >= '0' && *at <= '9';
             at = strchr(at, '\n') + 1)
            told += strtoul(strchr(at, '\t') + 1, NULL, 10);
        assert_int_equal(told, body.len);
        text_fini(&body);
        text_fini(&chunks);
    }
    assert_non_null(
        strstr(fixture->reports.ptr, "cannot be written: File too large; it ends here"));
}

static void test_ceiling(void **state)
{
    struct fixture *fixture = *state;
    char *bytes = calloc(1, CLI_RECORD_BYTES / 4);
    struct stat about;
    char path[600];
    assert_non_null(bytes);
    struct cli_record *record = open_record(fixture);
    cli_record_begin(record, &request, 0);
    for (int i = 0; i < 4; i++)
        cli_record_bytes(record, bytes, CLI_RECORD_BYTES / 4, 1);
    free(bytes);
    assert_int_equal(fixture->report_count, 0);
    cli_record_bytes(record, "x", 1, 2);
    assert_int_equal(fixture->report_count, 1);
    cli_record_bytes(record, "x", 1, 2);
    assert_false(cli_record_close(record));
    assert_int_equal(fixture->report_count, 1);
    snprintf(path, sizeof path, "%s/response.body", fixture->dir);
    assert_int_equal(stat(path, &about), 0);
    assert_int_equal(about.st_size, CLI_RECORD_BYTES);
}

static void test_so_many_streams(void **state)
{
    struct fixture *fixture = *state;
    struct cli_record *record = open_record(fixture);
    for (int i = 0; i < CLI_RECORD_STREAMS; i++) {
        cli_record_begin(record, &request, 0);
        cli_record_end(record, CLI_RECORD_EOF, 1);
    }
    assert_int_equal(fixture->report_count, 0);
    cli_record_begin(record, &request, 0);
    assert_int_equal(fixture->report_count, 1);
    assert_false(cli_record_close(record));
    assert_int_equal(access(kit_path(&fixture->folder, "recorded/resumed-999"), F_OK), 0);
    assert_int_equal(access(kit_path(&fixture->folder, "recorded/resumed-1000"), F_OK), -1);
}

static void test_no_recording_is_no_error(void **state)
{
    (void)state;
    play_all(NULL);
    assert_true(cli_record_close(NULL));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_files),
        TEST(test_several_streams),
        TEST(test_ends),
        TEST(test_a_real_stream),
        TEST(test_folders_that_are_taken),
        TEST(test_full_disk_at_every_byte),
        TEST(test_ceiling),
        TEST(test_so_many_streams),
        cmocka_unit_test(test_no_recording_is_no_error),
    };
    return cmocka_run_group_tests_name("record", tests, NULL, NULL);
}
