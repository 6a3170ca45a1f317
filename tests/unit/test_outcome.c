/* SPDX-License-Identifier: Apache-2.0
 *
 * test_outcome.c: the table of docs/result.md, row by row, and the names of errors.
 */
#include "support.h"

#include "core/outcome.h"
#include "difystream/version.h"

struct row_case {
    const char *name;
    enum dify_outcome outcome;
    const char *error, *code; /* NULL: made from the status */
    int exit_status, http_status;
};

static const struct row_case cases[] = {
    {"succeeded", DIFY_OUTCOME_SUCCEEDED, "", "", 0, 200},
    {"failed", DIFY_OUTCOME_FAILED, "工作流执行失败", "workflow_failed", 1, 502},
    {"error event", DIFY_OUTCOME_ERROR_EVENT, "工作流执行失败", "stream_error", 1, 502},
    {"stopped", DIFY_OUTCOME_STOPPED, NULL, "workflow_stopped", 1, 502},
    {"stopped, said as failed", DIFY_OUTCOME_STOPPED_AS_FAILED, "工作流执行失败",
     "workflow_stopped", 1, 502},
    {"paused", DIFY_OUTCOME_PAUSED, NULL, "workflow_paused", 5, 502},
    {"another status", DIFY_OUTCOME_OTHER_STATUS, NULL, NULL, 1, 502},
    {"incomplete", DIFY_OUTCOME_STREAM_INCOMPLETE, "工作流状态异常: None", "stream_incomplete", 4,
     502},
    {"run lost", DIFY_OUTCOME_RUN_LOST, "无法确认工作流是否已启动", "run_lost", 4, 502},
    {"reset", DIFY_OUTCOME_CONNECTION_RESET, "连接被对端重置", "connection_reset", 4, 502},
    {"connect timeout", DIFY_OUTCOME_CONNECT_TIMEOUT, "无法连接到Dify服务", "connect_timeout", 7,
     504},
    {"connect failed", DIFY_OUTCOME_CONNECT_FAILED, "无法连接到Dify服务", "connect_failed", 7, 502},
    {"read timeout", DIFY_OUTCOME_READ_TIMEOUT, "等待Dify响应超时", "read_timeout", 6, 504},
    {"run timeout", DIFY_OUTCOME_RUN_TIMEOUT, "等待Dify响应超时", "run_timeout", 6, 504},
    {"refused", DIFY_OUTCOME_REFUSED, "Dify拒绝了请求", "http_error", 3, 0},
    {"http error", DIFY_OUTCOME_HTTP_ERROR, "Dify服务返回异常", "http_error", 7, 502},
    {"invalid response", DIFY_OUTCOME_INVALID_RESPONSE, "Dify服务返回异常", "invalid_response", 7,
     502},
    {"invalid param", DIFY_OUTCOME_INVALID_PARAM, "请求参数无效", "invalid_param", 3, 400},
    {"upload failed", DIFY_OUTCOME_UPLOAD_FAILED, "文件上传失败", "upload_failed", 3, 0},
    {"cancelled", DIFY_OUTCOME_CANCELLED, "请求已取消", "cancelled", 130, 499},
    {"too many runs", DIFY_OUTCOME_TOO_MANY_RUNS, "排队的工作流过多", "too_many_runs", 3, 429},
    {"unavailable", DIFY_OUTCOME_UNAVAILABLE, "服务暂不可用", "unavailable", 7, 503},
};

static void run_case(void **state)
{
    const struct row_case *c = *state;
    const struct dify__outcome_row *row = dify__outcome_row(c->outcome);
    assert_slice(slice_of(row->error), c->error);
    assert_slice(slice_of(row->code), c->code);
    assert_int_equal(row->exit_status, c->exit_status);
    assert_int_equal(row->http_status, c->http_status);
}

static void test_error_names_differ(void **state)
{
    (void)state;
    for (int i = DIFY_OK; i <= DIFY_ERR_WRITE; i++) {
        assert_true(strlen(dify_strerror((enum dify_err)i)) > 0);
        for (int j = DIFY_OK; j < i; j++)
            assert_string_not_equal(dify_strerror((enum dify_err)i),
                                    dify_strerror((enum dify_err)j));
    }
    assert_string_equal(dify_strerror(DIFY_ERR_NOMEM), "out of memory");
    assert_string_equal(dify_strerror((enum dify_err)99), "unknown error");
}

static void test_versions(void **state)
{
    (void)state;
    char version[32];
    snprintf(version, sizeof version, "%d.%d.%d", DIFY_VERSION_MAJOR, DIFY_VERSION_MINOR,
             DIFY_VERSION_PATCH);
    assert_string_equal(dify_version(), version);
    assert_string_equal(DIFY_VERSION, version);
    assert_memory_equal(dify_json_version(), "yyjson ", 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_error_names_differ),
        cmocka_unit_test(test_versions),
    };
    int failed = run_cases("outcome, rows", cases, COUNT_OF(cases), sizeof cases[0], run_case);
    return failed + cmocka_run_group_tests_name("outcome", tests, NULL, NULL);
}
