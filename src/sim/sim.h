/* SPDX-License-Identifier: Apache-2.0
 *
 * sim.h: a simulated Dify.
 *
 * It answers Dify's service API for the apps of a catalogue, as one release of Dify does, until it
 * is told to misbehave (faults.h). Runs go on without their clients. Everything happens on one
 * libuv loop.
 */
#ifndef SIM_SIM_H
#define SIM_SIM_H

#include "difystream/error.h"
#include "sim/catalogue.h"
#include "sim/faults.h"

#include <uv.h>

enum sim_release { SIM_1_12_1, SIM_1_14_2, SIM_1_16_1 };

/* False if the text names no release that can be simulated. */
bool sim_release_parse(struct dify_slice text, enum sim_release *release);
const char *sim_release_name(enum sim_release release);

struct sim_options {
    const struct dify_allocator *allocator; /* NULL: the C library's */
    const struct sim_catalogue *catalogue;  /* borrowed */
    enum sim_release release;
    double speed;         /* how much faster than recorded; 0: without any waiting */
    uint64_t seed;        /* of ids and of faults by probability */
    unsigned connections; /* places of the API worker; 0: no limit. Dify's own default: 10 */
    unsigned workers;     /* runs at once from 1.13 on, the rest waits; 0: no limit. 4 */
    const struct sim_fault *faults; /* copied */
    size_t fault_count;

    /* Told of each request when it is answered or cut, for a log; may be NULL. `note` says what the
     * simulator did to it, "" if nothing. */
    void (*on_request)(void *ctx, struct dify_slice method, struct dify_slice target, int status,
                       const char *note);
    void *ctx;
};

struct sim;

DIFY_MUST_CHECK enum dify_err sim_new(uv_loop_t *loop, const struct sim_options *options,
                                      struct sim **sim);

/* As http_server_listen(). */
DIFY_MUST_CHECK enum dify_err sim_listen(struct sim *sim, const char *host, uint16_t port,
                                         struct dify_error *error);
uint16_t sim_port(const struct sim *sim);

/* Cuts everything; when the loop has run, nothing of the simulator is left. `on_closed` may be
 * NULL.
 */
void sim_close(struct sim *sim, void (*on_closed)(void *ctx), void *ctx);

#endif
