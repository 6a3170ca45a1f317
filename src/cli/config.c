/* SPDX-License-Identifier: Apache-2.0
 *
 * config.c: reading the configuration file. All of it is checked, one app is kept.
 */
#include "cli/config.h"

#include "conf/file.h"
#include "conf/text.h"
#include "conf/yaml.h"
#include "core/slices.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FILE_APPS, FILE_DEFAULT_APP, FILE_MEMBERS };
static const char *const file_members[] = {
    [FILE_APPS] = "apps", [FILE_DEFAULT_APP] = "default_app", [FILE_MEMBERS] = NULL};

enum {
    FIRST_TIME = CLI_CONFIG_TEXTS,
    ACCEPT_PARTIAL = FIRST_TIME + CLI_CONFIG_TIMES,
    STREAMING,
    APP_MEMBERS
};
static const char *const app_members[] = {[CLI_CONFIG_BASE_URL] = "base_url",
                                          [CLI_CONFIG_API_KEY] = "api_key",
                                          [CLI_CONFIG_API_KEY_ENV] = "api_key_env",
                                          [CLI_CONFIG_API_KEY_FILE] = "api_key_file",
                                          [CLI_CONFIG_USER] = "user",
                                          [CLI_CONFIG_CA_FILE] = "ca_file",
                                          [CLI_CONFIG_CLIENT_CERT] = "client_cert",
                                          [CLI_CONFIG_CLIENT_KEY] = "client_key",
                                          [CLI_CONFIG_PROXY] = "proxy",
                                          [FIRST_TIME + CLI_CONFIG_CONNECT_TIMEOUT] =
                                              "connect_timeout",
                                          [FIRST_TIME + CLI_CONFIG_READ_TIMEOUT] = "read_timeout",
                                          [FIRST_TIME + CLI_CONFIG_MAX_TIME] = "max_time",
                                          [ACCEPT_PARTIAL] = "accept_partial",
                                          [STREAMING] = "streaming",
                                          [APP_MEMBERS] = NULL};

/* A file being read. */
struct reader {
    const char *path, *home;
    bool is_private; /* nobody else may read it */
    struct conf_yaml yaml;
    struct conf_error *error;
};

static bool is_path(size_t member)
{
    return member == CLI_CONFIG_API_KEY_FILE || member == CLI_CONFIG_CA_FILE ||
           member == CLI_CONFIG_CLIENT_CERT || member == CLI_CONFIG_CLIENT_KEY;
}

static enum dify_err read_text(struct reader *reader, yaml_node_t *node, size_t member,
                               struct cli_config_app *app)
{
    struct dify_slice text;
    enum dify_err err = conf_yaml_text(&reader->yaml, node, app_members[member], &text);
    if (err == DIFY_OK && (text.len == 0 || memchr(text.ptr, '\0', text.len) != NULL))
        err =
            conf_yaml_fail(&reader->yaml, node, "%s is empty, or holds a NUL", app_members[member]);
    if (err == DIFY_OK && member == CLI_CONFIG_API_KEY && !reader->is_private)
        err = conf_yaml_fail(&reader->yaml, node,
                             "a file that holds an API key must be nobody else's to read: chmod "
                             "600 %s, or use api_key_file or api_key_env",
                             reader->path);
    if (err != DIFY_OK)
        return err;
    app->text[member] =
        is_path(member) ? conf_path(reader->path, reader->home, text) : conf_text_copy(text);
    return app->text[member] != NULL ? DIFY_OK : DIFY_ERR_NOMEM;
}

static enum dify_err read_time(struct reader *reader, const yaml_node_t *node, size_t number,
                               struct cli_config_app *app)
{
    const char *what = app_members[FIRST_TIME + number];
    enum dify_err err = conf_yaml_seconds(&reader->yaml, node, what, &app->time_ms[number]);
    if (err == DIFY_OK && app->time_ms[number] == 0 && number != CLI_CONFIG_MAX_TIME)
        err = conf_yaml_fail(&reader->yaml, node, "%s must be more than 0", what);
    app->has_time[number] = err == DIFY_OK;
    return err;
}

static enum dify_err read_app(struct reader *reader, const yaml_node_t *node,
                              struct cli_config_app *app)
{
    yaml_node_t *values[APP_MEMBERS];
    size_t keys = 0;
    enum dify_err err = conf_yaml_members(&reader->yaml, node, "an app", app_members, values);
    for (size_t i = 0; i < CLI_CONFIG_TEXTS && err == DIFY_OK; i++)
        if (values[i] != NULL)
            err = read_text(reader, values[i], i, app);
    for (size_t i = 0; i < CLI_CONFIG_TIMES && err == DIFY_OK; i++)
        if (values[FIRST_TIME + i] != NULL)
            err = read_time(reader, values[FIRST_TIME + i], i, app);
    if (err == DIFY_OK && values[ACCEPT_PARTIAL] != NULL)
        err = conf_yaml_bool(&reader->yaml, values[ACCEPT_PARTIAL], app_members[ACCEPT_PARTIAL],
                             &app->accept_partial);
    if (err == DIFY_OK && values[STREAMING] != NULL)
        err = conf_yaml_bool(&reader->yaml, values[STREAMING], app_members[STREAMING],
                             &app->is_streaming);
    if (err != DIFY_OK)
        return err;
    app->has_streaming = values[STREAMING] != NULL;
    for (size_t i = CLI_CONFIG_API_KEY; i <= CLI_CONFIG_API_KEY_FILE; i++)
        keys += app->text[i] != NULL;
    return keys <= 1 ? DIFY_OK
                     : conf_yaml_fail(&reader->yaml, node,
                                      "an app has one of api_key, api_key_env and api_key_file");
}

/* The names of the apps that stand before `end`, for messages. */
static void list_apps(struct reader *reader, const yaml_node_t *apps, char *out, size_t size)
{
    yaml_node_t *key, *value;
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; used < size && conf_yaml_pair(&reader->yaml, apps, i, &key, &value); i++) {
        int len = snprintf(out + used, size - used, "%s%.*s", i != 0 ? ", " : "",
                           (int)key->data.scalar.length, (const char *)key->data.scalar.value);
        used += len > 0 ? (size_t)len : 0;
    }
}

static enum dify_err check_label(struct reader *reader, const yaml_node_t *apps, size_t index,
                                 const yaml_node_t *key, struct dify_slice *label)
{
    yaml_node_t *other, *value;
    struct dify_slice text;
    if (index == CLI_APPS_MAX)
        return conf_yaml_fail(&reader->yaml, key, "has more than %d apps", CLI_APPS_MAX);
    if (key->type != YAML_SCALAR_NODE || conf_yaml_text(&reader->yaml, key, "", label) != DIFY_OK ||
        !conf_is_name(*label))
        return conf_yaml_fail(&reader->yaml, key,
                              "an app's name is of up to %d letters, digits, '.', '_' and '-'",
                              CONF_NAME_BYTES);
    for (size_t i = 0; i < index && conf_yaml_pair(&reader->yaml, apps, i, &other, &value); i++)
        if (conf_yaml_text(&reader->yaml, other, "", &text) == DIFY_OK &&
            dify__slice_equals(text, *label))
            return conf_yaml_fail(&reader->yaml, key, "two apps are named %.*s", (int)label->len,
                                  label->ptr);
    return DIFY_OK;
}

/* Checks all apps and keeps the one of the name `wanted` (absent: the only one). */
static enum dify_err read_apps(struct reader *reader, const yaml_node_t *apps,
                               struct dify_slice wanted, struct cli_config_app *out)
{
    yaml_node_t *key, *value;
    struct dify_slice label;
    bool is_only = false;
    if (!conf_yaml_is_mapping(apps))
        return conf_yaml_fail(&reader->yaml, apps, "apps is a mapping of names to apps");
    is_only = wanted.ptr == NULL && !conf_yaml_pair(&reader->yaml, apps, 1, &key, &value);
    for (size_t i = 0; conf_yaml_pair(&reader->yaml, apps, i, &key, &value); i++) {
        struct cli_config_app app = {.name = NULL};
        enum dify_err err = check_label(reader, apps, i, key, &label);
        if (err == DIFY_OK)
            err = read_app(reader, value, &app);
        if (err == DIFY_OK && (is_only || dify__slice_equals(label, wanted))) {
            app.name = conf_text_copy(label);
            *out = app;
            if (app.name == NULL)
                return DIFY_ERR_NOMEM;
            continue;
        }
        cli_config_app_fini(&app);
        if (err != DIFY_OK)
            return err;
    }
    return DIFY_OK;
}

/* `wanted` NULL: the file's own choice. */
static enum dify_err read_file(struct reader *reader, const char *wanted,
                               struct cli_config_app *app)
{
    char known[400];
    yaml_node_t *values[FILE_MEMBERS];
    const yaml_node_t *root = conf_yaml_root(&reader->yaml);
    struct dify_slice name = {NULL, 0};
    size_t line = 0;
    enum dify_err err =
        conf_yaml_members(&reader->yaml, root, "a configuration", file_members, values);
    if (err == DIFY_OK && values[FILE_DEFAULT_APP] != NULL) {
        err = conf_yaml_text(&reader->yaml, values[FILE_DEFAULT_APP], "default_app", &name);
        line = conf_yaml_line(values[FILE_DEFAULT_APP]);
    }
    if (wanted != NULL) {
        name = dify__slice(wanted);
        line = 0;
    }
    if (err == DIFY_OK && values[FILE_APPS] != NULL)
        err = read_apps(reader, values[FILE_APPS], name, app);
    if (err != DIFY_OK || app->name != NULL || name.ptr == NULL)
        return err;
    known[0] = '\0';
    if (values[FILE_APPS] != NULL)
        list_apps(reader, values[FILE_APPS], known, sizeof known);
    return conf_fail(&reader->yaml.place, line, "there is no app '%.*s'; there %s %s",
                     name.len < CONF_NAME_BYTES ? (int)name.len : CONF_NAME_BYTES, name.ptr,
                     strchr(known, ',') != NULL ? "are" : "is", known[0] != '\0' ? known : "none");
}

static enum dify_err parse(struct reader *reader, struct dify_slice text, const char *wanted,
                           struct cli_config_app *app)
{
    const struct conf_place place = {
        .file = reader->path, .text = reader->error->text, .size = sizeof reader->error->text};
    enum dify_err err = conf_yaml_open(&reader->yaml, place, text, NULL);
    if (err == DIFY_OK)
        err = read_file(reader, wanted, app);
    conf_yaml_close(&reader->yaml);
    return err;
}

static bool read_open_file(struct reader *reader, int fd, const char *wanted,
                           struct cli_config_app *app)
{
    struct conf_file file;
    if (!conf_file_read(fd, reader->path, &file, reader->error))
        return false;
    reader->is_private = file.is_private;
    enum dify_err err = parse(reader, (struct dify_slice){file.bytes, file.len}, wanted, app);
    conf_file_fini(&file);
    if (err == DIFY_ERR_NOMEM)
        snprintf(reader->error->text, sizeof reader->error->text, "%s: out of memory",
                 reader->path);
    if (err != DIFY_OK)
        cli_config_app_fini(app);
    return err == DIFY_OK;
}

bool cli_config_read(const char *path, bool must_exist, const char *wanted, const char *home,
                     struct cli_config_app *app, struct conf_error *error)
{
    struct reader reader = {.path = path, .home = home, .error = error};
    *app = (struct cli_config_app){.name = NULL};
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool is_absent = fd < 0 && (errno == ENOENT || errno == ENOTDIR);
    if (is_absent && !must_exist && wanted == NULL)
        return true;
    if (fd < 0) {
        if (is_absent && !must_exist)
            snprintf(error->text, sizeof error->text,
                     "there is no app '%.64s': there is no configuration file %s", wanted, path);
        else
            snprintf(error->text, sizeof error->text, "%s: %s", path, strerror(errno));
        return false;
    }
    bool ok = read_open_file(&reader, fd, wanted, app);
    close(fd);
    return ok;
}

void cli_config_app_fini(struct cli_config_app *app)
{
    conf_text_wipe(app->text[CLI_CONFIG_API_KEY]);
    for (size_t i = 0; i < CLI_CONFIG_TEXTS; i++)
        free(app->text[i]);
    free(app->name);
    *app = (struct cli_config_app){.name = NULL};
}
