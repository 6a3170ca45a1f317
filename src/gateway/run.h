/* SPDX-License-Identifier: Apache-2.0
 *
 * run.h: one run of the gateway, from an order to a result that is kept.
 *
 * run.c is the one writer of its state (the table stands in its head); run_hears.c is what it hears
 * of its follow, run_keeps.c what it hands to the store. Whoever waits for the run is a caller
 * (caller.h): it hears of the run, and may leave; the run goes on.
 */
#ifndef GATEWAY_RUN_H
#define GATEWAY_RUN_H

#include "core/uuid7.h"
#include "gateway/rows.h"
#include "gateway/runlog.h"
#include "gateway/state.h"

enum gw_run_state {
    GW_RUN_NEW,        /* gw_run_start() */
    GW_RUN_LOOKING,    /* whether the store knows its idempotency key */
    GW_RUN_TURN,       /* its turn to upload files */
    GW_RUN_PREPARING,  /* its follow checks the inputs and uploads files */
    GW_RUN_KEEPING,    /* its row is being written; all places are taken */
    GW_RUN_QUEUED,     /* a place */
    GW_RUN_SUBMITTING, /* it is being written that it will have been sent */
    GW_RUN_LIVE,       /* its follow's end */
    GW_RUN_ENDING,     /* its result is being written */
    GW_RUN_ENDED       /* its callers have all that there is */
};

const char *gw_run_state_name(enum gw_run_state state);

struct gw_run {
    /* What is needed for each event and to tell it, up to GW_RUN_HOT_BYTES (core/prefetch.h). */
    struct gateway *gateway;
    struct gw_app *app; /* NULL: an app that is not configured any more */
    struct dify_follow *follow;
    struct gw_v1 *v1; /* NULL: it was not asked for below /v1 */
    struct gw_runlog log;
    struct http_link dirty, lingering, callers;
    size_t stream_count; /* streams among the callers */
    uint32_t epoch;
    enum gw_run_state state;
    unsigned appending; /* appends that the store has not confirmed */
    unsigned writing;   /* all writes, likewise */
    bool has_row;       /* one was queued, or is there */
    bool has_started;   /* its ids at Dify are known, and with the store */
    bool is_recalling;  /* its log is fed again */
    bool wants_refusal; /* the store did not take it */
    bool is_dirty, lingers_shortly;
    bool log_is_full;
    struct gw_run_measures measures;

    /* and the rest */
    char *former_app; /* the name of an app that is not configured any more; malloc */
    unsigned char id[STORE_ID_BYTES];
    char id_text[DIFY__UUID_SIZE];
    uint64_t number; /* in the store */
    uint64_t created_ms;
    bool is_kept;                         /* its row is there (without a store: it is accepted) */
    bool has_place, has_turn, is_waiting; /* what places.c has counted */
    bool is_remembered; /* without a store: it has ended, and is kept for a while */
    size_t remembered_bytes;

    bool was_sent;           /* maybe; if not, nothing of it is at Dify */
    bool has_key, frees_key; /* it ends without having been begun: the key is free then */
    unsigned char key[STORE_HASH_BYTES], digest[STORE_HASH_BYTES];
    const char *asker; /* the name of the access token it was asked for with, for the log; NULL */
    const char *route; /* of the request; static, or the configuration's */

    struct gw_order *order; /* until its files are up; NULL */
    char *dify_id;          /* workflow_run_id, once it is known; malloc */

    struct gw_row *row; /* without a store, once it has ended: what one would have kept */

    char *result; /* JSON, once it has ended (run.c: without detail and run_id); malloc */
    size_t result_len;
    int http_status, http_override; /* of an answer; in place of the outcome's own, or 0 */
    bool success;
    bool is_paused; /* it has ended so far: it goes on once its form is submitted */

    struct http_link all, turn;
    size_t caller_count;
    struct dify__alarm alarm;   /* the wait for a place */
    struct gw_run_found *found; /* of its key, while it is looked for */
};

#define GW_RUN_HOT_BYTES offsetof(struct gw_run, former_app)

/* A run of an app, not started; `order` and its files are the run's from now on (NULL only of one
 * that is made from a row). NULL for want of memory: then the order is freed. */
struct gw_run *gw_run_new(struct gw_app *app, struct gw_order *take_order, const char *route);

/* Gives it an idempotency key, before the start: hashes of the key with its scope, and of the
 * request. False: no memory. */
DIFY_MUST_CHECK bool gw_run_set_key(struct gw_run *run, const unsigned char key[STORE_HASH_BYTES],
                                    const unsigned char digest[STORE_HASH_BYTES]);

void gw_run_start(struct gw_run *run);

/* Makes a run from its row, which has not ended and whose app is configured, and starts it where it
 * was left. `records`, all of its log, are folded. DIFY_ERR_NOMEM, or what is wrong with the row.
 */
DIFY_MUST_CHECK enum dify_err gw_run_recover(struct gateway *gateway, const struct store_row *row,
                                             struct dify_slice records);

/* Makes a run from a row that has ended, to be shown; it goes with its last caller. NULL for want
 * of memory. */
struct gw_run *gw_run_show(struct gateway *gateway, const struct store_row *row);

/* Takes a run up again that has ended as paused, now that its form was submitted: its row, and its
 * log as in gw_run_recover(). One that goes on already is left as it is. NULL if its app is not
 * configured any more, if the store takes nothing, or there is no memory: then it is still paused.
 */
struct gw_run *gw_run_continue(struct gateway *gateway, const struct store_row *row,
                               struct dify_slice records);

/* Stops it at Dify, or gives it up if it was not sent. */
void gw_run_stop(struct gw_run *run);

/* Ends one that was not sent; `code` "": the outcome's own. Does nothing to one that was. */
void gw_run_refuse(struct gw_run *run, enum dify_outcome outcome, const char *code,
                   const char *message);

/* Appends the result, or what is known so far, as JSON with `detail` and `run_id`. False: no
 * memory. */
DIFY_MUST_CHECK bool gw_run_write(const struct gw_run *run, struct dify__buffer *out);

/* Without a store: what one would keep of it, but for its inputs and its result. It is borrowed
 * from the run and from `room`. */
void gw_run_describe(const struct gw_run *run, struct dify_result *room, struct store_row *row);

/* The name of its app; absent for want of memory. */
struct dify_slice gw_run_app_name(const struct gw_run *run);

static inline bool gw_run_has_ended(const struct gw_run *run)
{
    return run->state == GW_RUN_ENDED;
}

/* At the end of a turn: gives the store what is new, and followers what may be shown. */
void gw_run_flush(struct gw_run *run);
void gw_run_touch(struct gw_run *run); /* that is to be done */

/* The same a little later, together with others, or once there is enough: for records that nobody
 * waits for. */
void gw_run_linger(struct gw_run *run, enum gw_linger how_long);

/* Frees it if it has ended and nobody needs it. */
void gw_run_release(struct gw_run *run);

/* The gateway closes: the run is left as it is at Dify. */
void gw_run_abandon(struct gw_run *run);

/* ---- between the files of a run ------------------------------------------------------------ */

void gw__run_enter(struct gw_run *run, enum gw_run_state state);
void gw__run_set_alarm(struct gw_run *run); /* it waits for a place, or the store, so long */

/* places.c has given it its turn, or a place. */
void gw__run_turn(struct gw_run *run);
void gw__run_place(struct gw_run *run);

/* run_hears.c */
void gw__run_put(struct gw_run *run, enum store_record_kind kind, struct dify_slice text);
extern const struct dify_follow_observer gw__run_observer;
DIFY_MUST_CHECK enum dify_err gw__run_follow(struct gw_run *run, const struct dify_order *order);
/* All is ready to be sent; true: at once. */
bool gw__run_ready(struct gw_run *run, struct dify_slice inputs);
void gw__run_over(struct gw_run *run); /* its follow has ended */

/* run_keeps.c: false if the store is full. Without a store all is kept at once. */
bool gw__run_keep(struct gw_run *run, struct dify_slice inputs, bool sends);
bool gw__run_keep_sent(struct gw_run *run);
bool gw__run_keep_reopened(struct gw_run *run);
void gw__run_keep_log(struct gw_run *run);
void gw__run_keep_end(struct gw_run *run, const struct dify_result *result);
void gw__run_remember(struct gw_run *run, const struct dify_result *result); /* without a store */
void gw__run_kept(struct gw_run *run, bool is_kept); /* run.c: a write was confirmed */

#endif
