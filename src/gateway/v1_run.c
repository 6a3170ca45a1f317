/* SPDX-License-Identifier: Apache-2.0
 *
 * v1_run.c: what a run of /v1 writes to its log for its callers, and what it answers them at its
 * end. See v1.h.
 */
#include "core/slices.h"
#include "gateway/callers.h"
#include "gateway/v1.h"
#include "gateway/v1_body.h"

#include <stdlib.h>

bool gw_v1_is_route(struct dify_slice route)
{
    return dify__slice_begins(route, "/v1/");
}

bool gw_v1_init(struct gw_run *run, enum dify_kind kind)
{
    gw_v1_fini(run);
    struct gw_v1 *v1 = calloc(1, sizeof *v1);
    if (v1 == NULL)
        return false;
    v1->mend = gw_mend_new(run->gateway->allocator, kind);
    if (v1->mend == NULL) {
        free(v1);
        return false;
    }
    run->v1 = v1;
    return true;
}

void gw_v1_forget(struct gw_run *run)
{
    if (run->v1 == NULL)
        return;
    gw_mend_free(run->v1->mend);
    free(run->v1->body);
    run->v1->mend = NULL;
    run->v1->body = NULL;
}

void gw_v1_fini(struct gw_run *run)
{
    gw_v1_forget(run);
    free(run->v1);
    run->v1 = NULL;
}

bool gw_v1_is_silent(const struct gw_run *run)
{
    const struct gw_v1 *v1 = run->v1;
    return run->state >= GW_RUN_ENDING && v1 != NULL && !v1->has_stream && !v1->has_told;
}

static void put(void *ctx, struct dify_slice json)
{
    struct gw_run *run = ctx;
    run->v1->has_told = true;
    gw__run_put(run, STORE_RECORD_V1, json);
}

void gw_v1_stream(struct gw_run *run, bool is_resumed)
{
    struct gw_v1 *v1 = run->v1;
    if (is_resumed && v1->streams == 0)
        v1->streams = 1; /* the first one was never seen */
    v1->has_stream = true;
    gw_mend_stream(v1->mend, v1->streams++);
}

void gw_v1_event(struct gw_run *run, const struct dify_event *event)
{
    bool passes = gw_mend_event(run->v1->mend, event, put, run) == GW_MEND_PASS;
    run->v1->has_told = run->v1->has_told || passes;
    gw__run_put(run, passes ? STORE_RECORD_EVENT : STORE_RECORD_REPEAT, event->json);
}

void gw_v1_ping(struct gw_run *run)
{
    gw__run_put(run, STORE_RECORD_PING, DIFY_SLICE(""));
    if (gw_callers_follow(run))
        gw_run_touch(run);
    else
        gw_run_linger(run, GW_LINGER_LONG);
}

void gw_v1_recall(struct gw_run *run, const struct store_record *record)
{
    struct gw_v1 *v1 = run->v1;
    v1->has_stream = v1->has_stream || record->kind == STORE_RECORD_STREAM;
    v1->streams += record->kind == STORE_RECORD_STREAM;
    v1->has_told =
        v1->has_told || record->kind == STORE_RECORD_EVENT || record->kind == STORE_RECORD_V1;
    gw_mend_recall(v1->mend, run->gateway->decoder, (char)record->kind, record->text);
}

bool gw_v1_write(const struct gw_run *run, struct dify__buffer *out)
{
    const struct gw_v1 *v1 = run->v1;
    return v1 != NULL && v1->body != NULL &&
           dify__buffer_append(out, v1->body, v1->body_len) == DIFY_OK;
}

/* Whether its status is asked for, as nothing was told yet, or somebody waits for the body. Else it
 * is not made: it is an eighth of what a run costs. */
static bool needs_body(const struct gw_run *run)
{
    return !run->v1->has_told || !gw_callers_all_stream(run);
}

static void make_body(struct gw_run *run, const struct dify_run *of)
{
    struct gw_v1 *v1 = run->v1;
    struct dify__buffer body = {.allocator = dify__allocator(NULL), .max = SIZE_MAX / 2};
    struct dify_slice mode =
        dify__slice_or_none(run->app != NULL ? dify_app_mode(run->app->dify) : NULL);
    if (gw_v1_body(of, v1->mend, mode, &body, &v1->status)) {
        v1->body = body.ptr;
        v1->body_len = body.len;
    } else {
        dify__buffer_fini(&body);
        v1->status = 503;
    }
}

/* A caller who was told nothing yet gets an error as an HTTP status; else it comes in the stream,
 * behind what he has. */
void gw_v1_end(struct gw_run *run, const struct dify_run *of)
{
    struct gw_v1 *v1 = run->v1;
    v1->status = 200;
    if (needs_body(run))
        make_body(run, of);
    if (v1->has_told || v1->status == 200 || gw_callers_have_begun(run))
        v1->lacks_end = !gw_mend_end(v1->mend, of, put, run);
    else
        v1->has_stream = false; /* it broke before anybody had a byte of it: none begins now */
}
