/* SPDX-License-Identifier: Apache-2.0
 *
 * log_queue.h: lines on their way to a descriptor that may not take them: a bounded queue, and a
 * thread that writes. Putting a line there never waits for whoever reads; a line that finds no room
 * is dropped and counted, and once there is room again it is said how many were.
 */
#ifndef GATEWAY_LOG_QUEUE_H
#define GATEWAY_LOG_QUEUE_H

#include "difystream/export.h"
#include "difystream/slice.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gw_log_queue;

struct gw_log_queue_options {
    int descriptor;
    size_t max_bytes, max_lines;
    uint32_t flush_ms; /* at the end, for the descriptor to take the rest */

    /* The line, with its newline, that says how many were dropped; its length. Called by the
     * thread. */
    size_t (*say_dropped)(void *ctx, uint64_t count, char *line, size_t size);
    void *ctx;
};

/* Starts the thread. NULL for want of memory or threads. */
struct gw_log_queue *gw_log_queue_new(const struct gw_log_queue_options *options);

/* A line with its newline; copied. Of any thread. */
void gw_log_queue_put(struct gw_log_queue *queue, struct dify_slice line);

struct gw_log_figures {
    uint64_t written; /* lines that were taken into the queue */
    uint64_t dropped;
    size_t queued; /* lines that wait now */
};
void gw_log_queue_figures(struct gw_log_queue *queue, struct gw_log_figures *out);

/* Writes what waits, for as long as flush_ms at most, and frees it. NULL is legal. */
void gw_log_queue_close(struct gw_log_queue *queue);

#endif
