/* SPDX-License-Identifier: Apache-2.0
 *
 * order.h: what a request asks to be run, taken from its body: a form (multipart, or
 * application/x-www-form-urlencoded) or JSON.
 *
 * The bytes of files go to unlinked temporary files as they come, so that memory per request does
 * not grow with the file; a file's name is only ever a text. The whole request has a digest (the
 * app, its fields in sorted order, its files by content), which is the same however often the same
 * request is sent.
 *
 *     struct gw_order *order;
 *     if (gw_order_new(&options, content_type, &order, &refusal) ...)
 *         gw_order_feed(order, bytes, &refusal) ... gw_order_finish(order, &refusal)
 *     gw_order_fill(order, &dify_order);
 */
#ifndef GATEWAY_ORDER_H
#define GATEWAY_ORDER_H

#include "difystream/follow.h"
#include "gateway/config.h"
#include "gateway/sha256.h"
#include "gateway/spool.h"

/* Why a request is refused. */
struct gw_refusal {
    int status;         /* 400, 413, 415, 503 */
    const char *code;   /* static: invalid_param, invalid_form, invalid_json, too_large,
                         * unsupported_media_type, spool_full, disk_full, spool_failed, no_memory,
                         * unfit */
    char message[1024]; /* English, one line, shown to the client; without values of fields */
};

/* All pointers are borrowed as long as the order lives. */
struct gw_order_options {
    const struct dify_allocator *allocator; /* NULL: the C library's */
    struct gw_spool *spool;
    uint64_t max_file_bytes;
    const struct gw_route_config *route; /* of a configured path: its renames; NULL: none */

    /* The body is one for a configured path: every field, or member of a JSON object, is an input,
     * but `user`, unless it is renamed. Else it is one for the runs route: `app`, `user`, `query`,
     * `conversation_id` and `workflow_id` are what they say, `inputs` is an object of inputs, and
     * so is every other field of a form; another member of a JSON object is refused. */
    bool is_bare;

    /* The body is JSON as Dify's own API takes it: `inputs`, `user`, `query` and `conversation_id`
     * are what they say, `response_mode` is "streaming" or not, all else goes out as it came. One
     * that Dify would refuse, for want of a user, say, is unfit: Dify is to say so. */
    bool is_dify;
    const char *workflow_id; /* of the path of such a request; NULL: none. Copied */
    enum dify_kind kind;     /* that its path asks for */
    bool skips_digest;       /* gw_order_digest() will not be asked */
};

struct gw_order;

/* An order whose body begins; `content_type` is absent where the request has none, which the runs
 * route takes for an empty body. False with `refusal`: not a type of body that is taken. */
DIFY_MUST_CHECK bool gw_order_new(const struct gw_order_options *options,
                                  struct dify_slice content_type, struct gw_order **out,
                                  struct gw_refusal *refusal);
void gw_order_free(struct gw_order *order); /* NULL is legal; the files go */

/* Bytes of the body; and its end. False with `refusal`, which is then repeated. What is wrong with
 * single fields is told at the end, all of it; ceilings as soon as they are passed. */
DIFY_MUST_CHECK bool gw_order_feed(struct gw_order *order, struct dify_slice bytes,
                                   struct gw_refusal *refusal);
DIFY_MUST_CHECK bool gw_order_finish(struct gw_order *order, struct gw_refusal *refusal);

/* After the end: fills what the body says into `out` (inputs, fields, attachments, user, query,
 * conversation_id, workflow_id; NULL or absent where it says nothing) and touches nothing else; all
 * is borrowed from the order, which must live until the files are up. Of a field that was sent
 * twice the last one counts. A file goes to the input of its part's name, else to the app's only
 * one that takes files. May be called again: the files are then read from their start again. */
void gw_order_fill(const struct gw_order *order, struct dify_order *out);

/* A JSON body as it came, also after a refusal. */
struct dify_slice gw_order_body(const struct gw_order *order);

/* Of a body as Dify's own API takes it: whether a stream is asked for. */
bool gw_order_wants_stream(const struct gw_order *order);

/* The name of the app that the body asks for; absent: none. */
struct dify_slice gw_order_app(const struct gw_order *order);

/* SHA-256 over what the request asks for, of the app of that name. Neither the order of fields or
 * of members, nor white space, nor how the body was encoded as a form count; of several files for
 * one input the order does, as they make a list. False for want of memory. */
DIFY_MUST_CHECK bool gw_order_digest(const struct gw_order *order, const char *app,
                                     unsigned char digest[GW_SHA256_BYTES]);

bool gw_order_has_files(const struct gw_order *order);

#endif
