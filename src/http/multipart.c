/* SPDX-License-Identifier: Apache-2.0
 *
 * multipart.c: see multipart.h. Here is the framing; a part's head is read in part_head.c.
 *
 * Between two heads the body is searched for the delimiter, CRLF "--" boundary. It has one CR, its
 * first byte; so when a comparison fails, nothing before the failing byte can begin a delimiter,
 * and of a delimiter cut by the end of a chunk only the length need be kept (`matched`): its bytes
 * are known. Where a line begins without a CRLF of the data's (the start of the body, behind a
 * head), the two bytes count as matched though no data (`borrowed`).
 */
#include "http/multipart.h"

#include "core/memory.h"
#include "http/fields.h"
#include "http/params.h"
#include "http/part_head.h"

#include <stddef.h>
#include <string.h>

#define DELIMITER_START "\r\n--"
#define DELIMITER_START_BYTES 4
#define LINE_END_BYTES 2

enum state {
    STATE_SEARCH,    /* the preamble, or a part's data, up to a delimiter */
    STATE_TAIL,      /* behind "--boundary": is it a line of that alone? */
    STATE_DASH,      /* behind "--boundary-" */
    STATE_PADDING,   /* white space behind "--boundary" */
    STATE_LINE_FEED, /* behind the CR of that line */
    STATE_HEAD,      /* a part's header lines */
    STATE_EPILOGUE   /* all is said */
};

struct http_multipart {
    const struct dify_allocator *allocator;
    struct http_multipart_callbacks callbacks;
    void *ctx;
    enum http_multipart_err failed; /* sticky */

    enum state state;
    bool in_part; /* else what is searched is the preamble */
    size_t parts;
    size_t matched;  /* bytes of the delimiter that were the last ones of the data */
    size_t borrowed; /* how many of these were not */

    struct dify__buffer head;
    size_t line; /* where the last line of `head` begins */

    size_t delimiter_len;
    char delimiter[DELIMITER_START_BYTES + HTTP_BOUNDARY_BYTES];
    unsigned char shift[256]; /* by its last byte, how far the search moves (Horspool) */
};

/* ---- the boundary -------------------------------------------------------------------------- */

/* More than RFC 2046 has: clients with boundaries such as "*****" were seen. */
static bool is_boundary(struct dify_slice text)
{
    if (text.len == 0 || text.len > HTTP_BOUNDARY_BYTES || text.ptr[text.len - 1] == ' ')
        return false;
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] < ' ' || text.ptr[i] > '~' || text.ptr[i] == '"' || text.ptr[i] == '\\')
            return false;
    return true;
}

/* False unless `content_type` is a form's and has one good boundary. */
static bool find_boundary(struct dify_slice content_type, struct dify_slice *boundary)
{
    struct dify_slice type;
    struct http_params params = http_params(content_type, &type);
    *boundary = (struct dify_slice){NULL, 0};
    if (!http_is_like(type, "multipart/form-data"))
        return false;
    while (http_params_next(&params)) {
        if (!http_is_like(params.name, "boundary"))
            continue;
        if (boundary->ptr != NULL)
            return false;
        *boundary = params.value;
    }
    return !params.is_bad && boundary->ptr != NULL && is_boundary(*boundary);
}

static void set_delimiter(struct http_multipart *form, struct dify_slice boundary)
{
    memcpy(form->delimiter, DELIMITER_START, DELIMITER_START_BYTES);
    memcpy(form->delimiter + DELIMITER_START_BYTES, boundary.ptr, boundary.len);
    form->delimiter_len = DELIMITER_START_BYTES + boundary.len;
    memset(form->shift, (int)form->delimiter_len, sizeof form->shift);
    for (size_t i = 0; i + 1 < form->delimiter_len; i++)
        form->shift[(unsigned char)form->delimiter[i]] =
            (unsigned char)(form->delimiter_len - 1 - i);
}

/* ---- life ---------------------------------------------------------------------------------- */

enum http_multipart_err http_multipart_new(const struct dify_allocator *allocator,
                                           struct dify_slice content_type,
                                           const struct http_multipart_callbacks *callbacks,
                                           void *ctx, struct http_multipart **out)
{
    struct dify_slice boundary;
    if (!find_boundary(content_type, &boundary))
        return HTTP_MULTIPART_NOT_A_FORM;
    allocator = dify__allocator(allocator);
    struct http_multipart *form = dify__calloc(allocator, sizeof *form);
    if (form == NULL)
        return HTTP_MULTIPART_NOMEM;
    form->allocator = allocator;
    form->callbacks = *callbacks;
    form->ctx = ctx;
    form->head = (struct dify__buffer){.allocator = allocator, .max = HTTP_PART_HEAD_BYTES};
    form->matched = form->borrowed = LINE_END_BYTES;
    set_delimiter(form, boundary);
    *out = form;
    return HTTP_MULTIPART_OK;
}

void http_multipart_free(struct http_multipart *form)
{
    if (form == NULL)
        return;
    dify__buffer_fini(&form->head);
    dify__free(form->allocator, form);
}

/* ---- data ---------------------------------------------------------------------------------- */

static enum http_multipart_err go_on(bool wants_more)
{
    return wants_more ? HTTP_MULTIPART_OK : HTTP_MULTIPART_STOPPED;
}

/* Hands on data; a preamble's goes nowhere. */
static enum http_multipart_err give(struct http_multipart *form, const char *bytes, size_t len)
{
    if (!form->in_part || len == 0)
        return HTTP_MULTIPART_OK;
    return go_on(form->callbacks.on_part_data(form->ctx, (struct dify_slice){bytes, len}));
}

/* What was taken for a delimiter is data. The byte that proved it is looked at next. */
static enum http_multipart_err give_back(struct http_multipart *form)
{
    size_t from = form->borrowed;
    size_t len = form->matched - from;
    form->matched = form->borrowed = 0;
    form->state = STATE_SEARCH;
    return give(form, form->delimiter + from, len);
}

/* Where the first delimiter in the chunk begins, or the part of one at its end; else `end`. */
static const char *find_delimiter(const struct http_multipart *form, const char *at,
                                  const char *end)
{
    size_t len = form->delimiter_len;
    while ((size_t)(end - at) >= len) {
        if (*at == '\r' && memcmp(at, form->delimiter, len) == 0)
            return at;
        at += form->shift[(unsigned char)at[len - 1]];
    }
    for (const char *from = end; from > at; from--)
        if (from[-1] == '\r')
            return memcmp(from - 1, form->delimiter, (size_t)(end - from + 1)) == 0 ? from - 1
                                                                                    : end;
    return end;
}

/* Goes on with a delimiter begun in an earlier chunk. */
static enum http_multipart_err match(struct http_multipart *form, const char **at, const char *end)
{
    while (*at < end && form->matched < form->delimiter_len &&
           **at == form->delimiter[form->matched]) {
        form->matched++;
        ++*at;
    }
    if (form->matched == form->delimiter_len)
        form->state = STATE_TAIL;
    else if (*at < end)
        return give_back(form);
    return HTTP_MULTIPART_OK;
}

static enum http_multipart_err search(struct http_multipart *form, const char **at, const char *end)
{
    if (form->matched != 0)
        return match(form, at, end);
    const char *from = *at;
    const char *found = find_delimiter(form, from, end);
    size_t left = (size_t)(end - found);
    form->matched = left < form->delimiter_len ? left : form->delimiter_len;
    if (form->matched == form->delimiter_len)
        form->state = STATE_TAIL;
    *at = found + form->matched;
    return give(form, from, (size_t)(found - from));
}

/* ---- lines --------------------------------------------------------------------------------- */

/* A delimiter it is: the part before it ends. */
static enum http_multipart_err end_part(struct http_multipart *form)
{
    bool was_in_part = form->in_part;
    form->matched = form->borrowed = 0;
    form->in_part = false;
    return was_in_part ? go_on(form->callbacks.on_part_end(form->ctx)) : HTTP_MULTIPART_OK;
}

/* The byte behind "--boundary". A line that goes on with anything else is data: perhaps the
 * delimiter of a form within a form, whose boundary begins as ours. */
static enum http_multipart_err take_tail(struct http_multipart *form, const char **at)
{
    switch (**at) {
    case '-':
        form->state = STATE_DASH;
        break;
    case '\r':
        form->state = STATE_LINE_FEED;
        break;
    case ' ':
    case '\t':
        form->state = STATE_PADDING;
        break;
    case '\n':
        return HTTP_MULTIPART_SYNTAX;
    default:
        return give_back(form);
    }
    ++*at;
    return HTTP_MULTIPART_OK;
}

static enum http_multipart_err take_dash(struct http_multipart *form, const char **at)
{
    if (**at == '-') {
        ++*at;
        form->state = STATE_EPILOGUE;
        return end_part(form);
    }
    enum http_multipart_err err = give_back(form);
    return err == HTTP_MULTIPART_OK ? give(form, "-", 1) : err;
}

static enum http_multipart_err take_padding(struct http_multipart *form, const char **at,
                                            const char *end)
{
    while (*at < end && (**at == ' ' || **at == '\t'))
        ++*at;
    if (*at == end)
        return HTTP_MULTIPART_OK;
    if (**at != '\r')
        return HTTP_MULTIPART_SYNTAX;
    ++*at;
    form->state = STATE_LINE_FEED;
    return HTTP_MULTIPART_OK;
}

static enum http_multipart_err take_line_feed(struct http_multipart *form, const char **at)
{
    if (**at != '\n')
        return HTTP_MULTIPART_SYNTAX;
    ++*at;
    enum http_multipart_err err = end_part(form);
    if (err != HTTP_MULTIPART_OK)
        return err;
    if (form->parts == HTTP_MULTIPART_PARTS)
        return HTTP_MULTIPART_TOO_MANY;
    form->parts++;
    form->head.len = form->line = 0;
    form->state = STATE_HEAD;
    return HTTP_MULTIPART_OK;
}

static enum http_multipart_err begin_part(struct http_multipart *form)
{
    struct http_part part;
    if (!http_part_head(form->head.ptr, form->line, &part))
        return HTTP_MULTIPART_SYNTAX;
    form->in_part = true;
    form->state = STATE_SEARCH;
    form->matched = form->borrowed = LINE_END_BYTES; /* an empty part needs no line end */
    return go_on(form->callbacks.on_part_begin(form->ctx, &part));
}

static enum http_multipart_err take_head(struct http_multipart *form, const char **at,
                                         const char *end)
{
    const char *line_end = memchr(*at, '\n', (size_t)(end - *at));
    const char *stop = line_end != NULL ? line_end + 1 : end;
    enum dify_err err = dify__buffer_append(&form->head, *at, (size_t)(stop - *at));
    if (err != DIFY_OK)
        return err == DIFY_ERR_NOMEM ? HTTP_MULTIPART_NOMEM : HTTP_MULTIPART_HEAD_TOO_LARGE;
    *at = stop;
    if (line_end == NULL)
        return HTTP_MULTIPART_OK;
    size_t len = form->head.len - form->line;
    if (len < LINE_END_BYTES || form->head.ptr[form->head.len - 2] != '\r')
        return HTTP_MULTIPART_SYNTAX;
    if (len == LINE_END_BYTES)
        return begin_part(form);
    form->line = form->head.len;
    return HTTP_MULTIPART_OK;
}

/* ---- feeding ------------------------------------------------------------------------------- */

/* Takes what it can of the bytes at `*at`, at least one or a change of state. */
static enum http_multipart_err step(struct http_multipart *form, const char **at, const char *end)
{
    switch (form->state) {
    case STATE_SEARCH:
        return search(form, at, end);
    case STATE_TAIL:
        return take_tail(form, at);
    case STATE_DASH:
        return take_dash(form, at);
    case STATE_PADDING:
        return take_padding(form, at, end);
    case STATE_LINE_FEED:
        return take_line_feed(form, at);
    case STATE_HEAD:
        return take_head(form, at, end);
    case STATE_EPILOGUE:
        break;
    }
    *at = end;
    return HTTP_MULTIPART_OK;
}

enum http_multipart_err http_multipart_feed(struct http_multipart *form, struct dify_slice bytes)
{
    if (bytes.len == 0)
        return form->failed;
    const char *at = bytes.ptr;
    const char *end = bytes.ptr + bytes.len;
    while (form->failed == HTTP_MULTIPART_OK && at < end)
        form->failed = step(form, &at, end);
    return form->failed;
}

enum http_multipart_err http_multipart_end(struct http_multipart *form)
{
    if (form->failed == HTTP_MULTIPART_OK && form->state != STATE_EPILOGUE)
        form->failed = HTTP_MULTIPART_TRUNCATED;
    return form->failed;
}

const char *http_multipart_strerror(enum http_multipart_err err)
{
    switch (err) {
    case HTTP_MULTIPART_OK:
        return "no error";
    case HTTP_MULTIPART_NOMEM:
        return "out of memory";
    case HTTP_MULTIPART_NOT_A_FORM:
        return "the content type is not multipart/form-data with a boundary";
    case HTTP_MULTIPART_SYNTAX:
        return "a part of the form has a malformed head or no name";
    case HTTP_MULTIPART_HEAD_TOO_LARGE:
        return "the head of a part of the form is too large";
    case HTTP_MULTIPART_TOO_MANY:
        return "the form has too many parts";
    case HTTP_MULTIPART_TRUNCATED:
        return "the form ends before its closing boundary";
    case HTTP_MULTIPART_STOPPED:
        return "the form was not wanted to its end";
    }
    return "unknown error";
}
