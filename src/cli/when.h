/* SPDX-License-Identifier: Apache-2.0
 *
 * when.h: a moment as people give it on a command line.
 */
#ifndef DIFY_CLI_WHEN_H
#define DIFY_CLI_WHEN_H

#include <stdbool.h>
#include <stdint.h>

/* Reads "2h" (ago; also s, m, d, w), "2026-08-01", or "2026-08-01T14:30", with seconds and their
 * fraction or without, and with "Z" or an offset such as "+09:00"; without one it is the user's own
 * time. False if it is none of these. */
bool cli_when_read(const char *text, int64_t now_s, int64_t *out_s);

/* "2026-08-01T05:30:00Z" */
#define CLI_WHEN_BYTES 32
bool cli_when_format(int64_t when_s, char out[CLI_WHEN_BYTES]);

#endif
