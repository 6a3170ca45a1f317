/* SPDX-License-Identifier: Apache-2.0
 *
 * test_crowd.c: several streams of which a host tells at once: what they have brought is read
 * before any of it is told, so whoever is told of one may cancel or pause another whose bytes are
 * there already.
 */
#include "../unit/support.h"

#include "client/transfer_state.h"

#include <arpa/inet.h>
#include <limits.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#define HEAD "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
#define MEMBERS (DIFY__RECEIVED + 1)

struct crowd;

struct member {
    struct crowd *crowd;
    struct dify__exchange *exchange;
    int peer;
    size_t len;   /* of the body */
    uint64_t sum; /* of its bytes */
    unsigned sendings, ends;
    enum dify__failure failure;
    struct member *cancels_at_body, *cancels_at_end, *pauses_at_body;
};

struct crowd {
    struct meter meter;
    struct dify_client *client;
    struct dify_app *app;
    int listener;
    char base_url[64];
    struct member members[MEMBERS];
    size_t count;
};

static void on_head(void *ctx, const struct dify__head *head)
{
    (void)ctx;
    assert_int_equal(head->status, 200);
}

static void cancel(struct crowd *crowd, struct member *member)
{
    if (member != NULL && member->exchange != NULL)
        crowd->client->transport.cancel(crowd->client, member->exchange);
    if (member != NULL)
        member->exchange = NULL;
}

static void on_body(void *ctx, struct dify_slice bytes)
{
    struct member *member = ctx;
    struct crowd *crowd = member->crowd;
    assert_non_null(member->exchange);
    for (size_t i = 0; i < bytes.len; i++)
        member->sum += (unsigned char)bytes.ptr[i];
    member->len += bytes.len;
    cancel(crowd, member->cancels_at_body);
    if (member->pauses_at_body != NULL)
        crowd->client->transport.pause(crowd->client, member->pauses_at_body->exchange, true);
}

static void on_end(void *ctx, const struct dify__end *end)
{
    struct member *member = ctx;
    assert_non_null(member->exchange);
    member->exchange = NULL;
    member->failure = end->failure;
    member->ends++;
    cancel(member->crowd, member->cancels_at_end);
}

static void on_sending(void *ctx)
{
    struct member *member = ctx;
    member->sendings++;
}

static void start(struct crowd *crowd, struct member *member, unsigned flags)
{
    const struct dify__request request = {
        .flags = flags, .path = "/workflows/run", .body = DIFY_SLICE("{\"inputs\":{}}")};
    const struct dify__receiver receiver = {
        .ctx = member, .head = on_head, .body = on_body, .end = on_end, .sending = on_sending};
    *member = (struct member){.crowd = crowd};
    assert_int_equal(crowd->client->transport.start(crowd->client, crowd->app, &request, &receiver,
                                                    &member->exchange),
                     DIFY_OK);
    crowd->client->env.changed(crowd->client->env.ctx);
}

static void join(struct crowd *crowd, struct member *member)
{
    start(crowd, member, DIFY__REQUEST_POST | DIFY__REQUEST_FRESH | DIFY__REQUEST_STREAM);
    while (member->sendings == 0)
        (void)dify_client_wait(crowd->client, 20000);
    member->peer = accept(crowd->listener, NULL, NULL);
    assert_true(member->peer >= 0);
}

static struct crowd *begin(size_t count)
{
    struct crowd *crowd = calloc(1, sizeof *crowd);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    meter_init(&crowd->meter);
    crowd->listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(crowd->listener, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(crowd->listener, 8), 0);
    assert_int_equal(getsockname(crowd->listener, (struct sockaddr *)&at, &size), 0);
    snprintf(crowd->base_url, sizeof crowd->base_url, "http://127.0.0.1:%d/v1", ntohs(at.sin_port));
    const struct dify_client_options how = {.size = sizeof how,
                                            .allocator = &crowd->meter.allocator};
    const struct dify_app_options where = {
        .size = sizeof where, .base_url = crowd->base_url, .api_key = "app-key", .proxy = ""};
    assert_int_equal(dify_client_new(&how, &crowd->client), DIFY_OK);
    assert_int_equal(dify_app_new(crowd->client, &where, &crowd->app, NULL), DIFY_OK);
    crowd->client->env.under_way++; /* or the client would not wait */
    crowd->count = count;
    for (size_t i = 0; i < count; i++)
        join(crowd, &crowd->members[i]);
    return crowd;
}

static void end(struct crowd *crowd)
{
    dify_app_free(crowd->app);
    dify_client_free(crowd->client);
    for (size_t i = 0; i < crowd->count; i++)
        close(crowd->members[i].peer);
    close(crowd->listener);
    assert_meter_empty(&crowd->meter);
    free(crowd);
}

static int fd_of(const struct member *member)
{
    return member->exchange->wire.fd;
}

/* Sends, and waits until it is there. */
static void say(const struct member *member, const char *text, size_t len)
{
    struct pollfd there = {.fd = fd_of(member), .events = POLLIN};
    assert_int_equal(send(member->peer, text, len, MSG_NOSIGNAL), len);
    assert_int_equal(poll(&there, 1, 20000), 1);
}

static void say_text(const struct member *member, const char *text)
{
    say(member, text, strlen(text));
}

/* The host tells of the first `count` members. */
static void tell(struct crowd *crowd, size_t count)
{
    struct dify_client_ready ready[MEMBERS];
    for (size_t i = 0; i < count; i++)
        ready[i] = (struct dify_client_ready){fd_of(&crowd->members[i]), DIFY_WATCH_READ};
    dify_client_sockets(crowd->client, ready, count);
}

/* One more than are read before they are told. */
static void test_many(void **state)
{
    struct crowd *crowd = begin(MEMBERS);
    char text[128];
    (void)state;
    for (size_t i = 0; i < MEMBERS; i++) {
        snprintf(text, sizeof text, HEAD "2\r\na%c\r\n0\r\n\r\n", (char)('!' + i));
        say_text(&crowd->members[i], text);
    }
    tell(crowd, MEMBERS);
    for (size_t i = 0; i < MEMBERS; i++) {
        assert_int_equal(crowd->members[i].len, 2);
        assert_int_equal(crowd->members[i].sum, 'a' + '!' + i);
        assert_int_equal(crowd->members[i].ends, 1);
        assert_int_equal(crowd->members[i].failure, DIFY__WHOLE);
    }
    end(crowd);
}

/* What fills the memory for reading leaves less than is read with; so the next one is read anew. */
static void test_room(void **state)
{
    struct crowd *crowd = begin(3);
    size_t head = strlen(HEAD "C000\r\n"), len = head + 0xC000;
    char *text = malloc(len);
    (void)state;
    memcpy(text, HEAD "C000\r\n", head);
    memset(text + head, 1, len - head);
    for (size_t i = 0; i < 3; i++)
        say(&crowd->members[i], text, len);
    while (crowd->members[2].len < 0xC000) /* it may come in pieces */
        tell(crowd, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(crowd->members[i].len, 0xC000);
        assert_int_equal(crowd->members[i].sum, 0xC000);
    }
    end(crowd);
    free(text);
}

/* It hears nothing more, though its bytes, and its end, were read. */
static void test_cancels_another(void **state)
{
    (void)state;
    for (int at_end = 0; at_end < 2; at_end++) {
        for (size_t first = 0; first < 2; first++) {
            struct crowd *crowd = begin(2);
            struct member *one = &crowd->members[first], *other = &crowd->members[1 - first];
            one->cancels_at_body = at_end == 0 ? other : NULL;
            one->cancels_at_end = at_end != 0 ? other : NULL;
            say_text(one, HEAD "1\r\na\r\n0\r\n\r\n");
            say_text(other, HEAD "1\r\nb\r\n0\r\n\r\n");
            tell(crowd, 2);
            assert_int_equal(one->len, 1);
            assert_int_equal(one->ends, 1);
            assert_int_equal(other->len, first == 1 || at_end != 0);
            assert_int_equal(other->ends, at_end != 0 && first == 1);
            assert_null(crowd->client->transfers);
            end(crowd);
        }
    }
}

/* Up to where libcurl makes its connection. */
static void start_of_curl(struct crowd *crowd, struct member *member)
{
    start(crowd, member, DIFY__REQUEST_FRESH);
    while (member->exchange->made < 0)
        dify_client_timeout(crowd->client);
}

static void assert_is_cancelled_by(const struct member *one, const struct member *other)
{
    assert_int_equal(one->len, 1);
    assert_null(other->exchange);
    assert_int_equal(other->sendings, 0);
}

/* One of libcurl's, whose connection has come to stand: it is not sent any more. */
static void test_cancels_one_of_curl(void **state)
{
    struct crowd *crowd = begin(1);
    (void)state;
    struct member *one = &crowd->members[0], *other = &crowd->members[1];
    one->cancels_at_body = other;
    start_of_curl(crowd, other);
    const struct dify_client_ready ready[] = {{fd_of(one), DIFY_WATCH_READ},
                                              {other->exchange->made, DIFY_WATCH_WRITE}};
    say_text(one, HEAD "1\r\na\r\n");
    assert_int_equal(other->sendings, 0);
    dify_client_sockets(crowd->client, ready, COUNT_OF(ready));
    assert_is_cancelled_by(one, other);
    end(crowd);
}

/* The same by one of libcurl's, which goes on with all that are due. */
static void test_curl_cancels_one_of_curl(void **state)
{
    struct crowd *crowd = begin(0);
    (void)state;
    struct member *one = &crowd->members[0], *other = &crowd->members[1];
    start(crowd, one, DIFY__REQUEST_FRESH);
    while (one->sendings == 0)
        (void)dify_client_wait(crowd->client, 20000);
    one->peer = accept(crowd->listener, NULL, NULL);
    crowd->count = 1;
    one->cancels_at_body = other;
    start_of_curl(crowd, other);
    poll(NULL, 0, 250); /* after 200 libcurl looks again, whatever has happened */
    struct pollfd there = {.fd = one->exchange->made, .events = POLLIN};
    assert_true(send(one->peer, HEAD "1\r\na\r\n", strlen(HEAD "1\r\na\r\n"), 0) > 0);
    assert_int_equal(poll(&there, 1, 20000), 1);
    assert_int_equal(other->sendings, 0);
    dify_client_socket(crowd->client, there.fd, DIFY_WATCH_READ);
    assert_is_cancelled_by(one, other);
    end(crowd);
}

static void test_pauses_another(void **state)
{
    struct crowd *crowd = begin(2);
    (void)state;
    struct member *one = &crowd->members[0], *other = &crowd->members[1];
    one->pauses_at_body = other;
    say_text(one, HEAD "1\r\na\r\n");
    say_text(other, HEAD "1\r\nb\r\n1\r\nc\r\n0\r\n\r\n");
    tell(crowd, 2);
    assert_int_equal(one->len, 1);
    assert_int_equal(other->len, 0);
    tell(crowd, 2);
    assert_int_equal(other->len, 0); /* however often the host says that it is ready */
    crowd->client->transport.pause(crowd->client, other->exchange, false);
    while (other->ends == 0)
        (void)dify_client_wait(crowd->client, 20000);
    assert_int_equal(other->sum, 'b' + 'c');
    assert_int_equal(other->failure, DIFY__WHOLE);
    end(crowd);
}

/* One that is paused as its answer ends has its end told all the same: its last byte has come, or
 * its connection is closed. */
static void test_ends_while_paused(void **state)
{
    (void)state;
    for (int is_closed = 0; is_closed < 2; is_closed++) {
        struct crowd *crowd = begin(2);
        struct member *one = &crowd->members[0], *other = &crowd->members[1];
        one->pauses_at_body = is_closed ? other : one;
        if (is_closed) {
            struct pollfd there = {.fd = fd_of(other), .events = POLLIN};
            shutdown(other->peer, SHUT_WR);
            assert_int_equal(poll(&there, 1, 20000), 1);
        }
        say_text(one, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na");
        tell(crowd, 2);
        assert_int_equal(one->len, 1);
        assert_int_equal(one->ends, 1);
        assert_int_equal(other->ends, is_closed);
        end(crowd);
    }
}

/* What is told twice, and paused by another meanwhile, loses nothing of what came before its end.
 */
static void test_paused_and_told_twice(void **state)
{
    struct crowd *crowd = begin(2);
    (void)state;
    struct member *one = &crowd->members[0], *other = &crowd->members[1];
    const struct dify_client_ready ready[] = {{fd_of(one), DIFY_WATCH_READ},
                                              {fd_of(other), DIFY_WATCH_READ},
                                              {fd_of(other), DIFY_WATCH_READ}};
    one->pauses_at_body = other;
    say_text(one, HEAD "1\r\na\r\n");
    say_text(other, HEAD "1\r\nb\r\n0\r\n\r\n");
    shutdown(other->peer, SHUT_WR);
    dify_client_sockets(crowd->client, ready, COUNT_OF(ready));
    assert_int_equal(other->len, 0);
    assert_int_equal(other->ends, 0);
    one->pauses_at_body = NULL;
    crowd->client->transport.pause(crowd->client, other->exchange, false);
    while (other->ends == 0)
        (void)dify_client_wait(crowd->client, 20000);
    assert_int_equal(other->sum, 'b');
    assert_int_equal(other->failure, DIFY__WHOLE);
    end(crowd);
}

/* Nor does it matter if the host tells of one twice, or of what is none of the client's. */
static void test_told_amiss(void **state)
{
    struct crowd *crowd = begin(2);
    (void)state;
    struct member *one = &crowd->members[0], *other = &crowd->members[1];
    int none = dup(crowd->listener);
    const struct dify_client_ready ready[] = {
        {-1, DIFY_WATCH_READ},       {fd_of(one), DIFY_WATCH_READ},
        {none, DIFY_WATCH_READ},     {fd_of(one), DIFY_WATCH_READ},
        {INT_MAX, DIFY_WATCH_WRITE}, {fd_of(other), DIFY_WATCH_READ | DIFY_WATCH_WRITE},
    };
    say_text(one, HEAD "1\r\na\r\n0\r\n\r\n");
    say_text(other, HEAD "1\r\nb\r\n");
    dify_client_sockets(crowd->client, ready, COUNT_OF(ready));
    assert_int_equal(one->len, 1);
    assert_int_equal(one->ends, 1);
    assert_int_equal(other->len, 1);
    dify_client_sockets(crowd->client, NULL, 0);
    close(none);
    end(crowd);
}

/* One is reset and one is closed, while a third goes on. */
static void test_failures(void **state)
{
    struct crowd *crowd = begin(3);
    struct linger at_once = {1, 0};
    (void)state;
    struct member *reset = &crowd->members[0], *closed = &crowd->members[1];
    struct pollfd there[] = {{fd_of(reset), POLLIN, 0}, {fd_of(closed), POLLIN, 0}};
    setsockopt(reset->peer, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close(reset->peer);
    shutdown(closed->peer, SHUT_WR);
    assert_true(poll(&there[0], 1, 20000) == 1 && poll(&there[1], 1, 20000) == 1);
    say_text(&crowd->members[2], HEAD "1\r\na\r\n");
    tell(crowd, 3);
    assert_int_equal(reset->ends, 1);
    assert_int_equal(reset->failure, DIFY__RESET);
    assert_int_equal(closed->ends, 1);
    assert_int_equal(closed->failure, DIFY__CLOSED);
    assert_int_equal(crowd->members[2].len, 1);
    assert_int_equal(crowd->members[2].ends, 0);
    reset->peer = dup(crowd->listener);
    end(crowd);
}

/* There is no memory to read with. */
static void test_without_memory(void **state)
{
    struct crowd *crowd = begin(2);
    (void)state;
    say_text(&crowd->members[0], HEAD "1\r\na\r\n");
    say_text(&crowd->members[1], HEAD "1\r\nb\r\n");
    crowd->meter.fail_at = crowd->meter.calls + 1;
    crowd->meter.fails_on = true;
    tell(crowd, 2);
    crowd->meter.fail_at = 0;
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(crowd->members[i].ends, 1);
        assert_int_equal(crowd->members[i].len, 0);
        assert_int_equal(crowd->members[i].failure, DIFY__NO_MEMORY);
    }
    end(crowd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_room),
        cmocka_unit_test(test_cancels_another),
        cmocka_unit_test(test_cancels_one_of_curl),
        cmocka_unit_test(test_curl_cancels_one_of_curl),
        cmocka_unit_test(test_pauses_another),
        cmocka_unit_test(test_ends_while_paused),
        cmocka_unit_test(test_paused_and_told_twice),
        cmocka_unit_test(test_told_amiss),
        cmocka_unit_test(test_failures),
        cmocka_unit_test(test_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
