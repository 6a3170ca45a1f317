/* SPDX-License-Identifier: Apache-2.0
 *
 * log.h: the records of a run's event log, as bytes.
 *
 * A record is a head of five bytes (its kind; the length of its text, 32 bits, little-endian) and a
 * text, which is JSON (a ping's is empty). Records are numbered from 1 in the order in which they
 * were appended; a segment is some of them one behind the other. A record has its number whoever is
 * shown it.
 */
#ifndef STORE_LOG_H
#define STORE_LOG_H

#include "core/memory.h"

#include <stdint.h>

enum store_record_kind {
    STORE_RECORD_EVENT = 'E',  /* an event of Dify, its JSON as it came */
    STORE_RECORD_FOLLOW = 'F', /* what became of the stream: made here */
    STORE_RECORD_STREAM = 'S', /* the same, and the events behind it are of another stream */
    /* What a caller of /v1, who sees one stream without a break, is told otherwise than followers
     * and the fold: */
    STORE_RECORD_REPEAT = 'R', /* an event as 'E', which he does not get: he has it already */
    STORE_RECORD_V1 = 'V',     /* a text only for him, in the place of an event or of a lost one */
    STORE_RECORD_PING = 'P'    /* a ping, only for him */
};

/* Whether it is an event of Dify: what the fold is fed with, and followers are shown. */
static inline bool store_record_is_event(enum store_record_kind kind)
{
    return kind == STORE_RECORD_EVENT || kind == STORE_RECORD_REPEAT;
}

/* Whether it is for callers of /v1 alone. */
static inline bool store_record_is_v1(enum store_record_kind kind)
{
    return kind == STORE_RECORD_V1 || kind == STORE_RECORD_PING;
}

#define STORE_RECORD_HEAD 5

/* The longest text of a record: an event that is longer is not kept (DIFY_ERR_TOO_LARGE). */
#define STORE_RECORD_BYTES ((size_t)64 << 20)

/* Records of one log: 2^24 - 1. */
#define STORE_RECORDS ((uint32_t)0xFFFFFF)

struct store_record {
    enum store_record_kind kind;
    struct dify_slice text;
};

DIFY_MUST_CHECK enum dify_err store_record_put(struct dify__buffer *records,
                                               enum store_record_kind kind, struct dify_slice text);

/* Takes the first record off `records`. False at the end, and where what follows is no whole record
 * (then `records` is not empty). The text is borrowed from them. */
bool store_record_next(struct dify_slice *records, struct store_record *record);

#endif
