/* SPDX-License-Identifier: Apache-2.0
 *
 * test_follow_alike.c: several runs of one user with the same inputs, whose answers were lost at
 * the same time. Their requests were the same, so each who looks for his run may take any of
 * theirs: none is taken by two, none that may be somebody else's, none that is older than the
 * request.
 *
 * DIFY_TEST_SEED=n replays what is random; DIFY_RUNS=n sets how many crowds.
 */
#include "kit.h"

#define MOST 10
#define CROWDS 400

/* What becomes of one that asks for a run. */
enum fate {
    NOBODY,
    LOST,    /* carried out, and the answer is lost */
    UNHEARD, /* sent, and never carried out */
    FINE,    /* its stream tells all */
    OTHER    /* not of this client: a run of the same user with the same inputs */
};

struct one {
    enum fate fate;
    uint64_t after_ms;  /* those before it have begun */
    uint64_t queued_ms; /* at Dify */
    const char *inputs, *version;
};

struct crowd {
    struct fake fake;
    struct watched watched[MOST];
    const struct one *one[MOST]; /* whose they are */
    size_t count;
};

static void begin_one(struct crowd *crowd, const struct one *one)
{
    struct fake *fake = &crowd->fake;
    struct dify_order order = plain_order();
    order.user = "ann";
    order.workflow_id = one->version;
    if (one->inputs != NULL)
        order.inputs = (struct dify_slice){one->inputs, strlen(one->inputs)};
    fake_pass(fake, one->after_ms);
    if (one->fate == OTHER) {
        struct text inputs = {NULL, 0, 0};
        text_add(&inputs, order.inputs.ptr, order.inputs.len);
        fake_plan_other(fake, "ann", inputs.ptr, 0);
        text_fini(&inputs);
        return;
    }
    assert_true(crowd->count < MOST);
    if (one->fate != FINE)
        fake_add_fault(fake,
                       FAULT(.what = FAKE_SUBMIT, .nth = (unsigned)crowd->count + 1,
                             .how = one->fate == LOST ? FAKE_RESET_AFTER : FAKE_RESET_BEFORE));
    if (one->fate != UNHEARD)
        fake_plan_small(fake)->queued_ms = one->queued_ms;
    crowd->one[crowd->count] = one;
    begin(&crowd->watched[crowd->count++], fake, &order);
    fake_pass(fake, 500); /* it is sent, and in its turn */
}

static struct fake_run *run_of(struct fake *fake, struct dify_slice id)
{
    for (struct fake_run *run = fake->runs; run != NULL; run = run->next)
        if (id.len == strlen(run->id) && memcmp(id.ptr, run->id, id.len) == 0)
            return run;
    return NULL;
}

/* What holds of all: of one run one follow, with its inputs, and not older than its request. */
static unsigned check_all(struct crowd *crowd)
{
    unsigned found = 0;
    fake_settle(&crowd->fake);
    assert_true(crowd->fake.most_readers <= 1);
    for (size_t i = 0; i < crowd->count; i++) {
        const struct watched *watched = &crowd->watched[i];
        struct dify_result result;
        assert_int_equal(watched->ended, 1);
        dify_run_result(dify_follow_run(watched->follow), &result);
        struct fake_run *run = run_of(&crowd->fake, dify_follow_run_id(watched->follow));
        for (size_t j = 0; j < i && run != NULL; j++)
            assert_ptr_not_equal(run_of(&crowd->fake, dify_follow_run_id(crowd->watched[j].follow)),
                                 run);
        if (run == NULL) {
            assert_code(watched, "run_lost");
            continue;
        }
        assert_same(watched, run);
        assert_string_equal(watched->sent.ptr, run->inputs.ptr);
        assert_true(run->created_s + 2 >= watched->sent_at_s + crowd->fake.skew_s);
        found++;
    }
    return found;
}

static void part(struct crowd *crowd)
{
    for (size_t i = 0; i < crowd->count; i++)
        watched_fini(&crowd->watched[i]);
    fake_fini(&crowd->fake);
}

#define JUICE "{\"topic\":\"juice\"}"
#define COFFEE "{\"topic\":\"coffee\"}"

static const struct {
    const char *name;
    unsigned found; /* the others end as run_lost */
    struct one one[MOST];
} rows[] = {
    {"one", 1, {{LOST, 0, 0, NULL, NULL}}},
    {"three at once",
     3,
     {{LOST, 0, 0, NULL, NULL}, {LOST, 0, 0, NULL, NULL}, {LOST, 0, 0, NULL, NULL}}},
    {"two of three wait for a worker",
     3,
     {{LOST, 0, 100000, NULL, NULL}, {LOST, 0, 0, NULL, NULL}, {LOST, 0, 30000, NULL, NULL}}},
    {"minutes between",
     3,
     {{LOST, 0, 0, NULL, NULL}, {LOST, 90000, 0, NULL, NULL}, {LOST, 90000, 5000, NULL, NULL}}},
    {"one was never carried out",
     2,
     {{LOST, 0, 0, NULL, NULL}, {UNHEARD, 0, 0, NULL, NULL}, {LOST, 0, 9000, NULL, NULL}}},
    {"none was", 0, {{UNHEARD, 0, 0, NULL, NULL}, {UNHEARD, 0, 0, NULL, NULL}}},
    /* the one has it that looks first */
    {"only the later one was", 1, {{UNHEARD, 0, 0, NULL, NULL}, {LOST, 10000, 0, NULL, NULL}}},
    {"only the earlier one was", 1, {{LOST, 0, 0, NULL, NULL}, {UNHEARD, 10000, 0, NULL, NULL}}},
    {"somebody's stands alone", 1, {{UNHEARD, 0, 0, NULL, NULL}, {OTHER, 0, 0, NULL, NULL}}},
    {"one, and somebody's", 0, {{LOST, 0, 100, NULL, NULL}, {OTHER, 0, 0, NULL, NULL}}},
    {"two, and somebody's",
     0,
     {{OTHER, 0, 0, NULL, NULL}, {LOST, 0, 0, NULL, NULL}, {LOST, 0, 0, NULL, NULL}}},
    {"two, and somebody's from before",
     2,
     {{OTHER, 0, 0, NULL, NULL}, {LOST, 9000, 0, NULL, NULL}, {LOST, 0, 0, NULL, NULL}}},
    /* two runs for the first alone: the second's would have been later */
    {"too many for the earlier one",
     0,
     {{OTHER, 0, 0, NULL, NULL}, {LOST, 0, 0, NULL, NULL}, {UNHEARD, 10000, 0, NULL, NULL}}},
    /* but the later one's is certain */
    {"too many for the earlier one alone",
     1,
     {{OTHER, 0, 0, NULL, NULL}, {LOST, 0, 0, NULL, NULL}, {LOST, 10000, 30000, NULL, NULL}}},
    /* whose stream has yet to tell which is its own */
    {"one is heard, and waits", 2, {{LOST, 0, 0, NULL, NULL}, {FINE, 0, 50000, NULL, NULL}}},
    {"one is heard",
     3,
     {{LOST, 0, 0, NULL, NULL}, {FINE, 0, 0, NULL, NULL}, {LOST, 0, 0, NULL, NULL}}},
    {"other inputs",
     3,
     {{LOST, 0, 0, NULL, NULL}, {LOST, 0, 0, JUICE, NULL}, {LOST, 0, 0, COFFEE, NULL}}},
    {"other inputs, twice",
     4,
     {{LOST, 0, 0, NULL, NULL},
      {LOST, 0, 0, JUICE, NULL},
      {LOST, 0, 0, NULL, NULL},
      {LOST, 0, 0, JUICE, NULL}}},
    /* two versions of a workflow are two requests, and the logs do not tell which is whose */
    {"two versions", 0, {{LOST, 0, 9000, NULL, NULL}, {LOST, 0, 9000, NULL, "v2"}}},
    {"one version, twice", 2, {{LOST, 0, 0, NULL, "v2"}, {LOST, 0, 0, NULL, "v2"}}},
};

static void test_table(void **state)
{
    static const char *const releases[] = {"1.12.1", "1.14.2", "1.16.1"};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows) * COUNT_OF(releases); i++) {
        struct crowd crowd = {.count = 0};
        size_t row = i / COUNT_OF(releases);
        fake_init(&crowd.fake, releases[i % COUNT_OF(releases)], i);
        crowd.fake.skew_s = (int64_t)(i % 5) - 2;
        for (const struct one *one = rows[row].one; one->fate != NOBODY; one++)
            begin_one(&crowd, one);
        unsigned found = check_all(&crowd);
        if (found != rows[row].found)
            fail_msg("%s, %s: %u found", rows[row].name, crowd.fake.release, found);
        part(&crowd);
    }
}

/* ---- at random ----------------------------------------------------------------------------- */

struct random_state {
    struct seeded seeded; /* the first member */
    unsigned follows, found;
};

static void run_crowd(struct random_state *random, uint64_t seed)
{
    static const enum fate fates[] = {LOST, LOST, LOST, LOST, FINE, UNHEARD, OTHER};
    static const char *const inputs[] = {NULL, NULL, JUICE};
    struct crowd crowd = {.count = 0};
    struct one one[MOST];
    fake_init(&crowd.fake, seed % 2 == 0 ? "1.14.2" : "1.12.1", seed);
    crowd.fake.latency_ms = 1 + fake_random(&crowd.fake, 40);
    /* without strangers and with every request carried out all are found */
    size_t kinds = fake_random(&crowd.fake, 2) == 0 ? 5 : COUNT_OF(fates);
    size_t count = 2 + fake_random(&crowd.fake, MOST - 1);
    for (size_t i = 0; i < count; i++) {
        one[i] =
            (struct one){.fate = fates[fake_random(&crowd.fake, kinds)],
                         .after_ms = fake_random(&crowd.fake, 2) * fake_random(&crowd.fake, 20000),
                         .queued_ms = fake_random(&crowd.fake, 30000),
                         .inputs = inputs[fake_random(&crowd.fake, COUNT_OF(inputs))]};
        begin_one(&crowd, &one[i]);
    }
    unsigned found = check_all(&crowd);
    random->follows += (unsigned)crowd.count;
    random->found += found;
    if (kinds == 5)
        assert_int_equal(found, crowd.count);
    part(&crowd);
}

static void test_crowds(void **state)
{
    struct random_state *random = *state;
    const char *given = getenv("DIFY_RUNS");
    uint64_t crowds = given != NULL ? strtoull(given, NULL, 10) : CROWDS;
    for (random->seeded.at = 0; random->seeded.at < crowds; random->seeded.at++)
        run_crowd(random, random->seeded.seed + random->seeded.at);
    random->seeded.is_done = true;
    print_message("%u follows, %u found their runs\n", random->follows, random->found);
}

int main(void)
{
    struct random_state random = {.seeded.seed = test_seed()};
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test_prestate_setup_teardown(test_crowds, NULL, seeded_tell, &random),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
