/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_sse.c: difystream sse.
 */
#include "cli/commands.h"
#include "cli/input.h"
#include "cli/output.h"
#include "core/json_text.h"
#include "core/slices.h"
#include "difystream/sse.h"

#include <stdlib.h>
#include <string.h>

enum { SSE_ALL, SSE_READ_SIZE };

const struct cli_option cli_sse_options[] = {
    [SSE_ALL] = {"all", 0, NULL, NULL, "show comments and retry fields as well"},
    [SSE_READ_SIZE] = CLI_READ_SIZE_OPTION,
    {NULL, 0, NULL, NULL, NULL},
};

static void begin_line(struct dify__writer *writer, const char *key)
{
    dify__writer_init(writer, DIFY_JSON_COMPACT, cli_output_write, NULL);
    dify__write_open(writer, '{');
    dify__write_key(writer, key);
}

static enum dify_err end_line(struct dify__writer *writer)
{
    dify__write_close(writer, '}');
    enum dify_err err = dify__writer_finish(writer);
    return err == DIFY_OK ? cli_output_write(NULL, "\n", 1) : err;
}

static enum dify_err on_event(void *ctx, const struct dify_sse_event *event)
{
    struct dify__writer writer;
    (void)ctx;
    begin_line(&writer, "type");
    dify__write_string(&writer, event->type);
    dify__write_key(&writer, "data");
    dify__write_string(&writer, event->data);
    dify__write_key(&writer, "id");
    dify__write_string(&writer, event->id);
    return end_line(&writer);
}

static enum dify_err on_comment(void *ctx, struct dify_slice text)
{
    struct dify__writer writer;
    (void)ctx;
    begin_line(&writer, "comment");
    dify__write_string(&writer, text);
    return end_line(&writer);
}

static enum dify_err on_retry(void *ctx, uint64_t retry_ms, struct dify_slice digits)
{
    struct dify__writer writer;
    (void)ctx;
    (void)retry_ms;
    begin_line(&writer, "retry");
    dify__write_number(&writer, digits);
    return end_line(&writer);
}

static enum dify_err new_parser(const struct cli_args *args, struct dify_sse **out)
{
    const char *id = getenv("LAST_EVENT_ID");
    struct dify_sse_options options = {.size = sizeof options, .event = on_event};
    if (id != NULL)
        options.last_event_id = dify__slice(id);
    if (args->value[SSE_ALL] != NULL) {
        options.comment = on_comment;
        options.retry = on_retry;
    }
    return dify_sse_new(&options, out);
}

int cli_run_sse(const struct cli_args *args)
{
    struct cli_input input;
    struct dify_sse *sse = NULL;
    if (!cli_input_open(&input, "sse", args, args->value[SSE_READ_SIZE]))
        return CLI_EXIT_USAGE;
    enum dify_err err = new_parser(args, &sse);
    int status = cli_feed_sse(&input, sse, err);
    dify_sse_free(sse);
    cli_input_close(&input);
    return status;
}
