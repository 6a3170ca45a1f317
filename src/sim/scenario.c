/* SPDX-License-Identifier: Apache-2.0
 *
 * scenario.c: from a scenario's YAML to apps. docs/simulator.md describes the format.
 */
#include "sim/scenario.h"

#include "core/slices.h"
#include "sim/about.h"
#include "sim/cutter.h"
#include "sim/describe.h"
#include "sim/recording.h"
#include "sim/text.h"

#include <string.h>

/* How often a run may pause. */
#define PAUSES 8

static const char *const file_keys[] = {"release", "apps", NULL};
enum { FILE_RELEASE, FILE_APPS, FILE_KEYS };

static const char *const app_keys[] = {
    "name", "key",        "mode",       "id",   "workflow_id", "published", "static", "runs",
    "info", "max_active", "parameters", "meta", "site",        "inputs",    "api",    NULL};
enum {
    APP_NAME,
    APP_KEY,
    APP_MODE,
    APP_ID,
    APP_WORKFLOW_ID,
    APP_PUBLISHED,
    APP_STATIC,
    APP_RUNS,
    APP_INFO,
    APP_MAX_ACTIVE,
    APP_PARAMETERS,
    APP_META,
    APP_SITE,
    APP_INPUTS,
    APP_API,
    APP_KEYS
};

static const char *const run_keys[] = {"when",   "recording", "resumed", "expired", "stored",
                                       "end",    "nodes",     "outputs", "status",  "error",
                                       "answer", "currency",  NULL};
enum {
    RUN_WHEN,
    RUN_RECORDING,
    RUN_RESUMED,
    RUN_EXPIRED,
    RUN_STORED,
    RUN_END,
    RUN_NODES,
    RUN_OUTPUTS,
    RUN_STATUS,
    RUN_ERROR,
    RUN_ANSWER,
    RUN_CURRENCY,
    RUN_KEYS
};

static const char *const when_keys[] = {"inputs", "query", NULL};
enum { WHEN_INPUTS, WHEN_QUERY, WHEN_KEYS };

static const char *const modes[] = {"workflow",   "advanced-chat", "chat", "agent-chat",
                                    "completion", "agent",         NULL};
static const char *const ends[] = {"ends", "silent", "cuts", NULL};

/* What the app being read knows beside itself. */
struct app_reader {
    struct conf_yaml *yaml; /* NULL: a recording alone */
    const struct sim_loader *loader;
    struct sim_app *app;
    yaml_node_t *values[APP_KEYS];
    bool has_mode;
    size_t runs; /* all of the app */
};

/* ---- ids ----------------------------------------------------------------------------------- */

/* An id that is the same whenever the app has the same name. */
static void derive_id(struct dify_slice name, uint64_t kind, char out[37])
{
    uint64_t seed[2] = {UINT64_C(0xCBF29CE484222325) ^ kind, kind};
    for (size_t i = 0; i < name.len; i++) {
        seed[0] = (seed[0] ^ (unsigned char)name.ptr[i]) * UINT64_C(0x100000001B3);
        seed[1] = seed[1] * 31 + (unsigned char)name.ptr[i];
    }
    sim_uuid(seed, 0, out);
}

/* Recorded events that came before the first id was known would be cut with none. So the ids are
 * there before the runs: given, of the first recording, or derived from the name. */
static void settle_ids(struct sim_app *app)
{
    if (app->id[0] == '\0')
        derive_id(app->name, 1, app->id);
    if (app->workflow_id[0] == '\0')
        derive_id(app->name, 2, app->workflow_id);
}

/* ---- stored -------------------------------------------------------------------------------- */

static const char *const stored_keys[] = {
    "status",      "outputs",          "error", "elapsed_time", "total_tokens",
    "total_steps", "exceptions_count", NULL};
enum {
    STORED_STATUS,
    STORED_OUTPUTS,
    STORED_ERROR,
    STORED_ELAPSED,
    STORED_TOKENS,
    STORED_STEPS,
    STORED_EXCEPTIONS,
    STORED_KEYS
};

static enum dify_err put_stored(struct conf_yaml *yaml, yaml_node_t *node, const char *key,
                                const char *otherwise, struct sim_weave *weave)
{
    struct dify__buffer json = {.allocator = sim_loader_of(yaml)->allocator, .max = SIM_FILE_BYTES};
    enum dify_err err = DIFY_OK;
    sim_weave_chars(weave, ",\"");
    sim_weave_chars(weave, key);
    sim_weave_chars(weave, "\":");
    if (node == NULL) {
        sim_weave_chars(weave, otherwise);
        return DIFY_OK;
    }
    err = conf_yaml_json(yaml, node, &json);
    if (err == DIFY_OK)
        sim_weave_placeholders(weave, dify__buffer_slice(&json));
    dify__buffer_fini(&json);
    return err;
}

/* The `data` of the workflow_finished that would have come. */
static enum dify_err read_stored(const struct app_reader *reader, yaml_node_t *node,
                                 struct sim_script *script)
{
    static const char *const defaults[] = {"\"succeeded\"", "{}", "null", "0.0", "0", "1", "0"};
    yaml_node_t *values[STORED_KEYS];
    struct conf_yaml *yaml = reader->yaml;
    enum dify_err err = conf_yaml_members(yaml, node, "stored", stored_keys, values);
    if (err != DIFY_OK)
        return err;
    struct sim_weave weave;
    int64_t seconds =
        script->step_count != 0 ? script->steps[script->step_count - 1].at_ms / 1000 : 0;
    sim_weave_init(&weave, sim_loader_of(yaml)->allocator);
    sim_weave_chars(&weave, "{\"id\":\"");
    sim_weave_hole(&weave, SIM_HOLE_RUN, 0);
    sim_weave_chars(&weave, "\",\"workflow_id\":\"");
    sim_weave_chars(&weave, reader->app->workflow_id);
    sim_weave_chars(&weave, "\"");
    for (size_t i = 0; i < STORED_KEYS - 1 && err == DIFY_OK; i++)
        err = put_stored(yaml, values[i], stored_keys[i], defaults[i], &weave);
    sim_weave_chars(&weave, ",\"created_by\":{\"id\":\"");
    sim_weave_hole(&weave, SIM_HOLE_OWNER, 0);
    sim_weave_chars(&weave, "\",\"user\":\"");
    sim_weave_hole(&weave, SIM_HOLE_USER, 0);
    sim_weave_chars(&weave, "\"},\"created_at\":");
    sim_weave_hole(&weave, SIM_HOLE_TIME, 0);
    sim_weave_chars(&weave, ",\"finished_at\":");
    sim_weave_hole(&weave, SIM_HOLE_TIME, seconds);
    if (err == DIFY_OK)
        err = put_stored(yaml, values[STORED_EXCEPTIONS], stored_keys[STORED_EXCEPTIONS],
                         defaults[STORED_EXCEPTIONS], &weave);
    sim_weave_chars(&weave, ",\"files\":[]}");
    if (err == DIFY_OK)
        err = sim_weave_finish(&weave, sim_loader_of(yaml)->arena, &script->stored);
    sim_weave_fini(&weave);
    return err;
}

/* ---- runs ---------------------------------------------------------------------------------- */

static enum dify_err read_when(const struct app_reader *reader, yaml_node_t *node,
                               struct sim_script *script)
{
    yaml_node_t *values[WHEN_KEYS];
    struct conf_yaml *yaml = reader->yaml;
    const struct sim_loader *loader = reader->loader;
    enum dify_err err = conf_yaml_members(yaml, node, "when", when_keys, values);
    if (err == DIFY_OK && values[WHEN_INPUTS] != NULL) {
        if (!conf_yaml_is_mapping(values[WHEN_INPUTS]))
            return conf_yaml_fail(yaml, values[WHEN_INPUTS], "when: inputs are a mapping");
        struct dify__buffer json = {.allocator = loader->allocator, .max = SIM_FILE_BYTES};
        err = conf_yaml_json(yaml, values[WHEN_INPUTS], &json);
        if (err == DIFY_OK)
            err = sim_arena_copy(loader->arena, dify__buffer_slice(&json), &script->when_inputs);
        dify__buffer_fini(&json);
    }
    struct dify_slice query;
    if (err == DIFY_OK && values[WHEN_QUERY] != NULL) {
        err = conf_yaml_text(yaml, values[WHEN_QUERY], "when: the query", &query);
        if (err == DIFY_OK)
            err = sim_arena_copy(loader->arena, query, &script->when_query);
    }
    return err;
}

static enum dify_err read_recording(struct app_reader *reader, const char *folder, size_t line,
                                    enum sim_part part, struct sim_cutter *cutter,
                                    struct sim_script *script)
{
    struct sim_recorded recorded;
    enum dify_err err = sim_recording_load(reader->loader, folder, line, part, cutter, reader->app,
                                           script, &recorded);
    if (err != DIFY_OK)
        return err;
    if (!reader->has_mode && part == SIM_PART_RUN) {
        reader->app->mode = recorded.mode;
        reader->has_mode = true;
    }
    if (reader->runs > 1 && part == SIM_PART_RUN) {
        script->when_inputs = recorded.inputs;
        script->when_query = recorded.query;
    }
    return DIFY_OK;
}

static enum dify_err read_recording_node(struct app_reader *reader, const yaml_node_t *node,
                                         enum sim_part part, struct sim_cutter *cutter,
                                         struct sim_script *script)
{
    struct dify_slice path;
    enum dify_err err = conf_yaml_text(reader->yaml, node, "a recording", &path);
    if (err == DIFY_OK)
        err = sim_loader_path(reader->loader, path, &path);
    if (err != DIFY_OK)
        return err;
    return read_recording(reader, path.ptr, conf_yaml_line(node), part, cutter, script);
}

static enum dify_err read_run(struct app_reader *reader, yaml_node_t *node, unsigned pauses,
                              struct sim_cutter *cutter, struct sim_script *script);

/* What follows a pause: a folder, or a run. */
static enum dify_err read_after(struct app_reader *reader, yaml_node_t *node, unsigned pauses,
                                struct sim_cutter *cutter, struct sim_script **out)
{
    if (node == NULL)
        return DIFY_OK;
    if (pauses == PAUSES)
        return conf_yaml_fail(reader->yaml, node, "a run pauses %d times at most", PAUSES);
    struct sim_script *script = sim_arena_array(reader->loader->arena, 1, sizeof *script);
    if (script == NULL)
        return DIFY_ERR_NOMEM;
    *out = script;
    if (conf_yaml_is_text(node))
        return read_recording_node(reader, node, SIM_PART_AFTER, cutter, script);
    return read_run(reader, node, pauses + 1, cutter, script);
}

static enum dify_err check_run(const struct app_reader *reader, const yaml_node_t *node,
                               yaml_node_t *const *values, unsigned pauses)
{
    bool is_described = values[RUN_NODES] != NULL || values[RUN_ANSWER] != NULL;
    bool is_recorded = values[RUN_RECORDING] != NULL;
    bool has_rest = values[RUN_OUTPUTS] != NULL || values[RUN_STATUS] != NULL ||
                    values[RUN_ERROR] != NULL || values[RUN_CURRENCY] != NULL;
    if (!is_described && !is_recorded)
        return conf_yaml_fail(reader->yaml, node, "a run needs a recording, nodes, or an answer");
    if (is_recorded && (is_described || has_rest))
        return conf_yaml_fail(reader->yaml, node,
                              "a run is recorded or described, not both: a recording takes only "
                              "when, resumed, expired, stored, end");
    if (pauses != 0 && values[RUN_WHEN] != NULL)
        return conf_yaml_fail(reader->yaml, values[RUN_WHEN],
                              "what follows a pause has no 'when': it follows");
    return DIFY_OK;
}

static enum dify_err read_run(struct app_reader *reader, yaml_node_t *node, unsigned pauses,
                              struct sim_cutter *cutter, struct sim_script *script)
{
    yaml_node_t *values[RUN_KEYS];
    unsigned end;
    enum dify_err err = conf_yaml_members(reader->yaml, node, "a run", run_keys, values);
    if (err == DIFY_OK)
        err = check_run(reader, node, values, pauses);
    if (err != DIFY_OK)
        return err;
    const struct sim_description description = {.run = node,
                                                .nodes = values[RUN_NODES],
                                                .outputs = values[RUN_OUTPUTS],
                                                .status = values[RUN_STATUS],
                                                .error = values[RUN_ERROR],
                                                .answer = values[RUN_ANSWER],
                                                .currency = values[RUN_CURRENCY],
                                                .is_resumption = pauses != 0};
    if (values[RUN_RECORDING] != NULL) {
        err = read_recording_node(reader, values[RUN_RECORDING],
                                  pauses != 0 ? SIM_PART_AFTER : SIM_PART_RUN, cutter, script);
    } else {
        settle_ids(reader->app);
        err = sim_describe(reader->yaml, &description, cutter, reader->app, script);
    }
    if (err == DIFY_OK && values[RUN_WHEN] != NULL) {
        script->when_inputs = script->when_query = (struct dify_slice){NULL, 0};
        err = read_when(reader, values[RUN_WHEN], script);
    }
    if (err == DIFY_OK)
        err = read_after(reader, values[RUN_RESUMED], pauses, cutter, &script->resumed);
    if (err == DIFY_OK)
        err = read_after(reader, values[RUN_EXPIRED], pauses, cutter, &script->expired);
    if (err == DIFY_OK && values[RUN_STORED] != NULL)
        err = read_stored(reader, values[RUN_STORED], script);
    if (err == DIFY_OK && values[RUN_END] != NULL) {
        err = conf_yaml_word(reader->yaml, values[RUN_END], "end", ends, &end);
        if (err == DIFY_OK)
            script->end = (enum sim_end)end;
    }
    return err;
}

/* Ids that stay as they are in all runs. */
static enum dify_err know_static(const struct app_reader *reader, struct sim_cutter *cutter)
{
    struct conf_yaml *yaml = reader->yaml;
    const yaml_node_t *list = reader->values[APP_STATIC];
    if (list == NULL)
        return DIFY_OK;
    if (!conf_yaml_is_list(list))
        return conf_yaml_fail(yaml, list, "static is a list of ids");
    for (size_t i = 0; i < conf_yaml_count(list); i++) {
        const yaml_node_t *item = conf_yaml_item(yaml, list, i);
        struct dify_slice id;
        enum dify_err err = conf_yaml_text(yaml, item, "a static id", &id);
        if (err == DIFY_OK && !sim_is_id(id))
            err = conf_yaml_fail(yaml, item, "a static id is a UUID in lower case");
        if (err == DIFY_OK)
            err = sim_cutter_replace(cutter, id, id);
        if (err != DIFY_OK)
            return err;
    }
    return DIFY_OK;
}

static enum dify_err read_runs(struct app_reader *reader)
{
    struct sim_app *app = reader->app;
    yaml_node_t *list = reader->values[APP_RUNS];
    reader->runs = conf_yaml_count(list);
    if (reader->runs == 0 || reader->runs > SIM_APP_SCRIPTS)
        return conf_yaml_fail(reader->yaml, list, "an app has from 1 to %d runs", SIM_APP_SCRIPTS);
    app->scripts = sim_arena_array(reader->loader->arena, reader->runs, sizeof *app->scripts);
    if (app->scripts == NULL)
        return DIFY_ERR_NOMEM;
    for (size_t i = 0; i < reader->runs; i++) {
        struct sim_cutter cutter;
        sim_cutter_init(&cutter, reader->loader->allocator);
        enum dify_err err = know_static(reader, &cutter);
        if (err == DIFY_OK)
            err = read_run(reader, conf_yaml_item(reader->yaml, list, i), 0, &cutter,
                           &app->scripts[i]);
        sim_cutter_fini(&cutter);
        if (err != DIFY_OK)
            return err;
        app->script_count++;
    }
    return DIFY_OK;
}

/* ---- apps ---------------------------------------------------------------------------------- */

static bool is_name(struct dify_slice text)
{
    if (text.len == 0 || text.len > 100)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
              c == '.' || c == '_' || c == '-'))
            return false;
    }
    return true;
}

static enum dify_err read_id(struct conf_yaml *yaml, const yaml_node_t *node, const char *what,
                             char out[37])
{
    struct dify_slice id;
    if (node == NULL)
        return DIFY_OK;
    enum dify_err err = conf_yaml_text(yaml, node, what, &id);
    if (err == DIFY_OK && !sim_is_id(id))
        err = conf_yaml_fail(yaml, node, "%s is a UUID in lower case", what);
    if (err == DIFY_OK)
        memcpy(out, id.ptr, 36);
    return err;
}

static enum dify_err set_key(const struct sim_loader *loader, struct dify_slice name,
                             struct sim_app *app)
{
    struct sim_text text;
    sim_text_init(&text, loader->allocator);
    sim_text_add(&text, "app-");
    sim_text_put(&text, name);
    enum dify_err err = text.err;
    if (err == DIFY_OK)
        err = sim_arena_copy(loader->arena, sim_text_slice(&text), &app->key);
    sim_text_fini(&text);
    return err;
}

static bool is_key(struct dify_slice key)
{
    for (size_t i = 0; i < key.len; i++)
        if (key.ptr[i] <= ' ' || key.ptr[i] > '~')
            return false;
    return key.len != 0 && key.len <= 200;
}

static enum dify_err read_name_and_key(struct app_reader *reader, const yaml_node_t *node)
{
    struct dify_slice name, key;
    struct conf_yaml *yaml = reader->yaml;
    yaml_node_t **values = reader->values;
    if (values[APP_NAME] == NULL)
        return conf_yaml_fail(yaml, node, "an app needs a name");
    enum dify_err err = conf_yaml_text(yaml, values[APP_NAME], "an app's name", &name);
    if (err == DIFY_OK && !is_name(name))
        err = conf_yaml_fail(yaml, values[APP_NAME],
                             "an app's name has from 1 to 100 of A-Z a-z 0-9 . _ -");
    if (err == DIFY_OK)
        err = sim_arena_copy(reader->loader->arena, name, &reader->app->name);
    if (err != DIFY_OK)
        return err;
    if (values[APP_KEY] == NULL)
        return set_key(reader->loader, name, reader->app);
    err = conf_yaml_text(yaml, values[APP_KEY], "an app's key", &key);
    if (err == DIFY_OK && !is_key(key))
        err = conf_yaml_fail(yaml, values[APP_KEY],
                             "an app's key has from 1 to 200 visible ASCII characters");
    return err == DIFY_OK ? sim_arena_copy(reader->loader->arena, key, &reader->app->key) : err;
}

static enum dify_err read_settings(struct app_reader *reader, const yaml_node_t *node)
{
    struct conf_yaml *yaml = reader->yaml;
    yaml_node_t **values = reader->values;
    struct sim_app *app = reader->app;
    unsigned mode = SIM_WORKFLOW;
    enum dify_err err = read_name_and_key(reader, node);
    if (err == DIFY_OK && values[APP_MODE] != NULL) {
        err = conf_yaml_word(yaml, values[APP_MODE], "an app's mode", modes, &mode);
        app->mode = (enum sim_mode)mode;
        reader->has_mode = true;
    }
    if (err == DIFY_OK)
        err = read_id(yaml, values[APP_ID], "an app's id", app->id);
    if (err == DIFY_OK)
        err = read_id(yaml, values[APP_WORKFLOW_ID], "an app's workflow_id", app->workflow_id);
    app->is_published = true;
    if (err == DIFY_OK && values[APP_PUBLISHED] != NULL)
        err = conf_yaml_bool(yaml, values[APP_PUBLISHED], "published", &app->is_published);
    app->has_api = true;
    if (err == DIFY_OK && values[APP_API] != NULL)
        err = conf_yaml_bool(yaml, values[APP_API], "api", &app->has_api);
    if (err == DIFY_OK && values[APP_MAX_ACTIVE] != NULL)
        err = conf_yaml_uint(yaml, values[APP_MAX_ACTIVE], "max_active", 1000000, &app->max_active);
    if (err == DIFY_OK && !conf_yaml_is_list(values[APP_RUNS]))
        err = conf_yaml_fail(yaml, values[APP_RUNS] != NULL ? values[APP_RUNS] : node,
                             "an app needs a list of runs");
    return err;
}

/* Whether the first run is a recording, whose ids the app then takes. */
static bool begins_with_recording(struct conf_yaml *yaml, const yaml_node_t *runs)
{
    yaml_node_t *values[RUN_KEYS];
    struct sim_load_error unseen;
    struct conf_yaml view = *yaml;
    view.place.text = unseen.text;
    view.place.size = sizeof unseen.text;
    return conf_yaml_count(runs) != 0 &&
           conf_yaml_members(&view, conf_yaml_item(yaml, runs, 0), "a run", run_keys, values) ==
               DIFY_OK &&
           values[RUN_RECORDING] != NULL;
}

static enum dify_err read_app(struct conf_yaml *yaml, const yaml_node_t *node, struct sim_app *app)
{
    struct app_reader reader = {.yaml = yaml, .loader = sim_loader_of(yaml), .app = app};
    app->allocator = sim_loader_of(yaml)->allocator;
    enum dify_err err = conf_yaml_members(yaml, node, "an app", app_keys, reader.values);
    if (err == DIFY_OK)
        err = read_settings(&reader, node);
    if (err != DIFY_OK)
        return err;
    if (!begins_with_recording(yaml, reader.values[APP_RUNS]))
        settle_ids(app);
    err = read_runs(&reader);
    settle_ids(app);
    const struct sim_about about = {.parameters = reader.values[APP_PARAMETERS],
                                    .info = reader.values[APP_INFO],
                                    .meta = reader.values[APP_META],
                                    .site = reader.values[APP_SITE],
                                    .inputs = reader.values[APP_INPUTS]};
    return err == DIFY_OK ? sim_about_load(yaml, &about, app) : err;
}

static enum dify_err read_apps(struct conf_yaml *yaml, const yaml_node_t *list,
                               struct sim_scenario *scenario)
{
    size_t count = conf_yaml_is_list(list) ? conf_yaml_count(list) : 0;
    if (count == 0 || count > SIM_APPS)
        return conf_yaml_fail(yaml, list, "apps is a list of 1 to %d apps", SIM_APPS);
    scenario->apps = sim_arena_array(sim_loader_of(yaml)->arena, count, sizeof *scenario->apps);
    if (scenario->apps == NULL)
        return DIFY_ERR_NOMEM;
    for (size_t i = 0; i < count; i++) {
        const yaml_node_t *node = conf_yaml_item(yaml, list, i);
        struct sim_app *app = &scenario->apps[i];
        enum dify_err err = read_app(yaml, node, app);
        if (err != DIFY_OK)
            return err;
        for (size_t j = 0; j < i; j++) {
            if (dify__slice_equals(scenario->apps[j].name, app->name))
                return conf_yaml_fail(yaml, node, "two apps are named %s", app->name.ptr);
            if (dify__slice_equals(scenario->apps[j].key, app->key))
                return conf_yaml_fail(yaml, node, "the apps %s and %s have the same key",
                                      scenario->apps[j].name.ptr, app->name.ptr);
        }
        scenario->app_count++;
    }
    return DIFY_OK;
}

static enum dify_err read_file(struct conf_yaml *yaml, struct sim_scenario *scenario)
{
    yaml_node_t *values[FILE_KEYS];
    const yaml_node_t *root = conf_yaml_root(yaml);
    struct dify_slice release;
    enum dify_err err = conf_yaml_members(yaml, root, "a scenario", file_keys, values);
    if (err == DIFY_OK && values[FILE_RELEASE] != NULL) {
        err = conf_yaml_text(yaml, values[FILE_RELEASE], "release", &release);
        if (err == DIFY_OK)
            err = sim_arena_copy(sim_loader_of(yaml)->arena, release, &scenario->release);
    }
    if (err == DIFY_OK && values[FILE_APPS] == NULL)
        err = conf_yaml_fail(yaml, root, "a scenario needs apps");
    return err == DIFY_OK ? read_apps(yaml, values[FILE_APPS], scenario) : err;
}

enum dify_err sim_scenario_read(const struct sim_loader *loader, struct dify_slice text,
                                struct sim_scenario *scenario)
{
    struct conf_yaml yaml;
    enum dify_err err = conf_yaml_open(&yaml, sim_place(loader, NULL), text, loader);
    if (err == DIFY_OK)
        err = read_file(&yaml, scenario);
    conf_yaml_close(&yaml);
    return err;
}

/* ---- a recording alone --------------------------------------------------------------------- */

static struct dify_slice last_part(const char *path)
{
    size_t end = strlen(path);
    while (end > 1 && path[end - 1] == '/')
        end--;
    size_t start = end;
    while (start > 0 && path[start - 1] != '/')
        start--;
    return (struct dify_slice){path + start, end - start};
}

enum dify_err sim_scenario_of_recording(const struct sim_loader *loader, const char *folder,
                                        struct sim_scenario *scenario)
{
    struct sim_app *app = sim_arena_array(loader->arena, 1, sizeof *app);
    struct sim_script *script = sim_arena_array(loader->arena, 1, sizeof *script);
    struct app_reader reader = {.loader = loader, .app = app, .runs = 1};
    struct dify_slice name = last_part(folder);
    struct sim_cutter cutter;
    if (app == NULL || script == NULL)
        return DIFY_ERR_NOMEM;
    if (!is_name(name))
        return sim_fail(loader, NULL, 0,
                        "the folder's name becomes the app's: it has from 1 to 100 of "
                        "A-Z a-z 0-9 . _ -");
    *app = (struct sim_app){.allocator = loader->allocator,
                            .is_published = true,
                            .has_api = true,
                            .scripts = script,
                            .script_count = 1};
    enum dify_err err = sim_arena_copy(loader->arena, name, &app->name);
    if (err == DIFY_OK)
        err = set_key(loader, name, app);
    sim_cutter_init(&cutter, loader->allocator);
    if (err == DIFY_OK)
        err = read_recording(&reader, folder, 0, SIM_PART_RUN, &cutter, script);
    sim_cutter_fini(&cutter);
    settle_ids(app);
    if (err == DIFY_OK)
        err = sim_about_make(loader, app);
    *scenario = (struct sim_scenario){.apps = app, .app_count = 1};
    return err;
}
