/* SPDX-License-Identifier: Apache-2.0
 *
 * config.c: reading what a gateway is to be, apart from its apps and addresses.
 */
#include "gateway/config.h"

#include "conf/file.h"
#include "conf/text.h"
#include "conf/units.h"
#include "core/slices.h"
#include "gateway/config_read.h"
#include "gateway/limits.h"
#include "http/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TEBIBYTE ((uint64_t)1 << 40)
#define SECONDS_MS ((uint64_t)1000000 * 1000)       /* the longest of most clocks */
#define AGE_MS ((uint64_t)100 * 366 * 86400 * 1000) /* the longest that a run is kept */
#define MOST_CONNECTIONS 1000000

enum {
    LISTEN,
    APPS,
    DEFAULT_APP,
    GUESTS,
    TOKENS,
    CORS,
    STORE,
    LOG,
    DRAIN_TIMEOUT,
    LIMITS,
    SPOOL,
    MEMBERS
};
static const char *const members[] = {
    [LISTEN] = "listen", [APPS] = "apps",     [DEFAULT_APP] = "default_app",
    [GUESTS] = "guests", [TOKENS] = "tokens", [CORS] = "cors",
    [STORE] = "store",   [LOG] = "log",       [DRAIN_TIMEOUT] = "drain_timeout",
    [LIMITS] = "limits", [SPOOL] = "spool",   [MEMBERS] = NULL};

enum { STORE_PATH, STORE_AGE, STORE_SIZE, STORE_MEMBERS };
static const char *const store_members[] = {[STORE_PATH] = "path",
                                            [STORE_AGE] = "max_age",
                                            [STORE_SIZE] = "max_size",
                                            [STORE_MEMBERS] = NULL};

enum { LOG_LEVEL, LOG_FORMAT, LOG_MEMBERS };
static const char *const log_members[] = {
    [LOG_LEVEL] = "level", [LOG_FORMAT] = "format", [LOG_MEMBERS] = NULL};
static const char *const levels[] = {[GW_LOG_ERROR] = "error",
                                     [GW_LOG_WARNING] = "warning",
                                     [GW_LOG_INFO] = "info",
                                     [GW_LOG_DEBUG] = "debug",
                                     NULL};
static const char *const formats[] = {"text", "json", NULL};

enum { MAX_BODY, MAX_FILE, MAX_SPOOL, MAX_CONNECTIONS, MAX_FOLLOWERS, LIMIT_MEMBERS };
static const char *const limit_members[] = {[MAX_BODY] = "max_body",
                                            [MAX_FILE] = "max_file",
                                            [MAX_SPOOL] = "spool",
                                            [MAX_CONNECTIONS] = "max_connections",
                                            [MAX_FOLLOWERS] = "max_followers",
                                            [LIMIT_MEMBERS] = NULL};

/* ---- mistakes ------------------------------------------------------------------------------ */

static void on_line(void *ctx, const char *line)
{
    struct gw_reader *reader = ctx;
    if (reader->mistakes++ < GW_MISTAKES)
        reader->say(reader->ctx, line);
}

void gw_tell(struct gw_reader *reader, const char *format, ...)
{
    char line[GW_LINE_BYTES];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    for (char *at = line; *at != '\0'; at++)
        if ((unsigned char)*at < 0x20 || *at == 0x7F)
            *at = '?';
    on_line(reader, line);
}

/* ---- small parts --------------------------------------------------------------------------- */

const char *gw_variable(const struct gw_reader *reader, const char *name)
{
    const char *value = reader->source->variable(reader->source->ctx, name);
    return value != NULL && value[0] != '\0' ? value : NULL;
}

void *gw_make(struct gw_reader *reader, size_t count, size_t size)
{
    void *made = calloc(count != 0 ? count : 1, size);
    reader->no_memory = reader->no_memory || made == NULL;
    return made;
}

char *gw_copy(struct gw_reader *reader, struct dify_slice text)
{
    char *copy = conf_text_copy(text);
    reader->no_memory = reader->no_memory || copy == NULL;
    return copy;
}

bool gw_read_text(struct gw_reader *reader, const yaml_node_t *node, const char *what, size_t max,
                  struct dify_slice *out)
{
    if (conf_yaml_text(&reader->yaml, node, what, out) != DIFY_OK)
        return false;
    bool is_clean = true;
    for (size_t i = 0; i < out->len; i++)
        is_clean = is_clean && (unsigned char)out->ptr[i] >= 0x20 && out->ptr[i] != 0x7F;
    if (out->len == 0)
        gw_at(reader, node, "%s is empty", what);
    else if (!is_clean)
        gw_at(reader, node, "%s holds a control character", what);
    else if (out->len > max)
        gw_at(reader, node, "%s has more than %zu bytes", what, max);
    return out->len != 0 && is_clean && out->len <= max;
}

bool gw_read_name(struct gw_reader *reader, const yaml_node_t *key, const char *what,
                  struct dify_slice *out)
{
    if (key->type == YAML_SCALAR_NODE &&
        conf_is_name(*out = (struct dify_slice){(const char *)key->data.scalar.value,
                                                key->data.scalar.length}))
        return true;
    gw_at(reader, key, "%s's name is of up to %d letters, digits, '.', '_' and '-'", what,
          CONF_NAME_BYTES);
    return false;
}

void gw_read_ms(struct gw_reader *reader, const yaml_node_t *node, const char *what,
                uint32_t min_ms, uint32_t *out)
{
    uint64_t ms;
    if (conf_yaml_duration(&reader->yaml, node, what, min_ms, SECONDS_MS, &ms) == DIFY_OK)
        *out = (uint32_t)ms;
}

void gw_read_count(struct gw_reader *reader, const yaml_node_t *node, const char *what,
                   uint32_t min, uint32_t max, uint32_t *out)
{
    uint32_t value;
    if (conf_yaml_uint(&reader->yaml, node, what, max, &value) != DIFY_OK)
        return;
    if (value < min)
        gw_at(reader, node, "%s is a whole number from %lu to %lu", what, (unsigned long)min,
              (unsigned long)max);
    else
        *out = value;
}

static void read_size(struct gw_reader *reader, const yaml_node_t *node, const char *what,
                      uint64_t min, uint64_t *out)
{
    if (node != NULL)
        (void)!conf_yaml_size(&reader->yaml, node, what, min, 1024 * TEBIBYTE, out);
}

/* ---- members ------------------------------------------------------------------------------- */

static void read_store_path(struct gw_reader *reader, const yaml_node_t *node, bool *is_none)
{
    struct dify_slice text;
    if (gw_read_text(reader, node, "path", GW_PATH_BYTES, &text)) {
        *is_none = dify__slice_is(text, "none");
        if (!*is_none)
            gw_read_path(reader, node, "path", &reader->out->store_path);
    }
}

/* `store: none` says the same as its path: none. */
static void read_store(struct gw_reader *reader, yaml_node_t *node, bool *is_none)
{
    yaml_node_t *values[STORE_MEMBERS + 1];
    uint64_t ms = 0;
    struct gw_config *out = reader->out;
    struct dify_slice text;
    if (node == NULL)
        return;
    *is_none = node->type == YAML_SCALAR_NODE &&
               conf_yaml_text(&reader->yaml, node, "store", &text) == DIFY_OK &&
               dify__slice_is(text, "none");
    if (*is_none)
        return;
    (void)!conf_yaml_members(&reader->yaml, node, "store", store_members, values);
    if (values[STORE_PATH] != NULL)
        read_store_path(reader, values[STORE_PATH], is_none);
    if (values[STORE_AGE] != NULL &&
        conf_yaml_duration(&reader->yaml, values[STORE_AGE], "max_age", 0, AGE_MS, &ms) == DIFY_OK)
        out->store_max_age_s = ms / 1000;
    if (ms % 1000 != 0 || (ms != 0 && ms < 1000))
        gw_at(reader, values[STORE_AGE], "max_age is a time of whole seconds");
    read_size(reader, values[STORE_SIZE], "max_size", 0, &out->store_max_bytes);
}

static void read_log(struct gw_reader *reader, yaml_node_t *node)
{
    yaml_node_t *values[LOG_MEMBERS + 1];
    unsigned word;
    if (node == NULL)
        return;
    (void)!conf_yaml_members(&reader->yaml, node, "log", log_members, values);
    if (values[LOG_LEVEL] != NULL &&
        conf_yaml_word(&reader->yaml, values[LOG_LEVEL], "level", levels, &word) == DIFY_OK)
        reader->out->log_level = (enum gw_log_level)word;
    if (values[LOG_FORMAT] != NULL &&
        conf_yaml_word(&reader->yaml, values[LOG_FORMAT], "format", formats, &word) == DIFY_OK)
        reader->out->log_is_json = word == 1;
}

static void read_limits(struct gw_reader *reader, yaml_node_t *node)
{
    yaml_node_t *values[LIMIT_MEMBERS + 1];
    struct gw_config *out = reader->out;
    if (node == NULL)
        return;
    (void)!conf_yaml_members(&reader->yaml, node, "limits", limit_members, values);
    read_size(reader, values[MAX_BODY], "max_body", 1, &out->max_body_bytes);
    read_size(reader, values[MAX_FILE], "max_file", 1, &out->max_file_bytes);
    read_size(reader, values[MAX_SPOOL], "spool", 1, &out->spool_bytes);
    if (values[MAX_CONNECTIONS] != NULL)
        gw_read_count(reader, values[MAX_CONNECTIONS], "max_connections", 1, MOST_CONNECTIONS,
                      &out->max_connections);
    if (values[MAX_FOLLOWERS] != NULL)
        gw_read_count(reader, values[MAX_FOLLOWERS], "max_followers", 1, MOST_CONNECTIONS,
                      &out->max_followers);
}

static void read_spool(struct gw_reader *reader, const yaml_node_t *node)
{
    struct stat about;
    if (node == NULL)
        return;
    gw_read_path(reader, node, "spool", &reader->out->spool_folder);
    const char *folder = reader->out->spool_folder;
    if (folder == NULL)
        return;
    if (stat(folder, &about) != 0)
        gw_at(reader, node, "cannot use spool %s: %s", folder, strerror(errno));
    else if (!S_ISDIR(about.st_mode))
        gw_at(reader, node, "cannot use spool %s: it is no folder", folder);
    else if (access(folder, W_OK | X_OK) != 0)
        gw_at(reader, node, "cannot write into spool %s: %s", folder, strerror(errno));
}

static void read_members(struct gw_reader *reader, bool *is_none)
{
    yaml_node_t *values[MEMBERS + 1];
    const yaml_node_t *root = conf_yaml_root(&reader->yaml);
    (void)!conf_yaml_members(&reader->yaml, root, "a configuration", members, values);
    reader->has_tokens = gw_has_tokens(values[TOKENS]);
    reader->has_guests = conf_yaml_is_mapping(values[GUESTS]);
    gw_read_listeners(reader, values[LISTEN]);
    if (conf_yaml_is_mapping(root))
        gw_read_apps(reader, root, values[APPS], values[DEFAULT_APP]);
    if (values[GUESTS] != NULL)
        gw_read_guests(reader, values[GUESTS]);
    if (values[TOKENS] != NULL)
        gw_read_tokens(reader, values[TOKENS]);
    if (values[CORS] != NULL)
        gw_read_origins(reader, values[CORS]);
    read_store(reader, values[STORE], is_none);
    read_log(reader, values[LOG]);
    if (values[DRAIN_TIMEOUT] != NULL)
        gw_read_ms(reader, values[DRAIN_TIMEOUT], members[DRAIN_TIMEOUT], 0,
                   &reader->out->drain_timeout_ms);
    read_limits(reader, values[LIMITS]);
    read_spool(reader, values[SPOOL]);
}

/* ---- the file ------------------------------------------------------------------------------ */

static void read_text(struct gw_reader *reader, struct dify_slice text, bool *is_none)
{
    const struct conf_place place = {.file = reader->source->path,
                                     .text = reader->line,
                                     .size = sizeof reader->line,
                                     .say = on_line,
                                     .ctx = reader};
    enum dify_err err = conf_yaml_open(&reader->yaml, place, text, NULL);
    if (err == DIFY_OK)
        read_members(reader, is_none);
    reader->no_memory = reader->no_memory || err == DIFY_ERR_NOMEM;
    conf_yaml_close(&reader->yaml);
}

static void read_file(struct gw_reader *reader, bool *is_none)
{
    struct conf_file file;
    struct conf_error error;
    const char *path = reader->source->path;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        gw_tell(reader, "%s: %s", path, strerror(errno));
        return;
    }
    if (conf_file_read(fd, path, &file, &error)) {
        reader->is_private = file.is_private;
        read_text(reader, (struct dify_slice){file.bytes, file.len}, is_none);
        conf_file_fini(&file);
    } else {
        gw_tell(reader, "%s", error.text);
    }
    close(fd);
}

/* ---- flags and defaults -------------------------------------------------------------------- */

static bool find_word(const char *const *words, const char *text, unsigned *out)
{
    for (unsigned i = 0; words[i] != NULL; i++) {
        if (strcmp(words[i], text) == 0) {
            *out = i;
            return true;
        }
    }
    return false;
}

static void read_flags(struct gw_reader *reader)
{
    const struct gw_config_source *source = reader->source;
    struct gw_config *out = reader->out;
    unsigned word;
    uint64_t ms;
    if (source->log_level != NULL && find_word(levels, source->log_level, &word))
        out->log_level = (enum gw_log_level)word;
    else if (source->log_level != NULL)
        gw_tell(reader, "--log-level is one of: error, warning, info, debug");
    if (source->log_format != NULL && find_word(formats, source->log_format, &word))
        out->log_is_json = word == 1;
    else if (source->log_format != NULL)
        gw_tell(reader, "--log-format is one of: text, json");
    if (source->drain_timeout == NULL)
        return;
    if (conf_duration(dify__slice(source->drain_timeout), &ms) && ms <= SECONDS_MS)
        out->drain_timeout_ms = (uint32_t)ms;
    else
        gw_tell(reader, "--drain-timeout is a time in seconds from 0 to 1000000, such as 30");
}

/* The store where nothing names one: systemd's folder for the service, else the user's. */
static char *default_store(struct gw_reader *reader)
{
    const char *state = gw_variable(reader, "STATE_DIRECTORY");
    const char *data = gw_variable(reader, "XDG_STATE_HOME");
    char *path = NULL;
    if (state != NULL) /* systemd separates several by colons */
        path = conf_textf("%.*s/gateway.db", (int)strcspn(state, ":"), state);
    else if (data != NULL && data[0] == '/') /* others are to be ignored, says XDG */
        path = conf_textf("%s/difystream/gateway.db", data);
    else if (reader->home != NULL)
        path = conf_textf("%s/.local/state/difystream/gateway.db", reader->home);
    else {
        gw_tell(reader, "no place for the store: name one with --store PATH, or set HOME; --store "
                        "none runs without one");
        return NULL;
    }
    reader->no_memory = reader->no_memory || path == NULL;
    return path;
}

static void choose_store(struct gw_reader *reader, bool is_none)
{
    struct gw_config *out = reader->out;
    const char *flag = reader->source->store;
    if (flag != NULL) {
        free(out->store_path);
        out->store_path = NULL;
        is_none = strcmp(flag, "none") == 0;
    }
    if (is_none)
        return;
    if (flag != NULL && flag[0] == '\0') {
        gw_tell(reader, "--store is the path of a database, or none");
    } else if (flag != NULL) {
        out->store_path = conf_path(reader->here, NULL, dify__slice(flag));
        reader->no_memory = reader->no_memory || out->store_path == NULL;
    } else if (out->store_path == NULL) {
        out->store_path = default_store(reader);
    }
}

static void set_defaults(struct gw_config *out)
{
    *out = (struct gw_config){.store_max_age_s = GW_STORE_AGE_S,
                              .store_max_bytes = GW_STORE_BYTES,
                              .log_level = GW_LOG_INFO,
                              .drain_timeout_ms = GW_DRAIN_MS,
                              .max_body_bytes = GW_BODY_BYTES,
                              .max_file_bytes = GW_FILE_BYTES,
                              .spool_bytes = GW_SPOOL_BYTES,
                              .max_connections = HTTP_CONNECTIONS,
                              .max_followers = GW_FOLLOWERS};
}

/* ---- all of it ----------------------------------------------------------------------------- */

/* Paths are kept whole, so that what is written reads back wherever it lies. */
static bool find_folders(struct gw_reader *reader)
{
    char *folder = gw_make(reader, GW_PATH_BYTES, 1);
    const char *path = reader->source->path;
    if (folder == NULL)
        return false;
    if (getcwd(folder, GW_PATH_BYTES) == NULL)
        gw_tell(reader, "cannot tell the folder that this runs in: %s", strerror(errno));
    else
        reader->here = conf_textf("%s/", folder);
    if (reader->here != NULL)
        reader->folder_of =
            conf_path(reader->here, NULL,
                      path != NULL && path[0] != '\0' ? dify__slice(path) : DIFY_SLICE("."));
    free(folder);
    reader->no_memory = reader->no_memory || (reader->folder_of == NULL && reader->mistakes == 0);
    return reader->folder_of != NULL;
}

static void read_all(struct gw_reader *reader)
{
    bool is_none = false;
    reader->home = gw_variable(reader, "HOME");
    if (!find_folders(reader))
        return;
    if (reader->source->path != NULL) {
        read_file(reader, &is_none);
    } else {
        gw_read_listeners(reader, NULL);
        gw_read_environment_app(reader);
    }
    read_flags(reader);
    choose_store(reader, is_none);
}

static void choose_guests(struct gw_config *config)
{
    if (config->token_count != 0 || config->refuses_guests)
        config->guests = NULL;
    else if (config->own_guests.base_url != NULL)
        config->guests = &config->own_guests;
    else if (config->app_count > 0)
        config->guests = &config->apps[config->default_app];
}

size_t gw_config_read(const struct gw_config_source *source, struct gw_config *config,
                      void (*say)(void *ctx, const char *line), void *ctx)
{
    struct gw_reader reader = {.source = source, .out = config, .say = say, .ctx = ctx};
    set_defaults(config);
    read_all(&reader);
    free(reader.folder_of);
    free(reader.here);
    free(reader.claims);
    if (reader.no_memory)
        gw_tell(&reader, "out of memory");
    if (reader.mistakes > GW_MISTAKES) {
        snprintf(reader.line, sizeof reader.line, "and %zu more", reader.mistakes - GW_MISTAKES);
        say(ctx, reader.line);
    }
    choose_guests(config);
    if (reader.mistakes != 0)
        gw_config_fini(config);
    return reader.mistakes;
}

static void fini_app(struct gw_app_config *app)
{
    char *const texts[] = {app->name,     app->base_url, app->api_key,     app->key_variable,
                           app->key_file, app->ca_file,  app->client_cert, app->client_key};
    conf_text_wipe(app->api_key);
    conf_text_wipe(app->proxy); /* may hold a password */
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        free(texts[i]);
    free(app->proxy);
    for (size_t i = 0; i < app->route_count; i++) {
        struct gw_route_config *route = &app->routes[i];
        for (size_t j = 0; j < route->rename_count; j++) {
            free(route->renames[j].field);
            free(route->renames[j].input);
        }
        free(route->renames);
        free(route->path);
    }
    free(app->routes);
}

void gw_config_fini(struct gw_config *config)
{
    for (size_t i = 0; i < config->app_count; i++)
        fini_app(&config->apps[i]);
    fini_app(&config->own_guests);
    for (size_t i = 0; i < config->listener_count; i++) {
        free(config->listeners[i].host);
        free(config->listeners[i].path);
    }
    for (size_t i = 0; i < config->token_count; i++) {
        struct gw_token_config *token = &config->tokens[i];
        for (size_t j = 0; j < token->route_count; j++)
            free(token->routes[j]);
        free(token->routes);
        free(token->apps);
        free(token->name);
    }
    for (size_t i = 0; i < config->origin_count; i++)
        free(config->origins[i]);
    free(config->tokens);
    free(config->origins);
    free(config->apps);
    free(config->listeners);
    free(config->store_path);
    free(config->spool_folder);
    *config = (struct gw_config){.apps = NULL};
}
