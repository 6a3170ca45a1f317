/* SPDX-License-Identifier: Apache-2.0
 *
 * base64.h: decoding the audio of tts_message (RFC 4648 section 4).
 */
#ifndef DIFY_CORE_BASE64_H
#define DIFY_CORE_BASE64_H

#include "core/memory.h"

/* Appends what `text` stands for to `out`. DIFY_ERR_ARGUMENT if it is no base64 (white space and
 * missing padding are none of it), `out` then being as before; DIFY_ERR_NOMEM. */
DIFY_MUST_CHECK enum dify_err dify__base64_decode(struct dify_slice text, struct dify__buffer *out);

#endif
