/* SPDX-License-Identifier: Apache-2.0
 *
 * alarms.h: many alarms in the order of their times. Knows no clock: the time comes in.
 *
 * An alarm lies inside what it belongs to; setting one takes no memory but the table's own, which
 * grows with the number of alarms that are set at once.
 */
#ifndef DIFY_CORE_ALARMS_H
#define DIFY_CORE_ALARMS_H

#include "core/memory.h"

#include <stdint.h>

/* Zero-initialise, then set `ring`. */
struct dify__alarm {
    void (*ring)(struct dify__alarm *alarm); /* may set it again, and may free what it lies in */
    uint64_t due_ms;
    uint64_t number; /* alarms of the same time ring in the order in which they were set */
    size_t place;    /* in the table, from 1; 0: not set */
};

struct dify__alarms {
    const struct dify_allocator *allocator;
    struct dify__alarm **heap; /* heap[0] is due first */
    size_t count, capacity;
    uint64_t set; /* how often one was set */
};

void dify__alarms_init(struct dify__alarms *alarms, const struct dify_allocator *allocator);
void dify__alarms_fini(struct dify__alarms *alarms); /* forgets all */

/* Makes the alarm ring once at `due_ms`, whether or not it was set. NOMEM: it stays as it was. An
 * alarm that was set before can always be set again. */
DIFY_MUST_CHECK enum dify_err dify__alarms_set(struct dify__alarms *alarms,
                                               struct dify__alarm *alarm, uint64_t due_ms);
void dify__alarms_clear(struct dify__alarms *alarms, struct dify__alarm *alarm);

/* Makes room, so that setting up to `count` alarms at once cannot fail. */
DIFY_MUST_CHECK enum dify_err dify__alarms_reserve(struct dify__alarms *alarms, size_t count);

/* When the first alarm is due; UINT64_MAX if none is set. */
uint64_t dify__alarms_next(const struct dify__alarms *alarms);

/* Rings all that are due at `now_ms` and were set before this call. */
void dify__alarms_ring(struct dify__alarms *alarms, uint64_t now_ms);

#endif
