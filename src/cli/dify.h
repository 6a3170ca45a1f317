/* SPDX-License-Identifier: Apache-2.0
 *
 * dify.h: a client and the app that the settings say.
 */
#ifndef DIFY_CLI_DIFY_H
#define DIFY_CLI_DIFY_H

#include "cli/settings.h"
#include "difystream/client.h"

/* What the environment variable DIFYSTREAM_SPEED says; `*out` stays as it is where it is not set.
 * False after saying on standard error, as `command`, that it is no speed. */
bool cli_read_speed(const char *command, double *out);

/* Makes both: to be freed with dify_app_free() and then dify_client_free(). The environment
 * variable DIFYSTREAM_SPEED makes all of the client's clocks run faster. False after saying on
 * standard error, as `command`, what is wrong; then nothing is to be freed. */
bool cli_client_new(const char *command, const struct cli_settings *settings,
                    struct dify_client **out_client, struct dify_app **out_app);

#endif
