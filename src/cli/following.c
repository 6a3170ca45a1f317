/* SPDX-License-Identifier: Apache-2.0
 *
 * following.c: see following.h. Here are its beginning, the waiting, and its end.
 */
#include "cli/following.h"

#include "cli/dify.h"
#include "cli/hints.h"
#include "cli/output.h"
#include "cli/print.h"
#include "cli/signals.h"
#include "core/slices.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* A live progress is drawn so often when nothing happens, and no more often than every FRAME_MS
 * however much does; other waiting is woken by what it waits for. */
#define TICK_MS 100
#define FRAME_MS 40
#define IDLE_MS 60000

static uint64_t clock_ms(clockid_t clock)
{
    struct timespec now = {0, 0};
    (void)clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

uint64_t cli_now_ms(void)
{
    return clock_ms(CLOCK_MONOTONIC);
}

uint64_t cli_unix_now_ms(void)
{
    return clock_ms(CLOCK_REALTIME);
}

/* ---- beginning ----------------------------------------------------------------------------- */

/* A text on a terminal leaves no room for a progress on the same one. */
static enum cli_progress_kind progress_kind(const struct cli_following_options *options)
{
    bool is_text = options->output != NULL && strcmp(options->output, "text") == 0;
    return is_text && cli_stdout_is_terminal()
               ? CLI_PROGRESS_NONE
               : cli_progress_kind(STDERR_FILENO, options->is_quiet);
}

static void on_record_lost(void *ctx, const char *message)
{
    cli_following_say(ctx, CLI_PROGRESS_WARNING, message);
}

static bool open_record(struct cli_following *following)
{
    struct cli_record_error error;
    if (following->options.record == NULL ||
        cli_record_open(following->options.record, on_record_lost, following, &following->record,
                        &error))
        return true;
    cli_complain(following->options.command, "%s", error.text);
    return false;
}

bool cli_following_init(struct cli_following *following,
                        const struct cli_following_options *options,
                        const struct cli_settings *settings)
{
    memset(following, 0, sizeof *following);
    following->options = *options;
    following->settings = settings;
    following->can_write = true;
    following->body =
        (struct dify__buffer){.allocator = dify__allocator(NULL), .max = CLI_RECORD_BYTES};
    following->signals = cli_signals_open();
    if (following->signals < 0) {
        cli_complain(options->command, "cannot wait for signals: %s", strerror(errno));
        return false;
    }
    following->folder = cli_journal_folder(getenv("XDG_STATE_HOME"), getenv("HOME"));
    return cli_client_new(options->command, settings, &following->client, &following->app);
}

static void begin_progress(struct cli_following *following)
{
    struct cli_progress_options options = {.kind = progress_kind(&following->options),
                                           .out = stderr,
                                           .show_text = true,
                                           .style = cli_style_of(STDERR_FILENO),
                                           .now_ms = cli_now_ms()};
    cli_terminal_size(STDERR_FILENO, &options.columns, &options.rows);
    following->kind = options.kind;
    if (options.kind != CLI_PROGRESS_NONE)
        following->progress = cli_progress_new(&options);
}

bool cli_following_order(struct cli_following *following, const struct dify_order *order)
{
    struct dify_run_observer run;
    struct dify_follow_observer observer = cli_following_observer(following, &run);
    following->order = *order;
    if (order->blocking && following->options.record != NULL) {
        cli_complain(following->options.command,
                     "--record keeps streams, and a blocking answer is none");
        return false;
    }
    enum dify_err err = dify_follow_new(following->app, order, &observer, &following->follow);
    if (err == DIFY_OK && !open_record(following))
        return false;
    if (err == DIFY_OK) {
        begin_progress(following);
        return true;
    }
    const char *why = err == DIFY_ERR_ARGUMENT
                          ? "the user must have from 1 to 255 characters, and options must go "
                            "together"
                          : dify_strerror(err);
    cli_complain(following->options.command, "%s", why);
    return false;
}

/* ---- waiting ------------------------------------------------------------------------------- */

/* The progress draws, unless its terminal takes nothing now (Ctrl-S), for which the run is not to
 * wait. */
static void draw(struct cli_following *following, uint64_t now_ms)
{
    struct pollfd terminal = {STDERR_FILENO, POLLOUT, 0};
    if (following->kind != CLI_PROGRESS_LIVE || poll(&terminal, 1, 0) > 0)
        cli_progress_tick(following->progress, now_ms);
}

/* The command ends soon; if something holds it up, the next signal ends it. */
static void leave(struct cli_following *following)
{
    dify_follow_cancel(following->follow);
    cli_signals_release();
}

static void interrupt(struct cli_following *following)
{
    if (following->interrupts++ > 0) {
        leave(following);
        return;
    }
    if (following->was_submitted && !following->has_ended)
        cli_following_say(following, CLI_PROGRESS_WARNING,
                          dify_follow_task_id(following->follow).len != 0
                              ? "stopping the run at Dify; once more leaves it running"
                              : "the run is stopped as soon as Dify tells its id; once more leaves "
                                "it running");
    dify_follow_stop(following->follow);
}

static void take_signals(struct cli_following *following)
{
    size_t columns, rows;
    int number;
    while ((number = cli_signals_next(following->signals)) != 0) {
        if (number == SIGINT) {
            interrupt(following);
        } else if (number == SIGWINCH) {
            cli_terminal_size(STDERR_FILENO, &columns, &rows);
            cli_progress_resize(following->progress, columns, rows);
        } else if (number == SIGCONT) {
            cli_progress_forget(following->progress);
        } else {
            leave(following);
        }
    }
}

static void wait_for_end(struct cli_following *following)
{
    struct pollfd fds[] = {{dify_client_descriptor(following->client), POLLIN, 0},
                           {following->signals, POLLIN, 0}};
    int timeout = following->kind == CLI_PROGRESS_LIVE ? TICK_MS : IDLE_MS;
    uint64_t drawn_ms = 0;
    while (!following->has_ended) {
        (void)poll(fds, 2, timeout);
        take_signals(following);
        if (cli_now_ms() - drawn_ms >= FRAME_MS) {
            drawn_ms = cli_now_ms();
            draw(following, drawn_ms);
        }
        (void)dify_client_wait(following->client, 0);
        cli_following_note_ids(following);
    }
}

/* ---- the end ------------------------------------------------------------------------------- */

/* Whether the run may go on, or its end may still be learnt. */
static bool can_be_taken_up(const struct cli_following *following, const struct dify_result *result)
{
    bool is_findable =
        following->ids.run[0] != '\0' || dify_follow_kind(following->follow) == DIFY_KIND_WORKFLOW;
    switch (result->outcome) {
    case DIFY_OUTCOME_CANCELLED:
    case DIFY_OUTCOME_RUN_TIMEOUT:
    case DIFY_OUTCOME_READ_TIMEOUT:
    case DIFY_OUTCOME_RUN_LOST:
    case DIFY_OUTCOME_STREAM_INCOMPLETE: /* the key was refused, and another may not be */
    case DIFY_OUTCOME_PAUSED:
        return following->was_submitted && is_findable;
    default:
        return false;
    }
}

/* Ends that the run's own events tell, and so the progress. */
static bool is_told(const struct dify_result *result)
{
    return result->success ||
           (result->event_count > 0 && result->outcome <= DIFY_OUTCOME_OTHER_STATUS);
}

static void end_progress(struct cli_following *following, const struct dify_result *result)
{
    bool is_shown = following->progress != NULL && is_told(result);
    if (is_shown)
        cli_progress_result(following->progress, result);
    if (is_shown || result->event_count > 0)
        cli_progress_end(following->progress);
    else
        cli_progress_hide(following->progress); /* there was nothing to end */
    cli_progress_free(following->progress);
    following->progress = NULL;
    if (!is_shown && !result->success && !following->options.is_quiet)
        cli_complain_text(following->options.command, "", result->message,
                          cli_hint(result->outcome, result->code, result->message, true));
}

static bool print_result(struct cli_following *following, const struct dify_result *result)
{
    const char *form = following->options.output;
    bool is_text = form != NULL && strcmp(form, "text") == 0;
    bool ok = following->can_write;
    if (!is_text)
        ok = ok && cli_print_result(dify_follow_run(following->follow), form);
    else if (!following->has_shown_text && result->answer.len > 0)
        ok = ok && cli_output_write(NULL, result->answer.ptr, result->answer.len) == DIFY_OK;
    if (is_text && result->answer.len > 0)
        ok = ok && cli_output_write(NULL, "\n", 1) == DIFY_OK;
    following->can_write = ok && cli_output_flush();
    return following->can_write;
}

void cli_following_app(const struct cli_following *following, char out[CLI_APP_WORDS_BYTES])
{
    const char *app = following->settings->app;
    snprintf(out, CLI_APP_WORDS_BYTES, "%s%s", app != NULL ? " --app " : "",
             app != NULL ? app : "");
}

void cli_following_user(const struct cli_following *following, char out[CLI_USER_WORD_BYTES])
{
    const char *at = dify_follow_user(following->follow);
    size_t used = 0;
    out[used++] = '\'';
    for (; *at != '\0' && used + 6 < CLI_USER_WORD_BYTES; at++) {
        if (*at == '\'') {
            memcpy(out + used, "'\\'", 3);
            used += 3;
        }
        out[used++] = *at;
    }
    memcpy(out + used, "'", 2);
}

/* The last line on standard error. */
static void say_how_to_go_on(const struct cli_following *following,
                             const struct dify_result *result)
{
    const char *command = following->options.command;
    bool is_paused = result->outcome == DIFY_OUTCOME_PAUSED;
    char app[CLI_APP_WORDS_BYTES], user[CLI_USER_WORD_BYTES];
    if (following->options.is_quiet)
        return;
    cli_following_app(following, app);
    cli_following_user(following, user);
    if (is_paused && following->form_token[0] != '\0')
        cli_complain(command, "the run waits for a form: difystream form%s %s", app,
                     following->form_token);
    const char *before = is_paused                                   ? "it goes on then"
                         : result->has_ended && following->can_write ? "the run may go on at Dify"
                                                                     : "the result is kept";
    if (following->journal != NULL)
        cli_complain(command, "%s; to take it up: difystream resume %s", before, following->id);
    else if (following->ids.run[0] != '\0')
        cli_complain(command, "%s; to take it up: difystream resume%s --user %s %s", before, app,
                     user, following->ids.run);
}

static void settle_journal(struct cli_following *following, const struct dify_result *result)
{
    uint64_t now_ms = cli_unix_now_ms();
    bool stays =
        can_be_taken_up(following, result) || (following->was_submitted && !following->can_write);
    if (stays)
        say_how_to_go_on(following, result);
    if (result->outcome == DIFY_OUTCOME_PAUSED)
        cli_journal_paused(following->journal, now_ms);
    if (stays)
        cli_journal_close(following->journal);
    else
        cli_journal_end(following->journal, now_ms);
    following->journal = NULL;
}

int cli_following_finish(struct cli_following *following)
{
    struct dify_result result;
    dify_follow_start(following->follow);
    wait_for_end(following);
    dify_run_result(dify_follow_run(following->follow), &result);
    end_progress(following, &result);
    bool was_printed = print_result(following, &result);
    settle_journal(following, &result);
    return was_printed ? result.exit_status : CLI_EXIT_USAGE;
}

void cli_following_fini(struct cli_following *following)
{
    cli_progress_end(following->progress);
    cli_progress_free(following->progress);
    dify_follow_free(following->follow);
    dify_app_free(following->app);
    dify_client_free(following->client);
    (void)cli_record_close(following->record); /* what failed has been said */
    cli_journal_close(following->journal);
    dify__buffer_fini(&following->body);
    free(following->folder);
    if (following->signals >= 0)
        close(following->signals);
}
