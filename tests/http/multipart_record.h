/* SPDX-License-Identifier: Apache-2.0
 *
 * multipart_record.h: what a form parser calls, as a text: "[name|filename|type]data;" for a part,
 * "~" for what is absent, then "." or "!" and the error. CR, LF and NUL are written as in C.
 */
#ifndef DIFY_TESTS_HTTP_MULTIPART_RECORD_H
#define DIFY_TESTS_HTTP_MULTIPART_RECORD_H

#include "../unit/support.h"
#include "http/multipart.h"

#define FORM_TYPE "multipart/form-data; boundary="

struct record {
    struct text log;
    size_t pieces;  /* of data */
    size_t stop_at; /* the call that returns false, from 1; 0: none */
    size_t calls;
};

static inline void record_bytes(struct record *record, struct dify_slice bytes)
{
    for (size_t i = 0; i < bytes.len; i++) {
        char c = bytes.ptr[i];
        if (c == '\r' || c == '\n' || c == '\0')
            text_add_chars(&record->log, c == '\r' ? "\\r" : c == '\n' ? "\\n" : "\\0");
        else
            text_add(&record->log, &c, 1);
    }
}

static inline void record_text(struct record *record, struct dify_slice text)
{
    if (text.ptr == NULL)
        text_add_chars(&record->log, "~");
    else
        record_bytes(record, text);
}

static inline bool record_call(struct record *record)
{
    return ++record->calls != record->stop_at;
}

static inline bool record_begin(void *ctx, const struct http_part *part)
{
    struct record *record = ctx;
    text_add_chars(&record->log, "[");
    record_text(record, part->name);
    text_add_chars(&record->log, "|");
    record_text(record, part->filename);
    text_add_chars(&record->log, "|");
    record_text(record, part->content_type);
    text_add_chars(&record->log, "]");
    return record_call(record);
}

static inline bool record_data(void *ctx, struct dify_slice bytes)
{
    struct record *record = ctx;
    assert_true(bytes.len != 0);
    record_bytes(record, bytes);
    record->pieces++;
    return record_call(record);
}

static inline bool record_end(void *ctx)
{
    struct record *record = ctx;
    text_add_chars(&record->log, ";");
    return record_call(record);
}

static const struct http_multipart_callbacks record_callbacks = {record_begin, record_data,
                                                                 record_end};

static inline const char *record_error(enum http_multipart_err err)
{
    static const char *const names[] = {".",          "!NOMEM",    "!NOT_A_FORM", "!SYNTAX",
                                        "!TOO_LARGE", "!TOO_MANY", "!TRUNCATED",  "!STOPPED"};
    assert_in_range(err, 0, COUNT_OF(names) - 1);
    return names[err];
}

/* From a block of its own, see support.h. */
static inline enum http_multipart_err form_feed_copy(struct http_multipart *form, const char *bytes,
                                                     size_t len)
{
    char *copy = malloc(len != 0 ? len : 1);
    assert_non_null(copy);
    if (len != 0)
        memcpy(copy, bytes, len);
    enum http_multipart_err err = http_multipart_feed(form, (struct dify_slice){copy, len});
    free(copy);
    return err;
}

/* Feeds `body` in pieces that end at the `count` positions and at its end, ends, and records the
 * error, which must be sticky. */
static inline void record_form(struct record *record, const char *type, struct dify_slice body,
                               const size_t *cuts, size_t count)
{
    struct http_multipart *form = NULL;
    enum http_multipart_err err =
        http_multipart_new(NULL, slice_of(type), &record_callbacks, record, &form);
    size_t at = 0;
    for (size_t i = 0; i <= count && err == HTTP_MULTIPART_OK; i++) {
        size_t to = i < count ? cuts[i] : body.len;
        err = form_feed_copy(form, body.ptr + at, to - at);
        at = to;
    }
    if (err == HTTP_MULTIPART_OK)
        err = http_multipart_end(form);
    if (form != NULL && err != HTTP_MULTIPART_OK) {
        size_t calls = record->calls;
        assert_int_equal(form_feed_copy(form, "\r\n--B--", 7), err);
        assert_int_equal(http_multipart_end(form), err);
        assert_int_equal(record->calls, calls);
    }
    text_add_chars(&record->log, record_error(err));
    http_multipart_free(form);
}

#endif
