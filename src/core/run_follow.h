/* SPDX-License-Identifier: Apache-2.0
 *
 * run_follow.h: what whoever follows a run over the network tells the fold beyond its streams.
 *
 * None of it may be called from within dify_run_feed().
 */
#ifndef DIFY_CORE_RUN_FOLLOW_H
#define DIFY_CORE_RUN_FOLLOW_H

#include "difystream/result.h"

/* Events come in a moment (prefetch.h). */
void dify__run_prefetch(const struct dify_run *run);

/* From Dify 1.15 a server ends a stream that would have none with a workflow_finished of its own
 * making, which may be false. From now on such a one is counted but not folded: the follower asks
 * the run's detail. Nor is an event folded by which a stream that was taken up tells of another
 * run.
 */
void dify__run_distrust(struct dify_run *run);

/* Whether an event is such an end. */
bool dify__is_invented_end(const struct dify_event *event);

/* Whether an invented end has come since this was asked last. */
bool dify__run_take_invented_end(struct dify_run *run);

/* Events may be lost from here on, whether or not another stream follows: a node that was not
 * finished, and that nothing shows as running later, has to be taken for one whose end was lost.
 * dify_run_resume() says it too. */
void dify__run_note_gap(struct dify_run *run);

/* Ids that were learnt outside the stream, where none came in it; absent ones say nothing. Errors
 * are the run's (sticky). */
void dify__run_learn_ids(struct dify_run *run, struct dify_slice workflow_run_id,
                         struct dify_slice task_id);

/* What stands in for the events of a stream. Not counted as events. */
enum dify__told_by {
    DIFY__TOLD_BY_DETAIL,       /* a run's detail, ended or paused: as workflow_finished */
    DIFY__TOLD_BY_BLOCKING_RUN, /* the answer of a blocking call: as workflow_finished or _paused */
    DIFY__TOLD_BY_BLOCKING_CHAT /* as message and message_end */
};

/* Folds it. DIFY_ERR_JSON, DIFY_ERR_DEPTH: `json` is no object; DIFY_ERR_STATE after an end;
 * errors of dify_run_feed(). */
DIFY_MUST_CHECK enum dify_err dify__run_tell(struct dify_run *run, enum dify__told_by source,
                                             struct dify_slice json);

/* A stop was acknowledged that was asked for before the end: an end that is no success is one by
 * this stop, and so is a message_end, which tells an end and not which. */
void dify__run_note_stop(struct dify_run *run);

/* Ends the run as `stopped`, where no stream and no detail says so. */
void dify__run_end_stopped(struct dify_run *run);

/* As dify_run_write_result(), for who has the result at hand. */
DIFY_MUST_CHECK enum dify_err dify__run_write(const struct dify_run *run,
                                              enum dify_json_style style,
                                              const struct dify_result *result,
                                              dify_write_fn *write, void *ctx);

/* As dify_run_write_result(), but as of a run that goes on, though it may have told of its end or
 * of a pause; its status is `open_status`. */
DIFY_MUST_CHECK enum dify_err dify__run_write_result(const struct dify_run *run,
                                                     enum dify_json_style style,
                                                     const char *open_status, dify_write_fn *write,
                                                     void *ctx);

/* Goes on after a pause: more streams may be fed. A stop from before has done nothing to it. */
void dify__run_reopen(struct dify_run *run);

/* Whether it is a turn of a conversation, as far as was heard. */
bool dify__run_has_conversation(const struct dify_run *run);

/* Whether it waits for other forms than before it was gone on with last, or for any if it never
 * was: then a pause is a new one. */
bool dify__run_has_other_forms(const struct dify_run *run);

/* Whether the last word of the stream was that the run is paused. */
bool dify__run_is_paused(const struct dify_run *run);

/* Whether a workflow_finished was folded (dify_run_has_terminal_event() is also true after
 * message_end and error). */
bool dify__run_has_workflow_finished(const struct dify_run *run);

/* Whether a message_end was folded. */
bool dify__run_has_message_end(const struct dify_run *run);

/* Events counted so far. */
uint64_t dify__run_event_count(const struct dify_run *run);

/* Whether an `error` event was folded. */
bool dify__run_has_error_event(const struct dify_run *run);

/* Whether both are the same id: a UUID may be written in several ways. */
bool dify__is_same_id(struct dify_slice a, struct dify_slice b);

/* Ids so far, absent while unknown; they die with the next call that feeds or frees the run.
 * `task` is absent as long as only a snapshot's is known, which stops nothing. */
struct dify_slice dify__run_id(const struct dify_run *run);
struct dify_slice dify__run_task(const struct dify_run *run);

#endif
