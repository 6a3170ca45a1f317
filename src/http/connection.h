/* SPDX-License-Identifier: Apache-2.0
 *
 * connection.h: what the files of the HTTP server share: a server, its connections and their
 * exchanges. Nobody outside src/http includes it.
 *
 * Calls of an exchange's owner (exchange.c, response.c) do no I/O and free nothing: they write into
 * the connection's output, set what they want, and put the connection on the server's list of those
 * to be visited. The visit (connection.c), once per turn of the loop, does the rest.
 */
#ifndef HTTP_CONNECTION_H
#define HTTP_CONNECTION_H

#include "core/memory.h"
#include "http/clock.h"
#include "http/head.h"
#include "http/list.h"
#include "http/server.h"
#include "http/spares.h"

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

/* libuv's handle of a listener or of a connection, whichever kind of socket it is. */
union http_handle {
    uv_handle_t handle;
    uv_stream_t stream;
    uv_tcp_t tcp;
    uv_pipe_t pipe;
};

struct http_server {
    const struct dify_allocator *allocator;
    uv_loop_t *loop;
    struct http_server_options options; /* with the defaults filled in */
    struct http_clocks clocks;
    uv_prepare_t prepare; /* these two visit; neither keeps the loop alive */
    uv_check_t check;
    uv_idle_t idle; /* runs while there is something to visit, so that the loop does not sleep */
    struct http_link connections, visits, listeners;
    struct http_server_stats stats;
    uint64_t waiting_bytes;          /* the sum of held_bytes */
    struct http_spares spares;       /* for the output of connections */
    struct http_connection *reserve; /* to accept and close with when there is no memory */
    char *read_buffer;               /* HTTP_READ_BYTES, what every connection reads into */
    bool is_draining, is_closing;
    unsigned open_handles; /* of its own, listeners included */
    void (*on_closed)(void *ctx);
    void *on_closed_ctx;
    int64_t date_second;
    char date[32];
};

/* See the table in connection.c. */
enum http_state {
    HTTP_STATE_IDLE,
    HTTP_STATE_HEAD,
    HTTP_STATE_OWNER,
    HTTP_STATE_BODY,
    HTTP_STATE_ANSWERED,
    HTTP_STATE_DISCARD,
    HTTP_STATE_FLUSH,
    HTTP_STATE_LINGER,
    HTTP_STATE_CLOSING
};

/* What libuv is writing. */
struct http_write {
    uv_write_t req;
    struct dify__buffer bytes;
};

struct http_connection {
    /* What is needed whenever something is sent, up to HTTP_CONNECTION_HOT_BYTES
     * (core/prefetch.h). */
    struct http_server *server;
    struct http_exchange *exchange;
    struct http_link visit;   /* in the server's visits */
    struct dify__buffer out;  /* collected, not given to libuv; see http_connection_out() */
    struct http_write *write; /* what libuv is writing, or NULL */
    size_t held_bytes;        /* in both, when it was last counted */
    uint64_t given_bytes;     /* to libuv or to the system, ever */
    struct http_head *head;   /* NULL between requests and when nothing is left to parse */
    struct dify_slice in;     /* what was read and is not used; borrowed, during a read only */
    int fd;                   /* the system's descriptor; -1: it is not open yet, or not any more */
    enum http_state state;
    bool is_half_closed; /* the client has ended its side */
    bool is_reading;
    bool has_served;           /* not waiting for its first request any more */
    bool is_lost;              /* to be closed at the next visit, with a reset */
    bool resets_next;          /* see http_exchange_close_after() */
    bool resets_after;         /* FLUSH ends in a reset, not in a FIN */
    size_t ahead_at;           /* where in `ahead` begins what is not used yet */
    struct dify__buffer ahead; /* what was read and must wait */
    struct http_wait taking;   /* for the client to take what is sent */

    /* and the rest */
    union http_handle uv;
    struct http_link link;  /* in the server's connections */
    struct http_wait wait;  /* for the client to send, or to leave */
    size_t step_bytes;      /* of the body, since its clock began */
    uint64_t step_spent_ms; /* of that clock, before the pauses since */
    uint64_t body_since_ms; /* when BODY was entered last */
    uint64_t taken_bytes;   /* of those given by the system, when the write clock began */
    int queued_bytes;       /* of these not with the client's system yet, at that moment */
    uint64_t flushed_ms;    /* when FLUSH last saw the client take something; 0: not yet */
};

#define HTTP_CONNECTION_HOT_BYTES offsetof(struct http_connection, uv)

enum http_answer { HTTP_ANSWER_NONE, HTTP_ANSWER_BEGUN, HTTP_ANSWER_ENDED };
enum http_body_state { HTTP_BODY_COMING, HTTP_BODY_ENDED, HTTP_BODY_TOLD };

struct http_exchange {
    /* What is needed whenever something is sent, up to HTTP_EXCHANGE_HOT_BYTES. */
    struct http_connection *connection;
    uint64_t answer_left; /* of a known length, or HTTP_LENGTH_UNKNOWN */
    size_t drain_bytes;   /* see http_exchange_want_drain() */
    enum http_answer answer;
    enum http_body_state body;
    bool is_over; /* on_close is being called: nothing has an effect any more */
    bool has_reader, is_paused, wants_drain;
    bool is_chunked, is_bodyless; /* the answer */
    bool closes, resets_next;
    bool is_cut, cut_flushes, cut_resets;

    /* and the rest */
    unsigned tag; /* see http_exchange_tag() */
    struct http_message *message;
    struct http_body_reader reader;
    struct http_exchange_watch watch;
    const struct http_field *also; /* see http_exchange_also() */
    size_t also_count;
};

#define HTTP_EXCHANGE_HOT_BYTES offsetof(struct http_exchange, tag)

/* ---- connection.c -------------------------------------------------------------------------- */

/* Takes a connection from a listener. NOMEM: nothing was taken. */
DIFY_MUST_CHECK enum dify_err http_connection_accept(struct http_server *server,
                                                     uv_stream_t *listener);

/* To be visited in this turn of the loop. */
void http_connection_want_visit(struct http_connection *connection);

/* Visits those that wait for it, once each. */
void http_server_visit(struct http_server *server);

/* A wait has ended. */
void http_connection_timed_out(struct http_clocks *clocks, struct http_wait *wait,
                               enum http_clock_kind kind);

/* Counts for the server what the connection holds of what is to be sent. */
void http_connection_count(struct http_connection *connection);

/* Whether so many bytes more are too many for the server. */
bool http_connection_is_crowded(const struct http_connection *connection, size_t len);

/* Bytes that wait to be sent. */
size_t http_connection_pending(const struct http_connection *connection);

/* Gives the system what it takes at once of the output, while libuv writes nothing: how many bytes,
 * 0 if it has no room, or an error of libuv. The output stays as it is. */
ssize_t http_connection_give(struct http_connection *connection);

/* Starts the clock of writing; whether the client has taken something since. */
void http_connection_start_taking(struct http_connection *connection);
bool http_connection_has_taken(const struct http_connection *connection);

/* Whether the client's system, of a connection that ends by a reset, has not acknowledged all and
 * may still do so: it has taken something within the time of a lingering close. */
bool http_connection_waits_for_taking(struct http_connection *connection);

/* Unused bytes that the client has sent. */
size_t http_connection_ahead(const struct http_connection *connection);

/* ---- exchange.c ---------------------------------------------------------------------------- */

/* Tells the owner of an exchange (NULL: there is none) that the client has ended its side. */
void http_exchange_tell_half_close(struct http_exchange *exchange);

/* ---- response.c ---------------------------------------------------------------------------- */

/* The output, for who has something to append; an empty one gets memory that the server keeps, if
 * there is any and libuv writes nothing. Who appends nothing must not ask for it: a connection with
 * nothing to send has no memory for it. */
struct dify__buffer *http_connection_out(struct http_connection *connection);

/* Writes an answer of the layer's own to the output. DIFY_ERR_NOMEM. */
DIFY_MUST_CHECK enum dify_err http_write_refusal(struct http_connection *connection, int status,
                                                 const char *reason);

/* ---- server.c ------------------------------------------------------------------------------ */

/* A connection is gone: it was the last one, perhaps, or one waits to be accepted. */
void http_server_connection_gone(struct http_server *server);

/* The value of Date. */
struct dify_slice http_server_date(struct http_server *server);

#endif
