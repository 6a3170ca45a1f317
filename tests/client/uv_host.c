/* SPDX-License-Identifier: Apache-2.0
 *
 * uv_host.c: see uv_host.h. A poll handle for each socket, found by its descriptor, and one timer.
 */
#include "uv_host.h"

#include <stdlib.h>
#include <uv.h>

#define MOST_SOCKETS ((size_t)1 << 16)

struct socket_watch {
    uv_poll_t poll;
    struct uv_host *host;
    int fd;
};

struct uv_host {
    uv_loop_t loop;
    uv_timer_t timer;
    struct dify_client_host functions;
    struct dify_client *client;
    struct socket_watch **watches; /* by descriptor */
    unsigned one_in;               /* of so many watches one is refused, by chance; 0: none */
    uint64_t random;
};

static void on_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static void on_ready(uv_poll_t *poll, int status, int events)
{
    struct socket_watch *watch = poll->data;
    unsigned what = 0;
    if (status < 0)
        what = DIFY_WATCH_READ | DIFY_WATCH_WRITE;
    if ((events & UV_READABLE) != 0)
        what |= DIFY_WATCH_READ;
    if ((events & UV_WRITABLE) != 0)
        what |= DIFY_WATCH_WRITE;
    dify_client_socket(watch->host->client, watch->fd, what);
}

static void forget(struct uv_host *host, int socket)
{
    struct socket_watch *watch = host->watches[socket];
    host->watches[socket] = NULL;
    if (watch == NULL)
        return;
    uv_poll_stop(&watch->poll);
    uv_close((uv_handle_t *)&watch->poll, on_closed);
}

static struct socket_watch *find(struct uv_host *host, int socket)
{
    struct socket_watch *watch = host->watches[socket];
    if (watch != NULL)
        return watch;
    watch = calloc(1, sizeof *watch);
    if (watch == NULL)
        return NULL;
    watch->host = host;
    watch->fd = socket;
    if (uv_poll_init(&host->loop, &watch->poll, socket) != 0) {
        free(watch);
        return NULL;
    }
    watch->poll.data = watch;
    host->watches[socket] = watch;
    return watch;
}

/* By chance: were it each so many-th, requests that watch as many times would all be refused. */
static bool is_refused(struct uv_host *host)
{
    if (host->one_in == 0)
        return false;
    host->random = host->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (host->random >> 33) % host->one_in == 0;
}

static bool on_watch(void *ctx, int socket, unsigned what)
{
    struct uv_host *host = ctx;
    if (socket < 0 || (size_t)socket >= MOST_SOCKETS)
        return false;
    if (what == DIFY_WATCH_NOTHING) {
        forget(host, socket);
        return true;
    }
    if (is_refused(host))
        return false;
    struct socket_watch *watch = find(host, socket);
    int events = ((what & DIFY_WATCH_READ) != 0 ? UV_READABLE : 0) |
                 ((what & DIFY_WATCH_WRITE) != 0 ? UV_WRITABLE : 0);
    return watch != NULL && uv_poll_start(&watch->poll, events, on_ready) == 0;
}

static void on_time(uv_timer_t *timer)
{
    struct uv_host *host = timer->data;
    dify_client_timeout(host->client);
}

static void on_wake(void *ctx, uint64_t ms)
{
    struct uv_host *host = ctx;
    uv_update_time(&host->loop);
    if (ms == UINT64_MAX)
        uv_timer_stop(&host->timer);
    else
        uv_timer_start(&host->timer, on_time, ms, 0);
}

struct uv_host *uv_host_new(void)
{
    struct uv_host *host = calloc(1, sizeof *host);
    if (host == NULL)
        return NULL;
    host->watches = calloc(MOST_SOCKETS, sizeof *host->watches);
    if (host->watches == NULL || uv_loop_init(&host->loop) != 0) {
        free(host->watches);
        free(host);
        return NULL;
    }
    uv_timer_init(&host->loop, &host->timer);
    host->timer.data = host;
    host->functions = (struct dify_client_host){host, on_watch, on_wake};
    return host;
}

void uv_host_refuse(struct uv_host *host, unsigned one_in, uint64_t seed)
{
    host->one_in = one_in;
    host->random = seed;
}

const struct dify_client_host *uv_host_of(struct uv_host *host)
{
    return &host->functions;
}

void uv_host_run(struct uv_host *host, struct dify_client *client)
{
    host->client = client;
    uv_run(&host->loop, UV_RUN_DEFAULT);
}

void uv_host_stop(struct uv_host *host)
{
    uv_stop(&host->loop);
}

void uv_host_free(struct uv_host *host)
{
    if (host == NULL)
        return;
    for (int i = 0; (size_t)i < MOST_SOCKETS; i++)
        forget(host, i);
    host->timer.data = NULL; /* it is no memory of its own */
    uv_close((uv_handle_t *)&host->timer, NULL);
    uv_run(&host->loop, UV_RUN_DEFAULT);
    uv_loop_close(&host->loop);
    free(host->watches);
    free(host);
}
