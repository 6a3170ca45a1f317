/* SPDX-License-Identifier: Apache-2.0
 *
 * error.h: what can go wrong in the library, and how it is told.
 *
 * Every function that can fail returns `enum dify_err`, DIFY_OK being 0; outputs are untouched on
 * error. These are the errors of a call. How a *run* ended (failed, stopped, truncated, ...) is no
 * error of a call: that is `enum dify_outcome` in result.h.
 */
#ifndef DIFYSTREAM_ERROR_H
#define DIFYSTREAM_ERROR_H

#include "difystream/export.h"

#include <stddef.h>
#include <stdint.h>

DIFY_DECLARATIONS_BEGIN

enum dify_err {
    DIFY_OK = 0,
    DIFY_ERR_NOMEM,     /* the allocator gave nothing */
    DIFY_ERR_ARGUMENT,  /* a parameter or an option is outside its documented range */
    DIFY_ERR_TOO_LARGE, /* a ceiling of limits.h was passed; the message names it */
    DIFY_ERR_JSON,      /* a text is not a JSON object by RFC 8259 */
    DIFY_ERR_DEPTH,     /* a JSON text is nested deeper than DIFY_EVENT_DEPTH */
    DIFY_ERR_NUMBER,    /* a text is not a number by RFC 8259, or has too many digits */
    DIFY_ERR_ABSENT,    /* what was asked for is not there, or is of another type */
    DIFY_ERR_STATE,     /* the call does not fit the object's state (fed after its end) */
    DIFY_ERR_WRITE      /* the caller's sink refused the bytes */
};

/* Room for a message, its terminating NUL included. */
#define DIFY_ERROR_MESSAGE_BYTES 160

/* Details of an error. Filled in by the functions that take one; a plain struct, owns nothing. */
struct dify_error {
    enum dify_err code;
    uint64_t offset;                        /* position in the input it is about, in bytes */
    char message[DIFY_ERROR_MESSAGE_BYTES]; /* English, one line, NUL-terminated, no secrets */
};

/* The name of an error in English, for example "out of memory". Static; never NULL. */
DIFY_API const char *dify_strerror(enum dify_err err);

DIFY_DECLARATIONS_END

#endif
