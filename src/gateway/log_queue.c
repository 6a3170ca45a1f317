/* SPDX-License-Identifier: Apache-2.0
 *
 * log_queue.c: two buffers: one that is filled, one that the thread writes.
 *
 * The descriptor is shared with whoever started the process, so it stays a blocking one; the thread
 * asks poll() first and then writes no more than a pipe with room takes. Should it wait in write()
 * all the same (another process was faster), it is left there at the end, with its memory.
 */
#include "gateway/log_queue.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define POLL_MS 100 /* how often it is looked whether the end has come */
#define SAID_BYTES 256

struct gw_log_queue {
    struct gw_log_queue_options options;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t cond; /* a line, or the end; or that the thread is done */
    char *filling, *writing;
    size_t filled, lines;  /* of `filling` */
    size_t left, in_write; /* bytes and lines that the thread has and that were not taken */
    uint64_t unsaid;       /* lines dropped since that was said last */
    struct gw_log_figures figures;
    bool is_idle, is_closing, is_done;
    uint64_t ends_ms; /* once it closes */
};

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* ---- the thread ---------------------------------------------------------------------------- */

/* Whether the time of the end is over. */
static bool is_over(struct gw_log_queue *queue)
{
    pthread_mutex_lock(&queue->mutex);
    bool result = queue->is_closing && now_ms() >= queue->ends_ms;
    pthread_mutex_unlock(&queue->mutex);
    return result;
}

/* False: the descriptor takes nothing, for good or until the end. */
static bool write_some(struct gw_log_queue *queue, const char *bytes, size_t len)
{
    while (len > 0) {
        struct pollfd wait = {queue->options.descriptor, POLLOUT, 0};
        int ready = poll(&wait, 1, POLL_MS);
        if (ready < 0 && errno != EINTR)
            return false;
        if (ready <= 0) {
            if (is_over(queue))
                return false;
            continue;
        }
        ssize_t count =
            write(queue->options.descriptor, bytes, len < PIPE_BUF ? len : (size_t)PIPE_BUF);
        if (count < 0 && (errno == EAGAIN || errno == EINTR)) {
            if (is_over(queue))
                return false;
            continue;
        }
        if (count < 0)
            return false;
        bytes += count;
        len -= (size_t)count;
        pthread_mutex_lock(&queue->mutex);
        queue->left = len;
        pthread_mutex_unlock(&queue->mutex);
    }
    return true;
}

/* The mutex is held; what was filled is the thread's. */
static void swap(struct gw_log_queue *queue)
{
    char *full = queue->filling;
    queue->filling = queue->writing;
    queue->writing = full;
    queue->left = queue->filled;
    queue->in_write = queue->lines;
    queue->filled = queue->lines = 0;
}

static void *work(void *ctx)
{
    struct gw_log_queue *queue = ctx;
    bool has_more = true;
    pthread_mutex_lock(&queue->mutex);
    while (has_more) {
        while (queue->filled == 0 && queue->unsaid == 0 && !queue->is_closing) {
            queue->is_idle = true;
            pthread_cond_wait(&queue->cond, &queue->mutex);
        }
        queue->is_idle = false;
        has_more = queue->filled > 0 || queue->unsaid > 0;
        uint64_t dropped = queue->unsaid;
        queue->unsaid = 0;
        swap(queue);
        size_t len = queue->left;
        pthread_mutex_unlock(&queue->mutex);
        bool is_written = write_some(queue, queue->writing, len);
        if (is_written && dropped > 0) {
            char said[SAID_BYTES];
            len = queue->options.say_dropped(queue->options.ctx, dropped, said, sizeof said);
            is_written = write_some(queue, said, len);
        }
        pthread_mutex_lock(&queue->mutex);
        if (!is_written)
            queue->figures.dropped += queue->in_write; /* nobody is there to read them */
        queue->left = queue->in_write = 0;
        has_more = has_more && !(queue->is_closing && now_ms() >= queue->ends_ms);
    }
    queue->is_done = true;
    pthread_cond_broadcast(&queue->cond);
    pthread_mutex_unlock(&queue->mutex);
    return NULL;
}

/* ---- its owner ----------------------------------------------------------------------------- */

static bool start(struct gw_log_queue *queue)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are the loop's */
    bool is_started = pthread_create(&queue->thread, NULL, work, queue) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return is_started;
}

static void queue_free(struct gw_log_queue *queue)
{
    pthread_cond_destroy(&queue->cond);
    pthread_mutex_destroy(&queue->mutex);
    free(queue->filling);
    free(queue->writing);
    free(queue);
}

struct gw_log_queue *gw_log_queue_new(const struct gw_log_queue_options *options)
{
    pthread_condattr_t attributes;
    struct gw_log_queue *queue = calloc(1, sizeof *queue);
    if (queue == NULL)
        return NULL;
    queue->options = *options;
    queue->filling = malloc(options->max_bytes);
    queue->writing = malloc(options->max_bytes);
    pthread_mutex_init(&queue->mutex, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&queue->cond, &attributes);
    pthread_condattr_destroy(&attributes);
    if (queue->filling != NULL && queue->writing != NULL && start(queue))
        return queue;
    queue_free(queue);
    return NULL;
}

void gw_log_queue_put(struct gw_log_queue *queue, struct dify_slice line)
{
    pthread_mutex_lock(&queue->mutex);
    bool fits = line.len <= queue->options.max_bytes - queue->filled - queue->left &&
                queue->lines + queue->in_write < queue->options.max_lines;
    if (fits) {
        memcpy(queue->filling + queue->filled, line.ptr, line.len);
        queue->filled += line.len;
        queue->lines++;
        queue->figures.written++;
    } else {
        queue->figures.dropped++;
        queue->unsaid++;
    }
    if (queue->is_idle)
        pthread_cond_signal(&queue->cond);
    queue->is_idle = false;
    pthread_mutex_unlock(&queue->mutex);
}

void gw_log_queue_figures(struct gw_log_queue *queue, struct gw_log_figures *out)
{
    pthread_mutex_lock(&queue->mutex);
    *out = queue->figures;
    out->queued = queue->lines + queue->in_write;
    pthread_mutex_unlock(&queue->mutex);
}

void gw_log_queue_close(struct gw_log_queue *queue)
{
    struct timespec when;
    if (queue == NULL)
        return;
    pthread_mutex_lock(&queue->mutex);
    queue->is_closing = true;
    queue->ends_ms = now_ms() + queue->options.flush_ms;
    pthread_cond_broadcast(&queue->cond);
    /* twice the time: the thread itself gives up after one */
    uint64_t until_ms = queue->ends_ms + queue->options.flush_ms + (uint64_t)10 * POLL_MS;
    when.tv_sec = (time_t)(until_ms / 1000);
    when.tv_nsec = (long)(until_ms % 1000) * 1000000;
    while (!queue->is_done)
        if (pthread_cond_timedwait(&queue->cond, &queue->mutex, &when) != 0)
            break;
    bool is_done = queue->is_done;
    pthread_mutex_unlock(&queue->mutex);
    if (!is_done) {
        pthread_detach(queue->thread);
        return;
    }
    pthread_join(queue->thread, NULL);
    queue_free(queue);
}
