/* SPDX-License-Identifier: Apache-2.0
 *
 * http_head.c: the head of a recorded response (RFC 9112 sections 4, 5 and 7.1).
 */
#include "cli/http_head.h"

#include "core/hex.h"

#include <stdint.h>
#include <string.h>
#include <strings.h>

static const char stopped[] = ""; /* the body's taker wants no more; no error of the input */

void cli_http_init(struct cli_http *http)
{
    memset(http, 0, sizeof *http);
}

/* The value of header `name` in `head` (NUL-terminated, lines end with LF), or NULL. */
static const char *find_header(const char *head, const char *name, size_t *len)
{
    size_t name_len = strlen(name);
    for (const char *line = strchr(head, '\n'); line != NULL; line = strchr(line, '\n')) {
        line++;
        if (strncasecmp(line, name, name_len) != 0 || line[name_len] != ':')
            continue;
        line += name_len + 1;
        line += strspn(line, " \t");
        *len = strcspn(line, "\r\n");
        return line;
    }
    return NULL;
}

static const char *read_head(struct cli_http *http)
{
    const char *head = http->line;
    size_t len;
    if (strncmp(head, "HTTP/", 5) != 0 || head[5] < '1' || head[5] > '3')
        return "the input does not begin with an HTTP response's head";
    const char *status = strchr(head, ' ');
    if (status == NULL || strspn(status + 1, "0123456789") != 3)
        return "the HTTP response's head has no status";
    http->status = (status[1] - '0') * 100 + (status[2] - '0') * 10 + (status[3] - '0');
    const char *type = find_header(head, "Content-Type", &len);
    http->content_type[0] = '\0';
    if (type != NULL) {
        len = strcspn(type, "; \t\r\n");
        if (len >= sizeof http->content_type)
            len = sizeof http->content_type - 1;
        for (size_t i = 0; i < len; i++)
            http->content_type[i] =
                (char)(type[i] >= 'A' && type[i] <= 'Z' ? type[i] - 'A' + 'a' : type[i]);
        http->content_type[len] = '\0';
    }
    const char *coding = find_header(head, "Transfer-Encoding", &len);
    http->is_chunked = coding != NULL && len == 7 && strncasecmp(coding, "chunked", 7) == 0;
    http->len = 0;
    const char *encoding = find_header(head, "Content-Encoding", &len);
    if (encoding != NULL && len != 0 && strncasecmp(encoding, "identity", len) != 0) {
        http->status = 0;
        return "the body is compressed; let curl decode it with --compressed";
    }
    if (coding != NULL && !http->is_chunked) {
        http->status = 0;
        return "the body's transfer coding is not known here";
    }
    if (http->status >= 200)
        http->state = CLI_HTTP_NEXT;
    return NULL;
}

/* Whether `line` (with its CRLF) is a chunk's size; then `*size` is it. */
static bool read_chunk_size(const char *line, size_t len, size_t *size)
{
    size_t digits = 0;
    uint64_t value = 0;
    for (; digits < len; digits++) {
        unsigned digit = dify__hex_digit(line[digits]);
        if (digit > 15)
            break;
        value = value << 4 | digit;
    }
    if (digits == 0 || digits > 15 || len < digits + 2 || line[len - 2] != '\r')
        return false;
    if (line[digits] != '\r' && line[digits] != ';' && line[digits] != ' ')
        return false;
    *size = (size_t)value;
    return true;
}

static const char *pass(struct cli_http *http, cli_http_body_fn *body, void *ctx)
{
    size_t len = http->len;
    http->len = 0;
    return len == 0 || body(ctx, http->line, len) ? NULL : stopped;
}

/* Behind a head: a byte more of what may be another one, or of the body. */
static const char *look_ahead(struct cli_http *http, cli_http_body_fn *body, void *ctx)
{
    static const char mark[] = "HTTP/";
    if (strncmp(http->line, mark, http->len) == 0) {
        if (http->len == sizeof mark - 1)
            http->state = CLI_HTTP_HEAD;
        return NULL;
    }
    http->state = http->is_chunked ? CLI_HTTP_CODING : CLI_HTTP_PLAIN;
    return http->is_chunked ? NULL : pass(http, body, ctx);
}

/* Takes `http->line` for a chunk's size; false if it is none. */
static bool begin_chunk(struct cli_http *http)
{
    size_t size;
    if (!read_chunk_size(http->line, http->len, &size))
        return false;
    http->chunk_left = size;
    http->state = size != 0 ? CLI_HTTP_CHUNK : CLI_HTTP_END;
    http->len = 0;
    return true;
}

/* A line is complete in `http->line`. */
static const char *take_line(struct cli_http *http, cli_http_body_fn *body, void *ctx)
{
    switch (http->state) {
    case CLI_HTTP_HEAD: {
        bool is_blank =
            http->len >= 2 &&
            (memcmp(http->line + http->len - 2, "\n\n", 2) == 0 ||
             (http->len >= 4 && memcmp(http->line + http->len - 4, "\r\n\r\n", 4) == 0));
        return is_blank ? read_head(http) : NULL;
    }
    case CLI_HTTP_CODING:
        if (begin_chunk(http))
            return NULL;
        http->state = CLI_HTTP_PLAIN;
        return pass(http, body, ctx);
    case CLI_HTTP_CHUNK_LINE:
        return begin_chunk(http) ? NULL : "the body's chunks are damaged";
    default: /* CLI_HTTP_CHUNK_END: the CRLF behind a chunk */
        if (http->len != 2)
            return "the body's chunks are damaged";
        http->len = 0;
        http->state = CLI_HTTP_CHUNK_LINE;
        return NULL;
    }
}

const char *cli_http_feed(struct cli_http *http, const char *bytes, size_t len,
                          cli_http_body_fn *body, void *ctx)
{
    const char *wrong = NULL;
    while (len != 0 && wrong == NULL) {
        size_t used = 1;
        if (http->state == CLI_HTTP_PLAIN || http->state == CLI_HTTP_END) {
            used = len;
            if (http->state == CLI_HTTP_PLAIN && !body(ctx, bytes, used))
                wrong = stopped;
        } else if (http->state == CLI_HTTP_CHUNK) {
            used = len < http->chunk_left ? len : http->chunk_left;
            http->chunk_left -= used;
            if (http->chunk_left == 0)
                http->state = CLI_HTTP_CHUNK_END;
            if (!body(ctx, bytes, used))
                wrong = stopped;
        } else if (http->len == sizeof http->line - 1) {
            wrong = http->state == CLI_HTTP_CODING ? pass(http, body, ctx)
                                                   : "the HTTP response's head is too large";
            used = 0;
            http->state = CLI_HTTP_PLAIN;
        } else {
            http->line[http->len++] = *bytes;
            http->line[http->len] = '\0';
            if (http->state == CLI_HTTP_NEXT)
                wrong = look_ahead(http, body, ctx);
            if (wrong == NULL && *bytes == '\n' && http->state != CLI_HTTP_PLAIN &&
                http->state != CLI_HTTP_NEXT)
                wrong = take_line(http, body, ctx);
        }
        bytes += used;
        len -= used;
    }
    return wrong;
}

const char *cli_http_end(struct cli_http *http, cli_http_body_fn *body, void *ctx)
{
    if (http->state == CLI_HTTP_HEAD)
        return "the input ends within the HTTP response's head";
    if (http->state == CLI_HTTP_CODING || http->state == CLI_HTTP_NEXT)
        (void)pass(http, body, ctx);
    return NULL;
}
