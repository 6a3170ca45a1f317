/* SPDX-License-Identifier: Apache-2.0
 *
 * text.h: small texts on the heap, such as paths.
 */
#ifndef DIFY_CLI_TEXT_H
#define DIFY_CLI_TEXT_H

#include "difystream/slice.h"

/* A text as printf() would write it; to be freed. NULL: no memory. */
char *cli_textf(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A NUL-terminated copy; to be freed. NULL: no memory. */
char *cli_text_copy(struct dify_slice text);

/* Overwrites `text` (or nothing, where it is NULL) in a way that no compiler leaves out. */
void cli_text_wipe(char *text);

#endif
