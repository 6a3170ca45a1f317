/* SPDX-License-Identifier: Apache-2.0
 *
 * logger.h: the gateway's log, on standard error: text or JSON lines. Info shows every run's
 * milestones, debug every event.
 *
 *     2026-11-29T20:01:02.345Z info run=0190... app=label-check ended outcome=succeeded status=200
 *     {"time":"...","level":"info","run":"0190...","app":"label-check","message":"ended",...}
 *
 * What is private is never there: no key, no input, no output, no user, nothing that a user or a
 * model wrote. What comes from outside (types of events, Dify's ids) is escaped and cut. A line
 * never waits for its reader (log_queue.h); a level that is off costs a comparison.
 */
#ifndef GATEWAY_LOGGER_H
#define GATEWAY_LOGGER_H

#include "gateway/callers.h"
#include "gateway/log_queue.h"
#include "gateway/run.h"

/* As the configuration says. False for want of memory or threads. */
DIFY_MUST_CHECK bool gw_log_open(struct gateway *gateway);
void gw_log_close(struct gateway *gateway); /* after all others; waits a moment for the reader */
void gw_log_figures(struct gateway *gateway, struct gw_log_figures *out);

static inline bool gw_log_is_on(const struct gateway *gateway, enum gw_log_level level)
{
    return level <= gateway->config->log_level;
}

/* A line of its own; `run` may be NULL. */
void gw_log_note(struct gateway *gateway, enum gw_log_level level, const struct gw_run *run,
                 const char *format, ...) __attribute__((format(printf, 4, 5)));

/* ---- milestones of a run ------------------------------------------------------------------- */

void gw_log_accepted(const struct gw_run *run, enum gw_caller_kind caller);
void gw_log_joined(const struct gw_run *run, enum gw_caller_kind caller); /* by its key */
void gw_log_taken_up(const struct gw_run *run); /* from another process's store */
void gw_log_sending(struct gw_run *run);
void gw_log_started(const struct gw_run *run); /* its id at Dify is known */
void gw_log_change(const struct gw_run *run, const struct dify_follow_change *change);
void gw_log_warning(const struct gw_run *run, uint64_t offset, const char *reason);
void gw_log_end(const struct gw_run *run, const struct dify_result *result);

/* ---- the rest ------------------------------------------------------------------------------ */

void gw_log_run(const struct gw_run *run, enum gw_run_state from); /* a change of its state */
void gw_log_event(const struct gw_run *run, const struct dify_event *event);
void gw_log_answer(struct gateway *gateway, unsigned tag, int status);

/* A request was relayed to Dify. Of its path `area` is shown, the first segment: others may be
 * secrets. `status`: 0: its client left before the answer. */
struct gw_log_relay {
    const struct gw_app *app;
    const char *method;
    struct dify_slice area;
    int status;
    bool is_whole; /* its answer */
    uint64_t up_bytes, down_bytes, ms;
};
void gw_log_relayed(struct gateway *gateway, const struct gw_log_relay *relay);

/* A request may not be made with what it came with: `token` is the name of its access token, or "".
 */
void gw_log_turned_away(struct gateway *gateway, const char *token, int status, const char *code);

/* A request for a run is refused before there is one; `app` may be NULL. */
void gw_log_refused(struct gateway *gateway, const struct gw_app *app, int status,
                    const char *code);

#endif
