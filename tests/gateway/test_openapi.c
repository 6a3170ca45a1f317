/* SPDX-License-Identifier: Apache-2.0
 *
 * test_openapi.c: the document describes each route and method that is served, and no other; the
 * paths of the configuration stand in it.
 */
#include "../unit/support.h"

#include "core/json.h"
#include "core/slices.h"
#include "difystream/version.h"
#include "gateway/openapi.h"

#include <stdio.h>
#include <stdlib.h>

static const char *const methods[] = {
    [HTTP_GET_] = "get",         [HTTP_HEAD_] = "head",     [HTTP_POST_] = "post",
    [HTTP_PUT_] = "put",         [HTTP_DELETE_] = "delete", [HTTP_PATCH_] = "patch",
    [HTTP_OPTIONS_] = "options", [HTTP_TRACE_] = "trace",   [HTTP_QUERY_] = "query"};

static char field[] = "Food\"type", input[] = "food_type";
static char detect[] = "/api/detect", other[] = "/api/other", summary[] = "/api/summary";
static char names[3][16] = {"label-check", "none", "summary"};
static struct gw_rename renames[] = {{field, input}};
static struct gw_route_config first[] = {{.path = detect}, {.path = other}};
static struct gw_route_config second[] = {{.path = summary, .renames = renames, .rename_count = 1}};
static struct gw_app_config apps[] = {{.name = names[0], .routes = first, .route_count = 2},
                                      {.name = names[1]},
                                      {.name = names[2], .routes = second, .route_count = 1}};

struct document {
    struct dify__buffer text;
    struct dify__json json;
};

static void make(struct document *document, size_t app_count)
{
    struct gw_config config = {.apps = apps, .app_count = app_count};
    document->text = (struct dify__buffer){.allocator = dify__allocator(NULL), .max = SIZE_MAX / 2};
    assert_true(gw_openapi_write(&config, &document->text));
    dify__json_init(&document->json, dify__allocator(NULL));
    assert_int_equal(dify__json_read(&document->json, dify__buffer_slice(&document->text)),
                     DIFY_OK);
}

static void unmake(struct document *document)
{
    dify__json_fini(&document->json);
    dify__buffer_fini(&document->text);
}

static yyjson_val *paths_of(const struct document *document)
{
    return yyjson_obj_get(yyjson_doc_get_root(document->json.doc), "paths");
}

static bool is_configured(const char *path, size_t app_count)
{
    for (size_t i = 0; i < app_count; i++)
        for (size_t j = 0; j < apps[i].route_count; j++)
            if (strcmp(apps[i].routes[j].path, path) == 0)
                return true;
    return false;
}

/* Whether a path of the document ("/api/runs/{id}") is that of a route ("/api/runs/{}"). */
static bool is_same(const char *described, const char *path)
{
    while (*described != '\0' && *described == *path) {
        if (*described == '{' && (described = strchr(described, '}')) == NULL)
            return false;
        else if (*described == '}' && *++path != '}')
            return false;
        described++;
        path++;
    }
    return *described == '\0' && *path == '\0';
}

static bool has_route(const char *described, const char *method)
{
    size_t count;
    const struct gw_route *routes = gw_routes(&count);
    for (size_t i = 0; i < count; i++)
        if (strcmp(methods[routes[i].method], method) == 0 && is_same(described, routes[i].path))
            return true;
    return false;
}

/* What Dify describes, and the document only names. */
static bool is_of_dify(const struct gw_route *route)
{
    return strncmp(route->path, "/v1/", 4) == 0;
}

static bool has_description(const struct document *document, const struct gw_route *route)
{
    size_t at, count;
    yyjson_val *path, *item;
    yyjson_obj_foreach(paths_of(document), at, count, path,
                       item) if (is_same(yyjson_get_str(path), route->path) &&
                                 yyjson_obj_get(item, methods[route->method]) != NULL) return true;
    return false;
}

static bool is_method(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(methods); i++)
        if (strcmp(methods[i], name) == 0)
            return true;
    return false;
}

static void test_routes_and_document(void **state)
{
    struct document document;
    size_t count, wrong = 0, at, most, at_inner, most_inner;
    const struct gw_route *routes = gw_routes(&count);
    yyjson_val *path, *item, *name, *operation;
    (void)state;
    make(&document, COUNT_OF(apps));
    for (size_t i = 0; i < count; i++) {
        if (is_of_dify(&routes[i]) || has_description(&document, &routes[i]))
            continue;
        print_error("%s %s is not described\n", methods[routes[i].method], routes[i].path);
        wrong++;
    }
    yyjson_obj_foreach(paths_of(&document), at, most, path, item)
    {
        yyjson_obj_foreach(item, at_inner, most_inner, name, operation)
        {
            const char *method = yyjson_get_str(name);
            bool is_form = is_configured(yyjson_get_str(path), COUNT_OF(apps));
            if (!is_method(method) || (is_form && strcmp(method, "post") == 0) ||
                (!is_form && has_route(yyjson_get_str(path), method)))
                continue;
            print_error("%s %s is described, but not served\n", method, yyjson_get_str(path));
            wrong++;
        }
    }
    unmake(&document);
    assert_int_equal(wrong, 0);
}

static const char *text_at(const struct document *document, const char *pointer)
{
    return yyjson_get_str(yyjson_ptr_get(yyjson_doc_get_root(document->json.doc), pointer));
}

static void test_configured_paths(void **state)
{
    struct document document;
    (void)state;
    make(&document, COUNT_OF(apps));
#define POST_OF(path, member) text_at(&document, "/paths/" path "/post/" member)
    assert_string_equal(POST_OF("~1api~1detect", "operationId"), "detect");
    assert_string_equal(POST_OF("~1api~1detect", "x-app"), "label-check");
    assert_string_equal(POST_OF("~1api~1other", "operationId"), "detect2");
    assert_string_equal(POST_OF("~1api~1summary", "operationId"), "detect3");
    assert_string_equal(POST_OF("~1api~1summary", "x-app"), "summary");
    assert_string_equal(POST_OF("~1api~1summary", "x-fields/Food\"type"), "food_type");
    assert_null(POST_OF("~1api~1detect", "x-fields"));
#undef POST_OF
    assert_string_equal(text_at(&document, "/info/version"), dify_version());
    unmake(&document);

    make(&document, 0); /* there is none */
    assert_null(yyjson_obj_get(paths_of(&document), "/api/detect"));
    assert_non_null(yyjson_obj_get(paths_of(&document), "/api/runs"));
    unmake(&document);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_routes_and_document),
        cmocka_unit_test(test_configured_paths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
