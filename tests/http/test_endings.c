/* SPDX-License-Identifier: Apache-2.0
 *
 * test_endings.c: how connections end: cut, reset, half closed, drained, refused; and where a
 * server listens.
 */
#include "kit.h"

#include "http/connection.h" /* to see what was read and waits */

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netdb.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define HOST "Host: a\r\n"

/* Begins an answer on a kept exchange and lets "one" arrive. */
static void begin(struct kit *kit, struct client *client)
{
    kit_init(kit);
    kit_start(kit);
    client_connect(kit, client);
    client_say(kit, client, "GET /keep HTTP/1.1\r\n" HOST "\r\n");
    kit_until(kit, kit->kept[0] != NULL);
    http_respond_begin(kit->kept[0], 200, NULL, 0, HTTP_LENGTH_UNKNOWN);
    assert_true(http_respond_write(kit->kept[0], DIFY_SLICE("one")));
    client_expect(kit, client, "one");
}

/* Trailers end an answer in chunks; what frames a message is none; others have no place for them.
 */
static void test_trailers(void **state)
{
    (void)state;
    const struct http_field fields[] = {{DIFY_SLICE("X-Sum"), DIFY_SLICE("9")},
                                        {DIFY_SLICE("Content-Length"), DIFY_SLICE("1")},
                                        {DIFY_SLICE("X-Bad"), DIFY_SLICE("a\nb")},
                                        {DIFY_SLICE("X-Empty"), DIFY_SLICE("")}};
    struct kit kit;
    struct client client;
    begin(&kit, &client);
    assert_true(http_respond_trailers(kit.kept[0], fields, COUNT_OF(fields)));
    assert_false(http_respond_trailers(kit.kept[0], fields, COUNT_OF(fields)));
    client_expect(&kit, &client, "0\r\nX-Sum: 9\r\nX-Empty: \r\n\r\n");
    kit_until(&kit, kit.completed == 1);
    client_close(&client);
    static const struct {
        const char *request;
        uint64_t length;
    } without[] = {{"GET /keep HTTP/1.0\r\n\r\n", HTTP_LENGTH_UNKNOWN},
                   {"GET /keep HTTP/1.1\r\n" HOST "\r\n", 3},
                   {"HEAD /keep HTTP/1.1\r\n" HOST "\r\n", HTTP_LENGTH_UNKNOWN}};
    for (size_t i = 0; i < COUNT_OF(without); i++) {
        size_t kept = kit.kept_count;
        client_connect(&kit, &client);
        client_say(&kit, &client, without[i].request);
        kit_until(&kit, kit.kept_count > kept);
        struct http_exchange *exchange = kit.kept[kept];
        assert_false(http_respond_trailers(exchange, fields, 1)); /* nothing has begun */
        http_respond_begin(exchange, 200, NULL, 0, without[i].length);
        assert_true(http_respond_write(exchange, DIFY_SLICE("one")));
        assert_false(http_respond_trailers(exchange, fields, 1));
        http_respond_end(exchange);
        kit_until(&kit, kit.completed == i + 2);
        client_close(&client);
    }
    kit_stop(&kit);
}

static void check_cut(bool flushes, bool resets)
{
    struct kit kit;
    struct client client;
    begin(&kit, &client);
    assert_true(http_respond_write(kit.kept[0], DIFY_SLICE("two")));
    http_exchange_cut(kit.kept[0], flushes, resets);
    assert_int_equal(kit.closed, 0);
    assert_false(http_respond_write(kit.kept[0], DIFY_SLICE("three")));
    http_respond_end(kit.kept[0]);
    client_until_end(&kit, &client);
    assert_int_equal(client.error, resets ? ECONNRESET : 0);
    assert_int_equal(strstr(client.got.ptr, "two") != NULL, flushes);
    assert_null(strstr(client.got.ptr, "three"));
    assert_int_equal(kit.closed, 1);
    assert_int_equal(kit.completed, 0);
    client_close(&client);
    kit_stop(&kit);
}

static void test_cut(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++)
        check_cut((i & 1) != 0, (i & 2) != 0);
}

static void cut_on_body(void *ctx, struct http_exchange *exchange, struct dify_slice bytes,
                        bool is_last)
{
    (void)ctx;
    (void)bytes;
    assert_false(is_last);
    http_respond_begin(exchange, 200, NULL, 0, HTTP_LENGTH_UNKNOWN);
    assert_true(http_respond_write(exchange, DIFY_SLICE("secret")));
    http_exchange_cut(exchange, false, false);
}

/* Nothing is sent after a cut, though it comes from an on_body of the same visit. */
static void test_cut_in_visit(void **state)
{
    (void)state;
    struct kit kit;
    struct client client;
    struct http_body_reader reader = {NULL, cut_on_body, NULL};
    kit_init(&kit);
    kit_start(&kit);
    client_connect(&kit, &client);
    client_say(&kit, &client, "POST /keep HTTP/1.1\r\n" HOST "Content-Length: 9\r\n\r\nhello");
    kit_until(&kit, kit.kept[0] != NULL && http_connection_ahead(kit.kept[0]->connection) == 5);
    http_exchange_read(kit.kept[0], &reader);
    client_until_end(&kit, &client);
    assert_int_equal(client.error, 0);
    assert_int_equal(client.got.len, 0);
    assert_int_equal(kit.closed, 1);
    assert_int_equal(kit.completed, 0);
    client_close(&client);
    kit_stop(&kit);
}

/* All that was written is with the client's system before the reset, however much it is. */
static void test_cut_flushes_all(void **state)
{
    (void)state;
    struct kit kit;
    struct client client;
    struct text big = {NULL, 0, 0};
    begin(&kit, &client);
    text_add_repeated(&big, 'b', 20 << 20);
    text_add_chars(&big, "the end");
    assert_true(http_respond_write(kit.kept[0], text_slice(&big)));
    http_exchange_cut(kit.kept[0], true, true);
    kit_until(&kit, (client_read(&client), client.is_ended || client.error != 0));
    assert_int_equal(kit.closed, 1);
    assert_int_equal(client.error, ECONNRESET);
    assert_in_range(client.got.len, big.len, big.len + 1000);
    assert_non_null(strstr(client.got.ptr + client.got.len - 100, "the end"));
    client_close(&client);
    text_fini(&big);
    kit_stop(&kit);
}

/* A client that does not read is not waited for longer than one that is left to close. */
static void test_cut_resets_who_does_not_read(void **state)
{
    (void)state;
    struct kit kit;
    struct client client;
    struct text big = {NULL, 0, 0};
    kit_init(&kit);
    kit.options.linger_ms = 1;
    kit_start(&kit);
    client_connect(&kit, &client);
    client_say(&kit, &client, "GET /keep HTTP/1.1\r\n" HOST "\r\n");
    kit_until(&kit, kit.kept[0] != NULL);
    text_add_repeated(&big, 'b', 1 << 20); /* the system takes it, the client's does not */
    http_respond_begin(kit.kept[0], 200, NULL, 0, HTTP_LENGTH_UNKNOWN);
    assert_true(http_respond_write(kit.kept[0], text_slice(&big)));
    http_exchange_cut(kit.kept[0], true, true);
    kit_until(&kit, http_server_stats(kit.server).open_connections == 0);
    client_until_end(&kit, &client);
    assert_int_equal(client.error, ECONNRESET);
    assert_in_range(client.got.len, 1, big.len - 1);
    client_close(&client);
    text_fini(&big);
    kit_stop(&kit);
}

/* Fewer bytes than promised are never taken for the whole. */
static void test_short_answer(void **state)
{
    (void)state;
    struct kit kit;
    struct client client;
    kit_init(&kit);
    kit_start(&kit);
    client_connect(&kit, &client);
    client_say(&kit, &client, "GET /keep HTTP/1.1\r\n" HOST "\r\n");
    kit_until(&kit, kit.kept[0] != NULL);
    http_respond_begin(kit.kept[0], 200, NULL, 0, 10);
    assert_true(http_respond_write(kit.kept[0], DIFY_SLICE("12345")));
    http_respond_end(kit.kept[0]);
    client_until_end(&kit, &client);
    assert_int_equal(client.error, ECONNRESET);
    assert_int_equal(kit.completed, 0);
    client_close(&client);
    kit_stop(&kit);
}

static void test_reset_on_next(void **state)
{
    (void)state;
    for (int pipelined = 0; pipelined < 2; pipelined++) {
        struct kit kit;
        struct client client;
        kit_init(&kit);
        kit_start(&kit);
        client_connect(&kit, &client);
        client_say(&kit, &client, "GET /keep HTTP/1.1\r\n" HOST "\r\n");
        if (pipelined)
            client_say(&kit, &client, "G");
        kit_until(&kit, kit.kept[0] != NULL);
        http_exchange_close_after(kit.kept[0], true);
        http_respond(kit.kept[0], 200, NULL, 0, DIFY_SLICE("last"));
        if (!pipelined) {
            client_answers(&kit, &client, 1);
            assert_non_null(strstr(client.got.ptr, "Connection: keep-alive\r\n"));
            for (int i = 0; i < 5; i++)
                kit_turn(&kit);
            client_read(&client);
            assert_false(client.is_ended);
            client_say(&kit, &client, "G");
        }
        client_until_end(&kit, &client);
        assert_int_equal(client.error, ECONNRESET);
        assert_int_equal(kit.completed, 1);
        client_close(&client);
        kit_stop(&kit);
    }
}

static void test_close_after(void **state)
{
    (void)state;
    struct kit kit;
    struct client client;
    kit_init(&kit);
    kit_start(&kit);
    client_connect(&kit, &client);
    client_say(&kit, &client,
               "GET /keep HTTP/1.1\r\n" HOST "\r\nGET /keep HTTP/1.1\r\n" HOST "\r\n");
    kit_until(&kit, kit.kept[0] != NULL);
    http_exchange_close_after(kit.kept[0], false);
    http_respond(kit.kept[0], 200, NULL, 0, DIFY_SLICE("last"));
    client_until_end(&kit, &client);
    assert_int_equal(client.error, 0);
    assert_non_null(strstr(client.got.ptr, "Connection: close\r\n"));
    assert_non_null(strstr(client.got.ptr, "last"));
    assert_int_equal(kit.requests, 1);
    client_close(&client);
    kit_stop(&kit);
}

/* ---- the client's side --------------------------------------------------------------------- */

static void test_half_close(void **state)
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
    assert_false(http_exchange_half_closed(kit.kept[0]));
    assert_int_equal(shutdown(client.fd, SHUT_WR), 0);
    assert_int_equal(kit.half_closed, 0);
    kit_until(&kit, http_exchange_half_closed(kit.kept[0]));
    assert_int_equal(kit.half_closed, 1);
    assert_int_equal(kit.closed, 0);
    http_respond(kit.kept[0], 200, NULL, 0, DIFY_SLICE("still there"));
    client_until_end(&kit, &client);
    assert_int_equal(client.error, 0);
    size_t used;
    assert_int_equal(count_answers(&client.got, &used), 2);
    assert_int_equal(used, client.got.len);
    assert_int_equal(kit.completed, 2);
    client_close(&client);
    kit_stop(&kit);
}

static void test_half_close_in_body(void **state)
{
    (void)state;
    static const char *const requests[] = {
        "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 10\r\n\r\nabc",
        "POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n",
    };
    struct kit kit;
    kit_init(&kit);
    kit_start(&kit);
    for (size_t i = 0; i < COUNT_OF(requests); i++) {
        struct client client;
        client_connect(&kit, &client);
        client_say(&kit, &client, requests[i]);
        assert_int_equal(shutdown(client.fd, SHUT_WR), 0);
        client_until_end(&kit, &client);
        assert_int_equal(status_at(&client.got, 0), 400);
        assert_int_equal(kit.broken, i + 1);
        client_close(&client);
    }
    struct client client;
    client_connect(&kit, &client);
    client_say(&kit, &client, "GET / HT");
    assert_int_equal(shutdown(client.fd, SHUT_WR), 0);
    client_until_end(&kit, &client);
    assert_int_equal(client.got.len, 0);
    client_close(&client);
    kit_stop(&kit);
}

static void reset(struct client *client)
{
    struct linger linger = {1, 0};
    assert_int_equal(setsockopt(client->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger), 0);
    client_close(client);
}

static void test_client_resets(void **state)
{
    (void)state;
    static const char *const requests[] = {
        "GET /keep HTTP/1.1\r\n" HOST "\r\n",
        "GET /sse HTTP/1.1\r\n" HOST "\r\n",
        "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 10\r\n\r\nabc",
        "POST /pause HTTP/1.1\r\n" HOST "Content-Length: 10\r\n\r\nabc",
        "POST /keep HTTP/1.1\r\n" HOST "Content-Length: 10\r\n\r\nabc",
    };
    struct kit kit;
    kit_init(&kit);
    kit_start(&kit);
    for (size_t i = 0; i < COUNT_OF(requests); i++) {
        struct client client;
        client_connect(&kit, &client);
        client_say(&kit, &client, requests[i]);
        kit_until(&kit, kit.requests == i + 1);
        reset(&client);
        kit_until(&kit, kit.closed == i + 1);
    }
    assert_int_equal(kit.completed, 0);
    assert_int_equal(kit.broken, 2);
    kit_stop(&kit);
}

/* ---- the server's end ---------------------------------------------------------------------- */

static void test_drain(void **state)
{
    (void)state;
    struct kit kit;
    struct client idle, busy, begun, late;
    size_t used;
    kit_init(&kit);
    kit_start(&kit);
    client_connect(&kit, &idle);
    client_say(&kit, &idle, "GET /hello HTTP/1.1\r\n" HOST "\r\n");
    client_answers(&kit, &idle, 1);
    client_connect(&kit, &busy);
    client_say(&kit, &busy, "GET /keep HTTP/1.1\r\n" HOST "\r\n");
    client_connect(&kit, &begun);
    client_say(&kit, &begun, "GET /hello HTTP/1.1\r\nHo");
    client_connect(&kit, &late);
    kit_until(&kit, kit.kept[0] != NULL);
    kit_until(&kit, http_server_stats(kit.server).connections == 4);
    for (int i = 0; i < 5; i++) /* the half head is read */
        kit_turn(&kit);
    uint16_t port = http_server_port(kit.server);
    assert_int_not_equal(port, 0);
    http_server_drain(kit.server);
    assert_int_equal(http_server_port(kit.server), 0);
    client_until_end(&kit, &idle);
    client_until_end(&kit, &late);
    assert_int_equal(kit.closed, 1);
    client_say(&kit, &begun, "st: a\r\n\r\n");
    client_until_end(&kit, &begun);
    assert_int_equal(count_answers(&begun.got, &used), 1);
    assert_non_null(strstr(begun.got.ptr, "Connection: close\r\n"));
    http_respond(kit.kept[0], 200, NULL, 0, DIFY_SLICE("done"));
    client_until_end(&kit, &busy);
    assert_int_equal(count_answers(&busy.got, &used), 1);
    client_close(&idle);
    client_close(&busy);
    client_close(&begun);
    client_close(&late);
    kit_until(&kit, http_server_stats(kit.server).open_connections == 0);
    kit_stop(&kit);
}

static void test_close_cuts(void **state)
{
    (void)state;
    struct kit kit;
    struct client clients[3];
    kit_init(&kit);
    kit_start(&kit);
    for (int i = 0; i < 3; i++)
        client_connect(&kit, &clients[i]);
    client_say(&kit, &clients[0], "GET /keep HTTP/1.1\r\n" HOST "\r\n");
    client_say(&kit, &clients[1], "GET /sse HTTP/1.1\r\n" HOST "\r\n");
    kit_until(&kit, kit.kept_count == 2);
    kit_stop(&kit); /* checks that each exchange was closed, and the memory */
    assert_int_equal(kit.completed, 0);
    for (int i = 0; i < 3; i++)
        client_close(&clients[i]);
}

/* A whole answer that the client has not read yet is not taken away from it. */
static void test_close_after_answers(void **state)
{
    (void)state;
    for (int drains = 0; drains < 2; drains++) {
        struct kit kit;
        struct client client;
        struct text body = {NULL, 0, 0};
        size_t used;
        kit_init(&kit);
        kit_start(&kit);
        text_add_repeated(&body, 'b', 100000);
        client_connect(&kit, &client);
        client_say(&kit, &client, "GET /keep HTTP/1.1\r\n" HOST "\r\n");
        kit_until(&kit, kit.kept[0] != NULL);
        http_respond(kit.kept[0], 200, NULL, 0, text_slice(&body));
        kit_until(&kit, kit.completed == 1);
        if (drains) {
            http_server_drain(kit.server);
            kit_turn(&kit);
        }
        kit_stop(&kit);
        while (!client.is_ended && client.error == 0)
            client_read(&client);
        assert_int_equal(client.error, 0);
        assert_int_equal(count_answers(&client.got, &used), 1);
        assert_int_equal(used, client.got.len);
        client_close(&client);
        text_fini(&body);
    }
}

static void close_on_request(void *ctx, struct http_exchange *exchange)
{
    struct kit *kit = ctx;
    (void)exchange;
    if (kit->requests++ == 0)
        http_server_close(kit->server, NULL, NULL);
}

/* Nobody is asked any more once the server is closed: not by another connection whose request has
 * come in the same turn, and not by the same one. */
static void test_nothing_after_close(void **state)
{
    (void)state;
    struct kit kit;
    struct client clients[3];
    kit_init(&kit);
    kit.options.on_request = close_on_request;
    kit_start(&kit);
    for (int i = 0; i < 3; i++)
        client_connect(&kit, &clients[i]);
    kit_until(&kit, http_server_stats(kit.server).connections == 3);
    for (int i = 0; i < 3; i++)
        client_say(&kit, &clients[i],
                   "GET /a HTTP/1.1\r\n" HOST "\r\nGET /b HTTP/1.1\r\n" HOST "\r\n");
    kit_fini(&kit); /* runs the loop to its end */
    assert_int_equal(kit.requests, 1);
    for (int i = 0; i < 3; i++)
        client_close(&clients[i]);
}

static void test_max_connections(void **state)
{
    (void)state;
    struct kit kit;
    struct client first, second;
    kit_init(&kit);
    kit.options.max_connections = 1;
    kit_start(&kit);
    client_connect(&kit, &first);
    client_say(&kit, &first, "GET /hello HTTP/1.1\r\n" HOST "\r\n");
    client_answers(&kit, &first, 1);
    client_connect(&kit, &second);
    client_say(&kit, &second, "GET /hello HTTP/1.1\r\n" HOST "\r\n");
    client_until_end(&kit, &second);
    assert_int_equal(status_at(&second.got, 0), 503);
    assert_int_equal(kit.requests, 1);
    client_close(&second);
    client_close(&first);
    kit_until(&kit, http_server_stats(kit.server).open_connections == 0);
    struct text got = ask(&kit, "GET /hello HTTP/1.1\r\n" HOST "\r\n");
    assert_int_equal(status_at(&got, 0), 200);
    text_fini(&got);
    kit_stop(&kit);
}

/* ---- listening ----------------------------------------------------------------------------- */

static void test_unix(void **state)
{
    (void)state;
    char folder[] = "/tmp/http_test_XXXXXX", path[64];
    struct stat stat;
    struct kit kit;
    struct client client;
    struct dify_error error;
    kit_init(&kit);
    kit_start(&kit);
    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof path, "%s/socket", folder);
    /* a socket that nobody listens on any more */
    struct sockaddr_un address;
    memset(&address, 0, sizeof address);
    address.sun_family = AF_UNIX;
    memcpy(address.sun_path, path, strlen(path) + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    close(fd);
    assert_int_equal(http_server_listen_unix(kit.server, path, 0600, &error), DIFY_OK);
    assert_int_equal(lstat(path, &stat), 0);
    assert_int_equal(stat.st_mode & 0777, 0600);
    assert_int_equal(http_server_listen_unix(kit.server, path, 0600, &error), DIFY_ERR_ARGUMENT);
    assert_string_equal(error.message, "address already in use");
    client_connect_unix(&client, path);
    client_say(&kit, &client, "GET /hello HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n");
    client_until_end(&kit, &client);
    assert_int_equal(status_at(&client.got, 0), 200);
    client_close(&client);
    client_connect_unix(&client, path);
    client_say(&kit, &client, "GET /keep HTTP/1.1\r\n" HOST "\r\n");
    kit_until(&kit, kit.kept[0] != NULL);
    http_exchange_cut(kit.kept[0], true, true); /* no reset here; it ends */
    client_until_end(&kit, &client);
    client_close(&client);
    kit_stop(&kit);
    assert_int_not_equal(lstat(path, &stat), 0);
    /* a file is left alone */
    kit_init(&kit);
    kit_start(&kit);
    fd = open(path, O_CREAT | O_WRONLY, 0600);
    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(http_server_listen_unix(kit.server, path, 0600, &error), DIFY_ERR_ARGUMENT);
    assert_int_equal(lstat(path, &stat), 0);
    kit_stop(&kit);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(folder), 0);
}

/* A socket whose queue of connections is full is alive; whoever asks is not made to wait. */
static void test_unix_busy(void **state)
{
    (void)state;
    char folder[] = "/tmp/http_test_XXXXXX", path[64];
    struct kit kit;
    struct sockaddr_un address;
    struct dify_error error;
    int fds[8], count = 0;
    kit_init(&kit);
    kit_start(&kit);
    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof path, "%s/socket", folder);
    memset(&address, 0, sizeof address);
    address.sun_family = AF_UNIX;
    memcpy(address.sun_path, path, strlen(path) + 1);
    int listener = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(listener, 0), 0);
    do {
        assert_in_range(count, 0, 7);
        fds[count] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    } while (connect(fds[count++], (struct sockaddr *)&address, sizeof address) == 0);
    assert_int_equal(errno, EAGAIN);
    (void)alarm(60); /* a server that waits would do so for ever */
    assert_int_equal(http_server_listen_unix(kit.server, path, 0600, &error), DIFY_ERR_ARGUMENT);
    (void)alarm(0);
    assert_string_equal(error.message, "address already in use");
    while (count != 0)
        close(fds[--count]);
    close(listener);
    kit_stop(&kit);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(folder), 0);
}

/* A server removes its own file only. */
static void test_unix_taken_over(void **state)
{
    (void)state;
    char folder[] = "/tmp/http_test_XXXXXX", path[64];
    struct kit first, second;
    struct client client;
    struct dify_error error;
    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof path, "%s/socket", folder);
    kit_init(&first);
    kit_start(&first);
    kit_init(&second);
    kit_start(&second);
    assert_int_equal(http_server_listen_unix(first.server, path, 0600, &error), DIFY_OK);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(http_server_listen_unix(second.server, path, 0600, &error), DIFY_OK);
    kit_stop(&first);
    client_connect_unix(&client, path);
    client_say(&second, &client, "GET /hello HTTP/1.1\r\n" HOST "\r\n");
    client_answers(&second, &client, 1);
    client_close(&client);
    kit_stop(&second);
    assert_int_equal(rmdir(folder), 0);
}

/* A name that leads to the same address twice. */
int __real_getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
                       struct addrinfo **found);
int __wrap_getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
                       struct addrinfo **found);

int __wrap_getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
                       struct addrinfo **found)
{
    bool is_twice = strcmp(host, "twice.test") == 0;
    int err = __real_getaddrinfo(is_twice ? "127.0.0.1" : host, service, hints, found);
    if (err == 0 && is_twice)
        err = __real_getaddrinfo("127.0.0.1", service, hints, &(*found)->ai_next);
    return err;
}

static void test_same_address_twice(void **state)
{
    (void)state;
    struct kit kit;
    struct dify_error error = {.message = ""};
    kit_init(&kit);
    kit_start(&kit);
    if (http_server_listen(kit.server, "twice.test", 0, &error) != DIFY_OK)
        fail_msg("%s", error.message);
    kit_stop(&kit);
}

static void test_listen(void **state)
{
    (void)state;
    struct kit kit;
    struct dify_error error;
    kit_init(&kit);
    kit_start(&kit);
    uint16_t port = http_server_port(kit.server);
    assert_int_equal(http_server_listen(kit.server, "127.0.0.1", port, &error), DIFY_ERR_ARGUMENT);
    assert_string_equal(error.message, "address already in use");
    assert_int_equal(http_server_listen(kit.server, "no such host", 0, NULL), DIFY_ERR_ARGUMENT);
    assert_int_equal(http_server_listen(kit.server, "203.0.113.1", 0, &error), DIFY_ERR_ARGUMENT);
    struct addrinfo *found = NULL;
    if (getaddrinfo("localhost", NULL, NULL, &found) != 0)
        print_message("no localhost here\n"); /* a system without /etc/hosts */
    else
        assert_int_equal(http_server_listen(kit.server, "localhost", 0, &error), DIFY_OK);
    if (found != NULL)
        freeaddrinfo(found);
    int fd = socket(AF_INET6, SOCK_STREAM, 0);
    if (fd >= 0 && http_server_listen(kit.server, "::1", 0, &error) != DIFY_OK)
        print_message("no IPv6 here: %s\n", error.message);
    if (fd >= 0)
        close(fd);
    assert_int_equal(http_server_port(kit.server), port);
    struct text got = ask(&kit, "GET /hello HTTP/1.1\r\n" HOST "\r\n");
    assert_int_equal(status_at(&got, 0), 200);
    text_fini(&got);
    kit_stop(&kit);
}

static void test_arguments(void **state)
{
    (void)state;
    struct http_server_options options = {.on_request = NULL};
    struct http_server *server;
    uv_loop_t loop;
    assert_int_equal(uv_loop_init(&loop), 0);
    assert_int_equal(http_server_new(&loop, &options, &server), DIFY_ERR_ARGUMENT);
    assert_int_equal(uv_loop_close(&loop), 0);
    assert_string_equal(http_reason(404), "Not Found");
    assert_string_equal(http_reason(299), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_trailers),
        cmocka_unit_test(test_cut),
        cmocka_unit_test(test_cut_in_visit),
        cmocka_unit_test(test_cut_flushes_all),
        cmocka_unit_test(test_cut_resets_who_does_not_read),
        cmocka_unit_test(test_short_answer),
        cmocka_unit_test(test_reset_on_next),
        cmocka_unit_test(test_close_after),
        cmocka_unit_test(test_half_close),
        cmocka_unit_test(test_half_close_in_body),
        cmocka_unit_test(test_client_resets),
        cmocka_unit_test(test_drain),
        cmocka_unit_test(test_close_cuts),
        cmocka_unit_test(test_close_after_answers),
        cmocka_unit_test(test_nothing_after_close),
        cmocka_unit_test(test_max_connections),
        cmocka_unit_test(test_unix),
        cmocka_unit_test(test_unix_busy),
        cmocka_unit_test(test_unix_taken_over),
        cmocka_unit_test(test_same_address_twice),
        cmocka_unit_test(test_listen),
        cmocka_unit_test(test_arguments),
    };
    return cmocka_run_group_tests_name("endings", tests, NULL, NULL);
}
