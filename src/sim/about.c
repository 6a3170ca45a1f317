/* SPDX-License-Identifier: Apache-2.0
 *
 * about.c: answers about an app, read or made up in the shape of Dify 1.14.2.
 */
#include "sim/about.h"

#include "core/slices.h"
#include "sim/text.h"

#include <string.h>

static const char *const mode_names[] = {"workflow",   "advanced-chat", "chat",
                                         "agent-chat", "completion",    "agent"};

const char *sim_mode_name(enum sim_mode mode)
{
    return mode_names[mode];
}

/* Lays a JSON text down as the routes answer it. */
static enum dify_err lay(const struct sim_loader *loader, struct dify_slice json,
                         struct dify_slice *out)
{
    struct dify__buffer buffer = {.allocator = loader->allocator, .max = SIM_FILE_BYTES};
    enum dify_err err = dify__style_text(json, DIFY__STYLE_ASCII, &buffer);
    if (err == DIFY_OK)
        err = sim_arena_copy(loader->arena, dify__buffer_slice(&buffer), out);
    dify__buffer_fini(&buffer);
    return err;
}

/* ---- made up ------------------------------------------------------------------------------- */

static void put_parameters(struct sim_text *text, struct dify_slice form)
{
    sim_text_add(text, "{\"opening_statement\":\"\",\"suggested_questions\":[],"
                       "\"suggested_questions_after_answer\":{\"enabled\":false},"
                       "\"speech_to_text\":{\"enabled\":false},"
                       "\"text_to_speech\":{\"enabled\":false,\"language\":\"\",\"voice\":\"\"},"
                       "\"retriever_resource\":{\"enabled\":true},"
                       "\"annotation_reply\":{\"enabled\":false},"
                       "\"more_like_this\":{\"enabled\":false},\"user_input_form\":[");
    sim_text_put(text, form);
    sim_text_add(text, "],\"sensitive_word_avoidance\":{\"enabled\":false},"
                       "\"file_upload\":{\"enabled\":false},"
                       "\"system_parameters\":{\"image_file_size_limit\":10,"
                       "\"video_file_size_limit\":100,\"audio_file_size_limit\":50,"
                       "\"file_size_limit\":15,\"workflow_file_upload_limit\":10}}");
}

static void put_info(struct sim_text *text, const struct sim_app *app)
{
    sim_text_add(text, "{\"name\":");
    sim_text_string(text, app->name);
    sim_text_add(text, ",\"description\":\"\",\"tags\":[],\"mode\":\"");
    sim_text_add(text, sim_mode_name(app->mode));
    sim_text_add(text, "\",\"author_name\":\"owner\"}");
}

static void put_site(struct sim_text *text, const struct sim_app *app)
{
    sim_text_add(text, "{\"title\":");
    sim_text_string(text, app->name);
    sim_text_add(text, ",\"chat_color_theme\":null,\"chat_color_theme_inverted\":false,"
                       "\"icon_type\":\"emoji\",\"icon\":\"\xF0\x9F\xA4\x96\","
                       "\"icon_background\":\"#FFEAD5\",\"description\":null,\"copyright\":null,"
                       "\"privacy_policy\":null,\"custom_disclaimer\":\"\","
                       "\"default_language\":\"en-US\",\"show_workflow_steps\":true,"
                       "\"use_icon_as_answer_icon\":false,\"icon_url\":null}");
}

static enum dify_err finish(const struct sim_loader *loader, struct sim_text *text,
                            struct dify_slice *out)
{
    enum dify_err err = text->err;
    if (err == DIFY_OK)
        err = lay(loader, sim_text_slice(text), out);
    sim_text_fini(text);
    return err;
}

/* Makes up what the app does not have yet. */
static enum dify_err make(const struct sim_loader *loader, struct dify_slice form,
                          struct sim_app *app)
{
    struct sim_text text;
    enum dify_err err = DIFY_OK;
    if (app->parameters.ptr == NULL) {
        sim_text_init(&text, loader->allocator);
        put_parameters(&text, form);
        err = finish(loader, &text, &app->parameters);
    }
    if (err == DIFY_OK && app->info.ptr == NULL) {
        sim_text_init(&text, loader->allocator);
        put_info(&text, app);
        err = finish(loader, &text, &app->info);
    }
    if (err == DIFY_OK && app->site.ptr == NULL) {
        sim_text_init(&text, loader->allocator);
        put_site(&text, app);
        err = finish(loader, &text, &app->site);
    }
    if (err == DIFY_OK && app->meta.ptr == NULL)
        err = lay(loader, DIFY_SLICE("{\"tool_icons\":{}}"), &app->meta);
    return err;
}

enum dify_err sim_about_make(const struct sim_loader *loader, struct sim_app *app)
{
    return make(loader, DIFY_SLICE(""), app);
}

/* ---- a form -------------------------------------------------------------------------------- */

static const char *const input_keys[] = {
    "name", "type", "label", "required", "options", "default", "max_length", "file_types", NULL};
enum {
    INPUT_NAME,
    INPUT_TYPE,
    INPUT_LABEL,
    INPUT_REQUIRED,
    INPUT_OPTIONS,
    INPUT_DEFAULT,
    INPUT_MAX_LENGTH,
    INPUT_FILE_TYPES,
    INPUT_KEYS
};

static const char *const input_types[] = {"text-input", "paragraph", "select",
                                          "number",     "checkbox",  "json_object",
                                          "file",       "file-list", NULL};
enum { TYPE_TEXT, TYPE_PARAGRAPH, TYPE_SELECT, TYPE_FILE = 6, TYPE_FILE_LIST };

/* Dify's own limits of a new variable. */
static const char *default_length(unsigned type)
{
    return type == TYPE_TEXT ? "256" : type == TYPE_PARAGRAPH ? "20000" : "null";
}

static void put_json(struct conf_yaml *yaml, const yaml_node_t *node, const char *otherwise,
                     struct sim_text *out, enum dify_err *err)
{
    if (node == NULL)
        sim_text_add(out, otherwise);
    else if (*err == DIFY_OK)
        *err = conf_yaml_json(yaml, node, &out->bytes);
}

static enum dify_err check_list(struct conf_yaml *yaml, const yaml_node_t *node, const char *what)
{
    return node == NULL || conf_yaml_is_list(node)
               ? DIFY_OK
               : conf_yaml_fail(yaml, node, "%s is a list", what);
}

static enum dify_err check_input(struct conf_yaml *yaml, const yaml_node_t *node,
                                 yaml_node_t **values, struct dify_slice *name, unsigned *type,
                                 bool *is_required, uint32_t *max_length)
{
    enum dify_err err = conf_yaml_members(yaml, node, "an input", input_keys, values);
    if (err == DIFY_OK && values[INPUT_NAME] == NULL)
        err = conf_yaml_fail(yaml, node, "an input needs a name");
    if (err == DIFY_OK)
        err = conf_yaml_text(yaml, values[INPUT_NAME], "an input's name", name);
    if (err == DIFY_OK && values[INPUT_TYPE] != NULL)
        err = conf_yaml_word(yaml, values[INPUT_TYPE], "an input's type", input_types, type);
    if (err == DIFY_OK && values[INPUT_REQUIRED] != NULL)
        err = conf_yaml_bool(yaml, values[INPUT_REQUIRED], "required", is_required);
    if (err == DIFY_OK && values[INPUT_MAX_LENGTH] != NULL)
        err = conf_yaml_uint(yaml, values[INPUT_MAX_LENGTH], "max_length", 100000000, max_length);
    if (err == DIFY_OK)
        err = check_list(yaml, values[INPUT_OPTIONS], "options");
    if (err == DIFY_OK)
        err = check_list(yaml, values[INPUT_FILE_TYPES], "file_types");
    if (err == DIFY_OK && *type == TYPE_SELECT && values[INPUT_OPTIONS] == NULL)
        err = conf_yaml_fail(yaml, node, "an input of type select needs options");
    return err;
}

static enum dify_err put_input(struct conf_yaml *yaml, const yaml_node_t *node,
                               struct sim_text *out)
{
    yaml_node_t *values[INPUT_KEYS];
    struct dify_slice name = {NULL, 0};
    unsigned type = TYPE_TEXT;
    bool is_required = false;
    uint32_t max_length = 0;
    enum dify_err err = check_input(yaml, node, values, &name, &type, &is_required, &max_length);
    if (err != DIFY_OK)
        return err;
    sim_text_add(out, "{\"");
    sim_text_add(out, input_types[type]);
    sim_text_add(out, "\":{\"variable\":");
    sim_text_string(out, name);
    sim_text_add(out, ",\"label\":");
    if (values[INPUT_LABEL] != NULL)
        put_json(yaml, values[INPUT_LABEL], "", out, &err);
    else
        sim_text_string(out, name);
    sim_text_add(out, ",\"type\":\"");
    sim_text_add(out, input_types[type]);
    sim_text_add(out, is_required ? "\",\"required\":true" : "\",\"required\":false");
    sim_text_add(out, ",\"max_length\":");
    if (values[INPUT_MAX_LENGTH] != NULL)
        sim_text_int(out, max_length);
    else
        sim_text_add(out, type == TYPE_FILE_LIST ? "5" : default_length(type));
    sim_text_add(out, ",\"options\":");
    put_json(yaml, values[INPUT_OPTIONS], "[]", out, &err);
    if (values[INPUT_DEFAULT] != NULL) {
        sim_text_add(out, ",\"default\":");
        put_json(yaml, values[INPUT_DEFAULT], "", out, &err);
    }
    if (type == TYPE_FILE || type == TYPE_FILE_LIST) {
        sim_text_add(out, ",\"allowed_file_types\":");
        put_json(yaml, values[INPUT_FILE_TYPES], "[\"image\",\"document\"]", out, &err);
        sim_text_add(out, ",\"allowed_file_extensions\":[],"
                          "\"allowed_file_upload_methods\":[\"local_file\",\"remote_url\"]");
    }
    sim_text_add(out, "}}");
    return err;
}

static enum dify_err put_form(struct conf_yaml *yaml, const yaml_node_t *inputs,
                              struct sim_text *out)
{
    if (!conf_yaml_is_list(inputs))
        return conf_yaml_fail(yaml, inputs, "an app's inputs are a list");
    for (size_t i = 0; i < conf_yaml_count(inputs); i++) {
        if (i != 0)
            sim_text_add(out, ",");
        enum dify_err err = put_input(yaml, conf_yaml_item(yaml, inputs, i), out);
        if (err != DIFY_OK)
            return err;
    }
    return out->err;
}

/* ---- given --------------------------------------------------------------------------------- */

static enum dify_err load_file(const struct conf_yaml *yaml, const yaml_node_t *node,
                               const char *what, struct dify_slice *out)
{
    const struct sim_loader *loader = sim_loader_of(yaml);
    struct dify__buffer buffer = {.allocator = loader->allocator,
                                  .max = SIM_FILE_BYTES + ((size_t)64 << 10)};
    struct dify_slice path;
    enum dify_err err = conf_yaml_text(yaml, node, what, &path);
    if (err == DIFY_OK)
        err = sim_loader_path(loader, path, &path);
    if (err == DIFY_OK && sim_is_folder(path.ptr))
        err = sim_loader_join(loader, path.ptr, "response.body", &path);
    if (err == DIFY_OK)
        err = sim_loader_read(loader, path.ptr, conf_yaml_line(node), &buffer);
    if (err == DIFY_OK)
        err = lay(loader, dify__buffer_slice(&buffer), out);
    dify__buffer_fini(&buffer);
    if (err == DIFY_ERR_JSON || err == DIFY_ERR_DEPTH || (err == DIFY_OK && out->ptr[0] != '{'))
        err = conf_yaml_fail(yaml, node, "%s: %s holds no JSON object", what, path.ptr);
    return err;
}

static enum dify_err load(struct conf_yaml *yaml, const yaml_node_t *node, const char *what,
                          struct dify_slice *out)
{
    if (node == NULL)
        return DIFY_OK;
    if (conf_yaml_is_text(node))
        return load_file(yaml, node, what, out);
    if (!conf_yaml_is_mapping(node))
        return conf_yaml_fail(yaml, node,
                              "%s is a file, a folder of a recorded answer, or a mapping", what);
    struct dify__buffer buffer = {.allocator = sim_loader_of(yaml)->allocator,
                                  .max = SIM_FILE_BYTES};
    enum dify_err err = conf_yaml_json(yaml, node, &buffer);
    if (err == DIFY_OK)
        err = lay(sim_loader_of(yaml), dify__buffer_slice(&buffer), out);
    dify__buffer_fini(&buffer);
    return err;
}

enum dify_err sim_about_load(struct conf_yaml *yaml, const struct sim_about *about,
                             struct sim_app *app)
{
    if (about->parameters != NULL && about->inputs != NULL)
        return conf_yaml_fail(yaml, about->inputs, "an app has parameters or inputs, not both");
    enum dify_err err = load(yaml, about->parameters, "parameters", &app->parameters);
    if (err == DIFY_OK)
        err = load(yaml, about->info, "info", &app->info);
    if (err == DIFY_OK)
        err = load(yaml, about->meta, "meta", &app->meta);
    if (err == DIFY_OK)
        err = load(yaml, about->site, "site", &app->site);
    if (err != DIFY_OK)
        return err;
    struct sim_text form;
    sim_text_init(&form, sim_loader_of(yaml)->allocator);
    if (about->inputs != NULL)
        err = put_form(yaml, about->inputs, &form);
    if (err == DIFY_OK)
        err = make(sim_loader_of(yaml), sim_text_slice(&form), app);
    sim_text_fini(&form);
    return err;
}
