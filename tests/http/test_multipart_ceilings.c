/* SPDX-License-Identifier: Apache-2.0
 *
 * test_multipart_ceilings.c: a form parser's ceilings, its memory, callbacks that stop it, and
 * large random forms with look-alikes of the boundary, held against the reference.
 */
#include "multipart_record.h"
#include "multipart_reference.h"

#define HEAD "Content-Disposition: form-data; name=a\r\n"

/* ---- ceilings ------------------------------------------------------------------------------ */

/* Whole, bytewise, and cut in two at every 97th position. */
static void assert_ends(const struct text *body, const char *end, size_t parts)
{
    for (size_t cut = 0; cut <= body->len + 97; cut += 97) {
        struct record record = {.stop_at = 0};
        size_t *cuts = calloc(body->len, sizeof *cuts);
        assert_non_null(cuts);
        bool is_bytewise = cut > body->len;
        cuts[0] = cut;
        for (size_t i = 0; is_bytewise && i < body->len; i++)
            cuts[i] = i;
        record_form(&record, FORM_TYPE "B", text_slice(body), cuts, is_bytewise ? body->len : 1);
        size_t begun = 0;
        for (size_t i = 0; i < record.log.len; i++)
            begun += record.log.ptr[i] == '[';
        assert_int_equal(begun, parts);
        assert_true(record.log.len >= strlen(end));
        assert_string_equal(record.log.ptr + record.log.len - strlen(end), end);
        text_fini(&record.log);
        free(cuts);
    }
}

/* A form whose part has a head of `len` bytes, the blank line included. */
static struct text form_of_head(size_t len, const char *line_start)
{
    struct text body = {NULL, 0, 0};
    text_add_chars(&body, "--B\r\n" HEAD);
    text_add_chars(&body, line_start);
    text_add_repeated(&body, 'x', len - strlen(HEAD) - strlen(line_start) - 4);
    text_add_chars(&body, "\r\n\r\n1\r\n--B--");
    return body;
}

static void test_head_bytes(void **state)
{
    (void)state;
    struct text body = form_of_head(HTTP_PART_HEAD_BYTES, "X: ");
    assert_ends(&body, ".", 1);
    text_fini(&body);
    body = form_of_head(HTTP_PART_HEAD_BYTES + 1, "X: ");
    assert_ends(&body, "!TOO_LARGE", 0);
    text_fini(&body);
    text_add_chars(&body, "--B\r\n");
    text_add_repeated(&body, 'x', HTTP_PART_HEAD_BYTES + 1); /* not a line yet */
    assert_ends(&body, "!TOO_LARGE", 0);
    text_fini(&body);
    text_add_chars(&body, "--B\r\n");
    text_add_repeated(&body, 'x', HTTP_PART_HEAD_BYTES);
    assert_ends(&body, "!TRUNCATED", 0);
    text_fini(&body);
}

static void test_parts(void **state)
{
    (void)state;
    struct text body = {NULL, 0, 0};
    for (size_t i = 0; i < HTTP_MULTIPART_PARTS; i++)
        text_add_chars(&body, "--B\r\n" HEAD "\r\n");
    size_t len = body.len;
    text_add_chars(&body, "--B--");
    struct record record = {.stop_at = 0};
    record_form(&record, FORM_TYPE "B", text_slice(&body), NULL, 0);
    assert_int_equal(record.calls, 2 * HTTP_MULTIPART_PARTS);
    assert_int_equal(record.log.ptr[record.log.len - 1], '.');
    text_fini(&record.log);

    body.len = len;
    text_add_chars(&body, "--B\r\n");
    size_t cut = len + 3;
    struct record more = {.stop_at = 0};
    record_form(&more, FORM_TYPE "B", text_slice(&body), &cut, 1);
    assert_int_equal(more.calls, 2 * HTTP_MULTIPART_PARTS); /* the last one was told whole */
    assert_string_equal(more.log.ptr + more.log.len - 9, "!TOO_MANY");
    text_fini(&more.log);
    text_fini(&body);
}

/* The white space behind a boundary has none: nothing of it is kept. */
static void test_padding(void **state)
{
    (void)state;
    struct text body = {NULL, 0, 0};
    text_add_chars(&body, "--B");
    text_add_repeated(&body, '\t', 20000);
    text_add_chars(&body, "\r\n" HEAD "\r\n--B--");
    struct record record = {.stop_at = 0};
    record_form(&record, FORM_TYPE "B", text_slice(&body), NULL, 0);
    assert_slice(text_slice(&record.log), "[a|~|~];.");
    text_fini(&record.log);
    text_fini(&body);
}

/* ---- memory -------------------------------------------------------------------------------- */

#define FORM                                                                                       \
    "--B\r\n" HEAD "\r\n12\r\n--B\r\nContent-Disposition: form-data; name=b; filename=f\r\n\r\n"   \
    "34\r\n--Bx\r\n--B--\r\n"

/* One byte at a time. */
static enum http_multipart_err run_metered(struct meter *meter, struct record *record)
{
    struct http_multipart *form = NULL;
    enum http_multipart_err err = http_multipart_new(&meter->allocator, slice_of(FORM_TYPE "B"),
                                                     &record_callbacks, record, &form);
    for (size_t i = 0; i < strlen(FORM) && err == HTTP_MULTIPART_OK; i++)
        err = form_feed_copy(form, FORM + i, 1);
    if (err == HTTP_MULTIPART_OK)
        err = http_multipart_end(form);
    else if (form != NULL)
        assert_int_equal(form_feed_copy(form, "\r\n", 2), err);
    http_multipart_free(form);
    return err;
}

static void test_torture(void **state)
{
    (void)state;
    enum http_multipart_err err = HTTP_MULTIPART_NOMEM;
    uint64_t fail_at = 0;
    while (err != HTTP_MULTIPART_OK) {
        struct meter meter;
        struct record record = {.stop_at = 0};
        meter_init(&meter);
        meter.fail_at = ++fail_at;
        err = run_metered(&meter, &record);
        assert_int_equal(err, meter.failures != 0 ? HTTP_MULTIPART_NOMEM : HTTP_MULTIPART_OK);
        assert_meter_empty(&meter);
        text_fini(&record.log);
    }
    assert_in_range(fail_at, 3, 10);
}

/* Memory does not grow with the data, however it is cut, nor with the number of parts. */
static void test_memory(void **state)
{
    (void)state;
    struct meter meter;
    struct record record = {.stop_at = 0};
    struct http_multipart *form = NULL;
    meter_init(&meter);
    assert_int_equal(http_multipart_new(&meter.allocator, slice_of(FORM_TYPE "B"),
                                        &record_callbacks, &record, &form),
                     HTTP_MULTIPART_OK);
    for (int part = 0; part < 100; part++) {
        const char *pieces[] = {"--B\r\n" HEAD "\r\n", "x\r", "\n--", "\r\n--", "Bx\r\n"};
        for (size_t i = 0; i < COUNT_OF(pieces); i++)
            assert_int_equal(form_feed_copy(form, pieces[i], strlen(pieces[i])), HTTP_MULTIPART_OK);
    }
    assert_in_range(meter.peak_bytes, 1, 1024);
    assert_in_range(meter.calls, 1, 2);
    http_multipart_free(form);
    assert_meter_empty(&meter);
    text_fini(&record.log);
}

/* Data is handed on as soon as it cannot be a boundary's, in as few pieces as there are chunks. */
static void test_data_at_once(void **state)
{
    (void)state;
    struct record record = {.stop_at = 0};
    struct http_multipart *form = NULL;
    assert_int_equal(
        http_multipart_new(NULL, slice_of(FORM_TYPE "B"), &record_callbacks, &record, &form),
        HTTP_MULTIPART_OK);
    const struct {
        const char *chunk, *log;
        size_t pieces;
    } steps[] = {
        {"--B\r\n" HEAD "\r\nabc", "[a|~|~]abc", 1},
        {"d", "[a|~|~]abcd", 2},
        {"e\r", "[a|~|~]abcde", 3},
        {"f", "[a|~|~]abcde\\rf", 5},
        {"\r\n--", "[a|~|~]abcde\\rf", 5},
        {"\r\ng\r\n-\rh", "[a|~|~]abcde\\rf\\r\\n--\\r\\ng\\r\\n-\\rh", 7},
        {"\r\n--B-", "[a|~|~]abcde\\rf\\r\\n--\\r\\ng\\r\\n-\\rh", 7},
        {"-", "[a|~|~]abcde\\rf\\r\\n--\\r\\ng\\r\\n-\\rh;", 7},
        {"", "[a|~|~]abcde\\rf\\r\\n--\\r\\ng\\r\\n-\\rh;", 7},
    };
    for (size_t i = 0; i < COUNT_OF(steps); i++) {
        assert_int_equal(form_feed_copy(form, steps[i].chunk, strlen(steps[i].chunk)),
                         HTTP_MULTIPART_OK);
        assert_slice(text_slice(&record.log), steps[i].log);
        assert_int_equal(record.pieces, steps[i].pieces);
    }
    assert_int_equal(http_multipart_end(form), HTTP_MULTIPART_OK);
    assert_int_equal(http_multipart_end(form), HTTP_MULTIPART_OK);
    http_multipart_free(form);
    text_fini(&record.log);
}

/* Each call in turn returns false: it is the last one. */
static void test_stop(void **state)
{
    (void)state;
    for (size_t stop_at = 1;; stop_at++) {
        struct record record = {.stop_at = stop_at};
        record_form(&record, FORM_TYPE "B", DIFY_SLICE(FORM), NULL, 0);
        bool was_stopped = record.calls == stop_at;
        assert_string_equal(strpbrk(record.log.ptr, ".!"), was_stopped ? "!STOPPED" : ".");
        text_fini(&record.log);
        if (!was_stopped) {
            assert_in_range(stop_at, 7, 10);
            return;
        }
    }
}

static void test_strerror(void **state)
{
    (void)state;
    for (int err = HTTP_MULTIPART_OK; err <= HTTP_MULTIPART_STOPPED; err++) {
        assert_non_null(http_multipart_strerror((enum http_multipart_err)err));
        assert_string_not_equal(http_multipart_strerror((enum http_multipart_err)err),
                                "unknown error");
    }
}

/* ---- large random forms -------------------------------------------------------------------- */

/* Data of random bytes and pieces of what frames a form. */
static void add_random_data(struct text *body, const char *boundary, uint64_t *seed)
{
    const char *const pieces[] = {"\r", "\n", "\r\n", "-", "--", "\r\n--", "\n--", " ", "x"};
    for (size_t count = random_below(seed, 300); count != 0; count--) {
        size_t kind = random_below(seed, 40);
        if (kind == 0) {
            for (size_t i = random_below(seed, 4000); i != 0; i--)
                text_add(body, &(char){(char)next_random(seed)}, 1);
        } else if (kind < 8) { /* a boundary, but for its last bytes or with some more */
            text_add_chars(body, kind < 7 ? "\r\n--" : "\n--");
            text_add(body, boundary, random_below(seed, strlen(boundary) + 1));
            text_add_chars(body, kind % 2 == 0 ? "_" : "\r\n");
        } else if (kind == 8) {
            text_addf(body, "\r\n--%s_", boundary);
        } else {
            text_add_chars(body, pieces[random_below(seed, COUNT_OF(pieces))]);
        }
    }
}

/* Now and then something that no form has, so that errors are compared too. */
static struct text random_form(const char *boundary, uint64_t *seed)
{
    struct text body = {NULL, 0, 0};
    if (random_below(seed, 4) == 0)
        add_random_data(&body, boundary, seed);
    for (size_t parts = random_below(seed, 20); parts != 0; parts--) {
        text_addf(&body, body.len != 0 ? "\r\n--%s" : "--%s", boundary);
        text_add_chars(&body, random_below(seed, 4) == 0 ? " \t\r\n" : "\r\n");
        text_add_chars(&body, random_below(seed, 200) == 0 ? "X\n" : "");
        text_addf(&body, "Content-Disposition: form-data; name=\"%zu\"\r\n\r\n", parts);
        add_random_data(&body, boundary, seed);
    }
    if (random_below(seed, 8) != 0)
        text_addf(&body, "\r\n--%s--", boundary);
    add_random_data(&body, boundary, seed);
    return body;
}

static void random_boundary(char *boundary, uint64_t *seed)
{
    size_t len = 1 + random_below(seed, HTTP_BOUNDARY_BYTES);
    const char *letters = random_below(seed, 2) == 0 ? "--aab" : "-xyz0123456789'+.";
    for (size_t i = 0; i < len; i++)
        boundary[i] = letters[random_below(seed, strlen(letters))];
    boundary[len] = '\0';
}

static void check_random_form(uint64_t *seed)
{
    char boundary[HTTP_BOUNDARY_BYTES + 1];
    struct text type = {NULL, 0, 0};
    random_boundary(boundary, seed);
    text_addf(&type, FORM_TYPE "%s", boundary);
    struct text body = random_form(boundary, seed);

    struct record expected = {.stop_at = 0};
    enum http_multipart_err err =
        reference_parse(boundary, text_slice(&body), &record_callbacks, &expected);
    text_add_chars(&expected.log, record_error(err));
    for (int way = 0; way < 4; way++) {
        struct record record = {.stop_at = 0};
        size_t *cuts = calloc(body.len + 1, sizeof *cuts);
        size_t count = 0, most = (size_t[]){0, 1, 8, 8192}[way];
        assert_non_null(cuts);
        for (size_t at = 0; most != 0 && at < body.len;) {
            at += 1 + random_below(seed, most);
            if (at < body.len)
                cuts[count++] = at;
        }
        record_form(&record, type.ptr, text_slice(&body), cuts, count);
        assert_bytes(text_slice(&record.log), text_slice(&expected.log));
        free(cuts);
        text_fini(&record.log);
    }
    text_fini(&expected.log);
    text_fini(&body);
    text_fini(&type);
}

static void test_random_forms(void **state)
{
    (void)state;
    uint64_t seed = test_seed();
    for (int i = 0; i < 150; i++)
        check_random_form(&seed);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_head_bytes),   cmocka_unit_test(test_parts),
        cmocka_unit_test(test_padding),      cmocka_unit_test(test_torture),
        cmocka_unit_test(test_memory),       cmocka_unit_test(test_data_at_once),
        cmocka_unit_test(test_stop),         cmocka_unit_test(test_strerror),
        cmocka_unit_test(test_random_forms),
    };
    return cmocka_run_group_tests_name("multipart ceilings", tests, NULL, NULL);
}
