/* SPDX-License-Identifier: Apache-2.0
 *
 * reads.h: reading from the store without waiting on the loop: jobs on libuv's threads.
 *
 *     struct gw_read read = {.work = look, .done = answer};
 *     if (!gw_read_start(&gateway->reads, &mine->read)) ... 503
 */
#ifndef GATEWAY_READS_H
#define GATEWAY_READS_H

#include "gateway/limits.h"
#include "http/list.h"
#include "store/store.h"

#include <uv.h>

/* A job; a member of what it works for, which must live until `done` was called. */
struct gw_read {
    /* On another thread: touches nothing but the reader and what belongs to this job. */
    void (*work)(struct gw_read *read, struct store_reader *reader);
    void (*done)(struct gw_read *read); /* on the loop's */
    struct gw_reads *reads;
    struct store_reader *reader;
    struct http_link link;
    uv_work_t request;
};

struct gw_reads {
    uv_loop_t *loop;
    struct store_reader *idle[GW_READERS];
    size_t idle_count, count;
    struct http_link waiting;
    size_t waiting_count;
};

/* Opens the readers. As store_reader_open(). */
DIFY_MUST_CHECK enum dify_err gw_reads_open(struct gw_reads *reads, uv_loop_t *loop,
                                            struct store *store, struct store_error *error);

/* After all jobs are done. */
void gw_reads_close(struct gw_reads *reads);

/* Whether a job is under way or waits. */
bool gw_reads_are_busy(const struct gw_reads *reads);

/* False if too many wait already: then `done` is not called. */
DIFY_MUST_CHECK bool gw_read_start(struct gw_reads *reads, struct gw_read *read);

#endif
