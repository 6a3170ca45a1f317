/* SPDX-License-Identifier: Apache-2.0
 *
 * test_v1_fields.c: which paths and fields are relayed, and which answers can be.
 */
#include "../unit/support.h"

#include "core/slices.h"
#include "gateway/limits.h"
#include "gateway/v1_fields.h"

#define BASE "http://u@dify.example:5001/v1"

static void test_safe_paths(void **state)
{
    (void)state;
    static const char *const paths[] = {
        "",     "/",     "/a",     "/a/",  "/a/b.c", "/...",       "/.a",
        "/a..", "/a;..", "/a%2Eb", "/%25", "/a%2fb", "/%e4%bd%a0", "/a:b@c!$&'()*,=~"};
    for (size_t i = 0; i < COUNT_OF(paths); i++)
        assert_int_equal(gw_v1_path(slice_of(paths[i])), GW_PATH_SAFE);
}

static void test_unsafe_paths(void **state)
{
    (void)state;
    static const char *const paths[] = {
        "a",         "/.",      "/..",         "/../b",       "/a/./b",    "/a/..",
        "/a/../b",   "//",      "//b",         "/a//",        "/a//b",     "/..;",
        "/.;a=b/c",  "/%2e%2e", "/%2E./b",     "/.%2e/b",     "/%2f",      "/a%2f",
        "/a%2f%2fb", "/a%2f..", "/%252e%252e", "/%25252e%2e", "/a%252f..", "/%2525252e%2e/x",
        "/a\\b",     "/a%5cb",  "/a%255cb",    "/%00",        "/a%0d%0ab", "/%7f",
        "/%c0%ae",   "/%C1%9c", "/%",          "/%2",         "/%zz",      "/a%2"};
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        /* an encoded slash at the end is a last segment like any other */
        bool is_last = strcmp(paths[i], "/a%2f") == 0;
        if (gw_v1_path(slice_of(paths[i])) != (is_last ? GW_PATH_SAFE : GW_PATH_UNSAFE))
            fail_msg("%s", paths[i]);
    }
    assert_int_equal(gw_v1_path((struct dify_slice){"/a\0b", 4}), GW_PATH_UNSAFE);
}

static void test_long_paths(void **state)
{
    (void)state;
    char path[GW_RELAY_PATH_BYTES + 1];
    memset(path, 'a', sizeof path);
    path[0] = '/';
    assert_int_equal(gw_v1_path((struct dify_slice){path, sizeof path - 1}), GW_PATH_SAFE);
    assert_int_equal(gw_v1_path((struct dify_slice){path, sizeof path}), GW_PATH_TOO_LONG);
}

/* ---- requests ------------------------------------------------------------------------------ */

/* "name=value" for each field, each with a line end. */
static void list(struct text *out, const struct gw_v1_request *request)
{
    for (size_t i = 0; i < request->field_count; i++) {
        text_add(out, request->fields[i].name.ptr, request->fields[i].name.len);
        text_add_chars(out, "=");
        text_add(out, request->fields[i].value.ptr, request->fields[i].value.len);
        text_add_chars(out, "\n");
    }
}

static void test_request(void **state)
{
    (void)state;
    const struct http_field fields[] = {
        {DIFY_SLICE("host"), DIFY_SLICE("a")},
        {DIFY_SLICE("connection"), DIFY_SLICE("x-one,  X-Two ,close")},
        {DIFY_SLICE("x-one"), DIFY_SLICE("1")},
        {DIFY_SLICE("x-way"), DIFY_SLICE("2")},
        {DIFY_SLICE("x-two"), DIFY_SLICE("3")},
        {DIFY_SLICE("connection"), DIFY_SLICE("x-three")},
        {DIFY_SLICE("x-three"), DIFY_SLICE("4")},
        {DIFY_SLICE("x-way"), DIFY_SLICE("")},
        {DIFY_SLICE("authorization"), DIFY_SLICE("Bearer b")},
        {DIFY_SLICE("content-length"), DIFY_SLICE("7")},
        {DIFY_SLICE("proxy-anything"), DIFY_SLICE("5")},
        {DIFY_SLICE("te"), DIFY_SLICE("trailers")},
        {DIFY_SLICE("trailer"), DIFY_SLICE("x")},
        {DIFY_SLICE("upgrade"), DIFY_SLICE("h2c")},
        {DIFY_SLICE("http2-settings"), DIFY_SLICE("AA")},
        {DIFY_SLICE("keep-alive"), DIFY_SLICE("6")},
        {DIFY_SLICE("expect"), DIFY_SLICE("100-continue")},
        {DIFY_SLICE("max-forwards"), DIFY_SLICE("10")},
        {DIFY_SLICE("via"), DIFY_SLICE("1.1 other")},
    };
    struct http_request request = {.method = HTTP_POST_,
                                   .minor_version = 1,
                                   .has_body = true,
                                   .content_length = 7,
                                   .fields = fields,
                                   .field_count = COUNT_OF(fields)};
    struct dify__relay_field out[COUNT_OF(fields) + GW_V1_MORE_FIELDS];
    struct gw_v1_request relayed = {.fields = out};
    struct text text = {NULL, 0, 0};
    gw_v1_request(&request, &relayed);
    list(&text, &relayed);
    assert_string_equal(text.ptr, "x-way=2\nx-way=\nmax-forwards=10\nvia=1.1 other\n"
                                  "via=1.1 difystream\n");
    assert_string_equal(relayed.method, "POST");
    assert_int_equal(relayed.length, 7);
    text_fini(&text);
    request.method = HTTP_OPTIONS_;
    request.minor_version = 0;
    gw_v1_request(&request, &relayed);
    list(&text, &relayed);
    assert_string_equal(text.ptr, "x-way=2\nx-way=\nmax-forwards=9\nvia=1.1 other\n"
                                  "via=1.0 difystream\n");
    text_fini(&text);
}

static void test_lengths(void **state)
{
    (void)state;
    const struct http_field none = {DIFY_SLICE("content-length"), DIFY_SLICE("0")};
    struct dify__relay_field out[1 + GW_V1_MORE_FIELDS];
    struct gw_v1_request relayed = {.fields = out};
    struct http_request request = {.method = HTTP_DELETE_, .minor_version = 1};
    gw_v1_request(&request, &relayed);
    assert_true(relayed.length == DIFY__RELAY_NO_BODY);
    request.fields = &none;
    request.field_count = 1;
    gw_v1_request(&request, &relayed);
    assert_int_equal(relayed.length, 0);
    request.field_count = 0;
    request.has_body = true;
    request.content_length = UINT64_MAX;
    gw_v1_request(&request, &relayed);
    assert_true(relayed.length == DIFY__RELAY_CHUNKS);
}

/* ---- answers ------------------------------------------------------------------------------- */

static enum dify_err read_answer(const char *fields, struct text *out, uint64_t *length)
{
    struct gw_v1_answer answer;
    struct text head = {NULL, 0, 0};
    text_addf(&head, "HTTP/1.1 200 OK\r\n%s\r\n", fields);
    enum dify_err err = gw_v1_answer(text_slice(&head), BASE, &answer);
    if (err == DIFY_OK) {
        for (size_t i = 0; i < answer.field_count; i++) {
            text_add(out, answer.fields[i].name.ptr, answer.fields[i].name.len);
            text_add_chars(out, "=");
            text_add(out, answer.fields[i].value.ptr, answer.fields[i].value.len);
            text_add_chars(out, "\n");
        }
        *length = answer.length;
        gw_v1_answer_fini(&answer);
    }
    text_fini(&head);
    return err;
}

static void expect_fields(const char *fields, const char *wanted)
{
    struct text out = {NULL, 0, 0};
    uint64_t length;
    text_add_chars(&out, "");
    assert_int_equal(read_answer(fields, &out, &length), DIFY_OK);
    assert_string_equal(out.ptr != NULL ? out.ptr : "", wanted);
    text_fini(&out);
}

static void test_answer_fields(void **state)
{
    (void)state;
    expect_fields("", "");
    expect_fields("A: 1\r\nb:2  \r\nA:\t\r\n", "A=1\nb=2\nA=\n");
    expect_fields("A: 1\nB: 2\n", "A=1\nB=2\n");
    expect_fields("X-Hop: 1\r\nConnection: close, x-hop\r\nX-Way: 2\r\nX-HOP: 3\r\n", "X-Way=2\n");
    expect_fields("Keep-Alive: 1\r\nProxy-Authenticate: 2\r\nUpgrade: 3\r\nTE: 4\r\nVia: 5\r\n"
                  "Alt-Svc: 6\r\nTrailer: X-T\r\nTransfer-Encoding: chunked\r\n",
                  "Trailer=X-T\n");
}

static void test_answer_leads(void **state)
{
    (void)state;
    static const struct {
        const char *value, *wanted; /* NULL: it is left out */
    } leads[] = {
        {"http://u@dify.example:5001/v1/a?b", "/v1/a?b"},
        {"http://u@DIFY.example:5001/v1", "/v1"},
        {"/v1/a", "/v1/a"},
        {"a/dify.example", "a/dify.example"},
        {"/v1/dify.example", "/v1/dify.example"},
        {"http://dify.example.org/v1/a", "http://dify.example.org/v1/a"},
        {"http://my-dify.example/v1/a", "http://my-dify.example/v1/a"},
        {"http://dify.example:5001/v1/a", NULL},
        {"http://u@dify.example:5001/v1a", NULL},
        {"http://u@dify.example:5001/", NULL},
        {"https://dify.example/v1/a", NULL},
        {"//dify.example/v1", NULL},
        {"http:\\\\dify.example\\v1", NULL},
        {"https://other.example/?to=//dify.example", NULL},
    };
    for (size_t i = 0; i < COUNT_OF(leads); i++) {
        struct text fields = {NULL, 0, 0}, wanted = {NULL, 0, 0};
        text_addf(&fields, "A: 1\r\nLocation: %s\r\ncontent-location: %s\r\nB: 2\r\n",
                  leads[i].value, leads[i].value);
        text_add_chars(&wanted, "A=1\n");
        if (leads[i].wanted != NULL)
            text_addf(&wanted, "Location=%s\ncontent-location=%s\n", leads[i].wanted,
                      leads[i].wanted);
        text_add_chars(&wanted, "B=2\n");
        expect_fields(fields.ptr, wanted.ptr);
        text_fini(&fields);
        text_fini(&wanted);
    }
    expect_fields("Link: <http://dify.example/a>\r\nX-A: dify.example\r\n", "X-A=dify.example\n");
}

static void test_answer_framing(void **state)
{
    (void)state;
    static const struct {
        const char *fields;
        enum dify_err err;
        uint64_t length;
    } framings[] = {
        {"", DIFY_OK, HTTP_LENGTH_UNKNOWN},
        {"Content-Length: 5\r\n", DIFY_OK, 5},
        {"Content-Length: 5\r\ncontent-length: 05\r\n", DIFY_OK, 5},
        {"Transfer-Encoding: Chunked\r\n", DIFY_OK, HTTP_LENGTH_UNKNOWN},
        {"Content-Length: 5\r\nContent-Length: 6\r\n", DIFY_ERR_ARGUMENT, 0},
        {"Content-Length: 5, 5\r\n", DIFY_ERR_ARGUMENT, 0},
        {"Content-Length: +5\r\n", DIFY_ERR_ARGUMENT, 0},
        {"Content-Length:\r\n", DIFY_ERR_ARGUMENT, 0},
        {"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", DIFY_ERR_ARGUMENT, 0},
        {"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", DIFY_ERR_ARGUMENT, 0},
        {"Transfer-Encoding: gzip, chunked\r\n", DIFY_ERR_ARGUMENT, 0},
        {"Transfer-Encoding: identity\r\n", DIFY_ERR_ARGUMENT, 0},
        {"A: 1\r\n B: 2\r\n", DIFY_ERR_ARGUMENT, 0},
        {"A : 1\r\n", DIFY_ERR_ARGUMENT, 0},
        {"A\r\n", DIFY_ERR_ARGUMENT, 0},
        {": 1\r\n", DIFY_ERR_ARGUMENT, 0},
        {"A: 1\r2\r\n", DIFY_ERR_ARGUMENT, 0},
        {"A: \x01\r\n", DIFY_ERR_ARGUMENT, 0},
    };
    for (size_t i = 0; i < COUNT_OF(framings); i++) {
        struct text out = {NULL, 0, 0};
        uint64_t length = 0;
        if (read_answer(framings[i].fields, &out, &length) != framings[i].err)
            fail_msg("%s", framings[i].fields);
        assert_true(length == framings[i].length);
        text_fini(&out);
    }
}

static void test_trailers(void **state)
{
    (void)state;
    struct http_field field;
    assert_true(gw_v1_trailer(DIFY_SLICE("X-A:  1 \r\n"), &field));
    assert_slice(field.name, "X-A");
    assert_slice(field.value, "1");
    static const char *const none[] = {"\r\n",
                                       "",
                                       "X-A\r\n",
                                       "X A: 1\r\n",
                                       " X: 1\r\n",
                                       "Content-Length: 1\r\n",
                                       "Connection: x\r\n",
                                       "Transfer-Encoding: chunked\r\n",
                                       "Proxy-A: 1\r\n",
                                       "A: \x01\r\n"};
    for (size_t i = 0; i < COUNT_OF(none); i++)
        assert_false(gw_v1_trailer(slice_of(none[i]), &field));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_safe_paths),   cmocka_unit_test(test_unsafe_paths),
        cmocka_unit_test(test_long_paths),   cmocka_unit_test(test_request),
        cmocka_unit_test(test_lengths),      cmocka_unit_test(test_answer_fields),
        cmocka_unit_test(test_answer_leads), cmocka_unit_test(test_answer_framing),
        cmocka_unit_test(test_trailers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
