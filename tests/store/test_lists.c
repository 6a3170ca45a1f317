/* SPDX-License-Identifier: Apache-2.0
 *
 * test_lists.c: which runs are listed and in which order, and what they add up to.
 */
#include "core/slices.h"
#include "kit.h"

#include <stdio.h>
#include <stdlib.h>

/* Runs 1 to 12: their apps and users alternate; 10 to 12 are open. */
enum { RUNS = 12, ENDED = 9 };

static int setup(void **state)
{
    struct store_kit *kit = malloc(sizeof *kit);
    static const char *const prices[ENDED] = {"0.1", "0.2",  "0.0000001", "none", "3e-1",
                                              "1",   "0.05", "2",         "0.3"};
    assert_non_null(kit);
    kit_init(kit);
    kit_open(kit);
    for (unsigned i = 1; i <= RUNS; i++) {
        struct store_run run = kit_run(store_next_number(kit->store));
        run.created_ms = 1000 * i;
        run.app = dify__slice(i % 2 ? "odd" : "even");
        run.user = dify__slice(i % 3 ? "anna" : "Bert");
        if (i == 4)
            run.inputs = DIFY_SLICE("{\"name\":\"100% W\xC3\xBCrste_\"}");
        if (i == 5)
            run.conversation_id = DIFY_SLICE("c0ffee-5");
        assert_true(store_begin(kit->store, &run, kit_done, kit));
        if (i > ENDED)
            continue;
        struct store_end end = kit_end(run.created_ms + 10 * i);
        end.price = dify__slice(prices[i - 1]);
        end.success = i % 4 != 0;
        end.status = dify__slice(i % 4 != 0 ? "succeeded" : "failed");
        end.run_id = i == 7 ? DIFY_SLICE("Dify-Run-7") : DIFY_SLICE("x");
        if (i == 8)
            end.currency = DIFY_SLICE("RMB");
        assert_true(store_end(kit->store, run.number, &end, kit_done, kit));
    }
    assert_true(
        store_rate(kit->store, 1, DIFY_SLICE("like"), (struct dify_slice){NULL, 0}, kit_done, kit));
    assert_true(store_rate(kit->store, 2, DIFY_SLICE("dislike"), DIFY_SLICE("no"), kit_done, kit));
    assert_true(
        store_rate(kit->store, 3, DIFY_SLICE("like"), (struct dify_slice){NULL, 0}, kit_done, kit));
    assert_true(store_rate(kit->store, 3, (struct dify_slice){NULL, 0},
                           (struct dify_slice){NULL, 0}, kit_done, kit));
    kit_await(kit, RUNS + ENDED + 4);
    assert_int_equal(kit->refused, 0);
    *state = kit;
    return 0;
}

static int teardown(void **state)
{
    kit_fini(*state);
    free(*state);
    return 0;
}

struct text {
    char text[500];
    size_t len;
    unsigned most;
};

static bool add(void *ctx, const struct store_row *row)
{
    struct text *text = ctx;
    text->len += (size_t)snprintf(text->text + text->len, sizeof text->text - text->len, "%u ",
                                  (unsigned)row->number);
    assert_true(text->len < sizeof text->text);
    assert_non_null(row->inputs.ptr);
    assert_null(row->result.ptr);
    return text->most == 0 || --text->most != 0;
}

static void assert_list(struct store_kit *kit, struct store_filter filter, const char *expected)
{
    struct text text = {.len = 0};
    if (filter.limit == 0)
        filter.limit = 100;
    assert_int_equal(store_list(kit->reader, &filter, add, &text),
                     *expected != '\0' ? DIFY_OK : DIFY_ERR_ABSENT);
    assert_string_equal(text.text, expected);
}

static void test_filters(void **state)
{
    struct store_kit *kit = *state;
    assert_list(kit, (struct store_filter){.limit = 3}, "12 11 10 ");
    assert_list(kit, (struct store_filter){.limit = 3, .before = 10}, "9 8 7 ");
    assert_list(kit, (struct store_filter){.before = 1}, "");
    assert_list(kit, (struct store_filter){.app = DIFY_SLICE("even"), .limit = 4}, "12 10 8 6 ");
    assert_list(kit, (struct store_filter){.app = DIFY_SLICE("eve")}, "");
    assert_list(kit, (struct store_filter){.user = DIFY_SLICE("Bert")}, "12 9 6 3 ");
    assert_list(kit, (struct store_filter){.status = DIFY_SLICE("failed")}, "8 4 ");
    assert_list(kit, (struct store_filter){.status = DIFY_SLICE("running")}, "12 11 10 ");
    assert_list(kit, (struct store_filter){.since_ms = 2000, .until_ms = 4000}, "3 2 ");
    assert_list(kit,
                (struct store_filter){.app = DIFY_SLICE("odd"),
                                      .user = DIFY_SLICE("anna"),
                                      .status = DIFY_SLICE("succeeded"),
                                      .before = 7,
                                      .since_ms = 1001},
                "5 ");
}

/* Only some apps; none whose names begin so, but one. */
static void test_apps(void **state)
{
    struct store_kit *kit = *state;
    const struct dify_slice odd[] = {DIFY_SLICE("odd")};
    const struct dify_slice both[] = {DIFY_SLICE("nobody"), DIFY_SLICE("even"), DIFY_SLICE("odd")};
    struct store_filter filter = {.apps = odd, .app_count = 1, .limit = 3};
    assert_list(kit, filter, "11 9 7 ");
    filter.apps = both;
    assert_list(kit, filter, "");
    filter.app_count = 2;
    assert_list(kit, filter, "12 10 8 ");
    filter.app_count = 3;
    assert_list(kit, filter, "12 11 10 ");
    filter.app = DIFY_SLICE("odd");
    assert_list(kit, filter, "11 9 7 ");
    filter = (struct store_filter){.hidden_prefix = DIFY_SLICE("ev"), .limit = 3};
    assert_list(kit, filter, "11 9 7 ");
    filter.unhidden = DIFY_SLICE("eve");
    assert_list(kit, filter, "11 9 7 ");
    filter.unhidden = DIFY_SLICE("even");
    assert_list(kit, filter, "12 11 10 ");
    filter.hidden_prefix = DIFY_SLICE("evenx"); /* longer than the name */
    filter.unhidden = (struct dify_slice){NULL, 0};
    assert_list(kit, filter, "12 11 10 ");
    filter = (struct store_filter){.apps = both, .app_count = 3, .limit = 3};
    filter.hidden_prefix = DIFY_SLICE("odd");
    assert_list(kit, filter, "12 10 8 ");
    /* A run whose app is not known belongs to none. */
    kit_sql(kit, "UPDATE runs SET app = NULL WHERE number = 12");
    assert_list(kit, filter, "10 8 6 ");
    filter.app_count = 0;
    assert_list(kit, filter, "12 10 8 ");
}

static void test_search(void **state)
{
    struct store_kit *kit = *state;
    assert_list(kit, (struct store_filter){.search = DIFY_SLICE("BERT"), .limit = 2}, "12 9 ");
    assert_list(kit, (struct store_filter){.search = DIFY_SLICE("100% w")}, "4 ");
    assert_list(kit, (struct store_filter){.search = DIFY_SLICE("%")}, "4 ");
    assert_list(kit, (struct store_filter){.search = DIFY_SLICE("rste_")}, "4 ");
    assert_list(kit, (struct store_filter){.search = DIFY_SLICE("\xC3\xBC")}, "4 ");
    assert_list(kit, (struct store_filter){.search = DIFY_SLICE("dify-RUN-7")}, "7 ");
    assert_list(kit, (struct store_filter){.search = DIFY_SLICE("C0FFEE")}, "5 ");
    assert_list(kit, (struct store_filter){.search = DIFY_SLICE("nowhere")}, "");
    /* The run's own id, as it is written, whole or in part. */
    assert_list(kit,
                (struct store_filter){.search = DIFY_SLICE("00000000-0000-000b-A5a5-a5a5a5a5a5a5")},
                "11 ");
    assert_list(kit, (struct store_filter){.search = DIFY_SLICE("000b-a5")}, "11 ");
    assert_list(
        kit, (struct store_filter){.search = DIFY_SLICE("00000000-0000-000b-a5a5-a5a5a5a5a5a5a")},
        "");
    assert_list(kit, (struct store_filter){.search = DIFY_SLICE("")},
                "12 11 10 9 8 7 6 5 4 3 2 1 ");
}

static void test_stopped_by_callback(void **state)
{
    struct store_kit *kit = *state;
    struct text text = {.most = 2};
    struct store_filter filter = {.limit = 100};
    assert_int_equal(store_list(kit->reader, &filter, add, &text), DIFY_OK);
    assert_string_equal(text.text, "12 11 ");
    text = (struct text){.most = 1};
    assert_int_equal(store_list_open(kit->reader, add, &text), DIFY_OK);
    assert_string_equal(text.text, "10 ");
    text = (struct text){.most = 0};
    assert_int_equal(store_list_open(kit->reader, add, &text), DIFY_OK);
    assert_string_equal(text.text, "10 11 12 ");
    text = (struct text){.most = 0};
    assert_int_equal(store_list_open_of(kit->reader, DIFY_SLICE("even"), add, &text), DIFY_OK);
    assert_string_equal(text.text, "10 12 ");
    assert_int_equal(store_list_open_of(kit->reader, DIFY_SLICE("eve"), add, &text),
                     DIFY_ERR_ABSENT);
}

static bool add_whole(void *ctx, const struct store_row *row)
{
    struct text *text = ctx;
    text->len += (size_t)snprintf(text->text + text->len, sizeof text->text - text->len, "%u%s ",
                                  (unsigned)row->number, row->result.ptr != NULL ? "!" : "");
    return text->most == 0 || --text->most != 0;
}

static void test_each(void **state)
{
    struct store_kit *kit = *state;
    struct text text = {.len = 0};
    assert_int_equal(store_each(kit->reader, 7000, add_whole, &text), DIFY_OK);
    assert_string_equal(text.text, "7! 8! 9! 10 11 12 ");
    text = (struct text){.most = 2};
    assert_int_equal(store_each(kit->reader, 0, add_whole, &text), DIFY_OK);
    assert_string_equal(text.text, "1! 2! ");
    assert_int_equal(store_each(kit->reader, 12001, add_whole, &text), DIFY_ERR_ABSENT);
}

/* ---- sums ---------------------------------------------------------------------------------- */

static void add_price(void *ctx, struct dify_slice currency, struct dify_slice sum)
{
    struct text *text = ctx;
    text->len +=
        (size_t)snprintf(text->text + text->len, sizeof text->text - text->len, "%.*s=%.*s ",
                         (int)currency.len, currency.ptr, (int)sum.len, sum.ptr);
}

static void test_sum(void **state)
{
    struct store_kit *kit = *state;
    struct store_totals totals;
    struct text text = {.len = 0};
    struct store_filter filter = {.before = 3, .limit = 1}; /* which do not count */
    assert_int_equal(store_sum(kit->reader, &filter, &totals, add_price, &text), DIFY_OK);
    assert_int_equal(totals.runs, 12);
    assert_int_equal(totals.open, 3);
    assert_int_equal(totals.succeeded, 7);
    assert_int_equal(totals.failed, 2);
    assert_int_equal(totals.tokens, 90);
    assert_int_equal(totals.median_ms, 50);
    assert_int_equal(totals.p95_ms, 90);
    assert_int_equal(totals.likes, 1);
    assert_int_equal(totals.dislikes, 1);
    assert_string_equal(text.text, "RMB=2 USD=1.9500001 ");
    /* Filtered, with and without a search. */
    text.len = 0;
    filter = (struct store_filter){.app = DIFY_SLICE("even"), .until_ms = 6000, .limit = 1};
    assert_int_equal(store_sum(kit->reader, &filter, &totals, add_price, &text), DIFY_OK);
    assert_int_equal(totals.runs, 2);
    assert_int_equal(totals.median_ms, 20);
    assert_int_equal(totals.p95_ms, 40);
    assert_string_equal(text.text, "USD=0.2 ");
    filter.search = DIFY_SLICE("100%");
    assert_int_equal(store_sum(kit->reader, &filter, &totals, NULL, NULL), DIFY_OK);
    assert_int_equal(totals.runs, 1);
    assert_int_equal(totals.failed, 1);
    const struct dify_slice odd[] = {DIFY_SLICE("odd")};
    struct store_filter of_odd = {.apps = odd, .app_count = 1, .limit = 1};
    text.len = 0;
    assert_int_equal(store_sum(kit->reader, &of_odd, &totals, add_price, &text), DIFY_OK);
    assert_int_equal(totals.runs, 6);
    assert_int_equal(totals.open, 1);
    assert_int_equal(totals.failed, 0);
    assert_int_equal(totals.median_ms, 50);
    assert_string_equal(text.text, "USD=0.7500001 ");
    text = (struct text){.len = 0};
    filter.search = DIFY_SLICE("nowhere");
    assert_int_equal(store_sum(kit->reader, &filter, &totals, add_price, &text), DIFY_OK);
    assert_int_equal(totals.runs, 0);
    assert_int_equal(totals.median_ms, 0);
    assert_string_equal(text.text, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_filters, setup, teardown),
        cmocka_unit_test_setup_teardown(test_apps, setup, teardown),
        cmocka_unit_test_setup_teardown(test_search, setup, teardown),
        cmocka_unit_test_setup_teardown(test_stopped_by_callback, setup, teardown),
        cmocka_unit_test_setup_teardown(test_each, setup, teardown),
        cmocka_unit_test_setup_teardown(test_sum, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
