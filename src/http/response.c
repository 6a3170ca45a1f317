/* SPDX-License-Identifier: Apache-2.0
 *
 * response.c: answers, as bytes in the connection's output. Nothing is sent here. A failed
 * allocation loses the connection, since half an answer cannot be taken back.
 */
#include "http/connection.h"

#include "core/slices.h"
#include "http/fields.h"

#include <assert.h>
#include <string.h>

const char *http_reason(int status)
{
    static const struct {
        int status;
        const char *reason;
    } reasons[] = {
        {100, "Continue"},
        {200, "OK"},
        {201, "Created"},
        {202, "Accepted"},
        {204, "No Content"},
        {206, "Partial Content"},
        {301, "Moved Permanently"},
        {302, "Found"},
        {303, "See Other"},
        {304, "Not Modified"},
        {307, "Temporary Redirect"},
        {308, "Permanent Redirect"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {402, "Payment Required"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {406, "Not Acceptable"},
        {408, "Request Timeout"},
        {409, "Conflict"},
        {410, "Gone"},
        {411, "Length Required"},
        {412, "Precondition Failed"},
        {413, "Request Entity Too Large"},
        {414, "URI Too Long"},
        {415, "Unsupported Media Type"},
        {416, "Range Not Satisfiable"},
        {417, "Expectation Failed"},
        {421, "Misdirected Request"},
        {422, "Unprocessable Entity"},
        {425, "Too Early"},
        {426, "Upgrade Required"},
        {428, "Precondition Required"},
        {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {502, "Bad Gateway"},
        {503, "Service Unavailable"},
        {504, "Gateway Timeout"},
        {505, "HTTP Version Not Supported"},
        {507, "Insufficient Storage"},
    };
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++)
        if (reasons[i].status == status)
            return reasons[i].reason;
    return "";
}

/* ---- writing bytes ------------------------------------------------------------------------- */

struct dify__buffer *http_connection_out(struct http_connection *connection)
{
    if (connection->write == NULL) /* else it waits, and for how long is up to the client */
        http_spares_take(&connection->server->spares, &connection->out);
    return &connection->out;
}

/* Text on its way into a connection's output; the first failure stays. */
struct text {
    struct dify__buffer *out;
    enum dify_err err;
};

static void put(struct text *text, struct dify_slice bytes)
{
    if (text->err == DIFY_OK)
        text->err = dify__buffer_append(text->out, bytes.ptr, bytes.len);
}

static void put_chars(struct text *text, const char *chars)
{
    put(text, dify__slice(chars));
}

static void put_number(struct text *text, uint64_t number)
{
    char digits[20];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number != 0);
    put(text, (struct dify_slice){digits + at, sizeof digits - at});
}

/* A chunk (RFC 9112 §7.1), with one look at the buffer's room: that halves what an event costs. */
static void put_chunk(struct text *text, struct dify_slice bytes)
{
    char line[24]; /* "SIZE CR LF", from its end */
    size_t at = sizeof line, size = bytes.len;
    line[--at] = '\n';
    line[--at] = '\r';
    do {
        line[--at] = "0123456789ABCDEF"[size % 16];
        size /= 16;
    } while (size != 0);
    if (text->err == DIFY_OK)
        text->err = bytes.len <= SIZE_MAX - sizeof line - 2
                        ? dify__buffer_reserve(text->out, sizeof line - at + bytes.len + 2)
                        : DIFY_ERR_TOO_LARGE;
    if (text->err != DIFY_OK)
        return;
    char *to = text->out->ptr + text->out->len;
    memcpy(to, line + at, sizeof line - at);
    to += sizeof line - at;
    memcpy(to, bytes.ptr, bytes.len);
    memcpy(to + bytes.len, "\r\n", 2);
    text->out->len += sizeof line - at + bytes.len + 2;
}

static void put_field(struct text *text, const char *name, struct dify_slice value)
{
    put_chars(text, name);
    put_chars(text, ": ");
    put(text, value);
    put_chars(text, "\r\n");
}

static void put_length(struct text *text, uint64_t length)
{
    put_chars(text, "Content-Length: ");
    put_number(text, length);
    put_chars(text, "\r\n");
}

static void put_status(struct text *text, int status, bool is_loud)
{
    size_t at = 0;
    put_chars(text, "HTTP/1.1 ");
    put_number(text, (uint64_t)status);
    put_chars(text, " ");
    if (text->err == DIFY_OK)
        at = text->out->len;
    put_chars(text, http_reason(status));
    put_chars(text, "\r\n");
    for (; is_loud && text->err == DIFY_OK && at < text->out->len; at++)
        if (text->out->ptr[at] >= 'a' && text->out->ptr[at] <= 'z')
            text->out->ptr[at] = (char)(text->out->ptr[at] - 'a' + 'A');
}

/* ---- heads --------------------------------------------------------------------------------- */

/* What the head of an answer says. */
struct answer {
    int status;
    const struct http_field *fields;
    size_t field_count;
    uint64_t length; /* of Content-Length, or HTTP_LENGTH_UNKNOWN for no such field */
    bool closes, is_chunked, is_own;      /* own: of the layer */
    const struct http_exchange *exchange; /* NULL: there is none */
};

static bool has_field(const struct answer *answer, const char *name)
{
    for (size_t i = 0; i < answer->field_count; i++)
        if (http_is_like(answer->fields[i].name, name))
            return true;
    return false;
}

/* One of the caller's fields, unless it would end the head or frame the body otherwise. */
static void put_given(struct text *text, const struct http_field *field)
{
    if (!http_is_token(field->name) || !http_is_value(field->value) ||
        http_is_like(field->name, "transfer-encoding") || http_is_like(field->name, "connection") ||
        http_is_like(field->name, "keep-alive"))
        return;
    put(text, field->name);
    put_chars(text, ": ");
    put(text, field->value);
    put_chars(text, "\r\n");
}

/* Whether a field of this name goes with any answer; a list may stand in several. */
static bool is_also(const struct http_exchange *exchange, struct dify_slice name)
{
    for (size_t i = 0; exchange != NULL && i < exchange->also_count; i++)
        if (http_are_alike(exchange->also[i].name, name) && !http_is_like(name, "vary"))
            return true;
    return false;
}

/* What goes with any answer. */
static void put_also(struct text *text, const struct http_exchange *exchange)
{
    for (size_t i = 0; exchange != NULL && i < exchange->also_count; i++)
        put_given(text, &exchange->also[i]);
}

static void put_fields(struct text *text, const struct answer *answer)
{
    bool has_length = false;
    for (size_t i = 0; i < answer->field_count; i++) {
        const struct http_field *field = &answer->fields[i];
        if (!http_is_like(field->name, "content-length")) {
            if (!is_also(answer->exchange, field->name))
                put_given(text, field);
            continue;
        }
        if (!has_length && answer->length != HTTP_LENGTH_UNKNOWN)
            put_length(text, answer->length);
        has_length = true;
    }
    put_also(text, answer->exchange);
    if (!has_length && answer->length != HTTP_LENGTH_UNKNOWN)
        put_length(text, answer->length);
}

static void put_head(struct text *text, struct http_server *server, const struct answer *answer)
{
    const struct http_server_options *options = &server->options;
    put_status(text, answer->status, options->wants_loud_reasons && !answer->is_own);
    if (options->server_name != NULL && !has_field(answer, "server"))
        put_field(text, "Server", dify__slice(options->server_name));
    if (!has_field(answer, "date"))
        put_field(text, "Date", http_server_date(server));
    put_chars(text, answer->closes ? "Connection: close\r\n" : "Connection: keep-alive\r\n");
    if (answer->is_chunked)
        put_chars(text, "Transfer-Encoding: chunked\r\n");
    put_fields(text, answer);
    put_chars(text, "\r\n");
}

/* The layer's own text: "400 Bad Request: two Host fields". */
static size_t write_words(char *words, size_t size, int status, const char *reason)
{
    const char *parts[] = {http_reason(status), ": ", reason, "\n"};
    size_t len = 4;
    assert(status >= 100 && status <= 999);
    words[0] = (char)('0' + status / 100);
    words[1] = (char)('0' + status / 10 % 10);
    words[2] = (char)('0' + status % 10);
    words[3] = ' ';
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        size_t part = strlen(parts[i]);
        if (part > size - len)
            part = size - len;
        memcpy(words + len, parts[i], part);
        len += part;
    }
    return len;
}

enum dify_err http_write_refusal(struct http_connection *connection, int status, const char *reason)
{
    struct http_server *server = connection->server;
    const struct http_server_options *options = &server->options;
    struct text text = {http_connection_out(connection), DIFY_OK};
    struct http_page page = {.status = 0};
    char words[256];
    if (options->on_refuse != NULL && options->on_refuse(options->ctx, status, reason, &page)) {
        put_status(&text, page.status != 0 ? page.status : status, false);
        put_chars(&text, "Connection: close\r\n");
        put_field(&text, "Content-Type", page.content_type);
        put_length(&text, page.body.len);
        if (page.retry_after.ptr != NULL)
            put_field(&text, "Retry-After", page.retry_after);
        put_also(&text, connection->exchange);
        put_chars(&text, "\r\n");
    } else {
        struct http_field type = {DIFY_SLICE("Content-Type"), DIFY_SLICE("text/plain")};
        page.body = (struct dify_slice){words, write_words(words, sizeof words, status, reason)};
        struct answer answer = {status, &type, 1,    page.body.len,
                                true,   false, true, connection->exchange};
        put_head(&text, server, &answer);
    }
    const struct http_exchange *exchange = connection->exchange;
    if (exchange == NULL || exchange->message->request.method != HTTP_HEAD_)
        put(&text, page.body);
    return text.err;
}

/* ---- answers ------------------------------------------------------------------------------- */

static void lose(struct http_exchange *exchange)
{
    exchange->connection->is_lost = true;
    http_connection_want_visit(exchange->connection);
}

/* Whether the connection cannot go on after this answer, as far as is known now. */
static bool must_close(const struct http_exchange *exchange)
{
    const struct http_connection *connection = exchange->connection;
    if (!exchange->message->keeps_alive || connection->server->is_draining)
        return true;
    if (exchange->has_reader || exchange->body != HTTP_BODY_COMING)
        return false;
    /* Nobody will read the body: it is too large to be discarded, or it may come or not. */
    uint64_t left = http_head_body_left(connection->head);
    return exchange->message->expects_continue || (left != UINT64_MAX && left > HTTP_READ_BYTES);
}

static bool is_without_body(int status)
{
    return status < 200 || status == 204 || status == 304;
}

void http_respond_begin(struct http_exchange *exchange, int status, const struct http_field *fields,
                        size_t field_count, uint64_t length)
{
    struct http_connection *connection = exchange->connection;
    const struct http_server_options *options = &connection->server->options;
    const struct http_request *request = &exchange->message->request;
    assert(status >= 200 && status <= 999);
    if (exchange->is_over || exchange->is_cut || exchange->answer != HTTP_ANSWER_NONE)
        return;
    bool is_unknown = length == HTTP_LENGTH_UNKNOWN && !is_without_body(status);
    exchange->answer = HTTP_ANSWER_BEGUN;
    exchange->answer_left = length;
    exchange->is_bodyless = request->method == HTTP_HEAD_ || is_without_body(status);
    exchange->is_chunked = is_unknown && request->minor_version == 1;
    exchange->closes =
        exchange->closes || must_close(exchange) || (is_unknown && !exchange->is_chunked);
    struct answer answer = {status,
                            fields,
                            field_count,
                            is_without_body(status) ? HTTP_LENGTH_UNKNOWN : length,
                            exchange->closes,
                            exchange->is_chunked,
                            false,
                            exchange};
    struct text text = {http_connection_out(connection), DIFY_OK};
    put_head(&text, connection->server, &answer);
    if (text.err != DIFY_OK)
        lose(exchange);
    if (options->on_answer != NULL)
        options->on_answer(options->ctx, exchange->tag, status);
    http_connection_want_visit(connection);
}

/* Appends to the body: a chunk, or as it is. */
static void put_body(struct http_exchange *exchange, struct dify_slice bytes)
{
    struct http_connection *connection = exchange->connection;
    if (exchange->answer_left != HTTP_LENGTH_UNKNOWN) {
        assert(bytes.len <= exchange->answer_left);
        if (bytes.len > exchange->answer_left)
            bytes.len = (size_t)exchange->answer_left;
        exchange->answer_left -= bytes.len;
    }
    if (exchange->is_bodyless || bytes.len == 0 || connection->is_lost)
        return;
    struct text text = {http_connection_out(connection), DIFY_OK};
    if (exchange->is_chunked)
        put_chunk(&text, bytes);
    else
        put(&text, bytes);
    if (text.err != DIFY_OK)
        lose(exchange);
    http_connection_count(connection);
    http_connection_want_visit(connection);
}

void http_exchange_want_drain(struct http_exchange *exchange, size_t bytes)
{
    exchange->wants_drain = true;
    exchange->drain_bytes = bytes;
    http_connection_want_visit(exchange->connection);
}

bool http_respond_write(struct http_exchange *exchange, struct dify_slice bytes)
{
    struct http_connection *connection = exchange->connection;
    if (exchange->is_over || exchange->is_cut || exchange->answer != HTTP_ANSWER_BEGUN ||
        connection->is_lost)
        return false;
    if (http_connection_pending(connection) > connection->server->options.max_write_bytes) {
        http_exchange_want_drain(exchange, connection->server->options.max_write_bytes / 2);
        return false;
    }
    if (http_connection_is_crowded(connection, bytes.len)) {
        http_exchange_cut(exchange, true, false);
        return false;
    }
    put_body(exchange, bytes);
    return !connection->is_lost;
}

void http_respond_end(struct http_exchange *exchange)
{
    struct http_connection *connection = exchange->connection;
    if (exchange->is_over || exchange->is_cut || exchange->answer != HTTP_ANSWER_BEGUN)
        return;
    if (!exchange->is_bodyless && !exchange->is_chunked &&
        exchange->answer_left != HTTP_LENGTH_UNKNOWN && exchange->answer_left != 0) {
        http_exchange_cut(exchange, true, true);
        return;
    }
    if (exchange->is_chunked && !exchange->is_bodyless &&
        dify__buffer_append(http_connection_out(connection), "0\r\n\r\n", 5) != DIFY_OK)
        lose(exchange);
    exchange->answer = HTTP_ANSWER_ENDED;
    http_connection_want_visit(connection);
}

bool http_respond_trailers(struct http_exchange *exchange, const struct http_field *fields,
                           size_t field_count)
{
    if (exchange->is_over || exchange->is_cut || exchange->answer != HTTP_ANSWER_BEGUN ||
        !exchange->is_chunked || exchange->is_bodyless)
        return false;
    struct text text = {http_connection_out(exchange->connection), DIFY_OK};
    put_chars(&text, "0\r\n");
    for (size_t i = 0; i < field_count; i++)
        if (!http_is_framing_field(fields[i].name))
            put_given(&text, &fields[i]);
    put_chars(&text, "\r\n");
    if (text.err != DIFY_OK)
        lose(exchange);
    exchange->answer = HTTP_ANSWER_ENDED;
    http_connection_want_visit(exchange->connection);
    return true;
}

/* In place of an answer for which there is no room. */
static void respond_busy(struct http_exchange *exchange)
{
    exchange->answer = HTTP_ANSWER_ENDED;
    exchange->closes = true;
    exchange->connection->server->stats.refused++;
    if (http_write_refusal(exchange->connection, 503, "too much waits to be sent") != DIFY_OK)
        lose(exchange);
    http_connection_want_visit(exchange->connection);
}

void http_respond(struct http_exchange *exchange, int status, const struct http_field *fields,
                  size_t field_count, struct dify_slice body)
{
    if (exchange->is_over || exchange->is_cut || exchange->answer != HTTP_ANSWER_NONE)
        return;
    if (http_connection_is_crowded(exchange->connection, body.len)) {
        respond_busy(exchange);
        return;
    }
    http_respond_begin(exchange, status, fields, field_count, body.len);
    put_body(exchange, body);
    exchange->answer_left = 0;
    http_respond_end(exchange);
}
