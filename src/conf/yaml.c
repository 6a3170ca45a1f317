/* SPDX-License-Identifier: Apache-2.0
 *
 * yaml.c: libyaml's document API behind a small schema.
 */
#define _DEFAULT_SOURCE /* explicit_bzero */

#include "conf/yaml.h"

#include "conf/text.h"
#include "conf/units.h"
#include "core/decimal_text.h"
#include "core/slices.h"
#include "core/utf8.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* ---- messages ------------------------------------------------------------------------------ */

enum dify_err conf_vfail(const struct conf_place *place, size_t line, const char *format,
                         va_list args)
{
    int used = line != 0 ? snprintf(place->text, place->size, "%s:%zu: ", place->file, line)
                         : snprintf(place->text, place->size, "%s: ", place->file);
    if (used > 0 && (size_t)used < place->size)
        vsnprintf(place->text + used, place->size - (size_t)used, format, args);
    for (char *at = place->text; *at != '\0'; at++)
        if ((unsigned char)*at < 0x20 || *at == 0x7F)
            *at = '?';
    if (place->say != NULL)
        place->say(place->ctx, place->text);
    return DIFY_ERR_ARGUMENT;
}

enum dify_err conf_fail(const struct conf_place *place, size_t line, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    enum dify_err err = conf_vfail(place, line, format, args);
    va_end(args);
    return err;
}

/* ---- the document -------------------------------------------------------------------------- */

static enum dify_err fail_reading(const struct conf_place *place, const yaml_parser_t *parser)
{
    size_t line = parser->problem_mark.line + 1;
    const char *problem = parser->problem != NULL ? parser->problem : "cannot be read";
    if (parser->error == YAML_MEMORY_ERROR)
        return DIFY_ERR_NOMEM;
    if (parser->error == YAML_READER_ERROR)
        return conf_fail(place, 0, "is no YAML: byte %zu: %s", parser->problem_offset, problem);
    return conf_fail(place, line, "is no YAML: %s", problem);
}

/* A second document would be passed over without a word. */
static enum dify_err check_end(const struct conf_place *place, yaml_parser_t *parser)
{
    yaml_document_t next;
    if (!yaml_parser_load(parser, &next))
        return fail_reading(place, parser);
    const yaml_node_t *root = yaml_document_get_root_node(&next);
    size_t line = root != NULL ? conf_yaml_line(root) : 0;
    yaml_document_delete(&next);
    return line != 0 ? conf_fail(place, line, "a second document begins here; one is read")
                     : DIFY_OK;
}

enum dify_err conf_yaml_open(struct conf_yaml *yaml, struct conf_place place,
                             struct dify_slice text, const void *owner)
{
    yaml_parser_t parser;
    *yaml = (struct conf_yaml){.place = place, .owner = owner};
    if (!yaml_parser_initialize(&parser))
        return DIFY_ERR_NOMEM;
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser, (const unsigned char *)text.ptr, text.len);
    enum dify_err err = DIFY_OK;
    yaml->is_open = yaml_parser_load(&parser, &yaml->document) != 0;
    if (!yaml->is_open)
        err = fail_reading(&yaml->place, &parser);
    else if (conf_yaml_root(yaml) == NULL)
        err = conf_fail(&yaml->place, 1, "holds nothing");
    else
        err = check_end(&yaml->place, &parser);
    yaml_parser_delete(&parser);
    return err;
}

/* Any text may be a key, and libyaml frees it without a thought. Not before the end: a node that
 * aliases name is read more than once. */
static void wipe(yaml_document_t *document)
{
    yaml_node_t *node;
    for (int i = 1; (node = yaml_document_get_node(document, i)) != NULL; i++)
        if (node->type == YAML_SCALAR_NODE)
            explicit_bzero(node->data.scalar.value, node->data.scalar.length);
}

void conf_yaml_close(struct conf_yaml *yaml)
{
    if (yaml->is_open) {
        wipe(&yaml->document);
        yaml_document_delete(&yaml->document);
    }
    yaml->is_open = false;
}

yaml_node_t *conf_yaml_root(struct conf_yaml *yaml)
{
    return yaml_document_get_root_node(&yaml->document);
}

size_t conf_yaml_line(const yaml_node_t *node)
{
    return node->start_mark.line + 1;
}

enum dify_err conf_yaml_fail(const struct conf_yaml *yaml, const yaml_node_t *node,
                             const char *format, ...)
{
    char what[900];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    return conf_fail(&yaml->place, conf_yaml_line(node), "%s", what);
}

/* ---- types --------------------------------------------------------------------------------- */

static struct dify_slice scalar(const yaml_node_t *node)
{
    return (struct dify_slice){(const char *)node->data.scalar.value, node->data.scalar.length};
}

static bool is_plain(const yaml_node_t *node)
{
    return node->type == YAML_SCALAR_NODE && node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
}

static bool is_null(const yaml_node_t *node)
{
    struct dify_slice text;
    if (!is_plain(node))
        return false;
    text = scalar(node);
    return text.len == 0 || dify__slice_is(text, "~") || dify__slice_is(text, "null");
}

bool conf_yaml_is_set(const yaml_node_t *node)
{
    return node != NULL && !is_null(node);
}

bool conf_yaml_is_text(const yaml_node_t *node)
{
    return conf_yaml_is_set(node) && node->type == YAML_SCALAR_NODE;
}

bool conf_yaml_is_list(const yaml_node_t *node)
{
    return node != NULL && node->type == YAML_SEQUENCE_NODE;
}

bool conf_yaml_is_mapping(const yaml_node_t *node)
{
    return node != NULL && node->type == YAML_MAPPING_NODE;
}

/* How far a scalar is shown in a message. */
static int shown(struct dify_slice text)
{
    return text.len < 60 ? (int)text.len : 60;
}

/* ---- mappings and lists -------------------------------------------------------------------- */

static void list_words(const char *const *words, char *out, size_t size)
{
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; words[i] != NULL && used < size; i++) {
        int len = snprintf(out + used, size - used, "%s%s", i != 0 ? ", " : "", words[i]);
        used += len > 0 ? (size_t)len : 0;
    }
}

static enum dify_err take_member(struct conf_yaml *yaml, const yaml_node_pair_t *pair,
                                 const char *what, const char *const *keys, yaml_node_t **values,
                                 bool *seen)
{
    char known[400];
    const yaml_node_t *key = yaml_document_get_node(&yaml->document, pair->key);
    yaml_node_t *value = yaml_document_get_node(&yaml->document, pair->value);
    if (key == NULL || value == NULL || key->type != YAML_SCALAR_NODE)
        return conf_yaml_fail(yaml, key != NULL ? key : conf_yaml_root(yaml),
                              "%s: a key is a word, not a list or mapping", what);
    for (size_t i = 0; keys[i] != NULL; i++) {
        if (!dify__slice_is(scalar(key), keys[i]))
            continue;
        if (seen[i])
            return conf_yaml_fail(yaml, key, "%s: '%s' is given twice", what, keys[i]);
        seen[i] = true;
        values[i] = is_null(value) ? NULL : value;
        return DIFY_OK;
    }
    const char *near = conf_nearest(scalar(key), keys);
    if (near != NULL)
        return conf_yaml_fail(yaml, key, "%s has no '%.*s'; did you mean '%s'?", what,
                              shown(scalar(key)), scalar(key).ptr, near);
    list_words(keys, known, sizeof known);
    return conf_yaml_fail(yaml, key, "%s has no '%.*s'; it has %s", what, shown(scalar(key)),
                          scalar(key).ptr, known);
}

enum dify_err conf_yaml_members(struct conf_yaml *yaml, const yaml_node_t *node, const char *what,
                                const char *const *keys, yaml_node_t **values)
{
    bool seen[64] = {false};
    enum dify_err first = DIFY_OK;
    for (size_t i = 0; keys[i] != NULL; i++)
        values[i] = NULL;
    if (!conf_yaml_is_mapping(node))
        return conf_yaml_fail(yaml, node, "%s is a mapping of keys to values", what);
    for (const yaml_node_pair_t *pair = node->data.mapping.pairs.start;
         pair < node->data.mapping.pairs.top; pair++) {
        enum dify_err err = take_member(yaml, pair, what, keys, values, seen);
        if (err != DIFY_OK && yaml->place.say == NULL)
            return err;
        first = first != DIFY_OK ? first : err;
    }
    return first;
}

bool conf_yaml_pair(struct conf_yaml *yaml, const yaml_node_t *mapping, size_t index,
                    yaml_node_t **key, yaml_node_t **value)
{
    const yaml_node_pair_t *pairs = mapping->data.mapping.pairs.start;
    if (index >= (size_t)(mapping->data.mapping.pairs.top - pairs))
        return false;
    *key = yaml_document_get_node(&yaml->document, pairs[index].key);
    *value = yaml_document_get_node(&yaml->document, pairs[index].value);
    return true;
}

size_t conf_yaml_count(const yaml_node_t *list)
{
    return (size_t)(list->data.sequence.items.top - list->data.sequence.items.start);
}

yaml_node_t *conf_yaml_item(struct conf_yaml *yaml, const yaml_node_t *list, size_t index)
{
    return yaml_document_get_node(&yaml->document, list->data.sequence.items.start[index]);
}

/* ---- scalars ------------------------------------------------------------------------------- */

enum dify_err conf_yaml_text(const struct conf_yaml *yaml, const yaml_node_t *node,
                             const char *what, struct dify_slice *out)
{
    if (!conf_yaml_is_text(node))
        return conf_yaml_fail(yaml, node, "%s is a text", what);
    *out = scalar(node);
    return DIFY_OK;
}

enum dify_err conf_yaml_bool(const struct conf_yaml *yaml, const yaml_node_t *node,
                             const char *what, bool *out)
{
    bool is_true = is_plain(node) && dify__slice_is(scalar(node), "true");
    if (!is_true && !(is_plain(node) && dify__slice_is(scalar(node), "false")))
        return conf_yaml_fail(yaml, node, "%s is true or false", what);
    *out = is_true;
    return DIFY_OK;
}

/* Digits with, where `decimals` is not 0, a point and up to that many digits, as a whole number of
 * the smallest unit. */
static bool parse_number(struct dify_slice text, size_t decimals, uint64_t max, uint64_t *out)
{
    uint64_t value = 0;
    size_t i = 0, fraction = 0;
    for (; i < text.len && text.ptr[i] >= '0' && text.ptr[i] <= '9' && value <= max; i++)
        value = value * 10 + (uint64_t)(text.ptr[i] - '0');
    if (i == 0 || value > max)
        return false;
    if (decimals != 0 && i < text.len && text.ptr[i] == '.')
        for (i++; i < text.len && text.ptr[i] >= '0' && text.ptr[i] <= '9' && fraction < decimals;
             i++, fraction++)
            value = value * 10 + (uint64_t)(text.ptr[i] - '0');
    if (i != text.len)
        return false;
    for (; fraction < decimals; fraction++)
        value *= 10;
    *out = value;
    return true;
}

enum dify_err conf_yaml_uint(const struct conf_yaml *yaml, const yaml_node_t *node,
                             const char *what, uint32_t max, uint32_t *out)
{
    uint64_t value;
    if (!is_plain(node) || !parse_number(scalar(node), 0, max, &value))
        return conf_yaml_fail(yaml, node, "%s is a whole number from 0 to %lu", what,
                              (unsigned long)max);
    *out = (uint32_t)value;
    return DIFY_OK;
}

bool conf_seconds(struct dify_slice text, uint32_t *out_ms)
{
    uint64_t value;
    if (!parse_number(text, 3, 1000000, &value) || value > 1000000000)
        return false;
    *out_ms = (uint32_t)value;
    return true;
}

enum dify_err conf_yaml_seconds(const struct conf_yaml *yaml, const yaml_node_t *node,
                                const char *what, uint32_t *out_ms)
{
    if (!is_plain(node) || !conf_seconds(scalar(node), out_ms))
        return conf_yaml_fail(yaml, node, "%s is a time in seconds from 0 to 1000000, such as 2.5",
                              what);
    return DIFY_OK;
}

enum dify_err conf_yaml_duration(const struct conf_yaml *yaml, const yaml_node_t *node,
                                 const char *what, uint64_t min_ms, uint64_t max_ms,
                                 uint64_t *out_ms)
{
    char least[CONF_UNIT_BYTES], most[CONF_UNIT_BYTES];
    uint64_t ms;
    if (node->type == YAML_SCALAR_NODE && conf_duration(scalar(node), &ms) && ms >= min_ms &&
        ms <= max_ms) {
        *out_ms = ms;
        return DIFY_OK;
    }
    conf_duration_text(min_ms, least);
    conf_duration_text(max_ms, most);
    return conf_yaml_fail(yaml, node, "%s is a time from %s to %s, such as 90s, 12h or 30d", what,
                          least, most);
}

enum dify_err conf_yaml_size(const struct conf_yaml *yaml, const yaml_node_t *node,
                             const char *what, uint64_t min, uint64_t max, uint64_t *out)
{
    char least[CONF_UNIT_BYTES], most[CONF_UNIT_BYTES];
    uint64_t bytes;
    if (node->type == YAML_SCALAR_NODE && conf_size(scalar(node), &bytes) && bytes >= min &&
        bytes <= max) {
        *out = bytes;
        return DIFY_OK;
    }
    conf_size_text(min, least);
    conf_size_text(max, most);
    return conf_yaml_fail(yaml, node, "%s is a size from %s to %s, such as 500MB or 10GiB", what,
                          least, most);
}

enum dify_err conf_yaml_word(const struct conf_yaml *yaml, const yaml_node_t *node,
                             const char *what, const char *const *words, unsigned *out)
{
    char known[300];
    for (unsigned i = 0; node->type == YAML_SCALAR_NODE && words[i] != NULL; i++) {
        if (dify__slice_is(scalar(node), words[i])) {
            *out = i;
            return DIFY_OK;
        }
    }
    list_words(words, known, sizeof known);
    return conf_yaml_fail(yaml, node, "%s is one of: %s", what, known);
}

/* ---- JSON ---------------------------------------------------------------------------------- */

static enum dify_err append_chars(struct dify__buffer *out, const char *chars)
{
    return dify__buffer_append(out, chars, strlen(chars));
}

/* libyaml lets nothing pass that is no UTF-8. */
static enum dify_err append_string(struct dify_slice text, struct dify__buffer *out)
{
    enum dify_err err = append_chars(out, "\"");
    for (size_t i = 0; i < text.len && err == DIFY_OK;) {
        size_t from = i;
        while (i < text.len && (unsigned char)text.ptr[i] >= 0x20 && text.ptr[i] != '"' &&
               text.ptr[i] != '\\')
            i++;
        err = dify__buffer_append(out, text.ptr + from, i - from);
        if (i == text.len || err != DIFY_OK)
            break;
        unsigned char c = (unsigned char)text.ptr[i++];
        char escape[8];
        if (c >= 0x20)
            snprintf(escape, sizeof escape, "\\%c", c);
        else if (c >= 0x08 && c <= 0x0D && c != 0x0B)
            snprintf(escape, sizeof escape, "\\%c", "btn?fr"[c - 0x08]);
        else
            snprintf(escape, sizeof escape, "\\u%04x", c);
        err = append_chars(out, escape);
    }
    return err == DIFY_OK ? append_chars(out, "\"") : err;
}

static enum dify_err append_scalar(const yaml_node_t *node, struct dify__buffer *out)
{
    struct dify_slice text = scalar(node);
    if (is_null(node))
        return append_chars(out, "null");
    if (is_plain(node) && (dify__slice_is(text, "true") || dify__slice_is(text, "false") ||
                           dify__decimal_is_number(text)))
        return dify__buffer_append(out, text.ptr, text.len);
    return append_string(text, out);
}

static enum dify_err append_value(struct conf_yaml *yaml, const yaml_node_t *node, unsigned depth,
                                  struct dify__buffer *out);

static enum dify_err append_list(struct conf_yaml *yaml, const yaml_node_t *node, unsigned depth,
                                 struct dify__buffer *out)
{
    enum dify_err err = append_chars(out, "[");
    for (size_t i = 0; i < conf_yaml_count(node) && err == DIFY_OK; i++) {
        if (i != 0)
            err = append_chars(out, ",");
        if (err == DIFY_OK)
            err = append_value(yaml, conf_yaml_item(yaml, node, i), depth, out);
    }
    return err == DIFY_OK ? append_chars(out, "]") : err;
}

static enum dify_err append_mapping(struct conf_yaml *yaml, const yaml_node_t *node, unsigned depth,
                                    struct dify__buffer *out)
{
    enum dify_err err = append_chars(out, "{");
    const yaml_node_pair_t *start = node->data.mapping.pairs.start;
    for (const yaml_node_pair_t *pair = start;
         pair < node->data.mapping.pairs.top && err == DIFY_OK; pair++) {
        const yaml_node_t *key = yaml_document_get_node(&yaml->document, pair->key);
        if (key->type != YAML_SCALAR_NODE)
            return conf_yaml_fail(yaml, key, "a key is a word, not a list or mapping");
        if (pair != start)
            err = append_chars(out, ",");
        if (err == DIFY_OK)
            err = append_string(scalar(key), out);
        if (err == DIFY_OK)
            err = append_chars(out, ":");
        if (err == DIFY_OK)
            err = append_value(yaml, yaml_document_get_node(&yaml->document, pair->value), depth,
                               out);
    }
    return err == DIFY_OK ? append_chars(out, "}") : err;
}

/* Recursion ends at CONF_YAML_DEPTH, which also ends an alias that holds itself. */
static enum dify_err append_value(struct conf_yaml *yaml, const yaml_node_t *node, unsigned depth,
                                  struct dify__buffer *out)
{
    if (node->type == YAML_SCALAR_NODE)
        return append_scalar(node, out);
    if (depth == CONF_YAML_DEPTH)
        return conf_yaml_fail(yaml, node, "is nested deeper than %d", CONF_YAML_DEPTH);
    return node->type == YAML_SEQUENCE_NODE ? append_list(yaml, node, depth + 1, out)
                                            : append_mapping(yaml, node, depth + 1, out);
}

enum dify_err conf_yaml_json(struct conf_yaml *yaml, const yaml_node_t *node,
                             struct dify__buffer *out)
{
    enum dify_err err = append_value(yaml, node, 0, out);
    return err != DIFY_ERR_TOO_LARGE
               ? err
               : conf_yaml_fail(yaml, node, "has more than %zu MiB", out->max >> 20);
}

/* ---- texts --------------------------------------------------------------------------------- */

/* Whether the text can stand without quotes anywhere. */
static bool is_safe(struct dify_slice text)
{
    static const char marks[] = "./:_@+-";
    if (text.len == 0 || dify__slice_is(text, "null") || dify__slice_is(text, "true") ||
        dify__slice_is(text, "false") || text.ptr[text.len - 1] == ':' ||
        strchr(":@+-.", text.ptr[0]) != NULL)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
              (c != '\0' && strchr(marks, c) != NULL)))
            return false;
    }
    return true;
}

/* Whether YAML does not take the character as it is: controls, line ends and byte order marks. */
static bool must_escape(uint32_t code)
{
    return (code >= 0x7F && code < 0xA0) || code == 0x2028 || code == 0x2029 || code == 0xFEFF ||
           code == 0xFFFE || code == 0xFFFF;
}

/* The characters beyond ASCII at `text`, which begins with one. */
static enum dify_err append_wide(struct dify_slice text, size_t *len, struct dify__buffer *out)
{
    char escape[8];
    size_t bad;
    const unsigned char *at = (const unsigned char *)text.ptr;
    *len = dify__utf8_sequence(at, text.len, &bad);
    if (*len == 0)
        return DIFY_ERR_ARGUMENT;
    uint32_t code = *len == 1   ? at[0]
                    : *len == 2 ? (at[0] & 0x1Fu) << 6 | (at[1] & 0x3Fu)
                    : *len == 3 ? (at[0] & 0x0Fu) << 12 | (at[1] & 0x3Fu) << 6 | (at[2] & 0x3Fu)
                                : 0x10000;
    if (!must_escape(code))
        return dify__buffer_append(out, text.ptr, *len);
    snprintf(escape, sizeof escape, "\\u%04x", (unsigned)code);
    return append_chars(out, escape);
}

enum dify_err conf_yaml_append_text(struct dify_slice text, struct dify__buffer *out)
{
    if (is_safe(text))
        return dify__buffer_append(out, text.ptr, text.len);
    enum dify_err err = append_chars(out, "\"");
    for (size_t i = 0; i < text.len && err == DIFY_OK;) {
        unsigned char c = (unsigned char)text.ptr[i];
        char escape[8];
        size_t len = 1;
        if (c >= 0x7F) {
            err = append_wide((struct dify_slice){text.ptr + i, text.len - i}, &len, out);
        } else if (c < 0x20 || c == '"' || c == '\\') {
            snprintf(escape, sizeof escape, c < 0x20 ? "\\x%02x" : "\\%c", c);
            err = append_chars(out, escape);
        } else {
            err = dify__buffer_append(out, text.ptr + i, 1);
        }
        i += len;
    }
    return err == DIFY_OK ? append_chars(out, "\"") : err;
}
