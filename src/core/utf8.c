/* SPDX-License-Identifier: Apache-2.0
 *
 * utf8.c: validation and repair of UTF-8.
 */
#include "core/utf8.h"

#include <string.h>

static const char replacement[3] = {'\xEF', '\xBF', '\xBD'};

size_t dify__utf8_sequence(const unsigned char *bytes, size_t len, size_t *bad)
{
    unsigned char lead = bytes[0];
    unsigned char lower = 0x80, upper = 0xBF;
    size_t need;

    *bad = 1;
    if (lead < 0x80)
        return 1;
    if (lead < 0xC2 || lead > 0xF4)
        return 0;
    if (lead < 0xE0) {
        need = 2;
    } else if (lead < 0xF0) {
        need = 3;
        if (lead == 0xE0)
            lower = 0xA0;
        else if (lead == 0xED)
            upper = 0x9F;
    } else {
        need = 4;
        if (lead == 0xF0)
            lower = 0x90;
        else if (lead == 0xF4)
            upper = 0x8F;
    }
    for (size_t i = 1; i < need; i++) {
        if (i == len || bytes[i] < lower || bytes[i] > upper) {
            *bad = i;
            return 0;
        }
        lower = 0x80;
        upper = 0xBF;
    }
    return need;
}

size_t dify__utf8_valid_length(struct dify_slice text)
{
    const unsigned char *bytes = (const unsigned char *)text.ptr;
    size_t i = 0;
    while (i < text.len) {
        uint64_t word;
        while (text.len - i >= sizeof word) {
            memcpy(&word, bytes + i, sizeof word);
            if ((word & UINT64_C(0x8080808080808080)) != 0)
                break;
            i += sizeof word;
        }
        if (i == text.len)
            break;
        size_t bad;
        size_t step = dify__utf8_sequence(bytes + i, text.len - i, &bad);
        if (step == 0)
            break;
        i += step;
    }
    return i;
}

enum dify_err dify__utf8_repair(struct dify_slice text, struct dify__buffer *out)
{
    while (text.len != 0) {
        size_t good = dify__utf8_valid_length(text);
        enum dify_err err = dify__buffer_append(out, text.ptr, good);
        if (err != DIFY_OK)
            return err;
        text.ptr += good;
        text.len -= good;
        if (text.len == 0)
            break;
        size_t bad;
        (void)dify__utf8_sequence((const unsigned char *)text.ptr, text.len, &bad);
        err = dify__buffer_append(out, replacement, sizeof replacement);
        if (err != DIFY_OK)
            return err;
        text.ptr += bad;
        text.len -= bad;
    }
    return DIFY_OK;
}

size_t dify__utf8_encode(uint32_t code, char out[4])
{
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        out[0] = (char)(0xC0 | code >> 6);
        out[1] = (char)(0x80 | (code & 0x3F));
        return 2;
    }
    if (code < 0x10000) {
        out[0] = (char)(0xE0 | code >> 12);
        out[1] = (char)(0x80 | (code >> 6 & 0x3F));
        out[2] = (char)(0x80 | (code & 0x3F));
        return 3;
    }
    out[0] = (char)(0xF0 | code >> 18);
    out[1] = (char)(0x80 | (code >> 12 & 0x3F));
    out[2] = (char)(0x80 | (code >> 6 & 0x3F));
    out[3] = (char)(0x80 | (code & 0x3F));
    return 4;
}

uint32_t dify__surrogate_at(const char *bytes, size_t len)
{
    const unsigned char *at = (const unsigned char *)bytes;
    if (len < 3 || at[0] != 0xED || (at[1] & 0xE0) != 0xA0 || (at[2] & 0xC0) != 0x80)
        return 0;
    return 0xD000 | (uint32_t)(at[1] & 0x3F) << 6 | (at[2] & 0x3F);
}

bool dify__starts_with(struct dify_slice text, struct dify_slice prefix)
{
    if (prefix.len <= text.len && memcmp(text.ptr, prefix.ptr, prefix.len) == 0)
        return true;
    if (prefix.len < 3 || prefix.len + 1 > text.len)
        return false;
    /* A prefix that ends in a high surrogate of which the text has the whole character. */
    size_t len = prefix.len - 3;
    uint32_t high = dify__surrogate_at(prefix.ptr + len, 3);
    const unsigned char *at = (const unsigned char *)text.ptr + len;
    if (high < 0xD800 || high > 0xDBFF || (at[0] & 0xF8) != 0xF0 ||
        memcmp(text.ptr, prefix.ptr, len) != 0)
        return false;
    uint32_t code = (uint32_t)(at[0] & 0x07) << 18 | (uint32_t)(at[1] & 0x3F) << 12 |
                    (uint32_t)(at[2] & 0x3F) << 6 | (at[3] & 0x3F);
    return 0xD800 + ((code - 0x10000) >> 10) == high;
}
