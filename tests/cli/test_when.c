/* SPDX-License-Identifier: Apache-2.0
 *
 * test_when.c: moments as people give them.
 */
#include "kit.h"

#include "cli/when.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NOW 1785542400 /* 2026-08-01T00:00:00Z */

static void set_zone(const char *zone)
{
    assert_int_equal(setenv("TZ", zone, 1), 0);
    tzset();
}

static void expect(const char *text, int64_t when_s)
{
    int64_t got = 1;
    if (!cli_when_read(text, NOW, &got))
        fail_msg("'%s' was refused", text);
    if (got != when_s)
        fail_msg("'%s' is %lld, not %lld", text, (long long)got, (long long)when_s);
}

static void test_ago(void **state)
{
    (void)state;
    expect("0s", NOW);
    expect("90s", NOW - 90);
    expect("5m", NOW - 300);
    expect("2h", NOW - 7200);
    expect("3d", NOW - 3 * 86400);
    expect("1w", NOW - 7 * 86400);
    expect("5200w", NOW - 5200LL * 7 * 86400);
}

static void test_dates(void **state)
{
    (void)state;
    set_zone("UTC0");
    expect("2026-08-01", NOW);
    expect("2024-02-29", 1709164800);
    expect("1970-01-02", 86400);
    set_zone("JST-9");
    expect("2026-08-01", NOW - 9 * 3600);
    expect("2026-08-01T00:30", NOW - 9 * 3600 + 1800);
    expect("2026-08-01 00:00:07", NOW - 9 * 3600 + 7);
    expect("2026-08-01T00:00:07.999", NOW - 9 * 3600 + 7);
}

static void test_offsets(void **state)
{
    (void)state;
    set_zone("JST-9");
    expect("2026-08-01T00:00Z", NOW);
    expect("2026-08-01t00:00:00.5z", NOW);
    expect("2026-08-01T02:00+02:00", NOW);
    expect("2026-08-01T02:00:00+02", NOW);
    expect("2026-07-31T20:30-0330", NOW);
    expect("2000-03-01T00:00Z", 951868800);
    expect("2000-02-29T23:59:59Z", 951868799);
}

static void test_summer_time(void **state)
{
    (void)state;
    set_zone("CET-1CEST,M3.5.0,M10.5.0/3");
    expect("2026-08-01", NOW - 2 * 3600);
    expect("2026-01-01", 1767225600 - 3600);
}

static void test_what_is_none(void **state)
{
    static const char *const texts[] = {"",
                                        "now",
                                        "h",
                                        "2",
                                        "2y",
                                        "2hh",
                                        "-2h",
                                        "2h ",
                                        "1.5h",
                                        "2026",
                                        "2026-08",
                                        "2026-8-1",
                                        "2026-13-01",
                                        "2026-00-01",
                                        "2026-06-31",
                                        "2026-02-29",
                                        "2026-08-00",
                                        "1969-12-31",
                                        "99999d",
                                        "99999999999999999999s",
                                        "2026-08-01T",
                                        "2026-08-01T1",
                                        "2026-08-01T24:00",
                                        "2026-08-01T10:60",
                                        "2026-08-01T10:00:60",
                                        "2026-08-01T10:00:",
                                        "2026-08-01T10:00+",
                                        "2026-08-01T10:00+15:00",
                                        "2026-08-01T10:00+02:0",
                                        "2026-08-01T10:00Zx",
                                        "2026-08-01Z",
                                        "2026-08-01T10:00:00.",
                                        "2026/08/01",
                                        "01.08.2026",
                                        "2026-08-01x"};
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        int64_t when_s = 7;
        if (cli_when_read(texts[i], NOW, &when_s))
            fail_msg("'%s' was taken", texts[i]);
        assert_int_equal(when_s, 7);
    }
}

static void test_format(void **state)
{
    char text[CLI_WHEN_BYTES];
    (void)state;
    set_zone("JST-9");
    assert_true(cli_when_format(NOW, text));
    assert_string_equal(text, "2026-08-01T00:00:00Z");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ago),          cmocka_unit_test(test_dates),
        cmocka_unit_test(test_offsets),      cmocka_unit_test(test_summer_time),
        cmocka_unit_test(test_what_is_none), cmocka_unit_test(test_format),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
