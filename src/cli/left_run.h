/* SPDX-License-Identifier: Apache-2.0
 *
 * left_run.h: a run that a command left behind, as its journal has it.
 *
 *     if (!cli_left_run_open(&left, "resume", folder, name)) ...
 *     cli_left_run_put(&left, &order);
 *     ... dify_follow_new() ...
 *     cli_left_run_recall(&left, follow);
 *     journal = cli_left_run_take(&left);   // to go on with
 *     cli_left_run_close(&left);
 */
#ifndef DIFY_CLI_LEFT_RUN_H
#define DIFY_CLI_LEFT_RUN_H

#include "cli/following.h"

struct cli_left_run {
    struct cli_journal *journal;      /* locked; NULL once it was taken */
    struct cli_journal_reader reader; /* holds the header's texts */
    struct cli_journal_header header;
    struct cli_following_ids ids;
    uint64_t sent_ms; /* Unix time of the request that started the run; 0: nothing was sent */
    bool was_stopped; /* as Dify has acknowledged */
    char *base_url, *app, *user, *workflow_id, *conversation_id; /* NULL: absent */
};

/* Opens the journal that `name` is for and reads all but what was streamed. `report` as in
 * cli_journal_options. On an error there is nothing to close. */
enum cli_journal_err cli_left_run_open(struct cli_left_run *left, const char *folder,
                                       const char *name, const struct cli_journal_options *options,
                                       struct cli_journal_error *error);

/* Makes the order by which the run is taken up; it borrows. */
void cli_left_run_put(const struct cli_left_run *left, struct dify_order *order);

/* Tells the follow all that was streamed. */
void cli_left_run_recall(const struct cli_left_run *left, struct dify_follow *follow);

/* The journal, now the caller's. Nothing of `left` but cli_left_run_close() may be used after it.
 */
struct cli_journal *cli_left_run_take(struct cli_left_run *left);

/* Frees all; a journal that was not taken stays as it is, unlocked. */
void cli_left_run_close(struct cli_left_run *left);

#endif
