/* SPDX-License-Identifier: Apache-2.0
 *
 * config_access.c: who may ask for what: access tokens, and pages of other origins.
 */
#include "conf/text.h"
#include "core/hex.h"
#include "core/slices.h"
#include "gateway/config_read.h"
#include "gateway/config_route.h"
#include "gateway/limits.h"
#include "http/fields.h"

#include <stdio.h>
#include <string.h>

enum { HASH, APPS, ROUTES, MEMBERS };
static const char *const members[] = {
    [HASH] = "hash", [APPS] = "apps", [ROUTES] = "routes", [MEMBERS] = NULL};

/* ---- one token ----------------------------------------------------------------------------- */

bool gw_read_hash(struct dify_slice text, unsigned char hash[GW_SHA256_BYTES])
{
    size_t prefix = sizeof GW_HASH_PREFIX - 1;
    unsigned char bytes[GW_SHA256_BYTES];
    if (text.len != prefix + 2 * sizeof bytes || memcmp(text.ptr, GW_HASH_PREFIX, prefix) != 0)
        return false;
    const char *digits = text.ptr + prefix;
    for (size_t i = 0; i < sizeof bytes; i++) {
        unsigned high = dify__hex_digit(digits[2 * i]), low = dify__hex_digit(digits[2 * i + 1]);
        if (high > 15 || low > 15)
            return false;
        bytes[i] = (unsigned char)(high << 4 | low);
    }
    memcpy(hash, bytes, sizeof bytes);
    return true;
}

/* What it is instead is not shown: it may be a token. */
static void read_hash(struct gw_reader *reader, const yaml_node_t *node,
                      struct gw_token_config *token)
{
    struct dify_slice text;
    const struct gw_config *out = reader->out;
    if (conf_yaml_text(&reader->yaml, node, members[HASH], &text) != DIFY_OK)
        return;
    if (!gw_read_hash(text, token->hash)) {
        gw_at(reader, node,
              "the hash of token '%s' is " GW_HASH_PREFIX
              " and 64 hexadecimal digits, as difystream token prints it",
              token->name);
        return;
    }
    for (const struct gw_token_config *other = out->tokens; other != token; other++)
        if (memcmp(other->hash, token->hash, sizeof token->hash) == 0)
            gw_at(reader, node, "the tokens '%s' and '%s' have one hash", other->name, token->name);
}

static void read_app(struct gw_reader *reader, const yaml_node_t *node,
                     struct gw_token_config *token)
{
    const struct gw_app_config *app = gw_find_app(reader, node, "apps");
    if (app == NULL)
        return;
    struct dify_slice name = dify__slice(app->name);
    for (size_t i = 0; i < token->app_count; i++) {
        if (dify__slice_equals(name, token->apps[i])) {
            gw_at(reader, node, "token '%s' names app '%s' twice", token->name, app->name);
            return;
        }
    }
    token->apps[token->app_count++] = name;
}

static void read_route(struct gw_reader *reader, const yaml_node_t *node,
                       struct gw_token_config *token)
{
    struct dify_slice path;
    if (!gw_read_text(reader, node, "a token's route", GW_ROUTE_BYTES, &path))
        return;
    int shown = (int)path.len;
    if (path.ptr[0] != '/')
        gw_at(reader, node, "the route '%.*s' does not begin with '/'", shown, path.ptr);
    else if (path.len > 1 && !gw_is_plain_path(path))
        gw_at(reader, node, GW_NO_PLAIN_PATH, shown, path.ptr);
    else
        token->routes[token->route_count++] = gw_copy(reader, path);
}

typedef void read_item_fn(struct gw_reader *reader, const yaml_node_t *node,
                          struct gw_token_config *token);

/* Room for the items of a list; NULL: there is nothing to be read. */
static void *room_of(struct gw_reader *reader, const yaml_node_t *node, const char *what,
                     size_t most, size_t size)
{
    size_t count = conf_yaml_is_list(node) ? conf_yaml_count(node) : 0;
    if (count != 0)
        return gw_make(reader, count < most ? count : most, size);
    gw_at(reader, node, "%s is a list; without it all of them are meant", what);
    return NULL;
}

static void read_list(struct gw_reader *reader, yaml_node_t *node, const char *what, size_t most,
                      read_item_fn *read, struct gw_token_config *token)
{
    for (size_t i = 0; i < conf_yaml_count(node); i++) {
        const yaml_node_t *item = conf_yaml_item(&reader->yaml, node, i);
        if (i == most) {
            gw_at(reader, item, "a token has more than %zu %s", most, what);
            return;
        }
        read(reader, item, token);
    }
}

static void read_scope(struct gw_reader *reader, yaml_node_t *apps, yaml_node_t *routes,
                       struct gw_token_config *token)
{
    if (apps != NULL)
        token->apps = room_of(reader, apps, members[APPS], GW_APPS, sizeof *token->apps);
    if (token->apps != NULL)
        read_list(reader, apps, members[APPS], GW_APPS, read_app, token);
    if (routes != NULL)
        token->routes =
            room_of(reader, routes, members[ROUTES], GW_TOKEN_ROUTES, sizeof *token->routes);
    if (token->routes != NULL)
        read_list(reader, routes, members[ROUTES], GW_TOKEN_ROUTES, read_route, token);
}

/* ---- all tokens ---------------------------------------------------------------------------- */

static bool is_taken(const struct gw_config *config, struct dify_slice name)
{
    for (size_t i = 0; i < config->token_count; i++)
        if (dify__slice_is(name, config->tokens[i].name))
            return true;
    return false;
}

static void read_token(struct gw_reader *reader, const yaml_node_t *key, const yaml_node_t *node,
                       struct gw_token_config *token)
{
    yaml_node_t *values[MEMBERS + 1];
    char what[CONF_NAME_BYTES + 16];
    snprintf(what, sizeof what, "token '%s'", token->name);
    (void)!conf_yaml_members(&reader->yaml, node, what, members, values);
    if (!conf_yaml_is_mapping(node))
        return; /* one mistake, not two */
    if (values[HASH] != NULL)
        read_hash(reader, values[HASH], token);
    else
        gw_at(reader, key, "token '%s' has no hash", token->name);
    read_scope(reader, values[APPS], values[ROUTES], token);
}

void gw_read_tokens(struct gw_reader *reader, yaml_node_t *node)
{
    yaml_node_t *key, *value;
    struct dify_slice name;
    struct gw_config *out = reader->out;
    if (!conf_yaml_is_mapping(node) || !gw_has_tokens(node)) {
        gw_at(reader, node, "tokens is a mapping of names to tokens, one at least");
        return;
    }
    size_t count = (size_t)(node->data.mapping.pairs.top - node->data.mapping.pairs.start);
    out->tokens = gw_make(reader, count < GW_TOKENS ? count : GW_TOKENS, sizeof *out->tokens);
    for (size_t i = 0; out->tokens != NULL && conf_yaml_pair(&reader->yaml, node, i, &key, &value);
         i++) {
        if (i == GW_TOKENS) {
            gw_at(reader, key, "there are more than %d tokens", GW_TOKENS);
            return;
        }
        if (!gw_read_name(reader, key, "a token", &name))
            continue;
        if (is_taken(out, name)) {
            gw_at(reader, key, "two tokens are named %.*s", (int)name.len, name.ptr);
            continue;
        }
        struct gw_token_config *token = &out->tokens[out->token_count];
        token->name = gw_copy(reader, name);
        if (token->name == NULL)
            return;
        out->token_count++;
        read_token(reader, key, value, token);
    }
}

bool gw_has_tokens(const yaml_node_t *node)
{
    return node != NULL && conf_yaml_is_mapping(node) &&
           node->data.mapping.pairs.top != node->data.mapping.pairs.start;
}

/* ---- pages of other origins ---------------------------------------------------------------- */

static bool ends_with(struct dify_slice text, const char *with)
{
    size_t len = strlen(with);
    return text.len >= len && memcmp(text.ptr + text.len - len, with, len) == 0;
}

/* Whether it is an origin as browsers write it (RFC 6454 §6.2): SCHEME://HOST, the port behind it
 * unless it is the scheme's own. */
static bool is_origin(struct dify_slice text)
{
    static const char separator[] = "://",
                      characters[] = "abcdefghijklmnopqrstuvwxyz0123456789.-_:[]";
    size_t at = 0;
    while (at < text.len && ((text.ptr[at] >= 'a' && text.ptr[at] <= 'z') ||
                             (at > 0 && (http_is_digit(text.ptr[at]) || text.ptr[at] == '-' ||
                                         text.ptr[at] == '+' || text.ptr[at] == '.'))))
        at++;
    if (at == 0 || text.len < at + 3 || memcmp(text.ptr + at, separator, 3) != 0)
        return false;
    struct dify_slice scheme = {text.ptr, at}, host = {text.ptr + at + 3, text.len - at - 3};
    for (size_t i = 0; i < host.len; i++)
        if (memchr(characters, host.ptr[i], sizeof characters - 1) == NULL)
            return false;
    return http_is_host(host) && !ends_with(host, ":") &&
           !(dify__slice_is(scheme, "http") && ends_with(host, ":80")) &&
           !(dify__slice_is(scheme, "https") && ends_with(host, ":443"));
}

static void read_origin(struct gw_reader *reader, const yaml_node_t *node, bool is_alone)
{
    struct dify_slice text;
    struct gw_config *out = reader->out;
    if (!gw_read_text(reader, node, "an origin of cors", GW_ROUTE_BYTES, &text))
        return;
    if (!is_origin(text) && !(is_alone && dify__slice_is(text, "*"))) {
        gw_at(reader, node,
              "'%.*s' is no origin as browsers send it, such as https://app.example or "
              "http://localhost:5173; \"*\" alone stands for any",
              (int)text.len, text.ptr);
        return;
    }
    for (size_t i = 0; i < out->origin_count; i++) {
        if (dify__slice_is(text, out->origins[i])) {
            gw_at(reader, node, "cors names %s twice", out->origins[i]);
            return;
        }
    }
    out->origins[out->origin_count] = gw_copy(reader, text);
    out->origin_count += out->origins[out->origin_count] != NULL;
}

void gw_read_origins(struct gw_reader *reader, yaml_node_t *node)
{
    size_t count = conf_yaml_is_list(node) ? conf_yaml_count(node) : 1;
    if (count == 0) {
        gw_at(reader, node, "cors names no origin");
        return;
    }
    reader->out->origins =
        gw_make(reader, count < GW_ORIGINS ? count : GW_ORIGINS, sizeof *reader->out->origins);
    if (reader->out->origins == NULL)
        return;
    if (!conf_yaml_is_list(node)) {
        read_origin(reader, node, true);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        const yaml_node_t *item = conf_yaml_item(&reader->yaml, node, i);
        if (i == GW_ORIGINS) {
            gw_at(reader, item, "cors names more than %d origins", GW_ORIGINS);
            return;
        }
        read_origin(reader, item, count == 1);
    }
}
