/* SPDX-License-Identifier: Apache-2.0
 *
 * faults.h: what can be made to go wrong, by name.
 *
 * A fault is written NAME[=VALUE][,on=KIND][,p=PROBABILITY][,times=N][,skip=N], for example
 * "reset-after-events=3,p=0.2". It meets requests of the kinds that its name is about; `on` has it
 * meet one kind instead, where it makes sense there. Without p it meets every one; `skip` lets the
 * first N pass, `times` ends it after N. `difystream sim --help` and docs/simulator.md list them.
 */
#ifndef SIM_FAULTS_H
#define SIM_FAULTS_H

#include "difystream/export.h"
#include "difystream/slice.h"

#include <stdbool.h>
#include <stdint.h>

enum sim_fault_kind {
    SIM_FAULT_NONE,
    /* of the stream that a request for one gets */
    SIM_FAULT_RESET_AFTER_EVENTS, /* TCP reset after so many events */
    SIM_FAULT_RESET_AFTER_BYTES,  /* after so many bytes of the stream */
    SIM_FAULT_CLOSE_AFTER_EVENTS, /* the connection closes without the last chunk */
    SIM_FAULT_END_AFTER_EVENTS,   /* a clean end without the terminal event */
    SIM_FAULT_STALL_AFTER_EVENTS, /* nothing more comes, the connection stays */
    SIM_FAULT_CUT_IN_CHARACTER,   /* closes within the first character of several bytes after so
                                     many events */
    SIM_FAULT_BYTE_BY_BYTE,       /* each byte is a chunk of its own */
    SIM_FAULT_BAD_JSON,           /* the event after so many has broken JSON */
    SIM_FAULT_BIG_EVENT,          /* an event of so many bytes comes before the second one */
    SIM_FAULT_LOST_FINISH,        /* the terminal event is not sent */
    SIM_FAULT_ERROR_THEN_PINGS,   /* after so many events an `error`, then pings for ever */
    SIM_FAULT_RESET_ANYWHERE,     /* as RESET_AFTER_EVENTS, after 0 to so many: it is drawn */
    SIM_FAULT_CLOSE_ANYWHERE,     /* the same, closing without the last chunk */
    SIM_FAULT_PINGS_ONLY,         /* pings and nothing else */
    /* of a request that starts a run */
    SIM_FAULT_RESET_BEFORE_RUN,  /* reset, and the run was not started */
    SIM_FAULT_RESET_AFTER_START, /* reset before a byte of the answer; the run goes on */
    SIM_FAULT_PROXY_502,         /* a proxy's page; the run goes on */
    SIM_FAULT_PROXY_503,
    SIM_FAULT_PROXY_504,
    SIM_FAULT_BUSY,              /* Dify's own refusal where too many runs are under way */
    SIM_FAULT_TOO_MANY_REQUESTS, /* 429, with Retry-After in seconds if there is a value */
    SIM_FAULT_UNAUTHORIZED,      /* 401 */
    SIM_FAULT_DEAD_WORKER,       /* the worker is killed after so many events */
    SIM_FAULT_QUEUED,            /* the run waits so many seconds for a worker */
    /* of others */
    SIM_FAULT_SLOW_DETAIL,    /* the detail answers after so many seconds */
    SIM_FAULT_LOST_IN_WINDOW, /* so many events after a reader's snapshot was made are lost to it */
    SIM_FAULT_RESET,    /* the request is carried out, and reset before a byte of its answer */
    SIM_FAULT_INTERNAL, /* Dify's 500; the request is not carried out */
    SIM_FAULT_SLOW,     /* the request is looked at after so many seconds */
    SIM_FAULT_NO_EVENTS_ROUTE,  /* GET /workflow/{id}/events is not there */
    SIM_FAULT_RESET_KEPT_ALIVE, /* the connection looks kept alive and is reset by the next request
                                 */
    SIM_FAULT_CLOCK_SKEW,       /* the server's clock is so many seconds ahead (or behind) */
    SIM_FAULT_KINDS
};

/* Which requests a fault can meet. */
enum sim_fault_place {
    SIM_PLACE_RUN,    /* POST that starts a run */
    SIM_PLACE_EVENTS, /* GET /workflow/{id}/events */
    SIM_PLACE_DETAIL, /* GET /workflows/run/{id} */
    SIM_PLACE_LOGS,
    SIM_PLACE_UPLOAD,
    SIM_PLACE_PARAMETERS,
    SIM_PLACE_INFO,
    SIM_PLACE_META,
    SIM_PLACE_SITE,
    SIM_PLACE_STOP,
    SIM_PLACE_FORM, /* reading and sending it */
    SIM_PLACE_FEEDBACK,
    SIM_PLACE_MESSAGES,
    SIM_PLACE_OTHER,
    SIM_PLACES
};

struct sim_fault {
    enum sim_fault_kind kind;
    int64_t value; /* events, bytes or seconds */
    bool has_value;
    bool has_place; /* `place` counts, not what the name is about */
    enum sim_fault_place place;
    double probability; /* 0 to 1 */
    uint64_t skip;      /* requests that it lets pass first */
    uint64_t times;     /* that it meets; UINT64_MAX: all */
};

/* Largest value: a hundred years in seconds. */
#define SIM_FAULT_VALUE INT64_C(3155760000)

/* Most faults of one simulator. */
#define SIM_FAULTS 64

/* Reads one fault. False with a sentence about what is wrong in `why` (NUL-terminated). */
DIFY_MUST_CHECK bool sim_fault_parse(struct dify_slice text, struct sim_fault *fault, char *why,
                                     size_t why_size);

/* Name and one-line description of a kind, for help texts; NULL for NONE. Static. */
const char *sim_fault_name(enum sim_fault_kind kind);
const char *sim_fault_help(enum sim_fault_kind kind);

/* Whether a fault of the kind answers in place of Dify, which then does not carry the request
 * out. */
bool sim_fault_refuses(enum sim_fault_kind kind);

/* The status of a proxy's page that a fault of the kind gives; 0: it gives none. */
int sim_fault_proxy_status(enum sim_fault_kind kind);

/* Whether a fault meets requests of a place. */
bool sim_fault_meets(const struct sim_fault *fault, enum sim_fault_place place);

#endif
