/* SPDX-License-Identifier: Apache-2.0
 *
 * fake_dify.c: Dify, as far as the client sees of it: its routes, its runs and their readers.
 */
#include "fake.h"

#define IDLE_MS 300000 /* without a word of a run's worker: Dify ends the stream */
#define PING_MS 10000

#define ALARM_OF(alarm, type, member) ((type *)(void *)((char *)(alarm)-offsetof(type, member)))

#define PING "event: ping\n\n"

/* ---- streams ------------------------------------------------------------------------------- */

static void detach(struct dify__exchange *exchange)
{
    struct fake *fake = exchange->fake;
    if (exchange->run != NULL)
        exchange->run->readers--;
    exchange->run = NULL;
    dify__alarms_clear(&fake->things, &exchange->ping);
    dify__alarms_clear(&fake->things, &exchange->idle);
}

static void attach(struct dify__exchange *exchange, struct fake_run *run)
{
    exchange->run = run;
    if (++run->readers > exchange->fake->most_readers)
        exchange->fake->most_readers = run->readers;
}

void fake_leave(struct dify__exchange *exchange)
{
    struct fake_run *run = exchange->run;
    if (run == NULL)
        return;
    if (!run->has_ended && !run->is_paused)
        run->zombies++;
    detach(exchange);
}

/* Dify itself ends a stream. */
static void close_stream(struct dify__exchange *exchange, enum dify__failure failure)
{
    detach(exchange);
    fake_send_end(exchange, failure);
}

static void send_frame(struct dify__exchange *exchange, const char *json, struct fake_run *run,
                       size_t event)
{
    struct text frame = {NULL, 0, 0};
    text_add_chars(&frame, "data: ");
    text_add_chars(&frame, json);
    text_add_chars(&frame, "\n\n");
    fake_send_body(exchange, frame.ptr, frame.len, run, event);
    text_fini(&frame);
}

static void send_invented(struct dify__exchange *exchange, const struct fake_run *run)
{
    struct text json = {NULL, 0, 0};
    text_addf(&json,
              "{\"event\":\"workflow_finished\",\"workflow_run_id\":\"%s\",\"task_id\":\"%s\","
              "\"data\":{\"id\":\"%s\",\"workflow_id\":\"w\",\"status\":\"failed\",\"outputs\":"
              "null,\"error\":\"Workflow stream ended without a terminal event\","
              "\"elapsed_time\":0,\"total_tokens\":0,\"total_steps\":0,\"created_by\":{},"
              "\"created_at\":1790000000,\"finished_at\":1790000000}}",
              run->id, run->id, run->id);
    send_frame(exchange, json.ptr, NULL, 0);
    text_fini(&json);
}

static void end_without_end(struct dify__exchange *exchange)
{
    if (exchange->fake->minor >= 15)
        send_invented(exchange, exchange->run);
    close_stream(exchange, DIFY__WHOLE);
}

/* What is to happen after so many events. */
static void break_off(struct dify__exchange *exchange)
{
    const struct fake_fault *fault = &exchange->fault;
    if (exchange->sent != fault->n || exchange->is_over)
        return;
    switch (fault->how) {
    case FAKE_RESET_AT:
        fake_send_end(exchange, DIFY__RESET);
        break;
    case FAKE_CLOSED_AT:
        fake_send_end(exchange, DIFY__CLOSED);
        break;
    case FAKE_END_AT:
        close_stream(exchange, DIFY__WHOLE);
        break;
    case FAKE_INVENTED_AT:
        send_invented(exchange, exchange->run);
        close_stream(exchange, DIFY__WHOLE);
        break;
    case FAKE_MUTE_AT:
        exchange->is_mute = true;
        break;
    default:
        break;
    }
}

static void push(struct dify__exchange *exchange, const char *json, struct fake_run *run,
                 size_t event)
{
    if (exchange->is_over || exchange->is_blocking)
        return;
    if (exchange->fault.how == FAKE_TORN_AT && exchange->sent == exchange->fault.n) {
        fake_send_body(exchange, "data: {\"event\":\"node_fin", 23, NULL, 0);
        fake_send_end(exchange, DIFY__RESET);
        return;
    }
    send_frame(exchange, json, run, event);
    exchange->sent++;
    break_off(exchange);
}

static void on_idle(struct dify__alarm *alarm)
{
    struct dify__exchange *exchange = ALARM_OF(alarm, struct dify__exchange, idle);
    if (!exchange->is_over)
        end_without_end(exchange);
}

static void on_relay_ping(struct dify__alarm *alarm)
{
    struct dify__exchange *exchange = ALARM_OF(alarm, struct dify__exchange, ping);
    fake_send_body(exchange, PING, strlen(PING), NULL, 0);
    fake_alarm(exchange->fake, &exchange->ping, PING_MS);
}

/* Up to 1.16.1 Dify finds out that a reader has left when it writes next, and cuts the others. */
static bool cuts(struct dify__exchange *exchange, bool has_zombies)
{
    if (!has_zombies || exchange->fake->minor < 15 || exchange->is_blocking)
        return false;
    if (exchange->is_relay && !exchange->is_plain)
        exchange->is_deaf = true;
    else
        close_stream(exchange, DIFY__CLOSED);
    return true;
}

/* A word of the worker: event `event`, or with `json` NULL a ping. */
static void publish(struct fake_run *run, const char *json, size_t event)
{
    struct fake *fake = run->fake;
    struct dify__exchange *exchange = fake->exchanges, *next;
    bool has_zombies = run->zombies > 0;
    run->zombies = 0;
    for (; exchange != NULL; exchange = next) {
        next = exchange->next;
        if (exchange->run != run || exchange->is_deaf || exchange->is_blocking ||
            fake->now_ms < exchange->live_from_ms || cuts(exchange, has_zombies))
            continue;
        if (fake->minor > 12)
            fake_alarm(fake, &exchange->idle, IDLE_MS);
        if (json != NULL)
            push(exchange, json, run, event);
        else
            fake_send_body(exchange, PING, strlen(PING), NULL, 0);
    }
}

/* ---- rows ---------------------------------------------------------------------------------- */

static void add_string(struct text *out, const char *text)
{
    text_add_chars(out, "\"");
    for (; *text != '\0'; text++)
        text_addf(out, *text == '"' || *text == '\\' ? "\\%c" : "%c", *text);
    text_add_chars(out, "\"");
}

/* The members of a run's row, without braces. */
static void add_row(struct text *out, const struct fake_run *run)
{
    bool is_done = strcmp(run->row, "running") != 0;
    const char *outputs = is_done && run->outputs.ptr != NULL ? run->outputs.ptr : "{}";
    struct text inputs = {NULL, 0, 0};
    text_addf(&inputs, "{\"sys.user_id\":\"u\",%s",
              strcmp(run->inputs.ptr, "{}") == 0 ? "\"sys.files\":[]}" : run->inputs.ptr + 1);
    text_addf(out, "\"id\":\"%s\",\"workflow_id\":\"w\",\"status\":\"%s\",\"inputs\":", run->id,
              run->row);
    add_string(out, inputs.ptr);
    text_add_chars(out, ",\"outputs\":");
    if (run->fake->minor <= 12 && is_done && strcmp(outputs, "{}") == 0)
        text_add_chars(out, "null");
    else if (run->fake->minor <= 12)
        add_string(out, outputs);
    else
        text_add_chars(out, outputs);
    text_addf(out, ",\"error\":%s,\"total_steps\":%llu,\"total_tokens\":%llu",
              is_done && run->error != NULL ? run->error : "null",
              is_done ? (unsigned long long)run->steps : 0,
              is_done ? (unsigned long long)run->tokens : 0);
    text_addf(out, ",\"created_at\":%lld,\"finished_at\":%s,\"elapsed_time\":1.5",
              (long long)run->created_s, is_done ? "1790000009" : "null");
    text_fini(&inputs);
}

static struct fake_run *find(struct fake *fake, const struct dify__exchange *exchange,
                             const char *before, bool by_task)
{
    const char *id = strstr(exchange->path.ptr, before) + strlen(before);
    for (struct fake_run *run = fake->runs; run != NULL; run = run->next)
        if (run->is_submitted && strncmp(id, by_task ? run->task : run->id, 36) == 0)
            return run;
    return NULL;
}

#define NOT_FOUND "{\"code\":\"not_found\",\"message\":\"Workflow run not found\",\"status\":404}"

static void answer_detail(struct dify__exchange *exchange)
{
    const struct fake_run *run = find(exchange->fake, exchange, "/workflows/run/", false);
    struct text body = {NULL, 0, 0};
    if (run == NULL || run->row == NULL) {
        if (exchange->fake->minor <= 12)
            fake_answer(exchange, 200, "application/json",
                        "{\"id\":null,\"status\":null,\"inputs\":null,\"outputs\":null}");
        else
            fake_answer(exchange, 404, "application/json", NOT_FOUND);
        return;
    }
    text_add_chars(&body, "{");
    add_row(&body, run);
    text_add_chars(&body, "}");
    fake_answer(exchange, 200, "application/json", body.ptr);
    text_fini(&body);
}

static void answer_logs(struct dify__exchange *exchange)
{
    struct text body = {NULL, 0, 0}, asked = {NULL, 0, 0};
    bool is_first = true;
    text_add_chars(&body, "{\"page\":1,\"limit\":20,\"data\":[");
    for (struct fake_run *run = exchange->fake->runs; run != NULL; run = run->next) {
        asked.len = 0;
        text_addf(&asked, "session_id=%s&", run->user);
        if (run->row == NULL || strstr(exchange->path.ptr, asked.ptr) == NULL)
            continue;
        text_addf(&body,
                  "%s{\"id\":\"log\",\"workflow_run\":{\"id\":\"%s\",\"status\":\"%s\","
                  "\"created_at\":%lld},\"created_by_end_user\":{\"session_id\":\"%s\"}}",
                  is_first ? "" : ",", run->id, run->row, (long long)run->created_s, run->user);
        is_first = false;
    }
    text_add_chars(&body, "]}");
    fake_answer(exchange, 200, "application/json", body.ptr);
    text_fini(&body);
    text_fini(&asked);
}

/* ---- a run's life -------------------------------------------------------------------------- */

static void finish_blocking(struct fake_run *run)
{
    struct text body = {NULL, 0, 0};
    bool is_workflow = strcmp(run->fake->mode, "workflow") == 0;
    if (is_workflow && run->row == NULL)
        return;
    if (is_workflow) {
        text_addf(&body, "{\"task_id\": \"%s\", \"workflow_run_id\": \"%s\", \"data\": {",
                  run->task, run->id);
        add_row(&body, run);
        text_add_chars(&body, "}}");
    } else {
        text_addf(&body,
                  "{\"event\": \"message\", \"task_id\": \"%s\", \"id\": \"m1\", \"message_id\": "
                  "\"m1\", \"conversation_id\": \"c1\", \"mode\": \"%s\", \"answer\": \"Hello "
                  "there\", \"metadata\": {\"usage\": {\"total_tokens\": 7, \"total_price\": "
                  "\"0.007\", \"currency\": \"USD\", \"latency\": 1.5}}, \"created_at\": "
                  "1790000000}",
                  run->task, run->fake->mode);
    }
    for (struct dify__exchange *at = run->fake->exchanges, *next; at != NULL; at = next) {
        next = at->next;
        if (at->run != run || !at->is_blocking)
            continue;
        detach(at);
        fake_answer(at, 200, "application/json", body.ptr);
    }
    text_fini(&body);
}

static void close_streams(struct fake_run *run)
{
    for (struct dify__exchange *at = run->fake->exchanges, *next; at != NULL; at = next) {
        next = at->next;
        if (at->run == run && !at->is_deaf && run->fake->now_ms >= at->live_from_ms)
            close_stream(at, DIFY__WHOLE);
    }
}

static void rest(struct fake_run *run)
{
    run->is_running = false;
    dify__alarms_clear(&run->fake->things, &run->ping);
    finish_blocking(run);
}

static void finish(struct fake_run *run)
{
    run->has_ended = true;
    run->ended_ms = run->fake->now_ms;
    if (run->row != NULL)
        run->row = !run->was_stopped           ? run->status
                   : run->keeps_row_after_stop ? "running"
                                               : "stopped";
}

static void happen(struct fake_run *run, size_t number)
{
    struct fake_event *event = &run->event[number];
    struct fake_node *node = event->node > 0 ? &run->node[event->node - 1] : NULL;
    bool is_end = event->kind == FAKE_FINISHED;
    if (event->kind == FAKE_NODE_STARTED || event->kind == FAKE_CONTAINER_STARTED)
        node->has_started = true;
    else if (event->kind == FAKE_NODE_FINISHED || event->kind == FAKE_CONTAINER_FINISHED)
        node->has_finished = true;
    if (event->kind == FAKE_PAUSED) {
        run->is_paused = true;
        run->row = "paused";
    } else if (is_end) {
        finish(run);
    }
    bool is_lost = event->is_unspeakable || (is_end && run->loses_end);
    if (!is_lost)
        publish(run, event->frame.ptr, number);
    bool is_last = number + 1 == run->events;
    if (event->kind == FAKE_PAUSED || is_last)
        rest(run);
    if ((is_last && !(is_end && run->loses_end)) || event->kind == FAKE_PAUSED) {
        run->has_ended = run->has_ended || is_last;
        close_streams(run);
    }
}

static void on_run_step(struct dify__alarm *alarm)
{
    struct fake_run *run = ALARM_OF(alarm, struct fake_run, step);
    struct fake *fake = run->fake;
    if (run->started_ms == 0) {
        run->started_ms = fake->now_ms;
        run->is_running = true;
        run->row = run->has_no_row ? NULL : "running";
        run->created_s = fake->env.unix_ms(fake) / 1000 + fake->skew_s; /* the row's time */
        fake_alarm(fake, &run->ping, PING_MS);
    }
    while (run->is_running && !run->is_dead && run->at < run->events) {
        uint64_t at_ms = run->event[run->at].at_ms;
        if (run->dies_ms != 0 && at_ms >= run->dies_ms) {
            run->is_dead = true;
            return;
        }
        if (run->started_ms + at_ms > fake->now_ms) {
            fake_alarm(fake, &run->step, run->started_ms + at_ms - fake->now_ms);
            return;
        }
        happen(run, run->at++);
    }
}

static void on_worker_ping(struct dify__alarm *alarm)
{
    struct fake_run *run = ALARM_OF(alarm, struct fake_run, ping);
    if (run->dies_ms != 0 && run->fake->now_ms >= run->started_ms + run->dies_ms)
        return;
    publish(run, NULL, 0);
    fake_alarm(run->fake, &run->ping, PING_MS);
}

void fake_continue(struct fake_run *run)
{
    assert_true(run->is_paused);
    run->is_paused = false;
    run->is_running = true;
    run->row = "running";
    run->started_ms = run->fake->now_ms + 100 - run->event[run->at].at_ms;
    fake_alarm(run->fake, &run->ping, PING_MS);
    fake_alarm(run->fake, &run->step, 100);
}

/* Two mechanisms race: the stream ends `stopped` and the row says `running` for ever, or the stream
 * says `failed`. From 1.16.1 both say `stopped`. */
static void on_stopping(struct dify__alarm *alarm)
{
    struct fake_run *run = ALARM_OF(alarm, struct fake_run, stopping);
    const char *json = "{'event':'workflow_finished','workflow_run_id':'%R','task_id':'%T','data':"
                       "{'id':'%R','status':'stopped','outputs':{},'error':'Stopped by user.',"
                       "'elapsed_time':1.5,'total_tokens':0,'total_steps':0}}";
    if (!run->is_running || run->is_dead)
        return;
    run->was_stopped = true;
    if (run->fake->minor >= 16)
        json = "{'event':'workflow_finished','workflow_run_id':'%R','task_id':'%T','data':"
               "{'id':'%R','status':'stopped','outputs':{},'error':'Aborted: User requested "
               "stop','elapsed_time':1.5,'total_tokens':0,'total_steps':0}}";
    else if (!run->keeps_row_after_stop)
        json = "{'event':'workflow_finished','workflow_run_id':'%R','task_id':'%T','data':"
               "{'id':'%R','status':'failed','outputs':{},'error':'Aborted: User requested "
               "stop','elapsed_time':1.5,'total_tokens':0,'total_steps':0}}";
    if (run->has_no_row) /* a chat has no other end */
        json = "{'event':'message_end','message_id':'m1','task_id':'%T','metadata':{}}";
    while (run->events > run->at)
        text_fini(&run->event[--run->events].frame);
    run->error = "\"stopped\"";
    fake_add_event(run, run->fake->now_ms - run->started_ms,
                   run->has_no_row ? FAKE_MESSAGE_END : FAKE_FINISHED, 0, json);
    fake_alarm(run->fake, &run->step, 0);
}

static void answer_stop(struct dify__exchange *exchange)
{
    const char *before = strstr(exchange->path.ptr, "/tasks/") != NULL ? "/tasks/" : "-messages/";
    struct fake_run *run = find(exchange->fake, exchange, before, true);
    exchange->fake->stops++;
    if (run != NULL && run->is_running && run->stopping.place == 0) {
        run->stopping.ring = on_stopping;
        fake_alarm(exchange->fake, &run->stopping, 400 + fake_random(exchange->fake, 1900));
    }
    fake_answer(exchange, 200, "application/json", "{\"result\":\"success\"}");
}

/* ---- starting ------------------------------------------------------------------------------ */

static struct fake_run *next_planned(struct fake *fake)
{
    for (struct fake_run *run = fake->runs; run != NULL; run = run->next)
        if (!run->is_submitted)
            return run;
    return fake_plan_small(fake);
}

static void take_body(struct fake_run *run, const struct dify__exchange *exchange)
{
    yyjson_doc *doc = yyjson_read(exchange->body.ptr, exchange->body.len, 0);
    assert_non_null(doc);
    yyjson_val *root = yyjson_doc_get_root(doc);
    const char *user = yyjson_get_str(yyjson_obj_get(root, "user"));
    char *inputs = yyjson_val_write(yyjson_obj_get(root, "inputs"), 0, NULL);
    assert_non_null(user);
    assert_non_null(inputs);
    snprintf(run->user, sizeof run->user, "%s", user != NULL ? user : "");
    run->inputs.len = 0;
    text_add_chars(&run->inputs, inputs);
    free(inputs);
    yyjson_doc_free(doc);
}

static void answer_submit(struct dify__exchange *exchange)
{
    struct fake *fake = exchange->fake;
    struct fake_run *run = next_planned(fake);
    fake->carried_out++;
    run->is_submitted = true;
    take_body(run, exchange);
    run->step.ring = on_run_step;
    run->ping.ring = on_worker_ping;
    fake_alarm(fake, &run->step, run->queued_ms);
    exchange->is_blocking = strstr(exchange->body.ptr, "\"blocking\"") != NULL;
    attach(exchange, run);
    if (exchange->is_blocking)
        return;
    fake_send_head(exchange, 200, "text/event-stream; charset=utf-8");
    exchange->idle.ring = on_idle;
    if (fake->minor > 12) {
        fake_send_body(exchange, PING, strlen(PING), NULL, 0);
        fake_alarm(fake, &exchange->idle, IDLE_MS);
    }
    break_off(exchange);
}

/* ---- the events endpoint ------------------------------------------------------------------- */

/* A frame with the run's id for that of the task. */
static void push_as_snapshot(struct dify__exchange *exchange, const struct fake_run *run,
                             const struct text *frame)
{
    struct text copy = {NULL, 0, 0};
    text_add(&copy, frame->ptr, frame->len);
    char *task = strstr(copy.ptr, run->task);
    if (task != NULL)
        memcpy(task, run->id, 36);
    push(exchange, copy.ptr, NULL, 0);
    text_fini(&copy);
}

static void push_node(struct dify__exchange *exchange, const struct fake_run *run,
                      const struct fake_node *node, bool is_end)
{
    struct text json = {NULL, 0, 0};
    text_addf(&json,
              "{\"event\":\"%s\",\"workflow_run_id\":\"%s\",\"task_id\":\"%s\",\"data\":{\"id\":"
              "\"%s\",\"node_id\":\"%s\",\"node_type\":\"%s\",\"title\":\"%s\",\"index\":1,"
              "\"created_at\":1790000000",
              is_end ? "node_finished" : "node_started", run->id, run->id, node->id, node->node_id,
              node->type, node->node_id);
    if (node->outer > 0)
        text_addf(&json, ",\"iteration_id\":\"%s\"", run->node[node->outer - 1].node_id);
    if (is_end)
        text_add_chars(&json, ",\"inputs\":null,\"outputs\":null,\"process_data\":null,"
                              "\"execution_metadata\":null,\"status\":\"succeeded\",\"error\":"
                              "null,\"elapsed_time\":0.5,\"finished_at\":1790000001");
    text_add_chars(&json, "}}");
    push(exchange, json.ptr, NULL, 0);
    text_fini(&json);
}

/* A chatflow's answer so far. */
static void push_answer(struct dify__exchange *exchange, const struct fake_run *run)
{
    struct text json = {NULL, 0, 0};
    size_t pieces = 0;
    text_addf(&json,
              "{\"event\":\"message_replace\",\"conversation_id\":\"c1\",\"message_id\":\"m1\","
              "\"task_id\":\"%s\",\"reason\":\"\",\"answer\":\"",
              run->id);
    for (size_t i = 0; i < run->at; i++) {
        if (run->event[i].kind != FAKE_MESSAGE)
            continue;
        text_add_chars(&json, FAKE_PIECE);
        pieces++;
    }
    text_add_chars(&json, "\"}");
    if (pieces > 0)
        push(exchange, json.ptr, NULL, 0);
    text_fini(&json);
}

static void push_snapshot(struct dify__exchange *exchange, struct fake_run *run)
{
    fake_send_body(exchange, PING, strlen(PING), NULL, 0);
    for (size_t i = 0; i < run->at; i++)
        if (run->event[i].kind == FAKE_STARTED)
            push_as_snapshot(exchange, run, &run->event[i].frame);
    push_answer(exchange, run);
    for (size_t i = 0; i < run->nodes; i++) {
        const struct fake_node *node = &run->node[i];
        bool is_container = strcmp(node->type, "iteration") == 0;
        if (node->has_started)
            push_node(exchange, run, node, false);
        if (node->has_finished && !is_container)
            push_node(exchange, run, node, true);
    }
}

/* Of a run that has ended, or pauses: that, and the end. */
static void push_last(struct dify__exchange *exchange, const struct fake_run *run)
{
    const struct fake_event *last = &run->event[run->at - 1];
    if (last->kind == FAKE_PAUSED || (last->kind == FAKE_FINISHED && !last->is_unspeakable))
        push_as_snapshot(exchange, run, &last->frame);
    if (last->is_unspeakable && exchange->fake->minor >= 15)
        send_invented(exchange, run);
    close_stream(exchange, DIFY__WHOLE);
}

static void answer_events(struct dify__exchange *exchange)
{
    struct fake *fake = exchange->fake;
    struct fake_run *run = find(fake, exchange, "/workflow/", false);
    struct text user = {NULL, 0, 0};
    if (fake->minor < 14) {
        fake_answer(exchange, 404, "text/html", "<html>404</html>");
        return;
    }
    text_addf(&user, "user=%s", run != NULL ? run->user : "");
    bool is_known = run != NULL && run->row != NULL && strstr(exchange->path.ptr, user.ptr) != NULL;
    text_fini(&user);
    if (!is_known) {
        fake_answer(exchange, 404, "application/json", NOT_FOUND);
        return;
    }
    exchange->is_relay = true;
    exchange->ping.ring = on_relay_ping;
    exchange->idle.ring = on_idle;
    attach(exchange, run);
    fake_send_head(exchange, 200, "text/event-stream; charset=utf-8");
    break_off(exchange);
    if (run->has_ended && strcmp(run->row, "running") != 0) {
        push_last(exchange, run);
        return;
    }
    bool is_plain = strstr(exchange->path.ptr, "include_state_snapshot=true") == NULL;
    if (is_plain)
        fake_send_body(exchange, PING, strlen(PING), NULL, 0);
    else
        push_snapshot(exchange, run);
    if (run->is_paused && !is_plain) {
        push_last(exchange, run);
        return;
    }
    exchange->is_plain = is_plain;
    exchange->live_from_ms = fake->now_ms + run->window_ms;
    fake_alarm(fake, &exchange->ping, PING_MS);
    fake_alarm(fake, &exchange->idle, IDLE_MS);
}

/* ---- conversations ------------------------------------------------------------------------- */

static void answer_conversation(struct dify__exchange *exchange)
{
    struct text asked = {NULL, 0, 0};
    const char *there = exchange->fake->conversation;
    text_addf(&asked, "/messages?conversation_id=%s&user=ann&limit=1", there != NULL ? there : "");
    bool is_there = there != NULL && strcmp(exchange->path.ptr, asked.ptr) == 0;
    fake_answer(exchange, is_there ? 200 : 404, "application/json",
                is_there ? "{\"limit\":1,\"has_more\":false,\"data\":[]}"
                         : "{\"code\":\"not_found\",\"message\":\"Conversation Not Exists.\","
                           "\"status\":404}");
    text_fini(&asked);
}

/* ---- routes -------------------------------------------------------------------------------- */

void fake_serve(struct dify__exchange *exchange)
{
    struct text body = {NULL, 0, 0};
    switch (exchange->what) {
    case FAKE_INFO:
        text_addf(&body, "{\"name\":\"app\",\"mode\":\"%s\"}", exchange->fake->mode);
        fake_answer(exchange, 200, "application/json", body.ptr);
        break;
    case FAKE_PARAMETERS:
        fake_answer(exchange, 200, "application/json", exchange->fake->parameters);
        break;
    case FAKE_UPLOAD:
        fake_answer(exchange, 201, "application/json",
                    "{\"id\":\"0d9f7d4e-0000-4000-8000-00000000f11e\",\"name\":\"f\"}");
        break;
    case FAKE_SUBMIT:
        answer_submit(exchange);
        break;
    case FAKE_EVENTS:
        answer_events(exchange);
        break;
    case FAKE_DETAIL:
        answer_detail(exchange);
        break;
    case FAKE_LOGS:
        answer_logs(exchange);
        break;
    case FAKE_STOP:
        answer_stop(exchange);
        break;
    case FAKE_CONVERSATION:
        answer_conversation(exchange);
        break;
    default:
        fake_answer(exchange, 404, "text/html", "<html>404</html>");
        break;
    }
    text_fini(&body);
}
