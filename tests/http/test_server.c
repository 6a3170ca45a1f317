/* SPDX-License-Identifier: Apache-2.0
 *
 * test_server.c: a server over real sockets: requests and their answers.
 */
#include "kit.h"
#include "requests.h"

#include <sys/socket.h>

#define HOST "Host: a\r\n"

static void check_ask(struct kit *kit, const char *request, const char *answer)
{
    struct text got = ask(kit, request);
    drop_dates(&got);
    assert_string_equal(got.ptr, answer);
    text_fini(&got);
}

static void test_answers(void **state)
{
    (void)state;
    struct kit kit;
    kit_init(&kit);
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

static void test_head_of_answers(void **state)
{
    (void)state;
    struct kit kit;
    kit_init(&kit);
    kit.options.server_name = "gunicorn";
    kit.options.wants_loud_reasons = true;
    kit_start(&kit);
    struct text got = ask(&kit, "GET /stream HTTP/1.1\r\n" HOST "\r\n");
    assert_memory_equal(got.ptr, "HTTP/1.1 200 OK\r\nServer: gunicorn\r\nDate: ", 41);
    /* Date: Sun, 06 Nov 1994 08:49:37 GMT */
    const char *date = got.ptr + 41;
    assert_memory_equal(date + 3, ", ", 2);
    assert_memory_equal(date + 19, ":", 1);
    assert_memory_equal(date + 25,
                        " GMT\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n"
                        "Content-Type: text/plain\r\n\r\n",
                        83);
    text_fini(&got);
    got = ask(&kit, "GET /fields HTTP/1.1\r\n" HOST "\r\n");
    assert_string_equal(got.ptr, "HTTP/1.1 404 NOT FOUND\r\nConnection: keep-alive\r\n"
                                 "Date: mine\r\nContent-Length: 2\r\nserver: me\r\nA: b\r\n\r\nhi");
    text_fini(&got);
    kit_stop(&kit);
}

/* ---- every cut, over sockets --------------------------------------------------------------- */

static void send_cut(struct kit *kit, struct client *client, struct dify_slice bytes, size_t cut)
{
    client_send(kit, client, bytes.ptr, cut);
    /* The server has read the first piece before the second is sent, or has refused it. */
    for (int i = 0; i < 3; i++)
        kit_turn(kit);
    client_send(kit, client, bytes.ptr + cut, bytes.len - cut);
}

static void test_cuts(void **state)
{
    (void)state;
    static const struct dify_slice requests[] = {
        SLICE("POST /echo HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nabcde"),
        SLICE("POST /echo HTTP/1.1\r\n" HOST TE "\r\n2;x\r\nab\r\n3\r\ncde\r\n0\r\nT: u\r\n\r\n"),
        SLICE("\r\nPOST http://a/echo?x HTTP/1.1\r\n" HOST TE "\r\n5\r\nabcde\r\n0\r\n\r\n"),
    };
    struct kit kit;
    kit_init(&kit);
    kit_start(&kit);
    for (size_t i = 0; i < COUNT_OF(requests); i++) {
        for (size_t cut = 0; cut <= requests[i].len; cut++) {
            struct client client;
            client_connect(&kit, &client);
            if (cut == requests[i].len)
                for (size_t at = 0; at < cut; at++, kit_turn(&kit))
                    client_send(&kit, &client, requests[i].ptr + at, 1);
            else
                send_cut(&kit, &client, requests[i], cut);
            client_answers(&kit, &client, 1);
            drop_dates(&client.got);
            assert_string_equal(client.got.ptr,
                                "HTTP/1.1 200 OK\r\nConnection: keep-alive\r\n"
                                "Content-Type: text/plain\r\nContent-Length: 5\r\n\r\nabcde");
            client_close(&client);
        }
    }
    kit_stop(&kit);
}

/* What is refused is told so, the connection closed, and nobody has seen the request but where its
 * head was right. */
static void test_refused(void **state)
{
    (void)state;
    struct kit kit;
    kit_init(&kit);
    kit_start(&kit);
    for (size_t i = 0; i < COUNT_OF(bad_requests); i++) {
        const struct bad_request *bad = &bad_requests[i];
        bool has_body = strstr(bad->bytes.ptr, "\r\n\r\n") != NULL &&
                        strstr(bad->bytes.ptr, "\r\n\r\n") + 4 < bad->bytes.ptr + bad->bytes.len;
        struct client client;
        struct text bytes = {NULL, 0, 0};
        text_add(&bytes, bad->bytes.ptr, bad->bytes.len);
        if (bytes.len > 6 && memcmp(bytes.ptr, "POST /p", 7) == 0) /* someone who reads bodies */
            memcpy(bytes.ptr, "POST /q", 7);
        client_connect(&kit, &client);
        size_t before = kit.requests;
        client_send(&kit, &client, bytes.ptr, bytes.len);
        client_until_end(&kit, &client);
        if (status_at(&client.got, 0) != bad->status ||
            strstr(client.got.ptr, "Connection: close\r\n") == NULL ||
            (kit.requests != before && !has_body))
            fail_msg("%zu: %.*s\n%s", i, (int)bad->bytes.len, bad->bytes.ptr, client.got.ptr);
        client_close(&client);
        text_fini(&bytes);
    }
    assert_int_equal(http_server_stats(kit.server).refused, COUNT_OF(bad_requests));
    kit_stop(&kit);
}

static bool refuse_page(void *ctx, int status, const char *reason, struct http_page *page)
{
    (void)ctx;
    assert_non_null(reason);
    if (status == 505)
        return false;
    page->content_type = DIFY_SLICE("text/html");
    page->body = DIFY_SLICE("<p>no</p>");
    page->status = status == 414 ? 400 : 0;
    return true;
}

static void test_refusal_page(void **state)
{
    (void)state;
    struct kit kit;
    kit_init(&kit);
    kit.options.on_refuse = refuse_page;
    kit.options.max_line_bytes = 20;
    kit_start(&kit);
    check_ask(&kit, "GET / HTTP/1.1\r\n\r\n",
              "HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Type: text/html\r\n"
              "Content-Length: 9\r\n\r\n<p>no</p>");
    check_ask(&kit, "GET /0123456789 HTTP/1.1\r\n\r\n",
              "HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Type: text/html\r\n"
              "Content-Length: 9\r\n\r\n<p>no</p>");
    check_ask(&kit, "GET / HTTP/2.0\r\n\r\n",
              "HTTP/1.1 505 HTTP Version Not Supported\r\nConnection: close\r\n"
              "Content-Type: text/plain\r\nContent-Length: 45\r\n\r\n"
              "505 HTTP Version Not Supported: HTTP version\n");
    kit_stop(&kit);
}

static void test_fields_of_any_answer(void **state)
{
    (void)state;
    struct kit kit;
    kit_init(&kit);
    kit.options.max_body_bytes = 5;
    kit_start(&kit);
    struct text got = ask(&kit, "GET /also HTTP/1.1\r\n" HOST "\r\n");
    const char *fields = strstr(got.ptr, "Connection: keep-alive\r\n");
    assert_non_null(fields);
    assert_string_equal(fields, "Connection: keep-alive\r\nvary: y\r\nD: e\r\na: c\r\nVary: x\r\n"
                                "Content-Length: 2\r\n\r\nhi");
    text_fini(&got);
    got = ask(&kit, "POST /also HTTP/1.1\r\n" HOST "Content-Length: 6\r\n\r\n");
    assert_int_equal(status_at(&got, 0), 413);
    assert_non_null(strstr(got.ptr, "\r\na: c\r\nVary: x\r\n"));
    text_fini(&got);
    kit_stop(&kit);
    kit_init(&kit);
    kit.options.max_body_bytes = 5;
    kit.options.on_refuse = refuse_page;
    kit_start(&kit);
    check_ask(&kit, "POST /also HTTP/1.1\r\n" HOST "Content-Length: 6\r\n\r\n",
              "HTTP/1.1 413 Request Entity Too Large\r\nConnection: close\r\n"
              "Content-Type: text/html\r\nContent-Length: 9\r\na: c\r\nVary: x\r\n\r\n<p>no</p>");
    kit_stop(&kit);
}

/* ---- bodies -------------------------------------------------------------------------------- */

static void test_expect(void **state)
{
    (void)state;
    struct kit kit;
    struct client client;
    kit_init(&kit);
    kit_start(&kit);
    client_connect(&kit, &client);
    client_say(&kit, &client,
               "POST /echo HTTP/1.1\r\n" HOST "Expect: 100-continue\r\nContent-Length: 3\r\n\r\n");
    client_expect(&kit, &client, "HTTP/1.1 100 Continue\r\n\r\n");
    assert_int_equal(client.got.len, 25);
    client_say(&kit, &client, "abc");
    client_expect(&kit, &client, "\r\n\r\nabc");
    /* not asked for once the body is there */
    client_forget(&client);
    client_say(&kit, &client,
               "POST /echo HTTP/1.1\r\n" HOST
               "Expect: 100-continue\r\nContent-Length: 3\r\n\r\ndef");
    client_answers(&kit, &client, 1);
    assert_int_equal(status_at(&client.got, 0), 200);
    client_close(&client);
    /* nor if nobody will read; then it may come or not, so the connection ends */
    client_connect(&kit, &client);
    client_say(&kit, &client,
               "POST /hello HTTP/1.1\r\n" HOST "Expect: 100-continue\r\nContent-Length: 3\r\n\r\n");
    client_until_end(&kit, &client);
    assert_int_equal(status_at(&client.got, 0), 200);
    assert_non_null(strstr(client.got.ptr, "Connection: close\r\n"));
    client_close(&client);
    kit_stop(&kit);
}

static void test_body_ceiling(void **state)
{
    (void)state;
    struct kit kit;
    kit_init(&kit);
    kit.options.max_body_bytes = 5;
    kit_start(&kit);
    static const struct {
        const char *request;
        int status;
    } cases[] = {
        {"POST /echo HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nabcde", 200},
        {"POST /echo HTTP/1.1\r\n" HOST "Content-Length: 6\r\n\r\nabcdef", 413},
        {"POST /echo HTTP/1.1\r\n" HOST "Content-Length: 6\r\n\r\n", 413},
        {"POST /echo HTTP/1.1\r\n" HOST "Expect: 100-continue\r\nContent-Length: 6\r\n\r\n", 413},
        {"POST /echo HTTP/1.1\r\n" HOST TE "\r\n5\r\nabcde\r\n0\r\n\r\n", 200},
        {"POST /echo HTTP/1.1\r\n" HOST TE "\r\n6\r\n", 413},
        {"POST /echo HTTP/1.1\r\n" HOST TE "\r\n5\r\nabcde\r\n1\r\nf\r\n0\r\n\r\n", 413},
        {"POST /hello HTTP/1.1\r\n" HOST "Content-Length: 6\r\n\r\nabcdef", 200},
        {"POST /wide HTTP/1.1\r\n" HOST "Content-Length: 6\r\n\r\nabcdef", 200},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct text got = ask(&kit, cases[i].request);
        assert_int_equal(status_at(&got, 0), cases[i].status);
        text_fini(&got);
    }
    assert_int_equal(kit.broken, 5);
    kit_stop(&kit);
}

/* A body nobody reads is read away if it is small, and the connection goes on; else it ends, and
 * the client has its answer all the same. */
static void test_unread(void **state)
{
    (void)state;
    struct kit kit;
    struct client client;
    struct text big = {NULL, 0, 0};
    kit_init(&kit);
    kit_start(&kit);
    text_add_repeated(&big, 'x', 3 * HTTP_READ_BYTES);
    client_connect(&kit, &client);
    client_say(&kit, &client, "POST /hello HTTP/1.1\r\n" HOST "Content-Length: 60000\r\n\r\n");
    client_answers(&kit, &client, 1);
    client_send(&kit, &client, big.ptr, 60000);
    client_say(&kit, &client, "POST /hello HTTP/1.1\r\n" HOST TE "\r\n3\r\nabc\r\n0\r\n\r\n");
    client_say(&kit, &client, "POST /hello HTTP/1.1\r\n" HOST "Content-Length: 196608\r\n\r\n");
    client_answers(&kit, &client, 3);
    client_send(&kit, &client, big.ptr, big.len);
    client_until_end(&kit, &client);
    assert_int_equal(client.error, 0);
    assert_int_equal(kit.requests, 3);
    client_close(&client);
    /* chunks do not say how much will come */
    client_connect(&kit, &client);
    client_say(&kit, &client, "POST /hello HTTP/1.1\r\n" HOST TE "\r\n30000\r\n");
    client_answers(&kit, &client, 1);
    assert_non_null(strstr(client.got.ptr, "Connection: keep-alive"));
    client_send(&kit, &client, big.ptr, big.len);
    client_until_end(&kit, &client);
    assert_int_equal(client.error, 0);
    client_close(&client);
    text_fini(&big);
    kit_stop(&kit);
}

static void test_pause(void **state)
{
    (void)state;
    struct kit kit;
    struct client client;
    kit_init(&kit);
    kit_start(&kit);
    struct text big = {NULL, 0, 0};
    text_add_repeated(&big, 'x', 16 << 20);
    client_connect(&kit, &client);
    client_say(&kit, &client, "POST /pause HTTP/1.1\r\n" HOST "Content-Length: 16777216\r\n\r\n");
    kit_until(&kit, kit.requests == 1);
    /* Until the socket is full and the server reads no more. */
    size_t sent = 0;
    for (int idle = 0; idle < 50; idle++) {
        ssize_t count = send(client.fd, big.ptr + sent, big.len - sent, MSG_NOSIGNAL);
        if (count > 0) {
            sent += (size_t)count;
            idle = 0;
        }
        kit_turn(&kit);
    }
    assert_in_range(sent, 1, big.len - 1);
    assert_int_equal(kit.body_bytes, 0);
    assert_in_range(kit.meter.live_bytes, 0, 400000);
    uint64_t heard = 0;
    while (kit.body_bytes < big.len) {
        struct http_exchange *exchange = kit.kept[0];
        assert_non_null(exchange);
        http_exchange_resume(exchange); /* pauses itself in the next call */
        ssize_t count =
            sent < big.len ? send(client.fd, big.ptr + sent, big.len - sent, MSG_NOSIGNAL) : 0;
        sent += count > 0 ? (size_t)count : 0;
        kit_turn(&kit);
        assert_in_range(kit.body_bytes - heard, 0, HTTP_READ_BYTES);
        heard = kit.body_bytes;
    }
    kit_until(&kit, kit.kept[0] == NULL ||
                        (http_exchange_resume(kit.kept[0]), client_read(&client), kit.closed == 1));
    kit_until(&kit, (client_read(&client), client.got.len > big.len));
    assert_int_equal(status_at(&client.got, 0), 200);
    client_close(&client);
    text_fini(&big);
    kit_stop(&kit);
}

/* ---- one connection ------------------------------------------------------------------------ */

static void test_pipelining(void **state)
{
    (void)state;
    struct kit kit;
    struct client client;
    struct text all = {NULL, 0, 0};
    kit_init(&kit);
    kit_start(&kit);
    for (int i = 0; i < 100; i++)
        text_addf(&all, "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\n%03d", i);
    client_connect(&kit, &client);
    client_send(&kit, &client, all.ptr, all.len);
    client_answers(&kit, &client, 100);
    const char *at = client.got.ptr;
    for (int i = 0; i < 100; i++) {
        char number[16];
        (void)snprintf(number, sizeof number, "\r\n\r\n%03d", i);
        at = strstr(at, "\r\n\r\n");
        assert_non_null(at);
        assert_memory_equal(at, number, 7);
        at += 7;
    }
    assert_int_equal(kit.requests, 100);
    assert_int_equal(http_server_stats(kit.server).connections, 1);
    client_close(&client);
    text_fini(&all);
    kit_stop(&kit);
}

/* While one is answered the next ones wait, and no more is read than HTTP_READ_BYTES. */
static void test_waiting(void **state)
{
    (void)state;
    struct kit kit;
    struct client client;
    kit_init(&kit);
    kit_start(&kit);
    client_connect(&kit, &client);
    client_say(&kit, &client,
               "GET /keep HTTP/1.1\r\n" HOST "\r\nGET /hello HTTP/1.1\r\n" HOST "\r\n");
    kit_until(&kit, kit.kept[0] != NULL);
    for (int i = 0; i < 10; i++)
        kit_turn(&kit);
    assert_int_equal(kit.requests, 1);
    http_respond(kit.kept[0], 200, NULL, 0, DIFY_SLICE("kept"));
    assert_int_equal(kit.closed, 0); /* not within the call */
    http_respond(kit.kept[0], 500, NULL, 0, DIFY_SLICE("ignored"));
    assert_false(http_respond_write(kit.kept[0], DIFY_SLICE("ignored")));
    client_answers(&kit, &client, 2);
    assert_int_equal(kit.completed, 2);
    assert_null(strstr(client.got.ptr, "ignored"));
    client_close(&client);
    kit_stop(&kit);
}

static void test_back_pressure(void **state)
{
    (void)state;
    struct kit kit;
    struct client client;
    struct text part = {NULL, 0, 0};
    kit_init(&kit);
    kit.options.max_write_bytes = 10000;
    kit_start(&kit);
    text_add_repeated(&part, 'p', 4000);
    client_connect(&kit, &client);
    client_say(&kit, &client, "GET /keep HTTP/1.1\r\n" HOST "\r\n");
    kit_until(&kit, kit.kept[0] != NULL);
    http_respond_begin(kit.kept[0], 200, NULL, 0, HTTP_LENGTH_UNKNOWN);
    size_t written = 0, drained = 0, refused = 0;
    for (int turn = 0; turn < 200 || refused == 0; turn++) {
        while (http_respond_write(kit.kept[0], text_slice(&part)))
            written++;
        assert_in_range(http_exchange_pending(kit.kept[0]), 10001, 10001 + 4010);
        size_t before = kit.drained;
        for (int i = 0; i < 10 && kit.drained == before; i++)
            kit_turn(&kit);
        if (kit.drained == before) { /* the system takes no more */
            refused++;
            break;
        }
    }
    assert_in_range(refused, 1, 1);
    drained = kit.drained;
    kit_until(&kit, (client_read(&client), kit.drained > drained));
    assert_in_range(http_exchange_pending(kit.kept[0]), 0, 5000);
    http_respond_end(kit.kept[0]);
    client_answers(&kit, &client, 1);
    assert_in_range(client.got.len, written * 4000, written * 4010 + 500);
    client_close(&client);
    text_fini(&part);
    kit_stop(&kit);
}

/* An owner with a mark of its own hears of it, and only when it asked. */
static void test_own_mark(void **state)
{
    (void)state;
    struct kit kit;
    struct client client;
    struct text part = {NULL, 0, 0};
    kit_init(&kit);
    kit_start(&kit);
    text_add_repeated(&part, 'p', 4000);
    client_connect(&kit, &client);
    client_say(&kit, &client, "GET /keep HTTP/1.1\r\n" HOST "\r\n");
    kit_until(&kit, kit.kept[0] != NULL);
    http_respond_begin(kit.kept[0], 200, NULL, 0, HTTP_LENGTH_UNKNOWN);
    for (bool is_full = false; !is_full;) { /* until the system takes no more */
        while (http_exchange_pending(kit.kept[0]) < 100000)
            assert_true(http_respond_write(kit.kept[0], text_slice(&part)));
        for (int i = 0; i < 10; i++)
            kit_turn(&kit);
        is_full = http_exchange_pending(kit.kept[0]) >= 100000;
    }
    assert_int_equal(kit.drained, 0);
    http_exchange_want_drain(kit.kept[0], 3000);
    for (int i = 0; i < 10; i++)
        kit_turn(&kit);
    assert_int_equal(kit.drained, 0);
    kit_until(&kit, (client_read(&client), kit.drained == 1));
    assert_in_range(http_exchange_pending(kit.kept[0]), 0, 3000);
    http_respond_end(kit.kept[0]);
    client_answers(&kit, &client, 1);
    assert_int_equal(kit.drained, 1);
    client_close(&client);
    text_fini(&part);
    kit_stop(&kit);
}

static void test_chunk_echo(void **state)
{
    (void)state;
    struct kit kit;
    kit_init(&kit);
    kit_start(&kit);
    struct text got =
        ask(&kit, "POST /chunk HTTP/1.1\r\n" HOST TE "\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
    assert_non_null(strstr(got.ptr, "\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"));
    text_fini(&got);
    /* to HTTP/1.0 the end of the connection is the end */
    struct client client;
    client_connect(&kit, &client);
    client_say(&kit, &client, "GET /stream HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    client_until_end(&kit, &client);
    assert_null(strstr(client.got.ptr, "Transfer-Encoding"));
    assert_non_null(strstr(client.got.ptr, "Connection: close\r\n"));
    assert_non_null(strstr(client.got.ptr, "\r\n\r\nonetwothree"));
    client_close(&client);
    kit_stop(&kit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers),       cmocka_unit_test(test_head_of_answers),
        cmocka_unit_test(test_cuts),          cmocka_unit_test(test_refused),
        cmocka_unit_test(test_refusal_page),  cmocka_unit_test(test_fields_of_any_answer),
        cmocka_unit_test(test_expect),        cmocka_unit_test(test_body_ceiling),
        cmocka_unit_test(test_unread),        cmocka_unit_test(test_pause),
        cmocka_unit_test(test_pipelining),    cmocka_unit_test(test_waiting),
        cmocka_unit_test(test_back_pressure), cmocka_unit_test(test_own_mark),
        cmocka_unit_test(test_chunk_echo),
    };
    return cmocka_run_group_tests_name("server", tests, NULL, NULL);
}
