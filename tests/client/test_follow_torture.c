/* SPDX-License-Identifier: Apache-2.0
 *
 * test_follow_torture.c: a follow with each of its allocations failed in turn, alone and with all
 * that come after it: it ends all the same, starts no second run, leaves nothing behind, and is no
 * success unless it has all of the result.
 */
#include "kit.h"

struct scene {
    const char *name;
    const char *release, *mode;
    struct fake_fault faults[3];
    bool uploads, blocks, stops;
};

static const char form[] =
    "{\"user_input_form\":[{\"file\":{\"variable\":\"picture\",\"label\":\"\",\"required\":true,"
    "\"allowed_file_types\":[\"image\"]}}]}";

static long read_nothing_more(void *ctx, char *bytes, size_t len)
{
    size_t *left = ctx;
    size_t take = *left < len ? *left : len;
    memset(bytes, 'x', take);
    *left -= take;
    return (long)take;
}

static void set_up(const struct scene *scene, struct fake *fake)
{
    fake_init(fake, scene->release, 7);
    if (scene->mode != NULL)
        fake->mode = scene->mode;
    if (scene->uploads)
        fake->parameters = form;
    for (size_t i = 0; i < COUNT_OF(scene->faults); i++)
        if (scene->faults[i].how != FAKE_FINE)
            fake_add_fault(fake, scene->faults[i]);
    fake_plan_small(fake);
}

/* What the observers count when memory fails; kit.h's watch() would not take a failure. */
static void count_end(void *ctx, struct dify_follow *follow)
{
    unsigned *ended = ctx;
    assert_true(dify_follow_has_ended(follow));
    ++*ended;
}

static void check_result(const struct dify_follow *follow, const struct fake *fake)
{
    struct dify_result result;
    dify_run_result(dify_follow_run(follow), &result);
    assert_true(result.has_ended);
    if (!result.success)
        return;
    assert_bytes(result.workflow_outputs, text_slice(&fake->runs->outputs));
    assert_slice(result.workflow_run_id, fake->runs->id);
}

/* Returns how many allocations there were. */
static uint64_t play(const struct scene *scene, uint64_t fail_at, bool fails_on)
{
    struct fake fake;
    size_t left = 300;
    unsigned ended = 0;
    struct dify_follow *follow = NULL;
    struct dify_attachment attachment = {.file = DIFY_FILE_INIT};
    struct dify_order order = plain_order();
    struct dify_follow_observer observer = {.ctx = &ended, .ended = count_end};
    set_up(scene, &fake);
    attachment.file.read = read_nothing_more;
    attachment.file.ctx = &left;
    attachment.file.name = "tea.png";
    order.blocking = scene->blocks;
    if (scene->mode != NULL)
        order.query = DIFY_SLICE("Hello?");
    if (scene->uploads) {
        order.attachments = &attachment;
        order.attachment_count = 1;
        order.inputs = (struct dify_slice){NULL, 0};
    }
    uint64_t before = fake.meter.calls;
    fake.meter.fail_at = fail_at > 0 ? before + fail_at : 0;
    fake.meter.fails_on = fails_on;
    enum dify_err err = dify_follow_new(fake.app, &order, &observer, &follow);
    assert_true(err == DIFY_OK || (fail_at > 0 && err == DIFY_ERR_NOMEM));
    if (err == DIFY_OK) {
        dify_follow_start(follow);
        if (scene->stops) {
            fake_pass(&fake, 700);
            dify_follow_stop(follow);
        }
        fake_settle(&fake);
        assert_int_equal(ended, 1);
        check_result(follow, &fake);
    }
    assert_true(fake.carried_out <= 1);
    assert_true(fake.may_have_been_sent <= 1);
    uint64_t calls = fake.meter.calls - before;
    fake.meter.fail_at = 0;
    dify_follow_free(follow);
    fake_fini(&fake);
    return calls;
}

static void run_scene(void **state)
{
    const struct scene *scene = *state;
    uint64_t calls = play(scene, 0, false);
    assert_true(calls > 10);
    for (uint64_t n = 1; n <= calls; n++) {
        play(scene, n, false);
        play(scene, n, true);
    }
}

#define AT(what, nth, how, n)                                                                      \
    {                                                                                              \
        FAKE_##what, nth, FAKE_##how, n, NULL, 0                                                   \
    }

static const struct scene scenes[] = {
    {"undisturbed", "1.14.2", NULL, {AT(INFO, 0, FINE, 0)}, false, false, false},
    {"taken up again", "1.14.2", NULL, {AT(SUBMIT, 1, RESET_AT, 3)}, false, false, false},
    {"taken up again, 1.16", "1.16.1", NULL, {AT(SUBMIT, 1, TORN_AT, 3)}, false, false, false},
    {"polled", "1.12.1", NULL, {AT(SUBMIT, 1, CLOSED_AT, 2)}, false, false, false},
    {"looked for", "1.14.2", NULL, {AT(SUBMIT, 1, RESET_AFTER, 0)}, false, false, false},
    {"silent", "1.14.2", NULL, {AT(SUBMIT, 1, MUTE_AT, 2)}, false, false, false},
    {"not sent", "1.14.2", NULL, {AT(SUBMIT, 0, REFUSED, 0)}, false, false, false},
    {"invented", "1.16.1", NULL, {AT(SUBMIT, 1, INVENTED_AT, 3)}, false, false, false},
    {"uploaded", "1.14.2", NULL, {AT(UPLOAD, 1, REFUSED, 0)}, true, false, false},
    {"blocking", "1.14.2", NULL, {AT(INFO, 0, FINE, 0)}, false, true, false},
    {"stopped", "1.14.2", NULL, {AT(STOP, 1, REFUSED, 0)}, false, false, true},
    {"chatflow", "1.14.2", "advanced-chat", {AT(SUBMIT, 1, RESET_AT, 3)}, false, false, false},
};

int main(void)
{
    return run_cases("follow-torture", scenes, COUNT_OF(scenes), sizeof scenes[0], run_scene);
}
