/* SPDX-License-Identifier: Apache-2.0
 *
 * summary.h: a result for people: status, totals, nodes with a bar of their time, warnings.
 */
#ifndef DIFY_CLI_SUMMARY_H
#define DIFY_CLI_SUMMARY_H

#include "difystream/run.h"

/* Prints the summary of `run` to standard output. */
void cli_summary(const struct dify_run *run);

#endif
