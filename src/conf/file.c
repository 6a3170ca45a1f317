/* SPDX-License-Identifier: Apache-2.0
 *
 * file.c: see file.h.
 */
#define _DEFAULT_SOURCE /* explicit_bzero */

#include "conf/file.h"

#include "conf/text.h"
#include "core/slices.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* False with errno, 0: more than CONF_FILE_BYTES. */
static bool read_all(int fd, char *bytes, size_t *len)
{
    while (*len <= CONF_FILE_BYTES) {
        ssize_t got = read(fd, bytes + *len, CONF_FILE_BYTES + 1 - *len);
        if (got == 0)
            return true;
        if (got > 0)
            *len += (size_t)got;
        else if (errno != EINTR)
            return false;
    }
    errno = 0;
    return false;
}

bool conf_file_read(int fd, const char *path, struct conf_file *out, struct conf_error *error)
{
    struct stat about;
    struct conf_file file = {.bytes = malloc(CONF_FILE_BYTES + 1)};
    const char *why = NULL;
    if (file.bytes == NULL)
        why = "out of memory";
    else if (fstat(fd, &about) != 0 || !read_all(fd, file.bytes, &file.len))
        why = errno != 0 ? strerror(errno) : "has more than 1 MiB";
    if (why != NULL) {
        snprintf(error->text, sizeof error->text, "%s: %s", path, why);
        conf_file_fini(&file);
        return false;
    }
    file.is_private = (about.st_mode & (S_IRWXG | S_IRWXO)) == 0;
    *out = file;
    return true;
}

void conf_file_fini(struct conf_file *file)
{
    if (file->bytes != NULL)
        explicit_bzero(file->bytes, file->len);
    free(file->bytes);
    *file = (struct conf_file){NULL, 0, false};
}

char *conf_path(const char *file, const char *home, struct dify_slice path)
{
    const char *slash = strrchr(file, '/');
    if (path.len > 1 && path.ptr[0] == '~' && path.ptr[1] == '/' && home != NULL)
        return conf_textf("%s%.*s", home, (int)path.len - 1, path.ptr + 1);
    if (path.ptr[0] == '/' || slash == NULL)
        return conf_text_copy(path);
    return conf_textf("%.*s%.*s", (int)(slash - file) + 1, file, (int)path.len, path.ptr);
}

bool conf_folder_make(const char *folder)
{
    char *path = conf_text_copy(dify__slice(folder));
    if (path == NULL)
        return false;
    for (char *at = path + 1; (at = strchr(at, '/')) != NULL; at++) {
        *at = '\0';
        (void)mkdir(path, 0700);
        *at = '/';
    }
    bool ok = mkdir(path, 0700) == 0 || errno == EEXIST;
    free(path);
    return ok;
}

bool conf_folder_make_for(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (slash == NULL || slash == path)
        return true;
    char *folder = conf_text_copy((struct dify_slice){path, (size_t)(slash - path)});
    bool ok = folder != NULL && conf_folder_make(folder);
    free(folder);
    return ok;
}
