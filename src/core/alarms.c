/* SPDX-License-Identifier: Apache-2.0
 *
 * alarms.c: see alarms.h. A binary heap.
 */
#include "core/alarms.h"

void dify__alarms_init(struct dify__alarms *alarms, const struct dify_allocator *allocator)
{
    *alarms = (struct dify__alarms){.allocator = allocator};
}

void dify__alarms_fini(struct dify__alarms *alarms)
{
    for (size_t i = 0; i < alarms->count; i++)
        alarms->heap[i]->place = 0;
    dify__free(alarms->allocator, alarms->heap);
    *alarms = (struct dify__alarms){.allocator = alarms->allocator};
}

static bool is_before(const struct dify__alarm *a, const struct dify__alarm *b)
{
    return a->due_ms != b->due_ms ? a->due_ms < b->due_ms : a->number < b->number;
}

static void put(struct dify__alarms *alarms, size_t at, struct dify__alarm *alarm)
{
    alarms->heap[at] = alarm;
    alarm->place = at + 1;
}

static void sift_up(struct dify__alarms *alarms, size_t at)
{
    struct dify__alarm *alarm = alarms->heap[at];
    for (; at > 0 && is_before(alarm, alarms->heap[(at - 1) / 2]); at = (at - 1) / 2)
        put(alarms, at, alarms->heap[(at - 1) / 2]);
    put(alarms, at, alarm);
}

static void sift_down(struct dify__alarms *alarms, size_t at)
{
    struct dify__alarm *alarm = alarms->heap[at];
    for (;;) {
        size_t child = 2 * at + 1;
        if (child + 1 < alarms->count && is_before(alarms->heap[child + 1], alarms->heap[child]))
            child++;
        if (child >= alarms->count || !is_before(alarms->heap[child], alarm))
            break;
        put(alarms, at, alarms->heap[child]);
        at = child;
    }
    put(alarms, at, alarm);
}

enum dify_err dify__alarms_reserve(struct dify__alarms *alarms, size_t count)
{
    return dify__grow(alarms->allocator, (void **)&alarms->heap, &alarms->capacity, count,
                      sizeof(struct dify__alarm *));
}

enum dify_err dify__alarms_set(struct dify__alarms *alarms, struct dify__alarm *alarm,
                               uint64_t due_ms)
{
    if (alarm->place == 0) {
        enum dify_err err = dify__alarms_reserve(alarms, alarms->count + 1);
        if (err != DIFY_OK)
            return err;
        put(alarms, alarms->count++, alarm);
    }
    alarm->due_ms = due_ms;
    alarm->number = alarms->set++;
    sift_up(alarms, alarm->place - 1);
    sift_down(alarms, alarm->place - 1);
    return DIFY_OK;
}

void dify__alarms_clear(struct dify__alarms *alarms, struct dify__alarm *alarm)
{
    if (alarm->place == 0)
        return;
    size_t at = alarm->place - 1;
    struct dify__alarm *last = alarms->heap[--alarms->count];
    alarm->place = 0;
    if (last == alarm)
        return;
    put(alarms, at, last);
    sift_up(alarms, at);
    sift_down(alarms, last->place - 1);
}

uint64_t dify__alarms_next(const struct dify__alarms *alarms)
{
    return alarms->count != 0 ? alarms->heap[0]->due_ms : UINT64_MAX;
}

void dify__alarms_ring(struct dify__alarms *alarms, uint64_t now_ms)
{
    uint64_t before = alarms->set;
    while (alarms->count != 0 && alarms->heap[0]->due_ms <= now_ms &&
           alarms->heap[0]->number < before) {
        struct dify__alarm *alarm = alarms->heap[0];
        dify__alarms_clear(alarms, alarm);
        alarm->ring(alarm);
    }
}
