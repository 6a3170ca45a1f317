/* SPDX-License-Identifier: Apache-2.0
 *
 * sha256.c: see sha256.h.
 */
#include "gateway/sha256.h"

#include <openssl/evp.h>

void gw_sha256_begin(struct gw_sha256 *sha)
{
    if (sha->state == NULL)
        sha->state = EVP_MD_CTX_new();
    sha->has_failed = sha->state == NULL || EVP_DigestInit_ex(sha->state, EVP_sha256(), NULL) != 1;
}

void gw_sha256_add(struct gw_sha256 *sha, const void *bytes, size_t len)
{
    if (!sha->has_failed && len != 0)
        sha->has_failed = EVP_DigestUpdate(sha->state, bytes, len) != 1;
}

void gw_sha256_number(struct gw_sha256 *sha, uint64_t number)
{
    unsigned char bytes[8];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (unsigned char)(number >> (56 - 8 * i));
    gw_sha256_add(sha, bytes, sizeof bytes);
}

void gw_sha256_text(struct gw_sha256 *sha, struct dify_slice text)
{
    gw_sha256_number(sha, text.ptr != NULL ? text.len : UINT64_MAX);
    if (text.ptr != NULL)
        gw_sha256_add(sha, text.ptr, text.len);
}

bool gw_sha256_end(struct gw_sha256 *sha, unsigned char digest[GW_SHA256_BYTES])
{
    unsigned char whole[EVP_MAX_MD_SIZE];
    if (sha->has_failed || EVP_DigestFinal_ex(sha->state, whole, NULL) != 1)
        return false;
    for (size_t i = 0; i < GW_SHA256_BYTES; i++)
        digest[i] = whole[i];
    return true;
}

void gw_sha256_fini(struct gw_sha256 *sha)
{
    EVP_MD_CTX_free(sha->state);
    sha->state = NULL;
}
