/* SPDX-License-Identifier: Apache-2.0
 *
 * units.c: see units.h.
 */
#include "conf/units.h"

#include "core/slices.h"

#include <stdio.h>

/* A unit in terms of the smallest one. Those that are written, the largest first, come first. */
struct unit {
    const char *name;
    uint64_t size;
};

static const struct unit times[] = {{"d", 86400000}, {"h", 3600000}, {"m", 60000},
                                    {"s", 1000},     {"ms", 1},      {"", 1000}};
#define WRITTEN_TIMES 5

static const struct unit sizes[] = {{"TiB", 1099511627776},
                                    {"GiB", 1073741824},
                                    {"MiB", 1048576},
                                    {"KiB", 1024},
                                    {"", 1},
                                    {"B", 1},
                                    {"kB", 1000},
                                    {"KB", 1000},
                                    {"MB", 1000000},
                                    {"GB", 1000000000},
                                    {"TB", 1000000000000}};
#define WRITTEN_SIZES 5

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* The number at the front in thousandths; its length, 0 if there is none or it is too large. */
static size_t read_thousandths(struct dify_slice text, uint64_t *out)
{
    uint64_t value = 0;
    size_t i = 0, decimals = 0;
    for (; i < text.len && is_digit(text.ptr[i]); i++) {
        value = value * 10 + (uint64_t)(text.ptr[i] - '0');
        if (value > UINT64_MAX / 100000)
            return 0;
    }
    if (i == 0)
        return 0;
    if (i < text.len && text.ptr[i] == '.') {
        for (i++; i < text.len && is_digit(text.ptr[i]) && decimals < 3; i++, decimals++)
            value = value * 10 + (uint64_t)(text.ptr[i] - '0');
        if (decimals == 0)
            return 0;
    }
    for (; decimals < 3; decimals++)
        value *= 10;
    *out = value;
    return i;
}

static bool read_units(struct dify_slice text, const struct unit *units, size_t count,
                       uint64_t *out)
{
    uint64_t thousandths = 0;
    size_t len = read_thousandths(text, &thousandths);
    if (len == 0)
        return false;
    if (len + 1 < text.len && text.ptr[len] == ' ')
        len++;
    struct dify_slice name = {text.ptr + len, text.len - len};
    for (size_t i = 0; i < count; i++) {
        if (!dify__slice_is(name, units[i].name))
            continue;
        uint64_t whole = thousandths / 1000, part = thousandths % 1000;
        if (whole > (UINT64_MAX >> 1) / units[i].size)
            return false;
        *out = whole * units[i].size + part * units[i].size / 1000;
        return true;
    }
    return false;
}

static void write_units(uint64_t value, const struct unit *units, size_t count,
                        char out[CONF_UNIT_BYTES])
{
    size_t i = 0;
    while (i + 1 < count && value % units[i].size != 0)
        i++;
    snprintf(out, CONF_UNIT_BYTES, "%llu%s", (unsigned long long)(value / units[i].size),
             value != 0 ? units[i].name : "");
}

bool conf_duration(struct dify_slice text, uint64_t *out_ms)
{
    return read_units(text, times, sizeof times / sizeof times[0], out_ms);
}

bool conf_size(struct dify_slice text, uint64_t *out)
{
    return read_units(text, sizes, sizeof sizes / sizeof sizes[0], out);
}

void conf_duration_text(uint64_t ms, char out[CONF_UNIT_BYTES])
{
    write_units(ms, times, WRITTEN_TIMES, out);
}

void conf_size_text(uint64_t bytes, char out[CONF_UNIT_BYTES])
{
    write_units(bytes, sizes, WRITTEN_SIZES, out);
}
