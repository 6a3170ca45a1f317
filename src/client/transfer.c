/* SPDX-License-Identifier: Apache-2.0
 *
 * transfer.c: the transport over libcurl: one easy handle for each exchange, or, for streams, for
 * their connections.
 *
 * libcurl may not be called while it calls back. What a receiver begins or cancels then is
 * postponed until it has returned (dify__transfers_settle()). Where a transfer is:
 *
 *   POSTPONED → RUNNING → told and freed; by a cancel from everywhere → CANCELLED, freed
 *                  |
 *                  v        a stream without encryption, whose connection stands (wire.c)
 *               ON_WIRE → told and freed
 *
 * Whether a request may have been sent is known by libcurl's own word: it calls `on_ready` when a
 * connection stands, before the first byte of the request.
 */
#include "client/relay.h"
#include "client/source.h"
#include "client/transfer_state.h"

#include "core/slices.h"
#include "difystream/version.h"

#include <fcntl.h>
#include <limits.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <strings.h>
#include <sys/socket.h>

/* Ceiling of an address with its path. */
#define URL_BYTES ((size_t)16 << 10)

/* An idle connection is not used again after so long: Dify closes it after 2 s. */
#define IDLE_S 1L

/* How a dead peer is found: probes after 30 s of silence, and what was sent is not acknowledged. */
#define PROBE_AFTER_S 30L
#define PROBE_EVERY_S 10L
#define UNACKNOWLEDGED_MS 90000U

/* What is read at a time. Up to libcurl 8.7 each transfer has such a buffer as long as it lasts,
 * and most of ours are silent for most of their time; from then on all share one. */
#define BUFFER_BYTES_EACH 3072L
#define BUFFER_BYTES_SHARED 16384L
#define SHARING_VERSION 0x080800u

static long buffer_bytes(void)
{
    return curl_version_info(CURLVERSION_NOW)->version_num >= SHARING_VERSION ? BUFFER_BYTES_SHARED
                                                                              : BUFFER_BYTES_EACH;
}

/* ---- what curl calls ----------------------------------------------------------------------- */

static void write_address(char out[sizeof(((struct dify__exchange *)0)->address)], const char *ip,
                          int port)
{
    snprintf(out, sizeof(((struct dify__exchange *)0)->address),
             strchr(ip, ':') != NULL ? "[%s]:%d" : "%s:%d", ip, port);
}

static int on_ready(void *ctx, char *ip, char *local_ip, int port, int local_port)
{
    struct dify__exchange *exchange = ctx;
    (void)local_ip;
    (void)local_port;
    exchange->may_be_sent = true;
    write_address(exchange->address, ip, port);
    if (exchange->receiver.sending != NULL)
        exchange->receiver.sending(exchange->receiver.ctx);
    return CURL_PREREQFUNC_OK;
}

/* A socket as curl makes it, and whom it is for. */
static curl_socket_t on_socket_wanted(void *ctx, curlsocktype purpose, struct curl_sockaddr *peer)
{
    struct dify__exchange *exchange = ctx;
    char ip[INET6_ADDRSTRLEN], port[8];
    (void)purpose;
    if (getnameinfo(&peer->addr, peer->addrlen, ip, sizeof ip, port, sizeof port,
                    NI_NUMERICHOST | NI_NUMERICSERV) == 0)
        snprintf(exchange->tried, sizeof exchange->tried,
                 strchr(ip, ':') != NULL ? "[%s]:%s" : "%s:%s", ip, port);
    exchange->made = socket(peer->family, peer->socktype | SOCK_CLOEXEC, peer->protocol);
    return exchange->made;
}

static int on_socket_made(void *ctx, curl_socket_t socket, curlsocktype purpose)
{
    unsigned ms = UNACKNOWLEDGED_MS;
    (void)ctx;
    (void)purpose;
    (void)setsockopt(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, sizeof ms);
    return CURL_SOCKOPT_OK;
}

/* A socket of an exchange that becomes ours. */
static int on_socket_unwanted(void *ctx, curl_socket_t socket)
{
    return dify__client_close(ctx, socket);
}

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

static size_t on_head(char *bytes, size_t size, size_t count, void *ctx)
{
    struct dify__exchange *exchange = ctx;
    size_t len = size * count;
    long status = 0;
    if (exchange->state == DIFY__CANCELLED)
        return 0;
    if (exchange->has_head) {
        if (exchange->receiver.trailer != NULL)
            exchange->receiver.trailer(exchange->receiver.ctx, (struct dify_slice){bytes, len});
        return exchange->state == DIFY__CANCELLED ? 0 : len;
    }
    if (len >= 5 && memcmp(bytes, "HTTP/", 5) == 0)
        exchange->reply.head.len = 0; /* of an interim answer before it */
    enum dify_err err = dify__buffer_append(&exchange->reply.head, bytes, len);
    if (err != DIFY_OK) {
        exchange->ran_out_of_memory = err == DIFY_ERR_NOMEM;
        return 0;
    }
    curl_easy_getinfo(exchange->easy, CURLINFO_RESPONSE_CODE, &status);
    if ((bytes[0] == '\r' || bytes[0] == '\n') && status >= 200)
        dify__transfer_tell_head(exchange, (int)status);
    return exchange->state == DIFY__CANCELLED ? 0 : len;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *ctx)
{
    struct dify__exchange *exchange = ctx;
    size_t len = size * count;
    if (exchange->state != DIFY__CANCELLED && exchange->is_paused)
        return CURL_WRITEFUNC_PAUSE; /* curl keeps it */
    if (exchange->state != DIFY__CANCELLED && len > 0)
        exchange->receiver.body(exchange->receiver.ctx, (struct dify_slice){bytes, len});
    return exchange->state == DIFY__CANCELLED ? 0 : len;
}

static size_t on_source(char *bytes, size_t size, size_t count, void *ctx)
{
    struct dify__exchange *exchange = ctx;
    long got = dify__source_read(exchange->source, bytes, size * count);
    return got >= 0 ? (size_t)got : CURL_READFUNC_ABORT;
}

static size_t on_wanted(char *bytes, size_t size, size_t count, void *ctx)
{
    struct dify__exchange *exchange = ctx;
    if (exchange->state == DIFY__CANCELLED)
        return CURL_READFUNC_ABORT;
    long got = exchange->receiver.wanted(exchange->receiver.ctx, bytes, size * count);
    exchange->is_hungry = got < 0;
    return got < 0 ? CURL_READFUNC_PAUSE : (size_t)got;
}

/* ---- what curl is told --------------------------------------------------------------------- */

static bool add_field(struct dify__exchange *exchange, const char *text)
{
    if (exchange->is_own)
        return dify__wire_add_field(exchange, text) == DIFY_OK;
    struct curl_slist *longer = curl_slist_append(exchange->fields, text);
    if (longer == NULL)
        return false;
    exchange->fields = longer;
    return true;
}

static bool add_field_value(struct dify__exchange *exchange, const char *name, const char *value)
{
    size_t size = strlen(name) + strlen(value) + 3;
    char *line = dify__malloc(exchange->client->env.allocator, size);
    if (line == NULL)
        return false;
    snprintf(line, size, "%s: %s", name, value);
    bool ok = add_field(exchange, line);
    dify__wipe(line, size);
    dify__free(exchange->client->env.allocator, line);
    return ok;
}

/* The fields hold the key. */
static void free_fields(struct curl_slist *fields)
{
    for (struct curl_slist *field = fields; field != NULL; field = field->next)
        dify__wipe(field->data, strlen(field->data));
    curl_slist_free_all(fields);
}

/* The key is for the API alone. */
static bool set_fields_of_file(struct dify__exchange *exchange)
{
    return add_field(exchange, "Accept: */*") &&
           curl_easy_setopt(exchange->easy, CURLOPT_HTTPHEADER, exchange->fields) == CURLE_OK;
}

static bool set_fields(struct dify__exchange *exchange, const struct dify__request *request)
{
    if ((request->flags & DIFY__REQUEST_FILE) != 0)
        return set_fields_of_file(exchange);
    char bearer[] = "Bearer ";
    const char *key = exchange->app->key;
    size_t size = sizeof bearer + strlen(key);
    char *value = dify__malloc(exchange->client->env.allocator, size);
    if (value == NULL)
        return false;
    snprintf(value, size, "%s%s", bearer, key);
    bool ok = add_field_value(exchange, "Authorization", value);
    dify__wipe(value, size);
    dify__free(exchange->client->env.allocator, value);
    if (!exchange->is_own) /* a 417 would make curl send a body again */
        ok = ok && add_field(exchange, "Expect:");
    ok = ok && add_field(exchange, (request->flags & DIFY__REQUEST_STREAM) != 0
                                       ? "Accept: text/event-stream, application/json"
                                       : "Accept: application/json");
    if ((request->flags & DIFY__REQUEST_POST) != 0 && request->file == NULL)
        ok = ok && add_field(exchange, "Content-Type: application/json");
    if (request->last_event_id != NULL && *request->last_event_id != '\0')
        ok = ok && add_field_value(exchange, "Last-Event-ID", request->last_event_id);
    return ok && (exchange->is_own || curl_easy_setopt(exchange->easy, CURLOPT_HTTPHEADER,
                                                       exchange->fields) == CURLE_OK);
}

static bool set_form(struct dify__exchange *exchange, const struct dify__request *request)
{
    struct dify__source *source = exchange->source = request->file;
    curl_mimepart *user, *file;
    exchange->form = curl_mime_init(exchange->easy);
    if (exchange->form == NULL || (user = curl_mime_addpart(exchange->form)) == NULL ||
        (file = curl_mime_addpart(exchange->form)) == NULL)
        return false;
    return curl_mime_name(user, "user") == CURLE_OK &&
           curl_mime_data(user, request->user, CURL_ZERO_TERMINATED) == CURLE_OK &&
           curl_mime_name(file, "file") == CURLE_OK &&
           curl_mime_filename(file, source->name) == CURLE_OK &&
           curl_mime_type(file, source->type) == CURLE_OK &&
           curl_mime_data_cb(file, source->length, on_source, NULL, NULL, exchange) == CURLE_OK &&
           curl_easy_setopt(exchange->easy, CURLOPT_MIMEPOST, exchange->form) == CURLE_OK;
}

static bool set_request(struct dify__exchange *exchange, const struct dify__request *request)
{
    CURL *easy = exchange->easy;
    CURLcode ok = CURLE_OK;
    if (request->relayed != NULL)
        return curl_easy_setopt(easy, CURLOPT_READFUNCTION, on_wanted) == CURLE_OK &&
               curl_easy_setopt(easy, CURLOPT_READDATA, exchange) == CURLE_OK &&
               dify__relayed_set(easy, &exchange->fields, request->relayed, exchange->app);
    if (request->file != NULL)
        return set_form(exchange, request);
    if ((request->flags & DIFY__REQUEST_POST) == 0)
        return curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L) == CURLE_OK;
    ok |= curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.len);
    ok |= curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request->body.ptr);
    return ok == CURLE_OK;
}

/* How the app is reached. */
static CURLcode set_way(CURL *easy, const struct dify_app *app)
{
    CURLcode ok = CURLE_OK;
    /* libcurl takes no more */
    long connect_ms = app->connect_timeout_ms < INT_MAX ? (long)app->connect_timeout_ms : INT_MAX;
    ok |= curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    ok |= curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    ok |= curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, connect_ms);
    ok |= curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    ok |= curl_easy_setopt(easy, CURLOPT_TCP_KEEPIDLE, PROBE_AFTER_S);
    ok |= curl_easy_setopt(easy, CURLOPT_TCP_KEEPINTVL, PROBE_EVERY_S);
    ok |= curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, on_socket_made);
    ok |= curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN, IDLE_S);
    ok |= curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    if (app->proxy != NULL)
        ok |= curl_easy_setopt(easy, CURLOPT_PROXY, app->proxy);
    if (app->ca_file != NULL)
        ok |= curl_easy_setopt(easy, CURLOPT_CAINFO, app->ca_file);
    if (app->client_cert != NULL)
        ok |= curl_easy_setopt(easy, CURLOPT_SSLCERT, app->client_cert);
    if (app->client_key != NULL)
        ok |= curl_easy_setopt(easy, CURLOPT_SSLKEY, app->client_key);
    return ok;
}

/* What libcurl is told of each exchange. */
static CURLcode set_connection(struct dify__exchange *exchange, bool is_fresh)
{
    CURL *easy = exchange->easy;
    CURLcode ok = set_way(easy, exchange->app);
    ok |= curl_easy_setopt(easy, CURLOPT_URL, exchange->url);
    ok |= curl_easy_setopt(easy, CURLOPT_PRIVATE, exchange);
    ok |= curl_easy_setopt(easy, CURLOPT_SHARE, exchange->client->share);
    ok |= curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    ok |= curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, exchange->why);
    ok |= curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_socket_wanted);
    ok |= curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, exchange);
    ok |= curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, is_fresh ? 1L : 0L);
    return ok;
}

/* A connection that becomes ours, and no request. libcurl would close one of no further use at
 * once; so it is not told. */
static bool set_options_of_own(struct dify__exchange *exchange, const struct dify__request *request)
{
    CURLcode ok = set_connection(exchange, true);
    ok |= curl_easy_setopt(exchange->easy, CURLOPT_CONNECT_ONLY, 1L);
    ok |= curl_easy_setopt(exchange->easy, CURLOPT_CLOSESOCKETFUNCTION, on_socket_unwanted);
    ok |= curl_easy_setopt(exchange->easy, CURLOPT_CLOSESOCKETDATA, exchange->client);
    return ok == CURLE_OK && dify__wire_begin_head(exchange, request) == DIFY_OK &&
           set_fields(exchange, request) && dify__wire_end_head(exchange, request) == DIFY_OK;
}

static bool set_options(struct dify__exchange *exchange, const struct dify__request *request)
{
    CURL *easy = exchange->easy;
    bool is_fresh = (request->flags & DIFY__REQUEST_FRESH) != 0;
    if (exchange->is_own)
        return set_options_of_own(exchange, request);
    CURLcode ok = set_connection(exchange, is_fresh);
    ok |= curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, buffer_bytes());
    ok |= curl_easy_setopt(easy, CURLOPT_USERAGENT, "difystream/" DIFY_VERSION);
    ok |= curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_ready);
    ok |= curl_easy_setopt(easy, CURLOPT_PREREQDATA, exchange);
    ok |= curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_head);
    ok |= curl_easy_setopt(easy, CURLOPT_HEADERDATA, exchange);
    ok |= curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    ok |= curl_easy_setopt(easy, CURLOPT_WRITEDATA, exchange);
    ok |= curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, is_fresh ? 1L : 0L);
    if ((request->flags & DIFY__REQUEST_FILE) != 0) {
        uint64_t silence_s = exchange->app->silence_timeout_ms / 1000;
        ok |= curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
        ok |= curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME,
                               silence_s < INT_MAX ? (long)silence_s + 1 : INT_MAX);
    } else if ((request->flags & DIFY__REQUEST_STREAM) == 0 && request->relayed == NULL)
        ok |= curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "gzip, deflate");
    return ok == CURLE_OK && set_request(exchange, request) &&
           (request->relayed != NULL || set_fields(exchange, request));
}

/* ---- life ---------------------------------------------------------------------------------- */

/* One that is kept and still takes its options: one whose host's name had no address does not, as
 * curl has left it its buffer. */
static CURL *take_handle(struct dify_client *client)
{
    while (client->idle_count > 0) {
        CURL *easy = client->idle[--client->idle_count];
        if (curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, buffer_bytes()) == CURLE_OK)
            return easy;
        curl_easy_cleanup(easy);
    }
    return curl_easy_init();
}

static void give_handle(struct dify_client *client, CURL *easy)
{
    if (easy == NULL)
        return;
    /* Nothing takes the system's error off a handle: the next one would have it as its own. */
    long os_error = 0;
    curl_easy_getinfo(easy, CURLINFO_OS_ERRNO, &os_error);
    if (client->idle_count == DIFY__IDLE_HANDLES || os_error != 0) {
        curl_easy_cleanup(easy);
        return;
    }
    curl_easy_reset(easy);
    client->idle[client->idle_count++] = easy;
}

/* libcurl has no more to do with it. */
static void leave_shard(struct dify__exchange *exchange)
{
    if (exchange->shard != NULL) {
        curl_multi_remove_handle(exchange->shard->multi, exchange->easy);
        exchange->shard->transfers--;
    }
    give_handle(exchange->client, exchange->easy);
    exchange->shard = NULL;
    exchange->easy = NULL;
}

static void free_exchange(struct dify__exchange *exchange)
{
    struct dify_client *client = exchange->client;
    leave_shard(exchange);
    dify__wire_fini(exchange);
    if (exchange->next != NULL)
        exchange->next->previous = exchange->previous;
    if (exchange->previous != NULL)
        exchange->previous->next = exchange->next;
    else if (client->transfers == exchange)
        client->transfers = exchange->next;
    curl_mime_free(exchange->form);
    free_fields(exchange->fields);
    dify__reply_fini(&exchange->reply);
    dify__free(client->env.allocator, exchange->url);
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

static enum dify_err run(struct dify__exchange *exchange)
{
    struct dify__shard *shard;
    enum dify_err err = dify__client_shard(exchange->client, &shard);
    if (err != DIFY_OK)
        return err;
    if (curl_multi_add_handle(shard->multi, exchange->easy) != CURLM_OK)
        return DIFY_ERR_NOMEM;
    exchange->began_us = dify__real_us();
    exchange->shard = shard;
    exchange->state = DIFY__RUNNING;
    shard->transfers++;
    return DIFY_OK;
}

/* Files lie beside the API, which is Dify's "/v1". */
static size_t base_len_of(const struct dify_app *app, const struct dify__request *request)
{
    size_t len = strlen(app->base_url);
    bool is_v1 = len > 3 && strcmp(app->base_url + len - 3, "/v1") == 0;
    return (request->flags & DIFY__REQUEST_FILE) != 0 && is_v1 ? len - 3 : len;
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
    size_t base_len = base_len_of(app, request);
    size_t size = base_len + strlen(request->path) + 1;
    exchange->easy = take_handle(client);
    exchange->url = dify__malloc(allocator, size);
    enum dify_err err = size <= URL_BYTES ? DIFY_OK : DIFY_ERR_TOO_LARGE;
    if (exchange->easy == NULL || exchange->url == NULL)
        err = DIFY_ERR_NOMEM;
    if (err == DIFY_OK) {
        snprintf(exchange->url, size, "%.*s%s", (int)base_len, app->base_url, request->path);
        err = set_options(exchange, request) ? DIFY_OK : DIFY_ERR_NOMEM;
    }
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

static double ms_of(CURL *easy, CURLINFO info)
{
    curl_off_t us = 0;
    curl_easy_getinfo(easy, info, &us);
    return us > 0 ? (double)us / 1000 : -1;
}

/* What libcurl knows of an exchange that it has ended, or of which it has made the connection. */
static void ask_curl(struct dify__exchange *exchange)
{
    CURL *easy = exchange->easy;
    long os_error = 0;
    curl_easy_getinfo(easy, CURLINFO_OS_ERRNO, &os_error);
    exchange->os_error = (int)os_error;
    exchange->times = (struct dify_call_times){
        .resolved_ms = ms_of(easy, CURLINFO_NAMELOOKUP_TIME_T),
        .connected_ms = ms_of(easy, CURLINFO_CONNECT_TIME_T),
        .secured_ms = ms_of(easy, CURLINFO_APPCONNECT_TIME_T),
        .first_byte_ms = exchange->is_own ? -1 : ms_of(easy, CURLINFO_STARTTRANSFER_TIME_T),
        .total_ms = ms_of(easy, CURLINFO_TOTAL_TIME_T)};
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
    ask_curl(exchange);
    exchange->code = code;
    dify__transfer_over(exchange);
}

/* The connection that libcurl has made becomes ours; its handle is free for others. -1: it is gone
 * already. */
static int take_connection(struct dify__exchange *exchange)
{
    struct dify_client *client = exchange->client;
    curl_socket_t fd = CURL_SOCKET_BAD;
    char *ip = NULL;
    long port = 0;
    ask_curl(exchange);
    curl_easy_getinfo(exchange->easy, CURLINFO_ACTIVESOCKET, &fd);
    curl_easy_getinfo(exchange->easy, CURLINFO_PRIMARY_IP, &ip);
    curl_easy_getinfo(exchange->easy, CURLINFO_PRIMARY_PORT, &port);
    if (ip != NULL)
        write_address(exchange->address, ip, (int)port);
    client->spared = fd;
    client->was_spared = false;
    leave_shard(exchange); /* closes the connection but for its socket */
    client->spared = -1;
    /* one that libcurl has not let go yet */
    return fd == CURL_SOCKET_BAD || client->was_spared ? fd : fcntl(fd, F_DUPFD_CLOEXEC, 0);
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
            ask_curl(exchange);
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
