/* SPDX-License-Identifier: Apache-2.0
 *
 * test_sse_ceilings.c: the parser's ceilings, errors, reset, and how little it copies and
 * allocates.
 */
#include "sse_record.h"

#include "difystream/limits.h"

#define MAX 1000

/* A parser of ceiling MAX that records into `out`. */
static struct dify_sse *new_limited(struct text *out)
{
    struct dify_sse_options options = record_options(out);
    options.max_event_bytes = MAX;
    return new_sse(&options);
}

/* Feeds `input` whole, bytewise and cut in two at every `stride` bytes to a parser of ceiling MAX;
 * each must end with `err`, and with the same events. */
static void assert_ceiling(struct text *input, enum dify_err err, size_t events)
{
    for (size_t cut = 0; cut <= input->len + 1; cut += cut + 60 < input->len ? 47 : 1) {
        struct text out = {NULL, 0, 0};
        struct dify_sse *sse = new_limited(&out);
        enum dify_err is = DIFY_OK;
        if (cut > input->len) {
            for (size_t i = 0; i < input->len && is == DIFY_OK; i++)
                is = sse_feed_copy(sse, input->ptr + i, 1);
        } else {
            is = sse_feed_copy(sse, input->ptr, cut);
            if (is == DIFY_OK)
                is = sse_feed_copy(sse, input->ptr + cut, input->len - cut);
        }
        assert_int_equal(is, err);
        assert_int_equal(dify_sse_feed(sse, "\n", 1), err);
        size_t count = 0;
        for (size_t i = 0; i < out.len; i++)
            count += out.ptr[i] == '[';
        assert_int_equal(count, events);
        dify_sse_free(sse);
        text_fini(&out);
    }
    text_fini(input);
}

static struct text line(const char *start, size_t count, const char *end)
{
    struct text text = {NULL, 0, 0};
    text_add_chars(&text, start);
    text_add_repeated(&text, 'x', count);
    text_add_chars(&text, end);
    return text;
}

static void test_one_data_line(void **state)
{
    (void)state;
    struct text text = line("data: ", MAX, "\n\n");
    assert_ceiling(&text, DIFY_OK, 1);
    text = line("data:", MAX, "\n\n");
    assert_ceiling(&text, DIFY_OK, 1);
    text = line("data: ", MAX + 1, "\n\n");
    assert_ceiling(&text, DIFY_ERR_TOO_LARGE, 0);
    text = line("data:", MAX + 1, "\n\n");
    assert_ceiling(&text, DIFY_ERR_TOO_LARGE, 0);
}

static struct text two_lines(size_t first, size_t second)
{
    struct text text = line("data: ", first, "\ndata: ");
    text_add_repeated(&text, 'y', second);
    text_add_chars(&text, "\n\ndata: z\n\n");
    return text;
}

static void test_several_data_lines(void **state)
{
    (void)state;
    struct text text = two_lines(MAX / 2, MAX / 2 - 1);
    assert_ceiling(&text, DIFY_OK, 2);
    text = two_lines(MAX / 2, MAX / 2);
    assert_ceiling(&text, DIFY_ERR_TOO_LARGE, 0);
    text = two_lines(0, MAX - 1);
    assert_ceiling(&text, DIFY_OK, 2);
    text = two_lines(0, MAX);
    assert_ceiling(&text, DIFY_ERR_TOO_LARGE, 0);
    text = two_lines(MAX - 1, 0);
    assert_ceiling(&text, DIFY_OK, 2);
    text = two_lines(MAX, 0);
    assert_ceiling(&text, DIFY_ERR_TOO_LARGE, 0);
}

static void test_empty_data_lines_count_too(void **state)
{
    (void)state;
    struct text text = {NULL, 0, 0};
    for (size_t i = 0; i < MAX + 1; i++)
        text_add_chars(&text, "data\n");
    text_add_chars(&text, "\n");
    assert_ceiling(&text, DIFY_OK, 1);
    for (size_t i = 0; i < MAX + 2; i++)
        text_add_chars(&text, "data\n");
    assert_ceiling(&text, DIFY_ERR_TOO_LARGE, 0);
}

/* A line may be as long as a full event's with "data: " in front. */
static void test_other_lines(void **state)
{
    (void)state;
    static const char *const starts[] = {":", "unknown", "event:", "id:", "retry:"};
    for (size_t i = 0; i < COUNT_OF(starts); i++) {
        size_t room = MAX + 6 - strlen(starts[i]);
        struct text text = line(starts[i], room, "\ndata: a\n\n");
        assert_ceiling(&text, DIFY_OK, 1);
        text = line(starts[i], room + 1, "\ndata: a\n\n");
        assert_ceiling(&text, DIFY_ERR_TOO_LARGE, 0);
    }
}

static void test_unfinished_line(void **state)
{
    (void)state;
    struct text text = line("data: a\n\ndata: ", MAX, "");
    struct text out = {NULL, 0, 0};
    struct dify_sse *sse = new_limited(&out);
    assert_int_equal(sse_feed_copy(sse, text.ptr, text.len), DIFY_OK);
    assert_int_equal(dify_sse_feed(sse, "x", 1), DIFY_ERR_TOO_LARGE);
    assert_int_equal(dify_sse_feed(sse, "\n\n", 2), DIFY_ERR_TOO_LARGE);
    assert_slice(text_slice(&out), "[||a@0]");
    dify_sse_free(sse);
    text_fini(&out);
    text_fini(&text);
}

/* Bytes that become three times as many are no reason to fail. */
static void test_repaired_data_may_be_larger(void **state)
{
    (void)state;
    struct text input = {NULL, 0, 0}, out = {NULL, 0, 0};
    text_add_chars(&input, "data: ");
    text_add_repeated(&input, '\xFF', MAX);
    text_add_chars(&input, "\n\n");
    struct dify_sse *sse = new_limited(&out);
    assert_int_equal(sse_feed_copy(sse, input.ptr, input.len), DIFY_OK);
    assert_int_equal(out.len, strlen("[||@0]") + (size_t)3 * MAX);
    dify_sse_free(sse);
    text_fini(&input);
    text_fini(&out);
}

static void test_repaired_id_and_type_may_be_larger(void **state)
{
    (void)state;
    static const char *const starts[] = {"id: ", "event: "};
    for (size_t i = 0; i < COUNT_OF(starts); i++) {
        struct text input = {NULL, 0, 0}, out = {NULL, 0, 0};
        text_add_chars(&input, starts[i]);
        text_add_repeated(&input, '\xFF', MAX / 2);
        text_add_chars(&input, "\ndata: a\n\n");
        struct dify_sse *sse = new_limited(&out);
        assert_int_equal(sse_feed_copy(sse, input.ptr, input.len), DIFY_OK);
        assert_int_equal(out.len, strlen("[||a@0]") + (size_t)3 * (MAX / 2));
        dify_sse_free(sse);
        text_fini(&input);
        text_fini(&out);
    }
}

static void test_default_ceiling(void **state)
{
    (void)state;
    struct dify_sse_options options = {.size = sizeof options};
    struct dify_sse *sse = new_sse(&options);
    struct text part = {NULL, 0, 0};
    text_add_repeated(&part, 'x', 1 << 20);
    assert_int_equal(dify_sse_feed(sse, "data: ", 6), DIFY_OK);
    for (size_t i = 0; i < DIFY_SSE_EVENT_BYTES >> 20; i++)
        assert_int_equal(dify_sse_feed(sse, part.ptr, part.len), DIFY_OK);
    assert_int_equal(dify_sse_feed(sse, "x", 1), DIFY_ERR_TOO_LARGE);
    dify_sse_free(sse);
    text_fini(&part);
}

/* ---- errors and reset ------------------------------------------------------------------------ */

static enum dify_err refuse_second(void *ctx, const struct dify_sse_event *event)
{
    int *calls = ctx;
    (void)event;
    return ++*calls == 2 ? DIFY_ERR_WRITE : DIFY_OK;
}

static void test_callback_error_is_sticky(void **state)
{
    (void)state;
    int calls = 0;
    struct dify_sse_options options = {.size = sizeof options, .ctx = &calls};
    options.event = refuse_second;
    struct dify_sse *sse = new_sse(&options);
    const char stream[] = "data: a\n\ndata: b\n\ndata: c\n\n";
    assert_int_equal(dify_sse_feed(sse, stream, sizeof stream - 1), DIFY_ERR_WRITE);
    assert_int_equal(calls, 2);
    assert_int_equal(dify_sse_feed(sse, stream, sizeof stream - 1), DIFY_ERR_WRITE);
    assert_int_equal(dify_sse_feed(sse, "", 0), DIFY_ERR_WRITE);
    assert_int_equal(calls, 2);
    dify_sse_reset(sse);
    assert_int_equal(dify_sse_offset(sse), 0);
    assert_int_equal(dify_sse_feed(sse, stream, sizeof stream - 1), DIFY_OK);
    assert_int_equal(calls, 5);
    dify_sse_free(sse);
}

static enum dify_err refuse_text(void *ctx, struct dify_slice text)
{
    (void)ctx;
    (void)text;
    return DIFY_ERR_STATE;
}

static enum dify_err refuse_retry(void *ctx, uint64_t retry_ms, struct dify_slice digits)
{
    (void)retry_ms;
    return refuse_text(ctx, digits);
}

static void test_errors_of_comment_and_retry(void **state)
{
    (void)state;
    struct dify_sse_options options = {.size = sizeof options};
    options.comment = refuse_text;
    options.retry = refuse_retry;
    struct dify_sse *sse = new_sse(&options);
    assert_int_equal(dify_sse_feed(sse, ":\n", 2), DIFY_ERR_STATE);
    dify_sse_reset(sse);
    assert_int_equal(dify_sse_feed(sse, "retry: x\n", 9), DIFY_OK);
    assert_int_equal(dify_sse_feed(sse, "retry: 1\n", 9), DIFY_ERR_STATE);
    assert_int_equal(dify_sse_feed(sse, "\n", 1), DIFY_ERR_STATE);
    dify_sse_free(sse);
}

/* Cut anywhere and reset: the unfinished is gone, the last event id stays, offsets begin anew. */
static void test_reset_in_the_middle(void **state)
{
    (void)state;
    static const char first[] =
        "\xEF\xBB\xBFid: 1\ndata: a\n\nid: 2\r\nevent: x\r\ndata: b\r\ndata";
    static const char second[] = "\xEF\xBB\xBF\ndata: c\n\n";
    for (size_t cut = 0; cut <= sizeof first - 1; cut++) {
        struct text out = {NULL, 0, 0};
        struct dify_sse_options options = record_options(&out);
        struct dify_sse *sse = new_sse(&options);
        assert_int_equal(sse_feed_copy(sse, first, cut), DIFY_OK);
        bool has_id = cut >= 3 + sizeof "id: 1\ndata: a\n\n" - 1;
        assert_slice(dify_sse_last_event_id(sse), has_id ? "1" : "");
        out.len = 0;
        dify_sse_reset(sse);
        assert_slice(dify_sse_last_event_id(sse), has_id ? "1" : "");
        assert_int_equal(dify_sse_offset(sse), 0);
        assert_int_equal(sse_feed_copy(sse, second, sizeof second - 1), DIFY_OK);
        assert_slice(text_slice(&out), has_id ? "[|1|c@4]" : "[||c@4]");
        dify_sse_free(sse);
        text_fini(&out);
    }
}

static void test_reset_after_too_large(void **state)
{
    (void)state;
    struct text out = {NULL, 0, 0}, big = line("data: ", MAX + 7, "");
    struct dify_sse *sse = new_limited(&out);
    assert_int_equal(dify_sse_feed(sse, big.ptr, big.len), DIFY_ERR_TOO_LARGE);
    dify_sse_reset(sse);
    assert_int_equal(dify_sse_feed(sse, "data: a\n\n", 9), DIFY_OK);
    assert_slice(text_slice(&out), "[||a@0]");
    dify_sse_free(sse);
    text_fini(&out);
    text_fini(&big);
}

static void test_arguments(void **state)
{
    (void)state;
    struct dify_sse *sse = NULL;
    struct dify_sse_options options = {.size = sizeof options - 1};
    assert_int_equal(dify_sse_new(&options, &sse), DIFY_ERR_ARGUMENT);
    assert_int_equal(dify_sse_new(NULL, &sse), DIFY_ERR_ARGUMENT);
    assert_null(sse);
    dify_sse_free(NULL);
    options.size = sizeof options;
    sse = new_sse(&options);
    assert_int_equal(dify_sse_feed(sse, NULL, 0), DIFY_OK);
    const char stream[] = ": c\nretry: 5\nid: 3\ndata: a\n\n";
    assert_int_equal(dify_sse_feed(sse, stream, sizeof stream - 1), DIFY_OK);
    assert_int_equal(dify_sse_feed(sse, "", 0), DIFY_OK);
    assert_slice(dify_sse_last_event_id(sse), "3");
    dify_sse_free(sse);
}

static void test_last_event_id_is_copied(void **state)
{
    (void)state;
    char id[] = "abc";
    struct dify_sse_options options = {.size = sizeof options};
    options.last_event_id = slice_of(id);
    struct dify_sse *sse = new_sse(&options);
    memset(id, 'x', sizeof id - 1);
    assert_slice(dify_sse_last_event_id(sse), "abc");
    dify_sse_reset(sse);
    assert_int_equal(dify_sse_feed(sse, "\n", 1), DIFY_OK);
    assert_slice(dify_sse_last_event_id(sse), "abc");
    dify_sse_free(sse);
}

/* ---- what it costs --------------------------------------------------------------------------- */

static enum dify_err keep_pointer(void *ctx, const struct dify_sse_event *event)
{
    *(const char **)ctx = event->data.ptr;
    return DIFY_OK;
}

static void test_event_in_one_chunk_is_not_copied(void **state)
{
    (void)state;
    const char *data = NULL;
    struct meter meter;
    meter_init(&meter);
    struct dify_sse_options options = {.size = sizeof options, .ctx = &data};
    options.event = keep_pointer;
    options.allocator = &meter.allocator;
    struct dify_sse *sse = new_sse(&options);
    static const char chunk[] = ": x\ndata: abc\n\ndata: de\r\n\r\n";
    uint64_t calls = meter.calls;
    assert_int_equal(dify_sse_feed(sse, chunk, 15), DIFY_OK);
    assert_ptr_equal(data, chunk + 10);
    assert_int_equal(dify_sse_feed(sse, chunk + 15, sizeof chunk - 1 - 15), DIFY_OK);
    assert_ptr_equal(data, chunk + 21);
    assert_int_equal(meter.calls, calls); /* nor is any memory taken */
    dify_sse_free(sse);
    assert_meter_empty(&meter);
}

static enum dify_err count_bytes(void *ctx, const struct dify_sse_event *event)
{
    *(size_t *)ctx += event->data.len;
    return DIFY_OK;
}

/* A long line that comes byte by byte: few reallocations, and little more memory than the line. */
static void test_long_line_takes_few_allocations(void **state)
{
    (void)state;
    const size_t size = (size_t)1 << 20;
    size_t seen = 0;
    struct meter meter;
    meter_init(&meter);
    struct dify_sse_options options = {.size = sizeof options, .ctx = &seen};
    options.event = count_bytes;
    options.allocator = &meter.allocator;
    struct dify_sse *sse = new_sse(&options);
    assert_int_equal(dify_sse_feed(sse, "data: ", 6), DIFY_OK);
    for (size_t i = 0; i < size; i++)
        assert_int_equal(dify_sse_feed(sse, "x", 1), DIFY_OK);
    assert_int_equal(dify_sse_feed(sse, "\n\n", 2), DIFY_OK);
    assert_int_equal(seen, size);
    assert_in_range(meter.calls, 1, 40); /* 2^20 by doubling */
    assert_in_range(meter.asked_bytes, size, 5 * size);
    assert_in_range(meter.live_bytes, 1, 100000); /* it does not keep the event's memory */
    dify_sse_free(sse);
    assert_meter_empty(&meter);
}

/* Many small events: a parser takes its memory once. */
static void test_many_events_take_no_more_memory(void **state)
{
    (void)state;
    size_t seen = 0;
    struct meter meter;
    meter_init(&meter);
    struct dify_sse_options options = {.size = sizeof options, .ctx = &seen};
    options.event = count_bytes;
    options.allocator = &meter.allocator;
    struct dify_sse *sse = new_sse(&options);
    static const char event[] = "event: x\nid: 12\ndata: abc\ndata: def\n\n";
    for (size_t i = 0; i < sizeof event - 1; i++)
        assert_int_equal(dify_sse_feed(sse, event + i, 1), DIFY_OK);
    uint64_t calls = meter.calls;
    for (size_t n = 0; n < 1000; n++)
        for (size_t i = 0; i < sizeof event - 1; i++)
            assert_int_equal(dify_sse_feed(sse, event + i, 1), DIFY_OK);
    assert_int_equal(seen, 7 * 1001);
    assert_in_range(meter.calls, calls, calls + 2);
    dify_sse_free(sse);
    assert_meter_empty(&meter);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_data_line),
        cmocka_unit_test(test_several_data_lines),
        cmocka_unit_test(test_empty_data_lines_count_too),
        cmocka_unit_test(test_other_lines),
        cmocka_unit_test(test_unfinished_line),
        cmocka_unit_test(test_repaired_data_may_be_larger),
        cmocka_unit_test(test_repaired_id_and_type_may_be_larger),
        cmocka_unit_test(test_default_ceiling),
        cmocka_unit_test(test_callback_error_is_sticky),
        cmocka_unit_test(test_errors_of_comment_and_retry),
        cmocka_unit_test(test_reset_in_the_middle),
        cmocka_unit_test(test_reset_after_too_large),
        cmocka_unit_test(test_arguments),
        cmocka_unit_test(test_last_event_id_is_copied),
        cmocka_unit_test(test_event_in_one_chunk_is_not_copied),
        cmocka_unit_test(test_long_line_takes_few_allocations),
        cmocka_unit_test(test_many_events_take_no_more_memory),
    };
    return cmocka_run_group_tests_name("sse-ceilings", tests, NULL, NULL);
}
