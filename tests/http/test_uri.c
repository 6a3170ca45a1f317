/* SPDX-License-Identifier: Apache-2.0
 *
 * test_uri.c: paths and queries.
 */
#include "../unit/support.h"
#include "http/uri.h"

#define IN(literal)                                                                                \
    {                                                                                              \
        "" literal, sizeof(literal) - 1                                                            \
    }

static const struct {
    struct dify_slice text, path, form; /* raw, decoded, decoded as a form's */
} texts[] = {
    {IN(""), IN(""), IN("")},
    {IN("abc"), IN("abc"), IN("abc")},
    {IN("a+b"), IN("a+b"), IN("a b")},
    {IN("%41%5a%5A%7e"), IN("AZZ~"), IN("AZZ~")},
    {IN("%2B%2b+"), IN("+++"), IN("++ ")},
    {IN("%E4%BD%A0"), IN("\xE4\xBD\xA0"), IN("\xE4\xBD\xA0")},
    {IN("%00x%FF"), IN("\0x\xFF"), IN("\0x\xFF")},
    {IN("%"), IN("%"), IN("%")},
    {IN("%4"), IN("%4"), IN("%4")},
    {IN("%4g%g4%-1% 1"), IN("%4g%g4%-1% 1"), IN("%4g%g4%-1% 1")},
    {IN("%%41%4%41"), IN("%A%4A"), IN("%A%4A")},
    {IN("%2541"), IN("%41"), IN("%41")},
};

static void test_decode(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        struct dify_slice text = texts[i].text;
        for (int form = 0; form < 2; form++) {
            char *out = malloc(text.len != 0 ? text.len : 1);
            assert_non_null(out);
            memcpy(out, text.ptr, text.len);
            struct dify_slice copy = {out, text.len};
            size_t len = http_uri_decode(copy, form == 1, out); /* in place */
            assert_bytes(((struct dify_slice){out, len}),
                         form == 1 ? texts[i].form : texts[i].path);
            free(out);
        }
    }
}

static const struct {
    const char *query;
    const char *pairs; /* "name|value;" each */
} queries[] = {
    {NULL, ""},
    {"", ""},
    {"a", "a|;"},
    {"a=", "a|;"},
    {"a=1", "a|1;"},
    {"=1", "|1;"},
    {"=", "|;"},
    {"a=1&b=2", "a|1;b|2;"},
    {"a=1=2&b==", "a|1=2;b|=;"},
    {"&&a&&b&", "a|;b|;"},
    {"a%26b=%3D&c+d=e+f", "a%26b|%3D;c+d|e+f;"},
    {"a;b=1", "a;b|1;"},
    {"a=1&a=2", "a|1;a|2;"},
    {"a?b=/c", "a?b|/c;"},
};

static void test_query(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(queries); i++) {
        struct text out = {NULL, 0, 0};
        struct http_query query = http_query(slice_of(queries[i].query));
        text_add_chars(&out, "");
        while (http_query_next(&query)) {
            text_add(&out, query.name.ptr, query.name.len);
            text_add_chars(&out, "|");
            text_add(&out, query.value.ptr, query.value.len);
            text_add_chars(&out, ";");
        }
        assert_false(http_query_next(&query));
        assert_slice(text_slice(&out), queries[i].pairs);
        text_fini(&out);
    }
}

static const struct {
    const char *query, *name;
    const char *value; /* NULL: not there */
    size_t size;
} values[] = {
    {NULL, "a", NULL, 9},
    {"", "", NULL, 9},
    {"a=1&b=2", "b", "2", 9},
    {"a=1&a=2", "a", "1", 9},
    {"a", "a", "", 0},
    {"a=1", "a", NULL, 0},
    {"=1", "", "1", 9},
    {"ab=1", "a", NULL, 9},
    {"a=1", "ab", NULL, 9},
    {"A=1", "a", NULL, 9},
    {"%61%62=x+%2b%26", "ab", "x +&", 9},
    {"a+b=1", "a b", "1", 9},
    {"a%00=1", "a", NULL, 9},
    {"a=%41%42%43", "a", "ABC", 3},
    {"a=%41%42%43%44", "a", NULL, 3},
    {"a=%41%4", "a", "A%4", 3},
    {"a=1234&a=1", "a", NULL, 3}, /* the first counts */
};

static void test_value(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(values); i++) {
        char *out = malloc(values[i].size != 0 ? values[i].size : 1);
        size_t len = 77;
        assert_non_null(out);
        bool found =
            http_query_value(slice_of(values[i].query), values[i].name, out, values[i].size, &len);
        if (found != (values[i].value != NULL))
            fail_msg("%s of %s", values[i].name, values[i].query);
        if (found)
            assert_slice(((struct dify_slice){out, len}), values[i].value);
        else
            assert_int_equal(len, 77);
        free(out);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_decode),
        cmocka_unit_test(test_query),
        cmocka_unit_test(test_value),
    };
    return cmocka_run_group_tests_name("uri", tests, NULL, NULL);
}
