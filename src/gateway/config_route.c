/* SPDX-License-Identifier: Apache-2.0
 *
 * config_route.c: see config_route.h.
 */
#include "gateway/config_route.h"

#include "core/slices.h"
#include "gateway/limits.h"

#include <stdlib.h>
#include <string.h>

enum { FIELDS, KEEPALIVE_AFTER, MEMBERS };
static const char *const members[] = {
    [FIELDS] = "fields", [KEEPALIVE_AFTER] = "keepalive_after", [MEMBERS] = NULL};

/* The gateway's own: these, and what lies below those of the second kind. */
static const char *const own_paths[] = {"/", "/metrics", "/healthz", "/readyz", "/openapi.json"};
static const char *const own_folders[] = {"/api/runs",      "/api/apps", "/api/stats",
                                          "/api/test-dify", "/assets",   "/v1"};

static struct dify_slice text_of(const yaml_node_t *node)
{
    return (struct dify_slice){(const char *)node->data.scalar.value, node->data.scalar.length};
}

/* ---- paths --------------------------------------------------------------------------------- */

static bool is_own(struct dify_slice path)
{
    for (size_t i = 0; i < sizeof own_paths / sizeof own_paths[0]; i++)
        if (dify__slice_is(path, own_paths[i]))
            return true;
    for (size_t i = 0; i < sizeof own_folders / sizeof own_folders[0]; i++) {
        size_t len = strlen(own_folders[i]);
        if (path.len >= len && memcmp(path.ptr, own_folders[i], len) == 0 &&
            (path.len == len || path.ptr[len] == '/'))
            return true;
    }
    return false;
}

bool gw_is_plain_path(struct dify_slice path)
{
    static const char marks[] = "/-._~!$&'()*+,;=:@";
    size_t from = 1; /* of the part at hand */
    for (size_t i = 1; i <= path.len; i++) {
        char c = i < path.len ? path.ptr[i] : '/';
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
              (c != '\0' && strchr(marks, c) != NULL)))
            return false;
        if (c != '/')
            continue;
        struct dify_slice part = {path.ptr + from, i - from};
        if (part.len == 0 || dify__slice_is(part, ".") || dify__slice_is(part, ".."))
            return false;
        from = i + 1;
    }
    return true;
}

static bool check_path(struct gw_reader *reader, const yaml_node_t *key)
{
    struct dify_slice path;
    if (!gw_read_text(reader, key, "a route's path", GW_ROUTE_BYTES, &path))
        return false;
    if (path.ptr[0] != '/')
        gw_at(reader, key, "the route '%.*s' does not begin with '/'", (int)path.len, path.ptr);
    else if (is_own(path))
        gw_at(reader, key, "the route %.*s is the gateway's own", (int)path.len, path.ptr);
    else if (!gw_is_plain_path(path))
        gw_at(reader, key, GW_NO_PLAIN_PATH, (int)path.len, path.ptr);
    else
        return true;
    return false;
}

/* ---- fields -------------------------------------------------------------------------------- */

static bool is_renamed(const struct gw_route_config *route, struct dify_slice field)
{
    for (size_t i = 0; i < route->rename_count; i++)
        if (dify__slice_is(field, route->renames[i].field))
            return true;
    return false;
}

static void read_field(struct gw_reader *reader, const yaml_node_t *key, const yaml_node_t *value,
                       struct gw_route_config *route)
{
    struct dify_slice field, input;
    bool ok = gw_read_text(reader, key, "a field's name", GW_NAME_BYTES, &field);
    ok = gw_read_text(reader, value, "an input's name", GW_NAME_BYTES, &input) && ok;
    if (ok && is_renamed(route, field)) {
        gw_at(reader, key, "the field '%.*s' stands here twice", (int)field.len, field.ptr);
        ok = false;
    }
    if (!ok)
        return;
    struct gw_rename *rename = &route->renames[route->rename_count++];
    rename->field = gw_copy(reader, field);
    rename->input = gw_copy(reader, input);
}

static void read_fields(struct gw_reader *reader, const yaml_node_t *node,
                        struct gw_route_config *route)
{
    yaml_node_t *key, *value;
    if (!conf_yaml_is_mapping(node)) {
        gw_at(reader, node, "fields is a mapping of a form's fields to inputs");
        return;
    }
    size_t count = (size_t)(node->data.mapping.pairs.top - node->data.mapping.pairs.start);
    route->renames = gw_make(reader, count < GW_FIELDS ? count : GW_FIELDS, sizeof *route->renames);
    for (size_t i = 0;
         route->renames != NULL && conf_yaml_pair(&reader->yaml, node, i, &key, &value); i++) {
        if (i == GW_FIELDS) {
            gw_at(reader, key, "a route renames more than %d fields", GW_FIELDS);
            return;
        }
        read_field(reader, key, value, route);
        if (reader->no_memory)
            return;
    }
}

/* ---- routes -------------------------------------------------------------------------------- */

static void claim(struct gw_reader *reader, const struct gw_route_config *route,
                  const struct gw_app_config *app, size_t line)
{
    void *claims = reader->claims;
    if (dify__grow(dify__allocator(NULL), &claims, &reader->claim_capacity, reader->claim_count + 1,
                   sizeof *reader->claims) != DIFY_OK) {
        reader->no_memory = true;
        return;
    }
    reader->claims = claims;
    reader->claims[reader->claim_count++] = (struct gw_claim){route->path, app->name, line};
}

static void read_route(struct gw_reader *reader, const yaml_node_t *key, yaml_node_t *value,
                       struct gw_app_config *app)
{
    yaml_node_t *values[MEMBERS + 1] = {NULL};
    struct gw_route_config *route = &app->routes[app->route_count];
    bool ok = check_path(reader, key);
    route->keepalive_after_ms = GW_KEEPALIVE_AFTER_MS;
    if (conf_yaml_is_set(value))
        (void)!conf_yaml_members(&reader->yaml, value, "a route", members, values);
    if (ok)
        route->path = gw_copy(reader, text_of(key));
    if (route->path != NULL)
        claim(reader, route, app, conf_yaml_line(key));
    if (values[FIELDS] != NULL)
        read_fields(reader, values[FIELDS], route);
    if (values[KEEPALIVE_AFTER] != NULL)
        gw_read_ms(reader, values[KEEPALIVE_AFTER], members[KEEPALIVE_AFTER], 0,
                   &route->keepalive_after_ms);
    app->route_count++;
}

void gw_read_routes(struct gw_reader *reader, yaml_node_t *node, struct gw_app_config *app)
{
    yaml_node_t *key, *value;
    if (!conf_yaml_is_mapping(node)) {
        gw_at(reader, node, "routes is a mapping of paths to what each takes");
        return;
    }
    size_t count = (size_t)(node->data.mapping.pairs.top - node->data.mapping.pairs.start);
    app->has_routes = true;
    app->routes = gw_make(reader, count < GW_ROUTES ? count : GW_ROUTES, sizeof *app->routes);
    for (size_t i = 0; app->routes != NULL && conf_yaml_pair(&reader->yaml, node, i, &key, &value);
         i++) {
        if (i == GW_ROUTES) {
            gw_at(reader, key, "an app has more than %d routes", GW_ROUTES);
            return;
        }
        read_route(reader, key, value, app);
    }
}

static int compare_claims(const void *one, const void *other)
{
    const struct gw_claim *a = one, *b = other;
    int order = strcmp(a->path, b->path);
    return order != 0 ? order : a->line < b->line ? -1 : a->line > b->line;
}

static void check_claims(struct gw_reader *reader)
{
    const struct gw_claim *first = reader->claims;
    qsort(reader->claims, reader->claim_count, sizeof *reader->claims, compare_claims);
    for (size_t i = 1; i < reader->claim_count; i++) {
        const struct gw_claim *claimed = &reader->claims[i];
        if (strcmp(claimed->path, first->path) == 0)
            (void)conf_fail(&reader->yaml.place, claimed->line,
                            "the route %s of app '%s' is that of app '%s' already, in line %zu",
                            claimed->path, claimed->app, first->app, first->line);
        else
            first = claimed;
    }
}

void gw_check_routes(struct gw_reader *reader)
{
    struct gw_config *out = reader->out;
    size_t routes = 0;
    if (reader->claim_count != 0)
        check_claims(reader);
    for (size_t i = 0; i < out->app_count; i++)
        routes += out->apps[i].route_count;
    if (routes != 0 || out->app_count == 0 || out->apps[out->default_app].has_routes)
        return;
    struct gw_app_config *app = &out->apps[out->default_app];
    app->routes = gw_make(reader, 1, sizeof *app->routes);
    if (app->routes == NULL)
        return;
    app->route_count = 1;
    app->routes[0].keepalive_after_ms = GW_KEEPALIVE_AFTER_MS;
    app->routes[0].path = gw_copy(reader, DIFY_SLICE("/api/detect"));
}
