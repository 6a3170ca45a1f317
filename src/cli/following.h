/* SPDX-License-Identifier: Apache-2.0
 *
 * following.h: one run as a command follows it: its progress, its journal, its recording, the
 * signals that reach it, its events and its result.
 *
 *     if (cli_following_init(&following, &options, &settings) &&
 *         cli_following_order(&following, &order))
 *         status = cli_following_finish(&following);
 *     cli_following_fini(&following);
 *
 * SIGINT once stops the run at Dify; once more, or SIGTERM or SIGHUP, leaves it running: its
 * journal stays, and how to take it up is said last.
 */
#ifndef DIFY_CLI_FOLLOWING_H
#define DIFY_CLI_FOLLOWING_H

#include "cli/journal.h"
#include "cli/progress.h"
#include "cli/record.h"
#include "cli/settings.h"
#include "difystream/follow.h"

/* Ceiling of an id of Dify's that is kept; longer ones are none of Dify's. */
#define CLI_ID_SIZE 256

#define CLI_RECORD_OPTION                                                                          \
    {                                                                                              \
        "record", 0, "DIR", NULL,                                                                  \
            "keep the stream with its timing in the new folder DIR, for 'difystream fold' and "    \
            "'difystream sim'"                                                                     \
    }
#define CLI_NO_JOURNAL_OPTION                                                                      \
    {                                                                                              \
        "no-journal", 0, NULL, NULL, "keep nothing by which a killed command can be taken up"      \
    }
#define CLI_ACCEPT_PARTIAL_OPTION                                                                  \
    {                                                                                              \
        "accept-partial", 0, NULL, NULL, "take the status partial-succeeded for a success"         \
    }
#define CLI_QUIET_OPTION                                                                           \
    {                                                                                              \
        "quiet", 'q', NULL, NULL,                                                                  \
            "nothing on standard error once the command line is understood: a failure shows in "   \
            "the result and the exit status"                                                       \
    }
#define CLI_VERBOSE_OPTION                                                                         \
    {                                                                                              \
        "verbose", 'v', NULL, NULL, "say each step on standard error"                              \
    }

struct cli_following_options {
    const char *command; /* for messages */
    const char *output;  /* "json", "summary", "jsonl", "text"; NULL: json */
    const char *record;  /* a folder; NULL: nothing is recorded */
    bool is_quiet, is_verbose, keeps_journal;
};

/* The ids that a journal keeps, as far as they are known; else empty. */
struct cli_following_ids {
    char run[CLI_ID_SIZE], task[CLI_ID_SIZE], conversation[CLI_ID_SIZE], message[CLI_ID_SIZE];
};

struct cli_following {
    struct cli_following_options options;
    const struct cli_settings *settings;
    struct dify_order order;
    struct dify_client *client;
    struct dify_app *app;
    struct dify_follow *follow;

    enum cli_progress_kind kind;
    struct cli_progress *progress;

    char id[DIFY__UUID_SIZE]; /* the run's own; empty: there is none */
    char *folder;             /* of journals */
    struct cli_journal *journal;
    struct cli_following_ids ids;

    struct cli_record *record;
    struct dify__buffer body; /* of the request, as it is recorded */
    uint64_t asked_ms;        /* when the request of the next stream went out */

    int signals; /* a descriptor */
    unsigned interrupts;
    bool was_submitted; /* the run may have been started */
    bool was_stopped;   /* as Dify has acknowledged, and the journal knows */
    bool has_ended;
    bool has_shown_text;          /* "text" on a terminal: it was shown as it came */
    bool has_agent_text;          /* pieces of it, which a `message` then repeats as a whole */
    bool can_write;               /* false: standard output has failed */
    char form_token[CLI_ID_SIZE]; /* of the form that the run waits for */
};

/* Makes the client. False after saying what is wrong. Needs
 * cli_following_fini() in any case; options and settings must live until then. */
bool cli_following_init(struct cli_following *following,
                        const struct cli_following_options *options,
                        const struct cli_settings *settings);

/* Takes the order, and opens what is asked for; what it points to must live as long. False after
 * saying what is wrong. */
bool cli_following_order(struct cli_following *following, const struct dify_order *order);

/* Follows the run to its end and prints its result. Returns the exit status. */
int cli_following_finish(struct cli_following *following);

/* " --app NAME" where the run's app is one of the configuration file, for a command that people
 * are told to give next; else "". */
#define CLI_APP_WORDS_BYTES 80 /* a name has up to 64 plain characters */
void cli_following_app(const struct cli_following *following, char out[CLI_APP_WORDS_BYTES]);

/* The run's user as one word of a shell. */
#define CLI_USER_WORD_BYTES 1100 /* 255 characters, each a quote, or of up to four bytes */
void cli_following_user(const struct cli_following *following, char out[CLI_USER_WORD_BYTES]);

void cli_following_fini(struct cli_following *following);

/* ---- between its files --------------------------------------------------------------------- */

uint64_t cli_now_ms(void);      /* of a clock that only goes on */
uint64_t cli_unix_now_ms(void); /* of the day */

/* What the follow tells, following_hears.c. */
struct dify_follow_observer cli_following_observer(struct cli_following *following,
                                                   struct dify_run_observer *run);

/* One line for a person, unless they want none. */
void cli_following_say(struct cli_following *following, enum cli_progress_level level,
                       const char *text);

/* Tells the journal of ids that have become known, and of a stop. */
void cli_following_note_ids(struct cli_following *following);

#endif
