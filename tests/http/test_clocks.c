/* SPDX-License-Identifier: Apache-2.0
 *
 * test_clocks.c: clients that are slow, each at what it can be slow at. The clocks are made short;
 * the tests wait for what must happen, however long the machine takes.
 */
#include "kit.h"

#include "http/connection.h" /* to see a clock end that nobody notices otherwise */

#include <sys/socket.h>
#include <unistd.h>

#define HOST "Host: a\r\n"
#define TE "Transfer-Encoding: chunked\r\n"

static struct text ask_slowly(struct kit *kit, const char *bytes)
{
    struct client client;
    client_connect(kit, &client);
    client_say(kit, &client, bytes);
    client_until_end(kit, &client);
    assert_int_equal(client.error, 0);
    struct text got = client.got;
    client.got = (struct text){NULL, 0, 0};
    client_close(&client);
    text_add(&got, "", 0);
    return got;
}

static void test_head(void **state)
{
    (void)state;
    static const char *const beginnings[] = {"G", "GET / HTTP/1.1\r\nHost: a\r\n",
                                             "GET / HTTP/1.1\r"};
    struct kit kit;
    kit_init(&kit);
    kit.options.head_ms = 20;
    kit_start(&kit);
    for (size_t i = 0; i < COUNT_OF(beginnings); i++) {
        struct text got = ask_slowly(&kit, beginnings[i]);
        assert_int_equal(status_at(&got, 0), 408);
        assert_non_null(strstr(got.ptr, "Connection: close\r\n"));
        text_fini(&got);
    }
    assert_int_equal(http_server_stats(kit.server).timed_out, 3);
    assert_int_equal(kit.requests, 0);
    kit_stop(&kit);
}

/* Bytes one at a time do not put the end of a head off. */
static void test_head_drips(void **state)
{
    (void)state;
    struct kit kit;
    struct client client;
    kit_init(&kit);
    kit.options.head_ms = 50;
    kit.options.max_head_bytes = (size_t)1 << 30; /* the clock ends it, however fast bytes come */
    kit_start(&kit);
    client_connect(&kit, &client);
    client_say(&kit, &client, "GET / HTTP/1.1\r\nX: ");
    kit_until(&kit, (client_say(&kit, &client, "x"), client_read(&client),
                     client.is_ended || client.error != 0));
    assert_int_equal(http_server_stats(kit.server).timed_out, 1);
    client_close(&client);
    kit_stop(&kit);
}

/* Nobody says anything: closed without a word, at first and between requests. */
static void test_idle(void **state)
{
    (void)state;
    for (int has_asked = 0; has_asked < 2; has_asked++) {
        struct kit kit;
        struct client client;
        kit_init(&kit);
        kit.options.head_ms = has_asked ? 0 : 20;
        kit.options.keepalive_ms = has_asked ? 20 : 0;
        kit_start(&kit);
        client_connect(&kit, &client);
        if (has_asked) {
            client_say(&kit, &client, "GET /hello HTTP/1.1\r\n" HOST "\r\n");
            client_answers(&kit, &client, 1);
        }
        size_t len = client.got.len;
        client_until_end(&kit, &client);
        assert_true(client.is_ended);
        assert_int_equal(client.got.len, len);
        assert_int_equal(http_server_stats(kit.server).timed_out, 1);
        client_close(&client);
        kit_stop(&kit);
    }
}

static void test_body(void **state)
{
    (void)state;
    static const char *const requests[] = {
        "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 10\r\n\r\nabc",
        "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 10\r\n\r\n",
        "POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
        "POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n0\r\n",
    };
    struct kit kit;
    kit_init(&kit);
    kit.options.body_ms = 20;
    kit_start(&kit);
    for (size_t i = 0; i < COUNT_OF(requests); i++) {
        struct text got = ask_slowly(&kit, requests[i]);
        assert_int_equal(status_at(&got, 0), 408);
        text_fini(&got);
    }
    assert_int_equal(kit.broken, COUNT_OF(requests));
    assert_int_equal(kit.closed, COUNT_OF(requests));
    assert_int_equal(kit.completed, 0);
    kit_stop(&kit);
}

/* A few bytes now and then are too slow as well: HTTP_BODY_STEP must come in each span. */
static void test_body_drips(void **state)
{
    (void)state;
    struct kit kit;
    struct client client;
    kit_init(&kit);
    kit.options.body_ms = 50;
    kit_start(&kit);
    client_connect(&kit, &client);
    client_say(&kit, &client, "POST /sink HTTP/1.1\r\n" HOST "Content-Length: 1000000000\r\n\r\n");
    kit_until(&kit, (client_say(&kit, &client, "x"), client_read(&client),
                     client.is_ended || client.error != 0));
    assert_int_equal(http_server_stats(kit.server).timed_out, 1);
    assert_int_equal(kit.broken, 1);
    client_close(&client);
    kit_stop(&kit);
}

/* A pause does not begin a new span: the waits between pauses add up. */
static void test_body_drips_between_pauses(void **state)
{
    (void)state;
    struct kit kit;
    struct client client;
    kit_init(&kit);
    kit.options.body_ms = 50;
    kit_start(&kit);
    client_connect(&kit, &client);
    client_say(&kit, &client, "POST /pause HTTP/1.1\r\n" HOST "Content-Length: 1000000000\r\n\r\n");
    kit_until(&kit, kit.kept_count == 1);
    for (int i = 0; kit.closed == 0; i++) {
        assert_in_range(i, 0, 100);
        uint64_t heard = kit.body_bytes, now_ms = uv_now(&kit.loop);
        http_exchange_resume(kit.kept[0]);
        kit_until(&kit, kit.closed == 1 || uv_now(&kit.loop) > now_ms + 5);
        client_say(&kit, &client, "x"); /* which the owner takes, and pauses */
        kit_until(&kit, kit.closed == 1 || kit.body_bytes > heard);
    }
    client_until_end(&kit, &client);
    assert_int_equal(status_at(&client.got, 0), 408);
    assert_int_equal(http_server_stats(kit.server).timed_out, 1);
    assert_int_equal(kit.broken, 1);
    client_close(&client);
    kit_stop(&kit);
}

/* A span whose time is used up is good all the same if its bytes have come, though unread; and the
 * next one begins with its whole time. */
static void test_body_span_in_time(void **state)
{
    (void)state;
    struct kit kit;
    struct client client;
    struct text part = {NULL, 0, 0};
    kit_init(&kit);
    kit_start(&kit);
    text_add_repeated(&part, 'p', HTTP_BODY_STEP);
    client_connect(&kit, &client);
    client_say(&kit, &client, "POST /pause HTTP/1.1\r\n" HOST TE "\r\n1\r\nx\r\n4000\r\n");
    client_send(&kit, &client, part.ptr, part.len);
    kit_until(&kit, kit.kept_count == 1);
    struct http_connection *connection = kit.kept[0]->connection;
    kit_until(&kit, http_connection_ahead(connection) >= HTTP_BODY_STEP + 10);
    connection->step_spent_ms = HTTP_BODY_MS;
    http_exchange_resume(kit.kept[0]);
    kit_until(&kit, kit.body_bytes == 1);
    assert_int_equal(kit.closed, 0);
    http_exchange_resume(kit.kept[0]);
    kit_until(&kit, kit.body_bytes == HTTP_BODY_STEP + 1);
    assert_int_equal(kit.closed, 0);
    client_say(&kit, &client, "\r\n1\r\ny\r\n0\r\n\r\n");
    for (int i = 0; i < 2; i++) {
        kit_until(&kit, kit.kept[0] == NULL || kit.kept[0]->is_paused);
        if (kit.kept[0] != NULL)
            http_exchange_resume(kit.kept[0]);
    }
    kit_until(&kit, kit.kept[0] == NULL || (http_exchange_resume(kit.kept[0]), kit.closed == 1));
    assert_int_equal(kit.completed, 1);
    client_close(&client);
    text_fini(&part);
    kit_stop(&kit);
}

/* No duration is so long that it ends at once. */
static void test_for_ever(void **state)
{
    (void)state;
    struct kit kit;
    struct client client;
    kit_init(&kit);
    kit.options.head_ms = kit.options.keepalive_ms = UINT64_MAX;
    kit.options.body_ms = UINT64_MAX - 1;
    kit_start(&kit);
    client_connect(&kit, &client);
    client_say(&kit, &client, "POST /ec");
    for (int i = 0; i < 5; i++)
        kit_turn(&kit);
    client_say(&kit, &client, "ho HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\n");
    for (int i = 0; i < 5; i++)
        kit_turn(&kit);
    client_say(&kit, &client, "abc");
    client_answers(&kit, &client, 1);
    assert_int_equal(status_at(&client.got, 0), 200);
    for (int i = 0; i < 5; i++)
        kit_turn(&kit);
    assert_int_equal(http_server_stats(kit.server).timed_out, 0);
    client_close(&client);
    kit_stop(&kit);
}

/* A paused body has no clock, and an exchange that waits for its owner has none. */
static void test_waiting_for_the_owner(void **state)
{
    (void)state;
    struct kit kit;
    struct client clients[3];
    kit_init(&kit);
    kit.options.body_ms = kit.options.head_ms = kit.options.keepalive_ms = kit.options.write_ms = 5;
    kit_start(&kit);
    client_connect(&kit, &clients[0]);
    client_say(&kit, &clients[0], "POST /pause HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\n");
    client_connect(&kit, &clients[1]);
    client_say(&kit, &clients[1], "POST /keep HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\n");
    kit_until(&kit, kit.kept_count == 2);
    /* A third one shows that the clocks go. */
    client_connect(&kit, &clients[2]);
    for (int i = 0; i < 5; i++) {
        struct client idle;
        client_connect(&kit, &idle);
        client_until_end(&kit, &idle);
        client_close(&idle);
    }
    client_until_end(&kit, &clients[2]);
    assert_non_null(kit.kept[0]);
    assert_non_null(kit.kept[1]);
    assert_int_equal(kit.closed, 0);
    for (int i = 0; i < 3; i++)
        client_close(&clients[i]);
    kit_stop(&kit);
}

/* A client that reads nothing: the connection ends once the system takes no more. */
static void test_slow_reader(void **state)
{
    (void)state;
    struct kit kit;
    struct client client;
    struct text part = {NULL, 0, 0};
    kit_init(&kit);
    kit.options.write_ms = 50;
    kit_start(&kit);
    text_add_repeated(&part, 'p', 100000);
    client_connect(&kit, &client);
    client_say(&kit, &client, "GET /keep HTTP/1.1\r\n" HOST "\r\n");
    kit_until(&kit, kit.kept[0] != NULL);
    http_respond_begin(kit.kept[0], 200, NULL, 0, HTTP_LENGTH_UNKNOWN);
    kit_until(&kit,
              kit.kept[0] == NULL ||
                  ((void)!http_respond_write(kit.kept[0], text_slice(&part)), kit.closed == 1));
    assert_int_equal(http_server_stats(kit.server).timed_out, 1);
    assert_int_equal(kit.completed, 0);
    client_until_end(&kit, &client);
    client_close(&client);
    text_fini(&part);
    kit_stop(&kit);
}

/* At most `len` bytes of an answer, thrown away. */
static void read_some(struct client *client, size_t len)
{
    char bytes[65536];
    ssize_t count = 1;
    for (; len != 0 && count > 0; len -= count > 0 ? (size_t)count : 0)
        count = recv(client->fd, bytes, len < sizeof bytes ? len : sizeof bytes, 0);
}

/* Reads `step` bytes in each of the clock's spans: too few for the server's system to take more in
 * some of them, and yet the client lives. */
static void check_steady_reader(struct kit *kit, struct client *client, size_t step)
{
    struct text big = {NULL, 0, 0};
    text_add_repeated(&big, 'b', 64 << 20);
    client_say(kit, client, "GET /keep HTTP/1.1\r\n" HOST "\r\n");
    kit_until(kit, kit->kept[0] != NULL);
    struct http_connection *connection = kit->kept[0]->connection;
    http_respond(kit->kept[0], 200, NULL, 0, text_slice(&big));
    text_fini(&big);
    kit_until(kit, connection->taking.kind == HTTP_CLOCK_WRITE);
    for (int saved = 0, spans = 0; saved < 3; spans++) {
        uint64_t ends_ms = connection->taking.ends_ms;
        size_t left = http_connection_pending(connection);
        assert_in_range(spans, 0, 30);
        read_some(client, step);
        kit_until(kit, kit->closed != 0 || connection->taking.ends_ms != ends_ms);
        assert_int_equal(kit->closed, 0);
        saved += http_connection_pending(connection) == left;
    }
}

static void test_steady_reader(void **state)
{
    (void)state;
    char folder[] = "/tmp/http_test_XXXXXX", path[64];
    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof path, "%s/socket", folder);
    for (int is_unix = 0; is_unix < 2; is_unix++) {
        struct kit kit;
        struct client client;
        struct dify_error error;
        kit_init(&kit);
        kit.options.write_ms = 100;
        kit_start(&kit);
        assert_int_equal(http_server_listen_unix(kit.server, path, 0600, &error), DIFY_OK);
        if (is_unix)
            client_connect_unix(&client, path);
        else
            client_connect(&kit, &client);
        check_steady_reader(&kit, &client, is_unix ? 65536 : 1 << 20);
        client_close(&client);
        kit_stop(&kit);
    }
    assert_int_equal(rmdir(folder), 0);
}

/* A client that does not leave after the last answer is left. */
static void test_linger(void **state)
{
    (void)state;
    struct kit kit;
    struct client client;
    kit_init(&kit);
    kit.options.linger_ms = 20;
    kit_start(&kit);
    client_connect(&kit, &client);
    client_say(&kit, &client, "GET /hello HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n");
    client_until_end(&kit, &client);
    assert_true(client.is_ended);
    assert_int_equal(http_server_stats(kit.server).open_connections, 1);
    kit_until(&kit, http_server_stats(kit.server).open_connections == 0);
    assert_int_equal(http_server_stats(kit.server).timed_out, 0);
    client_close(&client);
    kit_stop(&kit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_head),
        cmocka_unit_test(test_head_drips),
        cmocka_unit_test(test_idle),
        cmocka_unit_test(test_body),
        cmocka_unit_test(test_body_drips),
        cmocka_unit_test(test_waiting_for_the_owner),
        cmocka_unit_test(test_slow_reader),
        cmocka_unit_test(test_linger),
        cmocka_unit_test(test_body_drips_between_pauses),
        cmocka_unit_test(test_body_span_in_time),
        cmocka_unit_test(test_for_ever),
        cmocka_unit_test(test_steady_reader),
    };
    return cmocka_run_group_tests_name("clocks", tests, NULL, NULL);
}
