/* SPDX-License-Identifier: Apache-2.0
 *
 * test_dify.c: GET /api/test-dify[?app=]: whether Dify can be talked to. Nothing is run by it.
 *
 *   {"success", "app", "release": text or null,
 *    "checks": [{"check", "ok": true, false or null, "ms": number or null, "message"} …]}
 *
 * Checks are "reachable" (a web server answers), "key" (it takes the app's key), "app" (its name
 * and mode), "version" (what it tells of its release), "stream" (an event stream opens; of a run
 * that has ended, else it is asked for one that there is not). `ok` is null where a check does not
 * apply, or could not be made because one before it failed. 200 if none is false, else 502; 504
 * where Dify did not answer within GW_TEST_MS.
 */
#include "core/json.h"
#include "core/slices.h"
#include "gateway/app.h"
#include "gateway/hub.h"
#include "gateway/later.h"
#include "gateway/out.h"
#include "gateway/query.h"
#include "gateway/reply.h"
#include "gateway/routes.h"
#include "gateway/words.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum check { REACHABLE, KEY, APP, VERSION, STREAM, CHECKS };
enum verdict { UNTRIED, GOOD, BAD, NONE };

struct test {
    struct gw_later later; /* the first member */
    struct gw_app *app;
    struct dify_call *call; /* NULL: none is under way */
    struct dify__alarm alarm;
    bool is_late, has_runs;
    char release[32];
    char run_id[64], user[GW_NAME_BYTES]; /* of a run that has ended */
    struct {
        enum verdict verdict;
        double ms; /* below 0: none */
        char message[GW_WORDS_BYTES];
    } checks[CHECKS];
};

static void set(struct test *test, enum check check, enum verdict verdict, double ms,
                const char *format, ...) __attribute__((format(printf, 5, 6)));

static void set(struct test *test, enum check check, enum verdict verdict, double ms,
                const char *format, ...)
{
    va_list args;
    test->checks[check].verdict = verdict;
    test->checks[check].ms = ms;
    va_start(args, format);
    vsnprintf(test->checks[check].message, sizeof test->checks[check].message, format, args);
    va_end(args);
}

/* ---- the answer ---------------------------------------------------------------------------- */

static void put_check(struct dify__writer *writer, const struct test *test, enum check check)
{
    static const char *const names[] = {"reachable", "key", "app", "version", "stream"};
    enum verdict verdict = test->checks[check].verdict;
    dify__write_element(writer);
    dify__write_open(writer, '{');
    dify__key_string(writer, "check", dify__slice(names[check]));
    if (verdict == GOOD || verdict == BAD)
        dify__key_bool(writer, "ok", verdict == GOOD);
    else
        dify__key_null(writer, "ok");
    if (test->checks[check].ms >= 0)
        dify__key_uint(writer, "ms", (uint64_t)(test->checks[check].ms + 0.5));
    else
        dify__key_null(writer, "ms");
    dify__key_string(writer, "message",
                     verdict == UNTRIED ? DIFY_SLICE("not tried")
                                        : dify__slice(test->checks[check].message));
    dify__write_close(writer, '}');
}

static void answer(struct test *test)
{
    struct gateway *gateway = test->later.gateway;
    struct dify__writer writer;
    bool is_good = true;
    for (size_t i = 0; i < CHECKS; i++)
        is_good = is_good && test->checks[i].verdict != BAD;
    if (test->later.exchange != NULL) {
        gw_out_begin(&writer, &gateway->scratch);
        dify__write_open(&writer, '{');
        dify__key_bool(&writer, "success", is_good);
        dify__key_string(&writer, "app", dify__slice(test->app->config->name));
        dify__key_string(&writer, "release",
                         test->release[0] != '\0' ? dify__slice(test->release)
                                                  : (struct dify_slice){NULL, 0});
        dify__write_key(&writer, "checks");
        dify__write_open(&writer, '[');
        for (size_t i = 0; i < CHECKS; i++)
            put_check(&writer, test, (enum check)i);
        dify__write_close(&writer, ']');
        dify__write_close(&writer, '}');
        gw_out_reply(&writer, &gateway->scratch, test->later.exchange,
                     is_good         ? 200
                     : test->is_late ? 504
                                     : 502);
    }
    gw_later_end(&test->later);
}

/* Of a call that failed. */
static void fail(struct test *test, enum check check, const struct dify_answer *failed)
{
    struct gw_words words;
    gw_words_of(failed, &words);
    test->is_late = test->is_late || words.status == 504;
    set(test, check, BAD, failed->times.total_ms, "%s (%s)", words.message, words.code);
}

static void no_memory(struct test *test, enum check check)
{
    set(test, check, BAD, -1, "the gateway has run out of memory");
    answer(test);
}

/* ---- a stream ------------------------------------------------------------------------------ */

/* What a run that nobody knows is asked for by. */
#define NO_RUN "00000000-0000-4000-8000-000000000000"

static void on_probed(void *ctx, const struct dify_answer *probed)
{
    struct test *test = ctx;
    bool has_run = test->run_id[0] != '\0';
    test->call = NULL;
    if (probed->outcome == DIFY_OUTCOME_SUCCEEDED)
        set(test, STREAM, GOOD, probed->times.first_byte_ms, "a stream opens");
    else if (probed->http_status == 404 && !dify__slice_is(probed->code, "not_found"))
        set(test, STREAM, NONE, -1,
            "this Dify has no route to take a stream up again: a broken one is polled");
    else if (probed->http_status == 404 && !has_run)
        set(test, STREAM, GOOD, probed->times.first_byte_ms,
            "the route of streams answers; there is no run yet whose stream could be opened");
    else
        fail(test, STREAM, probed);
    answer(test);
}

static void probe(struct test *test)
{
    bool has_run = test->run_id[0] != '\0';
    if (dify_probe_stream(test->app->dify, has_run ? test->run_id : NO_RUN,
                          has_run ? test->user : "difystream", on_probed, test,
                          &test->call) != DIFY_OK)
        no_memory(test, STREAM);
}

static struct dify_slice string_of(yyjson_val *value)
{
    return (struct dify_slice){yyjson_get_str(value), yyjson_get_len(value)};
}

static void copy(struct dify_slice text, char *out, size_t size)
{
    if (text.ptr == NULL || text.len >= size || memchr(text.ptr, '\0', text.len) != NULL)
        return;
    memcpy(out, text.ptr, text.len);
    out[text.len] = '\0';
}

/* The newest of the logs that has ended. */
static void find_run(struct test *test, yyjson_val *rows)
{
    size_t i, count;
    yyjson_val *row;
    yyjson_arr_foreach(rows, i, count, row)
    {
        yyjson_val *run = yyjson_obj_get(row, "workflow_run");
        yyjson_val *user = yyjson_obj_get(yyjson_obj_get(row, "created_by_end_user"), "session_id");
        struct dify_slice status = string_of(yyjson_obj_get(run, "status"));
        if (!dify__slice_is(status, "succeeded") && !dify__slice_is(status, "failed") &&
            !dify__slice_is(status, "partial-succeeded"))
            continue;
        test->run_id[0] = test->user[0] = '\0';
        copy(string_of(yyjson_obj_get(run, "id")), test->run_id, sizeof test->run_id);
        copy(string_of(user), test->user, sizeof test->user);
        if (test->run_id[0] != '\0' && test->user[0] != '\0')
            return;
    }
    test->run_id[0] = '\0';
}

static void on_logs(void *ctx, const struct dify_answer *logs)
{
    struct test *test = ctx;
    struct dify__json json;
    test->call = NULL;
    if (logs->outcome == DIFY_OUTCOME_SUCCEEDED) {
        dify__json_init(&json, dify__allocator(NULL));
        if (dify__json_read(&json, logs->body) == DIFY_OK)
            find_run(test, yyjson_obj_get(yyjson_doc_get_root(json.doc), "data"));
        dify__json_fini(&json);
    }
    probe(test);
}

static void check_stream(struct test *test)
{
    struct dify_log_filter filter = {.size = sizeof filter, .limit = 50};
    if (!test->app->config->is_streaming) {
        set(test, STREAM, NONE, -1, "the app is asked without streams");
        answer(test);
    } else if (!test->has_runs) {
        set(test, STREAM, NONE, -1, "an app of this mode has no stream that opens without a run");
        answer(test);
    } else if (dify_list_logs(test->app->dify, &filter, on_logs, test, &test->call) != DIFY_OK) {
        no_memory(test, STREAM);
    }
}

/* ---- the app ------------------------------------------------------------------------------- */

static void take_info(struct test *test, const struct dify_answer *info)
{
    struct dify__json json;
    dify__json_init(&json, dify__allocator(NULL));
    yyjson_val *root = NULL;
    if (dify__json_read(&json, info->body) == DIFY_OK)
        root = yyjson_doc_get_root(json.doc);
    struct dify_slice name = string_of(yyjson_obj_get(root, "name"));
    struct dify_slice mode = string_of(yyjson_obj_get(root, "mode"));
    test->has_runs = dify__slice_is(mode, "workflow") || dify__slice_is(mode, "advanced-chat");
    set(test, APP, GOOD, -1, "\"%.*s\", %.*s", (int)(name.len < 200 ? name.len : 200),
        name.ptr != NULL ? name.ptr : "", (int)(mode.len < 50 ? mode.len : 50),
        mode.ptr != NULL ? mode.ptr : "of no mode that is told");
    dify__json_fini(&json);
}

/* Whether it is Dify that answered, whatever it said. */
static bool is_dify(const struct dify_answer *info)
{
    return info->http_status != 0 && info->http_status < 500 &&
           info->outcome != DIFY_OUTCOME_INVALID_RESPONSE &&
           (info->outcome == DIFY_OUTCOME_SUCCEEDED || !dify__slice_is(info->code, "http_error"));
}

static void on_info(void *ctx, const struct dify_answer *info)
{
    struct test *test = ctx;
    test->call = NULL;
    copy(info->release, test->release, sizeof test->release);
    if (!is_dify(info)) {
        fail(test, REACHABLE, info);
        answer(test);
        return;
    }
    set(test, REACHABLE, GOOD, info->times.total_ms, "Dify answers");
    if (test->release[0] != '\0')
        set(test, VERSION, GOOD, -1, "%s", test->release);
    else
        set(test, VERSION, NONE, -1, "Dify does not tell it");
    if (info->outcome != DIFY_OUTCOME_SUCCEEDED) {
        fail(test, KEY, info);
        answer(test);
        return;
    }
    set(test, KEY, GOOD, -1, "it is taken");
    take_info(test, info);
    check_stream(test);
}

/* ---- the request --------------------------------------------------------------------------- */

static void on_alarm(struct dify__alarm *alarm)
{
    struct test *test = (struct test *)(void *)((char *)alarm - offsetof(struct test, alarm));
    enum check check = test->checks[REACHABLE].verdict == UNTRIED ? REACHABLE : STREAM;
    test->is_late = true;
    set(test, check, BAD, GW_TEST_MS, "Dify did not answer in time (read_timeout)");
    answer(test);
}

static void drop(struct gw_later *later)
{
    struct test *test = (struct test *)(void *)later;
    http_timer_clear(&later->gateway->timer, &test->alarm);
    if (test->call != NULL)
        dify_call_cancel(test->call);
    free(test);
}

/* The app that the query names, else the default one. NULL: it was answered. */
static struct gw_app *app_of(const struct gw_request *request)
{
    struct gw_param param = {.name = "app"};
    struct gw_query query = {.params = &param, .count = 1};
    struct gw_app *app = NULL;
    if (!gw_query_read(&query, request->exchange))
        return NULL;
    if (!gw_query_refuse(&query, request->exchange)) {
        app = gw_access_app(request->gateway, &request->access, param.value);
        if (app == NULL)
            gw_reply_error(request->exchange, 404, "app_not_found", "there is no app of this name",
                           NULL);
    }
    gw_query_fini(&query);
    return app;
}

void gw_serve_test_dify(const struct gw_request *request)
{
    struct gateway *gateway = request->gateway;
    struct gw_app *app = app_of(request);
    if (app == NULL)
        return;
    struct test *test = calloc(1, sizeof *test);
    if (test == NULL) {
        gw_out_of_memory(request->exchange);
        return;
    }
    for (size_t i = 0; i < CHECKS; i++)
        test->checks[i].ms = -1;
    test->app = app;
    test->alarm.ring = on_alarm;
    gw_later_begin(&test->later, gateway, request->exchange, drop);
    if (http_timer_set(&gateway->timer, &test->alarm, GW_TEST_MS) != DIFY_OK ||
        dify_app_read(app->dify, DIFY_READ_INFO, on_info, test, &test->call) != DIFY_OK)
        no_memory(test, REACHABLE);
}
