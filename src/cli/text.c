/* SPDX-License-Identifier: Apache-2.0
 *
 * text.c: small texts on the heap.
 */
#define _DEFAULT_SOURCE /* explicit_bzero */

#include "cli/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *cli_textf(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *text = len >= 0 ? malloc((size_t)len + 1) : NULL;
    if (text == NULL)
        return NULL;
    va_start(args, format);
    vsnprintf(text, (size_t)len + 1, format, args);
    va_end(args);
    return text;
}

char *cli_text_copy(struct dify_slice text)
{
    char *copy = malloc(text.len + 1);
    if (copy == NULL)
        return NULL;
    if (text.len != 0)
        memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    return copy;
}

void cli_text_wipe(char *text)
{
    if (text != NULL)
        explicit_bzero(text, strlen(text));
}
