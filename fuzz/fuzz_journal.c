/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_journal.c: the reader of journals.
 *
 * The input is read twice: as a journal as it stands, and, since hardly any input has the right
 * checksums, as what the records of one hold: a byte of type, a byte of length, so many bytes.
 * What must hold: the records and fields read are those that a plain reading of the whole file
 * finds, up to the first that is not whole and in its place; a journal of which a byte was changed
 * or the end was cut gives the records before that, unchanged, and says that it is cut; passing
 * over the bytes of streams changes nothing else.
 */
#define _GNU_SOURCE /* memfd_create */

#include "fuzz.h"

#include "cli/journal_format.h"

#include <sys/mman.h>
#include <unistd.h>

#define RECORDS_MAX 64

/* ---- what was read, as a text ---------------------------------------------------------------- */

static void log_number(struct fuzz_text *log, uint64_t number)
{
    fuzz_text_add(log, &number, sizeof number);
}

static void log_record(struct fuzz_text *log, const struct cli_journal_record *record,
                       bool has_bytes)
{
    const struct cli_journal_header *header = &record->header;
    const struct cli_journal_ids *ids = &record->ids;
    const struct dify_slice texts[] = {
        header->base_url,     header->app,    header->kind,         header->workflow_id,
        header->user,         header->inputs, header->query,        header->conversation_id,
        ids->workflow_run_id, ids->task_id,   ids->conversation_id, ids->message_id};
    log_number(log, record->type);
    log_number(log, record->at_ms);
    log_number(log, record->stream);
    log_number(log, record->is_resumed);
    log_number(log, header->created_ms);
    FUZZ_REQUIRE(header->id[DIFY__UUID_SIZE - 1] == '\0', "an id ends");
    fuzz_text_add(log, header->id, sizeof header->id);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        fuzz_text_add_slice(log, texts[i]);
    if (has_bytes)
        fuzz_text_add_slice(log, record->bytes);
}

/* ---- the plain reading ----------------------------------------------------------------------- */

static uint32_t plain_crc(const uint8_t *bytes, size_t len)
{
    uint32_t crc = UINT32_MAX;
    for (size_t i = 0; i < len * 8; i++) {
        uint32_t bit = (crc ^ bytes[i / 8] >> i % 8) & 1;
        crc = crc >> 1 ^ (bit != 0 ? UINT32_C(0xEDB88320) : 0);
    }
    return ~crc;
}

/* Of a record: its length, its type, and its payload follow one another. */
static uint32_t plain_checksum(const uint8_t *record, uint32_t len)
{
    struct fuzz_text checked = {NULL, 0, 0};
    fuzz_text_add(&checked, record, 4);
    fuzz_text_add(&checked, record + 8, 1 + (size_t)len);
    uint32_t crc = plain_crc((const uint8_t *)checked.ptr, checked.len);
    fuzz_text_fini(&checked);
    return crc;
}

static uint64_t plain_number(struct dify_slice text)
{
    uint64_t value = 0;
    for (size_t i = 8; i-- > 0 && text.len == 8;)
        value = value << 8 | (uint8_t)text.ptr[i];
    return value;
}

static void plain_field(struct cli_journal_record *record, unsigned tag, struct dify_slice text)
{
    struct cli_journal_header *header = &record->header;
    bool is_header = record->type == CLI_JOURNAL_HEADER;
    switch (tag) {
    case CLI_TAG_ID:
        if (text.len == DIFY__UUID_SIZE - 1)
            memcpy(header->id, text.ptr, text.len);
        break;
    case CLI_TAG_CREATED:
        header->created_ms = plain_number(text);
        break;
    case CLI_TAG_BASE_URL:
        header->base_url = text;
        break;
    case CLI_TAG_APP:
        header->app = text;
        break;
    case CLI_TAG_KIND:
        header->kind = text;
        break;
    case CLI_TAG_WORKFLOW:
        header->workflow_id = text;
        break;
    case CLI_TAG_USER:
        header->user = text;
        break;
    case CLI_TAG_INPUTS:
        header->inputs = text;
        break;
    case CLI_TAG_QUERY:
        header->query = text;
        break;
    case CLI_TAG_CONVERSATION:
        *(is_header ? &header->conversation_id : &record->ids.conversation_id) = text;
        break;
    case CLI_TAG_RUN:
        record->ids.workflow_run_id = text;
        break;
    case CLI_TAG_TASK:
        record->ids.task_id = text;
        break;
    case CLI_TAG_MESSAGE:
        record->ids.message_id = text;
        break;
    case CLI_TAG_AT:
        record->at_ms = plain_number(text);
        break;
    case CLI_TAG_RESUMED:
        record->is_resumed = plain_number(text) != 0;
        break;
    default:
        break;
    }
}

static void plain_payload(struct cli_journal_record *record, const uint8_t *payload, size_t len)
{
    if (record->type == CLI_JOURNAL_STREAM_BYTES) {
        record->bytes = (struct dify_slice){(const char *)payload, len};
        return;
    }
    for (size_t at = 0; len - at >= 5;) {
        size_t size = cli_get_u32(payload + at + 1);
        if (size > len - at - 5)
            return;
        plain_field(record, payload[at], (struct dify_slice){(const char *)payload + at + 5, size});
        at += 5 + size;
    }
}

/* How many bytes were whole records. */
static size_t plain_read(const uint8_t *file, size_t len, bool skips_bytes, struct fuzz_text *log)
{
    size_t at = CLI_JOURNAL_MAGIC_BYTES;
    unsigned streams = 0;
    if (len < at || memcmp(file, CLI_JOURNAL_MAGIC, at) != 0)
        return 0;
    while (len - at >= CLI_JOURNAL_HEAD_BYTES) {
        const uint8_t *head = file + at;
        uint32_t size = cli_get_u32(head);
        unsigned type = head[8];
        bool is_skipped = skips_bytes && type == CLI_JOURNAL_STREAM_BYTES;
        if (size > CLI_JOURNAL_RECORD_BYTES || size > len - at - CLI_JOURNAL_HEAD_BYTES ||
            (!is_skipped && plain_checksum(head, size) != cli_get_u32(head + 4)) ||
            (at == CLI_JOURNAL_MAGIC_BYTES) != (type == CLI_JOURNAL_HEADER))
            return at;
        at += CLI_JOURNAL_HEAD_BYTES + size;
        if (type < CLI_JOURNAL_HEADER || type > CLI_JOURNAL_STOPPED)
            continue;
        streams += type == CLI_JOURNAL_STREAM;
        struct cli_journal_record record = {.type = type, .stream = streams};
        plain_payload(&record, head + CLI_JOURNAL_HEAD_BYTES, size);
        log_record(log, &record, !skips_bytes);
    }
    return at;
}

/* ---- the target ------------------------------------------------------------------------------ */

static void put_file(int fd, const uint8_t *bytes, size_t len)
{
    FUZZ_REQUIRE(ftruncate(fd, 0) == 0 && pwrite(fd, bytes, len, 0) == (ssize_t)len,
                 "the fuzz target itself has no file");
}

static void read_file(int fd, bool skips_bytes, struct fuzz_text *log, uint64_t *at, bool *is_cut)
{
    struct cli_journal_record record;
    struct cli_journal_reader reader = {
        .fd = fd,
        .skips_bytes = skips_bytes,
        .payload = {.allocator = dify__allocator(NULL), .max = CLI_JOURNAL_RECORD_BYTES}};
    while (cli_journal_next(&reader, &record))
        log_record(log, &record, !skips_bytes);
    FUZZ_REQUIRE(!cli_journal_next(&reader, &record), "an end is an end");
    *at = reader.at;
    *is_cut = reader.is_cut;
    cli_journal_reader_fini(&reader);
}

/* Reads the file, and holds what it says against the plain reading; appends that to `seen`. */
static void check_file(int fd, const uint8_t *bytes, size_t len, struct fuzz_text *seen)
{
    put_file(fd, bytes, len);
    for (int skips_bytes = 1; skips_bytes >= 0; skips_bytes--) {
        struct fuzz_text log = {NULL, 0, 0}, plain = {NULL, 0, 0};
        uint64_t at;
        bool is_cut;
        read_file(fd, skips_bytes != 0, &log, &at, &is_cut);
        FUZZ_REQUIRE(at == plain_read(bytes, len, skips_bytes != 0, &plain), "the whole records");
        FUZZ_REQUIRE(is_cut == (at != len), "whatever is behind them is a cut");
        FUZZ_REQUIRE(fuzz_text_same(&log, &plain), "what the records say");
        if (skips_bytes == 0)
            fuzz_text_add(seen, plain.len != 0 ? plain.ptr : "", plain.len);
        fuzz_text_fini(&log);
        fuzz_text_fini(&plain);
    }
}

/* A journal whose records hold what the input says. */
static void build(const uint8_t *bytes, size_t len, struct fuzz_text *file, size_t *records)
{
    fuzz_text_add(file, CLI_JOURNAL_MAGIC, CLI_JOURNAL_MAGIC_BYTES);
    *records = 0;
    for (size_t at = 0; len - at >= 2 && *records < RECORDS_MAX; (*records)++) {
        size_t size = bytes[at + 1] < len - at - 2 ? bytes[at + 1] : len - at - 2;
        uint8_t head[CLI_JOURNAL_HEAD_BYTES];
        /* one type in four is none */
        head[8] = *records == 0 ? CLI_JOURNAL_HEADER : (uint8_t)(bytes[at] % 12);
        cli_put_u32(head, (uint32_t)size);
        cli_put_u32(head + 4, cli_journal_checksum(head[8], bytes + at + 2, size));
        fuzz_text_add(file, head, sizeof head);
        fuzz_text_add(file, bytes + at + 2, size);
        at += 2 + size;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static int fd = -1; /* one file for all inputs */
    struct fuzz_draw draw = fuzz_draw_init(bytes, len);
    struct fuzz_text seen = {NULL, 0, 0}, whole = {NULL, 0, 0}, file = {NULL, 0, 0};
    size_t records;
    if (fd < 0)
        fd = memfd_create("journal", MFD_CLOEXEC);
    check_file(fd, bytes, len, &seen);
    build(bytes, len, &file, &records);
    check_file(fd, (const uint8_t *)file.ptr, file.len, &whole);
    FUZZ_REQUIRE((whole.len != 0) == (records != 0), "the first record, whatever follows");

    size_t place = fuzz_draw_below(&draw, file.len);
    for (int is_cut = 0; is_cut < 2; is_cut++) {
        seen.len = 0;
        if (is_cut == 0)
            file.ptr[place] ^= (char)(1 << fuzz_draw_below(&draw, 8));
        check_file(fd, (const uint8_t *)file.ptr, is_cut != 0 ? place : file.len, &seen);
        FUZZ_REQUIRE(seen.len <= whole.len &&
                         (seen.len == 0 || memcmp(seen.ptr, whole.ptr, seen.len) == 0),
                     "damage changes nothing that was before it");
    }
    fuzz_text_fini(&seen);
    fuzz_text_fini(&whole);
    fuzz_text_fini(&file);
    return 0;
}
