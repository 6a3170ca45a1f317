/* SPDX-License-Identifier: Apache-2.0
 *
 * test_words.c: texts that are put together, Dify's refusals, and the sentences for what went
 * wrong.
 */
#include "fake.h"

#include "client/words.h"

static struct dify__buffer buffer_of(struct meter *meter)
{
    return (struct dify__buffer){.allocator = &meter->allocator, .max = SIZE_MAX / 2};
}

static void test_encoded(void **state)
{
    struct meter meter;
    enum dify_err err = DIFY_OK;
    (void)state;
    meter_init(&meter);
    struct dify__buffer text = buffer_of(&meter);
    dify__add_encoded(&text, &err, "aZ09-._~ /?&=+%#\xe8\x8c\xb6\x01");
    assert_int_equal(err, DIFY_OK);
    assert_slice(dify__buffer_slice(&text), "aZ09-._~%20%2F%3F%26%3D%2B%25%23%E8%8C%B6%01");
    dify__buffer_fini(&text);
    assert_meter_empty(&meter);
}

static void test_json(void **state)
{
    struct meter meter;
    enum dify_err err = DIFY_OK;
    (void)state;
    meter_init(&meter);
    struct dify__buffer text = buffer_of(&meter);
    dify__add_json(&text, &err, DIFY_SLICE("a\"\\\n"));
    dify__add_json(&text, &err, (struct dify_slice){NULL, 0});
    dify__add_uint(&text, &err, UINT64_MAX);
    dify__add_nul(&text, &err);
    assert_int_equal(err, DIFY_OK);
    assert_string_equal(text.ptr, "\"a\\\"\\\\\\n\"null18446744073709551615");
    assert_int_equal(strlen(text.ptr), text.len);
    dify__buffer_fini(&text);
    assert_meter_empty(&meter);
}

/* An error stays, and nothing is added behind it. */
static void test_error_stays(void **state)
{
    struct meter meter;
    enum dify_err err = DIFY_OK;
    (void)state;
    meter_init(&meter);
    struct dify__buffer text = buffer_of(&meter);
    meter.fail_at = 1;
    dify__add(&text, &err, "one");
    assert_int_equal(err, DIFY_ERR_NOMEM);
    dify__add(&text, &err, "two");
    dify__add_json(&text, &err, DIFY_SLICE("three"));
    dify__add_nul(&text, &err);
    assert_int_equal(err, DIFY_ERR_NOMEM);
    assert_int_equal(text.len, 0);
    assert_meter_empty(&meter);
}

/* ---- refusals ---------------------------------------------------------------------------------
 */

struct refusal_case {
    const char *name;
    const char *body;
    const char *code, *message; /* message NULL: none */
};

static void run_refusal(void **state)
{
    const struct refusal_case *refusal = *state;
    struct meter meter;
    struct dify__refusal read;
    meter_init(&meter);
    bool is_one =
        dify__refusal_read(&read, &meter.allocator, slice_of(refusal->body), "app-secret");
    assert_int_equal(is_one, refusal->message != NULL);
    assert_string_equal(read.code, refusal->code);
    if (is_one)
        assert_slice(dify__buffer_slice(&read.message), refusal->message);
    dify__refusal_fini(&read);
    assert_meter_empty(&meter);
}

static const struct refusal_case refusals[] = {
    {"Dify's", "{\"code\":\"not_found\",\"message\":\"No \\\"run\\\"\",\"status\":404}",
     "not_found", "No \"run\""},
    {"the key", "{\"message\":\"app-secret app-secre Bearer app-secret\"}", "",
     "********** app-secre Bearer **********"},
    {"the key as a code", "{\"code\":\"a-app-secret\",\"message\":\"m\"}", "a-**********", "m"},
    {"no code", "{\"message\":\"Internal Server Error\"}", "", "Internal Server Error"},
    {"no message", "{\"code\":\"unknown\"}", "unknown", NULL},
    {"an empty message", "{\"code\":\"file_too_large\",\"message\":\"\"}", "file_too_large", ""},
    {"other types", "{\"code\":7,\"message\":[\"x\"]}", "", NULL},
    {"a code with a blank", "{\"code\":\"a b\",\"message\":\"m\"}", "", "m"},
    {"a code that is too long",
     "{\"code\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\",\"message\":"
     "\"m\"}",
     "", "m"},
    {"HTML", "<html>", "", NULL},
    {"nothing", "", "", NULL},
};

/* ---- sentences --------------------------------------------------------------------------------
 */

static void assert_status(const struct fake *fake, unsigned flags, int status, bool is_html,
                          const char *wanted)
{
    struct dify__request request = {.flags = flags, .path = "/info?user=secret"};
    struct meter meter;
    enum dify_err err = DIFY_OK;
    meter_init(&meter);
    struct dify__buffer text = buffer_of(&meter);
    dify__say_status(&text, &err, fake->app, &request, status, is_html);
    assert_int_equal(err, DIFY_OK);
    assert_slice(dify__buffer_slice(&text), wanted);
    dify__buffer_fini(&text);
    assert_meter_empty(&meter);
}

static void test_status(void **state)
{
    struct fake fake;
    (void)state;
    fake_init(&fake, "1.14.2", 1);
    assert_status(&fake, 0, 401, false, "dify.example answered 401 Unauthorized to GET /info");
    assert_status(&fake, DIFY__REQUEST_POST, 418, false, "dify.example answered 418 to POST /info");
    assert_status(&fake, 0, 502, true,
                  "dify.example answered 502 Bad Gateway to GET /info with an HTML page, not "
                  "Dify's words");
    assert_status(&fake, 0, 404, true,
                  "dify.example answered 404 Not Found to GET /info with an HTML page, not Dify's "
                  "words; does the base URL end in /v1, and is it that of the API?");
    assert_status(&fake, 0, 407, false,
                  "the proxy before dify.example answered 407 to GET /info; it wants a user and a "
                  "password: http://USER:PASSWORD@HOST:PORT");
    assert_status(&fake, 0, 302, false,
                  "dify.example answered 302 Found to GET /info; redirections are not followed: "
                  "give the address it points to");
    fake_fini(&fake);
}

static void test_failures(void **state)
{
    struct fake fake;
    (void)state;
    fake_init(&fake, "1.14.2", 1);
    for (int i = DIFY__WHOLE; i <= DIFY__NO_MEMORY; i++) {
        struct dify__end end = {.failure = (enum dify__failure)i, .detail = i % 2 ? "why" : ""};
        struct meter meter;
        enum dify_err err = DIFY_OK;
        meter_init(&meter);
        struct dify__buffer text = buffer_of(&meter);
        dify__say_failure(&text, &err, fake.app, &end);
        dify__add_nul(&text, &err);
        assert_non_null(strstr(text.ptr, i % 2 ? "dify.example: why" : "dify.example"));
        dify__buffer_fini(&text);
        assert_meter_empty(&meter);
    }
    fake_fini(&fake);
}

static void test_outcomes(void **state)
{
    (void)state;
    assert_int_equal(dify__outcome_of_status(302), DIFY_OUTCOME_INVALID_RESPONSE);
    assert_int_equal(dify__outcome_of_status(400), DIFY_OUTCOME_REFUSED);
    assert_int_equal(dify__outcome_of_status(499), DIFY_OUTCOME_REFUSED);
    assert_int_equal(dify__outcome_of_status(500), DIFY_OUTCOME_HTTP_ERROR);
    assert_int_equal(dify__outcome_of_failure(DIFY__NO_CONNECTION), DIFY_OUTCOME_CONNECT_FAILED);
    assert_int_equal(dify__outcome_of_failure(DIFY__CONNECT_TIMEOUT), DIFY_OUTCOME_CONNECT_TIMEOUT);
    assert_int_equal(dify__outcome_of_failure(DIFY__RESET), DIFY_OUTCOME_CONNECTION_RESET);
    assert_int_equal(dify__outcome_of_failure(DIFY__CLOSED), DIFY_OUTCOME_CONNECTION_RESET);
    assert_int_equal(dify__outcome_of_failure(DIFY__BAD_SOURCE), DIFY_OUTCOME_UPLOAD_FAILED);
    assert_int_equal(dify__outcome_of_failure(DIFY__BAD_ANSWER), DIFY_OUTCOME_INVALID_RESPONSE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_encoded),     cmocka_unit_test(test_json),
        cmocka_unit_test(test_error_stays), cmocka_unit_test(test_status),
        cmocka_unit_test(test_failures),    cmocka_unit_test(test_outcomes),
    };
    int failed =
        run_cases("refusals", refusals, COUNT_OF(refusals), sizeof refusals[0], run_refusal);
    return failed + cmocka_run_group_tests_name("words", tests, NULL, NULL);
}
