/* SPDX-License-Identifier: Apache-2.0
 *
 * http_epoll.c: the least that a server can do, to hold others against.
 *
 *     bench_http_epoll              listens on a free port of 127.0.0.1, prints it, serves
 *     bench_http_epoll body PATH    prints the body of an answer
 *
 * One epoll loop, keep-alive, no pipelining. It looks at no more of a request than its path and the
 * empty line at its end, and sends answers that were made, Date included, when it started: those of
 * /1k and /sse50 by one call, those of /turns event by event: one of each stream, then what has
 * come in meanwhile, and so on. There are no clocks and no limits.
 */
#define _GNU_SOURCE /* accept4() */
#include "http/list.h"
#include "http_answers.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define PATH_BYTES 8
#define READ_BYTES 65536

struct answer {
    const char *path;
    char *bytes;
    size_t len;
    size_t head_len;
    size_t step; /* bytes of one call; 0: all */
};

static struct answer answers[] = {{"/1k ", NULL, 0, 0, 0},
                                  {"/sse50 ", NULL, 0, 0, 0},
                                  {"/turns ", NULL, 0, 0, 1},
                                  {"/idle ", NULL, 0, 0, 0}};
#define ANSWERS (sizeof answers / sizeof answers[0])

struct connection {
    int fd;
    uint32_t tail;                /* the last four bytes read */
    size_t start_len;             /* of a request, as far as it is kept */
    char start[4 + PATH_BYTES];   /* "GET " and the path */
    const struct answer *sending; /* or NULL */
    size_t sent;
    struct http_link turn; /* in turns */
};

static struct http_link turns; /* streams that send an event at each turn */

static void die(const char *what)
{
    fprintf(stderr, "bench_http_epoll: %s: %s\n", what, strerror(errno));
    exit(1);
}

/* ---- the answers ----------------------------------------------------------------------------- */

static void add(struct answer *answer, const char *bytes, size_t len)
{
    memcpy(answer->bytes + answer->len, bytes, len);
    answer->len += len;
}

static void add_text(struct answer *answer, const char *text)
{
    add(answer, text, strlen(text));
}

/* The same bytes that the HTTP layer sends. */
static void make_answer(struct answer *answer, unsigned events, bool ends)
{
    char chunk[ANSWER_EVENT_BYTES], size[16];
    answer->bytes = malloc(1024 + ANSWER_PAGE_BYTES + (size_t)events * (ANSWER_EVENT_BYTES + 16));
    if (answer->bytes == NULL)
        die("malloc");
    add_text(answer, "HTTP/1.1 200 OK\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\n"
                     "Connection: keep-alive\r\n");
    if (events == 0) {
        char page[ANSWER_PAGE_BYTES];
        (void)snprintf(size, sizeof size, "%d", ANSWER_PAGE_BYTES);
        add_text(answer, "Content-Type: " ANSWER_PAGE_TYPE "\r\nContent-Length: ");
        add_text(answer, size);
        add_text(answer, "\r\n\r\n");
        answer->head_len = answer->len;
        answers_write_page(page);
        add(answer, page, sizeof page);
        return;
    }
    add_text(answer, "Transfer-Encoding: chunked\r\nContent-Type: " ANSWER_EVENT_TYPE "\r\n"
                     "Cache-Control: no-cache, no-transform\r\nX-Accel-Buffering: no\r\n\r\n");
    answer->head_len = answer->len;
    (void)snprintf(size, sizeof size, "%x\r\n", (unsigned)ANSWER_EVENT_BYTES);
    for (unsigned i = 0; i < events; i++) {
        answers_write_event(chunk, i);
        add_text(answer, size);
        add(answer, chunk, sizeof chunk);
        add_text(answer, "\r\n");
    }
    if (answer->step != 0)
        answer->step = (answer->len - answer->head_len) / events;
    if (ends)
        add_text(answer, "0\r\n\r\n");
}

static int print_body(const char *path)
{
    char bytes[ANSWER_PAGE_BYTES];
    if (strcmp(path, "/1k") == 0) {
        answers_write_page(bytes);
        return fwrite(bytes, 1, ANSWER_PAGE_BYTES, stdout) == ANSWER_PAGE_BYTES ? 0 : 1;
    }
    for (unsigned i = 0; i < ANSWER_EVENTS; i++) {
        answers_write_event(bytes, i);
        if (fwrite(bytes, 1, ANSWER_EVENT_BYTES, stdout) != ANSWER_EVENT_BYTES)
            return 1;
    }
    return 0;
}

/* ---- the loop -------------------------------------------------------------------------------- */

static int epoll;

static void watch(int op, int fd, uint32_t events, void *ptr)
{
    struct epoll_event event = {.events = events, .data.ptr = ptr};
    if (epoll_ctl(epoll, op, fd, &event) != 0)
        die("epoll_ctl");
}

static void drop(struct connection *connection)
{
    http_list_remove(&connection->turn);
    (void)close(connection->fd);
    free(connection);
}

/* The bytes of the next call: with /turns the head and the first event, then each event; the end
 * goes with the last one. */
static size_t next_len(const struct answer *answer, size_t sent)
{
    if (answer->step == 0 || answer->len - sent < 2 * answer->step)
        return answer->len - sent;
    size_t body = sent < answer->head_len ? 0 : (sent - answer->head_len) % answer->step;
    return answer->step - body + (sent < answer->head_len ? answer->head_len - sent : 0);
}

static bool send_on(struct connection *connection, bool was_waiting)
{
    const struct answer *answer = connection->sending;
    ssize_t count = send(connection->fd, answer->bytes + connection->sent,
                         next_len(answer, connection->sent), MSG_NOSIGNAL);
    bool is_full = count < 0 && errno == EAGAIN;
    if (count < 0 && !is_full)
        return false;
    connection->sent += is_full ? 0 : (size_t)count;
    http_list_remove(&connection->turn);
    if (connection->sent == answer->len)
        connection->sending = NULL;
    else if (answer->step != 0 && !is_full)
        http_list_append(&turns, &connection->turn);
    else
        is_full = true;
    if (is_full != was_waiting)
        watch(EPOLL_CTL_MOD, connection->fd, is_full ? EPOLLOUT : EPOLLIN, connection);
    return true;
}

static void take_turns(void)
{
    struct http_link now = turns; /* those that go on are put into a new list */
    if (http_list_is_empty(&turns))
        return;
    now.next->prev = now.prev->next = &now;
    http_list_init(&turns);
    while (!http_list_is_empty(&now)) {
        struct connection *connection = HTTP_LINKED(now.next, struct connection, turn);
        if (!send_on(connection, false))
            drop(connection);
    }
}

/* The request is whole. */
static bool answer_request(struct connection *connection)
{
    for (size_t i = 0; i < ANSWERS; i++) {
        size_t len = strlen(answers[i].path);
        if (connection->start_len < 4 + len ||
            memcmp(connection->start + 4, answers[i].path, len) != 0)
            continue;
        connection->sending = &answers[i];
        connection->sent = connection->start_len = 0;
        return send_on(connection, false);
    }
    return false;
}

static bool read_on(struct connection *connection)
{
    static char bytes[READ_BYTES];
    ssize_t count = recv(connection->fd, bytes, sizeof bytes, 0);
    if (count <= 0)
        return count < 0 && errno == EAGAIN;
    size_t len = (size_t)count, room = sizeof connection->start - connection->start_len;
    memcpy(connection->start + connection->start_len, bytes, len < room ? len : room);
    connection->start_len += len < room ? len : room;
    for (size_t at = len < 4 ? 0 : len - 4; at < len; at++)
        connection->tail = connection->tail << 8 | (unsigned char)bytes[at];
    return connection->tail != 0x0d0a0d0a || answer_request(connection);
}

static void take_connection(int listener)
{
    int on = 1, fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    struct connection *connection = calloc(1, sizeof *connection);
    if (fd < 0 || connection == NULL)
        die("accept");
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    http_list_init(&connection->turn);
    connection->fd = fd;
    watch(EPOLL_CTL_ADD, fd, EPOLLIN, connection);
}

static int listen_on_any_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (listener < 0 || bind(listener, (struct sockaddr *)&address, len) != 0 ||
        listen(listener, SOMAXCONN) != 0 ||
        getsockname(listener, (struct sockaddr *)&address, &len) != 0)
        die("listen");
    printf("%u\n", (unsigned)ntohs(address.sin_port));
    (void)fflush(stdout);
    return listener;
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "body") == 0)
        return print_body(argv[2]);
    make_answer(&answers[0], 0, true);
    make_answer(&answers[1], ANSWER_EVENTS, true);
    make_answer(&answers[2], ANSWER_EVENTS, true);
    make_answer(&answers[3], 1, false);
    http_list_init(&turns);
    epoll = epoll_create1(EPOLL_CLOEXEC);
    if (epoll < 0)
        die("epoll_create1");
    int listener = listen_on_any_port();
    watch(EPOLL_CTL_ADD, listener, EPOLLIN, NULL);
    for (;;) {
        struct epoll_event events[256];
        take_turns();
        int count = epoll_wait(epoll, events, 256, http_list_is_empty(&turns) ? -1 : 0);
        for (int i = 0; i < count; i++) {
            struct connection *connection = events[i].data.ptr;
            if (connection == NULL)
                take_connection(listener);
            else if (!(events[i].events & EPOLLOUT ? send_on(connection, true)
                                                   : read_on(connection)))
                drop(connection);
        }
    }
}
