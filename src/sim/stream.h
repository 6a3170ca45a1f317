/* SPDX-License-Identifier: Apache-2.0
 *
 * stream.h: one who watches a run: a stream, or a blocking caller who waits for its end.
 *
 * A stream lives until its exchange is over. Its run may die before: then it has no run any more.
 */
#ifndef SIM_STREAM_H
#define SIM_STREAM_H

#include "sim/run.h"

enum sim_watch {
    SIM_WATCH_BLOCKING, /* answered by `on_end` */
    SIM_WATCH_POST,     /* the stream that a POST got; never pings by itself */
    SIM_WATCH_EVENTS    /* GET /workflow/{id}/events; pings every 10 s */
};

struct sim_stream {
    struct sim_stream *next;
    struct sim_run *run; /* NULL once it was forgotten */
    struct sim_visit *visit;
    enum sim_watch watch;
    bool continues_on_pause, wants_snapshot;
    bool waits_for_snapshot; /* it is not sent yet */
    bool is_mute;            /* no event is sent any more */
    bool misses_end;         /* the run's end or pause was lost to it */
    uint64_t to_lose;        /* events that are lost to it before others come */
    bool pings;              /* by itself, after each 10 s without anything */
    bool is_closing;         /* the last chunk goes out when the alarm rings */
    uint64_t as_of;          /* events played when the request came */
    uint64_t events, bytes;  /* sent */
    uint64_t heard_ms;       /* when something last came from the run */
    size_t waiting_bytes;    /* waited to be sent when last looked at */
    uint64_t taken_ms;       /* when the client last took some, or little waited */
    struct dify__alarm alarm;
    void (*on_end)(struct sim_stream *stream); /* of SIM_WATCH_BLOCKING */
};

/* What a request wants to watch. */
struct sim_wish {
    enum sim_watch watch;
    bool continues_on_pause, wants_snapshot;
    void (*on_end)(struct sim_stream *stream);
};

/* Begins to watch, and answers with a stream's head where one is wanted. The fault of the visit
 * acts on it. NOMEM: then nothing was answered. */
DIFY_MUST_CHECK enum dify_err sim_stream_open(struct sim_visit *visit, struct sim_run *run,
                                              const struct sim_wish *wish);

/* The run has played an event: its JSON and its name. Whether it went, whole and as it is, to a
 * client that had not left as far as is known. */
bool sim_stream_event(struct sim_run *run, struct dify_slice json, struct dify_slice name);

/* Whether a client that reads has so much ahead of it that the run's next event should wait. */
bool sim_stream_holds(struct sim_run *run);

/* The run's worker pings. */
void sim_stream_ping(struct sim_run *run);

/* The run has come to its end or to a pause, or its script falls silent or cuts. */
void sim_stream_run_over(struct sim_run *run, bool is_pause);
void sim_stream_run_silent(struct sim_run *run);
void sim_stream_run_cut(struct sim_run *run);

/* The run is forgotten: its stream goes on without it, silent. */
void sim_stream_forget(struct sim_stream *stream);

/* Ends the stream with an invented run that failed with `error`. */
void sim_stream_invent(struct sim_stream *stream, struct dify_slice error);

/* The exchange is over: the stream dies. */
void sim_stream_gone(struct sim_stream *stream);

#endif
