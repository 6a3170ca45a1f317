/* SPDX-License-Identifier: Apache-2.0
 *
 * v1_mend.c: see v1_mend.h. The door of a mender: what becomes of each event.
 */
#include "core/json_text.h"
#include "core/run_follow.h"
#include "core/slices.h"
#include "gateway/v1_mend_state.h"

#include <string.h>

/* ---- life ------------------------------------------------------------------------------------ */

struct gw_mend *gw_mend_new(const struct dify_allocator *allocator, enum dify_kind kind)
{
    allocator = dify__allocator(allocator);
    struct gw_mend *mend = dify__calloc(allocator, sizeof *mend);
    if (mend == NULL)
        return NULL;
    mend->allocator = allocator;
    mend->kind = kind;
    mend->budget.max = GW_MEND_IDS_BYTES;
    dify__texts_init(&mend->texts, allocator, &mend->budget, 0);
    dify__nodes_init(&mend->nodes, allocator, &mend->texts, &mend->budget, GW_MEND_MARKS);
    dify__nodes_init(&mend->containers, allocator, &mend->texts, &mend->budget, GW_MEND_MARKS);
    mend->finished = (struct dify__buffer){.allocator = allocator, .max = GW_MEND_KEPT_BYTES};
    mend->paused = mend->message_end = mend->error = mend->message = mend->forms = mend->finished;
    mend->text = mend->other = (struct dify__buffer){.allocator = allocator, .max = SIZE_MAX / 2};
    mend->answer = (struct dify__buffer){.allocator = allocator, .max = GW_MEND_ANSWER_BYTES};
    return mend;
}

void gw_mend_free(struct gw_mend *mend)
{
    if (mend == NULL)
        return;
    dify__nodes_fini(&mend->nodes);
    dify__nodes_fini(&mend->containers);
    dify__texts_fini(&mend->texts);
    dify__free(mend->allocator, mend->mark);
    dify__buffer_fini(&mend->answer);
    dify__buffer_fini(&mend->finished);
    dify__buffer_fini(&mend->paused);
    dify__buffer_fini(&mend->message_end);
    dify__buffer_fini(&mend->error);
    dify__buffer_fini(&mend->message);
    dify__buffer_fini(&mend->forms);
    dify__buffer_fini(&mend->text);
    dify__buffer_fini(&mend->other);
    dify__free(mend->allocator, mend);
}

bool gw_mend_is_blind(const struct gw_mend *mend)
{
    return mend->is_blind;
}

void gw_mend_stream(struct gw_mend *mend, unsigned number)
{
    mend->is_resumed = number != 0 || mend->streams != 0;
    mend->streams++;
}

/* ---- events ---------------------------------------------------------------------------------- */

/* Passes an event of a resumed stream on, with the task's id as it was told. */
static enum gw_mend_word pass(struct gw_mend *mend, const struct dify_event *event,
                              gw_mend_put *put, void *ctx)
{
    gw__mend_tell(mend, event);
    if (!gw__mend_is_foreign_task(mend, event->task_id))
        return GW_MEND_PASS;
    gw__mend_put_event(mend, event->json, put, ctx);
    return GW_MEND_DROP;
}

/* The answer so far, as a snapshot has it: what is missing of it is told as a message. */
static enum gw_mend_word mend_answer(struct gw_mend *mend, const struct dify_event *event,
                                     gw_mend_put *put, void *ctx)
{
    struct dify_slice whole = event->answer, told = dify__buffer_slice(&mend->answer);
    size_t common = whole.len < told.len ? whole.len : told.len;
    if (mend->is_answer_fixed)
        return GW_MEND_DROP;
    if (mend->is_answer_lost || memcmp(whole.ptr, told.ptr, common) != 0)
        return pass(mend, event, put, ctx);
    return gw__mend_put_answer(mend, whole, put, ctx) ? GW_MEND_DROP : pass(mend, event, put, ctx);
}

/* What stands before the end of a run that ended while no stream was open: of it the server tells
 * nothing but its end. */
static void put_begin(struct gw_mend *mend, const struct dify_result *result, gw_mend_put *put,
                      void *ctx)
{
    mend->text.len = 0;
    enum dify_err err = gw__mend_started(mend, result, &mend->text);
    gw__mend_note(mend, err);
    if (err != DIFY_OK)
        return;
    gw__mend_put_event(mend, dify__buffer_slice(&mend->text), put, ctx);
    mend->is_started_told = true;
}

static void make_message_end(struct gw_mend *mend, const struct dify_result *result)
{
    if (!dify__slice_is(result->status, "succeeded") &&
        !dify__slice_is(result->status, "partial-succeeded"))
        return;
    enum dify_err err = gw__mend_message_end(mend, result, &mend->message_end);
    if (err != DIFY_OK)
        mend->message_end.len = 0;
    gw__mend_note(mend, err);
}

/* The end of a run. What a chatflow said while no stream was open is known only now, and has to
 * come before message_end, which was held back for it. */
static enum gw_mend_word mend_finish(struct gw_mend *mend, const struct dify_event *event,
                                     gw_mend_put *put, void *ctx)
{
    struct dify_result known = {.status = event->data.status,
                                .created_at = event->data.created_at.text};
    if (!dify__parse_uint(event->data.total_tokens.text, &known.total_tokens))
        known.total_tokens = 0;
    if (!mend->is_started_told)
        put_begin(mend, &known, put, ctx);
    if (gw__mend_is_chatflow(mend) && !mend->is_message_end_told) {
        gw__mend_put_outputs(mend, event->data.outputs, put, ctx);
        if (mend->message_end.len == 0)
            make_message_end(mend, &known);
        if (mend->message_end.len != 0) {
            gw__mend_put_event(mend, dify__buffer_slice(&mend->message_end), put, ctx);
            mend->is_message_end_told = true;
        }
    }
    return pass(mend, event, put, ctx);
}

/* Whether a stream that was to be this run's tells of another. */
static bool is_of_another(const struct gw_mend *mend, const struct dify_event *event)
{
    return mend->run_id != 0 && event->workflow_run_id.len != 0 &&
           !dify__is_same_id(gw__mend_id(mend, mend->run_id), event->workflow_run_id);
}

/* An event of a resumed stream, which is true. */
static enum gw_mend_word mend_resumed(struct gw_mend *mend, const struct dify_event *event,
                                      gw_mend_put *put, void *ctx)
{
    if (gw__mend_repeats(mend, event))
        return GW_MEND_DROP;
    if (event->type == DIFY_EVENT_WORKFLOW_FINISHED)
        return mend_finish(mend, event, put, ctx);
    if (!gw__mend_is_chatflow(mend))
        return pass(mend, event, put, ctx);
    switch (event->type) {
    case DIFY_EVENT_MESSAGE_REPLACE:
        return event->answer.ptr != NULL && event->reason.len == 0
                   ? mend_answer(mend, event, put, ctx)
                   : pass(mend, event, put, ctx);
    case DIFY_EVENT_MESSAGE_END: /* held back until the whole answer is known */
        return mend->is_finished_told || mend->message_end.len == 0 ? pass(mend, event, put, ctx)
                                                                    : GW_MEND_DROP;
    default:
        return pass(mend, event, put, ctx);
    }
}

enum gw_mend_word gw_mend_event(struct gw_mend *mend, const struct dify_event *event,
                                gw_mend_put *put, void *ctx)
{
    if (dify__is_invented_end(event))
        return GW_MEND_DROP;
    if (mend->is_resumed && is_of_another(mend, event))
        return GW_MEND_DROP;
    gw__mend_learn(mend, event);
    if (mend->is_resumed)
        return mend_resumed(mend, event, put, ctx);
    gw__mend_tell(mend, event);
    return GW_MEND_PASS;
}

void gw_mend_recall(struct gw_mend *mend, struct dify_decoder *decoder, char kind,
                    struct dify_slice text)
{
    const struct dify_event *event;
    if (kind == 'S')
        gw_mend_stream(mend, mend->streams != 0);
    if (kind != 'E' && kind != 'R' && kind != 'V')
        return;
    enum dify_err err = dify_decoder_decode(decoder, text, &event, NULL);
    if (err != DIFY_OK) {
        gw__mend_note(mend, err);
        return;
    }
    if (dify__is_invented_end(event) || (mend->is_resumed && is_of_another(mend, event)))
        return;
    gw__mend_learn(mend, event);
    if (kind != 'R')
        gw__mend_tell(mend, event);
}
