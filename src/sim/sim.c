/* SPDX-License-Identifier: Apache-2.0
 *
 * sim.c: making and closing a simulated Dify, its clock, its ids and its counts.
 */
#include "sim/sim.h"

#include "core/slices.h"
#include "sim/routes.h"
#include "sim/run.h"
#include "sim/upload.h"

#include <string.h>
#include <time.h>

/* What waits to be sent to one client at most: a snapshot is made in one go. A stream that its
 * client does not read is given less (stream.c). */
#define WRITE_BYTES SIM_TEXT_BYTES

/* gunicorn's own, of a request line and of one field; here of the whole head. */
#define LINE_BYTES 4094
#define HEAD_BYTES 8190

/* How much faster the server's own clocks (pings, silence) go where runs do not wait at all. */
#define SPEED_AT_ONCE 1000.0

const char *sim_release_name(enum sim_release release)
{
    static const char *const names[] = {"1.12.1", "1.14.2", "1.16.1"};
    return names[release];
}

bool sim_release_parse(struct dify_slice text, enum sim_release *release)
{
    for (int i = SIM_1_12_1; i <= SIM_1_16_1; i++) {
        if (dify__slice_is(text, sim_release_name((enum sim_release)i))) {
            *release = (enum sim_release)i;
            return true;
        }
    }
    return false;
}

/* ---- clock and chance ---------------------------------------------------------------------- */

/* SplitMix64. */
uint64_t sim_random_next(struct sim_random *random)
{
    uint64_t z = (random->state += 0x9E3779B97F4A7C15U);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
    return z ^ (z >> 31);
}

int64_t sim_now_s(const struct sim *sim)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec + sim->skew_s;
}

uint64_t sim_scaled(const struct sim *sim, double ms)
{
    double speed = sim->options.speed > 0 ? sim->options.speed : SPEED_AT_ONCE;
    return (uint64_t)(ms / speed + 0.5);
}

void sim_new_uuid(struct sim *sim, char out[37])
{
    uint64_t seed[2] = {sim_random_next(&sim->random), sim_random_next(&sim->random)};
    sim_uuid(seed, 0, out);
}

/* ---- users and counts ---------------------------------------------------------------------- */

static uint64_t mix(uint64_t state, struct dify_slice text)
{
    struct sim_random random = {state};
    for (size_t i = 0; i < text.len; i++)
        random.state = sim_random_next(&random) ^ (unsigned char)text.ptr[i];
    return sim_random_next(&random);
}

void sim_end_user_id(const struct sim *sim, const struct sim_app *app, struct dify_slice user,
                     char out[37])
{
    uint64_t seed[2] = {mix(sim->options.seed, app->name), mix(sim->options.seed, user)};
    sim_uuid(seed, 0, out);
}

void sim_count_post(struct sim *sim, const struct sim_app *app, struct dify_slice user,
                    struct dify_slice inputs)
{
    struct sim_tally *by_user = user.len > 0 ? sim_tally_of(&sim->by_user, NULL, user) : NULL;
    struct sim_tally *by_inputs =
        inputs.len > 0 ? sim_tally_of(&sim->by_inputs, app, inputs) : NULL;
    if (by_user != NULL)
        by_user->posts++;
    if (by_inputs != NULL)
        by_inputs->posts++;
}

void sim_count_start(struct sim *sim, const struct sim_app *app, struct dify_slice user,
                     struct dify_slice inputs)
{
    struct sim_tally *by_user = sim_tally_of(&sim->by_user, NULL, user);
    struct sim_tally *by_inputs = sim_tally_of(&sim->by_inputs, app, inputs);
    sim->stats.runs_started++;
    if (by_user != NULL)
        by_user->started++;
    if (by_inputs != NULL)
        by_inputs->started++;
}

struct sim_app_state *sim_app_state(struct sim *sim, const struct sim_app *app)
{
    return &sim->apps[app - sim->options.catalogue->apps];
}

/* ---- beginning ----------------------------------------------------------------------------- */

static void on_request(void *ctx, struct http_exchange *exchange)
{
    sim_visit_begin(ctx, exchange);
}

static enum dify_err init_apps(struct sim *sim)
{
    const struct sim_catalogue *catalogue = sim->options.catalogue;
    sim->apps =
        dify__calloc(sim->allocator, (catalogue->app_count + 1) * sizeof(struct sim_app_state));
    if (sim->apps == NULL)
        return DIFY_ERR_NOMEM;
    for (size_t i = 0; i < catalogue->app_count; i++) {
        enum dify_err err =
            dify__form_new(sim->allocator, catalogue->apps[i].parameters, &sim->apps[i].form);
        if (err != DIFY_OK)
            return err;
        sim->apps[i].app = &catalogue->apps[i];
    }
    return DIFY_OK;
}

/* Faults have counters of their own, so they are copied. */
static enum dify_err init_faults(struct sim *sim)
{
    size_t count = sim->options.fault_count;
    if (count > SIM_FAULTS)
        return DIFY_ERR_ARGUMENT;
    sim->faults = dify__calloc(sim->allocator, (count + 1) * sizeof(struct sim_fault));
    if (sim->faults == NULL)
        return DIFY_ERR_NOMEM;
    for (size_t i = 0; i < count; i++) {
        sim->faults[i] = sim->options.faults[i];
        if (sim->faults[i].kind == SIM_FAULT_CLOCK_SKEW)
            sim->skew_s = sim->faults[i].value;
    }
    return DIFY_OK;
}

#define INDEXES 6

static void list_indexes(struct sim *sim, struct dify__index *indexes[INDEXES])
{
    indexes[0] = &sim->runs_by_id;
    indexes[1] = &sim->runs_by_task;
    indexes[2] = &sim->runs_by_token;
    indexes[3] = &sim->conversations;
    indexes[4] = &sim->files_by_id;
    indexes[5] = &sim->runs_by_message;
}

static void init_indexes(struct sim *sim)
{
    struct dify__index *indexes[INDEXES];
    list_indexes(sim, indexes);
    for (size_t i = 0; i < INDEXES; i++)
        indexes[i]->allocator = sim->allocator;
    sim_tallies_init(&sim->by_inputs, sim->allocator);
    sim_tallies_init(&sim->by_user, sim->allocator);
}

static enum dify_err init_server(struct sim *sim)
{
    struct http_server_options options = {.allocator = sim->allocator,
                                          .on_request = on_request,
                                          .ctx = sim,
                                          .max_head_bytes = HEAD_BYTES,
                                          .max_line_bytes = LINE_BYTES,
                                          .max_write_bytes = WRITE_BYTES,
                                          .keepalive_ms = SIM_KEEPALIVE_MS,
                                          .server_name = "gunicorn",
                                          .ignores_resets = true, /* Dify's does not read */
                                          .wants_loud_reasons = true,
                                          .on_refuse = sim_answer_refusal};
    return http_server_new(sim->loop, &options, &sim->server);
}

/* Everything but the server and the clock, which end on the loop. */
static void free_parts(struct sim *sim)
{
    struct dify__index *indexes[INDEXES];
    list_indexes(sim, indexes);
    while (sim->newest != NULL)
        sim_run_free(sim->newest);
    sim_upload_forget_all(sim);
    sim_tallies_fini(&sim->by_inputs);
    sim_tallies_fini(&sim->by_user);
    for (size_t i = 0; i < INDEXES; i++)
        dify__index_fini(indexes[i]);
    for (size_t i = 0; sim->apps != NULL && i < sim->options.catalogue->app_count; i++)
        dify__form_free(sim->apps[i].form);
    dify__free(sim->allocator, sim->apps);
    dify__free(sim->allocator, sim->faults);
}

enum dify_err sim_new(uv_loop_t *loop, const struct sim_options *options, struct sim **out)
{
    const struct dify_allocator *allocator = dify__allocator(options->allocator);
    struct sim *sim = dify__calloc(allocator, sizeof(struct sim));
    enum dify_err err;
    if (sim == NULL)
        return DIFY_ERR_NOMEM;
    sim->loop = loop;
    sim->allocator = allocator;
    sim->options = *options;
    sim->random.state = options->seed;
    sim->chance.state = options->seed ^ UINT64_C(0xFA0175);
    init_indexes(sim);
    err = init_apps(sim);
    if (err == DIFY_OK)
        err = init_faults(sim);
    if (err == DIFY_OK)
        err = init_server(sim);
    if (err == DIFY_OK)
        err = http_timer_init(&sim->clock, loop, allocator);
    if (err != DIFY_OK) {
        if (sim->server != NULL)
            http_server_close(sim->server, NULL, NULL);
        free_parts(sim);
        dify__free(allocator, sim);
        return err;
    }
    *out = sim;
    return DIFY_OK;
}

enum dify_err sim_listen(struct sim *sim, const char *host, uint16_t port, struct dify_error *error)
{
    return http_server_listen(sim->server, host, port, error);
}

uint16_t sim_port(const struct sim *sim)
{
    return http_server_port(sim->server);
}

/* ---- the end ------------------------------------------------------------------------------- */

static void on_clock_closed(uv_handle_t *timer)
{
    struct http_timer *clock = timer->data;
    struct sim *sim = (struct sim *)(void *)((char *)clock - offsetof(struct sim, clock));
    void (*on_closed)(void *) = sim->on_closed;
    void *ctx = sim->on_closed_ctx;
    dify__free(sim->allocator, sim);
    if (on_closed != NULL)
        on_closed(ctx);
}

/* No exchange is left, so nobody watches a run any more. */
static void on_server_closed(void *ctx)
{
    struct sim *sim = ctx;
    free_parts(sim);
    http_timer_close(&sim->clock, on_clock_closed);
}

void sim_close(struct sim *sim, void (*on_closed)(void *ctx), void *ctx)
{
    if (sim->is_closing)
        return;
    sim->is_closing = true;
    sim->on_closed = on_closed;
    sim->on_closed_ctx = ctx;
    http_server_close(sim->server, on_server_closed, sim);
}
