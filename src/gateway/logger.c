/* SPDX-License-Identifier: Apache-2.0
 *
 * logger.c: see logger.h.
 */
#include "gateway/logger.h"

#include <stdarg.h>
#include <stdio.h>

void gw_log_note(struct gateway *gateway, enum gw_log_level level, const struct gw_run *run,
                 const char *format, ...)
{
    va_list args;
    char line[1024];
    if (level > gateway->config->log_level)
        return;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    fprintf(stderr, "%s%s%s\n", run != NULL ? run->id_text : "", run != NULL ? ": " : "", line);
}

void gw_log_run(const struct gw_run *run, enum gw_run_state from)
{
    gw_log_note(run->gateway, GW_LOG_DEBUG, run, "%s -> %s", gw_run_state_name(from),
                gw_run_state_name(run->state));
}

void gw_log_change(const struct gw_run *run, const struct dify_follow_change *change)
{
    gw_log_note(run->gateway, GW_LOG_INFO, run, "%s -> %s: %s: %s",
                dify_follow_state_name(change->from), dify_follow_state_name(change->to),
                dify_reason_name(change->reason), change->text);
}

void gw_log_event(const struct gw_run *run, const struct dify_event *event)
{
    gw_log_note(run->gateway, GW_LOG_DEBUG, run, "event %.*s", (int)event->name.len,
                event->name.ptr);
}
