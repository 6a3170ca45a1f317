/* SPDX-License-Identifier: Apache-2.0
 *
 * inputs.h: a run's inputs as a command line gives them.
 */
#ifndef DIFY_CLI_INPUTS_H
#define DIFY_CLI_INPUTS_H

#include "cli/args.h"
#include "core/memory.h"
#include "difystream/follow.h"

/* Ceiling of a file with inputs; a journal's record holds as much. */
#define CLI_INPUTS_BYTES ((size_t)16 << 20)

#define CLI_INPUT_OPTION                                                                           \
    {                                                                                              \
        "input", 'i', "NAME=VALUE", NULL,                                                          \
            "an input, by its form a number, true or false, JSON or text; NAME=@FILE uploads "     \
            "FILE (several of one name make a list), NAME=@@TEXT is the text @TEXT; may be "       \
            "repeated"                                                                             \
    }
#define CLI_INPUTS_OPTION                                                                          \
    {                                                                                              \
        "inputs", 0, "FILE", NULL,                                                                 \
            "read a JSON object of inputs from FILE, or from standard input if it is '-'; "        \
            "--input "                                                                             \
            "comes before it"                                                                      \
    }

struct cli_inputs {
    const char *command;      /* for messages */
    struct dify__buffer json; /* of --inputs; empty: not given */
    struct dify_field fields[CLI_GIVEN_MAX];
    size_t field_count;
    struct dify_attachment attachments[DIFY_FOLLOW_FILES];
    size_t attachment_count;
    char *names[CLI_GIVEN_MAX]; /* of both */
    size_t name_count;
};

/* Reads the options number `input` and `inputs` of a command line, whose texts must live on. False
 * after saying what is wrong: above all a file that cannot be read. Needs cli_inputs_fini() in any
 * case. */
bool cli_inputs_read(struct cli_inputs *inputs, const char *command, const struct cli_args *args,
                     size_t input, size_t file);
void cli_inputs_fini(struct cli_inputs *inputs);

/* Puts them into an order, which borrows them. */
void cli_inputs_put(const struct cli_inputs *inputs, struct dify_order *order);

#endif
