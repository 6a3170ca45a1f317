/* SPDX-License-Identifier: Apache-2.0
 *
 * multipart.h: a push parser for multipart/form-data (RFC 7578, RFC 2046 §5.1).
 *
 *     struct http_multipart *form;
 *     http_multipart_new(NULL, content_type, &callbacks, ctx, &form);
 *     ... http_multipart_feed(form, bytes) as they come ...
 *     http_multipart_end(form)
 *
 * It does no I/O and keeps nothing of a part's body, not even what may be the beginning of a
 * boundary: only how long that is. A failed parser repeats its error. The same bytes give the same
 * calls in any chunking, but for how the bytes of a part's body are cut.
 *
 * A line that begins with the boundary and goes on with other characters than white space is data
 * (of a form within a form). Lines end in CRLF only: in a part's head, and in that of a boundary,
 * anything else is an error. What stands in front of the first boundary and behind the closing one
 * is passed over.
 */
#ifndef HTTP_MULTIPART_H
#define HTTP_MULTIPART_H

#include "difystream/allocator.h"
#include "difystream/export.h"
#include "difystream/slice.h"
#include "http/limits.h"

#include <stdbool.h>

enum http_multipart_err {
    HTTP_MULTIPART_OK = 0,
    HTTP_MULTIPART_NOMEM,
    HTTP_MULTIPART_NOT_A_FORM,     /* no multipart/form-data, or no or a bad boundary */
    HTTP_MULTIPART_SYNTAX,         /* a part's head is malformed, or has no form-data name */
    HTTP_MULTIPART_HEAD_TOO_LARGE, /* HTTP_PART_HEAD_BYTES */
    HTTP_MULTIPART_TOO_MANY,       /* HTTP_MULTIPART_PARTS */
    HTTP_MULTIPART_TRUNCATED,      /* the end came before the closing boundary */
    HTTP_MULTIPART_STOPPED         /* a callback returned false */
};

/* The head of a part. Slices live until on_part_begin returns. Names are bytes as they came, UTF-8
 * where the client keeps to the standard; never with a NUL. */
struct http_part {
    struct dify_slice name;          /* of the field; decoded (quotes, %22, backslashes, name*); may
                                        be empty */
    struct dify_slice filename;      /* absent where the part is no file; may be empty; without
                                        folders. filename* (RFC 8187; valid UTF-8 without controls,
                                        else SYNTAX) wins though RFC 7578 forbids it: clients send
                                        it */
    struct dify_slice sent_filename; /* the same as it was sent, with folders: never a path here */
    struct dify_slice content_type;  /* absent where there is none */
};

/* Each returns whether to go on. None may free the parser or feed it. Data comes in pieces that are
 * never empty; of an empty part none comes. */
struct http_multipart_callbacks {
    bool (*on_part_begin)(void *ctx, const struct http_part *part);
    bool (*on_part_data)(void *ctx, struct dify_slice bytes);
    bool (*on_part_end)(void *ctx);
};

struct http_multipart;

/* `content_type` is the request's and `callbacks`, all of them set, are copied; NOT_A_FORM, NOMEM.
 */
DIFY_MUST_CHECK enum http_multipart_err
http_multipart_new(const struct dify_allocator *allocator, struct dify_slice content_type,
                   const struct http_multipart_callbacks *callbacks, void *ctx,
                   struct http_multipart **form);
void http_multipart_free(struct http_multipart *form);

DIFY_MUST_CHECK enum http_multipart_err http_multipart_feed(struct http_multipart *form,
                                                            struct dify_slice bytes);

/* The body has ended. */
DIFY_MUST_CHECK enum http_multipart_err http_multipart_end(struct http_multipart *form);

/* In English, for a 400. Static. */
const char *http_multipart_strerror(enum http_multipart_err err);

#endif
