/* SPDX-License-Identifier: Apache-2.0
 *
 * plan.c: reading a described node.
 */
#include "sim/plan.h"

#include "core/decimal_text.h"
#include "core/slices.h"

#define NODE_MS 50 /* of a node that says nothing */
#define OVER 10000 /* items of an iteration */

static const char *const node_keys[] = {
    "id",      "type",  "title",        "seconds", "text", "chunks", "tokens", "price",    "inputs",
    "outputs", "error", "process_data", "retries", "over", "nodes",  "size",   "on_error", NULL};

bool sim_plan_is(const struct sim_plan *node, const char *type)
{
    return dify__slice_is(node->type, type);
}

enum dify_err sim_read_text(const struct conf_yaml *yaml, const yaml_node_t *node, const char *what,
                            struct dify_slice *out)
{
    return node != NULL ? conf_yaml_text(yaml, node, what, out) : DIFY_OK;
}

enum dify_err sim_read_uint(const struct conf_yaml *yaml, const yaml_node_t *node, const char *what,
                            uint32_t max, uint32_t *out)
{
    return node != NULL ? conf_yaml_uint(yaml, node, what, max, out) : DIFY_OK;
}

enum dify_err sim_read_usage(const struct conf_yaml *yaml, const yaml_node_t *tokens,
                             const yaml_node_t *price, struct sim_usage *usage)
{
    enum dify_err err = sim_read_uint(yaml, tokens, "tokens", 1000000000, &usage->tokens);
    if (err == DIFY_OK)
        err = sim_read_text(yaml, price, "price", &usage->price);
    if (err == DIFY_OK && price != NULL && !dify__decimal_is_number(usage->price))
        err = conf_yaml_fail(yaml, price, "price is a number, such as 0.0012");
    return err;
}

static enum dify_err read_node_values(struct conf_yaml *yaml, struct sim_plan *node)
{
    static const char *const courses[] = {"fail", "continue", NULL};
    yaml_node_t **values = node->values;
    unsigned on_error = 0;
    enum dify_err err = sim_read_text(yaml, values[NODE_TYPE], "a node's type", &node->type);
    if (err == DIFY_OK)
        err = sim_read_text(yaml, values[NODE_ID], "a node's id", &node->id);
    if (err == DIFY_OK)
        err = sim_read_text(yaml, values[NODE_TITLE], "a node's title", &node->title);
    if (err == DIFY_OK)
        err = sim_read_text(yaml, values[NODE_TEXT], "text", &node->text);
    if (err == DIFY_OK)
        err = sim_read_text(yaml, values[NODE_ERROR], "error", &node->error);
    if (err == DIFY_OK && values[NODE_SECONDS] != NULL)
        err = conf_yaml_seconds(yaml, values[NODE_SECONDS], "seconds", &node->ms);
    if (err == DIFY_OK)
        err = sim_read_uint(yaml, values[NODE_CHUNKS], "chunks", SIM_SCRIPT_STEPS, &node->chunks);
    if (err == DIFY_OK)
        err = sim_read_uint(yaml, values[NODE_RETRIES], "retries", 100, &node->retries);
    if (err == DIFY_OK)
        err = sim_read_uint(yaml, values[NODE_OVER], "over", OVER, &node->over);
    if (err == DIFY_OK)
        err = sim_read_uint(yaml, values[NODE_SIZE], "size", (uint32_t)SIM_FILE_BYTES / 2,
                            &node->size);
    if (err == DIFY_OK)
        err = sim_read_usage(yaml, values[NODE_TOKENS], values[NODE_PRICE], &node->usage);
    if (err == DIFY_OK && values[NODE_ON_ERROR] != NULL)
        err = conf_yaml_word(yaml, values[NODE_ON_ERROR], "on_error", courses, &on_error);
    node->goes_on = on_error == 1;
    node->has_usage = values[NODE_TOKENS] != NULL || values[NODE_PRICE] != NULL;
    return err;
}

enum dify_err sim_check_mapping(const struct conf_yaml *yaml, const yaml_node_t *node,
                                const char *what)
{
    return node == NULL || conf_yaml_is_mapping(node)
               ? DIFY_OK
               : conf_yaml_fail(yaml, node, "%s is a mapping of names to values", what);
}

static enum dify_err check_node(const struct conf_yaml *yaml, const yaml_node_t *source,
                                const struct sim_plan *node, bool is_inside)
{
    bool is_iteration = sim_plan_is(node, "iteration");
    if (node->type.len == 0)
        return conf_yaml_fail(yaml, source, "a node needs a type");
    if (sim_plan_is(node, "loop"))
        return conf_yaml_fail(yaml, source, "a loop cannot be described yet; an iteration can");
    if (is_iteration && is_inside)
        return conf_yaml_fail(yaml, source, "an iteration holds no other iteration");
    if (is_iteration != (node->values[NODE_NODES] != NULL) ||
        is_iteration != (node->values[NODE_OVER] != NULL))
        return conf_yaml_fail(yaml, source,
                              "an iteration has 'over' and 'nodes', and no other node has them");
    if (sim_plan_is(node, "human-input") && is_inside)
        return conf_yaml_fail(yaml, source, "an iteration cannot wait for a form");
    enum dify_err err = sim_check_mapping(yaml, node->values[NODE_OUTPUTS], "outputs");
    if (err == DIFY_OK)
        err = sim_check_mapping(yaml, node->values[NODE_INPUTS], "inputs");
    return err == DIFY_OK ? sim_check_mapping(yaml, node->values[NODE_PROCESS], "process_data")
                          : err;
}

enum dify_err sim_plan_read(struct conf_yaml *yaml, const yaml_node_t *source, bool is_inside,
                            struct sim_plan *node)
{
    enum dify_err err;
    *node = (struct sim_plan){.ms = NODE_MS, .chunks = 10, .usage = {.price = DIFY_SLICE("0")}};
    if (conf_yaml_is_text(source)) {
        err = conf_yaml_text(yaml, source, "a node", &node->type);
    } else {
        err = conf_yaml_members(yaml, source, "a node", node_keys, node->values);
        if (err == DIFY_OK)
            err = read_node_values(yaml, node);
    }
    if (err == DIFY_OK)
        err = check_node(yaml, source, node, is_inside);
    if (node->id.ptr == NULL)
        node->id = node->type;
    if (node->title.ptr == NULL)
        node->title = node->id;
    node->usage.ms = node->ms;
    return err;
}
