/* SPDX-License-Identifier: Apache-2.0
 *
 * server.c: listening, accepting, and the server's end. What a connection does is in connection.c.
 *
 * A server has four handles of its own, embedded in it (prepare, check, idle, a timer), and one for
 * each listener, which is a block of its own. It is freed when the last of them is closed; the four
 * are closed when no connection is left.
 */
#include "http/connection.h"

#include "core/slices.h"

#include <assert.h>
#include <errno.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define BACKLOG 1024

/* Which file a path led to. */
struct file_id {
    dev_t device;
    ino_t inode;
};

struct listener {
    union http_handle uv;
    struct http_server *server;
    struct http_link link;
    bool has_waiting; /* a connection that could not be accepted for want of memory */
    /* Of a socket in the file system, which is ours as long as it is this file. */
    char path[sizeof((struct sockaddr_un *)NULL)->sun_path];
    struct file_id file;
};

static void free_server(struct http_server *server)
{
    dify__free(server->allocator, server->reserve);
    dify__free(server->allocator, server->read_buffer);
    http_spares_fini(&server->spares, server->allocator);
    dify__free(server->allocator, server);
}

/* ---- visits -------------------------------------------------------------------------------- */

static void on_prepare(uv_prepare_t *prepare)
{
    http_server_visit(prepare->data);
}

static void on_check(uv_check_t *check)
{
    http_server_visit(check->data);
}

static void on_idle(uv_idle_t *idle)
{
    (void)idle; /* it only keeps the loop from sleeping */
}

/* ---- making one ---------------------------------------------------------------------------- */

static void fill_in_defaults(struct http_server_options *options)
{
    if (options->max_head_bytes == 0)
        options->max_head_bytes = HTTP_HEAD_BYTES;
    if (options->max_line_bytes == 0)
        options->max_line_bytes = options->max_head_bytes;
    if (options->max_body_bytes == 0)
        options->max_body_bytes = HTTP_BODY_BYTES;
    if (options->max_write_bytes == 0)
        options->max_write_bytes = HTTP_WRITE_BYTES;
    if (options->max_connections == 0)
        options->max_connections = HTTP_CONNECTIONS;
    if (options->head_ms == 0)
        options->head_ms = HTTP_HEAD_MS;
    if (options->body_ms == 0)
        options->body_ms = HTTP_BODY_MS;
    if (options->keepalive_ms == 0)
        options->keepalive_ms = HTTP_KEEPALIVE_MS;
    if (options->write_ms == 0)
        options->write_ms = HTTP_WRITE_MS;
    if (options->linger_ms == 0)
        options->linger_ms = HTTP_LINGER_MS;
}

static void start_handles(struct http_server *server)
{
    const struct http_server_options *options = &server->options;
    (void)uv_prepare_init(server->loop, &server->prepare); /* these cannot fail */
    (void)uv_check_init(server->loop, &server->check);
    (void)uv_idle_init(server->loop, &server->idle);
    server->prepare.data = server->check.data = server->idle.data = server;
    (void)uv_prepare_start(&server->prepare, on_prepare);
    (void)uv_check_start(&server->check, on_check);
    uv_unref((uv_handle_t *)&server->prepare);
    uv_unref((uv_handle_t *)&server->check);
    server->idle.idle_cb = on_idle;
    http_clocks_init(&server->clocks, server->loop, http_connection_timed_out);
    server->clocks.durations_ms[HTTP_CLOCK_HEAD] = options->head_ms;
    server->clocks.durations_ms[HTTP_CLOCK_BODY] = options->body_ms;
    server->clocks.durations_ms[HTTP_CLOCK_KEEPALIVE] = options->keepalive_ms;
    server->clocks.durations_ms[HTTP_CLOCK_WRITE] = options->write_ms;
    server->clocks.durations_ms[HTTP_CLOCK_LINGER] = options->linger_ms;
    server->clocks.durations_ms[HTTP_CLOCK_TAKEN] = HTTP_TAKEN_MS;
    server->open_handles = 4;
}

/* libuv writes to sockets by write(2): to one whose client has left it would end the process. Who
 * has set the signal otherwise keeps it so. */
static void ignore_sigpipe(void)
{
    struct sigaction action;
    if (sigaction(SIGPIPE, NULL, &action) != 0 || action.sa_handler != SIG_DFL)
        return;
    action.sa_handler = SIG_IGN;
    (void)sigaction(SIGPIPE, &action, NULL);
}

enum dify_err http_server_new(uv_loop_t *loop, const struct http_server_options *options,
                              struct http_server **out)
{
    if (loop == NULL || options->on_request == NULL)
        return DIFY_ERR_ARGUMENT;
    const struct dify_allocator *allocator = dify__allocator(options->allocator);
    struct http_server *server = dify__calloc(allocator, sizeof *server);
    if (server == NULL)
        return DIFY_ERR_NOMEM;
    server->allocator = allocator;
    server->loop = loop;
    server->options = *options;
    fill_in_defaults(&server->options);
    http_list_init(&server->connections);
    http_list_init(&server->visits);
    http_list_init(&server->listeners);
    server->read_buffer = dify__malloc(allocator, HTTP_READ_BYTES);
    server->reserve = dify__malloc(allocator, sizeof *server->reserve);
    if (server->read_buffer == NULL || server->reserve == NULL) {
        free_server(server);
        return DIFY_ERR_NOMEM;
    }
    ignore_sigpipe();
    start_handles(server);
    *out = server;
    return DIFY_OK;
}

/* ---- listening ----------------------------------------------------------------------------- */

static void accept_waiting(struct listener *listener)
{
    listener->has_waiting =
        http_connection_accept(listener->server, &listener->uv.stream) != DIFY_OK;
}

static void on_connection(uv_stream_t *stream, int status)
{
    struct listener *listener = stream->data;
    if (status == 0)
        accept_waiting(listener);
}

static void on_listener_closed(uv_handle_t *handle);

static struct listener *new_listener(struct http_server *server)
{
    struct listener *listener = dify__calloc(server->allocator, sizeof *listener);
    if (listener == NULL)
        return NULL;
    listener->server = server;
    http_list_init(&listener->link);
    return listener;
}

/* Its handle is initialised: it is the server's from now on. */
static void add_listener(struct listener *listener)
{
    listener->uv.handle.data = listener;
    http_list_append(&listener->server->listeners, &listener->link);
    listener->server->open_handles++;
}

/* Whether `path` is a socket; which one. */
static bool find_socket(const char *path, struct file_id *file)
{
    struct stat stat;
    if (lstat(path, &stat) != 0 || !S_ISSOCK(stat.st_mode))
        return false;
    *file = (struct file_id){stat.st_dev, stat.st_ino};
    return true;
}

/* Removes the socket at `path` if it is still this one. */
static bool remove_socket(const char *path, const struct file_id *file)
{
    struct file_id now;
    return find_socket(path, &now) && now.device == file->device && now.inode == file->inode &&
           unlink(path) == 0;
}

static void close_listener(struct listener *listener)
{
    http_list_remove(&listener->link);
    if (listener->path[0] != '\0')
        (void)remove_socket(listener->path, &listener->file);
    uv_close(&listener->uv.handle, on_listener_closed);
}

static enum dify_err fail(struct dify_error *error, enum dify_err code, const char *message)
{
    if (error != NULL) {
        error->code = code;
        error->offset = 0;
        (void)snprintf(error->message, sizeof error->message, "%s", message);
    }
    return code;
}

/* What libuv says, or DIFY_ERR_NOMEM. */
static enum dify_err fail_uv(struct dify_error *error, int err)
{
    return err == UV_ENOMEM ? fail(error, DIFY_ERR_NOMEM, dify_strerror(DIFY_ERR_NOMEM))
                            : fail(error, DIFY_ERR_ARGUMENT, uv_strerror(err));
}

/* Listens on one address; 0 or an error of libuv. */
static int listen_on(struct http_server *server, const struct sockaddr *address)
{
    struct listener *listener = new_listener(server);
    if (listener == NULL)
        return UV_ENOMEM;
    int err = uv_tcp_init(server->loop, &listener->uv.tcp);
    if (err != 0) {
        dify__free(server->allocator, listener);
        return err;
    }
    add_listener(listener);
    err = uv_tcp_bind(&listener->uv.tcp, address,
                      address->sa_family == AF_INET6 ? UV_TCP_IPV6ONLY : 0);
    if (err == 0)
        err = uv_listen(&listener->uv.stream, BACKLOG, on_connection);
    if (err != 0)
        close_listener(listener);
    return err;
}

static uint16_t port_of(const struct sockaddr *address)
{
    if (address->sa_family == AF_INET)
        return ntohs(((const struct sockaddr_in *)(const void *)address)->sin_port);
    if (address->sa_family == AF_INET6)
        return ntohs(((const struct sockaddr_in6 *)(const void *)address)->sin6_port);
    return 0;
}

static void set_port(struct sockaddr *address, uint16_t port)
{
    if (address->sa_family == AF_INET)
        ((struct sockaddr_in *)(void *)address)->sin_port = htons(port);
    else if (address->sa_family == AF_INET6)
        ((struct sockaddr_in6 *)(void *)address)->sin6_port = htons(port);
}

static uint16_t listener_port(const struct listener *listener)
{
    struct sockaddr_storage storage;
    int len = sizeof storage;
    if (listener->uv.handle.type != UV_TCP ||
        uv_tcp_getsockname(&listener->uv.tcp, (struct sockaddr *)&storage, &len) != 0)
        return 0;
    return port_of((const struct sockaddr *)&storage);
}

uint16_t http_server_port(const struct http_server *server)
{
    for (struct http_link *link = server->listeners.next; link != &server->listeners;
         link = link->next) {
        uint16_t port = listener_port(HTTP_LINKED(link, struct listener, link));
        if (port != 0)
            return port;
    }
    return 0;
}

/* Whether two addresses are the same, whatever their ports. */
static bool is_same_host(const struct sockaddr *a, const struct sockaddr *b)
{
    const struct sockaddr_in6 *a6 = (const void *)a, *b6 = (const void *)b;
    if (a->sa_family != b->sa_family)
        return false;
    if (a->sa_family == AF_INET)
        return ((const struct sockaddr_in *)(const void *)a)->sin_addr.s_addr ==
               ((const struct sockaddr_in *)(const void *)b)->sin_addr.s_addr;
    return a->sa_family == AF_INET6 && a6->sin6_scope_id == b6->sin6_scope_id &&
           memcmp(&a6->sin6_addr, &b6->sin6_addr, sizeof a6->sin6_addr) == 0;
}

/* Whether the address stands further in front as well: some files of hosts say so twice. */
static bool has_come(const struct addrinfo *addresses, const struct addrinfo *address)
{
    for (const struct addrinfo *each = addresses; each != address; each = each->ai_next)
        if (is_same_host(each->ai_addr, address->ai_addr))
            return true;
    return false;
}

/* Each address of a name, all on one port; those that this machine does not have are left out as
 * long as there is one. */
static enum dify_err listen_on_all(struct http_server *server, struct addrinfo *addresses,
                                   uint16_t port, struct dify_error *error)
{
    struct listener *first = NULL;
    int failed = UV_EADDRNOTAVAIL;
    for (struct addrinfo *each = addresses; each != NULL; each = each->ai_next) {
        if (has_come(addresses, each))
            continue;
        set_port(each->ai_addr, port);
        int err = listen_on(server, each->ai_addr);
        if (err == 0) {
            if (first == NULL)
                first = HTTP_LINKED(server->listeners.prev, struct listener, link);
            port = listener_port(first);
        } else if (err != UV_EADDRNOTAVAIL && err != UV_EAFNOSUPPORT) {
            while (first != NULL) {
                struct listener *last = HTTP_LINKED(server->listeners.prev, struct listener, link);
                close_listener(last);
                first = last == first ? NULL : first;
            }
            return fail_uv(error, err);
        } else {
            failed = err;
        }
    }
    return first != NULL ? DIFY_OK : fail_uv(error, failed);
}

enum dify_err http_server_listen(struct http_server *server, const char *host, uint16_t port,
                                 struct dify_error *error)
{
    struct addrinfo hints, *addresses;
    if (server->is_draining)
        return fail(error, DIFY_ERR_ARGUMENT, "the server is closing");
    memset(&hints, 0, sizeof hints);
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_PASSIVE;
    int found = getaddrinfo(host, NULL, &hints, &addresses);
    if (found != 0)
        return found == EAI_MEMORY ? fail_uv(error, UV_ENOMEM)
                                   : fail(error, DIFY_ERR_ARGUMENT, gai_strerror(found));
    enum dify_err err = listen_on_all(server, addresses, port, error);
    freeaddrinfo(addresses);
    return err;
}

/* Whether nobody listens on the socket at this address. It is asked without waiting: who does not
 * take the connection at once is there all the same. */
static bool is_dead(const struct sockaddr_un *address)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return false;
    bool is_refused = connect(fd, (const struct sockaddr *)address, sizeof *address) != 0 &&
                      errno == ECONNREFUSED;
    (void)close(fd);
    return is_refused;
}

/* Binds a socket to the path, in place of one that nobody listens on. 0 or an errno. */
static int bind_path(int fd, const struct sockaddr_un *address)
{
    struct file_id old;
    if (bind(fd, (const struct sockaddr *)address, sizeof *address) == 0)
        return 0;
    if (errno != EADDRINUSE)
        return errno;
    if (!find_socket(address->sun_path, &old) || !is_dead(address) ||
        !remove_socket(address->sun_path, &old))
        return EADDRINUSE;
    return bind(fd, (const struct sockaddr *)address, sizeof *address) == 0 ? 0 : errno;
}

/* Gives the listener a socket at the path. It is not libuv that binds it, since libuv would remove
 * whatever is there when it is closed. 0 or an error of libuv. */
static int open_path(struct listener *listener, const char *path, unsigned mode)
{
    struct sockaddr_un address;
    memset(&address, 0, sizeof address);
    address.sun_family = AF_UNIX;
    memcpy(address.sun_path, path, strlen(path) + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return uv_translate_sys_error(errno);
    int bound = bind_path(fd, &address);
    if (bound == 0 && find_socket(path, &listener->file))
        memcpy(listener->path, path, strlen(path) + 1);
    int err = bound != 0 ? uv_translate_sys_error(bound) : uv_pipe_open(&listener->uv.pipe, fd);
    if (err != 0) {
        (void)close(fd);
        return err;
    }
    /* Nobody can connect before listen(), so nobody comes in by other permissions. */
    return chmod(path, (mode_t)mode) == 0 ? 0 : uv_translate_sys_error(errno);
}

enum dify_err http_server_listen_unix(struct http_server *server, const char *path, unsigned mode,
                                      struct dify_error *error)
{
    size_t len = strlen(path);
    if (server->is_draining)
        return fail(error, DIFY_ERR_ARGUMENT, "the server is closing");
    if (len == 0 || len >= sizeof((struct sockaddr_un *)NULL)->sun_path)
        return fail(error, DIFY_ERR_ARGUMENT, "the path of the socket is empty or too long");
    struct listener *listener = new_listener(server);
    if (listener == NULL)
        return fail_uv(error, UV_ENOMEM);
    int err = uv_pipe_init(server->loop, &listener->uv.pipe, 0);
    if (err != 0) {
        dify__free(server->allocator, listener);
        return fail_uv(error, err);
    }
    add_listener(listener);
    err = open_path(listener, path, mode);
    if (err == 0)
        err = uv_listen(&listener->uv.stream, BACKLOG, on_connection);
    if (err == 0)
        return DIFY_OK;
    close_listener(listener);
    return fail_uv(error, err);
}

/* ---- the end ------------------------------------------------------------------------------- */

/* One of the server's own handles is closed. */
static void handle_closed(struct http_server *server)
{
    if (--server->open_handles != 0)
        return;
    void (*on_closed)(void *ctx) = server->on_closed;
    void *ctx = server->on_closed_ctx;
    free_server(server);
    if (on_closed != NULL)
        on_closed(ctx);
}

static void on_listener_closed(uv_handle_t *handle)
{
    struct listener *listener = handle->data;
    struct http_server *server = listener->server;
    dify__free(server->allocator, listener);
    handle_closed(server);
}

static void on_handle_closed(uv_handle_t *handle)
{
    handle_closed(handle->data);
}

static void on_timer_closed(uv_handle_t *handle)
{
    handle_closed(HTTP_LINKED(handle, struct http_server, clocks.timer));
}

/* The last of a closing server: its own handles. */
static void close_handles(struct http_server *server)
{
    if (!server->is_closing || !http_list_is_empty(&server->connections) ||
        uv_is_closing((uv_handle_t *)&server->prepare))
        return;
    uv_close((uv_handle_t *)&server->prepare, on_handle_closed);
    uv_close((uv_handle_t *)&server->check, on_handle_closed);
    uv_close((uv_handle_t *)&server->idle, on_handle_closed);
    uv_close((uv_handle_t *)&server->clocks.timer, on_timer_closed);
}

void http_server_connection_gone(struct http_server *server)
{
    for (struct http_link *link = server->listeners.next, *next; link != &server->listeners;
         link = next) {
        struct listener *listener = HTTP_LINKED(link, struct listener, link);
        next = link->next;
        if (listener->has_waiting)
            accept_waiting(listener);
    }
    close_handles(server);
}

void http_server_drain(struct http_server *server)
{
    server->is_draining = true;
    while (!http_list_is_empty(&server->listeners))
        close_listener(HTTP_LINKED(server->listeners.next, struct listener, link));
    for (struct http_link *link = server->connections.next; link != &server->connections;
         link = link->next)
        http_connection_want_visit(HTTP_LINKED(link, struct http_connection, link));
}

void http_server_close(struct http_server *server, void (*on_closed)(void *ctx), void *ctx)
{
    assert(!server->is_closing);
    server->on_closed = on_closed;
    server->on_closed_ctx = ctx;
    http_server_drain(server);
    server->is_closing = true;
    for (struct http_link *link = server->connections.next; link != &server->connections;
         link = link->next)
        HTTP_LINKED(link, struct http_connection, link)->is_lost = true;
    close_handles(server);
}

struct http_server_stats http_server_stats(const struct http_server *server)
{
    return server->stats;
}

/* ---- the date ------------------------------------------------------------------------------ */

/* `number` in `count` digits. */
static char *put_digits(char *at, int number, int count)
{
    for (int i = count - 1; i >= 0; i--, number /= 10)
        at[i] = (char)('0' + number % 10);
    return at + count;
}

static char *put_chars(char *at, const char *chars, size_t count)
{
    memcpy(at, chars, count);
    return at + count;
}

/* RFC 9110 §5.6.7, in any locale: Sun, 06 Nov 1994 08:49:37 GMT */
struct dify_slice http_server_date(struct http_server *server)
{
    struct tm tm;
    time_t now = time(NULL);
    if (server->date_second != (int64_t)now && gmtime_r(&now, &tm) != NULL) {
        char *at = server->date;
        at = put_chars(at, &"SunMonTueWedThuFriSat"[tm.tm_wday * 3], 3);
        at = put_chars(at, ", ", 2);
        at = put_digits(at, tm.tm_mday, 2);
        *at++ = ' ';
        at = put_chars(at, &"JanFebMarAprMayJunJulAugSepOctNovDec"[tm.tm_mon * 3], 3);
        *at++ = ' ';
        at = put_digits(at, tm.tm_year + 1900, 4);
        *at++ = ' ';
        at = put_digits(at, tm.tm_hour, 2);
        *at++ = ':';
        at = put_digits(at, tm.tm_min, 2);
        *at++ = ':';
        at = put_digits(at, tm.tm_sec, 2);
        (void)put_chars(at, " GMT", 4);
        server->date_second = (int64_t)now;
    }
    return (struct dify_slice){server->date, 29};
}
