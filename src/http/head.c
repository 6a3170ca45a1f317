/* SPDX-License-Identifier: Apache-2.0
 *
 * head.c: see head.h.
 *
 * A head is collected line by line into one buffer, and llhttp is fed from there. Two things are
 * thus known of every line: what llhttp made of it (offsets into the buffer) and what it looks like
 * to us. A body with a Content-Length is counted here; one in chunks goes through llhttp, without
 * being copied.
 *
 * llhttp's callbacks pause it at each thing worth telling, so that nothing is called back out of
 * http_head_feed(). Its upgrade mode is switched off: Upgrade is a field like any other here.
 */
#include "http/head.h"

#include "core/slices.h"
#include "http/fields.h"
#include "http/target.h"

#include <assert.h>
#include <llhttp.h>

enum state {
    START,  /* before a request's first byte */
    LINES,  /* in the head */
    READY,  /* the message waits to be taken */
    LENGTH, /* in a body of a known length */
    CHUNKS, /* in a body of chunks, trailers included */
    ENDED,  /* in CHUNKS: llhttp saw the end */
    REFUSED /* for good */
};

/* Room for the longest name of http_is_framing_field(), and one more. */
#define TRAILER_NAME_BYTES 24

/* What llhttp said of the line at hand: offsets into the buffer. */
struct seen {
    size_t name_at, name_len;
    size_t value_at, value_len;
    bool has_name, has_value;
};

struct http_head {
    const struct dify_allocator *allocator;
    struct http_head_limits limits;
    struct http_refusal refusal;
    enum state state;
    bool has_skipped; /* the one empty line before a request */
    bool after_cr;
    bool is_complete; /* llhttp has seen the end of the head */
    llhttp_t llhttp;

    struct dify__buffer lines; /* the head */
    size_t line_at, line_len;  /* the line at hand, without its CRLF */
    size_t line_count;
    struct seen seen;
    struct http_message *message;

    uint64_t body_bytes; /* told of so far */
    uint64_t body_left;  /* of LENGTH */
    size_t extension_bytes, trailer_bytes, trailer_count;
    char trailer_name[TRAILER_NAME_BYTES];
    size_t trailer_name_len;
    struct dify_slice body; /* what on_body saw, to be told */
    size_t framing_bytes;   /* of chunks, since the last byte of the body */
};

/* ---- refusing ------------------------------------------------------------------------------ */

static enum http_head_step refuse(struct http_head *head, int status, const char *reason)
{
    if (head->state != REFUSED) {
        head->state = REFUSED;
        head->refusal = (struct http_refusal){status, reason};
    }
    return HTTP_HEAD_REFUSED;
}

/* From within a callback of llhttp. */
static int stop(struct http_head *head, int status, const char *reason)
{
    (void)refuse(head, status, reason);
    return HPE_USER;
}

/* A method that is none of ours: what came is a token up to here, or it is no method at all. */
static enum http_head_step refuse_method(struct http_head *head, size_t at)
{
    bool is_token = at < head->lines.len && (http_is_token_char(head->lines.ptr[at]) ||
                                             (head->lines.ptr[at] == ' ' && at != 0));
    return is_token ? refuse(head, 501, "unknown method") : refuse(head, 400, "bad method");
}

/* The text of a version that ends at `at`: one of ours that was followed by something else, another
 * one, or none. */
static enum http_head_step refuse_version(struct http_head *head, size_t at)
{
    const char *text = head->lines.ptr + at;
    if (at < 8 || at > head->lines.len || memcmp(text - 8, "HTTP/", 5) != 0 ||
        !http_is_digit(text[-3]) || text[-2] != '.' || !http_is_digit(text[-1]) ||
        memcmp(text - 3, "1.0", 3) == 0 || memcmp(text - 3, "1.1", 3) == 0)
        return refuse(head, 400, "bad HTTP version");
    return refuse(head, 505, "HTTP version");
}

/* llhttp has stopped by itself; `at` is where, in the buffer. Its reasons are static. */
static enum http_head_step refuse_by_llhttp(struct http_head *head, size_t at)
{
    switch (llhttp_get_errno(&head->llhttp)) {
    case HPE_INVALID_METHOD:
        return refuse_method(head, at);
    case HPE_INVALID_VERSION:
        return refuse_version(head, at);
    case HPE_PAUSED_H2_UPGRADE:
        return refuse(head, 505, "HTTP/2 is not spoken here");
    default: {
        const char *reason = llhttp_get_error_reason(&head->llhttp);
        return refuse(head, 400, reason != NULL && *reason != '\0' ? reason : "malformed request");
    }
    }
}

/* ---- llhttp's callbacks -------------------------------------------------------------------- */

static struct http_head *head_of(llhttp_t *llhttp)
{
    return llhttp->data;
}

/* Notes a span of the head, which may come in pieces. An empty one is not noted: that of an empty
 * value comes only with the next line. */
static void note(const struct http_head *head, bool *has, size_t *at, size_t *len,
                 const char *bytes, size_t count)
{
    if (count == 0)
        return;
    if (!*has)
        *at = (size_t)(bytes - head->lines.ptr);
    *has = true;
    *len += count;
}

static int on_url(llhttp_t *llhttp, const char *bytes, size_t len)
{
    struct http_head *head = head_of(llhttp);
    note(head, &head->seen.has_value, &head->seen.value_at, &head->seen.value_len, bytes, len);
    return 0;
}

static int on_header_field(llhttp_t *llhttp, const char *bytes, size_t len)
{
    struct http_head *head = head_of(llhttp);
    if (head->state == LINES) {
        note(head, &head->seen.has_name, &head->seen.name_at, &head->seen.name_len, bytes, len);
        return 0;
    }
    head->trailer_bytes += len;
    if (head->trailer_bytes > head->limits.max_head_bytes)
        return stop(head, 431, "too many bytes of trailers");
    for (size_t i = 0; i < len && head->trailer_name_len < TRAILER_NAME_BYTES; i++)
        head->trailer_name[head->trailer_name_len++] = bytes[i];
    return 0;
}

static int on_header_field_complete(llhttp_t *llhttp)
{
    struct http_head *head = head_of(llhttp);
    struct dify_slice name = {head->trailer_name, head->trailer_name_len};
    if (head->state == LINES)
        return 0;
    head->trailer_name_len = 0;
    if (++head->trailer_count > HTTP_HEADERS)
        return stop(head, 431, "too many trailers");
    if (!http_is_token(name))
        return stop(head, 400, "malformed trailer");
    if (http_is_framing_field(name))
        return stop(head, 400, "a trailer that may not be one");
    return 0;
}

static int on_header_value(llhttp_t *llhttp, const char *bytes, size_t len)
{
    struct http_head *head = head_of(llhttp);
    if (head->state == LINES) {
        note(head, &head->seen.has_value, &head->seen.value_at, &head->seen.value_len, bytes, len);
        return 0;
    }
    head->trailer_bytes += len;
    if (head->trailer_bytes > head->limits.max_head_bytes)
        return stop(head, 431, "too many bytes of trailers");
    if (!http_is_value((struct dify_slice){bytes, len}))
        return stop(head, 400, "malformed trailer");
    return 0;
}

static int on_headers_complete(llhttp_t *llhttp)
{
    llhttp->upgrade = 0;
    head_of(llhttp)->is_complete = true;
    return HPE_PAUSED;
}

static int on_chunk_extension(llhttp_t *llhttp, const char *bytes, size_t len)
{
    struct http_head *head = head_of(llhttp);
    (void)bytes;
    head->extension_bytes += len;
    if (head->extension_bytes > HTTP_CHUNK_EXTENSION_BYTES)
        return stop(head, 400, "too many bytes of chunk extensions");
    return 0;
}

static int on_chunk_header(llhttp_t *llhttp)
{
    struct http_head *head = head_of(llhttp);
    if (llhttp->content_length > head->limits.max_body_bytes - head->body_bytes)
        return stop(head, 413, "body too large");
    return 0;
}

static int on_body(llhttp_t *llhttp, const char *bytes, size_t len)
{
    struct http_head *head = head_of(llhttp);
    head->body = (struct dify_slice){bytes, len};
    head->body_bytes += len;
    return len != 0 ? HPE_PAUSED : 0;
}

static int on_message_complete(llhttp_t *llhttp)
{
    head_of(llhttp)->state = ENDED;
    return HPE_PAUSED;
}

static const llhttp_settings_t settings = {
    .on_url = on_url,
    .on_header_field = on_header_field,
    .on_header_field_complete = on_header_field_complete,
    .on_header_value = on_header_value,
    .on_headers_complete = on_headers_complete,
    .on_chunk_extension_name = on_chunk_extension,
    .on_chunk_extension_value = on_chunk_extension,
    .on_chunk_header = on_chunk_header,
    .on_body = on_body,
    .on_message_complete = on_message_complete,
};

/* ---- lines --------------------------------------------------------------------------------- */

static bool read_method(struct dify_slice text, enum http_method *method)
{
    static const struct {
        const char *name;
        enum http_method method;
    } methods[] = {{"GET", HTTP_GET_},         {"HEAD", HTTP_HEAD_},     {"POST", HTTP_POST_},
                   {"PUT", HTTP_PUT_},         {"DELETE", HTTP_DELETE_}, {"PATCH", HTTP_PATCH_},
                   {"OPTIONS", HTTP_OPTIONS_}, {"TRACE", HTTP_TRACE_},   {"QUERY", HTTP_QUERY_}};
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        if (dify__slice_is(text, methods[i].name)) {
            *method = methods[i].method;
            return true;
        }
    }
    return false;
}

/* The parts of a request line: method SP target SP version. */
struct request_line {
    struct dify_slice method, target, version;
};

static bool split_request_line(struct dify_slice line, struct request_line *parts)
{
    const char *first = memchr(line.ptr, ' ', line.len);
    if (first == NULL)
        return false;
    const char *end = line.ptr + line.len;
    const char *second = memchr(first + 1, ' ', (size_t)(end - first - 1));
    if (second == NULL)
        return false;
    parts->method = (struct dify_slice){line.ptr, (size_t)(first - line.ptr)};
    parts->target = (struct dify_slice){first + 1, (size_t)(second - first - 1)};
    parts->version = (struct dify_slice){second + 1, (size_t)(end - second - 1)};
    return true;
}

static bool is_target_text(struct dify_slice target)
{
    for (size_t i = 0; i < target.len; i++)
        if (target.ptr[i] <= ' ' || target.ptr[i] > '~' || target.ptr[i] == '#')
            return false;
    return target.len != 0;
}

static struct dify_slice line_of(const struct http_head *head)
{
    return (struct dify_slice){head->lines.ptr + head->line_at, head->line_len};
}

static enum http_head_step check_request_line(struct http_head *head)
{
    struct request_line parts;
    enum http_method method;
    struct dify_slice line = line_of(head);
    if (!split_request_line(line, &parts))
        return refuse(head, 400, "no request line of HTTP/1.1");
    if (!read_method(parts.method, &method))
        return refuse(head, 501, "unknown method");
    if (!is_target_text(parts.target) ||
        head->seen.value_at != (size_t)(parts.target.ptr - head->lines.ptr) ||
        head->seen.value_len != parts.target.len)
        return refuse(head, 400, "bad request target");
    if (!dify__slice_is(parts.version, "HTTP/1.1") && !dify__slice_is(parts.version, "HTTP/1.0"))
        return refuse_version(head, head->line_at + head->line_len);
    if (head->llhttp.http_major != 1 ||
        head->llhttp.http_minor != (unsigned)(parts.version.ptr[7] - '0'))
        return refuse(head, 400, "bad HTTP version");
    return HTTP_HEAD_MORE;
}

/* A line `name: value` in its parts; false if it is none. */
static bool split_field(struct dify_slice line, struct http_field *field)
{
    const char *colon = line.len != 0 ? memchr(line.ptr, ':', line.len) : NULL;
    if (colon == NULL)
        return false;
    field->name = (struct dify_slice){line.ptr, (size_t)(colon - line.ptr)};
    field->value =
        http_trim((struct dify_slice){colon + 1, line.len - (size_t)(colon - line.ptr) - 1});
    return http_is_token(field->name) && http_is_value(field->value);
}

/* llhttp must have seen the same name and the same value in this line. */
static enum http_head_step check_field(struct http_head *head)
{
    struct http_field field;
    const struct seen *seen = &head->seen;
    if (!split_field(line_of(head), &field))
        return refuse(head, 400, "malformed header field");
    struct dify_slice value = {head->lines.ptr + seen->value_at,
                               seen->has_value ? seen->value_len : 0};
    value = http_trim(value);
    if (!seen->has_name || seen->name_at != head->line_at || seen->name_len != field.name.len ||
        !dify__slice_equals(value, field.value) || (value.len != 0 && value.ptr != field.value.ptr))
        return refuse(head, 400, "malformed header field");
    if (head->line_count > HTTP_HEADERS)
        return refuse(head, 431, "too many header fields");
    return HTTP_HEAD_MORE;
}

/* ---- a complete head ----------------------------------------------------------------------- */

/* What the fields say of the message's framing and of its connection. */
struct framing {
    unsigned lengths, encodings, hosts;
    bool is_chunked;
    uint64_t length;
    bool closes, keeps_alive;
    bool expects, expects_other;
};

static const char *read_field(struct framing *framing, struct http_request *request,
                              const struct http_field *field)
{
    if (dify__slice_is(field->name, "content-length")) {
        framing->lengths++;
        if (!http_read_length(field->value, &framing->length))
            return "bad Content-Length";
    } else if (dify__slice_is(field->name, "transfer-encoding")) {
        framing->encodings++;
        framing->is_chunked = http_is_like(field->value, "chunked");
        if (!framing->is_chunked)
            return "Transfer-Encoding is not chunked";
    } else if (dify__slice_is(field->name, "host")) {
        framing->hosts++;
        request->host = field->value;
        if (!http_is_host(field->value))
            return "bad Host";
    } else if (dify__slice_is(field->name, "connection")) {
        struct dify_slice rest = field->value, item;
        while (http_list_next(&rest, &item)) {
            framing->closes = framing->closes || http_is_like(item, "close");
            framing->keeps_alive = framing->keeps_alive || http_is_like(item, "keep-alive");
        }
    } else if (dify__slice_is(field->name, "expect")) {
        if (http_is_like(field->value, "100-continue"))
            framing->expects = true;
        else
            framing->expects_other = true;
    }
    return NULL;
}

/* Splits the copied lines of the message into its fields. */
static const char *read_fields(struct http_message *message, char *lines, size_t len,
                               struct http_field *fields, struct framing *framing)
{
    struct http_request *request = &message->request;
    size_t count = 0;
    char *line = (char *)memchr(lines, '\n', len) + 1;
    while (*line != '\r') {
        char *end = memchr(line, '\r', len - (size_t)(line - lines));
        struct http_field *field = &fields[count++];
        (void)split_field((struct dify_slice){line, (size_t)(end - line)}, field);
        for (size_t i = 0; i < field->name.len; i++)
            if (line[i] >= 'A' && line[i] <= 'Z')
                line[i] = (char)(line[i] - 'A' + 'a');
        const char *wrong = read_field(framing, request, field);
        if (wrong != NULL)
            return wrong;
        line = end + 2;
    }
    request->fields = fields;
    request->field_count = count;
    return NULL;
}

static const char *check_framing(const struct http_head *head, const struct framing *framing,
                                 const struct http_request *request)
{
    bool llhttp_chunked = (head->llhttp.flags & F_CHUNKED) != 0;
    if (framing->lengths > 1)
        return "two Content-Length fields";
    if (framing->encodings > 1)
        return "two Transfer-Encoding fields";
    if (framing->lengths != 0 && framing->encodings != 0)
        return "both Content-Length and Transfer-Encoding";
    if (framing->encodings != 0 && request->minor_version == 0)
        return "Transfer-Encoding in HTTP/1.0";
    if (framing->hosts > 1)
        return "two Host fields";
    if (framing->hosts == 0 && request->minor_version == 1)
        return "no Host field";
    if (framing->is_chunked != llhttp_chunked ||
        (!llhttp_chunked && framing->length != head->llhttp.content_length))
        return "the length of the body is not clear";
    return NULL;
}

/* The message in one block: itself, its fields, its text. NULL if there is no memory. */
static struct http_message *new_message(const struct http_head *head, char **lines,
                                        struct http_field **fields)
{
    size_t count = head->line_count - 1;
    size_t size = sizeof(struct http_message) + count * sizeof **fields + head->lines.len;
    struct http_message *message = dify__malloc(head->allocator, size);
    if (message == NULL)
        return NULL;
    memset(message, 0, sizeof *message);
    *fields = (struct http_field *)(void *)(message + 1);
    *lines = (char *)(*fields + count);
    memcpy(*lines, head->lines.ptr, head->lines.len);
    return message;
}

static const char *read_message(struct http_head *head, struct http_message *message, char *lines,
                                struct http_field *fields, struct framing *framing)
{
    struct http_request *request = &message->request;
    struct request_line parts;
    const char *end = memchr(lines, '\r', head->lines.len);
    (void)split_request_line((struct dify_slice){lines, (size_t)(end - lines)}, &parts);
    (void)read_method(parts.method, &request->method);
    request->target = parts.target;
    request->minor_version = (unsigned)(parts.version.ptr[7] - '0');
    const char *wrong = read_fields(message, lines, head->lines.len, fields, framing);
    if (wrong == NULL)
        wrong = check_framing(head, framing, request);
    if (wrong == NULL)
        wrong = http_read_target(request);
    return wrong;
}

static enum http_head_step complete(struct http_head *head)
{
    struct framing framing = {0};
    char *lines;
    struct http_field *fields;
    struct http_message *message = new_message(head, &lines, &fields);
    if (message == NULL)
        return refuse(head, 0, "out of memory");
    struct http_request *request = &message->request;
    const char *wrong = read_message(head, message, lines, fields, &framing);
    if (wrong != NULL || framing.expects_other) {
        dify__free(head->allocator, message);
        return wrong != NULL ? refuse(head, 400, wrong) : refuse(head, 417, "unknown expectation");
    }
    request->content_length = framing.is_chunked ? UINT64_MAX : framing.length;
    request->has_body = request->content_length != 0;
    message->keeps_alive = !framing.closes && (request->minor_version == 1 || framing.keeps_alive);
    message->expects_continue = framing.expects && request->minor_version == 1 && request->has_body;
    head->message = message;
    head->body_left = request->content_length;
    head->state = READY;
    dify__buffer_fini(&head->lines);
    return HTTP_HEAD_READY;
}

/* ---- feeding a head ------------------------------------------------------------------------ */

static void start(struct http_head *head)
{
    llhttp_init(&head->llhttp, HTTP_REQUEST, &settings);
    head->llhttp.data = head;
    head->state = LINES;
    head->has_skipped = head->after_cr = head->is_complete = false;
    head->line_at = head->line_len = head->line_count = 0;
    head->seen = (struct seen){0};
    head->body_bytes = head->framing_bytes = 0;
    head->extension_bytes = head->trailer_bytes = head->trailer_count = 0;
    head->trailer_name_len = 0;
}

/* RFC 9112 §2.2: an empty line before a request is skipped; one. Returns bytes used. */
static size_t skip_empty_line(struct http_head *head, const char *bytes, size_t len)
{
    size_t at = 0;
    for (; at < len; at++) {
        if (head->after_cr) {
            if (bytes[at] != '\n') {
                (void)refuse(head, 400, "a CR without LF");
                break;
            }
            head->after_cr = false;
            head->has_skipped = true;
        } else if (bytes[at] == '\r' && !head->has_skipped) {
            head->after_cr = true;
        } else if (bytes[at] == '\r' || bytes[at] == '\n') {
            (void)refuse(head, 400, "no request line");
            break;
        } else {
            start(head);
            break;
        }
    }
    return at;
}

/* How a stretch of bytes of a head ends. */
struct stretch {
    size_t len;     /* bytes in which nothing is wrong */
    bool ends_line; /* the last one is a line's LF */
    int status;     /* not 0: the next byte is refused */
    const char *reason;
};

/* Looks for the end of the line, the ceilings, and for a CR or LF alone. */
static struct stretch scan(struct http_head *head, const char *bytes, size_t len)
{
    struct stretch stretch = {0, false, 0, NULL};
    for (; stretch.len < len; stretch.len++) {
        char c = bytes[stretch.len];
        if (head->lines.len + stretch.len == head->limits.max_head_bytes) {
            stretch.status = head->line_count == 0 ? 414 : 431;
            stretch.reason = head->line_count == 0 ? "request line too long" : "head too large";
            break;
        }
        if (head->after_cr != (c == '\n')) {
            stretch.status = 400;
            stretch.reason = c == '\n' ? "an LF without CR" : "a CR without LF";
            break;
        }
        if (c == '\n') {
            stretch.ends_line = true;
            head->after_cr = false;
            stretch.len++;
            break;
        }
        head->after_cr = c == '\r';
        if (c == '\r')
            continue;
        if (head->line_count == 0 && head->line_len == head->limits.max_line_bytes) {
            stretch.status = 414;
            stretch.reason = "request line too long";
            break;
        }
        head->line_len++;
    }
    return stretch;
}

/* A line has been read, by us and by llhttp. */
static enum http_head_step end_line(struct http_head *head)
{
    enum http_head_step step = HTTP_HEAD_MORE;
    bool is_empty = head->line_len == 0;
    if (is_empty != head->is_complete)
        return refuse(head, 400, "the end of the head is not clear");
    if (is_empty)
        return complete(head);
    step = head->line_count == 0 ? check_request_line(head) : check_field(head);
    head->line_count++;
    head->line_at = head->lines.len;
    head->line_len = 0;
    head->seen = (struct seen){0};
    return step;
}

static enum http_head_step feed_line(struct http_head *head, const char *bytes, size_t len,
                                     size_t *used)
{
    struct stretch stretch = scan(head, bytes, len);
    size_t at = head->lines.len;
    *used += stretch.len;
    if (dify__buffer_append(&head->lines, bytes, stretch.len) != DIFY_OK)
        return refuse(head, 0, "out of memory");
    if (stretch.len != 0) {
        llhttp_errno_t err = llhttp_execute(&head->llhttp, head->lines.ptr + at, stretch.len);
        if (head->state == REFUSED)
            return HTTP_HEAD_REFUSED;
        if (err != HPE_OK && !(err == HPE_PAUSED && head->is_complete))
            return refuse_by_llhttp(
                head, (size_t)(llhttp_get_error_pos(&head->llhttp) - head->lines.ptr));
    }
    if (stretch.status != 0)
        return refuse(head, stretch.status, stretch.reason);
    return stretch.ends_line ? end_line(head) : HTTP_HEAD_MORE;
}

/* ---- feeding a body ------------------------------------------------------------------------ */

static enum http_head_step end_body(struct http_head *head)
{
    head->state = START;
    head->body_left = 0;
    return HTTP_HEAD_END;
}

static enum http_head_step feed_length(struct http_head *head, const char *bytes, size_t len,
                                       size_t *used, struct dify_slice *body)
{
    if (head->body_left == 0)
        return end_body(head);
    if (http_head_is_too_large(head))
        return refuse(head, 413, "body too large");
    size_t count = head->body_left < len ? (size_t)head->body_left : len;
    if (count == 0)
        return HTTP_HEAD_MORE;
    head->body_left -= count;
    head->body_bytes += count;
    *body = (struct dify_slice){bytes, count};
    *used = count;
    return HTTP_HEAD_BODY;
}

static enum http_head_step feed_chunks(struct http_head *head, const char *bytes, size_t len,
                                       size_t *used, struct dify_slice *body)
{
    if (len == 0)
        return HTTP_HEAD_MORE;
    if (llhttp_get_errno(&head->llhttp) == HPE_PAUSED)
        llhttp_resume(&head->llhttp);
    llhttp_errno_t err = llhttp_execute(&head->llhttp, bytes, len);
    if (head->state == REFUSED)
        return HTTP_HEAD_REFUSED;
    bool has_body = err == HPE_PAUSED && head->state != ENDED;
    *used = err == HPE_OK ? len : (size_t)(llhttp_get_error_pos(&head->llhttp) - bytes);
    head->framing_bytes += *used - (has_body ? head->body.len : 0);
    if (head->framing_bytes >
        HTTP_CHUNK_LINE_BYTES + HTTP_CHUNK_EXTENSION_BYTES + head->limits.max_head_bytes)
        return refuse(head, 400, "too much between two bytes of the body");
    if (err == HPE_OK)
        return HTTP_HEAD_MORE;
    if (err != HPE_PAUSED)
        return refuse_by_llhttp(head, 0);
    if (!has_body)
        return end_body(head);
    head->framing_bytes = 0;
    *body = head->body;
    return HTTP_HEAD_BODY;
}

/* ---- the interface ------------------------------------------------------------------------- */

enum dify_err http_head_new(const struct dify_allocator *allocator,
                            const struct http_head_limits *limits, struct http_head **out)
{
    allocator = dify__allocator(allocator);
    struct http_head *head = dify__calloc(allocator, sizeof *head);
    if (head == NULL)
        return DIFY_ERR_NOMEM;
    head->allocator = allocator;
    head->limits = *limits;
    if (head->limits.max_head_bytes == 0)
        head->limits.max_head_bytes = HTTP_HEAD_BYTES;
    if (head->limits.max_line_bytes == 0)
        head->limits.max_line_bytes = head->limits.max_head_bytes;
    if (head->limits.max_body_bytes == 0)
        head->limits.max_body_bytes = HTTP_BODY_BYTES;
    head->lines.allocator = allocator;
    head->lines.max = head->limits.max_head_bytes;
    head->state = START;
    *out = head;
    return DIFY_OK;
}

void http_head_free(struct http_head *head)
{
    if (head == NULL)
        return;
    dify__free(head->allocator, head->message);
    dify__buffer_fini(&head->lines);
    dify__free(head->allocator, head);
}

enum http_head_step http_head_feed(struct http_head *head, const char *bytes, size_t len,
                                   size_t *used, struct dify_slice *body)
{
    enum http_head_step step = HTTP_HEAD_MORE;
    assert(head->state != READY);
    *used = 0;
    if (head->state == LENGTH)
        return feed_length(head, bytes, len, used, body);
    if (head->state == CHUNKS)
        return feed_chunks(head, bytes, len, used, body);
    if (head->state == START)
        *used = skip_empty_line(head, bytes, len);
    while (step == HTTP_HEAD_MORE && *used < len && head->state == LINES)
        step = feed_line(head, bytes + *used, len - *used, used);
    return head->state == REFUSED ? HTTP_HEAD_REFUSED : step;
}

struct http_message *http_head_take_message(struct http_head *head)
{
    struct http_message *message = head->message;
    assert(head->state == READY);
    head->message = NULL;
    if (!message->request.has_body)
        head->state = START;
    else
        head->state = message->request.content_length == UINT64_MAX ? CHUNKS : LENGTH;
    return message;
}

void http_head_limit_body(struct http_head *head, uint64_t max_bytes)
{
    /* Bytes that were told of already are not taken back. */
    head->limits.max_body_bytes = max_bytes > head->body_bytes ? max_bytes : head->body_bytes;
}

uint64_t http_head_body_left(const struct http_head *head)
{
    return head->state == LENGTH || head->state == CHUNKS ? head->body_left : 0;
}

bool http_head_is_too_large(const struct http_head *head)
{
    return head->state == LENGTH &&
           head->body_left > head->limits.max_body_bytes - head->body_bytes;
}

bool http_head_is_partial(const struct http_head *head)
{
    return head->state == LINES || (head->state == START && head->after_cr);
}

struct http_refusal http_head_refusal(const struct http_head *head)
{
    return head->refusal;
}
