/* SPDX-License-Identifier: Apache-2.0
 *
 * transfer_state.h: an exchange, shared by transfer.c, which owns it, easy.c, by which libcurl does
 * it, and for streams dial.c, which makes a connection without libcurl, and wire.c, which does what
 * is left of one whose connection stands.
 */
#ifndef DIFY_CLIENT_TRANSFER_STATE_H
#define DIFY_CLIENT_TRANSFER_STATE_H

#include "client/app.h"
#include "client/client_state.h"
#include "client/reply.h"

enum dify__transfer_state {
    DIFY__POSTPONED, /* to be begun when curl has returned */
    DIFY__DIALLING,  /* ours: until its connection stands, or libcurl is to make another */
    DIFY__RUNNING,   /* libcurl's: until its end, or until the connection of one of ours stands */
    DIFY__ON_WIRE,   /* ours: the request goes out, the answer comes in */
    DIFY__CANCELLED  /* to be freed */
};

/* How a dead peer is found: probes after so long a silence, and what was sent is not acknowledged
 * (dify__set_unacknowledged()). */
#define DIFY__PROBE_AFTER_S 30
#define DIFY__PROBE_EVERY_S 10

/* What wire.c has of an exchange. */
struct dify__wire {
    struct dify_slice body;   /* of the request, behind its head; borrowed */
    size_t sent;              /* bytes of both */
    struct dify__buffer out;  /* the request's head; it holds the key */
    struct dify__buffer kept; /* what came and was not told, for it is paused */
    int fd;                   /* -1: there is no connection yet, or none any more */
    unsigned watched;         /* enum dify_watch: what the host was told */
    bool is_over;             /* but not told yet; the code is the exchange's */
};

struct dify__exchange {
    /* What is needed whenever bytes come, up to DIFY__EXCHANGE_HOT_BYTES (core/prefetch.h). */
    enum dify__transfer_state state;
    bool has_head; /* the final one */
    bool may_be_sent;
    bool is_paused;
    bool is_hungry; /* its body waits for `feed` */
    struct dify_client *client;
    struct dify__receiver receiver;
    struct dify__wire wire;
    struct dify__reply reply; /* of libcurl's no more than the lines of the head */

    /* and the rest */
    struct dify__exchange *next, *previous; /* of all */
    struct dify__exchange *next_postponed;
    struct dify_app *app;
    struct dify__shard *shard; /* NULL: none of libcurl's */
    CURL *easy;                /* NULL: it was given back */
    struct curl_slist *fields;
    curl_mime *form;
    struct dify__source *source;
    bool is_postponed; /* it is in that list */
    bool is_unwatched; /* the host cannot watch its socket */
    bool ran_out_of_memory;
    bool is_own; /* libcurl is to make the connection at most, and no more */
    int made;    /* the last socket that it was given for one; -1: none */
    struct dify__alarm dialling;
    uint64_t began_us;            /* when it began */
    uint64_t dialled_us;          /* so long after it libcurl did: it was dialled in vain */
    struct dify_call_times times; /* so far, of one of ours */
    CURLcode code;                /* how it ended */
    int os_error;                 /* with it; 0: none */
    char address[64];             /* whom the connection stood with; "": it did not */
    char tried[64];               /* whom one was tried with last */
    char why[CURL_ERROR_SIZE];
};

#define DIFY__EXCHANGE_HOT_BYTES offsetof(struct dify__exchange, reply.head)

/* ---- transfer.c ---------------------------------------------------------------------------- */

/* The final head is there, in `reply`: the receiver is told. */
void dify__transfer_tell_head(struct dify__exchange *exchange, int status);

/* It is over by its code and its system's error: the receiver is told, it is freed. Not while curl
 * or a receiver calls back. */
void dify__transfer_over(struct dify__exchange *exchange);

/* libcurl is to make the connection of one of ours. Not while curl or a receiver calls back. */
void dify__transfer_connect(struct dify__exchange *exchange);

/* ---- easy.c -------------------------------------------------------------------------------- */

/* Bytes of a request's URL, with its NUL. */
size_t dify__easy_url_size(const struct dify_app *app, const struct dify__request *request);

/* Gives an exchange of libcurl's a handle with its request. NOMEM. */
DIFY_MUST_CHECK enum dify_err dify__easy_prepare(struct dify__exchange *exchange,
                                                 const struct dify__request *request);

/* Gives one of ours a handle that makes a connection. False for want of memory. */
DIFY_MUST_CHECK bool dify__easy_connect(struct dify__exchange *exchange);

/* Adds the request's fields to the handle, or to the head of one of ours. False: no memory. */
DIFY_MUST_CHECK bool dify__easy_fields(struct dify__exchange *exchange,
                                       const struct dify__request *request);

/* Takes over what libcurl knows of an exchange that it has ended, or of which it has made the
 * connection: times, and the system's error. */
void dify__easy_ask(struct dify__exchange *exchange);

/* The socket of the connection that it has made, whose address is the exchange's from now on. */
curl_socket_t dify__easy_socket(struct dify__exchange *exchange);

/* Gives the handle back, if there is one, once it is in no shard; and what belonged to it. */
void dify__easy_give(struct dify__exchange *exchange);
void dify__easy_fini(struct dify__exchange *exchange);

/* Bounds how long the system waits for a word that what was sent has come. */
void dify__set_unacknowledged(int fd);

/* ---- dial.c -------------------------------------------------------------------------------- */

/* Remembers where the connection of an exchange stands, which libcurl has made. */
void dify__dial_remember(struct dify__exchange *exchange, int fd);

/* Makes a connection to where the app's last one stood. False if none is remembered, or it cannot
 * be begun. */
DIFY_MUST_CHECK bool dify__dial(struct dify__exchange *exchange);

/* It stands, or has failed. Not while curl calls back. */
void dify__dial_ready(struct dify__exchange *exchange);

/* It is not waited for any more. */
void dify__dial_end(struct dify__exchange *exchange);

/* ---- wire.c -------------------------------------------------------------------------------- */

/* Whether a request can be done by us. Not what is encrypted or goes through a proxy, nor what
 * libcurl would write otherwise than it stands. */
bool dify__wire_can(const struct dify_app *app, const struct dify__request *request);

/* The first lines of its head; fields follow. */
DIFY_MUST_CHECK enum dify_err dify__wire_begin_head(struct dify__exchange *exchange,
                                                    const struct dify__request *request);
DIFY_MUST_CHECK enum dify_err dify__wire_add_field(struct dify__exchange *exchange,
                                                   const char *line);
DIFY_MUST_CHECK enum dify_err dify__wire_end_head(struct dify__exchange *exchange,
                                                  const struct dify__request *request);

/* Real milliseconds since a time of dify__real_us(). */
double dify__ms_since(uint64_t began_us);

/* The connection stands, and is ours: the request is sent. Not while curl calls back. */
void dify__wire_start(struct dify__exchange *exchange, int fd);

/* It was paused, or goes on: what the host is to watch. */
void dify__wire_watch(struct dify__exchange *exchange);

/* Closes the connection, if there is one. */
void dify__wire_close(struct dify__exchange *exchange);

/* The same, and forgets what was to be sent. */
void dify__wire_fini(struct dify__exchange *exchange);

#endif
