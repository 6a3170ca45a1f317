/* SPDX-License-Identifier: Apache-2.0
 *
 * uv_host.c: a poll handle for each socket, found by its descriptor, and one timer. What is due at
 * once is done after the sockets were looked at, not in the same pass of the timers: else a silence
 * could ring before bytes that are there were read.
 */
#include "gateway/uv_host.h"

#include "core/memory.h"

#include <stdlib.h>

#define MOST_SOCKETS ((size_t)1 << 20)

struct gw_uv_watch {
    uv_poll_t poll;
    struct gw_uv_host *host;
    int fd;
};

static void on_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static void on_ready(uv_poll_t *poll, int status, int events)
{
    struct gw_uv_watch *watch = poll->data;
    unsigned what = status < 0 ? DIFY_WATCH_READ | DIFY_WATCH_WRITE : DIFY_WATCH_NOTHING;
    if ((events & UV_READABLE) != 0)
        what |= DIFY_WATCH_READ;
    if ((events & UV_WRITABLE) != 0)
        what |= DIFY_WATCH_WRITE;
    dify_client_socket(watch->host->client, watch->fd, what);
}

static void forget(struct gw_uv_host *host, size_t fd)
{
    if (fd >= host->capacity || host->watches[fd] == NULL)
        return;
    uv_poll_stop(&host->watches[fd]->poll);
    uv_close((uv_handle_t *)&host->watches[fd]->poll, on_closed);
    host->watches[fd] = NULL;
}

static struct gw_uv_watch *find(struct gw_uv_host *host, int fd)
{
    void *array = host->watches;
    if (dify__grow(dify__allocator(NULL), &array, &host->capacity, (size_t)fd + 1,
                   sizeof *host->watches) != DIFY_OK)
        return NULL;
    host->watches = array;
    if (host->watches[fd] != NULL)
        return host->watches[fd];
    struct gw_uv_watch *watch = calloc(1, sizeof *watch);
    if (watch == NULL)
        return NULL;
    watch->host = host;
    watch->fd = fd;
    if (uv_poll_init(host->loop, &watch->poll, fd) != 0) {
        free(watch);
        return NULL;
    }
    watch->poll.data = watch;
    host->watches[fd] = watch;
    return watch;
}

static bool on_watch(void *ctx, int fd, unsigned what)
{
    struct gw_uv_host *host = ctx;
    if (fd < 0 || (size_t)fd >= MOST_SOCKETS)
        return false;
    if (what == DIFY_WATCH_NOTHING) {
        forget(host, (size_t)fd);
        return true;
    }
    struct gw_uv_watch *watch = find(host, fd);
    int events = ((what & DIFY_WATCH_READ) != 0 ? UV_READABLE : 0) |
                 ((what & DIFY_WATCH_WRITE) != 0 ? UV_WRITABLE : 0);
    return watch != NULL && uv_poll_start(&watch->poll, events, on_ready) == 0;
}

static void on_time(uv_timer_t *timer)
{
    struct gw_uv_host *host = timer->data;
    dify_client_timeout(host->client);
}

static void on_idle(uv_idle_t *idle)
{
    (void)idle; /* it only keeps the loop from sleeping */
}

static void on_check(uv_check_t *check)
{
    struct gw_uv_host *host = check->data;
    uv_check_stop(&host->check);
    uv_idle_stop(&host->idle);
    dify_client_timeout(host->client);
}

static void on_wake(void *ctx, uint64_t ms)
{
    struct gw_uv_host *host = ctx;
    uv_timer_stop(&host->timer);
    if (ms == 0) {
        uv_idle_start(&host->idle, on_idle);
        uv_check_start(&host->check, on_check);
        return;
    }
    uv_check_stop(&host->check);
    uv_idle_stop(&host->idle);
    if (ms != UINT64_MAX) {
        uv_update_time(host->loop);
        uv_timer_start(&host->timer, on_time, ms, 0);
    }
}

enum dify_err gw_uv_host_init(struct gw_uv_host *host, uv_loop_t *loop)
{
    *host = (struct gw_uv_host){.loop = loop};
    host->functions = (struct dify_client_host){host, on_watch, on_wake};
    (void)uv_timer_init(loop, &host->timer); /* these cannot fail */
    (void)uv_idle_init(loop, &host->idle);
    (void)uv_check_init(loop, &host->check);
    host->timer.data = host->check.data = host->idle.data = host;
    return DIFY_OK;
}

void gw_uv_host_close(struct gw_uv_host *host)
{
    if (host->loop == NULL) /* the start failed before it was there */
        return;
    for (size_t fd = 0; fd < host->capacity; fd++)
        forget(host, fd);
    free(host->watches);
    host->watches = NULL;
    host->capacity = 0;
    uv_close((uv_handle_t *)&host->timer, NULL);
    uv_close((uv_handle_t *)&host->idle, NULL);
    uv_close((uv_handle_t *)&host->check, NULL);
}
