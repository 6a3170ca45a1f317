/* SPDX-License-Identifier: Apache-2.0
 *
 * sse_out.c: see sse_out.h. Each event is composed in a buffer of its own, so that it goes out as
 * one chunk or not at all.
 */
#include "http/sse_out.h"

#include "core/slices.h"
#include "http/connection.h"

#include <string.h>

/* Fields that every stream has, before the caller's. */
static const struct http_field stream_fields[] = {
    {{"Content-Type", 12}, {"text/event-stream; charset=utf-8", 32}},
    {{"Cache-Control", 13}, {"no-cache, no-transform", 22}},
    {{"X-Accel-Buffering", 17}, {"no", 2}},
};
#define STREAM_FIELDS (sizeof stream_fields / sizeof stream_fields[0])

void http_sse_begin(struct http_exchange *exchange, const struct http_field *fields,
                    size_t field_count)
{
    struct http_connection *connection = exchange->connection;
    const struct dify_allocator *allocator = connection->server->allocator;
    if (exchange->is_over)
        return;
    struct http_field *all = dify__malloc(allocator, (STREAM_FIELDS + field_count) * sizeof *all);
    if (all == NULL) {
        connection->is_lost = true;
        http_connection_want_visit(connection);
        return;
    }
    memcpy(all, stream_fields, sizeof stream_fields);
    if (field_count != 0)
        memcpy(all + STREAM_FIELDS, fields, field_count * sizeof *fields);
    http_respond_begin(exchange, 200, all, STREAM_FIELDS + field_count, HTTP_LENGTH_UNKNOWN);
    dify__free(allocator, all);
}

/* ---- composing ----------------------------------------------------------------------------- */

struct text {
    struct dify__buffer buffer;
    enum dify_err err;
};

static struct text text_init(const struct http_exchange *exchange)
{
    struct text text = {{.allocator = exchange->connection->server->allocator, .max = SIZE_MAX / 4},
                        DIFY_OK};
    return text;
}

static void put(struct text *text, struct dify_slice bytes)
{
    if (text->err == DIFY_OK)
        text->err = dify__buffer_append(&text->buffer, bytes.ptr, bytes.len);
}

static void put_line(struct text *text, const char *name, struct dify_slice value)
{
    put(text, dify__slice(name));
    put(text, value);
    put(text, DIFY_SLICE("\n"));
}

static size_t line_length(struct dify_slice text)
{
    size_t len = 0;
    while (len < text.len && text.ptr[len] != '\n' && text.ptr[len] != '\r')
        len++;
    return len;
}

static bool is_one_line(struct dify_slice text)
{
    return text.ptr != NULL && line_length(text) == text.len;
}

/* A line of its own for each of the text's; CR, LF and CRLF end one. */
static void put_lines(struct text *text, const char *name, struct dify_slice value)
{
    for (;;) {
        size_t len = line_length(value);
        put_line(text, name, (struct dify_slice){value.ptr, len});
        if (len == value.len)
            return;
        bool is_crlf = value.ptr[len] == '\r' && len + 1 < value.len && value.ptr[len + 1] == '\n';
        len += is_crlf ? 2 : 1;
        value.ptr += len;
        value.len -= len;
    }
}

/* Writes what was composed, and frees it. */
static bool write_text(struct http_exchange *exchange, struct text *text)
{
    bool is_written = false;
    if (text->err == DIFY_OK)
        is_written = http_respond_write(exchange, dify__buffer_slice(&text->buffer));
    else if (!exchange->is_over)
        http_exchange_cut(exchange, false, true);
    dify__buffer_fini(&text->buffer);
    return is_written;
}

/* ---- the interface ------------------------------------------------------------------------- */

bool http_sse_event(struct http_exchange *exchange, struct dify_slice id, struct dify_slice event,
                    struct dify_slice data)
{
    struct text text = text_init(exchange);
    if (is_one_line(id) && (id.len == 0 || memchr(id.ptr, '\0', id.len) == NULL))
        put_line(&text, "id: ", id);
    if (is_one_line(event) && event.len != 0)
        put_line(&text, "event: ", event);
    if (data.ptr != NULL)
        put_lines(&text, "data: ", data);
    put(&text, DIFY_SLICE("\n"));
    return write_text(exchange, &text);
}

bool http_sse_comment(struct http_exchange *exchange, struct dify_slice comment)
{
    struct text text = text_init(exchange);
    put_lines(&text, ": ", comment.ptr != NULL ? comment : DIFY_SLICE(""));
    put(&text, DIFY_SLICE("\n"));
    return write_text(exchange, &text);
}

bool http_sse_retry(struct http_exchange *exchange, unsigned ms)
{
    struct text text = text_init(exchange);
    char digits[16];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + ms % 10);
        ms /= 10;
    } while (ms != 0);
    put_line(&text, "retry: ", (struct dify_slice){digits + at, sizeof digits - at});
    put(&text, DIFY_SLICE("\n"));
    return write_text(exchange, &text);
}
