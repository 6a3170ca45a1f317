/* SPDX-License-Identifier: Apache-2.0
 *
 * config_kit.h: a configuration in a folder of its own, with what was said of it.
 */
#ifndef DIFY_TESTS_GATEWAY_CONFIG_KIT_H
#define DIFY_TESTS_GATEWAY_CONFIG_KIT_H

#include "../cli/kit.h"

#include "gateway/config.h"

#define SECRET "app-secret0123456789"
#define APP "apps:\n  a: {base_url: http://d/v1, api_key_env: KEY}\n"

struct fixture {
    struct kit_folder folder;
    const char *variables[12]; /* names and values */
    struct gw_config_source source;
    struct gw_config config;
    struct text said; /* lines; the folder as @ */
};

static inline const char *variable(void *ctx, const char *name)
{
    const struct fixture *fixture = ctx;
    for (size_t i = 0; i < COUNT_OF(fixture->variables) && fixture->variables[i] != NULL; i += 2)
        if (strcmp(fixture->variables[i], name) == 0)
            return fixture->variables[i + 1];
    return NULL;
}

static inline void say(void *ctx, const char *line)
{
    struct fixture *fixture = ctx;
    const char *hole, *folder = fixture->folder.path;
    for (; (hole = strstr(line, folder)) != NULL; line = hole + strlen(folder)) {
        text_add(&fixture->said, line, (size_t)(hole - line));
        text_add_chars(&fixture->said, "@");
    }
    text_addf(&fixture->said, "%s\n", line);
}

static inline int set_up(void **state)
{
    static struct fixture fixture;
    fixture = (struct fixture){.variables = {"HOME", fixture.folder.path, "KEY", SECRET}};
    kit_folder_make(&fixture.folder);
    fixture.source.path = NULL;
    fixture.source.variable = variable;
    fixture.source.ctx = &fixture;
    *state = &fixture;
    return 0;
}

static inline int tear_down(void **state)
{
    struct fixture *fixture = *state;
    gw_config_fini(&fixture->config);
    text_fini(&fixture->said);
    kit_folder_remove(&fixture->folder);
    return 0;
}

static inline size_t read_config(struct fixture *fixture)
{
    gw_config_fini(&fixture->config);
    text_fini(&fixture->said);
    fixture->said = (struct text){NULL, 0, 0};
    text_add_chars(&fixture->said, "");
    return gw_config_read(&fixture->source, &fixture->config, say, fixture);
}

static inline size_t read_yaml(struct fixture *fixture, struct dify_slice yaml, mode_t mode)
{
    kit_write(&fixture->folder, "gw.yaml", yaml, mode);
    fixture->source.path = kit_path(&fixture->folder, "gw.yaml");
    return read_config(fixture);
}

static inline size_t count_lines(const char *text)
{
    size_t lines = 0;
    for (; *text != '\0'; text++)
        lines += *text == '\n';
    return lines;
}

static inline void assert_refused(struct fixture *fixture, const char *yaml, const char *lines)
{
    size_t count = read_yaml(fixture, slice_of(yaml), 0600);
    if (strcmp(fixture->said.ptr, lines) != 0)
        fail_msg("%s\n---- was told:\n%s---- not:\n%s", yaml, fixture->said.ptr, lines);
    assert_int_equal(count, count_lines(lines));
    assert_null(strstr(fixture->said.ptr, SECRET));
    assert_int_equal(fixture->config.app_count, 0);
    assert_null(fixture->config.apps);
}

/* A head, then `most` lines of `item`, in which a number of four digits stands for each #, then a
 * tail: that may be; with one line more `line` is told. */
static inline void assert_ceiling(struct fixture *fixture, const char *head, const char *item,
                                  const char *tail, size_t most, const char *line)
{
    for (size_t past = 0; past <= 1; past++) {
        struct text yaml = {NULL, 0, 0};
        text_add_chars(&yaml, head);
        for (size_t i = 0; i < most + past; i++) {
            const char *hole, *rest = item;
            for (; (hole = strchr(rest, '#')) != NULL; rest = hole + 1)
                text_addf(&yaml, "%.*s%zu", (int)(hole - rest), rest, 1000 + i);
            text_addf(&yaml, "%s\n", rest);
        }
        text_add_chars(&yaml, tail);
        size_t count = read_yaml(fixture, text_slice(&yaml), 0600);
        text_fini(&yaml);
        assert_string_equal(fixture->said.ptr, past == 0 ? "" : line);
        assert_int_equal(count, past);
    }
}

/* For gw_config_write(); `ctx` is a text. */
static inline void put(void *ctx, const char *text)
{
    text_add_chars(ctx, text);
}

#endif
