/* SPDX-License-Identifier: Apache-2.0
 *
 * test_settings.c: where settings come from, what is refused and how, and that no message holds a
 * key.
 */
#include "kit.h"

#include "cli/settings.h"
#include "conf/api_key.h"
#include "conf/base_url.h"
#include "conf/file.h"

#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

const struct cli_command cli_commands[] = {
    {NULL, NULL, 0, NULL, NULL, NULL, NULL, NULL, false},
};

#define NAMES 8

/* What a case gives: "NAME=VALUE" words; %s in a value stands for the test's folder. */
struct given {
    const char *flags[NAMES];     /* of enum cli_connection_option, by name: "app=x" */
    const char *variables[NAMES]; /* HOME is the folder unless it is given */
};

struct fixture {
    struct kit_folder folder;
    char values[2 * NAMES][400];
    const char *flags[CLI_CONNECTION_OPTIONS];
    const char *names[NAMES + 1], *variables[NAMES + 1];
    int key_fd;
    struct cli_settings settings;
    struct conf_error error;
};

static const char *look_up(void *ctx, const char *name)
{
    const struct fixture *fixture = ctx;
    for (size_t i = 0; i <= NAMES; i++)
        if (fixture->names[i] != NULL && strlen(name) == strcspn(fixture->names[i], "=") &&
            memcmp(name, fixture->names[i], strlen(name)) == 0)
            return fixture->variables[i];
    return NULL;
}

/* The value of "NAME=VALUE" with the folder put in. */
static const char *put_folder(struct fixture *fixture, size_t number, const char *word)
{
    const char *value = strchr(word, '=') + 1;
    const char *hole = strstr(value, "%s");
    const char *path = kit_path(&fixture->folder, ".");
    char *out = fixture->values[number];
    if (hole == NULL)
        snprintf(out, sizeof fixture->values[0], "%s", value);
    else
        snprintf(out, sizeof fixture->values[0], "%.*s%.*s%s", (int)(hole - value), value,
                 (int)strlen(path) - 2, path, hole + 2);
    return out;
}

static void give(struct fixture *fixture, const struct given *given)
{
    memset(fixture->flags, 0, sizeof fixture->flags);
    memset(fixture->names, 0, sizeof fixture->names);
    for (size_t i = 0; i < NAMES && given->flags[i] != NULL; i++) {
        size_t number = 0;
        size_t len = strcspn(given->flags[i], "=");
        while (strlen(cli_connection_options[number].name) != len ||
               memcmp(cli_connection_options[number].name, given->flags[i], len) != 0)
            assert_true(++number < CLI_CONNECTION_OPTIONS);
        fixture->flags[number] = put_folder(fixture, i, given->flags[i]);
    }
    for (size_t i = 0; i < NAMES && given->variables[i] != NULL; i++) {
        fixture->names[i] = given->variables[i];
        fixture->variables[i] = put_folder(fixture, NAMES + i, given->variables[i]);
    }
    fixture->names[NAMES] = "HOME=";
    fixture->variables[NAMES] = fixture->folder.path;
}

static bool read_settings(struct fixture *fixture, const struct given *given)
{
    give(fixture, given);
    const struct cli_settings_source source = {
        .flags = fixture->flags, .variable = look_up, .ctx = fixture, .key_fd = fixture->key_fd};
    memset(&fixture->error, 0, sizeof fixture->error);
    return cli_settings_read(&source, &fixture->settings, &fixture->error);
}

static void must_read(struct fixture *fixture, struct given given)
{
    if (!read_settings(fixture, &given))
        fail_msg("%s", fixture->error.text);
}

/* What is said, the folder's name taken out. */
static void assert_refused(struct fixture *fixture, struct given given, const char *what)
{
    char text[sizeof fixture->error.text];
    size_t len = 0;
    assert_false(read_settings(fixture, &given));
    for (const char *at = fixture->error.text; *at != '\0';) {
        size_t skip = strlen(fixture->folder.path);
        if (strncmp(at, fixture->folder.path, skip) == 0) {
            text[len++] = '@';
            at += skip;
        } else {
            text[len++] = *at++;
        }
    }
    text[len] = '\0';
    assert_string_equal(text, what);
    assert_null(strstr(text, "secret"));
    assert_null(strchr(text, '\n'));
    assert_null(fixture->settings.base_url); /* nothing is left to be freed */
    assert_null(fixture->settings.api_key);
}

static void config(struct fixture *fixture, const char *yaml, mode_t mode)
{
    kit_write(&fixture->folder, ".config/difystream/config.yaml", slice_of(yaml), mode);
}

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    if (fixture == NULL)
        return -1;
    fixture->key_fd = -1;
    kit_folder_make(&fixture->folder);
    kit_write(&fixture->folder, "key", slice_of("app-secret-file\n"), 0600);
    kit_write(&fixture->folder, "ca.pem", slice_of("x"), 0644);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    cli_settings_fini(&fixture->settings);
    kit_folder_remove(&fixture->folder);
    free(fixture);
    return 0;
}

/* ---- precedence ---------------------------------------------------------------------------- */

static void test_environment_alone(void **state)
{
    struct fixture *fixture = *state;
    must_read(fixture, (struct given){.variables = {"DIFY_BASE_URL=https://dify.example",
                                                    "DIFY_API_KEY= app-secret\n"}});
    const struct cli_settings *settings = &fixture->settings;
    assert_string_equal(settings->base_url, "https://dify.example/v1");
    assert_string_equal(settings->api_key, "app-secret");
    assert_string_equal(settings->base_url_from, "DIFY_BASE_URL");
    assert_string_equal(settings->api_key_from, "DIFY_API_KEY");
    assert_int_equal(settings->connect_timeout_ms, 30000);
    assert_int_equal(settings->read_timeout_ms, 300000);
    assert_int_equal(settings->max_time_ms, CLI_MAX_TIME_MS);
    assert_true(settings->is_streaming);
    assert_false(settings->accept_partial);
    assert_null(settings->app);
    assert_null(settings->user);
    assert_null(settings->ca_file);
    assert_null(settings->proxy);
}

static void test_names_of_the_address(void **state)
{
    struct fixture *fixture = *state;
    must_read(fixture, (struct given){.variables = {"DIFY_API_URL=http://c/v1/chat-messages",
                                                    "DIFY_API_KEY=k",
                                                    "DIFY_API_BASE_URL=", "DIFY_BASE_URL="}});
    assert_string_equal(fixture->settings.base_url, "http://c/v1");
    cli_settings_fini(&fixture->settings);
    must_read(fixture, (struct given){.variables = {"DIFY_API_URL=http://c/v1", "DIFY_API_KEY=k",
                                                    "DIFY_API_BASE_URL=http://b/v1"}});
    assert_string_equal(fixture->settings.base_url, "http://b/v1");
    cli_settings_fini(&fixture->settings);
    must_read(fixture, (struct given){.variables = {"DIFY_BASE_URL=http://a/v1", "DIFY_API_KEY=k",
                                                    "DIFY_API_BASE_URL=http://b/v1"}});
    assert_string_equal(fixture->settings.base_url, "http://a/v1");
}

#define FULL                                                                                       \
    "apps:\n"                                                                                      \
    "  one: {base_url: https://one.example/v1, api_key: app-secret-one, user: alice,\n"            \
    "        ca_file: ../../ca.pem, client_cert: ~/ca.pem, client_key: ../../ca.pem,\n"            \
    "        proxy: 'http://proxy:3128', connect_timeout: 1.5, read_timeout: 20, max_time: 60,\n"  \
    "        accept_partial: true, streaming: false}\n"                                            \
    "  two:\n"                                                                                     \
    "    base_url: https://two.example/v1/\n"                                                      \
    "    api_key_env: TWO_KEY\n"                                                                   \
    "default_app: one\n"

static void test_the_file_alone(void **state)
{
    struct fixture *fixture = *state;
    const struct cli_settings *settings = &fixture->settings;
    config(fixture, FULL, 0600);
    must_read(fixture, (struct given){.flags = {NULL}});
    assert_string_equal(settings->app, "one");
    assert_string_equal(settings->base_url, "https://one.example/v1");
    assert_string_equal(settings->api_key, "app-secret-one");
    assert_string_equal(settings->user, "alice");
    assert_string_equal(settings->ca_file,
                        kit_path(&fixture->folder, ".config/difystream/../../ca.pem"));
    assert_string_equal(settings->client_cert, kit_path(&fixture->folder, "ca.pem"));
    assert_string_equal(settings->proxy, "http://proxy:3128");
    assert_int_equal(settings->connect_timeout_ms, 1500);
    assert_int_equal(settings->read_timeout_ms, 20000);
    assert_int_equal(settings->max_time_ms, 60000);
    assert_true(settings->accept_partial);
    assert_false(settings->is_streaming);
}

/* Apps that share a key, or all of it, by YAML's own means. */
static void test_aliases(void **state)
{
    static const char *const files[] = {
        "apps:\n"
        "  one: &one {base_url: 'https://h/v1', api_key: app-secret-one}\n"
        "  two: *one\n",
        "apps:\n"
        "  one: {base_url: 'https://other/v1', api_key: &key app-secret-one}\n"
        "  two: {base_url: 'https://h/v1', api_key: *key}\n"};
    struct fixture *fixture = *state;
    for (size_t i = 0; i < COUNT_OF(files); i++) {
        config(fixture, files[i], 0600);
        must_read(fixture, (struct given){.flags = {"app=two"}});
        assert_string_equal(fixture->settings.base_url, "https://h/v1");
        assert_string_equal(fixture->settings.api_key, "app-secret-one");
        cli_settings_fini(&fixture->settings);
    }
}

static void test_environment_over_file(void **state)
{
    struct fixture *fixture = *state;
    config(fixture, FULL, 0600);
    must_read(fixture,
              (struct given){.variables = {"DIFY_BASE_URL=http://env/v1", "DIFY_API_KEY=app-env",
                                           "USE_STREAMING=True", "DIFY_CONNECT_TIMEOUT=3",
                                           "DIFY_READ_TIMEOUT=4"}});
    assert_string_equal(fixture->settings.base_url, "http://env/v1");
    assert_string_equal(fixture->settings.api_key, "app-env");
    assert_string_equal(fixture->settings.user, "alice");
    assert_true(fixture->settings.is_streaming);
    assert_int_equal(fixture->settings.connect_timeout_ms, 3000);
    assert_int_equal(fixture->settings.read_timeout_ms, 4000);
}

static void test_flags_over_all(void **state)
{
    struct fixture *fixture = *state;
    config(fixture, FULL, 0600);
    must_read(fixture,
              (struct given){.flags = {"base-url=http://flag/v1", "api-key-file=%s/key",
                                       "connect-timeout=5", "read-timeout=6", "max-time=0",
                                       "proxy=socks5://p2"},
                             .variables = {"DIFY_BASE_URL=http://env/v1", "DIFY_API_KEY=app-env",
                                           "DIFY_CONNECT_TIMEOUT=3", "DIFY_READ_TIMEOUT=4"}});
    assert_string_equal(fixture->settings.base_url, "http://flag/v1");
    assert_string_equal(fixture->settings.api_key, "app-secret-file");
    assert_string_equal(fixture->settings.proxy, "socks5://p2");
    assert_int_equal(fixture->settings.connect_timeout_ms, 5000);
    assert_int_equal(fixture->settings.read_timeout_ms, 6000);
    assert_int_equal(fixture->settings.max_time_ms, 0);
}

/* A key of the environment must not go to a server that was asked for by name. */
static void test_an_app_asked_for_comes_before_the_environment(void **state)
{
    struct fixture *fixture = *state;
    config(fixture, FULL, 0600);
    must_read(fixture,
              (struct given){.flags = {"app=two"},
                             .variables = {"DIFY_BASE_URL=http://env/v1", "DIFY_API_KEY=app-env",
                                           "TWO_KEY=app-two", "DIFY_CONNECT_TIMEOUT=3"}});
    assert_string_equal(fixture->settings.app, "two");
    assert_string_equal(fixture->settings.base_url, "https://two.example/v1");
    assert_string_equal(fixture->settings.api_key, "app-two");
    assert_int_equal(fixture->settings.connect_timeout_ms, 3000); /* the app says none */
    cli_settings_fini(&fixture->settings);
    must_read(fixture, (struct given){.flags = {"app=one"},
                                      .variables = {"DIFY_CONNECT_TIMEOUT=3", "USE_STREAMING=1"}});
    assert_int_equal(fixture->settings.connect_timeout_ms, 1500);
    assert_false(fixture->settings.is_streaming);
}

static void test_where_the_file_is(void **state)
{
    struct fixture *fixture = *state;
    const char *one = "apps: {only: {base_url: 'http://a/v1', api_key_file: key}}";
    kit_write(&fixture->folder, "xdg/difystream/config.yaml", slice_of(one), 0644);
    kit_write(&fixture->folder, "xdg/difystream/key", slice_of("app-xdg"), 0600);
    kit_write(&fixture->folder, "named.yaml", slice_of(one), 0644);
    must_read(fixture, (struct given){.variables = {"XDG_CONFIG_HOME=%s/xdg"}});
    assert_string_equal(fixture->settings.api_key, "app-xdg");
    assert_string_equal(fixture->settings.app, "only"); /* the only one is the default */
    cli_settings_fini(&fixture->settings);
    must_read(fixture, (struct given){.flags = {"config=%s/named.yaml"},
                                      .variables = {"XDG_CONFIG_HOME=%s/xdg"}});
    assert_string_equal(fixture->settings.api_key, "app-secret-file");
    cli_settings_fini(&fixture->settings);
    assert_refused(fixture, (struct given){.variables = {"XDG_CONFIG_HOME=xdg", "DIFY_API_KEY=k"}},
                   "no address: set DIFY_BASE_URL, or use --base-url, for example --base-url "
                   "https://api.dify.ai/v1, or base_url in @/.config/difystream/config.yaml");
    assert_refused(fixture, (struct given){.flags = {"config=%s/none.yaml"}},
                   "@/none.yaml: No such file or directory");
    assert_refused(fixture, (struct given){.flags = {"config=%s"}}, "@: Is a directory");
    assert_refused(fixture, (struct given){.variables = {"HOME="}},
                   "no address: set DIFY_BASE_URL, or use --base-url, for example --base-url "
                   "https://api.dify.ai/v1, or base_url in a file for --config");
    assert_refused(fixture, (struct given){.flags = {"app=x"}, .variables = {"HOME="}},
                   "--app needs a configuration file: name one with --config");
}

/* ---- refusals ------------------------------------------------------------------------------ */

static void test_wrong_files(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        const char *yaml, *what; /* behind the file's name */
        mode_t mode;
    } cases[] = {
        {"apps: [\n", ":2: is no YAML: did not find expected node content", 0600},
        {"", ":1: holds nothing", 0600},
        {"app: x\n", ":1: a configuration has no 'app'; did you mean 'apps'?", 0600},
        {"apps: [a]\n", ":1: apps is a mapping of names to apps", 0600},
        {"apps:\n  a:\n    key: x\n",
         ":3: an app has no 'key'; it has base_url, api_key, api_key_env, api_key_file, user, "
         "ca_file, client_cert, client_key, proxy, connect_timeout, read_timeout, max_time, "
         "accept_partial, streaming",
         0600},
        {"apps:\n  a:\n    base_url: [x]\n", ":3: base_url is a text", 0600},
        {"apps:\n  a:\n    user: ''\n", ":3: user is empty, or holds a NUL", 0600},
        {"apps:\n  a:\n    user: \"x\\0y\"\n", ":3: user is empty, or holds a NUL", 0600},
        {"apps:\n  a:\n    max_time: soon\n",
         ":3: max_time is a time in seconds from 0 to 1000000, such as 2.5", 0600},
        {"apps:\n  a:\n    read_timeout: 0\n", ":3: read_timeout must be more than 0", 0600},
        {"apps:\n  a:\n    streaming: maybe\n", ":3: streaming is true or false", 0600},
        {"apps:\n  a b: {}\n", ":2: an app's name is of up to 64 letters, digits, '.', '_' and '-'",
         0600},
        {"apps:\n  a: {}\n  a: {}\n", ":3: two apps are named a", 0600},
        {"apps:\n  a: {}\n  b: {}\ndefault_app: c\n", ":4: there is no app 'c'; there are a, b",
         0600},
        {"default_app: c\n", ":1: there is no app 'c'; there is none", 0600},
        {"apps:\n  a: {api_key: app-secret, api_key_env: X}\n",
         ":2: an app has one of api_key, api_key_env and api_key_file", 0600},
        {"apps:\n  a:\n    api_key: app-secret\n",
         ":3: a file that holds an API key must be nobody else's to read: chmod 600 "
         "@/.config/difystream/config.yaml, or use api_key_file or api_key_env",
         0640},
        {"apps:\n  a: {}\n  b: {api_key: app-secret}\n",
         ":3: a file that holds an API key must be nobody else's to read: chmod 600 "
         "@/.config/difystream/config.yaml, or use api_key_file or api_key_env",
         0604},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char what[700];
        snprintf(what, sizeof what, "@/.config/difystream/config.yaml%s", cases[i].what);
        config(fixture, cases[i].yaml, cases[i].mode);
        assert_refused(fixture, (struct given){.variables = {"DIFY_BASE_URL=http://a/v1"}}, what);
    }
}

static void test_ceilings_of_the_file(void **state)
{
    struct fixture *fixture = *state;
    for (size_t past = 0; past < 2; past++) {
        struct text yaml = {NULL, 0, 0};
        text_add_chars(&yaml, "apps:\n");
        for (size_t i = 0; i < CLI_APPS_MAX + past; i++)
            text_addf(&yaml, "  a%zu: {}\n", i);
        config(fixture, yaml.ptr, 0600);
        text_fini(&yaml);
        assert_refused(fixture, (struct given){.variables = {"DIFY_BASE_URL=http://a/v1"}},
                       past != 0 ? "@/.config/difystream/config.yaml:1002: has more than 1000 apps"
                                 : "no API key: set DIFY_API_KEY, or use --api-key-file FILE, or "
                                   "api_key_file in @/.config/difystream/config.yaml");
    }
    for (size_t past = 0; past < 2; past++) {
        struct text yaml = {NULL, 0, 0};
        text_add_chars(&yaml, "apps: {}\n#");
        text_add_repeated(&yaml, 'x', CONF_FILE_BYTES + past - yaml.len);
        config(fixture, yaml.ptr, 0600);
        text_fini(&yaml);
        assert_refused(fixture, (struct given){.variables = {"DIFY_BASE_URL=http://a/v1"}},
                       past != 0 ? "@/.config/difystream/config.yaml: has more than 1 MiB"
                                 : "no API key: set DIFY_API_KEY, or use --api-key-file FILE, or "
                                   "api_key_file in @/.config/difystream/config.yaml");
    }
}

static void test_unknown_apps(void **state)
{
    struct fixture *fixture = *state;
    assert_refused(fixture, (struct given){.flags = {"app=x"}},
                   "there is no app 'x': there is no configuration file "
                   "@/.config/difystream/config.yaml");
    config(fixture, FULL, 0600);
    assert_refused(fixture, (struct given){.flags = {"app=x"}},
                   "@/.config/difystream/config.yaml: there is no app 'x'; there are one, two");
}

static void test_keys_that_are_none(void **state)
{
    struct fixture *fixture = *state;
    const char *url = "DIFY_BASE_URL=http://a/v1";
    const struct {
        const char *flag, *variable, *what;
    } cases[] = {
        {NULL, "X=",
         "no API key: set DIFY_API_KEY, or use --api-key-file FILE, or api_key_file in "
         "@/.config/difystream/config.yaml"},
        {NULL, "DIFY_API_KEY=",
         "no API key: DIFY_API_KEY is empty; set it, or use --api-key-file FILE, or api_key_file "
         "in @/.config/difystream/config.yaml"},
        {NULL, "DIFY_API_KEY= \n",
         "DIFY_API_KEY is empty; an API key such as app-... should stand there"},
        {NULL, "DIFY_API_KEY=app-secret\nX: y",
         "DIFY_API_KEY has a blank or line end inside its key; one API key such as app-... should "
         "stand there"},
        {NULL, "DIFY_API_KEY=Bearer app-secret",
         "DIFY_API_KEY begins with \"Bearer\"; the key alone should stand there"},
        {NULL, "DIFY_API_KEY=secr\xC3\xA9t",
         "DIFY_API_KEY holds what no API key does: a control character, or one beyond ASCII"},
        {NULL, "DIFY_API_KEY=secr\x01t",
         "DIFY_API_KEY holds what no API key does: a control character, or one beyond ASCII"},
        {"api-key-file=%s/none", "X=", "cannot read key file @/none: No such file or directory"},
        {"api-key-file=%s", "X=", "cannot read key file @: Is a directory"},
        {"api-key-file=%s/empty",
         "X=", "key file @/empty is empty; an API key such as app-... should stand there"},
        {"api-key-file=%s/two", "X=",
         "key file @/two has a blank or line end inside its key; one API key such as app-... "
         "should stand there"},
        {"api-key-file=%s/open", "X=",
         "key file @/open is open to others; chmod 600 @/open, or hand it over: --api-key-file - "
         "< @/open"},
        {"api-key-file=%s/long",
         "X=", "key file @/long has more than 1024 bytes: that is no API key"},
        {"api-key-file=%s/huge",
         "X=", "key file @/huge has more than 1024 bytes: that is no API key"},
        {"api-key-file=-", "X=", "cannot read standard input: Bad file descriptor"},
    };
    struct text bytes = {NULL, 0, 0};
    kit_write(&fixture->folder, "empty", slice_of("\n\n"), 0600);
    kit_write(&fixture->folder, "two", slice_of("app-secret\napp-secret2\n"), 0600);
    kit_write(&fixture->folder, "open", slice_of("app-secret\n"), 0640);
    text_add_repeated(&bytes, 'k', CONF_KEY_BYTES + 1);
    kit_write(&fixture->folder, "long", text_slice(&bytes), 0600);
    text_add_repeated(&bytes, 'k', 8 * CONF_KEY_BYTES);
    kit_write(&fixture->folder, "huge", text_slice(&bytes), 0600);
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        assert_refused(
            fixture,
            (struct given){.flags = {cases[i].flag}, .variables = {url, cases[i].variable}},
            cases[i].what);
    bytes.len = CONF_KEY_BYTES; /* as long as may be */
    kit_write(&fixture->folder, "long", text_slice(&bytes), 0600);
    must_read(fixture, (struct given){.flags = {"api-key-file=%s/long"}, .variables = {url}});
    assert_int_equal(strlen(fixture->settings.api_key), CONF_KEY_BYTES);
    text_fini(&bytes);
}

static void test_keys_of_the_file_that_are_none(void **state)
{
    struct fixture *fixture = *state;
    config(fixture, FULL, 0600);
    assert_refused(fixture, (struct given){.flags = {"app=two"}},
                   "no API key: @/.config/difystream/config.yaml names the variable TWO_KEY for "
                   "two, which is not set");
    assert_refused(fixture, (struct given){.flags = {"app=two"}, .variables = {"TWO_KEY=a b"}},
                   "TWO_KEY has a blank or line end inside its key; one API key such as app-... "
                   "should stand there");
    config(fixture, "apps: {a: {base_url: 'http://a', api_key: 'secret secret'}}", 0600);
    assert_refused(fixture, (struct given){.flags = {"app=a"}},
                   "@/.config/difystream/config.yaml: the api_key of a has a blank or line end "
                   "inside its key; one API key such as app-... should stand there");
    config(fixture, "apps: {a: {base_url: 'http://a', api_key_file: /none/x}}", 0644);
    assert_refused(fixture, (struct given){.flags = {"app=a"}},
                   "cannot read key file /none/x: No such file or directory");
    config(fixture, "apps: {a: {base_url: 'ftp://secret@a', api_key: x}}", 0600);
    assert_refused(fixture, (struct given){.flags = {"app=a"}},
                   "@/.config/difystream/config.yaml: the base_url of a does not begin with "
                   "https:// or http://");
}

static void test_a_key_from_standard_input(void **state)
{
    struct fixture *fixture = *state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], "app-secret\r\n", 12), 12);
    close(ends[1]);
    fixture->key_fd = ends[0];
    must_read(fixture, (struct given){.flags = {"api-key-file=-"},
                                      .variables = {"DIFY_BASE_URL=http://a/v1"}});
    assert_string_equal(fixture->settings.api_key, "app-secret");
    close(ends[0]);
}

static void test_other_values_that_are_none(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        const char *flag, *variable, *what;
    } cases[] = {
        {"connect-timeout=0", NULL,
         "--connect-timeout is a time in seconds above 0 to 1000000, such as 2.5"},
        {"read-timeout=x", NULL,
         "--read-timeout is a time in seconds above 0 to 1000000, such as 2.5"},
        {"max-time=-1", NULL, "--max-time is a time in seconds from 0 to 1000000, such as 2.5"},
        {NULL, "DIFY_READ_TIMEOUT=0",
         "DIFY_READ_TIMEOUT is a time in seconds above 0 to 1000000, such as 2.5"},
        {NULL, "USE_STREAMING=perhaps", "USE_STREAMING is true or false"},
        {"ca-file=%s/none", NULL, "cannot read the certificates @/none: No such file or directory"},
        {"client-cert=%s/none", NULL,
         "cannot read the client certificate @/none: No such file or directory"},
        {"client-key=%s/ca.pem", NULL, "--client-key is of no use without --client-cert"},
        {"base-url=dify.example", NULL, "--base-url does not begin with https:// or http://"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        assert_refused(fixture,
                       (struct given){.flags = {cases[i].flag},
                                      .variables = {"DIFY_BASE_URL=http://a/v1", "DIFY_API_KEY=k",
                                                    cases[i].variable}},
                       cases[i].what);
    static const struct {
        const char *word;
        bool is_streaming;
    } words[] = {{"USE_STREAMING=false", false}, {"USE_STREAMING=0", false},
                 {"USE_STREAMING=No", false},    {"USE_STREAMING=OFF", false},
                 {"USE_STREAMING=TRUE", true},   {"USE_STREAMING=1", true},
                 {"USE_STREAMING=", true}};
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        must_read(fixture, (struct given){.variables = {"DIFY_BASE_URL=http://a/v1",
                                                        "DIFY_API_KEY=k", words[i].word}});
        assert_int_equal(fixture->settings.is_streaming, words[i].is_streaming);
        cli_settings_fini(&fixture->settings);
    }
}

/* ---- addresses ----------------------------------------------------------------------------- */

static void test_addresses(void **state)
{
    (void)state;
    static const struct {
        const char *address, *base; /* NULL: refused */
    } cases[] = {
        {"https://dify.example", "https://dify.example/v1"},
        {"https://dify.example/", "https://dify.example/v1"},
        {"HTTP://h:5001/v1", "http://h:5001/v1"},
        {"http://h/v1///", "http://h/v1"},
        {"http://h/dify/api/v1/", "http://h/dify/api/v1"},
        {"http://h/v1/workflows/run", "http://h/v1"},
        {"http://h/v1/workflows/run/", "http://h/v1"},
        {"http://h/v1/workflows/0f-1/run", "http://h/v1"},
        {"http://h/v1/workflows/run/0f-1", "http://h/v1"},
        {"http://h/v1/chat-messages", "http://h/v1"},
        {"http://h/v1/completion-messages", "http://h/v1"},
        {"http://h/v1/files/upload", "http://h/v1"},
        {"http://h/v1/parameters", "http://h/v1"},
        {"http://h/workflows/run", "http://h"},
        {"http://h/v1/workflows//run", "http://h/v1/workflows//run"},
        {"http://h/v1/xworkflows/run", "http://h/v1/xworkflows/run"},
        {"http://[::1]:5001/v1", "http://[::1]:5001/v1"},
        {"http://[::1]", "http://[::1]/v1"},
        {"", NULL},
        {"h/v1", NULL},
        {"ftp://h/v1", NULL},
        {"http://", NULL},
        {"http:///v1", NULL},
        {"http://:80/v1", NULL},
        {"http://h:/v1", NULL},
        {"http://h:0/v1", NULL},
        {"http://h:65536/v1", NULL},
        {"http://h:99999999999999999999/v1", NULL},
        {"http://h:8x/v1", NULL},
        {"http://h]/v1", NULL},
        {"http://h%41/v1", NULL},
        {"http://[x]/v1", NULL},
        {"http://[]/v1", NULL},
        {"http://[::1/v1", NULL},
        {"http://[::1]x/v1", NULL},
        {"http://user:secret@h/v1", NULL},
        {"http://h/v1?x=1", NULL},
        {"http://h?x", NULL},
        {"http://h/v1#x", NULL},
        {"http://h/a b", NULL},
        {"http://h/\n", NULL},
        {"http://h/\xC3\xA9", NULL},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const char *why = NULL;
        char *base = conf_base_url(cases[i].address, &why);
        if (cases[i].base == NULL) {
            assert_null(base);
            assert_non_null(why);
        } else {
            assert_non_null(base);
            assert_string_equal(base, cases[i].base);
        }
        free(base);
    }
    for (size_t past = 0; past < 2; past++) {
        const char *why = NULL;
        struct text address = {NULL, 0, 0};
        text_add_chars(&address, "http://h/");
        text_add_repeated(&address, 'a', 2000 + past - address.len);
        char *base = conf_base_url(address.ptr, &why);
        assert_int_equal(base != NULL, past == 0);
        free(base);
        text_fini(&address);
    }
}

/* Whatever bytes are given, it answers, and what it takes it takes again unchanged. */
static void test_random_addresses(void **state)
{
    (void)state;
    static const char *const parts[] = {
        "http://",   "https://",      "h",  "/",    ":", "80", "[", "]", "v1", "run", "@", "?",
        "workflows", "chat-messages", "//", "\x80", " ", "#"};
    uint64_t seed = test_seed();
    for (size_t round = 0; round < 20000; round++) {
        struct text address = {NULL, 0, 0};
        const char *why = NULL;
        text_add_chars(&address, parts[random_below(&seed, 2)]);
        for (size_t i = random_below(&seed, 12); i > 0; i--)
            text_add_chars(&address, parts[random_below(&seed, COUNT_OF(parts))]);
        char *base = conf_base_url(address.ptr, &why);
        assert_true((base != NULL) == (why == NULL));
        if (base != NULL) {
            assert_true(base[strlen(base) - 1] != '/');
            assert_null(strpbrk(base, " ?#"));
        }
        free(base);
        text_fini(&address);
    }
}

/* ---- secrets ------------------------------------------------------------------------------- */

static void test_secrets_are_kept(void **state)
{
    struct fixture *fixture = *state;
    struct rlimit limit;
    cli_protect_secrets();
    assert_int_equal(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0), 0);
    assert_int_equal(getrlimit(RLIMIT_CORE, &limit), 0);
    assert_int_equal(limit.rlim_cur, 0);
    /* A shell hands files over by this way. */
    int ends[2];
    char path[64];
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], "app-piped", 9), 9);
    close(ends[1]);
    snprintf(path, sizeof path, "api-key-file=/dev/fd/%d", ends[0]);
    must_read(fixture, (struct given){.flags = {path}, .variables = {"DIFY_BASE_URL=http://a/v1"}});
    assert_string_equal(fixture->settings.api_key, "app-piped");
    close(ends[0]);
    cli_settings_fini(&fixture->settings);
    assert_null(fixture->settings.api_key);
    cli_settings_fini(&fixture->settings); /* twice does no harm */
    (void)prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
}

static void test_of_the_process(void **state)
{
    struct fixture *fixture = *state;
    struct cli_args args;
    struct kit_errors errors;
    struct text said = {NULL, 0, 0};
    const char *config_path = kit_path(&fixture->folder, "none.yaml");
    memset(&args, 0, sizeof args);
    args.connection[CLI_CONFIG] = config_path;
    kit_errors_begin(&errors);
    bool ok = cli_settings_of("run", &args, &fixture->settings);
    kit_errors_end(&errors, &said);
    assert_false(ok);
    assert_memory_equal(said.ptr, "difystream run: /tmp/", 21);
    assert_non_null(strstr(said.ptr, "none.yaml: No such file or directory\n"));
    text_fini(&said);
    kit_write(&fixture->folder, "none.yaml",
              slice_of("apps: {a: {base_url: 'http://a', api_key_file: key}}"), 0644);
    args.connection[CLI_APP] = "a";
    assert_true(cli_settings_of("run", &args, &fixture->settings));
    assert_string_equal(fixture->settings.api_key, "app-secret-file");
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_environment_alone),
        TEST(test_names_of_the_address),
        TEST(test_the_file_alone),
        TEST(test_aliases),
        TEST(test_environment_over_file),
        TEST(test_flags_over_all),
        TEST(test_an_app_asked_for_comes_before_the_environment),
        TEST(test_where_the_file_is),
        TEST(test_wrong_files),
        TEST(test_ceilings_of_the_file),
        TEST(test_unknown_apps),
        TEST(test_keys_that_are_none),
        TEST(test_keys_of_the_file_that_are_none),
        TEST(test_a_key_from_standard_input),
        TEST(test_other_values_that_are_none),
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_random_addresses),
        TEST(test_secrets_are_kept),
        TEST(test_of_the_process),
    };
    return cmocka_run_group_tests_name("settings", tests, NULL, NULL);
}
