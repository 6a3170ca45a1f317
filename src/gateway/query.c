/* SPDX-License-Identifier: Apache-2.0
 *
 * query.c: see query.h.
 */
#include "gateway/query.h"

#include "core/json_text.h"
#include "core/slices.h"
#include "core/utf8.h"
#include "gateway/out.h"
#include "gateway/reply.h"
#include "http/uri.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- the query ----------------------------------------------------------------------------- */

void gw_query_wrong(struct gw_query *query, const char *name, const char *what)
{
    size_t len = strlen(query->wrong);
    snprintf(query->wrong + len, sizeof query->wrong - len, "%s%s %s", len > 0 ? "; " : "", name,
             what);
}

/* Takes a parameter of which the name is known. */
static void take(struct gw_query *query, struct gw_param *param, struct dify_slice value)
{
    if (param->is_seen)
        gw_query_wrong(query, param->name, "is given twice");
    else if (value.len >= GW_NAME_BYTES)
        gw_query_wrong(query, param->name, "is too long");
    else if (memchr(value.ptr, '\0', value.len) != NULL ||
             dify__utf8_valid_length(value) != value.len)
        gw_query_wrong(query, param->name, "is no UTF-8 text");
    else if (value.len > 0)
        param->value = value;
    param->is_seen = true;
}

bool gw_query_read(struct gw_query *query, struct http_exchange *exchange)
{
    struct dify_slice text = http_exchange_request(exchange)->query;
    struct http_query each = http_query(text);
    query->wrong[0] = '\0';
    query->texts = malloc(text.len + 1);
    if (query->texts == NULL) {
        gw_out_of_memory(exchange);
        return false;
    }
    char *to = query->texts;
    while (http_query_next(&each)) {
        struct dify_slice name = {to, http_uri_decode(each.name, true, to)};
        for (size_t i = 0; i < query->count; i++) {
            if (!dify__slice_is(name, query->params[i].name))
                continue;
            struct dify_slice value = {to, http_uri_decode(each.value, true, to)};
            take(query, &query->params[i], value);
            to += value.len;
            break;
        }
    }
    return true;
}

void gw_query_fini(struct gw_query *query)
{
    free(query->texts);
}

bool gw_query_refuse(struct gw_query *query, struct http_exchange *exchange)
{
    if (query->wrong[0] == '\0')
        return false;
    gw_reply_error(exchange, 400, "invalid_param", query->wrong, NULL);
    return true;
}

void gw_query_number(struct gw_query *query, const struct gw_param *param, uint64_t least,
                     uint64_t most, uint64_t *out)
{
    char what[80];
    uint64_t value;
    if (param->value.ptr == NULL)
        return;
    if (dify__parse_uint(param->value, &value) && value >= least && value <= most) {
        *out = value;
        return;
    }
    snprintf(what, sizeof what, "is a number from %llu to %llu", (unsigned long long)least,
             (unsigned long long)most);
    gw_query_wrong(query, param->name, what);
}

void gw_query_time(struct gw_query *query, const struct gw_param *param, uint64_t *out_ms)
{
    if (param->value.ptr != NULL && !gw_read_time(param->value, out_ms))
        gw_query_wrong(query, param->name, "is a time as 2026-08-01T05:30:00Z, or Unix seconds");
}

/* ---- times --------------------------------------------------------------------------------- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Exactly so many digits. */
static bool take_digits(struct dify_slice *rest, size_t count, unsigned *out)
{
    if (rest->len < count)
        return false;
    *out = 0;
    for (size_t i = 0; i < count; i++) {
        if (!is_digit(rest->ptr[i]))
            return false;
        *out = *out * 10 + (unsigned)(rest->ptr[i] - '0');
    }
    *rest = (struct dify_slice){rest->ptr + count, rest->len - count};
    return true;
}

static bool take_char(struct dify_slice *rest, const char *any)
{
    if (rest->len == 0 || strchr(any, rest->ptr[0]) == NULL)
        return false;
    *rest = (struct dify_slice){rest->ptr + 1, rest->len - 1};
    return true;
}

/* ".5" as milliseconds; what is finer is dropped. */
static bool take_fraction(struct dify_slice *rest, unsigned *ms)
{
    unsigned scale = 100;
    *ms = 0;
    if (!take_char(rest, "."))
        return true;
    if (rest->len == 0 || !is_digit(rest->ptr[0]))
        return false;
    for (; rest->len > 0 && is_digit(rest->ptr[0]); scale /= 10) {
        *ms += scale * (unsigned)(rest->ptr[0] - '0');
        *rest = (struct dify_slice){rest->ptr + 1, rest->len - 1};
    }
    return true;
}

/* Days since 1970 of a day of the Gregorian calendar; false if there is none such. */
static bool days_of(unsigned year, unsigned month, unsigned day, int64_t *out)
{
    static const unsigned char lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    if (month < 1 || month > 12 || day < 1 ||
        day > lengths[month - 1] + (unsigned)(is_leap && month == 2))
        return false;
    int64_t march = ((int64_t)month + 9) % 12, years = (int64_t)year - (month < 3);
    *out = 365 * years + years / 4 - years / 100 + years / 400 + (153 * march + 2) / 5 +
           (int64_t)day - 1 - 719468;
    return true;
}

static bool read_date_time(struct dify_slice rest, uint64_t *out_ms)
{
    unsigned year, month, day, hour, minute, second, ms, off_hour = 0, off_minute = 0;
    int64_t days;
    if (!take_digits(&rest, 4, &year) || !take_char(&rest, "-") || !take_digits(&rest, 2, &month) ||
        !take_char(&rest, "-") || !take_digits(&rest, 2, &day) || !take_char(&rest, "Tt ") ||
        !take_digits(&rest, 2, &hour) || !take_char(&rest, ":") ||
        !take_digits(&rest, 2, &minute) || !take_char(&rest, ":") ||
        !take_digits(&rest, 2, &second) || !take_fraction(&rest, &ms))
        return false;
    bool is_west = rest.len > 0 && rest.ptr[0] == '-';
    if (!take_char(&rest, "Zz") && (!take_char(&rest, "+-") || !take_digits(&rest, 2, &off_hour) ||
                                    !take_char(&rest, ":") || !take_digits(&rest, 2, &off_minute)))
        return false;
    if (rest.len != 0 || hour > 23 || minute > 59 || second > 60 || off_hour > 23 ||
        off_minute > 59 || !days_of(year, month, day, &days))
        return false;
    int64_t offset_s = (int64_t)off_hour * 3600 + off_minute * 60;
    int64_t at_s = days * 86400 + hour * 3600 + minute * 60 + second;
    at_s += is_west ? offset_s : -offset_s;
    *out_ms = at_s < 0 ? 0 : (uint64_t)at_s * 1000 + ms;
    return true;
}

/* Unix seconds, up to the year 9999. */
static bool read_seconds(struct dify_slice rest, uint64_t *out_ms)
{
    const char *point = memchr(rest.ptr, '.', rest.len);
    size_t len = point != NULL ? (size_t)(point - rest.ptr) : rest.len;
    struct dify_slice fraction = {rest.ptr + len, rest.len - len};
    uint64_t seconds;
    unsigned ms;
    if (!dify__parse_uint((struct dify_slice){rest.ptr, len}, &seconds) ||
        seconds > UINT64_C(253402300799) || !take_fraction(&fraction, &ms) || fraction.len != 0)
        return false;
    *out_ms = seconds * 1000 + ms;
    return true;
}

bool gw_read_time(struct dify_slice text, uint64_t *out_ms)
{
    return text.len > 0 && (read_seconds(text, out_ms) || read_date_time(text, out_ms));
}
