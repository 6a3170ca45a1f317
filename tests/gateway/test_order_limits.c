/* SPDX-License-Identifier: Apache-2.0
 *
 * test_order_limits.c: bodies of requests at each ceiling and one past it; memory that does not
 * grow with a file, and memory that is not there; disks that are full, or otherwise of no use.
 */
#define _GNU_SOURCE /* O_TMPFILE */

#include "order_kit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

/* ---- bodies --------------------------------------------------------------------------------- */

static void add_head(struct text *body, const char *name, const char *file_name)
{
    text_addf(body, "\r\n--B\r\nContent-Disposition: form-data; name=\"%s\"", name);
    if (file_name != NULL)
        text_addf(body, "; filename=\"%s\"", file_name);
    text_add_chars(body, "\r\n\r\n");
}

static void add_end(struct text *body)
{
    text_add_chars(body, "\r\n--B--\r\n");
}

/* `count` characters. */
static const char *name_of(char *name, size_t count)
{
    memset(name, 'n', count);
    name[count] = '\0';
    return name;
}

/* Reads and frees a body; NULL if it is taken, else the code, and the status is as it must be. */
static const char *refused(const struct gw_order_options *options, const char *type,
                           struct text *body, int status)
{
    static struct gw_refusal refusal;
    struct gw_order *order =
        read_order(options, type, text_slice(body), (size_t)64 << 10, &refusal);
    text_fini(body);
    gw_order_free(order);
    if (options->spool != NULL)
        assert_int_equal(options->spool->used_bytes, 0);
    if (order != NULL)
        return NULL;
    assert_int_equal(refusal.status, status);
    return refusal.code;
}

/* The same, and the message. */
#define assert_refused(options, type, body, status, code)                                          \
    assert_string_equal(refused((options), (type), (body), (status)), (code))
#define assert_taken(options, type, body) assert_null(refused((options), (type), (body), 0))

static struct gw_order_options options_with(struct gw_spool *spool)
{
    return (struct gw_order_options){
        .spool = spool, .max_file_bytes = GW_FILE_BYTES, .is_bare = true};
}

/* ---- ceilings ------------------------------------------------------------------------------- */

static struct text fields(size_t count)
{
    struct text body = {NULL, 0, 0};
    for (size_t i = 0; i < count; i++) {
        add_head(&body, "a", NULL);
        text_add_chars(&body, "1");
    }
    add_end(&body);
    return body;
}

static struct text pairs(size_t count)
{
    struct text body = {NULL, 0, 0};
    for (size_t i = 0; i < count; i++)
        text_addf(&body, "a%zu=1&", i);
    return body;
}

static struct text files(size_t count)
{
    struct text body = {NULL, 0, 0};
    for (size_t i = 0; i < count; i++) {
        add_head(&body, "f", "x");
        add_head(&body, "g", ""); /* none */
    }
    add_end(&body);
    return body;
}

static struct text inputs(size_t count)
{
    struct text body = {NULL, 0, 0};
    text_add_chars(&body, "{");
    for (size_t i = 0; i < count; i++)
        text_addf(&body, "%s\"a%zu\":1", i != 0 ? "," : "", i);
    text_add_chars(&body, "}");
    return body;
}

static void test_counts(void **state)
{
    struct gw_spool spool = new_spool();
    struct gw_order_options options = options_with(&spool);
    struct text body = fields(GW_FORM_FIELDS);
    (void)state;
    assert_taken(&options, FORM_TYPE, &body);
    body = fields(GW_FORM_FIELDS + 1);
    assert_refused(&options, FORM_TYPE, &body, 400, "invalid_form");
    body = pairs(GW_FORM_FIELDS);
    assert_taken(&options, PAIRS_TYPE, &body);
    body = pairs(GW_FORM_FIELDS + 1);
    assert_refused(&options, PAIRS_TYPE, &body, 400, "invalid_form");
    body = files(GW_FORM_FILES);
    assert_taken(&options, FORM_TYPE, &body);
    body = files(GW_FORM_FILES + 1);
    assert_refused(&options, FORM_TYPE, &body, 400, "invalid_form");
    body = inputs(GW_FORM_FIELDS);
    assert_taken(&options, JSON_TYPE, &body);
    body = inputs(GW_FORM_FIELDS + 1);
    assert_refused(&options, JSON_TYPE, &body, 400, "invalid_param");
}

static void test_names(void **state)
{
    struct gw_spool spool = new_spool();
    struct gw_order_options options = options_with(&spool);
    char name[GW_NAME_BYTES + 2];
    (void)state;
    for (size_t over = 0; over < 2; over++) {
        struct text field = {NULL, 0, 0}, file = {NULL, 0, 0}, file_name = {NULL, 0, 0};
        name_of(name, GW_NAME_BYTES + over);
        add_head(&field, name, NULL);
        add_end(&field);
        add_head(&file, name, "x");
        add_end(&file);
        add_head(&file_name, "f", name);
        add_end(&file_name);
        if (over == 0) {
            assert_taken(&options, FORM_TYPE, &field);
            assert_taken(&options, FORM_TYPE, &file);
            assert_taken(&options, FORM_TYPE, &file_name);
        } else {
            assert_refused(&options, FORM_TYPE, &field, 400, "invalid_form");
            assert_refused(&options, FORM_TYPE, &file, 400, "invalid_form");
            assert_refused(&options, FORM_TYPE, &file_name, 400, "invalid_form");
        }
    }
    options.is_bare = false;
    for (size_t over = 0; over < 2; over++) {
        struct text body = {NULL, 0, 0};
        text_addf(&body, "app=%s", name_of(name, GW_NAME_BYTES + over));
        if (over == 0)
            assert_taken(&options, PAIRS_TYPE, &body);
        else
            assert_refused(&options, PAIRS_TYPE, &body, 400, "invalid_param");
    }
}

/* Characters, not bytes. */
static void test_user(void **state)
{
    struct gw_spool spool = new_spool();
    struct gw_order_options options = options_with(&spool);
    (void)state;
    for (size_t count = 255; count <= 256; count++) {
        struct text body = {NULL, 0, 0};
        text_add_chars(&body, "user=");
        for (size_t i = 0; i < count; i++)
            text_add_chars(&body, "\xF0\x9F\x98\x80");
        if (count == 255)
            assert_taken(&options, PAIRS_TYPE, &body);
        else
            assert_refused(&options, PAIRS_TYPE, &body, 400, "invalid_param");
    }
}

/* A body of `len` bytes in all where it is whole, or fields of so many. */
static struct text body_of(const char *type, size_t len)
{
    struct text body = {NULL, 0, 0};
    if (strcmp(type, FORM_TYPE) == 0) {
        add_head(&body, "ab", NULL);
        text_add_repeated(&body, 'x', len / 2);
        add_head(&body, "cd", NULL);
        text_add_repeated(&body, 'x', len - len / 2 - 4);
        add_end(&body);
    } else if (strcmp(type, PAIRS_TYPE) == 0) {
        text_add_chars(&body, "a=");
        text_add_repeated(&body, 'x', len - 2);
    } else {
        text_add_chars(&body, "{\"a\":\"");
        text_add_repeated(&body, 'x', len - 8);
        text_add_chars(&body, "\"}");
    }
    return body;
}

static void test_bytes(void **state)
{
    static const char *const types[] = {FORM_TYPE, PAIRS_TYPE, JSON_TYPE};
    struct gw_spool spool = new_spool();
    struct gw_order_options options = options_with(&spool);
    (void)state;
    for (size_t i = 0; i < COUNT_OF(types); i++) {
        struct text body = body_of(types[i], GW_JSON_BYTES);
        assert_taken(&options, types[i], &body);
        body = body_of(types[i], GW_JSON_BYTES + 1);
        assert_refused(&options, types[i], &body, 413, "too_large");
    }
}

static struct text nested(size_t depth)
{
    struct text body = {NULL, 0, 0};
    text_add_chars(&body, "{\"a\":");
    text_add_repeated(&body, '[', depth - 1);
    text_add_repeated(&body, ']', depth - 1);
    text_add_chars(&body, "}");
    return body;
}

static void test_depth(void **state)
{
    struct gw_spool spool = new_spool();
    struct gw_order_options options = options_with(&spool);
    struct text body = nested(512);
    (void)state;
    assert_taken(&options, JSON_TYPE, &body);
    body = nested(513);
    assert_refused(&options, JSON_TYPE, &body, 400, "invalid_json");
}

/* ---- files ---------------------------------------------------------------------------------- */

static struct text two_files(size_t first, size_t second)
{
    struct text body = {NULL, 0, 0};
    add_head(&body, "f", "x");
    text_add_repeated(&body, 'x', first);
    add_head(&body, "g", "y");
    text_add_repeated(&body, 'y', second);
    add_end(&body);
    return body;
}

static void test_file_bytes(void **state)
{
    struct gw_spool spool = new_spool();
    struct gw_order_options options = options_with(&spool);
    struct gw_refusal refusal;
    (void)state;
    options.max_file_bytes = (uint64_t)1 << 20;
    struct text body = two_files((size_t)1 << 20, (size_t)1 << 20);
    assert_taken(&options, FORM_TYPE, &body);
    body = two_files(5, ((size_t)1 << 20) + 1);
    assert_null(read_order(&options, FORM_TYPE, text_slice(&body), 4096, &refusal));
    assert_int_equal(refusal.status, 413);
    assert_string_equal(refusal.message,
                        "the file \"g\" is larger than the 1 MB that are taken here");
    text_fini(&body);
    options.max_file_bytes = 10;
    for (size_t chunk = 1; chunk < 4; chunk++) {
        for (size_t len = 10; len <= 11; len++) {
            body = two_files(10, len);
            struct gw_order *order =
                read_order(&options, FORM_TYPE, text_slice(&body), chunk, &refusal);
            assert_int_equal(order != NULL, len == 10);
            gw_order_free(order);
            text_fini(&body);
        }
    }
    options.max_file_bytes = 0;
    body = two_files(0, 0);
    assert_taken(&options, FORM_TYPE, &body);
    body = two_files(1, 0);
    assert_refused(&options, FORM_TYPE, &body, 413, "too_large");
}

/* The ceiling is of all orders; what one had is given back. */
static void test_spool_bytes(void **state)
{
    struct gw_spool spool = new_spool();
    struct gw_order_options options = options_with(&spool);
    struct gw_refusal refusal;
    (void)state;
    spool.max_bytes = 100000;
    struct text body = two_files(30000, 30000);
    struct gw_order *order = read_order(&options, FORM_TYPE, text_slice(&body), 0, &refusal);
    text_fini(&body);
    assert_non_null(order);
    assert_int_equal(spool.used_bytes, 60000);
    for (size_t over = 0; over < 2; over++) {
        body = two_files(20000, 20000 + over);
        struct gw_order *second = read_order(&options, FORM_TYPE, text_slice(&body), 0, &refusal);
        text_fini(&body);
        assert_int_equal(second != NULL, over == 0);
        assert_int_equal(spool.used_bytes, over == 0 ? 100000 : 60000);
        gw_order_free(second);
    }
    assert_int_equal(refusal.status, 503);
    assert_string_equal(refusal.code, "spool_full");
    gw_order_free(order);
    assert_int_equal(spool.used_bytes, 0);
    body = two_files(50000, 50000);
    assert_taken(&options, FORM_TYPE, &body);
}

/* ---- kinds of disks ------------------------------------------------------------------------- */

static bool knows_no_unnamed; /* the file system */

int __real_open(const char *path, int flags, mode_t mode);
int __wrap_open(const char *path, int flags, mode_t mode);

int __wrap_open(const char *path, int flags, mode_t mode)
{
    if (knows_no_unnamed && (flags & O_TMPFILE) == O_TMPFILE) {
        errno = EOPNOTSUPP;
        return -1;
    }
    return __real_open(path, flags, mode);
}

/* Whether a folder of its own is empty, which it must be to be removed. */
static void test_unlinked(void **state)
{
    char folder[4096];
    struct gw_refusal refusal;
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct dify_order out = {.size = sizeof out};
        struct stat stat;
        (void)snprintf(folder, sizeof folder, "%s/order-XXXXXX", spool_folder());
        assert_non_null(mkdtemp(folder));
        knows_no_unnamed = i == 1;
        struct gw_spool spool = {folder, 1000, 0};
        struct gw_order_options options = options_with(&spool);
        struct text body = two_files(3, 5);
        struct gw_order *order = read_order(&options, FORM_TYPE, text_slice(&body), 1, &refusal);
        knows_no_unnamed = false;
        text_fini(&body);
        assert_non_null(order);
        gw_order_fill(order, &out);
        int descriptor = out.attachments[1].file.descriptor;
        assert_int_equal(fstat(descriptor, &stat), 0);
        assert_int_equal(stat.st_nlink, 0);
        assert_int_equal(stat.st_mode & 0777, 0600);
        assert_int_equal(stat.st_size, 5);
        assert_int_equal(fcntl(descriptor, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
        assert_int_equal(rmdir(folder), 0);
        gw_order_free(order);
        assert_int_equal(fcntl(descriptor, F_GETFD), -1);
    }
}

static void test_closed_twice(void **state)
{
    struct gw_spool spool = new_spool();
    struct gw_spooled files[2];
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(gw_spooled_open(&files[i], &spool), GW_SPOOL_OK);
        assert_int_equal(gw_spooled_add(&files[i], DIFY_SLICE("abc")), GW_SPOOL_OK);
    }
    int descriptor = files[0].descriptor;
    spool.max_bytes = 7;
    assert_int_equal(gw_spooled_add(&files[1], DIFY_SLICE("de")), GW_SPOOL_FULL);
    assert_int_equal(spool.used_bytes, 6);
    gw_spooled_close(&files[0]);
    assert_int_equal(dup2(files[1].descriptor, descriptor),
                     descriptor); /* its number is another's */
    gw_spooled_close(&files[0]);
    assert_int_equal(spool.used_bytes, 3);
    assert_true(fcntl(descriptor, F_GETFD) >= 0);
    close(descriptor);
    gw_spooled_close(&files[1]);
    assert_int_equal(spool.used_bytes, 0);
}

/* A limit of the process, for as long as a body of two files is read. */
static void read_within(int resource, rlim_t limit, const char *folder, struct gw_refusal *refusal)
{
    struct rlimit before, low;
    struct gw_spool spool = {folder, 1000000, 0};
    struct gw_order_options options = options_with(&spool);
    struct text body = two_files(5000, 5000);
    assert_int_equal(getrlimit((__rlimit_resource_t)resource, &before), 0);
    low = before;
    low.rlim_cur = limit != RLIM_INFINITY ? limit : before.rlim_cur;
    assert_int_equal(setrlimit((__rlimit_resource_t)resource, &low), 0);
    struct gw_order *order = read_order(&options, FORM_TYPE, text_slice(&body), 1000, refusal);
    assert_int_equal(setrlimit((__rlimit_resource_t)resource, &before), 0);
    text_fini(&body);
    assert_null(order);
    assert_int_equal(spool.used_bytes, 0);
    assert_int_equal(refusal->status, 503);
    assert_null(strstr(refusal->message, "/"));
    assert_true(*refusal->message != '\0');
}

static void test_disks(void **state)
{
    struct gw_refusal refusal;
    (void)state;
    (void)signal(SIGXFSZ, SIG_IGN);
    read_within(RLIMIT_FSIZE, 4000, spool_folder(), &refusal);
    assert_string_equal(refusal.code, "disk_full");
    int next = dup(0);
    assert_true(next >= 0);
    close(next);
    read_within(RLIMIT_NOFILE, (rlim_t)next + 1, spool_folder(), &refusal);
    assert_string_equal(refusal.code, "spool_failed");
    assert_non_null(strstr(refusal.message, "too many files"));
    read_within(RLIMIT_NOFILE, RLIM_INFINITY, "/nowhere/at/all", &refusal);
    assert_string_equal(refusal.code, "spool_failed");
}

/* ---- memory --------------------------------------------------------------------------------- */

/* 90 MB of a file, in what a connection reads at a time. */
static void test_flat(void **state)
{
    enum { CHUNK = 64 << 10, CHUNKS = 1440 };
    struct gw_spool spool = new_spool();
    struct gw_order_options options = options_with(&spool);
    struct gw_order *order;
    struct gw_refusal refusal;
    struct meter meter;
    struct text head = {NULL, 0, 0}, end = {NULL, 0, 0};
    char *chunk = malloc(CHUNK);
    (void)state;
    assert_non_null(chunk);
    meter_init(&meter);
    options.allocator = &meter.allocator;
    for (size_t i = 0; i < CHUNK; i++)
        chunk[i] = (char)(i % 251);
    add_head(&head, "f", "x.bin");
    add_end(&end);
    assert_true(gw_order_new(&options, slice_of(FORM_TYPE), &order, &refusal));
    assert_true(gw_order_feed(order, text_slice(&head), &refusal));
    for (size_t i = 0; i < CHUNKS; i++)
        assert_true(gw_order_feed(order, (struct dify_slice){chunk, CHUNK}, &refusal));
    assert_true(gw_order_feed(order, text_slice(&end), &refusal));
    assert_true(gw_order_finish(order, &refusal));
    assert_int_equal(spool.used_bytes, (uint64_t)CHUNK * CHUNKS);
    assert_in_range(meter.peak_bytes, 1, 10000);
    gw_order_free(order);
    assert_meter_empty(&meter);
    assert_int_equal(spool.used_bytes, 0);
    text_fini(&head);
    text_fini(&end);
    free(chunk);
}

static struct text mixed_form(void)
{
    struct text body = {NULL, 0, 0};
    for (size_t i = 0; i < 9; i++) {
        add_head(&body, "a", NULL);
        text_add_repeated(&body, 'x', 100);
        add_head(&body, "f", "x");
        text_add_repeated(&body, 'x', 10);
    }
    add_head(&body, "inputs", NULL);
    text_add_chars(&body, "{\"b\":[1,{\"c\":2,\"d\":3}]}");
    add_end(&body);
    return body;
}

/* Bytes of a file that come in pieces of any length are those of the file. */
static void test_pieces(void **state)
{
    enum { LEN = 60000 };
    uint64_t seed = test_seed();
    unsigned char whole[GW_SHA256_BYTES], digest[GW_SHA256_BYTES];
    struct gw_spool spool = new_spool();
    struct gw_order_options options = options_with(&spool);
    struct text body = {NULL, 0, 0};
    char *back = malloc(LEN);
    (void)state;
    assert_non_null(back);
    add_head(&body, "f", "x");
    size_t at = body.len;
    for (size_t i = 0; i < LEN; i++)
        text_add(&body, &(char){(char)random_below(&seed, 256)}, 1);
    add_end(&body);
    for (size_t most = 1; most < 70000; most *= 2) {
        struct dify_order out = {.size = sizeof out};
        struct gw_order *order;
        struct gw_refusal refusal;
        assert_true(gw_order_new(&options, slice_of(FORM_TYPE), &order, &refusal));
        for (size_t from = 0; from < body.len;) {
            size_t len = 1 + random_below(&seed, most);
            len = len < body.len - from ? len : body.len - from;
            assert_true(gw_order_feed(order, (struct dify_slice){body.ptr + from, len}, &refusal));
            from += len;
        }
        assert_true(gw_order_finish(order, &refusal));
        assert_true(gw_order_digest(order, "a", most == 1 ? whole : digest));
        if (most != 1)
            assert_memory_equal(whole, digest, GW_SHA256_BYTES);
        gw_order_fill(order, &out);
        assert_int_equal(pread(out.attachments[0].file.descriptor, back, LEN, 0), LEN);
        assert_memory_equal(back, body.ptr + at, LEN);
        gw_order_free(order);
    }
    text_fini(&body);
    free(back);
}

/* More is wrong than a message has room for. */
static void test_long_message(void **state)
{
    struct gw_spool spool = new_spool();
    struct gw_order_options options = options_with(&spool);
    struct gw_refusal refusal;
    struct text body = inputs(1000);
    (void)state;
    options.is_bare = false;
    assert_null(read_order(&options, JSON_TYPE, text_slice(&body), 0, &refusal));
    assert_int_equal(strlen(refusal.message), sizeof refusal.message - 1);
    text_fini(&body);
}

/* Each allocation fails in turn: it is said, or nothing came of it. */
static void fail_each(const char *type, struct text *body, bool is_bare)
{
    uint64_t calls = 1;
    for (uint64_t at = 0; at <= calls; at++) {
        struct gw_spool spool = new_spool();
        struct gw_order_options options = options_with(&spool);
        struct gw_refusal refusal;
        struct meter meter;
        meter_init(&meter);
        meter.fail_at = at;
        options.allocator = &meter.allocator;
        options.is_bare = is_bare;
        struct gw_order *order = NULL;
        order = read_order(&options, type, text_slice(body), 50, &refusal);
        if (at == 0)
            calls = meter.calls;
        assert_int_equal(order != NULL, at == 0);
        if (at != 0) {
            assert_int_equal(refusal.status, 503);
            assert_string_equal(refusal.code, "no_memory");
        }
        gw_order_free(order);
        assert_meter_empty(&meter);
        assert_int_equal(spool.used_bytes, 0);
    }
    assert_in_range(calls, 4, 1000);
    text_fini(body);
}

static void test_no_memory(void **state)
{
    struct text form = mixed_form(), some_pairs = pairs(20), json = inputs(20);
    struct text runs = {NULL, 0, 0};
    (void)state;
    text_add_json(&runs, "{'app':'x','query':'q','inputs':{'a':[[],{'b':1}]}}");
    fail_each(FORM_TYPE, &form, false);
    fail_each(PAIRS_TYPE, &some_pairs, true);
    fail_each(JSON_TYPE, &json, true);
    fail_each(JSON_TYPE, &runs, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counts),       cmocka_unit_test(test_names),
        cmocka_unit_test(test_user),         cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_depth),        cmocka_unit_test(test_file_bytes),
        cmocka_unit_test(test_spool_bytes),  cmocka_unit_test(test_unlinked),
        cmocka_unit_test(test_closed_twice), cmocka_unit_test(test_disks),
        cmocka_unit_test(test_flat),         cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_pieces),       cmocka_unit_test(test_long_message),
    };
    return cmocka_run_group_tests_name("order-limits", tests, NULL, NULL);
}
