/* SPDX-License-Identifier: Apache-2.0
 *
 * output_text.c: an output that is a string, decoded for programs that want text.
 */
#include "core/json.h"
#include "core/run_state.h"
#include "core/slices.h"

#include <string.h>

/* `json` is a valid JSON string. It is read as the only member of an object. */
static enum dify_err decode_string(const struct dify_run *run, struct dify_slice json, char **out,
                                   size_t *out_len)
{
    struct dify__json reader;
    struct dify__buffer object = {.allocator = run->allocator, .max = SIZE_MAX / 2};
    struct dify__members members;
    char *text = NULL;
    dify__json_init(&reader, run->allocator);
    enum dify_err err = dify__buffer_append(&object, "{\"x\":", 5);
    if (err == DIFY_OK)
        err = dify__buffer_append(&object, json.ptr, json.len);
    if (err == DIFY_OK)
        err = dify__buffer_append(&object, "}", 1);
    if (err == DIFY_OK)
        err = dify__json_read_again(&reader, dify__buffer_slice(&object));
    if (err == DIFY_OK) {
        dify__members_of_root(&members, &reader);
        (void)dify__members_next(&members);
        struct dify_slice string = dify__members_string(&members);
        text = dify__malloc(run->allocator, string.len + 1);
        err = text != NULL ? DIFY_OK : DIFY_ERR_NOMEM;
        if (err == DIFY_OK) {
            memcpy(text, string.ptr, string.len);
            text[string.len] = '\0';
            *out = text;
            if (out_len != NULL)
                *out_len = string.len;
        }
    }
    dify__json_fini(&reader);
    dify__buffer_fini(&object);
    return err;
}

enum dify_err dify_run_dup_output_text(const struct dify_run *run, const char *name,
                                       char **new_text, size_t *len)
{
    struct dify_slice json = dify_run_output(run, dify__slice(name));
    if (json.len == 0 || json.ptr[0] != '"')
        return DIFY_ERR_ABSENT;
    return decode_string(run, json, new_text, len);
}

void dify_run_free_text(const struct dify_run *run, char *text)
{
    dify__free(run->allocator, text);
}
