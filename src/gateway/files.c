/* SPDX-License-Identifier: Apache-2.0
 *
 * files.c: GET /api/runs/{id}/files/{n}: the n-th file, from 0, of a run's result: of the objects
 * in data.outputs that Dify marks as files, in the order in which they stand there. It is relayed
 * as it comes, at the pace of who reads it.
 *
 * What stands in a result is a workflow's to choose, so no address of it is ever asked: of its URL
 * only the path from "/files/" on is taken, and that is asked of the app's own Dify, without the
 * key. A file whose address does not lie there (a remote one) is refused with 422.
 *
 * Dify's addresses expire after a few minutes; then a fresh one is taken from the run's detail,
 * where that has one. Pictures, sound, films and PDF may be shown by a browser; anything else is an
 * attachment, and nothing is ever taken for another type than the server says.
 */
#include "core/json.h"
#include "core/slices.h"
#include "gateway/app.h"
#include "gateway/hub.h"
#include "gateway/later.h"
#include "gateway/lookup.h"
#include "gateway/out.h"
#include "gateway/reply.h"
#include "gateway/words.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

struct file {
    struct gw_later later; /* the first member */
    bool is_looked_up;     /* on_gone() is still to come */
    bool is_begun;         /* `later` is; it frees this */
    bool has_head;         /* of the answer: it went out */
    bool is_whole;         /* all of it has come */
    bool has_renewed;      /* the address is a fresh one */
    uint64_t index;
    struct gw_app *app;
    char run_id[GW_NAME_BYTES]; /* Dify's; "": not known */
    char id_text[DIFY__UUID_SIZE];
    char path[GW_FILE_PATH_BYTES], name[GW_NAME_BYTES];
    struct dify_call *call;
    struct dify_fetch *fetch;
    struct dify__buffer held; /* what the client has no room for yet */
};

static void file_free(struct file *file)
{
    dify__buffer_fini(&file->held);
    free(file);
}

static void drop(struct gw_later *later)
{
    struct file *file = (struct file *)(void *)later;
    if (file->call != NULL)
        dify_call_cancel(file->call);
    if (file->fetch != NULL)
        dify_fetch_cancel(file->fetch);
    file->is_begun = false;
    if (!file->is_looked_up)
        file_free(file);
}

static void on_gone(void *ctx)
{
    struct file *file = ctx;
    file->is_looked_up = false;
    if (!file->is_begun)
        file_free(file);
}

static void refuse(struct file *file, int status, const char *code, const char *message)
{
    if (file->later.exchange != NULL && !file->has_head)
        gw_reply_error(file->later.exchange, status, code, message, file->id_text);
    else if (file->later.exchange != NULL)
        http_exchange_cut(file->later.exchange, false, true);
    gw_later_end(&file->later);
}

/* ---- which file ---------------------------------------------------------------------------- */

static struct dify_slice string_of(yyjson_val *value)
{
    return (struct dify_slice){yyjson_get_str(value), yyjson_get_len(value)};
}

static bool is_file(yyjson_val *value)
{
    return yyjson_is_obj(value) &&
           (dify__slice_is(string_of(yyjson_obj_get(value, "dify_model_identity")),
                           "__dify__file__") ||
            (yyjson_obj_get(value, "transfer_method") != NULL &&
             yyjson_is_str(yyjson_obj_get(value, "url"))));
}

/* The n-th file among the values of `outputs`; NULL if there are fewer. yyjson keeps all values of
 * a document one behind the other, so that none of them needs a way back. */
static yyjson_val *find_file(yyjson_val *outputs, uint64_t index)
{
    if (outputs == NULL)
        return NULL;
    yyjson_val *end = unsafe_yyjson_get_next(outputs);
    for (yyjson_val *at = outputs; at < end;) {
        bool is_one = is_file(at);
        if (is_one && index-- == 0)
            return at;
        at = is_one ? unsafe_yyjson_get_next(at) : at + 1; /* a file holds no further ones */
    }
    return NULL;
}

/* The path from "/files/" on; false if there is none that Dify makes. */
static bool take_path(struct file *file, struct dify_slice url)
{
    static const char mark[] = "/files/";
    file->path[0] = '\0';
    size_t end = 0; /* of the path: a query may hold anything */
    while (end < url.len && url.ptr[end] != '?' && url.ptr[end] != '#')
        end++;
    for (size_t at = 0; at + sizeof mark - 1 <= end; at++) {
        if (memcmp(url.ptr + at, mark, sizeof mark - 1) != 0)
            continue;
        if (url.len - at >= sizeof file->path || memchr(url.ptr + at, '\0', url.len - at) != NULL)
            return false;
        memcpy(file->path, url.ptr + at, url.len - at);
        file->path[url.len - at] = '\0';
        return true;
    }
    return false;
}

static void take_name(struct file *file, yyjson_val *value)
{
    struct dify_slice name = string_of(yyjson_obj_get(value, "filename"));
    size_t len = 0;
    for (size_t i = 0; i < name.len && len + 1 < sizeof file->name; i++) {
        unsigned char c = (unsigned char)name.ptr[i];
        bool is_bad = c < 0x20 || c == 0x7F || c == '/' || c == '\\' || c == '"';
        file->name[len++] = is_bad ? '_' : (char)c;
    }
    file->name[len] = '\0';
}

enum found { FOUND, NO_SUCH, ELSEWHERE };

static enum found take_file(struct file *file, yyjson_val *outputs)
{
    yyjson_val *value = find_file(outputs, file->index);
    if (value == NULL)
        return NO_SUCH;
    take_name(file, value);
    if (dify__slice_is(string_of(yyjson_obj_get(value, "transfer_method")), "remote_url") ||
        !take_path(file, string_of(yyjson_obj_get(value, "url"))))
        return ELSEWHERE;
    return FOUND;
}

/* ---- a fresh address ----------------------------------------------------------------------- */

static void fetch(struct file *file);

static const char expired[] = "Dify does not give this file any more: its address has expired";

/* The outputs of a run's detail are an object, or the text of one. */
static enum found take_detail(struct file *file, struct dify_slice detail)
{
    struct dify__json json, inner;
    enum found found = NO_SUCH;
    dify__json_init(&json, dify__allocator(NULL));
    dify__json_init(&inner, dify__allocator(NULL));
    if (dify__json_read(&json, detail) == DIFY_OK) {
        yyjson_val *outputs = yyjson_obj_get(yyjson_doc_get_root(json.doc), "outputs");
        if (!yyjson_is_str(outputs))
            found = take_file(file, outputs);
        else if (dify__json_read(&inner, string_of(outputs)) == DIFY_OK)
            found = take_file(file, yyjson_doc_get_root(inner.doc));
    }
    dify__json_fini(&inner);
    dify__json_fini(&json);
    return found;
}

static void on_detail(void *ctx, const struct dify_answer *detail)
{
    struct file *file = ctx;
    char before[GW_FILE_PATH_BYTES];
    file->call = NULL;
    memcpy(before, file->path, sizeof before);
    if (detail->outcome == DIFY_OUTCOME_SUCCEEDED && take_detail(file, detail->body) == FOUND &&
        strcmp(before, file->path) != 0)
        fetch(file);
    else
        refuse(file, 404, "file_expired", expired);
}

static void renew(struct file *file)
{
    bool can = !file->has_renewed && file->run_id[0] != '\0';
    file->has_renewed = true;
    if (!can ||
        dify_run_detail(file->app->dify, file->run_id, on_detail, file, &file->call) != DIFY_OK)
        refuse(file, 404, "file_expired", expired);
}

/* ---- the relay ----------------------------------------------------------------------------- */

static bool begins_with(struct dify_slice type, const char *with)
{
    size_t len = strlen(with);
    return type.len >= len && strncasecmp(type.ptr, with, len) == 0;
}

/* What a browser shows without running anything of it. */
static bool is_shown(struct dify_slice type)
{
    return (begins_with(type, "image/") && !begins_with(type, "image/svg")) ||
           begins_with(type, "audio/") || begins_with(type, "video/") ||
           begins_with(type, "application/pdf");
}

/* RFC 6266: the name in ASCII for old clients, and as it is. */
static void write_disposition(const struct file *file, bool is_attached, char *out, size_t size)
{
    static const char hex[] = "0123456789ABCDEF";
    const char *how = is_attached ? "attachment" : "inline";
    char plain[GW_NAME_BYTES], coded[3 * GW_NAME_BYTES];
    size_t len = 0, at = 0;
    for (; file->name[len] != '\0'; len++) {
        unsigned char c = (unsigned char)file->name[len];
        bool is_word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '.' || c == '_';
        plain[len] = (char)(c < 0x80 && c != '%' ? c : '_');
        if (is_word) {
            coded[at++] = (char)c;
        } else {
            coded[at++] = '%';
            coded[at++] = hex[c >> 4];
            coded[at++] = hex[c & 15];
        }
    }
    plain[len] = coded[at] = '\0';
    if (len == 0)
        snprintf(out, size, "%s", how);
    else
        snprintf(out, size, "%s; filename=\"%s\"; filename*=UTF-8''%s", how, plain, coded);
}

static void begin_answer(struct file *file, struct dify_slice type, int64_t length)
{
    char disposition[64 + 4 * GW_NAME_BYTES];
    if (type.len == 0)
        type = DIFY_SLICE("application/octet-stream");
    write_disposition(file, !is_shown(type), disposition, sizeof disposition);
    const struct http_field fields[] = {
        {DIFY_SLICE("Content-Type"), type},
        {DIFY_SLICE("Content-Disposition"), dify__slice(disposition)},
        GW_NOSNIFF,
        {DIFY_SLICE("Content-Security-Policy"), DIFY_SLICE("default-src 'none'; sandbox")},
        {DIFY_SLICE("Cache-Control"), DIFY_SLICE("private, no-store")}};
    file->has_head = true;
    http_respond_begin(file->later.exchange, 200, fields, sizeof fields / sizeof fields[0],
                       length >= 0 ? (uint64_t)length : HTTP_LENGTH_UNKNOWN);
}

static void on_head(void *ctx, int status, struct dify_slice type, int64_t length)
{
    struct file *file = ctx;
    if (status == 200) {
        begin_answer(file, type, length);
        return;
    }
    dify_fetch_cancel(file->fetch);
    file->fetch = NULL;
    if (status == 401 || status == 403 || status == 404 || status == 410)
        renew(file);
    else
        refuse(file, 502, "http_error", "Dify did not give the file");
}

static void on_body(void *ctx, struct dify_slice bytes)
{
    struct file *file = ctx;
    if (file->held.len == 0 && http_respond_write(file->later.exchange, bytes))
        return;
    dify_fetch_pause(file->fetch, true);
    if (dify__buffer_append(&file->held, bytes.ptr, bytes.len) != DIFY_OK)
        refuse(file, 503, "out_of_memory", "the gateway has run out of memory");
}

static void finish(struct file *file)
{
    http_respond_end(file->later.exchange);
    gw_later_end(&file->later);
}

/* Below half its mark the client takes all that is held. */
static void on_drain(void *ctx, struct http_exchange *exchange)
{
    struct file *file = ctx;
    if (file->held.len > 0 && !http_respond_write(exchange, dify__buffer_slice(&file->held)))
        return;
    dify__buffer_clear(&file->held, 0);
    if (file->is_whole)
        finish(file);
    else
        dify_fetch_pause(file->fetch, false);
}

static void on_ended(void *ctx, enum dify_outcome outcome)
{
    struct file *file = ctx;
    struct gw_words words;
    file->fetch = NULL;
    file->is_whole = outcome == DIFY_OUTCOME_SUCCEEDED && file->has_head;
    if (file->is_whole) {
        if (file->held.len == 0)
            finish(file);
        return;
    }
    const struct dify_answer failed = {.outcome = outcome, .code = DIFY_SLICE("http_error")};
    gw_words_of(&failed, &words);
    refuse(file, words.status, "file_unavailable", words.message);
}

/* Nobody reads it any more. */
static void on_close(void *ctx, struct http_exchange *exchange, bool is_complete)
{
    struct file *file = ctx;
    (void)exchange;
    (void)is_complete;
    file->later.exchange = NULL;
    gw_later_end(&file->later);
}

static void fetch(struct file *file)
{
    const struct dify_fetch_observer observer = {file, on_head, on_body, on_ended};
    switch (dify_fetch_file(file->app->dify, file->path, &observer, &file->fetch)) {
    case DIFY_OK:
        return;
    case DIFY_ERR_ARGUMENT:
        refuse(file, 422, "file_elsewhere", "the file does not lie at Dify");
        return;
    default:
        refuse(file, 503, "out_of_memory", "the gateway has run out of memory");
    }
}

/* ---- the request --------------------------------------------------------------------------- */

static void begin(struct file *file, struct gateway *gateway, struct http_exchange *exchange,
                  struct dify_slice run_id)
{
    if (run_id.len > 0 && run_id.len < sizeof file->run_id)
        memcpy(file->run_id, run_id.ptr, run_id.len);
    file->is_begun = true;
    gw_later_begin(&file->later, gateway, exchange, drop);
    http_exchange_watch(exchange, &(struct http_exchange_watch){
                                      .ctx = file, .on_close = on_close, .on_drain = on_drain});
    fetch(file);
}

/* Looks into the result; `run_id` is Dify's. */
static void take_result(struct file *file, struct gateway *gateway, struct http_exchange *exchange,
                        struct dify_slice result, struct dify_slice run_id)
{
    struct dify__json json;
    enum found found = NO_SUCH;
    dify__json_init(&json, dify__allocator(NULL));
    if (result.len > 0 && dify__json_read(&json, result) == DIFY_OK) {
        yyjson_val *data = yyjson_obj_get(yyjson_doc_get_root(json.doc), "data");
        found = take_file(file, yyjson_obj_get(data, "outputs"));
    }
    dify__json_fini(&json);
    if (found == NO_SUCH)
        gw_reply_error(exchange, 404, "file_not_found", "the result has no such file",
                       file->id_text);
    else if (found == ELSEWHERE)
        gw_reply_error(exchange, 422, "file_elsewhere", "the file does not lie at Dify",
                       file->id_text);
    else if (file->app == NULL)
        gw_reply_error(exchange, 409, "app_not_found", "the run's app is not configured any more",
                       file->id_text);
    else
        begin(file, gateway, exchange, run_id);
}

static void on_row(void *ctx, struct gateway *gateway, struct http_exchange *exchange,
                   const struct store_row *row)
{
    struct file *file = ctx;
    file->app = gw_app_find(gateway, row->app);
    gw_format_id(row->id, file->id_text);
    if (row->state == STORE_ENDED)
        take_result(file, gateway, exchange, row->result, row->run_id);
    else
        gw_reply_error(exchange, 409, "run_not_ended", "the run has not ended yet", file->id_text);
}

static void on_live(void *ctx, struct http_exchange *exchange, struct gw_run *run)
{
    struct file *file = ctx;
    memcpy(file->id_text, run->id_text, sizeof file->id_text);
    file->app = run->app;
    struct dify_slice run_id = {NULL, 0};
    if (run->dify_id != NULL)
        run_id = dify__slice(run->dify_id);
    if (gw_run_has_ended(run))
        take_result(file, run->gateway, exchange, (struct dify_slice){run->result, run->result_len},
                    run_id);
    else
        gw_reply_error(exchange, 409, "run_not_ended", "the run has not ended yet", run->id_text);
}

void gw_serve_file(const struct gw_request *request)
{
    uint64_t index;
    if (!dify__parse_uint(request->second, &index)) {
        gw_reply_error(request->exchange, 404, "file_not_found",
                       "files of a result are numbered from 0", NULL);
        return;
    }
    struct file *file = calloc(1, sizeof *file);
    if (file == NULL) {
        gw_out_of_memory(request->exchange);
        return;
    }
    file->index = index;
    file->held = (struct dify__buffer){.allocator = dify__allocator(NULL), .max = SIZE_MAX / 2};
    file->is_looked_up = true;
    gw_lookup(request,
              &(struct gw_lookup_found){
                  .wants_row = true, .live = on_live, .row = on_row, .gone = on_gone, .ctx = file});
}
