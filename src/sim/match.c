/* SPDX-License-Identifier: Apache-2.0
 *
 * match.c: which script a run plays.
 *
 * Inputs are compared as JSON values: the order of members does not count, 1 and 1.0 are equal.
 * A file is an object with a `transfer_method`; two files are equal when their types are, and a
 * number stands for a list of so many files.
 */
#include "sim/catalogue.h"

#include "core/json.h"
#include "core/slices.h"

#include <string.h>

static bool is_file(yyjson_val *value)
{
    return yyjson_obj_get(value, "transfer_method") != NULL;
}

static bool same_number(yyjson_val *a, yyjson_val *b)
{
    if (yyjson_is_raw(a) || yyjson_is_raw(b)) /* beyond a double or 64 bits: by their digits */
        return yyjson_is_raw(a) && yyjson_is_raw(b) && yyjson_get_len(a) == yyjson_get_len(b) &&
               memcmp(yyjson_get_raw(a), yyjson_get_raw(b), yyjson_get_len(a)) == 0;
    if (yyjson_is_int(a) && yyjson_is_int(b))
        return yyjson_get_type(a) == yyjson_get_type(b) &&
               yyjson_get_subtype(a) == yyjson_get_subtype(b) &&
               yyjson_get_uint(a) == yyjson_get_uint(b);
    return yyjson_get_num(a) == yyjson_get_num(b);
}

static bool same_string(yyjson_val *a, yyjson_val *b)
{
    return yyjson_get_len(a) == yyjson_get_len(b) &&
           memcmp(yyjson_get_str(a), yyjson_get_str(b), yyjson_get_len(a)) == 0;
}

/* Files that the one has: 1 for a file alone; SIZE_MAX for what is none. */
static size_t count_files(yyjson_val *value)
{
    size_t index, max;
    yyjson_val *item;
    if (is_file(value))
        return 1;
    if (!yyjson_is_arr(value))
        return SIZE_MAX;
    yyjson_arr_foreach(value, index, max, item)
    {
        if (!is_file(item))
            return SIZE_MAX;
    }
    return yyjson_arr_size(value);
}

static bool fits(yyjson_val *wanted, yyjson_val *given);

static bool same_list(yyjson_val *wanted, yyjson_val *given)
{
    yyjson_arr_iter a = yyjson_arr_iter_with(wanted), b = yyjson_arr_iter_with(given);
    if (yyjson_arr_size(wanted) != yyjson_arr_size(given))
        return false;
    while (yyjson_arr_iter_has_next(&a))
        if (!fits(yyjson_arr_iter_next(&a), yyjson_arr_iter_next(&b)))
            return false;
    return true;
}

/* Whether `given` has every member of `wanted`. */
static bool has_members(yyjson_val *wanted, yyjson_val *given)
{
    size_t index, max;
    yyjson_val *key, *value;
    yyjson_obj_foreach(wanted, index, max, key, value)
    {
        yyjson_val *other = yyjson_obj_getn(given, yyjson_get_str(key), yyjson_get_len(key));
        if (other == NULL || !fits(value, other))
            return false;
    }
    return true;
}

static bool same_object(yyjson_val *wanted, yyjson_val *given)
{
    if (is_file(wanted)) {
        yyjson_val *a = yyjson_obj_get(wanted, "type"), *b = yyjson_obj_get(given, "type");
        return is_file(given) && (!yyjson_is_str(a) || !yyjson_is_str(b) || same_string(a, b));
    }
    return yyjson_obj_size(wanted) == yyjson_obj_size(given) && has_members(wanted, given);
}

/* Recursion ends at the depth up to which JSON is read (DIFY_EVENT_DEPTH). */
static bool fits(yyjson_val *wanted, yyjson_val *given)
{
    bool is_number = yyjson_is_num(wanted) || yyjson_is_raw(wanted);
    if (yyjson_is_uint(wanted)) {
        size_t files = count_files(given);
        if (files != SIZE_MAX && (files != 0 || yyjson_is_arr(given)))
            return yyjson_get_uint(wanted) == files;
    }
    if (is_number)
        return (yyjson_is_num(given) || yyjson_is_raw(given)) && same_number(wanted, given);
    if (yyjson_get_type(wanted) != yyjson_get_type(given))
        return false;
    if (yyjson_is_str(wanted))
        return same_string(wanted, given);
    if (yyjson_is_bool(wanted))
        return yyjson_get_bool(wanted) == yyjson_get_bool(given);
    if (yyjson_is_arr(wanted))
        return same_list(wanted, given);
    return !yyjson_is_obj(wanted) || same_object(wanted, given);
}

/* Whether the run's inputs, read into `given`, have all that the script wants. NOMEM. */
static enum dify_err inputs_fit(const struct sim_app *app, const struct sim_script *script,
                                const struct dify__json *given, bool *is_fit)
{
    struct dify__json wanted;
    enum dify_err err;
    *is_fit = script->when_inputs.ptr == NULL;
    if (*is_fit || given->doc == NULL)
        return DIFY_OK;
    dify__json_init(&wanted, app->allocator);
    err = dify__json_read(&wanted, script->when_inputs);
    if (err == DIFY_OK)
        *is_fit = has_members(yyjson_doc_get_root(wanted.doc), yyjson_doc_get_root(given->doc));
    dify__json_fini(&wanted);
    return err == DIFY_ERR_NOMEM ? err : DIFY_OK;
}

const struct sim_script *sim_app_script(const struct sim_app *app, struct dify_slice inputs,
                                        struct dify_slice query)
{
    const struct sim_script *found = &app->scripts[app->script_count - 1];
    struct dify__json given;
    dify__json_init(&given, app->allocator);
    enum dify_err err = inputs.len != 0 ? dify__json_read(&given, inputs) : DIFY_ERR_JSON;
    if (err != DIFY_OK)
        dify__json_release(&given);
    if (err != DIFY_ERR_NOMEM)
        err = DIFY_OK; /* inputs that are none have nothing that a script could want */
    for (size_t i = 0; i + 1 < app->script_count && err == DIFY_OK; i++) {
        const struct sim_script *script = &app->scripts[i];
        bool is_fit;
        if (script->when_query.ptr != NULL && !dify__slice_equals(script->when_query, query))
            continue;
        err = inputs_fit(app, script, &given, &is_fit);
        if (err == DIFY_OK && is_fit) {
            found = script;
            break;
        }
    }
    dify__json_fini(&given);
    return err == DIFY_OK ? found : NULL;
}
