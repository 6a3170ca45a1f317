/* SPDX-License-Identifier: Apache-2.0
 *
 * builtin.h: files that the command carries in itself.
 */
#ifndef DIFY_CLI_BUILTIN_H
#define DIFY_CLI_BUILTIN_H

#include <stddef.h>

struct cli_builtin {
    const char *name; /* in the sources */
    const unsigned char *bytes;
    size_t size;
};

extern const struct cli_builtin cli_builtin_scenario;

#endif
