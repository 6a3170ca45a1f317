/* SPDX-License-Identifier: Apache-2.0
 *
 * hints.h: what to do about a failure.
 */
#ifndef DIFY_CLI_HINTS_H
#define DIFY_CLI_HINTS_H

#include "difystream/result.h"

/* What helps against a failure, as the end of a line behind its message: "; is the key ...?". ""
 * where nothing is known. Static. `is_run`: a run was to be started or followed. */
const char *cli_hint(enum dify_outcome outcome, struct dify_slice code, struct dify_slice message,
                     bool is_run);

#endif
