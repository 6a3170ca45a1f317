/* SPDX-License-Identifier: Apache-2.0
 *
 * transfer_state.h: an exchange, shared by transfer.c, which owns it and has libcurl do it, and
 * wire.c, which does what is left of one whose connection libcurl has made.
 */
#ifndef DIFY_CLIENT_TRANSFER_STATE_H
#define DIFY_CLIENT_TRANSFER_STATE_H

#include "client/app.h"
#include "client/client_state.h"
#include "client/reply.h"

enum dify__transfer_state {
    DIFY__POSTPONED, /* to be begun when curl has returned */
    DIFY__RUNNING,   /* libcurl's: until its end, or until the connection of one of ours stands */
    DIFY__ON_WIRE,   /* ours: the request goes out, the answer comes in */
    DIFY__CANCELLED  /* to be freed */
};

/* What wire.c has of an exchange. */
struct dify__wire {
    int fd;                   /* -1: the connection does not stand yet, or is gone */
    unsigned watched;         /* enum dify_watch: what the host was told */
    struct dify__buffer out;  /* the request's head; it holds the key */
    struct dify_slice body;   /* of the request, behind it; borrowed */
    size_t sent;              /* bytes of both */
    struct dify__buffer kept; /* what came and was not told, for it is paused */
    bool is_over;             /* but not told yet; the code is the exchange's */
};

struct dify__exchange {
    struct dify__exchange *next, *previous; /* of all */
    struct dify__exchange *next_postponed;
    bool is_postponed; /* it is in that list */
    enum dify__transfer_state state;
    struct dify_client *client;
    struct dify_app *app;
    struct dify__shard *shard; /* NULL: none of libcurl's */
    struct dify__receiver receiver;
    CURL *easy; /* NULL: it was given back */
    struct curl_slist *fields;
    curl_mime *form;
    char *url;
    struct dify__source *source;
    struct dify__reply reply; /* of libcurl's no more than the lines of the head */
    bool has_head;            /* the final one */
    bool may_be_sent;
    bool is_paused;
    bool is_hungry;    /* its body waits for `feed` */
    bool is_unwatched; /* the host cannot watch its socket */
    bool ran_out_of_memory;
    bool is_own; /* libcurl is to make the connection, and no more */
    int made;    /* the last socket that it was given for one; -1: none */
    struct dify__wire wire;
    uint64_t began_us;            /* when libcurl began with one of ours */
    struct dify_call_times times; /* so far, of one of ours */
    CURLcode code;                /* how it ended */
    int os_error;                 /* with it; 0: none */
    char address[64];             /* whom the connection stood with; "": it did not */
    char tried[64];               /* whom one was tried with last */
    char why[CURL_ERROR_SIZE];
};

/* ---- transfer.c ---------------------------------------------------------------------------- */

/* The final head is there, in `reply`: the receiver is told. */
void dify__transfer_tell_head(struct dify__exchange *exchange, int status);

/* It is over by its code and its system's error: the receiver is told, it is freed. Not while curl
 * or a receiver calls back. */
void dify__transfer_over(struct dify__exchange *exchange);

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

/* The connection stands, and is ours: the request is sent. Not while curl calls back. */
void dify__wire_start(struct dify__exchange *exchange, int fd);

/* It was paused, or goes on: what the host is to watch. */
void dify__wire_watch(struct dify__exchange *exchange);

/* Closes the connection, if it stands, and forgets what was to be sent. */
void dify__wire_fini(struct dify__exchange *exchange);

#endif
