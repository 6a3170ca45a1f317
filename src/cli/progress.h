/* SPDX-License-Identifier: Apache-2.0
 *
 * progress.h: a run as people see it while it runs.
 *
 * It is told what happens (events and nodes by the observer of the fold, the rest by
 * cli_progress_say()) and what time it is; it draws to one stream, standard error. It reads no
 * clock, no environment and no terminal, and knows nothing of the network.
 *
 *     struct cli_progress_options options = {
 *         .kind = cli_progress_kind(STDERR_FILENO, is_quiet), .out = stderr, .show_text = true,
 *         .style = cli_style_of(STDERR_FILENO), .now_ms = now};
 *     cli_terminal_size(STDERR_FILENO, &options.columns, &options.rows);
 *     struct cli_progress *progress = cli_progress_new(&options);
 *     struct dify_run_observer observer = cli_progress_observer(progress);
 *     // ... some ten times a second; cli_progress_time() whenever bytes are about to be folded:
 *     cli_progress_tick(progress, now);
 *     // ... when the run has ended, before the result is printed:
 *     cli_progress_result(progress, &result);
 *     cli_progress_end(progress);
 *     cli_progress_free(progress);
 *
 * LIVE has a region at the bottom of what was printed: running nodes below their iterations and
 * loops, the last lines of the text that streams, and one line of totals. What is over scrolls up
 * and stays. After each call the cursor stands at the beginning of the line below the region, with
 * the terminal's modes and colours as they were, so that a process that is killed leaves a terminal
 * that can be used. PLAIN prints a line for each thing that happens. NONE does nothing at all.
 *
 * Every function takes NULL for `progress` and then does nothing. A run's memory here is bounded
 * whatever a server sends; for want of memory lines are left out, never more.
 */
#ifndef DIFY_CLI_PROGRESS_H
#define DIFY_CLI_PROGRESS_H

#include "cli/terminal.h"
#include "difystream/result.h"
#include "difystream/run.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct cli_progress;

enum cli_progress_kind { CLI_PROGRESS_NONE, CLI_PROGRESS_PLAIN, CLI_PROGRESS_LIVE };
enum cli_progress_level { CLI_PROGRESS_NOTE, CLI_PROGRESS_WARNING, CLI_PROGRESS_ERROR };

struct cli_progress_options {
    enum cli_progress_kind kind;
    FILE *out;            /* borrowed; must outlive the progress */
    size_t columns, rows; /* of the terminal; see cli_progress_resize() */
    struct cli_style style;
    bool show_text;  /* LIVE: the text as it streams */
    uint64_t now_ms; /* when the run began, by a clock that never goes back */

    const struct dify_allocator *allocator; /* NULL: the C library's */
};

/* The kind for descriptor `fd`: NONE if `is_quiet`, LIVE if it is a terminal that can move its
 * cursor (TERM is neither unset nor "dumb"), else PLAIN. */
enum cli_progress_kind cli_progress_kind(int fd, bool is_quiet);

/* NULL for want of memory, which the other functions take as well. `options` is copied. */
struct cli_progress *cli_progress_new(const struct cli_progress_options *options);
void cli_progress_free(struct cli_progress *progress);

/* An observer that tells `progress` of events and nodes. Who needs an observer of their own calls
 * the two functions from it. They print in PLAIN; LIVE draws at the next tick. */
struct dify_run_observer cli_progress_observer(struct cli_progress *progress);
void cli_progress_event(struct cli_progress *progress, const struct dify_event *event);
void cli_progress_node(struct cli_progress *progress, const struct dify_node *node,
                       enum dify_node_change change);

/* One line that stays. Shown at once. */
void cli_progress_say(struct cli_progress *progress, enum cli_progress_level level,
                      const char *text);

/* Sets the clock, as before bytes are folded; a time before the last one is taken as that. */
void cli_progress_time(struct cli_progress *progress, uint64_t now_ms);

/* Sets the clock. LIVE draws. */
void cli_progress_tick(struct cli_progress *progress, uint64_t now_ms);

/* The terminal has another size (SIGWINCH). Drawn at the next tick. Widths from 20 to 400 and
 * heights from 2 to 200 are drawn for; outside of them as for the nearest. */
void cli_progress_resize(struct cli_progress *progress, size_t columns, size_t rows);

/* Takes the region off the screen until the next tick, so that something else can be printed. */
void cli_progress_hide(struct cli_progress *progress);

/* What was drawn is no longer where it was, because somebody else has printed below it (a shell,
 * before SIGCONT). It stays there; the next tick draws anew. */
void cli_progress_forget(struct cli_progress *progress);

/* The run's result, for the last lines: it may have been learnt otherwise than from events. What
 * went wrong is said, unless it just was. Of a run that has not ended: does nothing. */
void cli_progress_result(struct cli_progress *progress, const struct dify_result *result);

/* The last lines: what still ran, and how it all ended as far as it was told. Nothing is drawn
 * after it but what cli_progress_say() is told. A second call does nothing. */
void cli_progress_end(struct cli_progress *progress);

#endif
