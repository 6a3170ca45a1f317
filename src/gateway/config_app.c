/* SPDX-License-Identifier: Apache-2.0
 *
 * config_app.c: the apps of a configuration.
 */
#define _DEFAULT_SOURCE /* explicit_bzero */

#include "conf/api_key.h"
#include "conf/base_url.h"
#include "conf/text.h"
#include "core/slices.h"
#include "difystream/client.h"
#include "gateway/access.h"
#include "gateway/config_read.h"
#include "gateway/config_route.h"
#include "gateway/limits.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define VALUE_BYTES 4000 /* of an address, a variable's name */

enum {
    BASE_URL,
    API_KEY,
    API_KEY_ENV,
    API_KEY_FILE,
    CA_FILE,
    CLIENT_CERT,
    CLIENT_KEY,
    PROXY,
    CONNECT_TIMEOUT,
    READ_TIMEOUT,
    MAX_TIME,
    ACCEPT_PARTIAL,
    STREAMING,
    MAX_RUNS,
    QUEUE,
    QUEUE_TIMEOUT,
    ON_DISCONNECT,
    ROUTES,
    MEMBERS
};
static const char *const members[] = {[BASE_URL] = "base_url",
                                      [API_KEY] = "api_key",
                                      [API_KEY_ENV] = "api_key_env",
                                      [API_KEY_FILE] = "api_key_file",
                                      [CA_FILE] = "ca_file",
                                      [CLIENT_CERT] = "client_cert",
                                      [CLIENT_KEY] = "client_key",
                                      [PROXY] = "proxy",
                                      [CONNECT_TIMEOUT] = "connect_timeout",
                                      [READ_TIMEOUT] = "read_timeout",
                                      [MAX_TIME] = "max_time",
                                      [ACCEPT_PARTIAL] = "accept_partial",
                                      [STREAMING] = "streaming",
                                      [MAX_RUNS] = "max_runs",
                                      [QUEUE] = "queue",
                                      [QUEUE_TIMEOUT] = "queue_timeout",
                                      [ON_DISCONNECT] = "on_disconnect",
                                      [ROUTES] = "routes",
                                      [MEMBERS] = NULL};
static const char *const leavings[] = {"continue", "cancel", NULL};

static void set_defaults(struct gw_app_config *app)
{
    app->connect_timeout_ms = DIFY_CONNECT_TIMEOUT_MS;
    app->read_timeout_ms = DIFY_SILENCE_TIMEOUT_MS;
    app->max_time_ms = DIFY_RUN_TIMEOUT_MS;
    app->is_streaming = true;
    app->max_runs = GW_MAX_RUNS;
    app->queue = GW_QUEUE;
    app->queue_timeout_ms = GW_QUEUE_MS;
}

/* ---- address and key ----------------------------------------------------------------------- */

static bool is_guests(const struct gw_reader *reader, const struct gw_app_config *app)
{
    return app == &reader->out->own_guests;
}

static void read_base_url(struct gw_reader *reader, const yaml_node_t *node,
                          struct gw_app_config *app)
{
    struct dify_slice text;
    const char *why;
    if (!gw_read_text(reader, node, members[BASE_URL], VALUE_BYTES, &text))
        return;
    char *address = gw_copy(reader, text);
    if (address == NULL)
        return;
    app->base_url = conf_base_url(address, &why);
    if (app->base_url == NULL)
        gw_at(reader, node, "the base_url of %s%s%s %s", is_guests(reader, app) ? "" : "app '",
              app->name, is_guests(reader, app) ? "" : "'", why);
    free(address);
}

static void read_key_variable(struct gw_reader *reader, const yaml_node_t *node,
                              struct gw_app_config *app)
{
    struct dify_slice text;
    struct conf_error error;
    if (!gw_read_text(reader, node, members[API_KEY_ENV], VALUE_BYTES, &text))
        return;
    if (!gw_is_variable(text)) { /* not shown: it may be the key itself */
        gw_at(reader, node, "api_key_env is the name of an environment variable");
        return;
    }
    app->key_variable = gw_copy(reader, text);
    if (app->key_variable == NULL)
        return;
    const char *value = gw_variable(reader, app->key_variable);
    if (value == NULL)
        gw_at(reader, node, "the environment variable %.200s is not set", app->key_variable);
    else if (!conf_api_key_take(dify__slice(value), app->key_variable, &app->api_key, &error))
        gw_at(reader, node, "%s", error.text);
}

static void read_key_file(struct gw_reader *reader, const yaml_node_t *node,
                          struct gw_app_config *app)
{
    struct conf_error error;
    gw_read_path(reader, node, members[API_KEY_FILE], &app->key_file);
    if (app->key_file != NULL && !conf_api_key_read(app->key_file, NULL, &app->api_key, &error))
        gw_at(reader, node, "%s", error.text);
}

static void read_key_text(struct gw_reader *reader, const yaml_node_t *node,
                          struct gw_app_config *app)
{
    struct dify_slice text;
    struct conf_error error;
    if (conf_yaml_text(&reader->yaml, node, members[API_KEY], &text) != DIFY_OK)
        return;
    if (!reader->is_private)
        gw_at(reader, node,
              "a file that holds an API key must be nobody else's to read: chmod 600 %s, or use "
              "api_key_file or api_key_env",
              reader->source->path);
    else if (!conf_api_key_take(text, members[API_KEY], &app->api_key, &error))
        gw_at(reader, node, "%s", error.text);
    if (text.len != 0) /* libyaml frees it without a thought */
        explicit_bzero(node->data.scalar.value, node->data.scalar.length);
}

static void read_key(struct gw_reader *reader, const yaml_node_t *key, yaml_node_t *const *values,
                     struct gw_app_config *app)
{
    const yaml_node_t *second = NULL;
    size_t count = 0;
    for (size_t i = API_KEY; i <= API_KEY_FILE; i++)
        if (values[i] != NULL && ++count == 2)
            second = values[i];
    if (count == 0)
        gw_at(reader, key, "app '%s' has no key: give it api_key_file, api_key_env or api_key",
              app->name);
    else if (count > 1)
        gw_at(reader, second, "app '%s' has more than one of api_key, api_key_env and api_key_file",
              app->name);
    else if (values[API_KEY] != NULL)
        read_key_text(reader, values[API_KEY], app);
    else if (values[API_KEY_ENV] != NULL)
        read_key_variable(reader, values[API_KEY_ENV], app);
    else
        read_key_file(reader, values[API_KEY_FILE], app);
}

/* ---- the other members --------------------------------------------------------------------- */

/* A file that must be readable. */
static void read_file(struct gw_reader *reader, const yaml_node_t *node, const char *what,
                      char **out)
{
    if (node == NULL)
        return;
    gw_read_path(reader, node, what, out);
    if (*out != NULL && access(*out, R_OK) != 0)
        gw_at(reader, node, "cannot read the %s %s: %s", what, *out, strerror(errno));
}

static void read_connection(struct gw_reader *reader, yaml_node_t *const *values,
                            struct gw_app_config *app)
{
    struct dify_slice text;
    read_file(reader, values[CA_FILE], members[CA_FILE], &app->ca_file);
    read_file(reader, values[CLIENT_CERT], members[CLIENT_CERT], &app->client_cert);
    read_file(reader, values[CLIENT_KEY], members[CLIENT_KEY], &app->client_key);
    if (values[CLIENT_KEY] != NULL && values[CLIENT_CERT] == NULL)
        gw_at(reader, values[CLIENT_KEY], "client_key is of no use without client_cert");
    if (values[PROXY] != NULL &&
        gw_read_text(reader, values[PROXY], members[PROXY], VALUE_BYTES, &text))
        app->proxy = gw_copy(reader, text);
    if (values[CONNECT_TIMEOUT] != NULL)
        gw_read_ms(reader, values[CONNECT_TIMEOUT], members[CONNECT_TIMEOUT], 1,
                   &app->connect_timeout_ms);
    if (values[READ_TIMEOUT] != NULL)
        gw_read_ms(reader, values[READ_TIMEOUT], members[READ_TIMEOUT], 1, &app->read_timeout_ms);
    if (values[MAX_TIME] != NULL)
        gw_read_ms(reader, values[MAX_TIME], members[MAX_TIME], 0, &app->max_time_ms);
}

static void read_bool(struct gw_reader *reader, yaml_node_t *const *values, size_t member,
                      bool *out)
{
    if (values[member] != NULL)
        (void)!conf_yaml_bool(&reader->yaml, values[member], members[member], out);
}

static void read_runs(struct gw_reader *reader, yaml_node_t *const *values,
                      struct gw_app_config *app)
{
    unsigned word = 0;
    read_bool(reader, values, ACCEPT_PARTIAL, &app->accept_partial);
    read_bool(reader, values, STREAMING, &app->is_streaming);
    if (values[MAX_RUNS] != NULL)
        gw_read_count(reader, values[MAX_RUNS], members[MAX_RUNS], 1, GW_LIVE_RUNS, &app->max_runs);
    if (values[QUEUE] != NULL)
        gw_read_count(reader, values[QUEUE], members[QUEUE], 0, GW_LIVE_RUNS, &app->queue);
    if (values[QUEUE_TIMEOUT] != NULL)
        gw_read_ms(reader, values[QUEUE_TIMEOUT], members[QUEUE_TIMEOUT], 0,
                   &app->queue_timeout_ms);
    if (values[ON_DISCONNECT] != NULL &&
        conf_yaml_word(&reader->yaml, values[ON_DISCONNECT], members[ON_DISCONNECT], leavings,
                       &word) == DIFY_OK)
        app->cancels_on_disconnect = word == 1;
}

static void read_app(struct gw_reader *reader, const yaml_node_t *key, const yaml_node_t *node,
                     struct gw_app_config *app)
{
    yaml_node_t *values[MEMBERS + 1];
    char what[CONF_NAME_BYTES + 16];
    set_defaults(app);
    snprintf(what, sizeof what, "app '%s'", app->name);
    (void)!conf_yaml_members(&reader->yaml, node, what, members, values);
    if (!conf_yaml_is_mapping(node))
        return; /* one mistake, not three */
    if (values[BASE_URL] != NULL)
        read_base_url(reader, values[BASE_URL], app);
    else
        gw_at(reader, key, "app '%s' has no base_url", app->name);
    read_key(reader, key, values, app);
    read_connection(reader, values, app);
    read_runs(reader, values, app);
    if (values[ROUTES] != NULL)
        gw_read_routes(reader, values[ROUTES], app);
}

/* ---- all apps ------------------------------------------------------------------------------ */

static bool read_name(struct gw_reader *reader, const yaml_node_t *key, struct dify_slice *out)
{
    if (!gw_read_name(reader, key, "an app", out))
        return false;
    if (dify__slice_begins(*out, GW_GUEST_PREFIX)) {
        gw_at(reader, key, "names that begin with " GW_GUEST_PREFIX " are the gateway's own");
        return false;
    }
    for (size_t i = 0; i < reader->out->app_count; i++) {
        if (dify__slice_is(*out, reader->out->apps[i].name)) {
            gw_at(reader, key, "two apps are named %.*s", (int)out->len, out->ptr);
            return false;
        }
    }
    return true;
}

const struct gw_app_config *gw_find_app(struct gw_reader *reader, const yaml_node_t *node,
                                        const char *what)
{
    struct dify_slice name;
    struct gw_config *out = reader->out;
    const char **names;
    if (conf_yaml_text(&reader->yaml, node, what, &name) != DIFY_OK)
        return NULL;
    for (size_t i = 0; i < out->app_count; i++) {
        if (dify__slice_is(name, out->apps[i].name))
            return &out->apps[i];
    }
    names = gw_make(reader, out->app_count + 1, sizeof *names);
    if (names == NULL)
        return NULL;
    for (size_t i = 0; i < out->app_count; i++)
        names[i] = out->apps[i].name;
    const char *near = conf_nearest(name, names);
    gw_at(reader, node, "%s: there is no app '%.*s'%s%s%s", what,
          name.len < CONF_NAME_BYTES ? (int)name.len : CONF_NAME_BYTES, name.ptr,
          near != NULL ? "; did you mean '" : "", near != NULL ? near : "",
          near != NULL ? "'?" : "");
    free(names);
    return NULL;
}

static void read_each(struct gw_reader *reader, const yaml_node_t *apps)
{
    yaml_node_t *key, *value;
    struct dify_slice name;
    struct gw_config *out = reader->out;
    size_t count = (size_t)(apps->data.mapping.pairs.top - apps->data.mapping.pairs.start);
    out->apps = gw_make(reader, count < GW_APPS ? count : GW_APPS, sizeof *out->apps);
    for (size_t i = 0; out->apps != NULL && conf_yaml_pair(&reader->yaml, apps, i, &key, &value);
         i++) {
        if (i == GW_APPS) {
            gw_at(reader, key, "there are more than %d apps", GW_APPS);
            return;
        }
        if (!read_name(reader, key, &name))
            continue;
        struct gw_app_config *app = &out->apps[out->app_count];
        app->name = gw_copy(reader, name);
        if (app->name == NULL)
            return;
        out->app_count++;
        read_app(reader, key, value, app);
    }
}

void gw_read_apps(struct gw_reader *reader, const yaml_node_t *root, yaml_node_t *apps,
                  const yaml_node_t *default_app)
{
    if (apps == NULL && reader->has_guests)
        return;
    if (apps == NULL)
        gw_at(reader, root, "there are no apps: a mapping apps names at least one");
    else if (!conf_yaml_is_mapping(apps))
        gw_at(reader, apps, "apps is a mapping of names to apps");
    else if (apps->data.mapping.pairs.top == apps->data.mapping.pairs.start && reader->has_guests)
        return;
    else if (apps->data.mapping.pairs.top == apps->data.mapping.pairs.start)
        gw_at(reader, apps, "there are no apps: a mapping apps names at least one");
    else
        read_each(reader, apps);
    const struct gw_app_config *chosen = NULL;
    if (default_app != NULL)
        chosen = gw_find_app(reader, default_app, "default_app");
    if (chosen != NULL)
        reader->out->default_app = (size_t)(chosen - reader->out->apps);
    gw_check_routes(reader);
}

/* ---- guests -------------------------------------------------------------------------------- */

/* A member that guests have as the caller's own, or that is of no use to them. */
static bool is_of_apps(size_t member)
{
    return (member >= API_KEY && member <= API_KEY_FILE) || member == ROUTES ||
           member == ACCEPT_PARTIAL;
}

void gw_read_guests(struct gw_reader *reader, yaml_node_t *node)
{
    yaml_node_t *values[MEMBERS + 1];
    struct gw_config *out = reader->out;
    struct gw_app_config *guests = &out->own_guests;
    struct dify_slice text;
    if (node->type == YAML_SCALAR_NODE &&
        conf_yaml_text(&reader->yaml, node, "guests", &text) == DIFY_OK &&
        dify__slice_is(text, "none")) {
        out->refuses_guests = true;
        return;
    }
    set_defaults(guests);
    guests->name = gw_copy(reader, DIFY_SLICE("guests"));
    (void)!conf_yaml_members(&reader->yaml, node, "guests", members, values);
    if (!conf_yaml_is_mapping(node) || guests->name == NULL)
        return;
    if (reader->has_tokens)
        gw_at(reader, node,
              "guests bring a key of Dify's own, where tokens want one of the "
              "gateway's: there can be only one of the two");
    for (size_t i = 0; i < MEMBERS; i++) {
        if (values[i] != NULL && is_of_apps(i))
            gw_at(reader, values[i], "guests have no %s", members[i]);
    }
    if (values[BASE_URL] != NULL)
        read_base_url(reader, values[BASE_URL], guests);
    else if (out->app_count > 0 && out->apps[out->default_app].base_url != NULL)
        guests->base_url = gw_copy(reader, dify__slice(out->apps[out->default_app].base_url));
    else
        gw_at(reader, node, "guests have no base_url");
    read_connection(reader, values, guests);
    read_runs(reader, values, guests);
}

/* ---- one app of the environment ------------------------------------------------------------ */

static void read_variable_ms(struct gw_reader *reader, const char *name, uint32_t *out)
{
    const char *value = gw_variable(reader, name);
    uint32_t ms = 0;
    if (value == NULL)
        return;
    if (conf_seconds(dify__slice(value), &ms) && ms != 0)
        *out = ms;
    else
        gw_tell(reader, "%s is a time in seconds above 0 to 1000000, such as 2.5", name);
}

static void read_variables(struct gw_reader *reader, const char *address, const char *from,
                           struct gw_app_config *app)
{
    const char *why, *streaming = gw_variable(reader, "USE_STREAMING");
    if (address == NULL) {
        gw_tell(reader, "no address: set DIFY_BASE_URL, for example to https://api.dify.ai/v1");
    } else {
        app->base_url = conf_base_url(address, &why);
        if (app->base_url == NULL)
            gw_tell(reader, "%s %s", from, why);
    }
    if (streaming != NULL && !conf_switch(streaming, &app->is_streaming))
        gw_tell(reader, "USE_STREAMING is true or false");
    read_variable_ms(reader, "DIFY_CONNECT_TIMEOUT", &app->connect_timeout_ms);
    read_variable_ms(reader, "DIFY_READ_TIMEOUT", &app->read_timeout_ms);
}

static void read_variable_key(struct gw_reader *reader, const char *key, struct gw_app_config *app)
{
    struct conf_error error;
    app->key_variable = gw_copy(reader, DIFY_SLICE("DIFY_API_KEY"));
    if (!conf_api_key_take(dify__slice(key), "DIFY_API_KEY", &app->api_key, &error))
        gw_tell(reader, "%s", error.text);
}

/* Without a key: callers of /v1 bring their own, and there is no other app. */
static void read_environment_guests(struct gw_reader *reader, const char *address, const char *from)
{
    struct gw_app_config *guests = &reader->out->own_guests;
    set_defaults(guests);
    guests->name = gw_copy(reader, DIFY_SLICE("guests"));
    read_variables(reader, address, from, guests);
}

void gw_read_environment_app(struct gw_reader *reader)
{
    struct gw_config *out = reader->out;
    const char *address = NULL, *from = NULL;
    for (size_t i = 0; i < CONF_BASE_URL_NAMES && address == NULL; i++) {
        from = conf_base_url_names[i];
        address = gw_variable(reader, from);
    }
    const char *key = gw_variable(reader, "DIFY_API_KEY");
    if (address == NULL && key == NULL) {
        gw_tell(reader, "no app to serve: set DIFY_BASE_URL and DIFY_API_KEY for one, or name a "
                        "file that has several with --config FILE");
        return;
    }
    if (key == NULL) {
        read_environment_guests(reader, address, from);
        return;
    }
    out->apps = gw_make(reader, 1, sizeof *out->apps);
    if (out->apps == NULL)
        return;
    out->apps[0].name = gw_copy(reader, DIFY_SLICE("default"));
    out->app_count = 1;
    set_defaults(&out->apps[0]);
    read_variables(reader, address, from, &out->apps[0]);
    read_variable_key(reader, key, &out->apps[0]);
    gw_check_routes(reader);
}
