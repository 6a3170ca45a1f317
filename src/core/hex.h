/* SPDX-License-Identifier: Apache-2.0
 *
 * hex.h: reading hexadecimal digits.
 */
#ifndef DIFY_CORE_HEX_H
#define DIFY_CORE_HEX_H

/* The value of a digit of either case; 16 for what is none. */
static inline unsigned dify__hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return (unsigned)(c - '0');
    if (c >= 'a' && c <= 'f')
        return (unsigned)(c - 'a' + 10);
    if (c >= 'A' && c <= 'F')
        return (unsigned)(c - 'A' + 10);
    return 16;
}

#endif
