/* SPDX-License-Identifier: Apache-2.0
 *
 * api_key.h: taking in an API key.
 */
#ifndef DIFY_CLI_API_KEY_H
#define DIFY_CLI_API_KEY_H

#include "cli/settings.h"
#include "difystream/slice.h"

/* Checks a key and copies it to `*new_key` (to be wiped and freed). Blanks around it are dropped.
 * `from` says where it stands, for messages. */
bool cli_api_key_take(struct dify_slice text, const char *from, char **new_key,
                      struct cli_settings_error *error);

/* The same from a file, or from `standard_fd` if `path` is "-". As ssh does, a file of the user's
 * own is refused if others may read or write it; how others keep their files (the secrets of a
 * container, say) is theirs to decide. */
bool cli_api_key_read(const char *path, int standard_fd, char **new_key,
                      struct cli_settings_error *error);

#endif
