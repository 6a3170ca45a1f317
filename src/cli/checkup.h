/* SPDX-License-Identifier: Apache-2.0
 *
 * checkup.h: what was checked, how it went, how long it took, and how to mend it; one line each, or
 * JSON.
 */
#ifndef DIFY_CLI_CHECKUP_H
#define DIFY_CLI_CHECKUP_H

#include "cli/terminal.h"

#include <stdbool.h>

/* All checks, in the order in which they are told. */
enum cli_check {
    CLI_CHECK_SETTINGS,
    CLI_CHECK_PROXY,
    CLI_CHECK_NAME,
    CLI_CHECK_TCP,
    CLI_CHECK_TLS,
    CLI_CHECK_HTTP,
    CLI_CHECK_CLOCK,
    CLI_CHECK_KEY,
    CLI_CHECK_APP,
    CLI_CHECK_RELEASE,
    CLI_CHECK_INPUTS,
    CLI_CHECK_STREAM,
    CLI_CHECKS
};

enum cli_check_state {
    CLI_CHECK_UNTRIED,
    CLI_CHECK_GOOD,
    CLI_CHECK_BAD,
    CLI_CHECK_NONE /* there is nothing to be checked, or it is told only */
};

#define CLI_CHECK_TEXT_BYTES 800

struct cli_checkup {
    bool is_json;
    struct cli_style style;
    int status; /* exit status: of the first that is bad */
    struct {
        enum cli_check_state state;
        double ms;                       /* below 0: it took no time of its own */
        char text[CLI_CHECK_TEXT_BYTES]; /* what was seen */
        const char *hint;                /* static; NULL: none */
    } checks[CLI_CHECKS];
};

void cli_checkup_init(struct cli_checkup *checkup, bool is_json);

/* A check that went well; for people it is printed at once. The text of another side is shown
 * without control characters. */
void cli_checkup_good(struct cli_checkup *checkup, enum cli_check check, double ms,
                      const char *format, ...) __attribute__((format(printf, 4, 5)));

/* One that does not apply. */
void cli_checkup_none(struct cli_checkup *checkup, enum cli_check check, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* One that went wrong: the exit status, unless one went wrong before, and how to mend it. */
void cli_checkup_bad(struct cli_checkup *checkup, enum cli_check check, int status,
                     const char *hint, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

/* Ends it: what was not tried is told so. Returns the exit status. */
int cli_checkup_end(struct cli_checkup *checkup);

#endif
