/* SPDX-License-Identifier: Apache-2.0
 *
 * places.c: see places.h.
 */
#include "gateway/places.h"

bool gw_places_are_free(const struct gw_app *app)
{
    return (uint64_t)app->running + app->waiting <
           (uint64_t)app->config->max_runs + app->config->queue;
}

bool gw_places_are_over(const struct gw_app *app)
{
    return (uint64_t)app->running + app->waiting >
           (uint64_t)app->config->max_runs + app->config->queue;
}

const char *gw_places_closed(const struct gateway *gateway, const char **code)
{
    if (gateway->was_failing) {
        *code = "store_unavailable";
        return "the store cannot be written at the moment; nothing was sent";
    }
    if (gateway->hub.count >= GW_LIVE_RUNS) {
        *code = "too_many_runs";
        return "the gateway has as many runs as it may; nothing was sent";
    }
    return NULL;
}

void gw_places_begin(struct gw_run *run)
{
    run->is_waiting = true;
    run->app->waiting++;
}

static void stop_waiting(struct gw_run *run)
{
    if (run->is_waiting)
        run->app->waiting--;
    run->is_waiting = false;
}

static struct gw_run *first(struct http_link *list)
{
    struct gw_run *run = HTTP_LINKED(list->next, struct gw_run, turn);
    http_list_remove(&run->turn);
    return run;
}

/* ---- uploads ------------------------------------------------------------------------------- */

bool gw_places_turn(struct gw_run *run)
{
    struct gw_app *app = run->app;
    run->has_turn = app->uploading < GW_UPLOADING;
    if (run->has_turn)
        app->uploading++;
    else
        http_list_append(&app->uploads, &run->turn);
    return run->has_turn;
}

void gw_places_give_turn_back(struct gw_run *run)
{
    struct gw_app *app = run->app;
    if (!run->has_turn)
        return;
    run->has_turn = false;
    app->uploading--;
    while (!app->gateway->is_closing && app->uploading < GW_UPLOADING &&
           !http_list_is_empty(&app->uploads)) {
        struct gw_run *next = first(&app->uploads);
        next->has_turn = true;
        app->uploading++;
        gw__run_turn(next);
    }
}

/* ---- places -------------------------------------------------------------------------------- */

bool gw_places_take(struct gw_run *run, bool forced)
{
    struct gw_app *app = run->app;
    bool is_first = http_list_is_empty(&app->queue);
    run->has_place = forced || (is_first && app->running < app->config->max_runs);
    if (run->has_place) {
        app->running++;
        stop_waiting(run);
    } else {
        http_list_append(&app->queue, &run->turn);
    }
    return run->has_place;
}

/* Who waits while the gateway drains is left to the next process. */
static bool gives_places(const struct gateway *gateway)
{
    return !gateway->is_closing && (!gateway->is_draining || gateway->store == NULL);
}

void gw_places_leave(struct gw_run *run)
{
    struct gw_app *app = run->app;
    http_list_remove(&run->turn);
    if (app == NULL)
        return;
    stop_waiting(run);
    gw_places_give_turn_back(run);
    if (!run->has_place)
        return;
    run->has_place = false;
    app->running--;
    while (gives_places(app->gateway) && app->running < app->config->max_runs &&
           !http_list_is_empty(&app->queue)) {
        struct gw_run *next = first(&app->queue);
        next->has_place = true;
        app->running++;
        stop_waiting(next);
        gw__run_place(next);
    }
}
