/* SPDX-License-Identifier: Apache-2.0
 *
 * test_runlog.c: the log of a live run against a model that forgets nothing, at random; and its
 * records as server-sent events.
 */
#include "../unit/support.h"

#include "gateway/runlog.h"
#include "gateway/sse.h"

#include <inttypes.h>

#define STEPS 20000
#define MOST 4000

static uint64_t random_state;

static uint64_t draw(uint64_t bound)
{
    random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (random_state >> 33) % bound;
}

struct model {
    struct gw_runlog log;
    size_t length[MOST]; /* of the text of record i + 1 */
    uint32_t count, queued, shown;
};

static void check_from(struct model *model, uint32_t from, uint64_t at)
{
    struct store_record record;
    struct dify_slice records = gw_runlog_from(&model->log, from, &at);
    for (uint32_t i = from; i <= model->shown; i++) {
        assert_true(store_record_next(&records, &record));
        assert_int_equal(record.text.len, model->length[i - 1]);
        for (size_t c = 0; c < record.text.len; c++)
            assert_int_equal((unsigned char)record.text.ptr[c], (unsigned char)i);
    }
    assert_int_equal(records.len, 0);
}

static void put(struct model *model)
{
    char text[300];
    size_t len = (size_t)draw(sizeof text);
    memset(text, (char)(model->count + 1), sizeof text);
    assert_int_equal(gw_runlog_put(&model->log, STORE_RECORD_EVENT, (struct dify_slice){text, len}),
                     DIFY_OK);
    model->length[model->count++] = len;
}

static void step(struct model *model)
{
    struct gw_runlog *log = &model->log;
    switch (draw(5)) {
    case 0:
    case 1:
        put(model);
        break;
    case 2:
        gw_runlog_mark_queued(log);
        model->queued = model->count;
        assert_int_equal(gw_runlog_unqueued(log).len, 0);
        break;
    case 3:
        gw_runlog_show(log);
        model->shown = model->queued;
        break;
    default: {
        size_t keep = draw(2) == 0 ? 0 : (size_t)draw(2000);
        gw_runlog_trim(log, keep);
        assert_true(log->shown - log->base <= keep || log->first <= log->shown_next);
        assert_true(log->bytes.len != 0 || log->bytes.capacity == 0);
    }
    }
    assert_int_equal(log->next, model->count + 1);
    assert_int_equal(log->shown_next, model->shown + 1);
    if (log->first <= log->shown_next)
        check_from(model, log->first + (uint32_t)draw(log->shown_next - log->first + 1),
                   UINT64_MAX);
}

static void test_random(void **state)
{
    struct model *model = calloc(1, sizeof *model);
    const char *seed = getenv("SEED");
    (void)state;
    assert_non_null(model);
    random_state = seed != NULL ? strtoull(seed, NULL, 10) : 1435;
    printf("seed %" PRIu64 " (SEED replays it)\n", random_state);
    gw_runlog_init(&model->log, dify__allocator(NULL), 1);
    for (int i = 0; i < STEPS && model->count < MOST; i++)
        step(model);
    assert_true(model->count > 1000);
    gw_runlog_fini(&model->log);
    free(model);
}

/* A follower that keeps its position reads what one that looks for it reads. */
static void test_position(void **state)
{
    struct gw_runlog log;
    struct store_record record;
    uint64_t at = UINT64_MAX;
    (void)state;
    gw_runlog_init(&log, dify__allocator(NULL), 7);
    assert_int_equal(gw_runlog_put(&log, STORE_RECORD_STREAM, DIFY_SLICE("one")), DIFY_OK);
    assert_int_equal(gw_runlog_put(&log, STORE_RECORD_EVENT, DIFY_SLICE("two")), DIFY_OK);
    gw_runlog_mark_queued(&log);
    gw_runlog_show(&log);
    struct dify_slice records = gw_runlog_from(&log, 8, &at);
    at += records.len;
    gw_runlog_trim(&log, 0);
    assert_int_equal(log.first, 9);
    assert_int_equal(gw_runlog_put(&log, STORE_RECORD_EVENT, DIFY_SLICE("three")), DIFY_OK);
    gw_runlog_mark_queued(&log);
    gw_runlog_show(&log);
    assert_true(gw_runlog_has(&log, 9));
    assert_false(gw_runlog_has(&log, 8));
    records = gw_runlog_from(&log, 9, &at);
    assert_true(store_record_next(&records, &record));
    assert_slice(record.text, "three");
    gw_runlog_fini(&log);
}

/* The last number that a log may have, and one past it. */
static void test_ceiling(void **state)
{
    struct gw_runlog log;
    (void)state;
    gw_runlog_init(&log, dify__allocator(NULL), STORE_RECORDS - 1);
    assert_int_equal(gw_runlog_put(&log, STORE_RECORD_EVENT, DIFY_SLICE("{}")), DIFY_OK);
    assert_int_equal(gw_runlog_put(&log, STORE_RECORD_EVENT, DIFY_SLICE("{}")), DIFY_ERR_TOO_LARGE);
    assert_int_equal(log.next, STORE_RECORDS);
    gw_runlog_fini(&log);
}

static void test_sse(void **state)
{
    struct dify__buffer out = {.allocator = dify__allocator(NULL), .max = 1000};
    (void)state;
    assert_int_equal(gw_sse_put(&out, "1-2", NULL, DIFY_SLICE("{\"a\":1}")), DIFY_OK);
    assert_int_equal(gw_sse_put(&out, NULL, "end", DIFY_SLICE("{\n\"a\":\r\n1,\r\"b\":2}")),
                     DIFY_OK);
    assert_int_equal(gw_sse_put(&out, NULL, NULL, DIFY_SLICE("")), DIFY_OK);
    assert_slice(dify__buffer_slice(&out),
                 "id: 1-2\ndata: {\"a\":1}\n\n"
                 "event: end\ndata: {\ndata: \"a\":\ndata: 1,\ndata: \"b\":2}\n\n"
                 "data: \n\n");
    out.max = out.len + 10;
    assert_int_equal(gw_sse_put(&out, NULL, NULL, DIFY_SLICE("more than ten")), DIFY_ERR_TOO_LARGE);
    dify__buffer_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random),
        cmocka_unit_test(test_position),
        cmocka_unit_test(test_ceiling),
        cmocka_unit_test(test_sse),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
