/* SPDX-License-Identifier: Apache-2.0
 *
 * slices.h: small questions about slices.
 */
#ifndef DIFY_CORE_SLICES_H
#define DIFY_CORE_SLICES_H

#include "difystream/slice.h"

#include <stdbool.h>
#include <string.h>

/* A slice of a NUL-terminated string. */
static inline struct dify_slice dify__slice(const char *text)
{
    return (struct dify_slice){text, strlen(text)};
}

/* The same; of NULL an absent one. */
static inline struct dify_slice dify__slice_or_none(const char *text)
{
    return text != NULL ? dify__slice(text) : (struct dify_slice){NULL, 0};
}

/* The first one, or where it is absent the other. */
static inline struct dify_slice dify__slice_or(struct dify_slice slice, struct dify_slice otherwise)
{
    return slice.ptr != NULL ? slice : otherwise;
}

/* Whether both have the same bytes; an absent slice equals none but an empty one. */
static inline bool dify__slice_equals(struct dify_slice a, struct dify_slice b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

/* Whether the slice is present and has the bytes of `text`. */
static inline bool dify__slice_is(struct dify_slice slice, const char *text)
{
    return slice.ptr != NULL && dify__slice_equals(slice, dify__slice(text));
}

/* Whether the slice begins with the bytes of `text`. */
static inline bool dify__slice_begins(struct dify_slice slice, const char *text)
{
    size_t len = strlen(text);
    return slice.len >= len && memcmp(slice.ptr, text, len) == 0;
}

#endif
