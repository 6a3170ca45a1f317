/* SPDX-License-Identifier: Apache-2.0
 *
 * signals.h: what the terminal and other processes say, as something to wait for.
 */
#ifndef DIFY_CLI_SIGNALS_H
#define DIFY_CLI_SIGNALS_H

/* From now on SIGINT, SIGTERM, SIGHUP, SIGWINCH and SIGCONT interrupt nothing: they show in the
 * descriptor that is returned, the caller's to close, or -1. Those of the first three that are
 * ignored, as nohup wants it, stay ignored. SIGPIPE is ignored: writing fails instead. Before any
 * thread is started. */
int cli_signals_open(void);

/* The next signal that came; 0: none. */
int cli_signals_next(int fd);

/* From now on a signal that ends a process ends this one at once. */
void cli_signals_release(void);

#endif
