/* SPDX-License-Identifier: Apache-2.0
 *
 * test_reply.c: answers as they come: each whole, byte by byte, and cut in two at every position;
 * what is refused, in which words; ceilings at the limit and one past it.
 */
#include "fake.h"

#include "client/reply.h"

#define OK "HTTP/1.1 200 OK\r\n"
#define CHUNKED OK "Transfer-Encoding: chunked\r\n\r\n"

/* What a reader was told: "200", the body in brackets, the end or the failure. */
struct told {
    char text[512];
    size_t len;
    bool in_body;
};

static void tell(struct told *told, const char *bytes, size_t len)
{
    assert_true(told->len + len < sizeof told->text);
    memcpy(told->text + told->len, bytes, len);
    told->len += len;
    told->text[told->len] = '\0';
}

static void tell_step(struct told *told, const struct dify__reply *reply,
                      enum dify__reply_step step, struct dify_slice body)
{
    char text[160];
    if (step == DIFY__REPLY_BODY) {
        assert_true(body.len > 0);
        tell(told, "[", told->in_body ? 0 : 1);
        told->in_body = true;
        tell(told, body.ptr, body.len);
        return;
    }
    tell(told, "]", told->in_body ? 1 : 0);
    told->in_body = false;
    if (step == DIFY__REPLY_HEAD) {
        snprintf(text, sizeof text, "%d ", reply->status);
        tell(told, text, strlen(text));
    } else if (step == DIFY__REPLY_END) {
        tell(told, " whole", 6);
    } else {
        snprintf(text, sizeof text, " %d: %s", (int)reply->code, reply->why);
        tell(told, text, strlen(text));
    }
}

/* True: it is over. */
static bool feed(struct told *told, struct dify__reply *reply, const char *bytes, size_t len)
{
    char *piece = malloc(len != 0 ? len : 1); /* so that a checker sees a read past it */
    struct dify_slice left = {piece, len}, body = {NULL, 0};
    enum dify__reply_step step;
    memcpy(piece, bytes, len);
    while ((step = dify__reply_read(reply, &left, &body)) == DIFY__REPLY_HEAD ||
           step == DIFY__REPLY_BODY)
        tell_step(told, reply, step, body);
    bool is_over = step != DIFY__REPLY_MORE;
    if (is_over) {
        tell_step(told, reply, step, body);
        assert_int_equal(dify__reply_read(reply, &left, &body), step); /* for good */
        assert_int_equal(dify__reply_close(reply), step);
    } else {
        assert_int_equal(left.len, 0);
    }
    free(piece);
    return is_over;
}

/* Reads an answer in pieces of `first` and then of `then` bytes, and closes. */
static void read_cut(struct told *told, const char *bytes, size_t len, size_t first, size_t then)
{
    struct meter meter;
    struct dify__reply reply;
    bool is_over = false;
    meter_init(&meter);
    dify__reply_init(&reply, &meter.allocator);
    *told = (struct told){.len = 0};
    for (size_t at = 0, size = first; at < len && !is_over; at += size, size = then) {
        if (size > len - at)
            size = len - at;
        is_over = feed(told, &reply, bytes + at, size);
    }
    if (!is_over)
        tell_step(told, &reply, dify__reply_close(&reply), (struct dify_slice){NULL, 0});
    dify__reply_fini(&reply);
    assert_meter_empty(&meter);
}

static void assert_reads(const char *bytes, size_t len, const char *wanted)
{
    struct told told;
    for (size_t cut = 1; cut <= len; cut++) {
        read_cut(&told, bytes, len, cut, len);
        assert_string_equal(told.text, wanted);
    }
    read_cut(&told, bytes, len, 1, 1);
    assert_string_equal(told.text, wanted);
}

struct example {
    const char *answer, *told;
};

static void assert_examples(const struct example *examples, size_t count)
{
    for (size_t i = 0; i < count; i++)
        assert_reads(examples[i].answer, strlen(examples[i].answer), examples[i].told);
}

#define ASSERT_EXAMPLES(examples) assert_examples(examples, sizeof examples / sizeof examples[0])

static void test_bodies(void **state)
{
    static const struct example examples[] = {
        {OK "Content-Length: 5\r\n\r\nhello", "200 [hello] whole"},
        {OK "content-length:5 \r\n\r\nhello, and more", "200 [hello] whole"},
        {OK "Content-Length: 0\r\n\r\n", "200  whole"},
        {OK "Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}", "200 [{}] whole"},
        {OK "\r\nuntil it is closed", "200 [until it is closed] whole"},
        {OK "\r\n", "200  whole"},
        {"HTTP/1.0 200\r\n\r\n{}", "200 [{}] whole"},
        {"HTTP/1.1 200 \nA: b\n\nlines end in LF", "200 [lines end in LF] whole"},
        {"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello", "204  whole"},
        {"HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n", "304  whole"},
        {"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 2\r\n\r\n{}", "500 [{}] whole"},
        {OK "A: b\r\n c\r\n\td\r\nContent-Length: 1\r\n\r\nx", "200 [x] whole"},
        {OK "Transfer-Encoding: identity\r\nContent-Length: 1\r\n\r\nx", "200 [x] whole"},
    };
    (void)state;
    ASSERT_EXAMPLES(examples);
}

static void test_chunks(void **state)
{
    static const struct example examples[] = {
        {CHUNKED "5\r\nhello\r\n7\r\n, world\r\n0\r\n\r\n", "200 [hello, world] whole"},
        {CHUNKED "0\r\n\r\n", "200  whole"},
        {CHUNKED "00000000000000A\r\n0123456789\r\n000\r\n\r\nmore", "200 [0123456789] whole"},
        {CHUNKED "1;name=value\r\na\r\n1 ; x=\"y\"\r\nb\r\n0;last\r\n\r\n", "200 [ab] whole"},
        {CHUNKED "1\na\n1\nb\n0\n\n", "200 [ab] whole"},
        {CHUNKED "1\r\na\r\n0\r\nX-Version: 9\r\nOne: more\r\n\r\n", "200 [a] whole"},
        /* a coding outweighs a length */
        {OK "Content-Length: 3\r\nTransfer-Encoding: Chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
         "200 [a] whole"},
    };
    (void)state;
    ASSERT_EXAMPLES(examples);
}

static void test_interim_answers(void **state)
{
    static const struct example examples[] = {
        {"HTTP/1.1 100 Continue\r\n\r\n" OK "Content-Length: 1\r\n\r\nx", "200 [x] whole"},
        /* what frames an interim answer frames no other */
        {"HTTP/1.1 103 Early Hints\r\nContent-Length: 9\r\n\r\nHTTP/1.1 102 Processing\r\n"
         "Transfer-Encoding: chunked\r\n\r\n" OK "\r\nx",
         "200 [x] whole"},
        {"HTTP/1.1 100 Continue\r\n\r\n", " 52: Empty reply from server"},
        {"HTTP/1.1 101 Switching Protocols\r\n\r\nx", " 0: "},
        {"HTTP/1.1 100 Continue\r\n\r\nmore", " 1: Received HTTP/0.9 when not allowed"},
    };
    (void)state;
    ASSERT_EXAMPLES(examples);
}

static void test_cut_short(void **state)
{
    static const struct example examples[] = {
        {"HTTP/1.1 200 O", " 52: Empty reply from server"},
        {OK "Content-Ty", " 0: "},
        {OK "Content-Length: 3\r\nCont", " 18: transfer closed with 3 bytes remaining to read"},
        {OK "Content-Length: 5\r\n\r\nhel",
         "200 [hel] 18: transfer closed with 2 bytes remaining to read"},
        {CHUNKED, "200  18: transfer closed with outstanding read data remaining"},
        {CHUNKED "5\r\nhel", "200 [hel] 18: transfer closed with outstanding read data remaining"},
        {CHUNKED "3\r\nhel\r\n",
         "200 [hel] 18: transfer closed with outstanding read data remaining"},
        {CHUNKED "0\r\n", "200  18: transfer closed with outstanding read data remaining"},
    };
    (void)state;
    ASSERT_EXAMPLES(examples);
}

static void test_no_answers(void **state)
{
    static const struct example examples[] = {
        {"what is this\r\n\r\n", " 1: Received HTTP/0.9 when not allowed"},
        {"{}", " 1: Received HTTP/0.9 when not allowed"},
        {"\r\nHTTP/1.1 200 OK\r\n\r\n", " 1: Received HTTP/0.9 when not allowed"},
        {"HTTP/9 200 OK\r\n\r\n", " 1: Unsupported HTTP version in response"},
        {"HTTP/1.1 20 OK\r\n\r\n", " 1: Unsupported HTTP version in response"},
        {"HTTP/1.1 2000\r\n\r\n", " 1: Unsupported HTTP version in response"},
        {"HTTP/1.1 099 No\r\n\r\n", " 1: Unsupported HTTP version in response"},
        {OK "no colon\r\n\r\n", " 8: Header without colon"},
        {OK " folded: at once\r\n\r\n", " 8: Header without colon"},
        {OK "Content-Length: -1\r\n\r\n", " 8: Invalid Content-Length: value"},
        {OK "Content-Length: 1, 1\r\n\r\nx", " 8: Invalid Content-Length: value"},
        {OK "Content-Length: 9223372036854775808\r\n\r\n", " 8: Invalid Content-Length: value"},
        {OK "Content-Length: 1\r\nContent-Length: 2\r\n\r\n{}",
         " 8: Invalid Content-Length: value"},
        {OK "Content-Length: 1\r\n 2\r\n\r\n{}", " 8: Header without colon"},
        {OK "Transfer-Encoding: gzip\r\n\r\n", " 61: Unrecognized transfer encoding type"},
        {OK "Transfer-Encoding: gzip, chunked\r\n\r\n", " 61: Unrecognized transfer encoding type"},
        {OK "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
         " 61: Unrecognized transfer encoding type"},
        {CHUNKED "zz\r\n", "200  56: Illegal or missing hexadecimal sequence in chunked-encoding"},
        {CHUNKED "\r\n", "200  56: Illegal or missing hexadecimal sequence in chunked-encoding"},
        {CHUNKED "-1\r\n", "200  56: Illegal or missing hexadecimal sequence in chunked-encoding"},
        {CHUNKED "5x\r\nhello", "200  56: Malformed encoding found in chunked-encoding"},
        {CHUNKED "0x5\r\nhello", "200  56: Malformed encoding found in chunked-encoding"},
        {CHUNKED "ffffffffffffffff\r\n",
         "200  56: Illegal or missing hexadecimal sequence in chunked-encoding"},
        {CHUNKED "00000000000000001\r\n",
         "200  56: Too long hexadecimal number in chunked-encoding"},
        {CHUNKED "1\r\nab\r\n", "200 [a] 56: Malformed encoding found in chunked-encoding"},
        {CHUNKED "1\r\na\r\r\n", "200 [a] 56: Malformed encoding found in chunked-encoding"},
        {CHUNKED "1;a\rb\r\na", "200  56: Malformed encoding found in chunked-encoding"},
    };
    static const char nul[] = OK "A: b\0c\r\n\r\n";
    (void)state;
    ASSERT_EXAMPLES(examples);
    assert_reads(nul, sizeof nul - 1, " 8: Nul byte in header");
}

/* ---- ceilings ------------------------------------------------------------------------------ */

/* An answer of `before`, `count` times `part`, and `after`. */
static void assert_ceiling(const char *before, const char *part, size_t count, const char *after,
                           const char *wanted)
{
    struct told told;
    size_t part_len = strlen(part), len = strlen(before) + part_len * count + strlen(after);
    char *answer = malloc(len + 1), *at = answer + strlen(before);
    memcpy(answer, before, strlen(before));
    for (size_t i = 0; i < count; i++, at += part_len)
        memcpy(at, part, part_len);
    memcpy(at, after, strlen(after) + 1);
    read_cut(&told, answer, len, len, len);
    assert_string_equal(told.text, wanted);
    read_cut(&told, answer, len, 1, 1);
    assert_string_equal(told.text, wanted);
    free(answer);
}

static void test_ceilings(void **state)
{
    const char *const hints = "HTTP/1.1 103 Early Hints\r\n";
    size_t head = DIFY__HEAD_BYTES - strlen(OK "A: \r\n\r\n");
    size_t interim = DIFY__INTERIM_BYTES / (strlen(hints) + 2);
    (void)state;
    assert_ceiling(OK "A: ", "x", head, "\r\n\r\n", "200  whole");
    assert_ceiling(OK "A: ", "x", head + 1, "\r\n\r\n", " 23: Failed writing header");
    assert_ceiling("", "HTTP/1.1 103 Early Hints\r\n\r\n", interim, OK "\r\n", "200  whole");
    assert_ceiling("", "HTTP/1.1 103 Early Hints\r\n\r\n", interim + 1, OK "\r\n",
                   " 56: Too large response headers");
    assert_ceiling(CHUNKED "1", " ", DIFY__EXTENSION_BYTES - 2, "\r\na\r\n0\r\n\r\n",
                   "200 [a] whole");
    assert_ceiling(CHUNKED "1", " ", DIFY__EXTENSION_BYTES - 1, "\r\na\r\n0\r\n\r\n",
                   "200  56: Malformed encoding found in chunked-encoding");
    assert_ceiling(CHUNKED "0\r\n", "ab\r\n", DIFY__TRAILER_BYTES / 4 - 1, "\r\n", "200  whole");
    assert_ceiling(CHUNKED "0\r\n", "ab\r\n", DIFY__TRAILER_BYTES / 4, "\r\n",
                   "200  56: Malformed encoding found in chunked-encoding");
}

static void test_no_memory(void **state)
{
    struct meter meter;
    struct dify__reply reply;
    struct dify_slice bytes = DIFY_SLICE(OK "\r\n"), body;
    (void)state;
    meter_init(&meter);
    meter.fail_at = 1;
    dify__reply_init(&reply, &meter.allocator);
    assert_int_equal(dify__reply_read(&reply, &bytes, &body), DIFY__REPLY_BAD);
    assert_int_equal(reply.code, CURLE_OUT_OF_MEMORY);
    dify__reply_fini(&reply);
    assert_meter_empty(&meter);
}

static void test_fields(void **state)
{
    struct dify__head head;
    (void)state;
    dify__head_read(&head, 429,
                    DIFY_SLICE(OK "CONTENT-TYPE: \ttext/event-stream \r\n"
                                  "x-version:1.14.2\nX-Workflow-Run-ID: abc\r\n"
                                  "Retry-After: 99999999999\r\n"
                                  "Date: Thu, 01 Jan 1970 00:00:10 GMT\r\n\r\n"));
    assert_int_equal(head.status, 429);
    assert_slice(head.content_type, "text/event-stream");
    assert_slice(head.release, "1.14.2");
    assert_slice(head.workflow_run_id, "abc");
    assert_int_equal(head.retry_after_s, INT32_MAX);
    assert_int_equal(dify__head_date_s(&head), 10);
    dify__head_read(&head, 200, DIFY_SLICE(OK "Retry-After: soon\r\nX-Versions: 2\r\n\r\n"));
    assert_null(head.release.ptr);
    assert_int_equal(head.retry_after_s, -1);
    assert_int_equal(dify__head_date_s(&head), 0);
    dify__head_read(&head, 200, DIFY_SLICE(OK "Date: soon\r\n\r\n"));
    assert_slice(head.date, "soon");
    assert_int_equal(dify__head_date_s(&head), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bodies),    cmocka_unit_test(test_chunks),
        cmocka_unit_test(test_cut_short), cmocka_unit_test(test_interim_answers),
        cmocka_unit_test(test_ceilings),  cmocka_unit_test(test_no_answers),
        cmocka_unit_test(test_no_memory), cmocka_unit_test(test_fields),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
