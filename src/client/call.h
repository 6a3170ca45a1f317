/* SPDX-License-Identifier: Apache-2.0
 *
 * call.h: one request that is answered by JSON, with its tries and its clock.
 */
#ifndef DIFY_CLIENT_CALL_H
#define DIFY_CLIENT_CALL_H

#include "client/env.h"

/* Tries of what may be sent again. */
#define DIFY__CALL_TRIES 3

struct dify__call_plan {
    bool is_post;
    bool is_fresh;       /* on a connection of its own */
    bool may_repeat;     /* also when it may have been sent: it changes nothing, or nothing more */
    bool is_stream;      /* only whether a stream opens */
    unsigned tries;      /* 0: DIFY__CALL_TRIES */
    uint64_t silence_ms; /* without a byte; 0: the app's */
    char *path;          /* taken; from the app's allocator */
    char *body;          /* taken; NULL: none */
    size_t body_len;
    const struct dify_file *file; /* borrowed; with `user`: an upload */
    char *user;                   /* taken */
};

/* Starts a call; what was taken is freed in any case. As the functions of client.h. */
DIFY_MUST_CHECK enum dify_err dify__call_start(struct dify_app *app,
                                               const struct dify__call_plan *take_plan,
                                               dify_answer_fn *answered, void *ctx,
                                               struct dify_call **out);

/* Rows of a page of the logs, the newest first; Dify gives no more. */
#define DIFY__LOG_ROWS 100

/* Calls that follow.c makes for itself: a run's detail; one page of the logs of a user. One try,
 * with its own clock. */
DIFY_MUST_CHECK enum dify_err dify__ask_detail(struct dify_app *app, const char *run_id,
                                               uint64_t silence_ms, dify_answer_fn *answered,
                                               void *ctx, struct dify_call **out);
DIFY_MUST_CHECK enum dify_err dify__ask_logs(struct dify_app *app, const char *user,
                                             uint64_t silence_ms, dify_answer_fn *answered,
                                             void *ctx, struct dify_call **out);

/* One message of a conversation: whether the user has such a conversation. Likewise. */
DIFY_MUST_CHECK enum dify_err dify__ask_conversation(struct dify_app *app,
                                                     const char *conversation_id, const char *user,
                                                     uint64_t silence_ms, dify_answer_fn *answered,
                                                     void *ctx, struct dify_call **out);

/* Cancels all calls of an environment. */
void dify__calls_fini(struct dify__env *env);

/* The kind of the file that a call uploads (dify_file_kind()). Static. */
const char *dify__call_file_kind(const struct dify_call *call);

#endif
