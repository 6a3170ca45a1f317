/* SPDX-License-Identifier: Apache-2.0
 *
 * asking.h: asking Dify one thing after another, and telling what it answered.
 *
 *     struct cli_asking asking;
 *     if (!cli_asking_open(&asking, "params", args))
 *         return CLI_EXIT_USAGE;
 *     int status = cli_asked(&asking, dify_app_read(asking.app, DIFY_READ_PARAMETERS,
 *                                                   cli_answered, &asking, &asking.call));
 *     if (status == CLI_EXIT_OK)
 *         ... asking.reply.root ...
 *     cli_asking_close(&asking);
 */
#ifndef DIFY_CLI_ASKING_H
#define DIFY_CLI_ASKING_H

#include "cli/dify.h"
#include "core/json.h"

#include <stdint.h>

/* Exit statuses of docs/result.md that are given here by hand. */
enum { CLI_EXIT_REFUSED = 3, CLI_EXIT_TIMEOUT = 6 };

/* Whom things are for where nobody says: those of which Dify wants to know a user at all. */
#define CLI_USER "difystream"

/* Ceiling of a message, of Dify or of the client, that is told. */
#define CLI_MESSAGE_BYTES ((size_t)64 << 10)

/* An answer, kept until the next thing is asked. */
struct cli_reply {
    enum dify_outcome outcome;
    int status;                  /* the exit status that it stands for */
    int http_status;             /* 0: no answer */
    struct dify__buffer body;    /* as it came */
    struct dify__buffer message; /* of a failure */
    char code[64];               /* of a failure */
    char release[32];            /* "" where it is not told */
    char address[80];            /* "" where there was no connection */
    int64_t server_time_s;       /* 0: none came */
    unsigned attempts;
    struct dify_call_times times;
    struct dify__json json; /* the body read, where it is an object */
    yyjson_val *root;       /* NULL: it is none */
};

struct cli_asking {
    const char *command;
    struct cli_settings settings;
    struct dify_client *client;
    struct dify_app *app;
    struct dify_call *call; /* under way; NULL: none */
    struct cli_reply reply;
    bool is_lost;        /* no memory for the answer */
    uint64_t started_ms; /* when the command began, for --max-time */

    void (*tick)(void *ctx); /* called some ten times a second while it waits; NULL: none */
    void *tick_ctx;
};

/* Whether there is an operand that is not empty; else says that `what` is needed. */
bool cli_need_operand(const char *command, const struct cli_args *args, const char *what);

/* Reads the settings and makes client and app. False after saying what is wrong. */
bool cli_asking_open(struct cli_asking *asking, const char *command, const struct cli_args *args);

/* The same from settings that were read, which then belong to `asking`. */
bool cli_asking_make(struct cli_asking *asking, const char *command,
                     const struct cli_settings *take_settings);
void cli_asking_close(struct cli_asking *asking);

/* The user: the option's value, else the settings', else CLI_USER. */
const char *cli_user(const struct cli_asking *asking, const char *given);

/* For the call: keeps the answer. `ctx` is the asking. */
void cli_answered(void *ctx, const struct dify_answer *answer);

/* Waits for the call, whose start returned `err`, but not beyond --max-time. Returns the exit
 * status; nothing is said. A 2xx answer that is no JSON object is none, unless it is empty. */
int cli_asking_wait(struct cli_asking *asking, enum dify_err err);

/* The same, and says what failed, in one line with a hint. */
int cli_asked(struct cli_asking *asking, enum dify_err err);

/* Says the reply's failure: "difystream upload: a.png: File too large (file_too_large)", with
 * `about` (a name, or "") in front and `hint` behind; NULL: that of cli_hint(). */
void cli_asking_complain(const struct cli_asking *asking, const char *about, const char *hint);

/* Prints the reply's object: indented on a terminal, in one line elsewhere. Returns the exit
 * status: CLI_EXIT_USAGE if it could not be written. */
int cli_print_reply(const struct cli_reply *reply);

/* The same in one line, whoever reads it. */
int cli_print_line(const struct cli_reply *reply);

/* ---- values of a reply --------------------------------------------------------------------- */

/* The string of a value, absent if it is none. */
struct dify_slice cli_string(yyjson_val *value);

/* A value as people read it: a string, a number, true, false. What is none of these is empty. It
 * stands in `room` or in the reply. */
#define CLI_VALUE_BYTES 40
struct dify_slice cli_value(yyjson_val *value, char room[CLI_VALUE_BYTES]);

/* "12.345" of a number of seconds; "" if it is none. */
struct dify_slice cli_seconds(yyjson_val *value, char room[CLI_VALUE_BYTES]);

/* "2026-08-01 14:30:00" of Unix seconds, by the user's clock; "" if it is none. */
struct dify_slice cli_time(yyjson_val *value, char room[CLI_VALUE_BYTES]);

#endif
