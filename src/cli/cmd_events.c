/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_events.c: difystream events.
 */
#include "cli/commands.h"
#include "cli/input.h"
#include "cli/print.h"
#include "core/slices.h"
#include "difystream/event.h"
#include "difystream/sse.h"

#include <string.h>

enum { EVENTS_TYPE, EVENTS_READ_SIZE };

const struct cli_option cli_events_options[] = {
    [EVENTS_TYPE] = {"type", 't', "TYPE", NULL,
                     "show only events of this type, for example node_finished"},
    [EVENTS_READ_SIZE] = CLI_READ_SIZE_OPTION,
    {NULL, 0, NULL, NULL, NULL},
};

struct events {
    struct dify_decoder *decoder;
    const char *type; /* NULL: all */
};

static bool is_wanted(const struct events *events, struct dify_slice name)
{
    return events->type == NULL || dify__slice_is(name, events->type);
}

static enum dify_err on_event(void *ctx, const struct dify_sse_event *sse_event)
{
    const struct events *events = ctx;
    const struct dify_event *event;
    struct dify_error why = {DIFY_OK, 0, ""};
    if (sse_event->data.len == 0 && dify__slice_is(sse_event->type, "ping"))
        return DIFY_OK;
    enum dify_err err = dify_decoder_decode(events->decoder, sse_event->data, &event, &why);
    if (err == DIFY_ERR_JSON || err == DIFY_ERR_DEPTH) {
        cli_complain("events", "event at byte %llu skipped: %s",
                     (unsigned long long)sse_event->offset, why.message);
        return DIFY_OK;
    }
    if (err != DIFY_OK || event->type == DIFY_EVENT_PING || !is_wanted(events, event->name))
        return err;
    return cli_print_event(sse_event->offset, event->name, sse_event->data);
}

int cli_run_events(const struct cli_args *args)
{
    struct cli_input input;
    struct events events = {NULL, args->value[EVENTS_TYPE]};
    struct dify_sse *sse = NULL;
    struct dify_sse_options options = {.size = sizeof options, .ctx = &events, .event = on_event};
    if (!cli_input_open(&input, "events", args, args->value[EVENTS_READ_SIZE]))
        return CLI_EXIT_USAGE;
    enum dify_err err = dify_decoder_new(NULL, &events.decoder);
    if (err == DIFY_OK)
        err = dify_sse_new(&options, &sse);
    int status = cli_feed_sse(&input, sse, err);
    dify_sse_free(sse);
    dify_decoder_free(events.decoder);
    cli_input_close(&input);
    return status;
}
