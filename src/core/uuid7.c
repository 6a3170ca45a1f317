/* SPDX-License-Identifier: Apache-2.0
 *
 * uuid7.c: time and chance as a UUID of version 7.
 */
#include "core/uuid7.h"

#include <stddef.h>
#include <string.h>

static bool is_dash(size_t at)
{
    return at == 8 || at == 13 || at == 18 || at == 23;
}

void dify__uuid7(uint64_t now_ms, const unsigned char random[10], char out[DIFY__UUID_SIZE])
{
    static const char hex[] = "0123456789abcdef";
    unsigned char bytes[16];
    size_t at = 0;
    for (size_t i = 0; i < 6; i++)
        bytes[i] = (unsigned char)(now_ms >> (40 - 8 * i));
    memcpy(bytes + 6, random, 10);
    bytes[6] = (unsigned char)(0x70 | (bytes[6] & 0x0F)); /* version */
    bytes[8] = (unsigned char)(0x80 | (bytes[8] & 0x3F)); /* variant */
    for (size_t i = 0; i < sizeof bytes; i++) {
        if (is_dash(at))
            out[at++] = '-';
        out[at++] = hex[bytes[i] >> 4];
        out[at++] = hex[bytes[i] & 15];
    }
    out[at] = '\0';
}

bool dify__is_uuid(const char *text)
{
    for (size_t i = 0; i < DIFY__UUID_SIZE - 1; i++) {
        char c = text[i];
        if (is_dash(i) ? c != '-' : !((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
            return false;
    }
    return text[DIFY__UUID_SIZE - 1] == '\0';
}
