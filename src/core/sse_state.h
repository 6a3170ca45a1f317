/* SPDX-License-Identifier: Apache-2.0
 *
 * sse_state.h: the inside of an event-stream parser (sse.c), for who has one within its own memory.
 */
#ifndef DIFY_CORE_SSE_STATE_H
#define DIFY_CORE_SSE_STATE_H

#include "core/memory.h"
#include "difystream/sse.h"

struct dify_sse {
    /* What is needed for each event, up to DIFY__SSE_HOT_BYTES (prefetch.h). */
    struct dify_sse_options options;
    enum dify_err failed;   /* sticky */
    unsigned bom_matched;   /* bytes of a BOM seen at the very start; 3 also when there is none */
    bool in_block;          /* a line of the event at hand was begun */
    bool skip_lf;           /* the last byte was the CR of a line's end */
    bool has_data;          /* the event at hand has a data line */
    bool has_kept;          /* and something in `data`, `type` or `repaired` */
    bool id_changed;        /* since the last blank line */
    uint64_t offset;        /* bytes consumed */
    uint64_t block_offset;  /* where the event at hand begins */
    const char *chunk_data; /* see sse.c; NULL unless in use */
    size_t chunk_len;
    struct dify__buffer current_id; /* `id` at the last blank line */
    struct dify__buffer line;       /* a line begun in an earlier chunk */

    /* and the rest */
    struct dify__buffer data;
    size_t data_skip;
    struct dify__buffer type;
    struct dify__buffer id;       /* the standard's "last event ID buffer" */
    struct dify__buffer repaired; /* a value whose UTF-8 was bad */
    const struct dify_allocator *allocator;
};

#define DIFY__SSE_HOT_BYTES offsetof(struct dify_sse, data)

/* dify_sse_new() and dify_sse_free() in memory of the caller's. After an error there is nothing to
 * be freed. */
DIFY_MUST_CHECK enum dify_err dify__sse_init(struct dify_sse *sse,
                                             const struct dify_sse_options *options);
void dify__sse_fini(struct dify_sse *sse);

#endif
