/* SPDX-License-Identifier: Apache-2.0
 *
 * progress_play.c: plays a recorded stream to the progress on standard error, by a clock of its
 * own that takes no time.
 *
 *     progress_play FOLDER [plain|live|auto] [UNTIL-MS] [step]
 *
 * FOLDER has response.body and chunks.tsv. It ticks ten times in a second of the recording's time.
 * UNTIL-MS: stops there, with the region on the screen. step: each tick waits for a byte on
 * standard input, and asks for the terminal's size before it draws.
 */
#include "cli/progress.h"

#include <inttypes.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct play {
    struct dify_run *run;
    struct cli_progress *progress;
    uint64_t now_ms, until_ms;
    bool steps;
};

static FILE *open_part(const char *folder, const char *name)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        perror(path);
        exit(2);
    }
    return file;
}

/* Lets the time pass until `ms`, ticking. */
static bool pass(struct play *play, uint64_t ms)
{
    uint64_t end = ms < play->until_ms ? ms : play->until_ms;
    for (; play->now_ms + 100 <= end; play->now_ms += 100) {
        size_t columns, rows;
        if (play->steps && getchar() == EOF)
            play->steps = false;
        cli_terminal_size(STDERR_FILENO, &columns, &rows);
        cli_progress_resize(play->progress, columns, rows);
        cli_progress_tick(play->progress, play->now_ms + 100);
    }
    return ms <= play->until_ms;
}

static int play_recording(struct play *play, const char *folder)
{
    static char bytes[1 << 22];
    FILE *body = open_part(folder, "response.body");
    FILE *chunks = open_part(folder, "chunks.tsv");
    double at_ms;
    size_t len;
    bool goes_on = true;
    while (goes_on && fscanf(chunks, "%lf %zu", &at_ms, &len) == 2) {
        goes_on = pass(play, (uint64_t)at_ms);
        if (!goes_on || len > sizeof bytes)
            break;
        len = fread(bytes, 1, len, body);
        if (dify_run_feed(play->run, bytes, len) != DIFY_OK)
            return 2;
    }
    fclose(body);
    fclose(chunks);
    if (goes_on)
        cli_progress_end(play->progress);
    else
        cli_progress_tick(play->progress, play->until_ms);
    return 0;
}

int main(int argc, char **argv)
{
    struct play play = {.until_ms = UINT64_MAX};
    struct cli_progress_options options = {.out = stderr, .show_text = true};
    const char *kind = argc > 2 ? argv[2] : "auto";
    if (argc < 2 || setlocale(LC_CTYPE, "") == NULL)
        return 2;
    options.style = cli_style_of(STDERR_FILENO);
    options.kind = cli_progress_kind(STDERR_FILENO, false);
    if (strcmp(kind, "auto") != 0)
        options.kind = strcmp(kind, "live") == 0 ? CLI_PROGRESS_LIVE : CLI_PROGRESS_PLAIN;
    if (argc > 3)
        play.until_ms = strtoull(argv[3], NULL, 10);
    play.steps = argc > 4;
    cli_terminal_size(STDERR_FILENO, &options.columns, &options.rows);
    play.progress = cli_progress_new(&options);
    struct dify_run_observer observer = cli_progress_observer(play.progress);
    struct dify_run_options run = {.size = sizeof run, .observer = &observer};
    if (dify_run_new(&run, &play.run) != DIFY_OK)
        return 2;
    int status = play_recording(&play, argv[1]);
    dify_run_free(play.run);
    cli_progress_free(play.progress);
    return status;
}
