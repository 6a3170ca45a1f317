/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_run.c: difystream run.
 */
#include "cli/commands.h"
#include "cli/following.h"
#include "cli/inputs.h"
#include "core/slices.h"

enum {
    RUN_INPUT,
    RUN_INPUTS,
    RUN_USER,
    RUN_QUERY,
    RUN_WORKFLOW_ID,
    RUN_OUTPUT,
    RUN_RECORD,
    RUN_NO_JOURNAL,
    RUN_NO_CHECK,
    RUN_BLOCKING,
    RUN_ACCEPT_PARTIAL,
    RUN_QUIET,
    RUN_VERBOSE
};

const struct cli_option cli_run_options[] = {
    [RUN_INPUT] = CLI_INPUT_OPTION,
    [RUN_INPUTS] = CLI_INPUTS_OPTION,
    [RUN_USER] = {"user", 'u', "USER", NULL,
                  "whom the run is for (the configuration's, else a new name for each run)"},
    [RUN_QUERY] = {"query", 0, "TEXT", NULL, "what is asked; chat apps need it"},
    [RUN_WORKFLOW_ID] = {"workflow-id", 0, "ID", NULL,
                         "run this version of the workflow, not the published one"},
    [RUN_OUTPUT] = {"output", 'o', "FORM", "json|summary|jsonl",
                    "print the result as JSON (the default), a summary for people, or each event "
                    "as it comes, as 'difystream events' does, and the result as the last line, "
                    "{\"type\":\"result\",\"data\":...}"},
    [RUN_RECORD] = CLI_RECORD_OPTION,
    [RUN_NO_JOURNAL] = CLI_NO_JOURNAL_OPTION,
    [RUN_NO_CHECK] = {"no-check", 0, NULL, NULL,
                      "send the inputs without holding them against the app's form"},
    [RUN_BLOCKING] = {"blocking", 0, NULL, NULL,
                      "ask for one answer instead of a stream; a run that takes longer than "
                      "proxies wait is then found by its user"},
    [RUN_ACCEPT_PARTIAL] = CLI_ACCEPT_PARTIAL_OPTION,
    [RUN_QUIET] = CLI_QUIET_OPTION,
    [RUN_VERBOSE] = CLI_VERBOSE_OPTION,
    {NULL, 0, NULL, NULL, NULL},
};

static struct dify_order order_of(const struct cli_args *args, const struct cli_settings *settings,
                                  const struct cli_inputs *inputs)
{
    const char *query = args->value[RUN_QUERY];
    const char *user = args->value[RUN_USER];
    struct dify_order order = {.size = sizeof order,
                               .workflow_id = args->value[RUN_WORKFLOW_ID],
                               .user = user != NULL ? user : settings->user,
                               .no_check = args->value[RUN_NO_CHECK] != NULL,
                               .blocking =
                                   args->value[RUN_BLOCKING] != NULL || !settings->is_streaming};
    if (query != NULL)
        order.query = dify__slice(query);
    cli_inputs_put(inputs, &order);
    return order;
}

static int run(const struct cli_args *args, const struct cli_settings *settings,
               const struct cli_inputs *inputs)
{
    struct cli_following following;
    struct dify_order order = order_of(args, settings, inputs);
    struct cli_following_options options = {.command = "run",
                                            .output = args->value[RUN_OUTPUT],
                                            .record = args->value[RUN_RECORD],
                                            .is_quiet = args->value[RUN_QUIET] != NULL,
                                            .is_verbose = args->value[RUN_VERBOSE] != NULL,
                                            .keeps_journal = args->value[RUN_NO_JOURNAL] == NULL};
    int status = CLI_EXIT_USAGE;
    if (cli_following_init(&following, &options, settings) &&
        cli_following_order(&following, &order))
        status = cli_following_finish(&following);
    cli_following_fini(&following);
    return status;
}

int cli_run_run(const struct cli_args *args)
{
    struct cli_settings settings;
    struct cli_inputs inputs;
    int status = CLI_EXIT_USAGE;
    cli_protect_secrets();
    if (!cli_settings_of("run", args, &settings))
        return status;
    settings.accept_partial |= args->value[RUN_ACCEPT_PARTIAL] != NULL;
    if (cli_inputs_read(&inputs, "run", args, RUN_INPUT, RUN_INPUTS))
        status = run(args, &settings, &inputs);
    cli_inputs_fini(&inputs);
    cli_settings_fini(&settings);
    return status;
}
