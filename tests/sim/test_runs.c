/* SPDX-License-Identifier: Apache-2.0
 *
 * test_ceilings.c: what a simulator remembers, at its ceilings and one past them. The parts are
 * used from within: no request is needed to start a run.
 */
#include "../unit/support.h"
#include "core/slices.h"
#include "sim/run.h"
#include "sim/stream.h"

static const char scenario[] = "apps:\n"
                               "  - name: quick\n"
                               "    runs:\n"
                               "      - nodes: [start, {type: end, outputs: {a: 1}}]\n"
                               "  - name: waits\n"
                               "    runs:\n"
                               "      - nodes: [{type: start, seconds: 100000}]\n";

struct stage {
    uv_loop_t loop;
    struct meter meter;
    struct sim_catalogue catalogue;
    struct sim *sim;
};

static void set_up(struct stage *stage, double speed, const struct sim_fault *faults,
                   size_t fault_count, enum dify_err expected)
{
    struct sim_load_error error;
    assert_int_equal(uv_loop_init(&stage->loop), 0);
    meter_init(&stage->meter);
    sim_catalogue_init(&stage->catalogue, NULL);
    assert_int_equal(
        sim_catalogue_load_text(&stage->catalogue, "test", dify__slice(scenario), &error), DIFY_OK);
    struct sim_options options = {.allocator = &stage->meter.allocator,
                                  .catalogue = &stage->catalogue,
                                  .release = SIM_1_14_2,
                                  .speed = speed,
                                  .seed = 1,
                                  .faults = faults,
                                  .fault_count = fault_count};
    stage->sim = NULL;
    assert_int_equal(sim_new(&stage->loop, &options, &stage->sim), expected);
}

static void tear_down(struct stage *stage)
{
    if (stage->sim != NULL)
        sim_close(stage->sim, NULL, NULL);
    uv_run(&stage->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&stage->loop), 0);
    sim_catalogue_fini(&stage->catalogue);
    assert_meter_empty(&stage->meter);
}

static struct sim_run *start(struct stage *stage, size_t app, const char *inputs)
{
    struct sim_order order = {.app = &stage->catalogue.apps[app],
                              .user = DIFY_SLICE("u"),
                              .given = dify__slice(inputs),
                              .prepared = DIFY_SLICE("{}"),
                              .dies_after = UINT64_MAX};
    struct sim_run *run = NULL;
    assert_int_equal(sim_run_new(stage->sim, &order, &run), DIFY_OK);
    sim_count_start(stage->sim, order.app, order.user, order.given);
    return run;
}

static void test_the_oldest_ended_run_is_forgotten(void **state)
{
    (void)state;
    struct stage stage;
    char first[37], second[37];
    set_up(&stage, 0, NULL, 0, DIFY_OK);
    memcpy(first, start(&stage, 0, "{}")->bindings.run, 37);
    memcpy(second, start(&stage, 0, "{}")->bindings.run, 37);
    for (size_t i = 2; i < SIM_RUNS; i++)
        start(&stage, 0, "{}");
    while (stage.sim->newest->state != SIM_RUN_ENDED || stage.sim->clock.alarms.count > 0)
        uv_run(&stage.loop, UV_RUN_ONCE);
    assert_int_equal(stage.sim->run_count, SIM_RUNS);
    assert_non_null(dify__index_get(&stage.sim->runs_by_id, dify__slice(first)));

    start(&stage, 0, "{}");
    assert_int_equal(stage.sim->run_count, SIM_RUNS);
    assert_null(dify__index_get(&stage.sim->runs_by_id, dify__slice(first)));
    assert_non_null(dify__index_get(&stage.sim->runs_by_id, dify__slice(second)));
    tear_down(&stage);
}

static void test_a_run_under_way_is_not_forgotten(void **state)
{
    (void)state;
    struct stage stage;
    set_up(&stage, 1, NULL, 0, DIFY_OK);
    struct sim_run *oldest = start(&stage, 1, "{}");
    for (size_t i = 1; i < SIM_RUNS; i++)
        start(&stage, 1, "{}");
    start(&stage, 1, "{}");
    assert_int_equal(stage.sim->run_count, SIM_RUNS + 1);
    assert_ptr_equal(stage.sim->oldest, oldest);
    tear_down(&stage);
}

/* A run that is refused is over when it begins: it may not forget itself. */
static void test_a_refused_run_is_there_among_runs_under_way(void **state)
{
    (void)state;
    struct stage stage;
    set_up(&stage, 1, NULL, 0, DIFY_OK);
    for (size_t i = 0; i < SIM_RUNS; i++)
        start(&stage, 1, "{}");
    struct sim_order order = {.app = &stage.catalogue.apps[0],
                              .user = DIFY_SLICE("u"),
                              .given = DIFY_SLICE("{}"),
                              .prepared = DIFY_SLICE("{}"),
                              .dies_after = UINT64_MAX,
                              .never_starts = true};
    struct sim_run *run = NULL;
    assert_int_equal(sim_run_new(stage.sim, &order, &run), DIFY_OK);
    assert_ptr_equal(stage.sim->newest, run);
    assert_int_equal(stage.sim->run_count, SIM_RUNS + 1);
    start(&stage, 1, "{}"); /* now it is the one that goes */
    assert_int_equal(stage.sim->run_count, SIM_RUNS + 1);
    tear_down(&stage);
}

/* Runs that are over are kept by their size, too: at the ceiling all stay, past it the oldest go.
 */
static void test_ended_runs_are_forgotten_by_their_bytes(void **state)
{
    (void)state;
    struct stage stage;
    set_up(&stage, 0, NULL, 0, DIFY_OK);
    for (size_t i = 0; i < 3; i++)
        start(&stage, 0, "{}");
    while (stage.sim->newest->state != SIM_RUN_ENDED || stage.sim->clock.alarms.count > 0)
        uv_run(&stage.loop, UV_RUN_ONCE);
    struct sim_run *second = stage.sim->oldest->newer;
    size_t more = SIM_KEPT_BYTES - stage.sim->kept_bytes;
    stage.sim->kept_bytes += more;
    start(&stage, 0, "{}");
    assert_int_equal(stage.sim->run_count, 4);

    stage.sim->kept_bytes++; /* the oldest is enough */
    start(&stage, 0, "{}");
    assert_int_equal(stage.sim->run_count, 4);
    assert_ptr_equal(stage.sim->oldest, second);
    stage.sim->kept_bytes -= more + 1;
    tear_down(&stage);
}

/* A worker that is given up goes to the run that waits longest, also when that one is stopped
 * before it has begun. */
static void test_a_stopped_run_hands_its_worker_on(void **state)
{
    (void)state;
    struct stage stage;
    struct sim_run *runs[4];
    set_up(&stage, 1000, NULL, 0, DIFY_OK);
    stage.sim->options.workers = 1;
    for (size_t i = 0; i < COUNT_OF(runs); i++)
        runs[i] = start(&stage, 1, "{}");
    while (stage.sim->queue_last != runs[3])
        uv_run(&stage.loop, UV_RUN_ONCE);
    sim_run_stop(runs[0]);
    sim_run_stop(runs[1]);
    while (runs[2]->state != SIM_RUN_PLAYING)
        uv_run(&stage.loop, UV_RUN_ONCE);
    assert_int_equal(runs[0]->state, SIM_RUN_ENDED);
    assert_int_equal(runs[1]->state, SIM_RUN_ENDED);
    assert_int_equal(runs[3]->state, SIM_RUN_QUEUED);
    assert_int_equal(stage.sim->working, 1);
    assert_int_equal(sim_app_state(stage.sim, runs[0]->app)->active, 2);
    tear_down(&stage);
}

/* Lets the loop turn until the run is in a state. */
static void wait_for_state(struct stage *stage, const struct sim_run *run, enum sim_run_state state)
{
    while (run->state != state)
        uv_run(&stage->loop, UV_RUN_ONCE);
}

/* A run whose script, after its form, is the same again. */
static void test_a_run_can_pause_twice(void **state)
{
    (void)state;
    struct stage stage;
    struct sim_load_error error;
    set_up(&stage, 0, NULL, 0, DIFY_OK);
    sim_close(stage.sim, NULL, NULL);
    uv_run(&stage.loop, UV_RUN_DEFAULT);
    if (sim_catalogue_load(&stage.catalogue, DIFY_RECORDINGS "/human-input/approve/streaming",
                           &error) != DIFY_OK)
        fail_msg("%s", error.text);
    struct sim_options options = {.allocator = &stage.meter.allocator,
                                  .catalogue = &stage.catalogue,
                                  .release = SIM_1_14_2,
                                  .speed = 1000,
                                  .workers = 1};
    assert_int_equal(sim_new(&stage.loop, &options, &stage.sim), DIFY_OK);
    struct sim_script *script = stage.catalogue.apps[2].scripts;
    script->resumed = script;

    struct sim_run *run = start(&stage, 2, "{}");
    wait_for_state(&stage, run, SIM_RUN_PAUSED);
    assert_int_equal(stage.sim->working, 0);
    for (int i = 0; i < 2; i++) {
        assert_false(run->was_form_sent);
        struct sim_run *other = start(&stage, 1, "{}"); /* has the only worker */
        wait_for_state(&stage, other, SIM_RUN_PLAYING);
        sim_run_resume(run);
        assert_true(run->was_form_sent);
        while (stage.sim->queue_first != run)
            uv_run(&stage.loop, UV_RUN_ONCE);
        assert_int_equal(run->state, SIM_RUN_PAUSED);
        sim_run_stop(other);
        while (run->was_form_sent) /* until the next pause */
            uv_run(&stage.loop, UV_RUN_ONCE);
        assert_int_equal(run->state, SIM_RUN_PAUSED);
        assert_int_equal(stage.sim->working, 0);
    }
    assert_int_equal(sim_app_state(stage.sim, run->app)->active, 0);
    tear_down(&stage);
}

static void test_inputs_are_counted_apart_up_to_a_number(void **state)
{
    (void)state;
    struct stage stage;
    char inputs[40];
    set_up(&stage, 1, NULL, 0, DIFY_OK);
    const struct sim_app *apps = stage.catalogue.apps;
    for (size_t i = 0; i < SIM_TALLIES + 1; i++) {
        snprintf(inputs, sizeof inputs, "{\"n\":%zu}", i);
        sim_count_start(stage.sim, &apps[0], slice_of(inputs), slice_of(inputs));
    }
    assert_int_equal(stage.sim->by_inputs.count, SIM_TALLIES);
    assert_int_equal(stage.sim->by_user.count, SIM_TALLIES);
    assert_int_equal(stage.sim->stats.runs_started, SIM_TALLIES + 1);

    sim_count_start(stage.sim, &apps[0], DIFY_SLICE("{\"n\":1}"), DIFY_SLICE("{\"n\":0}"));
    sim_count_start(stage.sim, &apps[1], DIFY_SLICE("{\"n\":1}"), DIFY_SLICE("{\"n\":0}"));
    const struct sim_tally *first =
        dify__index_get(&stage.sim->by_inputs.by_key, DIFY_SLICE("quick\n{\"n\":0}"));
    assert_int_equal(first->started, 2);
    assert_int_equal(sim_tally_find(&stage.sim->by_user, DIFY_SLICE("{\"n\":1}"))->started, 3);
    assert_int_equal(stage.sim->by_inputs.count, SIM_TALLIES);
    tear_down(&stage);
}

static void test_texts_of_tallies_have_a_ceiling(void **state)
{
    (void)state;
    struct stage stage;
    set_up(&stage, 1, NULL, 0, DIFY_OK);
    struct sim_tallies *users = &stage.sim->by_user;
    users->bytes = SIM_TALLY_BYTES - 3;
    assert_null(sim_tally_of(users, NULL, DIFY_SLICE("four")));
    assert_non_null(sim_tally_of(users, NULL, DIFY_SLICE("one")));
    assert_int_equal(users->bytes, SIM_TALLY_BYTES);
    assert_null(sim_tally_find(users, DIFY_SLICE("four")));
    tear_down(&stage);
}

static void test_posts_are_counted_beside_starts(void **state)
{
    (void)state;
    struct stage stage;
    set_up(&stage, 1, NULL, 0, DIFY_OK);
    const struct sim_app *app = &stage.catalogue.apps[0];
    struct dify_slice none = {NULL, 0};
    sim_count_post(stage.sim, app, DIFY_SLICE("u"), DIFY_SLICE("{}"));
    sim_count_post(stage.sim, app, DIFY_SLICE("u"), none);
    sim_count_post(stage.sim, app, none, DIFY_SLICE("{}"));
    sim_count_start(stage.sim, app, DIFY_SLICE("u"), DIFY_SLICE("{}"));
    const struct sim_tally *user = sim_tally_find(&stage.sim->by_user, DIFY_SLICE("u"));
    const struct sim_tally *inputs = stage.sim->by_inputs.first;
    assert_int_equal(user->posts, 2);
    assert_int_equal(user->started, 1);
    assert_int_equal(inputs->posts, 2);
    assert_int_equal(inputs->started, 1);
    assert_null(sim_tally_find(&stage.sim->by_user, none));
    tear_down(&stage);
}

/* Queued and playing runs; one that waits for its form is not under way. */
static void test_runs_in_flight_are_counted(void **state)
{
    (void)state;
    struct stage stage;
    set_up(&stage, 0, NULL, 0, DIFY_OK);
    stage.sim->options.workers = 1;
    for (size_t i = 0; i < 3; i++)
        start(&stage, 0, "{}");
    assert_int_equal(stage.sim->in_flight, 3);
    while (stage.sim->in_flight > 0)
        uv_run(&stage.loop, UV_RUN_ONCE);
    start(&stage, 0, "{}");
    assert_int_equal(stage.sim->in_flight, 1);
    assert_int_equal(stage.sim->stats.in_flight_most, 3);
    tear_down(&stage);
}

static void test_faults_have_a_number(void **state)
{
    (void)state;
    struct stage stage;
    struct sim_fault faults[SIM_FAULTS + 1];
    for (size_t i = 0; i < COUNT_OF(faults); i++)
        faults[i] = (struct sim_fault){.kind = SIM_FAULT_UNAUTHORIZED, .probability = 1};
    set_up(&stage, 1, faults, SIM_FAULTS, DIFY_OK);
    tear_down(&stage);
    set_up(&stage, 1, faults, SIM_FAULTS + 1, DIFY_ERR_ARGUMENT);
    tear_down(&stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_oldest_ended_run_is_forgotten),
        cmocka_unit_test(test_a_run_under_way_is_not_forgotten),
        cmocka_unit_test(test_a_refused_run_is_there_among_runs_under_way),
        cmocka_unit_test(test_ended_runs_are_forgotten_by_their_bytes),
        cmocka_unit_test(test_a_stopped_run_hands_its_worker_on),
        cmocka_unit_test(test_a_run_can_pause_twice),
        cmocka_unit_test(test_inputs_are_counted_apart_up_to_a_number),
        cmocka_unit_test(test_texts_of_tallies_have_a_ceiling),
        cmocka_unit_test(test_posts_are_counted_beside_starts),
        cmocka_unit_test(test_runs_in_flight_are_counted),
        cmocka_unit_test(test_faults_have_a_number),
    };
    return cmocka_run_group_tests_name("runs", tests, NULL, NULL);
}
