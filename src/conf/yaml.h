/* SPDX-License-Identifier: Apache-2.0
 *
 * yaml.h: reading YAML, scenarios and configurations alike, with errors that name the line.
 *
 * libyaml makes the document; it takes its memory from the C library. Here is what it does not
 * know: which members a mapping may have, and of which types values are. JSON is YAML, so texts of
 * either kind are read.
 */
#ifndef DIFY_CONF_YAML_H
#define DIFY_CONF_YAML_H

#include "core/memory.h"

#include <stdarg.h>
#include <stdint.h>
#include <yaml.h>

/* Where what is wrong with a file is told. */
struct conf_place {
    const char *file; /* for messages */
    char *text;       /* room for one line, of `size` bytes */
    size_t size;

    /* Where it is set every line is handed to it, and what is wrong does not keep the members that
     * stand beside it from being read. */
    void (*say)(void *ctx, const char *line);
    void *ctx;
};

/* Writes "FILE:LINE: what" in one line of printable text and returns DIFY_ERR_ARGUMENT; `line` 0 is
 * left out. Any function here that returns DIFY_ERR_ARGUMENT has written why. */
enum dify_err conf_fail(const struct conf_place *place, size_t line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
enum dify_err conf_vfail(const struct conf_place *place, size_t line, const char *format,
                         va_list args) __attribute__((format(printf, 3, 0)));

struct conf_yaml {
    struct conf_place place;
    const void *owner; /* the reader's own; not looked at here */
    yaml_document_t document;
    bool is_open;
};

/* Ceiling of nesting, lists and mappings taken together. */
#define CONF_YAML_DEPTH 64

/* Reads one document, which must hold something. `yaml` needs conf_yaml_close() in any case. */
DIFY_MUST_CHECK enum dify_err conf_yaml_open(struct conf_yaml *yaml, struct conf_place place,
                                             struct dify_slice text, const void *owner);
void conf_yaml_close(struct conf_yaml *yaml);

yaml_node_t *conf_yaml_root(struct conf_yaml *yaml);

/* The line of a node, from 1. */
size_t conf_yaml_line(const yaml_node_t *node);

/* As conf_fail() for the node's line. */
enum dify_err conf_yaml_fail(const struct conf_yaml *yaml, const yaml_node_t *node,
                             const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Whether the node is there and is not null. */
bool conf_yaml_is_set(const yaml_node_t *node);
bool conf_yaml_is_text(const yaml_node_t *node); /* a scalar that is set */
bool conf_yaml_is_list(const yaml_node_t *node);
bool conf_yaml_is_mapping(const yaml_node_t *node);

/* Takes a mapping apart: `values[i]` becomes the value of `keys[i]`, NULL where there is none or it
 * is null, also where an error is returned. `keys` ends with NULL. `what` names the mapping in
 * messages ("an app"). */
DIFY_MUST_CHECK enum dify_err conf_yaml_members(struct conf_yaml *yaml, const yaml_node_t *node,
                                                const char *what, const char *const *keys,
                                                yaml_node_t **values);

/* The member `index` of a mapping whose keys are the user's own; false behind the last. */
bool conf_yaml_pair(struct conf_yaml *yaml, const yaml_node_t *mapping, size_t index,
                    yaml_node_t **key, yaml_node_t **value);

/* The items of a list. */
size_t conf_yaml_count(const yaml_node_t *list);
yaml_node_t *conf_yaml_item(struct conf_yaml *yaml, const yaml_node_t *list, size_t index);

/* A scalar's text; borrowed from the document. `what` names the value in messages. */
DIFY_MUST_CHECK enum dify_err conf_yaml_text(const struct conf_yaml *yaml, const yaml_node_t *node,
                                             const char *what, struct dify_slice *out);
DIFY_MUST_CHECK enum dify_err conf_yaml_bool(const struct conf_yaml *yaml, const yaml_node_t *node,
                                             const char *what, bool *out);
DIFY_MUST_CHECK enum dify_err conf_yaml_uint(const struct conf_yaml *yaml, const yaml_node_t *node,
                                             const char *what, uint32_t max, uint32_t *out);

/* Seconds, such as 2.5, as milliseconds; up to 1,000,000 s. */
DIFY_MUST_CHECK enum dify_err conf_yaml_seconds(const struct conf_yaml *yaml,
                                                const yaml_node_t *node, const char *what,
                                                uint32_t *out_ms);

/* A time with its unit, as conf_duration() reads it, from `min_ms` to `max_ms`. */
DIFY_MUST_CHECK enum dify_err conf_yaml_duration(const struct conf_yaml *yaml,
                                                 const yaml_node_t *node, const char *what,
                                                 uint64_t min_ms, uint64_t max_ms,
                                                 uint64_t *out_ms);

/* A number of bytes, as conf_size() reads it, from `min` to `max`. */
DIFY_MUST_CHECK enum dify_err conf_yaml_size(const struct conf_yaml *yaml, const yaml_node_t *node,
                                             const char *what, uint64_t min, uint64_t max,
                                             uint64_t *out);

/* The same as conf_yaml_seconds() of a text that comes from elsewhere. */
bool conf_seconds(struct dify_slice text, uint32_t *out_ms);

/* One of several words: its index in `words`, which ends with NULL. */
DIFY_MUST_CHECK enum dify_err conf_yaml_word(const struct conf_yaml *yaml, const yaml_node_t *node,
                                             const char *what, const char *const *words,
                                             unsigned *out);

/* Appends the node as compact JSON, UTF-8 as it is: null, true, false and JSON's numbers where they
 * stand without quotes, all else as strings. */
DIFY_MUST_CHECK enum dify_err conf_yaml_json(struct conf_yaml *yaml, const yaml_node_t *node,
                                             struct dify__buffer *out);

/* Appends the text as a scalar that reads back to it: plain where that is safe, else quoted. */
DIFY_MUST_CHECK enum dify_err conf_yaml_append_text(struct dify_slice text,
                                                    struct dify__buffer *out);

#endif
