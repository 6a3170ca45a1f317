/* SPDX-License-Identifier: Apache-2.0
 *
 * apps.c: what apps there are.
 *
 *   GET /api/apps                    {"data": [APP …]}, in the order of the configuration
 *   GET /api/apps/{app}/parameters   Dify's /parameters of the app, as it is
 *
 * An APP is {"app", "is_default", "routes": [path …], "max_runs", "queue", "running", "waiting",
 * "available", "code", "message", "release", "mode", "name", "description", "title", "icon_type",
 * "icon", "icon_background", "icon_url"}: `name` to `description` as Dify's /info has them, the
 * rest as /site; null where Dify does not say. Where it cannot be asked `available` is false, and
 * `code` and `message` say why; one Dify that is down holds the list up for GW_ABOUT_WAIT_MS at
 * most.
 */
#include "core/json.h"
#include "core/slices.h"
#include "gateway/app.h"
#include "gateway/about.h"
#include "gateway/hub.h"
#include "gateway/later.h"
#include "gateway/out.h"
#include "gateway/reply.h"
#include "gateway/routes.h"
#include "http/uri.h"

#include <stdlib.h>

/* ---- parameters ---------------------------------------------------------------------------- */

struct parameters {
    struct gw_later later; /* the first member */
    struct gw_about_wait wait;
};

static void reply_about(struct http_exchange *exchange, const struct gw_about *about)
{
    if (about->json != NULL)
        gw_reply_json(exchange, 200, (struct dify_slice){about->json, about->len});
    else
        gw_reply_error(exchange, about->words.status, about->words.code, about->words.message,
                       NULL);
}

static void on_parameters(struct gw_about_wait *wait, const struct gw_about *about)
{
    struct parameters *parameters =
        (struct parameters *)(void *)((char *)wait - offsetof(struct parameters, wait));
    if (parameters->later.exchange != NULL)
        reply_about(parameters->later.exchange, about);
    gw_later_end(&parameters->later);
}

static void drop_parameters(struct gw_later *later)
{
    struct parameters *parameters = (struct parameters *)(void *)later;
    gw_about_take_back(&parameters->wait);
    free(parameters);
}

void gw_serve_parameters(const struct gw_request *request)
{
    char name[GW_NAME_BYTES];
    struct gw_app *app = NULL;
    if (request->rest.len < sizeof name)
        app = gw_access_app(request->gateway, &request->access,
                            (struct dify_slice){name, http_uri_decode(request->rest, false, name)});
    if (app == NULL) {
        gw_reply_error(request->exchange, 404, "app_not_found", "there is no app of this name",
                       NULL);
        return;
    }
    struct parameters *parameters = calloc(1, sizeof *parameters);
    if (parameters == NULL) {
        gw_out_of_memory(request->exchange);
        return;
    }
    parameters->wait.told = on_parameters;
    gw_later_begin(&parameters->later, request->gateway, request->exchange, drop_parameters);
    const struct gw_about *about = gw_about_get(app, GW_ABOUT_PARAMETERS, &parameters->wait);
    if (about != NULL)
        on_parameters(&parameters->wait, about);
}

/* ---- all of them --------------------------------------------------------------------------- */

/* The parts of an app that are listed. */
enum { INFO, SITE, LISTED };

struct listing {
    struct gw_later later; /* the first member */
    struct dify__alarm alarm;
    struct gw_access access;
    size_t next, pending; /* the part to be asked for next; those that are asked for */
    size_t count;         /* of parts, LISTED of each app */
    struct listed {
        struct gw_app *app;
        struct gw_about_wait wait;
        struct listing *listing;
        char *json; /* NULL: not known */
        size_t len;
        bool is_told;
        char release[32];
        struct gw_words words;
    } parts[];
};

static void take_part(struct listed *part, const struct gw_about *about)
{
    part->is_told = true;
    part->words = about->words;
    memcpy(part->release, about->release, sizeof part->release);
    if (about->json == NULL)
        return;
    part->json = malloc(about->len + 1);
    if (part->json == NULL) {
        gw_words_no_memory(&part->words);
        return;
    }
    memcpy(part->json, about->json, about->len);
    part->len = about->len;
}

/* A member of an object that Dify sent: a text, else null. */
static void put_member(struct dify__writer *writer, const char *key, const struct dify__json *json,
                       bool has_json)
{
    struct dify__members members;
    struct dify_slice text = {NULL, 0};
    if (has_json) {
        dify__members_of_root(&members, json);
        while (dify__members_next(&members)) {
            if (dify__slice_is(members.key, key))
                text = dify__members_string(&members);
        }
    }
    dify__key_string(writer, key, text);
}

static void put_members(struct dify__writer *writer, const struct listed *part,
                        const char *const *keys, size_t count)
{
    struct dify__json json;
    dify__json_init(&json, dify__allocator(NULL));
    bool has_json = part->json != NULL &&
                    dify__json_read(&json, (struct dify_slice){part->json, part->len}) == DIFY_OK;
    for (size_t i = 0; i < count; i++)
        put_member(writer, keys[i], &json, has_json);
    dify__json_fini(&json);
}

static void put_routes(struct dify__writer *writer, const struct gw_app_config *config)
{
    dify__write_key(writer, "routes");
    dify__write_open(writer, '[');
    for (size_t i = 0; i < config->route_count; i++) {
        dify__write_element(writer);
        dify__write_string(writer, dify__slice(config->routes[i].path));
    }
    dify__write_close(writer, ']');
}

/* Whether Dify answers, and if not why. */
static void put_health(struct dify__writer *writer, const struct listed *info)
{
    bool is_good = info->json != NULL;
    struct dify_slice none = {NULL, 0};
    dify__key_bool(writer, "available", is_good);
    dify__key_string(writer, "code",
                     is_good         ? none
                     : info->is_told ? dify__slice(info->words.code)
                                     : DIFY_SLICE("read_timeout"));
    dify__key_string(writer, "message",
                     is_good         ? none
                     : info->is_told ? dify__slice(info->words.message)
                                     : DIFY_SLICE("Dify has not answered yet"));
    dify__key_string(writer, "release",
                     info->release[0] != '\0' ? dify__slice(info->release) : none);
}

static void put_app(struct dify__writer *writer, const struct gw_app *app, bool is_default,
                    const struct listed *parts)
{
    static const char *const of_info[] = {"mode", "name", "description"};
    static const char *const of_site[] = {"title", "icon_type", "icon", "icon_background",
                                          "icon_url"};
    dify__write_element(writer);
    dify__write_open(writer, '{');
    dify__key_string(writer, "app", dify__slice(app->config->name));
    dify__key_bool(writer, "is_default", is_default);
    put_routes(writer, app->config);
    dify__key_uint(writer, "max_runs", app->config->max_runs);
    dify__key_uint(writer, "queue", app->config->queue);
    dify__key_uint(writer, "running", app->running);
    dify__key_uint(writer, "waiting", app->waiting);
    put_health(writer, &parts[INFO]);
    put_members(writer, &parts[INFO], of_info, 3);
    put_members(writer, &parts[SITE], of_site, 5);
    dify__write_close(writer, '}');
}

static void answer(struct listing *listing)
{
    struct gateway *gateway = listing->later.gateway;
    struct dify__writer writer;
    if (listing->later.exchange != NULL) {
        gw_out_begin(&writer, &gateway->scratch);
        dify__write_open(&writer, '{');
        dify__write_key(&writer, "data");
        dify__write_open(&writer, '[');
        const struct gw_app *first =
            gw_access_app(gateway, &listing->access, (struct dify_slice){NULL, 0});
        for (size_t i = 0; i < listing->count; i += LISTED)
            put_app(&writer, listing->parts[i].app, listing->parts[i].app == first,
                    &listing->parts[i]);
        dify__write_close(&writer, ']');
        dify__write_close(&writer, '}');
        gw_out_reply(&writer, &gateway->scratch, listing->later.exchange, 200);
    }
    gw_later_end(&listing->later);
}

static void on_part(struct gw_about_wait *wait, const struct gw_about *about);

/* Asks on, GW_ABOUT_ASKED parts at once. */
static void ask_on(struct listing *listing)
{
    while (listing->next < listing->count && listing->pending < GW_ABOUT_ASKED) {
        struct listed *part = &listing->parts[listing->next];
        part->wait.told = on_part;
        part->listing = listing;
        const struct gw_about *about = gw_about_get(
            part->app, listing->next % LISTED == INFO ? GW_ABOUT_INFO : GW_ABOUT_SITE, &part->wait);
        listing->next++;
        if (about != NULL)
            take_part(part, about);
        else
            listing->pending++;
    }
    if (listing->pending == 0)
        answer(listing);
}

static void on_part(struct gw_about_wait *wait, const struct gw_about *about)
{
    struct listed *part = (struct listed *)(void *)((char *)wait - offsetof(struct listed, wait));
    take_part(part, about);
    part->listing->pending--;
    ask_on(part->listing);
}

static void on_alarm(struct dify__alarm *alarm)
{
    answer((struct listing *)(void *)((char *)alarm - offsetof(struct listing, alarm)));
}

static void drop_listing(struct gw_later *later)
{
    struct listing *listing = (struct listing *)(void *)later;
    http_timer_clear(&later->gateway->timer, &listing->alarm);
    for (size_t i = 0; i < listing->count; i++) {
        gw_about_take_back(&listing->parts[i].wait);
        free(listing->parts[i].json);
    }
    free(listing);
}

void gw_serve_apps(const struct gw_request *request)
{
    struct gateway *gateway = request->gateway;
    size_t most = gateway->config->app_count * LISTED;
    struct listing *listing = calloc(1, sizeof *listing + most * sizeof listing->parts[0]);
    if (listing == NULL) {
        gw_out_of_memory(request->exchange);
        return;
    }
    listing->access = request->access;
    for (size_t i = 0; i < gateway->config->app_count; i++) {
        if (!gw_access_sees(&request->access, dify__slice(gateway->config->apps[i].name)))
            continue;
        for (size_t part = 0; part < LISTED; part++)
            listing->parts[listing->count++].app = &gateway->apps[i];
    }
    listing->alarm.ring = on_alarm;
    gw_later_begin(&listing->later, gateway, request->exchange, drop_listing);
    if (http_timer_set(&gateway->timer, &listing->alarm, GW_ABOUT_WAIT_MS) != DIFY_OK)
        answer(listing);
    else
        ask_on(listing);
}
