/* SPDX-License-Identifier: Apache-2.0
 *
 * catalogue.c: apps from several scenarios together.
 *
 * Each load has an arena of its own, which is joined to the catalogue's when all went well. Apps
 * are copied into a new list; the old one stays where it was, for whoever still looks at it.
 */
#include "sim/catalogue.h"

#include "core/slices.h"
#include "sim/loader.h"
#include "sim/scenario.h"

#include <string.h>

void sim_catalogue_init(struct sim_catalogue *catalogue, const struct dify_allocator *allocator)
{
    *catalogue = (struct sim_catalogue){.allocator = dify__allocator(allocator)};
}

void sim_catalogue_fini(struct sim_catalogue *catalogue)
{
    sim_arena_free(catalogue->arena);
    sim_catalogue_init(catalogue, catalogue->allocator);
}

const struct sim_app *sim_catalogue_app(const struct sim_catalogue *catalogue,
                                        struct dify_slice key)
{
    for (size_t i = 0; i < catalogue->app_count; i++)
        if (dify__slice_equals(catalogue->apps[i].key, key))
            return &catalogue->apps[i];
    return NULL;
}

/* Whether the scenario can stand beside what the catalogue has. */
static enum dify_err check(const struct sim_catalogue *catalogue, const struct sim_loader *loader,
                           const struct sim_scenario *scenario)
{
    if (catalogue->app_count + scenario->app_count > SIM_APPS)
        return sim_fail(loader, NULL, 0, "makes more than %d apps together with those before it",
                        SIM_APPS);
    if (scenario->release.ptr != NULL && catalogue->release.ptr != NULL &&
        !dify__slice_equals(scenario->release, catalogue->release))
        return sim_fail(loader, NULL, 0, "asks for release %s, a file before it for %s",
                        scenario->release.ptr, catalogue->release.ptr);
    for (size_t i = 0; i < scenario->app_count; i++) {
        const struct sim_app *app = &scenario->apps[i];
        if (sim_catalogue_app(catalogue, app->key) != NULL)
            return sim_fail(loader, NULL, 0, "the key of app %s is taken by an app before it",
                            app->name.ptr);
        for (size_t j = 0; j < catalogue->app_count; j++)
            if (dify__slice_equals(catalogue->apps[j].name, app->name))
                return sim_fail(loader, NULL, 0, "an app before it is named %s too", app->name.ptr);
    }
    return DIFY_OK;
}

static enum dify_err join(struct sim_catalogue *catalogue, const struct sim_loader *loader,
                          const struct sim_scenario *scenario)
{
    size_t count = catalogue->app_count + scenario->app_count;
    enum dify_err err = check(catalogue, loader, scenario);
    if (err != DIFY_OK)
        return err;
    struct sim_app *apps = sim_arena_array(loader->arena, count, sizeof *apps);
    if (apps == NULL)
        return DIFY_ERR_NOMEM;
    if (catalogue->app_count != 0)
        memcpy(apps, catalogue->apps, catalogue->app_count * sizeof *apps);
    memcpy(apps + catalogue->app_count, scenario->apps, scenario->app_count * sizeof *apps);
    if (catalogue->arena != NULL)
        sim_arena_join(loader->arena, catalogue->arena);
    catalogue->arena = loader->arena;
    catalogue->apps = apps;
    catalogue->app_count = count;
    if (scenario->release.ptr != NULL)
        catalogue->release = scenario->release;
    return DIFY_OK;
}

/* Reads a scenario file into the loader's arena. */
static enum dify_err read_file(struct sim_loader *loader, const char *path,
                               struct sim_scenario *scenario)
{
    struct dify__buffer text = {.allocator = loader->allocator,
                                .max = SIM_FILE_BYTES + ((size_t)64 << 10)};
    const char *slash = strrchr(path, '/');
    if (slash != NULL)
        loader->folder = (struct dify_slice){path, (size_t)(slash - path) + 1};
    enum dify_err err = sim_loader_read(loader, path, 0, &text);
    if (err == DIFY_OK)
        err = sim_scenario_read(loader, dify__buffer_slice(&text), scenario);
    dify__buffer_fini(&text);
    return err;
}

/* `yaml` absent: `name` is a path. */
static enum dify_err load(struct sim_catalogue *catalogue, const char *name, struct dify_slice yaml,
                          struct sim_load_error *error)
{
    struct sim_scenario scenario = {.apps = NULL};
    struct sim_loader loader = {.allocator = catalogue->allocator,
                                .arena = sim_arena_new(catalogue->allocator),
                                .error = error,
                                .file = name,
                                .folder = {"", 0}};
    enum dify_err err;
    if (loader.arena == NULL)
        return DIFY_ERR_NOMEM;
    if (yaml.ptr != NULL)
        err = sim_scenario_read(&loader, yaml, &scenario);
    else if (sim_is_folder(name))
        err = sim_scenario_of_recording(&loader, name, &scenario);
    else
        err = read_file(&loader, name, &scenario);
    if (err == DIFY_OK)
        err = join(catalogue, &loader, &scenario);
    if (err == DIFY_ERR_TOO_LARGE)
        err =
            sim_fail(&loader, NULL, 0, "holds an event of more than %zu MiB", SIM_FILE_BYTES >> 20);
    if (err != DIFY_OK)
        sim_arena_free(loader.arena);
    return err;
}

enum dify_err sim_catalogue_load(struct sim_catalogue *catalogue, const char *path,
                                 struct sim_load_error *error)
{
    return load(catalogue, path, (struct dify_slice){NULL, 0}, error);
}

enum dify_err sim_catalogue_load_text(struct sim_catalogue *catalogue, const char *name,
                                      struct dify_slice yaml, struct sim_load_error *error)
{
    return load(catalogue, name, yaml.ptr != NULL ? yaml : (struct dify_slice){"", 0}, error);
}
