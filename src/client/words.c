/* SPDX-License-Identifier: Apache-2.0
 *
 * words.c: see words.h.
 */
#include "client/words.h"

#include "core/json.h"
#include "core/json_text.h"
#include "core/outcome.h"
#include "core/slices.h"

void dify__add_slice(struct dify__buffer *text, enum dify_err *err, struct dify_slice part)
{
    if (*err == DIFY_OK)
        *err = dify__buffer_append(text, part.ptr, part.len);
}

void dify__add(struct dify__buffer *text, enum dify_err *err, const char *part)
{
    dify__add_slice(text, err, dify__slice(part));
}

void dify__add_uint(struct dify__buffer *text, enum dify_err *err, uint64_t value)
{
    char digits[20];
    dify__add_slice(text, err, (struct dify_slice){digits, dify__format_uint(value, digits)});
}

void dify__add_encoded(struct dify__buffer *text, enum dify_err *err, const char *part)
{
    static const char digits[] = "0123456789ABCDEF";
    for (; *part != '\0'; part++) {
        unsigned char c = (unsigned char)*part;
        char escape[3] = {'%', digits[c >> 4], digits[c & 15]};
        bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                        (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' || c == '~';
        dify__add_slice(text, err,
                        is_plain ? (struct dify_slice){part, 1} : (struct dify_slice){escape, 3});
    }
}

bool dify__is_segment(struct dify_slice text)
{
    if (text.len == 0 || memchr(text.ptr, '\0', text.len) != NULL)
        return false;
    return !dify__slice_is(text, ".") && !dify__slice_is(text, "..");
}

void dify__add_json(struct dify__buffer *text, enum dify_err *err, struct dify_slice part)
{
    struct dify__writer writer;
    if (*err != DIFY_OK)
        return;
    dify__writer_init(&writer, DIFY_JSON_COMPACT, dify__write_to_buffer, text);
    dify__write_string(&writer, part);
    *err = dify__writer_finish(&writer);
}

void dify__add_nul(struct dify__buffer *text, enum dify_err *err)
{
    dify__add_slice(text, err, (struct dify_slice){"", 1});
    if (*err == DIFY_OK)
        text->len--;
}

/* ---- refusals ------------------------------------------------------------------------------ */

#define REFUSAL_MESSAGE_BYTES ((size_t)64 << 10)

static void take_code(struct dify__refusal *refusal, struct dify_slice code)
{
    if (code.len >= sizeof refusal->code)
        return;
    for (size_t i = 0; i < code.len; i++)
        if ((unsigned char)code.ptr[i] <= ' ' || (unsigned char)code.ptr[i] >= 0x7F)
            return;
    if (code.len > 0)
        memcpy(refusal->code, code.ptr, code.len);
    refusal->code[code.len] = '\0';
}

static void mask(char *text, size_t text_len, const char *key)
{
    size_t len = strlen(key);
    for (size_t at = 0; len != 0 && at + len <= text_len; at++)
        if (memcmp(text + at, key, len) == 0)
            memset(text + at, '*', len);
}

bool dify__refusal_read(struct dify__refusal *refusal, const struct dify_allocator *allocator,
                        struct dify_slice body, const char *key)
{
    struct dify__json json;
    struct dify__members members;
    bool is_one = false;
    *refusal =
        (struct dify__refusal){.message = {.allocator = allocator, .max = REFUSAL_MESSAGE_BYTES}};
    dify__json_init(&json, allocator);
    if (dify__json_read(&json, body) == DIFY_OK) {
        dify__members_of_root(&members, &json);
        while (dify__members_next(&members)) {
            struct dify_slice text = dify__members_string(&members);
            if (text.ptr == NULL)
                continue;
            if (dify__slice_is(members.key, "code"))
                take_code(refusal, text);
            else if (dify__slice_is(members.key, "message"))
                is_one = dify__buffer_append(&refusal->message, text.ptr, text.len) == DIFY_OK;
        }
    }
    dify__json_fini(&json);
    mask(refusal->code, strlen(refusal->code), key);
    mask(refusal->message.ptr, refusal->message.len, key);
    return is_one;
}

void dify__refusal_fini(struct dify__refusal *refusal)
{
    dify__buffer_fini(&refusal->message);
}

/* ---- sentences ----------------------------------------------------------------------------- */

enum dify_outcome dify__outcome_of_status(int status)
{
    return status >= 400 && status < 500 ? DIFY_OUTCOME_REFUSED
           : status >= 500               ? DIFY_OUTCOME_HTTP_ERROR
                                         : DIFY_OUTCOME_INVALID_RESPONSE;
}

enum dify_outcome dify__outcome_of_failure(enum dify__failure failure)
{
    switch (failure) {
    case DIFY__NO_CONNECTION:
        return DIFY_OUTCOME_CONNECT_FAILED;
    case DIFY__CONNECT_TIMEOUT:
        return DIFY_OUTCOME_CONNECT_TIMEOUT;
    case DIFY__RESET:
    case DIFY__CLOSED:
        return DIFY_OUTCOME_CONNECTION_RESET;
    case DIFY__BAD_SOURCE:
        return DIFY_OUTCOME_UPLOAD_FAILED;
    default:
        return DIFY_OUTCOME_INVALID_RESPONSE;
    }
}

static const char *phrase(int status)
{
    static const struct {
        int status;
        const char *phrase;
    } phrases[] = {
        {301, " Moved Permanently"},
        {302, " Found"},
        {307, " Temporary Redirect"},
        {308, " Permanent Redirect"},
        {400, " Bad Request"},
        {401, " Unauthorized"},
        {403, " Forbidden"},
        {404, " Not Found"},
        {405, " Method Not Allowed"},
        {413, " Content Too Large"},
        {415, " Unsupported Media Type"},
        {429, " Too Many Requests"},
        {500, " Internal Server Error"},
        {502, " Bad Gateway"},
        {503, " Service Unavailable"},
        {504, " Gateway Timeout"},
    };
    for (size_t i = 0; i < sizeof phrases / sizeof phrases[0]; i++)
        if (phrases[i].status == status)
            return phrases[i].phrase;
    return "";
}

void dify__say_status(struct dify__buffer *text, enum dify_err *err, const struct dify_app *app,
                      const struct dify__request *request, int status, bool is_html)
{
    size_t path_len = strcspn(request->path, "?");
    if (status == 407)
        dify__add(text, err, "the proxy before ");
    dify__add_slice(text, err, dify__app_host(app));
    dify__add(text, err, " answered ");
    dify__add_uint(text, err, (uint64_t)status);
    dify__add(text, err, phrase(status));
    dify__add(text, err, (request->flags & DIFY__REQUEST_POST) != 0 ? " to POST " : " to GET ");
    dify__add_slice(text, err, (struct dify_slice){request->path, path_len});
    if (is_html)
        dify__add(text, err, " with an HTML page, not Dify's words");
    if (status == 404 && is_html)
        dify__add(text, err, "; does the base URL end in /v1, and is it that of the API?");
    if (status == 407)
        dify__add(text, err, "; it wants a user and a password: http://USER:PASSWORD@HOST:PORT");
    if (status >= 300 && status < 400)
        dify__add(text, err, "; redirections are not followed: give the address it points to");
}

void dify__say_failure(struct dify__buffer *text, enum dify_err *err, const struct dify_app *app,
                       const struct dify__end *end)
{
    static const char *const whats[] = {
        [DIFY__WHOLE] = "no answer from ",
        [DIFY__NO_CONNECTION] = "cannot connect to ",
        [DIFY__CONNECT_TIMEOUT] = "no connection in time to ",
        [DIFY__RESET] = "the connection was reset by ",
        [DIFY__CLOSED] = "the connection was closed before its end by ",
        [DIFY__BAD_ANSWER] = "no HTTP answer from ",
        [DIFY__BAD_SOURCE] = "the file could not be read while it went to ",
        [DIFY__NO_MEMORY] = "out of memory while talking to ",
    };
    dify__add(text, err, whats[end->failure]);
    dify__add_slice(text, err, dify__app_host(app));
    if (end->detail[0] == '\0')
        return;
    dify__add(text, err, ": ");
    dify__add(text, err, end->detail);
}
