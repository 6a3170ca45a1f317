/* SPDX-License-Identifier: Apache-2.0
 *
 * fold.c: how fast the fold is, beside yyjson alone on the same data.
 *
 *     bench_fold speed STREAM REPEATS [NAME]   all ways of reading STREAM, or only NAME
 *     bench_fold idle STREAM                   memory of a run in the middle of STREAM
 *     bench_fold yyjson                        the version of yyjson
 *
 * `speed` prints a line for each measurement: name, bytes of JSON in the stream, seconds. Repeats
 * go round all ways in turn, so that a disturbance hits them alike. The stream is in memory before
 * the clock starts, and its events' JSON texts are already split for those who read these alone. A
 * way that does not see what is there ends the program: a wrong answer has no speed.
 */
#include "difystream/result.h"
#include "difystream/run.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <yyjson.h>

/* What a stream of `bench_mix` may begin a run with. */
static const char run_mark[] = "data: {\"event\":\"workflow_started\"";

struct slices {
    struct dify_slice *slice;
    size_t count, capacity;
};

struct stream {
    char *bytes, *copy;
    size_t len;
    size_t json_len; /* of all its events' data */
    size_t max_json_len;
    struct slices runs, events;
    struct dify_decoder *decoder;
    void *pool; /* for yyjson, enough for the largest event */
    size_t pool_size;
};

static void die(const char *what)
{
    fprintf(stderr, "bench_fold: %s\n", what);
    exit(1);
}

static void check(bool ok, const char *what)
{
    if (!ok)
        die(what);
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static void add(struct slices *slices, const char *from, const char *end)
{
    if (slices->count == slices->capacity) {
        slices->capacity = 2 * slices->capacity + 64;
        slices->slice = realloc(slices->slice, slices->capacity * sizeof *slices->slice);
        check(slices->slice != NULL, "out of memory");
    }
    slices->slice[slices->count++] = (struct dify_slice){from, (size_t)(end - from)};
}

static void read_file(struct stream *stream, const char *path)
{
    FILE *file = fopen(path, "rb");
    check(file != NULL && fseek(file, 0, SEEK_END) == 0, path);
    long len = ftell(file);
    check(len >= 0 && fseek(file, 0, SEEK_SET) == 0, path);
    stream->len = (size_t)len;
    stream->bytes = malloc(stream->len + 1);
    stream->copy = malloc(stream->len + 1);
    check(stream->bytes != NULL && stream->copy != NULL, "out of memory");
    check(fread(stream->bytes, 1, stream->len, file) == stream->len, path);
    memset(stream->copy, 0, stream->len + 1); /* its pages are there */
    fclose(file);
}

/* Finds the runs and the events' data. Lines are as bench_mix writes them: LF, one data line each.
 */
static void split(struct stream *stream)
{
    const char *end = stream->bytes + stream->len;
    const char *run = stream->bytes;
    const char *line_end;
    for (const char *line = stream->bytes; line < end; line = line_end + 1) {
        line_end = memchr(line, '\n', (size_t)(end - line));
        check(line_end != NULL, "the stream does not end with a line");
        size_t len = (size_t)(line_end - line);
        if (len < 6 || memcmp(line, "data: ", 6) != 0)
            continue;
        if (len >= sizeof run_mark && memcmp(line, run_mark, sizeof run_mark - 1) == 0 &&
            stream->events.count != 0) {
            add(&stream->runs, run, line);
            run = line;
        }
        add(&stream->events, line + 6, line_end);
        stream->json_len += len - 6;
        if (len - 6 > stream->max_json_len)
            stream->max_json_len = len - 6;
    }
    add(&stream->runs, run, end);
}

static void open_stream(struct stream *stream, const char *path)
{
    memset(stream, 0, sizeof *stream);
    read_file(stream, path);
    split(stream);
    stream->pool_size = yyjson_read_max_memory_usage(stream->max_json_len, 0);
    stream->pool = malloc(stream->pool_size);
    check(stream->pool != NULL, "out of memory");
    check(dify_decoder_new(NULL, &stream->decoder) == DIFY_OK, "out of memory");
}

/* ---- the ways of reading ---- */

static void copy_bytes(struct stream *stream)
{
    memcpy(stream->copy, stream->bytes, stream->len);
}

static void parse_each(struct stream *stream, const yyjson_alc *alc, yyjson_read_flag flags)
{
    for (size_t i = 0; i < stream->events.count; i++) {
        struct dify_slice json = stream->events.slice[i];
        yyjson_doc *doc = yyjson_read_opts((char *)(uintptr_t)json.ptr, json.len, flags, alc, NULL);
        check(yyjson_is_obj(yyjson_doc_get_root(doc)), "yyjson refuses an event");
        yyjson_doc_free(doc);
    }
}

static void parse_malloc(struct stream *stream)
{
    parse_each(stream, NULL, 0);
}

static void parse_pool_with(struct stream *stream, yyjson_read_flag flags)
{
    yyjson_alc alc;
    check(yyjson_alc_pool_init(&alc, stream->pool, stream->pool_size), "the pool is too small");
    parse_each(stream, &alc, flags);
}

static void parse_pool(struct stream *stream)
{
    parse_pool_with(stream, 0);
}

static void parse_pool_raw(struct stream *stream)
{
    parse_pool_with(stream, YYJSON_READ_NUMBER_AS_RAW);
}

static void fold_chunks(struct stream *stream, size_t chunk_size)
{
    struct dify_run_options options = {.size = sizeof options, .decoder = stream->decoder};
    struct dify_result result;
    uint64_t events = 0;
    for (size_t i = 0; i < stream->runs.count; i++) {
        struct dify_run *run;
        struct dify_slice bytes = stream->runs.slice[i];
        check(dify_run_new(&options, &run) == DIFY_OK, "out of memory");
        for (size_t at = 0; at < bytes.len; at += chunk_size) {
            size_t len = bytes.len - at < chunk_size ? bytes.len - at : chunk_size;
            check(dify_run_feed(run, bytes.ptr + at, len) == DIFY_OK, "the fold failed");
        }
        dify_run_end(run);
        dify_run_result(run, &result);
        events += result.event_count;
        check(result.warning_count == 0, "the fold skipped something");
        dify_run_free(run);
    }
    check(events == stream->events.count, "the fold missed events");
}

static void fold_16k(struct stream *stream)
{
    fold_chunks(stream, (size_t)16 << 10);
}

static void fold_64k(struct stream *stream)
{
    fold_chunks(stream, (size_t)64 << 10);
}

static void fold_whole(struct stream *stream)
{
    fold_chunks(stream, SIZE_MAX);
}

static const struct way {
    const char *name;
    void (*read)(struct stream *stream);
} ways[] = {
    {"memcpy", copy_bytes},      {"yyjson-malloc", parse_malloc},
    {"yyjson-pool", parse_pool}, {"yyjson-pool-raw", parse_pool_raw},
    {"fold-64k", fold_64k},      {"fold-16k", fold_16k},
    {"fold-whole", fold_whole},
};

#define WAYS (sizeof ways / sizeof ways[0])

static void measure_speed(const char *path, int repeats, const char *name)
{
    struct stream stream;
    bool found = false;
    open_stream(&stream, path);
    for (int repeat = 0; repeat < repeats; repeat++) {
        for (size_t i = 0; i < WAYS; i++) {
            if (name != NULL && strcmp(name, ways[i].name) != 0)
                continue;
            double start = now();
            ways[i].read(&stream);
            printf("%s\t%zu\t%.9f\n", ways[i].name, stream.json_len, now() - start);
            fflush(stdout);
            found = true;
        }
    }
    check(found, "no such way of reading");
    dify_decoder_free(stream.decoder);
    free(stream.runs.slice);
    free(stream.events.slice);
    free(stream.pool);
    free(stream.copy);
    free(stream.bytes);
}

/* ---- memory of an idle run ---- */

/* Counts what was asked for; a block's size stands in front of it. */
struct counter {
    size_t bytes, blocks;
};

union block {
    size_t size;
    max_align_t align;
};

static void *counting_malloc(void *ctx, size_t size)
{
    struct counter *counter = ctx;
    union block *block = malloc(sizeof *block + size);
    if (block == NULL)
        return NULL;
    block->size = size;
    counter->bytes += size;
    counter->blocks++;
    return block + 1;
}

static void counting_free(void *ctx, void *ptr)
{
    struct counter *counter = ctx;
    union block *block = (union block *)ptr - 1;
    counter->bytes -= block->size;
    counter->blocks--;
    free(block);
}

static void *counting_realloc(void *ctx, void *ptr, size_t old_size, size_t size)
{
    struct counter *counter = ctx;
    union block *block = realloc((union block *)ptr - 1, sizeof *block + size);
    if (block == NULL)
        return NULL;
    block->size = size;
    counter->bytes += size - old_size;
    return block + 1;
}

static void measure_idle(const char *path)
{
    struct stream stream = {0};
    struct counter run_counter = {0, 0}, decoder_counter = {0, 0};
    struct dify_allocator run_allocator = {&run_counter, counting_malloc, counting_realloc,
                                           counting_free};
    struct dify_allocator decoder_allocator = run_allocator;
    decoder_allocator.ctx = &decoder_counter;
    struct dify_run_options options = {.size = sizeof options, .allocator = &run_allocator};
    struct dify_run *run;
    read_file(&stream, path);
    check(dify_decoder_new(&decoder_allocator, &options.decoder) == DIFY_OK, "out of memory");
    check(dify_run_new(&options, &run) == DIFY_OK, "out of memory");
    printf("new\t%zu\t%zu\n", run_counter.bytes, run_counter.blocks);
    check(dify_run_feed(run, stream.bytes, stream.len / 2) == DIFY_OK, "the fold failed");
    printf("middle\t%zu\t%zu\n", run_counter.bytes, run_counter.blocks);
    check(dify_run_feed(run, stream.bytes + stream.len / 2, stream.len - stream.len / 2) == DIFY_OK,
          "the fold failed");
    printf("end\t%zu\t%zu\n", run_counter.bytes, run_counter.blocks);
    printf("decoder\t%zu\t%zu\n", decoder_counter.bytes, decoder_counter.blocks);
    dify_run_free(run);
    dify_decoder_free(options.decoder);
    check(run_counter.bytes == 0 && decoder_counter.bytes == 0, "memory was not given back");
    free(stream.copy);
    free(stream.bytes);
}

int main(int argc, char **argv)
{
    if (argc >= 4 && argc <= 5 && strcmp(argv[1], "speed") == 0) {
        measure_speed(argv[2], (int)strtol(argv[3], NULL, 10), argc == 5 ? argv[4] : NULL);
    } else if (argc == 3 && strcmp(argv[1], "idle") == 0) {
        measure_idle(argv[2]);
    } else if (argc == 2 && strcmp(argv[1], "yyjson") == 0) {
        puts(YYJSON_VERSION_STRING);
    } else {
        fputs("usage: bench_fold speed STREAM REPEATS [NAME] | idle STREAM | yyjson\n", stderr);
        return 2;
    }
    return 0;
}
