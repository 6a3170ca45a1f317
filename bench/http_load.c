/* SPDX-License-Identifier: Apache-2.0
 *
 * http_load.c: a client that keeps an HTTP server busy, or waiting.
 *
 *     bench_http_load run PORT PATH CONNECTIONS MS PID   requests as fast as the answers come
 *     bench_http_load idle PORT PATH CONNECTIONS         opens streams and holds them
 *
 * `run` has one request under way on each connection, warms up for a quarter of the time, then
 * counts for MS milliseconds. It prints: answers, seconds, CPU seconds of the server (process PID),
 * CPU seconds of its own. The first answer is read with care; all others must be as long as it is,
 * begin with 200 and end with the same bytes: a server that answers wrongly has no speed.
 *
 * `idle` prints a line once every stream has brought something, and holds them until its input
 * ends. A stream that has ended by then is an error.
 */
#define _GNU_SOURCE /* memmem() */
#include "load_tools.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define READ_BYTES 65536
#define TAIL_BYTES 5

struct connection {
    int fd;
    size_t got; /* of the answer under way */
    char tail[TAIL_BYTES];
};

struct load {
    struct connection *connections;
    size_t count;
    int epoll;
    char request[256];
    size_t request_len;
    size_t answer_len;
    char tail[TAIL_BYTES]; /* the last bytes of each answer */
    uint64_t answers;
    size_t open; /* connections with a request under way */
    bool goes_on;
};

/* ---- connections ----------------------------------------------------------------------------- */

static void ask(struct load *load, struct connection *connection)
{
    connection->got = 0;
    if (send(connection->fd, load->request, load->request_len, MSG_NOSIGNAL) !=
        (ssize_t)load->request_len)
        die_of("send");
}

/* What a connection has now; 0 if there is nothing. */
static size_t take(const struct connection *connection, char *bytes, size_t size, int flags)
{
    ssize_t count = recv(connection->fd, bytes, size, flags);
    if (count > 0)
        return (size_t)count;
    if (count < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    if (count == 0)
        die("the server has closed a connection");
    die_of("recv");
    return 0;
}

/* ---- the first answer ------------------------------------------------------------------------ */

/* The length of the chunks from `at` on, 0 if they are not whole. */
static size_t chunks_len(const char *bytes, size_t len, size_t at)
{
    size_t start = at;
    for (;;) {
        const char *line_end = memmem(bytes + at, len - at, "\r\n", 2);
        if (line_end == NULL)
            return 0;
        size_t size = strtoul(bytes + at, NULL, 16);
        at = (size_t)(line_end - bytes) + 2 + size + 2;
        if (at > len)
            return 0;
        if (memcmp(bytes + at - 2, "\r\n", 2) != 0)
            die("a chunk does not end where it should");
        if (size == 0)
            return at - start;
    }
}

/* The length of the answer at the start of `bytes` (which a NUL ends), 0 if it is not whole. */
static size_t find_answer_len(const char *bytes, size_t len)
{
    const char *end = memmem(bytes, len, "\r\n\r\n", 4);
    if (end == NULL)
        return 0;
    size_t head = (size_t)(end - bytes) + 4;
    if (strncmp(bytes, "HTTP/1.1 200 ", 13) != 0)
        die("the answer is not 200");
    if (memmem(bytes, head, "\r\nTransfer-Encoding: chunked\r\n", 30) != NULL) {
        size_t body = chunks_len(bytes, len, head);
        return body == 0 ? 0 : head + body;
    }
    const char *length = memmem(bytes, head, "\r\nContent-Length: ", 18);
    if (length == NULL)
        die("the answer does not say how long it is");
    size_t body = strtoul(length + 18, NULL, 10);
    return head + body <= len ? head + body : 0;
}

static void learn_answer(struct load *load)
{
    static char bytes[READ_BYTES + 1];
    struct connection *connection = &load->connections[0];
    size_t len = 0;
    ask(load, connection);
    do {
        if (len == READ_BYTES)
            die("the answer is too long");
        len += take(connection, bytes + len, READ_BYTES - len, 0);
        bytes[len] = '\0';
        load->answer_len = find_answer_len(bytes, len);
    } while (load->answer_len == 0);
    if (len != load->answer_len || len < TAIL_BYTES)
        die("bytes after the answer");
    memcpy(load->tail, bytes + len - TAIL_BYTES, TAIL_BYTES);
}

/* ---- run ------------------------------------------------------------------------------------- */

/* Keeps the last bytes of what has come. */
static void keep_tail(struct connection *connection, const char *bytes, size_t len)
{
    if (len >= TAIL_BYTES) {
        memcpy(connection->tail, bytes + len - TAIL_BYTES, TAIL_BYTES);
        return;
    }
    memmove(connection->tail, connection->tail + len, TAIL_BYTES - len);
    memcpy(connection->tail + TAIL_BYTES - len, bytes, len);
}

static void hear(struct load *load, struct connection *connection)
{
    static char bytes[READ_BYTES];
    size_t len = take(connection, bytes, sizeof bytes, MSG_DONTWAIT);
    if (connection->got == 0 && len >= 13 && memcmp(bytes, "HTTP/1.1 200 ", 13) != 0)
        die("an answer is not 200");
    keep_tail(connection, bytes, len);
    connection->got += len;
    if (connection->got < load->answer_len)
        return;
    if (connection->got > load->answer_len || memcmp(connection->tail, load->tail, TAIL_BYTES) != 0)
        die("an answer differs from the first one");
    load->answers++;
    if (load->goes_on)
        ask(load, connection);
    else
        load->open--;
}

static void wait_and_hear(struct load *load)
{
    struct epoll_event events[256];
    int count = epoll_wait(load->epoll, events, 256, 10000);
    if (count == 0)
        die("no answer for ten seconds");
    for (int i = 0; i < count; i++)
        hear(load, events[i].data.ptr);
}

static void run_for(struct load *load, double seconds)
{
    double end = now() + seconds;
    while (now() < end)
        wait_and_hear(load);
}

static void run(struct load *load, unsigned long port, double seconds, unsigned long pid)
{
    for (size_t i = 0; i < load->count; i++)
        load->connections[i].fd = connect_to(port);
    learn_answer(load);
    load->epoll = epoll_create1(EPOLL_CLOEXEC);
    for (size_t i = 0; i < load->count; i++) {
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = &load->connections[i]};
        if (epoll_ctl(load->epoll, EPOLL_CTL_ADD, load->connections[i].fd, &event) != 0)
            die_of("epoll_ctl");
        ask(load, &load->connections[i]);
    }
    load->goes_on = true;
    load->open = load->count;
    run_for(load, seconds / 4);

    uint64_t answers = load->answers;
    double start = now(), cpu = cpu_of(pid), own = own_cpu();
    run_for(load, seconds);
    printf("%llu\t%.6f\t%.2f\t%.6f\n", (unsigned long long)(load->answers - answers), now() - start,
           cpu_of(pid) - cpu, own_cpu() - own);
    load->goes_on = false; /* answers under way are awaited, so that no server sees a break */
    while (load->open != 0)
        wait_and_hear(load);
}

/* ---- idle ------------------------------------------------------------------------------------ */

/* Waits for the start of a stream's body. */
static void await_start(struct connection *connection)
{
    char bytes[4096];
    size_t len = 0;
    const char *end = NULL;
    while (end == NULL || (size_t)(end - bytes) + 4 == len) {
        len += take(connection, bytes + len, sizeof bytes - len, 0);
        end = memmem(bytes, len, "\r\n\r\n", 4);
    }
    if (memcmp(bytes, "HTTP/1.1 200 ", 13) != 0)
        die("a stream is not 200");
}

static void idle(struct load *load, unsigned long port)
{
    char bytes[4096];
    for (size_t i = 0; i < load->count; i++) {
        load->connections[i].fd = connect_to(port);
        ask(load, &load->connections[i]);
        await_start(&load->connections[i]);
    }
    printf("%zu\n", load->count);
    (void)fflush(stdout);
    while (read(STDIN_FILENO, bytes, sizeof bytes) > 0)
        ;
    for (size_t i = 0; i < load->count; i++)
        (void)take(&load->connections[i], bytes, sizeof bytes, MSG_DONTWAIT);
}

int main(int argc, char **argv)
{
    struct load load = {0};
    bool runs = argc == 7 && strcmp(argv[1], "run") == 0;
    if (!runs && !(argc == 5 && strcmp(argv[1], "idle") == 0)) {
        fputs("usage: bench_http_load run PORT PATH CONNECTIONS MS PID\n"
              "       bench_http_load idle PORT PATH CONNECTIONS\n",
              stderr);
        return 2;
    }
    int len = snprintf(load.request, sizeof load.request,
                       "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%s\r\nAccept: */*\r\n"
                       "User-Agent: bench_http_load\r\n\r\n",
                       argv[3], argv[2]);
    if (len < 0 || (size_t)len >= sizeof load.request)
        die("the path is too long");
    load.request_len = (size_t)len;
    load.count = number(argv[4], 1000000);
    load.connections = calloc(load.count, sizeof *load.connections);
    if (load.connections == NULL)
        die("out of memory");
    unsigned long port = number(argv[2], 65535);
    if (runs)
        run(&load, port, (double)number(argv[5], 1000000) / 1000, number(argv[6], INT32_MAX));
    else
        idle(&load, port);
    free(load.connections);
    return 0;
}
