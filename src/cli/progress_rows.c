/* SPDX-License-Identifier: Apache-2.0
 *
 * progress_rows.c: a tree of rows in one list.
 *
 * All walks are bounded by PROGRESS_ROWS.
 */
#include "cli/progress_rows.h"

#include "core/memory.h"
#include "core/slices.h"

#include <stdlib.h>
#include <string.h>

static uint64_t hash_of(struct dify_slice text)
{
    uint64_t hash = 14695981039346656037U; /* FNV-1a */
    if (text.len == 0)
        return 0;
    for (size_t i = 0; i < text.len; i++)
        hash = (hash ^ (unsigned char)text.ptr[i]) * 1099511628211U;
    return hash != 0 ? hash : 1;
}

/* As many bytes of `text` as fit, cut between characters. */
static size_t keep(char *to, size_t room, struct dify_slice text)
{
    size_t len = text.len < room ? text.len : room;
    while (len > 0 && len < text.len && ((unsigned char)text.ptr[len] & 0xC0) == 0x80)
        len--;
    if (len != 0)
        memcpy(to, text.ptr, len);
    return len;
}

struct dify_slice progress_telling_line(struct dify_slice error)
{
    bool is_traceback = error.len > 9 && memcmp(error.ptr, "Traceback", 9) == 0;
    while (error.len != 0 && strchr(" \r\n", error.ptr[error.len - 1]) != NULL)
        error.len--;
    for (size_t i = 0; !is_traceback && i < error.len; i++) {
        if (error.ptr[i] == '\n')
            return (struct dify_slice){error.ptr, i};
    }
    for (size_t i = error.len; is_traceback && i > 0; i--) {
        if (error.ptr[i - 1] == '\n')
            return (struct dify_slice){error.ptr + i, error.len - i};
    }
    return error;
}

enum progress_state progress_state_of(struct dify_slice status)
{
    static const struct {
        const char *name;
        enum progress_state state;
    } states[] = {{"succeeded", PROGRESS_SUCCEEDED}, {"failed", PROGRESS_FAILED},
                  {"exception", PROGRESS_EXCEPTION}, {"partial-succeeded", PROGRESS_EXCEPTION},
                  {"stopped", PROGRESS_STOPPED},     {"paused", PROGRESS_PAUSED}};
    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++) {
        if (dify__slice_is(status, states[i].name))
            return states[i].state;
    }
    return PROGRESS_UNKNOWN;
}

void progress_row_set_error(struct progress_row *row, struct dify_slice error)
{
    row->error_len = keep(row->error, sizeof row->error, progress_telling_line(error));
}

void progress_row_describe(struct progress_row *row, const struct dify_node *node)
{
    row->title_len =
        keep(row->title, sizeof row->title, node->title.len != 0 ? node->title : node->node_id);
    row->type_len = keep(row->type, sizeof row->type, node->node_type);
    progress_row_set_error(row, node->error);
    row->is_container = node->is_container;
    row->retries = node->retries;
    row->has_tokens = node->has_tokens;
    row->tokens = node->has_tokens ? node->total_tokens : 0;
    row->seconds = -1;
    if (node->elapsed_time.ptr != NULL) {
        char text[128];
        text[keep(text, sizeof text - 1, node->elapsed_time)] = '\0';
        row->seconds = strtod(text, NULL);
    }
}

struct progress_row *progress_row_beyond(const struct progress_row *row)
{
    struct progress_row *at = row->after;
    while (at != NULL && at->depth > row->depth)
        at = at->after;
    return at;
}

/* Puts a row behind all that stands below `parent`. */
static void link_row(struct progress_rows *rows, struct progress_row *row,
                     struct progress_row *parent)
{
    struct progress_row *after = parent != NULL ? progress_row_beyond(parent) : NULL;
    row->parent = parent;
    row->depth = 0;
    if (parent != NULL) {
        parent->children++;
        parent->members++;
        row->depth = (unsigned char)(parent->depth + 1);
    }
    row->after = after;
    row->before = after != NULL ? after->before : rows->last;
    if (row->before != NULL)
        row->before->after = row;
    else
        rows->first = row;
    if (after != NULL)
        after->before = row;
    else
        rows->last = row;
}

static void unlink_row(struct progress_rows *rows, struct progress_row *row)
{
    if (row->before != NULL)
        row->before->after = row->after;
    else
        rows->first = row->after;
    if (row->after != NULL)
        row->after->before = row->before;
    else
        rows->last = row->before;
    if (row->parent != NULL)
        row->parent->children--;
}

struct progress_row *progress_rows_container(const struct progress_rows *rows,
                                             struct dify_slice node_id)
{
    uint64_t hash = hash_of(node_id);
    struct progress_row *newest = NULL;
    for (struct progress_row *row = rows->first; row != NULL && hash != 0; row = row->after) {
        if (row->is_container && row->state == PROGRESS_RUNNING && row->node_id == hash &&
            (newest == NULL || row->sequence > newest->sequence))
            newest = row;
    }
    return newest;
}

/* The container around a node. Where it is inside of two, the one that was begun last is the inner
 * one: events of a container itself do not tell what is around it, so it is moved there now. */
static struct progress_row *parent_of(struct progress_rows *rows, const struct dify_node *node)
{
    struct progress_row *outer = progress_rows_container(rows, node->iteration_id);
    struct progress_row *inner = progress_rows_container(rows, node->loop_id);
    if (outer == NULL || inner == NULL || outer == inner)
        return inner != NULL ? inner : outer;
    if (outer->sequence > inner->sequence) {
        struct progress_row *other = outer;
        outer = inner;
        inner = other;
    }
    if (inner->parent == NULL && inner->children == 0 && outer->depth < PROGRESS_DEPTH) {
        unlink_row(rows, inner);
        link_row(rows, inner, outer);
    }
    return inner;
}

struct progress_row *progress_rows_add(struct progress_rows *rows, const struct dify_node *node,
                                       uint64_t now_ms)
{
    struct progress_row *row = NULL;
    if (rows->count < PROGRESS_ROWS)
        row = dify__calloc(rows->allocator, sizeof *row);
    if (row == NULL)
        return NULL;
    progress_row_describe(row, node);
    row->id = hash_of(node->id);
    row->node_id = hash_of(node->node_id);
    row->sequence = ++rows->sequence;
    row->started_ms = now_ms;
    row->state = PROGRESS_RUNNING;
    link_row(rows, row, parent_of(rows, node));
    if (row->parent != NULL && !row->is_container && !row->parent->is_parallel)
        row->round = row->parent->round;
    rows->count++;
    rows->running++;
    return row;
}

/* Rounds overlap where one begins before the one before it had a node. */
void progress_row_next_round(struct progress_row *row, uint64_t round)
{
    if (row->round != 0 && row->members == row->members_before_round)
        row->is_parallel = true;
    row->members_before_round = row->members;
    if (round > row->round)
        row->round = round;
}

struct progress_row *progress_rows_find(const struct progress_rows *rows,
                                        const struct dify_node *node)
{
    uint64_t id = hash_of(node->id);
    uint64_t node_id = hash_of(node->node_id);
    struct progress_row *found = NULL;
    for (struct progress_row *row = rows->first; row != NULL; row = row->after) {
        if (row->state != PROGRESS_RUNNING || row->is_container != node->is_container)
            continue;
        if (id != 0 && row->id == id)
            return row;
        /* a container has no execution id in live events and one in a snapshot */
        if ((id == 0 || row->id == 0) && row->node_id == node_id &&
            (found == NULL || row->sequence > found->sequence))
            found = row;
    }
    return found;
}

void progress_rows_finish(struct progress_rows *rows, struct progress_row *row,
                          enum progress_state state)
{
    row->state = state;
    rows->running--;
}

static void free_row(struct progress_rows *rows, struct progress_row *row)
{
    if (row->state == PROGRESS_RUNNING)
        rows->running--;
    rows->count--;
    dify__free(rows->allocator, row);
}

void progress_rows_remove(struct progress_rows *rows, struct progress_row *row)
{
    const struct progress_row *beyond = progress_row_beyond(row);
    struct progress_row *last = beyond != NULL ? beyond->before : rows->last;
    bool is_done = false;
    while (!is_done) { /* from the end: a row goes before the one it is below */
        struct progress_row *before = last->before;
        is_done = last == row;
        unlink_row(rows, last);
        free_row(rows, last);
        last = before;
    }
}

void progress_rows_trim(struct progress_rows *rows, struct progress_row *row)
{
    struct progress_row *top = row;
    while (top->parent != NULL)
        top = top->parent;
    struct progress_row *beyond = progress_row_beyond(top);
    struct progress_row *oldest = NULL, *oldest_good = NULL;
    size_t kept = 0;
    for (struct progress_row *at = top->after; at != beyond; at = at->after) {
        if (at->state == PROGRESS_RUNNING)
            continue;
        kept++;
        if (at->children != 0)
            continue;
        if (oldest == NULL)
            oldest = at;
        if (oldest_good == NULL && at->state == PROGRESS_SUCCEEDED)
            oldest_good = at;
    }
    if (kept <= PROGRESS_KEPT || oldest == NULL)
        return;
    if (oldest_good != NULL)
        oldest = oldest_good;
    oldest->parent->dropped += 1 + oldest->dropped;
    progress_rows_remove(rows, oldest);
}

void progress_rows_fini(struct progress_rows *rows)
{
    while (rows->first != NULL)
        progress_rows_remove(rows, rows->first);
}
