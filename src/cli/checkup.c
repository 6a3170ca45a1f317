/* SPDX-License-Identifier: Apache-2.0
 *
 * checkup.c: see checkup.h.
 */
#include "cli/checkup.h"

#include "cli/args.h"
#include "cli/output.h"
#include "core/json_text.h"
#include "core/slices.h"

#include <stdarg.h>
#include <stdio.h>

static const char *const names[CLI_CHECKS] = {"settings", "proxy",   "name",   "tcp",
                                              "tls",      "http",    "clock",  "key",
                                              "app",      "release", "inputs", "stream"};

static const char *const states[] = {"untried", "good", "bad", "none"};

void cli_checkup_init(struct cli_checkup *checkup, bool is_json)
{
    memset(checkup, 0, sizeof *checkup);
    checkup->is_json = is_json;
    checkup->style = cli_style();
}

static void print_mark(const struct cli_style *style, enum cli_check_state state)
{
    static const char *const unicode[] = {"\xE2\x80\x93", "\xE2\x9C\x93", "\xE2\x9C\x97",
                                          "\xE2\x80\x93"}; /* – ✓ ✗ – */
    static const char *const ascii[] = {"-", "+", "x", "-"};
    cli_colour(style, state == CLI_CHECK_GOOD  ? CLI_GREEN
                      : state == CLI_CHECK_BAD ? CLI_RED
                                               : CLI_DIM);
    fputs((style->has_unicode ? unicode : ascii)[state], stdout);
    cli_colour(style, CLI_PLAIN);
}

static void print_check(const struct cli_checkup *checkup, enum cli_check check)
{
    const struct cli_style *style = &checkup->style;
    char time[32] = "";
    if (checkup->checks[check].ms >= 0)
        snprintf(time, sizeof time, "%.1f ms", checkup->checks[check].ms);
    print_mark(style, checkup->checks[check].state);
    printf(" %-8s %10s  ", names[check], time);
    cli_print_cell(style, dify__slice(checkup->checks[check].text), SIZE_MAX, false);
    putchar('\n');
    if (checkup->checks[check].hint != NULL)
        printf("%23s%s\n", "", checkup->checks[check].hint);
    fflush(stdout);
}

static void tell(struct cli_checkup *checkup, enum cli_check check, enum cli_check_state state,
                 double ms, const char *format, va_list args) __attribute__((format(printf, 5, 0)));

static void tell(struct cli_checkup *checkup, enum cli_check check, enum cli_check_state state,
                 double ms, const char *format, va_list args)
{
    char *text = checkup->checks[check].text;
    vsnprintf(text, CLI_CHECK_TEXT_BYTES, format, args);
    checkup->checks[check].state = state;
    checkup->checks[check].ms = ms;
    if (!checkup->is_json)
        print_check(checkup, check);
}

void cli_checkup_good(struct cli_checkup *checkup, enum cli_check check, double ms,
                      const char *format, ...)
{
    va_list args;
    va_start(args, format);
    tell(checkup, check, CLI_CHECK_GOOD, ms, format, args);
    va_end(args);
}

void cli_checkup_none(struct cli_checkup *checkup, enum cli_check check, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    tell(checkup, check, CLI_CHECK_NONE, -1, format, args);
    va_end(args);
}

void cli_checkup_bad(struct cli_checkup *checkup, enum cli_check check, int status,
                     const char *hint, const char *format, ...)
{
    va_list args;
    if (checkup->status == CLI_EXIT_OK)
        checkup->status = status;
    checkup->checks[check].hint = hint;
    va_start(args, format);
    tell(checkup, check, CLI_CHECK_BAD, -1, format, args);
    va_end(args);
}

static void write_text(struct dify__writer *writer, const char *key, const char *text)
{
    dify__write_key(writer, key);
    dify__write_string(writer, dify__slice_or_none(text));
}

static void write_check(const struct cli_checkup *checkup, struct dify__writer *writer, int check)
{
    char number[32];
    snprintf(number, sizeof number, "%.3f", checkup->checks[check].ms);
    dify__write_element(writer);
    dify__write_open(writer, '{');
    write_text(writer, "check", names[check]);
    write_text(writer, "state", states[checkup->checks[check].state]);
    dify__write_key(writer, "ms");
    if (checkup->checks[check].ms >= 0)
        dify__write_number(writer, dify__slice(number));
    else
        dify__write_null(writer);
    write_text(writer, "text", checkup->checks[check].text);
    write_text(writer, "hint", checkup->checks[check].hint);
    dify__write_close(writer, '}');
}

static bool write_all(const struct cli_checkup *checkup)
{
    enum dify_json_style style = cli_stdout_is_terminal() ? DIFY_JSON_PRETTY : DIFY_JSON_COMPACT;
    struct dify__writer writer;
    dify__writer_init(&writer, style, cli_output_write, NULL);
    dify__write_open(&writer, '{');
    dify__write_key(&writer, "good");
    dify__write_bool(&writer, checkup->status == CLI_EXIT_OK);
    dify__write_key(&writer, "exit_status");
    dify__write_uint(&writer, (uint64_t)checkup->status);
    dify__write_key(&writer, "checks");
    dify__write_open(&writer, '[');
    for (int check = 0; check < CLI_CHECKS; check++)
        write_check(checkup, &writer, check);
    dify__write_close(&writer, ']');
    dify__write_close(&writer, '}');
    return dify__writer_finish(&writer) == DIFY_OK && cli_output_write(NULL, "\n", 1) == DIFY_OK;
}

int cli_checkup_end(struct cli_checkup *checkup)
{
    for (int check = 0; check < CLI_CHECKS; check++) {
        if (checkup->checks[check].state != CLI_CHECK_UNTRIED)
            continue;
        snprintf(checkup->checks[check].text, CLI_CHECK_TEXT_BYTES, "not tried");
        checkup->checks[check].ms = -1;
        if (!checkup->is_json)
            print_check(checkup, (enum cli_check)check);
    }
    if (checkup->is_json && !write_all(checkup))
        return CLI_EXIT_USAGE;
    return checkup->status;
}
