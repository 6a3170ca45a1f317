/* SPDX-License-Identifier: Apache-2.0
 *
 * api_key.h: taking in an API key.
 */
#ifndef DIFY_CONF_API_KEY_H
#define DIFY_CONF_API_KEY_H

#include "conf/error.h"
#include "difystream/slice.h"

#include <stdbool.h>

/* Ceiling of a key. */
#define CONF_KEY_BYTES ((size_t)1024)

/* Checks a key and copies it to `*new_key` (to be wiped and freed). Blanks around it are dropped.
 * `from` says where it stands, for messages. */
bool conf_api_key_take(struct dify_slice text, const char *from, char **new_key,
                       struct conf_error *error);

/* The same from standard input, which is `fd`. */
bool conf_api_key_read_standard(int fd, char **new_key, struct conf_error *error);

/* The same from a file. As ssh does, a file of the user's own is refused if others may read or
 * write it; how others keep their files (the secrets of a container, say) is theirs to decide.
 * `otherwise` is an option that takes the key from standard input, to be advised; NULL: none. */
bool conf_api_key_read(const char *path, const char *otherwise, char **new_key,
                       struct conf_error *error);

#endif
