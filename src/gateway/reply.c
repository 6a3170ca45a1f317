/* SPDX-License-Identifier: Apache-2.0
 *
 * reply.c: see reply.h.
 */
#include "gateway/reply.h"

#include "core/json_text.h"
#include "core/slices.h"

/* Of an error's JSON: its message is the longest part. */
#define ERROR_BYTES ((size_t)8 << 10)

static const char *error_of(int status)
{
    switch (status) {
    case 400:
        return "请求参数无效";
    case 401:
    case 403:
        return "没有访问权限";
    case 404:
        return "未找到请求的内容";
    case 405:
    case 501:
        return "不支持该请求方法";
    case 408:
        return "请求超时";
    case 409:
        return "当前状态不允许该操作";
    case 411:
    case 413:
    case 414:
    case 431:
        return "请求内容过大";
    case 415:
        return "不支持的内容类型";
    case 422:
        return "请求与先前的不一致";
    case 429:
        return "请求过多，请稍后重试";
    case 502:
        return "Dify服务返回异常";
    case 503:
        return "服务暂不可用";
    case 504:
        return "等待Dify响应超时";
    default:
        return status < 500 ? "请求无效" : "服务内部错误";
    }
}

static void key_string(struct dify__writer *writer, const char *key, const char *value)
{
    dify__write_key(writer, key);
    if (value != NULL)
        dify__write_string(writer, dify__slice(value));
    else
        dify__write_null(writer);
}

void gw_error_text(struct dify__buffer *out, int status, const char *code, const char *message,
                   const char *run_id)
{
    struct dify__writer writer;
    size_t before = out->len;
    dify__writer_init(&writer, DIFY_JSON_COMPACT, dify__write_to_buffer, out);
    dify__write_open(&writer, '{');
    dify__write_key(&writer, "success");
    dify__write_bool(&writer, false);
    key_string(&writer, "error", error_of(status));
    key_string(&writer, "detail", error_of(status));
    key_string(&writer, "code", code);
    key_string(&writer, "message", message);
    key_string(&writer, "run_id", run_id);
    dify__write_close(&writer, '}');
    if (dify__writer_finish(&writer) != DIFY_OK)
        out->len = before;
}

#define AS_DIFY DIFY_SLICE("application/json") /* its own form of a type */
#define AS_GATEWAY DIFY_SLICE("application/json; charset=utf-8")

static void reply(struct http_exchange *exchange, int status, struct dify_slice type,
                  const struct http_field *more, size_t more_count, struct dify_slice body)
{
    struct http_field fields[4] = {{DIFY_SLICE("Content-Type"), type},
                                   {DIFY_SLICE("Cache-Control"), DIFY_SLICE("no-store")},
                                   GW_NOSNIFF};
    size_t count = 3;
    for (size_t i = 0; i < more_count && count < 4; i++)
        fields[count++] = more[i];
    http_respond(exchange, status, fields, count, body);
}

static void reply_error(struct http_exchange *exchange, int status, const char *code,
                        const char *message, const char *run_id, const struct http_field *more,
                        size_t more_count)
{
    struct dify__buffer text = {.allocator = dify__allocator(NULL), .max = ERROR_BYTES};
    gw_error_text(&text, status, code, message, run_id);
    (void)!dify__buffer_append(&text, "\n", 1);
    reply(exchange, status, AS_GATEWAY, more, more_count, dify__buffer_slice(&text));
    dify__buffer_fini(&text);
}

/* What goes with some statuses: when to come again, what to bring. */
static size_t field_of(int status, struct http_field *out)
{
    if (status == 401)
        *out = (struct http_field){DIFY_SLICE("WWW-Authenticate"), DIFY_SLICE("Bearer")};
    else if (status == 429 || status == 503)
        *out = (struct http_field){DIFY_SLICE("Retry-After"), DIFY_SLICE("5")};
    else
        return 0;
    return 1;
}

void gw_reply_error(struct http_exchange *exchange, int status, const char *code,
                    const char *message, const char *run_id)
{
    struct http_field field;
    reply_error(exchange, status, code, message, run_id, &field, field_of(status, &field));
}

void gw_error_as_dify(struct dify__buffer *out, int status, const char *code, const char *message)
{
    struct dify__writer writer;
    size_t before = out->len;
    dify__writer_init(&writer, DIFY_JSON_COMPACT, dify__write_to_buffer, out);
    dify__write_open(&writer, '{');
    key_string(&writer, "code", code);
    key_string(&writer, "message", message);
    dify__write_key(&writer, "status");
    dify__write_uint(&writer, (uint64_t)status);
    dify__write_close(&writer, '}');
    if (dify__writer_finish(&writer) != DIFY_OK)
        out->len = before;
}

void gw_reply_as_dify(struct http_exchange *exchange, int status, const char *code,
                      const char *message)
{
    struct dify__buffer text = {.allocator = dify__allocator(NULL), .max = ERROR_BYTES};
    struct http_field field;
    gw_error_as_dify(&text, status, code, message);
    (void)!dify__buffer_append(&text, "\n", 1);
    reply(exchange, status, AS_DIFY, &field, field_of(status, &field), dify__buffer_slice(&text));
    dify__buffer_fini(&text);
}

void gw_reply_method(struct http_exchange *exchange, const char *allowed)
{
    struct http_field allow = {DIFY_SLICE("Allow"), dify__slice(allowed)};
    reply_error(exchange, 405, "method_not_allowed", "this address takes other methods: see Allow",
                NULL, &allow, 1);
}

void gw_reply_stopping(struct http_exchange *exchange, bool has_begun, const char *message,
                       const char *run_id)
{
    struct dify__buffer text = {.allocator = dify__allocator(NULL), .max = ERROR_BYTES};
    if (!has_begun) {
        gw_reply_error(exchange, 503, "stopping", message, run_id);
        return;
    }
    gw_error_text(&text, 503, "stopping", message, run_id);
    if (text.len > 0 && http_respond_write(exchange, dify__buffer_slice(&text)))
        http_respond_end(exchange);
    else
        http_exchange_cut(exchange, false, true);
    dify__buffer_fini(&text);
}

void gw_reply_json(struct http_exchange *exchange, int status, struct dify_slice json)
{
    reply(exchange, status, AS_GATEWAY, NULL, 0, json);
}

/* A list of tags, each W/ or not, or *. No tag has another's quotes in it. */
bool gw_reply_is_known(const struct http_request *request, const char *tag)
{
    struct dify_slice list = http_request_field(request, "if-none-match");
    size_t len = strlen(tag);
    if (dify__slice_is(list, "*"))
        return true;
    for (size_t at = 0; at + len <= list.len; at++) {
        if (memcmp(list.ptr + at, tag, len) == 0)
            return true;
    }
    return false;
}

bool gw_reply_refusal(void *ctx, int status, const char *reason, struct http_page *page)
{
    struct dify__buffer *text = ctx;
    text->len = 0;
    gw_error_text(text, status, status == 503 ? "busy" : "bad_request", reason, NULL);
    *page = (struct http_page){.content_type = DIFY_SLICE("application/json; charset=utf-8"),
                               .body = dify__buffer_slice(text)};
    if (status == 503)
        page->retry_after = DIFY_SLICE("5");
    return text->len > 0;
}
