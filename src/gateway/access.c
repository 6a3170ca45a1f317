/* SPDX-License-Identifier: Apache-2.0
 *
 * access.c: see access.h. A token is looked for by its SHA-256 among all that there are, without an
 * early end; it is random, so that a plain hash of it tells nothing.
 */
#include "gateway/access.h"

#include "core/slices.h"
#include "gateway/app.h"
#include "gateway/cors.h"
#include "gateway/hub.h"
#include "gateway/logger.h"
#include "gateway/reply.h"
#include "gateway/routes.h"
#include "gateway/v1_fields.h"

#include <string.h>
#include <strings.h>

/* ---- what came with the request ------------------------------------------------------------ */

struct dify_slice gw_access_bearer(const struct http_request *request)
{
    static const char scheme[] = "bearer";
    const struct dify_slice none = {NULL, 0};
    struct dify_slice value = none;
    for (size_t i = 0; i < request->field_count; i++) {
        if (!dify__slice_is(request->fields[i].name, "authorization"))
            continue;
        if (value.ptr != NULL)
            return none;
        value = request->fields[i].value;
    }
    size_t at = sizeof scheme - 1;
    if (value.len <= at || strncasecmp(value.ptr, scheme, at) != 0 || value.ptr[at] != ' ')
        return none;
    while (at < value.len && value.ptr[at] == ' ')
        at++;
    return (struct dify_slice){value.ptr + at, value.len - at};
}

bool gw_access_is_same(const unsigned char a[GW_SHA256_BYTES],
                       const unsigned char b[GW_SHA256_BYTES])
{
    volatile unsigned char differs = 0; /* every byte counts, says the compiler, too */
    for (size_t i = 0; i < GW_SHA256_BYTES; i++)
        differs = (unsigned char)(differs | (a[i] ^ b[i]));
    return differs == 0;
}

bool gw_access_guest_name(struct dify_slice key, char out[GW_GUEST_NAME_BYTES])
{
    unsigned char digest[GW_SHA256_BYTES];
    if (!gw_sha256_of(key, digest))
        return false;
    memcpy(out, GW_GUEST_PREFIX, sizeof GW_GUEST_PREFIX);
    gw_sha256_hex(digest, 16, out + sizeof GW_GUEST_PREFIX - 1);
    return true;
}

/* The token that it is; NULL: none. False for want of memory. */
static bool find_token(const struct gw_config *config, struct dify_slice bearer,
                       const struct gw_token_config **out)
{
    unsigned char digest[GW_SHA256_BYTES];
    *out = NULL;
    if (bearer.len < GW_TOKEN_LEAST_BYTES || bearer.len > GW_TOKEN_MOST_BYTES)
        return true;
    if (!gw_sha256_of(bearer, digest))
        return false;
    for (size_t i = 0; i < config->token_count; i++)
        if (gw_access_is_same(digest, config->tokens[i].hash))
            *out = &config->tokens[i];
    return true;
}

/* ---- what may be asked for ----------------------------------------------------------------- */

/* Whether it is `folder` or lies below it. */
static bool is_below(struct dify_slice path, const char *folder)
{
    size_t len = strlen(folder);
    return dify__slice_begins(path, folder) &&
           (path.len == len || path.ptr[len] == '/' || folder[len - 1] == '/');
}

bool gw_access_is_open(struct dify_slice path)
{
    return dify__slice_is(path, "/healthz") || dify__slice_is(path, "/readyz") ||
           dify__slice_is(path, "/openapi.json") || dify__slice_is(path, "/") ||
           is_below(path, "/assets");
}

/* A path that could be read as another one is nobody's to ask for. */
static bool may_ask(const struct gw_token_config *token, struct dify_slice path)
{
    if (token->route_count == 0)
        return true;
    for (size_t i = 0; i < token->route_count; i++)
        if (is_below(path, token->routes[i]))
            return gw_v1_path(path) == GW_PATH_SAFE;
    return false;
}

void gw_access_filter(const struct gw_access *access, struct store_filter *filter)
{
    const struct gw_token_config *token = access->token;
    if (token != NULL && token->app_count > 0) {
        filter->apps = token->apps;
        filter->app_count = token->app_count;
    } else {
        filter->hidden_prefix = DIFY_SLICE(GW_GUEST_PREFIX);
        filter->unhidden = dify__slice_or_none(access->guest);
    }
}

bool gw_access_sees(const struct gw_access *access, struct dify_slice app_name)
{
    struct store_filter filter = {.limit = 1};
    gw_access_filter(access, &filter);
    return app_name.ptr != NULL && store_filter_has_app(&filter, app_name);
}

struct gw_app *gw_access_app(struct gateway *gateway, const struct gw_access *access,
                             struct dify_slice name)
{
    if (name.ptr == NULL && access->token != NULL && access->token->app_count > 0)
        name = access->token->apps[0];
    struct gw_app *app = gw_app_find(gateway, name);
    return app != NULL && gw_access_sees(access, dify__slice(app->config->name)) ? app : NULL;
}

const char *gw_access_name(const struct gw_access *access)
{
    return access->token != NULL ? access->token->name : "";
}

/* ---- a request ----------------------------------------------------------------------------- */

/* Routes of Dify's own API answer as Dify does. */
static void turn_away(const struct gw_request *request, int status, const char *code,
                      const char *message)
{
    gw_log_turned_away(request->gateway, gw_access_name(&request->access), status, code);
    if (is_below(request->http->path, "/v1"))
        gw_reply_as_dify(request->exchange, status, code,
                         status == 401 ? "Access token is invalid" : message);
    else
        gw_reply_error(request->exchange, status, code, message, NULL);
}

/* A key or a token is nothing that a browser adds by itself: who has none to show must not be a
 * page of another site. */
static bool is_at_home(const struct gw_request *request)
{
    if (!gw_cors_is_foreign(request))
        return true;
    turn_away(request, 403, "origin_not_allowed",
              "a page of another site may not ask for this, unless `cors` names its origin");
    return false;
}

bool gw_access_enter(struct gw_request *request)
{
    const struct gw_config *config = request->gateway->config;
    struct gw_access *access = &request->access;
    struct dify_slice bearer = gw_access_bearer(request->http);
    *access = (struct gw_access){.token = NULL};
    if (config->token_count == 0) {
        if (bearer.len > 0 && !gw_access_guest_name(bearer, access->guest))
            access->guest[0] = '\0'; /* no memory: then it is nobody's key */
        return bearer.len > 0 || is_at_home(request);
    }
    if (gw_access_is_open(request->http->path))
        return true;
    if (!find_token(config, bearer, &access->token))
        turn_away(request, 503, "out_of_memory", "the gateway has run out of memory");
    else if (access->token == NULL)
        turn_away(request, 401, "unauthorized",
                  "this needs an access token of the gateway: Authorization: Bearer TOKEN");
    else if (!may_ask(access->token, request->http->path))
        turn_away(request, 403, "forbidden", "the access token is not for this address");
    else
        return true;
    return false;
}
