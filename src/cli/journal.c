/* SPDX-License-Identifier: Apache-2.0
 *
 * journal.c: writing a journal. Each record is one write behind the last good one.
 */
#define _DEFAULT_SOURCE /* pwritev */

#include "cli/journal.h"

#include "cli/journal_format.h"
#include "conf/file.h"
#include "conf/text.h"
#include "core/slices.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

/* Records that say what happened are still written when bytes no longer are. */
#define SMALL_RECORDS_BYTES ((size_t)32 << 20)

/* Bytes of a stream in one record. */
#define PIECE_BYTES ((size_t)1 << 20)

struct cli_journal {
    int fd; /* locked, also when the journal was given up: the run is still followed */
    char *path;
    uint64_t end; /* of what was written whole */
    bool is_off;  /* given up */
    bool is_truncated;
    struct cli_journal_options options;
};

/* ---- records ------------------------------------------------------------------------------- */

/* Nothing more is written; what stands there can still be read by others. */
static void give_up(struct cli_journal *journal, const char *what, int why)
{
    char message[600];
    journal->is_off = true;
    snprintf(message, sizeof message,
             "the run's journal %s %s: %s; if this command is killed, what it has seen since is "
             "lost",
             journal->path, what, strerror(why));
    if (journal->options.report != NULL)
        journal->options.report(journal->options.ctx, message);
}

/* Writes all of both pieces; false with errno. */
static bool write_both(int fd, uint64_t at, const void *head, size_t head_len, const void *payload,
                       size_t len)
{
    union {
        const void *given;
        void *asked; /* struct iovec knows no const */
    } base[2] = {{.given = head}, {.given = payload}};
    struct iovec pieces[2] = {{base[0].asked, head_len}, {base[1].asked, len}};
    size_t done = 0;
    while (pieces[0].iov_len + pieces[1].iov_len != 0) {
        ssize_t wrote = pwritev(fd, pieces, 2, (off_t)(at + done));
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote <= 0) {
            errno = wrote == 0 ? ENOSPC : errno;
            return false;
        }
        done += (size_t)wrote;
        for (size_t i = 0, left = (size_t)wrote; i < 2; i++) {
            size_t step = left < pieces[i].iov_len ? left : pieces[i].iov_len;
            pieces[i].iov_base = (char *)pieces[i].iov_base + step;
            pieces[i].iov_len -= step;
            left -= step;
        }
    }
    return true;
}

static void put_record(struct cli_journal *journal, enum cli_journal_type type, const void *payload,
                       size_t len)
{
    unsigned char head[CLI_JOURNAL_HEAD_BYTES];
    if (journal->is_off)
        return;
    cli_put_u32(head, (uint32_t)len);
    cli_put_u32(head + 4, cli_journal_checksum(type, payload, len));
    head[8] = (unsigned char)type;
    if (len > CLI_JOURNAL_RECORD_BYTES ||
        journal->end + len + sizeof head > CLI_JOURNAL_BYTES + SMALL_RECORDS_BYTES) {
        give_up(journal, "cannot be written", EFBIG);
    } else if (!write_both(journal->fd, journal->end, head, sizeof head, payload, len)) {
        int why = errno;
        (void)!ftruncate(journal->fd, (off_t)journal->end); /* a piece would only be passed over */
        give_up(journal, "cannot be written", why);
    } else {
        journal->end += sizeof head + len;
    }
}

/* What was written so far outlives a power cut. */
static void settle(struct cli_journal *journal)
{
    if (!journal->is_off && fdatasync(journal->fd) != 0 && errno != EINVAL && errno != EROFS)
        give_up(journal, "cannot be written", errno);
}

/* ---- fields -------------------------------------------------------------------------------- */

static enum dify_err put_field(struct dify__buffer *out, enum cli_journal_tag tag,
                               struct dify_slice text)
{
    unsigned char head[5] = {(unsigned char)tag};
    if (text.ptr == NULL)
        return DIFY_OK;
    if (text.len > CLI_JOURNAL_RECORD_BYTES)
        return DIFY_ERR_TOO_LARGE;
    cli_put_u32(head + 1, (uint32_t)text.len);
    enum dify_err err = dify__buffer_append(out, head, sizeof head);
    return err == DIFY_OK ? dify__buffer_append(out, text.ptr, text.len) : err;
}

static enum dify_err put_number(struct dify__buffer *out, enum cli_journal_tag tag, uint64_t value)
{
    unsigned char bytes[8];
    cli_put_u32(bytes, (uint32_t)value);
    cli_put_u32(bytes + 4, (uint32_t)(value >> 32));
    return put_field(out, tag, (struct dify_slice){(const char *)bytes, sizeof bytes});
}

/* A record of a time, and of a flag where it is set. */
static void put_moment(struct cli_journal *journal, enum cli_journal_type type, uint64_t now_ms,
                       bool is_resumed)
{
    if (journal == NULL)
        return;
    struct dify__buffer payload = {.allocator = dify__allocator(NULL), .max = 100};
    enum dify_err err = put_number(&payload, CLI_TAG_AT, now_ms);
    if (err == DIFY_OK && is_resumed)
        err = put_number(&payload, CLI_TAG_RESUMED, 1);
    if (err == DIFY_OK)
        put_record(journal, type, payload.ptr, payload.len);
    else if (!journal->is_off)
        give_up(journal, "cannot be written", ENOMEM);
    dify__buffer_fini(&payload);
}

static enum dify_err put_header(const struct cli_journal_header *header, struct dify__buffer *out)
{
    const struct {
        enum cli_journal_tag tag;
        struct dify_slice text;
    } fields[] = {
        {CLI_TAG_ID, dify__slice(header->id)},
        {CLI_TAG_BASE_URL, header->base_url},
        {CLI_TAG_APP, header->app},
        {CLI_TAG_KIND, header->kind},
        {CLI_TAG_WORKFLOW, header->workflow_id},
        {CLI_TAG_USER, header->user},
        {CLI_TAG_INPUTS, header->inputs},
        {CLI_TAG_QUERY, header->query},
        {CLI_TAG_CONVERSATION, header->conversation_id},
    };
    enum dify_err err = put_number(out, CLI_TAG_CREATED, header->created_ms);
    for (size_t i = 0; i < sizeof fields / sizeof fields[0] && err == DIFY_OK; i++)
        err = put_field(out, fields[i].tag, fields[i].text);
    return err;
}

/* ---- creating and opening ------------------------------------------------------------------ */

char *cli_journal_folder(const char *state_home, const char *home)
{
    if (state_home != NULL && state_home[0] == '/')
        return conf_textf("%s/difystream/runs", state_home);
    if (home != NULL && home[0] != '\0')
        return conf_textf("%s/.local/state/difystream/runs", home);
    return NULL;
}

static struct cli_journal *new_journal(int fd, const char *folder, const char *id,
                                       const struct cli_journal_options *options)
{
    struct cli_journal *journal = calloc(1, sizeof *journal);
    if (journal == NULL)
        return NULL;
    journal->fd = fd;
    journal->options = *options;
    journal->path = conf_textf("%s/%s" CLI_JOURNAL_SUFFIX, folder, id);
    if (journal->path != NULL)
        return journal;
    free(journal);
    return NULL;
}

static void free_journal(struct cli_journal *journal)
{
    close(journal->fd);
    free(journal->path);
    free(journal);
}

/* Keeps what went wrong while a journal is created, which is the call's error and no report. */
static void keep_report(void *ctx, const char *message)
{
    struct cli_journal_error *error = ctx;
    snprintf(error->text, sizeof error->text, "%s", message);
}

static enum cli_journal_err begin(struct cli_journal *journal,
                                  const struct cli_journal_header *header, int folder_fd,
                                  struct cli_journal_error *error)
{
    struct dify__buffer payload = {.allocator = dify__allocator(NULL),
                                   .max = CLI_JOURNAL_RECORD_BYTES};
    const struct cli_journal_options options = journal->options;
    enum dify_err err = put_header(header, &payload);
    journal->options.report = keep_report;
    journal->options.ctx = error;
    journal->end = CLI_JOURNAL_MAGIC_BYTES;
    if (!cli_journal_lock(journal->fd))
        give_up(journal, "cannot be locked", errno);
    else if (err != DIFY_OK)
        give_up(journal, "cannot be written", err == DIFY_ERR_NOMEM ? ENOMEM : EFBIG);
    else if (!write_both(journal->fd, 0, CLI_JOURNAL_MAGIC, CLI_JOURNAL_MAGIC_BYTES, "", 0))
        give_up(journal, "cannot be written", errno);
    else
        put_record(journal, CLI_JOURNAL_HEADER, payload.ptr, payload.len);
    settle(journal);
    (void)fsync(folder_fd);
    journal->options = options;
    dify__buffer_fini(&payload);
    return !journal->is_off ? CLI_JOURNAL_OK : CLI_JOURNAL_FAILED;
}

enum cli_journal_err cli_journal_create(const char *folder, const struct cli_journal_header *header,
                                        const struct cli_journal_options *options,
                                        struct cli_journal **out, struct cli_journal_error *error)
{
    char name[CLI_JOURNAL_NAME_SIZE];
    int folder_fd = -1;
    int fd = -1;
    if (conf_folder_make(folder))
        folder_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder_fd < 0)
        return cli_journal_system_error(error, "cannot make the folder", folder, NULL);
    cli_journal_prune(folder_fd, options->now_ms);
    snprintf(name, sizeof name, "%s" CLI_JOURNAL_SUFFIX, header->id);
    fd = openat(folder_fd, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0) {
        enum cli_journal_err err =
            cli_journal_system_error(error, "cannot create the journal", folder, name);
        close(folder_fd);
        return err;
    }
    struct cli_journal *journal = new_journal(fd, folder, header->id, options);
    enum cli_journal_err err = CLI_JOURNAL_FAILED;
    if (journal != NULL)
        err = begin(journal, header, folder_fd, error);
    else
        snprintf(error->text, sizeof error->text, "out of memory");
    if (err != CLI_JOURNAL_OK) {
        (void)unlinkat(folder_fd, name, 0);
        if (journal != NULL)
            free_journal(journal);
        else
            close(fd);
    } else {
        *out = journal;
    }
    close(folder_fd);
    return err;
}

/* Goes to the end of the last whole record. */
static enum cli_journal_err find_end(struct cli_journal *journal, struct cli_journal_error *error)
{
    struct cli_journal_reader reader;
    struct cli_journal_record record;
    bool has_header = false;
    cli_journal_reader_of(&reader, journal);
    while (cli_journal_next(&reader, &record)) {
        has_header = true;
        journal->is_truncated |= record.type == CLI_JOURNAL_TRUNCATED;
    }
    journal->end = reader.at;
    bool is_cut = reader.is_cut;
    cli_journal_reader_fini(&reader);
    if (!has_header) {
        snprintf(error->text, sizeof error->text, "%s was cut where it began: no run was sent",
                 journal->path);
        return CLI_JOURNAL_DAMAGED;
    }
    if (is_cut && ftruncate(journal->fd, (off_t)journal->end) != 0)
        return cli_journal_system_error(error, "cannot write", journal->path, NULL);
    return CLI_JOURNAL_OK;
}

enum cli_journal_err cli_journal_open(const char *folder, const char *id,
                                      const struct cli_journal_options *options,
                                      struct cli_journal **out, struct cli_journal_error *error)
{
    int fd;
    struct stat about;
    enum cli_journal_err err = cli_journal_open_file(folder, id, O_RDWR, &fd, error);
    if (err != CLI_JOURNAL_OK)
        return err;
    struct cli_journal *journal = new_journal(fd, folder, id, options);
    if (journal == NULL) {
        close(fd);
        snprintf(error->text, sizeof error->text, "out of memory");
        return CLI_JOURNAL_FAILED;
    }
    if (!cli_journal_lock(fd)) {
        snprintf(error->text, sizeof error->text, "another difystream follows the run %s", id);
        err = CLI_JOURNAL_LOCKED;
    } else if (fstat(fd, &about) == 0 && about.st_nlink == 0) { /* it ended in this moment */
        snprintf(error->text, sizeof error->text, "the run %s has ended", id);
        err = CLI_JOURNAL_ABSENT;
    } else {
        err = find_end(journal, error);
    }
    if (err == CLI_JOURNAL_OK)
        *out = journal;
    else
        free_journal(journal);
    return err;
}

/* ---- what happens to a run ----------------------------------------------------------------- */

void cli_journal_submitting(struct cli_journal *journal, uint64_t now_ms)
{
    put_moment(journal, CLI_JOURNAL_SUBMITTING, now_ms, false);
    if (journal != NULL)
        settle(journal);
}

void cli_journal_stream(struct cli_journal *journal, bool is_resumed, uint64_t now_ms)
{
    put_moment(journal, CLI_JOURNAL_STREAM, now_ms, is_resumed);
}

void cli_journal_bytes(struct cli_journal *journal, const char *bytes, size_t len)
{
    if (journal == NULL)
        return;
    while (len != 0 && !journal->is_off && !journal->is_truncated) {
        uint64_t room = journal->end + CLI_JOURNAL_HEAD_BYTES < CLI_JOURNAL_BYTES
                            ? CLI_JOURNAL_BYTES - journal->end - CLI_JOURNAL_HEAD_BYTES
                            : 0;
        size_t piece = len < PIECE_BYTES ? len : PIECE_BYTES;
        if (piece > room)
            piece = (size_t)room;
        if (piece == 0) {
            journal->is_truncated = true;
            put_record(journal, CLI_JOURNAL_TRUNCATED, "", 0);
            return;
        }
        put_record(journal, CLI_JOURNAL_STREAM_BYTES, bytes, piece);
        bytes += piece;
        len -= piece;
    }
}

void cli_journal_ids(struct cli_journal *journal, const struct cli_journal_ids *ids)
{
    if (journal == NULL)
        return;
    struct dify__buffer payload = {.allocator = dify__allocator(NULL),
                                   .max = CLI_JOURNAL_RECORD_BYTES};
    enum dify_err err = put_field(&payload, CLI_TAG_RUN, ids->workflow_run_id);
    if (err == DIFY_OK)
        err = put_field(&payload, CLI_TAG_TASK, ids->task_id);
    if (err == DIFY_OK)
        err = put_field(&payload, CLI_TAG_CONVERSATION, ids->conversation_id);
    if (err == DIFY_OK)
        err = put_field(&payload, CLI_TAG_MESSAGE, ids->message_id);
    if (err == DIFY_OK)
        put_record(journal, CLI_JOURNAL_IDS, payload.ptr != NULL ? payload.ptr : "", payload.len);
    else if (!journal->is_off)
        give_up(journal, "cannot be written", err == DIFY_ERR_NOMEM ? ENOMEM : EFBIG);
    dify__buffer_fini(&payload);
    settle(journal);
}

void cli_journal_paused(struct cli_journal *journal, uint64_t now_ms)
{
    put_moment(journal, CLI_JOURNAL_PAUSED, now_ms, false);
    if (journal != NULL)
        settle(journal);
}

void cli_journal_stopped(struct cli_journal *journal, uint64_t now_ms)
{
    put_moment(journal, CLI_JOURNAL_STOPPED, now_ms, false);
    if (journal != NULL)
        settle(journal);
}

void cli_journal_end(struct cli_journal *journal, uint64_t now_ms)
{
    if (journal == NULL)
        return;
    put_moment(journal, CLI_JOURNAL_ENDED, now_ms, false); /* should the file not go */
    if (unlink(journal->path) != 0 && errno != ENOENT && !journal->is_off)
        give_up(journal, "cannot be removed", errno);
    free_journal(journal);
}

void cli_journal_close(struct cli_journal *journal)
{
    if (journal != NULL)
        free_journal(journal);
}

/* ---- for the reader ------------------------------------------------------------------------ */

void cli_journal_reader_of(struct cli_journal_reader *reader, const struct cli_journal *journal)
{
    *reader = (struct cli_journal_reader){
        .fd = journal->fd,
        .payload = {.allocator = dify__allocator(NULL), .max = CLI_JOURNAL_RECORD_BYTES}};
}
