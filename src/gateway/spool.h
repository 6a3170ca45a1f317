/* SPDX-License-Identifier: Apache-2.0
 *
 * spool.h: files that are being received or sent, in unlinked temporary files under one ceiling.
 *
 * Such a file has no name, is gone when its descriptor is closed, however the process ends, and
 * can be read by nobody else.
 */
#ifndef GATEWAY_SPOOL_H
#define GATEWAY_SPOOL_H

#include "difystream/export.h"
#include "difystream/slice.h"

#include <stdbool.h>
#include <stdint.h>

/* The disk that all orders of a gateway share for the files that they hold. */
struct gw_spool {
    const char *folder;
    uint64_t max_bytes, used_bytes;
};

enum gw_spool_err {
    GW_SPOOL_OK = 0,
    GW_SPOOL_FULL, /* max_bytes */
    GW_SPOOL_DISK, /* the disk, or a quota or limit of it */
    GW_SPOOL_MANY, /* too many open files */
    GW_SPOOL_BAD   /* the folder cannot be used, or the disk fails */
};

/* One file. */
struct gw_spooled {
    struct gw_spool *spool;
    int descriptor; /* -1: none */
    uint64_t len;
};

/* An empty file. On an error `file` is one that can be closed. */
DIFY_MUST_CHECK enum gw_spool_err gw_spooled_open(struct gw_spooled *file, struct gw_spool *spool);

/* Puts bytes to its end; the descriptor stands at its start all the while. On an error none of them
 * count. */
DIFY_MUST_CHECK enum gw_spool_err gw_spooled_add(struct gw_spooled *file, struct dify_slice bytes);

/* How much more the spool takes. */
uint64_t gw_spool_left(const struct gw_spool *spool);

/* Gives back what it took of the spool. A second time does nothing. */
void gw_spooled_close(struct gw_spooled *file);

#endif
