/* SPDX-License-Identifier: Apache-2.0
 *
 * spool.c: see spool.h.
 */
#define _GNU_SOURCE /* O_TMPFILE */

#include "gateway/spool.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* For file systems that know no file without a name: with one, for a moment. */
static int open_named(const char *folder)
{
    char path[PATH_MAX];
    int len = snprintf(path, sizeof path, "%s/difystream-XXXXXX", folder);
    if (len < 0 || (size_t)len >= sizeof path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    int descriptor = mkostemp(path, O_CLOEXEC); /* 0600 */
    if (descriptor >= 0)
        unlink(path);
    return descriptor;
}

static int open_unlinked(const char *folder)
{
#ifdef O_TMPFILE
    int descriptor = open(folder, O_TMPFILE | O_RDWR | O_EXCL | O_CLOEXEC, 0600);
    /* EISDIR: a kernel, ENOENT: a libc, EOPNOTSUPP: a file system that does not know it */
    if (descriptor >= 0 || (errno != EISDIR && errno != EOPNOTSUPP && errno != ENOENT))
        return descriptor;
#endif
    return open_named(folder);
}

static enum gw_spool_err why(int error)
{
    switch (error) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        return GW_SPOOL_DISK;
    case EMFILE:
    case ENFILE:
        return GW_SPOOL_MANY;
    default:
        return GW_SPOOL_BAD;
    }
}

enum gw_spool_err gw_spooled_open(struct gw_spooled *file, struct gw_spool *spool)
{
    *file = (struct gw_spooled){.spool = spool, .descriptor = open_unlinked(spool->folder)};
    return file->descriptor >= 0 ? GW_SPOOL_OK : why(errno);
}

/* Writes all, or says why not. */
static enum gw_spool_err write_at(int descriptor, struct dify_slice bytes, uint64_t at)
{
    while (bytes.len != 0) {
        ssize_t put = pwrite(descriptor, bytes.ptr, bytes.len, (off_t)at);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return put < 0 ? why(errno) : GW_SPOOL_BAD;
        bytes.ptr += put;
        bytes.len -= (size_t)put;
        at += (uint64_t)put;
    }
    return GW_SPOOL_OK;
}

uint64_t gw_spool_left(const struct gw_spool *spool)
{
    return spool->used_bytes < spool->max_bytes ? spool->max_bytes - spool->used_bytes : 0;
}

enum gw_spool_err gw_spooled_add(struct gw_spooled *file, struct dify_slice bytes)
{
    struct gw_spool *spool = file->spool;
    assert(spool->used_bytes >= file->len);
    if (bytes.len > gw_spool_left(spool))
        return GW_SPOOL_FULL;
    enum gw_spool_err err = write_at(file->descriptor, bytes, file->len);
    if (err == GW_SPOOL_OK) {
        file->len += bytes.len;
        spool->used_bytes += bytes.len;
    }
    return err;
}

void gw_spooled_close(struct gw_spooled *file)
{
    if (file->descriptor < 0)
        return;
    close(file->descriptor);
    assert(file->spool->used_bytes >= file->len);
    file->spool->used_bytes -= file->len;
    file->len = 0;
    file->descriptor = -1;
}
