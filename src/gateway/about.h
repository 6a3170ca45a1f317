/* SPDX-License-Identifier: Apache-2.0
 *
 * about.h: what apps say of themselves, asked at Dify once a minute at most, whoever wants to know.
 */
#ifndef GATEWAY_ABOUT_H
#define GATEWAY_ABOUT_H

#include "gateway/state.h"
#include "gateway/words.h"

enum gw_about_part { GW_ABOUT_INFO, GW_ABOUT_SITE, GW_ABOUT_PARAMETERS, GW_ABOUT_PARTS };

/* A part of what an app says. */
struct gw_about {
    char *json; /* NULL: Dify did not say it, see `words` */
    size_t len;
    char release[32];
    struct gw_words words;
    uint64_t until_ms;      /* by the loop's clock */
    struct dify_call *call; /* a question that is under way; NULL */
    struct http_link waits;
};

/* Who waits for one. */
struct gw_about_wait {
    void (*told)(struct gw_about_wait *wait, const struct gw_about *about);
    struct http_link link;
};

/* What the app says; NULL: `told` is called when it is known, unless the wait is taken back. It
 * dies with the next turn of the loop. */
const struct gw_about *gw_about_get(struct gw_app *app, enum gw_about_part part,
                                    struct gw_about_wait *wait);
void gw_about_take_back(struct gw_about_wait *wait);

/* Asks no more; after all waits are gone. */
void gw_about_close(struct gw_app *app);

#endif
