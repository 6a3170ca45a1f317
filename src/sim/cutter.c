/* SPDX-License-Identifier: Apache-2.0
 *
 * cutter.c: finding ids, times, users and form tokens in the text of an event.
 */
#include "sim/cutter.h"

#include "core/base64.h"
#include "core/hex.h"
#include "core/slices.h"
#include "sim/loader.h"

#include <string.h>

#define UUID_LEN 36
#define TIME_LEN 10
#define DAY 86400
#define FORM_DAYS 31 /* a form's time may be long; its expiration is a time of the run still */

void sim_cutter_init(struct sim_cutter *cutter, const struct dify_allocator *allocator)
{
    *cutter = (struct sim_cutter){.allocator = allocator};
}

void sim_cutter_fini(struct sim_cutter *cutter)
{
    dify__free(cutter->allocator, cutter->ids);
    dify__free(cutter->allocator, cutter->table);
    sim_cutter_init(cutter, cutter->allocator);
}

/* ---- ids ----------------------------------------------------------------------------------- */

static size_t hash(const char *id)
{
    uint64_t h = UINT64_C(0xCBF29CE484222325); /* FNV-1a */
    for (size_t i = 0; i < UUID_LEN; i++)
        h = (h ^ (unsigned char)id[i]) * UINT64_C(0x100000001B3);
    return (size_t)(h ^ h >> 32);
}

/* The place of the id in the table, or the free one where it would go. */
static size_t *find(const struct sim_cutter *cutter, const char *id)
{
    size_t mask = cutter->table_size - 1;
    for (size_t at = hash(id) & mask;; at = (at + 1) & mask) {
        size_t *place = &cutter->table[at];
        if (*place == 0 || memcmp(cutter->ids[*place - 1].text, id, UUID_LEN) == 0)
            return place;
    }
}

static enum dify_err rehash(struct sim_cutter *cutter, size_t size)
{
    size_t *table = dify__calloc(cutter->allocator, size * sizeof *table);
    if (table == NULL)
        return DIFY_ERR_NOMEM;
    dify__free(cutter->allocator, cutter->table);
    cutter->table = table;
    cutter->table_size = size;
    for (size_t i = 0; i < cutter->count; i++)
        *find(cutter, cutter->ids[i].text) = i + 1;
    return DIFY_OK;
}

/* The entry of an id; a new one is as `fresh` says. */
static enum dify_err entry_of(struct sim_cutter *cutter, const char *id,
                              const struct sim_cut_id *fresh, const struct sim_cut_id **out)
{
    if (cutter->count * 2 >= cutter->table_size) {
        enum dify_err err = rehash(cutter, cutter->table_size != 0 ? cutter->table_size * 2 : 64);
        if (err != DIFY_OK)
            return err;
    }
    size_t *place = find(cutter, id);
    if (*place == 0) {
        enum dify_err err = dify__grow(cutter->allocator, (void **)&cutter->ids, &cutter->capacity,
                                       cutter->count + 1, sizeof *cutter->ids);
        if (err != DIFY_OK)
            return err;
        struct sim_cut_id *entry = &cutter->ids[cutter->count];
        *entry = *fresh;
        memcpy(entry->text, id, UUID_LEN);
        if (entry->hole == SIM_HOLE_UUID)
            entry->number = cutter->uuids++;
        else if (entry->hole == SIM_HOLE_FILE)
            entry->number = cutter->files++;
        *place = ++cutter->count;
    }
    *out = &cutter->ids[*place - 1];
    return DIFY_OK;
}

enum dify_err sim_cutter_know(struct sim_cutter *cutter, struct dify_slice id, enum sim_hole hole)
{
    const struct sim_cut_id fresh = {.hole = hole};
    const struct sim_cut_id *entry;
    return sim_is_id(id) ? entry_of(cutter, id.ptr, &fresh, &entry) : DIFY_OK;
}

enum dify_err sim_cutter_replace(struct sim_cutter *cutter, struct dify_slice id,
                                 struct dify_slice instead)
{
    struct sim_cut_id fresh = {.hole = SIM_HOLE_NONE};
    const struct sim_cut_id *entry;
    if (!sim_is_id(id) || !sim_is_id(instead))
        return DIFY_OK;
    memcpy(fresh.instead, instead.ptr, UUID_LEN);
    return entry_of(cutter, id.ptr, &fresh, &entry);
}

/* ---- what begins here? --------------------------------------------------------------------- */

/* A place in a text. */
struct place {
    const char *start, *at, *end;
};

static bool follows(const struct place *place, const char *what)
{
    size_t len = strlen(what);
    return (size_t)(place->at - place->start) >= len && memcmp(place->at - len, what, len) == 0;
}

/* Whether a member's value begins here and its key ends in `key`; spaced JSON counts too. */
static bool is_value_of(struct place place, const char *key)
{
    if (follows(&place, " "))
        place.at--;
    if (!follows(&place, "\":"))
        return false;
    place.at -= 2;
    return follows(&place, key);
}

static bool is_uuid_at(const struct place *place)
{
    if (place->end - place->at < UUID_LEN || place->at[8] != '-' ||
        !sim_is_id((struct dify_slice){place->at, UUID_LEN}))
        return false;
    if (place->at > place->start && dify__hex_digit(place->at[-1]) < 16)
        return false;
    return place->end - place->at == UUID_LEN || dify__hex_digit(place->at[UUID_LEN]) == 16;
}

/* The time of ten digits that begins here, as seconds after the run's start. */
static bool is_time_at(const struct sim_cutter *cutter, const struct place *place, int64_t *after)
{
    int64_t value = 0;
    if (cutter->start == 0 || place->end - place->at < TIME_LEN)
        return false;
    for (size_t i = 0; i < TIME_LEN; i++) {
        if (place->at[i] < '0' || place->at[i] > '9')
            return false;
        value = value * 10 + (place->at[i] - '0');
    }
    if (place->at + TIME_LEN < place->end && place->at[TIME_LEN] >= '0' &&
        place->at[TIME_LEN] <= '9')
        return false;
    *after = value - cutter->start;
    int64_t days = *after < 0 ? -*after / DAY : *after / DAY;
    if (is_value_of(*place, "expiration_time"))
        return days < FORM_DAYS;
    return days < 1 && (is_value_of(*place, "_at") || is_value_of(*place, "sys.timestamp") ||
                        follows(place, "timestamp="));
}

/* Whether the string that begins here (behind its quote) is `text` to its end. */
static bool is_string_at(const struct place *place, struct dify_slice text)
{
    return text.len != 0 && (size_t)(place->end - place->at) > text.len &&
           place->at[text.len] == '"' && memcmp(place->at, text.ptr, text.len) == 0;
}

static bool is_user_at(const struct sim_cutter *cutter, const struct place *place)
{
    if (!follows(place, "\"") || !is_string_at(place, cutter->user))
        return false;
    struct place quote = *place;
    quote.at--;
    return is_value_of(quote, "\"sys.user_id") || is_value_of(quote, "\"user");
}

/* The id in the reference that begins here; absent if none does. */
static bool is_reference_at(const struct place *place, char id[37])
{
    static const char head[] = "{\"record_id\":\"";
    const size_t head_len = sizeof head - 1;
    char again[SIM_REFERENCE_LEN];
    struct dify__buffer record = {.allocator = dify__allocator(NULL), .max = 256};
    struct dify_slice text = {place->at, SIM_REFERENCE_LEN};
    if (!follows(place, "dify-file-ref:") || place->end - place->at < SIM_REFERENCE_LEN)
        return false;
    bool is_one =
        dify__base64_decode(text, &record) == DIFY_OK && record.len == head_len + UUID_LEN + 2;
    if (is_one) {
        memcpy(id, record.ptr + head_len, UUID_LEN);
        id[UUID_LEN] = '\0';
        sim_reference(id, again);
        is_one = sim_is_id((struct dify_slice){id, UUID_LEN}) &&
                 memcmp(again, place->at, SIM_REFERENCE_LEN) == 0;
    }
    dify__buffer_fini(&record);
    return is_one;
}

/* ---- cutting ------------------------------------------------------------------------------- */

static enum dify_err add_id(struct sim_cutter *cutter, const char *id, struct sim_weave *weave)
{
    const struct sim_cut_id fresh = {.hole = SIM_HOLE_UUID};
    const struct sim_cut_id *entry;
    enum dify_err err = entry_of(cutter, id, &fresh, &entry);
    if (err != DIFY_OK)
        return err;
    if (entry->hole == SIM_HOLE_NONE)
        sim_weave_text(weave, (struct dify_slice){entry->instead, UUID_LEN});
    else
        sim_weave_hole(weave, entry->hole, entry->number);
    return DIFY_OK;
}

static enum dify_err add_reference(struct sim_cutter *cutter, const char *id,
                                   struct sim_weave *weave)
{
    const struct sim_cut_id fresh = {.hole = SIM_HOLE_UUID};
    const struct sim_cut_id *entry;
    char text[SIM_REFERENCE_LEN];
    enum dify_err err = entry_of(cutter, id, &fresh, &entry);
    if (err != DIFY_OK)
        return err;
    sim_reference(id, text);
    if (entry->hole == SIM_HOLE_FILE)
        sim_weave_hole(weave, SIM_HOLE_FILE_REFERENCE, entry->number);
    else if (entry->hole == SIM_HOLE_UUID)
        sim_weave_hole(weave, SIM_HOLE_UUID_REFERENCE, entry->number);
    else
        sim_weave_text(weave, (struct dify_slice){text, sizeof text});
    return DIFY_OK;
}

/* Adds the hole that begins here, if one does; `*len` is how much it takes the place of. The text
 * before it was added. */
static enum dify_err add_hole(struct sim_cutter *cutter, const struct place *place,
                              struct sim_weave *weave, size_t *len)
{
    int64_t after;
    char id[37];
    if (is_uuid_at(place)) {
        *len = UUID_LEN;
        if (follows(place, "\"created_by\":{\"id\":\""))
            sim_weave_hole(weave, SIM_HOLE_OWNER, 0);
        else if (follows(place, "\"tenant_id\":\""))
            sim_weave_chars(weave, SIM_TENANT);
        else
            return add_id(cutter, place->at, weave);
        return DIFY_OK;
    }
    if (is_reference_at(place, id)) {
        *len = SIM_REFERENCE_LEN;
        return add_reference(cutter, id, weave);
    }
    if (is_time_at(cutter, place, &after)) {
        *len = TIME_LEN;
        sim_weave_hole(weave, SIM_HOLE_TIME, after);
    } else if (is_user_at(cutter, place)) {
        *len = cutter->user.len;
        sim_weave_hole(weave, SIM_HOLE_USER, 0);
    } else {
        *len = cutter->token.len;
        sim_weave_hole(weave, SIM_HOLE_TOKEN, 0);
    }
    return DIFY_OK;
}

static bool is_token_at(const struct sim_cutter *cutter, const struct place *place)
{
    return cutter->token.len != 0 && (size_t)(place->end - place->at) >= cutter->token.len &&
           memcmp(place->at, cutter->token.ptr, cutter->token.len) == 0;
}

static bool is_hole_at(const struct sim_cutter *cutter, const struct place *place)
{
    int64_t after;
    char id[37];
    return is_uuid_at(place) || is_reference_at(place, id) || is_time_at(cutter, place, &after) ||
           is_user_at(cutter, place) || is_token_at(cutter, place);
}

static enum dify_err cut_part(struct sim_cutter *cutter, struct dify_slice text,
                              struct sim_weave *weave)
{
    struct place place = {text.ptr, text.ptr, text.ptr + text.len};
    const char *literal = place.at;
    while (place.at < place.end) {
        if (!is_hole_at(cutter, &place)) {
            place.at++;
            continue;
        }
        size_t len;
        sim_weave_text(weave, (struct dify_slice){literal, (size_t)(place.at - literal)});
        enum dify_err err = add_hole(cutter, &place, weave, &len);
        if (err != DIFY_OK)
            return err;
        place.at += len;
        literal = place.at;
    }
    sim_weave_text(weave, (struct dify_slice){literal, (size_t)(place.end - literal)});
    return DIFY_OK;
}

enum dify_err sim_cutter_cut(struct sim_cutter *cutter, struct dify_slice text,
                             struct dify_slice inputs, struct sim_weave *weave)
{
    if (inputs.ptr == NULL)
        return cut_part(cutter, text, weave);
    struct dify_slice before = {text.ptr, (size_t)(inputs.ptr - text.ptr)};
    const char *behind = inputs.ptr + inputs.len;
    enum dify_err err = cut_part(cutter, before, weave);
    if (err != DIFY_OK)
        return err;
    sim_weave_hole(weave, SIM_HOLE_INPUTS, 0);
    return cut_part(cutter, (struct dify_slice){behind, (size_t)(text.ptr + text.len - behind)},
                    weave);
}
