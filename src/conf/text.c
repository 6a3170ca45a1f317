/* SPDX-License-Identifier: Apache-2.0
 *
 * text.c: small texts on the heap.
 */
#define _DEFAULT_SOURCE /* explicit_bzero, strcasecmp */

#include "conf/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

char *conf_textf(const char *format, ...)
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

char *conf_text_copy(struct dify_slice text)
{
    char *copy = malloc(text.len + 1);
    if (copy == NULL)
        return NULL;
    if (text.len != 0)
        memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    return copy;
}

void conf_text_wipe(char *text)
{
    if (text != NULL)
        explicit_bzero(text, strlen(text));
}

bool conf_switch(const char *text, bool *out)
{
    static const char *const words[] = {"false", "0", "no", "off", "true", "1", "yes", "on"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcasecmp(text, words[i]) == 0) {
            *out = i >= 4;
            return true;
        }
    }
    return false;
}

bool conf_is_name(struct dify_slice text)
{
    if (text.len == 0 || text.len > CONF_NAME_BYTES)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
              c == '.' || c == '_' || c == '-'))
            return false;
    }
    return true;
}

/* ---- words that are nearly right ----------------------------------------------------------- */

#define NEAR_BYTES 40

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* How many letters have to be put in, left out, changed or swapped with the next to make one word
 * of the other. Both have at most NEAR_BYTES. */
static size_t distance(struct dify_slice a, struct dify_slice b)
{
    size_t rows[3][NEAR_BYTES + 1] = {{0}};
    for (size_t j = 0; j <= b.len; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= a.len; i++) {
        size_t *row = rows[i % 3], *above = rows[(i + 2) % 3], *top = rows[(i + 1) % 3];
        row[0] = i;
        for (size_t j = 1; j <= b.len; j++) {
            bool same = a.ptr[i - 1] == b.ptr[j - 1];
            row[j] = least(least(above[j], row[j - 1]) + 1, above[j - 1] + !same);
            if (i > 1 && j > 1 && a.ptr[i - 1] == b.ptr[j - 2] && a.ptr[i - 2] == b.ptr[j - 1])
                row[j] = least(row[j], top[j - 2] + 1);
        }
    }
    return rows[a.len % 3][b.len];
}

const char *conf_nearest(struct dify_slice word, const char *const *words)
{
    const char *nearest = NULL;
    size_t best = word.len < 3 ? 0 : word.len < 5 ? 1 : 2; /* of a short word all are near */
    if (word.len > NEAR_BYTES)
        return NULL;
    for (size_t i = 0; words[i] != NULL; i++) {
        struct dify_slice other = {words[i], strlen(words[i])};
        size_t away = other.len <= NEAR_BYTES ? distance(word, other) : NEAR_BYTES;
        if (away <= best && away != 0 && (nearest == NULL || away < best)) {
            nearest = words[i];
            best = away;
        }
    }
    return nearest;
}
