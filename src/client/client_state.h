/* SPDX-License-Identifier: Apache-2.0
 *
 * client_state.h: the client behind client.h, shared by client.c, transfer.c, wire.c and
 * waiting.c.
 *
 * Who writes what: sockets and shards client.c, transfers transfer.c, what is read wire.c, the
 * built-in host waiting.c.
 */
#ifndef DIFY_CLIENT_CLIENT_STATE_H
#define DIFY_CLIENT_CLIENT_STATE_H

#include "client/env.h"

#include <curl/curl.h>

/* A CURLM slows down with every connection that it holds to one host; beyond so many transfers the
 * next one takes another. */
#define DIFY__SHARD_TRANSFERS 256
#define DIFY__SHARDS 256

/* Easy handles that are kept to be used again. */
#define DIFY__IDLE_HANDLES 64

struct dify__shard {
    struct dify_client *client;
    CURLM *multi;
    size_t transfers;
    uint64_t due_ms; /* real time; UINT64_MAX: curl waits for no time */
};

/* Who is called when a socket is ready: at most one of both. */
struct dify__socket {
    struct dify__shard *shard;
    struct dify__exchange *exchange; /* of wire.c */
    bool lingers; /* libcurl needs it watched no more: it will be closed, or become ours */
};

/* What one of our sockets has brought, until it is taken. */
struct dify__received {
    struct dify__exchange *exchange; /* NULL: it was freed */
    int error;                       /* the system's, if `len` is below 0 */
    char *bytes;                     /* within the client's; NULL: it had no memory for them */
    ssize_t len;                     /* 0: the other side has ended the connection */
};

#define DIFY__RECEIVED 64 /* so many sockets are read before any is told of */

struct dify_client {
    struct dify__env env;
    struct dify__transport transport;
    struct dify_client_host host;
    double speed;
    uint64_t began_us; /* real time */
    uint64_t entry_us; /* of when the host called, while it waits for that; else 0 ... */
    uint64_t entry_ms; /* ... and by the environment's clock */
    uint64_t random;
    uint64_t wake_ms; /* real time for which the host was asked; UINT64_MAX: none */

    CURLSH *share; /* host names and TLS sessions */
    struct dify__shard *shards[DIFY__SHARDS];
    size_t shard_count;
    struct dify__socket *sockets; /* by descriptor */
    size_t socket_capacity;
    int spared;      /* the socket that libcurl is not to close: it becomes ours; -1: none */
    bool was_spared; /* libcurl has tried */
    char *bytes;     /* DIFY__READ_BYTES: what our sockets have brought; NULL: not used yet */
    size_t bytes_used;
    struct dify__received received[DIFY__RECEIVED]; /* and was not taken yet */
    size_t received_count;

    bool in_curl;                     /* curl or wire.c is calling back: they must not be called */
    struct dify__exchange *transfers; /* all, newest first */
    struct dify__exchange *postponed; /* to be begun or ended when curl has returned */
    bool has_unwatched;               /* there is one whose socket the host cannot watch */
    CURL *idle[DIFY__IDLE_HANDLES];
    size_t idle_count;

    bool has_put_off; /* alarms were late, and have been put off for a turn */

    bool has_own_host;
    int poll_fd, timer_fd; /* of the built-in host; -1: none */
};

/* Microseconds of a clock that never goes back. */
uint64_t dify__real_us(void);

/* Milliseconds of real time since the client was made. */
uint64_t dify__real_ms(const struct dify_client *client);

/* Watches a socket of wire.c for `what`, on behalf of an exchange; NOTHING: no more, it is about to
 * be closed. False if the host cannot. */
bool dify__client_watch(struct dify_client *client, int socket, unsigned what,
                        struct dify__exchange *exchange);

/* libcurl's way to close a socket of an exchange that is to become ours. */
int dify__client_close(struct dify_client *client, int socket);

/* A shard with room for a transfer. NOMEM, TOO_LARGE past DIFY__SHARDS. */
DIFY_MUST_CHECK enum dify_err dify__client_shard(struct dify_client *client,
                                                 struct dify__shard **out);

/* ---- transfer.c ---------------------------------------------------------------------------- */

void dify__transfers_init(struct dify_client *client);

/* Begins and ends what was postponed, and tells of transfers that are over. */
void dify__transfers_settle(struct dify_client *client);

/* The exchange of a handle; NULL for a connection that is being closed. */
struct dify__exchange *dify__transfer_of(CURL *easy);

/* The host cannot watch its socket: it is ended when curl has returned. */
void dify__transfer_unwatched(struct dify__exchange *exchange);

/* Whether a socket becomes ours if it is the one whose connection stands. Others that libcurl has
 * watched for an exchange, as those of its resolver, it closes without asking. */
bool dify__transfer_owns(const struct dify__exchange *exchange, int socket);

/* Ends all without a word. */
void dify__transfers_fini(struct dify_client *client);

/* ---- wire.c -------------------------------------------------------------------------------- */

/* What is read at a time, of all our sockets; and the least room with which one is read. */
#define DIFY__READ_BYTES ((size_t)64 << 10)
#define DIFY__READ_LEAST ((size_t)16 << 10)

/* The socket of an exchange is ready. Not while anything received is not taken. */
void dify__wire_ready(struct dify__exchange *exchange, unsigned what);

/* The same in two steps, for many sockets that have brought something: reading them one after the
 * other, and then taking what they brought, costs less than both in turns, for the system's code
 * and ours push each other out of the processor's caches. False: it is one for dify__wire_ready().
 */
bool dify__wire_receive(struct dify__exchange *exchange, unsigned what);
void dify__wire_take(struct dify_client *client);

/* ---- waiting.c ----------------------------------------------------------------------------- */

/* The built-in host. False if the system has no more descriptors. */
bool dify__waiting_init(struct dify_client *client);
void dify__waiting_fini(struct dify_client *client);

#endif
