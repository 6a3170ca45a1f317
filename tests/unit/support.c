/* SPDX-License-Identifier: Apache-2.0
 *
 * support.c: see support.h.
 */
#include "support.h"

#include <time.h>

/* ---- texts ----------------------------------------------------------------------------------- */

void text_add(struct text *text, const void *bytes, size_t len)
{
    if (text->len + len + 1 > text->capacity) {
        text->capacity = (text->len + len + 1) * 2;
        text->ptr = realloc(text->ptr, text->capacity);
        assert_non_null(text->ptr);
    }
    if (len != 0)
        memcpy(text->ptr + text->len, bytes, len);
    text->len += len;
    text->ptr[text->len] = '\0';
}

void text_add_chars(struct text *text, const char *chars)
{
    text_add(text, chars, strlen(chars));
}

void text_add_repeated(struct text *text, char c, size_t count)
{
    char *bytes = malloc(count + 1);
    assert_non_null(bytes);
    memset(bytes, c, count);
    text_add(text, bytes, count);
    free(bytes);
}

void text_addf(struct text *text, const char *format, ...)
{
    char bytes[1024];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(bytes, sizeof bytes, format, args);
    va_end(args);
    assert_in_range(len, 0, sizeof bytes - 1);
    text_add(text, bytes, (size_t)len);
}

void text_fini(struct text *text)
{
    free(text->ptr);
    *text = (struct text){NULL, 0, 0};
}

struct dify_slice text_slice(const struct text *text)
{
    return (struct dify_slice){text->ptr != NULL ? text->ptr : "", text->len};
}

struct dify_slice slice_of(const char *chars)
{
    return (struct dify_slice){chars, chars != NULL ? strlen(chars) : 0};
}

static void print_slice(const char *label, struct dify_slice slice)
{
    if (slice.ptr == NULL)
        print_error("%s (absent)\n", label);
    else
        print_error("%s %.*s\n", label, (int)slice.len, slice.ptr);
}

void assert_bytes_at(struct dify_slice slice, struct dify_slice other, const char *file, int line)
{
    bool is_same = (slice.ptr == NULL) == (other.ptr == NULL) && slice.len == other.len &&
                   (slice.len == 0 || memcmp(slice.ptr, other.ptr, slice.len) == 0);
    if (is_same)
        return;
    print_slice("is:       ", slice);
    print_slice("should be:", other);
    _fail(file, line);
}

void assert_slice_at(struct dify_slice slice, const char *chars, const char *file, int line)
{
    assert_bytes_at(slice, slice_of(chars), file, line);
}

void text_add_json(struct text *text, const char *chars)
{
    size_t from = text->len;
    text_add_chars(text, chars);
    for (size_t i = from; i < text->len; i++)
        if (text->ptr[i] == '\'')
            text->ptr[i] = '"';
}

void text_add_event(struct text *text, const char *json)
{
    text_add_chars(text, "data: ");
    text_add_json(text, json);
    text_add_chars(text, "\n\n");
}

struct text stream_of(const char *first, ...)
{
    struct text stream = {NULL, 0, 0};
    va_list args;
    va_start(args, first);
    for (const char *json = first; json != NULL; json = va_arg(args, const char *))
        text_add_event(&stream, json);
    va_end(args);
    return stream;
}

/* ---- memory ---------------------------------------------------------------------------------- */

#define BLOCK_MARK UINT64_C(0x6b636f6c62796669)

union block_head {
    struct {
        uint64_t mark;
        size_t size;
    } is;
    max_align_t alignment;
};

static union block_head *head_of(void *ptr)
{
    assert_non_null(ptr);
    union block_head *head = (union block_head *)ptr - 1;
    assert_true(head->is.mark == BLOCK_MARK);
    return head;
}

/* Whether the call at hand is to fail. */
static bool must_fail(struct meter *meter, size_t size)
{
    assert_true(size != 0);
    meter->calls++;
    meter->asked_bytes += size;
    bool fails = meter->fail_at != 0 && (meter->calls == meter->fail_at ||
                                         (meter->fails_on && meter->calls > meter->fail_at));
    meter->failures += fails;
    return fails;
}

static void *new_block(struct meter *meter, size_t size)
{
    union block_head *head = malloc(sizeof *head + size);
    assert_non_null(head);
    head->is.mark = BLOCK_MARK;
    head->is.size = size;
    memset(head + 1, 0xA5, size); /* what is not set is seen */
    meter->live_blocks++;
    meter->live_bytes += size;
    if (meter->live_bytes > meter->peak_bytes)
        meter->peak_bytes = meter->live_bytes;
    return head + 1;
}

static void meter_free(void *ctx, void *ptr)
{
    struct meter *meter = ctx;
    union block_head *head = head_of(ptr);
    meter->live_blocks--;
    meter->live_bytes -= head->is.size;
    head->is.mark = 0;
    free(head);
}

static void *meter_malloc(void *ctx, size_t size)
{
    return must_fail(ctx, size) ? NULL : new_block(ctx, size);
}

/* Always moves the block. */
static void *meter_realloc(void *ctx, void *ptr, size_t old_size, size_t size)
{
    struct meter *meter = ctx;
    assert_int_equal(old_size, head_of(ptr)->is.size);
    meter->reallocs++;
    if (must_fail(meter, size))
        return NULL;
    void *moved = new_block(meter, size);
    memcpy(moved, ptr, old_size < size ? old_size : size);
    meter_free(meter, ptr);
    return moved;
}

void meter_init(struct meter *meter)
{
    memset(meter, 0, sizeof *meter);
    meter->allocator = (struct dify_allocator){meter, meter_malloc, meter_realloc, meter_free};
}

void assert_meter_empty(const struct meter *meter)
{
    assert_int_equal(meter->live_blocks, 0);
    assert_int_equal(meter->live_bytes, 0);
}

/* ---- feeding --------------------------------------------------------------------------------- */

enum dify_err feed_copy(struct dify_run *run, const char *bytes, size_t len)
{
    char *copy = malloc(len != 0 ? len : 1);
    assert_non_null(copy);
    memcpy(copy, bytes, len);
    enum dify_err err = dify_run_feed(run, copy, len);
    free(copy);
    return err;
}

enum dify_err feed_in(struct dify_run *run, struct dify_slice stream, size_t chunk)
{
    enum dify_err err = DIFY_OK;
    if (chunk == 0)
        chunk = stream.len;
    for (size_t at = 0; at < stream.len && err == DIFY_OK; at += chunk) {
        size_t len = stream.len - at < chunk ? stream.len - at : chunk;
        err = feed_copy(run, stream.ptr + at, len);
    }
    return err;
}

struct dify_run *new_run_with(struct dify_run_options options)
{
    struct dify_run *run = NULL;
    options.size = sizeof options;
    assert_int_equal(dify_run_new(&options, &run), DIFY_OK);
    assert_non_null(run);
    return run;
}

struct dify_run *new_run(void)
{
    return new_run_with((struct dify_run_options){0});
}

struct dify_run *fold(const struct text *stream)
{
    struct dify_run *run = new_run();
    assert_int_equal(feed_in(run, text_slice(stream), 0), DIFY_OK);
    dify_run_end(run);
    return run;
}

/* ---- results --------------------------------------------------------------------------------- */

enum dify_err write_to_text(void *ctx, const char *bytes, size_t len)
{
    assert_true(len != 0);
    text_add(ctx, bytes, len);
    return DIFY_OK;
}

struct text result_text(const struct dify_run *run, enum dify_json_style style)
{
    struct text text = {NULL, 0, 0};
    assert_int_equal(dify_run_write_result(run, style, write_to_text, &text), DIFY_OK);
    return text;
}

yyjson_doc *parse_result(const struct text *result)
{
    char *copy = malloc(result->len + 1);
    assert_non_null(copy);
    memcpy(copy, result->ptr, result->len);
    for (size_t i = 0; i + 5 < result->len; i++) {
        if (copy[i] != '\\')
            continue;
        i++;
        /* a pair is never written as escapes, so this is a lone surrogate */
        if (copy[i] == 'u' && copy[i + 1] == 'D' && copy[i + 2] >= '8')
            memcpy(copy + i + 1, "FFFD", 4);
    }
    yyjson_doc *doc = yyjson_read(copy, result->len, YYJSON_READ_NUMBER_AS_RAW);
    free(copy);
    return doc;
}

static void check_pointer(const struct text *result, const char *pointer, const char *json,
                          const char *file, int line)
{
    struct text expected = {NULL, 0, 0};
    yyjson_doc *doc = parse_result(result);
    if (doc == NULL) {
        print_error("no JSON: %s\n", result->ptr);
        _fail(file, line);
        return; /* not reached */
    }
    yyjson_val *value = yyjson_doc_ptr_get(doc, pointer);
    char *text = value != NULL ? yyjson_val_write(value, YYJSON_WRITE_NOFLAG, NULL) : NULL;
    if (json != NULL)
        text_add_json(&expected, json);
    bool is_same =
        (text == NULL) == (json == NULL) && (text == NULL || strcmp(text, expected.ptr) == 0);
    if (!is_same)
        print_error("%s\n  is:        %s\n  should be: %s\n  in %s\n", pointer,
                    text != NULL ? text : "(absent)", json != NULL ? expected.ptr : "(absent)",
                    result->ptr);
    free(text);
    text_fini(&expected);
    yyjson_doc_free(doc);
    if (!is_same)
        _fail(file, line);
}

void assert_result_at(const struct dify_run *run, const char *pointer, const char *json,
                      const char *file, int line)
{
    struct text result = result_text(run, DIFY_JSON_COMPACT);
    check_pointer(&result, pointer, json, file, line);
    text_fini(&result);
}

/* Feeds up to each blank line in turn and asks for the result in between. */
static struct dify_run *fold_asking(struct dify_slice stream)
{
    struct dify_run *run = new_run();
    for (size_t at = 0; at < stream.len;) {
        size_t end = at + 1;
        while (end < stream.len && !(stream.ptr[end] == '\n' && stream.ptr[end - 1] == '\n'))
            end++;
        if (end < stream.len)
            end++;
        (void)feed_copy(run, stream.ptr + at, end - at);
        struct text so_far = result_text(run, DIFY_JSON_PRETTY);
        check_pointer(&so_far, "/data/outputs/not-there", NULL, __FILE__, __LINE__);
        text_fini(&so_far);
        at = end;
    }
    dify_run_end(run);
    return run;
}

void assert_folds_at(struct text stream, const char *pointer, const char *json, const char *file,
                     int line)
{
    struct dify_slice bytes = text_slice(&stream);
    struct dify_run *run = new_run();
    (void)feed_in(run, bytes, 0);
    dify_run_end(run);
    struct text whole = result_text(run, DIFY_JSON_COMPACT);
    dify_run_free(run);

    run = new_run();
    (void)feed_in(run, bytes, 1);
    dify_run_end(run);
    struct text bytewise = result_text(run, DIFY_JSON_COMPACT);
    dify_run_free(run);

    run = fold_asking(bytes);
    struct text asked = result_text(run, DIFY_JSON_COMPACT);
    dify_run_free(run);

    assert_bytes_at(text_slice(&bytewise), text_slice(&whole), file, line);
    assert_bytes_at(text_slice(&asked), text_slice(&whole), file, line);
    check_pointer(&whole, pointer, json, file, line);
    text_fini(&whole);
    text_fini(&bytewise);
    text_fini(&asked);
    text_fini(&stream);
}

/* ---- cases ----------------------------------------------------------------------------------- */

int run_cases(const char *group, const void *cases, size_t count, size_t size,
              CMUnitTestFunction run_case)
{
    struct CMUnitTest *tests = calloc(count, sizeof *tests);
    char *copy = malloc(count * size); /* cmocka wants a pointer that is not const */
    if (tests == NULL || copy == NULL)
        return 1;
    memcpy(copy, cases, count * size);
    for (size_t i = 0; i < count; i++) {
        memcpy(&tests[i].name, copy + i * size, sizeof tests[i].name);
        tests[i].test_func = run_case;
        tests[i].initial_state = copy + i * size;
    }
    int failed = _cmocka_run_group_tests(group, tests, count, NULL, NULL);
    free(copy);
    free(tests);
    return failed;
}

/* ---- files ----------------------------------------------------------------------------------- */

bool read_file(const char *path, struct text *out)
{
    char bytes[16384];
    size_t len;
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return false;
    text_add(out, "", 0);
    while ((len = fread(bytes, 1, sizeof bytes, file)) > 0)
        text_add(out, bytes, len);
    bool is_read = ferror(file) == 0;
    fclose(file);
    return is_read;
}

struct text read_recording(const char *name)
{
    struct text path = {NULL, 0, 0};
    struct text body = {NULL, 0, 0};
    text_addf(&path, "%s/%s/response.body", DIFY_RECORDINGS, name);
    if (!read_file(path.ptr, &body))
        fail_msg("recording not found: %s", name);
    text_fini(&path);
    return body;
}

/* ---- chance ---------------------------------------------------------------------------------- */

uint64_t test_seed(void)
{
    const char *given = getenv("DIFY_TEST_SEED");
    uint64_t seed = given != NULL ? strtoull(given, NULL, 0) : (uint64_t)time(NULL);
    print_message("DIFY_TEST_SEED=%llu replays this\n", (unsigned long long)seed);
    return seed;
}

/* splitmix64 */
uint64_t next_random(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
    return z ^ z >> 31;
}

size_t random_below(uint64_t *state, size_t limit)
{
    return (size_t)(next_random(state) % limit);
}
