/* SPDX-License-Identifier: Apache-2.0
 *
 * stats.c: GET /api/stats: totals of the runs that were created in a span of time, and how many
 * run and wait now.
 *
 *   app, since, until  as for the list; without a span all runs that are kept
 *   buckets            1 to GW_STATS_BUCKETS: totals of so many equal parts of the span as well,
 *                      for a plot over time; without `since` of the 24 hours before `until`
 *
 *   {"since", "until": Unix seconds or null, "app": text or null,
 *    "runs", "open", "succeeded", "failed", "total_tokens", "total_price": {CURRENCY: number},
 *    "median_seconds", "p95_seconds": number or null, "likes", "dislikes",
 *    "live", "queued",
 *    "apps": [{"app", "max_runs", "live", "queued"} …],
 *    "buckets": [{"since", "until", "runs", "succeeded", "failed", "total_tokens",
 *                 "median_seconds", "p95_seconds", "likes", "dislikes"} …]}    (where asked for)
 */
#include "core/slices.h"
#include "difystream/decimal.h"
#include "gateway/filter.h"
#include "gateway/hub.h"
#include "gateway/later.h"
#include "gateway/out.h"
#include "gateway/reply.h"
#include "gateway/routes.h"

#include <stdlib.h>

enum { BUCKETS = GW_FILTER_SHARED, PARAMS };

struct stats {
    struct gw_later later; /* the first member */
    struct gw_read read;
    struct gw_access access;
    struct gw_param params[PARAMS];
    struct gw_query query;
    struct store_filter filter;
    uint64_t now_ms, bucket_count;
    struct store_totals totals, buckets[GW_STATS_BUCKETS];
    struct dify__buffer text, prices; /* prices: the members of an object */
    struct dify__writer writer, price_writer;
    enum dify_err err;
};

static struct stats *stats_of(struct gw_read *read)
{
    return (struct stats *)(void *)((char *)read - offsetof(struct stats, read));
}

/* The part of the span that a bucket is. */
static struct store_filter bucket_of(const struct stats *stats, uint64_t index)
{
    struct store_filter part = stats->filter;
    uint64_t until_ms = part.until_ms != 0 ? part.until_ms : stats->now_ms;
    uint64_t span_ms = until_ms > part.since_ms ? until_ms - part.since_ms : 0;
    uint64_t begin_ms = part.since_ms;
    part.since_ms = begin_ms + span_ms * index / stats->bucket_count;
    part.until_ms = begin_ms + span_ms * (index + 1) / stats->bucket_count;
    return part;
}

/* ---- totals -------------------------------------------------------------------------------- */

static void on_price(void *ctx, struct dify_slice currency, struct dify_slice sum)
{
    struct dify__writer *writer = ctx;
    dify__write_key_text(writer, currency.ptr != NULL ? currency : DIFY_SLICE(""));
    dify__write_number(writer, sum);
}

static void on_work(struct gw_read *read, struct store_reader *reader)
{
    struct stats *stats = stats_of(read);
    stats->err = store_sum(reader, &stats->filter, &stats->totals, on_price, &stats->price_writer);
    for (uint64_t i = 0; i < stats->bucket_count && stats->err == DIFY_OK; i++) {
        struct store_filter part = bucket_of(stats, i);
        if (part.since_ms < part.until_ms)
            stats->err = store_sum(reader, &part, &stats->buckets[i], NULL, NULL);
    }
}

/* ---- totals without a store ---------------------------------------------------------------- */

struct sum {
    struct store_totals totals;
    uint64_t took_ms[GW_ENDED_RUNS];
    size_t took_count;
    struct dify_decimal price;
    struct dify_slice currency; /* of all, as far as it is one; else that of the latest */
    bool has_price;
};

static bool add_row(void *ctx, const struct store_row *row)
{
    struct sum *sum = ctx;
    struct dify_decimal price;
    sum->totals.runs++;
    sum->totals.likes += dify__slice_is(row->rating, "like");
    sum->totals.dislikes += dify__slice_is(row->rating, "dislike");
    if (row->state != STORE_ENDED) {
        sum->totals.open++;
        return true;
    }
    sum->totals.succeeded += row->success;
    sum->totals.failed += !row->success;
    sum->totals.tokens += row->tokens;
    if (sum->took_count < GW_ENDED_RUNS)
        sum->took_ms[sum->took_count++] =
            row->ended_ms > row->created_ms ? row->ended_ms - row->created_ms : 0;
    if (dify_decimal_parse(row->price, &price) != DIFY_OK)
        return true;
    if (sum->has_price && !dify__slice_equals(sum->currency, row->currency))
        return true; /* the newest run's currency alone is added up here */
    sum->has_price = true;
    sum->currency = row->currency;
    dify_decimal_add(&sum->price, &price);
    return true;
}

static int compare(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
    return (a > b) - (a < b);
}

static void sum_up(struct gateway *gateway, const struct store_filter *filter,
                   struct store_totals *totals, struct dify__writer *prices)
{
    struct sum *sum = calloc(1, sizeof *sum);
    char text[DIFY_DECIMAL_TEXT_BYTES];
    if (sum == NULL)
        return;
    gw_filter_list(gateway, filter, add_row, sum);
    qsort(sum->took_ms, sum->took_count, sizeof *sum->took_ms, compare);
    if (sum->took_count > 0) {
        sum->totals.median_ms = sum->took_ms[(sum->took_count + 1) / 2 - 1];
        sum->totals.p95_ms = sum->took_ms[(sum->took_count * 95 + 99) / 100 - 1];
    }
    *totals = sum->totals;
    if (prices != NULL && sum->has_price) {
        size_t len = dify_decimal_format(&sum->price, text);
        on_price(prices, sum->currency, (struct dify_slice){text, len});
    }
    free(sum);
}

static void sum_up_all(struct stats *stats)
{
    struct gateway *gateway = stats->later.gateway;
    sum_up(gateway, &stats->filter, &stats->totals, &stats->price_writer);
    for (uint64_t i = 0; i < stats->bucket_count; i++) {
        struct store_filter part = bucket_of(stats, i);
        if (part.since_ms < part.until_ms)
            sum_up(gateway, &part, &stats->buckets[i], NULL);
    }
}

/* ---- the answer ---------------------------------------------------------------------------- */

static void put_time(struct dify__writer *writer, const char *key, uint64_t ms)
{
    if (ms != 0)
        gw_out_seconds(writer, key, ms);
    else
        dify__key_null(writer, key);
}

/* Of a bucket without what is the same for all time. */
static void put_totals(struct dify__writer *writer, const struct store_totals *totals)
{
    bool has_ended = totals->succeeded + totals->failed > 0;
    dify__key_uint(writer, "runs", totals->runs);
    dify__key_uint(writer, "open", totals->open);
    dify__key_uint(writer, "succeeded", totals->succeeded);
    dify__key_uint(writer, "failed", totals->failed);
    dify__key_uint(writer, "total_tokens", totals->tokens);
    if (has_ended) {
        gw_out_seconds(writer, "median_seconds", totals->median_ms);
        gw_out_seconds(writer, "p95_seconds", totals->p95_ms);
    } else {
        dify__key_null(writer, "median_seconds");
        dify__key_null(writer, "p95_seconds");
    }
    dify__key_uint(writer, "likes", totals->likes);
    dify__key_uint(writer, "dislikes", totals->dislikes);
}

static bool is_asked_for(const struct stats *stats, const struct gw_app *app)
{
    struct dify_slice name = dify__slice(app->config->name);
    return gw_access_sees(&stats->access, name) &&
           (stats->filter.app.ptr == NULL || dify__slice_equals(stats->filter.app, name));
}

static void put_apps(struct stats *stats)
{
    struct dify__writer *writer = &stats->writer;
    struct gateway *gateway = stats->later.gateway;
    uint64_t live = 0, queued = 0;
    dify__write_key(writer, "apps");
    dify__write_open(writer, '[');
    for (size_t i = 0; i < gateway->config->app_count; i++) {
        const struct gw_app *app = &gateway->apps[i];
        if (!is_asked_for(stats, app))
            continue;
        live += app->running;
        queued += app->waiting;
        dify__write_element(writer);
        dify__write_open(writer, '{');
        dify__key_string(writer, "app", dify__slice(app->config->name));
        dify__key_uint(writer, "max_runs", app->config->max_runs);
        dify__key_uint(writer, "live", app->running);
        dify__key_uint(writer, "queued", app->waiting);
        dify__write_close(writer, '}');
    }
    dify__write_close(writer, ']');
    dify__key_uint(writer, "live", live);
    dify__key_uint(writer, "queued", queued);
}

static void put_buckets(struct stats *stats)
{
    struct dify__writer *writer = &stats->writer;
    dify__write_key(writer, "buckets");
    dify__write_open(writer, '[');
    for (uint64_t i = 0; i < stats->bucket_count; i++) {
        struct store_filter part = bucket_of(stats, i);
        dify__write_element(writer);
        dify__write_open(writer, '{');
        gw_out_seconds(writer, "since", part.since_ms);
        gw_out_seconds(writer, "until", part.until_ms);
        put_totals(writer, &stats->buckets[i]);
        dify__write_close(writer, '}');
    }
    dify__write_close(writer, ']');
}

static void answer(struct stats *stats)
{
    struct dify__writer *writer = &stats->writer;
    if (stats->later.exchange == NULL)
        return;
    dify__write_close(&stats->price_writer, '}');
    if (stats->err != DIFY_OK) {
        gw_reply_error(stats->later.exchange, 503, "store_unavailable",
                       "the store cannot be read at the moment", NULL);
        return;
    }
    if (!gw_out_end(&stats->price_writer, &stats->prices)) {
        gw_out_of_memory(stats->later.exchange);
        return;
    }
    gw_out_begin(writer, &stats->text);
    dify__write_open(writer, '{');
    put_time(writer, "since", stats->filter.since_ms);
    put_time(writer, "until", stats->filter.until_ms);
    dify__key_string(writer, "app", stats->filter.app);
    put_totals(writer, &stats->totals);
    dify__write_key(writer, "total_price");
    dify__write_json(writer, dify__buffer_slice(&stats->prices));
    put_apps(stats);
    if (stats->bucket_count > 0)
        put_buckets(stats);
    dify__write_close(writer, '}');
    gw_out_reply(writer, &stats->text, stats->later.exchange, 200);
}

static void on_done(struct gw_read *read)
{
    struct stats *stats = stats_of(read);
    answer(stats);
    gw_later_end(&stats->later);
}

static void drop(struct gw_later *later)
{
    struct stats *stats = (struct stats *)(void *)later;
    gw_query_fini(&stats->query);
    dify__buffer_fini(&stats->text);
    dify__buffer_fini(&stats->prices);
    free(stats);
}

/* ---- the request --------------------------------------------------------------------------- */

static uint64_t day_before(const struct stats *stats)
{
    const uint64_t day_ms = UINT64_C(86400000);
    uint64_t until_ms = stats->filter.until_ms != 0 ? stats->filter.until_ms : stats->now_ms;
    return until_ms > day_ms ? until_ms - day_ms : 0;
}

static struct stats *stats_new(const struct gw_request *request)
{
    struct stats *stats = calloc(1, sizeof *stats);
    if (stats == NULL) {
        gw_out_of_memory(request->exchange);
        return NULL;
    }
    stats->access = request->access;
    stats->params[GW_FILTER_APP].name = "app";
    stats->params[GW_FILTER_SINCE].name = "since";
    stats->params[GW_FILTER_UNTIL].name = "until";
    stats->params[BUCKETS].name = "buckets";
    stats->query.params = stats->params;
    stats->query.count = PARAMS;
    stats->filter.limit = UINT32_MAX;
    stats->now_ms = gw_now_ms();
    stats->text = stats->prices =
        (struct dify__buffer){.allocator = dify__allocator(NULL), .max = SIZE_MAX / 2};
    if (!gw_query_read(&stats->query, request->exchange)) {
        free(stats);
        return NULL;
    }
    gw_filter_read(&stats->query, &stats->access, &stats->filter);
    gw_query_number(&stats->query, &stats->params[BUCKETS], 1, GW_STATS_BUCKETS,
                    &stats->bucket_count);
    if (stats->bucket_count > 0 && stats->params[GW_FILTER_SINCE].value.ptr == NULL)
        stats->filter.since_ms = day_before(stats);
    return stats;
}

void gw_serve_stats(const struct gw_request *request)
{
    struct gateway *gateway = request->gateway;
    struct stats *stats = stats_new(request);
    if (stats == NULL)
        return;
    gw_later_begin(&stats->later, gateway, request->exchange, drop);
    if (gw_query_refuse(&stats->query, request->exchange)) {
        gw_later_end(&stats->later);
        return;
    }
    gw_out_begin(&stats->price_writer, &stats->prices);
    dify__write_open(&stats->price_writer, '{');
    stats->read = (struct gw_read){.work = on_work, .done = on_done};
    if (gateway->store == NULL) {
        sum_up_all(stats);
        on_done(&stats->read);
    } else if (!gw_read_start(&gateway->reads, &stats->read)) {
        gw_reply_error(request->exchange, 503, "busy", "the gateway is too busy to read its store",
                       NULL);
        gw_later_end(&stats->later);
    }
}
