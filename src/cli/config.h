/* SPDX-License-Identifier: Apache-2.0
 *
 * config.h: the command's configuration file.
 *
 *     apps:
 *       label-check:
 *         base_url: https://dify.example/v1
 *         api_key_file: ~/.secrets/label-check
 *         user: alice
 *     default_app: label-check
 */
#ifndef DIFY_CLI_CONFIG_H
#define DIFY_CLI_CONFIG_H

#include "cli/settings.h"

/* Members of an app that are texts. */
enum cli_config_text {
    CLI_CONFIG_BASE_URL,
    CLI_CONFIG_API_KEY,
    CLI_CONFIG_API_KEY_ENV,
    CLI_CONFIG_API_KEY_FILE,
    CLI_CONFIG_USER,
    CLI_CONFIG_CA_FILE,
    CLI_CONFIG_CLIENT_CERT,
    CLI_CONFIG_CLIENT_KEY,
    CLI_CONFIG_PROXY,
    CLI_CONFIG_TEXTS
};

/* Members that are times. */
enum cli_config_time {
    CLI_CONFIG_CONNECT_TIMEOUT,
    CLI_CONFIG_READ_TIMEOUT,
    CLI_CONFIG_MAX_TIME,
    CLI_CONFIG_TIMES
};

/* One app as the file has it. Paths are complete. */
struct cli_config_app {
    char *name; /* NULL: the file names none, and nothing else is set */
    char *text[CLI_CONFIG_TEXTS];
    bool has_time[CLI_CONFIG_TIMES];
    uint32_t time_ms[CLI_CONFIG_TIMES];
    bool accept_partial;
    bool has_streaming, is_streaming;
};

/* Reads the file at `path` and takes the app `wanted`, else its default_app, else its only one.
 * A file that is not there is an error if it `must_exist` or an app is wanted. `home` (may be NULL)
 * stands for "~". False with `error`; then nothing is to be freed. */
bool cli_config_read(const char *path, bool must_exist, const char *wanted, const char *home,
                     struct cli_config_app *app, struct conf_error *error);

/* Wipes the key and frees all. */
void cli_config_app_fini(struct cli_config_app *app);

#endif
