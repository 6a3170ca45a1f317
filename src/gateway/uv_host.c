/* SPDX-License-Identifier: Apache-2.0
 *
 * uv_host.c: the client's sockets are an epoll set of their own, which the loop watches as one
 * descriptor, and one timer. A poll handle of libuv's for each socket would cost eight system calls
 * where the set costs three, for a socket that is used once. What is due at once is done after the
 * sockets were looked at, not in the same pass of the timers: else a silence could ring before
 * bytes that are there were read.
 */
#include "gateway/uv_host.h"

#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

/* Sockets that are handled before others of the loop have their turn. */
#define READY 256

static void on_ready(uv_poll_t *poll, int status, int events)
{
    struct gw_uv_host *host = poll->data;
    struct epoll_event found[READY];
    struct dify_client_ready ready[READY];
    (void)status;
    (void)events;
    int count = epoll_wait(host->set, found, READY, 0);
    for (int i = 0; i < count; i++) {
        unsigned what = DIFY_WATCH_NOTHING;
        if ((found[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0)
            what |= DIFY_WATCH_READ;
        if ((found[i].events & (EPOLLOUT | EPOLLERR)) != 0)
            what |= DIFY_WATCH_WRITE;
        ready[i] = (struct dify_client_ready){found[i].data.fd, what};
    }
    if (count > 0)
        dify_client_sockets(host->client, ready, (size_t)count);
}

static bool on_watch(void *ctx, int fd, unsigned what)
{
    struct gw_uv_host *host = ctx;
    struct epoll_event event = {.data.fd = fd};
    if (what == DIFY_WATCH_NOTHING) {
        (void)epoll_ctl(host->set, EPOLL_CTL_DEL, fd, &event);
        return true;
    }
    event.events = ((what & DIFY_WATCH_READ) != 0 ? EPOLLIN : 0u) |
                   ((what & DIFY_WATCH_WRITE) != 0 ? EPOLLOUT : 0u);
    if (epoll_ctl(host->set, EPOLL_CTL_ADD, fd, &event) == 0)
        return true;
    return errno == EEXIST && epoll_ctl(host->set, EPOLL_CTL_MOD, fd, &event) == 0;
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
    *host = (struct gw_uv_host){.set = epoll_create1(EPOLL_CLOEXEC)};
    if (host->set < 0)
        return DIFY_ERR_NOMEM;
    if (uv_poll_init(loop, &host->poll, host->set) != 0) {
        close(host->set);
        return DIFY_ERR_NOMEM;
    }
    host->loop = loop;
    host->functions = (struct dify_client_host){host, on_watch, on_wake};
    (void)uv_timer_init(loop, &host->timer); /* these cannot fail */
    (void)uv_idle_init(loop, &host->idle);
    (void)uv_check_init(loop, &host->check);
    host->poll.data = host->timer.data = host->check.data = host->idle.data = host;
    (void)uv_poll_start(&host->poll, UV_READABLE, on_ready);
    return DIFY_OK;
}

static void on_poll_closed(uv_handle_t *poll)
{
    struct gw_uv_host *host = poll->data;
    close(host->set);
}

void gw_uv_host_close(struct gw_uv_host *host)
{
    if (host->loop == NULL) /* the start failed before it was there */
        return;
    uv_close((uv_handle_t *)&host->poll, on_poll_closed);
    uv_close((uv_handle_t *)&host->timer, NULL);
    uv_close((uv_handle_t *)&host->idle, NULL);
    uv_close((uv_handle_t *)&host->check, NULL);
}
