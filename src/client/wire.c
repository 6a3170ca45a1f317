/* SPDX-License-Identifier: Apache-2.0
 *
 * wire.c: an exchange over a connection that stands: the request goes out as it is, the answer is
 * read from the socket (reply.c), once for each time that it is ready.
 *
 * This is for streams, which are silent for most of their time and bring a little at a time: no
 * handle, no buffer and no bookkeeping of libcurl's is spent on them while they last. The socket
 * has one owner: the exchange; before that libcurl, where it has made it. As with libcurl, what a
 * receiver begins or cancels while it is called is postponed (`in_curl`), and the end is told when
 * nothing is being called any more.
 */
#include "client/transfer_state.h"
#include "client/words.h"
#include "core/prefetch.h"
#include "core/slices.h"
#include "difystream/version.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

/* Ceiling of the head of a request: the key and the path are the longest of it. */
#define OUT_BYTES ((size_t)64 << 10)

/* Room for what is the same in all heads: the names of the fields, the shorter values. */
#define FIXED_BYTES ((size_t)512)

/* ---- the request --------------------------------------------------------------------------- */

static bool is_set(const char *name)
{
    const char *value = getenv(name);
    return value != NULL && *value != '\0';
}

/* Of the variables that libcurl heeds for http. */
static bool may_have_proxy(const struct dify_app *app)
{
    if (app->proxy != NULL)
        return *app->proxy != '\0';
    return is_set("http_proxy") || is_set("all_proxy") || is_set("ALL_PROXY");
}

/* Whether libcurl would send a path as it stands. */
static bool is_plain(const char *path)
{
    for (const char *c = path; *c != '\0'; c++)
        if (*c <= ' ' || *c >= 0x7F || *c == '#' || (c[0] == '/' && c[1] == '.'))
            return false;
    return true;
}

bool dify__wire_can(const struct dify_app *app, const struct dify__request *request)
{
    const unsigned flags = DIFY__REQUEST_FRESH | DIFY__REQUEST_STREAM;
    return app->http_host != NULL && (request->flags & flags) == flags &&
           (request->flags & DIFY__REQUEST_FILE) == 0 && request->file == NULL &&
           request->relayed == NULL && is_plain(request->path) && !may_have_proxy(app);
}

enum dify_err dify__wire_begin_head(struct dify__exchange *exchange,
                                    const struct dify__request *request)
{
    struct dify__buffer *out = &exchange->wire.out;
    const struct dify_app *app = exchange->app;
    const char *event_id = request->last_event_id != NULL ? request->last_event_id : "";
    *out = (struct dify__buffer){.allocator = exchange->client->env.allocator, .max = OUT_BYTES};
    exchange->wire.body = (struct dify_slice){NULL, 0};
    /* all at once: what a buffer leaves behind when it grows is not wiped, and has the key in it */
    enum dify_err err =
        dify__buffer_fit(out, FIXED_BYTES + strlen(app->http_base) + strlen(request->path) +
                                  strlen(app->http_host) + strlen(app->key) + strlen(event_id));
    dify__add(out, &err, (request->flags & DIFY__REQUEST_POST) != 0 ? "POST " : "GET ");
    dify__add(out, &err, app->http_base);
    dify__add(out, &err, request->path);
    dify__add(out, &err, " HTTP/1.1\r\nHost: ");
    dify__add(out, &err, app->http_host);
    dify__add(out, &err, "\r\nUser-Agent: difystream/" DIFY_VERSION "\r\n");
    return err;
}

enum dify_err dify__wire_add_field(struct dify__exchange *exchange, const char *line)
{
    enum dify_err err = DIFY_OK;
    dify__add(&exchange->wire.out, &err, line);
    dify__add(&exchange->wire.out, &err, "\r\n");
    return err;
}

enum dify_err dify__wire_end_head(struct dify__exchange *exchange,
                                  const struct dify__request *request)
{
    struct dify__buffer *out = &exchange->wire.out;
    enum dify_err err = DIFY_OK;
    if ((request->flags & DIFY__REQUEST_POST) != 0) {
        dify__add(out, &err, "Content-Length: ");
        dify__add_uint(out, &err, request->body.len);
        dify__add(out, &err, "\r\n");
        exchange->wire.body = request->body;
    }
    dify__add(out, &err, "\r\n");
    return err;
}

static void forget_request(struct dify__wire *wire)
{
    dify__wipe(wire->out.ptr, wire->out.len);
    dify__buffer_fini(&wire->out);
    wire->body = (struct dify_slice){NULL, 0};
    wire->sent = 0;
}

/* ---- how it ends --------------------------------------------------------------------------- */

double dify__ms_since(uint64_t began_us)
{
    return (double)(dify__real_us() - began_us) / 1000;
}

static void end(struct dify__exchange *exchange, CURLcode code, int os_error, const char *why)
{
    exchange->wire.is_over = true;
    exchange->code = code;
    exchange->os_error = os_error;
    exchange->times.total_ms = dify__ms_since(exchange->began_us);
    snprintf(exchange->why, sizeof exchange->why, "%s", why);
}

static void end_without_memory(struct dify__exchange *exchange)
{
    exchange->ran_out_of_memory = true;
    end(exchange, CURLE_OUT_OF_MEMORY, 0, "Out of memory");
}

static void end_by_system(struct dify__exchange *exchange, CURLcode code, const char *what,
                          int error)
{
    char why[CURL_ERROR_SIZE];
    snprintf(why, sizeof why, "%s failure: %s", what, strerror(error));
    end(exchange, code, error, why);
}

void dify__wire_close(struct dify__exchange *exchange)
{
    struct dify__wire *wire = &exchange->wire;
    if (wire->fd < 0)
        return;
    (void)dify__client_watch(exchange->client, wire->fd, DIFY_WATCH_NOTHING, NULL);
    close(wire->fd);
    wire->fd = -1;
}

void dify__wire_fini(struct dify__exchange *exchange)
{
    struct dify_client *client = exchange->client;
    for (size_t i = 0; i < client->received_count; i++)
        if (client->received[i].exchange == exchange)
            client->received[i].exchange = NULL;
    dify__wire_close(exchange);
    forget_request(&exchange->wire);
    dify__buffer_fini(&exchange->wire.kept);
}

void dify__wire_watch(struct dify__exchange *exchange)
{
    struct dify__wire *wire = &exchange->wire;
    unsigned what = DIFY_WATCH_READ;
    bool is_sending = wire->out.len != 0 && exchange->may_be_sent;
    if (is_sending || wire->kept.len != 0)
        what |= DIFY_WATCH_WRITE; /* what was kept is told once it is writable, which is at once */
    if (exchange->is_paused)
        what &= is_sending ? DIFY_WATCH_WRITE : DIFY_WATCH_NOTHING;
    if (wire->fd < 0 || wire->is_over || what == wire->watched)
        return;
    wire->watched = what;
    if (!dify__client_watch(exchange->client, wire->fd, what, exchange))
        dify__transfer_unwatched(exchange);
}

/* ---- the answer ---------------------------------------------------------------------------- */

static void keep(struct dify__exchange *exchange, struct dify_slice bytes)
{
    struct dify__buffer *kept = &exchange->wire.kept;
    kept->allocator = exchange->client->env.allocator;
    kept->max = DIFY__READ_BYTES;
    if (dify__buffer_append(kept, bytes.ptr, bytes.len) != DIFY_OK)
        end_without_memory(exchange);
}

static void take_step(struct dify__exchange *exchange, enum dify__reply_step step,
                      struct dify_slice body)
{
    const struct dify__reply *reply = &exchange->reply;
    switch (step) {
    case DIFY__REPLY_HEAD:
        dify__transfer_tell_head(exchange, reply->status);
        if (reply->status >= 400) /* it was refused before all of it was there */
            forget_request(&exchange->wire);
        break;
    case DIFY__REPLY_BODY:
        exchange->receiver.body(exchange->receiver.ctx, body);
        break;
    case DIFY__REPLY_END:
        end(exchange, CURLE_OK, 0, "");
        break;
    case DIFY__REPLY_BAD:
        exchange->ran_out_of_memory |= reply->code == CURLE_OUT_OF_MEMORY;
        end(exchange, reply->code, 0, reply->why);
        break;
    case DIFY__REPLY_MORE:
        break;
    }
}

/* Whether its next bytes may be read. */
static bool is_open(const struct dify__exchange *exchange)
{
    return exchange->state == DIFY__ON_WIRE && !exchange->wire.is_over;
}

static void take_bytes(struct dify__exchange *exchange, struct dify_slice bytes)
{
    enum dify__reply_step step = DIFY__REPLY_HEAD;
    struct dify_slice body;
    while (step != DIFY__REPLY_MORE && is_open(exchange)) {
        if (exchange->is_paused && bytes.len > 0) {
            keep(exchange, bytes);
            return;
        }
        step = dify__reply_read(&exchange->reply, &bytes, &body);
        take_step(exchange, step, body);
    }
}

static void take_kept(struct dify__exchange *exchange)
{
    struct dify__buffer kept = exchange->wire.kept;
    exchange->wire.kept = (struct dify__buffer){.allocator = NULL};
    take_bytes(exchange, dify__buffer_slice(&kept));
    dify__buffer_fini(&kept);
}

/* What a socket has brought, into what is free of the client's memory for that. */
static struct dify__received receive(struct dify__exchange *exchange)
{
    struct dify_client *client = exchange->client;
    struct dify__received received = {exchange, 0, NULL, -1};
    if (client->bytes == NULL)
        client->bytes = dify__malloc(client->env.allocator, DIFY__READ_BYTES);
    if (client->bytes == NULL)
        return received;
    received.bytes = client->bytes + client->bytes_used;
    received.len = recv(exchange->wire.fd, received.bytes, DIFY__READ_BYTES - client->bytes_used,
                        MSG_DONTWAIT);
    received.error = received.len < 0 ? errno : 0;
    if (received.len > 0)
        client->bytes_used += (size_t)received.len;
    return received;
}

static void take_received(const struct dify__received *received)
{
    struct dify__exchange *exchange = received->exchange;
    if (received->len <= 0 && exchange->wire.kept.len > 0)
        return; /* what came before is told first: the host says again that this is there */
    if (received->len > 0) {
        if (exchange->reply.state == DIFY__REPLY_LINES && exchange->times.first_byte_ms < 0)
            exchange->times.first_byte_ms = dify__ms_since(exchange->began_us);
        take_bytes(exchange, (struct dify_slice){received->bytes, (size_t)received->len});
    } else if (received->len == 0) {
        take_step(exchange, dify__reply_close(&exchange->reply), (struct dify_slice){NULL, 0});
    } else if (received->bytes == NULL) {
        end_without_memory(exchange);
    } else if (received->error != EAGAIN && received->error != EINTR) {
        end_by_system(exchange, CURLE_RECV_ERROR, "Recv", received->error);
    }
}

/* Once, as the host says again if there is more; of a socket that has failed all, as a host may say
 * that but once. */
static void read_ready(struct dify__exchange *exchange, unsigned what)
{
    bool has_failed = (what & ~exchange->wire.watched) != 0, goes_on = true;
    while (goes_on && is_open(exchange) && !exchange->is_paused) {
        struct dify__received received = receive(exchange);
        take_received(&received);
        exchange->client->bytes_used = 0;
        goes_on = received.len > 0 && has_failed;
    }
}

/* ---- several at once ----------------------------------------------------------------------- */

bool dify__wire_receive(struct dify__exchange *exchange, unsigned what)
{
    struct dify_client *client = exchange->client;
    if (!is_open(exchange) || what != DIFY_WATCH_READ || exchange->wire.watched != what)
        return false;
    client->received[client->received_count++] = receive(exchange);
    dify__prefetch(exchange->receiver.ctx, exchange->receiver.ctx_bytes);
    if (client->received_count == DIFY__RECEIVED ||
        DIFY__READ_BYTES - client->bytes_used < DIFY__READ_LEAST)
        dify__wire_take(client);
    return true;
}

/* A receiver may cancel any exchange; while `in_curl` none is freed. */
static void take_all(struct dify_client *client)
{
    client->in_curl = true;
    for (size_t i = 0; i < client->received_count; i++) {
        const struct dify__receiver *receiver = &client->received[i].exchange->receiver;
        if (receiver->expect != NULL)
            receiver->expect(receiver->ctx);
    }
    for (size_t i = 0; i < client->received_count; i++) {
        const struct dify__received *received = &client->received[i];
        if (is_open(received->exchange))
            take_received(received);
        if (received->exchange->state == DIFY__ON_WIRE)
            dify__wire_watch(received->exchange);
    }
    client->in_curl = false;
}

/* Who is told of an end may cancel any exchange as well, which is freed at once, and forgotten here
 * then. */
static void tell_ends(struct dify_client *client)
{
    for (size_t i = 0; i < client->received_count; i++) {
        struct dify__exchange *exchange = client->received[i].exchange;
        if (exchange != NULL && exchange->state == DIFY__ON_WIRE && exchange->wire.is_over)
            dify__transfer_over(exchange);
    }
}

void dify__wire_take(struct dify_client *client)
{
    if (client->received_count == 0)
        return;
    take_all(client);
    tell_ends(client);
    client->received_count = client->bytes_used = 0;
}

/* ---- sending ------------------------------------------------------------------------------- */

static void send_more(struct dify__exchange *exchange)
{
    struct dify__wire *wire = &exchange->wire;
    size_t head_sent = wire->sent < wire->out.len ? wire->sent : wire->out.len;
    size_t body_sent = wire->sent - head_sent;
    struct iovec parts[] = {
        {wire->out.ptr + head_sent, wire->out.len - head_sent},
        {(void *)(uintptr_t)(wire->body.ptr + body_sent), wire->body.len - body_sent},
    };
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = wire->body.len > body_sent ? 2 : 1};
    ssize_t sent = sendmsg(wire->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent >= 0)
        wire->sent += (size_t)sent;
    else if (errno != EAGAIN && errno != EINTR)
        end_by_system(exchange, CURLE_SEND_ERROR, "Send", errno);
    if (wire->sent == wire->out.len + wire->body.len)
        forget_request(wire);
}

void dify__wire_start(struct dify__exchange *exchange, int fd)
{
    exchange->wire.fd = fd;
    exchange->state = DIFY__ON_WIRE;
    dify__wire_watch(exchange);
    if (exchange->is_unwatched) /* so that it ends with nothing sent */
        return;
    exchange->may_be_sent = true;
    if (exchange->receiver.sending != NULL)
        exchange->receiver.sending(exchange->receiver.ctx);
    send_more(exchange);
    dify__wire_watch(exchange);
    if (exchange->wire.is_over)
        dify__transfer_over(exchange);
}

void dify__wire_ready(struct dify__exchange *exchange, unsigned what)
{
    struct dify__wire *wire = &exchange->wire;
    struct dify_client *client = exchange->client;
    if (exchange->state == DIFY__DIALLING) {
        dify__dial_ready(exchange);
        return;
    }
    dify__prefetch(exchange->receiver.ctx, exchange->receiver.ctx_bytes);
    client->in_curl = true;
    if (wire->kept.len > 0 && !exchange->is_paused)
        take_kept(exchange);
    if ((what & DIFY_WATCH_READ) != 0)
        read_ready(exchange, what);
    if ((what & DIFY_WATCH_WRITE) != 0 && is_open(exchange) && wire->out.len != 0)
        send_more(exchange);
    if (exchange->state == DIFY__ON_WIRE)
        dify__wire_watch(exchange);
    client->in_curl = false;
    if (exchange->state == DIFY__ON_WIRE && wire->is_over)
        dify__transfer_over(exchange);
}
