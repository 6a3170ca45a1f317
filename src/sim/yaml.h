/* SPDX-License-Identifier: Apache-2.0
 *
 * yaml.h: reading a scenario's YAML, with errors that name the line.
 *
 * libyaml makes the document; it takes its memory from the C library. Here is what it does not
 * know: which members a mapping may have, and of which types values are. JSON is YAML, so texts of
 * either kind are read.
 */
#ifndef SIM_YAML_H
#define SIM_YAML_H

#include "sim/loader.h"

#include <yaml.h>

struct sim_yaml {
    const struct sim_loader *loader;
    yaml_document_t document;
    bool is_open;
};

/* Ceiling of nesting, lists and mappings taken together. */
#define SIM_YAML_DEPTH 64

/* Reads one document, which must hold something. `yaml` needs sim_yaml_close() in any case. */
DIFY_MUST_CHECK enum dify_err sim_yaml_open(struct sim_yaml *yaml, const struct sim_loader *loader,
                                            struct dify_slice text);
void sim_yaml_close(struct sim_yaml *yaml);

yaml_node_t *sim_yaml_root(struct sim_yaml *yaml);

/* The line of a node, from 1. */
size_t sim_yaml_line(const yaml_node_t *node);

/* As sim_fail() for the node's line. */
enum dify_err sim_yaml_fail(const struct sim_yaml *yaml, const yaml_node_t *node,
                            const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Whether the node is there and is not null. */
bool sim_yaml_is_set(const yaml_node_t *node);
bool sim_yaml_is_text(const yaml_node_t *node); /* a scalar that is set */
bool sim_yaml_is_list(const yaml_node_t *node);
bool sim_yaml_is_mapping(const yaml_node_t *node);

/* Takes a mapping apart: `values[i]` becomes the value of `keys[i]`, NULL where there is none or it
 * is null. `keys` ends with NULL. `what` names the mapping in messages ("an app"). */
DIFY_MUST_CHECK enum dify_err sim_yaml_members(struct sim_yaml *yaml, const yaml_node_t *node,
                                               const char *what, const char *const *keys,
                                               yaml_node_t **values);

/* The items of a list. */
size_t sim_yaml_count(const yaml_node_t *list);
yaml_node_t *sim_yaml_item(struct sim_yaml *yaml, const yaml_node_t *list, size_t index);

/* A scalar's text; borrowed from the document. `what` names the value in messages. */
DIFY_MUST_CHECK enum dify_err sim_yaml_text(const struct sim_yaml *yaml, const yaml_node_t *node,
                                            const char *what, struct dify_slice *out);
DIFY_MUST_CHECK enum dify_err sim_yaml_bool(const struct sim_yaml *yaml, const yaml_node_t *node,
                                            const char *what, bool *out);
DIFY_MUST_CHECK enum dify_err sim_yaml_uint(const struct sim_yaml *yaml, const yaml_node_t *node,
                                            const char *what, uint32_t max, uint32_t *out);

/* Seconds, such as 2.5, as milliseconds; up to 1,000,000 s. */
DIFY_MUST_CHECK enum dify_err sim_yaml_seconds(const struct sim_yaml *yaml, const yaml_node_t *node,
                                               const char *what, uint32_t *out_ms);

/* One of several words: its index in `words`, which ends with NULL. */
DIFY_MUST_CHECK enum dify_err sim_yaml_word(const struct sim_yaml *yaml, const yaml_node_t *node,
                                            const char *what, const char *const *words,
                                            unsigned *out);

/* Appends the node as compact JSON, UTF-8 as it is: null, true, false and JSON's numbers where they
 * stand without quotes, all else as strings. */
DIFY_MUST_CHECK enum dify_err sim_yaml_json(struct sim_yaml *yaml, const yaml_node_t *node,
                                            struct dify__buffer *out);

#endif
