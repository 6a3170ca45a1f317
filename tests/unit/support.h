/* SPDX-License-Identifier: Apache-2.0
 *
 * support.h: what the unit tests share: growing texts, an allocator that counts and fails, folding
 * a stream in pieces, and looking into a result.
 *
 * Chunks are fed from blocks of their own that are freed when the call returns, so that a
 * sanitizer sees a read past a chunk's end and a pointer kept into one.
 */
#ifndef DIFY_TESTS_UNIT_SUPPORT_H
#define DIFY_TESTS_UNIT_SUPPORT_H

#include "difystream/allocator.h"
#include "difystream/result.h"
#include "difystream/run.h"
#include "difystream/slice.h"
#include "difystream/sse.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <yyjson.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* ---- texts ----------------------------------------------------------------------------------- */

/* Bytes that grow; NUL-terminated for convenience. Zero-initialise; freed with text_fini(). */
struct text {
    char *ptr;
    size_t len, capacity;
};

void text_add(struct text *text, const void *bytes, size_t len);
void text_add_chars(struct text *text, const char *chars);
void text_add_repeated(struct text *text, char c, size_t count);
void text_addf(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
void text_fini(struct text *text);
struct dify_slice text_slice(const struct text *text);

struct dify_slice slice_of(const char *chars);

/* Slices against C texts; `assert_slice(slice, NULL)` asserts that it is absent. */
#define assert_slice(slice, chars) assert_slice_at((slice), (chars), __FILE__, __LINE__)
void assert_slice_at(struct dify_slice slice, const char *chars, const char *file, int line);
#define assert_bytes(slice, other) assert_bytes_at((slice), (other), __FILE__, __LINE__)
void assert_bytes_at(struct dify_slice slice, struct dify_slice other, const char *file, int line);

/* `chars` with each ' as ", so that JSON can be read in C. */
void text_add_json(struct text *text, const char *chars);

/* Adds "data: ", the JSON, and a blank line. */
void text_add_event(struct text *text, const char *json);

/* A stream of events in single quotes: STREAM("{'event':'a'}", "{'event':'b'}"). */
#define STREAM(...) stream_of(__VA_ARGS__, (const char *)NULL)
struct text stream_of(const char *first, ...);

/* ---- memory ---------------------------------------------------------------------------------- */

/* An allocator that counts, checks what it is told, and fails on demand. */
struct meter {
    struct dify_allocator allocator;
    size_t live_bytes, live_blocks, peak_bytes;
    uint64_t calls; /* of malloc and realloc */
    uint64_t reallocs;
    uint64_t asked_bytes; /* sum over all calls */
    uint64_t fail_at;     /* the call that fails, from 1; 0: none */
    bool fails_on;        /* and all calls after it */
    uint64_t failures;
};

void meter_init(struct meter *meter);
void assert_meter_empty(const struct meter *meter);

/* ---- feeding --------------------------------------------------------------------------------- */

enum dify_err feed_copy(struct dify_run *run, const char *bytes, size_t len);

/* In chunks of `chunk` bytes; 0: at once. Stops at an error. */
enum dify_err feed_in(struct dify_run *run, struct dify_slice stream, size_t chunk);

struct dify_run *new_run(void);
struct dify_run *new_run_with(struct dify_run_options options); /* sets `size` */

/* Feeds and ends a run made with defaults. */
struct dify_run *fold(const struct text *stream);

/* ---- results --------------------------------------------------------------------------------- */

enum dify_err write_to_text(void *ctx, const char *bytes, size_t len); /* ctx: struct text */

struct text result_text(const struct dify_run *run, enum dify_json_style style);

/* Reads a result, strictly but for lone surrogates, which come as U+FFFD. NULL if it is no JSON;
 * else to be freed with yyjson_doc_free(). */
yyjson_doc *parse_result(const struct text *result);

/* The value at JSON pointer `pointer` of the run's result, as compact JSON, is `json` (in single
 * quotes); NULL: there is no such member. The whole result must be valid JSON. */
#define assert_result(run, pointer, json)                                                          \
    assert_result_at((run), (pointer), (json), __FILE__, __LINE__)
void assert_result_at(const struct dify_run *run, const char *pointer, const char *json,
                      const char *file, int line);

/* Folds the stream whole, byte by byte, and asking for the result after each event; all three must
 * give the same text, and it must hold `json` at `pointer`. */
#define assert_folds(stream, pointer, json)                                                        \
    assert_folds_at((stream), (pointer), (json), __FILE__, __LINE__)
void assert_folds_at(struct text stream, const char *pointer, const char *json, const char *file,
                     int line); /* frees `stream` */

/* ---- cases ----------------------------------------------------------------------------------- */

/* Runs `run_case` with each of `count` cases as its state; a case's first member is its name. */
int run_cases(const char *group, const void *cases, size_t count, size_t size,
              CMUnitTestFunction run_case);

/* ---- files ----------------------------------------------------------------------------------- */

/* The recording `name` below tests/recordings, for example "minimal/streaming"; fails if it is not
 * there. */
struct text read_recording(const char *name);

/* The whole file; false if it cannot be read. */
bool read_file(const char *path, struct text *out);

/* ---- chance ---------------------------------------------------------------------------------- */

/* DIFY_TEST_SEED, or a new one; printed, so that a failure can be replayed. */
uint64_t test_seed(void);
uint64_t next_random(uint64_t *state);
size_t random_below(uint64_t *state, size_t limit);

#endif
