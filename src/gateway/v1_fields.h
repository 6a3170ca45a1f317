/* SPDX-License-Identifier: Apache-2.0
 *
 * v1_fields.h: what of a message goes on when it is relayed: which paths, which header fields, and
 * how a body is framed. Pure questions about texts; nothing here keeps anything or does I/O.
 *
 * Fields belong to one connection or to the whole way (RFC 9110 §7.6.1). Of both directions go:
 * Connection and what it names, Keep-Alive, Proxy-*, TE, Trailer (but see below),
 * Transfer-Encoding, Upgrade and HTTP2-Settings. What frames a message is ours to write on each
 * side, so nothing that one side takes for an end reaches the other.
 */
#ifndef GATEWAY_V1_FIELDS_H
#define GATEWAY_V1_FIELDS_H

#include "client/relay.h"
#include "http/server.h"

/* ---- paths --------------------------------------------------------------------------------- */

enum gw_path { GW_PATH_SAFE, GW_PATH_UNSAFE, GW_PATH_TOO_LONG };

/* Whether a path, behind "/v1", stays below the base wherever it is decoded, and however often: no
 * dot segments (nor with parameters, "..;"), no empty segments but a last one, no backslashes, no
 * control characters, no bytes that only overlong UTF-8 has, no '%' without two digits. */
enum gw_path gw_v1_path(struct dify_slice path);

/* Takes percent-encoding away, once, in place; the new length, which is the old one if there is
 * none. */
size_t gw_v1_decode(char *path, size_t len);

/* ---- requests ------------------------------------------------------------------------------ */

/* Fields beside the request's own. */
#define GW_V1_MORE_FIELDS 1

struct gw_v1_request {
    struct dify__relay_field *fields; /* room for those of the request and GW_V1_MORE_FIELDS */
    size_t field_count;
    const char *method;
    uint64_t length;       /* as in struct dify__relayed */
    char max_forwards[24]; /* texts of fields */
};

/* Fills in all but `fields`, which is given. The key, Host and what frames the body are not among
 * the fields; Via (RFC 9110 §7.6.3) is, with "difystream" for a name. */
void gw_v1_request(const struct http_request *request, struct gw_v1_request *out);

/* ---- answers ------------------------------------------------------------------------------- */

struct gw_v1_answer {
    struct http_field *fields; /* dify__free() frees it; it has room for one more */
    size_t field_count;
    uint64_t length;          /* HTTP_LENGTH_UNKNOWN: none is told */
    struct dify__buffer text; /* of fields that were written anew */
};

/* Reads a head as received, in which the fields lie then. Location and Content-Location that lead
 * below `base_url` lead below "/v1"; of others, and of any field, those that name its host are left
 * out, since callers are not to learn where Dify is. Also left out: Via, whose names are of the
 * machines behind us, and Alt-Svc, which is about another origin than ours. Trailer is kept.
 * DIFY_ERR_ARGUMENT: it is no head that can be passed on (malformed, folded, or its framing can be
 * read in two ways); NOMEM. */
DIFY_MUST_CHECK enum dify_err gw_v1_answer(struct dify_slice head, const char *base_url,
                                           struct gw_v1_answer *out);
void gw_v1_answer_fini(struct gw_v1_answer *answer);

/* One line of trailers as a field; false: it is none that is passed on. */
bool gw_v1_trailer(struct dify_slice line, struct http_field *field);

#endif
