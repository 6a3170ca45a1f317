/* SPDX-License-Identifier: Apache-2.0
 *
 * sha256.c: see sha256.h.
 */
#include "gateway/sha256.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

/* Small pieces are put together: a call of libcrypto is dear. */
struct state {
    EVP_MD_CTX *context;
    size_t len;
    unsigned char bytes[256];
};

static struct state *new_state(void)
{
    struct state *state = malloc(sizeof *state);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    if (state == NULL || context == NULL) {
        free(state);
        EVP_MD_CTX_free(context);
        return NULL;
    }
    state->context = context;
    return state;
}

void gw_sha256_begin(struct gw_sha256 *sha)
{
    if (sha->is_off)
        return;
    if (sha->state == NULL)
        sha->state = new_state();
    struct state *state = sha->state;
    sha->has_failed = state == NULL || EVP_DigestInit_ex(state->context, EVP_sha256(), NULL) != 1;
    if (state != NULL)
        state->len = 0;
}

static void update(struct gw_sha256 *sha, const void *bytes, size_t len)
{
    struct state *state = sha->state;
    if (!sha->has_failed && len != 0)
        sha->has_failed = EVP_DigestUpdate(state->context, bytes, len) != 1;
}

static void flush(struct gw_sha256 *sha)
{
    struct state *state = sha->state;
    update(sha, state->bytes, state->len);
    state->len = 0;
}

void gw_sha256_add(struct gw_sha256 *sha, const void *bytes, size_t len)
{
    struct state *state = sha->state;
    if (sha->is_off || sha->has_failed || len == 0)
        return;
    if (len > sizeof state->bytes - state->len)
        flush(sha);
    if (len > sizeof state->bytes) {
        update(sha, bytes, len);
    } else {
        memcpy(state->bytes + state->len, bytes, len);
        state->len += len;
    }
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
    if (sha->is_off) {
        memset(digest, 0, GW_SHA256_BYTES);
        return true;
    }
    unsigned char whole[EVP_MAX_MD_SIZE];
    struct state *state = sha->state;
    if (!sha->has_failed)
        flush(sha);
    if (sha->has_failed || EVP_DigestFinal_ex(state->context, whole, NULL) != 1)
        return false;
    memcpy(digest, whole, GW_SHA256_BYTES);
    return true;
}

void gw_sha256_fini(struct gw_sha256 *sha)
{
    struct state *state = sha->state;
    if (state != NULL)
        EVP_MD_CTX_free(state->context);
    free(state);
    sha->state = NULL;
}

bool gw_sha256_of(struct dify_slice text, unsigned char digest[GW_SHA256_BYTES])
{
    struct gw_sha256 sha = {.state = NULL};
    gw_sha256_begin(&sha);
    gw_sha256_add(&sha, text.ptr, text.len);
    bool is_hashed = gw_sha256_end(&sha, digest);
    gw_sha256_fini(&sha);
    return is_hashed;
}

void gw_sha256_hex(const unsigned char *digest, size_t count, char *out)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < count; i++) {
        *out++ = digits[digest[i] >> 4];
        *out++ = digits[digest[i] & 15];
    }
    *out = '\0';
}
