/* SPDX-License-Identifier: Apache-2.0
 *
 * cors.c: see cors.h.
 */
#include "gateway/cors.h"

#include "core/slices.h"

#include <stdlib.h>
#include <strings.h>

/* Of an origin. The first field, which tells caches that others are answered otherwise, goes with
 * every answer, unless any origin is let in; the others with those to a page that is. */
enum { VARY, ALLOW_ORIGIN, EXPOSE, FIELDS };
struct gw_cors {
    struct http_field fields[FIELDS];
};

static bool is_any(const struct gw_config *config)
{
    return config->origin_count == 1 && strcmp(config->origins[0], "*") == 0;
}

bool gw_cors_open(struct gateway *gateway)
{
    const struct gw_config *config = gateway->config;
    if (config->origin_count == 0)
        return true;
    gateway->cors = calloc(config->origin_count, sizeof *gateway->cors);
    if (gateway->cors == NULL)
        return false;
    for (size_t i = 0; i < config->origin_count; i++)
        gateway->cors[i] = (struct gw_cors){{
            [VARY] = {DIFY_SLICE("Vary"), DIFY_SLICE("Origin")},
            [ALLOW_ORIGIN] = {DIFY_SLICE("Access-Control-Allow-Origin"),
                              dify__slice(config->origins[i])},
            [EXPOSE] = {DIFY_SLICE("Access-Control-Expose-Headers"),
                        DIFY_SLICE("Location, Retry-After, X-Version, X-Difystream-Run-ID")},
        }};
    return true;
}

void gw_cors_close(struct gateway *gateway)
{
    free(gateway->cors);
}

/* What is said to a page of this origin; NULL: it is not let in. */
static const struct gw_cors *find(const struct gateway *gateway, struct dify_slice origin)
{
    const struct gw_config *config = gateway->config;
    if (origin.len == 0)
        return NULL;
    if (is_any(config))
        return &gateway->cors[0];
    for (size_t i = 0; i < config->origin_count; i++)
        if (dify__slice_is(origin, config->origins[i]))
            return &gateway->cors[i];
    return NULL;
}

/* Which methods and fields there are is for the routes to say: they answer whoever is let in. */
static void answer_preflight(struct http_exchange *exchange, bool is_let_in,
                             struct dify_slice wanted)
{
    struct http_field fields[] = {
        {DIFY_SLICE("Access-Control-Allow-Methods"),
         DIFY_SLICE("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS")},
        {DIFY_SLICE("Access-Control-Max-Age"), DIFY_SLICE("7200")},
        {DIFY_SLICE("Access-Control-Allow-Headers"), wanted},
    };
    size_t count = sizeof fields / sizeof fields[0] - (wanted.len == 0);
    http_respond(exchange, 204, fields, is_let_in ? count : 0, DIFY_SLICE(""));
}

bool gw_cors_enter(const struct gw_request *request)
{
    const struct gateway *gateway = request->gateway;
    const struct http_request *http = request->http;
    if (gateway->cors == NULL)
        return false;
    struct dify_slice origin = http_request_field(http, "origin");
    const struct gw_cors *cors = find(gateway, origin);
    size_t from = is_any(gateway->config) ? ALLOW_ORIGIN : VARY; /* of the fields that are sent */
    size_t until = cors != NULL ? FIELDS : ALLOW_ORIGIN;
    const struct gw_cors *said = cors != NULL ? cors : gateway->cors;
    http_exchange_also(request->exchange, &said->fields[from], until - from);
    if (http->method != HTTP_OPTIONS_ || origin.len == 0 ||
        http_request_field(http, "access-control-request-method").len == 0)
        return false;
    answer_preflight(request->exchange, cors != NULL,
                     http_request_field(http, "access-control-request-headers"));
    return true;
}

/* ---- requests that a page sends without leave ----------------------------------------------- */

/* By the browser's own word alone, which it gives to addresses with TLS or of its own machine. An
 * Origin that is not the request's Host proves nothing: a server in front may keep the Host to
 * itself (nginx does unless it is told), and its own page is no other site's. */
bool gw_cors_is_foreign(const struct gw_request *request)
{
    const struct gateway *gateway = request->gateway;
    const struct http_request *http = request->http;
    if (http->method == HTTP_GET_ || http->method == HTTP_HEAD_ || http->method == HTTP_OPTIONS_)
        return false;
    return dify__slice_is(http_request_field(http, "sec-fetch-site"), "cross-site") &&
           !is_any(gateway->config) && find(gateway, http_request_field(http, "origin")) == NULL;
}

/* ---- what is passed on ---------------------------------------------------------------------- */

size_t gw_cors_strip(const struct gateway *gateway, struct http_field *fields, size_t count)
{
    static const char prefix[] = "access-control-";
    size_t kept = 0, len = sizeof prefix - 1;
    if (gateway->cors == NULL)
        return count;
    for (size_t i = 0; i < count; i++)
        if (fields[i].name.len < len || strncasecmp(fields[i].name.ptr, prefix, len) != 0)
            fields[kept++] = fields[i];
    return kept;
}
