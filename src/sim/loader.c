/* SPDX-License-Identifier: Apache-2.0
 *
 * loader.c: messages and files of a load.
 */
#include "sim/loader.h"

#include "core/slices.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct conf_place sim_place(const struct sim_loader *loader, const char *file)
{
    return (struct conf_place){.file = file != NULL ? file : loader->file,
                               .text = loader->error->text,
                               .size = sizeof loader->error->text};
}

enum dify_err sim_fail(const struct sim_loader *loader, const char *file, size_t line,
                       const char *format, ...)
{
    const struct conf_place place = sim_place(loader, file);
    va_list args;
    va_start(args, format);
    enum dify_err err = conf_vfail(&place, line, format, args);
    va_end(args);
    return err;
}

static enum dify_err concatenate(const struct sim_loader *loader, struct dify_slice first,
                                 const char *between, struct dify_slice last,
                                 struct dify_slice *out)
{
    size_t between_len = strlen(between);
    size_t len = first.len + between_len + last.len;
    char *text = sim_arena_array(loader->arena, len + 1, 1);
    if (text == NULL)
        return DIFY_ERR_NOMEM;
    if (first.len != 0)
        memcpy(text, first.ptr, first.len);
    memcpy(text + first.len, between, between_len);
    if (last.len != 0)
        memcpy(text + first.len + between_len, last.ptr, last.len);
    *out = (struct dify_slice){text, len};
    return DIFY_OK;
}

enum dify_err sim_loader_path(const struct sim_loader *loader, struct dify_slice path,
                              struct dify_slice *out)
{
    if (path.len != 0 && path.ptr[0] == '/')
        return sim_arena_copy(loader->arena, path, out);
    return concatenate(loader, loader->folder, "", path, out);
}

enum dify_err sim_loader_join(const struct sim_loader *loader, const char *folder, const char *name,
                              struct dify_slice *out)
{
    return concatenate(loader, dify__slice(folder), "/", dify__slice(name), out);
}

static enum dify_err read_all(int fd, struct dify__buffer *out, int *why)
{
    const size_t start = out->len;
    for (;;) {
        enum dify_err err = dify__buffer_reserve(out, (size_t)16 << 10);
        if (err != DIFY_OK)
            return err;
        ssize_t got;
        do
            got = read(fd, out->ptr + out->len, (size_t)16 << 10);
        while (got < 0 && errno == EINTR);
        *why = got < 0 ? errno : 0;
        if (got <= 0)
            return got < 0 ? DIFY_ERR_ARGUMENT : DIFY_OK;
        out->len += (size_t)got;
        if (out->len - start > SIM_FILE_BYTES)
            return DIFY_ERR_TOO_LARGE;
    }
}

enum dify_err sim_loader_read(const struct sim_loader *loader, const char *path, size_t line,
                              struct dify__buffer *out)
{
    int why = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return sim_fail(loader, NULL, line, "cannot read %s: %s", path, strerror(errno));
    enum dify_err err = read_all(fd, out, &why);
    close(fd);
    if (err == DIFY_ERR_TOO_LARGE)
        return sim_fail(loader, NULL, line, "%s has more than %zu MiB", path, SIM_FILE_BYTES >> 20);
    if (err == DIFY_ERR_ARGUMENT)
        return sim_fail(loader, NULL, line, "cannot read %s: %s", path, strerror(why));
    return err;
}

bool sim_is_folder(const char *path)
{
    struct stat about;
    return stat(path, &about) == 0 && S_ISDIR(about.st_mode);
}

bool sim_is_id(struct dify_slice text)
{
    if (text.len != 36)
        return false;
    for (size_t i = 0; i < 36; i++) {
        char c = text.ptr[i];
        bool is_dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (is_dash ? c != '-' : !((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
            return false;
    }
    return true;
}
