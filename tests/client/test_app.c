/* SPDX-License-Identifier: Apache-2.0
 *
 * test_app.c: an app's address and key, its release, and what it says of itself.
 */
#include "fake.h"

struct address {
    const char *url, *key;
    const char *host;  /* NULL: refused */
    const char *error; /* part of it */
};

static const struct address addresses[] = {
    {"https://api.dify.ai/v1", "app-1", "api.dify.ai", NULL},
    {"http://localhost:5001/v1///", "app-1", "localhost:5001", NULL},
    {"http://[::1]:80", "app-1", "[::1]:80", NULL},
    {"https://ann:tea@h.example/v1", "app-1", "h.example", NULL},
    {"https://a@b@h.example/v1", "app-1", "h.example", NULL},
    {"api.dify.ai/v1", "app-1", NULL, "begins with http"},
    {"ftp://h/v1", "app-1", NULL, "begins with http"},
    {"HTTP://h/v1", "app-1", NULL, "begins with http"},
    {"http://", "app-1", NULL, "begins with http"},
    {"http:///v1", "app-1", NULL, "begins with http"},
    {"http://:80/v1", "app-1", NULL, "begins with http"},
    {"", "app-1", NULL, "begins with http"},
    {NULL, "app-1", NULL, "begins with http"},
    {"http://h/v1?x=1", "app-1", NULL, "blank or another character"},
    {"http://h/v1#x", "app-1", NULL, "blank or another character"},
    {"http://h /v1", "app-1", NULL, "blank or another character"},
    {"http://h/v1\n", "app-1", NULL, "blank or another character"},
    {"http://h/v1", "", NULL, "key is empty"},
    {"http://h/v1", NULL, NULL, "key is empty"},
    {"http://h/v1", "app 1", NULL, "key holds"},
    {"http://h/v1", "app-1\r\nX: y", NULL, "key holds"},
    {"http://h/v1", "app-\xe8\x8c\xb6", NULL, "key holds"},
};

static void test_addresses(void **state)
{
    struct fake fake;
    (void)state;
    fake_init(&fake, "1.14.2", 1);
    for (size_t i = 0; i < COUNT_OF(addresses); i++) {
        const struct address *address = &addresses[i];
        struct dify_app_options options = {
            .size = sizeof options, .base_url = address->url, .api_key = address->key};
        struct dify_app *app = NULL;
        struct dify_error error = {.code = DIFY_OK};
        enum dify_err err = dify__app_new(&fake.env, &options, &app, &error);
        assert_int_equal(err, address->host != NULL ? DIFY_OK : DIFY_ERR_ARGUMENT);
        if (err == DIFY_OK) {
            assert_slice(dify__app_host(app), address->host);
            assert_int_not_equal(app->base_url[strlen(app->base_url) - 1], '/');
            dify_app_free(app);
            continue;
        }
        assert_null(app);
        assert_int_equal(error.code, DIFY_ERR_ARGUMENT);
        assert_non_null(strstr(error.message, address->error));
        assert_int_equal(dify__app_new(&fake.env, &options, &app, NULL), DIFY_ERR_ARGUMENT);
    }
    fake_fini(&fake);
}

/* What a request says of an address that is reached without encryption; nothing of others, nor of
 * what libcurl would write otherwise. */
static void test_what_a_request_names(void **state)
{
    static const struct {
        const char *url, *host, *base;
    } examples[] = {
        {"http://h.example/v1/", "h.example", "/v1"},
        {"http://h.example", "h.example", ""},
        {"http://127.0.0.1:5001/a/b", "127.0.0.1:5001", "/a/b"},
        {"http://h:80/v1", "h", "/v1"},
        {"http://[::1]:8080/v1", "[::1]:8080", "/v1"},
        {"http://h/a/../v1", "h", "/v1"},
        {"https://h/v1", NULL, NULL},
        {"http://ann@h/v1", NULL, NULL},
        {"http://h/%76", NULL, NULL},
        {"http://h\xc3\xa4/v1", NULL, NULL},
    };
    char long_url[600] = "http://h/";
    struct fake fake;
    (void)state;
    fake_init(&fake, "1.14.2", 1);
    memset(long_url + 9, 'a', sizeof long_url - 10);
    for (size_t i = 0; i <= COUNT_OF(examples); i++) {
        struct dify_app_options options = {.size = sizeof options, .api_key = "app-1"};
        struct dify_app *app;
        options.base_url = i < COUNT_OF(examples) ? examples[i].url : long_url;
        assert_int_equal(dify__app_new(&fake.env, &options, &app, NULL), DIFY_OK);
        if (i < COUNT_OF(examples) && examples[i].host != NULL) {
            assert_string_equal(app->http_host, examples[i].host);
            assert_string_equal(app->http_base, examples[i].base);
        } else {
            assert_null(app->http_host);
        }
        dify_app_free(app);
    }
    fake_fini(&fake);
}

static void test_options(void **state)
{
    struct fake fake;
    struct dify_app *app;
    struct dify_error error;
    struct dify_app_options options = {
        .size = sizeof options - 1, .base_url = "http://h", .api_key = "k"};
    (void)state;
    fake_init(&fake, "1.14.2", 1);
    assert_int_equal(dify__app_new(&fake.env, &options, &app, &error), DIFY_ERR_ARGUMENT);
    assert_int_equal(dify__app_new(&fake.env, NULL, &app, &error), DIFY_ERR_ARGUMENT);
    options.size++;
    options.proxy = "";
    options.run_timeout_ms = 5;
    assert_int_equal(dify__app_new(&fake.env, &options, &app, &error), DIFY_OK);
    assert_string_equal(app->proxy, "");
    assert_null(app->ca_file);
    assert_int_equal(app->connect_timeout_ms, DIFY_CONNECT_TIMEOUT_MS);
    assert_int_equal(app->silence_timeout_ms, DIFY_SILENCE_TIMEOUT_MS);
    assert_int_equal(app->run_timeout_ms, 5);
    dify_app_free(app);
    dify_app_free(NULL);
    fake_fini(&fake);
}

static void test_no_memory(void **state)
{
    struct dify_app_options options = {.size = sizeof options,
                                       .base_url = "http://h/",
                                       .api_key = "k",
                                       .ca_file = "a",
                                       .client_cert = "b",
                                       .client_key = "c",
                                       .proxy = "d"};
    (void)state;
    for (uint64_t n = 1;; n++) {
        struct fake fake;
        struct dify_app *app = NULL;
        fake_init(&fake, "1.14.2", 1);
        fake.meter.fail_at = fake.meter.calls + n;
        enum dify_err err = dify__app_new(&fake.env, &options, &app, NULL);
        bool is_enough = err == DIFY_OK;
        assert_true(is_enough || err == DIFY_ERR_NOMEM);
        dify_app_free(app);
        fake_fini(&fake);
        if (is_enough)
            return;
        assert_true(n < 20);
    }
}

/* ---- releases ---------------------------------------------------------------------------------
 */

static void tell_release(struct fake *fake, const char *release)
{
    struct dify__head head = {.release = slice_of(release)};
    dify__app_take_head(fake->app, &head);
}

static void test_releases(void **state)
{
    static const struct {
        const char *release;
        bool is_before_1_14;
    } cases[] = {
        {"0.15.3", true}, {"1.2", true},         {"1.13.3", true},         {"1.14.0", false},
        {"1.14", false},  {"1.140.1", false},    {"2.0.0", false},         {"main", false},
        {"1", true},      {"1.14.0-rc1", false}, {"99999999999.1", false}, {"1.9.9", true},
    };
    struct fake fake;
    (void)state;
    fake_init(&fake, "1.14.2", 1);
    assert_string_equal(dify_app_release(fake.app), "");
    assert_false(dify__app_is_before(fake.app, 1, 14)); /* nothing is known */
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        tell_release(&fake, cases[i].release);
        assert_string_equal(dify_app_release(fake.app), cases[i].release);
        assert_int_equal(dify__app_is_before(fake.app, 1, 14), cases[i].is_before_1_14);
    }
    fake_fini(&fake);
}

/* What was learnt of one release is not known of another. */
static void test_another_release(void **state)
{
    struct fake fake;
    (void)state;
    fake_init(&fake, "1.14.2", 1);
    tell_release(&fake, "1.14.2");
    fake.app->has_no_events = true;
    tell_release(&fake, "1.14.2");
    tell_release(&fake, "");
    tell_release(&fake, "a release whose name is much too long to be kept");
    assert_true(fake.app->has_no_events);
    tell_release(&fake, "1.14");
    assert_false(fake.app->has_no_events);
    assert_string_equal(dify_app_release(fake.app), "1.14");
    fake_fini(&fake);
}

/* ---- what it says of itself --------------------------------------------------------------------
 */

static void test_info(void **state)
{
    static const struct {
        const char *json;
        enum dify__mode mode;
    } cases[] = {
        {"{\"mode\":\"workflow\"}", DIFY__MODE_WORKFLOW},
        {"{\"name\":\"x\",\"mode\":\"advanced-chat\"}", DIFY__MODE_CHATFLOW},
        {"{\"mode\":\"chat\"}", DIFY__MODE_CHAT},
        {"{\"mode\":\"agent-chat\"}", DIFY__MODE_AGENT_CHAT},
        {"{\"mode\":\"agent\"}", DIFY__MODE_AGENT},
        {"{\"mode\":\"completion\"}", DIFY__MODE_COMPLETION},
        {"{\"mode\":\"rag-pipeline\"}", DIFY__MODE_UNKNOWN},
        {"{\"mode\":7}", DIFY__MODE_UNKNOWN},
        {"{}", DIFY__MODE_UNKNOWN},
    };
    struct fake fake;
    (void)state;
    fake_init(&fake, "1.14.2", 1);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_int_equal(dify__app_take_info(fake.app, slice_of(cases[i].json)), DIFY_OK);
        assert_int_equal(fake.app->mode, cases[i].mode);
    }
    assert_int_equal(dify__app_take_info(fake.app, slice_of("{\"mode\":\"chat\"}")), DIFY_OK);
    assert_int_equal(dify__app_take_info(fake.app, slice_of("[]")), DIFY_ERR_JSON);
    assert_int_equal(fake.app->mode, DIFY__MODE_CHAT); /* as it was */
    fake_fini(&fake);
}

static void test_parameters(void **state)
{
    struct fake fake;
    size_t count = 7;
    (void)state;
    fake_init(&fake, "1.14.2", 1);
    assert_int_equal(dify__app_take_parameters(fake.app, slice_of(fake.parameters)), DIFY_OK);
    assert_int_equal(fake.app->form_until_ms, fake.now_ms + DIFY__ABOUT_MS);
    const struct dify__form *form = fake.app->form;
    assert_int_equal(dify__app_take_parameters(fake.app, slice_of("{\"user_")), DIFY_ERR_JSON);
    assert_ptr_equal(fake.app->form, form);
    assert_int_equal(dify__app_take_parameters(fake.app, slice_of("{}")), DIFY_OK);
    dify__form_variables(fake.app->form, &count);
    assert_int_equal(count, 0);
    fake_fini(&fake);
}

#define SECRET "app-secret-of-this-test"

/* Blocks with their size in front, which are looked at when they are given back. */
static void *sized_malloc(void *ctx, size_t size)
{
    max_align_t *block = malloc(sizeof *block + size);
    (void)ctx;
    assert_non_null(block);
    memset(block, 0, sizeof *block + size);
    memcpy(block, &size, sizeof size);
    return block + 1;
}

static void sized_free(void *ctx, void *ptr)
{
    bool *has_leaked = ctx;
    max_align_t *block = (max_align_t *)ptr - 1;
    const char *bytes = ptr;
    size_t size, len = sizeof SECRET - 1;
    memcpy(&size, block, sizeof size);
    for (size_t at = 0; at + len <= size; at++)
        *has_leaked |= memcmp(bytes + at, SECRET, len) == 0;
    free(block);
}

static void *sized_realloc(void *ctx, void *ptr, size_t old_size, size_t size)
{
    void *moved = sized_malloc(ctx, size);
    memcpy(moved, ptr, old_size < size ? old_size : size);
    sized_free(ctx, ptr);
    return moved;
}

/* Memory that is given back holds no key and no proxy's password. */
static void test_wiped(void **state)
{
    struct fake fake;
    bool has_leaked = false;
    const struct dify_allocator sized = {&has_leaked, sized_malloc, sized_realloc, sized_free};
    const struct dify_app_options options[] = {
        {.size = sizeof options[0], .base_url = "http://h/v1", .api_key = SECRET},
        {.size = sizeof options[0],
         .base_url = "http://h/v1",
         .api_key = "app-1",
         .proxy = "http://ann:" SECRET "@h:3128"}};
    (void)state;
    fake_init(&fake, "1.14.2", 1);
    const struct dify_allocator *allocator = fake.env.allocator;
    for (size_t i = 0; i < COUNT_OF(options); i++) {
        struct dify_app *app = NULL;
        struct dify_error error;
        fake.env.allocator = &sized;
        assert_int_equal(dify__app_new(&fake.env, &options[i], &app, &error), DIFY_OK);
        dify_app_free(app);
        fake.env.allocator = allocator;
        assert_false(has_leaked);
    }
    fake_fini(&fake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_a_request_names),
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_options),
        cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_releases),
        cmocka_unit_test(test_another_release),
        cmocka_unit_test(test_info),
        cmocka_unit_test(test_parameters),
        cmocka_unit_test(test_wiped),
    };
    return cmocka_run_group_tests_name("app", tests, NULL, NULL);
}
