/* SPDX-License-Identifier: Apache-2.0
 *
 * uuid7.h: ids of runs that are known before Dify answers (RFC 9562 section 5.7).
 */
#ifndef DIFY_CORE_UUID7_H
#define DIFY_CORE_UUID7_H

#include <stdbool.h>
#include <stdint.h>

/* 36 characters and a NUL. */
#define DIFY__UUID_SIZE 37

/* Writes the id of the Unix time `now_ms` (of which 48 bits count) and ten random bytes. Ids of
 * later milliseconds sort behind those of earlier ones. */
void dify__uuid7(uint64_t now_ms, const unsigned char random[10], char out[DIFY__UUID_SIZE]);

/* Whether `text` is of the shape of a UUID in lower case. */
bool dify__is_uuid(const char *text);

#endif
