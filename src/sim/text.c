/* SPDX-License-Identifier: Apache-2.0
 *
 * text.c: see text.h.
 */
#include "sim/text.h"

#include "core/json_text.h"
#include "core/slices.h"

void sim_text_init(struct sim_text *text, const struct dify_allocator *allocator)
{
    *text = (struct sim_text){.bytes = {.allocator = allocator, .max = SIM_TEXT_BYTES}};
}

void sim_text_fini(struct sim_text *text)
{
    dify__buffer_fini(&text->bytes);
}

static void keep(struct sim_text *text, enum dify_err err)
{
    if (text->err == DIFY_OK)
        text->err = err;
}

void sim_text_put(struct sim_text *text, struct dify_slice bytes)
{
    keep(text, dify__buffer_append(&text->bytes, bytes.ptr, bytes.len));
}

void sim_text_add(struct sim_text *text, const char *literal)
{
    sim_text_put(text, dify__slice(literal));
}

void sim_text_string(struct sim_text *text, struct dify_slice string)
{
    if (string.ptr == NULL)
        sim_text_add(text, "null");
    else
        keep(text, sim_style_string(string, SIM_RAW, &text->bytes));
}

void sim_text_int(struct sim_text *text, int64_t number)
{
    char digits[20];
    uint64_t size = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
    if (number < 0)
        sim_text_add(text, "-");
    sim_text_put(text, (struct dify_slice){digits, dify__format_uint(size, digits)});
}

void sim_text_value(struct sim_text *text, yyjson_val *value)
{
    if (value == NULL)
        sim_text_add(text, "null");
    else
        keep(text, sim_style_value(value, SIM_RAW, &text->bytes));
}

yyjson_doc *sim_read_json(struct dify_slice json)
{
    /* Without YYJSON_READ_INSITU the text is not written to. */
    return yyjson_read_opts((char *)(uintptr_t)json.ptr, json.len, YYJSON_READ_NUMBER_AS_RAW, NULL,
                            NULL);
}

struct dify_slice sim_value_string(yyjson_val *value)
{
    if (!yyjson_is_str(value))
        return (struct dify_slice){NULL, 0};
    return (struct dify_slice){yyjson_get_str(value), yyjson_get_len(value)};
}

struct dify_slice sim_member_string(yyjson_val *object, const char *name)
{
    return sim_value_string(yyjson_obj_get(object, name));
}

int64_t sim_value_int(yyjson_val *value, int64_t otherwise)
{
    uint64_t number;
    if (!yyjson_is_raw(value) ||
        !dify__parse_uint((struct dify_slice){yyjson_get_raw(value), yyjson_get_len(value)},
                          &number) ||
        number > INT64_MAX)
        return otherwise;
    return (int64_t)number;
}
