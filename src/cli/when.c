/* SPDX-License-Identifier: Apache-2.0
 *
 * when.c: see when.h.
 */
#include "cli/when.h"

#include <stddef.h>
#include <string.h>
#include <time.h>

/* So many years are enough. */
#define MOST_AGO_S ((int64_t)100 * 366 * 86400)

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* "90m": so long ago. */
static bool read_ago(const char *text, int64_t now_s, int64_t *out_s)
{
    static const char units[] = "smhdw";
    static const int64_t seconds[] = {1, 60, 3600, 86400, 604800};
    int64_t value = 0;
    const char *at = text;
    for (; is_digit(*at) && value <= MOST_AGO_S; at++)
        value = value * 10 + (*at - '0');
    const char *unit = *at != '\0' ? strchr(units, *at) : NULL;
    if (at == text || unit == NULL || at[1] != '\0')
        return false;
    int64_t unit_s = seconds[unit - units];
    if (value > MOST_AGO_S / unit_s)
        return false;
    *out_s = now_s - value * unit_s;
    return true;
}

/* Exactly `digits` of them, from `min` to `max`; goes on behind them. */
static bool take_number(const char **at, int digits, int min, int max, int *out)
{
    int value = 0;
    for (int i = 0; i < digits; i++, (*at)++) {
        if (!is_digit(**at))
            return false;
        value = value * 10 + (**at - '0');
    }
    *out = value;
    return value >= min && value <= max;
}

static bool take_date(const char **at, struct tm *tm)
{
    int year, month;
    if (!take_number(at, 4, 1970, 9999, &year) || *(*at)++ != '-' ||
        !take_number(at, 2, 1, 12, &month) || *(*at)++ != '-' ||
        !take_number(at, 2, 1, 31, &tm->tm_mday))
        return false;
    tm->tm_year = year - 1900;
    tm->tm_mon = month - 1;
    return true;
}

static bool take_clock(const char **at, struct tm *tm)
{
    if (!take_number(at, 2, 0, 23, &tm->tm_hour) || *(*at)++ != ':' ||
        !take_number(at, 2, 0, 59, &tm->tm_min))
        return false;
    if (**at != ':')
        return true;
    ++*at;
    if (!take_number(at, 2, 0, 59, &tm->tm_sec))
        return false;
    if (**at == '.' && is_digit((*at)[1]))
        for (++*at; is_digit(**at); ++*at) /* a fraction: Dify lists by the second */
            continue;
    return true;
}

/* "Z", "+09:00", "-0330", or nothing. */
static bool take_offset(const char **at, bool *has_offset, int *offset_s)
{
    int hours, minutes = 0, sign = **at == '-' ? -1 : 1;
    *has_offset = **at != '\0';
    *offset_s = 0;
    if (**at == '\0')
        return true;
    if (**at == 'Z' || **at == 'z') {
        ++*at;
        return true;
    }
    if ((**at != '+' && **at != '-') || (++*at, !take_number(at, 2, 0, 14, &hours)))
        return false;
    if (**at == ':')
        ++*at;
    if (**at != '\0' && !take_number(at, 2, 0, 59, &minutes))
        return false;
    *offset_s = sign * (hours * 3600 + minutes * 60);
    return true;
}

/* Seconds since 1970 of a time in UTC: days of the proleptic Gregorian calendar, years that begin
 * in March. */
static int64_t seconds_of(const struct tm *tm)
{
    int64_t month = (tm->tm_mon + 10) % 12, year = tm->tm_year + 1900 - (tm->tm_mon < 2);
    int64_t days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 +
                   tm->tm_mday - 1 - 719468;
    return days * 86400 + tm->tm_hour * 3600 + tm->tm_min * 60 + tm->tm_sec;
}

/* Whether there is such a day: the 31st of June is none. */
static bool is_day(const struct tm *tm)
{
    struct tm same;
    time_t when = (time_t)seconds_of(tm);
    return gmtime_r(&when, &same) != NULL && same.tm_mday == tm->tm_mday;
}

bool cli_when_read(const char *text, int64_t now_s, int64_t *out_s)
{
    struct tm tm = {.tm_isdst = -1};
    const char *at = text;
    bool has_offset = false;
    int offset_s = 0;
    if (read_ago(text, now_s, out_s))
        return true;
    if (!take_date(&at, &tm) || !is_day(&tm))
        return false;
    if (*at == 'T' || *at == 't' || *at == ' ') {
        at++;
        if (!take_clock(&at, &tm) || !take_offset(&at, &has_offset, &offset_s))
            return false;
    }
    if (*at != '\0')
        return false;
    int64_t when_s = has_offset ? seconds_of(&tm) - offset_s : (int64_t)mktime(&tm);
    if (when_s == -1)
        return false;
    *out_s = when_s;
    return true;
}

bool cli_when_format(int64_t when_s, char out[CLI_WHEN_BYTES])
{
    struct tm tm;
    time_t when = (time_t)when_s;
    return gmtime_r(&when, &tm) != NULL &&
           strftime(out, CLI_WHEN_BYTES, "%Y-%m-%dT%H:%M:%SZ", &tm) != 0;
}
