/* SPDX-License-Identifier: Apache-2.0
 *
 * v1_body.h: Dify's own body of a blocking call, made from the stream of a run that has ended.
 *
 * Member by member what Dify answers, in its order and writing (spaced, ASCII): a run that failed
 * is 200 with its status, as there; a chatflow that failed is 400. What ended the run elsewhere is
 * an error of Dify's form, {"code","message","status"}, with the HTTP status that docs/result.md
 * gives it; a refusal has Dify's own code, message and status.
 */
#ifndef GATEWAY_V1_BODY_H
#define GATEWAY_V1_BODY_H

#include "core/memory.h"
#include "gateway/v1_mend.h"

/* Appends the body of a run that has ended or is paused and whose events `mend` has seen.
 * `mode` is the app's, as /info names it ("workflow", "advanced-chat", "chat", "agent-chat",
 * "agent", "completion"); absent: it is told from the events. `*http_status` is set with it.
 * False: no memory; then nothing was appended. */
DIFY_MUST_CHECK bool gw_v1_body(const struct dify_run *run, const struct gw_mend *mend,
                                struct dify_slice mode, struct dify__buffer *out, int *http_status);

#endif
