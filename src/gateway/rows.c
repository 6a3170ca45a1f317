/* SPDX-License-Identifier: Apache-2.0
 *
 * rows.c: see rows.h.
 */
#include "gateway/rows.h"

#include <stdlib.h>
#include <string.h>

#define SLICES 17

static void slices_of(struct store_row *row, struct dify_slice *slices[SLICES])
{
    struct dify_slice *all[SLICES] = {
        &row->app,     &row->user,   &row->route,  &row->workflow_id, &row->conversation_id,
        &row->query,   &row->inputs, &row->run_id, &row->task_id,     &row->message_id,
        &row->status,  &row->code,   &row->price,  &row->currency,    &row->rating,
        &row->comment, &row->extra};
    memcpy(slices, all, sizeof all);
}

static void move(struct dify_slice *slice, char **to)
{
    if (slice->ptr == NULL)
        return;
    if (slice->len > 0)
        memcpy(*to, slice->ptr, slice->len);
    slice->ptr = *to;
    *to += slice->len;
}

struct gw_row *gw_row_dup(const struct store_row *row)
{
    struct store_row copy = *row;
    struct dify_slice *slices[SLICES];
    size_t size = row->result.len;
    slices_of(&copy, slices);
    for (size_t i = 0; i < SLICES; i++)
        size += slices[i]->len;
    struct gw_row *out = malloc(sizeof *out + size + 1);
    if (out == NULL)
        return NULL;
    char *to = out->texts;
    for (size_t i = 0; i < SLICES; i++)
        move(slices[i], &to);
    move(&copy.result, &to);
    if (row->key != NULL)
        copy.key = memcpy(out->key, row->key, STORE_HASH_BYTES);
    if (row->digest != NULL)
        copy.digest = memcpy(out->digest, row->digest, STORE_HASH_BYTES);
    out->row = copy;
    return out;
}
