/* SPDX-License-Identifier: Apache-2.0
 *
 * version.h: the version of the headers and of the library.
 *
 * Versions follow semver.org. The ABI of the shared library is its soname; while the major version
 * is 0 it changes with the minor version.
 */
#ifndef DIFYSTREAM_VERSION_H
#define DIFYSTREAM_VERSION_H

#include "difystream/export.h"

DIFY_DECLARATIONS_BEGIN

/* The version of the headers that a program is compiled with. */
#define DIFY_VERSION_MAJOR 0
#define DIFY_VERSION_MINOR 1
#define DIFY_VERSION_PATCH 0
#define DIFY_VERSION "0.1.0"

/* The version of the library that a program runs with, for example "0.1.0". Static. */
DIFY_API const char *dify_version(void);

/* The version of the JSON reader in use, for example "yyjson 0.10.0". Static. */
DIFY_API const char *dify_json_version(void);

DIFY_DECLARATIONS_END

#endif
