/* SPDX-License-Identifier: Apache-2.0
 *
 * reads.c: as many jobs at once as there are readers; the others wait for one.
 */
#include "gateway/reads.h"

static void on_work(uv_work_t *request)
{
    struct gw_read *read = request->data;
    read->work(read, read->reader);
}

static void start_next(struct gw_reads *reads);

static void on_worked(uv_work_t *request, int status)
{
    struct gw_read *read = request->data;
    struct gw_reads *reads = read->reads;
    (void)status; /* jobs are not cancelled */
    reads->idle[reads->idle_count++] = read->reader;
    read->done(read); /* `read` may be gone */
    start_next(reads);
}

static void start_next(struct gw_reads *reads)
{
    while (reads->idle_count > 0 && !http_list_is_empty(&reads->waiting)) {
        struct gw_read *read = HTTP_LINKED(reads->waiting.next, struct gw_read, link);
        http_list_remove(&read->link);
        reads->waiting_count--;
        read->reader = reads->idle[--reads->idle_count];
        read->request.data = read;
        (void)uv_queue_work(reads->loop, &read->request, on_work, on_worked); /* cannot fail */
    }
}

bool gw_read_start(struct gw_reads *reads, struct gw_read *read)
{
    if (reads->waiting_count >= GW_READS || reads->count == 0)
        return false;
    read->reads = reads;
    http_list_append(&reads->waiting, &read->link);
    reads->waiting_count++;
    start_next(reads);
    return true;
}

bool gw_reads_are_busy(const struct gw_reads *reads)
{
    return reads->idle_count < reads->count || reads->waiting_count > 0;
}

enum dify_err gw_reads_open(struct gw_reads *reads, uv_loop_t *loop, struct store *store,
                            struct store_error *error)
{
    *reads = (struct gw_reads){.loop = loop};
    http_list_init(&reads->waiting);
    for (size_t i = 0; i < GW_READERS && store != NULL; i++) {
        enum dify_err err = store_reader_open(store, &reads->idle[i], error);
        if (err != DIFY_OK) {
            gw_reads_close(reads);
            return err;
        }
        reads->count = reads->idle_count = i + 1;
    }
    return DIFY_OK;
}

void gw_reads_close(struct gw_reads *reads)
{
    for (size_t i = 0; i < reads->idle_count; i++)
        store_reader_close(reads->idle[i]);
    reads->count = reads->idle_count = 0;
}
