/* SPDX-License-Identifier: Apache-2.0
 *
 * base64.c: an encoder, and a strict decoder, but for white space, which is passed over, and
 * padding, which may be missing.
 */
#include "core/base64.h"

#include <stdint.h>

static int value_of(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

enum dify_err dify__base64_decode(struct dify_slice text, struct dify__buffer *out)
{
    enum dify_err err = dify__buffer_reserve(out, text.len / 4 * 3 + 3);
    if (err != DIFY_OK)
        return err;
    char *at = out->ptr + out->len;
    uint32_t bits = 0;
    size_t digits = 0, padding = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (is_space(text.ptr[i]))
            continue;
        if (text.ptr[i] == '=') {
            padding++;
            continue;
        }
        int value = value_of(text.ptr[i]);
        if (value < 0 || padding != 0)
            return DIFY_ERR_ARGUMENT;
        bits = bits << 6 | (uint32_t)value;
        digits++;
        if (digits % 4 != 1)
            *at++ = (char)(bits >> (4 - digits % 4) % 4 * 2 & 0xFF);
    }
    if (digits % 4 == 1 || padding > 2 || (padding != 0 && (digits + padding) % 4 != 0))
        return DIFY_ERR_ARGUMENT;
    out->len = (size_t)(at - out->ptr);
    return DIFY_OK;
}

void dify__base64_url(const unsigned char *bytes, size_t len, char *out)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    uint32_t bits = 0;
    unsigned left = 0; /* of them that are not written */
    for (size_t i = 0; i < len; i++) {
        bits = (bits << 8 | bytes[i]) & 0xFFFF;
        for (left += 8; left >= 6; left -= 6)
            *out++ = digits[bits >> (left - 6) & 63];
    }
    if (left > 0)
        *out++ = digits[bits << (6 - left) & 63];
    *out = '\0';
}
