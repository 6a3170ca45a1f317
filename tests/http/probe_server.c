/* SPDX-License-Identifier: Apache-2.0
 *
 * probe_server.c: a server for smuggling.py. Prints where it listens; reads every body to its end
 * and answers 404; ends at SIGTERM.
 *
 *     http_probe_server [--at-once]    with it the answer does not wait for the body
 */
#include "http/server.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

static bool answers_at_once;

static void answer(struct http_exchange *exchange)
{
    static const struct http_field type = {{"Content-Type", 12}, {"text/plain", 10}};
    http_respond(exchange, 404, &type, 1, DIFY_SLICE("nothing here\n"));
}

static void on_body(void *ctx, struct http_exchange *exchange, struct dify_slice bytes,
                    bool is_last)
{
    (void)ctx;
    (void)bytes;
    if (is_last)
        answer(exchange);
}

static void on_request(void *ctx, struct http_exchange *exchange)
{
    static const struct http_body_reader reader = {NULL, on_body, NULL};
    (void)ctx;
    if (answers_at_once || !http_exchange_request(exchange)->has_body)
        answer(exchange);
    else
        http_exchange_read(exchange, &reader);
}

static void on_closed(void *ctx)
{
    uv_close(ctx, NULL); /* the last thing on the loop */
}

static void on_sigterm(uv_signal_t *handle, int number)
{
    (void)number;
    http_server_close(handle->data, on_closed, handle);
}

int main(int argc, char **argv)
{
    struct http_server_options options = {.on_request = on_request};
    struct http_server *server;
    struct dify_error error;
    uv_signal_t sigterm;
    uv_loop_t *loop = uv_default_loop();
    answers_at_once = argc > 1 && strcmp(argv[1], "--at-once") == 0;
    signal(SIGPIPE, SIG_IGN);
    if (loop == NULL || http_server_new(loop, &options, &server) != DIFY_OK ||
        http_server_listen(server, "127.0.0.1", 0, &error) != DIFY_OK ||
        uv_signal_init(loop, &sigterm) != 0 || uv_signal_start(&sigterm, on_sigterm, SIGTERM) != 0)
        return 1;
    sigterm.data = server;
    printf("127.0.0.1:%" PRIu16 "\n", http_server_port(server));
    fflush(stdout);
    uv_run(loop, UV_RUN_DEFAULT);
    return uv_loop_close(loop) == 0 ? 0 : 1;
}
