/* SPDX-License-Identifier: Apache-2.0
 *
 * test_source.c: the bytes of a file that is uploaded, from a path, a descriptor and a callback:
 * all of them, in order, again after a rewind; and what cannot be read is told.
 */
#include "../unit/support.h"

#include "client/source.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define BYTES 1000

/* A folder of this test's own with a file in it. */
struct place {
    char folder[64], file[96], fifo[96];
    char bytes[BYTES];
};

static int make_place(void **state)
{
    struct place *place = calloc(1, sizeof *place);
    const char *temporary = getenv("TMPDIR");
    assert_non_null(place);
    snprintf(place->folder, sizeof place->folder, "%s/difystream-XXXXXX",
             temporary != NULL && strlen(temporary) < 32 ? temporary : "/tmp");
    assert_non_null(mkdtemp(place->folder));
    snprintf(place->file, sizeof place->file, "%s/tea \"green\"\n.png", place->folder);
    snprintf(place->fifo, sizeof place->fifo, "%s/fifo", place->folder);
    for (size_t i = 0; i < BYTES; i++)
        place->bytes[i] = (char)(i * 7 % 251);
    memcpy(place->bytes, "\x89PNG\r\n\x1a\n", 8);
    int fd = open(place->file, O_CREAT | O_WRONLY, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, place->bytes, BYTES), BYTES);
    close(fd);
    *state = place;
    return 0;
}

static int clear_place(void **state)
{
    struct place *place = *state;
    unlink(place->file);
    unlink(place->fifo);
    rmdir(place->folder);
    free(place);
    return 0;
}

/* Reads to the end in pieces of `piece`, and holds it against `bytes`. */
static void assert_reads(struct dify__source *source, const char *bytes, size_t len, size_t piece)
{
    char got[BYTES + 1];
    size_t at = 0;
    for (;;) {
        long n =
            dify__source_read(source, got + at, piece < sizeof got - at ? piece : sizeof got - at);
        assert_true(n >= 0);
        if (n == 0)
            break;
        at += (size_t)n;
    }
    assert_int_equal(at, len);
    assert_memory_equal(got, bytes, len);
}

static void test_path(void **state)
{
    const struct place *place = *state;
    struct dify_file file = DIFY_FILE_INIT;
    struct dify__source source;
    struct dify_error error;
    file.path = place->file;
    assert_int_equal(dify__source_open(&source, &file, &error), DIFY_OK);
    assert_string_equal(source.name, "tea _green__.png");
    assert_string_equal(source.type, "image/png");
    assert_string_equal(source.kind, "image");
    assert_int_equal(source.length, BYTES);
    for (size_t piece = 1; piece < 2 * BYTES; piece = piece * 3 + 1) {
        assert_reads(&source, place->bytes, BYTES, piece);
        assert_true(dify__source_rewind(&source));
    }
    char some[200];
    assert_true(dify__source_read(&source, some, sizeof some) > 0);
    assert_true(dify__source_rewind(&source)); /* from the middle */
    assert_reads(&source, place->bytes, BYTES, 100);
    dify__source_close(&source);
    dify__source_close(&source);
}

static void test_names(void **state)
{
    const struct place *place = *state;
    struct dify_file file = DIFY_FILE_INIT;
    struct dify__source source;
    struct dify_error error;
    file.path = place->file;
    file.name = "dir/other.txt";
    file.type = "text/x-tea";
    assert_int_equal(dify__source_open(&source, &file, &error), DIFY_OK);
    assert_string_equal(source.name, "other.txt");
    assert_string_equal(source.type, "text/x-tea");
    assert_string_equal(source.kind, "document"); /* its name says so, to Dify too */
    dify__source_close(&source);
    file.name = "other.tea"; /* says nothing: then the type, and that is told by the caller */
    assert_int_equal(dify__source_open(&source, &file, &error), DIFY_OK);
    assert_string_equal(source.kind, "document");
    dify__source_close(&source);
    file.type = NULL; /* or by its content */
    assert_int_equal(dify__source_open(&source, &file, &error), DIFY_OK);
    assert_string_equal(source.kind, "image");
    dify__source_close(&source);
    file.name = "dir/other.txt";
    file.type = "text/x-tea\r\nX-Field: of somebody else";
    assert_int_equal(dify__source_open(&source, &file, &error), DIFY_ERR_ARGUMENT);
    assert_string_equal(error.message, "a control character in the media type of other.txt");
    dify__source_close(&source);
}

/* From where it stands; it is not closed. */
static void test_descriptor(void **state)
{
    const struct place *place = *state;
    struct dify_file file = DIFY_FILE_INIT;
    struct dify__source source;
    struct dify_error error;
    file.descriptor = open(place->file, O_RDONLY);
    assert_true(file.descriptor >= 0);
    assert_int_equal(lseek(file.descriptor, 300, SEEK_SET), 300);
    assert_int_equal(dify__source_open(&source, &file, &error), DIFY_OK);
    assert_int_equal(source.length, BYTES - 300);
    assert_string_equal(source.name, "file");
    for (int i = 0; i < 2; i++) {
        assert_reads(&source, place->bytes + 300, BYTES - 300, 77);
        assert_true(dify__source_rewind(&source));
    }
    dify__source_close(&source);
    assert_int_equal(lseek(file.descriptor, BYTES + 5, SEEK_SET), BYTES + 5); /* past its end */
    assert_int_equal(dify__source_open(&source, &file, &error), DIFY_OK);
    assert_int_equal(source.length, 0);
    assert_reads(&source, "", 0, 10);
    assert_true(dify__source_rewind(&source));
    dify__source_close(&source);
    assert_int_equal(fcntl(file.descriptor, F_GETFD), 0);
    close(file.descriptor);
}

struct feed {
    const char *bytes;
    size_t len, at, fails_at;
};

static long feed(void *ctx, char *bytes, size_t len)
{
    struct feed *from = ctx;
    size_t take = from->len - from->at;
    if (from->fails_at != 0 && from->at >= from->fails_at)
        return -1;
    take = take < 7 ? take : 7; /* never as much as is asked for */
    take = take < len ? take : len;
    memcpy(bytes, from->bytes + from->at, take);
    from->at += take;
    return (long)take;
}

static void test_callback(void **state)
{
    const struct place *place = *state;
    struct feed from = {place->bytes, BYTES, 0, 0};
    struct dify_file file = DIFY_FILE_INIT;
    struct dify__source source;
    struct dify_error error;
    file.read = feed;
    file.ctx = &from;
    assert_int_equal(dify__source_open(&source, &file, &error), DIFY_OK);
    assert_int_equal(source.length, -1);
    assert_string_equal(source.kind, "image");
    assert_true(dify__source_rewind(&source)); /* nothing was taken yet */
    assert_reads(&source, place->bytes, BYTES, 50);
    assert_false(dify__source_rewind(&source));
    dify__source_close(&source);
    file.length = BYTES;
    from.at = 0;
    from.fails_at = 500;
    assert_int_equal(dify__source_open(&source, &file, &error), DIFY_OK);
    assert_int_equal(source.length, BYTES);
    char bytes[BYTES];
    long got = 1;
    while (got > 0)
        got = dify__source_read(&source, bytes, sizeof bytes);
    assert_int_equal(got, -1);
    from.fails_at = 0;
    assert_int_equal(dify__source_read(&source, bytes, sizeof bytes), -1); /* it stays so */
    assert_false(dify__source_rewind(&source));
    dify__source_close(&source);
    from.at = from.fails_at = 1;
    assert_int_equal(dify__source_open(&source, &file, &error), DIFY_ERR_ARGUMENT);
    assert_non_null(strstr(error.message, "cannot read file"));
    dify__source_close(&source);
}

static void test_empty_callback(void **state)
{
    struct feed from = {"", 0, 0, 0};
    struct dify_file file = DIFY_FILE_INIT;
    struct dify__source source;
    struct dify_error error;
    (void)state;
    file.read = feed;
    file.ctx = &from;
    assert_int_equal(dify__source_open(&source, &file, &error), DIFY_OK);
    assert_reads(&source, "", 0, 10);
    assert_true(dify__source_rewind(&source));
    dify__source_close(&source);
}

static void test_unreadable(void **state)
{
    const struct place *place = *state;
    struct dify_file file = DIFY_FILE_INIT;
    struct dify__source source;
    struct dify_error error;
    char missing[128];
    snprintf(missing, sizeof missing, "%s/missing", place->folder);
    file.path = missing;
    assert_int_equal(dify__source_open(&source, &file, &error), DIFY_ERR_ARGUMENT);
    assert_non_null(strstr(error.message, "cannot open "));
    assert_non_null(strstr(error.message, "/missing: No such file or directory"));
    dify__source_close(&source);
    file.path = place->folder;
    assert_int_equal(dify__source_open(&source, &file, &error), DIFY_ERR_ARGUMENT);
    assert_non_null(strstr(error.message, "it is a folder"));
    dify__source_close(&source);
    int only_written = open(place->file, O_WRONLY);
    file.path = NULL;
    file.descriptor = only_written;
    assert_int_equal(dify__source_open(&source, &file, &error), DIFY_ERR_ARGUMENT);
    assert_non_null(strstr(error.message, "cannot read file: "));
    dify__source_close(&source);
    close(only_written);
    file.path = place->file; /* two at once */
    assert_int_equal(dify__source_open(&source, &file, &error), DIFY_ERR_ARGUMENT);
    dify__source_close(&source);
    file.path = NULL; /* none */
    file.descriptor = -1;
    assert_int_equal(dify__source_open(&source, &file, &error), DIFY_ERR_ARGUMENT);
    dify__source_close(&source);
    file.path = place->file;
    file.size--;
    assert_int_equal(dify__source_open(&source, &file, &error), DIFY_ERR_ARGUMENT);
    dify__source_close(&source);
}

/* A pipe: no length, read once. */
static void test_fifo(void **state)
{
    const struct place *place = *state;
    struct dify_file file = DIFY_FILE_INIT;
    struct dify__source source;
    struct dify_error error;
    assert_int_equal(mkfifo(place->fifo, 0600), 0);
    int both = open(place->fifo, O_RDWR);
    assert_true(both >= 0);
    assert_int_equal(write(both, place->bytes, BYTES), BYTES);
    file.path = place->fifo;
    int writer = open(place->fifo, O_WRONLY);
    assert_true(writer >= 0);
    assert_int_equal(dify__source_open(&source, &file, &error), DIFY_OK);
    close(both);
    close(writer);
    assert_int_equal(source.length, -1);
    assert_string_equal(source.kind, "image");
    assert_true(dify__source_rewind(&source));
    assert_reads(&source, place->bytes, BYTES, 60);
    assert_false(dify__source_rewind(&source));
    dify__source_close(&source);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_path, make_place, clear_place),
        cmocka_unit_test_setup_teardown(test_names, make_place, clear_place),
        cmocka_unit_test_setup_teardown(test_descriptor, make_place, clear_place),
        cmocka_unit_test_setup_teardown(test_callback, make_place, clear_place),
        cmocka_unit_test_setup_teardown(test_empty_callback, make_place, clear_place),
        cmocka_unit_test_setup_teardown(test_unreadable, make_place, clear_place),
        cmocka_unit_test_setup_teardown(test_fifo, make_place, clear_place),
    };
    return cmocka_run_group_tests_name("source", tests, NULL, NULL);
}
