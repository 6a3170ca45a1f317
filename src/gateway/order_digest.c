/* SPDX-License-Identifier: Apache-2.0
 *
 * order_digest.c: what makes two requests the same.
 *
 * Everything is hashed with its length or count in front. Of JSON the members are sorted by name,
 * and numbers are their texts; values begin with a letter for their type.
 */
#include "core/json.h"
#include "core/slices.h"
#include "difystream/limits.h"
#include "gateway/limits.h"
#include "gateway/order_state.h"

#include <stdlib.h>

/* Another number makes all digests of before strangers. */
#define DIGEST_VERSION 1

/* ---- JSON ----------------------------------------------------------------------------------- */

/* An object or array on the way from the root to the value at hand: its keys or elements from `at`
 * to `end` in the pool are still to come. */
struct level {
    size_t start, at, end;
    bool is_object;
};

struct walk {
    struct gw_sha256 sha;
    const struct dify_allocator *allocator;
    yyjson_val **pool;
    size_t used, capacity;
    struct level *levels; /* DIFY_EVENT_DEPTH */
    size_t depth;
    yyjson_val *twice; /* a key that its object has twice */
};

static struct dify_slice string_of(yyjson_val *value)
{
    return (struct dify_slice){unsafe_yyjson_get_str(value), unsafe_yyjson_get_len(value)};
}

static int by_bytes(struct dify_slice a, struct dify_slice b)
{
    size_t len = a.len < b.len ? a.len : b.len;
    int order = len != 0 ? memcmp(a.ptr, b.ptr, len) : 0;
    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

static int by_key(const void *left, const void *right)
{
    yyjson_val *const *a = left, *const *b = right;
    return by_bytes(string_of(*a), string_of(*b));
}

/* Puts what a container holds into the pool, sorted if it is an object. */
static bool enter(struct walk *walk, yyjson_val *container)
{
    bool is_object = yyjson_is_obj(container);
    size_t count = yyjson_get_len(container);
    void *pool = walk->pool;
    enum dify_err err =
        dify__grow(walk->allocator, &pool, &walk->capacity, walk->used + count, sizeof *walk->pool);
    walk->pool = pool;
    if (err != DIFY_OK)
        return false;
    yyjson_val **items = walk->pool != NULL ? walk->pool + walk->used : NULL;
    yyjson_val *value = count != 0 ? unsafe_yyjson_get_first(container) : NULL;
    for (size_t i = 0; i < count; i++) {
        items[i] = value;
        value = unsafe_yyjson_get_next(is_object ? value + 1 : value);
    }
    if (is_object && count > 1)
        qsort(items, count, sizeof(yyjson_val *), by_key);
    for (size_t i = 1; is_object && i < count; i++)
        if (by_key(&items[i - 1], &items[i]) == 0)
            walk->twice = items[i];
    gw_sha256_add(&walk->sha, is_object ? "{" : "[", 1);
    gw_sha256_number(&walk->sha, count);
    walk->levels[walk->depth++] =
        (struct level){walk->used, walk->used, walk->used + count, is_object};
    walk->used += count;
    return true;
}

static bool add_value(struct walk *walk, yyjson_val *value)
{
    switch (yyjson_get_type(value)) {
    case YYJSON_TYPE_OBJ:
    case YYJSON_TYPE_ARR:
        return enter(walk, value);
    case YYJSON_TYPE_STR:
        gw_sha256_add(&walk->sha, "s", 1);
        gw_sha256_text(&walk->sha, string_of(value));
        return true;
    case YYJSON_TYPE_RAW: /* numbers */
        gw_sha256_add(&walk->sha, "d", 1);
        gw_sha256_text(&walk->sha, string_of(value));
        return true;
    case YYJSON_TYPE_BOOL:
        gw_sha256_add(&walk->sha, yyjson_get_bool(value) ? "t" : "f", 1);
        return true;
    default:
        gw_sha256_add(&walk->sha, "n", 1);
        return true;
    }
}

/* False for want of memory. */
static bool walk_all(struct walk *walk, yyjson_val *root)
{
    bool is_fine = add_value(walk, root);
    while (is_fine && walk->depth != 0) {
        struct level *level = &walk->levels[walk->depth - 1];
        if (level->at == level->end) {
            walk->used = level->start;
            walk->depth--;
            continue;
        }
        yyjson_val *item = walk->pool[level->at++];
        if (level->is_object)
            gw_sha256_text(&walk->sha, string_of(item));
        is_fine = add_value(walk, level->is_object ? item + 1 : item);
    }
    return is_fine;
}

/* The whole text; the root's members are counted before anything is done with them. */
static enum gw_json_digest_err digest_root(struct walk *walk, yyjson_val *root,
                                           unsigned char digest[GW_SHA256_BYTES], char name[100])
{
    if (yyjson_obj_size(root) > GW_FORM_FIELDS)
        return GW_JSON_DIGEST_MANY;
    gw_sha256_begin(&walk->sha);
    if (!walk_all(walk, root) || !gw_sha256_end(&walk->sha, digest))
        return GW_JSON_DIGEST_NOMEM;
    if (walk->twice == NULL)
        return GW_JSON_DIGEST_OK;
    struct dify_slice key = string_of(walk->twice);
    size_t len = key.len < 99 ? key.len : 99;
    memcpy(name, key.ptr, len);
    name[len] = '\0';
    return GW_JSON_DIGEST_TWICE;
}

enum gw_json_digest_err gw_json_digest(const struct dify_allocator *allocator,
                                       struct dify_slice text, bool skips_digest,
                                       unsigned char digest[GW_SHA256_BYTES], char name[100])
{
    struct level levels[DIFY_EVENT_DEPTH]; /* not in the walk: it would be set to zeros, 16 KB */
    struct walk walk = {.allocator = allocator, .levels = levels, .sha = {.is_off = skips_digest}};
    struct dify__json json; /* for its memory */
    enum gw_json_digest_err err = GW_JSON_DIGEST_NOMEM;
    dify__json_init(&json, allocator);
    char *copy = dify__malloc(allocator, text.len + YYJSON_PADDING_SIZE);
    yyjson_doc *doc = NULL;
    if (copy != NULL) {
        memcpy(copy, text.ptr, text.len);
        memset(copy + text.len, 0, YYJSON_PADDING_SIZE);
        doc = yyjson_read_opts(copy, text.len, YYJSON_READ_INSITU | YYJSON_READ_NUMBER_AS_RAW,
                               &json.alc, NULL);
    }
    if (doc != NULL)
        err = digest_root(&walk, yyjson_doc_get_root(doc), digest, name);
    gw_sha256_fini(&walk.sha);
    yyjson_doc_free(doc);
    dify__json_fini(&json);
    dify__free(allocator, copy);
    dify__free(allocator, walk.pool);
    return err;
}

/* ---- the order ------------------------------------------------------------------------------ */

static int by_field_name(const void *left, const void *right)
{
    const struct dify_field *a = left, *b = right;
    return strcmp(a->name, b->name);
}

/* By the input, and among those of one input as they came. */
static int by_input(const void *left, const void *right)
{
    const struct dify_attachment *const *a = left, *const *b = right;
    int order = strcmp((*a)->name, (*b)->name);
    return order != 0 ? order : (*a > *b) - (*a < *b);
}

static void add_files(const struct gw_order *order, struct gw_sha256 *sha,
                      const struct dify_attachment **sorted)
{
    for (size_t i = 0; i < order->file_count; i++)
        sorted[i] = &order->attachments[i];
    if (order->file_count > 1)
        qsort(sorted, order->file_count, sizeof *sorted, by_input);
    gw_sha256_number(sha, order->file_count);
    for (size_t i = 0; i < order->file_count; i++) {
        const struct gw_order_file *file = &order->files[sorted[i] - order->attachments];
        gw_sha256_text(sha, dify__slice(sorted[i]->name));
        gw_sha256_text(sha, dify__slice(sorted[i]->file.name));
        gw_sha256_add(sha, file->digest, sizeof file->digest);
    }
}

bool gw_order_take_digest(struct gw_order *order)
{
    static const enum gw_member texts[] = {GW_USER, GW_QUERY, GW_CONVERSATION, GW_WORKFLOW};
    const struct dify_attachment **sorted = NULL;
    if (order->file_count != 0) {
        sorted = dify__malloc(order->allocator, order->file_count * sizeof *sorted);
        if (sorted == NULL)
            return false;
    }
    if (order->out_field_count > 1) /* each name is there once: their order does not count */
        qsort(order->out_fields, order->out_field_count, sizeof *order->out_fields, by_field_name);
    struct gw_sha256 *sha = &order->sha;
    gw_sha256_begin(sha);
    gw_sha256_number(sha, DIGEST_VERSION);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        gw_sha256_text(sha, order->members[texts[i]]);
    gw_sha256_add(sha, order->inputs_digest, sizeof order->inputs_digest);
    gw_sha256_number(sha, order->out_field_count);
    for (size_t i = 0; i < order->out_field_count; i++) {
        gw_sha256_text(sha, dify__slice(order->out_fields[i].name));
        gw_sha256_text(sha, order->out_fields[i].text);
    }
    add_files(order, sha, sorted);
    dify__free(order->allocator, sorted);
    return gw_sha256_end(sha, order->digest);
}
