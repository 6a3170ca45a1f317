/* SPDX-License-Identifier: Apache-2.0
 *
 * progress_draw.c: the region of a live progress.
 *
 * A drawing goes up to the first line of the region, writes the lines that are to stay, then the
 * region anew, and clears what is left below. Each line is cleared to its end after it was written,
 * so nothing flickers. No line fills the last column, and wrapping is off meanwhile, so that a
 * terminal that thinks a character wider than we do still has every line on its row.
 */
#include "cli/progress_view.h"

#include "core/slices.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define TEXT_LINES_MAX 6
#define NAME_COLUMNS_MAX 40
#define SECONDS_COLUMNS 10
#define TOKENS_COLUMNS 17
#define TYPE_COLUMNS 22

static void to_frame(void *ctx, const char *bytes, size_t len)
{
    struct cli_progress *progress = ctx;
    if (dify__buffer_append(&progress->frame, bytes, len) != DIFY_OK)
        progress->frame_is_cut = true;
}

static void to_pending(void *ctx, const char *bytes, size_t len)
{
    struct cli_progress *progress = ctx;
    if (dify__buffer_append(&progress->pending, bytes, len) != DIFY_OK)
        progress->pending_is_cut = true;
}

static size_t width_of(const struct cli_progress *progress)
{
    return progress->options.columns - 1;
}

/* ---- a line ---------------------------------------------------------------------------------- */

static const char *spinner(const struct cli_progress *progress)
{
    /* U+280B U+2819 U+2839 U+2838 U+283C U+2834 U+2826 U+2827 U+2807 U+280F */
    static const char braille[10][4] = {
        "\xE2\xA0\x8B", "\xE2\xA0\x99", "\xE2\xA0\xB9", "\xE2\xA0\xB8", "\xE2\xA0\xBC",
        "\xE2\xA0\xB4", "\xE2\xA0\xA6", "\xE2\xA0\xA7", "\xE2\xA0\x87", "\xE2\xA0\x8F"};
    static const char ascii[4][2] = {"|", "/", "-", "\\"};
    uint64_t step = progress->now_ms / 100;
    return progress->options.style.has_unicode ? braille[step % 10] : ascii[step % 4];
}

static void put_mark(struct progress_pen *pen, const struct cli_progress *progress,
                     enum progress_state state)
{
    bool unicode = progress->options.style.has_unicode;
    enum cli_colour colour = CLI_YELLOW;
    const char *mark = "~";
    if (state == PROGRESS_RUNNING) {
        colour = CLI_CYAN;
        mark = spinner(progress);
    } else if (state == PROGRESS_SUCCEEDED) {
        colour = CLI_GREEN;
        mark = unicode ? "\xE2\x9C\x93" : "+"; /* U+2713 */
    } else if (state == PROGRESS_FAILED) {
        colour = CLI_RED;
        mark = unicode ? "\xE2\x9C\x97" : "x"; /* U+2717 */
    } else if (state == PROGRESS_EXCEPTION) {
        mark = "!";
    }
    progress_pen_chars(pen, colour, mark);
    progress_pen_chars(pen, CLI_PLAIN, " ");
}

static void pad_to(struct progress_pen *pen, size_t column)
{
    while (pen->used < column)
        progress_pen_chars(pen, CLI_PLAIN, " ");
}

static void put_right(struct progress_pen *pen, enum cli_colour colour, const char *text,
                      size_t columns)
{
    size_t len = strlen(text);
    size_t end = pen->used + columns;
    pad_to(pen, len < columns ? end - len : pen->used);
    progress_pen_text(pen, colour, dify__slice(text), columns);
}

/* What stands behind a title: how far a container is, which round a node is in, ... */
static void format_badges(const struct progress_row *row, bool unicode, char *round, char *more,
                          size_t size)
{
    char retries[24] = "";
    round[0] = '\0';
    if (row->is_container && row->rounds != 0)
        snprintf(round, size, " %" PRIu64 "/%" PRIu64, row->round, row->rounds);
    else if (row->round != 0)
        snprintf(round, size, " #%" PRIu64, row->round);
    if (row->retries != 0)
        snprintf(retries, sizeof retries, " %s%u", unicode ? "\xE2\x86\xBB" : "retry ",
                 (unsigned)row->retries); /* U+21BB */
    snprintf(more, size, "%s%s%s", retries, row->state > PROGRESS_EXCEPTION ? " " : "",
             row->state > PROGRESS_EXCEPTION ? progress_state_name(row->state) : "");
}

static void put_name(struct progress_pen *pen, const struct progress_row *row, size_t columns)
{
    char round[64], more[64];
    struct dify_slice title = {row->title, row->title_len};
    format_badges(row, pen->style->has_unicode, round, more, sizeof round);
    size_t badges = strlen(round) + strlen(more);
    size_t room = columns > pen->used ? columns - pen->used : 0;
    if (badges + 4 > room) { /* the title first */
        badges = 0;
        round[0] = more[0] = '\0';
    }
    progress_pen_text(pen, row->is_container ? CLI_BOLD : CLI_PLAIN, title, room - badges);
    progress_pen_chars(pen, CLI_CYAN, round);
    progress_pen_chars(pen, CLI_YELLOW, more);
}

static void put_row(struct progress_pen *pen, const struct cli_progress *progress,
                    const struct progress_row *row)
{
    char figure[PROGRESS_FIGURE_BYTES], tokens[PROGRESS_FIGURE_BYTES + 8] = "";
    size_t width = width_of(progress);
    size_t token_columns = width >= 60 ? TOKENS_COLUMNS : 0;
    size_t type_columns = width >= 76 ? TYPE_COLUMNS : 0;
    size_t name_columns = width - SECONDS_COLUMNS - token_columns - type_columns;
    size_t indent = row->depth * (width >= 40 ? 2U : 1U);
    bool is_running = row->state == PROGRESS_RUNNING;
    name_columns = name_columns < NAME_COLUMNS_MAX ? name_columns : NAME_COLUMNS_MAX;
    pad_to(pen, indent < name_columns / 2 ? indent : name_columns / 2);
    put_mark(pen, progress, row->state);
    put_name(pen, row, name_columns);
    pad_to(pen, name_columns);
    if (type_columns != 0) {
        progress_pen_chars(pen, CLI_PLAIN, " ");
        progress_pen_text(pen, CLI_DIM, (struct dify_slice){row->type, row->type_len},
                          TYPE_COLUMNS - 1);
        pad_to(pen, name_columns + type_columns);
    }
    if (is_running)
        progress_ticking(figure, progress->now_ms - row->started_ms);
    else
        progress_duration(figure, row->seconds);
    put_right(pen, is_running ? CLI_CYAN : CLI_DIM, figure, SECONDS_COLUMNS);
    if (token_columns != 0 && row->has_tokens && row->tokens != 0) {
        char count[PROGRESS_FIGURE_BYTES];
        snprintf(tokens, sizeof tokens, "%s tokens", progress_count(count, row->tokens));
        put_right(pen, CLI_DIM, tokens, TOKENS_COLUMNS);
    }
}

/* ---- lines that stay ------------------------------------------------------------------------- */

static void end_pending(struct cli_progress *progress, const struct cli_sink *sink)
{
    cli_put(sink, "\033[K\n");
    if (progress->pending_is_cut)
        progress->pending.len = progress->pending_line;
    progress->pending_is_cut = false;
    progress->pending_line = progress->pending.len;
    if (progress->pending.len > PROGRESS_PENDING_BYTES / 2)
        progress_draw(progress, false);
}

static void keep_note(struct cli_progress *progress, size_t indent, enum cli_colour colour,
                      struct dify_slice text)
{
    const struct cli_sink sink = {to_pending, progress};
    struct progress_pen pen = {&sink, &progress->options.style, 0};
    size_t width = width_of(progress);
    pad_to(&pen, indent < width / 2 ? indent : width / 2);
    progress_pen_text(&pen, colour, text, width - pen.used);
    end_pending(progress, &sink);
}

void progress_keep_rows(struct cli_progress *progress, const struct progress_row *row)
{
    const struct cli_sink sink = {to_pending, progress};
    const struct progress_row *beyond = progress_row_beyond(row);
    for (const struct progress_row *at = row; at != beyond; at = at->after) {
        struct progress_pen pen = {&sink, &progress->options.style, 0};
        size_t indent = at->depth * 2U + 2;
        put_row(&pen, progress, at);
        end_pending(progress, &sink);
        if (at->error_len != 0 && at->state != PROGRESS_SUCCEEDED)
            keep_note(progress, indent, CLI_RED, (struct dify_slice){at->error, at->error_len});
        if (at->dropped != 0) {
            char note[64];
            snprintf(note, sizeof note, "%s %u more done before these",
                     pen.style->has_unicode ? "\xE2\x80\xA6" : "...", (unsigned)at->dropped);
            keep_note(progress, indent, CLI_DIM, dify__slice(note));
        }
    }
}

void progress_keep_text(struct cli_progress *progress, enum cli_progress_level level,
                        struct dify_slice text)
{
    static const enum cli_colour colours[] = {CLI_DIM, CLI_YELLOW, CLI_RED};
    const struct cli_sink sink = {to_pending, progress};
    const struct cli_style *style = &progress->options.style;
    bool is_first = true;
    while (text.len != 0) {
        struct progress_pen pen = {&sink, style, 0};
        struct dify_slice line = progress_wrap(style, &text, width_of(progress) - 2);
        const char *mark = level == CLI_PROGRESS_NOTE ? "-" : "!";
        if (level == CLI_PROGRESS_NOTE && style->has_unicode)
            mark = "\xC2\xB7"; /* U+00B7 */
        progress_pen_chars(&pen, colours[level], is_first ? mark : " ");
        progress_pen_chars(&pen, CLI_PLAIN, " ");
        progress_pen_text(&pen, colours[level], line, width_of(progress) - 2);
        end_pending(progress, &sink);
        is_first = false;
    }
}

/* A part of the last line, behind a separator, if there is room for it. */
static void put_part(struct progress_pen *pen, size_t width, const char *text)
{
    const char *separator = pen->style->has_unicode ? " \xC2\xB7 " : " - ";
    if (pen->used + 3 + strlen(text) > width)
        return;
    progress_pen_chars(pen, CLI_DIM, separator);
    progress_pen_chars(pen, CLI_PLAIN, text);
}

static void put_totals(struct progress_pen *pen, const struct cli_progress *progress)
{
    char figure[PROGRESS_FIGURE_BYTES], part[PROGRESS_FIGURE_BYTES + 32];
    size_t width = width_of(progress);
    bool is_running = !progress->has_ended;
    uint64_t elapsed_ms = progress->now_ms - progress->options.now_ms;
    uint64_t running = progress->rows.running + progress->unseen;
    enum progress_state state = progress->outcome;
    if (is_running) {
        put_mark(pen, progress, PROGRESS_RUNNING);
        progress_pen_chars(pen, CLI_BOLD, progress_ticking(figure, elapsed_ms));
    } else {
        state = state == PROGRESS_RUNNING ? PROGRESS_UNKNOWN : state;
        snprintf(part, sizeof part, "%s %s %s", progress_outcome_name(state),
                 state == PROGRESS_UNKNOWN ? "after" : "in",
                 progress_duration(figure, (double)elapsed_ms / 1000));
        put_mark(pen, progress, state);
        progress_pen_text(pen, CLI_BOLD, dify__slice(part), width - pen->used);
    }
    snprintf(part, sizeof part, "%s node%s%s", progress_count(figure, progress->done),
             progress->done == 1 ? "" : "s", is_running ? " done" : "");
    put_part(pen, width, part);
    if (is_running && running != 0) {
        snprintf(part, sizeof part, "%s running", progress_count(figure, running));
        put_part(pen, width, part);
    }
    if (progress->failed != 0) {
        snprintf(part, sizeof part, "%s failed", progress_count(figure, progress->failed));
        put_part(pen, width, part);
    }
    if (progress->tokens != 0 || !is_running) {
        snprintf(part, sizeof part, "%s token%s", progress_count(figure, progress->tokens),
                 progress->tokens == 1 ? "" : "s");
        put_part(pen, width, part);
    }
    if (progress->price[0] != '\0')
        put_part(pen, width, progress->price);
}

void progress_keep_totals(struct cli_progress *progress)
{
    const struct cli_sink sink = {to_pending, progress};
    struct progress_pen pen = {&sink, &progress->options.style, 0};
    put_totals(&pen, progress);
    end_pending(progress, &sink);
}

/* ---- the region ------------------------------------------------------------------------------ */

static void end_line(struct cli_progress *progress, const struct progress_pen *pen)
{
    cli_put(pen->sink, "\033[K\n");
    progress->drawn++;
}

/* The rows in at most `room` lines: all that run, as far as there is room, and the latest of those
 * that have finished. */
static void draw_rows(struct cli_progress *progress, const struct cli_sink *sink, size_t room)
{
    const struct progress_rows *rows = &progress->rows;
    size_t running_room = room < rows->running ? room - 1 : rows->running;
    size_t finished = rows->count - rows->running;
    size_t finished_room = room > rows->running ? room - rows->running : 0;
    size_t skipped = finished > finished_room ? finished - finished_room : 0;
    char more[64];
    for (const struct progress_row *row = rows->first; row != NULL; row = row->after) {
        struct progress_pen pen = {sink, &progress->options.style, 0};
        size_t *left = row->state == PROGRESS_RUNNING ? &running_room : &skipped;
        bool is_shown = row->state == PROGRESS_RUNNING ? *left != 0 : *left == 0;
        *left -= *left != 0;
        if (!is_shown)
            continue;
        put_row(&pen, progress, row);
        end_line(progress, &pen);
    }
    if (room < rows->running) {
        struct progress_pen pen = {sink, &progress->options.style, 0};
        snprintf(more, sizeof more, "%s %zu more running",
                 pen.style->has_unicode ? "\xE2\x80\xA6" : "...", rows->running - (room - 1));
        progress_pen_text(&pen, CLI_DIM, dify__slice(more), width_of(progress));
        end_line(progress, &pen);
    }
}

static void draw_text(struct cli_progress *progress, const struct cli_sink *sink,
                      const struct dify_slice *lines, size_t count)
{
    const struct cli_style *style = &progress->options.style;
    for (size_t i = 0; i < count; i++) {
        struct progress_pen pen = {sink, style, 0};
        progress_pen_chars(&pen, CLI_DIM, style->has_unicode ? "\xE2\x94\x82 " : "| "); /* U+2502 */
        progress_pen_text(&pen, CLI_PLAIN, lines[i], width_of(progress) - 2);
        end_line(progress, &pen);
    }
}

/* The region is at least one line lower than the terminal is high: the cursor stands below it. */
static void draw_region(struct cli_progress *progress, const struct cli_sink *sink)
{
    struct dify_slice lines[TEXT_LINES_MAX];
    struct progress_pen pen = {sink, &progress->options.style, 0};
    size_t room = progress->options.rows - 2; /* but for the totals */
    size_t text_room = room / 3 < TEXT_LINES_MAX ? room / 3 : TEXT_LINES_MAX;
    size_t text_lines = progress_text_lines(&progress->text, &progress->options.style,
                                            width_of(progress) - 2, lines, text_room);
    if (room > text_lines)
        draw_rows(progress, sink, room - text_lines);
    draw_text(progress, sink, lines, text_lines);
    put_totals(&pen, progress);
    end_line(progress, &pen);
}

/* How many rows of `columns` the lines at `text` take: a character that does not fit into a row
 * begins the next one. Sequences take no room. */
static size_t broken_rows(const struct cli_style *style, struct dify_slice text, size_t columns)
{
    size_t rows = 0, used = 0;
    while (text.len != 0) {
        struct cli_glyph glyph = cli_next_glyph(style, text);
        if (*text.ptr == '\n') {
            rows++;
            used = glyph.columns = 0;
        } else if (*text.ptr == '\033') {
            glyph.columns = 0;
            while (glyph.len < text.len && strchr("KJhm", text.ptr[glyph.len]) == NULL)
                glyph.len++;
            glyph.len += glyph.len < text.len;
        } else if (used + glyph.columns > columns) {
            rows++;
            used = 0;
        }
        used += glyph.columns;
        text.ptr += glyph.len;
        text.len -= glyph.len;
    }
    return rows;
}

/* How many rows of the screen the region takes now. Where the terminal has become narrower since,
 * it has broken the lines anew, as most terminals do. */
static size_t drawn_rows(const struct cli_progress *progress)
{
    size_t rows = progress->drawn;
    if (rows != 0 && progress->options.columns < progress->drawn_columns &&
        !progress->frame_is_cut) {
        struct dify_slice region = {progress->frame.ptr + progress->region_at,
                                    progress->frame.len - progress->region_at};
        rows = broken_rows(&progress->options.style, region, progress->options.columns);
    }
    return rows < progress->options.rows ? rows : progress->options.rows - 1;
}

void progress_draw(struct cli_progress *progress, bool has_region)
{
    const struct cli_sink sink = {to_frame, progress};
    size_t drawn = progress->drawn;
    size_t up = drawn_rows(progress);
    char move[32];
    if (!has_region && drawn == 0 && progress->pending.len == 0)
        return;
    dify__buffer_clear(&progress->frame, PROGRESS_FRAME_BYTES);
    progress->frame_is_cut = false;
    progress->drawn = 0;
    cli_put(&sink, "\033[?25l\033[?7l\r"); /* no cursor, no wrapping */
    if (up != 0) {
        snprintf(move, sizeof move, "\033[%zuA", up);
        cli_put(&sink, move);
    }
    to_frame(progress, progress->pending.ptr, progress->pending.len);
    progress->region_at = progress->frame.len;
    if (has_region)
        draw_region(progress, &sink);
    cli_put(&sink, "\033[J\033[?7h\033[?25h");
    if (progress->frame_is_cut) { /* what is on the screen stays */
        progress->drawn = drawn;
        return;
    }
    progress->drawn_columns = progress->options.columns;
    dify__buffer_clear(&progress->pending, PROGRESS_PENDING_BYTES);
    progress->pending_line = 0;
    fwrite(progress->frame.ptr, 1, progress->frame.len, progress->options.out);
    fflush(progress->options.out);
}
