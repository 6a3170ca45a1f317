/* SPDX-License-Identifier: Apache-2.0
 *
 * out.c: see out.h.
 */
#include "gateway/out.h"

#include "gateway/reply.h"

#include <stdio.h>

void gw_out_begin(struct dify__writer *writer, struct dify__buffer *text)
{
    text->len = 0;
    dify__writer_init(writer, DIFY_JSON_COMPACT, dify__write_to_buffer, text);
}

void gw_out_seconds(struct dify__writer *writer, const char *key, uint64_t ms)
{
    char text[40];
    int len = snprintf(text, sizeof text, "%llu.%03u", (unsigned long long)(ms / 1000),
                       (unsigned)(ms % 1000));
    while (text[len - 1] == '0')
        len--;
    if (text[len - 1] == '.')
        len--;
    dify__key_number(writer, key, (struct dify_slice){text, (size_t)len});
}

bool gw_out_end(struct dify__writer *writer, struct dify__buffer *text)
{
    return dify__writer_finish(writer) == DIFY_OK && dify__buffer_append(text, "\n", 1) == DIFY_OK;
}

void gw_out_reply(struct dify__writer *writer, struct dify__buffer *text,
                  struct http_exchange *exchange, int status)
{
    if (gw_out_end(writer, text))
        gw_reply_json(exchange, status, dify__buffer_slice(text));
    else
        gw_out_of_memory(exchange);
}

void gw_out_of_memory(struct http_exchange *exchange)
{
    gw_reply_error(exchange, 503, "out_of_memory", "the gateway has run out of memory", NULL);
}
