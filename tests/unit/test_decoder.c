/* SPDX-License-Identifier: Apache-2.0
 *
 * test_decoder.c: what the decoder takes for JSON: depth, errors and where they are, texts with
 * NUL, lone surrogates and bad UTF-8, and the raw text of members wherever they stand.
 */
#include "difystream/event.h"
#include "difystream/limits.h"
#include "support.h"

#define FFFD "\xEF\xBF\xBD"

static int new_decoder(void **state)
{
    struct dify_decoder *decoder = NULL;
    if (dify_decoder_new(NULL, &decoder) != DIFY_OK)
        return -1;
    *state = decoder;
    return 0;
}

static int free_decoder(void **state)
{
    dify_decoder_free(*state);
    return 0;
}

static const struct dify_event *decode(struct dify_decoder *decoder, struct dify_slice json)
{
    const struct dify_event *event = NULL;
    assert_int_equal(dify_decoder_decode(decoder, json, &event, NULL), DIFY_OK);
    return event;
}

static const struct dify_event *decode_text(struct dify_decoder *decoder, const char *json)
{
    return decode(decoder, slice_of(json));
}

/* ---- the text of members --------------------------------------------------------------------- */

static void test_raw_text_in_every_place(void **state)
{
    static const char *const values[] = {
        "{}",
        "[]",
        "0",
        "-1.50e+3",
        "true",
        "false",
        "\"\"",
        "\"a\\\"},]\\\\\"",
        "{\"a\": [1, {\"b\":\"]}\"}] ,\"c\":null }",
        "[ [ ] , [ \"\\u005d\" ] ]",
        "123456789012345678901234567890.10000000000000000001",
        "\"\xE4\xB8\xAD\"",
    };
    static const char *const frames[] = {
        "{\"files\":%s}",
        "{ \"files\" : %s }",
        "\n\t{\"files\"\r:\n%s\t}\n\n",
        "{\"files\":%s,\"id\":\"i\"}",
        "{\"id\":\"i\",\"files\":%s}",
        "{\"id\":\"i\" , \"files\" :  %s  , \"url\" : \"u\"}",
        "{\"f\\u0069les\":%s}",
        "{\"x\\\"y\":1,\"fil\\u0065s\" :%s , \"z\\\\\":2}",
        "{\"files\":1,\"files\":%s}",
        "{\"data\":{\"files\":2},\"files\":%s,\"\":0}",
        "{\"x\":\"\\\"files\\\":\",\"files\":%s}",
    };
    for (size_t f = 0; f < COUNT_OF(frames); f++) {
        for (size_t v = 0; v < COUNT_OF(values); v++) {
            struct text json = {NULL, 0, 0};
            const char *at = strstr(frames[f], "%s");
            text_add(&json, frames[f], (size_t)(at - frames[f]));
            text_add_chars(&json, values[v]);
            text_add_chars(&json, at + 2);
            const struct dify_event *event = decode(*state, text_slice(&json));
            assert_slice(event->files, values[v]);
            assert_in_range((uintptr_t)event->files.ptr, (uintptr_t)json.ptr,
                            (uintptr_t)json.ptr + json.len); /* it is the caller's own text */
            text_fini(&json);
        }
    }
}

static void test_data_as_a_whole(void **state)
{
    const struct dify_event *event =
        decode_text(*state, "{\"data\" : {\"id\":\"e\", \"outputs\" : {\"k\" : 1} } ,\"x\":1} \n");
    assert_slice(event->data_json, "{\"id\":\"e\", \"outputs\" : {\"k\" : 1} }");
    assert_slice(event->data.outputs, "{\"k\" : 1}");
    event = decode_text(*state, "{\"data\": [1, 2] }");
    assert_slice(event->data_json, "[1, 2]");
    event = decode_text(*state, "{\"data\": null }");
    assert_slice(event->data_json, NULL);
}

static void test_escaped_keys_are_the_same_keys(void **state)
{
    const struct dify_event *event = decode_text(
        *state, "{\"\\u0065vent\":\"node_st\\u0061rted\",\"d\\u0061ta\":{\"\\u0069d\":\"e\","
                "\"execution_metad\\u0061ta\":{\"total_\\u0074okens\":4}}}");
    assert_int_equal(event->type, DIFY_EVENT_NODE_STARTED);
    assert_slice(event->data.id, "e");
    assert_slice(event->data.usage.total_tokens.text, "4");
}

static void test_numbers_keep_their_digits(void **state)
{
    static const char *const numbers[] = {
        "0",
        "-0",
        "-0.0",
        "9007199254740993",
        "18446744073709551616",
        "1e400",
        "-1e-400",
        "0.1000000000000000055511151231257827021181583404541015625",
        "1E+2",
        "1.0",
        "1e05",
        "123456789012345678901234567890123456789012345678901234567890",
    };
    for (size_t i = 0; i < COUNT_OF(numbers); i++) {
        struct text json = {NULL, 0, 0};
        text_addf(&json, "{\"created_at\": %s ,\"position\":\"%s\",\"data\":{\"index\":%s}}",
                  numbers[i], numbers[i], numbers[i]);
        const struct dify_event *event = decode(*state, text_slice(&json));
        assert_slice(event->created_at.text, numbers[i]);
        assert_false(event->created_at.from_string);
        assert_slice(event->position.text, numbers[i]);
        assert_true(event->position.from_string);
        assert_slice(event->data.index.text, numbers[i]);
        text_fini(&json);
    }
}

/* ---- texts ----------------------------------------------------------------------------------- */

struct text_case {
    const char *name;
    struct dify_slice json;
    struct dify_slice answer;
};

#define IN(literal)                                                                                \
    {                                                                                              \
        "" literal, sizeof(literal) - 1                                                            \
    }

static const struct text_case text_cases[] = {
    {"escapes", IN("{\"answer\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\"}"), IN("\"\\/\b\f\n\r\tA")},
    {"NUL", IN("{\"answer\":\"a\\u0000b\"}"), IN("a\0b")},
    {"a surrogate pair", IN("{\"answer\":\"\\ud83d\\ude00\"}"), IN("\xF0\x9F\x98\x80")},
    {"a pair in capitals", IN("{\"answer\":\"\\uD83D\\uDE00\"}"), IN("\xF0\x9F\x98\x80")},
    {"the last pair", IN("{\"answer\":\"\\uDBFF\\uDFFF\"}"), IN("\xF4\x8F\xBF\xBF")},
    {"a lone high surrogate", IN("{\"answer\":\"a\\ud83db\"}"),
     IN("a\xED\xA0\xBD"
        "b")},
    {"a lone low surrogate", IN("{\"answer\":\"a\\ude00b\"}"),
     IN("a\xED\xB8\x80"
        "b")},
    {"a lone high one at the end", IN("{\"answer\":\"\\uD800\"}"), IN("\xED\xA0\x80")},
    {"a lone one in capitals", IN("{\"answer\":\"\\uDBFF\"}"), IN("\xED\xAF\xBF")},
    {"a lone one in both cases", IN("{\"answer\":\"\\uDfaF\"}"), IN("\xED\xBE\xAF")},
    {"high, high, low", IN("{\"answer\":\"\\ud83d\\ud83d\\ude00\"}"),
     IN("\xED\xA0\xBD\xF0\x9F\x98\x80")},
    {"low, high", IN("{\"answer\":\"\\ude00\\ud83d\"}"), IN("\xED\xB8\x80\xED\xA0\xBD")},
    {"high, then another escape", IN("{\"answer\":\"\\ud83d\\n\"}"), IN("\xED\xA0\xBD\n")},
    {"high, then an escape that is none of it", IN("{\"answer\":\"\\ud83d\\u0041\"}"),
     IN("\xED\xA0\xBD"
        "A")},
    {"a backslash before what looks like one", IN("{\"answer\":\"\\\\ud83d \\ud83d\"}"),
     IN("\\ud83d \xED\xA0\xBD")},
    {"a lone surrogate in another member's key",
     IN("{\"\\ud83d\":1,\"answer\":\"x\",\"\\udE00\":\"\\udE00\"}"), IN("x")},
    {"a lone surrogate beside NUL and a pair",
     IN("{\"answer\":\"\\u0000\\ud83d\\u0000\\ud83d\\ude00\"}"),
     IN("\0\xED\xA0\xBD\0\xF0\x9F\x98\x80")},
    {"bad UTF-8",
     IN("{\"answer\":\"a\xFF"
        "b\"}"),
     IN("a" FFFD "b")},
    {"a raw surrogate is bad UTF-8", IN("{\"answer\":\"\xED\xA0\x80\"}"), IN(FFFD FFFD FFFD)},
    {"bad UTF-8 and a lone surrogate", IN("{\"answer\":\"\xC3\\ud83d\xE4\xB8\"}"),
     IN(FFFD "\xED\xA0\xBD" FFFD)},
    {"bad UTF-8 in front of the quote", IN("{\"answer\":\"\xF0\x9F\"}"), IN(FFFD)},
    {"bad UTF-8 in a key", IN("{\"\x80\":1,\"answer\":\"x\"}"), IN("x")},
    {"raw U+2028, U+0085, U+FEFF, DEL", IN("{\"answer\":\"\xE2\x80\xA8\xC2\x85\xEF\xBB\xBF\x7F\"}"),
     IN("\xE2\x80\xA8\xC2\x85\xEF\xBB\xBF\x7F")},
    {"the empty text", IN("{\"answer\":\"\"}"), IN("")},
};

static void run_text_case(void **state)
{
    const struct text_case *c = *state;
    struct dify_decoder *decoder = NULL;
    assert_int_equal(dify_decoder_new(NULL, &decoder), DIFY_OK);
    char *copy = malloc(c->json.len); /* exact, so that a read past the end is seen */
    assert_non_null(copy);
    memcpy(copy, c->json.ptr, c->json.len);
    const struct dify_event *event = decode(decoder, (struct dify_slice){copy, c->json.len});
    assert_bytes(event->answer, c->answer);
    free(copy);
    dify_decoder_free(decoder);
}

/* Members around a text that had to be mended keep their own text. */
static void test_raw_text_beside_mended_text(void **state)
{
    const struct dify_event *event = decode_text(
        *state,
        "{\"answer\":\"\\ud83d\xFF\",\"files\" : [\"\\u0041\xFE\"] ,\"metadata\":{\"\\ud800\""
        ":\"\\ud83d\\ude00\"},\"id\":\"i\"}");
    assert_slice(event->answer, "\xED\xA0\xBD" FFFD);
    assert_slice(event->files, "[\"\\u0041" FFFD "\"]");
    assert_slice(event->metadata, "{\"\xED\xA0\x80\":\"\\ud83d\\ude00\"}");
    assert_slice(event->id, "i");
}

/* ---- depth ----------------------------------------------------------------------------------- */

/* An event of `depth` levels, its own object the first; `kinds` are the brackets that nest. */
static struct text nested(size_t depth, const char *kinds)
{
    struct text json = {NULL, 0, 0};
    size_t count = strlen(kinds);
    text_add_chars(&json, "{\"files\":");
    for (size_t i = 1; i < depth; i++)
        text_add_chars(&json, kinds[i % count] == '{' ? "{\"a\":" : "[");
    text_add_chars(&json, "7");
    for (size_t i = depth - 1; i > 0; i--)
        text_add_chars(&json, kinds[i % count] == '{' ? "}" : "]");
    text_add_chars(&json, ",\"id\":\"i\"}");
    return json;
}

static void test_depth(void **state)
{
    static const char *const kinds[] = {"{", "[", "{[", "[[[{"};
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        struct dify_error error = {DIFY_OK, 99, ""};
        const struct dify_event *event = NULL;
        struct text json = nested(DIFY_EVENT_DEPTH, kinds[i]);
        assert_slice(decode(*state, text_slice(&json))->id, "i");
        text_fini(&json);
        json = nested(DIFY_EVENT_DEPTH + 1, kinds[i]);
        assert_int_equal(dify_decoder_decode(*state, text_slice(&json), &event, &error),
                         DIFY_ERR_DEPTH);
        assert_int_equal(error.code, DIFY_ERR_DEPTH);
        assert_non_null(strstr(error.message, "512"));
        assert_null(event);
        text_fini(&json);
        json = nested(200000, kinds[i]);
        assert_int_equal(dify_decoder_decode(*state, text_slice(&json), &event, NULL),
                         DIFY_ERR_DEPTH);
        text_fini(&json);
    }
}

/* Many values side by side are not deep, and empty containers count as a level. */
static void test_wide_is_not_deep(void **state)
{
    struct text json = {NULL, 0, 0};
    text_add_chars(&json, "{\"files\":[");
    for (int i = 0; i < 2000; i++)
        text_add_chars(&json, i % 2 != 0 ? "[[]]," : "{\"a\":{}},");
    text_add_chars(&json, "0],\"id\":\"i\"}");
    assert_slice(decode(*state, text_slice(&json))->id, "i");
    text_fini(&json);

    const struct dify_event *event;
    text_add_chars(&json, "{\"x\":[0,0,0],\"files\":");
    text_add_repeated(&json, '[', DIFY_EVENT_DEPTH);
    text_add_repeated(&json, ']', DIFY_EVENT_DEPTH);
    text_add_chars(&json, "}");
    assert_int_equal(dify_decoder_decode(*state, text_slice(&json), &event, NULL), DIFY_ERR_DEPTH);
    text_fini(&json);
}

/* ---- what is no JSON object ------------------------------------------------------------------ */

struct bad_case {
    const char *name;
    struct dify_slice json;
    uint64_t offset;
};

static const struct bad_case bad_cases[] = {
    {"nothing", IN(""), 0},
    {"white space", IN(" \n "), 0},
    {"an array", IN("[]"), 0},
    {"a string", IN("\"x\""), 0},
    {"a number", IN("1"), 0},
    {"null", IN("null"), 0},
    {"a word", IN("hello"), 0},
    {"unfinished", IN("{\"a\":1"), 6},
    {"unfinished in a string", IN("{\"a"), 3},
    {"two objects", IN("{} {}"), 3},
    {"a NUL behind", IN("{}\0"), 2},
    {"a comma too many", IN("{\"a\":1,}"), 7},
    {"a comma too many in an array", IN("{\"a\":[1,]}"), 8},
    {"no comma", IN("{\"a\":1 \"b\":2}"), 7},
    {"no colon", IN("{\"a\" 1}"), 5},
    {"single quotes", IN("{'a':1}"), 1},
    {"a comment", IN("{/**/}"), 1},
    {"NaN", IN("{\"a\":NaN}"), 5},
    {"Infinity", IN("{\"a\":-Infinity}"), 5},
    {"a leading zero", IN("{\"a\":01}"), 5},
    {"a plus sign", IN("{\"a\":+1}"), 5},
    {"True", IN("{\"a\":True}"), 5},
    {"a byte order mark", IN("\xEF\xBB\xBF{}"), 0},
    {"a bracket of the other kind", IN("{\"a\":[1}}"), 7},
    {"bad UTF-8 outside of strings", IN("{\"a\":\xFF}"), 5},
};

static void run_bad_case(void **state)
{
    const struct bad_case *c = *state;
    struct dify_error error = {DIFY_OK, UINT64_MAX, ""};
    const struct dify_event *event = NULL;
    struct dify_decoder *decoder = NULL;
    assert_int_equal(dify_decoder_new(NULL, &decoder), DIFY_OK);
    assert_int_equal(dify_decoder_decode(decoder, c->json, &event, &error), DIFY_ERR_JSON);
    assert_null(event);
    assert_int_equal(error.code, DIFY_ERR_JSON);
    assert_true(strlen(error.message) > 0);
    assert_in_range(error.offset, c->offset <= 1 ? 0 : c->offset - 1, c->offset + 1);
    /* the decoder can be used on, and an error is not asked for */
    assert_int_equal(dify_decoder_decode(decoder, c->json, &event, NULL), DIFY_ERR_JSON);
    assert_slice(decode_text(decoder, "{\"id\":\"i\"}")->id, "i");
    dify_decoder_free(decoder);
}

/* Control characters and broken escapes are refused, also beside what has to be mended. */
static void test_bad_strings(void **state)
{
    static const struct dify_slice bad[] = {
        IN("\n"),      IN("\t"),     IN("\x1F"), IN("\0"),      IN("\\x41"),
        IN("\\u00g0"), IN("\\u123"), IN("\\'"),  IN("\\U0041"),
    };
    static const char *const beside[] = {"", "\xFF", "\\ud83d", "\\ude00"};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        for (size_t j = 0; j < 2 * COUNT_OF(beside); j++) {
            struct text json = {NULL, 0, 0};
            const struct dify_event *event = NULL;
            text_add_chars(&json, "{\"a\":\"");
            text_add_chars(&json, j % 2 != 0 ? beside[j / 2] : "");
            text_add(&json, bad[i].ptr, bad[i].len);
            text_add_chars(&json, j % 2 == 0 ? beside[j / 2] : "");
            text_add_chars(&json, "\"}");
            assert_int_equal(dify_decoder_decode(*state, text_slice(&json), &event, NULL),
                             DIFY_ERR_JSON);
            assert_null(event);
            text_fini(&json);
        }
    }
}

/* The offset is one in the data that was given, also where that had to be mended. */
static void test_offset_behind_mended_text(void **state)
{
    struct dify_error error = {DIFY_OK, 0, ""};
    const struct dify_event *event;
    static const char longer[] = "{\"a\":\"\xFF\xFF\xFF\xFF\",\"b\":!}";
    assert_int_equal(dify_decoder_decode(*state, slice_of(longer), &event, &error), DIFY_ERR_JSON);
    assert_int_equal(error.offset, strchr(longer, '!') - longer);
    static const char shorter[] = "{\"a\":\"\\ud83d\\ud83d\",\"b\":!}";
    assert_int_equal(dify_decoder_decode(*state, slice_of(shorter), &event, &error), DIFY_ERR_JSON);
    assert_int_equal(error.offset, strchr(shorter, '!') - shorter);
}

/* ---- memory ---------------------------------------------------------------------------------- */

static void test_memory_of_a_large_event_is_given_back(void **state)
{
    (void)state;
    struct meter meter;
    struct dify_decoder *decoder = NULL;
    struct text big = {NULL, 0, 0};
    meter_init(&meter);
    assert_int_equal(dify_decoder_new(&meter.allocator, &decoder), DIFY_OK);
    text_add_chars(&big, "{\"answer\":\"\\ud83d");
    text_add_repeated(&big, 'x', 16 << 20);
    text_add_chars(&big, "\"}");
    assert_int_equal(decode(decoder, text_slice(&big))->answer.len, 3 + (16 << 20));
    assert_in_range(meter.live_bytes, 16 << 20, 256 << 20);
    (void)decode_text(decoder, "{}");
    assert_in_range(meter.live_bytes, 1, 8 << 20);
    uint64_t calls = meter.calls;
    for (int i = 0; i < 1000; i++)
        (void)decode_text(decoder, "{\"event\":\"message\",\"answer\":\"abc\"}");
    assert_in_range(meter.calls, calls, calls + 2); /* memory is used again */
    dify_decoder_free(decoder);
    dify_decoder_free(NULL);
    assert_meter_empty(&meter);
    text_fini(&big);
}

#define WITH_DECODER(test) cmocka_unit_test_setup_teardown(test, new_decoder, free_decoder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_DECODER(test_raw_text_in_every_place),
        WITH_DECODER(test_data_as_a_whole),
        WITH_DECODER(test_escaped_keys_are_the_same_keys),
        WITH_DECODER(test_numbers_keep_their_digits),
        WITH_DECODER(test_raw_text_beside_mended_text),
        WITH_DECODER(test_depth),
        WITH_DECODER(test_wide_is_not_deep),
        WITH_DECODER(test_bad_strings),
        WITH_DECODER(test_offset_behind_mended_text),
        cmocka_unit_test(test_memory_of_a_large_event_is_given_back),
    };
    int failed = run_cases("decoder, texts", text_cases, COUNT_OF(text_cases), sizeof text_cases[0],
                           run_text_case);
    failed += run_cases("decoder, errors", bad_cases, COUNT_OF(bad_cases), sizeof bad_cases[0],
                        run_bad_case);
    return failed + cmocka_run_group_tests_name("decoder", tests, NULL, NULL);
}
