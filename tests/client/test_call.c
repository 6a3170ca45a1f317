/* SPDX-License-Identifier: Apache-2.0
 *
 * test_call.c: calls that are answered once: what is sent again and what is not, uploads that begin
 * anew, the clock of silence, cancelling.
 */
#include "fake.h"

struct heard {
    unsigned answers;
    enum dify_outcome outcome;
    int http_status;
    unsigned attempts;
    struct text code, message;
};

static void on_answer(void *ctx, const struct dify_answer *answer)
{
    struct heard *heard = ctx;
    heard->answers++;
    heard->outcome = answer->outcome;
    heard->http_status = answer->http_status;
    heard->attempts = answer->attempts;
    heard->code.len = heard->message.len = 0;
    text_addf(&heard->code, "%.*s", (int)answer->code.len, answer->code.ptr);
    text_addf(&heard->message, "%.*s", (int)answer->message.len, answer->message.ptr);
}

static void heard_fini(struct heard *heard)
{
    text_fini(&heard->code);
    text_fini(&heard->message);
    memset(heard, 0, sizeof *heard);
}

static void settle(struct fake *fake, const struct heard *heard, enum dify_outcome outcome,
                   unsigned attempts)
{
    assert_int_equal(heard->answers, 0); /* never from within what starts it */
    fake_settle(fake);
    assert_int_equal(heard->answers, 1);
    assert_int_equal(heard->outcome, outcome);
    assert_int_equal(heard->attempts, attempts);
}

#define AT(what, nth, how, n) ((struct fake_fault){FAKE_##what, nth, FAKE_##how, n, NULL, 0})

/* What only reads is sent up to three times. */
static void test_reading(void **state)
{
    static const struct {
        enum fake_how how;
        unsigned nth, attempts;
        enum dify_outcome outcome;
    } cases[] = {
        {FAKE_FINE, 0, 1, DIFY_OUTCOME_SUCCEEDED},
        {FAKE_REFUSED, 1, 2, DIFY_OUTCOME_SUCCEEDED},
        {FAKE_RESET_AFTER, 1, 2, DIFY_OUTCOME_SUCCEEDED},
        {FAKE_REFUSED, 0, 3, DIFY_OUTCOME_CONNECT_FAILED},
        {FAKE_CONNECT_TIMEOUT, 0, 3, DIFY_OUTCOME_CONNECT_TIMEOUT},
        {FAKE_CLOSED_AFTER, 0, 3, DIFY_OUTCOME_CONNECTION_RESET},
        {FAKE_NO_HTTP, 0, 1, DIFY_OUTCOME_INVALID_RESPONSE},
        {FAKE_MUTE, 0, 1, DIFY_OUTCOME_READ_TIMEOUT},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct fake fake;
        struct heard heard = {0};
        fake_init(&fake, "1.14.2", 3);
        if (cases[i].how != FAKE_FINE)
            fake_add_fault(&fake,
                           FAULT(.what = FAKE_INFO, .nth = cases[i].nth, .how = cases[i].how));
        uint64_t begun = fake.now_ms;
        assert_int_equal(dify_app_read(fake.app, DIFY_READ_INFO, on_answer, &heard, NULL), DIFY_OK);
        settle(&fake, &heard, cases[i].outcome, cases[i].attempts);
        assert_int_equal(fake.count[FAKE_INFO], cases[i].attempts);
        if (cases[i].how == FAKE_MUTE)
            assert_int_equal(fake.now_ms, begun + DIFY_SILENCE_TIMEOUT_MS);
        heard_fini(&heard);
        fake_fini(&fake);
    }
}

/* What changes something is not sent again once it may have been sent. */
static void test_changing(void **state)
{
    (void)state;
    for (int was_sent = 0; was_sent < 2; was_sent++) {
        struct fake fake;
        struct heard heard = {0};
        fake_init(&fake, "1.14.2", 3);
        fake_add_fault(&fake, was_sent ? AT(OTHER, 1, RESET_AFTER, 0) : AT(OTHER, 0, REFUSED, 0));
        assert_int_equal(dify_form_submit(fake.app, "token", DIFY_SLICE("{}"), "yes", "ann",
                                          on_answer, &heard, NULL),
                         DIFY_OK);
        settle(&fake, &heard,
               was_sent ? DIFY_OUTCOME_CONNECTION_RESET : DIFY_OUTCOME_CONNECT_FAILED,
               was_sent ? 1 : 3);
        heard_fini(&heard);
        fake_fini(&fake);
    }
}

static void test_refused_words(void **state)
{
    struct fake fake;
    struct heard heard = {0};
    (void)state;
    fake_init(&fake, "1.14.2", 3);
    fake_add_fault(&fake, (struct fake_fault){FAKE_DETAIL, 1, FAKE_REFUSAL, 403,
                                              "{\"code\":\"forbidden\",\"message\":\"No.\"}", 0});
    assert_int_equal(dify_run_detail(fake.app, "an id/with?marks", on_answer, &heard, NULL),
                     DIFY_OK);
    settle(&fake, &heard, DIFY_OUTCOME_REFUSED, 1);
    assert_int_equal(heard.http_status, 403);
    assert_string_equal(heard.code.ptr, "forbidden");
    assert_string_equal(heard.message.ptr, "No.");
    heard_fini(&heard);
    fake_fini(&fake);
}

static void test_nothing_to_ask(void **state)
{
    struct fake fake;
    struct heard heard = {0};
    (void)state;
    fake_init(&fake, "1.14.2", 3);
    assert_int_equal(dify_run_detail(fake.app, "", on_answer, &heard, NULL), DIFY_ERR_ARGUMENT);
    assert_int_equal(dify_run_detail(fake.app, NULL, on_answer, &heard, NULL), DIFY_ERR_ARGUMENT);
    assert_int_equal(dify_stop_task(fake.app, DIFY_KIND_AUTO, "t", "ann", on_answer, &heard, NULL),
                     DIFY_ERR_ARGUMENT);
    assert_int_equal(
        dify_form_submit(fake.app, "t", DIFY_SLICE("{}"), NULL, "ann", on_answer, &heard, NULL),
        DIFY_ERR_ARGUMENT);
    assert_int_equal(dify_upload_file(fake.app, NULL, "ann", on_answer, &heard, NULL),
                     DIFY_ERR_ARGUMENT);
    assert_int_equal(fake.env.under_way, 0);
    assert_int_equal(heard.answers, 0);
    fake_fini(&fake);
}

/* ---- uploads -----------------------------------------------------------------------------------
 */

struct feed {
    size_t at;
};

static long feed(void *ctx, char *bytes, size_t len)
{
    struct feed *from = ctx;
    size_t i = 0;
    for (; i < len && from->at < 300; i++)
        bytes[i] = (char)(from->at++ % 7 + '0');
    return (long)i;
}

static void upload(struct fake_fault fault, enum dify_outcome outcome, unsigned attempts,
                   const char *message)
{
    struct fake fake;
    struct heard heard = {0};
    struct feed from = {0};
    struct dify_file file = DIFY_FILE_INIT;
    fake_init(&fake, "1.14.2", 3);
    if (fault.how != FAKE_FINE)
        fake_add_fault(&fake, fault);
    file.read = feed;
    file.ctx = &from;
    file.length = 300;
    file.name = "tea.txt";
    assert_int_equal(dify_upload_file(fake.app, &file, "ann", on_answer, &heard, NULL), DIFY_OK);
    settle(&fake, &heard, outcome, attempts);
    if (outcome == DIFY_OUTCOME_SUCCEEDED) {
        assert_int_equal(fake.uploaded.len, 300);
        for (size_t i = 0; i < 300; i++)
            assert_int_equal(fake.uploaded.ptr[i], i % 7 + '0');
    }
    if (message != NULL)
        assert_non_null(strstr(heard.message.ptr, message));
    heard_fini(&heard);
    fake_fini(&fake);
}

/* A callback cannot be asked for the same bytes again. */
static void test_uploads(void **state)
{
    (void)state;
    upload(AT(UPLOAD, 1, FINE, 0), DIFY_OUTCOME_SUCCEEDED, 1, NULL);
    upload(AT(UPLOAD, 1, REFUSED, 0), DIFY_OUTCOME_SUCCEEDED, 2, NULL);
    upload(AT(UPLOAD, 1, RESET_BEFORE, 0), DIFY_OUTCOME_CONNECTION_RESET, 1, NULL);
    upload(AT(UPLOAD, 1, STATUS_BEFORE, 413), DIFY_OUTCOME_UPLOAD_FAILED, 1,
           "the server's limit for uploads is below tea.txt (300 bytes)");
}

static void test_missing_file(void **state)
{
    struct fake fake;
    struct heard heard = {0};
    struct dify_file file = DIFY_FILE_INIT;
    (void)state;
    fake_init(&fake, "1.14.2", 3);
    file.path = "no such folder/tea.png";
    assert_int_equal(dify_upload_file(fake.app, &file, "ann", on_answer, &heard, NULL), DIFY_OK);
    settle(&fake, &heard, DIFY_OUTCOME_UPLOAD_FAILED, 0);
    assert_int_equal(fake.count[FAKE_UPLOAD], 0);
    assert_string_equal(heard.message.ptr,
                        "cannot open no such folder/tea.png: No such file or directory");
    heard_fini(&heard);
    fake_fini(&fake);
}

/* ---- cancelling ---------------------------------------------------------------------------------
 */

static void test_cancelled(void **state)
{
    (void)state;
    for (uint64_t ms = 0; ms < 12; ms++) { /* before it is sent, under way, between two tries */
        struct fake fake;
        struct heard heard = {0};
        struct dify_call *call = NULL;
        fake_init(&fake, "1.14.2", 3);
        fake_add_fault(&fake, AT(INFO, 0, RESET_AFTER, 0));
        assert_int_equal(dify_app_read(fake.app, DIFY_READ_INFO, on_answer, &heard, &call),
                         DIFY_OK);
        fake_pass(&fake, ms);
        dify_call_cancel(call);
        assert_int_equal(fake.env.under_way, 0);
        assert_int_equal(heard.answers, 0);
        fake_fini(&fake);
    }
}

/* A stream's first byte is all that is wanted. */
static void test_probe(void **state)
{
    struct fake fake;
    struct heard heard = {0};
    struct dify_order order = {.size = sizeof order, .user = "ann"};
    struct dify_follow *follow = NULL;
    (void)state;
    fake_init(&fake, "1.14.2", 3);
    fake.parameters = "{}";
    struct fake_run *run = fake_plan_small(&fake);
    assert_int_equal(dify_follow_new(fake.app, &order, NULL, &follow), DIFY_OK);
    dify_follow_start(follow);
    fake_pass(&fake, 500);
    dify_follow_free(follow);
    assert_int_equal(dify_probe_stream(fake.app, run->id, "ann", on_answer, &heard, NULL), DIFY_OK);
    settle(&fake, &heard, DIFY_OUTCOME_SUCCEEDED, 1);
    assert_null(fake.exchanges);
    heard_fini(&heard);
    assert_int_equal(dify_probe_stream(fake.app, run->id, "bob", on_answer, &heard, NULL), DIFY_OK);
    settle(&fake, &heard, DIFY_OUTCOME_REFUSED, 1);
    assert_int_equal(heard.http_status, 404);
    heard_fini(&heard);
    fake_fini(&fake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reading),       cmocka_unit_test(test_changing),
        cmocka_unit_test(test_refused_words), cmocka_unit_test(test_nothing_to_ask),
        cmocka_unit_test(test_uploads),       cmocka_unit_test(test_missing_file),
        cmocka_unit_test(test_cancelled),     cmocka_unit_test(test_probe),
    };
    return cmocka_run_group_tests_name("call", tests, NULL, NULL);
}
