/* SPDX-License-Identifier: Apache-2.0
 *
 * test_log_queue.c: lines to a pipe that is read, not read, or gone: the queue's ceilings, and what
 * it says of lines that it has dropped.
 */
#define _GNU_SOURCE /* F_SETPIPE_SZ */
#include "../unit/support.h"

#include "gateway/log_queue.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define PIPE_BYTES 4096 /* the smallest that there is */

struct kit {
    int ends[2];
    struct gw_log_queue *queue;
    char *text; /* what was read */
    size_t len;
    uint64_t told; /* lines that were dropped, as it was said */
};

static size_t say_dropped(void *ctx, uint64_t count, char *line, size_t size)
{
    struct kit *kit = ctx;
    kit->told += count;
    return (size_t)snprintf(line, size, "dropped %u\n", (unsigned)count);
}

static void kit_begin(struct kit *kit, size_t max_bytes, size_t max_lines, uint32_t flush_ms)
{
    *kit = (struct kit){.len = 0};
    assert_int_equal(pipe(kit->ends), 0);
    assert_true(fcntl(kit->ends[1], F_SETPIPE_SZ, PIPE_BYTES) == PIPE_BYTES);
    struct gw_log_queue_options options = {.descriptor = kit->ends[1],
                                           .max_bytes = max_bytes,
                                           .max_lines = max_lines,
                                           .flush_ms = flush_ms,
                                           .say_dropped = say_dropped,
                                           .ctx = kit};
    kit->queue = gw_log_queue_new(&options);
    assert_non_null(kit->queue);
}

static struct gw_log_figures figures_of(const struct kit *kit)
{
    struct gw_log_figures figures;
    gw_log_queue_figures(kit->queue, &figures);
    return figures;
}

static void put(struct kit *kit, const char *text, size_t len)
{
    gw_log_queue_put(kit->queue, (struct dify_slice){text, len});
}

/* Waits until the pipe takes no more: from here on all that is put stays in the queue. */
static void fill_pipe(struct kit *kit)
{
    char line[PIPE_BYTES];
    struct pollfd wait = {kit->ends[1], POLLOUT, 0};
    memset(line, 'f', sizeof line);
    line[sizeof line - 1] = '\n';
    put(kit, line, sizeof line);
    while (poll(&wait, 1, 0) == 1 || figures_of(kit).queued != 0)
        ; /* the thread is about to write it */
}

/* Reads to the end, once the queue is closed and the pipe's end with it. */
static void *read_all(void *ctx)
{
    struct kit *kit = ctx;
    size_t room = 1 << 20;
    ssize_t count;
    kit->text = malloc(room);
    while ((count = read(kit->ends[0], kit->text + kit->len, room - 1 - kit->len)) > 0)
        kit->len += (size_t)count;
    kit->text[kit->len] = '\0';
    return NULL;
}

static void kit_end(struct kit *kit)
{
    pthread_t reader;
    assert_int_equal(pthread_create(&reader, NULL, read_all, kit), 0);
    gw_log_queue_close(kit->queue);
    close(kit->ends[1]);
    pthread_join(reader, NULL);
    close(kit->ends[0]);
    free(kit->text);
}

static void test_all_in_order(void **state)
{
    struct kit kit;
    char line[32];
    (void)state;
    kit_begin(&kit, 1 << 20, 100000, 600000);
    for (unsigned i = 0; i < 20000; i++)
        put(&kit, line, (size_t)snprintf(line, sizeof line, "line %u\n", i));
    assert_int_equal(figures_of(&kit).written, 20000);
    assert_int_equal(figures_of(&kit).dropped, 0);
    pthread_t reader;
    assert_int_equal(pthread_create(&reader, NULL, read_all, &kit), 0);
    gw_log_queue_close(kit.queue);
    close(kit.ends[1]);
    pthread_join(reader, NULL);
    const char *at = kit.text;
    for (unsigned i = 0; i < 20000; i++) {
        int len = snprintf(line, sizeof line, "line %u\n", i);
        assert_memory_equal(at, line, (size_t)len);
        at += len;
    }
    assert_int_equal(*at, '\0');
    close(kit.ends[0]);
    free(kit.text);
}

/* At the ceiling of lines all are taken, one past it is dropped. */
static void test_most_lines(void **state)
{
    struct kit kit;
    (void)state;
    kit_begin(&kit, 1 << 20, 100, 600000);
    fill_pipe(&kit);
    for (size_t k = 0; k < 100; k++)
        put(&kit, "a\n", 2);
    assert_int_equal(figures_of(&kit).written, 101); /* with that which fills the pipe */
    assert_int_equal(figures_of(&kit).dropped, 0);
    put(&kit, "b\n", 2);
    put(&kit, "b\n", 2);
    assert_int_equal(figures_of(&kit).written, 101);
    assert_int_equal(figures_of(&kit).dropped, 2);
    kit_end(&kit);
    assert_int_equal(kit.told, 2);
}

static void test_most_bytes(void **state)
{
    struct kit kit;
    static char line[10000];
    (void)state;
    memset(line, 'x', sizeof line);
    line[sizeof line - 1] = '\n';
    kit_begin(&kit, sizeof line, 1000, 600000);
    fill_pipe(&kit);
    put(&kit, line + 1, sizeof line - 1); /* one byte is left */
    assert_int_equal(figures_of(&kit).dropped, 0);
    put(&kit, "b\n", 2);
    assert_int_equal(figures_of(&kit).dropped, 1);
    put(&kit, "\n", 1);
    assert_int_equal(figures_of(&kit).dropped, 1);
    put(&kit, "\n", 1);
    assert_int_equal(figures_of(&kit).dropped, 2);
    kit_end(&kit);
    assert_int_equal(kit.told, 2);
}

/* Nobody reads: the end comes all the same. */
static void test_end_without_reader(void **state)
{
    struct kit kit;
    (void)state;
    kit_begin(&kit, 1 << 20, 1000, 1);
    fill_pipe(&kit);
    put(&kit, "never read\n", 11);
    gw_log_queue_close(kit.queue);
    close(kit.ends[0]);
    close(kit.ends[1]);
}

/* Whoever read is gone: lines count as dropped. */
static void test_reader_is_gone(void **state)
{
    struct kit kit;
    (void)state;
    kit_begin(&kit, 1 << 20, 1000, 600000);
    close(kit.ends[0]);
    put(&kit, "to nobody\n", 10);
    while (figures_of(&kit).dropped == 0)
        ;
    assert_int_equal(figures_of(&kit).dropped, 1);
    gw_log_queue_close(kit.queue);
    close(kit.ends[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_in_order),   cmocka_unit_test(test_most_lines),
        cmocka_unit_test(test_most_bytes),     cmocka_unit_test(test_end_without_reader),
        cmocka_unit_test(test_reader_is_gone),
    };
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
