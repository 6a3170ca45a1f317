/* SPDX-License-Identifier: Apache-2.0
 *
 * config.h: what a gateway is to be: from a YAML file, or for one app from the environment.
 *
 *     listen: [127.0.0.1:8000, unix:/run/difystream/socket]
 *     apps:
 *       label-check:
 *         base_url: https://dify.example/v1
 *         api_key_env: LABEL_CHECK_KEY
 *         max_runs: 8
 *         routes:
 *           /api/detect:
 *             fields: {Foodtype: food_type}
 *     tokens:
 *       front-end:
 *         hash: sha256:5f78c33274e43fa9de5659265c1d917e25c03722dcb0b8d27db8d5feaa813953
 *         apps: [label-check]
 *         routes: [/api/detect]
 *     cors: [https://app.example]
 *     store:
 *       path: /var/lib/difystream/runs.db
 *       max_age: 30d
 */
#ifndef GATEWAY_CONFIG_H
#define GATEWAY_CONFIG_H

#include "difystream/error.h"
#include "difystream/export.h"
#include "gateway/sha256.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A field of a form that is an input of another name. */
struct gw_rename {
    char *field, *input;
};

/* A path that takes a form and answers with one result. */
struct gw_route_config {
    char *path; /* "/api/detect" */
    struct gw_rename *renames;
    size_t rename_count;
    uint32_t keepalive_after_ms; /* 0: never */
};

struct gw_app_config {
    char *name;
    char *base_url, *api_key;
    char *key_variable, *key_file; /* where the key comes from; both NULL: from the file itself */
    char *ca_file, *client_cert, *client_key, *proxy; /* NULL: not given */
    uint32_t connect_timeout_ms, read_timeout_ms;     /* never 0 */
    uint32_t max_time_ms;                             /* 0: no limit */
    bool is_streaming, accept_partial;
    bool cancels_on_disconnect; /* a run whose last client has left is stopped */
    uint32_t max_runs;          /* at once; never 0 */
    uint32_t queue;             /* that wait; may be 0 */
    uint32_t queue_timeout_ms;
    struct gw_route_config *routes;
    size_t route_count;
    bool has_routes; /* it was said which; else they are the default */
};

/* Where to listen: a host and port, or a socket in the file system. */
struct gw_listener {
    char *host; /* NULL: a socket */
    uint16_t port;
    char *path; /* of the socket */
};

/* Who may ask for what. */
struct gw_token_config {
    char *name;
    unsigned char hash[GW_SHA256_BYTES]; /* of the token */
    struct dify_slice *apps;             /* names of apps, the apps' own; none: all of them */
    size_t app_count;
    char **routes; /* paths, each with what lies below it; none: all of them */
    size_t route_count;
};

enum gw_log_level { GW_LOG_ERROR, GW_LOG_WARNING, GW_LOG_INFO, GW_LOG_DEBUG };

struct gw_config {
    struct gw_listener *listeners;
    size_t listener_count;
    struct gw_app_config *apps;
    size_t app_count;
    size_t default_app; /* its index */

    struct gw_token_config *tokens; /* none: everybody may have everything */
    size_t token_count;
    char **origins; /* of pages that may ask; "*": of any */
    size_t origin_count;

    /* What guests of /v1 are like, who present Dify's own key of an app that is not configured
     * (app.h): `own_guests` where that was said (it has no key), else the default app. NULL: there
     * are none. */
    const struct gw_app_config *guests;
    struct gw_app_config own_guests; /* no base_url: it was not said */
    bool refuses_guests;

    char *store_path;                          /* NULL: without a store */
    uint64_t store_max_age_s, store_max_bytes; /* 0: no limit */

    enum gw_log_level log_level;
    bool log_is_json;

    uint32_t drain_timeout_ms;
    uint64_t max_body_bytes, max_file_bytes, spool_bytes;
    char *spool_folder; /* NULL: $TMPDIR, else /var/tmp */
    uint32_t max_connections, max_followers;
};

/* Where a configuration comes from besides the file. */
struct gw_config_source {
    const char *path;          /* of the file; NULL: one app from the environment */
    const char *const *listen; /* in place of the configured ones; NULL-terminated, may be NULL */
    const char *store;         /* likewise: a path, or "none"; NULL: not given */
    const char *log_level, *log_format, *drain_timeout; /* likewise */
    bool allows_no_auth; /* addresses that are not this machine's alone are fine */
    const char *(*variable)(void *ctx, const char *name); /* of the environment; NULL: not set */
    void *ctx;
};

/* Reads a configuration. Every mistake is told, in one line ("FILE:LINE: what", without secrets),
 * not only the first; returns how many there were, and 0 with `*config` filled. For want of memory
 * that is told as a mistake, too. Past GW_MISTAKES they are counted in one last line. */
DIFY_MUST_CHECK size_t gw_config_read(const struct gw_config_source *source,
                                      struct gw_config *config,
                                      void (*say)(void *ctx, const char *line), void *ctx);

/* Wipes keys and frees all. */
void gw_config_fini(struct gw_config *config);

/* Writes the configuration as YAML that reads back to the same, defaults included. Of a key only
 * the variable or file that it comes from is written; one that stands in the configuration itself,
 * and a proxy's address that holds a password, are no more than a comment. False for want of
 * memory. */
DIFY_MUST_CHECK bool gw_config_write(const struct gw_config *config,
                                     void (*write)(void *ctx, const char *text), void *ctx);

/* "sha256:" and the digits of a token's hash, in either case; false if it is none. */
#define GW_HASH_PREFIX "sha256:"
bool gw_read_hash(struct dify_slice text, unsigned char hash[GW_SHA256_BYTES]);

/* Whether anyone but this machine can reach the address. */
bool gw_listener_is_open(const struct gw_listener *listener);

#endif
