/* SPDX-License-Identifier: Apache-2.0
 *
 * body.c: see body.h.
 */
#include "gateway/body.h"

#include "core/slices.h"
#include "gateway/out.h"
#include "gateway/reply.h"
#include "http/params.h"

#include <stdlib.h>
#include <strings.h>

struct body {
    struct gw_request request;
    struct dify__buffer bytes;
    gw_body_fn *whole;
    bool is_answered;
};

static void body_free(struct body *body)
{
    dify__buffer_fini(&body->bytes);
    free(body);
}

static void on_close(void *ctx, struct http_exchange *exchange, bool is_complete)
{
    (void)exchange;
    (void)is_complete;
    body_free(ctx);
}

static void hand_over(struct body *body)
{
    struct dify__json json;
    struct http_exchange *exchange = body->request.exchange;
    http_exchange_watch(exchange, &(struct http_exchange_watch){.ctx = NULL});
    dify__json_init(&json, dify__allocator(NULL));
    enum dify_err err = dify__json_read(&json, dify__buffer_slice(&body->bytes));
    if (err == DIFY_OK)
        body->whole(&body->request, &json);
    else if (err == DIFY_ERR_NOMEM)
        gw_out_of_memory(exchange);
    else
        gw_reply_error(exchange, 400, "invalid_json", "the body is no JSON object", NULL);
    dify__json_fini(&json);
    body_free(body);
}

static void on_body(void *ctx, struct http_exchange *exchange, struct dify_slice bytes,
                    bool is_last)
{
    struct body *body = ctx;
    if (body->is_answered)
        return;
    enum dify_err err = dify__buffer_append(&body->bytes, bytes.ptr, bytes.len);
    if (err == DIFY_OK && !is_last)
        return;
    if (err == DIFY_OK) {
        hand_over(body);
        return;
    }
    body->is_answered = true;
    if (err == DIFY_ERR_TOO_LARGE)
        gw_reply_error(exchange, 413, "too_large", "the body is too large", NULL);
    else
        gw_out_of_memory(exchange);
}

static bool is_json(struct dify_slice type)
{
    static const char json[] = "application/json";
    struct dify_slice media;
    if (type.ptr == NULL)
        return true;
    (void)http_params(type, &media);
    return media.len == sizeof json - 1 && strncasecmp(media.ptr, json, media.len) == 0;
}

void gw_body_read(const struct gw_request *request, size_t most, gw_body_fn *whole)
{
    if (!is_json(http_request_field(request->http, "content-type"))) {
        gw_reply_error(request->exchange, 415, "unsupported_media_type",
                       "the body is to be application/json", NULL);
        return;
    }
    struct body *body = calloc(1, sizeof *body);
    if (body == NULL) {
        gw_out_of_memory(request->exchange);
        return;
    }
    body->request = *request;
    body->whole = whole;
    body->bytes = (struct dify__buffer){.allocator = dify__allocator(NULL), .max = most};
    http_exchange_watch(request->exchange,
                        &(struct http_exchange_watch){.ctx = body, .on_close = on_close});
    http_exchange_read(request->exchange,
                       &(struct http_body_reader){.ctx = body, .on_body = on_body});
}
