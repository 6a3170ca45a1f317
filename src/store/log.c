/* SPDX-License-Identifier: Apache-2.0
 *
 * log.c: records put one behind the other, and taken off again.
 */
#include "store/log.h"

enum dify_err store_record_put(struct dify__buffer *records, enum store_record_kind kind,
                               struct dify_slice text)
{
    if (text.len > STORE_RECORD_BYTES)
        return DIFY_ERR_TOO_LARGE;
    enum dify_err err = dify__buffer_reserve(records, STORE_RECORD_HEAD + text.len);
    if (err != DIFY_OK)
        return err;
    unsigned char head[STORE_RECORD_HEAD] = {(unsigned char)kind};
    for (unsigned i = 0; i < 4; i++)
        head[1 + i] = (unsigned char)((uint32_t)text.len >> 8 * i);
    err = dify__buffer_append(records, head, sizeof head);
    return err == DIFY_OK ? dify__buffer_append(records, text.ptr, text.len) : err;
}

static bool is_kind(unsigned char byte)
{
    switch ((enum store_record_kind)byte) {
    case STORE_RECORD_EVENT:
    case STORE_RECORD_FOLLOW:
    case STORE_RECORD_STREAM:
    case STORE_RECORD_REPEAT:
    case STORE_RECORD_V1:
    case STORE_RECORD_PING:
        return true;
    }
    return false;
}

bool store_record_next(struct dify_slice *records, struct store_record *record)
{
    if (records->len < STORE_RECORD_HEAD)
        return false;
    const unsigned char *head = (const unsigned char *)records->ptr;
    uint32_t len = 0;
    for (unsigned i = 0; i < 4; i++)
        len |= (uint32_t)head[1 + i] << 8 * i;
    if (!is_kind(head[0]))
        return false;
    if (len > STORE_RECORD_BYTES || len > records->len - STORE_RECORD_HEAD)
        return false;
    record->kind = (enum store_record_kind)head[0];
    record->text = (struct dify_slice){records->ptr + STORE_RECORD_HEAD, len};
    records->ptr += STORE_RECORD_HEAD + len;
    records->len -= STORE_RECORD_HEAD + len;
    return true;
}
