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

#include <stdbool.h>
#include <stdint.h>

/* Why a request is refused. */
struct gw_refusal {
    int status;         /* 400, 413, 415, 503 */
    const char *code;   /* "invalid_param", "too_large", ...; static */
    char message[1024]; /* English, one line, shown to the client */
};

/* The disk that all orders of a gateway share for the files that they hold. */
struct gw_spool {
    const char *folder;
    uint64_t max_bytes, used_bytes;
};

struct gw_order_options {
    struct gw_spool *spool;
    uint64_t max_file_bytes;
    const struct gw_route_config *route; /* of a configured path: its renames; NULL: none */
    bool is_bare; /* a form of a configured path: every field is an input. Else (the runs route) a
                   * form's and a JSON's `inputs` is an object of them as well, `app` names the app
                   */
};

struct gw_order;

/* An order whose body begins. False with `refusal`: not a type of body that is taken. */
DIFY_MUST_CHECK bool gw_order_new(const struct gw_order_options *options,
                                  struct dify_slice content_type, struct gw_order **out,
                                  struct gw_refusal *refusal);
void gw_order_free(struct gw_order *order); /* NULL is legal; the files go */

/* Bytes of the body; and its end. False with `refusal`, which is then repeated. */
DIFY_MUST_CHECK bool gw_order_feed(struct gw_order *order, struct dify_slice bytes,
                                   struct gw_refusal *refusal);
DIFY_MUST_CHECK bool gw_order_finish(struct gw_order *order, struct gw_refusal *refusal);

/* After the end: fills what the body says into `out` (inputs, fields, attachments, user, query,
 * conversation_id, workflow_id); all is borrowed from the order, which must live until the files
 * are up. */
void gw_order_fill(const struct gw_order *order, struct dify_order *out);

/* The name of the app that the body asks for; absent: none. */
struct dify_slice gw_order_app(const struct gw_order *order);

/* SHA-256 over what the request asks for, of the app of that name. */
void gw_order_digest(const struct gw_order *order, const char *app, unsigned char digest[32]);

bool gw_order_has_files(const struct gw_order *order);

#endif
