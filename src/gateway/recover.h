/* SPDX-License-Identifier: Apache-2.0
 *
 * recover.h: what the process before left open.
 */
#ifndef GATEWAY_RECOVER_H
#define GATEWAY_RECOVER_H

#include "gateway/state.h"

/* Takes up every open run of the store, before anything is served. False (and why is in the log) if
 * the store cannot be read, or there is no memory. */
bool gw_recover(struct gateway *gateway);

/* Takes up the open runs of a guest, whose key has come: in a moment. False: not now, for want of
 * memory, or since too many wait for the store. */
DIFY_MUST_CHECK bool gw_recover_app(struct gw_app *app);

#endif
