/* SPDX-License-Identifier: Apache-2.0
 *
 * transfer.c: the transport: the life of an exchange from its start to its end. It is libcurl's by
 * an easy handle (easy.c), or, if it is a stream without encryption, ours (wire.c) once its
 * connection stands, which dial.c or libcurl makes.
 *
 * libcurl may not be called while it calls back. What a receiver begins or cancels then is
 * postponed until it has returned (dify__transfers_settle()). Where a transfer is:
 *
 *   POSTPONED ---------> RUNNING → told and freed; by a cancel from everywhere → CANCELLED, freed
 *       |                ^  |
 *       v      it failed |  v  its connection stands
 *     DIALLING ----------+-> ON_WIRE → told and freed
 *
 * Whether a request may have been sent: from when its connection stands, before its first byte.
 */
#include "client/source.h"
#include "client/transfer_state.h"

#include "core/slices.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

/* Ceiling of an address with its path. */
#define URL_BYTES ((size_t)16 << 10)

void dify__transfer_tell_head(struct dify__exchange *exchange, int status)
{
    struct dify__head head;
    dify__head_read(&head, status, dify__buffer_slice(&exchange->reply.head));
    exchange->has_head = true;
    dify__app_take_head(exchange->app, &head);
    if (exchange->receiver.head != NULL)
        exchange->receiver.head(exchange->receiver.ctx, &head);
    dify__buffer_fini(&exchange->reply.head); /* most of its time an exchange waits */
}

/* ---- life ---------------------------------------------------------------------------------- */

/* libcurl has no more to do with it. */
static void leave_shard(struct dify__exchange *exchange)
{
    if (exchange->shard != NULL) {
        curl_multi_remove_handle(exchange->shard->multi, exchange->easy);
        exchange->shard->transfers--;
    }
    exchange->shard = NULL;
    dify__easy_give(exchange);
}

static void free_exchange(struct dify__exchange *exchange)
{
    struct dify_client *client = exchange->client;
    leave_shard(exchange);
    dify__dial_end(exchange);
    dify__wire_fini(exchange);
    if (exchange->next != NULL)
        exchange->next->previous = exchange->previous;
    if (exchange->previous != NULL)
        exchange->previous->next = exchange->next;
    else if (client->transfers == exchange)
        client->transfers = exchange->next;
    dify__easy_fini(exchange);
    dify__reply_fini(&exchange->reply);
    dify__free(client->env.allocator, exchange);
}

static void postpone(struct dify__exchange *exchange)
{
    if (exchange->is_postponed)
        return;
    exchange->is_postponed = true;
    exchange->next_postponed = exchange->client->postponed;
    exchange->client->postponed = exchange;
}

static enum dify_err run_by_curl(struct dify__exchange *exchange)
{
    struct dify__shard *shard;
    enum dify_err err = dify__client_shard(exchange->client, &shard);
    if (err != DIFY_OK)
        return err;
    if (exchange->is_own && !dify__easy_connect(exchange))
        return DIFY_ERR_NOMEM;
    if (curl_multi_add_handle(shard->multi, exchange->easy) != CURLM_OK)
        return DIFY_ERR_NOMEM;
    uint64_t now_us = dify__real_us();
    if (exchange->began_us == 0)
        exchange->began_us = now_us;
    exchange->dialled_us = now_us - exchange->began_us;
    exchange->shard = shard;
    exchange->state = DIFY__RUNNING;
    shard->transfers++;
    return DIFY_OK;
}

static enum dify_err run(struct dify__exchange *exchange)
{
    return exchange->is_own && dify__dial(exchange) ? DIFY_OK : run_by_curl(exchange);
}

void dify__transfer_connect(struct dify__exchange *exchange)
{
    if (run_by_curl(exchange) == DIFY_OK)
        return;
    exchange->ran_out_of_memory = true;
    exchange->code = CURLE_OUT_OF_MEMORY;
    dify__transfer_over(exchange);
}

/* What is to be sent, by us or by libcurl. */
static enum dify_err prepare(struct dify__exchange *exchange, const struct dify__request *request)
{
    if (dify__easy_url_size(exchange->app, request) > URL_BYTES)
        return DIFY_ERR_TOO_LARGE;
    if (!exchange->is_own)
        return dify__easy_prepare(exchange, request);
    enum dify_err err = dify__wire_begin_head(exchange, request);
    if (err == DIFY_OK && !dify__easy_fields(exchange, request))
        err = DIFY_ERR_NOMEM;
    return err == DIFY_OK ? dify__wire_end_head(exchange, request) : err;
}

static enum dify_err make(struct dify_client *client, struct dify_app *app,
                          const struct dify__request *request, struct dify__exchange **out)
{
    const struct dify_allocator *allocator = client->env.allocator;
    struct dify__exchange *exchange = dify__calloc(allocator, sizeof *exchange);
    if (exchange == NULL)
        return DIFY_ERR_NOMEM;
    exchange->client = client;
    exchange->app = app;
    exchange->is_own = dify__wire_can(app, request);
    exchange->wire.fd = exchange->made = -1;
    exchange->times = (struct dify_call_times){-1, -1, -1, -1, -1};
    dify__reply_init(&exchange->reply, allocator);
    exchange->next = client->transfers;
    if (client->transfers != NULL)
        client->transfers->previous = exchange;
    client->transfers = exchange;
    enum dify_err err = prepare(exchange, request);
    if (err != DIFY_OK)
        free_exchange(exchange);
    else
        *out = exchange;
    return err;
}

static enum dify_err start(void *ctx, struct dify_app *app, const struct dify__request *request,
                           const struct dify__receiver *receiver, struct dify__exchange **out)
{
    struct dify_client *client = ctx;
    struct dify__exchange *exchange;
    enum dify_err err = make(client, app, request, &exchange);
    if (err != DIFY_OK)
        return err;
    exchange->receiver = *receiver;
    if (client->in_curl) {
        postpone(exchange);
    } else if ((err = run(exchange)) != DIFY_OK) {
        free_exchange(exchange);
        return err;
    }
    *out = exchange;
    return DIFY_OK;
}

static void cancel(void *ctx, struct dify__exchange *exchange)
{
    struct dify_client *client = ctx;
    exchange->state = DIFY__CANCELLED;
    if (client->in_curl || exchange->is_postponed)
        postpone(exchange);
    else
        free_exchange(exchange);
}

static void go_on(struct dify_client *client, struct dify__exchange *exchange)
{
    if (exchange->state != DIFY__RUNNING || exchange->is_own)
        return;
    client->in_curl = true; /* what curl has kept is told at once */
    curl_easy_pause(exchange->easy, CURLPAUSE_CONT);
    client->in_curl = false;
    client->env.changed(client->env.ctx);
}

static void pause_or_go_on(void *ctx, struct dify__exchange *exchange, bool pauses)
{
    bool goes_on = exchange->is_paused && !pauses;
    exchange->is_paused = pauses;
    if (exchange->state == DIFY__ON_WIRE)
        dify__wire_watch(exchange);
    else if (goes_on)
        go_on(ctx, exchange);
}

static void feed(void *ctx, struct dify__exchange *exchange)
{
    bool goes_on = exchange->is_hungry;
    exchange->is_hungry = false;
    if (goes_on)
        go_on(ctx, exchange);
}

void dify__transfers_init(struct dify_client *client)
{
    client->transport = (struct dify__transport){client, start, cancel, pause_or_go_on, feed};
}

void dify__transfers_fini(struct dify_client *client)
{
    while (client->transfers != NULL)
        free_exchange(client->transfers);
    while (client->idle_count > 0)
        curl_easy_cleanup(client->idle[--client->idle_count]);
}

/* ---- how it ended -------------------------------------------------------------------------- */

static enum dify__failure failure_of(const struct dify__exchange *exchange)
{
    CURLcode code = exchange->code;
    if (code == CURLE_OK)
        return exchange->has_head ? DIFY__WHOLE : DIFY__BAD_ANSWER;
    /* libcurl says so of a line of a head that is too long, too */
    if (exchange->ran_out_of_memory || (code == CURLE_OUT_OF_MEMORY && !exchange->may_be_sent))
        return DIFY__NO_MEMORY;
    if (exchange->source != NULL && exchange->source->has_failed)
        return DIFY__BAD_SOURCE;
    if (!exchange->may_be_sent)
        return code == CURLE_OPERATION_TIMEDOUT ? DIFY__CONNECT_TIMEOUT : DIFY__NO_CONNECTION;
    switch (code) {
    case CURLE_GOT_NOTHING:
    case CURLE_PARTIAL_FILE:
        return DIFY__CLOSED;
    case CURLE_SEND_FAIL_REWIND: /* curl would have repeated it, and cannot begin a file again */
        return DIFY__RESET;
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_OPERATION_TIMEDOUT:
        return exchange->os_error == 0 && exchange->has_head ? DIFY__CLOSED : DIFY__RESET;
    default:
        return DIFY__BAD_ANSWER;
    }
}

/* Whether a connection stood, and became no secure one; then it was never ready. */
static bool is_insecure(CURLcode code)
{
    return code == CURLE_SSL_CONNECT_ERROR || code == CURLE_PEER_FAILED_VERIFICATION ||
           code == CURLE_SSL_ISSUER_ERROR || code == CURLE_SSL_INVALIDCERTSTATUS ||
           code == CURLE_SSL_CLIENTCERT;
}

/* A proxy that libcurl cannot read is told whole, with its user and password. */
static void leave_proxy_out(char why[CURL_ERROR_SIZE])
{
    static const char start[] = "Unsupported proxy";
    static const char *const befores[] = {" in '", " for '", " '"};
    if (strncmp(why, start, sizeof start - 1) != 0)
        return;
    for (size_t i = 0; i < sizeof befores / sizeof befores[0]; i++) {
        char *at = strstr(why, befores[i]);
        if (at != NULL)
            *at = '\0';
    }
    size_t len = strlen(why);
    snprintf(why + len, CURL_ERROR_SIZE - len,
             ": it is http://HOST:PORT, or "
             "http://USER:PASSWORD@HOST:PORT with %%-escapes");
}

/* curl's own words have addresses in them; where these are not to be told, those that are the same
 * for everybody. */
static void say_why(const struct dify__exchange *exchange, char why[CURL_ERROR_SIZE])
{
    CURLcode code = exchange->code;
    bool is_general = exchange->app->alias != NULL || exchange->why[0] == '\0';
    const char *text = is_general ? curl_easy_strerror(code) : exchange->why;
    snprintf(why, CURL_ERROR_SIZE, "%s", code != CURLE_OK ? text : "");
    leave_proxy_out(why);
    size_t len = strlen(why);
    if (code != CURLE_OK && is_general && exchange->os_error != 0)
        snprintf(why + len, CURL_ERROR_SIZE - len, ": %s", strerror(exchange->os_error));
}

void dify__transfer_over(struct dify__exchange *exchange)
{
    if (exchange->address[0] == '\0' && is_insecure(exchange->code))
        memcpy(exchange->address, exchange->tried, sizeof exchange->address);
    struct dify__end end = {
        .failure = failure_of(exchange),
        .may_have_been_sent = exchange->may_be_sent,
        .times = exchange->times,
    };
    struct dify__receiver receiver = exchange->receiver;
    char why[CURL_ERROR_SIZE], address[sizeof exchange->address];
    say_why(exchange, why);
    snprintf(address, sizeof address, "%s", exchange->address);
    if (address[0] != '\0')
        end.address = dify__slice(address);
    end.detail = why;
    free_exchange(exchange);
    receiver.end(receiver.ctx, &end);
}

/* libcurl has ended it. */
static void end_by_curl(struct dify__exchange *exchange, CURLcode code)
{
    dify__easy_ask(exchange);
    exchange->code = code;
    dify__transfer_over(exchange);
}

/* The connection that libcurl has made becomes ours; its handle is free for others. -1: it is gone
 * already. */
static int take_connection(struct dify__exchange *exchange)
{
    struct dify_client *client = exchange->client;
    dify__easy_ask(exchange);
    curl_socket_t fd = dify__easy_socket(exchange);
    client->spared = fd;
    client->was_spared = false;
    leave_shard(exchange); /* closes the connection but for its socket */
    client->spared = -1;
    if (fd != CURL_SOCKET_BAD && !client->was_spared)
        fd = fcntl(fd, F_DUPFD_CLOEXEC, 0); /* one that libcurl has not let go yet */
    if (fd >= 0)
        dify__dial_remember(exchange, fd);
    return fd;
}

static void end_or_take(struct dify__exchange *exchange, CURLcode code)
{
    if (code != CURLE_OK || !exchange->is_own) {
        end_by_curl(exchange, code);
        return;
    }
    if (exchange->is_unwatched) /* it is ended as such, with nothing sent */
        return;
    int fd = take_connection(exchange);
    if (fd >= 0) {
        dify__wire_start(exchange, fd);
        return;
    }
    exchange->code = CURLE_GOT_NOTHING;
    dify__transfer_over(exchange);
}

/* One that could not be begun once curl had returned. */
static void tell_not_begun(struct dify__exchange *exchange)
{
    struct dify__receiver receiver = exchange->receiver;
    struct dify__end end = {.failure = DIFY__NO_MEMORY, .detail = "out of memory"};
    free_exchange(exchange);
    receiver.end(receiver.ctx, &end);
}

static void settle_postponed(struct dify_client *client)
{
    while (client->postponed != NULL) {
        struct dify__exchange *exchange = client->postponed;
        client->postponed = exchange->next_postponed;
        exchange->is_postponed = false;
        if (exchange->state == DIFY__CANCELLED)
            free_exchange(exchange);
        else if (run(exchange) != DIFY_OK)
            tell_not_begun(exchange);
    }
}

struct dify__exchange *dify__transfer_of(CURL *easy)
{
    char *private = NULL;
    curl_easy_getinfo(easy, CURLINFO_PRIVATE, &private);
    return (struct dify__exchange *)(void *)private;
}

bool dify__transfer_owns(const struct dify__exchange *exchange, int socket)
{
    return exchange->is_own && exchange->made == socket;
}

void dify__transfer_unwatched(struct dify__exchange *exchange)
{
    exchange->is_unwatched = exchange->client->has_unwatched = true;
}

static bool is_under_way(const struct dify__exchange *exchange)
{
    return exchange->state == DIFY__RUNNING || exchange->state == DIFY__ON_WIRE;
}

/* Of a transfer whose socket nobody watches nothing would be heard any more. */
static void end_unwatched(struct dify_client *client)
{
    while (client->has_unwatched) {
        struct dify__exchange *exchange = client->transfers;
        while (exchange != NULL && !(exchange->is_unwatched && is_under_way(exchange)))
            exchange = exchange->next;
        client->has_unwatched = exchange != NULL;
        if (exchange == NULL)
            return;
        snprintf(exchange->why, sizeof exchange->why, "the host cannot watch its socket");
        if (exchange->state == DIFY__RUNNING)
            dify__easy_ask(exchange);
        exchange->code = CURLE_ABORTED_BY_CALLBACK;
        dify__transfer_over(exchange);
    }
}

/* The next transfer of a shard that is over; NULL if there is none. */
static struct dify__exchange *next_over(struct dify__shard *shard, CURLcode *code)
{
    int left;
    CURLMsg *message;
    while ((message = curl_multi_info_read(shard->multi, &left)) != NULL) {
        if (message->msg != CURLMSG_DONE)
            continue;
        *code = message->data.result;
        return dify__transfer_of(message->easy_handle);
    }
    return NULL;
}

void dify__transfers_settle(struct dify_client *client)
{
    struct dify__exchange *exchange;
    CURLcode code;
    settle_postponed(client);
    for (size_t i = 0; i < client->shard_count; i++) {
        while ((exchange = next_over(client->shards[i], &code)) != NULL) {
            end_or_take(exchange, code);
            settle_postponed(client);
        }
    }
    end_unwatched(client);
    settle_postponed(client);
}
