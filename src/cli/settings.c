/* SPDX-License-Identifier: Apache-2.0
 *
 * settings.c: flag over environment over configuration file.
 */
#include "cli/settings.h"

#include "cli/config.h"
#include "conf/api_key.h"
#include "conf/base_url.h"
#include "conf/text.h"
#include "conf/yaml.h"
#include "core/slices.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

/* Settings being put together. */
struct maker {
    const struct cli_settings_source *source;
    struct cli_config_app config;
    char *config_path; /* NULL: there is none to be looked for */
    struct cli_settings *out;
    struct conf_error *error;
};

static bool refuse(struct maker *maker, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static bool refuse(struct maker *maker, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(maker->error->text, sizeof maker->error->text, format, args);
    va_end(args);
    return false;
}

static bool no_memory(struct maker *maker)
{
    return refuse(maker, "out of memory");
}

/* A variable that is set to nothing counts as not set. */
static const char *variable(const struct maker *maker, const char *name)
{
    const char *value = maker->source->variable(maker->source->ctx, name);
    return value != NULL && value[0] != '\0' ? value : NULL;
}

static const char *flag(const struct maker *maker, enum cli_connection_option number)
{
    return maker->source->flags[number];
}

/* Whether the file's app comes before the environment: it was asked for by name. */
static bool app_is_asked_for(const struct maker *maker)
{
    return flag(maker, CLI_APP) != NULL;
}

/* ---- the configuration file ---------------------------------------------------------------- */

static bool find_config(struct maker *maker)
{
    const char *named = flag(maker, CLI_CONFIG);
    const char *folder = variable(maker, "XDG_CONFIG_HOME");
    const char *home = variable(maker, "HOME");
    if (named != NULL)
        maker->config_path = conf_text_copy(dify__slice(named));
    else if (folder != NULL && folder[0] == '/') /* others are to be ignored, says XDG */
        maker->config_path = conf_textf("%s/difystream/config.yaml", folder);
    else if (home != NULL)
        maker->config_path = conf_textf("%s/.config/difystream/config.yaml", home);
    else
        return app_is_asked_for(maker)
                   ? refuse(maker, "--app needs a configuration file: name one with --config")
                   : true;
    return maker->config_path != NULL || no_memory(maker);
}

static bool read_config(struct maker *maker)
{
    if (!find_config(maker))
        return false;
    return maker->config_path == NULL ||
           cli_config_read(maker->config_path, flag(maker, CLI_CONFIG) != NULL,
                           flag(maker, CLI_APP), variable(maker, "HOME"), &maker->config,
                           maker->error);
}

/* ---- the address --------------------------------------------------------------------------- */

static bool set_base_url(struct maker *maker, const char *address, const char *from)
{
    const char *why;
    maker->out->base_url = conf_base_url(address, &why);
    snprintf(maker->out->base_url_from, CLI_FROM_BYTES, "%s", from);
    return maker->out->base_url != NULL || refuse(maker, "%s %s", from, why);
}

static bool set_config_url(struct maker *maker)
{
    char from[CLI_FROM_BYTES];
    snprintf(from, sizeof from, "%s: the base_url of %s", maker->config_path, maker->config.name);
    return set_base_url(maker, maker->config.text[CLI_CONFIG_BASE_URL], from);
}

static bool read_base_url(struct maker *maker)
{
    const char *const *names = conf_base_url_names;
    bool has_config = maker->config.text[CLI_CONFIG_BASE_URL] != NULL;
    if (flag(maker, CLI_BASE_URL) != NULL)
        return set_base_url(maker, flag(maker, CLI_BASE_URL), "--base-url");
    if (has_config && app_is_asked_for(maker))
        return set_config_url(maker);
    for (size_t i = 0; i < CONF_BASE_URL_NAMES; i++)
        if (variable(maker, names[i]) != NULL)
            return set_base_url(maker, variable(maker, names[i]), names[i]);
    if (has_config)
        return set_config_url(maker);
    return refuse(maker,
                  "no address: set DIFY_BASE_URL, or use --base-url, for example "
                  "--base-url https://api.dify.ai/v1, or base_url in %s",
                  maker->config_path != NULL ? maker->config_path : "a file for --config");
}

/* ---- the key ------------------------------------------------------------------------------- */

static bool config_has_key(const struct maker *maker)
{
    for (size_t i = CLI_CONFIG_API_KEY; i <= CLI_CONFIG_API_KEY_FILE; i++)
        if (maker->config.text[i] != NULL)
            return true;
    return false;
}

static bool take_key(struct maker *maker, const char *key, const char *from)
{
    snprintf(maker->out->api_key_from, CLI_FROM_BYTES, "%s", from);
    return conf_api_key_take(dify__slice(key), from, &maker->out->api_key, maker->error);
}

/* "-" is standard input, where it `may_be_standard`. */
static bool take_key_file(struct maker *maker, const char *path, bool may_be_standard)
{
    bool is_standard = may_be_standard && strcmp(path, "-") == 0;
    snprintf(maker->out->api_key_from, CLI_FROM_BYTES, "%s", is_standard ? "standard input" : path);
    return is_standard
               ? conf_api_key_read_standard(maker->source->key_fd, &maker->out->api_key,
                                            maker->error)
               : conf_api_key_read(path, "--api-key-file -", &maker->out->api_key, maker->error);
}

static bool read_config_key(struct maker *maker)
{
    char from[CLI_FROM_BYTES];
    char *const *text = maker->config.text;
    if (text[CLI_CONFIG_API_KEY_FILE] != NULL)
        return take_key_file(maker, text[CLI_CONFIG_API_KEY_FILE], false);
    if (text[CLI_CONFIG_API_KEY] != NULL) {
        snprintf(from, sizeof from, "%s: the api_key of %s", maker->config_path,
                 maker->config.name);
        return take_key(maker, text[CLI_CONFIG_API_KEY], from);
    }
    const char *value = variable(maker, text[CLI_CONFIG_API_KEY_ENV]);
    if (value == NULL)
        return refuse(maker, "no API key: %s names the variable %s for %s, which is not set",
                      maker->config_path, text[CLI_CONFIG_API_KEY_ENV], maker->config.name);
    return take_key(maker, value, text[CLI_CONFIG_API_KEY_ENV]);
}

static bool read_key(struct maker *maker)
{
    const char *value = variable(maker, "DIFY_API_KEY");
    if (flag(maker, CLI_API_KEY_FILE) != NULL)
        return take_key_file(maker, flag(maker, CLI_API_KEY_FILE), true);
    if (config_has_key(maker) && (app_is_asked_for(maker) || value == NULL))
        return read_config_key(maker);
    if (value != NULL)
        return take_key(maker, value, "DIFY_API_KEY");
    return refuse(maker, "no API key: %s, or use --api-key-file FILE, or api_key_file in %s",
                  maker->source->variable(maker->source->ctx, "DIFY_API_KEY") != NULL
                      ? "DIFY_API_KEY is empty; set it"
                      : "set DIFY_API_KEY",
                  maker->config_path != NULL ? maker->config_path : "a file for --config");
}

/* Whether the file's app is the one that is talked to: it has the key, or was asked for. */
static bool is_of_config(const struct maker *maker)
{
    bool has_other_key =
        flag(maker, CLI_API_KEY_FILE) != NULL || variable(maker, "DIFY_API_KEY") != NULL;
    return app_is_asked_for(maker) || (config_has_key(maker) && !has_other_key);
}

/* ---- the rest ------------------------------------------------------------------------------ */

/* A text of the command line, else of the file. */
static bool take_text(struct maker *maker, const char *given, enum cli_config_text number,
                      char **out)
{
    const char *text = given != NULL ? given : maker->config.text[number];
    if (text == NULL)
        return true;
    *out = conf_text_copy(dify__slice(text));
    return *out != NULL || no_memory(maker);
}

/* The same for a file, which must be readable. */
static bool take_file(struct maker *maker, enum cli_connection_option option,
                      enum cli_config_text number, const char *what, char **out)
{
    if (!take_text(maker, flag(maker, option), number, out))
        return false;
    if (*out == NULL || access(*out, R_OK) == 0)
        return true;
    return refuse(maker, "cannot read the %s %s: %s", what, *out, strerror(errno));
}

static bool take_time(struct maker *maker, enum cli_connection_option option, const char *name,
                      enum cli_config_time number, uint32_t *out_ms)
{
    const char *value = name != NULL ? variable(maker, name) : NULL;
    bool has_config = maker->config.has_time[number];
    bool is_flag = flag(maker, option) != NULL;
    uint32_t ms;
    if (is_flag)
        value = flag(maker, option);
    else if (value == NULL || (has_config && app_is_asked_for(maker))) {
        if (has_config)
            *out_ms = maker->config.time_ms[number];
        return true;
    }
    if (!conf_seconds(dify__slice(value), &ms) || (ms == 0 && option != CLI_MAX_TIME))
        return refuse(maker, "%s%s is a time in seconds %s 0 to 1000000, such as 2.5",
                      is_flag ? "--" : "", is_flag ? cli_connection_options[option].name : name,
                      option == CLI_MAX_TIME ? "from" : "above");
    *out_ms = ms;
    return true;
}

static bool take_streaming(struct maker *maker)
{
    const char *value = variable(maker, "USE_STREAMING");
    maker->out->is_streaming = true;
    if (maker->config.has_streaming)
        maker->out->is_streaming = maker->config.is_streaming;
    if (value == NULL || (maker->config.has_streaming && app_is_asked_for(maker)))
        return true;
    return conf_switch(value, &maker->out->is_streaming) ||
           refuse(maker, "USE_STREAMING is true or false");
}

static bool take_rest(struct maker *maker)
{
    struct cli_settings *out = maker->out;
    out->connect_timeout_ms = CLI_CONNECT_TIMEOUT_MS;
    out->read_timeout_ms = CLI_READ_TIMEOUT_MS;
    out->max_time_ms = CLI_MAX_TIME_MS;
    out->accept_partial = maker->config.accept_partial;
    if (maker->config.name != NULL && is_of_config(maker)) {
        out->app = conf_text_copy(dify__slice(maker->config.name));
        if (out->app == NULL)
            return no_memory(maker);
    }
    if (!take_text(maker, NULL, CLI_CONFIG_USER, &out->user) ||
        !take_text(maker, flag(maker, CLI_PROXY), CLI_CONFIG_PROXY, &out->proxy) ||
        !take_file(maker, CLI_CA_FILE, CLI_CONFIG_CA_FILE, "certificates", &out->ca_file) ||
        !take_file(maker, CLI_CLIENT_CERT, CLI_CONFIG_CLIENT_CERT, "client certificate",
                   &out->client_cert) ||
        !take_file(maker, CLI_CLIENT_KEY, CLI_CONFIG_CLIENT_KEY, "key of the client certificate",
                   &out->client_key))
        return false;
    if (out->client_key != NULL && out->client_cert == NULL)
        return refuse(maker, "--client-key is of no use without --client-cert");
    return take_time(maker, CLI_CONNECT_TIMEOUT, "DIFY_CONNECT_TIMEOUT", CLI_CONFIG_CONNECT_TIMEOUT,
                     &out->connect_timeout_ms) &&
           take_time(maker, CLI_READ_TIMEOUT, "DIFY_READ_TIMEOUT", CLI_CONFIG_READ_TIMEOUT,
                     &out->read_timeout_ms) &&
           take_time(maker, CLI_MAX_TIME, NULL, CLI_CONFIG_MAX_TIME, &out->max_time_ms) &&
           take_streaming(maker);
}

/* ---- all of it ----------------------------------------------------------------------------- */

bool cli_settings_read(const struct cli_settings_source *source, struct cli_settings *settings,
                       struct conf_error *error)
{
    struct maker maker = {.source = source, .out = settings, .error = error};
    *settings = (struct cli_settings){.base_url = NULL};
    bool ok = read_config(&maker) && read_base_url(&maker) && take_rest(&maker) && read_key(&maker);
    cli_config_app_fini(&maker.config);
    free(maker.config_path);
    if (!ok)
        cli_settings_fini(settings);
    return ok;
}

const char *cli_environment(void *ctx, const char *name)
{
    (void)ctx;
    return getenv(name);
}

bool cli_settings_of(const char *command, const struct cli_args *args,
                     struct cli_settings *settings)
{
    const struct cli_settings_source source = {
        .flags = args->connection, .variable = cli_environment, .key_fd = STDIN_FILENO};
    struct conf_error error = {""};
    if (cli_settings_read(&source, settings, &error))
        return true;
    cli_complain(command, "%s", error.text);
    return false;
}

void cli_settings_fini(struct cli_settings *settings)
{
    char *const texts[] = {settings->base_url,    settings->api_key,    settings->app,
                           settings->user,        settings->ca_file,    settings->proxy,
                           settings->client_cert, settings->client_key, NULL};
    conf_text_wipe(settings->api_key);
    for (size_t i = 0; i + 1 < sizeof texts / sizeof texts[0]; i++)
        free(texts[i]);
    *settings = (struct cli_settings){.base_url = NULL};
}

void cli_protect_secrets(void)
{
    const struct rlimit none = {0, 0};
    (void)setrlimit(RLIMIT_CORE, &none);
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}
