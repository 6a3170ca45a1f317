/* SPDX-License-Identifier: Apache-2.0
 *
 * journal.h: what a command has seen of a run, in a file, so that another command can go on from
 * there when this one was killed.
 *
 * A journal is one file of mode 0600 in the user's state folder, named by the run's own id. It is
 * there before the run is asked for, grows by whole records that check themselves, and is removed
 * when the run has ended. What a record says is in the file before the call returns, so that kill
 * -9 loses nothing; what stands before the POST, and the run's ids, outlive a power cut too. A
 * record that was cut is as if it had never been begun.
 *
 * The run is worth more than its journal: writing never fails the caller. When the file cannot be
 * written, that is reported once and nothing more is kept. All functions that write take NULL for a
 * journal that could not be had.
 *
 *     folder = cli_journal_folder(getenv("XDG_STATE_HOME"), getenv("HOME"));
 *     dify__uuid7(now_ms, random, header.id);
 *     err = cli_journal_create(folder, &header, &options, &journal, &error);
 *     cli_journal_submitting(journal, now_ms);
 *     ... POST ...
 *     cli_journal_stream(journal, false, now_ms);
 *     cli_journal_bytes(journal, bytes, len);   // before they are folded
 *     cli_journal_ids(journal, &ids);           // once they are known
 *     cli_journal_end(journal, now_ms);         // or cli_journal_close(), which keeps the file
 */
#ifndef DIFY_CLI_JOURNAL_H
#define DIFY_CLI_JOURNAL_H

#include "core/memory.h"
#include "core/uuid7.h"

/* Ceilings: of a file, beyond which bytes are not kept; of a record, a run's inputs included; of
 * the journals in a folder that are looked at. */
#define CLI_JOURNAL_BYTES ((size_t)64 << 20)
#define CLI_JOURNAL_RECORD_BYTES ((size_t)16 << 20)
#define CLI_JOURNALS_MAX 10000

/* A journal in which nothing was written for so long is removed when another one is created. */
#define CLI_JOURNAL_DAYS 30

enum cli_journal_err {
    CLI_JOURNAL_OK = 0,
    CLI_JOURNAL_ABSENT,    /* there is none of that name */
    CLI_JOURNAL_AMBIGUOUS, /* there are several */
    CLI_JOURNAL_LOCKED,    /* another process follows the run */
    CLI_JOURNAL_DAMAGED,   /* it does not begin as a journal does, or is of another version */
    CLI_JOURNAL_FAILED     /* a call of the system failed */
};

/* One line for a person, of every error but OK. */
struct cli_journal_error {
    char text[600];
};

/* What was asked for. Absent texts stay absent. */
struct cli_journal_header {
    char id[DIFY__UUID_SIZE]; /* the run's own */
    uint64_t created_ms;      /* Unix time */
    struct dify_slice base_url, app, kind, workflow_id, user, inputs, query, conversation_id;
};

/* What Dify calls it. */
struct cli_journal_ids {
    struct dify_slice workflow_run_id, task_id, conversation_id, message_id;
};

/* ---- writing ------------------------------------------------------------------------------- */

struct cli_journal;

struct cli_journal_options {
    uint64_t now_ms; /* Unix time, for removing what is old */
    /* Told once when the journal is given up; may be NULL. It may not close the journal. */
    void (*report)(void *ctx, const char *message);
    void *ctx;
};

/* Where journals lie: to be freed. NULL: neither is given, or no memory. A `state_home` that is no
 * complete path does not count. */
char *cli_journal_folder(const char *state_home, const char *home);

/* Creates the folder where it is not there, removes old journals in it, and creates one, locked. */
DIFY_MUST_CHECK enum cli_journal_err cli_journal_create(const char *folder,
                                                        const struct cli_journal_header *header,
                                                        const struct cli_journal_options *options,
                                                        struct cli_journal **out,
                                                        struct cli_journal_error *error);

/* Opens the journal of the run's own id, locks it, and drops a record at its end that was cut. */
DIFY_MUST_CHECK enum cli_journal_err cli_journal_open(const char *folder, const char *id,
                                                      const struct cli_journal_options *options,
                                                      struct cli_journal **out,
                                                      struct cli_journal_error *error);

void cli_journal_submitting(struct cli_journal *journal, uint64_t now_ms);
/* A stream begins; `is_resumed`: it is not that of the POST. */
void cli_journal_stream(struct cli_journal *journal, bool is_resumed, uint64_t now_ms);
/* Bytes of the stream that began last. */
void cli_journal_bytes(struct cli_journal *journal, const char *bytes, size_t len);
/* Ids that are absent stay as they were said before. */
void cli_journal_ids(struct cli_journal *journal, const struct cli_journal_ids *ids);
void cli_journal_paused(struct cli_journal *journal, uint64_t now_ms);
/* Dify has acknowledged a stop. */
void cli_journal_stopped(struct cli_journal *journal, uint64_t now_ms);

/* The run has ended and its result was handed over: the file goes, the journal is freed. */
void cli_journal_end(struct cli_journal *journal, uint64_t now_ms);

/* The run goes on, or is paused: the file stays, unlocked, the journal is freed. */
void cli_journal_close(struct cli_journal *journal);

/* ---- reading ------------------------------------------------------------------------------- */

enum cli_journal_type {
    CLI_JOURNAL_HEADER = 1, /* the first one, and only that */
    CLI_JOURNAL_SUBMITTING,
    CLI_JOURNAL_STREAM,
    CLI_JOURNAL_STREAM_BYTES,
    CLI_JOURNAL_IDS,
    CLI_JOURNAL_PAUSED,
    CLI_JOURNAL_TRUNCATED, /* later bytes were not kept: the file had become too large */
    CLI_JOURNAL_ENDED,
    CLI_JOURNAL_STOPPED
};

/* A record; slices live until the next call. */
struct cli_journal_record {
    enum cli_journal_type type;
    uint64_t at_ms;                   /* of SUBMITTING, STREAM, PAUSED, ENDED, STOPPED */
    unsigned stream;                  /* of STREAM and STREAM_BYTES: counted from 1 */
    bool is_resumed;                  /* of STREAM */
    struct dify_slice bytes;          /* of STREAM_BYTES */
    struct cli_journal_ids ids;       /* of IDS */
    struct cli_journal_header header; /* of HEADER */
};

struct cli_journal_reader {
    int fd;
    bool owns_fd;
    bool skips_bytes; /* STREAM_BYTES are neither read nor checked, only counted */
    bool is_cut;      /* at the end: bytes follow that are no whole record */
    uint64_t at;      /* behind the record at hand */
    unsigned stream;
    struct dify__buffer payload;
};

/* Begins to read the journal that is open. The reader dies before the journal. */
void cli_journal_reader_of(struct cli_journal_reader *reader, const struct cli_journal *journal);

/* Begins to read a journal without locking it: another process may be writing it. */
DIFY_MUST_CHECK enum cli_journal_err cli_journal_reader_open(struct cli_journal_reader *reader,
                                                             const char *folder, const char *id,
                                                             struct cli_journal_error *error);

/* The next whole record. False at the end. Kinds of records that are not known are passed over. */
bool cli_journal_next(struct cli_journal_reader *reader, struct cli_journal_record *record);

void cli_journal_reader_fini(struct cli_journal_reader *reader);

/* ---- all of them --------------------------------------------------------------------------- */

/* A journal in short; slices live until the callback returns. */
struct cli_journal_entry {
    struct cli_journal_header header;
    struct cli_journal_ids ids;
    bool was_submitted, is_paused, has_ended, is_truncated;
    bool is_followed; /* by a process at this moment */
    unsigned streams;
    uint64_t size_bytes;
};

/* Shows all journals, the oldest first, until the callback returns false. A folder that is not
 * there holds none; files that are no journals are passed over. */
DIFY_MUST_CHECK enum cli_journal_err
cli_journal_list(const char *folder, bool (*show)(void *ctx, const struct cli_journal_entry *entry),
                 void *ctx, struct cli_journal_error *error);

/* Finds a journal by the run's own id, by Dify's workflow_run_id, or by the beginning of either. */
DIFY_MUST_CHECK enum cli_journal_err cli_journal_find(const char *folder, const char *name,
                                                      char id[DIFY__UUID_SIZE],
                                                      struct cli_journal_error *error);

#endif
