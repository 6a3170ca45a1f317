/* SPDX-License-Identifier: Apache-2.0
 *
 * test_dial.c: the connection of a stream to where the app's last one stood: that it is made
 * without libcurl, for how long, and that whatever goes wrong with it libcurl makes another.
 */
#include "../unit/support.h"

#include "client/transfer_state.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#define REMEMBERED_MS 60000
#define DIAL_MS 1000

struct scene {
    struct dify_client *client;
    struct dify_app *app;
    struct dify__exchange *exchange; /* the last one */
    int listener;
    char text[32]; /* its address */
    unsigned heads, ends, sendings;
    struct dify__end end;
    char address[64];
    struct meter meter;
    struct dify_client_host host; /* the client's own, which a test stands before */
    unsigned refusals;            /* watches that it refuses */
};

static struct sockaddr_in listen_at(int *out, int backlog)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    *out = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(*out, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(*out, backlog), 0);
    assert_int_equal(getsockname(*out, (struct sockaddr *)&at, &size), 0);
    return at;
}

static void on_head(void *ctx, const struct dify__head *head)
{
    struct scene *scene = ctx;
    assert_int_equal(head->status, 200);
    scene->heads++;
}

static void on_body(void *ctx, struct dify_slice bytes)
{
    (void)ctx;
    (void)bytes;
}

static void on_end(void *ctx, const struct dify__end *end)
{
    struct scene *scene = ctx;
    scene->end = *end;
    snprintf(scene->address, sizeof scene->address, "%.*s", (int)end->address.len,
             end->address.ptr != NULL ? end->address.ptr : "");
    scene->ends++;
}

static void on_sending(void *ctx)
{
    struct scene *scene = ctx;
    assert_int_equal(scene->exchange->state, DIFY__ON_WIRE); /* never while it is dialled */
    scene->sendings++;
}

/* Begins a stream. */
static void start(struct scene *scene)
{
    const struct dify__receiver receiver = {
        .ctx = scene, .head = on_head, .body = on_body, .end = on_end, .sending = on_sending};
    const struct dify__request request = {.flags = DIFY__REQUEST_POST | DIFY__REQUEST_FRESH |
                                                   DIFY__REQUEST_STREAM,
                                          .path = "/workflows/run",
                                          .body = DIFY_SLICE("{\"inputs\":{}}")};
    struct dify__transport *transport = &scene->client->transport;
    scene->heads = scene->ends = scene->sendings = 0;
    assert_int_equal(
        transport->start(scene->client, scene->app, &request, &receiver, &scene->exchange),
        DIFY_OK);
    scene->client->env.changed(scene->client->env.ctx);
}

static void turn(struct scene *scene)
{
    (void)dify_client_wait(scene->client, 20000);
}

/* The request comes, whole and once; it is answered, and the exchange ends well. */
static void answer(struct scene *scene)
{
    static const char text[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    static const char last[] = "\r\n\r\n{\"inputs\":{}}";
    char got[4096];
    size_t len = 0;
    while (scene->sendings == 0)
        turn(scene);
    int peer = accept(scene->listener, NULL, NULL);
    while (len < sizeof last || memcmp(got + len - sizeof last + 1, last, sizeof last - 1) != 0) {
        ssize_t count = recv(peer, got + len, sizeof got - len, 0);
        assert_true(count > 0);
        len += (size_t)count;
    }
    assert_memory_equal(got, "POST /v1/workflows/run HTTP/1.1\r\n", 33);
    assert_int_equal(send(peer, text, sizeof text - 1, MSG_NOSIGNAL), sizeof text - 1);
    while (scene->ends == 0)
        turn(scene);
    assert_int_equal(recv(peer, got, sizeof got, 0), 0);
    close(peer);
    assert_int_equal(scene->heads, 1);
    assert_int_equal(scene->sendings, 1);
    assert_int_equal(scene->end.failure, DIFY__WHOLE);
    assert_string_equal(scene->address, scene->text);
}

/* A client whose app had one stream, over a connection of libcurl's. */
static void begin(struct scene *scene)
{
    char base_url[64];
    struct sockaddr_in at = listen_at(&scene->listener, 8);
    snprintf(scene->text, sizeof scene->text, "127.0.0.1:%d", ntohs(at.sin_port));
    snprintf(base_url, sizeof base_url, "http://%s/v1", scene->text);
    meter_init(&scene->meter);
    const struct dify_client_options how = {.size = sizeof how,
                                            .allocator = &scene->meter.allocator};
    const struct dify_app_options where = {
        .size = sizeof where, .base_url = base_url, .api_key = "app-key", .proxy = ""};
    assert_int_equal(dify_client_new(&how, &scene->client), DIFY_OK);
    assert_int_equal(dify_app_new(scene->client, &where, &scene->app, NULL), DIFY_OK);
    scene->client->env.under_way++; /* or the client would not wait */
    start(scene);
    assert_int_equal(scene->exchange->state, DIFY__RUNNING);
    answer(scene);
    assert_true(scene->app->peer.len != 0);
}

static void end(struct scene *scene)
{
    dify_app_free(scene->app);
    dify_client_free(scene->client);
    assert_meter_empty(&scene->meter);
    close(scene->listener);
}

/* Makes the app remember another address. */
static void mislead(struct scene *scene, struct sockaddr_in at)
{
    snprintf(scene->app->peer.text, sizeof scene->app->peer.text, "127.0.0.1:%d",
             ntohs(at.sin_port));
    scene->app->peer.len = sizeof at;
    memcpy(scene->app->peer.address, &at, sizeof at);
}

static bool remembers_listener(const struct scene *scene)
{
    struct sockaddr_in at;
    memcpy(&at, scene->app->peer.address, sizeof at);
    return scene->app->peer.len == sizeof at &&
           ntohs(at.sin_port) == atoi(strchr(scene->text, ':') + 1);
}

/* Again and again; libcurl has no part in it. */
static void test_dials(void **state)
{
    struct scene scene = {.listener = -1};
    (void)state;
    begin(&scene);
    for (int i = 0; i < 3; i++) {
        start(&scene);
        assert_int_equal(scene.exchange->state, DIFY__DIALLING);
        assert_null(scene.exchange->easy);
        answer(&scene);
        assert_true(scene.end.times.resolved_ms < 0);
        assert_true(scene.end.times.connected_ms >= 0);
        assert_true(scene.end.times.first_byte_ms >= scene.end.times.connected_ms);
    }
    end(&scene);
}

static uint64_t the_time;

static uint64_t that_time(void *ctx)
{
    (void)ctx;
    return the_time;
}

/* From when libcurl has made a connection on; that others are dialled makes it no longer. */
static void test_remembers_for_a_while(void **state)
{
    struct scene scene = {.listener = -1};
    (void)state;
    begin(&scene);
    scene.client->env.now_ms = that_time;
    the_time = scene.app->peer.until_ms - 1;
    start(&scene);
    assert_int_equal(scene.exchange->state, DIFY__DIALLING);
    answer(&scene);
    the_time++;
    start(&scene);
    assert_int_equal(scene.exchange->state, DIFY__RUNNING);
    answer(&scene);
    assert_int_equal(scene.app->peer.until_ms, the_time + REMEMBERED_MS);
    end(&scene);
}

/* The server has gone elsewhere. */
static void test_refused(void **state)
{
    struct scene scene = {.listener = -1};
    int other;
    (void)state;
    begin(&scene);
    struct sockaddr_in gone = listen_at(&other, 1);
    close(other);
    mislead(&scene, gone);
    start(&scene);
    assert_int_equal(scene.exchange->state, DIFY__DIALLING);
    answer(&scene);
    assert_true(remembers_listener(&scene));
    end(&scene);
}

/* An address that the system itself refuses. */
static void test_impossible(void **state)
{
    struct scene scene = {.listener = -1};
    struct sockaddr_in nowhere = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_NONE)};
    (void)state;
    begin(&scene);
    mislead(&scene, nowhere);
    start(&scene);
    assert_int_equal(scene.exchange->state, DIFY__RUNNING);
    answer(&scene);
    assert_true(remembers_listener(&scene));
    end(&scene);
}

/* Nobody listens any more: it is libcurl that says so, and nothing was sent. */
static void test_nobody(void **state)
{
    struct scene scene = {.listener = -1};
    (void)state;
    begin(&scene);
    close(scene.listener);
    start(&scene);
    assert_int_equal(scene.exchange->state, DIFY__DIALLING);
    while (scene.ends == 0)
        turn(&scene);
    assert_int_equal(scene.end.failure, DIFY__NO_CONNECTION);
    assert_false(scene.end.may_have_been_sent);
    assert_int_equal(scene.sendings, 0);
    assert_int_equal(scene.app->peer.len, 0);
    scene.listener = -1;
    end(&scene);
}

/* A server that takes no connection: one has its only place. */
struct jam {
    int listener, place[8];
};

static struct sockaddr_in jam(struct jam *jam)
{
    struct sockaddr_in at = listen_at(&jam->listener, 0);
    for (size_t i = 0; i < sizeof jam->place / sizeof jam->place[0]; i++) {
        jam->place[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        (void)connect(jam->place[i], (struct sockaddr *)&at, sizeof at);
    }
    return at;
}

static void unjam(const struct jam *jam)
{
    for (size_t i = 0; i < sizeof jam->place / sizeof jam->place[0]; i++)
        close(jam->place[i]);
    close(jam->listener);
}

/* What is told of an exchange is about its own connection, and what another one has found since is
 * not forgotten with it. */
static void test_another_since(void **state)
{
    struct scene scene = {.listener = -1};
    struct sockaddr_in gone;
    int other;
    (void)state;
    begin(&scene);
    const struct dify__peer found = scene.app->peer;
    start(&scene);
    snprintf(scene.app->peer.text, sizeof scene.app->peer.text, "192.0.2.1:80");
    answer(&scene);
    scene.app->peer = found;
    gone = listen_at(&other, 1);
    close(other);
    mislead(&scene, gone);
    start(&scene);
    scene.app->peer = found;
    while (scene.exchange->state == DIFY__DIALLING)
        turn(&scene);
    assert_int_equal(scene.exchange->state, DIFY__RUNNING);
    assert_true(remembers_listener(&scene));
    answer(&scene);
    end(&scene);
}

static void never(struct dify__alarm *alarm)
{
    (void)alarm;
    fail();
}

/* The alarm of one that is dialled takes no place that was promised to others. */
static void test_promised_alarms(void **state)
{
    struct scene scene = {.listener = -1};
    struct dify__alarm alarms[64] = {{.ring = never}};
    struct jam other;
    size_t count = 0;
    (void)state;
    begin(&scene);
    struct dify__env *env = &scene.client->env;
    do {
        assert_int_equal(dify__reserve_alarms(env, 1), DIFY_OK);
        alarms[count++].ring = never;
    } while (env->reserved < env->alarms.capacity);
    mislead(&scene, jam(&other));
    start(&scene);
    assert_int_equal(scene.exchange->state, DIFY__DIALLING);
    scene.meter.fail_at = scene.meter.calls + 1;
    scene.meter.fails_on = true;
    for (size_t i = 0; i < count; i++)
        dify__alarm_in(env, &alarms[i], 100000);
    scene.meter.fail_at = 0;
    scene.client->transport.cancel(scene.client, scene.exchange);
    assert_int_equal(env->reserved, count);
    for (size_t i = 0; i < count; i++)
        dify__alarm_off(env, &alarms[i]);
    dify__release_alarms(env, count);
    unjam(&other);
    end(&scene);
}

/* Each allocation of one that is dialled fails in turn: it ends all the same, or has not begun. */
static void test_no_memory(void **state)
{
    (void)state;
    for (uint64_t n = 1; n < 40; n++) {
        struct scene scene = {.listener = -1};
        const struct dify__receiver receiver = {
            .ctx = &scene, .head = on_head, .body = on_body, .end = on_end};
        const struct dify__request request = {.flags = DIFY__REQUEST_FRESH | DIFY__REQUEST_STREAM,
                                              .path = "/workflow/1/events"};
        begin(&scene);
        struct sockaddr_in gone;
        int other;
        gone = listen_at(&other, 1);
        close(other);
        mislead(&scene, gone);
        close(scene.listener);
        struct dify__transport *transport = &scene.client->transport;
        scene.ends = 0;
        scene.meter.fail_at = scene.meter.calls + (n + 1) / 2;
        scene.meter.fails_on = n % 2 != 0;
        if (transport->start(scene.client, scene.app, &request, &receiver, &scene.exchange) ==
            DIFY_OK) {
            scene.client->env.changed(scene.client->env.ctx);
            while (scene.ends == 0)
                turn(&scene);
            assert_false(scene.end.may_have_been_sent);
        }
        scene.meter.fail_at = 0;
        scene.listener = -1;
        end(&scene);
    }
}

/* A host tells of a socket that had the number of this one. */
static void test_told_too_early(void **state)
{
    struct scene scene = {.listener = -1};
    struct jam other;
    (void)state;
    begin(&scene);
    mislead(&scene, jam(&other));
    start(&scene);
    dify_client_socket(scene.client, scene.exchange->wire.fd, DIFY_WATCH_READ | DIFY_WATCH_WRITE);
    assert_int_equal(scene.exchange->state, DIFY__DIALLING);
    scene.client->transport.cancel(scene.client, scene.exchange);
    unjam(&other);
    end(&scene);
}

/* The time for a connection may be shorter; and what was dialled in vain counts in what is told. */
static void test_short_time(void **state)
{
    struct scene scene = {.listener = -1};
    struct jam other;
    (void)state;
    begin(&scene);
    scene.app->connect_timeout_ms = 150;
    mislead(&scene, jam(&other));
    uint64_t began_us = dify__real_us();
    start(&scene);
    while (scene.exchange->state == DIFY__DIALLING)
        turn(&scene);
    uint64_t took_us = dify__real_us() - began_us;
    assert_in_range(took_us, 149000, 900000);
    answer(&scene);
    assert_true(scene.end.times.connected_ms >= 149);
    assert_true(scene.end.times.first_byte_ms >= scene.end.times.connected_ms);
    assert_true(scene.end.times.total_ms >= scene.end.times.first_byte_ms);
    unjam(&other);
    end(&scene);
}

/* Not before its time is over, and then at once. */
static void test_no_answer(void **state)
{
    struct scene scene = {.listener = -1};
    struct jam other;
    (void)state;
    begin(&scene);
    mislead(&scene, jam(&other));
    scene.client->env.now_ms = that_time;
    the_time = scene.app->peer.until_ms - 1;
    start(&scene);
    the_time += DIAL_MS - 1;
    dify__alarms_ring(&scene.client->env.alarms, the_time);
    assert_int_equal(scene.exchange->state, DIFY__DIALLING);
    the_time++;
    dify__alarms_ring(&scene.client->env.alarms, the_time);
    assert_int_equal(scene.exchange->state, DIFY__RUNNING);
    scene.client->env.changed(scene.client->env.ctx);
    answer(&scene);
    assert_true(remembers_listener(&scene));
    unjam(&other);
    end(&scene);
}

/* While it is dialled; or the client is freed. */
static void test_cancel(void **state)
{
    (void)state;
    for (int cancels = 0; cancels < 2; cancels++) {
        struct scene scene = {.listener = -1};
        struct jam other;
        begin(&scene);
        mislead(&scene, jam(&other));
        start(&scene);
        assert_int_equal(scene.exchange->state, DIFY__DIALLING);
        if (cancels) {
            scene.client->transport.cancel(scene.client, scene.exchange);
            assert_null(scene.client->transfers);
            assert_int_equal(dify__alarms_next(&scene.client->env.alarms), UINT64_MAX);
        }
        end(&scene);
        assert_int_equal(scene.ends, 0);
        unjam(&other);
    }
}

/* Paused before its connection stands: it is sent all the same, and its answer waits. */
static void test_pause(void **state)
{
    struct scene scene = {.listener = -1};
    (void)state;
    begin(&scene);
    start(&scene);
    scene.client->transport.pause(scene.client, scene.exchange, true);
    while (scene.sendings == 0)
        turn(&scene);
    scene.client->transport.pause(scene.client, scene.exchange, false);
    answer(&scene);
    end(&scene);
}

static bool watch(void *ctx, int fd, unsigned what)
{
    struct scene *scene = ctx;
    if (what != DIFY_WATCH_NOTHING && scene->refusals > 0) {
        scene->refusals--;
        return false;
    }
    return scene->host.watch(scene->host.ctx, fd, what);
}

static void wake(void *ctx, uint64_t ms)
{
    const struct scene *scene = ctx;
    scene->host.wake(scene->host.ctx, ms);
}

static void test_host_refuses(void **state)
{
    struct scene scene = {.listener = -1};
    (void)state;
    begin(&scene);
    scene.host = scene.client->host;
    scene.client->host = (struct dify_client_host){&scene, watch, wake};
    scene.refusals = 1;
    start(&scene);
    assert_int_equal(scene.refusals, 0);
    assert_int_equal(scene.exchange->state, DIFY__RUNNING);
    close(accept(scene.listener, NULL, NULL)); /* nothing came over that one */
    answer(&scene);
    scene.client->host = scene.host;
    end(&scene);
}

/* Also of a stream, which libcurl has no part in. */
static void test_longest_url(void **state)
{
    static char path[(16 << 10) + 2];
    struct scene scene = {.listener = -1};
    const struct dify__receiver receiver = {.ctx = &scene, .end = on_end};
    (void)state;
    begin(&scene);
    struct dify__transport *transport = &scene.client->transport;
    size_t len = (16 << 10) - 1 - strlen(scene.app->base_url);
    memset(path, 'a', len + 1);
    path[0] = '/';
    const struct dify__request request = {.flags = DIFY__REQUEST_FRESH | DIFY__REQUEST_STREAM,
                                          .path = path};
    assert_int_equal(
        transport->start(scene.client, scene.app, &request, &receiver, &scene.exchange),
        DIFY_ERR_TOO_LARGE);
    path[len] = '\0';
    assert_int_equal(
        transport->start(scene.client, scene.app, &request, &receiver, &scene.exchange), DIFY_OK);
    assert_int_equal(scene.exchange->state, DIFY__DIALLING);
    transport->cancel(scene.client, scene.exchange);
    end(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dials),         cmocka_unit_test(test_remembers_for_a_while),
        cmocka_unit_test(test_refused),       cmocka_unit_test(test_impossible),
        cmocka_unit_test(test_nobody),        cmocka_unit_test(test_no_answer),
        cmocka_unit_test(test_cancel),        cmocka_unit_test(test_pause),
        cmocka_unit_test(test_host_refuses),  cmocka_unit_test(test_longest_url),
        cmocka_unit_test(test_another_since), cmocka_unit_test(test_promised_alarms),
        cmocka_unit_test(test_no_memory),     cmocka_unit_test(test_told_too_early),
        cmocka_unit_test(test_short_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
