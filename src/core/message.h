/* SPDX-License-Identifier: Apache-2.0
 *
 * message.h: putting a one-line message together in a fixed buffer; what does not fit is cut off.
 */
#ifndef DIFY_CORE_MESSAGE_H
#define DIFY_CORE_MESSAGE_H

#include "core/json_text.h"
#include "core/slices.h"

struct dify__message {
    char *text; /* always NUL-terminated once something was added */
    size_t size;
    size_t len;
};

static inline void dify__message_slice(struct dify__message *message, struct dify_slice part)
{
    size_t room = message->size - 1 - message->len;
    size_t len = part.len < room ? part.len : room;
    while (len < part.len && len != 0 && ((unsigned char)part.ptr[len] & 0xC0) == 0x80)
        len--; /* not inside a character */
    memcpy(message->text + message->len, part.ptr, len);
    message->len += len;
    message->text[message->len] = '\0';
}

static inline void dify__message_text(struct dify__message *message, const char *part)
{
    dify__message_slice(message, dify__slice(part));
}

static inline void dify__message_uint(struct dify__message *message, uint64_t value)
{
    char digits[20];
    dify__message_slice(message, (struct dify_slice){digits, dify__format_uint(value, digits)});
}

#endif
