/* SPDX-License-Identifier: Apache-2.0
 *
 * waiting.c: the host that is built in: sockets and one timer in an epoll set.
 */
#include "client/client_state.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

/* Sockets that are handled before a turn ends. */
#define READY 64

static bool watch(void *ctx, int socket, unsigned what)
{
    struct dify_client *client = ctx;
    struct epoll_event event = {.data.fd = socket};
    if (what == DIFY_WATCH_NOTHING) {
        (void)epoll_ctl(client->poll_fd, EPOLL_CTL_DEL, socket, &event);
        return true;
    }
    if ((what & DIFY_WATCH_READ) != 0)
        event.events |= EPOLLIN;
    if ((what & DIFY_WATCH_WRITE) != 0)
        event.events |= EPOLLOUT;
    if (epoll_ctl(client->poll_fd, EPOLL_CTL_MOD, socket, &event) == 0)
        return true;
    return errno == ENOENT && epoll_ctl(client->poll_fd, EPOLL_CTL_ADD, socket, &event) == 0;
}

static void wake(void *ctx, uint64_t ms)
{
    struct dify_client *client = ctx;
    struct itimerspec when = {{0, 0}, {0, 0}};
    if (ms != UINT64_MAX) {
        when.it_value.tv_sec = (time_t)(ms / 1000);
        when.it_value.tv_nsec = (long)(ms % 1000) * 1000000;
        if (ms == 0)
            when.it_value.tv_nsec = 1; /* 0 would switch it off */
    }
    (void)timerfd_settime(client->timer_fd, 0, &when, NULL);
}

bool dify__waiting_init(struct dify_client *client)
{
    struct epoll_event event = {.events = EPOLLIN};
    client->host = (struct dify_client_host){client, watch, wake};
    client->poll_fd = epoll_create1(EPOLL_CLOEXEC);
    client->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    event.data.fd = client->timer_fd;
    return client->poll_fd >= 0 && client->timer_fd >= 0 &&
           epoll_ctl(client->poll_fd, EPOLL_CTL_ADD, client->timer_fd, &event) == 0;
}

void dify__waiting_fini(struct dify_client *client)
{
    if (client->poll_fd >= 0)
        close(client->poll_fd);
    if (client->timer_fd >= 0)
        close(client->timer_fd);
}

int dify_client_descriptor(const struct dify_client *client)
{
    return client->poll_fd;
}

static unsigned ready_for(const struct epoll_event *event)
{
    unsigned what = DIFY_WATCH_NOTHING;
    if ((event->events & (EPOLLIN | EPOLLHUP | EPOLLERR | EPOLLRDHUP)) != 0)
        what |= DIFY_WATCH_READ;
    if ((event->events & (EPOLLOUT | EPOLLERR)) != 0)
        what |= DIFY_WATCH_WRITE;
    return what;
}

bool dify_client_wait(struct dify_client *client, uint64_t max_ms)
{
    struct epoll_event found[READY];
    struct dify_client_ready ready[READY];
    size_t count = 0;
    uint64_t rings;
    bool has_rung = false;
    if (!client->has_own_host)
        return false;
    if (client->env.under_way == 0)
        return false;
    int most_ms = max_ms < 3600000 ? (int)max_ms : 3600000;
    int found_count = epoll_wait(client->poll_fd, found, READY, most_ms);
    for (int i = 0; i < found_count; i++)
        if (found[i].data.fd == client->timer_fd)
            has_rung = read(client->timer_fd, &rings, sizeof rings) == sizeof rings;
        else
            ready[count++] = (struct dify_client_ready){found[i].data.fd, ready_for(&found[i])};
    if (count > 0)
        dify_client_sockets(client, ready, count);
    if (has_rung)
        dify_client_timeout(client);
    return client->env.under_way != 0;
}

void dify_client_wait_all(struct dify_client *client)
{
    while (dify_client_wait(client, UINT64_MAX)) {
    }
}
