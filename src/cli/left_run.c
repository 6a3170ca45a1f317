/* SPDX-License-Identifier: Apache-2.0
 *
 * left_run.c: see left_run.h.
 */
#include "cli/left_run.h"

#include "conf/text.h"
#include "core/slices.h"

#include <stdio.h>
#include <stdlib.h>

static void keep(char id[CLI_ID_SIZE], struct dify_slice text)
{
    if (text.len == 0 || text.len >= CLI_ID_SIZE)
        return;
    memcpy(id, text.ptr, text.len);
    id[text.len] = '\0';
}

/* What stands behind the header. */
static void read_rest(struct cli_left_run *left)
{
    struct cli_journal_reader reader;
    struct cli_journal_record record;
    cli_journal_reader_of(&reader, left->journal);
    reader.skips_bytes = true;
    while (cli_journal_next(&reader, &record)) {
        if (record.type == CLI_JOURNAL_SUBMITTING)
            left->sent_ms = record.at_ms;
        if (record.type == CLI_JOURNAL_STOPPED)
            left->was_stopped = true;
        if (record.type == CLI_JOURNAL_PAUSED) /* a stop does nothing to a pause */
            left->was_stopped = false;
        if (record.type != CLI_JOURNAL_IDS)
            continue;
        keep(left->ids.run, record.ids.workflow_run_id);
        keep(left->ids.task, record.ids.task_id);
        keep(left->ids.conversation, record.ids.conversation_id);
        keep(left->ids.message, record.ids.message_id);
    }
    cli_journal_reader_fini(&reader);
}

static bool copy(struct dify_slice text, char **out)
{
    if (text.ptr == NULL)
        return true;
    *out = conf_text_copy(text);
    return *out != NULL;
}

static bool copy_texts(struct cli_left_run *left)
{
    const struct cli_journal_header *header = &left->header;
    return copy(header->base_url, &left->base_url) && copy(header->app, &left->app) &&
           copy(header->user, &left->user) && copy(header->workflow_id, &left->workflow_id) &&
           copy(header->conversation_id, &left->conversation_id);
}

enum cli_journal_err cli_left_run_open(struct cli_left_run *left, const char *folder,
                                       const char *name, const struct cli_journal_options *options,
                                       struct cli_journal_error *error)
{
    char id[DIFY__UUID_SIZE];
    struct cli_journal_record record;
    *left = (struct cli_left_run){.journal = NULL};
    enum cli_journal_err err = cli_journal_find(folder, name, id, error);
    if (err == CLI_JOURNAL_OK)
        err = cli_journal_open(folder, id, options, &left->journal, error);
    if (err != CLI_JOURNAL_OK)
        return err;
    cli_journal_reader_of(&left->reader, left->journal);
    if (!cli_journal_next(&left->reader, &record) || record.type != CLI_JOURNAL_HEADER) {
        snprintf(error->text, sizeof error->text, "the journal of %s is damaged", id);
        err = CLI_JOURNAL_DAMAGED;
    } else {
        left->header = record.header;
        read_rest(left);
        if (!copy_texts(left)) {
            snprintf(error->text, sizeof error->text, "out of memory");
            err = CLI_JOURNAL_FAILED;
        }
    }
    if (err != CLI_JOURNAL_OK)
        cli_left_run_close(left);
    return err;
}

static enum dify_kind kind_of(struct dify_slice name)
{
    return dify__slice_is(name, "chat")         ? DIFY_KIND_CHAT
           : dify__slice_is(name, "completion") ? DIFY_KIND_COMPLETION
                                                : DIFY_KIND_WORKFLOW;
}

void cli_left_run_put(const struct cli_left_run *left, struct dify_order *order)
{
    *order = (struct dify_order){.size = sizeof *order,
                                 .kind = kind_of(left->header.kind),
                                 .workflow_id = left->workflow_id,
                                 .inputs = left->header.inputs,
                                 .user = left->user,
                                 .query = left->header.query,
                                 .conversation_id = left->conversation_id,
                                 .sent_at_s = (int64_t)(left->sent_ms / 1000),
                                 .was_stopped = left->was_stopped};
    if (left->ids.run[0] != '\0')
        order->workflow_run_id = left->ids.run;
    if (left->ids.task[0] != '\0')
        order->task_id = left->ids.task;
}

void cli_left_run_recall(const struct cli_left_run *left, struct dify_follow *follow)
{
    struct cli_journal_reader reader;
    struct cli_journal_record record;
    enum dify_err err = DIFY_OK;
    unsigned stream = 0;
    cli_journal_reader_of(&reader, left->journal);
    /* an error is the run's, and shows in its result */
    while (err == DIFY_OK && cli_journal_next(&reader, &record)) {
        if (record.type != CLI_JOURNAL_STREAM_BYTES)
            continue;
        err = dify_follow_recall(follow, record.stream != stream, record.bytes);
        stream = record.stream;
    }
    cli_journal_reader_fini(&reader);
}

struct cli_journal *cli_left_run_take(struct cli_left_run *left)
{
    struct cli_journal *journal = left->journal;
    left->journal = NULL;
    return journal;
}

void cli_left_run_close(struct cli_left_run *left)
{
    cli_journal_reader_fini(&left->reader);
    cli_journal_close(left->journal);
    free(left->base_url);
    free(left->app);
    free(left->user);
    free(left->workflow_id);
    free(left->conversation_id);
    *left = (struct cli_left_run){.journal = NULL};
}
