/* SPDX-License-Identifier: Apache-2.0
 *
 * follow.h: one run of a Dify app, from its inputs to its one result.
 *
 * A follow checks the inputs, uploads the files, starts the run (once: a request that may have been
 * sent is never sent again), reads its stream, and when the connection breaks takes the run up
 * again, until its end is known or a clock runs out. The result is that of result.h.
 *
 *     struct dify_order order = {.size = sizeof order,
 *                                .inputs = DIFY_SLICE("{\"topic\":\"tea\"}")};
 *     struct dify_follow *follow;
 *     if (dify_follow_new(app, &order, &observer, &follow) == DIFY_OK) {
 *         dify_follow_start(follow);
 *         while (!dify_follow_has_ended(follow))
 *             dify_client_wait(client, 1000);
 *         dify_run_write_result(dify_follow_run(follow), DIFY_JSON_PRETTY, to_stdout, NULL);
 *         dify_follow_free(follow);
 *     }
 *
 * Threads and callbacks: as client.h says.
 */
#ifndef DIFYSTREAM_FOLLOW_H
#define DIFYSTREAM_FOLLOW_H

#include "difystream/client.h"
#include "difystream/export.h"
#include "difystream/run.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

DIFY_DECLARATIONS_BEGIN

/* A value for an input as people write it, for example from a form or a command line: turned into
 * what the app's /parameters say it is (number, checkbox, JSON, text). */
struct dify_field {
    const char *name;
    struct dify_slice text;
};

/* A file for an input: uploaded before the run starts. Several with one name make a file list. */
struct dify_attachment {
    const char *name; /* of the variable; NULL: the app's only one of a file or files */
    struct dify_file file;
    bool or_only; /* where the app has no input of that name: its only one of a file or files */
};

/* What is to be run. All is borrowed until dify_follow_new() returns, but for what the files point
 * to, which must live until the state is past DIFY_FOLLOW_UPLOADING. */
struct dify_order {
    size_t size; /* sizeof(struct dify_order), so that the struct can grow */

    enum dify_kind kind;
    const char *workflow_id; /* one version of a workflow; NULL: the published one */

    struct dify_slice inputs;        /* a JSON object; absent: {} */
    const struct dify_field *fields; /* beside `inputs`, over them */
    size_t field_count;
    const struct dify_attachment *attachments; /* at most DIFY_FOLLOW_FILES; over both */
    size_t attachment_count;

    const char *user;        /* NULL: a fresh "difystream-<uuid>", by which a lost run is found */
    struct dify_slice query; /* chat, and completion apps that take one */
    const char *conversation_id; /* chat; NULL: a new one */

    /* Further members of the request's body, as a JSON object: `files`, `trace_id` and what else
     * Dify takes. They go out as they are, behind those above, none of which they may repeat, nor
     * `response_mode`. Absent: none. */
    struct dify_slice extra;

    bool
        no_check; /* send the inputs as they are; fields are texts then, unless the form is known */
    bool blocking; /* one answer instead of a stream, for servers and proxies that need it */

    /* To take up a run that was started before, by this or another program: its id, or, where the
     * answer with its id was lost, when it was sent (Unix seconds; then `user` must be that of the
     * run, and the inputs are compared). Nothing is sent that starts a run. */
    const char *workflow_run_id;
    int64_t sent_at_s;
    const char *task_id; /* known from before, to stop it; may be NULL */
    bool was_stopped;    /* dify_follow_is_stopped() of whoever followed it before */
};

/* Attachments of one run. */
#define DIFY_FOLLOW_FILES 100

/* The states of a follow, and where each may go. */
enum dify_follow_state {
    DIFY_FOLLOW_NEW,        /* not started */
    DIFY_FOLLOW_CHECKING,   /* asks /info and /parameters, holds the inputs against the form */
    DIFY_FOLLOW_UPLOADING,  /* files go up, one after the other */
    DIFY_FOLLOW_HELD,       /* the observer's `submit` said no: waits for dify_follow_submit() */
    DIFY_FOLLOW_SUBMITTING, /* the request that starts the run is under way, no answer yet */
    DIFY_FOLLOW_WAITING,    /* it was certainly not carried out; the next try is due */
    DIFY_FOLLOW_STREAMING,  /* the stream is alive */
    DIFY_FOLLOW_SUSPECT,    /* it is silent; it stays open, and Dify is asked beside it */
    DIFY_FOLLOW_SEARCHING,  /* the run's id is not known: looked for in the logs */
    DIFY_FOLLOW_BROKEN,     /* the stream is gone, the next try to open one is due */
    DIFY_FOLLOW_RESUMING,   /* the events endpoint was asked, no answer yet */
    DIFY_FOLLOW_POLLING,    /* no stream is to be had: the run's detail is asked for */
    DIFY_FOLLOW_ENDED       /* the result stands */
};

/* Why a state was left. */
enum dify_reason {
    DIFY_REASON_NONE,
    DIFY_REASON_STARTED,   /* dify_follow_start() */
    DIFY_REASON_CHECKED,   /* inputs are fit, or not to be checked; the text names unknown ones */
    DIFY_REASON_UPLOADED,  /* all files are up */
    DIFY_REASON_HELD,      /* the observer wants to wait */
    DIFY_REASON_SUBMITTED, /* the observer lets it go */
    DIFY_REASON_NOT_SENT,  /* no connection: nothing was sent */
    DIFY_REASON_BUSY,      /* refused for too many runs at once */
    DIFY_REASON_ANSWERED,  /* the stream has begun */
    DIFY_REASON_SILENT,    /* nothing came for 25 s */
    DIFY_REASON_ALIVE,     /* something came again */
    DIFY_REASON_RESET,     /* the connection was reset */
    DIFY_REASON_CLOSED,    /* the connection was closed in the middle */
    DIFY_REASON_NO_END,    /* the stream ended as it should, without the run's end */
    DIFY_REASON_INVENTED_END,    /* the server ended the stream with an end of its own making */
    DIFY_REASON_BAD_STREAM,      /* what came is no event stream, or passed a ceiling */
    DIFY_REASON_REPLY_LOST,      /* the request was sent, its answer did not come */
    DIFY_REASON_GATEWAY_ERROR,   /* 502, 503 or 504: a proxy answered, the run may have started */
    DIFY_REASON_NO_CONNECTION,   /* no connection for a stream or a question */
    DIFY_REASON_NO_ROUTE,        /* this Dify has no events endpoint */
    DIFY_REASON_NOT_FOUND,       /* Dify does not know the run, or says so of its stream */
    DIFY_REASON_TOO_OFTEN,       /* streams were opened too often: only asked from here on */
    DIFY_REASON_RETRY,           /* the wait is over */
    DIFY_REASON_FOUND,           /* the logs have the run */
    DIFY_REASON_CONTINUED,       /* dify_follow_continue(): a paused run goes on */
    DIFY_REASON_FINISHED,        /* the stream told the run's end */
    DIFY_REASON_FINISHED_DETAIL, /* the run's detail told its end */
    DIFY_REASON_PAUSED,          /* the run waits for human input */
    DIFY_REASON_ERROR_EVENT,     /* the stream ended with an `error` event */
    DIFY_REASON_REFUSED,         /* Dify refused */
    DIFY_REASON_UNFIT,           /* the inputs do not fit */
    DIFY_REASON_UPLOAD_FAILED,
    DIFY_REASON_READ_TIMEOUT, /* the clock of silence ran out */
    DIFY_REASON_RUN_TIMEOUT,  /* the run's ceiling was reached */
    DIFY_REASON_LOST,         /* the run was not found */
    DIFY_REASON_STOPPED,      /* an end after a stop, which the stream did not tell */
    DIFY_REASON_CANCELLED,    /* dify_follow_cancel() */
    DIFY_REASON_NO_MEMORY,
    DIFY_REASONS
};

DIFY_API const char *dify_follow_state_name(enum dify_follow_state state); /* "streaming" */
DIFY_API const char *dify_reason_name(enum dify_reason reason);            /* "reset" */

struct dify_follow;

/* A change of state. `text` (English, one line, no secrets) says what happened with all that is
 * known: errno or HTTP status, how often, how long until the next try. It dies with the call. */
struct dify_follow_change {
    enum dify_follow_state from, to;
    enum dify_reason reason;
    const char *text;
    uint64_t wait_ms; /* until the next try, where the new state waits for one; else 0 */
};

/* Who hears of a follow; any function may be NULL. They may stop, cancel and ask the follow, not
 * free it, except `ended`, which may. */
struct dify_follow_observer {
    void *ctx;

    /* What the run's stream says: handed to the run unchanged (run.h). */
    const struct dify_run_observer *run;

    /* Once for each change of state. */
    void (*changed)(void *ctx, struct dify_follow *follow, const struct dify_follow_change *change);

    /* All is ready to be sent: the inputs as they go out (with the ids of uploaded files). True:
     * it is sent when this returns; false: it waits for dify_follow_submit() (not from within), for
     * a host that first has to make sure that it will remember. From here on the run may have been
     * started. */
    bool (*submit)(void *ctx, struct dify_follow *follow, struct dify_slice inputs);

    /* A connection stands: the first byte of the request that starts the run leaves when this
     * returns. Until then the run was certainly not started. Once for each try; may only ask. */
    void (*sending)(void *ctx, struct dify_follow *follow);

    /* A stream has begun: its number from 0 (others than the first are of a run taken up again),
     * and the head of its answer as received, up to its blank line. */
    void (*stream)(void *ctx, struct dify_follow *follow, unsigned number, struct dify_slice head);

    /* Bytes of the stream as they came, before they are folded; and how it ended. */
    void (*bytes)(void *ctx, struct dify_follow *follow, struct dify_slice bytes);
    void (*stream_end)(void *ctx, struct dify_follow *follow, enum dify_reason reason);

    /* A stop did not get through, or Dify refused it, as `message` says (an answer's, client.h): it
     * is tried again until the run ends. Only the first time. */
    void (*stop_failed)(void *ctx, struct dify_follow *follow, struct dify_slice message);

    /* The follow has ended; the result stands. Called once for each end (see
     * dify_follow_continue()). */
    void (*ended)(void *ctx, struct dify_follow *follow);
};

/* Makes a follow; nothing is sent yet. `observer` may be NULL; it is copied. `*out` is the
 * caller's. DIFY_ERR_ARGUMENT: an unknown size, a user of more than 255 characters or an empty one,
 * an empty run id, too many files, contradictory options; DIFY_ERR_JSON: `inputs` or `extra` is
 * no JSON object; DIFY_ERR_NOMEM.
 */
DIFY_API DIFY_MUST_CHECK enum dify_err dify_follow_new(struct dify_app *app,
                                                       const struct dify_order *order,
                                                       const struct dify_follow_observer *observer,
                                                       struct dify_follow **out);

/* Frees a follow. One that has not ended is left as it is at Dify: its run goes on. NULL is legal.
 */
DIFY_API void dify_follow_free(struct dify_follow *follow);

/* Before the start of a run that is taken up: bytes of its streams that were kept from before, in
 * their order; `begins_stream` with the first bytes of each stream. Observers hear of what they
 * tell. DIFY_ERR_STATE once it was started; errors of dify_run_feed(). */
DIFY_API DIFY_MUST_CHECK enum dify_err
dify_follow_recall(struct dify_follow *follow, bool begins_stream, struct dify_slice bytes);

/* Starts. Never fails: what goes wrong is the result's. Does nothing a second time. */
DIFY_API void dify_follow_start(struct dify_follow *follow);

/* Sends what was held (DIFY_FOLLOW_HELD). */
DIFY_API void dify_follow_submit(struct dify_follow *follow);

/* Stops the run at Dify, as soon as it can be (the task's id must be known), and follows it to its
 * end all the same. Before the run is sent it is not sent, and ends as cancelled. */
DIFY_API void dify_follow_stop(struct dify_follow *follow);

/* Ends the follow at once as cancelled; the run goes on at Dify. */
DIFY_API void dify_follow_cancel(struct dify_follow *follow);

/* Goes on with a run that ended as paused, after its form was submitted; the same result goes on.
 * DIFY_ERR_STATE if it is not paused. */
DIFY_API DIFY_MUST_CHECK enum dify_err dify_follow_continue(struct dify_follow *follow);

DIFY_API enum dify_follow_state dify_follow_state_of(const struct dify_follow *follow);
DIFY_API bool dify_follow_has_ended(const struct dify_follow *follow);

/* The run, for result.h; lives as long as the follow. */
DIFY_API const struct dify_run *dify_follow_run(const struct dify_follow *follow);

/* By which routes the run is started and stopped; DIFY_KIND_AUTO until the app has said it. */
DIFY_API enum dify_kind dify_follow_kind(const struct dify_follow *follow);

/* The user of the run; lives as long as the follow. */
DIFY_API const char *dify_follow_user(const struct dify_follow *follow);

/* Ids, absent while they are not known: that of the run, and that by which it can be stopped. They
 * die with the next callback. */
DIFY_API struct dify_slice dify_follow_run_id(const struct dify_follow *follow);
DIFY_API struct dify_slice dify_follow_task_id(const struct dify_follow *follow);

/* Path and query, below the app's base URL, of the request that starts the run or takes it up: of
 * the latest that went out, as it was sent; absent before the first. Dies with the next callback.
 */
DIFY_API struct dify_slice dify_follow_path(const struct dify_follow *follow);

/* Whether Dify has acknowledged a stop that was asked for before the run's end. Whoever takes the
 * run up later has to know: Dify's row of a stopped run may say `running` for ever. */
DIFY_API bool dify_follow_is_stopped(const struct dify_follow *follow);

/* Since how many milliseconds the run's worker has given no sign, 0 while it does. */
DIFY_API uint64_t dify_follow_silent_ms(const struct dify_follow *follow);

/* How often follows of a client have left a state for a reason. */
DIFY_API uint64_t dify_client_count(const struct dify_client *client, enum dify_reason reason);

DIFY_DECLARATIONS_END

#endif
