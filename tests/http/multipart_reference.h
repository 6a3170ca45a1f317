/* SPDX-License-Identifier: Apache-2.0
 *
 * multipart_reference.h: a slow, plain reading of a whole form in one block, to hold the parser
 * against: every position is compared with the delimiter. Of the product it uses the reading of a
 * part's head alone.
 */
#ifndef DIFY_TESTS_HTTP_MULTIPART_REFERENCE_H
#define DIFY_TESTS_HTTP_MULTIPART_REFERENCE_H

#include "http/multipart.h"
#include "http/part_head.h"

#include <stdlib.h>
#include <string.h>

struct reference {
    const char *boundary;
    struct dify_slice body; /* with a CRLF in front of what was sent */
    const struct http_multipart_callbacks *callbacks;
    void *ctx;
};

/* How much of the delimiter, and of what closes a form, stands at `at`. */
static size_t reference_prefix(const struct reference *ref, size_t at)
{
    char want[4 + HTTP_BOUNDARY_BYTES + 3] = "\r\n--";
    memcpy(want + 4, ref->boundary, strlen(ref->boundary) + 1);
    want[strlen(want)] = '-';
    size_t len = 0;
    while (len < 5 + strlen(ref->boundary) && at + len < ref->body.len &&
           ref->body.ptr[at + len] == want[len])
        len++;
    return len;
}

enum reference_line {
    REFERENCE_NONE,
    REFERENCE_PART,
    REFERENCE_CLOSE,
    REFERENCE_BAD,
    REFERENCE_CUT
};

/* What stands at `at`; `*behind` is where it ends. */
static enum reference_line reference_line(const struct reference *ref, size_t at, size_t *behind)
{
    size_t len = 4 + strlen(ref->boundary), end = ref->body.len;
    const char *body = ref->body.ptr;
    size_t is = reference_prefix(ref, at);
    if (is < len)
        return is != 0 && at + is == end ? REFERENCE_CUT : REFERENCE_NONE;
    at += len;
    if (at == end || (body[at] == '-' && at + 1 == end))
        return REFERENCE_CUT;
    if (body[at] == '-') {
        *behind = at + 2;
        return body[at + 1] == '-' ? REFERENCE_CLOSE : REFERENCE_NONE;
    }
    if (body[at] != ' ' && body[at] != '\t' && body[at] != '\r' && body[at] != '\n')
        return REFERENCE_NONE;
    while (at < end && (body[at] == ' ' || body[at] == '\t'))
        at++;
    if (at < end && body[at] != '\r')
        return REFERENCE_BAD;
    if (at + 1 >= end)
        return REFERENCE_CUT;
    *behind = at + 2;
    return body[at + 1] == '\n' ? REFERENCE_PART : REFERENCE_BAD;
}

/* The head at `*at`; moves it behind. */
static enum http_multipart_err reference_head(const struct reference *ref, size_t *at)
{
    size_t start = *at, line = *at;
    for (size_t i = start; i < ref->body.len; i++) {
        if (i - start >= HTTP_PART_HEAD_BYTES)
            return HTTP_MULTIPART_HEAD_TOO_LARGE;
        if (ref->body.ptr[i] != '\n')
            continue;
        if (i == line || ref->body.ptr[i - 1] != '\r')
            return HTTP_MULTIPART_SYNTAX;
        if (i == line + 1) {
            struct http_part part;
            char *head = malloc(line - start + 1);
            if (head == NULL)
                return HTTP_MULTIPART_NOMEM;
            memcpy(head, ref->body.ptr + start, line - start);
            bool is_good = http_part_head(head, line - start, &part);
            if (is_good)
                (void)ref->callbacks->on_part_begin(ref->ctx, &part);
            free(head);
            *at = i + 1;
            return is_good ? HTTP_MULTIPART_OK : HTTP_MULTIPART_SYNTAX;
        }
        line = i + 1;
    }
    return HTTP_MULTIPART_TRUNCATED;
}

static enum http_multipart_err reference_parts(const struct reference *ref)
{
    bool in_part = false;
    size_t parts = 0, data = 2, behind = 0;
    for (size_t at = 0; at < ref->body.len; at++) {
        enum reference_line line = reference_line(ref, at, &behind);
        if (line == REFERENCE_NONE)
            continue;
        if (in_part && at > data)
            (void)ref->callbacks->on_part_data(
                ref->ctx, (struct dify_slice){ref->body.ptr + data, at - data});
        if (line == REFERENCE_CUT)
            return HTTP_MULTIPART_TRUNCATED;
        if (line == REFERENCE_BAD)
            return HTTP_MULTIPART_SYNTAX;
        if (in_part)
            (void)ref->callbacks->on_part_end(ref->ctx);
        if (line == REFERENCE_CLOSE)
            return HTTP_MULTIPART_OK;
        if (++parts > HTTP_MULTIPART_PARTS)
            return HTTP_MULTIPART_TOO_MANY;
        data = behind;
        enum http_multipart_err err = reference_head(ref, &data);
        if (err != HTTP_MULTIPART_OK)
            return err;
        in_part = true;
        at = data - 3; /* the head's last CRLF may be the delimiter's */
    }
    if (in_part && ref->body.len > data)
        (void)ref->callbacks->on_part_data(
            ref->ctx, (struct dify_slice){ref->body.ptr + data, ref->body.len - data});
    return HTTP_MULTIPART_TRUNCATED;
}

/* Makes the calls that a parser makes for `sent`, each part's data in one piece. */
static enum http_multipart_err reference_parse(const char *boundary, struct dify_slice sent,
                                               const struct http_multipart_callbacks *callbacks,
                                               void *ctx)
{
    char *body = malloc(sent.len + 2);
    if (body == NULL)
        return HTTP_MULTIPART_NOMEM;
    memcpy(body, "\r\n", 2);
    if (sent.len != 0)
        memcpy(body + 2, sent.ptr, sent.len);
    struct reference ref = {boundary, {body, sent.len + 2}, callbacks, ctx};
    enum http_multipart_err err = reference_parts(&ref);
    free(body);
    return err;
}

#endif
