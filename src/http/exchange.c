/* SPDX-License-Identifier: Apache-2.0
 *
 * exchange.c: what the owner of an exchange may ask and order, but for the answer (response.c). All
 * of it only notes what is wanted; the connection's next visit does it.
 */
#include "http/connection.h"

#include "core/prefetch.h"
#include "core/slices.h"

const struct http_request *http_exchange_request(const struct http_exchange *exchange)
{
    return &exchange->message->request;
}

void http_exchange_tag(struct http_exchange *exchange, unsigned tag)
{
    exchange->tag = tag;
}

void http_exchange_also(struct http_exchange *exchange, const struct http_field *fields,
                        size_t field_count)
{
    exchange->also = fields;
    exchange->also_count = field_count;
}

struct dify_slice http_request_field(const struct http_request *request, const char *name)
{
    for (size_t i = 0; i < request->field_count; i++)
        if (dify__slice_is(request->fields[i].name, name))
            return request->fields[i].value;
    return (struct dify_slice){NULL, 0};
}

/* RFC 9110 §10.1.1: not once the client has begun to send without being asked, and not for a body
 * that will be refused. */
static bool must_continue(const struct http_exchange *exchange)
{
    const struct http_connection *connection = exchange->connection;
    return exchange->message->expects_continue && exchange->answer == HTTP_ANSWER_NONE &&
           exchange->body == HTTP_BODY_COMING && http_connection_ahead(connection) == 0 &&
           !http_head_is_too_large(connection->head);
}

void http_exchange_read(struct http_exchange *exchange, const struct http_body_reader *reader)
{
    static const char words[] = "HTTP/1.1 100 Continue\r\n\r\n";
    struct http_connection *connection = exchange->connection;
    if (exchange->is_over || exchange->has_reader || exchange->answer == HTTP_ANSWER_ENDED)
        return;
    exchange->reader = *reader;
    exchange->has_reader = true;
    if (must_continue(exchange) &&
        dify__buffer_append(http_connection_out(connection), words, sizeof words - 1) != DIFY_OK)
        connection->is_lost = true;
    http_connection_want_visit(connection);
}

void http_exchange_limit_body(struct http_exchange *exchange, uint64_t max_bytes)
{
    struct http_connection *connection = exchange->connection;
    if (!exchange->is_over && !exchange->has_reader && connection->head != NULL)
        http_head_limit_body(connection->head, max_bytes);
}

void http_exchange_pause(struct http_exchange *exchange)
{
    exchange->is_paused = true;
    if (!exchange->is_over)
        http_connection_want_visit(exchange->connection);
}

void http_exchange_resume(struct http_exchange *exchange)
{
    exchange->is_paused = false;
    if (!exchange->is_over)
        http_connection_want_visit(exchange->connection);
}

void http_exchange_prefetch(const struct http_exchange *exchange)
{
    dify__prefetch(exchange, HTTP_EXCHANGE_HOT_BYTES);
}

void http_exchange_prefetch_connection(const struct http_exchange *exchange)
{
    dify__prefetch(exchange->connection, HTTP_CONNECTION_HOT_BYTES);
}

size_t http_exchange_pending(const struct http_exchange *exchange)
{
    return http_connection_pending(exchange->connection);
}

void http_exchange_watch(struct http_exchange *exchange, const struct http_exchange_watch *watch)
{
    if (!exchange->is_over)
        exchange->watch = *watch;
}

void http_exchange_cut(struct http_exchange *exchange, bool flushes, bool resets)
{
    if (exchange->is_over || exchange->is_cut)
        return;
    exchange->is_cut = true;
    exchange->cut_flushes = flushes;
    exchange->cut_resets = resets;
    http_connection_want_visit(exchange->connection);
}

void http_exchange_close_after(struct http_exchange *exchange, bool resets_next)
{
    if (exchange->is_over)
        return;
    if (resets_next)
        exchange->resets_next = true;
    else
        exchange->closes = true;
}

bool http_exchange_half_closed(const struct http_exchange *exchange)
{
    return exchange->connection->is_half_closed;
}

void http_exchange_tell_half_close(struct http_exchange *exchange)
{
    if (exchange != NULL && !exchange->is_over && exchange->watch.on_half_close != NULL)
        exchange->watch.on_half_close(exchange->watch.ctx, exchange);
}
