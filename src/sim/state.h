/* SPDX-License-Identifier: Apache-2.0
 *
 * state.h: what a simulated Dify knows, shared by the files that serve it.
 *
 * Who writes what: a run only run.c, a stream only stream.c, a fault's counters only visit.c. Runs
 * and uploaded files live in lists of the simulator, newest first, and are found by their ids.
 */
#ifndef SIM_STATE_H
#define SIM_STATE_H

#include "core/form.h"
#include "http/server.h"
#include "http/timer.h"
#include "core/index.h"
#include "sim/sim.h"
#include "sim/tally.h"
#include "sim/text.h"

/* Ceilings: ended runs and uploaded files that are remembered (the oldest is forgotten), requests
 * that wait for a place of the API worker. */
#define SIM_RUNS 20000
#define SIM_KEPT_BYTES ((size_t)1 << 30) /* of ended runs */
#define SIM_FILES 20000
#define SIM_WAITING 1000

/* Dify's own times, in milliseconds; all but the places' shrink by the speed. */
#define SIM_PING_MS 10000
#define SIM_SILENCE_MS 300000
#define SIM_SNAPSHOT_MS 200 /* the snapshot's wait for a live event that tells the task id */
#define SIM_STOP_MS 1000    /* of silence until the relay looks whether a run was stopped */
#define SIM_RESUME_MS 1500  /* from a form's submission until a worker goes on */
#define SIM_KEEPALIVE_MS 2000

struct sim_random {
    uint64_t state;
};
uint64_t sim_random_next(struct sim_random *random);

struct sim_app_state {
    const struct sim_app *app;
    struct dify__form *form;
    unsigned active; /* runs that are queued or play */
};

struct sim_file {
    struct sim_file *older;
    struct sim_file *newer;
    char id[37];
    const struct sim_app *app;
    struct dify_slice name, extension, mime_type, user; /* in `bytes` */
    uint64_t size;
    int64_t created_at;
    char *bytes; /* of the texts above */
};

struct sim_stats {
    uint64_t runs_started, streams_opened, requests, faults;
    uint64_t posts; /* requests to a route that starts runs, whatever became of them */
    size_t serving_most, abandoned_most, streams_most, in_flight_most;
};

struct sim {
    uv_loop_t *loop;
    const struct dify_allocator *allocator;
    struct sim_options options;
    struct sim_fault *faults;
    struct http_server *server;
    struct http_timer clock;
    struct sim_random random;
    struct sim_random chance; /* of faults: drawn in the order of requests, whatever ids are made */
    int64_t skew_s;

    struct sim_app_state *apps;
    struct sim_run *newest, *oldest; /* all runs */
    size_t run_count;
    size_t kept_bytes; /* of runs that are over or paused */
    struct dify__index runs_by_id, runs_by_task, runs_by_token, runs_by_message;
    struct dify__index conversations;         /* by the id of a conversation: its latest run */
    struct sim_run *queue_first, *queue_last; /* wait for a worker */
    unsigned working;                         /* runs that hold a worker */

    struct sim_file *newest_file, *oldest_file;
    size_t file_count;
    struct dify__index files_by_id;
    struct sim_tallies by_inputs, by_user;

    struct sim_visit *visits;                       /* requests being answered */
    struct sim_visit *waiting_first, *waiting_last; /* wait for a place */
    size_t serving, waiting;
    size_t abandoned; /* of those being served, whose client has left */
    size_t streams;   /* that are open */
    size_t in_flight; /* runs that are queued or play */

    struct sim_stats stats;
    char page[512]; /* of a refusal, until it was copied */
    void (*on_closed)(void *ctx);
    void *on_closed_ctx;
    bool is_closing;
};

/* Unix seconds by the server's clock, skew included. */
int64_t sim_now_s(const struct sim *sim);

/* Milliseconds of Dify's as the simulator waits them. */
uint64_t sim_scaled(const struct sim *sim, double ms);

/* A fresh UUID (version 4 in shape), with its NUL. */
void sim_new_uuid(struct sim *sim, char out[37]);

/* The id of a user of an app: always the same for the same seed. With its NUL. */
void sim_end_user_id(const struct sim *sim, const struct sim_app *app, struct dify_slice user,
                     char out[37]);

/* Counts a run that was asked for, or was started, under its user and its inputs; absent ones are
 * not counted. */
void sim_count_post(struct sim *sim, const struct sim_app *app, struct dify_slice user,
                    struct dify_slice inputs);
void sim_count_start(struct sim *sim, const struct sim_app *app, struct dify_slice user,
                     struct dify_slice inputs);

struct sim_app_state *sim_app_state(struct sim *sim, const struct sim_app *app);

static inline bool sim_is_at_least(const struct sim *sim, enum sim_release release)
{
    return sim->options.release >= release;
}

#endif
