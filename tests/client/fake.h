/* SPDX-License-Identifier: Apache-2.0
 *
 * fake.h: a model of Dify behind the client's transport, on a clock of its own.
 *
 * Nothing waits: what the network delivers, what Dify does and what the client's alarms are set for
 * happen in the order of their times, and the clock jumps from one to the next. Dify behaves as it
 * was seen to (releases from 1.12 to 1.16), and as told misbehaves in one exchange or one run.
 *
 *  fake.c       the clock, the transport, deliveries, what may go wrong with an exchange
 *  fake_dify.c  Dify: its routes, runs and rows, streams, stop and pause
 *  fake_plan.c  runs: their nodes and events, written by hand or at random
 */
#ifndef DIFY_TESTS_CLIENT_FAKE_H
#define DIFY_TESTS_CLIENT_FAKE_H

#include "client/app.h"
#include "client/call.h"
#include "client/env.h"
#include "client/source.h"
#include "../unit/support.h"

/* ---- runs ---------------------------------------------------------------------------------- */

enum fake_event_kind {
    FAKE_STARTED,
    FAKE_NODE_STARTED,
    FAKE_NODE_FINISHED,
    FAKE_CONTAINER_STARTED,
    FAKE_CONTAINER_FINISHED,
    FAKE_PAUSED,
    FAKE_FINISHED,
    FAKE_MESSAGE, /* a piece of an answer: FAKE_PIECE */
    FAKE_MESSAGE_END,
    FAKE_OTHER_EVENT
};

#define FAKE_PIECE "tea "

struct fake_event {
    uint64_t at_ms; /* since the run's start */
    enum fake_event_kind kind;
    size_t node;
    struct text frame;
    bool is_told;        /* the client got it whole, by any stream */
    bool is_unspeakable; /* Dify cannot encode it: it is never sent */
};

struct fake_node {
    char id[37]; /* execution id */
    char node_id[16];
    const char *type;
    size_t outer; /* container, from 1; 0: none */
    bool has_started, has_finished;
};

struct fake_run {
    struct fake *fake;
    struct fake_run *next;
    char id[37], task[37];
    char user[300];
    struct text inputs; /* as they were sent */

    struct fake_event *event;
    size_t events, event_capacity, at; /* `at`: the next one to happen */
    struct fake_node *node;
    size_t nodes, node_capacity;
    struct text outputs; /* of its end; JSON */
    const char *status;  /* of its end */
    const char *error;   /* of its end, JSON; NULL: null */
    uint64_t tokens, steps;

    /* what is peculiar */
    uint64_t queued_ms;        /* waits so long for a worker */
    uint64_t dies_ms;          /* its worker dies then; 0: it does not */
    uint64_t window_ms;        /* between a snapshot and what comes live behind it */
    bool loses_end;            /* its workflow_finished is sent to nobody */
    bool has_no_row;           /* of a basic chat, or one that never was */
    bool keeps_row_after_stop; /* a stop leaves its row `running` for ever */

    /* what has become of it */
    bool is_submitted, is_running, has_ended, is_paused, is_dead;
    const char *row; /* status of its row; NULL: there is none */
    uint64_t started_ms, ended_ms;
    int64_t created_s;
    unsigned zombies; /* readers that have left without Dify's noticing */
    unsigned readers;
    bool was_stopped;
    struct dify__alarm step, ping, stopping;
};

/* A run that will be started by the next request that starts one; they are taken in turn. */
struct fake_run *fake_plan(struct fake *fake);

/* A run that somebody else started `age_ms` ago, and that ended. */
struct fake_run *fake_plan_other(struct fake *fake, const char *user, const char *inputs,
                                 uint64_t age_ms);

/* Adds an event: `json` (in single quotes) has %R and %T for the ids of run and task, %N for the
 * node's execution id, %D for its node_id. Nodes are numbered from 1, in fake_add_node()'s order.
 */
void fake_add_event(struct fake_run *run, uint64_t at_ms, enum fake_event_kind kind, size_t node,
                    const char *json);
size_t fake_add_node(struct fake_run *run, const char *node_id, const char *type, size_t outer);

/* Two nodes with outputs, tokens and prices, in 2 s; or, where the fake's app is a chatflow, with
 * an answer. */
struct fake_run *fake_plan_small(struct fake *fake);

/* The same, but it pauses for a form at its middle. */
struct fake_run *fake_plan_pausing(struct fake *fake);
struct fake_run *fake_plan_pausing_twice(struct fake *fake);

/* Nodes, branches, iterations, retries and failures at random; of a chatflow where the fake's app
 * is one. */
struct fake_run *fake_plan_random(struct fake *fake);

/* A form was submitted: a run that pauses goes on. */
void fake_continue(struct fake_run *run);

/* What the stream would have said, read without any break, as a run that has ended. */
struct dify_run *fake_fold(const struct fake_run *run);

/* ---- what may go wrong --------------------------------------------------------------------- */

enum fake_what {
    FAKE_INFO,
    FAKE_PARAMETERS,
    FAKE_UPLOAD,
    FAKE_SUBMIT,
    FAKE_EVENTS,
    FAKE_DETAIL,
    FAKE_LOGS,
    FAKE_STOP,
    FAKE_CONVERSATION, /* a message of one */
    FAKE_OTHER,
    FAKE_WHATS
};

enum fake_how {
    FAKE_FINE,
    FAKE_REFUSED,         /* no connection */
    FAKE_CONNECT_TIMEOUT, /* none in time */
    FAKE_RESET_BEFORE,    /* the request was sent and not carried out */
    FAKE_RESET_AFTER,     /* carried out, and nothing came of it */
    FAKE_CLOSED_AFTER,
    FAKE_NO_HTTP,       /* carried out; what came was no HTTP */
    FAKE_STATUS_BEFORE, /* `n`: a proxy's answer, HTML, without asking Dify */
    FAKE_STATUS_AFTER,  /* the same after Dify was asked */
    FAKE_REFUSAL,       /* `n`: Dify's own answer, not carried out; `words` is its body */
    FAKE_GARBAGE,       /* 200 with JSON that is cut short */
    FAKE_SLOW,          /* the answer comes `n` ms later */
    FAKE_MUTE,          /* carried out, and nothing more is heard */
    /* of streams, after `n` events: */
    FAKE_RESET_AT,
    FAKE_CLOSED_AT,
    FAKE_TORN_AT,     /* reset in the middle of the next */
    FAKE_END_AT,      /* a clean end */
    FAKE_INVENTED_AT, /* a clean end, with a workflow_finished of Dify's own making */
    FAKE_MUTE_AT      /* nothing more is heard */
};

struct fake_fault {
    enum fake_what what;
    unsigned nth; /* which of the exchanges of this sort, from 1; 0: all */
    enum fake_how how;
    unsigned n;
    const char *words;
    int64_t retry_after_s; /* 0: not said */
};

/* ---- the model ----------------------------------------------------------------------------- */

#define FAKE_FAULTS 32

struct fake_delivery;

struct dify__exchange {
    struct fake *fake;
    struct dify__exchange *next, *previous;
    struct dify__receiver receiver;
    enum fake_what what;
    struct fake_fault fault;
    unsigned flags;
    struct text path, body;
    struct dify__source *file;
    struct fake_delivery *deliveries;
    struct dify__alarm arrival;

    /* of a stream, or a blocking call */
    struct fake_run *run; /* whose worker's messages come here; NULL: none */
    bool is_blocking, is_relay, is_plain;
    bool is_mute, is_over, is_deaf;
    unsigned sent; /* events */
    uint64_t live_from_ms;
    struct dify__alarm ping, idle;
};

struct fake {
    struct meter meter; /* of the client's memory */
    struct dify__env env;
    struct dify__transport transport;
    struct dify_app *app;
    const char *release;
    unsigned minor; /* of the release 1.minor */
    const char *mode;
    const char *parameters;
    const char *conversation; /* the only one that there is; NULL: none */
    uint64_t now_ms, random;
    int64_t skew_s; /* Dify's wall clock is so much ahead */
    uint64_t latency_ms;

    struct dify__alarms things; /* of the network and of Dify */
    struct dify__exchange *exchanges, *current;
    struct fake_run *runs, *last_run;
    struct fake_fault fault[FAKE_FAULTS];
    size_t faults;
    struct fake_fault (*choose)(struct fake *fake, enum fake_what what, unsigned nth);
    bool splits;               /* bodies come in pieces */
    const char *claimed_id;    /* X-Workflow-Run-ID in the answer to a request that starts a run */
    unsigned claimed_nth;      /* to which of them, from 1; 0: all */
    struct text last_event_id; /* of the last request for a run's events */

    unsigned count[FAKE_WHATS];  /* exchanges that were begun */
    unsigned carried_out;        /* requests that started a run */
    unsigned may_have_been_sent; /* requests for a run that the client cannot be sure of */
    unsigned stops;              /* that reached Dify */
    struct text uploaded;        /* the bytes of the last file that came whole */
    unsigned most_readers;       /* of one run at once */
    uint64_t steps;              /* of the clock */
};

void fake_init(struct fake *fake, const char *release, uint64_t seed);
void fake_fini(struct fake *fake); /* asserts that the client has left nothing behind */

void fake_add_fault(struct fake *fake, struct fake_fault fault);
#define FAULT(...) ((struct fake_fault){__VA_ARGS__})

uint64_t fake_random(struct fake *fake, uint64_t below);
void fake_uuid(struct fake *fake, char out[37]);

/* Lets one thing happen. False if there is none. */
bool fake_step(struct fake *fake);

/* Lets things happen until `ms` have passed. */
void fake_pass(struct fake *fake, uint64_t ms);

/* Lets things happen until the client has nothing under way. Fails if that does not end. */
void fake_settle(struct fake *fake);

/* ---- between the files --------------------------------------------------------------------- */

/* An alarm of the fake's own. */
void fake_alarm(struct fake *fake, struct dify__alarm *alarm, uint64_t ms);

/* What the client will hear of an exchange, after the latency. `event` is the one that the bytes
 * are, of `run`; 0 with `run` NULL. */
void fake_send_head(struct dify__exchange *exchange, int status, const char *type);
void fake_send_body(struct dify__exchange *exchange, const char *bytes, size_t len,
                    struct fake_run *run, size_t event);
void fake_send_end(struct dify__exchange *exchange, enum dify__failure failure);
void fake_answer(struct dify__exchange *exchange, int status, const char *type, const char *body);

/* A request has reached Dify. */
void fake_serve(struct dify__exchange *exchange);

/* The client has left, or the network is broken; Dify may not notice. */
void fake_leave(struct dify__exchange *exchange);

void fake_run_free(struct fake_run *run);

#endif
