/* SPDX-License-Identifier: Apache-2.0
 *
 * app.h: the apps of a gateway: those of the configuration, and guests.
 *
 * A guest is an app that is known by its key alone: a caller of /v1 presents Dify's own key, which
 * no configured app has, and the gateway passes it on. The key is held in memory only. What the
 * store, the log and the list of runs know of a guest is its name, "key-" and the first half of the
 * key's SHA-256. A guest is made when its key comes and goes when it has nothing to do and room is
 * needed; its open runs wait in the store, after a restart, until the key comes again.
 */
#ifndef GATEWAY_APP_H
#define GATEWAY_APP_H

#include "gateway/state.h"

/* Makes the configured apps. False: it is said why. */
DIFY_MUST_CHECK bool gw_apps_open(struct gateway *gateway);
void gw_apps_close(struct gateway *gateway); /* nothing of theirs is under way */

/* The app of that name, a guest's or, of a configured app, that of its key as well; absent: the
 * default one. NULL: there is none. */
struct gw_app *gw_app_find(struct gateway *gateway, struct dify_slice name);

/* The app that has this key, whose name as a guest is `name` (access.h; "": none was to be had for
 * want of memory), a guest that is made for it if need be. NULL: it is none that Dify could have
 * given, no guests are taken, there is no room for one more, or no memory. */
struct gw_app *gw_app_of_key(struct gateway *gateway, const char *name, struct dify_slice key);

/* Whether the name is one that guests have; those of the configuration never are. */
bool gw_is_guest_name(struct dify_slice name);

/* What works for an app holds it: a guest that is held does not go. (One that has calls under way
 * does not, either.) */
static inline void gw_app_hold(struct gw_app *app)
{
    app->holds++;
}
static inline void gw_app_let_go(struct gw_app *app)
{
    app->holds--;
}

/* Runs of guests that are under way. */
void gw_apps_count_guests(const struct gateway *gateway, unsigned *running, unsigned *waiting);

/* An open run of the store is of this app, which is not there: it is taken up when its key comes.
 * False: there is no memory to remember that; it is taken up by the next process. */
bool gw_app_awaits(struct gateway *gateway, struct dify_slice name);

#endif
