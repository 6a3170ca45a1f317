/* SPDX-License-Identifier: Apache-2.0
 *
 * log.h: the records of a run's event log, as bytes.
 *
 * A record is a head of five bytes (its kind; the length of its text, 32 bits, little-endian) and a
 * text, which is JSON. Records are numbered from 1 in the order in which they were appended; a
 * segment is some of them one behind the other. Every record is shown to followers, under its
 * number.
 */
#ifndef STORE_LOG_H
#define STORE_LOG_H

#include "core/memory.h"

#include <stdint.h>

enum store_record_kind {
    STORE_RECORD_EVENT = 'E',  /* an event of Dify, its JSON as it came */
    STORE_RECORD_FOLLOW = 'F', /* what became of the stream: made here */
    STORE_RECORD_STREAM = 'S'  /* the same, and the events behind it are of another stream */
};

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
