/* SPDX-License-Identifier: Apache-2.0
 *
 * logger.h: the gateway's log, on standard error: text or JSON lines, never a key. Debug shows
 * every event, info every run's milestones.
 */
#ifndef GATEWAY_LOGGER_H
#define GATEWAY_LOGGER_H

#include "gateway/run.h"

/* A line of its own; `run` may be NULL. */
void gw_log_note(struct gateway *gateway, enum gw_log_level level, const struct gw_run *run,
                 const char *format, ...) __attribute__((format(printf, 4, 5)));

void gw_log_run(const struct gw_run *run, enum gw_run_state from); /* a change of its state */
void gw_log_change(const struct gw_run *run, const struct dify_follow_change *change);
void gw_log_event(const struct gw_run *run, const struct dify_event *event);

#endif
