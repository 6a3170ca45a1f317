/* SPDX-License-Identifier: Apache-2.0
 *
 * outcome.h: the table of docs/result.md: how each end of a run is told.
 */
#ifndef DIFY_CORE_OUTCOME_H
#define DIFY_CORE_OUTCOME_H

#include "difystream/result.h"

struct dify__outcome_row {
    const char *error; /* NULL: made from the run's status */
    const char *code;  /* NULL: made from the run's status, or Dify's own */
    int exit_status;
    int http_status; /* 0: Dify's own */
};

const struct dify__outcome_row *dify__outcome_row(enum dify_outcome outcome);

#endif
