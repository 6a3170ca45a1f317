/* SPDX-License-Identifier: Apache-2.0
 *
 * tally.c: see tally.h.
 */
#include "sim/tally.h"

#include "sim/catalogue.h"

void sim_tallies_init(struct sim_tallies *tallies, const struct dify_allocator *allocator)
{
    *tallies = (struct sim_tallies){.allocator = allocator, .by_key.allocator = allocator};
}

void sim_tallies_fini(struct sim_tallies *tallies)
{
    for (struct sim_tally *tally = tallies->first, *next; tally != NULL; tally = next) {
        next = tally->next;
        sim_text_fini(&tally->key);
        dify__free(tallies->allocator, tally);
    }
    dify__index_fini(&tallies->by_key);
}

static void put_key(struct sim_text *key, const struct sim_app *app, struct dify_slice what)
{
    if (app != NULL) {
        sim_text_put(key, app->name);
        sim_text_add(key, "\n");
    }
    sim_text_put(key, what);
}

/* Takes the key if it succeeds. */
static struct sim_tally *make(struct sim_tallies *tallies, const struct sim_app *app,
                              const struct sim_text *key)
{
    size_t head = app != NULL ? app->name.len + 1 : 0;
    struct dify_slice text = sim_text_slice(key);
    struct sim_tally *made;
    if (key->err != DIFY_OK || text.len == 0 || tallies->count >= SIM_TALLIES ||
        tallies->bytes + text.len > SIM_TALLY_BYTES)
        return NULL;
    made = dify__calloc(tallies->allocator, sizeof(struct sim_tally));
    if (made == NULL || dify__index_put(&tallies->by_key, text, made) != DIFY_OK) {
        dify__free(tallies->allocator, made);
        return NULL;
    }
    *made = (struct sim_tally){.next = tallies->first,
                               .app = app,
                               .key = *key,
                               .what = {text.ptr + head, text.len - head}};
    tallies->first = made;
    tallies->count++;
    tallies->bytes += text.len;
    return made;
}

struct sim_tally *sim_tally_of(struct sim_tallies *tallies, const struct sim_app *app,
                               struct dify_slice what)
{
    struct sim_text key;
    struct sim_tally *known, *made = NULL;
    sim_text_init(&key, tallies->allocator);
    put_key(&key, app, what);
    known = dify__index_get(&tallies->by_key, sim_text_slice(&key));
    if (known == NULL)
        made = make(tallies, app, &key);
    if (made == NULL)
        sim_text_fini(&key);
    return known != NULL ? known : made;
}

const struct sim_tally *sim_tally_find(const struct sim_tallies *tallies, struct dify_slice user)
{
    return user.len > 0 ? dify__index_get(&tallies->by_key, user) : NULL;
}
