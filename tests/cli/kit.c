/* SPDX-License-Identifier: Apache-2.0
 *
 * kit.c: folders and standard error.
 */
#define _XOPEN_SOURCE 700 /* nftw */

#include "kit.h"

#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

void kit_folder_make(struct kit_folder *folder)
{
    snprintf(folder->path, sizeof folder->path, "/tmp/dify-cli-XXXXXX");
    assert_non_null(mkdtemp(folder->path));
}

static int remove_one(const char *path, const struct stat *about, int type, struct FTW *at)
{
    (void)about;
    (void)type;
    (void)at;
    return remove(path);
}

void kit_folder_remove(struct kit_folder *folder)
{
    assert_int_equal(nftw(folder->path, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

const char *kit_path(const struct kit_folder *folder, const char *name)
{
    static char paths[8][512];
    static unsigned next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", folder->path, name);
    return path;
}

void kit_write(const struct kit_folder *folder, const char *name, struct dify_slice bytes,
               mode_t mode)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", folder->path, name);
    for (char *at = path + strlen(folder->path) + 1; (at = strchr(at, '/')) != NULL; at++) {
        *at = '\0';
        (void)mkdir(path, 0700);
        *at = '/';
    }
    (void)unlink(path);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes.ptr, bytes.len), (ssize_t)bytes.len);
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
}

void kit_errors_begin(struct kit_errors *errors)
{
    char path[] = "/tmp/dify-cli-XXXXXX";
    fflush(stderr);
    errors->saved_fd = dup(STDERR_FILENO);
    errors->fd = mkstemp(path);
    assert_true(errors->fd >= 0);
    unlink(path);
    assert_true(dup2(errors->fd, STDERR_FILENO) >= 0);
}

void kit_errors_end(struct kit_errors *errors, struct text *out)
{
    char bytes[4096];
    ssize_t got;
    fflush(stderr);
    assert_true(dup2(errors->saved_fd, STDERR_FILENO) >= 0);
    close(errors->saved_fd);
    assert_int_equal(lseek(errors->fd, 0, SEEK_SET), 0);
    while ((got = read(errors->fd, bytes, sizeof bytes)) > 0)
        text_add(out, bytes, (size_t)got);
    close(errors->fd);
}
