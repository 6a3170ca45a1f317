/* SPDX-License-Identifier: Apache-2.0
 *
 * run.c: runs a workflow, shows its nodes as they end, and prints its result.
 *
 *     cc run.c $(pkg-config --cflags --libs difystream) -o run
 *     DIFY_API_KEY=app-... ./run https://api.dify.ai/v1 '{"topic":"tea"}'
 */
#include <difystream/follow.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void on_node(void *ctx, const struct dify_node *node, enum dify_node_change change)
{
    (void)ctx;
    if (change == DIFY_NODE_FINISHED)
        fprintf(stderr, "%.*s %.*s\n", (int)node->title.len, node->title.ptr, (int)node->status.len,
                node->status.ptr);
}

static void on_change(void *ctx, struct dify_follow *follow,
                      const struct dify_follow_change *change)
{
    (void)ctx;
    (void)follow;
    if (change->text[0] != '\0') /* what broke, and what is done about it */
        fprintf(stderr, "%s: %s\n", dify_follow_state_name(change->to), change->text);
}

static enum dify_err to_stdout(void *ctx, const char *bytes, size_t len)
{
    (void)ctx;
    return fwrite(bytes, 1, len, stdout) == len ? DIFY_OK : DIFY_ERR_WRITE;
}

int main(int argc, char **argv)
{
    struct dify_app_options where = {.size = sizeof where, .api_key = getenv("DIFY_API_KEY")};
    struct dify_order order = {.size = sizeof order};
    struct dify_run_observer nodes = {.node = on_node};
    struct dify_follow_observer observer = {.run = &nodes, .changed = on_change};
    struct dify_error error = {.message = "out of memory, or the inputs are no JSON object"};
    struct dify_client *client = NULL;
    struct dify_app *app = NULL;
    struct dify_follow *follow = NULL;
    struct dify_result result = {.exit_status = 2};

    if (argc != 3) {
        fputs("usage: run BASE_URL INPUTS\n", stderr);
        return 2;
    }
    where.base_url = argv[1];
    order.inputs = (struct dify_slice){argv[2], strlen(argv[2])};
    if (dify_client_new(NULL, &client) == DIFY_OK &&
        dify_app_new(client, &where, &app, &error) == DIFY_OK &&
        dify_follow_new(app, &order, &observer, &follow) == DIFY_OK) {
        dify_follow_start(follow);
        dify_client_wait_all(client);
        dify_run_result(dify_follow_run(follow), &result);
        if (dify_run_write_result(dify_follow_run(follow), DIFY_JSON_PRETTY, to_stdout, NULL) != 0)
            return 2;
        putchar('\n');
    } else {
        fprintf(stderr, "%s\n", error.message);
    }
    dify_follow_free(follow);
    dify_app_free(app);
    dify_client_free(client);
    return result.exit_status;
}
