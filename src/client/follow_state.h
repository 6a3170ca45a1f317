/* SPDX-License-Identifier: Apache-2.0
 *
 * follow_state.h: a follow, shared by the files that make it up.
 *
 *  follow.c         the door (dify__follow_enter, dify__follow_end): the one writer of the state
 *  follow_api.c     what its owner asks of it
 *  follow_begin.c   checking, uploading, submitting
 *  follow_stream.c  what streams and blocking answers say; silence
 *  follow_ask.c     questions beside a stream and instead of one; searching; stopping
 *
 * The table of states stands in follow.c's head.
 */
#ifndef DIFY_CLIENT_FOLLOW_STATE_H
#define DIFY_CLIENT_FOLLOW_STATE_H

#include "client/app.h"
#include "client/call.h"
#include "client/inputs.h"
#include "client/words.h"
#include "core/run_follow.h"

/* The clocks that are no options, in milliseconds; the figures are Dify's own behaviour. */
#define DIFY__SUSPECT_MS 25000  /* of silence: the worker pings every 10 s */
#define DIFY__QUESTION_MS 10000 /* between two questions beside a stream */
#define DIFY__PINGS_MS 60000    /* of pings alone, until Dify is asked beside a POST's stream */
#define DIFY__QUESTION_SILENCE_MS 60000 /* a question is given up */
#define DIFY__QUESTION_FIRST_MS 2000 /* on a new stream: an end may be lost behind its snapshot */
#define DIFY__POLL_FIRST_MS 1000     /* polling without a stream begins with this ... */
#define DIFY__CONVERSATION_MS 10000  /* of silence to the question whether there is one */
#define DIFY__SEARCH_MS 300000       /* a queued run has no row yet */
#define DIFY__BACKOFF_MOST_MS 15000
#define DIFY__LATE_MS 2000         /* what may come behind a chat's terminal event */
#define DIFY__LATE_MOST_MS 30000   /* audio behind it */
#define DIFY__DETAIL_GRACE_MS 2000 /* the stream's own end, once the detail knows it */
#define DIFY__STOP_MS 30000        /* after a stop, for a row that says `running` for ever */
#define DIFY__STOP_AGAIN_MS 5000
#define DIFY__NOTICED_MS 11000           /* until a server has noticed that a reader has left */
#define DIFY__CONTINUE_MS 30000          /* a run may be called paused after its form was sent */
#define DIFY__RETRY_AFTER_MOST_MS 300000 /* what a server may make us wait */

/* Ceilings. */
#define DIFY__SUBMIT_TRIES 3
#define DIFY__STREAMS 3 /* reopened within ... */
#define DIFY__STREAMS_MS 300000
#define DIFY__REFUSED_STREAMS 5   /* in a row, until a run is only asked about */
#define DIFY__NOT_FOUND 5         /* answers of 404 in a row, until a run is taken for lost */
#define DIFY__ID_BYTES 128        /* of a run or a task that Dify can be asked about */
#define DIFY__EVENT_ID_BYTES 1024 /* of the id of a frame that is sent back */
#define DIFY__BLOCKING_BYTES ((size_t)64 << 20)
#define DIFY__ERROR_BYTES ((size_t)1 << 20) /* of a refusal's body */
#define DIFY__USER_CHARACTERS 255
#define DIFY__FOLLOW_ALARMS 5

struct dify_follow {
    /* What is needed whenever a stream brings something, up to DIFY__FOLLOW_HOT_BYTES
     * (core/prefetch.h). */
    struct dify__env *env;
    struct dify_run *run;
    uint64_t heard_ms;      /* when the last byte came, or the request went out */
    uint64_t quiet_ms;      /* of silence before the frame at hand */
    uint64_t event_ms;      /* when the last event came */
    uint64_t events;        /* of this stream */
    uint64_t events_before; /* of the run, before the bytes at hand */
    enum dify_follow_state state;
    unsigned reopens;  /* in a row, without an event between */
    bool is_stream;    /* the answer at hand */
    bool is_feeding;   /* inside dify_run_feed(): ends wait */
    bool wants_cancel; /* asked for while feeding */
    bool wants_stop;
    bool was_silent;              /* the stream ended after as much silence as ends a read */
    struct dify__buffer prepared; /* the inputs as they are sent */
    struct dify_follow_observer observer;

    /* and the rest */
    struct dify_follow *next, *previous; /* of the environment's */
    struct dify_app *app;
    struct dify_run_observer run_observer;

    /* the order */
    enum dify_kind kind; /* AUTO until it is known */
    bool no_check, blocking, takes_up;
    char *workflow_id, *user, *query, *conversation_id, *last_event_id;
    bool has_own_user; /* made here: no other run has it */
    size_t query_len;
    struct dify__buffer extra; /* members of the body, each with a comma before it */
    struct dify__inputs inputs;
    int64_t sent_unix_ms; /* 0: not sent */

    bool was_recalled; /* bytes of earlier streams were fed */
    bool has_told_end; /* the observer's `ended` is due or was called */

    /* what is under way: at most one of each */
    struct dify__exchange *exchange; /* the POST, or the stream of the events endpoint */
    char *path;                      /* of the exchange */
    struct dify__buffer body;        /* sent */
    struct dify_call *call;          /* a question, or an upload */
    struct dify_call *stop_call;
    bool awaits_answer;          /* CHECKING: to what another follow has asked of the app */
    bool has_asked_conversation; /* CHECKING */

    /* the answer at hand */
    int status;
    bool has_head, is_html, is_resumed;
    bool is_plain; /* the last stream of the events endpoint was asked for without a snapshot */
    int64_t retry_after_s;
    struct dify__buffer answer; /* of what is no stream */
    unsigned stream_number;     /* streams that have begun */
    uint64_t lost_ms;           /* when the last stream ended */
    bool is_late; /* after the terminal event of a chat: only waits for what may follow */
    uint64_t late_from_ms;

    /* tries */
    unsigned submits;
    uint64_t opened_ms[DIFY__STREAMS]; /* the last reopened streams */
    unsigned opened;                   /* how many in all */
    unsigned refused;                  /* answers of 401 and 403 in a row, likewise */
    unsigned asked, not_found;         /* questions since the state was entered; 404 in a row */
    uint64_t started_ms;
    uint64_t continued_ms; /* when a paused run was gone on with; 0: it was not */
    unsigned form_looks;   /* streams opened for the form of a pause that was not seen */
    unsigned next_upload;
    struct dify__buffer rows; /* SEARCHING: runs in the logs, struct row each ... */
    size_t row_at;            /* ... and the one that is compared next */
    bool has_more_rows;       /* than were listed: another one may fit as well */
    unsigned fits;            /* of them may be the run */
    int64_t skew_s;           /* Dify's wall clock is so much ahead */

    /* a detail that told the end while the stream was still open */
    struct dify__buffer ending;
    bool has_ending, ending_is_pause;

    /* a stop */
    bool stop_acknowledged;
    bool has_told_stop; /* that it did not get through */
    bool stop_is_old;   /* another has stopped it, and its row has not been read since */
    bool stops_late;    /* it was wanted when the end had been told: that is not by the stop */

    struct dify__alarm step;     /* the state's own: the next try, silence, what comes late */
    struct dify__alarm question; /* the next question */
    struct dify__alarm ceiling;  /* the whole run's clock */
    struct dify__alarm stopping; /* the next stop, or the end of waiting for one */
    struct dify__alarm telling;  /* the observer's `ended`; before the start: the kick */
};

/* Up to the function of its observer that is told of bytes. */
#define DIFY__FOLLOW_HOT_BYTES offsetof(struct dify_follow, observer.stream_end)

#define DIFY__FOLLOW_OF(alarm, member)                                                             \
    ((struct dify_follow *)(void *)((char *)(alarm)-offsetof(struct dify_follow, member)))

/* A text for observers and results that is being put together. */
struct dify__text_of {
    struct dify__buffer text;
    enum dify_err err;
};
struct dify__text_of dify__text_begin(const struct dify_follow *follow);
#define dify__say(t, part) dify__add(&(t)->text, &(t)->err, (part))
void dify__say_s(struct dify__text_of *text, uint64_t ms); /* "1.5 s" */

/* ---- follow.c: the door -------------------------------------------------------------------- */

/* Goes to another state: whatever the old one had under way is ended, the reason is counted and
 * told with `take_text` (freed here; may be NULL), and the new state begins. `wait_ms` is for a
 * state that waits for its next try. */
void dify__follow_enter(struct dify_follow *follow, enum dify_follow_state state,
                        enum dify_reason reason, uint64_t wait_ms, struct dify__text_of *take_text);

/* The end, by what the run itself knows (its terminal event, a pause). */
void dify__follow_end(struct dify_follow *follow, enum dify_reason reason);

/* The end for a reason outside the stream; `take_text` is the result's message. `code` may be ""
 * for the outcome's own. */
void dify__follow_fail(struct dify_follow *follow, enum dify_reason reason,
                       enum dify_outcome outcome, const char *code, int http_status,
                       struct dify__text_of *take_text);
void dify__follow_no_memory(struct dify_follow *follow);

static inline bool dify__follow_is_over(const struct dify_follow *follow)
{
    return follow->state == DIFY_FOLLOW_ENDED;
}

/* Ends the exchange, or the question, that is under way, if any. */
void dify__follow_hang_up(struct dify_follow *follow);
void dify__follow_drop_call(struct dify_follow *follow);

/* Whether it can be the id of something that Dify is asked about. */
bool dify__is_id(struct dify_slice id);

/* Whether the run can be asked about: it has an id, and an app of a kind that has rows. */
bool dify__follow_has_row(const struct dify_follow *follow);

/* Whether the run's end was told, and all of it that there may be: behind a chatflow's message_end
 * comes its workflow_finished. */
bool dify__follow_knows_end(const struct dify_follow *follow);

/* Whether the run, whose id is not known, can be found in the app's logs. */
bool dify__follow_is_searchable(const struct dify_follow *follow);

/* Whether the stream shows that the run's worker lives. */
bool dify__follow_is_alive(const struct dify_follow *follow);

/* Whether all that is known of its stop is what another was told, though Dify has a row to ask. */
bool dify__follow_awaits_row(const struct dify_follow *follow);

/* ---- what a state begins with (called by the door alone) ----------------------------------- */

void dify__begin_checking(struct dify_follow *follow);
void dify__begin_uploading(struct dify_follow *follow);
void dify__begin_submitting(struct dify_follow *follow);
void dify__begin_resuming(struct dify_follow *follow);
void dify__begin_searching(struct dify_follow *follow);
void dify__begin_polling(struct dify_follow *follow);
void dify__begin_suspecting(struct dify_follow *follow);
void dify__begin_streaming(struct dify_follow *follow);

/* ---- follow_begin.c ------------------------------------------------------------------------ */

/* The follow drops what it has asked of its app: whoever waits for the answer asks by himself. */
void dify__follow_ask_no_more(struct dify_follow *follow);

/* A request that starts a run was certainly not carried out: waits for its next try, and frees the
 * text. False if there was enough of them; then the text is still the caller's. */
bool dify__follow_waits(struct dify_follow *follow, enum dify_reason reason, int64_t retry_after_s,
                        struct dify__text_of *take_text);

/* ---- follow_stream.c ----------------------------------------------------------------------- */

/* Sends the request for the run, or for its events; the receiver of both is the same. */
void dify__follow_send(struct dify_follow *follow, struct dify__request request);

/* The stream is gone, or there was none: goes on to whatever can still tell the run's end. */
void dify__follow_recover(struct dify_follow *follow, enum dify_reason reason,
                          struct dify__text_of *take_text);

/* A pause that was learnt without its stream: goes to look at what form it waits for. False where
 * that is known, or not to be had. */
bool dify__follow_seeks_form(struct dify_follow *follow);

/* ---- follow_ask.c -------------------------------------------------------------------------- */

/* Asks soon, and from then on at intervals, as the state and what is known allow. */
void dify__follow_ask_in(struct dify_follow *follow, uint64_t ms);

/* Whether the answer to the request that starts a run says only that it was begun; learns its ids.
 */
bool dify__follow_goes_on(struct dify_follow *follow);

/* Folds the detail that told the run's end, and ends. */
void dify__follow_take_ending(struct dify_follow *follow);

/* Sends the stop, if one is wanted and can be sent. */
void dify__follow_try_stop(struct dify_follow *follow);

#endif
