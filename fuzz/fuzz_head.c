/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_head.c: http_head_* against itself in other cuts, and against what a request that was let
 * through must be by RFC 9112, read again from the bytes by a plain second reading.
 */
#include "fuzz.h"

#include "http/head.h"

/* What was heard from a parser, in a form that can be compared. */
struct heard {
    struct fuzz_text log, body;
    bool is_refused;
    int status;
};

static void heard_fini(struct heard *heard)
{
    fuzz_text_fini(&heard->log);
    fuzz_text_fini(&heard->body);
}

/* ---- the second reading ---------------------------------------------------------------------- */

static bool is_name(struct dify_slice field, const char *name)
{
    return field.len == strlen(name) && memcmp(field.ptr, name, field.len) == 0;
}

/* What must hold of every message that was handed over. */
static void check_message(const struct http_message *message)
{
    const struct http_request *request = &message->request;
    size_t lengths = 0, encodings = 0, hosts = 0;
    for (size_t i = 0; i < request->field_count; i++) {
        struct dify_slice name = request->fields[i].name, value = request->fields[i].value;
        FUZZ_REQUIRE(name.len != 0, "a field has a name");
        for (size_t j = 0; j < name.len; j++)
            FUZZ_REQUIRE(name.ptr[j] > ' ' && name.ptr[j] < 0x7F && name.ptr[j] != ':' &&
                             !(name.ptr[j] >= 'A' && name.ptr[j] <= 'Z'),
                         "names are tokens in lower case");
        for (size_t j = 0; j < value.len; j++)
            FUZZ_REQUIRE(memchr("\r\n\0", value.ptr[j], 3) == NULL, "values are of one line");
        FUZZ_REQUIRE(value.len == 0 || (value.ptr[0] != ' ' && value.ptr[value.len - 1] != ' '),
                     "values are trimmed");
        lengths += is_name(name, "content-length");
        encodings += is_name(name, "transfer-encoding");
        hosts += is_name(name, "host");
    }
    FUZZ_REQUIRE(request->field_count <= HTTP_HEADERS, "not too many fields");
    FUZZ_REQUIRE(lengths + encodings <= 1, "one length at most");
    FUZZ_REQUIRE(encodings == 0 || request->minor_version == 1, "no coding in HTTP/1.0");
    FUZZ_REQUIRE((encodings != 0) == (request->content_length == UINT64_MAX), "chunks or a length");
    FUZZ_REQUIRE(lengths + encodings != 0 || request->content_length == 0, "no length, no body");
    FUZZ_REQUIRE(request->has_body == (request->content_length != 0), "has_body");
    FUZZ_REQUIRE(hosts == 1 || (hosts == 0 && request->minor_version == 0), "one host");
    FUZZ_REQUIRE(request->minor_version <= 1, "HTTP/1.0 or 1.1");
    FUZZ_REQUIRE(request->target.len != 0 &&
                     (request->target.ptr[0] == '/' || is_name(request->target, "*")),
                 "a target");
    for (size_t j = 0; j < request->target.len; j++)
        FUZZ_REQUIRE(request->target.ptr[j] > ' ' && request->target.ptr[j] <= '~' &&
                         request->target.ptr[j] != '#',
                     "a target's characters");
}

static void log_message(struct fuzz_text *log, const struct http_message *message)
{
    const struct http_request *request = &message->request;
    char numbers[] = {'R', (char)('0' + request->method), (char)('0' + request->minor_version),
                      (char)('0' + message->keeps_alive), (char)('0' + message->expects_continue)};
    fuzz_text_add(log, numbers, sizeof numbers);
    fuzz_text_add(log, &request->content_length, sizeof request->content_length);
    fuzz_text_add_slice(log, request->target);
    fuzz_text_add_slice(log, request->path);
    fuzz_text_add_slice(log, request->query);
    fuzz_text_add_slice(log, request->host);
    for (size_t i = 0; i < request->field_count; i++) {
        fuzz_text_add_slice(log, request->fields[i].name);
        fuzz_text_add_slice(log, request->fields[i].value);
    }
}

/* ---- parsing --------------------------------------------------------------------------------- */

/* One piece; false once refused. `*left` is of the body at hand, as its head told. */
static bool feed(struct http_head *head, struct heard *heard, const char *piece, size_t len,
                 uint64_t *left)
{
    for (size_t at = 0;;) {
        struct dify_slice body = {NULL, 0};
        struct http_message *message;
        size_t used;
        enum http_head_step step = http_head_feed(head, piece + at, len - at, &used, &body);
        FUZZ_REQUIRE(used <= len - at, "no more is used than there is");
        at += used;
        switch (step) {
        case HTTP_HEAD_MORE:
            FUZZ_REQUIRE(at == len, "all is used when more is wanted");
            return true;
        case HTTP_HEAD_READY:
            message = http_head_take_message(head);
            check_message(message);
            log_message(&heard->log, message);
            *left = message->request.content_length;
            free(message);
            break;
        case HTTP_HEAD_BODY:
            FUZZ_REQUIRE(body.len != 0 && body.len <= used, "a piece of the body was fed");
            FUZZ_REQUIRE(body.len <= *left, "no more body than was said");
            if (*left != UINT64_MAX)
                *left -= body.len;
            fuzz_text_add(&heard->body, body.ptr, body.len);
            break;
        case HTTP_HEAD_END:
            FUZZ_REQUIRE(*left == 0 || *left == UINT64_MAX, "as much body as was said");
            fuzz_text_add(&heard->log, "E", 1);
            fuzz_text_add_slice(&heard->log, (struct dify_slice){heard->body.ptr, heard->body.len});
            heard->body.len = 0;
            break;
        case HTTP_HEAD_REFUSED:
            heard->is_refused = true;
            heard->status = http_head_refusal(head).status;
            FUZZ_REQUIRE(http_head_refusal(head).reason != NULL, "a refusal has a reason");
            return false;
        }
    }
}

static struct heard parse(const uint8_t *bytes, size_t len, enum fuzz_cut cut,
                          struct fuzz_draw draw, const struct http_head_limits *limits)
{
    struct heard heard = {{NULL, 0, 0}, {NULL, 0, 0}, false, 0};
    struct http_head *head;
    uint64_t left = 0;
    bool goes_on = true;
    FUZZ_REQUIRE(http_head_new(NULL, limits, &head) == DIFY_OK, "memory");
    for (size_t at = 0; at < len && goes_on;) {
        size_t count = fuzz_cut_next(cut, &draw, len - at);
        char *piece = fuzz_piece(bytes + at, count);
        goes_on = feed(head, &heard, piece, count, &left);
        free(piece);
        at += count;
    }
    http_head_free(head);
    return heard;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct fuzz_draw draw = fuzz_draw_init(bytes, len);
    struct http_head_limits limits = {0, 0, 0};
    for (int round = 0; round < 2; round++) {
        struct heard whole = parse(bytes, len, FUZZ_WHOLE, draw, &limits);
        for (enum fuzz_cut cut = FUZZ_BYTES; cut < FUZZ_CUTS; cut++) {
            struct heard heard = parse(bytes, len, cut, draw, &limits);
            FUZZ_REQUIRE(heard.is_refused == whole.is_refused, "the same end in any cut");
            FUZZ_REQUIRE(fuzz_text_same(&heard.log, &whole.log), "the same requests in any cut");
            /* A trailer both too long and malformed is refused for whichever is seen first. */
            FUZZ_REQUIRE(heard.status == whole.status || round != 0, "the same status in any cut");
            FUZZ_REQUIRE(fuzz_text_same(&heard.body, &whole.body), "the same body in any cut");
            heard_fini(&heard);
        }
        heard_fini(&whole);
        limits.max_head_bytes = 1 + fuzz_draw_below(&draw, 300);
        limits.max_line_bytes = 1 + fuzz_draw_below(&draw, 100);
        limits.max_body_bytes = 1 + fuzz_draw_below(&draw, 40);
    }
    return 0;
}
