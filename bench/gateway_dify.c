/* SPDX-License-Identifier: Apache-2.0
 *
 * gateway_dify.c: the least that a Dify server can be, to hold what stands before it against.
 *
 *     bench_gateway_dify STREAM      listens on a free port of 127.0.0.1, prints it, serves
 *
 * POST .../workflows/run answers with the events in the file STREAM, one chunk each, at the pace
 * that the app's key says: app-now all by one call, app-paced-MS one each MS milliseconds,
 * app-idle the first two and then a ping each ten seconds. In each event ID, with any
 * digit before it, is replaced by an id of the run, and what follows @@ by the microseconds of the
 * monotonic clock. GET of the app's parameters and of its description answers as Dify does; GET
 * /count says how many streams are open. One epoll loop, keep-alive, no limits; requests are looked
 * at as little as may be.
 */
#define _GNU_SOURCE /* accept4(), memmem() */
#include "http/list.h"
#include "load_tools.h"

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

#define ID "0000000-0000-4000-8000-000000000000"
#define ID_DIGITS 12 /* its last ones are the run's number */
#define EVENTS 1000
#define MARKS 8 /* ids in an event */
#define PACES 8
#define REQUEST_BYTES 4096
#define OUT_BYTES (1 << 20)
#define PING_MS 10000

static const char stream_head[] = "HTTP/1.1 200 OK\r\nServer: gunicorn\r\n"
                                  "Date: Thu, 01 Jan 2026 00:00:00 GMT\r\n"
                                  "Connection: keep-alive\r\nTransfer-Encoding: chunked\r\n"
                                  "Content-Type: text/event-stream; charset=utf-8\r\n"
                                  "Cache-Control: no-cache\r\nX-Version: 1.14.2\r\n"
                                  "X-Env: PRODUCTION\r\n\r\n";
static const char parameters[] =
    "{\"opening_statement\":\"\",\"user_input_form\":[{\"text-input\":{\"variable\":\"query\","
    "\"label\":\"query\",\"type\":\"text-input\",\"required\":true,\"max_length\":256,"
    "\"options\":[]}}],\"file_upload\":{\"enabled\":false},\"system_parameters\":{"
    "\"image_file_size_limit\":10,\"file_size_limit\":15,\"workflow_file_upload_limit\":10}}";
static const char about[] = "{\"name\":\"bench\",\"description\":\"\",\"tags\":[],"
                            "\"mode\":\"workflow\",\"author_name\":\"owner\"}";
static const char ping[] = "d\r\nevent: ping\n\n\r\n";

/* An event as a chunk, and where in it ids and the time stand. */
struct event {
    char *bytes;
    size_t len;
    size_t ids[MARKS], id_count;
    size_t time; /* 0: none */
};

/* Streams that send at the same pace, the one that is due first in front. */
struct pace {
    uint64_t ms;
    struct http_link streams;
};

struct connection {
    int fd;
    size_t len; /* of the request, as far as it is there */
    char request[REQUEST_BYTES];
    struct pace *pace; /* of the stream under way, or NULL */
    struct http_link link;
    uint64_t due_us, number;
    size_t sent; /* events */
    bool is_idle;
};

static struct event events[EVENTS];
static size_t event_count;
static struct pace paces[PACES];
static size_t pace_count;
static uint64_t numbers;
static size_t open_streams;
static int epoll;
static char out[OUT_BYTES];

/* ---- the events ------------------------------------------------------------------------------ */

static void make_event(struct event *event, const char *text, size_t len)
{
    event->bytes = malloc(len + 16);
    if (event->bytes == NULL)
        die("out of memory");
    int head = snprintf(event->bytes, 16, "%zx\r\n", len);
    memcpy(event->bytes + head, text, len);
    memcpy(event->bytes + head + len, "\r\n", 2);
    event->len = (size_t)head + len + 2;
    const char *end = event->bytes + event->len, *at = event->bytes;
    while ((at = memmem(at, (size_t)(end - at), ID, sizeof ID - 1)) != NULL) {
        if (event->id_count == MARKS)
            die("too many ids in an event");
        at += sizeof ID - 1;
        event->ids[event->id_count++] = (size_t)(at - event->bytes) - ID_DIGITS;
    }
    at = memmem(event->bytes, event->len, STAMP, sizeof STAMP - 1);
    if (at != NULL)
        event->time = (size_t)(at - event->bytes) + sizeof STAMP - 1;
}

static void read_events(const char *path)
{
    size_t len, start = 0;
    char *text = read_whole(path, &len);
    const char *end;
    while ((end = memmem(text + start, len - start, "\n\n", 2)) != NULL) {
        size_t event_len = (size_t)(end - text) + 2 - start;
        if (event_count == EVENTS)
            die("too many events");
        make_event(&events[event_count++], text + start, event_len);
        start += event_len;
    }
    free(text);
    if (event_count < 3 || start != len)
        die("the stream is not whole");
}

static void put_digits(char *digits, size_t count, uint64_t value)
{
    while (count > 0) {
        digits[--count] = (char)('0' + value % 10);
        value /= 10;
    }
}

static size_t put_event(char *to, const struct event *event, uint64_t number, uint64_t time_us)
{
    memcpy(to, event->bytes, event->len);
    for (size_t i = 0; i < event->id_count; i++)
        put_digits(to + event->ids[i], ID_DIGITS, number);
    if (event->time != 0)
        put_digits(to + event->time, STAMP_DIGITS, time_us);
    return event->len;
}

/* ---- streams --------------------------------------------------------------------------------- */

static void drop(struct connection *connection)
{
    open_streams -= connection->pace != NULL;
    http_list_remove(&connection->link);
    (void)close(connection->fd);
    free(connection);
}

/* What is sent of a stream fits into the socket's buffer: a whole one is no larger. False: the
 * other side has left. */
static bool send_all(struct connection *connection, const char *bytes, size_t len)
{
    ssize_t count = send(connection->fd, bytes, len, MSG_NOSIGNAL);
    if (count >= 0 && (size_t)count < len)
        die("a stream does not fit into its socket's buffer");
    return count >= 0;
}

static struct pace *pace_of(uint64_t ms)
{
    for (size_t i = 0; i < pace_count; i++) {
        if (paces[i].ms == ms)
            return &paces[i];
    }
    if (pace_count == PACES)
        die("too many paces");
    paces[pace_count].ms = ms;
    http_list_init(&paces[pace_count].streams);
    return &paces[pace_count++];
}

/* Sends the next `count` events, after `len` bytes that are in `out`. */
static bool send_events(struct connection *connection, size_t count, size_t len)
{
    uint64_t time_us = now_us();
    for (; count > 0 && connection->sent < event_count; count--) {
        if (OUT_BYTES - len < events[connection->sent].len + 8)
            die("the stream is too long");
        len += put_event(out + len, &events[connection->sent++], connection->number, time_us);
    }
    http_list_remove(&connection->link);
    if (connection->sent == event_count) {
        memcpy(out + len, "0\r\n\r\n", 5);
        len += 5;
        open_streams -= connection->pace != NULL;
        connection->pace = NULL;
    } else {
        connection->due_us = time_us + connection->pace->ms * 1000;
        http_list_append(&connection->pace->streams, &connection->link);
    }
    return send_all(connection, out, len);
}

static bool begin_stream(struct connection *connection)
{
    static const char key[] = "Bearer app-";
    const char *at = memmem(connection->request, connection->len, key, sizeof key - 1);
    if (at == NULL)
        return false;
    at += sizeof key - 1;
    connection->number = ++numbers;
    connection->sent = 0;
    connection->is_idle = strncmp(at, "idle\r", 5) == 0;
    size_t len = sizeof stream_head - 1, first = connection->is_idle ? 3 : 2;
    memcpy(out, stream_head, len);
    if (strncmp(at, "now\r", 4) == 0) {
        connection->pace = NULL;
        return send_events(connection, event_count, len);
    }
    if (!connection->is_idle && strncmp(at, "paced-", 6) != 0)
        return false;
    connection->pace = pace_of(connection->is_idle ? PING_MS : strtoul(at + 6, NULL, 10));
    open_streams++;
    return send_events(connection, first, len);
}

/* Sends what is due; returns how many milliseconds may be waited. */
static int send_due(void)
{
    int wait_ms = -1;
    for (size_t i = 0; i < pace_count; i++) {
        uint64_t now = now_us();
        while (!http_list_is_empty(&paces[i].streams)) {
            struct connection *connection =
                HTTP_LINKED(paces[i].streams.next, struct connection, link);
            if (connection->due_us > now) {
                int ms = (int)((connection->due_us - now) / 1000) + 1;
                wait_ms = wait_ms < 0 || ms < wait_ms ? ms : wait_ms;
                break;
            }
            bool is_there = true;
            if (connection->is_idle) {
                http_list_remove(&connection->link);
                connection->due_us = now + PING_MS * 1000;
                http_list_append(&paces[i].streams, &connection->link);
                is_there = send_all(connection, ping, sizeof ping - 1);
            } else {
                is_there = send_events(connection, 1, 0);
            }
            if (!is_there)
                drop(connection);
        }
    }
    return wait_ms;
}

/* ---- requests -------------------------------------------------------------------------------- */

static bool send_page(struct connection *connection, const char *status, const char *page)
{
    int len = snprintf(out, sizeof out,
                       "HTTP/1.1 %s\r\nServer: gunicorn\r\nConnection: keep-alive\r\n"
                       "Content-Type: application/json\r\nContent-Length: %zu\r\n"
                       "X-Version: 1.14.2\r\nX-Env: PRODUCTION\r\n\r\n%s",
                       status, strlen(page), page);
    return send_all(connection, out, (size_t)len);
}

static bool answer_request(struct connection *connection)
{
    char count[32];
    const char *request = connection->request;
    if (strncmp(request, "POST ", 5) == 0)
        return begin_stream(connection);
    if (strstr(request, "/parameters") != NULL)
        return send_page(connection, "200 OK", parameters);
    if (strstr(request, "/info") != NULL)
        return send_page(connection, "200 OK", about);
    (void)snprintf(count, sizeof count, "%zu", open_streams);
    if (strncmp(request, "GET /count ", 11) == 0)
        return send_page(connection, "200 OK", count);
    return send_page(connection, "404 NOT FOUND",
                     "{\"code\":\"not_found\",\"message\":\"not here\",\"status\":404}");
}

/* The length of the request, 0 if it is not whole. */
static size_t request_len(const struct connection *connection)
{
    const char *head_end = memmem(connection->request, connection->len, "\r\n\r\n", 4);
    if (head_end == NULL)
        return 0;
    size_t head_len = (size_t)(head_end - connection->request) + 4;
    const char *field = strcasestr(connection->request, "\r\ncontent-length:");
    size_t body_len = field != NULL && field < head_end ? strtoul(field + 17, NULL, 10) : 0;
    return head_len + body_len <= connection->len ? head_len + body_len : 0;
}

static bool read_on(struct connection *connection)
{
    size_t room = REQUEST_BYTES - 1 - connection->len;
    ssize_t count = recv(connection->fd, connection->request + connection->len, room, 0);
    if (count <= 0)
        return count < 0 && errno == EAGAIN;
    connection->len += (size_t)count;
    connection->request[connection->len] = '\0';
    if (request_len(connection) != connection->len)
        return connection->len < REQUEST_BYTES - 1; /* no pipelining */
    bool goes_on = answer_request(connection);
    connection->len = 0;
    return goes_on;
}

static void take_connections(int listener)
{
    int on = 1, fd;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        struct connection *connection = calloc(1, sizeof *connection);
        if (connection == NULL)
            die("out of memory");
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        http_list_init(&connection->link);
        connection->fd = fd;
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
        if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0)
            die_of("epoll_ctl");
    }
    if (errno != EAGAIN && errno != ECONNABORTED)
        die_of("accept");
}

static int listen_on_any_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (listener < 0 || bind(listener, (struct sockaddr *)&address, len) != 0 ||
        listen(listener, SOMAXCONN) != 0 ||
        getsockname(listener, (struct sockaddr *)&address, &len) != 0)
        die_of("listen");
    printf("%u\n", (unsigned)ntohs(address.sin_port));
    (void)fflush(stdout);
    return listener;
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fputs("usage: bench_gateway_dify STREAM\n", stderr);
        return 2;
    }
    read_events(argv[1]);
    epoll = epoll_create1(EPOLL_CLOEXEC);
    int listener = listen_on_any_port();
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event) != 0)
        die_of("epoll");
    for (;;) {
        struct epoll_event found[256];
        int count = epoll_wait(epoll, found, 256, send_due());
        for (int i = 0; i < count; i++) {
            struct connection *connection = found[i].data.ptr;
            if (connection == NULL)
                take_connections(listener);
            else if (!read_on(connection))
                drop(connection);
        }
    }
}
