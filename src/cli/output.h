/* SPDX-License-Identifier: Apache-2.0
 *
 * output.h: writing to standard output, and noticing when that fails.
 */
#ifndef DIFY_CLI_OUTPUT_H
#define DIFY_CLI_OUTPUT_H

#include "difystream/result.h"

#include <stdbool.h>

/* A dify_write_fn that writes to standard output. */
enum dify_err cli_output_write(void *ctx, const char *bytes, size_t len);

/* Hands everything on to the reader now. False if it could not be written. */
bool cli_output_flush(void);

/* The same at the end of the program, with a line on standard error if it failed. */
bool cli_output_finish(void);

#endif
