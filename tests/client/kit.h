/* SPDX-License-Identifier: Apache-2.0
 *
 * kit.h: a follow that is watched: what its observer heard, and what must hold of every one.
 */
#ifndef DIFY_TESTS_CLIENT_KIT_H
#define DIFY_TESTS_CLIENT_KIT_H

#include "fake.h"

struct watched {
    struct fake *fake;
    struct dify_follow *follow;
    struct text path; /* the reasons of its changes, with blanks between */
    enum dify_follow_state state;
    unsigned ended, streams, stream_ends, stop_failures;
    bool holds;       /* `submit` says no */
    unsigned submits; /* `submit` was asked */
    unsigned sendings;
    struct text sent; /* the inputs as they went out */
    int64_t sent_at_s;
    struct text *kept; /* the bytes of each stream */
    size_t kept_capacity;

    /* called at each of the observer's functions; may stop or cancel the follow */
    void (*meddle)(struct watched *watched);
    unsigned heard;
    void *ctx;
};

/* What all orders of these tests begin with: inputs that fit the fake's form. */
struct dify_order plain_order(void);

/* Makes a follow; `order` NULL: plain_order(). */
void watch(struct watched *watched, struct fake *fake, const struct dify_order *order);

/* Makes and starts one. */
void begin(struct watched *watched, struct fake *fake, const struct dify_order *order);

/* Lets things happen until it has ended, and until the client has nothing under way; it must have
 * ended once and left nothing. */
void finish(struct watched *watched);

void watched_fini(struct watched *watched);

/* Frees the follow of `first` as a program does that is killed, and takes its run up by what a
 * journal has: user, time, inputs, the bytes of the streams, and the run's id if they tell it. */
void take_up(struct watched *first, struct watched *second);

/* Lets things happen until the follow is in `state`. Fails if it ends before. */
void reach(struct watched *watched, enum dify_follow_state state);

/* The result has this code; "": it is a success. */
void assert_code(const struct watched *watched, const char *code);

/* Status, workflow_outputs, total_tokens and total_steps are those of the stream read without a
 * break; where the result is complete outputs, price and nodes too; where it is not, it names the
 * nodes whose end the client was not told. */
void assert_same(const struct watched *watched, const struct fake_run *run);

/* What a random test is at: the state of a test whose teardown is seeded_tell(), its first member.
 */
struct seeded {
    uint64_t seed, at; /* the run at hand is seed + at */
    bool is_done;
};

/* A teardown: says how a run that failed is replayed. */
int seeded_tell(void **state);

#endif
