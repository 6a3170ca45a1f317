/* SPDX-License-Identifier: Apache-2.0
 *
 * v1_mend_state.h: what a mender knows, shared by the files that make it up.
 *
 *  v1_mend.c       the door: what becomes of each event
 *  v1_mend_told.c  what was told, and whether an event repeats it
 *  v1_mend_text.c  texts that are put in place of others
 *  v1_mend_end.c   texts that end a stream where its own end did not come
 */
#ifndef GATEWAY_V1_MEND_STATE_H
#define GATEWAY_V1_MEND_STATE_H

#include "core/json_text.h"
#include "core/nodes.h"
#include "core/slices.h"
#include "gateway/v1_mend.h"

/* Something that was told, by a hash of what tells it from others. */
struct gw_mark {
    uint64_t key;
    uint64_t stream; /* that in which it was told first, from 1; 0: an empty place */
};

struct gw_mend {
    const struct dify_allocator *allocator;
    enum dify_kind kind;
    uint64_t streams;     /* that have begun */
    bool is_resumed;      /* the stream at hand is not the run's first */
    bool is_blind;        /* something could not be kept */
    bool is_answer_lost;  /* what was told of the answer is not known */
    bool is_answer_fixed; /* moderated: the run's outputs still have what was not to be told */

    /* ids, once they are known */
    struct dify__budget budget;
    struct dify__texts texts;
    dify__text run_id, task_id, workflow_id, conversation_id, message_id;
    dify__text created_at; /* of a chat's envelope */
    bool has_agent_message;

    /* What was told. In a record DIFY__NODE_FINISHED: its end was told too; `retries` of a node:
     * after how many resumptions its start was. Live events do not give a container's execution id:
     * its record is named by a snapshot. */
    struct dify__nodes nodes, containers;
    struct gw_mark *mark;
    size_t mark_count, mark_capacity;
    uint32_t resumptions;
    bool is_started_told, is_finished_told, is_message_end_told, is_error_told;
    bool is_paused_told;        /* the last word was a pause */
    bool may_resume;            /* a pause was told, and not yet that the run goes on */
    struct dify__buffer answer; /* of a chatflow */

    /* what was heard, told or not: JSON texts */
    struct dify__buffer finished, paused, message_end, error; /* events */
    struct dify__buffer message;                              /* the first such event */
    struct dify__buffer forms; /* of human_input_required, as elements of `reasons` */

    struct dify__buffer text, other; /* what is being put */
};

/* ---- v1_mend_told.c -------------------------------------------------------------------------- */

/* Keeps what an event says of the run and of its end, whether or not it is told. */
void gw__mend_learn(struct gw_mend *mend, const struct dify_event *event);

/* The event is told, as it came or by what was put for it. */
void gw__mend_tell(struct gw_mend *mend, const struct dify_event *event);

/* Whether an event of a resumed stream repeats what was told. (Naming a container that was told
 * is all that it writes.) */
bool gw__mend_repeats(struct gw_mend *mend, const struct dify_event *event);

/* More of the answer was told, or a whole one. */
void gw__mend_tell_answer(struct gw_mend *mend, struct dify_slice text, bool is_whole);

/* Whether the run is a chatflow's. */
static inline bool gw__mend_is_chatflow(const struct gw_mend *mend)
{
    return mend->kind == DIFY_KIND_CHAT && mend->run_id != 0;
}

/* Notes an error of what could not be kept. */
static inline void gw__mend_note(struct gw_mend *mend, enum dify_err err)
{
    mend->is_blind |= err != DIFY_OK;
}

/* An id, absent while it is not known. */
static inline struct dify_slice gw__mend_id(const struct gw_mend *mend, dify__text text)
{
    return dify__texts_get(&mend->texts, text);
}

/* The same; while it is not known, what the run's result says. */
static inline struct dify_slice gw__mend_id_or(const struct gw_mend *mend, dify__text text,
                                               struct dify_slice otherwise)
{
    return dify__slice_or(gw__mend_id(mend, text), otherwise);
}

/* ---- v1_mend_text.c -------------------------------------------------------------------------- */

/* Whether `task_id` is present, and another than the one that was told. */
bool gw__mend_is_foreign_task(const struct gw_mend *mend, struct dify_slice task_id);

/* Puts an event with the task_id that was told first in place of its own, nothing else changed; for
 * want of memory as it is. That is the run's id where a snapshot came first: to its callers the
 * task is called so from then on, and is stopped by this name (hub.h). */
void gw__mend_put_event(struct gw_mend *mend, struct dify_slice json, gw_mend_put *put, void *ctx);

/* Puts what is missing of the answer, whose whole is `answer`, and tells it. One that is no longer
 * than what was told is no news. False for want of memory. */
bool gw__mend_put_answer(struct gw_mend *mend, struct dify_slice answer, gw_mend_put *put,
                         void *ctx);

/* The same where the answer stands in a workflow's outputs, a JSON text or absent. */
void gw__mend_put_outputs(struct gw_mend *mend, struct dify_slice outputs, gw_mend_put *put,
                          void *ctx);

/* ---- v1_mend_end.c --------------------------------------------------------------------------- */

/* Appends a workflow_started, for a run that ended before any stream told of its begin: without its
 * inputs. NOMEM, TOO_LARGE. */
DIFY_MUST_CHECK enum dify_err gw__mend_started(const struct gw_mend *mend,
                                               const struct dify_result *result,
                                               struct dify__buffer *out);

/* Appends the event that ended the run, as it came, or else made from the result: workflow_finished
 * and workflow_paused. Also used for bodies (v1_body.c). NOMEM, TOO_LARGE. */
DIFY_MUST_CHECK enum dify_err gw__mend_finished(const struct gw_mend *mend,
                                                const struct dify_result *result,
                                                struct dify__buffer *out);
DIFY_MUST_CHECK enum dify_err gw__mend_paused(const struct gw_mend *mend,
                                              const struct dify_result *result,
                                              struct dify__buffer *out);

/* Appends the event message_end of a run that has ended, as it came, or else made of what is known.
 * NOMEM, TOO_LARGE. */
DIFY_MUST_CHECK enum dify_err gw__mend_message_end(const struct gw_mend *mend,
                                                   const struct dify_result *result,
                                                   struct dify__buffer *out);

/* The metadata of a message that has ended and whose own did not come: the usage has all that
 * Dify's has, since clients count on it, but no figures other than the run's tokens. */
void gw__mend_write_metadata(struct dify__writer *writer, uint64_t total_tokens);

/* That of a message that has not ended. */
#define GW_MEND_NO_METADATA "{\"annotation_reply\":null,\"retriever_resources\":[],\"usage\":null}"

#endif
