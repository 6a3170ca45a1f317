/* SPDX-License-Identifier: Apache-2.0
 *
 * cors.c: see cors.h.
 */
#include "gateway/cors.h"

#include "core/slices.h"
#include "http/fields.h"

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

/* host:port, as Host has it and an origin behind its scheme; `port` is absent where there is none.
 */
struct authority {
    struct dify_slice name, port;
};

static struct authority split(struct dify_slice text)
{
    size_t at = text.len;
    while (at > 0 && http_is_digit(text.ptr[at - 1]))
        at--;
    if (at == 0 || text.ptr[at - 1] != ':')
        return (struct authority){.name = text};
    return (struct authority){{text.ptr, at - 1}, {text.ptr + at, text.len - at}};
}

/* Whether a page of this origin is one of this host. Its scheme is not looked at: a server in front
 * that speaks TLS knows it, the gateway does not. Such a server may leave out the port, too. */
static bool is_of_host(struct dify_slice origin, struct dify_slice host)
{
    static const char plain[] = "http://", safe[] = "https://";
    bool is_plain = dify__slice_begins(origin, plain);
    if (!is_plain && !dify__slice_begins(origin, safe))
        return false;
    size_t scheme = is_plain ? sizeof plain - 1 : sizeof safe - 1;
    struct authority page = split((struct dify_slice){origin.ptr + scheme, origin.len - scheme});
    struct authority here = split(host);
    if (page.port.ptr == NULL)
        page.port = is_plain ? DIFY_SLICE("80") : DIFY_SLICE("443");
    return host.len > 0 && http_are_alike(page.name, here.name) &&
           (here.port.ptr == NULL || dify__slice_equals(page.port, here.port));
}

/* The host that a server in front was asked for: no page of another site can have a browser send
 * this field without asking first. */
static struct dify_slice forwarded_host(const struct http_request *http)
{
    struct dify_slice list = http_request_field(http, "x-forwarded-host");
    struct dify_slice first = {NULL, 0};
    return http_list_next(&list, &first) ? first : (struct dify_slice){NULL, 0};
}

/* Browsers say by themselves whether a request crosses sites, but only to an address with TLS or of
 * their own machine; else their Origin has to tell. */
bool gw_cors_is_foreign(const struct gw_request *request)
{
    const struct gateway *gateway = request->gateway;
    const struct http_request *http = request->http;
    if (http->method == HTTP_GET_ || http->method == HTTP_HEAD_ || http->method == HTTP_OPTIONS_)
        return false;
    struct dify_slice origin = http_request_field(http, "origin");
    struct dify_slice site = http_request_field(http, "sec-fetch-site");
    if (is_any(gateway->config) || find(gateway, origin) != NULL)
        return false;
    if (site.len > 0)
        return !dify__slice_is(site, "same-origin") && !dify__slice_is(site, "none");
    return origin.len > 0 && !is_of_host(origin, http->host) &&
           !is_of_host(origin, forwarded_host(http));
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
