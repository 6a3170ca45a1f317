/* SPDX-License-Identifier: Apache-2.0
 *
 * run.c: the life of a run. Only functions of this file write a run's state.
 *
 *     QUEUED   waits for a worker, and for what a fault adds → PLAYING, ENDED (stopped, no worker)
 *     PLAYING  waits for its next step's time; or, once a stop was asked for, for the stop to take
 *              effect → PAUSED, ENDED
 *     PAUSED   waits for its form, or for the form's time to be over → PLAYING
 *     ENDED    waits for nothing
 *
 * One alarm serves all waits.
 */
#include "sim/run.h"

#include "core/slices.h"
#include "sim/row.h"
#include "sim/stream.h"

#include <string.h>

/* Steps that are played in one turn of the loop at most, so that streams can be sent between. */
#define STEPS_A_TURN 64

/* Within this time of a node's end the next one begins, where one follows it. */
#define NEXT_NODE_MS 50

static void on_alarm(struct dify__alarm *alarm);
static void play(struct sim_run *run);
static void lose(struct sim_run *run);
static enum dify_err play_json(struct sim_run *run, const struct sim_text *json);

/* ---- beginning ----------------------------------------------------------------------------- */

/* The ids and texts that the run's events are filled with. */
static enum dify_err fill_bindings(struct sim_run *run, const struct sim_order *order)
{
    static const char letters[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    struct sim *sim = run->sim;
    struct sim_bindings *bindings = &run->bindings;
    const struct sim_run *before =
        order->conversation_id.len > 0
            ? dify__index_get(&sim->conversations, order->conversation_id)
            : NULL;
    sim_end_user_id(sim, order->app, order->user, run->bindings.owner);
    sim_new_uuid(sim, bindings->run);
    sim_new_uuid(sim, bindings->task);
    sim_new_uuid(sim, bindings->message);
    sim_new_uuid(sim, run->log_id);
    run->turn = 1;
    if (before != NULL) {
        memcpy(bindings->conversation, before->bindings.conversation, 37);
        run->turn = before->turn + 1;
    } else {
        sim_new_uuid(sim, bindings->conversation);
    }
    for (size_t i = 0; i + 1 < sizeof(bindings->token); i++)
        bindings->token[i] = letters[sim_random_next(&sim->random) % (sizeof(letters) - 1)];
    bindings->uuid_seed[0] = sim_random_next(&sim->random);
    bindings->uuid_seed[1] = sim_random_next(&sim->random);
    bindings->start = sim_now_s(sim);
    bindings->speed = sim->options.speed;
    return sim_row_inputs(run, order);
}

static enum dify_err keep_texts(struct sim_run *run, const struct sim_order *order)
{
    enum dify_err err = dify__buffer_append(&run->user, order->user.ptr, order->user.len);
    if (err == DIFY_OK)
        err = dify__buffer_append(&run->query, order->query.ptr, order->query.len);
    if (err == DIFY_OK)
        err = dify__buffer_append(&run->given, order->given.ptr, order->given.len);
    if (err == DIFY_OK)
        err = dify__buffer_append(&run->files, order->files.ptr, order->files.len);
    run->bindings.files = dify__buffer_slice(&run->files);
    return err;
}

static struct dify_slice id_slice(const char *id)
{
    return (struct dify_slice){id, 36};
}

static enum dify_err enter(struct sim_run *run)
{
    struct sim *sim = run->sim;
    enum dify_err err = dify__index_put(&sim->runs_by_id, id_slice(run->bindings.run), run);
    if (err == DIFY_OK)
        err = dify__index_put(&sim->runs_by_task, id_slice(run->bindings.task), run);
    if (err == DIFY_OK)
        err = dify__index_put(&sim->runs_by_token, dify__slice(run->bindings.token), run);
    if (err == DIFY_OK && run->app->mode != SIM_WORKFLOW)
        err = dify__index_put(&sim->runs_by_message, id_slice(run->bindings.message), run);
    if (err == DIFY_OK && run->app->mode != SIM_WORKFLOW)
        err = dify__index_put(&sim->conversations, id_slice(run->bindings.conversation), run);
    return err;
}

static void leave(struct sim_run *run)
{
    struct sim *sim = run->sim;
    dify__index_remove(&sim->runs_by_id, id_slice(run->bindings.run), run);
    dify__index_remove(&sim->runs_by_task, id_slice(run->bindings.task), run);
    dify__index_remove(&sim->runs_by_token, dify__slice(run->bindings.token), run);
    dify__index_remove(&sim->runs_by_message, id_slice(run->bindings.message), run);
    dify__index_remove(&sim->conversations, id_slice(run->bindings.conversation), run);
}

#define BUFFERS 12

static void list_buffers(struct sim_run *run, struct dify__buffer *buffers[BUFFERS])
{
    struct dify__buffer *all[BUFFERS] = {
        &run->user, &run->inputs,      &run->row_inputs, &run->given,  &run->finished, &run->paused,
        &run->form, &run->message_end, &run->error,      &run->answer, &run->files,    &run->query};
    memcpy(buffers, all, sizeof(all));
}

static void init_buffers(struct sim_run *run)
{
    struct dify__buffer *buffers[BUFFERS];
    list_buffers(run, buffers);
    for (size_t i = 0; i < BUFFERS; i++) {
        buffers[i]->allocator = run->sim->allocator;
        buffers[i]->max = SIM_TEXT_BYTES;
    }
    run->nodes_by_id.allocator = run->sim->allocator;
}

/* What the run keeps in memory, about. */
static size_t count_bytes(struct sim_run *run)
{
    struct dify__buffer *buffers[BUFFERS];
    size_t bytes = sizeof(struct sim_run) + run->node_capacity * sizeof(struct sim_node);
    list_buffers(run, buffers);
    for (size_t i = 0; i < BUFFERS; i++)
        bytes += buffers[i]->capacity;
    for (size_t i = 0; i < run->node_count; i++)
        bytes += run->nodes[i].started.capacity + run->nodes[i].finished.capacity;
    return bytes;
}

/* Counts the run as one that is kept, with what it has now. */
static void keep_count(struct sim_run *run)
{
    run->sim->kept_bytes -= run->kept_bytes;
    run->kept_bytes = count_bytes(run);
    run->sim->kept_bytes += run->kept_bytes;
}

static void free_texts(struct sim_run *run)
{
    struct dify__buffer *buffers[BUFFERS];
    list_buffers(run, buffers);
    for (size_t i = 0; i < BUFFERS; i++)
        dify__buffer_fini(buffers[i]);
    for (size_t i = 0; i < run->node_count; i++) {
        dify__buffer_fini(&run->nodes[i].started);
        dify__buffer_fini(&run->nodes[i].finished);
    }
    dify__index_fini(&run->nodes_by_id);
    dify__free(run->sim->allocator, run->nodes);
}

/* Forgets the oldest run that is over, or waits for a form, and that nobody watches. False if there
 * is none. */
static bool forget_one(struct sim *sim)
{
    struct sim_run *run = sim->oldest;
    while (run != NULL &&
           (run->streams != NULL || run->state == SIM_RUN_QUEUED || run->state == SIM_RUN_PLAYING))
        run = run->newer;
    if (run == NULL)
        return false;
    sim_run_free(run);
    return true;
}

static void count_active(struct sim_run *run)
{
    struct sim *sim = run->sim;
    sim_app_state(sim, run->app)->active++;
    if (++sim->in_flight > sim->stats.in_flight_most)
        sim->stats.in_flight_most = sim->in_flight;
}

/* Makes room for one more. */
static void forget(struct sim *sim)
{
    while ((sim->run_count >= SIM_RUNS || sim->kept_bytes > SIM_KEPT_BYTES) && forget_one(sim))
        ;
}

static void link_newest(struct sim_run *run)
{
    struct sim *sim = run->sim;
    run->older = sim->newest;
    if (sim->newest != NULL)
        sim->newest->newer = run;
    else
        sim->oldest = run;
    sim->newest = run;
    sim->run_count++;
}

static void unlink_run(struct sim_run *run)
{
    struct sim *sim = run->sim;
    if (run->newer != NULL)
        run->newer->older = run->older;
    else if (sim->newest == run)
        sim->newest = run->older;
    if (run->older != NULL)
        run->older->newer = run->newer;
    else if (sim->oldest == run)
        sim->oldest = run->newer;
    sim->run_count--;
}

enum dify_err sim_run_new(struct sim *sim, const struct sim_order *order, struct sim_run **out)
{
    struct sim_run *run = dify__calloc(sim->allocator, sizeof(struct sim_run));
    enum dify_err err;
    if (run == NULL)
        return DIFY_ERR_NOMEM;
    run->sim = sim;
    run->app = order->app;
    run->script = sim_app_script(order->app, order->given, order->query);
    run->dies_after = order->dies_after;
    run->needs_worker = !order->in_process;
    run->alarm.ring = on_alarm;
    run->heard_ms = uv_now(sim->loop);
    init_buffers(run);
    err = run->script != NULL ? keep_texts(run, order) : DIFY_ERR_NOMEM;
    if (err == DIFY_OK)
        err = fill_bindings(run, order);
    if (err == DIFY_OK && !order->never_starts)
        err = http_timer_set(&sim->clock, &run->alarm, order->queued_ms);
    if (err == DIFY_OK)
        err = enter(run); /* at last: it takes the place of its conversation's run before */
    if (err != DIFY_OK) {
        http_timer_clear(&sim->clock, &run->alarm);
        leave(run);
        free_texts(run);
        dify__free(sim->allocator, run);
        return err;
    }
    forget(sim);
    link_newest(run);
    if (order->never_starts) {
        run->state = SIM_RUN_ENDED;
        keep_count(run);
    } else {
        count_active(run);
    }
    *out = run;
    return DIFY_OK;
}

void sim_run_free(struct sim_run *run)
{
    while (run->streams != NULL)
        sim_stream_forget(run->streams);
    http_timer_clear(&run->sim->clock, &run->alarm);
    leave(run);
    unlink_run(run);
    run->sim->kept_bytes -= run->kept_bytes;
    free_texts(run);
    dify__free(run->sim->allocator, run);
}

/* ---- changes of state ---------------------------------------------------------------------- */

/* Hands the worker to the run that waits longest. */
static void free_worker(struct sim_run *run)
{
    struct sim *sim = run->sim;
    if (!run->has_worker)
        return;
    run->has_worker = false;
    while (sim->queue_first != NULL) {
        struct sim_run *next = sim->queue_first;
        sim->queue_first = next->queue_next;
        if (sim->queue_first == NULL)
            sim->queue_last = NULL;
        next->queue_next = NULL;
        if (http_timer_set(&sim->clock, &next->alarm, 0) == DIFY_OK) {
            next->has_worker = true;
            return;
        }
        lose(next);
    }
    sim->working--;
}

static bool is_active(enum sim_run_state state)
{
    return state == SIM_RUN_QUEUED || state == SIM_RUN_PLAYING;
}

/* The one place where a run's state is written after its beginning. */
static void change(struct sim_run *run, enum sim_run_state state)
{
    struct sim *sim = run->sim;
    if (run->state == state)
        return;
    if (is_active(run->state)) {
        sim_app_state(sim, run->app)->active--;
        sim->in_flight--;
    }
    if (is_active(state))
        count_active(run);
    run->state = state;
    if (state == SIM_RUN_PLAYING) {
        run->began_ms = uv_now(sim->loop);
        run->next_step = 0;
        return;
    }
    if (state == SIM_RUN_ENDED)
        http_timer_clear(&sim->clock, &run->alarm);
    keep_count(run);
    free_worker(run);
}

/* Takes a worker, or queues up for one. */
static bool take_worker(struct sim_run *run)
{
    struct sim *sim = run->sim;
    if (!run->needs_worker || sim->options.workers == 0 || run->has_worker)
        return true;
    if (sim->working < sim->options.workers) {
        sim->working++;
        run->has_worker = true;
        return true;
    }
    if (sim->queue_last != NULL)
        sim->queue_last->queue_next = run;
    else
        sim->queue_first = run;
    sim->queue_last = run;
    return false;
}

static void leave_queue(struct sim_run *run)
{
    struct sim *sim = run->sim;
    struct sim_run *before = NULL;
    for (struct sim_run *at = sim->queue_first; at != NULL; before = at, at = at->queue_next) {
        if (at != run)
            continue;
        if (before != NULL)
            before->queue_next = run->queue_next;
        else
            sim->queue_first = run->queue_next;
        if (sim->queue_last == run)
            sim->queue_last = before;
        run->queue_next = NULL;
        return;
    }
}

/* Plays the end that a stop gives. */
static void end_stopped(struct sim_run *run, enum sim_stopper stopper)
{
    struct sim_text json;
    enum dify_err err;
    leave_queue(run);
    run->is_stopping = false;
    sim_text_init(&json, run->sim->allocator);
    err = sim_row_stopped(run, stopper, &json);
    if (err == DIFY_OK)
        err = play_json(run, &json);
    sim_text_fini(&json);
    if (err == DIFY_OK) {
        run->is_row_stuck = stopper == SIM_STOPPED_BY_RELAY && sim_mode_has_runs(run->app->mode);
        run->is_aborted = stopper == SIM_STOPPED_BY_ENGINE;
        sim_stream_run_over(run, false);
    } else {
        sim_stream_run_cut(run); /* no memory for the event: it ends without */
    }
    change(run, SIM_RUN_ENDED);
}

/* Leaves a pause: the form was sent, or its time is over. */
static void go_on(struct sim_run *run)
{
    const struct sim_script *next =
        run->was_form_sent ? run->script->resumed : run->script->expired;
    if (next == NULL || !take_worker(run))
        return;
    run->is_expired = !run->was_form_sent;
    run->is_at_pause = false;
    run->script = next;
    change(run, SIM_RUN_PLAYING);
    play(run);
}

static void on_alarm(struct dify__alarm *alarm)
{
    struct sim_run *run =
        (struct sim_run *)(void *)((char *)alarm - offsetof(struct sim_run, alarm));
    if (run->is_stopping && uv_now(run->sim->loop) >= run->stop_ms) {
        end_stopped(run, sim_is_at_least(run->sim, SIM_1_16_1) ? SIM_STOPPED_BY_ENGINE
                                                               : SIM_STOPPED_BY_RELAY);
    } else if (run->state == SIM_RUN_QUEUED) {
        if (!take_worker(run))
            return;
        run->bindings.start = sim_now_s(run->sim);
        change(run, SIM_RUN_PLAYING);
        play(run);
    } else if (run->state == SIM_RUN_PLAYING) {
        play(run);
    } else if (run->state == SIM_RUN_PAUSED) {
        go_on(run);
    }
}

/* ---- playing ------------------------------------------------------------------------------- */

/* The worker is gone: nothing more comes, and the row stays as it is. A run without one dies with
 * the API's process, and with it the connections. */
static void die(struct sim_run *run)
{
    if (!run->needs_worker)
        sim_stream_run_cut(run);
    run->is_row_stuck = true;
    change(run, SIM_RUN_ENDED);
}

/* No memory to go on: the run dies, and all who watch see their connection end. */
static void lose(struct sim_run *run)
{
    leave_queue(run);
    sim_stream_run_cut(run);
    die(run);
}

/* The script is at its end. */
static void finish(struct sim_run *run)
{
    const struct sim_script *script = run->script;
    if (run->is_at_pause) {
        run->was_form_sent = run->is_expired = false; /* of an earlier pause */
        sim_stream_run_over(run, true);
        change(run, SIM_RUN_PAUSED);
        if (script->expired != NULL)
            sim_row_expect(run);
        return;
    }
    if (script->stored.count > 0)
        sim_row_stored(run, &script->stored);
    run->is_row_stuck = run->finished.len == 0;
    if (script->end == SIM_ENDS)
        sim_stream_run_over(run, false);
    else if (script->end == SIM_CUTS)
        sim_stream_run_cut(run);
    else
        sim_stream_run_silent(run);
    change(run, SIM_RUN_ENDED);
}

/* Takes note of an event and sends it to all who watch. */
static enum dify_err play_json(struct sim_run *run, const struct sim_text *json)
{
    yyjson_doc *doc = NULL;
    enum dify_err err = json->err;
    if (err == DIFY_OK)
        err = sim_read_json(run->sim->allocator, sim_text_slice(json), &doc);
    if (err == DIFY_OK)
        err = sim_row_event(run, yyjson_doc_get_root(doc));
    if (err == DIFY_OK) {
        run->played++;
        run->heard_ms = uv_now(run->sim->loop);
        if (sim_stream_event(run, sim_text_slice(json),
                             sim_member_string(yyjson_doc_get_root(doc), "event")))
            sim_row_seen(run);
    }
    yyjson_doc_free(doc);
    return err;
}

static enum dify_err play_step(struct sim_run *run, const struct sim_step *step)
{
    struct sim_text json;
    enum dify_err err;
    if (step->is_ping) {
        sim_stream_ping(run);
        return DIFY_OK;
    }
    sim_text_init(&json, run->sim->allocator);
    err = sim_template_render(&step->text, &run->bindings, &json.bytes);
    if (err == DIFY_OK)
        err = play_json(run, &json);
    sim_text_fini(&json);
    return err;
}

/* Whether the event just played is one at which a stop that was asked for takes effect. The relay
 * looks after each piece of text; the engine where a node ends, when the next one has begun. */
static bool stops_here(struct sim_run *run, enum sim_stopper *stopper)
{
    const struct sim_step *steps = run->script->steps;
    size_t next = run->next_step;
    if (!run->is_stopping)
        return false;
    *stopper = run->last_event == SIM_EVENT_TEXT ? SIM_STOPPED_BY_RELAY : SIM_STOPPED_BY_ENGINE;
    if (run->last_event == SIM_EVENT_TEXT || run->is_between_nodes)
        return true;
    if (run->last_event != SIM_EVENT_NODE_FINISHED || !sim_is_at_least(run->sim, SIM_1_14_2))
        return false;
    run->is_between_nodes =
        next < run->script->step_count && steps[next].at_ms - steps[next - 1].at_ms <= NEXT_NODE_MS;
    return !run->is_between_nodes;
}

/* How many milliseconds are left until a step is due. */
static uint64_t wait_for(const struct sim_run *run, const struct sim_step *step)
{
    uint64_t now = uv_now(run->sim->loop), due = run->began_ms;
    if (run->sim->options.speed > 0)
        due += sim_scaled(run->sim, step->at_ms);
    return due > now ? due - now : 0;
}

/* Sets the alarm for the next step, or for a stop that comes before it. */
static enum dify_err wait_for_next(struct sim_run *run)
{
    uint64_t now = uv_now(run->sim->loop);
    uint64_t wait = wait_for(run, &run->script->steps[run->next_step]);
    if (run->is_stopping) {
        uint64_t stop = run->stop_ms > now ? run->stop_ms - now : 0;
        wait = stop < wait ? stop : wait;
    }
    return http_timer_set(&run->sim->clock, &run->alarm, wait);
}

static void play(struct sim_run *run)
{
    enum sim_stopper stopper;
    for (unsigned n = 0; n < STEPS_A_TURN && run->next_step < run->script->step_count; n++) {
        const struct sim_step *step = &run->script->steps[run->next_step];
        if (wait_for(run, step) > 0 || sim_stream_holds(run))
            break;
        run->next_step++;
        if (!step->is_ping && run->played >= run->dies_after) {
            die(run);
            return;
        }
        if (play_step(run, step) != DIFY_OK) {
            lose(run);
            return;
        }
        if (!step->is_ping && stops_here(run, &stopper)) {
            end_stopped(run, stopper);
            return;
        }
    }
    if (run->next_step >= run->script->step_count)
        finish(run);
    else if (wait_for_next(run) != DIFY_OK)
        lose(run);
}

/* ---- from outside -------------------------------------------------------------------------- */

void sim_run_stop(struct sim_run *run)
{
    uint64_t now = uv_now(run->sim->loop), step = sim_scaled(run->sim, SIM_STOP_MS);
    if (run->is_stopping || (run->state != SIM_RUN_QUEUED && run->state != SIM_RUN_PLAYING))
        return; /* stopping a paused run does nothing */
    /* The relay looks when so much time has passed since the last event, and again. */
    step = step > 0 ? step : 1;
    run->stop_ms = now + step - (now - run->heard_ms) % step;
    run->is_stopping = true;
    if (run->state == SIM_RUN_QUEUED
            ? http_timer_set(&run->sim->clock, &run->alarm, run->stop_ms - now) != DIFY_OK
            : wait_for_next(run) != DIFY_OK)
        lose(run);
}

void sim_run_resume(struct sim_run *run)
{
    if (run->state != SIM_RUN_PAUSED)
        return;
    run->was_form_sent = true;
    if (http_timer_set(&run->sim->clock, &run->alarm, sim_scaled(run->sim, SIM_RESUME_MS)) !=
        DIFY_OK)
        lose(run);
}

void sim_run_rate(struct sim_run *run, struct dify_slice rating)
{
    run->rating = rating;
}

bool sim_run_is_final(const struct sim_run *run)
{
    return run->finished.len > 0 && !run->is_row_stuck;
}
