/* SPDX-License-Identifier: Apache-2.0
 *
 * order_state.h: what an order is made of, for the files that read its body: order_form.c,
 * order_json.c, order_digest.c.
 *
 * Texts lie one behind the other in `texts`, each with a NUL behind it, and are known by their
 * offsets while it grows. JSON lies there as it came.
 */
#ifndef GATEWAY_ORDER_STATE_H
#define GATEWAY_ORDER_STATE_H

#include "core/memory.h"
#include "gateway/order.h"
#include "http/multipart.h"

/* A user has at most so many characters; that of the library, see follow.h. */
#define GW_USER_CHARACTERS 255

enum gw_body_type {
    GW_BODY_NOTHING, /* no type was given: nothing may come */
    GW_BODY_JSON,
    GW_BODY_PAIRS, /* application/x-www-form-urlencoded */
    GW_BODY_PARTS  /* multipart/form-data */
};

/* What a request of the runs route says besides its inputs. */
enum gw_member { GW_APP, GW_USER, GW_QUERY, GW_CONVERSATION, GW_WORKFLOW, GW_INPUTS, GW_MEMBERS };
#define GW_NO_MEMBER GW_MEMBERS

struct gw_order_field {
    enum gw_member member; /* that it is; GW_NO_MEMBER: it is an input */
    const char *renamed;   /* NULL: the name as it came */
    size_t name, name_len, value, value_len;
};

struct gw_order_file {
    const char *renamed;
    size_t name, file_name; /* file_name: UTF-8 */
    struct gw_spooled bytes;
    unsigned char digest[GW_SHA256_BYTES];
};

/* Of a file less is not written at once: of what looks like boundaries the parser hands out pieces
 * of a few bytes. */
#define GW_PIECE_BYTES ((size_t)4 << 10)

/* The part at hand. */
enum gw_part_kind {
    GW_PART_FIELD,
    GW_PART_FILE,
    GW_PART_NO_FILE, /* a file without a name: none was chosen, if nothing comes */
};

struct gw_order {
    const struct dify_allocator *allocator;
    struct gw_order_options options;
    enum gw_body_type body;

    struct dify__buffer texts;
    size_t field_bytes; /* of JSON, and of names and values of fields: GW_JSON_BYTES */
    struct gw_order_field *fields;
    size_t field_count, field_capacity;
    struct gw_order_file *files;
    size_t file_count, file_capacity;

    /* multipart only */
    struct http_multipart *form;
    enum gw_part_kind part;
    size_t part_name, part_name_len, part_value;
    size_t part_file_name;
    char *piece; /* GW_PIECE_BYTES: the end of a file, until it is worth a write; NULL before one */
    size_t piece_len;
    struct gw_sha256 sha;

    /* Problems are collected and refused at the end; a failure is final. */
    bool has_problems, has_failed, has_ended;
    struct gw_refusal refusal;

    /* after the end */
    struct dify__buffer words; /* what was decoded of JSON */
    struct dify__buffer made;  /* JSON with members renamed */
    struct dify_slice members[GW_MEMBERS];
    struct dify_field *out_fields; /* the last one of each name */
    size_t out_field_count;
    struct dify_attachment *attachments;
    bool wants_stream;         /* of a body of Dify's own API */
    struct dify__buffer extra; /* likewise: a JSON object of what else it says */
    unsigned char inputs_digest[GW_SHA256_BYTES];
    unsigned char digest[GW_SHA256_BYTES]; /* of all but the app's name */
};

/* ---- refusing (order.c) ---- */

/* Adds a sentence with a name in it, in quotes. `after` may be empty. */
void gw_order_problem(struct gw_order *order, const char *code, const char *before,
                      struct dify_slice name, const char *after);
/* The refusal is this; false. */
bool gw_order_fail(struct gw_order *order, int status, const char *code, const char *message);
/* The same about a thing that is larger than `bytes`. */
bool gw_order_too_large(struct gw_order *order, const char *what, struct dify_slice name,
                        uint64_t bytes);
bool gw_order_no_memory(struct gw_order *order);

/* What the route says that a field or a file is for; NULL: the name it has. */
const char *gw_order_renamed(const struct gw_order *order, struct dify_slice name);

/* The member that a field of that name is: of a configured path only the user. */
enum gw_member gw_order_member(const struct gw_order *order, struct dify_slice name);

/* ---- reading; false: it has failed ---- */

bool gw_order_form_begin(struct gw_order *order, struct dify_slice content_type);
bool gw_order_form_feed(struct gw_order *order, struct dify_slice bytes);
bool gw_order_form_end(struct gw_order *order);
bool gw_order_json_end(struct gw_order *order);
bool gw_order_dify_end(struct gw_order *order); /* order_dify.c */

/* Holds `inputs`, a JSON text, to be an object and takes its digest; of an absent one that of {}.
 * What is wrong is a problem. */
bool gw_order_check_inputs(struct gw_order *order, struct dify_slice inputs);

/* ---- digests (order_digest.c) ---- */

enum gw_json_digest_err {
    GW_JSON_DIGEST_OK = 0,
    GW_JSON_DIGEST_NOMEM,
    GW_JSON_DIGEST_MANY,
    GW_JSON_DIGEST_TWICE
};

/* Of a JSON object that was read before: valid, no deeper than DIFY_EVENT_DEPTH. MANY: it has more
 * than GW_FORM_FIELDS members. TWICE: an object in it has two members of one name, which is then
 * cut into `name`. */
enum gw_json_digest_err gw_json_digest(const struct dify_allocator *allocator,
                                       struct dify_slice json, bool skips_digest,
                                       unsigned char digest[GW_SHA256_BYTES], char name[100]);

/* Of the whole order; into order->digest. */
bool gw_order_take_digest(struct gw_order *order);

#endif
