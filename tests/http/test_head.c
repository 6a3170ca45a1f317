/* SPDX-License-Identifier: Apache-2.0
 *
 * test_head.c: the parser of requests, alone: what is right in every cut, what is refused in every
 * cut, and the ceilings.
 */
#include "../unit/support.h"
#include "requests.h"

#include "core/slices.h"
#include "http/head.h"

/* ---- writing down what is heard ------------------------------------------------------------ */

/* What a parser said of some bytes: one line for each thing. A body is one line however cut. */
struct heard {
    struct text log, body;
    bool in_body;
    struct http_refusal refusal;
    bool is_refused;
};

static void heard_fini(struct heard *heard)
{
    text_fini(&heard->log);
    text_fini(&heard->body);
}

static void log_slice(struct text *log, const char *name, struct dify_slice slice)
{
    text_addf(log, " %s=", name);
    if (slice.ptr == NULL)
        text_add_chars(log, "(absent)");
    else
        text_add(log, slice.ptr, slice.len);
}

static void log_message(struct text *log, const struct http_message *message)
{
    const struct http_request *request = &message->request;
    text_addf(log, "method=%d minor=%u has_body=%d length=%llu keeps=%d expects=%d",
              (int)request->method, request->minor_version, request->has_body,
              (unsigned long long)request->content_length, message->keeps_alive,
              message->expects_continue);
    log_slice(log, "target", request->target);
    log_slice(log, "path", request->path);
    log_slice(log, "query", request->query);
    log_slice(log, "host", request->host);
    for (size_t i = 0; i < request->field_count; i++) {
        text_add_chars(log, " {");
        text_add(log, request->fields[i].name.ptr, request->fields[i].name.len);
        text_add_chars(log, "}{");
        text_add(log, request->fields[i].value.ptr, request->fields[i].value.len);
        text_add_chars(log, "}");
    }
    text_add_chars(log, "\n");
}

static void hear_ready(struct heard *heard, struct http_head *head,
                       const struct dify_allocator *allocator)
{
    struct http_message *message = http_head_take_message(head);
    log_message(&heard->log, message);
    dify__free(dify__allocator(allocator), message);
}

/* Feeds one piece from a block of its own. False once refused. */
static bool feed_piece(struct http_head *head, struct heard *heard, const char *bytes, size_t len,
                       const struct dify_allocator *allocator)
{
    char *piece = malloc(len != 0 ? len : 1);
    size_t at = 0, used;
    struct dify_slice body;
    bool goes_on = true;
    assert_non_null(piece);
    memcpy(piece, bytes, len);
    while (goes_on && !heard->is_refused) {
        switch (http_head_feed(head, piece + at, len - at, &used, &body)) {
        case HTTP_HEAD_MORE:
            assert_int_equal(at + used, len);
            goes_on = false;
            break;
        case HTTP_HEAD_READY:
            hear_ready(heard, head, allocator);
            break;
        case HTTP_HEAD_BODY:
            assert_true(body.len != 0 && body.ptr >= piece + at &&
                        body.ptr + body.len <= piece + at + used);
            text_add(&heard->body, body.ptr, body.len);
            break;
        case HTTP_HEAD_END:
            text_add_chars(&heard->log, "body=");
            text_add(&heard->log, heard->body.ptr != NULL ? heard->body.ptr : "", heard->body.len);
            text_add_chars(&heard->log, "\n");
            heard->body.len = 0;
            break;
        case HTTP_HEAD_REFUSED:
            heard->is_refused = true;
            heard->refusal = http_head_refusal(head);
            assert_int_equal(http_head_feed(head, "GET", 3, &used, &body), HTTP_HEAD_REFUSED);
            assert_int_equal(used, 0);
            break;
        }
        at += used;
    }
    free(piece);
    return !heard->is_refused;
}

static struct http_head *new_head(const struct http_head_limits *limits)
{
    static const struct http_head_limits defaults = {0, 0, 0};
    struct http_head *head;
    assert_int_equal(http_head_new(NULL, limits != NULL ? limits : &defaults, &head), DIFY_OK);
    return head;
}

/* In pieces of `size`, after a first one of `first` bytes (0: none). */
static struct heard hear(const struct http_head_limits *limits, struct dify_slice bytes,
                         size_t first, size_t size)
{
    struct heard heard = {.is_refused = false};
    struct http_head *head = new_head(limits);
    bool goes_on = first == 0 || feed_piece(head, &heard, bytes.ptr, first, NULL);
    for (size_t at = first; goes_on && at < bytes.len; at += size) {
        size_t len = bytes.len - at < size ? bytes.len - at : size;
        goes_on = feed_piece(head, &heard, bytes.ptr + at, len, NULL);
    }
    text_add(&heard.log, "", 0);
    text_add_chars(&heard.log, http_head_is_partial(head) ? "partial\n" : "");
    http_head_free(head);
    return heard;
}

static void assert_same(const struct heard *a, const struct heard *b, struct dify_slice bytes,
                        size_t first)
{
    bool is_same = strcmp(a->log.ptr, b->log.ptr) == 0 && a->body.len == b->body.len &&
                   (a->body.len == 0 || memcmp(a->body.ptr, b->body.ptr, a->body.len) == 0) &&
                   a->is_refused == b->is_refused && a->refusal.status == b->refusal.status &&
                   a->refusal.reason == b->refusal.reason;
    if (!is_same)
        fail_msg("cut at %zu:\n%.*s\n%s%d %s\n%s%d %s", first, (int)bytes.len, bytes.ptr,
                 a->log.ptr, a->refusal.status, a->refusal.reason, b->log.ptr, b->refusal.status,
                 b->refusal.reason);
}

/* The same whole, byte by byte, and cut at every place. */
static struct heard hear_in_all_cuts(const struct http_head_limits *limits, struct dify_slice bytes)
{
    struct heard whole = hear(limits, bytes, 0, bytes.len);
    for (size_t first = 0; first < bytes.len; first++) {
        struct heard cut = hear(limits, bytes, first, first == 0 ? 1 : bytes.len);
        assert_same(&whole, &cut, bytes, first);
        heard_fini(&cut);
    }
    return whole;
}

/* ---- what is right ------------------------------------------------------------------------- */

static void check_good(const struct good_request *good)
{
    struct heard heard = hear_in_all_cuts(NULL, good->bytes);
    struct text expected = {NULL, 0, 0};
    if (heard.is_refused)
        fail_msg("refused (%s):\n%.*s", heard.refusal.reason, (int)good->bytes.len,
                 good->bytes.ptr);
    text_addf(&expected, " target=%s path=", good->target);
    assert_non_null(strstr(heard.log.ptr, expected.ptr));
    expected.len = 0;
    text_addf(&expected, " host=%s ", good->host != NULL ? good->host : "(absent)");
    text_addf(&expected, "{");
    if (good->host != NULL)
        assert_non_null(strstr(heard.log.ptr, " host="));
    expected.len = 0;
    text_addf(&expected, "minor=%u has_body=%d ", good->minor_version, good->body != NULL);
    assert_non_null(strstr(heard.log.ptr, expected.ptr));
    expected.len = 0;
    text_addf(&expected, "keeps=%d expects=%d target", good->keeps_alive, good->expects);
    assert_non_null(strstr(heard.log.ptr, expected.ptr));
    expected.len = 0;
    text_addf(&expected, " host=%s", good->host != NULL ? good->host : "(absent)");
    assert_non_null(strstr(heard.log.ptr, expected.ptr));
    expected.len = 0;
    text_addf(&expected, "\nbody=%s\n", good->body != NULL ? good->body : "");
    if (good->body != NULL)
        assert_string_equal(heard.log.ptr + heard.log.len - expected.len, expected.ptr);
    else
        assert_null(strstr(heard.log.ptr, "body=\n"));
    assert_null(strstr(heard.log.ptr, "partial"));
    text_fini(&expected);
    heard_fini(&heard);
}

static void test_good(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(good_requests); i++)
        check_good(&good_requests[i]);
    assert_true(COUNT_OF(good_requests) >= 40);
}

/* All of them behind each other are heard as each alone. */
static void test_pipelined(void **state)
{
    (void)state;
    struct text all = {NULL, 0, 0}, expected = {NULL, 0, 0};
    for (size_t i = 0; i < COUNT_OF(good_requests); i++) {
        struct dify_slice bytes = good_requests[i].bytes;
        struct heard alone = hear(NULL, bytes, 0, bytes.len);
        text_add(&all, bytes.ptr, bytes.len);
        text_add(&expected, alone.log.ptr, alone.log.len);
        heard_fini(&alone);
    }
    for (size_t size = 1; size < 200; size++) {
        struct heard heard = hear(NULL, text_slice(&all), size / 2, size);
        assert_false(heard.is_refused);
        assert_string_equal(heard.log.ptr, expected.ptr);
        heard_fini(&heard);
    }
    text_fini(&all);
    text_fini(&expected);
}

static void test_fields(void **state)
{
    (void)state;
    static const struct dify_slice bytes = SLICE("GET /a?b?c HTTP/1.1\r\nHOST: h\r\nX-Y:  z w \r\n"
                                                 "x-y:\r\n\r\n");
    struct heard heard = hear_in_all_cuts(NULL, bytes);
    assert_string_equal(heard.log.ptr, "method=0 minor=1 has_body=0 length=0 keeps=1 expects=0 "
                                       "target=/a?b?c path=/a query=b?c host=h {host}{h} "
                                       "{x-y}{z w} {x-y}{}\n");
    heard_fini(&heard);
}

/* ---- what is refused ----------------------------------------------------------------------- */

static void test_bad(void **state)
{
    (void)state;
    size_t wrong = 0;
    for (size_t i = 0; i < COUNT_OF(bad_requests); i++) {
        const struct bad_request *bad = &bad_requests[i];
        struct heard heard = hear_in_all_cuts(NULL, bad->bytes);
        if (!heard.is_refused || heard.refusal.status != bad->status) {
            print_error("%zu: %s %d (%s), not %d:\n%.*s\n", i,
                        heard.is_refused ? "refused" : "taken", heard.refusal.status,
                        heard.refusal.reason, bad->status, (int)bad->bytes.len, bad->bytes.ptr);
            wrong++;
        } else {
            assert_true(heard.refusal.reason != NULL && *heard.refusal.reason != '\0');
        }
        heard_fini(&heard);
    }
    print_message("%zu probes\n", COUNT_OF(bad_requests));
    assert_int_equal(wrong, 0);
    assert_true(COUNT_OF(bad_requests) >= 100);
}

/* No request whose bytes were changed in one place is understood otherwise than whole. */
static void test_changed(void **state)
{
    (void)state;
    static const char others[] = {'\r', '\n', ' ', '\t', ':', '0', 'x', ',', ';', '\0', '\x80'};
    for (size_t i = 0; i < COUNT_OF(good_requests); i++) {
        struct text bytes = {NULL, 0, 0};
        text_add(&bytes, good_requests[i].bytes.ptr, good_requests[i].bytes.len);
        for (size_t at = 0; at < bytes.len; at++) {
            char was = bytes.ptr[at];
            for (size_t j = 0; j < COUNT_OF(others); j++) {
                bytes.ptr[at] = others[j];
                struct heard whole = hear(NULL, text_slice(&bytes), 0, bytes.len);
                struct heard single = hear(NULL, text_slice(&bytes), 0, 1);
                struct heard cut = hear(NULL, text_slice(&bytes), at, bytes.len);
                assert_same(&whole, &single, text_slice(&bytes), 0);
                assert_same(&whole, &cut, text_slice(&bytes), at);
                heard_fini(&whole);
                heard_fini(&single);
                heard_fini(&cut);
            }
            bytes.ptr[at] = was;
        }
        text_fini(&bytes);
    }
}

/* ---- ceilings ------------------------------------------------------------------------------ */

static void check_limit(const struct http_head_limits *limits, const struct text *bytes, int status)
{
    struct heard heard = hear_in_all_cuts(limits, text_slice(bytes));
    if (heard.is_refused != (status != 0) || heard.refusal.status != status)
        fail_msg("%d (%s), not %d", heard.refusal.status, heard.refusal.reason, status);
    heard_fini(&heard);
}

static void test_head_limits(void **state)
{
    (void)state;
    struct text bytes = {NULL, 0, 0};
    text_add_chars(&bytes, G "X: 12345\r\n\r\n");
    struct http_head_limits limits = {bytes.len, 0, 0};
    check_limit(&limits, &bytes, 0);
    limits.max_head_bytes--;
    check_limit(&limits, &bytes, 431);
    limits.max_head_bytes = 20;
    check_limit(&limits, &bytes, 431);
    limits.max_head_bytes = 15;
    check_limit(&limits, &bytes, 414);
    limits.max_head_bytes = 0;
    limits.max_line_bytes = 14; /* GET / HTTP/1.1 */
    check_limit(&limits, &bytes, 0);
    limits.max_line_bytes = 13;
    check_limit(&limits, &bytes, 414);
    text_fini(&bytes);
}

static void test_field_count(void **state)
{
    (void)state;
    for (int extra = 0; extra < 2; extra++) {
        struct text bytes = {NULL, 0, 0};
        text_add_chars(&bytes, G);
        for (int i = 1; i < HTTP_HEADERS + extra; i++)
            text_add_chars(&bytes, "X:\r\n");
        text_add_chars(&bytes, "\r\n");
        check_limit(NULL, &bytes, extra == 0 ? 0 : 431);
        text_fini(&bytes);
        text_add_chars(&bytes, P TE "\r\n0\r\n");
        for (int i = 0; i < HTTP_HEADERS + extra; i++)
            text_add_chars(&bytes, "X:\r\n");
        text_add_chars(&bytes, "\r\n");
        check_limit(NULL, &bytes, extra == 0 ? 0 : 431);
        text_fini(&bytes);
    }
}

static void test_body_limits(void **state)
{
    (void)state;
    static const char *const bodies[] = {P "Content-Length: 6\r\n\r\nabcdef",
                                         P TE "\r\n6\r\nabcdef\r\n0\r\n\r\n",
                                         P TE "\r\n5\r\nabcde\r\n1\r\nf\r\n0\r\n\r\n"};
    for (size_t i = 0; i < COUNT_OF(bodies); i++) {
        struct text bytes = {NULL, 0, 0};
        struct http_head_limits limits = {0, 0, 6};
        text_add_chars(&bytes, bodies[i]);
        check_limit(&limits, &bytes, 0);
        limits.max_body_bytes = 5;
        check_limit(&limits, &bytes, 413);
        text_fini(&bytes);
    }
}

static void test_extension_limit(void **state)
{
    (void)state;
    for (size_t extra = 0; extra < 2; extra++) {
        struct text bytes = {NULL, 0, 0};
        text_add_chars(&bytes, P TE "\r\n1;");
        text_add_repeated(&bytes, 'e', HTTP_CHUNK_EXTENSION_BYTES - 10);
        text_add_chars(&bytes, "\r\nx\r\n0;");
        text_add_repeated(&bytes, 'e', 10 + extra);
        text_add_chars(&bytes, "\r\n\r\n");
        check_limit(NULL, &bytes, extra == 0 ? 0 : 400);
        text_fini(&bytes);
    }
}

/* Zeros in front of a chunk's size are legal, but not without end. */
static void test_framing_limit(void **state)
{
    (void)state;
    struct http_head_limits limits = {100, 0, 0};
    const size_t most = HTTP_CHUNK_LINE_BYTES + HTTP_CHUNK_EXTENSION_BYTES + 100;
    for (size_t extra = 0; extra < 2; extra++) {
        struct text bytes = {NULL, 0, 0};
        text_add_chars(&bytes, P TE "\r\n1\r\na\r\n");
        text_add_repeated(&bytes, '0',
                          most -
                              strlen("\r\n"
                                     "1\r\n") +
                              extra);
        text_add_chars(&bytes, "1\r\nb\r\n0\r\n\r\n");
        check_limit(&limits, &bytes, extra == 0 ? 0 : 400);
        text_fini(&bytes);
    }
}

static void test_trailer_limit(void **state)
{
    (void)state;
    struct http_head_limits limits = {100, 0, 0};
    for (size_t extra = 0; extra < 2; extra++) {
        struct text bytes = {NULL, 0, 0};
        text_add_chars(&bytes, P TE "\r\n0\r\nXX: ");
        text_add_repeated(&bytes, 't', 98 + extra);
        text_add_chars(&bytes, "\r\n\r\n");
        check_limit(&limits, &bytes, extra == 0 ? 0 : 431);
        text_fini(&bytes);
    }
}

/* ---- the rest ------------------------------------------------------------------------------ */

static void test_limit_body(void **state)
{
    (void)state;
    static const char bytes[] = P "Content-Length: 6\r\n\r\nabc";
    struct http_head *head = new_head(NULL);
    struct dify_slice body;
    size_t used, at;
    assert_int_equal(http_head_feed(head, bytes, sizeof bytes - 1, &used, &body), HTTP_HEAD_READY);
    at = used;
    dify__free(dify__allocator(NULL), http_head_take_message(head));
    assert_int_equal(http_head_body_left(head), 6);
    http_head_limit_body(head, 6);
    assert_false(http_head_is_too_large(head));
    assert_int_equal(http_head_feed(head, bytes + at, 1, &used, &body), HTTP_HEAD_BODY);
    assert_int_equal(http_head_body_left(head), 5);
    http_head_limit_body(head, 5);
    assert_true(http_head_is_too_large(head));
    assert_int_equal(http_head_feed(head, "", 0, &used, &body), HTTP_HEAD_REFUSED);
    assert_int_equal(http_head_refusal(head).status, 413);
    http_head_free(head);
    http_head_free(NULL);
}

/* A head that was never taken is freed with its parser. */
static void test_free_midway(void **state)
{
    (void)state;
    static const char bytes[] = P TE "\r\n3\r\nabc";
    for (size_t len = 0; len < sizeof bytes; len++) {
        struct http_head *head = new_head(NULL);
        struct dify_slice body;
        size_t used;
        (void)http_head_feed(head, bytes, len, &used, &body);
        http_head_free(head);
    }
}

static void test_no_memory(void **state)
{
    (void)state;
    struct text bytes = {NULL, 0, 0};
    text_add_chars(&bytes, P TE "X: ");
    text_add_repeated(&bytes, 'x', 2000);
    text_add_chars(&bytes, "\r\n\r\n3\r\nabc\r\n0\r\n\r\n" G "\r\n");
    for (uint64_t n = 1;; n++) {
        static const struct http_head_limits defaults = {0, 0, 0};
        struct meter meter;
        struct heard heard = {.is_refused = false};
        struct http_head *head;
        meter_init(&meter);
        meter.fail_at = n;
        if (http_head_new(&meter.allocator, &defaults, &head) == DIFY_OK) {
            for (size_t at = 0; at < bytes.len && !heard.is_refused; at += 100)
                (void)feed_piece(head, &heard, bytes.ptr + at,
                                 bytes.len - at < 100 ? bytes.len - at : 100, &meter.allocator);
            assert_int_equal(heard.is_refused, meter.failures != 0);
            assert_int_equal(heard.refusal.status, 0);
            http_head_free(head);
        }
        heard_fini(&heard);
        assert_meter_empty(&meter);
        if (meter.failures == 0)
            break;
        assert_in_range(n, 1, 100);
    }
    text_fini(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_pipelined),
        cmocka_unit_test(test_fields),
        cmocka_unit_test(test_bad),
        cmocka_unit_test(test_changed),
        cmocka_unit_test(test_head_limits),
        cmocka_unit_test(test_field_count),
        cmocka_unit_test(test_body_limits),
        cmocka_unit_test(test_extension_limit),
        cmocka_unit_test(test_framing_limit),
        cmocka_unit_test(test_trailer_limit),
        cmocka_unit_test(test_limit_body),
        cmocka_unit_test(test_free_midway),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests_name("head", tests, NULL, NULL);
}
