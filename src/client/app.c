/* SPDX-License-Identifier: Apache-2.0
 *
 * app.c: see app.h and client.h.
 */
#include "client/app.h"

#include "core/json.h"
#include "core/message.h"
#include "core/slices.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Room for a host's name with its port. */
#define HOST_BYTES 300

enum dify_err dify__dup(const struct dify_allocator *allocator, const char *text, char **out)
{
    *out = NULL;
    if (text == NULL)
        return DIFY_OK;
    size_t size = strlen(text) + 1;
    char *copy = dify__malloc(allocator, size);
    if (copy == NULL)
        return DIFY_ERR_NOMEM;
    memcpy(copy, text, size);
    *out = copy;
    return DIFY_OK;
}

static enum dify_err refuse(struct dify_error *error, const char *text)
{
    if (error != NULL) {
        struct dify__message message = {error->message, sizeof error->message, 0};
        error->code = DIFY_ERR_ARGUMENT;
        error->offset = 0;
        dify__message_text(&message, text);
    }
    return DIFY_ERR_ARGUMENT;
}

/* Where the host of an address begins; 0 if it is none of http or https. */
static size_t scheme_len(const char *url)
{
    if (strncmp(url, "http://", 7) == 0)
        return 7;
    return strncmp(url, "https://", 8) == 0 ? 8 : 0;
}

static enum dify_err check_url(const char *url, struct dify_error *error)
{
    size_t scheme = url != NULL ? scheme_len(url) : 0;
    if (scheme == 0 || strchr("/?#:", url[scheme]) != NULL)
        return refuse(error, "the base URL is no address that begins with http:// or https://");
    for (const char *c = url; *c != '\0'; c++)
        if ((unsigned char)*c <= ' ' || *c == 0x7F || strchr("?#\"<>\\^`{|}", *c) != NULL)
            return refuse(error, "the base URL holds a blank or another character that none has");
    return DIFY_OK;
}

static enum dify_err check_key(const char *key, struct dify_error *error)
{
    if (key == NULL || *key == '\0')
        return refuse(error, "the API key is empty");
    for (const char *c = key; *c != '\0'; c++)
        if (*c <= ' ' || *c >= 0x7F)
            return refuse(error, "the API key holds a blank, a line end or another character that "
                                 "no key has");
    return DIFY_OK;
}

static enum dify_err copy_options(struct dify_app *app, const struct dify_app_options *options)
{
    const struct dify_allocator *allocator = app->env->allocator;
    enum dify_err err = dify__dup(allocator, options->base_url, &app->base_url);
    if (err == DIFY_OK)
        err = dify__dup(allocator, options->api_key, &app->key);
    if (err == DIFY_OK)
        err = dify__dup(allocator, options->ca_file, &app->ca_file);
    if (err == DIFY_OK)
        err = dify__dup(allocator, options->client_cert, &app->client_cert);
    if (err == DIFY_OK)
        err = dify__dup(allocator, options->client_key, &app->client_key);
    if (err == DIFY_OK)
        err = dify__dup(allocator, options->proxy, &app->proxy);
    if (err == DIFY_OK)
        err = dify__dup(allocator, options->alias, &app->alias);
    if (err != DIFY_OK)
        return err;
    for (size_t len = strlen(app->base_url); len > 0 && app->base_url[len - 1] == '/'; len--)
        app->base_url[len - 1] = '\0';
    return DIFY_OK;
}

/* A part of an address; "" if there is none, or what is long. */
static void part_of(CURLU *url, CURLUPart part, char *out, size_t size)
{
    char *text = NULL;
    *out = '\0';
    if (curl_url_get(url, part, &text, CURLU_NO_DEFAULT_PORT) == CURLUE_OK && strlen(text) < size)
        memcpy(out, text, strlen(text) + 1);
    curl_free(text);
}

/* Whether a part is there, with nothing that libcurl would write otherwise. */
static bool is_plain(const char *part)
{
    for (const char *c = part; *c != '\0'; c++)
        if (*c <= ' ' || *c >= 0x7F)
            return false;
    return *part != '\0';
}

/* libcurl takes the address apart, as it will when it connects. */
static enum dify_err split_url(struct dify_app *app)
{
    char scheme[8], host[HOST_BYTES], port[8], path[HOST_BYTES];
    const struct dify_allocator *allocator = app->env->allocator;
    CURLU *url = curl_url();
    if (url == NULL)
        return DIFY_ERR_NOMEM;
    bool is_address = curl_url_set(url, CURLUPART_URL, app->base_url, 0) == CURLUE_OK;
    part_of(url, CURLUPART_SCHEME, scheme, sizeof scheme);
    part_of(url, CURLUPART_HOST, host, sizeof host - sizeof port);
    part_of(url, CURLUPART_PORT, port, sizeof port);
    part_of(url, CURLUPART_PATH, path, sizeof path);
    curl_url_cleanup(url);
    if (!is_address || strpbrk(app->base_url, "@%") != NULL || strcmp(scheme, "http") != 0 ||
        !is_plain(host) || !is_plain(path))
        return DIFY_OK;
    size_t len = strlen(host);
    if (*port != '\0')
        snprintf(host + len, sizeof host - len, ":%s", port);
    enum dify_err err = dify__dup(allocator, host, &app->http_host);
    return err == DIFY_OK
               ? dify__dup(allocator, strcmp(path, "/") != 0 ? path : "", &app->http_base)
               : err;
}

enum dify_err dify__app_new(struct dify__env *env, const struct dify_app_options *options,
                            struct dify_app **out, struct dify_error *error)
{
    if (options == NULL || options->size != sizeof *options)
        return refuse(error, "the options have an unknown size");
    enum dify_err err = check_url(options->base_url, error);
    if (err == DIFY_OK)
        err = check_key(options->api_key, error);
    if (err != DIFY_OK)
        return err;
    struct dify_app *app = dify__calloc(env->allocator, sizeof *app);
    if (app == NULL)
        return DIFY_ERR_NOMEM;
    app->env = env;
    app->accept_partial = options->accept_partial;
    app->connect_timeout_ms =
        options->connect_timeout_ms != 0 ? options->connect_timeout_ms : DIFY_CONNECT_TIMEOUT_MS;
    app->silence_timeout_ms =
        options->silence_timeout_ms != 0 ? options->silence_timeout_ms : DIFY_SILENCE_TIMEOUT_MS;
    app->run_timeout_ms =
        options->run_timeout_ms != 0 ? options->run_timeout_ms : DIFY_RUN_TIMEOUT_MS;
    err = copy_options(app, options);
    if (err == DIFY_OK)
        err = split_url(app);
    if (err != DIFY_OK) {
        dify_app_free(app);
        return err;
    }
    *out = app;
    return DIFY_OK;
}

static void wipe(char *text)
{
    dify__wipe(text, text != NULL ? strlen(text) : 0);
}

void dify_app_free(struct dify_app *app)
{
    if (app == NULL)
        return;
    const struct dify_allocator *allocator = app->env->allocator;
    wipe(app->key);
    wipe(app->proxy);
    dify__free(allocator, app->base_url);
    dify__free(allocator, app->http_host);
    dify__free(allocator, app->http_base);
    dify__free(allocator, app->key);
    dify__free(allocator, app->ca_file);
    dify__free(allocator, app->client_cert);
    dify__free(allocator, app->client_key);
    dify__free(allocator, app->proxy);
    dify__free(allocator, app->alias);
    dify__form_free(app->form);
    dify__free(allocator, app);
}

bool dify_app_is_idle(const struct dify_app *app)
{
    return app->uses == 0;
}

const char *dify_app_release(const struct dify_app *app)
{
    return app->release;
}

void dify__app_take_head(struct dify_app *app, const struct dify__head *head)
{
    size_t len = head->release.len;
    if (len == 0 || len >= sizeof app->release)
        return;
    if (memcmp(app->release, head->release.ptr, len) != 0 || app->release[len] != '\0')
        app->has_no_events = false; /* another Dify than before */
    memcpy(app->release, head->release.ptr, len);
    app->release[len] = '\0';
}

/* Digits at `*at`, which goes on behind them and a dot. */
static unsigned read_number(const char **at)
{
    unsigned value = 0;
    for (; **at >= '0' && **at <= '9'; (*at)++)
        value = value < 100000 ? value * 10 + (unsigned)(**at - '0') : value;
    if (**at == '.')
        (*at)++;
    return value;
}

static bool is_known(const struct dify_app *app)
{
    return app->release[0] >= '0' && app->release[0] <= '9';
}

bool dify__app_is_before(const struct dify_app *app, unsigned major, unsigned minor)
{
    const char *at = app->release;
    unsigned own_major = read_number(&at), own_minor = read_number(&at);
    return is_known(app) && (own_major != major ? own_major < major : own_minor < minor);
}

bool dify__app_is_from(const struct dify_app *app, unsigned major, unsigned minor)
{
    return is_known(app) && !dify__app_is_before(app, major, minor);
}

/* By enum dify__mode. */
static const char *const modes[] = {
    [DIFY__MODE_WORKFLOW] = "workflow", [DIFY__MODE_CHATFLOW] = "advanced-chat",
    [DIFY__MODE_CHAT] = "chat",         [DIFY__MODE_AGENT_CHAT] = "agent-chat",
    [DIFY__MODE_AGENT] = "agent",       [DIFY__MODE_COMPLETION] = "completion"};

static enum dify__mode mode_of(struct dify_slice name)
{
    for (size_t i = DIFY__MODE_UNKNOWN + 1; i < sizeof modes / sizeof modes[0]; i++)
        if (dify__slice_is(name, modes[i]))
            return (enum dify__mode)i;
    return DIFY__MODE_UNKNOWN;
}

const char *dify_app_mode(const struct dify_app *app)
{
    return app->mode != DIFY__MODE_UNKNOWN ? modes[app->mode] : NULL;
}

enum dify_err dify__app_take_info(struct dify_app *app, struct dify_slice text)
{
    struct dify__json json;
    struct dify__members members;
    dify__json_init(&json, app->env->allocator);
    enum dify_err err = dify__json_read(&json, text);
    if (err == DIFY_OK) {
        app->mode = DIFY__MODE_UNKNOWN;
        app->mode_until_ms = dify__now(app->env) + DIFY__ABOUT_MS;
        dify__members_of_root(&members, &json);
        while (dify__members_next(&members))
            if (dify__slice_is(members.key, "mode"))
                app->mode = mode_of(dify__members_string(&members));
    }
    dify__json_fini(&json);
    return err;
}

enum dify_err dify__app_take_parameters(struct dify_app *app, struct dify_slice text)
{
    struct dify__form *form;
    enum dify_err err = dify__form_new(app->env->allocator, text, &form);
    if (err != DIFY_OK)
        return err;
    dify__form_free(app->form);
    app->form = form;
    app->form_until_ms = dify__now(app->env) + DIFY__ABOUT_MS;
    return DIFY_OK;
}

struct dify_slice dify__app_host(const struct dify_app *app)
{
    if (app->alias != NULL)
        return dify__slice(app->alias);
    const char *from = app->base_url + scheme_len(app->base_url);
    size_t len = strcspn(from, "/");
    for (size_t i = 0; i < len; i++) {
        if (from[i] == '@') {
            from += i + 1;
            len -= i + 1;
            i = (size_t)-1;
        }
    }
    return (struct dify_slice){from, len};
}
