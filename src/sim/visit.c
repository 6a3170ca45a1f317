/* SPDX-License-Identifier: Apache-2.0
 *
 * visit.c: see visit.h. Places, faults, bodies; what is asked for is in routes.c.
 */
#include "sim/visit.h"

#include "core/slices.h"
#include "sim/routes.h"
#include "sim/stream.h"
#include "sim/upload.h"

#include <string.h>

/* ---- places of the API worker -------------------------------------------------------------- */

static void serve(struct sim_visit *visit);

/* What the simulator tells of itself is not Dify's: it needs no place and meets no fault. */
static bool is_own(const struct sim_visit *visit)
{
    static const char prefix[] = "/sim/";
    struct dify_slice path = http_exchange_request(visit->exchange)->path;
    return path.len >= sizeof prefix - 1 && memcmp(path.ptr, prefix, sizeof prefix - 1) == 0;
}

/* Counts a place that is held for a client that has left, and takes it back. What is answered, or
 * ends by itself in a moment, is not counted. */
static void count_abandoned(struct sim_visit *visit, bool is_over)
{
    struct sim *sim = visit->sim;
    bool is_ending = visit->is_answered && (visit->stream == NULL || visit->stream->is_closing ||
                                            visit->stream->watch == SIM_WATCH_BLOCKING);
    if (visit->is_abandoned == (!is_over && visit->has_left && visit->has_place && !is_ending))
        return;
    visit->is_abandoned = !visit->is_abandoned;
    if (!visit->is_abandoned)
        sim->abandoned--;
    else if (++sim->abandoned > sim->stats.abandoned_most)
        sim->stats.abandoned_most = sim->abandoned;
}

static void hold_place(struct sim_visit *visit)
{
    struct sim *sim = visit->sim;
    visit->has_place = true;
    if (++sim->serving > sim->stats.serving_most)
        sim->stats.serving_most = sim->serving;
    serve(visit);
    count_abandoned(visit, false);
}

/* A request waits, unanswered, while all connections of the worker are in use; also one that nobody
 * reads any more uses one (dify-wire: places held by abandoned streams). */
static void take_place(struct sim_visit *visit)
{
    struct sim *sim = visit->sim;
    if (is_own(visit)) {
        serve(visit);
    } else if (sim->options.connections == 0 || sim->serving < sim->options.connections) {
        hold_place(visit);
    } else if (sim->waiting >= SIM_WAITING) {
        visit->is_answered = true;
        http_exchange_cut(visit->exchange, false, true);
    } else {
        if (sim->waiting_last != NULL)
            sim->waiting_last->next_waiting = visit;
        else
            sim->waiting_first = visit;
        sim->waiting_last = visit;
        sim->waiting++;
    }
}

static void stop_waiting(struct sim_visit *visit)
{
    struct sim *sim = visit->sim;
    struct sim_visit *before = NULL;
    for (struct sim_visit *at = sim->waiting_first; at != NULL;
         before = at, at = at->next_waiting) {
        if (at != visit)
            continue;
        if (before != NULL)
            before->next_waiting = visit->next_waiting;
        else
            sim->waiting_first = visit->next_waiting;
        if (sim->waiting_last == visit)
            sim->waiting_last = before;
        sim->waiting--;
        return;
    }
}

static void give_place(struct sim_visit *visit)
{
    struct sim *sim = visit->sim;
    struct sim_visit *next = sim->waiting_first;
    if (!visit->has_place) {
        stop_waiting(visit);
        return;
    }
    sim->serving--;
    if (next == NULL || sim->is_closing)
        return;
    stop_waiting(next);
    hold_place(next);
}

/* ---- faults -------------------------------------------------------------------------------- */

/* Draws whether a fault meets this request. */
static bool strikes(struct sim *sim, struct sim_fault *fault, enum sim_fault_place place)
{
    if (!sim_fault_meets(fault, place) || fault->times == 0)
        return false;
    if (fault->skip > 0) {
        fault->skip--;
        return false;
    }
    if (fault->probability < 1 &&
        (double)(sim_random_next(&sim->chance) >> 11) >= fault->probability * 9007199254740992.0)
        return false;
    if (fault->times != UINT64_MAX)
        fault->times--;
    return true;
}

/* The fault of a request: its own by the field X-Sim-Fault, else the first that strikes. False if
 * that field cannot be read: then it was answered. */
static bool choose_fault(struct sim_visit *visit)
{
    struct sim *sim = visit->sim;
    enum sim_fault_place place = visit->route != NULL ? visit->route->place : SIM_PLACE_OTHER;
    struct dify_slice wanted =
        http_request_field(http_exchange_request(visit->exchange), "x-sim-fault");
    char why[160];
    if (is_own(visit))
        return true;
    if (wanted.ptr != NULL) {
        if (!sim_fault_parse(wanted, &visit->fault, why, sizeof(why))) {
            sim_answer_error(visit, 400, "bad_fault", dify__slice(why));
            return false;
        }
        if (!strikes(sim, &visit->fault, place))
            visit->fault.kind = SIM_FAULT_NONE;
    }
    for (size_t i = 0; wanted.ptr == NULL && i < sim->options.fault_count; i++) {
        if (strikes(sim, &sim->faults[i], place)) {
            visit->fault = sim->faults[i];
            break;
        }
    }
    if (visit->fault.kind == SIM_FAULT_RESET_ANYWHERE ||
        visit->fault.kind == SIM_FAULT_CLOSE_ANYWHERE)
        visit->fault.value =
            (int64_t)(sim_random_next(&sim->chance) % ((uint64_t)visit->fault.value + 1));
    sim->stats.faults += visit->fault.kind != SIM_FAULT_NONE;
    return true;
}

/* Counts a request for a run that a fault refuses before anybody looks at what it says. */
static void count_refused(struct sim_visit *visit)
{
    struct sim *sim = visit->sim;
    const struct sim_app *app = sim_routes_app(visit, NULL);
    struct sim_text inputs;
    yyjson_doc *doc;
    sim_text_init(&inputs, sim->allocator);
    if (app != NULL &&
        sim_read_strict(sim->allocator, dify__buffer_slice(&visit->body), &doc) == DIFY_OK) {
        yyjson_val *root = yyjson_doc_get_root(doc), *given = yyjson_obj_get(root, "inputs");
        if (yyjson_is_obj(given))
            sim_text_value(&inputs, given);
        sim_count_post(sim, app, sim_member_string(root, "user"), sim_text_slice(&inputs));
        yyjson_doc_free(doc);
    }
    sim_text_fini(&inputs);
}

/* Faults that need nothing but the request. True if one answered. */
static bool fail_at_once(struct sim_visit *visit)
{
    switch (visit->fault.kind) {
    case SIM_FAULT_RESET_BEFORE_RUN:
        sim_answer_reset(visit);
        return true;
    case SIM_FAULT_BUSY:
        visit->app = sim_routes_app(visit, NULL);
        if (visit->app == NULL)
            return false;
        sim_answer_busy(visit);
        return true;
    case SIM_FAULT_INTERNAL:
        sim_answer_internal(visit);
        return true;
    case SIM_FAULT_TOO_MANY_REQUESTS:
        sim_answer_too_many(visit);
        return true;
    case SIM_FAULT_UNAUTHORIZED:
        sim_answer_unauthorized(visit, "Access token is invalid");
        return true;
    case SIM_FAULT_NO_EVENTS_ROUTE:
        sim_answer_not_found(visit);
        return true;
    case SIM_FAULT_RESET_KEPT_ALIVE:
        http_exchange_close_after(visit->exchange, true);
        return false;
    default:
        return false;
    }
}

/* ---- bodies -------------------------------------------------------------------------------- */

static void on_body(void *ctx, struct http_exchange *exchange, struct dify_slice bytes,
                    bool is_last)
{
    struct sim_visit *visit = ctx;
    if (visit->is_answered)
        return;
    if (dify__buffer_append(&visit->body, bytes.ptr, bytes.len) != DIFY_OK) {
        visit->is_answered = true;
        http_exchange_cut(exchange, false, true);
    } else if (is_last) {
        visit->on_body(visit);
    }
}

void sim_visit_read(struct sim_visit *visit, void (*then)(struct sim_visit *visit))
{
    struct http_body_reader reader = {.ctx = visit, .on_body = on_body};
    visit->on_body = then;
    if (!http_exchange_request(visit->exchange)->has_body) {
        then(visit);
        return;
    }
    http_exchange_limit_body(visit->exchange, SIM_BODY_BYTES);
    http_exchange_read(visit->exchange, &reader);
}

/* ---- beginning and end --------------------------------------------------------------------- */

static void ring(struct dify__alarm *alarm)
{
    struct sim_visit *visit =
        (struct sim_visit *)(void *)((char *)alarm - offsetof(struct sim_visit, alarm));
    visit->on_alarm(visit);
}

void sim_visit_wait(struct sim_visit *visit, double ms, void (*then)(struct sim_visit *visit))
{
    struct sim *sim = visit->sim;
    visit->on_alarm = then;
    visit->alarm.ring = ring;
    if (http_timer_set(&sim->clock, &visit->alarm, sim_scaled(sim, ms)) != DIFY_OK)
        http_exchange_cut(visit->exchange, false, true);
}

static struct dify_slice method_text(const struct http_request *request)
{
    static const char *const names[] = {"GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"};
    return dify__slice(names[request->method]);
}

static void tell(const struct sim_visit *visit)
{
    const struct http_request *request = http_exchange_request(visit->exchange);
    const struct sim_options *options = &visit->sim->options;
    const char *fault = sim_fault_name(visit->fault.kind);
    if (options->on_request != NULL)
        options->on_request(options->ctx, method_text(request), request->target, visit->status,
                            fault != NULL ? fault : "");
}

static void on_half_close(void *ctx, struct http_exchange *exchange)
{
    struct sim_visit *visit = ctx;
    (void)exchange;
    visit->has_left = true;
    count_abandoned(visit, false);
}

static void on_close(void *ctx, struct http_exchange *exchange, bool is_complete)
{
    struct sim_visit *visit = ctx;
    struct sim *sim = visit->sim;
    (void)exchange;
    (void)is_complete;
    tell(visit);
    count_abandoned(visit, true);
    http_timer_clear(&sim->clock, &visit->alarm);
    if (visit->stream != NULL)
        sim_stream_gone(visit->stream);
    sim_upload_free(visit->upload);
    dify__buffer_fini(&visit->body);
    if (visit->previous != NULL)
        visit->previous->next = visit->next;
    else
        sim->visits = visit->next;
    if (visit->next != NULL)
        visit->next->previous = visit->previous;
    give_place(visit);
    dify__free(sim->allocator, visit);
}

static void refuse_run(struct sim_visit *visit)
{
    count_refused(visit);
    if (!fail_at_once(visit))
        sim_routes_serve(visit);
}

/* A run that is refused is read first, so that it can be counted. */
static void serve(struct sim_visit *visit)
{
    if (!sim_routes_find(visit))
        return;
    visit->sim->stats.posts += visit->route->place == SIM_PLACE_RUN;
    if (!choose_fault(visit))
        return;
    if (visit->route->place == SIM_PLACE_RUN && sim_fault_refuses(visit->fault.kind))
        sim_visit_read(visit, refuse_run);
    else if (visit->fault.kind == SIM_FAULT_SLOW)
        sim_visit_wait(visit, (double)visit->fault.value * 1000, sim_routes_serve);
    else if (!fail_at_once(visit))
        sim_routes_serve(visit);
}

void sim_visit_begin(struct sim *sim, struct http_exchange *exchange)
{
    struct sim_visit *visit = dify__calloc(sim->allocator, sizeof(struct sim_visit));
    struct http_exchange_watch watch = {
        .ctx = visit, .on_close = on_close, .on_half_close = on_half_close};
    if (visit == NULL) {
        http_exchange_cut(exchange, false, true);
        return;
    }
    visit->sim = sim;
    visit->exchange = exchange;
    visit->has_left = http_exchange_half_closed(exchange);
    visit->body = (struct dify__buffer){.allocator = sim->allocator, .max = SIM_BODY_BYTES};
    visit->next = sim->visits;
    if (sim->visits != NULL)
        sim->visits->previous = visit;
    sim->visits = visit;
    sim->stats.requests++;
    http_exchange_watch(exchange, &watch);
    take_place(visit);
}
