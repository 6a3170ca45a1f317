/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_upload.c: difystream upload: gives files to Dify, for runs that take them.
 */
#include "cli/asking.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/print.h"
#include "cli/terminal.h"
#include "core/slices.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { UPLOAD_USER, UPLOAD_NAME, UPLOAD_TYPE };

const struct cli_option cli_upload_options[] = {
    [UPLOAD_USER] = {"user", 'u', "USER", NULL,
                     "whom the files belong to (the user of the configuration file, else "
                     "difystream); a run takes only files of its own user"},
    [UPLOAD_NAME] = {"name", 'n', "NAME", NULL,
                     "what the file is called, where that is not the name of FILE"},
    [UPLOAD_TYPE] = {"type", 't', "TYPE", NULL,
                     "its media type, such as image/png (by its first bytes and its name)"},
    {NULL, 0, NULL, NULL, NULL},
};

/* A file on its way. */
struct upload {
    const char *path;
    int fd;
    off_t size; /* -1: unknown, and how much of it is gone as well */
    struct cli_style style;
    bool is_shown; /* there is a line of progress on the terminal */
};

/* How much has been taken of the file, in its line on the terminal. */
static void show_progress(void *ctx)
{
    struct upload *upload = ctx;
    off_t at = upload->size >= 0 ? lseek(upload->fd, 0, SEEK_CUR) : -1;
    if (at < 0)
        return;
    fprintf(stderr, "\r%8.1f of %.1f MB  ", (double)at / 1e6, (double)upload->size / 1e6);
    upload->is_shown = true;
}

static void hide_progress(struct upload *upload)
{
    if (upload->is_shown)
        fprintf(stderr, "\r%40s\r", "");
    upload->is_shown = false;
}

/* False after saying why it cannot be read. */
static bool open_file(struct upload *upload)
{
    struct stat stat;
    char why[128];
    bool is_stdin = strcmp(upload->path, "-") == 0;
    upload->fd = is_stdin ? STDIN_FILENO : open(upload->path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (upload->fd < 0) {
        snprintf(why, sizeof why, ": %s", strerror(errno));
        cli_complain_text("upload", "cannot open ", dify__slice(upload->path), why);
        return false;
    }
    upload->size = fstat(upload->fd, &stat) == 0 && S_ISREG(stat.st_mode) ? stat.st_size : -1;
    return true;
}

static void close_file(struct upload *upload)
{
    if (upload->fd > STDERR_FILENO)
        close(upload->fd);
}

/* The exit status of one file. */
static int send_file(struct cli_asking *asking, const struct cli_args *args, struct upload *upload)
{
    struct dify_file file = DIFY_FILE_INIT;
    const char *slash = strrchr(upload->path, '/');
    file.descriptor = upload->fd;
    file.name = args->value[UPLOAD_NAME];
    if (file.name == NULL)
        file.name = slash != NULL && slash[1] != '\0' ? slash + 1 : upload->path;
    file.type = args->value[UPLOAD_TYPE];
    if (isatty(STDERR_FILENO) == 1) {
        asking->tick = show_progress;
        asking->tick_ctx = upload;
    }
    int status = cli_asking_wait(
        asking, dify_upload_file(asking->app, &file, cli_user(asking, args->value[UPLOAD_USER]),
                                 cli_answered, asking, &asking->call));
    asking->tick = NULL;
    hide_progress(upload);
    if (status == CLI_EXIT_OK)
        return cli_print_line(&asking->reply);
    bool is_ours = asking->reply.http_status == 0 &&
                   asking->reply.outcome == DIFY_OUTCOME_UPLOAD_FAILED; /* it cannot be read */
    cli_asking_complain(asking, upload->path, NULL);
    return is_ours ? CLI_EXIT_USAGE : status;
}

/* Whether the next file would fare the same: the server is not there, or knows no such key. */
static bool is_hopeless(const struct cli_reply *reply)
{
    return reply->outcome != DIFY_OUTCOME_SUCCEEDED &&
           (reply->outcome != DIFY_OUTCOME_UPLOAD_FAILED || reply->http_status == 401 ||
            reply->http_status == 403 || reply->http_status == 404);
}

/* All files, also behind one that failed. The exit status is that of the first that did. */
static int send_files(struct cli_asking *asking, const struct cli_args *args)
{
    int status = CLI_EXIT_OK;
    for (size_t i = 0; i < args->operands; i++) {
        struct upload upload = {.path = args->operand[i], .fd = -1};
        int own = CLI_EXIT_USAGE;
        bool is_last = false;
        if (open_file(&upload)) {
            own = send_file(asking, args, &upload);
            close_file(&upload);
            is_last = is_hopeless(&asking->reply);
        }
        status = status == CLI_EXIT_OK ? own : status;
        if (!cli_output_flush() || is_last)
            break;
    }
    return status;
}

static bool check(const struct cli_args *args)
{
    const char *key_file = args->connection[CLI_API_KEY_FILE];
    if (!cli_need_operand("upload", args, "a file"))
        return false;
    if (args->value[UPLOAD_NAME] != NULL && args->operands > 1) {
        cli_complain("upload", "--name is of one file, not of %zu", args->operands);
        return false;
    }
    for (size_t i = 0; i < args->operands; i++) {
        if (strcmp(args->operand[i], "-") == 0 && args->value[UPLOAD_NAME] == NULL) {
            cli_complain("upload", "standard input needs a name: --name NAME");
            return false;
        }
        if (strcmp(args->operand[i], "-") == 0 && key_file != NULL && strcmp(key_file, "-") == 0) {
            cli_complain("upload", "standard input cannot hold the key and the file");
            return false;
        }
    }
    return true;
}

int cli_run_upload(const struct cli_args *args)
{
    struct cli_asking asking;
    if (!check(args) || !cli_asking_open(&asking, "upload", args))
        return CLI_EXIT_USAGE;
    int status = send_files(&asking, args);
    cli_asking_close(&asking);
    return status;
}
