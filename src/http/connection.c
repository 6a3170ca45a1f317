/* SPDX-License-Identifier: Apache-2.0
 *
 * connection.c: the life of a connection.
 *
 *   state     what it waits for                    clock      goes to
 *   IDLE      the first byte of a request          head (the  HEAD, OWNER; FLUSH (refused at once);
 *                                                  first) or  CLOSING when the client leaves, or a
 *                                                  keep-alive drain begins
 *   HEAD      the rest of a head                   head       OWNER, FLUSH (refused)
 *   OWNER     the owner: to read on, or to answer  -          BODY, ANSWERED, FLUSH (refused, cut)
 *   BODY      bytes of the body, which the owner   body       OWNER (paused, or whole), ANSWERED,
 *             wants                                           FLUSH
 *   ANSWERED  the system to take the answer        -          IDLE, DISCARD, LINGER, FLUSH (cut)
 *   DISCARD   the rest of a body that nobody read  body       IDLE, FLUSH
 *   FLUSH     the system to take the last bytes;   - (taken,  LINGER, CLOSING
 *             the client's, if a reset follows     then)
 *   LINGER    the client to read them and leave    linger     CLOSING
 *   CLOSING   libuv's close callback               -          freed
 *
 * Any state goes to CLOSING when the connection breaks. Beside these clocks, that of writing runs
 * whenever bytes wait to be taken by the system. enter() alone writes the state and starts the
 * state's clock.
 *
 * The exchange's callbacks are called from here only: from a read, a visit, a finished write or a
 * clock, never from within a call of the owner.
 */
#include "http/connection.h"

#include <assert.h>
#include <string.h>
#include <sys/socket.h>

/* Rounds of one visit, so that an owner who always has more to send leaves the others their turn.
 */
#define VISIT_ROUNDS 16

/* Connections above the ceiling that are told so; further ones are just closed. */
#define REFUSED_CONNECTIONS 64

static const char body_too_slow[] = "the body came too slowly";

static void on_closed(uv_handle_t *handle);

/* ---- state --------------------------------------------------------------------------------- */

static enum http_clock_kind clock_of(const struct http_connection *connection,
                                     enum http_state state)
{
    switch (state) {
    case HTTP_STATE_IDLE:
        return connection->has_served ? HTTP_CLOCK_KEEPALIVE : HTTP_CLOCK_HEAD;
    case HTTP_STATE_HEAD:
        return HTTP_CLOCK_HEAD;
    case HTTP_STATE_BODY:
    case HTTP_STATE_DISCARD:
        return HTTP_CLOCK_BODY;
    case HTTP_STATE_LINGER:
        return HTTP_CLOCK_LINGER;
    default:
        return HTTP_CLOCK_NONE;
    }
}

/* The one place where a connection's state is written. */
static void enter(struct http_connection *connection, enum http_state state)
{
    enum http_clock_kind kind = clock_of(connection, state);
    assert(connection->state != HTTP_STATE_CLOSING);
    /* The clock of the first head runs from the accept on. */
    bool runs_on = connection->state == HTTP_STATE_IDLE && state == HTTP_STATE_HEAD &&
                   connection->wait.kind == HTTP_CLOCK_HEAD;
    connection->state = state;
    if (state == HTTP_STATE_BODY) /* a pause does not begin a new step */
        connection->body_since_ms = uv_now(connection->server->loop);
    else if (state != HTTP_STATE_OWNER)
        connection->step_bytes = connection->step_spent_ms = 0;
    if (!runs_on)
        http_wait_start(&connection->server->clocks, &connection->wait, kind);
}

static void drop_waiting(struct http_connection *connection)
{
    dify__buffer_fini(&connection->ahead);
    connection->ahead_at = 0;
}

static void drop_ahead(struct http_connection *connection)
{
    drop_waiting(connection);
    connection->in = (struct dify_slice){NULL, 0};
}

/* ---- the exchange's end -------------------------------------------------------------------- */

/* Tells the owner and frees the exchange. */
static void end_exchange(struct http_connection *connection, bool is_complete)
{
    struct http_exchange *exchange = connection->exchange;
    const struct dify_allocator *allocator = connection->server->allocator;
    if (exchange == NULL)
        return;
    connection->exchange = NULL;
    exchange->is_over = true;
    if (!is_complete && exchange->has_reader && exchange->body != HTTP_BODY_TOLD &&
        exchange->answer != HTTP_ANSWER_ENDED && !exchange->is_cut &&
        exchange->reader.on_broken != NULL)
        exchange->reader.on_broken(exchange->reader.ctx, exchange);
    if (exchange->watch.on_close != NULL)
        exchange->watch.on_close(exchange->watch.ctx, exchange, is_complete);
    dify__free(allocator, exchange->message);
    dify__free(allocator, exchange);
}

/* Closes at once; with a reset if `resets`, what was not sent is thrown away either way. */
static void close_now(struct http_connection *connection, bool resets)
{
    if (connection->state == HTTP_STATE_CLOSING)
        return;
    enter(connection, HTTP_STATE_CLOSING);
    http_wait_stop(&connection->server->clocks, &connection->taking);
    http_list_remove(&connection->visit);
    connection->in = (struct dify_slice){NULL, 0};
    if (!resets || connection->uv.handle.type != UV_TCP ||
        uv_tcp_close_reset(&connection->uv.tcp, on_closed) != 0)
        uv_close(&connection->uv.handle, on_closed);
    connection->fd = -1;
    end_exchange(connection, false);
}

static void on_closed(uv_handle_t *handle)
{
    struct http_connection *connection = handle->data;
    struct http_server *server = connection->server;
    http_list_remove(&connection->visit);
    http_list_remove(&connection->link);
    drop_ahead(connection);
    http_spares_give(&server->spares, &connection->out);
    http_connection_count(connection);
    http_head_free(connection->head);
    if (server->reserve == NULL)
        server->reserve = connection;
    else
        dify__free(server->allocator, connection);
    server->stats.open_connections--;
    http_server_connection_gone(server);
}

/* No more is sent: tells the client so, and waits for it to leave, for a while. */
static void linger(struct http_connection *connection)
{
    drop_ahead(connection);
    http_head_free(connection->head);
    connection->head = NULL;
    if (connection->is_half_closed) {
        close_now(connection, false);
        return;
    }
    (void)shutdown(connection->fd, SHUT_WR);
    enter(connection, HTTP_STATE_LINGER);
}

/* What waits is sent; then FIN or reset. */
static void flush(struct http_connection *connection, bool resets)
{
    connection->resets_after = resets;
    connection->flushed_ms = 0;
    drop_ahead(connection);
    enter(connection, HTTP_STATE_FLUSH);
    end_exchange(connection, false);
    if (connection->state != HTTP_STATE_CLOSING)
        http_connection_want_visit(connection);
}

/* The layer's own answer, unless one has begun; then the end. */
static void refuse(struct http_connection *connection, int status, const char *reason)
{
    struct http_exchange *exchange = connection->exchange;
    bool may_answer = connection->state != HTTP_STATE_DISCARD &&
                      (exchange == NULL || exchange->answer == HTTP_ANSWER_NONE);
    if (status == 0 || (may_answer && http_write_refusal(connection, status, reason) != DIFY_OK)) {
        close_now(connection, true);
        return;
    }
    if (exchange != NULL)
        exchange->is_over = true; /* on_broken has nothing to answer any more */
    connection->server->stats.refused += may_answer && status != 408;
    flush(connection, false);
}

/* ---- input --------------------------------------------------------------------------------- */

size_t http_connection_ahead(const struct http_connection *connection)
{
    return connection->in.len + connection->ahead.len - connection->ahead_at;
}

/* What comes next: what waits, before what was just read. */
static struct dify_slice next_input(const struct http_connection *connection)
{
    if (connection->ahead.len == connection->ahead_at)
        return connection->in;
    return (struct dify_slice){connection->ahead.ptr + connection->ahead_at,
                               connection->ahead.len - connection->ahead_at};
}

static void use_input(struct http_connection *connection, size_t used)
{
    if (connection->ahead.len == connection->ahead_at) {
        connection->in.ptr += used;
        connection->in.len -= used;
        return;
    }
    connection->ahead_at += used; /* freed by consume(): a piece of a body may lie in it */
}

/* What was just read and must wait is kept. */
static bool keep_input(struct http_connection *connection)
{
    struct dify__buffer *ahead = &connection->ahead;
    if (connection->in.len == 0)
        return true;
    if (connection->ahead_at != 0) {
        memmove(ahead->ptr, ahead->ptr + connection->ahead_at, ahead->len - connection->ahead_at);
        ahead->len -= connection->ahead_at;
        connection->ahead_at = 0;
    }
    if (dify__buffer_append(ahead, connection->in.ptr, connection->in.len) != DIFY_OK)
        return false;
    connection->in = (struct dify_slice){NULL, 0};
    return true;
}

static bool wants_body(const struct http_exchange *exchange)
{
    return exchange->has_reader && !exchange->is_paused && !exchange->is_cut &&
           exchange->answer != HTTP_ANSWER_ENDED && exchange->body != HTTP_BODY_TOLD;
}

/* OWNER or BODY, whichever it is now. */
static void follow_owner(struct http_connection *connection)
{
    const struct http_exchange *exchange = connection->exchange;
    enum http_state state = wants_body(exchange) && exchange->body == HTTP_BODY_COMING
                                ? HTTP_STATE_BODY
                                : HTTP_STATE_OWNER;
    if (connection->state == state)
        return;
    if (connection->state == HTTP_STATE_BODY)
        connection->step_spent_ms += uv_now(connection->server->loop) - connection->body_since_ms;
    enter(connection, state);
}

/* Whether bytes have a use now. */
static bool may_consume(struct http_connection *connection)
{
    if (connection->is_lost)
        return false;
    switch (connection->state) {
    case HTTP_STATE_IDLE:
    case HTTP_STATE_HEAD:
    case HTTP_STATE_DISCARD:
        return true;
    case HTTP_STATE_OWNER:
    case HTTP_STATE_BODY:
        follow_owner(connection);
        return connection->state == HTTP_STATE_BODY;
    default:
        return false;
    }
}

static bool make_head(struct http_connection *connection)
{
    const struct http_server_options *options = &connection->server->options;
    struct http_head_limits limits = {options->max_head_bytes, options->max_line_bytes,
                                      options->max_body_bytes};
    return http_head_new(connection->server->allocator, &limits, &connection->head) == DIFY_OK;
}

/* The parser has nothing left to do for this request. */
static void drop_head(struct http_connection *connection)
{
    http_head_free(connection->head);
    connection->head = NULL;
}

static void hand_over(struct http_connection *connection)
{
    struct http_server *server = connection->server;
    struct http_message *message = http_head_take_message(connection->head);
    struct http_exchange *exchange = dify__calloc(server->allocator, sizeof *exchange);
    if (exchange == NULL) {
        dify__free(server->allocator, message);
        close_now(connection, true);
        return;
    }
    exchange->connection = connection;
    exchange->message = message;
    exchange->body = message->request.has_body ? HTTP_BODY_COMING : HTTP_BODY_ENDED;
    connection->exchange = exchange;
    connection->has_served = true;
    server->stats.requests++;
    if (!message->request.has_body)
        drop_head(connection);
    enter(connection, HTTP_STATE_OWNER);
    server->options.on_request(server->options.ctx, exchange);
}

/* Whether the waits for this step, apart from its pauses, add up to its time. Each of them is ended
 * by the clock at the latest, but the clock starts anew after a pause. */
static bool is_late(const struct http_connection *connection)
{
    return connection->step_spent_ms >= connection->server->options.body_ms &&
           connection->step_bytes + http_connection_ahead(connection) < HTTP_BODY_STEP;
}

/* Bytes of a body: for the owner, or for nobody. */
static void hear_body(struct http_connection *connection, struct dify_slice body)
{
    struct http_exchange *exchange = connection->exchange;
    connection->step_bytes += body.len;
    if (connection->state == HTTP_STATE_DISCARD) {
        if (connection->step_bytes > HTTP_READ_BYTES)
            flush(connection, false);
        return;
    }
    if (connection->step_bytes >= HTTP_BODY_STEP) {
        connection->step_bytes = connection->step_spent_ms = 0;
        connection->body_since_ms = uv_now(connection->server->loop);
        http_wait_start(&connection->server->clocks, &connection->wait, HTTP_CLOCK_BODY);
    } else if (is_late(connection)) {
        connection->server->stats.timed_out++;
        refuse(connection, 408, body_too_slow);
        return;
    }
    exchange->reader.on_body(exchange->reader.ctx, exchange, body, false);
}

static void hear_end(struct http_connection *connection)
{
    drop_head(connection);
    if (connection->state == HTTP_STATE_DISCARD)
        enter(connection, HTTP_STATE_IDLE);
    else
        connection->exchange->body = HTTP_BODY_ENDED;
}

/* The body is whole: its last call. */
static void tell_end(struct http_exchange *exchange)
{
    exchange->body = HTTP_BODY_TOLD;
    exchange->reader.on_body(exchange->reader.ctx, exchange, DIFY_SLICE(""), true);
}

/* As consume(). */
static bool consume_all(struct http_connection *connection)
{
    while (may_consume(connection)) {
        struct dify_slice input = next_input(connection), body;
        size_t used;
        if (connection->head == NULL) {
            if (input.len == 0)
                return true;
            if (connection->resets_next || !make_head(connection)) {
                close_now(connection, true);
                return false;
            }
        }
        enum http_head_step step =
            http_head_feed(connection->head, input.ptr, input.len, &used, &body);
        use_input(connection, used);
        switch (step) {
        case HTTP_HEAD_MORE:
            if (connection->state == HTTP_STATE_IDLE && used != 0)
                enter(connection, HTTP_STATE_HEAD);
            if (next_input(connection).len == 0)
                return true;
            break; /* there is more behind what waited */
        case HTTP_HEAD_READY:
            hand_over(connection);
            break;
        case HTTP_HEAD_BODY:
            hear_body(connection, body);
            break;
        case HTTP_HEAD_END:
            hear_end(connection);
            break;
        case HTTP_HEAD_REFUSED: {
            struct http_refusal refusal = http_head_refusal(connection->head);
            refuse(connection, refusal.status, refusal.reason);
            return false;
        }
        }
        struct http_exchange *exchange = connection->exchange;
        if (exchange != NULL && exchange->body == HTTP_BODY_ENDED && wants_body(exchange))
            tell_end(exchange);
    }
    return false;
}

/* Uses what there is for as long as it has a use. Returns whether the parser wants more. */
static bool consume(struct http_connection *connection)
{
    bool is_dry = consume_all(connection);
    if (connection->ahead_at == connection->ahead.len)
        drop_waiting(connection);
    return is_dry;
}

static void update_reading(struct http_connection *connection);

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    const struct http_connection *connection = handle->data;
    size_t kept = http_connection_ahead(connection);
    (void)suggested;
    *buf = uv_buf_init(connection->server->read_buffer,
                       kept < HTTP_READ_BYTES ? (unsigned)(HTTP_READ_BYTES - kept) : 0);
}

static void on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *buf)
{
    struct http_connection *connection = stream->data;
    if (connection->state == HTTP_STATE_CLOSING || count == 0)
        return;
    connection->server->stats.received_bytes += count > 0 ? (uint64_t)count : 0;
    if (count == UV_EOF ||
        (count < 0 && connection->exchange != NULL && connection->server->options.ignores_resets)) {
        connection->is_half_closed = true;
        connection->is_reading = false;
        http_exchange_tell_half_close(connection->exchange);
    } else if (count < 0) {
        close_now(connection, false);
        return;
    } else if (connection->state != HTTP_STATE_FLUSH && connection->state != HTTP_STATE_LINGER) {
        connection->in = (struct dify_slice){buf->base, (size_t)count};
        (void)consume(connection);
        if (connection->state != HTTP_STATE_CLOSING && !keep_input(connection))
            close_now(connection, true);
    }
    if (connection->state == HTTP_STATE_CLOSING)
        return;
    http_connection_want_visit(connection);
    update_reading(connection); /* libuv may call again at once, with no room left */
}

/* Reads while bytes have a use or a place. */
static void update_reading(struct http_connection *connection)
{
    bool waits = connection->state == HTTP_STATE_OWNER || connection->state == HTTP_STATE_ANSWERED;
    bool wants = !connection->is_half_closed && connection->state != HTTP_STATE_CLOSING &&
                 !(waits && http_connection_ahead(connection) >= HTTP_READ_BYTES);
    if (connection->state == HTTP_STATE_CLOSING || wants == connection->is_reading)
        return;
    connection->is_reading = wants;
    if (!wants)
        (void)uv_read_stop(&connection->uv.stream);
    else if (uv_read_start(&connection->uv.stream, on_alloc, on_read) != 0)
        close_now(connection, false);
}

/* ---- output -------------------------------------------------------------------------------- */

static void on_written(uv_write_t *req, int status)
{
    struct http_connection *connection = req->data;
    struct http_write *write = connection->write;
    connection->write = NULL;
    http_spares_give(&connection->server->spares, &write->bytes);
    dify__free(connection->server->allocator, write);
    http_connection_count(connection);
    if (connection->state == HTTP_STATE_CLOSING)
        return;
    if (status < 0)
        close_now(connection, false);
    else
        http_connection_want_visit(connection);
}

/* Gives libuv what the system did not take, from `at` on. */
static int write_rest(struct http_connection *connection, size_t at)
{
    struct http_write *write = dify__malloc(connection->server->allocator, sizeof *write);
    if (write == NULL)
        return UV_ENOMEM;
    write->req.data = connection;
    at = http_spares_replace(&connection->server->spares, &connection->out, at, &write->bytes);
    connection->write = write;
    size_t left = write->bytes.len - at;
    uv_buf_t buf = {.base = write->bytes.ptr + at, .len = left};
    int err = uv_write(&write->req, &connection->uv.stream, &buf, 1, on_written);
    if (err != 0) {
        connection->write = NULL;
        dify__buffer_fini(&write->bytes);
        dify__free(connection->server->allocator, write);
        return err;
    }
    connection->given_bytes += left;
    connection->server->stats.sent_bytes += left;
    return 0;
}

/* Sends what was collected, and minds the clock of writing. */
static void send_out(struct http_connection *connection)
{
    struct dify__buffer *out = &connection->out;
    if (connection->write == NULL && out->len != 0) {
        ssize_t given = http_connection_give(connection);
        if (given == (ssize_t)out->len)
            http_spares_give(&connection->server->spares, out);
        else if (given < 0 || write_rest(connection, (size_t)given) != 0) {
            close_now(connection, true);
            return;
        }
    }
    http_connection_count(connection);
    if (http_connection_pending(connection) == 0) {
        http_wait_stop(&connection->server->clocks, &connection->taking);
    } else if (connection->taking.kind == HTTP_CLOCK_NONE) {
        http_connection_start_taking(connection);
    }
}

/* ---- visits -------------------------------------------------------------------------------- */

void http_connection_want_visit(struct http_connection *connection)
{
    struct http_server *server = connection->server;
    if (!http_list_is_empty(&connection->visit) || connection->state == HTTP_STATE_CLOSING)
        return;
    http_list_append(&server->visits, &connection->visit);
    if (!uv_is_active((uv_handle_t *)&server->idle))
        (void)uv_idle_start(&server->idle, server->idle.idle_cb);
}

/* The owner wants the connection cut. */
static void cut(struct http_connection *connection)
{
    const struct http_exchange *exchange = connection->exchange;
    bool resets = exchange->cut_resets;
    if (exchange->cut_flushes) {
        flush(connection, resets);
    } else if (resets || connection->write != NULL) {
        close_now(connection, resets);
    } else {
        http_spares_give(&connection->server->spares, &connection->out);
        flush(connection, false);
    }
}

/* The answer is with the system. */
static void finish_answer(struct http_connection *connection)
{
    const struct http_exchange *exchange = connection->exchange;
    bool closes = exchange->closes || connection->server->is_draining;
    connection->resets_next = exchange->resets_next;
    end_exchange(connection, true);
    if (connection->state == HTTP_STATE_CLOSING)
        return;
    uint64_t left = connection->head != NULL ? http_head_body_left(connection->head) : 0;
    if (closes || (left != UINT64_MAX && left > HTTP_READ_BYTES))
        linger(connection);
    else
        enter(connection, connection->head == NULL ? HTTP_STATE_IDLE : HTTP_STATE_DISCARD);
    if (connection->state != HTTP_STATE_CLOSING)
        http_connection_want_visit(connection);
}

static void settle_answer(struct http_connection *connection)
{
    if (connection->exchange->is_cut)
        cut(connection);
    else if (http_connection_pending(connection) == 0)
        finish_answer(connection);
}

static void settle_owner(struct http_connection *connection)
{
    struct http_exchange *exchange = connection->exchange;
    if (exchange->is_cut) {
        cut(connection);
    } else if (exchange->answer == HTTP_ANSWER_ENDED) {
        enter(connection, HTTP_STATE_ANSWERED);
        settle_answer(connection);
    } else if (exchange->wants_drain &&
               http_connection_pending(connection) <= exchange->drain_bytes) {
        exchange->wants_drain = false;
        if (exchange->watch.on_drain != NULL)
            exchange->watch.on_drain(exchange->watch.ctx, exchange);
    }
}

/* What follows from where things stand, when all there was is used and sent. `is_dry`: the parser
 * wants more bytes than there are. */
static void settle(struct http_connection *connection, bool is_dry)
{
    bool has_left = connection->is_half_closed && is_dry;
    switch (connection->state) {
    case HTTP_STATE_IDLE:
    case HTTP_STATE_HEAD:
        if (has_left ||
            (connection->state == HTTP_STATE_IDLE && is_dry && connection->server->is_draining))
            close_now(connection, false);
        break;
    case HTTP_STATE_DISCARD:
        if (has_left)
            close_now(connection, false);
        break;
    case HTTP_STATE_BODY:
    case HTTP_STATE_OWNER:
        if (has_left && connection->state == HTTP_STATE_BODY && !connection->exchange->is_cut)
            refuse(connection, 400, "the body ended early");
        else
            settle_owner(connection);
        break;
    case HTTP_STATE_ANSWERED:
        settle_answer(connection);
        break;
    case HTTP_STATE_FLUSH:
        if (http_connection_pending(connection) != 0)
            break;
        if (connection->resets_after && http_connection_waits_for_taking(connection))
            http_wait_start(&connection->server->clocks, &connection->wait, HTTP_CLOCK_TAKEN);
        else if (connection->resets_after)
            close_now(connection, true);
        else
            linger(connection);
        break;
    case HTTP_STATE_LINGER:
        if (connection->is_half_closed)
            close_now(connection, false);
        break;
    case HTTP_STATE_CLOSING:
        break;
    }
}

/* Whether the owner has ordered an end in which nothing more is sent. */
static bool is_doomed(const struct http_connection *connection)
{
    const struct http_exchange *exchange = connection->exchange;
    return connection->state != HTTP_STATE_CLOSING &&
           (connection->is_lost ||
            (exchange != NULL && exchange->is_cut && !exchange->cut_flushes));
}

static void visit(struct http_connection *connection)
{
    for (int round = 0; round < VISIT_ROUNDS && connection->state != HTTP_STATE_CLOSING; round++) {
        http_list_remove(&connection->visit);
        if (connection->is_lost) {
            /* A reset would take away an answer that is complete and on its way. */
            close_now(connection,
                      connection->exchange != NULL || http_connection_pending(connection) != 0);
            return;
        }
        struct http_exchange *exchange = connection->exchange;
        if (exchange != NULL && exchange->is_cut && !exchange->cut_flushes)
            cut(connection); /* before anything is sent */
        else if (exchange != NULL && exchange->body == HTTP_BODY_ENDED && wants_body(exchange))
            tell_end(exchange);
        bool is_dry = consume(connection);
        if (is_doomed(connection)) {
            http_connection_want_visit(connection);
            continue;
        }
        if (connection->state != HTTP_STATE_CLOSING)
            send_out(connection);
        if (connection->state != HTTP_STATE_CLOSING)
            settle(connection, is_dry);
        if (http_list_is_empty(&connection->visit))
            break;
    }
    update_reading(connection);
}

void http_server_visit(struct http_server *server)
{
    struct http_link now;
    http_list_init(&now);
    while (!http_list_is_empty(&server->visits)) {
        struct http_link *link = server->visits.next;
        http_list_remove(link);
        http_list_append(&now, link);
    }
    while (!http_list_is_empty(&now))
        visit(HTTP_LINKED(now.next, struct http_connection, visit));
    if (http_list_is_empty(&server->visits))
        (void)uv_idle_stop(&server->idle);
}

/* ---- clocks -------------------------------------------------------------------------------- */

static void write_timed_out(struct http_connection *connection)
{
    if (http_connection_has_taken(connection)) {
        http_connection_start_taking(connection);
        return;
    }
    connection->server->stats.timed_out++;
    close_now(connection, true);
}

void http_connection_timed_out(struct http_clocks *clocks, struct http_wait *wait,
                               enum http_clock_kind kind)
{
    (void)clocks;
    if (kind == HTTP_CLOCK_WRITE) {
        write_timed_out(HTTP_LINKED(wait, struct http_connection, taking));
        return;
    }
    struct http_connection *connection = HTTP_LINKED(wait, struct http_connection, wait);
    if (kind == HTTP_CLOCK_TAKEN) {
        http_connection_want_visit(connection);
        return;
    }
    if (kind != HTTP_CLOCK_LINGER)
        connection->server->stats.timed_out++;
    if (connection->state == HTTP_STATE_HEAD || connection->state == HTTP_STATE_BODY)
        refuse(connection, 408,
               connection->state == HTTP_STATE_HEAD ? "the head came too slowly" : body_too_slow);
    else
        close_now(connection, false);
}

/* ---- accepting ----------------------------------------------------------------------------- */

static void init(struct http_connection *connection, struct http_server *server)
{
    memset(connection, 0, sizeof *connection);
    connection->server = server;
    connection->fd = -1;
    http_list_init(&connection->visit);
    http_list_init(&connection->link);
    http_wait_init(&connection->wait);
    http_wait_init(&connection->taking);
    connection->ahead.allocator = connection->out.allocator = server->allocator;
    connection->ahead.max = 2 * HTTP_READ_BYTES;
    connection->out.max = SIZE_MAX / 4;
}

static int init_handle(struct http_connection *connection, uv_stream_t *listener)
{
    uv_loop_t *loop = connection->server->loop;
    int err = listener->type == UV_NAMED_PIPE ? uv_pipe_init(loop, &connection->uv.pipe, 0)
                                              : uv_tcp_init(loop, &connection->uv.tcp);
    connection->uv.handle.data = connection;
    return err;
}

/* A connection too many is told so, or it is just closed. */
static void refuse_connection(struct http_connection *connection)
{
    const struct http_server *server = connection->server;
    if (server->stats.open_connections > server->options.max_connections + REFUSED_CONNECTIONS)
        close_now(connection, true);
    else
        refuse(connection, 503, "too many connections");
}

enum dify_err http_connection_accept(struct http_server *server, uv_stream_t *listener)
{
    struct http_connection *connection = dify__malloc(server->allocator, sizeof *connection);
    bool has_memory = connection != NULL;
    if (!has_memory) {
        connection = server->reserve;
        server->reserve = NULL;
    }
    if (connection == NULL)
        return DIFY_ERR_NOMEM;
    init(connection, server);
    if (init_handle(connection, listener) != 0) {
        dify__free(server->allocator, connection);
        return DIFY_OK;
    }
    http_list_append(&server->connections, &connection->link);
    server->stats.open_connections++;
    if (uv_accept(listener, &connection->uv.stream) != 0 || !has_memory ||
        uv_fileno(&connection->uv.handle, &connection->fd) != 0) {
        close_now(connection, true);
        return DIFY_OK;
    }
    server->stats.connections++;
    if (listener->type == UV_TCP)
        (void)uv_tcp_nodelay(&connection->uv.tcp, 1);
    enter(connection, HTTP_STATE_IDLE);
    if (server->stats.open_connections > server->options.max_connections)
        refuse_connection(connection);
    update_reading(connection);
    return DIFY_OK;
}
