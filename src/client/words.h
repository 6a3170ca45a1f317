/* SPDX-License-Identifier: Apache-2.0
 *
 * words.h: what is told of answers that are none, of failures of the network, and texts put
 * together on the heap.
 */
#ifndef DIFY_CLIENT_WORDS_H
#define DIFY_CLIENT_WORDS_H

#include "client/app.h"

/* Appends; an error sticks in `*err`. */
void dify__add(struct dify__buffer *text, enum dify_err *err, const char *part);
void dify__add_slice(struct dify__buffer *text, enum dify_err *err, struct dify_slice part);
void dify__add_uint(struct dify__buffer *text, enum dify_err *err, uint64_t value);

/* `part` as a segment of a path or a value of a query: percent-encoded (RFC 3986). */
void dify__add_encoded(struct dify__buffer *text, enum dify_err *err, const char *part);

/* Whether it can be one segment of a path: servers, and libcurl, take "." and ".." for something
 * else, and what follows a NUL is lost. */
bool dify__is_segment(struct dify_slice text);

/* A JSON string, quotes included; NULL: null. */
void dify__add_json(struct dify__buffer *text, enum dify_err *err, struct dify_slice part);

/* Ends the text with a NUL that does not count. */
void dify__add_nul(struct dify__buffer *text, enum dify_err *err);

/* Dify's error body {"code","message","status"}. Both texts are copied; absent where it has none.
 */
struct dify__refusal {
    char code[64];
    struct dify__buffer message;
};

/* Reads `body`. False if it is no such object. NOMEM counts as none. A code or message that shows
 * `key`, which something on the way may send back, has asterisks instead. */
bool dify__refusal_read(struct dify__refusal *refusal, const struct dify_allocator *allocator,
                        struct dify_slice body, const char *key);
void dify__refusal_fini(struct dify__refusal *refusal);

/* The outcome of an HTTP status that is no success. */
enum dify_outcome dify__outcome_of_status(int status);

/* The outcome of a failed exchange. */
enum dify_outcome dify__outcome_of_failure(enum dify__failure failure);

/* "Dify answered 404 Not Found to GET /info, an HTML page: …"; `refusal` may be NULL. */
void dify__say_status(struct dify__buffer *text, enum dify_err *err, const struct dify_app *app,
                      const struct dify__request *request, int status, bool is_html);

/* "cannot connect to dify.example:443: Connection refused" */
void dify__say_failure(struct dify__buffer *text, enum dify_err *err, const struct dify_app *app,
                       const struct dify__end *end);

#endif
