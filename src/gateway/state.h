/* SPDX-License-Identifier: Apache-2.0
 *
 * state.h: the gateway and its apps, shared by the files that make it up. Everything here belongs
 * to the loop's thread.
 */
#ifndef GATEWAY_STATE_H
#define GATEWAY_STATE_H

#include "core/index.h"
#include "gateway/access.h"
#include "gateway/config.h"
#include "gateway/limits.h"
#include "gateway/measures.h"
#include "gateway/order.h"
#include "gateway/reads.h"
#include "gateway/uv_host.h"
#include "http/list.h"
#include "http/server.h"
#include "http/timer.h"
#include "store/store.h"

/* One app, of the configuration or a guest (app.h). How many of its runs are where is written by
 * places.c alone. */
struct gw_app {
    struct gateway *gateway;
    const struct gw_app_config *config;
    char key_name[GW_GUEST_NAME_BYTES];
    unsigned holds; /* by what works for it */
    struct dify_app *dify;
    struct gw_about *about; /* what it says of itself (about.h); NULL: not asked yet */

    unsigned running;                 /* runs that have a place */
    unsigned waiting;                 /* runs that were begun and have none */
    unsigned uploading;               /* runs whose turn it is to upload */
    struct http_link queue;           /* runs that wait for a place, by their member `turn` */
    struct http_link uploads;         /* runs that wait for their turn to upload, likewise */
    struct gw_app_measures *measures; /* guests share theirs */
};

/* Runs with records for the store that nobody waits for, until they are written together. */
enum gw_linger { GW_LINGER_SHORT, GW_LINGER_LONG };
struct gw_lingering {
    struct http_link runs;
    struct dify__alarm alarm;
};

/* The live runs, and those that ended and still have callers. */
struct gw_hub {
    struct http_link runs; /* all, oldest first, by their member `all` */
    size_t count;
    struct dify__index by_id;         /* 16 bytes */
    struct dify__index by_key;        /* 32 bytes */
    struct dify__index by_dify;       /* workflow_run_id */
    struct http_link dirty;           /* those with something for the store or for followers */
    struct gw_lingering lingering[2]; /* by enum gw_linger */
    struct http_link ended;           /* without a store: those that have ended, oldest first */
    size_t ended_count, ended_bytes;
    size_t callers;   /* all who wait for a run, or follow one */
    size_t followers; /* of these, streams to clients */
    size_t ending;    /* runs whose result is being written */
    size_t queued;    /* runs that are kept, and wait for a place */
};

struct gw_cors;
struct gw_logger;

struct gateway {
    const struct gw_config *config;
    const struct dify_allocator *allocator;
    uv_loop_t *loop;
    struct http_timer timer;
    uv_prepare_t prepare; /* the end of a turn of the loop, before and after the sockets */
    uv_check_t check;
    uv_idle_t idle; /* runs while some run is dirty, so that the loop does not sleep */
    uv_signal_t terminate, interrupt;

    struct gw_uv_host host;
    struct dify_client *client;
    struct dify_decoder *decoder; /* for what runs read of their own logs */
    struct gw_app *apps;          /* config->app_count of them */
    struct http_link guests;      /* app.c's */
    size_t guest_count;
    struct gw_app_measures guest_measures;
    char (*awaited)[GW_GUEST_NAME_BYTES]; /* guests whose open runs wait for their key */
    size_t awaited_count, awaited_capacity;
    struct gw_hub hub;

    struct store *store; /* NULL: none */
    uv_async_t store_wake;
    struct gw_reads reads;
    struct http_link later; /* requests that wait for something (later.h) */
    uint64_t next_number;   /* of runs, without a store */
    uint64_t first_number;  /* that this process gave a run; 0: none yet */
    uint32_t epoch;         /* likewise */
    bool was_failing;
    bool is_behind; /* some run has records that the store's queue had no room for */

    struct gw_cors *cors; /* for each origin of the configuration; NULL: there are none (cors.h) */
    struct gw_logger *logger;
    struct gw_measures measures;
    size_t relays; /* requests that are relayed now: v1_relay.c */

    struct http_server *server;
    struct gw_spool spool;
    struct dify__buffer scratch; /* of what goes out next */
    struct dify__buffer refusal; /* of what the HTTP layer refuses */
    struct {
        struct dify__buffer text;
        char tag[24]; /* its ETag */
    } openapi;
    struct dify__alarm draining;
    uint64_t lingers_until_ms;
    bool is_draining, is_closing, is_closed;
    double speed;
    uint32_t newline_ms, comment_ms; /* between what keeps silent answers and streams alive */
    uint32_t v1_begin_ms;            /* an answer of /v1 begins after that, whatever it will be */
};

/* gateway.c: something is to be done at the end of this turn; whether a drain is over. */
void gw_wake(struct gateway *gateway);
void gw_drain_check(struct gateway *gateway);

/* Unix time in milliseconds. */
uint64_t gw_now_ms(void);

#endif
