/* SPDX-License-Identifier: Apache-2.0
 *
 * masked.h: an answer's body without what differs from run to run, so that two can be compared as
 * texts. It is made for bodies of the simulator's own, not for any JSON.
 */
#ifndef SIM_TESTS_MASKED_H
#define SIM_TESTS_MASKED_H

#include "../unit/support.h"

#include <ctype.h>

static inline size_t uuid_at(const char *at)
{
    size_t i = 0;
    for (; i < 36; i++)
        if (i == 8 || i == 13 || i == 18 || i == 23 ? at[i] != '-'
                                                    : !isxdigit((unsigned char)at[i]))
            return 0;
    return i;
}

static inline size_t number_at(const char *at)
{
    size_t len = 0;
    while (isdigit((unsigned char)at[len]) || (len != 0 && at[len] == '.') ||
           (len != 0 && at[len] == 'e' &&
            (isdigit((unsigned char)at[len + 1]) || at[len + 1] == '-')) ||
           (len != 0 && at[len] == '-' && at[len - 1] == 'e'))
        len++;
    return len;
}

/* A token, a nonce. */
static inline size_t token_at(const char *at)
{
    size_t len = 0;
    while (isalnum((unsigned char)at[len]))
        len++;
    return len >= 20 ? len : 0;
}

/* What follows `label`, up to `end`. */
static inline size_t after(const char *at, const char *label, char end)
{
    const char *stop = strncmp(at, label, strlen(label)) == 0 ? strchr(at, end) : NULL;
    return stop != NULL ? (size_t)(stop - at) : 0;
}

/* Adds a text without its ids, tokens, numbers and pings. */
static inline void add_masked(struct text *out, const char *at)
{
    static const char ping[] = "event: ping\n\n";
    bool is_word = false;
    while (*at != '\0') {
        size_t len;
        if (strncmp(at, ping, sizeof ping - 1) == 0) {
            at += sizeof ping - 1;
        } else if (!is_word && ((len = uuid_at(at)) != 0 || (len = after(at, "sign=", '%')) != 0 ||
                                (len = after(at, "dify-file-ref:", '"')) != 0 ||
                                (len = token_at(at)) != 0 || (len = number_at(at)) != 0)) {
            text_add_chars(out, "#");
            at += len;
        } else {
            is_word = isalnum((unsigned char)*at);
            text_add(out, at++, 1);
        }
    }
    text_add(out, "", 0);
}

/* The body of the one answer in `got`, without chunks; as far as it has come. */
static inline void add_body(struct text *out, const struct text *got)
{
    const char *head_end = got->ptr != NULL ? strstr(got->ptr, "\r\n\r\n") : NULL;
    text_add(out, "", 0);
    if (head_end == NULL)
        return;
    const char *at = head_end + 4, *end = got->ptr + got->len;
    const char *chunked = strstr(got->ptr, "Transfer-Encoding: chunked");
    if (chunked == NULL || chunked > head_end) {
        text_add(out, at, (size_t)(end - at));
        return;
    }
    for (;;) {
        const char *line_end = strstr(at, "\r\n");
        size_t size = strtoul(at, NULL, 16);
        if (line_end == NULL || size == 0)
            return;
        at = line_end + 2;
        if (size > (size_t)(end - at))
            size = (size_t)(end - at);
        text_add(out, at, size);
        at += size;
        if (end - at < 2)
            return;
        at += 2;
    }
}

#endif
