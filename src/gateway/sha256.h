/* SPDX-License-Identifier: Apache-2.0
 *
 * sha256.h: SHA-256 over bytes that come in pieces (libcrypto's).
 *
 * Whoever hashes several texts of varying length one after the other takes gw_sha256_text(), which
 * puts the length in front: nothing can then be shifted from one text to the next.
 */
#ifndef GATEWAY_SHA256_H
#define GATEWAY_SHA256_H

#include "difystream/export.h"
#include "difystream/slice.h"

#include <stdbool.h>
#include <stdint.h>

#define GW_SHA256_BYTES 32

/* Zero-initialise it. A failure (want of memory in libcrypto) is kept until the end. */
struct gw_sha256 {
    void *state;
    bool has_failed;
    bool is_off; /* nobody will look: nothing is hashed, and the digest is zeros */
};

/* Begins anew; a state that is there is used again. */
void gw_sha256_begin(struct gw_sha256 *sha);
void gw_sha256_add(struct gw_sha256 *sha, const void *bytes, size_t len);
void gw_sha256_number(struct gw_sha256 *sha, uint64_t number);      /* eight bytes, big-endian */
void gw_sha256_text(struct gw_sha256 *sha, struct dify_slice text); /* absent is not empty */

/* False if anything failed since gw_sha256_begin(); `digest` is then untouched. */
DIFY_MUST_CHECK bool gw_sha256_end(struct gw_sha256 *sha, unsigned char digest[GW_SHA256_BYTES]);
void gw_sha256_fini(struct gw_sha256 *sha);

/* Of one text. False for want of memory. */
DIFY_MUST_CHECK bool gw_sha256_of(struct dify_slice text, unsigned char digest[GW_SHA256_BYTES]);

/* The first `count` bytes of a digest as hexadecimal digits and a NUL. */
#define GW_SHA256_HEX_BYTES (2 * GW_SHA256_BYTES + 1)
void gw_sha256_hex(const unsigned char *digest, size_t count, char *out);

#endif
