/* SPDX-License-Identifier: Apache-2.0
 *
 * test_v1_body.c: the body of a blocking call, made from a stream, against what Dify answered: for
 * every app that was recorded both ways; of what it was not by cases.
 */
#include "../sim/masked.h"
#include "mend_kit.h"

#include "core/style.h"
#include "gateway/v1_body.h"

#include <dirent.h>

/* ---- a recorded pair ------------------------------------------------------------------------- */

struct pair {
    const char *release, *group, *key; /* of the blocking answer */
    int status;
    struct dify_slice body;
    struct text folder; /* of the stream */
};

static size_t differences, details;

/* Figures that differ from run to run. */
static bool is_time(const char *key)
{
    static const char *const keys[] = {"created_at", "finished_at",        "elapsed_time",
                                       "latency",    "expiration_time",    "time_to_generate",
                                       "started_at", "time_to_first_token"};
    for (size_t i = 0; i < COUNT_OF(keys); i++)
        if (strcmp(key, keys[i]) == 0)
            return true;
    return false;
}

/* A string's value; of a signed address not the signature. */
static void add_masked_string(struct text *out, struct text *string)
{
    char *sign = strstr(string->ptr, "sign=");
    if (sign != NULL)
        memcpy(sign, "\"", 2);
    add_masked(out, string->ptr);
}

/* The text without ids and times: other numbers stay, and every byte between. */
static void mask(struct text *out, struct dify_slice body)
{
    struct text key = {NULL, 0, 0};
    const char *end = body.ptr + body.len;
    for (const char *at = body.ptr; at < end;) {
        if (*at == '"') {
            const char *from = at++;
            while (at < end && *at != '"')
                at += *at == '\\' ? 2 : 1;
            at++;
            text_fini(&key);
            text_add(&key, from, (size_t)(at - from));
            if (at < end && *at == ':')
                text_add(out, key.ptr, key.len);
            else
                add_masked_string(out, &key);
            if (at < end && *at == ':') {
                key.ptr[key.len - 1] = '\0';
                bool masks = is_time(key.ptr + 1);
                at += at[1] == ' ' ? 2 : 1;
                text_add_chars(out, at[-1] == ' ' ? ": " : ":");
                if (masks && strspn(at, "-+.eE0123456789") != 0) {
                    at += strspn(at, "-+.eE0123456789");
                    text_add_chars(out, "#");
                }
            }
        } else {
            text_add(out, at++, 1);
        }
    }
    text_fini(&key);
    text_add(out, "", 0);
}

/* Pairs that cannot be the same, and why. */
static const char *why_not(const struct pair *pair)
{
    static const char *const pairs[][4] = {
        {"1.12.1", "basic-chat", "blocking", "another model"},
        {"1.12.1", "basic-completion", "blocking", "another model"},
        {"1.12.1", "limit-2", "blocking-1", "one of too many"},
        {"1.12.1", "limit-2", "blocking-2", "one of too many"},
        {"1.12.1", "agent-chat", "blocking", "Dify refuses to"},
        {"1.14.2", "agent-chat", "blocking", "Dify refuses to"},
        {"1.16.1", "new-agent", "blocking", "Dify refuses to"},
        {"1.12.1", "code-surrogate", "blocking", "the stream has no end"},
        {"1.14.2", "code-surrogate", "blocking", "the stream has no end"},
        {"1.14.2", "errors", "missing-input-blocking", "the stream says nothing"},
        {"1.14.2", "chat-human", "blocking", "another question"},
        {"1.16.1", "chat-human", "blocking", "another question"},
    };
    for (size_t i = 0; i < COUNT_OF(pairs); i++)
        if (strcmp(pair->release, pairs[i][0]) == 0 && strcmp(pair->group, pairs[i][1]) == 0 &&
            strcmp(pair->key, pairs[i][2]) == 0)
            return pairs[i][3];
    return NULL;
}

static void tell_difference(const struct pair *pair, const struct text *recorded,
                            const struct text *made, int status)
{
    size_t at = 0;
    while (recorded->ptr[at] != '\0' && recorded->ptr[at] == made->ptr[at])
        at++;
    size_t from = at > 60 ? at - 60 : 0;
    print_error("%s %s/%s:\n  recorded %d ...%.120s\n  made     %d ...%.120s\n", pair->release,
                pair->group, pair->key, pair->status, recorded->ptr + from, status,
                made->ptr + from);
    differences++;
}

/* Whether the body of a run is the recorded one. */
static void compare_body(const struct pair *pair, const struct told *told, struct dify_slice mode)
{
    struct text recorded = {NULL, 0, 0}, made = {NULL, 0, 0};
    struct dify__buffer body = {.allocator = dify__allocator(NULL), .max = SIZE_MAX / 2};
    int status = 0;
    assert_true(gw_v1_body(told->run, told->mend, mode, &body, &status));
    mask(&recorded, pair->body);
    mask(&made, dify__buffer_slice(&body));
    bool is_same = status == pair->status && strcmp(recorded.ptr, made.ptr) == 0;
    if (is_same != (why_not(pair) == NULL))
        tell_difference(pair, &recorded, &made, status);
    dify__buffer_fini(&body);
    text_fini(&recorded);
    text_fini(&made);
}

/* The end of a workflow learnt from the run's detail, its event having been lost. */
static void compare_by_detail(const struct pair *pair, const struct text *stream, yyjson_val *data)
{
    struct told told;
    char *end = strstr(stream->ptr, "data: {\"event\":\"workflow_finished\"");
    size_t len;
    if (end == NULL || why_not(pair) != NULL)
        return;
    char *detail = yyjson_val_write(data, 0, &len);
    assert_non_null(detail);
    told_init(&told, DIFY_KIND_WORKFLOW, NULL);
    told_stream(&told, 0);
    told_feed(&told, (struct dify_slice){stream->ptr, (size_t)(end - stream->ptr)});
    assert_int_equal(
        dify__run_tell(told.run, DIFY__TOLD_BY_DETAIL, (struct dify_slice){detail, len}), DIFY_OK);
    told_end(&told);
    compare_body(pair, &told, DIFY_SLICE("workflow"));
    details++;
    free(detail);
    told_fini(&told);
}

static bool compare_pair(const struct pair *pair)
{
    struct text path = {NULL, 0, 0}, stream = {NULL, 0, 0};
    struct told told;
    text_addf(&path, "%s/%s/response.body", DIFY_RECORDINGS, pair->folder.ptr);
    bool is_there = read_file(path.ptr, &stream);
    text_fini(&path);
    if (!is_there)
        return false;
    yyjson_doc *doc = yyjson_read(pair->body.ptr, pair->body.len,
                                  YYJSON_READ_NUMBER_AS_RAW | YYJSON_READ_ALLOW_INVALID_UNICODE);
    yyjson_val *mode = yyjson_obj_get(yyjson_doc_get_root(doc), "mode");
    yyjson_val *data = yyjson_obj_get(yyjson_doc_get_root(doc), "data");
    told_init(&told, kind_of(pair->group), NULL);
    told_stream(&told, 0);
    told_feed(&told, text_slice(&stream));
    told_end(&told);
    compare_body(pair, &told, (struct dify_slice){yyjson_get_str(mode), yyjson_get_len(mode)});
    if (kind_of(pair->group) == DIFY_KIND_WORKFLOW && data != NULL)
        compare_by_detail(pair, &stream, data);
    yyjson_doc_free(doc);
    text_fini(&stream);
    told_fini(&told);
    return true;
}

static size_t compare_answer(const char *release, const char *group, yyjson_val *key,
                             yyjson_val *answer)
{
    struct pair pair = {.release = release, .group = group, .key = yyjson_get_str(key)};
    const char *mark = strstr(pair.key, "blocking");
    const char *head = yyjson_get_str(yyjson_arr_get_first(yyjson_obj_get(answer, "head")));
    yyjson_val *body = yyjson_obj_get(answer, "body");
    if (mark == NULL || head == NULL || body == NULL)
        return 0;
    pair.status = (int)strtol(head + strlen("HTTP/1.1 "), NULL, 10);
    pair.body = (struct dify_slice){yyjson_get_str(body), yyjson_get_len(body)};
    if (strcmp(release, "1.14.2") != 0)
        text_addf(&pair.folder, "v%s/", release);
    text_addf(&pair.folder, "%s/%.*sstreaming%s", group, (int)(mark - pair.key), pair.key,
              mark + strlen("blocking"));
    bool is_pair = compare_pair(&pair);
    text_fini(&pair.folder);
    return is_pair;
}

static size_t compare_file(const char *release, const char *folder, const char *name)
{
    struct text path = {NULL, 0, 0}, group = {NULL, 0, 0};
    yyjson_val *key, *answer;
    size_t at, count, pairs = 0;
    const char *dot = strstr(name, ".json");
    if (dot == NULL)
        return 0;
    text_addf(&path, "%s/%s", folder, name);
    text_addf(&group, "%.*s", (int)(dot - name), name);
    yyjson_doc *doc = yyjson_read_file(path.ptr, 0, NULL, NULL);
    assert_non_null(doc);
    yyjson_obj_foreach(yyjson_doc_get_root(doc), at, count, key, answer) pairs +=
        compare_answer(release, group.ptr, key, answer);
    yyjson_doc_free(doc);
    text_fini(&path);
    text_fini(&group);
    return pairs;
}

static void test_recorded_pairs(void **state)
{
    static const char *const releases[] = {"1.12.1", "1.14.2", "1.16.1"};
    size_t pairs = 0;
    (void)state;
    for (size_t i = 0; i < COUNT_OF(releases); i++) {
        struct text folder = {NULL, 0, 0};
        const struct dirent *entry;
        text_addf(&folder, "%s/answers/%s", DIFY_RECORDINGS, releases[i]);
        DIR *dir = opendir(folder.ptr);
        assert_non_null(dir);
        while ((entry = readdir(dir)) != NULL)
            pairs += compare_file(releases[i], folder.ptr, entry->d_name);
        text_fini(&folder);
        closedir(dir);
    }
    assert_int_equal(differences, 0);
    assert_int_equal(pairs, 142);
    assert_int_equal(details, 87);
}

/* ---- what was not recorded ------------------------------------------------------------------- */

struct made {
    const char *name, *mode;
    enum dify_kind kind;
    const char *events[3];
    enum dify_outcome outcome; /* SUCCEEDED: the stream says it */
    int dify_status;
    int status;
    const char *body;
};

static const struct made cases[] = {
    {"Dify refused",
     "",
     DIFY_KIND_WORKFLOW,
     {NULL},
     DIFY_OUTCOME_REFUSED,
     404,
     404,
     "{'code':'not_found','message':'a\\/b','status':404}\n"},
    {"no connection",
     "",
     DIFY_KIND_CHAT,
     {NULL},
     DIFY_OUTCOME_CONNECT_TIMEOUT,
     0,
     504,
     "{'code':'not_found','message':'a\\/b','status':504}\n"},
    {"a New Agent",
     "agent",
     DIFY_KIND_CHAT,
     {"{'event':'agent_message','conversation_id':'c','message_id':'m','task_id':'t',"
      "'created_at':7,'answer':'hi'}",
      "{'event':'message_end','metadata':{'usage':{'total_price':'1.5E-7','latency':1e-7}}}"},
     DIFY_OUTCOME_SUCCEEDED,
     0,
     200,
     "{'event': 'message', 'task_id': 't', 'id': 'm', 'message_id': 'm', 'conversation_id': 'c', "
     "'mode': 'agent', 'answer': 'hi', 'metadata': {'annotation_reply': null, 'usage': "
     "{'total_price': '0.00000015', 'latency': 1e-07, 'time_to_first_token': null, "
     "'time_to_generate': null}}, 'created_at': 7}"},
    {"a rate limit",
     "",
     DIFY_KIND_CHAT,
     {"{'event':'error','code':'rate_limit_error','status':429,'message':'slow'}"},
     DIFY_OUTCOME_SUCCEEDED,
     0,
     429,
     "{'code':'rate_limit_error','message':'slow','status':429}\n"},
    {"stopped",
     "",
     DIFY_KIND_WORKFLOW,
     {"{'event':'workflow_finished','task_id':'t','workflow_run_id':'r','data':{'id':'r',"
      "'workflow_id':'w','status':'stopped','outputs':{'\u00e9':1e16},'error':'Stopped by "
      "user.'}}"},
     DIFY_OUTCOME_SUCCEEDED,
     0,
     200,
     "{'task_id': 't', 'workflow_run_id': 'r', 'data': {'id': 'r', 'workflow_id': 'w', 'status': "
     "'stopped', 'outputs': {'\\u00e9': 1e+16}, 'error': 'Stopped by user.', 'elapsed_time': "
     "null, 'total_tokens': null, 'total_steps': null, 'created_at': null, 'finished_at': null}}"},
};

static void feed_made(struct told *told, const struct made *made)
{
    told_stream(told, 0);
    for (size_t i = 0; i < COUNT_OF(made->events) && made->events[i] != NULL; i++) {
        struct text stream = STREAM(made->events[i]);
        told_feed(told, text_slice(&stream));
        text_fini(&stream);
    }
    if (made->outcome != DIFY_OUTCOME_SUCCEEDED)
        assert_int_equal(dify_run_fail(told->run, made->outcome, DIFY_SLICE("not_found"),
                                       DIFY_SLICE("a/b"), made->dify_status),
                         DIFY_OK);
    dify_run_end(told->run);
}

/* The body; and without memory, at whatever allocation, none. */
static void run_made(void **state)
{
    const struct made *made = *state;
    struct text want = {NULL, 0, 0};
    struct meter meter;
    struct told told;
    meter_init(&meter);
    text_add_json(&want, made->body);
    told_init(&told, made->kind, &meter.allocator);
    feed_made(&told, made);
    uint64_t before = meter.calls;
    for (uint64_t fail = 1, is_done = 0; !is_done; fail++) {
        struct dify__buffer body = {.allocator = &meter.allocator, .max = SIZE_MAX / 2};
        int status = 0;
        meter.fail_at = meter.calls + fail;
        meter.failures = 0;
        is_done = gw_v1_body(told.run, told.mend, slice_of(made->mode), &body, &status);
        assert_int_equal(is_done, meter.failures == 0);
        assert_int_equal(status, is_done ? made->status : 0);
        if (is_done)
            assert_bytes(dify__buffer_slice(&body), text_slice(&want));
        else
            assert_int_equal(body.len, 0);
        dify__buffer_fini(&body);
    }
    assert_true(meter.calls > before);
    told_fini(&told);
    text_fini(&want);
    assert_meter_empty(&meter);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_recorded_pairs),
    };
    int failed = cmocka_run_group_tests_name("v1 body", tests, NULL, NULL);
    return failed + run_cases("v1 body: cases", cases, COUNT_OF(cases), sizeof cases[0], run_made);
}
