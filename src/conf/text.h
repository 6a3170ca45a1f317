/* SPDX-License-Identifier: Apache-2.0
 *
 * text.h: small texts on the heap, such as paths.
 */
#ifndef DIFY_CONF_TEXT_H
#define DIFY_CONF_TEXT_H

#include "difystream/slice.h"

#include <stdbool.h>

/* A text as printf() would write it; to be freed. NULL: no memory. */
char *conf_textf(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A NUL-terminated copy; to be freed. NULL: no memory. */
char *conf_text_copy(struct dify_slice text);

/* Overwrites `text` (or nothing, where it is NULL) in a way that no compiler leaves out. */
void conf_text_wipe(char *text);

/* "true", "no", "1" ... as the environment may have it, in either case; false: no such word. */
bool conf_switch(const char *text, bool *out);

/* Whether an app may be named so: up to CONF_NAME_BYTES letters, digits, '.', '_' and '-'. */
#define CONF_NAME_BYTES 64
bool conf_is_name(struct dify_slice text);

/* The one of `words` (which end with NULL) that `word` is most likely meant to be: up to two
 * letters are wrong, too many or missing. NULL: none. */
const char *conf_nearest(struct dify_slice word, const char *const *words);

#endif
