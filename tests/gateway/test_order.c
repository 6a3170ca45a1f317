/* SPDX-License-Identifier: Apache-2.0
 *
 * test_order.c: bodies of requests and the orders they become, a case each, in every chunking; and
 * which requests are the same.
 */
#include "order_kit.h"

#define B "\r\n--B"
#define CD "\r\nContent-Disposition: form-data; "
#define FIELD(name, value) B CD "name=\"" name "\"\r\n\r\n" value
#define FILE_PART(name, file, bytes)                                                               \
    B CD "name=\"" name "\"; filename=\"" file "\"\r\nContent-Type: image/png\r\n\r\n" bytes
#define END B "--\r\n"

static char foodtype[] = "Foodtype", food_type[] = "food_type", file[] = "file", image[] = "image";
static char user[] = "user", customer[] = "customer", by[] = "by";
static struct gw_rename renames[] = {{foodtype, food_type}, {file, image}};
static struct gw_rename user_renames[] = {{user, customer}, {by, user}};
static const struct gw_route_config route = {.renames = renames, .rename_count = 2};
static const struct gw_route_config user_route = {.renames = user_renames, .rename_count = 2};

struct order_case {
    const char *name;
    const char *type;
    struct dify_slice body;
    const char *order; /* as a text; NULL: refused */
    int status;
    const char *code, *message;
    bool is_runs; /* the runs route */
    const struct gw_route_config *route;
};

#define IN(bytes)                                                                                  \
    {                                                                                              \
        bytes, sizeof(bytes) - 1                                                                   \
    }
#define BAD(is_code, is_message) .status = 400, .code = is_code, .message = is_message
#define RUNS .is_runs = true

static const struct order_case cases[] = {
    /* forms of a configured path */
    {"a field and a file", FORM_TYPE, IN(FIELD("a", "1") FILE_PART("pic", "x.png", "PNG") END),
     .order = ".a=1;@pic(x.png)=PNG;"},
    {"renamed ones", FORM_TYPE,
     IN(FIELD("Foodtype", "tea") FILE_PART("file", "x.png", "PNG") FIELD("b", "") END),
     .order = ".b=;.food_type=tea;@image(x.png)=PNG;", .route = &route},
    {"nothing", FORM_TYPE, IN("--B--"), .order = ""},
    {"a user", FORM_TYPE, IN(FIELD("user", "ann") FIELD("app", "x") FIELD("inputs", "{") END),
     .order = "user=ann;.app=x;.inputs={;"},
    {"a user that is an input, and an input that is a user", FORM_TYPE,
     IN(FIELD("user", "ann") FIELD("by", "\n") END), .order = ".customer=ann;.user=\n;",
     .route = &user_route},
    {"the last one counts", FORM_TYPE,
     IN(FIELD("a", "1") FIELD("user", "u") FIELD("a", "2") FIELD("user", "v") END),
     .order = "user=v;.a=2;"},
    {"renamed to one that is there", FORM_TYPE,
     IN(FIELD("food_type", "1") FIELD("Foodtype", "2") END), .order = ".food_type=2;",
     .route = &route},
    {"several files of one name", FORM_TYPE,
     IN(FILE_PART("f", "b", "2") FILE_PART("g", "c", "3") FILE_PART("f", "a", "1") END),
     .order = "@f(b)=2;@g(c)=3;@f(a)=1;"},
    {"no file chosen", FORM_TYPE, IN(FILE_PART("f", "", "") FIELD("a", "1") END), .order = ".a=1;"},
    {"no file chosen, of no name", FORM_TYPE, IN(FILE_PART("", "", "") END), .order = ""},
    {"a file without a name", FORM_TYPE, IN(FILE_PART("f", "", "1") END), .order = "@f(file)=1;"},
    {"an empty file", FORM_TYPE, IN(FILE_PART("f", "x", "") END), .order = "@f(x)=;"},
    {"a name is no path", FORM_TYPE, IN(FILE_PART("f", "../../etc/passwd", "1") END),
     .order = "@f(passwd)=1;"},
    {"a name in another encoding", FORM_TYPE, IN(FILE_PART("f", "\xE4.png", "1") END),
     .order = "@f(\xEF\xBF\xBD.png)=1;"},
    {"any bytes in a file", FORM_TYPE, IN(FILE_PART("f", "x", "\0\xFF\r\n--\r\n--A") END),
     .order = "@f(x)=\0\xFF\r\n--\r\n--A;"},
    {"characters of all lengths", FORM_TYPE,
     IN(FIELD("\xE7\xB1\xBB", "\xC3\xA4\xE4\xBD\xA0\xF0\x9F\x98\x80") END),
     .order = ".\xE7\xB1\xBB=\xC3\xA4\xE4\xBD\xA0\xF0\x9F\x98\x80;"},

    /* what is wrong with forms */
    {"a nameless field", FORM_TYPE, IN(FIELD("", "1") END),
     BAD("invalid_form", "a field of the form has no name")},
    {"a nameless file", FORM_TYPE, IN(FILE_PART("", "x", "1") END),
     BAD("invalid_form", "a field of the form has no name")},
    {"a name that is no text", FORM_TYPE,
     IN(FIELD("a\xFF"
              "b",
              "1") END),
     BAD("invalid_form", "the name of the field \"a?b\" is not UTF-8 text")},
    {"a name of two lines", FORM_TYPE, IN(FIELD("a%0Ab", "1") END),
     BAD("invalid_form", "the name of the field \"a?b\" has a control character in it")},
    {"a value that is no text", FORM_TYPE, IN(FIELD("a", "\xFFsecret") END),
     BAD("invalid_param", "\"a\" is not UTF-8 text; what is no text is sent as a file")},
    {"an empty user", FORM_TYPE, IN(FIELD("user", "") END),
     BAD("invalid_param", "\"user\" must have 1 to 255 characters")},
    {"a user of two lines", FORM_TYPE, IN(FIELD("user", "a\r\nb") END),
     BAD("invalid_param", "\"user\" has a control character in it")},
    {"all that is wrong", FORM_TYPE, IN(FIELD("", "1") FIELD("b", "\xC3") FIELD("user", "") END),
     BAD("invalid_form",
         "a field of the form has no name; \"b\" is not UTF-8 text; what is no text is sent as a "
         "file; \"user\" must have 1 to 255 characters")},
    {"a long name is told in part", FORM_TYPE,
     IN(FIELD("0123456789012345678901234567890123456789012345678901234567890\xFF", "") END),
     BAD("invalid_form", "the name of the field "
                         "\"012345678901234567890123456789012345678901234567890123456789...\" is "
                         "not UTF-8 text")},
    {"cut off", FORM_TYPE, IN(FIELD("a", "1")),
     BAD("invalid_form", "the form ends before its closing boundary")},
    {"a bad head", FORM_TYPE, IN("--B\r\nX\r\n\r\n" END),
     BAD("invalid_form", "a part of the form has a malformed head or no name")},
    {"no boundary", "multipart/form-data", IN(END),
     BAD("invalid_form", "Content-Type has no good boundary: leave it to the browser, or to what "
                         "sends the form, to set Content-Type")},

    /* pairs */
    {"pairs", PAIRS_TYPE "; charset=UTF-8", IN("a=1&b=x+y%26&&user=%C3%A4&c&d=&e=%zz"),
     .order = "user=\xC3\xA4;.a=1;.b=x y&;.c=;.d=;.e=%zz;"},
    {"renamed pairs", "Application/X-WWW-form-urlencoded", IN("Foodtype=tea"),
     .order = ".food_type=tea;", .route = &route},
    {"no pairs", PAIRS_TYPE, IN(""), .order = ""},
    {"a pair without a name", PAIRS_TYPE, IN("=1"),
     BAD("invalid_form", "a field of the form has no name")},
    {"a NUL in a name", PAIRS_TYPE, IN("a%00b=1"),
     BAD("invalid_form", "the name of the field \"a?b\" has a control character in it")},
    {"a pair that is no text", PAIRS_TYPE, IN("a=%FF"),
     BAD("invalid_param", "\"a\" is not UTF-8 text; what is no text is sent as a file")},

    /* JSON of a configured path */
    {"inputs alone", JSON_TYPE, IN(" {\"a\": 1.50, \"user\":\"u\\u00e4\", \"b\":[ {} ]} "),
     .order = "user=u\xC3\xA4;inputs={\"a\":1.50,\"b\":[{}]};"},
    {"inputs alone, renamed", JSON_TYPE ";charset=gbk", IN("{\"Foodtype\":\"tea\",\"b\":null}"),
     .order = "inputs={\"food_type\":\"tea\",\"b\":null};", .route = &route},
    {"an input that is called user", JSON_TYPE, IN("{\"by\":1,\"user\":2}"),
     .order = "inputs={\"user\":1,\"customer\":2};", .route = &user_route},
    {"renamed to a member that is there", JSON_TYPE, IN("{\"Foodtype\":\"tea\",\"food_type\":1}"),
     BAD("invalid_json", "\"food_type\" stands twice in an object of the inputs"), .route = &route},
    {"a user that is a number", JSON_TYPE, IN("{\"user\":1}"),
     BAD("invalid_param", "\"user\" must be a string")},
    {"two users", JSON_TYPE, IN("{\"user\":\"a\",\"user\":\"a\"}"),
     BAD("invalid_json", "\"user\" stands twice in the body")},

    /* the runs route */
    {"all members", JSON_TYPE,
     IN("{\"query\":\"q\\u0000\",\"inputs\":{ \"a\" : 1 },\"app\":\"x\",\"user\":\"u\","
        "\"conversation_id\":\"c\",\"workflow_id\":\"w\"}"),
     .order = "app=x;user=u;query=q\0;conversation=c;workflow=w;inputs={ \"a\" : 1 };", RUNS},
    {"no members", JSON_TYPE, IN("{}"), .order = "", RUNS},
    {"no body", NULL, IN(""), .order = "", RUNS},
    {"empty ids are none", JSON_TYPE,
     IN("{\"conversation_id\":\"\",\"workflow_id\":\"\",\"app\":\"\",\"query\":\"\"}"),
     .order = "query=;", RUNS},
    {"a form of all members", FORM_TYPE,
     IN(FIELD("app", "x") FIELD("user", "u") FIELD("query", "q") FIELD("conversation_id", "c")
            FIELD("workflow_id", "") FIELD("inputs", " {\"b\": 2} ") FIELD("a", "1")
                FILE_PART("inputs", "f", "F") END),
     .order = "app=x;user=u;query=q;conversation=c;inputs= {\"b\": 2} ;.a=1;@inputs(f)=F;", RUNS},
    {"pairs of all members", PAIRS_TYPE, IN("app=x&a=1&inputs=%7b%7D&query=q"),
     .order = "app=x;query=q;inputs={};.a=1;", RUNS},
    {"a conversation without its user", JSON_TYPE, IN("{\"conversation_id\":\"c\"}"),
     BAD("invalid_param", "\"conversation_id\" needs the \"user\" whose conversation it is"), RUNS},
    {"unknown members", JSON_TYPE, IN("{\"response_mode\":\"blocking\",\"x\\ny\":1}"),
     BAD("invalid_param", "\"response_mode\" is not known here; an input goes into \"inputs\"; "
                          "\"x?y\" is not known here; an input goes into \"inputs\""),
     RUNS},
    {"wrong types", JSON_TYPE, IN("{\"app\":1,\"user\":null,\"inputs\":[],\"query\":{}}"),
     BAD("invalid_param", "\"app\" must be a string; \"user\" must be a string; \"inputs\" must be "
                          "an object; \"query\" must be a string"),
     RUNS},
    {"twice", JSON_TYPE, IN("{\"inputs\":{},\"app\":\"x\",\"inputs\":{},\"app\":\"x\"}"),
     BAD("invalid_json", "\"inputs\" stands twice in the body; \"app\" stands twice in the body"),
     RUNS},
    {"twice within the inputs", JSON_TYPE,
     IN("{\"inputs\":{\"a\":[{\"b\":1,\"c\":2,\"\\u0062\":1}]}}"),
     BAD("invalid_json", "\"b\" stands twice in an object of the inputs"), RUNS},
    {"no JSON", JSON_TYPE, IN("{\"a\":}"),
     BAD("invalid_json", "the body is not a good JSON object: unexpected character, expected a "
                         "valid JSON value (byte 6)"),
     RUNS},
    {"an array", JSON_TYPE, IN("[]"),
     BAD("invalid_json", "the body is not a good JSON object: not a JSON object (byte 1)"), RUNS},
    {"nothing that is JSON", JSON_TYPE, IN(""),
     BAD("invalid_json", "the body is not a good JSON object: no data (byte 1)"), RUNS},
    {"JSON that is no UTF-8", JSON_TYPE, IN("{\"query\":\"\xFF\"}"),
     BAD("invalid_json", "the body is not UTF-8 text"), RUNS},
    {"half a character", JSON_TYPE, IN("{\"query\":\"\\ud800\"}"),
     BAD("invalid_json", "the body is not a good JSON object: it has half a character in it "
                         "(\\ud800 to \\udfff)"),
     RUNS},
    {"inputs that are no object", PAIRS_TYPE, IN("inputs=%5B%5D"),
     BAD("invalid_param", "\"inputs\" is not a good JSON object: not a JSON object (byte 1)"),
     RUNS},
    {"an id of two lines", PAIRS_TYPE, IN("conversation_id=a%0ab&workflow_id=%00&app=%7f&user=u"),
     BAD("invalid_param",
         "\"app\" has a control character in it; \"conversation_id\" has a control character in "
         "it; \"workflow_id\" has a control character in it"),
     RUNS},

    /* other types */
    {"another type", "text/plain", IN("x"), .status = 415, .code = "unsupported_media_type"},
    {"a longer type", "application/jsonp", IN("{}"), .status = 415,
     .code = "unsupported_media_type"},
    {"no type", NULL, IN(""), .status = 415, .code = "unsupported_media_type"},
    {"no type, and a body", NULL, IN("{}"), .status = 415, .code = "unsupported_media_type", RUNS},
};

static void run_case(void **state)
{
    const struct order_case *c = *state;
    unsigned char digests[2][GW_SHA256_BYTES];
    struct gw_spool spool = new_spool();
    struct meter meter;
    meter_init(&meter);
    struct gw_order_options options = {.allocator = &meter.allocator,
                                       .spool = &spool,
                                       .max_file_bytes = GW_FILE_BYTES,
                                       .route = c->route,
                                       .is_bare = !c->is_runs};
    size_t most = c->body.len != 0 ? c->body.len : 1;
    for (size_t chunk = 1; chunk <= most; chunk++) {
        struct gw_refusal refusal;
        struct gw_order *order = read_order(&options, c->type, c->body, chunk, &refusal);
        if (order == NULL) {
            assert_true(c->order == NULL || *refusal.message == '\0');
            assert_null(c->order);
            assert_int_equal(refusal.status, c->status);
            assert_string_equal(refusal.code, c->code);
            if (c->message != NULL)
                assert_string_equal(refusal.message, c->message);
            continue;
        }
        struct text text = order_text(order);
        assert_non_null(c->order);
        size_t len = strlen(c->order);
        assert_true(text.len >= len && memcmp(text.ptr, c->order, len) == 0);
        assert_true(text.len == len || c->order[len] == '\0');
        text_fini(&text);
        text = order_text(order); /* files from their start again */
        assert_true(memcmp(text.ptr, c->order, len) == 0);
        text_fini(&text);
        assert_true(gw_order_digest(order, "app", digests[chunk != 1]));
        assert_memory_equal(digests[0], digests[chunk != 1], GW_SHA256_BYTES);
        gw_order_free(order);
    }
    assert_int_equal(spool.used_bytes, 0);
    assert_meter_empty(&meter);
}

/* ---- which are the same --------------------------------------------------------------------- */

struct request {
    const char *type;
    struct dify_slice body;
    bool is_runs;
    const char *app;
};

static void take_digest(const struct request *request, unsigned char digest[GW_SHA256_BYTES])
{
    struct gw_spool spool = new_spool();
    struct gw_refusal refusal;
    struct gw_order_options options = {
        .spool = &spool, .max_file_bytes = GW_FILE_BYTES, .is_bare = !request->is_runs};
    struct gw_order *order = read_order(&options, request->type, request->body, 0, &refusal);
    assert_non_null(order);
    assert_true(gw_order_digest(order, request->app != NULL ? request->app : "a", digest));
    gw_order_free(order);
}

#define JSON(text)                                                                                 \
    {                                                                                              \
        JSON_TYPE, IN(text), true, NULL                                                            \
    }
#define FORM(text)                                                                                 \
    {                                                                                              \
        FORM_TYPE, IN(text), false, NULL                                                           \
    }

/* Each row is one request, sent in several ways; requests of different rows are different. */
static const struct request rows[][4] = {
    {FORM(FIELD("a", "1") FIELD("b", "2") FILE_PART("f", "x", "X") FILE_PART("g", "y", "Y") END),
     FORM(FILE_PART("g", "y", "Y") FIELD("b", "2") FILE_PART("f", "x", "X") FIELD("a", "1") END),
     {"multipart/form-data; boundary=CC",
      IN("--CC" CD "name=b\r\n\r\n2\r\n--CC" CD "name=f; filename=x\r\n\r\nX\r\n--CC" CD
         "filename=y;name=g\r\n\r\nY\r\n--CC" CD "name=a\r\n\r\n1\r\n--CC--"),
      false, NULL}},
    {FORM(FIELD("a", "1") FIELD("b", "2") FILE_PART("f", "x", "Z") FILE_PART("g", "y", "Y") END)},
    {FORM(FIELD("a", "1") FIELD("b", "2") FILE_PART("f", "y", "X") FILE_PART("g", "x", "Y") END)},
    {FORM(FIELD("a", "1") FIELD("b", "2") FILE_PART("g", "x", "X") FILE_PART("f", "y", "Y") END)},
    {FORM(FIELD("a", "1") FIELD("b", "2") FILE_PART("f", "x", "X") END)},
    {FORM(FILE_PART("f", "x", "X") FILE_PART("f", "x", "Y") END)},
    {FORM(FILE_PART("f", "x", "Y") FILE_PART("f", "x", "X") END)},
    {FORM(FILE_PART("f", "x", "") END)},
    {FORM(FIELD("a", "1") FIELD("b", "2") END),
     {PAIRS_TYPE, IN("b=2&a=1"), false, NULL},
     FORM(FIELD("a", "0") FIELD("b", "2") FIELD("a", "1") END)},
    {{PAIRS_TYPE, IN("b=2&a=1"), false, "another app"}},
    {{PAIRS_TYPE, IN("b=1&a=2"), false, NULL}},
    {{PAIRS_TYPE, IN("ab=2&a=1"), false, NULL}},
    {{PAIRS_TYPE, IN("a=b2&a1="), false, NULL}},
    {{PAIRS_TYPE, IN("user=u"), false, NULL}, JSON("{\"user\":\"u\"}")},
    {JSON("{\"query\":\"u\"}")},
    {JSON("{\"conversation_id\":\"u\",\"user\":\"u\"}")},
    {JSON("{\"workflow_id\":\"u\"}")},
    {JSON("{\"query\":\"\"}")},
    {JSON("{}"), JSON("{\"inputs\": { } }"), JSON("{\"conversation_id\":\"\"}"), FORM(END)},
    {JSON("{\"inputs\":{\"a\":1,\"b\":[true,{\"c\":\"x\",\"d\":null}]}}"),
     JSON(" { \"inputs\" : { \"b\" : [ true , { \"d\" : null , \"c\" : \"\\u0078\" } ] , \"a\" : 1 "
          "} } "),
     {PAIRS_TYPE, IN("inputs={\"b\":[true,{\"d\":null,\"c\":\"x\"}],\"a\":1}"), true, NULL},
     {JSON_TYPE, IN("{\"b\":[true,{\"d\":null,\"c\":\"x\"}],\"a\":1}"), false, NULL}},
    {JSON("{\"inputs\":{\"a\":1,\"b\":[{\"c\":\"x\",\"d\":null},true]}}")},
    {JSON("{\"inputs\":{\"a\":1,\"b\":[true,{\"c\":\"x\"},{\"d\":null}]}}")},
    {JSON("{\"inputs\":{\"a\":1,\"b\":[false,{\"c\":\"x\",\"d\":null}]}}")},
    {JSON("{\"inputs\":{\"a\":1.0}}")},
    {JSON("{\"inputs\":{\"a\":1}}")},
    {JSON("{\"inputs\":{\"a\":\"1\"}}")},
    {JSON("{\"inputs\":{\"a\":[]}}")},
    {JSON("{\"inputs\":{\"a\":{}}}")},
    {JSON("{\"inputs\":{\"a\":\"\"}}")},
    {JSON("{\"inputs\":{\"a\":12345678901234567890123}}")},
    {JSON("{\"inputs\":{\"a\":12345678901234567890124}}")},
};

static void test_same(void **state)
{
    unsigned char digests[COUNT_OF(rows)][GW_SHA256_BYTES], other[GW_SHA256_BYTES];
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        take_digest(&rows[i][0], digests[i]);
        for (size_t j = 1; j < 4 && rows[i][j].type != NULL; j++) {
            take_digest(&rows[i][j], other);
            assert_memory_equal(digests[i], other, GW_SHA256_BYTES);
        }
        for (size_t j = 0; j < i; j++)
            assert_memory_not_equal(digests[i], digests[j], GW_SHA256_BYTES);
    }
}

/* Digests are kept in a store: those of this version stay as they are. */
static void test_kept(void **state)
{
    static const struct request request = FORM(FIELD("a", "1") FIELD("user", "u") FILE_PART(
        "f", "x.png", "PNG") FILE_PART("f", "a", "A") END);
    unsigned char digest[GW_SHA256_BYTES];
    char hex[2 * GW_SHA256_BYTES + 1];
    (void)state;
    take_digest(&request, digest);
    for (size_t i = 0; i < GW_SHA256_BYTES; i++)
        (void)snprintf(hex + 2 * i, 3, "%02x", digest[i]);
    assert_string_equal(hex, "395bb385c3797867db501cb232e9edb6572186dbbcc93524ecc64481441b7345");
}

/* What was left half done is forgotten. */
static void test_begun_anew(void **state)
{
    struct gw_sha256 sha = {.state = NULL};
    unsigned char digests[2][GW_SHA256_BYTES];
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        gw_sha256_begin(&sha);
        gw_sha256_add(&sha, "left", i == 0 ? 0 : 4);
        gw_sha256_begin(&sha);
        gw_sha256_text(&sha, DIFY_SLICE("tea"));
        assert_true(gw_sha256_end(&sha, digests[i]));
    }
    gw_sha256_fini(&sha);
    assert_memory_equal(digests[0], digests[1], GW_SHA256_BYTES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_same), cmocka_unit_test(test_kept),
                                       cmocka_unit_test(test_begun_anew)};
    int failed = run_cases("order", cases, COUNT_OF(cases), sizeof cases[0], run_case);
    return failed + cmocka_run_group_tests_name("order-digests", tests, NULL, NULL);
}
