/* SPDX-License-Identifier: Apache-2.0
 *
 * sent.c: see sent.h. A slot has the highest number that was marked in it.
 */
#include "store/sent.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct store_sent_file {
    char boot[64];
    int64_t lives[2];        /* the one that is lived, and the one that is announced */
    uint64_t all_until;      /* submitting runs up to this number may have been sent */
    uint64_t accepted_until; /* accepted ones, too */
    uint64_t slots[STORE_SENT_SLOTS];
};

/* That the file is there is as durable as what stands in it. */
static void sync_folder(const char *path)
{
    char folder[PATH_MAX] = ".";
    const char *slash = strrchr(path, '/');
    size_t len = slash != NULL ? (size_t)(slash - path) + 1 : 0;
    if (len >= sizeof folder)
        return;
    if (len != 0) {
        memcpy(folder, path, len);
        folder[len] = '\0';
    }
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return;
    (void)fsync(fd);
    close(fd);
}

/* A file of another size is none of ours, or was cut off: its marks are gone. */
static struct store_sent_file *map(int fd, bool *is_whole)
{
    struct stat about;
    if (fstat(fd, &about) != 0)
        return NULL;
    *is_whole = about.st_size == (off_t)sizeof(struct store_sent_file);
    if (!*is_whole) {
        if (ftruncate(fd, 0) != 0)
            return NULL;
        /* all of it has its place on the disk: else a full one would show as a signal */
        int error = posix_fallocate(fd, 0, sizeof(struct store_sent_file));
        if (error != 0) {
            errno = error;
            return NULL;
        }
    }
    void *mapped =
        mmap(NULL, sizeof(struct store_sent_file), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    return mapped != MAP_FAILED ? mapped : NULL;
}

/* Whether the database is of the same state. One that lacks a run which was sent is an older one.
 */
static bool fits(const struct store_sent_file *file, const struct store_sent_past *past)
{
    if (past->life == 0 || (past->life != file->lives[0] && past->life != file->lives[1]))
        return false;
    for (size_t i = 0; i < STORE_SENT_SLOTS; i++)
        if (file->slots[i] > past->last_number)
            return false;
    return true;
}

/* What is read first at the next start is written last: a process may be killed in between. No
 * other one looks meanwhile, so that the order in which they are written is all that counts. */
static void forget_marks(struct store_sent_file *file, const char *boot, uint64_t last_number)
{
    memset(file->boot, 0, sizeof file->boot);
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    file->all_until = last_number;
    memset(file->slots, 0, sizeof file->slots);
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    memcpy(file->boot, boot, sizeof file->boot);
}

static void take_over(struct store_sent *sent, bool is_whole, const char *boot,
                      const struct store_sent_past *past)
{
    struct store_sent_file *file = sent->file;
    sent->is_other = !is_whole || !fits(file, past);
    if (sent->is_other) {
        file->lives[0] = file->lives[1] = 0;
        __atomic_signal_fence(__ATOMIC_SEQ_CST);
        file->accepted_until = past->last_number;
        forget_marks(file, boot, past->last_number);
    } else if (boot[0] == '\0' || memcmp(file->boot, boot, sizeof file->boot) != 0) {
        forget_marks(file, boot, past->last_number);
    }
}

bool store_sent_open(struct store_sent *sent, const char *path, struct dify_slice boot,
                     const struct store_sent_past *past)
{
    bool is_whole = false;
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return false;
    sent->file = map(fd, &is_whole);
    int error = errno;
    close(fd);
    errno = error;
    if (sent->file == NULL)
        return false;
    if (!is_whole)
        sync_folder(path);
    char name[sizeof sent->file->boot] = "";
    if (boot.len > 0 && boot.len < sizeof name)
        memcpy(name, boot.ptr, boot.len);
    take_over(sent, is_whole, name, past);
    return true;
}

void store_sent_close(struct store_sent *sent)
{
    if (sent->file != NULL)
        munmap(sent->file, sizeof *sent->file);
    sent->file = NULL;
}

bool store_sent_announce(struct store_sent *sent, int64_t life)
{
    sent->file->lives[1] = life;
    return msync(sent->file, sizeof *sent->file, MS_SYNC) == 0;
}

void store_sent_live(struct store_sent *sent)
{
    sent->file->lives[0] = sent->file->lives[1];
}

void store_sent_mark(struct store_sent *sent, uint64_t number)
{
    uint64_t *slot = &sent->file->slots[number % STORE_SENT_SLOTS];
    if (*slot < number)
        __atomic_store_n(slot, number, __ATOMIC_RELEASE);
}

bool store_sent_has(const struct store_sent *sent, uint64_t number)
{
    return number <= sent->file->all_until ||
           __atomic_load_n(&sent->file->slots[number % STORE_SENT_SLOTS], __ATOMIC_ACQUIRE) >=
               number;
}

bool store_sent_has_accepted(const struct store_sent *sent, uint64_t number)
{
    /* With its own mark the database is a copy of this life that was made before. */
    return number <= sent->file->accepted_until ||
           __atomic_load_n(&sent->file->slots[number % STORE_SENT_SLOTS], __ATOMIC_ACQUIRE) ==
               number;
}
