/* SPDX-License-Identifier: Apache-2.0
 *
 * metrics.c: the counting; see metrics.h.
 */
#include "gateway/metrics.h"

#include "core/slices.h"

#include <string.h>

const uint32_t gw__first_event_bounds[GW_BUCKETS] = {
    50, 100, 250, 500, 1000, 2500, 5000, 10000, 20000, 30000, 60000, 120000, 180000, 300000};
const uint32_t gw__duration_bounds[GW_BUCKETS] = {500,    1000,   2500,    5000,   10000,
                                                  20000,  30000,  60000,   90000,  120000,
                                                  300000, 600000, 1800000, 3600000};

void gw_metrics_init(struct gateway *gateway)
{
    gateway->measures.start_ms = gw_now_ms();
}

static void observe(struct gw_histogram *histogram, const uint32_t bounds[GW_BUCKETS], uint64_t ms)
{
    size_t i = 0;
    while (i < GW_BUCKETS && ms > bounds[i])
        i++;
    histogram->buckets[i]++;
    histogram->sum_ms += ms;
}

/* ---- tables -------------------------------------------------------------------------------- */

const char *gw_outcome_name(enum dify_outcome outcome)
{
    static const char *const names[GW_OUTCOMES] = {
        [DIFY_OUTCOME_SUCCEEDED] = "succeeded",
        [DIFY_OUTCOME_FAILED] = "failed",
        [DIFY_OUTCOME_ERROR_EVENT] = "error_event",
        [DIFY_OUTCOME_STOPPED] = "stopped",
        [DIFY_OUTCOME_STOPPED_AS_FAILED] = "stopped_as_failed",
        [DIFY_OUTCOME_PAUSED] = "paused",
        [DIFY_OUTCOME_OTHER_STATUS] = "other",
        [DIFY_OUTCOME_STREAM_INCOMPLETE] = "stream_incomplete",
        [DIFY_OUTCOME_RUN_LOST] = "run_lost",
        [DIFY_OUTCOME_CONNECTION_RESET] = "connection_reset",
        [DIFY_OUTCOME_CONNECT_TIMEOUT] = "connect_timeout",
        [DIFY_OUTCOME_CONNECT_FAILED] = "connect_failed",
        [DIFY_OUTCOME_READ_TIMEOUT] = "read_timeout",
        [DIFY_OUTCOME_RUN_TIMEOUT] = "run_timeout",
        [DIFY_OUTCOME_REFUSED] = "refused",
        [DIFY_OUTCOME_HTTP_ERROR] = "http_error",
        [DIFY_OUTCOME_INVALID_RESPONSE] = "invalid_response",
        [DIFY_OUTCOME_INVALID_PARAM] = "invalid_param",
        [DIFY_OUTCOME_UPLOAD_FAILED] = "upload_failed",
        [DIFY_OUTCOME_CANCELLED] = "cancelled",
        [DIFY_OUTCOME_TOO_MANY_RUNS] = "too_many_runs",
        [DIFY_OUTCOME_UNAVAILABLE] = "unavailable",
    };
    return (unsigned)outcome < GW_OUTCOMES ? names[outcome] : "other";
}

/* Dify's types of nodes; what is none of them is the last. */
static const char *const node_types[] = {"start",
                                         "end",
                                         "answer",
                                         "llm",
                                         "knowledge-retrieval",
                                         "knowledge-index",
                                         "if-else",
                                         "code",
                                         "template-transform",
                                         "question-classifier",
                                         "http-request",
                                         "tool",
                                         "variable-aggregator",
                                         "variable-assigner",
                                         "assigner",
                                         "loop",
                                         "loop-start",
                                         "loop-end",
                                         "iteration",
                                         "iteration-start",
                                         "parameter-extractor",
                                         "document-extractor",
                                         "list-operator",
                                         "agent",
                                         "human-input",
                                         "datasource",
                                         "trigger-webhook",
                                         "trigger-schedule",
                                         "trigger-plugin",
                                         "other"};
#define NODE_TYPES (sizeof(node_types) / sizeof(node_types[0]))
_Static_assert(NODE_TYPES <= GW_NODE_TYPES, "each type has its row");

const char *gw__node_type(size_t row)
{
    return row < NODE_TYPES ? node_types[row] : NULL;
}

bool gw__fails_streams(enum dify_reason reason)
{
    switch (reason) {
    case DIFY_REASON_NOT_SENT:
    case DIFY_REASON_BUSY:
    case DIFY_REASON_RESET:
    case DIFY_REASON_CLOSED:
    case DIFY_REASON_NO_END:
    case DIFY_REASON_INVENTED_END:
    case DIFY_REASON_BAD_STREAM:
    case DIFY_REASON_REPLY_LOST:
    case DIFY_REASON_GATEWAY_ERROR:
    case DIFY_REASON_NO_CONNECTION:
    case DIFY_REASON_NO_ROUTE:
    case DIFY_REASON_NOT_FOUND:
    case DIFY_REASON_TOO_OFTEN:
    case DIFY_REASON_REFUSED:
    case DIFY_REASON_READ_TIMEOUT:
    case DIFY_REASON_RUN_TIMEOUT:
        return true;
    default:
        return false;
    }
}

/* ---- runs ---------------------------------------------------------------------------------- */

void gw_metrics_born(struct gw_run *run)
{
    run->measures.born_ms = uv_now(run->gateway->loop);
}

/* Of a run of another process by the wall clock, which may have been set meanwhile. */
uint64_t gw_metrics_age_ms(const struct gw_run *run)
{
    uint64_t now_ms = gw_now_ms();
    if (run->measures.born_ms != 0)
        return uv_now(run->gateway->loop) - run->measures.born_ms;
    return now_ms > run->created_ms ? now_ms - run->created_ms : 0;
}

void gw_metrics_sending(struct gw_run *run)
{
    run->measures.sent_ms = uv_now(run->gateway->loop);
}

void gw_metrics_event(struct gw_run *run, const struct dify_event *event)
{
    struct gw_app_measures *measures = run->app->measures;
    measures->events++;
    measures->unknown_events += event->type == DIFY_EVENT_UNKNOWN;
    if (run->measures.sent_ms == 0)
        return;
    observe(&measures->first_event, gw__first_event_bounds,
            uv_now(run->gateway->loop) - run->measures.sent_ms);
    run->measures.sent_ms = 0;
}

/* Millionths of a plain decimal number of seconds; 0 for one that is negative. What lies beyond a
 * thousand years is none of a node. */
static uint64_t microseconds(struct dify_slice text)
{
    const uint64_t most = (uint64_t)1000 * 366 * 86400 * 1000000;
    uint64_t value = 0;
    size_t at = 0, digits = 0;
    for (; at < text.len && text.ptr[at] >= '0' && text.ptr[at] <= '9'; at++) {
        value = value * 10 + (uint64_t)(text.ptr[at] - '0');
        if (value > most / 1000000)
            return 0;
    }
    bool has_point = at < text.len && text.ptr[at] == '.';
    for (at++; digits < 6; digits++, at++) {
        bool is_digit = has_point && at < text.len && text.ptr[at] >= '0' && text.ptr[at] <= '9';
        has_point = is_digit;
        value = value * 10 + (is_digit ? (uint64_t)(text.ptr[at] - '0') : 0);
    }
    return value;
}

void gw_metrics_node(struct gw_run *run, const struct dify_node *node, enum dify_node_change change)
{
    struct gw_measures *measures = &run->gateway->measures;
    size_t row = 0;
    if (change != DIFY_NODE_FINISHED)
        return;
    while (row < NODE_TYPES - 1 && !dify__slice_is(node->node_type, node_types[row]))
        row++;
    measures->nodes[row]++;
    measures->node_us[row] += microseconds(node->elapsed_time);
}

/* Those that were skipped since it was looked last. */
static void count_skipped(struct gw_run *run, const struct dify_result *result)
{
    if (result->skipped_events > run->measures.skipped_events) {
        run->app->measures->skipped_events += result->skipped_events - run->measures.skipped_events;
        run->measures.skipped_events = result->skipped_events;
    }
}

void gw_metrics_warning(struct gw_run *run)
{
    struct dify_result result;
    run->app->measures->warnings++;
    run->measures.warnings += run->measures.warnings < UINT32_MAX;
    dify_run_result(dify_follow_run(run->follow), &result);
    count_skipped(run, &result);
}

/* ---- streams ------------------------------------------------------------------------------- */

static bool has_connection(enum dify_follow_state state)
{
    return state == DIFY_FOLLOW_SUBMITTING || state == DIFY_FOLLOW_STREAMING ||
           state == DIFY_FOLLOW_SUSPECT || state == DIFY_FOLLOW_RESUMING;
}

void gw_metrics_change(struct gw_run *run, const struct dify_follow_change *change)
{
    bool loses = has_connection(change->from) && !has_connection(change->to);
    if (!loses || !gw__fails_streams(change->reason))
        return;
    run->gateway->measures.failed_streams[change->reason]++;
    /* of several failures in a row the first is the cause of the resume that succeeds */
    if (run->measures.broken_by == DIFY_REASON_NONE && change->to != DIFY_FOLLOW_ENDED &&
        change->to != DIFY_FOLLOW_WAITING)
        run->measures.broken_by = change->reason;
}

void gw_metrics_stream(struct gw_run *run)
{
    run->app->measures->streams++;
    if (run->measures.broken_by != DIFY_REASON_NONE)
        run->gateway->measures.resumes[run->measures.broken_by]++;
    run->measures.broken_by = DIFY_REASON_NONE;
}

void gw_metrics_bytes(struct gw_run *run, size_t len)
{
    run->app->measures->stream_bytes += len;
}

/* ---- ends ---------------------------------------------------------------------------------- */

/* The row of a currency; GW_CURRENCIES: of all others. */
static size_t currency_row(struct gw_measures *measures, struct dify_slice name)
{
    if (name.len == 0 || name.len >= GW_CURRENCY_BYTES)
        return GW_CURRENCIES;
    for (size_t i = 0; i < name.len; i++) /* codes of currencies are letters */
        if ((name.ptr[i] | 0x20) < 'a' || (name.ptr[i] | 0x20) > 'z')
            return GW_CURRENCIES;
    for (size_t i = 0; i < measures->currency_count; i++)
        if (dify__slice_is(name, measures->currencies[i]))
            return i;
    if (measures->currency_count == GW_CURRENCIES)
        return GW_CURRENCIES;
    memcpy(measures->currencies[measures->currency_count], name.ptr, name.len);
    return measures->currency_count++;
}

static void count_cost(struct gw_run *run, const struct dify_result *result)
{
    struct gw_app_measures *measures = run->app->measures;
    struct dify_decimal price;
    measures->tokens += result->total_tokens;
    struct dify_slice text = dify__slice(result->total_price);
    if (dify__slice_is(text, "0") || dify_decimal_parse(text, &price) != DIFY_OK || price.negative)
        return; /* a counter never falls */
    dify_decimal_add(&measures->prices[currency_row(&run->gateway->measures, result->currency)],
                     &price);
}

void gw_metrics_end(struct gw_run *run, const struct dify_result *result)
{
    struct gw_app_measures *measures = run->app->measures;
    measures->outcomes[(unsigned)result->outcome < GW_OUTCOMES ? result->outcome
                                                               : DIFY_OUTCOME_OTHER_STATUS]++;
    observe(&measures->duration, gw__duration_bounds, gw_metrics_age_ms(run));
    count_skipped(run, result);
    if (result->outcome != DIFY_OUTCOME_PAUSED) /* of a run that goes on it is told at its end */
        count_cost(run, result);
}

void gw_metrics_rating(struct gw_app *app, bool is_like)
{
    app->measures->likes += is_like;
    app->measures->dislikes += !is_like;
}

/* ---- answers ------------------------------------------------------------------------------- */

void gw_metrics_relayed(struct gateway *gateway, int status, uint64_t up_bytes, uint64_t down_bytes)
{
    int of_status = status / 100 - 2;
    if (of_status >= 0 && of_status < GW_STATUS_CLASSES)
        gateway->measures.relayed[of_status]++;
    gateway->measures.relayed_up_bytes += up_bytes;
    gateway->measures.relayed_down_bytes += down_bytes;
}

void gw_metrics_answer(struct gateway *gateway, unsigned tag, int status)
{
    int of_status = status / 100 - 2;
    if (tag < GW_ROUTE_TAGS && of_status >= 0 && of_status < GW_STATUS_CLASSES)
        gateway->measures.answers[tag][of_status]++;
}
