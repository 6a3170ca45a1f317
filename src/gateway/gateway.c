/* SPDX-License-Identifier: Apache-2.0
 *
 * gateway.c: the gateway from its start to its end: what it is made of, the end of each turn of the
 * loop, and how it drains.
 */
#include "gateway/gateway.h"

#include "core/slices.h"
#include "gateway/app.h"
#include "gateway/callers.h"
#include "gateway/cors.h"
#include "gateway/hub.h"
#include "gateway/later.h"
#include "gateway/logger.h"
#include "gateway/metrics.h"
#include "gateway/notify.h"
#include "gateway/openapi.h"
#include "gateway/recover.h"
#include "gateway/reply.h"
#include "gateway/routes.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

uint64_t gw_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* ---- the end of a turn --------------------------------------------------------------------- */

static void on_idle(uv_idle_t *idle)
{
    (void)idle; /* it only keeps the loop from sleeping */
}

void gw_wake(struct gateway *gateway)
{
    if (!gateway->is_closed)
        (void)uv_idle_start(&gateway->idle, on_idle);
}

static void flush(struct gateway *gateway)
{
    gw_hub_flush(&gateway->hub);
    if (http_list_is_empty(&gateway->hub.dirty))
        uv_idle_stop(&gateway->idle);
    if (gateway->is_draining)
        gw_drain_check(gateway);
}

static void on_prepare(uv_prepare_t *prepare)
{
    flush(prepare->data);
}

static void on_check(uv_check_t *check)
{
    flush(check->data);
}

/* ---- the store ----------------------------------------------------------------------------- */

static void on_store_wake(void *ctx)
{
    struct gateway *gateway = ctx;
    uv_async_send(&gateway->store_wake);
}

static void on_store(uv_async_t *async)
{
    struct gateway *gateway = async->data;
    const char *why = "";
    if (gateway->store == NULL)
        return;
    (void)store_deliver(gateway->store);
    bool is_failing = store_is_failing(gateway->store, &why);
    if (gateway->is_behind) {
        gateway->is_behind = false;
        gw_hub_touch_all(&gateway->hub);
    }
    if (is_failing == gateway->was_failing)
        return;
    gateway->was_failing = is_failing;
    if (is_failing)
        gw_log_note(gateway, GW_LOG_ERROR, NULL,
                    "the store cannot be written (%s): new runs are refused until it can", why);
    else
        gw_log_note(gateway, GW_LOG_WARNING, NULL, "the store can be written again");
    gw_hub_store_changed(gateway, is_failing);
}

static bool open_store(struct gateway *gateway)
{
    const struct gw_config *config = gateway->config;
    struct store_error error = {""};
    struct store_options options = {.path = config->store_path,
                                    .max_age_s = config->store_max_age_s,
                                    .max_bytes = config->store_max_bytes,
                                    .on_wake = on_store_wake,
                                    .ctx = gateway};
    if (config->store_path == NULL)
        return gw_reads_open(&gateway->reads, gateway->loop, NULL, &error) == DIFY_OK;
    if (store_open(&options, &gateway->store, &error) != DIFY_OK ||
        gw_reads_open(&gateway->reads, gateway->loop, gateway->store, &error) != DIFY_OK) {
        gw_log_note(gateway, GW_LOG_ERROR, NULL, "cannot open the store: %s", error.text);
        return false;
    }
    return true;
}

/* ---- the client ---------------------------------------------------------------------------- */

static bool open_client(struct gateway *gateway)
{
    struct dify_client_options options = {
        .size = sizeof options, .host = &gateway->host.functions, .speed = gateway->speed};
    if (gw_uv_host_init(&gateway->host, gateway->loop) != DIFY_OK ||
        dify_client_new(&options, &gateway->client) != DIFY_OK ||
        dify_decoder_new(gateway->allocator, &gateway->decoder) != DIFY_OK)
        return false;
    gateway->host.client = gateway->client;
    return gw_apps_open(gateway);
}

/* ---- the server ---------------------------------------------------------------------------- */

static bool listen_on(struct gateway *gateway, const struct gw_listener *listener)
{
    struct dify_error error = {DIFY_OK, 0, ""};
    if (listener->host == NULL) {
        if (http_server_listen_unix(gateway->server, listener->path, GW_SOCKET_MODE, &error) ==
            DIFY_OK) {
            gw_log_note(gateway, GW_LOG_INFO, NULL, "listening on unix:%s", listener->path);
            return true;
        }
        gw_log_note(gateway, GW_LOG_ERROR, NULL, "cannot listen on unix:%s: %s", listener->path,
                    error.message);
        return false;
    }
    bool is_v6 = strchr(listener->host, ':') != NULL;
    if (http_server_listen(gateway->server, listener->host, listener->port, &error) == DIFY_OK) {
        uint16_t port = listener->port != 0 ? listener->port : http_server_port(gateway->server);
        gw_log_note(gateway, GW_LOG_INFO, NULL,
                    is_v6 ? "listening on http://[%s]:%u" : "listening on http://%s:%u",
                    listener->host, (unsigned)port);
        return true;
    }
    gw_log_note(gateway, GW_LOG_ERROR, NULL, "cannot listen on %s, port %u: %s", listener->host,
                (unsigned)listener->port, error.message);
    return false;
}

static bool open_server(struct gateway *gateway)
{
    const struct gw_config *config = gateway->config;
    struct http_server_options options = {.on_request = gw_serve_request,
                                          .ctx = gateway,
                                          .max_body_bytes = config->max_body_bytes,
                                          .max_write_bytes = GW_STREAM_BYTES,
                                          .max_waiting_bytes = GW_WAITING_BYTES,
                                          .max_connections = config->max_connections,
                                          .server_name = "difystream",
                                          .on_refuse = gw_refuse,
                                          .on_answer = gw_count_answer};
    if (http_server_new(gateway->loop, &options, &gateway->server) != DIFY_OK)
        return false;
    /* started behind the server's, these run in front of it: what is written now goes out now */
    (void)uv_prepare_start(&gateway->prepare, on_prepare);
    (void)uv_check_start(&gateway->check, on_check);
    for (size_t i = 0; i < config->listener_count; i++) {
        if (!listen_on(gateway, &config->listeners[i]))
            return false;
    }
    return true;
}

/* ---- its end ------------------------------------------------------------------------------- */

static void on_server_closed(void *ctx)
{
    struct gateway *gateway = ctx;
    gateway->server = NULL;
}

/* Answers that have ended get a moment to go out. */
static void on_lingered(struct dify__alarm *alarm)
{
    struct gateway *gateway =
        (struct gateway *)(void *)((char *)alarm - offsetof(struct gateway, draining));
    bool is_open = gateway->server != NULL &&
                   http_server_stats(gateway->server).open_connections > 0 &&
                   uv_now(gateway->loop) < gateway->lingers_until_ms;
    if (is_open &&
        http_timer_set(&gateway->timer, &gateway->draining, GW_LINGER_LOOK_MS) == DIFY_OK)
        return;
    uv_stop(gateway->loop);
}

/* Leaves what is under way to the next process. */
static void finish(struct gateway *gateway)
{
    if (gateway->is_closing)
        return;
    gateway->is_closing = true;
    gateway->lingers_until_ms = uv_now(gateway->loop) + GW_LINGER_MS;
    for (struct http_link *link = gateway->hub.runs.next; link != &gateway->hub.runs;
         link = link->next)
        gw_callers_cut(HTTP_LINKED(link, struct gw_run, all));
    gateway->draining.ring = on_lingered;
    if (http_timer_set(&gateway->timer, &gateway->draining, 1) != DIFY_OK)
        on_lingered(&gateway->draining);
}

static void on_drain_timeout(struct dify__alarm *alarm)
{
    struct gateway *gateway =
        (struct gateway *)(void *)((char *)alarm - offsetof(struct gateway, draining));
    gw_log_note(gateway, GW_LOG_WARNING, NULL,
                gateway->store != NULL
                    ? "%zu runs are still under way; the next process takes them up"
                    : "%zu runs are still under way; without a store they are given up",
                gateway->hub.count - gateway->hub.ended_count);
    finish(gateway);
}

void gw_drain_check(struct gateway *gateway)
{
    unsigned running, waiting; /* of guests */
    size_t under_way = gateway->hub.count - gateway->hub.ended_count;
    if (gateway->store != NULL) {
        under_way = 0; /* those that only wait for a place are left to the next process */
        for (size_t i = 0; i < gateway->config->app_count; i++)
            under_way += (size_t)gateway->apps[i].running + gateway->apps[i].waiting;
        gw_apps_count_guests(gateway, &running, &waiting);
        under_way += (size_t)running + waiting;
        under_way += gateway->hub.ending;
        under_way -= gateway->hub.queued;
    }
    under_way += gateway->relays;
    if (under_way == 0 && !gateway->is_closing)
        finish(gateway);
}

static void on_signal(uv_signal_t *handle, int number)
{
    struct gateway *gateway = handle->data;
    if (gateway->is_draining) {
        finish(gateway);
        return;
    }
    gw_log_note(gateway, GW_LOG_INFO, NULL, "%s: draining, for %.0f s at most; once more ends it",
                number == SIGTERM ? "SIGTERM" : "SIGINT",
                (double)gateway->config->drain_timeout_ms / 1000);
    gw_notify_stopping(gateway->config->drain_timeout_ms + GW_STOP_MS);
    gateway->is_draining = true;
    gateway->draining.ring = on_drain_timeout;
    http_server_drain(gateway->server);
    if (http_timer_set(&gateway->timer, &gateway->draining, gateway->config->drain_timeout_ms) !=
        DIFY_OK)
        finish(gateway);
    gw_wake(gateway);
}

/* A start that failed did not get to all of them. */
static void close_handle(void *handle)
{
    if (uv_handle_get_type(handle) != UV_UNKNOWN_HANDLE)
        uv_close(handle, NULL);
}

static void close_handles(struct gateway *gateway)
{
    if (uv_handle_get_type((uv_handle_t *)&gateway->timer.handle) != UV_UNKNOWN_HANDLE)
        http_timer_close(&gateway->timer, NULL);
    close_handle(&gateway->prepare);
    close_handle(&gateway->check);
    close_handle(&gateway->idle);
    close_handle(&gateway->terminate);
    close_handle(&gateway->interrupt);
    close_handle(&gateway->store_wake);
    uv_run(gateway->loop, UV_RUN_DEFAULT);
}

static void close_all(struct gateway *gateway)
{
    gateway->is_closing = true; /* also where it has not begun */
    if (gateway->server != NULL)
        http_server_close(gateway->server, on_server_closed, gateway);
    while (gateway->server != NULL || gw_reads_are_busy(&gateway->reads))
        uv_run(gateway->loop, UV_RUN_ONCE); /* exchanges hold apps, and reads answer exchanges */
    gateway->is_closed = true;
    gw_reads_close(&gateway->reads);
    store_close(gateway->store);
    gateway->store = NULL;
    while (!http_list_is_empty(&gateway->hub.runs))
        gw_run_abandon(HTTP_LINKED(gateway->hub.runs.next, struct gw_run, all));
    gw_later_drop_all(gateway);
    gw_apps_close(gateway);
    dify_client_free(gateway->client);
    dify_decoder_free(gateway->decoder);
    gw_uv_host_close(&gateway->host);
    gw_hub_fini(&gateway->hub);
    close_handles(gateway);
    dify__buffer_fini(&gateway->scratch);
    dify__buffer_fini(&gateway->refusal);
    gw_openapi_close(gateway);
    gw_cors_close(gateway);
}

/* ---- serving ------------------------------------------------------------------------------- */

static bool init_loop(struct gateway *gateway)
{
    uv_loop_t *loop = gateway->loop;
    if (http_timer_init(&gateway->timer, loop, gateway->allocator) != DIFY_OK ||
        uv_async_init(loop, &gateway->store_wake, on_store) != 0 ||
        uv_signal_init(loop, &gateway->terminate) != 0 ||
        uv_signal_init(loop, &gateway->interrupt) != 0)
        return false;
    (void)uv_prepare_init(loop, &gateway->prepare); /* these cannot fail */
    (void)uv_check_init(loop, &gateway->check);
    (void)uv_idle_init(loop, &gateway->idle);
    gateway->prepare.data = gateway->check.data = gateway->idle.data = gateway;
    gateway->store_wake.data = gateway->terminate.data = gateway->interrupt.data = gateway;
    return uv_signal_start(&gateway->terminate, on_signal, SIGTERM) == 0 &&
           uv_signal_start(&gateway->interrupt, on_signal, SIGINT) == 0;
}

static const char *spool_folder(const struct gw_config *config)
{
    const char *folder = getenv("TMPDIR");
    if (config->spool_folder != NULL)
        return config->spool_folder;
    return folder != NULL && folder[0] == '/' ? folder : "/var/tmp";
}

static bool open_all(struct gateway *gateway)
{
    return gw_openapi_open(gateway) && gw_cors_open(gateway) && open_store(gateway) &&
           open_client(gateway) && gw_recover(gateway) && open_server(gateway);
}

/* A clock that runs faster, but not so that it does nothing else. */
static uint32_t paced(uint32_t ms, double speed)
{
    return (uint32_t)(ms / speed) > 10 ? (uint32_t)(ms / speed) : 10;
}

/* The soft limit is 1,024 on many a system, for programs that use select(). */
static void raise_open_files(struct gateway *gateway)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) != 0)
        return;
    if (files.rlim_cur < files.rlim_max) {
        struct rlimit all = {files.rlim_max, files.rlim_max};
        if (setrlimit(RLIMIT_NOFILE, &all) == 0)
            files = all;
    }
    if (files.rlim_cur < gateway->config->max_connections)
        gw_log_note(gateway, GW_LOG_WARNING, NULL,
                    "only %llu files may be open, so fewer connections than the %lu of "
                    "limits.max_connections: raise the limit of the process (ulimit -n)",
                    (unsigned long long)files.rlim_cur,
                    (unsigned long)gateway->config->max_connections);
}

int gw_serve(const struct gw_config *config, double speed)
{
    uv_loop_t loop;
    int status = 1;
    struct gateway *gateway = calloc(1, sizeof *gateway);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a limit of file sizes is a full disk */
    if (gateway == NULL || uv_loop_init(&loop) != 0) {
        free(gateway);
        return status;
    }
    gateway->config = config;
    gateway->allocator = dify__allocator(NULL);
    gateway->loop = &loop;
    gateway->speed = speed;
    gateway->newline_ms = paced(GW_KEEPALIVE_MS, speed);
    gateway->comment_ms = paced(GW_SSE_COMMENT_MS, speed);
    gateway->v1_begin_ms = paced(GW_KEEPALIVE_AFTER_MS, speed);
    gateway->epoch = (uint32_t)(gw_now_ms() / 1000);
    gateway->spool = (struct gw_spool){spool_folder(config), config->spool_bytes, 0};
    gateway->scratch = gateway->refusal =
        (struct dify__buffer){.allocator = gateway->allocator, .max = SIZE_MAX / 2};
    gw_metrics_init(gateway);
    gw_hub_init(&gateway->hub, gateway->allocator);
    http_list_init(&gateway->later);
    bool is_logging = gw_log_open(gateway);
    if (is_logging)
        raise_open_files(gateway);
    if (is_logging && init_loop(gateway) && open_all(gateway)) {
        gw_notify_ready();
        uv_run(&loop, UV_RUN_DEFAULT);
        status = 0;
    }
    close_all(gateway);
    gw_log_close(gateway);
    uv_loop_close(&loop);
    free(gateway);
    return status;
}
