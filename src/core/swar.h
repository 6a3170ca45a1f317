/* SPDX-License-Identifier: Apache-2.0
 *
 * swar.h: eight bytes at a time, as one word (SIMD within a register).
 */
#ifndef DIFY_CORE_SWAR_H
#define DIFY_CORE_SWAR_H

#include <stddef.h>
#include <stdint.h>

/* A word each byte of which is `byte`. */
#define DIFY__EACH_BYTE(byte) (UINT64_C(0x0101010101010101) * (byte))

/* The first byte, in memory's order, of a word with a bit set in it; there must be one. */
static inline size_t dify__first_byte(uint64_t word)
{
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    return (size_t)__builtin_clzll(word) / 8;
#else
    return (size_t)__builtin_ctzll(word) / 8;
#endif
}

#endif
