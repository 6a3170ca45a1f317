/* SPDX-License-Identifier: Apache-2.0
 *
 * transport.h: how requests reach Dify. What follows runs knows no more of the network than this;
 * transfer.c does it by libcurl, a test by a model.
 */
#ifndef DIFY_CLIENT_TRANSPORT_H
#define DIFY_CLIENT_TRANSPORT_H

#include "difystream/client.h"

struct dify__exchange; /* a request under way; the transport's */
struct dify__relayed;  /* a request that somebody else has written: relay.h */
struct dify__source;   /* the bytes of a file that is uploaded: source.h */

enum dify__request_flags {
    DIFY__REQUEST_POST = 1,
    DIFY__REQUEST_FRESH = 2,  /* on a connection of its own, so that nobody repeats it by himself */
    DIFY__REQUEST_STREAM = 4, /* an event stream is wanted: no compression */
    DIFY__REQUEST_FILE = 8    /* a file, beside the API: without the key, as it lies there */
};

/* All is borrowed until the exchange is over. */
struct dify__request {
    unsigned flags;
    const char *path;          /* with its query, behind the base URL: "/info"; of a file behind
                                * what stands before the base URL's "/v1" */
    struct dify_slice body;    /* JSON, of a POST without a file */
    struct dify__source *file; /* NULL: none; sent as multipart */
    const char *user;          /* beside the file */
    const char *last_event_id; /* NULL or "": none */
    const struct dify__relayed
        *relayed; /* NULL: none; else it is this, whatever else stands here */
};

/* The head of an answer. Slices die when the callback returns. */
struct dify__head {
    int status;
    struct dify_slice content_type;    /* as sent; absent if none */
    struct dify_slice release;         /* X-Version */
    struct dify_slice workflow_run_id; /* X-Workflow-Run-ID */
    int64_t retry_after_s;             /* -1: none */
    struct dify_slice date;            /* as sent; absent if none */
    struct dify_slice text;            /* all of it, as received */
};

/* Its date in Unix seconds; 0: none. Not read with the head: few want it, and it takes longer than
 * all the rest. (reply.c) */
int64_t dify__head_date_s(const struct dify__head *head);

enum dify__failure {
    DIFY__WHOLE,         /* the answer came whole */
    DIFY__NO_CONNECTION, /* no address, refused, no TLS, a proxy that said no */
    DIFY__CONNECT_TIMEOUT,
    DIFY__RESET,      /* the connection was reset */
    DIFY__CLOSED,     /* it was closed before the answer was whole */
    DIFY__BAD_ANSWER, /* what came is no HTTP, or too large a head */
    DIFY__BAD_SOURCE, /* the file could not be read */
    DIFY__NO_MEMORY
};

struct dify__end {
    enum dify__failure failure;
    bool may_have_been_sent; /* false: certainly not one byte of the request was */
    const char *detail;      /* English, "" where there is nothing to say */
    struct dify_slice address;
    struct dify_call_times times;
};

/* Who is told of an exchange. `head` at most once, then `body` any number of times, then `end`
 * exactly once, unless it is cancelled. Inside them exchanges may be started and cancelled, this
 * one too. */
struct dify__receiver {
    void *ctx;
    size_t ctx_bytes; /* of it, that are needed as soon as bytes come; 0: that is not worth much */

    /* May be NULL. Those are there, and bytes come in a moment: fetches what else is needed then
     * (core/prefetch.h), and does nothing. */
    void (*expect)(void *ctx);

    void (*head)(void *ctx, const struct dify__head *head);
    void (*body)(void *ctx, struct dify_slice bytes);
    void (*end)(void *ctx, const struct dify__end *end);

    /* May be NULL. A connection stands: the first byte of the request leaves when this returns. Not
     * told of one that never gets so far. May not begin or cancel anything. */
    void (*sending)(void *ctx);

    /* These two of a relayed request only. A line of the trailers, with its end; after the body. */
    void (*trailer)(void *ctx, struct dify_slice line);

    /* Up to `room` bytes of the request's body: how many; 0: it has ended; -1: there are none yet,
     * dify__transport.feed will tell. May not begin or cancel anything. */
    long (*wanted)(void *ctx, char *out, size_t room);
};

struct dify__transport {
    void *ctx;

    /* Begins; the receiver is copied and hears nothing before this has returned. On error nothing
     * was begun. NOMEM. */
    enum dify_err (*start)(void *ctx, struct dify_app *app, const struct dify__request *request,
                           const struct dify__receiver *receiver, struct dify__exchange **out);

    /* Ends it at once; the receiver hears nothing more. */
    void (*cancel)(void *ctx, struct dify__exchange *exchange);

    /* No further bytes of the body are told; and again. The second not from within the receiver. */
    void (*pause)(void *ctx, struct dify__exchange *exchange, bool pauses);

    /* There are bytes for `wanted`, or their end. Not from within the receiver. */
    void (*feed)(void *ctx, struct dify__exchange *exchange);
};

#endif
