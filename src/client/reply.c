/* SPDX-License-Identifier: Apache-2.0
 *
 * reply.c: see reply.h. RFC 9112, sections 4 to 7; lines may end in LF alone.
 */
#include "client/reply.h"

#include "core/hex.h"
#include "core/json_text.h"
#include "core/slices.h"

#include <inttypes.h>
#include <stdio.h>
#include <strings.h>

/* Digits of a chunk's size, leading zeros included. */
#define SIZE_DIGITS 16

void dify__reply_init(struct dify__reply *reply, const struct dify_allocator *allocator)
{
    *reply = (struct dify__reply){.head = {.allocator = allocator, .max = DIFY__HEAD_BYTES}};
}

void dify__reply_fini(struct dify__reply *reply)
{
    dify__buffer_fini(&reply->head);
}

static enum dify__reply_step fail(struct dify__reply *reply, CURLcode code, const char *why)
{
    reply->state = DIFY__REPLY_FAILED;
    reply->code = code;
    snprintf(reply->why, sizeof reply->why, "%s", why);
    return DIFY__REPLY_BAD;
}

/* ---- fields -------------------------------------------------------------------------------- */

/* The value of a field of the head; absent if there is none. `line` is one of its lines. */
static struct dify_slice field_value(struct dify_slice line, const char *name)
{
    size_t len = strlen(name);
    if (line.len <= len || line.ptr[len] != ':' || strncasecmp(line.ptr, name, len) != 0)
        return (struct dify_slice){NULL, 0};
    const char *from = line.ptr + len + 1, *to = line.ptr + line.len;
    while (from < to && (*from == ' ' || *from == '\t'))
        from++;
    while (to > from && (to[-1] == ' ' || to[-1] == '\t' || to[-1] == '\r' || to[-1] == '\n'))
        to--;
    return (struct dify_slice){from, (size_t)(to - from)};
}

static void take_field(struct dify__head *head, struct dify_slice line)
{
    struct dify_slice value;
    uint64_t number;
    if ((value = field_value(line, "Content-Type")).ptr != NULL)
        head->content_type = value;
    else if ((value = field_value(line, "X-Version")).ptr != NULL)
        head->release = value;
    else if ((value = field_value(line, "X-Workflow-Run-ID")).ptr != NULL)
        head->workflow_run_id = value;
    else if ((value = field_value(line, "Retry-After")).ptr != NULL &&
             dify__parse_uint(value, &number))
        head->retry_after_s = number < INT32_MAX ? (int64_t)number : INT32_MAX;
    else if ((value = field_value(line, "Date")).ptr != NULL)
        head->date = value;
}

void dify__head_read(struct dify__head *head, int status, struct dify_slice text)
{
    *head = (struct dify__head){.status = status, .retry_after_s = -1, .text = text};
    while (text.len > 0) {
        const char *end = memchr(text.ptr, '\n', text.len);
        size_t len = end != NULL ? (size_t)(end - text.ptr) + 1 : text.len;
        take_field(head, (struct dify_slice){text.ptr, len});
        text.ptr += len;
        text.len -= len;
    }
}

int64_t dify__head_date_s(const struct dify__head *head)
{
    char text[64];
    if (head->date.ptr == NULL || head->date.len >= sizeof text)
        return 0;
    memcpy(text, head->date.ptr, head->date.len);
    text[head->date.len] = '\0';
    time_t date = curl_getdate(text, NULL);
    return date > 0 ? (int64_t)date : 0;
}

/* ---- the head ------------------------------------------------------------------------------ */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* "HTTP/1.1 200 OK" */
static bool take_status(struct dify__reply *reply, struct dify_slice line)
{
    const char *at = line.ptr;
    if (line.len < 13 || memcmp(at, "HTTP/1.", 7) != 0 || !is_digit(at[7]) || at[8] != ' ' ||
        at[9] < '1' || !is_digit(at[9]) || !is_digit(at[10]) || !is_digit(at[11]) ||
        is_digit(at[12])) {
        (void)fail(reply, CURLE_UNSUPPORTED_PROTOCOL, "Unsupported HTTP version in response");
        return false;
    }
    reply->status = (at[9] - '0') * 100 + (at[10] - '0') * 10 + (at[11] - '0');
    return true;
}

static bool take_length(struct dify__reply *reply, struct dify_slice value)
{
    uint64_t length;
    bool is_good = dify__parse_uint(value, &length) && length <= INT64_MAX;
    if (!is_good || (reply->has_length && reply->left != length)) {
        (void)fail(reply, CURLE_WEIRD_SERVER_REPLY, "Invalid Content-Length: value");
        return false;
    }
    reply->has_length = true;
    reply->left = length;
    return true;
}

/* A coding that is not known hides where the body ends, and so does "chunked" twice. */
static bool take_coding(struct dify__reply *reply, struct dify_slice value)
{
    if (value.len == 8 && strncasecmp(value.ptr, "identity", 8) == 0)
        return true;
    if (reply->is_chunked || value.len != 7 || strncasecmp(value.ptr, "chunked", 7) != 0) {
        (void)fail(reply, CURLE_BAD_CONTENT_ENCODING, "Unrecognized transfer encoding type");
        return false;
    }
    reply->is_chunked = true;
    return true;
}

static bool take_line(struct dify__reply *reply, struct dify_slice line)
{
    struct dify_slice value;
    bool is_folded = line.ptr[0] == ' ' || line.ptr[0] == '\t';
    bool after_framing = reply->after_framing;
    reply->after_framing = false;
    if (reply->line_count == 0)
        return take_status(reply, line);
    if (memchr(line.ptr, '\0', line.len) != NULL) {
        (void)fail(reply, CURLE_WEIRD_SERVER_REPLY, "Nul byte in header");
        return false;
    }
    if (is_folded ? reply->line_count == 1 || after_framing
                  : memchr(line.ptr, ':', line.len) == NULL) {
        (void)fail(reply, CURLE_WEIRD_SERVER_REPLY, "Header without colon");
        return false;
    }
    if ((value = field_value(line, "Content-Length")).ptr != NULL) {
        reply->after_framing = true;
        return take_length(reply, value);
    }
    if ((value = field_value(line, "Transfer-Encoding")).ptr != NULL) {
        reply->after_framing = true;
        return take_coding(reply, value);
    }
    return true;
}

static void begin_head(struct dify__reply *reply)
{
    reply->head.len = reply->line_at = reply->line_count = 0;
    reply->has_length = reply->is_chunked = reply->after_framing = false;
    reply->left = 0;
}

/* The empty line. An interim answer is followed by another; one that switches protocols is the last
 * that is HTTP. */
static enum dify__reply_step end_head(struct dify__reply *reply)
{
    if (reply->status >= 200) {
        reply->state = DIFY__REPLY_FRAMED;
        return DIFY__REPLY_HEAD;
    }
    if (reply->status == 101)
        return fail(reply, CURLE_OK, "");
    reply->interim_bytes += reply->head.len;
    if (reply->interim_bytes > DIFY__INTERIM_BYTES)
        return fail(reply, CURLE_RECV_ERROR, "Too large response headers");
    begin_head(reply);
    return DIFY__REPLY_MORE;
}

/* What is no HTTP is known by its first bytes, before a line ends. */
static bool begins_well(const struct dify__reply *reply)
{
    size_t len = reply->head.len < 5 ? reply->head.len : 5;
    return memcmp(reply->head.ptr, "HTTP/", len) == 0;
}

/* One line, or what there is of it. */
static enum dify__reply_step read_line(struct dify__reply *reply, struct dify_slice *bytes)
{
    const char *end = memchr(bytes->ptr, '\n', bytes->len);
    size_t len = end != NULL ? (size_t)(end - bytes->ptr) + 1 : bytes->len;
    enum dify_err err = dify__buffer_append(&reply->head, bytes->ptr, len);
    bytes->ptr += len;
    bytes->len -= len;
    if (err == DIFY_ERR_NOMEM)
        return fail(reply, CURLE_OUT_OF_MEMORY, "Out of memory");
    if (err != DIFY_OK)
        return fail(reply, CURLE_WRITE_ERROR, "Failed writing header");
    if (reply->line_count == 0 && !begins_well(reply))
        return fail(reply, CURLE_UNSUPPORTED_PROTOCOL, "Received HTTP/0.9 when not allowed");
    if (end == NULL)
        return DIFY__REPLY_MORE;
    struct dify_slice line = {reply->head.ptr + reply->line_at, reply->head.len - reply->line_at};
    if (reply->line_count > 0 && (line.ptr[0] == '\n' || (line.ptr[0] == '\r' && line.len == 2)))
        return end_head(reply);
    if (!take_line(reply, line))
        return DIFY__REPLY_BAD;
    reply->line_at = reply->head.len;
    reply->line_count++;
    return DIFY__REPLY_MORE;
}

/* ---- the body ------------------------------------------------------------------------------ */

/* A coding outweighs a length. */
static void frame(struct dify__reply *reply)
{
    bool is_empty = reply->status == 204 || reply->status == 304;
    if (is_empty || (reply->has_length && !reply->is_chunked && reply->left == 0))
        reply->state = DIFY__REPLY_WHOLE;
    else if (reply->is_chunked)
        reply->state = DIFY__REPLY_SIZE;
    else
        reply->state = reply->has_length ? DIFY__REPLY_LENGTH : DIFY__REPLY_OPEN;
    if (reply->is_chunked)
        reply->left = 0;
}

static void take(struct dify__reply *reply, struct dify_slice *bytes, struct dify_slice *body,
                 enum dify__reply_state next)
{
    size_t len = bytes->len < reply->left ? bytes->len : (size_t)reply->left;
    *body = (struct dify_slice){bytes->ptr, len};
    bytes->ptr += len;
    bytes->len -= len;
    reply->left -= len;
    if (reply->left == 0)
        reply->state = next;
}

static enum dify__reply_step fail_chunk(struct dify__reply *reply, const char *what)
{
    char why[sizeof reply->why];
    snprintf(why, sizeof why, "%s in chunked-encoding", what);
    return fail(reply, CURLE_RECV_ERROR, why);
}

static enum dify__reply_step read_size(struct dify__reply *reply, struct dify_slice *bytes)
{
    const char *at = bytes->ptr, *end = at + bytes->len;
    unsigned digit;
    for (; at < end && (digit = dify__hex_digit(*at)) <= 15; at++) {
        if (reply->line_bytes == SIZE_DIGITS)
            return fail_chunk(reply, "Too long hexadecimal number");
        reply->left = reply->left << 4 | digit;
        reply->line_bytes++;
    }
    *bytes = (struct dify_slice){at, (size_t)(end - at)};
    if (at == end)
        return DIFY__REPLY_MORE;
    if (reply->line_bytes == 0 || reply->left > INT64_MAX)
        return fail_chunk(reply, "Illegal or missing hexadecimal sequence");
    if (*at != '\r' && memchr(" \t;\n", *at, 4) == NULL)
        return fail_chunk(reply, "Malformed encoding found");
    reply->line_bytes = 0;
    reply->state = DIFY__REPLY_EXTENSION;
    return DIFY__REPLY_MORE;
}

/* One byte of a line whose bytes are of no interest. 1: it has ended; -1: it cannot be one. */
static int pass(struct dify__reply *reply, char byte)
{
    bool was_cr = reply->after_cr;
    reply->after_cr = byte == '\r';
    if (byte == '\n')
        return 1;
    return was_cr ? -1 : 0;
}

static enum dify__reply_step read_extension(struct dify__reply *reply, struct dify_slice *bytes)
{
    int passed = 0;
    while (bytes->len > 0 && passed == 0) {
        passed = pass(reply, bytes->ptr[0]);
        bytes->ptr++;
        bytes->len--;
        if (passed < 0 || ++reply->line_bytes > DIFY__EXTENSION_BYTES)
            return fail_chunk(reply, "Malformed encoding found");
    }
    if (passed > 0) {
        reply->line_bytes = 0;
        reply->state = reply->left > 0 ? DIFY__REPLY_CHUNK : DIFY__REPLY_TRAILERS;
    }
    return DIFY__REPLY_MORE;
}

static enum dify__reply_step read_chunk_end(struct dify__reply *reply, struct dify_slice *bytes)
{
    size_t at = 0;
    if (bytes->ptr[0] == '\r' && !reply->after_cr)
        reply->after_cr = ++at == bytes->len;
    if (at < bytes->len && bytes->ptr[at] != '\n')
        return fail_chunk(reply, "Malformed encoding found");
    if (at < bytes->len) {
        at++;
        reply->after_cr = false;
        reply->line_bytes = 0;
        reply->state = DIFY__REPLY_SIZE;
    }
    *bytes = (struct dify_slice){bytes->ptr + at, bytes->len - at};
    return DIFY__REPLY_MORE;
}

/* They are not looked at; an empty line ends them. */
static enum dify__reply_step read_trailers(struct dify__reply *reply, struct dify_slice *bytes)
{
    while (bytes->len > 0 && reply->state == DIFY__REPLY_TRAILERS) {
        char byte = bytes->ptr[0];
        int passed = pass(reply, byte);
        bytes->ptr++;
        bytes->len--;
        if (passed < 0 || ++reply->trailer_bytes > DIFY__TRAILER_BYTES)
            return fail_chunk(reply, "Malformed encoding found");
        if (passed > 0 && reply->line_bytes == 0)
            reply->state = DIFY__REPLY_WHOLE;
        reply->line_bytes = passed > 0 ? 0 : reply->line_bytes + (byte != '\r');
    }
    return DIFY__REPLY_MORE;
}

/* ---- all of it ----------------------------------------------------------------------------- */

/* A step of a state that is not told by itself: MORE goes on. */
static enum dify__reply_step read_framing(struct dify__reply *reply, struct dify_slice *bytes)
{
    switch (reply->state) {
    case DIFY__REPLY_LINES:
        return read_line(reply, bytes);
    case DIFY__REPLY_SIZE:
        return read_size(reply, bytes);
    case DIFY__REPLY_EXTENSION:
        return read_extension(reply, bytes);
    case DIFY__REPLY_CHUNK_END:
        return read_chunk_end(reply, bytes);
    default:
        return read_trailers(reply, bytes);
    }
}

enum dify__reply_step dify__reply_read(struct dify__reply *reply, struct dify_slice *bytes,
                                       struct dify_slice *body)
{
    enum dify__reply_step step = DIFY__REPLY_MORE;
    if (reply->state == DIFY__REPLY_FRAMED)
        frame(reply);
    while (step == DIFY__REPLY_MORE) {
        if (reply->state == DIFY__REPLY_WHOLE)
            return DIFY__REPLY_END;
        if (reply->state == DIFY__REPLY_FAILED)
            return DIFY__REPLY_BAD;
        if (bytes->len == 0)
            return DIFY__REPLY_MORE;
        switch (reply->state) {
        case DIFY__REPLY_LENGTH:
            take(reply, bytes, body, DIFY__REPLY_WHOLE);
            return DIFY__REPLY_BODY;
        case DIFY__REPLY_CHUNK:
            take(reply, bytes, body, DIFY__REPLY_CHUNK_END);
            return DIFY__REPLY_BODY;
        case DIFY__REPLY_OPEN:
            *body = *bytes;
            *bytes = (struct dify_slice){bytes->ptr + bytes->len, 0};
            return DIFY__REPLY_BODY;
        default:
            step = read_framing(reply, bytes);
        }
    }
    return step;
}

enum dify__reply_step dify__reply_close(struct dify__reply *reply)
{
    char why[sizeof reply->why];
    struct dify_slice nothing = {"", 0}, body;
    enum dify__reply_step step = dify__reply_read(reply, &nothing, &body);
    if (step != DIFY__REPLY_MORE)
        return step;
    if (reply->state == DIFY__REPLY_OPEN) {
        reply->state = DIFY__REPLY_WHOLE;
        return DIFY__REPLY_END;
    }
    if (reply->state == DIFY__REPLY_LINES && reply->line_count == 0)
        return fail(reply, CURLE_GOT_NOTHING, "Empty reply from server");
    if (reply->state == DIFY__REPLY_LINES && !reply->has_length)
        return fail(reply, CURLE_OK, "");
    if (reply->state != DIFY__REPLY_LENGTH && reply->state != DIFY__REPLY_LINES)
        return fail(reply, CURLE_PARTIAL_FILE,
                    "transfer closed with outstanding read data remaining");
    snprintf(why, sizeof why, "transfer closed with %" PRIu64 " bytes remaining to read",
             reply->left);
    return fail(reply, CURLE_PARTIAL_FILE, why);
}
