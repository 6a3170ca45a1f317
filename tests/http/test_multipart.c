/* SPDX-License-Identifier: Apache-2.0
 *
 * test_multipart.c: framing and heads of forms, a case each. Every case is run whole, byte by byte,
 * and cut in two at every position; short ones also in three at every pair of positions; always
 * with the same calls, which are also those of the reference.
 */
#include "multipart_record.h"
#include "multipart_reference.h"

struct form_case {
    const char *name;
    struct dify_slice body;
    const char *expected; /* see multipart_record.h */
};

#define IN(literal)                                                                                \
    {                                                                                              \
        "" literal, sizeof(literal) - 1                                                            \
    }
#define B "\r\n--B"
#define HEAD "Content-Disposition: form-data; name=a\r\n\r\n"
#define A "--B\r\n" HEAD

static const struct form_case framing[] = {
    /* whole forms */
    {"one field", IN(A "1" B "--\r\n"), "[a|~|~]1;."},
    {"no line end behind the closing boundary", IN(A "1" B "--"), "[a|~|~]1;."},
    {"two fields", IN(A "1" B "\r\n" HEAD "2" B "--"), "[a|~|~]1;[a|~|~]2;."},
    {"an empty form", IN("--B--\r\n"), "."},
    {"an empty form behind a line end", IN(B "--"), "."},
    {"an empty part", IN(A B "--"), "[a|~|~];."},
    {"an empty part without its line end", IN(A "--B--"), "[a|~|~];."},
    {"two empty parts without line ends", IN(A "--B\r\n" HEAD "--B--"), "[a|~|~];[a|~|~];."},
    {"data of a line end", IN(A "\r\n" B "--"), "[a|~|~]\\r\\n;."},
    {"data of a CR", IN(A "\r" B "--"), "[a|~|~]\\r;."},
    {"data of a LF", IN(A "\n" B "--"), "[a|~|~]\\n;."},
    {"data of NULs", IN(A "\0\0" B "--"), "[a|~|~]\\0\\0;."},
    {"data of CRs", IN(A "\r\r\r" B "--"), "[a|~|~]\\r\\r\\r;."},
    {"data with the boundary in the middle of a line", IN(A "x--B--" B "--"), "[a|~|~]x--B--;."},

    /* in front of and behind */
    {"a preamble", IN("hello\r\nthere" B "\r\n" HEAD "1" B "--"), "[a|~|~]1;."},
    {"a preamble that looks like a boundary", IN("--Bx" B B B "\r\n" HEAD "1" B "--"), "!SYNTAX"},
    {"a preamble of look-alikes", IN("-B\r\n--x" B "x" B "-x--B" B "\r\n" HEAD "1" B "--"),
     "[a|~|~]1;."},
    {"a preamble without line end is no boundary", IN("x--B\r\n" HEAD "1" B "--"), "."},
    {"an epilogue", IN(A "1" B "--\r\nbye" A "2" B "--"), "[a|~|~]1;."},
    {"an epilogue on the line of the closing boundary", IN(A "1" B "--bye"), "[a|~|~]1;."},
    {"an epilogue behind a bare LF", IN(A "1" B "--\n"), "[a|~|~]1;."},

    /* the boundary's line */
    {"white space behind a boundary", IN("--B \t \r\n" HEAD "1" B " \r\n" HEAD "2" B "--"),
     "[a|~|~]1;[a|~|~]2;."},
    {"white space behind the closing boundary", IN(A "1" B "-- \t"), "[a|~|~]1;."},
    {"text behind the white space", IN(A "1" B " x\r\n"), "[a|~|~]1!SYNTAX"},
    {"a bare LF behind a boundary", IN("--B\n" HEAD "1" B "--"), "!SYNTAX"},
    {"a bare LF behind white space", IN("--B \n" HEAD "1" B "--"), "!SYNTAX"},
    {"a bare CR behind a boundary", IN("--B\r" HEAD "1" B "--"), "!SYNTAX"},
    {"a CR and another byte behind a boundary", IN("--B\rX" HEAD "1" B "--"), "!SYNTAX"},
    {"a CR and another byte behind white space", IN("--B \rX" HEAD "1" B "--"), "!SYNTAX"},
    {"another byte and an LF behind white space", IN("--B X\n" HEAD "1" B "--"), "!SYNTAX"},
    {"CR CR LF behind a boundary", IN("--B\r\r\n" HEAD "1" B "--"), "!SYNTAX"},
    {"a form of bare LFs", IN("--B\nContent-Disposition: form-data; name=a\n\n1\n--B--\n"),
     "!SYNTAX"},

    /* look-alikes in data */
    {"part of a boundary", IN(A "\r\n--" B "--"), "[a|~|~]\\r\\n--;."},
    {"part of a boundary at the start", IN(A "--" B "--"), "[a|~|~]--;."},
    {"one dash at the start", IN(A "-" B "--"), "[a|~|~]-;."},
    {"a boundary that goes on", IN(A "1" B "x" B "--"), "[a|~|~]1\\r\\n--Bx;."},
    {"a boundary that goes on, at the start", IN(A "--Bx" B "--"), "[a|~|~]--Bx;."},
    {"a boundary and one dash", IN(A "1" B "-x" B "--"), "[a|~|~]1\\r\\n--B-x;."},
    {"a boundary and one dash at the start", IN(A "--B-x" B "--"), "[a|~|~]--B-x;."},
    {"a boundary, one dash, and the boundary", IN(A B "-" B "--"), "[a|~|~]\\r\\n--B-;."},
    {"a boundary in lower case", IN(A "\r\n--b--" B "--"), "[a|~|~]\\r\\n--b--;."},
    {"a boundary behind a bare LF", IN(A "1\n--B--" B "--"), "[a|~|~]1\\n--B--;."},
    {"a boundary behind a bare CR", IN(A "1\r--B--" B "--"), "[a|~|~]1\\r--B--;."},
    {"a boundary behind LF CR", IN(A "1\n\r--B--" B "--"), "[a|~|~]1\\n\\r--B--;."},
    {"a boundary behind a blank", IN(A "1\r\n --B--" B "--"), "[a|~|~]1\\r\\n --B--;."},
    {"one dash only", IN(A "1\r\n-B--" B "--"), "[a|~|~]1\\r\\n-B--;."},
    {"three dashes", IN(A "1\r\n---B--" B "--"), "[a|~|~]1\\r\\n---B--;."},
    {"CR CR LF in front", IN(A "1\r" B "--"), "[a|~|~]1\\r;."},
    {"CRLF CRLF in front", IN(A "1\r\n" B "--"), "[a|~|~]1\\r\\n;."},
    {"begun again and again", IN(A "\r\r\n\r\n-\r\n--\r\n--\r" B "--"),
     "[a|~|~]\\r\\r\\n\\r\\n-\\r\\n--\\r\\n--\\r;."},
    {"a form within the form", IN(A "--Binner\r\nx: y\r\n\r\n1\r\n--Binner--\r\n" B "--"),
     "[a|~|~]--Binner\\r\\nx: y\\r\\n\\r\\n1\\r\\n--Binner--\\r\\n;."},

    /* cut off */
    {"nothing", IN(""), "!TRUNCATED"},
    {"a preamble alone", IN("hello"), "!TRUNCATED"},
    {"half a boundary", IN("--"), "!TRUNCATED"},
    {"a boundary alone", IN("--B"), "!TRUNCATED"},
    {"a boundary's line alone", IN("--B\r\n"), "!TRUNCATED"},
    {"a closing boundary without its last dash", IN(A "1" B "-"), "[a|~|~]1!TRUNCATED"},
    {"data alone", IN(A "1"), "[a|~|~]1!TRUNCATED"},
    {"no data yet", IN(A), "[a|~|~]!TRUNCATED"},
    {"a line end that may be a boundary's", IN(A "1\r\n"), "[a|~|~]1!TRUNCATED"},
    {"no closing boundary", IN(A "1" B "\r\n"), "[a|~|~]1;!TRUNCATED"},
    {"a head without its end", IN("--B\r\nContent-Disposition: form-data; name=a\r\n"),
     "!TRUNCATED"},
};

#define PART(head) IN("--B\r\n" head "\r\n\r\nx\r\n--B--\r\n")
#define CD "Content-Disposition: form-data; "

static const struct form_case heads[] = {
    {"a quoted name", PART(CD "name=\"a b\""), "[a b|~|~]x;."},
    {"an empty name", PART(CD "name=\"\""), "[|~|~]x;."},
    {"a raw UTF-8 name", PART(CD "name=\"\xC3\xA4\xE4\xBD\xA0\""), "[\xC3\xA4\xE4\xBD\xA0|~|~]x;."},
    {"a raw UTF-8 name without quotes", PART(CD "name=\xC3\xA4"), "[\xC3\xA4|~|~]x;."},
    {"a name in Latin-1 stays as it is", PART(CD "name=\"\xE4\""), "[\xE4|~|~]x;."},
    {"case does not matter", PART("CONTENT-disposition: FORM-Data; NAME=\"A\"; FileName=\"F\""),
     "[A|F|~]x;."},
    {"no white space", PART("Content-Disposition:form-data;name=\"a\";filename=\"f\""),
     "[a|f|~]x;."},
    {"much white space",
     PART("Content-Disposition: \t form-data \t;  name = \"a\" ; filename = f  "), "[a|f|~]x;."},
    {"a semicolon at the end", PART(CD "name=\"a\";"), "[a|~|~]x;."},
    {"empty parameters", PART("Content-Disposition: form-data;; ;name=\"a\""), "[a|~|~]x;."},
    {"semicolons, equals and commas in quotes", PART(CD "name=\"a; filename=b, c\""),
     "[a; filename=b, c|~|~]x;."},
    {"the file name first", PART(CD "filename=\"f\"; name=\"a\""), "[a|f|~]x;."},
    {"an unknown parameter", PART(CD "size=5; name=\"a\"; x*=UTF-8''y"), "[a|~|~]x;."},
    {"a type", PART(CD "name=\"a\"; filename=\"f\"\r\nContent-Type: image/png"),
     "[a|f|image/png]x;."},
    {"a type with parameters, in front",
     PART("content-type:text/plain; charset=UTF-8 \r\n" CD "name=a"),
     "[a|~|text/plain; charset=UTF-8]x;."},
    {"an empty type", PART(CD "name=\"a\"\r\nContent-Type:"), "[a|~|]x;."},
    {"other fields are passed over",
     PART("Content-Transfer-Encoding: base64\r\nX-A: \xFF\tb\r\n" CD
          "name=\"a\"\r\nContent-Length: 7"),
     "[a|~|~]x;."},
    {"a folded line", PART("Content-Disposition: form-data;\r\n name=\"a\";\r\n\tfilename=\"f\""),
     "[a|f|~]x;."},
    {"a form in the form is data",
     PART(CD "name=\"a\"\r\nContent-Type: multipart/mixed; boundary=C"),
     "[a|~|multipart/mixed; boundary=C]x;."},

    /* what clients do to names */
    {"percent signs of browsers", PART(CD "name=\"a%22b%0D%0Ac%0d%0a\""),
     "[a\"b\\r\\nc\\r\\n|~|~]x;."},
    {"other percent signs stay", PART(CD "name=\"%41%2%%%22%00%5C%2\""),
     "[%41%2%%\"%00%5C%2|~|~]x;."},
    {"a percent sign at the end", PART(CD "name=\"%0\""), "[%0|~|~]x;."},
    {"percent signs without quotes stay", PART(CD "name=%22"), "[%22|~|~]x;."},
    {"a backslash in front of a quote", PART(CD "name=\"a\\\"b\""), "[a\"b|~|~]x;."},
    {"a backslash in front of a backslash", PART(CD "name=\"a\\\\b\\\\\""), "[a\\b\\|~|~]x;."},
    {"another backslash is a character", PART(CD "name=\"a\\b\\%22\""), "[a\\b\\\"|~|~]x;."},
    {"a quote, percent and backslash", PART(CD "name=\"\\\\%22\\\"\""), "[\\\"\"|~|~]x;."},

    /* file names */
    {"an empty file name", PART(CD "name=\"a\"; filename=\"\""), "[a||~]x;."},
    {"a path", PART(CD "name=\"a\"; filename=\"/etc/x.png\""), "[a|x.png|~]x;."},
    {"a path of Internet Explorer", PART(CD "name=\"a\"; filename=\"C:\\dir\\file.png\""),
     "[a|file.png|~]x;."},
    {"a share of Internet Explorer", PART(CD "name=\"a\"; filename=\"\\\\host\\dir\\f.png\""),
     "[a|f.png|~]x;."},
    {"a path that climbs", PART(CD "name=\"a\"; filename=\"../../x\""), "[a|x|~]x;."},
    {"two dots", PART(CD "name=\"a\"; filename=\"../..\""), "[a||~]x;."},
    {"a dot", PART(CD "name=\"a\"; filename=\".\""), "[a||~]x;."},
    {"three dots are a name", PART(CD "name=\"a\"; filename=\"...\""), "[a|...|~]x;."},
    {"a folder", PART(CD "name=\"a\"; filename=\"x/\""), "[a||~]x;."},
    {"a field's name keeps its folders", PART(CD "name=\"a/b\\c\""), "[a/b\\c|~|~]x;."},
    {"a file name that hides a path", PART(CD "name=\"a\"; filename*=UTF-8''..%2F..%5Cx"),
     "[a|x|~]x;."},
    {"filename*", PART(CD "name=\"a\"; filename*=UTF-8''%E4%BD%A0.png"),
     "[a|\xE4\xBD\xA0.png|~]x;."},
    {"filename* wins, behind", PART(CD "name=\"a\"; filename=\"x\"; filename*=utf-8'en'y"),
     "[a|y|~]x;."},
    {"filename* wins, in front", PART(CD "name=\"a\"; filename*=utf-8''y; filename=\"x\""),
     "[a|y|~]x;."},
    {"filename* in quotes", PART(CD "name=\"a\"; filename*=\"UTF-8''%41b c\""), "[a|Ab c|~]x;."},
    {"an empty filename*", PART(CD "name=\"a\"; filename*=UTF-8''"), "[a||~]x;."},
    {"filename* of another charset", PART(CD "name=\"a\"; filename=\"x\"; filename*=GBK''%C4"),
     "[a|x|~]x;."},
    {"name*", PART(CD "name*=utf-8''%C3%A4"), "[\xC3\xA4|~|~]x;."},

    /* refused */
    {"no head", IN("--B\r\n\r\nx\r\n--B--"), "!SYNTAX"},
    {"no disposition", PART("Content-Type: text/plain"), "!SYNTAX"},
    {"no name", PART(CD "filename=\"f\""), "!SYNTAX"},
    {"no parameters", PART("Content-Disposition: form-data"), "!SYNTAX"},
    {"another disposition", PART("Content-Disposition: attachment; name=\"a\""), "!SYNTAX"},
    {"an empty disposition", PART("Content-Disposition:"), "!SYNTAX"},
    {"two dispositions", PART(CD "name=\"a\"\r\n" CD "name=\"b\""), "!SYNTAX"},
    {"two types", PART(CD "name=\"a\"\r\nContent-Type: a/b\r\nContent-Type: a/b"), "!SYNTAX"},
    {"two names", PART(CD "name=\"a\"; name=\"b\""), "!SYNTAX"},
    {"two file names", PART(CD "name=\"a\"; filename=b; filename=b"), "!SYNTAX"},
    {"two extended file names", PART(CD "name=a; filename*=utf-8''b; filename*=utf-8''b"),
     "!SYNTAX"},
    {"an open quote", PART(CD "name=\"a"), "!SYNTAX"},
    {"an open quote behind a backslash", PART(CD "name=\"a\\\""), "!SYNTAX"},
    {"text behind a quote", PART(CD "name=\"a\"b"), "!SYNTAX"},
    {"a parameter behind a quote", PART(CD "name=\"a\"b=\"c\""), "!SYNTAX"},
    {"a bad parameter behind the name", PART(CD "name=\"a\"; b"), "!SYNTAX"},
    {"a quote in the middle", PART(CD "name=a\"b\""), "!SYNTAX"},
    {"blanks without quotes", PART(CD "name=a b"), "!SYNTAX"},
    {"no value", PART(CD "name="), "!SYNTAX"},
    {"no equals sign", PART(CD "name"), "!SYNTAX"},
    {"no parameter name", PART(CD "=a"), "!SYNTAX"},
    {"no semicolon", PART("Content-Disposition: form-data name=\"a\""), "!SYNTAX"},
    {"filename* without quotes", PART(CD "name=\"a\"; filename*=f.png"), "!SYNTAX"},
    {"filename* with one quote", PART(CD "name=\"a\"; filename*=UTF-8'f.png"), "!SYNTAX"},
    {"filename* with a bad escape", PART(CD "name=\"a\"; filename*=UTF-8''%4x"), "!SYNTAX"},
    {"filename* with a short escape", PART(CD "name=\"a\"; filename*=UTF-8''%4"), "!SYNTAX"},
    {"filename* with a NUL", PART(CD "name=\"a\"; filename*=UTF-8''x%00.png"), "!SYNTAX"},
    {"filename* with a line feed", PART(CD "name=\"a\"; filename*=UTF-8''x%0Ay"), "!SYNTAX"},
    {"filename* with DEL", PART(CD "name=\"a\"; filename*=UTF-8''x%7F"), "!SYNTAX"},
    {"filename* with a surrogate", PART(CD "name=\"a\"; filename*=UTF-8''%ED%A0%80"), "!SYNTAX"},
    {"name* with a line feed", PART(CD "name*=UTF-8''x%0Ay"), "!SYNTAX"},
    {"filename* of another charset alone", PART(CD "name=\"a\"; filename*=GBK''%C4"), "!SYNTAX"},
    {"a bare LF in the head", PART(CD "name=\"a\"\nX: y"), "!SYNTAX"},
    {"a bare LF at the start of a line", PART(CD "name=\"a\"\r\n\nX: y"), "!SYNTAX"},
    {"a byte and a bare LF as the last line", PART(CD "name=\"a\"\r\nX\n1"), "!SYNTAX"},
    {"a bare CR in the head", PART(CD "name=\"a\"\rX: y"), "!SYNTAX"},
    {"CR CR LF in the head", PART(CD "name=\"a\"\r\r\nX: y"), "!SYNTAX"},
    {"a NUL in the head", PART(CD "name=\"a\0b\""), "!SYNTAX"},
    {"a DEL in the head", PART(CD "name=\"a\x7F\""), "!SYNTAX"},
    {"a line without a colon", PART(CD "name=\"a\"\r\nhello"), "!SYNTAX"},
    {"a line that begins with a colon", PART(CD "name=\"a\"\r\n: x"), "!SYNTAX"},
    {"a blank in front of the colon", PART("Content-Disposition : form-data; name=a"), "!SYNTAX"},
    {"a blank at the start of the head", PART(" " CD "name=a"), "!SYNTAX"},
};

static void assert_record(const struct form_case *c, const size_t *cuts, size_t count)
{
    struct record record = {.stop_at = 0};
    record_form(&record, FORM_TYPE "B", c->body, cuts, count);
    assert_slice(text_slice(&record.log), c->expected);
    text_fini(&record.log);
}

static void run_case(void **state)
{
    const struct form_case *c = *state;
    size_t len = c->body.len;
    size_t bytes[1024];
    assert_in_range(len, 0, COUNT_OF(bytes));
    for (size_t i = 0; i < len; i++)
        bytes[i] = i + 1;
    assert_record(c, bytes, len);
    for (size_t first = 0; first <= len; first++) {
        size_t cuts[2] = {first, len};
        assert_record(c, cuts, 1);
        for (cuts[1] = first + 1; len <= 160 && cuts[1] < len; cuts[1]++)
            assert_record(c, cuts, 2);
    }
    struct record record = {.stop_at = 0};
    enum http_multipart_err err = reference_parse("B", c->body, &record_callbacks, &record);
    text_add_chars(&record.log, record_error(err));
    assert_slice(text_slice(&record.log), c->expected);
    text_fini(&record.log);
}

/* ---- content types ------------------------------------------------------------------------- */

#define DIGITS_70 "1234567890123456789012345678901234567890123456789012345678901234567890"

static const struct {
    const char *type;
    const char *boundary; /* NULL: no form's */
} types[] = {
    {"multipart/form-data; boundary=B", "B"},
    {"multipart/form-data;boundary=\"B\"", "B"},
    {"MultiPart/Form-Data; BOUNDARY=bB", "bB"},
    {" multipart/form-data ; charset=\"utf-8\" ; boundary=B ; x=y", "B"},
    {"multipart/form-data; x=\"; boundary=C\"; boundary=B", "B"},
    {"multipart/form-data; boundary=\"a b\"", "a b"},
    {"multipart/form-data; boundary=----=_Part_1/2:3?(4)',+.", "----=_Part_1/2:3?(4)',+."},
    {"multipart/form-data; boundary=*****", "*****"},
    {"multipart/form-data; boundary=" DIGITS_70, DIGITS_70},
    {"multipart/form-data; boundary=" DIGITS_70 "1", NULL},
    {"multipart/form-data", NULL},
    {"multipart/form-data; boundary=", NULL},
    {"multipart/form-data; boundary=\"\"", NULL},
    {"multipart/form-data; boundary=\"B", NULL},
    {"multipart/form-data; boundary=\"B \"", NULL},
    {"multipart/form-data; boundary=\"B\\\"\"", NULL},
    {"multipart/form-data; boundary=\"a\tb\"", NULL},
    {"multipart/form-data; boundary=\xC3\xA4", NULL},
    {"multipart/form-data; boundary=B; boundary=B", NULL},
    {"multipart/form-data; boundary=B, multipart/form-data; boundary=C", NULL},
    {"multipart/form-data; boundary=B x", NULL},
    {"multipart/form-data; boundary=B; x", NULL},
    {"multipart/form-data; boundary*=utf-8''B", NULL},
    {"multipart/mixed; boundary=B", NULL},
    {"multipart/form-datax; boundary=B", NULL},
    {"multipart/form-dat; boundary=B", NULL},
    {"application/x-www-form-urlencoded", NULL},
    {"", NULL},
};

static void test_types(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(types); i++) {
        struct record record = {.stop_at = 0};
        struct text body = {NULL, 0, 0};
        const char *boundary = types[i].boundary != NULL ? types[i].boundary : "B";
        text_addf(&body, "--%s\r\n" HEAD "1\r\n--%s--\r\n", boundary, boundary);
        record_form(&record, types[i].type, text_slice(&body), NULL, 0);
        if (strcmp(record.log.ptr, types[i].boundary != NULL ? "[a|~|~]1;." : "!NOT_A_FORM") != 0)
            fail_msg("%s: %s", types[i].type, record.log.ptr);
        text_fini(&record.log);
        text_fini(&body);
    }
    struct http_multipart *form;
    assert_int_equal(http_multipart_new(NULL, slice_of(NULL), &record_callbacks, NULL, &form),
                     HTTP_MULTIPART_NOT_A_FORM);
    http_multipart_free(NULL);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {cmocka_unit_test(test_types)};
    int failed = run_cases("framing", framing, COUNT_OF(framing), sizeof framing[0], run_case);
    failed += run_cases("heads", heads, COUNT_OF(heads), sizeof heads[0], run_case);
    return failed + cmocka_run_group_tests_name("content types", tests, NULL, NULL);
}
