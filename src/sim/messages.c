/* SPDX-License-Identifier: Apache-2.0
 *
 * messages.c: what was said in a conversation, the latest page of it, oldest first. Left out are an
 * agent's thoughts, files, and the forms of a run that paused; an answer is kept whole also where
 * Dify stores nothing of it, since its client left.
 */
#include "core/slices.h"
#include "difystream/decimal.h"
#include "sim/parameter.h"
#include "sim/payload.h"
#include "sim/routes.h"
#include "sim/run.h"

#include <string.h>

#define MESSAGES_LIMIT 20
#define MESSAGES_MOST 100

static const char *status_of(const struct sim_run *run)
{
    if (run->error.len > 0)
        return "error";
    return run->state == SIM_RUN_PAUSED ? "paused" : "normal";
}

/* `literal`, which ends in the colon of a member, and its value; `otherwise` where there is none.
 */
static void add_value(struct sim_text *text, const char *literal, yyjson_val *value,
                      const char *otherwise)
{
    sim_text_add(text, literal);
    if (value != NULL)
        sim_text_value(text, value);
    else
        sim_text_add(text, otherwise);
}

/* Dify's column of prices has seven decimals, and Python's way with a zero. */
static void add_price(struct sim_text *text, yyjson_val *usage)
{
    struct dify_decimal price = DIFY_DECIMAL_ZERO;
    struct dify_slice given = sim_member_string(usage, "total_price");
    char plain[DIFY_DECIMAL_TEXT_BYTES];
    bool is_zero = given.ptr == NULL || (dify_decimal_parse(given, &price) == DIFY_OK &&
                                         dify_decimal_format(&price, plain) == 1 && *plain == '0');
    sim_text_pair(text, ",\"total_price\":", is_zero ? DIFY_SLICE("0E-7") : given);
}

/* A chat's answer is stored without white space around it; a chatflow's as it is. */
static struct dify_slice stored_answer(const struct sim_run *run)
{
    struct dify_slice answer = dify__buffer_slice(&run->answer);
    while (!sim_mode_has_runs(run->app->mode) && answer.len > 0 &&
           strchr(" \t\r\n", answer.ptr[answer.len - 1]) != NULL)
        answer.len--;
    return answer;
}

/* From 1.16 on a message tells what it cost. */
static void add_costs(struct sim_text *text, yyjson_val *usage)
{
    add_value(text, ",\"message_tokens\":", yyjson_obj_get(usage, "prompt_tokens"), "0");
    add_value(text, ",\"answer_tokens\":", yyjson_obj_get(usage, "completion_tokens"), "0");
    add_value(text, ",\"provider_response_latency\":", yyjson_obj_get(usage, "latency"), "0.0");
    add_price(text, usage);
    add_value(text, ",\"currency\":", yyjson_obj_get(usage, "currency"), "\"USD\"");
}

static void add_message(struct sim_text *text, const struct sim_run *run)
{
    bool has_usage = sim_is_at_least(run->sim, SIM_1_16_1);
    yyjson_doc *end = sim_text_read(text, dify__buffer_slice(&run->message_end));
    yyjson_doc *failure = sim_text_read(text, dify__buffer_slice(&run->error));
    yyjson_val *metadata = yyjson_obj_get(yyjson_doc_get_root(end), "metadata");
    yyjson_val *usage = yyjson_obj_get(metadata, "usage");
    yyjson_val *resources = yyjson_obj_get(metadata, "retriever_resources");
    sim_text_id(text, "{\"id\":", run->bindings.message);
    sim_text_id(text, ",\"conversation_id\":", run->bindings.conversation);
    sim_text_add(text,
                 ",\"parent_message_id\":\"00000000-0000-0000-0000-000000000000\",\"inputs\":");
    sim_text_put(text, dify__buffer_slice(&run->given));
    sim_text_pair(text, ",\"query\":", dify__buffer_slice(&run->query));
    sim_text_pair(text, ",\"answer\":", stored_answer(run));
    sim_text_add(text, ",\"feedback\":");
    if (run->rating.ptr != NULL)
        sim_text_pair(text, "{\"rating\":", run->rating);
    sim_text_add(text, run->rating.ptr != NULL ? "}" : "null");
    add_value(text, ",\"retriever_resources\":", resources, "[]");
    sim_text_add(text, ",\"created_at\":");
    sim_text_int(text, run->bindings.start);
    sim_text_add(text, ",\"agent_thoughts\":[],\"message_files\":[]");
    if (has_usage)
        add_costs(text, usage);
    sim_text_pair(text, ",\"status\":", dify__slice(status_of(run)));
    add_value(text, ",\"error\":", yyjson_obj_get(yyjson_doc_get_root(failure), "message"), "null");
    sim_text_add(text, ",\"extra_contents\":[]");
    if (has_usage)
        add_value(text, ",\"total_tokens\":", yyjson_obj_get(usage, "total_tokens"), "0");
    sim_text_add(text, "}");
    yyjson_doc_free(failure);
    yyjson_doc_free(end);
}

/* ---- the route ----------------------------------------------------------------------------- */

struct history {
    struct sim_parameter conversation, user, limit, first;
    int64_t limit_number;
};

/* False if it was answered. What malformed values are answered with was not recorded. */
static bool read_history(struct sim_visit *visit, struct history *history)
{
    enum sim_mode mode = visit->app->mode;
    sim_parameter_read(visit, "conversation_id", &history->conversation);
    sim_parameter_read(visit, "user", &history->user);
    sim_parameter_read(visit, "limit", &history->limit);
    sim_parameter_read(visit, "first_id", &history->first);
    history->limit_number = sim_parameter_number(&history->limit, MESSAGES_LIMIT);
    if (history->user.text.len == 0) {
        sim_answer_error(visit, 400, "invalid_param", DIFY_SLICE("Arg user must be provided."));
    } else if (mode == SIM_WORKFLOW || mode == SIM_COMPLETION) {
        sim_answer_error(visit, 400, "not_chat_app",
                         DIFY_SLICE("Please check if your app mode matches the right API route."));
    } else if (!sim_is_uuid(history->conversation.text)) {
        sim_payload_refuse_value(visit, "MessageListQuery", "conversation_id",
                                 "Value error, conversation_id must be a valid UUID", "value_error",
                                 history->conversation.text);
    } else if (history->limit_number < 1 || history->limit_number > MESSAGES_MOST) {
        sim_payload_refuse_value(visit, "MessageListQuery", "limit",
                                 "Input should be less than or equal to 100", "less_than_equal",
                                 history->limit.text);
    } else {
        return true;
    }
    return false;
}

static bool is_of(const struct sim_run *run, const struct sim_run *last)
{
    return run->app == last->app &&
           strcmp(run->bindings.conversation, last->bindings.conversation) == 0;
}

/* The runs of the conversation before `until` (NULL: all of it), as far as `limit` allows; returns
 * the oldest of them. */
static const struct sim_run *find_first(const struct sim_run *last, const struct sim_run *until,
                                        int64_t limit, bool *has_more)
{
    const struct sim_run *first = NULL;
    *has_more = false;
    for (const struct sim_run *run = until != NULL ? until->older : last; run != NULL;
         run = run->older) {
        if (!is_of(run, last))
            continue;
        if (limit-- == 0) {
            *has_more = true;
            return first;
        }
        first = run;
    }
    return first;
}

static void answer_history(struct sim_visit *visit, const struct history *history,
                           const struct sim_run *last, const struct sim_run *until)
{
    struct sim_text text;
    bool has_more;
    const struct sim_run *run = find_first(last, until, history->limit_number, &has_more);
    sim_text_init(&text, visit->sim->allocator);
    sim_text_add(&text, "{\"limit\":");
    sim_text_int(&text, history->limit_number);
    sim_text_add(&text,
                 has_more ? ",\"has_more\":true,\"data\":[" : ",\"has_more\":false,\"data\":[");
    for (const char *comma = ""; run != NULL && run != until; run = run->newer) {
        if (!is_of(run, last))
            continue;
        sim_text_add(&text, comma);
        add_message(&text, run);
        comma = ",";
    }
    sim_text_add(&text, "]}");
    sim_answer_json(visit, 200, SIM_ANSWER_ASCII, &text);
}

void sim_serve_messages(struct sim_visit *visit)
{
    struct history history;
    const struct sim_run *last, *until = NULL;
    if (!read_history(visit, &history))
        return;
    last = dify__index_get(&visit->sim->conversations, history.conversation.text);
    if (last == NULL || last->app != visit->app ||
        !dify__slice_equals(dify__buffer_slice(&last->user), history.user.text)) {
        sim_answer_error(visit, 404, "not_found", DIFY_SLICE("Conversation Not Exists."));
        return;
    }
    if (history.first.text.len > 0) {
        until = dify__index_get(&visit->sim->runs_by_message, history.first.text);
        if (until == NULL || !is_of(until, last)) {
            sim_answer_error(visit, 404, "not_found", DIFY_SLICE("First Message Not Exists."));
            return;
        }
    }
    answer_history(visit, &history, last, until);
}
