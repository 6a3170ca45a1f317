/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_chat.c: difystream chat.
 */
#include "cli/commands.h"
#include "cli/following.h"
#include "cli/inputs.h"
#include "core/slices.h"

enum {
    CHAT_CONVERSATION,
    CHAT_INPUT,
    CHAT_INPUTS,
    CHAT_USER,
    CHAT_OUTPUT,
    CHAT_RECORD,
    CHAT_NO_JOURNAL,
    CHAT_NO_CHECK,
    CHAT_QUIET,
    CHAT_VERBOSE
};

const struct cli_option cli_chat_options[] = {
    [CHAT_CONVERSATION] = {"conversation", 'c', "ID", NULL,
                           "go on with this conversation, which belongs to its user"},
    [CHAT_INPUT] = CLI_INPUT_OPTION,
    [CHAT_INPUTS] = CLI_INPUTS_OPTION,
    [CHAT_USER] = {"user", 'u', "USER", NULL,
                   "who is talking (the configuration's, else a new name for each message)"},
    [CHAT_OUTPUT] = {"output", 'o', "FORM", "text|json|summary|jsonl",
                     "print the answer's text (the default; on a terminal as it comes), or as "
                     "'difystream run' does"},
    [CHAT_RECORD] = CLI_RECORD_OPTION,
    [CHAT_NO_JOURNAL] = CLI_NO_JOURNAL_OPTION,
    [CHAT_NO_CHECK] = {"no-check", 0, NULL, NULL,
                       "send the inputs without holding them against the app's form"},
    [CHAT_QUIET] = CLI_QUIET_OPTION,
    [CHAT_VERBOSE] = CLI_VERBOSE_OPTION,
    {NULL, 0, NULL, NULL, NULL},
};

static bool make_order(const struct cli_args *args, const struct cli_settings *settings,
                       const struct cli_inputs *inputs, struct dify_order *order)
{
    const char *user = args->value[CHAT_USER];
    *order = (struct dify_order){.size = sizeof *order,
                                 .kind = DIFY_KIND_CHAT,
                                 .user = user != NULL ? user : settings->user,
                                 .query = dify__slice(args->operand[0]),
                                 .conversation_id = args->value[CHAT_CONVERSATION],
                                 .no_check = args->value[CHAT_NO_CHECK] != NULL,
                                 .blocking = !settings->is_streaming};
    cli_inputs_put(inputs, order);
    if (order->conversation_id == NULL || order->user != NULL)
        return true;
    cli_complain("chat", "a conversation belongs to its user: say whose it is with --user USER");
    return false;
}

static void say_conversation(const struct cli_following *following)
{
    char app[CLI_APP_WORDS_BYTES], user[CLI_USER_WORD_BYTES];
    cli_following_app(following, app);
    cli_following_user(following, user);
    if (following->ids.conversation[0] != '\0' && !following->options.is_quiet)
        cli_complain("chat", "to go on: difystream chat%s --conversation %s --user %s TEXT", app,
                     following->ids.conversation, user);
}

static int chat(const struct cli_args *args, const struct cli_settings *settings,
                const struct cli_inputs *inputs)
{
    const char *output = args->value[CHAT_OUTPUT];
    struct cli_following following;
    struct dify_order order;
    struct cli_following_options options = {.command = "chat",
                                            .output = output != NULL ? output : "text",
                                            .record = args->value[CHAT_RECORD],
                                            .is_quiet = args->value[CHAT_QUIET] != NULL,
                                            .is_verbose = args->value[CHAT_VERBOSE] != NULL,
                                            .keeps_journal = args->value[CHAT_NO_JOURNAL] == NULL};
    int status = CLI_EXIT_USAGE;
    if (!make_order(args, settings, inputs, &order))
        return status;
    if (cli_following_init(&following, &options, settings) &&
        cli_following_order(&following, &order)) {
        status = cli_following_finish(&following);
        say_conversation(&following);
    }
    cli_following_fini(&following);
    return status;
}

int cli_run_chat(const struct cli_args *args)
{
    struct cli_settings settings;
    struct cli_inputs inputs;
    int status = CLI_EXIT_USAGE;
    if (args->operands == 0 || args->operand[0][0] == '\0') {
        cli_complain("chat", "what is to be said? difystream chat TEXT");
        return status;
    }
    cli_protect_secrets();
    if (!cli_settings_of("chat", args, &settings))
        return status;
    if (cli_inputs_read(&inputs, "chat", args, CHAT_INPUT, CHAT_INPUTS))
        status = chat(args, &settings, &inputs);
    cli_inputs_fini(&inputs);
    cli_settings_fini(&settings);
    return status;
}
