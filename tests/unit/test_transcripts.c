/* SPDX-License-Identifier: Apache-2.0
 *
 * test_transcripts.c: every recorded stream, folded whole, byte by byte, and cut in two, gives the
 * same result to the byte and no error.
 *
 * Given "events", the cuts are at every position and what is compared are the events that the
 * parser hands out; given "results", the results are, with cuts at a stride.
 */
#include "sse_record.h"

#include <dirent.h>
#include <sys/stat.h>

/* Bodies up to this size are cut at every position. */
#define EVERY_CUT_BYTES 6144

/* How many cuts of a larger body, or of a run; sanitizers are slow. */
#ifdef __SANITIZE_ADDRESS__
#define CUTS 40
#else
#define CUTS 200
#endif

struct paths {
    struct text names; /* each NUL-terminated */
    size_t count;
};

static void add_path(struct paths *paths, const char *folder, const char *name)
{
    text_addf(&paths->names, "%s/%s", folder, name);
    text_add(&paths->names, "", 1);
    paths->count++;
}

/* All files "response.body" below the recordings. */
static struct text list_recordings(size_t *count)
{
    struct paths folders = {{NULL, 0, 0}, 0}, found = {{NULL, 0, 0}, 0};
    add_path(&folders, DIFY_RECORDINGS, ".");
    for (size_t at = 0; at < folders.names.len;) {
        char folder[1024];
        snprintf(folder, sizeof folder, "%s", folders.names.ptr + at);
        at += strlen(folders.names.ptr + at) + 1;
        DIR *dir = opendir(folder);
        if (dir == NULL)
            fail_msg("cannot be read: %s", folder);
        for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
            struct text path = {NULL, 0, 0};
            struct stat about;
            text_addf(&path, "%s/%s", folder, entry->d_name);
            if (entry->d_name[0] != '.' && stat(path.ptr, &about) == 0 && S_ISDIR(about.st_mode))
                add_path(&folders, folder, entry->d_name);
            else if (strcmp(entry->d_name, "response.body") == 0)
                add_path(&found, folder, entry->d_name);
            text_fini(&path);
        }
        closedir(dir);
    }
    text_fini(&folders.names);
    *count = found.count;
    return found.names;
}

static void for_each_recording(void (*check)(const char *path, struct dify_slice body))
{
    size_t count;
    struct text paths = list_recordings(&count);
    print_message("%zu recordings\n", count);
    if (count < 100)
        fail_msg("too few recordings below %s", DIFY_RECORDINGS);
    for (size_t at = 0; at < paths.len; at += strlen(paths.ptr + at) + 1) {
        struct text body = {NULL, 0, 0};
        if (!read_file(paths.ptr + at, &body))
            fail_msg("cannot be read: %s", paths.ptr + at);
        check(paths.ptr + at, text_slice(&body));
        text_fini(&body);
    }
    text_fini(&paths);
}

/* ---- events ---------------------------------------------------------------------------------- */

static uint64_t hash(uint64_t sum, struct dify_slice bytes)
{
    sum ^= bytes.len;
    for (size_t i = 0; i < bytes.len; i++)
        sum = (sum ^ (unsigned char)bytes.ptr[i]) * UINT64_C(0x100000001B3);
    return sum;
}

static enum dify_err hash_event(void *ctx, const struct dify_sse_event *event)
{
    uint64_t *sum = ctx;
    *sum = hash(hash(hash(*sum + event->offset, event->type), event->data), event->id);
    return DIFY_OK;
}

/* What the parser tells of `body` in two chunks; in single bytes where `cut` lies beyond. */
static uint64_t hash_cut(struct dify_slice body, size_t cut)
{
    uint64_t sum = 1;
    struct dify_sse_options options = {.size = sizeof options, .ctx = &sum, .event = hash_event};
    struct dify_sse *sse = new_sse(&options);
    if (cut <= body.len) {
        assert_int_equal(dify_sse_feed(sse, body.ptr, cut), DIFY_OK);
        assert_int_equal(dify_sse_feed(sse, body.ptr + cut, body.len - cut), DIFY_OK);
    } else {
        for (size_t i = 0; i < body.len; i++)
            assert_int_equal(dify_sse_feed(sse, body.ptr + i, 1), DIFY_OK);
    }
    dify_sse_free(sse);
    return sum;
}

static void check_events(const char *path, struct dify_slice body)
{
    size_t stride = body.len <= EVERY_CUT_BYTES ? 1 : body.len / CUTS;
    uint64_t whole = hash_cut(body, body.len);
    if (hash_cut(body, SIZE_MAX) != whole)
        fail_msg("%s: other events byte by byte", path);
    for (size_t cut = 0; cut < body.len; cut += stride)
        if (hash_cut(body, cut) != whole)
            fail_msg("%s: other events when cut at %zu", path, cut);
}

static void test_events(void **state)
{
    (void)state;
    for_each_recording(check_events);
}

/* ---- results --------------------------------------------------------------------------------- */

static struct dify_decoder *decoder; /* shared by all runs, as a gateway does */

/* Chunks of `chunk` bytes after a first one of `first`. */
static struct text result_of(const char *path, struct dify_slice body, size_t first, size_t chunk)
{
    struct dify_run *run = new_run_with((struct dify_run_options){.decoder = decoder});
    enum dify_err err = feed_copy(run, body.ptr, first);
    struct dify_slice rest = {body.ptr + first, body.len - first};
    if (err == DIFY_OK)
        err = feed_in(run, rest, chunk);
    if (err != DIFY_OK)
        fail_msg("%s: %s", path, dify_strerror(err));
    dify_run_end(run);
    struct text result = result_text(run, DIFY_JSON_COMPACT);
    dify_run_free(run);
    return result;
}

static void check_results(const char *path, struct dify_slice body)
{
    static const size_t chunks[] = {1, 7, 1000};
    struct text whole = result_of(path, body, 0, 0);
    yyjson_doc *doc = parse_result(&whole);
    if (doc == NULL)
        fail_msg("%s: the result is no JSON", path);
    yyjson_doc_free(doc);
    for (size_t i = 0; i < COUNT_OF(chunks) + CUTS; i++) {
        bool is_cut = i >= COUNT_OF(chunks);
        size_t first = is_cut ? body.len * (i - COUNT_OF(chunks)) / CUTS + i : 0;
        if (first > body.len || (is_cut && body.len > 64 * EVERY_CUT_BYTES))
            continue;
        struct text cut = result_of(path, body, first, is_cut ? 0 : chunks[i]);
        if (cut.len != whole.len || memcmp(cut.ptr, whole.ptr, whole.len) != 0)
            fail_msg("%s: another result when cut at %zu", path, first);
        text_fini(&cut);
    }
    text_fini(&whole);
}

static void test_results(void **state)
{
    (void)state;
    assert_int_equal(dify_decoder_new(NULL, &decoder), DIFY_OK);
    for_each_recording(check_results);
    dify_decoder_free(decoder);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest events[] = {cmocka_unit_test(test_events)};
    const struct CMUnitTest results[] = {cmocka_unit_test(test_results)};
    if (argc == 2 && strcmp(argv[1], "events") == 0)
        return cmocka_run_group_tests_name("transcripts, events", events, NULL, NULL);
    if (argc == 2 && strcmp(argv[1], "results") == 0)
        return cmocka_run_group_tests_name("transcripts, results", results, NULL, NULL);
    fprintf(stderr, "usage: %s events|results\n", argv[0]);
    return 2;
}
