/* SPDX-License-Identifier: Apache-2.0
 *
 * plan.h: a described node, as it was read and before it is played.
 */
#ifndef SIM_PLAN_H
#define SIM_PLAN_H

#include "sim/play.h"

/* The members of a node. */
enum {
    NODE_ID,
    NODE_TYPE,
    NODE_TITLE,
    NODE_SECONDS,
    NODE_TEXT,
    NODE_CHUNKS,
    NODE_TOKENS,
    NODE_PRICE,
    NODE_INPUTS,
    NODE_OUTPUTS,
    NODE_ERROR,
    NODE_PROCESS,
    NODE_RETRIES,
    NODE_OVER,
    NODE_NODES,
    NODE_SIZE,
    NODE_ON_ERROR,
    NODE_KEYS
};

/* Texts are borrowed from the document. */
struct sim_plan {
    yaml_node_t *values[NODE_KEYS];
    struct dify_slice id, type, title, text, error;
    uint32_t ms, chunks, retries, over, size;
    struct sim_usage usage;
    bool has_usage, goes_on; /* on an error */
    int64_t execution;       /* the number of its id */
    uint32_t started_ms;
};

/* Reads a node and checks it. `is_inside`: it stands in an iteration. The usage's currency is left
 * to the caller. */
DIFY_MUST_CHECK enum dify_err sim_plan_read(struct conf_yaml *yaml, const yaml_node_t *source,
                                            bool is_inside, struct sim_plan *node);

bool sim_plan_is(const struct sim_plan *node, const char *type);

/* Members that may not be there: then `out` stays. */
DIFY_MUST_CHECK enum dify_err sim_read_text(const struct conf_yaml *yaml, const yaml_node_t *node,
                                            const char *what, struct dify_slice *out);
DIFY_MUST_CHECK enum dify_err sim_read_uint(const struct conf_yaml *yaml, const yaml_node_t *node,
                                            const char *what, uint32_t max, uint32_t *out);
DIFY_MUST_CHECK enum dify_err sim_read_usage(const struct conf_yaml *yaml,
                                             const yaml_node_t *tokens, const yaml_node_t *price,
                                             struct sim_usage *usage);
DIFY_MUST_CHECK enum dify_err sim_check_mapping(const struct conf_yaml *yaml,
                                                const yaml_node_t *node, const char *what);

#endif
