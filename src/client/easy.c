/* SPDX-License-Identifier: Apache-2.0
 *
 * easy.c: an exchange as libcurl has it, by an easy handle: what libcurl is told of it, what it
 * calls, and what it knows afterwards.
 */
#include "client/relay.h"
#include "client/source.h"
#include "client/transfer_state.h"

#include "core/slices.h"
#include "difystream/version.h"

#include <limits.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>

/* An idle connection is not used again after so long: Dify closes it after 2 s. */
#define IDLE_S 1L

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
    if (exchange->state == DIFY__CANCELLED)
        return CURL_PREREQFUNC_ABORT;
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

void dify__set_unacknowledged(int fd)
{
    unsigned ms = UNACKNOWLEDGED_MS;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, sizeof ms);
}

static int on_socket_made(void *ctx, curl_socket_t socket, curlsocktype purpose)
{
    (void)ctx;
    (void)purpose;
    dify__set_unacknowledged(socket);
    return CURL_SOCKOPT_OK;
}

/* A socket of an exchange that becomes ours. */
static int on_socket_unwanted(void *ctx, curl_socket_t socket)
{
    return dify__client_close(ctx, socket);
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
    if (exchange->state == DIFY__CANCELLED) /* the source is the canceller's again */
        return CURL_READFUNC_ABORT;
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

/* ---- handles ----------------------------------------------------------------------------- */

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

void dify__easy_give(struct dify__exchange *exchange)
{
    struct dify_client *client = exchange->client;
    CURL *easy = exchange->easy;
    exchange->easy = NULL;
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

bool dify__easy_fields(struct dify__exchange *exchange, const struct dify__request *request)
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
    ok |= curl_easy_setopt(easy, CURLOPT_TCP_KEEPIDLE, (long)DIFY__PROBE_AFTER_S);
    ok |= curl_easy_setopt(easy, CURLOPT_TCP_KEEPINTVL, (long)DIFY__PROBE_EVERY_S);
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
static CURLcode set_connection(struct dify__exchange *exchange, const char *url, bool is_fresh)
{
    CURL *easy = exchange->easy;
    CURLcode ok = set_way(easy, exchange->app);
    ok |= curl_easy_setopt(easy, CURLOPT_URL, url);
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
bool dify__easy_connect(struct dify__exchange *exchange)
{
    exchange->easy = take_handle(exchange->client);
    if (exchange->easy == NULL)
        return false;
    CURLcode ok = set_connection(exchange, exchange->app->base_url, true);
    ok |= curl_easy_setopt(exchange->easy, CURLOPT_CONNECT_ONLY, 1L);
    ok |= curl_easy_setopt(exchange->easy, CURLOPT_CLOSESOCKETFUNCTION, on_socket_unwanted);
    ok |= curl_easy_setopt(exchange->easy, CURLOPT_CLOSESOCKETDATA, exchange->client);
    return ok == CURLE_OK;
}

static bool set_options(struct dify__exchange *exchange, const char *url,
                        const struct dify__request *request)
{
    CURL *easy = exchange->easy;
    bool is_fresh = (request->flags & DIFY__REQUEST_FRESH) != 0;
    CURLcode ok = set_connection(exchange, url, is_fresh);
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
           (request->relayed != NULL || dify__easy_fields(exchange, request));
}

/* Files lie beside the API, which is Dify's "/v1". */
static size_t base_len_of(const struct dify_app *app, const struct dify__request *request)
{
    size_t len = strlen(app->base_url);
    bool is_v1 = len > 3 && strcmp(app->base_url + len - 3, "/v1") == 0;
    return (request->flags & DIFY__REQUEST_FILE) != 0 && is_v1 ? len - 3 : len;
}

size_t dify__easy_url_size(const struct dify_app *app, const struct dify__request *request)
{
    return base_len_of(app, request) + strlen(request->path) + 1;
}

enum dify_err dify__easy_prepare(struct dify__exchange *exchange,
                                 const struct dify__request *request)
{
    const struct dify_allocator *allocator = exchange->client->env.allocator;
    const struct dify_app *app = exchange->app;
    size_t base_len = base_len_of(app, request), size = dify__easy_url_size(app, request);
    char *url = dify__malloc(allocator, size);
    if (url == NULL)
        return DIFY_ERR_NOMEM;
    snprintf(url, size, "%.*s%s", (int)base_len, app->base_url, request->path);
    exchange->easy = take_handle(exchange->client);
    bool is_set = exchange->easy != NULL && set_options(exchange, url, request);
    dify__free(allocator, url); /* libcurl has a copy */
    return is_set ? DIFY_OK : DIFY_ERR_NOMEM;
}

void dify__easy_fini(struct dify__exchange *exchange)
{
    curl_mime_free(exchange->form);
    free_fields(exchange->fields);
}

/* ---- what curl knows ---------------------------------------------------------------------- */

static double ms_of(const struct dify__exchange *exchange, CURLINFO info)
{
    curl_off_t us = 0;
    curl_easy_getinfo(exchange->easy, info, &us);
    return us > 0 ? ((double)us + (double)exchange->dialled_us) / 1000 : -1;
}

/* What libcurl knows of an exchange that it has ended, or of which it has made the connection. */
void dify__easy_ask(struct dify__exchange *exchange)
{
    long os_error = 0;
    curl_easy_getinfo(exchange->easy, CURLINFO_OS_ERRNO, &os_error);
    exchange->os_error = (int)os_error;
    exchange->times = (struct dify_call_times){
        .resolved_ms = ms_of(exchange, CURLINFO_NAMELOOKUP_TIME_T),
        .connected_ms = ms_of(exchange, CURLINFO_CONNECT_TIME_T),
        .secured_ms = ms_of(exchange, CURLINFO_APPCONNECT_TIME_T),
        .first_byte_ms = exchange->is_own ? -1 : ms_of(exchange, CURLINFO_STARTTRANSFER_TIME_T),
        .total_ms = ms_of(exchange, CURLINFO_TOTAL_TIME_T)};
}

curl_socket_t dify__easy_socket(struct dify__exchange *exchange)
{
    curl_socket_t fd = CURL_SOCKET_BAD;
    char *ip = NULL;
    long port = 0;
    curl_easy_getinfo(exchange->easy, CURLINFO_ACTIVESOCKET, &fd);
    curl_easy_getinfo(exchange->easy, CURLINFO_PRIMARY_IP, &ip);
    curl_easy_getinfo(exchange->easy, CURLINFO_PRIMARY_PORT, &port);
    if (ip != NULL)
        write_address(exchange->address, ip, (int)port);
    return fd;
}
