/* SPDX-License-Identifier: Apache-2.0
 *
 * sent.c: see sent.h. A slot has the highest number that was marked in it.
 */
#include "store/sent.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct store_sent_file {
    char boot[64];
    uint64_t all_until; /* runs up to this number may have been sent */
    uint64_t slots[STORE_SENT_SLOTS];
};

static struct store_sent_file *map(int fd)
{
    struct stat about;
    if (fstat(fd, &about) != 0)
        return NULL;
    /* all of it has its place on the disk: else a full one would show as a signal */
    int error = about.st_size != (off_t)sizeof(struct store_sent_file)
                    ? posix_fallocate(fd, 0, sizeof(struct store_sent_file))
                    : 0;
    if (error != 0) {
        errno = error;
        return NULL;
    }
    void *mapped =
        mmap(NULL, sizeof(struct store_sent_file), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    return mapped != MAP_FAILED ? mapped : NULL;
}

bool store_sent_open(struct store_sent *sent, const char *path, struct dify_slice boot,
                     uint64_t last_number)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return false;
    sent->file = map(fd);
    int error = errno;
    close(fd);
    errno = error;
    if (sent->file == NULL)
        return false;
    char name[sizeof sent->file->boot] = "";
    if (boot.len > 0 && boot.len < sizeof name)
        memcpy(name, boot.ptr, boot.len);
    if (name[0] != '\0' && memcmp(sent->file->boot, name, sizeof name) == 0)
        return true;
    memset(sent->file, 0, sizeof *sent->file);
    sent->file->all_until = last_number;
    memcpy(sent->file->boot, name, sizeof name);
    return true;
}

void store_sent_close(struct store_sent *sent)
{
    if (sent->file != NULL)
        munmap(sent->file, sizeof *sent->file);
    sent->file = NULL;
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
