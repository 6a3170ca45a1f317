/* SPDX-License-Identifier: Apache-2.0
 *
 * filter.c: see filter.h.
 */
#include "gateway/filter.h"

#include "core/slices.h"
#include "gateway/hub.h"

void gw_filter_read(struct gw_query *query, const struct gw_access *access,
                    struct store_filter *filter)
{
    gw_access_filter(access, filter);
    filter->app = query->params[GW_FILTER_APP].value;
    gw_query_time(query, &query->params[GW_FILTER_SINCE], &filter->since_ms);
    gw_query_time(query, &query->params[GW_FILTER_UNTIL], &filter->until_ms);
    if (query->params[GW_FILTER_UNTIL].value.ptr != NULL && filter->until_ms == 0)
        filter->until_ms = 1; /* 0 is no end at all; there are no runs so old */
}

/* ---- without a store ----------------------------------------------------------------------- */

static bool is_part(struct dify_slice whole, struct dify_slice part)
{
    for (size_t at = 0; part.len <= whole.len && at <= whole.len - part.len; at++) {
        size_t same = 0;
        while (same < part.len) {
            unsigned char a = (unsigned char)whole.ptr[at + same];
            unsigned char b = (unsigned char)part.ptr[same];
            a = (unsigned char)(a >= 'A' && a <= 'Z' ? a | 0x20 : a);
            b = (unsigned char)(b >= 'A' && b <= 'Z' ? b | 0x20 : b);
            if (a != b)
                break;
            same++;
        }
        if (same == part.len)
            return true;
    }
    return false;
}

/* What it was asked with is not remembered, so only ids and users are searched. */
static bool is_found(const struct store_row *row, struct dify_slice search)
{
    char id[DIFY__UUID_SIZE];
    gw_format_id(row->id, id);
    return is_part(dify__slice(id), search) || is_part(row->user, search) ||
           is_part(row->run_id, search) || is_part(row->task_id, search) ||
           is_part(row->message_id, search) || is_part(row->conversation_id, search);
}

static bool is_wanted(struct dify_slice value, struct dify_slice wanted)
{
    return wanted.len == 0 || dify__slice_equals(value, wanted);
}

static bool fits(const struct store_row *row, const struct store_filter *filter)
{
    if (filter->status.len != 0) {
        bool is_open = row->state != STORE_ENDED;
        if (dify__slice_is(filter->status, "running")
                ? !is_open
                : is_open || !is_wanted(row->status, filter->status))
            return false;
    }
    return (filter->before == 0 || row->number < filter->before) &&
           is_wanted(row->app, filter->app) && store_filter_has_app(filter, row->app) &&
           is_wanted(row->user, filter->user) && row->created_ms >= filter->since_ms &&
           (filter->until_ms == 0 || row->created_ms < filter->until_ms) &&
           (filter->search.len == 0 || is_found(row, filter->search));
}

void gw_filter_list(struct gateway *gateway, const struct store_filter *filter, store_row_fn *row,
                    void *ctx)
{
    uint32_t left = filter->limit;
    for (struct http_link *link = gateway->hub.runs.prev; link != &gateway->hub.runs && left > 0;
         link = link->prev) {
        struct gw_run *run = HTTP_LINKED(link, struct gw_run, all);
        struct dify_result room;
        struct store_row about;
        if (!run->is_kept)
            continue;
        gw_run_describe(run, &room, &about);
        if (!fits(&about, filter))
            continue;
        left--;
        if (!row(ctx, &about))
            return;
    }
}
