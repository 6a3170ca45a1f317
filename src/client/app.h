/* SPDX-License-Identifier: Apache-2.0
 *
 * app.h: an app of Dify: where it is, its key, and what it said of itself.
 */
#ifndef DIFY_CLIENT_APP_H
#define DIFY_CLIENT_APP_H

#include "client/env.h"
#include "core/form.h"

/* What /info says; UNKNOWN also where it says nothing. */
enum dify__mode {
    DIFY__MODE_UNKNOWN,
    DIFY__MODE_WORKFLOW,
    DIFY__MODE_CHATFLOW, /* advanced-chat */
    DIFY__MODE_CHAT,
    DIFY__MODE_AGENT_CHAT,
    DIFY__MODE_AGENT,
    DIFY__MODE_COMPLETION
};

/* How long an answer of /info or /parameters is good for. */
#define DIFY__ABOUT_MS 60000

/* Where a connection of an app's stood last (dial.c). */
struct dify__peer {
    uint64_t address[4]; /* a sockaddr, in words so that it lies as it must */
    size_t len;          /* of it, in bytes; 0: none is known */
    char text[64];       /* as it is told */
    uint64_t until_ms;   /* it is good until then */
};

struct dify_app {
    struct dify__env *env;
    char *base_url; /* without a slash at its end */
    /* Of an address that begins with http, as a request names them: the host, with its port unless
     * it is 80, and the path, without a slash at its end. NULL: of another. */
    char *http_host, *http_base;
    char *key;
    char *ca_file, *client_cert, *client_key, *proxy, *alias; /* NULL: not given */
    uint64_t connect_timeout_ms, silence_timeout_ms, run_timeout_ms;
    bool accept_partial;

    struct dify__peer peer;
    char release[32];
    bool has_no_events; /* its events endpoint is not there */

    enum dify__mode mode;
    struct dify__form *form;               /* NULL: not known */
    uint64_t mode_until_ms, form_until_ms; /* the cache is good until then */
    struct dify_follow *asker;             /* asks for either; others wait for its answer */
    size_t uses;                           /* calls, follows and fetches of it */
};

/* As dify_app_new(), for any environment. */
DIFY_MUST_CHECK enum dify_err dify__app_new(struct dify__env *env,
                                            const struct dify_app_options *options,
                                            struct dify_app **out, struct dify_error *error);

/* Every head that Dify sends passes by here. */
void dify__app_take_head(struct dify_app *app, const struct dify__head *head);

/* Whether the release is known to be older than `major`.`minor`. */
bool dify__app_is_before(const struct dify_app *app, unsigned major, unsigned minor);

/* Whether it is known to be that one or a newer one. */
bool dify__app_is_from(const struct dify_app *app, unsigned major, unsigned minor);

/* Takes the answers of /info and /parameters. JSON, DEPTH, NOMEM: nothing changed. */
DIFY_MUST_CHECK enum dify_err dify__app_take_info(struct dify_app *app, struct dify_slice json);
DIFY_MUST_CHECK enum dify_err dify__app_take_parameters(struct dify_app *app,
                                                        struct dify_slice json);

/* How messages call the server: its alias, else what stands between "//" and the next '/' of the
 * base URL, without a user name. */
struct dify_slice dify__app_host(const struct dify_app *app);

/* Copies a text; NULL for NULL, with `*out` NULL. NOMEM. */
DIFY_MUST_CHECK enum dify_err dify__dup(const struct dify_allocator *allocator, const char *text,
                                        char **out);

#endif
