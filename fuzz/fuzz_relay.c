/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_relay.c: what is relayed of a path, of a request and of an answer.
 *
 * The first line is a path, the others are the fields of a head. What must hold: a path is let
 * through if and only if a plain reading, segment by segment and as often decoded as that changes
 * it, finds nothing that leads out; of a request all fields go on, in order, but for those that a
 * plain reading takes for the connection's or for ours; an answer that is let through has one
 * length at most and no second reading, its fields are such as came, and none names the host of
 * Dify.
 */
#include "fuzz.h"

#include "core/slices.h"
#include "gateway/limits.h"
#include "gateway/v1_fields.h"
#include "http/head.h"
#include "http/uri.h"

#include <strings.h>

#define HOST "dify.example"
#define BASE "http://" HOST ":5001/v1"

/* ---- paths --------------------------------------------------------------------------------- */

static bool is_plain_segment(const char *text, size_t len, bool is_last)
{
    const char *end = memchr(text, ';', len);
    size_t own = end != NULL ? (size_t)(end - text) : len;
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c < 32 || c == 127 || c == '\\' || c == 0xC0 || c == 0xC1)
            return false;
    }
    if (len == 0)
        return is_last;
    return !(own == 1 && text[0] == '.') && !(own == 2 && text[0] == '.' && text[1] == '.');
}

static bool is_plain_path(const char *text, size_t len)
{
    if (len == 0)
        return true;
    if (text[0] != '/')
        return false;
    for (size_t at = 1;;) {
        size_t end = at;
        while (end < len && text[end] != '/')
            end++;
        if (!is_plain_segment(text + at, end - at, end == len))
            return false;
        if (end == len)
            return true;
        at = end + 1;
    }
}

static bool has_bare_percent(struct dify_slice path)
{
    static const char hex[] = "0123456789abcdefABCDEF";
    for (size_t i = 0; i < path.len; i++)
        if (path.ptr[i] == '%' &&
            (path.len - i < 3 || path.ptr[i + 1] == '\0' || path.ptr[i + 2] == '\0' ||
             strchr(hex, path.ptr[i + 1]) == NULL || strchr(hex, path.ptr[i + 2]) == NULL))
            return true;
    return false;
}

static void check_path(struct dify_slice path)
{
    enum gw_path is = gw_v1_path(path);
    if (path.len > GW_RELAY_PATH_BYTES) {
        FUZZ_REQUIRE(is == GW_PATH_TOO_LONG, "a long path");
        return;
    }
    bool is_safe = !has_bare_percent(path);
    char *text = fuzz_piece((const uint8_t *)path.ptr, path.len);
    size_t len = path.len, before;
    do {
        is_safe = is_safe && is_plain_path(text, len);
        before = len;
        len = http_uri_decode((struct dify_slice){text, len}, false, text);
    } while (len != before);
    free(text);
    FUZZ_REQUIRE(is == (is_safe ? GW_PATH_SAFE : GW_PATH_UNSAFE), "as a plain reading finds");
}

/* ---- fields -------------------------------------------------------------------------------- */

static bool is_name(struct dify_slice name, const char *other)
{
    return name.len == strlen(other) && strncasecmp(name.ptr, other, name.len) == 0;
}

/* Whether a list has the name, between commas and blanks. */
static bool lists(struct dify_slice value, struct dify_slice name)
{
    for (size_t at = 0; at <= value.len;) {
        size_t end = at;
        while (end < value.len && value.ptr[end] != ',')
            end++;
        size_t from = at, to = end;
        while (from < to && (value.ptr[from] == ' ' || value.ptr[from] == '\t'))
            from++;
        while (to > from && (value.ptr[to - 1] == ' ' || value.ptr[to - 1] == '\t'))
            to--;
        if (to - from == name.len && strncasecmp(value.ptr + from, name.ptr, name.len) == 0)
            return true;
        at = end + 1;
    }
    return false;
}

static bool is_of_connection(const struct http_field *fields, size_t count, struct dify_slice name)
{
    static const char *const names[] = {"connection", "keep-alive",        "te",
                                        "upgrade",    "transfer-encoding", "http2-settings"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (is_name(name, names[i]))
            return true;
    for (size_t i = 0; i < count; i++)
        if (is_name(fields[i].name, "connection") && lists(fields[i].value, name))
            return true;
    return name.len >= 6 && strncasecmp(name.ptr, "proxy-", 6) == 0;
}

static bool is_ours(struct dify_slice name)
{
    static const char *const names[] = {"host", "authorization", "content-length", "expect",
                                        "trailer"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (is_name(name, names[i]))
            return true;
    return false;
}

/* ---- requests ------------------------------------------------------------------------------ */

static void check_relayed(const struct http_request *request)
{
    struct dify__relay_field out[HTTP_HEADERS + GW_V1_MORE_FIELDS];
    struct gw_v1_request relayed = {.fields = out};
    size_t at = 0;
    gw_v1_request(request, &relayed);
    for (size_t i = 0; i < request->field_count; i++) {
        const struct http_field *field = &request->fields[i];
        if (is_ours(field->name) ||
            is_of_connection(request->fields, request->field_count, field->name))
            continue;
        FUZZ_REQUIRE(at < relayed.field_count && dify__slice_equals(out[at].name, field->name) &&
                         dify__slice_equals(out[at].value, field->value),
                     "what is the way's goes on");
        at++;
    }
    FUZZ_REQUIRE(relayed.field_count == at + 1 && is_name(out[at].name, "via"), "and a Via");
    FUZZ_REQUIRE(request->has_body ? relayed.length == request->content_length
                                   : relayed.length == DIFY__RELAY_NO_BODY || relayed.length == 0,
                 "its body's length");
}

static void check_request(struct dify_slice fields)
{
    struct http_head *head;
    struct http_head_limits limits = {0, 0, 0};
    struct fuzz_text text = {NULL, 0, 0};
    struct dify_slice body;
    size_t used = 0;
    fuzz_text_add(&text, "POST /v1/x HTTP/1.1\r\n", 21);
    fuzz_text_add(&text, fields.ptr, fields.len);
    fuzz_text_add(&text, "\r\n\r\n", 4);
    FUZZ_REQUIRE(http_head_new(NULL, &limits, &head) == DIFY_OK, "there is memory");
    if (http_head_feed(head, text.ptr, text.len, &used, &body) == HTTP_HEAD_READY) {
        struct http_message *message = http_head_take_message(head);
        check_relayed(&message->request);
        dify__free(dify__allocator(NULL), message);
    }
    http_head_free(head);
    fuzz_text_fini(&text);
}

/* ---- answers ------------------------------------------------------------------------------- */

/* Whether the head has a line of this field, whatever blanks stand around its value. */
static bool has_line(struct dify_slice head, const struct http_field *field)
{
    for (size_t at = 0; at < head.len;) {
        const char *end = memchr(head.ptr + at, '\n', head.len - at);
        size_t len = end != NULL ? (size_t)(end - head.ptr) - at : head.len - at;
        const char *line = head.ptr + at;
        at += len + 1;
        if (len <= field->name.len || line[field->name.len] != ':' ||
            memcmp(line, field->name.ptr, field->name.len) != 0)
            continue;
        size_t from = field->name.len + 1;
        while (from < len && strchr(" \t", line[from]) != NULL && line[from] != '\0')
            from++;
        while (len > from && strchr(" \t\r", line[len - 1]) != NULL && line[len - 1] != '\0')
            len--;
        if (len - from == field->value.len &&
            (field->value.len == 0 || memcmp(line + from, field->value.ptr, field->value.len) == 0))
            return true;
    }
    return false;
}

static bool names_host(struct dify_slice value)
{
    static const char after[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._";
    const size_t len = sizeof HOST - 1;
    for (size_t i = 2; i + len <= value.len; i++)
        if (memcmp(value.ptr + i - 2, "//", 2) == 0 && strncasecmp(value.ptr + i, HOST, len) == 0 &&
            (i + len == value.len || value.ptr[i + len] == '\0' ||
             strchr(after, value.ptr[i + len]) == NULL))
            return true;
    return false;
}

static void check_field(struct dify_slice head, const struct http_field *field)
{
    bool leads = is_name(field->name, "location") || is_name(field->name, "content-location");
    bool is_written = leads && field->value.len >= 3 && memcmp(field->value.ptr, "/v1", 3) == 0;
    FUZZ_REQUIRE(is_written || has_line(head, field), "a field that came");
    FUZZ_REQUIRE(!is_of_connection(NULL, 0, field->name), "none of the connection's");
    FUZZ_REQUIRE(!is_name(field->name, "via") && !is_name(field->name, "alt-svc"), "left out");
    FUZZ_REQUIRE(is_written || !names_host(field->value), "where Dify is");
    for (size_t i = 0; i < field->value.len; i++)
        FUZZ_REQUIRE(strchr("\r\n", field->value.ptr[i]) == NULL, "one line, no NUL");
}

static void check_answer(struct dify_slice fields)
{
    struct gw_v1_answer answer;
    struct fuzz_text text = {NULL, 0, 0};
    uint64_t length = HTTP_LENGTH_UNKNOWN;
    fuzz_text_add(&text, "HTTP/1.1 200 OK\r\n", 17);
    fuzz_text_add(&text, fields.ptr, fields.len);
    fuzz_text_add(&text, "\r\n\r\n", 4);
    struct dify_slice head = {text.ptr, text.len};
    if (gw_v1_answer(head, BASE, &answer) == DIFY_OK) {
        for (size_t i = 0; i < answer.field_count; i++) {
            check_field(head, &answer.fields[i]);
            if (is_name(answer.fields[i].name, "content-length")) {
                uint64_t is = strtoull(answer.fields[i].value.ptr, NULL, 10);
                FUZZ_REQUIRE(length == HTTP_LENGTH_UNKNOWN || length == is, "one length");
                length = is;
            }
        }
        FUZZ_REQUIRE(length == HTTP_LENGTH_UNKNOWN || answer.length == length, "the length");
        gw_v1_answer_fini(&answer);
    }
    fuzz_text_fini(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    const char *text = (const char *)bytes;
    const char *end = len != 0 ? memchr(text, '\n', len) : NULL;
    size_t line = end != NULL ? (size_t)(end - text) : len;
    struct dify_slice rest = {"", 0};
    if (end != NULL)
        rest = (struct dify_slice){end + 1, len - line - 1};
    check_path((struct dify_slice){text != NULL ? text : "", line});
    check_request(rest);
    check_answer(rest);
    return 0;
}
