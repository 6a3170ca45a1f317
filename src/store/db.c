/* SPDX-License-Identifier: Apache-2.0
 *
 * db.c: connections to the database, and its lock.
 */
#define _DEFAULT_SOURCE /* flock, realpath */

#include "store/db.h"

#include "store/schema.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum dify_err store_complain(struct store_error *error, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(error->text, sizeof error->text, format, args);
    va_end(args);
    return DIFY_ERR_ARGUMENT;
}

/* ---- the lock ------------------------------------------------------------------------------ */

static enum dify_err say_in_use(int fd, const char *path, struct store_error *error)
{
    char text[24];
    ssize_t len = pread(fd, text, sizeof text - 1, 0);
    text[len > 0 ? len : 0] = '\0';
    text[strspn(text, "0123456789")] = '\0';
    if (text[0] == '\0')
        return store_complain(error, "%s: in use by another process", path);
    return store_complain(error, "%s: in use by process %s", path, text);
}

enum dify_err store_real_path(const char *path, char **out, struct store_error *error)
{
    struct stat about;
    bool is_link = lstat(path, &about) == 0 && S_ISLNK(about.st_mode);
    *out = is_link ? realpath(path, NULL) : strdup(path);
    if (*out != NULL)
        return DIFY_OK;
    return errno == ENOMEM ? DIFY_ERR_NOMEM
                           : store_complain(error, "%s: %s", path, strerror(errno));
}

enum dify_err store_lock(const char *path, int *fd, struct store_error *error)
{
    char name[4096], pid[24];
    if ((size_t)snprintf(name, sizeof name, "%s-lock", path) >= sizeof name)
        return store_complain(error, "the path of the store is too long");
    int file = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (file < 0)
        return store_complain(error, "%s: %s", name, strerror(errno));
    if (flock(file, LOCK_EX | LOCK_NB) != 0) {
        enum dify_err err = errno == EWOULDBLOCK
                                ? say_in_use(file, path, error)
                                : store_complain(error, "%s: %s", name, strerror(errno));
        close(file);
        return err;
    }
    /* Only for the message that another process gives: a full disk does not matter here. */
    int len = snprintf(pid, sizeof pid, "%ld\n", (long)getpid());
    if (ftruncate(file, 0) == 0 && pwrite(file, pid, (size_t)len, 0) != len)
        (void)!ftruncate(file, 0);
    *fd = file;
    return DIFY_OK;
}

/* ---- small questions ----------------------------------------------------------------------- */

int store_db_prepare(sqlite3 *db, const char *sql, sqlite3_stmt **out)
{
    return sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, out, NULL);
}

int64_t store_db_number(sqlite3 *db, const char *sql, int64_t otherwise)
{
    sqlite3_stmt *stmt = NULL;
    int64_t value = otherwise;
    if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) == SQLITE_OK &&
        sqlite3_step(stmt) == SQLITE_ROW && sqlite3_column_type(stmt, 0) != SQLITE_NULL)
        value = sqlite3_column_int64(stmt, 0);
    sqlite3_finalize(stmt);
    return value;
}

int store_bind_text(sqlite3_stmt *stmt, int at, struct dify_slice text)
{
    if (text.ptr == NULL)
        return sqlite3_bind_null(stmt, at);
    return sqlite3_bind_text64(stmt, at, text.ptr, text.len, SQLITE_STATIC, SQLITE_UTF8);
}

int store_bind_blob(sqlite3_stmt *stmt, int at, struct dify_slice bytes)
{
    if (bytes.ptr == NULL)
        return sqlite3_bind_null(stmt, at);
    return sqlite3_bind_blob64(stmt, at, bytes.ptr, bytes.len, SQLITE_STATIC);
}

/* SQLite's integers have a sign; what is above them is as good as the largest. */
int store_bind_uint(sqlite3_stmt *stmt, int at, uint64_t value)
{
    return sqlite3_bind_int64(stmt, at, value > INT64_MAX ? INT64_MAX : (int64_t)value);
}

/* ---- connections --------------------------------------------------------------------------- */

static enum dify_err open_db(const char *path, int flags, sqlite3 **out, struct store_error *error)
{
    sqlite3 *db = NULL;
    int rc =
        sqlite3_open_v2(path, &db, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_busy_timeout(db, STORE_BUSY_MS);
    if (rc != SQLITE_OK) {
        enum dify_err err = rc == SQLITE_NOMEM
                                ? DIFY_ERR_NOMEM
                                : store_complain(error, "%s: %s", path, sqlite3_errstr(rc));
        sqlite3_close(db);
        return err;
    }
    *out = db;
    return DIFY_OK;
}

enum dify_err store_db_open_to_read(const char *path, sqlite3 **out, struct store_error *error)
{
    sqlite3 *db = NULL;
    enum dify_err err = open_db(path, SQLITE_OPEN_READONLY, &db, error);
    if (err != DIFY_OK)
        return err;
    err = store_schema_check(db, path, error);
    if (err != DIFY_OK) {
        sqlite3_close(db);
        return err;
    }
    *out = db;
    return DIFY_OK;
}

/* Makes the file, so that nobody else may read it; SQLite's own files beside it are as it is. */
static enum dify_err make_file(const char *path, struct store_error *error)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return store_complain(error, "%s: %s", path, strerror(errno));
    close(fd);
    return DIFY_OK;
}

enum dify_err store_db_open_to_write(const char *path, sqlite3 **out, struct store_error *error)
{
    sqlite3 *db = NULL;
    enum dify_err err = make_file(path, error);
    if (err == DIFY_OK)
        err = open_db(path, SQLITE_OPEN_READWRITE, &db, error);
    if (err == DIFY_OK)
        err = store_schema_bring_up(db, path, error);
    if (err != DIFY_OK) {
        sqlite3_close(db);
        return err;
    }
    *out = db;
    return DIFY_OK;
}
