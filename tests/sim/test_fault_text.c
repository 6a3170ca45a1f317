/* SPDX-License-Identifier: Apache-2.0
 *
 * test_fault_text.c: reading a fault's text, and which requests the faults can meet.
 */
#include "../unit/support.h"

#include "sim/faults.h"

#define ALL UINT64_MAX

struct good {
    const char *text;
    enum sim_fault_kind kind;
    bool has_value;
    int64_t value;
    double probability;
    uint64_t skip, times;
};

static const struct good goods[] = {
    {"lost-finish", SIM_FAULT_LOST_FINISH, false, 1, 1, 0, ALL},
    {"reset-after-events=3", SIM_FAULT_RESET_AFTER_EVENTS, true, 3, 1, 0, ALL},
    {"reset-after-bytes=0", SIM_FAULT_RESET_AFTER_BYTES, true, 0, 1, 0, ALL},
    {"reset-after-bytes=3155760000", SIM_FAULT_RESET_AFTER_BYTES, true, 3155760000, 1, 0, ALL},
    {"cut-in-character", SIM_FAULT_CUT_IN_CHARACTER, false, 0, 1, 0, ALL},
    {"cut-in-character=2", SIM_FAULT_CUT_IN_CHARACTER, true, 2, 1, 0, ALL},
    {"bad-json", SIM_FAULT_BAD_JSON, false, 1, 1, 0, ALL},
    {"dead-worker", SIM_FAULT_DEAD_WORKER, false, 1, 1, 0, ALL},
    {"429", SIM_FAULT_TOO_MANY_REQUESTS, false, 1, 1, 0, ALL},
    {"429=60", SIM_FAULT_TOO_MANY_REQUESTS, true, 60, 1, 0, ALL},
    {"clock-skew=-3600", SIM_FAULT_CLOCK_SKEW, true, -3600, 1, 0, ALL},
    {"clock-skew=5", SIM_FAULT_CLOCK_SKEW, true, 5, 1, 0, ALL},
    {"lost-finish,p=0.25", SIM_FAULT_LOST_FINISH, false, 1, 0.25, 0, ALL},
    {"lost-finish,p=.5", SIM_FAULT_LOST_FINISH, false, 1, 0.5, 0, ALL},
    {"lost-finish,p=1", SIM_FAULT_LOST_FINISH, false, 1, 1, 0, ALL},
    {"lost-finish,p=1.000", SIM_FAULT_LOST_FINISH, false, 1, 1, 0, ALL},
    {"lost-finish,p=0", SIM_FAULT_LOST_FINISH, false, 1, 0, 0, ALL},
    {"lost-finish,times=2", SIM_FAULT_LOST_FINISH, false, 1, 1, 0, 2},
    {"lost-finish,times=0", SIM_FAULT_LOST_FINISH, false, 1, 1, 0, 0},
    {"lost-finish,skip=7", SIM_FAULT_LOST_FINISH, false, 1, 1, 7, ALL},
    {"queued=1,skip=7,p=0.5,times=3", SIM_FAULT_QUEUED, true, 1, 0.5, 7, 3},
    {"queued=1,skip=7,skip=8", SIM_FAULT_QUEUED, true, 1, 1, 8, ALL}, /* the last word counts */
};

static void test_what_can_be_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(goods); i++) {
        const struct good *good = &goods[i];
        struct sim_fault fault;
        char why[160] = "";
        if (!sim_fault_parse(slice_of(good->text), &fault, why, sizeof why))
            fail_msg("%s: %s", good->text, why);
        if (fault.kind != good->kind || fault.has_value != good->has_value ||
            fault.value != good->value || fault.skip != good->skip || fault.times != good->times ||
            fault.probability < good->probability - 1e-12 ||
            fault.probability > good->probability + 1e-12)
            fail_msg("%s was read as another fault", good->text);
    }
}

struct bad {
    const char *text, *why;
};

static const struct bad bads[] = {
    {"", "there is no fault named ''"},
    {"nothing", "there is no fault named 'nothing'"},
    {" lost-finish", "there is no fault named ' lost-finish'"},
    {"Lost-finish", "there is no fault named 'Lost-finish'"},
    {"lost-finis", "there is no fault named 'lost-finis'"},
    {"lost-finish2", "there is no fault named 'lost-finish2'"},
    {"=3", "there is no fault named ''"},
    {",p=1", "there is no fault named ''"},
    {"lost-finish=1", "lost-finish takes no value"},
    {"lost-finish=", "lost-finish takes no value"},
    {"queued", "queued needs a value: =N"},
    {"queued,p=1", "queued needs a value: =N"},
    {"queued=", "queued: the value must be a whole number, at most 3155760000"},
    {"queued=-1", "queued: the value must be a whole number, at most 3155760000"},
    {"queued=1.5", "queued: the value must be a whole number, at most 3155760000"},
    {"queued=1 ", "queued: the value must be a whole number, at most 3155760000"},
    {"queued=3155760001", "queued: the value must be a whole number, at most 3155760000"},
    {"queued=18446744073709551616", "queued: the value must be a whole number, at most 3155760000"},
    {"clock-skew=9223372036854775808",
     "clock-skew: the value must be a whole number, at most 3155760000"},
    {"clock-skew=-3155760001", "clock-skew: the value must be a whole number, at most 3155760000"},
    {"clock-skew=--1", "clock-skew: the value must be a whole number, at most 3155760000"},
    {"clock-skew=-", "clock-skew: the value must be a whole number, at most 3155760000"},
    {"lost-finish,p=1.1",
     "'p' is none of p=0…1, times=N, skip=N, and on=KIND of a request that it can meet"},
    {"lost-finish,p=2", "'p' is none of"},
    {"lost-finish,p=", "'p' is none of"},
    {"lost-finish,p", "'p' is none of"},
    {"lost-finish,p=.", "'p' is none of"},
    {"lost-finish,p=-1", "'p' is none of"},
    {"lost-finish,p=1e-1", "'p' is none of"},
    {"lost-finish,p=0.1234567891", "'p' is none of"},
    {"lost-finish,times", "'times' is none of"},
    {"lost-finish,times=", "'times' is none of"},
    {"lost-finish,times=-1", "'times' is none of"},
    {"lost-finish,skip=x", "'skip' is none of"},
    {"lost-finish,often=1", "'often' is none of"},
    {"lost-finish,on", "'on' is none of"},
    {"lost-finish,on=", "'on' is none of"},
    {"lost-finish,on=Run", "'on' is none of"},
    {"lost-finish,on=detail", "'on' is none of"},
    {"reset-anywhere=3,on=upload", "'on' is none of"},
    {"401,on=other", "'on' is none of"},
    {"queued=1,on=events", "'on' is none of"},
    {"clock-skew=1,on=run", "'on' is none of"},
    {"lost-finish,", "'' is none of"},
    {"lost-finish,p=1,", "'' is none of"},
};

static void test_what_cannot_be_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(bads); i++) {
        struct sim_fault fault = {.kind = SIM_FAULT_QUEUED, .value = 77};
        char why[160] = "";
        if (sim_fault_parse(slice_of(bads[i].text), &fault, why, sizeof why))
            fail_msg("'%s' was read", bads[i].text);
        if (strncmp(why, bads[i].why, strlen(bads[i].why)) != 0)
            fail_msg("'%s': %s", bads[i].text, why);
        assert_int_equal(fault.kind, SIM_FAULT_QUEUED); /* untouched */
        assert_int_equal(fault.value, 77);
    }
}

/* A reason that has no place is cut, and stays a string. */
static void test_the_reason_fits_its_place(void **state)
{
    (void)state;
    for (size_t size = 1; size < 60; size++) {
        struct sim_fault fault;
        char *why = malloc(size);
        assert_non_null(why);
        memset(why, 'x', size);
        assert_false(sim_fault_parse(slice_of("a-fault-that-is-not-there"), &fault, why, size));
        assert_non_null(memchr(why, '\0', size));
        free(why);
    }
}

static bool meets(enum sim_fault_kind kind, enum sim_fault_place place)
{
    const struct sim_fault fault = {.kind = kind};
    return sim_fault_meets(&fault, place);
}

static void test_names_and_places(void **state)
{
    (void)state;
    for (int kind = SIM_FAULT_NONE + 1; kind < SIM_FAULT_KINDS; kind++) {
        enum sim_fault_kind as_kind = (enum sim_fault_kind)kind;
        const char *name = sim_fault_name(as_kind);
        char text[64], why[160];
        struct sim_fault fault;
        assert_non_null(name);
        assert_non_null(sim_fault_help(as_kind));
        snprintf(text, sizeof text, "%s=1", name);
        if (!sim_fault_parse(slice_of(name), &fault, why, sizeof why))
            assert_true(sim_fault_parse(slice_of(text), &fault, why, sizeof why));
        assert_int_equal(fault.kind, kind);
        if (kind <= SIM_FAULT_PINGS_ONLY) /* of streams */
            assert_true(meets(as_kind, SIM_PLACE_RUN) && meets(as_kind, SIM_PLACE_EVENTS));
        bool is_of_any = as_kind == SIM_FAULT_UNAUTHORIZED || as_kind == SIM_FAULT_INTERNAL ||
                         as_kind == SIM_FAULT_RESET_KEPT_ALIVE || as_kind == SIM_FAULT_RESET ||
                         as_kind == SIM_FAULT_SLOW;
        for (int place = SIM_PLACE_LOGS; place < SIM_PLACES; place++)
            assert_int_equal(meets(as_kind, (enum sim_fault_place)place), is_of_any);
        assert_int_equal(meets(as_kind, SIM_PLACE_DETAIL),
                         is_of_any || as_kind == SIM_FAULT_SLOW_DETAIL);
    }
    assert_null(sim_fault_name(SIM_FAULT_NONE));
    assert_false(meets(SIM_FAULT_NONE, SIM_PLACE_RUN));
}

static const struct {
    const char *name;
    enum sim_fault_place place;
} places[] = {
    {"run", SIM_PLACE_RUN},   {"events", SIM_PLACE_EVENTS}, {"detail", SIM_PLACE_DETAIL},
    {"logs", SIM_PLACE_LOGS}, {"upload", SIM_PLACE_UPLOAD}, {"parameters", SIM_PLACE_PARAMETERS},
    {"info", SIM_PLACE_INFO}, {"meta", SIM_PLACE_META},     {"site", SIM_PLACE_SITE},
    {"stop", SIM_PLACE_STOP}, {"form", SIM_PLACE_FORM},     {"feedback", SIM_PLACE_FEEDBACK}};

/* Sent to one kind of request, a fault meets no other. */
static void test_places_by_name(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(places); i++) {
        char text[64], why[160];
        struct sim_fault fault;
        snprintf(text, sizeof text, "proxy-502,on=%s,times=3", places[i].name);
        assert_true(sim_fault_parse(slice_of(text), &fault, why, sizeof why));
        assert_int_equal(fault.times, 3);
        for (int place = 0; place < SIM_PLACES; place++)
            assert_int_equal(sim_fault_meets(&fault, (enum sim_fault_place)place),
                             place == (int)places[i].place);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_can_be_read),
        cmocka_unit_test(test_what_cannot_be_read),
        cmocka_unit_test(test_the_reason_fits_its_place),
        cmocka_unit_test(test_names_and_places),
        cmocka_unit_test(test_places_by_name),
    };
    return cmocka_run_group_tests_name("sim fault text", tests, NULL, NULL);
}
