/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_fold.c: difystream fold.
 */
#include "cli/commands.h"
#include "cli/http_head.h"
#include "cli/input.h"
#include "cli/print.h"
#include "core/slices.h"
#include "difystream/result.h"
#include "difystream/run.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FOLD_OUTPUT, FOLD_HTTP, FOLD_TTS, FOLD_ACCEPT_PARTIAL, FOLD_READ_SIZE };

const struct cli_option cli_fold_options[] = {
    [FOLD_OUTPUT] = {"output", 'o', "FORM", "json|summary",
                     "print the result as JSON (the default), or a summary for people"},
    [FOLD_HTTP] = {"http", 0, NULL, NULL,
                   "the input is an HTTP response with its head, as 'curl -i' writes it"},
    [FOLD_TTS] = {"tts", 0, "FILE", NULL, "write the audio of tts_message events to FILE"},
    [FOLD_ACCEPT_PARTIAL] = {"accept-partial", 0, NULL, NULL,
                             "take the status partial-succeeded for a success"},
    [FOLD_READ_SIZE] = CLI_READ_SIZE_OPTION,
    {NULL, 0, NULL, NULL, NULL},
};

/* What is kept of the body of an answer that is no event stream, in bytes. */
#define REFUSAL_BYTES 16384

struct fold {
    struct dify_run *run;
    FILE *tts; /* NULL: not asked for */
    bool tts_failed;
    bool is_http;
    struct cli_http http;
    size_t refusal_len;
    char refusal[REFUSAL_BYTES];
};

static void on_audio(void *ctx, struct dify_slice bytes)
{
    struct fold *fold = ctx;
    if (fold->tts != NULL && fwrite(bytes.ptr, 1, bytes.len, fold->tts) != bytes.len)
        fold->tts_failed = true;
}

static bool is_stream(const struct cli_http *http)
{
    return http->status == 200 && strcmp(http->content_type, "text/event-stream") == 0;
}

static bool on_body(void *ctx, const char *bytes, size_t len)
{
    struct fold *fold = ctx;
    if (is_stream(&fold->http))
        return dify_run_feed(fold->run, bytes, len) == DIFY_OK;
    size_t room = sizeof fold->refusal - fold->refusal_len;
    len = len < room ? len : room;
    memcpy(fold->refusal + fold->refusal_len, bytes, len);
    fold->refusal_len += len;
    return true;
}

/* Dify's own words for a refusal: {"code","message","status"}. */
static enum dify_err fail_by_answer(struct fold *fold)
{
    const struct cli_http *http = &fold->http;
    struct dify_slice body = {fold->refusal, fold->refusal_len};
    struct dify_slice code = {NULL, 0}, message = {NULL, 0};
    struct dify_decoder *decoder;
    const struct dify_event *answer;
    char text[256];
    enum dify_outcome outcome = http->status >= 500   ? DIFY_OUTCOME_HTTP_ERROR
                                : http->status >= 400 ? DIFY_OUTCOME_REFUSED
                                                      : DIFY_OUTCOME_INVALID_RESPONSE;
    int len =
        snprintf(text, sizeof text, "the answer is HTTP %d, %s, not an event stream", http->status,
                 http->content_type[0] != '\0' ? http->content_type : "without a content type");
    enum dify_err err = dify_decoder_new(NULL, &decoder);
    if (err != DIFY_OK)
        return err;
    if (http->status >= 400 && dify_decoder_decode(decoder, body, &answer, NULL) == DIFY_OK) {
        message = answer->message;
        if (outcome == DIFY_OUTCOME_REFUSED)
            code = answer->code;
    }
    if (message.len == 0)
        message = (struct dify_slice){text, (size_t)len};
    err = dify_run_fail(fold->run, outcome, code, message, http->status);
    dify_decoder_free(decoder);
    return err;
}

/* Feeds the run with all of the input. False after saying that it could not be read. `*wrong`: what
 * is wrong with the HTTP response in it, or NULL. */
static bool read_all(struct fold *fold, struct cli_input *input, const char **wrong)
{
    *wrong = NULL;
    enum dify_err err = DIFY_OK;
    long got;
    while (*wrong == NULL && err == DIFY_OK && (got = cli_input_read(input)) != 0) {
        if (got < 0)
            return false;
        if (fold->is_http)
            *wrong = cli_http_feed(&fold->http, input->bytes, (size_t)got, on_body, fold);
        else
            err = dify_run_feed(fold->run, input->bytes, (size_t)got);
    }
    if (fold->is_http && *wrong == NULL)
        *wrong = cli_http_end(&fold->http, on_body, fold);
    return true;
}

/* Ends the run, by what the HTTP response says where it is no event stream. */
static enum dify_err end_run(struct fold *fold, const struct cli_input *input, const char *wrong)
{
    const struct dify_slice absent = {NULL, 0};
    enum dify_err err = DIFY_OK;
    if (wrong != NULL && wrong[0] == '\0')
        wrong = NULL; /* the run wanted no more, and says why itself */
    if (wrong != NULL)
        cli_complain("fold", "%s: %s", input->name, wrong);
    if (wrong != NULL && fold->http.status < 200)
        err =
            dify_run_fail(fold->run, DIFY_OUTCOME_INVALID_RESPONSE, absent, dify__slice(wrong), 0);
    else if (fold->is_http && !is_stream(&fold->http))
        err = fail_by_answer(fold);
    dify_run_end(fold->run);
    return err;
}

static int fold_input(struct fold *fold, struct cli_input *input, const struct cli_args *args)
{
    struct dify_result result;
    const char *wrong;
    if (!read_all(fold, input, &wrong) || end_run(fold, input, wrong) != DIFY_OK)
        return CLI_EXIT_USAGE;
    dify_run_result(fold->run, &result);
    if (result.event_count == 0 && result.skipped_events == 0 && !fold->is_http)
        cli_complain("fold", "%s holds no event; is it the body of an event stream?", input->name);
    return cli_print_result(fold->run, args->value[FOLD_OUTPUT]) ? result.exit_status
                                                                 : CLI_EXIT_USAGE;
}

static bool is_same_file(int a, int b)
{
    struct stat of_a, of_b;
    return fstat(a, &of_a) == 0 && fstat(b, &of_b) == 0 && of_a.st_dev == of_b.st_dev &&
           of_a.st_ino == of_b.st_ino && S_ISREG(of_a.st_mode);
}

/* The file is emptied only once it is known not to be the recording itself. */
static bool open_audio(struct fold *fold, const char *path, const struct cli_input *input)
{
    if (path == NULL)
        return true;
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    if (fd >= 0 && is_same_file(fd, input->fd)) {
        cli_complain("fold", "%s is the stream itself; the audio needs a file of its own", path);
        close(fd);
        return false;
    }
    if (fd >= 0)
        (void)!ftruncate(fd, 0); /* what is no regular file cannot be emptied and need not be */
    fold->tts = fd >= 0 ? fdopen(fd, "wb") : NULL;
    if (fold->tts != NULL)
        return true;
    cli_complain("fold", "cannot write %s: %s", path, strerror(errno));
    if (fd >= 0)
        close(fd);
    return false;
}

/* Closes the audio's file. False after saying that it could not be written. */
static bool close_audio(struct fold *fold, const char *path)
{
    if (fold->tts == NULL)
        return true;
    errno = 0;
    if (fclose(fold->tts) == 0 && !fold->tts_failed)
        return true;
    cli_complain("fold", "cannot write %s: %s", path, errno != 0 ? strerror(errno) : "disk full?");
    return false;
}

static uint64_t random_seed(void)
{
    uint64_t seed = 0;
    (void)!getentropy(&seed, sizeof seed); /* without one only the tables' spread is worse */
    return seed;
}

int cli_run_fold(const struct cli_args *args)
{
    static struct fold fold; /* a few buffers, too large for a small stack */
    struct cli_input input;
    struct dify_run_observer observer = {.ctx = &fold, .audio = on_audio};
    struct dify_run_options options = {.size = sizeof options,
                                       .observer = &observer,
                                       .hash_seed = random_seed(),
                                       .accept_partial = args->value[FOLD_ACCEPT_PARTIAL] != NULL};
    if (!cli_input_open(&input, "fold", args, args->value[FOLD_READ_SIZE]))
        return CLI_EXIT_USAGE;
    int status = CLI_EXIT_USAGE;
    fold.is_http = args->value[FOLD_HTTP] != NULL;
    cli_http_init(&fold.http);
    if (open_audio(&fold, args->value[FOLD_TTS], &input)) {
        enum dify_err err = dify_run_new(&options, &fold.run);
        if (err == DIFY_OK)
            status = fold_input(&fold, &input, args);
        else
            cli_complain("fold", "%s", dify_strerror(err));
        if (!close_audio(&fold, args->value[FOLD_TTS]))
            status = CLI_EXIT_USAGE;
    }
    dify_run_free(fold.run);
    cli_input_close(&input);
    return status;
}
