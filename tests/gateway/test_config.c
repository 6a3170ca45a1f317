/* SPDX-License-Identifier: Apache-2.0
 *
 * test_config.c: configurations that are broken, each mistake with its line; those that are not, as
 * they read and as they are written; ceilings; and that a key is never said.
 */
#include "config_kit.h"

#include "conf/text.h"
#include "conf/units.h"
#include "gateway/limits.h"

#include <unistd.h>

#define KEYED "{base_url: http://d/v1, api_key_env: KEY}"

/* ---- mistakes ------------------------------------------------------------------------------ */

static void test_mistakes(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        const char *yaml, *lines;
    } cases[] = {
        {"listen: 127.0.0.1:1\n", "@/gw.yaml:1: there are no apps: a mapping apps names at least "
                                  "one\n"},
        {"apps: {}\n", "@/gw.yaml:1: there are no apps: a mapping apps names at least one\n"},
        {"apps: [a]\n", "@/gw.yaml:1: apps is a mapping of names to apps\n"},
        {"- a\n", "@/gw.yaml:1: a configuration is a mapping of keys to values\n"},
        {"apps: {a: [\n", "@/gw.yaml:2: is no YAML: did not find expected node content\n"},
        {APP "lisen: 127.0.0.1:1\n",
         "@/gw.yaml:3: a configuration has no 'lisen'; did you mean 'listen'?\n"},
        {APP "xyz: 1\n", "@/gw.yaml:3: a configuration has no 'xyz'; it has listen, apps, "
                         "default_app, guests, tokens, cors, "
                         "store, log, drain_timeout, limits, spool\n"},
        {"apps:\n  a:\n    base_ulr: http://d/v1\n    api_key_env: KEY\n",
         "@/gw.yaml:3: app 'a' has no 'base_ulr'; did you mean 'base_url'?\n"
         "@/gw.yaml:2: app 'a' has no base_url\n"},
        {"apps:\n  a:\n    base_url: http://d/v1\n",
         "@/gw.yaml:2: app 'a' has no key: give it api_key_file, api_key_env or api_key\n"},
        {"apps:\n  a:\n", "@/gw.yaml:2: app 'a' is a mapping of keys to values\n"},
        {"apps:\n  a:\n    base_url: d/v1\n    api_key_env: KEY\n",
         "@/gw.yaml:3: the base_url of app 'a' does not begin with https:// or http://\n"},
        {"apps:\n  a:\n    base_url: http://d/v1\n    api_key_env: NONE\n",
         "@/gw.yaml:4: the environment variable NONE is not set\n"},
        {"apps:\n  a:\n    base_url: http://d/v1\n    api_key_env: " SECRET "\n",
         "@/gw.yaml:4: api_key_env is the name of an environment variable\n"},
        {"apps:\n  a:\n    base_url: http://d/v1\n    api_key_file: open\n",
         "@/gw.yaml:4: key file @/open is open to others; chmod 600 @/open\n"},
        {"apps:\n  a:\n    base_url: http://d/v1\n    api_key_file: none\n",
         "@/gw.yaml:4: cannot read key file @/none: No such file or directory\n"},
        {"apps:\n  a:\n    base_url: http://d/v1\n    api_key_file: ${NONE}/a\n"
         "    ca_file: ${KEY}/a\n    client_cert: ${KEY}\n    client_key: ${1}/\nspool: ${/a\n",
         "@/gw.yaml:4: api_key_file: the environment variable NONE is not set\n"
         "@/gw.yaml:5: ca_file: the environment variable KEY holds no absolute path\n"
         "@/gw.yaml:6: client_cert: after ${ the name of an environment variable and }/ are "
         "wanted\n"
         "@/gw.yaml:7: client_key: after ${ the name of an environment variable and }/ are wanted\n"
         "@/gw.yaml:8: spool: after ${ the name of an environment variable and }/ are wanted\n"},
        {"apps:\n  a:\n    base_url: http://d/v1\n    api_key: Bearer " SECRET "\n",
         "@/gw.yaml:4: api_key begins with \"Bearer\"; the key alone should stand there\n"},
        {"apps:\n  a:\n    base_url: http://d/v1\n    api_key_env: KEY\n    api_key: " SECRET "\n",
         "@/gw.yaml:4: app 'a' has more than one of api_key, api_key_env and api_key_file\n"},
        {"apps:\n  a b: " KEYED "\n  a: " KEYED "\n  a: " KEYED "\n",
         "@/gw.yaml:2: an app's name is of up to 64 letters, digits, '.', '_' and '-'\n"
         "@/gw.yaml:4: two apps are named a\n"},
        {APP "default_app: b\n", "@/gw.yaml:3: default_app: there is no app 'b'\n"},
        {APP "guests: some\n", "@/gw.yaml:3: guests is a mapping of keys to values\n"},
        {"guests: {max_runs: 1}\n", "@/gw.yaml:1: guests have no base_url\n"},
        {"guests: none\n", "@/gw.yaml:1: there are no apps: a mapping apps names at least one\n"},
        {"guests:\n  base_url: d\n  api_key_env: KEY\n  routes: {}\n  accept_partial: true\n",
         "@/gw.yaml:3: guests have no api_key_env\n@/gw.yaml:5: guests have no accept_partial\n"
         "@/gw.yaml:4: guests have no routes\n"
         "@/gw.yaml:2: the base_url of guests does not begin with https:// or http://\n"},
        {"apps:\n  label: " KEYED "\ndefault_app: lable\n",
         "@/gw.yaml:3: default_app: there is no app 'lable'; did you mean 'label'?\n"},
        {"apps:\n  a:\n    base_url: http://d/v1\n    api_key_env: KEY\n    streaming: yes\n"
         "    accept_partial: 1\n    max_runs: 0\n    queue: 20001\n    queue_timeout: soon\n"
         "    on_disconnect: stop\n    read_timeout: 0\n    connect_timeout: 12 days\n"
         "    max_time: 1000001\n",
         "@/gw.yaml:12: connect_timeout is a time from 1ms to 1000000s, such as 90s, 12h or 30d\n"
         "@/gw.yaml:11: read_timeout is a time from 1ms to 1000000s, such as 90s, 12h or 30d\n"
         "@/gw.yaml:13: max_time is a time from 0 to 1000000s, such as 90s, 12h or 30d\n"
         "@/gw.yaml:6: accept_partial is true or false\n"
         "@/gw.yaml:5: streaming is true or false\n"
         "@/gw.yaml:7: max_runs is a whole number from 1 to 20000\n"
         "@/gw.yaml:8: queue is a whole number from 0 to 20000\n"
         "@/gw.yaml:9: queue_timeout is a time from 0 to 1000000s, such as 90s, 12h or 30d\n"
         "@/gw.yaml:10: on_disconnect is one of: continue, cancel\n"},
        {"apps:\n  a:\n    base_url: http://d/v1\n    api_key_env: KEY\n    ca_file: none.pem\n"
         "    client_key: open\n    proxy: ''\n",
         "@/gw.yaml:5: cannot read the ca_file @/none.pem: No such file or directory\n"
         "@/gw.yaml:6: client_key is of no use without client_cert\n"
         "@/gw.yaml:7: proxy is empty\n"},
        {"apps:\n  a:\n    base_url: http://d/v1\n    api_key_env: KEY\n    routes:\n"
         "      api/x: {}\n      /api/runs: {}\n      /api/runs/x: {}\n      /v1: {}\n      /: {}\n"
         "      /metrics: {}\n      /assets/x: {}\n      /a//b: {}\n      /a/../b: {}\n      /a?b: "
         "{}\n      /a/: {}\n"
         "      /api/runsx: {}\n",
         "@/gw.yaml:6: the route 'api/x' does not begin with '/'\n"
         "@/gw.yaml:7: the route /api/runs is the gateway's own\n"
         "@/gw.yaml:8: the route /api/runs/x is the gateway's own\n"
         "@/gw.yaml:9: the route /v1 is the gateway's own\n"
         "@/gw.yaml:10: the route / is the gateway's own\n"
         "@/gw.yaml:11: the route /metrics is the gateway's own\n"
         "@/gw.yaml:12: the route /assets/x is the gateway's own\n"
         "@/gw.yaml:13: the route /a//b is no plain path: letters, digits and /-._~ without empty "
         "parts\n"
         "@/gw.yaml:14: the route /a/../b is no plain path: letters, digits and /-._~ without "
         "empty parts\n"
         "@/gw.yaml:15: the route /a?b is no plain path: letters, digits and /-._~ without empty "
         "parts\n"
         "@/gw.yaml:16: the route /a/ is no plain path: letters, digits and /-._~ without empty "
         "parts\n"},
        {"apps:\n  a:\n    base_url: http://d/v1\n    api_key_env: KEY\n    routes:\n"
         "      /x: {}\n  b:\n    base_url: http://d/v1\n    api_key_env: KEY\n    routes:\n"
         "      /y: {}\n      /x: {}\n",
         "@/gw.yaml:12: the route /x of app 'b' is that of app 'a' already, in line 6\n"},
        {"apps:\n  a:\n    base_url: http://d/v1\n    api_key_env: KEY\n    routes:\n"
         "      /x:\n        field: {}\n        keepalive_after: x\n        fields: {a: b, a: c, "
         "d: "
         "''}\n      /y: [1]\n",
         "@/gw.yaml:7: a route has no 'field'; did you mean 'fields'?\n"
         "@/gw.yaml:9: the field 'a' stands here twice\n"
         "@/gw.yaml:9: an input's name is empty\n"
         "@/gw.yaml:8: keepalive_after is a time from 0 to 1000000s, such as 90s, 12h or 30d\n"
         "@/gw.yaml:10: a route is a mapping of keys to values\n"},
        {APP "listen:\n- 127.0.0.1\n- a b:1\n- 127.0.0.1:65536\n- 127.0.0.1:1\n- 127.0.0.1:1\n"
             "- [1]\n- unix:\n- ::1:80\n- '[::1]:80'\n- '[x]:80'\n",
         "@/gw.yaml:4: 127.0.0.1 is no address: HOST:PORT, [IPV6]:PORT or unix:/PATH\n"
         "@/gw.yaml:5: a b:1 is no address: HOST:PORT, [IPV6]:PORT or unix:/PATH\n"
         "@/gw.yaml:6: 127.0.0.1:65536 has no port from 0 to 65535\n"
         "@/gw.yaml:8: 127.0.0.1:1 is named twice\n"
         "@/gw.yaml:9: an address to listen on is a text\n"
         "@/gw.yaml:10: an address to listen on is a text\n"
         "@/gw.yaml:11: ::1:80 is no address: HOST:PORT, [IPV6]:PORT or unix:/PATH\n"
         "@/gw.yaml:13: [x]:80 is no address: HOST:PORT, [IPV6]:PORT or unix:/PATH\n"},
        {APP "listen: 0.0.0.0:8000\n",
         "@/gw.yaml:3: 0.0.0.0:8000 can be reached from other machines, and whoever reaches it may "
         "use every app: configure access tokens (difystream token new), or let a server that "
         "knows its users stand in front and listen on 127.0.0.1, or say --no-auth\n"},
        {APP "listen: []\n", "@/gw.yaml:3: listen names no address\n"},
        {APP "store: {path: '', max_age: 1.5s, max_size: 10XB, size: 1}\n",
         "@/gw.yaml:3: store has no 'size'; it has path, max_age, max_size\n"
         "@/gw.yaml:3: path is empty\n"
         "@/gw.yaml:3: max_age is a time of whole seconds\n"
         "@/gw.yaml:3: max_size is a size from 0 to 1024TiB, such as 500MB or 10GiB\n"},
        {APP "store: nothing\n", "@/gw.yaml:3: store is a mapping of keys to values\n"},
        {APP "log: {level: loud, format: xml}\ndrain_timeout: [1]\n",
         "@/gw.yaml:3: level is one of: error, warning, info, debug\n"
         "@/gw.yaml:3: format is one of: text, json\n"
         "@/gw.yaml:4: drain_timeout is a time from 0 to 1000000s, such as 90s, 12h or 30d\n"},
        {APP "limits:\n  max_body: 0\n  max_file: big\n  spool: -1\n  max_connections: 0\n"
             "  max_followers: 1.5\n",
         "@/gw.yaml:4: max_body is a size from 1 to 1024TiB, such as 500MB or 10GiB\n"
         "@/gw.yaml:5: max_file is a size from 1 to 1024TiB, such as 500MB or 10GiB\n"
         "@/gw.yaml:6: spool is a size from 1 to 1024TiB, such as 500MB or 10GiB\n"
         "@/gw.yaml:7: max_connections is a whole number from 1 to 1000000\n"
         "@/gw.yaml:8: max_followers is a whole number from 0 to 1000000\n"},
        {APP "spool: none\n", "@/gw.yaml:3: cannot use spool @/none: No such file or directory\n"},
        {APP "spool: open\n", "@/gw.yaml:3: cannot use spool @/open: it is no folder\n"},
        {APP "drain_timeout: 1\ndrain_timeout: 2\n",
         "@/gw.yaml:4: a configuration: 'drain_timeout' is given twice\n"},
    };
    kit_write(&fixture->folder, "open", slice_of(SECRET), 0640);
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        assert_refused(fixture, cases[i].yaml, cases[i].lines);
}

static void test_a_file_that_others_may_read_holds_no_key(void **state)
{
    struct fixture *fixture = *state;
    struct dify_slice yaml =
        slice_of("apps:\n  a:\n    base_url: http://d/v1\n    api_key: " SECRET "\n");
    assert_int_equal(read_yaml(fixture, yaml, 0640), 1);
    assert_string_equal(fixture->said.ptr,
                        "@/gw.yaml:4: a file that holds an API key must be nobody else's to read: "
                        "chmod 600 @/gw.yaml, or use api_key_file or api_key_env\n");
    assert_int_equal(read_yaml(fixture, yaml, 0600), 0);
    assert_string_equal(fixture->config.apps[0].api_key, SECRET);
    fixture->source.path = kit_path(&fixture->folder, "none");
    assert_int_equal(read_config(fixture), 1);
    assert_string_equal(fixture->said.ptr, "@/none: No such file or directory\n");
}

static void test_mistakes_of_flags(void **state)
{
    struct fixture *fixture = *state;
    static const char *const listen[] = {"x", "0.0.0.0:1", NULL};
    fixture->source.listen = listen;
    fixture->source.store = "";
    fixture->source.log_level = "loud";
    fixture->source.log_format = "xml";
    fixture->source.drain_timeout = "-1";
    assert_int_equal(read_yaml(fixture, slice_of(APP "listen: 0.0.0.0:8000\n"), 0600), 6);
    assert_string_equal(
        fixture->said.ptr,
        "--listen x is no address: HOST:PORT, [IPV6]:PORT or unix:/PATH\n"
        "--listen 0.0.0.0:1 can be reached from other machines, and whoever reaches it may use "
        "every app: configure access tokens (difystream token new), or let a server that knows its "
        "users stand in front and listen on 127.0.0.1, or say --no-auth\n"
        "--log-level is one of: error, warning, info, debug\n"
        "--log-format is one of: text, json\n"
        "--drain-timeout is a time in seconds from 0 to 1000000, such as 30\n"
        "--store is the path of a database, or none\n");
}

/* ---- the environment ----------------------------------------------------------------------- */

static void test_the_environment_alone(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        const char *variables[12];
        const char *lines;
    } cases[] = {
        {{"HOME", "/h"},
         "no app to serve: set DIFY_BASE_URL and DIFY_API_KEY for one, or name a file that has "
         "several with --config FILE\n"},
        {{"HOME", "/h", "DIFY_API_KEY", SECRET},
         "no address: set DIFY_BASE_URL, for example to https://api.dify.ai/v1\n"},
        {{"HOME", "/h", "DIFY_API_BASE_URL", "ftp://d", "DIFY_API_KEY", SECRET " x"},
         "DIFY_API_BASE_URL does not begin with https:// or http://\n"
         "DIFY_API_KEY has a blank or line end inside its key; one API key such as app-... should "
         "stand there\n"},
        {{"HOME", "/h", "DIFY_API_URL", "http://d", "DIFY_API_KEY", SECRET, "USE_STREAMING",
          "maybe", "DIFY_CONNECT_TIMEOUT", "0", "DIFY_READ_TIMEOUT", "x"},
         "USE_STREAMING is true or false\n"
         "DIFY_CONNECT_TIMEOUT is a time in seconds above 0 to 1000000, such as 2.5\n"
         "DIFY_READ_TIMEOUT is a time in seconds above 0 to 1000000, such as 2.5\n"},
        {{"DIFY_API_URL", "http://d", "DIFY_API_KEY", SECRET},
         "no place for the store: name one with --store PATH, or set HOME; --store none runs "
         "without one\n"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        memcpy(fixture->variables, cases[i].variables, sizeof fixture->variables);
        assert_int_equal(read_config(fixture), count_lines(cases[i].lines));
        assert_string_equal(fixture->said.ptr, cases[i].lines);
    }
    static const char *const good[12] = {
        "HOME",          "/h",    "DIFY_BASE_URL",     "https://d/v1/workflows/run",
        "DIFY_API_KEY",  SECRET,  "DIFY_READ_TIMEOUT", "2.5",
        "USE_STREAMING", "FALSE", "DIFY_API_URL",      "http://other"};
    memcpy(fixture->variables, good, sizeof good);
    assert_int_equal(read_config(fixture), 0);
    const struct gw_config *config = &fixture->config;
    assert_int_equal(config->app_count, 1);
    assert_string_equal(config->apps[0].name, "default");
    assert_string_equal(config->apps[0].base_url, "https://d/v1");
    assert_string_equal(config->apps[0].api_key, SECRET);
    assert_int_equal(config->apps[0].read_timeout_ms, 2500);
    assert_false(config->apps[0].is_streaming);
    assert_int_equal(config->apps[0].route_count, 1);
    assert_string_equal(config->apps[0].routes[0].path, "/api/detect");
    assert_int_equal(config->listener_count, 1);
    assert_string_equal(config->listeners[0].host, "127.0.0.1");
    assert_int_equal(config->listeners[0].port, 8000);
    assert_string_equal(config->store_path, "/h/.local/state/difystream/gateway.db");
}

static void test_where_the_store_lies(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        const char *variables[12];
        const char *flag, *yaml, *path;
    } cases[] = {
        {{"HOME", "/h", "KEY", SECRET}, NULL, "", "/h/.local/state/difystream/gateway.db"},
        {{"HOME", "/h", "XDG_STATE_HOME", "/x", "KEY", SECRET},
         NULL,
         "",
         "/x/difystream/gateway.db"},
        {{"HOME", "/h", "XDG_STATE_HOME", "x", "KEY", SECRET},
         NULL,
         "",
         "/h/.local/state/difystream/gateway.db"},
        {{"XDG_STATE_HOME", "/x", "STATE_DIRECTORY", "/s:/t", "KEY", SECRET},
         NULL,
         "",
         "/s/gateway.db"},
        {{"KEY", SECRET}, "/f", "", "/f"},
        {{"KEY", SECRET}, "/f", "store: none\n", "/f"},
        {{"KEY", SECRET}, "none", "store: {path: /y}\n", NULL},
        {{"KEY", SECRET}, NULL, "store: {path: /y}\n", "/y"},
        {{"KEY", SECRET, "HOME", "/h"}, NULL, "store: {path: ~/y}\n", "/h/y"},
        {{"KEY", SECRET}, NULL, "store: {path: none}\n", NULL},
        {{"KEY", SECRET}, NULL, "store: none\n", NULL},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char yaml[300];
        memcpy(fixture->variables, cases[i].variables, sizeof fixture->variables);
        fixture->source.store = cases[i].flag;
        snprintf(yaml, sizeof yaml, "%s%s", APP, cases[i].yaml);
        if (read_yaml(fixture, slice_of(yaml), 0600) != 0)
            fail_msg("case %zu: %s", i, fixture->said.ptr);
        if (cases[i].path == NULL)
            assert_null(fixture->config.store_path);
        else
            assert_string_equal(fixture->config.store_path, cases[i].path);
    }
}

/* ---- what is read and written -------------------------------------------------------------- */

static void assert_text(const char *a, const char *b)
{
    assert_true((a == NULL) == (b == NULL));
    if (a != NULL)
        assert_string_equal(a, b);
}

static void assert_same_app(const struct gw_app_config *a, const struct gw_app_config *b)
{
    const char *const texts[][2] = {{a->name, b->name},
                                    {a->base_url, b->base_url},
                                    {a->api_key, b->api_key},
                                    {a->key_variable, b->key_variable},
                                    {a->key_file, b->key_file},
                                    {a->ca_file, b->ca_file},
                                    {a->proxy, b->proxy},
                                    {a->client_cert, b->client_cert},
                                    {a->client_key, b->client_key}};
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        assert_text(texts[i][0], texts[i][1]);
    assert_int_equal(a->connect_timeout_ms, b->connect_timeout_ms);
    assert_int_equal(a->read_timeout_ms, b->read_timeout_ms);
    assert_int_equal(a->max_time_ms, b->max_time_ms);
    assert_int_equal(a->is_streaming, b->is_streaming);
    assert_int_equal(a->accept_partial, b->accept_partial);
    assert_int_equal(a->cancels_on_disconnect, b->cancels_on_disconnect);
    assert_int_equal(a->max_runs, b->max_runs);
    assert_int_equal(a->queue, b->queue);
    assert_int_equal(a->queue_timeout_ms, b->queue_timeout_ms);
    assert_int_equal(a->route_count, b->route_count);
    for (size_t i = 0; i < a->route_count; i++) {
        assert_string_equal(a->routes[i].path, b->routes[i].path);
        assert_int_equal(a->routes[i].keepalive_after_ms, b->routes[i].keepalive_after_ms);
        assert_int_equal(a->routes[i].rename_count, b->routes[i].rename_count);
        for (size_t j = 0; j < a->routes[i].rename_count; j++) {
            assert_string_equal(a->routes[i].renames[j].field, b->routes[i].renames[j].field);
            assert_string_equal(a->routes[i].renames[j].input, b->routes[i].renames[j].input);
        }
    }
}

static void assert_same(const struct gw_config *a, const struct gw_config *b)
{
    assert_int_equal(a->listener_count, b->listener_count);
    for (size_t i = 0; i < a->listener_count; i++) {
        assert_text(a->listeners[i].host, b->listeners[i].host);
        assert_text(a->listeners[i].path, b->listeners[i].path);
        assert_int_equal(a->listeners[i].port, b->listeners[i].port);
    }
    assert_int_equal(a->app_count, b->app_count);
    for (size_t i = 0; i < a->app_count; i++)
        assert_same_app(&a->apps[i], &b->apps[i]);
    assert_int_equal(a->default_app, b->default_app);
    assert_text(a->own_guests.base_url, b->own_guests.base_url);
    assert_int_equal(a->own_guests.max_runs, b->own_guests.max_runs);
    assert_int_equal(a->refuses_guests, b->refuses_guests);
    assert_text(a->store_path, b->store_path);
    assert_int_equal(a->store_max_age_s, b->store_max_age_s);
    assert_int_equal(a->store_max_bytes, b->store_max_bytes);
    assert_int_equal(a->log_level, b->log_level);
    assert_int_equal(a->log_is_json, b->log_is_json);
    assert_int_equal(a->drain_timeout_ms, b->drain_timeout_ms);
    assert_int_equal(a->max_body_bytes, b->max_body_bytes);
    assert_int_equal(a->max_file_bytes, b->max_file_bytes);
    assert_int_equal(a->spool_bytes, b->spool_bytes);
    assert_text(a->spool_folder, b->spool_folder);
    assert_int_equal(a->max_connections, b->max_connections);
    assert_int_equal(a->max_followers, b->max_followers);
}

/* Writes what was read into another folder, reads that, and writes it again. */
static void assert_round_trip(struct fixture *fixture)
{
    struct text first = {NULL, 0, 0}, second = {NULL, 0, 0};
    struct gw_config config = fixture->config;
    assert_true(gw_config_write(&config, put, &first));
    assert_null(strstr(first.ptr, SECRET));
    assert_null(strstr(first.ptr, "password0"));
    kit_write(&fixture->folder, "else/where.yaml", text_slice(&first), 0644);
    fixture->config = (struct gw_config){.apps = NULL};
    fixture->source.path = kit_path(&fixture->folder, "else/where.yaml");
    if (read_config(fixture) != 0)
        fail_msg("%s\n%s", first.ptr, fixture->said.ptr);
    assert_same(&config, &fixture->config);
    assert_true(gw_config_write(&fixture->config, put, &second));
    assert_string_equal(first.ptr, second.ptr);
    gw_config_fini(&config);
    text_fini(&first);
    text_fini(&second);
}

/* Who brings a key of his own: as the default app, as it is said, or nobody. */
static void test_guests(void **state)
{
    struct fixture *fixture = *state;
    const struct gw_config *config = &fixture->config;
    static const char *const alone[12] = {
        "HOME", "/h", "DIFY_BASE_URL", "http://d", "DIFY_READ_TIMEOUT", "2.5"};
    assert_int_equal(read_yaml(fixture, slice_of(APP), 0600), 0);
    assert_ptr_equal(config->guests, &config->apps[0]);
    assert_int_equal(read_yaml(fixture, slice_of(APP "guests: none\n"), 0600), 0);
    assert_null(config->guests);
    assert_round_trip(fixture);
    assert_int_equal(read_yaml(fixture, slice_of(APP "guests: {max_runs: 3}\n"), 0600), 0);
    assert_ptr_equal(config->guests, &config->own_guests);
    assert_string_equal(config->guests->base_url, config->apps[0].base_url);
    assert_int_equal(config->guests->max_runs, 3);
    assert_round_trip(fixture);
    assert_int_equal(read_yaml(fixture, slice_of("guests: {base_url: 'http://d'}\n"), 0600), 0);
    assert_int_equal(config->app_count, 0);
    assert_int_equal(config->guests->max_runs, GW_MAX_RUNS);
    assert_round_trip(fixture);
    memcpy(fixture->variables, alone, sizeof alone);
    fixture->source.path = NULL;
    assert_int_equal(read_config(fixture), 0);
    assert_int_equal(config->app_count, 0);
    assert_string_equal(config->guests->base_url, "http://d/v1");
    assert_int_equal(config->guests->read_timeout_ms, 2500);
}

static void test_what_is_written_reads_back(void **state)
{
    struct fixture *fixture = *state;
    static const char yaml[] =
        "listen: [127.0.0.1:8000, 'localhost:0', '[::1]:9', unix:socket, 'unix:/tmp/a b']\n"
        "default_app: b\n"
        "apps:\n"
        "  a:\n"
        "    base_url: http://d:5001/v1/chat-messages\n"
        "    api_key_env: KEY\n"
        "    ca_file: key\n    client_cert: ~/key\n    client_key: ./key\n"
        "    proxy: http://proxy:3128\n"
        "    connect_timeout: 2.5\n    read_timeout: 90\n    max_time: 0\n"
        "    accept_partial: true\n    streaming: false\n    max_runs: 20000\n    queue: 0\n"
        "    queue_timeout: 1500ms\n    on_disconnect: cancel\n"
        "    routes:\n"
        "      /api/detect:\n"
        "        fields: {Foodtype: food_type, 'a: b': \"x\\\"y\\\\\", '- 1': 'null', \"\\u00e9\": "
        "\"\\u2028\\ufeff\\x85\"}\n"
        "        keepalive_after: 0\n"
        "      /other:\n"
        "      '/a!b':\n"
        "  b:\n"
        "    base_url: https://d\n"
        "    api_key_file: key\n"
        "store: {path: runs.db, max_age: 12h, max_size: 500MB}\n"
        "log: {level: debug, format: json}\n"
        "drain_timeout: 0\n"
        "limits: {max_body: 1KiB, max_file: 1048577, spool: 1.5GiB, max_connections: 1000000, "
        "max_followers: 1}\n"
        "spool: .\n";
    kit_write(&fixture->folder, "key", slice_of(SECRET), 0600);
    if (read_yaml(fixture, slice_of(yaml), 0600) != 0)
        fail_msg("%s", fixture->said.ptr);
    const struct gw_config *config = &fixture->config;
    assert_int_equal(config->app_count, 2);
    assert_int_equal(config->default_app, 1);
    assert_string_equal(config->apps[0].base_url, "http://d:5001/v1");
    assert_string_equal(config->apps[1].api_key, SECRET);
    assert_string_equal(config->apps[0].client_cert, kit_path(&fixture->folder, "key"));
    assert_int_equal(config->apps[0].connect_timeout_ms, 2500);
    assert_int_equal(config->apps[0].queue_timeout_ms, 1500);
    assert_int_equal(config->apps[0].read_timeout_ms, 90000);
    assert_int_equal(config->apps[0].max_time_ms, 0);
    assert_int_equal(config->apps[0].max_runs, 20000);
    assert_int_equal(config->apps[0].queue, 0);
    assert_true(config->apps[0].accept_partial && config->apps[0].cancels_on_disconnect);
    assert_false(config->apps[0].is_streaming || config->apps[1].cancels_on_disconnect);
    assert_int_equal(config->log_level, GW_LOG_DEBUG);
    assert_true(config->log_is_json);
    assert_int_equal(config->drain_timeout_ms, 0);
    assert_int_equal(config->max_body_bytes, 1024);
    assert_int_equal(config->max_file_bytes, 1048577);
    assert_int_equal(config->max_connections, 1000000);
    assert_int_equal(config->max_followers, 1);
    assert_string_equal(config->store_path, kit_path(&fixture->folder, "runs.db"));
    assert_int_equal(config->apps[0].route_count, 3);
    assert_int_equal(config->apps[0].routes[0].keepalive_after_ms, 0);
    assert_int_equal(config->apps[0].routes[1].keepalive_after_ms, GW_KEEPALIVE_AFTER_MS);
    assert_string_equal(config->apps[0].routes[0].renames[3].input, "\u2028\uFEFF\xC2\x85");
    assert_int_equal(config->apps[1].route_count, 0);
    assert_int_equal(config->store_max_age_s, 12 * 3600);
    assert_int_equal(config->store_max_bytes, 500000000);
    assert_int_equal(config->spool_bytes, (uint64_t)3 << 29);
    assert_int_equal(config->listener_count, 5);
    assert_round_trip(fixture);
    /* Defaults. */
    if (read_yaml(fixture, slice_of(APP), 0600) != 0)
        fail_msg("%s", fixture->said.ptr);
    assert_int_equal(fixture->config.apps[0].max_runs, GW_MAX_RUNS);
    assert_int_equal(fixture->config.store_max_age_s, GW_STORE_AGE_S);
    assert_round_trip(fixture);
}

/* As systemd hands them over: a file that its owner may only read, in a folder of its own. */
static void test_credentials(void **state)
{
    struct fixture *fixture = *state;
    kit_write(&fixture->folder, "handed/dify", slice_of(SECRET "\n"), 0400);
    char *folder = conf_text_copy(slice_of(kit_path(&fixture->folder, "handed")));
    fixture->variables[4] = "CREDENTIALS_DIRECTORY";
    fixture->variables[5] = folder;
    if (read_yaml(fixture,
                  slice_of("apps:\n  a:\n    base_url: http://d/v1\n"
                           "    api_key_file: ${CREDENTIALS_DIRECTORY}/dify\n"),
                  0644) != 0)
        fail_msg("%s", fixture->said.ptr);
    assert_string_equal(fixture->config.apps[0].api_key, SECRET);
    assert_string_equal(fixture->config.apps[0].key_file,
                        kit_path(&fixture->folder, "handed/dify"));
    assert_round_trip(fixture);
    free(folder);
}

static void test_secrets_are_not_written(void **state)
{
    struct fixture *fixture = *state;
    struct text text = {NULL, 0, 0};
    assert_int_equal(read_yaml(fixture,
                               slice_of("apps:\n  a: {base_url: http://d, api_key: " SECRET
                                        ", proxy: 'http://me:password0@p'}\n"),
                               0600),
                     0);
    assert_string_equal(fixture->config.apps[0].proxy, "http://me:password0@p");
    assert_true(gw_config_write(&fixture->config, put, &text));
    assert_null(strstr(text.ptr, SECRET));
    assert_null(strstr(text.ptr, "password0"));
    assert_non_null(strstr(text.ptr, "    # api_key: stands in the file\n"));
    assert_non_null(strstr(text.ptr, "    # proxy: stands in the file, with a user and"));
    text_fini(&text);
}

static void test_which_app_has_the_default_route(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        const char *yaml;
        size_t first, second;
    } cases[] = {
        {"apps: {a: " KEYED ", b: " KEYED "}\n", 1, 0},
        {"apps: {a: " KEYED ", b: " KEYED "}\ndefault_app: b\n", 0, 1},
        {"apps: {a: {base_url: http://d, api_key_env: KEY, routes: {}}, b: " KEYED "}\n", 0, 0},
        {"apps: {a: " KEYED ", b: {base_url: http://d, api_key_env: KEY, routes: {}}}\n", 1, 0},
        {"apps: {a: " KEYED ", b: {base_url: http://d, api_key_env: KEY, routes: {/x: }}}\n", 0, 1},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        if (read_yaml(fixture, slice_of(cases[i].yaml), 0600) != 0)
            fail_msg("%s", fixture->said.ptr);
        assert_int_equal(fixture->config.apps[0].route_count, cases[i].first);
        assert_int_equal(fixture->config.apps[1].route_count, cases[i].second);
    }
}

static void test_who_can_reach_an_address(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        const char *address;
        bool is_open;
    } cases[] = {
        {"127.0.0.1:1", false},
        {"127.9.9.9:1", false},
        {"localhost:1", false},
        {"[::1]:1", false},
        {"unix:/x", false},
        {"0.0.0.0:1", true},
        {"[::]:1", true},
        {"10.0.0.1:1", true},
        {"128.0.0.1:1", true},
        {"some.host:1", true},
        {"[::ffff:127.0.0.1]:1", true},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const char *const listen[] = {cases[i].address, NULL};
        fixture->source.listen = listen;
        fixture->source.allows_no_auth = false;
        assert_int_equal(read_yaml(fixture, slice_of(APP "listen: 127.0.0.1:7\n"), 0600),
                         cases[i].is_open);
        fixture->source.allows_no_auth = true;
        assert_int_equal(read_yaml(fixture, slice_of(APP "listen: 127.0.0.1:7\n"), 0600), 0);
        assert_int_equal(fixture->config.listener_count, 1);
        assert_int_equal(gw_listener_is_open(&fixture->config.listeners[0]), cases[i].is_open);
    }
}

/* ---- ceilings ------------------------------------------------------------------------------ */

static void test_ceilings(void **state)
{
    struct fixture *fixture = *state;
    static const char app[] = "apps:\n  a:\n    base_url: http://d\n    api_key_env: KEY\n";
    struct text head = {NULL, 0, 0};
    fixture->source.store = "none";
    assert_ceiling(fixture, "apps:\n", "  a#: " KEYED, "", GW_APPS,
                   "@/gw.yaml:1002: there are more than 1000 apps\n");
    assert_ceiling(fixture, APP "listen:\n", "- 127.0.0.1:#", "", GW_LISTENERS,
                   "@/gw.yaml:20: listen names more than 16 addresses\n");
    text_addf(&head, "%s    routes:\n", app);
    assert_ceiling(fixture, head.ptr, "      /r#: {}", "", GW_ROUTES,
                   "@/gw.yaml:106: an app has more than 100 routes\n");
    text_add_chars(&head, "      /r:\n        fields:\n");
    assert_ceiling(fixture, head.ptr, "          f#: x", "", GW_FIELDS,
                   "@/gw.yaml:108: a route renames more than 100 fields\n");
    text_fini(&head);
}

static void test_ceilings_of_texts(void **state)
{
    struct fixture *fixture = *state;
    for (size_t past = 0; past <= 1; past++) {
        struct text yaml = {NULL, 0, 0};
        text_add_chars(&yaml, "apps:\n  ");
        text_add_repeated(&yaml, 'n', CONF_NAME_BYTES + past);
        text_add_chars(&yaml, ":\n    base_url: http://d\n    api_key_env: KEY\n    routes:\n"
                              "      /");
        text_add_repeated(&yaml, 'r', GW_ROUTE_BYTES - 1 + past);
        text_add_chars(&yaml, ":\n        fields: {");
        text_add_repeated(&yaml, 'f', GW_NAME_BYTES + past);
        text_add_chars(&yaml, ": ");
        text_add_repeated(&yaml, 'i', GW_NAME_BYTES + past);
        text_add_chars(&yaml, "}\nlisten: unix:/");
        text_add_repeated(&yaml, 's', 106 + past);
        text_add_chars(&yaml, "\n");
        size_t count = read_yaml(fixture, text_slice(&yaml), 0600);
        text_fini(&yaml);
        assert_int_equal(count, past == 0 ? 0 : 2); /* the app is not read without a name */
    }
    assert_non_null(strstr(fixture->said.ptr, "is too long for a socket"));
}

static void test_mistakes_beyond_counting(void **state)
{
    struct fixture *fixture = *state;
    for (size_t past = 0; past <= 1; past++) {
        struct text yaml = {NULL, 0, 0};
        text_add_chars(&yaml, APP);
        for (size_t i = 0; i < GW_MISTAKES + 2 * past; i++)
            text_addf(&yaml, "x%zu: 1\n", i);
        assert_int_equal(read_yaml(fixture, text_slice(&yaml), 0600), GW_MISTAKES + 2 * past);
        text_fini(&yaml);
        assert_int_equal(count_lines(fixture->said.ptr), GW_MISTAKES + past);
        assert_int_equal(strstr(fixture->said.ptr, "\nand 2 more\n") != NULL, past);
    }
}

/* ---- times and sizes ----------------------------------------------------------------------- */

static void test_units(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool is_time, is_size;
        uint64_t ms, bytes;
        const char *time, *size;
    } cases[] = {
        {"0", true, true, 0, 0, "0", "0"},
        {"90", true, true, 90000, 90, "90s", "90"},
        {"2.5s", true, false, 2500, 0, "2500ms", NULL},
        {"1m", true, false, 60000, 0, "1m", NULL},
        {"36h", true, false, 129600000, 0, "36h", NULL},
        {"30d", true, false, 2592000000, 0, "30d", NULL},
        {"7 ms", true, false, 7, 0, "7ms", NULL},
        {"1.5GiB", false, true, 0, 1610612736, NULL, "1536MiB"},
        {"500MB", false, true, 0, 500000000, NULL, "500000000"},
        {"1048576", true, true, 1048576000, 1048576, "1048576s", "1MiB"},
        {"", false, false, 0, 0, NULL, NULL},
        {"-1", false, false, 0, 0, NULL, NULL},
        {"1.", false, false, 0, 0, NULL, NULL},
        {".5", false, false, 0, 0, NULL, NULL},
        {"1.2345s", false, false, 0, 0, NULL, NULL},
        {"1 ", false, false, 0, 0, NULL, NULL},
        {"1  s", false, false, 0, 0, NULL, NULL},
        {"1x", false, false, 0, 0, NULL, NULL},
        {"99999999999999999999", false, false, 0, 0, NULL, NULL},
        {"18446744073709551615TiB", false, false, 0, 0, NULL, NULL},
        {"1000000000000d", false, false, 0, 0, NULL, NULL},
    };
    char out[CONF_UNIT_BYTES];
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        uint64_t ms = 0, bytes = 0;
        if (conf_duration(slice_of(cases[i].text), &ms) != cases[i].is_time ||
            conf_size(slice_of(cases[i].text), &bytes) != cases[i].is_size)
            fail_msg("'%s'", cases[i].text);
        assert_int_equal(ms, cases[i].ms);
        assert_int_equal(bytes, cases[i].bytes);
        conf_duration_text(ms, out);
        if (cases[i].is_time)
            assert_string_equal(out, cases[i].time);
        conf_size_text(bytes, out);
        if (cases[i].is_size)
            assert_string_equal(out, cases[i].size);
    }
}

static void test_nearest_words(void **state)
{
    (void)state;
    static const char *const words[] = {"listen", "apps", "store", "max_runs", NULL};
    assert_string_equal(conf_nearest(slice_of("lisetn"), words), "listen");
    assert_string_equal(conf_nearest(slice_of("app"), words), "apps");
    assert_string_equal(conf_nearest(slice_of("maxruns"), words), "max_runs");
    assert_string_equal(conf_nearest(slice_of("stoer"), words), "store");
    assert_string_equal(conf_nearest(slice_of("apsp"), words), "apps");
    assert_null(conf_nearest(slice_of("ap"), words));
    assert_null(conf_nearest(slice_of("max_run_in"), words));
    assert_null(conf_nearest(slice_of("apps"), words + 2));
    assert_null(conf_nearest(slice_of("listenlistenlistenlistenlistenlistenlisten"), words));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_mistakes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_file_that_others_may_read_holds_no_key, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_mistakes_of_flags, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_the_environment_alone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_where_the_store_lies, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_guests, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_is_written_reads_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_credentials, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_secrets_are_not_written, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_which_app_has_the_default_route, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_who_can_reach_an_address, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_ceilings, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_ceilings_of_texts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_mistakes_beyond_counting, set_up, tear_down),
        cmocka_unit_test(test_units),
        cmocka_unit_test(test_nearest_words),
    };
    return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
