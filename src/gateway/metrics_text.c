/* SPDX-License-Identifier: Apache-2.0
 *
 * metrics_text.c: the table of all metrics, and GET /metrics. A metric is a row: its name, type,
 * help, and what writes its samples.
 *
 * Labels are bounded: apps and routes are the configuration's and the program's, outcomes, reasons
 * and types of nodes stand in tables, and of what Dify names (currencies) the first few.
 */
#include "gateway/app.h"
#include "gateway/metrics.h"

#include "core/slices.h"
#include "difystream/version.h"
#include "gateway/logger.h"
#include "gateway/reply.h"
#include "gateway/routes.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

/* A page that is being written. */
struct page {
    struct gateway *gateway;
    struct dify__buffer *out;
    enum dify_err err;
    const struct metric *metric;
    bool has_labels;      /* the sample at hand */
    struct gw_app guests; /* all of them as one */
    struct http_server_stats http;
    struct store_figures store;
    struct gw_log_figures log;
};

struct metric {
    const char *name, *type, *help;
    void (*write)(struct page *page);
};

/* ---- samples ------------------------------------------------------------------------------- */

static void put(struct page *page, const char *text, size_t len)
{
    if (page->err == DIFY_OK)
        page->err = dify__buffer_append(page->out, text, len);
}

static void put_text(struct page *page, const char *text)
{
    put(page, text, strlen(text));
}

static void begin(struct page *page, const char *suffix)
{
    put_text(page, page->metric->name);
    put_text(page, suffix);
    page->has_labels = false;
}

static void label(struct page *page, const char *name, const char *value)
{
    put_text(page, page->has_labels ? "," : "{");
    page->has_labels = true;
    put_text(page, name);
    put_text(page, "=\"");
    for (const char *at = value; *at != '\0'; at++) {
        if (*at == '\n') {
            put(page, "\\n", 2);
            continue;
        }
        if (*at == '"' || *at == '\\')
            put(page, "\\", 1);
        put(page, at, 1);
    }
    put(page, "\"", 1);
}

static void value_text(struct page *page, const char *text)
{
    put_text(page, page->has_labels ? "} " : " ");
    put_text(page, text);
    put(page, "\n", 1);
}

static void value(struct page *page, uint64_t number)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRIu64, number);
    value_text(page, text);
}

/* A number of thousandths or millionths as a decimal one. */
static void format_parts(uint64_t number, unsigned digits, char text[32])
{
    uint64_t unit = digits == 3 ? 1000 : 1000000;
    int len =
        snprintf(text, 32, "%" PRIu64 ".%0*" PRIu64, number / unit, (int)digits, number % unit);
    while (len > 0 && text[len - 1] == '0')
        text[--len] = '\0';
    if (len > 0 && text[len - 1] == '.')
        text[len - 1] = '\0';
}

static void value_parts(struct page *page, uint64_t number, unsigned digits)
{
    char text[32];
    format_parts(number, digits, text);
    value_text(page, text);
}

static void only(struct page *page, uint64_t number)
{
    begin(page, "");
    value(page, number);
}

/* ---- by app -------------------------------------------------------------------------------- */

/* The configured apps, then all guests as one; NULL past them. */
static const struct gw_app *app_at(const struct page *page, size_t at)
{
    const struct gateway *gateway = page->gateway;
    if (at < gateway->config->app_count)
        return &gateway->apps[at];
    return at == gateway->config->app_count && gateway->config->guests != NULL ? &page->guests
                                                                               : NULL;
}

#define EACH_APP(page, app)                                                                        \
    for (size_t app##_i = 0; app_at((page), app##_i) != NULL; app##_i++)                           \
        for (const struct gw_app *app = app_at((page), app##_i); app != NULL; app = NULL)

static void by_app(struct page *page, const struct gw_app *app, uint64_t number)
{
    begin(page, "");
    label(page, "app", app->config->name);
    value(page, number);
}

static void write_runs(struct page *page)
{
    EACH_APP(page, app)
    for (size_t i = 0; i < GW_OUTCOMES; i++) {
        begin(page, "");
        label(page, "app", app->config->name);
        label(page, "outcome", gw_outcome_name((enum dify_outcome)i));
        value(page, app->measures->outcomes[i]);
    }
}

#define WRITE_BY_APP(function, number)                                                             \
    static void function(struct page *page)                                                        \
    {                                                                                              \
        EACH_APP(page, app)                                                                        \
        by_app(page, app, (number));                                                               \
    }

WRITE_BY_APP(write_running, app->running)
WRITE_BY_APP(write_waiting, app->waiting)
WRITE_BY_APP(write_max_runs, app->config->max_runs)
WRITE_BY_APP(write_streams, app->measures->streams)
WRITE_BY_APP(write_events, app->measures->events)
WRITE_BY_APP(write_unknown_events, app->measures->unknown_events)
WRITE_BY_APP(write_skipped_events, app->measures->skipped_events)
WRITE_BY_APP(write_warnings, app->measures->warnings)
WRITE_BY_APP(write_stream_bytes, app->measures->stream_bytes)
WRITE_BY_APP(write_tokens, app->measures->tokens)

static void write_histogram(struct page *page, const struct gw_app *app,
                            const struct gw_histogram *histogram, const uint32_t *bounds)
{
    uint64_t sum = 0;
    for (size_t i = 0; i <= GW_BUCKETS; i++) {
        char bound[32] = "+Inf";
        if (i < GW_BUCKETS)
            format_parts(bounds[i], 3, bound);
        sum += histogram->buckets[i];
        begin(page, "_bucket");
        label(page, "app", app->config->name);
        label(page, "le", bound);
        value(page, sum);
    }
    begin(page, "_sum");
    label(page, "app", app->config->name);
    value_parts(page, histogram->sum_ms, 3);
    begin(page, "_count");
    label(page, "app", app->config->name);
    value(page, sum);
}

static void write_first_event(struct page *page)
{
    EACH_APP(page, app)
    write_histogram(page, app, &app->measures->first_event, gw__first_event_bounds);
}

static void write_duration(struct page *page)
{
    EACH_APP(page, app)
    write_histogram(page, app, &app->measures->duration, gw__duration_bounds);
}

static void write_price(struct page *page)
{
    const struct gw_measures *measures = &page->gateway->measures;
    char text[DIFY_DECIMAL_TEXT_BYTES];
    EACH_APP(page, app)
    for (size_t i = 0; i <= GW_CURRENCIES; i++) {
        if (i >= measures->currency_count && i != GW_CURRENCIES)
            continue;
        (void)dify_decimal_format(&app->measures->prices[i], text);
        begin(page, "");
        label(page, "app", app->config->name);
        label(page, "currency", i < GW_CURRENCIES ? measures->currencies[i] : "other");
        value_text(page, text);
    }
}

static void write_ratings(struct page *page)
{
    EACH_APP(page, app)
    for (int is_like = 0; is_like < 2; is_like++) {
        begin(page, "");
        label(page, "app", app->config->name);
        label(page, "rating", is_like ? "like" : "dislike");
        value(page, is_like ? app->measures->likes : app->measures->dislikes);
    }
}

/* ---- by reason and type -------------------------------------------------------------------- */

static void by_reason(struct page *page, const char *name, const uint64_t *numbers)
{
    for (size_t i = 0; i < DIFY_REASONS; i++) {
        if (!gw__fails_streams((enum dify_reason)i))
            continue;
        begin(page, "");
        label(page, name, dify_reason_name((enum dify_reason)i));
        value(page, numbers[i]);
    }
}

static void write_failed_streams(struct page *page)
{
    by_reason(page, "reason", page->gateway->measures.failed_streams);
}

static void write_resumes(struct page *page)
{
    by_reason(page, "cause", page->gateway->measures.resumes);
}

static void write_nodes(struct page *page)
{
    for (size_t i = 0; gw__node_type(i) != NULL; i++) {
        begin(page, "");
        label(page, "node_type", gw__node_type(i));
        value(page, page->gateway->measures.nodes[i]);
    }
}

static void write_node_seconds(struct page *page)
{
    for (size_t i = 0; gw__node_type(i) != NULL; i++) {
        begin(page, "");
        label(page, "node_type", gw__node_type(i));
        value_parts(page, page->gateway->measures.node_us[i], 6);
    }
}

/* ---- clients ------------------------------------------------------------------------------- */

static const char *const classes[GW_STATUS_CLASSES] = {"2xx", "3xx", "4xx", "5xx"};

static void write_route(struct page *page, const char *method, const char *path, unsigned tag)
{
    for (size_t i = 0; i < GW_STATUS_CLASSES; i++) {
        if (i == 1 && tag != GW_TAG_RELAY) /* nothing else here redirects */
            continue;
        begin(page, "");
        label(page, "method", method);
        label(page, "route", path);
        label(page, "status", classes[i]);
        value(page, page->gateway->measures.answers[tag][i]);
    }
}

static void write_answers(struct page *page)
{
    size_t count;
    const struct gw_route *routes = gw_routes(&count);
    write_route(page, "POST", "form", GW_TAG_FORM);
    for (size_t i = 0; i < count; i++)
        write_route(page, routes[i].method == HTTP_POST_ ? "POST" : "GET", routes[i].path,
                    (unsigned)(GW_TAG_ROUTES + i));
    write_route(page, "other", "relay", GW_TAG_RELAY);
    write_route(page, "other", "none", GW_TAG_NONE);
    write_route(page, "other", "malformed", GW_TAG_REFUSED);
}

static void write_relayed(struct page *page)
{
    for (size_t i = 0; i < GW_STATUS_CLASSES; i++) {
        begin(page, "");
        label(page, "status", classes[i]);
        value(page, page->gateway->measures.relayed[i]);
    }
}

static void write_relayed_bytes(struct page *page)
{
    for (int is_up = 0; is_up < 2; is_up++) {
        begin(page, "");
        label(page, "direction", is_up ? "up" : "down");
        value(page, is_up ? page->gateway->measures.relayed_up_bytes
                          : page->gateway->measures.relayed_down_bytes);
    }
}

#define WRITE_ONLY(function, number)                                                               \
    static void function(struct page *page)                                                        \
    {                                                                                              \
        only(page, (number));                                                                      \
    }

WRITE_ONLY(write_followers, page->gateway->hub.followers)
WRITE_ONLY(write_callers, page->gateway->hub.callers - page->gateway->hub.followers)
WRITE_ONLY(write_relays, page->gateway->relays)
WRITE_ONLY(write_connections, page->http.open_connections)
WRITE_ONLY(write_accepted, page->http.connections)
WRITE_ONLY(write_timed_out, page->http.timed_out)
WRITE_ONLY(write_received, page->http.received_bytes)
WRITE_ONLY(write_sent, page->http.sent_bytes)
WRITE_ONLY(write_spool, page->gateway->spool.used_bytes)

/* ---- the store ----------------------------------------------------------------------------- */

/* Without a store these have no samples. */
#define WRITE_STORE(function, number)                                                              \
    static void function(struct page *page)                                                        \
    {                                                                                              \
        if (page->gateway->store != NULL)                                                          \
            only(page, (number));                                                                  \
    }

WRITE_STORE(write_store_failing, page->gateway->was_failing)
WRITE_STORE(write_store_queued_bytes, page->store.queued_bytes)
WRITE_STORE(write_store_queued_writes, page->store.queued_writes)
WRITE_STORE(write_store_written, page->store.written)
WRITE_STORE(write_store_synced, page->store.synced_commits)
WRITE_STORE(write_store_commits, page->store.commits)
WRITE_STORE(write_store_failed, page->store.failed_commits)
WRITE_STORE(write_store_removed, page->store.removed_runs)
WRITE_STORE(write_store_bytes, page->store.database_bytes)

static void write_store_seconds(struct page *page)
{
    if (page->gateway->store == NULL)
        return;
    begin(page, "");
    value_parts(page, page->store.commit_us, 6);
}

/* ---- the process --------------------------------------------------------------------------- */

WRITE_ONLY(write_draining, page->gateway->is_draining)
WRITE_ONLY(write_log_lines, page->log.written)
WRITE_ONLY(write_log_dropped, page->log.dropped)
WRITE_ONLY(write_log_queued, page->log.queued)

static void write_build(struct page *page)
{
    begin(page, "");
    label(page, "version", dify_version());
    value(page, 1);
}

static void write_start(struct page *page)
{
    begin(page, "");
    value_parts(page, page->gateway->measures.start_ms, 3);
}

static void write_cpu(struct page *page)
{
    struct rusage usage;
    if (getrusage(RUSAGE_SELF, &usage) != 0)
        return;
    begin(page, "");
    value_parts(page,
                (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000 +
                    (uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec),
                6);
}

/* ---- the table ----------------------------------------------------------------------------- */

#define COUNTER "counter"
#define GAUGE "gauge"
#define HISTOGRAM "histogram"

static const struct metric metrics[] = {
    {"difystream_runs_total", COUNTER, "Runs that have ended, by how.", write_runs},
    {"difystream_runs_running", GAUGE, "Runs that hold a place at Dify now.", write_running},
    {"difystream_runs_waiting", GAUGE, "Runs that are prepared, or wait for a place, now.",
     write_waiting},
    {"difystream_max_runs", GAUGE, "Places that the app is given.", write_max_runs},
    {"difystream_run_duration_seconds", HISTOGRAM,
     "From a request to its run's end, however it ended.", write_duration},
    {"difystream_first_event_seconds", HISTOGRAM,
     "From the request to Dify to the first event of its stream.", write_first_event},
    {"difystream_streams_opened_total", COUNTER, "Answers of Dify that have begun to stream.",
     write_streams},
    {"difystream_streams_failed_total", COUNTER,
     "Connections for a stream that failed, or broke before the run's end.", write_failed_streams},
    {"difystream_resumes_total", COUNTER,
     "Streams that were opened again, by what had broken the one before.", write_resumes},
    {"difystream_stream_received_bytes_total", COUNTER, "Bytes of streams from Dify.",
     write_stream_bytes},
    {"difystream_events_total", COUNTER, "Events from Dify, pings aside.", write_events},
    {"difystream_events_unknown_total", COUNTER, "Events of a type that is not known here.",
     write_unknown_events},
    {"difystream_events_skipped_total", COUNTER, "Events that could not be read.",
     write_skipped_events},
    {"difystream_event_warnings_total", COUNTER,
     "Events that were skipped, or in which something was.", write_warnings},
    {"difystream_nodes_total", COUNTER, "Executions of nodes that have finished.", write_nodes},
    {"difystream_node_seconds_total", COUNTER, "Time in nodes, as Dify tells it.",
     write_node_seconds},
    {"difystream_tokens_total", COUNTER, "Tokens of runs that have ended.", write_tokens},
    {"difystream_price_total", COUNTER, "Price of runs that have ended, in its currency.",
     write_price},
    {"difystream_ratings_total", COUNTER, "Ratings by users.", write_ratings},
    {"difystream_requests_total", COUNTER, "Answers to requests that have begun.", write_answers},
    {"difystream_relayed_total", COUNTER, "Requests that were relayed to Dify, by their answer.",
     write_relayed},
    {"difystream_relayed_bytes_total", COUNTER,
     "Bytes of their bodies: up to Dify, and down to clients.", write_relayed_bytes},
    {"difystream_relays", GAUGE, "Requests that are relayed now.", write_relays},
    {"difystream_followers", GAUGE, "Clients that follow a run's events now.", write_followers},
    {"difystream_callers_waiting", GAUGE, "Clients that wait for a run's result now.",
     write_callers},
    {"difystream_connections", GAUGE, "Connections of clients now.", write_connections},
    {"difystream_connections_accepted_total", COUNTER, "Connections of clients.", write_accepted},
    {"difystream_connections_timed_out_total", COUNTER,
     "Connections of clients that a clock has closed.", write_timed_out},
    {"difystream_received_bytes_total", COUNTER, "Bytes from clients.", write_received},
    {"difystream_sent_bytes_total", COUNTER, "Bytes to clients.", write_sent},
    {"difystream_spool_bytes", GAUGE, "Files on the disk that are received or sent now.",
     write_spool},
    {"difystream_store_failing", GAUGE, "1 while the store cannot be written.",
     write_store_failing},
    {"difystream_store_queued_bytes", GAUGE, "What waits to be written.", write_store_queued_bytes},
    {"difystream_store_queued_writes", GAUGE, "Writes that wait.", write_store_queued_writes},
    {"difystream_store_writes_total", COUNTER, "Writes that are done.", write_store_written},
    {"difystream_store_commits_total", COUNTER, "Transactions that were committed.",
     write_store_commits},
    {"difystream_store_synced_commits_total", COUNTER,
     "Transactions that were committed and synced to the disk.", write_store_synced},
    {"difystream_store_failed_commits_total", COUNTER, "Transactions that failed.",
     write_store_failed},
    {"difystream_store_commit_seconds_total", COUNTER, "Time that transactions took.",
     write_store_seconds},
    {"difystream_store_removed_runs_total", COUNTER,
     "Runs that were removed for their age or size.", write_store_removed},
    {"difystream_store_database_bytes", GAUGE, "Size of the database.", write_store_bytes},
    {"difystream_log_lines_total", COUNTER, "Lines of the log that were taken.", write_log_lines},
    {"difystream_log_dropped_lines_total", COUNTER, "Lines of the log for which there was no room.",
     write_log_dropped},
    {"difystream_log_queued_lines", GAUGE, "Lines of the log that wait to be written now.",
     write_log_queued},
    {"difystream_draining", GAUGE, "1 while the gateway is being stopped.", write_draining},
    {"difystream_build_info", GAUGE, "The program's version.", write_build},
    {"process_start_time_seconds", GAUGE, "When the process began, in Unix time.", write_start},
    {"process_cpu_seconds_total", COUNTER, "Time of the processor, of user and system.", write_cpu},
};

enum dify_err gw_metrics_write(struct gateway *gateway, struct dify__buffer *out)
{
    static char name[] = "(guests)";
    static const struct gw_app_config guests = {.name = name};
    struct page page = {.gateway = gateway,
                        .out = out,
                        .guests = {.config = &guests, .measures = &gateway->guest_measures}};
    if (gateway->config->guests != NULL)
        gw_apps_count_guests(gateway, &page.guests.running, &page.guests.waiting);
    if (gateway->server != NULL)
        page.http = http_server_stats(gateway->server);
    if (gateway->store != NULL)
        store_figures(gateway->store, &page.store);
    gw_log_figures(gateway, &page.log);
    for (size_t i = 0; i < sizeof metrics / sizeof metrics[0]; i++) {
        page.metric = &metrics[i];
        put_text(&page, "# HELP ");
        put_text(&page, metrics[i].name);
        put_text(&page, " ");
        put_text(&page, metrics[i].help);
        put_text(&page, "\n# TYPE ");
        put_text(&page, metrics[i].name);
        put_text(&page, " ");
        put_text(&page, metrics[i].type);
        put_text(&page, "\n");
        metrics[i].write(&page);
    }
    return page.err;
}

void gw_serve_metrics(const struct gw_request *request)
{
    const struct http_field fields[] = {
        {DIFY_SLICE("Content-Type"), DIFY_SLICE("text/plain; version=0.0.4; charset=utf-8")},
        {DIFY_SLICE("Cache-Control"), DIFY_SLICE("no-store")}};
    struct dify__buffer text = {.allocator = request->gateway->allocator, .max = GW_METRICS_BYTES};
    if (gw_metrics_write(request->gateway, &text) == DIFY_OK)
        http_respond(request->exchange, 200, fields, 2, dify__buffer_slice(&text));
    else
        gw_reply_error(request->exchange, 503, "out_of_memory", "the metrics are too long", NULL);
    dify__buffer_fini(&text);
}
