/* SPDX-License-Identifier: Apache-2.0
 *
 * print.h: a run's result and its events on standard output, in one form for all commands.
 */
#ifndef DIFY_CLI_PRINT_H
#define DIFY_CLI_PRINT_H

#include "difystream/result.h"

/* Prints the result: `form` "summary" for people, "jsonl" as the last line behind events,
 * {"type":"result","data":{...}}; else (also NULL) JSON, indented on a terminal and in one line
 * elsewhere. False if it could not be written. */
bool cli_print_result(const struct dify_run *run, const char *form);

/* Prints an event as one line, {"offset":...,"type":...,"data":...}: `data` is its JSON, unchanged
 * but for line ends. */
enum dify_err cli_print_event(uint64_t offset, struct dify_slice type, struct dify_slice data);

/* Says one line on standard error, as cli_complain() does. `text`, between what stands before and
 * behind it, may come from anywhere: what could move a cursor is not shown as it is. */
void cli_complain_text(const char *command, const char *before, struct dify_slice text,
                       const char *behind);

#endif
