/* SPDX-License-Identifier: Apache-2.0
 *
 * hub.c: see hub.h.
 */
#include "gateway/hub.h"

#include "core/hex.h"
#include "core/slices.h"
#include "gateway/callers.h"
#include "gateway/v1.h"

#include <stdlib.h>
#include <sys/random.h>

static void on_lingered(struct dify__alarm *alarm)
{
    struct gw_lingering *list =
        (struct gw_lingering *)(void *)((char *)alarm - offsetof(struct gw_lingering, alarm));
    for (struct http_link *link = list->runs.next; link != &list->runs; link = link->next)
        gw_run_touch(HTTP_LINKED(link, struct gw_run, lingering));
}

void gw_hub_init(struct gw_hub *hub, const struct dify_allocator *allocator)
{
    *hub = (struct gw_hub){.by_id.allocator = allocator,
                           .by_key.allocator = allocator,
                           .by_dify.allocator = allocator};
    http_list_init(&hub->runs);
    http_list_init(&hub->dirty);
    for (size_t i = 0; i < 2; i++) {
        http_list_init(&hub->lingering[i].runs);
        hub->lingering[i].alarm.ring = on_lingered;
    }
    http_list_init(&hub->ended);
}

void gw_hub_fini(struct gw_hub *hub)
{
    dify__index_fini(&hub->by_id);
    dify__index_fini(&hub->by_key);
    dify__index_fini(&hub->by_dify);
}

/* ---- ids ----------------------------------------------------------------------------------- */

bool gw_parse_id(struct dify_slice text, unsigned char id[STORE_ID_BYTES])
{
    size_t digits = 0;
    if (text.len != DIFY__UUID_SIZE - 1)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        bool is_dash = i == 8 || i == 13 || i == 18 || i == 23;
        unsigned value = dify__hex_digit(text.ptr[i]);
        if (is_dash ? text.ptr[i] != '-' : value > 15)
            return false;
        if (is_dash)
            continue;
        if (digits % 2 == 0)
            id[digits / 2] = (unsigned char)(value << 4);
        else
            id[digits / 2] |= (unsigned char)value;
        digits++;
    }
    return true;
}

void gw_format_id(const unsigned char id[STORE_ID_BYTES], char out[DIFY__UUID_SIZE])
{
    static const char hex[] = "0123456789abcdef";
    for (size_t i = 0, at = 0; i < STORE_ID_BYTES; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            out[at++] = '-';
        out[at++] = hex[id[i] >> 4];
        out[at++] = hex[id[i] & 15];
    }
    out[DIFY__UUID_SIZE - 1] = '\0';
}

static struct dify_slice id_key(const struct gw_run *run)
{
    return (struct dify_slice){(const char *)run->id, sizeof run->id};
}

static struct dify_slice key_key(const struct gw_run *run)
{
    return (struct dify_slice){(const char *)run->key, sizeof run->key};
}

bool gw_hub_name(struct gw_run *run)
{
    unsigned char random[10];
    if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random)
        return false;
    dify__uuid7(run->created_ms, random, run->id_text);
    return gw_parse_id(dify__slice(run->id_text), run->id);
}

/* ---- who is there -------------------------------------------------------------------------- */

bool gw_hub_add(struct gw_hub *hub, struct gw_run *run)
{
    gw_format_id(run->id, run->id_text);
    if (dify__index_put(&hub->by_id, id_key(run), run) != DIFY_OK)
        return false;
    http_list_append(&hub->runs, &run->all);
    hub->count++;
    return true;
}

bool gw_hub_add_key(struct gw_hub *hub, struct gw_run *run)
{
    return dify__index_put(&hub->by_key, key_key(run), run) == DIFY_OK;
}

void gw_hub_drop_key(struct gw_run *run)
{
    if (run->has_key)
        dify__index_remove(&run->gateway->hub.by_key, key_key(run), run);
    run->has_key = false;
}

void gw_hub_add_dify_id(struct gw_hub *hub, struct gw_run *run)
{
    /* for want of memory it is not found by this id until it has ended */
    (void)!dify__index_put(&hub->by_dify, dify__slice(run->dify_id), run);
}

void gw_hub_rename(struct gw_run *run, const unsigned char id[STORE_ID_BYTES])
{
    struct gw_hub *hub = &run->gateway->hub;
    dify__index_remove(&hub->by_id, id_key(run), run);
    memcpy(run->id, id, sizeof run->id);
    gw_format_id(run->id, run->id_text);
    (void)!dify__index_put(&hub->by_id, id_key(run), run); /* the store knows it as well */
}

void gw_hub_remove(struct gw_hub *hub, struct gw_run *run)
{
    dify__index_remove(&hub->by_id, id_key(run), run);
    if (run->has_key)
        dify__index_remove(&hub->by_key, key_key(run), run);
    if (run->dify_id != NULL)
        dify__index_remove(&hub->by_dify, dify__slice(run->dify_id), run);
    http_list_remove(&run->all);
    http_list_remove(&run->dirty);
    http_list_remove(&run->lingering);
    hub->count--;
}

struct gw_run *gw_hub_find_id(const struct gw_hub *hub, const unsigned char id[STORE_ID_BYTES])
{
    return dify__index_get(&hub->by_id, (struct dify_slice){(const char *)id, STORE_ID_BYTES});
}

struct gw_run *gw_hub_find(const struct gw_hub *hub, struct dify_slice id)
{
    unsigned char bytes[STORE_ID_BYTES];
    struct gw_run *run = NULL;
    if (gw_parse_id(id, bytes))
        run = gw_hub_find_id(hub, bytes);
    return run != NULL || id.len == 0 ? run : dify__index_get(&hub->by_dify, id);
}

/* One by one: stops are rare. */
/* Of one that has ended only where there is no store. */
static struct dify_slice task_of(const struct gw_run *run)
{
    if (run->follow != NULL)
        return dify_follow_task_id(run->follow);
    return run->row != NULL ? run->row->row.task_id : (struct dify_slice){NULL, 0};
}

struct gw_run *gw_hub_find_task(const struct gw_hub *hub, struct dify_slice task)
{
    for (struct http_link *link = hub->runs.next; link != &hub->runs; link = link->next) {
        struct gw_run *run = HTTP_LINKED(link, struct gw_run, all);
        if (task.len > 0 && dify__slice_equals(task_of(run), task))
            return run;
    }
    return gw_hub_find(hub, task);
}

struct gw_run *gw_hub_find_key(const struct gw_hub *hub, const unsigned char key[STORE_HASH_BYTES])
{
    return dify__index_get(&hub->by_key, (struct dify_slice){(const char *)key, STORE_HASH_BYTES});
}

/* ---- ended ones, without a store ----------------------------------------------------------- */

static size_t size_of(const struct gw_run *run)
{
    return sizeof *run + run->result_len + run->log.bytes.capacity;
}

static void drop_oldest(struct gw_hub *hub)
{
    struct gw_run *run = HTTP_LINKED(hub->ended.next, struct gw_run, turn);
    http_list_remove(&run->turn);
    hub->ended_count--;
    hub->ended_bytes -= run->remembered_bytes;
    run->is_remembered = run->is_kept = false;
    gw_run_release(run);
}

bool gw_hub_keep_ended(struct gw_run *run)
{
    struct gw_hub *hub = &run->gateway->hub;
    if (run->is_remembered)
        return true;
    if (run->gateway->is_closing || size_of(run) > GW_ENDED_BYTES)
        return false;
    run->is_remembered = true;
    gw_v1_forget(run); /* which GW_ENDED_BYTES do not count */
    http_list_append(&hub->ended, &run->turn);
    hub->ended_count++;
    run->remembered_bytes = size_of(run);
    hub->ended_bytes += run->remembered_bytes;
    while (hub->ended_count > GW_ENDED_RUNS || hub->ended_bytes > GW_ENDED_BYTES)
        drop_oldest(hub);
    return true;
}

void gw_hub_take_back(struct gw_run *run)
{
    struct gw_hub *hub = &run->gateway->hub;
    if (!run->is_remembered)
        return;
    run->is_remembered = false;
    http_list_remove(&run->turn);
    hub->ended_count--;
    hub->ended_bytes -= run->remembered_bytes;
}

/* ---- all of them --------------------------------------------------------------------------- */

/* What is needed to tell callers, of all runs at once: each by itself would be waited for. */
static void prefetch(const struct http_link *dirty)
{
    struct http_exchange *exchange;
    for (struct http_link *link = dirty->next; link != dirty; link = link->next)
        if ((exchange = gw_callers_first(HTTP_LINKED(link, struct gw_run, dirty))) != NULL)
            http_exchange_prefetch(exchange);
    for (struct http_link *link = dirty->next; link != dirty; link = link->next)
        if ((exchange = gw_callers_first(HTTP_LINKED(link, struct gw_run, dirty))) != NULL)
            http_exchange_prefetch_connection(exchange);
}

void gw_hub_flush(struct gw_hub *hub)
{
    struct http_link now; /* those that become dirty meanwhile are for the next turn */
    if (http_list_is_empty(&hub->dirty))
        return;
    now = hub->dirty;
    now.next->prev = now.prev->next = &now;
    http_list_init(&hub->dirty);
    prefetch(&now);
    while (!http_list_is_empty(&now))
        gw_run_flush(HTTP_LINKED(now.next, struct gw_run, dirty));
}

void gw_hub_touch_all(struct gw_hub *hub)
{
    for (struct http_link *link = hub->runs.next; link != &hub->runs; link = link->next)
        gw_run_touch(HTTP_LINKED(link, struct gw_run, all));
}

void gw_hub_store_changed(struct gateway *gateway, bool is_failing)
{
    struct http_link *next;
    for (struct http_link *link = gateway->hub.runs.next; link != &gateway->hub.runs; link = next) {
        struct gw_run *run = HTTP_LINKED(link, struct gw_run, all);
        next = link->next;
        bool is_written = run->state == GW_RUN_KEEPING || run->state == GW_RUN_SUBMITTING;
        if (is_failing && is_written && run->is_kept) /* it was accepted: it waits for the store */
            gw__run_set_alarm(run);
        else if (is_failing && is_written)
            gw_run_refuse(run, DIFY_OUTCOME_UNAVAILABLE, "store_unavailable",
                          "the store cannot be written at the moment; the run was not sent");
        else if (is_failing && run->state == GW_RUN_ENDING)
            gw__run_enter(run, GW_RUN_ENDED);
        gw_run_touch(run);
    }
}
