/* SPDX-License-Identifier: Apache-2.0
 *
 * input.h: reading a stream from a file or a pipe as it comes.
 */
#ifndef DIFY_CLI_INPUT_H
#define DIFY_CLI_INPUT_H

#include "cli/args.h"
#include "difystream/sse.h"

#include <stdbool.h>
#include <stddef.h>

/* Default and largest size of a read. */
#define CLI_READ_SIZE ((size_t)64 << 10)
#define CLI_READ_SIZE_MAX ((size_t)64 << 20)

#define CLI_READ_SIZE_OPTION                                                                       \
    {                                                                                              \
        "read-size", 0, "N", NULL, "read at most N bytes at a time (default 65536)"                \
    }

struct cli_input {
    const char *command; /* for messages */
    const char *name;    /* for messages */
    int fd;
    size_t read_size;
    char *bytes;
};

/* Opens the operand of `args`, or standard input; `read_size` is the option's value or NULL. False
 * after saying why not. */
bool cli_input_open(struct cli_input *input, const char *command, const struct cli_args *args,
                    const char *read_size);

/* Waits for the next bytes, at `input->bytes`. 0 at the end, -1 after saying what failed. */
long cli_input_read(struct cli_input *input);

/* Feeds all of the input to `sse`, handing on what its callbacks wrote after each read. `err` is
 * how making the parser went. Returns the exit status, after saying what failed. */
int cli_feed_sse(struct cli_input *input, struct dify_sse *sse, enum dify_err err);

void cli_input_close(struct cli_input *input);

#endif
