/* SPDX-License-Identifier: Apache-2.0
 *
 * taking.c: how much of what is sent on a connection the system takes at once, and how much of it
 * the client has taken. Gives, asks, and starts the clock of writing; and what all connections
 * hold. Nothing is left to libuv or closed here.
 */
#include "http/connection.h"

#include <assert.h>
#include <errno.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

void http_connection_count(struct http_connection *connection)
{
    size_t held =
        connection->out.len + (connection->write != NULL ? connection->write->bytes.len : 0);
    connection->server->waiting_bytes += held;
    connection->server->waiting_bytes -= connection->held_bytes;
    connection->held_bytes = held;
}

bool http_connection_is_crowded(const struct http_connection *connection, size_t len)
{
    const struct http_server *server = connection->server;
    return server->options.max_waiting_bytes != 0 && len > server->options.max_write_bytes &&
           server->waiting_bytes > server->options.max_waiting_bytes;
}

size_t http_connection_pending(const struct http_connection *connection)
{
    size_t writing =
        connection->write != NULL ? uv_stream_get_write_queue_size(&connection->uv.stream) : 0;
    return connection->out.len + writing;
}

/* Whether a failed send says no more than that there is no room now. */
static bool is_full(int error)
{
    return error == EAGAIN || error == EINTR || error == ENOBUFS;
}

/* By send(2): libuv's write(2) costs more on a socket, for what only files have. */
ssize_t http_connection_give(struct http_connection *connection)
{
    const struct dify__buffer *out = &connection->out;
    assert(connection->write == NULL);
    ssize_t count = send(connection->fd, out->ptr, out->len, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count < 0)
        return is_full(errno) ? 0 : uv_translate_sys_error(errno);
    connection->given_bytes += (size_t)count;
    connection->server->stats.sent_bytes += (size_t)count;
    return count;
}

static uint64_t taken_bytes(const struct http_connection *connection)
{
    return connection->given_bytes - (http_connection_pending(connection) - connection->out.len);
}

/* Bytes that the system has taken and keeps, for want of an acknowledgement or of a reader; what
 * counts is only whether they become fewer (of a socket in the file system it is their memory). */
static int queued_bytes(const struct http_connection *connection)
{
    int queued;
    return ioctl(connection->fd, TIOCOUTQ, &queued) == 0 ? queued : 0;
}

void http_connection_start_taking(struct http_connection *connection)
{
    connection->taken_bytes = taken_bytes(connection);
    connection->queued_bytes = queued_bytes(connection);
    http_wait_start(&connection->server->clocks, &connection->taking, HTTP_CLOCK_WRITE);
}

bool http_connection_has_taken(const struct http_connection *connection)
{
    return taken_bytes(connection) != connection->taken_bytes ||
           queued_bytes(connection) < connection->queued_bytes;
}

bool http_connection_waits_for_taking(struct http_connection *connection)
{
    uint64_t now_ms = uv_now(connection->server->loop);
    int queued = queued_bytes(connection);
    if (connection->uv.handle.type != UV_TCP || queued == 0)
        return false;
    if (connection->flushed_ms == 0 || queued < connection->queued_bytes)
        connection->flushed_ms = now_ms;
    connection->queued_bytes = queued;
    return now_ms - connection->flushed_ms < connection->server->options.linger_ms;
}
