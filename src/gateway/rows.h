/* SPDX-License-Identifier: Apache-2.0
 *
 * rows.h: rows of the store that outlive their callback.
 */
#ifndef GATEWAY_ROWS_H
#define GATEWAY_ROWS_H

#include "store/store.h"

/* In one block, to be freed with free(). */
struct gw_row {
    struct store_row row;
    unsigned char key[STORE_HASH_BYTES], digest[STORE_HASH_BYTES];
    char texts[];
};

/* NULL for want of memory. */
struct gw_row *gw_row_dup(const struct store_row *row);

#endif
