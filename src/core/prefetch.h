/* SPDX-License-Identifier: Apache-2.0
 *
 * prefetch.h: memory that is needed in a moment.
 *
 * Of many runs whose events come one by one, each is gone from the processor's caches when its next
 * event comes: what an event costs is mostly the wait for some thirty lines of memory, one after
 * the other. Asked for beforehand they come at once, while the system hands over the bytes. For
 * that a struct has first what is needed for each event, up to its ..._HOT_BYTES.
 */
#ifndef DIFY_CORE_PREFETCH_H
#define DIFY_CORE_PREFETCH_H

#include <stddef.h>
#include <stdint.h>

/* Asks for `bytes` at `at`, which need not be there: so this counts in numbers, not in pointers. */
static inline void dify__prefetch(const void *at, size_t bytes)
{
    for (size_t i = 0; i < bytes; i += 64)
        __builtin_prefetch((const void *)((uintptr_t)at + i), 1);
}

#endif
