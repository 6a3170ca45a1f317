/* SPDX-License-Identifier: Apache-2.0
 *
 * about.c: see about.h.
 */
#include "gateway/about.h"

#include "core/slices.h"

#include <stdio.h>
#include <stdlib.h>

static const enum dify_reading readings[GW_ABOUT_PARTS] = {[GW_ABOUT_INFO] = DIFY_READ_INFO,
                                                           [GW_ABOUT_SITE] = DIFY_READ_SITE,
                                                           [GW_ABOUT_PARAMETERS] =
                                                               DIFY_READ_PARAMETERS};

static void tell(struct gw_about *about)
{
    struct http_link now; /* those that ask anew meanwhile are told at once */
    http_list_init(&now);
    while (!http_list_is_empty(&about->waits)) {
        struct http_link *link = about->waits.next;
        http_list_remove(link);
        http_list_append(&now, link);
    }
    while (!http_list_is_empty(&now)) {
        struct gw_about_wait *wait = HTTP_LINKED(now.next, struct gw_about_wait, link);
        http_list_remove(&wait->link);
        wait->told(wait, about);
    }
}

static void take(struct gw_about *about, const struct dify_answer *answer)
{
    free(about->json);
    about->json = NULL;
    about->len = 0;
    snprintf(about->release, sizeof about->release, "%.*s", (int)answer->release.len,
             answer->release.ptr != NULL ? answer->release.ptr : "");
    if (answer->outcome != DIFY_OUTCOME_SUCCEEDED) {
        gw_words_of(answer, &about->words);
        return;
    }
    about->json = malloc(answer->body.len + 1);
    if (about->json == NULL) {
        gw_words_no_memory(&about->words);
        return;
    }
    if (answer->body.len > 0)
        memcpy(about->json, answer->body.ptr, answer->body.len);
    about->len = answer->body.len;
}

static void on_answer(void *ctx, const struct dify_answer *answer)
{
    struct gw_about *about = ctx;
    take(about, answer);
    about->call = NULL;
    about->until_ms += about->json != NULL ? GW_ABOUT_MS : GW_ABOUT_FAILED_MS;
    tell(about);
}

static struct gw_about *about_of(struct gw_app *app, enum gw_about_part part)
{
    if (app->about == NULL) {
        app->about = calloc(GW_ABOUT_PARTS, sizeof *app->about);
        for (size_t i = 0; i < GW_ABOUT_PARTS && app->about != NULL; i++)
            http_list_init(&app->about[i].waits);
    }
    return app->about != NULL ? &app->about[part] : NULL;
}

const struct gw_about *gw_about_get(struct gw_app *app, enum gw_about_part part,
                                    struct gw_about_wait *wait)
{
    static struct gw_about none = {
        .words = {503, "out_of_memory", "the gateway has run out of memory"}};
    struct gw_about *about = about_of(app, part);
    uint64_t now_ms = uv_now(app->gateway->loop);
    if (about == NULL)
        return &none;
    if (about->call == NULL && about->until_ms > now_ms)
        return about;
    if (about->call == NULL) {
        about->until_ms = now_ms;
        if (dify_app_read(app->dify, readings[part], on_answer, about, &about->call) != DIFY_OK)
            return &none;
    }
    http_list_append(&about->waits, &wait->link);
    return NULL;
}

void gw_about_take_back(struct gw_about_wait *wait)
{
    if (wait->link.next != NULL)
        http_list_remove(&wait->link);
}

void gw_about_close(struct gw_app *app)
{
    for (size_t i = 0; i < GW_ABOUT_PARTS && app->about != NULL; i++) {
        if (app->about[i].call != NULL)
            dify_call_cancel(app->about[i].call);
        free(app->about[i].json);
    }
    free(app->about);
    app->about = NULL;
}
