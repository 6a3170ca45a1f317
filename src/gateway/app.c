/* SPDX-License-Identifier: Apache-2.0
 *
 * app.c: see app.h.
 */
#include "gateway/app.h"

#include "conf/text.h"
#include "core/slices.h"
#include "gateway/about.h"
#include "gateway/access.h"
#include "gateway/logger.h"
#include "gateway/recover.h"

#include <stdlib.h>

/* ---- making -------------------------------------------------------------------------------- */

/* Without a ceiling; so far away that adding the time of day to it does no harm. */
#define NEVER_MS ((uint64_t)1 << 50)

static bool open_app(struct gateway *gateway, struct gw_app *app,
                     const struct gw_app_config *config, const char *key, struct dify_error *error)
{
    struct dify_app_options options = {
        .size = sizeof options,
        .base_url = config->base_url,
        .api_key = key,
        .ca_file = config->ca_file,
        .client_cert = config->client_cert,
        .client_key = config->client_key,
        .proxy = config->proxy,
        .connect_timeout_ms = config->connect_timeout_ms,
        .silence_timeout_ms = config->read_timeout_ms,
        .run_timeout_ms = config->max_time_ms != 0 ? config->max_time_ms : NEVER_MS,
        .accept_partial = config->accept_partial,
        .alias = "Dify"}; /* callers are not to learn where it is */
    app->gateway = gateway;
    app->config = config;
    http_list_init(&app->queue);
    http_list_init(&app->uploads);
    return gw_access_guest_name(dify__slice(key), app->key_name) &&
           dify_app_new(gateway->client, &options, &app->dify, error) == DIFY_OK;
}

bool gw_apps_open(struct gateway *gateway)
{
    const struct gw_config *config = gateway->config;
    struct dify_error error = {DIFY_OK, 0, "no memory"};
    http_list_init(&gateway->guests);
    gateway->apps = calloc(config->app_count + 1, sizeof *gateway->apps); /* there may be none */
    for (size_t i = 0; gateway->apps != NULL && i < config->app_count; i++) {
        struct gw_app *app = &gateway->apps[i];
        const struct gw_app_config *of = &config->apps[i];
        app->measures = calloc(1, sizeof *app->measures);
        if (app->measures == NULL || !open_app(gateway, app, of, of->api_key, &error)) {
            gw_log_note(gateway, GW_LOG_ERROR, NULL, "app %s: %s", of->name, error.message);
            return false;
        }
    }
    return gateway->apps != NULL;
}

/* ---- guests -------------------------------------------------------------------------------- */

struct guest {
    struct gw_app app; /* the first member */
    struct gw_app_config config;
    struct http_link link; /* of gateway->guests: who came last stands last */
};

static struct guest *guest_of(struct http_link *link)
{
    return HTTP_LINKED(link, struct guest, link);
}

bool gw_is_guest_name(struct dify_slice name)
{
    return dify__slice_begins(name, GW_GUEST_PREFIX);
}

static void free_guest(struct guest *guest)
{
    http_list_remove(&guest->link);
    gw_about_close(&guest->app);
    dify_app_free(guest->app.dify);
    guest->app.gateway->guest_count--;
    free(guest);
}

/* Room for one more, at the cost of who has come last the longest ago and has nothing to do. */
static bool make_room(struct gateway *gateway)
{
    struct http_link *link = gateway->guests.next;
    while (gateway->guest_count >= GW_GUESTS && link != &gateway->guests) {
        struct guest *guest = guest_of(link);
        link = link->next;
        if (guest->app.holds == 0 && dify_app_is_idle(guest->app.dify))
            free_guest(guest);
    }
    return gateway->guest_count < GW_GUESTS;
}

void gw_apps_count_guests(const struct gateway *gateway, unsigned *running, unsigned *waiting)
{
    *running = *waiting = 0;
    for (struct http_link *link = gateway->guests.next; link != &gateway->guests;
         link = link->next) {
        *running += guest_of(link)->app.running;
        *waiting += guest_of(link)->app.waiting;
    }
}

/* As the configuration says of guests; but its name is its own. */
static struct guest *new_guest(struct gateway *gateway, const char *key)
{
    struct dify_error error;
    struct guest *guest = make_room(gateway) ? calloc(1, sizeof *guest) : NULL;
    if (guest == NULL)
        return NULL;
    guest->config = *gateway->config->guests;
    guest->config.name = guest->app.key_name;
    guest->app.measures = &gateway->guest_measures;
    http_list_init(&guest->link);
    if (!open_app(gateway, &guest->app, &guest->config, key, &error)) {
        free(guest);
        return NULL;
    }
    http_list_append(&gateway->guests, &guest->link);
    gateway->guest_count++;
    return guest;
}

/* A configured app by its key's name, or a guest, which has come last now. */
static struct gw_app *find_by_key_name(struct gateway *gateway, struct dify_slice name)
{
    for (size_t i = 0; i < gateway->config->app_count; i++) {
        if (dify__slice_is(name, gateway->apps[i].key_name))
            return &gateway->apps[i];
    }
    for (struct http_link *link = gateway->guests.next; link != &gateway->guests;
         link = link->next) {
        struct guest *guest = guest_of(link);
        if (!dify__slice_is(name, guest->app.key_name))
            continue;
        http_list_remove(&guest->link);
        http_list_append(&gateway->guests, &guest->link);
        return &guest->app;
    }
    return NULL;
}

struct gw_app *gw_app_find(struct gateway *gateway, struct dify_slice name)
{
    const struct gw_config *config = gateway->config;
    if (name.ptr == NULL)
        return config->app_count > 0 ? &gateway->apps[config->default_app] : NULL;
    for (size_t i = 0; i < config->app_count; i++) {
        if (dify__slice_is(name, config->apps[i].name))
            return &gateway->apps[i];
    }
    return gw_is_guest_name(name) ? find_by_key_name(gateway, name) : NULL;
}

/* Whether runs of the store wait for it; then they do so no more. */
static bool is_awaited(struct gateway *gateway, const char *name)
{
    for (size_t i = 0; i < gateway->awaited_count; i++) {
        if (strcmp(gateway->awaited[i], name) != 0)
            continue;
        memmove(gateway->awaited[i], gateway->awaited[gateway->awaited_count - 1],
                GW_GUEST_NAME_BYTES);
        gateway->awaited_count--;
        return true;
    }
    return false;
}

bool gw_app_awaits(struct gateway *gateway, struct dify_slice name)
{
    if (!gw_is_guest_name(name) || name.len >= GW_GUEST_NAME_BYTES)
        return false;
    for (size_t i = 0; i < gateway->awaited_count; i++) {
        if (dify__slice_is(name, gateway->awaited[i]))
            return true;
    }
    if (dify__grow(gateway->allocator, (void **)&gateway->awaited, &gateway->awaited_capacity,
                   gateway->awaited_count + 1, sizeof *gateway->awaited) != DIFY_OK)
        return false;
    memcpy(gateway->awaited[gateway->awaited_count], name.ptr, name.len);
    gateway->awaited[gateway->awaited_count++][name.len] = '\0';
    return true;
}

struct gw_app *gw_app_of_key(struct gateway *gateway, const char *name, struct dify_slice key)
{
    char text[GW_KEY_BYTES];
    if (key.len == 0 || key.len >= sizeof text || *name == '\0')
        return NULL;
    struct gw_app *app = find_by_key_name(gateway, dify__slice(name));
    if (app != NULL || gateway->config->guests == NULL)
        return app;
    memcpy(text, key.ptr, key.len);
    text[key.len] = '\0';
    struct guest *guest = new_guest(gateway, text);
    conf_text_wipe(text);
    if (guest == NULL)
        return NULL;
    if (is_awaited(gateway, guest->app.key_name) && !gw_recover_app(&guest->app))
        (void)gw_app_awaits(gateway, dify__slice(guest->app.key_name)); /* when it comes again */
    return &guest->app;
}

/* ---- the end ------------------------------------------------------------------------------- */

void gw_apps_close(struct gateway *gateway)
{
    for (size_t i = 0; gateway->apps != NULL && i < gateway->config->app_count; i++) {
        gw_about_close(&gateway->apps[i]);
        dify_app_free(gateway->apps[i].dify);
        free(gateway->apps[i].measures);
    }
    free(gateway->apps);
    while (gateway->guests.next != NULL && !http_list_is_empty(&gateway->guests))
        free_guest(guest_of(gateway->guests.next));
    dify__free(gateway->allocator, gateway->awaited);
}
