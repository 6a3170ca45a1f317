/* SPDX-License-Identifier: Apache-2.0
 *
 * progress_text.h: the end of a text that streams, wrapped to a width.
 */
#ifndef DIFY_CLI_PROGRESS_TEXT_H
#define DIFY_CLI_PROGRESS_TEXT_H

#include "cli/terminal.h"

#include <stddef.h>

/* Bytes of the text that are kept. When it is full the older half goes. */
#define PROGRESS_TEXT_BYTES 8192

/* Lines that can be asked for. */
#define PROGRESS_TEXT_LINES 16

/* Zero-initialise. */
struct progress_text {
    size_t len;
    char bytes[PROGRESS_TEXT_BYTES];
};

void progress_text_clear(struct progress_text *text);
void progress_text_add(struct progress_text *text, struct dify_slice more);

/* Cuts the first line off `*rest`: what fits into `columns`, at a blank where there is one. */
struct dify_slice progress_wrap(const struct cli_style *style, struct dify_slice *rest,
                                size_t columns);

/* The last lines of the text, at most `max` of them (up to PROGRESS_TEXT_LINES), oldest first;
 * returns how many. They die with the next change of the text. */
size_t progress_text_lines(const struct progress_text *text, const struct cli_style *style,
                           size_t columns, struct dify_slice *lines, size_t max);

#endif
