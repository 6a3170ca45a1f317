/* SPDX-License-Identifier: Apache-2.0
 *
 * text.h: putting an answer's JSON together piece by piece, and reading some back.
 *
 * What is built is in the style DIFY__STYLE_RAW; dify__style_text() turns it into another one. An
 * error stays until it is asked for, so that pieces can follow one another without a check each.
 */
#ifndef SIM_TEXT_H
#define SIM_TEXT_H

#include "core/memory.h"
#include "core/style.h"

#include <stdint.h>
#include <yyjson.h>

struct sim_text {
    struct dify__buffer bytes;
    enum dify_err err;
};

/* Ceiling of one text. */
#define SIM_TEXT_BYTES ((size_t)128 << 20)

void sim_text_init(struct sim_text *text, const struct dify_allocator *allocator);
void sim_text_fini(struct sim_text *text);

void sim_text_put(struct sim_text *text, struct dify_slice bytes);
void sim_text_add(struct sim_text *text, const char *literal);
void sim_text_string(struct sim_text *text,
                     struct dify_slice string); /* with quotes; absent: null */
void sim_text_int(struct sim_text *text, int64_t number);

/* `literal`, which ends in the colon of a member, and a string behind it. */
void sim_text_pair(struct sim_text *text, const char *literal, struct dify_slice string);
void sim_text_id(struct sim_text *text, const char *literal, const char *id);

/* A further member that an object has, `,"NAME":VALUE`; null where it has none. */
void sim_text_member(struct sim_text *text, yyjson_val *object, const char *name);

/* A value that was read from JSON, compact; NULL: null. */
void sim_text_value(struct sim_text *text, yyjson_val *value);

static inline struct dify_slice sim_text_slice(const struct sim_text *text)
{
    return dify__buffer_slice(&text->bytes);
}

/* Reads JSON with numbers as raw texts; free with yyjson_doc_free(). DIFY_ERR_JSON, NOMEM. Takes no
 * lone surrogates. */
DIFY_MUST_CHECK enum dify_err sim_read_strict(const struct dify_allocator *allocator,
                                              struct dify_slice json, yyjson_doc **doc);

/* The same for one of a run's own texts, which may have lone surrogates (as escapes or in their
 * three-byte form). NULL for an empty text. */
DIFY_MUST_CHECK enum dify_err sim_read_json(const struct dify_allocator *allocator,
                                            struct dify_slice json, yyjson_doc **doc);

/* The same for what `text` is made of: an error is the text's. NULL for an empty one, too. */
yyjson_doc *sim_text_read(struct sim_text *text, struct dify_slice json);

/* A member of an object as text; absent if it is not there or no string. */
struct dify_slice sim_member_string(yyjson_val *object, const char *name);

/* The text of a value that is a string; absent otherwise. */
struct dify_slice sim_value_string(yyjson_val *value);

/* A whole number's value, or `otherwise`. */
int64_t sim_value_int(yyjson_val *value, int64_t otherwise);

#endif
