/* SPDX-License-Identifier: Apache-2.0
 *
 * client.c: the client and its host: which socket belongs to which CURLM, and when to be woken.
 *
 * Every entry ends with settle(): what was postponed while curl was calling back is done, and the
 * host is told of the next time, if it has changed.
 */
#include "client/app.h"
#include "client/call.h"
#include "client/transfer_state.h"
#include "core/prefetch.h"

#include <math.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

static uint64_t real_us(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

uint64_t dify__real_us(void)
{
    return real_us(CLOCK_MONOTONIC);
}

/* Read once for each call of the host's: what is done then takes no time that matters. */
static uint64_t since_us(const struct dify_client *client)
{
    return (client->entry_us != 0 ? client->entry_us : dify__real_us()) - client->began_us;
}

uint64_t dify__real_ms(const struct dify_client *client)
{
    return since_us(client) / 1000;
}

/* By the environment's clock. */
static uint64_t ms_at(const struct dify_client *client, uint64_t real_us)
{
    return (uint64_t)((double)(real_us - client->began_us) * client->speed / 1000);
}

static uint64_t now_ms(void *ctx)
{
    const struct dify_client *client = ctx;
    return client->entry_us != 0 ? client->entry_ms : ms_at(client, dify__real_us());
}

static void enter(struct dify_client *client)
{
    client->entry_us = dify__real_us();
    client->entry_ms = ms_at(client, client->entry_us);
}

static int64_t unix_ms(void *ctx)
{
    (void)ctx;
    return (int64_t)(real_us(CLOCK_REALTIME) / 1000);
}

/* splitmix64 */
static uint64_t random_next(void *ctx)
{
    struct dify_client *client = ctx;
    uint64_t z = client->random += UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
    return z ^ z >> 31;
}

/* ---- waking -------------------------------------------------------------------------------- */

/* Real milliseconds until a time of the environment's clock, rounded up. What was put off is due in
 * another turn, which with 0 some hosts would not wait for. */
static uint64_t real_until(const struct dify_client *client, uint64_t due_ms)
{
    uint64_t now = now_ms((void *)(uintptr_t)client);
    if (due_ms <= now)
        return client->has_put_off ? 1 : 0;
    double ms = ceil((double)(due_ms - now) / client->speed);
    return ms < 1e15 ? (uint64_t)ms : UINT64_C(1000000000000000);
}

static void wake_at_the_next(struct dify_client *client)
{
    uint64_t now = dify__real_ms(client), at = UINT64_MAX;
    uint64_t alarm = dify__alarms_next(&client->env.alarms);
    for (size_t i = 0; i < client->shard_count; i++)
        if (client->shards[i]->due_ms < at)
            at = client->shards[i]->due_ms;
    if (alarm != UINT64_MAX && now + real_until(client, alarm) < at)
        at = now + real_until(client, alarm);
    if (at == client->wake_ms)
        return;
    client->wake_ms = at;
    now = (dify__real_us() - client->began_us) / 1000; /* the host counts from here */
    client->host.wake(client->host.ctx, at == UINT64_MAX ? UINT64_MAX : at > now ? at - now : 0);
}

static void on_change(void *ctx)
{
    struct dify_client *client = ctx;
    if (!client->in_curl)
        wake_at_the_next(client);
}

static void settle(struct dify_client *client)
{
    dify__transfers_settle(client);
    wake_at_the_next(client);
}

static void act(struct dify__shard *shard, curl_socket_t socket, int what)
{
    int running;
    shard->client->in_curl = true;
    curl_multi_socket_action(shard->multi, socket, what, &running);
    shard->client->in_curl = false;
}

/* How late an alarm is, in real milliseconds, for a program that was stopped or busy. */
#define LATE_MS 100

/* Alarms that are late are put off for one turn, in which the host handles what its sockets have
 * received meanwhile: a clock of silence must not ring over what was not read yet. */
static bool puts_off(struct dify_client *client, uint64_t now_ms)
{
    uint64_t due_ms = dify__alarms_next(&client->env.alarms);
    bool is_late = due_ms < now_ms && (double)(now_ms - due_ms) >= LATE_MS * client->speed;
    client->has_put_off = is_late && !client->has_put_off;
    return client->has_put_off;
}

static void ring(struct dify_client *client)
{
    uint64_t now = now_ms(client);
    if (!puts_off(client, now))
        dify__alarms_ring(&client->env.alarms, now);
}

void dify_client_timeout(struct dify_client *client)
{
    uint64_t now = dify__real_ms(client);
    client->wake_ms = UINT64_MAX; /* it has rung */
    for (size_t i = 0; i < client->shard_count; i++) {
        struct dify__shard *shard = client->shards[i];
        if (shard->due_ms > now)
            continue;
        shard->due_ms = UINT64_MAX;
        act(shard, CURL_SOCKET_TIMEOUT, 0);
    }
    dify__transfers_settle(client);
    ring(client);
    settle(client);
}

/* libcurl does not need a socket any more, which was not closed, nor became ours. */
static void leave(struct dify_client *client, int socket)
{
    client->sockets[socket] = (struct dify__socket){NULL, NULL, false};
    (void)client->host.watch(client->host.ctx, socket, DIFY_WATCH_NOTHING);
}

/* The exchange of wire.c whose socket it is; NULL: none. */
static struct dify__exchange *exchange_of(const struct dify_client *client, int socket)
{
    bool is_known = socket >= 0 && (size_t)socket < client->socket_capacity;
    return is_known ? client->sockets[socket].exchange : NULL;
}

/* Whoever waits for a socket, if it is not read together with others. */
static void tell(struct dify_client *client, int socket, unsigned what)
{
    struct dify__socket of = {NULL, NULL, false};
    if (socket >= 0 && (size_t)socket < client->socket_capacity)
        of = client->sockets[socket];
    if (of.lingers)
        leave(client, socket);
    else if (of.exchange != NULL)
        dify__wire_ready(of.exchange, what);
    else if (of.shard != NULL)
        act(of.shard, socket,
            ((what & DIFY_WATCH_READ) != 0 ? CURL_CSELECT_IN : 0) |
                ((what & DIFY_WATCH_WRITE) != 0 ? CURL_CSELECT_OUT : 0));
}

void dify_client_sockets(struct dify_client *client, const struct dify_client_ready *ready,
                         size_t count)
{
    enter(client);
    for (size_t i = 0; i < count; i++)
        dify__prefetch(exchange_of(client, ready[i].socket), DIFY__EXCHANGE_HOT_BYTES);
    for (size_t i = 0; i < count; i++) {
        struct dify__exchange *exchange = exchange_of(client, ready[i].socket);
        if (exchange != NULL && dify__wire_receive(exchange, ready[i].what))
            continue;
        dify__wire_take(client);
        dify__transfers_settle(client); /* libcurl would go on with what was cancelled meanwhile */
        tell(client, ready[i].socket, ready[i].what);
        dify__transfers_settle(client);
    }
    dify__wire_take(client);
    settle(client);
    client->entry_us = 0;
}

void dify_client_socket(struct dify_client *client, int socket, unsigned what)
{
    dify_client_sockets(client, &(struct dify_client_ready){socket, what}, 1);
}

/* ---- sockets ------------------------------------------------------------------------------- */

static bool watch(struct dify_client *client, int socket, unsigned what, struct dify__socket of)
{
    if (dify__grow(client->env.allocator, (void **)&client->sockets, &client->socket_capacity,
                   (size_t)socket + 1, sizeof(struct dify__socket)) != DIFY_OK)
        return false;
    client->sockets[socket] = what != DIFY_WATCH_NOTHING ? of : (struct dify__socket){NULL};
    return client->host.watch(client->host.ctx, socket, what);
}

bool dify__client_watch(struct dify_client *client, int socket, unsigned what,
                        struct dify__exchange *exchange)
{
    return watch(client, socket, what, (struct dify__socket){.exchange = exchange});
}

int dify__client_close(struct dify_client *client, int socket)
{
    if (socket == client->spared) {
        client->was_spared = true;
        return 0;
    }
    if ((size_t)socket < client->socket_capacity && client->sockets[socket].lingers)
        leave(client, socket);
    return close(socket);
}

/* ---- shards -------------------------------------------------------------------------------- */

static int on_socket(CURL *easy, curl_socket_t socket, int what, void *ctx, void *of_socket)
{
    struct dify__shard *shard = ctx;
    struct dify_client *client = shard->client;
    struct dify__exchange *exchange = dify__transfer_of(easy);
    unsigned flags = DIFY_WATCH_NOTHING;
    (void)of_socket;
    if (what == CURL_POLL_IN || what == CURL_POLL_INOUT)
        flags |= DIFY_WATCH_READ;
    if (what == CURL_POLL_OUT || what == CURL_POLL_INOUT)
        flags |= DIFY_WATCH_WRITE;
    bool is_known = (size_t)socket < client->socket_capacity;
    if (flags == DIFY_WATCH_NOTHING && is_known && exchange != NULL &&
        dify__transfer_owns(exchange, socket))
        client->sockets[socket].lingers = client->sockets[socket].shard != NULL;
    /* curl is not told: it would end all transfers of the shard */
    else if (!watch(client, socket, flags, (struct dify__socket){.shard = shard}) &&
             flags != DIFY_WATCH_NOTHING && exchange != NULL)
        dify__transfer_unwatched(exchange);
    return 0;
}

static int on_timer(CURLM *multi, long ms, void *ctx)
{
    struct dify__shard *shard = ctx;
    (void)multi;
    shard->due_ms = ms < 0 ? UINT64_MAX : dify__real_ms(shard->client) + (uint64_t)ms;
    return 0;
}

static enum dify_err add_shard(struct dify_client *client)
{
    if (client->shard_count == DIFY__SHARDS)
        return DIFY_ERR_TOO_LARGE;
    struct dify__shard *shard = dify__calloc(client->env.allocator, sizeof *shard);
    if (shard == NULL)
        return DIFY_ERR_NOMEM;
    shard->client = client;
    shard->due_ms = UINT64_MAX;
    shard->multi = curl_multi_init();
    if (shard->multi == NULL) {
        dify__free(client->env.allocator, shard);
        return DIFY_ERR_NOMEM;
    }
    curl_multi_setopt(shard->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(shard->multi, CURLMOPT_SOCKETDATA, shard);
    curl_multi_setopt(shard->multi, CURLMOPT_TIMERFUNCTION, on_timer);
    curl_multi_setopt(shard->multi, CURLMOPT_TIMERDATA, shard);
    curl_multi_setopt(shard->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);
    client->shards[client->shard_count++] = shard;
    return DIFY_OK;
}

enum dify_err dify__client_shard(struct dify_client *client, struct dify__shard **out)
{
    size_t i = 0;
    while (i < client->shard_count && client->shards[i]->transfers >= DIFY__SHARD_TRANSFERS)
        i++;
    if (i == client->shard_count) {
        enum dify_err err = add_shard(client);
        if (err != DIFY_OK)
            return err;
    }
    *out = client->shards[i];
    return DIFY_OK;
}

/* ---- life ---------------------------------------------------------------------------------- */

static enum dify_err init(struct dify_client *client, const struct dify_client_options *options)
{
    client->speed = options->speed != 0 ? options->speed : 1;
    client->began_us = dify__real_us();
    client->wake_ms = UINT64_MAX;
    client->random = options->seed;
    if (client->random == 0 &&
        getrandom(&client->random, sizeof client->random, 0) != sizeof client->random)
        client->random = real_us(CLOCK_REALTIME);
    dify__alarms_init(&client->env.alarms, client->env.allocator);
    dify__transfers_init(client);
    client->env.transport = &client->transport;
    client->env.ctx = client;
    client->env.now_ms = now_ms;
    client->env.unix_ms = unix_ms;
    client->env.random = random_next;
    client->env.changed = on_change;
    client->has_own_host = options->host == NULL;
    if (options->host != NULL)
        client->host = *options->host;
    else if (!dify__waiting_init(client))
        return DIFY_ERR_NOMEM;
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return DIFY_ERR_NOMEM;
    client->share = curl_share_init();
    if (client->share == NULL)
        return DIFY_ERR_NOMEM;
    curl_share_setopt(client->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_DNS);
    curl_share_setopt(client->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
    enum dify_err err = dify_decoder_new(client->env.allocator, &client->env.decoder);
    return err == DIFY_OK ? add_shard(client) : err;
}

enum dify_err dify_client_new(const struct dify_client_options *options, struct dify_client **out)
{
    static const struct dify_client_options defaults = {.size = sizeof defaults};
    if (options == NULL)
        options = &defaults;
    if (options->size != sizeof *options || !(options->speed >= 0) ||
        options->speed > DIFY_CLIENT_SPEED || (options->speed != 0 && options->speed < 1e-3))
        return DIFY_ERR_ARGUMENT;
    const struct dify_allocator *allocator = dify__allocator(options->allocator);
    struct dify_client *client = dify__calloc(allocator, sizeof *client);
    if (client == NULL)
        return DIFY_ERR_NOMEM;
    client->env.allocator = allocator;
    client->poll_fd = client->timer_fd = client->spared = -1;
    enum dify_err err = init(client, options);
    if (err != DIFY_OK) {
        dify_client_free(client);
        return err;
    }
    *out = client;
    return DIFY_OK;
}

void dify_client_free(struct dify_client *client)
{
    if (client == NULL)
        return;
    const struct dify_allocator *allocator = client->env.allocator;
    dify__calls_fini(&client->env);
    dify__transfers_fini(client);
    for (size_t i = 0; i < client->shard_count; i++) {
        curl_multi_cleanup(client->shards[i]->multi);
        dify__free(allocator, client->shards[i]);
    }
    curl_share_cleanup(client->share);
    dify__waiting_fini(client);
    dify__alarms_fini(&client->env.alarms);
    dify_decoder_free(client->env.decoder);
    dify__free(allocator, client->sockets);
    dify__free(allocator, client->bytes);
    dify__free(allocator, client);
}

enum dify_err dify_app_new(struct dify_client *client, const struct dify_app_options *options,
                           struct dify_app **out, struct dify_error *error)
{
    return dify__app_new(&client->env, options, out, error);
}

uint64_t dify_client_count(const struct dify_client *client, enum dify_reason reason)
{
    return (unsigned)reason < DIFY_REASONS ? client->env.reasons[reason] : 0;
}
