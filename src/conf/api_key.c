/* SPDX-License-Identifier: Apache-2.0
 *
 * api_key.c: taking in an API key. Buffers that held one are wiped.
 */
#define _DEFAULT_SOURCE /* explicit_bzero */

#include "conf/api_key.h"

#include "conf/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Blanks and line ends around a key are looked past up to here. */
#define READ_BYTES (4 * CONF_KEY_BYTES)

static bool refuse(struct conf_error *error, const char *from, const char *what)
{
    snprintf(error->text, sizeof error->text, "%s %s", from, what);
    return false;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

bool conf_api_key_take(struct dify_slice text, const char *from, char **new_key,
                       struct conf_error *error)
{
    while (text.len != 0 && is_blank(text.ptr[text.len - 1]))
        text.len--;
    for (; text.len != 0 && is_blank(text.ptr[0]); text.len--)
        text.ptr++;
    if (text.len == 0)
        return refuse(error, from, "is empty; an API key such as app-... should stand there");
    if (text.len > 7 && memcmp(text.ptr, "Bearer ", 7) == 0)
        return refuse(error, from, "begins with \"Bearer\"; the key alone should stand there");
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (is_blank(c))
            return refuse(error, from,
                          "has a blank or line end inside its key; one API key such as app-... "
                          "should stand there");
        if (c < 0x21 || c > 0x7E)
            return refuse(error, from,
                          "holds what no API key does: a control character, or one beyond ASCII");
    }
    if (text.len > CONF_KEY_BYTES)
        return refuse(error, from, "has more than 1024 bytes: that is no API key");
    char *key = conf_text_copy(text);
    if (key == NULL)
        return refuse(error, from, "cannot be kept: out of memory");
    *new_key = key;
    return true;
}

/* Whether a file of the user's own keeps its secret. */
static bool check_mode(int fd, const char *path, const char *otherwise, struct conf_error *error)
{
    struct stat about;
    if (fstat(fd, &about) != 0 || !S_ISREG(about.st_mode) || about.st_uid != geteuid() ||
        (about.st_mode & (S_IRWXG | S_IRWXO)) == 0)
        return true;
    int used = snprintf(error->text, sizeof error->text,
                        "key file %s is open to others; chmod 600 %s", path, path);
    if (otherwise != NULL && used > 0 && (size_t)used < sizeof error->text)
        snprintf(error->text + used, sizeof error->text - (size_t)used,
                 ", or hand it over: %s < %s", otherwise, path);
    return false;
}

static bool read_key(int fd, const char *from, char **new_key, struct conf_error *error)
{
    char bytes[READ_BYTES];
    size_t len = 0;
    ssize_t got = 1;
    bool ok = false;
    while (got != 0 && len < sizeof bytes) {
        got = read(fd, bytes + len, sizeof bytes - len);
        if (got < 0 && errno != EINTR)
            break;
        len += got > 0 ? (size_t)got : 0;
    }
    if (got < 0)
        snprintf(error->text, sizeof error->text, "cannot read %s: %s", from, strerror(errno));
    else if (len == sizeof bytes)
        snprintf(error->text, sizeof error->text, "%s has more than 1024 bytes: that is no API key",
                 from);
    else
        ok = conf_api_key_take((struct dify_slice){bytes, len}, from, new_key, error);
    explicit_bzero(bytes, sizeof bytes);
    return ok;
}

bool conf_api_key_read_standard(int fd, char **new_key, struct conf_error *error)
{
    return read_key(fd, "standard input", new_key, error);
}

bool conf_api_key_read(const char *path, const char *otherwise, char **new_key,
                       struct conf_error *error)
{
    char from[320];
    snprintf(from, sizeof from, "key file %s", path);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        snprintf(error->text, sizeof error->text, "cannot read %s: %s", from, strerror(errno));
        return false;
    }
    bool ok = check_mode(fd, path, otherwise, error) && read_key(fd, from, new_key, error);
    close(fd);
    return ok;
}
