/* SPDX-License-Identifier: Apache-2.0
 *
 * sse_record.h: what a parser tells, as one line of text to compare.
 *
 *   [TYPE|ID|DATA@OFFSET]  an event; a type of "message" is left out
 *   #TEXT;                 a comment
 *   !NUMBER=DIGITS;        a retry
 *   <ID>                   at the end, the last event id
 * A line feed is shown as \n, a NUL as \0.
 */
#ifndef DIFY_TESTS_UNIT_SSE_RECORD_H
#define DIFY_TESTS_UNIT_SSE_RECORD_H

#include "support.h"

static inline void record_slice(struct text *out, struct dify_slice slice)
{
    for (size_t i = 0; i < slice.len; i++) {
        char c = slice.ptr[i];
        if (c == '\n')
            text_add_chars(out, "\\n");
        else if (c == '\0')
            text_add_chars(out, "\\0");
        else
            text_add(out, &c, 1);
    }
}

static inline enum dify_err record_event(void *ctx, const struct dify_sse_event *event)
{
    struct text *out = ctx;
    bool is_message = event->type.len == 7 && memcmp(event->type.ptr, "message", 7) == 0;
    text_add_chars(out, "[");
    if (!is_message)
        record_slice(out, event->type);
    text_add_chars(out, "|");
    record_slice(out, event->id);
    text_add_chars(out, "|");
    record_slice(out, event->data);
    text_addf(out, "@%llu]", (unsigned long long)event->offset);
    return DIFY_OK;
}

static inline enum dify_err record_comment(void *ctx, struct dify_slice text)
{
    text_add_chars(ctx, "#");
    record_slice(ctx, text);
    text_add_chars(ctx, ";");
    return DIFY_OK;
}

static inline enum dify_err record_retry(void *ctx, uint64_t retry_ms, struct dify_slice digits)
{
    text_addf(ctx, "!%llu=", (unsigned long long)retry_ms);
    record_slice(ctx, digits);
    text_add_chars(ctx, ";");
    return DIFY_OK;
}

/* Options that record all into `out`. */
static inline struct dify_sse_options record_options(struct text *out)
{
    return (struct dify_sse_options){.size = sizeof(struct dify_sse_options),
                                     .ctx = out,
                                     .event = record_event,
                                     .comment = record_comment,
                                     .retry = record_retry};
}

static inline struct dify_sse *new_sse(const struct dify_sse_options *options)
{
    struct dify_sse *sse = NULL;
    assert_int_equal(dify_sse_new(options, &sse), DIFY_OK);
    assert_non_null(sse);
    return sse;
}

/* Feeds a copy that dies at once. */
static inline enum dify_err sse_feed_copy(struct dify_sse *sse, const char *bytes, size_t len)
{
    char *copy = malloc(len != 0 ? len : 1);
    assert_non_null(copy);
    if (len != 0)
        memcpy(copy, bytes, len);
    enum dify_err err = dify_sse_feed(sse, copy, len);
    free(copy);
    return err;
}

#endif
