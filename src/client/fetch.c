/* SPDX-License-Identifier: Apache-2.0
 *
 * fetch.c: files of results, from beside the API, as streams.
 */
#include "client/app.h"
#include "client/words.h"
#include "core/json_text.h"
#include "core/slices.h"

#include <strings.h>

struct dify_fetch {
    struct dify_app *app;
    struct dify__exchange *exchange;
    struct dify_fetch_observer observer;
};

static void free_fetch(struct dify_fetch *fetch)
{
    fetch->app->env->under_way--;
    fetch->app->uses--;
    dify__free(fetch->app->env->allocator, fetch);
}

/* The Content-Length of a head; -1: it has none. */
static int64_t length_of(struct dify_slice head)
{
    static const char name[] = "\ncontent-length:";
    const size_t len = sizeof name - 1;
    for (size_t at = 0; at + len < head.len; at++) {
        if (head.ptr[at] != '\n' || strncasecmp(head.ptr + at, name, len) != 0)
            continue;
        struct dify_slice value = {head.ptr + at + len, 0};
        const char *end = head.ptr + head.len;
        while (value.ptr < end && (*value.ptr == ' ' || *value.ptr == '\t'))
            value.ptr++;
        while (value.ptr + value.len < end && value.ptr[value.len] >= '0' &&
               value.ptr[value.len] <= '9')
            value.len++;
        uint64_t length;
        return dify__parse_uint(value, &length) && length <= INT64_MAX ? (int64_t)length : -1;
    }
    return -1;
}

static void on_head(void *ctx, const struct dify__head *head)
{
    struct dify_fetch *fetch = ctx;
    fetch->observer.head(fetch->observer.ctx, head->status, head->content_type,
                         length_of(head->text));
}

static void on_body(void *ctx, struct dify_slice bytes)
{
    struct dify_fetch *fetch = ctx;
    fetch->observer.body(fetch->observer.ctx, bytes);
}

static void on_end(void *ctx, const struct dify__end *end)
{
    struct dify_fetch *fetch = ctx;
    struct dify_fetch_observer observer = fetch->observer;
    enum dify_outcome outcome = end->failure == DIFY__WHOLE
                                    ? DIFY_OUTCOME_SUCCEEDED
                                    : dify__outcome_of_failure(end->failure);
    free_fetch(fetch);
    observer.ended(observer.ctx, outcome);
}

/* Nothing that a server, or libcurl, could take for another path. */
static bool is_path_of_file(const char *path)
{
    static const char others[] = "-._~/?=&%+,:@!$'()*;";
    if (strncmp(path, "/files/", 7) != 0 || strstr(path, "..") != NULL ||
        strstr(path, "//") != NULL)
        return false;
    for (const char *at = path; *at != '\0'; at++) {
        bool is_plain =
            (*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z') || (*at >= '0' && *at <= '9');
        if (!is_plain && strchr(others, *at) == NULL)
            return false;
        if (*at == '?')
            return true; /* what follows is decoded by nobody on the way */
        if (*at == '%')
            return false;
    }
    return true;
}

/* The query, too, is one line of visible ASCII. */
static bool is_visible(const char *text)
{
    for (const char *at = text; *at != '\0'; at++)
        if (*at <= ' ' || *at > '~' || *at == '#')
            return false;
    return true;
}

enum dify_err dify_fetch_file(struct dify_app *app, const char *path,
                              const struct dify_fetch_observer *observer, struct dify_fetch **out)
{
    const struct dify__transport *transport = app->env->transport;
    struct dify__request request = {.flags = DIFY__REQUEST_FILE, .path = path};
    struct dify__receiver receiver = {.head = on_head, .body = on_body, .end = on_end};
    if (path == NULL || !is_path_of_file(path) || !is_visible(path))
        return DIFY_ERR_ARGUMENT;
    struct dify_fetch *fetch = dify__calloc(app->env->allocator, sizeof *fetch);
    if (fetch == NULL)
        return DIFY_ERR_NOMEM;
    fetch->app = app;
    fetch->observer = *observer;
    receiver.ctx = fetch;
    enum dify_err err =
        transport->start(transport->ctx, app, &request, &receiver, &fetch->exchange);
    if (err != DIFY_OK) {
        dify__free(app->env->allocator, fetch);
        return err;
    }
    app->env->under_way++;
    app->uses++;
    app->env->changed(app->env->ctx);
    *out = fetch;
    return DIFY_OK;
}

void dify_fetch_pause(struct dify_fetch *fetch, bool pauses)
{
    const struct dify__transport *transport = fetch->app->env->transport;
    transport->pause(transport->ctx, fetch->exchange, pauses);
}

void dify_fetch_cancel(struct dify_fetch *fetch)
{
    const struct dify__transport *transport = fetch->app->env->transport;
    transport->cancel(transport->ctx, fetch->exchange);
    free_fetch(fetch);
}
