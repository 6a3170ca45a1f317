/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_stop.c: difystream stop: asks Dify to stop a run.
 */
#include "cli/asking.h"
#include "cli/commands.h"
#include "core/slices.h"

enum { STOP_USER, STOP_KIND };

const struct cli_option cli_stop_options[] = {
    [STOP_USER] = {"user", 'u', "USER", NULL,
                   "whom the run is for (that of the configuration file, else difystream)"},
    [STOP_KIND] = {"kind", 'k', "KIND", "workflow|chat|completion",
                   "what kind of app it is; asked of Dify where it is not said"},
    {NULL, 0, NULL, NULL, NULL},
};

static enum dify_kind kind_of(struct dify_slice name)
{
    static const struct {
        const char *name;
        enum dify_kind kind;
    } kinds[] = {
        {"workflow", DIFY_KIND_WORKFLOW},     {"chat", DIFY_KIND_CHAT},
        {"completion", DIFY_KIND_COMPLETION}, {"advanced-chat", DIFY_KIND_CHAT},
        {"agent-chat", DIFY_KIND_CHAT},       {"agent", DIFY_KIND_CHAT},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (dify__slice_is(name, kinds[i].name))
            return kinds[i].kind;
    return DIFY_KIND_AUTO;
}

/* The exit status; `*kind` by the app's mode. */
static int ask_kind(struct cli_asking *asking, enum dify_kind *kind)
{
    int status = cli_asked(
        asking, dify_app_read(asking->app, DIFY_READ_INFO, cli_answered, asking, &asking->call));
    if (status != CLI_EXIT_OK)
        return status;
    *kind = kind_of(cli_string(yyjson_obj_get(asking->reply.root, "mode")));
    if (*kind != DIFY_KIND_AUTO)
        return CLI_EXIT_OK;
    cli_complain("stop", "the app is of no mode that is known here; say what it is with --kind");
    return CLI_EXIT_USAGE;
}

static int stop(struct cli_asking *asking, const struct cli_args *args)
{
    const char *user = cli_user(asking, args->value[STOP_USER]);
    enum dify_kind kind = DIFY_KIND_AUTO;
    int status = CLI_EXIT_OK;
    if (args->value[STOP_KIND] != NULL)
        kind = kind_of(dify__slice(args->value[STOP_KIND]));
    else
        status = ask_kind(asking, &kind);
    if (status == CLI_EXIT_OK)
        status = cli_asked(asking, dify_stop_task(asking->app, kind, args->operand[0], user,
                                                  cli_answered, asking, &asking->call));
    return status == CLI_EXIT_OK ? cli_print_reply(&asking->reply) : status;
}

int cli_run_stop(const struct cli_args *args)
{
    struct cli_asking asking;
    if (!cli_need_operand("stop", args, "the task id of a run") ||
        !cli_asking_open(&asking, "stop", args))
        return CLI_EXIT_USAGE;
    int status = stop(&asking, args);
    cli_asking_close(&asking);
    return status;
}
