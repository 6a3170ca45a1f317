/* SPDX-License-Identifier: Apache-2.0
 *
 * reply.c: answers with the fields and the bytes that gunicorn, Flask and Dify give them.
 */
#include "core/message.h"
#include "core/slices.h"
#include "sim/stream.h"
#include "sim/visit.h"

#include <string.h>
#include <time.h>

/* Most fields of an answer besides the HTTP layer's own. */
#define FIELDS 12

struct head {
    struct http_field fields[FIELDS];
    size_t count;
};

/* A Content-Length only says where it stands: its value is the HTTP layer's. */
static void add(struct head *head, const char *name, struct dify_slice value)
{
    head->fields[head->count++] = (struct http_field){dify__slice(name), value};
}

static struct dify_slice version(const struct sim *sim)
{
    return dify__slice(sim_release_name(sim->options.release));
}

static void add_type(struct head *head, struct dify_slice type)
{
    add(head, "Content-Type", type);
    add(head, "Content-Length", DIFY_SLICE(""));
}

#define SIM_DATE_BYTES 32

/* The server's time as a Date, where its clock is wrong. */
static struct dify_slice sim_date(const struct sim *sim, char out[SIM_DATE_BYTES])
{
    time_t now = (time_t)sim_now_s(sim);
    struct tm parts;
    return (struct dify_slice){
        out, gmtime_r(&now, &parts) == NULL
                 ? 0
                 : strftime(out, SIM_DATE_BYTES, "%a, %d %b %Y %H:%M:%S GMT", &parts)};
}

/* Before 1.14, only answers of basic chats, and of completions but for their streams, depend on
 * cookies. */
static bool varies(const struct sim_visit *visit)
{
    if (sim_is_at_least(visit->sim, SIM_1_14_2))
        return true;
    if (visit->app == NULL || http_exchange_request(visit->exchange)->method != HTTP_POST_)
        return false;
    return visit->app->mode == SIM_CHAT ||
           (visit->app->mode == SIM_COMPLETION && visit->stream != NULL &&
            visit->stream->watch == SIM_WATCH_BLOCKING);
}

static void add_dify(struct head *head, const struct sim_visit *visit, bool has_cors)
{
    if (has_cors) {
        add(head, "Access-Control-Allow-Origin", DIFY_SLICE("*"));
        add(head, "Access-Control-Expose-Headers", DIFY_SLICE("X-Env, X-Trace-Id, X-Version"));
    }
    add(head, "X-Version", version(visit->sim));
    add(head, "X-Env", DIFY_SLICE("PRODUCTION"));
    if (varies(visit))
        add(head, "Vary", DIFY_SLICE("Cookie"));
}

static void answer(struct sim_visit *visit, int status, struct head *head, struct dify_slice body)
{
    char date[SIM_DATE_BYTES];
    visit->is_answered = true;
    if (visit->sim->skew_s != 0)
        add(head, "Date", sim_date(visit->sim, date));
    visit->status = status;
    http_respond(visit->exchange, status, head->fields, head->count, body);
}

/* What the request asked for was done; what its client hears of it may be something else. */
static void respond(struct sim_visit *visit, int status, struct head *head, struct dify_slice body)
{
    int proxy_status = sim_fault_proxy_status(visit->fault.kind);
    if (visit->fault.kind == SIM_FAULT_RESET)
        sim_answer_reset(visit);
    else if (proxy_status != 0)
        sim_answer_proxy(visit, proxy_status);
    else
        answer(visit, status, head, body);
}

static void respond_text(struct sim_visit *visit, int status, struct head *head,
                         struct sim_text *take_text)
{
    if (take_text->err == DIFY_OK) {
        respond(visit, status, head, sim_text_slice(take_text));
    } else { /* no memory for the answer */
        sim_answer_reset(visit);
    }
    sim_text_fini(take_text);
}

void sim_answer_json(struct sim_visit *visit, int status, enum sim_answer_style style,
                     struct sim_text *take_text)
{
    struct head head = {.count = 0};
    struct sim_text text;
    sim_text_init(&text, visit->sim->allocator);
    text.err = take_text->err;
    if (text.err == DIFY_OK && style != SIM_ANSWER_FORM)
        text.err = dify__style_text(
            sim_text_slice(take_text),
            style == SIM_ANSWER_ASCII ? DIFY__STYLE_ASCII : DIFY__STYLE_SPACED, &text.bytes);
    else
        sim_text_put(&text, sim_text_slice(take_text));
    if (style == SIM_ANSWER_ASCII)
        sim_text_add(&text, "\n");
    sim_text_fini(take_text);
    add_type(&head, style == SIM_ANSWER_SPACED ? DIFY_SLICE("application/json; charset=utf-8")
                                               : DIFY_SLICE("application/json"));
    if (status == 401)
        add(&head, "WWW-Authenticate", DIFY_SLICE("Bearer realm=\"api\""));
    add_dify(&head, visit, status != 405);
    respond_text(visit, status, &head, &text);
}

void sim_answer_error(struct sim_visit *visit, int status, const char *code,
                      struct dify_slice message)
{
    struct sim_text text;
    sim_text_init(&text, visit->sim->allocator);
    sim_text_add(&text, "{\"code\":");
    sim_text_string(&text, dify__slice(code));
    sim_text_add(&text, ",\"message\":");
    sim_text_string(&text, message);
    sim_text_add(&text, ",\"status\":");
    sim_text_int(&text, status);
    sim_text_add(&text, "}");
    sim_answer_json(visit, status, SIM_ANSWER_ASCII, &text);
}

void sim_answer_message(struct sim_visit *visit, int status, const char *code,
                        struct sim_text *take_message)
{
    if (take_message->err == DIFY_OK)
        sim_answer_error(visit, status, code, sim_text_slice(take_message));
    else
        sim_answer_internal(visit);
    sim_text_fini(take_message);
}

void sim_answer_internal(struct sim_visit *visit)
{
    struct sim_text text;
    sim_text_init(&text, visit->sim->allocator);
    sim_text_add(&text, "{\"message\":\"Internal Server Error\",\"code\":\"unknown\","
                        "\"status\":500}");
    sim_answer_json(visit, 500, SIM_ANSWER_ASCII, &text);
}

void sim_answer_unauthorized(struct sim_visit *visit, const char *message)
{
    sim_answer_error(visit, 401, "unauthorized", dify__slice(message));
}

void sim_answer_method(struct sim_visit *visit)
{
    sim_answer_error(visit, 405, "method_not_allowed",
                     DIFY_SLICE("The method is not allowed for the requested URL."));
}

void sim_answer_not_found(struct sim_visit *visit)
{
    struct head head = {.count = 0};
    add_type(&head, DIFY_SLICE("text/html; charset=utf-8"));
    add_dify(&head, visit, dify__slice_is(http_exchange_request(visit->exchange)->path, "/v1/"));
    respond(visit, 404, &head,
            DIFY_SLICE("<!doctype html>\n<html lang=en>\n<title>404 Not Found</title>\n"
                       "<h1>Not Found</h1>\n<p>The requested URL was not found on the server. If "
                       "you entered the URL manually please check your spelling and try again."
                       "</p>\n"));
}

/* The address under which the client reached the server. */
static void add_address(struct sim_text *text, const struct sim_visit *visit)
{
    struct dify_slice host = http_exchange_request(visit->exchange)->host;
    sim_text_add(text, "http://");
    sim_text_put(text, host.ptr != NULL ? host : DIFY_SLICE("localhost"));
}

void sim_answer_redirect(struct sim_visit *visit)
{
    struct head head = {.count = 0};
    struct sim_text to, page;
    sim_text_init(&to, visit->sim->allocator);
    sim_text_init(&page, visit->sim->allocator);
    add_address(&to, visit);
    sim_text_add(&to, "/v1/");
    sim_text_add(&page, "<!doctype html>\n<html lang=en>\n<title>Redirecting...</title>\n"
                        "<h1>Redirecting...</h1>\n<p>You should be redirected automatically to "
                        "the target URL: <a href=\"");
    sim_text_put(&page, sim_text_slice(&to));
    sim_text_add(&page, "\">");
    sim_text_put(&page, sim_text_slice(&to));
    sim_text_add(&page, "</a>. If not, click the link.\n");
    add_type(&head, DIFY_SLICE("text/html; charset=utf-8"));
    add(&head, "Location", sim_text_slice(&to));
    add_dify(&head, visit, false);
    page.err = page.err != DIFY_OK ? page.err : to.err;
    respond_text(visit, 308, &head, &page);
    sim_text_fini(&to);
}

void sim_answer_options(struct sim_visit *visit, const char *allow)
{
    struct head head = {.count = 0};
    struct dify_slice origin = http_request_field(http_exchange_request(visit->exchange), "origin");
    add_type(&head, DIFY_SLICE("text/html; charset=utf-8"));
    add(&head, "Allow", dify__slice(allow));
    add(&head, "Access-Control-Allow-Origin", origin.ptr != NULL ? origin : DIFY_SLICE("*"));
    add(&head, "Access-Control-Expose-Headers", DIFY_SLICE("X-Env, X-Trace-Id, X-Version"));
    add(&head, "Vary", origin.ptr != NULL ? DIFY_SLICE("Origin, Cookie") : DIFY_SLICE("Cookie"));
    add(&head, "X-Version", version(visit->sim));
    add(&head, "X-Env", DIFY_SLICE("PRODUCTION"));
    respond(visit, 200, &head, DIFY_SLICE(""));
}

void sim_answer_reset(struct sim_visit *visit)
{
    visit->is_answered = true;
    http_exchange_cut(visit->exchange, false, true);
}

#define PROXY_PAGE(TITLE)                                                                          \
    DIFY_SLICE("<html>\r\n<head><title>" TITLE "</title></head>\r\n<body>\r\n<center><h1>" TITLE   \
               "</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n")

void sim_answer_proxy(struct sim_visit *visit, int status)
{
    struct head head = {.count = 0};
    add(&head, "Server", DIFY_SLICE("nginx"));
    add_type(&head, DIFY_SLICE("text/html"));
    answer(visit, status, &head,
           status == 502   ? PROXY_PAGE("502 Bad Gateway")
           : status == 503 ? PROXY_PAGE("503 Service Temporarily Unavailable")
                           : PROXY_PAGE("504 Gateway Time-out"));
}

void sim_answer_busy(struct sim_visit *visit)
{
    const struct sim_app *app = visit->app;
    struct sim_text message;
    sim_text_init(&message, visit->sim->allocator);
    sim_text_add(&message, "Too many requests. Please try again later. The current maximum "
                           "concurrent requests allowed for ");
    sim_text_add(&message, app->id);
    sim_text_add(&message, " is ");
    sim_text_int(&message, app->max_active > 0 ? app->max_active : 1);
    sim_text_add(&message, ".");
    sim_answer_message(visit, 400, "invalid_param", &message);
}

void sim_answer_too_many(struct sim_visit *visit)
{
    struct head head = {.count = 0};
    struct sim_text body, seconds;
    sim_text_init(&body, visit->sim->allocator);
    sim_text_init(&seconds, visit->sim->allocator);
    sim_text_add(&body, "{\"code\":\"too_many_requests\",\"message\":\"Too many requests. Please "
                        "try again later.\",\"status\":429}\n");
    sim_text_int(&seconds, visit->fault.value);
    add_type(&head, DIFY_SLICE("application/json"));
    add(&head, "Content-Length", DIFY_SLICE("")); /* its place; the value is the layer\'s */
    if (visit->fault.has_value)
        add(&head, "Retry-After", sim_text_slice(&seconds));
    add_dify(&head, visit, true);
    body.err = body.err != DIFY_OK ? body.err : seconds.err;
    respond_text(visit, 429, &head, &body);
    sim_text_fini(&seconds);
}

void sim_answer_stream(struct sim_visit *visit, bool is_events)
{
    struct head head = {.count = 0};
    char date[SIM_DATE_BYTES];
    if (is_events)
        add(&head, "Cache-Control", DIFY_SLICE("no-cache"));
    add_type(&head, DIFY_SLICE("text/event-stream; charset=utf-8"));
    add_dify(&head, visit, true);
    if (visit->sim->skew_s != 0)
        add(&head, "Date", sim_date(visit->sim, date));
    visit->is_answered = true;
    visit->status = 200;
    http_respond_begin(visit->exchange, 200, head.fields, head.count, HTTP_LENGTH_UNKNOWN);
}

bool sim_answer_refusal(void *ctx, int status, const char *reason, struct http_page *page)
{
    struct sim *sim = ctx;
    struct dify__message text = {.text = sim->page, .size = sizeof(sim->page)};
    const char *title = status == 431 ? "Request Header Fields Too Large" : "Bad Request";
    if (status != 400 && status != 414 && status != 431)
        return false;
    dify__message_text(&text, "<html>\n  <head>\n    <title>");
    dify__message_text(&text, title);
    dify__message_text(&text, "</title>\n  </head>\n  <body>\n    <h1><p>");
    dify__message_text(&text, title);
    dify__message_text(&text, "</p></h1>\n    ");
    if (status == 431)
        dify__message_text(&text,
                           "Error parsing headers: &#x27;limit request headers fields size&#x27;");
    else if (strstr(reason, "Content-Length") != NULL)
        dify__message_text(&text, "Invalid HTTP Header: &#x27;CONTENT-LENGTH&#x27;");
    else
        dify__message_text(&text, reason);
    dify__message_text(&text, "\n  </body>\n</html>\n");
    page->status = status == 414 ? 400 : 0;
    page->content_type = DIFY_SLICE("text/html");
    page->body = (struct dify_slice){sim->page, text.len};
    return true;
}
