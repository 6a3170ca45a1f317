/* SPDX-License-Identifier: Apache-2.0
 *
 * dial.c: a connection to where the last one of the app went, without libcurl.
 *
 * libcurl reads the URL, looks for the host, and tries and watches what it finds: that is a quarter
 * of what a short stream costs, and need not be done for every run of an app. So the address that
 * libcurl has connected to is remembered, for as long as libcurl itself remembers a host's; while
 * it is, the connection of a stream is one call of connect(). Nothing is sent before it stands.
 * Whatever goes wrong, the address is forgotten and libcurl makes the connection, with all that the
 * host's name stands for and the whole of its time; so what a failure is called is left to it, too.
 */
#include "client/transfer_state.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* As libcurl does (CURLOPT_DNS_CACHE_TIMEOUT). */
#define REMEMBERED_MS 60000

/* A server that does not answer for so long may have gone elsewhere. No longer than libcurl may
 * take for it, either. */
#define DIAL_MS 1000U

/* Two kinds of pointers to one address, as the system's calls want it. */
static struct sockaddr *sockaddr_of(struct dify__peer *peer)
{
    return (struct sockaddr *)(void *)peer->address;
}

void dify__dial_remember(struct dify__exchange *exchange, int fd)
{
    struct dify__peer *peer = &exchange->app->peer;
    socklen_t len = sizeof peer->address;
    bool is_known = getpeername(fd, sockaddr_of(peer), &len) == 0 && len <= sizeof peer->address;
    peer->len = is_known ? len : 0;
    memcpy(peer->text, exchange->address, sizeof peer->text);
    peer->until_ms = dify__now(&exchange->client->env) + REMEMBERED_MS;
}

static int open_socket(struct dify__peer *peer)
{
    const int on = 1, idle_s = DIFY__PROBE_AFTER_S, every_s = DIFY__PROBE_EVERY_S;
    int fd = socket(sockaddr_of(peer)->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    dify__set_unacknowledged(fd);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof idle_s);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &every_s, sizeof every_s);
    if (connect(fd, sockaddr_of(peer), (socklen_t)peer->len) == 0 || errno == EINPROGRESS)
        return fd;
    close(fd);
    return -1;
}

static struct dify__exchange *exchange_of(struct dify__alarm *alarm)
{
    return (struct dify__exchange *)(void *)((char *)alarm -
                                             offsetof(struct dify__exchange, dialling));
}

/* The connection does not come to stand. */
static void give_up(struct dify__exchange *exchange)
{
    struct dify__peer *peer = &exchange->app->peer;
    if (strcmp(peer->text, exchange->tried) == 0) /* libcurl may have found another one since */
        peer->len = 0;
    dify__dial_end(exchange);
    dify__wire_close(exchange);
    dify__transfer_connect(exchange);
}

static void on_too_long(struct dify__alarm *alarm)
{
    give_up(exchange_of(alarm));
}

bool dify__dial(struct dify__exchange *exchange)
{
    struct dify_client *client = exchange->client;
    struct dify__env *env = &client->env;
    struct dify__peer *peer = &exchange->app->peer;
    uint64_t connect_ms = exchange->app->connect_timeout_ms;
    double dial_ms = (double)(connect_ms < DIAL_MS ? connect_ms : DIAL_MS) * client->speed;
    if (peer->len == 0 || dify__now(env) >= peer->until_ms ||
        dify__reserve_alarms(env, 1) != DIFY_OK)
        return false;
    exchange->dialling.ring = on_too_long;
    memcpy(exchange->tried, peer->text, sizeof exchange->tried);
    exchange->began_us = dify__real_us();
    exchange->wire.fd = open_socket(peer);
    exchange->wire.watched = DIFY_WATCH_WRITE;
    if (exchange->wire.fd >= 0 &&
        dify__client_watch(client, exchange->wire.fd, DIFY_WATCH_WRITE, exchange)) {
        dify__alarm_in(env, &exchange->dialling, (uint64_t)dial_ms); /* of real ones */
        exchange->state = DIFY__DIALLING;
        return true;
    }
    peer->len = 0;
    dify__dial_end(exchange);
    dify__wire_close(exchange);
    return false;
}

void dify__dial_ready(struct dify__exchange *exchange)
{
    struct sockaddr_storage peer;
    int fd = exchange->wire.fd, error = 0;
    socklen_t len = sizeof peer, error_len = sizeof error;
    if (getpeername(fd, (struct sockaddr *)&peer, &len) != 0) {
        /* it was refused, or is gone already; or the host has meant one that had its number */
        if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &error_len) != 0 || error != 0)
            give_up(exchange);
        return;
    }
    dify__dial_end(exchange);
    memcpy(exchange->address, exchange->tried, sizeof exchange->address);
    exchange->times.connected_ms = dify__ms_since(exchange->began_us);
    dify__wire_start(exchange, fd);
}

void dify__dial_end(struct dify__exchange *exchange)
{
    struct dify__env *env = &exchange->client->env;
    if (exchange->dialling.ring == NULL)
        return;
    exchange->dialling.ring = NULL;
    dify__alarm_off(env, &exchange->dialling);
    dify__release_alarms(env, 1);
}
