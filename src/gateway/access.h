/* SPDX-License-Identifier: Apache-2.0
 *
 * access.h: who asks, and what that lets them have.
 *
 * Where the configuration has access tokens a request needs one, as `Authorization: Bearer`; what a
 * token may ask for and whose runs it sees is the configuration's. Where there are none everybody
 * may have everything, but for the runs of those who came with a Dify key of their own: these are
 * seen by whoever presents the same key.
 */
#ifndef GATEWAY_ACCESS_H
#define GATEWAY_ACCESS_H

#include "gateway/config.h"
#include "gateway/sha256.h"
#include "http/server.h"
#include "store/store.h"

struct gateway;
struct gw_app;
struct gw_request;

/* The name of an app that was made for a key of Dify's that is not configured: "key-" and the first
 * 32 hexadecimal digits of the key's SHA-256, and a NUL. */
#define GW_GUEST_PREFIX "key-"
#define GW_GUEST_NAME_BYTES (sizeof GW_GUEST_PREFIX + 32)

/* Who asks. It may be copied; the token lives as long as the configuration. */
struct gw_access {
    const struct gw_token_config *token; /* NULL: there are none in the configuration */
    char guest[GW_GUEST_NAME_BYTES];     /* without tokens: of the key that came; "": none did */
};

/* Fills in request->access. False: what it came with does not do, and it was answered: 401, or 403
 * of a token that may not ask for this path, and where there are none of a page of another site
 * that would change something. */
DIFY_MUST_CHECK bool gw_access_enter(struct gw_request *request);

/* Whether it may be asked for without a token: /healthz, /readyz, /openapi.json, the page. */
bool gw_access_is_open(struct dify_slice path);

/* Whether runs of the app of this name may be shown, followed, stopped, rated and listed. One that
 * may not is answered as one that is not there. */
bool gw_access_sees(const struct gw_access *access, struct dify_slice app_name);

/* The same as a filter of lists and totals; `access` lives as long as that. */
void gw_access_filter(const struct gw_access *access, struct store_filter *filter);

/* The configured app of a name that may be used; absent: the first one of the token's, the default
 * one where it has no list of its own. NULL: there is none, or it may not be used. */
struct gw_app *gw_access_app(struct gateway *gateway, const struct gw_access *access,
                             struct dify_slice name);

/* The token's name, for the log and as a scope; "" without one. */
const char *gw_access_name(const struct gw_access *access);

/* What stands behind Bearer (of any case) in the one Authorization field; absent where there is no
 * such field, where there are two, or where it says something else. */
struct dify_slice gw_access_bearer(const struct http_request *request);

/* The name of the guest that a key makes. False for want of memory. */
DIFY_MUST_CHECK bool gw_access_guest_name(struct dify_slice key, char out[GW_GUEST_NAME_BYTES]);

/* Whether both are the same, in a time that does not tell where they differ. */
bool gw_access_is_same(const unsigned char a[GW_SHA256_BYTES],
                       const unsigned char b[GW_SHA256_BYTES]);

#endif
