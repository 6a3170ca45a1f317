/* SPDX-License-Identifier: Apache-2.0
 *
 * test_catalogue.c: scenario files: what is read, what a described run comes to, which script a run
 * plays, and what is said about a file that is wrong.
 */
#include "../unit/support.h"

#include "sim/catalogue.h"
#include "conf/yaml.h"

#include <unistd.h>

#define EXAMPLES DIFY_RECORDINGS "/../../examples/sim/"
#define APP_OF(runs) "apps: [{name: a, runs: " runs "}]"
#define ONE_RUN "[{nodes: [start]}]"

static void load_text(struct sim_catalogue *catalogue, const char *yaml)
{
    struct sim_load_error error = {""};
    if (sim_catalogue_load_text(catalogue, "test.yaml", slice_of(yaml), &error) != DIFY_OK)
        fail_msg("%s", error.text);
}

static void load_file(struct sim_catalogue *catalogue, const char *path)
{
    struct sim_load_error error = {""};
    if (sim_catalogue_load(catalogue, path, &error) != DIFY_OK)
        fail_msg("%s", error.text);
}

static const struct sim_app *app_of(const struct sim_catalogue *catalogue, const char *key)
{
    const struct sim_app *app = sim_catalogue_app(catalogue, slice_of(key));
    if (app == NULL)
        fail_msg("no app has the key %s", key);
    return app;
}

static struct sim_bindings bindings_with(const char *inputs)
{
    return (struct sim_bindings){.run = "11111111-1111-4111-8111-111111111111",
                                 .task = "22222222-2222-4222-8222-222222222222",
                                 .conversation = "33333333-3333-4333-8333-333333333333",
                                 .message = "44444444-4444-4444-8444-444444444444",
                                 .token = "abcdefghijklmnopqrstuv",
                                 .uuid_seed = {7, 9},
                                 .start = 1700000000,
                                 .speed = 1,
                                 .inputs = slice_of(inputs),
                                 .user = DIFY_SLICE("u")};
}

/* The script's events as a stream. */
static struct text stream_of_script(const struct sim_script *script, const char *inputs)
{
    struct sim_bindings bindings = bindings_with(inputs);
    struct dify__buffer out = {.allocator = dify__allocator(NULL), .max = SIM_FILE_BYTES};
    struct text stream = {NULL, 0, 0};
    for (size_t i = 0; i < script->step_count; i++) {
        if (script->steps[i].is_ping) {
            text_add_chars(&stream, "event: ping\n\n");
            continue;
        }
        out.len = 0;
        assert_int_equal(sim_template_render(&script->steps[i].text, &bindings, &out), DIFY_OK);
        text_add_chars(&stream, "data: ");
        text_add(&stream, out.ptr, out.len);
        text_add_chars(&stream, "\n\n");
    }
    dify__buffer_fini(&out);
    return stream;
}

static struct dify_run *fold_script(const struct sim_script *script, const char *inputs)
{
    struct text stream = stream_of_script(script, inputs);
    struct dify_run *run = fold(&stream);
    text_fini(&stream);
    return run;
}

/* ---- what is read -------------------------------------------------------------------------- */

static void test_an_app_has_defaults(void **state)
{
    (void)state;
    struct sim_catalogue catalogue, again;
    sim_catalogue_init(&catalogue, NULL);
    sim_catalogue_init(&again, NULL);
    load_text(&catalogue, APP_OF(ONE_RUN));
    load_text(&again, APP_OF(ONE_RUN));
    const struct sim_app *app = app_of(&catalogue, "app-a");
    assert_slice(app->name, "a");
    assert_int_equal(app->mode, SIM_WORKFLOW);
    assert_true(app->is_published);
    assert_int_equal(app->max_active, 0);
    assert_slice(catalogue.release, NULL);
    assert_string_equal(app->id, again.apps[0].id); /* the same whenever it is loaded */
    assert_string_equal(app->workflow_id, again.apps[0].workflow_id);
    assert_string_not_equal(app->id, app->workflow_id);
    assert_slice(app->meta, "{\"tool_icons\":{}}");
    assert_slice(app->info, "{\"name\":\"a\",\"description\":\"\",\"tags\":[],\"mode\":"
                            "\"workflow\",\"author_name\":\"owner\"}");
    assert_null(sim_catalogue_app(&catalogue, slice_of("app-b")));
    sim_catalogue_fini(&again);
    sim_catalogue_fini(&catalogue);
}

static void test_an_app_says_what_it_is_given(void **state)
{
    (void)state;
    struct sim_catalogue catalogue;
    sim_catalogue_init(&catalogue, NULL);
    load_text(&catalogue, "release: 1.16.1\n"
                          "apps:\n"
                          "- name: x.y_z-1\n"
                          "  key: secret\n"
                          "  mode: advanced-chat\n"
                          "  id: 01234567-89ab-cdef-0123-456789abcdef\n"
                          "  workflow_id: 11234567-89ab-cdef-0123-456789abcdef\n"
                          "  published: false\n"
                          "  max_active: 3\n"
                          "  info: {name: \"\xE4\xBD\xA0/\", tags: [1, 1.50, true, ~, \"1\"]}\n"
                          "  inputs:\n"
                          "  - {name: q, required: true, default: hi}\n"
                          "  - {name: f, type: file-list, max_length: 2, file_types: [image]}\n"
                          "  runs: [{nodes: [start]}]\n");
    const struct sim_app *app = app_of(&catalogue, "secret");
    assert_slice(catalogue.release, "1.16.1");
    assert_int_equal(app->mode, SIM_ADVANCED_CHAT);
    assert_string_equal(app->id, "01234567-89ab-cdef-0123-456789abcdef");
    assert_string_equal(app->workflow_id, "11234567-89ab-cdef-0123-456789abcdef");
    assert_false(app->is_published);
    assert_int_equal(app->max_active, 3);
    assert_slice(app->info, "{\"name\":\"\\u4f60\\/\",\"tags\":[1,1.50,true,null,\"1\"]}");
    const char *form = strstr(app->parameters.ptr, "\"user_input_form\":");
    assert_non_null(form);
    static const char expected[] =
        "\"user_input_form\":[{\"text-input\":{\"variable\":\"q\",\"label\":\"q\",\"type\":"
        "\"text-input\",\"required\":true,\"max_length\":256,\"options\":[],\"default\":\"hi\"}},"
        "{\"file-list\":{\"variable\":\"f\",\"label\":\"f\",\"type\":\"file-list\",\"required\":"
        "false,\"max_length\":2,\"options\":[],\"allowed_file_types\":[\"image\"],"
        "\"allowed_file_extensions\":[],\"allowed_file_upload_methods\":[\"local_file\","
        "\"remote_url\"]}}],";
    assert_memory_equal(form, expected, sizeof expected - 1);
    sim_catalogue_fini(&catalogue);
}

static void test_json_is_a_scenario_too(void **state)
{
    (void)state;
    struct sim_catalogue catalogue;
    sim_catalogue_init(&catalogue, NULL);
    load_text(&catalogue, "{\"apps\":[{\"name\":\"j\",\"runs\":[{\"nodes\":[\"start\",{\"type\":"
                          "\"end\",\"outputs\":{\"n\":9007199254740993,\"t\":\"\\u4f60\"}}]}]}]}");
    struct dify_run *run = fold_script(&app_of(&catalogue, "app-j")->scripts[0], "{}");
    assert_result(run, "/data/workflow_outputs", "{'n':9007199254740993,'t':'\xE4\xBD\xA0'}");
    dify_run_free(run);
    sim_catalogue_fini(&catalogue);
}

/* ---- recordings ---------------------------------------------------------------------------- */

static void test_the_recorded_example_plays_as_recorded(void **state)
{
    (void)state;
    struct sim_catalogue catalogue;
    sim_catalogue_init(&catalogue, NULL);
    load_file(&catalogue, EXAMPLES "label-check.yaml");
    const struct sim_app *app = app_of(&catalogue, "app-label-check");
    assert_string_equal(app->workflow_id, "03265db8-2054-44d4-9824-69cbe2c21881");
    const struct sim_script *script = &app->scripts[0];
    assert_int_equal(script->end, SIM_ENDS);
    assert_int_equal(script->step_count, 37);
    assert_int_equal(script->steps[0].at_ms, 35);
    assert_int_equal(script->steps[36].at_ms, 3381);
    assert_slice(script->when_inputs, NULL); /* the only run */
    struct dify_run *run = fold_script(script, "{\"given\":[1]}");
    struct dify_result result;
    dify_run_result(run, &result);
    assert_true(result.success);
    assert_slice(result.workflow_run_id, "11111111-1111-4111-8111-111111111111");
    assert_slice(result.created_at, "1700000000");
    dify_run_free(run);
    sim_catalogue_fini(&catalogue);
}

static void test_a_stream_ends_as_it_did(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum sim_end end;
        size_t steps, pings;
        enum sim_mode mode;
    } cases[] = {
        {"minimal/streaming", SIM_ENDS, 0, 0, SIM_WORKFLOW},
        {"slow-40s/streaming", SIM_ENDS, 13, 4, SIM_WORKFLOW},
        {"errors/missing-input-streaming", SIM_SILENT, 0, 0, SIM_WORKFLOW},
        {"kill-api-worker/streaming", SIM_CUTS, 0, 0, SIM_WORKFLOW},
        {"chat-moderated/input-streaming", SIM_SILENT, 0, 0, SIM_ADVANCED_CHAT},
        {"human-input/approve/streaming", SIM_ENDS, 8, 0, SIM_WORKFLOW},
        {"chat-llm/streaming", SIM_ENDS, 0, 0, SIM_ADVANCED_CHAT},
        {"basic-chat/streaming", SIM_ENDS, 0, 0, SIM_CHAT},
        {"basic-chat/hang-25s-streaming", SIM_ENDS, 16, 2, SIM_CHAT}, /* no server's ping */
        {"basic-chat/fail-streaming", SIM_ENDS, 0, 0, SIM_CHAT},
        {"basic-completion/streaming", SIM_ENDS, 0, 0, SIM_COMPLETION},
        {"agent-chat/streaming", SIM_ENDS, 0, 0, SIM_AGENT_CHAT},
        {"v1.16.1/new-agent/streaming", SIM_ENDS, 6, 0, SIM_AGENT},
        {"v1.12.1/minimal/streaming", SIM_ENDS, 0, 0, SIM_WORKFLOW},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct sim_catalogue catalogue;
        struct text path = {NULL, 0, 0};
        size_t pings = 0;
        text_addf(&path, "%s/%s", DIFY_RECORDINGS, cases[i].name);
        sim_catalogue_init(&catalogue, NULL);
        load_file(&catalogue, path.ptr);
        const struct sim_script *script = &catalogue.apps[0].scripts[0];
        for (size_t step = 0; step < script->step_count; step++)
            pings += script->steps[step].is_ping;
        print_message("%s\n", cases[i].name);
        assert_int_equal(script->end, cases[i].end);
        assert_int_equal(catalogue.apps[0].mode, cases[i].mode);
        if (cases[i].steps != 0)
            assert_int_equal(script->step_count, cases[i].steps);
        assert_int_equal(pings, cases[i].pings);
        text_fini(&path);
        sim_catalogue_fini(&catalogue);
    }
}

static void test_a_form_is_followed_by_what_came_after_it(void **state)
{
    (void)state;
    struct sim_catalogue catalogue;
    sim_catalogue_init(&catalogue, NULL);
    load_text(&catalogue, APP_OF("[{recording: " DIFY_RECORDINGS
                                 "/human-input/approve/streaming, resumed: " DIFY_RECORDINGS
                                 "/human-input/approve/events-resume-snapshot-continue, expired: "
                                 "{recording: " DIFY_RECORDINGS
                                 "/human-input/timeout/events-snapshot-continue}}]"));
    const struct sim_script *script = &catalogue.apps[0].scripts[0];
    assert_int_equal(script->resumed->step_count, 14); /* without the snapshot */
    assert_int_equal(script->resumed->steps[0].at_ms, 0);
    assert_int_equal(script->expired->step_count, 8);

    struct text before = stream_of_script(script, "{}");
    struct text after = stream_of_script(script->resumed, "{}");
    assert_non_null(strstr(after.ptr, "\"reason\":\"resumption\""));
    assert_non_null(strstr(before.ptr, "\"form_token\":\"abcdefghijklmnopqrstuv\""));
    /* the paused node has the same id before and after */
    const char *node = strstr(after.ptr, "node_started\"");
    const char *id = strstr(node, "\"data\":{\"id\":\"") + strlen("\"data\":{\"id\":\"");
    char uuid[37] = "";
    memcpy(uuid, id, 36);
    assert_non_null(strstr(before.ptr, uuid));
    text_add(&before, after.ptr, after.len);
    struct dify_run *run = fold(&before);
    struct dify_result result;
    dify_run_result(run, &result);
    assert_true(result.success);
    dify_run_free(run);
    text_fini(&before);
    text_fini(&after);
    sim_catalogue_fini(&catalogue);
}

/* ---- described runs ------------------------------------------------------------------------ */

static void test_described_runs_come_to_what_they_say(void **state)
{
    (void)state;
    static const struct {
        const char *key, *inputs, *query;
        const char *status, *price;
        uint64_t tokens;
        uint32_t least_ms;
        size_t pings;
    } cases[] = {
        {"app-summary", "{\"topic\":\"x\",\"case\":\"good\"}", NULL, "succeeded", "0.0015", 153,
         3300, 0},
        {"app-summary", "{\"topic\":\"x\",\"case\":\"slow\"}", NULL, "partial-succeeded", "0.0004",
         40, 25000, 2},
        {"app-summary", "{\"topic\":\"x\",\"case\":\"failing\"}", NULL, "failed", "0", 0, 1000, 0},
        {"app-talk", "{}", "hi", "succeeded", "0.0002", 20, 1000, 0},
        {"app-assistant", "{}", "hi", NULL, "0.00001", 12, 1000, 0},
    };
    struct sim_catalogue catalogue;
    sim_catalogue_init(&catalogue, NULL);
    load_file(&catalogue, EXAMPLES "described.yaml");
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const struct dify_slice none = {NULL, 0};
        const struct sim_script *script =
            sim_app_script(app_of(&catalogue, cases[i].key), slice_of(cases[i].inputs),
                           cases[i].query != NULL ? slice_of(cases[i].query) : none);
        struct dify_run *run = fold_script(script, cases[i].inputs);
        struct dify_result result;
        size_t pings = 0;
        dify_run_result(run, &result);
        assert_true(result.has_ended);
        assert_int_equal(result.warning_count, 0);
        assert_int_equal(result.unknown_events, 0);
        if (cases[i].status != NULL)
            assert_slice(result.status, cases[i].status);
        assert_int_equal(result.total_tokens, cases[i].tokens);
        assert_string_equal(result.total_price, cases[i].price);
        for (size_t step = 0; step < script->step_count; step++)
            pings += script->steps[step].is_ping;
        assert_int_equal(pings, cases[i].pings);
        assert_true(script->steps[script->step_count - 1].at_ms >= cases[i].least_ms);
        assert_true(script->steps[script->step_count - 1].at_ms < cases[i].least_ms + 1000);
        dify_run_free(run);
    }
    sim_catalogue_fini(&catalogue);
}

static void test_a_described_run_answers_with_its_inputs(void **state)
{
    (void)state;
    struct sim_catalogue catalogue;
    static const char inputs[] = "{\"topic\":\"a \\\"b\\\"\",\"sys.query\":\"you?\"}";
    sim_catalogue_init(&catalogue, NULL);
    load_file(&catalogue, EXAMPLES "described.yaml");
    struct dify_run *run = fold_script(&app_of(&catalogue, "app-summary")->scripts[2], inputs);
    assert_result(run, "/data/workflow_outputs", "{'text':'About a \\\"b\\\"','sources':3}");
    assert_result(run, "/success", "true");
    dify_run_free(run);
    run = fold_script(&app_of(&catalogue, "app-talk")->scripts[0], inputs);
    assert_result(run, "/data/answer", "'You said: you?'");
    dify_run_free(run);
    run = fold_script(&app_of(&catalogue, "app-assistant")->scripts[0], inputs);
    struct dify_result result;
    dify_run_result(run, &result);
    assert_int_equal(result.outcome, DIFY_OUTCOME_ERROR_EVENT);
    assert_slice(result.answer, "Well, ");
    dify_run_free(run);
    sim_catalogue_fini(&catalogue);
}

/* A text in any number of pieces is the same text; a placeholder is never torn. */
static void test_texts_in_pieces_are_whole(void **state)
{
    (void)state;
    for (unsigned chunks = 0; chunks < 40; chunks++) {
        struct text yaml = {NULL, 0, 0};
        struct sim_catalogue catalogue;
        text_addf(&yaml,
                  "apps: [{name: a, runs: [{nodes: [start, {type: end, chunks: %u, text: \"\xE4\xBD"
                  "\xA0\xF0\x9F\x98\x80{{inputs.q}}{{no}} { {{ }} \\\" end\"}]}]}]",
                  chunks);
        sim_catalogue_init(&catalogue, NULL);
        load_text(&catalogue, yaml.ptr);
        struct text stream = stream_of_script(&catalogue.apps[0].scripts[0], "{\"q\":\"Q\"}");
        struct text whole = {NULL, 0, 0};
        for (const char *at = strstr(stream.ptr, "{\"text\":\""); at != NULL;
             at = strstr(at, "{\"text\":\"")) {
            at += 9;
            if (strncmp(strstr(at, "\","), "\",\"from_variable", 15) != 0)
                continue;
            text_add(&whole, at, (size_t)(strstr(at, "\",\"from_variable") - at));
        }
        if (chunks != 0)
            assert_bytes(text_slice(&whole),
                         slice_of("\xE4\xBD\xA0\xF0\x9F\x98\x80Q{{no}} { {{ }} \\\" end"));
        text_fini(&whole);
        text_fini(&stream);
        text_fini(&yaml);
        sim_catalogue_fini(&catalogue);
    }
}

static void test_a_big_output_has_its_size(void **state)
{
    (void)state;
    struct sim_catalogue catalogue;
    sim_catalogue_init(&catalogue, NULL);
    load_text(&catalogue, APP_OF("[{nodes: [{type: code, size: 2000000}]}]"));
    struct text stream = stream_of_script(&catalogue.apps[0].scripts[0], "{}");
    assert_true(stream.len > 2000000 && stream.len < 2003000);
    text_fini(&stream);
    sim_catalogue_fini(&catalogue);
}

static void test_what_is_stored_may_differ(void **state)
{
    (void)state;
    struct sim_catalogue catalogue;
    struct sim_bindings bindings = bindings_with("{\"q\":\"Q\"}");
    struct dify__buffer out = {.allocator = dify__allocator(NULL), .max = 10000};
    sim_catalogue_init(&catalogue, NULL);
    load_text(&catalogue, "apps: [{name: a, workflow_id: 01234567-89ab-cdef-0123-456789abcdef, "
                          "runs: [{nodes: [start], end: silent, stored: {outputs: {t: "
                          "\"{{inputs.q}}\"}, total_tokens: 5}}]}]");
    assert_int_equal(catalogue.apps[0].scripts[0].end, SIM_SILENT);
    assert_int_equal(sim_template_render(&catalogue.apps[0].scripts[0].stored, &bindings, &out),
                     DIFY_OK);
    assert_bytes(dify__buffer_slice(&out),
                 slice_of("{\"id\":\"11111111-1111-4111-8111-111111111111\",\"workflow_id\":"
                          "\"01234567-89ab-cdef-0123-456789abcdef\",\"status\":\"succeeded\","
                          "\"outputs\":{\"t\":\"Q\"},\"error\":null,\"elapsed_time\":0.0,"
                          "\"total_tokens\":5,\"total_steps\":1,\"created_by\":{\"id\":\"\","
                          "\"user\":\"u\"},\"created_at\":"
                          "1700000000,\"finished_at\":1700000000,\"exceptions_count\":0,"
                          "\"files\":[]}"));
    dify__buffer_fini(&out);
    sim_catalogue_fini(&catalogue);
}

/* ---- which script -------------------------------------------------------------------------- */

static void test_the_first_run_that_fits_is_played(void **state)
{
    (void)state;
    static const struct {
        const char *inputs, *query;
        size_t script;
    } cases[] = {
        {"{\"case\":\"true\"}", NULL, 0},
        {"{\"more\":1,\"case\":\"true\"}", "any", 0},
        {"{\"case\":true}", NULL, 5},
        {"{\"n\":1}", NULL, 1},
        {"{\"n\":1.0}", NULL, 1},
        {"{\"n\":2}", NULL, 5},
        {"{\"o\":{\"b\":[1,null],\"a\":\"x\"}}", NULL, 2},
        {"{\"o\":{\"b\":[1,null],\"a\":\"x\",\"c\":1}}", NULL, 5},
        {"{}", "[[fail]]", 3},
        {"{}", "[[fail]] ", 5},
        {"{\"files\":[{\"transfer_method\":\"local_file\",\"upload_file_id\":\"1\"},"
         "{\"transfer_method\":\"remote_url\",\"url\":\"2\"}]}",
         NULL, 4},
        {"{\"files\":[{\"transfer_method\":\"local_file\"}]}", NULL, 5},
        {"{\"files\":2}", NULL, 4},
        {"not json", NULL, 5},
    };
    struct sim_catalogue catalogue;
    sim_catalogue_init(&catalogue, NULL);
    load_text(&catalogue, APP_OF("[{when: {inputs: {case: \"true\"}}, nodes: [a]},"
                                 "{when: {inputs: {n: 1}}, nodes: [b]},"
                                 "{when: {inputs: {o: {a: x, b: [1, ~]}}}, nodes: [c]},"
                                 "{when: {query: \"[[fail]]\"}, nodes: [d]},"
                                 "{when: {inputs: {files: 2}}, nodes: [e]},"
                                 "{when: {inputs: {never: 1}}, nodes: [f]}]"));
    const struct sim_app *app = &catalogue.apps[0];
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const struct dify_slice none = {NULL, 0};
        const struct sim_script *script =
            sim_app_script(app, slice_of(cases[i].inputs),
                           cases[i].query != NULL ? slice_of(cases[i].query) : none);
        assert_int_equal(script - app->scripts, cases[i].script);
    }
    sim_catalogue_fini(&catalogue);
}

/* Recordings of one app are told apart by what was asked; the ids of files do not count. */
static void test_recordings_answer_what_they_were_asked(void **state)
{
    (void)state;
    struct sim_catalogue catalogue;
    sim_catalogue_init(&catalogue, NULL);
    load_text(&catalogue, APP_OF("[{recording: " DIFY_RECORDINGS "/iter-seq-term/bad-streaming},"
                                 "{recording: " DIFY_RECORDINGS "/label-check/streaming},"
                                 "{recording: " DIFY_RECORDINGS "/iter-seq-term/good-streaming}]"));
    const struct sim_app *app = &catalogue.apps[0];
    const struct dify_slice none = {NULL, 0};
    assert_ptr_equal(
        sim_app_script(app, DIFY_SLICE("{\"items\":\"[\\\"a\\\", \\\"bad\\\", \\\"c\\\"]\"}"),
                       none),
        &app->scripts[0]);
    assert_ptr_equal(sim_app_script(app, DIFY_SLICE("{}"), none), &app->scripts[2]);
    struct text inputs = {NULL, 0, 0};
    text_add_chars(&inputs, app->scripts[1].when_inputs.ptr);
    char *id = strstr(inputs.ptr, "3c74aedb");
    assert_non_null(id);
    id[0] = '4';
    assert_ptr_equal(sim_app_script(app, text_slice(&inputs), none), &app->scripts[1]);
    char *type = strstr(inputs.ptr, "\"image\"");
    type[1] = 'x';
    assert_ptr_equal(sim_app_script(app, text_slice(&inputs), none), &app->scripts[2]);
    text_fini(&inputs);
    /* all have the app's ids, which are those of the first */
    assert_string_equal(app->workflow_id, "2f8718b6-4204-4a73-9182-abcff29d7552");
    struct text stream = stream_of_script(&app->scripts[1], "{}");
    assert_null(strstr(stream.ptr, "03265db8-2054-44d4-9824-69cbe2c21881"));
    text_fini(&stream);
    sim_catalogue_fini(&catalogue);
}

/* ---- what is wrong ------------------------------------------------------------------------- */

struct error_case {
    const char *name, *yaml, *error;
};

static const struct error_case error_cases[] = {
    {"nothing", "", "test.yaml:1: holds nothing"},
    {"no YAML", "apps: [\n", "test.yaml:2: is no YAML: did not find expected node content"},
    {"two documents", "apps: []\n--- \nx: 1\n",
     "test.yaml:3: a second document begins here; one is read"},
    {"a list", "- 1\n", "test.yaml:1: a scenario is a mapping of keys to values"},
    {"an unknown key", "apps: []\nx: 1\n",
     "test.yaml:2: a scenario has no 'x'; it has release, apps"},
    {"a key twice", "release: a\nrelease: b\n",
     "test.yaml:2: a scenario: 'release' is given twice"},
    {"a key that is a list", "[1]: 2\n",
     "test.yaml:1: a scenario: a key is a word, not a list or mapping"},
    {"no apps", "release: 1.14.2\n", "test.yaml:1: a scenario needs apps"},
    {"no list of apps", "apps: x\n", "test.yaml:1: apps is a list of 1 to 1000 apps"},
    {"empty list of apps", "apps: []\n", "test.yaml:1: apps is a list of 1 to 1000 apps"},
    {"no name", "apps:\n- {runs: []}\n", "test.yaml:2: an app needs a name"},
    {"a bad name", "apps:\n- {name: a b, runs: []}\n",
     "test.yaml:2: an app's name has from 1 to 100 of A-Z a-z 0-9 . _ -"},
    {"a bad key", "apps:\n- {name: a, key: \"a b\", runs: []}\n",
     "test.yaml:2: an app's key has from 1 to 200 visible ASCII characters"},
    {"a bad mode", "apps:\n- {name: a, mode: x, runs: []}\n",
     "test.yaml:2: an app's mode is one of: workflow, advanced-chat, chat, agent-chat, completion, "
     "agent"},
    {"a bad id", "apps:\n- {name: a, id: x, runs: []}\n",
     "test.yaml:2: an app's id is a UUID in lower case"},
    {"no boolean", "apps:\n- {name: a, published: yes, runs: []}\n",
     "test.yaml:2: published is true or false"},
    {"no number", "apps:\n- {name: a, max_active: -1, runs: []}\n",
     "test.yaml:2: max_active is a whole number from 0 to 1000000"},
    {"no runs", "apps:\n- {name: a}\n", "test.yaml:2: an app needs a list of runs"},
    {"empty runs", APP_OF("[]"), "test.yaml:1: an app has from 1 to 1000 runs"},
    {"an empty run", APP_OF("[{}]"), "test.yaml:1: a run needs a recording, nodes, or an answer"},
    {"both", APP_OF("[{recording: x, nodes: [a]}]"),
     "test.yaml:1: a run is recorded or described, not both: a recording takes only when, resumed, "
     "expired, stored, end"},
    {"no recording", APP_OF("[{recording: not/there}]"),
     "test.yaml:1: cannot read not/there/response.body: No such file or directory"},
    {"no file", "apps:\n- name: a\n  info: not-there.json\n  runs: " ONE_RUN "\n",
     "test.yaml:3: cannot read not-there.json: No such file or directory"},
    {"a file that is no JSON",
     "apps:\n- name: a\n  info: " DIFY_RECORDINGS "/README.md\n  runs: " ONE_RUN "\n",
     "test.yaml:3: info: " DIFY_RECORDINGS "/README.md holds no JSON object"},
    {"two apps of a name",
     "apps:\n- {name: a, runs: " ONE_RUN "}\n- {name: a, runs: " ONE_RUN "}\n",
     "test.yaml:3: two apps are named a"},
    {"two apps of a key",
     "apps:\n- {name: a, runs: " ONE_RUN "}\n- {name: b, key: app-a, runs: " ONE_RUN "}\n",
     "test.yaml:3: the apps a and b have the same key"},
    {"a node without type", APP_OF("[{nodes: [{id: a}]}]"), "test.yaml:1: a node needs a type"},
    {"a node with an unknown key", "apps:\n- name: a\n  runs:\n  - nodes:\n    - {tipe: llm}\n",
     "test.yaml:5: a node has no 'tipe'; did you mean 'type'?"},
    {"a node with another unknown key", "apps:\n- name: a\n  runs:\n  - nodes:\n    - {kind: llm}\n",
     "test.yaml:5: a node has no 'kind'; it has id, type, title, seconds, text, chunks, tokens, "
     "price, inputs, outputs, error, process_data, retries, over, nodes, size, on_error"},
    {"a time that is none", APP_OF("[{nodes: [{type: a, seconds: -1}]}]"),
     "test.yaml:1: seconds is a time in seconds from 0 to 1000000, such as 2.5"},
    {"a price that is none", APP_OF("[{nodes: [{type: a, price: cheap}]}]"),
     "test.yaml:1: price is a number, such as 0.0012"},
    {"outputs that are a list", APP_OF("[{nodes: [{type: a, outputs: [1]}]}]"),
     "test.yaml:1: outputs is a mapping of names to values"},
    {"an iteration in an iteration",
     APP_OF("[{nodes: [{type: iteration, over: 1, nodes: [{type: iteration, over: 1, nodes: [a]}]"
            "}]}]"),
     "test.yaml:1: an iteration holds no other iteration"},
    {"an iteration over nothing", APP_OF("[{nodes: [{type: iteration, nodes: [a]}]}]"),
     "test.yaml:1: an iteration has 'over' and 'nodes', and no other node has them"},
    {"an answer of a workflow", APP_OF("[{answer: x}]"),
     "test.yaml:1: a run of a workflow or chatflow is described by nodes"},
    {"nodes of a chat", "apps: [{name: a, mode: chat, runs: [{nodes: [a]}]}]",
     "test.yaml:1: a run of a chat, agent or completion app is described by its answer alone"},
    {"an alias that holds itself", "apps: [{name: a, info: &x {y: *x}, runs: " ONE_RUN "}]",
     "test.yaml:1: is nested deeper than 64"},
    {"a form and parameters", "apps: [{name: a, parameters: {}, inputs: [], runs: " ONE_RUN "}]",
     "test.yaml:1: an app has parameters or inputs, not both"},
    {"a select without options",
     "apps: [{name: a, inputs: [{name: s, type: select}], runs: " ONE_RUN "}]",
     "test.yaml:1: an input of type select needs options"},
    {"a when after a form", APP_OF("[{nodes: [a], resumed: {when: {query: x}, nodes: [b]}}]"),
     "test.yaml:1: what follows a pause has no 'when': it follows"},
    {"control characters are shown as such", "apps: [{name: \"a\\n\\e\", \"x\\x01\": 1}]",
     "test.yaml:1: an app has no 'x?'; it has name, key, mode, id, workflow_id, published, static, "
     "runs, info, max_active, parameters, meta, site, inputs, api"},
};

/* Wrong files are told, and leave the catalogue as it was. */
static void test_error(void **state)
{
    const struct error_case *error_case = *state;
    struct sim_catalogue catalogue;
    struct sim_load_error error = {""};
    struct meter meter;
    meter_init(&meter);
    sim_catalogue_init(&catalogue, &meter.allocator);
    load_text(&catalogue, "apps: [{name: before, runs: " ONE_RUN "}]");
    const struct sim_catalogue before = catalogue;
    size_t blocks = meter.live_blocks;
    assert_int_equal(
        sim_catalogue_load_text(&catalogue, "test.yaml", slice_of(error_case->yaml), &error),
        DIFY_ERR_ARGUMENT);
    assert_string_equal(error.text, error_case->error);
    assert_memory_equal(&catalogue, &before, sizeof before);
    assert_int_equal(meter.live_blocks, blocks);
    sim_catalogue_fini(&catalogue);
    assert_meter_empty(&meter);
}

static void test_scenarios_are_joined_or_refused(void **state)
{
    (void)state;
    static const struct {
        const char *yaml, *error;
    } cases[] = {
        {"apps: [{name: a, key: k, runs: " ONE_RUN "}]",
         "test.yaml: an app before it is named a too"},
        {"apps: [{name: b, key: app-a, runs: " ONE_RUN "}]",
         "test.yaml: the key of app b is taken by an app before it"},
        {"release: 1.12.1\napps: [{name: b, runs: " ONE_RUN "}]",
         "test.yaml: asks for release 1.12.1, a file before it for 1.14.2"},
    };
    struct sim_catalogue catalogue;
    struct sim_load_error error = {""};
    sim_catalogue_init(&catalogue, NULL);
    load_text(&catalogue, "release: 1.14.2\n" APP_OF(ONE_RUN));
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_int_equal(
            sim_catalogue_load_text(&catalogue, "test.yaml", slice_of(cases[i].yaml), &error),
            DIFY_ERR_ARGUMENT);
        assert_string_equal(error.text, cases[i].error);
        assert_int_equal(catalogue.app_count, 1);
    }
    load_text(&catalogue, "release: 1.14.2\napps: [{name: b, runs: " ONE_RUN "}]");
    assert_int_equal(catalogue.app_count, 2);
    assert_slice(app_of(&catalogue, "app-a")->name, "a");
    assert_slice(app_of(&catalogue, "app-b")->name, "b");
    sim_catalogue_fini(&catalogue);
}

/* ---- a recording that is damaged ----------------------------------------------------------- */

static char folder[] = "/tmp/dify-sim-XXXXXX";

static void write_file(const char *name, const char *bytes, size_t len)
{
    struct text path = {NULL, 0, 0};
    text_addf(&path, "%s/%s", folder, name);
    FILE *file = fopen(path.ptr, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
    text_fini(&path);
}

static void remove_files(void)
{
    static const char *const names[] = {"response.body", "chunks.tsv", "request.json", "big"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        struct text path = {NULL, 0, 0};
        text_addf(&path, "%s/%s", folder, names[i]);
        (void)unlink(path.ptr);
        text_fini(&path);
    }
    (void)rmdir(folder);
}

static void test_a_damaged_recording_is_told(void **state)
{
    (void)state;
    static const struct {
        const char *body, *chunks, *request, *error; /* behind the folder's name */
    } cases[] = {
        {"data: {}\n\n", "1.5\t10\n# end\tlast-chunk\t2\n", "{}", NULL},
        {"data: {}\n\ndata: {", "1\t17\n# end\tclient-cut\t2\n", "{}", NULL},
        {"data: {}\n\n", "1\t9\n# end\tlast-chunk\t2\n", "{}",
         "/chunks.tsv:2: the body has more bytes than all chunks"},
        {"data: {}\n\n", "1\t11\n# end\tlast-chunk\t2\n", "{}",
         "/chunks.tsv:1: the chunks have more bytes than the body"},
        {"data: {}\n\n", "1\t10\n", "{}",
         "/chunks.tsv:1: the last line tells the end: \"# end\", a tab, one of last-chunk, eof, "
         "eof-premature, client-cut, a tab, milliseconds"},
        {"data: {}\n\n", "x\n", "{}",
         "/chunks.tsv:1: a line is milliseconds, a tab, and a number of bytes"},
        {"{}\n\n", "1\t4\n# end\teof\t2\n", "{}",
         "/response.body: byte 0: what begins here is neither \"data: \xE2\x80\xA6\" nor a ping; "
         "is "
         "this an event stream?"},
        {"data: {}\n\n", "1\t10\n# end\teof\t2\n", "x", "/request.json: byte 0: "},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct sim_catalogue catalogue;
        struct sim_load_error error = {""};
        write_file("response.body", cases[i].body, strlen(cases[i].body));
        write_file("chunks.tsv", cases[i].chunks, strlen(cases[i].chunks));
        write_file("request.json", cases[i].request, strlen(cases[i].request));
        sim_catalogue_init(&catalogue, NULL);
        enum dify_err err = sim_catalogue_load(&catalogue, folder, &error);
        assert_int_equal(err, cases[i].error != NULL ? DIFY_ERR_ARGUMENT : DIFY_OK);
        if (err == DIFY_OK) {
            assert_int_equal(catalogue.apps[0].scripts[0].step_count, 1);
        } else {
            assert_true(strlen(error.text) >= strlen(folder) + strlen(cases[i].error));
            assert_memory_equal(error.text, folder, strlen(folder));
            /* behind it may stand what the JSON reader says */
            assert_memory_equal(error.text + strlen(folder), cases[i].error,
                                strlen(cases[i].error));
        }
        sim_catalogue_fini(&catalogue);
    }
}

/* ---- ceilings ------------------------------------------------------------------------------ */

/* At the ceiling it is loaded, one past it is told. */
static void assert_loads(const struct text *yaml, const char *expected_error)
{
    struct sim_catalogue catalogue;
    struct sim_load_error error = {""};
    sim_catalogue_init(&catalogue, NULL);
    enum dify_err err = sim_catalogue_load_text(&catalogue, "test.yaml", text_slice(yaml), &error);
    if (expected_error == NULL && err != DIFY_OK)
        fail_msg("%s", error.text);
    if (expected_error != NULL) {
        assert_int_equal(err, DIFY_ERR_ARGUMENT);
        assert_string_equal(error.text, expected_error);
    }
    sim_catalogue_fini(&catalogue);
}

static void test_numbers_of_apps_and_runs_have_ceilings(void **state)
{
    (void)state;
    for (int past = 0; past < 2; past++) {
        struct text apps = {NULL, 0, 0}, runs = {NULL, 0, 0};
        text_add_chars(&apps, "apps:\n");
        text_add_chars(&runs, "apps:\n- name: a\n  runs:\n");
        for (int i = 0; i < SIM_APPS + past; i++)
            text_addf(&apps, "- {name: a%d, runs: [{nodes: [a]}]}\n", i);
        for (int i = 0; i < SIM_APP_SCRIPTS + past; i++)
            text_add_chars(&runs, "  - {nodes: [a]}\n");
        assert_loads(&apps, past ? "test.yaml:2: apps is a list of 1 to 1000 apps" : NULL);
        assert_loads(&runs, past ? "test.yaml:4: an app has from 1 to 1000 runs" : NULL);
        text_fini(&apps);
        text_fini(&runs);
    }
    struct sim_catalogue catalogue;
    struct sim_load_error error = {""};
    struct text apps = {NULL, 0, 0};
    sim_catalogue_init(&catalogue, NULL);
    text_add_chars(&apps, "apps:\n");
    for (int i = 0; i < SIM_APPS; i++)
        text_addf(&apps, "- {name: a%d, runs: [{nodes: [a]}]}\n", i);
    load_text(&catalogue, apps.ptr);
    assert_int_equal(
        sim_catalogue_load_text(&catalogue, "test.yaml", slice_of(APP_OF(ONE_RUN)), &error),
        DIFY_ERR_ARGUMENT);
    assert_string_equal(error.text,
                        "test.yaml: makes more than 1000 apps together with those before it");
    text_fini(&apps);
    sim_catalogue_fini(&catalogue);
}

static void test_numbers_of_steps_have_a_ceiling(void **state)
{
    (void)state;
    /* beside the pieces: start and end of the run, and of the node */
    for (unsigned past = 0; past < 2; past++) {
        struct text yaml = {NULL, 0, 0};
        text_addf(&yaml, "apps: [{name: a, runs: [{nodes: [{type: a, chunks: %d, text: ",
                  SIM_SCRIPT_STEPS);
        text_add_repeated(&yaml, 'x', SIM_SCRIPT_STEPS - 4 + past);
        text_add_chars(&yaml, "}]}]}]");
        assert_loads(&yaml, past ? "test.yaml:1: a run has 100000 events at most" : NULL);
        text_fini(&yaml);

        struct text body = {NULL, 0, 0}, chunks = {NULL, 0, 0};
        for (unsigned i = 0; i < SIM_SCRIPT_STEPS + past; i++)
            text_add_chars(&body, "data: {}\n\n");
        text_addf(&chunks, "1\t%zu\n# end\tlast-chunk\t2\n", body.len);
        write_file("response.body", body.ptr, body.len);
        write_file("chunks.tsv", chunks.ptr, chunks.len);
        write_file("request.json", "{}", 2);
        struct sim_catalogue catalogue;
        struct sim_load_error error = {""};
        sim_catalogue_init(&catalogue, NULL);
        assert_int_equal(sim_catalogue_load(&catalogue, folder, &error),
                         past ? DIFY_ERR_ARGUMENT : DIFY_OK);
        if (past)
            assert_non_null(strstr(error.text, "/response.body: has more than 100000 frames"));
        sim_catalogue_fini(&catalogue);
        text_fini(&body);
        text_fini(&chunks);
    }
}

static void test_small_things_have_ceilings(void **state)
{
    (void)state;
    for (size_t past = 0; past < 2; past++) {
        struct text name = {NULL, 0, 0}, key = {NULL, 0, 0}, over = {NULL, 0, 0};
        struct text pauses = {NULL, 0, 0};
        text_add_chars(&name, "apps: [{runs: " ONE_RUN ", name: ");
        text_add_repeated(&name, 'n', 100 + past);
        text_add_chars(&name, "}]");
        assert_loads(&name, past ? "test.yaml:1: an app's name has from 1 to 100 of A-Z a-z 0-9 . "
                                   "_ -"
                                 : NULL);
        text_add_chars(&key, "apps: [{name: a, runs: " ONE_RUN ", key: ");
        text_add_repeated(&key, 'k', 200 + past);
        text_add_chars(&key, "}]");
        assert_loads(&key, past ? "test.yaml:1: an app's key has from 1 to 200 visible ASCII "
                                  "characters"
                                : NULL);
        text_addf(&over, APP_OF("[{nodes: [{type: iteration, over: %zu, nodes: [a]}]}]"),
                  10000 + past);
        assert_loads(&over, past ? "test.yaml:1: over is a whole number from 0 to 10000" : NULL);
        text_add_chars(&pauses, "apps: [{name: a, runs: [");
        for (size_t i = 0; i < 8 + past; i++)
            text_add_chars(&pauses, "{nodes: [a], resumed: ");
        text_add_chars(&pauses, "{nodes: [a]}");
        text_add_repeated(&pauses, '}', 8 + past);
        text_add_chars(&pauses, "]}]");
        assert_loads(&pauses, past ? "test.yaml:1: a run pauses 8 times at most" : NULL);
        text_fini(&name);
        text_fini(&key);
        text_fini(&over);
        text_fini(&pauses);
    }
}

static void test_nesting_has_a_ceiling(void **state)
{
    (void)state;
    for (int past = 0; past < 2; past++) {
        struct text yaml = {NULL, 0, 0};
        text_add_chars(&yaml, "apps: [{name: a, runs: [{nodes: [{type: a, outputs: {x: ");
        text_add_repeated(&yaml, '[', (size_t)(CONF_YAML_DEPTH - 1 + past));
        text_add_repeated(&yaml, ']', (size_t)(CONF_YAML_DEPTH - 1 + past));
        text_add_chars(&yaml, "}}]}]}]");
        assert_loads(&yaml, past ? "test.yaml:1: is nested deeper than 64" : NULL);
        text_fini(&yaml);
    }
}

static void test_files_have_a_ceiling(void **state)
{
    (void)state;
    struct text path = {NULL, 0, 0};
    text_addf(&path, "%s/big", folder);
    for (size_t past = 0; past < 2; past++) {
        struct sim_catalogue catalogue;
        struct sim_load_error error = {""};
        write_file("big", "", 0);
        assert_int_equal(truncate(path.ptr, (off_t)(SIM_FILE_BYTES + past)), 0);
        sim_catalogue_init(&catalogue, NULL);
        assert_int_equal(sim_catalogue_load(&catalogue, path.ptr, &error), DIFY_ERR_ARGUMENT);
        assert_non_null(strstr(error.text, past ? "has more than 64 MiB" : "is no YAML"));
        sim_catalogue_fini(&catalogue);
    }
    text_fini(&path);
}

/* ---- failed allocations -------------------------------------------------------------------- */

static void test_a_failed_allocation_leaves_nothing(void **state)
{
    (void)state;
    static const char yaml[] =
        "release: 1.14.2\n"
        "apps:\n"
        "- name: recorded\n"
        "  runs:\n"
        "  - recording: " DIFY_RECORDINGS "/human-input/approve/streaming\n"
        "    resumed: " DIFY_RECORDINGS "/human-input/approve/events-resume-snapshot-continue\n"
        "  - nodes: [start]\n"
        "- name: described\n"
        "  inputs: [{name: a, options: [1]}]\n"
        "  runs:\n"
        "  - when: {inputs: {a: 1}, query: q}\n"
        "    stored: {outputs: {a: 1}}\n"
        "    nodes: [start, {type: llm, text: \"{{inputs.a}} x\", tokens: 1, retries: 1},\n"
        "            {type: iteration, over: 2, nodes: [code]}, end]\n"
        "- {name: talk, mode: agent, runs: [{answer: hello}]}\n";
    struct sim_load_error error;
    uint64_t calls = 0;
    for (uint64_t fail_at = 1;; fail_at++) {
        struct meter meter;
        struct sim_catalogue catalogue;
        meter_init(&meter);
        sim_catalogue_init(&catalogue, &meter.allocator);
        load_text(&catalogue, APP_OF(ONE_RUN));
        meter.fail_at = meter.calls + fail_at;
        enum dify_err err = sim_catalogue_load_text(&catalogue, "t", slice_of(yaml), &error);
        uint64_t failures = meter.failures;
        if (failures != 0) {
            assert_int_equal(err, DIFY_ERR_NOMEM);
            assert_int_equal(catalogue.app_count, 1);
        } else {
            assert_int_equal(err, DIFY_OK);
        }
        calls = meter.calls;
        sim_catalogue_fini(&catalogue);
        assert_meter_empty(&meter);
        if (failures == 0)
            break;
    }
    assert_true(calls > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_app_has_defaults),
        cmocka_unit_test(test_an_app_says_what_it_is_given),
        cmocka_unit_test(test_json_is_a_scenario_too),
        cmocka_unit_test(test_the_recorded_example_plays_as_recorded),
        cmocka_unit_test(test_a_stream_ends_as_it_did),
        cmocka_unit_test(test_a_form_is_followed_by_what_came_after_it),
        cmocka_unit_test(test_described_runs_come_to_what_they_say),
        cmocka_unit_test(test_a_described_run_answers_with_its_inputs),
        cmocka_unit_test(test_texts_in_pieces_are_whole),
        cmocka_unit_test(test_a_big_output_has_its_size),
        cmocka_unit_test(test_what_is_stored_may_differ),
        cmocka_unit_test(test_the_first_run_that_fits_is_played),
        cmocka_unit_test(test_recordings_answer_what_they_were_asked),
        cmocka_unit_test(test_scenarios_are_joined_or_refused),
        cmocka_unit_test(test_a_damaged_recording_is_told),
        cmocka_unit_test(test_numbers_of_apps_and_runs_have_ceilings),
        cmocka_unit_test(test_numbers_of_steps_have_a_ceiling),
        cmocka_unit_test(test_small_things_have_ceilings),
        cmocka_unit_test(test_nesting_has_a_ceiling),
        cmocka_unit_test(test_files_have_a_ceiling),
        cmocka_unit_test(test_a_failed_allocation_leaves_nothing),
    };
    if (mkdtemp(folder) == NULL)
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    failed += run_cases("wrong files", error_cases, COUNT_OF(error_cases), sizeof error_cases[0],
                        test_error);
    remove_files();
    return failed;
}
