/* SPDX-License-Identifier: Apache-2.0
 *
 * progress.c: what a run's events and nodes change in its progress, and the plain lines.
 */
#include "cli/progress.h"

#include "cli/progress_view.h"
#include "core/slices.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum cli_progress_kind cli_progress_kind(int fd, bool is_quiet)
{
    const char *term = getenv("TERM");
    if (is_quiet)
        return CLI_PROGRESS_NONE;
    if (isatty(fd) != 1 || term == NULL || term[0] == '\0' || strcmp(term, "dumb") == 0)
        return CLI_PROGRESS_PLAIN;
    return CLI_PROGRESS_LIVE;
}

static size_t within(size_t value, size_t least, size_t most)
{
    return value < least ? least : value > most ? most : value;
}

struct cli_progress *cli_progress_new(const struct cli_progress_options *options)
{
    const struct dify_allocator *allocator = dify__allocator(options->allocator);
    struct cli_progress *progress = dify__calloc(allocator, sizeof *progress);
    if (progress == NULL)
        return NULL;
    progress->options = *options;
    progress->now_ms = options->now_ms;
    progress->pending.max = PROGRESS_PENDING_BYTES;
    progress->frame.max = PROGRESS_FRAME_BYTES;
    progress->pending.allocator = progress->frame.allocator = allocator;
    progress->rows.allocator = allocator;
    cli_progress_resize(progress, options->columns, options->rows);
    return progress;
}

void cli_progress_free(struct cli_progress *progress)
{
    if (progress == NULL)
        return;
    progress_rows_fini(&progress->rows);
    dify__buffer_fini(&progress->pending);
    dify__buffer_fini(&progress->frame);
    dify__free(dify__allocator(progress->options.allocator), progress);
}

static bool is_live(const struct cli_progress *progress)
{
    return progress->options.kind == CLI_PROGRESS_LIVE;
}

/* ---- plain lines ----------------------------------------------------------------------------- */

static void to_stream(void *ctx, const char *bytes, size_t len)
{
    fwrite(bytes, 1, len, ctx);
}

/* Begins a line with the time and a word. */
static struct progress_pen begin_plain(struct cli_progress *progress, const struct cli_sink *sink,
                                       const char *word)
{
    uint64_t ms = progress->now_ms - progress->options.now_ms;
    fprintf(progress->options.out, "%5" PRIu64 ".%" PRIu64 " s  %-10s  ", ms / 1000,
            ms % 1000 / 100, word);
    return (struct progress_pen){sink, &progress->options.style, 0};
}

static void end_plain(struct cli_progress *progress)
{
    fputc('\n', progress->options.out);
    fflush(progress->options.out);
}

/* "逐图检测 2/5 > 识别 #2": a node with what it runs in. */
static void put_path(struct progress_pen *pen, const struct progress_row *row)
{
    const struct progress_row *path[PROGRESS_DEPTH + 2];
    size_t depth = 0;
    char round[64];
    for (const struct progress_row *at = row; at != NULL && depth < PROGRESS_DEPTH + 2;
         at = at->parent)
        path[depth++] = at;
    while (depth-- > 0) {
        const struct progress_row *at = path[depth];
        progress_pen_text(pen, CLI_PLAIN, (struct dify_slice){at->title, at->title_len}, SIZE_MAX);
        round[0] = '\0';
        if (!at->is_container && at->round != 0)
            snprintf(round, sizeof round, " #%" PRIu64, at->round);
        progress_pen_chars(pen, CLI_PLAIN, round);
        if (depth != 0)
            progress_pen_chars(pen, CLI_PLAIN, " > ");
    }
}

static void plain_node(struct cli_progress *progress, const struct progress_row *row,
                       enum dify_node_change change)
{
    const struct cli_sink sink = {to_stream, progress->options.out};
    char figure[PROGRESS_FIGURE_BYTES], text[PROGRESS_FIGURE_BYTES + 16];
    const char *word = change == DIFY_NODE_STARTED   ? "started"
                       : change == DIFY_NODE_RETRIED ? "retry"
                                                     : progress_state_name(row->state);
    struct progress_pen pen = begin_plain(progress, &sink, word);
    put_path(&pen, row);
    if (row->type_len != 0) {
        progress_pen_chars(&pen, CLI_PLAIN, " (");
        progress_pen_text(&pen, CLI_PLAIN, (struct dify_slice){row->type, row->type_len}, SIZE_MAX);
        progress_pen_chars(&pen, CLI_PLAIN, ")");
    }
    if (change == DIFY_NODE_RETRIED) {
        snprintf(text, sizeof text, ", %s so far", progress_count(figure, row->retries));
        progress_pen_chars(&pen, CLI_PLAIN, text);
    }
    if (change == DIFY_NODE_FINISHED && row->seconds >= 0) {
        progress_pen_chars(&pen, CLI_PLAIN, ", ");
        progress_pen_chars(&pen, CLI_PLAIN, progress_duration(figure, row->seconds));
    }
    if (change == DIFY_NODE_FINISHED && row->tokens != 0) {
        snprintf(text, sizeof text, ", %s tokens", progress_count(figure, row->tokens));
        progress_pen_chars(&pen, CLI_PLAIN, text);
    }
    if (change != DIFY_NODE_STARTED && row->error_len != 0 && row->state != PROGRESS_SUCCEEDED) {
        progress_pen_chars(&pen, CLI_PLAIN, ": ");
        progress_pen_text(&pen, CLI_PLAIN, (struct dify_slice){row->error, row->error_len},
                          SIZE_MAX);
    }
    end_plain(progress);
}

static void plain_totals(struct cli_progress *progress)
{
    const struct cli_sink sink = {to_stream, progress->options.out};
    char figure[PROGRESS_FIGURE_BYTES], text[3 * PROGRESS_FIGURE_BYTES];
    enum progress_state state =
        progress->outcome == PROGRESS_RUNNING ? PROGRESS_UNKNOWN : progress->outcome;
    struct progress_pen pen = begin_plain(progress, &sink, progress_outcome_name(state));
    snprintf(text, sizeof text, "run, %s node%s", progress_count(figure, progress->done),
             progress->done == 1 ? "" : "s");
    progress_pen_chars(&pen, CLI_PLAIN, text);
    snprintf(text, sizeof text, ", %s token%s", progress_count(figure, progress->tokens),
             progress->tokens == 1 ? "" : "s");
    progress_pen_chars(&pen, CLI_PLAIN, text);
    if (progress->price[0] != '\0') {
        progress_pen_chars(&pen, CLI_PLAIN, ", ");
        progress_pen_chars(&pen, CLI_PLAIN, progress->price);
    }
    end_plain(progress);
}

static void say(struct cli_progress *progress, enum cli_progress_level level,
                struct dify_slice text)
{
    static const char *const words[] = {"note", "warning", "error"};
    const struct cli_sink sink = {to_stream, progress->options.out};
    if (text.len > PROGRESS_SAY_BYTES)
        text.len = PROGRESS_SAY_BYTES;
    if (is_live(progress)) {
        progress_keep_text(progress, level, text);
        return;
    }
    struct progress_pen pen = begin_plain(progress, &sink, words[level]);
    progress_pen_text(&pen, CLI_PLAIN, text, SIZE_MAX);
    end_plain(progress);
}

void cli_progress_say(struct cli_progress *progress, enum cli_progress_level level,
                      const char *text)
{
    if (progress == NULL || progress->options.kind == CLI_PROGRESS_NONE)
        return;
    say(progress, level, dify__slice(text));
    if (is_live(progress))
        progress_draw(progress, !progress->has_ended);
}

/* ---- nodes ----------------------------------------------------------------------------------- */

static void remember_error(struct cli_progress *progress, struct dify_slice error)
{
    progress->error_len = error.len < PROGRESS_ERROR_BYTES ? error.len : PROGRESS_ERROR_BYTES;
    memcpy(progress->error, error.ptr, progress->error_len);
}

static void count_end(struct cli_progress *progress, const struct progress_row *row)
{
    if (row->state == PROGRESS_PAUSED || row->is_container)
        return;
    progress->done++;
    progress->failed += row->state == PROGRESS_FAILED;
    progress->tokens += row->tokens; /* for people: it may pass 2^64 */
}

/* A node that ended without a row. */
static void finish_unseen(struct cli_progress *progress, const struct dify_node *node)
{
    struct progress_row row = {.state = progress_state_of(node->status)};
    progress_row_describe(&row, node);
    progress->unseen -= progress->unseen != 0;
    count_end(progress, &row);
    if (row.error_len != 0)
        remember_error(progress, (struct dify_slice){row.error, row.error_len});
    if (is_live(progress))
        progress_keep_rows(progress, &row);
    else
        plain_node(progress, &row, DIFY_NODE_FINISHED);
}

/* What runs from `row` up to `end` has no end that will be seen. */
static void abandon(struct cli_progress *progress, struct progress_row *row,
                    const struct progress_row *end)
{
    for (; row != end; row = row->after) {
        if (row->state != PROGRESS_RUNNING)
            continue;
        progress_rows_finish(&progress->rows, row, PROGRESS_UNKNOWN);
        row->seconds = (double)(progress->now_ms - row->started_ms) / 1000;
    }
}

static void finish_row(struct cli_progress *progress, struct progress_row *row)
{
    count_end(progress, row);
    if (row->error_len != 0)
        remember_error(progress, (struct dify_slice){row->error, row->error_len});
    if (!is_live(progress)) {
        plain_node(progress, row, DIFY_NODE_FINISHED);
        progress_rows_remove(&progress->rows, row);
    } else if (row->parent != NULL) {
        progress_rows_trim(&progress->rows, row);
    } else {
        abandon(progress, row, progress_row_beyond(row));
        progress_keep_rows(progress, row);
        progress_rows_remove(&progress->rows, row);
    }
}

static void start_row(struct cli_progress *progress, const struct dify_node *node)
{
    struct progress_row *row = progress_rows_add(&progress->rows, node, progress->now_ms);
    if (row == NULL) {
        progress->unseen++;
        return;
    }
    if (row->is_container) {
        row->rounds = progress->rounds;
        row->round = dify__slice_is(node->node_type, "loop"); /* its first round is not told */
    }
    if (!is_live(progress))
        plain_node(progress, row, DIFY_NODE_STARTED);
}

/* The end of a node tells in which round it ran. */
static void take_round(struct cli_progress *progress, struct progress_row *row)
{
    if (row->parent == NULL || row->is_container)
        return;
    bool is_loop = row->parent->type_len == 4 && memcmp(row->parent->type, "loop", 4) == 0;
    uint64_t round = is_loop ? progress->loop_round : progress->iteration_round;
    if (round != 0)
        row->round = round;
}

void cli_progress_node(struct cli_progress *progress, const struct dify_node *node,
                       enum dify_node_change change)
{
    if (progress == NULL || progress->options.kind == CLI_PROGRESS_NONE || progress->has_ended)
        return;
    if (change == DIFY_NODE_STARTED) {
        start_row(progress, node);
        return;
    }
    struct progress_row *row = progress_rows_find(&progress->rows, node);
    if (row == NULL && progress->unseen == 0) /* its beginning was not told */
        row = progress_rows_add(&progress->rows, node, progress->now_ms);
    if (row == NULL && change == DIFY_NODE_FINISHED)
        finish_unseen(progress, node);
    if (row == NULL)
        return;
    progress_row_describe(row, node);
    take_round(progress, row);
    if (change == DIFY_NODE_FINISHED) {
        progress_rows_finish(&progress->rows, row, progress_state_of(node->status));
        finish_row(progress, row);
    } else {
        progress_row_set_error(row, progress->retry_error);
        if (!is_live(progress))
            plain_node(progress, row, change);
    }
}

/* ---- events ---------------------------------------------------------------------------------- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* The integer that a number begins with, 0 for an absent one. */
static uint64_t digits_of(struct dify_number number)
{
    uint64_t value = 0;
    for (size_t i = 0; i < number.text.len && value < UINT64_C(1000000000000000000); i++) {
        if (!is_digit(number.text.ptr[i]))
            return value;
        value = value * 10 + (uint64_t)(number.text.ptr[i] - '0');
    }
    return value;
}

/* The unsigned number of a member anywhere in a JSON text, `otherwise` if there is none. A quote
 * inside of a string is escaped, so what is found is a key (or a whole string, which no digit
 * follows). */
static uint64_t number_of(struct dify_slice json, const char *quoted_key, uint64_t otherwise)
{
    size_t key_len = strlen(quoted_key);
    for (size_t i = 0; i + key_len < json.len; i++) {
        const char *at = memchr(json.ptr + i, '"', json.len - i - key_len);
        if (at == NULL)
            return otherwise;
        i = (size_t)(at - json.ptr);
        if (memcmp(at, quoted_key, key_len) != 0)
            continue;
        size_t digit = i + key_len;
        while (digit < json.len && strchr(" \t\r\n:", json.ptr[digit]) != NULL)
            digit++;
        struct dify_number rest = {{json.ptr + digit, json.len - digit}, false};
        return rest.text.len != 0 && is_digit(*rest.text.ptr) ? digits_of(rest) : otherwise;
    }
    return otherwise;
}

/* iteration_next, loop_next */
static void next_round(struct cli_progress *progress, const struct dify_event_data *data)
{
    struct progress_row *row = progress_rows_container(&progress->rows, data->node_id);
    uint64_t round = digits_of(data->index) + 1;
    if (row != NULL && data->index.text.len != 0)
        progress_row_next_round(row, round);
}

static void show_text(struct cli_progress *progress, enum dify_event_type type,
                      struct dify_slice text)
{
    struct progress_text *shown = &progress->text;
    if (!progress->options.show_text || !is_live(progress))
        return;
    bool repeats = type == DIFY_EVENT_MESSAGE && progress->saw_agent && text.len >= shown->len &&
                   shown->len != 0 && memcmp(text.ptr, shown->bytes, shown->len) == 0;
    if (type == DIFY_EVENT_AGENT_MESSAGE)
        progress->saw_agent = true;
    if (type == DIFY_EVENT_MESSAGE_REPLACE || repeats)
        progress_text_clear(shown);
    progress_text_add(shown, text);
}

/* Says what went wrong, unless it was said before, by a node perhaps. */
static void say_error(struct cli_progress *progress, struct dify_slice error)
{
    error = progress_telling_line(error);
    bool is_known = progress->error_len != 0 && error.len >= progress->error_len &&
                    memcmp(error.ptr, progress->error, progress->error_len) == 0;
    if (error.len == 0 || is_known)
        return;
    say(progress, CLI_PROGRESS_ERROR, error);
    remember_error(progress, error);
}

/* How the run ended. */
static void take_end(struct cli_progress *progress, enum progress_state outcome,
                     struct dify_slice error, struct dify_number tokens)
{
    uint64_t total = digits_of(tokens);
    if (progress->outcome == PROGRESS_RUNNING || progress->outcome == PROGRESS_PAUSED ||
        outcome != PROGRESS_SUCCEEDED)
        progress->outcome = outcome;
    if (total != 0)
        progress->tokens = total;
    if (outcome != PROGRESS_SUCCEEDED)
        say_error(progress, error);
}

void cli_progress_event(struct cli_progress *progress, const struct dify_event *event)
{
    const struct dify_number none = {{NULL, 0}, false};
    if (progress == NULL || progress->options.kind == CLI_PROGRESS_NONE || progress->has_ended)
        return;
    const struct dify_event_data *data = &event->data;
    progress->rounds = progress->iteration_round = progress->loop_round = 0;
    progress->retry_error = (struct dify_slice){NULL, 0};
    switch (event->type) {
    case DIFY_EVENT_ITERATION_STARTED:
        progress->rounds = number_of(data->metadata, "\"iteration_length\"", 0);
        break;
    case DIFY_EVENT_LOOP_STARTED:
        progress->rounds = number_of(data->metadata, "\"loop_length\"", 0);
        break;
    case DIFY_EVENT_NODE_FINISHED:
        progress->iteration_round =
            number_of(data->execution_metadata, "\"iteration_index\"", UINT64_MAX) + 1;
        progress->loop_round =
            number_of(data->execution_metadata, "\"loop_index\"", UINT64_MAX) + 1;
        break;
    case DIFY_EVENT_NODE_RETRY:
        progress->retry_error = data->error;
        break;
    case DIFY_EVENT_ITERATION_NEXT:
    case DIFY_EVENT_LOOP_NEXT:
        next_round(progress, data);
        break;
    case DIFY_EVENT_TEXT_CHUNK:
        show_text(progress, event->type, data->text);
        break;
    case DIFY_EVENT_MESSAGE:
    case DIFY_EVENT_AGENT_MESSAGE:
    case DIFY_EVENT_MESSAGE_REPLACE:
        show_text(progress, event->type, event->answer);
        break;
    case DIFY_EVENT_WORKFLOW_FINISHED:
        take_end(progress, progress_state_of(data->status), data->error, data->total_tokens);
        break;
    case DIFY_EVENT_WORKFLOW_PAUSED:
        take_end(progress, PROGRESS_PAUSED, (struct dify_slice){NULL, 0}, none);
        break;
    case DIFY_EVENT_MESSAGE_END:
        take_end(progress, PROGRESS_SUCCEEDED, (struct dify_slice){NULL, 0},
                 event->usage.total_tokens);
        break;
    case DIFY_EVENT_ERROR:
        take_end(progress, PROGRESS_FAILED, event->message, none);
        break;
    default:
        break;
    }
}

void cli_progress_result(struct cli_progress *progress, const struct dify_result *result)
{
    if (progress == NULL || progress->options.kind == CLI_PROGRESS_NONE || progress->has_ended ||
        !result->has_ended)
        return;
    enum progress_state state = progress_state_of(result->status);
    bool tells_success = state == PROGRESS_SUCCEEDED || state == PROGRESS_UNKNOWN;
    if (tells_success)
        state = result->success ? PROGRESS_SUCCEEDED : PROGRESS_FAILED;
    progress->outcome = state;
    progress->tokens = result->total_tokens;
    if (strcmp(result->total_price, "0") != 0)
        snprintf(progress->price, sizeof progress->price, "%s %.*s", result->total_price,
                 result->currency.len < 8 ? (int)result->currency.len : 8, result->currency.ptr);
    if (!result->success)
        say_error(progress, result->message);
}

static void on_event(void *ctx, const struct dify_event *event, uint64_t offset)
{
    (void)offset;
    cli_progress_event(ctx, event);
}

static void on_node(void *ctx, const struct dify_node *node, enum dify_node_change change)
{
    cli_progress_node(ctx, node, change);
}

struct dify_run_observer cli_progress_observer(struct cli_progress *progress)
{
    return (struct dify_run_observer){.ctx = progress, .event = on_event, .node = on_node};
}

/* ---- time ------------------------------------------------------------------------------------ */

void cli_progress_time(struct cli_progress *progress, uint64_t now_ms)
{
    if (progress != NULL && now_ms > progress->now_ms)
        progress->now_ms = now_ms;
}

void cli_progress_tick(struct cli_progress *progress, uint64_t now_ms)
{
    if (progress == NULL)
        return;
    cli_progress_time(progress, now_ms);
    if (is_live(progress) && !progress->has_ended)
        progress_draw(progress, true);
}

void cli_progress_resize(struct cli_progress *progress, size_t columns, size_t rows)
{
    if (progress == NULL)
        return;
    progress->options.columns = within(columns, PROGRESS_COLUMNS_MIN, PROGRESS_COLUMNS_MAX);
    progress->options.rows = within(rows, PROGRESS_LINES_MIN, PROGRESS_LINES_MAX);
}

void cli_progress_hide(struct cli_progress *progress)
{
    if (progress != NULL && is_live(progress))
        progress_draw(progress, false);
}

void cli_progress_forget(struct cli_progress *progress)
{
    if (progress != NULL)
        progress->drawn = 0;
}

void cli_progress_end(struct cli_progress *progress)
{
    if (progress == NULL || progress->options.kind == CLI_PROGRESS_NONE || progress->has_ended)
        return;
    progress->has_ended = true;
    abandon(progress, progress->rows.first, NULL);
    while (progress->rows.first != NULL) {
        struct progress_row *row = progress->rows.first;
        const struct progress_row *beyond = progress_row_beyond(row);
        if (is_live(progress))
            progress_keep_rows(progress, row);
        for (struct progress_row *at = row; !is_live(progress) && at != beyond; at = at->after)
            plain_node(progress, at, DIFY_NODE_FINISHED);
        progress_rows_remove(&progress->rows, row);
    }
    if (is_live(progress)) {
        progress_keep_totals(progress);
        progress_draw(progress, false);
    } else {
        plain_totals(progress);
    }
}
