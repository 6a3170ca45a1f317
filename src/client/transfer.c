/* SPDX-License-Identifier: Apache-2.0
 *
 * transfer.c: the transport over libcurl: one easy handle for each exchange.
 *
 * libcurl may not be called while it calls back. What a receiver begins or cancels then is
 * postponed until it has returned (dify__transfers_settle()). Where a transfer is:
 *
 *   POSTPONED → RUNNING → DONE, told and freed; by a cancel from everywhere → CANCELLED, freed
 *
 * Whether a request may have been sent is known by libcurl's own word: it calls `on_ready` when a
 * connection stands, before the first byte of the request.
 */
#include "client/app.h"
#include "client/client_state.h"
#include "client/relay.h"
#include "client/source.h"

#include "core/json_text.h"
#include "core/slices.h"
#include "difystream/version.h"

#include <limits.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <strings.h>
#include <sys/socket.h>

/* Ceilings: the head of an answer, an address with its path. */
#define HEAD_BYTES ((size_t)64 << 10)
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

enum transfer_state { POSTPONED, RUNNING, CANCELLED };

struct dify__exchange {
    struct dify__exchange *next, *previous; /* of all */
    struct dify__exchange *next_postponed;
    bool is_postponed; /* it is in that list */
    enum transfer_state state;
    struct dify_client *client;
    struct dify_app *app;
    struct dify__shard *shard;
    struct dify__receiver receiver;
    CURL *easy;
    struct curl_slist *fields;
    curl_mime *form;
    char *url;
    struct dify__source *source;
    struct dify__buffer head;
    bool has_head; /* the final one */
    bool may_be_sent;
    bool is_paused;
    bool is_hungry;    /* its body waits for `feed` */
    bool is_unwatched; /* the host cannot watch its socket */
    bool ran_out_of_memory;
    char address[64]; /* whom the connection stood with; "": it did not */
    char tried[64];   /* whom one was tried with last */
    char why[CURL_ERROR_SIZE];
};

static long buffer_bytes(void)
{
    return curl_version_info(CURLVERSION_NOW)->version_num >= SHARING_VERSION ? BUFFER_BYTES_SHARED
                                                                              : BUFFER_BYTES_EACH;
}

/* ---- what curl calls ----------------------------------------------------------------------- */

static int on_ready(void *ctx, char *ip, char *local_ip, int port, int local_port)
{
    struct dify__exchange *exchange = ctx;
    (void)local_ip;
    (void)local_port;
    exchange->may_be_sent = true;
    snprintf(exchange->address, sizeof exchange->address,
             strchr(ip, ':') != NULL ? "[%s]:%d" : "%s:%d", ip, port);
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
    return socket(peer->family, peer->socktype | SOCK_CLOEXEC, peer->protocol);
}

static int on_socket_made(void *ctx, curl_socket_t socket, curlsocktype purpose)
{
    unsigned ms = UNACKNOWLEDGED_MS;
    (void)ctx;
    (void)purpose;
    (void)setsockopt(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, sizeof ms);
    return CURL_SOCKOPT_OK;
}

/* The value of a field of the head; absent if there is none. `line` is one of its lines. */
static struct dify_slice field_value(struct dify_slice line, const char *name)
{
    size_t len = strlen(name);
    if (line.len <= len || line.ptr[len] != ':' || strncasecmp(line.ptr, name, len) != 0)
        return (struct dify_slice){NULL, 0};
    const char *from = line.ptr + len + 1, *to = line.ptr + line.len;
    while (from < to && (*from == ' ' || *from == '\t'))
        from++;
    while (to > from && (to[-1] == ' ' || to[-1] == '\t' || to[-1] == '\r' || to[-1] == '\n'))
        to--;
    return (struct dify_slice){from, (size_t)(to - from)};
}

static void take_field(struct dify__head *head, struct dify_slice line)
{
    struct dify_slice value;
    uint64_t number;
    if ((value = field_value(line, "Content-Type")).ptr != NULL)
        head->content_type = value;
    else if ((value = field_value(line, "X-Version")).ptr != NULL)
        head->release = value;
    else if ((value = field_value(line, "X-Workflow-Run-ID")).ptr != NULL)
        head->workflow_run_id = value;
    else if ((value = field_value(line, "Retry-After")).ptr != NULL &&
             dify__parse_uint(value, &number))
        head->retry_after_s = number < INT32_MAX ? (int64_t)number : INT32_MAX;
    else if ((value = field_value(line, "Date")).ptr != NULL && value.len < 64) {
        char text[64];
        memcpy(text, value.ptr, value.len);
        text[value.len] = '\0';
        time_t date = curl_getdate(text, NULL);
        head->date_s = date > 0 ? (int64_t)date : 0;
    }
}

static void tell_head(struct dify__exchange *exchange, int status)
{
    struct dify__head head = {.status = status, .retry_after_s = -1};
    struct dify_slice rest = dify__buffer_slice(&exchange->head);
    head.text = rest;
    while (rest.len > 0) {
        const char *end = memchr(rest.ptr, '\n', rest.len);
        size_t len = end != NULL ? (size_t)(end - rest.ptr) + 1 : rest.len;
        take_field(&head, (struct dify_slice){rest.ptr, len});
        rest.ptr += len;
        rest.len -= len;
    }
    exchange->has_head = true;
    dify__app_take_head(exchange->app, &head);
    if (exchange->receiver.head != NULL)
        exchange->receiver.head(exchange->receiver.ctx, &head);
}

static size_t on_head(char *bytes, size_t size, size_t count, void *ctx)
{
    struct dify__exchange *exchange = ctx;
    size_t len = size * count;
    long status = 0;
    if (exchange->state == CANCELLED)
        return 0;
    if (exchange->has_head) {
        if (exchange->receiver.trailer != NULL)
            exchange->receiver.trailer(exchange->receiver.ctx, (struct dify_slice){bytes, len});
        return exchange->state == CANCELLED ? 0 : len;
    }
    if (len >= 5 && memcmp(bytes, "HTTP/", 5) == 0)
        exchange->head.len = 0; /* of an interim answer before it */
    enum dify_err err = dify__buffer_append(&exchange->head, bytes, len);
    if (err != DIFY_OK) {
        exchange->ran_out_of_memory = err == DIFY_ERR_NOMEM;
        return 0;
    }
    curl_easy_getinfo(exchange->easy, CURLINFO_RESPONSE_CODE, &status);
    if ((bytes[0] == '\r' || bytes[0] == '\n') && status >= 200)
        tell_head(exchange, (int)status);
    return exchange->state == CANCELLED ? 0 : len;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *ctx)
{
    struct dify__exchange *exchange = ctx;
    size_t len = size * count;
    if (exchange->state != CANCELLED && exchange->is_paused)
        return CURL_WRITEFUNC_PAUSE; /* curl keeps it */
    if (exchange->state != CANCELLED && len > 0)
        exchange->receiver.body(exchange->receiver.ctx, (struct dify_slice){bytes, len});
    return exchange->state == CANCELLED ? 0 : len;
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
    if (exchange->state == CANCELLED)
        return CURL_READFUNC_ABORT;
    long got = exchange->receiver.wanted(exchange->receiver.ctx, bytes, size * count);
    exchange->is_hungry = got < 0;
    return got < 0 ? CURL_READFUNC_PAUSE : (size_t)got;
}

/* ---- what curl is told --------------------------------------------------------------------- */

static bool add_field(struct dify__exchange *exchange, const char *text)
{
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
    for (volatile char *at = line; *at != '\0'; at++)
        *at = '\0';
    dify__free(exchange->client->env.allocator, line);
    return ok;
}

/* The fields hold the key. */
static void free_fields(struct curl_slist *fields)
{
    for (struct curl_slist *field = fields; field != NULL; field = field->next)
        for (volatile char *at = field->data; *at != '\0'; at++)
            *at = '\0';
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
    for (volatile char *at = value; *at != '\0'; at++)
        *at = '\0';
    dify__free(exchange->client->env.allocator, value);
    ok = ok && add_field(exchange, "Expect:"); /* a 417 would make curl send a body again */
    ok = ok && add_field(exchange, (request->flags & DIFY__REQUEST_STREAM) != 0
                                       ? "Accept: text/event-stream, application/json"
                                       : "Accept: application/json");
    if ((request->flags & DIFY__REQUEST_POST) != 0 && request->file == NULL)
        ok = ok && add_field(exchange, "Content-Type: application/json");
    if (request->last_event_id != NULL && *request->last_event_id != '\0')
        ok = ok && add_field_value(exchange, "Last-Event-ID", request->last_event_id);
    return ok && curl_easy_setopt(exchange->easy, CURLOPT_HTTPHEADER, exchange->fields) == CURLE_OK;
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

static bool set_options(struct dify__exchange *exchange, const struct dify__request *request)
{
    CURL *easy = exchange->easy;
    bool is_fresh = (request->flags & DIFY__REQUEST_FRESH) != 0;
    CURLcode ok = set_way(easy, exchange->app);
    ok |= curl_easy_setopt(easy, CURLOPT_URL, exchange->url);
    ok |= curl_easy_setopt(easy, CURLOPT_PRIVATE, exchange);
    ok |= curl_easy_setopt(easy, CURLOPT_SHARE, exchange->client->share);
    ok |= curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    ok |= curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, exchange->why);
    ok |= curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, buffer_bytes());
    ok |= curl_easy_setopt(easy, CURLOPT_USERAGENT, "difystream/" DIFY_VERSION);
    ok |= curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_socket_wanted);
    ok |= curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, exchange);
    ok |= curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_ready);
    ok |= curl_easy_setopt(easy, CURLOPT_PREREQDATA, exchange);
    ok |= curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_head);
    ok |= curl_easy_setopt(easy, CURLOPT_HEADERDATA, exchange);
    ok |= curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    ok |= curl_easy_setopt(easy, CURLOPT_WRITEDATA, exchange);
    ok |= curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, is_fresh ? 1L : 0L);
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

static void free_exchange(struct dify__exchange *exchange)
{
    struct dify_client *client = exchange->client;
    if (exchange->shard != NULL) {
        curl_multi_remove_handle(exchange->shard->multi, exchange->easy);
        exchange->shard->transfers--;
    }
    if (exchange->next != NULL)
        exchange->next->previous = exchange->previous;
    if (exchange->previous != NULL)
        exchange->previous->next = exchange->next;
    else if (client->transfers == exchange)
        client->transfers = exchange->next;
    give_handle(client, exchange->easy);
    curl_mime_free(exchange->form);
    free_fields(exchange->fields);
    dify__buffer_fini(&exchange->head);
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
    exchange->shard = shard;
    exchange->state = RUNNING;
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
    exchange->head = (struct dify__buffer){.allocator = allocator, .max = HEAD_BYTES};
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
    exchange->state = CANCELLED;
    if (client->in_curl || exchange->is_postponed)
        postpone(exchange);
    else
        free_exchange(exchange);
}

static void go_on(struct dify_client *client, struct dify__exchange *exchange)
{
    if (exchange->state != RUNNING)
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
    if (goes_on)
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

static enum dify__failure failure_of(const struct dify__exchange *exchange, CURLcode code)
{
    long os_error = 0;
    curl_easy_getinfo(exchange->easy, CURLINFO_OS_ERRNO, &os_error);
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
        return os_error == 0 && exchange->has_head ? DIFY__CLOSED : DIFY__RESET;
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

/* Whether a connection stood, and became no secure one; then it was never ready. */
static bool is_insecure(CURLcode code)
{
    return code == CURLE_SSL_CONNECT_ERROR || code == CURLE_PEER_FAILED_VERIFICATION ||
           code == CURLE_SSL_ISSUER_ERROR || code == CURLE_SSL_INVALIDCERTSTATUS ||
           code == CURLE_SSL_CLIENTCERT;
}

/* curl's own words have addresses in them; where these are not to be told, those that are the same
 * for everybody. */
static void say_why(struct dify__exchange *exchange, CURLcode code, char why[CURL_ERROR_SIZE])
{
    long os_error = 0;
    bool is_general = exchange->app->alias != NULL || exchange->why[0] == '\0';
    const char *text = is_general ? curl_easy_strerror(code) : exchange->why;
    curl_easy_getinfo(exchange->easy, CURLINFO_OS_ERRNO, &os_error);
    snprintf(why, CURL_ERROR_SIZE, "%s", code != CURLE_OK ? text : "");
    size_t len = strlen(why);
    if (code != CURLE_OK && is_general && os_error != 0)
        snprintf(why + len, CURL_ERROR_SIZE - len, ": %s", strerror((int)os_error));
}

static void tell_end(struct dify__exchange *exchange, CURLcode code)
{
    CURL *easy = exchange->easy;
    if (exchange->address[0] == '\0' && is_insecure(code))
        memcpy(exchange->address, exchange->tried, sizeof exchange->address);
    struct dify__end end = {
        .failure = failure_of(exchange, code),
        .may_have_been_sent = exchange->may_be_sent,
        .times = {.resolved_ms = ms_of(easy, CURLINFO_NAMELOOKUP_TIME_T),
                  .connected_ms = ms_of(easy, CURLINFO_CONNECT_TIME_T),
                  .secured_ms = ms_of(easy, CURLINFO_APPCONNECT_TIME_T),
                  .first_byte_ms = ms_of(easy, CURLINFO_STARTTRANSFER_TIME_T),
                  .total_ms = ms_of(easy, CURLINFO_TOTAL_TIME_T)},
    };
    if (exchange->address[0] != '\0')
        end.address = dify__slice(exchange->address);
    struct dify__receiver receiver = exchange->receiver;
    char why[CURL_ERROR_SIZE], address[sizeof exchange->address];
    say_why(exchange, code, why);
    snprintf(address, sizeof address, "%s", exchange->address);
    if (end.address.ptr != NULL)
        end.address.ptr = address;
    end.detail = why;
    free_exchange(exchange);
    receiver.end(receiver.ctx, &end);
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
        if (exchange->state == CANCELLED)
            free_exchange(exchange);
        else if (run(exchange) != DIFY_OK)
            tell_not_begun(exchange);
    }
}

void dify__transfer_unwatched(CURL *easy)
{
    char *private = NULL;
    curl_easy_getinfo(easy, CURLINFO_PRIVATE, &private);
    if (private == NULL) /* a connection that is being closed */
        return;
    struct dify__exchange *exchange = (struct dify__exchange *)(void *)private;
    exchange->is_unwatched = exchange->client->has_unwatched = true;
}

/* Of a transfer whose socket nobody watches nothing would be heard any more. */
static void end_unwatched(struct dify_client *client)
{
    while (client->has_unwatched) {
        struct dify__exchange *exchange = client->transfers;
        while (exchange != NULL && !(exchange->is_unwatched && exchange->state == RUNNING))
            exchange = exchange->next;
        client->has_unwatched = exchange != NULL;
        if (exchange == NULL)
            return;
        snprintf(exchange->why, sizeof exchange->why, "the host cannot watch its socket");
        tell_end(exchange, CURLE_ABORTED_BY_CALLBACK);
    }
}

/* The next transfer of a shard that is over; NULL if there is none. */
static struct dify__exchange *next_over(struct dify__shard *shard, CURLcode *code)
{
    int left;
    CURLMsg *message;
    while ((message = curl_multi_info_read(shard->multi, &left)) != NULL) {
        char *exchange;
        if (message->msg != CURLMSG_DONE)
            continue;
        *code = message->data.result;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &exchange);
        return (struct dify__exchange *)(void *)exchange;
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
            tell_end(exchange, code);
            settle_postponed(client);
        }
    }
    end_unwatched(client);
    settle_postponed(client);
}
