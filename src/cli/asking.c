/* SPDX-License-Identifier: Apache-2.0
 *
 * asking.c: see asking.h.
 *
 * What a server says reaches a terminal through cli_put_cell(), which lets no control character
 * through.
 */
#include "cli/asking.h"

#include "cli/hints.h"
#include "cli/output.h"
#include "cli/terminal.h"
#include "core/json_text.h"
#include "core/outcome.h"
#include "core/slices.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define TICK_MS 100

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void init(struct cli_asking *asking, const char *command)
{
    *asking = (struct cli_asking){.command = command, .started_ms = now_ms()};
    asking->reply.body.max = DIFY_ANSWER_BYTES;
    asking->reply.message.max = CLI_MESSAGE_BYTES;
    asking->reply.body.allocator = asking->reply.message.allocator = dify__allocator(NULL);
    dify__json_init(&asking->reply.json, dify__allocator(NULL));
}

bool cli_asking_make(struct cli_asking *asking, const char *command,
                     const struct cli_settings *take_settings)
{
    init(asking, command);
    asking->settings = *take_settings;
    if (cli_client_new(command, &asking->settings, &asking->client, &asking->app))
        return true;
    cli_settings_fini(&asking->settings);
    return false;
}

bool cli_asking_open(struct cli_asking *asking, const char *command, const struct cli_args *args)
{
    struct cli_settings settings;
    cli_protect_secrets();
    return cli_settings_of(command, args, &settings) && cli_asking_make(asking, command, &settings);
}

bool cli_need_operand(const char *command, const struct cli_args *args, const char *what)
{
    if (args->operands > 0 && args->operand[0][0] != '\0')
        return true;
    cli_complain(command, "needs %s; see 'difystream %s --help'", what, command);
    return false;
}

const char *cli_user(const struct cli_asking *asking, const char *given)
{
    if (given != NULL && given[0] != '\0')
        return given;
    return asking->settings.user != NULL ? asking->settings.user : CLI_USER;
}

void cli_asking_close(struct cli_asking *asking)
{
    dify_app_free(asking->app);
    dify_client_free(asking->client);
    cli_settings_fini(&asking->settings);
    dify__json_fini(&asking->reply.json);
    dify__buffer_fini(&asking->reply.body);
    dify__buffer_fini(&asking->reply.message);
}

/* ---- the answer ---------------------------------------------------------------------------- */

/* What does not fit is left out: codes, releases and addresses are short. */
static void copy_short(char *to, size_t size, struct dify_slice text)
{
    size_t len = text.len < size ? text.len : 0;
    if (len != 0)
        memcpy(to, text.ptr, len);
    to[len] = '\0';
}

static void set_message(struct cli_asking *asking, struct dify_slice text)
{
    struct cli_reply *reply = &asking->reply;
    reply->message.len = 0;
    text.len = text.len < CLI_MESSAGE_BYTES ? text.len : CLI_MESSAGE_BYTES;
    if (dify__buffer_append(&reply->message, text.ptr, text.len) != DIFY_OK)
        asking->is_lost = true;
}

static void fail(struct cli_asking *asking, enum dify_outcome outcome, const char *code,
                 const char *message)
{
    asking->reply.outcome = outcome;
    asking->reply.status = dify__outcome_row(outcome)->exit_status;
    copy_short(asking->reply.code, sizeof asking->reply.code, dify__slice(code));
    set_message(asking, dify__slice(message));
}

static void read_body(struct cli_asking *asking)
{
    struct cli_reply *reply = &asking->reply;
    if (reply->body.len == 0)
        return;
    if (dify__json_read(&reply->json, dify__buffer_slice(&reply->body)) == DIFY_OK)
        reply->root = yyjson_doc_get_root(reply->json.doc);
    else if (reply->outcome == DIFY_OUTCOME_SUCCEEDED)
        fail(asking, DIFY_OUTCOME_INVALID_RESPONSE, "invalid_response",
             "the answer is no JSON object; is this the address of Dify's API?");
}

void cli_answered(void *ctx, const struct dify_answer *answer)
{
    struct cli_asking *asking = ctx;
    struct cli_reply *reply = &asking->reply;
    asking->call = NULL;
    reply->outcome = answer->outcome;
    reply->status = dify__outcome_row(answer->outcome)->exit_status;
    reply->http_status = answer->http_status;
    copy_short(reply->code, sizeof reply->code, answer->code);
    copy_short(reply->release, sizeof reply->release, answer->release);
    copy_short(reply->address, sizeof reply->address, answer->address);
    reply->server_time_s = answer->server_time_s;
    reply->attempts = answer->attempts;
    reply->times = answer->times;
    if (dify__buffer_append(&reply->body, answer->body.ptr, answer->body.len) != DIFY_OK)
        asking->is_lost = true;
    set_message(asking, answer->message);
    read_body(asking);
}

/* ---- waiting ------------------------------------------------------------------------------- */

static void forget(struct cli_reply *reply)
{
    const struct dify_call_times none = {-1, -1, -1, -1, -1};
    dify__json_release(&reply->json);
    reply->root = NULL;
    reply->body.len = reply->message.len = 0;
    reply->outcome = DIFY_OUTCOME_INVALID_RESPONSE;
    reply->http_status = 0;
    reply->code[0] = reply->release[0] = reply->address[0] = '\0';
    reply->server_time_s = 0;
    reply->attempts = 0;
    reply->times = none;
}

/* Milliseconds that are left of --max-time. */
static uint64_t left_ms(const struct cli_asking *asking)
{
    uint64_t max = asking->settings.max_time_ms, gone = now_ms() - asking->started_ms;
    if (max == 0)
        return UINT64_MAX;
    return max > gone ? max - gone : 0;
}

static void give_up(struct cli_asking *asking)
{
    char text[80];
    dify_call_cancel(asking->call);
    asking->call = NULL;
    snprintf(text, sizeof text, "no answer within the %" PRIu32 " ms of --max-time",
             asking->settings.max_time_ms);
    fail(asking, DIFY_OUTCOME_RUN_TIMEOUT, "run_timeout", text);
}

int cli_asking_wait(struct cli_asking *asking, enum dify_err err)
{
    forget(&asking->reply);
    if (err != DIFY_OK) {
        asking->call = NULL;
        fail(asking, DIFY_OUTCOME_INVALID_RESPONSE, "", dify_strerror(err));
        asking->reply.status = CLI_EXIT_USAGE;
        return CLI_EXIT_USAGE;
    }
    while (asking->call != NULL && left_ms(asking) != 0) {
        uint64_t left = left_ms(asking);
        (void)dify_client_wait(asking->client,
                               asking->tick != NULL && left > TICK_MS ? TICK_MS : left);
        if (asking->tick != NULL && asking->call != NULL)
            asking->tick(asking->tick_ctx);
    }
    if (asking->call != NULL)
        give_up(asking);
    if (asking->is_lost) {
        asking->is_lost = false;
        fail(asking, DIFY_OUTCOME_INVALID_RESPONSE, "", "out of memory");
    }
    return asking->reply.status;
}

int cli_asked(struct cli_asking *asking, enum dify_err err)
{
    int status = cli_asking_wait(asking, err);
    if (status != CLI_EXIT_OK)
        cli_asking_complain(asking, "", NULL);
    return status;
}

/* ---- telling ------------------------------------------------------------------------------- */

static void write_stderr(void *ctx, const char *bytes, size_t len)
{
    (void)ctx;
    fwrite(bytes, 1, len, stderr);
}

static const struct cli_sink to_stderr = {write_stderr, NULL};

void cli_asking_complain(const struct cli_asking *asking, const char *about, const char *hint)
{
    const struct cli_reply *reply = &asking->reply;
    const struct dify_slice message = dify__buffer_slice(&reply->message);
    const struct cli_style style = cli_style_of(STDERR_FILENO);
    /* Dify's own codes say more than its words; ours are in the words */
    bool has_code = reply->http_status != 0 && reply->code[0] != '\0' &&
                    strcmp(reply->code, dify__outcome_row(reply->outcome)->code) != 0;
    fflush(stdout);
    fprintf(stderr, "difystream %s: ", asking->command);
    cli_put_cell(&to_stderr, &style, dify__slice(about), SIZE_MAX, false);
    fputs(about[0] != '\0' ? ": " : "", stderr);
    cli_put_cell(&to_stderr, &style, message, SIZE_MAX, false);
    if (hint == NULL)
        hint = cli_hint(reply->outcome, dify__slice(reply->code), message, false);
    fprintf(stderr, "%s%s%s%s\n", has_code ? " (" : "", has_code ? reply->code : "",
            has_code ? ")" : "", hint);
}

static int print_json(const struct cli_reply *reply, enum dify_json_style style)
{
    struct dify__writer writer;
    dify__writer_init(&writer, style, cli_output_write, NULL);
    dify__write_json(&writer, reply->root != NULL ? reply->json.text : DIFY_SLICE("{}"));
    return dify__writer_finish(&writer) == DIFY_OK && cli_output_write(NULL, "\n", 1) == DIFY_OK
               ? CLI_EXIT_OK
               : CLI_EXIT_USAGE;
}

int cli_print_reply(const struct cli_reply *reply)
{
    return print_json(reply, cli_stdout_is_terminal() ? DIFY_JSON_PRETTY : DIFY_JSON_COMPACT);
}

int cli_print_line(const struct cli_reply *reply)
{
    return print_json(reply, DIFY_JSON_COMPACT);
}

/* ---- values -------------------------------------------------------------------------------- */

struct dify_slice cli_string(yyjson_val *value)
{
    if (!yyjson_is_str(value))
        return (struct dify_slice){NULL, 0};
    return (struct dify_slice){yyjson_get_str(value), yyjson_get_len(value)};
}

struct dify_slice cli_value(yyjson_val *value, char room[CLI_VALUE_BYTES])
{
    room[0] = '\0';
    if (yyjson_is_str(value))
        return cli_string(value);
    if (yyjson_is_raw(value))
        return (struct dify_slice){yyjson_get_raw(value), yyjson_get_len(value)};
    if (yyjson_is_bool(value))
        return dify__slice(yyjson_get_bool(value) ? "true" : "false");
    if (yyjson_is_uint(value))
        snprintf(room, CLI_VALUE_BYTES, "%" PRIu64, yyjson_get_uint(value));
    else if (yyjson_is_sint(value))
        snprintf(room, CLI_VALUE_BYTES, "%" PRId64, yyjson_get_sint(value));
    else if (yyjson_is_real(value))
        snprintf(room, CLI_VALUE_BYTES, "%.15g", yyjson_get_real(value));
    return dify__slice(room);
}

struct dify_slice cli_seconds(yyjson_val *value, char room[CLI_VALUE_BYTES])
{
    room[0] = '\0';
    if (yyjson_is_num(value) && yyjson_get_num(value) < 1e15)
        snprintf(room, CLI_VALUE_BYTES, "%.3f", yyjson_get_num(value));
    return dify__slice(room);
}

struct dify_slice cli_time(yyjson_val *value, char room[CLI_VALUE_BYTES])
{
    struct tm local;
    double seconds = yyjson_is_num(value) ? yyjson_get_num(value) : 0;
    time_t when = seconds > 0 && seconds < 2e11 ? (time_t)seconds : 0;
    room[0] = '\0';
    if (when != 0 && localtime_r(&when, &local) != NULL)
        (void)strftime(room, CLI_VALUE_BYTES, "%Y-%m-%d %H:%M:%S", &local);
    return dify__slice(room);
}
