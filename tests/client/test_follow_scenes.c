/* SPDX-License-Identifier: Apache-2.0
 *
 * test_follow_scenes.c: what the owner of a follow does in its course: stopping and cancelling in
 * each state, holding, going on after a pause, taking up; the clocks at their limits; runs that
 * look alike.
 */
#include "kit.h"

static const char *const releases[] = {"1.12.1", "1.14.2", "1.16.1"};

static void assert_message_has(const struct watched *watched, const char *part)
{
    struct dify_result result;
    struct text text = {NULL, 0, 0};
    dify_run_result(dify_follow_run(watched->follow), &result);
    text_addf(&text, "%.*s", (int)result.message.len, result.message.ptr);
    if (strstr(text.ptr, part) == NULL)
        print_error("%s\n", text.ptr);
    assert_non_null(strstr(text.ptr, part));
    text_fini(&text);
}

/* ---- stopping and cancelling ---------------------------------------------------------------- */

/* What leads to a state, of a run that takes 100 s. */
struct way {
    enum dify_follow_state state;
    struct fake_fault faults[2];
    bool is_old, holds, uploads;
    bool was_sent;
};

#define AT(what, nth, how, n)                                                                      \
    {                                                                                              \
        FAKE_##what, nth, FAKE_##how, n, NULL, 0                                                   \
    }

static const struct way ways[] = {
    {.state = DIFY_FOLLOW_NEW},
    {.state = DIFY_FOLLOW_CHECKING},
    {.state = DIFY_FOLLOW_UPLOADING, .uploads = true},
    {.state = DIFY_FOLLOW_HELD, .holds = true},
    {.state = DIFY_FOLLOW_SUBMITTING, .was_sent = true},
    {.state = DIFY_FOLLOW_WAITING, .faults = {AT(SUBMIT, 1, REFUSED, 0)}},
    {.state = DIFY_FOLLOW_STREAMING, .was_sent = true},
    {.state = DIFY_FOLLOW_SUSPECT, .faults = {AT(SUBMIT, 1, MUTE_AT, 2)}, .was_sent = true},
    {.state = DIFY_FOLLOW_SEARCHING, .faults = {AT(SUBMIT, 1, RESET_AFTER, 0)}, .was_sent = true},
    {.state = DIFY_FOLLOW_BROKEN, .faults = {AT(SUBMIT, 1, RESET_AT, 2)}, .was_sent = true},
    {.state = DIFY_FOLLOW_RESUMING, .faults = {AT(SUBMIT, 1, RESET_AT, 2)}, .was_sent = true},
    {.state = DIFY_FOLLOW_POLLING,
     .faults = {AT(SUBMIT, 1, RESET_AT, 2)},
     .is_old = true,
     .was_sent = true},
};

static const char form_with_file[] =
    "{\"user_input_form\":[{\"text-input\":{\"variable\":\"topic\",\"label\":\"\",\"required\":"
    "true}},{\"file\":{\"variable\":\"picture\",\"label\":\"\",\"required\":false}}]}";

static long read_some(void *ctx, char *bytes, size_t len)
{
    size_t *left = ctx;
    size_t take = *left < len ? *left : len;
    memset(bytes, 'x', take);
    *left -= take;
    return (long)take;
}

struct scene {
    struct fake fake;
    struct watched watched;
    struct fake_run *run;
    size_t left;
};

static void go_to(struct scene *scene, const struct way *way, const char *release)
{
    struct fake *fake = &scene->fake;
    struct dify_order order = plain_order();
    struct dify_attachment attachment = {.file = DIFY_FILE_INIT};
    fake_init(fake, release, 3);
    for (size_t i = 0; i < COUNT_OF(way->faults); i++)
        if (way->faults[i].how != FAKE_FINE)
            fake_add_fault(fake, way->faults[i]);
    scene->run = fake_plan_small(fake);
    scene->run->event[4].at_ms = scene->run->event[5].at_ms = 100000;
    scene->left = 100;
    attachment.file.read = read_some;
    attachment.file.ctx = &scene->left;
    if (way->uploads) {
        fake->parameters = form_with_file;
        order.attachments = &attachment;
        order.attachment_count = 1;
    }
    watch(&scene->watched, fake, &order);
    scene->watched.holds = way->holds;
    if (way->state != DIFY_FOLLOW_NEW)
        dify_follow_start(scene->watched.follow);
    reach(&scene->watched, way->state);
}

static void leave(struct scene *scene)
{
    assert_true(scene->fake.carried_out <= 1);
    watched_fini(&scene->watched);
    fake_fini(&scene->fake);
}

/* Another program starts the run, and leaves after `ms`. What it had read is in `kept`. */
static void start_elsewhere(struct fake *fake, struct watched *first, uint64_t ms)
{
    struct dify_order order = plain_order();
    order.user = "ann";
    begin(first, fake, &order);
    fake_pass(fake, ms);
    watched_fini(first);
}

static void test_cancelled_in_each_state(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(ways); i++) {
        struct scene scene;
        const char *release = ways[i].is_old ? "1.12.1" : "1.14.2";
        go_to(&scene, &ways[i], release);
        dify_follow_cancel(scene.watched.follow);
        assert_true(dify_follow_has_ended(scene.watched.follow));
        assert_int_equal(scene.watched.ended, 0); /* told from the loop */
        finish(&scene.watched);
        assert_code(&scene.watched, "cancelled");
        assert_message_has(&scene.watched,
                           ways[i].was_sent ? "the run goes on at Dify" : "nothing was run");
        if (!ways[i].was_sent)
            assert_int_equal(scene.fake.count[FAKE_SUBMIT], ways[i].state == DIFY_FOLLOW_WAITING);
        leave(&scene);
        go_to(&scene, &ways[i], release); /* freed in the middle */
        leave(&scene);
    }
}

static void test_stopped_in_each_state(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(ways) * COUNT_OF(releases); i++) {
        struct scene scene;
        const struct way *way = &ways[i / COUNT_OF(releases)];
        bool is_resumed = way->state == DIFY_FOLLOW_BROKEN || way->state == DIFY_FOLLOW_RESUMING;
        if (is_resumed && i % COUNT_OF(releases) == 0)
            continue; /* 1.12 has no events to go on with */
        go_to(&scene, way, way->is_old ? "1.12.1" : releases[i % COUNT_OF(releases)]);
        dify_follow_stop(scene.watched.follow);
        dify_follow_stop(scene.watched.follow); /* once is enough */
        if (!way->was_sent)
            assert_true(dify_follow_has_ended(scene.watched.follow));
        finish(&scene.watched);
        if (!way->was_sent) {
            assert_code(&scene.watched, "cancelled");
            assert_int_equal(scene.fake.carried_out, 0);
        } else if (scene.run->was_stopped) {
            assert_code(&scene.watched, "workflow_stopped");
            assert_int_equal(scene.fake.stops, 1);
            assert_true(scene.fake.now_ms < 60000);
        } else { /* the task's id was never heard, as the stream was not */
            assert_true(way->state == DIFY_FOLLOW_SEARCHING);
            assert_int_equal(scene.fake.stops, 0);
            assert_code(&scene.watched, "");
        }
        leave(&scene);
    }
}

/* Most rows say `running` for ever after a stop, up to 1.14. */
static void test_row_that_stays_after_a_stop(void **state)
{
    static const struct way way = {.state = DIFY_FOLLOW_STREAMING};
    (void)state;
    for (size_t i = 0; i < 2; i++) { /* the stream lives; it is lost as well */
        struct scene scene;
        go_to(&scene, &way, "1.12.1");
        scene.run->keeps_row_after_stop = true;
        fake_pass(&scene.fake, 1000);
        dify_follow_stop(scene.watched.follow);
        if (i == 1)
            scene.fake.exchanges->fault = FAULT(.how = FAKE_RESET_AT, .n = 5);
        finish(&scene.watched);
        assert_code(&scene.watched, "workflow_stopped");
        assert_true(scene.fake.now_ms < 60000);
        leave(&scene);
    }
}

/* The run of one who stopped it and left, at each moment after the stop. */
static void test_stopped_and_taken_up(void **state)
{
    static const struct way way = {.state = DIFY_FOLLOW_STREAMING};
    (void)state;
    for (size_t i = 0; i < 4 * COUNT_OF(releases); i++) {
        struct scene scene;
        struct watched second;
        struct dify_order order = {.size = sizeof order, .was_stopped = true};
        char user[300], id[64];
        go_to(&scene, &way, releases[i / 4]);
        scene.run->keeps_row_after_stop = i / 4 < 2;
        fake_pass(&scene.fake, 1000);
        assert_false(dify_follow_is_stopped(scene.watched.follow));
        dify_follow_stop(scene.watched.follow);
        while (!dify_follow_is_stopped(scene.watched.follow))
            assert_true(fake_step(&scene.fake));
        struct dify_slice known = dify_follow_run_id(scene.watched.follow);
        snprintf(user, sizeof user, "%s", dify_follow_user(scene.watched.follow));
        snprintf(id, sizeof id, "%.*s", (int)known.len, known.ptr);
        dify_follow_free(scene.watched.follow);
        scene.watched.follow = NULL;
        fake_pass(&scene.fake, i % 4 * 1000); /* the stream would have ended meanwhile */
        order.user = user;
        order.workflow_run_id = id;
        begin(&second, &scene.fake, &order);
        finish(&second);
        assert_code(&second, "workflow_stopped");
        assert_int_equal(scene.fake.stops, 1);
        assert_true(scene.fake.now_ms < 90000);
        watched_fini(&second);
        leave(&scene);
    }
}

/* Who cannot ask has not learnt that the run is stopped. */
static void test_stopped_and_not_told(void **state)
{
    const struct fake_fault faults[] = {
        FAULT(.how = FAKE_REFUSAL, .n = 401, .words = "{\"code\":\"unauthorized\"}"),
        FAULT(.how = FAKE_REFUSED)};
    static const char *const codes[] = {"stream_incomplete", "run_timeout"};
    (void)state;
    for (size_t i = 0; i < 2 * COUNT_OF(releases); i++) {
        struct fake fake;
        struct watched watched;
        struct dify_order order = {.size = sizeof order, .was_stopped = true};
        fake_init(&fake, releases[i / 2], 9);
        struct fake_run *run = fake_plan_small(&fake);
        start_elsewhere(&fake, &watched, 500);
        for (enum fake_what what = FAKE_EVENTS; what <= FAKE_DETAIL; what++) {
            struct fake_fault fault = faults[i % 2];
            fault.what = what;
            fake_add_fault(&fake, fault);
        }
        order.user = "ann";
        order.workflow_run_id = run->id;
        begin(&watched, &fake, &order);
        finish(&watched);
        assert_code(&watched, codes[i % 2]);
        watched_fini(&watched);
        fake_fini(&fake);
    }
}

static void test_stop_that_does_not_get_through(void **state)
{
    static const struct way way = {.state = DIFY_FOLLOW_STREAMING};
    struct scene scene;
    (void)state;
    go_to(&scene, &way, "1.16.1");
    for (unsigned nth = 1; nth <= 4; nth++)
        fake_add_fault(&scene.fake, FAULT(.what = FAKE_STOP, .nth = nth, .how = FAKE_REFUSED));
    fake_pass(&scene.fake, 1000);
    dify_follow_stop(scene.watched.follow);
    finish(&scene.watched);
    assert_code(&scene.watched, "workflow_stopped");
    assert_int_equal(scene.fake.stops, 1);
    assert_int_equal(scene.watched.stop_failures, 1);
    leave(&scene);
}

/* ---- holding --------------------------------------------------------------------------------- */

static void test_held(void **state)
{
    static const struct way way = {.state = DIFY_FOLLOW_HELD, .holds = true};
    struct scene scene;
    (void)state;
    go_to(&scene, &way, "1.14.2");
    fake_pass(&scene.fake, 60000);
    assert_int_equal(dify_follow_state_of(scene.watched.follow), DIFY_FOLLOW_HELD);
    assert_int_equal(scene.fake.count[FAKE_SUBMIT], 0);
    assert_string_equal(scene.watched.sent.ptr, "{\"topic\":\"tea\"}");
    dify_follow_submit(scene.watched.follow);
    dify_follow_submit(scene.watched.follow);
    finish(&scene.watched);
    assert_code(&scene.watched, "");
    assert_int_equal(scene.watched.submits, 1);
    assert_int_equal(scene.fake.count[FAKE_SUBMIT], 1);
    assert_same(&scene.watched, scene.run);
    leave(&scene);
}

static void test_held_until_the_ceiling(void **state)
{
    static const struct way way = {.state = DIFY_FOLLOW_HELD, .holds = true};
    struct scene scene;
    (void)state;
    go_to(&scene, &way, "1.14.2");
    finish(&scene.watched);
    assert_code(&scene.watched, "run_timeout");
    assert_int_equal(scene.fake.count[FAKE_SUBMIT], 0);
    leave(&scene);
}

/* ---- pauses ---------------------------------------------------------------------------------- */

static void pause_and_continue(const char *release, bool is_cut)
{
    struct fake fake;
    struct watched watched;
    fake_init(&fake, release, 5);
    if (is_cut)
        fake_add_fault(&fake, FAULT(.what = FAKE_SUBMIT, .nth = 1, .how = FAKE_RESET_AT, .n = 4));
    struct fake_run *run = fake_plan_pausing(&fake);
    begin(&watched, &fake, NULL);
    finish(&watched);
    assert_code(&watched, "workflow_paused");
    assert_result(dify_follow_run(watched.follow), "/data/status", "'paused'");
    assert_result(dify_follow_run(watched.follow), "/data/forms/0/form_token", "'token-of-form'");
    assert_int_equal(dify_follow_continue(watched.follow), DIFY_OK);
    assert_int_equal(dify_follow_continue(watched.follow), DIFY_ERR_STATE);
    fake_pass(&fake, 3000); /* the form is sent somewhat later */
    assert_false(dify_follow_has_ended(watched.follow));
    fake_continue(run);
    watched.ended = 0;
    finish(&watched);
    assert_code(&watched, "");
    assert_same(&watched, run);
    assert_int_equal(fake.carried_out, 1);
    assert_int_equal(dify_follow_continue(watched.follow), DIFY_ERR_STATE);
    watched_fini(&watched);
    fake_fini(&fake);
}

static void test_pause_and_continue(void **state)
{
    (void)state;
    for (size_t i = 1; i < COUNT_OF(releases); i++) {
        pause_and_continue(releases[i], false);
        pause_and_continue(releases[i], true);
    }
}

/* Streams break as often as they are opened again: the form of the pause is found all the same. */
static void test_pause_after_many_cuts(void **state)
{
    (void)state;
    for (unsigned cuts = 1; cuts < 5; cuts++) {
        struct fake fake;
        struct watched watched;
        fake_init(&fake, releases[1 + cuts % 2], 5);
        fake_add_fault(&fake, FAULT(.what = FAKE_SUBMIT, .nth = 1, .how = FAKE_RESET_AT, .n = 4));
        for (unsigned i = 0; i < cuts; i++)
            fake_add_fault(&fake,
                           FAULT(.what = FAKE_EVENTS, .nth = 1 + i, .how = FAKE_RESET_AT, .n = 1));
        fake_plan_pausing(&fake);
        begin(&watched, &fake, NULL);
        finish(&watched);
        assert_code(&watched, "workflow_paused");
        assert_result(dify_follow_run(watched.follow), "/data/forms/0/form_token",
                      "'token-of-form'");
        watched_fini(&watched);
        fake_fini(&fake);
    }
}

/* A pause for another form is told at once, though the run was just gone on with. */
static void test_second_pause(void **state)
{
    (void)state;
    for (size_t i = 1; i < COUNT_OF(releases); i++) {
        struct fake fake;
        struct watched watched;
        fake_init(&fake, releases[i], 5);
        struct fake_run *run = fake_plan_pausing_twice(&fake);
        begin(&watched, &fake, NULL);
        finish(&watched);
        fake_continue(run);
        assert_int_equal(dify_follow_continue(watched.follow), DIFY_OK);
        watched.ended = 0;
        fake_pass(&fake, 1000);
        assert_int_equal(watched.ended, 1);
        assert_code(&watched, "workflow_paused");
        assert_result(dify_follow_run(watched.follow), "/data/forms/0/form_token",
                      "'token-of-again'");
        assert_result(dify_follow_run(watched.follow), "/data/forms/1", NULL);
        fake_continue(run);
        assert_int_equal(dify_follow_continue(watched.follow), DIFY_OK);
        watched.ended = 0;
        finish(&watched);
        assert_code(&watched, "");
        assert_same(&watched, run);
        assert_int_equal(fake.carried_out, 1);
        watched_fini(&watched);
        fake_fini(&fake);
    }
}

/* ... and where the stream was cut or fell silent before it, wherever that was, its form is the new
 * one. */
static void test_second_pause_unseen(void **state)
{
    (void)state;
    for (unsigned i = 2; i < 80; i++) { /* both releases, after each event */
        struct fake fake;
        struct watched watched;
        fake_init(&fake, releases[1 + i % 2], 5);
        fake_add_fault(&fake, FAULT(.what = FAKE_EVENTS, .nth = 1,
                                    .how = i % 4 < 2 ? FAKE_RESET_AT : FAKE_MUTE_AT, .n = i / 4));
        struct fake_run *run = fake_plan_pausing_twice(&fake);
        begin(&watched, &fake, NULL);
        finish(&watched);
        fake_continue(run);
        assert_int_equal(dify_follow_continue(watched.follow), DIFY_OK);
        watched.ended = 0;
        finish(&watched);
        assert_code(&watched, "workflow_paused");
        assert_result(dify_follow_run(watched.follow), "/data/forms/0/form_token",
                      "'token-of-again'");
        assert_result(dify_follow_run(watched.follow), "/data/forms/1", NULL);
        assert_int_equal(fake.carried_out, 1);
        watched_fini(&watched);
        fake_fini(&fake);
    }
}

static void test_continued_in_vain(void **state)
{
    struct fake fake;
    struct watched watched;
    (void)state;
    fake_init(&fake, "1.14.2", 5);
    fake_plan_pausing(&fake);
    begin(&watched, &fake, NULL);
    finish(&watched);
    assert_int_equal(dify_follow_continue(watched.follow), DIFY_OK);
    watched.ended = 0;
    finish(&watched);
    assert_code(&watched, "workflow_paused");
    assert_int_equal(fake.carried_out, 1);
    watched_fini(&watched);
    fake_fini(&fake);
}

/* A stop does nothing to a pause, and what comes behind it is not by that stop. */
static void test_paused_in_spite_of_a_stop(void **state)
{
    struct fake fake;
    struct watched watched;
    struct dify_order order = {.size = sizeof order, .was_stopped = true};
    (void)state;
    fake_init(&fake, "1.14.2", 5);
    struct fake_run *run = fake_plan_pausing(&fake);
    start_elsewhere(&fake, &watched, 5000);
    assert_true(run->is_paused);
    run->status = "failed";
    run->error = "\"it failed\"";
    fake_add_fault(&fake, FAULT(.what = FAKE_EVENTS, .how = FAKE_REFUSED)); /* its row tells */
    order.user = "ann";
    order.workflow_run_id = run->id;
    watch(&watched, &fake, &order);
    for (size_t i = 0; i < run->at; i++) {
        struct text frame = {NULL, 0, 0};
        text_addf(&frame, "data: %s\n\n", run->event[i].frame.ptr);
        assert_int_equal(dify_follow_recall(watched.follow, i == 0, text_slice(&frame)), DIFY_OK);
        text_fini(&frame);
    }
    dify_follow_start(watched.follow);
    fake_pass(&fake, 1000);
    fake_continue(run);
    finish(&watched);
    assert_code(&watched, "workflow_failed");
    watched_fini(&watched);
    fake_fini(&fake);
}

/* ---- taking up --------------------------------------------------------------------------------
 */

static void test_taken_up_by_id(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(releases) * 2; i++) {
        struct fake fake;
        struct watched watched;
        struct dify_order order = plain_order();
        fake_init(&fake, releases[i / 2], 9);
        struct fake_run *run = fake_plan_small(&fake);
        start_elsewhere(&fake, &watched, i % 2 == 0 ? 500 : 5000);
        order.user = "ann";
        order.workflow_run_id = run->id;
        begin(&watched, &fake, &order);
        finish(&watched);
        assert_code(&watched, "");
        assert_result(dify_follow_run(watched.follow), "/data/workflow_outputs", "{'text':2}");
        assert_result(dify_follow_run(watched.follow), "/data/metadata/total_steps", "2");
        assert_result(dify_follow_run(watched.follow), "/data/metadata/complete", "false");
        assert_int_equal(fake.carried_out, 1);
        assert_int_equal(fake.count[FAKE_SUBMIT], 1);
        watched_fini(&watched);
        fake_fini(&fake);
    }
}

static void test_taken_up_with_what_was_kept(void **state)
{
    (void)state;
    for (size_t events = 1; events <= 6; events++) {
        struct fake fake;
        struct watched watched;
        struct dify_order order = plain_order();
        fake_init(&fake, "1.14.2", 9);
        struct fake_run *run = fake_plan_small(&fake);
        start_elsewhere(&fake, &watched, 5000);
        order.user = "ann";
        order.workflow_run_id = run->id;
        watch(&watched, &fake, &order);
        for (size_t i = 0; i < events; i++) {
            struct text frame = {NULL, 0, 0};
            text_addf(&frame, "data: %s\n\n", run->event[i].frame.ptr);
            assert_int_equal(dify_follow_recall(watched.follow, i == 0, text_slice(&frame)),
                             DIFY_OK);
            text_fini(&frame);
        }
        dify_follow_start(watched.follow);
        assert_int_equal(dify_follow_recall(watched.follow, true, DIFY_SLICE("\n")),
                         DIFY_ERR_STATE);
        finish(&watched);
        assert_code(&watched, "");
        assert_result(dify_follow_run(watched.follow), "/data/workflow_outputs", "{'text':2}");
        assert_result(dify_follow_run(watched.follow), "/data/metadata/complete",
                      events >= 5 ? "true" : "false");
        assert_int_equal(fake.count[FAKE_SUBMIT], 1);
        if (events == 6) /* the end was known: nobody need be asked */
            assert_int_equal(fake.count[FAKE_EVENTS] + fake.count[FAKE_DETAIL], 0);
        watched_fini(&watched);
        fake_fini(&fake);
    }
}

static void test_taken_up_by_time(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(releases) * 2; i++) {
        struct fake fake;
        struct watched watched;
        struct dify_order order = plain_order();
        fake_init(&fake, releases[i / 2], 9);
        fake_plan_other(&fake, "ann", "{'topic':'tea'}", 3600000); /* long before */
        fake_plan_other(&fake, "bob", "{'topic':'tea'}", 0);       /* somebody else's */
        fake_plan_other(&fake, "ann", "{'topic':'coffee'}", 0);    /* something else */
        if (i % 2 == 0)
            fake_plan_other(&fake, "ann", "{'topic':'tea'}", 0);
        order.user = "ann";
        order.sent_at_s = fake.env.unix_ms(&fake) / 1000;
        begin(&watched, &fake, &order);
        finish(&watched);
        assert_code(&watched, i % 2 == 0 ? "" : "run_lost");
        if (i % 2 == 0)
            assert_slice(dify_follow_run_id(watched.follow), fake.last_run->id);
        assert_int_equal(fake.count[FAKE_SUBMIT], 0);
        watched_fini(&watched);
        fake_fini(&fake);
    }
}

static void test_taken_up_without_an_id(void **state)
{
    struct fake fake;
    struct dify_follow *follow = NULL;
    struct dify_order order = plain_order();
    (void)state;
    fake_init(&fake, "1.14.2", 9);
    order.user = "ann";
    order.workflow_run_id = "";
    assert_int_equal(dify_follow_new(fake.app, &order, NULL, &follow), DIFY_ERR_ARGUMENT);
    fake_fini(&fake);
}

static void test_unknown_id(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(releases); i++) {
        struct fake fake;
        struct watched watched;
        struct dify_order order = plain_order();
        fake_init(&fake, releases[i], 9);
        order.user = "ann";
        order.workflow_run_id = "2e0d3a0c-0000-4000-8000-000000000000";
        begin(&watched, &fake, &order);
        finish(&watched);
        assert_code(&watched, "run_lost");
        assert_true(fake.now_ms < 120000);
        watched_fini(&watched);
        fake_fini(&fake);
    }
}

/* ---- runs that look alike ---------------------------------------------------------------------
 */

static void test_two_that_fit(void **state)
{
    struct fake fake;
    struct watched watched;
    struct dify_order order = plain_order();
    (void)state;
    fake_init(&fake, "1.14.2", 9);
    fake_plan_other(&fake, "ann", "{'topic':'tea'}", 0);
    fake_add_fault(&fake, FAULT(.what = FAKE_SUBMIT, .nth = 1, .how = FAKE_RESET_AFTER));
    order.user = "ann";
    begin(&watched, &fake, &order);
    finish(&watched);
    assert_code(&watched, "run_lost");
    assert_message_has(&watched, "more than one run");
    assert_int_equal(fake.carried_out, 1);
    watched_fini(&watched);
    fake_fini(&fake);
}

/* A run that waits for a worker is not taken for the one that its user started just before. */
static void test_silence_beside_another(void **state)
{
    struct fake fake;
    struct watched watched;
    struct dify_order order = plain_order();
    (void)state;
    fake_init(&fake, "1.14.2", 9);
    fake_plan_other(&fake, "ann", "{'topic':'tea'}", 0);
    struct fake_run *run = fake_plan_small(&fake);
    run->queued_ms = 90000;
    order.user = "ann";
    begin(&watched, &fake, &order);
    finish(&watched);
    assert_code(&watched, "");
    assert_string_equal(watched.path.ptr, "started checked answered silent alive finished");
    assert_same(&watched, run);
    watched_fini(&watched);
    fake_fini(&fake);
}

/* ---- clocks -----------------------------------------------------------------------------------
 */

static uint64_t ended_at(const struct fake *fake, const struct watched *watched)
{
    assert_int_equal(watched->ended, 1);
    return fake->now_ms;
}

/* The run's last byte comes at 1030 + two ways' latency; to the millisecond after it. */
static void test_silence_to_its_limit(void **state)
{
    (void)state;
    for (uint64_t late = 0; late < 2; late++) {
        struct fake fake;
        struct watched watched;
        fake_init(&fake, "1.12.1", 9);
        fake.app->silence_timeout_ms = 60000;
        struct fake_run *run = fake_plan_small(&fake);
        run->dies_ms = 0;
        begin(&watched, &fake, NULL);
        reach(&watched, DIFY_FOLLOW_STREAMING);
        uint64_t begun = fake.now_ms; /* the head; the first event comes with it */
        fake.exchanges->fault = FAULT(.how = FAKE_MUTE_AT, .n = 0);
        fake.exchanges->is_mute = true;
        run->event[4].at_ms = run->event[5].at_ms = 200000;
        if (late == 0) { /* a byte at the last moment */
            fake_pass(&fake, 59990 - fake.latency_ms);
            assert_int_equal(dify_follow_state_of(watched.follow), DIFY_FOLLOW_SUSPECT);
            fake.exchanges->is_mute = false;
            fake_send_body(fake.exchanges, "event: ping\n\n", 13, NULL, 0);
            finish(&watched);
            assert_code(&watched, "");
        } else {
            finish(&watched);
            assert_code(&watched, "read_timeout");
            assert_int_equal(ended_at(&fake, &watched), begun + 60000);
        }
        watched_fini(&watched);
        fake_fini(&fake);
    }
}

/* No clock ends a stream that is alive; where none is the ceiling does, to the millisecond. */
static void test_ceiling(void **state)
{
    (void)state;
    for (int is_cut = 0; is_cut < 2; is_cut++) {
        struct fake fake;
        struct watched watched;
        fake_init(&fake, "1.12.1", 9);
        fake.app->run_timeout_ms = 600000;
        if (is_cut)
            fake_add_fault(&fake,
                           FAULT(.what = FAKE_SUBMIT, .nth = 1, .how = FAKE_RESET_AT, .n = 2));
        struct fake_run *run = fake_plan_small(&fake);
        run->event[4].at_ms = run->event[5].at_ms = 2000000;
        uint64_t begun = fake.now_ms;
        begin(&watched, &fake, NULL);
        finish(&watched);
        assert_code(&watched, is_cut ? "run_timeout" : "");
        if (is_cut)
            assert_int_equal(ended_at(&fake, &watched), begun + 600000);
        else
            assert_true(ended_at(&fake, &watched) > begun + 2000000);
        watched_fini(&watched);
        fake_fini(&fake);
    }
}

static void test_retry_after(void **state)
{
    static const struct {
        int64_t said_s;
        uint64_t least_ms, most_ms;
    } cases[] = {{7, 7000, 7200}, {100000, 300000, 300200}, {0, 500, 15200}};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct fake fake;
        struct watched watched;
        fake_init(&fake, "1.14.2", 9);
        fake_add_fault(&fake, FAULT(.what = FAKE_SUBMIT, .nth = 1, .how = FAKE_REFUSAL, .n = 429,
                                    .words = "{\"code\":\"too_many_requests\",\"message\":\"\"}",
                                    .retry_after_s = cases[i].said_s));
        begin(&watched, &fake, NULL);
        reach(&watched, DIFY_FOLLOW_WAITING);
        uint64_t from = fake.now_ms;
        reach(&watched, DIFY_FOLLOW_SUBMITTING);
        assert_in_range(fake.now_ms - from, cases[i].least_ms, cases[i].most_ms);
        finish(&watched);
        assert_code(&watched, "");
        watched_fini(&watched);
        fake_fini(&fake);
    }
}

/* ---- the end by the detail ---------------------------------------------------------------------
 */

/* The detail knows the end while the stream is silent, and then the stream goes on: it has a moment
 * to tell the rest, and not more. */
static void test_stream_that_goes_on_behind_its_end(void **state)
{
    struct fake fake;
    struct watched watched;
    (void)state;
    fake_init(&fake, "1.14.2", 9);
    struct fake_run *run = fake_plan_small(&fake);
    run->loses_end = true;
    begin(&watched, &fake, NULL);
    reach(&watched, DIFY_FOLLOW_SUSPECT);
    fake_pass(&fake, 100); /* the detail has answered */
    uint64_t from = fake.now_ms;
    fake_send_body(fake.exchanges, "event: ping\n\n", 13, NULL, 0);
    finish(&watched);
    assert_code(&watched, "");
    assert_true(fake.now_ms - from < 5000);
    assert_same(&watched, run);
    watched_fini(&watched);
    fake_fini(&fake);
}

/* What Dify would refuse is refused before anything is sent; unless that is asked for. */
static void test_unfit_inputs(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2 * COUNT_OF(releases); i++) {
        struct fake fake;
        struct watched watched;
        struct dify_order order = plain_order();
        order.inputs = DIFY_SLICE("{}");
        order.no_check = i % 2 != 0;
        fake_init(&fake, releases[i / 2], 4);
        (void)fake_plan_small(&fake);
        begin(&watched, &fake, &order);
        finish(&watched);
        assert_code(&watched, order.no_check ? "" : "invalid_param");
        assert_int_equal(fake.count[FAKE_SUBMIT], order.no_check ? 1 : 0);
        watched_fini(&watched);
        fake_fini(&fake);
    }
}

/* The request that is made is told as it was sent. */
static void test_path(void **state)
{
    struct fake fake;
    struct watched watched;
    struct dify_order order = plain_order();
    struct text path = {NULL, 0, 0};
    (void)state;
    fake_init(&fake, "1.14.2", 3);
    struct fake_run *run = fake_plan_small(&fake);
    fake_add_fault(&fake, FAULT(.what = FAKE_SUBMIT, .nth = 1, .how = FAKE_RESET_AT, .n = 2));
    order.user = "ann & co";
    begin(&watched, &fake, &order);
    assert_slice(dify_follow_path(watched.follow), NULL);
    reach(&watched, DIFY_FOLLOW_STREAMING);
    assert_slice(dify_follow_path(watched.follow), "/workflows/run");
    finish(&watched);
    text_addf(&path, "/workflow/%s/events?user=ann%%20%%26%%20co&include_state_snapshot=true",
              run->id);
    assert_slice(dify_follow_path(watched.follow), path.ptr);
    text_fini(&path);
    watched_fini(&watched);
    fake_fini(&fake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cancelled_in_each_state),
        cmocka_unit_test(test_stopped_in_each_state),
        cmocka_unit_test(test_row_that_stays_after_a_stop),
        cmocka_unit_test(test_stopped_and_taken_up),
        cmocka_unit_test(test_stopped_and_not_told),
        cmocka_unit_test(test_stop_that_does_not_get_through),
        cmocka_unit_test(test_held),
        cmocka_unit_test(test_held_until_the_ceiling),
        cmocka_unit_test(test_pause_and_continue),
        cmocka_unit_test(test_paused_in_spite_of_a_stop),
        cmocka_unit_test(test_pause_after_many_cuts),
        cmocka_unit_test(test_second_pause),
        cmocka_unit_test(test_second_pause_unseen),
        cmocka_unit_test(test_continued_in_vain),
        cmocka_unit_test(test_taken_up_by_id),
        cmocka_unit_test(test_taken_up_with_what_was_kept),
        cmocka_unit_test(test_taken_up_by_time),
        cmocka_unit_test(test_taken_up_without_an_id),
        cmocka_unit_test(test_unknown_id),
        cmocka_unit_test(test_two_that_fit),
        cmocka_unit_test(test_silence_beside_another),
        cmocka_unit_test(test_silence_to_its_limit),
        cmocka_unit_test(test_ceiling),
        cmocka_unit_test(test_unfit_inputs),
        cmocka_unit_test(test_retry_after),
        cmocka_unit_test(test_stream_that_goes_on_behind_its_end),
        cmocka_unit_test(test_path),
    };
    return cmocka_run_group_tests_name("follow-scenes", tests, NULL, NULL);
}
