/* SPDX-License-Identifier: Apache-2.0
 *
 * utf8.h: UTF-8 as the WHATWG Encoding Standard decodes it.
 */
#ifndef DIFY_CORE_UTF8_H
#define DIFY_CORE_UTF8_H

#include "core/memory.h"

#include <stdint.h>

/* Length of the longest prefix of `text` that is valid UTF-8. */
size_t dify__utf8_valid_length(struct dify_slice text);

/* Length of the valid sequence at `bytes`, 0 if there is none; then `*bad` is how many bytes one
 * U+FFFD stands for (Encoding Standard, "utf-8 decoder": a maximal subpart). `len` is at least 1.
 */
size_t dify__utf8_sequence(const unsigned char *bytes, size_t len, size_t *bad);

/* Appends `text` to `out`, each maximal subpart of an ill-formed sequence as U+FFFD. */
DIFY_MUST_CHECK enum dify_err dify__utf8_repair(struct dify_slice text, struct dify__buffer *out);

/* Writes code point `code` (up to U+10FFFF; a surrogate in its three-byte form) and returns its
 * length. */
size_t dify__utf8_encode(uint32_t code, char out[4]);

/* The code unit of the surrogate in three-byte form (ED A0 80 .. ED BF BF) at `bytes`, as strings
 * from JSON may hold it; 0 where there is none. */
uint32_t dify__surrogate_at(const char *bytes, size_t len);

/* Whether `text` begins with `prefix`, both taken as UTF-16: a prefix may end within a character.
 */
bool dify__starts_with(struct dify_slice text, struct dify_slice prefix);

#endif
