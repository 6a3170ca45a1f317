/* SPDX-License-Identifier: Apache-2.0
 *
 * store.c: writes runs of 25 KB of events and 5 KB of result through the store, each of them step
 * by step as the gateway does, and prints what that took, as JSON. PIECES is how many appends a
 * run's events come in: 2, or up to 50 where they come one by one.
 *
 *     bench_store PATH RUNS AT_ONCE [PIECES [MAX_BYTES]]
 */
#include "core/slices.h"
#include "store/store.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { EVENTS = 50, EVENT_BYTES = 500, RESULT_BYTES = 5000 };

struct bench {
    struct store *store;
    int wakes[2];
    struct dify_slice piece, result;
    unsigned pieces, events; /* of a run; of a piece */
    unsigned long left, open, refused;
};

struct run {
    struct bench *bench;
    uint64_t number;
    unsigned step;
};

static void must(bool is_so, const char *what)
{
    if (!is_so) {
        fprintf(stderr, "bench_store: %s\n", what);
        exit(1);
    }
}

static void wake(void *ctx)
{
    struct bench *bench = ctx;
    must(write(bench->wakes[1], "", 1) == 1, "write");
}

/* As a UUID of version 7: what was begun later sorts behind, the rest is chance. */
static void make_id(uint64_t number, unsigned char id[STORE_ID_BYTES])
{
    uint64_t mixed = number * 0x9E3779B97F4A7C15u;
    for (unsigned i = 0; i < 8; i++) {
        id[i] = (unsigned char)(number >> (56 - 8 * i));
        id[8 + i] = (unsigned char)(mixed >> 8 * i);
    }
}

static void step(void *ctx, bool is_kept);

static void begin(struct run *run)
{
    struct bench *bench = run->bench;
    struct store_run row = {
        .number = store_next_number(bench->store),
        .created_ms = 1700000000000u,
        .sent_ms = 1700000000000u,
        .app = DIFY_SLICE("label-check"),
        .user = DIFY_SLICE("difystream-0190b1d2-7c5e-7cc3-98c4-dc0c0c07398f"),
        .route = DIFY_SLICE("/api/detect"),
        .inputs = DIFY_SLICE("{\"food_type\":\"Biscuit\",\"package_size\":\"100 g\",\"image\":{"
                             "\"type\":\"image\",\"transfer_method\":\"local_file\",\"upload_file_"
                             "id\":\"5b8f2a0e-95a2-4f7b-8d3a-1f2c3d4e5f60\"}}"),
    };
    make_id(row.number, row.id);
    run->number = row.number;
    run->step = 0;
    bench->left--;
    bench->open++;
    must(store_begin(bench->store, &row, step, run), "the queue is full");
}

static void end(struct run *run)
{
    struct store_end row = {
        .ended_ms = 1700000009000u,
        .status = DIFY_SLICE("succeeded"),
        .http_status = 200,
        .success = true,
        .tokens = 1234,
        .price = DIFY_SLICE("0.0012345"),
        .currency = DIFY_SLICE("USD"),
        .steps = 9,
        .events = EVENTS,
        .result = run->bench->result,
    };
    must(store_end(run->bench->store, run->number, &row, step, run), "the queue is full");
}

/* A piece of the events; with the first one the ids, behind the last one at once the end. */
static void append(struct run *run, unsigned piece)
{
    struct bench *bench = run->bench;
    bool is_last = piece + 1 == bench->pieces;
    char id[40];
    int len;
    if (piece == 0) {
        len = snprintf(id, sizeof id, "%016llx-4b0c-8f7a-2f6a1c9d3e51",
                       (unsigned long long)(run->number * 0x9E3779B97F4A7C15u));
        must(store_set_started(bench->store, run->number, (struct dify_slice){id, (size_t)len},
                               (struct dify_slice){id, (size_t)len}, NULL, NULL),
             "the queue is full");
    }
    must(store_append(bench->store, run->number, piece * bench->events + 1, bench->piece,
                      is_last ? NULL : step, run),
         "the queue is full");
    if (is_last)
        end(run);
}

static void step(void *ctx, bool is_kept)
{
    struct run *run = ctx;
    struct bench *bench = run->bench;
    bench->refused += !is_kept;
    if (run->step < bench->pieces) {
        append(run, run->step++);
        return;
    }
    bench->open--;
    if (bench->left != 0)
        begin(run);
}

static double seconds(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void make_texts(struct bench *bench, struct dify__buffer *records)
{
    char *text = malloc(RESULT_BYTES);
    must(text != NULL, "no memory");
    memset(text, 'x', RESULT_BYTES);
    bench->result = (struct dify_slice){text, RESULT_BYTES};
    for (unsigned i = 0; i < bench->events; i++)
        must(store_record_put(records, STORE_RECORD_EVENT,
                              (struct dify_slice){text, EVENT_BYTES}) == DIFY_OK,
             "no memory");
    bench->piece = dify__buffer_slice(records);
}

int main(int argc, char **argv)
{
    struct bench bench = {.left = argc > 2 ? strtoul(argv[2], NULL, 10) : 0};
    unsigned long runs = bench.left, at_once = argc > 3 ? strtoul(argv[3], NULL, 10) : 0;
    struct dify__buffer records = {.allocator = dify__allocator(NULL), .max = 1 << 20};
    struct store_error error = {""};
    struct store_figures figures;
    char bytes[64];
    bench.pieces = argc > 4 ? (unsigned)strtoul(argv[4], NULL, 10) : 2;
    bench.events = bench.pieces != 0 ? EVENTS / bench.pieces : 0;
    if (bench.events == 0 || runs == 0 || at_once == 0 || at_once > runs) {
        fputs("usage: bench_store PATH RUNS AT_ONCE [PIECES [MAX_BYTES]]\n", stderr);
        return 2;
    }
    struct store_options options = {.path = argv[1], .on_wake = wake, .ctx = &bench};
    options.max_bytes = argc > 5 ? strtoull(argv[5], NULL, 10) : 0;
    struct run *run = calloc(at_once, sizeof *run);
    must(run != NULL && pipe(bench.wakes) == 0, "no memory");
    make_texts(&bench, &records);
    must(store_open(&options, &bench.store, &error) == DIFY_OK, error.text);
    double wall = seconds(CLOCK_MONOTONIC), cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
    for (unsigned long i = 0; i < at_once; i++) {
        run[i].bench = &bench;
        begin(&run[i]);
    }
    while (bench.open != 0) {
        must(read(bench.wakes[0], bytes, sizeof bytes) > 0, "read");
        (void)store_deliver(bench.store);
    }
    wall = seconds(CLOCK_MONOTONIC) - wall;
    cpu = seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu;
    store_figures(bench.store, &figures);
    store_close(bench.store);
    must(bench.refused == 0, "a write was refused");
    printf("{\"runs\": %lu, \"wall_s\": %.4f, \"cpu_s\": %.4f, \"commits\": %llu, \"synced\": %llu,"
           " \"removed\": %llu}\n",
           runs, wall, cpu, (unsigned long long)figures.commits,
           (unsigned long long)figures.synced_commits, (unsigned long long)figures.removed_runs);
    return 0;
}
