/* SPDX-License-Identifier: Apache-2.0
 *
 * logger.c: lines; see logger.h. A line is composed in one buffer, which is its ceiling.
 */
#include "gateway/logger.h"

#include "core/json_text.h"
#include "core/slices.h"
#include "core/utf8.h"
#include "gateway/metrics.h"
#include "gateway/routes.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

struct gw_logger {
    struct gw_log_queue *queue;
    bool is_json;
};

/* Of what came from outside so much is shown. */
#define SHOWN_BYTES 200

/* ---- lines --------------------------------------------------------------------------------- */

/* A line that is composed. A message is cut so that the usual fields fit behind it, and a field
 * that does not fit is left out as a whole. */
struct line {
    char bytes[GW_LOG_LINE_BYTES];
    size_t len;
    bool is_json;
};

#define MESSAGE_BYTES ((size_t)GW_LOG_LINE_BYTES / 2)
#define ESCAPED_BYTES 4 /* that one byte may become */

#define END_BYTES 2 /* that are left for the end of a line */

static size_t room_of(const struct line *line)
{
    return sizeof line->bytes - END_BYTES - line->len;
}

static void put(struct line *line, const char *bytes, size_t len)
{
    if (len > room_of(line))
        return;
    memcpy(line->bytes + line->len, bytes, len);
    line->len += len;
}

static void put_text(struct line *line, const char *text)
{
    put(line, text, strlen(text));
}

/* Whether the character is one that a terminal or a reader of lines would obey: controls, those of
 * C1, line and paragraph separators, and what turns the direction of writing. */
static bool is_obeyed(const unsigned char *at, size_t len)
{
    if (len == 1)
        return at[0] < 0x20 || at[0] == 0x7F;
    if (len == 2)
        return at[0] == 0xC2 && at[1] < 0xA0;
    if (len != 3 || at[0] != 0xE2)
        return false;
    return (at[1] == 0x80 && at[2] >= 0xA8 && at[2] <= 0xAE) ||
           (at[1] == 0x81 && at[2] >= 0xA6 && at[2] <= 0xA9);
}

static void put_escape(struct line *line, const unsigned char *at, size_t len)
{
    static const char hex[] = "0123456789abcdef";
    for (size_t i = 0; i < len; i++) {
        if (line->is_json) { /* no \x there */
            put_text(line, "\xEF\xBF\xBD");
            return;
        }
        char escape[4] = {'\\', 'x', hex[at[i] >> 4], hex[at[i] & 15]};
        put(line, escape, sizeof escape);
    }
}

/* A text without anything that a reader would obey; in JSON, and within quotes, quotes and
 * backslashes are escaped as well. */
static void put_escaped(struct line *line, struct dify_slice text, bool is_quoted)
{
    const unsigned char *bytes = (const unsigned char *)text.ptr;
    size_t most = line->len + MESSAGE_BYTES;
    for (size_t i = 0; i < text.len;) {
        if (line->len > most) {
            put_text(line, "...");
            return;
        }
        size_t bad = 1, plain = i;
        while (plain < text.len && bytes[plain] >= 0x20 && bytes[plain] < 0x7F &&
               bytes[plain] != '"' && bytes[plain] != '\\' && line->len + plain - i <= most)
            plain++;
        if (plain > i) {
            put(line, text.ptr + i, plain - i);
            i = plain;
            continue;
        }
        size_t len = dify__utf8_sequence(bytes + i, text.len - i, &bad);
        if (len == 0 || is_obeyed(bytes + i, len)) {
            len = len == 0 ? bad : len;
            put_escape(line, bytes + i, len);
        } else if (is_quoted && (bytes[i] == '"' || bytes[i] == '\\')) {
            char pair[2] = {'\\', text.ptr[i]};
            put(line, pair, 2);
        } else {
            put(line, text.ptr + i, len);
        }
        i += len;
    }
}

static bool is_word(struct dify_slice text)
{
    for (size_t i = 0; i < text.len; i++)
        if (strchr(" \"=\\", text.ptr[i]) != NULL || text.ptr[i] == '\0')
            return false;
    return text.len > 0;
}

static void name(struct line *line, const char *key)
{
    if (line->is_json) {
        put_text(line, line->len > 1 ? ",\"" : "\"");
        put_text(line, key);
        put_text(line, "\":");
    } else {
        put_text(line, " ");
        put_text(line, key);
        put_text(line, "=");
    }
}

static void field(struct line *line, const char *key, struct dify_slice text)
{
    if (text.len > SHOWN_BYTES)
        text.len = SHOWN_BYTES;
    if (strlen(key) + 6 + text.len * ESCAPED_BYTES > room_of(line))
        return;
    name(line, key);
    bool is_quoted = line->is_json || !is_word(text);
    if (is_quoted)
        put_text(line, "\"");
    put_escaped(line, text, is_quoted);
    if (is_quoted)
        put_text(line, "\"");
}

static void field_text(struct line *line, const char *key, const char *text)
{
    field(line, key, dify__slice(text));
}

static void field_number(struct line *line, const char *key, uint64_t number)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRIu64, number);
    if (strlen(key) + 4 + strlen(text) > room_of(line))
        return;
    name(line, key);
    put_text(line, text);
}

static void field_seconds(struct line *line, const char *key, uint64_t ms)
{
    char text[32];
    snprintf(text, sizeof text, "%" PRIu64 ".%03u", ms / 1000, (unsigned)(ms % 1000));
    if (strlen(key) + 4 + strlen(text) > room_of(line))
        return;
    name(line, key);
    put_text(line, text);
}

/* "2026-11-29T20:01:02.345Z" */
static void put_time(struct line *line)
{
    struct tm tm;
    char text[40];
    uint64_t now_ms = gw_now_ms();
    time_t now = (time_t)(now_ms / 1000);
    size_t len = gmtime_r(&now, &tm) != NULL ? strftime(text, 24, "%Y-%m-%dT%H:%M:%S", &tm) : 0;
    snprintf(text + len, sizeof text - len, ".%03uZ", (unsigned)(now_ms % 1000));
    put_text(line, text);
}

static void begin(struct line *line, const struct gateway *gateway, enum gw_log_level level,
                  const struct gw_run *run, struct dify_slice message)
{
    static const char *const levels[] = {"error", "warning", "info", "debug"};
    line->len = 0;
    line->is_json = gateway->config->log_is_json;
    if (line->is_json) {
        put_text(line, "{\"time\":\"");
        put_time(line);
        put_text(line, "\"");
        field_text(line, "level", levels[level]);
    } else {
        put_time(line);
        put_text(line, " ");
        put_text(line, levels[level]);
    }
    if (run != NULL) {
        field_text(line, "run", run->id_text);
        if (run->app != NULL)
            field_text(line, "app", run->app->config->name);
    }
    if (line->is_json) {
        name(line, "message");
        put_text(line, "\"");
    } else {
        put_text(line, " ");
    }
    put_escaped(line, message, line->is_json);
    if (line->is_json)
        put_text(line, "\"");
}

static void begin_run(struct line *line, enum gw_log_level level, const struct gw_run *run,
                      const char *message)
{
    begin(line, run->gateway, level, run, dify__slice(message));
}

static void end(struct line *line, const struct gateway *gateway)
{
    memcpy(line->bytes + line->len, "}\n", 2);
    if (!line->is_json)
        line->bytes[line->len] = '\n';
    line->len += line->is_json ? 2 : 1;
    if (gateway->logger != NULL)
        gw_log_queue_put(gateway->logger->queue, (struct dify_slice){line->bytes, line->len});
}

/* ---- opening and closing ------------------------------------------------------------------- */

static size_t say_dropped(void *ctx, uint64_t count, char *out, size_t size)
{
    const struct gateway *gateway = ctx;
    char text[80];
    struct line line;
    int len = snprintf(text, sizeof text,
                       "%" PRIu64 " lines of the log were dropped: there was no room", count);
    begin(&line, gateway, GW_LOG_WARNING, NULL, (struct dify_slice){text, (size_t)len});
    put_text(&line, line.is_json ? "}\n" : "\n");
    if (line.len > size)
        return 0;
    memcpy(out, line.bytes, line.len);
    return line.len;
}

bool gw_log_open(struct gateway *gateway)
{
    struct gw_log_queue_options options = {.descriptor = STDERR_FILENO,
                                           .max_bytes = GW_LOG_QUEUE_BYTES,
                                           .max_lines = GW_LOG_QUEUE_LINES,
                                           .flush_ms = GW_LOG_FLUSH_MS,
                                           .say_dropped = say_dropped,
                                           .ctx = gateway};
    struct gw_logger *logger = calloc(1, sizeof *logger);
    if (logger == NULL || (logger->queue = gw_log_queue_new(&options)) == NULL) {
        free(logger);
        return false;
    }
    gateway->logger = logger;
    return true;
}

void gw_log_close(struct gateway *gateway)
{
    if (gateway->logger == NULL)
        return;
    gw_log_queue_close(gateway->logger->queue);
    free(gateway->logger);
    gateway->logger = NULL;
}

void gw_log_figures(struct gateway *gateway, struct gw_log_figures *out)
{
    *out = (struct gw_log_figures){0, 0, 0};
    if (gateway->logger != NULL)
        gw_log_queue_figures(gateway->logger->queue, out);
}

void gw_log_note(struct gateway *gateway, enum gw_log_level level, const struct gw_run *run,
                 const char *format, ...)
{
    va_list args;
    char text[GW_LOG_LINE_BYTES / 2];
    struct line line;
    if (!gw_log_is_on(gateway, level))
        return;
    va_start(args, format);
    int len = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (len < 0)
        return;
    size_t shown = (size_t)len < sizeof text ? (size_t)len : sizeof text - 1;
    begin(&line, gateway, level, run, (struct dify_slice){text, shown});
    end(&line, gateway);
}

/* ---- milestones of a run ------------------------------------------------------------------- */

static const char *caller_name(enum gw_caller_kind kind)
{
    return kind == GW_CALLER_RESULT ? "result" : kind == GW_CALLER_STREAM ? "stream" : "receipt";
}

void gw_log_accepted(const struct gw_run *run, enum gw_caller_kind caller)
{
    struct line line;
    if (!gw_log_is_on(run->gateway, GW_LOG_INFO))
        return;
    begin_run(&line, GW_LOG_INFO, run, "accepted");
    field_text(&line, "route", run->route);
    field_text(&line, "caller", caller_name(caller));
    if (run->asker != NULL)
        field_text(&line, "token", run->asker);
    field_text(&line, "keyed", run->has_key ? "yes" : "no");
    end(&line, run->gateway);
}

void gw_log_joined(const struct gw_run *run, enum gw_caller_kind caller)
{
    struct line line;
    if (!gw_log_is_on(run->gateway, GW_LOG_INFO))
        return;
    begin_run(&line, GW_LOG_INFO, run, "joined by another request with its key");
    field_text(&line, "caller", caller_name(caller));
    end(&line, run->gateway);
}

void gw_log_taken_up(const struct gw_run *run)
{
    struct line line;
    if (!gw_log_is_on(run->gateway, GW_LOG_INFO))
        return;
    begin_run(&line, GW_LOG_INFO, run, "taken up from the store");
    field_text(&line, "state", gw_run_state_name(run->state));
    end(&line, run->gateway);
}

void gw_log_sending(struct gw_run *run)
{
    struct line line;
    if (!gw_log_is_on(run->gateway, GW_LOG_INFO))
        return;
    begin_run(&line, GW_LOG_INFO, run, "sent to Dify");
    field_seconds(&line, "waited", gw_metrics_age_ms(run));
    end(&line, run->gateway);
}

void gw_log_started(const struct gw_run *run)
{
    struct line line;
    if (!gw_log_is_on(run->gateway, GW_LOG_INFO))
        return;
    begin_run(&line, GW_LOG_INFO, run, "started");
    field(&line, "dify_run", dify_follow_run_id(run->follow));
    end(&line, run->gateway);
}

/* Whether it is no step of the straight way. */
static bool is_break(const struct dify_follow_change *change)
{
    switch (change->to) {
    case DIFY_FOLLOW_WAITING:
    case DIFY_FOLLOW_SUSPECT:
    case DIFY_FOLLOW_SEARCHING:
    case DIFY_FOLLOW_BROKEN:
    case DIFY_FOLLOW_RESUMING:
    case DIFY_FOLLOW_POLLING:
        return true;
    case DIFY_FOLLOW_STREAMING:
        return change->from != DIFY_FOLLOW_SUBMITTING;
    default:
        return false;
    }
}

void gw_log_change(const struct gw_run *run, const struct dify_follow_change *change)
{
    struct line line;
    enum gw_log_level level = is_break(change) ? GW_LOG_INFO : GW_LOG_DEBUG;
    if (!gw_log_is_on(run->gateway, level))
        return;
    begin_run(&line, level, run, "follow");
    field_text(&line, "from", dify_follow_state_name(change->from));
    field_text(&line, "to", dify_follow_state_name(change->to));
    field_text(&line, "reason", dify_reason_name(change->reason));
    if (change->wait_ms > 0)
        field_seconds(&line, "next", change->wait_ms);
    end(&line, run->gateway);
}

void gw_log_warning(const struct gw_run *run, uint64_t offset, const char *reason)
{
    struct line line;
    enum gw_log_level level =
        run->measures.warnings <= GW_LOG_WARNINGS ? GW_LOG_WARNING : GW_LOG_DEBUG;
    if (!gw_log_is_on(run->gateway, level))
        return;
    begin_run(&line, level, run, "an event is not as it should be");
    field_number(&line, "offset", offset);
    field_text(&line, "reason", reason);
    end(&line, run->gateway);
}

/* As Dify's codes are. Anything else that came in place of one may be what the log is not to have:
 * a key, an input. */
static bool is_code(struct dify_slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '_')
            return false;
    }
    return true;
}

void gw_log_end(const struct gw_run *run, const struct dify_result *result)
{
    struct line line;
    if (!gw_log_is_on(run->gateway, GW_LOG_INFO))
        return;
    begin_run(&line, GW_LOG_INFO, run, "ended");
    field_text(&line, "outcome", gw_outcome_name(result->outcome));
    if (result->code.len > 0)
        field(&line, "code", is_code(result->code) ? result->code : DIFY_SLICE("other"));
    field_number(&line, "status", (uint64_t)run->http_status);
    field_seconds(&line, "seconds", gw_metrics_age_ms(run));
    field_number(&line, "tokens", result->total_tokens);
    field(&line, "steps", result->total_steps);
    field_number(&line, "events", result->event_count);
    field_number(&line, "skipped", result->skipped_events);
    field_number(&line, "resumed", result->resumed);
    end(&line, run->gateway);
}

/* ---- the rest ------------------------------------------------------------------------------ */

void gw_log_run(const struct gw_run *run, enum gw_run_state from)
{
    struct line line;
    if (!gw_log_is_on(run->gateway, GW_LOG_DEBUG))
        return;
    begin_run(&line, GW_LOG_DEBUG, run, "state");
    field_text(&line, "from", gw_run_state_name(from));
    field_text(&line, "to", gw_run_state_name(run->state));
    end(&line, run->gateway);
}

void gw_log_event(const struct gw_run *run, const struct dify_event *event)
{
    struct line line;
    if (!gw_log_is_on(run->gateway, GW_LOG_DEBUG))
        return;
    begin_run(&line, GW_LOG_DEBUG, run, "event");
    field(&line, "type", event->name);
    if (event->data.node_id.len > 0)
        field(&line, "node", event->data.node_id);
    if (event->data.node_type.len > 0)
        field(&line, "node_type", event->data.node_type);
    field_number(&line, "bytes", event->json.len);
    end(&line, run->gateway);
}

void gw_log_answer(struct gateway *gateway, unsigned tag, int status)
{
    size_t count;
    const struct gw_route *routes = gw_routes(&count);
    struct line line;
    if (!gw_log_is_on(gateway, GW_LOG_DEBUG))
        return;
    begin(&line, gateway, GW_LOG_DEBUG, NULL, DIFY_SLICE("answer"));
    field_text(&line, "route",
               tag == GW_TAG_FORM            ? "form"
               : tag == GW_TAG_REFUSED       ? "malformed"
               : tag == GW_TAG_RELAY         ? "relay"
               : tag == GW_TAG_NONE          ? "none"
               : tag - GW_TAG_ROUTES < count ? routes[tag - GW_TAG_ROUTES].path
                                             : "none");
    field_number(&line, "status", (uint64_t)status);
    end(&line, gateway);
}

void gw_log_relayed(struct gateway *gateway, const struct gw_log_relay *relay)
{
    struct line line;
    if (!gw_log_is_on(gateway, GW_LOG_INFO))
        return;
    begin(&line, gateway, GW_LOG_INFO, NULL, DIFY_SLICE("relayed"));
    field_text(&line, "app", relay->app->config->name);
    field_text(&line, "method", relay->method);
    field(&line, "area", relay->area);
    field_number(&line, "status", (uint64_t)relay->status);
    field_text(&line, "answer", relay->is_whole ? "whole" : "broken");
    field_number(&line, "up", relay->up_bytes);
    field_number(&line, "down", relay->down_bytes);
    field_seconds(&line, "seconds", relay->ms);
    end(&line, gateway);
}

void gw_log_turned_away(struct gateway *gateway, const char *token, int status, const char *code)
{
    struct line line;
    if (!gw_log_is_on(gateway, GW_LOG_INFO))
        return;
    begin(&line, gateway, GW_LOG_INFO, NULL, DIFY_SLICE("turned away"));
    if (token[0] != '\0')
        field_text(&line, "token", token);
    field_number(&line, "status", (uint64_t)status);
    field_text(&line, "code", code);
    end(&line, gateway);
}

void gw_log_refused(struct gateway *gateway, const struct gw_app *app, int status, const char *code)
{
    struct line line;
    if (!gw_log_is_on(gateway, GW_LOG_INFO))
        return;
    begin(&line, gateway, GW_LOG_INFO, NULL, DIFY_SLICE("refused"));
    if (app != NULL)
        field_text(&line, "app", app->config->name);
    field_number(&line, "status", (uint64_t)status);
    field_text(&line, "code", code);
    end(&line, gateway);
}
