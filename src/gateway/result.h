/* SPDX-License-Identifier: Apache-2.0
 *
 * result.h: a run's result as the gateway answers it: docs/result.md, with `detail` of a failure
 * (what callers of other frameworks read) and `run_id`, the gateway's own, last.
 */
#ifndef GATEWAY_RESULT_H
#define GATEWAY_RESULT_H

#include "gateway/run.h"

/* The run's result becomes what `of` says, of which `result` is the view. For want of memory it has
 * none; then it is answered with 503. */
void gw_result_take(struct gw_run *run, const struct dify_run *of,
                    const struct dify_result *result);

/* A run that has failed for a reason of the gateway's own; NULL for want of memory. To be freed. */
struct dify_run *gw_result_failed(enum dify_outcome outcome, const char *code, const char *message);

/* Appends a result from the store, or of a run, as it is answered. False: no memory. */
DIFY_MUST_CHECK bool gw_result_wrap(struct dify_slice json, const char *run_id,
                                    struct dify__buffer *out);

#endif
