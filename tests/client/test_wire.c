/* SPDX-License-Identifier: Apache-2.0
 *
 * test_wire.c: a stream's exchange over a socket, on the client's own host: what is sent, that
 * `sending` comes before it, pausing in the middle of what came, and cancelling from within; and on
 * a host that remembers what it was told to watch, and may refuse.
 */
#include "../unit/support.h"

#include "client/transfer_state.h"
#include "difystream/version.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#define BYTES 4096
#define SOCKETS 16
#define SOON_MS 40

/* A host by poll(). */
struct host {
    struct dify_client_host functions;
    struct pollfd sockets[SOCKETS];
    nfds_t count;
    unsigned watches, refused; /* so many it was asked for; the number of the one it refuses */
    uint64_t wake_ms;
};

struct scene {
    struct host host;
    struct dify_client *client;
    struct dify_app *app;
    struct dify__exchange *exchange;
    int listener, peer;
    char base_url[64], body[BYTES];
    size_t body_len;
    unsigned heads, ends, sendings;
    bool pauses_at_body, cancels_at_head, cancels_at_body, is_slow;
    struct dify__alarm alarm;
    enum dify__failure failure;
};

static void on_head(void *ctx, const struct dify__head *head)
{
    struct scene *scene = ctx;
    assert_int_equal(scene->sendings, 1);
    assert_int_equal(head->status, 200);
    scene->heads++;
    if (scene->cancels_at_head)
        scene->client->transport.cancel(scene->client, scene->exchange);
}

static void on_body(void *ctx, struct dify_slice bytes)
{
    struct scene *scene = ctx;
    assert_true(scene->body_len + bytes.len < BYTES);
    memcpy(scene->body + scene->body_len, bytes.ptr, bytes.len);
    scene->body_len += bytes.len;
    scene->body[scene->body_len] = '\0';
    if (scene->is_slow) {
        dify__alarm_in(&scene->client->env, &scene->alarm, SOON_MS);
        poll(NULL, 0, 2 * SOON_MS);
    }
    if (scene->pauses_at_body)
        scene->client->transport.pause(scene->client, scene->exchange, true);
    if (scene->cancels_at_body)
        scene->client->transport.cancel(scene->client, scene->exchange);
}

static void on_end(void *ctx, const struct dify__end *end)
{
    struct scene *scene = ctx;
    assert_true(end->may_have_been_sent);
    scene->failure = end->failure;
    scene->ends++;
}

static void on_sending(void *ctx)
{
    struct scene *scene = ctx;
    scene->sendings++;
}

static void turn(struct scene *scene)
{
    (void)dify_client_wait(scene->client, 20000);
}

static void begin(struct scene *scene)
{
    const struct dify__receiver receiver = {
        .ctx = scene, .head = on_head, .body = on_body, .end = on_end, .sending = on_sending};
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    scene->listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(scene->listener, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(scene->listener, 8), 0);
    assert_int_equal(getsockname(scene->listener, (struct sockaddr *)&at, &size), 0);
    snprintf(scene->base_url, sizeof scene->base_url, "http://127.0.0.1:%d/v1", ntohs(at.sin_port));
    const struct dify_app_options options = {
        .size = sizeof options, .base_url = scene->base_url, .api_key = "app-key", .proxy = ""};
    assert_int_equal(dify_client_new(NULL, &scene->client), DIFY_OK);
    assert_int_equal(dify_app_new(scene->client, &options, &scene->app, NULL), DIFY_OK);
    const struct dify__request request = {.flags = DIFY__REQUEST_POST | DIFY__REQUEST_FRESH |
                                                   DIFY__REQUEST_STREAM,
                                          .path = "/workflows/run",
                                          .body = DIFY_SLICE("{\"inputs\":{}}")};
    scene->client->env.under_way++; /* or the client would not wait */
    assert_int_equal(scene->client->transport.start(scene->client, scene->app, &request, &receiver,
                                                    &scene->exchange),
                     DIFY_OK);
    scene->client->env.changed(scene->client->env.ctx);
    while (scene->sendings == 0)
        turn(scene);
    scene->peer = accept(scene->listener, NULL, NULL);
}

static void end(struct scene *scene)
{
    dify_app_free(scene->app);
    dify_client_free(scene->client);
    close(scene->peer);
    close(scene->listener);
}

static void say(const struct scene *scene, const char *text)
{
    assert_int_equal(send(scene->peer, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

#define HEAD "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

static void test_request(void **state)
{
    struct scene scene = {.peer = -1};
    char wanted[BYTES], got[BYTES];
    size_t len = 0;
    (void)state;
    begin(&scene);
    snprintf(wanted, sizeof wanted,
             "POST /v1/workflows/run HTTP/1.1\r\nHost: %.*s\r\nUser-Agent: difystream/" DIFY_VERSION
             "\r\nAuthorization: Bearer app-key\r\nAccept: text/event-stream, application/json\r\n"
             "Content-Type: application/json\r\nContent-Length: 13\r\n\r\n{\"inputs\":{}}",
             (int)strcspn(scene.base_url + 7, "/"), scene.base_url + 7);
    while (len < strlen(wanted))
        len += (size_t)recv(scene.peer, got + len, sizeof got - 1 - len, 0);
    got[len] = '\0';
    assert_string_equal(got, wanted);
    say(&scene, HEAD "5\r\nhello\r\n0\r\n\r\n");
    while (scene.ends == 0)
        turn(&scene);
    assert_string_equal(scene.body, "hello");
    assert_int_equal(scene.failure, DIFY__WHOLE);
    assert_int_equal(scene.heads, 1);
    end(&scene);
}

/* All of it comes at once; each chunk is told only when it goes on. */
static void test_pause(void **state)
{
    struct scene scene = {.peer = -1, .pauses_at_body = true};
    (void)state;
    begin(&scene);
    say(&scene, HEAD "1\r\na\r\n1\r\nb\r\n1\r\nc\r\n0\r\n\r\n");
    for (size_t told = 1; told <= 3; told++) {
        while (scene.body_len < told)
            turn(&scene);
        assert_int_equal(scene.body_len, told);
        assert_int_equal(scene.ends, 0);
        (void)dify_client_wait(scene.client, 0);
        assert_int_equal(scene.body_len, told); /* however often the host says that it is ready */
        scene.client->transport.pause(scene.client, scene.exchange, false);
    }
    while (scene.ends == 0)
        turn(&scene);
    assert_string_equal(scene.body, "abc");
    assert_int_equal(scene.failure, DIFY__WHOLE);
    end(&scene);
}

/* Its peer has gone meanwhile: what came before is told all the same. */
static void test_pause_then_reset(void **state)
{
    struct scene scene = {.peer = -1, .pauses_at_body = true};
    struct linger at_once = {1, 0};
    (void)state;
    begin(&scene);
    say(&scene, HEAD "1\r\na\r\n");
    while (scene.body_len == 0)
        turn(&scene);
    setsockopt(scene.peer, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close(scene.peer);
    scene.pauses_at_body = false;
    scene.client->transport.pause(scene.client, scene.exchange, false);
    while (scene.ends == 0)
        turn(&scene);
    assert_int_equal(scene.failure, DIFY__RESET);
    scene.peer = -1;
    end(&scene);
}

/* A host may say but once that a socket has failed: all that came before is read then. */
static void test_failure_is_told_once(void **state)
{
    struct scene scene = {.peer = -1};
    struct linger at_once = {1, 0};
    (void)state;
    begin(&scene);
    say(&scene, HEAD "1\r\na\r\n");
    setsockopt(scene.peer, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close(scene.peer);
    dify_client_socket(scene.client, scene.exchange->wire.fd, DIFY_WATCH_READ | DIFY_WATCH_WRITE);
    assert_string_equal(scene.body, "a");
    assert_int_equal(scene.ends, 1);
    assert_int_equal(scene.failure, DIFY__RESET);
    scene.peer = -1;
    end(&scene);
}

static void test_cancel(void **state)
{
    (void)state;
    for (int at_head = 0; at_head < 2; at_head++) {
        struct scene scene = {
            .peer = -1, .cancels_at_head = at_head != 0, .cancels_at_body = at_head == 0};
        begin(&scene);
        say(&scene, HEAD "1\r\na\r\n1\r\nb\r\n");
        while (scene.client->transfers != NULL)
            turn(&scene);
        assert_int_equal(scene.body_len, at_head == 0);
        assert_int_equal(scene.ends, 0);
        end(&scene);
    }
}

/* Freed while it is under way. */
static void test_left(void **state)
{
    struct scene scene = {.peer = -1};
    (void)state;
    begin(&scene);
    end(&scene);
    assert_int_equal(scene.ends, 0);
}

/* ---- another host -------------------------------------------------------------------------- */

static bool host_watch(void *ctx, int fd, unsigned what)
{
    struct host *host = ctx;
    nfds_t i = 0;
    while (i < host->count && host->sockets[i].fd != fd)
        i++;
    if (what == DIFY_WATCH_NOTHING) {
        if (i < host->count)
            host->sockets[i] = host->sockets[--host->count];
        return true;
    }
    if (++host->watches == host->refused)
        return false;
    assert_true(i < SOCKETS);
    host->count += i == host->count;
    host->sockets[i] = (struct pollfd){
        .fd = fd,
        .events = (short)(((what & DIFY_WATCH_READ) != 0 ? POLLIN : 0) |
                          ((what & DIFY_WATCH_WRITE) != 0 ? POLLOUT : 0)),
    };
    return true;
}

static void host_wake(void *ctx, uint64_t ms)
{
    struct host *host = ctx;
    host->wake_ms = ms;
}

static void host_turn(struct scene *scene)
{
    struct host *host = &scene->host;
    bool waits = host->wake_ms > 20000;
    int count = poll(host->sockets, host->count, waits ? 20000 : (int)host->wake_ms);
    struct pollfd ready[SOCKETS];
    nfds_t ready_count = host->count;
    assert_true(!waits || count > 0); /* something that was closed is never ready */
    memcpy(ready, host->sockets, sizeof ready);
    for (nfds_t i = 0; i < ready_count; i++) {
        assert_int_equal(ready[i].revents & POLLNVAL, 0);
        if (ready[i].revents != 0)
            dify_client_socket(scene->client, ready[i].fd,
                               ((ready[i].revents & ~POLLOUT) != 0 ? DIFY_WATCH_READ : 0u) |
                                   ((ready[i].revents & ~POLLIN) != 0 ? DIFY_WATCH_WRITE : 0u));
    }
    if (count == 0) {
        host->wake_ms = UINT64_MAX;
        dify_client_timeout(scene->client);
    }
}

static void on_unsent_end(void *ctx, const struct dify__end *end)
{
    struct scene *scene = ctx;
    assert_false(end->may_have_been_sent);
    scene->failure = end->failure;
    scene->ends++;
}

static void begin_on_host(struct scene *scene, const char *base_url)
{
    scene->host.functions = (struct dify_client_host){&scene->host, host_watch, host_wake};
    scene->host.wake_ms = UINT64_MAX;
    const struct dify__receiver receiver = {.ctx = scene,
                                            .head = on_head,
                                            .body = on_body,
                                            .end = on_unsent_end,
                                            .sending = on_sending};
    const struct dify_client_options how = {.size = sizeof how, .host = &scene->host.functions};
    const struct dify_app_options where = {
        .size = sizeof where, .base_url = base_url, .api_key = "app-key", .proxy = ""};
    assert_int_equal(dify_client_new(&how, &scene->client), DIFY_OK);
    assert_int_equal(dify_app_new(scene->client, &where, &scene->app, NULL), DIFY_OK);
    const struct dify__request request = {.flags = DIFY__REQUEST_POST | DIFY__REQUEST_FRESH |
                                                   DIFY__REQUEST_STREAM,
                                          .path = "/workflows/run",
                                          .body = DIFY_SLICE("{\"inputs\":{}}")};
    assert_int_equal(scene->client->transport.start(scene->client, scene->app, &request, &receiver,
                                                    &scene->exchange),
                     DIFY_OK);
    scene->client->env.changed(scene->client->env.ctx);
    while (scene->ends == 0 && scene->sendings == 0)
        host_turn(scene);
}

/* A name is looked up by a thread, whose socket libcurl closes by itself: the host must not be left
 * with it. No server is asked for a name with so long a part. */
static void test_host_of_a_name(void **state)
{
    struct scene scene = {.peer = -1};
    char base_url[128];
    (void)state;
    snprintf(base_url, sizeof base_url, "http://%070d.invalid/v1", 1);
    begin_on_host(&scene, base_url);
    assert_int_equal(scene.failure, DIFY__NO_CONNECTION);
    assert_int_equal(scene.host.count, 0);
    dify_app_free(scene.app);
    dify_client_free(scene.client);
}

/* Whichever watch of a connection a host refuses: nothing is sent then. A connection may stand
 * before libcurl has asked for any; the next is ours. */
static void test_host_refuses(void **state)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    char base_url[64], byte;
    (void)state;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(listener, 8), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&at, &size), 0);
    snprintf(base_url, sizeof base_url, "http://127.0.0.1:%d/v1", ntohs(at.sin_port));
    for (unsigned refused = 1; refused <= 2; refused++) {
        struct scene scene = {.host.refused = refused};
        begin_on_host(&scene, base_url);
        scene.peer = accept(listener, NULL, NULL);
        if (scene.host.watches >= refused) {
            assert_int_equal(scene.sendings, 0);
            assert_int_equal(scene.failure, DIFY__NO_CONNECTION);
            assert_int_equal(scene.host.count, 0);
            assert_int_equal(recv(scene.peer, &byte, 1, 0), 0);
        }
        dify_app_free(scene.app);
        dify_client_free(scene.client);
        close(scene.peer);
    }
    close(listener);
}

/* Time that a receiver takes counts: what it has set meanwhile is due. */
static void test_slow_receiver(void **state)
{
    struct scene scene = {.peer = -1, .is_slow = true};
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    (void)state;
    scene.listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(scene.listener, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(scene.listener, 8), 0);
    assert_int_equal(getsockname(scene.listener, (struct sockaddr *)&at, &size), 0);
    snprintf(scene.base_url, sizeof scene.base_url, "http://127.0.0.1:%d/v1", ntohs(at.sin_port));
    begin_on_host(&scene, scene.base_url);
    assert_int_equal(dify__reserve_alarms(&scene.client->env, 1), DIFY_OK);
    scene.peer = accept(scene.listener, NULL, NULL);
    say(&scene, HEAD "1\r\na\r\n");
    while (scene.body_len == 0)
        host_turn(&scene);
    assert_int_equal(scene.host.wake_ms, 0);
    dify__alarm_off(&scene.client->env, &scene.alarm);
    end(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_request),
        cmocka_unit_test(test_pause),
        cmocka_unit_test(test_pause_then_reset),
        cmocka_unit_test(test_cancel),
        cmocka_unit_test(test_left),
        cmocka_unit_test(test_failure_is_told_once),
        cmocka_unit_test(test_host_of_a_name),
        cmocka_unit_test(test_host_refuses),
        cmocka_unit_test(test_slow_receiver),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
