/* SPDX-License-Identifier: Apache-2.0
 *
 * base64.h: decoding the audio of tts_message (RFC 4648 section 4), and writing bytes as a word
 * (section 5).
 */
#ifndef DIFY_CORE_BASE64_H
#define DIFY_CORE_BASE64_H

#include "core/memory.h"

/* Appends what `text` stands for to `out`. DIFY_ERR_ARGUMENT if it is no base64 (white space and
 * missing padding are none of it), `out` then being as before; DIFY_ERR_NOMEM. */
DIFY_MUST_CHECK enum dify_err dify__base64_decode(struct dify_slice text, struct dify__buffer *out);

/* The characters of `len` bytes without padding, but for the NUL. */
#define DIFY__BASE64_LEN(len) (((len)*4 + 2) / 3)

/* Writes them to `out` in the alphabet of addresses and file names ('-' and '_'), without padding,
 * and a NUL. */
void dify__base64_url(const unsigned char *bytes, size_t len, char *out);

#endif
