/* SPDX-License-Identifier: Apache-2.0
 *
 * input.c: a file or a pipe, read in pieces of a chosen size.
 */
#include "cli/input.h"

#include "cli/output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool cli_input_open(struct cli_input *input, const char *command, const struct cli_args *args,
                    const char *read_size)
{
    *input = (struct cli_input){command, "standard input", STDIN_FILENO, CLI_READ_SIZE, NULL};
    if (read_size != NULL && !cli_read_size(read_size, 1, CLI_READ_SIZE_MAX, &input->read_size)) {
        cli_complain(command, "--read-size takes a number of bytes from 1 to %zu, not '%s'",
                     CLI_READ_SIZE_MAX, read_size);
        return false;
    }
    if (args->operands != 0 && strcmp(args->operand[0], "-") != 0) {
        input->name = args->operand[0];
        input->fd = open(input->name, O_RDONLY | O_CLOEXEC);
        if (input->fd < 0) {
            cli_complain(command, "cannot open %s: %s", input->name, strerror(errno));
            return false;
        }
    } else if (isatty(STDIN_FILENO)) {
        cli_complain(command, "reading the stream from the terminal; Ctrl-D ends it");
    }
    input->bytes = malloc(input->read_size);
    if (input->bytes == NULL) {
        cli_complain(command, "out of memory");
        cli_input_close(input);
        return false;
    }
    return true;
}

long cli_input_read(struct cli_input *input)
{
    ssize_t got;
    do
        got = read(input->fd, input->bytes, input->read_size);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        cli_complain(input->command, "cannot read %s: %s", input->name, strerror(errno));
    return (long)got;
}

int cli_feed_sse(struct cli_input *input, struct dify_sse *sse, enum dify_err err)
{
    long got = 0;
    while (err == DIFY_OK && (got = cli_input_read(input)) > 0) {
        err = dify_sse_feed(sse, input->bytes, (size_t)got);
        if (!cli_output_flush())
            err = DIFY_ERR_WRITE;
    }
    if (err == DIFY_OK)
        return got < 0 ? CLI_EXIT_USAGE : CLI_EXIT_OK;
    if (err != DIFY_ERR_WRITE)
        cli_complain(input->command, "%s: %s", input->name,
                     err == DIFY_ERR_TOO_LARGE ? "an event is larger than 64 MiB"
                                               : dify_strerror(err));
    return CLI_EXIT_NO_ANSWER;
}

void cli_input_close(struct cli_input *input)
{
    free(input->bytes);
    input->bytes = NULL;
    if (input->fd > STDIN_FILENO)
        close(input->fd);
    input->fd = -1;
}
