/* SPDX-License-Identifier: Apache-2.0
 *
 * record.c: recordings of streams.
 */
#include "cli/record.h"

#include "conf/text.h"
#include "core/json.h"
#include "core/json_text.h"
#include "core/slices.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

enum file { HEAD, BODY, CHUNKS, FILES };
static const char *const file_names[FILES] = {"response.head", "response.body", "chunks.tsv"};
#define REQUEST_NAME "request.json"
#define RESUMED_PREFIX "resumed-"

struct cli_record {
    char *folder;
    void (*report)(void *ctx, const char *message);
    void *ctx;
    bool is_off; /* given up */
    unsigned streams;
    /* the stream at hand */
    bool is_open;
    int fds[FILES];
    uint64_t start_ms, last_ms;
    uint64_t body_bytes; /* of which chunks.tsv tells */
};

/* ---- files --------------------------------------------------------------------------------- */

static bool write_all(int fd, const char *bytes, size_t len)
{
    while (len != 0) {
        ssize_t wrote = write(fd, bytes, len);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote <= 0) {
            errno = wrote == 0 ? ENOSPC : errno;
            return false;
        }
        bytes += wrote;
        len -= (size_t)wrote;
    }
    return true;
}

static uint64_t since_start(struct cli_record *record, uint64_t now_ms)
{
    if (now_ms > record->last_ms)
        record->last_ms = now_ms;
    return record->last_ms - record->start_ms;
}

/* The last line, and the files are closed. */
static bool close_stream(struct cli_record *record, enum cli_record_end how)
{
    static const char *const words[] = {[CLI_RECORD_LAST_CHUNK] = "last-chunk",
                                        [CLI_RECORD_CONTENT_LENGTH] = "content-length",
                                        [CLI_RECORD_EOF] = "eof",
                                        [CLI_RECORD_EOF_PREMATURE] = "eof-premature",
                                        [CLI_RECORD_CLIENT_CUT] = "client-cut",
                                        [CLI_RECORD_CLIENT_TIMEOUT] = "client-timeout"};
    char line[80];
    int len = snprintf(line, sizeof line, "# end\t%s\t%" PRIu64 "\n", words[how],
                       record->last_ms - record->start_ms);
    bool ok = write_all(record->fds[CHUNKS], line, (size_t)len);
    int why = errno;
    for (size_t i = 0; i < FILES; i++)
        if (close(record->fds[i]) != 0 && ok) {
            ok = false;
            why = errno;
        }
    record->is_open = false;
    errno = why;
    return ok;
}

static void give_up(struct cli_record *record, int why)
{
    char message[600];
    record->is_off = true;
    if (record->is_open) { /* what chunks.tsv does not tell of would make the body unfit to play */
        (void)!ftruncate(record->fds[BODY], (off_t)record->body_bytes);
        (void)close_stream(record, CLI_RECORD_CLIENT_CUT);
    }
    snprintf(message, sizeof message, "the recording in %s cannot be written: %s; it ends here",
             record->folder, strerror(why));
    if (record->report != NULL)
        record->report(record->ctx, message);
}

/* ---- the folder ---------------------------------------------------------------------------- */

static bool is_ours(const char *name)
{
    for (size_t i = 0; i < FILES; i++)
        if (strcmp(name, file_names[i]) == 0)
            return true;
    return strcmp(name, REQUEST_NAME) == 0 ||
           strncmp(name, RESUMED_PREFIX, strlen(RESUMED_PREFIX)) == 0;
}

static bool check_folder(const char *folder, struct cli_record_error *error)
{
    struct dirent *entry;
    bool is_free = true;
    DIR *open_folder = opendir(folder);
    if (open_folder == NULL) {
        snprintf(error->text, sizeof error->text, "cannot read the folder %s: %s", folder,
                 strerror(errno));
        return false;
    }
    while (is_free && (entry = readdir(open_folder)) != NULL)
        is_free = !is_ours(entry->d_name);
    closedir(open_folder);
    if (!is_free)
        snprintf(error->text, sizeof error->text,
                 "%s holds a recording already; name another folder, or remove it", folder);
    return is_free;
}

bool cli_record_open(const char *folder, void (*report)(void *ctx, const char *message), void *ctx,
                     struct cli_record **out, struct cli_record_error *error)
{
    if (mkdir(folder, 0777) != 0 && errno != EEXIST) {
        snprintf(error->text, sizeof error->text, "cannot make the folder %s: %s", folder,
                 strerror(errno));
        return false;
    }
    if (!check_folder(folder, error))
        return false;
    struct cli_record *record = calloc(1, sizeof *record);
    char *copy = conf_text_copy(dify__slice(folder));
    if (record == NULL || copy == NULL) {
        free(record);
        free(copy);
        snprintf(error->text, sizeof error->text, "out of memory");
        return false;
    }
    record->folder = copy;
    record->report = report;
    record->ctx = ctx;
    *out = record;
    return true;
}

/* ---- the request --------------------------------------------------------------------------- */

/* Whether the field holds what nobody else should read. */
static struct dify_slice value_of(const struct cli_record_field *field)
{
    static const char *const secrets[] = {"Authorization", "Proxy-Authorization", "Cookie"};
    for (size_t i = 0; i < sizeof secrets / sizeof secrets[0]; i++)
        if (field->name.len == strlen(secrets[i]) &&
            strncasecmp(field->name.ptr, secrets[i], field->name.len) == 0)
            return i == 0 ? DIFY_SLICE("Bearer app-REDACTED") : DIFY_SLICE("REDACTED");
    return field->value;
}

static bool is_json(struct dify_slice text)
{
    struct dify__json json;
    dify__json_init(&json, dify__allocator(NULL));
    bool ok = dify__json_read(&json, text) == DIFY_OK;
    dify__json_fini(&json);
    return ok;
}

static enum dify_err lay_request(const struct cli_record_request *request, struct dify__buffer *out)
{
    struct dify__writer writer;
    dify__writer_init(&writer, DIFY_JSON_PRETTY, dify__write_to_buffer, out);
    dify__write_open(&writer, '{');
    dify__write_key(&writer, "method");
    dify__write_string(&writer, request->method);
    dify__write_key(&writer, "path");
    dify__write_string(&writer, request->path);
    if (request->body.ptr != NULL && is_json(request->body)) {
        dify__write_key(&writer, "body");
        dify__write_json(&writer, request->body);
    } else if (request->body.ptr != NULL) {
        dify__write_key(&writer, "body_raw");
        dify__write_string(&writer, request->body);
    }
    dify__write_key(&writer, "headers");
    dify__write_open(&writer, '{');
    for (size_t i = 0; i < request->field_count; i++) {
        dify__write_key_text(&writer, request->fields[i].name);
        dify__write_string(&writer, value_of(&request->fields[i]));
    }
    dify__write_close(&writer, '}');
    dify__write_close(&writer, '}');
    enum dify_err err = dify__writer_finish(&writer);
    return err == DIFY_OK ? dify__buffer_append(out, "\n", 1) : err;
}

static int create(const char *folder, const char *name)
{
    char *path = conf_textf("%s/%s", folder, name);
    if (path == NULL) {
        errno = ENOMEM;
        return -1;
    }
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    int why = errno;
    free(path);
    errno = why;
    return fd;
}

/* False with errno. */
static bool write_request(const char *folder, const struct cli_record_request *request)
{
    struct dify__buffer text = {.allocator = dify__allocator(NULL), .max = CLI_RECORD_BYTES};
    enum dify_err err = lay_request(request, &text);
    int fd = err == DIFY_OK ? create(folder, REQUEST_NAME) : -1;
    bool ok = fd >= 0 && write_all(fd, text.ptr, text.len);
    int why = err == DIFY_OK ? errno : err == DIFY_ERR_NOMEM ? ENOMEM : EFBIG;
    if (fd >= 0)
        close(fd);
    dify__buffer_fini(&text);
    errno = why;
    return ok;
}

static bool open_files(struct cli_record *record, const char *folder)
{
    for (size_t i = 0; i < FILES; i++) {
        record->fds[i] = create(folder, file_names[i]);
        if (record->fds[i] >= 0)
            continue;
        int why = errno;
        while (i-- > 0)
            close(record->fds[i]);
        errno = why;
        return false;
    }
    return true;
}

/* ---- streams ------------------------------------------------------------------------------- */

static bool begin(struct cli_record *record, const struct cli_record_request *request)
{
    char *folder = record->streams == 0
                       ? conf_text_copy(dify__slice(record->folder))
                       : conf_textf("%s/" RESUMED_PREFIX "%u", record->folder, record->streams);
    bool ok = false;
    errno = ENOMEM;
    if (folder != NULL && record->streams == CLI_RECORD_STREAMS)
        errno = EMLINK;
    else if (folder != NULL)
        ok = (record->streams == 0 || mkdir(folder, 0777) == 0) && write_request(folder, request) &&
             open_files(record, folder);
    int why = errno;
    free(folder);
    errno = why;
    return ok;
}

void cli_record_begin(struct cli_record *record, const struct cli_record_request *request,
                      uint64_t now_ms)
{
    if (record == NULL || record->is_off)
        return;
    if (record->is_open)
        cli_record_end(record, CLI_RECORD_CLIENT_CUT, record->last_ms);
    if (record->is_off)
        return;
    if (!begin(record, request)) {
        give_up(record, errno);
        return;
    }
    record->streams++;
    record->is_open = true;
    record->start_ms = now_ms;
    record->last_ms = now_ms;
    record->body_bytes = 0;
}

/* The head as it came, but for what it sets for this client alone. */
void cli_record_head(struct cli_record *record, const char *bytes, size_t len)
{
    static const char field[] = "Set-Cookie:", instead[] = "Set-Cookie: REDACTED\r\n";
    if (record == NULL || !record->is_open)
        return;
    while (len > 0) {
        const char *end = memchr(bytes, '\n', len);
        size_t line = end != NULL ? (size_t)(end - bytes) + 1 : len;
        bool is_secret =
            line >= sizeof field - 1 && strncasecmp(bytes, field, sizeof field - 1) == 0;
        if (!write_all(record->fds[HEAD], is_secret ? instead : bytes,
                       is_secret ? sizeof instead - 1 : line)) {
            give_up(record, errno);
            return;
        }
        bytes += line;
        len -= line;
    }
}

void cli_record_bytes(struct cli_record *record, const char *bytes, size_t len, uint64_t now_ms)
{
    char line[64];
    if (record == NULL || !record->is_open || len == 0)
        return;
    uint64_t at_ms = since_start(record, now_ms);
    int line_len = snprintf(line, sizeof line, "%" PRIu64 "\t%zu\n", at_ms, len);
    if (len > CLI_RECORD_BYTES - record->body_bytes) {
        give_up(record, EFBIG);
        return;
    }
    if (!write_all(record->fds[BODY], bytes, len)) {
        give_up(record, errno);
        return;
    }
    off_t before = lseek(record->fds[CHUNKS], 0, SEEK_CUR);
    if (write_all(record->fds[CHUNKS], line, (size_t)line_len)) {
        record->body_bytes += len;
        return;
    }
    int why = errno;
    if (before >= 0 && ftruncate(record->fds[CHUNKS], before) == 0)
        (void)lseek(record->fds[CHUNKS], before, SEEK_SET);
    give_up(record, why);
}

void cli_record_end(struct cli_record *record, enum cli_record_end how, uint64_t now_ms)
{
    if (record == NULL || !record->is_open)
        return;
    (void)since_start(record, now_ms);
    if (!close_stream(record, how))
        give_up(record, errno);
}

bool cli_record_close(struct cli_record *record)
{
    if (record == NULL)
        return true;
    cli_record_end(record, CLI_RECORD_CLIENT_CUT, record->last_ms);
    bool ok = !record->is_off;
    free(record->folder);
    free(record);
    return ok;
}
