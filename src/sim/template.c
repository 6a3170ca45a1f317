/* SPDX-License-Identifier: Apache-2.0
 *
 * template.c: filling a template for one run.
 */
#include "sim/template.h"

#include "core/json.h"
#include "core/slices.h"
#include "core/style.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define MOST_SECONDS 4503599627370496.0

/* splitmix64's finaliser */
static uint64_t mix(uint64_t z)
{
    z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
    return z ^ z >> 31;
}

void sim_uuid(const uint64_t seed[2], int64_t number, char *out)
{
    uint64_t step = UINT64_C(0x9E3779B97F4A7C15) * ((uint64_t)number + 1);
    uint64_t high = mix(seed[0] + step);
    uint64_t low = mix(seed[1] ^ high ^ step);
    /* RFC 9562 section 5.4: version 4, variant 10 */
    high = (high & ~UINT64_C(0xF000)) | UINT64_C(0x4000);
    low = (low & ~(UINT64_C(3) << 62)) | UINT64_C(2) << 62;
    char text[40];
    snprintf(text, sizeof text,
             "%08" PRIx64 "-%04" PRIx64 "-%04" PRIx64 "-%04" PRIx64 "-%012" PRIx64, high >> 32,
             high >> 16 & 0xFFFF, high & 0xFFFF, low >> 48, low & UINT64_C(0xFFFFFFFFFFFF));
    memcpy(out, text, 37);
}

void sim_reference(const char *id, char out[SIM_REFERENCE_LEN])
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char record[54]; /* 52 characters, with room for whole groups of three */
    snprintf(record, sizeof record, "{\"record_id\":\"%.36s\"}", id);
    for (size_t i = 0; i < SIM_REFERENCE_LEN / 4; i++) {
        const unsigned char *group = (const unsigned char *)record + 3 * i;
        bool is_last = 3 * i + 1 == 52; /* one character, and two that only fill up */
        uint32_t word = (uint32_t)group[0] << 16;
        if (!is_last)
            word |= (uint32_t)group[1] << 8 | group[2];
        for (size_t j = 0; j < 4; j++)
            out[4 * i + j] = is_last && j > 1 ? '=' : letters[word >> (18 - 6 * j) & 63];
    }
}

/* A string's escaped text without its quotes. */
static enum dify_err append_escaped(struct dify_slice text, struct dify__buffer *out)
{
    size_t start = out->len;
    enum dify_err err = dify__style_string(text, DIFY__STYLE_RAW, out);
    if (err != DIFY_OK) {
        out->len = start;
        return err;
    }
    out->len -= 2;
    memmove(out->ptr + start, out->ptr + start + 1, out->len - start);
    return DIFY_OK;
}

static enum dify_err append_chars(const char *chars, struct dify__buffer *out)
{
    return dify__buffer_append(out, chars, strlen(chars));
}

static enum dify_err append_time(const struct sim_bindings *bindings, int64_t number,
                                 struct dify__buffer *out)
{
    char text[24];
    double after = bindings->speed > 0 ? (double)number / bindings->speed : 0;
    /* A speed near 0 must not leave the range of times; 2^52 seconds are enough. */
    if (after > MOST_SECONDS)
        after = MOST_SECONDS;
    if (after < -MOST_SECONDS)
        after = -MOST_SECONDS;
    int64_t whole = (int64_t)after;
    if ((double)whole > after)
        whole--;
    snprintf(text, sizeof text, "%" PRId64, bindings->start + whole);
    return append_chars(text, out);
}

/* The inputs of a run, read when the first hole asks for one of them. */
struct inputs {
    struct dify__json json;
    bool is_read, is_object;
};

static enum dify_err append_input(struct inputs *inputs, const struct sim_bindings *bindings,
                                  struct dify_slice name, struct dify__buffer *out)
{
    if (!inputs->is_read) {
        enum dify_err err = dify__json_read(&inputs->json, bindings->inputs);
        if (err == DIFY_ERR_NOMEM)
            return err;
        inputs->is_read = true;
        inputs->is_object = err == DIFY_OK;
    }
    if (!inputs->is_object)
        return DIFY_OK;
    struct dify__members members;
    dify__members_of_root(&members, &inputs->json);
    while (dify__members_next(&members)) {
        if (!dify__slice_equals(members.key, name))
            continue;
        struct dify_slice string = dify__members_string(&members);
        if (string.ptr != NULL)
            return append_escaped(string, out);
        if (yyjson_is_null(members.value))
            return DIFY_OK;
        return append_escaped(dify__members_text(&members), out);
    }
    return DIFY_OK;
}

/* The id of a file of the inputs; a script that has more of them gets ids of its own. */
static void file_id(const struct sim_bindings *bindings, int64_t number, char out[37])
{
    if ((uint64_t)number < bindings->files.len / 36)
        snprintf(out, 37, "%.36s", bindings->files.ptr + 36 * number);
    else
        sim_uuid(bindings->uuid_seed, INT64_MAX - number, out);
}

static enum dify_err append_reference(const char *id, struct dify__buffer *out)
{
    char reference[SIM_REFERENCE_LEN];
    sim_reference(id, reference);
    return dify__buffer_append(out, reference, sizeof reference);
}

static enum dify_err fill(const struct sim_piece *piece, const struct sim_bindings *bindings,
                          struct inputs *inputs, struct dify__buffer *out)
{
    char uuid[37];
    switch (piece->hole) {
    case SIM_HOLE_NONE:
        break;
    case SIM_HOLE_RUN:
        return append_chars(bindings->run, out);
    case SIM_HOLE_TASK:
        return append_chars(bindings->task, out);
    case SIM_HOLE_CONVERSATION:
        return append_chars(bindings->conversation, out);
    case SIM_HOLE_MESSAGE:
        return append_chars(bindings->message, out);
    case SIM_HOLE_OWNER:
        return append_chars(bindings->owner, out);
    case SIM_HOLE_UUID:
        sim_uuid(bindings->uuid_seed, piece->number, uuid);
        return append_chars(uuid, out);
    case SIM_HOLE_TOKEN:
        return append_chars(bindings->token, out);
    case SIM_HOLE_TIME:
        return append_time(bindings, piece->number, out);
    case SIM_HOLE_INPUTS:
        return dify__buffer_append(out, bindings->inputs.ptr, bindings->inputs.len);
    case SIM_HOLE_INPUT:
        return append_input(inputs, bindings, piece->name, out);
    case SIM_HOLE_USER:
        return append_escaped(bindings->user, out);
    case SIM_HOLE_FILE:
        file_id(bindings, piece->number, uuid);
        return append_chars(uuid, out);
    case SIM_HOLE_FILE_REFERENCE:
        file_id(bindings, piece->number, uuid);
        return append_reference(uuid, out);
    case SIM_HOLE_UUID_REFERENCE:
        sim_uuid(bindings->uuid_seed, piece->number, uuid);
        return append_reference(uuid, out);
    }
    return DIFY_OK;
}

enum dify_err sim_template_render(const struct sim_template *text,
                                  const struct sim_bindings *bindings, struct dify__buffer *out)
{
    struct inputs inputs = {.is_read = false};
    enum dify_err err = DIFY_OK;
    dify__json_init(&inputs.json, out->allocator);
    for (size_t i = 0; i < text->count && err == DIFY_OK; i++) {
        const struct sim_piece *piece = &text->pieces[i];
        err = dify__buffer_append(out, piece->literal.ptr, piece->literal.len);
        if (err == DIFY_OK)
            err = fill(piece, bindings, &inputs, out);
    }
    dify__json_fini(&inputs.json);
    return err;
}
