/* SPDX-License-Identifier: Apache-2.0
 *
 * slice.h: a borrowed run of bytes, pointer and length.
 *
 * A slice owns nothing and is not NUL-terminated; whoever hands it out says when it dies.
 * `ptr == NULL` means absent (a member that never came, or came as null); a slice that is present
 * and empty has a pointer and length 0.
 */
#ifndef DIFYSTREAM_SLICE_H
#define DIFYSTREAM_SLICE_H

#include <stddef.h>

struct dify_slice {
    const char *ptr;
    size_t len;
};

/* A slice of a string literal: DIFY_SLICE("succeeded"). */
#ifdef __cplusplus
#define DIFY_SLICE(literal) (dify_slice{"" literal, sizeof(literal) - 1})
#else
#define DIFY_SLICE(literal) ((struct dify_slice){"" literal, sizeof(literal) - 1})
#endif

#endif
