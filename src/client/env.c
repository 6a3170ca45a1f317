/* SPDX-License-Identifier: Apache-2.0
 *
 * env.c: see env.h.
 */
#include "client/env.h"

#include <assert.h>

enum dify_err dify__reserve_alarms(struct dify__env *env, size_t count)
{
    enum dify_err err = dify__alarms_reserve(&env->alarms, env->reserved + count);
    if (err == DIFY_OK)
        env->reserved += count;
    return err;
}

void dify__alarm_in(struct dify__env *env, struct dify__alarm *alarm, uint64_t ms)
{
    uint64_t now = dify__now(env);
    uint64_t due = ms < UINT64_MAX - now ? now + ms : UINT64_MAX;
    enum dify_err err = dify__alarms_set(&env->alarms, alarm, due);
    assert(err == DIFY_OK);
    (void)err;
}

/* FNV-1a. */
static uint64_t hash(struct dify_slice id)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    for (size_t i = 0; i < id.len; i++)
        hash = (hash ^ (unsigned char)id.ptr[i]) * UINT64_C(1099511628211);
    return hash | 1; /* never 0 */
}

void dify__remember_run(struct dify__env *env, struct dify_slice run_id)
{
    if (run_id.len != 0)
        env->recent[env->recent_count++ % DIFY__RECENT_RUNS] = hash(run_id);
}

bool dify__remembers_run(const struct dify__env *env, struct dify_slice run_id)
{
    uint64_t wanted = hash(run_id);
    for (size_t i = 0; i < DIFY__RECENT_RUNS; i++)
        if (env->recent[i] == wanted)
            return true;
    return false;
}

void dify__new_uuid(const struct dify__env *env, char out[37])
{
    static const char digits[] = "0123456789abcdef";
    uint64_t bits = 0;
    for (size_t i = 0; i < 36; i++) {
        if (i == 8 || i == 13 || i == 18 || i == 23) {
            out[i] = '-';
            continue;
        }
        if (i % 16 == 0 || bits == 0)
            bits = env->random(env->ctx) | UINT64_C(1) << 63;
        out[i] = digits[bits & 15];
        bits >>= 4;
    }
    out[14] = '4';
    out[19] = digits[8 + env->random(env->ctx) % 4];
    out[36] = '\0';
}

#define BACKOFF_LEAST_MS 500

uint64_t dify__backoff_ms(const struct dify__env *env, unsigned tries, uint64_t most_ms)
{
    uint64_t most = BACKOFF_LEAST_MS;
    for (unsigned i = 0; i < tries && most < most_ms; i++)
        most *= 2;
    if (most > most_ms)
        most = most_ms;
    return BACKOFF_LEAST_MS + dify__random_below(env, most - BACKOFF_LEAST_MS + 1);
}
