/* SPDX-License-Identifier: Apache-2.0
 *
 * following_hears.c: what a follow tells, and where it goes: journal, recording, progress, output.
 */
#include "cli/following.h"

#include "cli/output.h"
#include "cli/print.h"
#include "cli/terminal.h"
#include "conf/text.h"
#include "core/json_text.h"
#include "core/slices.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

static bool outputs(const struct cli_following *following, const char *form)
{
    return following->options.output != NULL && strcmp(following->options.output, form) == 0;
}

void cli_following_say(struct cli_following *following, enum cli_progress_level level,
                       const char *text)
{
    if (following->progress != NULL)
        cli_progress_say(following->progress, level, text);
    else if (!following->options.is_quiet)
        cli_complain_text(following->options.command, "", dify__slice(text), "");
}

/* ---- the journal --------------------------------------------------------------------------- */

static void on_journal_lost(void *ctx, const char *message)
{
    char text[700];
    snprintf(text, sizeof text, "the run goes on, but cannot be taken up after a kill: %s",
             message);
    cli_following_say(ctx, CLI_PROGRESS_WARNING, text);
}

static struct dify_slice slice_or_absent(const char *text)
{
    return text != NULL && text[0] != '\0' ? dify__slice(text) : (struct dify_slice){NULL, 0};
}

static const char *kind_name(enum dify_kind kind)
{
    static const char *const names[] = {"auto", "workflow", "chat", "completion"};
    return names[kind];
}

static void create_journal(struct cli_following *following, struct dify_follow *follow,
                           struct dify_slice inputs)
{
    const struct dify_order *order = &following->order;
    unsigned char random[10];
    char said[DIFY__UUID_SIZE + 8];
    struct cli_journal_error error;
    struct cli_journal_options options = {cli_unix_now_ms(), on_journal_lost, following};
    struct cli_journal_header header = {.created_ms = options.now_ms,
                                        .base_url = dify__slice(following->settings->base_url),
                                        .app = slice_or_absent(following->settings->app),
                                        .kind = dify__slice(kind_name(dify_follow_kind(follow))),
                                        .workflow_id = slice_or_absent(order->workflow_id),
                                        .user = dify__slice(dify_follow_user(follow)),
                                        .inputs = inputs,
                                        .query = order->query,
                                        .conversation_id = slice_or_absent(order->conversation_id)};
    if (following->folder == NULL || getentropy(random, sizeof random) != 0) {
        on_journal_lost(following, "there is no folder for it: neither HOME nor XDG_STATE_HOME");
        return;
    }
    dify__uuid7(options.now_ms, random, header.id);
    if (cli_journal_create(following->folder, &header, &options, &following->journal, &error) !=
        CLI_JOURNAL_OK) {
        on_journal_lost(following, error.text);
        return;
    }
    memcpy(following->id, header.id, sizeof following->id);
    cli_journal_submitting(following->journal, options.now_ms);
    snprintf(said, sizeof said, "run %s", following->id);
    cli_following_say(following, CLI_PROGRESS_NOTE, said);
}

/* Dify's ids are UUIDs, its tokens letters and digits. What has more in it comes from elsewhere,
 * and is not to reach a terminal, nor a shell that a line of advice is pasted into. */
static bool is_plain_id(struct dify_slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                        (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
        if (!is_plain)
            return false;
    }
    return text.len != 0 && text.len < CLI_ID_SIZE;
}

static void learn(char id[CLI_ID_SIZE], struct dify_slice text, bool *is_new)
{
    if (!is_plain_id(text) || dify__slice_is(text, id))
        return;
    memcpy(id, text.ptr, text.len);
    id[text.len] = '\0';
    *is_new = true;
}

void cli_following_note_ids(struct cli_following *following)
{
    struct cli_following_ids *ids = &following->ids;
    struct dify_result result;
    bool is_new = false;
    if (!following->was_stopped && dify_follow_is_stopped(following->follow)) {
        following->was_stopped = true;
        cli_journal_stopped(following->journal, cli_unix_now_ms());
    }
    learn(ids->run, dify_follow_run_id(following->follow), &is_new);
    learn(ids->task, dify_follow_task_id(following->follow), &is_new);
    if (dify_follow_kind(following->follow) != DIFY_KIND_WORKFLOW) {
        dify_run_result(dify_follow_run(following->follow), &result);
        learn(ids->conversation, result.conversation_id, &is_new);
        learn(ids->message, result.message_id, &is_new);
    }
    if (!is_new)
        return;
    struct cli_journal_ids known = {slice_or_absent(ids->run), slice_or_absent(ids->task),
                                    slice_or_absent(ids->conversation),
                                    slice_or_absent(ids->message)};
    cli_journal_ids(following->journal, &known);
}

/* ---- the recording ------------------------------------------------------------------------- */

/* The body of the request as it goes out. */
static void keep_body(struct cli_following *following, struct dify_follow *follow,
                      struct dify_slice inputs)
{
    const struct dify_order *order = &following->order;
    struct dify__writer writer;
    following->body.len = 0;
    dify__writer_init(&writer, DIFY_JSON_COMPACT, dify__write_to_buffer, &following->body);
    dify__write_open(&writer, '{');
    dify__write_key(&writer, "inputs");
    dify__write_json(&writer, inputs);
    dify__write_key(&writer, "response_mode");
    dify__write_string(&writer, dify__slice(order->blocking ? "blocking" : "streaming"));
    dify__write_key(&writer, "user");
    dify__write_string(&writer, dify__slice(dify_follow_user(follow)));
    if (order->query.ptr != NULL) {
        dify__write_key(&writer, "query");
        dify__write_string(&writer, order->query);
    }
    if (order->conversation_id != NULL) {
        dify__write_key(&writer, "conversation_id");
        dify__write_string(&writer, dify__slice(order->conversation_id));
    }
    dify__write_close(&writer, '}');
    if (dify__writer_finish(&writer) != DIFY_OK)
        following->body.len = 0;
}

static void record_stream(struct cli_following *following, struct dify_follow *follow,
                          bool is_start, struct dify_slice head)
{
    static const struct cli_record_field type = {{"Content-Type", 12}, {"application/json", 16}};
    struct dify_slice route = dify_follow_path(follow);
    const char *host = strstr(following->settings->base_url, "://");
    const char *base = host != NULL ? strchr(host + 3, '/') : NULL;
    char *path = conf_textf("%s%.*s", base != NULL ? base : "", (int)route.len, route.ptr);
    struct cli_record_request request = {.method = dify__slice(is_start ? "POST" : "GET"),
                                         .path = path != NULL ? dify__slice(path) : route};
    if (is_start) {
        request.body = dify__buffer_slice(&following->body);
        request.fields = &type;
        request.field_count = 1;
    }
    cli_record_begin(following->record, &request, following->asked_ms);
    cli_record_head(following->record, head.ptr, head.len);
    free(path);
}

static void on_stream_end(void *ctx, struct dify_follow *follow, enum dify_reason reason)
{
    struct cli_following *following = ctx;
    enum cli_record_end how = CLI_RECORD_CLIENT_CUT;
    (void)follow;
    if (reason == DIFY_REASON_NO_END || reason == DIFY_REASON_FINISHED)
        how = CLI_RECORD_LAST_CHUNK;
    else if (reason == DIFY_REASON_RESET || reason == DIFY_REASON_CLOSED)
        how = CLI_RECORD_EOF_PREMATURE;
    else if (reason == DIFY_REASON_READ_TIMEOUT)
        how = CLI_RECORD_CLIENT_TIMEOUT;
    cli_record_end(following->record, how, cli_now_ms());
}

/* ---- the stream ---------------------------------------------------------------------------- */

static bool on_submit(void *ctx, struct dify_follow *follow, struct dify_slice inputs)
{
    struct cli_following *following = ctx;
    if (following->record != NULL)
        keep_body(following, follow, inputs);
    if (following->options.keeps_journal)
        create_journal(following, follow, inputs);
    following->was_submitted = true;
    return true;
}

static void on_stream(void *ctx, struct dify_follow *follow, unsigned number,
                      struct dify_slice head)
{
    struct cli_following *following = ctx;
    bool is_start =
        number == 0 && following->order.workflow_run_id == NULL && following->order.sent_at_s == 0;
    if (following->record != NULL)
        record_stream(following, follow, is_start, head);
    cli_journal_stream(following->journal, !is_start, cli_unix_now_ms());
}

static void on_bytes(void *ctx, struct dify_follow *follow, struct dify_slice bytes)
{
    struct cli_following *following = ctx;
    uint64_t now_ms = cli_now_ms();
    (void)follow;
    cli_journal_bytes(following->journal, bytes.ptr, bytes.len);
    cli_record_bytes(following->record, bytes.ptr, bytes.len, now_ms);
    cli_progress_time(following->progress, now_ms);
}

/* ---- events -------------------------------------------------------------------------------- */

/* A text as it comes; on a terminal no character of it may move the cursor. */
static void show_text(struct cli_following *following, struct dify_slice text)
{
    struct cli_style style = cli_style();
    while (text.len != 0 && following->can_write) {
        struct cli_glyph glyph = cli_next_glyph(&style, text);
        struct dify_slice shown = glyph.shown;
        if (text.ptr[0] == '\n' || text.ptr[0] == '\t')
            shown = (struct dify_slice){text.ptr, 1};
        following->can_write = cli_output_write(NULL, shown.ptr, shown.len) == DIFY_OK;
        text.ptr += glyph.len;
        text.len -= glyph.len;
    }
    following->can_write = following->can_write && cli_output_flush();
}

static void show_answer(struct cli_following *following, const struct dify_event *event)
{
    const struct dify_slice line_end = {"\n", 1};
    struct dify_result result;
    dify_run_result(dify_follow_run(following->follow), &result);
    if (event->type == DIFY_EVENT_MESSAGE_REPLACE) {
        if (result.answer.len > 0)
            show_text(following, line_end);
        show_text(following, event->answer);
    } else if (event->type == DIFY_EVENT_AGENT_MESSAGE ||
               (event->type == DIFY_EVENT_MESSAGE && !following->has_agent_text)) {
        following->has_agent_text |= event->type == DIFY_EVENT_AGENT_MESSAGE;
        show_text(following, event->answer);
    }
}

static void on_event(void *ctx, const struct dify_event *event, uint64_t offset)
{
    struct cli_following *following = ctx;
    struct dify_slice token = event->data.form_token;
    bool is_new;
    cli_progress_event(following->progress, event);
    if (event->type == DIFY_EVENT_HUMAN_INPUT_REQUIRED)
        learn(following->form_token, token, &is_new);
    if (!following->can_write)
        return;
    if (outputs(following, "jsonl")) {
        if (cli_stdout_is_terminal())
            cli_progress_hide(following->progress);
        following->can_write =
            cli_print_event(offset, event->name, event->json) == DIFY_OK && cli_output_flush();
    } else if (outputs(following, "text") && cli_stdout_is_terminal()) {
        show_answer(following, event);
        following->has_shown_text = true;
    }
}

static void on_node(void *ctx, const struct dify_node *node, enum dify_node_change change)
{
    struct cli_following *following = ctx;
    cli_progress_node(following->progress, node, change);
}

static void on_warning(void *ctx, uint64_t offset, const char *reason)
{
    struct cli_following *following = ctx;
    char text[400];
    if (!following->options.is_verbose)
        return;
    snprintf(text, sizeof text, "event at byte %llu: %s", (unsigned long long)offset, reason);
    cli_following_say(following, CLI_PROGRESS_WARNING, text);
}

/* ---- changes of state ---------------------------------------------------------------------- */

/* What matters to a person who waits. */
static bool matters(const struct dify_follow_change *change)
{
    switch (change->reason) {
    case DIFY_REASON_CHECKED:
    case DIFY_REASON_NOT_SENT:
    case DIFY_REASON_BUSY:
    case DIFY_REASON_SILENT:
    case DIFY_REASON_ALIVE:
    case DIFY_REASON_RESET:
    case DIFY_REASON_CLOSED:
    case DIFY_REASON_NO_END:
    case DIFY_REASON_INVENTED_END:
    case DIFY_REASON_BAD_STREAM:
    case DIFY_REASON_REPLY_LOST:
    case DIFY_REASON_GATEWAY_ERROR:
    case DIFY_REASON_NO_CONNECTION:
    case DIFY_REASON_NOT_FOUND:
    case DIFY_REASON_TOO_OFTEN:
    case DIFY_REASON_FOUND:
        return change->to != DIFY_FOLLOW_ENDED && change->text[0] != '\0';
    default:
        return false;
    }
}

static void say_change(struct cli_following *following, const struct dify_follow_change *change)
{
    char text[1200];
    size_t files = following->order.attachment_count;
    if (following->options.is_verbose) {
        snprintf(text, sizeof text, "%s -> %s (%s)%s%s", dify_follow_state_name(change->from),
                 dify_follow_state_name(change->to), dify_reason_name(change->reason),
                 change->text[0] != '\0' ? ": " : "", change->text);
        cli_following_say(following, CLI_PROGRESS_NOTE, text);
        return;
    }
    if (matters(change))
        cli_following_say(following, CLI_PROGRESS_WARNING, change->text);
    if (change->to == DIFY_FOLLOW_UPLOADING) {
        snprintf(text, sizeof text, "uploading %zu file%s", files, files == 1 ? "" : "s");
        cli_following_say(following, CLI_PROGRESS_NOTE, text);
    } else if (change->from == DIFY_FOLLOW_RESUMING && change->to == DIFY_FOLLOW_STREAMING) {
        cli_following_say(following, CLI_PROGRESS_NOTE, "the run is taken up again");
    } else if (change->reason == DIFY_REASON_NO_ROUTE) {
        cli_following_say(
            following, CLI_PROGRESS_WARNING,
            "this Dify has no stream to take up again: it is asked for the run's end, "
            "and nodes that finish meanwhile are not shown");
    }
}

static void on_changed(void *ctx, struct dify_follow *follow,
                       const struct dify_follow_change *change)
{
    struct cli_following *following = ctx;
    (void)follow;
    if (change->to == DIFY_FOLLOW_SUBMITTING || change->to == DIFY_FOLLOW_RESUMING)
        following->asked_ms = cli_now_ms();
    say_change(following, change);
}

static void on_stop_failed(void *ctx, struct dify_follow *follow, struct dify_slice message)
{
    char text[1200];
    (void)follow;
    snprintf(text, sizeof text, "the run is not stopped: %.*s; it is tried again",
             message.len < 1000 ? (int)message.len : 1000, message.ptr);
    cli_following_say(ctx, CLI_PROGRESS_WARNING, text);
}

static void on_ended(void *ctx, struct dify_follow *follow)
{
    struct cli_following *following = ctx;
    (void)follow;
    following->has_ended = true;
}

struct dify_follow_observer cli_following_observer(struct cli_following *following,
                                                   struct dify_run_observer *run)
{
    *run = (struct dify_run_observer){
        .ctx = following, .event = on_event, .node = on_node, .warning = on_warning};
    return (struct dify_follow_observer){.ctx = following,
                                         .run = run,
                                         .changed = on_changed,
                                         .submit = on_submit,
                                         .stream = on_stream,
                                         .bytes = on_bytes,
                                         .stream_end = on_stream_end,
                                         .stop_failed = on_stop_failed,
                                         .ended = on_ended};
}
