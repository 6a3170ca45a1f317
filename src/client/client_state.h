/* SPDX-License-Identifier: Apache-2.0
 *
 * client_state.h: the client behind client.h, shared by client.c, transfer.c and waiting.c.
 *
 * Who writes what: sockets and shards client.c, transfers transfer.c, the built-in host waiting.c.
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

struct dify_client {
    struct dify__env env;
    struct dify__transport transport;
    struct dify_client_host host;
    double speed;
    uint64_t began_us; /* real time */
    uint64_t random;
    uint64_t wake_ms; /* real time for which the host was asked; UINT64_MAX: none */

    CURLSH *share; /* host names and TLS sessions */
    struct dify__shard *shards[DIFY__SHARDS];
    size_t shard_count;
    struct dify__shard **shard_of; /* by socket; NULL: not watched */
    size_t socket_capacity;

    bool in_curl;                     /* curl is calling back: it must not be called */
    struct dify__exchange *transfers; /* all, newest first */
    struct dify__exchange *postponed; /* to be begun or ended when curl has returned */
    bool has_unwatched;               /* there is one whose socket the host cannot watch */
    CURL *idle[DIFY__IDLE_HANDLES];
    size_t idle_count;

    bool has_put_off; /* alarms were late, and have been put off for a turn */

    bool has_own_host;
    int poll_fd, timer_fd; /* of the built-in host; -1: none */
};

/* Milliseconds of real time since the client was made. */
uint64_t dify__real_ms(const struct dify_client *client);

/* A shard with room for a transfer. NOMEM, TOO_LARGE past DIFY__SHARDS. */
DIFY_MUST_CHECK enum dify_err dify__client_shard(struct dify_client *client,
                                                 struct dify__shard **out);

/* ---- transfer.c ---------------------------------------------------------------------------- */

void dify__transfers_init(struct dify_client *client);

/* Begins and ends what was postponed, and tells of transfers that are over. */
void dify__transfers_settle(struct dify_client *client);

/* The host cannot watch the socket of a transfer: it is ended when curl has returned. */
void dify__transfer_unwatched(CURL *easy);

/* Ends all without a word. */
void dify__transfers_fini(struct dify_client *client);

/* ---- waiting.c ----------------------------------------------------------------------------- */

/* The built-in host. False if the system has no more descriptors. */
bool dify__waiting_init(struct dify_client *client);
void dify__waiting_fini(struct dify_client *client);

#endif
