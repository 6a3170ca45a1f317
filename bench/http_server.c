/* SPDX-License-Identifier: Apache-2.0
 *
 * http_server.c: the HTTP layer with next to nothing on top, to be measured.
 *
 *     bench_http_server
 *
 * Listens on a free port of 127.0.0.1, prints it, and serves what http_answers.h lists until it is
 * killed. /turns sends one event per turn of the loop, so that each costs a write of its own.
 */
#include "http/list.h"
#include "http/server.h"
#include "http/sse_out.h"
#include "http_answers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* An answer of /turns. */
struct stream {
    struct http_exchange *exchange;
    struct http_link link;
    unsigned sent;
};

static char page[ANSWER_PAGE_BYTES];
static char events[ANSWER_EVENTS][ANSWER_EVENT_BYTES];
static struct http_link streams; /* with events left to send */
static uv_idle_t turn;           /* runs while there are such streams */

static void die(const char *what)
{
    fprintf(stderr, "bench_http_server: %s\n", what);
    exit(1);
}

/* False: the client is gone. An answer as a whole stays below the high-water mark. */
static bool send_event(struct http_exchange *exchange, unsigned number)
{
    return http_respond_write(exchange, (struct dify_slice){events[number], ANSWER_EVENT_BYTES});
}

static void on_turn(uv_idle_t *idle)
{
    struct http_link *next;
    for (struct http_link *link = streams.next; link != &streams; link = next) {
        struct stream *stream = HTTP_LINKED(link, struct stream, link);
        next = link->next;
        if (!send_event(stream->exchange, stream->sent++)) {
            http_list_remove(&stream->link);
        } else if (stream->sent == ANSWER_EVENTS) {
            http_list_remove(&stream->link);
            http_respond_end(stream->exchange);
        }
    }
    if (http_list_is_empty(&streams))
        (void)uv_idle_stop(idle);
}

static void on_close(void *ctx, struct http_exchange *exchange, bool is_complete)
{
    struct stream *stream = ctx;
    (void)exchange;
    (void)is_complete;
    http_list_remove(&stream->link);
    free(stream);
}

static void serve_turns(struct http_exchange *exchange)
{
    struct stream *stream = calloc(1, sizeof *stream);
    if (stream == NULL)
        die("out of memory");
    struct http_exchange_watch watch = {.ctx = stream, .on_close = on_close};
    stream->exchange = exchange;
    http_list_append(&streams, &stream->link);
    http_exchange_watch(exchange, &watch);
    (void)uv_idle_start(&turn, on_turn);
}

static void on_request(void *ctx, struct http_exchange *exchange)
{
    struct dify_slice path = http_exchange_request(exchange)->path;
    const struct http_field json = {DIFY_SLICE("Content-Type"), DIFY_SLICE(ANSWER_PAGE_TYPE)};
    (void)ctx;
    if (path.len == 3 && memcmp(path.ptr, "/1k", 3) == 0) {
        http_respond(exchange, 200, &json, 1, (struct dify_slice){page, sizeof page});
        return;
    }
    http_sse_begin(exchange, NULL, 0);
    if (path.len == 6 && memcmp(path.ptr, "/sse50", 6) == 0) {
        for (unsigned i = 0; i < ANSWER_EVENTS && send_event(exchange, i); i++)
            ;
        http_respond_end(exchange);
    } else if (path.len == 6 && memcmp(path.ptr, "/turns", 6) == 0) {
        serve_turns(exchange);
    } else {
        (void)send_event(exchange, 0);
    }
}

int main(void)
{
    struct http_server *server;
    struct http_server_options options = {.on_request = on_request};
    struct dify_error error;
    uv_loop_t *loop = uv_default_loop();
    answers_write_page(page);
    for (unsigned i = 0; i < ANSWER_EVENTS; i++)
        answers_write_event(events[i], i);
    http_list_init(&streams);
    if (loop == NULL || uv_idle_init(loop, &turn) != 0)
        die("no loop");
    if (http_server_new(loop, &options, &server) != DIFY_OK)
        die("no server");
    if (http_server_listen(server, "127.0.0.1", 0, &error) != DIFY_OK)
        die(error.message);
    printf("%u\n", (unsigned)http_server_port(server));
    (void)fflush(stdout);
    return uv_run(loop, UV_RUN_DEFAULT);
}
