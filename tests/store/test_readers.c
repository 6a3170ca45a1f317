/* SPDX-License-Identifier: Apache-2.0
 *
 * test_readers.c: readers of which one begins before the other ends, always: the write-ahead log
 * does not grow with what is written.
 */
#include "kit.h"

#include "core/slices.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define RECORD_BYTES ((size_t)512 << 10)
#define RECORDS 500 /* 250 MB */
#define WAL_MOST ((off_t)150 << 20)

/* Two readers that hand on a baton: who holds it is inside of a read, and lets go only when the
 * other one is, too. A read lasts, so that there are commits within each. */
#define READ_NS 40000000
struct baton {
    struct store_kit *kit;
    pthread_mutex_t mutex;
    pthread_cond_t cond;
    unsigned long begun[2];
    bool is_over;
};

struct runner {
    struct baton *baton;
    int index;
};

static bool await_other(void *ctx, const struct store_row *row)
{
    struct runner *runner = ctx;
    struct baton *baton = runner->baton;
    const struct timespec lasts = {0, READ_NS};
    (void)row;
    pthread_mutex_lock(&baton->mutex);
    baton->begun[runner->index]++;
    pthread_cond_broadcast(&baton->cond);
    unsigned long seen = baton->begun[1 - runner->index];
    while (baton->begun[1 - runner->index] == seen && !baton->is_over)
        pthread_cond_wait(&baton->cond, &baton->mutex);
    pthread_mutex_unlock(&baton->mutex);
    nanosleep(&lasts, NULL);
    return false;
}

static void *read_always(void *ctx)
{
    struct runner *runner = ctx;
    struct baton *baton = runner->baton;
    struct store_filter filter = {.limit = 1};
    struct store_reader *reader;
    struct store_error error;
    bool is_over = false;
    if (store_reader_open(baton->kit->store, &reader, &error) != DIFY_OK)
        abort();
    while (!is_over) {
        if (store_list(reader, &filter, await_other, runner) != DIFY_OK)
            abort();
        pthread_mutex_lock(&baton->mutex);
        is_over = baton->is_over;
        pthread_mutex_unlock(&baton->mutex);
    }
    store_reader_close(reader);
    return NULL;
}

static off_t write_much(struct store_kit *kit, uint64_t number)
{
    char path[100];
    struct stat about;
    off_t most = 0;
    struct dify__buffer records = {.allocator = dify__allocator(NULL), .max = 2 * RECORD_BYTES};
    char *text = malloc(RECORD_BYTES);
    assert_non_null(text);
    memset(text, '1', RECORD_BYTES);
    assert_int_equal(
        store_record_put(&records, STORE_RECORD_EVENT, (struct dify_slice){text, RECORD_BYTES}),
        DIFY_OK);
    snprintf(path, sizeof path, "%s-wal", kit->path);
    for (uint32_t at = 1; at <= RECORDS; at++) {
        assert_true(
            store_append(kit->store, number, at, dify__buffer_slice(&records), kit_done, kit));
        kit_await(kit, kit->delivered + 1);
        assert_int_equal(stat(path, &about), 0);
        most = about.st_size > most ? about.st_size : most;
    }
    free(text);
    dify__buffer_fini(&records);
    return most;
}

static void test_somebody_always_reads(void **state)
{
    (void)state;
    struct store_kit kit;
    struct baton baton = {.kit = &kit};
    struct runner runners[2] = {{&baton, 0}, {&baton, 1}};
    pthread_t threads[2];
    kit_init(&kit);
    kit_open(&kit);
    uint64_t number = kit_whole_run(&kit, 1, 2);
    kit_await(&kit, 2);
    assert_int_equal(pthread_mutex_init(&baton.mutex, NULL), 0);
    assert_int_equal(pthread_cond_init(&baton.cond, NULL), 0);
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, read_always, &runners[i]), 0);
    off_t most = write_much(&kit, number);
    pthread_mutex_lock(&baton.mutex);
    baton.is_over = true;
    pthread_cond_broadcast(&baton.cond);
    pthread_mutex_unlock(&baton.mutex);
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(kit.refused, 0);
    assert_true(baton.begun[0] > 1 && baton.begun[1] > 1);
    if (most > WAL_MOST)
        fail_msg("the write-ahead log grew to %ld bytes", (long)most);
    kit_fini(&kit);
    pthread_cond_destroy(&baton.cond);
    pthread_mutex_destroy(&baton.mutex);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_somebody_always_reads)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
