/* SPDX-License-Identifier: Apache-2.0
 *
 * test_follow_chat.c: chats, whose streams end in several ways, and blocking calls.
 */
#include "kit.h"

#define CHAT "'conversation_id':'c1','message_id':'m1','created_at':1790000000,'task_id':'%T'"
#define MESSAGE(text) "{'event':'message'," CHAT ",'id':'m1','answer':'" text "'}"
#define MESSAGE_END                                                                                \
    "{'event':'message_end'," CHAT ",'id':'m1','metadata':{'usage':{'total_tokens':7,"             \
    "'total_price':'0.007','currency':'USD','latency':1.5}}}"
#define STARTED                                                                                    \
    "{'event':'workflow_started'," CHAT ",'workflow_run_id':'%R','data':{'id':'%R','workflow_id'"  \
    ":'w','created_at':1790000000}}"
#define FINISHED                                                                                   \
    "{'event':'workflow_finished'," CHAT ",'workflow_run_id':'%R','data':{'id':'%R','workflow_id'" \
    ":'w','status':'succeeded','outputs':{'answer':'Hello there'},'error':null,'elapsed_time':"    \
    "1.5,'total_tokens':0,'total_steps':1}}"
#define AUDIO "{'event':'tts_message'," CHAT ",'audio':'AAAA'}"
#define AUDIO_END "{'event':'tts_message_end'," CHAT ",'audio':''}"
#define ERROR                                                                                      \
    "{'event':'error','code':'completion_request_error','status':400,'message':'No such model',"   \
    "'conversation_id':'c1','message_id':'m1','created_at':1790000000}"

#define EVENTS 9

struct chat {
    const char *name, *release, *mode;
    const char *code, *path;
    const char *answer; /* JSON */
    struct {
        uint64_t at_ms;
        const char *json;
    } events[EVENTS];
    struct fake_fault fault;
    uint64_t most_ms; /* until the end */
    bool blocks, loses_end;
    unsigned posts;
};

static void add_events(const struct chat *chat, struct fake_run *run)
{
    for (size_t i = 0; i < EVENTS && chat->events[i].json != NULL; i++) {
        const char *json = chat->events[i].json;
        enum fake_event_kind kind = strcmp(json, FINISHED) == 0      ? FAKE_FINISHED
                                    : strcmp(json, MESSAGE_END) == 0 ? FAKE_MESSAGE_END
                                    : strcmp(json, STARTED) == 0     ? FAKE_STARTED
                                                                     : FAKE_OTHER_EVENT;
        fake_add_event(run, chat->events[i].at_ms, kind, 0, json);
    }
    text_add_json(&run->outputs, "{'answer':'Hello there'}");
    run->steps = 1;
}

static void run_chat(void **state)
{
    const struct chat *chat = *state;
    struct fake fake;
    struct watched watched;
    struct dify_order order = plain_order();
    fake_init(&fake, chat->release, 11);
    fake.mode = chat->mode;
    if (chat->fault.how != FAKE_FINE)
        fake_add_fault(&fake, chat->fault);
    struct fake_run *run = fake_plan(&fake);
    run->has_no_row = strcmp(chat->mode, "advanced-chat") != 0;
    add_events(chat, run);
    run->loses_end = chat->loses_end;
    order.query = DIFY_SLICE("Hello?");
    order.blocking = chat->blocks;
    uint64_t begun = fake.now_ms;
    begin(&watched, &fake, &order);
    finish(&watched);
    if (strcmp(watched.path.ptr, chat->path) != 0)
        print_error("%s\n", watched.path.ptr);
    assert_code(&watched, chat->code);
    assert_string_equal(watched.path.ptr, chat->path);
    assert_result(dify_follow_run(watched.follow), "/data/answer", chat->answer);
    assert_int_equal(fake.carried_out, chat->posts);
    assert_int_equal(fake.count[FAKE_LOGS], 0);
    if (fake.now_ms - begun > chat->most_ms)
        print_error("%llu ms\n", (unsigned long long)(fake.now_ms - begun));
    assert_true(fake.now_ms - begun <= chat->most_ms);
    if (strcmp(chat->mode, "advanced-chat") == 0 && *chat->code == '\0' &&
        run->event[run->at - 1].kind != FAKE_OTHER_EVENT && run->has_ended)
        assert_result(dify_follow_run(watched.follow), "/data/workflow_outputs",
                      "{'answer':'Hello there'}");
    if (*chat->code == '\0')
        assert_result(dify_follow_run(watched.follow), "/data/message_id", "'m1'");
    watched_fini(&watched);
    fake_fini(&fake);
}

/* What all begin with. */
#define BEGINNING                                                                                  \
    {0, STARTED}, {500, MESSAGE("Hello ")},                                                        \
    {                                                                                              \
        1500, MESSAGE("there")                                                                     \
    }
#define ANSWER "'Hello there'"
#define ENDS "started checked answered finished"

static const struct chat chats[] = {
    {.name = "message_end first",
     .release = "1.14.2",
     .mode = "advanced-chat",
     .code = "",
     .path = ENDS,
     .answer = ANSWER,
     .events = {BEGINNING, {1990, MESSAGE_END}, {2500, FINISHED}},
     .most_ms = 2600,
     .posts = 1},
    {.name = "message_end last",
     .release = "1.12.1",
     .mode = "advanced-chat",
     .code = "",
     .path = ENDS,
     .answer = ANSWER,
     .events = {BEGINNING, {1990, FINISHED}, {2500, MESSAGE_END}},
     .most_ms = 2600,
     .posts = 1},
    {.name = "message_end is lost",
     .release = "1.13.0",
     .mode = "advanced-chat",
     .code = "",
     .path = ENDS,
     .answer = ANSWER,
     .events = {BEGINNING, {1990, FINISHED}, {9000000, AUDIO}},
     .most_ms = 4100,
     .posts = 1},
    {.name = "moderated: no workflow_finished",
     .release = "1.14.2",
     .mode = "advanced-chat",
     .code = "",
     .path = ENDS,
     .answer = "'No.'",
     .events = {{100, MESSAGE("No.")}, {200, MESSAGE_END}, {9000000, AUDIO}},
     .most_ms = 2400,
     .posts = 1},
    {.name = "audio behind message_end",
     .release = "1.14.2",
     .mode = "chat",
     .code = "",
     .path = ENDS,
     .answer = ANSWER,
     .events = {{0, MESSAGE("Hello there")},
                {100, MESSAGE_END},
                {1500, AUDIO},
                {3000, AUDIO},
                {4500, AUDIO_END},
                {9000000, AUDIO}},
     .most_ms = 6600,
     .posts = 1},
    {.name = "basic chat",
     .release = "1.16.1",
     .mode = "chat",
     .code = "",
     .path = ENDS,
     .answer = ANSWER,
     .events = {{0, MESSAGE("Hello there")}, {100, MESSAGE_END}},
     .most_ms = 2200,
     .posts = 1},
    {.name = "completion",
     .release = "1.14.2",
     .mode = "completion",
     .code = "",
     .path = ENDS,
     .answer = ANSWER,
     .events = {{0, MESSAGE("Hello there")}, {100, MESSAGE_END}},
     .most_ms = 2200,
     .posts = 1},
    {.name = "error event, and the stream stays open",
     .release = "1.14.2",
     .mode = "chat",
     .code = "completion_request_error",
     .path = "started checked answered error_event",
     .answer = "'Hello '",
     .events = {{0, MESSAGE("Hello ")}, {100, ERROR}, {9000000, AUDIO}},
     .most_ms = 200,
     .posts = 1},
    {.name = "basic chat, cut",
     .release = "1.14.2",
     .mode = "chat",
     .code = "stream_incomplete",
     .path = "started checked answered reset",
     .answer = "'Hello '",
     .events = {{0, MESSAGE("Hello ")}, {100, MESSAGE("there")}, {200, MESSAGE_END}},
     .fault = {FAKE_SUBMIT, 1, FAKE_RESET_AT, 1, NULL, 0},
     .most_ms = 200,
     .posts = 1},
    {.name = "basic chat, cut behind its end",
     .release = "1.14.2",
     .mode = "chat",
     .code = "",
     .path = ENDS,
     .answer = ANSWER,
     .events = {{0, MESSAGE("Hello there")}, {100, MESSAGE_END}, {9000000, AUDIO}},
     .fault = {FAKE_SUBMIT, 1, FAKE_RESET_AT, 2, NULL, 0},
     .most_ms = 200,
     .posts = 1},
    {.name = "basic chat, reply lost",
     .release = "1.14.2",
     .mode = "chat",
     .code = "connection_reset",
     .path = "started checked reset",
     .answer = NULL,
     .events = {{0, MESSAGE("Hello there")}, {100, MESSAGE_END}},
     .fault = {FAKE_SUBMIT, 1, FAKE_RESET_AFTER, 0, NULL, 0},
     .most_ms = 200,
     .posts = 1},
    {.name = "chatflow, cut",
     .release = "1.14.2",
     .mode = "advanced-chat",
     .code = "",
     .path = "started checked answered reset retry answered finished",
     .answer = ANSWER,
     .events = {BEGINNING, {1990, MESSAGE_END}, {2500, FINISHED}},
     .fault = {FAKE_SUBMIT, 1, FAKE_RESET_AT, 2, NULL, 0},
     .most_ms = 2600,
     .posts = 1},
    {.name = "chatflow, workflow_finished is lost",
     .release = "1.14.2",
     .mode = "advanced-chat",
     .code = "",
     .path = "started checked answered finished_detail",
     .answer = ANSWER,
     .events = {BEGINNING, {1990, MESSAGE_END}, {2000, FINISHED}},
     .loses_end = true,
     .most_ms = 6200,
     .posts = 1},
    {.name = "chatflow, cut between its two ends",
     .release = "1.14.2",
     .mode = "advanced-chat",
     .code = "",
     .path = "started checked answered reset retry answered finished",
     .answer = ANSWER,
     .events = {BEGINNING, {1990, MESSAGE_END}, {3000, FINISHED}},
     .fault = {FAKE_SUBMIT, 1, FAKE_RESET_AT, 4, NULL, 0},
     .most_ms = 3100,
     .posts = 1},
    {.name = "chatflow, cut, polled",
     .release = "1.12.1",
     .mode = "advanced-chat",
     .code = "",
     .path = "started checked answered reset finished_detail",
     .answer = ANSWER,
     .events = {BEGINNING, {1990, FINISHED}, {2500, MESSAGE_END}},
     .fault = {FAKE_SUBMIT, 1, FAKE_RESET_AT, 2, NULL, 0},
     .most_ms = 12000,
     .posts = 1},
    {.name = "chatflow, reply lost",
     .release = "1.14.2",
     .mode = "advanced-chat",
     .code = "run_lost",
     .path = "started checked reset",
     .answer = NULL,
     .events = {BEGINNING, {1990, MESSAGE_END}, {2500, FINISHED}},
     .fault = {FAKE_SUBMIT, 1, FAKE_RESET_AFTER, 0, NULL, 0},
     .most_ms = 200,
     .posts = 1},
    {.name = "chatflow, 504",
     .release = "1.14.2",
     .mode = "advanced-chat",
     .code = "run_lost",
     .path = "started checked gateway_error",
     .answer = NULL,
     .events = {BEGINNING, {1990, MESSAGE_END}, {2500, FINISHED}},
     .fault = {FAKE_SUBMIT, 1, FAKE_STATUS_AFTER, 504, NULL, 0},
     .most_ms = 200,
     .posts = 1},
    {.name = "blocking chat",
     .release = "1.14.2",
     .mode = "chat",
     .code = "",
     .path = "started checked finished",
     .answer = ANSWER,
     .events = {{0, MESSAGE("Hello there")}, {100, MESSAGE_END}},
     .most_ms = 200,
     .blocks = true,
     .posts = 1},
};

/* ---- blocking workflows ------------------------------------------------------------------------
 */

struct blocking {
    const char *name;
    struct fake_fault fault;
    uint64_t takes_ms;
    const char *status, *code, *path;
};

static void run_blocking(void **state)
{
    const struct blocking *blocking = *state;
    struct fake fake;
    struct watched watched;
    struct dify_order order = plain_order();
    fake_init(&fake, "1.14.2", 11);
    if (blocking->fault.how != FAKE_FINE)
        fake_add_fault(&fake, blocking->fault);
    struct fake_run *run = fake_plan_small(&fake);
    run->status = blocking->status;
    if (strcmp(run->status, "succeeded") != 0)
        run->error = "\"it failed\"";
    run->event[5].at_ms = blocking->takes_ms;
    order.blocking = true;
    begin(&watched, &fake, &order);
    finish(&watched);
    if (strcmp(watched.path.ptr, blocking->path) != 0)
        print_error("%s\n", watched.path.ptr);
    assert_code(&watched, blocking->code);
    assert_string_equal(watched.path.ptr, blocking->path);
    assert_int_equal(fake.carried_out, 1);
    assert_int_equal(fake.count[FAKE_SUBMIT], 1);
    assert_result(dify_follow_run(watched.follow), "/data/workflow_outputs", "{'text':2}");
    watched_fini(&watched);
    fake_fini(&fake);
}

static const struct blocking blockings[] = {
    {"blocking", {0}, 2000, "succeeded", "", "started checked finished"},
    {"blocking, failed", {0}, 2000, "failed", "workflow_failed", "started checked finished"},
    {"blocking, slow", {0}, 60000, "succeeded", "", "started checked silent finished"},
    {"blocking, reset",
     {FAKE_SUBMIT, 1, FAKE_RESET_AFTER, 0, NULL, 0},
     2000,
     "succeeded",
     "",
     "started checked reset found retry answered finished"},
    {"blocking, 504",
     {FAKE_SUBMIT, 1, FAKE_STATUS_AFTER, 504, NULL, 0},
     2000,
     "succeeded",
     "",
     "started checked gateway_error found retry answered finished"},
};

/* ---- a query ------------------------------------------------------------------------------------
 */

static void test_chat_without_a_query(void **state)
{
    struct fake fake;
    struct watched watched;
    (void)state;
    fake_init(&fake, "1.14.2", 11);
    fake.mode = "advanced-chat";
    begin(&watched, &fake, NULL);
    finish(&watched);
    assert_code(&watched, "invalid_param");
    assert_string_equal(watched.path.ptr, "started unfit");
    assert_result(dify_follow_run(watched.follow), "/message", "\"query is required\"");
    assert_int_equal(fake.count[FAKE_SUBMIT], 0);
    watched_fini(&watched);
    fake_fini(&fake);
}

/* ---- a conversation ------------------------------------------------------------------------ */

#define THERE "c0ffee00-0000-4000-8000-000000000001"
#define ELSEWHERE "00000000-0000-4000-8000-000000000000"
#define SAID                                                                                       \
    "\"Conversation Not Exists. You have requested this URI [/v1/chat-messages] but did you mean " \
    "/v1/chat-messages or /api/chat-messages or /v1/chat-messages/<string:task_id>/stop ?\""
#define OF_QUESTION(...)                                                                           \
    {                                                                                              \
        .what = FAKE_CONVERSATION, .nth = 1, __VA_ARGS__                                           \
    }

/* Whether Dify is asked for a conversation before the request is sent, and refuses in its stead. */
static const struct conversation {
    const char *name, *release, *mode, *id;
    bool is_asked, is_refused;
    bool no_check, blocks;
    struct fake_fault fault;
} conversations[] = {
    {"1.13", "1.13.0", "advanced-chat", ELSEWHERE, .is_asked = true, .is_refused = true},
    {"1.14", "1.14.2", "advanced-chat", ELSEWHERE, .is_asked = true, .is_refused = true},
    {"1.15", "1.15.0", "advanced-chat", ELSEWHERE, .is_asked = true, .is_refused = true},
    {"a release that is not told", "", "advanced-chat", ELSEWHERE, .is_asked = true,
     .is_refused = true},
    {"a release without a number", "main", "advanced-chat", ELSEWHERE, .is_asked = true,
     .is_refused = true},
    {"it is there", "1.14.2", "advanced-chat", THERE, .is_asked = true},
    /* others say it at once */
    {"1.12", "1.12.1", "advanced-chat", ELSEWHERE, .is_asked = false},
    {"1.16", "1.16.0", "advanced-chat", ELSEWHERE, .is_asked = false},
    {"2.0", "2.0.0", "advanced-chat", ELSEWHERE, .is_asked = false},
    {"a chat", "1.14.2", "chat", ELSEWHERE, .is_asked = false},
    {"an agent", "1.14.2", "agent-chat", ELSEWHERE, .is_asked = false},
    {"blocking", "1.14.2", "advanced-chat", ELSEWHERE, .is_asked = false, .blocks = true},
    {"unchecked", "1.14.2", "advanced-chat", ELSEWHERE, .is_asked = false, .no_check = true},
    {"none", "1.14.2", "advanced-chat", NULL, .is_asked = false},
    {"an empty one", "1.14.2", "advanced-chat", "", .is_asked = false},
    /* the question fails: that says nothing of the conversation */
    {"no connection", "1.14.2", "advanced-chat", ELSEWHERE, .is_asked = true,
     .fault = OF_QUESTION(.how = FAKE_REFUSED)},
    {"no answer", "1.14.2", "advanced-chat", ELSEWHERE, .is_asked = true,
     .fault = OF_QUESTION(.how = FAKE_RESET_AFTER)},
    {"garbage", "1.14.2", "advanced-chat", ELSEWHERE, .is_asked = true,
     .fault = OF_QUESTION(.how = FAKE_GARBAGE)},
    {"mute", "1.14.2", "advanced-chat", ELSEWHERE, .is_asked = true,
     .fault = OF_QUESTION(.how = FAKE_MUTE)},
    {"a proxy's 404", "1.14.2", "advanced-chat", ELSEWHERE, .is_asked = true,
     .fault = OF_QUESTION(.how = FAKE_STATUS_BEFORE, .n = 404)},
    {"a proxy's 502", "1.14.2", "advanced-chat", ELSEWHERE, .is_asked = true,
     .fault = OF_QUESTION(.how = FAKE_STATUS_BEFORE, .n = 502)},
    {"malformed", "1.14.2", "advanced-chat", "nope", .is_asked = true,
     .fault = OF_QUESTION(.how = FAKE_REFUSAL, .n = 400, .words = "{\"code\":\"invalid_param\"}")},
};

static void run_conversation(void **state)
{
    const struct conversation *at = *state;
    struct fake fake;
    struct watched watched;
    struct dify_order order = plain_order();
    fake_init(&fake, at->release, 11);
    fake.mode = at->mode;
    fake.conversation = THERE;
    if (at->fault.how != FAKE_FINE)
        fake_add_fault(&fake, at->fault);
    (void)fake_plan_small(&fake);
    order.user = "ann";
    order.query = DIFY_SLICE("Hello?");
    order.conversation_id = at->id;
    order.no_check = at->no_check;
    order.blocking = at->blocks;
    uint64_t begun = fake.now_ms;
    begin(&watched, &fake, &order);
    finish(&watched);
    assert_int_equal(fake.count[FAKE_CONVERSATION], at->is_asked);
    assert_int_equal(fake.count[FAKE_SUBMIT], !at->is_refused);
    assert_true(fake.now_ms - begun < 20000);
    assert_code(&watched, at->is_refused ? "not_found" : "");
    if (at->is_refused) {
        struct dify_result result;
        dify_run_result(dify_follow_run(watched.follow), &result);
        assert_int_equal(result.http_status, 404);
        assert_string_equal(watched.path.ptr, "started unfit");
        assert_result(dify_follow_run(watched.follow), "/message", SAID);
    }
    watched_fini(&watched);
    fake_fini(&fake);
}

/* A chat that another command left: its stream is gone, and Dify has no more to tell. */
static void test_chat_taken_up(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2; i++) { /* something of it was seen; nothing was */
        struct fake fake;
        struct watched watched;
        struct dify_order order = {.size = sizeof order,
                                   .kind = DIFY_KIND_CHAT,
                                   .user = "ann",
                                   .query = DIFY_SLICE("Hello?"),
                                   .sent_at_s = 1790000000};
        fake_init(&fake, "1.14.2", 11);
        fake.mode = "chat";
        watch(&watched, &fake, &order);
        if (i == 0)
            assert_int_equal(dify_follow_recall(watched.follow, true,
                                                DIFY_SLICE("data: {\"event\":\"message\","
                                                           "\"answer\":\"Hel\"}\n\n")),
                             DIFY_OK);
        dify_follow_start(watched.follow);
        finish(&watched);
        assert_code(&watched, "stream_incomplete");
        assert_result(dify_follow_run(watched.follow), "/message",
                      "'the run was left before its end was seen; Dify cannot be asked about this "
                      "run'");
        assert_int_equal(fake.count[FAKE_SUBMIT], 0);
        watched_fini(&watched);
        fake_fini(&fake);
    }
}

/* message_end, which alone ends a chat, does not tell that it was stopped. */
static void test_stopped_chat(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2; i++) { /* in the middle; when its end had come */
        struct fake fake;
        struct watched watched;
        struct dify_order order = plain_order();
        fake_init(&fake, "1.14.2", 11);
        fake.mode = "chat";
        struct fake_run *run = fake_plan(&fake);
        run->has_no_row = true;
        fake_add_event(run, 500, FAKE_OTHER_EVENT, 0, MESSAGE("Hello "));
        fake_add_event(run, 9000, FAKE_OTHER_EVENT, 0, MESSAGE("there"));
        fake_add_event(run, 9000, FAKE_MESSAGE_END, 0, MESSAGE_END);
        order.query = DIFY_SLICE("Hello?");
        begin(&watched, &fake, &order);
        fake_pass(&fake, 2000);
        while (i == 1 && !dify_run_has_terminal_event(dify_follow_run(watched.follow)))
            fake_pass(&fake, 1);
        dify_follow_stop(watched.follow);
        finish(&watched);
        assert_int_equal(fake.stops, i == 0);
        assert_code(&watched, i == 0 ? "workflow_stopped" : "");
        assert_result(dify_follow_run(watched.follow), "/data/status",
                      i == 0 ? "'stopped'" : "'succeeded'");
        assert_result(dify_follow_run(watched.follow), "/data/answer",
                      i == 0 ? "'Hello '" : ANSWER);
        watched_fini(&watched);
        fake_fini(&fake);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_chat_without_a_query),
                                       cmocka_unit_test(test_chat_taken_up),
                                       cmocka_unit_test(test_stopped_chat)};
    int failed = run_cases("follow-chat", chats, COUNT_OF(chats), sizeof chats[0], run_chat);
    failed += run_cases("follow-blocking", blockings, COUNT_OF(blockings), sizeof blockings[0],
                        run_blocking);
    failed += run_cases("follow-conversation", conversations, COUNT_OF(conversations),
                        sizeof conversations[0], run_conversation);
    return failed + cmocka_run_group_tests_name("follow-query", tests, NULL, NULL);
}
