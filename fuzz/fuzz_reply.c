/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_reply.c: dify__reply_* against a plain reading of all bytes by position, and against itself
 * in other cuts; at most one head, no byte of the body that did not come, an end for good.
 */
#include "fuzz.h"

#include "client/reply.h"

#include <strings.h>

/* What is told of an answer: its status, its body, and how it ended (-1: whole). */
struct told {
    int status, code;
    struct fuzz_text body;
};

/* ---- the reference: by position ------------------------------------------------------------- */

struct reading {
    const char *bytes;
    size_t len, at;
};

/* The next line with its end; false if there is none. */
static bool next_line(struct reading *reading, struct dify_slice *line)
{
    const char *from = reading->bytes + reading->at;
    const char *end = memchr(from, '\n', reading->len - reading->at);
    *line = (struct dify_slice){from, end != NULL ? (size_t)(end - from) + 1 : 0};
    reading->at += line->len;
    return end != NULL;
}

static bool is_empty(struct dify_slice line)
{
    return line.len == 1 || (line.len == 2 && line.ptr[0] == '\r');
}

static bool is_digits(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (text[i] < '0' || text[i] > '9')
            return false;
    return len != 0;
}

static int status_of(struct dify_slice line)
{
    const char *text = line.ptr;
    if (line.len < 13 || strncmp(text, "HTTP/1.", 7) != 0 || !is_digits(text + 7, 1) ||
        text[8] != ' ' || !is_digits(text + 9, 3) || text[9] == '0' || is_digits(text + 12, 1))
        return 0;
    return (text[9] - '0') * 100 + (text[10] - '0') * 10 + text[11] - '0';
}

/* A field's value, without the blanks around it; absent if the line has another name. */
static struct dify_slice value_of(struct dify_slice line, const char *name)
{
    size_t len = strlen(name), end = line.len;
    if (line.len < len || strncasecmp(line.ptr, name, len) != 0)
        return (struct dify_slice){NULL, 0};
    while (len < end && strchr(" \t", line.ptr[len]) != NULL && line.ptr[len] != '\0')
        len++;
    while (end > len && line.ptr[end - 1] != '\0' && strchr(" \t\r\n", line.ptr[end - 1]) != NULL)
        end--;
    return (struct dify_slice){line.ptr + len, end - len};
}

struct framing {
    bool has_length, is_chunked;
    uint64_t length;
};

static int take_framing(struct framing *framing, struct dify_slice line, bool *is_framing)
{
    struct dify_slice value = value_of(line, "content-length:");
    if ((*is_framing = value.ptr != NULL)) {
        uint64_t length = 0;
        bool fits = is_digits(value.ptr, value.len);
        for (size_t i = 0; fits && i < value.len; i++) {
            fits = length <= (INT64_MAX - (uint64_t)(value.ptr[i] - '0')) / 10;
            length = length * 10 + (uint64_t)(value.ptr[i] - '0');
        }
        if (!fits || (framing->has_length && framing->length != length))
            return CURLE_WEIRD_SERVER_REPLY;
        framing->has_length = true;
        framing->length = length;
        return 0;
    }
    value = value_of(line, "transfer-encoding:");
    *is_framing = value.ptr != NULL;
    if (value.ptr == NULL || (value.len == 8 && strncasecmp(value.ptr, "identity", 8) == 0))
        return 0;
    if (framing->is_chunked || value.len != 7 || strncasecmp(value.ptr, "chunked", 7) != 0)
        return CURLE_BAD_CONTENT_ENCODING;
    framing->is_chunked = true;
    return 0;
}

/* Reads one head, to its status; 0 and `*code` if there is none. */
static int read_head(struct reading *reading, struct framing *framing, int *code)
{
    struct dify_slice line;
    size_t begin = reading->at, left = reading->len - begin, first = left < 5 ? left : 5;
    bool was_framing = false, is_framing;
    int status = 0;
    *framing = (struct framing){false, false, 0};
    *code = left != 0 && memcmp(reading->bytes + begin, "HTTP/", first) != 0
                ? CURLE_UNSUPPORTED_PROTOCOL
                : CURLE_GOT_NOTHING;
    if (*code == CURLE_UNSUPPORTED_PROTOCOL)
        return 0;
    for (size_t count = 0; next_line(reading, &line); count++, was_framing = is_framing) {
        is_framing = false;
        if (count != 0 && is_empty(line))
            return status;
        if (count == 0) {
            *code = (status = status_of(line)) != 0 ? CURLE_OK : CURLE_UNSUPPORTED_PROTOCOL;
            if (status == 0)
                return 0;
            continue;
        }
        bool is_folded = line.ptr[0] == ' ' || line.ptr[0] == '\t';
        *code = CURLE_WEIRD_SERVER_REPLY;
        if (memchr(line.ptr, '\0', line.len) != NULL ||
            (is_folded ? count == 1 || was_framing : memchr(line.ptr, ':', line.len) == NULL) ||
            (*code = take_framing(framing, line, &is_framing)) != 0)
            return 0;
        *code = framing->has_length ? CURLE_PARTIAL_FILE : CURLE_OK;
    }
    return 0;
}

/* The bytes of a line that ends properly; false if they do not. */
static bool is_clean(const char *text, size_t len)
{
    const char *cr = memchr(text, '\r', len);
    return cr == NULL || cr == text + len - 1 || cr[1] == '\n';
}

static int read_chunks(struct reading *reading, struct told *told)
{
    struct dify_slice line;
    for (;;) {
        uint64_t size = 0;
        size_t digits = 0;
        const char *from = reading->bytes + reading->at;
        size_t left = reading->len - reading->at;
        for (; digits < left && strchr("0123456789abcdefABCDEF", from[digits]) != NULL &&
               from[digits] != '\0';
             digits++) {
            if (digits == 16)
                return CURLE_RECV_ERROR;
            size = size * 16 + (uint64_t)strtol((char[]){from[digits], '\0'}, NULL, 16);
        }
        if (digits == left)
            return CURLE_PARTIAL_FILE;
        if (digits == 0 || size > INT64_MAX || memchr(" \t;\r\n", from[digits], 5) == NULL)
            return CURLE_RECV_ERROR;
        bool has_line = next_line(reading, &line);
        if (!is_clean(from + digits, has_line ? line.len - digits : left - digits))
            return CURLE_RECV_ERROR;
        if (!has_line)
            return CURLE_PARTIAL_FILE;
        if (size == 0)
            break;
        left = reading->len - reading->at;
        fuzz_text_add(&told->body, reading->bytes + reading->at, left < size ? left : (size_t)size);
        if (left <= size)
            return CURLE_PARTIAL_FILE;
        reading->at += (size_t)size;
        from = reading->bytes + reading->at;
        if (from[0] != '\n' && (from[0] != '\r' || (left - size > 1 && from[1] != '\n')))
            return CURLE_RECV_ERROR;
        if (!next_line(reading, &line))
            return CURLE_PARTIAL_FILE;
    }
    while (next_line(reading, &line)) {
        if (!is_clean(line.ptr, line.len))
            return CURLE_RECV_ERROR;
        if (is_empty(line))
            return -1;
    }
    return is_clean(reading->bytes + reading->at, reading->len - reading->at) ? CURLE_PARTIAL_FILE
                                                                              : CURLE_RECV_ERROR;
}

static void read_plainly(const char *bytes, size_t len, struct told *told)
{
    struct reading reading = {bytes, len, 0};
    struct framing framing;
    int status;
    do
        status = read_head(&reading, &framing, &told->code);
    while (status >= 100 && status < 200 && status != 101);
    if (status == 101)
        told->code = CURLE_OK;
    if (status < 200)
        return;
    told->status = status;
    size_t left = len - reading.at;
    told->code = -1;
    if (status == 204 || status == 304)
        return;
    if (framing.is_chunked) {
        told->code = read_chunks(&reading, told);
        return;
    }
    if (framing.has_length && framing.length < left)
        left = (size_t)framing.length;
    fuzz_text_add(&told->body, bytes + reading.at, left);
    if (framing.has_length && left < framing.length)
        told->code = CURLE_PARTIAL_FILE;
}

/* ---- the reader ---------------------------------------------------------------------------- */

static enum dify__reply_step read_piece(struct dify__reply *reply, struct told *told,
                                        const uint8_t *bytes, size_t len)
{
    char *piece = fuzz_piece(bytes, len);
    struct dify_slice left = {piece, len}, body;
    enum dify__reply_step step;
    while ((step = dify__reply_read(reply, &left, &body)) == DIFY__REPLY_HEAD ||
           step == DIFY__REPLY_BODY) {
        if (step == DIFY__REPLY_HEAD) {
            FUZZ_REQUIRE(told->status == 0 && reply->status >= 200, "one final head");
            told->status = reply->status;
            continue;
        }
        FUZZ_REQUIRE(told->status != 0, "a head before the body");
        FUZZ_REQUIRE(body.len != 0 && body.ptr >= piece && body.ptr + body.len <= left.ptr,
                     "the body lies in what came");
        fuzz_text_add(&told->body, body.ptr, body.len);
    }
    FUZZ_REQUIRE(step != DIFY__REPLY_MORE || left.len == 0, "all is read");
    free(piece);
    return step;
}

static void read_cut(const uint8_t *bytes, size_t len, enum fuzz_cut cut, struct told *told)
{
    struct fuzz_draw draw = fuzz_draw_init(bytes, len);
    struct dify__reply reply;
    enum dify__reply_step step = DIFY__REPLY_MORE;
    dify__reply_init(&reply, dify__allocator(NULL));
    for (size_t at = 0, size; at < len && step == DIFY__REPLY_MORE; at += size) {
        size = fuzz_cut_next(cut, &draw, len - at);
        step = read_piece(&reply, told, bytes + at, size);
    }
    if (step == DIFY__REPLY_MORE)
        step = dify__reply_close(&reply);
    FUZZ_REQUIRE(step == DIFY__REPLY_END || step == DIFY__REPLY_BAD, "it ends");
    FUZZ_REQUIRE(dify__reply_close(&reply) == step, "for good");
    told->code = step == DIFY__REPLY_END ? -1 : (int)reply.code;
    dify__reply_fini(&reply);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct told plain = {0, 0, {NULL, 0, 0}};
    if (len > DIFY__EXTENSION_BYTES) /* below all ceilings, which the reference does not know */
        len = DIFY__EXTENSION_BYTES;
    char *copy = fuzz_piece(bytes, len);
    read_plainly(copy, len, &plain);
    for (int cut = FUZZ_WHOLE; cut < FUZZ_CUTS; cut++) {
        struct told told = {0, 0, {NULL, 0, 0}};
        read_cut(bytes, len, (enum fuzz_cut)cut, &told);
        FUZZ_REQUIRE(told.status == plain.status, "the status");
        FUZZ_REQUIRE(fuzz_text_same(&told.body, &plain.body), "the body");
        FUZZ_REQUIRE(told.code == plain.code, "the end");
        fuzz_text_fini(&told.body);
    }
    fuzz_text_fini(&plain.body);
    free(copy);
    return 0;
}
