/* SPDX-License-Identifier: Apache-2.0
 *
 * settings.h: which app a command talks to, and how.
 *
 * Flag over environment over configuration file. One exception keeps a key from going to a server
 * that it does not belong to: an app that --app asks for brings its own address and key, whatever
 * the environment says. Messages are one line and never hold a key.
 *
 *     struct cli_settings settings;
 *     cli_protect_secrets();
 *     if (!cli_settings_of("run", args, &settings))
 *         return CLI_EXIT_USAGE;
 *     ...
 *     cli_settings_fini(&settings);
 */
#ifndef DIFY_CLI_SETTINGS_H
#define DIFY_CLI_SETTINGS_H

#include "cli/args.h"
#include "conf/error.h"

#include <stdint.h>

/* Ceiling of the apps of a configuration file. */
#define CLI_APPS_MAX 1000

/* Of a text that says where a setting comes from; a longer path is cut. */
#define CLI_FROM_BYTES ((size_t)400)

#define CLI_CONNECT_TIMEOUT_MS 30000
#define CLI_READ_TIMEOUT_MS 300000
#define CLI_MAX_TIME_MS 3600000

/* Texts are NUL-terminated and the settings' own. */
struct cli_settings {
    char *base_url; /* "https://dify.example/v1": no slash at its end */
    char *api_key;
    char *app;         /* its name in the configuration file; NULL: it comes from elsewhere */
    char *user;        /* whom runs are for, unless the command says another; NULL: not said */
    char *ca_file;     /* NULL: the system's */
    char *client_cert; /* NULL: none */
    char *client_key;
    char *proxy;                 /* NULL: what libcurl finds in the environment */
    uint32_t connect_timeout_ms; /* never 0 */
    uint32_t read_timeout_ms;    /* never 0 */
    uint32_t max_time_ms;        /* 0: none */
    bool accept_partial;
    bool is_streaming;

    /* Where both come from, for people: "DIFY_API_KEY", "--base-url", a file's path. */
    char base_url_from[CLI_FROM_BYTES], api_key_from[CLI_FROM_BYTES];
};

/* Where settings come from. */
struct cli_settings_source {
    const char *const *flags; /* CLI_CONNECTION_OPTIONS of them, by enum cli_connection_option */
    const char *(*variable)(void *ctx, const char *name); /* NULL where it is not set */
    void *ctx;
    int key_fd; /* what --api-key-file - reads */
};

/* A variable of the process; `ctx` is not looked at. */
const char *cli_environment(void *ctx, const char *name);

/* Reads the settings. False with `error`; then nothing is to be freed. */
bool cli_settings_read(const struct cli_settings_source *source, struct cli_settings *settings,
                       struct conf_error *error);

/* The same from a command line and the process's environment; what is wrong is said on standard
 * error, as `command`. */
bool cli_settings_of(const char *command, const struct cli_args *args,
                     struct cli_settings *settings);

/* Wipes the key and frees all. */
void cli_settings_fini(struct cli_settings *settings);

/* No core dumps, and no other process of the user may look into this one: for commands that hold a
 * key. Before any key is read. */
void cli_protect_secrets(void);

#endif
