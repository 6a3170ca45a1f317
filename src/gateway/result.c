/* SPDX-License-Identifier: Apache-2.0
 *
 * result.c: see result.h.
 */
#include "gateway/result.h"

#include "client/words.h"
#include "core/json_text.h"
#include "core/run_follow.h"
#include "core/slices.h"

#include <stdlib.h>

void gw_result_take(struct gw_run *run, const struct dify_run *of, const struct dify_result *result)
{
    struct dify__buffer text = {.allocator = run->gateway->allocator, .max = SIZE_MAX / 2};
    run->success = result->success;
    run->is_paused = result->outcome == DIFY_OUTCOME_PAUSED;
    run->http_status = run->http_override != 0 ? run->http_override : result->http_status;
    if (dify__run_write(of, DIFY_JSON_COMPACT, result, dify__write_to_buffer, &text) != DIFY_OK) {
        dify__buffer_fini(&text);
        run->http_status = 503;
        return;
    }
    run->result = text.ptr;
    run->result_len = text.len;
}

struct dify_run *gw_result_failed(enum dify_outcome outcome, const char *code, const char *message)
{
    struct dify_run *failed;
    if (dify_run_new(NULL, &failed) != DIFY_OK)
        return NULL;
    if (dify_run_fail(failed, outcome, dify__slice(code), dify__slice(message), 0) == DIFY_OK)
        return failed;
    dify_run_free(failed);
    return NULL;
}

/* The member `error` of a failure, quotes included: the second member, as dify_run_write_result()
 * writes it. */
static struct dify_slice error_of(struct dify_slice json)
{
    const struct dify_slice head = DIFY_SLICE("{\"success\":false,\"error\":\"");
    struct dify_slice error = {NULL, 0};
    if (json.len <= head.len || memcmp(json.ptr, head.ptr, head.len) != 0)
        return error;
    error.ptr = json.ptr + head.len - 1;
    for (size_t at = head.len; at < json.len; at++) {
        if (json.ptr[at] == '\\') {
            at++;
        } else if (json.ptr[at] == '"') {
            error.len = (size_t)(json.ptr + at + 1 - error.ptr);
            return error;
        }
    }
    return (struct dify_slice){NULL, 0};
}

bool gw_result_wrap(struct dify_slice json, const char *run_id, struct dify__buffer *out)
{
    enum dify_err err = DIFY_OK;
    struct dify_slice error = error_of(json);
    if (json.len == 0)
        return false;
    dify__add_slice(out, &err,
                    (struct dify_slice){json.ptr, json.len - 1}); /* all but the last brace */
    if (error.ptr != NULL) {
        dify__add_slice(out, &err, DIFY_SLICE(",\"detail\":"));
        dify__add_slice(out, &err, error);
    }
    dify__add_slice(
        out, &err, run_id != NULL ? DIFY_SLICE(",\"run_id\":\"") : DIFY_SLICE(",\"run_id\":null}"));
    if (run_id != NULL) {
        dify__add_slice(out, &err, dify__slice(run_id));
        dify__add_slice(out, &err, DIFY_SLICE("\"}"));
    }
    return err == DIFY_OK;
}

bool gw_run_write(const struct gw_run *run, struct dify__buffer *out)
{
    const char *id = run->is_kept || run->has_row ? run->id_text : NULL;
    /* Before it is kept a result is not shown: the next process may come to another one. */
    if (run->state == GW_RUN_ENDED)
        return run->result != NULL &&
               gw_result_wrap((struct dify_slice){run->result, run->result_len}, id, out);
    if (run->follow == NULL)
        return gw_result_wrap(DIFY_SLICE("{\"success\":null,\"data\":{\"status\":\"queued\"}}"), id,
                              out);
    struct dify__buffer text = {.allocator = run->gateway->allocator, .max = SIZE_MAX / 2};
    bool is_queued = run->state < GW_RUN_LIVE;
    bool is_written = dify__run_write_result(dify_follow_run(run->follow), DIFY_JSON_COMPACT,
                                             is_queued ? "queued" : "running",
                                             dify__write_to_buffer, &text) == DIFY_OK &&
                      gw_result_wrap(dify__buffer_slice(&text), id, out);
    dify__buffer_fini(&text);
    return is_written;
}
