/* SPDX-License-Identifier: Apache-2.0
 *
 * config_write.c: a configuration as YAML, for people and to be read again.
 */
#include "conf/units.h"
#include "conf/yaml.h"
#include "core/slices.h"
#include "gateway/config.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* More than any configuration has. */
#define WRITTEN_BYTES ((size_t)256 << 20)

/* A configuration being written; all goes into one text, since an error shows only at its end. */
struct writer {
    struct dify__buffer text;
    enum dify_err err;
};

static void put(struct writer *writer, const char *chars)
{
    if (writer->err == DIFY_OK)
        writer->err = dify__buffer_append(&writer->text, chars, strlen(chars));
}

/* Small pieces only. */
static void putf(struct writer *writer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void putf(struct writer *writer, const char *format, ...)
{
    char piece[200];
    va_list args;
    va_start(args, format);
    vsnprintf(piece, sizeof piece, format, args);
    va_end(args);
    put(writer, piece);
}

static void put_text(struct writer *writer, const char *text)
{
    if (writer->err == DIFY_OK)
        writer->err = conf_yaml_append_text(dify__slice(text), &writer->text);
}

/* "indent name: text"; nothing where there is no text. */
static void member(struct writer *writer, const char *name, const char *text)
{
    if (text == NULL)
        return;
    put(writer, name);
    put(writer, ": ");
    put_text(writer, text);
    put(writer, "\n");
}

/* An item of a list. */
static void item(struct writer *writer, const char *mark, const char *text)
{
    put(writer, mark);
    put_text(writer, text);
    put(writer, "\n");
}

static void member_time(struct writer *writer, const char *name, uint64_t ms)
{
    char text[CONF_UNIT_BYTES];
    conf_duration_text(ms, text);
    putf(writer, "%s: %s\n", name, text);
}

static void member_size(struct writer *writer, const char *name, uint64_t bytes)
{
    char text[CONF_UNIT_BYTES];
    conf_size_text(bytes, text);
    putf(writer, "%s: %s\n", name, text);
}

static void member_bool(struct writer *writer, const char *name, bool value)
{
    putf(writer, "%s: %s\n", name, value ? "true" : "false");
}

/* ---- apps ---------------------------------------------------------------------------------- */

static void write_route(struct writer *writer, const struct gw_route_config *route)
{
    put(writer, "      ");
    put_text(writer, route->path);
    put(writer, ":\n");
    if (route->rename_count != 0)
        put(writer, "        fields:\n");
    for (size_t i = 0; i < route->rename_count; i++) {
        put(writer, "          ");
        put_text(writer, route->renames[i].field);
        put(writer, ": ");
        put_text(writer, route->renames[i].input);
        put(writer, "\n");
    }
    member_time(writer, "        keepalive_after", route->keepalive_after_ms);
}

static void write_key(struct writer *writer, const struct gw_app_config *app)
{
    if (app->key_variable != NULL)
        member(writer, "    api_key_env", app->key_variable);
    else if (app->key_file != NULL)
        member(writer, "    api_key_file", app->key_file);
    else
        put(writer, "    # api_key: stands in the file\n");
}

/* What guests have as well. */
static void write_settings(struct writer *writer, const struct gw_app_config *app)
{
    member(writer, "    ca_file", app->ca_file);
    member(writer, "    client_cert", app->client_cert);
    member(writer, "    client_key", app->client_key);
    if (app->proxy != NULL && strchr(app->proxy, '@') != NULL)
        put(writer, "    # proxy: stands in the file, with a user and password\n");
    else
        member(writer, "    proxy", app->proxy);
    member_time(writer, "    connect_timeout", app->connect_timeout_ms);
    member_time(writer, "    read_timeout", app->read_timeout_ms);
    member_time(writer, "    max_time", app->max_time_ms);
    member_bool(writer, "    streaming", app->is_streaming);
    putf(writer, "    max_runs: %lu\n", (unsigned long)app->max_runs);
    putf(writer, "    queue: %lu\n", (unsigned long)app->queue);
    member_time(writer, "    queue_timeout", app->queue_timeout_ms);
    member(writer, "    on_disconnect", app->cancels_on_disconnect ? "cancel" : "continue");
}

static void write_app(struct writer *writer, const struct gw_app_config *app)
{
    put(writer, "  ");
    put_text(writer, app->name);
    put(writer, ":\n");
    member(writer, "    base_url", app->base_url);
    write_key(writer, app);
    member_bool(writer, "    accept_partial", app->accept_partial);
    write_settings(writer, app);
    put(writer, app->route_count != 0 ? "    routes:\n" : "    routes: {}\n");
    for (size_t i = 0; i < app->route_count; i++)
        write_route(writer, &app->routes[i]);
}

static void write_apps(struct writer *writer, const struct gw_config *config)
{
    if (config->app_count != 0)
        put(writer, "apps:\n");
    for (size_t i = 0; i < config->app_count; i++)
        write_app(writer, &config->apps[i]);
    if (config->app_count != 0)
        member(writer, "default_app", config->apps[config->default_app].name);
    if (config->refuses_guests) {
        put(writer, "guests: none\n");
    } else if (config->own_guests.base_url != NULL) {
        put(writer, "guests:\n");
        member(writer, "    base_url", config->own_guests.base_url);
        write_settings(writer, &config->own_guests);
    }
}

/* ---- who may ask --------------------------------------------------------------------------- */

static void write_token(struct writer *writer, const struct gw_token_config *token)
{
    char digits[GW_SHA256_HEX_BYTES];
    gw_sha256_hex(token->hash, sizeof token->hash, digits);
    put(writer, "  ");
    put_text(writer, token->name);
    put(writer, ":\n    hash: " GW_HASH_PREFIX);
    put(writer, digits);
    put(writer, token->app_count != 0 ? "\n    apps:\n" : "\n");
    for (size_t i = 0; i < token->app_count; i++)
        item(writer, "      - ", token->apps[i].ptr);
    put(writer, token->route_count != 0 ? "    routes:\n" : "");
    for (size_t i = 0; i < token->route_count; i++)
        item(writer, "      - ", token->routes[i]);
}

static void write_access(struct writer *writer, const struct gw_config *config)
{
    put(writer, config->token_count != 0 ? "tokens:\n" : "");
    for (size_t i = 0; i < config->token_count; i++)
        write_token(writer, &config->tokens[i]);
    put(writer, config->origin_count != 0 ? "cors:\n" : "");
    for (size_t i = 0; i < config->origin_count; i++)
        item(writer, "  - ", config->origins[i]);
}

/* ---- the rest ------------------------------------------------------------------------------ */

static void write_listener(struct writer *writer, const struct gw_listener *listener)
{
    char address[300];
    put(writer, "  - ");
    if (listener->host == NULL) {
        snprintf(address, sizeof address, "unix:%s", listener->path);
    } else {
        bool is_v6 = strchr(listener->host, ':') != NULL;
        snprintf(address, sizeof address, "%s%s%s:%u", is_v6 ? "[" : "", listener->host,
                 is_v6 ? "]" : "", listener->port);
    }
    put_text(writer, address);
    put(writer, "\n");
}

static void write_rest(struct writer *writer, const struct gw_config *config)
{
    static const char *const levels[] = {"error", "warning", "info", "debug"};
    put(writer, "store:\n");
    member(writer, "  path", config->store_path != NULL ? config->store_path : "none");
    member_time(writer, "  max_age", config->store_max_age_s * 1000);
    member_size(writer, "  max_size", config->store_max_bytes);
    put(writer, "log:\n");
    member(writer, "  level", levels[config->log_level]);
    member(writer, "  format", config->log_is_json ? "json" : "text");
    member_time(writer, "drain_timeout", config->drain_timeout_ms);
    put(writer, "limits:\n");
    member_size(writer, "  max_body", config->max_body_bytes);
    member_size(writer, "  max_file", config->max_file_bytes);
    member_size(writer, "  spool", config->spool_bytes);
    putf(writer, "  max_connections: %lu\n", (unsigned long)config->max_connections);
    putf(writer, "  max_followers: %lu\n", (unsigned long)config->max_followers);
    member(writer, "spool", config->spool_folder);
}

bool gw_config_write(const struct gw_config *config, void (*write)(void *ctx, const char *text),
                     void *ctx)
{
    struct writer writer = {.text = {.allocator = dify__allocator(NULL), .max = WRITTEN_BYTES},
                            .err = DIFY_OK};
    put(&writer, "listen:\n");
    for (size_t i = 0; i < config->listener_count; i++)
        write_listener(&writer, &config->listeners[i]);
    write_apps(&writer, config);
    write_access(&writer, config);
    write_rest(&writer, config);
    if (writer.err == DIFY_OK)
        writer.err = dify__buffer_append(&writer.text, "", 1);
    if (writer.err == DIFY_OK)
        write(ctx, writer.text.ptr);
    dify__buffer_fini(&writer.text);
    return writer.err == DIFY_OK;
}
