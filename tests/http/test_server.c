/* SPDX-License-Identifier: Apache-2.0
 *
 * test_server.c: a server over real sockets: requests and their answers.
 */
#include "kit.h"

#include "core/slices.h"

#define HOST "Host: a\r\n"

static void check_ask(struct kit *kit, const char *request, const char *answer)
{
    struct text got = ask(kit, request);
    assert_string_equal(got.ptr, answer);
    text_fini(&got);
}

static void test_answers(void **state)
{
    (void)state;
    struct kit kit;
    kit_init(&kit);
    kit.options.wants_bare_head = true;
    kit_start(&kit);
    check_ask(&kit, "GET /hello HTTP/1.1\r\n" HOST "\r\n",
              "HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nContent-Type: text/plain\r\n"
              "Content-Length: 6\r\n\r\nhello\n");
    check_ask(&kit, "GET /hello HTTP/1.0\r\n\r\n",
              "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: text/plain\r\n"
              "Content-Length: 6\r\n\r\nhello\n");
    check_ask(&kit, "HEAD /hello HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n",
              "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: text/plain\r\n"
              "Content-Length: 6\r\n\r\n");
    check_ask(&kit, "GET /stream HTTP/1.1\r\n" HOST "\r\n",
              "HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n"
              "Content-Type: text/plain\r\n\r\n3\r\none\r\n3\r\ntwo\r\n5\r\nthree\r\n0\r\n\r\n");
    check_ask(&kit, "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nabcde",
              "HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nContent-Type: text/plain\r\n"
              "Content-Length: 5\r\n\r\nabcde");
    check_ask(&kit,
              "POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"
              "3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nT: u\r\n\r\n",
              "HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nContent-Type: text/plain\r\n"
              "Content-Length: 5\r\n\r\nabcde");
    check_ask(&kit, "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 0\r\n\r\n",
              "HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nContent-Type: text/plain\r\n"
              "Content-Length: 0\r\n\r\n");
    assert_int_equal(kit.requests, 7);
    kit_stop(&kit);
    assert_int_equal(kit.completed, 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers),
    };
    return cmocka_run_group_tests_name("server", tests, NULL, NULL);
}
