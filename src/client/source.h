/* SPDX-License-Identifier: Apache-2.0
 *
 * source.h: the bytes of a file that is uploaded, as they are wanted; its name, type and kind.
 */
#ifndef DIFY_CLIENT_SOURCE_H
#define DIFY_CLIENT_SOURCE_H

#include "core/memory.h"
#include "difystream/client.h"

#include <sys/types.h>

/* First bytes that are looked at to tell what a file is. */
#define DIFY__SOURCE_HEAD 64

#define DIFY__SOURCE_NAME 256

struct dify__source {
    const struct dify_file *file;
    int fd; /* -1: `read` is asked */
    bool owns_fd;
    bool can_rewind;
    off_t start;    /* where the file begins in `fd` */
    int64_t length; /* -1: unknown */
    char head[DIFY__SOURCE_HEAD];
    size_t head_len,
        head_at; /* of a source that cannot be rewound: what was looked at comes first */
    char name[DIFY__SOURCE_NAME];
    const char *type; /* a media type */
    const char *kind; /* dify__file_kind() */
    int error;        /* errno of a failed read; 0: none */
    bool has_failed;
};

/* Opens it and looks at its first bytes. DIFY_ERR_ARGUMENT: it cannot be read, `error` says which
 * and why. Needs dify__source_close() in any case. */
DIFY_MUST_CHECK enum dify_err dify__source_open(struct dify__source *source,
                                                const struct dify_file *file,
                                                struct dify_error *error);
void dify__source_close(struct dify__source *source);

/* Up to `len` bytes; 0 at the end; -1 on failure (sticky). */
long dify__source_read(struct dify__source *source, char *bytes, size_t len);

/* To the beginning. False if it cannot. */
bool dify__source_rewind(struct dify__source *source);

#endif
