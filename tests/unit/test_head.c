/* SPDX-License-Identifier: Apache-2.0
 *
 * test_head.c: an event that begins like the one before, but for its ids, is read by its `data`
 * alone. Every pair of events made of these heads and tails must give what a decoder gives that has
 * seen no other.
 */
#include "difystream/limits.h"
#include "event_view.h"

/* In single quotes. A head ends where the value of its last member begins. */
static const char *const heads[] = {
    "{'event':'text_chunk','task_id':'t','data':",
    "{'event':'text_chunk','task_id':'u','data':",
    "{ 'event' : 'node_started' ,\t'workflow_run_id':'r' , 'data' : ",
    "{'event':'node_finished','created_at':17,'data':",
    "{'event':'node_finished','metadata':{'usage':{'latency':1}},'data':",
    "{'event':'text_chunk','reason':'x','unknown':[1,{'data':2}],'data':",
    "{'data':{'id':'first'},'event':'loop_next','data':",
    "{'event':'text_chunk','task_id':'\\u0041\\n','data':",
    "{'event':'text_chunk','task_id':'\\ud83d','data':",
    "{'event':'text_chunk','task_id':'\xED\xA0\xBD','data':",
    "{'event':'text_chunk','task_id':'\xEF\xBF\xBD','data':",
    "{'event':'text_chunk','task_id':'\xFF','data':",
    "{'data':",
    "{'event':'message','answer':",
};

/* The same with ids, or what is none in their place, of one length in some of them. */
static const char *const id_heads[] = {
    "{'event':'text_chunk','task_id':'ab-9z','workflow_run_id':'r-1','data':",
    "{'event':'text_chunk','task_id':'cD_0Y','workflow_run_id':'r-2','data':",
    "{'event':'text_chunk','task_id':'ef\\n8','workflow_run_id':'r-2','data':",
    "{'event':'text_chunk','task_id':'gh\\\"8','workflow_run_id':'r-2','data':",
    "{'event':'text_chunk','task_id':'ij\n-8','workflow_run_id':'r-3','data':",
    "{'event':'text_chunk','task_id':'klm\xC3\xA9','workflow_run_id':'r-3','data':",
    "{'event':'text_chunk','task_id':'klm\xED\xA0','workflow_run_id':'r-3','data':",
    "{'event':'text_chunk','task_id':'no\"pq','workflow_run_id':'r-3','data':",
    "{'event':'text_chunk','task_id':'rstu\\','workflow_run_id':'r-3','data':",
    "{'event':'text_chunk','task_id':'ab-9z','workflow_run_id':'r\\1','data':",
    "{'event':'text_other','task_id':'ab-9z','workflow_run_id':'r-1','data':",
    "{'event':'text_chunk','task_id':'v','workflow_run_id':'','data':",
    "{'event':'text_chunk','workflow_run_id':'ab-9z','task_id':'r-1','data':",
    "{'event':'text_chunk','id':'1','message_id':'2','task_id':'3','conversation_id':'4',"
    "'workflow_run_id':'5','data':",
    "{'event':'text_chunk','id':'6','message_id':'7','task_id':'8','conversation_id':'9',"
    "'workflow_run_id':'0','data':",
    "{'event':'text_chunk','task_id':'a','task_id':'b','data':",
    "{'event':'text_chunk','task_id':'c','task_id':'d','data':",
    "{'event':'text_chunk','task_id':'a','task_id':'d','data':",
    "{'event':'text_chunk','task_id':'a','task_id':7,'data':",
    "{'event':'text_chunk','task_id':'b','task_id':8,'data':",
    "{'event':'text_chunk','task_id':'e','reason':'e','data':",
    "{'event':'text_chunk','task_id':'f','reason':'f','data':",
};

static const char *const tails[] = {
    "{}}",
    "{'id':'e','index':7,'outputs':{'k' : [1, 2]},'execution_metadata':{'currency':'USD'}}}",
    "{'text':'\\u00e9'} \r\n} ",
    " \t{'id':'behind white space'}}",
    " }",
    "{",
    "{'id':'e'},'x':{}}",
    "{'id':'a longer one than the others','inputs':{},'error':'\\ud83d\\ude00'}}",
    "{'id':'\\ud83d'}}",
    "{'id':'\xED\xA0\xBD'}}",
    "{'id':'\xFF'}}",
    "null}",
    "'text'}",
    "[{}]}",
    "12.50 }",
    "{'id':'e'},'task_id':'late'}",
    "{'id':'e'},'data':{'id':'f'}}",
    "{'id':'e'}",
    "{'id':'e'}}}",
    "{'id':'e'}},",
    "{'id':'e'}}{",
    "{'id':'e'",
    "{'id':'e'x}}",
    "{'id':'\n'}}",
    "{'id':'\\ud83d\n'}}",
    "",
    "}",
};

#define TAILS COUNT_OF(tails)
#define EVENTS (COUNT_OF(heads) * TAILS)

/* What the decoder makes of an event: its view, or its error. */
static struct text outcome_of(struct dify_decoder *decoder, struct dify_slice json)
{
    struct text out = {NULL, 0, 0};
    struct dify_error error = {DIFY_OK, 0, ""};
    const struct dify_event *event = NULL;
    enum dify_err err = dify_decoder_decode(decoder, json, &event, &error);
    if (err != DIFY_OK) {
        text_addf(&out, "error %d at %llu: %s", err, (unsigned long long)error.offset,
                  error.message);
        return out;
    }
    text_addf(&out, "%d: ", event->type);
    show_event(&out, event);
    text_add_chars(&out, " data ");
    text_add(&out, event->data_json.ptr, event->data_json.len);
    text_add_chars(&out, event->data_json.ptr == NULL ? "(none) of " : " of ");
    text_add(&out, event->json.ptr, event->json.len);
    return out;
}

static struct dify_decoder *new_decoder(void)
{
    struct dify_decoder *decoder = NULL;
    assert_int_equal(dify_decoder_new(NULL, &decoder), DIFY_OK);
    return decoder;
}

static struct text outcome_alone(struct dify_slice json)
{
    struct dify_decoder *decoder = new_decoder();
    struct text out = outcome_of(decoder, json);
    dify_decoder_free(decoder);
    return out;
}

/* Decodes from a block of its own, which is freed: nothing may point into it afterwards. */
static void decode_and_check(struct dify_decoder *decoder, const struct text *json,
                             const struct text *expected)
{
    char *copy = malloc(json->len);
    assert_non_null(copy);
    memcpy(copy, json->ptr, json->len);
    struct text out = outcome_of(decoder, (struct dify_slice){copy, json->len});
    assert_bytes(text_slice(&out), text_slice(expected));
    text_fini(&out);
    free(copy);
}

/* All events of these heads and the first `tail_count` tails, each before each. */
static void check_pairs(const char *const *head_list, size_t head_count, size_t tail_count)
{
    static struct text json[EVENTS], expected[EVENTS];
    size_t count = head_count * tail_count;
    assert_true(count <= EVENTS);
    memset(json, 0, sizeof json);
    for (size_t i = 0; i < count; i++) {
        text_add_json(&json[i], head_list[i / tail_count]);
        text_add_json(&json[i], tails[i % tail_count]);
        expected[i] = outcome_alone(text_slice(&json[i]));
    }
    struct dify_decoder *decoder = new_decoder();
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < count; j++) {
            decode_and_check(decoder, &json[i], &expected[i]);
            decode_and_check(decoder, &json[j], &expected[j]);
        }
    }
    dify_decoder_free(decoder);
    for (size_t i = 0; i < count; i++) {
        text_fini(&json[i]);
        text_fini(&expected[i]);
    }
}

static void test_every_pair(void **state)
{
    (void)state;
    check_pairs(heads, COUNT_OF(heads), TAILS);
}

static void test_ids_of_other_runs(void **state)
{
    (void)state;
    check_pairs(id_heads, COUNT_OF(id_heads), 4);
}

/* An event whose head has `head_len` bytes and whose data is `data`. */
static struct text event_of(size_t head_len, const char *data)
{
    struct text json = {NULL, 0, 0};
    text_add_json(&json, "{'event':'text_chunk','task_id':'");
    text_add_repeated(&json, 't', head_len - json.len - strlen("\",\"data\":"));
    text_add_json(&json, "','data':");
    assert_int_equal(json.len, head_len);
    text_add_json(&json, data);
    text_add_chars(&json, "}");
    return json;
}

static void check_in_a_row(struct dify_decoder *decoder, struct text json)
{
    struct text expected = outcome_alone(text_slice(&json));
    decode_and_check(decoder, &json, &expected);
    text_fini(&expected);
    text_fini(&json);
}

/* Heads about as long as are remembered (256 bytes), and far longer. */
static void test_long_heads(void **state)
{
    (void)state;
    static const size_t lengths[] = {255, 256, 257, 1000, 5000};
    struct dify_decoder *decoder = new_decoder();
    for (size_t i = 0; i < COUNT_OF(lengths); i++) {
        check_in_a_row(decoder, event_of(lengths[i], "{'id':'a'}"));
        check_in_a_row(decoder, event_of(lengths[i], "{'id':'bcd'}"));
        check_in_a_row(decoder, event_of(lengths[i], "{'id':"));
        check_in_a_row(decoder, event_of(lengths[i], "{'id':'e'}"));
    }
    dify_decoder_free(decoder);
}

/* Levels are counted from the event's own object, however it is read. */
static void test_depth(void **state)
{
    (void)state;
    struct dify_decoder *decoder = new_decoder();
    for (size_t depth = DIFY_EVENT_DEPTH - 1; depth <= DIFY_EVENT_DEPTH + 1; depth++) {
        struct text data = {NULL, 0, 0};
        text_add_chars(&data, "{'x':[0,0],'a':");
        text_add_repeated(&data, '[', depth - 2);
        text_add_repeated(&data, ']', depth - 2);
        text_add_chars(&data, "}");
        check_in_a_row(decoder, event_of(60, "{'id':'a'}"));
        check_in_a_row(decoder, event_of(60, data.ptr));
        check_in_a_row(decoder, event_of(60, "{'id':'b'}"));
        text_fini(&data);
    }
    dify_decoder_free(decoder);
}

/* Events that grow, until the memory that a decoder keeps is moved and given back. */
static void test_growing_events(void **state)
{
    (void)state;
    struct dify_decoder *decoder = new_decoder();
    for (size_t len = 1; len < (32 << 20); len *= 4) {
        struct text data = {NULL, 0, 0};
        text_add_chars(&data, "{'id':'");
        text_add_repeated(&data, 'x', len);
        text_add_chars(&data, "'}");
        check_in_a_row(decoder, event_of(60, data.ptr));
        check_in_a_row(decoder, event_of(60, "{'id':'small'}"));
        text_fini(&data);
    }
    dify_decoder_free(decoder);
}

/* After `begin`, `count` times `item` and `end` comes a small event. */
static void check_memory_is_given_back(const char *begin, const char *item, size_t count,
                                       const char *end)
{
    struct meter meter;
    struct dify_decoder *decoder = NULL;
    const struct dify_event *event;
    struct text large = {NULL, 0, 0}, small = event_of(60, "{'id':'small'}");
    meter_init(&meter);
    assert_int_equal(dify_decoder_new(&meter.allocator, &decoder), DIFY_OK);
    text_add_chars(&large, begin);
    for (size_t i = 0; i < count; i++)
        text_add_chars(&large, item);
    text_add_chars(&large, end);
    struct text json = event_of(60, large.ptr);
    assert_int_equal(dify_decoder_decode(decoder, text_slice(&json), &event, NULL), DIFY_OK);
    assert_in_range(meter.live_bytes, 12 << 20, 256 << 20);
    assert_int_equal(dify_decoder_decode(decoder, text_slice(&small), &event, NULL), DIFY_OK);
    assert_in_range(meter.live_bytes, 1, 8 << 20);
    dify_decoder_free(decoder);
    assert_meter_empty(&meter);
    text_fini(&json);
    text_fini(&small);
    text_fini(&large);
}

static void test_memory_of_a_large_event_is_given_back(void **state)
{
    (void)state;
    check_memory_is_given_back("{'id':'", "xxxxxxxx", 2 << 20, "'}");
    check_memory_is_given_back("{'outputs':[", "1,", 1 << 20, "1]}"); /* its values are large */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_pair),
        cmocka_unit_test(test_ids_of_other_runs),
        cmocka_unit_test(test_long_heads),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_growing_events),
        cmocka_unit_test(test_memory_of_a_large_event_is_given_back),
    };
    return cmocka_run_group_tests_name("head", tests, NULL, NULL);
}
