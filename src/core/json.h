/* SPDX-License-Identifier: Apache-2.0
 *
 * json.h: reading one JSON object at a time through yyjson, with memory that is used again.
 *
 * yyjson decodes a copy of the text in place, so that every key and string it shows lies in the
 * copy at the offset at which it stands in the text. That is how the text of any value, a number's
 * digits among them, is found again without a second parse.
 *
 * Texts that yyjson refuses but Dify sends are mended once and read again: bytes that are no UTF-8
 * become U+FFFD, escapes of lone surrogates become their three-byte form.
 */
#ifndef DIFY_CORE_JSON_H
#define DIFY_CORE_JSON_H

#include "core/memory.h"

#include <yyjson.h>

struct dify__json {
    const struct dify_allocator *allocator;
    struct yyjson_alc alc;
    void *block; /* one block for yyjson, used again */
    size_t block_size;
    bool block_in_use;

    struct dify__buffer copy;   /* room for what yyjson decodes in place; its len stays 0 */
    struct dify__buffer mended; /* the text, where it had to be mended */
    struct dify_slice text;     /* the text that offsets refer to */
    yyjson_doc *doc;
    yyjson_read_err why;     /* yyjson's own of the last text it refused */
    struct dify_error error; /* of the last text that was refused as JSON */
};

void dify__json_init(struct dify__json *json, const struct dify_allocator *allocator);
void dify__json_fini(struct dify__json *json);

/* Reads `text`, which must be an object by RFC 8259; the object before it dies. `text` must live as
 * long as values are used. Errors: DIFY_ERR_JSON and DIFY_ERR_DEPTH with `json->error`; NOMEM. */
DIFY_MUST_CHECK enum dify_err dify__json_read(struct dify__json *json, struct dify_slice text);

/* Reads an object whose first `head_len` bytes are those of the object before, which was read as it
 * stood, or differ from them only within strings in which nothing is escaped, and whose last
 * member's value begins right behind them: only this value is read, and is then the root, and
 * `*value` its text. What was decoded of the head stays where it was, in `copy`: the caller may put
 * other strings of the same length there. False if the value is no object, if anything is wrong, or
 * for want of memory: then the text is to be read whole. */
bool dify__json_read_last(struct dify__json *json, struct dify_slice text, size_t head_len,
                          struct dify_slice *value);

/* Like dify__json_read() for an object whose values' texts come from one that was read: surrogates
 * may already be in their three-byte form. */
DIFY_MUST_CHECK enum dify_err dify__json_read_again(struct dify__json *json,
                                                    struct dify_slice text);

/* Forgets the object; memory above a few MB is given back. */
void dify__json_release(struct dify__json *json);

/* The members of an object, in order. */
struct dify__members {
    const struct dify__json *json;
    yyjson_val *next_key;
    size_t left;            /* members from next_key on */
    const char *object_end; /* its closing brace, in the text */
    /* the member at hand */
    struct dify_slice key; /* decoded */
    yyjson_val *value;
};

/* Goes to before the first member of the object that was read. */
void dify__members_of_root(struct dify__members *members, const struct dify__json *json);

/* The same for any object and its text. Of what is no object (or NULL): no members. */
void dify__members_of(struct dify__members *members, const struct dify__json *json,
                      yyjson_val *object, struct dify_slice text);

static inline bool dify__members_next(struct dify__members *members)
{
    yyjson_val *key = members->next_key;
    if (members->left == 0)
        return false;
    members->key = (struct dify_slice){unsafe_yyjson_get_str(key), unsafe_yyjson_get_len(key)};
    members->value = key + 1;
    members->left--;
    members->next_key = unsafe_yyjson_get_next(members->value);
    return true;
}

/* The text of the value at hand, as it stands in the text that was read. */
struct dify_slice dify__members_text(const struct dify__members *members);

/* The value at hand if it is a string, decoded; else absent. */
static inline struct dify_slice dify__members_string(const struct dify__members *members)
{
    yyjson_val *value = members->value;
    if (!yyjson_is_str(value))
        return (struct dify_slice){NULL, 0};
    return (struct dify_slice){unsafe_yyjson_get_str(value), unsafe_yyjson_get_len(value)};
}

/* The elements of an array, in order. */
struct dify__elements {
    yyjson_arr_iter iter;
    const char *at; /* where the next one begins, or the white space before it */
    /* the element at hand */
    yyjson_val *value;
    struct dify_slice text;
};

/* The elements of `array`, whose text is `text`. Of what is no array: none. */
struct dify__elements dify__json_elements(yyjson_val *array, struct dify_slice text);
bool dify__elements_next(struct dify__elements *elements);

#endif
