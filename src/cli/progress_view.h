/* SPDX-License-Identifier: Apache-2.0
 *
 * progress_view.h: what the files of the progress share: its state, and how it is drawn.
 */
#ifndef DIFY_CLI_PROGRESS_VIEW_H
#define DIFY_CLI_PROGRESS_VIEW_H

#include "cli/progress.h"
#include "cli/progress_rows.h"
#include "cli/progress_text.h"
#include "core/memory.h"

/* The sizes that are drawn for. */
#define PROGRESS_COLUMNS_MIN 20
#define PROGRESS_COLUMNS_MAX 400
#define PROGRESS_LINES_MIN 2
#define PROGRESS_LINES_MAX 200

/* Bytes of lines that wait for the next tick; past half of them it is drawn at once. */
#define PROGRESS_PENDING_BYTES ((size_t)64 << 10)

/* Bytes of one thing said. */
#define PROGRESS_SAY_BYTES 2048

/* Bytes of one drawing: a screen of rows, each with its title, badges and colours. */
#define PROGRESS_FRAME_BYTES ((size_t)512 << 10)

struct cli_progress {
    struct cli_progress_options options; /* columns and rows are within their limits */
    uint64_t now_ms;
    struct progress_rows rows;
    struct progress_text text;
    /* What the event at hand tells of the node it is about, 0: nothing. */
    uint64_t rounds, iteration_round, loop_round;
    struct dify_slice retry_error;

    bool saw_agent; /* an agent_message came: a later message repeats it all */

    uint64_t unseen; /* nodes that run and have no row */
    uint64_t done, failed, tokens;
    enum progress_state outcome;      /* RUNNING: not known yet */
    char error[PROGRESS_ERROR_BYTES]; /* that was shown last, so that no error is shown twice */
    size_t error_len;
    char price[DIFY_DECIMAL_TEXT_BYTES + 16]; /* with its currency; "": none that is known */
    bool has_ended;

    /* LIVE */
    struct dify__buffer pending; /* finished lines that are not on the screen yet */
    size_t pending_line;         /* where the last of them begins */
    bool pending_is_cut;         /* for want of room: that line is left out */
    struct dify__buffer frame;
    bool frame_is_cut;    /* something did not fit into the frame: it is not shown */
    size_t region_at;     /* where the region begins in the frame */
    size_t drawn;         /* lines of the region on the screen, as they were drawn */
    size_t drawn_columns; /* for a terminal of that width */
};

/* Where something is being drawn, and how far the line is filled. */
struct progress_pen {
    const struct cli_sink *sink;
    const struct cli_style *style;
    size_t used;
};

void progress_pen_text(struct progress_pen *pen, enum cli_colour colour, struct dify_slice text,
                       size_t columns);
void progress_pen_chars(struct progress_pen *pen, enum cli_colour colour, const char *text);

/* Times and counts for people: "80 ms", "2.26 s", "1m 05s", "1,234". */
#define PROGRESS_FIGURE_BYTES 32
const char *progress_duration(char out[PROGRESS_FIGURE_BYTES], double seconds);
const char *progress_ticking(char out[PROGRESS_FIGURE_BYTES], uint64_t ms);
const char *progress_count(char out[PROGRESS_FIGURE_BYTES], uint64_t count);

/* Of a node, and of a run. */
const char *progress_state_name(enum progress_state state);
const char *progress_outcome_name(enum progress_state outcome);

/* LIVE. The lines of a row and of all below it, to stay. */
void progress_keep_rows(struct cli_progress *progress, const struct progress_row *row);

/* LIVE. A line of text to stay, wrapped to the width, behind a mark. */
void progress_keep_text(struct cli_progress *progress, enum cli_progress_level level,
                        struct dify_slice text);

/* LIVE. The last line of all. */
void progress_keep_totals(struct cli_progress *progress);

/* LIVE. Puts pending lines on the screen, and below them the region, if it is to be shown. */
void progress_draw(struct cli_progress *progress, bool has_region);

#endif
