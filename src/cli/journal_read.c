/* SPDX-License-Identifier: Apache-2.0
 *
 * journal_read.c: reading a journal, record by record. Nothing in a file is trusted.
 */
#include "cli/journal_format.h"
#include "core/slices.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- checksums ----------------------------------------------------------------------------- */

uint32_t cli_crc32(uint32_t crc, const void *bytes, size_t len)
{
    static const uint32_t nibbles[16] = {0x00000000, 0x1DB71064, 0x3B6E20C8, 0x26D930AC,
                                         0x76DC4190, 0x6B6B51F4, 0x4DB26158, 0x5005713C,
                                         0xEDB88320, 0xF00F9344, 0xD6D6A3E8, 0xCB61B38C,
                                         0x9B64C2B0, 0x86D3D2D4, 0xA00AE278, 0xBDBDF21C};
    const unsigned char *at = bytes;
    crc = ~crc;
    for (; len != 0; len--) {
        crc ^= *at++;
        crc = crc >> 4 ^ nibbles[crc & 15];
        crc = crc >> 4 ^ nibbles[crc & 15];
    }
    return ~crc;
}

uint32_t cli_journal_checksum(enum cli_journal_type type, const void *payload, size_t len)
{
    unsigned char head[5];
    cli_put_u32(head, (uint32_t)len);
    head[4] = (unsigned char)type;
    return cli_crc32(cli_crc32(0, head, sizeof head), payload, len);
}

/* ---- bytes --------------------------------------------------------------------------------- */

/* Reads `len` bytes at `at`; false if there are fewer. */
static bool read_at(int fd, void *out, size_t len, uint64_t at)
{
    size_t done = 0;
    while (done < len) {
        ssize_t got = pread(fd, (char *)out + done, len - done, (off_t)(at + done));
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return false;
        done += (size_t)got;
    }
    return true;
}

bool cli_journal_has_magic(int fd)
{
    char magic[CLI_JOURNAL_MAGIC_BYTES];
    return read_at(fd, magic, sizeof magic, 0) &&
           memcmp(magic, CLI_JOURNAL_MAGIC, sizeof magic) == 0;
}

/* ---- fields -------------------------------------------------------------------------------- */

static bool next_field(struct dify_slice *payload, unsigned *tag, struct dify_slice *text)
{
    if (payload->len < 5)
        return false;
    uint32_t len = cli_get_u32((const unsigned char *)payload->ptr + 1);
    if (len > payload->len - 5)
        return false;
    *tag = (unsigned char)payload->ptr[0];
    *text = (struct dify_slice){payload->ptr + 5, len};
    payload->ptr += 5 + len;
    payload->len -= 5 + len;
    return true;
}

static uint64_t number_of(struct dify_slice text)
{
    const unsigned char *bytes = (const unsigned char *)text.ptr;
    return text.len == 8 ? cli_get_u32(bytes) | (uint64_t)cli_get_u32(bytes + 4) << 32 : 0;
}

static void take_field(struct cli_journal_record *record, unsigned tag, struct dify_slice text)
{
    struct cli_journal_header *header = &record->header;
    struct cli_journal_ids *ids = &record->ids;
    struct dify_slice *const places[] = {[CLI_TAG_BASE_URL] = &header->base_url,
                                         [CLI_TAG_APP] = &header->app,
                                         [CLI_TAG_KIND] = &header->kind,
                                         [CLI_TAG_WORKFLOW] = &header->workflow_id,
                                         [CLI_TAG_USER] = &header->user,
                                         [CLI_TAG_INPUTS] = &header->inputs,
                                         [CLI_TAG_QUERY] = &header->query,
                                         [CLI_TAG_RUN] = &ids->workflow_run_id,
                                         [CLI_TAG_TASK] = &ids->task_id,
                                         [CLI_TAG_MESSAGE] = &ids->message_id,
                                         [CLI_TAG_CONVERSATION] = &ids->conversation_id};
    if (tag == CLI_TAG_ID && text.len == DIFY__UUID_SIZE - 1)
        memcpy(header->id, text.ptr, text.len);
    else if (tag == CLI_TAG_CREATED)
        header->created_ms = number_of(text);
    else if (tag == CLI_TAG_AT)
        record->at_ms = number_of(text);
    else if (tag == CLI_TAG_RESUMED)
        record->is_resumed = number_of(text) != 0;
    else if (tag == CLI_TAG_CONVERSATION && record->type == CLI_JOURNAL_HEADER)
        header->conversation_id = text;
    else if (tag < sizeof places / sizeof places[0] && places[tag] != NULL)
        *places[tag] = text;
}

/* ---- records ------------------------------------------------------------------------------- */

enum step { STEP_RECORD, STEP_UNKNOWN, STEP_END };

/* The payload of the record at hand, checked; `has_payload` false: it is passed over. */
static bool read_payload(struct cli_journal_reader *reader, const unsigned char *head,
                         bool has_payload)
{
    const uint32_t len = cli_get_u32(head);
    const uint64_t at = reader->at + CLI_JOURNAL_HEAD_BYTES;
    struct stat about;
    reader->payload.len = 0;
    if (!has_payload)
        return fstat(reader->fd, &about) == 0 && (uint64_t)about.st_size >= at + len;
    if (dify__buffer_reserve(&reader->payload, len) != DIFY_OK ||
        (len != 0 && !read_at(reader->fd, reader->payload.ptr, len, at)))
        return false;
    reader->payload.len = len;
    return cli_journal_checksum(head[8], dify__buffer_slice(&reader->payload).ptr, len) ==
           cli_get_u32(head + 4);
}

static enum step next_record(struct cli_journal_reader *reader, struct cli_journal_record *record)
{
    unsigned char head[CLI_JOURNAL_HEAD_BYTES];
    struct stat about;
    if (reader->at == 0 && cli_journal_has_magic(reader->fd))
        reader->at = CLI_JOURNAL_MAGIC_BYTES;
    if (reader->at == 0 || !read_at(reader->fd, head, sizeof head, reader->at) ||
        cli_get_u32(head) > CLI_JOURNAL_RECORD_BYTES ||
        !read_payload(reader, head,
                      !(reader->skips_bytes && head[8] == CLI_JOURNAL_STREAM_BYTES))) {
        reader->is_cut = fstat(reader->fd, &about) != 0 || (uint64_t)about.st_size != reader->at;
        return STEP_END;
    }
    const bool is_first = reader->at == CLI_JOURNAL_MAGIC_BYTES;
    *record = (struct cli_journal_record){.type = head[8], .stream = reader->stream};
    if (is_first != (record->type == CLI_JOURNAL_HEADER)) {
        reader->is_cut = true;
        return STEP_END;
    }
    reader->at += CLI_JOURNAL_HEAD_BYTES + cli_get_u32(head);
    if (record->type > CLI_JOURNAL_STOPPED || record->type < CLI_JOURNAL_HEADER)
        return STEP_UNKNOWN;
    if (record->type == CLI_JOURNAL_STREAM)
        record->stream = ++reader->stream;
    return STEP_RECORD;
}

bool cli_journal_next(struct cli_journal_reader *reader, struct cli_journal_record *record)
{
    enum step step;
    unsigned tag;
    struct dify_slice text;
    do
        step = next_record(reader, record);
    while (step == STEP_UNKNOWN);
    if (step == STEP_END)
        return false;
    struct dify_slice payload = dify__buffer_slice(&reader->payload);
    if (record->type == CLI_JOURNAL_STREAM_BYTES)
        record->bytes = payload;
    else
        while (next_field(&payload, &tag, &text))
            take_field(record, tag, text);
    return true;
}

enum cli_journal_err cli_journal_reader_open(struct cli_journal_reader *reader, const char *folder,
                                             const char *id, struct cli_journal_error *error)
{
    int fd;
    enum cli_journal_err err = cli_journal_open_file(folder, id, O_RDONLY, &fd, error);
    if (err == CLI_JOURNAL_OK)
        *reader = (struct cli_journal_reader){
            .fd = fd,
            .owns_fd = true,
            .payload = {.allocator = dify__allocator(NULL), .max = CLI_JOURNAL_RECORD_BYTES}};
    return err;
}

void cli_journal_reader_fini(struct cli_journal_reader *reader)
{
    if (reader->owns_fd)
        close(reader->fd);
    dify__buffer_fini(&reader->payload);
}
