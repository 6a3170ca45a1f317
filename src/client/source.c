/* SPDX-License-Identifier: Apache-2.0
 *
 * source.c: see source.h.
 */
#include "client/source.h"

#include "client/media.h"
#include "core/message.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static enum dify_err refuse(struct dify_error *error, const char *name, const char *what,
                            const char *why)
{
    struct dify__message message = {error->message, sizeof error->message, 0};
    error->code = DIFY_ERR_ARGUMENT;
    error->offset = 0;
    dify__message_text(&message, what);
    dify__message_text(&message, name);
    if (*why != '\0') {
        dify__message_text(&message, ": ");
        dify__message_text(&message, why);
    }
    return DIFY_ERR_ARGUMENT;
}

/* The last part of a path, as Dify is told; line ends and quotes, which would not stand in a head,
 * become underscores. */
static void set_name(struct dify__source *source, const char *name)
{
    const char *slash = strrchr(name, '/');
    struct dify__message message = {source->name, sizeof source->name, 0};
    dify__message_text(&message, slash != NULL && slash[1] != '\0' ? slash + 1 : name);
    for (char *c = source->name; *c != '\0'; c++)
        if ((unsigned char)*c < ' ' || *c == '"' || *c == 0x7F)
            *c = '_';
}

static enum dify_err open_path(struct dify__source *source, const char *path,
                               struct dify_error *error)
{
    source->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    source->owns_fd = source->fd >= 0;
    return source->owns_fd ? DIFY_OK : refuse(error, path, "cannot open ", strerror(errno));
}

static enum dify_err look_at_fd(struct dify__source *source, struct dify_error *error)
{
    struct stat stat;
    if (fstat(source->fd, &stat) != 0)
        return refuse(error, source->name, "cannot read ", strerror(errno));
    if (S_ISDIR(stat.st_mode))
        return refuse(error, source->name, "cannot upload ", "it is a folder");
    if (!S_ISREG(stat.st_mode))
        return DIFY_OK;
    source->start = lseek(source->fd, 0, SEEK_CUR);
    source->can_rewind = source->start >= 0;
    if (source->can_rewind)
        source->length = stat.st_size > source->start ? stat.st_size - source->start : 0;
    return DIFY_OK;
}

/* Whatever was asked for, from the descriptor or the caller. */
static long read_some(struct dify__source *source, char *bytes, size_t len)
{
    long got;
    if (source->fd < 0)
        return source->file->read(source->file->ctx, bytes, len);
    do
        got = (long)read(source->fd, bytes, len);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        source->error = errno;
    return got;
}

static enum dify_err look_at_head(struct dify__source *source, struct dify_error *error)
{
    long got = 1;
    while (source->head_len < sizeof source->head && got > 0) {
        got = read_some(source, source->head + source->head_len,
                        sizeof source->head - source->head_len);
        if (got > 0)
            source->head_len += (size_t)got;
    }
    if (got < 0)
        return refuse(error, source->name, "cannot read ",
                      source->error != 0 ? strerror(source->error) : "");
    return DIFY_OK;
}

/* Whether it can stand in a head, where a line end would begin another field. */
static bool is_one_line(const char *type)
{
    while ((unsigned char)*type >= ' ' && *type != 0x7F)
        type++;
    return *type == '\0';
}

enum dify_err dify__source_open(struct dify__source *source, const struct dify_file *file,
                                struct dify_error *error)
{
    enum dify_err err = DIFY_OK;
    *source = (struct dify__source){.file = file, .fd = -1, .length = -1};
    if (file->size != sizeof *file ||
        (file->path != NULL) + (file->descriptor >= 0) + (file->read != NULL) != 1)
        return refuse(error, "a file", "one of path, descriptor and read is needed for ", "");
    set_name(source, file->name != NULL ? file->name : file->path != NULL ? file->path : "file");
    if (file->path != NULL)
        err = open_path(source, file->path, error);
    else if (file->descriptor >= 0)
        source->fd = file->descriptor;
    else
        source->length = file->length;
    if (err == DIFY_OK && source->fd >= 0)
        err = look_at_fd(source, error);
    if (err == DIFY_OK)
        err = look_at_head(source, error);
    if (err == DIFY_OK && file->type != NULL && !is_one_line(file->type))
        err = refuse(error, source->name, "a control character in the media type of ", "");
    if (err != DIFY_OK)
        return err;
    struct dify_slice head = {source->head, source->head_len};
    source->type = file->type != NULL ? file->type : dify__media_type(source->name, head);
    source->kind = dify__file_kind(source->name, source->type);
    return DIFY_OK;
}

void dify__source_close(struct dify__source *source)
{
    if (source->owns_fd)
        close(source->fd);
    source->owns_fd = false;
    source->fd = -1;
}

long dify__source_read(struct dify__source *source, char *bytes, size_t len)
{
    if (source->has_failed)
        return -1;
    if (source->head_at < source->head_len) {
        size_t left = source->head_len - source->head_at;
        size_t take = left < len ? left : len;
        memcpy(bytes, source->head + source->head_at, take);
        source->head_at += take;
        return (long)take;
    }
    long got = read_some(source, bytes, len);
    source->has_failed = got < 0;
    return got;
}

bool dify__source_rewind(struct dify__source *source)
{
    if (source->head_at == 0 && !source->has_failed)
        return true; /* nothing was taken yet */
    if (!source->can_rewind)
        return false;
    off_t behind_head = source->start + (off_t)source->head_len;
    source->head_at = 0;
    source->has_failed = lseek(source->fd, behind_head, SEEK_SET) != behind_head;
    return !source->has_failed;
}
