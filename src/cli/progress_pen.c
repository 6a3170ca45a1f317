/* SPDX-License-Identifier: Apache-2.0
 *
 * progress_pen.c: the words and figures that both kinds of progress write.
 */
#include "cli/progress_view.h"

#include "core/slices.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void progress_pen_text(struct progress_pen *pen, enum cli_colour colour, struct dify_slice text,
                       size_t columns)
{
    if (text.len == 0)
        return;
    if (colour != CLI_PLAIN)
        cli_put_colour(pen->sink, pen->style, colour);
    pen->used += cli_put_cell(pen->sink, pen->style, text, columns, false);
    if (colour != CLI_PLAIN)
        cli_put_colour(pen->sink, pen->style, CLI_PLAIN);
}

void progress_pen_chars(struct progress_pen *pen, enum cli_colour colour, const char *text)
{
    progress_pen_text(pen, colour, dify__slice(text), SIZE_MAX);
}

/* From a minute on; further than a million hours nobody looks. */
static void format_long(char *out, uint64_t seconds)
{
    uint64_t minutes = seconds / 60;
    if (minutes < 60)
        snprintf(out, PROGRESS_FIGURE_BYTES, "%" PRIu64 "m %02" PRIu64 "s", minutes, seconds % 60);
    else if (minutes / 60 < 1000000)
        snprintf(out, PROGRESS_FIGURE_BYTES, "%" PRIu64 "h %02" PRIu64 "m", minutes / 60,
                 minutes % 60);
    else
        snprintf(out, PROGRESS_FIGURE_BYTES, "long");
}

const char *progress_duration(char out[PROGRESS_FIGURE_BYTES], double seconds)
{
    out[0] = '\0';
    if (!(seconds >= 0))
        return out;
    if (seconds < 0.0005)
        snprintf(out, PROGRESS_FIGURE_BYTES, "<1 ms");
    else if (seconds < 0.9995)
        snprintf(out, PROGRESS_FIGURE_BYTES, "%d ms", (int)(seconds * 1000 + 0.5));
    else if (seconds < 9.995)
        snprintf(out, PROGRESS_FIGURE_BYTES, "%.2f s", seconds);
    else if (seconds < 59.95)
        snprintf(out, PROGRESS_FIGURE_BYTES, "%.1f s", seconds);
    else
        format_long(out, seconds < 1e12 ? (uint64_t)(seconds + 0.5) : UINT64_C(1000000000000));
    return out;
}

const char *progress_ticking(char out[PROGRESS_FIGURE_BYTES], uint64_t ms)
{
    if (ms < 60000)
        snprintf(out, PROGRESS_FIGURE_BYTES, "%" PRIu64 ".%" PRIu64 " s", ms / 1000,
                 ms % 1000 / 100);
    else
        format_long(out, ms / 1000);
    return out;
}

const char *progress_count(char out[PROGRESS_FIGURE_BYTES], uint64_t count)
{
    char digits[24];
    size_t len = (size_t)snprintf(digits, sizeof digits, "%" PRIu64, count);
    size_t at = 0;
    for (size_t i = 0; i < len; i++) {
        if (i != 0 && (len - i) % 3 == 0)
            out[at++] = ',';
        out[at++] = digits[i];
    }
    out[at] = '\0';
    return out;
}

const char *progress_state_name(enum progress_state state)
{
    static const char *const names[] = {"running", "succeeded", "failed",    "exception",
                                        "stopped", "paused",    "unfinished"};
    return names[state];
}

const char *progress_outcome_name(enum progress_state outcome)
{
    switch (outcome) {
    case PROGRESS_EXCEPTION:
        return "partial-succeeded";
    case PROGRESS_UNKNOWN:
        return "no end seen";
    default:
        return progress_state_name(outcome);
    }
}
