/* SPDX-License-Identifier: Apache-2.0
 *
 * config_path.c: the paths of a configuration. One may begin with the value of an environment
 * variable, as that of ${CREDENTIALS_DIRECTORY}, where systemd puts the secrets of a service.
 */
#include "conf/file.h"
#include "conf/text.h"
#include "core/slices.h"
#include "gateway/config_read.h"

#include <stdlib.h>
#include <string.h>

bool gw_is_variable(struct dify_slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
              (i != 0 && c >= '0' && c <= '9')))
            return false;
    }
    return text.len != 0;
}

/* A path that begins with "${": with the variable's value in its place. To be freed; NULL: told,
 * or there is no memory. */
static char *fill_in(struct gw_reader *reader, const yaml_node_t *node, const char *what,
                     struct dify_slice text)
{
    char *name, *path = NULL;
    const char *value, *end = memchr(text.ptr, '}', text.len);
    size_t used = end != NULL ? (size_t)(end - text.ptr) + 1 : text.len;
    struct dify_slice between = {text.ptr + 2, end != NULL ? used - 3 : 0};
    if (!gw_is_variable(between) || used == text.len || end[1] != '/') {
        gw_at(reader, node, "%s: after ${ the name of an environment variable and }/ are wanted",
              what);
        return NULL;
    }
    name = gw_copy(reader, between);
    if (name == NULL)
        return NULL;
    value = gw_variable(reader, name);
    if (value == NULL)
        gw_at(reader, node, "%s: the environment variable %.200s is not set", what, name);
    else if (value[0] != '/' || strlen(value) > GW_PATH_BYTES)
        gw_at(reader, node, "%s: the environment variable %.200s holds no absolute path", what,
              name);
    else {
        path = conf_textf("%s%.*s", value, (int)(text.len - used), text.ptr + used);
        reader->no_memory = reader->no_memory || path == NULL;
    }
    free(name);
    return path;
}

void gw_read_path(struct gw_reader *reader, const yaml_node_t *node, const char *what, char **out)
{
    struct dify_slice text;
    if (!gw_read_text(reader, node, what, GW_PATH_BYTES, &text))
        return;
    if (text.len >= 2 && memcmp(text.ptr, "${", 2) == 0) {
        *out = fill_in(reader, node, what, text);
        return;
    }
    *out = conf_path(reader->folder_of, reader->home, text);
    reader->no_memory = reader->no_memory || *out == NULL;
}
