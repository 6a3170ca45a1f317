/* SPDX-License-Identifier: Apache-2.0
 *
 * test_config_access.c: access tokens and origins of a configuration: each mistake with its line,
 * what is read, and that it reads back when it is written; hashes, and how they are compared.
 */
#include "config_kit.h"

#include "core/slices.h"
#include "gateway/access.h"
#include "gateway/limits.h"

#define DIGITS "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" /* of "abc" */
#define HASH "sha256:" DIGITS
#define OTHER "sha256:5f78c33274e43fa9de5659265c1d917e25c03722dcb0b8d27db8d5feaa813953"
#define ZEROS "000000000000000000000000000000000000000000000000000000000000"
#define APPS APP "  label: {base_url: http://d/v1, api_key_env: KEY}\n"

static void test_mistakes_of_tokens(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        const char *yaml, *lines;
    } cases[] = {
        {APP "tokens: {}\n", "@/gw.yaml:3: tokens is a mapping of names to tokens, one at least\n"},
        {APP "tokens: [x]\n",
         "@/gw.yaml:3: tokens is a mapping of names to tokens, one at least\n"},
        {APP "tokens:\n  x:\n", "@/gw.yaml:4: token 'x' is a mapping of keys to values\n"},
        {APP "tokens:\n  x: {}\n", "@/gw.yaml:4: token 'x' has no hash\n"},
        {APP "tokens:\n  x: {hsah: " HASH "}\n",
         "@/gw.yaml:4: token 'x' has no 'hsah'; did you mean 'hash'?\n"
         "@/gw.yaml:4: token 'x' has no hash\n"},
        {APP "tokens:\n  x y: {hash: " HASH "}\n",
         "@/gw.yaml:4: a token's name is of up to 64 letters, digits, '.', '_' and '-'\n"},
        {APP "tokens:\n  x: {hash: " HASH "}\n  x: {hash: " OTHER "}\n",
         "@/gw.yaml:5: two tokens are named x\n"},
        {APP "tokens:\n  x: {hash: " HASH "}\n  y:\n    hash: " HASH "\n",
         "@/gw.yaml:6: the tokens 'x' and 'y' have one hash\n"},
        /* what may be a token is not shown */
        {APP "tokens:\n  x: {hash: " SECRET "}\n",
         "@/gw.yaml:4: the hash of token 'x' is sha256: and 64 hexadecimal digits, as difystream "
         "token prints it\n"},
        {APP "tokens:\n  x: {hash: " DIGITS "}\n  y: {hash: " HASH "0}\n  z: {hash: 'SHA256:" DIGITS
             "'}\n  g: {hash: sha256:g" DIGITS "}\n",
         "@/gw.yaml:4: the hash of token 'x' is sha256: and 64 hexadecimal digits, as difystream "
         "token prints it\n"
         "@/gw.yaml:5: the hash of token 'y' is sha256: and 64 hexadecimal digits, as difystream "
         "token prints it\n"
         "@/gw.yaml:6: the hash of token 'z' is sha256: and 64 hexadecimal digits, as difystream "
         "token prints it\n"
         "@/gw.yaml:7: the hash of token 'g' is sha256: and 64 hexadecimal digits, as difystream "
         "token prints it\n"},
        {APPS "tokens:\n  x:\n    hash: " HASH "\n    apps: [lable, a, a]\n",
         "@/gw.yaml:7: apps: there is no app 'lable'; did you mean 'label'?\n"
         "@/gw.yaml:7: token 'x' names app 'a' twice\n"},
        {APP "tokens:\n  x: {hash: " HASH ", apps: a, routes: /v1}\n",
         "@/gw.yaml:4: apps is a list; without it all of them are meant\n"
         "@/gw.yaml:4: routes is a list; without it all of them are meant\n"},
        {APP "tokens:\n  x: {hash: " HASH ", apps: [], routes: []}\n",
         "@/gw.yaml:4: apps is a list; without it all of them are meant\n"
         "@/gw.yaml:4: routes is a list; without it all of them are meant\n"},
        {APP "tokens:\n  x:\n    hash: " HASH
             "\n    routes: [v1, /v1/, /a/../b, '/a b', '', /v1]\n",
         "@/gw.yaml:6: the route 'v1' does not begin with '/'\n"
         "@/gw.yaml:6: the route /v1/ is no plain path: letters, digits and /-._~ without empty "
         "parts\n"
         "@/gw.yaml:6: the route /a/../b is no plain path: letters, digits and /-._~ without "
         "empty parts\n"
         "@/gw.yaml:6: the route /a b is no plain path: letters, digits and /-._~ without empty "
         "parts\n"
         "@/gw.yaml:6: a token's route is empty\n"},
        {"apps:\n  key-0: {base_url: http://d/v1, api_key_env: KEY}\n",
         "@/gw.yaml:2: names that begin with key- are the gateway's own\n"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        assert_refused(fixture, cases[i].yaml, cases[i].lines);
}

static void test_mistakes_of_origins(void **state)
{
    struct fixture *fixture = *state;
    static const char *const wrong[] = {
        "https://app.example/",
        "app.example",
        "https://",
        "https://App.example",
        "HTTPS://a",
        "null",
        "https://app.example:443",
        "http://a:80",
        "https://a/b",
        "https://u@a",
        "https://a, b",
        "https://a:",
        "://a",
        "1http://a",
        "https://*.a",
    };
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        struct text yaml = {NULL, 0, 0};
        text_addf(&yaml, APP "cors: ['%s']\n", wrong[i]);
        assert_int_equal(read_yaml(fixture, text_slice(&yaml), 0600), 1);
        assert_non_null(strstr(fixture->said.ptr, "@/gw.yaml:3: '"));
        assert_non_null(strstr(fixture->said.ptr, "is no origin as browsers send it"));
        text_fini(&yaml);
    }
    assert_refused(fixture, APP "cors: []\n", "@/gw.yaml:3: cors names no origin\n");
    assert_refused(fixture, APP "cors: [http://a, http://a]\n",
                   "@/gw.yaml:3: cors names http://a twice\n");
    assert_int_equal(read_yaml(fixture, slice_of(APP "cors: ['*', http://a]\n"), 0600), 1);
    assert_int_equal(read_yaml(fixture, slice_of(APP "cors: {a: b}\n"), 0600), 1);
}

static void test_what_is_read(void **state)
{
    struct fixture *fixture = *state;
    static const char yaml[] = APPS
        "tokens:\n"
        "  all: {hash: sha256:5F78C33274E43FA9DE5659265C1D917E25C03722DCB0B8D27DB8D5FEAA813953}\n"
        "  some:\n"
        "    hash: " HASH "\n"
        "    apps: [label, a]\n"
        "    routes: [/v1, /api/detect, /]\n"
        "cors: [https://app.example, 'http://localhost:5173', 'capacitor://localhost', "
        "'http://[::1]:8443', 'http://a:8080']\n"
        "listen: 0.0.0.0:0\n"; /* reachable, and safe */
    struct text first = {NULL, 0, 0}, second = {NULL, 0, 0};
    const struct gw_config *config = &fixture->config;
    if (read_yaml(fixture, slice_of(yaml), 0644) != 0)
        fail_msg("%s", fixture->said.ptr);
    for (size_t pass = 0; pass < 2; pass++) {
        assert_int_equal(config->token_count, 2);
        assert_string_equal(config->tokens[0].name, "all");
        assert_int_equal(config->tokens[0].app_count + config->tokens[0].route_count, 0);
        assert_int_equal(config->tokens[0].hash[0], 0x5f);
        assert_int_equal(config->tokens[0].hash[31], 0x53);
        const struct gw_token_config *some = &config->tokens[1];
        assert_int_equal(some->app_count, 2);
        assert_true(dify__slice_is(some->apps[0], "label") && dify__slice_is(some->apps[1], "a"));
        assert_int_equal(some->route_count, 3);
        assert_string_equal(some->routes[0], "/v1");
        assert_string_equal(some->routes[2], "/");
        assert_int_equal(config->origin_count, 5);
        assert_string_equal(config->origins[1], "http://localhost:5173");
        struct text *out = pass == 0 ? &first : &second;
        assert_true(gw_config_write(config, put, out));
        assert_int_equal(read_yaml(fixture, text_slice(out), 0644), 0);
    }
    assert_string_equal(first.ptr, second.ptr);
    text_fini(&first);
    text_fini(&second);
    assert_int_equal(read_yaml(fixture, slice_of(APP "cors: '*'\n"), 0644), 0);
    assert_string_equal(config->origins[0], "*");
    assert_true(gw_config_write(config, put, &first));
    assert_int_equal(read_yaml(fixture, text_slice(&first), 0644), 0);
    assert_string_equal(config->origins[0], "*");
    text_fini(&first);
}

static void test_ceilings(void **state)
{
    struct fixture *fixture = *state;
    fixture->source.store = "none";
    assert_ceiling(fixture, APP "tokens:\n", "  t#: {hash: sha256:" ZEROS "#}", "", GW_TOKENS,
                   "@/gw.yaml:1004: there are more than 1000 tokens\n");
    assert_ceiling(fixture, APP "tokens:\n  t:\n    hash: " HASH "\n    routes:\n", "    - /r#", "",
                   GW_TOKEN_ROUTES, "@/gw.yaml:107: a token has more than 100 routes\n");
    assert_ceiling(fixture, APP "cors:\n", "- http://h#", "", GW_ORIGINS,
                   "@/gw.yaml:104: cors names more than 100 origins\n");
}

static void test_hashes(void **state)
{
    unsigned char hash[GW_SHA256_BYTES], of_text[GW_SHA256_BYTES];
    char digits[GW_SHA256_HEX_BYTES], name[GW_GUEST_NAME_BYTES];
    (void)state;
    assert_true(gw_read_hash(DIFY_SLICE(HASH), hash));
    assert_true(gw_sha256_of(DIFY_SLICE("abc"), of_text));
    assert_true(gw_access_is_same(hash, of_text));
    gw_sha256_hex(hash, sizeof hash, digits);
    assert_string_equal(digits, DIGITS);
    for (size_t bit = 0; bit < 8 * sizeof hash; bit++) {
        of_text[bit / 8] ^= (unsigned char)(1 << bit % 8);
        assert_false(gw_access_is_same(hash, of_text));
        of_text[bit / 8] ^= (unsigned char)(1 << bit % 8);
    }
    assert_true(gw_access_is_same(of_text, hash));
    assert_true(gw_access_guest_name(DIFY_SLICE("abc"), name));
    assert_string_equal(name, "key-ba7816bf8f01cfea414140de5dae2223");
}

static bool sees(const struct gw_access *access, const char *app)
{
    return gw_access_sees(access, dify__slice_or_none(app));
}

static void test_what_is_seen(void **state)
{
    char name[] = "t";
    struct dify_slice names[] = {DIFY_SLICE("a"), DIFY_SLICE("gone")};
    struct gw_token_config token = {.name = name, .apps = names, .app_count = 2};
    struct gw_access access = {.token = NULL};
    (void)state;
    assert_true(sees(&access, "a") && sees(&access, "") && sees(&access, "keys"));
    assert_false(sees(&access, "key-ba78") || sees(&access, NULL));
    memcpy(access.guest, "key-ba78", sizeof "key-ba78");
    assert_true(sees(&access, "a") && sees(&access, "key-ba78"));
    assert_false(sees(&access, "key-ba79") || sees(&access, "key-ba7") || sees(&access, "key-"));
    access = (struct gw_access){.token = &token};
    assert_true(sees(&access, "a") && sees(&access, "gone"));
    assert_false(sees(&access, "b") || sees(&access, "") || sees(&access, NULL));
    assert_false(sees(&access, "key-ba78") || sees(&access, "A"));
    token.app_count = 0;
    assert_true(sees(&access, "a") && sees(&access, "b"));
    assert_false(sees(&access, "key-ba78"));
    assert_string_equal(gw_access_name(&access), "t");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_mistakes_of_tokens, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_mistakes_of_origins, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_is_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_ceilings, set_up, tear_down),
        cmocka_unit_test(test_hashes),
        cmocka_unit_test(test_what_is_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
