/* SPDX-License-Identifier: Apache-2.0
 *
 * kit.c: see kit.h.
 */
#include "kit.h"

#include "core/slices.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* ---- owners -------------------------------------------------------------------------------- */

struct job {
    struct kit *kit;
    struct text body;
    size_t kept; /* place in kit->kept plus 1, or 0 */
    bool echoes_at_once;
    bool pauses;
};

static const struct http_field plain = {{"Content-Type", 12}, {"text/plain", 10}};

static void on_close(void *ctx, struct http_exchange *exchange, bool is_complete)
{
    struct job *job = ctx;
    (void)exchange;
    job->kit->closed++;
    job->kit->completed += is_complete;
    if (job->kept != 0)
        job->kit->kept[job->kept - 1] = NULL;
    text_fini(&job->body);
    free(job);
}

static void on_drain(void *ctx, struct http_exchange *exchange)
{
    struct job *job = ctx;
    (void)exchange;
    job->kit->drained++;
}

static void on_broken(void *ctx, struct http_exchange *exchange)
{
    struct job *job = ctx;
    (void)exchange;
    job->kit->broken++;
}

static void echo_body(void *ctx, struct http_exchange *exchange, struct dify_slice bytes,
                      bool is_last)
{
    struct job *job = ctx;
    job->kit->body_bytes += bytes.len;
    assert_true(is_last == (bytes.len == 0));
    if (job->echoes_at_once) {
        if (!is_last && !http_respond_write(exchange, bytes))
            assert_true(http_exchange_pending(exchange) != 0);
        if (is_last)
            http_respond_end(exchange);
        return;
    }
    text_add(&job->body, bytes.ptr, bytes.len);
    if (is_last)
        http_respond(exchange, 200, &plain, 1, text_slice(&job->body));
    else if (job->pauses)
        http_exchange_pause(exchange);
}

static void sink_body(void *ctx, struct http_exchange *exchange, struct dify_slice bytes,
                      bool is_last)
{
    struct job *job = ctx;
    job->kit->body_bytes += bytes.len;
    if (is_last)
        http_respond(exchange, 200, &plain, 1, DIFY_SLICE("sunk\n"));
}

static void keep(struct job *job, struct http_exchange *exchange)
{
    struct kit *kit = job->kit;
    assert_in_range(kit->kept_count, 0, KIT_KEPT - 1);
    kit->kept[kit->kept_count++] = exchange;
    job->kept = kit->kept_count;
}

static void respond_stream(struct http_exchange *exchange)
{
    static const char *const words[] = {"one", "two", "three"};
    http_respond_begin(exchange, 200, &plain, 1, HTTP_LENGTH_UNKNOWN);
    for (size_t i = 0; i < COUNT_OF(words); i++)
        if (!http_respond_write(exchange, slice_of(words[i])))
            return;
    http_respond_end(exchange);
}

static void on_half_close(void *ctx, struct http_exchange *exchange)
{
    struct job *job = ctx;
    assert_true(http_exchange_half_closed(exchange));
    job->kit->half_closed++;
}

/* Fields of the caller's that stand in place of the layer's, and some that may not. */
static void respond_fields(struct http_exchange *exchange)
{
    static const struct http_field fields[] = {
        {{"Date", 4}, {"mine", 4}},           {{"Content-Length", 14}, {"99", 2}},
        {{"Connection", 10}, {"x", 1}},       {{"transfer-encoding", 17}, {"x", 1}},
        {{"server", 6}, {"me", 2}},           {{"Bad Name", 8}, {"x", 1}},
        {{"Bad-Value", 9}, {"a\r\nB: c", 7}}, {{"A", 1}, {"b", 1}},
    };
    http_respond(exchange, 404, fields, COUNT_OF(fields), DIFY_SLICE("hi"));
}

/* Fields that go with any answer; one with a body is read away, so that the layer may refuse it. */
static void respond_also(struct http_exchange *exchange)
{
    static const struct http_field also[] = {{{"a", 1}, {"c", 1}}, {{"Vary", 4}, {"x", 1}}};
    static const struct http_field fields[] = {
        {{"A", 1}, {"b", 1}}, {{"vary", 4}, {"y", 1}}, {{"D", 1}, {"e", 1}}};
    http_exchange_also(exchange, also, COUNT_OF(also));
    if (http_exchange_request(exchange)->has_body)
        http_exchange_read(exchange, &(struct http_body_reader){.ctx = NULL});
    else
        http_respond(exchange, 200, fields, COUNT_OF(fields), DIFY_SLICE("hi"));
}

static void on_request(void *ctx, struct http_exchange *exchange)
{
    struct kit *kit = ctx;
    const struct http_request *request = http_exchange_request(exchange);
    struct job *job = calloc(1, sizeof *job);
    assert_non_null(job);
    job->kit = kit;
    kit->requests++;
    struct http_exchange_watch watch = {job, on_drain, on_close, on_half_close};
    struct http_body_reader reader = {job, echo_body, on_broken};
    http_exchange_watch(exchange, &watch);
    if (dify__slice_is(request->path, "/wide"))
        http_exchange_limit_body(exchange, 1000);
    if (dify__slice_is(request->path, "/echo") || dify__slice_is(request->path, "/q") ||
        dify__slice_is(request->path, "/wide")) {
        http_exchange_read(exchange, &reader);
    } else if (dify__slice_is(request->path, "/chunk")) {
        job->echoes_at_once = true;
        http_exchange_read(exchange, &reader);
        http_respond_begin(exchange, 200, &plain, 1, HTTP_LENGTH_UNKNOWN);
    } else if (dify__slice_is(request->path, "/sink")) {
        reader.on_body = sink_body;
        http_exchange_read(exchange, &reader);
    } else if (dify__slice_is(request->path, "/pause")) {
        keep(job, exchange);
        job->pauses = true;
        http_exchange_pause(exchange);
        http_exchange_read(exchange, &reader);
    } else if (dify__slice_is(request->path, "/keep")) {
        keep(job, exchange);
    } else if (dify__slice_is(request->path, "/sse")) {
        keep(job, exchange);
        http_sse_begin(exchange, NULL, 0);
    } else if (dify__slice_is(request->path, "/stream")) {
        respond_stream(exchange);
    } else if (dify__slice_is(request->path, "/fields")) {
        respond_fields(exchange);
    } else if (dify__slice_is(request->path, "/also")) {
        respond_also(exchange);
    } else {
        http_respond(exchange, 200, &plain, 1, DIFY_SLICE("hello\n"));
    }
}

/* ---- the server ---------------------------------------------------------------------------- */

void kit_init(struct kit *kit)
{
    memset(kit, 0, sizeof *kit);
    meter_init(&kit->meter);
    kit->options.on_request = on_request;
    kit->options.ctx = kit;
    assert_int_equal(uv_loop_init(&kit->loop), 0);
}

void kit_start(struct kit *kit)
{
    struct dify_error error;
    if (kit->options.allocator == NULL)
        kit->options.allocator = &kit->meter.allocator;
    assert_int_equal(http_server_new(&kit->loop, &kit->options, &kit->server), DIFY_OK);
    assert_int_equal(http_server_listen(kit->server, "127.0.0.1", 0, &error), DIFY_OK);
    kit->port = http_server_port(kit->server);
    assert_int_not_equal(kit->port, 0);
}

static void on_server_closed(void *ctx)
{
    struct kit *kit = ctx;
    kit->is_closed = true;
}

void kit_stop(struct kit *kit)
{
    http_server_close(kit->server, on_server_closed, kit);
    while (!kit->is_closed)
        assert_true(uv_run(&kit->loop, UV_RUN_ONCE) != 0 || kit->is_closed);
    assert_int_equal(kit->closed, kit->requests);
    kit_fini(kit);
}

void kit_fini(struct kit *kit)
{
    assert_int_equal(uv_run(&kit->loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(uv_loop_close(&kit->loop), 0);
    assert_meter_empty(&kit->meter);
}

void kit_turn(struct kit *kit)
{
    struct pollfd poll_loop = {uv_backend_fd(&kit->loop), POLLIN, 0};
    if (uv_backend_timeout(&kit->loop) != 0)
        (void)poll(&poll_loop, 1, 1);
    (void)uv_run(&kit->loop, UV_RUN_NOWAIT);
}

/* ---- clients ------------------------------------------------------------------------------- */

void client_connect(struct kit *kit, struct client *client)
{
    struct sockaddr_in address;
    int one = 1;
    memset(client, 0, sizeof *client);
    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_port = htons(kit->port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    client->fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(client->fd >= 0);
    assert_int_equal(connect(client->fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one), 0);
    assert_int_equal(fcntl(client->fd, F_SETFL, O_NONBLOCK), 0);
}

void client_connect_unix(struct client *client, const char *path)
{
    struct sockaddr_un address;
    memset(client, 0, sizeof *client);
    memset(&address, 0, sizeof address);
    address.sun_family = AF_UNIX;
    memcpy(address.sun_path, path, strlen(path) + 1);
    client->fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(connect(client->fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(fcntl(client->fd, F_SETFL, O_NONBLOCK), 0);
}

void client_close(struct client *client)
{
    if (client->fd >= 0)
        (void)close(client->fd);
    client->fd = -1;
    text_fini(&client->got);
}

void client_send(struct kit *kit, struct client *client, const void *bytes, size_t len)
{
    const char *at = bytes;
    while (len != 0) {
        ssize_t sent = send(client->fd, at, len, MSG_NOSIGNAL);
        if (sent > 0) {
            at += sent;
            len -= (size_t)sent;
        } else if (errno == EAGAIN) {
            kit_turn(kit);
        } else {
            return; /* the server has closed; what it said can be read */
        }
    }
}

void client_say(struct kit *kit, struct client *client, const char *chars)
{
    client_send(kit, client, chars, strlen(chars));
}

void drop_dates(struct text *text)
{
    char *at;
    while ((at = strstr(text->ptr, "\r\nDate: ")) != NULL) {
        char *end = strstr(at + 2, "\r\n");
        assert_non_null(end);
        memmove(at, end, (size_t)(text->ptr + text->len - end) + 1);
        text->len -= (size_t)(end - at);
    }
}

void client_forget(struct client *client)
{
    client->got.len = 0;
    text_add(&client->got, "", 0);
}

void client_read(struct client *client)
{
    char bytes[65536];
    while (!client->is_ended && client->error == 0) {
        ssize_t count = recv(client->fd, bytes, sizeof bytes, 0);
        if (count > 0) {
            text_add(&client->got, bytes, (size_t)count);
        } else if (count == 0) {
            client->is_ended = true;
        } else {
            if (errno != EAGAIN)
                client->error = errno;
            return;
        }
    }
}

static const char *find(const struct text *text, size_t from, const char *chars)
{
    return text->ptr != NULL && from <= text->len ? strstr(text->ptr + from, chars) : NULL;
}

/* The length of the chunked body at `at`, or 0 if it is not whole. */
static size_t chunks_length(const struct text *text, size_t at)
{
    size_t from = at;
    for (;;) {
        const char *end = find(text, at, "\r\n");
        if (end == NULL)
            return 0;
        size_t size = strtoul(text->ptr + at, NULL, 16);
        at = (size_t)(end - text->ptr) + 2 + size + 2;
        if (at > text->len)
            return 0;
        if (size == 0)
            return at - from;
    }
}

size_t count_answers(const struct text *text, size_t *used)
{
    size_t count = 0;
    *used = 0;
    for (;;) {
        const char *end = find(text, *used, "\r\n\r\n");
        if (end == NULL)
            return count;
        size_t at = (size_t)(end - text->ptr) + 4, body = 0;
        const char *length = find(text, *used, "Content-Length: ");
        const char *chunked = find(text, *used, "Transfer-Encoding: chunked");
        if (length != NULL && length < end) {
            body = strtoul(length + 16, NULL, 10);
        } else if (chunked != NULL && chunked < end) {
            body = chunks_length(text, at);
            if (body == 0)
                return count;
        }
        if (at + body > text->len)
            return count;
        *used = at + body;
        count++;
    }
}

int status_at(const struct text *text, size_t at)
{
    if (text->ptr == NULL || text->len < at + 12 || memcmp(text->ptr + at, "HTTP/1.1 ", 9) != 0)
        return 0;
    return (int)strtoul(text->ptr + at + 9, NULL, 10);
}

void client_answers(struct kit *kit, struct client *client, size_t count)
{
    size_t used;
    kit_until(kit, (client_read(client), count_answers(&client->got, &used) >= count));
}

void client_expect(struct kit *kit, struct client *client, const char *chars)
{
    kit_until(kit, (client_read(client), find(&client->got, 0, chars) != NULL));
}

void client_until_end(struct kit *kit, struct client *client)
{
    kit_until(kit, (client_read(client), client->is_ended || client->error != 0));
}

struct text ask(struct kit *kit, const char *request)
{
    struct client client;
    size_t used;
    client_connect(kit, &client);
    client_say(kit, &client, request);
    kit_until(kit, (client_read(&client), client.is_ended || client.error != 0 ||
                                              count_answers(&client.got, &used) != 0));
    struct text got = client.got;
    client.got = (struct text){NULL, 0, 0};
    client_close(&client);
    text_add(&got, "", 0);
    return got;
}
