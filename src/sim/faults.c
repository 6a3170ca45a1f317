/* SPDX-License-Identifier: Apache-2.0
 *
 * faults.c: the one table of faults, and reading them.
 */
#include "sim/faults.h"

#include "core/json_text.h"
#include "core/message.h"
#include "core/slices.h"

enum value { NO_VALUE, MAY_HAVE_VALUE, NEEDS_VALUE };

#define RUN (1U << SIM_PLACE_RUN)
#define EVENTS (1U << SIM_PLACE_EVENTS)
#define DETAIL (1U << SIM_PLACE_DETAIL)
#define STREAMS (RUN | EVENTS)
#define ANY ((1U << SIM_PLACES) - 1)

/* What `on` says, by place; NULL: it cannot be named. */
static const char *const place_names[SIM_PLACES] = {
    [SIM_PLACE_RUN] = "run",          [SIM_PLACE_EVENTS] = "events",
    [SIM_PLACE_DETAIL] = "detail",    [SIM_PLACE_LOGS] = "logs",
    [SIM_PLACE_UPLOAD] = "upload",    [SIM_PLACE_PARAMETERS] = "parameters",
    [SIM_PLACE_INFO] = "info",        [SIM_PLACE_META] = "meta",
    [SIM_PLACE_SITE] = "site",        [SIM_PLACE_STOP] = "stop",
    [SIM_PLACE_FORM] = "form",        [SIM_PLACE_FEEDBACK] = "feedback",
    [SIM_PLACE_MESSAGES] = "messages"};

static const struct kind {
    const char *name;
    enum value value;
    unsigned places; /* that it meets by itself */
    unsigned may;    /* and those that it can be sent to by `on` */
    const char *help;
} kinds[SIM_FAULT_KINDS] = {
    [SIM_FAULT_RESET_AFTER_EVENTS] = {"reset-after-events", NEEDS_VALUE, STREAMS, STREAMS,
                                      "TCP reset after N events of a stream"},
    [SIM_FAULT_RESET_AFTER_BYTES] = {"reset-after-bytes", NEEDS_VALUE, STREAMS, STREAMS,
                                     "TCP reset after N bytes of a stream"},
    [SIM_FAULT_CLOSE_AFTER_EVENTS] = {"close-after-events", NEEDS_VALUE, STREAMS, STREAMS,
                                      "close without the last chunk after N events"},
    [SIM_FAULT_END_AFTER_EVENTS] = {"end-after-events", NEEDS_VALUE, STREAMS, STREAMS,
                                    "clean end after N events, without a terminal event"},
    [SIM_FAULT_STALL_AFTER_EVENTS] = {"stall-after-events", NEEDS_VALUE, STREAMS, STREAMS,
                                      "send nothing more after N events, keep the connection"},
    [SIM_FAULT_CUT_IN_CHARACTER] = {"cut-in-character", MAY_HAVE_VALUE, STREAMS, STREAMS,
                                    "close inside the first character of several bytes that "
                                    "follows N events (0)"},
    [SIM_FAULT_BYTE_BY_BYTE] = {"byte-by-byte", NO_VALUE, STREAMS, STREAMS,
                                "send each byte as a chunk of its own"},
    [SIM_FAULT_BAD_JSON] = {"bad-json", MAY_HAVE_VALUE, STREAMS, STREAMS,
                            "break the JSON of the event that follows N events (1)"},
    [SIM_FAULT_BIG_EVENT] = {"big-event", NEEDS_VALUE, STREAMS, STREAMS,
                             "send an event of N bytes after the first one"},
    [SIM_FAULT_LOST_FINISH] = {"lost-finish", NO_VALUE, STREAMS, STREAMS,
                               "do not send the terminal event; the stream falls silent"},
    [SIM_FAULT_ERROR_THEN_PINGS] = {"error-then-pings", MAY_HAVE_VALUE, STREAMS, STREAMS,
                                    "an error event after N events (1), then only pings"},
    [SIM_FAULT_RESET_ANYWHERE] = {"reset-anywhere", NEEDS_VALUE, STREAMS, STREAMS,
                                  "TCP reset after 0 to N events of a stream, as the seed has it"},
    [SIM_FAULT_CLOSE_ANYWHERE] = {"close-anywhere", NEEDS_VALUE, STREAMS, STREAMS,
                                  "close without the last chunk after 0 to N events"},
    [SIM_FAULT_PINGS_ONLY] = {"pings-only", NO_VALUE, STREAMS, STREAMS,
                              "send pings and no event; the run goes on"},
    [SIM_FAULT_RESET_BEFORE_RUN] = {"reset-before-run", NO_VALUE, RUN, ANY,
                                    "TCP reset instead of an answer; no run is started"},
    [SIM_FAULT_RESET_AFTER_START] = {"reset-after-start", NO_VALUE, RUN, RUN,
                                     "TCP reset before a byte of the answer; the run goes on"},
    [SIM_FAULT_PROXY_502] = {"proxy-502", NO_VALUE, RUN, ANY,
                             "a proxy's page 502 Bad Gateway; the run goes on"},
    [SIM_FAULT_PROXY_503] = {"proxy-503", NO_VALUE, RUN, ANY,
                             "a proxy's page 503 Service Temporarily Unavailable; the run goes on"},
    [SIM_FAULT_BUSY] = {"busy", NO_VALUE, RUN, RUN,
                        "Dify's 400 \"Too many requests\"; no run is started"},
    [SIM_FAULT_PROXY_504] = {"proxy-504", NO_VALUE, RUN, ANY,
                             "a proxy's page 504 Gateway Time-out; the run goes on"},
    [SIM_FAULT_TOO_MANY_REQUESTS] = {"429", MAY_HAVE_VALUE, RUN, ANY,
                                     "refuse with 429, and Retry-After: N; no run is started"},
    [SIM_FAULT_UNAUTHORIZED] = {"401", NO_VALUE, ANY, ANY, "refuse with 401 unauthorized"},
    [SIM_FAULT_DEAD_WORKER] = {"dead-worker", MAY_HAVE_VALUE, RUN, RUN,
                               "the worker dies after N events (1): silence, running for ever"},
    [SIM_FAULT_QUEUED] = {"queued", NEEDS_VALUE, RUN, RUN, "the run waits N seconds for a worker"},
    [SIM_FAULT_SLOW_DETAIL] = {"slow-detail", NEEDS_VALUE, DETAIL, DETAIL,
                               "the run detail answers after N seconds"},
    [SIM_FAULT_LOST_IN_WINDOW] = {"lost-in-window", NEEDS_VALUE, EVENTS, EVENTS,
                                  "the N events that follow a snapshot are lost to its reader"},
    [SIM_FAULT_RESET] = {"reset", NO_VALUE, ANY, ANY,
                         "TCP reset before a byte of the answer; the request is carried out"},
    [SIM_FAULT_INTERNAL] = {"500", NO_VALUE, ANY, ANY,
                            "Dify's 500 Internal Server Error; nothing is carried out"},
    [SIM_FAULT_SLOW] = {"slow", NEEDS_VALUE, ANY, ANY, "the request is looked at after N seconds"},
    [SIM_FAULT_NO_EVENTS_ROUTE] = {"no-events-route", NO_VALUE, EVENTS, EVENTS,
                                   "GET /workflow/{id}/events is 404, as before release 1.14"},
    [SIM_FAULT_RESET_KEPT_ALIVE] = {"reset-kept-alive", NO_VALUE, ANY, ANY,
                                    "the connection looks kept alive; the next request resets it"},
    [SIM_FAULT_CLOCK_SKEW] = {"clock-skew", NEEDS_VALUE, 0, 0,
                              "the server's clock is N seconds ahead (behind: -N), for all "
                              "requests"},
};

const char *sim_fault_name(enum sim_fault_kind kind)
{
    return kinds[kind].name;
}

const char *sim_fault_help(enum sim_fault_kind kind)
{
    return kinds[kind].help;
}

bool sim_fault_refuses(enum sim_fault_kind kind)
{
    return kind == SIM_FAULT_RESET_BEFORE_RUN || kind == SIM_FAULT_TOO_MANY_REQUESTS ||
           kind == SIM_FAULT_UNAUTHORIZED || kind == SIM_FAULT_BUSY || kind == SIM_FAULT_INTERNAL;
}

int sim_fault_proxy_status(enum sim_fault_kind kind)
{
    return kind == SIM_FAULT_PROXY_502   ? 502
           : kind == SIM_FAULT_PROXY_503 ? 503
           : kind == SIM_FAULT_PROXY_504 ? 504
                                         : 0;
}

bool sim_fault_meets(const struct sim_fault *fault, enum sim_fault_place place)
{
    return fault->has_place ? fault->place == place
                            : (kinds[fault->kind].places >> place & 1U) != 0;
}

/* Cuts `text` before the first `separator`; the rest is absent without one. */
static struct dify_slice split(struct dify_slice *text, char separator)
{
    struct dify_slice first = *text;
    const char *at = text->len > 0 ? memchr(text->ptr, separator, text->len) : NULL;
    if (at == NULL) {
        *text = (struct dify_slice){NULL, 0};
        return first;
    }
    first.len = (size_t)(at - first.ptr);
    text->len -= first.len + 1;
    text->ptr = at + 1;
    return first;
}

static bool parse_int(struct dify_slice text, int64_t *value)
{
    uint64_t size;
    bool is_negative = text.len > 0 && text.ptr[0] == '-';
    if (is_negative)
        text = (struct dify_slice){text.ptr + 1, text.len - 1};
    if (!dify__parse_uint(text, &size) || size > INT64_MAX)
        return false;
    *value = is_negative ? -(int64_t)size : (int64_t)size;
    return true;
}

/* "0.25", "1", ".5" */
static bool parse_probability(struct dify_slice text, double *value)
{
    struct dify_slice whole = split(&text, '.');
    uint64_t number = 0, fraction = 0;
    double scale = 1;
    if (whole.len > 0 && !dify__parse_uint(whole, &number))
        return false;
    if (text.ptr != NULL && (text.len > 9 || !dify__parse_uint(text, &fraction)))
        return false;
    if (whole.len == 0 && text.ptr == NULL)
        return false;
    for (size_t i = 0; i < text.len; i++)
        scale *= 10;
    *value = (double)number + (double)fraction / scale;
    return *value <= 1;
}

static enum sim_fault_kind find_kind(struct dify_slice name)
{
    for (int kind = SIM_FAULT_NONE + 1; kind < SIM_FAULT_KINDS; kind++) {
        if (dify__slice_is(name, kinds[kind].name))
            return (enum sim_fault_kind)kind;
    }
    return SIM_FAULT_NONE;
}

/* The place that `on` names, if such a fault makes sense there. */
static bool parse_place(struct dify_slice name, struct sim_fault *fault)
{
    for (int place = 0; place < SIM_PLACES; place++) {
        if (place_names[place] == NULL || !dify__slice_is(name, place_names[place]))
            continue;
        fault->has_place = true;
        fault->place = (enum sim_fault_place)place;
        return (kinds[fault->kind].may >> place & 1U) != 0;
    }
    return false;
}

static bool parse_qualifier(struct dify_slice name, struct dify_slice value,
                            struct sim_fault *fault)
{
    if (value.ptr == NULL)
        return false;
    if (dify__slice_is(name, "p"))
        return parse_probability(value, &fault->probability);
    if (dify__slice_is(name, "times"))
        return dify__parse_uint(value, &fault->times);
    if (dify__slice_is(name, "skip"))
        return dify__parse_uint(value, &fault->skip);
    return dify__slice_is(name, "on") && parse_place(value, fault);
}

/* False with the reason where the name, or having a value or none, is wrong. */
static bool parse_name(struct dify_slice name, struct dify_slice value, struct sim_fault *fault,
                       struct dify__message *why)
{
    fault->kind = find_kind(name);
    if (fault->kind == SIM_FAULT_NONE) {
        dify__message_text(why, "there is no fault named '");
        dify__message_slice(why, name);
        dify__message_text(why, "'");
        return false;
    }
    fault->has_value = value.ptr != NULL;
    if (fault->has_value ? kinds[fault->kind].value == NO_VALUE
                         : kinds[fault->kind].value == NEEDS_VALUE) {
        dify__message_text(why, kinds[fault->kind].name);
        dify__message_text(why, fault->has_value ? " takes no value" : " needs a value: =N");
        return false;
    }
    if (fault->has_value &&
        (!parse_int(value, &fault->value) || fault->value > SIM_FAULT_VALUE ||
         fault->value < (fault->kind == SIM_FAULT_CLOCK_SKEW ? -SIM_FAULT_VALUE : 0))) {
        dify__message_text(why, kinds[fault->kind].name);
        dify__message_text(why, ": the value must be a whole number, at most 3155760000");
        return false;
    }
    if (!fault->has_value) /* what the help text gives in brackets */
        fault->value = fault->kind == SIM_FAULT_CUT_IN_CHARACTER ? 0 : 1;
    return true;
}

bool sim_fault_parse(struct dify_slice text, struct sim_fault *fault, char *why, size_t why_size)
{
    struct dify__message message = {.text = why, .size = why_size};
    struct sim_fault read = {.probability = 1, .times = UINT64_MAX};
    struct dify_slice value = split(&text, ','), name = split(&value, '=');
    if (!parse_name(name, value, &read, &message))
        return false;
    while (text.ptr != NULL) {
        value = split(&text, ',');
        name = split(&value, '=');
        if (!parse_qualifier(name, value, &read)) {
            dify__message_text(&message, "'");
            dify__message_slice(&message, name);
            dify__message_text(&message, "' is none of p=0…1, times=N, skip=N, and on=KIND of a "
                                         "request that it can meet");
            return false;
        }
    }
    *fault = read;
    return true;
}
