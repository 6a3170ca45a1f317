/* SPDX-License-Identifier: Apache-2.0
 *
 * outcome.c: fixed texts, codes and statuses, a row for each outcome.
 */
#include "core/outcome.h"

#include <stddef.h>

static const struct dify__outcome_row rows[] = {
    [DIFY_OUTCOME_SUCCEEDED] = {"", "", 0, 200},
    [DIFY_OUTCOME_FAILED] = {"工作流执行失败", "workflow_failed", 1, 502},
    [DIFY_OUTCOME_ERROR_EVENT] = {"工作流执行失败", "stream_error", 1, 502},
    [DIFY_OUTCOME_STOPPED] = {NULL, "workflow_stopped", 1, 502},
    [DIFY_OUTCOME_STOPPED_AS_FAILED] = {"工作流执行失败", "workflow_stopped", 1, 502},
    [DIFY_OUTCOME_PAUSED] = {NULL, "workflow_paused", 5, 502},
    [DIFY_OUTCOME_OTHER_STATUS] = {NULL, NULL, 1, 502},
    [DIFY_OUTCOME_STREAM_INCOMPLETE] = {"工作流状态异常: None", "stream_incomplete", 4, 502},
    [DIFY_OUTCOME_RUN_LOST] = {"无法确认工作流是否已启动", "run_lost", 4, 502},
    [DIFY_OUTCOME_CONNECTION_RESET] = {"连接被对端重置", "connection_reset", 4, 502},
    [DIFY_OUTCOME_CONNECT_TIMEOUT] = {"无法连接到Dify服务", "connect_timeout", 7, 504},
    [DIFY_OUTCOME_CONNECT_FAILED] = {"无法连接到Dify服务", "connect_failed", 7, 502},
    [DIFY_OUTCOME_READ_TIMEOUT] = {"等待Dify响应超时", "read_timeout", 6, 504},
    [DIFY_OUTCOME_RUN_TIMEOUT] = {"等待Dify响应超时", "run_timeout", 6, 504},
    [DIFY_OUTCOME_REFUSED] = {"Dify拒绝了请求", "http_error", 3, 0},
    [DIFY_OUTCOME_HTTP_ERROR] = {"Dify服务返回异常", "http_error", 7, 502},
    [DIFY_OUTCOME_INVALID_RESPONSE] = {"Dify服务返回异常", "invalid_response", 7, 502},
    [DIFY_OUTCOME_INVALID_PARAM] = {"请求参数无效", "invalid_param", 3, 400},
    [DIFY_OUTCOME_UPLOAD_FAILED] = {"文件上传失败", "upload_failed", 3, 0},
    [DIFY_OUTCOME_CANCELLED] = {"请求已取消", "cancelled", 130, 499},
    [DIFY_OUTCOME_TOO_MANY_RUNS] = {"排队的工作流过多", "too_many_runs", 3, 429},
    [DIFY_OUTCOME_UNAVAILABLE] = {"服务暂不可用", "unavailable", 7, 503},
};

const struct dify__outcome_row *dify__outcome_row(enum dify_outcome outcome)
{
    return &rows[outcome];
}
