/* SPDX-License-Identifier: Apache-2.0
 *
 * mend_kit.h: a run that is folded, with a mender beside it, and what its callers get.
 */
#ifndef DIFY_TESTS_GATEWAY_MEND_KIT_H
#define DIFY_TESTS_GATEWAY_MEND_KIT_H

#include "../unit/support.h"

#include "core/run_follow.h"
#include "gateway/v1_mend.h"

/* A text that callers get, or an event that they do not. */
struct told_record {
    char kind; /* 'E', 'R', 'V', 'S' as in the log */
    struct text text;
};

struct told {
    struct dify_run *run;
    struct gw_mend *mend;
    struct told_record *record;
    size_t count, capacity;
};

static inline void told_add(struct told *told, char kind, struct dify_slice text)
{
    if (told->count == told->capacity) {
        told->capacity = told->capacity * 2 + 64;
        told->record = realloc(told->record, told->capacity * sizeof *told->record);
        assert_non_null(told->record);
    }
    struct told_record *record = &told->record[told->count++];
    *record = (struct told_record){.kind = kind};
    text_add(&record->text, text.ptr, text.len);
}

static inline void told_put(void *ctx, struct dify_slice json)
{
    told_add(ctx, 'V', json);
}

static inline void told_event(void *ctx, const struct dify_event *event, uint64_t offset)
{
    struct told *told = ctx;
    (void)offset;
    enum gw_mend_word word = gw_mend_event(told->mend, event, told_put, told);
    told_add(told, word == GW_MEND_PASS ? 'E' : 'R', event->json);
}

static inline void told_init(struct told *told, enum dify_kind kind,
                             const struct dify_allocator *allocator)
{
    struct dify_run_observer observer = {.ctx = told, .event = told_event, .ignores_pieces = true};
    *told = (struct told){0};
    told->run = new_run_with((struct dify_run_options){.observer = &observer});
    dify__run_distrust(told->run);
    told->mend = gw_mend_new(allocator, kind);
}

static inline void told_stream(struct told *told, unsigned number)
{
    if (number != 0)
        dify_run_resume(told->run);
    gw_mend_stream(told->mend, number);
    told_add(told, 'S', DIFY_SLICE("{}"));
}

static inline void told_feed(struct told *told, struct dify_slice bytes)
{
    assert_int_equal(dify_run_feed(told->run, bytes.ptr, bytes.len), DIFY_OK);
}

/* The run has ended, or is paused, as the gateway sees it. */
static inline void told_end(struct told *told)
{
    dify_run_end(told->run);
    gw_mend_end(told->mend, told->run, told_put, told);
}

static inline void told_fini(struct told *told)
{
    dify_run_free(told->run);
    gw_mend_free(told->mend);
    for (size_t i = 0; i < told->count; i++)
        text_fini(&told->record[i].text);
    free(told->record);
}

/* Which route a recorded app is started by, by its folder's name. */
static inline enum dify_kind kind_of(const char *folder)
{
    if (strstr(folder, "completion") != NULL)
        return DIFY_KIND_COMPLETION;
    return strstr(folder, "chat") != NULL || strstr(folder, "new-agent") != NULL
               ? DIFY_KIND_CHAT
               : DIFY_KIND_WORKFLOW;
}

#endif
