/* SPDX-License-Identifier: Apache-2.0
 *
 * openapi.c: see openapi.h.
 */
#include "gateway/openapi.h"

#include "core/json.h"
#include "core/json_text.h"
#include "core/slices.h"
#include "difystream/version.h"
#include "gateway/reply.h"
#include "gateway/sha256.h"

#include <assert.h>
#include <stdio.h>

/* The path that stands for those of the configuration. */
#define FORM_PATH "/api/detect"

static struct dify__members members_of(const struct dify__members *at)
{
    struct dify__members inner;
    dify__members_of(&inner, at->json, at->value, dify__members_text(at));
    return inner;
}

static void copy(struct dify__writer *writer, const struct dify__members *at)
{
    dify__write_key_text(writer, at->key);
    dify__write_json(writer, dify__members_text(at));
}

/* ---- the paths of the configuration -------------------------------------------------------- */

/* One of them; `number` counts them from 1. */
struct form {
    const struct gw_app_config *app;
    const struct gw_route_config *route;
    unsigned number;
};

/* Operations are told apart by their ids. */
static void put_id(struct dify__writer *writer, const struct dify__members *at,
                   const struct form *form)
{
    struct dify_slice id = dify__members_string(at);
    char text[64];
    if (form->number > 1) {
        int len = snprintf(text, sizeof text, "%.*s%u", (int)id.len, id.ptr, form->number);
        id = (struct dify_slice){text, (size_t)len};
    }
    dify__write_key_text(writer, at->key);
    dify__write_string(writer, id);
}

static void put_operation(struct dify__writer *writer, const struct dify__members *at,
                          const struct form *form)
{
    struct dify__members members = members_of(at);
    dify__write_key_text(writer, at->key);
    dify__write_open(writer, '{');
    while (dify__members_next(&members)) {
        if (dify__slice_is(members.key, "operationId"))
            put_id(writer, &members, form);
        else
            copy(writer, &members);
    }
    dify__write_key(writer, "x-app");
    dify__write_string(writer, dify__slice(form->app->name));
    if (form->route->rename_count > 0) {
        dify__write_key(writer, "x-fields");
        dify__write_open(writer, '{');
        for (size_t i = 0; i < form->route->rename_count; i++) {
            dify__write_key(writer, form->route->renames[i].field);
            dify__write_string(writer, dify__slice(form->route->renames[i].input));
        }
        dify__write_close(writer, '}');
    }
    dify__write_close(writer, '}');
}

static void put_form(struct dify__writer *writer, const struct dify__members *at,
                     const struct form *form)
{
    struct dify__members members = members_of(at);
    dify__write_key(writer, form->route->path);
    dify__write_open(writer, '{');
    while (dify__members_next(&members))
        put_operation(writer, &members, form);
    dify__write_close(writer, '}');
}

static void put_forms(struct dify__writer *writer, const struct dify__members *at,
                      const struct gw_config *config)
{
    unsigned number = 0;
    for (size_t i = 0; i < config->app_count; i++) {
        const struct gw_app_config *app = &config->apps[i];
        for (size_t j = 0; j < app->route_count; j++)
            put_form(writer, at, &(struct form){app, &app->routes[j], ++number});
    }
}

/* ---- the document -------------------------------------------------------------------------- */

static void put_paths(struct dify__writer *writer, const struct dify__members *at,
                      const struct gw_config *config)
{
    struct dify__members members = members_of(at);
    dify__write_key_text(writer, at->key);
    dify__write_open(writer, '{');
    while (dify__members_next(&members)) {
        if (dify__slice_is(members.key, FORM_PATH))
            put_forms(writer, &members, config);
        else
            copy(writer, &members);
    }
    dify__write_close(writer, '}');
}

static void put_info(struct dify__writer *writer, const struct dify__members *at)
{
    struct dify__members members = members_of(at);
    dify__write_key_text(writer, at->key);
    dify__write_open(writer, '{');
    while (dify__members_next(&members)) {
        if (dify__slice_is(members.key, "version")) {
            dify__write_key_text(writer, members.key);
            dify__write_string(writer, dify__slice(dify_version()));
        } else {
            copy(writer, &members);
        }
    }
    dify__write_close(writer, '}');
}

bool gw_openapi_write(const struct gw_config *config, struct dify__buffer *out)
{
    struct dify__json json;
    struct dify__writer writer;
    struct dify__members members;
    dify__json_init(&json, out->allocator);
    enum dify_err err =
        dify__json_read(&json, (struct dify_slice){(const char *)gw_openapi_bytes, gw_openapi_len});
    assert(err == DIFY_OK || err == DIFY_ERR_NOMEM);
    if (err == DIFY_OK) {
        dify__writer_init(&writer, DIFY_JSON_COMPACT, dify__write_to_buffer, out);
        dify__write_open(&writer, '{');
        dify__members_of_root(&members, &json);
        while (dify__members_next(&members)) {
            if (dify__slice_is(members.key, "paths"))
                put_paths(&writer, &members, config);
            else if (dify__slice_is(members.key, "info"))
                put_info(&writer, &members);
            else
                copy(&writer, &members);
        }
        dify__write_close(&writer, '}');
        err = dify__writer_finish(&writer);
    }
    dify__json_fini(&json);
    return err == DIFY_OK && dify__buffer_append(out, "\n", 1) == DIFY_OK;
}

bool gw_openapi_open(struct gateway *gateway)
{
    struct dify__buffer *text = &gateway->openapi.text;
    unsigned char digest[GW_SHA256_BYTES];
    *text = (struct dify__buffer){.allocator = gateway->allocator, .max = SIZE_MAX / 2};
    if (!gw_openapi_write(gateway->config, text))
        return false;
    if (!gw_sha256_of(dify__buffer_slice(text), digest))
        return false;
    char digits[17];
    gw_sha256_hex(digest, 8, digits);
    snprintf(gateway->openapi.tag, sizeof gateway->openapi.tag, "\"%s\"", digits);
    return true;
}

void gw_openapi_close(struct gateway *gateway)
{
    dify__buffer_fini(&gateway->openapi.text);
}

/* ---- serving it ---------------------------------------------------------------------------- */

void gw_serve_openapi(const struct gw_request *request)
{
    const struct gateway *gateway = request->gateway;
    struct http_field fields[] = {
        {DIFY_SLICE("ETag"), dify__slice(gateway->openapi.tag)},
        {DIFY_SLICE("Cache-Control"), DIFY_SLICE("no-cache")},
        {DIFY_SLICE("Content-Type"), DIFY_SLICE("application/json; charset=utf-8")},
        GW_NOSNIFF};
    if (gw_reply_is_known(request->http, gateway->openapi.tag))
        http_respond(request->exchange, 304, fields, 2, DIFY_SLICE(""));
    else
        http_respond(request->exchange, 200, fields, 4, dify__buffer_slice(&gateway->openapi.text));
}
