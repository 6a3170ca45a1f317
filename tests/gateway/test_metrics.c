/* SPDX-License-Identifier: Apache-2.0
 *
 * test_metrics.c: counting at the bounds: buckets, currencies, types of nodes, times of nodes,
 * ratings, answers; as the text shows it.
 */
#include "../unit/support.h"

#include "gateway/metrics.h"
#include "gateway/routes.h"

/* As much of a gateway as is counted and shown: two apps, no server, no store, no log. */
struct kit {
    uv_loop_t loop;
    struct gw_app_config configs[2];
    struct gw_config config;
    struct gw_app apps[2];
    struct gw_app_measures measures[2];
    struct gateway gateway;
    struct gw_run run;
    struct dify__buffer text;
};

static void kit_begin(struct kit *kit)
{
    static char one[] = "one", two[] = "two";
    memset(kit, 0, sizeof *kit);
    assert_int_equal(uv_loop_init(&kit->loop), 0);
    kit->configs[0].name = one;
    kit->configs[1].name = two;
    kit->config.apps = kit->configs;
    kit->config.app_count = 2;
    kit->gateway.config = &kit->config;
    kit->gateway.loop = &kit->loop;
    kit->gateway.apps = kit->apps;
    for (size_t i = 0; i < 2; i++) {
        kit->apps[i].gateway = &kit->gateway;
        kit->apps[i].config = &kit->configs[i];
        kit->apps[i].measures = &kit->measures[i];
    }
    kit->run.gateway = &kit->gateway;
    kit->run.app = &kit->apps[0];
    kit->text = (struct dify__buffer){.allocator = dify__allocator(NULL), .max = GW_METRICS_BYTES};
    gw_metrics_init(&kit->gateway);
}

static void kit_end(struct kit *kit)
{
    dify__buffer_fini(&kit->text);
    assert_int_equal(uv_loop_close(&kit->loop), 0);
}

/* Whether the metrics have the line. */
static bool shows(struct kit *kit, const char *line)
{
    char wanted[256];
    kit->text.len = 0;
    assert_int_equal(gw_metrics_write(&kit->gateway, &kit->text), DIFY_OK);
    assert_int_equal(dify__buffer_append(&kit->text, "", 1), DIFY_OK);
    snprintf(wanted, sizeof wanted, "\n%s\n", line);
    return strstr(kit->text.ptr, wanted) != NULL;
}

#define assert_shows(kit, line) assert_true(shows((kit), (line)))

/* A run of the first app that ends with the price, and what else `events` say. */
static void end_run(struct kit *kit, const char *price, const char *currency)
{
    char text[1024];
    struct dify_run *run;
    struct dify_result result;
    assert_int_equal(dify_run_new(NULL, &run), DIFY_OK);
    int len = snprintf(text, sizeof text,
                       "data: {\"event\":\"node_finished\",\"data\":{\"id\":\"a\",\"status\":"
                       "\"succeeded\",\"execution_metadata\":{\"total_tokens\":5,\"total_price\":"
                       "\"%s\",\"currency\":\"%s\"}}}\n\ndata: {\"event\":\"workflow_finished\","
                       "\"data\":{\"status\":\"succeeded\",\"outputs\":{}}}\n\n",
                       price, currency);
    assert_int_equal(dify_run_feed(run, text, (size_t)len), DIFY_OK);
    dify_run_end(run);
    dify_run_result(run, &result);
    gw_metrics_end(&kit->run, &result);
    dify_run_free(run);
}

static void test_currencies(void **state)
{
    struct kit kit;
    char name[] = "AAA";
    (void)state;
    kit_begin(&kit);
    for (size_t i = 0; i < GW_CURRENCIES; i++, name[2]++) {
        end_run(&kit, "0.1", name);
        end_run(&kit, "0.2", name);
    }
    assert_shows(&kit, "difystream_price_total{app=\"one\",currency=\"AAA\"} 0.3");
    assert_shows(&kit, "difystream_price_total{app=\"one\",currency=\"AAH\"} 0.3");
    assert_shows(&kit, "difystream_price_total{app=\"two\",currency=\"AAH\"} 0");
    assert_shows(&kit, "difystream_price_total{app=\"one\",currency=\"other\"} 0");
    end_run(&kit, "7", name); /* one past the ceiling */
    assert_shows(&kit, "difystream_price_total{app=\"one\",currency=\"other\"} 7");
    assert_shows(&kit, "difystream_tokens_total{app=\"one\"} 85");
    kit_end(&kit);
}

static void test_odd_currencies(void **state)
{
    struct kit kit;
    (void)state;
    kit_begin(&kit);
    end_run(&kit, "1", "abcdefghijklmno"); /* the longest */
    assert_shows(&kit, "difystream_price_total{app=\"one\",currency=\"abcdefghijklmno\"} 1");
    end_run(&kit, "1", "abcdefghijklmnop");
    end_run(&kit, "1", "U\\\"D");
    end_run(&kit, "1", "U$");
    end_run(&kit, "1", "");
    assert_shows(&kit, "difystream_price_total{app=\"one\",currency=\"other\"} 4");
    end_run(&kit, "-3", "abcdefghijklmno"); /* a counter never falls */
    assert_shows(&kit, "difystream_price_total{app=\"one\",currency=\"abcdefghijklmno\"} 1");
    assert_shows(&kit, "difystream_runs_total{app=\"one\",outcome=\"succeeded\"} 6");
    kit_end(&kit);
}

static void finish_node(struct kit *kit, const char *type, const char *seconds)
{
    struct dify_node node = {.node_type = {type, strlen(type)},
                             .elapsed_time = {seconds, strlen(seconds)}};
    gw_metrics_node(&kit->run, &node, DIFY_NODE_STARTED);
    gw_metrics_node(&kit->run, &node, DIFY_NODE_RETRIED);
    gw_metrics_node(&kit->run, &node, DIFY_NODE_FINISHED);
}

static void test_nodes(void **state)
{
    struct kit kit;
    (void)state;
    kit_begin(&kit);
    finish_node(&kit, "llm", "1.5");
    finish_node(&kit, "llm", "0.0000019"); /* what is below a millionth goes */
    finish_node(&kit, "llm", "2");
    assert_shows(&kit, "difystream_nodes_total{node_type=\"llm\"} 3");
    assert_shows(&kit, "difystream_node_seconds_total{node_type=\"llm\"} 3.500001");
    finish_node(&kit, "code", "-1");
    finish_node(&kit, "code", "99999999999999999999999999999");
    finish_node(&kit, "code", "");
    assert_shows(&kit, "difystream_nodes_total{node_type=\"code\"} 3");
    assert_shows(&kit, "difystream_node_seconds_total{node_type=\"code\"} 0");
    finish_node(&kit, "trigger-plugin", "1"); /* the last that has a name */
    finish_node(&kit, "of-tomorrow", "0.25");
    finish_node(&kit, "", "0.25");
    assert_shows(&kit, "difystream_nodes_total{node_type=\"trigger-plugin\"} 1");
    assert_shows(&kit, "difystream_nodes_total{node_type=\"other\"} 2");
    assert_shows(&kit, "difystream_node_seconds_total{node_type=\"other\"} 0.5");
    kit_end(&kit);
}

/* A run that was made so long ago, which may be before the clock's 0: it goes round. The loop's
 * clock stands still meanwhile. */
static void end_after(struct kit *kit, uint64_t ms)
{
    kit->run.measures.born_ms = uv_now(&kit->loop) - ms;
    end_run(kit, "0", "");
}

static void test_durations(void **state)
{
    struct kit kit;
    (void)state;
    kit_begin(&kit);
    end_after(&kit, 500);
    end_after(&kit, 501);
    end_after(&kit, 3600000);
    end_after(&kit, 3600001);
#define BUCKET(le) "difystream_run_duration_seconds_bucket{app=\"one\",le=\"" le "\"} "
    assert_shows(&kit, BUCKET("0.5") "1"); /* a bound belongs to its bucket */
    assert_shows(&kit, BUCKET("1") "2");
    assert_shows(&kit, BUCKET("1800") "2");
    assert_shows(&kit, BUCKET("3600") "3");
    assert_shows(&kit, BUCKET("+Inf") "4");
    assert_shows(&kit, "difystream_run_duration_seconds_sum{app=\"one\"} 7201.002");
    assert_shows(&kit, "difystream_run_duration_seconds_count{app=\"one\"} 4");
    kit_end(&kit);
}

static void change(struct kit *kit, enum dify_follow_state from, enum dify_follow_state to,
                   enum dify_reason reason)
{
    struct dify_follow_change what = {from, to, reason, "", 0};
    gw_metrics_change(&kit->run, &what);
}

/* Several failures in a row: each is counted, the first is the cause of the resume. */
static void test_resumes(void **state)
{
    struct kit kit;
    (void)state;
    kit_begin(&kit);
    gw_metrics_stream(&kit.run);
    change(&kit, DIFY_FOLLOW_STREAMING, DIFY_FOLLOW_SUSPECT, DIFY_REASON_SILENT);
    change(&kit, DIFY_FOLLOW_SUSPECT, DIFY_FOLLOW_BROKEN, DIFY_REASON_RESET);
    change(&kit, DIFY_FOLLOW_BROKEN, DIFY_FOLLOW_RESUMING, DIFY_REASON_RETRY);
    change(&kit, DIFY_FOLLOW_RESUMING, DIFY_FOLLOW_BROKEN, DIFY_REASON_NO_CONNECTION);
    change(&kit, DIFY_FOLLOW_BROKEN, DIFY_FOLLOW_RESUMING, DIFY_REASON_RETRY);
    change(&kit, DIFY_FOLLOW_RESUMING, DIFY_FOLLOW_STREAMING, DIFY_REASON_ANSWERED);
    gw_metrics_stream(&kit.run);
    change(&kit, DIFY_FOLLOW_STREAMING, DIFY_FOLLOW_ENDED, DIFY_REASON_FINISHED);
    assert_shows(&kit, "difystream_streams_opened_total{app=\"one\"} 2");
    assert_shows(&kit, "difystream_streams_failed_total{reason=\"reset\"} 1");
    assert_shows(&kit, "difystream_streams_failed_total{reason=\"no_connection\"} 1");
    assert_shows(&kit, "difystream_resumes_total{cause=\"reset\"} 1");
    assert_shows(&kit, "difystream_resumes_total{cause=\"no_connection\"} 0");
    kit_end(&kit);
}

static void test_relayed(void **state)
{
    struct kit kit;
    (void)state;
    kit_begin(&kit);
    gw_metrics_relayed(&kit.gateway, 201, 7, 5);
    gw_metrics_relayed(&kit.gateway, 302, 0, 0);
    gw_metrics_relayed(&kit.gateway, 0, 3, 0); /* its client left before the answer */
    assert_shows(&kit, "difystream_relayed_total{status=\"2xx\"} 1");
    assert_shows(&kit, "difystream_relayed_total{status=\"3xx\"} 1");
    assert_shows(&kit, "difystream_relayed_total{status=\"5xx\"} 0");
    assert_shows(&kit, "difystream_relayed_bytes_total{direction=\"up\"} 10");
    assert_shows(&kit, "difystream_relayed_bytes_total{direction=\"down\"} 5");
    kit_end(&kit);
}

static void test_answers(void **state)
{
    struct kit kit;
    (void)state;
    kit_begin(&kit);
    gw_metrics_answer(&kit.gateway, GW_TAG_FORM, 200);
    gw_metrics_answer(&kit.gateway, GW_TAG_FORM, 499);
    gw_metrics_answer(&kit.gateway, GW_TAG_NONE, 599);
    gw_metrics_answer(&kit.gateway, GW_TAG_FORM, 600); /* of no class */
    gw_metrics_answer(&kit.gateway, GW_TAG_FORM, 100);
    gw_metrics_answer(&kit.gateway, GW_ROUTE_TAGS, 200); /* of no route */
#define ANSWERS(method, route, status)                                                             \
    "difystream_requests_total{method=\"" method "\",route=\"" route "\",status=\"" status "\"} "
    assert_shows(&kit, ANSWERS("POST", "form", "2xx") "1");
    assert_shows(&kit, ANSWERS("POST", "form", "4xx") "1");
    assert_shows(&kit, ANSWERS("POST", "form", "5xx") "0");
    assert_shows(&kit, ANSWERS("other", "none", "5xx") "1");
    kit_end(&kit);
}

/* Each outcome and each reason has a name of its own, and for want of memory there is no text. */
static void test_names(void **state)
{
    struct kit kit;
    (void)state;
    for (unsigned i = 0; i < GW_OUTCOMES; i++)
        for (unsigned j = 0; j < i; j++)
            assert_string_not_equal(gw_outcome_name((enum dify_outcome)i),
                                    gw_outcome_name((enum dify_outcome)j));
    kit_begin(&kit);
    kit.text.max = 10000;
    assert_int_equal(gw_metrics_write(&kit.gateway, &kit.text), DIFY_ERR_TOO_LARGE);
    kit_end(&kit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_currencies), cmocka_unit_test(test_odd_currencies),
        cmocka_unit_test(test_nodes),      cmocka_unit_test(test_durations),
        cmocka_unit_test(test_resumes),    cmocka_unit_test(test_answers),
        cmocka_unit_test(test_relayed),    cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
