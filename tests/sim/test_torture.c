/* SPDX-License-Identifier: Apache-2.0
 *
 * test_torture.c: each allocation of a conversation with the simulator fails in turn, once and for
 * good, as each release.
 *
 * A conversation is played once with all the memory it wants, and its answers are kept. Where an
 * allocation fails, each answer must be the same but for ids and times, or a 500, or the connection
 * must end; after the first that differs, later ones may, since the runs they are about did. No
 * client waits for ever, and nothing is left.
 *
 * Not every allocation is tried of the longer conversations: every k-th, with an offset by chance.
 * DIFY_TORTURE_ALL=1 tries all.
 */
#include "../http/kit.h"
#include "masked.h"

#include "sim/sim.h"

/* Dify's 300 s of silence take 10 ms. */
#define SPEED 30000

/* More than any stream has that ends. */
#define MANY_PINGS 500

/* Allocations that are tried of one conversation as one release: that fail once, and for good,
 * which ends a conversation soon. */
#define SAMPLES 32
#define SAMPLES_FOR_GOOD 8

static const char scenario[] =
    "apps:\n"
    "- name: label\n"
    "  inputs:\n"
    "  - {name: TagImage, type: file-list, required: true, file_types: [image]}\n"
    "  - {name: Foodtype}\n"
    "  runs: [{recording: " DIFY_RECORDINGS "/label-check/streaming}]\n"
    "- name: flow\n"
    "  inputs: [{name: q, required: true, max_length: 10}, {name: n, type: number}]\n"
    "  runs:\n"
    "  - when: {inputs: {q: slow}}\n"
    "    nodes: [start, {type: llm, seconds: 1000, text: slow}, end]\n"
    "  - when: {inputs: {q: fail}}\n"
    "    nodes: [start, {type: code, error: \"an error\"}]\n"
    "  - when: {inputs: {q: stored}}\n"
    "    stored: {status: failed, error: \"not as told\"}\n"
    "    nodes: [start, {type: end, outputs: {a: b}}]\n"
    "  - when: {inputs: {q: cut}}\n"
    "    end: cuts\n"
    "    nodes: [start]\n"
    "  - nodes:\n"
    "    - start\n"
    "    - {type: iteration, over: 1, outputs: {output: [a]}, nodes: [code]}\n"
    "    - {type: llm, text: \"of {{inputs.q}} by {{user}}\", chunks: 2, tokens: 3, retries: 1}\n"
    "    - {type: end, outputs: {text: \"· {{inputs.q}}\", inputs: \"{{inputs.n}}\"}}\n"
    "- name: talk\n"
    "  mode: advanced-chat\n"
    "  runs:\n"
    "  - when: {query: fail}\n"
    "    nodes: [start, {type: code, error: \"an error\"}]\n"
    "  - nodes: [start, {type: answer, text: \"To {{query}}\", chunks: 2}]\n"
    "- name: chat\n"
    "  mode: chat\n"
    "  runs:\n"
    "  - {when: {query: fail}, answer: {text: Well, error: \"an error\"}}\n"
    "  - {when: {query: slow}, answer: {text: slowly, seconds: 1000, chunks: 3}}\n"
    "  - {answer: {text: Hello, chunks: 2, tokens: 3}}\n"
    "- {name: write, mode: completion, runs: [{answer: text}]}\n"
    "- {name: agent, mode: agent-chat, runs: [{answer: text}]}\n"
    "- {name: new-agent, mode: agent, runs: [{answer: text}]}\n"
    "- {name: single, max_active: 1, runs: [{nodes: [start]}]}\n"
    "- {name: unpublished, published: false, runs: [{nodes: [start]}]}\n"
    "- name: form\n"
    "  runs:\n"
    "  - recording: " DIFY_RECORDINGS "/human-input/approve/streaming\n"
    "    resumed: " DIFY_RECORDINGS "/human-input/approve/events-resume-snapshot-continue\n"
    "- name: chat-form\n"
    "  runs:\n"
    "  - recording: " DIFY_RECORDINGS "/chat-human/streaming\n"
    "    resumed: {nodes: [{type: answer, text: gone on}]}\n"
    "    expired: {nodes: [{type: answer, text: too late}]}\n";

/* ---- what is said -------------------------------------------------------------------------- */

/* One answer, without what differs from run to run. */
struct said {
    const char *what;
    int status;
    bool is_whole;
    struct text body;
};

#define MOST_SAID 60

struct talk {
    struct kit kit;
    struct sim *sim;
    bool is_closed;
    enum sim_release release;
    uint64_t fail_at;
    bool fails_on;
    const char *scene;

    struct said *said; /* by the conversation that has all memory */
    size_t said_count;
    bool is_first; /* this is that conversation */
    bool is_other; /* an answer was another one */
    const char *last;
};

/* For what is printed when a test fails. */
static struct talk talk;

enum care {
    EXACT,
    ROUGH /* it depends on the time how much comes: only the status counts */
};

static void wrong(const char *what, const char *why, const struct text *got)
{
    fprintf(stderr, "%s\n", got->ptr != NULL ? got->ptr : ""); /* cmocka's own cut long texts */
    fail_msg("%s: %s", what, why);
}

/* Every event of a whole stream is JSON. */
static void check_frames(const char *what, const struct text *body)
{
    const char *at = body->ptr;
    while ((at = strstr(at, "data: ")) != NULL) {
        const char *end = strstr(at, "\n\n");
        at += 6;
        if (end == NULL)
            wrong(what, "half a frame", body);
        yyjson_doc *doc = yyjson_read(at, (size_t)(end - at), YYJSON_READ_NUMBER_AS_RAW);
        if (doc == NULL)
            wrong(what, "no JSON", body);
        yyjson_doc_free(doc);
        at = end;
    }
}

static const struct said *find_said(const char *what)
{
    for (size_t i = 0; i < talk.said_count; i++)
        if (strcmp(talk.said[i].what, what) == 0)
            return &talk.said[i];
    return NULL;
}

static void keep_said(const struct said *said)
{
    if (find_said(said->what) != NULL)
        fail_msg("%s is said twice", said->what);
    assert_in_range(talk.said_count, 0, MOST_SAID - 1);
    talk.said[talk.said_count++] = *said;
}

/* Holds an answer against the one of the first conversation. */
static void check_said(const struct said *said, const struct text *got, enum care care)
{
    const struct said *first = find_said(said->what);
    if (first == NULL) { /* it was not asked, because another answer was another one */
        talk.is_other = true;
        return;
    }
    bool is_same =
        said->status == first->status && said->is_whole == first->is_whole &&
        (care == ROUGH || !said->is_whole || strcmp(said->body.ptr, first->body.ptr) == 0);
    if (talk.is_other || is_same)
        return;
    if (talk.kit.meter.failures == 0)
        wrong(said->what, "differs though nothing failed", got);
    talk.is_other = true;
    if (said->is_whole && said->status != 500) {
        fprintf(stderr, "should be %d, %s:\n%s\nis %d:\n%s\n", first->status,
                first->is_whole ? "whole" : "broken", first->body.ptr, said->status,
                said->body.ptr);
        wrong(said->what, "a wrong answer", got);
    }
}

/* ---- asking -------------------------------------------------------------------------------- */

/* Sends a request; `json` is in single quotes, NULL for none, `field` may be "". */
static void begin(struct client *client, const char *request_line, const char *key,
                  const char *field, const char *json)
{
    struct text request = {NULL, 0, 0}, body = {NULL, 0, 0};
    if (json != NULL)
        text_add_json(&body, json);
    text_addf(&request, "%s HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer app-%s\r\n%s",
              request_line, key, field);
    if (json != NULL)
        text_addf(&request, "Content-Type: application/json\r\nContent-Length: %zu\r\n", body.len);
    text_add_chars(&request, "\r\n");
    text_add(&request, body.ptr, body.len);
    client_connect(&talk.kit, client);
    client_send(&talk.kit, client, request.ptr, request.len);
    text_fini(&request);
    text_fini(&body);
}

/* Whether `chars` comes before the answer's end. */
static bool hears(struct client *client, const char *chars)
{
    size_t used;
    kit_until(&talk.kit,
              (client_read(client),
               client->is_ended || client->error != 0 || count_answers(&client->got, &used) != 0 ||
                   (client->got.ptr != NULL && strstr(client->got.ptr, chars) != NULL)));
    return client->got.ptr != NULL && strstr(client->got.ptr, chars) != NULL;
}

/* The stream of a run that died pings for ever, as Dify's does. */
static bool only_pings(const struct client *client)
{
    size_t count = 0;
    const char *at = client->got.ptr;
    while (at != NULL && count < MANY_PINGS && (at = strstr(at, "event: ping")) != NULL) {
        at++;
        count++;
    }
    return count == MANY_PINGS;
}

/* Waits for the end of the answer, looks at it, and hangs up. Its body goes to `out`, which may be
 * NULL. */
static void end(struct client *client, const char *what, enum care care, struct text *out)
{
    struct said said = {.what = what};
    struct text body = {NULL, 0, 0};
    size_t used;
    talk.last = what;
    kit_until(&talk.kit, (client_read(client), client->is_ended || client->error != 0 ||
                                                   count_answers(&client->got, &used) != 0 ||
                                                   (care == ROUGH && only_pings(client))));
    said.status = status_at(&client->got, 0);
    said.is_whole = count_answers(&client->got, &used) != 0;
    add_body(&body, &client->got);
    add_masked(&said.body, body.ptr);
    if (said.is_whole && said.status == 200 && strstr(what, "bad JSON") == NULL)
        check_frames(what, &body);
    if (talk.is_first)
        keep_said(&said);
    else
        check_said(&said, &client->got, care);
    if (!talk.is_first)
        text_fini(&said.body);
    if (out != NULL)
        *out = body;
    else
        text_fini(&body);
    client_close(client);
}

static void ask_for(const char *what, const char *request_line, const char *key, const char *field,
                    const char *json, enum care care, struct text *out)
{
    struct client client;
    begin(&client, request_line, key, field, json);
    end(&client, what, care, out);
}

static void get(const char *what, const char *request_line, const char *key)
{
    ask_for(what, request_line, key, "", NULL, EXACT, NULL);
}

static void post(const char *what, const char *request_line, const char *key, const char *json)
{
    ask_for(what, request_line, key, "", json, EXACT, NULL);
}

/* The string that follows "key": in a text; false if there is none. */
static bool find_string(const struct text *text, const char *key, char out[64])
{
    struct text label = {NULL, 0, 0};
    text_addf(&label, "\"%s\":", key);
    const char *at = text->ptr != NULL ? strstr(text->ptr, label.ptr) : NULL;
    size_t len = 0;
    if (at != NULL) {
        at += label.len;
        at += *at == ' ';
        at += *at == '"';
        while (len < 63 && at[len] != '"' && at[len] != '\0') {
            out[len] = at[len];
            len++;
        }
    }
    text_fini(&label);
    out[len] = '\0';
    return len != 0;
}

/* A text made by a format, for the time until the next one. */
static const char *made(const char *format, ...) __attribute__((format(printf, 1, 2)));
static const char *made(const char *format, ...)
{
    static char bytes[2048];
    va_list args;
    va_start(args, format);
    assert_in_range(vsnprintf(bytes, sizeof bytes, format, args), 0, sizeof bytes - 1);
    va_end(args);
    return bytes;
}

#define RUN "POST /v1/workflows/run"
#define CHAT "POST /v1/chat-messages"
#define STREAM_OF(q) "{'inputs':{'q':'" q "'},'user':'u','response_mode':'streaming'}"
#define BLOCK_OF(q) "{'inputs':{'q':'" q "','n':'7'},'user':'u','response_mode':'blocking'}"
#define TALK_OF(query, mode)                                                                       \
    "{'inputs':{},'query':'" query "','user':'u','response_mode':'" mode "'}"

/* ---- the conversations --------------------------------------------------------------------- */

static void talk_of_data(void)
{
    get("info", "GET /v1/info", "flow");
    get("parameters", "GET /v1/parameters", "label");
    get("no parameters", "GET /v1/parameters", "unpublished");
    get("meta", "GET /v1/meta", "flow");
    get("site", "GET /v1/site", "flow");
    get("a redirect", "GET /v1", "");
    get("not found", "GET /v1/nowhere", "flow");
    get("not allowed", "PUT /v1/info", "flow");
    get("options", "OPTIONS /v1/info", "flow");
    get("a wrong key", "GET /v1/info", "nobody");
    get("a file", "GET /v1/files/0/preview", "flow");
    ask_for("a bad fault", "GET /v1/info", "flow", "X-Sim-Fault: none\r\n", NULL, EXACT, NULL);
    ask_for("no request", "GET /v1/info", "flow", "Content-Length: x\r\n", NULL, EXACT, NULL);
    ask_for("statistics", "GET /sim/stats", "", "", NULL, ROUGH, NULL);
}

#define PART(head, body) "--b\r\nContent-Disposition: form-data; " head "\r\n\r\n" body "\r\n"

/* The id of a file goes to `id`. */
static bool upload(const char *what, const char *parts, char id[64])
{
    struct text answer, request = {NULL, 0, 0};
    struct client client;
    text_addf(&request,
              "POST /v1/files/upload HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer app-label\r\n"
              "Content-Type: multipart/form-data; boundary=b\r\nContent-Length: %zu\r\n\r\n",
              strlen(parts));
    text_add_chars(&request, parts);
    client_connect(&talk.kit, &client);
    client_send(&talk.kit, &client, request.ptr, request.len);
    end(&client, what, EXACT, &answer);
    bool has_id = find_string(&answer, "id", id);
    text_fini(&answer);
    text_fini(&request);
    return has_id;
}

#define LABEL_OF                                                                                   \
    "{'inputs':{'TagImage':[{'type':'%s','transfer_method':'local_file',"                          \
    "'upload_file_id':'%s'}]},'user':'u','response_mode':'%s'}"

static void talk_of_files(void)
{
    char id[64], ignored[64];
    (void)upload("no file", PART("name=\"user\"", "u") "--b--\r\n", ignored);
    (void)upload("a bad name", PART("name=\"file\"; filename=\"a/b.png\"", "x") "--b--\r\n",
                 ignored);
    (void)upload("no form", "text", ignored);
    if (upload("an upload",
               PART("name=\"user\"", "u")
                   PART("name=\"file\"; filename=\"a.png\"\r\nContent-Type: image/png",
                        "png") "--b--\r\n",
               id)) {
        post("a picture as text", RUN, "label", made(LABEL_OF, "document", id, "blocking"));
        post("a picture as another", RUN, "label", made(LABEL_OF, "custom", id, "blocking"));
        post("a label check", RUN, "label", made(LABEL_OF, "image", id, "streaming"));
    }
    post("somebody else's file", RUN, "label",
         made(LABEL_OF, "image", "01234567-0123-4567-89ab-0123456789ab", "blocking"));
    post("a remote file", RUN, "label",
         "{'inputs':{'TagImage':[{'type':'image','transfer_method':'remote_url',"
         "'url':'http://b/c.png'}]},'user':'u','response_mode':'blocking'}");
}

static void talk_of_rows(void)
{
    struct text answer;
    char run[64];
    ask_for("a blocking run", RUN, "flow", "", BLOCK_OF("tea"), EXACT, &answer);
    if (find_string(&answer, "workflow_run_id", run)) {
        get("its detail", made("GET /v1/workflows/run/%s", run), "flow");
        get("its events", made("GET /v1/workflow/%s/events?user=u", run), "flow");
        get("its events by another", made("GET /v1/workflow/%s/events?user=v", run), "flow");
        get("its events by nobody", made("GET /v1/workflow/%s/events", run), "flow");
        ask_for("its events, bad JSON", made("GET /v1/workflow/%s/events?user=u", run), "flow",
                "X-Sim-Fault: bad-json=0\r\n", NULL, EXACT, NULL);
        ask_for("a slow detail", made("GET /v1/workflows/run/%s", run), "flow",
                "X-Sim-Fault: slow-detail=5\r\n", NULL, EXACT, NULL);
        ask_for("a proxy's detail", made("GET /v1/workflows/run/%s", run), "flow",
                "X-Sim-Fault: proxy-503,on=detail\r\n", NULL, EXACT, NULL);
        ask_for("the truth about it", made("GET /sim/runs/%s", run), "", "", NULL, ROUGH, NULL);
    }
    text_fini(&answer);
    post("a failed run", RUN, "flow", BLOCK_OF("fail"));
    ask_for("a run that is stored otherwise", RUN, "flow", "", STREAM_OF("stored"), EXACT, &answer);
    if (find_string(&answer, "workflow_run_id", run))
        get("what is stored", made("GET /v1/workflows/run/%s", run), "flow");
    text_fini(&answer);
    get("no detail", "GET /v1/workflows/run/01234567-0123-4567-89ab-0123456789ab", "flow");
    get("a bad id", "GET /v1/workflows/run/x", "flow");
    get("a chat's detail", "GET /v1/workflows/run/x", "chat");
    get("logs", "GET /v1/workflows/logs?limit=2", "flow");
    get("failed runs", "GET /v1/workflows/logs?status=failed&keyword=a", "flow");
    get("a bad status", "GET /v1/workflows/logs?status=x", "flow");
    get("a bad limit", "GET /v1/workflows/logs?limit=1000", "flow");
    get("a bad time", "GET /v1/workflows/logs?created_at__after=x", "flow");
    ask_for("statistics", "GET /sim/stats", "", "", NULL, ROUGH, NULL);
    ask_for("the truth about all", "GET /sim/runs?user=u", "", "", NULL, ROUGH, NULL);
}

static void talk_of_a_running_run(void)
{
    struct client stream, snapshot, plain;
    char run[64], task[64];
    begin(&stream, RUN, "flow", "", STREAM_OF("slow"));
    if (hears(&stream, "node_started") && find_string(&stream.got, "workflow_run_id", run) &&
        find_string(&stream.got, "task_id", task)) {
        struct text path = {NULL, 0, 0};
        text_addf(&path, "GET /v1/workflow/%s/events?user=u", run);
        begin(&plain, path.ptr, "flow", "", NULL);
        (void)hears(&plain, "ping");
        text_add_chars(&path, "&include_state_snapshot=true&continue_on_pause=true");
        begin(&snapshot, path.ptr, "flow", "", NULL);
        (void)hears(&snapshot, "node_started");
        ask_for("the detail of a running run", made("GET /v1/workflows/run/%s", run), "flow", "",
                NULL, ROUGH, NULL);
        ask_for("the logs of a running run", "GET /v1/workflows/logs", "flow", "", NULL, ROUGH,
                NULL);
        post("a stop", made("POST /v1/workflows/tasks/%s/stop", task), "flow", "{'user':'u'}");
        end(&snapshot, "events with a snapshot", ROUGH, NULL);
        end(&plain, "events", ROUGH, NULL);
        text_fini(&path);
    }
    end(&stream, "a stopped run", ROUGH, NULL);
    begin(&stream, CHAT, "chat", "", TALK_OF("slow", "streaming"));
    if (hears(&stream, "task_id") && find_string(&stream.got, "task_id", task))
        post("a chat's stop", made("POST /v1/chat-messages/%s/stop", task), "chat", "{'user':'u'}");
    end(&stream, "a stopped chat", ROUGH, NULL);
}

static void talk_of_chats(void)
{
    struct text answer;
    char conversation[64], message[64];
    ask_for("a chatflow", CHAT, "talk", "", TALK_OF("tea", "streaming"), EXACT, &answer);
    if (find_string(&answer, "conversation_id", conversation))
        post("its second turn", CHAT, "talk",
             made("{'inputs':{},'query':'more','user':'u','response_mode':'blocking',"
                  "'conversation_id':'%s'}",
                  conversation));
    text_fini(&answer);
    post("a chatflow's failure", CHAT, "talk", TALK_OF("fail", "blocking"));
    ask_for("a chat", CHAT, "chat", "", TALK_OF("tea", "streaming"), EXACT, &answer);
    if (find_string(&answer, "message_id", message)) {
        post("feedback", made("POST /v1/messages/%s/feedbacks", message), "chat",
             "{'user':'u','rating':'like'}");
        post("bad feedback", made("POST /v1/messages/%s/feedbacks", message), "chat",
             "{'user':'u','rating':'x'}");
        post("feedback of another", made("POST /v1/messages/%s/feedbacks", message), "chat",
             "{'user':'v','rating':'like'}");
    }
    if (find_string(&answer, "conversation_id", conversation)) {
        post("a chat's second turn", CHAT, "chat",
             made("{'inputs':{},'query':'more','user':'u','response_mode':'streaming',"
                  "'conversation_id':'%s'}",
                  conversation));
        post("a chat's third turn", CHAT, "chat",
             made("{'inputs':{},'query':'more','user':'u','response_mode':'blocking',"
                  "'conversation_id':'%s'}",
                  conversation));
    }
    text_fini(&answer);
    post("a blocking chat", CHAT, "chat", TALK_OF("tea", "blocking"));
    post("a chat's error", CHAT, "chat", TALK_OF("fail", "streaming"));
    post("a blocking chat's error", CHAT, "chat", TALK_OF("fail", "blocking"));
    post("a completion", "POST /v1/completion-messages", "write", TALK_OF("", "streaming"));
    post("a blocking completion", "POST /v1/completion-messages", "write", TALK_OF("", "blocking"));
    post("an agent", CHAT, "agent", TALK_OF("tea", "streaming"));
    post("a blocking agent", CHAT, "agent", TALK_OF("tea", "blocking"));
    post("a new agent", CHAT, "new-agent", TALK_OF("tea", "streaming"));
    post("a blocking new agent", CHAT, "new-agent", TALK_OF("tea", "blocking"));
}

static void talk_of_refusals(void)
{
    post("no JSON", RUN, "flow", "{");
    post("no object", RUN, "flow", "[]");
    post("no user", RUN, "flow", "{'inputs':{}}");
    post("no inputs", RUN, "flow", "{'user':7,'response_mode':[1,{'a':null}]}");
    post("a bad conversation", CHAT, "chat",
         "{'inputs':7,'user':'u','query':true,'conversation_id':'it is\\n \\'not\\' an id'}");
    post("no type", RUN, "flow", NULL);
    post("another route", CHAT, "flow", TALK_OF("tea", "streaming"));
    post("a chat's mode", RUN, "chat", TALK_OF("tea", "streaming"));
    post("no query", CHAT, "chat", TALK_OF("", "streaming"));
    post("no conversation", CHAT, "talk",
         "{'inputs':{},'query':'a','user':'u','response_mode':'streaming',"
         "'conversation_id':'01234567-0123-4567-89ab-0123456789ab'}");
    post("another workflow", "POST /v1/workflows/01234567-0123-4567-89ab-0123456789ab/run", "flow",
         STREAM_OF("tea"));
    post("no workflow's id", "POST /v1/workflows/x/run", "flow", STREAM_OF("tea"));
    post("not published", RUN, "unpublished", STREAM_OF("tea"));
    post("one at a time", RUN, "single", STREAM_OF("tea"));
    post("a blocking bad input", RUN, "flow", BLOCK_OF("more than ten"));
    post("a bad input", RUN, "flow", STREAM_OF("more than ten"));
    post("no input", RUN, "flow", "{'inputs':{},'user':'u','response_mode':'streaming'}");
}

static void talk_of_forms(void)
{
    struct client stream;
    struct text answer;
    char run[64], token[64];
    get("no form", "GET /v1/form/human_input/x", "form");
    post("a blocking pause", RUN, "form", BLOCK_OF("tea"));
    ask_for("a pause", RUN, "form", "", STREAM_OF("tea"), EXACT, &answer);
    if (find_string(&answer, "form_token", token) && find_string(&answer, "workflow_run_id", run)) {
        struct text path = {NULL, 0, 0}, events = {NULL, 0, 0};
        text_addf(&path, "POST /v1/form/human_input/%s", token);
        text_addf(&events, "GET /v1/workflow/%s/events?user=u&include_state_snapshot=true", run);
        get("a form", made("GET /v1/form/human_input/%s", token), "form");
        get("another app's form", made("GET /v1/form/human_input/%s", token), "flow");
        get("the detail of a paused run", made("GET /v1/workflows/run/%s", run), "form");
        get("the logs of a paused run", "GET /v1/workflows/logs", "form");
        get("the events of a paused run", events.ptr, "form");
        post("no action", path.ptr, "form", "{'inputs':{},'action':'x','user':'u'}");
        post("no inputs", path.ptr, "form", "{'action':'x','user':'u'}");
        post("nothing in it", path.ptr, "form", "{'inputs':{},'action':'approve','user':'u'}");
        text_add_chars(&events, "&continue_on_pause=true");
        begin(&stream, events.ptr, "form", "", NULL);
        (void)hears(&stream, "workflow_paused");
        post("a submission", path.ptr, "form",
             "{'inputs':{'comment':'yes','note':'yes'},'action':'approve','user':'u'}");
        post("a second one", path.ptr, "form",
             "{'inputs':{'comment':'yes','note':'yes'},'action':'approve','user':'u'}");
        end(&stream, "what followed", ROUGH, NULL);
        get("a form that was sent", made("GET /v1/form/human_input/%s", token), "form");
        text_fini(&path);
        text_fini(&events);
    }
    text_fini(&answer);
    post("a chat's pause", CHAT, "chat-form", TALK_OF("tea", "streaming"));
    post("a chat's blocking pause", CHAT, "chat-form", TALK_OF("tea", "blocking"));
}

static void ask_with_fault(const char *fault, enum care care)
{
    struct text field = {NULL, 0, 0};
    text_addf(&field, "X-Sim-Fault: %s\r\n", fault);
    ask_for(fault, RUN, "flow", field.ptr, STREAM_OF("tea"), care, NULL);
    text_fini(&field);
}

static void talk_of_faults(void)
{
    static const char *const faults[] = {"reset-after-events=2",
                                         "reset-after-bytes=300",
                                         "close-after-events=2",
                                         "end-after-events=2",
                                         "cut-in-character",
                                         "big-event=5000",

                                         "reset-before-run",
                                         "reset-after-start",
                                         "proxy-502",
                                         "proxy-503",
                                         "proxy-504",
                                         "busy",
                                         "500",
                                         "reset",
                                         "slow=5",
                                         "429=7",
                                         "dead-worker=2",
                                         "queued=10",
                                         "401"};
    for (size_t i = 0; i < COUNT_OF(faults); i++)
        ask_with_fault(faults[i], EXACT);
    if (talk.release != SIM_1_12_1) /* which nothing ends */
        ask_with_fault("lost-finish", EXACT);
    post("a cut", RUN, "flow", STREAM_OF("cut"));
    post("a blocking cut", RUN, "flow", BLOCK_OF("cut"));
}

/* More than the server's one place and its one worker allow: places are given on, runs queue. */
static void talk_in_a_queue(void)
{
    struct client clients[4];
    static const char *const names[] = {"the first", "the second", "the third", "the fourth"};
    for (size_t i = 0; i < COUNT_OF(clients); i++)
        begin(&clients[i], RUN, "flow", "", i == 3 ? BLOCK_OF("tea") : STREAM_OF("tea"));
    for (size_t i = 0; i < COUNT_OF(clients); i++)
        end(&clients[i], names[i], ROUGH, NULL);
}

/* ---- torture ------------------------------------------------------------------------------- */

struct scene {
    const char *name;
    void (*play)(void);
    unsigned connections, workers;
    bool from_the_start; /* allocations of the making count, too */
};

/* The catalogue's memory is the plain one, but for what it needs while a script is chosen. */
static const struct dify_allocator *allocator_now(void)
{
    return talk.sim != NULL ? &talk.kit.meter.allocator : dify__allocator(NULL);
}

static void *forward_malloc(void *ctx, size_t size)
{
    (void)ctx;
    return dify__malloc(allocator_now(), size);
}

static void *forward_realloc(void *ctx, void *ptr, size_t old_size, size_t size)
{
    const struct dify_allocator *allocator = allocator_now();
    (void)ctx;
    return allocator->realloc(allocator->ctx, ptr, old_size, size);
}

static void forward_free(void *ctx, void *ptr)
{
    (void)ctx;
    dify__free(allocator_now(), ptr);
}

static const struct dify_allocator forwarder = {NULL, forward_malloc, forward_realloc,
                                                forward_free};

static struct sim_catalogue catalogue;

static void on_closed(void *ctx)
{
    *(bool *)ctx = true;
}

/* One conversation; how many allocations there were, of those that may fail. */
static uint64_t converse(const struct scene *scene)
{
    struct sim_options options = {.allocator = &talk.kit.meter.allocator,
                                  .catalogue = &catalogue,
                                  .release = talk.release,
                                  .speed = SPEED,
                                  .seed = 7,
                                  .connections = scene->connections,
                                  .workers = scene->workers};
    struct dify_error error;
    struct meter *meter = &talk.kit.meter;
    uint64_t before = 0;
    kit_init(&talk.kit);
    talk.is_closed = talk.is_other = false;
    meter->fails_on = talk.fails_on;
    if (scene->from_the_start)
        meter->fail_at = talk.fail_at;
    enum dify_err err = sim_new(&talk.kit.loop, &options, &talk.sim);
    if (err != DIFY_OK) {
        assert_int_equal(err, DIFY_ERR_NOMEM);
        kit_fini(&talk.kit);
        return 0;
    }
    err = sim_listen(talk.sim, "127.0.0.1", 0, &error);
    if (!scene->from_the_start) {
        before = meter->calls;
        meter->fail_at = talk.fail_at != 0 ? before + talk.fail_at : 0;
    }
    talk.kit.port = sim_port(talk.sim);
    if (err == DIFY_OK)
        scene->play();
    else
        assert_int_equal(err, DIFY_ERR_NOMEM);
    uint64_t calls = meter->calls - before;
    sim_close(talk.sim, on_closed, &talk.is_closed);
    kit_until(&talk.kit, talk.is_closed);
    talk.sim = NULL;
    kit_fini(&talk.kit);
    return calls;
}

/* Has allocations of a conversation fail: every one, or so many. */
static void torture_with(const struct scene *scene, uint64_t calls, size_t samples,
                         uint64_t *random)
{
    uint64_t step = getenv("DIFY_TORTURE_ALL") == NULL ? calls / samples + 1 : 1;
    for (talk.fail_at = 1 + random_below(random, (size_t)step); talk.fail_at <= calls;
         talk.fail_at += step)
        (void)converse(scene);
}

static void torture(const struct scene *scene, enum sim_release release, uint64_t *random)
{
    static const char *const releases[] = {"1.12.1", "1.14.2", "1.16.1"};
    struct said said[MOST_SAID];
    memset(said, 0, sizeof said);
    talk = (struct talk){.release = release, .scene = scene->name, .said = said, .is_first = true};
    uint64_t calls = converse(scene);
    talk.is_first = false;
    print_message("%s, as %s: %zu answers, %llu allocations\n", scene->name, releases[release],
                  talk.said_count, (unsigned long long)calls);
    assert_true(calls > 100);
    (void)converse(scene); /* the same again */
    assert_false(talk.is_other);
    torture_with(scene, calls, SAMPLES, random);
    talk.fails_on = true;
    torture_with(scene, calls, SAMPLES_FOR_GOOD, random);
    for (size_t i = 0; i < talk.said_count; i++)
        text_fini(&said[i].body);
    talk.said = NULL;
    talk.scene = NULL;
}

static const struct scene scenes[] = {
    {"data", talk_of_data, 0, 0, true},       {"files", talk_of_files, 0, 0, false},
    {"rows", talk_of_rows, 0, 0, false},      {"a running run", talk_of_a_running_run, 0, 0, false},
    {"chats", talk_of_chats, 0, 0, false},    {"refusals", talk_of_refusals, 0, 0, false},
    {"forms", talk_of_forms, 0, 0, false},    {"faults", talk_of_faults, 0, 0, false},
    {"places", talk_in_a_queue, 1, 0, false}, {"workers", talk_in_a_queue, 0, 1, false},
};

static void test_scene(void **state)
{
    const struct scene *scene = *state;
    uint64_t random = test_seed();
    for (int release = SIM_1_12_1; release <= SIM_1_16_1; release++)
        torture(scene, (enum sim_release)release, &random);
}

/* An argument is a pattern for the names of the conversations to be had. */
int main(int argc, char **argv)
{
    struct sim_load_error error = {""};
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    sim_catalogue_init(&catalogue, &forwarder);
    if (sim_catalogue_load_text(&catalogue, "scenario", slice_of(scenario), &error) != DIFY_OK) {
        print_error("%s\n", error.text);
        return 1;
    }
    int failed = run_cases("torture", scenes, COUNT_OF(scenes), sizeof scenes[0], test_scene);
    if (failed != 0 && talk.scene != NULL)
        print_error("the last was %s, \"%s\", allocation %llu%s\n", talk.scene,
                    talk.last != NULL ? talk.last : "", (unsigned long long)talk.fail_at,
                    talk.fails_on ? " and all after it" : "");
    talk.sim = NULL; /* it is left there where a test failed */
    sim_catalogue_fini(&catalogue);
    return failed;
}
