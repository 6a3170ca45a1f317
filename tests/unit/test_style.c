/* SPDX-License-Identifier: Apache-2.0
 *
 * test_style.c: the ways in which Dify writes JSON: by cases, and over every frame that was
 * recorded, which read and written again must be the same bytes.
 *
 * DIFY_TEST_BODIES names another folder of recordings, one that has JSON answers too: then these
 * are walked over as well.
 */
#include "support.h"

#include "core/style.h"

#include <dirent.h>
#include <sys/stat.h>

static struct dify__buffer new_buffer(const struct dify_allocator *allocator)
{
    return (struct dify__buffer){.allocator = dify__allocator(allocator), .max = (size_t)1 << 30};
}

/* ---- cases --------------------------------------------------------------------------------- */

struct style_case {
    const char *name;
    const char *json;
    const char *written[4]; /* by style; NULL: as `json` */
};

/* What stands in quotes here was recorded (code-unicode, code-surrogate, human-input), but for the
 * cases marked "by rule". */
static const struct style_case cases[] = {
    {"structure",
     " { \"a\" : [ 1 , -2.50e+10 ,true,false , null ] ,\n\t\"b\":{},\"c\":[]} \r\n",
     {"{\"a\":[1,-2.50e+10,true,false,null],\"b\":{},\"c\":[]}",
      "{\"a\":[1,-2.50e+10,true,false,null],\"b\":{},\"c\":[]}",
      "{\"a\": [1, -2.50e+10, true, false, null], \"b\": {}, \"c\": []}",
      "{\"a\": [1, -2.50e+10, true, false, null], \"b\": {}, \"c\": []}"}},
    {"numbers stay",
     "[1e-07,1e-7,0.0,-0,100000000000000000000000,1.10]",
     {NULL, NULL, "[1e-07, 1e-07, 0.0, -0, 100000000000000000000000, 1.10]",
      "[1e-07, 1e-07, 0.0, -0, 100000000000000000000000, 1.10]"}},
    {"controls with a letter", "\"\\b\\t\\n\\f\\r\"", {NULL, NULL, NULL, NULL}},
    {"controls without",
     "\"\\u000B\\u001b\\u0000\\u001F\"",
     {"\"\\u000b\\u001b\\u0000\\u001f\"", "\"\\u000b\\u001b\\u0000\\u001f\"",
      "\"\\u000b\\u001b\\u0000\\u001f\"", "\"\\u000b\\u001b\\u0000\\u001f\""}},
    {"controls with a letter, as escapes",
     "\"\\u0008\\u0009\\u000A\\u000c\\u000d\"",
     {"\"\\b\\t\\n\\f\\r\"", "\"\\b\\t\\n\\f\\r\"", "\"\\b\\t\\n\\f\\r\"", "\"\\b\\t\\n\\f\\r\""}},
    {"DEL", "\"\x7F\"", {NULL, NULL, "\"\\u007f\"", NULL}},
    {"DEL as an escape", "\"\\u007F\"", {"\"\x7F\"", "\"\x7F\"", "\"\\u007f\"", "\"\x7F\""}},
    {"quote, backslash, slash",
     "\"\\\"\\\\/\\/\\u0022\\u005C\\u002f\\u0041\"",
     {"\"\\\"\\\\//\\\"\\\\/A\"", "\"\\\"\\\\\\/\\/\\\"\\\\\\/A\"", "\"\\\"\\\\//\\\"\\\\/A\"",
      "\"\\\"\\\\//\\\"\\\\/A\""}},
    {"two, three and four bytes",
     "\"\xC2\x85\xC3\xA9\xE4\xBD\xA0\xE2\x80\xA8\xF0\x9F\x98\x80\"",
     {NULL, "\"\\u0085\\u00e9\\u4f60\\u2028\\ud83d\\ude00\"",
      "\"\\u0085\\u00e9\\u4f60\\u2028\\ud83d\\ude00\"", NULL}},
    {"the same as escapes",
     "\"\\u0085\\u00E9\\u4F60\\u2028\\uD83D\\uDE00\"",
     {"\"\xC2\x85\xC3\xA9\xE4\xBD\xA0\xE2\x80\xA8\xF0\x9F\x98\x80\"",
      "\"\\u0085\\u00e9\\u4f60\\u2028\\ud83d\\ude00\"",
      "\"\\u0085\\u00e9\\u4f60\\u2028\\ud83d\\ude00\"",
      "\"\xC2\x85\xC3\xA9\xE4\xBD\xA0\xE2\x80\xA8\xF0\x9F\x98\x80\""}},
    {"the ends of the planes",
     "\"\\u07ff\\u0800\\uffff\\ud800\\udc00\\udbff\\udfff\"",
     {"\"\xDF\xBF\xE0\xA0\x80\xEF\xBF\xBF\xF0\x90\x80\x80\xF4\x8F\xBF\xBF\"", NULL, NULL,
      "\"\xDF\xBF\xE0\xA0\x80\xEF\xBF\xBF\xF0\x90\x80\x80\xF4\x8F\xBF\xBF\""}},
    {"lone surrogates",
     "\"a\\ud83db\\ude00\\ud83d\\ud83d\\ude00\"",
     {"\"a\\ud83db\\ude00\\ud83d\xF0\x9F\x98\x80\"", NULL, NULL,
      "\"a\\ud83db\\ude00\\ud83d\xF0\x9F\x98\x80\""}},
    {"keys too",
     "{\"\\u00e9/\":1,\"\\u00e9/\":2}",
     {"{\"\xC3\xA9/\":1,\"\xC3\xA9/\":2}", "{\"\\u00e9\\/\":1,\"\\u00e9\\/\":2}",
      "{\"\\u00e9/\": 1, \"\\u00e9/\": 2}", "{\"\xC3\xA9/\": 1, \"\xC3\xA9/\": 2}"}},
    {"a string alone", "\"\"", {NULL, NULL, NULL, NULL}},
    {"a literal alone", " null", {"null", "null", "null", "null"}},
    {"a number alone", "12.5", {NULL, NULL, NULL, NULL}},
    {"nested",
     "[[[{\"a\":[{}]}]],[]]",
     {NULL, NULL, "[[[{\"a\": [{}]}]], []]", "[[[{\"a\": [{}]}]], []]"}},
    {"numbers as Python has them (by rule)",
     "[1e16,1.5e-7,1.0e+300,-1e-10,0.0001,0.00001,-0.0000123,0.00000,10.00001]",
     {NULL, NULL, "[1e+16, 1.5e-07, 1.0e+300, -1e-10, 0.0001, 1e-05, -1.23e-05, 0.00000, 10.00001]",
      "[1e+16, 1.5e-07, 1.0e+300, -1e-10, 0.0001, 1e-05, -1.23e-05, 0.00000, 10.00001]"}},
    {"bytes that are no UTF-8 (by rule)",
     "\"a\xFF\xE4\xBD\"",
     {"\"a\xEF\xBF\xBD\xEF\xBF\xBD\"", "\"a\\ufffd\\ufffd\"", "\"a\\ufffd\\ufffd\"",
      "\"a\xEF\xBF\xBD\xEF\xBF\xBD\""}},
};

static void run_case(void **state)
{
    const struct style_case *style_case = *state;
    for (enum dify__style style = DIFY__STYLE_RAW; style <= DIFY__STYLE_SPACED_RAW; style++) {
        struct dify__buffer out = new_buffer(NULL);
        const char *want = style_case->written[style];
        assert_int_equal(dify__style_text(slice_of(style_case->json), style, &out), DIFY_OK);
        assert_slice(dify__buffer_slice(&out), want != NULL ? want : style_case->json);
        dify__buffer_fini(&out);
    }
}

/* A document read with numbers as texts gives what its text gives. Lone surrogates are not for
 * yyjson itself. */
static void test_values(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        yyjson_doc *doc =
            yyjson_read(cases[i].json, strlen(cases[i].json), YYJSON_READ_NUMBER_AS_RAW);
        for (enum dify__style style = DIFY__STYLE_RAW;
             doc != NULL && style <= DIFY__STYLE_SPACED_RAW; style++) {
            struct dify__buffer text = new_buffer(NULL), value = new_buffer(NULL);
            assert_int_equal(dify__style_text(slice_of(cases[i].json), style, &text), DIFY_OK);
            assert_int_equal(dify__style_value(yyjson_doc_get_root(doc), style, &value), DIFY_OK);
            assert_bytes(dify__buffer_slice(&value), dify__buffer_slice(&text));
            dify__buffer_fini(&text);
            dify__buffer_fini(&value);
        }
        if (doc == NULL)
            assert_true(strstr(cases[i].name, "surrogate") != NULL ||
                        strstr(cases[i].name, "UTF-8") != NULL);
        yyjson_doc_free(doc);
    }
}

static void test_value_within(void **state)
{
    (void)state;
    struct dify__buffer out = new_buffer(NULL);
    yyjson_doc *doc = yyjson_read("{\"a\":{\"b\":[1,[2]]},\"c\":3}", 25, 0);
    yyjson_val *root = yyjson_doc_get_root(doc);
    assert_int_equal(dify__style_value(yyjson_obj_get(root, "a"), DIFY__STYLE_SPACED, &out),
                     DIFY_OK);
    assert_slice(dify__buffer_slice(&out), "{\"b\": [1, [2]]}");
    dify__buffer_fini(&out);
    yyjson_doc_free(doc);
}

static void test_integers(void **state)
{
    (void)state;
    static const char json[] = "[0,-1,18446744073709551615,-9223372036854775808]";
    struct dify__buffer out = new_buffer(NULL);
    yyjson_doc *doc = yyjson_read(json, sizeof json - 1, 0);
    assert_int_equal(dify__style_value(yyjson_doc_get_root(doc), DIFY__STYLE_RAW, &out), DIFY_OK);
    assert_slice(dify__buffer_slice(&out), json);
    yyjson_doc_free(doc);
    doc = yyjson_read("[0.5]", 5, 0); /* its text is lost */
    assert_int_equal(dify__style_value(yyjson_doc_get_root(doc), DIFY__STYLE_RAW, &out),
                     DIFY_ERR_ARGUMENT);
    yyjson_doc_free(doc);
    dify__buffer_fini(&out);
}

static void test_strings(void **state)
{
    (void)state;
    struct dify__buffer out = new_buffer(NULL);
    struct dify_slice nul = {"a\0b", 3};
    assert_int_equal(dify__style_string(nul, DIFY__STYLE_RAW, &out), DIFY_OK);
    assert_int_equal(dify__style_string(slice_of("/\xED\xA0\xBD\x7F\xFF"), DIFY__STYLE_ASCII, &out),
                     DIFY_OK);
    assert_int_equal(dify__style_string(slice_of("/\xED\xA0\xBD\x7F\xFF"), DIFY__STYLE_RAW, &out),
                     DIFY_OK);
    assert_int_equal(dify__style_string(slice_of(""), DIFY__STYLE_SPACED, &out), DIFY_OK);
    assert_slice(dify__buffer_slice(&out), "\"a\\u0000b\""
                                           "\"\\/\\ud83d\x7F\\ufffd\""
                                           "\"/\\ud83d\x7F\xEF\xBF\xBD\""
                                           "\"\"");
    dify__buffer_fini(&out);
}

/* ---- what is refused ----------------------------------------------------------------------- */

static void test_no_json(void **state)
{
    (void)state;
    static const char *const texts[] = {"",    " ",    "{",        "1,\"a\":2",
                                        "1}",  "]",    "{\"a\":}", "\"a\nb\"",
                                        "nul", "[1,]", "\"\\x\"",  "1 2"};
    struct dify__buffer out = new_buffer(NULL);
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        assert_int_equal(dify__style_text(slice_of(texts[i]), DIFY__STYLE_RAW, &out),
                         DIFY_ERR_JSON);
    assert_int_equal(out.len, 0);
    dify__buffer_fini(&out);
}

static struct text brackets(size_t depth)
{
    struct text text = {NULL, 0, 0};
    text_add_repeated(&text, '[', depth);
    text_add_repeated(&text, ']', depth);
    return text;
}

static void test_depth(void **state)
{
    (void)state;
    for (size_t depth = 510; depth <= 514; depth++) {
        struct text text = brackets(depth);
        struct dify__buffer out = new_buffer(NULL);
        yyjson_doc *doc = yyjson_read(text.ptr, text.len, 0);
        enum dify_err err = dify__style_text(text_slice(&text), DIFY__STYLE_RAW, &out);
        assert_int_equal(err, depth <= 511 ? DIFY_OK : DIFY_ERR_DEPTH);
        dify__buffer_clear(&out, 0);
        err = dify__style_value(yyjson_doc_get_root(doc), DIFY__STYLE_RAW, &out);
        assert_int_equal(err, depth <= 512 ? DIFY_OK : DIFY_ERR_DEPTH);
        if (err == DIFY_OK)
            assert_bytes(dify__buffer_slice(&out), text_slice(&text));
        yyjson_doc_free(doc);
        dify__buffer_fini(&out);
        text_fini(&text);
    }
}

static void test_too_large(void **state)
{
    (void)state;
    static const char json[] = "{\"a/\":[\"\\u00e9\",{},-1,true]}";
    struct dify__buffer out = new_buffer(NULL);
    assert_int_equal(dify__style_text(slice_of(json), DIFY__STYLE_ASCII, &out), DIFY_OK);
    size_t whole = out.len;
    dify__buffer_clear(&out, 0);
    for (out.max = 0; out.max < whole; out.max++) {
        assert_int_equal(dify__style_text(slice_of(json), DIFY__STYLE_ASCII, &out),
                         DIFY_ERR_TOO_LARGE);
        assert_true(out.len <= out.max);
        dify__buffer_clear(&out, 0);
    }
    assert_int_equal(dify__style_text(slice_of(json), DIFY__STYLE_ASCII, &out), DIFY_OK);
    dify__buffer_fini(&out);
}

static void test_memory(void **state)
{
    (void)state;
    struct text json = {NULL, 0, 0};
    struct meter meter;
    enum dify_err err = DIFY_ERR_NOMEM;
    text_add_chars(&json, "[");
    for (int i = 0; i < 100; i++)
        text_add_chars(&json, "\"a\\ud83d\xC3\xA9/\",");
    text_add_chars(&json, "0]");
    uint64_t n = 1;
    for (; err == DIFY_ERR_NOMEM; n++) {
        meter_init(&meter);
        meter.fail_at = n;
        struct dify__buffer out = new_buffer(&meter.allocator);
        err = dify__style_text(text_slice(&json), DIFY__STYLE_ASCII, &out);
        dify__buffer_fini(&out);
        assert_meter_empty(&meter);
    }
    assert_int_equal(err, DIFY_OK);
    assert_true(n > 5);
    text_fini(&json);
}

/* ---- recordings ---------------------------------------------------------------------------- */

struct walk {
    size_t frames, bodies;
};

static bool reproduces(struct dify_slice json, enum dify__style style)
{
    struct dify__buffer out = new_buffer(NULL);
    assert_int_equal(dify__style_text(json, style, &out), DIFY_OK);
    bool is_same = out.len == json.len && memcmp(out.ptr, json.ptr, out.len) == 0;
    dify__buffer_fini(&out);
    return is_same;
}

/* Every whole frame; the end that is replayed of a finished run is written like a blocking answer.
 */
static void check_stream(struct walk *walk, const char *path, const struct text *body)
{
    const char *at = body->ptr, *end = body->ptr + body->len;
    for (const char *line; at < end; at = line + 1) {
        line = memchr(at, '\n', (size_t)(end - at));
        if (line == NULL)
            break;
        if (line - at < 6 || memcmp(at, "data: ", 6) != 0)
            continue;
        struct dify_slice json = {at + 6, (size_t)(line - at) - 6};
        bool is_replayed = json.len > 9 && memcmp(json.ptr, "{\"event\": ", 10) == 0;
        if (!reproduces(json, is_replayed ? DIFY__STYLE_SPACED : DIFY__STYLE_RAW))
            fail_msg("%s: %.*s", path, (int)json.len, json.ptr);
        walk->frames++;
    }
}

static void check_body(struct walk *walk, const char *path, const struct text *head,
                       struct text *body)
{
    if (head->len == 0 || body->len == 0)
        return;
    if (strstr(head->ptr, "text/event-stream") != NULL) {
        check_stream(walk, path, body);
        return;
    }
    if (strstr(head->ptr, "Content-Type: application/json") == NULL)
        return;
    while (body->len != 0 && body->ptr[body->len - 1] == '\n')
        body->len--;
    bool is_blocking = strstr(head->ptr, "application/json; charset=utf-8") != NULL;
    enum dify__style style = is_blocking ? DIFY__STYLE_SPACED : DIFY__STYLE_ASCII;
    if (strncmp(body->ptr, "{\"form_content\": ", 17) == 0)
        style = DIFY__STYLE_SPACED_RAW;
    if (!reproduces(text_slice(body), style))
        fail_msg("%s: %s", path, body->ptr);
    walk->bodies++;
}

static void walk_folder(struct walk *walk, const char *path)
{
    char inner[4096];
    struct text head = {NULL, 0, 0}, body = {NULL, 0, 0};
    struct stat what;
    if (strstr(path, "/http-level") != NULL) /* raw bytes of connections */
        return;
    snprintf(inner, sizeof inner, "%s/response.head", path);
    if (read_file(inner, &head)) {
        snprintf(inner, sizeof inner, "%s/response.body", path);
        if (read_file(inner, &body))
            check_body(walk, path, &head, &body);
    }
    text_fini(&head);
    text_fini(&body);
    DIR *folder = opendir(path);
    assert_non_null(folder);
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        if (entry->d_name[0] == '.')
            continue;
        snprintf(inner, sizeof inner, "%s/%s", path, entry->d_name);
        if (stat(inner, &what) == 0 && S_ISDIR(what.st_mode))
            walk_folder(walk, inner);
    }
    closedir(folder);
}

static void test_recordings(void **state)
{
    (void)state;
    struct walk walk = {0, 0};
    walk_folder(&walk, DIFY_RECORDINGS);
    assert_true(walk.frames > 3000);
    const char *bodies = getenv("DIFY_TEST_BODIES");
    if (bodies == NULL)
        return;
    walk_folder(&walk, bodies);
    assert_true(walk.bodies > 0);
    print_message("%zu frames, %zu bodies\n", walk.frames, walk.bodies);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),     cmocka_unit_test(test_value_within),
        cmocka_unit_test(test_integers),   cmocka_unit_test(test_strings),
        cmocka_unit_test(test_no_json),    cmocka_unit_test(test_depth),
        cmocka_unit_test(test_too_large),  cmocka_unit_test(test_memory),
        cmocka_unit_test(test_recordings),
    };
    int failed = run_cases("style", cases, COUNT_OF(cases), sizeof cases[0], run_case);
    return failed + cmocka_run_group_tests_name("style", tests, NULL, NULL);
}
