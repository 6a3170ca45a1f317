/* SPDX-License-Identifier: Apache-2.0
 *
 * config_read.h: a configuration while it is read. Nothing stops at a mistake: it is told, and what
 * stands beside it is read all the same.
 */
#ifndef GATEWAY_CONFIG_READ_H
#define GATEWAY_CONFIG_READ_H

#include "conf/yaml.h"
#include "gateway/config.h"

#define GW_LINE_BYTES 1400
#define GW_PATH_BYTES ((size_t)4096) /* of a path that stands in the file */

/* A route, and who has it where: to find those that two have. */
struct gw_claim {
    const char *path, *app;
    size_t line;
};

struct gw_reader {
    const struct gw_config_source *source;
    struct gw_config *out;
    void (*say)(void *ctx, const char *line);
    void *ctx;
    size_t mistakes;
    bool no_memory; /* told at the end */

    struct conf_yaml yaml;
    char line[GW_LINE_BYTES]; /* the place's */
    const char *home;
    char *folder_of, *here; /* something in the folder that paths of the file, and of flags, are
                             * taken from */
    bool is_private;        /* nobody else may read the file */
    bool has_tokens;        /* whoever asks needs one */
    bool has_guests;        /* there may be no apps */

    struct gw_claim *claims;
    size_t claim_count, claim_capacity;
};

/* Tells a mistake of the file, at a node. */
#define gw_at(reader, node, ...) ((void)conf_yaml_fail(&(reader)->yaml, (node), __VA_ARGS__))

/* Tells a mistake that stands elsewhere: in a flag, or in the environment. */
void gw_tell(struct gw_reader *reader, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* A variable; one that is set to nothing is not set. */
const char *gw_variable(const struct gw_reader *reader, const char *name);

/* Memory that is zero, and a text's copy; NULL is noted. */
void *gw_make(struct gw_reader *reader, size_t count, size_t size);
char *gw_copy(struct gw_reader *reader, struct dify_slice text);

/* A text of one to `max` bytes without control characters; false: told. */
bool gw_read_text(struct gw_reader *reader, const yaml_node_t *node, const char *what, size_t max,
                  struct dify_slice *out);

/* A key as a name that is written everywhere; `what` is "an app", say. */
bool gw_read_name(struct gw_reader *reader, const yaml_node_t *key, const char *what,
                  struct dify_slice *out);

/* config_path.c: a text as gw_read_text() has it, as a path, completed; `*out` stays NULL where it
 * is none. Whether a text may be the name of an environment variable. */
void gw_read_path(struct gw_reader *reader, const yaml_node_t *node, const char *what, char **out);
bool gw_is_variable(struct dify_slice text);

/* A time in milliseconds; `*out` stays as it is where it is none. `min_ms` is 0 or 1. */
void gw_read_ms(struct gw_reader *reader, const yaml_node_t *node, const char *what,
                uint32_t min_ms, uint32_t *out);

/* A count from `min` to `max`. */
void gw_read_count(struct gw_reader *reader, const yaml_node_t *node, const char *what,
                   uint32_t min, uint32_t max, uint32_t *out);

/* config_app.c: the members `apps` and `default_app` (NULL: not given) of a file whose root is
 * `root`; the one app of the environment; routes that two have. */
void gw_read_apps(struct gw_reader *reader, const yaml_node_t *root, yaml_node_t *apps,
                  const yaml_node_t *default_app);
void gw_read_environment_app(struct gw_reader *reader);
void gw_read_guests(struct gw_reader *reader, yaml_node_t *node); /* after the apps */

/* The app that a node names; NULL: there is none, and it was told. */
const struct gw_app_config *gw_find_app(struct gw_reader *reader, const yaml_node_t *node,
                                        const char *what);

/* config_access.c: the members `tokens` (when the apps are read) and `cors`; whether there are any
 * tokens. */
void gw_read_tokens(struct gw_reader *reader, yaml_node_t *node);
bool gw_has_tokens(const yaml_node_t *node);
void gw_read_origins(struct gw_reader *reader, yaml_node_t *node);

/* config_listen.c: the addresses of the file (`node`, NULL: not given) or those that the source
 * names instead. */
void gw_read_listeners(struct gw_reader *reader, yaml_node_t *node);

#endif
