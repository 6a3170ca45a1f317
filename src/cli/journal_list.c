/* SPDX-License-Identifier: Apache-2.0
 *
 * journal_list.c: the folder of journals: opening, locking, listing, finding, removing what is old.
 *
 * Locks are of open file descriptions (fcntl's OFD locks): whether a journal is locked can be asked
 * without taking the lock, so that a list never disturbs a run that begins.
 */
#define _GNU_SOURCE /* F_OFD_SETLK */

#include "cli/journal_format.h"
#include "core/slices.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MS_PER_DAY ((uint64_t)24 * 60 * 60 * 1000)

enum cli_journal_err cli_journal_system_error(struct cli_journal_error *error, const char *what,
                                              const char *folder, const char *name)
{
    int why = errno;
    snprintf(error->text, sizeof error->text, "%s %.400s%s%s: %s", what, folder,
             name != NULL ? "/" : "", name != NULL ? name : "", strerror(why));
    return CLI_JOURNAL_FAILED;
}

bool cli_journal_lock(int fd)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    return fcntl(fd, F_OFD_SETLK, &lock) == 0;
}

bool cli_journal_is_locked(int fd)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    return fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

enum cli_journal_err cli_journal_open_file(const char *folder, const char *id, int flags, int *fd,
                                           struct cli_journal_error *error)
{
    char path[4096];
    struct stat about;
    if (!dify__is_uuid(id)) {
        snprintf(error->text, sizeof error->text, "there is no run %.80s here", id);
        return CLI_JOURNAL_ABSENT;
    }
    int len = snprintf(path, sizeof path, "%s/%s" CLI_JOURNAL_SUFFIX, folder, id);
    errno = ENAMETOOLONG;
    int opened = len > 0 && (size_t)len < sizeof path
                     ? open(path, flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
                     : -1;
    if (opened < 0 && errno == ENOENT) {
        snprintf(error->text, sizeof error->text, "there is no run %s here", id);
        return CLI_JOURNAL_ABSENT;
    }
    if (opened < 0)
        return cli_journal_system_error(error, "cannot open the journal", path, NULL);
    if (fstat(opened, &about) != 0 || !S_ISREG(about.st_mode) || !cli_journal_has_magic(opened)) {
        snprintf(error->text, sizeof error->text,
                 "the journal of run %s is none, or one of another difystream", id);
        close(opened);
        return CLI_JOURNAL_DAMAGED;
    }
    if (about.st_uid != geteuid()) { /* whoever wrote it would choose where the key is sent */
        snprintf(error->text, sizeof error->text, "the journal of run %s belongs to somebody else",
                 id);
        close(opened);
        return CLI_JOURNAL_DAMAGED;
    }
    *fd = opened;
    return CLI_JOURNAL_OK;
}

/* ---- names --------------------------------------------------------------------------------- */

/* The ids of a folder's journals. */
struct names {
    char (*ids)[DIFY__UUID_SIZE];
    size_t count, capacity;
};

/* The id that a file's name stands for; false if it is no journal's name. */
static bool id_of(const char *name, char id[DIFY__UUID_SIZE])
{
    if (strlen(name) != CLI_JOURNAL_NAME_SIZE - 1 ||
        strcmp(name + DIFY__UUID_SIZE - 1, CLI_JOURNAL_SUFFIX) != 0)
        return false;
    memcpy(id, name, DIFY__UUID_SIZE - 1);
    id[DIFY__UUID_SIZE - 1] = '\0';
    return dify__is_uuid(id);
}

static int compare_ids(const void *a, const void *b)
{
    return memcmp(a, b, DIFY__UUID_SIZE);
}

/* Reads the names of the folder, sorted; a folder that is not there has none. */
static bool read_names(DIR *folder, struct names *names)
{
    char id[DIFY__UUID_SIZE];
    struct dirent *entry;
    while (names->count < CLI_JOURNALS_MAX && (entry = readdir(folder)) != NULL) {
        if (!id_of(entry->d_name, id))
            continue;
        if (dify__grow(dify__allocator(NULL), (void **)&names->ids, &names->capacity,
                       names->count + 1, sizeof *names->ids) != DIFY_OK)
            return false;
        memcpy(names->ids[names->count++], id, sizeof id);
    }
    if (names->count != 0)
        qsort(names->ids, names->count, sizeof *names->ids, compare_ids);
    return true;
}

void cli_journal_prune(int folder_fd, uint64_t now_ms)
{
    char id[DIFY__UUID_SIZE];
    struct dirent *entry;
    struct stat about;
    int copy = openat(folder_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *folder = copy >= 0 ? fdopendir(copy) : NULL;
    if (folder == NULL) {
        if (copy >= 0)
            close(copy);
        return;
    }
    for (size_t seen = 0; seen < CLI_JOURNALS_MAX && (entry = readdir(folder)) != NULL; seen++) {
        if (!id_of(entry->d_name, id))
            continue;
        int fd = openat(folder_fd, entry->d_name, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        if (fd < 0)
            continue;
        /* Locked while it goes, so that no one takes it up in this moment. */
        if (fstat(fd, &about) == 0 && S_ISREG(about.st_mode) && about.st_mtime >= 0 &&
            (uint64_t)about.st_mtime * 1000 + CLI_JOURNAL_DAYS * MS_PER_DAY < now_ms &&
            cli_journal_lock(fd))
            (void)unlinkat(folder_fd, entry->d_name, 0);
        close(fd);
    }
    closedir(folder);
}

/* ---- entries ------------------------------------------------------------------------------- */

/* Longest id of Dify's that is shown; its own have 36 bytes. */
#define ID_BYTES 128

/* A journal being looked at: the header lives in a reader of its own, which stays there. */
struct look {
    struct cli_journal_reader header, rest;
    struct cli_journal_entry entry;
    char ids[4][ID_BYTES];
};

static void keep_id(struct look *look, size_t number, struct dify_slice id, struct dify_slice *out)
{
    if (id.ptr == NULL || id.len > ID_BYTES)
        return;
    memcpy(look->ids[number], id.ptr, id.len);
    *out = (struct dify_slice){look->ids[number], id.len};
}

static void note(struct look *look, const struct cli_journal_record *record)
{
    struct cli_journal_entry *entry = &look->entry;
    const struct cli_journal_ids *ids = &record->ids;
    entry->was_submitted |= record->type == CLI_JOURNAL_SUBMITTING;
    entry->has_ended |= record->type == CLI_JOURNAL_ENDED;
    entry->is_truncated |= record->type == CLI_JOURNAL_TRUNCATED;
    if (record->type == CLI_JOURNAL_PAUSED || record->type == CLI_JOURNAL_STREAM)
        entry->is_paused = record->type == CLI_JOURNAL_PAUSED;
    if (record->type == CLI_JOURNAL_STREAM)
        entry->streams = record->stream;
    if (record->type == CLI_JOURNAL_IDS) {
        keep_id(look, 0, ids->workflow_run_id, &entry->ids.workflow_run_id);
        keep_id(look, 1, ids->task_id, &entry->ids.task_id);
        keep_id(look, 2, ids->conversation_id, &entry->ids.conversation_id);
        keep_id(look, 3, ids->message_id, &entry->ids.message_id);
    }
}

/* False if it is no journal, or was cut where it began, or went in this moment: it is passed over.
 */
static bool look_at(struct look *look, const char *folder, const char *id)
{
    struct cli_journal_error unseen;
    struct cli_journal_record record;
    struct stat about;
    *look = (struct look){.entry = {.streams = 0}};
    if (cli_journal_reader_open(&look->header, folder, id, &unseen) != CLI_JOURNAL_OK)
        return false;
    look->rest = (struct cli_journal_reader){
        .fd = look->header.fd, .skips_bytes = true, .payload = look->header.payload};
    bool ok = cli_journal_next(&look->header, &record) && strcmp(record.header.id, id) == 0 &&
              fstat(look->header.fd, &about) == 0;
    if (!ok) {
        cli_journal_reader_fini(&look->header);
        return false;
    }
    look->entry.header = record.header;
    look->entry.size_bytes = (uint64_t)about.st_size;
    look->entry.is_followed = cli_journal_is_locked(look->header.fd);
    while (cli_journal_next(&look->rest, &record))
        note(look, &record);
    return true;
}

static void look_away(struct look *look)
{
    cli_journal_reader_fini(&look->rest);
    cli_journal_reader_fini(&look->header);
}

enum cli_journal_err
cli_journal_list(const char *folder, bool (*show)(void *ctx, const struct cli_journal_entry *entry),
                 void *ctx, struct cli_journal_error *error)
{
    struct names names = {NULL, 0, 0};
    struct look look;
    bool goes_on = true;
    DIR *open_folder = opendir(folder);
    if (open_folder == NULL)
        return errno == ENOENT
                   ? CLI_JOURNAL_OK
                   : cli_journal_system_error(error, "cannot read the folder", folder, NULL);
    bool ok = read_names(open_folder, &names);
    closedir(open_folder);
    for (size_t i = 0; i < names.count && ok && goes_on; i++) {
        if (!look_at(&look, folder, names.ids[i]))
            continue;
        goes_on = show(ctx, &look.entry);
        look_away(&look);
    }
    dify__free(dify__allocator(NULL), names.ids);
    if (!ok)
        snprintf(error->text, sizeof error->text, "out of memory");
    return ok ? CLI_JOURNAL_OK : CLI_JOURNAL_FAILED;
}

/* ---- finding ------------------------------------------------------------------------------- */

struct search {
    struct dify_slice name;
    char id[DIFY__UUID_SIZE]; /* of the first match */
    bool is_exact;            /* that one */
    size_t matches;
};

static bool begins_with(struct dify_slice text, struct dify_slice start)
{
    return text.ptr != NULL && text.len >= start.len && memcmp(text.ptr, start.ptr, start.len) == 0;
}

static bool compare(void *ctx, const struct cli_journal_entry *entry)
{
    struct search *search = ctx;
    struct dify_slice own = dify__slice(entry->header.id);
    if (!begins_with(own, search->name) && !begins_with(entry->ids.workflow_run_id, search->name))
        return true;
    search->is_exact = dify__slice_equals(own, search->name) ||
                       dify__slice_equals(entry->ids.workflow_run_id, search->name);
    search->matches++;
    if (search->matches == 1 || search->is_exact)
        memcpy(search->id, entry->header.id, sizeof search->id);
    return !search->is_exact;
}

enum cli_journal_err cli_journal_find(const char *folder, const char *name,
                                      char id[DIFY__UUID_SIZE], struct cli_journal_error *error)
{
    struct search search = {.name = dify__slice(name)};
    if (search.name.len == 0) {
        snprintf(error->text, sizeof error->text, "which run? give its id, or how that begins");
        return CLI_JOURNAL_ABSENT;
    }
    enum cli_journal_err err = cli_journal_list(folder, compare, &search, error);
    if (err != CLI_JOURNAL_OK)
        return err;
    if (search.matches == 0) {
        snprintf(error->text, sizeof error->text, "there is no run %.80s here", name);
        return CLI_JOURNAL_ABSENT;
    }
    if (search.matches > 1 && !search.is_exact) {
        snprintf(error->text, sizeof error->text, "%zu runs begin with %.80s", search.matches,
                 name);
        return CLI_JOURNAL_AMBIGUOUS;
    }
    memcpy(id, search.id, sizeof search.id);
    return CLI_JOURNAL_OK;
}
