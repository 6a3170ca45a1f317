/* SPDX-License-Identifier: Apache-2.0
 *
 * test_json.c: the reader's members and elements, and the writer in both styles.
 */
#include "support.h"

#include "core/json.h"
#include "core/json_text.h"

/* ---- reading --------------------------------------------------------------------------------- */

static void test_members_in_order(void **state)
{
    (void)state;
    struct dify__json json;
    dify__json_init(&json, dify__allocator(NULL));
    assert_int_equal(dify__json_read(&json, slice_of(" {\"b\" : 1 ,\"\\u0061\":\"x\",\"\":{ } ,"
                                                     "\"b\":[\"]\"] } ")),
                     DIFY_OK);
    struct dify__members members;
    dify__members_of_root(&members, &json);
    static const char *const expected[][3] = {
        {"b", "1", NULL}, {"a", "\"x\"", "x"}, {"", "{ }", NULL}, {"b", "[\"]\"]", NULL}};
    for (size_t i = 0; i < COUNT_OF(expected); i++) {
        assert_true(dify__members_next(&members));
        assert_slice(members.key, expected[i][0]);
        assert_slice(dify__members_text(&members), expected[i][1]);
        assert_slice(dify__members_string(&members), expected[i][2]);
    }
    assert_false(dify__members_next(&members));
    dify__json_fini(&json);
}

/* Only the value behind the head is read, and what was decoded of the head stays. */
static void test_last_member_alone(void **state)
{
    (void)state;
    struct dify__json json;
    static const char head[] = "{\"a\":\"x\\u0079\",\"b\":";
    struct text first = {NULL, 0, 0}, next = {NULL, 0, 0};
    struct dify_slice value;
    struct dify__members members;
    text_addf(&first, "%s{\"c\":1}}", head);
    text_addf(&next, "%s{\"d\":2} } ", head);
    dify__json_init(&json, dify__allocator(NULL));
    assert_int_equal(dify__json_read(&json, text_slice(&first)), DIFY_OK);
    dify__members_of_root(&members, &json);
    assert_true(dify__members_next(&members));
    struct dify_slice decoded = dify__members_string(&members);
    assert_slice(decoded, "xy");
    assert_true(dify__json_read_last(&json, text_slice(&next), sizeof head - 1, &value));
    assert_slice(value, "{\"d\":2}");
    assert_slice(decoded, "xy");
    dify__members_of(&members, &json, yyjson_doc_get_root(json.doc), value);
    assert_true(dify__members_next(&members));
    assert_slice(members.key, "d");
    assert_slice(dify__members_text(&members), "2");
    dify__json_fini(&json);
    text_fini(&first);
    text_fini(&next);
}

static void test_elements_in_order(void **state)
{
    (void)state;
    struct dify__json json;
    dify__json_init(&json, dify__allocator(NULL));
    assert_int_equal(dify__json_read(&json, slice_of("{\"a\": [ {\"k\":[1,2]} ,\"],\\\"\" , 1.0,"
                                                     "null,[ ] , \"\\\\\" ] , \"b\":[], \"c\":5}")),
                     DIFY_OK);
    struct dify__members members;
    dify__members_of_root(&members, &json);
    assert_true(dify__members_next(&members));
    struct dify__elements elements =
        dify__json_elements(members.value, dify__members_text(&members));
    static const char *const expected[] = {"{\"k\":[1,2]}", "\"],\\\"\"", "1.0",
                                           "null",          "[ ]",        "\"\\\\\""};
    for (size_t i = 0; i < COUNT_OF(expected); i++) {
        assert_true(dify__elements_next(&elements));
        assert_slice(elements.text, expected[i]);
    }
    assert_false(dify__elements_next(&elements));
    for (int i = 0; i < 2; i++) { /* an empty array, and what is none */
        assert_true(dify__members_next(&members));
        elements = dify__json_elements(members.value, dify__members_text(&members));
        assert_false(dify__elements_next(&elements));
    }
    dify__json_fini(&json);
}

static void test_nothing_was_read(void **state)
{
    (void)state;
    struct dify__json json;
    struct dify__elements none = dify__json_elements(NULL, (struct dify_slice){NULL, 0});
    assert_false(dify__elements_next(&none));
    dify__json_init(&json, dify__allocator(NULL));
    dify__json_release(&json);
    dify__json_fini(&json);
}

/* ---- writing --------------------------------------------------------------------------------- */

struct write_case {
    const char *name;
    struct dify_slice json;
    const char *compact, *pretty;
};

#define IN(literal)                                                                                \
    {                                                                                              \
        "" literal, sizeof(literal) - 1                                                            \
    }

static const struct write_case write_cases[] = {
    {"a number to the digit", IN(" -0.10E+05 "), "-0.10E+05", "-0.10E+05"},
    {"a literal", IN("\ttrue\n"), "true", "true"},
    {"empty ones", IN("[ { } , [\n] ]"), "[{},[]]", "[\n  {},\n  []\n]"},
    {"an object", IN("{\"a\" : 1 , \"b\" : { \"c\":null } }"), "{\"a\":1,\"b\":{\"c\":null}}",
     "{\n  \"a\": 1,\n  \"b\": {\n    \"c\": null\n  }\n}"},
    {"an array", IN("[1,2.0,\"x\"]"), "[1,2.0,\"x\"]", "[\n  1,\n  2.0,\n  \"x\"\n]"},
    {"structure in strings", IN("[\"{ : , ] }\"]"), "[\"{ : , ] }\"]", "[\n  \"{ : , ] }\"\n]"},
    {"escapes that need not be", IN("\"\\/\\u0041\\u00e9\\u4e2d\\ud83d\\ude00\\u007f\""),
     "\"/A\xC3\xA9\xE4\xB8\xAD\xF0\x9F\x98\x80\\u007F\"",
     "\"/A\xC3\xA9\xE4\xB8\xAD\xF0\x9F\x98\x80\\u007F\""},
    {"controls that a terminal might obey", IN("\"\\u009b\xC2\x9B\x7F\xC2\xA0\""),
     "\"\\u009B\\u009B\\u007F\xC2\xA0\"", "\"\\u009B\\u009B\\u007F\xC2\xA0\""},
    {"escapes that must be", IN("\"\\\"\\\\\\b\\f\\n\\r\\t\\u0000\\u001f\\u000B\""),
     "\"\\\"\\\\\\b\\f\\n\\r\\t\\u0000\\u001F\\u000B\"",
     "\"\\\"\\\\\\b\\f\\n\\r\\t\\u0000\\u001F\\u000B\""},
    {"escapes made uniform", IN("\"\\u0022\\u005c\\u0008\\u000c\\u000a\\u000d\\u0009\\u002F\""),
     "\"\\\"\\\\\\b\\f\\n\\r\\t/\"", "\"\\\"\\\\\\b\\f\\n\\r\\t/\""},
    {"lone surrogates as escapes", IN("\"\\ud83d\\ud83d\\ude00\\ude00x\\uDBFF\\n\""),
     "\"\\uD83D\xF0\x9F\x98\x80\\uDE00x\\uDBFF\\n\"",
     "\"\\uD83D\xF0\x9F\x98\x80\\uDE00x\\uDBFF\\n\""},
    {"lone surrogates as bytes", IN("{\"\xED\xA0\xBD\":\"a\xED\xB8\x80\"}"),
     "{\"\\uD83D\":\"a\\uDE00\"}", "{\n  \"\\uD83D\": \"a\\uDE00\"\n}"},
    {"characters that begin with the same byte", IN("\"\xED\x95\x9C\xED\x9F\xBF\""),
     "\"\xED\x95\x9C\xED\x9F\xBF\"", "\"\xED\x95\x9C\xED\x9F\xBF\""},
};

static struct text written(struct dify_slice json, enum dify_json_style style)
{
    struct text out = {NULL, 0, 0};
    struct dify__writer writer;
    dify__writer_init(&writer, style, write_to_text, &out);
    dify__write_json(&writer, json);
    assert_int_equal(dify__writer_finish(&writer), DIFY_OK);
    return out;
}

static void run_write_case(void **state)
{
    const struct write_case *c = *state;
    char *copy = malloc(c->json.len);
    assert_non_null(copy);
    memcpy(copy, c->json.ptr, c->json.len);
    struct text compact = written((struct dify_slice){copy, c->json.len}, DIFY_JSON_COMPACT);
    struct text pretty = written((struct dify_slice){copy, c->json.len}, DIFY_JSON_PRETTY);
    free(copy);
    assert_slice(text_slice(&compact), c->compact);
    assert_slice(text_slice(&pretty), c->pretty);
    struct text again = written(text_slice(&pretty), DIFY_JSON_COMPACT);
    assert_slice(text_slice(&again), c->compact);
    text_fini(&again);
    text_fini(&compact);
    text_fini(&pretty);
}

static void write_all_kinds(struct dify__writer *writer)
{
    static const struct dify_slice absent = {NULL, 0}, key = {"k\"\0", 3};
    dify__write_open(writer, '{');
    dify__write_key(writer, "empty");
    dify__write_open(writer, '{');
    dify__write_close(writer, '}');
    dify__write_key_text(writer, key);
    dify__write_open(writer, '[');
    dify__write_element(writer);
    dify__write_uint(writer, UINT64_MAX);
    dify__write_element(writer);
    dify__write_bool(writer, true);
    dify__write_element(writer);
    dify__write_bool(writer, false);
    dify__write_element(writer);
    dify__write_string(writer, absent);
    dify__write_element(writer);
    dify__write_number(writer, absent);
    dify__write_element(writer);
    dify__write_json(writer, absent);
    dify__write_close(writer, ']');
    dify__write_key(writer, "n");
    dify__write_number(writer, DIFY_SLICE("1e5"));
    dify__write_key(writer, "s");
    dify__write_string(writer, DIFY_SLICE(""));
    dify__write_key(writer, "j");
    dify__write_json(writer, DIFY_SLICE("[ 1,{\"x\":[] } ]"));
    dify__write_key(writer, "last");
    dify__write_null(writer);
    dify__write_close(writer, '}');
}

static void test_values_of_all_kinds(void **state)
{
    (void)state;
    static const char *const expected[] = {
        "{\"empty\":{},\"k\\\"\\u0000\":[18446744073709551615,true,false,null,null,null],\"n\":1e5,"
        "\"s\":\"\",\"j\":[1,{\"x\":[]}],\"last\":null}",
        "{\n  \"empty\": {},\n  \"k\\\"\\u0000\": [\n    18446744073709551615,\n    true,\n"
        "    false,\n    null,\n    null,\n    null\n  ],\n  \"n\": 1e5,\n  \"s\": \"\",\n"
        "  \"j\": [\n    1,\n    {\n      \"x\": []\n    }\n  ],\n  \"last\": null\n}"};
    for (int style = 0; style < 2; style++) {
        struct text out = {NULL, 0, 0};
        struct dify__writer writer;
        dify__writer_init(&writer, style != 0 ? DIFY_JSON_PRETTY : DIFY_JSON_COMPACT, write_to_text,
                          &out);
        write_all_kinds(&writer);
        assert_int_equal(dify__writer_finish(&writer), DIFY_OK);
        assert_slice(text_slice(&out), expected[style]);
        text_fini(&out);
    }
}

/* Every character below U+0100 and the lone surrogates, as a JSON reader reads them again. */
static void test_strings_are_read_again(void **state)
{
    (void)state;
    for (unsigned c = 0; c < 0x100; c++) {
        char bytes[3] = {'<', (char)c, '>'};
        struct dify_slice text = {bytes, 3};
        char two[4] = {'<', (char)(0xC0 | c >> 6), (char)(0x80 | (c & 0x3F)), '>'};
        if (c >= 0x80)
            text = (struct dify_slice){two, 4};
        struct text out = {NULL, 0, 0};
        struct dify__writer writer;
        dify__writer_init(&writer, DIFY_JSON_COMPACT, write_to_text, &out);
        dify__write_string(&writer, text);
        assert_int_equal(dify__writer_finish(&writer), DIFY_OK);
        yyjson_doc *doc = yyjson_read(out.ptr, out.len, 0);
        assert_non_null(doc);
        yyjson_val *value = yyjson_doc_get_root(doc);
        struct dify_slice is = {yyjson_get_str(value), yyjson_get_len(value)};
        assert_bytes(is, text);
        yyjson_doc_free(doc);
        text_fini(&out);
    }
}

static struct text written_string(struct dify_slice string)
{
    struct text out = {NULL, 0, 0};
    struct dify__writer writer;
    dify__writer_init(&writer, DIFY_JSON_COMPACT, write_to_text, &out);
    dify__write_string(&writer, string);
    assert_int_equal(dify__writer_finish(&writer), DIFY_OK);
    return out;
}

/* What `piece` is written as alone, it is written as between others, of a string and of JSON. */
static void assert_same_at_each_place(struct dify_slice piece)
{
    struct text alone = written_string(piece);
    for (size_t before = 0; before < 20; before++) {
        struct text string = {NULL, 0, 0}, expected = {NULL, 0, 0}, json = {NULL, 0, 0};
        text_add_repeated(&string, 'x', before);
        text_add(&string, piece.ptr, piece.len);
        text_add_repeated(&string, 'x', 19 - before);
        text_add_chars(&expected, "\"");
        text_add_repeated(&expected, 'x', before);
        text_add(&expected, alone.ptr + 1, alone.len - 2);
        text_add_repeated(&expected, 'x', 19 - before);
        text_add_chars(&expected, "\"");
        struct text out = written_string(text_slice(&string));
        assert_bytes(text_slice(&out), text_slice(&expected));
        text_fini(&out);
        out = written(text_slice(&expected), DIFY_JSON_COMPACT);
        assert_bytes(text_slice(&out), text_slice(&expected));
        text_fini(&out);
        text_add_chars(&json, "\"");
        text_add(&json, string.ptr, string.len);
        text_add_chars(&json, "\"");
        bool is_json = (unsigned char)piece.ptr[0] >= 0x20 && strchr("\"\\", piece.ptr[0]) == NULL;
        out = written(text_slice(is_json ? &json : &expected), DIFY_JSON_COMPACT);
        assert_bytes(text_slice(&out), text_slice(&expected));
        text_fini(&out);
        text_fini(&json);
        text_fini(&expected);
        text_fini(&string);
    }
    text_fini(&alone);
}

static void test_same_at_each_place(void **state)
{
    static const char *const pieces[] = {"\xC2\x80",     "\xC2\x9F",        "\xC2\xA0",
                                         "\xED\xA0\x80", "\xED\xBF\xBF",    "\xED\x9F\xBF",
                                         "\xE4\xBD\xA0", "\xF0\x9F\x98\x80"};
    (void)state;
    for (unsigned c = 0; c < 0x80; c++) {
        char byte = (char)c;
        assert_same_at_each_place((struct dify_slice){&byte, 1});
    }
    for (size_t i = 0; i < COUNT_OF(pieces); i++)
        assert_same_at_each_place(slice_of(pieces[i]));
}

/* Long texts pass through the writer's small buffer in order and whole. */
static void test_texts_around_the_size_of_the_buffer(void **state)
{
    (void)state;
    for (size_t len = 3990; len < 4010; len++) {
        for (size_t before = 0; before < 3; before++) {
            struct text out = {NULL, 0, 0}, expected = {NULL, 0, 0}, body = {NULL, 0, 0};
            struct dify__writer writer;
            text_add_repeated(&body, 'x', len);
            dify__writer_init(&writer, DIFY_JSON_COMPACT, write_to_text, &out);
            dify__write_open(&writer, '[');
            text_add_chars(&expected, "[");
            for (size_t i = 0; i <= before; i++) {
                dify__write_element(&writer);
                dify__write_string(&writer, text_slice(&body));
                text_addf(&expected, "%s\"", i != 0 ? "," : "");
                text_add(&expected, body.ptr, body.len);
                text_add_chars(&expected, "\"");
            }
            dify__write_close(&writer, ']');
            text_add_chars(&expected, "]");
            assert_int_equal(dify__writer_finish(&writer), DIFY_OK);
            assert_bytes(text_slice(&out), text_slice(&expected));
            text_fini(&out);
            text_fini(&expected);
            text_fini(&body);
        }
    }
}

static enum dify_err refuse(void *ctx, const char *bytes, size_t len)
{
    (void)bytes;
    (void)len;
    ++*(int *)ctx;
    return DIFY_ERR_WRITE;
}

static void test_error_of_the_sink(void **state)
{
    (void)state;
    int calls = 0;
    struct dify__writer writer;
    dify__writer_init(&writer, DIFY_JSON_COMPACT, refuse, &calls);
    for (int i = 0; i < 5000; i++)
        dify__write_uint(&writer, 123456);
    assert_int_equal(dify__writer_finish(&writer), DIFY_ERR_WRITE);
    assert_int_equal(calls, 1);
    dify__writer_init(&writer, DIFY_JSON_COMPACT, refuse, &calls);
    assert_int_equal(dify__writer_finish(&writer), DIFY_OK); /* nothing to write */
    assert_int_equal(calls, 1);
}

/* ---- integers -------------------------------------------------------------------------------- */

struct uint_case {
    const char *name; /* also the text */
    bool is_uint;
    uint64_t value;
};

static const struct uint_case uint_cases[] = {
    {"0", true, 0},
    {"7", true, 7},
    {"0012", true, 12},
    {"18446744073709551615", true, UINT64_MAX},
    {"18446744073709551616", false, 0},
    {"18446744073709551620", false, 0},
    {"99999999999999999999999", false, 0},
    {"", false, 0},
    {"-1", false, 0},
    {"+1", false, 0},
    {"1.0", false, 0},
    {"1e2", false, 0},
    {"1 ", false, 0},
    {"a", false, 0},
};

static void run_uint_case(void **state)
{
    const struct uint_case *c = *state;
    uint64_t value = 77;
    char text[20];
    assert_int_equal(dify__parse_uint(slice_of(c->name), &value), c->is_uint);
    assert_int_equal(value, c->is_uint ? c->value : 77);
    if (!c->is_uint)
        return;
    size_t len = dify__format_uint(c->value, text);
    assert_true(dify__parse_uint((struct dify_slice){text, len}, &value));
    assert_int_equal(value, c->value);
    assert_true(len == 1 || text[0] != '0');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_members_in_order),
        cmocka_unit_test(test_last_member_alone),
        cmocka_unit_test(test_elements_in_order),
        cmocka_unit_test(test_nothing_was_read),
        cmocka_unit_test(test_values_of_all_kinds),
        cmocka_unit_test(test_strings_are_read_again),
        cmocka_unit_test(test_same_at_each_place),
        cmocka_unit_test(test_texts_around_the_size_of_the_buffer),
        cmocka_unit_test(test_error_of_the_sink),
    };
    int failed = run_cases("json, written", write_cases, COUNT_OF(write_cases),
                           sizeof write_cases[0], run_write_case);
    failed += run_cases("json, integers", uint_cases, COUNT_OF(uint_cases), sizeof uint_cases[0],
                        run_uint_case);
    return failed + cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
