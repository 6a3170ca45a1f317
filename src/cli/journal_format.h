/* SPDX-License-Identifier: Apache-2.0
 *
 * journal_format.h: a journal's bytes, shared by what writes and what reads them.
 *
 * A file is CLI_JOURNAL_MAGIC and records. A record is a head of nine bytes (the payload's length,
 * a checksum of the length, the type and the payload, both little-endian, and the type) and the
 * payload. Texts in payloads are fields: a tag, the length in four bytes, the text.
 */
#ifndef DIFY_CLI_JOURNAL_FORMAT_H
#define DIFY_CLI_JOURNAL_FORMAT_H

#include "cli/journal.h"

#define CLI_JOURNAL_MAGIC "difystream journal 1\n"
#define CLI_JOURNAL_MAGIC_BYTES (sizeof CLI_JOURNAL_MAGIC - 1)
#define CLI_JOURNAL_HEAD_BYTES ((size_t)9)

/* The name of a journal's file in its folder, and room for it. */
#define CLI_JOURNAL_SUFFIX ".run"
#define CLI_JOURNAL_NAME_SIZE (DIFY__UUID_SIZE + sizeof CLI_JOURNAL_SUFFIX - 1)

/* Tags of fields. Numbers, in eight bytes, have tags as well. */
enum cli_journal_tag {
    CLI_TAG_ID = 1,
    CLI_TAG_CREATED,
    CLI_TAG_BASE_URL,
    CLI_TAG_APP,
    CLI_TAG_KIND,
    CLI_TAG_WORKFLOW,
    CLI_TAG_USER,
    CLI_TAG_INPUTS,
    CLI_TAG_QUERY,
    CLI_TAG_CONVERSATION,
    CLI_TAG_RUN,
    CLI_TAG_TASK,
    CLI_TAG_MESSAGE,
    CLI_TAG_AT,
    CLI_TAG_RESUMED
};

static inline void cli_put_u32(unsigned char *out, uint32_t value)
{
    for (unsigned i = 0; i < 4; i++)
        out[i] = (unsigned char)(value >> (8 * i));
}

static inline uint32_t cli_get_u32(const unsigned char *in)
{
    return (uint32_t)in[0] | (uint32_t)in[1] << 8 | (uint32_t)in[2] << 16 | (uint32_t)in[3] << 24;
}

/* CRC-32 (IEEE) of the bytes, going on from `crc`; 0 to begin with. */
uint32_t cli_crc32(uint32_t crc, const void *bytes, size_t len);

/* The checksum of a record. */
uint32_t cli_journal_checksum(enum cli_journal_type type, const void *payload, size_t len);

enum cli_journal_err cli_journal_system_error(struct cli_journal_error *error, const char *what,
                                              const char *folder, const char *name);

/* Locks the whole file against other descriptors; false if another one holds it. */
bool cli_journal_lock(int fd);
bool cli_journal_is_locked(int fd);

/* Opens the file of `id` in the folder, with open()'s `flags`. */
enum cli_journal_err cli_journal_open_file(const char *folder, const char *id, int flags, int *fd,
                                           struct cli_journal_error *error);

/* Whether the file begins as a journal does. */
bool cli_journal_has_magic(int fd);

/* Removes journals in which nothing was written for CLI_JOURNAL_DAYS and that nobody follows. */
void cli_journal_prune(int folder_fd, uint64_t now_ms);

#endif
