/* SPDX-License-Identifier: Apache-2.0
 *
 * dify.c: see dify.h.
 */
#include "cli/dify.h"

#include <stdlib.h>

/* Without a ceiling; so far away that adding the time of day to it does no harm. */
#define NEVER_MS ((uint64_t)1 << 50)

bool cli_read_speed(const char *command, double *out)
{
    const char *text = getenv("DIFYSTREAM_SPEED");
    char *end;
    if (text == NULL || text[0] == '\0')
        return true;
    *out = strtod(text, &end);
    if (*end == '\0' && *out > 0 && *out <= DIFY_CLIENT_SPEED)
        return true;
    cli_complain(command, "DIFYSTREAM_SPEED is a number above 0, at most %.0f", DIFY_CLIENT_SPEED);
    return false;
}

bool cli_client_new(const char *command, const struct cli_settings *settings,
                    struct dify_client **out_client, struct dify_app **out_app)
{
    struct dify_client_options options = {.size = sizeof options};
    struct dify_app_options where = {
        .size = sizeof where,
        .base_url = settings->base_url,
        .api_key = settings->api_key,
        .ca_file = settings->ca_file,
        .client_cert = settings->client_cert,
        .client_key = settings->client_key,
        .proxy = settings->proxy,
        .connect_timeout_ms = settings->connect_timeout_ms,
        .silence_timeout_ms = settings->read_timeout_ms,
        .run_timeout_ms = settings->max_time_ms != 0 ? settings->max_time_ms : NEVER_MS,
        .accept_partial = settings->accept_partial};
    struct dify_error error = {DIFY_OK, 0, ""};
    struct dify_client *client = NULL;
    if (!cli_read_speed(command, &options.speed))
        return false;
    enum dify_err err = dify_client_new(&options, &client);
    if (err == DIFY_OK)
        err = dify_app_new(client, &where, out_app, &error);
    if (err == DIFY_OK) {
        *out_client = client;
        return true;
    }
    cli_complain(command, "%s", error.message[0] != '\0' ? error.message : dify_strerror(err));
    dify_client_free(client);
    return false;
}
