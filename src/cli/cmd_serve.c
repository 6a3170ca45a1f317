/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_serve.c: difystream serve.
 */
#include "cli/commands.h"
#include "cli/dify.h"
#include "cli/settings.h"
#include "conf/file.h"
#include "gateway/config.h"
#include "gateway/gateway.h"

#include <stdio.h>

enum {
    SERVE_CONFIG,
    SERVE_LISTEN,
    SERVE_STORE,
    SERVE_CHECK,
    SERVE_NO_AUTH,
    SERVE_DRAIN_TIMEOUT,
    SERVE_LOG_LEVEL,
    SERVE_LOG_FORMAT
};

const struct cli_option cli_serve_options[] = {
    [SERVE_CONFIG] = {"config", 'c', "FILE", NULL,
                      "the configuration; without it one app is taken from the environment"},
    [SERVE_LISTEN] = {"listen", 'l', "ADDRESS", NULL,
                      "HOST:PORT, [IPV6]:PORT or unix:/PATH (127.0.0.1:8000), in place of the "
                      "configuration's; may be repeated"},
    [SERVE_STORE] = {"store", 0, "PATH", NULL,
                     "the database that keeps the runs; 'none': a run is lost with the process"},
    [SERVE_CHECK] = {"check", 0, NULL, NULL,
                     "tell all mistakes of the configuration, or print it as it will be used; "
                     "nothing is served"},
    [SERVE_NO_AUTH] = {"no-auth", 0, NULL, NULL,
                       "addresses that other machines can reach are fine without access tokens, "
                       "too: whoever reaches one may use every app"},
    [SERVE_DRAIN_TIMEOUT] = {"drain-timeout", 0, "SECONDS", NULL,
                             "what live runs get after SIGTERM (30); those left are taken up by "
                             "the next start"},
    [SERVE_LOG_LEVEL] = {"log-level", 0, "LEVEL", "error|warning|info|debug",
                         "what is logged on standard error (info)"},
    [SERVE_LOG_FORMAT] = {"log-format", 0, "FORMAT", "text|json", "how it is logged (text)"},
    {NULL, 0, NULL, NULL, NULL},
};

static void say(void *ctx, const char *line)
{
    (void)ctx;
    cli_complain("serve", "%s", line);
}

static void put(void *ctx, const char *text)
{
    (void)ctx;
    (void)fputs(text, stdout);
}

static int check(const struct gw_config *config)
{
    if (gw_config_write(config, put, NULL))
        return CLI_EXIT_OK;
    cli_complain("serve", "out of memory");
    return CLI_EXIT_USAGE;
}

static int serve(const struct gw_config *config)
{
    double speed = 1;
    if (!cli_read_speed("serve", &speed))
        return CLI_EXIT_USAGE;
    if (config->store_path != NULL) /* what cannot be made is told when the store is opened */
        (void)conf_folder_make_for(config->store_path);
    return gw_serve(config, speed);
}

int cli_run_serve(const struct cli_args *args)
{
    const char *listen[CLI_GIVEN_MAX + 1] = {NULL};
    size_t count = 0;
    struct gw_config config;
    for (size_t i = 0; i < args->given_count; i++)
        if (args->given[i].option == SERVE_LISTEN)
            listen[count++] = args->given[i].value;
    const struct gw_config_source source = {.path = args->value[SERVE_CONFIG],
                                            .listen = listen,
                                            .store = args->value[SERVE_STORE],
                                            .log_level = args->value[SERVE_LOG_LEVEL],
                                            .log_format = args->value[SERVE_LOG_FORMAT],
                                            .drain_timeout = args->value[SERVE_DRAIN_TIMEOUT],
                                            .allows_no_auth = args->value[SERVE_NO_AUTH] != NULL,
                                            .variable = cli_environment};
    cli_protect_secrets();
    if (gw_config_read(&source, &config, say, NULL) != 0)
        return CLI_EXIT_USAGE;
    int status = args->value[SERVE_CHECK] != NULL ? check(&config) : serve(&config);
    gw_config_fini(&config);
    return status;
}
