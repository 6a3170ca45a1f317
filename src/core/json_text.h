/* SPDX-License-Identifier: Apache-2.0
 *
 * json_text.h: writing JSON, and small questions about JSON texts.
 *
 * The writer knows two styles (result.h). It never fails by itself and takes no memory: bytes go to
 * the caller's sink through a small buffer, and an error of the sink is kept till the end.
 */
#ifndef DIFY_CORE_JSON_TEXT_H
#define DIFY_CORE_JSON_TEXT_H

#include "core/memory.h"
#include "difystream/result.h"

#include <stdint.h>

struct dify__writer {
    dify_write_fn *write;
    void *ctx;
    enum dify_json_style style;
    enum dify_err err;
    unsigned depth;
    bool is_first; /* nothing was written yet in the object or array at hand */
    size_t len;
    char bytes[4000];
};

/* A sink that appends to the `struct dify__buffer` that is its `ctx`. */
DIFY_MUST_CHECK enum dify_err dify__write_to_buffer(void *ctx, const char *bytes, size_t len);

void dify__writer_init(struct dify__writer *writer, enum dify_json_style style,
                       dify_write_fn *write, void *ctx);
DIFY_MUST_CHECK enum dify_err dify__writer_finish(struct dify__writer *writer);

void dify__write_open(struct dify__writer *writer, char bracket);  /* '{' or '[' */
void dify__write_close(struct dify__writer *writer, char bracket); /* '}' or ']' */
void dify__write_key(struct dify__writer *writer, const char *key);
void dify__write_key_text(struct dify__writer *writer, struct dify_slice key);
void dify__write_element(struct dify__writer *writer); /* before each element of an array */

/* Values. Absent ones are written as null. */
void dify__write_string(struct dify__writer *writer, struct dify_slice text);
void dify__write_number(struct dify__writer *writer, struct dify_slice text);
void dify__write_uint(struct dify__writer *writer, uint64_t value);
void dify__write_bool(struct dify__writer *writer, bool value);
void dify__write_null(struct dify__writer *writer);

/* A valid JSON text, in the writer's style: white space and escapes made uniform. Absent: null. */
void dify__write_json(struct dify__writer *writer, struct dify_slice json);

/* Members: a key and its value. */
void dify__key_string(struct dify__writer *writer, const char *key, struct dify_slice text);
void dify__key_number(struct dify__writer *writer, const char *key, struct dify_slice text);
void dify__key_uint(struct dify__writer *writer, const char *key, uint64_t value);
void dify__key_bool(struct dify__writer *writer, const char *key, bool value);
void dify__key_null(struct dify__writer *writer, const char *key);
void dify__key_json(struct dify__writer *writer, const char *key, struct dify_slice json);

/* `value` in decimal; returns its length, at most 20. No NUL. */
size_t dify__format_uint(uint64_t value, char text[20]);

/* A non-negative integer in `text`, all of it; false if it is none or above 2^64 - 1. */
bool dify__parse_uint(struct dify_slice text, uint64_t *value);

#endif
