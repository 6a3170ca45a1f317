/* SPDX-License-Identifier: Apache-2.0
 *
 * hints.c: see hints.h.
 */
#include "cli/hints.h"

#include "core/slices.h"

/* By Dify's code. Which parameter is meant by its commonest one is known of a run alone. */
static const char *by_code(struct dify_slice code, bool is_run)
{
    static const struct {
        const char *code, *hint;
    } hints[] = {
        {"unauthorized", "; is it the key of this app (--api-key-file, the configuration file or "
                         "DIFY_API_KEY)? 'difystream doctor' looks closer"},
        {"not_workflow_app", "; the key belongs to an app of another kind"},
        {"not_chat_app", "; the key belongs to an app of another kind"},
        {"app_unavailable", "; is the app published, and its model set up?"},
        {"provider_not_initialize", "; set the model's credentials in Dify"},
        {"provider_quota_exceeded", "; the model's quota is used up"},
        {"file_too_large", "; 'difystream params' shows the limits"},
        {"unsupported_file_type", "; 'difystream params' shows which types are taken"},
        {"rate_limit_error", "; the plan's quota of requests is used up"},
    };
    for (size_t i = 0; i < sizeof hints / sizeof hints[0]; i++)
        if (dify__slice_is(code, hints[i].code))
            return hints[i].hint;
    return is_run && dify__slice_is(code, "invalid_param")
               ? "; 'difystream params' shows what the app takes"
               : NULL;
}

const char *cli_hint(enum dify_outcome outcome, struct dify_slice code, struct dify_slice message,
                     bool is_run)
{
    if (is_run && dify__slice_is(message, "query is required"))
        return "; a chat app needs --query TEXT";
    const char *hint = by_code(code, is_run);
    if (hint != NULL)
        return hint;
    if (message.len != 0 && message.ptr[message.len - 1] == '?') /* it has a hint of its own */
        return "";
    switch (outcome) {
    case DIFY_OUTCOME_CONNECT_FAILED:
    case DIFY_OUTCOME_CONNECT_TIMEOUT:
        return "; is the base URL right? 'difystream doctor' looks closer";
    case DIFY_OUTCOME_INVALID_RESPONSE:
        return "; is the base URL that of Dify's API? 'difystream doctor' looks closer";
    case DIFY_OUTCOME_HTTP_ERROR:
        return "; 'difystream doctor' looks closer";
    case DIFY_OUTCOME_READ_TIMEOUT:
        return "; --read-timeout S waits longer";
    default:
        return "";
    }
}
