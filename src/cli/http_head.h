/* SPDX-License-Identifier: Apache-2.0
 *
 * http_head.h: a recorded HTTP/1.1 response in front of its body, as `curl -i` writes it or as it
 * went over the wire.
 *
 * For `difystream fold --http`. Reads heads (of several the last one counts) and the chunks of a
 * body that is still chunked; a body whose head names chunked coding but which was already put
 * together is taken as it is.
 */
#ifndef DIFY_CLI_HTTP_HEAD_H
#define DIFY_CLI_HTTP_HEAD_H

#include <stdbool.h>
#include <stddef.h>

/* Ceiling of the heads, and of a chunk's own line, in bytes. */
#define CLI_HEAD_BYTES ((size_t)64 << 10)

enum cli_http_state {
    CLI_HTTP_HEAD,
    CLI_HTTP_NEXT,   /* does another head follow, as behind a proxy's or a redirection's? */
    CLI_HTTP_CODING, /* is the body still chunked? */
    CLI_HTTP_PLAIN,
    CLI_HTTP_CHUNK_LINE,
    CLI_HTTP_CHUNK,
    CLI_HTTP_CHUNK_END,
    CLI_HTTP_END /* behind the last chunk: nothing more counts */
};

struct cli_http {
    enum cli_http_state state;
    int status;             /* 0 until the head was read */
    char content_type[128]; /* "" where the head names none; lower case, without parameters */
    bool is_chunked;
    size_t chunk_left;
    size_t len;
    char line[CLI_HEAD_BYTES]; /* the head, or a chunk's line, as far as it came */
};

/* Called with pieces of the body. False stops. */
typedef bool cli_http_body_fn(void *ctx, const char *bytes, size_t len);

void cli_http_init(struct cli_http *http);

/* Takes the next bytes; the body's go to `body`. Returns NULL, or what is wrong; "" where `body`
 * wanted no more. */
const char *cli_http_feed(struct cli_http *http, const char *bytes, size_t len,
                          cli_http_body_fn *body, void *ctx);

/* The end of the input: hands on what was held back. Returns NULL, or what is wrong. */
const char *cli_http_end(struct cli_http *http, cli_http_body_fn *body, void *ctx);

#endif
