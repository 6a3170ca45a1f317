/* SPDX-License-Identifier: Apache-2.0
 *
 * env.h: what a follow and a call stand on, as parameters: memory, clock, chance, the network.
 */
#ifndef DIFY_CLIENT_ENV_H
#define DIFY_CLIENT_ENV_H

#include "core/alarms.h"
#include "client/transport.h"
#include "difystream/follow.h"

/* Runs that were followed here are remembered for a while, so that none of them is taken for one
 * that is looked for: so many, by a hash of their ids. */
#define DIFY__RECENT_RUNS 4096

struct dify__env {
    const struct dify_allocator *allocator;
    const struct dify__transport *transport;
    void *ctx;                     /* of the functions below */
    uint64_t (*now_ms)(void *ctx); /* never goes back */
    int64_t (*unix_ms)(void *ctx); /* the wall's clock */
    uint64_t (*random)(void *ctx);
    void (*changed)(void *ctx); /* an alarm or a request came from outside: the host is to know */

    struct dify__alarms alarms;
    struct dify_decoder *decoder; /* shared by all runs */
    size_t reserved;              /* places of alarms that were promised: dify__reserve_alarms() */
    struct dify_call *calls;      /* all, newest first */
    struct dify_follow *follows;  /* likewise */
    uint64_t recent[DIFY__RECENT_RUNS]; /* of follows that were freed; 0: none */
    size_t recent_count;                /* in all */
    size_t under_way; /* calls, and follows that were started and have not ended */
    uint64_t reasons[DIFY_REASONS];
};

static inline uint64_t dify__now(const struct dify__env *env)
{
    return env->now_ms(env->ctx);
}

/* A number below `bound`, which is not 0. */
static inline uint64_t dify__random_below(const struct dify__env *env, uint64_t bound)
{
    return env->random(env->ctx) % bound;
}

/* Promises room for so many alarms, so that setting them cannot fail; to be given back. NOMEM. */
DIFY_MUST_CHECK enum dify_err dify__reserve_alarms(struct dify__env *env, size_t count);
static inline void dify__release_alarms(struct dify__env *env, size_t count)
{
    env->reserved -= count;
}

/* Sets one of the alarms that were promised. */
void dify__alarm_in(struct dify__env *env, struct dify__alarm *alarm, uint64_t ms);

static inline void dify__alarm_off(struct dify__env *env, struct dify__alarm *alarm)
{
    dify__alarms_clear(&env->alarms, alarm);
}

/* The run of a follow that was freed; and whether one of this id was (the last DIFY__RECENT_RUNS).
 * Another run's id is taken for one of them in no case that is likelier than any other fault. */
void dify__remember_run(struct dify__env *env, struct dify_slice run_id);
bool dify__remembers_run(const struct dify__env *env, struct dify_slice run_id);

/* A random UUID (version 4), with its NUL. */
void dify__new_uuid(const struct dify__env *env, char out[37]);

/* How long to wait before try number `tries` + 1 (from 1): exponential with full jitter, between
 * half a second and `most_ms`. */
uint64_t dify__backoff_ms(const struct dify__env *env, unsigned tries, uint64_t most_ms);

#endif
