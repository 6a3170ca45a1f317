/* SPDX-License-Identifier: Apache-2.0
 *
 * test_sse.c: the WHATWG rules, a case each. Every case is run whole, byte by byte, and cut in two
 * at every position, always with the same outcome.
 */
#include "sse_record.h"

struct sse_case {
    const char *name;
    struct dify_slice input;
    const char *expected; /* see sse_record.h */
    bool raw_bytes;
    const char *first_id; /* the option last_event_id */
};

#define IN(literal)                                                                                \
    {                                                                                              \
        "" literal, sizeof(literal) - 1                                                            \
    }
#define FFFD "\xEF\xBF\xBD"
#define BOM "\xEF\xBB\xBF"

static const struct sse_case cases[] = {
    /* byte order mark */
    {"one BOM is dropped", IN(BOM "data: a\n\n"), "[||a@3]<>", false, NULL},
    {"a second BOM belongs to the field name", IN(BOM BOM "data: a\n\ndata: b\n\n"), "[||b@15]<>",
     false, NULL},
    {"part of a BOM belongs to the first line",
     IN("\xEF\xBB"
        "data: a\n\ndata: b\n\n"),
     "[||b@11]<>", false, NULL},
    {"one byte of a BOM alone", IN("\xEF\n\ndata: b\n\n"), "[||b@3]<>", false, NULL},
    {"two bytes of a BOM and the end", IN("\xEF\xBB"), "<>", false, NULL},
    {"part of a BOM in front of the data field",
     IN("\xEF"
        "data: a\ndata: b\n\n"),
     "[||b@0]<>", false, NULL},
    {"a BOM in front of a later line is none", IN("data: a\n" BOM "data: b\n\n"), "[||a@0]<>",
     false, NULL},
    {"a BOM in a value stays", IN("data: " BOM "a\n\n"), "[||" BOM "a@0]<>", false, NULL},
    {"a BOM and nothing else", IN(BOM), "<>", false, NULL},
    {"a BOM, then a blank line", IN(BOM "\n\ndata: a\n\n"), "[||a@5]<>", false, NULL},
    {"a line that begins as a BOM does", IN(BOM "\xEF\xBB\n\ndata\n\n"), "[||@7]<>", false, NULL},

    /* line ends */
    {"LF", IN("data: a\n\ndata: b\n\n"), "[||a@0][||b@9]<>", false, NULL},
    {"CR", IN("data: a\r\rdata: b\r\r"), "[||a@0][||b@9]<>", false, NULL},
    {"CRLF", IN("data: a\r\n\r\ndata: b\r\n\r\n"), "[||a@0][||b@11]<>", false, NULL},
    {"CRLF between the lines of an event", IN("event: x\r\nid: 1\r\ndata: a\r\ndata: b\r\n\r\n"),
     "[x|1|a\\nb@0]<1>", false, NULL},
    {"CR and LF and CRLF", IN("data: a\rdata: b\ndata: c\r\n\r\n"), "[||a\\nb\\nc@0]<>", false,
     NULL},
    {"CRLF is one end, CR LF LF two", IN("data: a\r\n\ndata: b\r\n\n"), "[||a@0][||b@10]<>", false,
     NULL},
    {"LF CR is two ends", IN("data: a\n\rdata: b\n\r"), "[||a@0][||b@9]<>", false, NULL},
    {"CR CR LF: the event ends at the second", IN("data: a\r\r\ndata: b\r\r\n"),
     "[||a@0][||b@10]<>", false, NULL},
    {"a CR last of all still ends its line", IN("data: a\n\r"), "[||a@0]<>", false, NULL},
    {"blank lines only", IN("\n\r\n\r\r\n\n"), "<>", false, NULL},
    {"blank lines before an event move its offset", IN("\n\r\n\rdata: a\n\n"), "[||a@4]<>", false,
     NULL},
    {"U+2028, U+2029, U+0085, VT, FF end no line",
     IN("data: a\xE2\x80\xA8"
        "b\xE2\x80\xA9"
        "c\xC2\x85"
        "d\v\fe\n\n"),
     "[||a\xE2\x80\xA8"
     "b\xE2\x80\xA9"
     "c\xC2\x85"
     "d\v\fe@0]<>",
     false, NULL},
    {"a NUL ends no line and stays in data", IN("data: a\0b\n\n"), "[||a\\0b@0]<>", false, NULL},

    /* comments */
    {"a comment", IN(": hello\n"), "# hello;<>", false, NULL},
    {"an empty comment", IN(":\n"), "#;<>", false, NULL},
    {"comments keep colons and spaces", IN(":: a: b \n"), "#: a: b ;<>", false, NULL},
    {"a comment inside an event is no part of it", IN("data: a\n: x\ndata: b\n\n"),
     "# x;[||a\\nb@0]<>", false, NULL},
    {"a comment before an event is where its block begins", IN(": x\ndata: a\n\n"), "# x;[||a@0]<>",
     false, NULL},
    {"an unfinished comment is not told", IN(": x"), "<>", false, NULL},

    /* data */
    {"two data lines", IN("data: a\ndata: b\n\n"), "[||a\\nb@0]<>", false, NULL},
    {"three data lines, the middle one empty", IN("data: a\ndata:\ndata: b\n\n"),
     "[||a\\n\\nb@0]<>", false, NULL},
    {"data without a colon is empty data", IN("data\n\n"), "[||@0]<>", false, NULL},
    {"data without a colon twice", IN("data\ndata\n\n"), "[||\\n@0]<>", false, NULL},
    {"data with an empty value is dispatched", IN("data:\n\n"), "[||@0]<>", false, NULL},
    {"empty data, then data", IN("data\ndata: a\n\n"), "[||\\na@0]<>", false, NULL},
    {"data, then empty data", IN("data: a\ndata\n\n"), "[||a\\n@0]<>", false, NULL},
    {"no space after the colon", IN("data:a\n\n"), "[||a@0]<>", false, NULL},
    {"only one space goes", IN("data:  a\n\n"), "[|| a@0]<>", false, NULL},
    {"a value of one space is empty", IN("data: \n\n"), "[||@0]<>", false, NULL},
    {"a tab stays", IN("data:\ta\n\n"), "[||\ta@0]<>", false, NULL},
    {"a space at the end stays", IN("data: a \n\n"), "[||a @0]<>", false, NULL},
    {"the value may hold colons", IN("data: a:b: c\n\n"), "[||a:b: c@0]<>", false, NULL},
    {"no data, no event", IN("event: x\n\n"), "<>", false, NULL},
    {"data is forgotten at the blank line", IN("data: a\n\n\ndata: b\n\n"), "[||a@0][||b@10]<>",
     false, NULL},
    {"the last event without blank line is dropped", IN("data: a\n\ndata: b\n"), "[||a@0]<>", false,
     NULL},
    {"the last line without end is dropped", IN("data: a\n\ndata: b"), "[||a@0]<>", false, NULL},

    /* field names */
    {"unknown fields", IN("foo: x\ndata: a\nbar\n\n"), "[||a@0]<>", false, NULL},
    {"names are case-sensitive", IN("Data: a\nDATA: b\nEvent: x\nID: 1\nRetry: 5\ndata: c\n\n"),
     "[||c@0]<>", false, NULL},
    {"a space before the name", IN(" data: a\n\n"), "<>", false, NULL},
    {"a space before the colon", IN("data : a\n\n"), "<>", false, NULL},
    {"names that only begin alike", IN("dat: a\ndatas: b\nevents: c\nids: 1\nretry2: 1\n\n"), "<>",
     false, NULL},

    /* event */
    {"an event type", IN("event: ping\ndata: a\n\n"), "[ping||a@0]<>", false, NULL},
    {"the last type counts", IN("event: x\nevent: y\ndata: a\n\n"), "[y||a@0]<>", false, NULL},
    {"an empty type is message", IN("event: x\nevent:\ndata: a\n\n"), "[||a@0]<>", false, NULL},
    {"event without a colon is message", IN("event: x\nevent\ndata: a\n\n"), "[||a@0]<>", false,
     NULL},
    {"the type does not outlive its block", IN("event: x\n\ndata: a\n\n"), "[||a@10]<>", false,
     NULL},
    {"the type does not outlive its event", IN("event: x\ndata: a\n\ndata: b\n\n"),
     "[x||a@0][||b@18]<>", false, NULL},
    {"bad UTF-8 in a type", IN("event: \xFFx\ndata: a\n\n"), "[" FFFD "x||a@0]<>", false, NULL},

    /* id */
    {"an id stays for later events", IN("id: 1\ndata: a\n\ndata: b\n\n"), "[|1|a@0][|1|b@15]<1>",
     false, NULL},
    {"an id without data is the last one all the same", IN("id: 1\n\ndata: b\n\n"), "[|1|b@7]<1>",
     false, NULL},
    {"an empty id resets", IN("id: 1\ndata: a\n\nid\ndata: b\n\n"), "[|1|a@0][||b@15]<>", false,
     NULL},
    {"an id with a NUL is ignored",
     IN("id: 1\ndata: a\n\nid: 2\0"
        "3\ndata: b\n\n"),
     "[|1|a@0][|1|b@15]<1>", false, NULL},
    {"an id of NUL alone is ignored", IN("id: 1\nid:\0\ndata: a\n\n"), "[|1|a@0]<1>", false, NULL},
    {"the id of an event without end is not the last", IN("id: 1\ndata: a\n\nid: 2\ndata: b\n"),
     "[|1|a@0]<1>", false, NULL},
    {"an id after its data", IN("data: a\nid: 7\n\n"), "[|7|a@0]<7>", false, NULL},
    {"the option last_event_id", IN("data: a\n\nid: 8\ndata: b\n\n"), "[|7|a@0][|8|b@9]<8>", false,
     "7"},
    {"the option last_event_id and no event", IN(""), "<7>", false, "7"},
    {"bad UTF-8 in an id", IN("id: \xC3\ndata: a\n\n"), "[|" FFFD "|a@0]<" FFFD ">", false, NULL},

    /* retry */
    {"retry", IN("retry: 1500\n"), "!1500=1500;<>", false, NULL},
    {"retry with leading zeros", IN("retry: 000015\n"), "!15=15;<>", false, NULL},
    {"retry of zeros", IN("retry: 000\n"), "!0=0;<>", false, NULL},
    {"retry of 2^64 - 1", IN("retry: 18446744073709551615\n"),
     "!18446744073709551615=18446744073709551615;<>", false, NULL},
    {"retry of 2^64 stays at 2^64 - 1, its digits are told", IN("retry: 18446744073709551616\n"),
     "!18446744073709551615=18446744073709551616;<>", false, NULL},
    {"retry far above", IN("retry: 99999999999999999999999999\n"),
     "!18446744073709551615=99999999999999999999999999;<>", false, NULL},
    {"retry takes digits only",
     IN("retry: 1a\nretry: -1\nretry: +1\nretry: 1.5\nretry:  1\nretry: 1 \nretry:\nretry\n"
        "retry: \xD9\xA1\nretry: 1e3\n"),
     "<>", false, NULL},

    /* UTF-8: a maximal subpart is one U+FFFD (Encoding Standard) */
    {"a byte that never stands in UTF-8",
     IN("data: a\xFF"
        "b\xC0"
        "c\xF8\n\n"),
     "[||a" FFFD "b" FFFD "c" FFFD "@0]<>", false, NULL},
    {"a continuation byte alone", IN("data: \x80\xBF\n\n"), "[||" FFFD FFFD "@0]<>", false, NULL},
    {"overlong, two bytes", IN("data: \xC1\xBF\n\n"), "[||" FFFD FFFD "@0]<>", false, NULL},
    {"overlong, three bytes", IN("data: \xE0\x9F\xBF\n\n"), "[||" FFFD FFFD FFFD "@0]<>", false,
     NULL},
    {"overlong, four bytes", IN("data: \xF0\x8F\xBF\xBF\n\n"), "[||" FFFD FFFD FFFD FFFD "@0]<>",
     false, NULL},
    {"a surrogate", IN("data: \xED\xA0\x80\n\n"), "[||" FFFD FFFD FFFD "@0]<>", false, NULL},
    {"above U+10FFFF", IN("data: \xF4\x90\x80\x80\n\n"), "[||" FFFD FFFD FFFD FFFD "@0]<>", false,
     NULL},
    {"truncated, two of three bytes", IN("data: \xE4\xB8x\n\n"), "[||" FFFD "x@0]<>", false, NULL},
    {"truncated, three of four bytes", IN("data: \xF0\x9F\x98x\n\n"), "[||" FFFD "x@0]<>", false,
     NULL},
    {"truncated by the line's end", IN("data: \xF0\x9F\n\n"), "[||" FFFD "@0]<>", false, NULL},
    {"a line end is never part of a sequence", IN("data: \xE4\ndata: \xB8\xAD\n\n"),
     "[||" FFFD "\\n" FFFD FFFD "@0]<>", false, NULL},
    {"the highest code point", IN("data: \xF4\x8F\xBF\xBF\n\n"), "[||\xF4\x8F\xBF\xBF@0]<>", false,
     NULL},
    {"good characters of all lengths", IN("data: a\xC3\xA9\xE4\xB8\xAD\xF0\x9F\x98\x80\n\n"),
     "[||a\xC3\xA9\xE4\xB8\xAD\xF0\x9F\x98\x80@0]<>", false, NULL},
    {"bad UTF-8 in a comment", IN(":\xFE\n"), "#" FFFD ";<>", false, NULL},
    {"bad UTF-8 in two events",
     IN("data: \xFF\n\ndata: \xFE"
        "a\n\n"),
     "[||" FFFD "@0][||" FFFD "a@9]<>", false, NULL},
    {"raw_bytes hands bytes through",
     IN(":\xFE\nevent: \xFD\nid: \xFC\ndata: \xFF\ndata: \xED\xA0\x80\n\n"),
     "#\xFE;[\xFD|\xFC|\xFF\\n\xED\xA0\x80@0]<\xFC>", true, NULL},
};

static void finish(struct dify_sse *sse, struct text *out)
{
    text_add_chars(out, "<");
    record_slice(out, dify_sse_last_event_id(sse));
    text_add_chars(out, ">");
}

/* In two chunks, the first of `cut` bytes; in single bytes; line by line. */
enum way { IN_TWO, BY_BYTES, BY_LINES };

/* The length of the next chunk at `at`. */
static size_t chunk_at(const struct sse_case *c, size_t at, enum way way)
{
    size_t len = 1;
    while (way == BY_LINES && at + len < c->input.len && c->input.ptr[at + len - 1] != '\n' &&
           c->input.ptr[at + len - 1] != '\r')
        len++;
    return len;
}

static void run_cut(const struct sse_case *c, size_t cut, enum way way)
{
    struct text out = {NULL, 0, 0};
    struct dify_sse_options options = record_options(&out);
    options.raw_bytes = c->raw_bytes;
    options.last_event_id = slice_of(c->first_id);
    struct dify_sse *sse = new_sse(&options);
    if (way != IN_TWO) {
        for (size_t at = 0, len; at < c->input.len; at += len) {
            len = chunk_at(c, at, way);
            assert_int_equal(sse_feed_copy(sse, c->input.ptr + at, len), DIFY_OK);
        }
    } else {
        assert_int_equal(sse_feed_copy(sse, c->input.ptr, cut), DIFY_OK);
        assert_int_equal(dify_sse_offset(sse), cut);
        assert_int_equal(sse_feed_copy(sse, c->input.ptr + cut, c->input.len - cut), DIFY_OK);
    }
    assert_int_equal(dify_sse_offset(sse), c->input.len);
    finish(sse, &out);
    assert_slice(text_slice(&out), c->expected);
    dify_sse_free(sse);
    text_fini(&out);
}

static void run_case(void **state)
{
    const struct sse_case *c = *state;
    run_cut(c, 0, BY_BYTES);
    run_cut(c, 0, BY_LINES);
    for (size_t cut = 0; cut <= c->input.len; cut++)
        run_cut(c, cut, IN_TWO);
}

int main(void)
{
    return run_cases("sse", cases, COUNT_OF(cases), sizeof cases[0], run_case);
}
