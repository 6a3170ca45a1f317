/* SPDX-License-Identifier: Apache-2.0
 *
 * list.c: GET /api/runs: the newest runs first, by pages.
 *
 *   app, user          exactly
 *   status             Dify's word; "running": any that has not ended, queued ones among them
 *   q                  in the user, the ids and the inputs, whatever the case of ASCII letters
 *   since, until       created in this span, the end excluded
 *   limit              1 to GW_LIST_MOST, GW_LIST_DEFAULT if not given
 *   cursor             next_cursor of the page before
 *
 *   {"data": [ROW …], "has_more": bool, "next_cursor": text or null}
 *
 * A run whose status is null ended for a reason that Dify does not know: `code` says which.
 */
#include "core/hex.h"
#include "core/slices.h"
#include "gateway/filter.h"
#include "gateway/hub.h"
#include "gateway/later.h"
#include "gateway/out.h"
#include "gateway/reply.h"
#include "gateway/routes.h"

#include <stdio.h>
#include <stdlib.h>

enum { USER = GW_FILTER_SHARED, STATUS, SEARCH, LIMIT, CURSOR, PARAMS };

struct list {
    struct gw_later later; /* the first member */
    struct gw_read read;
    struct gw_access access;
    struct gw_param params[PARAMS];
    struct gw_query query;
    struct store_filter filter;
    uint32_t wanted; /* rows of the page; one more is read, to see whether there is one */
    uint32_t count;
    uint64_t last; /* number of the last row of the page */
    struct dify__buffer text;
    struct dify__writer writer;
    enum dify_err err;
};

/* ---- cursors ------------------------------------------------------------------------------- */

#define CURSOR_DIGITS 16

static void format_cursor(uint64_t number, char out[CURSOR_DIGITS + 1])
{
    snprintf(out, CURSOR_DIGITS + 1, "%016llx", (unsigned long long)number);
}

static bool parse_cursor(struct dify_slice text, uint64_t *number)
{
    *number = 0;
    if (text.len != CURSOR_DIGITS)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        unsigned digit = dify__hex_digit(text.ptr[i]);
        if (digit > 15)
            return false;
        *number = *number << 4 | digit;
    }
    return *number != 0 && *number <= INT64_MAX;
}

/* ---- rows ---------------------------------------------------------------------------------- */

static const char *open_status(const struct store_row *row)
{
    return row->state == STORE_ACCEPTED ? "queued" : "running";
}

/* What is known only of a run that has ended; `total_price` is a number. */
static void put_end(struct dify__writer *writer, const struct store_row *row)
{
    dify__key_bool(writer, "success", row->success);
    dify__key_string(writer, "code", row->code);
    dify__key_uint(writer, "http_status", row->http_status);
    gw_out_seconds(writer, "created_at", row->created_ms);
    gw_out_seconds(writer, "finished_at", row->ended_ms);
    gw_out_seconds(writer, "elapsed",
                   row->ended_ms > row->created_ms ? row->ended_ms - row->created_ms : 0);
    dify__key_uint(writer, "total_tokens", row->tokens);
    dify__key_number(writer, "total_price", row->price.len > 0 ? row->price : DIFY_SLICE("0"));
    dify__key_string(writer, "currency", row->currency);
    dify__key_uint(writer, "total_steps", row->steps);
    dify__key_uint(writer, "event_count", row->events);
}

static void put_open(struct dify__writer *writer, const struct store_row *row)
{
    static const char *const unknown[] = {"finished_at", "elapsed",  "total_tokens",
                                          "total_price", "currency", "total_steps",
                                          "event_count"};
    dify__key_null(writer, "success");
    dify__key_null(writer, "code");
    dify__key_null(writer, "http_status");
    gw_out_seconds(writer, "created_at", row->created_ms);
    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++)
        dify__key_null(writer, unknown[i]);
}

static void put_row(struct dify__writer *writer, const struct store_row *row)
{
    char id[DIFY__UUID_SIZE];
    bool has_ended = row->state == STORE_ENDED;
    gw_format_id(row->id, id);
    dify__write_element(writer);
    dify__write_open(writer, '{');
    dify__key_string(writer, "run_id", dify__slice(id));
    dify__key_string(writer, "workflow_run_id", row->run_id);
    dify__key_string(writer, "app", row->app);
    dify__key_string(writer, "route", row->route);
    dify__key_string(writer, "user", row->user);
    dify__key_string(writer, "conversation_id", row->conversation_id);
    dify__key_string(writer, "message_id", row->message_id);
    dify__key_string(writer, "status", has_ended ? row->status : dify__slice(open_status(row)));
    if (has_ended)
        put_end(writer, row);
    else
        put_open(writer, row);
    dify__key_string(writer, "rating", row->rating);
    dify__key_string(writer, "comment", row->comment);
    dify__write_close(writer, '}');
}

static bool on_row(void *ctx, const struct store_row *row)
{
    struct list *list = ctx;
    if (++list->count > list->wanted)
        return false;
    list->last = row->number;
    put_row(&list->writer, row);
    return true;
}

/* ---- the answer ---------------------------------------------------------------------------- */

static void begin(struct list *list)
{
    gw_out_begin(&list->writer, &list->text);
    dify__write_open(&list->writer, '{');
    dify__write_key(&list->writer, "data");
    dify__write_open(&list->writer, '[');
}

static void answer(struct list *list)
{
    struct http_exchange *exchange = list->later.exchange;
    bool has_more = list->count > list->wanted;
    char cursor[CURSOR_DIGITS + 1];
    if (exchange == NULL)
        return;
    if (list->err != DIFY_OK) {
        gw_reply_error(exchange, 503, "store_unavailable", "the store cannot be read at the moment",
                       NULL);
        return;
    }
    format_cursor(list->last, cursor);
    dify__write_close(&list->writer, ']');
    dify__key_bool(&list->writer, "has_more", has_more);
    dify__key_string(&list->writer, "next_cursor",
                     has_more ? dify__slice(cursor) : (struct dify_slice){NULL, 0});
    dify__write_close(&list->writer, '}');
    gw_out_reply(&list->writer, &list->text, exchange, 200);
}

static void on_work(struct gw_read *read, struct store_reader *reader)
{
    struct list *list = (struct list *)(void *)((char *)read - offsetof(struct list, read));
    enum dify_err err = store_list(reader, &list->filter, on_row, list);
    list->err = err == DIFY_ERR_ABSENT ? DIFY_OK : err;
}

static void on_done(struct gw_read *read)
{
    struct list *list = (struct list *)(void *)((char *)read - offsetof(struct list, read));
    answer(list);
    gw_later_end(&list->later);
}

static void drop(struct gw_later *later)
{
    struct list *list = (struct list *)(void *)later;
    gw_query_fini(&list->query);
    dify__buffer_fini(&list->text);
    free(list);
}

/* ---- the request --------------------------------------------------------------------------- */

static void read_params(struct list *list)
{
    struct gw_query *query = &list->query;
    uint64_t limit = GW_LIST_DEFAULT;
    gw_filter_read(query, &list->access, &list->filter);
    list->filter.user = list->params[USER].value;
    list->filter.status = list->params[STATUS].value;
    list->filter.search = list->params[SEARCH].value;
    if (dify__slice_is(list->filter.status, "queued"))
        gw_query_wrong(query, "status", "queued is found under running");
    gw_query_number(query, &list->params[LIMIT], 1, GW_LIST_MOST, &limit);
    if (list->params[CURSOR].value.ptr != NULL &&
        !parse_cursor(list->params[CURSOR].value, &list->filter.before))
        gw_query_wrong(query, "cursor", "is no next_cursor of a page");
    list->wanted = (uint32_t)limit;
    list->filter.limit = list->wanted + 1;
}

static struct list *list_new(const struct gw_request *request)
{
    struct list *list = calloc(1, sizeof *list);
    if (list == NULL) {
        gw_out_of_memory(request->exchange);
        return NULL;
    }
    static const char *const names[PARAMS] = {
        [GW_FILTER_APP] = "app", [GW_FILTER_SINCE] = "since", [GW_FILTER_UNTIL] = "until",
        [USER] = "user",         [STATUS] = "status",         [SEARCH] = "q",
        [LIMIT] = "limit",       [CURSOR] = "cursor"};
    for (size_t i = 0; i < PARAMS; i++)
        list->params[i].name = names[i];
    list->access = request->access;
    list->query.params = list->params;
    list->query.count = PARAMS;
    list->text = (struct dify__buffer){.allocator = dify__allocator(NULL), .max = SIZE_MAX / 2};
    if (!gw_query_read(&list->query, request->exchange)) {
        free(list);
        return NULL;
    }
    return list;
}

void gw_serve_list(const struct gw_request *request)
{
    struct gateway *gateway = request->gateway;
    struct list *list = list_new(request);
    if (list == NULL)
        return;
    read_params(list);
    gw_later_begin(&list->later, gateway, request->exchange, drop);
    if (gw_query_refuse(&list->query, request->exchange)) {
        gw_later_end(&list->later);
        return;
    }
    begin(list);
    list->read = (struct gw_read){.work = on_work, .done = on_done};
    if (gateway->store == NULL) {
        gw_filter_list(gateway, &list->filter, on_row, list);
        on_done(&list->read);
    } else if (!gw_read_start(&gateway->reads, &list->read)) {
        gw_reply_error(request->exchange, 503, "busy", "the gateway is too busy to read its store",
                       NULL);
        gw_later_end(&list->later);
    }
}
