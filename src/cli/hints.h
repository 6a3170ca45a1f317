/* SPDX-License-Identifier: Apache-2.0
 *
 * hints.h: what to do about a failure.
 */
#ifndef DIFY_CLI_HINTS_H
#define DIFY_CLI_HINTS_H

#include "difystream/result.h"

/* What helps against a failure, as the end of a line: "; is the key ...?". "" where nothing is
 * known. Static. */
const char *cli_hint(const struct dify_result *result);

#endif
