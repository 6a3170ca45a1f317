/* SPDX-License-Identifier: Apache-2.0
 *
 * run.h: one run of an app: it plays its script, whoever watches.
 */
#ifndef SIM_RUN_H
#define SIM_RUN_H

#include "sim/state.h"
#include "sim/template.h"

enum sim_run_state {
    SIM_RUN_QUEUED,  /* accepted; no worker has it, there is no row → PLAYING */
    SIM_RUN_PLAYING, /* steps are due at their times → PAUSED, ENDED */
    SIM_RUN_PAUSED,  /* waits for its form → PLAYING (resumed or expired) */
    SIM_RUN_ENDED    /* nothing more happens; a dead worker's run, too */
};

/* A node as a snapshot shows it: `data` of its node_started and node_finished. */
struct sim_node {
    char id[40];
    struct dify__buffer started, finished; /* finished: empty while it runs, and of a container */
    uint64_t started_at, finished_at;      /* `played` of the run at that time, 0: not yet */
    bool is_container;
    bool has_ended; /* the event that ends it was played */
    bool is_seen;   /* and went whole to a client that was there */
};

/* What the run looks at in an event by itself. */
enum sim_event { SIM_EVENT_OTHER, SIM_EVENT_TEXT, SIM_EVENT_NODE_FINISHED };

struct sim_run {
    struct sim_run *older, *newer;
    struct sim_run *queue_next;
    struct sim *sim;
    const struct sim_app *app;
    const struct sim_script *script;
    size_t next_step;
    struct sim_bindings bindings;
    enum sim_run_state state;
    bool needs_worker, has_worker;
    bool has_row;          /* workflow_started was played */
    bool is_stopping;      /* a stop was asked for; it takes effect at `stop_ms` at the latest */
    bool is_between_nodes; /* a stopped run whose last node has ended and whose next begins */
    bool is_at_pause;      /* workflow_paused was the last end that was played */
    bool is_row_stuck;     /* the row says `running` for ever */
    bool is_aborted; /* the engine stopped it: the row says `stopped` whatever the stream said */
    bool was_form_sent;
    bool is_expired;
    struct dify_slice rating; /* its user's, of its message; static; absent: none */
    uint64_t began_ms;        /* loop time at which the script began */
    uint64_t heard_ms;        /* of the last event, or of the request before there was one */
    uint64_t stop_ms;
    uint64_t played; /* events */
    enum sim_event last_event;
    uint64_t dies_after; /* events until the worker is killed; UINT64_MAX: it is not */
    struct dify__alarm alarm;
    struct sim_stream *streams; /* who watches */

    struct dify__buffer user, query;
    struct dify__buffer inputs;     /* as workflow_started shows them, sys.* included */
    struct dify__buffer row_inputs; /* as the row has them: with sys.timestamp */
    struct dify__buffer given;      /* the caller's inputs, as an invented start shows them */
    struct dify__buffer files;
    char log_id[37];

    /* What was played, as JSON texts; empty until it came. */
    struct dify__buffer finished;    /* data of workflow_finished */
    struct dify__buffer paused;      /* data of workflow_paused */
    struct dify__buffer form;        /* data of human_input_required */
    struct dify__buffer message_end; /* the whole event */
    struct dify__buffer error;       /* the whole event */
    struct dify__buffer answer;      /* of a chat, decoded */
    int64_t created_at;
    struct sim_node *nodes;
    size_t node_count, node_capacity;
    size_t ended_node; /* place + 1 of the node that the last event has ended, 0: none */
    struct dify__index nodes_by_id; /* place + 1 in `nodes`; keys lie in `started` */
    size_t kept_bytes;              /* as counted in the simulator's sum */
    unsigned turn;                  /* of its conversation, from 1 */
};

/* What a request for a run says. All borrowed for the call. */
struct sim_order {
    const struct sim_app *app;
    struct dify_slice user, query;
    struct dify_slice given;           /* inputs as sent: a JSON object */
    struct dify_slice prepared;        /* as the run gets them: a JSON object */
    struct dify_slice conversation_id; /* of an earlier run; absent or empty: a new one */
    struct dify_slice files;           /* ids of the files among the inputs, 36 characters each */
    bool in_process;                   /* runs in the API process: needs no worker */
    uint64_t queued_ms;                /* waits that long in any case */
    uint64_t dies_after;
    bool never_starts; /* its worker refuses the inputs: no row, no event */
};

/* Accepts a run; it begins on the loop. NOMEM. */
DIFY_MUST_CHECK enum dify_err sim_run_new(struct sim *sim, const struct sim_order *order,
                                          struct sim_run **run);

/* Frees a run that nobody watches, or every stream of which is ended first. */
void sim_run_free(struct sim_run *run);

void sim_run_stop(struct sim_run *run);

/* The form was sent: goes on with `resumed`. */
void sim_run_resume(struct sim_run *run);

/* Its user's feedback, which is static; absent: it is taken back. */
void sim_run_rate(struct sim_run *run, struct dify_slice rating);

/* Whether the stored row is final. */
bool sim_run_is_final(const struct sim_run *run);

/* Whether the run is a workflow's (has a row and nodes) or a plain chat. */
static inline bool sim_mode_has_runs(enum sim_mode mode)
{
    return mode == SIM_WORKFLOW || mode == SIM_ADVANCED_CHAT;
}

#endif
