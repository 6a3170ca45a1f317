/* SPDX-License-Identifier: Apache-2.0
 *
 * server.h: an HTTP/1.1 server on a libuv loop.
 *
 * A server accepts connections, reads requests with limits and clocks, and hands each one over as
 * an exchange: the request and the answer to it. It knows nothing of what it serves. What HTTP does
 * not allow (RFC 9112, and the ways in which requests are smuggled) is answered with 400 and closed
 * before anyone sees it.
 *
 *     static void hello(void *ctx, struct http_exchange *exchange)
 *     {
 *         struct http_field type = {DIFY_SLICE("Content-Type"), DIFY_SLICE("text/plain")};
 *         http_respond(exchange, 200, &type, 1, DIFY_SLICE("hello\n"));
 *     }
 *     ...
 *     struct http_server_options options = {.on_request = hello};
 *     struct http_server *server;
 *     if (http_server_new(uv_default_loop(), &options, &server) == DIFY_OK &&
 *         http_server_listen(server, "127.0.0.1", 0, &error) == DIFY_OK)
 *         uv_run(uv_default_loop(), UV_RUN_DEFAULT);
 *
 * Everything runs on the loop's thread. Requests of one connection are answered one after another,
 * in order; while one is being answered the next ones wait unread or in at most HTTP_READ_BYTES.
 * What an exchange sends goes out once per turn of the loop.
 */
#ifndef HTTP_SERVER_H
#define HTTP_SERVER_H

#include "difystream/allocator.h"
#include "difystream/error.h"
#include "difystream/export.h"
#include "difystream/slice.h"
#include "http/limits.h"

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

struct http_server;
struct http_exchange;

/* ---- the server ---------------------------------------------------------------------------- */

/* The page that goes with an answer of the layer's own; borrowed until the answer is made,
 * which is before anything else is refused. */
struct http_page {
    struct dify_slice content_type, body;
    int status;                    /* in place of the layer's own; 0: as it is */
    struct dify_slice retry_after; /* a field of this name; absent: none */
};

/* Every 0 stands for the default of limits.h. */
struct http_server_options {
    const struct dify_allocator *allocator; /* borrowed; NULL: the C library's */

    /* The head of a request is complete. The exchange lives until its on_close; it may be answered
     * here, or later. Must not be NULL. */
    void (*on_request)(void *ctx, struct http_exchange *exchange);
    void *ctx;

    size_t max_head_bytes;
    size_t max_line_bytes; /* the request line; 0: as the head */
    uint64_t max_body_bytes;
    size_t max_write_bytes;
    /* While more bytes than this wait to be sent on all connections together, an answer or a write
     * of more than max_write_bytes is not taken: 503 (see on_refuse), or the connection is cut.
     * 0: no ceiling. */
    uint64_t max_waiting_bytes;
    size_t max_connections;
    uint64_t head_ms, body_ms, keepalive_ms, write_ms, linger_ms;
    const char *server_name; /* of the field Server; NULL: no such field. Borrowed */

    bool ignores_resets; /* a client that resets while it is answered is taken for one that sends no
                          * more: its answer goes on until a write fails */
    bool wants_loud_reasons; /* an owner's answers have reason phrases in capitals, as Werkzeug */

    /* Fills in the page of an answer that the layer gives by itself (400, 408, ...), which then
     * carries Connection, Content-Type, Content-Length and Retry-After, in this order, and those of
     * http_exchange_also() only; false: the layer's own text. `reason` says what was wrong. May be
     * NULL. */
    bool (*on_refuse)(void *ctx, int status, const char *reason, struct http_page *page);

    /* An owner's answer begins, with this status and the exchange's tag, to be counted; may not
     * answer, end or cut anything. May be NULL. */
    void (*on_answer)(void *ctx, unsigned tag, int status);
};

/* A server that does not listen yet. `options` is copied. SIGPIPE, where it has its default action,
 * is ignored from now on in the whole process, since libuv's writes raise it. DIFY_ERR_NOMEM,
 * DIFY_ERR_ARGUMENT. */
DIFY_MUST_CHECK enum dify_err http_server_new(uv_loop_t *loop,
                                              const struct http_server_options *options,
                                              struct http_server **server);

/* Listens on a host (a name, an IPv4 or IPv6 address) and port, 0 for any free one; may be called
 * again for further addresses. DIFY_ERR_ARGUMENT with the reason in `error` ("address already in
 * use") if it cannot. */
DIFY_MUST_CHECK enum dify_err http_server_listen(struct http_server *server, const char *host,
                                                 uint16_t port, struct dify_error *error);

/* The same on a socket in the file system, with the given permissions. A socket file that nobody
 * listens on any more is replaced; one on which somebody listens is left alone, however busy. The
 * file is removed when the server drains or closes, unless another has taken its place. Of two
 * servers that replace the same dead file at the same moment one may be left without a file: who
 * starts several must see to it that each path is listened on by one. */
DIFY_MUST_CHECK enum dify_err http_server_listen_unix(struct http_server *server, const char *path,
                                                      unsigned mode, struct dify_error *error);

/* The port of the first address that was listened on, 0 if none has one. */
uint16_t http_server_port(const struct http_server *server);

/* Takes no further connections, closes idle ones, and lets the others end after the answer at
 * hand. */
void http_server_drain(struct http_server *server);

/* Drains, and cuts what is left at once. `on_closed` is called on the loop when nothing of the
 * server is left there; the server is then gone. */
void http_server_close(struct http_server *server, void (*on_closed)(void *ctx), void *ctx);

/* Counters since the start. */
struct http_server_stats {
    uint64_t connections;      /* accepted */
    uint64_t requests;         /* handed over */
    uint64_t refused;          /* answered by the layer itself, but for 408 */
    uint64_t timed_out;        /* closed by a clock */
    uint64_t open_connections; /* now */
    uint64_t received_bytes;   /* from clients */
    uint64_t sent_bytes;       /* to them: what the system was given */
};
struct http_server_stats http_server_stats(const struct http_server *server);

/* ---- the request --------------------------------------------------------------------------- */

enum http_method {
    HTTP_GET_,
    HTTP_HEAD_,
    HTTP_POST_,
    HTTP_PUT_,
    HTTP_DELETE_,
    HTTP_PATCH_,
    HTTP_OPTIONS_,
    HTTP_TRACE_,
    HTTP_QUERY_
};

/* A header field. Names of requests are in lower case. */
struct http_field {
    struct dify_slice name;
    struct dify_slice value; /* without white space around it */
};

/* Everything lives as long as the exchange. */
struct http_request {
    enum http_method method;
    struct dify_slice target; /* path and query, of an absolute form too; as sent */
    struct dify_slice path;   /* up to '?', as sent (see uri.h) */
    struct dify_slice query;  /* behind '?'; absent where there is none */
    struct dify_slice host;   /* absent for HTTP/1.0 without */
    unsigned minor_version;   /* 0 or 1 */
    bool has_body;            /* a Content-Length above 0, or chunks */
    uint64_t content_length;  /* UINT64_MAX where chunks tell */
    const struct http_field *fields;
    size_t field_count;
};

const struct http_request *http_exchange_request(const struct http_exchange *exchange);

/* A number of the owner's, for on_answer; 0 until it is set. */
void http_exchange_tag(struct http_exchange *exchange, unsigned tag);

/* Fields that go with whatever the exchange is answered, by its owner or by the layer itself; none
 * that frames a message. They stand in place of the owner's of these names, but for Vary, and are
 * borrowed until then. */
void http_exchange_also(struct http_exchange *exchange, const struct http_field *fields,
                        size_t field_count);

/* The value of the first field of a name (given in lower case), absent if there is none. */
struct dify_slice http_request_field(const struct http_request *request, const char *name);

/* Calls back with the body as it comes. Before this is called nothing is read of the body (and no
 * "100 Continue" sent); an answer that ends without it discards what the client still sends, up to
 * HTTP_READ_BYTES, else closes. */
struct http_body_reader {
    void *ctx;

    /* Bytes of the body, alive until it returns; the last call has len 0 and `is_last`. */
    void (*on_body)(void *ctx, struct http_exchange *exchange, struct dify_slice bytes,
                    bool is_last);

    /* The body will not come whole: the client left, was too slow, or sent what is no body (then
     * the layer answers by itself if nothing was answered yet). on_close follows. May be NULL. */
    void (*on_broken)(void *ctx, struct http_exchange *exchange);
};
void http_exchange_read(struct http_exchange *exchange, const struct http_body_reader *reader);

/* A ceiling for this body in place of the server's; before http_exchange_read(). */
void http_exchange_limit_body(struct http_exchange *exchange, uint64_t max_bytes);

/* Back-pressure: no on_body between the two. Pausing inside on_body holds from the next call on.
 * The body's clock stands still. */
void http_exchange_pause(struct http_exchange *exchange);
void http_exchange_resume(struct http_exchange *exchange);

/* ---- the answer ---------------------------------------------------------------------------- */

/* A whole answer. Its head is: Server, Date, Connection, Transfer-Encoding, `fields`,
 * Content-Length. The framing and Connection are the layer's: such fields among `fields` are left
 * out, but a Content-Length there says where it stands (its value does not count). A Date or Server
 * among `fields` stands in place of the layer's. Names and values must be valid (no CR, LF or NUL:
 * such a field is left out). To HEAD, and with 204 and 304, the body is not sent. Everything is
 * copied. For want of memory the connection is cut. An exchange is answered once; what comes later
 * is ignored. */
void http_respond(struct http_exchange *exchange, int status, const struct http_field *fields,
                  size_t field_count, struct dify_slice body);

/* A body of a length not known yet (HTTP_LENGTH_UNKNOWN: chunks; to HTTP/1.0 the connection's end
 * ends it), or known. Then any number of writes, then the end. */
#define HTTP_LENGTH_UNKNOWN UINT64_MAX
void http_respond_begin(struct http_exchange *exchange, int status, const struct http_field *fields,
                        size_t field_count, uint64_t length);

/* Bytes of the body, as one chunk; copied. Those beyond a known length are a mistake of the caller
 * and are not sent. False, and nothing taken, while more than the high-water mark waits, or once
 * the client is gone: on_drain tells when to go on, at half the mark. */
DIFY_MUST_CHECK bool http_respond_write(struct http_exchange *exchange, struct dify_slice bytes);

/* The end, with trailers (RFC 9110 §6.5), which only chunks can have: false, and nothing done,
 * where the answer has none, as to HTTP/1.0; then http_respond_end() ends it. A Trailer among the
 * fields of the head, which announces them, is the owner's. Names and values as in http_respond();
 * fields that frame or route a message are left out. */
DIFY_MUST_CHECK bool http_respond_trailers(struct http_exchange *exchange,
                                           const struct http_field *fields, size_t field_count);

/* The end. After fewer bytes than the known length the connection is cut. on_close follows later,
 * not from within. */
void http_respond_end(struct http_exchange *exchange);

/* Something is written in a moment (core/prefetch.h): fetches the exchange; and, once that has
 * come, its connection. */
void http_exchange_prefetch(const struct http_exchange *exchange);
void http_exchange_prefetch_connection(const struct http_exchange *exchange);

/* Bytes that wait to be sent. */
size_t http_exchange_pending(const struct http_exchange *exchange);

/* on_drain is to be called once no more than so many bytes wait: for an owner that keeps less
 * waiting than the high-water mark. Not from within; while the answer goes on, and the client is
 * there. */
void http_exchange_want_drain(struct http_exchange *exchange, size_t bytes);

/* What its owner wants to hear of an exchange. All may be NULL. */
struct http_exchange_watch {
    void *ctx;
    void (*on_drain)(void *ctx,
                     struct http_exchange *exchange); /* see http_exchange_want_drain() */
    /* The exchange is over: answered whole and handed to the system (`is_complete`), or the
     * connection is gone. Called exactly once, never from within one of the calls above; the
     * exchange is dead when it returns. */
    void (*on_close)(void *ctx, struct http_exchange *exchange, bool is_complete);
    /* The client has ended its side (a half close, or it has left) while the exchange goes on: once
     * at most; not of one that began so. */
    void (*on_half_close)(void *ctx, struct http_exchange *exchange);
};
void http_exchange_watch(struct http_exchange *exchange, const struct http_exchange_watch *watch);

/* Ends the connection without the rest of the answer: what waits to be sent is sent first if
 * `flushes`; then a FIN, or a RST if `resets`. A reset destroys what the client's system has not
 * acknowledged, so it waits until that has all, or takes nothing for as long as a close lingers;
 * what it has acknowledged, Linux keeps for its reader. */
void http_exchange_cut(struct http_exchange *exchange, bool flushes, bool resets);

/* After this answer the connection is closed; with `resets_next` it looks kept alive, and is reset
 * as soon as a byte of a further request comes. */
void http_exchange_close_after(struct http_exchange *exchange, bool resets_next);

/* Whether the client has ended its side (a half close, or it has left). */
bool http_exchange_half_closed(const struct http_exchange *exchange);

/* The reason phrase of a status, "" for an unknown one. Static. */
const char *http_reason(int status);

#endif
