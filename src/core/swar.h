/* SPDX-License-Identifier: Apache-2.0
 *
 * swar.h: eight bytes at a time, as one word (SIMD within a register).
 */
#ifndef DIFY_CORE_SWAR_H
#define DIFY_CORE_SWAR_H

#include <stdint.h>

/* A word each byte of which is `byte`. */
#define DIFY__EACH_BYTE(byte) (UINT64_C(0x0101010101010101) * (byte))

#endif
